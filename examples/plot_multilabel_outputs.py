"""
Several labels at once: independent sigmoids against softmax
============================================================

Softmax answers "which one of these?": its outputs share a total of one. Several labels
may be true together, or none, so each needs a probability of its own: a ``logistic``
(sigmoid) output. That is the default for a multilabel target.

This example asks for four statements about a handwritten digit, of which any number may
be true, and shows what becomes of a network whose outputs compete.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from sk_mlp import MLPClassifier

images, digit = load_digits(return_X_y=True)
labels = {
    "even": digit % 2 == 0,
    "prime": np.isin(digit, [2, 3, 5, 7]),
    "above 4": digit > 4,
    "has a loop": np.isin(digit, [0, 6, 8, 9]),
}
Y = np.column_stack(list(labels.values())).astype(int)
X_train, X_test, Y_train, Y_test, _, digit_test = train_test_split(
    images / 16.0, Y, digit, test_size=0.5, random_state=0
)

# %%
# The same network with two ends
# ------------------------------

settings = {
    "hidden_layer_sizes": (32,),
    "activation": "silu",
    "solver": "lbfgs",
    "alpha": 1.0,
    "max_iter": 5000,
    "random_state": 0,
}
each = MLPClassifier(output_activation="logistic", **settings).fit(X_train, Y_train)
share = MLPClassifier(output_activation="softmax", **settings).fit(X_train, Y_train)

# %%
# The scores
# ----------
#
# A label is predicted where its probability is above one half. One may object that
# half is too much for probabilities that share a total of one. So the last row moves
# the threshold of softmax to where it is best on the training rows. It helps, but it
# cannot mend what the outputs are not able to say.


def share_of_right_labels(proba, Y, threshold):
    return accuracy_score(Y.ravel(), (proba > threshold).ravel())


thresholds = np.linspace(0.05, 0.6, 56)
best = max(
    thresholds,
    key=lambda t: share_of_right_labels(share.predict_proba(X_train), Y_train, t),
)

print(f"{'unseen rows':<26}{'log loss':>10}{'labels right':>14}{'all four':>10}")
print("-" * 60)
for name, model, threshold in (
    ("logistic", each, 0.5),
    ("softmax", share, 0.5),
    (f"softmax, threshold {best:.2f}", share, best),
):
    proba = model.predict_proba(X_test)
    loss = log_loss(Y_test.ravel(), proba.ravel())
    right = share_of_right_labels(proba, Y_test, threshold)
    all_right = np.mean(np.all((proba > threshold) == Y_test, axis=1))
    print(f"{name:<26}{loss:>10.3f}{right:>14.1%}{all_right:>10.1%}")

# %%
# Where the probability goes
# --------------------------
#
# The left panel is one digit, a 6, of which three of the statements are true. Softmax
# divides its total among the three, so that none gets more than one half.
#
# The right panel adds up the four probabilities of every test digit. Their sum is the
# number of labels that the network expects. With logistic outputs it follows the number
# that are true. With softmax it is one, whatever the digit.

LOGISTIC, SOFTMAX, INK = "#0072B2", "#D55E00", "#1F2933"
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")

row = np.flatnonzero(digit_test == 6)[0]
places = np.arange(len(labels))
for shift, model, colour, name in (
    (-0.2, each, LOGISTIC, "logistic"),
    (0.2, share, SOFTMAX, "softmax"),
):
    p = model.predict_proba(X_test[row : row + 1])[0]
    bars = left.bar(places + shift, p, width=0.38, color=colour, label=name)
    left.bar_label(bars, fmt="%.2f", padding=2, color=colour)
assert p.max() < 0.5  # of softmax
left.axhline(0.5, color=INK, lw=1, ls=":")
truth = [
    f"{name}\n({'true' if y else 'false'})"
    for name, y in zip(labels, Y_test[row], strict=True)
]
left.set_xticks(places, truth)
left.set(ylim=(0, 1.15), ylabel="predicted probability", title="One digit")
left.legend(
    loc="upper left", bbox_to_anchor=(0.25, 0.98), handlelength=1, frameon=False
)
picture = left.inset_axes((0.29, 0.48, 0.17, 0.24))
picture.imshow(X_test[row].reshape(8, 8), cmap="Greys")
picture.set(xticks=[], yticks=[])

n_true = Y_test.sum(axis=1)
rng = np.random.RandomState(0)
for model, colour, name in ((each, LOGISTIC, "logistic"), (share, SOFTMAX, "softmax")):
    total = model.predict_proba(X_test).sum(axis=1)
    spread = n_true + rng.uniform(-0.25, 0.25, len(total))
    right.plot(spread, total, "o", ms=3, alpha=0.4, mew=0, color=colour, label=name)
assert np.allclose(total, 1.0)  # of softmax
numbers = np.unique(n_true)
right.plot(
    numbers, numbers, "_", ms=46, mew=1.5, color=INK, label="as many as are true"
)
right.set(
    title="All test digits",
    xlabel="number of true labels",
    ylabel="sum of the four probabilities",
    xticks=numbers,
)
legend = right.legend(loc="upper left", frameon=False, markerscale=2)
legend.legend_handles[-1].set_markersize(20)
for handle in legend.legend_handles:
    handle.set_alpha(1)
plt.show()
