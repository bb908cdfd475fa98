"""What X may be: layouts, dtypes, sparse matrices, frames with names."""

import joblib
import numpy as np
import pandas as pd
import pytest
from _helpers import (
    SOLVERS,
    X,
    Y,
    assert_refused,
    assert_same_network,
    both,
    make,
    outputs,
)
from numpy.testing import assert_allclose
from scipy import sparse

from sk_mlp import MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)


def memmap(x):
    path = joblib.dump(x, memmap.folder / "x")[0]
    return joblib.load(path, mmap_mode="r")


def readonly(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def with_indices(make_sparse, dtype):
    def convert(x):
        x = make_sparse(x)
        x.indices, x.indptr = x.indices.astype(dtype), x.indptr.astype(dtype)
        return x

    return convert


SAME = {
    "list": np.ndarray.tolist,
    "F": np.asfortranarray,
    "memmap": memmap,
    "read-only": readonly,
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "object": lambda x: x.astype(object),
    "frame": lambda x: pd.DataFrame(x),
    "csr matrix": sparse.csr_matrix,
    "csc matrix": sparse.csc_matrix,
    "csr array": sparse.csr_array,
    "csc array": sparse.csc_array,
    "coo matrix": sparse.coo_matrix,
    "csr int64": with_indices(sparse.csr_array, np.int64),
    "csc int64": with_indices(sparse.csc_matrix, np.int64),
    "csr int32": with_indices(sparse.csr_matrix, np.int32),
}


@both
@pytest.mark.parametrize("label", SAME)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_kinds_of_input(cls, label, solver, tmp_path):
    memmap.folder = tmp_path
    x = SAME[label](np.where(np.abs(X) < 0.5, 0.0, X))
    dense = np.where(np.abs(X) < 0.5, 0.0, X)
    parameters = {"solver": solver, "activation": "tanh"}
    if solver == "adam":
        parameters["batch_size"] = 16
    reference = make(cls, **parameters).fit(dense, Y[cls])
    estimator = make(cls, **parameters).fit(x, Y[cls])
    assert_same_network(estimator, reference, rtol=1e-7, atol=1e-10)
    assert_allclose(outputs(reference, x), outputs(reference, dense), rtol=1e-10)
    if solver == "adam":
        estimator.partial_fit(x, Y[cls])
    early = make(cls, early_stopping=True) if solver == "adam" else None
    if early is not None:
        early.fit(x, Y[cls])


@pytest.mark.parametrize(
    "x, dtype",
    [
        (X.astype(np.float32), np.float32),
        (X.astype(np.float16), np.float64),
        (X.astype(int), np.float64),
        (X.astype(np.int8), np.float64),
        (X > 0, np.float64),
        (sparse.csr_matrix(X.astype(np.float32)), np.float32),
        (sparse.csc_array(X.astype(int)), np.float64),
        (pd.DataFrame(X.astype(np.float32)), np.float32),
        (pd.DataFrame({"a": X[:, 0] > 0, "b": X[:, 1].astype(int)}), np.float64),
    ],
    ids=["f32", "f16", "int", "int8", "bool", "csr f32", "csc int", "frame", "mixed"],
)
@pytest.mark.parametrize("solver", SOLVERS)
@both
def test_dtypes(cls, x, dtype, solver):
    estimator = make(cls, solver=solver).fit(x, Y[cls])
    assert all(w.dtype == dtype for w in estimator.coefs_ + estimator.intercepts_)
    assert outputs(estimator, x).dtype == dtype
    if cls is MLPRegressor:
        assert estimator.predict(x).dtype == dtype
    else:
        assert estimator.predict_proba(x).dtype == dtype
        assert estimator.predict_log_proba(x).dtype == dtype


@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_forced_dtypes(cls, solver):
    for forced in ("float32", "float64"):
        for x in (X, X.astype(np.float32), sparse.csr_matrix(X)):
            estimator = make(cls, solver=solver, dtype=forced).fit(x, Y[cls])
            assert estimator._network.theta.dtype == forced
            assert outputs(estimator, x).dtype == forced
    a = make(cls, solver=solver, dtype="float32").fit(X, Y[cls])
    b = make(cls, solver=solver).fit(X.astype(np.float32), Y[cls])
    assert_same_network(a, b)
    # Predictions follow the network, whatever X is.
    assert outputs(b, X).dtype == np.float32
    assert outputs(make(cls).fit(X, Y[cls]), X.astype(np.float32)).dtype == np.float64


@both
def test_feature_names(cls):
    frame = pd.DataFrame(X, columns=[*"abcd"])
    estimator = make(cls).fit(frame, Y[cls])
    assert estimator.feature_names_in_.tolist() == [*"abcd"]
    estimator.predict(frame), estimator.partial_fit(frame, Y[cls])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        estimator.predict(X)
    for columns in (["a", "b", "d", "c"], ["a", "b", "c", "e"]):
        other = frame.set_axis(columns, axis=1)
        match = "feature names should match those that were passed during fit"
        assert_refused(estimator, lambda e: e.predict(other), match)  # noqa: B023
        call = lambda e: e.partial_fit(other, Y[cls])  # noqa: B023, E731
        assert_refused(estimator, call, match)
    unnamed = make(cls).fit(X, Y[cls])
    assert not hasattr(unnamed, "feature_names_in_")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        unnamed.predict(frame)
    mixed = frame.set_axis(["a", 1, 2, 3], axis=1)
    assert_refused(
        make(cls), lambda e: e.fit(mixed, Y[cls]), "Feature names", TypeError
    )
    estimator.fit(X, Y[cls])
    assert not hasattr(estimator, "feature_names_in_")
