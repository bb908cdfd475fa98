"""Activation functions: every one a formula with its derivative right below.

``get("mish")`` turns a name into an object, ``names()`` lists the names, and
``register`` gives a name to an activation of your own.

>>> names()[:4]
['celu', 'elu', 'exp', 'gaussian']
>>> get("leaky_relu")([-2.0, 3.0])
array([-0.02,  3.  ])
"""

from dataclasses import fields
from math import inf, sqrt
from numbers import Real
from typing import Annotated

import numpy as np
from scipy.special import expit

from sk_mlp._component import Component, Interval, Registry
from sk_mlp._numerics import (
    finite_below,
    logistic,
    logistic_derivative,
    negative_part,
    normal_mean,
    normal_tail,
    positive_part,
    tanh_normal_tail,
)

# What a hyper-parameter may be, read by Activation.check.
Number = Annotated[float, Interval()]
Positive = Annotated[float, Interval(0.0)]
NonNegative = Annotated[float, Interval(0.0, inf, "left")]
Numbers = Annotated[tuple, Interval()]


class Activation(Component):
    """Base of all activations: a formula, its derivative and a few facts.

    A new one needs `forward` and `backward`. It works at once in an estimator, a
    parameter grid and a pickle; `register` also gives it a name.

    >>> class Cubic(Activation):
    ...     scale: float = 1.0
    ...
    ...     def forward(self, z, out):
    ...         np.multiply(z**3, self.scale, out=out)
    ...
    ...     def backward(self, z, a, grad):
    ...         grad *= 3 * self.scale * z**2
    >>> Cubic(scale=2.0)([-1.0, 2.0]), Cubic().derivative([-1.0, 2.0])
    (array([-2., 16.]), array([ 3., 12.]))
    >>> round(Cubic().gain, 6)  # E z**6 is 15
    0.258199

    Attributes
    ----------
    formula, reference : str
        One line each, shown in the documentation.
    range : Interval
        Where the values lie, for all values that trained shape parameters may take.
    zero_centered : bool
        Whether the mean of f(z) is 0 for z ~ N(0, 1).
    monotonic : bool
        Whether f never decreases, with the shape parameters as they are given.
    kinks : tuple of float
        Where the slope (or the value) jumps. The slope there is the left one.
    has_gradient : bool
        False if the derivative is zero everywhere, so that nothing can be learned.
    rowwise : bool
        Whether f acts on whole rows, like softmax, and not on single elements.
    random : bool
        Whether training draws noise, with ``draw(rng, out)``. `forward` and `backward`
        then take the noise as their last argument, in prediction the float `expected`.
    initializer : str or None
        What ``init="auto"`` uses; None is a normal with std ``gain / sqrt(fan_in)``.
    shape_parameters : tuple of str
        The fields that bend the curve and can be trained.
    trainable : {False, True, "shared"}
        Whether they are fixed, trained per unit, or trained with one value per layer.
    """

    formula = ""
    reference = ""
    range = Interval()
    zero_centered = False
    monotonic = False
    kinks = ()
    has_gradient = True
    rowwise = False
    random = False
    initializer = None
    shape_parameters = ()
    trainable = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "formula" in vars(cls):  # written once, shown in help() and the docs too
            summary, line, rest = (cls.__doc__ or "").partition("\n")
            facts = f"``{cls.formula}`` ({cls.reference})."
            cls.__doc__ = f"{summary}\n\n    {facts}\n{line}{rest}"

    def forward(self, z, out, *shape):
        """Write f(z) into `out`; `z` stays as it is and never overlaps with `out`.

        Parameters
        ----------
        z, out : ndarray of float32 or float64, layers pass blocks (rows, width)
            Input and output.
        *shape : float or ndarray of shape (width,) or (1,)
            One value for each of `shape_values`: a float when fixed, an array when
            trained; or the noise of a random activation, an array like `z`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward.")

    def backward(self, z, a, grad, *shape):
        """Turn `grad` from dL/da into dL/dz, in place.

        `z` and `a` are input and output of `forward`; both may be overwritten.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward.")

    def shape_gradient(self, z, a, *shape):
        """Return the partial derivatives da/ds, an array like z per shape value.

        Called before `backward`; leaves `z` and `a` as they are.
        """
        return ()

    def forward_precise(self, z, out, *shape):
        """Like `forward`, but with relative accuracy in the tails of probabilities."""
        self.forward(z, out, *shape)

    def shape_values(self):
        """Return the initial values of the shape parameters as a flat tuple."""
        values = (getattr(self, name) for name in self.shape_parameters)
        return tuple(float(v) for value in values for v in np.atleast_1d(value))

    def default_shape(self):
        """Return what to pass as ``*shape`` when nothing is trained or drawn."""
        return (self.expected,) if self.random else self.shape_values()

    @property
    def gain(self):
        """float: ``1 / sqrt(E f(z)**2)`` for z ~ N(0, 1), or 1.0 if that is no number.

        Weights with std ``gain / sqrt(fan_in)`` keep the size of the activations from
        layer to layer.
        """
        if self.rowwise:
            return 1.0
        with np.errstate(all="ignore"):
            square = normal_mean(lambda z: np.square(self(z)), self.kinks)
        return 1 / sqrt(square) if 0 < square < inf else 1.0

    def __call__(self, z):
        """Return f(z) for an array-like `z`, keeping float32."""
        return self._evaluate(z)[1].reshape(np.shape(z))

    def derivative(self, z):
        """Return f'(z) for an array-like `z`; the left derivative at a kink."""
        if self.rowwise:
            raise TypeError(f"{type(self).__name__} has a Jacobian, not a derivative.")
        z_copy, a = self._evaluate(z)
        grad = np.ones_like(a)
        self.backward(z_copy, a, grad, *self.default_shape())
        return grad.reshape(np.shape(z))

    def _evaluate(self, z):
        z = np.array(z, ndmin=1)
        z = z if z.dtype == np.float32 else z.astype(np.float64)
        a = np.empty_like(z)
        self.forward(z, a, *self.default_shape())
        return z, a

    def check(self):
        """Raise a ValueError or TypeError when a hyper-parameter is out of range."""
        for field in fields(self):
            for domain in getattr(field.type, "__metadata__", ()):
                self._check_numbers(field.name, domain, field.type.__origin__ is tuple)
        if self.shape_parameters and not (
            isinstance(self.trainable, bool | np.bool_)
            or (isinstance(self.trainable, str) and self.trainable == "shared")
        ):
            self._reject("trainable", "True, False or 'shared'")

    def _check_numbers(self, name, domain, several=False):
        value = getattr(self, name)
        what = f"a float in the range {domain}"
        if several:
            what = f"a tuple of at least one float in the range {domain}"
            if not isinstance(value, tuple | list) or not value:
                self._reject(name, what, TypeError)
        for number in value if several else (value,):
            if not isinstance(number, Real) or isinstance(number, bool):
                self._reject(name, what, TypeError)
            if number not in domain:
                self._reject(name, what)

    def _reject(self, name, allowed, error=ValueError):
        raise error(
            f"The {name!r} parameter of {type(self).__name__} must be {allowed}. "
            f"Got {getattr(self, name)!r} instead."
        )


_REGISTRY = Registry("activation", Activation)
register = _REGISTRY.register


def get(spec):
    """Return the activation for a name or alias; an object is returned as it is.

    Raises ValueError for an unknown name (the message lists the names) and TypeError
    for anything that is neither a str nor an Activation.

    >>> get("swish")
    SiLU()
    """
    return _REGISTRY.get(spec)


def names():
    """Return the sorted canonical names of all registered activations."""
    return _REGISTRY.names()


@register("identity", "linear")
class Identity(Activation):
    """Linear activation.

    Parameters
    ----------
    slope : float, default=1.0
        The m of the formula; any number.
    trainable : {False, True, "shared"}, default=False
        Whether it is trained, per unit or with one value for the layer.

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


@register("step", "heaviside")
class Step(Activation):
    """Threshold unit; without a surrogate it has no gradient to learn from.

    Parameters
    ----------
    surrogate : None, str or Activation, default=None
        The activation whose derivative stands in for the missing one in training
        (Bengio, Leonard & Courville 2013, arXiv:1308.3432).

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

    def check(self):
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


@register("logistic", "sigmoid")
class Logistic(Activation):
    """Logistic sigmoid.

    Parameters
    ----------
    slope : float > 0, default=1.0
        The a of the formula.
    trainable : {False, True, "shared"}, default=False
        Whether it is trained, per unit or with one value for the layer.

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


@register("tanh")
class Tanh(Activation):
    """Hyperbolic tangent.

    Parameters
    ----------
    slope : float > 0, default=1.0
        The a of the formula.
    trainable : {False, True, "shared"}, default=False
        Whether it is trained, per unit or with one value for the layer.

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

    >>> MSAF(offsets=(10.0,))([-20.0, -5.0, 10.0]).round(2)
    array([0., 1., 2.])
    """

    offsets: Numbers = (4.0,)
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

    def backward(self, z, a, grad, *offsets):
        z *= 0.5
        slope = sum(logistic_derivative(z + 0.5 * offset) for offset in offsets)
        slope += logistic_derivative(z)
        grad *= slope

    def shape_gradient(self, z, a, *offsets):
        half = 0.5 * z
        return tuple(logistic_derivative(half + 0.5 * offset) for offset in offsets)


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
    initializer = "glorot_uniform"

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


@register("relu")
class ReLU(Activation):
    """Rectified linear unit.

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

    >>> LeakyReLU(negative_slope=0.1)([-1.0, 2.0])
    array([-0.1,  2. ])
    """

    negative_slope: NonNegative = 0.01
    trainable: bool | str = False
    formula = "max(z, 0) + m min(z, 0)"
    reference = "Maas, Hannun & Ng 2013, ICML workshop"
    shape_parameters = ("negative_slope",)
    monotonic = True
    kinks = (0.0,)

    @property
    def range(self):
        bounded = self.negative_slope == 0 and not self.trainable
        return Interval(0.0, inf, "left") if bounded else Interval()

    def forward(self, z, out, slope):
        with np.errstate(over="ignore"):
            np.multiply(negative_part(z), slope, out=out)
        out += positive_part(z)

    def backward(self, z, a, grad, slope):
        np.greater(z, 0.0, out=a)
        a *= 1.0 - slope
        a += slope
        grad *= a

    def shape_gradient(self, z, a, slope):
        return (negative_part(z),)


@register("rrelu")
class RReLU(Activation):
    """Randomized leaky rectified linear unit.

    In training the slope m is drawn for every element; prediction takes its mean.

    Parameters
    ----------
    lower, upper : float >= 0, default=1/8 and 1/3
        The slopes are drawn uniformly between them.

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
        self._check_numbers("upper", Interval(self.lower, inf, "left"))


@register("elu")
class ELU(Activation):
    """Exponential linear unit.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        The limit at -inf is -alpha.
    trainable : {False, True, "shared"}, default=False
        Whether alpha is trained, per unit or with one value for the layer.

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

    def backward(self, z, a, grad, alpha):
        slope = alpha * np.exp(negative_part(z, out=a), out=a)
        np.greater(z, 0.0, out=z)
        slope *= 1.0 - z
        slope += z
        grad *= slope

    def shape_gradient(self, z, a, alpha):
        return (np.expm1(negative_part(z)),)


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

    def _exponent(self, z, alpha):
        with np.errstate(over="ignore"):
            exponent = z / abs(alpha)
        return np.clip(exponent, -1e3, 0.0, out=exponent)  # exp is 0 from -746 on

    def forward(self, z, out, alpha):
        np.expm1(self._exponent(z, alpha), out=out)
        out *= abs(alpha)
        out += positive_part(z)

    def backward(self, z, a, grad, alpha):
        grad *= np.exp(self._exponent(z, alpha))

    def shape_gradient(self, z, a, alpha):
        exponent = self._exponent(z, alpha)
        partial = np.expm1(exponent)
        partial -= exponent * np.exp(exponent)
        return (partial * (alpha / abs(alpha)),)


@register("selu")
class SELU(Activation):
    """Scaled exponential linear unit, which keeps mean 0 and variance 1.

    >>> SELU()([-1.0, 1.0]).round(4), round(SELU().gain, 9)
    (array([-1.1113,  1.0507]), 1.0)
    """

    # The fixed point of mean and variance under N(0, 1), as in the reference.
    ALPHA = 1.6732632423543772848170429916717
    SCALE = 1.0507009873554804934193349852946

    formula = "scale (max(z, 0) + alpha (exp(min(z, 0)) - 1))"
    reference = "Klambauer, Unterthiner, Mayr & Hochreiter 2017, arXiv:1706.02515"
    range = Interval(-SCALE * ALPHA)
    zero_centered = monotonic = True
    kinks = (0.0,)

    def forward(self, z, out):
        ELU.forward(self, z, out, self.ALPHA)
        with np.errstate(over="ignore"):
            out *= self.SCALE

    def backward(self, z, a, grad):
        ELU.backward(self, z, a, grad, self.ALPHA)
        grad *= self.SCALE


@register("gelu")
@register("gelu_tanh", approximate="tanh")
class GELU(Activation):
    """Gaussian error linear unit.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default="none"
        "tanh" is the reference's approximation of Phi,
        ``(1 + tanh(sqrt(2/pi) (z + 0.044715 z**3))) / 2``.

    >>> GELU()([-1.0, 1.0]).round(4), GELU("tanh")([-1.0, 1.0]).round(4)
    (array([-0.1587,  0.8413]), array([-0.1588,  0.8412]))
    """

    approximate: str = "none"
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

    def check(self):
        if self.approximate not in ("none", "tanh"):
            self._reject("approximate", "a str among {'none', 'tanh'}")


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
        grad *= logistic(z, abs(beta), a)

    def shape_gradient(self, z, a, beta):
        decay = self._decay(z, beta)
        partial = np.log1p(decay) / -abs(beta)
        partial -= np.abs(z) * decay / (1.0 + decay)
        return (partial / beta,)


@register("softsign")
class Softsign(Activation):
    """Sigmoid with polynomial tails.

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
        finite = np.clip(z, -largest, largest)
        np.abs(finite, out=out)
        out += 1.0
        np.divide(finite, out, out=out)

    def backward(self, z, a, grad):
        np.abs(z, out=a)
        a += 1.0
        np.divide(1.0, a, out=a)
        a *= a
        grad *= a


@register("hard_tanh")
@register("relu6", min_val=0.0, max_val=6.0)
class HardTanh(Activation):
    """Identity clipped to an interval; ReLU6 clips to [0, 6].

    Parameters
    ----------
    min_val, max_val : float, default=-1.0 and 1.0
        The ends of the interval, min_val < max_val.

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
        np.clip(z, float(self.min_val), float(self.max_val), out=out)

    def backward(self, z, a, grad):
        grad *= (z > float(self.min_val)) & (z <= float(self.max_val))

    def check(self):
        super().check()
        self._check_numbers("max_val", Interval(self.min_val))


@register("hard_sigmoid")
class HardSigmoid(Activation):
    """Piecewise linear sigmoid.

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
        np.clip(out, 0.0, 1.0, out=out)

    def backward(self, z, a, grad):
        grad *= (z > -3.0) & (z <= 3.0)
        grad *= 1 / 6


@register("hard_swish", "hard_silu")
class HardSwish(Activation):
    """Swish with the hard sigmoid in place of the logistic function.

    >>> HardSwish()([-1.5, 0.0, 3.0])
    array([-0.375,  0.   ,  3.   ])
    """

    formula = "z min(max(z/6 + 1/2, 0), 1)"
    reference = "Howard et al. 2019, arXiv:1905.02244"
    range = Interval(-0.375, inf, "left")
    kinks = (-3.0, 3.0)

    def forward(self, z, out):
        np.clip(z, -3.0, 3.0, out=out)
        out *= 1 / 6
        out += 0.5
        out *= np.clip(z, -3.0, inf)

    def backward(self, z, a, grad):
        np.clip(z, -3.0, 3.0, out=a)
        a *= 1 / 6
        a += a * ((z > -3.0) & (z <= 3.0))
        a += 0.5
        grad *= a


@register("gaussian")
class Gaussian(Activation):
    """Bell curve, the unit of a radial basis function network.

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
        np.clip(z, -40.0, 40.0, out=z)  # exp(-1600) is 0, and 0 * inf is avoided
        a *= z
        a *= -2.0
        grad *= a


@register("sine")
class Sine(Activation):
    """Periodic activation; it has no limits at infinity (NaN there).

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


@register("exp")
class Exp(Activation):
    """Exponential, for outputs that must be positive; infinite where it overflows.

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


@register("softmax")
class Softmax(Activation):
    """Normalized exponentials of every row: probabilities that sum to one.

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
        np.clip(z.T, -largest, largest, out=columns)
        with np.errstate(over="ignore"):
            columns -= columns.max(axis=0)
        np.exp(columns, out=columns)
        columns /= columns.sum(axis=0)
        if narrow:
            out[...] = columns.T

    def backward(self, z, a, grad):
        grad -= np.einsum("...k,...k->...", grad, a)[..., np.newaxis]
        grad *= a
