"""Losses: what training minimises, and how it follows the outputs.

``get("huber")`` resolves a name, ``names()`` lists them. A loss is the sum over the
outputs of a row. It is written as a function of the prediction p, with its derivative,
which serves any output activation by the chain rule; and once more as a function of the
raw output z, for the one activation it belongs to (its ``canonical`` one), where the
two together are simpler and stay exact at any z.

Losses get blocks of rows small enough for the cache, so temporaries are cheap. Arrays
may be groups of columns of wider ones and need not be contiguous.

>>> from sk_mlp.losses import get, names
>>> names()[:3]
['absolute_error', 'focal', 'gamma']
>>> get("huber")
Huber()
"""

# ruff: noqa: F403 - each module lists what it has to offer in its own __all__
from sk_mlp._component import Interval
from sk_mlp.losses import _classification, _deviance, _regression
from sk_mlp.losses._base import _REGISTRY as _REGISTRY
from sk_mlp.losses._base import Loss, get, names, register
from sk_mlp.losses._classification import *
from sk_mlp.losses._deviance import *
from sk_mlp.losses._regression import *

__all__ = ["Interval", "Loss", "get", "names", "register"]
__all__ += _classification.__all__
__all__ += _deviance.__all__
__all__ += _regression.__all__
