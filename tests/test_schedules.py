"""Schedules: values at integer steps, what scikit-learn does, the registry."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from sk_mlp import schedules
from sk_mlp.schedules import Adaptive, Constant, InvScaling, Progress, Schedule

every_schedule = pytest.mark.parametrize("name", schedules.names())


class Halving(Schedule):
    every: int = 10

    def rate(self, base, progress):
        return base * 0.5 ** (progress.epoch // self.every)


def test_scikit_learns_names_are_there():
    assert {"constant", "invscaling", "adaptive"} <= set(schedules.names())


@every_schedule
def test_rates_are_finite_pure_and_proportional_to_the_base(name):
    schedule = schedules.get(name)
    schedule.check()
    for epoch in range(20):
        progress = Progress(epoch, t=100 * epoch, plateaus=epoch // 5, max_iter=20)
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
