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

# Root mean square of the largest feature, where all are small.
SMALL_FEATURES = 0.1

# Targets of an identity output: mean and standard deviation of one.
LARGE_TARGET, SMALL_TARGET = 10.0, 0.02


def constant_features(exam):
    """Features with the same value in every row."""
    constant = exam.features["constant"]
    if exam.n_rows < MIN_ROWS or not constant.any():
        return []
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


def input_scale(exam):
    """Features that are too large, or all too small, for the initial weights."""
    features = exam.features
    if exam.n_rows < MIN_ROWS:
        return []
    size = features["size"]
    if not size.any():
        return []
    largest = int(size.argmax())
    if SMALL_FEATURES <= size[largest] <= LARGE_FEATURE:
        return []
    mean, std = features["mean"][largest], features["std"][largest]
    evidence = (
        f"The largest feature, {_list(exam, [largest])}, has mean {mean:.3g} and "
        f"standard deviation {std:.3g}"
    )
    if size[largest] > LARGE_FEATURE:
        n_large = int((size > LARGE_FEATURE).sum())
        evidence += (
            f"; {n_large} of {size.size} features have a root mean square above "
            f"{LARGE_FEATURE:g}."
        )
        cause = (
            "Large features drown the others, push units onto the flat parts of their "
            "activation, and make steps in different directions differ in size."
        )
    else:
        evidence += "."
        cause = (
            "With features this small the units hardly differ from straight lines, and "
            "their weights have a long way to go."
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
    if size[k] <= LARGE_TARGET and (std > SMALL_TARGET).all():
        return []
    if size[k] <= LARGE_TARGET:
        k = int(std.argmin())
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
