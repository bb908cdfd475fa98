"""L-BFGS: the same objective, precision, history, why it stops."""

import numpy as np
import pytest
from gradcheck import TARGETS, Problem, activation_variants
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from sk_mlp import activations, losses
from sk_mlp._lbfgs import run_lbfgs
from sk_mlp._monitor import Monitor
from sk_mlp._report import report_of
from sk_mlp._trainer import HISTORY_KEYS, TrainingPlan, TrainingState

VARIANTS = activation_variants()
PAIR = (activations.get("softmax"), losses.get("log_loss"), TARGETS["multiclass"])
N_ROWS = 30


def problem(hidden="tanh", dtype=np.float64, weighted=False):
    rng = np.random.RandomState(0)
    problem = Problem(VARIANTS[hidden], PAIR, rng, n_rows=N_ROWS, dtype=dtype)
    return problem.pose(weighted, 0.0, 0.5)


def run(problem, state=None, **settings):
    state = state or TrainingState(np.random.RandomState(0), np.random.default_rng(0))
    defaults = {"max_iter": 500, "max_fun": 15_000, "tol": 1e-4}
    report = report_of(settings.pop("verbose", False))
    settings = {**defaults, **settings}
    plan = TrainingPlan(
        max_iter=settings["max_iter"],
        tol=settings["tol"],
        n_iter_no_change=np.inf,
        early_stopping=False,
    )
    run_lbfgs(
        problem.network,
        problem.x,
        problem.y,
        problem.w,
        state,
        Monitor(plan, state, report=report),
        **settings,
    )
    return state


@pytest.mark.parametrize("weighted", [False, True])
def test_it_finds_what_scipy_finds(weighted):
    """The same function, so the same path."""
    posed = problem(weighted=weighted)
    posed.norm = float(posed.w.sum()) if weighted else None
    theta = posed.theta.copy()
    calls = []

    def objective(theta):
        value, grad = posed(theta)
        calls.append(value)
        return value, grad.copy()

    options = {"gtol": 1e-4, "maxiter": 500, "maxfun": 15_000}
    expected = minimize(objective, theta, jac=True, method="L-BFGS-B", options=options)
    posed.network.theta[...] = theta
    posed.network.allocate(N_ROWS)
    state = run(posed)
    assert state.stop_reason == "converged"
    assert_array_equal(posed.network.theta, expected.x)
    assert state.loss == expected.fun
    assert state.n_iter == expected.nit
    assert np.abs(posed(expected.x)[1]).max() <= 1e-3


def test_theta_is_changed_in_place_and_the_views_hold():
    posed = problem()
    theta, weight = posed.network.theta, posed.network.dense[0].weight.value
    before = weight.copy()
    run(posed)
    assert posed.network.theta is theta
    assert np.shares_memory(weight, theta)
    assert (weight != before).any()


@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_rows_give_what_dense_rows_give(convert):
    """Iteration by iteration, before rounding has driven the paths apart."""
    dense, other = problem(), problem()
    dense.x[dense.x < 0] = other.x[other.x < 0] = 0.0
    other.x = convert(other.x)
    histories = []
    for posed in (dense, other):
        with pytest.warns(ConvergenceWarning):
            histories.append(run(posed, max_iter=10).history["loss"])
    assert_allclose(*histories, rtol=1e-9)
    assert_allclose(other.network.theta, dense.network.theta, rtol=1e-6, atol=1e-8)


def test_float32_stays_float32_and_converges():
    """SciPy's own vectors are float64; network, loss and gradient are not."""
    posed = problem(dtype=np.float32)
    start = posed.network.theta
    state = run(posed)
    assert posed.network.theta is start and start.dtype == np.float32
    assert posed.network.grad.dtype == np.float32
    assert state.stop_reason == "converged"
    exact = run(problem())
    assert_allclose(state.loss, exact.loss, rtol=1e-3)


@pytest.mark.parametrize("hidden", ["rrelu", "prelu"])
def test_noise_is_drawn_once_so_that_there_is_a_function(hidden):
    posed = problem(hidden)
    draws = []
    draw = posed.network.draw
    posed.network.draw = lambda *args: (draws.append(args[1]), draw(*args))
    with pytest.warns(ConvergenceWarning):
        state = run(posed, max_iter=20)
    assert draws == ([N_ROWS] if hidden == "rrelu" else [])
    assert np.all(np.diff(state.history["loss"]) <= 0)


# Records ----------------------------------------------------------------------------


def test_the_history_has_an_entry_an_iteration():
    posed = problem()
    first = posed(posed.theta)[0]
    state = run(posed)
    history = state.history
    assert tuple(history) == HISTORY_KEYS
    assert all(len(values) == state.n_iter for values in history.values())
    assert history["epoch"] == list(range(1, state.n_iter + 1))
    assert state.epoch == state.n_iter and state.t == N_ROWS * state.n_iter
    assert np.all(np.diff(history["loss"]) <= 0) and history["loss"][0] < first
    assert history["loss"][-1] == state.loss == state.best_loss
    assert np.isnan(history["learning_rate"]).all()
    assert np.isnan(history["val_score"]).all() and np.isnan(history["val_loss"]).all()
    assert all(seconds >= 0 for seconds in history["seconds"])
    assert {type(values[0]) for values in history.values()} <= {int, float}


def test_the_gradient_norms_are_those_at_the_iterates():
    posed = problem()
    iterates = []
    norms = run(posed).history["grad_norm"]
    posed = problem()
    minimize(
        lambda theta: (posed(theta)[0], posed.network.grad.copy()),
        posed.theta,
        jac=True,
        method="L-BFGS-B",
        callback=lambda theta: iterates.append(theta.copy()),
        options={"gtol": 1e-4, "maxiter": 500},
    )
    expected = [np.linalg.norm(posed(theta)[1]) for theta in iterates]
    assert_allclose(norms, expected, rtol=1e-9)


def test_a_second_run_counts_on():
    posed = problem()
    with pytest.warns(ConvergenceWarning):
        state = run(posed, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        run(posed, state, max_iter=2)
    assert (state.n_iter, state.epoch, state.t) == (2, 5, 5 * N_ROWS)
    assert state.history["epoch"] == [1, 2, 3, 4, 5]
    assert np.all(np.diff(state.history["loss"]) <= 0)


def test_verbose_prints_every_iteration(capsys):
    state = run(problem(), verbose=True)
    losses = state.history["loss"]
    assert capsys.readouterr().out.splitlines() == [
        f"Iteration {k + 1}, loss = {loss:.8f}" for k, loss in enumerate(losses)
    ]
    run(problem())
    assert capsys.readouterr().out == ""


# Why it stops -----------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"max_iter": 4}, {"max_fun": 6}])
def test_limits_warn_with_a_way_out(limit):
    text = (
        r"lbfgs failed to converge.*\(status=1\).*Increase max_iter or max_fun.*scale"
    )
    with pytest.warns(ConvergenceWarning, match=text) as record:
        state = run(problem(), **limit)
    assert len(record) == 1
    assert state.stop_reason == "max_iter"
    assert state.n_iter <= 6
    if "max_iter" in limit:
        assert state.n_iter == 4


def test_a_failed_line_search_does_not_ask_for_more_iterations():
    posed = problem()
    loss_grad = posed.network.loss_grad

    def uphill(*args):
        loss = loss_grad(*args)
        posed.network.grad *= -1.0
        return loss

    posed.network.loss_grad = uphill
    text = r"status=2\): ABNORMAL.*\. Scale the data"
    with pytest.warns(ConvergenceWarning, match=text) as record:
        state = run(posed)
    assert state.stop_reason == "abnormal"
    assert "Increase" not in str(record[0].message)


def test_what_was_measured_and_waited_for_does_not_outlive_a_run():
    state = TrainingState(np.random.RandomState(0), best_score=0.9, no_improvement=5)
    run(problem(), state)
    assert (state.best_score, state.no_improvement) == (-np.inf, 0)


def test_a_loose_tolerance_converges_at_once():
    posed = problem()
    state = run(posed, tol=1e6)
    assert (state.stop_reason, state.n_iter) == ("converged", 0)
    assert_array_equal(posed.network.theta, posed.theta)
    assert state.loss == state.best_loss == posed(posed.theta)[0]


def test_a_loss_that_is_no_number_is_divergence():
    posed = problem()
    posed.x[0, 0] = np.nan
    state = run(posed)  # no warning but that of the estimator
    assert state.stop_reason == "diverged"
    assert not np.isfinite(state.loss)


def test_exceptions_pass():
    posed = problem()

    def broken(*args):
        raise MemoryError

    posed.network.loss_grad = broken
    with pytest.raises(MemoryError):
        run(posed)


def test_an_interrupt_keeps_the_last_iteration():
    """As the other solvers do; what the line search was trying is forgotten."""
    whole, cut = problem(), problem()
    with pytest.warns(ConvergenceWarning):
        expected = run(whole, max_iter=3)
    state = TrainingState(np.random.RandomState(0))
    loss_grad, ends = cut.network.loss_grad, state.history["loss"]

    def interrupted(*args):
        if len(ends) == 3:
            raise KeyboardInterrupt
        return loss_grad(*args)

    cut.network.loss_grad = interrupted
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        run(cut, state, max_iter=10)
    assert state.stop_reason == "interrupted"
    assert state.n_iter == 3
    assert state.loss == expected.loss
    assert_array_equal(cut.network.theta, whole.network.theta)
