"""From the raw outputs of a classifier's network to probabilities, accurately."""

import numpy as np
from scipy.special import log_expit, log_softmax, logsumexp

from sk_mlp._numerics import finite


class ClassOutputs:
    """What the raw outputs z of a network say about classes.

    Parameters
    ----------
    head : Head
    kind : {"binary", "multiclass", "multilabel", "multioutput"}
    groups : list of slice or None
        Columns of each output; None where columns are independent.
    n_classes : int
        Of a binary target, which may have one class only.
    """

    def __init__(self, head, kind, groups, n_classes):
        self.head, self.kind, self.groups = head, kind, groups
        self.single = kind == "binary" and n_classes == 1
        self.activation = head.activate.activation.registered_name

    def split(self, z):
        """Return the columns of each output as a list of arrays."""
        return [z] if self.groups is None else [z[:, group] for group in self.groups]

    def outputs(self, z):
        """Return the outputs; logistic ones divided by their sum before they vanish."""
        if self.groups and self.activation == "logistic":
            return np.hstack([np.exp(_log_shares(part)) for part in self.split(z)])
        return self.head.predict(z)

    def probabilities(self, z):
        """Return what ``predict_proba`` returns."""
        p = self.outputs(z)
        if self.kind == "multilabel":
            return p
        if p.shape[1] == 1 and self.kind == "binary":
            if self.single:
                return np.ones_like(p)
            mirrored = self.activation == "logistic"
            others = self.head.predict(-z) if mirrored else 1 - p
            return np.concatenate([others, p], axis=1)
        parts = self.split(p)
        if not self.head.activate.activation.rowwise:
            parts = [_normalised(part) for part in parts]
        return parts if self.kind == "multioutput" else parts[0]

    def log_probabilities(self, z):
        """Return what ``predict_log_proba`` returns, from z where that is exact."""
        if self.activation == "logistic" and self.kind == "multilabel":
            return log_expit(z)
        if self.activation == "logistic" and self.kind == "binary" and not self.single:
            return np.hstack([log_expit(-z), log_expit(z)])
        if self.activation == "softmax":
            with np.errstate(over="ignore"):  # to -inf
                logs = [log_softmax(part, axis=1) for part in self.split(z)]
        elif self.activation == "logistic" and self.kind != "binary":
            logs = [_log_shares(part) for part in self.split(z)]
        else:
            p = self.probabilities(z)
            with np.errstate(divide="ignore"):
                logs = [np.log(part) for part in (p if isinstance(p, list) else [p])]
        return logs if self.kind == "multioutput" else logs[0]

    def decisions(self, z):
        """Return what ``decision_function`` returns."""
        if self.kind == "binary":
            if z.shape[1] == 1:
                return z[:, 0]
            with np.errstate(over="ignore"):
                return finite(z[:, 1] - z[:, 0])
        parts = self.split(z)
        return parts if self.kind == "multioutput" else parts[0]


def _log_shares(z):
    """Return the logarithms of logistic outputs divided by their sum in the row."""
    logs = log_expit(z)
    return logs - logsumexp(logs, axis=1, keepdims=True)


def _normalised(p):
    """Return the rows divided by their sums; rows of zeros become uniform."""
    total = p.sum(axis=1, keepdims=True)
    empty = (total == 0).astype(p.dtype)
    return (p + empty) / (total + empty * p.shape[1])
