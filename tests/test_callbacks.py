"""Callbacks of scikit-learn's protocol on the estimators, and our own."""

import copy
import json
import pickle
import threading
import types
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from _helpers import X, Y, assert_refused, both, make
from _training import assert_same_training
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, callbacks
from sk_mlp.callbacks import Checkpoint, JSONLogger, TimeLimit

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:  # scikit-learn < 1.9
    ProgressBar = ScoringMonitor = None

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"])


def nothing(estimator, context):
    pass


class Recorder(callbacks._Callback):
    """Notes every call of a hook, and what `look` returns there."""

    def __init__(self, look=nothing, fails=None, stop_at=None):
        self.look = look
        self.fails = fails
        self.stop_at = stop_at
        self.calls = []
        self.seen = []

    def _note(self, hook, estimator, context):
        call = (hook, context.task_name, context.task_id)
        self.calls.append(call)
        self.seen.append(self.look(estimator, context))
        if call == self.fails:
            raise RuntimeError(f"{hook} failed")

    def setup(self, estimator, context):
        self._note("setup", estimator, context)

    def on_fit_task_begin(self, estimator, context):
        self._note("begin", estimator, context)

    def on_fit_task_end(self, estimator, context):
        self._note("end", estimator, context)
        return context.task_id + 1 == self.stop_at

    def teardown(self, estimator, context):
        self._note("teardown", estimator, context)


class Snapshots(callbacks._Callback):
    """Takes copies: before training, after each epoch, after the fit."""

    def __init__(self, take):
        self.take = take
        self.taken = {}

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "fit":
            self.taken[0] = self.take(estimator)

    def on_fit_task_end(self, estimator, context):
        within = context.task_name != "fit"
        self.taken[context.task_id + 1 if within else "fit"] = self.take(estimator)


class Fitted(callbacks._Callback):
    """Keeps what the hooks get by name."""

    def __init__(self):
        self.arguments = []

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.arguments.append((X, y, metadata, fitted_estimator))


def calls_of(task, n_tasks):
    inner = [(hook, task, k) for k in range(n_tasks) for hook in ("begin", "end")]
    return [
        ("setup", "fit", 0),
        ("begin", "fit", 0),
        *inner,
        ("end", "fit", 0),
        ("teardown", "fit", 0),
    ]


# The hooks ----------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    "solver, task",
    [("adam", "epoch"), ("sgd", "epoch"), ("lbfgs", "iteration")],
)
def test_hooks_are_called_for_the_fit_and_for_each_epoch(cls, solver, task):
    recorder = Recorder()
    model = make(cls, solver=solver).set_callbacks(recorder).fit(X, Y[cls])
    assert recorder.calls == calls_of(task, 5)
    assert_same_training(model, make(cls, solver=solver).fit(X, Y[cls]), X)


def test_an_iteration_that_converges_has_its_end():
    recorder = Recorder()
    model = make(solver="lbfgs", max_iter=500, alpha=10.0).set_callbacks(recorder)
    model.fit(X, Y[MLPRegressor])
    assert model.stop_reason_ == "converged"
    assert recorder.calls == calls_of("iteration", model.n_iter_)


def test_contexts():
    def look(estimator, context):
        parent = None if context.parent is None else context.parent.task_name
        return (
            *(context.estimator_name, parent, context.max_subtasks),
            str(context.root_uuid),
        )

    recorder = Recorder(look)
    make().set_callbacks(recorder).fit(X, Y[MLPRegressor])
    run = recorder.seen[0][-1]
    fit, epoch = ("MLPRegressor", None, 5, run), ("MLPRegressor", "fit", 0, run)
    assert recorder.seen == [fit, fit, *10 * [epoch], fit, fit]


@both
def test_partial_fit_is_a_fit_of_one_epoch(cls):
    recorder = Recorder()
    model = make(cls).set_callbacks(recorder)
    classes = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    model.partial_fit(X, Y[cls], **classes)
    model.partial_fit(X, Y[cls])
    assert recorder.calls == 2 * calls_of("epoch", 1)


@pytest.mark.parametrize("solver, task", [("adam", "epoch"), ("lbfgs", "iteration")])
def test_a_callback_ends_training(solver, task):
    y = Y[MLPRegressor]
    recorder = Recorder(stop_at=2)
    model = make(solver=solver).set_callbacks(Recorder(), recorder, Recorder())
    model.fit(X, y)  # and does not warn that it has not converged
    assert recorder.calls == calls_of(task, 2)
    assert (model.stop_reason_, model.n_iter_) == ("callback", 2)
    assert len(model.loss_curve_) == 2 and np.isfinite(model.predict(X)).all()
    recorder.calls.clear()
    model.set_callbacks(recorder).resume(X, y)
    assert recorder.calls == calls_of(task, 2)
    model.set_callbacks().resume(X, y)
    assert (model.stop_reason_, model.n_iter_) == ("max_iter", 5)


def test_what_ends_training_anyway_goes_before_a_callback():
    for parameters, reason in (
        ({"max_iter": 2}, "max_iter"),
        ({"tol": 10.0, "n_iter_no_change": 1}, "converged"),
    ):
        model = make(**parameters).set_callbacks(Recorder(stop_at=2))
        n_iter = make(**parameters).fit(X, Y[MLPRegressor]).n_iter_
        model.set_callbacks(Recorder(stop_at=n_iter)).fit(X, Y[MLPRegressor])
        assert (model.n_iter_, model.stop_reason_) == (n_iter, reason)


# The estimator that hooks get ---------------------------------------------------------


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_history_holds_the_epochs_so_far(cls, solver):
    recorder = Recorder(lambda e, context: copy.deepcopy(e.history_))
    model = make(cls, solver=solver, warm_start=True).fit(X, Y[cls])
    model.set_callbacks(recorder).fit(X, Y[cls])
    for call, seen in zip(recorder.calls, recorder.seen, strict=True):
        if call[0] == "end":
            n_epochs = 5 if call[1] == "fit" else call[2] + 1
            expected = {k: v[5 : 5 + n_epochs] for k, v in model.history_.items()}
            np.testing.assert_equal(seen, expected)
            assert seen["epoch"] == list(range(6, 6 + n_epochs))


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


@both
@pytest.mark.parametrize("take", [copy.copy, through_pickle])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"early_stopping": True}, {"solver": "lbfgs"}, {"dropout": 0.2},
     {"solver": "lbfgs", "normalization": "batch"}, {"normalization": "batch"}],
    ids=str,
)  # fmt: skip
def test_a_copy_is_the_model_as_if_training_had_stopped(cls, take, parameters):
    recorder = Snapshots(take)
    y = Y[cls]
    model = make(cls, **parameters).set_callbacks(recorder).fit(X, y)
    assert recorder.taken.keys() == {0, 1, 2, 3, 4, 5, "fit"}
    for n_epochs in range(1, 5):
        seen = recorder.taken[n_epochs]
        stopped = make(cls, **parameters)
        stopped.set_callbacks(Recorder(stop_at=n_epochs)).fit(X, y)
        assert (seen.stop_reason_, stopped.stop_reason_) == (None, "callback")
        seen.stop_reason_ = "callback"
        assert_same_training(seen, stopped, X)
    for seen in (recorder.taken[5], recorder.taken["fit"]):
        assert_same_training(seen, model, X)
    first = recorder.taken[0]
    assert (first.n_iter_, first.stop_reason_, first.loss_curve_) == (0, None, [])
    if parameters.get("solver") != "lbfgs":
        assert_same_training(first.set_callbacks().resume(X, y), model, X)


@both
def test_fitted_estimator_is_independent_of_further_training(cls):
    y, w = Y[cls], np.linspace(0.5, 1.5, len(X))
    fitted = Fitted()
    model = make(cls).set_callbacks(fitted).fit(FRAME, y, sample_weight=w)
    assert len(fitted.arguments) == 6
    for n_epochs, (X_seen, y_seen, metadata, seen) in enumerate(fitted.arguments, 1):
        assert X_seen is FRAME and y_seen is y
        assert metadata.keys() == {"sample_weight"} and metadata["sample_weight"] is w
        expected = make(cls, max_iter=min(n_epochs, 5)).fit(FRAME, y, sample_weight=w)
        assert seen.predict(FRAME).tobytes() == expected.predict(FRAME).tobytes()
        assert seen is not model
        assert seen._network.theta is not model._network.theta
    bare = Fitted()
    make(cls).set_callbacks(bare).fit(X, y)
    assert not bare.arguments[0][2]


@both
@pytest.mark.parametrize("fitted_before", [False, True])
@pytest.mark.parametrize(
    "fails",
    [("setup", "fit", 0), ("begin", "fit", 0), ("begin", "epoch", 1),
     ("end", "epoch", 1), ("end", "fit", 0), ("teardown", "fit", 0)],
    ids=str,
)  # fmt: skip
def test_an_error_in_a_hook_changes_nothing(cls, fitted_before, fails):
    y = Y[cls]
    model = make(cls, warm_start=True)
    if fitted_before:
        model.fit(X, y)
    first, recorder = Recorder(), Recorder(fails=fails)
    model.set_callbacks(first, recorder)
    model._skl_callbacks = [first, recorder]
    before = dict(vars(model))
    theta = model._network.theta.copy() if fitted_before else None
    with pytest.raises(RuntimeError, match=f"{fails[0]} failed"):
        model.fit(X, y)
    assert vars(model) == before
    if fitted_before:
        assert (model._network.theta == theta).all()
        assert len(model.loss_curve_) == 5
    for callback in (first, recorder):
        assert [call[0] for call in callback.calls].count("teardown") == 1
    recorder.fails = None
    assert len(model.fit(X, y).loss_curve_) == (10 if fitted_before else 5)


def test_wrong_callbacks_are_refused():
    call = lambda e: e.set_callbacks(TimeLimit)  # noqa: E731
    assert_refused(make(), call, "must be instances following", TypeError)


# Clones, pickles, searches ------------------------------------------------------------


@both
def test_clones_have_the_callbacks_and_pickles_of_fitted_models_have_not(cls):
    limit = TimeLimit(1000)
    model = make(cls).set_callbacks(limit)
    assert clone(model)._skl_callbacks == [limit]
    unfitted = pickle.loads(pickle.dumps(model))
    assert [repr(c) for c in unfitted._skl_callbacks] == ["TimeLimit(seconds=1000)"]
    model.fit(X, Y[cls])
    assert model._skl_callbacks == [limit]
    assert clone(model)._skl_callbacks == [limit]
    fitted = pickle.loads(pickle.dumps(model))
    assert "callback" not in " ".join(vars(fitted))
    assert b"callbacks" not in pickle.dumps(model).replace(b"sk_mlp._", b"")
    assert_same_training(fitted, model, X)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_within_a_search(n_jobs, tmp_path):
    path = tmp_path / "log.jsonl"
    model = make(MLPClassifier).set_callbacks(JSONLogger(path), TimeLimit(1000))
    grid = {"mlpclassifier__alpha": [1e-4, 1e-2]}
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs)
    search.fit(FRAME, Y[MLPClassifier])
    lines = JSONLogger.read(path)
    assert len(lines) == (2 * 3 + 1) * 5
    assert sorted(line["epoch"] for line in lines) == sorted(7 * [1, 2, 3, 4, 5])
    fits = {(line["run"], *line["task_id_path"][:-1]) for line in lines}
    assert len(fits) == 7
    # With scikit-learn >= 1.9 the whole search is one run.
    assert len({line["run"] for line in lines}) == (7 if ProgressBar is None else 1)


# TimeLimit ----------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only by hand."""
    clock = types.SimpleNamespace(now=100.0)
    fake = types.SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(callbacks, "time", fake)
    return clock


class Tick(callbacks._Callback):
    """Lets every epoch take a second."""

    def __init__(self, clock):
        self.clock = clock

    def on_fit_task_end(self, estimator, context):
        self.clock.now += context.task_name == "epoch"


@pytest.mark.parametrize(
    "seconds, n_epochs, reason",
    [
        (0.5, 1, "callback"),
        (2, 2, "callback"),
        (2.5, 3, "callback"),
        (9, 5, "max_iter"),
    ],
)
def test_time_limit_ends_training_after_the_epoch(seconds, n_epochs, reason, clock):
    y = Y[MLPRegressor]
    limit = TimeLimit(seconds)
    model = make().set_callbacks(Tick(clock), limit).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (n_epochs, reason)
    assert limit._ends == {}
    if reason == "callback":  # each call has its own time
        assert model.resume(X, y).n_iter_ == min(2 * n_epochs, 5)
        assert_same_training(model.set_callbacks().resume(X, y), make().fit(X, y), X)


def test_fits_at_once_have_a_time_limit_each(clock):
    limit, first, second = TimeLimit(5), make(), make()
    limit.setup(first, None)
    clock.now += 3
    limit.setup(second, None)
    clock.now += 3
    assert limit.on_fit_task_end(first, None)
    assert not limit.on_fit_task_end(second, None)
    limit.teardown(first, None)
    assert not limit.on_fit_task_end(second, None)
    clock.now += 3
    assert limit.on_fit_task_end(second, None)
    assert pickle.loads(pickle.dumps(limit))._ends == {}


def test_time_limit_in_threads():
    limit, reasons = TimeLimit(0.05), []

    def fit(seed):
        model = make(max_iter=10**6, n_iter_no_change=10**6, random_state=seed)
        model.set_callbacks(limit).fit(X, Y[MLPRegressor])
        reasons.append((model.stop_reason_, sum(model.history_["seconds"]) < 5))

    threads = [threading.Thread(target=fit, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reasons == 4 * [("callback", True)]
    assert limit._ends == {}


@pytest.mark.parametrize(
    "seconds, error, match",
    [
        (0, ValueError, "seconds must be finite and > 0, got 0"),
        (-1.0, ValueError, "finite and > 0, got -1.0"),
        (np.nan, ValueError, "finite and > 0, got nan"),
        (np.inf, ValueError, "finite and > 0, got inf"),
        ("60", TypeError, "seconds must be a number, got '60'"),
        (True, TypeError, "seconds must be a number, got True"),
    ],
)
def test_wrong_seconds(seconds, error, match):
    with pytest.raises(error, match=match):
        TimeLimit(seconds)


# JSONLogger ---------------------------------------------------------------------------


@pytest.mark.parametrize("solver, task", [("adam", "epoch"), ("lbfgs", "iteration")])
def test_log(solver, task, tmp_path):
    path = tmp_path / "log.jsonl"
    model = make(solver=solver).set_callbacks(JSONLogger(path))
    model.fit(X, Y[MLPRegressor])
    lines = JSONLogger.read(path)
    keys = ["time", "run", "estimator", "task", "task_id_path", *model.history_]
    assert [list(line) for line in lines] == 5 * [keys]
    for key, values in model.history_.items():
        expected = [None if np.isnan(value) else value for value in values]
        assert [line[key] for line in lines] == expected
    assert {(line["estimator"], line["task"]) for line in lines} == {
        ("MLPRegressor", task)
    }
    assert [line["task_id_path"] for line in lines] == [[0, k] for k in range(5)]
    times = [datetime.fromisoformat(line["time"]) for line in lines]
    assert times == sorted(times)
    assert {time.utcoffset() for time in times} == {timedelta(0)}
    model.fit(X, Y[MLPRegressor])  # appends
    runs = [line["run"] for line in JSONLogger.read(path)]
    assert runs == 5 * [runs[0]] + 5 * [runs[-1]] and runs[0] != runs[-1]
    frame = pd.read_json(path, lines=True)
    assert list(frame["loss"][5:]) == pytest.approx(model.loss_curve_, rel=1e-9)


def test_log_of_validation_and_of_what_is_not_finite(tmp_path):
    path = tmp_path / "log.jsonl"
    model = make(early_stopping=True).set_callbacks(JSONLogger(path))
    model.fit(X, Y[MLPRegressor])
    scores = [line["val_score"] for line in JSONLogger.read(path)]
    assert scores == model.validation_scores_
    estimator = types.SimpleNamespace(
        history_={
            "epoch": [1, 2],
            "loss": [0.5, np.float32(np.inf)],
            "val_loss": [0.5, -np.inf],
            "val_score": [0.5, np.nan],
            "seconds": [0.5, np.float32(0.25)],
        }
    )
    context = types.SimpleNamespace(
        **{"root_uuid": "r", "estimator_name": "E", "task_name": "epoch"},
        **{"task_id": 1, "parent": None},
    )
    JSONLogger(path).on_fit_task_end(estimator, context)
    text = path.read_text("utf-8").splitlines()[-1]
    line = json.loads(text, parse_constant=pytest.fail)
    numbers = [line[key] for key in estimator.history_]
    assert numbers == [2, None, None, None, 0.25]
    assert [type(number) for number in numbers][::4] == [int, float]


def test_log_in_a_missing_directory_is_told_before_training(tmp_path):
    logger = JSONLogger(tmp_path / "no" / "log.jsonl")
    model = make(MLPClassifier).set_callbacks(logger)
    call = lambda e: e.fit(X, Y[MLPClassifier])  # noqa: E731
    assert_refused(model, call, r"No such file.*log.jsonl", FileNotFoundError)


def test_log_is_for_our_estimators(tmp_path):
    logger = JSONLogger(tmp_path / "log.jsonl")
    with pytest.raises(
        TypeError, match="JSONLogger is for the estimators of sk_mlp, n"
    ):
        logger.setup(LogisticRegression(), None)
    with pytest.raises(TypeError, match="path must be a str or os"):
        JSONLogger(b"log")


@pytest.mark.parametrize(
    "callback, text",
    [
        (TimeLimit(60), "TimeLimit(seconds=60)"),
        (JSONLogger("a.jsonl"), "JSONLogger(path='a.jsonl')"),
        (Checkpoint("a.ckpt"), "Checkpoint(path='a.ckpt', every=1)"),
    ],
)
def test_own_callbacks_are_plain_objects(callback, text):
    assert repr(callback) == text
    assert repr(pickle.loads(pickle.dumps(callback))) == text
    assert repr(copy.deepcopy(callback)) == text


# scikit-learn's own -------------------------------------------------------------------


if ProgressBar is not None:
    DATA = {"array": X, "frame": FRAME, "sparse": sparse.csr_matrix(X)}

    METRIC = {MLPClassifier: "accuracy", MLPRegressor: "r2"}

    def rows_of(monitor):
        """Return (task name, task id, score) of what a ScoringMonitor has seen."""
        metric = monitor._scoring[0]
        return [
            (row["task_name"], row["task_id"], row[metric])
            for row in monitor.get_logs().data
            if row["estimator_name"].startswith("MLP")
        ]

    @both
    @pytest.mark.parametrize("data", DATA)
    @pytest.mark.parametrize(
        "solver, task", [("adam", "epoch"), ("lbfgs", "iteration")]
    )
    def test_scoring_monitor(cls, solver, task, data):
        y = Y[cls]
        monitor = ScoringMonitor(scoring=METRIC[cls])
        model = make(cls, solver=solver).set_callbacks(monitor).fit(DATA[data], y)
        rows = rows_of(monitor)
        assert [row[:2] for row in rows] == [
            ("fit", 0),
            *((task, k) for k in range(5)),
        ]
        for k in range(5):
            stopped = make(cls, solver=solver).set_callbacks(Recorder(stop_at=k + 1))
            assert rows[k + 1][2] == stopped.fit(DATA[data], y).score(DATA[data], y)
        assert rows[0][2] == rows[-1][2] == model.score(DATA[data], y)

    def test_scoring_monitor_gets_the_weights():
        y, w = Y[MLPRegressor], np.linspace(0.0, 2.0, len(X))
        monitor = ScoringMonitor(scoring="r2")
        model = make().set_callbacks(monitor).fit(X, y, sample_weight=w)
        last = monitor.get_logs().data[-1]
        assert last["r2"] == model.score(X, y, sample_weight=w)

    @pytest.mark.parametrize("n_jobs", [1, 2])
    @pytest.mark.parametrize("data", ["array", "frame"])
    def test_scoring_monitor_within_a_pipeline_and_a_search(data, n_jobs):
        X, y = DATA[data], Y[MLPClassifier]
        monitor = ScoringMonitor(scoring="accuracy")
        model = make(MLPClassifier).set_callbacks(monitor)
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline.fit(X, y)
        assert [row[0] for row in rows_of(monitor)] == ["fit", *5 * ["epoch"]]
        grid = {"mlpclassifier__alpha": [1e-4, 1e-2]}
        search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs).fit(X, y)
        rows = rows_of(monitor)
        assert [row[0] for row in rows].count("epoch") == (2 * 3 + 1) * 5
        assert rows[0][2] == search.score(X, y)  # the refit, highest in the tree

    def test_progress_bar(capsys):
        model = make().set_callbacks(ProgressBar()).fit(X, Y[MLPRegressor])
        assert model.n_iter_ == 5
        out = capsys.readouterr().out
        assert "MLPRegressor - fit" in out and "100%" in out

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_progress_bar_of_a_search(n_jobs, capsys):
        pipeline = make_pipeline(StandardScaler(), make(MLPClassifier))
        grid = {"mlpclassifier__alpha": [1e-4, 1e-2]}
        search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs)
        search.set_callbacks(ProgressBar(max_propagation_depth=None))
        search.fit(FRAME, Y[MLPClassifier])
        out = capsys.readouterr().out
        assert out.count("MLPClassifier - fit") == 2 * 3 + 1
        assert "0%" not in out.replace("100%", "")
        search.best_estimator_[-1].predict(X)


# What a callback may do with the estimator --------------------------------------------


class Acts(callbacks._Callback):
    """Does something with the live estimator after every epoch."""

    def __init__(self, act):
        self.act = act

    def on_fit_task_end(self, estimator, context):
        self.act(estimator)


@pytest.mark.parametrize("warm_start", [False, True])
def test_the_live_estimator_predicts_by_what_it_has_learned_so_far(warm_start):
    model = make(MLPClassifier, warm_start=warm_start)
    y, seen = Y[MLPClassifier], []
    if warm_start:
        model.fit(X, y)

    def act(estimator):
        same = copy.copy(estimator).predict_proba(X)
        np.testing.assert_array_equal(estimator.predict_proba(X), same)
        seen.append(same[0, 0])

    model.set_callbacks(Acts(act)).fit(X, y)
    assert len(seen) == 6 and len(set(seen)) == 5  # the last one twice


def test_parameters_cannot_change_while_training():
    model = make(MLPClassifier).fit(X, Y[MLPClassifier])
    losses = list(model.loss_curve_)
    model.set_callbacks(Acts(lambda estimator: estimator.set_params(alpha=9.0)))
    match = r"callback has changed the parameters \['alpha'\]"
    with pytest.raises(ValueError, match=match):
        model.fit(X, Y[MLPClassifier])
    assert model.loss_curve_ == losses and model.alpha == 0.0001


def test_a_time_limit_is_for_the_estimators_of_sk_mlp():
    if not hasattr(StandardScaler, "set_callbacks"):
        return  # scikit-learn < 1.9 has no others
    with pytest.raises(TypeError, match="TimeLimit is for the estimators of sk_mlp"):
        StandardScaler().set_callbacks(TimeLimit(1)).fit(X)
