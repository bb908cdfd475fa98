"""How training went: loss, validation, learning rate, best epoch."""

import numpy as np
from sklearn.base import is_classifier

from sk_mlp.inspection._plotting import (
    companion,
    draw_legend,
    find_companion,
    labelled,
    one_axes,
    room_below,
)
from sk_mlp.inspection._reading import read

_ENDS = {
    "converged": "converged",
    "max_iter": "ended by max_iter",
    "callback": "ended by a callback",
    "interrupted": "interrupted",
    "diverged": "diverged",
    "abnormal": "no better point found",
}
# Most epochs at which every one gets a dot.
_FEW = 12


class LossCurveDisplay:
    """Training loss, validation loss and score, learning rate and best epoch.

    Make one with :meth:`from_estimator`, or from a history of one's own.

    Parameters
    ----------
    history : dict of str to array-like
        "epoch" and "loss", and what there is of "val_loss", "val_score" and
        "learning_rate": one value an epoch, NaN where there was none. The `history_`
        of an estimator has them all.
    best_epoch : int or None, default=None
        The epoch to mark.
    best_label : str, default="best"
        What is best about it.
    stop_reason : str or None, default=None
        Why training ended, for the title.
    unit : str, default="epoch"
        What is counted on the x axis.
    score_name : str, default="score"
        What "val_score" is.
    name : str or None, default=None
        Of the estimator, for the legend. With a name all its lines have one colour, so
        that several estimators on one `ax` can be told apart.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the losses.
    axes_ : dict of str to matplotlib Axes
        "loss" is `ax_`; where they are drawn, "val_score" (the right scale of the same
        axes) and "learning_rate" (below them).
    lines_ : dict of str to matplotlib Line2D
        The curves, named as in `history`, and "best_epoch".
    figure_ : matplotlib Figure

    See Also
    --------
    LearningRateDisplay : Find a learning rate before training.
    GradientFlowDisplay : The gradient by layer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(
    ...     learning_rate_init=0.01, early_stopping=True, random_state=0
    ... )
    >>> display = LossCurveDisplay.from_estimator(model.fit(X, y))
    >>> list(display.lines_)
    ['loss', 'val_loss', 'val_score', 'best_epoch']
    >>> len(display.history["loss"]) == model.n_iter_
    True
    """

    def __init__(
        self,
        *,
        history,
        best_epoch=None,
        best_label="best",
        stop_reason=None,
        unit="epoch",
        score_name="score",
        name=None,
    ):
        self.history = history
        self.best_epoch = best_epoch
        self.best_label = best_label
        self.stop_reason = stop_reason
        self.unit = unit
        self.score_name = score_name
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        name=None,
        log_scale=False,
        show_learning_rate="auto",
        ax=None,
    ):
        """Draw how a fitted estimator was trained.

        The best epoch is the one that `early_stopping` has restored; without it that
        of the least validation loss, though the estimator is that of the last epoch.
        Without validation none is marked.

        Parameters
        ----------
        estimator : estimator
            A fitted MLP of this package or of scikit-learn, or a pipeline or a search
            with one.
        name : str or None, default=None
            Of the estimator, for the legend.
        log_scale : bool, default=False
            Whether the losses have a logarithmic scale.
        show_learning_rate : bool or "auto", default="auto"
            Whether to draw the learning rate below; "auto" where it changes.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        ValueError
            If the estimator has no loss curve.
        TypeError
            If there is no MLP in the estimator.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        model = read(estimator)[0]
        history = model.history_
        if not history["loss"]:
            raise ValueError(
                "There is no loss curve to draw: no epoch is on record. scikit-learn's "
                "MLPs have none with solver='lbfgs', and compact() drops those of "
                "sk_mlp unless keep_history=True."
            )
        best_epoch, best_label = _best_epoch(model)
        reason = model.stop_reason_
        if reason == "max_iter" and model.n_iter_ != model.max_iter:
            reason = None  # partial_fit, which the user ends
        display = cls(
            history={key: np.array(history[key], float) for key in _KEYS},
            best_epoch=best_epoch,
            best_label=best_label,
            stop_reason=reason,
            unit="iteration" if model.solver == "lbfgs" else "epoch",
            score_name=_score_name(model),
            name=name,
        )
        return display.plot(
            log_scale=log_scale, show_learning_rate=show_learning_rate, ax=ax
        )

    def plot(self, *, log_scale=False, show_learning_rate="auto", ax=None):
        """Draw the curves.

        Parameters
        ----------
        log_scale : bool, default=False
            Whether the losses have a logarithmic scale.
        show_learning_rate : bool or "auto", default="auto"
            Whether to draw the learning rate below; "auto" where it changes.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LossCurveDisplay
            Itself.

        Raises
        ------
        ValueError
            If the history has no epochs, no losses or not one value an epoch; if
            `log_scale` is asked for with losses that are not above 0, or
            `show_learning_rate` without learning rates.
        """
        self._check(log_scale, show_learning_rate)
        self.ax_ = ax = one_axes(ax)
        is_first = not ax.has_data()
        self.figure_ = ax.figure
        self.axes_, self.lines_ = {"loss": ax}, {}
        if log_scale:
            ax.set_yscale("log")
        if is_first:
            ax.set_xlabel(self.unit)
            ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_ylabel("loss")
        self._draw_losses()
        if self._has("val_score"):
            self._draw_score()
        if show_learning_rate is True or (
            show_learning_rate == "auto" and self._rate_changes()
        ):
            self._draw_rate()
        self._mark_best()
        if is_first:
            ax.set_title(self._title())
        elif ax.get_title():
            ax.set_title("")  # it was the first one's
        # They may be of another estimator.
        twin, below = (
            find_companion(ax, key) for key in ("val_score", "learning_rate")
        )
        draw_legend(ax, *([twin] if twin else []), lowest=below)
        return self

    def _check(self, log_scale, show_learning_rate):
        missing = [key for key in ("epoch", "loss") if key not in self.history]
        if missing:
            raise ValueError(f"history has no {missing[0]!r}: it must have one.")
        lengths = {key: len(self.history[key]) for key in _KEYS if key in self.history}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"history must have one value an epoch for all keys. Got {lengths}."
            )
        if not lengths["epoch"]:
            raise ValueError("There is no loss curve to draw: history has no epochs.")
        losses = np.append(self._values("loss"), self._values("val_loss"))
        if log_scale and (losses <= 0).any():
            raise ValueError(
                "A logarithmic scale needs losses above 0, but the least one is "
                f"{np.nanmin(losses):.3g}. Use log_scale=False."
            )
        if show_learning_rate is True and not self._has("learning_rate"):
            raise ValueError(
                'No learning rate was recorded ("lbfgs" has none). Use '
                "show_learning_rate='auto'."
            )

    def _values(self, key):
        """Return one value an epoch, NaN where there is no finite one."""
        values = np.asarray(self.history.get(key, []), dtype=float)
        return np.where(np.isfinite(values), values, np.nan)

    def _has(self, key):
        return bool(np.isfinite(self._values(key)).any())

    def _rate_changes(self):
        rates = self._values("learning_rate")
        rates = rates[np.isfinite(rates)]
        return len(rates) > 0 and rates.min() < rates.max()

    def _line(self, ax, key, label, **style):
        values = self._values(key)
        epochs = np.asarray(self.history["epoch"])
        marker = "." if len(epochs) <= _FEW or _is_scattered(values) else None
        (line,) = ax.plot(
            *(epochs, values), label=labelled(self.name, label), marker=marker, **style
        )
        self.lines_[key] = line
        return line

    def _color(self, own):
        """Return the colour of a further line: that of the estimator if it is named."""
        return own if self.name is None else self.lines_["loss"].get_color()

    def _draw_losses(self):
        self._line(self.ax_, "loss", "training loss")
        if self._has("val_loss"):
            style = {"color": self._color("C1"), "linestyle": "--"}
            self._line(self.ax_, "val_loss", "validation loss", **style)

    def _draw_score(self):
        twin = companion(self.ax_, "val_score", self.ax_.twinx)
        twin.set_ylabel(f"validation {self.score_name}")
        self.axes_["val_score"] = twin
        style = {"color": self._color("C2"), "linestyle": "-."}
        self._line(twin, "val_score", f"validation {self.score_name}", **style)

    def _draw_rate(self):
        below = companion(
            self.ax_, "learning_rate", lambda: room_below(self.ax_, share=0.25)
        )
        below.set_ylabel("learning\nrate")
        self.axes_["learning_rate"] = below
        self._line(below, "learning_rate", "learning rate", color=self._color("C3"))
        rates = self._values("learning_rate")
        if 0 < np.nanmin(rates) < np.nanmax(rates) / 20:
            below.set_yscale("log")

    def _mark_best(self):
        if self.best_epoch is None:
            return
        self.lines_["best_epoch"] = self.ax_.axvline(
            self.best_epoch,
            color=self._color("0.4"),
            linestyle=":",
            label=labelled(
                self.name, f"{self.unit} {self.best_epoch}: {self.best_label}"
            ),
        )

    def _title(self):
        n_epochs = len(self.history["epoch"])
        text = f"{n_epochs} {self.unit}{'s' if n_epochs != 1 else ''}"
        if self.stop_reason is not None:
            text += f", {_ENDS.get(self.stop_reason, self.stop_reason)}"
        return labelled(self.name, text)


_KEYS = ("epoch", "loss", "val_loss", "val_score", "learning_rate")


def _is_scattered(values):
    """Tell whether a value stands between two NaNs, where a line would not show it."""
    finite = np.pad(np.isfinite(values), 1)
    return bool((finite[1:-1] & ~finite[:-2] & ~finite[2:]).any())


def _best_epoch(model):
    """Return the best epoch and what is best about it."""
    history = {key: np.array(model.history_[key], float) for key in _KEYS}
    scores = history["val_score"]
    if model.early_stopping:
        hits = np.flatnonzero(scores == model.best_validation_score_)
        of_last_fit = hits[hits >= len(scores) - model.n_iter_]
        # With warm_start a fit may end where the one before it was best.
        hit = [*of_last_fit[:1], *hits[-1:]]
        return (int(history["epoch"][hit[0]]), "restored") if hit else (None, "")
    values = history["val_loss"]
    if not np.isfinite(values).any():
        return None, ""  # the training loss is nearly always least at the end
    return int(history["epoch"][np.nanargmin(values)]), "least validation loss"


def _score_name(model):
    if model.scoring is None:
        return "accuracy" if is_classifier(model) else "R²"
    if model.scoring == "loss":
        return "-loss"
    return model.scoring if isinstance(model.scoring, str) else "score"
