"""The package's own objects as plain data: what a saved model is made of.

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
    """Return a component, or a list or tuple with components in it, as plain data.

    All else, also objects of the user's own classes, is returned as it is.

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
    if isinstance(value, Component):
        return _component_to_plain(value)
    if type(value) in (list, tuple) and any(isinstance(v, Component) for v in value):
        return type(value)(map(to_plain, value))
    return value


def _component_to_plain(component):
    registry = getattr(type(component), "_registry", None)
    name = None if registry is None else registry.name_of_class(type(component))
    # A user's own needs the module of its class, which registers it, too.
    if name is None or type(component).__module__.partition(".")[0] != "sk_mlp":
        return component
    parameters = {key: to_plain(value) for key, value in vars(component).items()}
    return {_COMPONENT: registry.kind, "name": name, "parameters": parameters}


def generator_to_plain(generator):
    """Return the state of one of NumPy's random generators; other objects as given."""
    if type(generator) is np.random.RandomState:
        state = generator.get_state(legacy=False)
    elif type(generator) is np.random.Generator:
        state = generator.bit_generator.state
    else:
        return generator
    if state["bit_generator"] not in _BIT_GENERATORS:
        return generator
    return {_GENERATOR: type(generator).__name__, "state": state}


def from_plain(value):
    """Return what :func:`to_plain` or :func:`generator_to_plain` was given."""
    if type(value) in (list, tuple) and any(_is_plain_object(v) for v in value):
        return type(value)(map(from_plain, value))
    if not _is_plain_object(value):
        return value
    if _GENERATOR in value:
        return generator_at(value["state"], getattr(np.random, value[_GENERATOR]))
    component = _KINDS[value[_COMPONENT]].get(value["name"])
    parameters = value["parameters"].items()
    vars(component).update({key: from_plain(part) for key, part in parameters})
    return component


def dict_to_plain(values):
    """Return a dict with the components and generators in it as plain data."""
    return {key: to_plain(generator_to_plain(v)) for key, v in values.items()}


def dict_from_plain(values):
    """Return what :func:`dict_to_plain` was given."""
    return {key: from_plain(value) for key, value in values.items()}


def _is_plain_object(value):
    return type(value) is dict and (_COMPONENT in value or _GENERATOR in value)
