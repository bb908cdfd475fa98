"""The network: layout of theta, objective, penalty, precision, prediction, memory."""

import inspect
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gradcheck import REGULARIZED, TARGETS, Problem, activation_variants, head_pairs
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sk_mlp import (
    _network,
    _numerics,
    activations,
    initializers,
    losses,
    optimizers,
)
from sk_mlp._head import Head
from sk_mlp._layers import Activate, Dense, Dropout
from sk_mlp._network import Network
from sk_mlp._normalization import BatchNorm, LayerNorm
from sk_mlp.activations import LeakyReLU, Logistic
from sk_mlp.losses import LogLoss, SquaredError

VARIANTS = activation_variants()
PAIRS, _ = head_pairs({name: VARIANTS[name] for name in ("softmax", "identity")})
MULTICLASS = PAIRS["softmax", "log_loss", "multiclass"]
MULTIOUTPUT = PAIRS["softmax", "log_loss", "multioutput"]
REGRESSION = PAIRS["identity", "squared_error", "regression"]

regularized = pytest.mark.parametrize("settings", REGULARIZED.values(), ids=REGULARIZED)


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def mixed_network(dtype=np.float64, **settings):
    """Widths 5-7-4-3 with shape parameters in the hidden layers and in the head."""
    hidden = [activations.MSAF((1.0, 4.0), trainable=True), LeakyReLU(0.1, "shared")]
    head = Head(Logistic(trainable=True), SquaredError(), 3)
    return Network(5, (7, 4), hidden, head, dtype, **settings)


# Layout -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_theta_is_weights_then_biases_then_shape_parameters(dtype):
    network = mixed_network(dtype)
    sizes = {"weight": 35 + 28 + 12, "bias": 7 + 4 + 3, "shape": 2 * 7 + 1 + 3}
    assert network.theta.shape == network.grad.shape == (sum(sizes.values()),)
    assert network.theta.dtype == network.grad.dtype == dtype
    network.theta[...] = np.arange(network.theta.size)
    shapes = [a.shape.value for a in [*network.activate, network.head.activate]]
    in_order = [
        *(dense.weight.value for dense in network.dense),
        *(dense.bias.value for dense in network.dense),
        *shapes,
    ]
    flat = np.concatenate([value.ravel() for value in in_order])
    assert_array_equal(flat, network.theta)
    assert [value.shape for value in shapes] == [(2, 7), (1, 1), (1, 3)]


def test_theta_with_normalization_ends_in_the_running_statistics():
    """Gamma and beta are biases, each behind the bias of its dense layer."""
    network = mixed_network(normalization="batch", dropout=[0.5, 0.0])
    network.theta[...] = np.arange(network.theta.size)
    (first, second), dense = network.normalize, network.dense
    values = [layer.values() for layer in network.normalize]
    in_order = [
        *(layer.weight.value for layer in dense),
        *(dense[0].bias.value, values[0]["gamma"], values[0]["beta"]),
        *(dense[1].bias.value, values[1]["gamma"], values[1]["beta"]),
        dense[2].bias.value,
        *(a.shape.value for a in [*network.activate, network.head.activate]),
        *(values[0]["mean"], values[0]["variance"], first.count.value),
        *(values[1]["mean"], values[1]["variance"], second.count.value),
    ]
    flat = np.concatenate([value.ravel() for value in in_order])
    assert_array_equal(flat, network.theta)
    assert network.groups == [
        (0, 75, 1.0, True),
        (75, 111, 1.0, False),
        (111, 129, _network.SHAPE_RATE_FACTOR, False),
    ]
    assert network.theta.size == 129 + 2 * 7 + 1 + 2 * 4 + 1


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("dropout", [None, [0.0, 0.0], [0.3, 0.0], [0.0, 0.3]])
def test_the_order_of_the_layers(normalization, dropout):
    """Dense, normalization, activation, dropout; none of the two at the ends."""
    network = mixed_network(normalization=normalization, dropout=dropout)
    expected = []
    for rate in dropout or [0.0, 0.0]:
        expected += [Dense, {"batch": BatchNorm, "layer": LayerNorm}.get(normalization)]
        expected += [Activate, Dropout if rate else None]
    expected = [kind for kind in [*expected, Dense] if kind]
    assert [type(layer) for layer in network.layers] == expected
    assert len(network.dense) == 3 and len(network.activate) == 2
    assert len(network.normalize) == (2 if normalization else 0)
    assert network.random == bool(dropout and any(dropout))
    centered = normalization == "batch"
    assert [dense.centered for dense in network.dense] == [centered, centered, False]


def test_one_rate_of_dropout_a_layer():
    with pytest.raises(ValueError, match="zip"):
        mixed_network(dropout=[0.5])


def test_every_array_is_a_view_of_theta_and_grad():
    network = mixed_network(normalization="batch")
    parts = [*network.layers, network.head]
    parameters = [p for part in parts for p in part.parameters]
    assert sum(p.size for p in parameters) == network.theta.size
    for parameter in parameters:
        assert np.shares_memory(parameter.value, network.theta)
        assert np.shares_memory(parameter.grad, network.grad)
        parameter.value[...] = 1.0
        parameter.grad[...] = 2.0
    assert_array_equal(network.theta, 1.0)
    assert_array_equal(network.grad, 2.0)  # so no two of them overlap


def test_training_and_prediction_keep_the_views(rng):
    problem = Problem(VARIANTS["prelu"], MULTICLASS, rng)
    network, theta = problem.network, problem.network.theta
    network.allocate(20)
    problem(problem.theta)
    network.predict(problem.x)
    assert network.theta is theta
    assert np.shares_memory(network.dense[0].weight.value, theta)


def test_groups_cover_theta_and_decay_weights_only():
    assert mixed_network().groups == [
        (0, 75, 1.0, True),
        (75, 89, 1.0, False),
        (89, 107, _network.SHAPE_RATE_FACTOR, False),
    ]
    fixed = Problem(VARIANTS["relu"], MULTICLASS, np.random.RandomState(0)).network
    assert fixed.groups == [(0, 75, 1.0, True), (75, 89, 1.0, False)]


def test_a_network_without_hidden_layers(rng):
    problem = Problem(None, MULTICLASS, rng, sizes=())
    network = problem.network
    assert network.theta.size == 5 * 3 + 3
    z = problem.x @ network.dense[0].weight.value + network.dense[0].bias.value
    assert_allclose(network.raw(problem.x), z, rtol=1e-13)


def test_layers_are_initialized_in_order():
    """Each by the activation given for it, weights before biases, then the shapes."""
    calls = []

    class Recording(initializers.Initializer):
        def fill(self, weight, bias, rng, activation):
            calls.append((weight.shape, bias.shape, activation))
            weight[...] = rng.uniform()
            bias[...] = rng.uniform()

    network, given = mixed_network(), [VARIANTS[n] for n in ("relu", "tanh", "selu")]
    network.initialize(Recording(), np.random.RandomState(3), given)
    shapes = [((5, 7), (7,)), ((7, 4), (4,)), ((4, 3), (3,))]
    assert calls == [(*shape, act) for shape, act in zip(shapes, given, strict=True)]
    draws = np.random.RandomState(3).uniform(size=6)
    filled = [a for d in network.dense for a in (d.weight.value, d.bias.value)]
    assert_array_equal([array.flat[0] for array in filled], draws)
    assert_array_equal(network.activate[0].shape.value[:, 0], [1.0, 4.0])
    assert_array_equal(network.activate[1].shape.value, [[0.1]])
    assert_array_equal(network.head.activate.shape.value, np.ones((1, 3)))


# Objective --------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, *REGULARIZED.values()], ids=repr)
@pytest.mark.parametrize("l1, l2", [(0.0, 0.3), (0.2, 0.0), (0.2, 0.3)])
@pytest.mark.parametrize("block", [_numerics.BLOCK, 16])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_penalty_touches_weights_only(
    weighted, l1, l2, block, settings, rng, monkeypatch
):
    monkeypatch.setattr(_network, "BLOCK", block)
    problem = Problem(VARIANTS["prelu"], MULTICLASS, rng, **settings).pose(weighted)
    value, grad = problem(problem.theta)
    grad = grad.copy()
    penalized_value, penalized = problem.pose(weighted, l1, l2)(problem.theta)
    norm = problem.norm or 9.0
    weights = problem.theta[:75]
    penalty = l1 * np.abs(weights).sum() + 0.5 * l2 * (weights**2).sum()
    assert_allclose(penalized_value, value + penalty / norm, rtol=1e-13)
    difference = (l1 * np.sign(weights) + l2 * weights) / norm
    assert_allclose((penalized - grad)[:75], difference, rtol=1e-10, atol=1e-15)
    assert_array_equal(penalized[75:], grad[75:])


def test_zero_weights_have_no_slope_under_l1(rng):
    problem = Problem(VARIANTS["relu"], MULTICLASS, rng)
    problem.theta[:75] = 0.0
    grad = problem(problem.theta)[1].copy()
    assert_array_equal(problem.pose(False, l1=0.5)(problem.theta)[1], grad)


@pytest.mark.parametrize("pair", [MULTICLASS, MULTIOUTPUT, REGRESSION])
def test_a_weight_is_the_row_so_many_times(pair, rng):
    problem = Problem(VARIANTS["tanh"], pair, rng).pose(True, 0.1, 0.2)
    problem.w[:, 0] = [0, 1, 2, 3, 1, 0, 2, 1, 4]
    value, grad = problem(problem.theta)
    grad = grad.copy()
    rows = np.repeat(np.arange(9), problem.w[:, 0].astype(int))
    norm, problem.w = problem.norm, None
    problem.x, problem.y = problem.x[rows], problem.y[rows]
    problem.network.allocate(len(rows))
    problem.norm = norm
    repeated_value, repeated = problem(problem.theta)
    assert_allclose(repeated_value, value, rtol=1e-13)
    assert_allclose(repeated, grad, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_whole_objective_is_the_mean_of_its_batches(weighted, rng):
    """Each with the norm that the trainer gives, n_rows times the mean weight."""
    problem = Problem(VARIANTS["tanh"], MULTICLASS, rng).pose(weighted)
    network, x, y, w = problem.network, problem.x, problem.y, problem.w
    mean = w.mean() if weighted else 1.0

    def part(rows):
        size = rows.stop - rows.start
        weights = w[rows] if weighted else None
        value = network.loss_grad(x[rows], y[rows], weights, size * mean)
        return size / 9 * value, size / 9 * network.grad

    value, grad = part(slice(0, 9))
    batches = [part(rows) for rows in (slice(0, 4), slice(4, 8), slice(8, 9))]
    assert_allclose(sum(batch[0] for batch in batches), value, rtol=1e-13)
    assert_allclose(sum(batch[1] for batch in batches), grad, rtol=1e-10, atol=1e-15)


def test_a_batch_of_zero_weights_is_harmless(rng):
    problem = Problem(VARIANTS["tanh"], MULTICLASS, rng).pose(True)
    problem.w[...] = 0.0
    value, grad = problem(problem.theta)
    assert value == 0.0
    assert_array_equal(grad, 0.0)


def test_the_default_norm_is_the_number_of_rows(rng):
    problem = Problem(VARIANTS["tanh"], MULTICLASS, rng)
    network, (x, y) = problem.network, (problem.x, problem.y)
    assert network.loss_grad(x, y) == network.loss_grad(x, y, None, 9.0)
    assert isinstance(network.loss_grad(x, y), float)


@pytest.mark.parametrize("settings", [{}, *REGULARIZED.values()], ids=repr)
def test_a_call_does_not_depend_on_the_ones_before(settings, rng):
    """Nothing of an earlier batch, or of a longer one, stays in buffers or grad."""
    msaf = VARIANTS["msaf, trainable=True"]
    problem = Problem(msaf, MULTIOUTPUT, rng, **settings).pose(True)
    value, grad = problem(problem.theta)
    grad = grad.copy()
    problem(rng.standard_normal(problem.theta.size))
    network = problem.network
    network.theta[...] = problem.theta
    network.loss_grad(problem.x[:2], problem.y[:2])
    network.grad[: network.groups[-1][1]] = np.nan
    again, grad_again = problem(problem.theta)
    assert again == value
    assert_array_equal(grad_again, grad)


@pytest.mark.parametrize("pair", [MULTICLASS, REGRESSION])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("hidden", VARIANTS)
def test_float32_stays_close_to_float64(hidden, convert, pair):
    results = []
    for dtype in (np.float32, np.float64):
        rng = np.random.RandomState(0)
        problem = Problem(VARIANTS[hidden], pair, rng, dtype=dtype).pose(True, 0.1, 0.2)
        problem.x = convert(problem.x)
        if results:
            problem.theta = results[0][0].astype(np.float64)
        if problem.network.random:
            noise = np.random.RandomState(1).uniform(1 / 8, 1 / 3, (9, 11))
            for layer, columns in zip(
                problem.network.activate, (slice(0, 7), slice(7, 11)), strict=True
            ):
                layer._noise[...] = noise[:, columns]
        value, grad = problem(problem.theta)
        prediction = problem.network.predict(problem.x)
        assert grad.dtype == prediction.dtype == dtype
        results.append((problem.theta, value, grad.copy(), prediction))
    (_, value, grad, prediction), (_, exact_value, exact_grad, exact) = results
    assert_allclose(value, exact_value, rtol=1e-5)
    assert_allclose(grad, exact_grad, rtol=1e-4, atol=1e-5 * np.abs(exact_grad).max())
    assert_allclose(prediction, exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("hidden", ["relu", "selu", "tanh", "msaf, trainable=True"])
@regularized
def test_float32_stays_close_with_dropout_and_normalization(settings, hidden, convert):
    """The masks are the same in both."""
    results, theta = [], None
    for dtype in (np.float32, np.float64):
        rng = np.random.RandomState(0)
        args = VARIANTS[hidden], MULTICLASS, rng
        problem = Problem(*args, dtype=dtype, **settings).pose(True, 0.1, 0.2)
        problem.x = convert(problem.x)
        theta = problem.theta if theta is None else theta.astype(dtype)
        value, grad = problem(theta)
        prediction = problem.network.predict(problem.x)
        assert grad.dtype == prediction.dtype == dtype
        results.append((value, grad.copy(), prediction, problem.network.theta))
    (value, grad, *rest), (exact_value, exact_grad, *exact) = results
    assert_allclose(value, exact_value, rtol=1e-5)
    assert_allclose(grad, exact_grad, rtol=1e-4, atol=1e-5 * np.abs(exact_grad).max())
    for one, other in zip(rest, exact, strict=True):
        assert_allclose(one, other, rtol=1e-4, atol=1e-5)


# scikit-learn's own backpropagation from equal weights --------------------------------

SKLEARN_NAMES = ("identity", "logistic", "tanh", "relu")
SKLEARN_TARGETS = {
    "binary": (MLPClassifier, "logistic", "log_loss", {}),
    "multiclass": (MLPClassifier, "softmax", "log_loss", {}),
    "multilabel": (MLPClassifier, "logistic", "log_loss", {}),
    "one output": (MLPRegressor, "identity", "squared_error", {}),
    "regression": (MLPRegressor, "identity", "squared_error", {}),
}
if "loss" in inspect.signature(MLPRegressor).parameters:  # scikit-learn >= 1.7
    SKLEARN_TARGETS["poisson"] = (MLPRegressor, "exp", "poisson", {"loss": "poisson"})
TAKES_WEIGHTS = "sample_weight" in inspect.signature(MLPClassifier._backprop).parameters


def sklearn_backprop(estimator, labels, y, problem, l2):
    """Return loss and gradients of scikit-learn, with the weights of the problem."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it does not converge in one iteration
        estimator.set_params(max_iter=1, alpha=l2).fit(problem.x, labels)
    dense = problem.network.dense
    estimator.coefs_ = [d.weight.value.copy() for d in dense]
    estimator.intercepts_ = [d.bias.value.copy() for d in dense]
    n = len(dense)
    weights = None if problem.w is None else problem.w[:, 0]
    args = [problem.x, y, *([weights] if TAKES_WEIGHTS else [])]
    empty = ([None] * n for _ in range(3))
    return estimator._backprop(*args, [problem.x, *[None] * n], *empty)


@pytest.mark.parametrize("kind", SKLEARN_TARGETS)
@pytest.mark.parametrize("weighted", [False, True] if TAKES_WEIGHTS else [False])
@pytest.mark.parametrize("name", SKLEARN_NAMES)
def test_loss_and_gradient_equal_scikit_learns(name, weighted, kind, rng):
    cls, output, loss, settings = SKLEARN_TARGETS[kind]
    target = TARGETS.get(kind, TARGETS["regression"])
    if kind in ("one output", "poisson"):
        target = type(target)("regression", 1)
    pair = (activations.get(output), losses.get(loss), target)
    problem = Problem(activations.get(name), pair, rng).pose(weighted, l2=0.3)
    labels = y = problem.y
    if kind == "multiclass":
        labels = y.argmax(axis=1)
    elif y.shape[1] == 1:
        labels = y[:, 0]
    if weighted:
        problem.norm = problem.w.sum()
    value, grad = problem(problem.theta)
    estimator = cls(
        hidden_layer_sizes=(7, 4), activation=name, random_state=0, **settings
    )
    expected, coef_grads, intercept_grads = sklearn_backprop(
        estimator, labels, y, problem, 0.3
    )
    flat = np.concatenate([g.ravel() for g in [*coef_grads, *intercept_grads]])
    assert_allclose(grad, flat, rtol=1e-9, atol=1e-13)
    if kind != "regression":  # where scikit-learn takes the mean over the outputs
        assert_allclose(value, expected, rtol=1e-12)


# Prediction -------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("hidden", VARIANTS)
def test_chunks_and_single_rows_give_what_all_rows_give(hidden, convert, monkeypatch):
    rng = np.random.RandomState(0)
    problem = Problem(VARIANTS[hidden], MULTIOUTPUT, rng)
    x = rng.standard_normal((23, 5))
    network = problem.network
    whole = network.predict(x)
    assert whole.shape == (23, 6)
    monkeypatch.setattr(_network, "_PREDICTION_CHUNK", 5 * 7)  # five rows
    assert_allclose(network.predict(convert(x)), whole, rtol=1e-12, atol=1e-15)
    monkeypatch.setattr(_network, "_PREDICTION_CHUNK", 1)
    assert_allclose(network.predict(convert(x)), whole, rtol=1e-12, atol=1e-15)


def test_prediction_of_no_rows(rng):
    network = Problem(VARIANTS["relu"], MULTICLASS, rng).network
    assert network.predict(np.empty((0, 5))).shape == (0, 3)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("other", [np.float32, np.float64, np.int64])
def test_rows_of_another_dtype_are_cast(dtype, other, convert, rng):
    network = Problem(VARIANTS["relu"], MULTICLASS, rng, dtype=dtype).network
    x = rng.randint(-3, 4, (6, 5))
    result = network.raw(convert(x.astype(other)))
    assert result.dtype == dtype
    assert_allclose(result, network.raw(x.astype(dtype)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, *REGULARIZED.values()], ids=repr)
@pytest.mark.parametrize("hidden", ["rrelu", "prelu", "gelu"])
def test_prediction_disturbs_no_training_step(hidden, settings, rng):
    """Noise, buffers, theta and grad are as they were; equal calls, equal results."""
    problem = Problem(VARIANTS[hidden], MULTICLASS, rng, **settings)
    value, grad = problem(problem.theta)
    grad, theta = grad.copy(), problem.network.theta.copy()
    first = problem.network.predict(rng.standard_normal((9, 5)))
    assert_array_equal(problem.network.grad, grad)
    assert_array_equal(problem.network.theta, theta)
    assert problem(problem.theta)[0] == value
    x = rng.standard_normal((9, 5))
    assert_array_equal(problem.network.predict(x), problem.network.predict(x))
    assert first.shape == (9, 3)


def test_threads_may_predict_at_the_same_time(rng, monkeypatch):
    monkeypatch.setattr(_network, "_PREDICTION_CHUNK", 50 * 7)
    network = Problem(VARIANTS["mish"], MULTICLASS, rng).network
    inputs = [rng.standard_normal((400, 5)) for _ in range(8)]
    expected = [network.predict(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for result, one in zip(
            pool.map(network.predict, inputs), expected, strict=True
        ):
            assert_array_equal(result, one)


def test_noise_is_drawn_in_random_layers_only_when_asked(rng):
    problem = Problem(VARIANTS["rrelu"], MULTICLASS, rng)
    network = problem.network
    assert network.random
    assert not Problem(VARIANTS["leaky_relu"], MULTICLASS, rng).network.random
    value, _ = problem(problem.theta)
    assert problem(problem.theta)[0] == value
    network.draw(np.random.default_rng(1), 9)
    assert problem(problem.theta)[0] != value


@pytest.mark.parametrize(
    "name, dropout", [("rrelu", 0.0), ("tanh", 0.4), ("rrelu", 0.4)]
)
def test_equal_generators_draw_equal_noise(name, dropout, rng):
    """All layers draw from the one generator, and no two the same."""
    problem = Problem(VARIANTS[name], MULTICLASS, rng, sizes=(6, 6), dropout=dropout)
    values = []
    for seed in (3, 3, 4):
        problem.network.draw(np.random.default_rng(seed), 9)
        values.append(problem(problem.theta)[0])
    assert values[0] == values[1] != values[2]
    masks = [x._mask for x in problem.network.layers if isinstance(x, Dropout)]
    assert len(masks) == (2 if dropout else 0)
    if masks:
        assert (masks[0] != masks[1]).any()


@regularized
def test_dropout_and_normalization_leave_input_and_output(settings, rng):
    """No unit of the input is dropped, nor anything behind the last dense layer."""
    problem = Problem(None, MULTICLASS, rng, sizes=(), **settings)
    assert problem.network.layers == problem.network.dense
    assert not problem.network.random
    assert problem.network.normalize == []


# Memory -----------------------------------------------------------------------------

WIDE = 256
BATCH = 4096


def peak_of(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def training_step(hidden, head, dtype, n_columns, rng, **settings):
    sizes = (WIDE, WIDE + 64)
    settings = {"l1": 0.1, "l2": 0.1, **settings}
    network = Network(WIDE, sizes, [hidden] * 2, head, dtype, **settings)
    network.initialize(initializers.get("auto"), rng, [hidden] * 3)
    network.allocate(BATCH)
    generator = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, WIDE)).astype(dtype)
    y = (rng.uniform(size=(BATCH, n_columns)) < 0.5).astype(dtype)
    w = np.ones((BATCH, 1), dtype)
    optimizer = optimizers.get("adam")
    state = optimizer.init_state(network.theta)

    def step():
        if network.random:
            network.draw(generator, BATCH)
        network.loss_grad(x, y, w)
        optimizer.step(network.theta, network.grad, state, 1e-4, network.groups)

    step()
    return step


@pytest.mark.parametrize(
    "hidden",
    ["relu", "gelu", "mish", "msaf, trainable=True", "rrelu", "elu, trainable=shared"],
)
def test_a_step_allocates_nothing_of_batch_size(hidden, rng):
    """Blocks of a fixed size, and what is one number a row, is all."""
    head = Head(activations.get("logistic"), LogLoss(), 3, None, True)
    step = training_step(VARIANTS[hidden], head, np.float32, 3, rng)
    batch = BATCH * WIDE * 4  # bytes
    assert peak_of(step) < 0.3 * batch


@pytest.mark.parametrize("hidden", ["relu", "selu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@regularized
def test_dropout_and_normalization_allocate_nothing_of_batch_size(
    settings, dtype, hidden, rng
):
    head = Head(activations.get("logistic"), LogLoss(), 3, None, True)
    settings = dict(settings)
    if "dropout" in settings:
        settings["dropout"] = [settings["dropout"]] * 2
    step = training_step(VARIANTS[hidden], head, dtype, 3, rng, **settings)
    assert peak_of(step) < 0.3 * BATCH * WIDE * np.dtype(dtype).itemsize


@pytest.mark.parametrize("canonical", [True, False])
@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_a_step_with_many_outputs_allocates_nothing_of_batch_size(loss, canonical, rng):
    n = 192
    head = Head(activations.get("logistic"), losses.get(loss), n, None, True)
    head.canonical = canonical
    step = training_step(VARIANTS["relu"], head, np.float64, n, rng)
    assert peak_of(step) < 0.4 * BATCH * n * 8


def test_prediction_needs_memory_for_a_chunk_and_the_result_only(rng, monkeypatch):
    monkeypatch.setattr(_network, "_PREDICTION_CHUNK", 100 * WIDE)
    problem = Problem(VARIANTS["gelu"], MULTICLASS, rng, (WIDE,), n_features=32)
    x = rng.standard_normal((20_000, 32))
    peak = peak_of(lambda: problem.network.raw(x))
    assert peak < x.shape[0] * 3 * 8 + 12 * 100 * WIDE * 8


def test_blocks_are_small_against_the_batches_of_these_tests():
    assert 4 * _numerics.BLOCK < 0.3 * BATCH * WIDE
