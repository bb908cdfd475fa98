"""What both estimators share: attributes, transactions, copies, threads."""

import copy
import pickle
import re
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from _helpers import (
    SOLVERS,
    TwoShapes,
    X,
    Y,
    assert_refused,
    assert_same_network,
    both,
    make,
    outputs,
    snapshot,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import (
    ConvergenceWarning,
    DataConversionWarning,
    NotFittedError,
)
from sklearn.utils.validation import check_is_fitted

from sk_mlp import (
    InconsistentVersionWarning,
    MLPClassifier,
    MLPRegressor,
    _lbfgs,
    activations,
    optimizers,
)
from sk_mlp._network import Network
from sk_mlp._trainer import HISTORY_KEYS
from sk_mlp.activations import ELU, MSAF, LeakyReLU, SiLU, Softplus

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)


# Fitted attributes -------------------------------------------------------------------


@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_fitted_attributes(cls, solver):
    estimator = make(cls, solver=solver, hidden_layer_sizes=(5, 3)).fit(X, Y[cls])
    k = 3 if cls is MLPClassifier else 1
    assert [w.shape for w in estimator.coefs_] == [(4, 5), (5, 3), (3, k)]
    assert [b.shape for b in estimator.intercepts_] == [(5,), (3,), (k,)]
    assert (estimator.n_layers_, estimator.n_outputs_) == (4, k)
    assert estimator.n_features_in_ == 4
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 5
    assert estimator.t_ == 60 * 5
    assert_allclose(estimator.loss_, estimator.loss_curve_[-1])
    assert estimator.best_loss_ == min(estimator.loss_curve_)
    assert estimator.validation_scores_ is None
    assert estimator.best_validation_score_ is None
    assert estimator.activation_params_ == [{}, {}]
    assert estimator.stop_reason_ == "max_iter"
    assert estimator.__sklearn_is_fitted__()
    check_is_fitted(estimator)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_"):
        assert type(getattr(estimator, name)) is int, name
    for value in (estimator.loss_, estimator.best_loss_, *estimator.loss_curve_):
        assert type(value) is float


@both
def test_early_stopping_attributes(cls):
    estimator = make(cls, early_stopping=True, max_iter=8).fit(X, Y[cls])
    assert len(estimator.validation_scores_) == estimator.n_iter_ == 8
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    assert estimator.best_loss_ is None
    assert np.isfinite(estimator.history_["val_loss"]).all()
    assert estimator.t_ == 54 * 8


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_history(cls, solver, early_stopping):
    if solver == "lbfgs" and early_stopping:
        return
    estimator = make(cls, solver=solver, early_stopping=early_stopping).fit(X, Y[cls])
    assert tuple(estimator.history_) == HISTORY_KEYS
    frame = pd.DataFrame(estimator.history_)
    assert frame.shape == (5, 7)
    assert frame["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert frame["loss"].tolist() == estimator.loss_curve_
    assert frame[["val_loss", "val_score"]].notna().all(axis=None) == early_stopping
    assert frame["learning_rate"].notna().all() == (solver == "adam")
    assert (frame["grad_norm"] > 0).all() and (frame["seconds"] >= 0).all()


def test_learning_rates_in_the_history():
    estimator = make(solver="sgd", learning_rate="invscaling").fit(X, Y[MLPRegressor])
    rates = [0.01 / (60 * k + 1) ** 0.5 for k in range(5)]
    assert_allclose(estimator.history_["learning_rate"], rates)


@both
def test_stop_reasons(cls):
    y = Y[cls]
    assert (
        make(cls, tol=10.0, n_iter_no_change=2, max_iter=50).fit(X, y).stop_reason_
        == "converged"
    )
    assert make(cls, solver="lbfgs", tol=100.0).fit(X, y).stop_reason_ == "converged"
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(5\) reached"):
        assert make(cls).fit(X, y).stop_reason_ == "max_iter"
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 2"):
        assert (
            make(cls, solver="lbfgs", max_iter=2).fit(X, y).stop_reason_ == "max_iter"
        )
    partial = make(cls)
    if cls is MLPClassifier:
        partial.partial_fit(X, y, classes=[0, 1, 2])
    else:
        partial.partial_fit(X, y)
    assert partial.stop_reason_ == "max_iter" and partial.n_iter_ == 1


def test_converged_training_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(tol=10.0, n_iter_no_change=2, max_iter=50).fit(X, Y[MLPRegressor])


def test_interrupt_keeps_what_was_learned(monkeypatch):
    from sk_mlp._batches import Batches

    epoch, calls = Batches.epoch, []

    def interrupted(self, rng):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        yield from epoch(self, rng)

    monkeypatch.setattr(Batches, "epoch", interrupted)
    estimator = make(max_iter=10)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(X, Y[MLPRegressor])
    assert estimator.stop_reason_ == "interrupted" and estimator.n_iter_ == 3
    monkeypatch.undo()
    assert_same_network(estimator, make(max_iter=3).fit(X, Y[MLPRegressor]))


@pytest.mark.parametrize("n_iter", [0, 3])
def test_interrupt_of_lbfgs_keeps_the_last_iteration(n_iter, monkeypatch):
    loss_grad, iterations = Network.loss_grad, []

    def interrupted(self, *args):
        if len(iterations) == n_iter:
            raise KeyboardInterrupt
        return loss_grad(self, *args)

    ends = _lbfgs._Objective.iteration_ends
    monkeypatch.setattr(
        _lbfgs._Objective,
        "iteration_ends",
        lambda *args: (iterations.append(1), ends(*args)),
    )
    monkeypatch.setattr(Network, "loss_grad", interrupted)
    estimator = make(solver="lbfgs", max_iter=10)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(X, Y[MLPRegressor])
    assert (estimator.stop_reason_, estimator.n_iter_) == ("interrupted", n_iter)
    monkeypatch.undo()
    if n_iter:
        whole = make(solver="lbfgs", max_iter=n_iter).fit(X, Y[MLPRegressor])
        assert_same_network(estimator, whole)
        assert estimator.loss_ == whole.loss_ == estimator.loss_curve_[-1]


@both
def test_advice_on_divergence_fits_the_solver(cls):
    data = 1e200 * X, Y[cls]
    parameters = {"hidden_layer_sizes": (5, 5), "activation": "relu"}
    with pytest.raises(ValueError, match="diverged in iteration 1: ") as info:
        make(cls, solver="lbfgs", **parameters).fit(*data)
    assert "learning_rate" not in str(info.value) and "Scaler" in str(info.value)
    advice = r"diverged in epoch \d: .*Scaler.*learning_rate_init=1e\+300; try a tenth"
    with pytest.raises(ValueError, match=advice):
        make(cls, learning_rate_init=1e300, **parameters).fit(*data)


def test_divergence_after_a_good_epoch_restores_it():
    y = Y[MLPRegressor]
    estimator = make(
        early_stopping=True,
        solver="sgd",
        learning_rate_init=30.0,
        max_iter=100,
        activation="identity",
    )
    with pytest.warns(RuntimeWarning, match="The best epoch was restored") as caught:
        estimator.fit(X, y)
    assert caught[-1].filename == __file__
    assert estimator.stop_reason_ == "diverged"
    assert np.isfinite(estimator.predict(X)).all()


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_warnings_point_at_the_line_of_the_user(cls, method, solver, monkeypatch):
    if (method, solver) == ("partial_fit", "lbfgs"):
        return

    def caught_from(y):
        estimator = make(cls, solver=solver)
        first = method == "partial_fit" and cls is MLPClassifier
        more = {"classes": [0, 1, 2]} if first else {}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            getattr(estimator, method)(X, y, **more)
        assert {w.filename for w in caught} == {__file__}
        return [w.category for w in caught]

    not_converged = [ConvergenceWarning] if method == "fit" else []
    column = Y[cls][:, np.newaxis]
    assert caught_from(column) == [DataConversionWarning, *not_converged]

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Network, "loss_grad", interrupted)
    if method == "fit":
        assert caught_from(Y[cls]) == [UserWarning]
    else:  # in a loop over blocks it is the loop that shall end
        with pytest.raises(KeyboardInterrupt):
            caught_from(Y[cls])


def test_verbose(capsys):
    make(verbose=True, max_iter=2).fit(X, Y[MLPRegressor])
    assert re.match(
        r"Iteration 1, loss = [\d.]+\nIteration 2, loss = [\d.]+\n$",
        capsys.readouterr().out,
    )
    make(verbose=1, solver="lbfgs", max_iter=2).fit(X, Y[MLPRegressor])
    assert capsys.readouterr().out.count("Iteration") == 2


# A fit is a transaction --------------------------------------------------------------


@both
def test_a_failed_first_fit_leaves_nothing(cls):
    estimator = make(cls, learning_rate_init=1e300, solver="sgd", activation="identity")
    fit = lambda e: e.fit(X * 1e100, Y[cls])  # noqa: E731
    assert_refused(estimator, fit, "not finite")
    assert vars(estimator) == vars(clone(estimator))
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


@both
def test_an_error_in_training_leaves_the_fitted_model(cls, monkeypatch):
    estimator = make(cls, warm_start=True).fit(X, Y[cls])

    def fail(self, *args):
        estimator.__dict__  # the object in the user's hand  # noqa: B018
        raise MemoryError("no room")

    for method in ("fit", "partial_fit"):
        before = snapshot(estimator, X)
        with monkeypatch.context() as patched:
            patched.setattr(type(estimator), "_remember", fail)
            with pytest.raises(MemoryError):
                getattr(estimator, method)(X, Y[cls])
        assert snapshot(estimator, X) == before


@both
def test_refit_starts_anew(cls):
    estimator = make(cls).fit(X[:, :2], Y[cls])
    estimator.fit(X, Y[cls])
    assert_same_network(estimator, make(cls).fit(X, Y[cls]))
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 5
    estimator.set_params(early_stopping=True).fit(X, Y[cls])
    assert len(estimator.validation_scores_) == 5


@both
def test_a_fit_changes_neither_parameters_nor_data(cls):
    activation, solver = LeakyReLU(0.3, trainable=True), optimizers.Adam(beta_1=0.8)
    estimator = make(cls, activation=activation, solver=solver)
    before = {name: repr(value) for name, value in estimator.get_params().items()}
    x, y, w = X.copy(), Y[cls].copy(), np.ones(60)
    for data in (x, y, w):
        data.flags.writeable = False
    estimator.fit(x, y, w).partial_fit(x, y, w)
    assert {n: repr(v) for n, v in estimator.get_params().items()} == before
    assert estimator.activation is activation and estimator.solver is solver
    # What was fitted does not follow a component that is changed afterwards.
    raw = outputs(estimator)
    activation.negative_slope = 0.9
    assert_array_equal(outputs(estimator), raw)


@both
def test_prediction_writes_nothing(cls):
    estimator = make(cls).fit(X, Y[cls])
    before = snapshot(estimator)
    estimator.predict(X), estimator.score(X, Y[cls])
    assert snapshot(estimator) == before


def test_the_global_generator_is_left_alone():
    np.random.seed(0)
    state = joblib.hash(np.random.get_state())
    make(activation="rrelu", early_stopping=True).fit(X, Y[MLPRegressor])
    assert joblib.hash(np.random.get_state()) == state
    make(random_state=None).fit(X, Y[MLPRegressor])
    assert joblib.hash(np.random.get_state()) != state


@both
def test_random_states(cls):
    y = Y[cls]
    assert_same_network(make(cls).fit(X, y), make(cls).fit(X, y))
    other = make(cls, random_state=1).fit(X, y)
    assert not np.array_equal(other.coefs_[0], make(cls).fit(X, y).coefs_[0])
    rng = np.random.RandomState(0)
    first = make(cls, random_state=rng).fit(X, y)
    assert_same_network(first, make(cls).fit(X, y))
    second = make(cls, random_state=rng).fit(X, y)
    assert not np.array_equal(first.coefs_[0], second.coefs_[0])
    rrelu = [make(cls, activation="rrelu").fit(X, y) for _ in range(2)]
    assert_same_network(*rrelu)
    assert_array_equal(outputs(rrelu[0]), outputs(rrelu[0]))


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


# Views, copies and pickles -----------------------------------------------------------

COPIES = {
    "itself": lambda e, path: e,
    "pickle": lambda e, path: through_pickle(e),
    "deepcopy": lambda e, path: copy.deepcopy(e),
    "copy": lambda e, path: copy.copy(e),
    "joblib": lambda e, path: joblib.load(joblib.dump(e, path / "model")[0]),
    "mmap": lambda e, path: joblib.load(
        joblib.dump(e, path / "model")[0], mmap_mode="r"
    ),
}


@both
@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("activation", ["relu", "prelu", "rrelu", "msaf"])
def test_copies(cls, how, activation, tmp_path):
    estimator = make(cls, activation=activation).fit(X, Y[cls])
    copied = COPIES[how](estimator, tmp_path)
    assert_array_equal(outputs(copied), outputs(estimator))
    assert repr(copied) == repr(estimator)
    assert vars(copied).keys() == vars(estimator).keys()
    for name in ("loss_curve_", "history_", "n_iter_", "t_", "stop_reason_", "loss_"):
        assert repr(getattr(copied, name)) == repr(getattr(estimator, name))
    assert copied.loss_curve_ is copied.history_["loss"]
    if how == "itself":
        return
    before = snapshot(estimator, X)
    copied.partial_fit(X, Y[cls])
    copied.coefs_[0][...] += 1.0
    assert snapshot(estimator, X) == before
    assert len(copied.loss_curve_) == 6
    copied.fit(X, Y[cls])
    assert_same_network(copied, estimator)


@both
@pytest.mark.parametrize("how", COPIES)
def test_weights_are_views(cls, how, tmp_path):
    estimator = make(cls, activation="prelu", hidden_layer_sizes=(5, 3))
    estimator = COPIES[how](estimator.fit(X, Y[cls]), tmp_path)
    for array in (
        *estimator.coefs_,
        *estimator.intercepts_,
        *(params["negative_slope"] for params in estimator.activation_params_),
    ):
        raw = outputs(estimator)
        assert np.shares_memory(array, estimator._network.theta)
        array[...] += 0.5
        assert not np.allclose(outputs(estimator), raw)


@both
def test_early_stopped_copies(cls):
    estimator = make(cls, early_stopping=True, warm_start=True).fit(X, Y[cls])
    copied = through_pickle(estimator)
    assert copied.validation_scores_ is copied.history_["val_score"]
    assert_same_network(copied.fit(X, Y[cls]), estimator.fit(X, Y[cls]))
    assert len(copied.validation_scores_) == 10


@both
def test_clone_and_unfitted_copies(cls):
    estimator = make(cls, activation=[LeakyReLU(0.2)], solver=optimizers.SGD(0.3))
    for copied in (clone(estimator), through_pickle(estimator), copy.copy(estimator)):
        assert repr(copied) == repr(estimator)
        assert not hasattr(copied, "coefs_")
    fitted = clone(estimator).fit(X, Y[cls])
    assert vars(clone(fitted)).keys() == vars(estimator).keys()


def test_pickles_hold_no_buffers():
    small = make(hidden_layer_sizes=(50,), batch_size=5).fit(X, Y[MLPRegressor])
    large = make(hidden_layer_sizes=(50,), batch_size=60).fit(X, Y[MLPRegressor])
    sizes = [len(pickle.dumps(e)) for e in (small, large)]
    assert abs(sizes[0] - sizes[1]) < 200


@both
def test_pickles_hold_nothing_that_follows_from_the_rest(cls):
    state = make(cls).fit(X, Y[cls]).__getstate__()
    assert not {"_network", "_reading", "coefs_", "intercepts_"} & state.keys()


def test_a_pickle_of_another_version_warns():
    estimator = make().fit(X, Y[MLPRegressor])
    state = estimator.__getstate__()
    state["_sk_mlp"]["version"] = "0.0.1"
    other = object.__new__(MLPRegressor)
    with pytest.warns(InconsistentVersionWarning, match=r"saved with sk_mlp 0\.0\.1"):
        other.__setstate__(state)
    assert_array_equal(other.predict(X), estimator.predict(X))


# Subclasses --------------------------------------------------------------------------


class Tiny(MLPClassifier):
    """Another constructor: fewer parameters, other defaults."""

    def __init__(self, alpha=1e-4):
        super().__init__((5,), alpha=alpha, max_iter=3, random_state=0)


class Wide(MLPRegressor):
    """Required parameters, one of which looks like a fitted attribute."""

    def __init__(self, lambda_, width):
        super().__init__((width,), alpha=lambda_, max_iter=3, random_state=0)
        self.lambda_ = lambda_
        self.width = width

    def fit(self, X, y, sample_weight=None):
        self.seen_ = len(X)
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    "sub, same",
    [
        (Tiny(0.1), MLPClassifier((5,), alpha=0.1, max_iter=3, random_state=0)),
        (Wide(0.1, width=4), MLPRegressor((4,), alpha=0.1, max_iter=3, random_state=0)),
    ],
    ids=["other defaults", "required"],
)
def test_subclasses_with_a_constructor_of_their_own(sub, same):
    y = Y[type(same)]
    expected = same.fit(X, y)
    for estimator in (sub, clone(sub), clone(clone(sub).fit(X, y))):
        assert_same_network(estimator.fit(X, y), expected)
        assert_same_network(through_pickle(estimator), expected)
        assert repr(estimator) == repr(sub)


def test_subclasses_hear_of_parameters_without_effect():
    estimator = Tiny().set_params(alpha=0.0)
    estimator.l1_ratio = 0.5
    with pytest.warns(UserWarning, match=r"of Tiny without effect: 'l1_ratio' with"):
        estimator.fit(X, Y[MLPClassifier])


def test_a_fit_keeps_what_subclasses_have_set():
    """Names that end in an underscore, but are none of a fit."""
    estimator = Wide(0.1, width=4)
    for rows in (60, 50):
        estimator.fit(X[:rows], Y[MLPRegressor][:rows])
        assert (estimator.lambda_, estimator.seen_) == (0.1, rows)
    assert len(estimator.loss_curve_) == 3  # and those of a fit start anew


# Shape parameters of activations -----------------------------------------------------


@pytest.mark.parametrize(
    "activation, name, shape",
    [
        ("prelu", "negative_slope", (5,)),
        (LeakyReLU(0.3, trainable="shared"), "negative_slope", (1,)),
        ("swish_beta", "beta", (5,)),
        (SiLU(trainable="shared"), "beta", (1,)),
        (ELU(trainable=True), "alpha", (5,)),
        (Softplus(trainable=True), "beta", (5,)),
        (MSAF((1.0, 4.0), trainable=True), "offsets", (2, 5)),
        (MSAF((1.0, 4.0), trainable="shared"), "offsets", (2, 1)),
        (MSAF((4.0,), trainable=True), "offsets", (1, 5)),
    ],
    ids=str,
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_activation_params(activation, name, shape, solver):
    estimator = make(activation=activation, solver=solver).fit(X, Y[MLPRegressor])
    (params,) = estimator.activation_params_
    assert list(params) == [name]
    trained = np.asarray(params[name])
    assert trained.shape in (shape, tuple(n for n in shape if n != 1) or (1,))
    start = np.asarray(activations.get(activation).shape_values())
    start = start.reshape((-1, *[1] * (trained.ndim - 1)))
    assert (trained != start).any()
    assert np.isfinite(trained).all()


@pytest.mark.parametrize("trainable, shape", [(True, (5,)), ("shared", (1,))])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_two_shape_parameters(trainable, shape, solver):
    activation = TwoShapes(trainable=trainable)
    estimator = make(activation=activation, solver=solver).fit(X, Y[MLPRegressor])
    for fitted in (estimator, through_pickle(estimator)):
        (params,) = fitted.activation_params_
        assert list(params) == ["b", "c"]
        for name, start in (("b", 1.0), ("c", 0.5)):
            assert params[name].shape == shape
            assert (params[name] != start).all()
            assert np.shares_memory(params[name], fitted._network.theta)
        (layer,) = fitted._network.activate
        assert_array_equal([params["b"], params["c"]], layer.shape.value)
    fixed = make(activation=TwoShapes(trainable=False)).fit(X, Y[MLPRegressor])
    assert fixed.activation_params_ == [{}]


@pytest.mark.parametrize("name", activations.names())
def test_every_trainable_activation_moves(name):
    activation = activations.get(name)
    if not activation.shape_values():
        estimator = make(activation=name)
        if name == "step":
            with pytest.warns(UserWarning, match="has no gradient"):
                estimator.fit(X, Y[MLPRegressor])
        else:
            estimator.fit(X, Y[MLPRegressor])
        assert estimator.activation_params_ == [{}]
        return
    activation = clone(activation).set_params(trainable=True)
    estimator = make(activation=activation).fit(X, Y[MLPRegressor])
    assert set(estimator.activation_params_[0]) == set(activation.shape_parameters)


def test_activations_by_layer():
    estimator = make(hidden_layer_sizes=(5, 4, 3), activation=["relu", "prelu", "tanh"])
    estimator.fit(X, Y[MLPRegressor])
    assert [sorted(p) for p in estimator.activation_params_] == [
        [],
        ["negative_slope"],
        [],
    ]
    assert estimator.activation_params_[1]["negative_slope"].shape == (4,)


# Threads -----------------------------------------------------------------------------


@both
@pytest.mark.parametrize("activation", ["relu", "rrelu", "msaf"])
def test_threads_predict_the_same_bits(cls, activation):
    estimator = make(cls, activation=activation, hidden_layer_sizes=(20, 10))
    estimator.fit(X, Y[cls])
    blocks = [np.random.RandomState(k).standard_normal((300, 4)) for k in range(4)]
    serial = [outputs(estimator, block) for block in blocks]
    barrier = threading.Barrier(4)

    def work(block):
        barrier.wait()
        return [outputs(estimator, block) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for found, expected in zip(pool.map(work, blocks), serial, strict=True):
            for raw in found:
                assert_array_equal(raw, expected)


def test_a_refit_in_another_thread_does_not_disturb_predictions():
    estimator = make(hidden_layer_sizes=(5,)).fit(X, Y[MLPRegressor])
    stop, errors = threading.Event(), []

    def predict():
        while not stop.is_set():
            try:
                estimator.predict(X)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=predict) for _ in range(2)]
    for thread in threads:
        thread.start()
    for k in range(10):
        # Filters of warnings are shared by threads, so none is set here.
        estimator.set_params(hidden_layer_sizes=(3 + k, 2), tol=100.0, max_iter=50)
        estimator.set_params(n_iter_no_change=1).fit(X, Y[MLPRegressor])
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors


# Penalties ---------------------------------------------------------------------------


@both
def test_penalties_shrink_the_weights(cls):
    def size(**parameters):
        parameters = {"max_iter": 60, "alpha": 0.0, **parameters}
        estimator = make(cls, **parameters).fit(X, Y[cls])
        return sum(np.abs(w).sum() for w in estimator.coefs_)

    free = size()
    assert size(alpha=50.0) < 0.7 * free
    assert size(alpha=50.0, l1_ratio=1.0) < 0.7 * free
    assert size(weight_decay=5.0) < 0.5 * free
    assert size(solver="lbfgs", alpha=50.0) < 0.5 * size(solver="lbfgs")
    assert size(solver="adamw", weight_decay=5.0) < 0.5 * free


# What cannot work is said -----------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_batch_normalization_of_single_rows_warns(solver):
    y = Y[MLPRegressor]
    one_row = X[:1], y[:1]
    with pytest.warns(UserWarning, match="batches of one row, which have no spread"):
        make(normalization="batch", solver=solver).fit(*one_row)
    with pytest.warns(UserWarning, match="batches of one row"):
        make(normalization="batch", batch_size=1).fit(X, y)
    make(normalization="layer").fit(*one_row)


def test_a_metric_without_a_finite_value_warns():
    estimator = make(early_stopping=True, scoring=lambda e, X, y: np.nan)
    with pytest.warns(UserWarning, match="No epoch had a finite validation score"):
        estimator.fit(X, Y[MLPRegressor])
    assert estimator.best_validation_score_ == -np.inf


def test_class_weights_that_leave_nothing():
    estimator = make(MLPClassifier, class_weight=dict.fromkeys([0, 1, 2], 0.0))
    match = "class_weight=.* gives a row at most the weight 0.0"
    assert_refused(estimator, lambda e: e.fit(X, Y[MLPClassifier]), match)


def test_a_parameter_that_overflows_is_named():
    def overflow(estimator):
        estimator.fit(X, Y[MLPRegressor])

    estimator = make(solver="sgd", learning_rate_init=1e300, batch_size=60)
    match = r"diverged in epoch [12]: (a parameter|its loss, \w+,) is not finite"
    assert_refused(estimator, overflow, match)
