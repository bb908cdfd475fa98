"""One fit: what is accepted in place of components, and what it is judged by."""

import copy

import numpy as np
import pytest
from _helpers import X, Y, assert_refused, make
from sklearn.metrics import r2_score

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.callbacks import TimeLimit
from sk_mlp.schedules import Schedule

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)


# Functions instead of objects ---------------------------------------------------------


def test_a_plain_function_is_a_schedule():
    y = Y[MLPRegressor]
    estimator = make(learning_rate=lambda progress: 0.5**progress.epoch, max_iter=4)
    estimator.fit(X, y)
    assert estimator.history_["learning_rate"] == [0.01, 0.005, 0.0025, 0.00125]


def takes_nothing():
    return 1.0


def returns_text(progress):
    return "fast"


def is_negative(progress):
    return -1.0


def is_no_number(progress):
    return np.nan


@pytest.mark.parametrize(
    "function", [takes_nothing, returns_text, is_negative, is_no_number, np.tanh]
)
def test_a_function_that_is_no_schedule(function):
    match = "The 'learning_rate' parameter .* a function that returns a factor >= 0"
    estimator = make(learning_rate=function)
    assert_refused(estimator, lambda e: e.fit(X, Y[MLPRegressor]), match)


def test_a_rate_in_the_place_of_a_schedule():
    match = r"Got 0.1 instead. Did you mean learning_rate_init=0.1\?"
    estimator = make(learning_rate=0.1)
    assert_refused(estimator, lambda e: e.fit(X, Y[MLPRegressor]), match)


def test_a_metric_in_the_place_of_a_scorer():
    match = "'scoring' parameter of MLPRegressor must .*metric function.*make_scorer"
    estimator = make(early_stopping=True, scoring=r2_score)
    assert_refused(estimator, lambda e: e.fit(X, Y[MLPRegressor]), f"(?s){match}")


def test_a_scorer_without_weights_gets_none():
    y, w = Y[MLPRegressor], np.linspace(0.5, 2, 60)
    estimator = make(early_stopping=True, scoring="neg_max_error").fit(X, y, w)
    assert np.isfinite(estimator.validation_scores_).all()


def test_a_scorer_that_fails_is_named():
    estimator = make(early_stopping=True, scoring=lambda truth, predicted: 1.0)
    with pytest.raises(TypeError) as info:
        estimator.fit(X, Y[MLPRegressor])
    assert "scoring=<function" in info.value.__notes__[0]


def test_a_scorer_may_copy_the_estimator():
    def scorer(estimator, X, y):
        same = copy.deepcopy(estimator).predict(X) == estimator.predict(X)
        return float(same.all())

    y = Y[MLPRegressor]
    estimator = make(scoring=scorer).fit(X, y, X_val=X, y_val=y)
    assert estimator.validation_scores_ == [1.0] * 5


def test_r2_of_one_row_is_refused():
    y = Y[MLPRegressor]
    with pytest.raises(ValueError, match="R² of a validation set needs two rows"):
        make().fit(X, y, X_val=X[:1], y_val=y[:1])
    make(scoring="loss").fit(X, y, X_val=X[:1], y_val=y[:1])


def test_class_weights_that_overflow_are_named():
    labels = (X[:, :3] > 0).astype(int)
    estimator = make(MLPClassifier, class_weight={1: 1e200})
    match = r"class_weight={1: 1e\+200} gives a row at most the weight inf"
    assert_refused(estimator, lambda e: e.fit(X, labels), match)


def test_batch_normalization_of_no_layer_warns_of_that_only():
    with pytest.warns(UserWarning, match="without hidden layers") as record:
        make(hidden_layer_sizes=(), normalization="batch").fit(
            X[:1], Y[MLPRegressor][:1]
        )
    assert not any("batches of one row" in str(w.message) for w in record)


def test_resume_of_what_is_no_data():
    estimator = make(max_iter=3).set_callbacks(TimeLimit(1e-9))
    estimator.fit(X, Y[MLPRegressor]).set_callbacks()
    with pytest.raises(ValueError, match="Expected 2D array"):
        estimator.resume(3.0, Y[MLPRegressor])


def test_a_schedule_that_can_be_called_is_still_a_schedule():
    class Both(Schedule):
        def __call__(self):
            raise AssertionError("no function of progress")

        def rate(self, base, progress):
            return 0.5 * base

    estimator = make(learning_rate=Both(), max_iter=2).fit(X, Y[MLPRegressor])
    assert estimator.history_["learning_rate"] == [0.005, 0.005]
