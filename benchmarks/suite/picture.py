"""The picture: a panel a table, a bar for every comparison."""

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from PIL import Image

from suite.contest import SKLEARN, TORCH
from suite.report import format_ratio

COLOURS = {SKLEARN: "#E08E45", TORCH: "#5B7DB1"}
OTHER, INK, PALE, MISSED = "#8FA39A", "#1F2933", "#8A96A3", "#B3261E"
N_COLUMNS = 3
# In inches.
BAR, TITLE, FOOT = 0.19, 0.34, 0.38
WIDTH, LABELS, NUMBERS, MARGIN, HEAD = 5.0, 2.05, 0.5, 0.2, 0.62


def save(results, path):
    """Draw the ratios of all tables that have any, and write a PNG."""
    panels = [
        (table["title"], bars)
        for table in results["tables"].values()
        if (bars := list(_bars(table)))
    ]
    columns = _in_columns(panels)
    height = max(sum(_height(bars) for _, bars in column) for column in columns)
    size = (MARGIN + len(columns) * WIDTH, HEAD + height)
    figure = Figure(figsize=size, facecolor="white")
    for n, column in enumerate(columns):
        top = size[1] - HEAD
        for title, bars in column:
            left = MARGIN + n * WIDTH
            place = (
                (left + LABELS) / size[0],
                (top - TITLE - BAR * len(bars)) / size[1],
                (WIDTH - LABELS - NUMBERS) / size[0],
                BAR * len(bars) / size[1],
            )
            _panel(figure.add_axes(place), bars)
            place = left / size[0], (top - TITLE + 0.1) / size[1]
            figure.text(*place, title, fontsize=9, fontweight="bold", color=INK)
            top -= _height(bars)
    _head(figure, size, {bar["peer"] for _, bars in panels for bar in bars})
    _facts(figure, size, results["machine"])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)  # small


def _bars(table):
    """Yield the comparisons of a table with the labels of their bars."""
    for row in table["rows"]:
        for comparison in row["comparisons"]:
            peer, label = comparison["peer"], row["label"]
            yield comparison | {
                "label": label if peer in COLOURS else f"{label} vs {peer}"
            }


def _height(bars):
    return TITLE + BAR * len(bars) + FOOT


def _in_columns(panels):
    """Return the panels in their order, in columns of about the same height."""
    total = sum(_height(bars) for _, bars in panels)
    columns, used = [], 0.0
    for panel in panels:
        height = _height(panel[1])
        # A panel belongs to the column that its middle lies in.
        n_column = int((used + height / 2) / total * N_COLUMNS)
        while len(columns) <= n_column:
            columns.append([])
        columns[n_column].append(panel)
        used += height
    return [column for column in columns if column]


def _panel(ax, bars):
    """Draw the bars of a table; the axis is logarithmic, equal steps equal factors."""
    ends = [bar[key] for bar in bars for key in ("low", "high")]
    ends += [bar["target"] for bar in bars if "target" in bar]
    low, high = min(0.9, *ends) / 1.05, max(1.8, *ends) * 1.05
    ax.set(xscale="log", xlim=(low, high))
    ax.set_ylim(len(bars) - 0.4, -0.6)
    for y, bar in enumerate(bars):
        _bar(ax, y, bar)
    ax.axvline(1.0, color=INK, lw=0.9)
    ax.set_yticks(range(len(bars)), [bar["label"] for bar in bars], fontsize=7.5)
    ticks = [2.0**k for k in range(-6, 12)]
    if high / low < 4:
        ticks += [0.75, 1.25, 1.5, 1.75]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.tick_params(axis="x", labelsize=7.5, color=PALE, labelcolor=INK, length=2)
    ax.tick_params(axis="y", labelcolor=INK, length=0)
    ax.spines[:].set_visible(False)
    ax.grid(axis="x", color=PALE, lw=0.4, alpha=0.4)
    ax.set_axisbelow(True)


def _bar(ax, y, bar):
    """Draw a bar from 1 to the ratio, its spread, its target and its number."""
    ratio, low, high = bar["ratio"], bar["low"], bar["high"]
    colour = COLOURS.get(bar["peer"], OTHER)
    ax.barh(y, ratio - 1.0, left=1.0, height=0.66, color=colour)
    ax.plot([low, high], [y, y], color=INK, lw=0.8, solid_capstyle="butt")
    if "target" in bar:
        ends = [y - 0.42, y + 0.42]
        ax.plot([bar["target"]] * 2, ends, color=MISSED, lw=1.8, clip_on=False)
    # The numbers make a column beside the axis.
    number = format_ratio(ratio)
    colour = INK if bar.get("met", True) else MISSED
    style = {"fontsize": 7.5, "ha": "right", "va": "center_baseline"}
    beside = {"xytext": (27, 0), "textcoords": "offset points"}
    place = {"xycoords": ax.get_yaxis_transform()}
    ax.annotate(number, (1.0, y), color=colour, **place, **beside, **style)


def _head(figure, size, peers):
    """Write what the picture shows, and what the colours mean."""
    text = {"color": INK, "va": "center"}
    title = text | {"fontsize": 13, "fontweight": "bold"}
    place = MARGIN / size[0], 1 - 0.22 / size[1]
    figure.text(*place, "sk_mlp beside its peers", **title)
    entries = [(name, "■", colour) for name, colour in COLOURS.items() if name in peers]
    if peers - set(COLOURS):
        entries.append(("other", "■", OTHER))
    entries.append(("target", "|", MISSED))
    x, y = MARGIN, 1 - 0.47 / size[1]
    for name, sign, colour in entries:
        figure.text(x / size[0], y, sign, fontsize=10, **(text | {"color": colour}))
        figure.text((x + 0.16) / size[0], y, name, fontsize=8.5, **text)
        x += 0.38 + 0.061 * len(name)
    explained = (
        "bar: the peer's time or memory over ours (median of the rounds), line: where "
        "80 % of the rounds lie; right of 1 is better for sk_mlp, in red is a target "
        "missed"
    )
    figure.text(x / size[0], y, explained, fontsize=8.5, **text)


def _facts(figure, size, machine):
    """Write, small, what machine it was."""
    names = [name for name in ("numpy", "scikit-learn", "torch") if machine[name]]
    versions = [f"{name} {machine[name]}" for name in names]
    words = [machine["processor"], f"{machine['cores']} cores", *versions]
    style = {"fontsize": 7.5, "color": PALE, "ha": "right", "va": "center"}
    place = 1 - MARGIN / size[0], 1 - 0.22 / size[1]
    figure.text(*place, ", ".join([*words, machine["date"]]), **style)
