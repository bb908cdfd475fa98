"""The pages of the documentation: their code, and what they show of its output."""

import re
from pathlib import Path

from numpy.testing import assert_allclose

DOCS = Path(__file__).parents[1] / "docs"
GUIDE = sorted(DOCS.glob("guide/*.md"))
WITH_OUTPUT = ("initialization", "install", "onnx", "out_of_core", "persistence")

# Pages whose output is compared with what their code prints: by tests/test_guide.py,
# and the last one by tests/test_tuning.py.
TAUGHT = [*GUIDE, *(DOCS / f"{name}.md" for name in WITH_OUTPUT)]
TUNING = DOCS / "tuning.md"


def code_blocks(text, language="python"):
    """Yield (number of the first line, code) of every block of a page."""
    pattern = rf"^```{language}\n(.*?)^```$"
    for match in re.finditer(pattern, text, re.DOTALL | re.MULTILINE):
        yield text[: match.start(1)].count("\n"), match[1]


def compiled_blocks(page, language="python"):
    """Yield the same compiled, on the lines where it stands in the file."""
    for line, code in code_blocks(page.read_text("utf-8"), language):
        yield line, compile("\n" * line + code, str(page), "exec")


def blocks_with_output(text):
    """Yield (lines, output) of every block that has its output right below it."""
    block = r"^```{}\n((?:(?!```).*\n)*)```$"
    pattern = block.format("python") + r"\n\n" + block.format("text")
    for match in re.finditer(pattern, text, re.MULTILINE):
        first, last = (text[:end].count("\n") + 1 for end in match.span(1))
        yield range(first, last), match[2]


def assert_same_output(printed, shown):
    """The words are the same, and numbers as near as on another machine."""
    number = r"-?\d+\.?\d*(?:e[+-]?\d+)?"
    words = [re.sub(r"\s+", " ", re.sub(number, "#", t)) for t in (printed, shown)]
    assert words[0].strip() == words[1].strip()
    numbers = [[float(n) for n in re.findall(number, t)] for t in (printed, shown)]
    assert_allclose(*numbers, rtol=0.2)
