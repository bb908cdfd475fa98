"""Batch and layer normalization: formulas, weights, running statistics, precision.

Gradients of whole networks are in ``test_gradients.py`` and ``test_against_torch.py``.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gradcheck import OBJECTIVES, Problem, activation_variants, head_pairs
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sk_mlp import _numerics, activations, initializers
from sk_mlp._normalization import EPSILON, BatchNorm, LayerNorm, RowShares

VARIANTS = activation_variants()
PAIRS, _ = head_pairs({name: VARIANTS[name] for name in ("softmax", "identity")})
MULTICLASS = PAIRS["softmax", "log_loss", "multiclass"]
REGRESSION = PAIRS["identity", "squared_error", "regression"]

every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
every_kind = pytest.mark.parametrize("kind", ["batch", "layer"])


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def ready(layer, n_rows=8, dtype=np.float64, w=None):
    """Give a layer parameters of its own, buffers and the weights of the rows."""
    rng = np.random.RandomState(5)
    for parameter in layer.parameters:
        parameter.value = np.empty(parameter.shape, dtype)
        parameter.grad = np.full(parameter.shape, np.nan, dtype)
    layer.initialize()
    layer.gamma.value[...] = rng.uniform(0.5, 1.5, layer.width)
    layer.beta.value[...] = rng.standard_normal(layer.width)
    layer.allocate(n_rows, dtype, first=False)
    layer.shares = RowShares(w, n_rows, np.dtype(dtype))
    return layer


def column_weights(rng, n_rows, dtype=np.float64):
    w = rng.uniform(0.1, 2.0, (n_rows, 1)).astype(dtype)
    w[0] = 0.0
    return w


def normalized(x, w=None):
    """The formula, column by column."""
    w = np.ones((len(x), 1)) if w is None else w
    mean = (w * x).sum(axis=0) / w.sum()
    variance = (w * (x - mean) ** 2).sum(axis=0) / w.sum()
    return (x - mean) / np.sqrt(variance + 1e-5)


# Shares -----------------------------------------------------------------------------


@every_dtype
def test_shares_of_the_rows(dtype, rng):
    shares = RowShares(None, 4, np.dtype(dtype))
    assert_array_equal(shares.values, np.full(4, 0.25))
    assert shares.equal and shares.enough and shares.values.dtype == dtype
    w = np.array([[0.0], [1.0], [3.0]], dtype)
    shares = RowShares(w, 3, np.dtype(dtype))
    assert_array_equal(shares.values, [0.0, 0.25, 0.75])
    assert not shares.equal and shares.enough and shares.values.dtype == dtype


def test_batches_without_spread():
    one = np.array([[0.0], [2.0], [0.0]])
    for w, n_rows in ((None, 1), (one, 3), (np.zeros((3, 1)), 3), (np.ones((1, 1)), 1)):
        shares = RowShares(w, n_rows, np.dtype(float))
        assert not shares.enough
        assert shares.values.sum() == 1.0


# Batch normalization ----------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
def test_batch_normalization_is_its_formula(weighted, dtype, rng):
    x = rng.standard_normal((8, 5)).astype(dtype)
    w = column_weights(rng, 8, dtype) if weighted else None
    layer = ready(BatchNorm(5), dtype=dtype, w=w)
    y = layer.forward(x.copy())
    expected = normalized(x, w) * layer.gamma.value + layer.beta.value
    tolerance = 20 * np.finfo(dtype).eps
    assert_allclose(y, expected, rtol=tolerance, atol=tolerance)
    assert y.dtype == dtype


@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_of_batch_normalization_are_their_formulas(weighted, dtype, rng):
    x, grad = (rng.standard_normal((8, 5)).astype(dtype) for _ in range(2))
    w = column_weights(rng, 8, dtype) if weighted else None
    p = np.full((8, 1), 1 / 8) if w is None else w / w.sum()
    layer = ready(BatchNorm(5), dtype=dtype, w=w)
    layer.forward(x.copy())
    result = layer.backward(grad_x := grad.copy())
    assert result is grad_x  # in place
    xhat, g = normalized(x, w), layer.gamma.value * grad
    factor = 1 / np.sqrt((p * (x - (p * x).sum(axis=0)) ** 2).sum(axis=0) + EPSILON)
    expected = factor * (g - p * g.sum(axis=0) - p * xhat * (g * xhat).sum(axis=0))
    tolerance = 50 * np.finfo(dtype).eps
    assert_allclose(grad_x, expected, rtol=tolerance, atol=tolerance)
    assert_allclose(layer.beta.grad, grad.sum(axis=0), rtol=tolerance, atol=tolerance)
    gamma_grad = (grad * xhat).sum(axis=0)
    assert_allclose(layer.gamma.grad, gamma_grad, rtol=tolerance, atol=tolerance)


@every_kind
def test_blocks_do_not_change_the_result(kind, rng, monkeypatch):
    """Several blocks, the last one shorter, give what a single one gives."""
    x, grad = rng.standard_normal((8, 4)), rng.standard_normal((8, 4))
    results = []
    for block in (_numerics.BLOCK, 12):
        monkeypatch.setattr(_numerics, "BLOCK", block)
        make = BatchNorm if kind == "batch" else LayerNorm
        layer = ready(make(4), w=column_weights(np.random.RandomState(2), 8))
        y = layer.forward(x.copy()).copy()
        predicted = layer.predict(x.copy())
        grad_x = layer.backward(grad.copy())
        grads = [layer.gamma.grad, layer.beta.grad]
        results.append([y, predicted, grad_x, *grads, *layer.values().values()])
    for one, several in zip(*results, strict=True):
        assert_allclose(several, one, rtol=1e-12, atol=1e-14)


def test_no_bias_below_batch_normalization_has_a_gradient(rng):
    """Not even a rounding error, which Adam would divide by itself."""
    problem = Problem(VARIANTS["tanh"], MULTICLASS, rng, normalization="batch")
    problem(problem.theta)
    *below, last = problem.network.dense
    for dense in below:
        assert_array_equal(dense.bias.grad, 0.0)
    assert last.bias.grad.all()


@pytest.mark.parametrize("pair", [MULTICLASS, REGRESSION])
@every_kind
def test_a_weight_is_the_row_so_many_times(kind, pair, rng):
    problem = Problem(VARIANTS["tanh"], pair, rng, normalization=kind)
    problem.pose(True, 0.1, 0.2).w[:, 0] = [0, 1, 2, 3, 1, 0, 2, 1, 4]
    value, grad = problem(problem.theta)
    grad, theta = grad.copy(), problem.network.theta.copy()
    rows = np.repeat(np.arange(9), problem.w[:, 0].astype(int))
    norm, problem.w = problem.norm, None
    problem.x, problem.y = problem.x[rows], problem.y[rows]
    problem.network.allocate(len(rows))
    problem.norm = norm
    repeated_value, repeated = problem(problem.theta)
    assert_allclose(repeated_value, value, rtol=1e-12)
    assert_allclose(repeated, grad, rtol=1e-12, atol=1e-14)
    # The running statistics too.
    assert_allclose(problem.network.theta, theta, rtol=1e-12, atol=1e-15)


@every_kind
def test_rows_of_zero_weight_change_nothing(kind, rng):
    problem = Problem(VARIANTS["tanh"], MULTICLASS, rng, normalization=kind)
    problem.pose(True, 0.1, 0.2)
    results = []
    for row in (problem.x[0].copy(), rng.uniform(-50, 50, 5)):
        problem.x[0] = row
        value, grad = problem(problem.theta)
        results.append([value, grad.copy(), problem.network.theta.copy()])
    for first, second in zip(*results, strict=True):
        assert_allclose(second, first, rtol=1e-12, atol=1e-15)


# Batches that are too small ---------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("size", [1, 9])
def test_a_batch_of_zero_weights_is_harmless(size, dtype, rng):
    problem = Problem(
        VARIANTS["exp"], MULTICLASS, rng, dtype=dtype, normalization="batch"
    ).pose(True)
    problem.x, problem.y = problem.x[:size], problem.y[:size]
    problem.w = np.zeros((size, 1), dtype)
    value, grad = problem(problem.theta)
    assert value == 0.0
    assert_array_equal(grad, 0.0)
    assert_array_equal(problem.network.theta, problem.theta)  # statistics as they were


@every_dtype
@pytest.mark.parametrize("weights", [None, [2.0], [0.0, 3.0, 0.0]])
def test_a_single_row_gives_beta_and_no_gradient_below(weights, dtype, rng):
    """Of three rows two count nothing; they are far away and change nothing."""
    problem = Problem(
        VARIANTS["exp"], MULTICLASS, rng, dtype=dtype, normalization="batch"
    )
    n_rows = 1 if weights is None else len(weights)
    problem.x, problem.y = problem.x[:n_rows], problem.y[:n_rows]
    if weights is not None:
        problem.w = np.array(weights, dtype)[:, np.newaxis]
        problem.x[problem.w[:, 0] == 0] *= 1e4
    value, grad = problem(problem.theta)
    network = problem.network
    assert np.isfinite(value) and np.isfinite(grad).all()
    assert_array_equal(network.theta, problem.theta)
    for dense in network.dense[:-1]:
        assert_array_equal(dense.weight.grad, 0.0)
    assert network.dense[-1].weight.grad.any()
    assert network.normalize[-1].beta.grad.any()
    a = np.exp(network.normalize[-1].beta.value)
    raw = a @ network.dense[-1].weight.value + network.dense[-1].bias.value
    row = np.argmax(problem.w) if weights is not None else 0
    expected, _ = network.head.loss_grad(
        raw[np.newaxis].copy(), problem.y[[row]], None, 1.0
    )
    weight = 1.0 if weights is None else sum(weights)
    assert_allclose(value, weight * expected / n_rows, rtol=1e-5)


# Running statistics -----------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
def test_running_statistics_follow_the_batches(weighted, dtype, rng):
    """The mean of the first ten batches, then an exponential average."""
    layer = ready(BatchNorm(3), dtype=dtype)
    means, variances = [], []
    mean = variance = None
    for batch in range(25):
        x = (rng.standard_normal((8, 3)) * [1, 2, 3] + [0, 1, 5]).astype(dtype)
        w = column_weights(rng, 8) if weighted else np.ones((8, 1))
        layer.shares = RowShares(w if weighted else None, 8, np.dtype(dtype))
        layer.forward(x.copy())
        means.append(np.average(x, axis=0, weights=w[:, 0]))
        variances.append(np.average((x - means[-1]) ** 2, axis=0, weights=w[:, 0]))
        if batch < 10:
            mean, variance = np.mean(means, axis=0), np.mean(variances, axis=0)
        else:
            mean = 0.9 * mean + 0.1 * means[-1]
            variance = 0.9 * variance + 0.1 * variances[-1]
        values, tolerance = layer.values(), 20 * np.finfo(dtype).eps
        assert_allclose(values["mean"], mean, rtol=tolerance, atol=tolerance)
        assert_allclose(values["variance"], variance, rtol=tolerance)
        assert layer.count.value == min(batch + 1, 10)


def test_batches_that_do_not_count_leave_the_running_statistics(rng):
    layer = ready(BatchNorm(3))
    layer.forward(rng.standard_normal((8, 3)))
    before = {name: value.copy() for name, value in layer.values().items()}
    single = np.zeros((8, 1))
    single[3] = 1.0
    for w in (np.zeros((8, 1)), single):
        layer.shares = RowShares(w, 8, np.dtype(float))
        y = layer.forward(rng.standard_normal((8, 3)))
        assert_array_equal(y, np.broadcast_to(layer.beta.value, (8, 3)))
    layer.shares = RowShares(None, 1, np.dtype(float))
    layer.forward(rng.standard_normal((1, 3)))
    for name, value in layer.values().items():
        assert_array_equal(value, before[name])
    assert layer.count.value == 1.0


@every_dtype
def test_prediction_takes_the_running_statistics(dtype, rng):
    layer = ready(BatchNorm(3), dtype=dtype)
    layer.mean.value[...] = rng.standard_normal(3)
    layer.variance.value[...] = rng.uniform(0.5, 2.0, 3)
    values = {name: value.astype(float) for name, value in layer.values().items()}
    x = rng.standard_normal((6, 3)).astype(dtype)
    expected = (x - values["mean"]) / np.sqrt(values["variance"] + 1e-5)
    expected = expected * values["gamma"] + values["beta"]
    result = layer.predict(x.copy())
    tolerance = 10 * np.finfo(dtype).eps
    assert_allclose(result, expected, rtol=tolerance, atol=tolerance)
    assert result.dtype == dtype


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_set_statistics_makes_prediction_equal_training(weighted, convert, rng):
    """At any theta, whatever the running statistics were."""
    problem = Problem(VARIANTS["tanh"], REGRESSION, rng, normalization="batch")
    problem.pose(weighted).x = convert(problem.x)
    network = problem.network
    value, _ = problem(problem.theta)
    for statistics in (layer.values() for layer in network.normalize):
        statistics["mean"][...] = np.nan
        statistics["variance"][...] = np.inf
    assert network.set_statistics(problem.x, problem.w) is None
    w = np.ones((9, 1)) if problem.w is None else problem.w
    raw = network.raw(problem.x)
    loss = (w * 0.5 * (raw - problem.y) ** 2).sum() / (problem.norm or 9.0)
    assert_allclose(loss, value, rtol=1e-12)
    assert [layer.count.value for layer in network.normalize] == [10.0, 10.0]
    first = network.normalize[0]
    z = problem.x @ network.dense[0].weight.value + network.dense[0].bias.value
    mean = np.average(z, axis=0, weights=w[:, 0])
    variance = np.average((z - mean) ** 2, axis=0, weights=w[:, 0])
    assert_allclose(first.values()["mean"], mean, rtol=1e-12)
    assert_allclose(first.values()["variance"], variance, rtol=1e-12)


def test_set_statistics_sees_the_network_of_prediction(rng):
    """Without dropout and with the mean slope: prediction then has mean 0."""
    problem = Problem(
        VARIANTS["rrelu"], REGRESSION, rng, normalization="batch", dropout=0.5
    )
    network, seen = problem.network, []
    network.set_statistics(problem.x)
    x = problem.x
    for layer in network.layers:
        x = layer.predict(x)
        if layer in network.normalize:
            seen.append((x - layer.beta.value) / layer.gamma.value)
    assert len(seen) == 2
    for xhat in seen:
        assert_allclose(xhat.mean(axis=0), 0.0, atol=1e-14)
        assert_allclose(xhat.var(axis=0), 1.0, rtol=1e-2)


@pytest.mark.parametrize("settings", [{}, {"normalization": "layer"}, {"dropout": 0.5}])
def test_set_statistics_does_nothing_without_batch_normalization(settings, rng):
    problem = Problem(VARIANTS["tanh"], REGRESSION, rng, **settings)
    problem.network.set_statistics(None)
    assert_array_equal(problem.network.theta, problem.theta)


def test_set_statistics_leaves_them_where_no_two_rows_count(rng):
    problem = Problem(VARIANTS["tanh"], REGRESSION, rng, normalization="batch")
    problem.network.set_statistics(problem.x[:1])
    problem.network.set_statistics(problem.x, np.zeros((9, 1)))
    assert_array_equal(problem.network.theta, problem.theta)


# Precision --------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "dtype, spread, rtol", [(np.float64, 1e-3, 1e-6), (np.float32, 20.0, 1e-5)]
)
@pytest.mark.parametrize("n_rows", [200, 5000])
def test_columns_far_from_zero(n_rows, dtype, spread, rtol, weighted, rng):
    """Mean 1e6: the naive difference of squares would lose every digit."""
    x = (1e6 + spread * rng.standard_normal((n_rows, 4))).astype(dtype)
    exact = x.astype(np.longdouble)
    w = column_weights(rng, n_rows, dtype) if weighted else None
    layer = ready(BatchNorm(4), n_rows, dtype, w)
    layer.set_statistics(x.copy())
    full = np.ones((n_rows, 1)) if w is None else w.astype(np.longdouble)
    mean = (full * exact).sum(axis=0) / full.sum()
    variance = (full * (exact - mean) ** 2).sum(axis=0) / full.sum()
    assert_allclose(layer.values()["mean"], mean.astype(float), rtol=rtol**2 + 6e-8)
    assert_allclose(layer.values()["variance"], variance.astype(float), rtol=rtol)
    layer.gamma.value[...], layer.beta.value[...] = 1.0, 0.0
    expected = ((exact - mean) / np.sqrt(variance + 1e-5)).astype(float)
    y = layer.forward(x.copy())
    assert_allclose(y, expected, rtol=rtol, atol=rtol)
    grad = rng.standard_normal((n_rows, 4)).astype(dtype)
    share = (full / full.sum()).astype(float)
    inner = grad - share * (grad.sum(axis=0) + expected * (grad * expected).sum(axis=0))
    factor = (1 / np.sqrt(variance + 1e-5)).astype(float)
    grad_x = layer.backward(grad.copy())
    assert_allclose(grad_x, factor * inner, rtol=rtol, atol=rtol * factor.max())


@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("constant", [0.0, 0.1, -3.7, 1e3, 1e6])
@pytest.mark.parametrize("n_rows", [3, 9, 200, 5000])
def test_constant_columns_give_beta(n_rows, constant, weighted, dtype, rng):
    w = column_weights(rng, n_rows, dtype) if weighted else None
    layer = ready(BatchNorm(3), n_rows, dtype, w)
    x = np.full((n_rows, 3), constant, dtype)
    y = layer.forward(x)
    expected = np.broadcast_to(layer.beta.value, (n_rows, 3))
    assert_allclose(y, expected, atol=3e-5 if dtype == np.float32 else 1e-12)
    grad = layer.backward(rng.standard_normal((n_rows, 3)).astype(dtype))
    assert np.isfinite(grad).all()
    values = layer.values()
    assert_allclose(values["mean"], constant, rtol=2 * np.finfo(dtype).eps)
    assert_allclose(values["variance"], 0.0, atol=1e-7)


@every_dtype
@pytest.mark.parametrize("constant", [1e9, 1e12, 1e15])
def test_the_variance_of_huge_constants_is_not_negative(constant, dtype):
    """Nor its root a NaN, though rounding leaves more of it than epsilon."""
    layer = ready(BatchNorm(3), 999, dtype)
    y = layer.forward(np.full((999, 3), constant, dtype))
    grad = layer.backward(np.ones((999, 3), dtype))
    assert np.isfinite(y).all() and np.isfinite(grad).all()
    assert (layer.values()["variance"] >= 0).all()


# Layer normalization ----------------------------------------------------------------


@every_dtype
def test_layer_normalization_is_its_formula(dtype, rng):
    layer = ready(LayerNorm(5), dtype=dtype)
    x, grad = (rng.standard_normal((8, 5)).astype(dtype) for _ in range(2))
    xhat = normalized(x.T).T
    expected = xhat * layer.gamma.value + layer.beta.value
    tolerance = 50 * np.finfo(dtype).eps
    for result in (layer.predict(x.copy()), layer.forward(x.copy())):
        assert_allclose(result, expected, rtol=tolerance, atol=tolerance)
        assert result.dtype == dtype
    result = layer.backward(grad_x := grad.copy())
    assert result is grad_x  # in place
    g = layer.gamma.value * grad
    inner = g - g.mean(axis=1, keepdims=True)
    inner -= xhat * (g * xhat).mean(axis=1, keepdims=True)
    expected = inner / np.sqrt(x.var(axis=1, keepdims=True) + EPSILON)
    assert_allclose(grad_x, expected, rtol=tolerance, atol=tolerance)
    assert_allclose(layer.beta.grad, grad.sum(axis=0), rtol=tolerance, atol=tolerance)
    gamma_grad = (grad * xhat).sum(axis=0)
    assert_allclose(layer.gamma.grad, gamma_grad, rtol=tolerance, atol=tolerance)


def test_layer_normalization_knows_no_other_rows(rng):
    problem = Problem(VARIANTS["tanh"], REGRESSION, rng, normalization="layer")
    network, x = problem.network, problem.x
    whole = network.raw(x)
    for row in range(9):
        assert_allclose(network.raw(x[[row]]), whole[[row]], rtol=1e-12, atol=1e-14)
    value, _ = problem(problem.theta)
    assert_allclose(
        value, (0.5 * (whole - problem.y) ** 2).sum(axis=1).mean(), rtol=1e-13
    )


@every_dtype
def test_rows_far_from_zero_and_a_single_column(dtype, rng):
    layer = ready(LayerNorm(300), 8, dtype)
    spread = 1e-3 if dtype == np.float64 else 20.0
    x = (1e6 + spread * rng.standard_normal((8, 300))).astype(dtype)
    expected = normalized(x.T.astype(np.longdouble)).T.astype(float)
    expected = expected * layer.gamma.value + layer.beta.value
    # As far off as the rounding of x itself.
    atol = 8 * np.finfo(dtype).eps * 1e6 / spread
    assert_allclose(layer.forward(x.copy()), expected, atol=atol)
    layer = ready(LayerNorm(1), 8, dtype)
    y = layer.forward(x[:, :1].copy())
    assert_array_equal(y, np.full((8, 1), layer.beta.value))
    assert_array_equal(layer.backward(np.ones((8, 1), dtype)), 0.0)


# In the network ---------------------------------------------------------------------


@every_kind
def test_normalization_starts_plain(kind, rng):
    problem = Problem(VARIANTS["tanh"], MULTICLASS, rng, normalization=kind)
    network = problem.network
    network.theta[...] = np.nan
    network.initialize(initializers.get("auto"), rng, [activations.get("tanh")] * 3)
    for layer in network.normalize:
        values = layer.values()
        assert_array_equal(values["gamma"], 1.0)
        assert_array_equal(values["beta"], 0.0)
        if kind == "batch":
            assert list(values) == ["gamma", "beta", "mean", "variance"]
            assert_array_equal(values["mean"], 0.0)
            assert_array_equal(values["variance"], 1.0)
            assert_array_equal(layer.count.value, 0.0)
        else:
            assert list(values) == ["gamma", "beta"]
        for value in values.values():
            assert np.shares_memory(value, network.theta)
    assert np.isfinite(network.theta).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_statistics_have_no_gradient(objective, rng):
    problem = Problem(VARIANTS["prelu"], MULTICLASS, rng, normalization="batch")
    problem.pose(*OBJECTIVES[objective])
    problem(problem.theta)
    learned = problem.network.groups[-1][1]
    assert problem.theta.size - learned == 2 * (7 + 4) + 2
    assert_array_equal(problem.network.grad[learned:], 0.0)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@every_kind
def test_threads_predict_what_one_thread_does(kind, dropout, rng):
    problem = Problem(
        VARIANTS["mish"], MULTICLASS, rng, normalization=kind, dropout=dropout
    )
    network = problem.network
    problem(problem.theta)
    grad, theta = network.grad.copy(), network.theta.copy()
    inputs = [rng.standard_normal((400, 5)) for _ in range(8)]
    expected = [network.predict(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for result, one in zip(
                pool.map(network.predict, inputs), expected, strict=True
            ):
                assert_array_equal(result, one)
    assert_array_equal(network.grad, grad)
    assert_array_equal(network.theta, theta)
    # Nor has it touched what a training step left for another.
    problem(theta)
    assert_array_equal(network.grad, grad)


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm])
def test_pulling_back_is_the_gradient_of_prediction(kind, rng):
    layer = ready(kind(4))
    layer.gamma.value[...] = rng.normal(size=4)
    if kind is BatchNorm:
        layer.mean.value[...] = rng.normal(size=4)
        layer.variance.value[...] = rng.uniform(0.5, 2.0, 4)
    x, grad, h = rng.normal(size=(8, 4)), rng.normal(size=(8, 4)), 1e-6
    before = x.copy(), grad.copy()
    found = layer.pull_back(x, grad)
    assert_array_equal(x, before[0])
    assert_array_equal(grad, before[1])
    direction = rng.normal(size=(8, 4))
    above, below = (layer.predict(x + sign * h * direction) for sign in (1, -1))
    expected = np.sum(grad * (above - below)) / (2 * h)
    assert_allclose(np.sum(found * direction), expected, rtol=1e-6)
