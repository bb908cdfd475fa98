"""All that the symptoms of a network are read from, measured once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import issparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils.sparsefuncs import mean_variance_axis, min_max_axis

from sk_mlp import initializers
from sk_mlp.activations._table import vanishing_sides
from sk_mlp.inspection._reading import encoded, resolved
from sk_mlp.inspection._trace import replica, some_rows, trace

# Rows below which a share of rows means nothing.
MIN_ROWS = 10
# Root mean square of a feature that is large: standardised ones have 1, those between 0
# and 1 about 0.5.
LARGE_FEATURE = 20.0
# Mean of a feature that is far off: in itself, and relative to the standard deviation.
FAR_OFF, FAR_OFF_STDS = 10.0, 3.0
# A slope below this share of the activation's largest one lets nothing through.
DEAD_SLOPE = 1e-3
SATURATED_SLOPE = 0.05
SATURATED_ROWS = 0.8


@dataclass
class Examination:
    """A fitted model with the rows that it is looked at with.

    Parameters
    ----------
    model, X, y, w
        As :func:`~sk_mlp.inspection._reading.read` returns them.
    """

    model: object
    X: object
    y: object = None
    w: object = None

    def __post_init__(self):
        if self.w is not None:  # rows of no weight say nothing
            seen = np.flatnonzero(self.w)
            self.X, self.w = self.X[seen], self.w[seen]
            self.y = None if self.y is None else self.y[seen]
        self.n_all = self.X.shape[0]
        self.X, self.y, self.w = some_rows(self.X, self.y, self.w)
        self.n_rows = self.X.shape[0]
        self.trace = trace(self.model, self.X, self.y, self.w)

    @cached_property
    def units(self):
        """list of Units: what the units of each layer do, the output layer's last."""
        return [Units(layer) for layer in self.trace.layers]

    @cached_property
    def signals(self):
        """ndarray of float: size of the gradient in each layer, RMS over the rows."""
        return _signals(self.trace)

    @cached_property
    def flow(self):
        """ndarray of float: `signals`, or where no row has a loss, as without y."""
        if self.signals[-1] > 0 or self.y is None:
            return self.signals
        return _signals(trace(self.model, self.X))

    # -- data ----------------------------------------------------------------------

    @cached_property
    def features(self):
        """dict of ndarray: mean, std, root mean square and whether constant, of X."""
        X = self.X
        if issparse(X):
            mean, variance = mean_variance_axis(X, axis=0)
            low, high = min_max_axis(X, axis=0)
        else:
            with np.errstate(over="ignore"):
                mean, variance = X.mean(0, np.float64), X.var(0, np.float64)
            low, high = X.min(0), X.max(0)
        std = np.sqrt(variance)
        size = np.hypot(mean, std)
        return {"mean": mean, "std": std, "size": size, "constant": low == high}

    @property
    def unscaled(self):
        """ndarray of bool: features that are large, or far off for how they vary."""
        features = self.features
        mean = np.abs(features["mean"])
        far_off = (mean > FAR_OFF) & (mean > FAR_OFF_STDS * features["std"])
        return (features["size"] > LARGE_FEATURE) | far_off

    @property
    def scaler(self):
        """StandardScaler: that fits X, whose zeros stay zeros where it is sparse."""
        return StandardScaler(with_mean=not issparse(self.X))

    # -- training ------------------------------------------------------------------

    @cached_property
    def setup(self):
        """Setup or None: the components, if the parameters still fit the network."""
        try:
            setup = resolved(self.model)
        except (ValueError, TypeError):
            return None
        same = setup.hidden_layer_sizes == self.model._spec["hidden_layer_sizes"]
        return setup if same else None

    def initial(self, initializer=None):
        """Return a network before training, by the model's own initializer or another.

        The draw is another one than the model had; its statistics are what counts.
        """
        network = replica(self.model)
        initializer = initializer or self.setup.initializer
        rng = np.random.RandomState(0)
        with np.errstate(all="ignore"):
            network.initialize(initializer, rng, self.setup.matched)
            network.set_statistics(self.X.astype(network.dtype, copy=False), self.w)
        return network

    @cached_property
    def initial_trace(self):
        """Trace or None: of the network as it may have been before training."""
        if self.setup is None:
            return None
        return trace(self.model, self.X, self.y, self.w, network=self.initial())

    @cached_property
    def matched_trace(self):
        """Trace: of a network before training whose weights match the activations."""
        matched = self.initial(initializers.get("auto"))
        return trace(self.model, self.X, network=matched)

    def updates(self, network):
        """Return the size of a training step for each layer, relative to its weights.

        It is the first step of the solver, at `learning_rate_init` and on one batch;
        NaN where there is no such step (no targets, L-BFGS).
        """
        model, setup = self.model, self.setup
        unknown = np.full(len(network.dense), np.nan)
        if self.y is None or setup is None or setup.optimizer is None:
            return unknown
        size = 200 if model.batch_size == "auto" else int(model.batch_size)
        X, y, w = some_rows(self.X, self.y, self.w, limit=size)
        Y, w = encoded(model, y, w)
        network.allocate(len(Y))
        total = len(Y) if w is None else float(w.sum())
        if total == 0:
            return unknown
        before = [dense.weight.value.copy() for dense in network.dense]
        with np.errstate(all="ignore"):
            network.loss_grad(X.astype(network.dtype, copy=False), Y, w, total)
            optimizer = setup.optimizer
            rate = model.learning_rate_init
            state = optimizer.init_state(network.theta)
            optimizer.step(network.theta, network.grad, state, rate)
            return np.array(list(map(_change, before, network.dense)))

    @cached_property
    def initial_updates(self):
        """ndarray of float: `updates` before training."""
        return self.updates(self.initial()) if self.setup else np.array([np.nan])

    @property
    def penalty(self):
        """float: what `alpha` adds to the mean loss."""
        model = self.model
        total = 0.0
        with np.errstate(all="ignore"):
            for W in model.coefs_:
                squares, sizes = np.vdot(W, W), np.abs(W).sum(dtype=float)
                total += (1 - model.l1_ratio) / 2 * squares + model.l1_ratio * sizes
        return float(model.alpha * total / self.n_all)

    @cached_property
    def shrinkage(self):
        """float: size of all weights relative to that of new ones; NaN if unknown."""
        if self.setup is None:
            return np.nan
        sizes = [
            np.sqrt(sum(np.vdot(d.weight.value, d.weight.value) for d in network.dense))
            for network in (self.model._network, self.initial())
        ]
        return float(sizes[0] / sizes[1]) if sizes[1] else np.nan

    @property
    def first_step(self):
        """float: median over the layers of `initial_updates`."""
        return float(np.median(self.initial_updates))

    @cached_property
    def losses(self):
        """ndarray of float: the training loss of each epoch, as far as it is known."""
        losses = np.asarray(self.model.history_["loss"], dtype=float)
        return losses[np.isfinite(losses)]

    @property
    def has_learned(self):
        """bool: Whether the loss is known, and half that of a constant prediction."""
        if self.y is None:
            return False
        # Some losses may be negative.
        constant = self.constant_loss
        return bool(constant - self.trace.loss > 0.5 * abs(constant))

    @cached_property
    def constant_loss(self):
        """float: the least mean loss of a prediction that is the same for all rows."""
        model = self.model
        spec = {
            **model._spec,
            **{"n_features": 1, "hidden_layer_sizes": (), "activations": []},
            **{"dtype": "float64", "dropout": None, "normalization": None},
        }
        network = model._network_of(spec)
        network.head.activate.initialize()
        Y, w = encoded(model, self.y, self.w)
        X, Y = np.zeros((len(Y), 1)), Y.astype(np.float64)
        total = len(Y) if w is None else float(w.sum(dtype=float))
        w = None if w is None else w.astype(np.float64)
        network.allocate(len(Y))

        def loss_grad(theta):
            network.theta[...] = theta
            return network.loss_grad(X, Y, w, total), network.grad.copy()

        with np.errstate(all="ignore"):
            theta = network.theta.copy()
            found = minimize(loss_grad, theta, jac=True, method="L-BFGS-B")
        return float(found.fun)


class Units:
    """What the units of one layer do for the rows of X.

    Parameters
    ----------
    layer : LayerTrace

    Attributes
    ----------
    rectifies : bool
        Whether the activation is flat on the left and rises on the right.
    saturates : bool
        Whether it is flat on both sides.
    dead : ndarray of bool of shape (units,)
        No row comes through: the slope is next to 0 at every one.
    saturated : ndarray of bool of shape (units,)
        Nearly all rows lie where the curve is flat.
    linear : ndarray of bool of shape (units,)
        The slope is the same for every row: the unit is a straight line.
    """

    def __init__(self, layer):
        self.rectifies = is_rectifier(layer.activation)
        self.saturates = not self.rectifies and is_flat(layer.activation)
        n_units = layer.z.shape[1]
        self.dead = self.saturated = self.linear = np.zeros(n_units, bool)
        if layer.slope is None or not len(layer.slope):
            return
        with np.errstate(all="ignore"):
            size = np.abs(layer.slope)
            size /= typical_slope(layer.activation) or 1.0
            self.dead = (size < DEAD_SLOPE).all(axis=0)
            self.saturated = (size < SATURATED_SLOPE).mean(axis=0) >= SATURATED_ROWS
            low, high = layer.slope.min(axis=0), layer.slope.max(axis=0)
            self.linear = high - low <= 1e-5 * np.maximum(np.abs(high), np.abs(low))


def is_rectifier(activation):
    """Tell whether an activation is flat on the left and rises on the right."""
    if activation.rowwise:
        return False
    with np.errstate(all="ignore"):
        left, right = np.abs(activation.derivative([-20.0, 4.0]))
        largest = np.abs(activation.derivative(np.linspace(-20.0, 4.0, 241))).max()
    return bool(left < DEAD_SLOPE * largest and right > 0.3 * largest)


def is_flat(activation):
    """Tell whether the slope of an elementwise activation vanishes on both sides."""
    return not activation.rowwise and vanishing_sides(activation) == "both"


def typical_slope(activation):
    """Return the largest |f'(z)| where inputs are of usual size, from -3 to 3."""
    with np.errstate(all="ignore"):
        return float(np.abs(activation.derivative(np.linspace(-3.0, 3.0, 601))).max())


def _signals(found):
    return np.array([_rms_of_rows(layer.signal) for layer in found.layers])


def _rms_of_rows(signal):
    """Return the root of the mean square length of the rows."""
    # By the largest first: squares of small numbers have no room in float32.
    largest = float(np.abs(signal).max(initial=0.0))
    if not 0 < largest < np.inf:
        return largest
    scaled = signal.astype(np.float64) / largest
    return largest * float(np.sqrt(np.einsum("ij,ij->", scaled, scaled) / len(signal)))


def _change(before, dense):
    size = np.linalg.norm(before)
    return np.linalg.norm(dense.weight.value - before) / size if size else np.nan
