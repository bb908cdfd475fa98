"""Losses for numbers: what is left of y after the prediction p."""

from itertools import pairwise
from numbers import Real

import numpy as np

from sk_mlp._component import Positive
from sk_mlp._numerics import jump
from sk_mlp.losses._base import CLASSIFICATION, REGRESSION, Loss, register, row_sums

__all__ = ["AbsoluteError", "Huber", "LogCosh", "Quantile", "SquaredError"]


class _Residual(Loss):
    """A loss of the residual d = p - y alone, given by `_rho` and its slope."""

    canonical = "identity"

    def value(self, y, p):
        with np.errstate(over="ignore"):
            return row_sums(self._rho(p - y))

    def gradient(self, y, p, out):
        with np.errstate(over="ignore"):
            self._slope(p - y, out)

    def raw_value_gradient(self, y, z, out):
        with np.errstate(over="ignore"):
            residual = z - y
            value = row_sums(self._rho(residual))
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

    tasks = CLASSIFICATION | REGRESSION

    def raw_value_gradient(self, y, z, out):
        with np.errstate(over="ignore"):
            np.subtract(z, y, out=out)  # which is the gradient
            return row_sums(self._rho(out))

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
        jump(d, -1.0, 1.0, out)


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

    delta: Positive = 1.0

    def _rho(self, d):
        size = np.abs(d)
        near = np.minimum(size, self.delta)
        size -= 0.5 * near
        size *= near
        return size

    def _slope(self, d, out):
        d.clip(-self.delta, self.delta, out=out)


@register("log_cosh")
class LogCosh(_Residual):
    """Logarithm of the hyperbolic cosine: a Huber loss without a seam.

    Formula: ``Σ log cosh(p - y)``; nearly d²/2 for small d, ``|d| - log 2`` for large.

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
        super().check()
        levels = self._levels()
        what = "a float in the range (0, 1) or a tuple of increasing ones"
        if not all(isinstance(q, Real) and not isinstance(q, bool) for q in levels):
            self._reject("levels", what, TypeError)
        increasing = all(low < high for low, high in pairwise((0, *levels, 1)))
        if not (levels and increasing):
            self._reject("levels", what)

    def value(self, y, p):
        total = np.zeros(len(p), p.dtype)
        with np.errstate(over="ignore"):
            for i, level in enumerate(self._levels()):
                d = p[:, i :: self.columns] - y
                total += row_sums(np.maximum((1.0 - level) * d, -level * d))
        return total

    def gradient(self, y, p, out):
        with np.errstate(over="ignore"):
            for i, level in enumerate(self._levels()):
                rest = slice(i, None, self.columns)
                jump(p[:, rest] - y, -level, 1.0 - level, out[:, rest])

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

    def to_onnx(self, op, p, n_targets):
        if self.columns == 1:
            return {"variable": p}
        # One row more: without rows TopK takes onnxruntime down up to 1.30.
        p = op.Concat(np.zeros((1, n_targets * self.columns)), p, axis=0)
        targets = () if n_targets == 1 else (n_targets,)
        p = op.Reshape(p, op.integers(-1, *targets, self.columns))
        p, _ = op.TopK(p, op.integers(self.columns), axis=-1, largest=0)
        rows = op.integers(1), op.integers(np.iinfo(np.int64).max), op.integers(0)
        return {"variable": op.Slice(p, *rows)}

    def _levels(self):
        return self.levels if isinstance(self.levels, tuple | list) else (self.levels,)
