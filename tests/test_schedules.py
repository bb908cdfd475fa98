"""Schedules: values at chosen steps, what scikit-learn and PyTorch do, the registry."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from _helpers import fit_quietly
from sklearn.base import clone
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from sk_mlp import MLPRegressor, schedules
from sk_mlp.schedules import (
    Adaptive,
    Constant,
    Cosine,
    Exponential,
    InvScaling,
    Linear,
    OneCycle,
    Progress,
    Schedule,
    StepDecay,
    WarmupCosine,
)

SPANNING = ["cosine", "linear", "one_cycle", "warmup_cosine"]
every_schedule = pytest.mark.parametrize("name", schedules.names())
every_spanning = pytest.mark.parametrize("name", SPANNING)


class Halving(Schedule):
    every: int = 10

    def rate(self, base, progress):
        return base * 0.5 ** (progress.epoch // self.every)


def at(schedule, share, base=1.0):
    """Return the rate at a share of the span, whose 64 epochs make shares exact."""
    epoch = int(64 * share)
    progress = Progress(max_iter=64, n_iter=epoch, fraction=64 * share - epoch)
    return schedule.rate(base, progress)


def test_names():
    own = ["exponential", "step", *SPANNING]
    assert schedules.names() == sorted(["adaptive", "constant", "invscaling", *own])


@every_schedule
def test_rates_are_finite_pure_and_proportional_to_the_base(name):
    schedule = schedules.get(name)
    schedule.check()
    for epoch in range(30):
        progress = Progress(epoch, 100 * epoch, epoch // 5, 20, epoch, epoch % 10 / 10)
        rate = schedule.rate(0.1, progress)
        assert isinstance(rate, float)
        assert 0 <= rate <= 10 and rate == schedule.rate(0.1, progress)
        assert schedule.rate(0.2, progress) == pytest.approx(2 * rate, rel=1e-12)
        assert schedule.absorbs_plateau(rate) in (True, False)


@every_schedule
def test_components_are_clonable_picklable_comparable(name):
    schedule = schedules.get(name)
    assert clone(schedule) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert repr(schedule).startswith(type(schedule).__name__)
    assert schedule._repr_html_()
    assert schedules.get(schedule) is schedule
    assert schedule.registered_name == name


def test_constant():
    assert [Constant().rate(0.1, Progress(epoch=k)) for k in range(3)] == [0.1] * 3
    assert not Constant().absorbs_plateau(0.1)


@pytest.mark.parametrize("power_t", [0, 0.5, 1.0, 2])
def test_invscaling_equals_scikit_learn(power_t):
    reference = SGDOptimizer([], 0.1, "invscaling", power_t=power_t)
    for t in (0, 1, 99, 1000, 12345):
        reference.iteration_ends(t)
        rate = InvScaling(power_t=power_t).rate(0.1, Progress(t=t))
        assert rate == reference.learning_rate
    assert not InvScaling().absorbs_plateau(0.1)


def test_invscaling_values():
    rates = [InvScaling().rate(1.0, Progress(t=t)) for t in (0, 3, 99)]
    assert rates == [1.0, 0.5, 0.1]


@pytest.mark.parametrize("base", [0.5, 0.1, 0.025, 1e-3, 0.003125, 1e-6, 1e-7])
def test_adaptive_equals_scikit_learn(base):
    reference, schedule = SGDOptimizer([], base, "adaptive"), Adaptive()
    for plateaus in range(20):
        rate = schedule.rate(base, Progress(plateaus=plateaus))
        assert rate == reference.learning_rate
        stops = reference.trigger_stopping("", verbose=False)
        assert schedule.absorbs_plateau(rate) is not stops
        if stops:
            break
    assert stops


def test_adaptive_values():
    schedule = Adaptive(factor=2.0, min_rate=0.1)
    rates = [schedule.rate(1.0, Progress(epoch=9, plateaus=k)) for k in range(4)]
    assert rates == [1.0, 0.5, 0.25, 0.125]
    assert schedule.absorbs_plateau(0.125)
    assert not schedule.absorbs_plateau(0.1)
    assert Adaptive(min_rate=0.0).rate(1.0, Progress(plateaus=2000)) == 0.0


# Curves -----------------------------------------------------------------------------


def test_share():
    progress = Progress(epoch=15, max_iter=10, n_iter=5, fraction=0.5)
    assert (progress.share(), progress.share(20), progress.share(100)) == (
        0.55, 0.775, 0.155,
    )  # fmt: skip
    assert progress.share(n_epochs=15) == progress.share(n_epochs=1) == 1.0
    assert Progress(n_iter=10, max_iter=10).share() == 1.0
    assert Progress().share() == Progress().share(1) == 0.0


@pytest.mark.parametrize(
    "schedule, values",  # at the shares 0, 1/4, 1/2, 3/4 and 1
    [
        (Linear(), [1, 0.75, 0.5, 0.25, 0]),
        (Linear(0.2), [1, 0.8, 0.6, 0.4, 0.2]),
        (Cosine(), [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0]),
        (Cosine(0.5), [1, (3 + 0.5**0.5) / 4, 0.75, (3 - 0.5**0.5) / 4, 0.5]),
        (WarmupCosine(0.25), [0.01, 1, 0.75, 0.25, 0]),
        (WarmupCosine(0.5, 0.1, 0.2), [0.1, 0.55, 1, 0.6, 0.2]),
        (WarmupCosine(0.0, 0.1, 0.2), [at(Cosine(0.2), k / 4) for k in range(5)]),
        (OneCycle(0.25), [0.04, 1, 0.75 + 1e-6, 0.25 + 3e-6, 4e-6]),
        (OneCycle(0.5, 0.2, 0.0), [0.2, 0.6, 1, 0.5, 0]),
    ],
    ids=repr,
)
def test_values_over_the_span(schedule, values):
    rates = [at(schedule, k / 4) for k in range(5)]
    assert rates == pytest.approx(values, rel=1e-12, abs=1e-15)
    assert rates[0] == values[0] and rates[-1] == values[-1]  # to the bit
    for n_iter in (64, 65, 1000):
        after = schedule.rate(1.0, Progress(n_iter, n_iter=n_iter, max_iter=64))
        assert after == rates[-1]


@pytest.mark.parametrize(
    "schedule, top",
    [(Linear(), 0), (Cosine(), 0), (WarmupCosine(), 410), (OneCycle(), 1229)],
    ids=repr,
)
@pytest.mark.parametrize("final_factor", [0, 0.3])
def test_curves_rise_to_the_base_rate_and_fall(schedule, top, final_factor):
    schedule = clone(schedule).set_params(final_factor=final_factor)
    rates = np.array([at(schedule, k / 4096, base=0.1) for k in range(4097)])
    assert rates.argmax() == top
    assert rates[top] == pytest.approx(0.1, rel=1e-6)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert 0 < rates[0] and rates[-1] == 0.1 * final_factor
    # Continuous, also from one epoch to the next: the steepest rises in a tenth.
    assert np.abs(np.diff(rates)).max() < 0.1 / 409


@every_spanning
def test_the_last_step_within_the_span_still_moves(name):
    assert at(schedules.get(name), 1 - 2.0**-10) > 0


@every_spanning
def test_n_epochs_spans_all_fits_and_none_each_fit(name):
    each, all_fits = schedules.get(name), schedules.get(name).set_params(n_epochs=20)
    for epoch in range(20):
        progress = Progress(epoch, max_iter=10, n_iter=epoch % 10, fraction=0.25)
        share = (epoch % 10 + 0.25) / 10
        assert each.rate(0.1, progress) == pytest.approx(at(each, share, 0.1))
        share = (epoch + 0.25) / 20
        assert all_fits.rate(0.1, progress) == pytest.approx(at(each, share, 0.1))
    assert all_fits.rate(0.1, Progress(21)) == pytest.approx(at(each, 1.0, 0.1))


def test_step_decay_values():
    schedule = StepDecay(step_size=4, gamma=0.5)
    rates = [schedule.rate(1.0, Progress(k, fraction=0.9)) for k in range(10)]
    assert rates == [1.0] * 4 + [0.5] * 4 + [0.25] * 2
    # It counts the epochs of all fits.
    assert schedule.rate(1.0, Progress(epoch=8, n_iter=1)) == 0.25
    rates = [StepDecay().rate(1.0, Progress(epoch=k)) for k in (0, 49, 50, 100)]
    assert rates == pytest.approx([1, 1, 0.1, 0.01], rel=1e-12)
    assert StepDecay(1).rate(1.0, Progress(epoch=10_000)) == 0.0


def test_exponential_values():
    schedule = Exponential(gamma=0.25)
    rates = [schedule.rate(1.0, Progress(k // 2, fraction=k % 2 / 2)) for k in range(5)]
    assert rates == [1.0, 0.5, 0.25, 0.125, 0.0625]
    assert schedule.rate(1.0, Progress(epoch=1, n_iter=0)) == 0.25
    assert Exponential().rate(1.0, Progress(epoch=1)) == 0.97
    assert Exponential().rate(1.0, Progress(epoch=100_000)) == 0.0


@every_schedule
def test_the_estimator_asks_before_every_step_and_counts_through_fits(name):
    asked = []

    class Asked(type(schedules.get(name))):
        def rate(self, base, progress):
            asked.append(replace(progress))
            return super().rate(base, progress)

    X = np.linspace(-1, 1, 25).reshape(-1, 1)
    estimator = MLPRegressor(
        (2,), solver="sgd", learning_rate=Asked(), batch_size=10, max_iter=3,
        tol=0.0, warm_start=True, random_state=0,
    )  # fmt: skip
    for _ in range(2):
        fit_quietly(estimator, X, X[:, 0])
    expected = [
        Progress(epoch, 25 * epoch, 0, 3, epoch % 3, fraction)
        for epoch in range(6)
        for fraction in (0.0, 0.4, 0.8)
    ]
    assert asked == expected
    rates = [schedules.get(name).rate(0.001, progress) for progress in expected[2::3]]
    assert estimator.history_["learning_rate"][-3:] == rates[-3:]


# PyTorch ----------------------------------------------------------------------------


def torch_rates(name, n_steps, base=0.1, **settings):
    """Return the rates of PyTorch's scheduler for the first steps."""
    torch = pytest.importorskip("torch")
    # It imports compilers, which warn, and SequentialLR warns of its own ways.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
        scheduler = torch_scheduler(name, optimizer, n_steps, settings)
        rates = []
        for _ in range(n_steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return rates


def torch_scheduler(name, optimizer, n_steps, settings):
    from torch.optim import lr_scheduler

    if name == "SequentialLR":  # a warm-up of 10 steps, as its documentation shows
        settings = dict(
            schedulers=[
                lr_scheduler.LinearLR(optimizer, 0.01, total_iters=10),
                lr_scheduler.CosineAnnealingLR(optimizer, T_max=n_steps - 11),
            ],
            milestones=[10],
        )
    return getattr(lr_scheduler, name)(optimizer, **settings)


N_STEPS = 41


@pytest.mark.parametrize(
    "schedule, name, settings",
    [
        (Linear(0.25), "LinearLR",
         dict(start_factor=1.0, end_factor=0.25, total_iters=N_STEPS - 1)),
        (Cosine(), "CosineAnnealingLR", dict(T_max=N_STEPS - 1)),
        (Cosine(0.5), "CosineAnnealingLR", dict(T_max=N_STEPS - 1, eta_min=0.05)),
        (StepDecay(7, 0.5), "StepLR", dict(step_size=7, gamma=0.5)),
        (Exponential(0.9), "ExponentialLR", dict(gamma=0.9)),
        (WarmupCosine(10 / (N_STEPS - 1)), "SequentialLR", {}),
        # PyTorch counts the peak from 1, so that the shares of the span differ a bit.
        (OneCycle((0.3 * N_STEPS - 1) / (N_STEPS - 1)), "OneCycleLR",
         dict(max_lr=0.1, total_steps=N_STEPS, cycle_momentum=False)),
        (OneCycle((0.5 * N_STEPS - 1) / (N_STEPS - 1), 0.1, 0.01), "OneCycleLR",
         dict(max_lr=0.1, total_steps=N_STEPS, pct_start=0.5, div_factor=10,
              final_div_factor=10, cycle_momentum=False)),
    ],
    ids=repr,
)  # fmt: skip
def test_curves_of_torch(schedule, name, settings):
    # One epoch is one step of PyTorch's, and the last one is at the end of the span.
    expected = torch_rates(name, N_STEPS, **settings)
    rates = [
        schedule.rate(0.1, Progress(epoch=k, n_iter=k, max_iter=N_STEPS - 1))
        for k in range(N_STEPS)
    ]
    np.testing.assert_allclose(rates, expected, rtol=1e-12, atol=1e-15)


# Components -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule, error, text",
    [
        (InvScaling(-1), ValueError, r"'power_t' parameter of InvScaling must be a "
         r"float in the range \[0, inf\)\. Got -1 instead\."),
        (InvScaling("1"), TypeError, r"Got '1' instead\."),
        (InvScaling(np.nan), ValueError, "Got nan instead"),
        (InvScaling(np.inf), ValueError, "Got inf instead"),
        (InvScaling(True), TypeError, "Got True instead"),
        (Adaptive(factor=1.0), ValueError, r"'factor' parameter of Adaptive must be a "
         r"float in the range \(1, inf\)\. Got 1\.0 instead\."),
        (Adaptive(factor=None), TypeError, "Got None instead"),
        (Adaptive(min_rate=-1e-6), ValueError, r"'min_rate' .* range \[0, inf\)"),
        (StepDecay(0), ValueError, r"'step_size' parameter of StepDecay must be an int "
         r"in the range \[1, inf\)\. Got 0 instead\."),
        (StepDecay(2.0), TypeError, "must be an int in .* Got 2.0 instead"),
        (StepDecay(gamma=0.0), ValueError, r"'gamma' .* range \(0, 1\]"),
        (Exponential(1.1), ValueError, r"'gamma' .* range \(0, 1\]\. Got 1.1"),
        (Linear(-0.1), ValueError, r"'final_factor' .* range \[0, 1\]\. Got -0.1"),
        (Cosine(2), ValueError, r"'final_factor' parameter of Cosine"),
        (Cosine(n_epochs=0), ValueError, r"'n_epochs' parameter of Cosine must be an "
         r"int in the range \[1, inf\) or None\. Got 0 instead\."),
        (Linear(n_epochs=1.5), TypeError, "'n_epochs' .* Got 1.5 instead"),
        (WarmupCosine(1.0), ValueError, r"'warmup' .* range \[0, 1\)\. Got 1.0"),
        (WarmupCosine(initial_factor=0), ValueError, r"'initial_factor' .* \(0, 1\]"),
        (OneCycle(0.0), ValueError, r"'peak' .* range \(0, 1\)\. Got 0.0 instead"),
        (OneCycle(1.0), ValueError, "'peak' parameter of OneCycle"),
        (OneCycle(initial_factor=0.0), ValueError, r"'initial_factor' .* \(0, 1\]"),
        (OneCycle(final_factor="0"), TypeError, "Got '0' instead"),
    ],
)  # fmt: skip
def test_check(schedule, error, text):
    with pytest.raises(error, match=text):
        schedule.check()


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(2)])
def test_check_accepts_every_real_number(value):
    InvScaling(value).check()


def test_get_takes_names_and_objects_only():
    with pytest.raises(ValueError, match=r"'constant'.*Did you mean 'adaptive'\?"):
        schedules.get("adaptiv")
    with pytest.raises(TypeError, match=r"Pass an instance: Constant\(\)"):
        schedules.get(Constant)
    for spec in (None, 0.1, lambda epoch: 0.1, ["constant"]):
        with pytest.raises(TypeError, match="or a Schedule object"):
            schedules.get(spec)


def test_a_user_made_schedule():
    schedule = Halving(every=2)
    rates = [schedule.rate(1.0, Progress(epoch=k)) for k in range(5)]
    assert rates == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert not schedule.absorbs_plateau(1.0)
    assert schedules.get(schedule) is schedule
    assert clone(schedule) == schedule == pickle.loads(pickle.dumps(schedule))
    assert schedule != Halving(every=3)
    schedules.register("halving")(Halving)
    try:
        assert "halving" in schedules.names()
        assert schedules.get("halving") == Halving()
        with pytest.raises(ValueError, match="'halving'"):
            schedules.get("no such schedule")
    finally:
        schedules._REGISTRY.unregister("halving")


def test_the_base_says_what_is_missing():
    class Nothing(Schedule):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing must define rate\(\)"):
        Nothing().rate(0.1, Progress())
