"""Estimators' state as plain data: what a saved model is made of.

Numbers, strings, arrays, lists and dicts load anywhere. Objects would tie a saved model
to the modules that their classes live in today, and each class would be one more name
that the user of a safe loader, like skops, has to look into and to trust.
"""

import numpy as np

from sk_mlp import activations, initializers, losses, optimizers, schedules
from sk_mlp._component import Component
from sk_mlp._random import generator_at

_COMPONENT, _GENERATOR = "sk_mlp component", "numpy generator"
_KINDS = {
    "activation": activations,
    "initializer": initializers,
    "loss": losses,
    "optimizer": optimizers,
    "schedule": schedules,
}
_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def to_plain(value):
    """Return `value` with the package's own objects in it as dicts.

    These are components and random generators, also inside lists, tuples and dicts.
    Objects of the user's own classes stay what they are.

    Examples
    --------
    >>> from sk_mlp._plain import from_plain, to_plain
    >>> from sk_mlp.activations import LeakyReLU
    >>> plain = to_plain([LeakyReLU(0.1), "tanh"])
    >>> plain[0]["name"], plain[0]["parameters"]["negative_slope"]
    ('leaky_relu', 0.1)
    >>> from_plain(plain)
    [LeakyReLU(negative_slope=0.1), 'tanh']
    """
    if type(value) in (list, tuple):
        return type(value)(map(to_plain, value))
    if type(value) is dict:
        return {key: to_plain(part) for key, part in value.items()}
    if isinstance(value, Component):
        return _component_to_plain(value)
    if isinstance(value, np.random.RandomState):
        return _generator_to_plain(value, value.get_state(legacy=False))
    if isinstance(value, np.random.Generator):
        return _generator_to_plain(value, value.bit_generator.state)
    return value


def from_plain(value):
    """Return what :func:`to_plain` was given."""
    if type(value) in (list, tuple):
        return type(value)(map(from_plain, value))
    if type(value) is not dict:
        return value
    if _COMPONENT in value:
        component = _KINDS[value[_COMPONENT]].get(value["name"])
        return type(component)(**from_plain(value["parameters"]))
    if _GENERATOR in value:
        return _generator_from_plain(value)
    return {key: from_plain(part) for key, part in value.items()}


def _component_to_plain(component):
    registry = getattr(type(component), "_registry", None)
    name = None if registry is None else registry.name_of_class(type(component))
    # A user's own needs the module of its class, which registers it, too.
    if name is None or type(component).__module__.partition(".")[0] != "sk_mlp":
        return component
    parameters = to_plain(vars(component))
    return {_COMPONENT: registry.kind, "name": name, "parameters": parameters}


def _generator_to_plain(generator, state):
    if state["bit_generator"] not in _BIT_GENERATORS:
        return generator
    return {_GENERATOR: type(generator).__name__, "state": state}


def _generator_from_plain(value):
    state = value["state"]
    if value[_GENERATOR] == "RandomState":
        return generator_at(state)
    bits = getattr(np.random, state["bit_generator"])(0)
    bits.state = state
    return np.random.Generator(bits)
