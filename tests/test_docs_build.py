"""What the documentation's build generates is true, and its checker finds faults."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import sk_mlp
from sk_mlp import activations

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def load(path):
    """Import a module that is not in a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FACTS = load(DOCS / "_ext" / "activation_facts.py").FACTS
ORDER = load(DOCS / "_ext" / "gallery_order.py").ORDER
check_html = load(DOCS / "check_html.py")


def test_every_activation_has_its_facts_and_no_other_has():
    assert set(FACTS) == set(activations.names())


@pytest.mark.parametrize("name", sorted(FACTS))
def test_derivative_on_a_page_is_the_derivative(name):
    activation, slope = activations.get(name), FACTS[name].slope
    if not activation.rowwise:
        z = np.array([-7.5, -3.25, -2.0, -0.75, -0.125, 0.25, 0.5, 1.0, 2.5, 6.5])
        np.testing.assert_allclose(slope(z), activation.derivative(z), atol=1e-14)
        return
    row, k = np.array([0.5, -1.0, 2.0]), np.eye(3)
    rows, a = np.tile(row, (3, 1)), np.tile(activation(row), (3, 1))
    activation.backward(rows, a, k)  # a row for the gradient of each output
    np.testing.assert_allclose(slope(row), k, atol=1e-14)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_advice_names_only_what_there_is(name):
    known = {*activations.names(), *dir(sk_mlp.MLPClassifier()), "fit"}
    words = re.findall(r"`(\w+)`", FACTS[name].advice)
    assert set(words) <= known | {"activation_params_"}


@pytest.fixture
def pages(monkeypatch):
    """Return the module that writes the pages of the activations."""
    monkeypatch.syspath_prepend(DOCS / "_ext")
    return importlib.import_module("activation_pages")


def test_page_of_a_named_setting_has_its_own_facts(pages):
    rows = activations.table(cost=False).assign(cost=1.0).to_dict("index")
    text = {name: pages.page(name, row) for name, row in rows.items()}
    assert "| range | `(-1.758, inf)` |" in text["selu"]
    assert "| range | `[-0.375, inf)` |" in text["hard_swish"]
    assert "| range | `{0, 1}` |" in text["step"]
    assert "| monotonic | yes, while the slope is >= 0 |" in text["prelu"]
    for name, number in (("prelu", "1502.01852"), ("swish_beta", "1710.05941")):
        assert f"[arXiv:{number}](https://arxiv.org/abs/{number})\n" in text[name]


def test_names_in_the_overview_lead_to_their_pages(pages):
    source = [(DOCS / "activations.md").read_text("utf-8")]
    pages.link_names(None, "activations", source)
    linked = re.findall(r"^\| \[`(\w+)`\]\(activations/\1\.md\)", source[0], re.M)
    assert sorted(linked) == activations.names()


def test_reference_lists_every_public_module():
    text = (DOCS / "api.md").read_text("utf-8")
    for name in sk_mlp.__all__:
        if not name.startswith("_"):
            assert re.search(rf"^   ~?sk_mlp\.{name}$", text, re.MULTILINE), name


def test_every_example_has_its_place_in_the_gallery():
    assert sorted(ORDER) == sorted(path.name for path in ROOT.glob("examples/*.py"))


def test_checker_finds_dead_links_and_what_the_network_would_bring(tmp_path):
    (tmp_path / "a.html").write_text('<h1 id="top-of-a">A</h1>')
    (tmp_path / "b.html").write_text(
        '<a href="a.html#top-of-a">good</a> <a href="#">good</a> '
        '<a href="https://example.org/">good</a> <a href="a.html#gone">dead</a> '
        '<img src="gone.png"> <script src="https://example.org/x.js"></script>'
    )
    faults = [*check_html.faults_of_links(check_html.read(tmp_path))]
    assert faults == [
        "b.html: a.html#gone: no such anchor",
        "b.html: gone.png: no such file",
        "b.html: https://example.org/x.js: is fetched from the network",
    ]


def test_checker_knows_the_public_names():
    names = set(check_html.public_names())
    assert {"sk_mlp.MLPRegressor", "sk_mlp.activations.ReLU"} <= names
    assert not any("._" in name for name in names)
