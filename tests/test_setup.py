"""From parameters to components: initial weights, user-made objects, messages."""

import re

import numpy as np
import pytest
from _helpers import assert_refused, fit_quietly
from sklearn.base import clone

from sk_mlp import MLPClassifier, MLPRegressor, activations, initializers, losses
from sk_mlp._setup import _matched, resolve_setup
from sk_mlp._validation import InvalidParameterError
from sk_mlp.activations import Activation, ReLU

RNG = np.random.RandomState(0)
X = RNG.standard_normal((200, 100))
MANY = RNG.standard_normal((200, 40))
Y = {MLPClassifier: np.digitize(X[:, 0], [-0.5, 0.5]), MLPRegressor: X[:, 0]}
both = pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])


class Faint(Activation):
    """User-made: 0.02 tanh(z)."""

    def forward(self, z, out):
        np.tanh(z, out=out)
        out *= 0.02

    def backward(self, z, a, grad):
        grad *= 0.02 / np.cosh(z) ** 2


# What the weights are drawn for ------------------------------------------------------


def at_start(sizes, activation, seed=0, y=MANY, **parameters):
    """Return a regressor with its initial weights: a step of 1e-300 moves none."""
    estimator = MLPRegressor(
        sizes,
        activation,
        solver="sgd",
        learning_rate_init=1e-300,
        max_iter=1,
        random_state=seed,
        **parameters,
    )
    return fit_quietly(estimator, X, y)


@pytest.mark.parametrize(
    "hidden, expected",
    [
        (["relu", "silu"], ["identity", "relu", "silu"]),
        (["tanh", "tanh"], ["tanh", "tanh", "tanh"]),
        (["relu", "tanh"], ["identity", "tanh", "tanh"]),
        (["tanh", "relu"], ["tanh", "tanh", "relu"]),
        ([], ["logistic"]),  # as scikit-learn draws without hidden layers
    ],
    ids=str,
)
def test_a_layer_is_drawn_for_what_comes_in(hidden, expected):
    """But for the activation above where that names an initializer."""
    matched = _matched([*map(activations.get, hidden)], activations.get("logistic"))
    assert [activation.registered_name for activation in matched] == expected


@pytest.mark.parametrize(
    "activation, gains",
    [
        ("relu", [1, 2**0.5, 2**0.5]),
        ("identity", [1, 1, 1]),
        (["relu", Faint()], [1, 2**0.5, Faint().gain]),
    ],
    ids=str,
)
def test_standard_deviations_of_the_weights(activation, gains):
    estimator = at_start((300, 200), activation)
    for weight, gain in zip(estimator.coefs_, gains, strict=True):
        np.testing.assert_allclose(weight.std(), gain / len(weight) ** 0.5, rtol=0.03)
    for bias in estimator.intercepts_:
        np.testing.assert_allclose(bias, 0.0, atol=1e-290)  # but for the one step


def test_weights_of_tanh_are_glorots():
    for weight in at_start((300, 200), "tanh").coefs_:
        bound = (6 / sum(weight.shape)) ** 0.5
        assert 0.98 * bound < abs(weight).max() < bound
        np.testing.assert_allclose(weight.std(), bound / 3**0.5, rtol=0.03)


KEEPING = ["identity", "relu", "elu", "silu", "gelu", "mish", "sine", "selu", "rrelu"]
KEEPING += [Faint(), ["relu", Faint()], [Faint(), "silu"]]


@pytest.mark.parametrize("activation", KEEPING, ids=str)
def test_raw_outputs_start_with_a_mean_square_of_one(activation):
    """Over seeds, as all rows share the weights of a network."""
    squares = [
        np.mean(at_start((200, 200), activation, seed).predict(X) ** 2)
        for seed in range(8)
    ]
    assert 0.75 < np.mean(squares) < 1.25


def test_the_drawn_numbers_are_those_of_the_initializer():
    hidden = ["relu", "tanh"]
    estimator = at_start((30, 20), hidden, seed=3)
    rng, start = np.random.RandomState(3), initializers.get("auto")
    matched = _matched([*map(activations.get, hidden)], None)
    for given, activation in zip(estimator.coefs_, matched, strict=True):
        weight, bias = np.empty(given.shape), np.empty(given.shape[1])
        start.fill(weight, bias, rng, activation)
        np.testing.assert_allclose(given, weight, atol=1e-300)


# User-made activations ---------------------------------------------------------------


class Returning(Activation):
    def forward(self, z, out):
        return z**3

    def backward(self, z, a, grad):
        grad *= 3 * z**2


class Rebinding(Returning):
    def forward(self, z, out):
        out = z**3  # noqa: F841


class ReturningSlope(Returning):
    def forward(self, z, out):
        out[...] = z**3

    def backward(self, z, a, grad):
        return grad * 3 * z**2


class Partial(ReturningSlope):
    """Not a number for half of all z; that is for training to find out."""

    def forward(self, z, out):
        np.sqrt(z, out=out)

    def backward(self, z, a, grad):
        grad *= 0.5 / a


@both
@pytest.mark.parametrize(
    "activation, match",
    [
        (
            Returning(),
            r"Returning\.forward\(z, out\) must write .* `out`, e\.g\. out\[",
        ),
        (
            Rebinding(),
            r"Rebinding\.forward\(z, out\) must write .* `out`, e\.g\. out\[",
        ),
        (
            ReturningSlope(),
            r"ReturningSlope\.backward\(z, a, grad\) must change `grad`",
        ),
    ],
    ids=repr,
)
def test_an_activation_that_returns_instead_of_writing_is_refused(
    cls, activation, match
):
    for parameters in (
        {"activation": activation},
        {"activation": ["relu", activation]},
        {"output_activation": activation},
    ):
        estimator = cls((3, 3), **parameters)
        call = lambda e: e.fit(X, Y[cls])  # noqa: E731
        assert_refused(estimator, call, match, InvalidParameterError)


class Fluent(Returning):
    """Writes, and returns what it has written, as NumPy does."""

    def forward(self, z, out):
        return np.power(z, 3, out=out)

    def backward(self, z, a, grad):
        return np.multiply(grad, 3 * z**2, out=grad)


def test_an_activation_may_return_what_it_has_written():
    resolve_setup(MLPRegressor((3,), Fluent()), "regression")


def test_an_activation_may_be_undefined_somewhere():
    """It is judged by its losses, and without a warning of NumPy's."""
    estimator = MLPRegressor((3,), Partial())
    match = "diverged"
    assert_refused(estimator, lambda e: e.fit(X, Y[MLPRegressor]), match)
    resolve_setup(MLPRegressor((3,), Faint()), "regression")


# Messages ----------------------------------------------------------------------------


@both
@pytest.mark.parametrize("given", [[], (), np.array([], dtype=str)], ids=repr)
def test_no_activation_for_no_hidden_layer(cls, given):
    estimator = cls((), given, max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match="'activation' without hidden layers"):
        fit_quietly(estimator, X, Y[cls])
    assert len(estimator.coefs_) == 1


@both
def test_an_array_of_activations(cls):
    given = np.array(["relu", "tanh"])
    estimator = cls((5, 4), given, max_iter=2, random_state=0)
    assert estimator.get_params()["activation"] is given
    expected = fit_quietly(cls((5, 4), ["relu", "tanh"], max_iter=2, random_state=0),
                           X, Y[cls])  # fmt: skip
    for copied in (estimator, clone(estimator)):
        fit_quietly(copied, X, Y[cls])
        np.testing.assert_array_equal(copied._network.theta, expected._network.theta)
    for wrong in (np.array("relu"), np.array([["relu", "tanh"]] * 2), given[:1]):
        call = lambda e: e.fit(X, Y[cls])  # noqa: E731
        error = InvalidParameterError
        assert_refused(cls((5, 4), wrong), call, "'activation' parameter of", error)


@both
@pytest.mark.parametrize(
    "parameters, text",
    [
        ({"output_activation": "xx"}, "must be a str among {'auto', 'celu', "),
        ({"solver": "xx"}, "must be a str among {'lbfgs', 'adagrad', "),
        ({"activation": 3}, "or an Activation object, or a list of these. Got 3 inst"),
        ({"activation": ["relu", 3]}, "or a list of these. Got 3 instead"),
    ],
    ids=str,
)
def test_messages_list_every_alternative(cls, parameters, text):
    estimator = cls((3, 3), **parameters)
    call = lambda e: e.fit(X, Y[cls])  # noqa: E731
    assert_refused(estimator, call, re.escape(text), InvalidParameterError)


@both
@pytest.mark.parametrize("loss", ["mse", ReLU(), 3], ids=repr)
def test_only_losses_of_the_task_are_listed(cls, loss):
    with pytest.raises(InvalidParameterError) as info:
        cls(loss=loss).fit(X, Y[cls])
    text = str(info.value)
    for name in losses.names():
        assert (repr(name) in text) == (cls._task in losses.get(name).tasks), name
    assert f"or a Loss object for {cls._task}. Got {loss!r} instead." in text


def test_a_misspelt_loss_gets_a_hint_from_the_task():
    with pytest.raises(InvalidParameterError, match="Did you mean 'log_loss'"):
        MLPClassifier(loss="logloss").fit(X, Y[MLPClassifier])
    with pytest.raises(
        InvalidParameterError, match=r"Got 'log_loss' instead\.( Did|$)"
    ):
        MLPRegressor(loss="log_loss").fit(X, Y[MLPRegressor])
