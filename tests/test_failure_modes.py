"""Known failure modes of multilayer perceptrons, and what happens here instead.

Those that other tests are about: weights within minibatches, negative weights and
divergence with early stopping as scikit-learn has them (test_parity_differences); a
batch of zero weight (there and test_regressor); one class, mixed labels, unseen classes
in a first block, multilabel blocks, a class with one member (test_classifier); labels
of any kind (test_properties); best epochs restored (test_trainer, test_monitor); warm
starts and resuming (test_warm_start, test_resume); refits beside a prediction
(test_threads); which Ctrl-C is final (test_interrupts); subnormal numbers
(test_optimizers).
"""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from _helpers import (
    X,
    Y,
    assert_refused,
    assert_same_network,
    both,
    make,
    snapshot,
)
from _training import assert_same_training
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, _fitting
from sk_mlp._network import Network
from sk_mlp.activations import Tanh
from sk_mlp.schedules import Schedule

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)
FIRST_ORDER = pytest.mark.parametrize("solver", ["adam", "sgd", "adamw"])
SOLVERS = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
FLOAT32 = X.astype(np.float32)


def warnings_of(call):
    """Return what a call returns, and its warnings but for few epochs."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    caught = [w for w in caught if w.category.__name__ != "ConvergenceWarning"]
    return result, caught


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


# Divergence ---------------------------------------------------------------------------

STEEP = {"activation": "exp", "hidden_layer_sizes": (5, 5)}
CAUSES = {
    "scale of X": ({"hidden_layer_sizes": (5, 5)}, X * 1e200, Y[MLPRegressor],
                   r"\|X\| up to 2.55e\+200; try .*StandardScaler"),
    "scale of sparse X": ({}, sparse.csr_matrix(X * 1e200), Y[MLPRegressor],
                          r"\|X\| up to 2.55e\+200; try .*StandardScaler"),
    "scale of y": ({}, X, Y[MLPRegressor] * 1e200,
                   r"\|y\| up to .*e\+200; try .*TransformedTargetRegressor"),
    "float32": ({}, FLOAT32, np.float32(1e38 * Y[MLPRegressor]),
                r"\|y\| up to 3.06e\+38; try .*TransformedTargetRegressor"),
    "activation": (STEEP, X * 30, Y[MLPRegressor],
                   r"faster than linearly \('exp'; try 'relu' or 'tanh'"),
}  # fmt: skip


@SOLVERS
@pytest.mark.parametrize("cause", CAUSES)
def test_divergence_is_one_error_that_names_the_cause(cause, solver):
    parameters, x, y, match = CAUSES[cause]
    estimator = make(solver=solver, max_iter=20, **parameters)
    match = f"Training diverged in (epoch|iteration) .*Likely cause: .*{match}"
    # No warning comes before the error, and nothing is left of the fit.
    assert_refused(estimator, lambda e: e.fit(x, y), match)
    assert vars(estimator) == vars(clone(estimator))
    estimator.set_params(activation="relu").fit(X, Y[MLPRegressor])
    estimator.set_params(**parameters)
    assert_refused(estimator, lambda e: e.fit(x, y), match, X=X)


@both
def test_divergence_by_the_learning_rate(cls):
    parameters = {"solver": "sgd", "learning_rate_init": 1e150}
    match = r"Likely cause: a learning rate that is too high \(learning_rate_init=1e\+1"
    assert_refused(make(cls, **parameters), lambda e: e.fit(X, Y[cls]), match)
    match += r"50; try a tenth\)"  # the norm is limited already
    estimator = make(cls, max_grad_norm=1e140, **parameters)
    assert_refused(estimator, lambda e: e.fit(X, Y[cls]), match)


def spoil_loss(monkeypatch, at):
    """Let the loss be NaN from call number `at` on; return the thetas of the calls."""
    loss_grad, thetas = Network.loss_grad, []

    def spoilt(self, *args):
        loss = loss_grad(self, *args)
        thetas.append(self.theta.copy())
        return np.nan if len(thetas) > at else loss

    monkeypatch.setattr(Network, "loss_grad", spoilt)
    return thetas


@both
@FIRST_ORDER
@pytest.mark.parametrize("at", [0, 7, 13])
def test_training_stops_within_the_epoch(cls, solver, at, monkeypatch):
    """At once: there are ten steps in an epoch."""
    thetas = spoil_loss(monkeypatch, at)
    estimator = make(cls, solver=solver, batch_size=6)
    with pytest.raises(ValueError, match=f"diverged in epoch {1 + at // 10}: .* nan,"):
        estimator.fit(X, Y[cls])
    assert len(thetas) == at + 1


@both
@FIRST_ORDER
def test_early_stopping_restores_the_best_epoch_before(cls, solver, monkeypatch):
    parameters = {"solver": solver, "early_stopping": True, "batch_size": 9}
    expected = make(cls, **parameters, max_iter=3).fit(X, Y[cls])
    spoil_loss(monkeypatch, at=3 * 6 + 2)
    estimator = make(cls, **parameters, max_iter=50)
    _, caught = warnings_of(lambda: estimator.fit(X, Y[cls]))
    assert [w.category for w in caught] == [RuntimeWarning]
    text = str(caught[0].message)
    assert text.startswith("Training diverged in epoch 4: its loss, nan, is not finite")
    assert "learning_rate_init=0.01; try a tenth" in text
    assert text.endswith("The best epoch was restored.")
    assert caught[0].filename == __file__
    assert (estimator.stop_reason_, estimator.n_iter_) == ("diverged", 4)
    monkeypatch.undo()
    assert_same_network(estimator, expected)
    assert estimator.best_validation_score_ == expected.best_validation_score_
    scores = estimator.history_["val_score"]
    assert scores[:3] == expected.history_["val_score"] and np.isnan(scores[3])
    estimator.set_params(warm_start=True, max_iter=2).fit(X, Y[cls])  # and goes on
    assert np.isfinite(estimator.loss_)


@pytest.mark.parametrize("seed", range(5))
def test_lbfgs_does_not_return_the_drawn_weights_in_silence(seed):
    """With X of 1e20, scikit-learn's line search fails at once."""
    x, y = X * 1e20, Y[MLPClassifier]
    estimator = MLPClassifier((5,), solver="lbfgs", random_state=seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.fit(x, y)
        except ValueError as error:
            assert "StandardScaler" in str(error)
            return
    advice = any("StandardScaler" in str(w.message) for w in caught)
    learned = estimator.loss_ < 1e-2 * estimator.loss_curve_[0]
    assert advice or (learned and estimator.score(x, y) > 0.6)


# Ctrl-C -------------------------------------------------------------------------------


class Interrupt(Schedule):
    """Presses Ctrl-C when so many epochs are done, in the middle of the next."""

    epochs: int = 3

    def rate(self, base, progress):
        if progress.epoch == self.epochs and progress.fraction >= 0.5:
            raise KeyboardInterrupt
        return base


class InterruptingTanh(Tanh):
    """Presses Ctrl-C in a certain forward pass; the count is of the class."""

    at: int = 20
    calls = 0

    def forward(self, z, out, slope):
        super().forward(z, out, slope)
        InterruptingTanh.calls += 1
        if InterruptingTanh.calls == self.at:
            raise KeyboardInterrupt


def fit_interrupted(model, y):
    """Fit and return the warnings; a Ctrl-C that comes through would end pytest."""
    try:
        with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
            model.fit(X, y)
    except KeyboardInterrupt:
        pytest.fail("the interrupt was passed on")
    return caught


def interrupted(cls, epochs=3, **parameters):
    schedule = Interrupt(epochs)
    parameters = {"batch_size": 16, "max_iter": 20, **parameters}
    return make(cls, learning_rate=schedule, **parameters)


@both
@FIRST_ORDER
def test_ctrl_c_keeps_what_was_learned(cls, solver):
    estimator = interrupted(cls, solver=solver)
    (caught,) = fit_interrupted(estimator, Y[cls])
    assert caught.category is UserWarning and caught.filename == __file__
    assert (estimator.stop_reason_, estimator.n_iter_) == ("interrupted", 3)
    whole = make(cls, solver=solver, batch_size=16, max_iter=3).fit(X, Y[cls])
    assert estimator.loss_curve_ == whole.loss_curve_
    assert np.isfinite(estimator.predict(X)).all()
    reloaded = through_pickle(estimator)
    assert_same_training(reloaded, estimator, X)
    # What comes next finishes the training.
    reloaded.set_params(learning_rate="constant", tol=0).resume(X, Y[cls])
    assert reloaded.n_iter_ == 20


@both
def test_ctrl_c_with_early_stopping_restores_the_best_epoch(cls):
    estimator = interrupted(cls, epochs=6, early_stopping=True)
    fit_interrupted(estimator, Y[cls])
    best = 1 + int(np.argmax(estimator.history_["val_score"]))
    parameters = {"batch_size": 16, "early_stopping": True, "max_iter": best}
    assert_same_network(estimator, make(cls, **parameters).fit(X, Y[cls]))


@both
def test_ctrl_c_with_lbfgs(cls):
    InterruptingTanh.calls = 0
    estimator = make(cls, solver="lbfgs", max_iter=50, activation=InterruptingTanh())
    fit_interrupted(estimator, Y[cls])
    assert estimator.stop_reason_ == "interrupted" and 5 < estimator.n_iter_ < 20
    whole = make(cls, solver="lbfgs", max_iter=estimator.n_iter_, activation="tanh")
    assert_same_network(estimator, whole.fit(X, Y[cls]))


@both
def test_ctrl_c_in_a_pipeline(cls):
    pipeline = make_pipeline(StandardScaler(), interrupted(cls))
    fit_interrupted(pipeline, Y[cls])
    assert pipeline[-1].stop_reason_ == "interrupted"
    assert pipeline.predict(X).shape == (60,)


def test_ctrl_c_below_a_transformed_target():
    model = TransformedTargetRegressor(interrupted(MLPRegressor), func=np.arcsinh,
                                       inverse_func=np.sinh)  # fmt: skip
    fit_interrupted(model, Y[MLPRegressor])
    assert model.regressor_.stop_reason_ == "interrupted"


@both
@pytest.mark.parametrize("fitted", [False, True])
def test_a_second_ctrl_c_at_once_propagates_and_changes_nothing(cls, fitted):
    fit_interrupted(interrupted(cls), Y[cls])
    estimator, methods, rows = interrupted(cls), ["fit"], None
    if fitted:
        estimator = make(cls).fit(X, Y[cls]).set_params(**estimator.get_params())
        # The interrupt comes in the sixth epoch of all fits, the first of these.
        estimator.set_params(warm_start=True, learning_rate__epochs=5)
        methods, rows = ["fit", "partial_fit", "fit"], X
    before = snapshot(estimator, rows)
    for method in methods:
        with pytest.raises(KeyboardInterrupt):
            getattr(estimator, method)(X, Y[cls])
        assert snapshot(estimator, rows) == before


MANAGED = {
    "grid search": lambda e, y: GridSearchCV(e, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y),
    "grid of pipelines": lambda e, y: GridSearchCV(
        make_pipeline(StandardScaler(), e), {"standardscaler__with_mean": [True]}, cv=2
    ).fit(X, y),
    "cross_val_score": lambda e, y: cross_val_score(e, X, y, cv=2, error_score=0.0),
    "cross_val_predict": lambda e, y: cross_val_predict(e, X, y, cv=2),
    "learning_curve": lambda e, y: learning_curve(e, X, y, cv=2),
}


@both
@pytest.mark.parametrize("manager", MANAGED)
def test_ctrl_c_within_a_search_propagates(cls, manager):
    estimator = interrupted(cls)
    before = snapshot(estimator)
    with pytest.raises(KeyboardInterrupt):
        MANAGED[manager](estimator, Y[cls])
    assert snapshot(estimator) == before


def test_ctrl_c_within_an_ensemble_propagates():
    with pytest.raises(KeyboardInterrupt):
        BaggingClassifier(interrupted(MLPClassifier)).fit(X, Y[MLPClassifier])


# Early stopping -----------------------------------------------------------------------

CODES = Y[MLPClassifier]
LABELS = {
    "words": np.array(["low", "middle", "top"])[CODES],
    "objects": np.array(["low", "middle", "top"], object)[CODES],
    "series": pd.Series(["low", "middle", "top"])[CODES].reset_index(drop=True),
    "list": [["low", "middle", "top"][code] for code in CODES],
    "large": np.array([-(2**62), 0, 2**62])[CODES],
    "bool": CODES > 0,
    "float": CODES.astype(float),
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("scoring", [None, "loss", "balanced_accuracy"])
def test_early_stopping_with_labels_of_any_kind(labels, scoring):
    y = LABELS[labels]
    codes = np.unique(np.asarray(y), return_inverse=True)[1]
    parameters = {"early_stopping": True, "scoring": scoring, "max_iter": 8}
    estimator = make(MLPClassifier, **parameters).fit(X, y)
    expected = make(MLPClassifier, **parameters).fit(X, codes)
    assert_same_network(estimator, expected)
    assert estimator.validation_scores_ == expected.validation_scores_
    assert_array_equal(estimator.predict(X), estimator.classes_[expected.predict(X)])
    assert set(estimator.predict(X).tolist()) <= set(np.asarray(y).tolist())


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("n_rows, fraction", [(9, 0.1), (2, 0.5), (1, 0.5), (20, 0.04)])
def test_too_few_rows_to_hold_out(cls, solver, n_rows, fraction):
    estimator = make(
        cls, solver=solver, early_stopping=True, validation_fraction=fraction
    )
    match = f"The validation set is too small.*{fraction} of {n_rows} rows"
    call = lambda e: e.fit(X[:n_rows], Y[cls][:n_rows])  # noqa: E731
    assert_refused(estimator, call, match)


def test_classes_with_one_member_are_no_reason_to_fail():
    y = np.r_[np.arange(10, 14), np.zeros(56, int)]
    estimator = make(MLPClassifier, early_stopping=True)
    _, caught = warnings_of(lambda: estimator.fit(X, y))
    assert len(caught) == 1 and "cannot be stratified" in str(caught[0].message)
    assert estimator.predict_proba(X).shape == (60, 5)


# What is refused changes nothing ------------------------------------------------------


def holed(array, value):
    array = np.array(array, dtype=float)
    array.ravel()[-1] = value
    return array


NAN_X, NAN_W = "Input X contains NaN", "Input sample_weight contains NaN"
NO_NUMBER = "labels of mixed types|could not convert string to float"
REFUSED = {
    "NaN in X": (lambda y: (holed(X, np.nan), y), NAN_X),
    "infinity in X": (lambda y: (holed(X, -np.inf), y), "Input X contains infinity"),
    "NaN in sparse X": (lambda y: (sparse.csr_matrix(holed(X, np.nan)), y), NAN_X),
    "words in X": (lambda y: (np.full(X.shape, "a", object), y), NO_NUMBER),
    "no rows": (lambda y: (X[:0], y[:0]), r"0 sample\(s\)"),
    "no columns": (lambda y: (X[:, :0], y), r"0 feature\(s\)"),
    "NaN in y": (lambda y: (X, holed(y, np.nan)), "Input y contains NaN"),
    "infinity in y": (lambda y: (X, holed(y, np.inf)), "Input y contains infinity"),
    "too few y": (lambda y: (X, y[:-1]), r"numbers of samples: \[60, 59\]"),
    "no y": (lambda y: (X, None), "requires y to be passed"),
    "words and numbers": (lambda y: (X, np.array(["a", 1] * 30, object)), NO_NUMBER),
    "NaN weight": (lambda y: (X, y, holed(np.ones(60), np.nan)), NAN_W),
    "negative weight": (lambda y: (X, y, holed(np.ones(60), -1.0)), "minimum of -1"),
    "no weight": (lambda y: (X, y, np.zeros(60)), "weights are all zero"),
    "too few weights": (lambda y: (X, y, np.ones(59)), r"shape == \(59,\), expected"),
}


@both
@pytest.mark.parametrize("reason", REFUSED)
def test_refused_data_change_nothing(cls, reason):
    """Neither a new estimator, nor a fitted one, nor one that is fitted in blocks."""
    make_data, match = REFUSED[reason]
    data = make_data(Y[cls])
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    assert_refused(make(cls), lambda e: e.fit(*data), match)
    assert_refused(make(cls), lambda e: e.partial_fit(*data, **first), match)
    for solver in ("adam", "lbfgs"):
        fitted = make(cls, solver=solver).fit(X, Y[cls])
        assert_refused(fitted, lambda e: e.fit(*data), match, X=X)
    blocks = make(cls).partial_fit(X, Y[cls], **first)
    if reason in ("NaN in y", "infinity in y") and cls is MLPClassifier:
        match += "|classes not in"
    assert_refused(blocks, lambda e: e.partial_fit(*data), match, X=X)
    alone = make(cls).partial_fit(X, Y[cls], **first).partial_fit(X, Y[cls])
    assert_same_training(blocks.partial_fit(X, Y[cls]), alone, X)


@both
def test_other_features_in_a_later_block_change_nothing(cls):
    estimator = make(cls).fit(X, Y[cls])
    for data in (X[:, :3], np.hstack([X, X])):
        call = lambda e: e.partial_fit(data, Y[cls])  # noqa: B023, E731
        assert_refused(estimator, call, "features, but MLP.* is expecting 4", X=X)
    estimator.fit(X[:, :3], Y[cls])  # a new fit may
    assert estimator.n_features_in_ == 3


@both
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_a_last_batch_of_one_row(cls, normalization):
    parameters = {"batch_size": 59, "normalization": normalization, "max_iter": 30}
    estimator = make(cls, **parameters).fit(X, Y[cls])
    assert np.isfinite(estimator.loss_curve_).all()
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


# Far outside --------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponential_outputs_far_outside_are_finite(loss, dtype):
    y = np.exp(X[:, 0]).astype(dtype)
    estimator = make(loss=loss, activation="relu", max_iter=50).fit(X.astype(dtype), y)
    for scale in (1e3, 1e6, 1e12):
        far = (X * scale).astype(dtype)
        predicted = estimator.predict(far)
        assert predicted.dtype == dtype and np.isfinite(predicted).all()
        assert (predicted >= 0).all() and predicted.max() == np.finfo(dtype).max


# Going on -----------------------------------------------------------------------------


@both
def test_history_is_bounded_in_endless_blocks(cls, monkeypatch):
    monkeypatch.setattr(_fitting, "HISTORY_LIMIT", 10)
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    estimator, sizes = make(cls).partial_fit(X, Y[cls], **first), []
    for _ in range(24):
        estimator.partial_fit(X[:20], Y[cls][:20])
        sizes.append(len(pickle.dumps(estimator)))
    assert {key: len(values) for key, values in estimator.history_.items()} == (
        dict.fromkeys(estimator.history_, 10)
    )
    assert estimator.history_["epoch"] == list(range(16, 26))
    assert estimator.loss_curve_ is estimator.history_["loss"]
    assert (estimator.n_iter_, estimator.t_) == (25, 60 + 24 * 20)
    assert max(sizes[9:]) - min(sizes[9:]) < 20
    # A fit has its own bound, max_iter, and keeps all of its epochs.
    assert len(estimator.set_params(max_iter=15).fit(X, Y[cls]).loss_curve_) == 15


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_best_score_is_judged_anew_on_other_validation_rows(cls, solver):
    y = Y[cls]
    estimator = make(
        cls, solver=solver, early_stopping=True, warm_start=True, max_iter=30
    )
    estimator.fit(X, y, X_val=X[:20], y_val=y[:20])
    before = estimator.best_validation_score_
    wrong = {"X_val": X[:20], "y_val": y[20:40]}  # on which no one scores well
    start = estimator.score(wrong["X_val"], wrong["y_val"])
    estimator.set_params(max_iter=3).fit(X, y, **wrong)
    best = max(start, *estimator.validation_scores_[-3:])
    assert_allclose(estimator.best_validation_score_, best)
    assert estimator.best_validation_score_ < before
    assert_allclose(estimator.score(wrong["X_val"], wrong["y_val"]), best)


class RememberRows:
    """A scorer that notes the first feature of the rows it is given."""

    def __init__(self, seen):
        self.seen = seen

    def __call__(self, estimator, X, y):
        self.seen.update(X[:, 0].tolist())
        return estimator.score(X, y)


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("seed", [0, None, np.random.RandomState])
@pytest.mark.parametrize("between", [lambda e: e, through_pickle])
def test_no_fit_trains_on_validation_rows(cls, solver, seed, between, monkeypatch):
    """However often training goes on, and whatever draws the rows held out."""
    numbered = X.copy()
    numbered[:, 0] = np.arange(60)
    trained_on, validated_on = set(), set()
    loss_grad = Network.loss_grad

    def watched(self, x, *args):
        trained_on.update(x[:, 0].tolist())
        return loss_grad(self, x, *args)

    monkeypatch.setattr(Network, "loss_grad", watched)
    estimator = make(
        cls,
        solver=solver,
        early_stopping=True,
        warm_start=True,
        max_iter=3,
        random_state=seed(0) if seed is np.random.RandomState else seed,
    )
    for _ in range(4):
        estimator.scoring = RememberRows(validated_on)
        estimator.fit(numbered, Y[cls])
        estimator.scoring = None  # is not pickled
        estimator = between(estimator)
    assert len(validated_on) == 6 and len(trained_on) == 54
    assert not trained_on & validated_on
