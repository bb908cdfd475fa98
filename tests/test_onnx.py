"""Exported models say in onnxruntime what the estimators say."""

import pickle
import sys
from enum import Enum
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as ScikitLearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from _helpers import fit_quietly  # noqa: E402
from _onnx_runs import (  # noqa: E402
    assert_agrees,
    assert_close,
    assert_values,
    every_activation,
    exported,
    newest_opset,
    with_random_weights,
)

from sk_mlp import (  # noqa: E402
    MLPClassifier,
    MLPRegressor,
    __version__,
    activations,
    losses,
)
from sk_mlp import onnx as sk_mlp_onnx  # noqa: E402
from sk_mlp._normalization import NORMALIZATIONS  # noqa: E402
from sk_mlp.onnx import to_onnx  # noqa: E402

DTYPES = ("float32", "float64")
rng = np.random.RandomState(0)
X = rng.uniform(-1.0, 1.0, (16, 3))
CLASSES = {
    "one class": np.full(16, 7),
    "binary": np.arange(16) % 2 == 0,
    "multiclass": np.array(["ash", "birch", "ähre"])[np.arange(16) % 3],
    "multilabel": rng.randint(0, 2, (16, 3)),
    "multioutput": np.column_stack([np.arange(16) % 3, np.arange(16) % 4]),
    "mixed outputs": np.column_stack(
        [
            np.arange(16).astype(object) % 2,
            np.array(["x", "y"], object)[rng.randint(0, 2, 16)],
        ]
    ),
}
POSITIVE = rng.uniform(0.1, 1.0, (16, 2))
REGRESSIONS = [
    name for name in losses.names() if "regression" in losses.get(name).tasks
]


def classifier(**parameters):
    return MLPClassifier(**{"hidden_layer_sizes": (3,), **parameters})


def regressor(**parameters):
    return MLPRegressor(**{"hidden_layer_sizes": (3,), **parameters})


def heads():
    """Yield (what it is, estimator class, parameters, target) of every kind of head."""
    for kind, y in CLASSES.items():
        yield kind, classifier, {}, y
    for kind in ("multiclass", "multioutput", "mixed outputs"):
        one_vs_rest = {"output_activation": "logistic"}
        yield f"{kind}, one-vs-rest", classifier, one_vs_rest, CLASSES[kind]
    softmax = {"output_activation": "softmax"}
    yield "binary softmax", classifier, softmax, CLASSES["binary"]
    for loss in [*REGRESSIONS, losses.Quantile((0.1, 0.5, 0.9))]:
        yield f"{loss}", regressor, {"loss": loss}, POSITIVE[:, 0]
        yield f"{loss}, two targets", regressor, {"loss": loss}, POSITIVE


HEADS = list(heads())
ACTIVATIONS = every_activation()
each_activation = pytest.mark.parametrize(
    "activation", ACTIVATIONS.values(), ids=ACTIVATIONS
)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


NEWEST = newest_opset()
OPSETS = [opset for opset in (13, 17, 21) if opset < NEWEST] + [NEWEST]


# Activations --------------------------------------------------------------------------


def settings_of(activation):
    """Yield shape values as a network has them: numbers, and one for each unit."""
    shape = activation.default_shape()
    yield shape
    if activation.shape_parameters:
        yield tuple(value * np.array([1.0, 1.5, 0.5]) for value in shape)


@pytest.mark.parametrize("opset", OPSETS)
@each_dtype
def test_every_activation_over_the_whole_range(dtype, opset):
    cases = {
        f"{name}{k}": (activations.get(name), shape)
        for name in activations.names()
        for k, shape in enumerate(settings_of(activations.get(name)))
    }
    assert_values(cases, dtype, opset)


@each_dtype
def test_unusual_settings(dtype):
    settings = [
        *(activations.LeakyReLU(3.0), activations.LeakyReLU(0.0), activations.ELU(0.0)),
        *(activations.CELU(1e4), activations.CELU(1e-4), activations.SiLU(0.0)),
        *(activations.Softplus(1e-3), activations.Softplus(1e3), activations.Tanh(1e9)),
        *(activations.Identity(-2.0), activations.HardTanh(-1e40, Fraction(1, 3))),
        *(activations.MSAF((Fraction(1, 2), 3)), activations.RReLU(0.1, 2.0)),
        activations.SymmetricMSAF(1e200),
    ]
    cases = {repr(f).replace("/", " by "): (f, f.default_shape()) for f in settings}
    assert_values(cases, dtype)


@each_dtype
@each_activation
def test_hidden_activation_with_every_head(activation, dtype):
    for what, make, parameters, y in HEADS:
        estimator = make(activation=activation, dtype=dtype, **parameters)
        with_random_weights(estimator, X, y)
        try:
            assert_agrees(estimator, X, dtype)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from None


@each_dtype
@each_activation
def test_output_activation_with_every_target(activation, dtype):
    cases = [(classifier, {}, y) for y in CLASSES.values()]
    for loss in ("squared_error", "gamma", "gaussian_nll", losses.Quantile((0.1, 0.9))):
        cases += [(regressor, {"loss": loss}, y) for y in (POSITIVE[:, 0], POSITIVE)]
    n_exported = 0
    for make, parameters, y in cases:
        estimator = make(
            activation="tanh", output_activation=activation, dtype=dtype, **parameters
        )
        try:
            with_random_weights(estimator, X, y)
        except ValueError as error:
            assert "output_activation" in str(error)
            continue
        assert_agrees(estimator, X, dtype)
        n_exported += 1
    assert n_exported or not activation.has_gradient


@pytest.mark.parametrize(
    "activation",
    [
        activations.Step("hard_tanh"),
        activations.HardTanh(0.0, 1.0),
        activations.Logistic(2.0),
        activations.Logistic(0.5, trainable=True),
    ],
    ids=repr,
)
@each_dtype
def test_one_vs_rest_of_any_activation(activation, dtype):
    for kind, y in CLASSES.items():
        estimator = classifier(output_activation=activation, dtype=dtype)
        try:
            assert_agrees(with_random_weights(estimator, X, y), X, dtype)
        except AssertionError as error:
            raise AssertionError(f"{kind}: {error}") from None


def test_rows_without_any_class_are_uniform():
    estimator = classifier(
        hidden_layer_sizes=(), output_activation="hard_sigmoid", loss="squared_error"
    )
    with_random_weights(estimator, X, CLASSES["multiclass"])
    estimator.intercepts_[0][...] = -9.0
    found = exported(estimator, X)
    assert_array_equal(found["probabilities"], np.float32(1 / 3))
    assert_array_equal(found["label"], "ash")


def test_ties_go_to_the_same_class():
    for _, make, parameters, y in HEADS:
        estimator = with_random_weights(make(**parameters), X, y)
        estimator._network.theta[...] = 0.0
        assert_agrees(estimator, X)


def test_label_is_the_largest_output_before_division_by_the_sum():
    estimator = classifier(
        hidden_layer_sizes=(), output_activation=activations.HardTanh(0.0, 1.0)
    )
    with_random_weights(estimator, X, CLASSES["multiclass"])
    outputs = np.array([np.nextafter(0.9, 0.0), 0.9, 0.5])
    shares = outputs / outputs.sum()
    assert shares[0] == shares[1]
    estimator._network.theta[...] = 0.0
    estimator.intercepts_[0][...] = outputs
    assert_array_equal(estimator.predict(X), "birch")
    assert_agrees(estimator, X, "float64")


@each_dtype
def test_smallest_standard_deviation(dtype):
    loss = losses.GaussianNLL(eps=1e-300)  # which float32 does not have
    estimator = regressor(loss=loss, dtype=dtype)
    with_random_weights(estimator, X, POSITIVE[:, 0])
    estimator.intercepts_[1][1] = -800.0
    std = estimator.predict(X, return_std=True)[1]
    assert_allclose(exported(estimator, X, dtype)["std"], std, rtol=1e-5)


@each_dtype
@pytest.mark.parametrize(
    "activation",
    [activations.Logistic(2.0), activations.Logistic(2.0, trainable=True)],
    ids=repr,
)
def test_one_vs_rest_far_out(activation, dtype):
    estimator = classifier(
        hidden_layer_sizes=(), output_activation=activation, dtype=dtype
    )
    with_random_weights(estimator, X, CLASSES["multiclass"])
    for intercept in (-10.0, -20.0, 20.0):
        estimator.intercepts_[0][...] = intercept
        assert_agrees(estimator, X, dtype)


@each_dtype
def test_hidden_softmax_of_numbers_out_of_range(dtype):
    estimator = regressor(activation="softmax", dtype=dtype)
    with_random_weights(estimator, X, POSITIVE)
    estimator.coefs_[0][...] = np.finfo(dtype).max
    with np.errstate(over="ignore"):
        assert_agrees(estimator, np.ones((1, 3)), dtype)


# Networks -----------------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_normalization(normalization, dtype):
    for y, make in ((CLASSES["multiclass"], classifier), (POSITIVE, regressor)):
        estimator = make(
            hidden_layer_sizes=(5, 4), normalization=normalization, dtype=dtype
        )
        assert_agrees(with_random_weights(estimator, X, y), X, dtype)


def test_layer_normalization_of_rows_with_a_large_mean():
    estimator = regressor(normalization="layer", dtype="float32")
    with_random_weights(estimator, X, POSITIVE)
    estimator.intercepts_[0][...] += 100.0
    assert_agrees(estimator, X)


def test_batch_normalization_is_part_of_the_weights():
    estimator = regressor(normalization="batch")
    model = to_onnx(with_random_weights(estimator, X, POSITIVE))
    operators = [node.op_type for node in model.graph.node]
    assert operators == ["Gemm", "Relu", "Gemm", "Clip"]


def test_shape_parameters_of_one_take_no_node():
    for activation, expected in (
        ("tanh", ["Tanh"]),
        ("softplus", ["Min", "Exp", "Add", "Log", "Max"]),
    ):
        model = to_onnx(
            with_random_weights(regressor(activation=activation), X, POSITIVE)
        )
        operators = [node.op_type for node in model.graph.node]
        assert operators == ["Gemm", *expected, "Gemm", "Clip"]


def operators_of(estimator):
    return [node.op_type for node in to_onnx(estimator).graph.node]


def test_no_node_too_many():
    estimator = with_random_weights(classifier(), X, CLASSES["binary"])
    assert operators_of(estimator).count("Neg") == 1
    estimator = with_random_weights(regressor(loss="gaussian_nll"), X, POSITIVE)
    operators = operators_of(estimator)
    assert operators[:5] == ["Gemm", "Relu", "Gemm", "Clip", "Slice"]
    assert operators.count("Slice") == 2
    assert "Concat" not in operators
    estimator = with_random_weights(classifier(), X, CLASSES["multiclass"])
    assert operators_of(estimator).count("Clip") == 1


@each_dtype
@pytest.mark.parametrize("sizes", [(), (1,), (4, 1, 5), (1, 1)])
def test_depth_and_width(sizes, dtype):
    for _, make, parameters, y in HEADS[:12]:
        estimator = make(hidden_layer_sizes=sizes, dtype=dtype, **parameters)
        assert_agrees(with_random_weights(estimator, X, y), X, dtype)


def test_dropout_and_different_activations():
    estimator = classifier(
        hidden_layer_sizes=(4, 4, 4),
        activation=["selu", "prelu", "rrelu"],
        dropout=[0.5, 0.1, 0.0],
    )
    assert_agrees(with_random_weights(estimator, X, CLASSES["binary"]), X)


def test_network_of_float64_in_float32_and_the_other_way_round():
    for dtype, other in (DTYPES, DTYPES[::-1]):
        estimator = classifier(dtype=dtype)
        with_random_weights(estimator, X, CLASSES["multiclass"])
        found = exported(estimator, X, other)
        assert found["probabilities"].dtype == other
        assert_close(found["probabilities"], estimator.predict_proba(X), "float32")
        assert_array_equal(found["label"], estimator.predict(X))


@pytest.mark.parametrize("opset", OPSETS)
def test_opsets(opset):
    for dtype in DTYPES:
        for normalization in (None, "layer"):
            for _, make, parameters, y in HEADS[::2]:
                estimator = make(
                    hidden_layer_sizes=(3, 3),
                    activation=["gelu", "leaky_relu"],
                    normalization=normalization,
                    dtype=dtype,
                    **parameters,
                )
                with_random_weights(estimator, X, y)
                assert_agrees(estimator, X, dtype, target_opset=opset)
    model = to_onnx(estimator, target_opset=opset)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", opset)]


@each_dtype
@pytest.mark.parametrize("n_rows", [0, 1, 1000])
def test_number_of_rows_is_free(n_rows, dtype):
    rows = np.random.RandomState(1).uniform(-1, 1, (n_rows, 3)).astype(dtype)
    for what, make, parameters, y in HEADS:
        estimator = make(activation="silu", dtype=dtype, **parameters)
        with_random_weights(estimator, X, y)
        if n_rows:
            assert_agrees(estimator, rows, dtype)
            continue
        one = exported(estimator, X[:1], dtype)
        none = exported(estimator, rows, dtype)
        for name, value in none.items():
            assert value.shape == (0, *one[name].shape[1:]), what


@each_dtype
@pytest.mark.parametrize("scale", [1e3, 1e8, 1e30])
def test_rows_far_outside_the_data(scale, dtype):
    for what, make, parameters, y in HEADS:
        estimator = make(activation="elu", dtype=dtype, **parameters)
        with_random_weights(estimator, X, y)
        for name, value in exported(estimator, X * scale, dtype).items():
            assert value.dtype != dtype or np.isfinite(value).all(), (what, name)
        if dtype == "float64":
            assert_agrees(estimator, X * scale, dtype)


@each_dtype
def test_small_probabilities_keep_their_digits(dtype):
    smallest = []
    for _, make, parameters, y in HEADS[1:10]:
        estimator = with_random_weights(make(dtype=dtype, **parameters), X, y)
        far = X * 40.0
        expected, found = estimator.predict_proba(far), exported(estimator, far, dtype)
        found = [value for name, value in found.items() if "prob" in name]
        expected = expected if isinstance(expected, list) else [expected]
        smallest += map(np.min, expected)
        for values, exact in zip(found, expected, strict=True):
            assert_allclose(values, exact, rtol=1e-4 if dtype == "float32" else 1e-12)
    assert min(smallest) < 1e-20


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["", "a b", "ünï"]),
        np.array(["no", "yes", "x" * 70], object),
        np.array([-(2**62), 0, 2**62]),
        np.array([3, 1, 200], np.uint8),
        np.array([3.0, -1.0, 1e6]),
        np.array([0.0, 1.0, 2.0], np.float32),
        np.array([False, True]),
        np.array([7], np.int16),
        np.array(["only"]),
    ],
    ids=str,
)
def test_labels_keep_their_type(labels):
    y = labels[np.arange(16) % len(labels)]
    estimator = with_random_weights(classifier(), X, y)
    assert_agrees(estimator, X)
    predicted = exported(estimator, X)["label"]
    if labels.dtype.kind not in "OU":
        assert predicted.dtype == labels.dtype
    else:
        assert predicted.tolist() == estimator.predict(X).tolist()


class Answer(str, Enum):  # noqa: UP042 - whose str() is not its value
    YES = "yes"
    NO = "no"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([Answer.YES, Answer.NO], ["yes", "no"]),
        (["a\0", "b\0"], ["a\0", "b\0"]),
    ],
    ids=["enum", "null"],
)
def test_objects_that_are_strings(labels, expected):
    one = np.array(labels, object)[np.arange(16) % 2]
    expected = np.array(expected, object)[np.arange(16) % 2]
    both = np.column_stack([one, one])
    estimator = fit_quietly(classifier(random_state=0, max_iter=300), X, one)
    found = exported(estimator, X)["label"]
    right = np.array([str.__str__(word) for word in estimator.predict(X)], object)
    assert found.tolist() == right.tolist()
    assert {*found} <= {*expected}
    estimator = with_random_weights(classifier(), X, both)
    assert {*exported(estimator, X)["label"].ravel()} <= {*expected}


@pytest.mark.parametrize("dtype", [">i4", ">f8"])
def test_labels_of_the_other_byte_order(dtype):
    y = (np.arange(16) % 2 + 1).astype(dtype)
    estimator = with_random_weights(classifier(), X, y)
    assert_array_equal(exported(estimator, X)["label"], estimator.predict(X))


@pytest.mark.parametrize("float64", ["float32", None, 1, np.float32])
def test_float64_is_a_bool(float64):
    estimator = with_random_weights(classifier(), X, CLASSES["binary"])
    with pytest.raises(TypeError, match=r"float64 must be True or False. Got"):
        to_onnx(estimator, float64=float64)


def test_labels_of_several_outputs_of_one_kind():
    y = np.column_stack([np.array(["a", "bbb"])[rng.randint(0, 2, 16)] for _ in "ab"])
    estimator = with_random_weights(classifier(), X, y)
    assert_agrees(estimator, X)


def test_labels_of_several_outputs_of_one_kind_and_two_types():
    y = CLASSES["multioutput"]
    classes = [np.array([0, 1, 2], np.int8), np.array([0, 1, 2, 3], np.int64)]
    estimator = classifier(random_state=0).partial_fit(X, y, classes=classes)
    assert_agrees(estimator, X)
    assert exported(estimator, X)["label"].dtype == np.int64


def test_sparse_indicator_gives_dense_labels():
    estimator = classifier()
    with_random_weights(estimator, X, sparse.csr_matrix(CLASSES["multilabel"]))
    assert_array_equal(exported(estimator, X)["label"], estimator.predict(X).toarray())


def test_model_says_what_it_is():
    estimator = with_random_weights(
        classifier(hidden_layer_sizes=(5, 4)), X, CLASSES["multiclass"]
    )
    model = to_onnx(estimator)
    assert model.producer_name == "sk_mlp"
    assert model.producer_version == __version__
    assert model.ir_version == 8
    assert model.doc_string == "Network 3 x 5 x 4 x 3 of sk_mlp"
    assert model.graph.name == "MLPClassifier"
    names = [node.name for node in model.graph.node]
    assert names[:5] == [
        *("hidden_1/Gemm", "hidden_1/Relu", "hidden_2/Gemm", "hidden_2/Relu"),
        "output/Gemm",
    ]
    assert {"hidden_1/weight", "output/bias", "output/classes"} <= {
        tensor.name for tensor in model.graph.initializer
    }
    (given,) = model.graph.input
    shape = given.type.tensor_type.shape
    assert given.name == "X"
    assert [d.dim_param or d.dim_value for d in shape.dim] == ["batch", 3]


def test_exporting_changes_nothing():
    estimator = with_random_weights(classifier(), X, CLASSES["binary"])
    before = estimator._network.theta.copy()
    model = to_onnx(estimator)
    assert model == to_onnx(estimator) == to_onnx(pickle.loads(pickle.dumps(estimator)))
    assert model == to_onnx(estimator.compact())
    assert_array_equal(estimator._network.theta, before)


# Refused ------------------------------------------------------------------------------


class OwnPredict(MLPRegressor):
    def predict(self, X):
        return super().predict(X) + 1.0


class OwnFit(MLPRegressor):
    def fit(self, X, y):
        return super().fit(X, np.log(y))


def test_other_estimators():
    y = CLASSES["binary"]
    pipeline = make_pipeline(StandardScaler(), classifier())
    search = GridSearchCV(classifier(), {"alpha": [0.1]})
    for estimator in (pipeline, search, ScikitLearnClassifier(), None, MLPClassifier):
        with pytest.raises(TypeError, match=r"register_skl2onnx.*best_estimator_"):
            to_onnx(estimator)
    with pytest.raises(NotFittedError, match="fit"):
        to_onnx(classifier())
    with pytest.raises(TypeError, match="OwnPredict defines its own predict"):
        to_onnx(with_random_weights(OwnPredict((3,)), X, POSITIVE))
    fitted = fit_quietly(OwnFit((3,), random_state=0, max_iter=2), X, POSITIVE[:, 0])
    assert_agrees(fitted, X)
    assert_agrees(fit_quietly(search.set_params(cv=2), X, y).best_estimator_, X)


@pytest.mark.parametrize("opset", [12, 0, 1000, 17.0, "17", None, True])
def test_opset_out_of_range(opset):
    estimator = with_random_weights(classifier(), X, CLASSES["binary"])
    newest = onnx.defs.onnx_opset_version()
    with pytest.raises(ValueError, match=rf"int in \[13, {newest}\].* Got "):
        to_onnx(estimator, target_opset=opset)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="it is float64 here")
def test_labels_that_onnx_has_no_type_for():
    y = (np.arange(16) % 2).astype(np.longdouble)
    estimator = with_random_weights(classifier(), X, y)
    with pytest.raises(ValueError, match="labels are of the type float"):
        to_onnx(estimator)


@pytest.mark.parametrize("package", ["onnx", "skl2onnx"])
def test_without_the_package(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match="pip install"):
        if package == "onnx":
            to_onnx(with_random_weights(classifier(), X, CLASSES["binary"]))
        else:
            sk_mlp_onnx.register_skl2onnx()
