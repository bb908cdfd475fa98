"""The weights of a layer: as images, as a heat map, or their distribution."""

from math import isqrt
from numbers import Integral

import numpy as np

from sk_mlp.inspection._plotting import (
    check_choice,
    drawable,
    many_axes,
    mean_and_std,
    one_axes,
)
from sk_mlp.inspection._reading import read

_COLORMAP = "RdBu_r"  # white in the middle, at 0
# Least features that "auto" takes for an image.
_SMALLEST_IMAGE = 16
# Most rows or columns of a heat map that are named one by one.
_MAX_NAMES = 30
_STYLES = ("auto", "heatmap", "histogram")


class WeightsDisplay:
    """Weights of a layer: images of what each unit looks for, or a heat map.

    Make one with :meth:`from_estimator`. Units with the largest weights (by their
    Euclidean norm) come first. Red is positive, blue negative, white 0; all units share
    one scale.

    Parameters
    ----------
    weights : array-like of shape (n_inputs, n_units)
        The weights, as in `coefs_`.
    layer_name : str, default="layer"
        For the title.
    input_names : array-like of str or None, default=None
        Names of the inputs, for a heat map.
    image_shape : tuple of int or None, default=None
        Height and width of the images that the inputs are; None if they are none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of `axes_`.
    axes_ : ndarray of matplotlib Axes
        One for each image; one for a heat map or histogram.
    units_ : ndarray of int
        The units that are drawn, in this order; all for a histogram.
    images_ : list of matplotlib AxesImage
        The images or the heat map; empty for a histogram.
    figure_ : matplotlib Figure

    See Also
    --------
    LayerDistributionDisplay : What the units make of data.
    sk_mlp.inspection.input_gradients : What an output looks at, through all layers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier(max_iter=100, learning_rate_init=0.01, random_state=0)
    >>> model = model.fit(X / 16, y)
    >>> display = WeightsDisplay.from_estimator(model, image_shape=(8, 8), max_units=9)
    >>> len(display.images_), display.images_[0].get_array().shape
    (9, (8, 8))
    """

    def __init__(
        self, *, weights, layer_name="layer", input_names=None, image_shape=None
    ):
        self.weights = weights
        self.layer_name = layer_name
        self.input_names = input_names
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator,
        layer=0,
        *,
        image_shape=None,
        style="auto",
        max_units=16,
        ax=None,
    ):
        """Draw the weights of a layer of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted MLP of this package or of scikit-learn, or a pipeline or a search
            with one.
        layer : int, default=0
            Which of `coefs_`: 0 leads to the first hidden layer, -1 to the output.
        image_shape : tuple of int, "auto" or None, default=None
            Height and width of the images that the inputs of the first layer are.
            "auto" takes a square number of features, from 16 on, for square images.
            None draws no images.
        style : {"auto", "heatmap", "histogram"}, default="auto"
            "auto" draws images where `image_shape` tells of them, else a heat map.
        max_units : int, default=16
            Most units that are drawn; a histogram is of all.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Where to draw; one is divided where several are needed. None makes a new
            figure.

        Returns
        -------
        display : WeightsDisplay

        Raises
        ------
        ValueError
            If there is no such layer, the images have not as many pixels as there are
            features, or an option is invalid.
        TypeError
            If there is no MLP in the estimator, or `layer` is no integer.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        model = read(estimator)[0]
        weights, n_layers = model.coefs_, len(model.coefs_)
        if not isinstance(layer, Integral) or isinstance(layer, bool):
            raise TypeError(f"layer must be an int. Got {layer!r}.")
        if not -n_layers <= layer < n_layers:
            raise ValueError(
                f"The network has {n_layers} layers of weights: layer must be at least "
                f"{-n_layers} and below {n_layers}. Got {layer}."
            )
        layer %= n_layers
        is_last = layer == n_layers - 1
        display = cls(
            weights=weights[layer].copy(),
            layer_name="output" if is_last else f"hidden {layer + 1}",
            input_names=getattr(model, "feature_names_in_", None)
            if layer == 0
            else None,
            image_shape=_image_shape(image_shape, len(weights[layer]), layer),
        )
        return display.plot(style=style, max_units=max_units, ax=ax)

    def plot(self, *, style="auto", max_units=16, ax=None):
        """Draw the weights.

        Parameters
        ----------
        style : {"auto", "heatmap", "histogram"}, default="auto"
            "auto" draws images where there is an `image_shape`, else a heat map.
        max_units : int, default=16
            Most units that are drawn; a histogram is of all.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Where to draw; one is divided where several are needed. None makes a new
            figure.

        Returns
        -------
        display : WeightsDisplay
            Itself.

        Raises
        ------
        ValueError
            If an option is invalid, or `ax` has fewer axes than there are images.
        """
        check_choice("style", style, _STYLES)
        if not isinstance(max_units, Integral) or max_units < 1:
            raise ValueError(
                f"max_units must be an int of at least 1. Got {max_units!r}."
            )
        weights = np.asarray(self.weights, dtype=float)
        norms = np.linalg.norm(weights / _limit(weights), axis=0)
        # NaNs come last, equal norms in their own order.
        self.units_ = np.argsort(-norms, kind="stable")
        self.images_ = []
        if style == "histogram":
            self._draw_histogram(weights, ax)
        else:
            self.units_ = self.units_[:max_units]
            if style == "auto" and self.image_shape is not None:
                self._draw_images(weights, ax)
            else:
                self._draw_heatmap(weights, ax)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        return self

    def _draw_images(self, weights, ax):
        n_units = len(self.units_)
        n_columns = min(8, isqrt(n_units - 1) + 1)
        self.axes_ = many_axes(ax, n_units, n_columns, panel_size=(1.2, 1.3))
        limit = _limit(weights[:, self.units_])
        for axes, unit in zip(self.axes_, self.units_, strict=True):
            image = weights[:, unit].reshape(self.image_shape)
            self._show(axes, image, limit)
            axes.set_title(f"unit {unit}", fontsize="x-small", pad=2)
            axes.set(xticks=[], yticks=[])
        self.axes_[0].figure.colorbar(
            self.images_[0],
            ax=list(self.axes_),
            label=f"weight ({self._title(weights)})",
        )

    def _draw_heatmap(self, weights, ax):
        n_units = len(self.units_)
        n_inputs = len(weights)
        size = (max(4.0, 2.5 + 0.25 * n_units), min(8.0, max(3.0, 0.2 * n_inputs)))
        axes = one_axes(_first(ax), figsize=size)
        self.axes_ = np.array([axes])
        shown = weights[:, self.units_]
        self._show(axes, shown, _limit(shown), aspect="auto")
        _name_ticks(axes.xaxis, [str(unit) for unit in self.units_])
        names = self.input_names
        names = range(n_inputs) if names is None else names
        _name_ticks(axes.yaxis, [str(name) for name in names])
        axes.set(xlabel="unit", ylabel="input", title=self._title(weights))
        axes.figure.colorbar(self.images_[0], ax=axes, label="weight")

    def _draw_histogram(self, weights, ax):
        axes = one_axes(_first(ax))
        self.axes_ = np.array([axes])
        finite = weights[np.isfinite(weights)]
        axes.hist(drawable(finite), bins=min(100, max(10, isqrt(finite.size))))
        axes.set(xlabel="weight", ylabel="count")
        n_bad = weights.size - finite.size
        facts = ""
        if finite.size:
            facts = "mean {:.2g}, std {:.2g}".format(*mean_and_std(finite))
        axes.set_title(
            f"{self.layer_name}: {weights.size} weights\n{facts}"
            + (f", {n_bad} not finite" if n_bad else "")
        )

    def _show(self, axes, values, limit, **options):
        limit = drawable(limit)
        self.images_.append(
            axes.imshow(
                values,
                cmap=_COLORMAP,
                vmin=-limit,
                vmax=limit,
                interpolation="nearest",
                **options,
            )
        )

    def _title(self, weights):
        n_drawn, n_units = len(self.units_), weights.shape[1]
        if n_drawn < n_units:
            return f"{self.layer_name}: {n_drawn} of {n_units} units, by norm"
        units = "1 unit" if n_units == 1 else f"all {n_units} units"
        return f"{self.layer_name}: {units}, by norm"


def _image_shape(shape, n_inputs, layer):
    """Return the shape of the images, or None where there are none."""
    if shape is None:
        return None
    if isinstance(shape, str) and shape == "auto":
        side = isqrt(n_inputs)
        is_image = layer == 0 and side**2 == n_inputs >= _SMALLEST_IMAGE
        return (side, side) if is_image else None
    if layer != 0:
        raise ValueError(
            f"image_shape is for the first layer, whose inputs are the features. Got "
            f"image_shape={shape!r} with another layer."
        )
    if np.shape(shape) != (2,) or shape[0] * shape[1] != n_inputs:
        raise ValueError(
            "image_shape must be 'auto', None or (height, width) with height * width = "
            f"{n_inputs}, the number of features. Got {shape!r}."
        )
    return tuple(int(length) for length in shape)


def _first(ax):
    """Return one Axes of what may be an array of them."""
    return ax if ax is None or hasattr(ax, "plot") else np.ravel(ax)[0]


def _limit(weights):
    """Return the end of the scale: the largest absolute weight, or 1 without any."""
    finite = np.abs(weights[np.isfinite(weights)])
    return float(finite.max(initial=0.0)) or 1.0


def _name_ticks(axis, names):
    """Label rows or columns: all by name if they are few, else every so many."""
    step = -(-len(names) // _MAX_NAMES)
    longest = max(map(len, names))
    axis.set_ticks(range(0, len(names), step), names[::step])
    vertical = axis.axis_name == "x" and longest > 2 and len(names) > 12
    axis.set_tick_params(labelsize="small", rotation=90 if vertical else 0)
