"""The space of a random search: what is in it, and that all of it can be fitted."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from _helpers import X, Y, both, make
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, optimizers
from sk_mlp._search_space import HiddenLayerSizes, search_space
from sk_mlp.activations import LeakyReLU

STOCHASTIC = {
    *("activation", "alpha", "batch_size", "hidden_layer_sizes"),
    "learning_rate_init",
}
LBFGS = {"activation", "alpha", "hidden_layer_sizes"}
# More than 32 rows in each half.
LONG_X, LONG_Y = np.tile(X, (2, 1)), {cls: np.tile(y, 2) for cls, y in Y.items()}


def few_epochs(estimator, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*args)


# Depth and width --------------------------------------------------------------------


def test_one_draw_is_a_tuple_of_plain_ints():
    drawn = HiddenLayerSizes().rvs(random_state=0)
    assert isinstance(drawn, tuple) and all(type(n) is int for n in drawn)
    assert len(set(drawn)) == 1


def test_draws_fill_the_limits():
    drawn = HiddenLayerSizes(depth=(2, 4), width=(5, 8)).rvs(500, random_state=0)
    assert {len(sizes) for sizes in drawn} == {2, 3, 4}
    assert {sizes[0] for sizes in drawn} == {5, 6, 7, 8}
    assert HiddenLayerSizes((1, 1), (10, 10)).rvs(random_state=0) == (10,)


def test_width_is_log_uniform_and_depth_uniform():
    drawn = HiddenLayerSizes((1, 3), (10, 999)).rvs(3000, random_state=0)
    assert np.mean([sizes[0] < 100 for sizes in drawn]) == pytest.approx(0.5, abs=0.03)
    depths = np.bincount([len(sizes) for sizes in drawn])[1:] / 3000
    np.testing.assert_allclose(depths, 1 / 3, atol=0.03)


def test_random_state():
    sizes = HiddenLayerSizes()
    assert sizes.rvs(5, random_state=3) == sizes.rvs(5, random_state=3)
    rng = np.random.RandomState(3)
    assert sizes.rvs(5, random_state=rng) == sizes.rvs(5, random_state=3)
    assert sizes.rvs(5, random_state=rng) != sizes.rvs(5, random_state=3)
    assert len(sizes.rvs(5)) == 5 and sizes.rvs(0) == []


def test_copies_are_equal_and_readable():
    sizes = HiddenLayerSizes(width=(8, 64))
    copies = copy.deepcopy(sizes), pickle.loads(pickle.dumps(sizes))
    assert copies == (sizes, sizes)
    assert repr(sizes) == "HiddenLayerSizes(depth=(1, 3), width=(8, 64))"
    assert sizes != HiddenLayerSizes()


@pytest.mark.parametrize("name", ["depth", "width"])
@pytest.mark.parametrize("value", [3, (3, 2), (0, 2), (1.0, 2), (1, 2, 3), "12"])
def test_limits_that_are_none(name, value):
    with pytest.raises(
        ValueError, match=rf"{name} must be two integers .*Got .*{value}"
    ):
        HiddenLayerSizes(**{name: value})


# What is in it ----------------------------------------------------------------------


@both
def test_by_solver(cls):
    for solver in [*optimizers.names(), optimizers.SGD()]:
        assert search_space(cls(solver=solver)).keys() == STOCHASTIC
    assert search_space(cls(solver="lbfgs")).keys() == LBFGS


def test_rates_of_sgd_and_adagrad_are_ten_times_as_high():
    def limits(solver):
        return search_space(MLPRegressor(solver=solver))["learning_rate_init"].support()

    assert limits("sgd") == limits(optimizers.Adagrad())
    np.testing.assert_allclose(limits("sgd"), np.multiply(10, limits("adam")))


@both
def test_what_is_set_is_left_as_it_is(cls):
    assert search_space(cls(activation="tanh")).keys() == STOCHASTIC - {"activation"}
    assert "activation" not in search_space(cls(activation=LeakyReLU()))
    sizes = np.array([5, 5])
    assert "hidden_layer_sizes" not in search_space(cls(hidden_layer_sizes=sizes))
    assert "alpha" not in search_space(cls(alpha=0.0))
    assert search_space(cls(random_state=0, max_iter=5)).keys() == STOCHASTIC


@both
def test_a_linear_model_has_no_activation(cls):
    expected = STOCHASTIC - {"activation", "hidden_layer_sizes"}
    assert search_space(cls(())).keys() == expected


@both
@pytest.mark.parametrize(
    "parameter", [{"activation": ["tanh", "relu"]}, {"dropout": (0.1, 0.2)}]
)
def test_a_list_with_an_entry_for_each_layer_fixes_the_depth(cls, parameter):
    space = search_space(cls(**parameter))
    assert space["hidden_layer_sizes"].depth == (2, 2)


@both
def test_what_is_wrong_is_for_fit_to_say(cls):
    assert search_space(cls(solver="nope")).keys() == STOCHASTIC
    assert search_space(cls(dropout=()))["hidden_layer_sizes"].depth == (1, 3)


@both
def test_where_all_is_set_nothing_is_searched(cls):
    drawn = {"alpha": 0.1, "learning_rate_init": 0.1, "batch_size": 8}
    assert search_space(cls((5,), "tanh", **drawn)) == {}


def test_limits_may_be_lists():
    sizes = HiddenLayerSizes([1, 2], [8, 9])
    assert sizes == HiddenLayerSizes((1, 2), (8, 9))
    assert hash(sizes) == hash(HiddenLayerSizes((1, 2), (8, 9)))


def test_a_subclass_with_fewer_parameters():
    class Small(MLPRegressor):
        def __init__(self, alpha=0.1, learning_rate_init=0.01):
            super().__init__(alpha=alpha, learning_rate_init=learning_rate_init)

    assert search_space(Small()).keys() == {"alpha", "learning_rate_init"}


def prefixed(prefix, names=STOCHASTIC):
    return {f"{prefix}__{name}" for name in names}


def test_names_of_what_contains_it():
    pipeline = make_pipeline(StandardScaler(), MLPRegressor())
    for estimator, prefix in [
        (pipeline, "mlpregressor"),
        (TransformedTargetRegressor(pipeline), "regressor__mlpregressor"),
        (CalibratedClassifierCV(MLPClassifier()), "estimator"),
        (BaggingClassifier(MLPClassifier()), "estimator"),
        (GridSearchCV(pipeline, {}), "estimator__mlpregressor"),
    ]:
        space = search_space(estimator)
        assert space.keys() == prefixed(prefix)
        assert space.keys() <= estimator.get_params().keys()


def test_every_mlp_is_searched():
    voting = VotingClassifier(
        [("a", MLPClassifier(solver="lbfgs")), ("b", MLPClassifier())]
    )
    assert search_space(voting).keys() == prefixed("a", LBFGS) | prefixed("b")


@pytest.mark.parametrize(
    "estimator, got",
    [
        (LogisticRegression(), "LogisticRegression"),
        (make_pipeline(StandardScaler(), SklearnClassifier()), "Pipeline"),
        (BaggingClassifier(), "BaggingClassifier"),
        (
            MLPClassifier,
            r"the class MLPClassifier; pass an instance, MLPClassifier\(\)",
        ),
        ("adam", "str"),
        (None, "NoneType"),
    ],
)
def test_without_an_mlp(estimator, got):
    with pytest.raises(TypeError, match=rf"contains one.* Got {got}\.$"):
        search_space(estimator)


# All of it can be fitted ------------------------------------------------------------


@both
@pytest.mark.parametrize("solver", ["lbfgs", *optimizers.names()])
def test_whatever_is_drawn_can_be_fitted(cls, solver):
    """Without a warning, of parameters without effect in particular."""
    estimator = cls(solver=solver, max_iter=2, random_state=0)
    for params in ParameterSampler(search_space(estimator), 40, random_state=0):
        few_epochs(clone(estimator).set_params(**params), X, Y[cls])


@both
@pytest.mark.parametrize(
    "settings",
    [
        {"early_stopping": True, "scoring": "loss"},
        {"learning_rate": "one_cycle"},
        {"learning_rate": "adaptive", "solver": "sgd"},
        {"activation": ["relu", "tanh"], "dropout": [0.1, 0.2]},
        {"hidden_layer_sizes": ()},
        {"normalization": "batch", "dropout": 0.3, "weight_decay": 0.01},
        {"l1_ratio": 0.5, "max_grad_norm": 1.0, "dtype": "float32"},
    ],
    ids=lambda settings: ", ".join(settings),
)
def test_beside_other_settings(cls, settings):
    estimator = cls(max_iter=2, random_state=0, **settings)
    for params in ParameterSampler(search_space(estimator), 10, random_state=0):
        few_epochs(clone(estimator).set_params(**params), X, Y[cls])


# In searches ------------------------------------------------------------------------


@pytest.fixture
def search():
    pipeline = make_pipeline(
        StandardScaler(), MLPClassifier(max_iter=3, random_state=0)
    )
    space = search_space(pipeline)
    return RandomizedSearchCV(pipeline, space, n_iter=4, cv=2, random_state=0)


def test_a_random_search_is_the_same_in_processes(search):
    data = LONG_X, LONG_Y[MLPClassifier]
    one = few_epochs(clone(search), *data)
    two = few_epochs(clone(search).set_params(n_jobs=2), *data)
    assert one.best_params_ == two.best_params_
    for found in (one, two):
        assert found.best_params_.keys() == prefixed("mlpclassifier")
    scores = [found.cv_results_["mean_test_score"] for found in (one, two)]
    np.testing.assert_array_equal(*scores)
    assert clone(search).param_distributions.keys() == search.param_distributions.keys()
    pickle.loads(pickle.dumps(one))


def test_a_search_around_a_transformed_target():
    regressor = make(MLPRegressor, learning_rate_init=0.001)
    estimator = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    space = search_space(estimator)
    assert "regressor__hidden_layer_sizes" not in space  # which `make` sets
    search = RandomizedSearchCV(estimator, space, n_iter=3, cv=KFold(2), random_state=0)
    few_epochs(search, LONG_X, LONG_Y[MLPRegressor])
    assert (
        search.best_estimator_.regressor_.alpha
        == search.best_params_["regressor__alpha"]
    )
