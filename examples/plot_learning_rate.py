"""
The learning rate: too low, right, too high
===========================================

The learning rate is the length of the steps of training, and the parameter that fails
most often. With a rate that is too low the network learns, but takes for ever. With one
that is too high it jumps over what it looks for. ``LearningRateDisplay`` finds a rate
in the time of a few epochs, and ``LossCurveDisplay`` shows afterwards whether it was
right.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier
from sk_mlp.inspection import LearningRateDisplay, LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def network(**parameters):
    return make_pipeline(
        StandardScaler(),
        MLPClassifier((64, 32), max_iter=40, random_state=0, **parameters),
    )


# %%
# Find it
# -------
#
# A clone of the network is trained on small batches, with a rate that grows from step
# to step. Read the picture from the left: the steps are too small to matter, then the
# loss falls, and in the end it rises again. The dashed line is the suggested rate:
# large enough for the loss to fall, and well below those at which it rises.

display = LearningRateDisplay.from_estimator(network(), X_train, y_train)
display.ax_.set_title("Range test")
plt.show()

right = display.suggestion_
print(f"suggestion: {right:.2g}")

# %%
# Three trainings
# ---------------
#
# The suggested rate, a hundredth of it, and thirty times as much, each for 40 epochs.

rates = {"too low": right / 100, "right": right, "too high": right * 30}
models = {}
for name, rate in rates.items():
    models[name] = network(learning_rate_init=rate, n_iter_no_change=40)
    with warnings.catch_warnings():
        # That 40 epochs are not enough for a rate that is too low is to be shown here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        models[name].fit(X_train, y_train)

print(f"{'':<10}{'rate':>9}{'last loss':>12}{'test rows right':>18}")
print("-" * 49)
for name, model in models.items():
    score = model.score(X_test, y_test)
    print(f"{name:<10}{rates[name]:>9.2g}{model[-1].loss_:>12.4f}{score:>18.1%}")

# %%
# The loss curves
# ---------------
#
# Look at the shape of the lines, not only at the height. Too low: a line that still
# falls when the epochs end. Right: a steep fall, then a bend. Too high: a first loss
# off the scale, then a line that gets nowhere. It stays at 2.3, the loss of guessing
# among ten classes. So where the line still falls, raise the rate or ``max_iter``;
# where it jumps and stays up, lower the rate.

assert abs(models["too high"][-1].loss_ - np.log(10)) < 0.1
figure, axes = plt.subplots(
    1, 3, figsize=(10, 3.8), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    LossCurveDisplay.from_estimator(model, ax=ax)
    ax.set(ylim=(0, 3.8), title=f"{name}: {rates[name]:.2g}")
plt.show()

# sphinx_gallery_thumbnail_number = 2
