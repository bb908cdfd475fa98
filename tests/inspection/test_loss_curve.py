"""LossCurveDisplay: what is drawn is what was recorded."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from _displays import X, Y, assert_same, closed_figures, drawn, texts  # noqa: F401
from _helpers import fit_quietly
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.inspection._loss_curve import LossCurveDisplay


def fit(model, **data):
    return fit_quietly(model, X, Y, **data)


def make(kind=MLPClassifier, **parameters):
    return kind(**{"max_iter": 15, "random_state": 0, **parameters})


def test_draws_what_was_recorded():
    model = fit(make(learning_rate="cosine"), X_val=X[::3], y_val=Y[::3])
    display = LossCurveDisplay.from_estimator(model)
    for key in ("loss", "val_loss", "val_score", "learning_rate"):
        x, y = display.lines_[key].get_data()
        assert_same(x, model.history_["epoch"])
        assert_same(y, model.history_[key])
    assert display.axes_["loss"] is display.ax_
    assert (
        display.ax_.get_xlabel() == "" and display.axes_["learning_rate"].get_xlabel()
    )
    assert display.axes_["val_score"].get_ylabel() == "validation accuracy"
    assert display.ax_.get_title() == "15 epochs, ended by max_iter"
    best = 1 + int(np.argmin(model.history_["val_loss"]))
    assert f"epoch {best}: least validation loss" in texts(display.axes_["val_score"])


def test_marks_the_epoch_that_early_stopping_restored():
    model = fit(make(early_stopping=True, max_iter=200, learning_rate_init=0.02))
    display = LossCurveDisplay.from_estimator(model)
    scores = model.validation_scores_
    assert display.best_epoch == 1 + scores.index(max(scores))
    assert display.best_label == "restored"
    assert list(display.lines_["best_epoch"].get_xdata()) == [display.best_epoch] * 2
    assert display.stop_reason == "converged"


def test_the_restored_epoch_is_of_the_last_fit():
    model = make(early_stopping=True, warm_start=True)
    for _ in range(2):
        fit(model)
    display = LossCurveDisplay.from_estimator(model)
    scores, best = model.validation_scores_, model.best_validation_score_
    last = scores[-model.n_iter_ :]
    if best in last:
        expected = len(scores) - model.n_iter_ + last.index(best) + 1
    else:
        expected = len(scores) - scores[::-1].index(best)
    assert display.best_epoch == expected
    assert_same(display.lines_["loss"].get_xdata(), np.arange(1, len(scores) + 1))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_reads_scikit_learns_own(early_stopping):
    model = fit(make(SklearnClassifier, early_stopping=early_stopping, max_iter=30))
    display = LossCurveDisplay.from_estimator(model)
    assert_same(display.lines_["loss"].get_ydata(), model.loss_curve_)
    assert ("val_score" in display.lines_) == early_stopping
    if early_stopping:
        assert_same(display.lines_["val_score"].get_ydata(), model.validation_scores_)
        assert display.best_label == "restored"
    else:
        assert display.best_epoch is None and "best_epoch" not in display.lines_


def test_scikit_learns_lbfgs_has_none():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older ones use what SciPy has deprecated
        model = make(SklearnClassifier, solver="lbfgs").fit(X, Y)
    with pytest.raises(ValueError, match="have none with solver='lbfgs'"):
        LossCurveDisplay.from_estimator(model)
    assert not plt.get_fignums()


def test_lbfgs_counts_iterations_and_has_no_rate():
    model = fit(make(solver="lbfgs"))
    display = LossCurveDisplay.from_estimator(model, log_scale=True)
    assert display.ax_.get_xlabel() == "iteration"
    assert display.ax_.get_yscale() == "log"
    assert list(display.axes_) == ["loss"]
    with pytest.raises(ValueError, match="lbfgs"):
        display.plot(show_learning_rate=True)


def test_partial_fit_was_not_ended_by_max_iter():
    model = make()
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    display = LossCurveDisplay.from_estimator(model)
    assert display.ax_.get_title() == "3 epochs"
    assert_same(display.lines_["loss"].get_ydata(), model.loss_curve_)


def test_one_epoch_shows_as_a_dot():
    model = make().partial_fit(X, Y, classes=[0, 1, 2])
    display = LossCurveDisplay.from_estimator(model)
    assert display.lines_["loss"].get_marker() == "."
    assert display.ax_.get_title() == "1 epoch"


def test_validation_in_some_epochs_only():
    model = make(warm_start=True)
    fit(model)
    fit(model, X_val=X[::3], y_val=Y[::3])
    display = LossCurveDisplay.from_estimator(model)
    values = display.lines_["val_loss"].get_ydata()
    assert np.isnan(values[:15]).all() and np.isfinite(values[15:]).all()
    assert display.best_epoch > 15


def test_a_value_between_gaps_shows_as_a_dot():
    history = {"epoch": range(1, 31), "loss": np.ones(30), "val_loss": [np.nan] * 30}
    history["val_loss"][7] = 1.0
    display = LossCurveDisplay(history=history).plot()
    assert display.lines_["val_loss"].get_marker() == "."
    assert display.lines_["loss"].get_marker() == "None"


def test_losses_that_are_not_finite_leave_a_gap():
    history = {"epoch": [1, 2, 3], "loss": [2.0, 1.0, np.inf]}
    display = LossCurveDisplay(history=history).plot(log_scale=True)
    assert_same(display.lines_["loss"].get_ydata(), [2.0, 1.0, np.nan])
    drawn(display.figure_)


def test_several_estimators_share_all_axes():
    display, first = None, None
    figure, ax = plt.subplots(layout="constrained")
    for solver, schedule in (
        ("adam", "constant"),
        ("sgd", "linear"),
        ("sgd", "cosine"),
    ):
        model = make(solver=solver, learning_rate=schedule)
        display = LossCurveDisplay.from_estimator(
            fit(model, X_val=X[::3], y_val=Y[::3]), name=f"{solver} {schedule}", ax=ax
        )
        first = first or display
    assert len(figure.axes) == 3  # losses, score, rate
    assert len(ax.get_lines()) == 9
    assert len(display.axes_["learning_rate"].get_lines()) == 2  # one never changes
    colors = {line.get_color() for key, line in display.lines_.items()}
    assert len(colors) == 1
    assert colors != {first.lines_["loss"].get_color()}
    assert ax.get_title() == ""
    (legend,) = filter(None, (a.get_legend() for a in figure.axes))
    entries = [text.get_text() for text in legend.get_texts()]
    assert len(entries) == 12 and "sgd cosine: validation loss" in entries
    drawn(figure)
    boxes = [a.get_position() for a in (ax, *display.axes_.values())]
    assert boxes[0].bounds == boxes[2].bounds  # both scales of one place
    assert boxes[3].y1 < boxes[0].y0


def test_the_learning_rate_is_drawn_where_it_changes_or_on_request():
    display = LossCurveDisplay.from_estimator(fit(make()))
    assert "learning_rate" not in display.axes_
    assert "learning_rate" in display.plot(show_learning_rate=True).axes_
    display = LossCurveDisplay.from_estimator(fit(make(learning_rate="invscaling")))
    assert "learning_rate" in display.axes_
    assert "learning_rate" not in display.plot(show_learning_rate=False).axes_


def test_negative_losses_have_no_logarithm():
    model = MLPRegressor(loss="gaussian_nll", solver="lbfgs", random_state=0)
    fit_quietly(model, X, X[:, 0] * 1e-3)
    assert min(model.loss_curve_) < 0
    LossCurveDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="log_scale=False"):
        LossCurveDisplay.from_estimator(model, log_scale=True)


@pytest.mark.parametrize(
    "scoring, name",
    [(None, "accuracy"), ("f1_macro", "f1_macro"), ("loss", "-loss")],
)
def test_names_the_score(scoring, name):
    model = fit(make(early_stopping=True, scoring=scoring))
    assert LossCurveDisplay.from_estimator(model).score_name == name


def test_names_the_score_of_a_regressor():
    model = MLPRegressor(early_stopping=True, max_iter=3, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, X[:, 0])
    assert LossCurveDisplay.from_estimator(model).score_name == "R²"


@pytest.mark.parametrize(
    "history, match",
    [
        ({"loss": [1.0]}, "no 'epoch'"),
        ({"epoch": [1]}, "no 'loss'"),
        ({"epoch": [1, 2], "loss": [1.0]}, "one value an epoch.*'epoch': 2, 'loss': 1"),
        ({"epoch": [1], "loss": [1.0], "val_loss": [1.0, 2.0]}, "'val_loss': 2"),
        ({"epoch": [], "loss": []}, "history has no epochs"),
    ],
)
def test_a_history_that_cannot_be_drawn_is_refused(history, match):
    with pytest.raises(ValueError, match=match):
        LossCurveDisplay(history=history).plot()
    assert not plt.get_fignums()


@pytest.mark.parametrize("log_scale", [False, True])
def test_losses_of_nan_are_an_empty_picture(log_scale):
    history = {"epoch": [1, 2], "loss": [np.nan, np.inf]}
    drawn(LossCurveDisplay(history=history).plot(log_scale=log_scale).figure_)


def test_no_reason_is_no_reason():
    history = {"epoch": [1, 2], "loss": [2.0, 1.0]}
    display = LossCurveDisplay(history=history, stop_reason=None).plot()
    assert display.ax_.get_title() == "2 epochs"


NAMES = ("adam with a constant learning rate", "stochastic gradient descent, cosine")


def two_with_long_names(ax=None, schedule="cosine"):
    data = {"X_val": X[::3], "y_val": Y[::3]}
    for name, model in zip(
        NAMES, (make(), make(solver="sgd", learning_rate=schedule)), strict=True
    ):
        display = LossCurveDisplay.from_estimator(fit(model, **data), name=name, ax=ax)
        ax = display.ax_
    return display


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_large_legend_stands_below(schedule):
    display = two_with_long_names(schedule=schedule)
    drawn(display.figure_)
    (legend,) = filter(None, (ax.get_legend() for ax in display.figure_.axes))
    assert len(legend.get_texts()) == 8
    box = legend.get_window_extent()
    for ax in display.figure_.axes:
        assert box.y1 < ax.get_window_extent().y0
        labels = ax.xaxis.get_tightbbox()
        assert labels is None or box.y1 < labels.y0
    assert box.y0 >= 0


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_in_a_small_grid_the_legend_covers_little(layout):
    figure, grid = plt.subplots(2, 2, layout=layout)
    for ax in grid.flat:
        two_with_long_names(ax)
    drawn(figure)
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    assert len(legends) == 4
    for legend in legends:
        assert [text.get_text() for text in legend.get_texts()] == list(NAMES)
        assert legend.get_window_extent().height < 0.3 * grid[0, 0].bbox.height


def test_an_estimator_without_scores_keeps_the_one_legend():
    display = LossCurveDisplay.from_estimator(
        fit(make(learning_rate="cosine"), X_val=X[::3], y_val=Y[::3]), name="a"
    )
    LossCurveDisplay.from_estimator(fit(make()), name="b", ax=display.ax_)
    assert sum(bool(ax.get_legend()) for ax in display.figure_.axes) == 1
