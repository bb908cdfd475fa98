"""Which rows make up each minibatch, and the buffers they are gathered into."""

import numpy as np
from scipy import sparse


class Batches:
    """Minibatches of a training set, without a copy of it.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_columns)
    w : ndarray of shape (n_samples, 1) or None
    rows : ndarray of int or None, default=None
        The rows to train on; None is all of them.
    batch_size : int
        Rows of a batch; the last one of an epoch may be shorter.
    shuffle : bool, default=True
    order : ndarray of int or None, default=None
        The row order to go on from where training is resumed on all rows.

    Attributes
    ----------
    n_rows : int
        Rows of an epoch.
    mean_weight : float
        Mean sample weight of the training rows (1.0 without weights).
    order : ndarray of int or None
        The row order of the last epoch; None where no rows are reordered.
    """

    def __init__(self, X, y, w, rows=None, *, batch_size, shuffle=True, order=None):
        self.X, self.y, self.w = X, y, w
        self.n_rows = X.shape[0] if rows is None else len(rows)
        self.batch_size = min(batch_size, self.n_rows)
        self.shuffle = shuffle
        self._rows = rows
        # Sorted, as a mean rounds by the order, and resumed training has another one.
        weights = w if rows is None or w is None else w[np.sort(rows)]
        self.mean_weight = 1.0 if w is None else float(weights.mean(dtype=np.float64))
        # Row order is immaterial to a batch of all rows, so none is gathered there.
        self._whole = rows is None and (not shuffle or self.batch_size == self.n_rows)
        if shuffle or rows is not None:
            start = order if rows is None else rows
            self._order = np.arange(self.n_rows) if start is None else start.copy()
        if not self._whole:
            shape = (self.batch_size, X.shape[1])
            self._x = None if sparse.issparse(X) else np.empty(shape, X.dtype)
            self._y = np.empty((self.batch_size, y.shape[1]), y.dtype)
            self._w = None if w is None else np.empty((self.batch_size, 1), w.dtype)

    @property
    def order(self):
        return None if self._whole else self._order

    def epoch(self, rng):
        """Yield (X, y, w) of every batch of the next epoch.

        The order is shuffled anew from the order of the last epoch, as scikit-learn
        does, by one call of ``rng.shuffle``.
        """
        if self.shuffle:
            rng.shuffle(self._order)
        for start in range(0, self.n_rows, self.batch_size):
            stop = min(start + self.batch_size, self.n_rows)
            yield self._slice(start, stop) if self._whole else self._gather(start, stop)

    def _slice(self, start, stop):
        rows = slice(start, stop)
        return self.X[rows], self.y[rows], None if self.w is None else self.w[rows]

    def _gather(self, start, stop):
        rows, n = self._order[start:stop], stop - start
        if self._x is None:
            x = self.X[rows]
        else:
            x = _take(self.X, rows, self._x[:n])
        y = _take(self.y, rows, self._y[:n])
        return x, y, None if self.w is None else _take(self.w, rows, self._w[:n])


def _take(array, rows, out):
    if array.flags.c_contiguous:
        # With mode="raise", NumPy would buffer `out`; the rows are in range.
        return np.take(array, rows, axis=0, out=out, mode="clip")
    # Of another layout (a DataFrame's, say) np.take would first copy the whole array.
    out[...] = array[rows]
    return out
