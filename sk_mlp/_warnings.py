"""Warnings that point at the user's line, not at one of the package."""

import inspect
import warnings

# scikit-learn's wrapper of a fit with callbacks stands between two of our own frames.
_OWN = ("sk_mlp.", "sklearn.callback.")


class InconsistentVersionWarning(UserWarning):
    """A saved estimator was written by another version of sk_mlp.

    The counterpart of scikit-learn's warning of the same name, which tells of versions
    of scikit-learn, and of its own estimators only.

    Examples
    --------
    To refuse such an estimator instead:

    >>> import warnings
    >>> from sk_mlp import InconsistentVersionWarning
    >>> warnings.simplefilter("error", InconsistentVersionWarning)
    """


def warn(text, category=UserWarning):
    """Give a warning that points at the line of the user's that called the package."""
    level, frame = 2, inspect.currentframe().f_back
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(_OWN):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
