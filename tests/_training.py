"""What the tests of stopping and going on share."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def training_of(estimator):
    """Return what training has made of an estimator, to be compared bit for bit."""
    history = {k: v for k, v in estimator.history_.items() if k != "seconds"}
    return {
        "theta": estimator._network.theta.tobytes(),
        "history": {key: np.array(values).tobytes() for key, values in history.items()},
        "n_epochs": {key: len(values) for key, values in estimator.history_.items()},
        "n_iter_": estimator.n_iter_,
        "t_": estimator.t_,
        "loss_": estimator.loss_,
        "best_loss_": estimator.best_loss_,
        "best_validation_score_": estimator.best_validation_score_,
        "stop_reason_": estimator.stop_reason_,
    }


def assert_same_training(a, b, X):
    """Assert that two fitted estimators are the same to the bit, but for the time."""
    ours, theirs = training_of(a), training_of(b)
    different = [name for name in ours if ours[name] != theirs[name]]
    assert not different, f"{different} are not the same"
    assert a.predict(X).tobytes() == b.predict(X).tobytes()


def in_new_process(function, *args):
    """Return ``function(*args)`` as computed by a process of its own.

    The function is one of a test module, or of another that such a process can import.
    """
    code = (
        f"import pickle, sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "function, args = pickle.load(sys.stdin.buffer)\n"
        "pickle.dump(function(*args), sys.stdout.buffer)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        input=pickle.dumps((function, args)),
        capture_output=True,
        env={**os.environ, **ONE_THREAD},
    )
    assert run.returncode == 0, run.stderr.decode()
    return pickle.load(io.BytesIO(run.stdout))
