"""Each parameter of the constructors has an effect, or a warning says it has none."""

import inspect
import pickle
import re
import warnings

import pytest
from _helpers import X, Y, make

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.optimizers import Adam

# The settings that each parameter is changed in.
SETTINGS = {
    "adam": {"solver": "adam"},
    "sgd": {"solver": "sgd"},
    "lbfgs": {"solver": "lbfgs"},
    "object": {"solver": Adam()},
    "early stopping": {"solver": "adam", "early_stopping": True},
    "lbfgs, early stopping": {"solver": "lbfgs", "early_stopping": True},
    "linear": {"solver": "sgd", "hidden_layer_sizes": ()},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "noisy": {"solver": "adamw", "dropout": 0.2, "normalization": "batch"},
    "validation set": {"solver": "adam"},
    "early stopping, validation set": {"solver": "adam", "early_stopping": True},
}
BATCHES = {"batch_size": 16}
# The other value of each parameter, and what makes it matter after a few epochs.
ROWS = {
    "hidden_layer_sizes": ((4,), {}),
    "activation": ("tanh", {}),
    "output_activation": ({MLPClassifier: "logistic", MLPRegressor: "tanh"}, {}),
    "loss": ({MLPClassifier: "focal", MLPRegressor: "huber"}, {}),
    "solver": ("nadam", {}),
    "alpha": (1.0, {}),
    "l1_ratio": (0.5, {"alpha": 1.0}),
    "weight_decay": (0.1, {}),
    "dropout": (0.5, {}),
    "normalization": ("layer", {}),
    "max_grad_norm": (1e-3, {}),
    "class_weight": ("balanced", {}),
    "batch_size": (16, {}),
    "learning_rate": ("cosine", {}),
    "learning_rate_init": (0.1, {}),
    "power_t": (0.1, {}),
    "max_iter": (2, {}),
    "shuffle": (False, BATCHES),
    "random_state": (1, {}),
    "tol": (1e9, {"n_iter_no_change": 1}),
    "verbose": (True, {}),
    "warm_start": (True, {}),
    "momentum": (0.5, {}),
    "nesterovs_momentum": (False, {}),
    "early_stopping": (True, {"learning_rate_init": 0.3, "max_iter": 12}),
    "validation_fraction": (0.3, {}),
    "scoring": ("loss", {}),
    "beta_1": (0.5, {}),
    "beta_2": (0.5, {}),
    "epsilon": (0.1, {}),
    "n_iter_no_change": (1, {"tol": 0.05, "max_iter": 20}),
    "max_fun": (2, {}),
    "init": ("lecun_uniform", {}),
    "dtype": ("float32", {}),
}


def parameters_of(cls):
    return list(inspect.signature(cls).parameters)


def trace(cls, parameters, label, capsys):
    """Return what a fit, and another one after it, make of an estimator, and which
    parameters are said to be without effect.
    """
    given = {"X_val": X[:20], "y_val": Y[cls][:20]} if "validation set" in label else {}
    estimator = make(cls, **parameters)
    thetas = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            estimator.fit(X, Y[cls], **given)
            thetas.append(estimator._network.theta)
    history = {k: v for k, v in estimator.history_.items() if k != "seconds"}
    printed = capsys.readouterr().out
    made = (thetas, history, printed, estimator.stop_reason_, estimator.predict(X))
    text = "".join(str(w.message) for w in caught if "without effect" in str(w.message))
    return pickle.dumps(made), set(re.findall(r"[:;] '(\w+)' w", text))


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_the_table_has_every_parameter(cls):
    only_there = {"class_weight"} if cls is MLPRegressor else set()
    assert set(ROWS) - only_there == set(parameters_of(cls))


@pytest.mark.parametrize(
    "cls, name",
    [(cls, k) for cls in (MLPClassifier, MLPRegressor) for k in parameters_of(cls)],
)
def test_a_parameter_has_an_effect_or_a_warning(cls, name, capsys):
    value, extra = ROWS[name]
    value = value[cls] if isinstance(value, dict) else value
    effective = []
    for label, setting in SETTINGS.items():
        base = {**setting, **extra}
        if base.get(name) is value:
            continue
        before, _ = trace(cls, base, label, capsys)
        after, unused = trace(cls, {**base, name: value}, label, capsys)
        changed = before != after
        assert changed or name in unused, f"ignored in silence: {label}"
        # Without hidden layers there are the initial weights.
        assert not (changed and name in unused) or name == "activation", label
        effective += [label] if changed else []
    assert effective, "it never has an effect"
