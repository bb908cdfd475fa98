"""
Checkpoint: training that survives a crash
==========================================

Handwritten digits, learned twice: without a break, and by a script that dies, is
stopped for time and is started again, until it has finished what its checkpoint holds.
The two networks are the same to the last bit. Run it with

    python examples/checkpoint.py
"""

import os
import tempfile

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sk_mlp import MLPClassifier
from sk_mlp.callbacks import Checkpoint, TimeLimit

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    (X / 16).astype("float32"), y, test_size=0.25, stratify=y, random_state=0
)


def new_model():
    # Much of this is drawn at random: weights, the rows held out, their order, dropout.
    return MLPClassifier(
        hidden_layer_sizes=(64, 64),
        batch_size=64,
        learning_rate_init=0.003,
        dropout=0.2,
        normalization="batch",
        early_stopping=True,
        random_state=0,
    )


def script(path, *callbacks):
    """Train; started again, go on from the checkpoint."""
    if os.path.exists(path):
        model = Checkpoint.load(path)
        print(f"  goes on after epoch {model.n_iter_}")
        model.set_callbacks(Checkpoint(path), *callbacks).resume(X_train, y_train)
    else:
        model = new_model()
        model.set_callbacks(Checkpoint(path), *callbacks).fit(X_train, y_train)
    return model


class PowerCut:
    """A callback of our own: an object with these four methods."""

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 8:
            raise SystemError("power cut in epoch 9")

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


def show(model):
    accuracy = model.score(X_test, y_test)
    print(f"  {model.n_iter_} epochs, accuracy {accuracy:.4f} ({model.stop_reason_})")


print("Without a break")
unbroken = new_model().fit(X_train, y_train)
show(unbroken)

with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "digits.ckpt")

    print("First run of the script")
    try:
        script(path, PowerCut())
    except SystemError as error:
        print(f"  {error}")

    print("Second run, with a tenth of a second to spend")
    show(script(path, TimeLimit(seconds=0.1)))

    print("Third run")
    model = script(path)
    show(model)

same = (model.predict_proba(X_test) == unbroken.predict_proba(X_test)).all()
same_history = model.history_["val_score"] == unbroken.history_["val_score"]
print(
    f"Every probability is that of the unbroken training, bit for bit: {same}\n"
    f"So is every validation score on the way: {same_history}"
)
