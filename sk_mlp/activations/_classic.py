"""The classic units: lines, steps, sigmoids, waves, and those for outputs."""

from typing import Annotated

import numpy as np
from scipy.special import expit

from sk_mlp._component import Interval, Number, Positive
from sk_mlp._numerics import logistic, logistic_derivative
from sk_mlp.activations._base import Activation, get, register

__all__ = [
    "MSAF",
    "Exp",
    "Gaussian",
    "Identity",
    "Logistic",
    "Sine",
    "Softmax",
    "Softsign",
    "Step",
    "SymmetricMSAF",
    "Tanh",
]


@register("identity", "linear")
class Identity(Activation):
    """Linear activation.

    Parameters
    ----------
    slope : float, default=1.0
        The m of the formula; any number.
    trainable : {False, True, "shared"}, default=False
        Whether it is trained, per unit or with one value for the layer.

    Examples
    --------
    >>> from sk_mlp.activations import Identity
    >>> Identity(slope=2.0)([-1.0, 3.0])
    array([-2.,  6.])
    """

    slope: Number = 1.0
    trainable: bool | str = False
    formula = "m z"
    reference = "Widrow & Hoff 1960, Adaptive switching circuits"
    shape_parameters = ("slope",)
    zero_centered = True

    @property
    def monotonic(self):
        return self.slope >= 0

    def forward(self, z, out, slope):
        with np.errstate(over="ignore"):
            np.multiply(z, slope, out=out)

    def backward(self, z, a, grad, slope):
        grad *= slope

    def shape_gradient(self, z, a, slope):
        return (z,)

    def to_onnx(self, op, z, slope):
        return z * slope


@register("step", "heaviside")
class Step(Activation):
    """Threshold unit; without a surrogate it has no gradient to learn from.

    Parameters
    ----------
    surrogate : None, str or Activation, default=None
        The activation whose derivative stands in for the missing one in training
        (Bengio, Leonard & Courville 2013, arXiv:1308.3432).

    Examples
    --------
    >>> from sk_mlp.activations import Step
    >>> Step()([-0.1, 0.0, 0.1]), Step("hard_tanh").derivative([0.5, 2.0])
    (array([0., 1., 1.]), array([1., 0.]))
    """

    surrogate: str | Activation | None = None
    formula = "1 if z >= 0 else 0"
    reference = "McCulloch & Pitts 1943"
    range = Interval(0.0, 1.0, "both")
    monotonic = True
    kinks = (0.0,)

    @property
    def has_gradient(self):
        return self.surrogate is not None

    def forward(self, z, out):
        np.greater_equal(z, 0.0, out=out)

    def backward(self, z, a, grad):
        if self.surrogate is None:
            grad.fill(0.0)
            return
        surrogate = get(self.surrogate)
        surrogate.forward(z, a, *surrogate.shape_values())
        surrogate.backward(z, a, grad, *surrogate.shape_values())

    def to_onnx(self, op, z):
        return op.Where(op.GreaterOrEqual(z, 0.0), 1.0, 0.0)

    def check(self):
        super().check()
        if self.surrogate is None:
            return
        what = "None or a fixed elementwise activation with a gradient, or its name"
        try:
            surrogate = get(self.surrogate)
        except (TypeError, ValueError) as error:
            self._reject("surrogate", what, type(error))
        if (
            surrogate.rowwise
            or surrogate.random
            or surrogate.trainable
            or not surrogate.has_gradient
        ):
            self._reject("surrogate", what)
        surrogate.check()


def onnx_logistic(op, z):
    """Return the logistic function in ONNX, right to about an ulp of 1.

    In float64 onnxruntime's Sigmoid takes twice as long as this use of Tanh.
    """
    return op.Sigmoid(z) if op.dtype == np.float32 else 0.5 + 0.5 * op.Tanh(0.5 * z)


@register("logistic", "sigmoid")
class Logistic(Activation):
    """Logistic sigmoid.

    Parameters
    ----------
    slope : float > 0, default=1.0
        The a of the formula.
    trainable : {False, True, "shared"}, default=False
        Whether it is trained, per unit or with one value for the layer.

    Examples
    --------
    >>> from sk_mlp.activations import Logistic
    >>> Logistic()([-2.0, 0.0, 2.0]).round(3)
    array([0.119, 0.5  , 0.881])
    """

    slope: Positive = 1.0
    trainable: bool | str = False
    formula = "1 / (1 + exp(-a z))"
    reference = "Rumelhart, Hinton & Williams 1986, Nature 323"
    shape_parameters = ("slope",)
    range = Interval(0.0, 1.0)
    monotonic = True
    initializer = "glorot_uniform"
    sklearn_factor = 2.0  # the bound of scikit-learn's draw is sqrt(2 / fans) here

    def forward(self, z, out, slope):
        logistic(z, slope, out)

    def backward(self, z, a, grad, slope):
        np.subtract(1.0, a, out=z)
        a *= z
        a *= slope
        grad *= a

    def shape_gradient(self, z, a, slope):
        return (a * (1.0 - a) * z,)

    def forward_precise(self, z, out, slope):
        with np.errstate(over="ignore"):
            np.multiply(z, slope, out=out)
        expit(out, out=out)

    def to_onnx(self, op, z, slope):
        # Probabilities need the exact tail, which the operator Sigmoid cuts off: it is
        # 0 below -18 in float32 and -37 in float64.
        return 1.0 / (1.0 + op.Exp(-(z * slope)))


@register("tanh")
class Tanh(Activation):
    """Hyperbolic tangent.

    Parameters
    ----------
    slope : float > 0, default=1.0
        The a of the formula.
    trainable : {False, True, "shared"}, default=False
        Whether it is trained, per unit or with one value for the layer.

    Examples
    --------
    >>> from sk_mlp.activations import Tanh
    >>> Tanh()([-1.0, 0.0, 1.0]).round(3)
    array([-0.762,  0.   ,  0.762])
    """

    slope: Positive = 1.0
    trainable: bool | str = False
    formula = "tanh(a z)"
    reference = "LeCun, Bottou, Orr & Mueller 1998, Efficient BackProp"
    shape_parameters = ("slope",)
    range = Interval(-1.0, 1.0)
    zero_centered = monotonic = True
    initializer = "glorot_uniform"

    def forward(self, z, out, slope):
        with np.errstate(over="ignore"):
            np.multiply(z, slope, out=out)
        np.tanh(out, out=out)

    def backward(self, z, a, grad, slope):
        a *= a
        np.subtract(1.0, a, out=a)
        a *= slope
        grad *= a

    def shape_gradient(self, z, a, slope):
        return ((1.0 - a * a) * z,)

    def to_onnx(self, op, z, slope):
        return op.Tanh(z * slope)


@register("softsign")
class Softsign(Activation):
    """Sigmoid with polynomial tails.

    Examples
    --------
    >>> from sk_mlp.activations import Softsign
    >>> Softsign()([-1.0, 0.0, 3.0])
    array([-0.5 ,  0.  ,  0.75])
    """

    formula = "z / (1 + |z|)"
    reference = "Bergstra, Desjardins, Lamblin & Bengio 2009"
    range = Interval(-1.0, 1.0)
    zero_centered = monotonic = True
    initializer = "glorot_uniform"

    def forward(self, z, out):
        largest = np.finfo(z.dtype).max
        finite = z.clip(-largest, largest)
        np.abs(finite, out=out)
        out += 1.0
        np.divide(finite, out, out=out)

    def backward(self, z, a, grad):
        np.abs(z, out=a)
        a += 1.0
        np.divide(1.0, a, out=a)
        a *= a
        grad *= a

    def to_onnx(self, op, z):
        return op.Softsign(z) if op.has("Softsign") else z / (1.0 + op.Abs(z))


@register("msaf")
class MSAF(Activation):
    """Multistate activation function of order N, a staircase of smooth steps.

    Parameters
    ----------
    offsets : tuple of float, default=(4.0,)
        The r_1, ..., r_N of the formula. The steps lie at 0 and at every -r_i.
    trainable : {False, True, "shared"}, default=False
        Whether the offsets are trained, per unit or with one set for the layer.

    Notes
    -----
    Sources disagree on the sign of r: some write s(z - r_i). With r_i of both signs
    the two are the same family.

    Examples
    --------
    >>> from sk_mlp.activations import MSAF
    >>> MSAF(offsets=(10.0,))([-20.0, -5.0, 10.0]).round(2)
    array([0., 1., 2.])
    """

    offsets: Annotated[tuple[float, ...], Interval()] = (4.0,)
    trainable: bool | str = False
    formula = "s(z) + sum_i s(z + r_i), s the logistic function"
    reference = "Cai, Xu, Ke & Su 2015, Comput. Intell. Neurosci. 721367"
    shape_parameters = ("offsets",)
    monotonic = True
    initializer = "glorot_uniform"

    @property
    def range(self):
        return Interval(0.0, 1.0 + len(self.offsets))

    def forward(self, z, out, *offsets):
        half = 0.5 * z
        np.tanh(half, out=out)
        for offset in offsets:
            out += np.tanh(half + 0.5 * offset)
        out += 1 + len(offsets)
        out *= 0.5

    def forward_derivative(self, z, out, slope, *offsets):
        half = 0.5 * z
        np.tanh(half, out=out)
        np.multiply(out, out, out=slope)
        for offset in offsets:
            step = np.tanh(half + 0.5 * offset)
            out += step
            step *= step
            slope += step
        out += 1 + len(offsets)
        out *= 0.5
        slope *= -0.25
        slope += 0.25 * (1 + len(offsets))

    def shape_gradient(self, z, a, *offsets):
        half = 0.5 * z
        return tuple(logistic_derivative(half + 0.5 * offset) for offset in offsets)

    def to_onnx(self, op, z, *offsets):
        steps = (onnx_logistic(op, z + offset) for offset in offsets)
        return sum(steps, onnx_logistic(op, z))


@register("symmetric_msaf")
class SymmetricMSAF(Activation):
    """Multistate activation function with three states, odd about the origin.

    Parameters
    ----------
    offset : float, default=4.0
        The r of the formula, the distance between the two steps.
    trainable : {False, True, "shared"}, default=False
        Whether the offset is trained, per unit or with one value for the layer.

    Notes
    -----
    The literature's ``s(z) + s(z + r) - 1`` is the same curve shifted by r/2, which the
    bias of the unit absorbs; it is not odd. Sources disagree on the sign of r, which
    makes no difference here.

    Examples
    --------
    >>> from sk_mlp.activations import SymmetricMSAF
    >>> SymmetricMSAF(offset=20.0)([-30.0, 0.0, 30.0]).round(2)
    array([-1.,  0.,  1.])
    """

    offset: Number = 4.0
    trainable: bool | str = False
    formula = "s(z + r/2) + s(z - r/2) - 1, s the logistic function"
    reference = "Cai, Xu, Ke & Su 2015, Comput. Intell. Neurosci. 721367"
    shape_parameters = ("offset",)
    range = Interval(-1.0, 1.0)
    zero_centered = monotonic = True

    def forward(self, z, out, offset):
        # (1 - exp(-2|z|)) s(|z| + r/2) s(|z| - r/2) with the sign of z: nothing
        # cancels near 0. With t = tanh(z), sign and bracket are 2 t / (1 + |t|).
        np.tanh(z, out=out)
        out *= 2.0 / (1.0 + np.abs(out))
        half = 0.5 * np.abs(z)
        for shift in (0.25 * offset, -0.25 * offset):
            out *= 0.5 * (1.0 + np.tanh(half + shift))

    def backward(self, z, a, grad, offset):
        z *= 0.5
        slope = logistic_derivative(z + 0.25 * offset)
        slope += logistic_derivative(z - 0.25 * offset)
        grad *= slope

    def shape_gradient(self, z, a, offset):
        half = 0.5 * z
        slope = logistic_derivative(half + 0.25 * offset)
        slope -= logistic_derivative(half - 0.25 * offset)
        return (0.5 * slope,)

    def to_onnx(self, op, z, offset):
        half = 0.5 * offset
        return onnx_logistic(op, z + half) + onnx_logistic(op, z - half) - 1.0


@register("gaussian")
class Gaussian(Activation):
    """Bell curve, the unit of a radial basis function network.

    Examples
    --------
    >>> from sk_mlp.activations import Gaussian
    >>> Gaussian()([-1.0, 0.0, 1.0]).round(4)
    array([0.3679, 1.    , 0.3679])
    """

    formula = "exp(-z**2)"
    reference = "Broomhead & Lowe 1988, Complex Systems 2"
    range = Interval(0.0, 1.0, "right")

    def forward(self, z, out):
        with np.errstate(over="ignore"):
            np.multiply(z, z, out=out)
        np.negative(out, out=out)
        np.exp(out, out=out)

    def backward(self, z, a, grad):
        z.clip(-40.0, 40.0, out=z)  # exp(-1600) is 0, and 0 * inf is avoided
        a *= z
        a *= -2.0
        grad *= a

    def to_onnx(self, op, z):
        return op.Exp(-(z * z))


@register("sine")
class Sine(Activation):
    """Periodic activation; it has no limits at infinity (NaN there).

    Examples
    --------
    >>> from sk_mlp.activations import Sine
    >>> Sine()([-1.0, 0.0, 1.0]).round(4)
    array([-0.8415,  0.    ,  0.8415])
    """

    formula = "sin(z)"
    reference = "Sitzmann et al. 2020, arXiv:2006.09661"
    range = Interval(-1.0, 1.0, "both")
    zero_centered = True

    def forward(self, z, out):
        np.sin(z, out=out)

    def backward(self, z, a, grad):
        np.cos(z, out=a)
        grad *= a

    def to_onnx(self, op, z):
        return op.Sin(z)


@register("exp")
class Exp(Activation):
    """Exponential, for outputs that must be positive; infinite where it overflows.

    Examples
    --------
    >>> from sk_mlp.activations import Exp
    >>> Exp()([-1.0, 0.0, 1.0]).round(4)
    array([0.3679, 1.    , 2.7183])
    """

    formula = "exp(z)"
    reference = "McCullagh & Nelder 1989, Generalized linear models (the log link)"
    range = Interval(0.0)
    monotonic = True

    def forward(self, z, out):
        with np.errstate(over="ignore"):
            np.exp(z, out=out)

    def backward(self, z, a, grad):
        with np.errstate(over="ignore"):
            grad *= a

    def to_onnx(self, op, z):
        return op.Exp(z)


@register("softmax")
class Softmax(Activation):
    """Normalized exponentials of every row: probabilities that sum to one.

    Examples
    --------
    >>> from sk_mlp.activations import Softmax
    >>> Softmax()([[0.0, 0.0], [0.0, 100.0]]).round(4)
    array([[0.5, 0.5],
           [0. , 1. ]])
    """

    formula = "exp(z_k) / sum_j exp(z_j)"
    reference = "Bridle 1990, NIPS"
    range = Interval(0.0, 1.0)
    rowwise = True

    def forward(self, z, out):
        # Reductions along short rows are slow: up to 64 columns work on a transposed
        # copy, three to seven times faster for 10 classes.
        narrow = z.ndim > 1 and z.shape[-1] <= 64
        columns = np.empty(z.T.shape, z.dtype) if narrow else out.T
        largest = np.finfo(z.dtype).max
        z.T.clip(-largest, largest, out=columns)
        with np.errstate(over="ignore"):
            columns -= columns.max(axis=0)
        np.exp(columns, out=columns)
        columns /= columns.sum(axis=0)
        if narrow:
            out[...] = columns.T

    def backward(self, z, a, grad):
        grad -= np.einsum("...k,...k->...", grad, a)[..., np.newaxis]
        grad *= a

    def to_onnx(self, op, z):
        return op.Softmax(op.finite(z), axis=-1)
