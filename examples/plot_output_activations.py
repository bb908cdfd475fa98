"""
Which output activation, which loss?
====================================

The last activation of a network says what it may predict, the loss what it is after.
Together they should say what is known about the target: a probability lies between 0
and 1, the probabilities of exclusive classes sum to one, labels that may occur together
do not share a budget, and nobody makes minus two phone calls. Four tasks, each with the
pair that knows this and with one that does not, scored on rows held out of training.

Needs matplotlib: ``pip install "sk-mlp[plot]"``. Takes a few seconds.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image
from scipy.special import expit
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    mean_poisson_deviance,
)
from sklearn.model_selection import train_test_split

from sk_mlp import MLPClassifier, MLPRegressor

# Everything but the end of the network is the same in all comparisons.
SETTINGS = {"solver": "lbfgs", "max_iter": 5000, "random_state": 0}


def print_table(task, columns, rows):
    """Print the scores on held-out rows."""
    print(f"\n{task:<34}" + "".join(f"{column:>17}" for column in columns))
    print("-" * (34 + 17 * len(columns)))
    for name, *scores in rows:
        print(f"  {name:<32}" + "".join(f"{score:>17}" for score in scores))


# %%
# Two classes
# -----------
#
# ``logistic`` keeps the output between 0 and 1, and the log loss asks for the
# probability that makes the data most likely. A regressor with squared errors is after
# the same curve but leaves the interval, so what it returns is no probability. (Its log
# loss is computed after cutting off what is impossible.)

rng = np.random.RandomState(0)


def true_probability(x):
    return expit(1.0 + 6.0 * np.sin(1.2 * x))


x = rng.uniform(-4.0, 4.0, 2300)
y = rng.binomial(1, true_probability(x))
X = x[:, np.newaxis]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=300, random_state=0
)

network = {"hidden_layer_sizes": (8,), "activation": "tanh", "alpha": 0.3, **SETTINGS}
logistic = MLPClassifier(loss="log_loss", **network).fit(X_train, y_train)
brier = MLPClassifier(loss="squared_error", **network).fit(X_train, y_train)
identity = MLPRegressor(loss="squared_error", **network).fit(X_train, y_train)

rows = []
for name, p in {
    "logistic + log_loss": logistic.predict_proba(X_test)[:, 1],
    "logistic + squared_error": brier.predict_proba(X_test)[:, 1],
    "identity + squared_error": identity.predict(X_test),
}.items():
    possible = np.clip(p, 0.0, 1.0)
    scores = log_loss(y_test, possible), brier_score_loss(y_test, possible)
    impossible = f"{np.mean(possible != p):.0%} of rows"
    rows.append((name, *(f"{score:.4f}" for score in scores), impossible))
print_table("Binary", ["log loss", "Brier score", "outside [0, 1]"], rows)

# %%
# One of several classes
# ----------------------
#
# ``softmax`` gives one distribution over the classes: probabilities that sum to one
# everywhere. With ``logistic`` each class is asked on its own, one against the rest.
# The answers need not agree: between the classes all may say no, or two say yes, and
# `predict_proba` has to divide them by their sum. Where the data are, the scores hardly
# differ; what softmax adds is an answer that makes sense everywhere.

centres = [(1.9, 1.1), (-2.1, 1.0), (0.1, -2.2)]
points, classes = make_blobs(2300, centers=centres, cluster_std=0.8, random_state=0)
P_train, P_test, c_train, c_test = train_test_split(
    points, classes, train_size=300, random_state=0
)

one = MLPClassifier(output_activation="softmax", **network).fit(P_train, c_train)
each = MLPClassifier(output_activation="logistic", **network).fit(P_train, c_train)

rows = []
for name, model, sums in (
    ("softmax + log_loss", one, one.predict_proba(P_test).sum(axis=1)),
    ("logistic + log_loss", each, expit(each.decision_function(P_test)).sum(axis=1)),
):
    proba = model.predict_proba(P_test)
    scores = log_loss(c_test, proba), model.score(P_test, c_test)
    span = f"{sums.min():.2f} to {sums.max():.2f}"
    rows.append((name, *(f"{score:.4f}" for score in scores), span))
print_table("Multiclass", ["log loss", "accuracy", "outputs sum to"], rows)

# %%
# Several labels at once
# ----------------------
#
# Four statements about a handwritten digit, of which any number may be true. With
# ``logistic`` each has a probability of its own. ``softmax`` makes them compete for a
# total of one: three true statements get a third each, and none looks likely.

images, digit = load_digits(return_X_y=True)
labels = {
    "even": digit % 2 == 0,
    "prime": np.isin(digit, [2, 3, 5, 7]),
    "above 4": digit > 4,
    "has a loop": np.isin(digit, [0, 6, 8, 9]),
}
Y = np.column_stack(list(labels.values())).astype(int)
I_train, I_test, Y_train, Y_test, _, digit_test = train_test_split(
    images / 16.0, Y, digit, test_size=0.5, random_state=0
)

network = {"hidden_layer_sizes": (32,), "activation": "silu", "alpha": 1.0, **SETTINGS}
free = MLPClassifier(output_activation="logistic", **network).fit(I_train, Y_train)
rivals = MLPClassifier(output_activation="softmax", **network).fit(I_train, Y_train)

rows = []
for name, model in (("logistic + log_loss", free), ("softmax + log_loss", rivals)):
    proba = model.predict_proba(I_test)
    scores = (
        log_loss(Y_test.ravel(), proba.ravel()),
        accuracy_score(Y_test.ravel(), model.predict(I_test).ravel()),
        model.score(I_test, Y_test),
    )
    rows.append((name, *(f"{score:.4f}" for score in scores)))
print_table("Multilabel", ["log loss", "labels right", "all four right"], rows)

# %%
# Counts
# ------
#
# The mean of a count is positive and effects multiply: ``exp``. Large counts scatter
# more than small ones: the Poisson deviance. With ``identity`` and squared errors the
# large counts get all the attention, and for the small ones negative numbers come out,
# which have no Poisson deviance at all.

F = rng.normal(size=(2500, 4))
mean = np.exp(0.5 + F @ [0.8, -0.6, 0.4, 0.2] + 0.4 * np.sin(2.0 * F[:, 0]))
count = rng.poisson(mean)
F_train, F_test, n_train, n_test, _, mean_test = train_test_split(
    F, count, mean, train_size=500, random_state=0
)

network = {"hidden_layer_sizes": (8,), "activation": "tanh", "alpha": 3.0, **SETTINGS}
poisson = MLPRegressor(loss="poisson", **network).fit(F_train, n_train)
squares = MLPRegressor(loss="squared_error", **network).fit(F_train, n_train)

rows = []
for name, model in (
    ("exp + poisson", poisson),
    ("identity + squared_error", squares),
):
    p = model.predict(F_test)
    deviance = mean_poisson_deviance(n_test, p) if p.min() > 0 else None
    error, negative = mean_absolute_error(n_test, p), f"{np.mean(p < 0):.1%} of rows"
    deviance = f"{deviance:.4f}" if deviance else "undefined"
    rows.append((name, deviance, f"{error:.4f}", negative))
print_table("Counts", ["Poisson deviance", "absolute error", "below 0"], rows)

print("""
Rule of thumb                             output      loss
  one of two classes                      logistic    log_loss
  one of several classes                  softmax     log_loss
  any number of labels                    logistic    log_loss
  any number                              identity    squared_error
  a count or a frequency                  exp         poisson
  a positive, skewed amount or duration   exp         gamma
output_activation="auto" is the one of this table for each loss and target.""")

# %%
# The picture
# -----------

GOOD, BAD, MORE, INK, PALE = "#0072B2", "#D9692B", "#5B3A9E", "#1F2933", "#8A96A3"
plt.rcParams.update({"font.size": 9, "axes.linewidth": 0.6, "axes.edgecolor": PALE})
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})


def name_panel(ax, title, subtitle):
    """Write two lines above a panel."""
    ax.set_title(f"{title}\n", loc="left", fontsize=11, fontweight="bold", color=INK)
    text = {"transform": ax.transAxes, "va": "bottom", "fontsize": 9, "color": INK}
    ax.text(0.0, 1.025, subtitle, **text)
    ax.tick_params(color=PALE, labelcolor=INK, width=0.6, length=3)


def draw_binary(ax):
    grid = np.linspace(-4.0, 4.0, 401)
    G = grid[:, np.newaxis]
    ax.axhspan(1.0, 1.6, color=BAD, alpha=0.12, lw=0)
    ax.axhspan(-0.25, 0.0, color=BAD, alpha=0.12, lw=0)
    ax.plot(X_train[:, 0], y_train, "|", color=PALE, ms=7, mew=0.6, alpha=0.6)
    ax.plot(grid, true_probability(grid), color=PALE, lw=5, alpha=0.5, label="truth")
    ax.plot(grid, identity.predict(G), color=BAD, label="identity + squared_error")
    p = logistic.predict_proba(G)[:, 1]
    ax.plot(grid, p, color=GOOD, lw=2, label="logistic + log_loss")
    ax.set(xlim=(-4, 4), ylim=(-0.25, 1.6), xlabel="feature")
    ax.set(ylabel="probability of class 1", yticks=[0, 0.5, 1])
    ax.legend(loc="upper left", frameon=False)
    name_panel(ax, "Two classes: logistic", "The identity leaves the interval [0, 1].")


def draw_multiclass(ax):
    side = np.linspace(-4.5, 4.5, 181)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    total = expit(each.decision_function(grid.reshape(-1, 2))).sum(axis=1)
    colours = LinearSegmentedColormap.from_list("", [BAD, "white", MORE])
    image = ax.imshow(
        total.reshape(grid.shape[:2]),
        cmap=colours,
        vmin=0.4,
        vmax=1.6,
        origin="lower",
        extent=(side[0], side[-1], side[0], side[-1]),
        aspect="auto",
        interpolation="bilinear",
    )
    for k, marker in enumerate("o^s"):
        chosen = P_train[c_train == k]
        style = {"s": 16, "marker": marker, "edgecolor": "white", "lw": 0.5}
        ax.scatter(*chosen.T, color=PALE, **style)
    note = {"color": INK, "va": "center", "arrowprops": {"arrowstyle": "-", "lw": 0.7}}
    for i, words, place in (
        (total.argmin(), "all say no", (2.0, -1.35)),
        (total.argmax(), "two say yes", (1.2, 4.0)),
    ):
        ax.annotate(words, grid.reshape(-1, 2)[i], place, **note)
    bar = ax.figure.colorbar(image, ax=ax, ticks=[0.4, 0.7, 1, 1.3, 1.6], pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(color=PALE, labelcolor=INK, width=0.6, length=3)
    ax.set(xlabel="feature 1", ylabel="feature 2", xticks=[], yticks=[])
    name_panel(
        ax,
        "One of several classes: softmax",
        "Its outputs sum to 1. Those of separate logistics sum to:",
    )


def draw_multilabel(ax):
    row = np.flatnonzero(digit_test == 6)[0]
    places = np.arange(len(labels))
    for shift, model, colour, name in (
        (-0.2, free, GOOD, "logistic"),
        (0.2, rivals, BAD, "softmax"),
    ):
        p = model.predict_proba(I_test[row : row + 1])[0]
        ax.bar(places + shift, p, width=0.38, color=colour, label=name)
        for place, value in zip(places + shift, p, strict=True):
            text = {"ha": "center", "va": "bottom", "fontsize": 9, "color": colour}
            ax.text(place, value + 0.015, f"{value:.2f}", **text)
    ax.axhline(0.5, color=INK, lw=0.8, ls=":")
    truth = [
        f"{name}\n{'true' if y else 'false'}"
        for name, y in zip(labels, Y_test[row], strict=True)
    ]
    ax.set_xticks(places, truth)
    ax.set(ylim=(0, 1.15), ylabel="predicted probability", yticks=[0, 0.5, 1])
    ax.legend(loc="upper left", bbox_to_anchor=(0.25, 0.98), frameon=False)
    inset = ax.inset_axes((0.29, 0.5, 0.17, 0.22))
    inset.imshow(I_test[row].reshape(8, 8), cmap="Greys")
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set_visible(True)
    name_panel(
        ax, "Several labels: logistic", "Softmax makes true statements share one total."
    )


def draw_counts(ax):
    top = 6.0
    ax.axhspan(-4.0, 0.0, color=BAD, alpha=0.12, lw=0)
    for model, colour, name in (
        (squares, BAD, "identity + squared_error"),
        (poisson, GOOD, "exp + poisson"),
    ):
        p = model.predict(F_test)
        ax.scatter(mean_test, p, s=8, color=colour, alpha=0.5, lw=0, label=name)
        if p.min() < 0:  # what should not be, once more and larger
            ax.scatter(mean_test[p < 0], p[p < 0], s=14, color=colour, lw=0)
            text = f"{np.sum(p < 0)} of {len(p):,} predictions"
            ax.text(0.98 * top, -2.2, text, ha="right", color=colour, fontsize=10)
    ax.plot([0, top], [0, top], color=INK, lw=1, label="truth")
    ax.set(xlim=(0, top), ylim=(-4, 9), yticks=[-3, 0, 3, 6, 9])
    ax.set(xlabel="true mean count", ylabel="predicted count")
    ax.legend(loc="upper left", frameon=False, markerscale=2.5)
    name_panel(ax, "Counts: exp", "The identity predicts less than nothing.")


figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
draw_binary(axes[0, 0])
draw_multiclass(axes[0, 1])
draw_multilabel(axes[1, 0])
draw_counts(axes[1, 1])

path = Path(__file__).parents[1] / "docs" / "images" / "output_activations.png"
path.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(path, dpi=180)
Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)  # small
print(f"\nSaved {path}")
plt.show()
