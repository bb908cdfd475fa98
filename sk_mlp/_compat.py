"""scikit-learn's support for callbacks; before 1.9, what stands in for it.

The own classes do what scikit-learn's do for an estimator by itself: the same hooks
with the same arguments, in the same order. They lack propagation, of which
meta-estimators know nothing before 1.9.
"""

import copy
import inspect
import uuid
from datetime import UTC, datetime
from functools import wraps

try:
    from sklearn import callback as sklearn_callback
except ImportError:  # before 1.9
    sklearn_callback = None

_HOOKS = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown")
_HOOK_ARGUMENTS = ("X", "fitted_estimator", "metadata", "y")


class OwnCallbackContext:
    """A task of a fit; has the attributes of ``sklearn.callback.CallbackContext``."""

    source_estimator_name = source_task_name = None  # set by meta-estimators only

    def __init__(
        self, callbacks, estimator_name, parent, *,
        task_name, task_id, max_subtasks, sequential_subtasks,
    ):  # fmt: skip
        self._callbacks = callbacks
        self._n_subtasks = 0
        self.estimator_name = estimator_name
        self.parent = parent
        self.task_name = task_name
        self.task_id = task_id
        self.max_subtasks = max_subtasks
        self.sequential_subtasks = sequential_subtasks
        self.root_uuid = parent.root_uuid if parent else uuid.uuid4()
        self.init_time = datetime.now(UTC)

    def __repr__(self):
        return (
            f"{type(self).__name__}(estimator_name={self.estimator_name!r}, "
            f"task_name={self.task_name!r}, task_id={self.task_id})"
        )

    def subcontext(
        self, task_name="", task_id=None, max_subtasks=0, sequential_subtasks=True
    ):
        """Return the context of a subtask, by default numbered from 0."""
        if task_id is None:
            task_id = self._n_subtasks
        self._n_subtasks += 1
        return OwnCallbackContext(
            self._callbacks,
            self.estimator_name,
            self,
            task_name=task_name,
            task_id=task_id,
            max_subtasks=max_subtasks,
            sequential_subtasks=sequential_subtasks,
        )

    def call_on_fit_task_begin(self, *, estimator, **data):
        """Call the hooks with what they ask for of `data`; see below."""
        self._call("on_fit_task_begin", estimator, data)
        return self

    def call_on_fit_task_end(self, *, estimator, **data):
        """Call the hooks and return whether any of them wants to stop.

        `data` are X, y, metadata and reconstruction_attributes, or functions that
        return them, which are called only if a hook asks for what they return.
        """
        return self._call("on_fit_task_end", estimator, data)

    def _call(self, hook, estimator, data):
        values, stop = {}, False
        for callback in self._callbacks:
            method = getattr(callback, hook)
            parameters = inspect.signature(method).parameters.values()
            names = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
            if unknown := sorted(names.difference(_HOOK_ARGUMENTS)):
                raise TypeError(
                    f"Hook {hook} of {type(callback).__name__} has keyword-only "
                    f"parameters {unknown}; there are only {list(_HOOK_ARGUMENTS)}."
                )
            for name in names - values.keys():
                values[name] = _argument(name, estimator, data)
            answer = method(estimator, self, **{name: values[name] for name in names})
            stop |= bool(answer)
        return stop


def _argument(name, estimator, data):
    """Return what hooks get by one of the names of `_HOOK_ARGUMENTS`."""
    fitted = name == "fitted_estimator"
    value = data.get("reconstruction_attributes" if fitted else name)
    value = value() if callable(value) else value
    if not fitted or value is None:
        return value
    estimator = copy.copy(estimator)
    for attribute, part in value.items():
        setattr(estimator, attribute, part)
    return estimator


class OwnCallbackSupportMixin:
    """An estimator on which callbacks can be set; stands before BaseEstimator."""

    def set_callbacks(self, *callbacks):
        """Set the callbacks of this estimator and of its clones.

        Parameters
        ----------
        *callbacks : callback objects
            With the hooks ``setup``, ``on_fit_task_begin``, ``on_fit_task_end`` and
            ``teardown``. None at all removes those set before.

        Returns
        -------
        self : object
            The estimator itself.
        """
        for callback in callbacks:
            complete = all(hasattr(callback, hook) for hook in _HOOKS)
            if isinstance(callback, type) or not complete:
                raise TypeError(
                    "callbacks must be instances following the FitCallback protocol."
                )
        self.__dict__.pop("_skl_callbacks", None)
        if callbacks:
            self._skl_callbacks = list(callbacks)
        return self

    def __sklearn_clone__(self):
        callbacks = getattr(self, "_skl_callbacks", ())
        return super().__sklearn_clone__().set_callbacks(*callbacks)

    def _init_callback_context(
        self, task_name="fit", task_id=0, max_subtasks=0, sequential_subtasks=True
    ):
        """Return the context of the whole fit, for which callbacks are now set up."""
        callbacks = getattr(self, "_skl_callbacks", [])
        context = self._callback_fit_ctx = OwnCallbackContext(
            callbacks,
            type(self).__name__,
            None,
            task_name=task_name,
            task_id=task_id,
            max_subtasks=max_subtasks,
            sequential_subtasks=sequential_subtasks,
        )
        self._skl_callbacks_to_teardown = []
        for callback in callbacks:
            self._skl_callbacks_to_teardown.append(callback)
            callback.setup(estimator=self, context=context)
        return context


def own_with_callbacks(method):
    """Tear down what `method` has set up of the callbacks, however it ends."""

    @wraps(method)
    def managed(estimator, *args, **kwargs):
        try:
            return method(estimator, *args, **kwargs)
        finally:
            _tear_down(estimator)

    return managed


def _tear_down(estimator):
    context = estimator.__dict__.pop("_callback_fit_ctx", None)
    errors = []
    for callback in estimator.__dict__.pop("_skl_callbacks_to_teardown", ()):
        try:
            callback.teardown(estimator=estimator, context=context)
        except Exception as error:
            errors.append(error)
    if len(errors) > 1:
        raise ExceptionGroup("Several callbacks could not be torn down", errors)
    if errors:
        raise errors[0]


if sklearn_callback is None:
    CallbackSupportMixin = OwnCallbackSupportMixin
    with_callbacks = own_with_callbacks
else:
    CallbackSupportMixin = sklearn_callback.CallbackSupportMixin
    with_callbacks = sklearn_callback.with_callbacks
