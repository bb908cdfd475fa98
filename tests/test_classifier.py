"""The classifier: every kind of target, label and input; what it refuses."""

import copy
import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from _helpers import assert_refused, assert_same_network, fit_quietly
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import DataConversionWarning, NotFittedError

from sk_mlp import MLPClassifier, losses, optimizers
from sk_mlp.activations import Logistic, Softmax, Tanh
from sk_mlp.losses import Focal, LogLoss

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 4))
BINARY = (X[:, 0] > 0).astype(int)
MULTICLASS = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
MULTILABEL = (X[:, :3] > 0.2).astype(int)
MULTIOUTPUT = np.column_stack([BINARY + 5, MULTICLASS])
TARGETS = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "multilabel": MULTILABEL,
    "multioutput": MULTIOUTPUT,
}
SOLVERS = ["lbfgs", *optimizers.names()]


def make(**parameters):
    defaults = {
        "hidden_layer_sizes": (5,),
        "max_iter": 5,
        "random_state": 0,
    }
    if parameters.get("solver") != "lbfgs":
        defaults["learning_rate_init"] = 0.01
    return MLPClassifier(**{**defaults, **parameters})


def parts(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


# Kinds of target ---------------------------------------------------------------------


CLASSIFICATION = [n for n in losses.names() if "classification" in losses.get(n).tasks]


@pytest.mark.parametrize(
    "kind, output, loss",
    [
        *product(TARGETS, ["auto"], CLASSIFICATION),
        *product(["binary", "multiclass"], ["softmax"], ["log_loss"]),
        *product(TARGETS, ["logistic"], ["log_loss", "focal"]),
        *product(TARGETS, ["hard_sigmoid"], ["squared_error"]),
        ("multiclass", "softmax", LogLoss(label_smoothing=0.1)),
        ("binary", "auto", Focal(gamma=1.0)),
    ],
    ids=str,
)
def test_every_head(kind, output, loss):
    y = TARGETS[kind]
    estimator = make(output_activation=output, loss=loss, max_iter=30).fit(X, y)
    proba = estimator.predict_proba(X)
    assert isinstance(proba, list) == (kind == "multioutput")
    classes = parts(estimator.classes_)
    for p, c in zip(parts(proba), classes, strict=True):
        assert p.shape == (60, len(c)) and p.dtype == np.float64
        assert ((p >= 0) & (p <= 1)).all()
        if kind != "multilabel":
            assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    with np.errstate(divide="ignore"):
        for log_p, p in zip(
            parts(estimator.predict_log_proba(X)), parts(proba), strict=True
        ):
            finite = p > 0
            assert_allclose(log_p[finite], np.log(p[finite]), rtol=1e-9, atol=1e-12)
    predicted = estimator.predict(X)
    assert predicted.shape == y.shape and predicted.dtype == y.dtype
    if kind == "multilabel":
        assert_array_equal(predicted, proba > 0.5)
        assert estimator.classes_.tolist() == [0, 1, 2]
    else:
        for k, (p, c) in enumerate(zip(parts(proba), classes, strict=True)):
            assert_array_equal(predicted.reshape(60, -1)[:, k], c[p.argmax(axis=1)])
    assert estimator.score(X, y) == (predicted == y).reshape(60, -1).all(axis=1).mean()


def test_default_output_activations_and_widths():
    expected = {
        "binary": ("logistic", 1),
        "multiclass": ("softmax", 3),
        "multilabel": ("logistic", 3),
        "multioutput": ("softmax", 5),
    }
    for kind, y in TARGETS.items():
        estimator = make().fit(X, y)
        found = (estimator.out_activation_, estimator.n_outputs_)
        assert found == expected[kind]
        assert estimator.intercepts_[-1].shape == (estimator.n_outputs_,)
    assert make(output_activation="softmax").fit(X, BINARY).n_outputs_ == 2
    named = make(output_activation=Logistic(slope=2.0)).fit(X, BINARY)
    assert named.out_activation_ == "Logistic(slope=2.0)"


@pytest.mark.parametrize("kind", TARGETS)
def test_they_learn(kind):
    estimator = make(hidden_layer_sizes=(30,), max_iter=200, learning_rate_init=0.03)
    assert estimator.fit(X, TARGETS[kind]).score(X, TARGETS[kind]) > 0.9
    assert estimator.loss_curve_[-1] < 0.3 * estimator.loss_curve_[0]


def test_decision_function():
    binary = make().fit(X, BINARY)
    z = binary.decision_function(X)
    assert z.shape == (60,)
    assert_array_equal(z > 0, binary.predict(X) == 1)
    assert_allclose(binary.predict_proba(X)[:, 1], expit(z), rtol=1e-12)

    two = make(output_activation="softmax").fit(X, BINARY)
    z = two.decision_function(X)
    assert z.shape == (60,)
    assert_array_equal(z > 0, two.predict(X) == 1)
    assert_allclose(two.predict_proba(X)[:, 1], expit(z), rtol=1e-12)

    many = make().fit(X, MULTICLASS)
    z = many.decision_function(X)
    assert z.shape == (60, 3)
    assert_array_equal(z.argmax(axis=1), many.predict(X))
    assert_allclose(many.predict_proba(X), softmax(z, axis=1), rtol=1e-12)

    labels = make().fit(X, MULTILABEL)
    z = labels.decision_function(X)
    assert z.shape == (60, 3)
    assert_array_equal(z > 0, labels.predict(X))

    several = make().fit(X, MULTIOUTPUT)
    z = several.decision_function(X)
    assert [part.shape for part in z] == [(60, 2), (60, 3)]
    for part, p in zip(z, several.predict_proba(X), strict=True):
        assert_allclose(p, softmax(part, axis=1), rtol=1e-12)


def test_elementwise_outputs_are_divided_by_their_sum():
    estimator = make(output_activation="logistic").fit(X, MULTICLASS)
    p = expit(estimator.decision_function(X))
    assert_allclose(
        estimator.predict_proba(X), p / p.sum(axis=1, keepdims=True), rtol=1e-12
    )
    # Where all outputs are 0, every class is as likely as any other.
    estimator = make(output_activation="hard_sigmoid", loss="squared_error")
    estimator.fit(X, MULTICLASS)
    estimator.coefs_[-1][...] = 0.0
    estimator.intercepts_[-1][...] = -100.0
    assert_array_equal(estimator.predict_proba(X), np.full((60, 3), 1 / 3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", TARGETS)
def test_log_probabilities_far_from_the_boundary(kind, dtype):
    estimator = make(dtype=dtype).fit(X, TARGETS[kind])
    estimator.coefs_[-1][...] *= 1e4
    logs = parts(estimator.predict_log_proba(X))
    z = parts(estimator.decision_function(X))
    probabilities = parts(estimator.predict_proba(X))
    for log_p, p, raw in zip(logs, probabilities, z, strict=True):
        assert np.isfinite(log_p).all() and (log_p <= 0).all()
        assert log_p.min() < -1000 and log_p.dtype == p.dtype == np.dtype(dtype)
        assert p.min() == 0.0
        if kind == "binary":
            assert_allclose(log_p[:, 1] - log_p[:, 0], raw, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", CLASSIFICATION)
@pytest.mark.parametrize("output", ["logistic", "softmax"])
@pytest.mark.parametrize("kind", TARGETS)
def test_log_probabilities_far_outside_the_data(kind, output, loss, dtype):
    """Whatever the loss, and where probabilities underflow, one by one or together."""
    estimator = make(output_activation=output, loss=loss, dtype=dtype, max_iter=20)
    estimator.fit(X, TARGETS[kind])
    far = X * 1e4
    exact = parts(estimator.decision_function(far))
    logs = parts(estimator.predict_log_proba(far))
    probabilities = parts(estimator.predict_proba(far))
    predicted = estimator.predict(far).reshape(60, -1)
    for k, (log_p, p) in enumerate(zip(logs, probabilities, strict=True)):
        assert np.isfinite(log_p).all() and (log_p <= 0).all()
        normal = p > np.finfo(dtype).tiny
        assert_allclose(log_p[normal], np.log(p[normal]), rtol=1e-3, atol=1e-6)
        assert (log_p[~normal] < -80).all() and (~normal).any()
        if kind != "multilabel":
            assert_allclose(p.sum(axis=1), 1.0, rtol=1e-5)
            classes = parts(estimator.classes_)[k]
            assert_array_equal(predicted[:, k], classes[p.argmax(axis=1)])
        z = exact[k].astype(float)
        if z.ndim == 2 and kind != "multilabel":
            z = log_softmax(z, axis=1) if output == "softmax" else log_expit(z)
            z -= logsumexp(z, axis=1, keepdims=True)
            assert_allclose(log_p, z, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("output", ["auto", "softmax", "hard_sigmoid"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_one_class(output, solver):
    loss = "squared_error" if output == "hard_sigmoid" else "log_loss"
    estimator = make(output_activation=output, loss=loss, solver=solver)
    estimator.fit(X, ["only"] * 60)
    assert estimator.classes_.tolist() == ["only"]
    assert_array_equal(estimator.predict(X), ["only"] * 60)
    assert_array_equal(estimator.predict_proba(X), np.ones((60, 1)))
    assert_array_equal(estimator.predict_log_proba(X), np.zeros((60, 1)))
    assert estimator.decision_function(X).shape == (60,)
    assert estimator.score(X, ["only"] * 60) == 1.0


def test_one_class_among_several_outputs():
    y = np.column_stack([np.ones(60, int), MULTICLASS])
    estimator = make().fit(X, y)
    one, three = estimator.predict_proba(X)
    assert_array_equal(one, np.ones((60, 1)))
    assert three.shape == (60, 3)
    for column in (np.zeros((60, 2), int), np.ones((60, 2), int)):
        assert make().fit(X, column).predict_proba(X).shape == (60, 2)


def test_score_with_weights():
    w = RNG.uniform(size=60)
    for kind, y in TARGETS.items():
        estimator = make().fit(X, y)
        right = (estimator.predict(X) == y).reshape(60, -1).all(axis=1)
        assert_allclose(estimator.score(X, y, w), np.average(right, weights=w)), kind


def test_score_of_other_shapes_and_wrong_weights():
    estimator = make().fit(X, MULTIOUTPUT)
    for y in (BINARY, MULTIOUTPUT[:5], MULTIOUTPUT[:, :1]):
        with pytest.raises(
            ValueError, match=r"y has the shape .*, but the predictions"
        ):
            estimator.score(X, y)
    for w, match in ((np.ones(9), "expected"), (np.zeros(60), "zero"), (-1.0, "Negat")):
        with pytest.raises(ValueError, match=match):
            estimator.score(X, MULTIOUTPUT, w)


# Labels ------------------------------------------------------------------------------

LABELS = {
    "str": np.array(["no", "yes", "maybe"])[MULTICLASS],
    "object": np.array(["no", "yes", "maybe"], dtype=object)[MULTICLASS],
    "list": ["abc"[k] for k in MULTICLASS],
    "bool": BINARY.astype(bool),
    "large int": 2**62 + MULTICLASS,
    "uint8": MULTICLASS.astype(np.uint8),
    "negative": -MULTICLASS,
    "float": MULTICLASS + 2.0,
    "series": pd.Series(np.array(["no", "yes", "maybe"])[MULTICLASS]),
    "pandas string": pd.Series([*"abc"]).astype("string")[MULTICLASS],
    "categorical": pd.Series(pd.Categorical([["a", "b", "c"][k] for k in MULTICLASS])),
    "pandas int": pd.Series(MULTICLASS, dtype="Int64"),
    "bool frame": pd.DataFrame(MULTILABEL.astype(bool)),
}


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels(label, early_stopping):
    y = LABELS[label]
    estimator = make(early_stopping=early_stopping, validation_fraction=0.2)
    if not early_stopping:
        estimator.set_params(validation_fraction=0.1)
    estimator.fit(X, y)
    predicted = estimator.predict(X)
    if predicted.ndim == 1:
        assert_array_equal(estimator.classes_, np.unique(np.asarray(y)))
        assert set(predicted.tolist()) <= set(np.asarray(y).tolist())
        assert predicted.dtype == estimator.classes_.dtype
    assert 0.0 <= estimator.score(X, y) <= 1.0


def test_labels_do_not_change_what_is_learned():
    reference = make().fit(X, MULTICLASS)
    for y in (LABELS["large int"], LABELS["list"], LABELS["categorical"]):
        assert_same_network(make().fit(X, y), reference)


def test_columns_with_types_of_their_own():
    frame = pd.DataFrame({"a": np.array(["no", "yes"])[BINARY], "b": MULTICLASS})
    estimator = make(max_iter=60).fit(X, frame)
    assert [c.tolist() for c in estimator.classes_] == [["no", "yes"], [0, 1, 2]]
    predicted = estimator.predict(X)
    assert predicted.shape == (60, 2) and set(predicted[:, 0]) == {"no", "yes"}
    assert estimator.score(X, frame) > 0.5
    assert estimator.score(X, frame.to_numpy()) == estimator.score(X, frame)


@pytest.mark.parametrize("make_sparse", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_multilabel(make_sparse):
    dense, y = make().fit(X, MULTILABEL), make_sparse(MULTILABEL)
    estimator = make().fit(X, y)
    assert_same_network(estimator, dense)
    predicted = estimator.predict(X)
    assert sparse.issparse(predicted)
    assert_array_equal(predicted.toarray(), dense.predict(X))
    assert estimator.score(X, y) == dense.score(X, MULTILABEL)
    estimator.partial_fit(X, y)
    assert_same_network(estimator, dense.partial_fit(X, MULTILABEL))


def test_a_column_of_labels_warns_once():
    with pytest.warns(
        DataConversionWarning, match="column-vector y was passed"
    ) as caught:
        estimator = make().fit(X, BINARY[:, np.newaxis])
    assert len([w for w in caught if w.category is DataConversionWarning]) == 1
    assert estimator.predict(X).shape == (60,)
    assert_same_network(estimator, make().fit(X, BINARY))


# Softmax against logistic ------------------------------------------------------------


def test_softmax_of_two_is_the_logistic_of_the_difference():
    """Of a linear model without penalty; the softmax has twice the weights to move."""
    logistic = make(hidden_layer_sizes=(), solver="lbfgs", alpha=0.1, max_iter=500)
    logistic.fit(X, BINARY)
    two = make(hidden_layer_sizes=(), solver="lbfgs", alpha=0.2, max_iter=500)
    two.set_params(output_activation=Softmax()).fit(X, BINARY)
    assert_allclose(two.predict_proba(X), logistic.predict_proba(X), atol=1e-3)


# Sample weights ----------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_weights_are_repeated_rows(solver, shuffle, kind):
    y = TARGETS[kind][:30]
    w = np.random.RandomState(1).randint(0, 4, 30)
    parameters = {"solver": solver, "activation": "tanh", "alpha": 0.1, "l1_ratio": 0.3}
    if solver != "lbfgs":
        parameters |= {"shuffle": shuffle, "batch_size": 30}
    elif not shuffle:
        return
    weighted = make(**parameters).fit(X[:30], y, w)
    if solver != "lbfgs":
        parameters |= {"batch_size": int(w.sum())}
    repeated = make(**parameters).fit(np.repeat(X[:30], w, axis=0), np.repeat(y, w, 0))
    assert weighted.n_iter_ == repeated.n_iter_ == 5
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-10)
    assert_allclose(
        weighted._network.theta, repeated._network.theta, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("solver", optimizers.names())
def test_batches_without_weight_are_harmless(solver):
    w = np.r_[np.zeros(20), np.ones(40)]
    estimator = make(solver=solver, batch_size=20, shuffle=False)
    estimator.fit(X, BINARY, w)
    assert np.isfinite(estimator._network.theta).all()
    assert np.isfinite(estimator.loss_curve_).all()
    assert not np.array_equal(
        estimator._network.theta, make(solver=solver).fit(X, BINARY)._network.theta
    )


def test_weights_in_early_stopping():
    w = np.r_[np.zeros(30), np.ones(30)]
    estimator = make(early_stopping=True, validation_fraction=0.3).fit(X, BINARY, w)
    assert len(estimator.validation_scores_) == estimator.n_iter_


# What is refused ---------------------------------------------------------------------

FITTED = fit_quietly(make(), X, BINARY)
object_labels = np.array([1, "a"] * 30, dtype=object)
WRONG_DATA = {
    "NaN in X": (np.where(X > 2, np.nan, X), BINARY, "Input X contains NaN"),
    "inf in X": (np.where(X > 2, np.inf, X), BINARY, "Input X contains infinity"),
    "no rows": (X[:0], BINARY[:0], "0 sample"),
    "no features": (X[:, :0], BINARY, r"0 feature\(s\)"),
    "1-D X": (X[:, 0], BINARY, "Expected 2D array, got 1D array instead"),
    "3-D X": (X[None], BINARY, "dim 3"),
    "text in X": (np.full((60, 4), "a"), BINARY, "could not convert string to float"),
    "complex X": (X * 1j, BINARY, "Complex data not supported"),
    "X is None": (None, BINARY, "Expected 2D array"),
    "too few labels": (X, BINARY[:9], "inconsistent numbers of samples"),
    "y is None": (X, None, "requires y to be passed"),
    "NaN in y": (X, np.where(BINARY, np.nan, 1.0), "Input y contains NaN"),
    "inf in y": (X, np.where(BINARY, np.inf, 1.0), "Input y contains infinity"),
    "continuous y": (X, X[:, 0], "Unknown label type: continuous"),
    "continuous columns": (X, X[:, :2], "Unknown label type: continuous"),
    "3-D y": (X, np.zeros((60, 2, 2), int), "dim 3"),
    "mixed labels": (X, object_labels, "y holds labels of mixed types"),
    "mixed columns": (X, np.c_[object_labels, object_labels], "labels of mixed types"),
    "sparse NaN": (
        sparse.csr_matrix(np.where(X > 2, np.nan, X)),
        BINARY,
        "contains NaN",
    ),
    "sparse classes": (
        X,
        sparse.csr_matrix(MULTIOUTPUT),
        "must be a multilabel indicat",
    ),
    "sparse column": (X, sparse.csr_matrix(BINARY[:, None]), "must be a multilabel"),
}


@pytest.mark.parametrize("label", WRONG_DATA)
def test_wrong_data(label):
    X_wrong, y_wrong, match = WRONG_DATA[label]
    fit = lambda e: e.fit(X_wrong, y_wrong)  # noqa: E731
    partial_fit = lambda e: e.partial_fit(X_wrong, y_wrong, classes=[0, 1])  # noqa: E731
    assert_refused(make(), fit, match)
    assert_refused(copy.deepcopy(FITTED), fit, match, X=X)
    if not label.startswith("sparse c") and "columns" not in label:
        assert_refused(make(), partial_fit, match)
        assert_refused(copy.deepcopy(FITTED), partial_fit, match, X=X)
    warm = copy.deepcopy(FITTED).set_params(warm_start=True)
    assert_refused(warm, fit, ".", X=X)


def test_a_scalar_target():
    assert_refused(make(), lambda e: e.fit(X, 1), "at least 1 dimension", TypeError)


@pytest.mark.parametrize("make_X", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_too_large_for_float32(make_X):
    wrong = make_X(X * 1e200)
    match = r"Input X contains infinity or a value too large for dtype\('float32'\)"
    estimator = make(dtype="float32")
    assert_refused(estimator, lambda e: e.fit(wrong, BINARY), match)
    estimator.fit(X, BINARY)
    for method in ("predict", "predict_proba", "decision_function"):
        assert_refused(estimator, lambda e, m=method: getattr(e, m)(wrong), match, X=X)
    assert_refused(estimator, lambda e: e.partial_fit(wrong, BINARY), match, X=X)


def test_float64_copes_with_large_values():
    estimator = make().fit(X * 1e200, BINARY)
    assert np.isfinite(estimator.predict_proba(X * 1e200)).all()
    assert np.isfinite(FITTED.predict_proba(X * 1e300)).all()
    assert np.isfinite(FITTED.predict_log_proba(X * 1e300)).all()


def test_divergence_is_one_error():
    match = "not finite.*StandardScaler.*learning_rate_init=1e\\+300"
    estimator = make(solver="sgd", learning_rate_init=1e300, activation="relu")
    assert_refused(estimator, lambda e: e.fit(X * 1e100, BINARY), match)
    estimator = make(solver="lbfgs", activation="relu", hidden_layer_sizes=(5, 5))
    assert_refused(estimator, lambda e: e.fit(X * 1e200, BINARY), "not finite")


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_wrong_data_at_prediction(method):
    with pytest.raises(
        NotFittedError, match="This MLPClassifier instance is not fitted"
    ):
        getattr(make(), method)(X)
    for wrong, match in (
        (X[:, :2], "X has 2 features, but MLPClassifier is expecting 4 features"),
        (X[0], "Expected 2D array, got 1D array"),
        (np.full((1, 4), np.nan), "Input X contains NaN"),
        (X[:0], "0 sample"),
        (sparse.csr_matrix(X[:, :3]), "X has 3 features"),
    ):
        call = lambda e: getattr(e, method)(wrong)  # noqa: B023, E731
        assert_refused(copy.deepcopy(FITTED), call, match, X=X)


@pytest.mark.parametrize(
    "y, classes, match",
    [
        (BINARY, None, "classes must be passed on the first call to partial_fit"),
        (MULTIOUTPUT, None, "classes must be passed on the first call"),
        (BINARY, [0], "`y` has classes not in `self.classes_`"),
        (BINARY, [], "`y` has classes not in `self.classes_`"),
        (BINARY, ["0", "1"], "`y` has classes not in `self.classes_`"),
        (BINARY.astype(str), [0, 1], "`y` has classes not in `self.classes_`"),
        (BINARY, [0, 1, np.nan], "Input classes contains NaN"),
        (BINARY, np.array([0, "a"], object), "classes holds labels of mixed types"),
        (MULTIOUTPUT, [5, 6], "`classes` must be a list with one array for each"),
        (MULTIOUTPUT, [], "`classes` must be a list with one array for each"),
        (MULTIOUTPUT, [[5, 6]], r"2 output column\(s\), but `classes` holds 1 array"),
        (MULTILABEL, [[0, 1]] * 2, r"3 output column\(s\), but `classes` holds 2 arr"),
        (BINARY, [[0, 1], [0, 1, 2]], r"1 output column\(s\), but `classes` holds 2"),
        (MULTIOUTPUT, [[5, 6], [0, 1]], "`y` has classes not in"),
    ],
)
def test_wrong_classes_in_the_first_partial_fit(y, classes, match):
    assert_refused(make(), lambda e: e.partial_fit(X, y, classes=classes), match)


@pytest.mark.parametrize(
    "y, classes, match",
    [
        (BINARY + 1, None, r"`self.classes_` has \[0 1\]. 'y' has \[1 2\]"),
        (BINARY.astype(str), None, "`y` has classes not in `self.classes_`"),
        (BINARY, [0, 1, 2], "is not the same as on last call to partial_fit"),
        (BINARY, [0, 2], "is not the same as on last call to partial_fit"),
        (MULTILABEL, None, r"y has 3 output column\(s\)"),
    ],
)
def test_wrong_classes_later(y, classes, match):
    fitted = copy.deepcopy(FITTED)
    assert_refused(fitted, lambda e: e.partial_fit(X, y, classes=classes), match, X=X)


def test_other_kinds_of_target_later():
    labels = make(warm_start=True).fit(X, MULTILABEL)
    several = make(warm_start=True).fit(X, MULTIOUTPUT)
    for estimator, y, match in (
        (labels, BINARY, "y has 1 output"),
        (labels, MULTILABEL[:, :2], "y has 2 output"),
        (labels, 2 * MULTILABEL, r"of 0 and 1, and now has \[2\]"),
        (several, BINARY, "y has 1 output"),
        (several, MULTIOUTPUT + 1, "classes not in"),
    ):
        for method in ("fit", "partial_fit"):
            call = lambda e: getattr(e, method)(X, y)  # noqa: B023, E731
            assert_refused(estimator, call, match, X=X)


def test_warm_start_needs_the_same_classes_and_columns():
    estimator = make(warm_start=True).fit(X, BINARY)
    for y in (MULTICLASS, BINARY.astype(str), np.zeros(60, int)):
        match = re.escape("Previously got [0 1], `y` has [")
        assert_refused(estimator, lambda e: e.fit(X, y), match, X=X)  # noqa: B023
    estimator.set_params(output_activation="softmax")
    match = r"1 output unit\(s\), but output_activation='softmax'.*Set warm_start=False"
    assert_refused(estimator, lambda e: e.fit(X, BINARY), match, X=X)
    assert_refused(estimator, lambda e: e.partial_fit(X, BINARY), match, X=X)


def test_partial_fit_with_some_classes_missing():
    estimator = make()
    for rows in (MULTICLASS == 0, MULTICLASS < 2, MULTICLASS == 2):
        estimator.partial_fit(X[rows], MULTICLASS[rows], classes=[2, 1, 0])
    assert estimator.classes_.tolist() == [0, 1, 2]
    assert estimator.predict_proba(X).shape == (60, 3)
    several = make().partial_fit(X[:1], MULTIOUTPUT[:1], classes=[[5, 6, 7], [0, 1, 2]])
    several.partial_fit(X, MULTIOUTPUT)
    assert [p.shape for p in several.predict_proba(X)] == [(60, 3), (60, 3)]


@pytest.mark.parametrize(
    "n_rows, parameters",
    [(2, {}), (1, {}), (9, {}), (60, {"validation_fraction": 0.0})],
    ids=str,
)
def test_too_few_rows_to_validate_with(n_rows, parameters):
    estimator = make(early_stopping=True, **parameters)
    match = "The validation set is too small. Increase 'validation_fraction'"
    assert_refused(estimator, lambda e: e.fit(X[:n_rows], MULTICLASS[:n_rows]), match)


def test_a_rare_class_in_early_stopping():
    y = np.r_[2, BINARY[1:]]
    with pytest.warns(UserWarning, match="cannot be stratified.* 1 row") as caught:
        estimator = make(early_stopping=True).fit(X, y)
    assert caught[0].filename == __file__
    assert estimator.predict_proba(X).shape == (60, 3)


def test_the_smallest_data():
    for x, y in ((X[:1], [1]), (X[:, :1], BINARY), (X[:1, :1], ["a"]), (X[:2], [0, 1])):
        for solver in ("adam", "sgd", "lbfgs"):
            estimator = make(solver=solver).fit(x, y)
            assert np.isfinite(estimator.predict_proba(x)).all()
            assert estimator.n_features_in_ == x.shape[1]


def test_constant_features():
    estimator = make(max_iter=20).fit(np.zeros_like(X), BINARY)
    proba = estimator.predict_proba(X * 0)
    assert_allclose(proba, np.broadcast_to(proba[0], proba.shape))
    assert make(activation=Tanh()).fit(np.full((60, 2), 7.0), MULTICLASS).n_iter_ == 5


def test_many_labels():
    x, y = make_multilabel_classification(n_samples=40, n_classes=12, random_state=0)
    assert make().fit(x, y).predict_proba(x).shape == (40, 12)
