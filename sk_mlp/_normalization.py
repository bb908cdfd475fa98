"""Normalization layers, between a dense layer and its activation.

Both compute, and differ in what the mean and the (biased) variance are taken over::

    y = gamma xhat + beta        xhat = (x - mean) / sqrt(variance + eps)

Their input is the output of a dense layer, which nothing reads again: they overwrite
it.
"""

import numpy as np

from sk_mlp._layers import Parameter
from sk_mlp._numerics import row_blocks

EPSILON = 1e-5

# Weight of a new batch in the running statistics. The first batches count alike, so
# that the statistics are right after a short training too.
MOMENTUM = 0.1
_COUNTED = round(1 / MOMENTUM)


def _blocks(x):
    """Yield slices of the rows, short ones: sums over each keep float32's precision."""
    return row_blocks(len(x), max(64, x.shape[1]))


class RowShares:
    """The share that each row of a batch has in its statistics.

    Parameters
    ----------
    w : ndarray of shape (n_rows, 1) or None
        Sample weights; None are equal ones, and so are weights that are all zero.
    n_rows : int
    dtype : numpy dtype

    Attributes
    ----------
    values : ndarray of shape (n_rows,)
        They sum to 1.
    equal : bool
        Whether they are all the same, as without weights.
    enough : bool
        Whether two rows count at least: a single one has no spread.
    """

    def __init__(self, w, n_rows, dtype):
        total = 0.0 if w is None else float(w.sum(dtype=np.float64))
        self.equal = total == 0.0
        if self.equal:
            self.values = np.full(n_rows, 1.0 / max(1, n_rows), dtype)
            self.enough = w is None and n_rows > 1
        else:
            self.values = (w[:, 0] / total).astype(dtype, copy=False)
            self.enough = np.count_nonzero(w) > 1


class _Normalization:
    """What the two kinds have in common: the affine map and the buffers."""

    random = False

    def __init__(self, width):
        self.width = width
        self.gamma = Parameter("bias", (width,))
        self.beta = Parameter("bias", (width,))
        self.parameters = (self.gamma, self.beta)

    def initialize(self):
        """Start at the plain normalization."""
        self.gamma.value[...] = 1.0
        self.beta.value[...] = 0.0

    def values(self):
        """Return the arrays by name, views into the network's ``theta``."""
        return {"gamma": self.gamma.value, "beta": self.beta.value}

    def allocate(self, n_rows, dtype, first):
        self._y = np.empty((n_rows, self.width), dtype)
        self._ones = np.ones(n_rows, dtype)  # BLAS sums columns faster than NumPy


class BatchNorm(_Normalization):
    """Batch normalization: every column over the rows of the batch.

    With the shares ``p_i = w_i / sum w`` of the rows::

        mean = sum_i p_i x_i        variance = sum_i p_i (x_i - mean)**2
        dL/dx_i = gamma / sqrt(variance + eps)
                  * (g_i - p_i sum_j g_j - p_i xhat_i sum_j g_j xhat_j)    g = dL/dy

    A batch in which fewer than two rows count has no spread: xhat is 0 and no gradient
    passes. Prediction takes the running statistics, the mean of the first ten batches
    and an exponential average from then on.

    Parameters
    ----------
    width : int

    Attributes
    ----------
    shares : RowShares
        Of the rows of the next batch; set by the network.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by
    reducing internal covariate shift", ICML 2015, arXiv:1502.03167.
    """

    def __init__(self, width):
        super().__init__(width)
        self.mean = Parameter("statistic", (width,))
        self.variance = Parameter("statistic", (width,))
        self.count = Parameter("statistic", (1,))  # of batches, up to _COUNTED
        self.parameters += (self.mean, self.variance, self.count)

    def initialize(self):
        super().initialize()
        self.mean.value[...] = 0.0
        self.variance.value[...] = 1.0
        self.count.value[...] = 0.0

    def values(self):
        statistics = {"mean": self.mean.value, "variance": self.variance.value}
        return {**super().values(), **statistics}

    def forward(self, x):
        """Normalize by the batch's own statistics and let the running ones follow."""
        near, rest, variance = self._moments(x, out=x)
        if self.shares.enough:
            self._follow(near + rest, variance)
            self._factor = 1.0 / np.sqrt(variance + EPSILON)
        else:
            self._factor = np.zeros(self.width)
        # x is now x - near: xhat = (x - rest) * factor.
        self._x, self._rest = x, rest
        scale = self.gamma.value * self._factor
        shift = (self.beta.value - rest * scale).astype(x.dtype, copy=False)
        scale = scale.astype(x.dtype, copy=False)
        for rows in _blocks(x):
            block = np.multiply(x[rows], scale, out=self._y[rows])
            block += shift
        return self._y[: len(x)]

    def backward(self, grad):
        """Turn dL/dy into dL/dx in place and set the gradients of gamma and beta."""
        x, shares, dtype = self._x, self.shares, grad.dtype
        grad_sum, product_sum = np.zeros((2, self.width))
        for rows in _blocks(grad):
            grad_sum += self._ones[rows] @ grad[rows]
            product_sum += self._ones[rows] @ (grad[rows] * x[rows])
        gamma_grad = self._factor * (product_sum - self._rest * grad_sum)
        self.beta.grad[...] = grad_sum
        self.gamma.grad[...] = gamma_grad
        # grad_sum + xhat * gamma_grad = slope * x + offset, to be taken p_i times.
        slope = self._factor * gamma_grad
        offset = grad_sum - self._rest * slope
        if shares.equal:
            slope, offset = slope / len(x), offset / len(x)
        slope = slope.astype(dtype, copy=False)
        offset = offset.astype(dtype, copy=False)
        scale = (self.gamma.value * self._factor).astype(dtype, copy=False)
        for rows in _blocks(grad):
            part, block = x[rows], grad[rows]
            part *= slope
            part += offset
            if not shares.equal:
                part *= shares.values[rows, np.newaxis]
            block -= part
            block *= scale
        return grad

    def predict(self, x):
        """Normalize by the running statistics; `x` is overwritten."""
        x -= self.mean.value
        x *= self.gamma.value / np.sqrt(self.variance.value + EPSILON)
        x += self.beta.value
        return x

    def pull_back(self, x, grad):
        """Return dL/dx, where `grad` is dL/dy for the y that `predict` makes of x."""
        return grad * (self.gamma.value / np.sqrt(self.variance.value + EPSILON))

    def set_statistics(self, x):
        """Set the running statistics to those of the rows of `x`."""
        if self.shares.enough:
            near, rest, variance = self._moments(x)
            self.mean.value[...] = near + rest
            self.variance.value[...] = variance
            self.count.value[...] = _COUNTED

    def _follow(self, mean, variance):
        """Let the running statistics follow those of a new batch."""
        count = float(self.count.value[0])
        weight = max(MOMENTUM, 1.0 / (count + 1.0))
        for running, new in ((self.mean.value, mean), (self.variance.value, variance)):
            running *= 1.0 - weight
            running += weight * new
        self.count.value[...] = min(count + 1.0, _COUNTED)

    def _moments(self, x, out=None):
        """Return a value near the mean, what it lacks of it, and the variance.

        In two passes, so that no digits are lost where the mean is large. `out` gets x
        less the value near the mean.
        """
        shares = self.shares.values
        mean, rest, square = np.zeros((3, self.width))
        for rows in _blocks(x):
            mean += shares[rows] @ x[rows]
        near = mean.astype(x.dtype, copy=False)
        for rows in _blocks(x):
            block = np.subtract(x[rows], near, out=None if out is None else out[rows])
            rest += shares[rows] @ block
            square += shares[rows] @ (block * block)
        return near, rest, np.maximum(square - rest * rest, 0.0)


class LayerNorm(_Normalization):
    """Layer normalization: every row over its columns.

    With ``g = gamma dL/dy`` and means over the columns::

        dL/dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(variance + eps)

    Parameters
    ----------
    width : int

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016,
    arXiv:1607.06450.
    """

    def allocate(self, n_rows, dtype, first):
        super().allocate(n_rows, dtype, first)
        self._factor = np.empty((n_rows, 1), dtype)

    def forward(self, x):
        for rows in _blocks(x):
            self._factor[rows] = self._normalize(x[rows])
            block = np.multiply(x[rows], self.gamma.value, out=self._y[rows])
            block += self.beta.value
        self._xhat = x
        return self._y[: len(x)]

    def backward(self, grad):
        """Turn dL/dy into dL/dx in place and set the gradients of gamma and beta."""
        self.beta.grad[...] = self.gamma.grad[...] = 0.0
        gamma_share = self.gamma.value / self.width
        for rows in _blocks(grad):
            block, xhat, ones = grad[rows], self._xhat[rows], self._ones[rows]
            product = block * xhat
            self.beta.grad += ones @ block
            self.gamma.grad += ones @ product
            xhat *= (product @ gamma_share)[:, np.newaxis]
            xhat += (block @ gamma_share)[:, np.newaxis]
            block *= self.gamma.value
            block -= xhat
            block *= self._factor[rows]
        return grad

    def predict(self, x):
        """Normalize; `x` is overwritten."""
        for rows in _blocks(x):
            self._normalize(x[rows])
        x *= self.gamma.value
        x += self.beta.value
        return x

    def pull_back(self, x, grad):
        """Return dL/dx, where `grad` is dL/dy for the y that `predict` makes of x."""
        xhat, grad = x.copy(), grad * self.gamma.value
        for rows in _blocks(x):
            factor, block = self._normalize(xhat[rows]), grad[rows]
            product = (block * xhat[rows]).mean(axis=1, keepdims=True)
            block -= block.mean(axis=1, keepdims=True) + xhat[rows] * product
            block *= factor
        return grad

    def _normalize(self, x):
        """Turn a block into xhat in place; return the factor of each row, a column."""
        share = np.full(self.width, 1.0 / self.width, x.dtype)
        x -= (x @ share)[:, np.newaxis]
        variance = (x * x) @ share
        factor = (1.0 / np.sqrt(variance + EPSILON))[:, np.newaxis]
        x *= factor
        return factor


NORMALIZATIONS = {"batch": BatchNorm, "layer": LayerNorm}
