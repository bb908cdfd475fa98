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
from sk_mlp._search_space import HiddenLayerSizes, search_space
from sk_mlp._version import __version__
from sk_mlp._warnings import InconsistentVersionWarning

__all__ = [
    "HiddenLayerSizes",
    "InconsistentVersionWarning",
    "MLPClassifier",
    "MLPRegressor",
    "__version__",
    "activations",
    "callbacks",
    "initializers",
    "inspection",
    "losses",
    "onnx",
    "optimizers",
    "schedules",
    "search_space",
]

_LAZY = ("inspection", "onnx")  # loaded by those who use them


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"sk_mlp.{name}")
    raise AttributeError(f"module 'sk_mlp' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY})
