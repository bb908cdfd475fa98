"""Symptoms that show in the data: their scale, and the range of the outputs.

Every function takes an :class:`~sk_mlp.inspection._examination.Examination` and
returns a list of findings.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.feature_selection import VarianceThreshold
from sklearn.preprocessing import StandardScaler

from sk_mlp.inspection._examination import LARGE_FEATURE, MIN_ROWS
from sk_mlp.inspection._findings import Finding, Remedy

# Root mean square of the largest feature where all are small, and of the length of the
# rows: of many features one by one may be 1 and the others 0.
SMALL_FEATURES, SHORT_ROWS = 0.1, 0.3

# Targets of an identity output: mean and standard deviation of one.
LARGE_TARGET, SMALL_TARGET = 10.0, 0.02


def constant_features(exam):
    """Features with the same value in every row."""
    constant = exam.features["constant"]
    if exam.n_rows < MIN_ROWS or not constant.any():
        return []
    if constant.all():
        evidence = f"All {constant.size} feature(s) are the same in all rows."
        cause = "There is nothing to tell the rows by."
        return [Finding("constant_features", "error", evidence, cause)]
    evidence = (
        f"{constant.sum()} of {constant.size} features are the same in all "
        f"{exam.n_rows} rows: {_list(exam, np.flatnonzero(constant))}."
    )
    cause = (
        "They tell nothing; their weights act as more biases, and where new data vary "
        "there the outputs follow weights that were never trained for it."
    )
    remedy = Remedy("Leave them out.", transformer=VarianceThreshold())
    return [Finding("constant_features", "info", evidence, cause, (remedy,))]


_LARGE = (
    "Large features drown the others, push units onto the flat parts of their "
    "activation, and make steps in different directions differ in size."
)
_FAR_OFF = (
    "What they have in common moves the inputs of all units, onto the flat parts of "
    "their activation, and hides what tells the rows apart."
)
_SMALL = (
    "With features this small the units hardly differ from straight lines, and their "
    "weights have a long way to go."
)


def input_scale(exam):
    """Features that are too large, or all too small, for the initial weights."""
    features = exam.features
    if exam.n_rows < MIN_ROWS:
        return []
    size, unscaled = features["size"], exam.unscaled
    if unscaled.any():
        largest = int(np.where(unscaled, size, 0.0).argmax())
        is_large = size[largest] > LARGE_FEATURE
        verdict = "large or far off" if is_large else "far off for how they vary"
        what = f"{unscaled.sum()} of {size.size} features are {verdict}"
        cause = _LARGE if is_large else _FAR_OFF
    else:
        largest, what, cause = int(size.argmax()), "All features are small", _SMALL
        short = np.sqrt(np.square(size).sum()) < SHORT_ROWS
        if not (0 < size[largest] < SMALL_FEATURES and short):
            return []
    evidence = (
        f"{what}: the largest, {_list(exam, [largest])}, has mean "
        f"{features['mean'][largest]:.3g} and standard deviation "
        f"{features['std'][largest]:.3g}."
    )
    remedy = Remedy("Standardise the features.", transformer=exam.scaler)
    return [Finding("input_scale", "warning", evidence, cause, (remedy,))]


def target_scale(exam):
    """Targets of a regression that are far from mean 0 and variance 1."""
    if exam.y is None or exam.model._task != "regression" or exam.n_rows < MIN_ROWS:
        return []
    if exam.trace.output.activation.registered_name != "identity":
        return []
    y = exam.y.reshape(len(exam.y), -1).astype(float)
    mean, std = np.abs(y.mean(axis=0)), y.std(axis=0)
    size = np.hypot(mean, std)
    k = int(size.argmax())
    if size[k] <= LARGE_TARGET:
        k = int(std.argmin())
        if std[k] > SMALL_TARGET:
            return []
    if std[k] == 0:
        return []
    of = f" of output {k}" if y.shape[1] > 1 else ""
    evidence = (
        f"The targets{of} have mean {y[:, k].mean():.3g} and standard deviation "
        f"{std[k]:.3g}."
    )
    cause = (
        "The outputs start near 0 with a spread near 1. Weights must first grow to the "
        "size of the targets, and the learning rate, `tol` and `alpha` are meant for "
        "losses near 1."
    )
    remedy = Remedy(
        "Standardise the targets; predictions come back in their units.",
        target_transformer=StandardScaler(),
    )
    return [Finding("target_scale", "warning", evidence, cause, (remedy,))]


def output_activation(exam):
    """Outputs that cannot take the values that the targets have."""
    if exam.y is None:
        return []
    if exam.model._task == "classification":
        return _softmax_for_labels(exam)
    output = exam.trace.output.activation
    if output.rowwise:
        return _softmax_for_numbers(exam)
    y = exam.y.reshape(len(exam.y), -1).astype(float)
    bounds = output.range
    outside = (y < bounds.low) | (y > bounds.high)
    if not outside.any():
        return []
    share = outside.any(axis=1).mean()
    evidence = (
        f"{share:.0%} of the targets lie outside {bounds}, the range of "
        f"{_output_name(exam)} (targets from {y.min():.3g} to {y.max():.3g})."
    )
    cause = "No weights can make the outputs reach these targets."
    severity = "error" if share > 0.05 else "warning"
    return [_output_finding(severity, evidence, cause)]


def _softmax_for_labels(exam):
    """Softmax shares 1 among labels, of which a row may have none or several."""
    if exam.model._target["kind"] != "multilabel":
        return []
    if not exam.trace.output.activation.rowwise:
        return []
    y = exam.y.toarray() if issparse(exam.y) else np.asarray(exam.y)
    other = float((y.sum(axis=1) != 1).mean())
    if other == 0:
        return []
    evidence = (
        f"{other:.0%} of the rows have no label or several, but {_output_name(exam)} "
        "makes the outputs of a row sum to 1."
    )
    cause = (
        "The labels compete: a row with two of them can give neither more than the "
        "other leaves, and a row with none must give 1 away."
    )
    return [_output_finding("error" if other > 0.05 else "warning", evidence, cause)]


def _softmax_for_numbers(exam):
    total = exam.y.reshape(len(exam.y), -1).astype(float).sum(axis=1)
    if np.allclose(total, 1.0, atol=1e-3):
        return []
    evidence = (
        f"{_output_name(exam)} makes the outputs of a row sum to 1, but the targets "
        f"sum to {total.min():.3g} to {total.max():.3g}."
    )
    cause = "No weights can make the outputs reach these targets."
    return [_output_finding("error", evidence, cause)]


def _output_finding(severity, evidence, cause):
    remedy = Remedy(
        "Take the output activation that belongs to the loss.",
        {"output_activation": "auto"},
    )
    return Finding("output_activation", severity, evidence, cause, (remedy,), "output")


def _output_name(exam):
    activation = exam.trace.output.activation
    return f"output_activation={activation.registered_name or activation!r}"


def _list(exam, columns, limit=5):
    """Return the names of some features as text."""
    names = getattr(exam.model, "feature_names_in_", None)
    texts = [
        f"column {column}" if names is None else repr(str(names[column]))
        for column in columns[:limit]
    ]
    more = len(columns) - limit
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")
