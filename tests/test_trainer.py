"""The training loop with a stub in place of the network, which it knows only by
``theta``, ``grad``, ``groups``, ``random``, ``allocate``, ``draw`` and ``loss_grad``.
"""

import copy
import pickle
import re
import warnings
from dataclasses import FrozenInstanceError
from math import inf, isnan, nan

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from sk_mlp import optimizers, schedules
from sk_mlp._batches import Batches
from sk_mlp._monitor import Monitor
from sk_mlp._report import report_of
from sk_mlp._trainer import HISTORY_KEYS, Trainer, TrainingPlan, TrainingState
from sk_mlp.schedules import Progress


class Stub:
    """Reports the losses of a script, one per call, and a gradient of ones."""

    random = False

    def __init__(self, losses, size=3):
        self.theta = np.zeros(size)
        self.grad = np.zeros(size)
        self.groups = [(0, 2, 1.0, True), (2, size, 0.5, False)]
        self.losses = iter(losses)
        self.calls, self.allocated, self.draws = [], None, []

    def allocate(self, n_rows):
        self.allocated = n_rows

    def draw(self, rng, n_rows):
        self.draws.append((rng, n_rows))

    def loss_grad(self, x, y, w, norm):
        self.calls.append((y.copy(), norm))
        self.grad[...] = 1.0
        loss = next(self.losses)
        if isinstance(loss, BaseException):
            raise loss
        return loss


def batches(n=6, batch_size=6, w=None, shuffle=False):
    y = np.arange(float(n))[:, np.newaxis]
    return Batches(np.zeros((n, 2)), y, w, batch_size=batch_size, shuffle=shuffle)


def plan(**settings):
    defaults = {
        "optimizer": optimizers.SGD(momentum=0.0, nesterovs_momentum=False),
        "schedule": schedules.get("constant"),
        "learning_rate_init": 0.1,
        "max_iter": 50,
        "tol": 1e-4,
        "n_iter_no_change": 3,
        "early_stopping": False,
    }
    return TrainingPlan(**{**defaults, **settings})


def train(losses, state=None, data=None, scores=None, network=None, **settings):
    """Return network and state after training; warnings are for the caller."""
    network = network or Stub(losses)
    state = state or TrainingState(rng=np.random.RandomState(0))
    validate = None
    if scores is not None:
        scores = iter(scores)
        settings["early_stopping"] = True

        def validate(seen):
            assert seen is network
            return 0.5, next(scores)

    report = report_of(settings.pop("verbose", False))
    planned = plan(**settings)
    monitor = Monitor(planned, state, validate, report)
    Trainer(planned, monitor).run(network, data or batches(), state)
    return network, state


max_iter_reached = pytest.warns(ConvergenceWarning, match="Maximum iterations")


# Why training ends ------------------------------------------------------------------


def test_it_converges_when_patience_ends():
    """As scikit-learn counts: more than n_iter_no_change epochs without improvement."""
    _, state = train([1.0] + [0.9] * 20)
    # The second epoch improves; of the equal ones after it, the fourth is one too many.
    assert state.stop_reason == "converged"
    assert state.n_iter == 6
    assert state.no_improvement == 4
    assert state.best_loss == 0.9


@pytest.mark.parametrize("n_iter_no_change", [1, 2, 5])
def test_patience_starts_anew_after_an_improvement(n_iter_no_change):
    flat = [1.0] * n_iter_no_change
    losses = [1.0, *flat, 0.5, *[0.5] * (n_iter_no_change + 1), 0.1]
    _, state = train(losses, n_iter_no_change=n_iter_no_change)
    assert state.stop_reason == "converged"
    assert state.n_iter == len(losses) - 1


def test_an_improvement_by_tol_or_more_counts():
    _, state = train([1.0, 0.75, 0.5, 0.25, 0.01] + [0.0] * 9, tol=0.25)
    assert state.n_iter == 4 + 4  # from 0.25 on nothing improves by 0.25


def test_no_improvement_is_needed_without_limit():
    with max_iter_reached:
        _, state = train([1.0] * 50, n_iter_no_change=inf)
    assert (state.stop_reason, state.n_iter) == ("max_iter", 50)


def test_the_maximum_of_epochs_warns_as_scikit_learn_does():
    text = re.escape(
        "Stochastic Optimizer: Maximum iterations (3) reached and the optimization "
        "hasn't converged yet."
    )
    with pytest.warns(ConvergenceWarning, match=text) as record:
        _, state = train([3.0, 2.0, 1.0], max_iter=3)
    assert state.stop_reason == "max_iter"
    assert len(record) == 1


def test_convergence_in_the_last_epoch_is_convergence():
    _, state = train([1.0] * 5, max_iter=5)  # no warning
    assert state.stop_reason == "converged"


def test_one_epoch_of_partial_fit_neither_warns_nor_starts_anew():
    _, state = train([1.0], incremental=True)
    assert (state.stop_reason, state.n_iter) == ("max_iter", 1)
    _, state = train([0.9], state=state, incremental=True)
    assert (state.n_iter, state.epoch, state.t) == (2, 2, 12)
    assert state.history["loss"] == [1.0, 0.9]


@pytest.mark.parametrize("loss", [nan, inf, -inf])
def test_a_loss_that_is_no_number_stops(loss):
    _, state = train([1.0, loss, 0.5])
    assert (state.stop_reason, state.n_iter) == ("diverged", 2)
    assert len(state.history["loss"]) == 2


def test_parameters_that_overflow_stop_without_a_warning():
    _, state = train([1.0] * 9, learning_rate_init=1e308, n_iter_no_change=20)
    assert state.stop_reason == "diverged"
    assert state.n_iter <= 3


def test_ctrl_c_warns_and_keeps_what_was_learned():
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        network, state = train([3.0, 2.0, KeyboardInterrupt()])
    assert (state.stop_reason, state.n_iter) == ("interrupted", 2)
    assert state.history["loss"] == [3.0, 2.0]
    assert_allclose(network.theta, [-0.2, -0.2, -0.1])


def test_ctrl_c_with_early_stopping_restores_the_best():
    with pytest.warns(UserWarning, match="interrupted"):
        network, state = train(
            [3.0, 2.0, 1.0, KeyboardInterrupt()], scores=[0.5, 0.9, 0.1]
        )
    assert_allclose(network.theta, [-0.2, -0.2, -0.1])
    assert state.best_theta is None


def test_other_exceptions_pass():
    with pytest.raises(ZeroDivisionError):
        train([1.0, ZeroDivisionError()])


# Early stopping ---------------------------------------------------------------------


def test_the_best_parameters_come_back_in_place():
    network = Stub([1.0] * 20)
    theta = network.theta
    _, state = train([], network=network, scores=[0.1, 0.7, 0.2, 0.7, 0.3, 0.4, 0.5])
    assert state.stop_reason == "converged"
    assert state.n_iter == 6  # 0.7 at the second epoch, then four without improvement
    assert network.theta is theta
    assert_allclose(theta, [-0.2, -0.2, -0.1])  # of the first 0.7
    assert state.best_score == 0.7
    assert state.best_theta is None  # nothing of the size of theta is kept
    assert state.best_loss == inf  # judged by the score alone


def test_a_better_score_counts_even_below_tol():
    """Improvement by less than tol costs patience, but the better one is kept."""
    network, state = train(
        [1.0] * 20, scores=[0.5, 0.5001, 0.5002, 0.5003, 0.5], tol=0.01
    )
    assert state.n_iter == 5
    assert state.best_score == 0.5003
    assert_allclose(network.theta, [-0.4, -0.4, -0.2])


def test_a_score_that_improves_by_tol_resets_the_patience():
    scores = [0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25, 0.25]
    _, state = train([1.0] * 20, scores=scores, tol=0.25)
    assert state.n_iter == 9


def test_a_score_that_is_no_number_is_worse_than_any():
    network, state = train([1.0] * 20, scores=[nan, 0.5, nan, nan, nan, nan])
    assert (state.stop_reason, state.n_iter) == ("converged", 6)
    assert state.best_score == 0.5
    assert_allclose(network.theta, [-0.2, -0.2, -0.1])


def test_no_score_at_all_leaves_the_last_parameters():
    network, state = train([1.0] * 20, scores=[nan] * 9)
    assert state.stop_reason == "converged"
    assert_allclose(network.theta, -0.1 * state.n_iter * np.array([1, 1, 0.5]))


def test_going_on_never_ends_worse_than_the_last_fit():
    network, state = train([1.0] * 20, scores=[0.1, 0.9, 0.1, 0.1, 0.1, 0.1])
    best = network.theta.copy()
    network.losses = iter([1.0] * 20)
    train([], network=network, state=state, scores=[0.9] + [0.2] * 9)  # 0.9 again
    assert state.best_score == 0.9
    assert_array_equal(network.theta, best)


# What a step gets -------------------------------------------------------------------


def test_every_batch_has_its_share_of_the_norm():
    w = np.arange(1.0, 8.0)[:, np.newaxis]  # mean 4
    with max_iter_reached:
        network, state = train([1.0, 2.0, 6.0] * 2, data=batches(7, 3, w), max_iter=2)
    assert [norm for _, norm in network.calls[:3]] == [12.0, 12.0, 4.0]
    assert network.allocated == 3
    # The loss of an epoch is the mean over rows, not over batches.
    assert_allclose(state.history["loss"], [(3 * 1.0 + 3 * 2.0 + 6.0) / 7] * 2)


def test_groups_have_rates_and_decays_of_their_own():
    """The decay that was asked for adds to the optimizer's own, for weights only."""
    steps = []

    class Recorder(optimizers.Optimizer):
        weight_decay: float = 0.25

        def step(self, theta, grad, state, rate, groups=None):
            steps.append((rate, groups))

    with max_iter_reached:
        train([1.0], optimizer=Recorder(), weight_decay=0.5, max_iter=1)
    assert steps == [(0.1, [(0, 2, 1.0, 0.75), (2, 3, 0.5, 0.0)])]


def test_a_decayed_step_by_hand():
    network = Stub([1.0])
    network.theta[...] = 1.0
    with max_iter_reached:
        train([], network=network, weight_decay=0.5, max_iter=1)
    assert_allclose(network.theta, [0.95 - 0.1, 0.95 - 0.1, 1.0 - 0.05], rtol=1e-14)


def test_noise_is_drawn_for_every_batch_of_a_random_network_only():
    generator = np.random.default_rng(0)
    for random in (False, True):
        network = Stub([1.0] * 9)
        network.random = random
        state = TrainingState(np.random.RandomState(0), noise_rng=generator)
        with max_iter_reached:
            train([], network=network, state=state, data=batches(7, 3), max_iter=1)
        assert network.draws == ([(generator, n) for n in (3, 3, 1)] if random else [])


def test_rows_are_shuffled_by_the_rng_of_the_state():
    y = np.arange(30.0)[:, np.newaxis]
    data = Batches(np.zeros((30, 2)), y, None, np.arange(30), batch_size=30)
    with max_iter_reached:
        network, _ = train([1.0] * 2, data=data, max_iter=2)
    rng, order = np.random.RandomState(0), np.arange(30)
    for y, _ in network.calls:
        rng.shuffle(order)
        assert_array_equal(y[:, 0], order)


# Schedules --------------------------------------------------------------------------


def test_adaptive_divides_the_rate_at_every_plateau_until_it_is_small():
    schedule = schedules.Adaptive(factor=10.0, min_rate=1e-3)
    _, state = train([1.0] * 50, schedule=schedule)
    assert state.stop_reason == "converged"
    # The first epoch improves on nothing; then 4 epochs a plateau, as scikit-learn.
    rates = [0.1] * 5 + [0.01] * 4 + [0.001] * 4
    assert_allclose(state.history["learning_rate"], rates, rtol=1e-12)
    assert state.plateaus == 2


def test_invscaling_counts_the_samples_of_the_epochs_before():
    with max_iter_reached:
        _, state = train(
            [3.0, 2.0, 1.0], schedule=schedules.InvScaling(power_t=1.0), max_iter=3
        )
    rates = [0.1, 0.1 / 7, 0.1 / 13]
    assert_allclose(state.history["learning_rate"], rates, rtol=1e-14)
    assert state.t == 18


def test_a_schedule_is_told_the_progress():
    seen = []

    class Spy(schedules.Schedule):
        def rate(self, base, progress):
            seen.append(copy.copy(progress))
            return base

    with max_iter_reached:
        train([3.0, 2.0], schedule=Spy(), max_iter=2)
    assert seen == [
        Progress(epoch=0, t=0, max_iter=2, n_iter=0),
        Progress(epoch=1, t=6, max_iter=2, n_iter=1),
    ]


# Going on ---------------------------------------------------------------------------


def test_a_second_fit_goes_on_with_state_and_counts():
    adam = optimizers.get("adam")
    data = batches(7, 3)
    with max_iter_reached:
        network, state = train([3.0] * 6, data=data, optimizer=adam, max_iter=2)
    slots = state.optimizer
    assert slots["t"] == 6
    network.losses = iter([2.0] * 6)
    with max_iter_reached:
        train([], network=network, state=state, data=data, optimizer=adam, max_iter=2)
    assert state.optimizer is slots and slots["t"] == 12
    assert (state.n_iter, state.epoch, state.t) == (2, 4, 28)
    assert state.history["epoch"] == [1, 2, 3, 4]


def test_two_runs_equal_one():
    adam = optimizers.get("adam")
    with max_iter_reached:
        once, _ = train(np.linspace(4, 1, 4), optimizer=adam, max_iter=4)
    with max_iter_reached:
        twice, state = train([4.0, 3.0], optimizer=adam, max_iter=2)
    twice.losses = iter([2.0, 1.0])
    state = pickle.loads(pickle.dumps(state))
    with max_iter_reached:
        train([], network=twice, state=state, optimizer=adam, max_iter=2)
    assert_array_equal(twice.theta, once.theta)


def test_another_optimizer_starts_with_a_state_of_its_own():
    with max_iter_reached:
        network, state = train([3.0], max_iter=1)
    network.losses = iter([2.0])
    with max_iter_reached:
        train(
            [],
            network=network,
            state=state,
            optimizer=optimizers.get("adam"),
            max_iter=1,
        )
    assert state.optimizer["t"] == 1
    assert set(optimizers.get("adam").slots) <= set(state.optimizer)


def test_patience_starts_anew_when_a_converged_training_goes_on():
    network, state = train([1.0] * 9)
    assert state.stop_reason == "converged"
    network.losses = iter([1.0] * 9)
    train([], network=network, state=state)
    assert state.n_iter == 4  # none improves on the best loss of before


# Records ----------------------------------------------------------------------------


def test_the_history_has_a_value_of_every_key_an_epoch():
    with max_iter_reached:
        _, state = train([2.0, 1.0], max_iter=2)
    history = state.history
    assert tuple(history) == HISTORY_KEYS
    assert all(len(values) == 2 for values in history.values())
    assert history["epoch"] == [1, 2]
    assert history["loss"] == [2.0, 1.0]
    assert history["learning_rate"] == [0.1, 0.1]
    assert_allclose(history["grad_norm"], [3**0.5] * 2)
    assert all(value >= 0 for value in history["seconds"])
    assert all(
        isnan(value) for key in ("val_loss", "val_score") for value in history[key]
    )
    assert state.loss == 1.0


def test_the_history_has_the_validation():
    with max_iter_reached:
        _, state = train([2.0, 1.0], scores=[0.25, 0.75], max_iter=2)
    assert state.history["val_score"] == [0.25, 0.75]
    assert state.history["val_loss"] == [0.5, 0.5]


def test_records_are_plain_numbers():
    with max_iter_reached:
        _, state = train([2.0], scores=[0.25], max_iter=1)
    assert {type(value[0]) for value in state.history.values()} <= {int, float}


def test_states_share_no_history():
    one, other = (TrainingState(np.random.RandomState(0)) for _ in range(2))
    one.record(10, loss=0.5)
    assert other.history["epoch"] == []


def test_a_plan_does_not_change():
    with pytest.raises(FrozenInstanceError):
        plan().tol = 1.0


def test_silent_unless_asked(capsys):
    train([1.0] * 9)
    assert capsys.readouterr().out == ""


def test_verbose_lines_are_scikit_learns(capsys):
    train([1.0] * 9, verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        *(f"Iteration {k}, loss = 1.00000000" for k in range(1, 6)),
        "Training loss did not improve more than tol=0.000100 for 3 consecutive "
        "epochs. Stopping.",
    ]


def test_verbose_lines_of_early_stopping_and_adaptive_rates(capsys):
    schedule = schedules.Adaptive(factor=10.0, min_rate=0.05)
    train(
        [1.0] * 20,
        scores=[0.5] * 20,
        schedule=schedule,
        n_iter_no_change=1,
        verbose=True,
    )
    epoch = ["Iteration {}, loss = 1.00000000", "Validation score: 0.500000"]
    plateau = (
        "Validation score did not improve more than tol=0.000100 for 1 consecutive "
        "epochs. "
    )
    expected = [line.format(k) for k in (1, 2, 3) for line in epoch]
    expected.append(f"{plateau}Setting learning rate to 0.010000")
    expected += [line.format(k) for k in (4, 5) for line in epoch]
    expected.append(f"{plateau}Learning rate too small. Stopping.")
    assert capsys.readouterr().out.splitlines() == expected


# The same script for scikit-learn ---------------------------------------------------


class Scripted(MLPClassifier):
    """scikit-learn's own loop, with losses or scores from a script."""

    script = ()

    def _update_no_improvement_count(self, early_stopping, *args):
        value = self.script[self.n_iter_ - 1]
        self.loss_curve_[-1] = value
        if early_stopping:
            self._score = lambda *args, **kwargs: value
        super()._update_no_improvement_count(early_stopping, *args)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("schedule", ["constant", "adaptive"])
@pytest.mark.parametrize("early", [False, True])
def test_it_stops_where_scikit_learn_stops(early, schedule, seed):
    """Random scripts of losses or scores, with plateaus and setbacks."""
    rng = np.random.RandomState(seed)
    steps = rng.choice([0.0, 0.01, 0.03, -0.02], size=200) * rng.uniform(size=200)
    script = 5.0 - np.cumsum(steps)
    script = 0.1 * np.cumsum(steps) if early else script
    X, y = make_classification(40, random_state=0)
    estimator = Scripted(
        hidden_layer_sizes=(2,),
        solver="sgd",
        learning_rate=schedule,
        learning_rate_init=0.001,
        tol=0.01 / (10 if early else 1),
        n_iter_no_change=4,
        max_iter=200,
        early_stopping=early,
        random_state=0,
    )
    estimator.script = script
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X, y)
        _, state = train(
            [1.0] * 200 if early else script,
            scores=script if early else None,
            schedule=schedules.get(schedule),
            learning_rate_init=0.001,
            tol=estimator.tol,
            n_iter_no_change=4,
            max_iter=200,
        )
    assert state.n_iter == estimator.n_iter_
    best = estimator.best_validation_score_ if early else estimator.best_loss_
    assert (state.best_score if early else state.best_loss) == best
    rate = estimator._optimizer.learning_rate
    if schedule == "adaptive" and state.stop_reason == "converged":
        assert state.history["learning_rate"][-1] == rate


def test_a_best_score_does_not_outlive_training_without_a_validation_set():
    """It was earned by other parameters, so nothing may be restored in its name."""
    _, state = train([1.0] * 10, scores=[0.9] * 10)
    assert state.best_score == 0.9
    _, state = train([1.0] * 10, state=state)
    network, state = train([1.0] * 10, state=state, scores=[0.5] * 10)
    assert state.best_score == 0.5
    assert_array_equal(network.theta != 0, [True, True, True])


@pytest.mark.parametrize("changes", [False, True])
def test_the_best_loss_is_that_of_one_objective(changes):
    """Of another objective even a larger loss is the best, and patience starts anew."""
    with max_iter_reached:
        network, state = train([1.0] * 3, max_iter=3, objective=("mse", 0.0))
    assert (state.best_loss, state.no_improvement) == (1.0, 2)
    network.losses = iter([5.0] * 10)
    train([], network=network, state=state, objective=("mse", 0.1 if changes else 0.0))
    assert state.best_loss == (5.0 if changes else 1.0)
    assert state.n_iter == (5 if changes else 2)


# Rates and gradients at their limits ------------------------------------------------


def test_a_standstill_is_told_once():
    with pytest.warns(UserWarning, match="The learning rate is 0: ") as record:
        train([1.0] * 20, schedule=schedules.Linear(n_epochs=3), n_iter_no_change=9)
    assert len(record) == 1


def test_a_gradient_whose_square_overflows_is_clipped_right():
    grad = np.full(4, 1e20, np.float32)
    with np.errstate(over="ignore"):
        norm = Trainer(plan(max_grad_norm=1.0), None)._clip(grad)
    assert_allclose(norm, 2e20, rtol=1e-6)
    assert_allclose(grad, 0.5, rtol=1e-6)
