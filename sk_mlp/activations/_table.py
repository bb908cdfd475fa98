"""What every registered activation is, in one table, with its measured cost."""

from math import isfinite
from time import perf_counter

import numpy as np

from sk_mlp._numerics import empty
from sk_mlp.activations._base import _REGISTRY, get, names

_BLOCK = (256, 128)  # 32,768 numbers, what a layer passes in one call
_ROUNDS = 60


def table(*, cost=True):
    """Return the facts of all registered activations, one row each.

    Parameters
    ----------
    cost : bool, default=True
        Whether to measure what a training step takes, relative to ReLU. The other
        facts are there at once; this takes about 0.3 seconds.

    Returns
    -------
    table : pandas.DataFrame or list of dict
        A DataFrame indexed by name, sorted; without pandas a list of dicts that also
        hold the name. The columns:

        - aliases : tuple of str. Other names of the same activation.
        - object : str. What the name stands for.
        - formula, reference : str. As in its docstring.
        - range : Interval. Where the values lie; ``0.5 in range`` works.
        - zero_centered, monotonic : bool. Attributes of the object.
        - bounded : bool. Whether both ends of the range are finite.
        - vanishing : {"none", "left", "right", "both"}. On which sides of the z axis,
          far out, the slope tends to 0. Computed from the derivative; of a rowwise
          activation along the diagonal of its Jacobian, the other inputs 0.
        - kinks : tuple of float. Where the slope jumps; empty where it never does.
        - shape_parameters : tuple of str. The fields that can be trained.
        - trained : {False, True, "shared"}. Whether this name trains them.
        - gain : float. Keeps the size of the activations from layer to layer.
        - cost : float. Time of value and derivative of 32,768 numbers in float32, as
          in training, over the time of ReLU. Both are measured in turns at this call;
          it is the median of the rounds. With trained parameters their derivative is
          part of it, with a random activation its noise. Left out if ``cost=False``.

    Examples
    --------
    >>> from sk_mlp import activations
    >>> facts = activations.table(cost=False)
    >>> facts.loc[["tanh", "relu"], ["range", "vanishing", "kinks"]]
              range vanishing   kinks
    name
    tanh    (-1, 1)      both      ()
    relu   [0, inf)      left  (0.0,)
    """
    objects = {name: get(name) for name in names()}
    rows = [_facts(name, activation) for name, activation in objects.items()]
    if cost:
        for row in rows:
            row["cost"] = _relative_cost(objects[row["name"]])
    try:
        import pandas as pd
    except ImportError:
        return rows
    return pd.DataFrame(rows).set_index("name")


def _facts(name, activation):
    """Return the row of an activation, all but its cost."""
    aliases = _REGISTRY.aliases().items()
    return {
        "name": name,
        "aliases": tuple(alias for alias, target in aliases if target == name),
        "object": repr(activation),
        "formula": activation.formula,
        "range": activation.range,
        "zero_centered": bool(activation.zero_centered),
        "monotonic": bool(activation.monotonic),
        "bounded": isfinite(activation.range.low) and isfinite(activation.range.high),
        "vanishing": vanishing_sides(activation),
        "kinks": tuple(activation.kinks),
        "shape_parameters": tuple(activation.shape_parameters),
        "trained": activation.trainable,
        "gain": activation.gain,
        "reference": activation.reference,
    }


def vanishing_sides(activation):
    """Return the sides of the z axis on which the slope tends to 0.

    The slope is read off in octaves from 8 to 2**50. On a side it tends to 0 if it is
    at most a millionth of the largest one in the last octave before one that overflows.

    Parameters
    ----------
    activation : Activation

    Returns
    -------
    sides : {"none", "left", "right", "both"}

    Examples
    --------
    >>> from sk_mlp.activations import Gaussian, ReLU, Sine
    >>> from sk_mlp.activations._table import vanishing_sides
    >>> vanishing_sides(ReLU()), vanishing_sides(Gaussian()), vanishing_sides(Sine())
    ('left', 'both', 'none')
    """
    far = 2.0 ** np.arange(3, 50)[:, np.newaxis] * np.linspace(1.0, 1.99, 16)
    left, right = (_finite_octaves(_slope_size(activation, z)) for z in (-far, far))
    middle = _slope_size(activation, np.linspace(-8.0, 8.0, 1601))
    largest = max(size.max(initial=0.0) for size in (left, middle, right))
    on_left, on_right = (
        len(size) > 0 and size[-1].max() <= 1e-6 * largest for size in (left, right)
    )
    if on_left and on_right:
        return "both"
    return "left" if on_left else "right" if on_right else "none"


def _slope_size(activation, z):
    """Return |f'(z)|; of a rowwise f that of its first output, the other input 0."""
    with np.errstate(all="ignore"):  # a user-made one may overflow far out
        if not activation.rowwise:
            return np.abs(activation.derivative(z))
        rows = np.column_stack([z.ravel(), np.zeros(z.size)])
        a, grad = np.empty_like(rows), np.zeros_like(rows)
        grad[:, 0] = 1.0
        shape = activation.default_shape()
        activation.forward(rows, a, *shape)
        activation.backward(rows, a, grad, *shape)
        return np.abs(grad[:, 0]).reshape(z.shape)


def _finite_octaves(size):
    """Return the octaves, one a row, up to the first with an infinity or NaN."""
    finite = np.isfinite(size).all(axis=1)
    return size[np.logical_and.accumulate(finite)]


# Cost -------------------------------------------------------------------------------


def _relative_cost(activation):
    """Return the median, over rounds, of the time of a step over that of ReLU."""
    arrays = [empty(_BLOCK, np.float32) for _ in range(5)]  # both find them in cache
    relu, own = (_training_step(f, *arrays) for f in (get("relu"), activation))
    ratios = []
    for _ in range(_ROUNDS // 2):
        seconds = relu()
        ratios.append(own() / seconds)
        seconds = own()
        ratios.append(seconds / relu())
    return float(np.median(ratios))


def _training_step(activation, block, z, a, grad, extra):
    """Return a function that takes a step with these arrays and returns its seconds.

    It does what a hidden layer does: draw noise, value and slope at once where they are
    joint, the derivative by trained shape parameters, the chain rule.
    """
    rng = np.random.default_rng(0)
    rng.standard_normal(dtype=np.float32, out=block)
    shape = activation.default_shape()
    if activation.trainable:
        columns = 1 if activation.trainable == "shared" else _BLOCK[1]
        shape = tuple(np.full(columns, value, np.float32) for value in shape)
    elif activation.random:
        shape = (extra,)

    def step():
        z[...], grad[...] = block, block  # `backward` may overwrite all it gets
        start = perf_counter()
        if activation.random:
            activation.draw(rng, extra)
        if activation.joint:
            activation.forward_derivative(z, a, extra, *shape)
        else:
            activation.forward(z, a, *shape)
        if activation.trainable:
            for slope in activation.shape_gradient(z, a, *shape):
                np.einsum("ij,ij->j", grad, slope)
        if activation.joint:
            np.multiply(grad, extra, out=grad)
        else:
            activation.backward(z, a, grad, *shape)
        return perf_counter() - start

    step()
    return step
