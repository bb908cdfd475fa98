"""Opening what a user has fitted: pipelines, searches, scikit-learn's own MLPs."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.inspection._reading import read, take_over

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 4))
NUMBERS = X @ [1.0, 2.0, 0.0, -1.0] + 3.0
TARGETS = {
    "binary": (X[:, 0] > 0).astype(int),
    "strings": np.array(list("abc"))[np.digitize(X[:, 0], [-0.5, 0.5])],
    "multilabel": (X[:, :3] > 0.2).astype(int),
    "numbers": NUMBERS,
    "several": np.column_stack([NUMBERS, -NUMBERS]),
}


def classifier(**params):
    return MLPClassifier(**{"max_iter": 5, "random_state": 0, **params})


def regressor(**params):
    return MLPRegressor(**{"max_iter": 5, "random_state": 0, **params})


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("target", TARGETS)
def test_one_of_scikit_learns_is_taken_over(target, solver, activation):
    y = TARGETS[target]
    numeric = target in ("numbers", "several")
    kind = neural_network.MLPRegressor if numeric else neural_network.MLPClassifier
    theirs = kind(
        hidden_layer_sizes=(7, 5),
        activation=activation,
        solver=solver,
        max_iter=5,
        random_state=0,
    )
    ours = take_over(theirs.fit(X, y))
    if numeric:
        assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
    else:
        assert_array_equal(ours.predict(X), theirs.predict(X))
        assert_allclose(
            ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-10, atol=1e-14
        )
    assert ours.history_["loss"] == getattr(theirs, "loss_curve_", [])
    assert_allclose(ours.score(X, y), theirs.score(X, y), rtol=1e-12)
    assert ours.n_iter_ == theirs.n_iter_


def test_what_is_taken_over_is_no_alias():
    theirs = neural_network.MLPClassifier(max_iter=2).fit(X, TARGETS["binary"])
    before = theirs.coefs_[0].copy()
    take_over(theirs).coefs_[0][...] = 0.0
    assert_array_equal(theirs.coefs_[0], before)


def test_early_stopping_of_scikit_learns_brings_its_scores():
    theirs = neural_network.MLPClassifier(early_stopping=True, max_iter=4)
    ours = take_over(theirs.fit(X, TARGETS["binary"]))
    assert ours.history_["val_score"] == theirs.validation_scores_


def test_our_own_is_not_copied_and_not_changed():
    est = classifier().fit(X, TARGETS["binary"])
    before = dict(est.__dict__)
    model, rows, y, w = read(est, X, TARGETS["binary"], np.ones(60))
    assert model._network is est._network
    assert rows is X
    assert w.shape == (60, 1)
    assert_array_equal(y, TARGETS["binary"])
    assert est.__dict__ == before


def test_pipeline_transforms_what_comes_before():
    pipeline = make_pipeline(StandardScaler(), classifier()).fit(
        X * 10, TARGETS["binary"]
    )
    model, rows, *_ = read(pipeline, X * 10)
    assert model._network is pipeline[-1]._network
    assert_allclose(rows, pipeline[:-1].transform(X * 10))


def test_pipeline_of_one_step():
    pipeline = Pipeline([("mlp", classifier())]).fit(X, TARGETS["binary"])
    assert read(pipeline, X)[1] is X


def test_search_gives_its_best_estimator():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), classifier()),
        {"mlpclassifier__alpha": [0.1, 1.0]},
        cv=2,
    ).fit(X, TARGETS["binary"])
    model, *_ = read(search, X, TARGETS["binary"])
    assert model._network is search.best_estimator_[-1]._network


@pytest.mark.parametrize("target", ["numbers", "several"])
def test_transformed_target_is_transformed(target):
    y = TARGETS[target]
    wrapped = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    model, _, read_y, _ = read(wrapped.fit(X, y), X, y)
    assert model._network is wrapped.regressor_._network
    assert read_y.shape == y.shape
    assert_allclose(read_y.mean(axis=0), 0, atol=1e-12)
    assert_allclose(read_y.std(axis=0), 1)


@pytest.mark.parametrize(
    "rows",
    [sparse.csr_matrix(X), sparse.csc_array(X), X.astype(np.float32), X.tolist()],
    ids=["csr", "csc", "float32", "list"],
)
def test_input_as_the_network_wants_it(rows):
    est = classifier().fit(X, TARGETS["binary"])
    found = read(est, rows)[1]
    assert found.dtype == np.float64 or sparse.issparse(found)
    assert_allclose(found.toarray() if sparse.issparse(found) else found, X, rtol=1e-6)


def test_names_of_features_are_checked():
    frame = pd.DataFrame(X, columns=list("abcd"))
    est = classifier().fit(frame, TARGETS["binary"])
    assert read(est, frame)[1].shape == X.shape
    with pytest.raises(ValueError, match="feature names"):
        read(est, frame.rename(columns={"a": "z"}))


@pytest.mark.parametrize(
    "estimator",
    [
        classifier(),
        neural_network.MLPClassifier(),
        make_pipeline(StandardScaler(), classifier()),
        GridSearchCV(classifier(), {"alpha": [1.0]}),
        TransformedTargetRegressor(regressor()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_unfitted(estimator):
    with pytest.raises(NotFittedError):
        read(estimator, X, TARGETS["binary"])


@pytest.mark.parametrize("thing", [DummyClassifier(), "mlp", None, MLPClassifier])
def test_no_mlp(thing):
    with pytest.raises(TypeError, match="Expected a fitted MLPClassifier"):
        read(thing, X)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[:, :3],), "4 features"),
        ((np.where(X > 2, np.nan, X),), "NaN"),
        ((X, TARGETS["binary"][:50]), "inconsistent"),
        ((X, TARGETS["binary"], np.ones(50)), "sample_weight"),
        ((X, TARGETS["binary"] + 5), "classes not in"),
    ],
    ids=["columns", "NaN", "rows", "weights", "labels"],
)
def test_bad_data(arguments, message):
    from sk_mlp.inspection import diagnose

    est = classifier().fit(X, TARGETS["binary"])
    with pytest.raises(ValueError, match=message):
        diagnose(est, *arguments)
