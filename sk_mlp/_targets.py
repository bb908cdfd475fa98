"""Class labels to numbers and back.

Four kinds of target: ``"binary"`` (one or two classes), ``"multiclass"``,
``"multilabel"`` (an indicator matrix) and ``"multioutput"`` (several columns, each with
classes of its own). `classes` is an array, or a list of arrays for multioutput.
"""

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sk_mlp._warnings import warn

_BLOCK = 1 << 16  # labels that are copied at a time, at most


def check_labels(y):
    """Return y as labels the estimators know: 1-D, or 2-D with several columns.

    A single column is made 1-D, with scikit-learn's warning.

    Raises
    ------
    ValueError
        If y holds continuous values or labels of mixed types, or is sparse and no
        multilabel indicator.
    """
    if sparse.issparse(y):
        if not _is_indicator(y):
            raise ValueError(
                "Sparse y must be a multilabel indicator: several columns of 0 and 1. "
                "Use y.toarray() for other targets."
            )
        return y
    if y.ndim == 2 and y.shape[1] == 1:
        y = single_column(y)
    if y.ndim == 2 and y.dtype == object:
        columns = _columns(y)
        if len({column.dtype.kind for column in columns}) > 1:
            for column in columns:
                _check_classes(column)
            return y
        y = np.column_stack(columns)
    found = _unique(y, "y")
    # Its type says that these are labels, and so few that nobody meant numbers:
    # scikit-learn would take 180 µs to find that out.
    if y.ndim > 1 or y.dtype.kind not in "biuU" or 2 * len(found) > len(y):
        _check_classes(y)
    return y


def _check_classes(y):
    with np.errstate(invalid="ignore"):  # scikit-learn casts to int64, to compare
        check_classification_targets(y)


def _is_indicator(y):
    with np.errstate(invalid="ignore"):
        return type_of_target(y, input_name="y") == "multilabel-indicator"


def single_column(y):
    """Return a y of one column as 1-D, with scikit-learn's warning."""
    warn(
        "A column-vector y was passed when a 1d array was expected. Please change the "
        "shape of y to (n_samples,), for example using ravel().",
        DataConversionWarning,
    )
    return column_or_1d(y)


def _columns(y):
    """Return the columns of y; those of an object array in types of their own."""
    columns = list(y.T)
    if y.dtype != object:
        return columns
    for column in columns:
        _unique(column, "y")
    return [c if isinstance(c[0], str) else np.array(c.tolist()) for c in columns]


def _unique(labels, name):
    """Return the sorted distinct labels; refuse those that have no order."""
    try:
        found = _distinct(labels)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in np.ravel(labels)})
        raise ValueError(
            f"{name} holds labels of mixed types {kinds}, which cannot be sorted into "
            f"classes. Convert them to one type, e.g. {name}.astype(str)."
        ) from error
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"Input {name} contains NaN or infinity.")
    return found


def _distinct(labels):
    """Return what np.unique does, without a copy of many labels."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or len(labels) <= _BLOCK:
        return np.unique(labels)
    found = [np.unique(labels[block]) for block in _blocks(labels)]
    return np.unique(np.concatenate(found))


def _blocks(labels):
    for start in range(0, len(labels), _BLOCK):
        yield slice(start, start + _BLOCK)


def kind_of_target(y):
    """Return the kind of target that the labels `y` are."""
    if y.ndim == 2 and y.dtype == object:
        return "multioutput"
    if y.ndim == 2:
        # [[1, 2], [2, 1]] passes for an indicator, but then every label would be set.
        values = np.unique(y.data if sparse.issparse(y) else y)
        if _is_indicator(y) and np.isin(values, [0, 1]).all():
            return "multilabel"
        return "multioutput"
    if len(y) > _BLOCK and len(np.unique(y[:_BLOCK])) > 2:
        return "multiclass"  # and the others need not be counted
    return "binary" if len(_distinct(y)) <= 2 else "multiclass"


def kind_of_classes(y, classes):
    """Return the kind of target that a first block `y` of all `classes` belongs to."""
    _check_array_like(classes)
    is_list = isinstance(classes, list | tuple) and any(map(np.ndim, classes))
    n_outputs = y.shape[1] if y.ndim == 2 else 1
    if is_list and len(classes) != n_outputs:
        raise ValueError(
            f"y has {n_outputs} output column(s), but `classes` holds {len(classes)} "
            "array(s): it needs one for each."
        )
    if y.ndim == 1:
        return "binary" if len(_unique(classes, "classes")) <= 2 else "multiclass"
    if is_list and sparse.issparse(y):
        raise ValueError(
            "Sparse y is a multilabel indicator, whose classes are 0 and 1 in every "
            "column: leave `classes` out."
        )
    if is_list:
        return "multioutput"
    if kind_of_target(y) == "multioutput":
        raise ValueError(
            f"y has {y.shape[1]} outputs with classes of their own: `classes` must be "
            f"a list with one array for each. Got {classes!r}."
        )
    return "multilabel"


def _check_array_like(classes):
    """Refuse what NumPy takes for a single label."""
    no_sequence = isinstance(classes, str | bytes | dict | set | frozenset)
    if no_sequence or sparse.issparse(classes) or not hasattr(classes, "__len__"):
        raise TypeError(
            "classes must be an array-like of labels, or a list of these with one per "
            f"output. Got {classes!r}."
        )


def sorted_classes(y, kind, classes):
    """Return the `classes` of partial_fit in the form of `classes_`."""
    _check_array_like(classes)
    if kind == "multilabel":
        return np.arange(y.shape[1])
    if kind == "multioutput":
        return [_unique(c, "classes") for c in classes]
    return _unique(classes, "classes")


def find_classes(y, kind):
    """Return the sorted classes of the labels `y`."""
    if kind == "multilabel":
        return np.arange(y.shape[1])
    if kind == "multioutput":
        return [np.unique(column) for column in _columns(y)]
    return _distinct(y)


def label_groups(kind, classes, one_hot):
    """Return the columns of each output, or None where columns are independent."""
    if kind == "multioutput":
        ends = np.cumsum([len(c) for c in classes])
        starts = ends - [len(c) for c in classes]
        return [slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
    if kind == "multiclass" or (kind == "binary" and one_hot):
        return [slice(0, len(classes))]
    return None


def check_columns(y, kind, classes):
    """Refuse another number of output columns than that of a kind of target."""
    n_expected = len(classes) if kind in ("multilabel", "multioutput") else None
    n_columns = y.shape[1] if y.ndim == 2 else None
    if n_columns != n_expected:
        raise ValueError(
            f"y has {n_columns or 1} output column(s), but the classifier was given "
            f"{n_expected or 1} before. Fit a new one for another kind of target."
        )


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
    check_columns(y, kind, classes)
    if kind == "multilabel":
        y = np.asarray(y.toarray() if sparse.issparse(y) else y)
        unknown = [value for value in np.unique(y).tolist() if value not in (0, 1)]
        if unknown:
            raise ValueError(
                "`y` was a multilabel indicator before, of 0 and 1, and now has "
                f"{unknown}."
            )
        return y.astype(dtype)
    if kind == "multioutput":
        parts = [
            encode_labels(column, "multiclass", labels, one_hot, dtype)
            for column, labels in zip(_columns(y), classes, strict=True)
        ]
        return np.hstack(parts)
    return code_table(kind, len(classes), one_hot, dtype)[encode_output(y, classes)]


def code_table(kind, n_classes, one_hot, dtype):
    """Return the rows of zeros and ones that stand for the classes of one output."""
    if kind == "multiclass" or one_hot:
        return np.eye(n_classes, dtype=dtype)
    return np.array([[0], [1]], dtype)


def encode_output(y, classes):
    """Return the numbers of the classes of one output, in few bytes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    ndarray of int of shape (n_samples,)

    Raises
    ------
    ValueError
        If y has labels that are not in `classes`.
    """
    number = np.min_scalar_type(max(0, len(classes) - 1))
    if _are_numbered(classes) and y.dtype.kind in "iu":
        if y.min() >= 0 and y.max() < len(classes):
            return y.astype(number)
    codes = np.empty(len(y), number)
    for block in _blocks(y):
        codes[block] = _codes(y[block], classes)
    return codes


def _are_numbered(classes):
    """Tell whether sorted classes are 0, 1, ..."""
    n_classes = len(classes)
    is_integer = n_classes > 0 and classes.dtype.kind in "iu"
    return is_integer and classes[0] == 0 and classes[-1] == n_classes - 1


def _codes(y, classes):
    if y.dtype.kind == classes.dtype.kind != "O" and classes.size:
        codes = np.searchsorted(classes, y)  # all there is to do where all is well
        if (classes.take(codes, mode="clip") == y).all():
            return codes
    present = np.unique(y)
    # Python's comparison: NumPy 1 warns when it compares words with numbers.
    if not set(present.tolist()) <= set(classes.tolist()):
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


def class_weights(codes, classes, class_weight, w):
    """Return the weights of the classes of every output, as a list of arrays.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples, n_outputs)
        Class of every output.
    classes : ndarray or list of ndarray
        Labels of the classes, in the order of the codes.
    class_weight : dict, "balanced", or a list of these and None with one per output
        "balanced" gives all classes that occur the same total weight: that of class c
        is ``sum(w) / (n_classes * sum of w in c)``. None is 1.
    w : ndarray of shape (n_samples, 1) or None
        Sample weights, which "balanced" counts the rows with.

    Raises
    ------
    ValueError
        If a dict has labels that are no classes, or a list another length.
    """
    n_outputs = codes.shape[1]
    classes = classes if isinstance(classes, list) else [classes]
    if class_weight is None or isinstance(class_weight, str | dict):
        class_weight = [class_weight] * n_outputs
    if len(class_weight) != n_outputs:
        raise ValueError(
            f"class_weight has {len(class_weight)} entries, but y has {n_outputs} "
            "output(s): it needs one for each."
        )
    counted = np.ones(len(codes)) if w is None else w[:, 0].astype(np.float64)
    columns = zip(codes.T, classes, class_weight, strict=True)
    return [_weights_of_output(*column, counted) for column in columns]


def _weights_of_output(codes, labels, weight, counted):
    if weight is None:
        return np.ones(len(labels))
    if isinstance(weight, str):  # "balanced"
        totals = np.bincount(codes, counted, len(labels))
        present = totals > 0
        balanced = totals.sum() / (present.sum() * np.where(present, totals, 1.0))
        return np.where(present, balanced, 1.0)
    known = labels.tolist()
    unknown = [label for label in weight if label not in known]
    if unknown:
        raise ValueError(
            f"class_weight has the labels {unknown}, which are not among the classes "
            f"{known}."
        )
    return np.array([float(weight.get(label, 1.0)) for label in known])


def row_weights(codes, weights):
    """Return for every row the product of the weights of its classes.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples, n_outputs)
    weights : list of ndarray
        As :func:`class_weights` returns them.
    """
    pairs = zip(weights, codes.T, strict=True)
    with np.errstate(over="ignore"):  # to infinity, which is refused
        return np.prod([weight[column] for weight, column in pairs], axis=0)
