"""The results as text and as JSON.

`results` is plain data: ``{"machine": ..., "tables": {name: {"title", "notes", "over",
"rows": [Row.summary(), ...], "others", "gains_of_threads"}}}``. The picture is drawn
from it too.
"""

import json
import re

from suite.contest import OURS, TORCH


def summarise(table):
    """Return a measured table as plain data."""
    return {
        "title": table.title,
        "notes": table.notes,
        "over": table.over,
        "rows": [row.summary() for row in table.rows],
    }


def machine_lines(machine):
    """Return the facts of the machine as lines of text."""
    names = ("python", "numpy", "scipy", "scikit-learn", "torch")
    versions = [f"{name} {machine[name]}" for name in names if machine[name]]
    pools = {
        f"{pool['internal_api']} {pool['version']} ({pool['architecture']}), "
        f"threads: {pool['num_threads']}"
        for pool in machine["blas"]
    }
    yield f"{machine['date']}, {machine['processor']}, cores: {machine['cores']}"
    yield ", ".join(["sk_mlp " + machine["sk_mlp"], *versions])
    yield "BLAS: " + "; ".join(sorted(pools))
    if machine["torch"] is None:
        yield "torch is not installed: the comparisons with it are skipped."


def table_lines(table):
    """Return a table, the notes above it and the facts below as lines of text."""
    head = ["", "peer", OURS, "peer's", "", "ratio", "10 % to 90 %", "target", ""]
    if table["over"]:
        head.append(table["over"])
    body = [line for row in table["rows"] for line in _cells(row, table["over"])]
    yield table["title"]
    yield from (f"  {note}" for note in table["notes"])
    yield from _align([head, *body])
    for row in table["rows"]:
        for name, facts in row.get("facts", {}).items():
            text = ", ".join(f"{k} {format_number(v)}" for k, v in facts.items())
            yield f"  {row['label']}, {name}: {text}"
    yield f"  {_conditions(table)}"


def _conditions(table):
    """Return a sentence on how quiet the machine was."""
    gains = table["gains_of_threads"]
    text = (
        f"BLAS was {min(gains):.2f} to {max(gains):.2f} times as fast with all threads "
        "as with one"
    )
    if table["others"] is not None:
        text += f"; other programs had {table['others']:.1%} of the cores' time"
    return text + "."


def _cells(row, has_over):
    """Yield the cells of the lines of a row: one line for each comparison."""
    ours, baseline = format_number(row["medians"][OURS]), row.get("baseline")
    compared = {comparison["peer"]: comparison for comparison in row["comparisons"]}
    for peer, comparison in (compared or {"": {}}).items():
        theirs = format_number(row["medians"][peer]) if peer else ""
        cells = [row["label"], peer, ours, theirs, row["unit"]]
        cells += _cells_of_ratio(comparison, len(row["rounds"][OURS]))
        if has_over:
            is_shown = peer == baseline or baseline not in compared
            cells.append(f"{row['over_baseline']:.3f}" if is_shown else "")
        yield cells


def _cells_of_ratio(comparison, n_rounds):
    """Return ratio, spread, target and verdict as text, where there are such."""
    texts = {
        key: format_ratio(comparison[key])
        for key in ("ratio", "low", "high", "target")
        if key in comparison
    }
    spread = "{low} to {high}".format_map(texts) if texts and n_rounds > 1 else ""
    verdict = {True: "met", False: "missed", None: ""}[comparison.get("met")]
    return [texts.get("ratio", ""), spread, texts.get("target", ""), verdict]


def format_number(value):
    """Return a number in three digits; an int as it is."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:#.3g}".rstrip(".")


def format_ratio(value):
    """Return a ratio as text, with the digits that matter near 1."""
    n_digits = 3 if value < 1 else 2 if value < 10 else 1
    return f"{value:.{n_digits}f}"


def _align(rows):
    """Return rows of cells as lines, the first two columns to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for k, row in enumerate(rows):
        cells = [
            cell.ljust(width) if n in (0, 1, 4, 8) else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
        if k == 0:
            yield "  ".join("-" * width for width in widths)


def verdict_lines(results):
    """Return how many targets are met, and the list of those that are not."""
    if results["quick"]:
        yield "Miniature sizes: the figures mean nothing."
        return
    judged = [
        (name, row["label"], comparison)
        for name, table in results["tables"].items()
        for row in table["rows"]
        for comparison in row["comparisons"]
        if "target" in comparison
    ]
    missed = [entry for entry in judged if not entry[2]["met"]]
    yield f"Targets met: {len(judged) - len(missed)} of {len(judged)}"
    for name, label, comparison in missed:
        ratio, target = (format_ratio(comparison[key]) for key in ("ratio", "target"))
        yield f"  missed: {name}, {label}, {comparison['peer']}: {ratio} of {target}"


def markdown_tables(results):
    """Return the tables of docs/speed.md; the first is in the README too."""
    makers = {"epoch": epoch_lines, "activations": activation_lines}
    return [
        "\n".join(makers[name](table["rows"]))
        for name, table in results["tables"].items()
        if name in makers
    ]


def epoch_lines(rows):
    """Yield the ratios of the epochs in Markdown, a line for a peer and number type."""
    ratios = {}
    for row in rows:
        case, dtype = row["label"].split()
        for comparison in row["comparisons"]:
            of_peer = ratios.setdefault((comparison["peer"], dtype), {})
            of_peer[case] = f"{comparison['ratio']:.2f}"
    cases = list(dict.fromkeys(case for row in ratios.values() for case in row))
    yield "| | " + " | ".join(cases) + " |"
    yield "|---" * (1 + len(cases)) + "|"
    for (peer, dtype), row in sorted(ratios.items()):
        name = {TORCH: "PyTorch"}.get(peer, peer)
        cells = [f"{name}, {dtype}", *(row[case] for case in cases)]
        yield "| " + " | ".join(cells) + " |"


def activation_lines(rows):
    """Yield the epochs of all activations in Markdown, beside PyTorch and ReLU."""
    yield "| activation | PyTorch's time over ours | 10 % to 90 % | over ReLU |"
    yield "|---|---|---|---|"
    for row in rows:
        ratio = spread = ""
        for found in row["comparisons"]:
            ratio = f"{found['ratio']:.2f}"
            spread = f"{found['low']:.2f} to {found['high']:.2f}"
        over = f"{row['over_baseline']:.2f}"
        yield f"| `{row['label']}` | {ratio} | {spread} | {over} |"


def write_json(results, path):
    """Write the results; numbers in nine digits, lists of numbers on one line.

    What is shown of them has three or four: rounded twice it would come out the same.
    """
    text = json.dumps(_rounded(results), indent=1, ensure_ascii=False)
    flat = r"\[\s+([^\[\]{}\"]*?)\s+\]"
    text = re.sub(flat, lambda list_: f"[{' '.join(list_[1].split())}]", text)
    path.write_text(text + "\n", "utf-8")


def _rounded(data):
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_rounded(value) for value in data]
    return float(f"{data:.9g}") if isinstance(data, float) else data
