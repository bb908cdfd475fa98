"""The layers of a network: what they compute and the arrays they own.

A layer declares its :class:`Parameter` objects; the network lays them out in two flat
vectors and hands back views. ``allocate`` makes the buffers of a training step once,
``forward`` and ``backward`` only write into them. ``predict`` and its gradient,
``pull_back``, share nothing with training: they take and return arrays of their own, so
that they can run in any thread.
"""

from math import prod, sqrt

import numpy as np

from sk_mlp._numerics import empty, row_blocks


class Parameter:
    """A named part of the flat vectors.

    Parameters
    ----------
    kind : {"weight", "bias", "shape", "statistic"}
        Weights are penalised; the shape parameters of activations learn at a rate
        of their own; statistics are not learned, their gradient is 0.
    shape : tuple of int

    Attributes
    ----------
    value, grad : ndarray of shape `shape`
        Views into the network's ``theta`` and ``grad``, set by the network.
    """

    def __init__(self, kind, shape):
        self.kind = kind
        self.shape = shape
        self.size = prod(shape)
        self.value = self.grad = None


class Dense:
    """The affine map ``z = x W + b``.

    Parameters
    ----------
    fan_in, fan_out : int
    centered : bool, default=False
        Whether batch normalization follows, which takes every bias off again: its
        gradient is then 0, and not the rounding that a sum would leave of it.
    """

    random = False

    def __init__(self, fan_in, fan_out, centered=False):
        self.centered = centered
        self.weight = Parameter("weight", (fan_in, fan_out))
        self.bias = Parameter("bias", (fan_out,))
        self.parameters = (self.weight, self.bias)

    def allocate(self, n_rows, dtype, first):
        fan_in, fan_out = self.weight.shape
        self._z = empty((n_rows, fan_out), dtype)
        self._ones = np.ones(n_rows, dtype)  # BLAS sums columns faster than NumPy
        # Nothing asks the first layer for the gradient of its input.
        self._grad_x = None if first else empty((n_rows, fan_in), dtype)

    def forward(self, x):
        self._x = x
        z = _product(x, self.weight.value, out=self._z[: x.shape[0]])
        z += self.bias.value
        return z

    def backward(self, grad):
        """Set the gradients of W and b; return dL/dx (None in the first layer)."""
        _product(self._x.T, grad, out=self.weight.grad)
        if self.centered:
            self.bias.grad[...] = 0.0
        else:
            np.dot(self._ones[: len(grad)], grad, out=self.bias.grad)
        if self._grad_x is None:
            return None
        return np.dot(grad, self.weight.value.T, out=self._grad_x[: len(grad)])

    def predict(self, x):
        z = x @ self.weight.value
        z += self.bias.value
        return z

    def pull_back(self, x, grad):
        """Return dL/dx, where `grad` is dL/dz for the z that `predict` made of x."""
        return grad @ self.weight.value.T


def _product(x, matrix, out):
    """Write the product of x, dense or sparse, and a dense matrix into `out`."""
    if isinstance(x, np.ndarray):
        return np.dot(x, matrix, out=out)  # takes half a microsecond less than matmul
    out[...] = x @ matrix  # SciPy has no `out`
    return out


class Activate:
    """An activation with its shape parameters, noise and output buffer.

    Parameters
    ----------
    activation : Activation
    width : int
        Columns of the input.
    groups : sequence of slice or None, default=None
        Adjoining groups of columns to which the activation is applied one by one, as a
        softmax of every output needs. Columns after the last pass through unchanged.
        None is one group of all columns.
    precise : bool, default=False
        Whether values must be accurate relative to their size, as probabilities must.
    """

    def __init__(self, activation, width, groups=None, precise=False):
        self.activation = activation
        self.width = width
        self.groups = (slice(0, width),) if groups is None else tuple(groups)
        self._passed = slice(self.groups[-1].stop, width)
        self._function = activation.forward_precise if precise else activation.forward
        self._joint = activation.joint and not precise
        self._fixed = activation.default_shape()
        self.random = activation.random
        self.parameters = ()
        if activation.trainable:
            columns = 1 if activation.trainable == "shared" else width
            self.shape = Parameter("shape", (len(self._fixed), columns))
            self.parameters = (self.shape,)

    def initialize(self):
        """Start the trained shape parameters at the values of the activation."""
        if self.parameters:
            self.shape.value[...] = np.reshape(self._fixed, (-1, 1))

    def allocate(self, n_rows, dtype, first):
        self._a = empty((n_rows, self.width), dtype)
        if self._joint:
            self._slope = empty((n_rows, self.width), dtype)
        if self.random:
            self._noise = empty((n_rows, self.width), dtype)

    def draw(self, rng, n_rows):
        """Draw new noise for `n_rows` rows; without a call the noise is frozen."""
        self.activation.draw(rng, self._noise[:n_rows])

    def forward(self, z):
        self._z = z
        a = self._a[: len(z)]
        for block, extra in self._blocks(len(z)):
            if self._joint:
                slope = self._slope[block]
                self.activation.forward_derivative(z[block], a[block], slope, *extra)
            else:
                self._function(z[block], a[block], *extra)
        self._pass_through(z, a)
        return a

    def backward(self, grad):
        """Turn dL/da into dL/dz in place and set the shape parameters' gradient."""
        a = self._a[: len(grad)]
        for parameter in self.parameters:
            parameter.grad[...] = 0.0
        for block, extra in self._blocks(len(grad)):
            part = (self._z[block], a[block])
            if self.parameters:
                self._add_shape_gradient(*part, grad[block], block[1], extra)
            if self._joint:
                grad[block] *= self._slope[block]
            else:
                self.activation.backward(*part, grad[block], *extra)
        return grad

    def predict(self, z):
        a = np.empty_like(z)
        for block, extra in self._blocks(len(z), training=False):
            self._function(z[block], a[block], *extra)
        self._pass_through(z, a)
        return a

    def pull_back(self, z, grad):
        """Return dL/dz, where `grad` is dL/da for the a that `predict` made of z."""
        z, a, grad = z.copy(), np.empty_like(z), grad.copy()
        for block, extra in self._blocks(len(z), training=False):
            self.activation.forward(z[block], a[block], *extra)
            self.activation.backward(z[block], a[block], grad[block], *extra)
        return grad

    def _pass_through(self, z, a):
        if self._passed.start < self.width:
            a[:, self._passed] = z[:, self._passed]

    def _blocks(self, n_rows, training=True):
        """Yield (rows, columns) and extra arguments of every call of the activation."""
        for rows in row_blocks(n_rows, self.width):
            for group in self.groups:
                block = rows, group
                yield block, self.extra(block, training)

    def extra(self, block, training):
        """Return what the activation takes beside z in a block (rows, columns)."""
        if self.random and training:
            return (self._noise[block],)
        if self.parameters:
            value = self.shape.value
            return tuple(value if value.shape[1] == 1 else value[:, block[1]])
        return self._fixed

    def _add_shape_gradient(self, z, a, grad, group, extra):
        for k, slope in enumerate(self.activation.shape_gradient(z, a, *extra)):
            by_unit = np.einsum("ij,ij->j", grad, slope)
            if self.shape.grad.shape[1] == 1:
                self.shape.grad[k] += by_unit.sum()
            else:
                self.shape.grad[k, group] += by_unit


class Dropout:
    """Dropout of units in training; prediction keeps them all.

    A unit is dropped with probability p and set to d; an affine map follows::

        y = s (m a + (1 - m) d) + t        m is 0 with probability p, else 1

    With d = 0 that is inverted dropout, which keeps the mean: s = 1 / (1 - p), t = 0.
    Any other d is alpha dropout, which keeps mean 0 and variance 1:
    s = 1 / sqrt((1 - p) (1 + p d**2)), t = -s p d.

    Parameters
    ----------
    rate : float in [0, 1)
        The probability p; masks are drawn with the nearest multiple of 2**-16.
    width : int
    dropped : float, default=0.0
        The value d.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
    overfitting", JMLR 15, 2014. G. Klambauer et al., "Self-normalizing neural
    networks", NeurIPS 2017, arXiv:1706.02515.
    """

    random = True
    parameters = ()

    def __init__(self, rate, width, dropped=0.0):
        self.width = width
        self.dropped = dropped
        # 16 random bits decide on a unit: a third of the time that a float would take.
        self._threshold = np.uint16(min(round(rate * 2**16), 2**16 - 1))
        keep = 1.0 - rate
        spread = sqrt(keep * (1.0 + rate * dropped**2))
        self._scale = 1.0 / (spread if dropped else keep)
        # s d + t: the mask holds s m, so that y = (a - d) mask + shift.
        self._shift = self._scale * dropped * keep

    def allocate(self, n_rows, dtype, first):
        self._y = empty((n_rows, self.width), dtype)
        self._mask = empty((n_rows, self.width), dtype)
        self._mask[...] = self._scale

    def draw(self, rng, n_rows):
        """Draw new masks for `n_rows` rows; without a call they are frozen."""
        for rows in row_blocks(n_rows, self.width):
            mask = self._mask[rows]
            # What rng.integers gives for 64 bits, in 60 % of its time.
            words = rng.bit_generator.random_raw(-(-mask.size // 4))
            bits = words.view(np.uint16)[: mask.size].reshape(mask.shape)
            mask[...] = bits >= self._threshold
            mask *= self._scale

    def forward(self, a):
        y, mask = self._y[: len(a)], self._mask[: len(a)]
        if not self.dropped:
            return np.multiply(a, mask, out=y)
        for rows in row_blocks(len(a), self.width):
            block = np.subtract(a[rows], self.dropped, out=y[rows])
            block *= mask[rows]
            block += self._shift
        return y

    def backward(self, grad):
        """Turn dL/dy into dL/da in place."""
        grad *= self._mask[: len(grad)]
        return grad

    def predict(self, a):
        return a

    def pull_back(self, a, grad):
        return grad
