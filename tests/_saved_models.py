"""Models of every kind, saved and loaded in other processes and other environments.

    python tests/_saved_models.py save DIRECTORY
    python tests/_saved_models.py check DIRECTORY

`check` loads what `save` wrote, maybe with another scikit-learn, and compares the
predictions to the bit.
"""

import pickle
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import skops.io
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, activations, losses, optimizers

TRUSTED = ["sk_mlp._classifier.MLPClassifier", "sk_mlp._regressor.MLPRegressor"]

_rng = np.random.RandomState(0)
X = _rng.standard_normal((80, 6))
_codes = np.digitize(X[:, 0] - X[:, 1], [-0.8, 0.8])
FEW = {"max_iter": 4, "random_state": 0}
TARGETS = {
    "binary": _codes > 0,
    "multiclass": np.array(["bird", "cat", "dog"])[_codes],
    "multilabel": (X[:, :3] > 0).astype(int),
    "multioutput": np.column_stack([_codes, _codes > 1]),
    "regression": X[:, 0] + X[:, 1] ** 2,
    "many outputs": X[:, :2] * 2 + 1,
    "positive": np.exp(X[:, 0]),
}


def models():
    """Return {name: (unfitted estimator, name of its target)}."""
    every = {
        f"activation {name}": (MLPClassifier((6, 4), name), "multiclass")
        for name in activations.names()
        if name != "step"  # cannot learn, and says so
    }
    every |= {
        f"loss {name}": (MLPRegressor((5,), loss=name), "positive")
        for name in losses.names()
        if "regression" in losses.get(name).tasks
    }
    every |= {
        f"solver {name}": (MLPRegressor((5,), solver=name), "regression")
        for name in [*optimizers.names(), "lbfgs"]
    }
    every |= {
        f"target {name}": (
            (MLPRegressor if np.asarray(y).dtype.kind == "f" else MLPClassifier)((5,)),
            name,
        )
        for name, y in TARGETS.items()
    }
    return every | {
        "objects": (
            MLPClassifier(
                (6, 4),
                [activations.LeakyReLU(0.2, trainable=True), activations.MSAF((3, 6))],
                solver=optimizers.SGD(0.8),
                loss=losses.Focal(1.5),
                init="orthogonal",
                learning_rate="cosine",
            ),
            "multiclass",
        ),
        "quantiles": (
            MLPRegressor((5,), loss=losses.Quantile((0.1, 0.5, 0.9))),
            "regression",
        ),
        "batch": (
            MLPClassifier((6, 4), "prelu", normalization="batch", dropout=0.2),
            "multiclass",
        ),
        "layer": (
            MLPClassifier((6, 4), normalization="layer", dtype="float32"),
            "multiclass",
        ),
        "early stopping": (
            MLPClassifier((6,), early_stopping=True, validation_fraction=0.2),
            "multiclass",
        ),
        "no hidden layer": (MLPRegressor(()), "many outputs"),
        "pipeline": (make_pipeline(StandardScaler(), MLPClassifier((6,))), "binary"),
        "copies": (MultiOutputClassifier(MLPClassifier((4,))), "multilabel"),
    }


def fitted(estimator, target):
    """Return the estimator, fitted for a few epochs."""
    for name in estimator.get_params():
        if name.rpartition("__")[-1] in FEW:
            estimator.set_params(**{name: FEW[name.rpartition("__")[-1]]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, TARGETS[target])


def answers(estimator):
    """Return what it predicts, as a list of arrays."""
    found = [estimator.predict(X)]
    if hasattr(estimator, "predict_proba"):
        p = estimator.predict_proba(X)
        found += p if isinstance(p, list) else [p]
    return [np.asarray(array) for array in found]


def same(ours, theirs):
    """Tell whether two lists of arrays are equal to the bit."""
    return len(ours) == len(theirs) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(ours, theirs, strict=True)
    )


SAVE = {"pickle": pickle.dump, "joblib": joblib.dump, "skops": skops.io.dump}
LOAD = {
    "pickle": pickle.load,
    "joblib": joblib.load,
    "skops": lambda file: skops.io.loads(file.read(), trusted=TRUSTED),
}


def save(directory):
    """Fit every model; write it in every format, and what it predicts."""
    expected = {}
    for k, (name, (estimator, target)) in enumerate(models().items()):
        model = fitted(estimator, target)
        if k % 2:
            compact(model)
        expected[name] = answers(model)
        for form, dump in SAVE.items():
            with open(directory / f"{name}.{form}", "wb") as file:
                dump(model, file)
    joblib.dump(expected, directory / "expected")


def compact(model):
    """Drop the training state, if the model has a method for it."""
    if hasattr(model, "compact"):
        model.compact()


def check(directory):
    """Load every file; return how many were compared, and those that differ."""
    expected = joblib.load(directory / "expected")
    differing = []
    for name, theirs in expected.items():
        for form, load in LOAD.items():
            with open(directory / f"{name}.{form}", "rb") as file:
                if not same(answers(load(file)), theirs):
                    differing.append(f"{name}.{form}")
    return len(expected) * len(LOAD), differing


if __name__ == "__main__":
    warnings.simplefilter("error")
    # scikit-learn's own, of the scaler in a pipeline
    warnings.simplefilter("ignore", InconsistentVersionWarning)
    action, path = sys.argv[1:]
    path = Path(path)
    if action == "save":
        path.mkdir(parents=True, exist_ok=True)
        save(path)
    else:
        n_compared, differing = check(path)
        if differing:
            raise SystemExit(f"These predict otherwise once loaded: {differing}")
        print(f"{n_compared} saved models predict as before, to the bit")
