"""What happens between two epochs, whatever the solver: the best epoch is kept,
patience is counted, the user is told, and it is decided whether training goes on.
"""

from math import inf, isfinite, nan

import numpy as np

from sk_mlp._interrupts import is_final
from sk_mlp._warnings import warn


class Monitor:
    """Follows a training epoch by epoch.

    Parameters
    ----------
    plan : TrainingPlan
    state : TrainingState
        Updated in place.
    validate : callable or None, default=None
        Returns (loss, score) of the network on rows it is not trained on.
    report : Report or None, default=None
        Tells the user.
    hooks : object or None, default=None
        With ``begin()`` and ``end()`` of the training, ``epoch_begins()`` and
        ``epoch_ends()``, which returns whether to stop.
    """

    def __init__(self, plan, state, validate=None, report=None, hooks=None):
        self.plan = plan
        self.state = state
        self.validate = validate
        self.report = report
        self.hooks = hooks

    def start(self, network):
        """Make the state ready for this training."""
        plan, state = self.plan, self.state
        before, state.stop_reason = state.stop_reason, None
        state.pursue(plan.objective)
        if plan.resumed:
            self._return_to_last(network)
        else:
            if before == "converged":
                state.no_improvement = 0  # asked to go on: patience starts anew
            if not plan.incremental:
                state.n_iter = 0
            state.best_score, state.last_theta = -inf, None
            if plan.early_stopping and state.restored:
                # Judged anew: the rows, the metric or the weights may be others now.
                state.best_theta = network.theta.copy()
                state.best_score = self._score_of(network)
        state.restored = False
        if self.hooks:
            self.hooks.begin()

    def _return_to_last(self, network):
        """Go back to where training stood, if the best epoch was restored."""
        state = self.state
        if state.restored and self.plan.early_stopping:
            state.best_theta = network.theta.copy()
        if state.last_theta is not None:
            network.theta[...] = state.last_theta
            state.last_theta = None

    def _score_of(self, network):
        score = self.validate(network)[1]
        return score if isfinite(score) else -inf

    def epoch_begins(self):
        if self.hooks:
            self.hooks.epoch_begins()

    def epoch_ends(self, network, n_rows, loss, **measured):
        """Record and judge an epoch; sets ``state.stop_reason`` if it was the last."""
        state = self.state
        with np.errstate(all="ignore"):
            diverged = not isfinite(loss + float(network.theta.sum()))
        val_loss = val_score = nan
        if self.validate and not diverged:
            val_loss, val_score = self.validate(network)
        # A Ctrl-C above leaves the epoch out.
        state.record(
            n_rows, loss=loss, val_loss=val_loss, val_score=val_score, **measured
        )
        is_best = self._compare(network, loss, val_score)
        if self.report:
            self.report.epoch(state, validated=bool(self.validate), is_best=is_best)
        if diverged:
            state.stop_reason = "diverged"
            return
        state.stop_reason = self._judge()
        if self.hooks and self.hooks.epoch_ends() and state.stop_reason is None:
            state.stop_reason = "callback"

    def _compare(self, network, loss, score):
        """Compare with the best so far; return whether this epoch is better.

        A NaN is worse than any number: every comparison with it is False.
        """
        plan, state = self.plan, self.state
        score = score if isfinite(score) else nan
        if plan.early_stopping:
            improved = score >= state.best_score + plan.tol
        else:
            improved = loss <= state.best_loss - plan.tol
        if improved or plan.n_iter_no_change == inf:
            state.no_improvement = 0
        else:
            state.no_improvement += 1
        least_loss, best_score = loss < state.best_loss, score > state.best_score
        if least_loss and not plan.early_stopping:
            state.best_loss = loss
        if best_score:
            state.best_score = score
            if plan.early_stopping:
                self._keep(network)
        return best_score if self.validate else least_loss

    def _keep(self, network):
        if self.state.best_theta is None:
            self.state.best_theta = network.theta.copy()
        else:
            self.state.best_theta[...] = network.theta

    def _judge(self):
        """Return why training ends after this epoch, or None to go on."""
        plan, state = self.plan, self.state
        if state.no_improvement > plan.n_iter_no_change and self._plateau():
            return "converged"
        if plan.incremental or state.n_iter >= plan.max_iter:
            return "max_iter"
        return None

    def _plateau(self):
        """Tell the user and the schedule; return whether training is over."""
        plan, state = self.plan, self.state
        what = "Validation score" if plan.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={plan.tol:f} for "
            f"{plan.n_iter_no_change} consecutive epochs."
        )
        rate = state.history["learning_rate"][-1]
        if plan.schedule is None or not plan.schedule.absorbs_plateau(rate):
            reason = " Learning rate too small." if state.plateaus else ""
            if not plan.incremental:  # where the user stops
                self._say(f"{message}{reason} Stopping.")
            return True
        state.plateaus += 1
        state.no_improvement = 0
        progress = state.progress(plan.max_iter)
        rate = plan.schedule.rate(plan.learning_rate_init, progress)
        self._say(f"{message} Setting learning rate to {rate:f}")
        return False

    def _say(self, message):
        if self.report:
            self.report.say(message)

    def ends(self):
        """Tell the hooks that all is over; Ctrl-C in one of them loses nothing."""
        try:
            if self.hooks:
                self.hooks.end()
        except KeyboardInterrupt:
            self.interrupted()

    def interrupted(self):
        """Answer Ctrl-C: keep what was learned, or let it pass; in an except clause."""
        if self.plan.incremental or is_final():  # a stream of blocks would go on
            raise
        warn("Training interrupted by user.")
        self.state.even_out()
        if self.state.stop_reason is None:  # else the last epoch was judged already
            self.state.stop_reason = "interrupted"
