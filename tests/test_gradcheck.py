"""The gradient checker itself: it must pass what is right and fail what is wrong."""

import numpy as np
import pytest
from gradcheck import (
    OBJECTIVES,
    REGULARIZED,
    TARGETS,
    TOLERANCE,
    Problem,
    Undecided,
    coordinate_error,
    first_decided,
    head_pairs,
    projected_error,
    worst_coordinate_error,
    worst_projected_error,
)

from sk_mlp import activations, losses
from sk_mlp._layers import Dropout

PAIR = (activations.get("softmax"), losses.get("log_loss"), TARGETS["multiclass"])
SIZE = 89  # parameters of the network 5-7-4-3


def smooth(theta):
    """A function whose gradient is known: sum of k sin(theta_k)."""
    k = np.arange(1, theta.size + 1)
    return float(k @ np.sin(theta)), k * np.cos(theta)


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def wrong(function, coordinates, factor=1.001):
    """Return the function with some coordinates of its gradient wrong by `factor`."""

    def changed(theta):
        value, gradient = function(theta)
        gradient = gradient.copy()
        gradient[coordinates] *= factor
        return value, gradient

    return changed


def offset(flat, view):
    """Return where in the flat vector the view starts."""
    start, base = (a.__array_interface__["data"][0] for a in (view, flat))
    return (start - base) // flat.itemsize


def test_the_right_gradient_passes(rng):
    theta = rng.standard_normal(SIZE)
    assert projected_error(smooth, theta, rng) <= 1e-9
    assert coordinate_error(smooth, theta) <= 1e-8


def test_a_network_passes(rng):
    assert worst_projected_error(PAIR[0], PAIR, OBJECTIVES.values()) <= 1e-8
    assert worst_coordinate_error(activations.get("tanh"), PAIR) <= 1e-7


def test_the_whole_gradient_wrong_by_a_thousandth_fails(rng):
    problem = Problem(activations.get("tanh"), PAIR, rng).pose(True, 0.1, 0.1)
    function = wrong(problem, slice(None))
    assert projected_error(function, problem.theta, rng) == pytest.approx(1e-3, rel=0.1)
    assert coordinate_error(function, problem.theta) == pytest.approx(1e-3, rel=0.1)


@pytest.mark.parametrize("coordinate", range(0, SIZE, 8))
def test_one_coordinate_wrong_by_a_thousandth_fails(coordinate, rng):
    problem = Problem(activations.get("tanh"), PAIR, rng)
    function = wrong(problem, coordinate)
    assert problem.theta.size == SIZE
    error = coordinate_error(function, problem.theta)
    assert 100 * TOLERANCE < error <= 1.01e-3


@pytest.mark.parametrize("offset", [1e-2, 1e-4])
def test_a_slope_where_none_is_reported_fails(offset, rng):
    """The direction must not follow the zeros of a wrong gradient."""

    def forgotten(theta):
        value, gradient = smooth(theta)
        gradient[3] = 0.0
        return value, gradient

    theta = offset * rng.standard_normal(SIZE)
    assert projected_error(forgotten, theta, rng) > 1e-4
    assert coordinate_error(forgotten, theta) > 1e-4


@pytest.mark.parametrize("part", ["weight", "bias", "shape"])
@pytest.mark.parametrize("trainable", [True, "shared"])
def test_one_layer_wrong_by_a_thousandth_fails(part, trainable, rng):
    """Found by the projection alone, on which the large product of tests rests."""
    activation = activations.Logistic(trainable=trainable)
    problem = Problem(activation, PAIR, rng)
    layers = problem.network.activate if part == "shape" else problem.network.dense
    parameters = [parameter for layer in layers for parameter in layer.parameters]
    for parameter in [p for p in parameters if p.kind == part]:
        start = offset(problem.network.grad, parameter.grad)
        mask = slice(start, start + parameter.size)
        assert projected_error(wrong(problem, mask), problem.theta, rng) > TOLERANCE


@pytest.mark.parametrize("part", ["gamma", "beta"])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalization_wrong_by_a_thousandth_fails(normalization, part, rng):
    tanh = activations.get("tanh")
    problem = Problem(tanh, PAIR, rng, normalization=normalization)
    for layer in problem.network.normalize:
        start = offset(problem.network.theta, layer.values()[part])
        mask = slice(start, start + layer.width)
        assert projected_error(problem, problem.theta, rng) <= 1e-8
        assert projected_error(wrong(problem, mask), problem.theta, rng) > TOLERANCE


@pytest.mark.parametrize("label", REGULARIZED)
def test_masks_are_frozen_and_random(label, rng):
    """Else no difference would be a derivative, and no unit would be dropped."""
    plain = Problem(activations.get("tanh"), PAIR, rng)
    problem = Problem(activations.get("tanh"), PAIR, rng, **REGULARIZED[label])
    value, gradient = problem(problem.theta)
    gradient = gradient.copy()
    again, gradient_again = problem(problem.theta)
    assert again == value
    np.testing.assert_array_equal(gradient_again, gradient)
    assert problem.network.random == ("dropout" in label)
    dropped = [layer for layer in problem.network.layers if isinstance(layer, Dropout)]
    for layer in dropped:
        ones = layer.forward(np.ones((9, layer.width)))
        assert 0 < np.count_nonzero(ones == 0) < ones.size
    assert len(dropped) == (2 if "dropout" in label else 0)
    extra = {"dropout": 0, "layer": 22}.get(label, 22 + 24)
    assert problem.theta.size == plain.theta.size + extra


class WrongTanh(activations.Activation):
    """An activation as a user could write it, with a slope wrong by a thousandth."""

    def forward(self, z, out):
        np.tanh(z, out=out)

    def backward(self, z, a, grad):
        grad *= 1.001 * (1.0 - a * a)


class WrongSquaredError(losses.SquaredError):
    def gradient(self, y, p, out):
        super().gradient(y, p, out)
        out *= 1.001


def test_a_wrong_activation_fails():
    assert worst_projected_error(WrongTanh(), PAIR, OBJECTIVES.values()) > 1e-4
    assert worst_coordinate_error(WrongTanh(), PAIR) > 5e-4


def test_a_wrong_loss_fails():
    pair = (activations.get("tanh"), WrongSquaredError(), TARGETS["regression"])
    assert worst_projected_error(PAIR[0], pair, [(False, 0.0, 0.0)]) > 5e-4


def test_a_newly_registered_activation_is_enumerated():
    activations.register("wrong_tanh")(WrongTanh)
    try:
        pairs, _ = head_pairs({"wrong_tanh": activations.get("wrong_tanh")})
        assert ("wrong_tanh", "huber", "regression") in pairs
    finally:
        activations._REGISTRY.unregister("wrong_tanh")


@pytest.mark.parametrize("distance", [0.2, 0.6, 1.5])
def test_a_kink_is_told_from_an_error(distance):
    """Wrong by a kink within the step: no verdict. Wrong elsewhere: an error."""
    theta = np.array([distance * 1e-5, 1.0])

    def kinked(theta):
        return float(np.abs(theta).sum()), np.sign(theta)

    if distance < 1:
        with pytest.raises(Undecided):
            coordinate_error(kinked, theta)
    else:
        assert coordinate_error(kinked, theta) <= 1e-9
        assert coordinate_error(wrong(kinked, 0), theta) > 5e-4


def test_another_point_is_taken_near_a_kink_but_not_for_ever():
    seen = []

    def measure(rng):
        seen.append(rng.randint(100))
        if len(seen) < 3:
            raise Undecided
        return 0.5

    def never(rng):
        raise Undecided

    assert first_decided(measure, seed=0) == 0.5
    assert len(set(seen)) == 3
    with pytest.raises(AssertionError, match="Nothing decided"):
        first_decided(never, seed=0)


def test_not_a_number_is_no_success(rng):
    theta = np.ones(3)

    def broken(theta):
        return np.nan, np.full_like(theta, np.nan)

    with pytest.raises((Undecided, AssertionError)):
        projected_error(broken, theta, rng)
    with pytest.raises((Undecided, AssertionError)):
        coordinate_error(broken, theta)
