"""Activation functions: every one a formula with its derivative right below.

``get("mish")`` turns a name into an object, ``names()`` lists the names, and
``register`` gives a name to an activation of your own. The classes lie in a module for
each family: the classic ones, those made of pieces, and smooth relatives of ReLU.

>>> from sk_mlp.activations import get, names
>>> names()[:4]
['celu', 'elu', 'exp', 'gaussian']
>>> get("leaky_relu")([-2.0, 3.0])
array([-0.02,  3.  ])
"""

# ruff: noqa: F403 - each module lists what it has to offer in its own __all__
from sk_mlp._component import Interval
from sk_mlp.activations import _classic, _piecewise, _smooth
from sk_mlp.activations._base import _REGISTRY as _REGISTRY
from sk_mlp.activations._base import Activation, get, names, register
from sk_mlp.activations._classic import *
from sk_mlp.activations._piecewise import *
from sk_mlp.activations._smooth import *
from sk_mlp.activations._table import table

__all__ = ["Activation", "Interval", "get", "names", "register", "table"]
__all__ += _classic.__all__
__all__ += _piecewise.__all__
__all__ += _smooth.__all__
