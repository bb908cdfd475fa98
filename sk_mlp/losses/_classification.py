"""Losses for class probabilities."""

import numpy as np

from sk_mlp._component import NonNegative, Unit
from sk_mlp.losses._base import CLASSIFICATION, PROBABILITY, Loss, register, row_sums

__all__ = ["Focal", "LogLoss"]


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

    label_smoothing: Unit = 0.0
    tasks = CLASSIFICATION
    y_domain = p_domain = PROBABILITY
    canonical = "logistic"

    def for_target(self, exclusive):
        if not (exclusive and _keeps_formula(self, LogLoss)):
            return self
        return _CategoricalLogLoss(self.label_smoothing)

    def prepare(self, y):
        return _smoothed(y, self.label_smoothing, n_classes=2)

    def value(self, y, p):
        log_p, log_q = _logs(p)
        log_p *= y
        log_q *= 1.0 - y
        return -row_sums(log_p + log_q)

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
        return row_sums(value)


class _CategoricalLogLoss(LogLoss):
    """Log loss of exclusive classes; rows of y sum to 1, and so do those of p."""

    canonical = "softmax"

    def prepare(self, y):
        return _smoothed(y, self.label_smoothing, n_classes=y.shape[1])

    def value(self, y, p):
        return -row_sums(y * _logs(p)[0])

    def gradient(self, y, p, out):
        np.divide(-y, _complements(p)[0], out=out)

    def raw_value_gradient(self, y, z, out):
        # Few rows are few microseconds, so it is the calls that count: a ufunc's own
        # `reduce` (along the first axis) takes half the time of np.sum.
        p = _shifted(z)
        value = np.add.reduce(y.T * p)
        np.exp(p, out=p)
        total = np.add.reduce(p)
        p /= total
        np.subtract(p.T, y, out=out)
        return np.subtract(np.log(total), value, out=value)


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

    gamma: NonNegative = 2.0
    tasks = CLASSIFICATION
    y_domain = p_domain = PROBABILITY
    canonical = "logistic"

    def for_target(self, exclusive):
        if not (exclusive and _keeps_formula(self, Focal)):
            return self
        return _CategoricalFocal(self.gamma)

    def value(self, y, p):
        log_p, log_q = _logs(p)
        log_p *= y * (1.0 - p) ** self.gamma
        log_q *= (1.0 - y) * p**self.gamma
        return -row_sums(log_p + log_q)

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
        return row_sums(value)

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
        return -row_sums(y * (1.0 - p) ** self.gamma * _logs(p)[0])

    def gradient(self, y, p, out):
        np.multiply(y, self._slope(*_complements(p), _logs(p)[0]), out=out)

    def raw_value_gradient(self, y, z, out):
        log_p = _shifted(z)
        p = np.exp(log_p)
        total = np.add.reduce(p)
        p /= total
        log_p -= np.log(total)
        q = -np.expm1(log_p)
        weight = q**self.gamma
        weight *= y.T
        value = -np.add.reduce(weight * log_p)
        # -p times the derivative of each term by its p ...
        log_p *= p
        log_p /= np.maximum(q, np.finfo(q.dtype).tiny)
        weight *= 1.0 - self.gamma * log_p
        # ... and the softmax, whose Jacobian is diag(p) - p pᵀ.
        p *= np.add.reduce(weight)
        np.subtract(p.T, weight.T, out=out)
        return value


def _keeps_formula(loss, base):
    """Tell whether no subclass has changed what `base` computes."""
    names = ("prepare", "value", "gradient")
    return all(getattr(type(loss), name) is getattr(base, name) for name in names)


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
        shifted -= np.maximum.reduce(shifted)
    return np.maximum(shifted, np.finfo(z.dtype).min, out=shifted)
