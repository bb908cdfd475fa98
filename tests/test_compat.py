"""Support for callbacks: scikit-learn's and our own behave alike."""

import copy
import pickle
from datetime import timedelta

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

from sk_mlp import _compat

X, y = np.arange(6.0).reshape(3, 2), np.arange(3)
MAX_ITER = 4


def make_learner(mixin, decorator):
    """Return a class of estimators that count up to max_iter."""

    class Learner(mixin, BaseEstimator):
        def __init__(self, max_iter=MAX_ITER):
            self.max_iter = max_iter

        @decorator
        def fit(self, X, y):
            data = {"estimator": self, "X": X, "y": y, "metadata": self._metadata}
            fit = self._init_callback_context(max_subtasks=self.max_iter)
            assert fit.call_on_fit_task_begin(**data) is fit
            self.count_ = 0
            for _ in range(self.max_iter):
                epoch = fit.subcontext(task_name="epoch")
                epoch.call_on_fit_task_begin(**data)
                self.count_ += 1
                stop = epoch.call_on_fit_task_end(
                    **data, reconstruction_attributes=lambda: {"mean_": self.count_ / 2}
                )
                if stop:
                    break
            fit.call_on_fit_task_end(**data)
            return self

        @decorator
        def transform(self, X):  # sets no callbacks up, so there are none to tear down
            return X

        def _metadata(self):
            self.asked_ = getattr(self, "asked_", 0) + 1
            return {"sample_weight": None}

    return Learner


OWN = make_learner(_compat.OwnCallbackSupportMixin, _compat.own_with_callbacks)
ACTIVE = make_learner(_compat.CallbackSupportMixin, _compat.with_callbacks)
each = pytest.mark.parametrize("cls", [OWN, ACTIVE], ids=["own", "active"])


class Recorder:
    """Notes every call of a hook; raises in the one named `fails`."""

    def __init__(self, fails=None, stop_at=None):
        self.fails = fails
        self.stop_at = stop_at
        self.calls = []
        self.contexts = []
        self.arguments = []

    def _note(self, hook, estimator, context, **arguments):
        self.calls.append((hook, context.task_name, context.task_id))
        self.contexts.append(context)
        self.arguments.append(arguments)
        self.estimator = estimator
        if hook == self.fails:
            raise RuntimeError(f"{hook} failed")

    def setup(self, estimator, context):
        self._note("setup", estimator, context)

    def on_fit_task_begin(self, estimator, context, *, X, y=None):
        self._note("begin", estimator, context, X=X, y=y)

    def on_fit_task_end(self, estimator, context, *, metadata, fitted_estimator):
        self._note(
            *("end", estimator, context),
            metadata=metadata,
            fitted_estimator=fitted_estimator,
        )
        return context.task_name == "epoch" and context.task_id == self.stop_at

    def teardown(self, estimator, context):
        self._note("teardown", estimator, context)


class Plain:
    """Wants no arguments; its answer is none."""

    def setup(self, estimator, context):
        pass

    on_fit_task_begin = on_fit_task_end = teardown = setup


def test_the_active_one_is_scikit_learns_where_there_is_one():
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:
        CallbackSupportMixin = _compat.OwnCallbackSupportMixin
        with_callbacks = _compat.own_with_callbacks
    assert _compat.CallbackSupportMixin is CallbackSupportMixin
    assert _compat.with_callbacks is with_callbacks


@each
def test_hooks_are_called_in_order(cls):
    recorder = Recorder()
    learner = cls().set_callbacks(Plain(), recorder).fit(X, y)
    epochs = [(h, "epoch", k) for k in range(MAX_ITER) for h in ("begin", "end")]
    assert recorder.calls == [
        ("setup", "fit", 0),
        ("begin", "fit", 0),
        *epochs,
        ("end", "fit", 0),
        ("teardown", "fit", 0),
    ]
    assert recorder.estimator is learner


@each
def test_contexts_tell_where_in_the_fit_a_task_is(cls):
    recorder = Recorder()
    cls().set_callbacks(recorder).fit(X, y)
    fit, epoch = recorder.contexts[0], recorder.contexts[3]
    assert {id(context) for context in recorder.contexts[:2]} == {id(fit)}
    assert (fit.estimator_name, epoch.estimator_name) == ("Learner", "Learner")
    assert (fit.max_subtasks, epoch.max_subtasks) == (MAX_ITER, 0)
    assert (fit.sequential_subtasks, epoch.sequential_subtasks) == (True, True)
    assert (fit.parent, epoch.parent) == (None, fit)
    assert epoch.root_uuid == fit.root_uuid
    assert fit.init_time <= epoch.init_time
    assert fit.init_time.utcoffset() == timedelta(0)
    assert (fit.source_task_name, fit.source_estimator_name) == (None, None)
    assert repr(epoch).endswith(
        "(estimator_name='Learner', task_name='epoch', task_id=0)"
    )
    other = Recorder()
    cls().set_callbacks(other).fit(X, y)
    assert other.contexts[0].root_uuid != fit.root_uuid


@each
def test_contexts_have_what_they_are_given(cls):
    fit = cls()._init_callback_context("partial_fit", 3, None, False)
    assert (fit.task_name, fit.task_id) == ("partial_fit", 3)
    assert (fit.max_subtasks, fit.sequential_subtasks) == (None, False)
    part = fit.subcontext("part", task_id=7, max_subtasks=2, sequential_subtasks=True)
    assert (part.task_name, part.task_id) == ("part", 7)
    assert (part.max_subtasks, part.sequential_subtasks) == (2, True)
    assert [part.subcontext().task_id for _ in range(2)] == [0, 1]


@each
def test_hooks_get_what_their_signature_asks_for(cls):
    recorder = Recorder()
    learner = cls().set_callbacks(recorder, recorder, Plain()).fit(X, y)
    begin, end = recorder.arguments[2], recorder.arguments[6]
    assert begin.keys() == {"X", "y"} and begin["X"] is X and begin["y"] is y
    assert end["metadata"] == {"sample_weight": None}
    assert learner.asked_ == MAX_ITER + 1  # at each task's end, once for both
    fitted = end["fitted_estimator"]
    assert fitted is not learner and type(fitted) is cls
    assert fitted.mean_ == 0.5
    assert recorder.arguments[-3]["fitted_estimator"] is None  # nothing to make it of


@each
def test_what_no_hook_asks_for_is_not_made(cls):
    assert not hasattr(cls().set_callbacks(Plain()).fit(X, y), "asked_")
    assert not hasattr(cls().fit(X, y), "asked_")


@each
def test_hooks_may_ask_for_nothing_else(cls):
    class Greedy(Plain):
        def on_fit_task_begin(self, estimator, context, *, X, sample_weight):
            pass

    with pytest.raises(TypeError, match=r"on_fit_task_begin .*Greedy.*sample_weight"):
        cls().set_callbacks(Greedy()).fit(X, y)


@each
@pytest.mark.parametrize("position", [0, 1])
def test_any_callback_can_stop(cls, position):
    callbacks = [Recorder(), Recorder()]
    callbacks[position].stop_at = 1
    assert cls().set_callbacks(*callbacks).fit(X, y).count_ == 2
    for recorder in callbacks:  # the other one learns of it, too
        assert recorder.calls[-3:] == [
            ("end", "epoch", 1),
            ("end", "fit", 0),
            ("teardown", "fit", 0),
        ]


@each
@pytest.mark.parametrize("hook", ["setup", "begin", "end", "teardown"])
def test_teardown_always_runs_for_what_was_set_up(cls, hook):
    first, failing, last = Recorder(), Recorder(fails=hook), Recorder()
    learner = cls().set_callbacks(first, failing, last)
    with pytest.raises(RuntimeError, match=f"{hook} failed"):
        learner.fit(X, y)
    n_teardowns = [
        sum(call[0] == "teardown" for call in recorder.calls)
        for recorder in (first, failing, last)
    ]
    assert n_teardowns == [1, 1, 0 if hook == "setup" else 1]
    assert (
        not {"_callback_fit_ctx", "_skl_callbacks_to_teardown"} & vars(learner).keys()
    )
    failing.fails = None
    assert learner.fit(X, y).count_ == MAX_ITER


@each
def test_errors_of_several_teardowns(cls):
    callbacks = [Recorder(fails="teardown") for _ in range(2)]
    with pytest.raises(ExceptionGroup) as info:
        cls().set_callbacks(*callbacks).fit(X, y)
    assert [str(error) for error in info.value.exceptions] == 2 * ["teardown failed"]


@each
def test_a_method_that_sets_nothing_up_tears_nothing_down(cls):
    recorder = Recorder()
    learner = cls().set_callbacks(recorder)
    assert learner.transform(X) is X
    assert recorder.calls == []
    assert learner.transform.__name__ == "transform"


class NoTeardown:
    def setup(self, estimator, context):
        pass

    on_fit_task_begin = on_fit_task_end = setup


@each
@pytest.mark.parametrize(
    "wrong",
    [NoTeardown(), Recorder, None, "callback"],
    ids=["no teardown", "a class", "None", "a str"],
)
def test_only_callbacks_can_be_set(cls, wrong):
    learner = cls().set_callbacks(Plain())
    before = dict(vars(learner))
    text = "callbacks must be instances following the FitCallback protocol."
    with pytest.raises(TypeError, match=text):
        learner.set_callbacks(Plain(), wrong)
    assert vars(learner) == before


@each
def test_callbacks_are_set_anew_and_removed(cls):
    first, second = Recorder(), Recorder()
    learner = cls().set_callbacks(first)
    assert learner.set_callbacks(second) is learner
    learner.fit(X, y)
    assert not first.calls and second.calls
    n_calls = len(second.calls)
    learner.set_callbacks().fit(X, y)
    assert len(second.calls) == n_calls
    assert "_skl_callbacks" not in vars(learner)


@each
def test_clones_share_the_callbacks_and_copies_have_them(cls):
    recorder = Recorder()
    learner = cls(max_iter=2).set_callbacks(recorder)
    for other in (clone(learner), clone(clone(learner)), copy.copy(learner)):
        recorder.calls.clear()
        assert other.fit(X, y).count_ == 2
        assert len(recorder.calls) == 8
        assert other.set_callbacks() is other
    assert "_skl_callbacks" not in vars(clone(cls()))
    assert learner._skl_callbacks == [recorder]


def test_contexts_and_unfitted_estimators_can_be_pickled():
    """As joblib does to send them to other processes."""
    context = _compat.OwnCallbackContext(
        *([], "Learner", None),
        **{"task_name": "fit", "task_id": 0},
        **{"max_subtasks": 1, "sequential_subtasks": True},
    )
    again = pickle.loads(pickle.dumps(context.subcontext("epoch")))
    assert (again.task_name, again.parent.root_uuid) == ("epoch", context.root_uuid)
