"""Data, and pairs of estimators, for the comparisons with scikit-learn."""

import inspect
import warnings

import numpy as np
from sklearn import neural_network

import sk_mlp

# What the scikit-learn at hand can do.
_PARAMETERS = inspect.signature(neural_network.MLPRegressor).parameters
HAS_POISSON = "loss" in _PARAMETERS
HAS_SAMPLE_WEIGHT = (
    "sample_weight" in inspect.signature(neural_network.MLPRegressor.fit).parameters
)

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
STOCHASTIC = {
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.0},
    "sgd-momentum": {
        "solver": "sgd",
        "learning_rate_init": 0.02,
        "nesterovs_momentum": False,
    },
    "sgd-nesterov": {"solver": "sgd", "learning_rate_init": 0.02},
}
LBFGS = {"solver": "lbfgs"}
SOLVERS = {**STOCHASTIC, "lbfgs": LBFGS}
REGRESSION = ("regression", "multioutput", *(["poisson"] if HAS_POISSON else []))
TARGETS = ("binary", "multiclass", "multilabel", *REGRESSION)

# Six batches of 10 rows and one of 7; all widths differ.
N_ROWS, N_FEATURES = 67, 5
HIDDEN = (7, 4)


def make_data(target, n_rows=N_ROWS, n_features=N_FEATURES, noise=0.3, seed=0):
    """Return X, about half of it zeros, and a target of the given kind."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)) * rng.integers(0, 2, (n_rows, n_features))
    Z = np.sin(2 * X) @ rng.normal(size=(n_features, 3))
    Z += noise * rng.normal(size=Z.shape)
    y = {
        "binary": np.where(Z[:, 0] > 0, 7, -3),
        "multiclass": Z.argmax(axis=1) * 10,
        "multilabel": (Z > 0).astype(int),
        "regression": Z[:, 0],
        "multioutput": Z,
        "poisson": np.round(np.exp(np.clip(Z[:, 0], -2, 2))),
    }
    return X, y[target]


def make_pair(target, **params):
    """Return (scikit-learn's estimator, ours) for a kind of target."""
    is_regression = target in REGRESSION
    name = "MLPRegressor" if is_regression else "MLPClassifier"
    if target == "poisson":
        params["loss"] = "poisson"
    theirs = getattr(neural_network, name)(**params)
    return theirs, getattr(sk_mlp, name)(init="sklearn", **params)


def fit_pair(target, X, y, sample_weight=None, **params):
    """Fit both; ``random_state`` must be an int, as two must not share a generator."""
    theirs, ours = make_pair(target, **params)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    return fit_quietly(theirs, X, y, **weights), ours.fit(X, y, **weights)


def fit_quietly(theirs, X, y, **options):
    """Fit scikit-learn's; old ones pass on options that SciPy has deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "scipy.optimize: The `disp` and `iprint`", DeprecationWarning
        )
        return theirs.fit(X, y, **options)


def twenty_epochs(solver, **params):
    """Return parameters of 20 epochs (iterations of L-BFGS) that nothing cuts short."""
    params = {
        "hidden_layer_sizes": HIDDEN,
        "alpha": 0.05,
        "max_iter": 20,
        "tol": 0.0,
        "random_state": 3,
        **SOLVERS[solver],
        **params,
    }
    if solver != "lbfgs":
        params = {"batch_size": 10, "n_iter_no_change": 1000, **params}
    return params


def assert_same_weights(theirs, ours, rtol=1e-6, atol=0.0):
    pairs = [(theirs.coefs_, ours.coefs_), (theirs.intercepts_, ours.intercepts_)]
    for one, other in pairs:
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(b, a, rtol=rtol, atol=atol)


def assert_same_course(theirs, ours, rtol=1e-6):
    """Compare all that the stochastic solvers report about training."""
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=rtol)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=rtol)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
        expected = getattr(theirs, name)
        if expected is None:
            assert getattr(ours, name) is None
        else:
            np.testing.assert_allclose(getattr(ours, name), expected, rtol=rtol)


def assert_same_predictions(theirs, ours, X, rtol=1e-6):
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    if hasattr(theirs, "predict_proba"):
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        for method in ("predict_proba", "predict_log_proba"):
            a, b = getattr(theirs, method)(X), getattr(ours, method)(X)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)
            assert b.dtype == a.dtype
    else:
        a, b = theirs.predict(X), ours.predict(X)
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)
        assert a.shape == b.shape
