"""Adding a component touches one place: everything else reads the registry."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from _helpers import assert_same_network, fit_quietly
from gradcheck import (
    OBJECTIVES,
    TARGETS,
    TOLERANCE,
    activation_variants,
    head_pairs,
    loss_variants,
    worst_projected_error,
)
from sklearn.model_selection import GridSearchCV

from sk_mlp import (
    MLPClassifier,
    MLPRegressor,
    activations,
    initializers,
    losses,
    optimizers,
    schedules,
)
from sk_mlp._component import Interval
from sk_mlp._validation import InvalidParameterError

RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 4))
y = X[:, 0] - 0.5 * X[:, 1]


class Squashed(activations.Activation):
    """z / sqrt(1 + z²), with its width to train."""

    width: float = 1.0
    trainable: bool = False
    formula = "f(z) = z / sqrt(w + z^2)"
    range = Interval(-1, 1)
    zero_centered = True
    monotonic = True
    shape_parameters = ("width",)

    def shape_values(self):
        return (self.width,)

    def forward(self, z, out, width):
        np.divide(z, np.sqrt(width + z * z), out=out)

    def backward(self, z, a, grad, width):
        grad *= width / (width + z * z) ** 1.5

    def shape_gradient(self, z, a, width):
        return (-0.5 * z / (width + z * z) ** 1.5,)


class WrongSquashed(Squashed):
    def backward(self, z, a, grad, width):
        grad *= 1.001 * width / (width + z * z) ** 1.5


class Cauchy(losses.Loss):
    """log(1 + r²/2), summed over the outputs."""

    tasks = frozenset({"regression"})

    def value(self, y, p):
        return np.log1p(0.5 * (p - y) ** 2).sum(axis=1)

    def gradient(self, y, p, out):
        r = p - y
        np.divide(r, 1 + 0.5 * r * r, out=out)


class Ones(initializers.Initializer):
    scale: float = 0.1

    def fill(self, weight, bias, rng, activation):
        weight[...] = self.scale * rng.uniform(size=weight.shape)
        bias[...] = self.scale


class Signum(optimizers.Optimizer):
    beta: float = 0.9
    slots = ("m",)

    def update(self, theta, grad, rate, coefficients, m):
        m *= self.beta
        m += grad
        theta -= rate * np.sign(m)


class Halving(schedules.Schedule):
    every: int = 2

    def rate(self, base, progress):
        return base * 0.5 ** (progress.epoch // self.every)


NEW = {
    "activation": (activations, Squashed),
    "loss": (losses, Cauchy),
    "init": (initializers, Ones),
    "solver": (optimizers, Signum),
    "learning_rate": (schedules, Halving),
}


@contextmanager
def registered(parameter, cls=None, **settings):
    """Register the new component of a parameter as "new" and forget it afterwards."""
    module, default = NEW[parameter]
    cls = cls or default
    module.register("new", "brand_new", **settings)(cls)
    try:
        yield module
    finally:
        module._REGISTRY.unregister("new")
        assert "new" not in module.names()


def make(**parameters):
    return MLPRegressor((5,), max_iter=4, random_state=0, **parameters)


@pytest.mark.parametrize("parameter", NEW)
def test_one_line_is_enough(parameter):
    module, cls = NEW[parameter]
    with pytest.raises(InvalidParameterError, match="Got 'new' instead"):
        make(**{parameter: "new"}).fit(X, y)
    with registered(parameter):
        assert "new" in module.names()
        assert module.get("new") == module.get("brand_new") == cls()
        assert cls().registered_name == "new"
        # The messages list it.
        for wrong in ("nope", None):
            with pytest.raises(InvalidParameterError, match="'new'"):
                make(**{parameter: wrong}).fit(X, y)
        with pytest.raises(InvalidParameterError, match="Did you mean 'new'"):
            make(**{parameter: "neww"}).fit(X, y)
        # Estimators take the name, and it is the object.
        by_name = fit_quietly(make(**{parameter: "new"}), X, y)
        by_object = fit_quietly(make(**{parameter: cls()}), X, y)
        assert_same_network(by_name, by_object)
        assert not np.array_equal(
            by_name._network.theta, fit_quietly(make(), X, y)._network.theta
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grid = GridSearchCV(make(), {parameter: ["new"]}, cv=2, error_score="raise")
            assert np.isfinite(grid.fit(X, y).best_score_)
    assert cls().registered_name is None


def test_settings_have_names_of_their_own():
    with registered("activation", width=4.0, trainable=True):
        assert activations.get("new") == Squashed(width=4.0, trainable=True)
        estimator = fit_quietly(make(activation="new"), X, y)
        assert estimator.activation_params_[0]["width"].shape == (5,)
        assert Squashed().registered_name is None
        assert Squashed(4.0, True).registered_name == "new"


def test_an_activation_is_an_output_activation_too():
    with registered("activation"):
        estimator = fit_quietly(make(output_activation="new"), X, y)
        assert estimator.out_activation_ == "new"
        assert (np.abs(estimator.predict(X)) < 1).all()
        classifier = MLPClassifier((3,), output_activation="new")
        with pytest.raises(ValueError, match=r"output_activation='new' has the range"):
            classifier.fit(X, y > 0)


def test_an_activation_finds_itself_in_the_gradient_check():
    assert not [label for label in activation_variants() if label.startswith("new")]
    with registered("activation"):
        variants = activation_variants()
        new = [label for label in variants if label.partition(",")[0] == "new"]
        assert len(new) == 3  # fixed, trained per unit, shared
        pairs, refused = head_pairs({label: variants[label] for label in new})
        assert {key[2] for key in pairs} == {"regression"}
        assert {key[2] for key in refused} >= {"binary", "multiclass"}
        head = (activations.get("identity"), losses.get("squared_error"))
        head = (*head, TARGETS["regression"])
        for label in new:
            for pair in [head, *list(pairs.values())[:3]]:
                error = worst_projected_error(
                    variants[label], pair, OBJECTIVES.values()
                )
                assert error <= TOLERANCE


def test_a_wrong_activation_is_found_out():
    with registered("activation", WrongSquashed):
        head = (activations.get("identity"), losses.get("squared_error"))
        head = (*head, TARGETS["regression"])
        hidden = activation_variants()["new"]
        error = worst_projected_error(hidden, head, list(OBJECTIVES.values())[:1])
        assert error > 10 * TOLERANCE


def test_a_loss_finds_itself_in_the_gradient_check():
    with registered("loss"):
        assert "new" in loss_variants()
        some = {name: activations.get(name) for name in ("identity", "tanh")}
        pairs, _ = head_pairs(some)
        new = [pair for key, pair in pairs.items() if key[1] == "new"]
        assert len(new) == 2
        for pair in new:
            hidden = activations.get("tanh")
            error = worst_projected_error(hidden, pair, OBJECTIVES.values())
            assert error <= TOLERANCE
        with pytest.raises(InvalidParameterError, match="Loss object for class") as e:
            MLPClassifier(loss="new").fit(X, y > 0)
        assert "'new'" not in str(e.value).partition("Got")[0]


def test_the_name_is_forgotten():
    for parameter, (module, cls) in NEW.items():
        with pytest.raises(RuntimeError, match="stop"), registered(parameter):
            raise RuntimeError("stop")
        assert "new" not in module.names() and cls().registered_name is None
        with pytest.raises(ValueError, match="Got 'brand_new' instead"):
            module.get("brand_new")
