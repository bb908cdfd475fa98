"""The picture: a panel a table, a bar for every comparison.

It is as wide as the text of a page, 770 pixels, and drawn at twice that resolution.
"""

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from PIL import Image

from suite.contest import SKLEARN, TORCH
from suite.report import format_ratio

COLOURS = {SKLEARN: "#E08E45", TORCH: "#5B7DB1"}
OTHER, INK, PALE = "#8FA39A", "#1F2933", "#8A96A3"
# In inches, of which a page shows one as 100 pixels.
BAR, TITLE, FOOT = 0.19, 0.32, 0.36
WIDTH, LABELS, NUMBERS, MARGIN, HEAD = 7.7, 2.55, 0.55, 0.1, 0.98


def save(results, path):
    """Draw the ratios of all tables that have any, and write a PNG.

    The activations are left out if there is anything else: the page has their table.
    """
    panels = {
        name: (table["title"], bars)
        for name, table in results["tables"].items()
        if (bars := list(_bars(table)))
    }
    if len(panels) > 1:
        panels.pop("activations", None)
    size = (WIDTH, HEAD + sum(_height(bars) for _, bars in panels.values()))
    figure = Figure(figsize=size, facecolor="white")
    top = size[1] - HEAD
    for title, bars in panels.values():
        place = (
            (MARGIN + LABELS) / size[0],
            (top - TITLE - BAR * len(bars)) / size[1],
            (WIDTH - 2 * MARGIN - LABELS - NUMBERS) / size[0],
            BAR * len(bars) / size[1],
        )
        _panel(figure.add_axes(place), bars)
        place = MARGIN / size[0], (top - TITLE + 0.1) / size[1]
        figure.text(*place, title, fontsize=9, fontweight="bold", color=INK)
        top -= _height(bars)
    _head(figure, size, {bar["peer"] for _, bars in panels.values() for bar in bars})
    _facts(figure, size, results["machine"])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=200)
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


def _panel(ax, bars):
    """Draw the bars of a table; the axis is logarithmic, equal steps equal factors."""
    ends = [bar[key] for bar in bars for key in ("low", "high")]
    low, high = min(0.9, *ends) / 1.05, max(1.8, *ends) * 1.05
    ax.set(xscale="log", xlim=(low, high))
    ax.set_ylim(len(bars) - 0.4, -0.6)
    for y, bar in enumerate(bars):
        _bar(ax, y, bar)
    ax.axvline(1.0, color=INK, lw=0.9)
    ax.set_yticks(range(len(bars)), [bar["label"] for bar in bars], fontsize=8)
    ticks = [2.0**k for k in range(-6, 12)]
    if high / low < 4:
        ticks += [0.75, 1.25, 1.5, 1.75]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.tick_params(axis="x", labelsize=8, color=PALE, labelcolor=INK, length=2)
    ax.tick_params(axis="y", labelcolor=INK, length=0)
    ax.spines[:].set_visible(False)
    ax.grid(axis="x", color=PALE, lw=0.4, alpha=0.4)
    ax.set_axisbelow(True)


def _bar(ax, y, bar):
    """Draw a bar from 1 to the ratio, its spread and its number."""
    ratio, low, high = bar["ratio"], bar["low"], bar["high"]
    colour = COLOURS.get(bar["peer"], OTHER)
    ax.barh(y, ratio - 1.0, left=1.0, height=0.66, color=colour)
    ax.plot([low, high], [y, y], color=INK, lw=0.8, solid_capstyle="butt")
    # The numbers make a column beside the axis.
    style = {"fontsize": 8, "ha": "right", "va": "center_baseline", "color": INK}
    beside = {"xytext": (30, 0), "textcoords": "offset points"}
    place = {"xycoords": ax.get_yaxis_transform()}
    ax.annotate(format_ratio(ratio), (1.0, y), **place, **beside, **style)


def _head(figure, size, peers):
    """Write what the picture shows, and what the colours mean."""
    text = {"color": INK, "va": "center"}
    title = text | {"fontsize": 13, "fontweight": "bold"}
    place = MARGIN / size[0], 1 - 0.22 / size[1]
    figure.text(*place, "sk_mlp beside its peers", **title)
    entries = [(name, "■", colour) for name, colour in COLOURS.items() if name in peers]
    if peers - set(COLOURS):
        entries.append(("other", "■", OTHER))
    x, y = MARGIN, 1 - 0.47 / size[1]
    for name, sign, colour in entries:
        figure.text(x / size[0], y, sign, fontsize=10, **(text | {"color": colour}))
        figure.text((x + 0.16) / size[0], y, name, fontsize=8.5, **text)
        x += 0.38 + 0.061 * len(name)
    explained = (
        "bar: the peer's time or memory over ours (median of the rounds), right of 1 "
        "is better for sk_mlp;\nline: where 80 % of the rounds lie"
    )
    y = 1 - 0.78 / size[1]
    figure.text(MARGIN / size[0], y, explained, fontsize=8, **text)


def _facts(figure, size, machine):
    """Write, small, what machine it was."""
    names = [name for name in ("numpy", "scikit-learn", "torch") if machine[name]]
    versions = [f"{name} {machine[name]}" for name in names]
    words = [machine["processor"], f"{machine['cores']} cores", *versions]
    style = {"fontsize": 7, "color": PALE, "ha": "right", "va": "center"}
    place = 1 - MARGIN / size[0], 1 - 0.22 / size[1]
    figure.text(*place, ", ".join([*words, machine["date"]]), **style)
