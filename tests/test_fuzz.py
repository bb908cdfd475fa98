"""A fuzz: random parameters and random data, about a third of them wrong.

A case ends in a fitted model with finite outputs, or in a ValueError or TypeError of
the package's or of scikit-learn's validation that leaves the estimator as it was. It
never ends in another exception, a warning of NumPy's or a hang. Each case follows from
its number: ``run(Case(17))`` runs number 17 again.
"""

import re
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sklearn
from _cases import Case, pick, random_X, wrong_X
from _helpers import snapshot

import sk_mlp
from sk_mlp import MLPRegressor

N_CHUNKS, CHUNK = 24, 100
SECONDS = 5.0  # of one case's own thread
FITTED_AT_LEAST, REFUSED_AT_LEAST = 0.4, 0.25

OWN, THEIRS = (Path(module.__file__).parent for module in (sk_mlp, sklearn))

# What scikit-learn says of names of features and of labels; and of metrics, anything.
THEIR_WARNINGS = re.compile(
    r"X (does not have valid|has) feature names|The number of unique classes"
)


def run(case):
    """Run a case; return how it ended: "fitted", or where and how it was refused."""
    start = time.thread_time()
    estimator = case.cls(**case.parameters)
    ended, X = "fitted", None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for method, data in case.calls:
            if method == "resume":  # what had finished is finished no longer
                estimator.max_iter += 2
            before = state_of(estimator)
            try:
                assert getattr(estimator, method)(**data) is estimator
                X = data["X"] if method != "resume" else X  # may not have been read
            except (ValueError, TypeError) as error:
                ended = refusal(error)
                assert state_of(estimator) == before, "the estimator has changed"
                break
        if X is not None and overflows(estimator, X):
            ended = "overflow at prediction"
        elif X is not None:
            check_model(estimator, X)
            check_predictions_of_anything(estimator, case)
    check_warnings(caught)
    seconds = time.thread_time() - start
    assert seconds < SECONDS, f"it took {seconds:.1f} s"
    return ended


def state_of(estimator):
    """Return all that an estimator is; a generator of the user's moves on in a fit."""
    state = snapshot(estimator)
    state["random_state"] = id(estimator.random_state)
    return state


def refusal(error):
    """Return the module that refused, ours or one of scikit-learn's.

    Ours do it by a raise statement: what NumPy raises at one of our lines is a failure.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if any(THEIRS / "metrics" in Path(frame.filename).parents for frame in frames):
        return "a metric"  # that is not for this kind of target
    while "pandas" in Path(frames[-1].filename).parts:
        frames.pop()  # asked by scikit-learn for an array
    path, line = Path(frames[-1].filename), frames[-1].line
    roots = [root.name for root in (OWN, THEIRS) if root in path.parents]
    assert roots, f"raised in {path}: {error!r}"
    assert roots[0] == THEIRS.name or line.startswith("raise "), f"{line}: {error!r}"
    assert str(error), "no message"
    return f"{roots[0]}.{path.stem}"


def check_warnings(caught):
    """Assert that they are ours, which point at the line of the call, or known."""
    for warning in caught:
        text = str(warning.message)
        ours = warning.filename == __file__ and (
            warning.category is not RuntimeWarning or "best epoch was restored" in text
        )
        theirs = THEIR_WARNINGS.match(text) or (
            issubclass(warning.category, UserWarning)
            and THEIRS / "metrics" in Path(warning.filename).parents
        )
        told = f"{warning.category.__name__} at {warning.filename}:{warning.lineno}"
        assert ours or theirs, f"{told}: {text}"


def overflows(estimator, X):
    """Tell whether predictions are refused: the last step of training went too far."""
    try:
        estimator.predict(X)
    except ValueError as error:
        assert "overflows float" in str(error), error
        return True
    return False


def check_model(estimator, X):
    """Assert that what a model puts out on the rows it was trained on is finite."""
    diverged = estimator.stop_reason_ == "diverged"  # and the best epoch came back
    assert np.isfinite(estimator.loss_) or diverged, estimator.loss_
    assert np.isfinite(estimator._network.theta).all(), "parameters"
    for name, values in estimator.history_.items():
        assert {type(value) for value in values} <= {int, float}, name
    predicted = estimator.predict(X)
    if isinstance(estimator, MLPRegressor):
        assert np.isfinite(predicted).all(), predicted
        return
    known = estimator._target["kind"] in ("binary", "multiclass")
    assert not known or set(predicted.tolist()) <= set(estimator.classes_.tolist())
    exclusive = estimator._target["kind"] != "multilabel"
    dtype = estimator._network.dtype
    for p in as_list(estimator.predict_proba(X)):
        assert ((p >= 0) & (p <= 1)).all(), p
        tolerance = 8 * np.finfo(dtype).eps
        assert p.dtype == dtype
        assert not exclusive or np.abs(p.sum(axis=1) - 1).max() < tolerance, p
    for log_p in as_list(estimator.predict_log_proba(X)):
        assert (log_p <= 0).all(), log_p
    for z in as_list(estimator.decision_function(X)):
        assert np.isfinite(z).all(), z


def check_predictions_of_anything(estimator, case):
    """Assert that other rows, and what is no X, are predicted or refused."""
    rows = random_X(case.rng, 3, case.n_features)
    for X in (rows, pick(case.rng, wrong_X(rows))):
        before = state_of(estimator)
        try:
            estimator.predict(X)
        except (ValueError, TypeError) as error:
            refusal(error)
        assert state_of(estimator) == before, "prediction has changed the estimator"


def as_list(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("chunk", range(N_CHUNKS))
def test_every_case_is_fitted_or_refused(chunk):
    ends, failures = Counter(), []
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        case = Case(number)
        try:
            ends[run(case)] += 1
        except Exception as error:
            failures.append(f"{case}\n{type(error).__name__}: {error}")
    print(*(f"{count:4d} {end}" for end, count in ends.most_common()), sep="\n")
    assert not failures, f"{len(failures)} failures\n" + "\n\n".join(failures)
    # A fuzz whose cases all end alike tests little.
    assert ends["fitted"] >= FITTED_AT_LEAST * CHUNK, ends
    assert CHUNK - ends["fitted"] >= REFUSED_AT_LEAST * CHUNK, ends
    assert ends["overflow at prediction"] <= 2, ends
