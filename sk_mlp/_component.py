"""The common ground of activations, losses, initializers, optimizers and schedules.

A component is a small, stateless object whose hyper-parameters are dataclass fields.
Because it is also a scikit-learn estimator object, ``get_params``, ``set_params``,
``clone``, ``repr`` and the HTML view come for free, and ``activation__negative_slope``
is a valid key in a parameter grid.
"""

import copy
import difflib
from dataclasses import dataclass, fields
from functools import cache, partial
from math import inf
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import (
    Annotated,
    Literal,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from sklearn.base import BaseEstimator


@dataclass_transform()
class Component(BaseEstimator):
    """Base of every object that can be passed to an estimator as a parameter.

    Every subclass becomes a dataclass by itself: annotated class attributes are its
    hyper-parameters, in the order of the constructor. Values are stored as given and
    checked by :meth:`check`, which the estimators call in ``fit``. It reads the
    annotations, so that a component of one's own is checked as the others are:

    - ``Annotated[float, Interval(0, 1)]``, also with ``int``; several intervals are
      alternatives. `Number`, `Positive`, `NonNegative` and `Unit` are such types.
    - ``Annotated[tuple[float, ...], Interval(0, 1)]``, a tuple or list of one or more.
    - ``Literal["low", "high"]``, ``bool``, and any of these in a union with others or
      with ``None``. All other types, a plain ``float`` too, are accepted unseen.

    Examples
    --------
    >>> from sk_mlp._component import Component, Positive
    >>> class Bell(Component):
    ...     width: Positive = 1.0
    >>> Bell(width=2.5).check()
    >>> Bell(width=-1).check()
    Traceback (most recent call last):
    ValueError: The 'width' parameter of Bell must be a float in the range (0, inf).
                Got -1 instead.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # BaseEstimator's repr shows what was changed; equality is defined below.
        dataclass(repr=False, eq=False)(cls)

    def __eq__(self, other):
        """Tell whether class and hyper-parameters are the same."""
        if type(self) is not type(other):
            return NotImplemented
        ours, theirs = vars(self), vars(other)
        return ours.keys() == theirs.keys() and all(
            ours[name] is theirs[name] or _is_equal(ours[name], theirs[name])
            for name in ours
        )

    def __hash__(self):
        """Return a hash that agrees with ``==``, also after ``set_params``."""
        return hash(type(self))

    def __deepcopy__(self, memo):
        """Return a copy, made of what a pickle would hold.

        Every fit makes several; the general way takes three times as long.
        """
        twin = memo[id(self)] = object.__new__(type(self))
        twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return twin

    def check(self):
        """Raise if a hyper-parameter is not what its annotation says.

        Subclasses extend it by rules that annotations cannot express.

        Raises
        ------
        ValueError
            If a value is out of range.
        TypeError
            If a value is of the wrong type.
        """
        for name, kind, judge in _rules_of(type(self)):
            if error := judge(getattr(self, name)):
                self._reject(name, _allowed(kind), error)

    def _check_as(self, name, kind):
        """Check one hyper-parameter as if it were annotated with the type `kind`."""
        if error := _judge_of(kind)(getattr(self, name)):
            self._reject(name, _allowed(kind), error)

    def _reject(self, name, allowed, error=ValueError):
        """Raise `error`: the hyper-parameter `name` must be `allowed`."""
        raise error(
            f"The {name!r} parameter of {type(self).__name__} must be {allowed}. "
            f"Got {getattr(self, name)!r} instead."
        )

    @property
    def registered_name(self):
        """The registered name whose settings equal this object's, or None."""
        registry = getattr(type(self), "_registry", None)
        return registry.name_of(self) if registry is not None else None


class Registry:
    """Named settings of one kind of component, the only list of its names.

    Parameters
    ----------
    kind : str
        What the components are, as the user reads it in messages: "activation".
    base : type
        The class that user-made objects derive from.
    """

    def __init__(self, kind, base):
        self.kind = kind
        self.base = base
        self._factories = {}
        self._aliases = {}

    def register(self, name, *aliases, **settings):
        """Class decorator that gives an object of the class a name.

        Stacked decorators register several named settings of one class.

        Parameters
        ----------
        name : str
            What it is called from now on.
        *aliases : str
            Names that resolve to the same but are not listed.
        **settings : object
            Hyper-parameters that differ from the defaults of the class.

        Returns
        -------
        decorator : callable
            Returns the class as it is.

        Raises
        ------
        ValueError
            If one of the names is taken.

        Examples
        --------
        >>> from sk_mlp._component import Component, Registry
        >>> registry = Registry("shape", Component)
        >>> @registry.register("circle", "disc")
        ... @registry.register("big_circle", radius=10.0)
        ... class Circle(Component):
        ...     radius: float = 1.0
        >>> registry.get("disc"), registry.get("big_circle")
        (Circle(), Circle(radius=10.0))
        >>> registry.names()
        ['big_circle', 'circle']
        """
        for key in (name, *aliases):
            if key in self._factories or key in self._aliases:
                raise ValueError(f"The {self.kind} name {key!r} is already registered.")

        def decorate(cls):
            self._factories[name] = (cls, settings)
            cls._registry = self
            self._aliases.update(dict.fromkeys(aliases, name))
            return cls

        return decorate

    def unregister(self, name):
        """Forget `name` and its aliases; for tests and interactive work."""
        del self._factories[name]
        self._aliases = {k: v for k, v in self._aliases.items() if v != name}

    def names(self):
        """Return the canonical names, sorted."""
        return sorted(self._factories)

    def aliases(self):
        """Return the aliases as a dict from alias to canonical name."""
        return dict(self._aliases)

    def get(self, spec):
        """Turn a name, or an object of the right kind, into an object.

        Parameters
        ----------
        spec : str or object
            A registered name or alias, or an instance of the base class, which is
            returned as it is.

        Returns
        -------
        object
            A new object for a name.

        Raises
        ------
        ValueError
            If the name is unknown; the message lists the names and the closest one.
        TypeError
            If `spec` is neither a str nor an instance of the base class.
        """
        if type(spec) is self.base:
            raise TypeError(
                f"must be {self.expected()}. Got {spec!r} instead, which is only the "
                "base class: derive from it."
            )
        if isinstance(spec, self.base):
            return spec
        if not isinstance(spec, str):
            hint = ""
            if isinstance(spec, type) and issubclass(spec, self.base):
                hint = f" Pass an instance: {spec.__name__}()."
            raise TypeError(f"must be {self.expected()}. Got {spec!r} instead.{hint}")
        name = self._aliases.get(spec, spec)
        if name not in self._factories:
            close = difflib.get_close_matches(
                spec.lower(), [*self._factories, *self._aliases], n=1
            )
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"must be {self.expected()}. Got {spec!r} instead.{hint}")
        cls, settings = self._factories[name]
        return cls(**settings)

    def expected(self):
        """Return the description of what :meth:`get` accepts, for messages."""
        names = ", ".join(map(repr, self.names()))
        base = self.base.__name__
        article = "an" if base[0] in "AEIOU" else "a"
        return f"a str among {{{names}}} or {article} {base} object"

    def name_of(self, component):
        """Return the registered name whose settings equal `component`, or None."""
        for name, (cls, settings) in self._factories.items():
            if type(component) is cls and component == cls(**settings):
                return name
        return None

    def name_of_class(self, cls):
        """Return the name of a class, that of its defaults if it has any, or None."""
        named = {
            name: settings
            for name, (known, settings) in self._factories.items()
            if known is cls
        }
        return min(named, key=lambda name: len(named[name]), default=None)


@dataclass(frozen=True)
class Interval:
    """An interval of the real line, printed in the usual notation.

    Parameters
    ----------
    low, high : float
        The ends; may be infinite.
    closed : {"neither", "left", "right", "both"}
        Which ends belong to the interval.

    Examples
    --------
    >>> from sk_mlp.losses import Interval
    >>> print(Interval(0.0, closed="left"), 0.0 in Interval(0.0, 1.0))
    [0, inf) False
    """

    low: float = -inf
    high: float = inf
    closed: str = "neither"

    @property
    def _ends(self):
        return self.closed in ("left", "both"), self.closed in ("right", "both")

    def __contains__(self, other):
        """Tell whether a number or a whole interval lies inside."""
        if not isinstance(other, Interval):
            return bool(self.includes(other))
        (left, right), (other_left, other_right) = self._ends, other._ends
        above = other.low > self.low or (
            other.low == self.low and (left or not other_left)
        )
        below = other.high < self.high or (
            other.high == self.high and (right or not other_right)
        )
        return above and below

    def includes(self, values):
        """Return a boolean array: which of `values` lie inside (NaN does not)."""
        left, right = self._ends
        above = values >= self.low if left else values > self.low
        below = values <= self.high if right else values < self.high
        return above & below

    def __str__(self):
        left, right = self._ends
        opening, closing = "[" if left else "(", "]" if right else ")"
        return f"{opening}{self.low:.12g}, {self.high:.12g}{closing}"


def _is_equal(a, b):
    """Tell whether two hyper-parameters, perhaps arrays, are equal."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    return bool(a == b)


# What a hyper-parameter may be ------------------------------------------------------

Number = Annotated[float, Interval()]
Positive = Annotated[float, Interval(0.0, inf)]
NonNegative = Annotated[float, Interval(0.0, inf, "left")]
Unit = Annotated[float, Interval(0.0, 1.0, "left")]


@cache
def _rules_of(component_class):
    """Return (name, type, judge) of every hyper-parameter."""
    try:  # also what ``from __future__ import annotations`` has made strings
        types = get_type_hints(component_class, include_extras=True)
    except (NameError, AttributeError, SyntaxError):  # a type of no use here
        types = {field.name: field.type for field in fields(component_class)}
    kinds = {field.name: types[field.name] for field in fields(component_class)}
    return [(name, kind, _judge_of(kind)) for name, kind in kinds.items()]


_NUMBERS = {float: "a float", int: "an int", tuple: "a tuple of at least one float"}


def _domains_of(annotated):
    """Return float, int or tuple and the intervals, none where they say nothing."""
    kind, *notes = annotated
    kind = get_origin(kind) or kind
    domains = [note for note in notes if isinstance(note, Interval)]
    return kind, domains if kind in _NUMBERS else []


def _allowed(kind):
    """Return what a type allows, in words."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        number, domains = _domains_of(args)
        intervals = " or ".join(map(str, domains))
        return f"{_NUMBERS[number]} in the range {intervals}" if domains else "anything"
    if origin in (Union, UnionType):
        return " or ".join(map(_allowed, args))
    if origin is Literal:
        text = f"among {{{', '.join(sorted(map(repr, args)))}}}"
        return f"a str {text}" if all(isinstance(arg, str) for arg in args) else text
    return {bool: "an instance of 'bool'", NoneType: "None"}.get(kind, "anything")


def _judge_of(kind):
    """Return the function from a value to the error it deserves, or None, by a type."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return partial(_judge_numbers, *_domains_of(args))
    if origin in (Union, UnionType):
        return partial(_judge_alternatives, [_judge_of(arg) for arg in args])
    if origin is Literal:
        return partial(_judge_choice, args)
    if kind is bool:
        return lambda value: None if isinstance(value, bool | np.bool_) else TypeError
    if kind is NoneType:
        return lambda value: None if value is None else TypeError
    return lambda value: None


def _judge_numbers(kind, domains, value):
    """Judge a float, an int or a tuple of floats in one of the intervals."""
    if not domains:
        return None
    several = kind is tuple
    if several and not (isinstance(value, tuple | list) and value):
        return TypeError
    abstract = Integral if kind is int else Real
    for number in value if several else (value,):
        if not isinstance(number, abstract) or isinstance(number, bool):
            return TypeError
        if not any(number in domain for domain in domains):
            return ValueError
    return None


def _judge_alternatives(judges, value):
    errors = [judge(value) for judge in judges]
    if None in errors:
        return None
    return ValueError if ValueError in errors else TypeError


def _judge_choice(choices, value):
    fits = any(isinstance(value, type(one)) and value == one for one in choices)
    return None if fits else ValueError


@dataclass
class Progress:
    """How far the training has come, before a step.

    Parameters
    ----------
    epoch : int, default=0
        Completed epochs of all fits.
    t : int, default=0
        Training samples seen in them, repeated ones counted again.
    plateaus : int, default=0
        How often the schedule absorbed a plateau of the loss or validation score.
    max_iter : int, default=200
        The epochs that a fit may take at most.
    n_iter : int, default=0
        Completed epochs of this fit; every ``partial_fit`` adds one.
    fraction : float, default=0.0
        The share of the current epoch that is done, in [0, 1).

    Examples
    --------
    A first fit took 10 epochs, and the sixth of the second one is half done:

    >>> from sk_mlp.schedules import Progress
    >>> progress = Progress(epoch=15, max_iter=10, n_iter=5, fraction=0.5)
    >>> progress.share(), progress.share(n_epochs=20)
    (0.55, 0.775)
    """

    epoch: int = 0
    t: int = 0
    plateaus: int = 0
    max_iter: int = 200
    n_iter: int = 0
    fraction: float = 0.0

    def share(self, n_epochs=None):
        """Return the share of a span of epochs that is done; past its end 1.

        Parameters
        ----------
        n_epochs : int, default=None
            The span is the first `n_epochs` epochs of all fits together. None is the
            `max_iter` epochs of this fit.

        Returns
        -------
        share : float
            In [0, 1].
        """
        if n_epochs is None:
            done, span = self.n_iter, self.max_iter
        else:
            done, span = self.epoch, n_epochs
        return min(1.0, (done + self.fraction) / span)
