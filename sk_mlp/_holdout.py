"""The rows that training does not see: which they are, and the judgement on them."""

import numpy as np
from sklearn.model_selection import train_test_split

from sk_mlp._validation import InvalidParameterError
from sk_mlp._warnings import warn


def split_rows(n_rows, fraction, strata, rng):
    """Return the rows to train on, in random order, and those held out, sorted.

    Parameters
    ----------
    n_rows : int
    fraction : float
        Share of the rows to hold out.
    strata : ndarray of int or None
        Classes whose shares shall be the same in both parts where that is possible.
    rng : RandomState

    Raises
    ------
    ValueError
        If fewer than two rows, or all, would be held out.
    """
    n_held_out = int(np.ceil(fraction * n_rows))
    if n_held_out < 2 or n_held_out >= n_rows:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the "
            f"size of your dataset. Got validation_fraction={fraction} of {n_rows} "
            "rows."
        )
    if strata is not None and not _can_stratify(strata, n_held_out):
        strata = None
    rows, held_out = train_test_split(
        np.arange(n_rows), test_size=fraction, random_state=rng, stratify=strata
    )
    return rows, np.sort(held_out)


def _can_stratify(strata, n_held_out):
    counts = np.bincount(strata)
    counts = counts[counts > 0]
    n_least = min(n_held_out, len(strata) - n_held_out)
    if counts.min() >= 2 and n_least >= len(counts):
        return True
    warn(
        f"The validation set cannot be stratified: the smallest class has "
        f"{counts.min()} row(s), and {n_held_out} rows are held out for "
        f"{len(counts)} classes. It is drawn at random instead."
    )
    return False


class ValidationSet:
    """Loss and score of a network on rows that it is not trained on.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    Y : ndarray or Coded of shape (n_rows, n_columns)
        Encoded and prepared targets.
    w : ndarray of shape (n_rows,) or None
        Weights of the rows in the loss, not all zero.
    score : callable
        ``score(network, p, loss)`` with the outputs p; greater is better.
    rows : ndarray of int of shape (n_rows,) or None, default=None
        Which rows of X they are, to be gathered a few at a time; None is all.
    """

    def __init__(self, X, Y, w, score, rows=None):
        self.X, self.Y, self.score, self.rows = X, Y, score, rows
        self.w = None if w is None else w[:, np.newaxis]

    def __call__(self, network):
        """Return (loss, score); NaN where the outputs are not finite."""
        # Before it diverges, a network puts out what no square can hold.
        with np.errstate(all="ignore"):
            z = network.raw(self.X, self.rows)
            p = network.head.predict(z)
            if not np.isfinite(p).all():
                return np.nan, np.nan
            loss = network.head.mean_loss(z, self.Y, self.w)
            score = self.score(network, p, loss)
        if np.ndim(score) or np.asarray(score).dtype.kind not in "biuf":
            raise InvalidParameterError(
                "The 'scoring' parameter must be a metric that returns one number. It "
                f"returned {score!r}."
            )
        return loss, float(score)
