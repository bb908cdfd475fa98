"""A checkpoint is always there, always whole, and as good as never having stopped."""

import errno
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from _helpers import X, Y, assert_refused, both, make
from _training import ONE_THREAD, TESTS, assert_same_training
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, callbacks
from sk_mlp.callbacks import Checkpoint

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.ckpt"


@pytest.fixture
def written(monkeypatch):
    """The epochs of the checkpoints that were written, in order."""
    epochs = []

    def replace(source, target):
        os.rename(source, target)
        epochs.append(Checkpoint.load(target).n_iter_)

    monkeypatch.setattr(callbacks.os, "replace", replace)
    return epochs


def crash_at(epoch):
    """Return a callback that raises at the end of an epoch, as a crash would."""

    class Crash(callbacks._Callback):
        def on_fit_task_end(self, estimator, context):
            if context.task_id + 1 == epoch and context.parent is not None:
                raise RuntimeError("crash")

    return Crash()


def temporaries(path):
    return [name for name in os.listdir(path.parent) if name != path.name]


# Parameters ---------------------------------------------------------------------------


def test_repr_and_pickle():
    checkpoint = Checkpoint(Path("a") / "b.ckpt", every=np.int64(3))
    assert (
        repr(checkpoint) == f"Checkpoint(path={os.path.join('a', 'b.ckpt')!r}, every=3)"
    )
    again = pickle.loads(pickle.dumps(checkpoint))
    assert (again.path, again.every) == (checkpoint.path, 3)


@pytest.mark.parametrize(
    "parameters, error, match",
    [
        ({"path": 3}, TypeError, "expected str, bytes or os.PathLike object, not int"),
        ({"path": b"model"}, TypeError, "path must be a str or os.PathLike, got b'"),
        ({"path": ""}, ValueError, "path must not be empty"),
        ({"path": "a", "every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"path": "a", "every": 1.0}, TypeError, "every must be an int, got 1.0"),
        ({"path": "a", "every": True}, TypeError, "every must be an int, got True"),
    ],
    ids=str,
)
def test_wrong_parameters(parameters, error, match):
    with pytest.raises(error, match=match):
        Checkpoint(**parameters)


# What is written, and when ------------------------------------------------------------


@pytest.mark.parametrize(
    "every, expected", [(1, [1, 2, 3, 4, 5, 5]), (2, [2, 4, 5]), (9, [5])]
)
def test_every(every, expected, path, written):
    make(solver="adam").set_callbacks(Checkpoint(path, every)).fit(X, Y[MLPRegressor])
    assert written == expected


def test_every_iteration_of_lbfgs(path, written):
    model = make(solver="lbfgs").set_callbacks(Checkpoint(path, 2))
    model.fit(X, Y[MLPRegressor])
    assert written == [2, 4, 5]
    assert_same_training(Checkpoint.load(path), model, X)


def test_partial_fit(path, written):
    model = make().set_callbacks(Checkpoint(path))
    for _ in range(2):
        model.partial_fit(X, Y[MLPRegressor])
    assert written == [1, 1, 2, 2]
    assert_same_training(Checkpoint.load(path), model, X)


@both
def test_the_last_checkpoint_is_the_fitted_model(cls, path):
    model = make(cls, early_stopping=True).set_callbacks(Checkpoint(path))
    model.fit(X, Y[cls])
    loaded = Checkpoint.load(path)
    assert_same_training(loaded, model, X)
    assert loaded.stop_reason_ == "max_iter"
    assert loaded.get_params() == model.get_params()
    assert loaded.resume(X, Y[cls]) is loaded  # finished
    assert_same_training(loaded, model, X)
    assert "_skl_callbacks" not in vars(loaded)
    assert temporaries(path) == []


@both
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_crashed_fit_is_resumed_from_its_checkpoint(cls, epoch, path):
    y, parameters = Y[cls], {"early_stopping": True, "batch_size": 16}
    whole = make(cls, **parameters).fit(X, y)
    model = make(cls, **parameters).set_callbacks(Checkpoint(path), crash_at(epoch))
    with pytest.raises(RuntimeError, match="crash"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")
    loaded = Checkpoint.load(path)
    assert (loaded.n_iter_, loaded.stop_reason_) == (epoch, None)
    loaded.set_callbacks(Checkpoint(path)).resume(X, y)
    assert_same_training(loaded, whole, X)
    assert_same_training(Checkpoint.load(path), whole, X)


def test_within_a_pipeline(path):
    y = Y[MLPClassifier]
    model = make(MLPClassifier).set_callbacks(Checkpoint(path))
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    step = pipeline[-1]
    assert_same_training(Checkpoint.load(path), step, pipeline[:-1].transform(X))


def test_a_link_stays_a_link(path):
    target = path.parent / "elsewhere" / "target.ckpt"
    target.parent.mkdir()
    path.symlink_to(target)
    make().set_callbacks(Checkpoint(path)).fit(X, Y[MLPRegressor])
    assert path.is_symlink() and Checkpoint.load(target).n_iter_ == 5
    assert [p.name for p in target.parent.iterdir()] == ["target.ckpt"]


def test_threads_may_share_a_checkpoint(path):
    """Each writes its own; the last one stands, and it is whole."""
    checkpoint, errors = Checkpoint(path), []

    def fit(seed):
        try:
            make(random_state=seed).set_callbacks(checkpoint).fit(X, Y[MLPRegressor])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=fit, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert Checkpoint.load(path).n_iter_ == 5
    assert temporaries(path) == []


# When it cannot be written or read ----------------------------------------------------


def test_a_missing_directory_is_told_before_training(tmp_path):
    model = make(MLPClassifier).set_callbacks(Checkpoint(tmp_path / "no" / "model"))
    match = r"There is no directory '.*no' for checkpoints. Create it"
    call = lambda e: e.fit(X, Y[MLPClassifier])  # noqa: E731
    assert_refused(model, call, match, FileNotFoundError)


def test_a_directory_is_no_file(tmp_path):
    model = make(MLPClassifier).set_callbacks(Checkpoint(tmp_path))
    call = lambda e: e.fit(X, Y[MLPClassifier])  # noqa: E731
    assert_refused(model, call, "is a directory, not a", IsADirectoryError)


def test_other_estimators_are_refused(path):
    with pytest.raises(TypeError, match=r"not LogisticRegression\. In a Pipeline"):
        Checkpoint(path).setup(LogisticRegression(), None)


def test_a_full_disk_ends_the_fit_and_leaves_the_last_checkpoint(path, monkeypatch):
    y = Y[MLPRegressor]
    model = make().fit(X, y).set_callbacks(Checkpoint(path))
    n_syncs = 0

    def fsync(descriptor):
        nonlocal n_syncs
        n_syncs += 1
        if n_syncs == 3:  # first the file and its directory, then the second file
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(callbacks.os, "fsync", fsync)
    match = r"The checkpoint cannot be written: No space left on device: '.*model.ckpt'"
    assert_refused(model, lambda e: e.fit(X, y), match, OSError, X=X)
    assert Checkpoint.load(path).n_iter_ == 1
    assert temporaries(path) == []


def test_what_cannot_be_pickled_leaves_nothing_behind(path):
    model = make(random_state=0)
    model.note = lambda: None
    model.set_callbacks(Checkpoint(path))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        model.fit(X, Y[MLPRegressor])
    assert list(path.parent.iterdir()) == []


def test_directories_that_cannot_be_synchronised(path, monkeypatch):
    """As on Windows, which does not open them."""
    monkeypatch.setattr(callbacks.os, "open", lambda *args: os.stat("/no/where"))
    make().set_callbacks(Checkpoint(path)).fit(X, Y[MLPRegressor])
    assert Checkpoint.load(path).n_iter_ == 5


def test_loading_what_is_no_checkpoint(path):
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(path)
    for data in (b"", b"sk_mlp", pickle.dumps(make()), b"\x00" * 1000):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"'.*model.ckpt' is not a checkpoint of"):
            Checkpoint.load(path)


def test_loading_a_damaged_checkpoint(path):
    make().set_callbacks(Checkpoint(path)).fit(X, Y[MLPRegressor])
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[-30] ^= 4  # as a bad disk does
    for damaged in (data[:20], data[: len(data) // 2], data[:-1], flipped):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"The checkpoint '.*' is damaged: "):
            Checkpoint.load(path)


def test_a_rescued_divergence_is_saved_as_what_it_is(path):
    """Else a script that loads and resumes would diverge again each time."""
    rng = np.random.RandomState(0)
    X = 30 * rng.standard_normal((200, 4)).astype(np.float32)
    y = X @ rng.standard_normal(4) * 100
    model = make(solver="sgd", learning_rate_init=3e-5, early_stopping=True)
    model.set_params(max_iter=100).set_callbacks(Checkpoint(path))
    with pytest.warns(RuntimeWarning, match="The best epoch was restored"):
        model.fit(X, y)
    saved = Checkpoint.load(path)
    assert saved.stop_reason_ == model.stop_reason_ == "diverged"
    assert saved.n_iter_ == model.n_iter_
    assert saved.resume(X, y) is saved and saved.n_iter_ == model.n_iter_


def test_leftovers_of_killed_processes_are_removed(path):
    old, young, other = (
        path.parent / name
        for name in (".model.ckpt.1f.tmp", ".model.ckpt.2e.tmp", ".other.ckpt.3d.tmp")
    )
    for leftover in (old, young, other):
        leftover.touch()
    for leftover in (old, other):
        os.utime(leftover, times=(time.time() - 61, time.time() - 61))
    make().set_callbacks(Checkpoint(path)).fit(X, Y[MLPRegressor])
    assert sorted(path.parent.iterdir()) == sorted([young, other, path])


# Killed at any moment -----------------------------------------------------------------


if hasattr(os, "fork"):

    def test_fifty_kills(tmp_path):
        run = subprocess.run(
            [sys.executable, TESTS / "_kills.py", tmp_path, "50", "0"],
            capture_output=True,
            text=True,
            env={**os.environ, **ONE_THREAD},
        )
        assert run.returncode == 0, run.stderr
        counts = json.loads(run.stdout)
        assert counts["kills"] == 50
        assert counts["amid a write"] >= 10
        assert (counts["lost"], counts["unreadable"]) == (0, 0)
        assert counts["epochs"] > 50, "it got nowhere"
        assert counts["same"]
