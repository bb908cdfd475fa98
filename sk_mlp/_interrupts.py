"""Whether a Ctrl-C ends one training or everything."""

import inspect
import time
from math import inf

# A second Ctrl-C within so many seconds means "stop it all": in a loop over fits, say.
PATIENCE = 3.0

# Packages that fit estimators one after another for the user, and those of their
# modules in which a single fit remains a single fit.
_MANAGERS = ("sklearn.", "joblib.")
_TRANSPARENT = (
    "sklearn.base",
    "sklearn.callback",
    "sklearn.compose._target",
    "sklearn.pipeline",
    "sklearn.utils",
)

_last = -inf  # time of the last Ctrl-C that ended one training only


def is_final():
    """Tell whether a KeyboardInterrupt that is being handled must be passed on.

    It must within a search or another meta-estimator, which would otherwise go on with
    the next fit, and if it follows another one at once.
    """
    global _last
    before, _last = _last, time.monotonic()
    return _last - before < PATIENCE or _is_managed()


def _is_managed():
    frame = inspect.currentframe()
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(_MANAGERS) and not name.startswith(_TRANSPARENT):
            return True
        frame = frame.f_back
    return False
