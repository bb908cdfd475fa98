"""Grids, pipelines, clones, pickles and HTML: components as parameters."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from _helpers import assert_same_network, fit_quietly
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import (
    MLPClassifier,
    MLPRegressor,
    activations,
    initializers,
    losses,
    optimizers,
    schedules,
)
from sk_mlp.activations import ELU, MSAF, Activation, LeakyReLU, SiLU, Tanh
from sk_mlp.initializers import Initializer, VarianceScaling
from sk_mlp.losses import (
    Focal,
    Huber,
    LogLoss,
    Loss,
    Quantile,
    SquaredError,
    Tweedie,
)
from sk_mlp.optimizers import SGD, Adam, Optimizer
from sk_mlp.schedules import InvScaling, Schedule

RNG = np.random.RandomState(0)
X = 3 + RNG.standard_normal((60, 4))
Y = {
    MLPClassifier: np.digitize(X[:, 0] + X[:, 1], [5.3, 6.7]),
    MLPRegressor: X[:, 0] - 0.5 * X[:, 1] ** 2,
}
both = pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
MODULES = {
    "activation": activations,
    "loss": losses,
    "init": initializers,
    "solver": optimizers,
    "learning_rate": schedules,
}


class Cubic(Activation):
    """User-made, as in a script."""

    scale: float = 0.1

    def forward(self, z, out):
        np.multiply(z**3, self.scale, out=out)

    def backward(self, z, a, grad):
        grad *= 3 * self.scale * z**2


class Cauchy(Loss):
    """A user-made loss: log(1 + r²/2)."""

    tasks = frozenset({"regression"})

    def value(self, y, p):
        return np.log1p(0.5 * (p - y) ** 2).sum(axis=1)

    def gradient(self, y, p, out):
        r = p - y
        np.divide(r, 1 + 0.5 * r * r, out=out)


class Constant(Initializer):
    value: float = 0.1

    def fill(self, weight, bias, rng, activation):
        weight[...] = self.value * rng.uniform(size=weight.shape)
        bias[...] = 0.0


class Signum(Optimizer):
    beta: float = 0.9
    slots = ("m",)

    def update(self, theta, grad, rate, coefficients, m):
        m *= self.beta
        m += grad
        theta -= rate * np.sign(m)


class Halving(Schedule):
    every: int = 2

    def rate(self, base, progress):
        return base * 0.5 ** (progress.epoch // self.every)


OWN = {
    "activation": Cubic(scale=0.2),
    "init": Constant(),
    "solver": Signum(),
    "learning_rate": Halving(),
}


def make(cls, **parameters):
    defaults = {
        "hidden_layer_sizes": (5,),
        "max_iter": 3,
        "random_state": 0,
    }
    return cls(**{**defaults, **parameters})


def search(estimator, grid, y, n_jobs=None):
    """Return the fitted grid search; every fit must give a finite score."""
    found = GridSearchCV(estimator, grid, cv=2, n_jobs=n_jobs, error_score="raise")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Of step, which cannot learn, and of rates that lbfgs does not use.
        warnings.filterwarnings("ignore", "activation='step' has no gradient")
        found.fit(X, y)
    n_candidates = len(found.cv_results_["params"])
    scores = found.cv_results_["mean_test_score"]
    assert scores.shape == (n_candidates,) and np.isfinite(scores).all()
    return found


# Grids -------------------------------------------------------------------------------


@both
def test_grid_over_every_activation_in_two_processes(cls):
    grid = {"activation": activations.names()}
    found = search(make(cls), grid, Y[cls], n_jobs=2)
    assert [p["activation"] for p in found.cv_results_["params"]] == activations.names()


def test_grid_over_objects_in_two_processes():
    objects = [
        Cubic(),
        Cubic(scale=0.5),
        LeakyReLU(0.2),
        MSAF((1.0, 3.0), trainable=True),
        ["tanh"],
        [Cubic()],
    ]
    grid = {"activation": objects, "init": ["auto", Constant()]}
    found = search(make(MLPClassifier), grid, Y[MLPClassifier], n_jobs=2)
    assert found.best_estimator_.get_params()["activation"] in objects
    solvers = {"solver": [Signum(), SGD(0.5), "lbfgs"], "learning_rate": ["constant"]}
    search(make(MLPRegressor), solvers, Y[MLPRegressor], n_jobs=2)
    search(make(MLPRegressor), {"loss": [Cauchy(), Huber(2.0)]}, Y[MLPRegressor], 2)


@pytest.mark.parametrize(
    "cls, parameters, grid",
    [
        (
            MLPClassifier,
            {"activation": LeakyReLU()},
            {"activation__negative_slope": [0.0, 0.1, 0.5]},
        ),
        (
            MLPClassifier,
            {"activation": SiLU()},
            {"activation__beta": [0.5, 1.0], "activation__trainable": [True, "shared"]},
        ),
        (MLPClassifier, {"loss": LogLoss()}, {"loss__label_smoothing": [0.0, 0.2]}),
        (MLPClassifier, {"loss": Focal()}, {"loss__gamma": [0.0, 1.0]}),
        (MLPRegressor, {"loss": Huber()}, {"loss__delta": [0.5, 2.0]}),
        (MLPRegressor, {"loss": Quantile()}, {"loss__levels": [0.1, 0.9]}),
        (MLPRegressor, {"solver": Adam()}, {"solver__beta_1": [0.5, 0.9]}),
        (
            MLPRegressor,
            {"learning_rate": InvScaling()},
            {"learning_rate__power_t": [0.1, 0.5]},
        ),
        (MLPRegressor, {"init": VarianceScaling()}, {"init__scale": [0.5, 2.0]}),
        (MLPRegressor, {"activation": Cubic()}, {"activation__scale": [0.1, 0.2]}),
        (
            MLPRegressor,
            {"output_activation": Tanh()},
            {"output_activation__slope": [0.5, 1.0]},
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_grid_over_hyper_parameters_of_components(cls, parameters, grid):
    estimator = make(cls, **parameters)
    found = search(estimator, grid, Y[cls])
    # Every candidate is a model of its own, with an object of its own.
    ((name, component),) = parameters.items()
    assert component == type(component)()
    fitted = [
        fit_quietly(clone(estimator).set_params(**candidate), X, Y[cls])
        for candidate in found.cv_results_["params"]
    ]
    for candidate, model in zip(found.cv_results_["params"], fitted, strict=True):
        for key, value in candidate.items():
            assert getattr(getattr(model, name), key.removeprefix(f"{name}__")) == value
    thetas = [model._network.theta for model in fitted]
    assert not any(np.array_equal(thetas[0], theta) for theta in thetas[1:])
    assert component == type(component)()


def test_results_of_a_grid_over_objects_can_be_grouped():
    """Objects have no order to sort by, but can be told apart and found again."""
    objects = [LeakyReLU(0.1), LeakyReLU(0.2), Tanh()]
    grid = {"activation": objects, "alpha": [0.1, 1.0]}
    found = pd.DataFrame(search(make(MLPRegressor), grid, Y[MLPRegressor]).cv_results_)
    grouped = found.groupby("param_activation", sort=False)["mean_test_score"]
    assert grouped.count().to_dict() == dict.fromkeys(objects, 2)
    means = grouped.mean().to_dict()
    for f in objects:
        chosen = found[found["param_activation"] == f]["mean_test_score"]
        assert means[clone(f)] == chosen.mean()
    table = found.pivot_table(
        "mean_test_score", "param_activation", "param_alpha", sort=False
    )
    assert table.shape == (3, 2) and list(table.index) == objects


@both
def test_grid_over_names_of_other_components(cls):
    search(make(cls), {"init": initializers.names()}, Y[cls])
    search(make(cls), {"solver": ["lbfgs", *optimizers.names()]}, Y[cls])
    search(make(cls), {"learning_rate": schedules.names()}, Y[cls])
    names = [n for n in losses.names() if cls._task in losses.get(n).tasks]
    search(make(cls), {"loss": names}, np.abs(Y[cls]) + (cls is MLPRegressor))


@both
def test_pipelines(cls):
    pipeline = make_pipeline(StandardScaler(), make(cls, activation=LeakyReLU()))
    name = cls.__name__.lower()
    grid = {
        f"{name}__activation__negative_slope": [0.01, 0.3],
        f"{name}__hidden_layer_sizes": [(5,), ()],
    }
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Parameters of .* without effect: 'activation'"
        )
        found = search(pipeline, grid, Y[cls])
    best = found.best_estimator_
    assert best[-1].n_features_in_ == 4
    assert_same_network(pickle.loads(pickle.dumps(best))[-1], best[-1])
    fit_quietly(pipeline, X, Y[cls], **{f"{name}__sample_weight": np.ones(60)})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_inside_other_estimators():
    y = Y[MLPRegressor]
    regressor = TransformedTargetRegressor(
        make(MLPRegressor), transformer=StandardScaler()
    )
    assert regressor.fit(X, y).predict(X).shape == (60,)
    several = MultiOutputRegressor(make(MLPRegressor)).fit(X, np.column_stack([y, -y]))
    assert several.predict(X).shape == (60, 2)
    assert cross_val_score(make(MLPClassifier), X, Y[MLPClassifier], cv=3).shape == (3,)


# Every component as a parameter ------------------------------------------------------

NAMED = [
    (parameter, name)
    for parameter, module in MODULES.items()
    for name in module.names()
]


def objects_of(parameter, name):
    component = MODULES[parameter].get(name)
    task = getattr(component, "tasks", {"regression"})
    cls = MLPRegressor if "regression" in task else MLPClassifier
    return component, make(cls, **{parameter: component})


@pytest.mark.parametrize("parameter, name", NAMED)
def test_every_component_copies_and_shows(parameter, name):
    component, estimator = objects_of(parameter, name)
    for thing in (component, estimator):
        for copied in (
            clone(thing),
            copy.copy(thing),
            copy.deepcopy(thing),
            pickle.loads(pickle.dumps(thing)),
        ):
            assert repr(copied) == repr(thing)
            assert (
                copied.get_params(deep=False).keys() == thing.get_params(False).keys()
            )
        assert type(thing).__name__ in repr(thing)
        assert type(thing).__name__ in thing._repr_html_()
    assert clone(component) == component
    fields = component.get_params(deep=False)
    assert {f"{parameter}__{key}" for key in fields} <= set(estimator.get_params())


@pytest.mark.parametrize("parameter, name", NAMED)
def test_a_name_is_its_object(parameter, name, tmp_path):
    component, by_object = objects_of(parameter, name)
    cls = type(by_object)
    by_name = clone(by_object).set_params(**{parameter: name})
    y = Y[cls] if cls is MLPClassifier else np.exp(0.2 * Y[cls])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "activation='step' has no gradient")
        for estimator in (by_object, by_name):
            fit_quietly(estimator, X, y)
    assert_same_network(by_object, by_name)
    html = by_object._repr_html_()
    assert type(component).__name__ in html
    path = joblib.dump(by_object, tmp_path / "model")[0]
    assert_same_network(joblib.load(path), by_object)
    assert_same_network(joblib.load(path, mmap_mode="r"), by_object)
    assert component == MODULES[parameter].get(name)  # the fit did not touch it


# User-made components ----------------------------------------------------------------


@both
@pytest.mark.parametrize("parameter", OWN)
def test_user_made_components(cls, parameter, tmp_path):
    estimator = make(cls, **{parameter: OWN[parameter]}, learning_rate_init=0.01)
    fit_quietly(estimator, X, Y[cls])
    assert len(set(estimator.loss_curve_)) == 3
    for copied in (
        pickle.loads(pickle.dumps(estimator)),
        joblib.load(joblib.dump(estimator, tmp_path / "model")[0]),
        copy.deepcopy(estimator),
    ):
        assert_same_network(copied, estimator)
        np.testing.assert_array_equal(copied.predict(X), estimator.predict(X))
    assert type(OWN[parameter]).__name__ in repr(estimator)
    assert type(OWN[parameter]).__name__ in estimator._repr_html_()
    assert_same_network(fit_quietly(clone(estimator), X, Y[cls]), estimator)


def test_a_user_made_loss_and_output_activation():
    estimator = fit_quietly(make(MLPRegressor, loss=Cauchy()), X, Y[MLPRegressor])
    assert pickle.loads(pickle.dumps(estimator)).predict(X).shape == (60,)
    estimator.set_params(output_activation=Cubic())
    assert fit_quietly(estimator, X, Y[MLPRegressor]).out_activation_ == "Cubic()"


class Thrice(Loss):
    """Mixed into a loss of the package: three times its value and gradient."""

    def value(self, y, p):
        return 3 * super().value(y, p)

    def gradient(self, y, p, out):
        super().gradient(y, p, out)
        out *= 3


class ThriceSquared(Thrice, SquaredError):
    pass


class ThriceTweedie(Thrice, Tweedie):
    tasks = Tweedie.tasks


class ThriceLogLoss(Thrice, LogLoss):
    tasks = LogLoss.tasks


class ThriceFocal(Thrice, Focal):
    tasks = Focal.tasks


@pytest.mark.parametrize(
    "cls, own, parent, y",
    [
        (MLPRegressor, ThriceSquared(), SquaredError(), Y[MLPRegressor]),
        (MLPRegressor, ThriceTweedie(), Tweedie(), np.exp(Y[MLPRegressor])),
        (MLPClassifier, ThriceLogLoss(), LogLoss(), Y[MLPClassifier]),
        (MLPClassifier, ThriceLogLoss(), LogLoss(), Y[MLPClassifier] > 0),
        (MLPClassifier, ThriceFocal(), Focal(), Y[MLPClassifier]),
    ],
    ids=["identity", "exp", "softmax", "logistic", "focal"],
)
def test_a_loss_that_changes_one_of_the_package_is_used(cls, own, parent, y):
    """Not the parent's shortcut from the raw outputs, nor its form for a softmax."""
    parameters = {"solver": "sgd", "alpha": 0.0, "max_iter": 1, "momentum": 0.0}
    parameters["nesterovs_momentum"] = True
    fitted = [
        fit_quietly(make(cls, loss=loss, activation="tanh", **parameters), X, y)
        for loss in (own, parent)
    ]
    assert [e._network.head.canonical for e in fitted] == [False, True]
    assert fitted[0].loss_ > 2.5 * fitted[1].loss_
    assert np.abs(fitted[0]._network.theta - fitted[1]._network.theta).max() > 1e-5


def test_what_was_learned_by_a_user_made_activation():
    estimator = make(
        MLPRegressor,
        hidden_layer_sizes=(30,),
        activation=Cubic(),
        max_iter=200,
        learning_rate_init=0.02,
    )
    z = StandardScaler().fit_transform(X)
    assert fit_quietly(estimator, z, Y[MLPRegressor]).score(z, Y[MLPRegressor]) > 0.8


# Views of estimators -----------------------------------------------------------------


@both
def test_html_of_fitted_and_unfitted_estimators(cls):
    estimator = make(
        cls,
        activation=[ELU(0.5)],
        solver=SGD(nesterovs_momentum=False),
        learning_rate=InvScaling(0.3),
    )
    unfitted = estimator._repr_html_()
    fitted = fit_quietly(estimator, X, Y[cls])._repr_html_()
    for html in (unfitted, fitted):
        assert cls.__name__ in html and "ELU" in html and "SGD" in html
    assert "not fitted" in unfitted.lower() and "not fitted" not in fitted.lower()
    pipeline = make_pipeline(StandardScaler(), estimator)
    assert cls.__name__ in pipeline._repr_html_()


def test_repr_shows_what_was_changed():
    assert repr(MLPClassifier()) == "MLPClassifier()"
    estimator = MLPClassifier((5,), LeakyReLU(0.2), loss=LogLoss(label_smoothing=0.1))
    assert repr(estimator) == (
        "MLPClassifier(activation=LeakyReLU(negative_slope=0.2), "
        "hidden_layer_sizes=(5,),\n              loss=LogLoss(label_smoothing=0.1))"
    )
