"""Training by L-BFGS: the network's ``loss_grad`` handed to SciPy."""

import time

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from sk_mlp._blas import one_scipy_thread
from sk_mlp._warnings import warn

_STOP_REASONS = {0: "converged", 1: "max_iter"}  # by SciPy's status


class _Stop(Exception):
    """Ends SciPy's loop from within; the state says why."""


def run_lbfgs(network, X, y, w, state, monitor, *, max_iter, max_fun, tol):
    """Minimise the loss over all rows by L-BFGS.

    Parameters
    ----------
    network : Network
        Trained in place, in its own dtype; SciPy's own vectors are float64.
    X, y, w : arrays
        As for :meth:`Network.loss_grad`.
    state : TrainingState
        Updated in place: one entry of the history an iteration.
    monitor : Monitor
        Told of every iteration; may end training.
    max_iter, max_fun : int
        Limits of iterations and of loss evaluations.
    tol : float
        Training has converged when no component of the gradient is larger.

    References
    ----------
    R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound
    constrained optimization", SIAM J. Sci. Comput. 16(5), 1995.
    """
    objective = _Objective(network, (X, y, w), state, monitor)
    try:
        monitor.start(network)
        result = _minimize(objective, max_iter - state.n_iter, max_fun, tol)
        network.theta[...] = result.x
        _conclude(state, result)
    except _Stop:
        pass
    except KeyboardInterrupt:
        monitor.interrupted()
        if objective.theta is not None:
            network.theta[...] = objective.theta
    objective.set_statistics()
    if not np.isfinite(network.theta).all():  # a variance that overflows
        state.stop_reason = "diverged"
    state.settle(network)


def _minimize(objective, max_iter, max_fun, tol):
    objective.begin()
    # Overflow shows as a loss that is not finite.
    with np.errstate(all="ignore"), one_scipy_thread():
        return minimize(
            objective,
            objective.theta,
            method="L-BFGS-B",
            jac=True,
            callback=objective.iteration_ends,
            options={"maxiter": max_iter, "maxfun": max_fun, "gtol": tol},
        )


def _conclude(state, result):
    """Note why SciPy ended, and warn if it did not converge."""
    state.loss = float(result.fun)
    state.best_loss = min(state.best_loss, state.loss)
    state.stop_reason = _STOP_REASONS.get(result.status, "abnormal")
    if not np.isfinite(result.fun):
        state.stop_reason = "diverged"
    elif result.status != 0:
        limit = state.stop_reason == "max_iter"
        remedy = "Increase max_iter or max_fun, or scale" if limit else "Scale"
        warn(
            f"lbfgs failed to converge after {state.n_iter} iteration(s) "
            f"(status={result.status}): {result.message}. {remedy} the data "
            "(sklearn.preprocessing.StandardScaler).",
            ConvergenceWarning,
        )


class _Objective:
    """The loss as SciPy wants it, with a word to the monitor after every iteration."""

    def __init__(self, network, data, state, monitor):
        self.network, self.data = network, data
        self.state, self.monitor = state, monitor
        X, _, w = data
        self.n_rows = X.shape[0]
        self.norm = self.n_rows if w is None else float(w.sum(dtype=np.float64))
        self.theta = None  # where the last iteration ended, once one has begun

    def begin(self):
        network = self.network
        self.theta = network.theta.astype(np.float64)
        network.allocate(self.n_rows)
        if network.random:
            # One draw for the whole run: a line search needs a function, not noise.
            network.draw(self.state.noise_rng, self.n_rows)
        self.clock = None

    def __call__(self, theta):
        if self.clock is None:  # an iteration begins; after the last one none does
            self.clock = time.perf_counter()
            self.monitor.epoch_begins()
        self.network.theta[...] = theta
        self.loss = self.network.loss_grad(*self.data, self.norm)
        return self.loss, self.network.grad.astype(np.float64)

    def set_statistics(self):
        """Let batch normalization predict by the statistics of all rows at theta."""
        X, _, w = self.data
        with np.errstate(all="ignore"):
            self.network.set_statistics(X, w)

    def iteration_ends(self, theta):
        """Report an iteration; SciPy's last evaluation was at its end point."""
        grad = self.network.grad
        self.theta[...] = theta
        self.set_statistics()
        self.monitor.epoch_ends(
            self.network,
            self.n_rows,
            self.loss,
            grad_norm=float(np.dot(grad, grad)) ** 0.5,
            seconds=time.perf_counter() - self.clock,
        )
        # SciPy knows itself when it has done all its iterations, and says how it went.
        if self.state.stop_reason not in (None, "max_iter"):
            raise _Stop
        self.clock = None
