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


def many_axes(ax, n_panels, n_columns, panel_size=(2.0, 1.8), **shared):
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
        figure, grid = ax.figure, place_of(ax).subgridspec(n_rows, n_columns)
    axes = grid.subplots(squeeze=False, **shared).ravel()
    for unused in axes[n_panels:]:
        unused.remove()
    return axes[:n_panels]


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
    for other in ax.figure.axes:
        if other is not ax and other.get_label() == label:
            if ax.get_shared_x_axes().joined(ax, other):
                return other
    other = make()
    other.set_label(label)
    return other


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


def draw_legend(*axes):
    """Draw one legend for all axes of one place, where fewest lines run.

    ``loc="best"`` would look at the lines of one of them only.
    """
    handles = [handle for ax in axes for handle in ax.get_legend_handles_labels()[0]]
    for ax in axes:
        if ax.get_legend():
            ax.get_legend().remove()
    points = np.concatenate([_points(line) for ax in axes for line in ax.get_lines()])
    # About the size of the legend, as shares of the axes.
    size = np.array([0.45, min(1.0, 0.07 * len(handles) + 0.05)])

    def crossed(corner):
        low = np.array(_CORNERS[corner]) * (1 - size)
        return ((points >= low) & (points <= low + size)).all(axis=1).mean()

    # The last axes are drawn on top of the others.
    axes[-1].legend(
        handles=handles,
        loc=min(_CORNERS, key=crossed),
        fontsize="medium" if len(handles) <= 4 else "small",
    )


def _points(line):
    """Return points along a line, as shares of its axes."""
    path = line.get_transform().transform_path(line.get_path())
    points = line.axes.transAxes.inverted().transform(path.interpolated(9).vertices)
    return points[np.isfinite(points).all(axis=1)]


def labelled(name, what):
    """Return a legend entry: what it is, and of which estimator if that has a name."""
    return what if name is None else f"{name}: {what}"
