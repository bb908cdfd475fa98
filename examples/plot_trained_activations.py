"""
Activations that are trained
============================

Some activations have parameters that bend their curve: the slope of PReLU for negative
inputs, the ``beta`` of Swish, the distance between the steps of MSAF. With
``trainable=True`` each unit learns its own, together with the weights. What do they
learn, and does it help?
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.activations import MSAF, LeakyReLU, SiLU
from sk_mlp.inspection import ActivationDisplay

ACTIVATIONS = {
    "PReLU": (LeakyReLU(0.25), "negative_slope"),
    "Swish": (SiLU(), "beta"),
    "MSAF": (MSAF(), "offsets"),
}

# %%
# A task with a fold, a wave and a step
# -------------------------------------
#
# Two layers of eight units are few for it, so the shape of each counts. Every
# activation is fitted twice, fixed at the value where the trained one starts, and
# trained, from five random starts each.

rng = np.random.RandomState(0)
X = rng.uniform(-1.0, 1.0, (2500, 2))
y = np.sin(6.0 * X[:, 0]) + np.abs(2.0 * X[:, 1]) + (X.sum(axis=1) > 0)
y -= y.mean()
X /= X.std(axis=0)
X_train, X_test, y_train, y_test = X[:500], X[500:], y[:500], y[500:]

N_STARTS = 5


def train(activation, seed):
    model = MLPRegressor(
        (8, 8),
        activation,
        alpha=1e-3,
        learning_rate_init=0.03,
        max_iter=300,
        n_iter_no_change=300,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # All run for the same number of epochs, so that they compare.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X_train, y_train)


fixed, trained = {}, {}
for name, (activation, _) in ACTIVATIONS.items():
    bending = clone(activation).set_params(trainable=True)
    fixed[name] = [train(activation, seed) for seed in range(N_STARTS)]
    trained[name] = [train(bending, seed) for seed in range(N_STARTS)]

# %%
# Does it help?
# -------------
#
# R² on 2,000 rows that were not seen in training: the mean of five starts, and how many
# of them are better with the trained shape.


def scores(models):
    return np.array([model.score(X_test, y_test) for model in models])


print(f"{'':<8}{'fixed':>8}{'trained':>10}{'better':>9}")
print("-" * 35)
for name in ACTIVATIONS:
    before, after = scores(fixed[name]), scores(trained[name])
    better = f"{np.sum(after > before)} of {N_STARTS}"
    print(f"{name:<8}{before.mean():>8.3f}{after.mean():>10.3f}{better:>9}")

# %%
# What they learn
# ---------------
#
# The shapes are found in ``activation_params_``, a dict for each hidden layer.

learned = {
    name: [
        np.ravel(
            [model.activation_params_[layer][parameter] for model in trained[name]]
        )
        for layer in (0, 1)
    ]
    for name, (_, parameter) in ACTIVATIONS.items()
}
print(f"{'':<31}{'start':>7}{'least':>9}{'median':>9}{'largest':>9}")
print("-" * 65)
for name, (activation, parameter) in ACTIVATIONS.items():
    (start,) = activation.shape_values()
    for layer, values in enumerate(learned[name], start=1):
        row = f"{name} {parameter}, hidden {layer}"
        numbers = f"{values.min():>9.2f}{np.median(values):>9.2f}{values.max():>9.2f}"
        print(f"{row:<31}{start:>7.2f}{numbers}")

# %%
# In the picture, the curves of one network are on the left: a thin line for each unit,
# a thick one for their mean. On the right are the learned numbers of all five, and the
# vertical line is where they started.
#
# Look at PReLU first: some slopes are negative, so that the unit turns around at zero,
# as a task with a fold asks for. MSAF changes most in the first layer, which sees the
# wave and the step: some units move their steps apart, others together. The curves of
# Swish hardly differ. Its ``beta`` is no more than a scale, for ``f(z; beta)`` equals
# ``f(beta z; 1) / beta``, which the weights before and behind the unit could do too.

COLOURS = ("#0072B2", "#D55E00")
figure = plt.figure(figsize=(9, 7), layout="constrained")
axes = figure.subplots(3, 3, width_ratios=[1, 1, 1.4])
for row, (name, (activation, parameter)) in zip(axes, ACTIVATIONS.items(), strict=True):
    ActivationDisplay.from_estimator(
        trained[name][0], kind="value", z_range=(-8.0, 4.0), ax=row[:2]
    )
    for layer, ax in enumerate(row[:2], start=1):
        ax.set(title=f"{name}, hidden {layer}", xticks=[-8, -4, 0, 4])
    rng = np.random.RandomState(0)
    for layer, colour in zip((1, 2), COLOURS, strict=True):
        values = learned[name][layer - 1]
        height = layer + rng.uniform(-0.25, 0.25, len(values))
        row[2].plot(values, height, "o", ms=4, alpha=0.7, mew=0, color=colour)
    row[2].axvline(*activation.shape_values(), color="black", lw=1)
    row[2].set(ylim=(2.5, 0.5), yticks=[1, 2], yticklabels=["hidden 1", "hidden 2"])
    row[2].set(xlabel=parameter, title=f"{name}: learned by {N_STARTS} networks")
plt.show()

# %%
# Where it does not matter
# ------------------------
#
# On the digits two layers of 32 units are more than enough, and their shapes hardly
# move: there is nothing to gain by bending them.

images, digit = load_digits(return_X_y=True)
D_train, D_test, d_train, d_test = train_test_split(
    images / 16.0, digit, test_size=0.5, random_state=0
)
for activation in (LeakyReLU(0.25), LeakyReLU(0.25, trainable=True)):
    model = MLPClassifier(
        (32, 32), activation, learning_rate_init=0.01, random_state=0
    ).fit(D_train, d_train)
    kind = "trained" if activation.trainable else "fixed"
    print(f"{kind:<8} {model.score(D_test, d_test):.1%} of the test digits right")

slopes = np.concatenate([p["negative_slope"] for p in model.activation_params_])
print(f"slopes from {slopes.min():.2f} to {slopes.max():.2f}, started at 0.25")
