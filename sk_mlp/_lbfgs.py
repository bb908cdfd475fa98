"""Training by L-BFGS: the network's ``loss_grad`` handed to SciPy."""

import time

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from sk_mlp._warnings import warn

_STOP_REASONS = {0: "converged", 1: "max_iter"}  # by SciPy's status


def run_lbfgs(network, X, y, w, state, *, max_iter, max_fun, tol, verbose):
    """Minimise the loss over all rows by L-BFGS.

    Parameters
    ----------
    network : Network
        Trained in place, in its own dtype; SciPy's own vectors are float64.
    X, y, w : arrays
        As for :meth:`Network.loss_grad`.
    state : TrainingState
        Updated in place: one entry of the history an iteration.
    max_iter, max_fun : int
        Limits of iterations and of loss evaluations.
    tol : float
        Training has converged when no component of the gradient is larger.
    verbose : bool

    References
    ----------
    R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound
    constrained optimization", SIAM J. Sci. Comput. 16(5), 1995.
    """
    objective = _Objective(network, X, y, w, state, verbose)
    # What was measured, and waited for, belonged to other parameters.
    state.best_score, state.no_improvement = -np.inf, 0
    try:
        with np.errstate(all="ignore"):
            result = minimize(
                objective,
                network.theta.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=objective.iteration_ends,
                options={"maxiter": max_iter, "maxfun": max_fun, "gtol": tol},
            )
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
        network.theta[...] = objective.theta
        state.n_iter, state.stop_reason = objective.n_iter, "interrupted"
        return
    network.theta[...] = result.x
    state.n_iter = min(result.nit, max_iter)
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
    """The loss as SciPy wants it, with a record of every iteration."""

    def __init__(self, network, X, y, w, state, verbose):
        self.network, self.state, self.verbose = network, state, verbose
        self.data = (X, y, w)
        self.n_rows = X.shape[0]
        self.norm = self.n_rows if w is None else float(w.sum(dtype=np.float64))
        self.n_iter = 0
        self.theta = network.theta.astype(np.float64)  # where the last iteration ended
        self.clock = time.perf_counter()
        network.allocate(self.n_rows)
        if network.random:
            # One draw for the whole run: a line search needs a function, not noise.
            network.draw(state.noise_rng, self.n_rows)

    def __call__(self, theta):
        self.network.theta[...] = theta
        self.loss = self.network.loss_grad(*self.data, self.norm)
        return self.loss, self.network.grad.astype(np.float64)

    def iteration_ends(self, theta):
        """Record an iteration; SciPy's last evaluation was at its end point."""
        now, grad = time.perf_counter(), self.network.grad
        self.n_iter += 1
        self.theta[...] = theta
        self.state.loss = self.loss
        self.state.epoch += 1
        self.state.t += self.n_rows
        self.state.best_loss = min(self.state.best_loss, self.loss)
        self.state.record(
            epoch=self.state.epoch,
            loss=self.loss,
            grad_norm=float(np.dot(grad, grad)) ** 0.5,
            seconds=now - self.clock,
        )
        self.clock = now
        if self.verbose:
            print(f"Iteration {self.n_iter}, loss = {self.loss:.8f}")
