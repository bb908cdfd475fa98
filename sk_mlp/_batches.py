"""Which rows make up each minibatch, and the buffers they are gathered into."""

import numpy as np
from scipy import sparse

from sk_mlp._numerics import empty


class Coded:
    """Target rows given by number: row i is ``table[codes[i]]``.

    There are no more different one-hot rows than classes. For a million labels of ten
    classes their matrix takes 80 MB, the codes 1 MB, and a batch is gathered faster.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
    table : ndarray of shape (n_codes, n_columns)
    """

    def __init__(self, codes, table):
        self.codes, self.table = codes, table
        self.shape = (len(codes), table.shape[1])
        self.dtype = table.dtype

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, rows):
        """Return some rows as an array."""
        return self.table[self.codes[rows]]


class Batches:
    """Minibatches of a training set, without a copy of it.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray or Coded of shape (n_samples, n_columns)
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
        # Sorted, as a mean rounds by the order, and resumed training has another one.
        weights = w if rows is None or w is None else w[np.sort(rows)]
        self.mean_weight = 1.0 if w is None else float(weights.mean(dtype=np.float64))
        # Row order is immaterial to a batch of all rows, so none is gathered there.
        self._whole = rows is None and (not shuffle or self.batch_size == self.n_rows)
        if shuffle or rows is not None:
            self._order = self._first_order(order if rows is None else rows)
        self._allocate()

    def _first_order(self, rows):
        # Four bytes a row where they will do: shuffled, the order is that of any type.
        index = np.int32 if self.X.shape[0] <= np.iinfo(np.int32).max else np.intp
        return (
            np.arange(self.n_rows, dtype=index) if rows is None else rows.astype(index)
        )

    def _allocate(self):
        """Make the buffers of a batch; None where it is a slice of the data."""
        X, y, w, n = self.X, self.y, self.w, self.batch_size
        if self._whole and n == self.n_rows:
            self.y = y = y[:]  # an array from now on, if it was Coded
        gathers = not self._whole
        self._x = self._y = self._w = None
        if gathers and not sparse.issparse(X):
            self._x = empty((n, X.shape[1]), X.dtype)
        if gathers or isinstance(y, Coded):
            self._y = empty((n, y.shape[1]), y.dtype)
        if gathers and w is not None:
            self._w = empty((n, 1), w.dtype)

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
        rows, n = slice(start, stop), stop - start
        y = self.y[rows] if self._y is None else _take(self.y, rows, self._y[:n])
        return self.X[rows], y, None if self.w is None else self.w[rows]

    def _gather(self, start, stop):
        rows, n = self._order[start:stop], stop - start
        x = self.X[rows] if self._x is None else _take(self.X, rows, self._x[:n])
        y = _take(self.y, rows, self._y[:n])
        return x, y, None if self.w is None else _take(self.w, rows, self._w[:n])


def _take(array, rows, out):
    if isinstance(array, Coded):
        array, rows = array.table, array.codes[rows]
    if array.flags.c_contiguous and array.flags.aligned:
        # With mode="raise", NumPy would buffer `out`; the rows are in range.
        return array.take(rows, axis=0, out=out, mode="clip")
    # Of another layout (a DataFrame's, say, or a file's behind a header of odd length)
    # `take` would first copy the whole array.
    out[...] = array[rows]
    return out
