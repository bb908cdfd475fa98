"""Losses: what training minimises, and how it follows the outputs.

``get("huber")`` resolves a name, ``names()`` lists them. A loss is the sum over the
outputs of a row. It is written as a function of the prediction p, with its derivative,
which serves any output activation by the chain rule; and once more as a function of the
raw output z, for the one activation it belongs to (its ``canonical`` one), where the
two together are simpler and stay exact at any z.

Losses get blocks of rows small enough for the cache, so temporaries are cheap. Arrays
may be groups of columns of wider ones and need not be contiguous.
"""

from itertools import pairwise
from numbers import Real

import numpy as np

from sk_mlp._component import Component, Interval, Registry

_REAL_LINE = Interval()
_POSITIVE = Interval(0.0, np.inf)
_PROBABILITY = Interval(0.0, 1.0, "both")
_CLASSIFICATION = frozenset({"classification"})
_REGRESSION = frozenset({"regression"})


class Loss(Component):
    """Base of all losses.

    A subclass defines :meth:`value` and :meth:`gradient`; annotated class attributes
    are its hyper-parameters. If it names a ``canonical`` activation other than the
    identity, it also defines :meth:`raw_value_gradient`.

    Attributes
    ----------
    tasks : frozenset of {"classification", "regression"}
        What the loss is for; regression unless a subclass says otherwise.
    y_domain, p_domain : Interval
        Which targets and which predictions the loss is defined for (for
        classification: 0 or 1, and probabilities).
    canonical : str or None
        Name of the output activation for which :meth:`raw_value_gradient` holds.
    columns : int
        Network outputs for each column of the target.
    linear_columns : int
        How many of these, the last ones, bypass the output activation.

    Examples
    --------
    The squared error of logarithms, for positive targets:

    >>> import numpy as np
    >>> from sk_mlp._component import Interval
    >>> from sk_mlp.losses import Loss
    >>> class SquaredLogError(Loss):
    ...     y_domain = p_domain = Interval(0.0, np.inf)
    ...
    ...     def value(self, y, p):
    ...         return 0.5 * np.sum(np.log(p / y) ** 2, axis=1)
    ...
    ...     def gradient(self, y, p, out):
    ...         np.divide(np.log(p / y), p, out=out)
    >>> loss = SquaredLogError()
    >>> loss.value(np.array([[1.0]]), np.array([[np.e]]))
    array([0.5])
    >>> loss.default_activation("regression")
    'exp'
    """

    tasks = _REGRESSION
    y_domain = _REAL_LINE
    p_domain = _REAL_LINE
    canonical = None
    columns = 1
    linear_columns = 0

    def default_activation(self, target):
        """Return the name of the output activation that "auto" stands for.

        Parameters
        ----------
        target : {"binary", "multiclass", "multilabel", "multioutput", "regression"}

        Returns
        -------
        name : str
        """
        if target in ("multiclass", "multioutput"):
            return "softmax"
        if target in ("binary", "multilabel"):
            return "logistic"
        fallback = "identity" if _REAL_LINE in self.p_domain else "exp"
        return self.canonical or fallback

    def for_target(self, exclusive):
        """Return the form of the loss for a kind of target.

        Parameters
        ----------
        exclusive : bool
            Whether each row of y has a single 1 and the predictions of a row sum to 1.

        Returns
        -------
        loss : Loss
            By default the loss itself.
        """
        return self

    def check_target(self, y):
        """Raise a ValueError if a target lies outside ``y_domain``.

        Parameters
        ----------
        y : ndarray of any shape
        """
        for what, value in (("minimum", np.min(y)), ("maximum", np.max(y))):
            if value not in self.y_domain:
                raise ValueError(
                    "Some value(s) of y are out of the valid range of the loss "
                    f"{self.registered_name or self!r}: expected y in {self.y_domain}, "
                    f"got a {what} of {value:g}."
                )

    def prepare(self, y):
        """Return the targets to train on, made once before training.

        Parameters
        ----------
        y : ndarray of shape (n, k)
            Targets; for exclusive classes those of one output.

        Returns
        -------
        y : ndarray of shape (n, k)
            By default the targets themselves.
        """
        return y

    def value(self, y, p):
        """Return the loss of each row.

        Parameters
        ----------
        y : ndarray of shape (n, k)
            Targets, prepared.
        p : ndarray of shape (n, k * columns)
            Predictions, of the same dtype.

        Returns
        -------
        value : ndarray of shape (n,)
        """
        raise NotImplementedError(f"{type(self).__name__} must define value().")

    def gradient(self, y, p, out):
        """Write the derivative of the value by p.

        Parameters
        ----------
        y : ndarray of shape (n, k)
        p : ndarray of shape (n, k * columns)
        out : ndarray of shape (n, k * columns)
            Where it goes.
        """
        raise NotImplementedError(f"{type(self).__name__} must define gradient().")

    def raw_value_gradient(self, y, z, out):
        """Return the value of raw outputs and write the derivative by them.

        Holds with the canonical activation only; this default is right for the
        identity. Any finite z is safe. What exceeds the float range, such as an exp of
        1000, is inf, without a warning.

        Parameters
        ----------
        y : ndarray of shape (n, k)
        z : ndarray of shape (n, k * columns)
            Outputs before the activation.
        out : ndarray of shape (n, k * columns)
            Where the derivative goes; may be z itself.

        Returns
        -------
        value : ndarray of shape (n,)
        """
        value = self.value(y, z)
        self.gradient(y, z, out)
        return value

    def raw_value(self, y, z):
        """Return the value of raw outputs, as :meth:`raw_value_gradient` does.

        Parameters
        ----------
        y : ndarray of shape (n, k)
        z : ndarray of shape (n, k * columns)

        Returns
        -------
        value : ndarray of shape (n,)
        """
        return self.raw_value_gradient(y, z, np.empty_like(z))

    def predict(self, p):
        """Return what the estimator predicts from the network's outputs.

        Parameters
        ----------
        p : ndarray of shape (n, k * columns)

        Returns
        -------
        prediction : ndarray
            By default p.
        """
        return p

    def _check_real(self, name, *intervals):
        value = getattr(self, name)
        text = (
            f"The {name!r} parameter of {type(self).__name__} must be a float in the "
            f"range {' or '.join(map(str, intervals))}. Got {value!r} instead."
        )
        if not _is_real(value):
            raise TypeError(text)
        if not any(value in interval for interval in intervals):
            raise ValueError(text)


_REGISTRY = Registry("loss", Loss)
register = _REGISTRY.register


def get(spec):
    """Return the loss for a name; a Loss object comes back as it is.

    Parameters
    ----------
    spec : str or Loss

    Returns
    -------
    loss : Loss

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `spec` is neither a str nor a Loss object.

    Examples
    --------
    >>> from sk_mlp import losses
    >>> losses.get("huber").delta
    1.0
    """
    return _REGISTRY.get(spec)


def names():
    """Return the names of all losses, sorted.

    Examples
    --------
    >>> from sk_mlp import losses
    >>> "poisson" in losses.names()
    True
    """
    return _REGISTRY.names()


# Errors of p - y --------------------------------------------------------------------


class _Residual(Loss):
    """A loss of the residual d = p - y alone, given by `_rho` and its slope."""

    canonical = "identity"

    def value(self, y, p):
        with np.errstate(over="ignore"):
            return _row_sums(self._rho(p - y))

    def gradient(self, y, p, out):
        with np.errstate(over="ignore"):
            self._slope(p - y, out)

    def raw_value_gradient(self, y, z, out):
        with np.errstate(over="ignore"):
            residual = z - y
            value = _row_sums(self._rho(residual))
            self._slope(residual, out)
        return value

    def _rho(self, d):
        """Return the loss of each residual in a new array."""
        raise NotImplementedError

    def _slope(self, d, out):
        """Write the derivative of `_rho`."""
        raise NotImplementedError


@register("squared_error")
class SquaredError(_Residual):
    """Half the squared error; of class probabilities, half the Brier score.

    Formula: ``Σ (p - y)² / 2``.

    Domain: y and p in (-inf, inf).

    Canonical output activation: identity. For classes the default is softmax or
    logistic, by the chain rule.

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability.
    Monthly Weather Review.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import SquaredError
    >>> SquaredError().value(y=np.array([[1.0, 0.0]]), p=np.array([[0.8, 0.2]]))
    array([0.04])
    """

    tasks = _CLASSIFICATION | _REGRESSION

    def _rho(self, d):
        return 0.5 * d * d

    def _slope(self, d, out):
        np.copyto(out, d)


@register("absolute_error")
class AbsoluteError(_Residual):
    """Absolute error, whose minimiser is the median.

    Formula: ``Σ |p - y|``; the slope at p = y is 0.

    Domain: y and p in (-inf, inf).

    Canonical output activation: identity.

    References
    ----------
    Koenker, R. & Bassett, G. (1978). Regression quantiles. Econometrica.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import AbsoluteError
    >>> AbsoluteError().value(y=np.array([[1.0]]), p=np.array([[4.0]]))
    array([3.])
    """

    def _rho(self, d):
        return np.abs(d)

    def _slope(self, d, out):
        _step(d, -1.0, 1.0, out)


@register("huber")
class Huber(_Residual):
    """Half the squared error near the target, linear with slope `delta` beyond.

    Formula: ``Σ d² / 2`` where ``|d| <= delta``, else ``delta (|d| - delta / 2)``,
    with d = p - y.

    Domain: y and p in (-inf, inf).

    Canonical output activation: identity.

    Parameters
    ----------
    delta : float, default=1.0
        Where the parabola ends, in units of y; in (0, inf).

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. Annals of
    Mathematical Statistics.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import Huber
    >>> Huber(1.5).value(y=np.array([[0.0], [0.0]]), p=np.array([[1.0], [2.0]]))
    array([0.5  , 1.875])
    """

    delta: float = 1.0

    def check(self):
        """Raise if `delta` is not in (0, inf)."""
        self._check_real("delta", _POSITIVE)

    def _rho(self, d):
        size = np.abs(d)
        near = np.minimum(size, self.delta)
        size -= 0.5 * near
        size *= near
        return size

    def _slope(self, d, out):
        np.clip(d, -self.delta, self.delta, out=out)


@register("log_cosh")
class LogCosh(_Residual):
    """Logarithm of the hyperbolic cosine: a Huber loss without a seam.

    Formula: ``Σ log cosh(p - y)``; nearly d²/2 for small and |d| - log 2 for large d.

    Domain: y and p in (-inf, inf).

    Canonical output activation: identity.

    References
    ----------
    Green, P. J. (1990). Bayesian reconstructions from emission tomography data using
    a modified EM algorithm. IEEE Transactions on Medical Imaging.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import LogCosh
    >>> LogCosh().value(y=np.array([[0.0]]), p=np.array([[1.0]])).round(6)
    array([0.433781])
    """

    def _rho(self, d):
        size = np.abs(d)
        # cosh b - 1 = e²/(2 (1 + e)) with e = exp(b) - 1 keeps the digits of small b.
        # Beyond 20, log cosh is a straight line to the last bit of a float64.
        near = np.minimum(size, 20.0)
        size -= near
        e = np.expm1(near, out=near)
        size += np.log1p(0.5 * e * e / (1.0 + e))
        return size

    def _slope(self, d, out):
        np.tanh(d, out=out)


@register("quantile")
class Quantile(Loss):
    """Pinball loss: a prediction that y stays below with probability q.

    Formula: ``Σ q (y - p)`` where p < y, else ``(1 - q) (p - y)``; the slope at p = y
    is 0. With several levels q, the sum over them; the network has an output for each,
    and predictions are sorted, so that they never cross.

    Domain: y and p in (-inf, inf).

    Canonical output activation: identity.

    Parameters
    ----------
    levels : float or tuple of float, default=0.5
        One quantile level or several increasing ones, each in (0, 1).

    References
    ----------
    Koenker, R. & Bassett, G. (1978). Regression quantiles. Econometrica. Sorting:
    Chernozhukov, V. et al. (2010). Quantile and probability curves without crossing.
    Econometrica.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import Quantile
    >>> Quantile(0.9).value(y=np.array([[0.0], [0.0]]), p=np.array([[-1.0], [1.0]]))
    array([0.9, 0.1])
    >>> Quantile((0.1, 0.5, 0.9)).predict(np.array([[2.0, 1.0, 3.0]]))
    array([[1., 2., 3.]])
    """

    levels: float | tuple = 0.5
    canonical = "identity"

    @property
    def columns(self):
        """Network outputs for each target: the number of levels."""
        return len(self._levels())

    def check(self):
        """Raise if the levels are not increasing numbers in (0, 1)."""
        levels = self._levels()
        text = (
            "The 'levels' parameter of Quantile must be a float in the range (0, 1) or "
            f"a tuple of increasing ones. Got {self.levels!r} instead."
        )
        if not all(map(_is_real, levels)):
            raise TypeError(text)
        increasing = all(low < high for low, high in pairwise((0, *levels, 1)))
        if not (levels and increasing):
            raise ValueError(text)

    def value(self, y, p):
        total = np.zeros(len(p), p.dtype)
        with np.errstate(over="ignore"):
            for i, level in enumerate(self._levels()):
                d = p[:, i :: self.columns] - y
                total += _row_sums(np.maximum((1.0 - level) * d, -level * d))
        return total

    def gradient(self, y, p, out):
        with np.errstate(over="ignore"):
            for i, level in enumerate(self._levels()):
                rest = slice(i, None, self.columns)
                _step(p[:, rest] - y, -level, 1.0 - level, out[:, rest])

    def predict(self, p):
        """Return the predictions, sorted along the levels if there are several.

        Parameters
        ----------
        p : ndarray of shape (n, k * n_levels)

        Returns
        -------
        prediction : ndarray of shape (n, k), (n, n_levels) or (n, k, n_levels)
            For one level; for several and k = 1; for several and more targets.
        """
        if self.columns == 1:
            return p
        p = np.sort(p.reshape(len(p), -1, self.columns), axis=2)
        return p[:, 0] if p.shape[1] == 1 else p

    def _levels(self):
        return self.levels if isinstance(self.levels, tuple | list) else (self.levels,)


# Deviances --------------------------------------------------------------------------


@register("poisson", power=1.0)
@register("gamma", power=2.0)
@register("tweedie")
class Tweedie(Loss):
    """Half the Tweedie deviance: the variance of y grows like its mean to a power.

    The names "poisson" (counts, power 1) and "gamma" (power 2) are settings of it; 0
    is half the squared error, 3 the inverse Gaussian deviance, and between 1 and 2 y
    may be exactly 0.

    Formula: with k the `power`,
    ``Σ max(y, 0)^(2-k) / ((1-k) (2-k)) - y p^(1-k) / (1-k) + p^(2-k) / (2-k)``;
    for k = 1 ``Σ y log(y/p) - y + p`` and for k = 2 ``Σ log(p/y) + y/p - 1``.
    A perfect fit has loss 0.

    Domain: y in (-inf, inf) for k <= 0, [0, inf) for 1 <= k < 2, (0, inf) for k >= 2;
    p in (0, inf).

    Canonical output activation: exp.

    Parameters
    ----------
    power : float, default=1.5
        Power k of the variance function, in (-inf, 0] or [1, inf).

    References
    ----------
    Jorgensen, B. (1987). Exponential dispersion models. Journal of the Royal
    Statistical Society B.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp import losses
    >>> y, p = np.array([[0.0], [2.0]]), np.array([[1.0], [1.0]])
    >>> losses.get("poisson").value(y, p).round(4)
    array([1.    , 0.3863])
    >>> losses.Tweedie(1.9).value(y, p).round(4)
    array([10.    ,  0.3136])
    """

    power: float = 1.5
    p_domain = _POSITIVE
    canonical = "exp"

    @property
    def y_domain(self):
        """Which targets the loss is defined for."""
        if self.power <= 0:
            return _REAL_LINE
        return _POSITIVE if self.power >= 2 else Interval(0.0, np.inf, "left")

    def check(self):
        """Raise if `power` is neither in (-inf, 0] nor in [1, inf)."""
        low, high = Interval(high=0.0, closed="right"), Interval(1.0, closed="left")
        self._check_real("power", low, high)

    def value(self, y, p):
        limits = np.finfo(p.dtype)
        value = self.raw_value(y, np.log(np.maximum(p, limits.tiny)))
        return np.minimum(value, limits.max, out=value)

    def gradient(self, y, p, out):
        limits = np.finfo(p.dtype)
        p = np.maximum(p, limits.tiny)
        self.raw_value_gradient(y, np.log(p), out)
        with np.errstate(over="ignore"):
            out /= p
        # Finite, so that a slope of 0 of the activation makes 0 of it.
        np.clip(out, limits.min, limits.max, out=out)

    def raw_value_gradient(self, y, z, out):
        low, high = 1 - self.power, 2 - self.power
        with np.errstate(over="ignore", invalid="ignore"):
            common, s, t = self._factors(z)
            t = y * t
            if low < 0 < high:
                t = np.fmax(t, 0.0)  # 0 times inf is 0 here, not NaN
            # The integrals by z. For power 1, exp(z) and the loss are inf beyond 1000;
            # -y z must not make that inf - inf.
            value = t / low if low else y * np.minimum(z, 1e3)
            np.subtract(s / high if high else z, value, out=value)
            value *= common
            value += self._constant(y)
            np.subtract(s, t, out=out)
            out *= common
        return _row_sums(value)

    def _factors(self, z):
        """Return c, s, t such that ``exp((2-k) z) = c s`` and ``exp((1-k) z) = c t``.

        c is taken out where both run to inf together, whose difference would be lost.
        """
        k = self.power
        if k <= 0:
            return np.exp((1 - k) * z), np.exp(z), 1.0
        if k > 2:
            return np.exp((2 - k) * z), 1.0, np.exp(-z)
        s = np.exp((2 - k) * z) if k < 2 else 1.0
        t = np.exp((1 - k) * z) if k > 1 else 1.0
        return 1.0, s, t

    def _constant(self, y):
        """Return what makes the loss of p = y zero."""
        k = self.power
        if k == 0:
            return 0.5 * y * y
        if k == 1:
            return y * (np.log(np.maximum(y, np.finfo(y.dtype).tiny)) - 1.0)
        if k == 2:
            return -1.0 - np.log(y)
        return np.maximum(y, 0.0) ** (2 - k) / ((1 - k) * (2 - k))


@register("gaussian_nll")
class GaussianNLL(Loss):
    """Negative log-likelihood of a normal distribution: mean and variance are learned.

    For k targets the network has 2k outputs, first the means p, then s, from which the
    variances are ``v = exp(s) + eps``.

    Formula: ``Σ (log v + (y - p)² / v) / 2``, without the constant log(2π)/2.

    Domain: y and the means in (-inf, inf), s any number.

    Canonical output activation: identity. An output activation applies to the means
    only.

    Parameters
    ----------
    eps : float, default=1e-6
        The smallest variance, in squared units of y; in (0, inf). It bounds the loss
        from below, where a perfect fit would send it to -inf.

    References
    ----------
    Nix, D. A. & Weigend, A. S. (1994). Estimating the mean and variance of the target
    probability distribution. ICNN.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import GaussianNLL
    >>> loss, p = GaussianNLL(), np.array([[1.0, 0.0]])
    >>> loss.value(y=np.array([[3.0]]), p=p).round(4)
    array([2.])
    >>> loss.predict(p), loss.std(p).round(4)
    (array([[1.]]), array([[1.]]))
    """

    eps: float = 1e-6
    canonical = "identity"
    columns = 2
    linear_columns = 1

    def check(self):
        """Raise if `eps` is not in (0, inf)."""
        self._check_real("eps", _POSITIVE)

    def value(self, y, p):
        return self.raw_value(y, p)

    def gradient(self, y, p, out):
        self.raw_value_gradient(y, p, out)

    def raw_value_gradient(self, y, z, out):
        k, limits = y.shape[1], np.finfo(z.dtype)
        mean, s = z[:, :k], z[:, k:]
        with np.errstate(over="ignore"):
            residual = mean - y
            spread = np.minimum(np.exp(s), limits.max)
            variance = spread + self._eps(z.dtype)
            log_variance = np.maximum(np.log(variance), s)  # s where exp(s) is inf
            slope = np.divide(residual, variance, out=out[:, :k])
            residual *= slope
            value = 0.5 * _row_sums(log_variance + residual)
            # Finite, since a spread of 0 makes 0 of it.
            np.minimum(residual, limits.max, out=residual)
            spread /= variance
            spread *= 0.5
            np.multiply(1.0 - residual, spread, out=out[:, k:])
        return value

    def predict(self, p):
        """Return the means.

        Parameters
        ----------
        p : ndarray of shape (n, 2 * k)

        Returns
        -------
        mean : ndarray of shape (n, k)
        """
        return p[:, : p.shape[1] // 2]

    def std(self, p):
        """Return the standard deviations.

        Parameters
        ----------
        p : ndarray of shape (n, 2 * k)

        Returns
        -------
        std : ndarray of shape (n, k)
        """
        with np.errstate(over="ignore"):
            half = np.exp(0.5 * p[:, p.shape[1] // 2 :])
            return np.hypot(half, self._eps(p.dtype) ** 0.5)

    def _eps(self, dtype):
        # An eps below the float range must not leave a variance of 0.
        return max(float(self.eps), float(np.finfo(dtype).tiny))


# Class probabilities ----------------------------------------------------------------


@register("log_loss")
class LogLoss(Loss):
    """Log loss (cross-entropy): the negative log-likelihood of the classes.

    Formula: ``-Σ y log p + (1 - y) log(1 - p)`` with two classes or several labels;
    ``-Σ y log p`` with exclusive classes, where the rows of p sum to 1.

    Domain: y in [0, 1] (0 or 1 before smoothing), p in [0, 1]. A p that rounding has
    made 0 or 1 counts as the float next to it, so the loss is finite.

    Canonical output activation: logistic; softmax with exclusive classes.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share e of every target that is spread evenly over the classes, in [0, 1):
        y becomes ``(1 - e) y + e / n_classes``, with n_classes = 2 for a label.

    References
    ----------
    Bishop, C. M. (2006). Pattern recognition and machine learning, sections 4.3 and
    5.2. Smoothing: Szegedy, C. et al. (2016). Rethinking the Inception architecture
    for computer vision. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import LogLoss
    >>> LogLoss().value(y=np.array([[1.0], [0.0]]), p=np.array([[0.5], [0.2]])).round(4)
    array([0.6931, 0.2231])
    >>> LogLoss(label_smoothing=0.1).prepare(np.array([[1.0], [0.0]])).ravel()
    array([0.95, 0.05])
    """

    label_smoothing: float = 0.0
    tasks = _CLASSIFICATION
    y_domain = p_domain = _PROBABILITY
    canonical = "logistic"

    def check(self):
        """Raise if `label_smoothing` is not in [0, 1)."""
        self._check_real("label_smoothing", Interval(0.0, 1.0, "left"))

    def for_target(self, exclusive):
        return _CategoricalLogLoss(self.label_smoothing) if exclusive else self

    def prepare(self, y):
        return _smoothed(y, self.label_smoothing, n_classes=2)

    def value(self, y, p):
        log_p, log_q = _logs(p)
        log_p *= y
        log_q *= 1.0 - y
        return -_row_sums(log_p + log_q)

    def gradient(self, y, p, out):
        p, q = _complements(p)
        np.divide(1.0 - y, q, out=out)
        out -= y / p

    def raw_value_gradient(self, y, z, out):
        small = np.exp(-np.abs(z))
        value = np.maximum(z, 0.0)
        value -= y * z
        value += np.log1p(small)
        # p is small/(1 + small) for negative z and 1 minus that for others. This order
        # of the terms keeps all digits of p - y however close the two are.
        small /= 1.0 + small
        np.copysign(small, z, out=small)
        np.subtract(~np.signbit(z), y, out=out)
        out -= small
        return _row_sums(value)


class _CategoricalLogLoss(LogLoss):
    """Log loss of exclusive classes; rows of y sum to 1, and so do those of p."""

    canonical = "softmax"

    def prepare(self, y):
        return _smoothed(y, self.label_smoothing, n_classes=y.shape[1])

    def value(self, y, p):
        return -_row_sums(y * _logs(p)[0])

    def gradient(self, y, p, out):
        np.divide(-y, _complements(p)[0], out=out)

    def raw_value_gradient(self, y, z, out):
        p = _shifted(z)
        value = -np.sum(y.T * p, axis=0)
        np.exp(p, out=p)
        total = p.sum(axis=0)
        value += np.log(total)
        p /= total
        np.subtract(p.T, y, out=out)
        return value


@register("focal")
class Focal(Loss):
    """Log loss that gives less weight to rows which are already predicted well.

    Formula: ``-Σ y (1 - p)^γ log p + (1 - y) p^γ log(1 - p)`` with two classes or
    several labels; ``-Σ y (1 - p)^γ log p`` with exclusive classes. γ = 0 is the log
    loss.

    Domain: y in [0, 1], p in [0, 1]. A p that rounding has made 0 or 1 counts as the
    float next to it, so the loss is finite.

    Canonical output activation: logistic; softmax with exclusive classes.

    Parameters
    ----------
    gamma : float, default=2.0
        Exponent γ, in [0, inf).

    References
    ----------
    Lin, T.-Y. et al. (2017). Focal loss for dense object detection. ICCV.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.losses import Focal
    >>> y, p = np.array([[1.0], [1.0]]), np.array([[0.5], [0.9]])
    >>> Focal(gamma=2.0).value(y, p).round(4)
    array([0.1733, 0.0011])
    """

    gamma: float = 2.0
    tasks = _CLASSIFICATION
    y_domain = p_domain = _PROBABILITY
    canonical = "logistic"

    def check(self):
        """Raise if `gamma` is not in [0, inf)."""
        self._check_real("gamma", Interval(0.0, np.inf, "left"))

    def for_target(self, exclusive):
        return _CategoricalFocal(self.gamma) if exclusive else self

    def value(self, y, p):
        log_p, log_q = _logs(p)
        log_p *= y * (1.0 - p) ** self.gamma
        log_q *= (1.0 - y) * p**self.gamma
        return -_row_sums(log_p + log_q)

    def gradient(self, y, p, out):
        (log_p, log_q), (p, q) = _logs(p), _complements(p)
        np.multiply(y, self._slope(p, q, log_p), out=out)
        out -= (1.0 - y) * self._slope(q, p, log_q)

    def raw_value_gradient(self, y, z, out):
        softplus = np.log1p(np.exp(-np.abs(z)))
        log_p = np.minimum(z, 0.0) - softplus
        log_q = -np.maximum(z, 0.0) - softplus
        value, slope = self._raw_term(log_p, log_q)
        value *= y
        np.multiply(slope, y, out=out)
        other_value, slope = self._raw_term(log_q, log_p)
        value += (1.0 - y) * other_value
        out -= (1.0 - y) * slope
        return _row_sums(value)

    def _slope(self, p, q, log_p):
        """Return the derivative of ``-q^γ log p`` by p, where q is 1 - p."""
        return q**self.gamma * (self.gamma * log_p / q - 1.0 / p)

    def _raw_term(self, log_p, log_q):
        """Return ``-q^γ log p`` and its derivative by the logit of p."""
        with np.errstate(over="ignore"):
            weight = np.exp(self.gamma * log_q)
        slope = self.gamma * np.exp(log_p) * log_p
        slope -= np.exp(log_q)
        slope *= weight
        weight *= -log_p
        return weight, slope


class _CategoricalFocal(Focal):
    """Focal loss of exclusive classes; rows of y sum to 1, and so do those of p."""

    canonical = "softmax"

    def value(self, y, p):
        return -_row_sums(y * (1.0 - p) ** self.gamma * _logs(p)[0])

    def gradient(self, y, p, out):
        np.multiply(y, self._slope(*_complements(p), _logs(p)[0]), out=out)

    def raw_value_gradient(self, y, z, out):
        log_p = _shifted(z)
        p = np.exp(log_p)
        total = p.sum(axis=0)
        p /= total
        log_p -= np.log(total)
        q = -np.expm1(log_p)
        weight = q**self.gamma
        weight *= y.T
        value = -np.sum(weight * log_p, axis=0)
        # -p times the derivative of each term by its p ...
        log_p *= p
        log_p /= np.maximum(q, np.finfo(q.dtype).tiny)
        weight *= 1.0 - self.gamma * log_p
        # ... and the softmax, whose Jacobian is diag(p) - p pᵀ.
        p *= weight.sum(axis=0)
        np.subtract(p.T, weight.T, out=out)
        return value


# Helpers ----------------------------------------------------------------------------


def _is_real(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def _row_sums(terms):
    """Sum each row; `einsum` since `sum` is slow along a short last axis."""
    return terms[:, 0] if terms.shape[1] == 1 else np.einsum("ij->i", terms)


def _step(d, low, high, out):
    """Write `low` where d is negative, `high` where it is positive, 0 where it is 0.

    As a steep ramp that is cut off: masks and `np.sign` take several times as long.
    The ramp is so narrow that only differences below 1e-30 lie on it.
    """
    width = 2.0**-100
    np.clip(d, low * width, high * width, out=out)
    out *= 1.0 / width


def _smoothed(y, share, n_classes):
    return y if share == 0 else (1.0 - share) * y + share / n_classes


def _complements(p):
    """Return p and 1 - p, away from 0 by the smallest step that they can have."""
    limits = np.finfo(p.dtype)
    return np.maximum(p, limits.tiny), np.maximum(1.0 - p, limits.epsneg)


def _logs(p):
    """Return finite log p and log(1 - p), each exactly 0 where it should be."""
    limits = np.finfo(p.dtype)
    log_p = np.log(np.maximum(p, limits.tiny))
    return log_p, np.log1p(-np.minimum(p, 1.0 - limits.epsneg))


def _shifted(z):
    """Return ``z - max(z)`` of each row, transposed and contiguous.

    Reductions over a few classes run many times faster along the first axis. The
    result is finite, so that 0 times it is 0.
    """
    shifted = z.T.copy()
    with np.errstate(over="ignore"):
        shifted -= shifted.max(axis=0)
    return np.maximum(shifted, np.finfo(z.dtype).min, out=shifted)
