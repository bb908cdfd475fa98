"""Tables in Markdown, as the pages of the documentation show them."""

PLUS_MINUS = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"  # a cell keeps it on one line


def markdown(rows):
    """Return rows of text, the head first, as a table."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
