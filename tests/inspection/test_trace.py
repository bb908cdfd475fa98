"""The trace of a network: forward as predict does, gradients by central differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sk_mlp import MLPClassifier, MLPRegressor, activations
from sk_mlp.activations import LeakyReLU
from sk_mlp.inspection import _trace as tracing
from sk_mlp.inspection import hidden_activations, input_gradients
from sk_mlp.inspection._reading import encoded, read
from sk_mlp.inspection._trace import MAX_ROWS, some_rows, trace

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)

RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 4))
BINARY = (X[:, 0] > 0).astype(int)
CLASSES = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
NUMBERS = np.column_stack([X[:, 0] * X[:, 1], X[:, 2]])

ELEMENTWISE = [
    name
    for name in activations.names()
    if not activations.get(name).rowwise and activations.get(name).has_gradient
]


def fitted(y=CLASSES, kind=MLPClassifier, **params):
    params = {"hidden_layer_sizes": (6, 5), "max_iter": 3, "random_state": 0, **params}
    return kind(**params).fit(X, y)


def mean_loss(model, y, w):
    """Return the mean loss of the rows as prediction has them."""
    Y, w = encoded(model, y, w)
    network = model._network
    return network.head.mean_loss(network.raw(X), Y, w)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", [*ELEMENTWISE, "softmax"])
def test_gradients_of_weights(activation, normalization):
    est = fitted(activation=activation, normalization=normalization)
    w = RNG.uniform(0.5, 2.0, len(X))
    model, rows, y, w = read(est, X, CLASSES, w)
    found = trace(model, rows, y, w)
    assert_allclose(found.loss, mean_loss(model, y, w), rtol=1e-12)
    for layer, dense in zip(found.layers, model._network.dense, strict=True):
        direction = RNG.standard_normal(dense.weight.shape)
        weight, before, h = dense.weight.value, dense.weight.value.copy(), 1e-6
        weight += h * direction
        above = mean_loss(model, y, w)
        weight -= 2 * h * direction
        difference = (above - mean_loss(model, y, w)) / (2 * h)
        weight[...] = before
        expected = float(np.sum(layer.weight_gradient * direction))
        assert_allclose(difference, expected, rtol=2e-5, atol=2e-8)


@pytest.mark.parametrize(
    ("y", "kind", "params"),
    [
        (BINARY, MLPClassifier, {}),
        (NUMBERS, MLPRegressor, {}),
        (NUMBERS[:, 0], MLPRegressor, {"loss": "quantile"}),
        (np.exp(NUMBERS), MLPRegressor, {"loss": "poisson"}),
        (NUMBERS, MLPRegressor, {"output_activation": "tanh", "loss": "huber"}),
        ((X[:, :3] > 0).astype(int), MLPClassifier, {}),
        (np.column_stack([BINARY, CLASSES]), MLPClassifier, {}),
        (BINARY, MLPClassifier, {"output_activation": "softmax"}),
        (CLASSES, MLPClassifier, {"class_weight": {0: 3.0}, "dropout": 0.5}),
    ],
)
def test_signal_is_the_gradient_of_each_rows_loss(y, kind, params):
    model, rows, y, w = read(fitted(y, kind, **params), X, y)
    found = trace(model, rows, y, w)
    output = found.output
    head, h = model._network.head, 1e-6
    Y, w = encoded(model, y, w)
    assert_allclose(output.a, head.predict(output.z), rtol=1e-12)
    for row in (0, 17):
        for k in range(head.width):
            z = np.repeat(output.z[row : row + 1], 2, axis=0)
            z[:, k] += [h, -h]
            above, below = (head.mean_loss(part, Y[[row]]) for part in (z[:1], z[1:]))
            share = 1.0 if w is None else w[row, 0] / w.mean()
            expected = share * (above - below) / (2 * h)
            assert_allclose(output.signal[row, k], expected, rtol=1e-5, atol=1e-7)
    # One step back, by hand.
    if output.weight.shape[0] == 5 and model._spec["normalization"] is None:
        hidden = found.hidden[-1]
        expected = output.signal @ output.weight.T * hidden.slope
        assert_allclose(hidden.signal, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("activation", ELEMENTWISE)
def test_slopes_are_derivatives(activation):
    found = trace(*read(fitted(activation=activation), X))
    for layer in found.hidden:
        if activations.get(activation).trainable:
            continue  # they were trained
        assert_allclose(layer.slope, layer.activation.derivative(layer.z), rtol=1e-12)
        assert_allclose(layer.a, layer.activation(layer.z), rtol=1e-6, atol=1e-12)


def test_slopes_of_trained_shapes():
    est = fitted(activation=LeakyReLU(0.25, trainable=True), max_iter=50)
    first = trace(*read(est, X)).layers[0]
    learned = est.activation_params_[0]["negative_slope"]
    assert np.ptp(learned) > 0
    expected = np.where(first.z > 0, 1.0, learned)
    assert_array_equal(first.slope, expected)


def test_without_targets_the_directions_have_length_one():
    found = trace(*read(fitted(), X))
    assert found.loss is None
    assert_allclose(np.linalg.norm(found.output.signal, axis=1), 1.0)
    assert found.output.weight_gradient is None


def test_rowwise_layers_have_no_slope():
    found = trace(*read(fitted(activation="softmax"), X))
    assert found.layers[0].slope is None
    assert np.isfinite(found.layers[0].signal).all()


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_rows_give_the_same(make):
    est = fitted()
    dense, found = (trace(*read(est, rows, CLASSES)) for rows in (X, make(X)))
    assert_allclose(found.loss, dense.loss, rtol=1e-12)
    for a, b in zip(found.layers, dense.layers, strict=True):
        assert_allclose(a.signal, b.signal, rtol=1e-9, atol=1e-14)
        assert_allclose(a.weight_gradient, b.weight_gradient, rtol=1e-9, atol=1e-14)


def test_tracing_changes_nothing():
    est = fitted(normalization="batch", dropout=0.3, activation="rrelu")
    before = est._network.theta.copy(), est.predict_proba(X)
    trace(*read(est, X, CLASSES))
    assert_array_equal(est._network.theta, before[0])
    assert_array_equal(est.predict_proba(X), before[1])


def test_some_rows_are_evenly_spaced(monkeypatch):
    monkeypatch.setattr(tracing, "MAX_ROWS", 10)
    rows = np.arange(30.0).reshape(-1, 1)
    few, y, none = some_rows(rows, rows[:, 0], None, limit=10)
    assert none is None
    assert_array_equal(few[:, 0], y)
    assert y[0] == 0 and y[-1] == 29 and len(y) == 10
    assert np.ptp(np.diff(y)) <= 1
    assert some_rows(rows, rows)[0] is rows
    assert MAX_ROWS > 30


# Functions --------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", [*ELEMENTWISE, "softmax"])
def test_input_gradients(activation, normalization):
    est = fitted(activation=activation, normalization=normalization, max_iter=5)
    found, h = input_gradients(est, X), 1e-6
    assert found.shape == (40, 3, 4)
    for j in range(4):
        step = h * np.eye(4)[j]
        difference = est.decision_function(X + step) - est.decision_function(X - step)
        assert_allclose(found[:, :, j], difference / (2 * h), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("y", "kind", "shape"),
    [
        (BINARY, MLPClassifier, (40, 4)),
        (NUMBERS[:, 0], MLPRegressor, (40, 4)),
        (NUMBERS, MLPRegressor, (40, 2, 4)),
    ],
)
def test_shapes_of_input_gradients(y, kind, shape):
    est = fitted(y, kind)
    found = input_gradients(est, X)
    assert found.shape == shape
    assert_allclose(input_gradients(est, sparse.csr_matrix(X)), found, rtol=1e-12)
    assert input_gradients(est, X[:1]).shape == (1, *shape[1:])


def test_without_hidden_layers_the_gradients_are_the_weights():
    est = fitted(hidden_layer_sizes=())
    found = input_gradients(est, X)
    assert_allclose(found, np.broadcast_to(est.coefs_[0].T, found.shape))


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_hidden_activations_lead_to_the_prediction(normalization):
    est = fitted(normalization=normalization, dropout=0.2)
    last = hidden_activations(est, X)
    assert_allclose(
        last @ est.coefs_[-1] + est.intercepts_[-1],
        est.decision_function(X),
        rtol=1e-12,
    )
    assert_array_equal(last, hidden_activations(est, X, 1))
    assert hidden_activations(est, X, 0).shape == (40, 6)
    assert_allclose(hidden_activations(est, sparse.csc_matrix(X)), last, rtol=1e-12)


def test_hidden_activations_in_blocks_are_the_same():
    est = fitted()
    rows = np.tile(X, (500, 1))
    assert_allclose(hidden_activations(est, rows)[:40], hidden_activations(est, X))
    assert_allclose(input_gradients(est, rows)[-40:], input_gradients(est, X))


def test_float32_stays_float32():
    est = fitted(dtype="float32")
    assert hidden_activations(est, X).dtype == np.float32
    assert input_gradients(est, X).dtype == np.float32


@pytest.mark.parametrize("layer", [2, -3, 100])
def test_no_such_layer(layer):
    with pytest.raises(ValueError, match=r"has 2 hidden layer\(s\)"):
        hidden_activations(fitted(), X, layer)


@pytest.mark.parametrize("layer", ["first", 0.0, True, None])
def test_layer_is_an_integer(layer):
    with pytest.raises(TypeError, match="layer must be an int"):
        hidden_activations(fitted(), X, layer)


def test_without_hidden_layers_there_are_no_hidden_activations():
    est = MLPRegressor((), solver="lbfgs", random_state=0).fit(X, X[:, 0])
    for layer in (0, -1):
        with pytest.raises(ValueError, match="has no hidden layer"):
            hidden_activations(est, X, layer)
