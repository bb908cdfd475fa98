"""Multilayer perceptrons for scikit-learn users: every activation, exact gradients."""

import importlib

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
    "inspection",
    "losses",
    "optimizers",
    "schedules",
]


def __getattr__(name):
    if name == "inspection":  # loaded by those who use it
        return importlib.import_module("sk_mlp.inspection")
    raise AttributeError(f"module 'sk_mlp' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), "inspection"})
