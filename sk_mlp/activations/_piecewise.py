"""Rectifiers and other curves that are made of pieces."""

from math import inf
from typing import Annotated

import numpy as np

from sk_mlp._component import Interval, NonNegative, Number, Positive
from sk_mlp._numerics import jump, negative_part, positive_part
from sk_mlp.activations._base import Activation, register

__all__ = [
    "CELU",
    "ELU",
    "SELU",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "LeakyReLU",
    "RReLU",
    "ReLU",
]


@register("relu")
class ReLU(Activation):
    """Rectified linear unit.

    Examples
    --------
    >>> from sk_mlp.activations import ReLU
    >>> ReLU()([-1.0, 2.0])
    array([0., 2.])
    """

    formula = "max(z, 0)"
    reference = "Nair & Hinton 2010, ICML"
    range = Interval(0.0, inf, "left")
    monotonic = True
    kinks = (0.0,)

    def forward(self, z, out):
        positive_part(z, out=out)

    def backward(self, z, a, grad):
        grad *= z > 0.0

    def to_onnx(self, op, z):
        return op.Relu(z)


@register("leaky_relu")
@register("prelu", negative_slope=0.25, trainable=True)
class LeakyReLU(Activation):
    """Leaky rectified linear unit; with a trained slope the parametric one, PReLU.

    Parameters
    ----------
    negative_slope : float >= 0, default=0.01
        The m of the formula.
    trainable : {False, True, "shared"}, default=False
        Whether it is trained, per unit or with one value for the layer. PReLU
        (He et al. 2015, arXiv:1502.01852) trains it, from 0.25.

    Examples
    --------
    >>> from sk_mlp.activations import LeakyReLU
    >>> LeakyReLU(negative_slope=0.1)([-1.0, 2.0])
    array([-0.1,  2. ])
    """

    negative_slope: NonNegative = 0.01
    trainable: bool | str = False
    formula = "max(z, 0) + m min(z, 0)"
    reference = (
        "Maas, Hannun & Ng 2013, ICML workshop; "
        "PReLU: He, Zhang, Ren & Sun 2015, arXiv:1502.01852"
    )
    shape_parameters = ("negative_slope",)
    monotonic = True
    kinks = (0.0,)

    @property
    def range(self):
        bounded = self.negative_slope == 0 and not self.trainable
        return Interval(0.0, inf, "left") if bounded else Interval()

    def forward(self, z, out, slope):
        if _within_0_and_1(slope):  # max(z, m z), in a third of the time
            np.multiply(z, slope, out=out)
            np.maximum(z, out, out=out)
            return
        with np.errstate(over="ignore"):
            np.multiply(negative_part(z), slope, out=out)
        out += positive_part(z)

    def backward(self, z, a, grad, slope):
        if np.ndim(slope) == 0 and slope <= 1:
            jump(z, slope, 1.0, out=a)
        else:
            above = z > 0.0
            np.multiply(~above, slope, out=a, dtype=a.dtype)
            a += above
        grad *= a

    def shape_gradient(self, z, a, slope):
        return (negative_part(z),)

    def to_onnx(self, op, z, slope):
        if op.has("LeakyRelu", slope):
            return op.LeakyRelu(z, alpha=slope)
        # PRelu would do; onnxruntime takes six times as long for it.
        return op.Relu(z) + slope * op.Min(z, 0.0)


def _within_0_and_1(slope):
    """Tell whether all slopes, a number or an array, lie in (0, 1]."""
    if np.ndim(slope) == 0:
        return 0 < slope <= 1
    return 0 < slope.min() and slope.max() <= 1


@register("rrelu")
class RReLU(Activation):
    """Randomized leaky rectified linear unit.

    In training the slope m is drawn for every element; prediction takes its mean.

    Parameters
    ----------
    lower, upper : float >= 0, default=1/8 and 1/3
        The slopes are drawn uniformly between them.

    Examples
    --------
    >>> from sk_mlp.activations import RReLU
    >>> RReLU(lower=0.1, upper=0.3)([-1.0, 2.0])
    array([-0.2,  2. ])
    """

    lower: NonNegative = 1 / 8
    upper: NonNegative = 1 / 3
    formula = "max(z, 0) + m min(z, 0), m ~ U(lower, upper)"
    reference = "Xu, Wang, Chen & Li 2015, arXiv:1505.00853"
    monotonic = True
    kinks = (0.0,)
    random = True
    forward = LeakyReLU.forward
    backward = LeakyReLU.backward
    to_onnx = LeakyReLU.to_onnx

    @property
    def expected(self):
        """float: the mean slope, used in prediction."""
        return 0.5 * (float(self.lower) + float(self.upper))

    def draw(self, rng, out):
        """Fill the C-contiguous `out` with slopes from the numpy Generator `rng`."""
        rng.random(out=out, dtype=out.dtype)
        out *= float(self.upper) - float(self.lower)
        out += float(self.lower)

    def check(self):
        super().check()
        above = Interval(self.lower, inf, "left")
        self._check_as("upper", Annotated[float, above])


@register("hard_tanh")
@register("relu6", min_val=0.0, max_val=6.0)
class HardTanh(Activation):
    """Identity clipped to an interval; ReLU6 clips to [0, 6].

    Parameters
    ----------
    min_val, max_val : float, default=-1.0 and 1.0
        The ends of the interval, min_val < max_val.

    Examples
    --------
    >>> from sk_mlp.activations import HardTanh
    >>> HardTanh()([-2.0, 0.5, 2.0])
    array([-1. ,  0.5,  1. ])
    """

    min_val: Number = -1.0
    max_val: Number = 1.0
    formula = "min(max(z, min_val), max_val)"
    reference = "Collobert 2004; ReLU6: Krizhevsky 2010"
    monotonic = True

    @property
    def range(self):
        return Interval(self.min_val, self.max_val, "both")

    @property
    def zero_centered(self):
        return self.min_val == -self.max_val

    @property
    def kinks(self):
        return (float(self.min_val), float(self.max_val))

    @property
    def initializer(self):
        return "glorot_uniform" if self.zero_centered else None

    def forward(self, z, out):
        z.clip(float(self.min_val), float(self.max_val), out=out)

    def backward(self, z, a, grad):
        grad *= (z > float(self.min_val)) & (z <= float(self.max_val))

    def to_onnx(self, op, z):
        return op.Clip(z, self.min_val, self.max_val)

    def check(self):
        super().check()
        self._check_as("max_val", Annotated[float, Interval(self.min_val)])


@register("hard_sigmoid")
class HardSigmoid(Activation):
    """Piecewise linear sigmoid.

    Examples
    --------
    >>> from sk_mlp.activations import HardSigmoid
    >>> HardSigmoid()([-4.0, 0.0, 1.5])
    array([0.  , 0.5 , 0.75])
    """

    formula = "min(max(z/6 + 1/2, 0), 1)"
    reference = "Howard et al. 2019, arXiv:1905.02244"
    range = Interval(0.0, 1.0, "both")
    monotonic = True
    kinks = (-3.0, 3.0)
    initializer = "glorot_uniform"

    def forward(self, z, out):
        np.multiply(z, 1 / 6, out=out)
        out += 0.5
        out.clip(0.0, 1.0, out=out)

    def backward(self, z, a, grad):
        grad *= (z > -3.0) & (z <= 3.0)
        grad *= 1 / 6

    def to_onnx(self, op, z):
        if op.has("HardSigmoid"):
            return op.HardSigmoid(z, alpha=1 / 6, beta=0.5)
        return op.Clip(z / 6.0 + 0.5, 0.0, 1.0)


@register("hard_swish", "hard_silu")
class HardSwish(Activation):
    """Swish with the hard sigmoid in place of the logistic function.

    Examples
    --------
    >>> from sk_mlp.activations import HardSwish
    >>> HardSwish()([-1.5, 0.0, 3.0])
    array([-0.375,  0.   ,  3.   ])
    """

    formula = "z min(max(z/6 + 1/2, 0), 1)"
    reference = "Howard et al. 2019, arXiv:1905.02244"
    range = Interval(-0.375, inf, "left")
    kinks = (-3.0, 3.0)

    def forward(self, z, out):
        z.clip(-3.0, 3.0, out=out)
        out *= 1 / 6
        out += 0.5
        out *= z.clip(-3.0, inf)

    def forward_derivative(self, z, out, slope):
        sixth = z.clip(-3.0, 3.0)
        sixth *= 1 / 6
        np.multiply(sixth, (z > -3.0) & (z <= 3.0), out=slope)
        sixth += 0.5
        slope += sixth
        z.clip(-3.0, inf, out=out)
        out *= sixth

    def to_onnx(self, op, z):
        if op.has("HardSwish"):
            return op.HardSwish(z)
        return z * op.Clip(z / 6.0 + 0.5, 0.0, 1.0)


def _expm1(op, z):
    """Return exp(z) - 1 with the digits of a small z, in ONNX, which lacks it."""
    return op.Tanh(0.5 * z) * (op.Exp(z) + 1.0)


@register("elu")
class ELU(Activation):
    """Exponential linear unit.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        The limit at -inf is -alpha.
    trainable : {False, True, "shared"}, default=False
        Whether alpha is trained, per unit or with one value for the layer.

    Examples
    --------
    >>> from sk_mlp.activations import ELU
    >>> ELU()([-1.0, 2.0]).round(3)
    array([-0.632,  2.   ])
    """

    alpha: NonNegative = 1.0
    trainable: bool | str = False
    formula = "max(z, 0) + alpha (exp(min(z, 0)) - 1)"
    reference = "Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289"
    shape_parameters = ("alpha",)
    monotonic = True

    @property
    def range(self):
        return Interval() if self.trainable else Interval(-self.alpha)

    @property
    def kinks(self):
        return () if self.alpha == 1 and not self.trainable else (0.0,)

    def forward(self, z, out, alpha):
        negative_part(z, out=out)
        np.expm1(out, out=out)
        out *= alpha
        out += positive_part(z)

    def forward_derivative(self, z, out, slope, alpha):
        np.expm1(negative_part(z, out=slope), out=slope)
        slope *= alpha
        np.add(positive_part(z), slope, out=out)
        slope += alpha
        if np.ndim(alpha) or alpha != 1:  # the slope jumps at 0
            above = z > 0.0
            slope *= ~above
            slope += above

    def shape_gradient(self, z, a, alpha):
        return (np.expm1(negative_part(z)),)

    def to_onnx(self, op, z, alpha):
        if op.has("Elu", alpha):
            return op.Elu(z, alpha=alpha)
        return op.Relu(z) + alpha * _expm1(op, op.Min(z, 0.0))


@register("celu")
class CELU(Activation):
    """Continuously differentiable exponential linear unit.

    Parameters
    ----------
    alpha : float > 0, default=1.0
        The limit at -inf is -alpha.
    trainable : {False, True, "shared"}, default=False
        Whether alpha is trained, per unit or with one value for the layer. Only the
        absolute value of a trained one counts.

    Examples
    --------
    >>> from sk_mlp.activations import CELU
    >>> CELU(alpha=2.0)([-1.0, 2.0]).round(3)
    array([-0.787,  2.   ])
    """

    alpha: Positive = 1.0
    trainable: bool | str = False
    formula = "max(z, 0) + alpha (exp(min(z, 0) / alpha) - 1)"
    reference = "Barron 2017, arXiv:1704.07483"
    shape_parameters = ("alpha",)
    monotonic = True

    @property
    def range(self):
        return Interval() if self.trainable else Interval(-self.alpha)

    def _exponent(self, z, out, alpha):
        with np.errstate(over="ignore"):
            np.divide(z, abs(alpha), out=out)
        return out.clip(-1e3, 0.0, out=out)  # exp is 0 from -746 on

    def forward(self, z, out, alpha):
        np.expm1(self._exponent(z, out, alpha), out=out)
        out *= abs(alpha)
        np.maximum(z, out, out=out)

    def forward_derivative(self, z, out, slope, alpha):
        np.expm1(self._exponent(z, slope, alpha), out=slope)
        np.multiply(slope, abs(alpha), out=out)
        np.maximum(z, out, out=out)
        slope += 1.0

    def shape_gradient(self, z, a, alpha):
        exponent = self._exponent(z, np.empty_like(z), alpha)
        partial = np.expm1(exponent)
        partial -= exponent * np.exp(exponent)
        return (partial * (alpha / abs(alpha)),)

    def to_onnx(self, op, z, alpha):
        # The operator Celu loses the digits of z where alpha is large.
        alpha = abs(alpha)
        return op.Max(z, alpha * _expm1(op, op.Min(z / alpha, 0.0)))


@register("selu")
class SELU(Activation):
    """Scaled exponential linear unit, which keeps mean 0 and variance 1.

    Examples
    --------
    >>> from sk_mlp.activations import SELU
    >>> SELU()([-1.0, 1.0]).round(4), round(SELU().gain, 9)
    (array([-1.1113,  1.0507]), 1.0)
    """

    # The fixed point of mean and variance under N(0, 1), as in the reference.
    ALPHA = 1.6732632423543772848170429916717
    SCALE = 1.0507009873554804934193349852946

    formula = "scale (max(z, 0) + alpha (exp(min(z, 0)) - 1))"
    reference = "Klambauer, Unterthiner, Mayr & Hochreiter 2017, arXiv:1706.02515"
    range = Interval(-SCALE * ALPHA)
    dropped = -SCALE * ALPHA
    zero_centered = monotonic = True
    kinks = (0.0,)

    def forward(self, z, out):
        ELU.forward(self, z, out, self.ALPHA)
        with np.errstate(over="ignore"):
            out *= self.SCALE

    def forward_derivative(self, z, out, slope):
        limit = self.SCALE * self.ALPHA
        np.expm1(negative_part(z, out=slope), out=slope)
        slope *= limit
        with np.errstate(over="ignore"):
            np.multiply(positive_part(z, out=out), self.SCALE, out=out)
        out += slope
        slope += limit
        slope -= jump(z, 0.0, limit - self.SCALE, out=np.empty_like(z))

    def to_onnx(self, op, z):
        if op.has("Selu"):
            return op.Selu(z, alpha=self.ALPHA, gamma=self.SCALE)
        return self.SCALE * ELU.to_onnx(self, op, z, self.ALPHA)
