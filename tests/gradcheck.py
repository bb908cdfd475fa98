"""Gradients by central differences, and small networks to take them of.

The checker knows a function by ``function(theta) -> (value, gradient)`` and reads
nothing of a network. Near a kink no difference is a derivative, and below a certain
size the rounding of the value hides it. Both show in the differences themselves, and
are the only excuses for an error: then another point is taken. The tolerance is the
same everywhere.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from sk_mlp import activations, losses
from sk_mlp._head import Head
from sk_mlp._network import Network
from sk_mlp._normalization import RowShares

TOLERANCE = 1e-6
STEP = 1e-5
ATTEMPTS = 5

# A coordinate counts relative to its own gradient, but not below this fraction of the
# largest one, where rounding of the value is all that a difference shows.
FLOOR = 1e-3


class Undecided(Exception):
    """The differences are no derivative here: there is nothing to compare with."""


# The checker -------------------------------------------------------------------------


def central_difference(function, theta, direction, step=STEP):
    """Return the derivative of the value along `direction`, by two evaluations."""
    up, _ = function(theta + step * direction)
    down, _ = function(theta - step * direction)
    return (up - down) / (2 * step)


def error_along(function, theta, direction, exact, scale):
    """Return ``|difference - exact| / scale``.

    Where that is not small, half the step tells why. Curvature is extrapolated away.
    A kink gives another difference; then, or if the error can be the rounding of the
    value, `Undecided` is raised instead of returning too large an error.
    """
    whole = central_difference(function, theta, direction)
    error = abs(whole - exact)
    if not error <= 0.01 * TOLERANCE * scale:
        half = central_difference(function, theta, direction, STEP / 2)
        error = min(error, abs((4 * half - whole) / 3 - exact))
        if not error <= TOLERANCE * scale:
            rounding = np.finfo(float).eps * abs(function(theta)[0]) / STEP
            if not max(abs(whole - half), rounding) <= 0.01 * error:
                raise Undecided
    return error / scale if scale else 0.0


def projected_error(function, theta, rng):
    """Return the relative error of the gradient along one random direction.

    The direction goes over the whole of theta and uphill in every coordinate, so that
    the contributions of no two coordinates cancel; the derivative along it is then
    never small by accident, and the error is relative to itself.
    """
    gradient = function(theta)[1].copy()
    direction = np.abs(rng.standard_normal(theta.size)) + 0.1
    direction[gradient < 0] *= -1
    direction /= np.linalg.norm(direction)
    exact = float(direction @ gradient)
    return error_along(function, theta, direction, exact, scale=abs(exact))


def coordinate_error(function, theta):
    """Return the worst relative error of all coordinates of the gradient."""
    gradient = function(theta)[1].copy()
    floor = FLOOR * np.abs(gradient).max()
    errors = []
    for k, exact in enumerate(gradient):
        direction = np.zeros_like(theta)
        direction[k] = 1.0
        scale = max(abs(exact), floor)
        errors.append(error_along(function, theta, direction, exact, scale))
    return max(errors)


def first_decided(measure, seed):
    """Return the first ``measure(rng)`` that does not raise `Undecided`."""
    for attempt in range(ATTEMPTS):
        try:
            return measure(np.random.RandomState(seed + 1000 * attempt))
        except Undecided:
            pass
    raise AssertionError(f"Nothing decided in {ATTEMPTS} attempts.")


# What is combined ---------------------------------------------------------------------


def activation_variants():
    """Return every registered activation by label, fixed and trained in both ways."""
    found = {}
    for name in activations.names():
        activation = found[name] = activations.get(name)
        if "trainable" not in activation.get_params():
            continue
        for trainable in (False, True, "shared"):
            if trainable != activation.trainable:
                variant = clone(activation).set_params(trainable=trainable)
                found[f"{name}, trainable={trainable}"] = variant
    return found


def loss_variants():
    """Return every registered loss by label, and other settings of some."""
    found = {name: losses.get(name) for name in losses.names()}
    for loss in (
        losses.LogLoss(label_smoothing=0.1),
        losses.Focal(gamma=0.5),
        losses.Huber(delta=0.3),
        losses.Quantile(levels=(0.1, 0.5, 0.9)),
        losses.Tweedie(power=-0.5),
        losses.Tweedie(power=0.0),
        losses.Tweedie(power=3.0),
    ):
        found[repr(loss)] = loss
    return found


@dataclass(frozen=True)
class Target:
    """A kind of target; the widths of the networks below all differ."""

    task: str
    n_columns: int
    groups: tuple | None = None

    def draw(self, loss, n_rows, rng):
        """Return targets in the domain of the loss, its closed ends among them."""
        shape = (n_rows, self.n_columns)
        if self.groups is not None:
            y = np.zeros(shape)
            for group in self.groups:
                classes = rng.randint(group.start, group.stop, n_rows)
                y[np.arange(n_rows), classes] = 1.0
            return y
        if self.task == "classification":
            return rng.randint(0, 2, shape).astype(float)
        if -1.0 in loss.y_domain:
            return 1.5 * rng.standard_normal(shape)
        y = rng.gamma(2.0, size=shape)
        if 0.0 in loss.y_domain:
            y[::3, 0] = 0.0
        return y


TARGETS = {
    "binary": Target("classification", 1),
    "multiclass": Target("classification", 3, (slice(0, 3),)),
    "multilabel": Target("classification", 3),
    "multioutput": Target("classification", 6, (slice(0, 2), slice(2, 6))),
    "regression": Target("regression", 3),
}


def make_head(activation, loss, target):
    """Return the head, or raise the ValueError of a pair that does not fit."""
    return Head(
        activation,
        loss,
        target.n_columns,
        target.groups,
        probabilities=target.task == "classification",
    )


def head_pairs(activations_by_label, targets=TARGETS):
    """Return the admissible (activation, loss, target) by label, and the refusals."""
    admissible, refused = {}, {}
    for kind, target in targets.items():
        for loss_label, loss in loss_variants().items():
            if target.task not in loss.tasks:
                continue
            for label, activation in activations_by_label.items():
                key = (label, loss_label, kind)
                try:
                    make_head(activation, loss, target)
                except ValueError as error:
                    refused[key] = str(error)
                else:
                    admissible[key] = (activation, loss, target)
    return admissible, refused


# Networks ----------------------------------------------------------------------------


class Problem:
    """A small network in float64 with data; every width is different.

    Parameters
    ----------
    hidden : Activation
        Of all hidden layers.
    pair : tuple (activation, loss, target)
        The head.
    rng : RandomState
    sizes : tuple of int, default=(7, 4)
        Hidden layers.
    n_rows, n_features : int
    canonical : bool or None, default=None
        False takes the general chain where there is a shortcut.
    dtype : numpy dtype, default=np.float64
    dropout : float, default=0.0
        Rate of every hidden layer; the masks are drawn once.
    normalization : {None, "batch", "layer"}, default=None
    """

    def __init__(
        self,
        hidden,
        pair,
        rng,
        sizes=(7, 4),
        n_rows=9,
        n_features=5,
        canonical=None,
        dtype=np.float64,
        dropout=0.0,
        normalization=None,
    ):
        activation, loss, target = pair
        head = make_head(activation, loss, target)
        if canonical is not None:
            head.canonical = canonical
        self.network = Network(
            n_features,
            sizes,
            [hidden] * len(sizes),
            head,
            dtype,
            dropout=[dropout] * len(sizes),
            normalization=normalization,
        )
        self.network.allocate(n_rows)
        self.x = rng.standard_normal((n_rows, n_features)).astype(dtype)
        y = target.draw(loss, n_rows, rng).astype(dtype)
        self.y = head.prepare(y)
        self.weights = rng.uniform(0.1, 2.0, (n_rows, 1)).astype(dtype)
        self.weights[0] = 0.0
        if normalization == "batch":
            # Else it can be far off the statistics of the others, and its exp infinite.
            self.x[0] = self.x[1:3].mean(axis=0)
        self.pose(weighted=False)
        if self.network.random:
            noise = np.random.default_rng(rng.randint(2**31))
            self.network.draw(noise, n_rows)
        randomize(self.network, self.x, self.weights, rng)
        self.theta = self.network.theta.copy()

    def pose(self, weighted, l1=0.0, l2=0.0):
        """Choose the objective. The norm of a weighted batch is not its own weight."""
        self.w = self.weights if weighted else None
        self.norm = 1.7 * self.x.shape[0] if weighted else None
        self.network.l1, self.network.l2 = l1, l2
        return self

    def __call__(self, theta):
        self.network.theta[...] = theta
        value = self.network.loss_grad(self.x, self.y, self.w, self.norm)
        return value, self.network.grad


def randomize(network, x, weights, rng):
    """Give theta random values such that every layer works where its curve is bent.

    Every z gets the standard deviation 1 over all and a small mean in each column. No
    bias is zero, and no two units have the same shape parameters or the same factor
    after a normalization; half of these are negative.
    """
    for layer in [*network.activate, network.head.activate]:
        layer.initialize()
        if layer.parameters:
            layer.shape.value *= rng.uniform(0.8, 1.2, layer.shape.shape)
    for layer in network.normalize:
        layer.initialize()
        sign = rng.choice([-1.0, 1.0], layer.width)
        layer.gamma.value *= sign * rng.uniform(0.6, 1.4, layer.width)
        layer.beta.value[...] = 0.5 * rng.standard_normal(layer.width)
        layer.shares = RowShares(weights, len(x), x.dtype)
    for layer in network.layers:
        if layer in network.dense:
            weight, bias = layer.weight.value, layer.bias.value
            weight[...] = rng.standard_normal(weight.shape)
            z = x @ weight
            scale = max((z - z.mean(axis=0)).std(), 1e-3)
            weight /= scale
            bias[...] = 0.5 * rng.standard_normal(bias.shape) - z.mean(axis=0) / scale
        x = layer.forward(x)


# Combinations ------------------------------------------------------------------------

# (weighted, l1, l2)
OBJECTIVES = {
    f"{'weights' if weighted else 'no weights'}, {penalty}": (weighted, *factors)
    for weighted in (False, True)
    for penalty, factors in {
        "no penalty": (0.0, 0.0),
        "L2": (0.0, 0.3),
        "L1 and L2": (0.2, 0.3),
    }.items()
}

WEIGHTED_AND_PENALIZED = OBJECTIVES["weights, L1 and L2"]

# Settings of `Problem`.
REGULARIZED = {
    "dropout": {"dropout": 0.3},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
    "dropout and batch": {"dropout": 0.3, "normalization": "batch"},
}


def worst_projected_error(hidden, pair, objectives, seed=0, **settings):
    """Return the worst error over some of `OBJECTIVES`, each in a new direction."""

    def measure(rng):
        problem = Problem(hidden, pair, rng, **settings)
        return max(
            projected_error(problem.pose(*objective), problem.theta, rng)
            for objective in objectives
        )

    return first_decided(measure, seed)


def worst_coordinate_error(hidden, pair, seed=0, **settings):
    """Return the worst error of all single coordinates, weighted and penalised."""

    def measure(rng):
        problem = Problem(hidden, pair, rng, **settings).pose(*WEIGHTED_AND_PENALIZED)
        return coordinate_error(problem, problem.theta)

    return first_decided(measure, seed)


def main():
    """Check the whole product, which takes minutes, and print the worst errors.

    With dropout and normalization one objective stands for all.
    """
    pairs, _ = head_pairs(activation_variants())
    runs = [({}, list(OBJECTIVES.values()))]
    runs += [(settings, [WEIGHTED_AND_PENALIZED]) for settings in REGULARIZED.values()]
    total = 0
    for label, hidden in activation_variants().items():
        errors, count = {}, 0
        for settings, objectives in runs:
            for seed, (key, pair) in enumerate(pairs.items()):
                errors[(*key, *settings.values())] = worst_projected_error(
                    hidden, pair, objectives, seed, **settings
                )
            count += len(pairs) * len(objectives)
        total += count
        worst = max(errors, key=errors.get)
        print(f"{label:34} {count:5} combinations, worst {errors[worst]:.1e} {worst}")
        if not errors[worst] <= TOLERANCE:
            raise SystemExit("The gradient is wrong.")
    print(f"{total} combinations in all")


if __name__ == "__main__":
    main()
