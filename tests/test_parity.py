"""Parity: with ``init="sklearn"`` training follows scikit-learn's, step by step.

Every comparison fits scikit-learn's estimator and ours with the same parameters and
the same random state. What scikit-learn does otherwise, and why we do not follow, is
in ``test_parity_differences.py``.
"""

import warnings

import numpy as np
import pytest
from _parity import (
    ACTIVATIONS,
    HAS_POISSON,
    HAS_SAMPLE_WEIGHT,
    HIDDEN,
    N_ROWS,
    SOLVERS,
    STOCHASTIC,
    TARGETS,
    assert_same_course,
    assert_same_predictions,
    assert_same_weights,
    fit_pair,
    fit_quietly,
    make_data,
    make_pair,
    twenty_epochs,
)
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import _multilayer_perceptron

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LAYOUTS = {
    "dense": np.asarray,
    "csr": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "csc_array": sparse.csc_array,
}
# The loss value of several squared errors differs (test_parity_differences.py).
SAME_LOSS = tuple(target for target in TARGETS if target != "multioutput")
POISSON = ("poisson",) if HAS_POISSON else ()

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
every_solver = pytest.mark.parametrize("solver", SOLVERS)
every_stochastic_solver = pytest.mark.parametrize("solver", STOCHASTIC)
every_target = pytest.mark.parametrize("target", TARGETS)


def summed_squared_error(y, p, sample_weight=None):
    """Half the squared error summed over outputs: what the gradients belong to."""
    return 0.5 * np.average(((y - p) ** 2).sum(axis=1), weights=sample_weight)


@pytest.fixture
def repaired(monkeypatch):
    """Give scikit-learn the loss value that belongs to its gradient.

    Its mean over outputs is a K-th of it, so that the line search of its L-BFGS
    rejects and interpolates steps by the wrong numbers. For one output the two are
    the same.
    """
    losses = _multilayer_perceptron.LOSS_FUNCTIONS
    monkeypatch.setitem(losses, "squared_error", summed_squared_error)


# -- where training starts ---------------------------------------------------------


@every_activation
@every_target
def test_initial_weights_are_the_same_numbers(activation, target):
    X, y = make_data(target)
    # A step too small to change any number.
    params = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1}
    pair = fit_pair(
        target,
        X,
        y,
        activation=activation,
        hidden_layer_sizes=HIDDEN,
        random_state=1,
        **params,
    )
    assert_same_weights(*pair, rtol=0)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("target", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize(
    "sizes", [6, (6,), [6, 3], np.array([6, 3]), ()], ids=lambda sizes: repr(sizes)
)
def test_hidden_layer_sizes(sizes, target, solver):
    X, y = make_data(target)
    params = twenty_epochs(solver, hidden_layer_sizes=sizes)
    theirs, ours = fit_pair(target, X, y, **params)
    assert_same_weights(theirs, ours, rtol=1e-4 if solver == "lbfgs" else 1e-6)
    assert_same_predictions(theirs, ours, X, rtol=1e-4)


# -- 20 epochs ---------------------------------------------------------------------


@every_activation
@every_stochastic_solver
@every_target
@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_twenty_epochs(activation, solver, target, layout):
    X, y = make_data(target)
    X = LAYOUTS[layout](X)
    params = twenty_epochs(solver, activation=activation)
    theirs, ours = fit_pair(target, X, y, **params)
    assert_same_weights(theirs, ours)
    assert_same_predictions(theirs, ours, X)
    assert ours.n_iter_ == theirs.n_iter_ == 20
    if target in SAME_LOSS:
        assert_same_course(theirs, ours)


@every_activation
@every_target
@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_twenty_iterations_of_lbfgs(activation, target, layout, repaired):
    X, y = make_data(target)
    X = LAYOUTS[layout](X)
    params = twenty_epochs("lbfgs", activation=activation)
    theirs, ours = fit_pair(target, X, y, **params)
    assert_same_weights(theirs, ours, rtol=1e-4)
    assert_same_predictions(theirs, ours, X, rtol=1e-4)
    assert ours.n_iter_ == theirs.n_iter_ == 20
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-4)
    assert len(ours.loss_curve_) == 20 and ours.loss_curve_[-1] == ours.loss_


@every_solver
@pytest.mark.parametrize("target", ["binary", "multiclass"])
def test_labels_of_other_types(target, solver):
    X, y = make_data(target)
    names = np.unique(y, return_inverse=True)[1]
    y = np.array(["no", "perhaps", "yes"], dtype=object)[names]
    theirs, ours = fit_pair(target, X, y, **twenty_epochs(solver))
    assert_same_weights(theirs, ours, rtol=1e-4 if solver == "lbfgs" else 1e-6)
    assert_same_predictions(theirs, ours, X, rtol=1e-4)
    assert theirs.score(X, y) == ours.score(X, y)


@every_solver
@pytest.mark.parametrize("layout", ["csr_array", "csc", "csc_array"])
def test_other_sparse_layouts(solver, layout):
    X, y = make_data("multiclass")
    X = LAYOUTS[layout](X)
    theirs, ours = fit_pair("multiclass", X, y, **twenty_epochs(solver))
    assert_same_weights(theirs, ours, rtol=1e-4 if solver == "lbfgs" else 1e-6)
    assert_same_predictions(theirs, ours, X, rtol=1e-4)


@every_stochastic_solver
@pytest.mark.parametrize("target", ["multiclass", "regression"])
def test_rows_in_their_order(solver, target):
    X, y = make_data(target)
    theirs, ours = fit_pair(target, X, y, **twenty_epochs(solver, shuffle=False))
    assert_same_weights(theirs, ours)
    assert_same_course(theirs, ours)
    shuffled = make_pair(target, **twenty_epochs(solver))[1].fit(X, y)
    assert not np.allclose(shuffled.coefs_[0], ours.coefs_[0], rtol=1e-3)


@every_stochastic_solver
@pytest.mark.parametrize("batch_size", ["auto", 1, N_ROWS, 2 * N_ROWS])
def test_batch_sizes(solver, batch_size):
    X, y = make_data("binary")
    params = twenty_epochs(solver, batch_size=batch_size, max_iter=5)
    pair = make_pair("binary", **params)
    too_large = batch_size != "auto" and batch_size > N_ROWS
    for estimator in pair:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator.fit(X, y)
        kinds = [warning.category for warning in caught]
        assert kinds == [UserWarning] * too_large + [ConvergenceWarning]
    assert_same_weights(*pair)
    assert_same_course(*pair)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adam", "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3},
        {"solver": "adam", "beta_1": 0.0, "beta_2": 0.0},
        {"solver": "adam", "alpha": 0.0},
        {"solver": "sgd", "momentum": 0.5, "alpha": 10.0},
        {"solver": "sgd", "momentum": 1.0, "nesterovs_momentum": False},
        {"solver": "lbfgs", "max_fun": 7},
        {"solver": "lbfgs", "tol": 0.2},
        {"solver": "lbfgs", "alpha": 0.0},
    ],
    ids=str,
)
def test_parameters_of_solvers(params):
    X, y = make_data("multiclass")
    pair = fit_pair(
        "multiclass",
        X,
        y,
        hidden_layer_sizes=HIDDEN,
        random_state=2,
        **{"max_iter": 20, **params},
    )
    is_lbfgs = params["solver"] == "lbfgs"
    assert_same_weights(*pair, rtol=1e-4 if is_lbfgs else 1e-6)
    assert pair[0].n_iter_ == pair[1].n_iter_
    assert (pair[0].n_iter_ < 20) == ("max_fun" in params or "tol" in params)


# -- float32 -----------------------------------------------------------------------


@every_stochastic_solver
@every_target
def test_float32(solver, target):
    X, y = make_data(target)
    X = X.astype(np.float32)
    theirs, ours = fit_pair(target, X, y, **twenty_epochs(solver))
    assert all(w.dtype == np.float32 for w in [*ours.coefs_, *ours.intercepts_])
    assert_same_weights(theirs, ours, rtol=1e-3, atol=1e-5)
    if target in SAME_LOSS:
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-3)


@pytest.mark.parametrize("target", SAME_LOSS)
def test_float32_of_lbfgs_stays_float32(target):
    X, y = make_data(target)
    X = X.astype(np.float32)
    # A firm penalty: with a weak one the kinks of ReLU turn the rounding of X alone,
    # in scikit-learn's own fit as well, into a difference of 1 % (binary).
    params = twenty_epochs("lbfgs", alpha=1.0)
    theirs, ours = fit_pair(target, X, y, **params)
    assert all(w.dtype == np.float32 for w in [*ours.coefs_, *ours.intercepts_])
    assert_same_weights(theirs, ours, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-3)


# -- sample weights ----------------------------------------------------------------

# Rows repeated as often as their weight says are the same full batch, whatever
# scikit-learn knows about weights.
GIVE_WEIGHTS = ("repeated rows", *(["sample_weight"] if HAS_SAMPLE_WEIGHT else []))


@every_solver
@every_target
@pytest.mark.parametrize("how", GIVE_WEIGHTS)
def test_sample_weights_in_the_full_batch(how, target, solver, repaired):
    X, y = make_data(target)
    weight = np.random.default_rng(5).integers(0, 4, N_ROWS).astype(float)
    theirs, ours = make_pair(target, **twenty_epochs(solver))
    if how == "sample_weight":
        weight *= np.random.default_rng(6).uniform(0.5, 2, N_ROWS)
        n_rows, options = N_ROWS, {"sample_weight": weight}
        rows = np.arange(N_ROWS)
    else:
        rows = np.repeat(np.arange(N_ROWS), weight.astype(int))
        n_rows, options = len(rows), {}
    if solver != "lbfgs":
        theirs.set_params(batch_size=n_rows)
        ours.set_params(batch_size=N_ROWS)
    fit_quietly(theirs, X[rows], y[rows], **options)
    ours.fit(X, y, weight)
    rtol = 1e-4 if solver == "lbfgs" else 1e-6
    assert_same_weights(theirs, ours, rtol=rtol)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=rtol)
    plain = make_pair(target, **twenty_epochs(solver))[1].fit(X, y)
    assert not np.allclose(plain.coefs_[0], ours.coefs_[0], rtol=1e-3)


# -- stopping ----------------------------------------------------------------------


EARLY = {
    "early_stopping": True,
    "validation_fraction": 0.2,
    "n_iter_no_change": 4,
    "tol": 1e-3,
    "max_iter": 150,
    "batch_size": 16,
    "hidden_layer_sizes": HIDDEN,
    "random_state": 4,
}


@pytest.mark.parametrize("layout", ["dense", "csr", "csc"])
@pytest.mark.parametrize(
    "target", ["binary", "multilabel", "regression", "multioutput", *POISSON]
)
@pytest.mark.parametrize("solver", ["adam", "sgd-nesterov"])
def test_early_stopping(solver, target, layout):
    X, y = make_data(target, n_rows=151, noise=1.0)
    X = LAYOUTS[layout](X)
    theirs, ours = fit_pair(target, X, y, **{**SOLVERS[solver], **EARLY})
    assert ours.stop_reason_ == "converged" and ours.n_iter_ < 150
    assert ours.n_iter_ == theirs.n_iter_
    # The best epoch, not the last: there is something to restore.
    assert int(np.argmax(ours.validation_scores_)) < ours.n_iter_ - 1
    assert_same_weights(theirs, ours)
    assert_same_predictions(theirs, ours, X)
    if target in SAME_LOSS:
        assert_same_course(theirs, ours)


@pytest.mark.parametrize("target", ["binary", "regression", *POISSON])
def test_early_stopping_with_weights_in_the_full_batch(target):
    X, y = make_data(target, n_rows=151, noise=1.0)
    # Old scikit-learn knows no weights: there ours are all the same.
    weight = np.full(151, 2.5)
    options = {}
    if HAS_SAMPLE_WEIGHT:
        weight = np.random.default_rng(7).uniform(0.1, 3, 151)
        options = {"sample_weight": weight}
    params = {**EARLY, "batch_size": "auto", "learning_rate_init": 0.05, "alpha": 0.0}
    theirs, ours = make_pair(target, **params)
    theirs.fit(X, y, **options)
    ours.fit(X, y, sample_weight=weight)
    assert ours.stop_reason_ == "converged"
    assert_same_weights(theirs, ours)
    assert_same_course(theirs, ours)


@every_stochastic_solver
@pytest.mark.parametrize("target", ["multiclass", "regression"])
def test_convergence_at_the_same_epoch(solver, target):
    X, y = make_data(target)
    params = {"max_iter": 1000, "tol": 2e-3, "n_iter_no_change": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        theirs, ours = fit_pair(target, X, y, **twenty_epochs(solver, **params))
    assert ours.stop_reason_ == "converged"
    assert 5 < ours.n_iter_ < 1000
    assert_same_course(theirs, ours)
    assert_same_weights(theirs, ours)


def test_convergence_of_lbfgs():
    X, y = make_data("binary")
    params = twenty_epochs("lbfgs", alpha=5.0, max_iter=500, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        theirs, ours = fit_pair("binary", X, y, **params)
    assert ours.stop_reason_ == "converged"
    assert ours.n_iter_ == theirs.n_iter_ < 500
    assert_same_weights(theirs, ours, rtol=1e-4)


@every_solver
def test_the_warning_at_max_iter_is_the_same(solver):
    X, y = make_data("binary")
    messages = []
    for estimator in make_pair("binary", **twenty_epochs(solver, max_iter=3)):
        with pytest.warns(ConvergenceWarning) as caught:
            fit_quietly(estimator, X, y)
        assert len(caught) == 1
        messages.append(str(caught[0].message))
    if solver != "lbfgs":  # there the text is SciPy's and scikit-learn's, by version
        assert messages[0] == messages[1]


# -- learning rates ----------------------------------------------------------------


@pytest.mark.parametrize("target", ["multiclass", "regression"])
@pytest.mark.parametrize("power_t", [0.5, 0.2])
def test_invscaling(power_t, target):
    X, y = make_data(target)
    params = twenty_epochs(
        "sgd-nesterov",
        learning_rate="invscaling",
        power_t=power_t,
        learning_rate_init=0.5,
    )
    theirs, ours = fit_pair(target, X, y, **params)
    assert_same_weights(theirs, ours)
    assert_same_course(theirs, ours)
    expected = 0.5 / (np.arange(20) * N_ROWS + 1.0) ** power_t
    np.testing.assert_allclose(ours.history_["learning_rate"], expected, rtol=1e-12)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("target", ["binary", "regression"])
def test_adaptive_divides_and_finally_stops(target, early_stopping):
    X, y = make_data(target, n_rows=151, noise=1.0)
    params = {
        **EARLY,
        **STOCHASTIC["sgd-nesterov"],
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "early_stopping": early_stopping,
        "tol": 1e-2,
        "max_iter": 300,
    }
    if not early_stopping:
        del params["validation_fraction"]  # else it would be without effect
    theirs, ours = fit_pair(target, X, y, **params)
    assert ours.stop_reason_ == "converged"
    assert_same_course(theirs, ours)
    assert_same_weights(theirs, ours)
    rates = list(dict.fromkeys(ours.history_["learning_rate"]))
    np.testing.assert_allclose(rates, 0.1 / 5.0 ** np.arange(9), rtol=1e-12)
    assert rates[-2] > 1e-6 > rates[-1] == theirs._optimizer.learning_rate


# -- going on ----------------------------------------------------------------------


def fit_blocks(estimator, X, y, n_rounds, **options):
    """Call partial_fit for blocks of 30, 30 and 7 rows, over and over."""
    for _ in range(n_rounds):
        for start in range(0, X.shape[0], 30):
            block = slice(start, start + 30)
            estimator.partial_fit(X[block], y[block], **options)
    return estimator


@pytest.mark.parametrize("layout", ["dense", "csr"])
@every_target
@every_stochastic_solver
def test_partial_fit(solver, target, layout):
    # With an int, scikit-learn seeds anew in every call: see the differences.
    X, y = make_data(target)
    X = LAYOUTS[layout](X)
    params = {"hidden_layer_sizes": HIDDEN, "batch_size": 7, **STOCHASTIC[solver]}
    is_classifier = target in ("binary", "multiclass", "multilabel")
    classes = np.arange(3) if target == "multilabel" else np.unique(y)
    options = {"classes": classes} if is_classifier else {}
    pair = make_pair(target, **params)
    for estimator in pair:
        estimator.set_params(random_state=np.random.RandomState(8))
        fit_blocks(estimator, X, y, 4, **options)
    assert_same_weights(*pair)
    assert_same_predictions(*pair, X)
    assert pair[0].t_ == pair[1].t_ == 4 * N_ROWS
    assert pair[1].n_iter_ == 12  # scikit-learn says 1
    if target in SAME_LOSS:
        np.testing.assert_allclose(pair[1].loss_curve_, pair[0].loss_curve_, rtol=1e-6)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
def test_partial_fit_after_fit(learning_rate):
    X, y = make_data("regression")
    params = {
        "solver": "sgd",
        "learning_rate": learning_rate,
        "learning_rate_init": 0.1,
        "hidden_layer_sizes": HIDDEN,
        "batch_size": 10,
        "max_iter": 5,
        "n_iter_no_change": 2,
        "tol": 1e-2,
    }
    pair = make_pair("regression", **params)
    for estimator in pair:
        estimator.set_params(random_state=np.random.RandomState(8))
        for _ in range(40):
            estimator.fit(X, y) if not hasattr(estimator, "coefs_") else None
            estimator.partial_fit(X, y)
    assert_same_weights(*pair)
    np.testing.assert_allclose(pair[1].loss_curve_, pair[0].loss_curve_, rtol=1e-6)
    rates = pair[1].history_["learning_rate"]
    assert len(rates) == 45
    assert (rates[-1] < rates[5] < 0.1 + 1e-9) == (learning_rate != "constant")


@pytest.mark.parametrize("target", SAME_LOSS)
def test_warm_start_of_sgd(target):
    # Without momentum: scikit-learn forgets the optimizer's state where we keep it.
    X, y = make_data(target)
    params = twenty_epochs("sgd", warm_start=True, max_iter=5)
    pair = make_pair(target, **params)
    for estimator in pair:
        estimator.set_params(random_state=np.random.RandomState(9))
        for _ in range(3):
            estimator.fit(X, y)
    assert_same_weights(*pair)
    assert_same_course(*pair)
    assert pair[1].n_iter_ == 5 and pair[1].t_ == 15 * N_ROWS


@every_target
def test_warm_start_of_lbfgs(target, repaired):
    X, y = make_data(target)
    pair = make_pair(target, **twenty_epochs("lbfgs", warm_start=True, max_iter=5))
    for estimator in pair:
        for _ in range(3):
            fit_quietly(estimator, X, y)
    assert_same_weights(*pair, rtol=1e-4)
    np.testing.assert_allclose(pair[1].loss_, pair[0].loss_, rtol=1e-4)
    assert pair[0].n_iter_ == pair[1].n_iter_ == 5


@every_solver
def test_a_second_fit_starts_anew(solver):
    X, y = make_data("regression")
    pair = make_pair("regression", **twenty_epochs(solver, max_iter=5))
    for estimator in pair:
        fit_quietly(estimator, X[::-1], -y)
        fit_quietly(estimator, X, y)
    assert_same_weights(*pair, rtol=1e-4 if solver == "lbfgs" else 1e-6)
    if solver != "lbfgs":
        assert_same_course(*pair)


# -- what is printed ---------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adam", "max_iter": 5},
        {"solver": "adam", "max_iter": 200, "tol": 0.01, "n_iter_no_change": 2},
        {"solver": "adam", "early_stopping": True, "n_iter_no_change": 3},
        {
            "solver": "sgd",
            "learning_rate": "adaptive",
            "learning_rate_init": 0.1,
            "n_iter_no_change": 1,
            "tol": 0.1,
        },
        {
            "solver": "sgd",
            "learning_rate": "adaptive",
            "early_stopping": True,
            "n_iter_no_change": 2,
            "tol": 0.1,
        },
    ],
    ids=str,
)
@pytest.mark.parametrize("target", ["binary", "regression"])
def test_verbose_prints_the_same_lines(target, params, capsys):
    X, y = make_data(target)
    texts = []
    for estimator in make_pair(
        target, hidden_layer_sizes=HIDDEN, random_state=1, verbose=True, **params
    ):
        estimator.fit(X, y)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    lines = texts[1].splitlines()
    assert lines[0].startswith("Iteration 1, loss = ")
    if "max_iter" not in params or params["max_iter"] == 200:
        assert lines[-1].endswith("Stopping.")


def test_verbose_of_a_warm_start_counts_the_epochs_of_each_fit(capsys):
    X, y = make_data("binary")
    params = twenty_epochs("sgd", warm_start=True, verbose=1, shuffle=False, max_iter=3)
    texts = []
    for estimator in make_pair("binary", **params):
        estimator.fit(X, y).fit(X, y)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert texts[1].count("Iteration 1, loss = ") == 2
