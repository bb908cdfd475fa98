"""The examples can be shown as they are: titles, texts, pictures that fit a page.

.ci/run runs them: those with pictures where it builds the documentation.
"""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
GALLERY = [path for path in EXAMPLES if path.name.startswith("plot_")]

each = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
each_of_gallery = pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)


def cells(source):
    """Yield (text, code) of every cell after the docstring that begins with a text."""
    for cell in re.split(r"^# %%.*\n", source, flags=re.MULTILINE)[1:]:
        comment, code = re.fullmatch(r"((?:#[^\n]*\n)*)(.*)", cell, re.DOTALL).groups()
        yield re.sub(r"^# ?", "", comment, flags=re.MULTILINE), code


def calls(source, name):
    """Yield every call of a function or method of this name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            if called == name:
                yield node


@each
def test_title_is_underlined_and_a_text_follows(path):
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    title, line, *text = docstring.split("\n")
    assert line == "=" * len(title)
    assert text[0] == "" and len(" ".join(text)) > 100


@each_of_gallery
def test_headings_are_underlined(path):
    for text, _ in cells(path.read_text("utf-8")):
        lines = text.splitlines()
        for above, line in pairwise(lines):
            if re.fullmatch(r"-{3,}", line):
                assert len(line) == len(above), above


@each_of_gallery
def test_a_text_stands_before_each_picture(path):
    source = path.read_text("utf-8")
    shown = 0
    for text, code in cells(source):
        n_shown = len(list(calls(code, "show")))
        assert n_shown <= 1
        if n_shown:
            assert len(text) > 100, "say what to look for"
        shown += n_shown
    assert shown == len(list(calls(source, "show"))) > 0


@each_of_gallery
def test_pictures_fit_the_page(path):
    for name in ("figure", "subplots"):
        for call in calls(path.read_text("utf-8"), name):
            options = {option.arg: option.value for option in call.keywords}
            if "figsize" in options:
                assert options["figsize"].elts[0].value <= 10


@each
def test_runs_are_the_same_every_time(path):
    source = path.read_text("utf-8")
    assert "default_rng()" not in source and "RandomState()" not in source
    for name in ("MLPClassifier", "MLPRegressor", "train_test_split", "make_moons"):
        for call in calls(source, name):
            options = {option.arg for option in call.keywords}
            assert {"random_state", None} & options, ast.unparse(call)


@each
def test_only_warnings_of_one_kind_are_silenced(path):
    source = path.read_text("utf-8")
    for name in ("simplefilter", "filterwarnings"):
        for call in calls(source, name):
            assert len(call.args) + len(call.keywords) > 1, ast.unparse(call)
