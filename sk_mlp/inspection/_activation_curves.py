"""Activations as curves, with their slopes; trained ones unit by unit."""

from textwrap import fill

import numpy as np

from sk_mlp.activations import Activation, get
from sk_mlp.inspection._plotting import (
    check_choice,
    draw_legend,
    is_narrow,
    many_axes,
    write_small,
)
from sk_mlp.inspection._reading import name_of, read

_N_POINTS = 401
# Most activations that share one set of axes, and most units that get a line each.
_TOGETHER = 6
_MAX_UNITS = 30
_N_COLUMNS = 5
# Inputs of a rowwise activation where no network says how many there are.
_ROW = 3
_KINDS = ("both", "value", "slope")
_LAYOUTS = ("auto", "together", "panels")


class ActivationDisplay:
    """Activations as curves f(z), with their slopes f'(z).

    Make one with :meth:`from_activations`, or with :meth:`from_estimator`, which draws
    trained activations as they have become. At a kink the slope jumps, and its line is
    broken. Random activations have their expected value. A rowwise one such as softmax
    is the output of one input while the others are 0.

    Parameters
    ----------
    z : array-like of shape (n_points,)
        The inputs, rising.
    values, slopes : dict of str to array-like of shape (n_points, n_units)
        f(z) and f'(z) by the activation's name; one column, or one for each unit with
        trained parameters of its own. NaN breaks a line.
    notes : dict of str to str or None, default=None
        What has to be said of an activation, by its name.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of `axes_`.
    axes_ : ndarray of matplotlib Axes
        One for each panel.
    lines_ : dict of str to list of matplotlib Line2D
        Of each activation: the value, then the slope, as far as they are drawn; of
        trained ones the means over the units.
    figure_ : matplotlib Figure

    See Also
    --------
    sk_mlp.activations.table : The activations and their properties.
    LayerDistributionDisplay : Where on these curves the units of a network are.

    Examples
    --------
    >>> from sk_mlp.inspection import ActivationDisplay
    >>> display = ActivationDisplay.from_activations(["relu", "gelu", "tanh"])
    >>> list(display.values)
    ['relu', 'gelu', 'tanh']
    >>> len(display.axes_)  # curves and slopes
    2

    Each unit of this layer has learned a slope of its own for negative inputs:

    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((8,), "prelu", solver="lbfgs", random_state=0)
    >>> display = ActivationDisplay.from_estimator(model.fit(X, y))
    >>> [array.shape[1] for array in display.values.values()]
    [8, 1]
    """

    def __init__(self, *, z, values, slopes, notes=None):
        self.z = z
        self.values = values
        self.slopes = slopes
        self.notes = notes

    @classmethod
    def from_activations(
        cls, activations, *, z_range=(-4.0, 4.0), kind="both", layout="auto", ax=None
    ):
        """Draw activations with the parameters that they are given with.

        Parameters
        ----------
        activations : str, Activation or iterable of these
            Names of :func:`sk_mlp.activations.names`, or objects.
        z_range : tuple of float, default=(-4.0, 4.0)
            From which input to which.
        kind : {"both", "value", "slope"}, default="both"
            Whether to draw f(z), f'(z) or both.
        layout : {"auto", "together", "panels"}, default="auto"
            Whether all share one set of axes (two with kind="both": one for the slopes)
            or have a panel each. "auto" puts two to six together.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Where to draw; one is divided where several are needed. None makes a new
            figure.

        Returns
        -------
        display : ActivationDisplay

        Raises
        ------
        ValueError
            If a name is unknown, there is no activation, or an option is invalid.
        TypeError
            If something is neither a name nor an `Activation`.
        """
        curves = {}
        for spec in listed(activations):
            activation = activation_of(spec)
            activation.check()
            name = spec if isinstance(spec, str) else name_of(activation)
            curves[name] = (activation, _fixed(activation), _ROW)
        return cls._of_curves(curves, z_range).plot(kind=kind, layout=layout, ax=ax)

    @classmethod
    def from_estimator(
        cls, estimator, *, z_range=(-4.0, 4.0), kind="both", layout="auto", ax=None
    ):
        """Draw the activations of a fitted estimator, as training has left them.

        Layers that have the same one, with nothing to train, are drawn once; the output
        activation is left out if it is the identity.

        Parameters
        ----------
        estimator : estimator
            A fitted MLP of this package or of scikit-learn, or a pipeline or a search
            with one.
        z_range : tuple of float, default=(-4.0, 4.0)
            From which input to which.
        kind : {"both", "value", "slope"}, default="both"
            Whether to draw f(z), f'(z) or both.
        layout : {"auto", "together", "panels"}, default="auto"
            As in :meth:`from_activations`; units of their own are drawn in panels.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Where to draw; one is divided where several are needed. None makes a new
            figure.

        Returns
        -------
        display : ActivationDisplay

        Raises
        ------
        ValueError
            If the only activation is the identity at the output, or an option is
            invalid.
        TypeError
            If there is no MLP in the estimator.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        curves = _curves_of(read(estimator)[0]._network)
        return cls._of_curves(curves, z_range).plot(kind=kind, layout=layout, ax=ax)

    @classmethod
    def _of_curves(cls, curves, z_range):
        if not curves:
            raise ValueError("There is no activation to draw.")
        z = _grid(z_range, [activation for activation, *_ in curves.values()])
        values, slopes, notes = {}, {}, {}
        for name, (activation, shape, width) in curves.items():
            values[name], slopes[name] = _evaluate(activation, shape, width, z)
            notes[name] = _note(activation, width)
        return cls(z=z, values=values, slopes=slopes, notes=notes)

    def plot(self, *, kind="both", layout="auto", ax=None):
        """Draw the curves.

        Parameters
        ----------
        kind : {"both", "value", "slope"}, default="both"
            Whether to draw f(z), f'(z) or both.
        layout : {"auto", "together", "panels"}, default="auto"
            As in :meth:`from_activations`.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Where to draw; one is divided where several are needed. None makes a new
            figure.

        Returns
        -------
        display : ActivationDisplay
            Itself.

        Raises
        ------
        ValueError
            If an option is invalid, or `ax` has fewer axes than there are panels.
        """
        check_choice("kind", kind, _KINDS)
        check_choice("layout", layout, _LAYOUTS)
        curves = {"value": self.values, "slope": self.slopes}
        drawn = [what for what in curves if kind in (what, "both")]
        if layout == "auto":
            one_each = all(np.shape(a)[1] == 1 for a in self.values.values())
            together = 1 < len(self.values) <= _TOGETHER and one_each
        else:
            together = layout == "together"
        self.lines_ = {name: [] for name in self.values}
        if together:
            self._draw_together({what: curves[what] for what in drawn}, ax)
        else:
            self._draw_panels({what: curves[what] for what in drawn}, ax)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        return self

    def _draw_together(self, curves, ax):
        gap = (44.0, 0.0)  # for the labels of the second panel
        self.axes_ = many_axes(ax, len(curves), 2, panel_size=(4.2, 3.4), gap=gap)
        for axes, (what, arrays) in zip(self.axes_, curves.items(), strict=True):
            for name, array in arrays.items():
                label = fill(self._title(name), 28)
                self._draw(axes, name, np.asarray(array), label)
            axes.set(xlabel="z", ylabel=_SYMBOLS[what])
            _frame(axes, np.asarray(self.z), list(arrays.values()))
            if is_narrow(axes):
                _make_small(axes)
        draw_legend(self.axes_[0])

    def _draw_panels(self, curves, ax):
        n_panels = len(self.values)
        size = (2.3, 2.0) if n_panels > 4 else (3.2, 2.8)
        self.axes_ = many_axes(
            *(ax, n_panels, _N_COLUMNS),
            # The gap has room for a title and labels in the smallest letters.
            **{"panel_size": size, "gap": (18.0, 12.0), "sharex": True},
        )
        for number, (axes, name) in enumerate(
            zip(self.axes_, self.values, strict=True)
        ):
            for what, arrays in curves.items():
                style = {"color": _COLORS[what], "linestyle": _STYLES[what]}
                self._draw(
                    axes, name, np.asarray(arrays[name]), _SYMBOLS[what], **style
                )
            _frame(
                axes, np.asarray(self.z), [arrays[name] for arrays in curves.values()]
            )
            self._name_panel(axes, name, size[0])
            if number + _N_COLUMNS >= n_panels:  # nothing stands below
                axes.set_xlabel("z")
                axes.tick_params(labelbottom=True)
        if len(curves) > 1:
            _explain(self.axes_[0], alone=n_panels == 1)
        else:
            self.axes_[0].set_ylabel(_SYMBOLS[what])

    def _name_panel(self, axes, name, width):
        """Write a title over a panel of so many inches, a short one if it is narrow."""
        if is_narrow(axes):
            n_letters = int(20 * axes.bbox.width / axes.figure.dpi)
            axes.set_title(fill(name, max(8, n_letters)))
            _make_small(axes)
            return
        alone = len(self.values) == 1
        axes.set_title(
            fill(self._title(name), 60 if alone else int(10 * width)),
            fontsize="medium" if alone else "small",
        )

    def _draw(self, axes, name, array, label, **style):
        """Draw one curve: thin lines for units of their own, a thick one for all."""
        n_units = array.shape[1]
        if n_units > 1:
            units = _spread_out(array)
            axes.plot(self.z, array[:, units], linewidth=0.6, alpha=0.35, **style)
        (line,) = axes.plot(
            *(self.z, array.mean(axis=1)),
            linewidth=1.6 if n_units == 1 else 2.4,
            label=label,
            **style,
        )
        self.lines_[name].append(line)

    def _title(self, name):
        notes = [(self.notes or {}).get(name)]
        n_units = np.shape(self.values[name])[1]
        if n_units > 1:
            notes.append(f"{n_units} units, thick: their mean")
        text = "; ".join(filter(None, notes))
        return f"{name} ({text})" if text else name


def _make_small(axes):
    write_small(axes)
    axes.locator_params(axis="x", nbins=2, steps=[1, 2, 4, 5, 10])
    axes.locator_params(axis="y", nbins=3)


def _explain(axes, alone):
    """Tell value and slope apart by a legend."""
    if is_narrow(axes):
        axes.legend(
            fontsize="xx-small", handlelength=1.0, handletextpad=0.3, borderpad=0.2
        )
    else:
        axes.legend(fontsize="medium" if alone else "x-small")


_SYMBOLS = {"value": "f(z)", "slope": "f'(z)"}
_COLORS = {"value": "C0", "slope": "C1"}
_STYLES = {"value": "-", "slope": "--"}


def listed(activations):
    """Return activations as a list, a single one too.

    Raises
    ------
    TypeError
        If it is neither one nor iterable.
    """
    if isinstance(activations, str | Activation | type):
        return [activations]
    try:
        return list(activations)
    except TypeError:
        raise TypeError(
            "activations must be a name, an Activation object or an iterable of these. "
            f"Got {activations!r}."
        ) from None


def activation_of(spec):
    """Return the activation for a name or an object; say what is wrong with others."""
    try:
        return get(spec)
    except (TypeError, ValueError) as error:
        raise type(error)(f"An activation {error}") from None


def _grid(z_range, activations):
    """Return the inputs: evenly spaced, and at and beside every kink."""
    try:
        low, high = map(float, z_range)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 < high - low < np.inf:
        raise ValueError(f"z_range must be two finite rising numbers. Got {z_range!r}.")
    beside = (high - low) * 1e-9 * np.array([-1.0, 0.0, 1.0])
    kinks = [kink for activation in activations for kink in activation.kinks]
    near = [kink + beside for kink in kinks if low < kink < high]
    return np.unique(np.concatenate([np.linspace(low, high, _N_POINTS), *near]))


def _evaluate(activation, shape, width, z):
    """Return f(z) and f'(z), a column for each column of `shape`.

    Parameters
    ----------
    activation : Activation
    shape : ndarray of shape (n_shape_values, n_units)
    width : int
        Inputs in a row, where the activation takes whole rows.
    z : ndarray of shape (n_points,)
    """
    if activation.rowwise:
        inputs = np.zeros((len(z), width))
        inputs[:, 0] = z
        upstream = np.zeros_like(inputs)
        upstream[:, 0] = 1.0
    else:
        inputs = np.repeat(z[:, np.newaxis], max(1, shape.shape[1]), axis=1)
        upstream = np.ones_like(inputs)
    value = np.empty_like(inputs)
    with np.errstate(all="ignore"):
        activation.forward(inputs, value, *shape)
        activation.backward(inputs.copy(), value.copy(), upstream, *shape)
    if activation.rowwise:
        value, upstream = value[:, :1], upstream[:, :1]
    for kink in activation.kinks:
        at = np.flatnonzero(z == kink)
        for k in at:
            upstream[k] = np.nan
            if 0 < k < len(z) - 1 and np.any(abs(value[k + 1] - value[k - 1]) > 1e-6):
                value[k] = np.nan
    return _finite(value), _finite(upstream)


def _finite(array):
    return np.where(np.isfinite(array), array, np.nan)


def _note(activation, width):
    if activation.rowwise:
        return f"1 of {width} inputs, the others are 0"
    if activation.random:
        return "expected value"
    return None


def _curves_of(network):
    """Return (activation, shape, width) of the layers by the names of their curves."""
    names = [name_of(layer.activation) for layer in network.activate]
    trained = [bool(layer.parameters) for layer in network.activate]
    curves = {}
    for k, layer in enumerate(network.activate):
        same = [
            i
            for i, name in enumerate(names)
            if i == k or (name == names[k] and not trained[i] and not trained[k])
        ]
        if same[0] == k:
            numbers = _ranges([i + 1 for i in same])
            curves[f"hidden {numbers}: {names[k]}"] = _curve_of(layer)
    output = network.head.activate
    if name_of(output.activation) != "identity":
        curves[f"output: {name_of(output.activation)}"] = _curve_of(output)
    return curves


def _curve_of(layer):
    group = layer.groups[0]
    shape = layer.shape.value if layer.parameters else _fixed(layer.activation)
    return layer.activation, shape, group.stop - group.start


def _fixed(activation):
    return np.reshape(activation.default_shape(), (-1, 1))


def _ranges(numbers):
    """Return rising numbers as text: "1-3, 5"."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _spread_out(array):
    """Return some columns: all, or so many that the whole spread is among them."""
    order = np.argsort(np.nansum(array * np.linspace(-1, 2, len(array))[:, None], 0))
    n_drawn = min(len(order), _MAX_UNITS)
    return order[np.linspace(0, len(order) - 1, n_drawn).round().astype(int)]


def _frame(axes, z, arrays):
    """Show the origin, and no more of steep curves than fits a square picture."""
    values = np.concatenate([np.ravel(array) for array in arrays])
    values = values[np.isfinite(values)]
    reach = max(abs(z[0]), abs(z[-1]))
    low = max(min(values.min(initial=0.0), 0.0), -reach)
    high = min(max(values.max(initial=0.0), 1.0), reach)
    margin = 0.06 * (high - low)
    axes.set(xlim=(z[0], z[-1]), ylim=(low - margin, high + margin))
    axes.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
    axes.axvline(0.0, color="0.8", linewidth=0.8, zorder=0)
