"""
A deep linear network is one layer
==================================

Without an activation, or with ``identity``, a hidden layer is a matrix product and a
sum: ``a W + b``. A linear map of a linear map is a linear map again. So a network of
any depth computes what a single layer computes, and can never bend a boundary. That is
why hidden layers need an activation that is not linear.

This example trains a deep linear network, multiplies its matrices into one, and
compares.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from sk_mlp import MLPClassifier

X, y = make_moons(300, noise=0.15, random_state=0)
X -= X.mean(axis=0)

# %%
# Two networks of five layers
# ---------------------------
#
# They have the same sizes, solver and random start. Only the activation of the four
# hidden layers differs.

settings = {
    "hidden_layer_sizes": (16, 16, 16, 16),
    "alpha": 0.3,
    "solver": "lbfgs",
    "max_iter": 1000,
    "random_state": 0,
}
linear = MLPClassifier(activation="identity", **settings).fit(X, y)
bent = MLPClassifier(activation="tanh", **settings).fit(X, y)

for name, model in (("identity", linear), ("tanh", bent)):
    n_numbers = sum(part.size for part in model.coefs_ + model.intercepts_)
    print(
        f"{name:<9} {n_numbers} weights and biases, "
        f"{model.score(X, y):.0%} of the training rows right"
    )

# %%
# Five layers into one
# --------------------
#
# The first layer gives ``X W1 + b1``, and the second ``(X W1 + b1) W2 + b2``, which is
# ``X (W1 W2) + (b1 W2 + b2)``: one layer, with the weights ``W1 W2`` and the bias
# ``b1 W2 + b2``. The loop goes on like this up to the output.

weights, bias = np.eye(X.shape[1]), np.zeros(X.shape[1])
for W, b in zip(linear.coefs_, linear.intercepts_, strict=True):
    weights, bias = weights @ W, bias @ W + b

print("weights", weights.ravel(), "bias", bias)

# %%
# Two weights and a bias are left of the whole network. They give the same outputs, up
# to the rounding of the last digits.

deep = linear.decision_function(X)
flat = (X @ weights + bias).ravel()
difference = np.abs(deep - flat).max()
print(f"outputs from {deep.min():.2f} to {deep.max():.2f}")
print(f"largest difference between five layers and one: {difference:.1e}")
assert difference < 1e-12

# %%
# The same map for every input
# ----------------------------
#
# Look for the difference between the first two panels: there is none. The boundary of
# the deep network on the left is the straight line of the single layer in the middle.
# With ``tanh`` the same number of weights follows the moons.

side_x, side_y = np.linspace(-2.2, 2.2, 201), np.linspace(-1.5, 1.5, 201)
grid = np.stack(np.meshgrid(side_x, side_y), axis=-1).reshape(-1, 2)
panels = {
    "Five layers, identity": linear.decision_function(grid),
    "One layer made of them": grid @ weights + bias,
    "Five layers, tanh": bent.decision_function(grid),
}

BLUE, ORANGE, INK = "#0072B2", "#D55E00", "#1F2933"
figure, axes = plt.subplots(
    1, 3, figsize=(9, 3.7), sharex=True, sharey=True, layout="constrained"
)
for ax, (title, logits) in zip(axes, panels.items(), strict=True):
    logits = logits.reshape(len(side_y), len(side_x))
    halves = {"levels": [-np.inf, 0.0, np.inf], "colors": ["#CFE3F0", "#F7DCCB"]}
    ax.contourf(side_x, side_y, logits, **halves)
    ax.contour(side_x, side_y, logits, levels=[0.0], colors=INK, linewidths=1.5)
    for k, colour, marker in ((0, BLUE, "o"), (1, ORANGE, "^")):
        ax.scatter(
            *X[y == k].T,
            color=colour,
            marker=marker,
            s=16,
            edgecolor="white",
            linewidth=0.4,
            label=f"class {k}",
        )
    ax.set(title=title, xlabel="feature 1")
axes[0].set(ylabel="feature 2", xlim=(-2.2, 2.2), ylim=(-1.5, 1.5))
handles, labels = axes[0].get_legend_handles_labels()
handles += axes[0].plot([], color=INK, lw=1.5)
labels += ["boundary: both equally likely"]
figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
plt.show()
