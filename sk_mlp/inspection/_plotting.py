"""What the Displays share: matplotlib, axes, and room for several panels in one."""

from math import ceil

import numpy as np


def pyplot():
    """Return ``matplotlib.pyplot``, imported only when something is drawn."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'Displays need matplotlib: pip install "sk-mlp[plot]".'
        ) from error
    return plt


def check_choice(option, value, choices):
    """Raise a ValueError unless the value of an option is one of its choices."""
    if value not in choices:
        raise ValueError(f"{option} must be one of {choices}. Got {value!r}.")


def one_axes(ax, figsize=None):
    """Return the axes to draw in: `ax`, or those of a new figure if it is None.

    Parameters
    ----------
    ax : matplotlib Axes or None
    figsize : tuple of float or None, default=None
        Width and height of a new figure in inches.
    """
    plt = pyplot()
    if ax is not None:
        return ax
    return plt.subplots(figsize=figsize, layout="constrained")[1]


def many_axes(ax, n_panels, n_columns, panel_size=(2.0, 1.8), gap=None, **shared):
    """Return axes for several panels.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of Axes or None
        One is divided into a grid; of several the first ones are used. None makes a
        new figure.
    n_panels : int
    n_columns : int
        At most so many panels stand side by side.
    panel_size : tuple of float, default=(2.0, 1.8)
        Width and height of a panel of a new figure in inches.
    gap : tuple of float or None, default=None
        Width and height, in points, of what is left free between the panels of an Axes
        that no layout moves; None is matplotlib's own.
    **shared : bool
        ``sharex``, ``sharey`` of the panels of a grid.

    Returns
    -------
    axes : ndarray of shape (n_panels,)

    Raises
    ------
    ValueError
        If several axes are given, but fewer than there are panels.
    """
    plt = pyplot()
    if ax is not None and not hasattr(ax, "plot"):
        axes = np.asarray(ax, dtype=object).ravel()
        if len(axes) < n_panels:
            raise ValueError(
                f"There are {n_panels} panels, but ax has only {len(axes)} axes."
            )
        return axes[:n_panels]
    if ax is None and n_panels == 1:
        return np.array([one_axes(None)])
    n_columns = min(n_panels, n_columns)
    n_rows = ceil(n_panels / n_columns)
    if ax is None:
        size = (panel_size[0] * n_columns, panel_size[1] * n_rows)
        figure = plt.figure(figsize=size, layout="constrained")
        grid = figure.add_gridspec(n_rows, n_columns)
    else:
        if n_panels == 1:
            return np.array([ax])
        ax.set_axis_off()
        spaces = {}
        if gap is not None and not has_layout(ax):
            spaces["wspace"] = _space(ax.bbox.width, n_columns, gap[0], ax)
            spaces["hspace"] = _space(ax.bbox.height, n_rows, gap[1], ax)
        figure, grid = ax.figure, place_of(ax).subgridspec(n_rows, n_columns, **spaces)
    axes = grid.subplots(squeeze=False, **shared).ravel()
    for unused in axes[n_panels:]:
        unused.remove()
    return axes[:n_panels]


def _space(length, n_panels, gap, ax):
    """Return a gap in points, relative to the panels that share a length in pixels."""
    gap *= ax.figure.dpi / 72.0
    return gap / max((length - (n_panels - 1) * gap) / n_panels, gap / 2)


def is_narrow(ax):
    """Tell whether labels of the usual size would fill an Axes."""
    return ax.bbox.width < 1.2 * ax.figure.dpi


def write_small(ax):
    """Write all around an Axes in the smallest letters."""
    ax.tick_params(labelsize="xx-small", pad=1, length=2)
    ax.set_title(ax.get_title(), fontsize="xx-small", pad=2)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize("xx-small")
        axis.labelpad = 1


def place_of(ax):
    """Return the SubplotSpec of an Axes; one of its own if it stands free."""
    from matplotlib.gridspec import GridSpec

    spec = ax.get_subplotspec()
    if spec is not None:
        return spec
    box = ax.get_position()
    return GridSpec(
        *(1, 1, ax.figure), left=box.x0, right=box.x1, bottom=box.y0, top=box.y1
    )[0]


def companion(ax, label, make):
    """Return the axes that stand by `ax` under this label, made if there are none.

    Several estimators on one ax share them.
    """
    other = find_companion(ax, label)
    if other is None:
        other = make()
        other.set_label(label)
    return other


def find_companion(ax, label):
    """Return the axes that stand by `ax` under this label, or None."""
    for other in ax.figure.axes:
        if other is not ax and other.get_label() == label:
            if ax.get_shared_x_axes().joined(ax, other):
                return other
    return None


def has_layout(ax):
    """Tell whether a layout moves an Axes so that all around it has room."""
    is_placed = ax.get_subplotspec() is not None
    return is_placed and ax.figure.get_layout_engine() is not None


def room_below(ax, share=0.25):
    """Return new axes under `ax`, with its x axis, in a share of the room it had."""
    place = place_of(ax)
    upper, lower = place.subgridspec(2, 1, height_ratios=[1 - share, share])
    for other in ax.figure.axes:  # a second scale stays where the first one goes
        if other is ax or other.get_subplotspec() is place:
            other.set_subplotspec(upper)
            other.tick_params(labelbottom=False)
    below = ax.figure.add_subplot(lower, sharex=ax)
    below.set_xlabel(ax.get_xlabel())
    ax.set_xlabel("")
    return below


_CORNERS = {
    "upper right": (1, 1),
    "center right": (1, 0.5),
    "lower right": (1, 0),
    "upper center": (0.5, 1),
    "center": (0.5, 0.5),
    "lower center": (0.5, 0),
    "upper left": (0, 1),
    "center left": (0, 0.5),
    "lower left": (0, 0),
}


_SIZES = ("medium", "small", "x-small", "xx-small")
# The largest share of its axes that a legend may cover, and the least height, in
# inches, that one below must leave them.
_COVERED = 0.2
_LEFT = 0.8


def draw_legend(*axes, lowest=None):
    """Draw one legend for all axes of one place, where fewest lines run.

    ``loc="best"`` would look at the lines of one of them only. A legend that would
    cover much stands below if a layout makes room for it there; otherwise it is written
    smaller, and if nothing helps it only names the estimators.

    Parameters
    ----------
    *axes : matplotlib Axes
        With the lines.
    lowest : matplotlib Axes or None, default=None
        What stands at the bottom of the place; None is the first of `axes`.
    """
    top = axes[-1]  # drawn on top of the others
    lowest = lowest or axes[0]
    handles = [handle for ax in axes for handle in ax.get_legend_handles_labels()[0]]
    labels = [handle.get_label() for handle in handles]
    for ax in (*axes, lowest):
        if ax.get_legend():
            ax.get_legend().remove()
    ways = [(size, 0) for size in _SIZES[len(handles) > 4 :]]  # columns below, or 0
    if has_layout(lowest):
        ways[-2:-2] = [("small", 2), ("small", 1)]
        ways += [("x-small", 2), ("xx-small", 2)]
    for size, n_columns in ways:
        if n_columns:
            legend = _below(lowest, handles, size, n_columns)
        else:
            legend = top.legend(handles=handles, fontsize=size)
        width, height = _share(legend, top)
        if n_columns:
            limit = 1.0 - _LEFT * top.figure.dpi / top.bbox.height
        else:
            limit = min(1.0, _COVERED / width)
        if width < 1.0 and height < limit:
            break
        legend.remove()
    else:
        n_columns, (handles, labels) = 0, _abridged(handles)
    if not n_columns:
        options = {"handles": handles, "labels": labels, "fontsize": size}
        share = np.minimum(_share(top.legend(**options), top), 1.0)
        legend = top.legend(**options, loc=_emptiest_corner(axes, share))
        legend.set_in_layout(False)  # one that sticks out would leave axes no room


def _abridged(handles):
    """Return one handle of each colour, with the name of its estimator only."""
    first = {}
    for handle in handles:
        first.setdefault(handle.get_color(), handle)
    labels = [handle.get_label() for handle in first.values()]
    return list(first.values()), [text.rpartition(": ")[0] or text for text in labels]


def _below(ax, handles, size, n_columns):
    """Draw a legend below the labels of an Axes."""
    from matplotlib.font_manager import FontProperties

    labels = (ax.bbox.y0 - ax.xaxis.get_tightbbox().y0) * 72.0 / ax.figure.dpi
    return ax.legend(
        handles=handles,
        fontsize=size,
        ncols=n_columns,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        # In units of the font's size, which stays where the layout moves the axes.
        borderaxespad=labels / FontProperties(size=size).get_size_in_points() + 0.5,
    )


def _share(legend, ax):
    """Return width and height of a legend, relative to those of an Axes."""
    box = legend.get_window_extent()
    return np.array([box.width / ax.bbox.width, box.height / ax.bbox.height])


def _emptiest_corner(axes, size):
    """Return the corner where fewest lines run behind a legend of this size."""
    points = np.concatenate([_points(line) for ax in axes for line in ax.get_lines()])

    def crossed(corner):
        low = np.array(_CORNERS[corner]) * (1 - size)
        return ((points >= low) & (points <= low + size)).all(axis=1).sum()

    return min(_CORNERS, key=crossed)


def _points(line):
    """Return points along a line, as shares of its axes."""
    path = line.get_transform().transform_path(line.get_path())
    points = line.axes.transAxes.inverted().transform(path.interpolated(9).vertices)
    return points[np.isfinite(points).all(axis=1)]


# The largest number that is drawn: matplotlib takes differences and margins.
_LARGEST = 1e300


def drawable(values):
    """Return numbers as float, those that are too large to be drawn made smaller."""
    return np.clip(np.asarray(values, dtype=float), -_LARGEST, _LARGEST)


def mean_and_std(values):
    """Return mean and standard deviation of values whose squares may overflow."""
    # A power of two changes no digit.
    exponent = np.frexp(np.abs(values).max(initial=0.0))[1] - 1
    scaled = np.ldexp(values, -exponent)
    return tuple(
        float(np.ldexp(moment, exponent)) for moment in (scaled.mean(), scaled.std())
    )


def labelled(name, what):
    """Return a legend entry: what it is, and of which estimator if that has a name."""
    return what if name is None else f"{name}: {what}"
