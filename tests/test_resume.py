"""Going on is the same as never having stopped, to the bit."""

import copy
import pickle
import warnings
from itertools import product

import numpy as np
import pytest
from _helpers import X, Y, assert_refused, both, make
from _training import assert_same_training, in_new_process, training_of
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.callbacks import _Callback

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)

SOLVERS = ("adam", "sgd", "adamw")
SPARSE = sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0))
DATA = {"dense": X, "sparse": SPARSE}
NOISY = {"dropout": 0.3, "normalization": "batch", "batch_size": 16}
VARIANTS = {
    "plain": {},
    "noisy": NOISY,
    "early stopping": {**NOISY, "early_stopping": True, "validation_fraction": 0.2},
    "cosine": {**NOISY, "learning_rate": "cosine", "max_grad_norm": 1.0},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1},
    "averaged": {"early_stopping": True, "scoring": "loss", "activation": "rrelu"},
}
N_EPOCHS = 6


class Stop(_Callback):
    """Ends training at the end of the `epoch`-th epoch of a fit."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_fit_task_end(self, estimator, context):
        return context.task_id + 1 == self.epoch


class Interrupt(Stop):
    """Presses Ctrl-C instead."""

    def on_fit_task_end(self, estimator, context):
        if super().on_fit_task_end(estimator, context):
            raise KeyboardInterrupt


class Snapshots(_Callback):
    """Keeps the estimator after every epoch, by pickle or by copy."""

    def __init__(self, take=pickle.dumps):
        self.take = take
        self.taken = []

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.taken.append(self.take(estimator))


def make_one(cls=MLPClassifier, variant="noisy", **parameters):
    defaults = {"max_iter": N_EPOCHS, "tol": 0.0, **VARIANTS[variant]}
    return make(cls, **{**defaults, **parameters})


# Stopped by a callback ----------------------------------------------------------------


@both
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_are_resumed_to_the_same_bits(cls, solver, early_stopping):
    """Their mean must not round differently in another order of the rows."""
    y = Y[cls]
    for seed in range(3):
        w = np.random.RandomState(seed).uniform(0.1, 3.0, len(X))
        balanced = {"class_weight": "balanced"} if cls is MLPClassifier else {}
        parameters = {
            **{"solver": solver, "early_stopping": early_stopping, **balanced},
            "random_state": seed,
        }
        whole = make_one(cls, **parameters).fit(X, y, w)
        stopped = make_one(cls, **parameters).set_callbacks(Stop(3)).fit(X, y, w)
        assert_same_training(stopped.set_callbacks().resume(X, y, w), whole, X)


@both
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_stopped_fit_is_resumed_to_the_same_bits(cls, solver, data, variant):
    X, y = DATA[data], Y[cls]
    whole = make_one(cls, variant, solver=solver).fit(X, y)
    for epoch in (1, 4):
        stopped = make_one(cls, variant, solver=solver)
        stopped.set_callbacks(Stop(epoch)).fit(X, y)
        assert (stopped.stop_reason_, stopped.n_iter_) == ("callback", epoch)
        assert np.isfinite(stopped.predict(X)).all()
        assert stopped.set_callbacks().resume(X, y) is stopped
        assert_same_training(stopped, whole, X)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_snapshot_is_resumed_to_the_same_bits(variant):
    X, y = SPARSE, Y[MLPClassifier]
    whole = make_one(variant=variant).fit(X, y)
    snapshots = Snapshots()
    watched = make_one(variant=variant).set_callbacks(snapshots).fit(X, y)
    assert_same_training(watched, whole, X)  # watching changes nothing
    assert len(snapshots.taken) == N_EPOCHS
    for n_epochs, data in enumerate(snapshots.taken, start=1):
        model = pickle.loads(data)
        reason = None if n_epochs < N_EPOCHS else "max_iter"
        assert (model.stop_reason_, model.n_iter_) == (reason, n_epochs)
        assert_same_training(model.resume(X, y), whole, X)


@both
@pytest.mark.parametrize("variant", ["plain", "noisy", "early stopping"])
def test_ctrl_c_between_two_epochs_is_resumed_to_the_same_bits(cls, variant):
    y = Y[cls]
    whole = make_one(cls, variant).fit(X, y)
    model = make_one(cls, variant).set_callbacks(Interrupt(3))
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, y)
    assert (model.stop_reason_, model.n_iter_) == ("interrupted", 3)
    assert_same_training(model.set_callbacks().resume(X, y), whole, X)


def test_stopped_after_every_epoch():
    y = Y[MLPClassifier]
    whole = make_one(variant="early stopping").fit(X, y)
    model = make_one(variant="early stopping").set_callbacks(Stop(1)).fit(X, y)
    for n_epochs in range(2, N_EPOCHS):
        model = pickle.loads(pickle.dumps(model)).set_callbacks(Stop(1)).resume(X, y)
        assert (model.n_iter_, len(model.loss_curve_)) == (n_epochs, n_epochs)
    assert_same_training(copy.deepcopy(model).resume(X, y), whole, X)


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy])
def test_snapshots_of_a_resumed_fit_have_its_whole_history(take):
    y = Y[MLPClassifier]
    whole = make_one().fit(X, y)
    snapshots = Snapshots(take)
    model = make_one().set_callbacks(Stop(2)).fit(X, y)
    model.set_callbacks(snapshots).resume(X, y)
    for n_epochs, taken in enumerate(snapshots.taken, start=3):
        taken = pickle.loads(taken) if take is pickle.dumps else taken
        assert taken.history_["epoch"] == list(range(1, n_epochs + 1))
        assert taken.loss_curve_ == whole.loss_curve_[:n_epochs]
        assert_same_training(taken.set_callbacks().resume(X, y), whole, X)


@pytest.mark.parametrize("variant", ["noisy", "early stopping", "cosine"])
def test_a_second_fit_by_warm_start_is_resumed(variant):
    y = Y[MLPRegressor]
    whole = make_one(MLPRegressor, variant, warm_start=True).fit(X, y).fit(X, y)
    model = make_one(MLPRegressor, variant, warm_start=True).fit(X, y)
    model.set_callbacks(Stop(3)).fit(X, y)
    assert (model.n_iter_, len(model.loss_curve_)) == (3, N_EPOCHS + 3)
    model.set_callbacks().resume(X, y)
    assert_same_training(model, whole, X)
    assert model.n_iter_ == N_EPOCHS


def test_what_is_given_with_the_data_is_given_again():
    y, w = Y[MLPRegressor], np.linspace(0.1, 2.0, len(X))
    given = {"sample_weight": w, "X_val": X[:20], "y_val": y[:20]}
    given["sample_weight_val"] = w[:20]
    parameters = {"early_stopping": True, "scoring": "loss"}
    whole = make_one(MLPRegressor, **parameters).fit(X, y, **given)
    model = make_one(MLPRegressor, **parameters).set_callbacks(Stop(2))
    model.fit(X, y, **given).set_callbacks().resume(X, y, **given)
    assert_same_training(model, whole, X)


def test_a_generator_goes_on_too():
    y = Y[MLPRegressor]
    whole = make_one(MLPRegressor, random_state=np.random.RandomState(3)).fit(X, y)
    model = make_one(MLPRegressor, random_state=np.random.RandomState(3))
    model = pickle.loads(pickle.dumps(model.set_callbacks(Stop(2)).fit(X, y)))
    assert_same_training(model.resume(X, y), whole, X)


# When there is nothing to resume -----------------------------------------------------


@both
def test_a_finished_fit_stays_as_it_is(cls):
    y = Y[cls]
    for parameters in ({}, {"tol": 10.0, "n_iter_no_change": 1}):
        model = make_one(cls, **parameters).fit(X, y)
        before = training_of(model)
        assert model.resume(X, y) is model
        assert training_of(model) == before


def test_more_epochs_may_be_allowed():
    y = Y[MLPRegressor]
    model = make_one(MLPRegressor, max_iter=3).set_callbacks(Stop(2)).fit(X, y)
    model.set_callbacks().set_params(max_iter=N_EPOCHS).resume(X, y)
    assert_same_training(model, make_one(MLPRegressor).fit(X, y), X)


@both
def test_resume_refuses_what_it_cannot_go_on_with(cls):
    y = Y[cls]
    assert_refused(make_one(cls), lambda e: e.resume(X, y), "fit", NotFittedError)
    model = make_one(cls).set_callbacks(Stop(2)).fit(X, y).set_callbacks()
    assert_refused(model, lambda e: e.resume(X[:50], y[:50]), "50 rows.* 60", X=X)
    assert_refused(model, lambda e: e.resume(X[:, :2], y), "2 features", X=X)


# In another process -------------------------------------------------------------------


CASES = {
    f"{way}, {solver}, {data}": (way, solver, data)
    for way, solver, data in product(("fit", "partial_fit"), SOLVERS, DATA)
}
K = 3


def train(model, way, data):
    """Train for max_iter epochs more."""
    X, y = DATA[data], Y[type(model)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if way == "fit":
            return model.fit(X, y)
        for _ in range(model.max_iter):
            model.partial_fit(X, y, classes=[0, 1, 2])
    return model


def train_all(models):
    return {
        name: train(models[name], CASES[name][0], CASES[name][2]) for name in models
    }


def new_model(name):
    way, solver, _ = CASES[name]
    return make_one(solver=solver, max_iter=K, warm_start=way == "fit")


@pytest.fixture(scope="module")
def continued():
    """Every case trained for K epochs here, and for K epochs in another process."""
    halves = train_all({name: new_model(name) for name in CASES})
    return in_new_process(train_all, halves)


@pytest.mark.parametrize("name", CASES)
def test_k_epochs_and_k_in_another_process_are_2k(name, continued):
    way, _, data = CASES[name]
    whole = train(new_model(name).set_params(max_iter=2 * K), way, data)
    model = continued[name]
    assert len(model.history_["epoch"]) == model.history_["epoch"][-1] == 2 * K
    ours, theirs = training_of(model), training_of(whole)
    if way == "fit":  # n_iter_ counts the epochs of the last fit
        assert (ours.pop("n_iter_"), theirs.pop("n_iter_")) == (K, 2 * K)
    assert ours == theirs
    X = DATA[data]
    assert model.predict_proba(X).tobytes() == whole.predict_proba(X).tobytes()
