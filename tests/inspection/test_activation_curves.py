"""ActivationDisplay: the curves are those of the activations."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from _displays import X, Y, assert_same, closed_figures, drawn, texts  # noqa: F401
from _helpers import fit_quietly
from sklearn.neural_network import MLPRegressor as SklearnRegressor

from sk_mlp import MLPClassifier, MLPRegressor, activations
from sk_mlp.activations import (
    ELU,
    MSAF,
    Activation,
    LeakyReLU,
    ReLU,
    Softmax,
    Step,
    SymmetricMSAF,
)
from sk_mlp.inspection._activation_curves import ActivationDisplay


def fitted(hidden=(6,), activation="relu", kind=MLPClassifier, **parameters):
    model = kind(hidden, activation, solver="lbfgs", random_state=0, **parameters)
    return fit_quietly(model, X, Y if kind is MLPClassifier else X[:, 0])


@pytest.mark.parametrize(
    "name", [n for n in activations.names() if not activations.get(n).rowwise]
)
def test_draws_value_and_slope(name):
    display = ActivationDisplay.from_activations(name)
    activation, z = activations.get(name), display.z
    value, slope = (line.get_ydata() for line in display.lines_[name])
    jumps = np.isin(z, activation.kinks)
    np.testing.assert_allclose(value[~jumps], activation(z)[~jumps], atol=1e-12)
    np.testing.assert_allclose(slope[~jumps], activation.derivative(z)[~jumps])
    assert np.isnan(slope[jumps]).all()
    drawn(display.figure_)


def test_the_slope_is_broken_at_a_kink():
    display = ActivationDisplay.from_activations("relu")
    k = int(np.flatnonzero(display.z == 0)[0])
    slope = display.lines_["relu"][1].get_ydata()
    assert_same(slope[k - 1 : k + 2], [0.0, np.nan, 1.0])
    assert np.isfinite(display.lines_["relu"][0].get_ydata()).all()


def test_the_value_is_broken_where_it_jumps():
    display = ActivationDisplay.from_activations(Step())
    k = int(np.flatnonzero(display.z == 0)[0])
    assert_same(display.lines_["step"][0].get_ydata()[k - 1 : k + 2], [0, np.nan, 1])


def test_a_kink_out_of_sight_is_left_alone():
    display = ActivationDisplay.from_activations("relu6", z_range=(1.0, 5.0))
    assert np.isfinite(display.slopes["relu6"]).all()
    assert display.ax_.get_xlim() == (1.0, 5.0)


def test_softmax_is_one_input_against_zeros():
    display = ActivationDisplay.from_activations("softmax")
    z = display.z
    value, slope = (line.get_ydata() for line in display.lines_["softmax"])
    p = np.exp(z) / (np.exp(z) + 2)
    np.testing.assert_allclose(value, p)
    np.testing.assert_allclose(slope, p * (1 - p))
    assert "1 of 3 inputs" in display.ax_.get_title()


def test_the_softmax_of_a_network_has_the_inputs_of_the_network():
    display = ActivationDisplay.from_estimator(fitted())
    assert list(display.values) == ["hidden 1: relu", "output: softmax"]
    p = np.exp(display.z) / (np.exp(display.z) + 2)
    np.testing.assert_allclose(display.values["output: softmax"][:, 0], p)


def test_random_ones_have_their_expected_value():
    display = ActivationDisplay.from_activations("rrelu")
    middle = (1 / 8 + 1 / 3) / 2
    z = display.z
    np.testing.assert_allclose(
        display.values["rrelu"][:, 0], np.where(z > 0, z, middle * z)
    )
    assert "expected value" in display.ax_.get_title()


def test_trained_shapes_unit_by_unit():
    model = fitted((5, 7), [LeakyReLU(0.25, trainable=True), ELU(trainable="shared")])
    display = ActivationDisplay.from_estimator(model)
    names = list(display.values)
    z = display.z
    slopes = model.activation_params_[0]["negative_slope"]
    expected = np.where(z > 0, z, 0)[:, None] + np.minimum(z, 0)[:, None] * slopes
    np.testing.assert_allclose(display.values[names[0]], expected)
    alpha = model.activation_params_[1]["alpha"][0]
    assert display.values[names[1]].shape[1] == 1
    np.testing.assert_allclose(
        display.values[names[1]][:, 0], ELU(alpha)(z), atol=1e-12
    )
    thick = display.lines_[names[0]][0]
    assert_same(thick.get_ydata(), display.values[names[0]].mean(axis=1))
    assert "5 units" in display.axes_[0].get_title().replace("\n", " ")


def test_trained_shapes_of_several_values():
    model = fitted((4,), MSAF((2.0, 4.0), trainable=True), max_iter=20)
    display = ActivationDisplay.from_estimator(model)
    name = next(iter(display.values))
    offsets = model.activation_params_[0]["offsets"]
    for unit in range(4):
        one = MSAF(tuple(offsets[:, unit]))
        np.testing.assert_allclose(display.values[name][:, unit], one(display.z))
        np.testing.assert_allclose(
            display.slopes[name][:, unit], one.derivative(display.z)
        )


def test_of_many_units_some_are_drawn():
    model = fitted((100,), LeakyReLU(0.25, trainable=True), max_iter=5)
    display = ActivationDisplay.from_estimator(model)
    assert display.values["hidden 1: prelu"].shape[1] == 100
    assert len(display.axes_[0].get_lines()) <= 2 * 31 + 2  # units, means, zero lines


def test_layers_of_one_activation_are_drawn_once():
    layers = ["relu", "relu", "tanh", "relu", LeakyReLU(trainable=True)]
    model = fitted((4,) * 5, layers, max_iter=5)
    names = list(ActivationDisplay.from_estimator(model).values)
    assert names[:2] == ["hidden 1-2, 4: relu", "hidden 3: tanh"]
    assert len(names) == 4


def test_the_identity_of_a_regressor_is_left_out():
    model = fitted(kind=MLPRegressor)
    assert list(ActivationDisplay.from_estimator(model).values) == ["hidden 1: relu"]
    linear = fitted((), kind=MLPRegressor)
    with pytest.raises(ValueError, match="no activation to draw"):
        ActivationDisplay.from_estimator(linear)


def test_reads_scikit_learns_own():
    model = SklearnRegressor(activation="tanh", max_iter=5, random_state=0)
    display = ActivationDisplay.from_estimator(fit_quietly(model, X, X[:, 0]))
    np.testing.assert_allclose(
        display.values["hidden 1: tanh"][:, 0], np.tanh(display.z)
    )


def test_few_share_axes_and_many_have_panels():
    names = activations.names()
    assert len(ActivationDisplay.from_activations(names[:1]).axes_) == 1
    display = ActivationDisplay.from_activations(names[:3])
    assert len(display.axes_) == 2
    assert texts(display.ax_) == names[:3]
    display = ActivationDisplay.from_activations(names)
    assert len(display.axes_) == len(names)
    assert [ax.get_title().split()[0] for ax in display.axes_] == names
    assert (
        len(ActivationDisplay.from_activations(names[:3], layout="panels").axes_) == 3
    )


@pytest.mark.parametrize("kind", ["value", "slope"])
def test_values_or_slopes_alone(kind):
    display = ActivationDisplay.from_activations(["relu", "tanh"], kind=kind)
    assert len(display.axes_) == 1
    assert [len(lines) for lines in display.lines_.values()] == [1, 1]
    assert display.ax_.get_ylabel() == {"value": "f(z)", "slope": "f'(z)"}[kind]


def test_draws_in_several_axes():
    figure, axes = plt.subplots(2, 3)
    display = ActivationDisplay.from_activations(
        ["relu", "tanh", "gelu", "elu"], layout="panels", ax=axes
    )
    assert list(display.axes_) == list(axes.ravel()[:4])
    with pytest.raises(ValueError, match="4 panels, but ax has only 3"):
        ActivationDisplay.from_activations(
            ["relu", "tanh", "gelu", "elu"], layout="panels", ax=axes[0]
        )
    assert plt.get_fignums() == [figure.number]


def test_draws_ones_of_its_own():
    class Cubic(Activation):
        def forward(self, z, out):
            np.multiply(z**2, z, out=out)

        def backward(self, z, a, grad):
            grad *= 3 * z**2

    display = ActivationDisplay.from_activations([Cubic(), ReLU()])
    assert_same(display.values["Cubic()"][:, 0], display.z**2 * display.z)
    low, high = display.ax_.get_ylim()
    assert -6 < low < 0 < high < 6  # steep curves leave the picture


def test_overflow_leaves_a_gap():
    display = ActivationDisplay.from_activations("exp", z_range=(0, 1000))
    assert np.isnan(display.values["exp"][-1]).all()
    drawn(display.figure_)


def test_long_names_are_wrapped():
    activation = SymmetricMSAF(offset=3.0, trainable="shared")
    display = ActivationDisplay.from_activations([activation, "relu"] * 2)
    assert max(len(line) for t in texts(display.ax_) for line in t.split("\n")) <= 40


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"activations": []}, "no activation"),
        ({"activations": "rleu"}, "Did you mean 'relu'"),
        ({"activations": "relu", "kind": "slopes"}, "kind must be one of"),
        ({"activations": "relu", "layout": "grid"}, "layout must be one of"),
        ({"activations": "relu", "z_range": (1, 1)}, "z_range"),
        ({"activations": "relu", "z_range": (0, np.inf)}, "z_range"),
        ({"activations": LeakyReLU("steep")}, "negative_slope"),
    ],
)
def test_refuses_what_it_cannot_draw(arguments, match):
    with pytest.raises((ValueError, TypeError), match=match):
        ActivationDisplay.from_activations(**arguments)
    assert not plt.get_fignums()


def test_a_softmax_in_a_hidden_layer():
    model = fitted((4,), Softmax(), max_iter=20)
    display = ActivationDisplay.from_estimator(model)
    p = np.exp(display.z) / (np.exp(display.z) + 3)
    np.testing.assert_allclose(display.values["hidden 1: softmax"][:, 0], p)


@pytest.mark.parametrize(
    "given, error, match",
    [
        ("rleu", ValueError, "^An activation must be"),
        (["relu", 3], TypeError, "^An activation must be"),
        (ReLU, TypeError, r"Pass an instance: ReLU\(\)"),
        (None, TypeError, "activations must be a name.* Got None"),
        (np.tanh, TypeError, "activations must be a name.*Got <ufunc 'tanh'>"),
    ],
)
def test_what_is_no_activation_is_refused(given, error, match):
    with pytest.raises(error, match=match):
        ActivationDisplay.from_activations(given)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    "z_range", [3, None, (1,), (1, 2, 3), "ab", (1, np.inf), (-1e308, 1e308)]
)
def test_z_range_is_two_numbers(z_range):
    with pytest.raises(ValueError, match="z_range must be two finite rising"):
        ActivationDisplay.from_activations("relu", z_range=z_range)


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("kind", ["together", "panels"])
def test_panels_in_a_small_grid_do_not_overlap(layout, kind):
    figure, grid = plt.subplots(2, 2, layout=layout)
    display = ActivationDisplay.from_activations(
        ["relu", "gelu", "tanh", "elu"], layout=kind, ax=grid[0, 0]
    )
    drawn(figure)
    boxes = [ax.get_tightbbox() for ax in display.axes_]
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0
