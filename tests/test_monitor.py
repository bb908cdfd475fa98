"""What happens between two epochs, with the epochs of a script and no network."""

from math import inf, nan

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sk_mlp import schedules
from sk_mlp._monitor import Monitor
from sk_mlp._trainer import TrainingPlan, TrainingState


class Network:
    def __init__(self):
        self.theta = np.zeros(2)


class Hooks:
    def __init__(self, stop_after=inf):
        self.calls, self.stop_after = [], stop_after

    def begin(self):
        self.calls.append("fit")

    def epoch_begins(self):
        self.calls.append("begin")

    def epoch_ends(self):
        self.calls.append("end")
        return self.calls.count("end") >= self.stop_after


def plan(**settings):
    defaults = {
        "max_iter": 50,
        "tol": 1e-4,
        "n_iter_no_change": 3,
        "early_stopping": False,
        "schedule": schedules.get("constant"),
        "learning_rate_init": 0.1,
    }
    return TrainingPlan(**{**defaults, **settings})


def follow(losses, scores=None, state=None, hooks=None, **settings):
    """Return monitor, network and state after epochs of these losses and scores."""
    state = state or TrainingState(np.random.RandomState(0))
    network, validate = Network(), None
    if scores is not None:
        scores = iter(scores)

        def validate(seen):
            assert seen is network
            return 0.5, next(scores)

    monitor = Monitor(plan(**settings), state, validate, hooks=hooks)
    monitor.start(network)
    for k, loss in enumerate(losses, 1):
        if state.stop_reason is not None:
            break
        monitor.epoch_begins()
        network.theta[...] = k
        monitor.epoch_ends(network, 10, loss, learning_rate=0.1)
    return monitor, network, state


def test_epochs_are_counted_and_recorded():
    _, _, state = follow([3.0, 2.0], scores=[0.1, 0.2])
    assert (state.n_iter, state.epoch, state.t, state.loss) == (2, 2, 20, 2.0)
    assert state.history["epoch"] == [1, 2]
    assert state.history["loss"] == [3.0, 2.0]
    assert state.history["val_loss"] == [0.5, 0.5]
    assert state.history["val_score"] == [0.1, 0.2]
    assert np.isnan(state.history["grad_norm"]).all()  # was not measured


def test_a_validation_set_alone_is_only_watched():
    """Nothing is kept or stopped by it, but the best score is known."""
    _, _, state = follow([9.0, 8, 7, 6, 5, 4], scores=[0.9, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert state.stop_reason is None and state.best_theta is None
    assert state.best_score == 0.9 and state.best_loss == 4.0
    state.settle(network := Network())
    assert not state.restored and not network.theta.any()


def test_the_best_epoch_is_restored_and_the_last_one_kept_for_later():
    monitor, network, state = follow(
        [1.0] * 4, scores=[0.1, 0.7, 0.2, 0.3], early_stopping=True
    )
    state.settle(network)
    assert_array_equal(network.theta, 2.0)
    assert_array_equal(state.last_theta, 4.0)
    assert state.restored and state.best_theta is None and state.unfinished

    resumed = Monitor(plan(early_stopping=True, resumed=True), state, monitor.validate)
    resumed.start(network)
    assert_array_equal(network.theta, 4.0)
    assert_array_equal(state.best_theta, 2.0)
    assert (state.best_score, state.n_iter) == (0.7, 4)
    assert state.no_improvement == 2


def test_a_finished_training_keeps_one_set_of_parameters():
    _, network, state = follow([1.0] * 9, scores=[0.7] + [0.1] * 8, early_stopping=True)
    assert state.stop_reason == "converged"
    state.settle(network)
    assert_array_equal(network.theta, 1.0)
    assert state.last_theta is None and not state.unfinished


def test_a_later_fit_judges_the_best_parameters_anew():
    _, network, state = follow([1.0] * 9, scores=[0.7] * 9, early_stopping=True)
    state.settle(network)
    other_data = Monitor(plan(early_stopping=True), state, lambda network: (1.0, 0.3))
    other_data.start(network)
    assert state.best_score == 0.3
    assert_array_equal(state.best_theta, network.theta)
    no_number = Monitor(plan(early_stopping=True), state, lambda network: (nan, nan))
    state.restored = True
    no_number.start(network)
    assert state.best_score == -inf


@pytest.mark.parametrize("loss", [nan, inf, -inf])
def test_a_loss_that_is_no_number_ends_it_without_validation_or_hook(loss):
    hooks = Hooks()
    _, _, state = follow([1.0, loss, 1.0], scores=[0.5], hooks=hooks)
    assert (state.stop_reason, state.n_iter) == ("diverged", 2)
    assert hooks.calls == ["fit", "begin", "end", "begin"]
    assert np.isnan(state.history["val_score"][1])


def test_parameters_that_are_no_numbers_end_it():
    monitor, network, state = follow([])
    network.theta[0] = inf
    monitor.epoch_ends(network, 10, 1.0)
    assert state.stop_reason == "diverged"


def test_a_hook_ends_it():
    hooks = Hooks(stop_after=2)
    _, _, state = follow([3.0, 2.0, 1.0], hooks=hooks)
    assert (state.stop_reason, state.n_iter) == ("callback", 2)
    assert hooks.calls == ["fit", "begin", "end", "begin", "end"]
    assert state.unfinished


def test_a_hook_cannot_unfinish_the_last_epoch():
    _, _, state = follow([3.0, 2.0], hooks=Hooks(stop_after=2), max_iter=2)
    assert state.stop_reason == "max_iter" and not state.unfinished


def test_patience_without_end_does_not_count():
    """L-BFGS, whose loss SciPy judges; a later solver would inherit the count."""
    _, _, state = follow([1.0] * 9, n_iter_no_change=inf, schedule=None)
    assert state.no_improvement == 0 and state.stop_reason is None


def test_patience_without_a_schedule():
    _, _, state = follow([1.0] * 9, schedule=None)
    assert (state.stop_reason, state.n_iter) == ("converged", 5)


def test_the_state_is_ready_for_hooks_when_the_fit_begins():
    state = TrainingState(np.random.RandomState(0), stop_reason="max_iter", n_iter=7)
    seen = []

    class Spy(Hooks):
        def begin(self):
            seen.append((state.stop_reason, state.n_iter))

    follow([], state=state, hooks=Spy())
    assert seen == [(None, 0)]


@pytest.mark.parametrize("score", [inf, -inf, nan])
def test_a_score_that_is_not_finite_is_worse_than_any(score):
    _, _, state = follow([1.0] * 4, [0.1, 0.5, score, 0.3], early_stopping=True)
    assert state.best_score == 0.5
    assert_array_equal(state.best_theta, 2.0)


def test_an_interrupted_validation_leaves_the_epoch_out():
    state = TrainingState(np.random.RandomState(0))

    def validate(network):
        raise KeyboardInterrupt

    monitor = Monitor(plan(), state, validate)
    monitor.start(network := Network())
    with pytest.raises(KeyboardInterrupt):
        monitor.epoch_ends(network, 10, 1.0)
    assert (state.n_iter, state.epoch, state.t) == (0, 0, 0)
    assert state.history["loss"] == []


def test_an_interrupt_between_blocks_is_passed_on():
    monitor, _, _ = follow([], incremental=True)
    with pytest.raises(KeyboardInterrupt):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            monitor.interrupted()


def test_an_interrupt_does_not_change_a_verdict():
    _, _, state = follow([1.0, nan])
    monitor = Monitor(plan(), state)
    state.history["loss"].append(0.5)  # an epoch half recorded
    with pytest.warns(UserWarning, match="interrupted by user"):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            monitor.interrupted()
    assert state.stop_reason == "diverged"
    assert {len(values) for values in state.history.values()} == {2}


def test_an_interrupt_at_the_very_end_loses_nothing():
    class Slow(Hooks):
        def end(self):
            raise KeyboardInterrupt

    monitor, _, state = follow([3.0, 2.0], hooks=Slow(), max_iter=2)
    with pytest.warns(UserWarning, match="interrupted by user"):
        monitor.ends()
    assert state.stop_reason == "max_iter"


def test_an_interrupt_before_the_first_epoch():
    _, _, state = follow([1.0] * 9)
    assert state.stop_reason == "converged"
    monitor = Monitor(plan(), state)
    monitor.start(Network())
    with pytest.warns(UserWarning, match="interrupted by user"):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            monitor.interrupted()
    assert state.stop_reason == "interrupted" and state.n_iter == 0
