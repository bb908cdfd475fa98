"""Memory that `fit` takes beyond the data it is given."""

import tracemalloc

import numpy as np
import pytest
from _helpers import fit_quietly
from scipy import sparse

from sk_mlp import MLPClassifier, MLPRegressor

N_ROWS, N_FEATURES, N_CLASSES = 400_000, 50, 10
LABELS = np.arange(N_ROWS) % N_CLASSES
TARGETS = {
    "codes": LABELS,
    "other ints": LABELS - 3,
    "strings": LABELS.astype("U1"),
    "two classes": np.where(LABELS > 4, "a", "b"),
    "numbers": LABELS / N_CLASSES,
}


def dense(dtype):
    return np.zeros((N_ROWS, N_FEATURES), dtype)


def csr(dtype):
    """Five values a row."""
    columns = np.tile(np.arange(0, N_FEATURES, 10, dtype=np.int32), N_ROWS)
    ends = np.arange(0, len(columns) + 1, 5, dtype=np.int32)
    shape = (N_ROWS, N_FEATURES)
    return sparse.csr_matrix((np.zeros(len(columns), dtype), columns, ends), shape)


def n_bytes(X):
    parts = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
    return sum(part.nbytes for part in parts)


def peak(X, y, sample_weight=None, **settings):
    """Return the most bytes that are in use at once during a fit, beyond the data."""
    kind = MLPRegressor if y.dtype.kind == "f" else MLPClassifier
    model = kind((8,), max_iter=1, random_state=0, **settings)
    tracemalloc.start()
    try:
        fit_quietly(model, X, y, sample_weight)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", TARGETS)
def test_a_fit_takes_less_than_a_tenth_of_dense_rows(target, dtype, solver):
    X = dense(dtype)
    assert peak(X, TARGETS[target], solver=solver) < 0.1 * n_bytes(X)


@pytest.mark.parametrize("target", TARGETS)
def test_a_fit_takes_less_than_a_tenth_of_sparse_rows(target):
    X = csr(np.float64)
    assert peak(X, TARGETS[target]) < 0.1 * n_bytes(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_are_copied_at_most(dtype):
    X, w = dense(dtype), np.ones(N_ROWS)
    assert peak(X, LABELS, w) < 0.1 * n_bytes(X)
