"""Why training diverged, in words that help."""

import numpy as np
from scipy import sparse

# Standardised data stay far below; a value beyond is worth a word.
_LARGE = 100.0


def explain(network, X, y, *, learning_rate, clipped):
    """Return the likely causes of a loss that is not finite, and what to try.

    Parameters
    ----------
    network : Network
    X, y : arrays
        What it was trained on; y encoded.
    learning_rate : float or None
        The initial rate; None for L-BFGS, which has none.
    clipped : bool
        Whether the gradient norm is limited already.
    """
    causes = []
    largest = _largest(X)
    if largest > _LARGE:
        causes.append(
            f"features that are not scaled (|X| up to {largest:.3g}; try "
            "sklearn.preprocessing.StandardScaler)"
        )
    largest = _largest(y)
    if largest > _LARGE:
        causes.append(
            f"targets that are not scaled (|y| up to {largest:.3g}; try "
            "sklearn.compose.TransformedTargetRegressor with a StandardScaler)"
        )
    steep = [repr(name) for name in _steep_activations(network)]
    if steep:
        causes.append(
            f"an activation that grows faster than linearly ({', '.join(steep)}; try "
            "'relu' or 'tanh' in hidden layers, 'softplus' at the output)"
        )
    if learning_rate is not None:
        remedy = "a tenth" if clipped else "a tenth, or max_grad_norm=1.0"
        causes.append(
            "a learning rate that is too high "
            f"(learning_rate_init={learning_rate:g}; try {remedy})"
        )
    if not causes:
        causes.append(
            "a loss that has no lower bound on these data (try a larger alpha, another "
            "init, or solver='adam')"
        )
    return f"Likely cause: {'; or '.join(causes)}."


def _largest(array):
    # Coded targets have the values of their table.
    values = array.data if sparse.issparse(array) else getattr(array, "table", array)
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def _steep_activations(network):
    """Return the names of activations whose values at 50 are far beyond 50."""
    found = {}
    for layer in [*network.activate, network.head.activate]:
        activation = layer.activation
        name = activation.registered_name or type(activation).__name__
        if activation.rowwise or name in found:
            continue
        z, out = np.full((1, 1), 50.0), np.empty((1, 1))
        with np.errstate(all="ignore"):
            # As it was at first: what was trained may be NaN by now.
            activation.forward(z, out, *activation.default_shape())
        found[name] = not abs(out[0, 0]) < 20 * 50.0
    return [name for name, is_steep in found.items() if is_steep]
