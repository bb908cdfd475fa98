"""Training by minibatches: what was asked, what has happened, and the loop.

The loop knows a network only by ``theta``, ``grad``, ``groups``, ``draw`` and
``loss_grad``, and the estimator not at all.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_mlp._component import Progress
from sk_mlp._warnings import warn

HISTORY_KEYS = (
    "epoch",
    "loss",
    "val_loss",
    "val_score",
    "learning_rate",
    "grad_norm",
    "seconds",
)


@dataclass(frozen=True)
class TrainingPlan:
    """What was asked for; nothing in it changes during training."""

    optimizer: Any
    schedule: Any
    learning_rate_init: float
    max_iter: int
    tol: float
    n_iter_no_change: float
    early_stopping: bool
    weight_decay: float = 0.0
    verbose: bool = False
    objective: Any = None  # losses of equal objectives can be compared
    incremental: bool = False  # one epoch, no judgement on convergence


@dataclass
class TrainingState:
    """What has happened so far; enough to go on later as if never interrupted."""

    rng: np.random.RandomState
    noise_rng: np.random.Generator | None = None
    optimizer: dict | None = None  # its state, made by `rule`
    rule: Any = None
    objective: Any = None  # what `best_loss` is the least value of
    n_iter: int = 0  # epochs of this fit
    epoch: int = 0  # epochs of all fits
    t: int = 0  # training samples seen by all fits
    plateaus: int = 0
    no_improvement: int = 0
    loss: float = nan
    best_loss: float = inf
    best_score: float = -inf
    best_theta: np.ndarray | None = None  # only while training
    stop_reason: str | None = None
    history: dict = field(default_factory=lambda: {key: [] for key in HISTORY_KEYS})

    def pursue(self, objective):
        """Forget the best loss of another objective, and the wait for a better one."""
        if self.objective != objective:
            self.objective, self.best_loss, self.no_improvement = objective, inf, 0

    def record(self, **values):
        """Append one epoch to the history; what was not measured is NaN."""
        for key in HISTORY_KEYS:
            self.history[key].append(values.get(key, nan))


class Trainer:
    """Minimise a network's loss over minibatches.

    Parameters
    ----------
    plan : TrainingPlan
    validate : callable or None, default=None
        Returns (loss, score) of the network on the validation set; asked for after
        every epoch when the plan stops early.
    """

    def __init__(self, plan, validate: Callable | None = None):
        self.plan = plan
        self.validate = validate

    def run(self, network, batches, state):
        """Train until convergence, divergence, ``max_iter`` or Ctrl-C.

        Parameters
        ----------
        network : Network
            Trained in place.
        batches : Batches
        state : TrainingState
            Updated in place.
        """
        plan = self.plan
        self._start(network, batches, state)
        try:
            # Overflow shows as a non-finite loss, which is judged after each epoch.
            with np.errstate(all="ignore"):
                while state.stop_reason is None:
                    self._epoch(network, batches, state)
                    state.stop_reason = self._judge(network, state)
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
            state.stop_reason = "interrupted"
        if state.stop_reason == "max_iter" and not plan.incremental:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({plan.max_iter}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )
        if not plan.early_stopping:
            state.best_score = -inf  # it belonged to other parameters
        elif state.best_theta is not None:
            network.theta[...] = state.best_theta
        state.best_theta = None

    def _start(self, network, batches, state):
        if state.stop_reason == "converged":
            state.no_improvement = 0  # asked to go on: patience starts anew
        state.stop_reason = None
        if not self.plan.incremental:
            state.n_iter = 0
        state.pursue(self.plan.objective)
        if state.rule != self.plan.optimizer:  # the numbers mean something else
            state.optimizer = self.plan.optimizer.init_state(network.theta)
            state.rule = self.plan.optimizer
        if self.plan.early_stopping and np.isfinite(state.best_score):
            state.best_theta = network.theta.copy()  # what the last fit restored
        network.allocate(batches.batch_size)

    def _epoch(self, network, batches, state):
        """Go over the rows once and record what happened."""
        plan, start = self.plan, time.perf_counter()
        rate = plan.schedule.rate(plan.learning_rate_init, self._progress_of(state))
        groups = self._groups(network)
        loss_sum = norm_sum = 0.0
        n_steps = 0
        for x, y, w in batches.epoch(state.rng):
            n_steps += 1
            n_rows = len(y)
            if network.random:
                network.draw(state.noise_rng, n_rows)
            loss = network.loss_grad(x, y, w, n_rows * batches.mean_weight)
            loss_sum += loss * n_rows
            norm_sum += float(np.dot(network.grad, network.grad)) ** 0.5
            plan.optimizer.step(
                network.theta, network.grad, state.optimizer, rate, groups
            )
        state.n_iter += 1
        state.epoch += 1
        state.t += batches.n_rows
        state.loss = loss_sum / batches.n_rows
        measured = {}
        if plan.early_stopping:
            measured["val_loss"], measured["val_score"] = self.validate(network)
        state.record(
            epoch=state.epoch,
            loss=state.loss,
            learning_rate=rate,
            grad_norm=norm_sum / n_steps,
            seconds=time.perf_counter() - start,
            **measured,
        )
        self._print_epoch(state)

    def _groups(self, network):
        """Return the optimizer's groups: neighbours that are treated alike, merged."""
        decay = self.plan.weight_decay + self.plan.optimizer.weight_decay
        merged = []
        for start, stop, factor, decayed in network.groups:
            treated = (factor, decay if decayed else 0.0)
            if merged and merged[-1][2:] == treated:
                start = merged.pop()[0]
            merged.append((start, stop, *treated))
        return merged

    def _judge(self, network, state):
        """Return why training ends after this epoch, or None to go on."""
        plan = self.plan
        loss = state.loss
        if not np.isfinite(loss + float(network.theta.sum())):
            return "diverged"
        if plan.early_stopping:
            self._watch(network, state, state.history["val_score"][-1])
        else:
            improved = loss <= state.best_loss - plan.tol
            state.no_improvement = 0 if improved else state.no_improvement + 1
            state.best_loss = min(state.best_loss, loss)
        if state.no_improvement > plan.n_iter_no_change and self._plateau(state):
            return "converged"
        if plan.incremental or state.n_iter >= plan.max_iter:
            return "max_iter"
        return None

    def _watch(self, network, state, score):
        """Keep the best parameters; a NaN score is worse than any other."""
        improved = score >= state.best_score + self.plan.tol
        state.no_improvement = 0 if improved else state.no_improvement + 1
        if score > state.best_score:
            state.best_score = score
            if state.best_theta is None:
                state.best_theta = network.theta.copy()
            else:
                state.best_theta[...] = network.theta

    def _plateau(self, state):
        """Tell the user and the schedule; return whether training is over."""
        plan = self.plan
        what = "Validation score" if plan.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={plan.tol:f} for "
            f"{plan.n_iter_no_change} consecutive epochs."
        )
        rate = state.history["learning_rate"][-1]
        if not plan.schedule.absorbs_plateau(rate):
            reason = " Learning rate too small." if state.plateaus else ""
            self._print(f"{message}{reason} Stopping.")
            return True
        state.plateaus += 1
        state.no_improvement = 0
        rate = plan.schedule.rate(plan.learning_rate_init, self._progress_of(state))
        self._print(f"{message} Setting learning rate to {rate:f}")
        return False

    def _progress_of(self, state):
        return Progress(
            epoch=state.epoch,
            t=state.t,
            plateaus=state.plateaus,
            max_iter=self.plan.max_iter,
        )

    def _print_epoch(self, state):
        self._print(f"Iteration {state.n_iter}, loss = {state.loss:.8f}")
        if self.plan.early_stopping:
            self._print(f"Validation score: {state.history['val_score'][-1]:f}")

    def _print(self, line):
        if self.plan.verbose:
            print(line)
