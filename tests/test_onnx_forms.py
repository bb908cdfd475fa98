"""Forms of one's own for ONNX, and the graph that they are written in."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from _onnx_runs import (  # noqa: E402
    assert_agrees,
    assert_close,
    exported,
    newest_opset,
    run,
    with_random_weights,
)

from sk_mlp import MLPRegressor, activations, losses  # noqa: E402
from sk_mlp.activations import Activation  # noqa: E402
from sk_mlp.onnx import _graph, to_onnx  # noqa: E402
from sk_mlp.onnx._graph import Graph  # noqa: E402

DTYPES = ("float32", "float64")
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
OPSETS = (13, newest_opset())
X = np.random.RandomState(0).uniform(-1.0, 1.0, (16, 3))
POSITIVE = np.random.RandomState(1).uniform(0.1, 1.0, (16, 2))


def regressor(**parameters):
    return MLPRegressor(**{"hidden_layer_sizes": (3,), **parameters})


class Cube(Activation):
    def forward(self, z, out):
        out[...] = z**3

    def backward(self, z, a, grad):
        grad *= 3 * z**2


class ExportableCube(Cube):
    def to_onnx(self, op, z):
        return z**3


class Scaled(activations.Tanh):
    """Other values than those of the class it is derived from."""

    def forward(self, z, out, slope):
        out[...] = np.tanh(z * slope) / 2


class Precise(activations.Tanh):
    """Other values where probabilities are computed."""

    def forward_precise(self, z, out, slope):
        out[...] = np.tanh(z * slope) / 2


class Renamed(activations.Tanh):
    """The same values, with another derivative."""

    def backward(self, z, a, grad, slope):
        grad *= 1.0


def test_users_own_activation():
    for activation in (ExportableCube(), Renamed()):
        estimator = regressor(activation=activation)
        assert_agrees(with_random_weights(estimator, X, POSITIVE), X)


@pytest.mark.parametrize("activation", [Cube(), Scaled(), Precise()], ids=repr)
def test_activation_of_other_values_needs_its_own_form(activation):
    estimator = regressor(activation=activation)
    with_random_weights(estimator, X, POSITIVE)
    name = type(activation).__name__
    with pytest.raises(NotImplementedError, match=rf"Define {name}\.to_onnx"):
        to_onnx(estimator)


class SortedLosses(losses.Quantile):
    def predict(self, p):
        return np.sort(p, axis=1)


class DoubleSpread(losses.GaussianNLL):
    def std(self, p):
        return 2.0 * super().std(p)


class MeanOnly(losses.SquaredError):
    def predict(self, p):
        return p.mean(axis=1, keepdims=True)

    def to_onnx(self, op, p, n_targets):
        return {"variable": op.ReduceMean(p, axes=[1])}


def test_users_own_loss():
    estimator = regressor(loss=MeanOnly())
    assert_agrees(with_random_weights(estimator, X, POSITIVE), X)
    for loss in (SortedLosses((0.1, 0.9)), DoubleSpread()):
        estimator = with_random_weights(regressor(loss=loss), X, POSITIVE[:, 0])
        name = type(loss).__name__
        with pytest.raises(NotImplementedError, match=rf"Define {name}\.to_onnx"):
            to_onnx(estimator)


# Forms of one's own that are not right ------------------------------------------------


class HalfAsWell:
    def forward(self, z, out, slope):
        out[...] = np.tanh(z * slope) / 2


class HalfTanh(HalfAsWell, activations.Tanh):
    """Its values come from a mixin, the form from the other parent."""


class Doubled:
    def predict(self, p):
        return 2.0 * p


class DoubledError(Doubled, losses.SquaredError):
    """Its predictions come from a mixin, the form from the other parent."""


class FormOfCube:
    def to_onnx(self, op, z):
        return z**3


class MixedCube(FormOfCube, Cube):
    """Its form comes from a mixin."""


def test_values_of_a_mixin_need_their_own_form():
    for parameters, what in (
        ({"activation": HalfTanh()}, "HalfTanh.* forward"),
        ({"loss": DoubledError()}, "DoubledError.* predict"),
    ):
        estimator = with_random_weights(regressor(**parameters), X, POSITIVE)
        with pytest.raises(NotImplementedError, match=f"{what}.*to_onnx"):
            to_onnx(estimator)
    estimator = with_random_weights(regressor(activation=MixedCube()), X, POSITIVE)
    assert_agrees(estimator, X)


def own_activation(form):
    class Own(Cube):
        def to_onnx(self, op, z):
            return form(op, z)

    return Own()


def own_loss(form):
    class OwnLoss(losses.SquaredError):
        def predict(self, p):
            return 2.0 * p

        def to_onnx(self, op, p, n_targets):
            return form(op, p)

    return OwnLoss()


@pytest.mark.parametrize(
    ("form", "error", "message"),
    [
        (lambda op, z: None, TypeError, r"Own\.to_onnx must return .* Got None"),
        (lambda op, z: 1.0, TypeError, r"Own\.to_onnx must return .* Got 1\.0"),
        (lambda op, z: z + np.nan, ValueError, "NaN"),
        (lambda op, z: op.tanh(z), AttributeError, r"no operator 'tanh'.*op\.Tanh"),
        (lambda op, z: np.tanh(z), TypeError, r"numpy\.tanh.*op\.Tanh"),
        (lambda op, z: z * np.ones(2), ValueError, r"invalid.*hidden_1/Mul"),
        (lambda op, z: op.Elu(z, beta=1.0), ValueError, "invalid.*hidden_1/Elu"),
        (lambda op, z: op.ReduceSum(z, [1]), ValueError, "invalid.*hidden_1/Reduce"),
        (lambda op, z: op.Greater(z, 0.0) * z, ValueError, "invalid.*hidden_1/Mul"),
    ],
)
def test_wrong_forms_of_activations(form, error, message):
    estimator = with_random_weights(
        regressor(activation=own_activation(form)), X, POSITIVE
    )
    with pytest.raises(error, match=f"(?s){message}"):
        to_onnx(estimator)


def test_operators_of_python_and_optional_inputs():
    z = np.linspace(-2.0, 2.0, 5).reshape(-1, 1)
    op = Graph(np.float64, 17)
    x = op.input("X", 1)
    results = {
        "clip": (op.Clip(x, None, 1.0), np.minimum(z, 1.0)),
        "power": (2.0**x, 2.0**z),
        "abs": (abs(x), abs(z)),
        "minus": ((-x).__neg__() + 0.0, z),
        "left": (np.array([3.0]) - x, 3.0 - z),
        "scalar": (np.float64(3.0) / (x + 9.0), 3.0 / (z + 9.0)),
    }
    outputs = {name: (value, "float64", (1,)) for name, (value, _) in results.items()}
    model = op.model("test", outputs, "")
    for name, value in run(model, z).items():
        assert_allclose(value, results[name][1], rtol=1e-15)
    assert "Neg" not in [node.op_type for node in model.graph.node]


@pytest.mark.parametrize(
    "outputs",
    [
        lambda op, p: None,
        lambda op, p: 2.0 * p,
        lambda op, p: {},
        lambda op, p: {"variable": 1.0},
        lambda op, p: {"prediction": 2.0 * p},
        lambda op, p: {"variable": 2.0 * p, "more": p},
    ],
)
def test_wrong_outputs_of_a_loss(outputs):
    estimator = with_random_weights(regressor(loss=own_loss(outputs)), X, POSITIVE)
    with pytest.raises(TypeError, match=r"OwnLoss\.to_onnx must return .*'variable'"):
        to_onnx(estimator)


def test_loss_that_returns_one_value_twice():
    def form(op, p):
        prediction = 2.0 * p
        return {"variable": prediction, "std": prediction}

    estimator = with_random_weights(regressor(loss=own_loss(form)), X, POSITIVE)
    found = exported(estimator, X)
    assert_close(found["variable"], estimator.predict(X), "float32")
    assert_array_equal(found["variable"], found["std"])


def test_loss_that_defines_only_std():
    estimator = with_random_weights(regressor(loss=DoubleSpread()), X, POSITIVE[:, 0])
    with pytest.raises(NotImplementedError, match="DoubleSpread has its own std,"):
        to_onnx(estimator)


def test_model_too_large_for_the_check(monkeypatch):
    form = own_activation(lambda op, z: op.Elu(z, beta=1.0))
    estimator = with_random_weights(regressor(activation=form), X, POSITIVE)
    monkeypatch.setattr(_graph, "_LARGEST_CHECKED", 0)
    assert to_onnx(estimator).graph.node[1].op_type == "Elu"


def test_wrong_shape_of_a_loss_is_an_error():
    loss = own_loss(lambda op, p: {"variable": op.Concat(p, p, axis=1)})
    estimator = with_random_weights(regressor(loss=loss), X, POSITIVE)
    with pytest.raises(ValueError, match="invalid"):
        to_onnx(estimator)


class Misspelt(ExportableCube):
    def to_onnx(self, op, z):
        return op.Tahn(z)


class SingleOnly(ExportableCube):
    def to_onnx(self, op, z):
        return op.Elu(z)


def test_operators_that_are_not_there():
    fitted = [
        with_random_weights(regressor(activation=f), X, POSITIVE)
        for f in (Misspelt(), SingleOnly())
    ]
    with pytest.raises(AttributeError, match="opset 17 has no operator 'Tahn'"):
        to_onnx(fitted[0])
    with pytest.raises(ValueError, match=r"no float64 kernel .* op\.has\('Elu'\)"):
        to_onnx(fitted[1], float64=True)
    to_onnx(fitted[1])


# Operators ----------------------------------------------------------------------------

ONE_INPUT = (
    "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu "
    "HardSigmoid HardSwish Hardmax Identity LeakyRelu Log LogSoftmax "
    "Mish Neg Reciprocal ReduceL2 ReduceLogSumExp ReduceMax "
    "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Round Selu Shrink "
    "Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh "
    "ThresholdedRelu"
).split()
TWO_INPUTS = "Add Div Max Mean Min Mul PRelu Pow Sub Sum".split()


@each_dtype
@pytest.mark.parametrize("opset", OPSETS)
def test_operators_that_are_there_run(opset, dtype):
    for name in ONE_INPUT + TWO_INPUTS:
        op = Graph(dtype, opset)
        if not op.has(name):
            continue
        x = op.input("X", 3)
        inputs = (x, np.full(3, 0.5)) if name in TWO_INPUTS else (x,)
        shape = (1,) if name.startswith("Reduce") else (3,)
        result = getattr(op, name)(*inputs)
        if name.startswith("Reduce"):
            result = op.Reshape(result, op.integers(1, 1))
        model = op.model("test", {"y": (result, dtype, shape)}, "")
        assert len(run(model, np.full((1, 3), 0.5, dtype))) == 1, name


def test_what_no_output_needs_is_left_out():
    op = Graph(np.float32, 17)
    x = op.input("X", 3)
    op.Tanh(x * 7.0)
    model = op.model("test", {"y": (x + 3.0, "float32", (3,))}, "")
    assert [node.op_type for node in model.graph.node] == ["Add"]
    assert len(model.graph.initializer) == 1
