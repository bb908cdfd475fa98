"""Kill a checkpointed training at random moments, again and again, and count losses.

    python tests/_kills.py DIRECTORY [N_KILLS [SEED]]

One process imports all that is needed and forks the ones that train, so that a kill
costs milliseconds. It prints what happened as JSON. Set OMP_NUM_THREADS=1: threads of
a BLAS do not survive a fork.
"""

import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from _training import training_of
from sklearn.exceptions import ConvergenceWarning

from sk_mlp import MLPClassifier
from sk_mlp.callbacks import Checkpoint

N_EPOCHS = 500
X = np.random.RandomState(0).standard_normal((80, 6)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 0)


def new_model():
    return MLPClassifier(
        (8,),
        batch_size=16,
        dropout=0.2,
        normalization="batch",
        learning_rate="cosine",
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=N_EPOCHS,
        max_iter=N_EPOCHS,
        random_state=0,
    )


def script(path):
    """What the user runs, and runs again after each crash."""
    if os.path.exists(path):
        model = Checkpoint.load(path)
        model.set_callbacks(Checkpoint(path)).resume(X, Y)
    else:
        model = new_model().set_callbacks(Checkpoint(path)).fit(X, Y)
    return model


def start(path):
    """Run the script in a forked process and return its id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            script(path)
            status = 0
        finally:
            os._exit(status)
    return pid


def wait_for_moment(path, rng):
    """Return at a random moment, often amid a write; return how many were finished."""
    n_finished, last = 0, identity(path)
    n_wanted, amid_a_write = rng.randrange(6), rng.random() < 0.5
    n_leftovers = len(temporaries(path))
    deadline = time.monotonic() + 30.0
    while n_finished < n_wanted or (
        amid_a_write and len(temporaries(path)) == n_leftovers
    ):
        if time.monotonic() > deadline:
            raise TimeoutError("The process writes no checkpoints.")
        this = identity(path)
        n_finished, last = n_finished + (this != last), this
    time.sleep(rng.random() * 0.004)
    return n_finished


def identity(path):
    """Return what tells one checkpoint from the next."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def temporaries(path):
    return [name for name in os.listdir(path.parent) if name.endswith(".tmp")]


def kill_one(path, rng):
    """Start a process and kill it; return how many checkpoints it was seen to write."""
    pid = start(path)
    try:
        n_finished = wait_for_moment(path, rng)
    finally:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the training ended before it was killed"
    return n_finished


def kill_many(path, n_kills, rng):
    """Return what became of the checkpoints."""
    counts = {"kills": 0, "amid a write": 0, "lost": 0, "unreadable": 0, "epochs": 0}
    for _ in range(n_kills):
        n_leftovers = len(temporaries(path))
        n_epochs = counts["epochs"] + kill_one(path, rng)
        counts["kills"] += 1
        counts["amid a write"] += len(temporaries(path)) > n_leftovers
        if n_epochs and not path.exists():
            counts["lost"] += 1
        elif path.exists():
            try:
                model = Checkpoint.load(path)
                assert np.isfinite(model.predict_proba(X)).all()
            except Exception:
                counts["unreadable"] += 1
                continue
            counts["lost"] += model.n_iter_ < n_epochs
            counts["epochs"] = model.n_iter_
    return counts


def main(directory, n_kills=50, seed=0):
    path = Path(directory) / "model.ckpt"
    started = time.perf_counter()
    counts = kill_many(path, int(n_kills), random.Random(int(seed)))
    model, whole = script(path), new_model().fit(X, Y)
    counts["same"] = (
        training_of(model) == training_of(whole)
        and model.predict_proba(X).tobytes() == whole.predict_proba(X).tobytes()
    )
    counts["seconds"] = round(time.perf_counter() - started, 1)
    return counts


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(json.dumps(main(*sys.argv[1:])))
