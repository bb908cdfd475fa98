"""Initializers: moments against the formulas, draws against scikit-learn."""

import pickle
from math import sqrt
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from sk_mlp import initializers
from sk_mlp.initializers import (
    Auto,
    Initializer,
    Orthogonal,
    Sklearn,
    VarianceScaling,
)

RELU = SimpleNamespace(gain=sqrt(2.0), initializer=None)
LEAKY = SimpleNamespace(gain=sqrt(2.0 / (1.0 + 0.2**2)), initializer=None)
TANH = SimpleNamespace(gain=1.59, initializer="glorot_uniform")
SELU = SimpleNamespace(gain=1.0, initializer=None)
ODD = SimpleNamespace(gain=3.7, initializer=None)  # as a user's own might be
LOGISTIC = SimpleNamespace(gain=1.8, initializer="glorot_uniform", sklearn_factor=2.0)

KURTOSIS = {"normal": 3.0, "uniform": 9.0 / 5.0}

every_initializer = pytest.mark.parametrize("name", initializers.names())


def draw(initializer, shape, activation=RELU, dtype=np.float64, seed=0):
    weight, bias = np.full(shape, np.nan, dtype), np.full(shape[1], np.nan, dtype)
    rng = np.random.RandomState(seed)
    initializers.get(initializer).fill(weight, bias, rng, activation)
    return weight, bias


def assert_moments(sample, variance, kurtosis):
    """Mean and variance within five sigma of their sampling distributions."""
    n = sample.size
    assert abs(sample.mean()) < 5 * sqrt(variance / n)
    sigma = variance * sqrt((kurtosis - 1) / n)
    assert abs(np.mean(sample**2) - variance) < 5 * sigma


class Sparse(Initializer):
    density: float = 0.1

    def fill(self, weight, bias, rng, activation):
        kept = rng.uniform(size=weight.shape) < self.density
        weight[...] = kept * rng.standard_normal(weight.shape)
        bias[...] = 0.0


def test_names():
    assert initializers.names() == [
        *("auto", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform"),
        *("lecun_normal", "lecun_uniform", "orthogonal", "sklearn"),
    ]


@every_initializer
@pytest.mark.parametrize("activation", [RELU, TANH, SELU, LOGISTIC])
@pytest.mark.parametrize("shape", [(7, 5), (5, 7), (1, 3), (3, 1), (1, 1)])
def test_everything_is_filled_with_finite_numbers(name, activation, shape):
    initializers.get(name).check()
    weight, bias = draw(name, shape, activation)
    assert np.isfinite(weight).all() and np.isfinite(bias).all()
    if name != "sklearn":
        assert_array_equal(bias, 0.0)


@every_initializer
def test_float32_is_float64_rounded(name):
    for single, double in zip(
        draw(name, (6, 4), dtype=np.float32), draw(name, (6, 4)), strict=True
    ):
        assert single.dtype == np.float32
        assert_array_equal(single, double.astype(np.float32))


@every_initializer
def test_the_seed_decides(name):
    first, second = draw(name, (6, 4), seed=1), draw(name, (6, 4), seed=1)
    assert_array_equal(first[0], second[0])
    assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], draw(name, (6, 4), seed=2)[0])


@every_initializer
def test_views_are_filled_in_place(name):
    theta = np.full(6 * 4 + 4 + 1, np.nan)
    weight, bias = theta[:24].reshape(6, 4), theta[24:28]
    initializers.get(name).fill(weight, bias, np.random.RandomState(0), RELU)
    assert_array_equal(np.isnan(theta), [False] * 28 + [True])
    assert_array_equal(weight, draw(name, (6, 4))[0])


@every_initializer
def test_components_are_clonable_picklable_comparable(name):
    initializer = initializers.get(name)
    assert clone(initializer) == initializer
    assert pickle.loads(pickle.dumps(initializer)) == initializer
    assert repr(initializer).startswith(type(initializer).__name__)
    assert initializer._repr_html_()
    assert initializers.get(initializer) is initializer
    assert initializer.registered_name == name


SETTINGS = [initializers.get(name) for name in initializers.names()]
SETTINGS = [setting for setting in SETTINGS if isinstance(setting, VarianceScaling)]


@pytest.mark.parametrize(
    "initializer",
    [*SETTINGS, VarianceScaling(0.3, "fan_out"), VarianceScaling(5, "fan_avg")],
    ids=repr,
)
@pytest.mark.parametrize("shape", [(500, 80), (80, 500)])
def test_variance_scaling(initializer, shape):
    fans = dict(fan_in=shape[0], fan_out=shape[1], fan_avg=sum(shape) / 2)
    variance = initializer.scale / fans[initializer.mode]
    weight, _ = draw(initializer, shape)
    assert_moments(weight, variance, KURTOSIS[initializer.distribution])
    largest = np.abs(weight).max() / sqrt(variance)
    if initializer.distribution == "uniform":
        assert 0.999 * sqrt(3.0) < largest <= sqrt(3.0)
    else:
        assert largest > 3.0  # not truncated


@pytest.mark.parametrize(
    "name, scale, fan",
    [("he", 2.0, 300), ("lecun", 1.0, 300), ("glorot", 1.0, 200)],
)
def test_named_variances(name, scale, fan):
    for kind, kurtosis in KURTOSIS.items():
        weight, _ = draw(f"{name}_{kind}", (300, 100))
        assert_moments(weight, scale / fan, kurtosis)


def test_glorot_uniform_is_the_formula_of_the_paper():
    bound = sqrt(6.0 / (30 + 20))
    expected = np.random.RandomState(0).uniform(-bound, bound, (30, 20))
    assert_allclose(draw("glorot_uniform", (30, 20))[0], expected, rtol=1e-14)


@pytest.mark.parametrize("activation", [RELU, LEAKY, SELU, ODD])
def test_auto_uses_the_gain(activation):
    weight, bias = draw("auto", (400, 100), activation)
    assert_moments(weight, activation.gain**2 / 400, KURTOSIS["normal"])
    assert_array_equal(bias, 0.0)


@pytest.mark.parametrize(
    "activation, name", [(RELU, "he_normal"), (SELU, "lecun_normal")]
)
def test_auto_is_he_for_relu_and_lecun_for_selu(activation, name):
    auto, named = draw("auto", (30, 20), activation)[0], draw(name, (30, 20))[0]
    assert_allclose(auto, named, rtol=1e-14)


@pytest.mark.parametrize("name", ["glorot_uniform", "lecun_uniform", "orthogonal"])
def test_auto_follows_the_wish_of_the_activation(name):
    activation = SimpleNamespace(gain=1.3, initializer=name)
    auto, named = draw("auto", (30, 20), activation), draw(name, (30, 20), activation)
    assert_array_equal(auto[0], named[0])
    assert_array_equal(auto[1], named[1])


def test_auto_keeps_the_signal_through_many_layers():
    rng = np.random.RandomState(0)
    a = rng.standard_normal((300, 200))
    for seed in range(20):
        weight, _ = draw("auto", (200, 200), RELU, seed=seed)
        a = np.maximum(a @ weight, 0.0)
    assert 0.2 < np.mean(a**2) < 5.0


@pytest.mark.parametrize("shape", [(40, 15), (15, 40), (20, 20), (1, 5), (5, 1)])
@pytest.mark.parametrize("gain", [None, 0.5])
def test_orthogonal(shape, gain):
    weight, _ = draw(Orthogonal(gain), shape, RELU)
    short = weight if shape[0] >= shape[1] else weight.T
    expected = (RELU.gain if gain is None else gain) ** 2 * np.eye(min(shape))
    assert_allclose(short.T @ short, expected, atol=1e-14)


def test_orthogonal_is_uniform_over_the_orthogonal_matrices():
    # The mean of Haar-distributed matrices is zero; without the fix of the signs of
    # the QR decomposition the diagonal has a negative mean.
    draws = [draw(Orthogonal(1.0), (3, 3), seed=seed)[0] for seed in range(2000)]
    assert np.abs(np.mean(draws, axis=0)).max() < 5 / sqrt(3 * 2000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "tanh", "identity", "logistic"])
def test_sklearn_draws_what_scikit_learn_draws(activation, dtype):
    reference = MLPClassifier(activation=activation)
    reference._random_state = np.random.RandomState(7)
    rng, stub = np.random.RandomState(7), LOGISTIC if activation == "logistic" else TANH
    for shape in [(6, 5), (5, 4), (4, 1)]:
        weight, bias = np.empty(shape, dtype), np.empty(shape[1], dtype)
        Sklearn().fill(weight, bias, rng, stub)
        expected_weight, expected_bias = reference._init_coef(*shape, dtype)
        assert_array_equal(weight, expected_weight)
        assert_array_equal(bias, expected_bias)


@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_sklearn_equals_the_coefs_of_a_fit_that_does_not_move(activation):
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((30, 6)), np.arange(30) % 3
    reference = MLPClassifier(
        (5, 4),
        activation,
        solver="sgd",
        learning_rate_init=1e-300,
        max_iter=1,
        random_state=3,
    )
    with pytest.warns(ConvergenceWarning):
        reference.fit(X, y)
    rng, stub = np.random.RandomState(3), LOGISTIC if activation == "logistic" else RELU
    for coef, intercept in zip(reference.coefs_, reference.intercepts_, strict=True):
        weight, bias = np.empty_like(coef), np.empty_like(intercept)
        Sklearn().fill(weight, bias, rng, stub)
        assert_array_equal(weight, coef)
        assert_array_equal(bias, intercept)


@pytest.mark.parametrize("activation, factor", [(RELU, 6.0), (LOGISTIC, 2.0)])
def test_sklearn_bound(activation, factor):
    weight, bias = draw("sklearn", (300, 200), activation)
    bound = sqrt(factor / 500)
    assert 0.999 * bound < np.abs(weight).max() <= bound
    assert 0.9 * bound < np.abs(bias).max() <= bound
    assert_moments(weight, bound**2 / 3, KURTOSIS["uniform"])


@pytest.mark.parametrize(
    "initializer, error, text",
    [
        (VarianceScaling(0), ValueError, r"'scale' parameter of VarianceScaling must "
         r"be a float in the range \(0, inf\)\. Got 0 instead\."),
        (VarianceScaling("2"), TypeError, r"Got '2' instead\."),
        (VarianceScaling(np.inf), ValueError, "Got inf instead"),
        (VarianceScaling(np.nan), ValueError, "Got nan instead"),
        (VarianceScaling(mode="fan"), ValueError, r"'mode' parameter of VarianceScaling"
         r" must be a str among {'fan_avg', 'fan_in', 'fan_out'}\. Got 'fan' instead"),
        (VarianceScaling(distribution=None), ValueError, r"'distribution' .* must be a "
         r"str among {'normal', 'uniform'}\. Got None instead\."),
        (Orthogonal(-1.0), ValueError, r"'gain' parameter of Orthogonal must be a "
         r"float in the range \(0, inf\) or None\. Got -1\.0 instead\."),
        (Orthogonal("1"), TypeError, r"Got '1' instead\."),
    ],
)  # fmt: skip
def test_check(initializer, error, text):
    with pytest.raises(error, match=text):
        initializer.check()


def test_get_takes_names_and_objects_only():
    with pytest.raises(ValueError, match=r"'auto'.*Did you mean 'he_normal'\?"):
        initializers.get("he_norml")
    with pytest.raises(TypeError, match=r"Pass an instance: Auto\(\)"):
        initializers.get(Auto)
    for spec in (None, 0.1, np.random.uniform):
        with pytest.raises(TypeError, match="or an Initializer object"):
            initializers.get(spec)


def test_a_user_made_initializer():
    initializer = Sparse(density=0.2)
    weight, _ = draw(initializer, (100, 100))
    assert abs(np.mean(weight != 0) - 0.2) < 5 * sqrt(0.2 * 0.8 / 1e4)
    assert clone(initializer) == initializer == pickle.loads(pickle.dumps(initializer))
    initializers.register("sparse", density=0.3)(Sparse)
    try:
        assert "sparse" in initializers.names()
        assert initializers.get("sparse") == Sparse(0.3)
        activation = SimpleNamespace(gain=1.0, initializer="sparse")
        assert np.mean(draw("auto", (50, 50), activation)[0] == 0) > 0.5
        with pytest.raises(ValueError, match="'sparse'"):
            initializers.get("no such initializer")
    finally:
        initializers._REGISTRY.unregister("sparse")


def test_the_base_says_what_is_missing():
    class Nothing(Initializer):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing must define fill\(\)"):
        draw(Nothing(), (2, 2))
