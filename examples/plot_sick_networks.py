"""
Sick networks and their cures
=============================

Eight networks that do not learn as they should, each for a reason of its own.
:func:`~sk_mlp.inspection.diagnose` looks at every one, names the fault, and its first
remedy is applied. The pictures show the loss of the sick network and of the cured one.

The data are moons: two interleaved half circles, 400 points, which a healthy network
tells apart almost perfectly.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from sk_mlp import MLPClassifier
from sk_mlp.initializers import VarianceScaling
from sk_mlp.inspection import diagnose

X, y = make_moons(400, noise=0.15, random_state=0)
X = scale(X)
DEEP = (20,) * 10

# Each is one change away from a healthy network of a hidden layer of 50 ReLUs.
SICK = {
    "Steps too large": {"solver": "sgd", "learning_rate_init": 10.0},
    "Steps too small": {"learning_rate_init": 1e-6},
    "Stopped too soon": {"max_iter": 4},
    "No bend": {"activation": "identity"},
    "Deep and flat": {"hidden_layer_sizes": DEEP, "activation": "logistic"},
    "Exploding": {"hidden_layer_sizes": DEEP, "init": VarianceScaling(20.0)},
    "Saturated": {"activation": "tanh", "init": VarianceScaling(1000.0)},
    "Held back": {"alpha": 1000.0},
}


def train(rows, **params):
    """Return the fitted network; that one stops too soon is what it is about."""
    healthy = {"hidden_layer_sizes": (50,), "learning_rate_init": 0.01}
    params = {**healthy, "max_iter": 200, "random_state": 0, **params}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier(**params).fit(rows, y)


# %%
# What the diagnosis says
# -----------------------
#
# One of them in full: the table shows the size of the gradient fall by a factor of
# about six from layer to layer, on its way from the output to the input.

diagnosis = diagnose(train(X, **SICK["Deep and flat"]), X, y)
print(diagnosis)

# %%
# All eight, with the finding that names the fault, the first remedy, and the accuracy
# before and after it.

sick = {name: train(X, **params) for name, params in SICK.items()}
cured = {}
for name, network in sick.items():
    finding = diagnose(network, X, y).findings[0]
    remedy = finding.remedies[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        cured[name] = remedy.apply(network).fit(X, y)
    print(f"{name}: {finding.title}")
    print(f"    {remedy.text}")
    print(f"    {remedy.code}")
    print(f"    accuracy {network.score(X, y):.2f} -> {cured[name].score(X, y):.2f}")

# %%
# Before and after
# ----------------
#
# The loss of a constant prediction is log 2, about 0.69 (dotted). A network that stays
# there has learned nothing; one above it is worse than nothing. Under each name: the
# accuracy before and after.

fig, axes = plt.subplots(2, 4, figsize=(10, 5.5), sharex=True, sharey=True)
for ax, name in zip(axes.flat, SICK, strict=True):
    ax.axhline(np.log(2), color="0.6", linestyle=":", zorder=0)
    for network, color, label in (
        (sick[name], "C1", "sick"),
        (cured[name], "C0", "cured"),
    ):
        ax.plot(network.history_["epoch"], network.loss_curve_, color, label=label)
        ax.plot(network.n_iter_, network.loss_curve_[-1], "o", color=color, ms=4)
    scores = [network.score(X, y) for network in (sick[name], cured[name])]
    ax.set_title("{}\n{:.2f} → {:.2f}".format(name, *scores), fontsize="medium")
    ax.set(xscale="log", yscale="log", ylim=(5e-3, 1e4))
for ax in axes[-1]:
    ax.set_xlabel("epoch")
for ax in axes[:, 0]:
    ax.set_ylabel("training loss")
axes[0, 0].legend()
fig.tight_layout()
plt.show()
