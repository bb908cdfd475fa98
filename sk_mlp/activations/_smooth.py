"""Smooth relatives of the rectifier."""

from math import inf
from typing import Literal

import numpy as np

from sk_mlp._component import Interval, NonNegative, Positive
from sk_mlp._numerics import (
    finite_below,
    logistic,
    logistic_derivative,
    normal_tail,
    positive_part,
    tanh_normal_tail,
)
from sk_mlp.activations._base import Activation, register

__all__ = ["GELU", "Mish", "SiLU", "Softplus"]


@register("softplus")
class Softplus(Activation):
    """Smooth rectifier.

    Parameters
    ----------
    beta : float > 0, default=1.0
        How sharp the bend is; for beta to infinity it is ReLU.
    trainable : {False, True, "shared"}, default=False
        Whether beta is trained, per unit or with one value for the layer. Only the
        absolute value of a trained one counts.

    Examples
    --------
    >>> from sk_mlp.activations import Softplus
    >>> Softplus()([-1.0, 1.0]).round(4)
    array([0.3133, 1.3133])
    """

    beta: Positive = 1.0
    trainable: bool | str = False
    formula = "log(1 + exp(beta z)) / beta"
    reference = "Dugas, Bengio, Belisle, Nadeau & Garcia 2001, NIPS"
    shape_parameters = ("beta",)
    range = Interval(0.0)
    monotonic = True

    def _decay(self, z, beta):
        with np.errstate(over="ignore"):
            decay = np.abs(z) * -abs(beta)
        return np.exp(decay, out=decay)

    def forward(self, z, out, beta):
        np.log1p(self._decay(z, beta), out=out)
        out /= abs(beta)
        out += positive_part(z)

    def backward(self, z, a, grad, beta):
        # The logistic function of beta z, as 1 - exp(-beta a): right in the tail too.
        with np.errstate(over="ignore"):  # to -inf
            a *= -abs(beta)
        grad *= np.expm1(a, out=a)
        np.negative(grad, out=grad)

    def shape_gradient(self, z, a, beta):
        decay = self._decay(z, beta)
        partial = np.log1p(decay) / -abs(beta)
        partial -= np.abs(z) * decay / (1.0 + decay)
        return (partial / beta,)


@register("silu", "swish")
@register("swish_beta", trainable=True)
class SiLU(Activation):
    """Sigmoid linear unit, also called swish.

    Parameters
    ----------
    beta : float >= 0, default=1.0
        How sharp the bend is; 0 is z/2, and for beta to infinity it is ReLU.
    trainable : {False, True, "shared"}, default=False
        Whether beta is trained, per unit or with one value for the layer
        (Ramachandran, Zoph & Le 2017, arXiv:1710.05941).

    Examples
    --------
    >>> from sk_mlp.activations import SiLU
    >>> SiLU()([-1.0, 1.0]).round(4)
    array([-0.2689,  0.7311])
    """

    beta: NonNegative = 1.0
    trainable: bool | str = False
    formula = "z / (1 + exp(-beta z))"
    reference = "Elfwing, Uchibe & Doya 2018, arXiv:1702.03118"
    shape_parameters = ("beta",)

    @property
    def range(self):
        if self.trainable or self.beta == 0:
            return Interval()
        return Interval(-0.27846454276107380 / self.beta, inf, "left")

    def forward(self, z, out, beta):
        logistic(z, beta, out)
        out *= finite_below(z)

    def backward(self, z, a, grad, beta):
        # (1 + t + h (1 - t²)) / 2 with h = beta z / 2, t = tanh(h); beyond ±400, t is
        # ±1, and 0 * inf is avoided.
        with np.errstate(over="ignore"):
            z *= 0.5 * beta
        half = np.clip(z, -400.0, 400.0, out=z)
        np.tanh(half, out=a)
        half *= 1.0 - a * a
        half += a
        half += 1.0
        half *= 0.5
        grad *= half

    def shape_gradient(self, z, a, beta):
        with np.errstate(over="ignore"):
            half = z * (0.5 * beta)
        return (logistic_derivative(half) * z * z,)


@register("mish")
class Mish(Activation):
    """Self-regularized non-monotonic activation.

    Examples
    --------
    >>> from sk_mlp.activations import Mish
    >>> Mish()([-1.0, 1.0]).round(4)
    array([-0.3034,  0.8651])
    """

    formula = "z tanh(log(1 + exp(z)))"
    reference = "Misra 2020, BMVC, arXiv:1908.08681"
    range = Interval(-0.30884341301725041, inf, "left")

    def _parts(self, z):
        # tanh(log(1 + n)) = w / (w + 2) with n = exp(z), w = n (n + 2); 1 from 20 on
        clipped = np.clip(z, -1e3, 20.0)
        n = np.exp(clipped)
        w = n + 2.0
        w *= n
        return clipped, n, w, w + 2.0

    def forward(self, z, out):
        _, _, w, w2 = self._parts(z)
        np.divide(w, w2, out=out)
        out *= finite_below(z)

    def backward(self, z, a, grad):
        # (w + 4 z n (n + 1) / (w + 2)) / (w + 2)
        clipped, n, w, w2 = self._parts(z)
        clipped *= 4.0 * n
        clipped *= n + 1.0
        clipped /= w2
        clipped += w
        clipped /= w2
        grad *= clipped


@register("gelu")
@register("gelu_tanh", approximate="tanh")
class GELU(Activation):
    """Gaussian error linear unit.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default="none"
        "tanh" is the reference's approximation of Phi,
        ``(1 + tanh(sqrt(2/pi) (z + 0.044715 z**3))) / 2``.

    Examples
    --------
    >>> from sk_mlp.activations import GELU
    >>> GELU()([-1.0, 1.0]).round(4), GELU("tanh")([-1.0, 1.0]).round(4)
    (array([-0.1587,  0.8413]), array([-0.1588,  0.8412]))
    """

    approximate: Literal["none", "tanh"] = "none"
    formula = "z Phi(z), Phi the distribution function of N(0, 1)"
    reference = "Hendrycks & Gimpel 2016, arXiv:1606.08415"

    @property
    def range(self):
        exact = self.approximate == "none"
        return Interval(
            -0.16997120747990369 if exact else -0.17004075057125412, inf, "left"
        )

    def _tail(self, z):
        return (tanh_normal_tail if self.approximate == "tanh" else normal_tail)(z)

    def forward(self, z, out):
        # max(z, 0) - |z| (1 - Phi(|z|)): one tail serves both signs.
        x, tail, _ = self._tail(z)
        tail *= x
        np.subtract(positive_part(z), tail, out=out)

    def backward(self, z, a, grad):
        x, tail, density = self._tail(z)
        density *= x
        tail -= density  # the slope below 0, and 1 minus the slope above
        above = np.greater(z, 0.0, out=a)
        tail *= 1.0 - 2.0 * above
        tail += above
        grad *= tail
