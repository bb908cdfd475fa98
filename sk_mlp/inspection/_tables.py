"""Tables of results, as text, as HTML and as a DataFrame."""

from html import escape


def text_table(rows, n_left=1, rule=False):
    """Return the lines of a table.

    Parameters
    ----------
    rows : list of sequence of str
        The head first.
    n_left : int, default=1
        Columns, from the left, that begin on the left.
    rule : bool, default=False
        Whether a line of dashes parts the head from the rest.

    Returns
    -------
    lines : list of str
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if k < n_left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    if rule:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def html_table(rows, n_left=1, caption=""):
    """Return a table in HTML; parameters as in :func:`text_table`."""
    head, *body = rows
    caption = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div style="overflow-x: auto"><table>{caption}'
        f"<thead>{_html_row('th', head, n_left)}</thead><tbody>"
        f"{''.join(_html_row('td', row, n_left) for row in body)}</tbody></table></div>"
    )


def _html_row(tag, cells, n_left):
    text = ""
    for k, cell in enumerate(cells):
        side = "left" if k < n_left else "right"
        style = f"text-align: {side}; padding: 0.1em 0.6em"
        text += f'<{tag} style="{style}">{escape(cell)}</{tag}>'
    return f"<tr>{text}</tr>"


def data_frame(rows, index, attribute):
    """Return dicts as a DataFrame with one of their keys as its index.

    `attribute` is what has the same without pandas.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            f"to_frame needs pandas: pip install pandas. Without it, `{attribute}` has "
            "the same as a list of dicts."
        ) from error
    return pd.DataFrame(rows).set_index(index)
