"""Layers by themselves: formulas, buffers, blocks, groups of columns, noise, dropout.

Those of normalization are in ``test_normalization.py``.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sk_mlp import _numerics, activations
from sk_mlp._layers import Activate, Dense, Dropout, Parameter
from sk_mlp._numerics import row_blocks
from sk_mlp.activations import MSAF, Logistic, RReLU

every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SPARSE = [sparse.csr_matrix, sparse.csr_array]


def bind(layer, dtype=np.float64, seed=0):
    """Give the parameters of a layer arrays, as the network does."""
    rng = np.random.RandomState(seed)
    for parameter in layer.parameters:
        parameter.value = rng.standard_normal(parameter.shape).astype(dtype)
        parameter.grad = np.full(parameter.shape, np.nan, dtype)
    return layer


def ready(layer, n_rows=8, dtype=np.float64, first=False):
    bind(layer, dtype)
    layer.allocate(n_rows, dtype, first)
    return layer


@pytest.fixture
def rng():
    return np.random.RandomState(1)


# Blocks -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [0, 1, 7, 100, 70_000])
@pytest.mark.parametrize("width", [0, 1, 3, 1000, 32_768, 100_000])
def test_blocks_cover_all_rows_once_and_stay_small(n_rows, width):
    blocks = list(row_blocks(n_rows, width))
    sizes = [block.stop - block.start for block in blocks]
    assert sum(sizes) == n_rows and all(size > 0 for size in sizes)
    assert [block.start for block in blocks] == [0, *np.cumsum(sizes)[:-1]][
        : len(sizes)
    ]
    assert all(size * width <= _numerics.BLOCK or size == 1 for size in sizes)


def test_parameters_know_their_size():
    assert Parameter("weight", (3, 4)).size == 12
    assert Parameter("bias", (4,)).size == 4


# Dense ------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("convert", [np.asarray, *SPARSE])
def test_dense_computes_the_affine_map_and_its_gradients(convert, dtype, rng):
    dense = ready(Dense(5, 3), dtype=dtype)
    x = rng.standard_normal((8, 5)).astype(dtype)
    grad = rng.standard_normal((8, 3)).astype(dtype)
    z = dense.forward(convert(x))
    rtol = 100 * np.finfo(dtype).eps
    assert z.dtype == dtype
    assert_allclose(z, x @ dense.weight.value + dense.bias.value, rtol=rtol, atol=rtol)
    assert_allclose(dense.predict(convert(x)), z, rtol=rtol, atol=rtol)
    grad_x = dense.backward(grad.copy())
    assert_allclose(dense.weight.grad, x.T @ grad, rtol=rtol, atol=rtol)
    assert_allclose(dense.bias.grad, grad.sum(axis=0), rtol=rtol, atol=rtol)
    assert_allclose(grad_x, grad @ dense.weight.value.T, rtol=rtol, atol=rtol)
    assert dense.weight.grad.dtype == grad_x.dtype == dtype


def test_dense_reuses_its_buffers_and_takes_fewer_rows(rng):
    dense = ready(Dense(5, 3))
    x, grad = rng.standard_normal((8, 5)), rng.standard_normal((8, 3))
    first, first_grad = dense.forward(x), dense.backward(grad)
    expected = dense.predict(x[:3])
    second, second_grad = dense.forward(x[:3]), dense.backward(grad[:3])
    assert np.shares_memory(first, second)
    assert np.shares_memory(first_grad, second_grad)
    assert second.shape == (3, 3) and second_grad.shape == (3, 5)
    assert_allclose(second, expected, rtol=1e-14)
    assert_allclose(dense.weight.grad, x[:3].T @ grad[:3], rtol=1e-13)


def test_the_first_dense_layer_makes_no_gradient_of_its_input(rng):
    dense = ready(Dense(5, 3), first=True)
    dense.forward(rng.standard_normal((8, 5)))
    assert dense.backward(np.ones((8, 3))) is None
    assert_allclose(dense.bias.grad, np.full(3, 8.0))


def test_a_centered_dense_layer_has_exactly_no_gradient_of_its_bias(rng):
    """The rest is as ever: what follows takes the bias off again."""
    layers = [ready(Dense(5, 3, centered)) for centered in (False, True)]
    x, grad = rng.standard_normal((8, 5)), rng.standard_normal((8, 3))
    results = [(d.forward(x), d.backward(grad), d.weight.grad) for d in layers]
    for plain, centered in zip(*results, strict=True):
        assert_array_equal(centered, plain)
    assert_array_equal(layers[1].bias.grad, 0.0)
    assert layers[0].bias.grad.all()


def test_dense_predicts_without_touching_the_buffers(rng):
    dense = bind(Dense(5, 3))  # never allocated
    x = rng.standard_normal((8, 5))
    assert not np.shares_memory(dense.predict(x), dense.predict(x))


# Activate ---------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("name", activations.names())
def test_activate_applies_the_activation(name, dtype, rng):
    """Forward, prediction and slope, from buffers that start as NaN."""
    activation = activations.get(name)
    layer = ready(Activate(activation, 4), dtype=dtype)
    layer._a.fill(np.nan)
    layer.initialize()
    if layer.random:
        layer._noise.fill(activation.expected)
    z = rng.standard_normal((8, 4)).astype(dtype)
    before = z.copy()
    a = layer.forward(z)
    assert a.dtype == dtype
    assert_array_equal(z, before)
    assert_allclose(a, activation(z), rtol=1e-6)
    assert_allclose(layer.predict(z), a, rtol=1e-6)
    assert_array_equal(z, before)
    grad = rng.standard_normal((8, 4)).astype(dtype)
    if not activation.rowwise:
        expected = grad * activation.derivative(before)
        result = layer.backward(grad)
        assert result is grad  # in place
        assert_allclose(grad, expected, rtol=1e-5, atol=1e-7)


def variants(name):
    activation = activations.get(name)
    if not activation.shape_parameters:
        return [activation]
    params = activation.get_params()
    return [
        type(activation)(**{**params, "trainable": trainable})
        for trainable in (False, True, "shared")
    ]


@pytest.mark.parametrize("name", activations.names())
def test_blocks_do_not_change_the_result(name, rng, monkeypatch):
    """Several blocks, the last one shorter, give what a single one gives."""
    for activation in variants(name):
        results = []
        for block in (_numerics.BLOCK, 12):
            monkeypatch.setattr(_numerics, "BLOCK", block)
            layer = ready(Activate(activation, 4))
            layer.initialize()
            if layer.random:
                layer.draw(np.random.default_rng(0), 8)
            z = np.random.RandomState(0).standard_normal((8, 4))
            a = layer.forward(z).copy()
            predicted = layer.predict(z)
            grad = layer.backward(np.random.RandomState(1).standard_normal((8, 4)))
            shape_grads = [parameter.grad for parameter in layer.parameters]
            results.append([a, predicted, grad, *shape_grads])
        for one, several in zip(*results, strict=True):
            assert_allclose(several, one, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("trainable", [True, "shared"])
def test_trained_shape_parameters(trainable, rng):
    """One per unit or one per layer; the gradient sums over rows (and units)."""
    layer = ready(Activate(MSAF((1.0, 4.0), trainable=trainable), 3))
    assert layer.shape.shape == ((2, 3) if trainable is True else (2, 1))
    layer.initialize()
    assert_array_equal(
        layer.shape.value, np.ones((1, 1)) * [[1.0], [4.0]] + 0 * layer.shape.value
    )
    layer.shape.value += rng.uniform(-0.5, 0.5, layer.shape.shape)
    z, grad = rng.standard_normal((8, 3)), rng.standard_normal((8, 3))

    def s(z):
        return 1 / (1 + np.exp(-z))

    steps = [s(z + offset) for offset in layer.shape.value]
    assert_allclose(layer.forward(z), s(z) + sum(steps), rtol=1e-13)
    layer.backward(grad.copy())
    by_unit = np.array([(grad * step * (1 - step)).sum(axis=0) for step in steps])
    if trainable == "shared":
        by_unit = by_unit.sum(axis=1, keepdims=True)
    assert_allclose(layer.shape.grad, by_unit, rtol=1e-12)


def test_gradients_of_shape_parameters_do_not_pile_up(rng):
    layer = ready(Activate(Logistic(trainable=True), 3))
    z, grad = rng.standard_normal((8, 3)), rng.standard_normal((8, 3))
    layer.forward(z.copy())
    layer.backward(grad.copy())
    first = layer.shape.grad.copy()
    layer.forward(z.copy())
    layer.backward(grad.copy())
    assert_array_equal(layer.shape.grad, first)


def test_fixed_shape_parameters_are_no_parameters():
    layer = Activate(MSAF((1.0, 4.0)), 3)
    assert layer.parameters == ()
    layer.initialize()


# Groups of columns ------------------------------------------------------------------


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("block", [_numerics.BLOCK, 12])
def test_every_group_has_a_softmax_of_its_own(block, rng, monkeypatch):
    monkeypatch.setattr(_numerics, "BLOCK", block)
    groups = [slice(0, 2), slice(2, 6)]
    layer = ready(Activate(activations.get("softmax"), 6, groups))
    z, grad = rng.standard_normal((8, 6)), rng.standard_normal((8, 6))
    parts = [softmax(z[:, group]) for group in groups]
    assert_allclose(layer.forward(z), np.hstack(parts), rtol=1e-14)
    assert_allclose(layer.predict(z), np.hstack(parts), rtol=1e-14)
    expected = [
        a * (grad[:, g] - (a * grad[:, g]).sum(axis=1, keepdims=True))
        for a, g in zip(parts, groups, strict=True)
    ]
    assert_allclose(layer.backward(grad), np.hstack(expected), rtol=1e-12, atol=1e-15)


def test_columns_in_no_group_pass_through(rng):
    layer = ready(Activate(Logistic(trainable=True), 5, [slice(0, 3)]))
    z, grad = rng.standard_normal((8, 5)), rng.standard_normal((8, 5))
    layer.shape.value[...] = 2.0
    a = 1 / (1 + np.exp(-2 * z))
    for result in (layer.forward(z), layer.predict(z)):
        assert_allclose(result[:, :3], a[:, :3], rtol=1e-14)
        assert_array_equal(result[:, 3:], z[:, 3:])
    result = layer.backward(grad.copy())
    assert_allclose(result[:, :3], (2 * grad * a * (1 - a))[:, :3], rtol=1e-12)
    assert_array_equal(result[:, 3:], grad[:, 3:])
    assert_array_equal(layer.shape.grad[0, 3:], [0.0, 0.0])


def test_precise_layers_keep_their_tails():
    layer = ready(Activate(Logistic(), 2, precise=True))
    z = np.array([[-60.0, 0.0]])
    for result in (layer.predict(z), layer.forward(z)):
        assert_allclose(result[0, 0], np.exp(-60.0), rtol=1e-14)


# Noise ------------------------------------------------------------------------------


@every_dtype
def test_noise_is_frozen_until_it_is_drawn_anew(dtype):
    layer = ready(Activate(RReLU(), 3), dtype=dtype)
    z = np.full((8, 3), -1.0, dtype)
    generator = np.random.default_rng(0)
    layer.draw(generator, 8)
    first = layer.forward(z).copy()
    assert first.dtype == dtype
    assert len(np.unique(first)) == first.size
    assert (first <= -1 / 8 + 1e-6).all() and (first >= -1 / 3 - 1e-6).all()
    assert_array_equal(layer.forward(z), first)
    grad = np.ones((8, 3), dtype)
    assert_allclose(layer.backward(grad), -first, rtol=1e-6)
    layer.draw(generator, 8)
    assert not np.isin(layer.forward(z), first).any()


def test_the_same_generator_gives_the_same_noise():
    results = []
    for _ in range(2):
        layer = ready(Activate(RReLU(), 3))
        layer.draw(np.random.default_rng(5), 8)
        results.append(layer.forward(np.full((8, 3), -1.0)).copy())
    assert_array_equal(*results)


def test_noise_of_a_short_batch_leaves_the_rest():
    layer = ready(Activate(RReLU(), 3))
    layer.draw(np.random.default_rng(0), 8)
    rest = layer._noise[5:].copy()
    layer.draw(np.random.default_rng(1), 5)
    assert_array_equal(layer._noise[5:], rest)


def test_prediction_takes_the_mean_and_draws_nothing():
    layer = Activate(RReLU(), 3)  # never allocated
    z = np.full((8, 3), -1.0)
    assert_allclose(layer.predict(z), np.full((8, 3), -(1 / 8 + 1 / 3) / 2))


# Dropout ----------------------------------------------------------------------------

SELU_DROPPED = -1.0507009873554805 * 1.6732632423543772


def drawn(layer, n_rows, dtype=np.float64, seed=0):
    layer.allocate(n_rows, dtype, first=False)
    layer.draw(np.random.default_rng(seed), n_rows)
    return layer


def test_only_selu_is_dropped_to_another_value_than_zero():
    values = {name: activations.get(name).dropped for name in activations.names()}
    assert values.pop("selu") == pytest.approx(SELU_DROPPED, rel=1e-15)
    assert set(values.values()) == {0.0}
    assert activations.get("selu")(-np.inf) == pytest.approx(SELU_DROPPED, rel=1e-15)


@every_dtype
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_inverted_dropout(rate, dtype, rng):
    """Dropped units are 0, the others divided by 1 - rate; the gradient likewise."""
    layer = drawn(Dropout(rate, 6), 50, dtype)
    a, grad = (rng.standard_normal((50, 6)).astype(dtype) for _ in range(2))
    before, given = a.copy(), grad.copy()
    y = layer.forward(a)
    kept = y != 0
    rtol = 4 * np.finfo(dtype).eps
    assert 0 < kept.sum() < kept.size and y.dtype == dtype
    assert_allclose(y, np.where(kept, a / (1 - rate), 0.0), rtol=rtol)
    assert_array_equal(a, before)  # which the activation's gradient needs
    assert layer.backward(grad) is grad
    assert_allclose(grad, np.where(kept, given / (1 - rate), 0.0), rtol=rtol)


@every_dtype
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_alpha_dropout(rate, dtype, rng):
    """The values of Klambauer et al., with q = 1 - rate the share that is kept."""
    d, q = SELU_DROPPED, 1 - rate
    layer = drawn(Dropout(rate, 6, d), 50, dtype)
    a, grad = (rng.standard_normal((50, 6)).astype(dtype) for _ in range(2))
    given = grad.copy()
    factor = (q + d**2 * q * (1 - q)) ** -0.5
    shift = -factor * (1 - q) * d
    y = layer.forward(a)
    rtol = 10 * np.finfo(dtype).eps
    layer.backward(grad)
    kept = grad != 0
    assert 0 < kept.sum() < kept.size and y.dtype == dtype
    expected = factor * np.where(kept, a, d) + shift
    assert_allclose(y, expected, rtol=rtol, atol=rtol)
    assert_allclose(grad, np.where(kept, factor * given, 0.0), rtol=rtol)


@pytest.mark.parametrize("dropped", [0.0, SELU_DROPPED])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_dropout_keeps_the_mean_and_alpha_dropout_the_variance(rate, dropped, rng):
    """Of N(0, 1), within five standard errors; so does the share of the dropped."""
    shape = (4000, 250)
    layer = drawn(Dropout(rate, shape[1], dropped), shape[0])
    y = layer.forward(rng.standard_normal(shape))
    share = np.mean(layer.backward(np.ones(shape)) == 0)
    n = y.size
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / n)
    assert abs(y.mean()) < 5 * y.std() / np.sqrt(n)
    variance = 1.0 if dropped else 1 / (1 - rate)
    error = np.std((y - y.mean()) ** 2) / np.sqrt(n)
    assert abs(y.var() - variance) < 5 * error


def test_units_are_dropped_independently():
    """No row, column or neighbour tells anything about another unit."""
    y = drawn(Dropout(0.5, 64), 20_000).forward(np.ones((20_000, 64))) - 1.0
    correlations = np.corrcoef(y.T)[np.triu_indices(64, 1)]
    assert abs(correlations).max() < 5 / np.sqrt(20_000)
    assert abs(np.mean(y[1:] * y[:-1])) < 5 / np.sqrt(y.size)
    assert abs(y.mean(axis=1)).max() < 6 / np.sqrt(64)


@pytest.mark.parametrize("rate, dropped", [(1e-9, 0.0), (1 - 1e-9, 1.0)])
def test_extreme_rates_drop_almost_none_or_all(rate, dropped):
    y = drawn(Dropout(rate, 1000), 1000).forward(np.ones((1000, 1000)))
    assert np.isfinite(y).all()
    assert abs(np.mean(y == 0) - dropped) <= 2e-5 * dropped


def test_masks_are_frozen_until_drawn_anew():
    layer = drawn(Dropout(0.5, 5), 40)
    ones, generator = np.ones((40, 5)), np.random.default_rng(1)
    first = layer.forward(ones).copy()
    assert_array_equal(layer.forward(ones), first)
    layer.draw(generator, 40)
    second = layer.forward(ones).copy()
    assert (second != first).any()
    layer.draw(generator, 25)  # a short batch leaves the rest
    third = layer.forward(ones)
    assert (third[:25] != second[:25]).any()
    assert_array_equal(third[25:], second[25:])
    assert_array_equal(drawn(Dropout(0.5, 5), 40).forward(ones), first)


@pytest.mark.parametrize("dropped", [0.0, SELU_DROPPED])
def test_before_the_first_draw_nothing_is_dropped(dropped):
    layer = Dropout(0.5, 5, dropped)
    layer.allocate(4, np.float64, first=False)
    layer.forward(np.ones((4, 5)))
    assert layer.backward(np.ones((4, 5))).all()


@pytest.mark.parametrize("dropped", [0.0, SELU_DROPPED])
def test_blocks_do_not_change_dropout(dropped, rng, monkeypatch):
    a, results = rng.standard_normal((9, 6)), []
    layer = drawn(Dropout(0.5, 6, dropped), 9)
    for block in (_numerics.BLOCK, 12):
        monkeypatch.setattr(_numerics, "BLOCK", block)
        results.append([layer.forward(a).copy(), layer.backward(np.ones((9, 6)))])
    assert_array_equal(*results)
    layer.draw(np.random.default_rng(0), 9)  # in odd pieces of the random words
    assert 0 < np.count_nonzero(layer.backward(np.ones((9, 6)))) < 54


def test_prediction_drops_nothing(rng):
    a = rng.standard_normal((8, 3))
    assert Dropout(0.5, 3).predict(a) is a  # never allocated


# The gradient of prediction ---------------------------------------------------------


@pytest.mark.parametrize("name", sorted({*activations.names()} - {"step"}))
def test_pulling_back_is_the_gradient_of_prediction(name, rng):
    activation = activations.get(name)
    layer = Activate(activation, 4)
    bind(layer)
    z, grad, h = rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), 1e-6
    before, found = z.copy(), layer.pull_back(z, grad)
    assert_array_equal(z, before)
    direction = rng.normal(size=(6, 4))
    above, below = (layer.predict(z + sign * h * direction) for sign in (1, -1))
    expected = np.sum(grad * (above - below)) / (2 * h)
    assert_allclose(np.sum(found * direction), expected, rtol=1e-6)


def test_pulling_back_through_a_dense_layer_and_dropout(rng):
    layer = Dense(3, 2)
    bind(layer)
    grad = rng.normal(size=(5, 2))
    found = layer.pull_back(None, grad)
    assert_allclose(found, grad @ layer.weight.value.T)
    assert Dropout(0.5, 2).pull_back(None, grad) is grad  # prediction drops nothing
