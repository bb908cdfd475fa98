"""Training by minibatches: what was asked, what has happened, and the loop.

The loop knows a network only by ``theta``, ``grad``, ``groups``, ``allocate``,
``random``, ``draw`` and ``loss_grad``, and the estimator not at all. What is done
between two epochs is the work of :class:`sk_mlp._monitor.Monitor`.
"""

import copy
import time
from dataclasses import dataclass, field, replace
from math import inf, isfinite, nan
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_mlp._component import Progress
from sk_mlp._random import copy_generator
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

    max_iter: int
    tol: float
    n_iter_no_change: float
    early_stopping: bool
    optimizer: Any = None  # None: L-BFGS
    schedule: Any = None
    learning_rate_init: float = nan
    weight_decay: float = 0.0
    max_grad_norm: float | None = None
    objective: Any = None  # losses of equal objectives can be compared
    incremental: bool = False  # one epoch, no judgement on convergence
    resumed: bool = False  # the rest of a fit that was stopped


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
    last_theta: np.ndarray | None = None  # where it stopped, if theta is the best
    restored: bool = False  # theta is that of the best epoch
    stop_reason: str | None = None
    history: dict = field(default_factory=lambda: {key: [] for key in HISTORY_KEYS})

    @property
    def unfinished(self):
        """Whether training was stopped from outside and can be resumed."""
        return self.stop_reason in (None, "callback", "interrupted")

    def pursue(self, objective):
        """Forget the best loss of another objective, and the wait for a better one."""
        if self.objective != objective:
            self.objective, self.best_loss, self.no_improvement = objective, inf, 0

    def record(self, n_rows, *, loss, **measured):
        """Count an epoch over `n_rows` rows; what was not measured is NaN."""
        measured.update(epoch=self.epoch + 1, loss=loss)
        for key in HISTORY_KEYS:
            self.history[key].append(measured.get(key, nan))
        self.n_iter, self.epoch = self.n_iter + 1, self.epoch + 1
        self.t, self.loss = self.t + n_rows, loss

    def even_out(self):
        """Drop an epoch that Ctrl-C found half recorded."""
        n_epochs = min(map(len, self.history.values()))
        for values in self.history.values():
            del values[n_epochs:]

    def progress(self, max_iter):
        """Return how far the training has come, for a schedule."""
        return Progress(self.epoch, self.t, self.plateaus, max_iter, self.n_iter)

    def copy(self):
        """Return a copy that further training does not touch."""
        return replace(
            self,
            rng=copy_generator(self.rng),
            noise_rng=copy_generator(self.noise_rng),
            optimizer=copy.deepcopy(self.optimizer),
            history={key: list(values) for key, values in self.history.items()},
        )

    def compact(self):
        """Return a copy without what only further training needs."""
        dropped = ("rng", "noise_rng", "optimizer", "rule", "objective", "last_theta")
        return replace(self, **dict.fromkeys(dropped))

    def settle(self, network):
        """Restore the best epoch; if training can be resumed, keep the last as well."""
        if self.best_theta is not None:
            self.last_theta = network.theta.copy() if self.unfinished else None
            network.theta[...] = self.best_theta
            self.best_theta, self.restored = None, True


class Trainer:
    """Minimise a network's loss over minibatches.

    Parameters
    ----------
    plan : TrainingPlan
    monitor : Monitor
        Told of every epoch; says when to stop.
    """

    def __init__(self, plan, monitor):
        self.plan = plan
        self.monitor = monitor

    def run(self, network, batches, state):
        """Train until convergence, divergence, ``max_iter``, a callback or Ctrl-C.

        Parameters
        ----------
        network : Network
            Trained in place.
        batches : Batches
        state : TrainingState
            Updated in place.
        """
        plan = self.plan
        if state.rule != plan.optimizer:  # the numbers mean something else
            state.optimizer = plan.optimizer.init_state(network.theta)
            state.rule = copy.deepcopy(plan.optimizer)  # set_params may change it
        network.allocate(batches.batch_size)
        try:
            self._loop(network, batches, state)
        except KeyboardInterrupt:
            self.monitor.interrupted()
        if state.stop_reason == "max_iter" and not plan.incremental:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({plan.max_iter}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )
        state.settle(network)

    def _loop(self, network, batches, state):
        """Train epoch by epoch until the monitor says why to stop."""
        monitor, groups = self.monitor, self._groups(network)
        monitor.start(network)
        while state.stop_reason is None:
            monitor.epoch_begins()
            # Overflow shows as a loss that is not finite.
            with np.errstate(all="ignore"):
                measured = self._epoch(network, batches, state, groups)
            monitor.epoch_ends(network, batches.n_rows, **measured)

    def _epoch(self, network, batches, state, groups):
        """Go over the rows once; return what was measured."""
        plan, start = self.plan, time.perf_counter()
        progress = state.progress(plan.max_iter)
        loss_sum = norm_sum = 0.0
        n_steps = n_seen = 0
        for x, y, w in batches.epoch(state.rng):
            n_rows = len(y)
            progress.fraction = n_seen / batches.n_rows
            rate = float(plan.schedule.rate(plan.learning_rate_init, progress))
            if network.random:
                network.draw(state.noise_rng, n_rows)
            loss = network.loss_grad(x, y, w, n_rows * batches.mean_weight)
            n_steps += 1
            n_seen += n_rows
            loss_sum += loss * n_rows
            if not isfinite(loss):  # a step would spoil all parameters
                break
            norm_sum += self._clip(network.grad)
            plan.optimizer.step(
                network.theta, network.grad, state.optimizer, rate, groups
            )
        if rate == 0:
            self._warn_of_standstill(state.history["learning_rate"])
        return {
            "loss": loss_sum / n_seen,
            "learning_rate": rate,  # of the last step
            "grad_norm": norm_sum / n_steps,
            "seconds": time.perf_counter() - start,
        }

    def _clip(self, grad):
        """Shorten the gradient to ``max_grad_norm``; return its norm before."""
        norm, limit = float(np.dot(grad, grad)) ** 0.5, self.plan.max_grad_norm
        if norm == inf:  # the squares have no room in float32, their root may have
            largest = float(np.abs(grad).max())
            norm = largest * float(np.linalg.norm(grad / largest))
        if limit is not None and norm > limit:
            grad *= limit / norm
        return norm

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

    def _warn_of_standstill(self, rates):
        if not (rates and rates[-1] == 0):  # else it was said
            warn(
                f"The learning rate is 0: the schedule {self.plan.schedule!r} is at "
                "its end, and nothing is learned any more. Give it a longer span "
                "(n_epochs) or a final_factor above 0."
            )
