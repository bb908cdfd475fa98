"""Validation during training, weights of classes and rows, clipping, and metadata."""

import numpy as np
import pytest
import sklearn
from _helpers import (
    SOLVERS,
    X,
    Y,
    assert_refused,
    assert_same_network,
    both,
    make,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    get_scorer,
    log_loss,
    mean_squared_error,
    r2_score,
)
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)
RNG = np.random.RandomState(7)
X_VAL = RNG.standard_normal((30, 4))
Y_VAL = {
    MLPClassifier: np.digitize(X_VAL[:, 0] + X_VAL[:, 1], [-0.7, 0.7]),
    MLPRegressor: X_VAL[:, 0] - 0.5 * X_VAL[:, 1] ** 2,
}
W, W_VAL = RNG.uniform(0.1, 3.0, 60), RNG.uniform(0.1, 3.0, 30)
ADAM_OR_LBFGS = pytest.mark.parametrize("solver", ["adam", "lbfgs"])


def validation(cls, **more):
    return {"X_val": X_VAL, "y_val": Y_VAL[cls], **more}


def half_squared_error(y, estimator, w=None):
    return 0.5 * mean_squared_error(y, estimator.predict(X_VAL), sample_weight=w)


def class_log_loss(y, estimator, w=None):
    return log_loss(y, estimator.predict_proba(X_VAL), sample_weight=w)


LOSS = {MLPClassifier: class_log_loss, MLPRegressor: half_squared_error}
SCORE = {MLPClassifier: accuracy_score, MLPRegressor: r2_score}


# A validation set of one's own --------------------------------------------------------


@both
@ADAM_OR_LBFGS
@pytest.mark.parametrize("w", [None, W_VAL, np.r_[np.zeros(29), 1.0]], ids=str)
def test_val_loss_and_val_score_of_every_epoch(cls, solver, w):
    """They are those of the model that training would have given up to there."""
    if w is not None and not w[0] and cls is MLPRegressor:
        w = np.r_[np.zeros(28), 1.0, 1.0]  # R² needs two rows
    given = validation(cls, sample_weight_val=w)
    estimator = make(cls, solver=solver, batch_size=16 if solver == "adam" else "auto")
    estimator.fit(X, Y[cls], **given)
    assert estimator.n_iter_ == 5
    for k in range(5):
        shorter = clone(estimator).set_params(max_iter=k + 1).fit(X, Y[cls])
        loss = LOSS[cls](Y_VAL[cls], shorter, w)
        score = SCORE[cls](Y_VAL[cls], shorter.predict(X_VAL), sample_weight=w)
        assert_allclose(estimator.history_["val_loss"][k], loss, rtol=1e-10)
        assert_allclose(estimator.history_["val_score"][k], score, rtol=1e-10)
    # Without early stopping it is only watched.
    assert_same_network(estimator, shorter)
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)


@pytest.mark.parametrize("class_weight", [{0: 3.0, 2: 0.5}, "balanced"])
def test_weights_of_classes_count_in_the_validation(class_weight):
    cls, y, y_val = MLPClassifier, Y[MLPClassifier], Y_VAL[MLPClassifier]
    estimator = make(cls, class_weight=class_weight, max_iter=1)
    estimator.fit(X, y, **validation(cls, sample_weight_val=W_VAL))
    if class_weight == "balanced":  # that of the rows trained on
        class_weight = dict(enumerate(60 / (3 * np.bincount(y))))
    w = W_VAL * [class_weight.get(label, 1.0) for label in y_val]
    expected = class_log_loss(y_val, estimator, w)
    assert_allclose(estimator.history_["val_loss"], [expected])
    expected = accuracy_score(y_val, estimator.predict(X_VAL), sample_weight=w)
    assert_allclose(estimator.history_["val_score"], [expected])


@both
@ADAM_OR_LBFGS
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_all_rows_are_trained_on_beside_a_validation_set(cls, solver, convert):
    parameters = {"solver": solver, "max_iter": 3}
    estimator = make(cls, early_stopping=True, **parameters)
    estimator.fit(X, Y[cls], X_val=convert(X_VAL), y_val=Y_VAL[cls])
    assert estimator.t_ == 3 * 60
    k = 1 + int(np.argmax(estimator.validation_scores_))
    assert_same_network(
        estimator, make(cls, solver=solver, max_iter=k).fit(X, Y[cls]), rtol=1e-12
    )


IN_SET = "In the validation set: "
WRONG_SETS = {
    "no y_val": ({"X_val": X_VAL}, "X_val was given without y_val. Pass both"),
    "no X_val": ({"y_val": W_VAL}, "y_val was given without X_val. Pass both"),
    "only weights": ({"sample_weight_val": W_VAL}, "without X_val and y_val. Pass all"),
    "features": ({"X_val": X_VAL[:, :3]}, f"{IN_SET}X has 3 features, but"),
    "no rows": ({"X_val": X_VAL[:0], "y_val": []}, f"{IN_SET}Found array with 0"),
    "NaN": ({"X_val": np.nan * X_VAL}, f"{IN_SET}Input X contains NaN"),
    "lengths": ({"X_val": X_VAL[:9]}, rf"{IN_SET}.* of samples: \[9, 30\]"),
    "columns": ({"y_val": np.ones((30, 2), int)}, f"{IN_SET}y has 2 output"),
    "weights": ({"sample_weight_val": -W_VAL}, f"{IN_SET}Negative values"),
    "zero weights": ({"sample_weight_val": 0 * W_VAL}, f"{IN_SET}.* all zero"),
    "many weights": ({"sample_weight_val": W}, rf"{IN_SET}.*\(60,\), expected \(30,\)"),
}


@both
@pytest.mark.parametrize("wrong", WRONG_SETS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_wrong_validation_sets_change_nothing(cls, wrong, early_stopping):
    given, match = WRONG_SETS[wrong]
    if wrong in ("no y_val", "no X_val", "only weights"):
        keywords = given
    else:
        keywords = validation(cls, **given)
    estimator = make(cls, early_stopping=early_stopping)
    call = lambda e: e.fit(X, Y[cls], **keywords)  # noqa: E731
    assert_refused(estimator, call, match)
    assert_refused(estimator.fit(X, Y[cls]), call, match, X=X)


def test_unseen_labels_in_a_validation_set():
    y_val = np.r_[9, Y_VAL[MLPClassifier][1:]]
    call = lambda e: e.fit(X, Y[MLPClassifier], X_val=X_VAL, y_val=y_val)  # noqa: E731
    match = "In the validation set: `y` has classes not in `self.classes_`"
    assert_refused(make(MLPClassifier), call, match)


# The metric of early stopping ---------------------------------------------------------


def share_of_last_class(estimator, X, y):
    return float(np.mean(estimator.predict(X) == 2))


def negative_error(estimator, X, y, sample_weight=None):
    error = np.abs(estimator.predict(X) - y)
    return -np.average(error, weights=sample_weight)


SCORINGS = [
    *((MLPClassifier, s) for s in (None, "loss", "neg_log_loss", "balanced_accuracy")),
    *((MLPClassifier, s) for s in ("roc_auc_ovr", share_of_last_class)),
    *((MLPRegressor, s) for s in (None, "loss", "r2", "neg_mean_absolute_error")),
    (MLPRegressor, negative_error),
]


@pytest.mark.parametrize("cls, scoring", SCORINGS)
@ADAM_OR_LBFGS
@pytest.mark.parametrize("held_out", ["rows", "set"])
def test_the_epoch_with_the_best_score_is_restored(cls, scoring, solver, held_out):
    given = validation(cls) if held_out == "set" else {}
    parameters = {"solver": solver, "early_stopping": True, "scoring": scoring}
    if solver == "adam":  # a rate at which the score goes up and down
        parameters |= {"learning_rate_init": 0.3, "batch_size": 10}
    estimator = make(cls, max_iter=12, **parameters).fit(X, Y[cls], **given)
    scores = estimator.history_["val_score"]
    best = int(np.argmax(scores))  # the first of the best
    shorter = make(cls, max_iter=best + 1, **parameters).fit(X, Y[cls], **given)
    assert_same_network(estimator, shorter)
    assert estimator.best_validation_score_ == scores[best]
    assert estimator.stop_reason_ in ("max_iter", "converged")
    if scoring == "loss":
        assert_allclose(scores, -np.array(estimator.history_["val_loss"]))
    elif held_out == "set":
        scorer = estimator.score if scoring is None else (
            lambda *data: get_scorer(scoring)(estimator, *data)
        )  # fmt: skip
        assert_allclose(scores[best], scorer(X_VAL, Y_VAL[cls]))


def test_the_best_epoch_is_not_always_the_last():
    """Else the test above would show little."""
    estimator = make(MLPClassifier, max_iter=12, early_stopping=True,
                     learning_rate_init=0.3, batch_size=10)  # fmt: skip
    estimator.fit(X, Y[MLPClassifier], **validation(MLPClassifier))
    assert np.argmax(estimator.validation_scores_) < 11


@both
@ADAM_OR_LBFGS
def test_weights_of_held_out_rows_reach_the_metric(cls, solver):
    seen = []

    def scorer(estimator, X, y, sample_weight):
        seen.append((X, y, sample_weight))
        return estimator.score(X, y, sample_weight)

    parameters = {"solver": solver, "early_stopping": True, "max_iter": 2}
    make(cls, scoring=scorer, **parameters).fit(X, Y[cls], W)
    for rows, y, w in seen:
        places = [np.flatnonzero((X == row).all(axis=1))[0] for row in rows]
        assert len(places) == 6
        assert_array_equal(y, Y[cls][places])
        assert_array_equal(w, W[places])
    estimator = make(cls, scoring=scorer, **parameters).fit(X, Y[cls], W)
    by_default = make(cls, **parameters).fit(X, Y[cls], W)
    assert_allclose(estimator.validation_scores_, by_default.validation_scores_)
    unweighted = make(cls, **parameters).fit(X, Y[cls])
    assert estimator.validation_scores_ != unweighted.validation_scores_


@ADAM_OR_LBFGS
def test_patience_ends_training(solver):
    """The default score of a classifier stays the same for long."""
    y = Y[MLPClassifier]
    estimator = make(MLPClassifier, solver=solver, early_stopping=True, max_iter=200,
                     n_iter_no_change=4, tol=1e-12)  # fmt: skip
    estimator.fit(X, y, **validation(MLPClassifier))
    scores = np.array(estimator.validation_scores_)
    assert estimator.stop_reason_ == "converged" and len(scores) < 200
    assert scores[-5:].max() <= scores[:-5].max() + 1e-12


# Weights of classes -------------------------------------------------------------------

KINDS = {
    "binary": (Y[MLPClassifier] > 0).astype(int),
    "multiclass": Y[MLPClassifier],
    "words": np.array(["a", "b", "c"])[Y[MLPClassifier]],
    "multilabel": (X[:, :3] > 0.3).astype(int),
    "sparse": sparse.csr_matrix((X[:, :3] > 0.3).astype(int)),
    "multioutput": np.column_stack([Y[MLPClassifier], (X[:, 2] > 0.5) + 5]),
}
PER_LABEL = [{0: 1.0, 1: 4.0}, None, {1: 0.25}]
CLASS_WEIGHTS = [
    ("binary", {1: 3.0}),
    ("binary", "balanced"),
    ("binary", ["balanced"]),
    ("multiclass", {0: 2.0, 1: 0.0, 2: 0.5}),
    ("multiclass", "balanced"),
    ("words", {"a": 5, "c": 0.1}),
    ("words", "balanced"),
    ("multilabel", {1: 2.5}),
    ("multilabel", "balanced"),
    ("multilabel", PER_LABEL),
    ("sparse", [*PER_LABEL[:2], "balanced"]),
    ("multioutput", [{0: 3.0}, {6: 0.5}]),
    ("multioutput", "balanced"),
    ("multioutput", ["balanced", None]),
]


def weights_by_hand(y, class_weight, w):
    """Return sample weights times the weights of the classes, column by column."""
    y = y.toarray() if sparse.issparse(y) else y
    columns = y.reshape(60, -1).T
    if not isinstance(class_weight, list):
        class_weight = [class_weight] * len(columns)
    product = w.copy()
    for column, weight in zip(columns, class_weight, strict=True):
        labels = np.unique(column)
        if weight == "balanced":
            weight = {k: w.sum() / len(labels) / w[column == k].sum() for k in labels}
        product *= [(weight or {}).get(label, 1.0) for label in column]
    return product


@pytest.mark.parametrize("kind, class_weight", CLASS_WEIGHTS, ids=str)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weight_is_sample_weight(kind, class_weight, solver, weighted):
    parameters = {"solver": solver, "max_iter": 3}
    if solver != "lbfgs":
        parameters["batch_size"] = 16
    y, w = KINDS[kind], W if weighted else None
    estimator = make(MLPClassifier, class_weight=class_weight, **parameters)
    estimator.fit(X, y, w)
    by_hand = weights_by_hand(y, class_weight, np.ones(60) if w is None else w)
    expected = make(MLPClassifier, **parameters).fit(X, y, by_hand)
    assert_same_network(estimator, expected, rtol=1e-12, atol=1e-15)
    assert_allclose(estimator.loss_, expected.loss_, rtol=1e-12)
    plain = make(MLPClassifier, **parameters).fit(X, y, w)
    assert np.abs(estimator._network.theta - plain._network.theta).max() > 1e-4


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "multioutput"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_balanced_weights_of_repeated_rows(kind, solver):
    counts = np.arange(60) % 3 + 1
    parameters = {"solver": solver, "class_weight": "balanced", "activation": "tanh"}
    batch = {"batch_size": 120} if solver == "adam" else {}
    y = KINDS[kind]
    repeated = make(MLPClassifier, **parameters, **batch)
    repeated.fit(X.repeat(counts, axis=0), y.repeat(counts, axis=0))
    weighted = make(MLPClassifier, **parameters).fit(X, y, counts)
    assert_same_network(weighted, repeated, rtol=1e-10, atol=1e-13)


def test_a_class_of_weight_zero_is_not_learned():
    y = Y[MLPClassifier]
    estimator = make(MLPClassifier, class_weight={1: 0}, max_iter=200).fit(X, y)
    assert 1 not in estimator.predict(X)
    assert estimator.predict_proba(X).shape == (60, 3)
    estimator = make(MLPClassifier, class_weight={0: 0, 1: 0, 2: 0})
    assert_refused(estimator, lambda e: e.fit(X, y), "class_weight=.* above 0")


def test_class_weight_in_blocks():
    y = Y[MLPClassifier]
    weights = {0: 2.0, 2: 0.5}
    parameters = {"batch_size": 60, "shuffle": False}
    estimator = make(MLPClassifier, class_weight=weights, **parameters)
    expected = make(MLPClassifier, **parameters)
    by_hand = weights_by_hand(y, weights, np.ones(60))
    for _ in range(3):
        estimator.partial_fit(X, y, classes=[0, 1, 2])
        expected.partial_fit(X, y, by_hand, classes=[0, 1, 2])
    assert_same_network(estimator, expected, rtol=1e-12)
    match = "class_weight='balanced' is not supported by partial_fit"
    for balanced in ("balanced", ["balanced"]):
        estimator.set_params(class_weight=balanced)
        assert_refused(estimator, lambda e: e.partial_fit(X, y), match, X=X)


# Weights of rows ----------------------------------------------------------------------


@both
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_weight_two_is_the_row_twice(cls, solver, normalization):
    counts = np.arange(60) % 3
    parameters = {
        "solver": solver,
        "normalization": normalization,
        "activation": "tanh",
    }
    batch = {} if solver == "lbfgs" else {"batch_size": int(counts.sum())}
    y = Y[cls]
    repeated = make(cls, **parameters, **batch)
    repeated.fit(X.repeat(counts, axis=0), y.repeat(counts, axis=0))
    weighted = make(cls, **parameters).fit(X, y, counts)
    assert_same_network(weighted, repeated, rtol=1e-10, atol=1e-12)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_score_with_weights(kind):
    y = KINDS[kind]
    estimator = make(MLPClassifier, max_iter=30).fit(X, y)
    y = y.toarray() if sparse.issparse(y) else y
    predicted = estimator.predict(X)
    predicted = predicted.toarray() if sparse.issparse(predicted) else predicted
    right = (predicted == y).reshape(60, -1).all(axis=1)
    assert_allclose(estimator.score(X, KINDS[kind], W), np.average(right, weights=W))
    assert 0 < right.mean() < 1 or kind == "binary"


def test_score_of_a_regressor_with_weights():
    y = Y[MLPRegressor]
    estimator = make(max_iter=30).fit(X, y)
    expected = r2_score(y, estimator.predict(X), sample_weight=W)
    assert_allclose(estimator.score(X, y, W), expected)


# The norm of the gradient -------------------------------------------------------------


@both
@pytest.mark.parametrize("share", [0.01, 0.5, 2.0])
def test_a_clipped_step(cls, share):
    rate = 0.1
    parameters = {"solver": "sgd", "momentum": 0.0, "max_iter": 1}

    def theta(**more):
        estimator = make(cls, **{"learning_rate_init": rate, **parameters, **more})
        estimator.fit(X, Y[cls])
        return estimator._network.theta, estimator.history_["grad_norm"][0]

    start, norm = theta(learning_rate_init=1e-300)
    free, norm_of_free = theta()
    gradient = (start - free) / rate
    assert_allclose([norm, norm_of_free], np.linalg.norm(gradient), rtol=1e-10)
    limit = share * norm
    clipped, norm_before = theta(max_grad_norm=limit)
    expected = start - rate * gradient * min(1.0, limit / norm)
    assert_allclose(clipped, expected, rtol=1e-10, atol=1e-12)
    assert norm_before == norm_of_free  # as it was before it was clipped


# Metadata -----------------------------------------------------------------------------


@both
def test_weights_reach_the_fits_of_a_search(cls):
    y, folds = Y[cls], KFold(2)
    grid = {"alpha": [0.01, 10.0]}
    with config_context(enable_metadata_routing=True):
        estimator = make(cls).set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        search = GridSearchCV(estimator, grid, cv=folds).fit(X, y, sample_weight=W)
        plain = GridSearchCV(clone(estimator).set_fit_request(sample_weight=False),
                             grid, cv=folds).fit(X, y, sample_weight=W)  # fmt: skip
    for k, alpha in enumerate(grid["alpha"]):
        scores = []
        for train, test in folds.split(X):
            model = make(cls, alpha=alpha).fit(X[train], y[train], W[train])
            scores.append(model.score(X[test], y[test], W[test]))
        assert_allclose(search.cv_results_["mean_test_score"][k], np.mean(scores))
    best = make(cls, **search.best_params_)
    assert_same_network(search.best_estimator_, clone(best).fit(X, y, W))
    best = make(cls, **plain.best_params_)
    assert_same_network(plain.best_estimator_, best.fit(X, y))


@both
def test_weights_reach_the_fit_of_a_pipeline(cls):
    expected = make(cls).fit(StandardScaler().fit_transform(X), Y[cls], W)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        estimator = make(cls).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, estimator).fit(X, Y[cls], sample_weight=W)
    assert_same_network(pipeline[-1], expected)


@both
@ADAM_OR_LBFGS
def test_a_pipeline_transforms_the_validation_set(cls, solver):
    shift, y_val = np.array([100.0, -3.0, 0.0, 7.0]), Y_VAL[cls]
    x, x_val = 50 * X + shift, 50 * X_VAL + shift
    estimator = make(cls, solver=solver, early_stopping=True, max_iter=12)
    scaler = StandardScaler().fit(x)
    expected = clone(estimator).fit(
        scaler.transform(x), Y[cls], X_val=scaler.transform(x_val), y_val=y_val,
        sample_weight_val=W_VAL,
    )  # fmt: skip
    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
        steps = [("scale", StandardScaler()), ("mlp", estimator)]
        pipeline = Pipeline(steps, transform_input=["X_val"])
        pipeline.fit(x, Y[cls], X_val=x_val, y_val=y_val, sample_weight_val=W_VAL)
    assert_same_network(pipeline["mlp"], expected)
    assert pipeline["mlp"].validation_scores_ == expected.validation_scores_


# Calibration --------------------------------------------------------------------------

VERSION = tuple(map(int, sklearn.__version__.split(".")[:2]))
# scikit-learn 1.8 has brought temperature scaling.
METHODS = ["sigmoid", "isotonic", *["temperature"] * (VERSION >= (1, 8))]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_calibrated_probabilities(method, n_classes):
    """An overfitted classifier is too sure of itself, until it is calibrated."""
    rng = np.random.RandomState(0)
    x = rng.standard_normal((400, 3))
    noisy = x[:, 0] + rng.standard_normal(400)
    y = np.digitize(noisy, [0.0] if n_classes == 2 else [-0.7, 0.7])
    train, test = slice(0, 200), slice(200, None)
    estimator = MLPClassifier((30,), solver="lbfgs", alpha=0.0, max_iter=100,
                              random_state=0)  # fmt: skip
    plain = clone(estimator).fit(x[train], y[train])
    calibrated = CalibratedClassifierCV(estimator, method=method, cv=3, ensemble=False)
    calibrated.fit(x[train], y[train])
    p = calibrated.predict_proba(x[test])
    assert_allclose(p.sum(axis=1), 1.0)
    assert log_loss(y[test], p) < 0.8 * log_loss(y[test], plain.predict_proba(x[test]))
    if method == "temperature":
        # It works on the logits: all of them are divided by one number.
        (inner,) = calibrated.calibrated_classifiers_
        z = inner.estimator.decision_function(x[test])
        beta = inner.calibrators[0].beta_
        z = np.column_stack([-z, z]) if z.ndim == 1 else z
        assert_allclose(p, softmax(beta * z, axis=1), rtol=1e-6)
        assert 0 < beta < 0.9


def test_balanced_accuracy_gains_by_class_weight():
    rng = np.random.RandomState(1)
    x = rng.standard_normal((1000, 2))
    y = (x[:, 0] + rng.standard_normal(1000) > 2.2).astype(int)
    assert 0.03 < y.mean() < 0.15
    train, test = slice(0, 700), slice(700, None)
    scores = []
    for class_weight in (None, "balanced"):
        model = make(MLPClassifier, class_weight=class_weight, max_iter=40)
        predicted = model.fit(x[train], y[train]).predict(x[test])
        scores.append(balanced_accuracy_score(y[test], predicted))
    assert scores[1] > scores[0] + 0.1
