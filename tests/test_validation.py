"""Every parameter with wrong types, values and pairs; unused ones; sample weights."""

import copy
import functools
import inspect
import re
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from _helpers import assert_refused, fit_quietly
from scipy import sparse
from sklearn.utils.validation import validate_data

from sk_mlp import MLPClassifier, MLPRegressor, _validation, losses
from sk_mlp._validation import (
    CONSTRAINTS,
    InvalidParameterError,
    check_parameters,
    check_sample_weight,
    validate,
)
from sk_mlp.activations import ELU, MSAF, HardTanh, LeakyReLU, ReLU, Step, Tanh
from sk_mlp.initializers import Orthogonal, VarianceScaling
from sk_mlp.losses import Focal, Huber, LogLoss, Quantile, SquaredError
from sk_mlp.optimizers import SGD, Adam
from sk_mlp.schedules import Adaptive, InvScaling

BOTH = [MLPClassifier, MLPRegressor]
both = pytest.mark.parametrize("cls", BOTH)

RNG = np.random.RandomState(0)
X = RNG.standard_normal((24, 3))
Y = {MLPClassifier: RNG.randint(0, 2, 24), MLPRegressor: RNG.standard_normal(24)}
FITTED = {cls: fit_quietly(cls((4,), max_iter=2), X, Y[cls]) for cls in BOTH}

NOT_A_NUMBER = ["1", None, [0.1], 1j, {}, True, np.nan]
NOT_A_BOOL = [0, 1, "yes", None, []]
NOT_A_COUNT = [0, -1, 2.0, "5", None, True, np.nan]
NO_COMPONENT = ["nope", "", None, 3, 0.5, {}, np.tanh, object]

WRONG = {
    "hidden_layer_sizes": [
        *(0, -1, 2.5, "10", None, True, np.nan, {5: 1}, {5}, b"5", iter([5])),
        *((10, 0), (10, -1), [2.5], (True,), (None,), ((3, 4),), np.ones((2, 2), int)),
    ],
    "activation": [*NO_COMPONENT, ReLU, "RELU", ["nope"], (None,), ["relu"] * 2, []],
    "output_activation": [*NO_COMPONENT, Tanh, "Auto", ["logistic"]],
    "loss": [*NO_COMPONENT, LogLoss, "mse"],
    "solver": [*NO_COMPONENT, SGD, "LBFGS", ["adam"]],
    "learning_rate": [*NO_COMPONENT, Adaptive],
    "init": [*NO_COMPONENT, Orthogonal],
    "alpha": [*NOT_A_NUMBER, -1e-9, np.inf],
    "l1_ratio": [*NOT_A_NUMBER, -0.1, 1.1],
    "weight_decay": [*NOT_A_NUMBER, -0.1, np.inf],
    "dropout": [
        "1",
        None,
        1j,
        {},
        True,
        np.nan,
        -0.1,
        1.0,
        (0.1, 1.0),
        (0.1, "a"),
        {0.1},
    ],
    "normalization": ["Batch", True, 1, ["batch"]],
    "max_grad_norm": [0.0, -1.0, np.inf, np.nan, "1", True],
    "class_weight": [1.0, "even", {0: -1}, {0: np.nan}, {0: "1"}, [1.0]],
    "scoring": [1, "accurate", ["r2"], True],
    "batch_size": [*NOT_A_COUNT, "Auto"],
    "learning_rate_init": [*NOT_A_NUMBER, 0.0, -1.0, np.inf],
    "power_t": [*NOT_A_NUMBER, -0.5],
    "max_iter": [*NOT_A_COUNT, np.inf],
    "shuffle": NOT_A_BOOL,
    "random_state": [-1, 2**32, 1.5, "0", [1], np.random.default_rng(0), True],
    "tol": [*NOT_A_NUMBER, -1e-4],
    "verbose": [-1, "yes", None, 1.5],
    "warm_start": NOT_A_BOOL,
    "momentum": [*NOT_A_NUMBER, -0.1, 1.1],
    "nesterovs_momentum": NOT_A_BOOL,
    "early_stopping": NOT_A_BOOL,
    "validation_fraction": [*NOT_A_NUMBER, -0.1, 1.0],
    "beta_1": [*NOT_A_NUMBER, -0.1, 1.0],
    "beta_2": [*NOT_A_NUMBER, -0.1, 1.0],
    "epsilon": [*NOT_A_NUMBER, 0.0, -1e-8],
    "n_iter_no_change": [*NOT_A_COUNT, -np.inf],
    "max_fun": [*NOT_A_COUNT, np.inf],
    "dtype": ["float16", "f4", 32, np.float32, float, True],
}

RIGHT = {
    "hidden_layer_sizes": [
        3,
        np.int64(3),
        (),
        [],
        (3, 4),
        np.array([3, 4]),
        range(1, 3),
    ],
    "alpha": [0, 0.0, 10, np.float32(0.1)],
    "l1_ratio": [0, 1, 0.5],
    "weight_decay": [0, 0.1],
    "dropout": [0, 0.5, (0.25,), [0.0], np.array([0.9])],
    "normalization": [None, "batch", "layer"],
    "max_grad_norm": [None, 1, 1e-300, np.float32(0.5)],
    "class_weight": [None, "balanced", {0: 2.0}, {0: 0.0, 1: np.float32(3)}, {}],
    "batch_size": ["auto", 1, np.int32(7)],
    "learning_rate_init": [1e-300, 5],
    "power_t": [0, 2],
    "max_iter": [1, np.int64(5)],
    "shuffle": [True, np.False_],
    "random_state": [None, 0, 2**32 - 1, np.int64(3), np.random.RandomState(0)],
    "tol": [0, 0.5],
    "verbose": [True, 0, 1, 10],
    "momentum": [0, 1, 0.5],
    "validation_fraction": [0.0, 0.99],
    "beta_1": [0, 0.99],
    "beta_2": [0.0],
    "epsilon": [1e-300, 1],
    "n_iter_no_change": [1, np.inf],
    "max_fun": [1],
    "dtype": [None, "float32", "float64"],
}


def target(cls):
    return Y[cls]


def refuse(cls, parameters, match, error=ValueError):
    """Assert that fit refuses the parameters, of a new and of a fitted estimator."""
    for estimator in (cls(), copy.deepcopy(FITTED[cls])):
        estimator.set_params(**parameters)
        assert_refused(estimator, lambda e: e.fit(X, target(cls)), match, error, X)


def has(cls, name):
    return cls is MLPClassifier or name != "class_weight"


# Single parameters -------------------------------------------------------------------


@both
def test_the_tables_name_every_parameter(cls):
    parameters = set(inspect.signature(cls).parameters)
    assert parameters == {name for name in WRONG if has(cls, name)}
    assert {name for name in CONSTRAINTS if has(cls, name)} <= parameters
    assert set(RIGHT) <= set(CONSTRAINTS)


def with_parameters(names):
    """Parametrize over the classes and those of the parameters that they have."""
    pairs = [(cls, name) for cls in FITTED for name in names if has(cls, name)]
    return pytest.mark.parametrize("cls, name", pairs)


@with_parameters(WRONG)
def test_wrong_type_or_value(cls, name):
    for value in WRONG[name]:
        text = f"The {name!r} parameter of {cls.__name__} must "
        pattern = f"(?s)^{re.escape(text)}.*Got .* instead"
        refuse(cls, {name: value}, pattern, InvalidParameterError)


@both
def test_the_message_shows_the_value_and_the_alternatives(cls):
    name = cls.__name__
    for parameters, text in (
        (
            {"alpha": -1},
            f"The 'alpha' parameter of {name} must be a float in the range [0, inf). "
            "Got -1 instead.",
        ),
        (
            {"batch_size": 0.5},
            f"The 'batch_size' parameter of {name} must be an int in the range "
            "[1, inf) or a str among {'auto'}. Got 0.5 instead.",
        ),
        (
            {"shuffle": 1},
            f"'shuffle' parameter of {name} must be a bool. Got 1 instead.",
        ),
        ({"activation": "tahn"}, "Got 'tahn' instead. Did you mean 'tanh'?"),
        ({"activation": ReLU}, "Pass an instance: ReLU()."),
        ({"solver": "adan"}, "among {'lbfgs', "),
        ({"activation": "relu", "init": "he"}, "or an Initializer object. Got 'he'"),
    ):
        refuse(cls, parameters, re.escape(text), InvalidParameterError)


@with_parameters(RIGHT)
def test_accepted(cls, name):
    for value in RIGHT[name]:
        check_parameters(cls(**{name: value}))


@both
@pytest.mark.parametrize(
    "sizes, widths",
    [
        ((), []),
        ([], []),
        (3, [3]),
        (np.int64(3), [3]),
        ([3, np.int32(4)], [3, 4]),
        (np.array([3, 4]), [3, 4]),
        ((2, 3, 4, 5), [2, 3, 4, 5]),
    ],
    ids=repr,
)
def test_hidden_layer_sizes(cls, sizes, widths):
    estimator = fit_quietly(cls(sizes, max_iter=2, random_state=0), X, target(cls))
    assert [w.shape for w in estimator.coefs_] == list(
        zip([3, *widths], [*widths, 1], strict=True)
    )
    assert estimator.n_layers_ == len(widths) + 2
    assert len(estimator.activation_params_) == len(widths)


@both
@pytest.mark.parametrize(
    "parameters, text",
    [
        ({"activation": LeakyReLU(-1)}, "The 'negative_slope' parameter of LeakyReLU"),
        ({"activation": LeakyReLU("1")}, "The 'negative_slope' parameter of LeakyReLU"),
        ({"activation": ELU(alpha=np.nan)}, "The 'alpha' parameter of ELU must be"),
        ({"activation": ELU(trainable="yes")}, "The 'trainable' parameter of ELU"),
        ({"activation": MSAF(offsets=())}, "The 'offsets' parameter of MSAF must be"),
        ({"activation": HardTanh(1, -1)}, "parameter of HardTanh must be"),
        ({"activation": Step(surrogate="nope")}, "Got 'nope' instead"),
        ({"solver": Adam(beta_1=1.0)}, "The 'beta_1' parameter of Adam must be"),
        ({"solver": SGD(momentum=None)}, "The 'momentum' parameter of SGD must be"),
        ({"learning_rate": InvScaling(-1)}, "The 'power_t' parameter of InvScaling"),
        ({"init": Orthogonal(gain=-1.0)}, "The 'gain' parameter of Orthogonal must be"),
        ({"init": VarianceScaling(mode="fan")}, "The 'mode' parameter of VarianceSc"),
        ({"output_activation": Tanh(slope=0)}, "The 'slope' parameter of Tanh must be"),
    ],
    ids=repr,
)
def test_hyper_parameters_of_components(cls, parameters, text):
    refuse(cls, parameters, re.escape(text), InvalidParameterError)


@pytest.mark.parametrize(
    "cls, loss, text",
    [
        (
            MLPClassifier,
            LogLoss(label_smoothing=1.0),
            "'label_smoothing' parameter of L",
        ),
        (MLPClassifier, Focal(gamma=-1), "The 'gamma' parameter of Focal must be"),
        (MLPRegressor, Huber(delta=0), "The 'delta' parameter of Huber must be"),
        (MLPRegressor, Quantile((0.9, 0.1)), "The 'levels' parameter of Quantile"),
        (MLPRegressor, Quantile(1.0), "The 'levels' parameter of Quantile"),
        (MLPRegressor, losses.Tweedie(power=0.5), "The 'power' parameter of Tweedie"),
    ],
)
def test_hyper_parameters_of_losses(cls, loss, text):
    refuse(cls, {"loss": loss}, re.escape(text), InvalidParameterError)


def test_the_loss_of_the_other_task():
    for cls in BOTH:
        for name in losses.names():
            if cls._task not in losses.get(name).tasks:
                text = f"The 'loss' parameter of {cls.__name__} must be a str among .*"
                text += f"or a Loss object for {cls._task}"
                refuse(cls, {"loss": name}, text, InvalidParameterError)
                refuse(cls, {"loss": losses.get(name)}, text)


# Pairs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cls, parameters, texts",
    [
        (MLPClassifier, {"output_activation": "tanh"}, ["(-1, 1)", "[0, 1]"]),
        (MLPClassifier, {"output_activation": "relu"}, ["[0, inf)", "[0, 1]"]),
        (
            MLPClassifier,
            {"output_activation": "relu", "loss": "squared_error"},
            ["'relu'", "[0, inf)", "class probabilities in [0, 1]"],
        ),
        (
            MLPClassifier,
            {"output_activation": "identity", "loss": SquaredError()},
            ["'identity'", "(-inf, inf)", "class probabilities in [0, 1]"],
        ),
        (MLPClassifier, {"output_activation": "step"}, ["'step' has no gradient"]),
        (
            MLPRegressor,
            {"output_activation": "tanh", "loss": "poisson"},
            ["'tanh'", "(-1, 1)", "'poisson'", "(0, inf)"],
        ),
        (
            MLPRegressor,
            {"output_activation": "identity", "loss": "gamma"},
            ["(-inf, inf)", "predictions in (0, inf)"],
        ),
        (MLPRegressor, {"output_activation": "step"}, ["'step' has no gradient"]),
    ],
)
def test_output_activation_and_loss(cls, parameters, texts):
    y = {MLPRegressor: np.ones(24), MLPClassifier: Y[MLPClassifier]}[cls]
    for estimator in (cls(), copy.deepcopy(FITTED[cls])):
        estimator.set_params(**parameters)
        match = ".*".join(map(re.escape, texts))
        assert_refused(estimator, lambda e: e.fit(X, y), match, X=X)


@both
def test_a_list_of_activations_needs_one_for_each_hidden_layer(cls):
    for sizes, given in (
        ((3,), []),
        ((3,), ["relu"] * 2),
        ((), ["relu"]),
        (3, ("relu",) * 3),
    ):
        n_hidden = len(sizes) if isinstance(sizes, tuple) else 1
        text = re.escape(f"must have one entry per hidden layer ({n_hidden}). Got [")
        text = text.replace(r"\[", r"[\[(]")
        refuse(cls, {"hidden_layer_sizes": sizes, "activation": given}, text)


@both
def test_step_in_a_hidden_layer_warns_that_nothing_is_learned(cls):
    estimator = cls((3, 3), ["relu", "step"], max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match=r"activation='step' has no gradient.*surroga"):
        fit_quietly(estimator, X, target(cls))
    hidden = [layer.weight.value for layer in estimator._network.dense[:2]]
    fresh = fit_quietly(cls((3, 3), max_iter=1, random_state=0), X, target(cls))
    assert np.isfinite(hidden[0]).all() and fresh.n_iter_ == 1
    fit_quietly(cls((3,), Step(surrogate="tanh"), max_iter=2), X, target(cls))


# Parameters without effect (promise 3) -----------------------------------------------

STOCHASTIC = {
    "batch_size": 8,
    "learning_rate": "adaptive",
    "learning_rate_init": 0.01,
    "shuffle": False,
    "n_iter_no_change": 5,
    "weight_decay": 0.1,
    "max_grad_norm": 1.0,
    "power_t": 0.3,
    "momentum": 0.5,
    "nesterovs_momentum": False,
    "beta_1": 0.8,
    "beta_2": 0.99,
    "epsilon": 1e-7,
}
UNUSED = [
    *(({"solver": "lbfgs", name: value}, [name]) for name, value in STOCHASTIC.items()),
    ({"solver": "lbfgs", **STOCHASTIC}, [*STOCHASTIC]),
    ({"max_fun": 10}, ["max_fun"]),
    ({"solver": SGD(), "max_fun": 10}, ["max_fun"]),
    ({"momentum": 0.5}, ["momentum"]),
    ({"nesterovs_momentum": False}, ["nesterovs_momentum"]),
    ({"solver": "sgd", "beta_1": 0.5}, ["beta_1"]),
    ({"solver": "sgd", "beta_2": 0.5, "epsilon": 1e-3}, ["beta_2", "epsilon"]),
    (
        {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False},
        ["nesterovs_momentum"],
    ),
    ({"solver": "adagrad", "beta_1": 0.5}, ["beta_1"]),
    ({"solver": "rmsprop", "beta_2": 0.5}, ["beta_2"]),
    ({"solver": SGD(momentum=0.5), "momentum": 0.3}, ["momentum"]),
    ({"solver": Adam(), "beta_1": 0.5, "epsilon": 1e-3}, ["beta_1", "epsilon"]),
    ({"power_t": 0.3}, ["power_t"]),
    ({"power_t": 0.3, "learning_rate": "adaptive"}, ["power_t"]),
    ({"power_t": 0.3, "learning_rate": InvScaling()}, ["power_t"]),
    ({"validation_fraction": 0.5}, ["validation_fraction"]),
    ({"scoring": "loss"}, ["scoring"]),
    (
        {"learning_rate": "adaptive", "n_iter_no_change": np.inf},
        ["learning_rate"],
    ),
    (
        {"hidden_layer_sizes": (), "dropout": 0.1, "normalization": "layer"},
        ["dropout", "normalization"],
    ),
    ({"alpha": 0.0, "l1_ratio": 0.5}, ["l1_ratio"]),
    ({"n_iter_no_change": np.inf, "tol": 1e-3}, ["tol"]),
    ({"n_iter_no_change": np.inf, "tol": 1e-3, "early_stopping": True}, ["tol"]),
    ({"hidden_layer_sizes": (), "activation": "tanh"}, ["activation"]),
    (
        {"max_fun": 9, "power_t": 1.0, "momentum": 0.1},
        ["max_fun", "power_t", "momentum"],
    ),
]
USED = [
    {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
    {"solver": "sgd", "power_t": 0.3, "learning_rate": "invscaling"},
    {"solver": "adamw", "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-6},
    {"solver": "nadam", "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-6},
    {"solver": "adagrad", "epsilon": 1e-6},
    {"solver": "lbfgs", "max_fun": 100, "tol": 1e-3, "alpha": 0.1, "l1_ratio": 0.5},
    {"early_stopping": True, "validation_fraction": 0.2, "scoring": "loss"},
    {
        "solver": "lbfgs",
        "early_stopping": True,
        "n_iter_no_change": 3,
        "validation_fraction": 0.3,
        "scoring": "loss",
        "dropout": 0.1,
        "normalization": "batch",
    },
    {"max_grad_norm": 0.1, "weight_decay": 0.1, "dropout": [0.5]},
    {"alpha": 0.0},
    {"n_iter_no_change": np.inf},
    {"n_iter_no_change": 5, "tol": 1e-3},
    {"max_fun": 15000, "momentum": 0.9, "power_t": 0.5},  # the defaults, spelled out
    {"hidden_layer_sizes": (), "activation": "relu"},
]


@both
@pytest.mark.parametrize("parameters, names", UNUSED, ids=str)
def test_one_warning_names_what_has_no_effect(cls, parameters, names):
    estimator = cls(**{"hidden_layer_sizes": (3,), **parameters}, max_iter=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, target(cls))
    caught = [w for w in caught if "without effect" in str(w.message)]
    assert [w.category for w in caught] == [UserWarning]
    assert caught[0].filename == __file__
    text = str(caught[0].message)
    assert text.startswith(f"Parameters of {cls.__name__} without effect: ")
    assert set(re.findall(r"'(\w+)' with", text)) == set(names)


@both
@pytest.mark.parametrize("parameters", USED, ids=str)
def test_no_warning_where_there_is_an_effect(cls, parameters):
    estimator = cls(**{"hidden_layer_sizes": (3,), **parameters}, max_iter=1)
    fit_quietly(estimator, X, target(cls))


def test_partial_fit_warns_once_as_well():
    with pytest.warns(UserWarning, match="without effect: 'max_fun'") as caught:
        MLPRegressor((3,), max_fun=10).partial_fit(X, Y[MLPRegressor])
    assert len(caught) == 1 and caught[0].filename == __file__


def test_a_batch_larger_than_the_data_is_clipped_with_a_warning():
    with pytest.warns(
        UserWarning, match="batch_size=100 is larger than the 24"
    ) as caught:
        fit_quietly(MLPRegressor((3,), batch_size=100, max_iter=1), X, Y[MLPRegressor])
    assert len(caught) == 1


def test_a_block_may_have_fewer_rows_than_a_batch():
    regressor = MLPRegressor((3,), batch_size=100)
    regressor.partial_fit(X, Y[MLPRegressor])  # warnings are errors
    assert regressor.t_ == len(X)


# Sample weights ----------------------------------------------------------------------

WRONG_WEIGHTS = {
    "negative": (np.r_[-1.0, np.ones(23)], "Negative values in data passed to"),
    "all zero": (np.zeros(24), "weights are all zero"),
    "zero": (0, "weights are all zero"),
    "NaN": (np.r_[np.nan, np.ones(23)], "Input sample_weight contains NaN"),
    "inf": (np.r_[np.inf, np.ones(23)], "Input sample_weight contains infinity"),
    "two-dimensional": (np.ones((24, 1)), "must be 1D array or scalar, got 2D"),
    "too many": (np.ones(25), r"shape == \(25,\), expected \(24,\)"),
    "too few": (np.ones(3), r"shape == \(3,\), expected \(24,\)"),
    "text": (np.full(24, "a"), "could not convert string to float"),
    "a word": ("balanced", "could not convert string to float"),
    "None": ([None] * 24, "Input sample_weight contains NaN"),
    "complex": (np.ones(24) * 1j, "Complex data not supported"),
    "empty": ([], "0 sample"),
}


@both
@pytest.mark.parametrize("label", WRONG_WEIGHTS)
def test_wrong_sample_weight(cls, label):
    weight, text = WRONG_WEIGHTS[label]
    for estimator in (cls(max_iter=1), copy.deepcopy(FITTED[cls])):
        call = lambda e: e.fit(X, target(cls), weight)  # noqa: E731
        assert_refused(estimator, call, text, X=X)
    call = lambda e: e.partial_fit(X, target(cls), weight)  # noqa: E731
    assert_refused(copy.deepcopy(FITTED[cls]), call, text, X=X)


@both
def test_sparse_sample_weight(cls):
    weight = sparse.csr_matrix(np.ones((24, 1)))
    call = lambda e: e.fit(X, target(cls), weight)  # noqa: E731
    assert_refused(cls(), call, "Sparse data was passed for sample_weight", TypeError)


@both
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [1e308, 1e200, 1e-160, 1e-300, 5e-324])
def test_weights_whose_squares_are_no_numbers(cls, dtype, weight, solver):
    """Sums and gradients of theirs would overflow or vanish."""
    match = f"with a mean of .* do not fit into {dtype}. Divide them by their mean"
    estimator = cls((3,), dtype=dtype, solver=solver, max_iter=1)
    for weights in (np.full(24, weight), np.r_[0.0, np.full(23, weight)], weight):
        call = lambda e: e.fit(X, target(cls), weights)  # noqa: B023, E731
        assert_refused(estimator, call, match)


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("dtype, weight", [("float32", 1e18), ("float64", 1e150)])
def test_weights_may_be_large_or_small(cls, solver, dtype, weight):
    """They only say how much a row counts beside others, and `alpha`."""
    start, few = {"hidden_layer_sizes": (3,), "random_state": 0}, {"max_iter": 2}
    parameters = {**start, **few, "alpha": 0.0, "dtype": dtype, "solver": solver}
    expected = fit_quietly(cls(**parameters), X, target(cls))
    for factor in (weight, 1 / weight):
        estimator = fit_quietly(cls(**parameters), X, target(cls), factor)
        np.testing.assert_allclose(
            estimator._network.theta, expected._network.theta, rtol=1e-3, atol=1e-5
        )


@both
@pytest.mark.parametrize("weight", [1e60, 1e-60])
def test_weights_beyond_float32(cls, weight):
    estimator = cls((3,), dtype="float32", max_iter=1)
    call = lambda e: e.fit(X, target(cls), np.full(24, weight))  # noqa: E731
    assert_refused(
        estimator, call, "do not fit into float32. Divide them by their mean"
    )


def test_check_sample_weight():
    assert check_sample_weight(None, X, np.float32) is None
    for given in (2, 2.0, np.full(24, 2), [2] * 24):
        weight = check_sample_weight(given, X, np.float32)
        assert weight.shape == (24, 1) and weight.dtype == np.float32
        assert (weight == 2).all()
    # A weight that vanishes beside the others is zero, which weights may be.
    tiny = check_sample_weight(np.r_[1e-60, np.ones(23)], X, np.float32)
    assert tiny[0, 0] == 0.0 and tiny.sum() == 23


def test_one_and_no_weights_are_the_same():
    for weight in (1, np.ones(24), [1] * 24):
        for cls in BOTH:
            a, b = (cls((3,), max_iter=2, random_state=0) for _ in range(2))
            fit_quietly(a, X, target(cls), weight)
            fit_quietly(b, X, target(cls))
            np.testing.assert_allclose(a._network.theta, b._network.theta, rtol=1e-12)


# What is not left to scikit-learn ----------------------------------------------------

ROWS = RNG.standard_normal((6, 3))
LABELS = np.array([0, 1, 0, 1, 2, 2])
FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


def with_value(array, value):
    array = array.copy()
    array.flat[4] = value
    return array


class Rows(np.ndarray):
    """An array of a user's class."""


PLAIN = {
    "C order": ROWS,
    "F order": np.asfortranarray(ROWS),
    "strided": np.repeat(ROWS, 2, axis=0)[::2],
    "read-only": np.frombuffer(ROWS.tobytes()).reshape(6, 3),
    "float32": ROWS.astype(np.float32),
    "large": with_value(ROWS, 1e308),
}
NOT_PLAIN = {
    "list": ROWS.tolist(),
    "int": LABELS.repeat(3).reshape(6, 3),
    "float16": ROWS.astype(np.float16),
    "big-endian": ROWS.astype(">f8"),
    "object": ROWS.astype(object),
    "strings": ROWS.astype(str),
    "words": np.full((6, 3), "a"),
    "complex": ROWS + 1j,
    "nan": with_value(ROWS, np.nan),
    "inf": with_value(ROWS, np.inf),
    "-inf": with_value(ROWS.astype(np.float32), -np.inf),
    "sum overflows": np.full((6, 3), 1e308),
    "1-D": ROWS[:, 0],
    "3-D": ROWS[np.newaxis],
    "scalar": np.float64(1.0),
    "no rows": ROWS[:0],
    "no columns": ROWS[:, :0],
    "two columns": ROWS[:, :2],
    "five rows": ROWS[:5],
    "subclass": ROWS.view(Rows),
    "masked": np.ma.masked_array(ROWS),
    "csr": sparse.csr_matrix(ROWS),
    "csc": sparse.csc_array(ROWS),
    "coo": sparse.coo_matrix(ROWS),
    "None": None,
}
TARGETS = {
    "int": LABELS,
    "bool": LABELS > 0,
    "float32": LABELS.astype(np.float32),
    "words": LABELS.astype(str),
    "objects": LABELS.astype(str).astype(object),
    "two columns": ROWS[:, :2],
    "one column": ROWS[:, :1],
    "nan": with_value(ROWS[:, 0], np.nan),
    "inf": with_value(ROWS[:, 0], np.inf),
    "list": LABELS.tolist(),
    "complex": LABELS + 1j,
    "scalar": np.float64(1.0),
    "five rows": LABELS[:5],
    "3-D": ROWS[np.newaxis],
    "sparse": sparse.csr_matrix(ROWS),
    "None": None,
}


def outcome(function, estimator, *arrays):
    """Return all that a call does: attributes, result or error, warnings."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        with np.errstate(all="ignore"):
            try:
                result = function(estimator, *arrays)
            except Exception as error:
                result = error
    return vars(estimator), result, [str(warning.message) for warning in given]


def assert_same_outcome(make, X, *y, reset=False, dtypes=FLOATS):
    options = {"multi_output": True, "y_numeric": True} if y else {}

    def ours(estimator, *arrays):
        return validate(estimator, *arrays, reset=reset, dtypes=dtypes, **options)

    def theirs(estimator, *arrays):
        options.update(accept_sparse=("csr", "csc"), dtype=dtypes, reset=reset)
        return validate_data(estimator, *arrays, **options)

    attributes, result, given = outcome(ours, make(), X, *y)
    their_attributes, expected, their_given = outcome(theirs, make(), X, *y)
    assert given == their_given and type(result) is type(expected)
    assert joblib.hash(attributes) == joblib.hash(their_attributes)
    if isinstance(expected, Exception):
        assert str(result) == str(expected)
        return
    arrays = (X, *y)
    pairs = zip(result, expected, strict=True) if y else [(result, expected)]
    for given, (array, theirs) in zip(arrays, pairs, strict=True):
        assert (array is given) == (theirs is given)
        assert joblib.hash(array) == joblib.hash(theirs)


def seen(cls=MLPRegressor, **attributes):
    estimator = cls()
    vars(estimator).update(attributes)
    return estimator


NAMES = {"n_features_in_": 3, "feature_names_in_": np.array(["a", "b", "c"], object)}


@pytest.mark.parametrize("attributes", [{}, {"n_features_in_": 3}, NAMES], ids=len)
@pytest.mark.parametrize("label", PLAIN | NOT_PLAIN)
def test_validate_is_validate_data(label, attributes):
    X = (PLAIN | NOT_PLAIN)[label]
    for reset in (True, False):
        make = functools.partial(seen, **attributes)
        assert_same_outcome(make, X, reset=reset)
        assert_same_outcome(make, X, reset=reset, dtypes=FLOATS[1:])
        assert_same_outcome(make, X, LABELS, reset=reset)


@pytest.mark.parametrize("label", TARGETS)
def test_validate_is_validate_data_of_targets_too(label):
    for X in (ROWS, ROWS.tolist(), with_value(ROWS, np.nan)):
        assert_same_outcome(seen, X, TARGETS[label], reset=True)


def test_validate_respects_the_configuration():
    for value in (np.nan, np.inf, 1.0):
        with sklearn.config_context(assume_finite=True):
            assert_same_outcome(seen, with_value(ROWS, value), reset=True)


@both
@pytest.mark.parametrize("label", sorted(set(PLAIN) - {"large"}))
def test_plain_arrays_need_no_second_look(cls, label, monkeypatch):
    X = PLAIN[label]
    estimator = fit_quietly(cls((4,), max_iter=1), X, LABELS)
    expected = estimator.predict(X)

    def unwanted(*args, **kwargs):
        raise AssertionError("validate_data was called")

    monkeypatch.setattr(_validation, "validate_data", unwanted)
    np.testing.assert_array_equal(estimator.predict(X), expected)
    fit_quietly(estimator, X, LABELS).partial_fit(X, LABELS)


@both
def test_every_default_is_accepted(cls):
    for name, default in cls().get_params(deep=False).items():
        if name in CONSTRAINTS:
            assert CONSTRAINTS[name].accepts(default), name
