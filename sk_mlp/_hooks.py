"""The estimator's callbacks, as a training calls them."""


class Hooks:
    """Calls scikit-learn's callback hooks around a fit and each of its epochs.

    The estimator they get is the working copy that is being fitted: it can be copied
    and pickled at any time, and its ``history_`` holds the epochs so far.

    Parameters
    ----------
    estimator : estimator
    data : FitData
        What the user gave.
    task : str
        What an epoch is called.
    max_epochs : int
        The most that there can be.
    """

    def __init__(self, estimator, data, task, max_epochs):
        self._task = task
        self._arguments = {"estimator": estimator, "X": data.X, "y": data.y}
        if data.sample_weight is not None:
            self._arguments["metadata"] = {"sample_weight": data.sample_weight}
        self._fit = estimator._init_callback_context(max_subtasks=max_epochs)
        self._parameters = estimator.get_params(deep=False)
        self._epoch = None

    def begin(self):
        self._fit.call_on_fit_task_begin(**self._arguments)

    def end(self):
        self._end(self._fit)

    def epoch_begins(self):
        self._epoch = self._fit.subcontext(task_name=self._task)
        self._epoch.call_on_fit_task_begin(**self._arguments)

    def epoch_ends(self):
        """Return whether a callback asks to stop."""
        return self._end(self._epoch)

    def _end(self, context):
        # A copy of the estimator has all attributes already (see __getstate__).
        stop = context.call_on_fit_task_end(
            **self._arguments, reconstruction_attributes=dict
        )
        self._check_parameters()
        return stop

    def _check_parameters(self):
        now = self._arguments["estimator"].get_params(deep=False)
        changed = [
            name for name, value in self._parameters.items() if now[name] is not value
        ]
        if changed:
            raise ValueError(
                f"A callback has changed the parameters {changed}, which cannot change "
                "while training. Let it stop, and set them before the next fit."
            )
