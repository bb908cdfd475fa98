"""The network: one flat parameter vector, the layers on it, loss and gradient.

Forward, ``a_0 = x``, for the layers l = 1..L::

    z_l = a_{l-1} W_l + b_l        a_l = f_l(z_l)

where in a hidden layer z_l may be normalized before the activation, and units of a_l
dropped after it.

Backward, from the head's ``dL/dz_L`` down::

    dL/dW_l = a_{l-1}^T dL/dz_l    dL/db_l = sum over rows of dL/dz_l
    dL/da_{l-1} = dL/dz_l W_l^T    dL/dz_{l-1} = dL/da_{l-1} * f'_{l-1}(z_{l-1})
"""

from itertools import accumulate, pairwise

import numpy as np

from sk_mlp._layers import Activate, Dense, Dropout
from sk_mlp._normalization import NORMALIZATIONS, RowShares
from sk_mlp._numerics import BLOCK, zeros

# Shape parameters of activations learn slower than weights (the factor that RealMLP
# uses for its parametric activations).
SHAPE_RATE_FACTOR = 0.1

# Elements of the widest layer in one chunk of rows at prediction.
_PREDICTION_CHUNK = 1 << 19

# Rows that go through the layers at once in training, if they stand alone. L-BFGS has
# all rows in one batch: on a million rows of 50 features with 100 hidden units, an
# iteration takes 1.0 s in chunks and 20 MB, without them 2.6 s and 2.3 GB.
_TRAINING_CHUNK = 4096

_KINDS = ("weight", "bias", "shape", "statistic")


class Network:
    """A multilayer perceptron on flat vectors.

    Parameters
    ----------
    n_features : int
    hidden_layer_sizes : sequence of int
    activations : sequence of Activation
        One per hidden layer.
    head : Head
    dtype : numpy dtype
        float32 or float64.
    l1, l2 : float, default=0.0
        Penalty ``l1 * sum |W| + l2/2 * sum W**2`` of the weights.
    dropout : sequence of float or None, default=None
        The share of units dropped behind each hidden layer, in [0, 1).
    normalization : {None, "batch", "layer"}, default=None
        Of the inputs of the hidden layers' activations.

    Attributes
    ----------
    theta, grad : ndarray of shape (n_parameters,)
        All weights, then all biases (those of normalization, gamma and beta, among
        them), then all shape parameters, then the running statistics of batch
        normalization; their gradient, which is 0 for the last. Every array of a layer
        is a view into them.
    dense, normalize, activate : list
        The layers of each kind. `normalize` is empty without normalization.
    """

    def __init__(
        self,
        n_features,
        hidden_layer_sizes,
        activations,
        head,
        dtype,
        l1=0.0,
        l2=0.0,
        dropout=None,
        normalization=None,
    ):
        self.dtype = np.dtype(dtype)
        self.head = head
        self.l1, self.l2 = l1, l2
        widths = [n_features, *hidden_layer_sizes, head.width]
        self.max_width = max(widths)
        centered = normalization == "batch"
        self.dense = [
            *(Dense(*pair, centered=centered) for pair in pairwise(widths[:-1])),
            Dense(*widths[-2:]),
        ]
        self.activate = [
            Activate(activation, width)
            for activation, width in zip(activations, widths[1:-1], strict=True)
        ]
        self.normalize = []
        if normalization is not None:
            make = NORMALIZATIONS[normalization]
            self.normalize = [make(width) for width in widths[1:-1]]
        # Those that need to know the weights of the rows.
        self._weighted = self.normalize if centered else []
        self._stack(dropout)
        self._lay_out()

    def _stack(self, dropout):
        """Put the layers in order."""
        rates = [0.0] * len(self.activate) if dropout is None else dropout
        self.layers = self.dense[:1]
        for k, (activate, rate) in enumerate(zip(self.activate, rates, strict=True)):
            self.layers += [*self.normalize[k : k + 1], activate]
            if rate:
                dropped = activate.activation.dropped
                self.layers.append(Dropout(rate, activate.width, dropped))
            self.layers.append(self.dense[k + 1])
        layers = [*self.layers, self.head.activate]
        self._random = [layer for layer in layers if layer.random]

    def _lay_out(self):
        """Allocate the flat vectors and bind every parameter to its place."""
        parts = [*self.layers, self.head]
        parameters = [p for part in parts for p in part.parameters]
        parameters.sort(key=lambda p: _KINDS.index(p.kind))  # stable: layer by layer
        size = sum(p.size for p in parameters)
        self.theta = zeros((size,), self.dtype)
        self.grad = zeros((size,), self.dtype)
        start = 0
        for p in parameters:
            stop = start + p.size
            p.value = self.theta[start:stop].reshape(p.shape)
            p.grad = self.grad[start:stop].reshape(p.shape)
            start = stop
        sizes = [sum(p.size for p in parameters if p.kind == kind) for kind in _KINDS]
        self._stop = dict(zip(_KINDS, accumulate(sizes), strict=True))

    @property
    def groups(self):
        """Groups (start, stop, learning-rate factor, decayed) of what is learned."""
        weights, biases, shapes, _ = self._stop.values()
        groups = [(0, weights, 1.0, True), (weights, biases, 1.0, False)]
        if shapes > biases:
            groups.append((biases, shapes, SHAPE_RATE_FACTOR, False))
        return groups

    @property
    def random(self):
        """Whether a layer draws noise in training."""
        return bool(self._random)

    def initialize(self, initializer, rng, activations):
        """Draw weights and biases layer by layer; start all else at its own values.

        Parameters
        ----------
        initializer : Initializer
        rng : RandomState
        activations : sequence of Activation
            What each layer's weights are matched to, the output layer's included.
        """
        for dense, activation in zip(self.dense, activations, strict=True):
            initializer.fill(dense.weight.value, dense.bias.value, rng, activation)
        for layer in [*self.normalize, *self.activate, self.head.activate]:
            layer.initialize()

    def allocate(self, n_rows):
        """Make the buffers of training steps of up to `n_rows` rows."""
        self._chunk = n_rows
        if n_rows > _TRAINING_CHUNK and not (self.random or self._weighted):
            n_chunks = -(-n_rows // _TRAINING_CHUNK)
            self._chunk = n_rows = -(-n_rows // n_chunks)  # of equal size
            self._grad_sum = zeros(self.grad.shape, self.dtype)
        for k, layer in enumerate(self.layers):
            layer.allocate(n_rows, self.dtype, first=k == 0)
        self.head.allocate(n_rows, self.dtype)

    def largest_product(self, n_rows):
        """Return the multiplications in the largest product of a step."""
        return n_rows * max(dense.weight.size for dense in self.dense)

    def draw(self, rng, n_rows):
        """Draw new noise in every random layer; without a call it stays frozen."""
        for layer in self._random:
            layer.draw(rng, n_rows)

    def loss_grad(self, x, y, w=None, norm=None):
        """Return the objective at theta and set ``grad`` to its gradient.

        The objective of a batch is ``(sum_i w_i l_i + penalty) / norm``.

        Parameters
        ----------
        x : ndarray or sparse matrix of shape (n_rows, n_features)
            At most as many rows as were allocated.
        y : ndarray or Coded of shape (n_rows, n_columns)
            Targets as :meth:`Head.prepare` returns them.
        w : ndarray of shape (n_rows, 1) or None, default=None
            Sample weights.
        norm : float or None, default=None
            None is n_rows. The trainer gives n_rows times the mean weight of the
            whole training set.

        Returns
        -------
        loss : float

        Notes
        -----
        Batch normalization takes the weighted statistics of the batch, and its running
        ones follow them.
        """
        n_rows = x.shape[0]
        norm = float(n_rows) if norm is None else norm
        if n_rows <= self._chunk:
            loss = self._propagate(x, y, w, norm)
        else:
            loss = self._propagate_chunks(x, y, w, norm)
        return loss / norm + self._add_penalty(1.0 / norm)

    def _propagate(self, x, y, w, norm):
        """Return the summed loss of the rows; set ``grad`` to its gradient by norm."""
        if x.dtype != self.dtype:
            x = x.astype(self.dtype)
        self._weigh(w, x.shape[0])
        for layer in self.layers:
            x = layer.forward(x)
        loss, grad = self.head.loss_grad(x, y, w, 1.0 / norm)
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return loss

    def _propagate_chunks(self, x, y, w, norm):
        """Do the same chunk by chunk."""
        loss, self._grad_sum[...] = 0.0, 0.0
        for start in range(0, x.shape[0], self._chunk):
            rows = slice(start, start + self._chunk)
            w_rows = None if w is None else w[rows]
            loss += self._propagate(x[rows], y[rows], w_rows, norm)
            self._grad_sum += self.grad
        self.grad[...] = self._grad_sum
        return loss

    def set_statistics(self, x, w=None):
        """Set the running statistics to those that prediction meets in the rows of x.

        Does nothing without batch normalization. Parameters as in :meth:`loss_grad`.
        """
        if not self._weighted:
            return
        self._weigh(w, x.shape[0])
        x = x.astype(self.dtype, copy=False)
        for layer in self.layers[:-1]:
            if layer in self._weighted:
                layer.set_statistics(x)
            x = layer.predict(x)

    def _weigh(self, w, n_rows):
        if self._weighted:
            shares = RowShares(w, n_rows, self.dtype)
            for layer in self._weighted:
                layer.shares = shares

    def _add_penalty(self, scale):
        """Add the gradient of the scaled penalty to ``grad``; return its value."""
        stop = self._stop["weight"]
        value = 0.0
        # In blocks, and without SciPy's BLAS, whose threads would fight with NumPy's.
        for start in range(0, stop, BLOCK):
            block = slice(start, min(start + BLOCK, stop))
            weights, grad = self.theta[block], self.grad[block]
            if self.l2:
                grad += (self.l2 * scale) * weights
                value += 0.5 * self.l2 * float(np.dot(weights, weights))
            if self.l1:
                grad += (self.l1 * scale) * np.sign(weights)
                value += self.l1 * float(np.abs(weights).sum(dtype=np.float64))
        return value * scale

    def raw(self, x, rows=None):
        """Return the raw outputs z for the rows of x, in chunks.

        Touches no training buffer, so any number of threads may call it.

        Parameters
        ----------
        x : ndarray or sparse matrix of shape (n_samples, n_features)
            Of any numeric dtype.
        rows : ndarray of int of shape (n_rows,) or None, default=None
            Which rows; None is all.

        Returns
        -------
        ndarray of shape (n_rows, width of the head)
        """
        if not isinstance(x, np.ndarray):
            x = x.tocsr()
        n_rows = x.shape[0] if rows is None else len(rows)
        step = max(1, _PREDICTION_CHUNK // self.max_width)
        z = np.empty((n_rows, self.head.width), self.dtype)
        for start in range(0, n_rows, step):
            part = slice(start, start + step)
            chunk = x[part] if rows is None else x[rows[part]]
            chunk = chunk.astype(self.dtype, copy=False)
            for layer in self.layers:
                chunk = layer.predict(chunk)
            z[part] = chunk
        return z

    def predict(self, x):
        """Return the outputs for the rows of x."""
        return self.head.predict(self.raw(x))
