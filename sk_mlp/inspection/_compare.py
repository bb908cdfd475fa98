"""The same network with one activation after the other, on the same folds."""

import warnings
from html import escape

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv, cross_validate
from sklearn.utils import indexable

from sk_mlp._base import BaseMLP
from sk_mlp.activations import get, names
from sk_mlp.inspection._activation_curves import activation_of, listed
from sk_mlp.inspection._examination import Units
from sk_mlp.inspection._plotting import (
    is_narrow,
    many_axes,
    mean_and_std,
    write_small,
)
from sk_mlp.inspection._reading import MLPS, name_of, read, untrained
from sk_mlp.inspection._tables import data_frame, html_table, text_table
from sk_mlp.inspection._trace import trace

# Numbers from here on are written with an exponent.
_LONG = 1e6
_HEAD = ("activation", "score", "behind the best", "fit time", "epochs", "dead units")


def compare_activations(
    estimator,
    X,
    y,
    activations=None,
    *,
    groups=None,
    cv=5,
    scoring=None,
    n_jobs=None,
):
    """Cross-validate an estimator with one hidden activation after the other.

    All get the same folds, so that their scores can be compared fold by fold. Give the
    estimator a `random_state`, or they get other initial weights as well.

    Parameters
    ----------
    estimator : estimator
        An MLP of this package or of scikit-learn (which is taken over with its
        parameters), or what has one among its parameters, at any depth: a pipeline, a
        search, a TransformedTargetRegressor. It is cloned, not changed. A search
        searches anew for every activation and fold.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training data.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Target.
    activations : str, Activation or iterable, default=None
        What to compare: names, `Activation` objects, and lists with one of them per
        hidden layer. None is all names that hidden layers can learn with, those with
        a gradient that do not act on whole rows.
    groups : array-like of shape (n_samples,), default=None
        Groups of the rows, for a `cv` that splits by them, such as `GroupKFold`. They
        are given to its `split` only.
    cv : int, cross-validation generator or iterable, default=5
        As in scikit-learn's `cross_validate`; drawn once for all.
    scoring : str or callable, default=None
        One metric. None is the estimator's `score`.
    n_jobs : int, default=None
        Folds in parallel. The times are comparable only if the cores are free.

    Returns
    -------
    comparison : ActivationComparison
        A fit that fails, because it diverges for example, makes a row with a score of
        NaN and the error's text.

    Raises
    ------
    ValueError
        If every activation fails, an activation is unknown, a search has activations
        in its own grid, or the estimator has several MLPs.
    TypeError
        If there is no MLP in the estimator, or something is no activation.

    Notes
    -----
    Fits that stop at `max_iter` do not warn: the result counts them.

    Examples
    --------
    Points in a ring around others, which no straight line can part:

    >>> from sklearn.datasets import make_circles
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import compare_activations
    >>> X, y = make_circles(200, noise=0.1, factor=0.5, random_state=0)
    >>> classifier = MLPClassifier((8,), solver="lbfgs", alpha=0.1, random_state=0)
    >>> names = ["identity", "gaussian", "tanh"]
    >>> comparison = compare_activations(classifier, X, y, names)
    >>> worst = comparison.results[-1]
    >>> worst["activation"], bool(worst["mean_difference"] > 0.3)
    ('identity', True)
    >>> best = classifier.set_params(activation=comparison.best).fit(X, y)
    """
    if isinstance(scoring, list | tuple | set | dict):
        raise ValueError(f"scoring must be one metric. Got {scoring!r}.")
    estimator, parameter = _with_parameter(estimator)
    candidates = _learnable() if activations is None else listed(activations)
    if not candidates:
        raise ValueError("There are no activations to compare.")
    labels = [_label(candidate) for candidate in candidates]
    X, y, groups = indexable(X, y, groups)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    folds = list(cv.split(X, y, groups))
    measures = {
        "score": check_scoring(estimator, scoring),
        "dead_units": _share_of_dead_units,
        "n_iter": _n_iter,
        "unfinished": _is_unfinished,
    }
    results, error = [], None
    for label, candidate in zip(labels, candidates, strict=True):
        model = clone(estimator).set_params(**{parameter: candidate})
        try:
            found = _cross_validate(model, X, y, folds, measures, n_jobs)
        except Exception as caught:  # as with scikit-learn's error_score
            error, found = caught, {}
        results.append(_result(label, candidate, found, error if not found else None))
    if all(result["error"] for result in results):
        raise ValueError(f"All activations failed, the last with: {error}") from error
    return ActivationComparison(
        results, metric=scoring if isinstance(scoring, str) else "score"
    )


# What is compared -------------------------------------------------------------------


def _with_parameter(estimator):
    """Return the estimator, with our own MLP in it, and the name of its activation."""
    nodes = {"": estimator}
    if hasattr(estimator, "get_params"):
        nodes.update(estimator.get_params())
    places = [path for path, node in nodes.items() if isinstance(node, MLPS)]
    if not places:
        raise TypeError(
            "Expected an MLP of sk_mlp or of sklearn.neural_network, or an estimator "
            f"with one among its parameters. Got {type(estimator).__name__}."
        )
    if len(places) > 1:
        raise ValueError(f"There are several MLPs in the estimator: {places}.")
    path = places[0]
    if not isinstance(nodes[path], BaseMLP):
        own = untrained(nodes[path])
        estimator = clone(estimator).set_params(**{path: own}) if path else own
    parameter = f"{path}__activation" if path else "activation"
    for place, node in nodes.items():
        _check_grid(node, parameter.removeprefix(f"{place}__"))
    return estimator, parameter


def _check_grid(node, parameter):
    """Refuse a search that would overwrite the activation by one of its own."""
    grids = getattr(node, "param_grid", getattr(node, "param_distributions", ()))
    key = parameter.removeprefix("estimator__")
    if any(key in grid for grid in ([grids] if isinstance(grids, dict) else grids)):
        raise ValueError(
            f"The grid of {type(node).__name__} has {key!r}: take it out, so that the "
            "activations can be compared."
        )


def _learnable():
    """Return the names of all activations with which hidden layers can learn."""
    found = {name: get(name) for name in names()}
    return [name for name, f in found.items() if f.has_gradient and not f.rowwise]


def _label(candidate):
    """Return what to call it; refuse what is no activation."""
    if isinstance(candidate, list | tuple):
        return ", ".join(_label(one) for one in candidate)
    activation = activation_of(candidate)
    return candidate if isinstance(candidate, str) else name_of(activation)


# What is measured -------------------------------------------------------------------


def _cross_validate(model, X, y, folds, measures, n_jobs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_validate(
            *(model, X, y),
            cv=folds,
            scoring=measures,
            n_jobs=n_jobs,
            return_train_score=True,
            error_score="raise",
        )


def _share_of_dead_units(estimator, X, y):
    """Return the share of hidden units whose slope is next to 0 at all rows."""
    try:
        model, X, *_ = read(estimator, X)
    except TypeError:  # an ensemble of networks, for example
        return np.nan
    layers = trace(model, X).hidden
    if not layers:
        return np.nan
    return float(np.concatenate([Units(layer).dead for layer in layers]).mean())


def _n_iter(estimator, X, y):
    try:
        return float(read(estimator)[0].n_iter_)
    except TypeError:
        return np.nan


def _is_unfinished(estimator, X, y):
    try:
        return float(read(estimator)[0].stop_reason_ == "max_iter")
    except TypeError:
        return 0.0


def _result(label, candidate, found, error):
    """Return the dict of an activation; NaN all over if its fits failed."""
    nothing = np.array([np.nan])
    scores = found.get("test_score", nothing)
    mean, std = mean_and_std(scores)
    return {
        "activation": label,
        "value": candidate,
        "mean_score": mean,
        "std_score": std,
        "mean_train_score": float(found.get("train_score", nothing).mean()),
        "fit_time": float(found.get("fit_time", nothing).mean()),
        "n_iter": float(found.get("train_n_iter", nothing).mean()),
        "n_unfinished": int(found.get("train_unfinished", np.zeros(1)).sum()),
        "dead_units": float(found.get("train_dead_units", nothing).mean()),
        "scores": scores,
        "error": f"{type(error).__name__}: {error}" if error else None,
    }


# The result -------------------------------------------------------------------------


class ActivationComparison:
    """What `compare_activations` has found: a table by activation, the best first.

    Parameters
    ----------
    results : list of dict
        See the attribute; in any order, without the differences.
    metric : str, default="score"
        What the scores are, for the head of the table.

    Attributes
    ----------
    results : list of dict
        One for each activation, the best mean score first, failures last. The keys:

        - activation : str. Its name, or how the object is written.
        - value : str, Activation or list. What was set.
        - mean_score, std_score : float. Over the folds, of rows not trained on.
        - mean_difference, std_difference : float. How far behind the best, fold by
          fold. A mean that is not much larger than its std says little.
        - mean_train_score : float. Of the rows trained on.
        - fit_time : float. Seconds, mean of the folds.
        - n_iter : float. Epochs (iterations of L-BFGS), mean of the folds.
        - n_unfinished : int. The folds in which the fit stopped at `max_iter`.
        - dead_units : float. The share of hidden units that are dead: at no row
          trained on (5,000 of them at most) is their slope above a thousandth of the
          activation's largest one.
        - scores : ndarray of shape (n_folds,).
        - error : str or None. Why the fits failed; all figures are NaN then.
    best : str, Activation or list
        The value of the best one, to be set as the parameter `activation`.
    metric : str
        As given.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import compare_activations
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((8,), solver="lbfgs", random_state=0)
    >>> comparison = compare_activations(classifier, X, y, ["tanh", "relu"], cv=3)
    >>> comparison.to_frame().index.size, len(comparison.results[0]["scores"])
    (2, 3)
    """

    def __init__(self, results, *, metric="score"):
        failed_last = (-np.inf if r["error"] else r["mean_score"] for r in results)
        order = np.argsort([-score for score in failed_last], kind="stable")
        self.metric = metric
        self.results = [dict(results[k]) for k in order]
        for result in self.results:
            difference = self.results[0]["scores"] - result["scores"]
            mean, std = mean_and_std(difference)
            result["mean_difference"], result["std_difference"] = mean, std

    @property
    def best(self):
        """The value of the best one, to be set as the parameter `activation`."""
        return self.results[0]["value"]

    def to_frame(self):
        """Return the results as a DataFrame, indexed by activation.

        Returns
        -------
        frame : pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.results, "activation", "results")

    def plot(self, ax=None):
        """Draw scores, fit times and dead units.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of three, default=None
            One is divided into three panels; None makes a new figure.

        Returns
        -------
        display : ActivationComparisonDisplay
        """
        return ActivationComparisonDisplay(
            results=self.results, metric=self.metric
        ).plot(ax)

    def __str__(self):
        lines = text_table(self._rows(), rule=True)
        return "\n".join([self._title(), "", *lines, *self._notes()])

    __repr__ = __str__

    def _repr_html_(self):
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes() if note)
        return html_table(self._rows(), caption=self._title()) + notes

    def _rows(self):
        return [_HEAD, *map(_cells, self.results)]

    def _title(self):
        n, n_folds = len(self.results), len(self.results[0]["scores"])
        return (
            f"{n} activation{'s' if n != 1 else ''}, the same {n_folds} folds: "
            f"mean and standard deviation of {self.metric}"
        )

    def _notes(self):
        """Return lines to write below the table."""
        notes = [""]
        if any(result["n_unfinished"] for result in self.results):
            notes.append("* stopped at max_iter in one fold or more")
        for result in self.results:
            if result["error"]:
                first_line = result["error"].splitlines()[0]
                notes.append(f"{result['activation']} failed: {first_line}")
        return notes if len(notes) > 1 else []


def _cells(result):
    """Return the row of a table as text."""
    if result["error"]:
        return (result["activation"], "failed", "", "", "", "")
    return (
        result["activation"],
        _with_spread(result["mean_score"], result["std_score"]),
        _with_spread(result["mean_difference"], result["std_difference"]),
        f"{result['fit_time']:.2g} s",
        _unless_nan("{:.0f}", result["n_iter"]) + "*" * bool(result["n_unfinished"]),
        _unless_nan("{:.0%}", result["dead_units"]),
    )


def _unless_nan(form, value):
    return "" if np.isnan(value) else form.format(value)


def _with_spread(mean, std):
    if max(abs(mean), std) >= _LONG:
        return f"{mean:.3g} ± {std:.3g}"
    digits = 3 if abs(mean) < 100 else 1
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


class ActivationComparisonDisplay:
    """Scores, fit times and dead units of every activation that was compared.

    Made by :meth:`ActivationComparison.plot`.

    Parameters
    ----------
    results : list of dict
        The `results` of an `ActivationComparison`.
    metric : str, default="score"
        What the scores are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the scores.
    axes_ : ndarray of matplotlib Axes of shape (3,)
        With scores, fit times, dead units.
    figure_ : matplotlib Figure
        What they lie in.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import compare_activations
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((8,), solver="lbfgs", random_state=0)
    >>> comparison = compare_activations(classifier, X, y, ["tanh", "relu"], cv=3)
    >>> display = comparison.plot()
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['score', 'fit time [s]', 'dead units']
    """

    def __init__(self, *, results, metric="score"):
        self.results = results
        self.metric = metric

    def plot(self, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of three, default=None
            One is divided into three panels; None makes a new figure.

        Returns
        -------
        display : ActivationComparisonDisplay
            Itself.
        """
        height = 1.0 + 0.24 * len(self.results)
        self.axes_ = axes = many_axes(
            ax, 3, 3, (2.9, height), gap=(18.0, 0.0), sharey=True
        )
        self.ax_, self.figure_ = axes[0], axes[0].figure
        if ax is None or hasattr(ax, "plot"):  # a grid of our own
            axes[0].get_gridspec().set_width_ratios([2, 1, 1])
        from matplotlib.ticker import MaxNLocator, PercentFormatter

        self._draw_scores(axes[0])
        self._draw_bars(axes[1], "fit_time", "fit time [s]")
        self._draw_bars(axes[2], "dead_units", "dead units")
        shares = [result["dead_units"] for result in self.results]
        axes[2].set_xlim(0.0, min(1.0, max(0.1, 1.05 * np.nanmax([0.0, *shares]))))
        for panel, n_steps in ((axes[1], 2), (axes[2], 3)):  # times have long labels
            panel.xaxis.set_major_locator(MaxNLocator(n_steps, steps=[1, 2, 5, 10]))
        axes[2].xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        for panel in axes:
            if is_narrow(panel):
                write_small(panel)
        return self

    def _draw_scores(self, ax):
        places = np.arange(len(self.results))
        mean = np.array([result["mean_score"] for result in self.results])
        std = np.array([result["std_score"] for result in self.results])
        low = _lowest_shown(mean, std)
        ax.axvline(mean[0], color="C0", lw=1, alpha=0.5)  # the best, to compare with
        shown = mean >= low
        style = {"fmt": "o", "color": "C0", "ms": 5, "lw": 1.2}
        ax.errorbar(mean[shown], places[shown], xerr=std[shown], **style)
        for place, result in zip(places, self.results, strict=True):
            score = result["mean_score"]
            if score >= low:
                folds = np.maximum(result["scores"], low)
                ax.plot(folds, np.full(len(folds), place), "|", color="C0", alpha=0.5)
                continue
            text = "failed" if result["error"] else f"◂ {score:.3g}"
            style = {"color": "C3", "va": "center", "fontsize": "small"}
            ax.text(0.02, place, text, transform=ax.get_yaxis_transform(), **style)
        ax.set_yticks(places, [result["activation"] for result in self.results])
        ax.set_ylim(len(places) - 0.5, -0.5)
        high = (mean + std)[shown].max()
        # Scores that are the same, or nearly so, stand in the middle.
        margin = max(0.03 * (high - low), 0.01 * max(abs(low), abs(high))) or 0.01
        ax.set_xlim(low - margin, high + margin)
        ax.set_xlabel(self.metric)
        ax.grid(axis="y", alpha=0.3)

    def _draw_bars(self, ax, key, label):
        values = [result[key] for result in self.results]
        ax.barh(np.arange(len(values)), values, height=0.6, color="C0", alpha=0.7)
        ax.set_xlim(left=0.0)
        ax.set_xlabel(label)
        ax.tick_params(axis="y", labelleft=False)


def _lowest_shown(mean, std):
    """Return where the scale of the scores begins; the worst may lie far below."""
    finite = np.isfinite(mean)
    low, best = (mean - std)[finite].min(), mean[finite].max()
    usual = best - np.median(mean[finite])
    return max(low, best - 4.0 * usual - 3.0 * np.median(std[finite]))
