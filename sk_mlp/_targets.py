"""Class labels to numbers and back.

Four kinds of target: ``"binary"`` (one or two classes), ``"multiclass"``,
``"multilabel"`` (an indicator matrix) and ``"multioutput"`` (several columns, each with
classes of its own). `classes` is an array, or a list of arrays for multioutput.
"""

import numpy as np
from scipy import sparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target


def check_labels(y):
    """Return y as labels the estimators know: 1-D, or 2-D with several columns.

    Raises
    ------
    ValueError
        If y holds continuous values or labels of mixed types.
    """
    if y.ndim == 2 and y.shape[1] == 1 and not sparse.issparse(y):
        y = column_or_1d(y, warn=True)
    try:
        check_classification_targets(y)
        if not sparse.issparse(y):
            np.unique(y)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in np.ravel(y)})
        raise ValueError(
            f"y holds labels of mixed types {kinds}, which cannot be sorted into "
            "classes. Convert them to one type, e.g. y.astype(str)."
        ) from error
    return y


def kind_of_target(y):
    """Return the kind of target that the labels `y` are."""
    if y.ndim == 2:
        is_indicator = type_of_target(y, input_name="y") == "multilabel-indicator"
        # [[1, 2], [2, 1]] passes for an indicator, but then every label would be set.
        values = np.unique(y.data if sparse.issparse(y) else y)
        if is_indicator and np.isin(values, [0, 1]).all():
            return "multilabel"
        return "multioutput"
    return "binary" if len(np.unique(y)) <= 2 else "multiclass"


def kind_of_classes(y, classes):
    """Return the kind of target that a first block `y` of all `classes` belongs to."""
    if y.ndim == 2:
        is_list = isinstance(classes, list | tuple) and np.ndim(classes[0]) == 1
        return "multioutput" if is_list else "multilabel"
    return "binary" if len(np.unique(classes)) <= 2 else "multiclass"


def find_classes(y, kind):
    """Return the sorted classes of the labels `y`."""
    if kind == "multilabel":
        return np.arange(y.shape[1])
    if kind == "multioutput":
        return [np.unique(column) for column in y.T]
    return np.unique(y)


def label_groups(kind, classes, one_hot):
    """Return the columns of each output, or None where columns are independent."""
    if kind == "multioutput":
        ends = np.cumsum([len(c) for c in classes])
        starts = ends - [len(c) for c in classes]
        return [slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
    if kind == "multiclass" or (kind == "binary" and one_hot):
        return [slice(0, len(classes))]
    return None


def encode_labels(y, kind, classes, one_hot, dtype):
    """Return the labels as a matrix of zeros and ones.

    Parameters
    ----------
    y : ndarray or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)
    kind : str
    classes : ndarray or list of ndarray
    one_hot : bool
        Whether binary targets have a column for each class instead of one column.
    dtype : numpy dtype

    Returns
    -------
    ndarray of shape (n_samples, n_columns)

    Raises
    ------
    ValueError
        If y has labels that are not in `classes`, or another shape.
    """
    n_expected = len(classes) if kind in ("multilabel", "multioutput") else None
    n_columns = y.shape[1] if y.ndim == 2 else None
    if n_columns != n_expected:
        raise ValueError(
            f"y has {n_columns or 1} output column(s), but the classifier was given "
            f"{n_expected or 1} before. Fit a new one for another kind of target."
        )
    if kind == "multilabel":
        return np.asarray(y.toarray() if sparse.issparse(y) else y).astype(dtype)
    if kind == "multioutput":
        parts = [_one_hot(*pair, dtype) for pair in zip(y.T, classes, strict=True)]
        return np.hstack(parts)
    if kind == "multiclass" or one_hot:
        return _one_hot(y, classes, dtype)
    return (_codes(y, classes) == 1).astype(dtype)[:, np.newaxis]


def _one_hot(y, classes, dtype):
    encoded = np.zeros((len(y), len(classes)), dtype)
    encoded[np.arange(len(y)), _codes(y, classes)] = 1
    return encoded


def _codes(y, classes):
    present = np.unique(y)
    unknown = np.setdiff1d(present, classes)
    if len(unknown):
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. "
            f"'y' has {present}."
        )
    return np.searchsorted(classes, y)


def label_codes(p, kind, groups):
    """Return the predicted class of every output as integer codes.

    Parameters
    ----------
    p : ndarray of shape (n_samples, n_columns)
        Outputs, or encoded labels.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    if groups is None:
        return (p > 0.5).astype(int)
    return np.column_stack([p[:, group].argmax(axis=1) for group in groups])


def decode_labels(codes, kind, classes):
    """Return the labels for codes, 1-D for a single output."""
    if kind == "multilabel":
        return codes
    if kind != "multioutput":
        return classes[codes[:, 0]]
    columns = [c[k] for c, k in zip(classes, codes.T, strict=True)]
    same = all(column.dtype.kind == columns[0].dtype.kind for column in columns)
    if not same:
        columns = [column.astype(object) for column in columns]
    return np.column_stack(columns)
