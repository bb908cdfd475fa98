"""Callbacks: save a model while it trains, end training in time, log it.

``estimator.set_callbacks(...)`` sets them. They follow scikit-learn's callback protocol
(``sklearn.callback``, from scikit-learn 1.9 on), as one of your own can: an object with
the methods ``setup``, ``on_fit_task_begin``, ``on_fit_task_end`` and ``teardown``. They
work with scikit-learn 1.6 to 1.8 too, and one object may serve several fits at once.
"""

import glob
import inspect
import json
import math
import os
import pickle
import time
import uuid
import zlib
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from numbers import Integral, Real

__all__ = ["Checkpoint", "JSONLogger", "TimeLimit"]

_CHECKPOINT_HEADER = b"sk_mlp checkpoint\n"
_LEFTOVER_SECONDS = 60.0


class _Callback:
    """The hooks of the protocol, which do nothing."""

    def __repr__(self):
        names = inspect.signature(type(self)).parameters
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({values})"

    def setup(self, estimator, context):
        """Get ready; called when a fit begins, before it trains."""

    def on_fit_task_begin(self, estimator, context):
        """Act before the fit and before each of its epochs or iterations."""

    def on_fit_task_end(self, estimator, context):
        """Act after each epoch or iteration and after the fit; True ends training."""

    def teardown(self, estimator, context):
        """Clean up; called when a fit ends, by an error too."""


class Checkpoint(_Callback):
    """Save the estimator to a file while it trains.

    The file holds the estimator as if training had stopped there, with all that its
    ``resume`` needs to finish it: after a crash, a kill or a power cut the result is
    the same to the bit as if nothing had happened.

    A new checkpoint is written beside the last one and then takes its place in one
    step, so that the file is always whole: the last checkpoint or the one before. If it
    cannot be written, because the disk is full, say, an OSError ends the fit, and the
    last one stays.

    Parameters
    ----------
    path : str or os.PathLike
        The file, in a directory that exists. Each fit needs a file of its own.
    every : int, default=1
        Save after every so many epochs (iterations of L-BFGS) of a fit, and in any case
        at its end. Each time waits for the disk: some milliseconds.

    Raises
    ------
    TypeError, ValueError
        If `path` is not a path, or `every` not an integer >= 1.

    Notes
    -----
    A checkpoint is a pickle, and loading one can run any code: load only files that
    you trust. Callbacks are not in it; they are set again.

    Examples
    --------
    A script that can be killed, and run again, at any time until it is done:

    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> directory = tempfile.TemporaryDirectory()  # a script has a fixed one
    >>> path = os.path.join(directory.name, "model.ckpt")
    >>> if os.path.exists(path):
    ...     model = Checkpoint.load(path)
    ...     model.set_callbacks(Checkpoint(path)).resume(X, y)
    ... else:
    ...     model = MLPClassifier(learning_rate_init=0.1, random_state=0)
    ...     model.set_callbacks(Checkpoint(path)).fit(X, y)
    MLPClassifier(learning_rate_init=0.1, random_state=0)
    >>> Checkpoint.load(path).stop_reason_
    'converged'
    >>> directory.cleanup()
    """

    def __init__(self, path, every=1):
        self.path = _checked_path(path)
        if not isinstance(every, Integral) or isinstance(every, bool):
            raise TypeError(f"every must be an int, got {every!r}.")
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every!r}.")
        self.every = int(every)

    @staticmethod
    def load(path):
        """Return the estimator that a checkpoint holds.

        Parameters
        ----------
        path : str or os.PathLike
            A file that a Checkpoint has written and that you trust.

        Returns
        -------
        estimator : object
            As it was then, without callbacks: it can predict and ``resume``.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is not a checkpoint, or not a whole one.
        """
        with open(path, "rb") as file:
            if file.read(len(_CHECKPOINT_HEADER)) != _CHECKPOINT_HEADER:
                raise ValueError(f"{os.fspath(path)!r} is not a checkpoint of sk_mlp.")
            checksum, data = file.read(4), file.read()
        if checksum != _checksum(data):
            raise ValueError(
                f"The checkpoint {os.fspath(path)!r} is damaged: it has not the "
                "checksum that it was written with."
            )
        return pickle.loads(data)

    def setup(self, estimator, context):
        """Make sure, before training, that checkpoints can be written."""
        _check_estimator(self, estimator)
        path = os.path.realpath(self.path)
        if not os.path.isdir(os.path.dirname(path)):
            raise FileNotFoundError(
                f"There is no directory {os.path.dirname(path)!r} for checkpoints. "
                "Create it first."
            )
        if os.path.isdir(path):
            raise IsADirectoryError(f"{path!r} is a directory, not a checkpoint.")
        _remove_leftovers(path)
        with _temporary_file(path):
            pass

    def on_fit_task_end(self, estimator, context):
        """Save the estimator after every `every`-th epoch and at the end of the fit."""
        if _is_epoch(context) and (context.task_id + 1) % self.every:
            return
        path = os.path.realpath(self.path)  # where it is a link, the link stays
        with _temporary_file(path) as file:
            data = pickle.dumps(estimator, protocol=5)
            file.write(_CHECKPOINT_HEADER + _checksum(data))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(file.name, path)
        _sync_directory(os.path.dirname(path))


def _checksum(data):
    return zlib.crc32(data).to_bytes(4, "little")


@contextmanager
def _temporary_file(path):
    """Open a new file beside `path`; whatever happens, it is not there afterwards."""
    prefix, suffix = _temporary_affixes(path)
    name = f"{prefix}{uuid.uuid4().hex}{suffix}"
    try:
        with open(name, "xb") as file:
            yield file
    except OSError as error:
        raise OSError(
            error.errno, f"The checkpoint cannot be written: {error.strerror}", path
        ) from error
    finally:
        with suppress(OSError):  # it has become the checkpoint, or was never made
            os.unlink(name)


def _temporary_affixes(path):
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}."), ".tmp"


def _remove_leftovers(path):
    """Remove the temporary files of processes that were killed while writing."""
    prefix, suffix = _temporary_affixes(path)
    for leftover in glob.iglob(f"{glob.escape(prefix)}*{suffix}"):
        with suppress(OSError):  # another process may be as quick
            if time.time() - os.path.getmtime(leftover) > _LEFTOVER_SECONDS:
                os.unlink(leftover)


def _sync_directory(directory):
    """Let the renaming survive a power cut, where the platform can."""
    with suppress(OSError):  # Windows does not open directories
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class TimeLimit(_Callback):
    """End training after the epoch or iteration in which the time is up.

    The model is then whole: ``stop_reason_`` is "callback", and ``resume`` goes on for
    as long again.

    Parameters
    ----------
    seconds : float
        The time from the beginning of a fit, > 0, in seconds; each fit has its own.

    Raises
    ------
    TypeError, ValueError
        If `seconds` is not a number, or not finite and > 0.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.callbacks import TimeLimit
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(max_iter=100_000, tol=0, n_iter_no_change=100_000)
    >>> model.set_callbacks(TimeLimit(seconds=0.1)).fit(X, y).stop_reason_
    'callback'
    """

    def __init__(self, seconds):
        if not isinstance(seconds, Real) or isinstance(seconds, bool):
            raise TypeError(f"seconds must be a number, got {seconds!r}.")
        if not 0 < seconds < math.inf:
            raise ValueError(f"seconds must be finite and > 0, got {seconds!r}.")
        self.seconds = seconds
        self._ends = {}  # of the fits that are running, each of an estimator

    def __getstate__(self):
        return {**vars(self), "_ends": {}}

    def setup(self, estimator, context):
        """Start the clock."""
        _check_estimator(self, estimator)
        self._ends[id(estimator)] = time.monotonic() + self.seconds

    def on_fit_task_end(self, estimator, context):
        """Return whether the time is up."""
        return time.monotonic() >= self._ends[id(estimator)]

    def teardown(self, estimator, context):
        """Forget the fit."""
        self._ends.pop(id(estimator), None)


class JSONLogger(_Callback):
    """Append a line to a file after every epoch: a JSON object of what it brought.

    Several fits may write to one file, in threads or in processes: each line is written
    in one piece.

    Its keys are ``time`` (UTC, ISO 8601), ``run`` (the same for all that one call of
    ``fit`` has started, of a search, say), ``estimator`` (its name), ``task`` ("epoch",
    or "iteration" of L-BFGS), ``task_id_path`` (the numbers of the tasks from the run
    down to this one) and those of ``history_``: ``epoch``, ``loss``, ``val_loss``,
    ``val_score``, ``learning_rate``, ``grad_norm``, ``seconds``. What is not measured
    or not finite is null.

    Parameters
    ----------
    path : str or os.PathLike
        The file, in a directory that exists. ``pandas.read_json(path, lines=True)``
        reads it too.

    Raises
    ------
    TypeError, ValueError
        If `path` is not a path.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.callbacks import JSONLogger
    >>> X, y = load_iris(return_X_y=True)
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = os.path.join(directory.name, "log.jsonl")
    >>> model = MLPClassifier(solver="lbfgs", random_state=0)
    >>> model = model.set_callbacks(JSONLogger(path)).fit(X, y)
    >>> log = JSONLogger.read(path)
    >>> log[0]["task"], log[0]["epoch"], log[0]["val_score"]
    ('iteration', 1, None)
    >>> [line["loss"] for line in log] == model.loss_curve_
    True
    >>> directory.cleanup()
    """

    def __init__(self, path):
        self.path = _checked_path(path)

    @staticmethod
    def read(path):
        """Return the lines of a log.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        lines : list of dict
        """
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def setup(self, estimator, context):
        """Make sure, before training, that the file can be written."""
        _check_estimator(self, estimator)
        open(self.path, "ab").close()

    def on_fit_task_end(self, estimator, context):
        """Append the line of an epoch."""
        if not _is_epoch(context):
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "run": str(context.root_uuid),
            "estimator": context.estimator_name,
            "task": context.task_name,
            "task_id_path": _task_id_path(context),
        }
        for key, values in estimator.history_.items():
            line[key] = values[-1] if math.isfinite(values[-1]) else None
        data = json.dumps(line, default=float).encode() + b"\n"
        with open(self.path, "ab") as file:
            file.write(data)  # fits the buffer, and so is one write to the file


def _is_epoch(context):
    return context.task_name in ("epoch", "iteration")


def _task_id_path(context):
    above = [] if context.parent is None else _task_id_path(context.parent)
    return [*above, context.task_id]


def _check_estimator(callback, estimator):
    if not hasattr(estimator, "resume"):
        name = type(callback).__name__
        raise TypeError(
            f"{name} is for the estimators of sk_mlp, not {type(estimator).__name__}. "
            "In a Pipeline or a search, set it on the estimator of sk_mlp inside."
        )


def _checked_path(path):
    path = os.fspath(path)
    if not isinstance(path, str):
        raise TypeError(f"path must be a str or os.PathLike, got {path!r}.")
    if not path:
        raise ValueError("path must not be empty.")
    return path
