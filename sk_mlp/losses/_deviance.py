"""Losses for numbers whose spread is modelled: by the mean, or learned with it."""

from typing import Annotated

import numpy as np

from sk_mlp._component import Interval, Positive
from sk_mlp.losses._base import POSITIVE, REAL_LINE, Loss, register, row_sums

__all__ = ["GaussianNLL", "Tweedie"]


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

    power: Annotated[
        float, Interval(high=0.0, closed="right"), Interval(1.0, closed="left")
    ] = 1.5
    p_domain = POSITIVE
    canonical = "exp"

    @property
    def y_domain(self):
        """Which targets the loss is defined for."""
        if self.power <= 0:
            return REAL_LINE
        return POSITIVE if self.power >= 2 else Interval(0.0, np.inf, "left")

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
        return row_sums(value)

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

    eps: Positive = 1e-6
    canonical = "identity"
    columns = 2
    linear_columns = 1

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
            value = 0.5 * row_sums(log_variance + residual)
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
            std = np.hypot(half, self._eps(p.dtype) ** 0.5)
        return np.minimum(std, np.finfo(p.dtype).max, out=std)

    def to_onnx(self, op, p, n_targets):
        mean = op.columns(p, slice(0, n_targets), 2 * n_targets)
        s = op.columns(p, slice(n_targets, 2 * n_targets), 2 * n_targets)
        half, eps = op.Exp(0.5 * s), self._eps(op.dtype) ** 0.5
        larger = op.Max(half, eps)
        ratio = op.Min(half, eps) / larger
        std = larger * op.Sqrt(1.0 + ratio * ratio)  # whose square may overflow
        return {"variable": mean, "std": op.Min(std, np.finfo(op.dtype).max)}

    def _eps(self, dtype):
        # An eps below the float range must not leave a variance of 0.
        return max(float(self.eps), float(np.finfo(dtype).tiny))
