"""Smooth relatives of the rectifier."""

from math import inf, pi, sqrt
from typing import Literal

import numpy as np

from sk_mlp._component import Interval, NonNegative, Positive
from sk_mlp._numerics import (
    TAIL_DOUBLE,
    finite_below,
    logistic,
    logistic_derivative,
    normal_tail,
    polynomial,
    positive_part,
    tanh_normal_tail,
    with_sign,
)
from sk_mlp.activations._base import Activation, register
from sk_mlp.activations._classic import onnx_logistic

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

    # log(1 + exp(z)) takes three quarters of the time of log1p(exp(-|z|)) + max(z, 0),
    # which keeps its digits where it is small. From 80 on it is z; it is never less.

    def _growth(self, z, out, beta):
        with np.errstate(over="ignore"):
            np.multiply(z, abs(beta), out=out)
        return np.exp(out.clip(-inf, 80.0, out=out), out=out)

    def forward(self, z, out, beta):
        self._growth(z, out, beta)
        out += 1.0
        np.log(out, out=out)
        out /= abs(beta)
        np.maximum(z, out, out=out)

    def forward_derivative(self, z, out, slope, beta):
        self._growth(z, slope, beta)
        np.add(slope, 1.0, out=out)
        slope /= out
        np.log(out, out=out)
        out /= abs(beta)
        np.maximum(z, out, out=out)

    def _decay(self, z, beta):
        with np.errstate(over="ignore"):
            decay = np.abs(z) * -abs(beta)
        return np.exp(decay, out=decay)

    def forward_precise(self, z, out, beta):
        np.log1p(self._decay(z, beta), out=out)
        out /= abs(beta)
        out += positive_part(z)

    def shape_gradient(self, z, a, beta):
        decay = self._decay(z, beta)
        partial = np.log1p(decay) / -abs(beta)
        partial -= np.abs(z) * decay / (1.0 + decay)
        return (partial / beta,)

    def to_onnx(self, op, z, beta):
        # The operator Softplus takes onnxruntime five times as long.
        beta = abs(beta)
        growth = op.Exp(op.Min(z * beta, 80.0))
        return op.Max(z, op.Log(1.0 + growth) / beta)


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

    def forward_derivative(self, z, out, slope, beta):
        # s + beta z s (1 - s) with s = 1 / (1 + exp(-beta z))
        s = logistic(z, beta, np.empty_like(z))
        np.subtract(1.0, s, out=slope)
        slope *= s
        slope *= beta
        limits = np.finfo(z.dtype)  # since 0 * inf is NaN
        slope *= z.clip(limits.min, limits.max, out=out)
        slope += s
        finite_below(z, out=out)
        out *= s

    def shape_gradient(self, z, a, beta):
        with np.errstate(over="ignore"):
            partial = logistic_derivative(z * (0.5 * beta))
        partial *= z
        partial *= z
        return (partial,)

    def to_onnx(self, op, z, beta):
        return z * onnx_logistic(op, z * beta)


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
        clipped = z.clip(-1e3, 20.0)
        n = np.exp(clipped)
        w = n + 2.0
        w *= n
        return clipped, n, w, w + 2.0

    def forward(self, z, out):
        _, _, w, w2 = self._parts(z)
        finite_below(z, out=out)
        w /= w2
        out *= w

    def forward_derivative(self, z, out, slope):
        # (w + 4 z n (n + 1) / (w + 2)) / (w + 2), where n (n + 1) = w - n
        clipped, n, w, w2 = self._parts(z)
        np.subtract(w, n, out=slope)
        slope *= clipped
        slope *= 4.0
        slope /= w2
        slope += w
        slope /= w2
        finite_below(z, out=out)
        w /= w2
        out *= w

    def to_onnx(self, op, z):
        n = op.Exp(op.Min(z, 20.0))
        w = n * (n + 2.0)
        return z * (w / (w + 2.0))


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
        np.subtract(positive_part(z, out=out), tail, out=out)

    def forward_derivative(self, z, out, slope):
        if self.approximate == "tanh":
            self._tanh_form(z, out, slope)
            return
        x, tail, density = normal_tail(z)
        density *= x
        x *= tail
        np.subtract(positive_part(z, out=out), x, out=out)
        # tail - density is the slope below 0, and 1 minus the slope above.
        np.subtract(density, tail, out=tail)
        tail += 0.5
        with_sign(tail, z, out=slope)
        slope += 0.5

    def _tanh_form(self, z, out, slope):
        # Phi = (1 + tanh(u)) / 2 with u = k z + k' z³, whose slope needs no density:
        # Phi + z (k + 3 k' z²) (1 - tanh(u)²) / 2.
        k = sqrt(2 / pi)
        x = z.clip(-40.0, 40.0)
        square = x * x
        np.multiply(square, 0.044715 * k, out=slope)
        slope += k
        slope *= x
        np.tanh(slope, out=slope)
        square *= 1.5 * 0.044715 * k
        square += 0.5 * k
        square *= x
        np.multiply(slope, slope, out=x)
        np.subtract(1.0, x, out=x)
        square *= x
        slope *= 0.5
        slope += 0.5
        np.multiply(z.clip(-40.0, inf, out=out), slope, out=out)
        slope += square

    def to_onnx(self, op, z):
        if op.has("Gelu"):
            return op.Gelu(z, approximate=self.approximate)
        # From -40 down Phi is 0; what rounding may leave of it must not meet -1e30.
        above = op.Max(z, -40.0)
        if self.approximate == "tanh":
            u = sqrt(2 / pi) * z * (1.0 + 0.044715 * z * z)
            return above * (0.5 + 0.5 * op.Tanh(u))
        if op.has("Erf"):
            return above * (0.5 + 0.5 * op.Erf(sqrt(0.5) * z))
        x = op.Min(op.Abs(z), 40.0)
        numerator, denominator = (polynomial(x, part) for part in TAIL_DOUBLE)
        tail = op.Exp(-0.5 * x * x) * numerator / denominator
        return op.Relu(z) - x * tail
