"""Learning-rate schedules: pure functions of how far the training has come.

``get("cosine")`` resolves a name, ``names()`` lists them. The trainer asks a schedule
for the rate before every step. A schedule keeps no state: the rate follows from the
base rate, the estimator's ``learning_rate_init``, and a :class:`Progress`, so that
resumed training goes on exactly where it stopped, and every schedule works with every
first-order solver.

Some schedules follow a curve over a *span*, which begins at share 0 and ends at share 1
(:meth:`Progress.share`), and hold its last value from then on. The span is the
``max_iter`` epochs of a fit, so that every ``fit`` with ``warm_start=True`` is a warm
restart, or with ``n_epochs`` so many epochs of all fits together.

A schedule of one's own is a function of progress: a subclass of :class:`Schedule` with
a ``rate`` method. With a ``register`` line it gets a name, which validation, error
messages and tests read from the registry.
"""

from collections.abc import Callable
from math import cos, inf, pi
from typing import Annotated

from sk_mlp._component import (
    Component,
    Interval,
    NonNegative,
    Progress,
    Registry,
    Unit,
)

__all__ = [
    "Adaptive",
    "Constant",
    "Cosine",
    "Exponential",
    "InvScaling",
    "Lambda",
    "Linear",
    "OneCycle",
    "Progress",
    "Schedule",
    "StepDecay",
    "WarmupCosine",
    "get",
    "names",
    "register",
]

Epochs = Annotated[int, Interval(1, inf, "left")]
Factor = Annotated[float, Interval(0.0, 1.0, "both")]
PositiveFactor = Annotated[float, Interval(0.0, 1.0, "right")]


class Schedule(Component):
    """Base of all learning-rate schedules.

    A subclass defines :meth:`rate`; annotated class attributes are its
    hyper-parameters.

    Examples
    --------
    A rate that halves every so many epochs:

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
        """Return the learning rate of the next step.

        Parameters
        ----------
        base : float
            The estimator's ``learning_rate_init``.
        progress : Progress
            How far the training has come.

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


class Lambda(Schedule):
    """A function of one's own: the factor of the base rate, given the progress.

    What a plain function as `learning_rate` is turned into.

    Parameters
    ----------
    function : callable
        ``function(progress)`` returns a number >= 0.

    Examples
    --------
    >>> from sk_mlp.schedules import Lambda, Progress
    >>> halving = Lambda(lambda progress: 0.5 ** (progress.epoch // 10))
    >>> halving.rate(0.1, Progress(epoch=25))
    0.025
    """

    function: Callable

    def check(self):
        """Raise if `function` cannot be called."""
        if not callable(self.function):
            self._reject("function", "a function of a Progress object", TypeError)

    def rate(self, base, progress):
        """Return ``base * function(progress)``."""
        return base * self.function(progress)


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

    Formula: ``base / (t + 1) ** power_t``, t the samples seen in completed epochs.

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


@register("step")
class StepDecay(Schedule):
    """Multiply the rate by a factor after every so many epochs.

    Formula: ``base * gamma ** (epoch // step_size)``, over the epochs of all fits.

    Parameters
    ----------
    step_size : int, default=50
        The epochs between two steps, in [1, inf).
    gamma : float, default=0.1
        What a step multiplies the rate by, in (0, 1].

    References
    ----------
    Ge, Kakade, Kidambi & Netrapalli (2019), The step decay schedule: a near optimal,
    geometrically decaying learning rate procedure for least squares, arXiv:1904.12838.

    Examples
    --------
    >>> from sk_mlp.schedules import Progress, StepDecay
    >>> schedule = StepDecay(step_size=10, gamma=0.5)
    >>> [schedule.rate(0.1, Progress(epoch=k)) for k in (0, 9, 10, 25)]
    [0.1, 0.1, 0.05, 0.025]
    """

    step_size: Epochs = 50
    gamma: PositiveFactor = 0.1

    def rate(self, base, progress):
        """Return the base rate times `gamma` once per completed `step_size` epochs."""
        return base * self.gamma ** (progress.epoch // self.step_size)


@register("exponential")
class Exponential(Schedule):
    """Multiply the rate by the same factor in every epoch, a little at every step.

    Formula: ``base * gamma ** (epoch + fraction)``, over the epochs of all fits. The
    rate has halved after ``log(0.5) / log(gamma)`` epochs, by default 23.

    Parameters
    ----------
    gamma : float, default=0.97
        What an epoch multiplies the rate by, in (0, 1].

    References
    ----------
    Senior, Heigold, Ranzato & Yang (2013), An empirical study of learning rates in
    deep neural networks for speech recognition, ICASSP.

    Examples
    --------
    >>> from sk_mlp.schedules import Exponential, Progress
    >>> schedule = Exponential(gamma=0.25)
    >>> (
    ...     schedule.rate(0.1, Progress(epoch=1)),
    ...     schedule.rate(0.1, Progress(fraction=0.5)),
    ... )
    (0.025, 0.05)
    """

    gamma: PositiveFactor = 0.97

    def rate(self, base, progress):
        """Return the base rate times `gamma` once per epoch and share of an epoch."""
        return base * self.gamma ** (progress.epoch + progress.fraction)


def _line(start, end, share):
    """Go from `start` to `end` at an even pace; both are reached exactly."""
    return (1.0 - share) * start + share * end


def _half_wave(start, end, share):
    """Go from `start` to `end` as half a period of the cosine does, flat at both."""
    return _line(start, end, (1.0 - cos(pi * share)) / 2.0)


@register("linear")
class Linear(Schedule):
    """A straight line from the base rate down to a share of it.

    Formula: ``base * (1 + (final_factor - 1) * s)``, s the share of the span.

    Parameters
    ----------
    final_factor : float, default=0.0
        The rate at the end of the span and after it over the base rate, in [0, 1].
    n_epochs : int, default=None
        The epochs of the span, of all fits, in [1, inf). None spans each fit.

    References
    ----------
    Defazio, Cutkosky, Mehta & Mishchenko (2023), Optimal linear decay learning rate
    schedules and further refinements, arXiv:2310.07831.

    Examples
    --------
    >>> from sk_mlp.schedules import Linear, Progress
    >>> schedule = Linear(n_epochs=10)
    >>> [schedule.rate(0.1, Progress(epoch=k)) for k in (0, 5, 10, 11)]
    [0.1, 0.05, 0.0, 0.0]
    """

    final_factor: Factor = 0.0
    n_epochs: Epochs | None = None

    def rate(self, base, progress):
        """Return the point of the line at the share of the span."""
        return base * _line(1.0, self.final_factor, progress.share(self.n_epochs))


@register("cosine")
class Cosine(Schedule):
    """Half a cosine wave from the base rate down to a share of it.

    Formula: ``base * (final_factor + (1 - final_factor) * (1 + cos(pi * s)) / 2)``, s
    the share of the span.

    Parameters
    ----------
    final_factor : float, default=0.0
        The rate at the end of the span and after it over the base rate, in [0, 1].
    n_epochs : int, default=None
        The epochs of the span, of all fits, in [1, inf). None spans each fit.

    References
    ----------
    Loshchilov & Hutter (2017), SGDR: stochastic gradient descent with warm restarts,
    arXiv:1608.03983.

    Examples
    --------
    >>> from sk_mlp.schedules import Cosine, Progress
    >>> schedule = Cosine(n_epochs=9)
    >>> [round(schedule.rate(0.1, Progress(epoch=k)), 6) for k in (0, 3, 6, 9)]
    [0.1, 0.075, 0.025, 0.0]
    """

    final_factor: Factor = 0.0
    n_epochs: Epochs | None = None

    def rate(self, base, progress):
        """Return the point of the wave at the share of the span."""
        return base * _half_wave(1.0, self.final_factor, progress.share(self.n_epochs))


@register("warmup_cosine")
class WarmupCosine(Schedule):
    """A straight line up to the base rate, then half a cosine wave down.

    Formula, with s the share of the span and w = `warmup`::

        base * (initial_factor + (1 - initial_factor) * s / w)              s < w
        base * (final_factor
                + (1 - final_factor) * (1 + cos(pi * (s - w) / (1 - w))) / 2)

    Small first steps let a network of random weights, and the moments of Adam, settle
    before the large ones. They begin a little above zero, since a step at the rate 0
    would be wasted.

    Parameters
    ----------
    warmup : float, default=0.1
        The share of the span that the rate rises in, in [0, 1).
    initial_factor : float, default=0.01
        The first rate over the base rate, in (0, 1].
    final_factor : float, default=0.0
        The rate at the end of the span and after it over the base rate, in [0, 1].
    n_epochs : int, default=None
        The epochs of the span, of all fits, in [1, inf). None spans each fit.

    References
    ----------
    Goyal et al. (2017), Accurate, large minibatch SGD: training ImageNet in 1 hour,
    arXiv:1706.02677, for the warm-up; :class:`Cosine` for the wave.

    Examples
    --------
    >>> from sk_mlp.schedules import Progress, WarmupCosine
    >>> schedule = WarmupCosine(warmup=0.2, n_epochs=10)
    >>> [round(schedule.rate(0.1, Progress(epoch=k)), 6) for k in (0, 1, 2, 6, 10)]
    [0.001, 0.0505, 0.1, 0.05, 0.0]
    """

    warmup: Unit = 0.1
    initial_factor: PositiveFactor = 0.01
    final_factor: Factor = 0.0
    n_epochs: Epochs | None = None

    def rate(self, base, progress):
        """Return the point of the line or of the wave at the share of the span."""
        share, warmup = progress.share(self.n_epochs), self.warmup
        if share < warmup:
            return base * _line(self.initial_factor, 1.0, share / warmup)
        share = (share - warmup) / (1.0 - warmup)
        return base * _half_wave(1.0, self.final_factor, share)


@register("one_cycle")
class OneCycle(Schedule):
    """Half a cosine wave up to the base rate and half a longer one down to almost zero.

    Formula, with s the share of the span and p = `peak`::

        base * (1 + (initial_factor - 1) * (1 + cos(pi * s / p)) / 2)       s < p
        base * (final_factor
                + (1 - final_factor) * (1 + cos(pi * (s - p) / (1 - p))) / 2)

    The base rate is the highest one here and may be larger than what trains well
    throughout. The curve and the defaults are those of PyTorch's ``OneCycleLR``, whose
    cycle of the momentum in the other direction is left out.

    Parameters
    ----------
    peak : float, default=0.3
        The share of the span at which the rate is the base rate, in (0, 1).
    initial_factor : float, default=0.04
        The first rate over the base rate, in (0, 1].
    final_factor : float, default=4e-6
        The rate at the end of the span and after it over the base rate, in [0, 1].
    n_epochs : int, default=None
        The epochs of the span, of all fits, in [1, inf). None spans each fit.

    References
    ----------
    Smith & Topin (2019), Super-convergence: very fast training of neural networks using
    large learning rates, arXiv:1708.07120.

    Examples
    --------
    >>> from sk_mlp.schedules import OneCycle, Progress
    >>> schedule = OneCycle(peak=0.2, n_epochs=10)
    >>> [round(schedule.rate(0.1, Progress(epoch=k)), 6) for k in (0, 1, 2, 6, 10)]
    [0.004, 0.052, 0.1, 0.05, 0.0]
    """

    peak: Annotated[float, Interval(0.0, 1.0)] = 0.3
    initial_factor: PositiveFactor = 0.04
    final_factor: Factor = 4e-6
    n_epochs: Epochs | None = None

    def rate(self, base, progress):
        """Return the point of the first or second wave at the share of the span."""
        share, peak = progress.share(self.n_epochs), self.peak
        if share < peak:
            return base * _half_wave(self.initial_factor, 1.0, share / peak)
        share = (share - peak) / (1.0 - peak)
        return base * _half_wave(1.0, self.final_factor, share)
