"""The table of activations: complete, true, and measured."""

import sys

import numpy as np
import pandas as pd
import pytest

from sk_mlp import activations
from sk_mlp.activations import Activation, HardTanh, LeakyReLU, Step
from sk_mlp.activations._table import vanishing_sides

# The sides on which the slope tends to 0, from the formulas.
VANISHING = {
    "none": {"identity", "leaky_relu", "prelu", "rrelu", "sine"},
    "left": {
        *("celu", "elu", "exp", "gelu", "gelu_tanh", "hard_swish", "mish", "relu"),
        *("selu", "silu", "softplus", "swish_beta"),
    },
    "both": {
        *("gaussian", "hard_sigmoid", "hard_tanh", "logistic", "msaf", "relu6"),
        *("softmax", "softsign", "step", "symmetric_msaf", "tanh"),
    },
}


@pytest.fixture
def register():
    """Return a function that registers a class until the end of the test."""
    registered = []

    def register(name, *aliases, **settings):
        registered.append(name)
        return activations.register(name, *aliases, **settings)

    yield register
    for name in registered:
        activations._REGISTRY.unregister(name)


def test_every_activation_has_a_row_in_the_order_of_names():
    table = activations.table(cost=False)
    assert list(table.index) == activations.names()
    assert table.index.name == "name" and "cost" not in table
    assert not table.isna().any(axis=None)


def test_facts_are_those_of_the_objects():
    for name, row in activations.table(cost=False).iterrows():
        activation = activations.get(name)
        for fact in ("formula", "reference", "range", "gain"):
            assert row[fact] == getattr(activation, fact)
        for fact in ("zero_centered", "monotonic", "kinks", "shape_parameters"):
            assert row[fact] == getattr(activation, fact)
        assert row["trained"] is activation.trainable
        assert eval(row["object"], vars(activations).copy()) == activation
        ends = row["range"].low, row["range"].high
        assert row["bounded"] == np.isfinite(ends).all()
        assert all(activations.get(alias) == activation for alias in row["aliases"])


def test_aliases_are_all_there():
    listed = activations.table(cost=False)["aliases"].explode().dropna()
    assert {*listed} == {*activations._REGISTRY.aliases()}


def test_table_can_be_filtered_by_what_it_says():
    table = activations.table(cost=False)
    assert list(table.index[table.zero_centered & table.bounded & table.monotonic]) == [
        *("hard_tanh", "softsign", "symmetric_msaf", "tanh")
    ]
    assert not table.bounded["relu"] and 3.0 in table.range["relu"]


def test_vanishing_sides_of_all():
    table = activations.table(cost=False)
    found = {side: {*names.index} for side, names in table.groupby("vanishing")}
    assert found == VANISHING


class Ramp(Activation):
    """User-made: slope 0 on the right only, and none of the facts."""

    def forward(self, z, out):
        np.minimum(z, 0.0, out=out)

    def backward(self, z, a, grad):
        grad *= z < 0


class Naive(Activation):
    """User-made: overflows to NaN beyond |z| = 709, as a formula typed in does."""

    power: float = 1.0

    def forward(self, z, out):
        out[...] = 1 / (1 + np.exp(-z))

    def backward(self, z, a, grad):
        grad *= np.exp(-z) / (1 + np.exp(-z)) ** 2


class Steep(Activation):
    """User-made: the slope grows and overflows at both ends."""

    def forward(self, z, out):
        np.sinh(z, out=out)

    def backward(self, z, a, grad):
        grad *= np.cosh(z)


class Slow(Activation):
    """User-made: asinh, whose slope is 1 / |z| far out."""

    def forward(self, z, out):
        np.arcsinh(z, out=out)

    def backward(self, z, a, grad):
        grad /= np.hypot(z, 1.0)


@pytest.mark.parametrize(
    "activation, sides",
    [
        (Ramp(), "right"),
        (Naive(), "both"),
        (Steep(), "none"),
        (Slow(), "both"),
        (LeakyReLU(negative_slope=0.0), "left"),
        (LeakyReLU(negative_slope=1e-4), "none"),
        (HardTanh(min_val=50.0, max_val=60.0), "both"),
        (Step(surrogate="leaky_relu"), "none"),
    ],
)
def test_vanishing_sides_of_others(activation, sides):
    assert vanishing_sides(activation) == sides


def test_own_activations_are_in_the_table(register):
    register("ramp", "slope_down")(Ramp)
    row = activations.table().loc["ramp"]
    assert row["aliases"] == ("slope_down",) and row["object"] == "Ramp()"
    assert row["vanishing"] == "right" and row["cost"] > 0


def test_cost_is_relative_to_relu():
    cost = activations.table()["cost"]
    # Far from what is measured (0.5, 1 and 7), since other programs may disturb.
    assert cost.dtype == float and (cost > 0).all()
    assert 0.5 < cost["relu"] < 2
    assert cost["identity"] < cost["gelu"]


def test_cost_is_measured_as_in_training(register):
    """Joint ones take one call, trained and random ones have their extra work."""
    calls = set()

    class Spy(Activation):
        scale: float = 1.0
        trainable: bool | str = "shared"
        shape_parameters = ("scale",)

        def forward_derivative(self, z, out, slope, scale):
            if z.dtype == np.float32:  # for other facts it is called in float64
                calls.add(f"joint, shape {np.shape(scale)}")
            out[...], slope[...] = scale * z, scale

        def forward(self, z, out, scale):
            out[...] = scale * z
            if z.dtype == np.float32:
                calls.add("forward")

        def shape_gradient(self, z, a, scale):
            calls.add("shape_gradient")
            return (z,)

    class Noisy(Activation):
        random = True
        expected = 1.0

        def draw(self, rng, out):
            calls.add("draw")
            rng.random(out=out, dtype=out.dtype)

        def forward(self, z, out, noise):
            np.multiply(z, noise, out=out)

        def backward(self, z, a, grad, noise):
            grad *= noise

    register("spy")(Spy)
    register("noisy")(Noisy)
    activations.table()
    assert calls == {"joint, shape (1,)", "shape_gradient", "draw"}


def test_without_pandas_it_is_a_list_of_dicts(monkeypatch):
    frame = activations.table(cost=False)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        rows = activations.table(cost=False)
    assert isinstance(rows, list) and rows[0]["name"] == "celu"
    pd.testing.assert_frame_equal(pd.DataFrame(rows).set_index("name"), frame)
