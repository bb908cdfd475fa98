"""The cases of the tables: their sizes, and data made by code."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits


@dataclass(frozen=True)
class Case:
    """The size of a problem and of the network for it.

    `n_epochs` is the epochs of one measured fit, `n_calls` the calls of partial_fit
    that are measured together: enough for about a tenth of a second.
    """

    n_rows: int
    n_features: int
    hidden: tuple[int, ...]
    batch_size: int
    n_classes: int = 10
    n_epochs: int = 1
    n_calls: int = 1

    def __str__(self):
        return (
            f"{self.n_rows:,} x {self.n_features}, hidden layers {self.hidden}, "
            f"batches of {self.batch_size}, {self.n_classes} classes"
        )

    def miniature(self):
        """Return a case of this shape that takes no time."""
        hidden = tuple(4 for _ in self.hidden)
        n_rows, batch_size = 2 * self.n_classes, self.n_classes
        if self.batch_size == self.n_rows:
            batch_size = n_rows
        sizes = {"n_rows": n_rows, "hidden": hidden, "batch_size": batch_size}
        return replace(self, **sizes, n_epochs=2, n_calls=2)

    def data(self, dtype):
        """Return X and integer classes y."""
        return classes(self.n_rows, self.n_features, self.n_classes, dtype)


class Digits(Case):
    """Scikit-learn's digits with features from 0 to 1."""

    def data(self, dtype):
        X, y = digits()
        return X[: self.n_rows].astype(dtype), y[: self.n_rows]


CASES = {
    "tiny": Case(150, 4, (100,), 150, n_classes=3, n_epochs=1000, n_calls=100),
    "digits": Digits(1797, 64, (100,), 200, n_epochs=60, n_calls=30),
    "narrow": Case(100_000, 20, (64, 64), 200, n_classes=3, n_epochs=3),
    "medium": Case(20_000, 100, (256, 256), 256, n_epochs=4),
    "large": Case(20_000, 784, (512, 512), 512, n_epochs=2),
}


def cases(quick):
    """Return the cases by name."""
    return {k: case.miniature() if quick else case for k, case in CASES.items()}


def digits():
    """Return the digits as scikit-learn has them, in float64, scaled to [0, 1]."""
    X, y = load_digits(return_X_y=True)
    return X / 16.0, y


def classes(n_rows, n_features, n_classes, dtype):
    """Return X of independent normal features and classes that depend on all."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    y = (X @ rng.standard_normal((n_features, n_classes), dtype=np.float32)).argmax(1)
    return X.astype(dtype, copy=False), y


def curve(n_rows, n_features):
    """Return X and a smooth function of it with some noise, in float64."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features))
    y = np.tanh(X @ rng.standard_normal((n_features, 10)) / 3).sum(axis=1)
    return X, y + 0.1 * rng.standard_normal(n_rows)


def sparse_rows(n_rows, n_features):
    """Return a CSR matrix of float32 with one number in every 10 columns."""
    rng = np.random.default_rng(0)
    blocks = np.arange(0, n_features, 10, dtype=np.int32)
    columns = blocks + rng.integers(10, size=(n_rows, len(blocks)), dtype=np.int32)
    numbers = rng.standard_normal(columns.size, dtype=np.float32)
    ends = np.arange(0, columns.size + 1, len(blocks), dtype=np.int32)
    return sparse.csr_matrix(
        (numbers, columns.ravel(), ends), shape=(n_rows, n_features)
    )


def n_bytes(X):
    """Return the bytes that the numbers of a dense or CSR matrix take."""
    parts = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
    return sum(part.nbytes for part in parts)
