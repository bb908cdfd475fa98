"""What several tests of the estimators share."""

import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sk_mlp import MLPClassifier, MLPRegressor, optimizers
from sk_mlp.activations import Activation

NUMPY = Path(np.__file__).parent

X = np.random.RandomState(0).standard_normal((60, 4))
Y = {
    MLPClassifier: np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7]),
    MLPRegressor: X[:, 0] - 0.5 * X[:, 1] ** 2,
}
both = pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
SOLVERS = ["lbfgs", *optimizers.names()]


def make(cls=MLPRegressor, **parameters):
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    if parameters.get("solver") != "lbfgs":
        defaults["learning_rate_init"] = 0.01
    return cls(**{**defaults, **parameters})


def outputs(estimator, X=X):
    """Return the raw outputs of either estimator."""
    return estimator._raw_outputs(X)[1]


class TwoShapes(Activation):
    """User-made, with two shape parameters."""

    b: float = 1.0
    c: float = 0.5
    trainable: bool | str = True
    shape_parameters = ("b", "c")

    def forward(self, z, out, b, c):
        out[...] = b * np.tanh(c * z)

    def backward(self, z, a, grad, b, c):
        grad *= b * c / np.cosh(c * z) ** 2

    def shape_gradient(self, z, a, b, c):
        return np.tanh(c * z), b * z / np.cosh(c * z) ** 2


def fit_quietly(estimator, *args, **kwargs):
    """Fit and ignore that a few epochs are too few to converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*args, **kwargs)


def snapshot(estimator, X=None):
    """Return all that an estimator is: attributes, parameters, and predictions of X."""
    state = {
        name: joblib.hash(value)
        for name, value in vars(estimator).items()
        if name != "_network"
    }
    if "_network" in vars(estimator):
        state["id of _network"] = id(estimator._network)
        state["theta"] = joblib.hash(estimator._network.theta)
        if X is not None:
            state["predict"] = joblib.hash(estimator.predict(X))
    return state


def assert_refused(estimator, call, match, error=ValueError, X=None):
    """Assert that ``call(estimator)`` raises a clear error and changes nothing.

    Warnings are errors here, so the error must also be the only complaint.
    """
    before = snapshot(estimator, X)
    with pytest.raises(error, match=match) as info:
        call(estimator)
    raised_in = Path(str(info.traceback[-1].path))
    assert NUMPY not in raised_in.parents, f"raised inside NumPy: {raised_in}"
    assert snapshot(estimator, X) == before


def assert_same_network(a, b, **tolerance):
    """Assert that two fitted estimators have the same parameters."""
    theta, expected = a._network.theta, b._network.theta
    if tolerance:
        np.testing.assert_allclose(theta, expected, **tolerance)
    else:
        np.testing.assert_array_equal(theta, expected)
