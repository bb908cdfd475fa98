"""
Output activations for classes: logistic and softmax
====================================================

The last activation of a network says what it may predict, the loss what it is after.
Together they should say what is known about the target: a probability lies between 0
and 1, and the probabilities of exclusive classes sum to one.

Two tasks, each with the pair of output activation and loss that knows this and with one
that does not, scored on rows held out of training.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from scipy.special import expit
from sklearn.datasets import make_blobs
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import train_test_split

from sk_mlp import MLPClassifier, MLPRegressor

# Everything but the end of the network is the same in all comparisons.
settings = {
    "hidden_layer_sizes": (8,),
    "activation": "tanh",
    "alpha": 0.3,
    "solver": "lbfgs",
    "max_iter": 5000,
    "random_state": 0,
}
GOOD, BAD, MORE, INK, PALE = "#0072B2", "#D55E00", "#5B3A9E", "#1F2933", "#8A96A3"


# %%
# Two classes
# -----------
#
# ``logistic`` keeps the output between 0 and 1, and the log loss asks for the
# probability that makes the data most likely. A regressor with squared errors is after
# the same curve but leaves the interval, so what it returns is no probability. (For its
# log loss what is impossible is cut off.)

rng = np.random.RandomState(0)


def true_probability(x):
    return expit(1.0 + 6.0 * np.sin(1.2 * x))


x = rng.uniform(-4.0, 4.0, 2300)
y = rng.binomial(1, true_probability(x))
X_train, X_test, y_train, y_test = train_test_split(
    x[:, np.newaxis], y, train_size=300, random_state=0
)

logistic = MLPClassifier(loss="log_loss", **settings).fit(X_train, y_train)
brier = MLPClassifier(loss="squared_error", **settings).fit(X_train, y_train)
identity = MLPRegressor(loss="squared_error", **settings).fit(X_train, y_train)

print(f"{'two classes':<26}{'log loss':>10}{'Brier score':>13}{'outside [0, 1]':>16}")
print("-" * 65)
for name, p in {
    "logistic + log_loss": logistic.predict_proba(X_test)[:, 1],
    "logistic + squared_error": brier.predict_proba(X_test)[:, 1],
    "identity + squared_error": identity.predict(X_test),
}.items():
    possible = np.clip(p, 0.0, 1.0)
    scores = log_loss(y_test, possible), brier_score_loss(y_test, possible)
    outside = f"{np.mean(possible != p):.0%} of rows"
    print(f"{name:<26}{scores[0]:>10.3f}{scores[1]:>13.4f}{outside:>16}")

# %%
# In the picture, look at the shaded bands: no probability lies there, but the curve of
# the identity does. Look also at the slopes: logistic with the log loss follows the
# steep parts of the truth, which the identity with squared errors smooths over.

grid = np.linspace(-4.0, 4.0, 401)
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.axhspan(1.0, 1.2, color=BAD, alpha=0.12, lw=0)
ax.axhspan(-0.2, 0.0, color=BAD, alpha=0.12, lw=0)
ax.plot(X_train[:, 0], y_train, "|", color=PALE, ms=7, mew=0.6, label="training rows")
ax.plot(grid, true_probability(grid), color=PALE, lw=5, alpha=0.5, label="truth")
p = identity.predict(grid[:, np.newaxis])
ax.plot(grid, p, color=BAD, ls="--", label="identity + squared_error")
p = logistic.predict_proba(grid[:, np.newaxis])[:, 1]
ax.plot(grid, p, color=GOOD, lw=2, label="logistic + log_loss")
ax.set(xlim=(-4, 4), ylim=(-0.2, 1.2), yticks=[0, 0.25, 0.5, 0.75, 1])
ax.set(xlabel="feature", ylabel="probability of class 1")
ax.set_title("Two classes: the identity leaves the interval [0, 1]")
figure.legend(loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %%
# One of several classes
# ----------------------
#
# ``softmax`` gives one distribution over the classes: probabilities that sum to one
# everywhere. With ``logistic`` each class is asked on its own, one against the rest.
# The answers need not agree: between the classes all may say no, or two may say yes,
# and ``predict_proba`` has to divide them by their sum.

centres = [(1.9, 1.1), (-2.1, 1.0), (0.1, -2.2)]
points, classes = make_blobs(2300, centers=centres, cluster_std=0.8, random_state=0)
P_train, P_test, c_train, c_test = train_test_split(
    points, classes, train_size=300, random_state=0
)

one = MLPClassifier(output_activation="softmax", **settings).fit(P_train, c_train)
each = MLPClassifier(output_activation="logistic", **settings).fit(P_train, c_train)


def sum_of_outputs(points):
    return expit(each.decision_function(points)).sum(axis=1)


print(f"{'three classes':<26}{'log loss':>10}{'accuracy':>10}{'outputs sum to':>18}")
print("-" * 64)
for name, model, sums in (
    ("softmax + log_loss", one, one.predict_proba(P_test).sum(axis=1)),
    ("logistic + log_loss", each, sum_of_outputs(P_test)),
):
    loss = log_loss(c_test, model.predict_proba(P_test))
    span = f"{sums.min():.2f} to {sums.max():.2f}"
    print(f"{name:<26}{loss:>10.3f}{model.score(P_test, c_test):>10.1%}{span:>18}")

# %%
# Where the data are, the scores hardly differ. What softmax adds is an answer that
# makes sense everywhere. The picture is of the three logistic outputs. Where it is
# white they sum to one, as those of softmax always do. Look for the orange patch
# between the classes, where all three say no, and for the purple ones far from the
# data, where two say yes.

side = np.linspace(-4.5, 4.5, 181)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
total = sum_of_outputs(grid)

figure, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
image = ax.imshow(
    total.reshape(len(side), len(side)),
    cmap=LinearSegmentedColormap.from_list("", [BAD, "white", MORE]),
    vmin=0.4,
    vmax=1.6,
    origin="lower",
    extent=(side[0], side[-1], side[0], side[-1]),
    aspect="auto",
)
for k, marker in enumerate("o^s"):
    style = {"s": 18, "marker": marker, "color": PALE, "edgecolor": "white", "lw": 0.5}
    ax.scatter(*P_train[c_train == k].T, label=f"class {k}", **style)
note = {"color": INK, "va": "center", "arrowprops": {"arrowstyle": "-", "lw": 0.7}}
ax.annotate("all say no", grid[total.argmin()], (2.3, -1.7), **note)
inside = np.abs(grid).max(axis=1) < 4.0  # so that the line does not end on the frame
ax.annotate("two say yes", grid[(total * inside).argmax()], (1.6, 3.9), **note)
figure.colorbar(image, ax=ax, label="sum of the three logistic outputs", pad=0.02)
ax.set(xlabel="feature 1", ylabel="feature 2")
ax.set_title("Three classes: separate answers need not agree")
figure.legend(loc="outside lower center", ncols=3, frameon=False)
plt.show()

# %%
# Rule of thumb
# -------------
#
# ========================================  ===========  =================
# target                                    output       loss
# ========================================  ===========  =================
# one of two classes                        logistic     log_loss
# one of several classes                    softmax      log_loss
# any number of labels                      logistic     log_loss
# any number                                identity     squared_error
# a count or a frequency                    exp          poisson
# a positive, skewed amount or duration     exp          gamma
# ========================================  ===========  =================
#
# ``output_activation="auto"``, the default, is the one of this table for each loss and
# target. ``plot_multilabel_outputs.py`` shows the third row and
# ``plot_positive_and_quantile_regression.py`` the last two.
