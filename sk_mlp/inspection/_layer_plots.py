"""What happens in the layers: the values of their units, the gradients they get."""

import numpy as np
from scipy.linalg import norm

from sk_mlp.inspection._examination import Examination
from sk_mlp.inspection._layer_symptoms import TINY_GRADIENT
from sk_mlp.inspection._plotting import (
    check_choice,
    draw_legend,
    drawable,
    labelled,
    mean_and_std,
    one_axes,
)
from sk_mlp.inspection._reading import read

_KINDS = ("activation", "preactivation")
_N_BINS = 60
# A bin is cut off at so many times the upper quartile of those that are not empty, or
# at this share of all values if that is more.
_HIGHEST = 2.5
_HIGHEST_SHARE = 0.05
# The share of the room of a layer that its histogram takes, and its share of the range
# of values that is shown: the rest are outliers.
_HEIGHT = 0.85
_SHOWN = (0.1, 99.9)
# The largest gradient that is drawn: the margins of the scale are to be numbers.
_LARGEST_GRADIENT = 1e250
# Most layers that are named one by one.
_MAX_NAMES = 16


class LayerDistributionDisplay:
    """The values in each layer of a network: histograms, and what is wrong with them.

    Make one with :meth:`from_estimator`. Layers stand one above the other, the output
    layer on top, each as high as its room. Bins that stand far above the others are cut
    off: half of what leaves a ReLU is 0. Beside each layer are the mean and standard
    deviation of its values, and the shares of its units that are dead (the slope of the
    activation is 0 for all rows) or else saturated (nearly 0 for nearly all rows). An
    output activation that is flat on both sides is let be: near 0 or 1 is where the
    probabilities of a good classifier are.

    Parameters
    ----------
    layer_names : list of str
        Names of the layers, from input to output.
    values : list of array-like of shape (n_rows, n_units)
        What the units of each layer hold.
    dead, saturated : array-like of shape (n_layers,) or None, default=None
        Shares of the units of each layer.
    kind : {"activation", "preactivation"}, default="activation"
        What the values are: after the activation or before.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    polygons_ : list of matplotlib PolyCollection
        The histograms, from input to output.

    See Also
    --------
    GradientFlowDisplay : What comes back through the layers.
    diagnose : Names what is wrong, and the remedies.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import LayerDistributionDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((20, 10), solver="lbfgs", random_state=0).fit(X, y)
    >>> display = LayerDistributionDisplay.from_estimator(model, X)
    >>> display.layer_names
    ['hidden 1', 'hidden 2', 'output']
    >>> display.values[0].shape
    (150, 20)
    """

    def __init__(
        self, *, layer_names, values, dead=None, saturated=None, kind="activation"
    ):
        self.layer_names = layer_names
        self.values = values
        self.dead = dead
        self.saturated = saturated
        self.kind = kind

    @classmethod
    def from_estimator(cls, estimator, X, *, kind="activation", ax=None):
        """Draw what a fitted estimator makes of X, layer by layer.

        Dropout does nothing, as in `predict`. Of more than 5,000 rows, so many are
        taken at even distances.

        Parameters
        ----------
        estimator : estimator
            A fitted MLP of this package or of scikit-learn, or a pipeline or a search
            with one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            What its `predict` takes.
        kind : {"activation", "preactivation"}, default="activation"
            Values after the activations, or before (and after normalization).
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LayerDistributionDisplay

        Raises
        ------
        ValueError
            If `kind` is invalid, or X is not what `predict` would take.
        TypeError
            If there is no MLP in the estimator.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        check_choice("kind", kind, _KINDS)
        examined = Examination(*read(estimator, X))
        layers = examined.trace.layers
        shares = np.array([_shares(units) for units in examined.units])
        if examined.units[-1].saturates:
            shares[-1] = 0.0  # where outputs near 0 and 1 are what is wanted
        display = cls(
            layer_names=[layer.name for layer in layers],
            values=[layer.a if kind == "activation" else layer.z for layer in layers],
            dead=shares[:, 0],
            saturated=shares[:, 1],
            kind=kind,
        )
        return display.plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LayerDistributionDisplay
            Itself.
        """
        n_layers = len(self.values)
        size = (7.0, min(12.0, 1.2 + 0.75 * n_layers))
        self.ax_ = ax = one_axes(ax, figsize=size)
        self.figure_ = ax.figure
        edges = _edges(self.values)
        self.polygons_ = []
        for k, values in enumerate(self.values):
            height = _HEIGHT * _heights(np.histogram(values, edges)[0])
            self.polygons_.append(
                ax.fill_between(
                    *(edges, k, k + np.append(height, 0.0)),
                    step="post",
                    color="C0",
                    alpha=0.8,
                    linewidth=0,
                )
            )
        ax.hlines(np.arange(n_layers), edges[0], edges[-1], color="0.8", linewidth=0.8)
        ax.set(
            xlim=(edges[0], edges[-1]),
            ylim=(-0.1, n_layers),
            xlabel=f"{self.kind} of a unit",
        )
        ax.axvline(0.0, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        self._label()
        return self

    def _label(self):
        """Name the layers on the left, describe them on the right."""
        n_layers = len(self.values)
        step = -(-n_layers // _MAX_NAMES)
        shown = range(n_layers - 1, -1, -step)
        places = [k + 0.3 for k in shown]
        self.ax_.set_yticks(places, [self.layer_names[k] for k in shown])
        self.ax_.tick_params(axis="y", length=0)
        for k, place in zip(shown, places, strict=True):
            self.ax_.annotate(
                self._describe(k, in_lines=n_layers <= 10),
                (1.01, place),
                xycoords=("axes fraction", "data"),
                fontsize="small",
                va="center",
            )

    def _describe(self, k, in_lines):
        values = np.asarray(self.values[k], dtype=float)
        finite = values[np.isfinite(values)]
        if not finite.size:
            return "no finite value"
        text = "mean {:.2g}, std {:.2g}".format(*mean_and_std(finite))
        notes = []
        if self.dead is not None and self.dead[k] > 0:
            notes.append(f"{self.dead[k]:.0%} dead")
        if self.saturated is not None and self.saturated[k] > 0:
            notes.append(f"{self.saturated[k]:.0%} saturated")
        if finite.size < values.size:
            notes.append(f"{1 - finite.size / values.size:.0%} not finite")
        between = "\n" if in_lines else ", "
        return between.join([text, ", ".join(notes)] if notes else [text])


def _heights(counts):
    """Return the heights of the bins, at most 1."""
    filled = counts[counts > 0]
    if not filled.size:
        return np.zeros(len(counts))
    high = max(_HIGHEST * np.percentile(filled, 75), _HIGHEST_SHARE * filled.sum())
    return np.minimum(counts / min(high, filled.max()), 1.0)


def _edges(values):
    """Return the edges of bins that hold all but the outliers of every layer."""
    ends = []
    for array in values:
        array = np.asarray(array, dtype=float)
        finite = array[np.isfinite(array)]
        if finite.size:
            ends.append(np.percentile(drawable(finite), _SHOWN))
    low, high = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (0, 0)
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.03 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, _N_BINS + 1)


class GradientFlowDisplay:
    """The gradient by layer: whether it vanishes or explodes on its way back.

    Make one with :meth:`from_estimator`. The size of the gradient in a layer is the
    root mean square, over the rows, of the length of dL/dz, z the inputs of its
    activations. On the logarithmic scale a straight line is a factor for each layer.
    Below the dashed line, 1e-5, :func:`diagnose` takes a gradient for vanished, if that
    of the output layer is not small as well.

    Parameters
    ----------
    layer_names : list of str
        Names of the layers, from input to output.
    signals : array-like of shape (n_layers,)
        Size of the gradient in each layer.
    weight_gradients : array-like of shape (n_layers,) or None, default=None
        Norm of the gradient of the mean loss with respect to the weights that lead to
        each layer.
    name : str or None, default=None
        Of the estimator, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : dict of str to matplotlib Line2D
        "signals", "weight_gradients" where they are drawn, "zeros": the layers in
        which the gradient is exactly 0, marked at the bottom, and "not_finite": those
        in which it is NaN or infinite, marked at the top.

    See Also
    --------
    LayerDistributionDisplay : What the layers pass on.
    diagnose : Names what is wrong, and the remedies.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import GradientFlowDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> ax = None
    >>> for activation in ("logistic", "relu"):
    ...     model = MLPClassifier((20,) * 8, activation, random_state=0)
    ...     model = model.partial_fit(X, y, classes=[0, 1, 2])
    ...     display = GradientFlowDisplay.from_estimator(
    ...         model, X, y, name=activation, ax=ax
    ...     )
    ...     ax = display.ax_
    >>> len(display.signals)
    9
    """

    def __init__(self, *, layer_names, signals, weight_gradients=None, name=None):
        self.layer_names = layer_names
        self.signals = signals
        self.weight_gradients = weight_gradients
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, sample_weight=None, name=None, ax=None
    ):
        """Draw the gradient of a fitted estimator's loss, layer by layer.

        Dropout does nothing, as in `predict`. Of more than 5,000 rows, so many are
        taken at even distances.

        Parameters
        ----------
        estimator : estimator
            A fitted MLP of this package or of scikit-learn, or a pipeline or a search
            with one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            What its `predict` takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets. Without them the gradient is that of the raw outputs, in a random
            direction of length 1 for each row.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        name : str or None, default=None
            Of the estimator, for the legend.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure. Several estimators can share one.

        Returns
        -------
        display : GradientFlowDisplay

        Raises
        ------
        ValueError
            If X or y are not what `predict` or `score` would take.
        TypeError
            If there is no MLP in the estimator.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        examined = Examination(*read(estimator, X, y, sample_weight))
        layers = examined.trace.layers
        norms = None
        if y is not None:
            # BLAS takes no squares of large numbers.
            gradients = [layer.weight_gradient.ravel() for layer in layers]
            norms = np.array([norm(g, check_finite=False) for g in gradients])
        display = cls(
            layer_names=[layer.name for layer in layers],
            signals=examined.signals,
            weight_gradients=norms,
            name=name,
        )
        return display.plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the sizes.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure. Several estimators can share one.

        Returns
        -------
        display : GradientFlowDisplay
            Itself.
        """
        self.ax_ = ax = one_axes(ax, figsize=(7.0, 4.2))
        self.figure_ = ax.figure
        if not ax.has_data():
            ax.set(yscale="log", ylabel="size of the gradient")
            label = f"{TINY_GRADIENT:g}: vanished below"
            ax.axhline(TINY_GRADIENT, color="0.4", linestyle="--", label=label)
        self._draw_lines()
        self._name_layers()
        draw_legend(ax)
        return self

    def _draw_lines(self):
        ax, x = self.ax_, np.arange(len(self.layer_names))
        shown = _positive(self.signals)
        if np.isnan(shown).all():
            ax.update_datalim([(0.0, 1.0)])  # the scale needs a second height
        (line,) = ax.plot(x, shown, "o-", label=labelled(self.name, "dL/dz"))
        self.lines_ = {"signals": line}
        style = {"color": line.get_color(), "markersize": 4}
        if self.weight_gradients is not None:
            (self.lines_["weight_gradients"],) = ax.plot(
                *(x, _positive(self.weight_gradients), "s:"),
                label=labelled(self.name, "dL/dW"),
                alpha=0.7,
                **style,
            )
        signals = np.asarray(self.signals, dtype=float)
        self._mark("zeros", signals == 0, 0.02, "v", "exactly 0", style)
        self._mark("not_finite", ~np.isfinite(signals), 0.98, "x", "not finite", style)

    def _mark(self, key, where, height, marker, what, style):
        """Mark layers that have no place on the scale, at this share of its height."""
        layers = np.flatnonzero(where)
        if len(layers):
            (self.lines_[key],) = self.ax_.plot(
                *(layers, np.full(len(layers), height), marker),
                transform=self.ax_.get_xaxis_transform(),
                label=labelled(self.name, what),
                **{**style, "markersize": 8},
            )

    def _name_layers(self):
        """Name the layers below, as many as have room; of the deepest network."""
        n_layers = len(self.layer_names)
        if n_layers < max(len(line.get_xdata()) for line in self.ax_.get_lines()):
            return  # a deeper one is there
        step = -(-n_layers // _MAX_NAMES)
        shown = list(range(n_layers - 1, -1, -step))[::-1]
        names = [self.layer_names[k] for k in shown]
        self.ax_.set_xticks(shown, names)
        if n_layers > 7:
            self.ax_.tick_params(axis="x", rotation=45)


def _positive(sizes):
    """Return the sizes that a logarithmic scale can show, NaN for the others."""
    sizes = np.asarray(sizes, dtype=float)
    shown = np.minimum(sizes, _LARGEST_GRADIENT)
    return np.where(np.isfinite(sizes) & (sizes > 0), shown, np.nan)


def _shares(units):
    """Return the shares of dead units, and of others that are saturated.

    Rectifiers have none of these.
    """
    dead = units.dead.mean()
    return dead, (units.saturated & ~units.dead).mean() if units.saturates else 0.0
