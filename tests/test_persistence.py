"""Saved models: plain data, small, the same everywhere, and no more than the model."""

import copy
import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import _saved_models as saved
import joblib
import numpy as np
import pytest
import skops.io
from _helpers import X, Y, both, fit_quietly, make
from _training import assert_same_training
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from sk_mlp import (
    InconsistentVersionWarning,
    MLPClassifier,
    MLPRegressor,
    activations,
    callbacks,
    initializers,
    losses,
    optimizers,
    schedules,
)
from sk_mlp._plain import from_plain, generator_to_plain, to_plain

SCRIPT = Path(saved.__file__)
MODULES = (activations, initializers, losses, optimizers, schedules)
FORMS = {
    "pickle": (pickle.dumps, pickle.loads),
    "skops": (
        skops.io.dumps,
        lambda data: skops.io.loads(data, trusted=saved.TRUSTED),
    ),
}
each_form = pytest.mark.parametrize("form", FORMS)


def through(form, estimator):
    dump, load = FORMS[form]
    return load(dump(estimator))


def objects_in(value):
    """Yield the types in a state that are no plain data."""
    if isinstance(value, dict):
        for part in (*value, *value.values()):
            yield from objects_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from objects_in(part)
    elif isinstance(value, np.ndarray):
        yield from objects_in(value.tolist()) if value.dtype == object else ()
    elif isinstance(value, slice):
        yield from objects_in([value.start, value.stop, value.step])
    elif not isinstance(value, str | int | float | np.number | np.bool_ | None):
        yield type(value)


class Cubic(activations.Activation):
    """A user's own."""

    scale: float = 1.0

    def forward(self, z, out):
        np.multiply(z * z * z, self.scale, out=out)

    def backward(self, z, a, grad):
        grad *= 3 * self.scale * z * z


# The same model everywhere ------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A directory of models that another process has saved."""
    directory = tmp_path_factory.mktemp("models")
    run("save", directory)
    return directory


def run(action, directory):
    command = [sys.executable, str(SCRIPT), action, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_models_of_another_process_predict_to_the_bit(models):
    n_compared, differing = saved.check(models)
    assert n_compared == 3 * len(saved.models()) and not differing


def test_the_check_notices_one_bit(models, tmp_path):
    expected = joblib.load(models / "expected")
    name = "loss squared_error"
    for form in saved.SAVE:
        file = f"{name}.{form}"
        (tmp_path / file).write_bytes((models / file).read_bytes())
    prediction = np.nextafter(expected[name][0], np.inf)
    joblib.dump({name: [prediction]}, tmp_path / "expected")
    assert saved.check(tmp_path) == (3, [f"{name}.{form}" for form in saved.SAVE])


@both
@each_form
def test_training_goes_on_from_a_saved_model(cls, form):
    def new():
        return make(
            cls,
            activation="rrelu",
            dropout=0.2,
            normalization="batch",
            learning_rate=schedules.Cosine(n_epochs=50),
            warm_start=True,
        )

    ours, theirs = new(), new()
    for _ in range(2):
        fit_quietly(ours, X, Y[cls])
        theirs = through(form, fit_quietly(theirs, X, Y[cls]))
        ours.partial_fit(X, Y[cls])
        theirs = through(form, theirs.partial_fit(X, Y[cls]))
    assert_same_training(ours, theirs, X)
    firsts, others = (
        [type(values[0]) for values in model.history_.values()]
        for model in (ours, theirs)
    )
    assert firsts == others


# Plain data ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator, target",
    [
        pytest.param(estimator, target, id=name)
        for name, (estimator, target) in saved.models().items()
        if isinstance(estimator, MLPClassifier | MLPRegressor)
    ],
)
def test_the_state_is_plain_data(estimator, target):
    for model in (estimator, saved.fitted(estimator, target)):
        assert not list(objects_in(model.__getstate__()))


@pytest.mark.parametrize(
    "component",
    [module.get(name) for module in MODULES for name in module.names()],
    ids=lambda component: f"{component._registry.kind} {component.registered_name}",
)
def test_every_registered_component_becomes_plain_data(component):
    plain = to_plain(component)
    assert not list(objects_in(plain))
    restored = from_plain(pickle.loads(pickle.dumps(plain)))
    assert restored == component and type(restored) is type(component)


def test_components_within_components_and_lists():
    value = [
        activations.Step(surrogate=activations.Tanh(2.0)),
        "relu",
        activations.MSAF((1.0, 2.0), trainable="shared"),
    ]
    plain = to_plain(value)
    assert not list(objects_in(plain))
    assert from_plain(plain) == value


def test_what_is_noted_on_a_component_stays_there():
    activation = activations.LeakyReLU(0.3)
    activation.note = "from the paper"
    loaded = pickle.loads(pickle.dumps(MLPClassifier(activation=activation)))
    assert loaded.activation == activation
    assert loaded.activation.note == "from the paper"


@pytest.mark.parametrize(
    "generator",
    [
        np.random.RandomState(3),
        np.random.default_rng(3),
        np.random.RandomState(np.random.PCG64(3)),
        np.random.Generator(np.random.SFC64(3)),
        np.random.Generator(np.random.Philox(3)),
    ],
    ids=lambda generator: str(generator),
)
def test_generators_draw_on_where_they_were(generator):
    generator.standard_normal(7)  # an odd number: RandomState has one in store
    plain = generator_to_plain(generator)
    restored = from_plain(pickle.loads(pickle.dumps(plain)))
    assert isinstance(plain, dict) and type(restored) is type(generator)
    assert_array_equal(restored.standard_normal(9), generator.standard_normal(9))


def test_a_users_own_class_stays_an_object():
    class Registered(activations.Tanh):
        pass

    class Generator(np.random.RandomState):
        pass

    for own in (Cubic(2.0), Registered(3.0), [Cubic(2.0).forward], {"a": 1}):
        assert to_plain(own) is own
    own = Generator(3)
    assert generator_to_plain(own) is own


def test_what_parameters_share_is_still_shared():
    """A pipeline draws on from one generator, as it did."""
    generator = np.random.RandomState(0)
    shared = MLPClassifier(random_state=generator), MLPRegressor(random_state=generator)
    first, second = pickle.loads(pickle.dumps(shared))
    assert first.random_state is second.random_state
    assert copy.copy(shared[0]).random_state is generator


class Noting(MLPRegressor):
    """Has attributes of its own, with names that the package uses for others."""

    def __init__(self, alpha=1e-4):
        super().__init__((3,), alpha=alpha, max_iter=5, random_state=0)
        self.loop = [[]]
        self.loop[0].append(self.loop)
        self._theta = self._history = self._validated = "mine"


@each_form
@pytest.mark.parametrize("fitted", [True, False])
def test_attributes_of_a_subclass_are_kept(form, fitted):
    model = Noting()
    if form == "skops":  # which holds no loops
        model.loop = [[]]
    model = fit_quietly(model, X, Y[MLPRegressor]) if fitted else model
    if form == "skops":
        name = f"{__name__}.Noting"
        loaded = skops.io.loads(skops.io.dumps(model), trusted=[name])
    else:
        loaded = through(form, model)
    assert loaded._theta == loaded._history == loaded._validated == "mine"
    assert (loaded.loop[0][0] is loaded.loop) if form == "pickle" else loaded.loop
    if fitted:
        assert_array_equal(loaded.predict(X), model.predict(X))


def test_compact_is_not_for_a_model_in_training():
    """Its state is needed; what a callback may do is compact a copy."""
    seen = []

    class Compacting(callbacks._Callback):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                seen.append(copy.copy(estimator).compact().predict(X))
                with pytest.raises(ValueError, match=r"copy\.copy\(estimator\)"):
                    estimator.compact()

    model = fit_quietly(make().set_callbacks(Compacting()), X, Y[MLPRegressor])
    assert len(seen) == 5
    assert_array_equal(seen[-1], model.predict(X))


@both
def test_skops_trusts_one_name(cls):
    objects = {
        "activation": activations.LeakyReLU(0.1),
        "solver": optimizers.SGD(0.5),
        "init": initializers.get("he_normal"),
        "learning_rate": schedules.get("cosine"),
    }
    for model in (make(cls), make(cls, **objects)):
        for estimator in (model, fit_quietly(model, X, Y[cls])):
            untrusted = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
            assert untrusted == [f"{cls.__module__}.{cls.__name__}"]


def test_skops_asks_for_a_users_own_class():
    model = fit_quietly(make(activation=Cubic(0.5)), X, Y[MLPRegressor])
    untrusted = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    assert set(untrusted) == {f"{__name__}.Cubic", "sk_mlp._regressor.MLPRegressor"}
    loaded = skops.io.loads(skops.io.dumps(model), trusted=untrusted)
    assert_array_equal(loaded.predict(X), model.predict(X))


# Small --------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"solver": "lbfgs"},
        {"early_stopping": True},
        {"dtype": "float32"},
        {"warm_start": True, "solver": "sgd"},
        {"normalization": "batch", "activation": "prelu", "dropout": 0.1},
    ],
    ids=str,
)
def test_a_compact_model_is_as_large_as_its_parameters(cls, parameters):
    wide = np.random.RandomState(0).standard_normal((100, 40))
    y = wide[:, 0] if cls is MLPRegressor else wide[:, 0] > 0
    model = make(cls, hidden_layer_sizes=(200,), max_iter=30, **parameters)
    model = fit_quietly(model, wide, y)
    predicted, size = model.predict(wide), model._network.theta.nbytes
    assert model.compact() is model
    file = io.BytesIO()
    joblib.dump(model, file)
    assert size < len(pickle.dumps(model)) < 1.1 * size
    assert size < file.tell() < 1.1 * size
    for form in FORMS:
        assert_array_equal(through(form, model).predict(wide), predicted)


def test_a_skops_file_is_small_once_compressed():
    model = make(hidden_layer_sizes=(500,)).partial_fit(X, Y[MLPRegressor]).compact()
    data = skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED)
    assert len(data) < 1.3 * model._network.theta.nbytes


@both
def test_compact_keeps_the_model_and_its_parameters(cls):
    model = fit_quietly(make(cls, early_stopping=True, max_iter=8), X, Y[cls])
    whole = copy.deepcopy(model)
    model.compact()
    assert model.get_params() == whole.get_params()
    assert model.n_iter_ == whole.n_iter_ and model.t_ == whole.t_
    assert model.best_validation_score_ == whole.best_validation_score_
    assert_array_equal(model.predict(X), whole.predict(X))
    assert vars(model).keys() == vars(whole).keys()
    assert model.loss_curve_ == model.validation_scores_ == []
    assert whole.compact(keep_history=True).loss_curve_ == whole.history_["loss"]
    assert len(whole.loss_curve_) == len(whole.validation_scores_) == whole.n_iter_


def test_compact_frees_the_buffers():
    model = fit_quietly(make(batch_size=60), X, Y[MLPRegressor])
    buffers = [vars(layer).keys() for layer in model._network.layers]
    model.compact()
    fewer = [vars(layer).keys() for layer in model._network.layers]
    assert all(new < old for new, old in zip(fewer, buffers, strict=True))


@both
def test_training_goes_on_from_a_compact_model(cls):
    """As from the weights alone: a new optimizer, a new generator."""
    model = make(cls, warm_start=True, early_stopping=False)
    fit_quietly(model, X, Y[cls])
    theta, t = model._network.theta.copy(), model.t_
    model = through("pickle", model.compact())
    fit_quietly(model, X, Y[cls])
    assert model.t_ == 2 * t
    assert model.history_["epoch"] == [6, 7, 8, 9, 10]
    assert not np.array_equal(model._network.theta, theta)
    model.compact().partial_fit(X, Y[cls])
    assert model.history_["epoch"] == [11] and model.n_iter_ == 6


def test_compact_forgets_the_split():
    model = make(early_stopping=True, warm_start=True)
    fit_quietly(model, X, Y[MLPRegressor]).compact()
    with pytest.warns(UserWarning, match="A new validation set is drawn"):
        fit_quietly(model, X, Y[MLPRegressor])


def test_a_stopped_training_cannot_be_resumed_once_compact():
    model = make(max_iter=20).set_callbacks(callbacks.TimeLimit(1e-9))
    model.fit(X, Y[MLPRegressor])
    assert model.stop_reason_ == "callback"
    before = model.compact().predict(X)
    with pytest.raises(ValueError, match=r"compact\(\) has dropped.*warm_start=True"):
        model.set_callbacks().resume(X, Y[MLPRegressor])
    assert_array_equal(model.predict(X), before)


@both
def test_compact_needs_a_fitted_model(cls):
    with pytest.raises(NotFittedError):
        make(cls).compact()


# No more than the model ---------------------------------------------------------------


class Tracker(callbacks._Callback):
    """Holds what must never leave the machine."""

    key = b"the secret key"

    def __init__(self):
        self.secret = "the secret key"

    def __getstate__(self):
        raise AssertionError("the callback was saved")


@both
@each_form
def test_a_saved_model_holds_no_callbacks(cls, form):
    model = make(cls).set_callbacks(Tracker())
    fit_quietly(model, X, Y[cls])
    data = FORMS[form][0](model)
    assert Tracker.key not in data and b"Tracker" not in data
    loaded = FORMS[form][1](data)
    assert not getattr(loaded, "_skl_callbacks", None)
    assert_array_equal(loaded.predict(X), model.predict(X))


# Versions -----------------------------------------------------------------------------


@both
@each_form
@pytest.mark.parametrize("fitted", [True, False])
def test_a_model_of_another_version_warns(cls, form, fitted, monkeypatch):
    dump, load = FORMS[form]
    model = fit_quietly(make(cls), X, Y[cls]) if fitted else make(cls)
    monkeypatch.setattr("sk_mlp._base.__version__", "9.9")
    data = dump(model)
    monkeypatch.undo()
    with pytest.warns(InconsistentVersionWarning, match=r"saved with sk_mlp 9\.9"):
        loaded = load(data)
    if fitted:
        assert_array_equal(loaded.predict(X), model.predict(X))
