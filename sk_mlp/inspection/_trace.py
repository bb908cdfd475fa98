"""One pass through a fitted network, forward and backward, with all in between."""

from dataclasses import dataclass

import numpy as np

from sk_mlp.activations import Activation
from sk_mlp.inspection._reading import encoded

# Rows that are looked at, at most: enough for any share that is asked about, and the
# arrays of a wide network still fit into memory.
MAX_ROWS = 5_000


@dataclass
class LayerTrace:
    """What happens in one layer for the rows of X.

    Parameters
    ----------
    name : str
        ``"hidden 1"``, ``"hidden 2"``, ..., ``"output"``.
    activation : Activation
        As it was given to the estimator; the trained shapes show in `a` and `slope`.
    weight, bias : ndarray of shape (fan_in, units) and (units,)
    z, a : ndarray of shape (n_rows, units)
        Before and after the activation.
    slope : ndarray of shape (n_rows, units) or None
        The derivative of the activation at z; None where it works on whole rows.
    signal : ndarray of shape (n_rows, units)
        dL_i/dz, the gradient of each row's own loss L_i, weighted as in training;
        without targets, of the raw outputs in a random direction for each row.
    weight_gradient : ndarray like `weight` or None
        dL/dW of the mean loss without its penalty; None without targets.
    """

    name: str
    activation: Activation
    weight: np.ndarray
    bias: np.ndarray
    z: np.ndarray
    a: np.ndarray
    slope: np.ndarray | None
    signal: np.ndarray
    weight_gradient: np.ndarray | None


@dataclass
class Trace:
    """The layers, hidden ones first, and the mean loss (None without targets)."""

    layers: list
    loss: float | None = None

    @property
    def hidden(self):
        return self.layers[:-1]

    @property
    def output(self):
        return self.layers[-1]


def some_rows(X, *arrays, limit=MAX_ROWS):
    """Return X and the other arrays, None among them, with at most `limit` rows.

    Evenly spaced, so that sorted labels stay in proportion.
    """
    n_rows = X.shape[0]
    if n_rows <= limit:
        return X, *arrays
    rows = np.linspace(0, n_rows - 1, limit).round().astype(int)
    return X[rows], *(None if array is None else array[rows] for array in arrays)


def replica(model):
    """Return a network with a fitted model's parameters, without dropout."""
    spec = {**model._spec, "dropout": None}
    return model._network_of(spec, model._network.theta)


def trace(model, X, y=None, w=None, network=None):
    """Return what happens in every layer of a fitted model when it predicts.

    Dropout does nothing then, random activations take their expected value, and batch
    normalization its running statistics.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        As :func:`~sk_mlp.inspection._reading.read` returns it. Of more than `MAX_ROWS`
        rows some are taken.
    y : ndarray or None, default=None
    w : ndarray of shape (n_samples, 1) or None, default=None
    network : Network or None, default=None
        What to trace; None is the model's own one.

    Returns
    -------
    trace : Trace
    """
    network = replica(model) if network is None else network
    X, y, w = some_rows(X, y, w)
    with np.errstate(all="ignore"):
        inputs, z = forward(network, X.astype(network.dtype, copy=False))
        if y is None:
            loss, grad = None, _random_directions(z)
        else:
            Y, w = encoded(model, y, w)
            network.head.allocate(len(Y), network.dtype)
            total = len(Y) if w is None else float(w.sum())
            if total == 0:
                raise ValueError(
                    "All rows have weight 0, by sample_weight or class_weight: there "
                    "is nothing to look at. Pass rows that count."
                )
            # The head overwrites z, and the weights enter the gradient of each row.
            loss, grad = network.head.loss_grad(z.copy(), Y, w, len(Y) / total)
            loss, grad = loss / total, grad.copy()
        gradients = backward(network, inputs, grad)
        layers = list(_layers(network, inputs, z, gradients, has_target=y is not None))
    return Trace(layers, loss)


def forward(network, X):
    """Return the input of every layer, and the raw outputs."""
    inputs, x = [], X
    for layer in network.layers:
        inputs.append(x)
        # Normalization overwrites what it is given.
        x = layer.predict(x.copy() if layer in network.normalize else x)
    return inputs, x


def backward(network, inputs, grad):
    """Return dL/d(output) of every layer, from that of the raw outputs."""
    gradients = []
    for layer, x in zip(reversed(network.layers), reversed(inputs), strict=True):
        gradients.append(grad)
        if x is not inputs[0]:
            grad = layer.pull_back(x, grad)
    return gradients[::-1]


def _layers(network, inputs, z, gradients, has_target):
    """Yield the trace of every layer."""
    n_rows = len(z)
    names = [f"hidden {k}" for k in range(1, len(network.dense))] + ["output"]
    ends = [*network.activate, network.head.activate]
    for name, dense, end in zip(names, network.dense, ends, strict=True):
        at_dense = network.layers.index(dense)
        dense_gradient = gradients[at_dense]
        if name == "output":
            before, after, signal = z, network.head.predict(z), dense_gradient
        else:
            at_end = network.layers.index(end)
            before = inputs[at_end]
            after = end.predict(before)
            # dL/dz: behind the normalization, in front of the activation.
            signal = end.pull_back(before, gradients[at_end])
        rowwise = end.activation.rowwise
        yield LayerTrace(
            *(name, end.activation, dense.weight.value, dense.bias.value),
            *(before, after),
            None if rowwise else end.pull_back(before, np.ones_like(before)),
            signal,
            inputs[at_dense].T @ dense_gradient / n_rows if has_target else None,
        )


def _random_directions(z):
    """Return a random vector of length 1 for each row."""
    signs = np.random.RandomState(0).choice([-1.0, 1.0], z.shape)
    return (signs / np.sqrt(z.shape[1])).astype(z.dtype)
