"""What is measured, in ways that are the same for sk_mlp and scikit-learn.

Every function here returns a function that a `Row` calls in each of its turns.
"""

import gc
import subprocess
import sys
import time
import tracemalloc

import numpy as np


def seconds(call, n_calls=1):
    """Measure the seconds of one of `n_calls` calls."""

    def contender():
        start = time.perf_counter()
        for _ in range(n_calls):
            call()
        return (time.perf_counter() - start) / n_calls

    return contender


def seconds_of_fit(estimator, X, y, *facts):
    """Measure a whole fit, and take note of some fitted attributes."""

    def contender():
        taken = seconds(lambda: estimator.fit(X, y))()
        return taken, {name: getattr(estimator, name) for name in facts}

    return contender


def seconds_of_epoch(cls, X, y, n_epochs, **parameters):
    """Measure an epoch: a fit of `n_epochs` epochs over their number."""
    estimator = cls(
        max_iter=n_epochs,
        n_iter_no_change=n_epochs + 1,  # so that it does not end before
        random_state=0,
        **parameters,
    )

    def contender():
        taken = seconds(lambda: estimator.fit(X, y))()
        assert estimator.n_iter_ == n_epochs
        return taken / n_epochs

    return contender


def seconds_of_partial_fit(cls, X, y, n_calls, **parameters):
    """Measure a call of partial_fit with all rows: an epoch with all its checks."""
    estimator = cls(random_state=0, **parameters)
    estimator.partial_fit(X, y, classes=np.unique(y))
    return seconds(lambda: estimator.partial_fit(X, y), n_calls)


def seconds_of_import(module):
    """Measure the import of a module in a fresh interpreter."""
    code = f"""
from time import perf_counter
start = perf_counter()
import {module}
print(perf_counter() - start)"""

    def contender():
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(run.stdout)

    return contender


def peak_memory(call):
    """Measure the most memory that a call holds beyond what was there before.

    NumPy and SciPy report every array to tracemalloc, whoever makes it. What is not
    seen are the fixed work areas of BLAS, which all share.
    """

    def contender():
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak - before

    return contender


def constant(number):
    """Give the same number in every turn: what others are held against."""
    return lambda: number
