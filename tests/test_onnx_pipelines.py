"""Pipelines and ensembles that hold our estimators, converted by skl2onnx."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")

import onnxruntime  # noqa: E402
from _helpers import fit_quietly  # noqa: E402
from _onnx_runs import TOLERANCE, assert_close  # noqa: E402
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType  # noqa: E402

from sk_mlp import MLPClassifier, MLPRegressor, losses  # noqa: E402
from sk_mlp.activations import Activation  # noqa: E402
from sk_mlp.onnx import register_skl2onnx  # noqa: E402

DTYPES = tuple(TOLERANCE)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
rng = np.random.RandomState(0)
X = 5.0 + 3.0 * rng.normal(size=(40, 4))
WORDS = np.array(["ash", "birch", "cedar"])[rng.randint(0, 3, 40)]
POSITIVE = rng.uniform(0.1, 1.0, (40, 2))


@pytest.fixture(autouse=True)
def registered():
    register_skl2onnx()
    register_skl2onnx()  # nothing changes


def classifier(**parameters):
    return MLPClassifier((5,), "mish", max_iter=3, random_state=0, **parameters)


def regressor(**parameters):
    return MLPRegressor((5,), "mish", max_iter=3, random_state=0, **parameters)


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


def run(model, rows):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # skl2onnx leaves initializers that nothing reads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": rows}), strict=True))


def converted(estimator, dtype="float32", zipmap=False, rows=X, **options):
    if hasattr(estimator, "classes_"):
        options["options"] = {"zipmap": zipmap}
    rows = rows.astype(dtype)
    return run(skl2onnx.to_onnx(estimator, rows[:1], **options), rows)


def assert_classes_agree(estimator, dtype="float32"):
    found = converted(estimator, dtype)
    assert list(found) == ["label", "probabilities"]
    assert_array_equal(found["label"], estimator.predict(X))
    assert found["probabilities"].dtype == dtype
    assert_close(found["probabilities"], estimator.predict_proba(X), dtype)


def assert_predictions_agree(estimator, dtype="float32"):
    (name, found), *others = converted(estimator, dtype).items()
    expected = estimator.predict(X)
    assert (name, others) == ("variable", [])
    assert found.dtype == dtype
    assert_close(
        found, expected.reshape(40, -1) if expected.ndim < 2 else expected, dtype
    )


TARGETS = {
    "words": WORDS,
    "words as objects": WORDS.astype(object),
    "integers": rng.randint(-1, 3, 40),
    "bytes": rng.randint(0, 3, 40).astype(np.uint8),
    "floats": rng.randint(0, 3, 40) * 1.0,
    "bools": rng.randint(0, 2, 40) > 0,
    "one class": np.full(40, 5),
    "indicator": rng.randint(0, 2, (40, 3)),
}


@each_dtype
@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_pipeline_with_a_classifier(y, dtype):
    estimator = scaled(classifier(dtype="float64"))
    assert_classes_agree(fit_quietly(estimator, X, y), dtype)


@pytest.mark.parametrize("output_activation", ["logistic", "softmax", "gaussian"])
def test_pipeline_with_other_outputs(output_activation):
    for y in (WORDS, TARGETS["bools"]):
        estimator = scaled(classifier(output_activation=output_activation))
        assert_classes_agree(fit_quietly(estimator, X, y))


@each_dtype
@pytest.mark.parametrize(
    ("parameters", "n_targets"),
    [
        *(({"loss": "squared_error"}, 1), ({"loss": "poisson"}, 2)),
        *(({"loss": "gaussian_nll"}, 1), ({"loss": "gaussian_nll"}, 2)),
        ({"loss": losses.Quantile((0.1, 0.5, 0.9))}, 1),
        ({"loss": losses.Quantile((0.1, 0.5, 0.9))}, 2),
        ({"normalization": "layer"}, 1),
    ],
    ids=str,
)
def test_pipeline_with_a_regressor(parameters, n_targets, dtype):
    y = POSITIVE[:, :n_targets]
    estimator = scaled(regressor(**parameters))
    fit_quietly(estimator, X, y[:, 0] if n_targets == 1 else y)
    assert_predictions_agree(estimator, dtype)


def test_zipmap():
    for y in (WORDS, TARGETS["integers"]):
        estimator = fit_quietly(scaled(classifier()), X, y)
        labels, probabilities = estimator.predict(X), estimator.predict_proba(X)
        found = converted(estimator, zipmap=True)
        assert_array_equal(found["output_label"], labels)
        for row, expected in zip(
            found["output_probability"], probabilities, strict=True
        ):
            assert list(row) == estimator.classes_.tolist()
            assert_close(np.array([*row.values()]), expected, "float32")
        found = converted(estimator, zipmap="columns")
        assert_array_equal(found.pop("output_label"), labels)
        prefix = "s" if y is WORDS else "i"
        assert list(found) == [f"{prefix}{label}" for label in estimator.classes_]
        assert_close(np.column_stack([*found.values()]), probabilities, "float32")


def test_class_labels_as_an_output():
    estimator = fit_quietly(classifier(), X, WORDS)
    options = {"zipmap": False, "output_class_labels": True}
    rows = X.astype("f4")
    found = run(skl2onnx.to_onnx(estimator, rows[:1], options=options), rows)
    assert found["class_labels"].tolist() == ["ash", "birch", "cedar"]


@each_dtype
@pytest.mark.parametrize(
    "make",
    [
        lambda: VotingClassifier(
            [("a", scaled(classifier())), ("b", LogisticRegression())],
            voting="soft",
            flatten_transform=False,
        ),
        lambda: StackingClassifier(
            [("a", classifier()), ("b", LogisticRegression())],
            final_estimator=classifier(),
            cv=2,
        ),
        lambda: BaggingClassifier(classifier(), n_estimators=2, random_state=0),
        lambda: CalibratedClassifierCV(classifier(), cv=2),
        lambda: GridSearchCV(
            scaled(classifier()), {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2
        ),
    ],
    ids=["voting", "stacking", "bagging", "calibration", "search"],
)
@pytest.mark.parametrize("y", [WORDS, TARGETS["bools"]], ids=["three", "two"])
def test_ensembles_of_classifiers(make, y, dtype):
    assert_classes_agree(
        fit_quietly(make(), StandardScaler().fit_transform(X), y), dtype
    )


def test_calibration_of_softmax_with_two_classes():
    estimator = CalibratedClassifierCV(classifier(output_activation="softmax"), cv=2)
    assert_classes_agree(fit_quietly(estimator, X, TARGETS["bools"]))


WITH_DECISIONS = {
    "calibrated": lambda inner: CalibratedClassifierCV(inner, cv=2),
    "calibrated at once": lambda inner: CalibratedClassifierCV(
        inner, cv=2, ensemble=False
    ),
    "calibrated bagging": lambda inner: CalibratedClassifierCV(
        BaggingClassifier(inner, n_estimators=2, random_state=0), cv=2
    ),
    "stacked": lambda inner: StackingClassifier(
        [("a", inner), ("b", LogisticRegression())],
        cv=2,
        stack_method="decision_function",
    ),
}


@pytest.mark.parametrize("make", WITH_DECISIONS.values(), ids=WITH_DECISIONS)
def test_decisions_of_a_pipeline(make):
    for inner in (scaled(classifier()), scaled(scaled(classifier()))):
        assert_classes_agree(fit_quietly(make(inner), X, WORDS))


def test_decisions_of_a_pipeline_with_two_classes():
    estimator = CalibratedClassifierCV(scaled(classifier()), cv=2)
    assert_classes_agree(fit_quietly(estimator, X, TARGETS["bools"]))


def test_decisions_of_a_search_are_refused():
    search = GridSearchCV(classifier(), {"alpha": [1e-4, 1.0]}, cv=2)
    of_pipeline = GridSearchCV(scaled(classifier()), {}, cv=2)
    for inner in (search, of_pipeline):
        for make in (WITH_DECISIONS["calibrated"], WITH_DECISIONS["stacked"]):
            estimator = fit_quietly(make(inner), X, WORDS)
            with pytest.raises(NotImplementedError, match=r"best_estimator_"):
                converted(estimator)
    in_search = GridSearchCV(CalibratedClassifierCV(scaled(classifier()), cv=2), {})
    assert_classes_agree(fit_quietly(in_search, X, WORDS))
    in_voting = VotingClassifier(
        [("a", search)], voting="soft", flatten_transform=False
    )
    assert_classes_agree(fit_quietly(in_voting, X, WORDS))


def test_decisions_of_a_pipeline_that_ends_in_an_ensemble_are_refused():
    bagging = BaggingClassifier(classifier(), n_estimators=2, random_state=0)
    estimator = CalibratedClassifierCV(scaled(bagging), cv=2)
    with pytest.raises(NotImplementedError, match="ends in BaggingClassifier"):
        converted(fit_quietly(estimator, X, WORDS))
    without_decisions = CalibratedClassifierCV(classifier(), cv=2)
    estimator = CalibratedClassifierCV(scaled(without_decisions), cv=2)
    assert_classes_agree(fit_quietly(estimator, X, WORDS))


def test_std_leaves_no_nodes():
    estimator = fit_quietly(regressor(loss="gaussian_nll"), X, POSITIVE[:, 0])
    model = skl2onnx.to_onnx(estimator, X[:1].astype("float32"))
    assert "Sqrt" not in [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("words", [["a\0", "b\0"], ["yes", "no"]])
def test_words_keep_their_characters(words):
    y = np.array(words, object)[np.arange(40) % 2]
    estimator = fit_quietly(classifier(), X, y)
    assert {*converted(estimator)["label"]} <= {*words}


@each_dtype
@pytest.mark.parametrize(
    "make",
    [
        lambda: VotingRegressor([("a", scaled(regressor())), ("b", Ridge())]),
        lambda: StackingRegressor(
            [("a", regressor()), ("b", Ridge())], final_estimator=regressor(), cv=2
        ),
    ],
    ids=["voting", "stacking"],
)
def test_ensembles_of_regressors(make, dtype):
    rows = StandardScaler().fit_transform(X)
    assert_predictions_agree(fit_quietly(make(), rows, POSITIVE[:, 0]), dtype)


@pytest.mark.parametrize("opset", [13, 17, 20])
def test_opsets(opset):
    estimator = fit_quietly(scaled(classifier()), X, WORDS)
    found = converted(estimator, target_opset=opset)
    assert_close(found["probabilities"], estimator.predict_proba(X), "float32")


def test_integers_as_input():
    rows = X.astype(int)
    estimator = fit_quietly(classifier(), rows, WORDS)
    model = skl2onnx.to_onnx(
        estimator,
        initial_types=[("X", Int64TensorType([None, 4]))],
        options={"zipmap": False},
    )
    found = run(model, rows)
    assert_close(found["probabilities"], estimator.predict_proba(rows), "float32")


def test_several_networks_and_no_rows():
    estimator = scaled(VotingRegressor([(name, regressor()) for name in "abc"]))
    fit_quietly(estimator, X, POSITIVE[:, 0])
    assert_predictions_agree(estimator)
    model = skl2onnx.to_onnx(
        estimator, initial_types=[("X", DoubleTensorType([None, 4]))]
    )
    assert run(model, X[:0])["variable"].shape == (0, 1)
    names = [node.name for node in model.graph.node]
    assert len({*names}) == len(names)
    assert "hidden_1_Gemm" in names


class Capped(Activation):
    def forward(self, z, out):
        np.minimum(z, 1.0, out=out)

    def backward(self, z, a, grad):
        grad *= z < 1.0

    def to_onnx(self, op, z):
        return op.Clip(z, None, 1.0)


def test_optional_inputs_are_refused():
    estimator = scaled(MLPRegressor((3,), Capped(), max_iter=1, random_state=0))
    fit_quietly(estimator, X, POSITIVE[:, 0])
    with pytest.raises(NotImplementedError, match=r"hidden_1/Clip.*None"):
        converted(estimator)


class Cube(Activation):
    def forward(self, z, out):
        out[...] = z**3

    def backward(self, z, a, grad):
        grad *= 3 * z**2


def test_refused():
    y = np.column_stack([WORDS, WORDS])
    estimator = fit_quietly(scaled(classifier()), X, y)
    for zipmap in (False, True):
        with pytest.raises(ValueError, match=r"several outputs.*sk_mlp\.onnx\.to_onnx"):
            converted(estimator, zipmap=zipmap)
    large = np.array([3, 2**64 - 1], np.uint64)[np.arange(40) % 2]
    estimator = fit_quietly(scaled(classifier()), X, large)
    with pytest.raises(ValueError, match="int64"):
        converted(estimator)
    estimator = scaled(MLPRegressor((3,), Cube(), max_iter=1))
    fit_quietly(estimator, X, POSITIVE)
    with pytest.raises(NotImplementedError, match=r"Define Cube\.to_onnx"):
        converted(estimator)
