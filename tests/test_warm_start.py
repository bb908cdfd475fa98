"""Going on where the last fit ended: warm_start and partial_fit."""

import copy
import pickle

import numpy as np
import pytest
from _helpers import (
    X,
    Y,
    assert_refused,
    assert_same_network,
    both,
    make,
)
from scipy import sparse

from sk_mlp import MLPClassifier, MLPRegressor, optimizers
from sk_mlp._batches import Batches
from sk_mlp.activations import MSAF, LeakyReLU
from sk_mlp.callbacks import TimeLimit
from sk_mlp.losses import Quantile
from sk_mlp.optimizers import Adam

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


@both
@pytest.mark.parametrize("solver", optimizers.names())
@pytest.mark.parametrize("between", [lambda e: e, through_pickle, copy.deepcopy])
def test_warm_start_goes_on(cls, solver, between):
    parameters = {
        "solver": solver,
        "activation": "prelu",
        "batch_size": 16,
        "learning_rate": "invscaling",
        "tol": 0.0,
    }
    whole = make(cls, **parameters, max_iter=8).fit(X, Y[cls])
    half = make(cls, **parameters, max_iter=4, warm_start=True).fit(X, Y[cls])
    assert (half.n_iter_, half.t_) == (4, 240)
    half = between(half).fit(X, Y[cls])
    assert_same_network(half, whole)
    assert half.loss_curve_ == whole.loss_curve_ == half.history_["loss"]
    assert half.history_["epoch"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (half.n_iter_, half.t_, whole.n_iter_, whole.t_) == (4, 480, 8, 480)
    assert half.best_loss_ == whole.best_loss_


@both
@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw"])
@pytest.mark.parametrize("between", [lambda e: e, through_pickle])
def test_partial_fit_goes_on(cls, solver, between):
    y, parameters = Y[cls], {"solver": solver, "batch_size": 16, "activation": "rrelu"}
    whole = make(cls, **parameters, max_iter=3).fit(X, y)
    blocks = make(cls, **parameters)
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    blocks.partial_fit(X, y, **first)
    for _ in range(2):
        blocks = between(blocks).partial_fit(X, y)
    # An epoch shuffles the order of the epoch before; partial_fit sees new rows.
    assert len(blocks.loss_curve_) == 3
    assert (blocks.n_iter_, blocks.t_) == (3, 180) == (whole.n_iter_, whole.t_)
    after_fit = make(cls, **parameters, max_iter=2).fit(X, y).partial_fit(X, y)
    assert (after_fit.n_iter_, after_fit.t_) == (3, 180)
    unshuffled = {**parameters, "shuffle": False, "activation": "tanh"}
    whole = make(cls, **unshuffled, max_iter=3).fit(X, y)
    blocks = make(cls, **unshuffled)
    blocks.partial_fit(X, y, **first)
    for _ in range(2):
        blocks = between(blocks).partial_fit(X, y)
    assert_same_network(blocks, whole)
    assert blocks.loss_curve_ == whole.loss_curve_


def test_warm_start_on_other_rows():
    """The row order of the last fit is for as many rows only."""
    y = Y[MLPRegressor]
    estimator = make(warm_start=True, batch_size=16).fit(X, y)
    assert estimator.fit(X[:40], y[:40]).fit(X, y).t_ == 60 * 5 + 40 * 5 + 60 * 5
    with pytest.warns(UserWarning, match="A new validation set is drawn"):
        estimator.set_params(early_stopping=True).fit(X, y)
    estimator.set_params(early_stopping=False).fit(X[:54], y[:54])
    assert np.isfinite(estimator.predict(X)).all()
    full = make(warm_start=True).fit(X, y)
    assert len(pickle.dumps(full)) < len(pickle.dumps(estimator))  # holds no order


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "changed, n_rows",
    [({"alpha": 9.0}, 60), ({"alpha": 5.0, "l1_ratio": 1.0}, 60),
     ({"loss": "huber"}, 60), ({}, 40), ({}, 60), ({"tol": 1e-3}, 60)],
    ids=str,
)  # fmt: skip
def test_the_best_loss_is_that_of_the_last_objective(solver, changed, n_rows):
    """Which a fit has in common with the one before, or not."""
    y = Y[MLPRegressor] + 3
    estimator = make(solver=solver, warm_start=True, alpha=5.0).fit(X, y)
    estimator.set_params(**changed).fit(X[:n_rows], y[:n_rows])
    same = n_rows == 60 and changed in ({}, {"tol": 1e-3})
    losses = estimator.loss_curve_ if same else estimator.loss_curve_[5:]
    assert estimator.best_loss_ == min(losses)


def test_blocks_of_partial_fit_have_one_objective():
    """The last one of a file may be short; patience does not start anew with it."""
    y = Y[MLPRegressor]
    estimator = make(tol=10.0, n_iter_no_change=3)
    for n_rows in (60, 40, 60, 40, 60):
        estimator.partial_fit(X[:n_rows], y[:n_rows])
    assert estimator.best_loss_ == min(estimator.loss_curve_)
    assert estimator.stop_reason_ == "converged"


def test_early_stopping_after_other_training():
    """A score outlives neither L-BFGS nor training without a validation set."""
    y = Y[MLPRegressor]
    early = {"solver": "adam", "early_stopping": True}
    estimator = make(warm_start=True, learning_rate_init=0.001, **early).fit(X, y)
    for between in (
        {"solver": "lbfgs", "early_stopping": False, "max_iter": 50},
        {"solver": "adam", "early_stopping": False},
    ):
        estimator.set_params(**between).fit(X, -y)  # away from what scored well
        assert estimator.best_loss_ <= estimator.loss_
        assert estimator.validation_scores_ is None
        assert estimator.best_validation_score_ is None
        n_epochs = len(estimator.loss_curve_)
        estimator.set_params(**early, max_iter=3)
        with pytest.warns(UserWarning, match="A new validation set is drawn"):
            estimator.fit(X, y)
        scores = estimator.validation_scores_
        assert len(scores) == len(estimator.loss_curve_) == n_epochs + 3
        assert estimator.best_validation_score_ == max(scores[-3:])
        assert estimator.best_loss_ is None
        estimator.set_params(max_iter=5)


def test_warm_start_with_lbfgs():
    y, parameters = Y[MLPRegressor], {"solver": "lbfgs", "warm_start": True}
    estimator = make(**parameters).fit(X, y)
    loss = estimator.loss_
    estimator.fit(X, y)
    assert estimator.loss_ < loss
    assert len(estimator.loss_curve_) == 10 and estimator.t_ == 600


def test_early_stopping_goes_on_from_the_best_epoch():
    y = Y[MLPRegressor]
    estimator = make(early_stopping=True, warm_start=True).fit(X, y)
    best = estimator.best_validation_score_
    estimator.fit(X, y)
    assert len(estimator.validation_scores_) == 10
    assert estimator.best_validation_score_ >= best


def test_a_generator_goes_on_by_itself():
    """The rows then start in their own order, as in scikit-learn's warm starts."""
    y, rng = Y[MLPRegressor], np.random.RandomState(0)
    whole = make(max_iter=4).fit(X, y)
    half = make(max_iter=2, random_state=rng, warm_start=True).fit(X, y)
    assert_same_network(half.fit(X, y), whole)
    half.set_params(batch_size=16).fit(X, y)
    assert half._rows["order"] is None


@pytest.mark.parametrize("first, then", [("adam", "sgd"), ("sgd", "adam"),
                                         ("lbfgs", "adam"), ("adam", "lbfgs"),
                                         ("nadam", "rmsprop")])  # fmt: skip
def test_the_solver_may_change(first, then):
    y = Y[MLPRegressor]
    estimator = make(solver=first, warm_start=True, learning_rate_init=0.001).fit(X, y)
    theta = estimator._network.theta.copy()
    estimator.set_params(solver=then).fit(X, y)
    assert len(estimator.loss_curve_) == 10
    if then != "lbfgs":  # its state is made anew: as if it went on from given weights
        assert estimator._state.optimizer["t"] == 5
        assert set(estimator._state.optimizer) >= {"t", *optimizers.get(then).slots}
    assert not np.array_equal(estimator._network.theta, theta)


def test_settings_of_the_solver_may_change():
    y = Y[MLPRegressor]
    estimator = make(warm_start=True).fit(X, y)
    assert estimator.fit(X, y)._state.optimizer["t"] == 10
    estimator.set_params(beta_1=0.5).fit(X, y)
    assert estimator._state.optimizer["t"] == 5
    estimator.set_params(alpha=0.1, learning_rate_init=0.1, tol=0.1).fit(X, y)
    assert estimator._state.optimizer["t"] == 10


@both
@pytest.mark.parametrize(
    "changed, match",
    [
        (
            {"hidden_layer_sizes": (6,)},
            r"\(4, 5\).*ask for .*\(4, 6\).*warm_start=False",
        ),
        ({"hidden_layer_sizes": (5, 5)}, r"ask for weights of shapes .*\(5, 5\)"),
        ({"hidden_layer_sizes": ()}, "ask for weights of shapes"),
        ({"activation": "prelu"}, r"and trained activation parameters of .*\(1, 5\)"),
        ({"activation": MSAF((1.0, 2.0), True)}, "and trained activation parameters"),
        ({"dtype": "float32"}, "The fitted network is float64, "),
    ],
    ids=str,
)
def test_what_may_not_change(cls, changed, match):
    estimator = make(cls, warm_start=True).fit(X, Y[cls]).set_params(**changed)
    for method in ("fit", "partial_fit"):
        call = lambda e: getattr(e, method)(X, Y[cls])  # noqa: B023, E731
        assert_refused(estimator, call, match, X=X)
    call = lambda e: e.fit(X[:, :2], Y[cls])  # noqa: E731
    assert_refused(estimator, call, "X has 2 features, but .* 4 features|fitted", X=X)
    estimator.set_params(warm_start=False).fit(X, Y[cls])


@both
def test_other_trained_parameters_of_the_same_shape(cls):
    """A slope is no beta."""
    estimator = make(cls, activation="prelu").fit(X, Y[cls])
    match = r"parameters of LeakyReLU \(1, 5\), but .* of SiLU \(1, 5\)"
    call = lambda e: e.partial_fit(X, Y[cls])  # noqa: E731
    assert_refused(estimator.set_params(activation="swish_beta"), call, match, X=X)
    estimator.set_params(activation=LeakyReLU(0.1, trainable=True))
    estimator.partial_fit(X, Y[cls])


def test_an_activation_may_change_its_curve():
    y = Y[MLPRegressor]
    estimator = make(warm_start=True, activation="tanh").fit(X, y)
    estimator.set_params(activation="relu").fit(X, y)
    assert len(estimator.loss_curve_) == 10


@both
def test_partial_fit_of_lbfgs_and_early_stopping(cls):
    estimator = make(cls, solver="lbfgs")
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as info:
        estimator.partial_fit(X, Y[cls])
    assert "only available for stochastic optimizers" in str(info.value.__cause__)
    kwargs = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    for estimator in (make(cls), make(cls).fit(X, Y[cls])):
        estimator.set_params(early_stopping=True)
        match = "partial_fit does not support early_stopping=True"
        call = lambda e: e.partial_fit(X, Y[cls], **kwargs)  # noqa: E731
        assert_refused(estimator, call, match)


# Held-out rows stay held out ----------------------------------------------------------


def rows_trained_on(estimator, monkeypatch, call):
    """Return the rows of all minibatches that `call` trains on."""
    seen, epoch = set(), Batches.epoch

    def spy(self, rng):
        for x, y, w in epoch(self, rng):
            seen.update(map(tuple, x))
            yield x, y, w

    monkeypatch.setattr(Batches, "epoch", spy)
    call(estimator)
    monkeypatch.undo()
    return seen


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("random_state", [0, None])
def test_no_later_fit_trains_on_what_was_held_out(
    warm_start, random_state, monkeypatch
):
    y = Y[MLPRegressor]
    estimator = make(
        early_stopping=True,
        warm_start=warm_start,
        random_state=random_state,
        max_iter=3,
        batch_size=7,
    )
    first = rows_trained_on(estimator, monkeypatch, lambda e: e.fit(X, y))
    assert len(first) == 54
    later = [lambda e: e.set_params(max_iter=6).resume(X, y)]
    if warm_start:
        later += [lambda e: e.fit(X, y)] * 2
    for call in later:
        assert rows_trained_on(estimator, monkeypatch, call) == first


def test_resume_wants_the_validation_set_that_fit_had():
    y = Y[MLPRegressor]
    estimator = make(early_stopping=True, max_iter=3)
    estimator.set_callbacks(TimeLimit(1e-9)).fit(X, y, X_val=X[:9], y_val=y[:9])
    estimator.set_callbacks()
    with pytest.raises(ValueError, match="resume needs X_val and y_val as well"):
        estimator.resume(X, y)
    assert estimator.n_iter_ == 1
    assert estimator.resume(X, y, X_val=X[:9], y_val=y[:9]).n_iter_ == 3


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_another_normalization_is_another_network(kind):
    y = Y[MLPRegressor]
    estimator = make(warm_start=True).fit(X, y)
    match = r"now ask for weights .*, (Batch|Layer)Norm layers"
    with pytest.raises(ValueError, match=match):
        estimator.set_params(normalization=kind).fit(X, y)


# Other data ---------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csr_matrix])
def test_other_data_of_the_same_size_start_patience_and_best_loss_anew(convert, solver):
    y, data = Y[MLPRegressor], convert(X)
    lasting = {} if solver == "lbfgs" else {"n_iter_no_change": 3}
    estimator = make(warm_start=True, solver=solver, max_iter=80, **lasting)
    best = estimator.fit(data, y).best_loss_
    estimator.fit(data, y)
    assert estimator.best_loss_ <= best
    n_epochs = len(estimator.loss_curve_)
    estimator.fit(data, 5 - y)
    assert estimator.best_loss_ == min(estimator.loss_curve_[n_epochs:]) != best
    assert estimator.n_iter_ > 4


@pytest.mark.parametrize(
    "change",
    [
        lambda X, y, w: (X + 1, y, w),
        lambda X, y, w: (X, -y, w),
        lambda X, y, w: (X, y, None),
        lambda X, y, w: (X, y, w + 1),
    ],
)
def test_resume_wants_the_data_that_fit_had(change):
    y, w = Y[MLPRegressor], np.linspace(0.1, 2, 60)
    estimator = make(max_iter=3).set_callbacks(TimeLimit(1e-9)).fit(X, y, w)
    estimator.set_callbacks()
    assert_refused(
        estimator, lambda e: e.resume(*change(X, y, w)), "needs the data that fit"
    )
    assert estimator.resume(X, y, w).n_iter_ == 3


def test_resume_without_early_stopping_keeps_what_it_learned():
    """The best epoch is no longer what is asked for."""
    y = Y[MLPRegressor]
    estimator = make(early_stopping=True, max_iter=6)
    estimator.set_callbacks(TimeLimit(1e-9)).fit(X, y).set_callbacks()
    theta = estimator._network.theta.copy()
    estimator.set_params(early_stopping=False).resume(X, y)
    assert estimator.n_iter_ == 6
    assert (estimator._network.theta != theta).all()


def test_changed_settings_of_a_solver_start_its_state_anew():
    """Though it is the same object that was changed."""
    y, solver = Y[MLPRegressor], Adam()
    estimator = make(solver=solver, warm_start=True).fit(X, y)
    copied = copy.deepcopy(estimator).set_params(solver=Adam(beta_1=0.5)).fit(X, y)
    estimator.set_params(solver__beta_1=0.5).fit(X, y)
    assert_same_network(estimator, copied)


@pytest.mark.parametrize("make_rng", [lambda: np.random.RandomState(0), lambda: None])
def test_an_unfinished_fit_has_a_generator_of_its_own(make_rng):
    y, rng = Y[MLPRegressor], make_rng()
    estimator = make(random_state=rng, batch_size=7, max_iter=4)
    estimator.set_callbacks(TimeLimit(1e-9)).fit(X, y).set_callbacks()
    copied = copy.deepcopy(estimator)
    copied.resume(X, y)
    (np.random if rng is None else rng).rand(9)
    assert_same_network(estimator.resume(X, y), copied)


def test_resume_to_more_epochs_wants_the_validation_set_too():
    y = Y[MLPRegressor]
    estimator = make(early_stopping=True, max_iter=3).fit(X, y, X_val=X, y_val=y)
    assert estimator.stop_reason_ == "max_iter"
    estimator.set_params(max_iter=6)
    with pytest.raises(ValueError, match="resume needs X_val and y_val as well"):
        estimator.resume(X, y)
    with pytest.raises(ValueError, match="X has 50 rows, but it had 60"):
        estimator.resume(X[:50], y[:50], X_val=X, y_val=y)
    assert estimator.resume(X, y, X_val=X, y_val=y).n_iter_ == 6


def test_losses_of_one_kind_are_told_apart():
    """By what they are: their repr is cut short."""
    y, levels = Y[MLPRegressor], np.linspace(0.01, 0.99, 90)
    other = levels.copy()
    other[60] += 0.001
    estimator = make(loss=Quantile(tuple(levels)), warm_start=True).fit(X, y)
    estimator.set_params(loss=Quantile(tuple(other)), learning_rate_init=1e-9)
    before = estimator.best_loss_
    estimator.fit(X, y)
    assert estimator.best_loss_ == min(estimator.loss_curve_[5:]) != before
