"""The common ground of activations, losses, initializers, optimizers and schedules.

A component is a small, stateless object whose hyper-parameters are dataclass fields.
Because it is also a scikit-learn estimator object, ``get_params``, ``set_params``,
``clone``, ``repr`` and the HTML view come for free, and ``activation__negative_slope``
is a valid key in a parameter grid.
"""

import difflib
from dataclasses import dataclass
from math import inf
from typing import dataclass_transform

from sklearn.base import BaseEstimator


@dataclass_transform()
class Component(BaseEstimator):
    """Base of every object that can be passed to an estimator as a parameter.

    Every subclass becomes a dataclass by itself: annotated class attributes are its
    hyper-parameters, in the order of the constructor. Values are stored as given and
    checked by :meth:`check`, which the estimators call in ``fit``.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        dataclass(repr=False)(cls)  # BaseEstimator's repr shows what was changed

    def check(self):
        """Raise a ValueError or TypeError when a hyper-parameter is out of range.

        The default accepts everything; subclasses with constraints override it.
        """

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
        """Class decorator that gives ``cls(**settings)`` the name `name`.

        Stacked decorators register several named settings of one class. `aliases`
        resolve to the same object but are not listed by :meth:`names`.
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


@dataclass(frozen=True)
class Interval:
    """An interval of the real line, printed in the usual notation.

    Parameters
    ----------
    low, high : float
        The ends; may be infinite.
    closed : {"neither", "left", "right", "both"}
        Which ends belong to the interval.
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
            other = Interval(other, other, "both")
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
        return f"{opening}{self.low:g}, {self.high:g}{closing}"
