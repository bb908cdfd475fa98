"""The base of all activations, and the registry of their names."""

from math import inf, sqrt

import numpy as np

from sk_mlp._component import Component, Interval, Registry
from sk_mlp._numerics import normal_mean


class Activation(Component):
    """Base of all activations: a formula, its derivative and a few facts.

    A new one needs `forward` and `backward`. It works at once in an estimator, a
    parameter grid and a pickle; `register` also gives it a name.

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
    joint : bool
        Whether training calls `forward_derivative`, in place of `forward` and later
        `backward`. True for a class that defines it.
    dropped : float
        Value that dropout gives a unit. Where it is not 0, an affine map brings mean 0
        and variance 1 back (alpha dropout).
    initializer : str or None
        What ``init="auto"`` uses; None is a normal with std ``gain / sqrt(fan_in)``.
    shape_parameters : tuple of str
        The fields that bend the curve and can be trained.
    trainable : {False, True, "shared"}
        Whether they are fixed, trained per unit, or trained with one value per layer.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.activations import Activation
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
    joint = False
    dropped = 0.0
    initializer = None
    shape_parameters = ()
    trainable = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "forward_derivative" in vars(cls):
            cls.joint = True
        elif "forward" in vars(cls) or "backward" in vars(cls):
            cls.joint = False  # what is inherited may be of another function
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

        `z` and `a` are input and output of `forward`; both may be overwritten. The
        default multiplies by what `forward_derivative` gives.
        """
        slope = np.empty_like(z)
        self.forward_derivative(z, a, slope, *shape)
        grad *= slope

    def forward_derivative(self, z, out, slope, *shape):
        """Do what `forward` does and write f'(z) into `slope`, an array like `out`.

        Worth defining where the two have costly parts in common; then `backward` need
        not be.
        """
        name = type(self).__name__
        raise NotImplementedError(f"{name} must define backward or forward_derivative.")

    def shape_gradient(self, z, a, *shape):
        """Return the partial derivatives da/ds, an array like z per shape value.

        Called before `backward`; leaves `z` and `a` as they are.
        """
        return ()

    def forward_precise(self, z, out, *shape):
        """Like `forward`, but with relative accuracy in the tails of probabilities."""
        self.forward(z, out, *shape)

    def to_onnx(self, op, z, *shape):
        """Return f(z) as part of an ONNX graph, for :func:`sk_mlp.onnx.to_onnx`.

        A class that defines its own `forward` needs its own `to_onnx`.

        Parameters
        ----------
        op : object
            Every ONNX operator is a method: ``op.Tanh(z)``, ``op.Max(z, 0.0)``,
            ``op.Elu(z, alpha=2.0)``. ``op.has("Elu")`` tells whether the opset has
            one and onnxruntime can run it in the graph's type.
        z : object
            The input, to be used with ``+ - * / **``, `abs`, numbers, arrays and
            operators.
        *shape : float or ndarray of shape (width,)
            As for `forward`, without noise: a random activation gets `expected`.

        Returns
        -------
        a : object
            The result of an operator.

        Raises
        ------
        NotImplementedError
            If the class does not define it. :func:`sk_mlp.onnx.to_onnx` raises it too
            where a class inherits it, but not the `forward` that it belongs to.

        Examples
        --------
        >>> import numpy as np
        >>> from sk_mlp import MLPRegressor
        >>> from sk_mlp.activations import Activation
        >>> from sk_mlp.onnx import to_onnx
        >>> class Cubic(Activation):
        ...     def forward(self, z, out):
        ...         out[...] = z**3
        ...
        ...     def backward(self, z, a, grad):
        ...         grad *= 3 * z**2
        ...
        ...     def to_onnx(self, op, z):
        ...         return z**3
        >>> X = np.linspace(-1, 1, 20).reshape(-1, 1)
        >>> regressor = MLPRegressor((4,), Cubic(), solver="lbfgs", random_state=0)
        >>> model = to_onnx(regressor.fit(X, X[:, 0]))
        >>> [node.op_type for node in model.graph.node][:3]
        ['Gemm', 'Pow', 'Gemm']
        """
        raise NotImplementedError(f"{type(self).__name__} must define to_onnx.")

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
        """Return f(z) for an array-like `z`, keeping float32; accurate in the tails."""
        return self._evaluate(z, self.forward_precise)[1].reshape(np.shape(z))

    def derivative(self, z):
        """Return f'(z) for an array-like `z`; the left derivative at a kink."""
        if self.rowwise:
            raise TypeError(f"{type(self).__name__} has a Jacobian, not a derivative.")
        z_copy, a = self._evaluate(z, self.forward)
        grad = np.ones_like(a)
        self.backward(z_copy, a, grad, *self.default_shape())
        return grad.reshape(np.shape(z))

    def _evaluate(self, z, forward):
        z = np.array(z, ndmin=1)
        z = z if z.dtype == np.float32 else z.astype(np.float64)
        a = np.empty_like(z)
        forward(z, a, *self.default_shape())
        return z, a

    def check(self):
        """Raise a ValueError or TypeError when a hyper-parameter is out of range."""
        super().check()
        if self.shape_parameters and not (
            isinstance(self.trainable, bool | np.bool_)
            or (isinstance(self.trainable, str) and self.trainable == "shared")
        ):
            self._reject("trainable", "True, False or 'shared'")


_REGISTRY = Registry("activation", Activation)
register = _REGISTRY.register


def get(spec):
    """Return the activation for a name; an Activation object comes back as it is.

    Parameters
    ----------
    spec : str or Activation

    Returns
    -------
    activation : Activation

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `spec` is neither a str nor an Activation object.

    Examples
    --------
    >>> from sk_mlp import activations
    >>> activations.get("swish")
    SiLU()
    """
    return _REGISTRY.get(spec)


def names():
    """Return the names of all activations, sorted.

    Examples
    --------
    >>> from sk_mlp import activations
    >>> "mish" in activations.names()
    True
    """
    return _REGISTRY.names()
