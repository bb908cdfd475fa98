"""
A rare class: weights, dropout and early stopping
=================================================

Three rows in a hundred belong to the class that one is looking for: a fault, a fraud,
an illness. A classifier that never finds any of them is right 97 times in 100, and a
plain one is content with little more. This example trains a plain ``MLPClassifier`` and
one of the same size with three additions:

- ``class_weight="balanced"``: each class has the same weight, however rare it is;
- ``dropout``: the few rows of the rare class are not learned by heart;
- ``early_stopping`` with a validation set of one's own: the epoch is kept that ranks
  new rows best (``scoring="average_precision"``).

It prints what they bring and what they cost, on rows that neither has seen. Run it with

    python examples/imbalanced.py
"""

import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    recall_score,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier

# Each seed makes a new problem, a new split and new initial weights.
SEEDS = (0, 1, 2, 3, 4)
METRICS = (
    *("accuracy", "balanced accuracy", "recall of the rare class"),
    *("average precision", "rare rows found", "false alarms"),
)


def make_problem(seed):
    """Return (X, y) to train on, to validate on and to test on, features scaled.

    4,000, 2,000 and 4,000 rows of 20 features, 5 of which tell something. 3 % of the
    rows are of class 1, and 1 % have a label drawn at random.
    """
    X, y = make_classification(
        n_samples=10_000,
        n_features=20,
        n_informative=5,
        n_redundant=0,
        weights=[0.975],
        flip_y=0.01,
        random_state=seed,
    )
    options = {"random_state": seed}
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, stratify=y, **options)
    X, X_val, y, y_val = train_test_split(X, y, test_size=1 / 3, stratify=y, **options)
    scaler = StandardScaler().fit(X)
    X, X_val, X_test = (
        scaler.transform(part).astype(np.float32) for part in (X, X_val, X_test)
    )
    return (X, y), (X_val, y_val), (X_test, y_test)


def measure(model, X, y):
    """Return the values of METRICS on rows that the model has not seen."""
    labels, p = model.predict(X), model.predict_proba(X)[:, 1]
    return (
        accuracy_score(y, labels),
        balanced_accuracy_score(y, labels),
        recall_score(y, labels),
        average_precision_score(y, p),
        np.sum((labels == 1) & (y == 1)),
        np.sum((labels == 1) & (y == 0)),
    )


print(f"Training two networks on each of {len(SEEDS)} problems ...")
measured = {"plain": [], "all three": []}
for seed in SEEDS:
    (X, y), (X_val, y_val), (X_test, y_test) = make_problem(seed)
    same = {"hidden_layer_sizes": (64, 32), "max_iter": 1000, "random_state": seed}

    # The plain one needs no validation set, so it may learn from those rows too.
    plain = MLPClassifier(**same)
    plain.fit(np.vstack([X, X_val]), np.concatenate([y, y_val]))
    measured["plain"].append(measure(plain, X_test, y_test))

    model = MLPClassifier(
        **same,
        class_weight="balanced",
        dropout=0.3,
        early_stopping=True,
        scoring="average_precision",
    )
    model.fit(X, y, X_val=X_val, y_val=y_val)
    measured["all three"].append(measure(model, X_test, y_test))

# Arrays with one value for each seed, by metric.
plain, steered = (
    dict(zip(METRICS, np.transpose(rows), strict=True)) for rows in measured.values()
)


def mean_and_std(values, sign=""):
    return f"{values.mean():{sign}.3f} ± {values.std():.3f}"


print(f"\n{'mean ± std':<25}{'plain':>14}{'all three':>16}{'margin':>17}")
print("-" * 72)
for name in METRICS[:4]:
    print(
        f"{name:<25}{mean_and_std(plain[name]):>14}{mean_and_std(steered[name]):>16}"
        f"{mean_and_std(steered[name] - plain[name], '+'):>17}"
    )

margin = steered["balanced accuracy"] - plain["balanced accuracy"]
by_seed = ", ".join(
    f"{value:+.3f} ({seed})" for value, seed in zip(margin, SEEDS, strict=True)
)
print(
    f"\nMargin in balanced accuracy: {mean_and_std(margin, '+')}\n"
    f"  by problem (seed): {by_seed}"
)

print(f"\nOf {len(y_test)} test rows about {y_test.sum()} are rare. On average")
for name, results in [("plain", plain), ("all three", steered)]:
    found, alarms = (results[metric].mean() for metric in METRICS[4:])
    print(f"  {name:<10} finds {found:4.0f} of them, with {alarms:4.0f} false alarms")
print(
    "That is the price, and it is why the accuracy falls. It is worth paying where a\n"
    "missed row costs more than a few false alarms. class_weight={0: 1, 1: 5} finds\n"
    "fewer, with fewer alarms. The average precision sees only the order of the\n"
    "probabilities: class weights move the line for an alarm, they do not sort better."
)

# What the last fit did.
history = model.history_
best = int(np.argmax(history["val_score"]))
print(
    f"\nThe last fit: stop_reason_ is {model.stop_reason_!r} after {model.n_iter_} "
    f"epochs. The model is that of\nepoch {best + 1}, the best on the validation set "
    f"(average precision {model.best_validation_score_:.3f}).\nFrom history_:\n"
)
columns = ("loss", "val_loss", "val_score", "seconds")
print(f"{'epoch':>7}" + "".join(f"{name:>11}" for name in columns))
for k in sorted({*range(0, model.n_iter_, 10), best, model.n_iter_ - 1}):
    values = "".join(f"{history[name][k]:11.3f}" for name in columns)
    print(f"{history['epoch'][k]:>7}{values}{'  <- best' if k == best else ''}")
