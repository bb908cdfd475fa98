"""
Vanishing gradients: sigmoid against ReLU in ten layers
=======================================================

Backpropagation takes the gradient from the output to the first layer. Every layer on
the way multiplies it by its weights and by the slope of its activation. The slope of
the ``logistic`` function (sigmoid) is never more than 1/4, so that after ten layers
next to nothing is left. The slope of ``relu`` is 1 for every unit that is on.

This example follows the gradient through the layers, and then through training.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_mlp import MLPClassifier
from sk_mlp.activations import Logistic, ReLU
from sk_mlp.inspection import GradientFlowDisplay, diagnose

z = np.linspace(-6.0, 6.0, 1201)
for activation in (Logistic(), ReLU()):
    largest = activation.derivative(z).max()
    product = f"a product of ten {largest**10:.0e}"
    print(f"{activation!r:<12}largest slope {largest:.2f}, {product}")

# %%
# After the first epoch
# ---------------------
#
# Two networks learn the digits. They have the same sizes and solver, and both start
# from weights that suit their activation (``init="auto"``).
#
# In the picture, follow the gradient from the output on the right to the first layer on
# the left. The line of ``relu`` stays level. That of ``logistic`` is straight on a
# logarithmic scale: every layer takes the same factor from it, and in the first layers
# next to nothing arrives. (dL/dz is with respect to the inputs of the units, dL/dW with
# respect to the weights.)

X, y = load_digits(return_X_y=True)
X, classes = X / 16.0, np.unique(y)

models = {
    "logistic": MLPClassifier((32,) * 10, "logistic", random_state=0),
    "relu": MLPClassifier((32,) * 10, "relu", random_state=0),
}
figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
for name, model in models.items():
    model.partial_fit(X, y, classes=classes)  # one epoch
    flow = GradientFlowDisplay.from_estimator(model, X, y, name=name, ax=ax)
    first, output = flow.signals[0], flow.signals[-1]
    factor = (first / output) ** (1 / 10)
    print(
        f"{name:<9} first layer {first:.1e}, output {output:.1e}: {factor:.2f} a layer"
    )
ax.set_title("Gradient by layer, after one epoch")
plt.show()

# %%
# Through training
# ----------------
#
# Time does not heal it. After some more epochs the table of ``diagnose`` gives the
# gradient of each layer again. In the picture a line is a layer, the darkest one the
# first. In the network with ``logistic`` they stay where they are, or sink. With
# ``relu`` the layers stay together. Their gradients are large while there is much to
# learn, and fall when the digits are known.

EPOCHS = (1, 2, 4, 7, 11, 16, 23, 33, 45, 60)


def follow(model):
    """Train to the last of EPOCHS; return the gradients by epoch and layer."""
    gradients = []
    for epoch in EPOCHS:
        while len(model.loss_curve_) < epoch:
            model.partial_fit(X, y)
        gradients.append([layer["gradient"] for layer in diagnose(model, X, y).layers])
    return np.array(gradients)


followed = {name: follow(model) for name, model in models.items()}

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.9, 11))
for ax, (name, gradients) in zip(axes, followed.items(), strict=True):
    for layer, colour in enumerate(colours):
        ax.plot(EPOCHS, gradients[:, layer], "o-", ms=3, color=colour)
    ax.set(yscale="log", xlabel="epoch", title=name)
axes[0].set_ylabel("size of the gradient")
names = [f"hidden {k}" for k in range(1, 11)] + ["output"]
figure.legend(axes[0].lines[::-1], names[::-1], loc="outside right upper")
plt.show()

# %%
# What becomes of the networks
# ----------------------------
#
# Guessing among ten classes has a loss of log(10) = 2.30. This is where ``logistic``
# stays. It need not: ``normalization="batch"`` keeps the inputs of every unit where the
# curve is steep, and rescales what comes back. But an activation that lets the gradient
# through, like ``tanh`` or ``relu``, is the simpler cure.

cures = {
    "tanh": MLPClassifier((32,) * 10, "tanh", random_state=0),
    "logistic, batch-normalised": MLPClassifier(
        (32,) * 10, "logistic", normalization="batch", random_state=0
    ),
}
for model in cures.values():
    for _ in range(EPOCHS[-1]):
        model.partial_fit(X, y, classes=classes)

print(f"after {EPOCHS[-1]} epochs {'loss':>21}{'training rows right':>22}")
print("-" * 59)
for name, model in (models | cures).items():
    print(f"{name:<28}{model.loss_:>9.3f}{model.score(X, y):>22.1%}")
