"""Multilayer perceptrons for scikit-learn users: every activation, exact gradients."""

from sk_mlp import (
    activations,
    callbacks,
    initializers,
    losses,
    optimizers,
    schedules,
)
from sk_mlp._classifier import MLPClassifier
from sk_mlp._regressor import MLPRegressor
from sk_mlp._version import __version__

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "__version__",
    "activations",
    "callbacks",
    "initializers",
    "losses",
    "optimizers",
    "schedules",
]
