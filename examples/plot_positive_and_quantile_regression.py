"""
Positive targets and quantiles
==============================

A waiting time is never negative, nor is a number of calls, and large ones scatter more
than small ones. Plain regression, ``identity`` with squared errors, knows nothing of
this. Two choices tell it:

- the **output activation** says what may be predicted: ``exp`` and ``softplus`` are
  positive everywhere;
- the **loss** says what is asked for: the mean of a target whose spread grows with it
  (``gamma``, ``poisson``), or the target's quantiles (``Quantile``).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import (
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
)

from sk_mlp import MLPRegressor
from sk_mlp.losses import Quantile

BLUE, ORANGE, GREEN, PALE = "#0072B2", "#D55E00", "#009E73", "#8A96A3"

# %%
# Amounts and counts
# ------------------
#
# Both have the same mean, in which the effects of four features multiply. The spread of
# the amounts is proportional to the mean (gamma), the variance of the counts equals the
# mean (Poisson). There are 500 rows to train on and 2,000 to test on.

rng = np.random.RandomState(0)
X = rng.normal(size=(2500, 4))
mean = np.exp(0.5 + X @ [0.8, -0.6, 0.4, 0.2] + 0.4 * np.sin(2.0 * X[:, 0]))
targets = {"amounts": rng.gamma(2.0, mean / 2.0), "counts": rng.poisson(mean)}
train, test = slice(500), slice(500, None)

settings = {
    "hidden_layer_sizes": (8,),
    "activation": "tanh",
    "solver": "lbfgs",
    "alpha": 3.0,
    "max_iter": 5000,
    "random_state": 0,
}

# %%
# Three networks for each
# -----------------------
#
# The deviances weigh an error by the size of the mean: one too many is a lot where two
# are expected, and little where there are fifty. They have no value at all for a
# prediction below zero, which is what the identity makes for some rows. The last
# column compares with the true mean, which only a simulation knows.

deviances = {"amounts": mean_gamma_deviance, "counts": mean_poisson_deviance}
predictions = {}
for kind, loss in (("amounts", "gamma"), ("counts", "poisson")):
    y, deviance = targets[kind], deviances[kind]
    print(f"{kind:<26}{'below zero':>12}{'deviance':>12}{'error of the mean':>20}")
    print("-" * 70)
    for output, chosen in (
        ("identity", "squared_error"),
        ("softplus", loss),
        ("exp", loss),  # the default of these two losses
    ):
        model = MLPRegressor(loss=chosen, output_activation=output, **settings)
        p = model.fit(X[train], y[train]).predict(X[test])
        predictions[kind, f"{output} + {chosen}"] = p
        score = f"{deviance(y[test], p):.3f}" if p.min() > 0 else "undefined"
        error = mean_absolute_error(mean[test], p)
        name = f"{output} + {chosen}"
        print(f"{name:<26}{np.mean(p < 0):>12.1%}{score:>12}{error:>20.3f}")
    print()

# %%
# In the picture every dot is a test row, and all would lie on the line if the network
# knew the mean. Look at the shaded band: only the identity gets there. Then compare the
# two right columns: for the large amounts ``softplus``, which grows like the identity,
# falls behind the line, and ``exp`` follows it. For the counts the two are on a par.

figure, axes = plt.subplots(
    2, 3, figsize=(9, 6), sharex=True, sharey=True, layout="constrained"
)
colours = (ORANGE, GREEN, BLUE) * 2
for ax, ((kind, name), p), colour in zip(
    axes.flat, predictions.items(), colours, strict=True
):
    ax.axhspan(-5.0, 0.0, color=ORANGE, alpha=0.12, lw=0)
    ax.plot([0, 12], [0, 12], color="black", lw=1)
    ax.plot(mean[test], p, "o", ms=2.5, mew=0, alpha=0.5, color=colour)
    ax.plot(mean[test][p < 0], p[p < 0], "o", ms=4, color=colour)
    if np.any(p < 0):
        text = f"{np.sum(p < 0)} of {len(p):,} below zero"
        ax.text(11.7, -4.5, text, ha="right", color=colour)
    ax.set(xlim=(0, 12), ylim=(-5, 16))
    ax.set_title(f"{kind}: {name}", fontsize="medium")
for ax in axes[:, 0]:
    ax.set_ylabel("predicted mean")
for ax in axes[1]:
    ax.set_xlabel("true mean")
plt.show()

# %%
# Quantiles
# ---------
#
# A mean does not say how long one may have to wait. ``Quantile((0.1, 0.5, 0.9))`` gives
# a column for each of the three levels, in order, so that the outer two hold 80 % of
# the rows between them. With ``exp`` as output activation the band stays positive.
# Here are the waiting times of callers by the hour of the day, short at night and long
# at noon.

LEVELS = (0.1, 0.5, 0.9)
hour = rng.uniform(0, 24, 6000)
minutes = rng.gamma(2.0, np.exp(1.5 - 1.5 * np.cos(2 * np.pi * hour / 24)) / 2.0)
H = hour[:, np.newaxis] / 12.0 - 1.0
train, test = slice(1000), slice(1000, None)

model = MLPRegressor(
    (16,),
    activation="tanh",
    loss=Quantile(LEVELS),
    output_activation="exp",
    learning_rate_init=0.01,
    max_iter=1000,
    random_state=0,
)
quantiles = model.fit(H[train], minutes[train]).predict(H[test])

print(f"{'level':>6}{'rows below':>13}{'pinball loss':>15}")
print("-" * 34)
for level, q in zip(LEVELS, quantiles.T, strict=True):
    below = np.mean(minutes[test] < q)
    pinball = mean_pinball_loss(minutes[test], q, alpha=level)
    print(f"{level:>6.0%}{below:>13.1%}{pinball:>15.3f}")
inside = (quantiles[:, 0] <= minutes[test]) & (minutes[test] <= quantiles[:, 2])
print(f"between the outer two: {inside.mean():.1%} (asked for: 80%)")

# %%
# Look at the width of the band: it follows the spread, which no band of constant width
# around a mean could do. The median runs below the middle of the band, for the times
# are skewed.

hours = np.linspace(0, 24, 481)
low, median, high = model.predict(hours[:, np.newaxis] / 12.0 - 1.0).T
figure, ax = plt.subplots(figsize=(8, 4.4), layout="constrained")
ax.plot(hour[test], minutes[test], ".", ms=2, color=PALE, label="test rows")
ax.fill_between(hours, low, high, color=BLUE, alpha=0.25, label="10 % to 90 %")
ax.plot(hours, median, color=BLUE, lw=2, label="median")
ax.set(xlim=(0, 24), ylim=(0, 60), xticks=range(0, 25, 3))
ax.set(xlabel="hour of the day", ylabel="waiting time (minutes)")
ax.set_title("Three quantiles from one network")
ax.legend(loc="upper left", frameon=False, markerscale=4)
plt.show()
