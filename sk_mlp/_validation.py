"""Checks of parameters and sample weights, in scikit-learn's wording."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import inf, isfinite
from mmap import mmap
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

from sk_mlp._component import Interval
from sk_mlp._numerics import row_blocks
from sk_mlp._warnings import warn

# What networks compute in; data of other types become the first.
DTYPES = (np.dtype(np.float64), np.dtype(np.float32))


class InvalidParameterError(ValueError, TypeError):
    """A constructor parameter with a wrong type or value; raised by ``fit``."""


@dataclass(frozen=True)
class Constraint:
    """What a parameter accepts, as a predicate and as the words of the message."""

    accepts: Callable[[object], bool]
    text: str

    def __or__(self, other):
        return Constraint(
            lambda value: self.accepts(value) or other.accepts(value),
            f"{self.text} or {other.text}",
        )


def real(low=-inf, high=inf, closed="left"):
    """Return the constraint: a real number in an interval (not a bool, not NaN)."""
    return _number(Real, "a float", Interval(low, high, closed))


def integer(low, high=inf):
    """Return the constraint: an int from `low` to `high`."""
    closed = "left" if high == inf else "both"
    return _number(Integral, "an int", Interval(low, high, closed))


def _number(kind, article, interval):
    def accepts(value):
        is_number = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
        try:
            return is_number and float(value) in interval
        except OverflowError:  # an int beyond every float
            return False

    return Constraint(accepts, f"{article} in the range {interval}")


def one_of(*values):
    """Return the constraint: one of some strings."""
    listed = ", ".join(map(repr, values))
    return Constraint(
        lambda value: isinstance(value, str) and value in values,
        f"a str among {{{listed}}}",
    )


def a_value(wanted):
    """Return the constraint: exactly this object, such as None."""
    return Constraint(lambda value: value is wanted, repr(wanted))


BOOLEAN = Constraint(lambda value: isinstance(value, bool | np.bool_), "a bool")
INFINITY = Constraint(lambda value: isinstance(value, Real) and value == inf, "np.inf")
RANDOM_STATE = (
    integer(0, 2**32 - 1)
    | Constraint(
        lambda value: isinstance(value, np.random.RandomState),
        "an instance of 'numpy.random.RandomState'",
    )
    | a_value(None)
)


def each(constraint, text):
    """Return the constraint: an array-like, each entry of which is accepted."""

    def accepts(value):
        if isinstance(value, str | bytes | dict) or not hasattr(value, "__getitem__"):
            return False  # an iterator, say, which could be read only once
        return getattr(value, "ndim", 1) == 1 and all(map(constraint.accepts, value))

    return Constraint(accepts, text)


def _are_class_weights(value):
    weight = real(0)
    return isinstance(value, dict) and all(map(weight.accepts, value.values()))


CLASS_WEIGHTS = Constraint(
    _are_class_weights, "a dict from class labels to weights >= 0"
)

# The parameters that are plain values; names of components are resolved elsewhere.
CONSTRAINTS = {
    "hidden_layer_sizes": integer(1)
    | each(integer(1), "an array-like of ints, each > 0, one per hidden layer"),
    "alpha": real(0),
    "l1_ratio": real(0, 1, "both"),
    "batch_size": integer(1) | one_of("auto"),
    "learning_rate_init": real(0, closed="neither"),
    "power_t": real(0),
    "max_iter": integer(1),
    "shuffle": BOOLEAN,
    "random_state": RANDOM_STATE,
    "tol": real(0),
    "verbose": BOOLEAN | integer(0),
    "warm_start": BOOLEAN,
    "momentum": real(0, 1, "both"),
    "nesterovs_momentum": BOOLEAN,
    "early_stopping": BOOLEAN,
    "validation_fraction": real(0, 1),
    "beta_1": real(0, 1),
    "beta_2": real(0, 1),
    "epsilon": real(0, closed="neither"),
    "n_iter_no_change": integer(1) | INFINITY,
    "max_fun": integer(1),
    "weight_decay": real(0),
    "dropout": real(0, 1)
    | each(real(0, 1), "an array-like of such floats, one per hidden layer"),
    "normalization": one_of("batch", "layer") | a_value(None),
    "max_grad_norm": real(0, closed="neither") | a_value(None),
    "class_weight": one_of("balanced")
    | CLASS_WEIGHTS
    | each(
        CLASS_WEIGHTS | one_of("balanced") | a_value(None),
        "a list of these, one per output",
    )
    | a_value(None),
    "scoring": Constraint(
        lambda value: isinstance(value, str) or callable(value),
        "'loss', the name of a scorer, a callable scorer(estimator, X, y)",
    )
    | a_value(None),
    "dtype": one_of("float32", "float64") | a_value(None),
}


def check_parameters(estimator):
    """Check every plain parameter of `estimator`.

    Raises
    ------
    InvalidParameterError
        For the first parameter that is not accepted.
    """
    defaults = _defaults_of(type(estimator))
    for name, constraint in CONSTRAINTS.items():
        default = defaults.get(name)  # a regressor has no class_weight
        value = getattr(estimator, name, default)
        if value is not default and not constraint.accepts(value):
            text = f"must be {constraint.text}. Got {value!r} instead."
            raise invalid(estimator, name, text)


def invalid(estimator, name, text):
    """Return the error for parameter `name`: "The 'x' parameter of C `text`"."""
    owner = type(estimator).__name__
    return InvalidParameterError(f"The {name!r} parameter of {owner} {text}")


def resolve(estimator, name, value, module):
    """Turn a name or object given as parameter `name` into a checked component.

    Parameters
    ----------
    estimator : estimator
        Named in the message.
    name : str
        The parameter.
    value : str or Component
    module : module
        With ``get``, such as :mod:`sk_mlp.activations`.

    Raises
    ------
    InvalidParameterError
        If the name is unknown, the object of the wrong kind, or one of its
        hyper-parameters out of range.
    """
    try:
        component = module.get(value)
    except (ValueError, TypeError) as error:
        raise invalid(estimator, name, str(error)) from None
    try:
        component.check()
    except (ValueError, TypeError) as error:
        raise InvalidParameterError(str(error)) from None
    return component


def warn_unused(estimator, unused):
    """Give one warning for the parameters that were changed and have no effect.

    Parameters
    ----------
    estimator : estimator
    unused : dict of str to str
        Parameters without effect and the reason.
    """
    defaults = _defaults_of(type(estimator))
    changed = {
        name: reason
        for name, reason in unused.items()
        if not is_same(getattr(estimator, name), defaults[name])
    }
    if changed:
        listed = "; ".join(f"{name!r} {reason}" for name, reason in changed.items())
        warn(
            f"Parameters of {type(estimator).__name__} without effect: {listed}. "
            "Leave them at their defaults."
        )


@cache
def _defaults_of(estimator_class):
    # Of the package's own class: a subclass may have another constructor.
    own = next(c for c in estimator_class.__mro__ if c.__module__.startswith("sk_mlp."))
    parameters = inspect.signature(own).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


def is_same(value, default):
    """Tell whether a parameter has its default value, and not one like it."""
    return value is default or (type(value) is type(default) and value == default)


def validate(estimator, X, *y, reset, dtypes, **y_options):
    """Return what scikit-learn's ``validate_data`` does, but at once where it can.

    It takes 60 to 100 µs, several times as long as the network for a row. Arrays that
    it would only look at are recognised in 3 µs here; all others go its way, as do
    those that deserve an error.

    An X that is mapped from a file keeps its dtype, unless SciPy cannot slice it:
    converted, it might not fit into memory. The network converts what it reads.

    Parameters
    ----------
    estimator : estimator
        Its `n_features_in_` and `feature_names_in_` are set or asked.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    *y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets, if any.
    reset : bool
        Whether to set them, or to ask.
    dtypes : tuple of numpy dtypes
        Accepted ones; others are converted to the first.
    **y_options
        For ``validate_data`` if y is given.
    """
    if (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in dtypes
        and getattr(estimator, "feature_names_in_", None) is None
        and (reset or X.shape[1] == getattr(estimator, "n_features_in_", None))
        and (not y or (_is_plain(y[0]) and len(y[0]) == len(X)))
        and _is_plain(X)
    ):
        estimator.n_features_in_ = X.shape[1]
        return (X, *y) if y else X
    as_it_is = is_mapped(X) and X.dtype not in dtypes and _is_sliceable(X)
    checked = validate_data(
        *(estimator, X, *y),
        accept_sparse=("csr", "csc"),
        dtype=X.dtype if as_it_is else dtypes,
        ensure_all_finite=not as_it_is,  # of float16, it would make a copy
        reset=reset,
        **y_options,
    )
    if as_it_is:
        check_range(checked[0] if y else checked, dtypes[0])
    return checked


def is_mapped(X):
    """Tell whether the numbers of X lie in a file that is mapped into memory."""
    array = getattr(X, "data", None) if sparse.issparse(X) else X
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap)


def _is_sliceable(X):
    """Tell whether rows of X can be taken in its own numeric dtype."""
    if X.dtype.kind not in "iuf":
        return False
    return not sparse.issparse(X) or (X.dtype != np.float16 and X.dtype.isnative)


def check_range(X, dtype):
    """Refuse NaN and values that `dtype` cannot hold; reads X once, and copies none."""
    if X.dtype.kind != "f":
        return
    values = X.data if sparse.issparse(X) else X
    for rows in row_blocks(len(values), values[:1].size):
        block = values[rows]
        if not block.size:
            continue
        largest = max(block.max(), -block.min())
        if np.isnan(largest):
            raise ValueError(
                "Input X contains NaN, which a network cannot take. Replace it first, "
                "as sklearn.impute.SimpleImputer does."
            )
        if largest > np.finfo(dtype).max:
            raise ValueError(
                "Input X contains infinity or a value too large for "
                f"{np.dtype(dtype)!r}."
            )


def _is_plain(array):
    """Tell whether ``check_array`` surely returns this very array."""
    if type(array) is not np.ndarray or array.ndim not in (1, 2) or not array.size:
        return False
    kind = array.dtype.kind
    # The sum of finite numbers may overflow: no proof, but enough to look again.
    return kind in "biuU" or (kind == "f" and isfinite(array.sum()))


def check_sample_weight(sample_weight, X, dtype):
    """Return the weights as an array of shape (n_samples, 1), or None.

    Raises
    ------
    ValueError
        If weights are negative, not finite, all zero, or not one per row of X.
    """
    if sample_weight is None:
        return None
    n_samples = X.shape[0]
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, sample_weight)
    weight = check_array(
        sample_weight,
        ensure_2d=False,
        accept_sparse=False,
        dtype=np.float64,
        order="C",
        input_name="sample_weight",
    )
    if weight.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weight.ndim}D array. "
            "Expected one weight per row of X."
        )
    if len(weight) != n_samples:
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(n_samples,)}!"
        )
    if (weight < 0).any():
        raise ValueError(
            "Negative values in data passed to `sample_weight`: expected weights >= 0, "
            f"got a minimum of {weight.min():g}."
        )
    if not weight.any():
        raise ValueError("Sample weights are all zero: at least one must be positive.")
    # A common factor changes nothing but `alpha`'s share, so refusing what is far from
    # 1 costs nothing. Squares must be numbers: optimizers square gradients, and these
    # were divided by the mean weight.
    largest, limits = weight.max(), np.finfo(dtype)
    mean = largest * np.mean(weight / largest)
    if not float(limits.tiny) ** 0.5 < mean < float(limits.max) ** 0.5:
        raise ValueError(
            f"Sample weights with a mean of {mean:g} do not fit into "
            f"{np.dtype(dtype)}. Divide them by their mean."
        )
    with np.errstate(under="ignore"):
        return weight.astype(dtype)[:, np.newaxis]
