"""Learning-rate schedules: pure functions of how far the training has come.

``get("invscaling")`` resolves a name, ``names()`` lists them. A schedule keeps no
state: the rate follows from the base rate and a :class:`Progress`, so that resumed
training goes on exactly where it stopped, and every schedule works with every
first-order solver.

Here are the three of scikit-learn. Further ones slot in below them: a subclass of
:class:`Schedule` with a ``rate`` method and a ``register`` line is all that is needed,
and validation, error messages and tests read the name from the registry.
"""

from math import inf
from typing import Annotated

from sk_mlp._component import Component, Interval, NonNegative, Registry
from sk_mlp._component import Progress as Progress


class Schedule(Component):
    """Base of all learning-rate schedules.

    A subclass defines :meth:`rate`; annotated class attributes are its
    hyper-parameters.

    Examples
    --------
    >>> from sk_mlp.schedules import Progress, Schedule
    >>> class Halving(Schedule):
    ...     every: int = 10
    ...
    ...     def rate(self, base, progress):
    ...         return base * 0.5 ** (progress.epoch // self.every)
    >>> Halving(every=5).rate(0.1, Progress(epoch=10))
    0.025
    """

    def rate(self, base, progress):
        """Return the learning rate of the next epoch.

        Parameters
        ----------
        base : float
            The initial learning rate of the estimator.
        progress : Progress

        Returns
        -------
        rate : float
        """
        raise NotImplementedError(f"{type(self).__name__} must define rate().")

    def absorbs_plateau(self, rate):
        """Tell whether a plateau lowers the rate instead of stopping the training.

        Parameters
        ----------
        rate : float
            The rate at which the plateau was met.

        Returns
        -------
        absorbs : bool
            If True, the trainer adds one to ``Progress.plateaus`` and goes on.
        """
        return False


_REGISTRY = Registry("schedule", Schedule)
register = _REGISTRY.register


def get(spec):
    """Return the schedule for a name; a Schedule object comes back as it is.

    Parameters
    ----------
    spec : str or Schedule

    Returns
    -------
    schedule : Schedule

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `spec` is neither a str nor a Schedule object.

    Examples
    --------
    >>> from sk_mlp import schedules
    >>> schedules.get("invscaling").power_t
    0.5
    """
    return _REGISTRY.get(spec)


def names():
    """Return the names of all schedules, sorted.

    Examples
    --------
    >>> from sk_mlp import schedules
    >>> "adaptive" in schedules.names()
    True
    """
    return _REGISTRY.names()


@register("constant")
class Constant(Schedule):
    """The base rate throughout.

    Examples
    --------
    >>> from sk_mlp.schedules import Constant, Progress
    >>> Constant().rate(0.001, Progress(epoch=7))
    0.001
    """

    def rate(self, base, progress):
        """Return the base rate."""
        return base


@register("invscaling")
class InvScaling(Schedule):
    """Inverse scaling with the number of samples seen, as in scikit-learn.

    Formula: ``base / (t + 1) ** power_t``, evaluated once per epoch.

    Parameters
    ----------
    power_t : float, default=0.5
        The exponent, in [0, inf).

    References
    ----------
    Robbins & Monro (1951), A stochastic approximation method; the form is that of
    scikit-learn's ``learning_rate="invscaling"``.

    Examples
    --------
    >>> from sk_mlp.schedules import InvScaling, Progress
    >>> InvScaling(power_t=0.5).rate(0.1, Progress(t=99))
    0.01
    """

    power_t: NonNegative = 0.5

    def rate(self, base, progress):
        """Return ``base / (t + 1) ** power_t``."""
        return base / (progress.t + 1) ** self.power_t


@register("adaptive")
class Adaptive(Schedule):
    """Divide the rate at every plateau until it is small, as in scikit-learn.

    Formula: ``base / factor / factor / ...``, once per plateau. A plateau is
    `n_iter_no_change` epochs in a row without an improvement by `tol`; it stops the
    training when the rate is no longer above `min_rate`.

    Parameters
    ----------
    factor : float, default=5.0
        What a plateau divides the rate by, in (1, inf).
    min_rate : float, default=1e-6
        At or below this rate a plateau is not absorbed any more, in [0, inf).

    Examples
    --------
    >>> from sk_mlp.schedules import Adaptive, Progress
    >>> Adaptive().rate(0.5, Progress(plateaus=2))
    0.02
    >>> Adaptive().absorbs_plateau(0.02), Adaptive().absorbs_plateau(1e-6)
    (True, False)
    """

    factor: Annotated[float, Interval(1.0, inf)] = 5.0
    min_rate: NonNegative = 1e-6

    def rate(self, base, progress):
        """Return the base rate divided by `factor` once per plateau."""
        # One by one: the rounding of scikit-learn, on which the stopping epoch can
        # hang, and no overflow of a large power.
        for _ in range(progress.plateaus):
            base = base / self.factor
        return base

    def absorbs_plateau(self, rate):
        """Tell whether the rate is still above `min_rate`."""
        return rate > self.min_rate
