"""The measurements behind docs/choosing.md: they run, and the page has them."""

import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from sk_mlp import activations

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "choose_activation.json"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("choose_activation")


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text("utf-8"))


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "choosing.md").read_text("utf-8")


def test_page_has_the_tables_of_the_results(benchmark, results, page):
    for name, table in benchmark.tables(results).items():
        assert f"\n{table}\n" in page, f"the table of {name} is another one"


def test_results_are_complete(benchmark, results):
    assert results["hidden"].keys() == benchmark.DATA.keys()
    for by_depth in results["hidden"].values():
        assert [*by_depth] == [str(depth) for depth in benchmark.DEPTHS]
        for cell in by_depth.values():
            # An activation that was added since needs a new run.
            assert {*cell} == {*activations.names()} - {"step", "softmax"}
            for found in cell.values():
                shape = len(benchmark.SEEDS), benchmark.N_FOLDS
                assert np.shape(found["scores"]) == shape
                assert found["learning_rate"] in benchmark.LEARNING_RATES
    targets = {row["target"] for row in results["outputs"]}
    assert targets == benchmark.TARGETS.keys()


def test_a_miniature_run(benchmark, tmp_path, capsys):
    path = tmp_path / "results.json"
    benchmark.main(["--quick", "--output", str(path)])
    text = capsys.readouterr().out
    for table in benchmark.tables(json.loads(path.read_text("utf-8"))).values():
        assert table in text
    benchmark.main(["--show", str(path)])
    assert capsys.readouterr().out == text


def test_a_fit_that_fails_ranks_last(benchmark):
    def cell(*scores):
        return {"learning_rate": 0.02, "scores": [list(scores)] * 3}

    bad = cell(float("nan"), 0.9, 0.9)
    good, poor = cell(0.9, 0.8, 0.7), cell(0.6, 0.5, 0.4)
    by_depth = {"relu": good, "exp": bad, "identity": poor}
    hidden = {"iris": {"1": by_depth, "4": by_depth}}
    *_, relu, identity, exp = (
        line.replace("\N{NO-BREAK SPACE}", " ")
        for line in benchmark.activation_lines(hidden)
    )
    assert relu == "| `relu` | 1.0 ± 0.0 | 0.0, 0.0 | 1.0 ± 0.0 | 0.0, 0.0 |"
    assert identity.startswith("| `identity` | 2.0 ± 0.0 | 30.0, 30.0 |")
    assert exp.startswith("| `exp` | 3.0 ± 0.0 | fails | 3.0")
    row = [*benchmark.data_lines(hidden)][2]
    assert re.match(r"\| iris \| 1 \| `relu` \| 80.0\s±\s0.0 \| 80.0 \| 50.0 \|", row)
    assert row.endswith("| 1 of 3 |")


def test_noise_is_that_of_paired_differences(benchmark):
    folds = np.array([[90.0, 70.0, 80.0]] * 3)
    assert benchmark.within_noise(folds, folds)
    assert not benchmark.within_noise(folds, folds - 1.0)  # behind on every fold
    wobble = np.array([[3.0, -1.0, 1.0], [-2.0, 4.0, 0.0], [1.0, 3.0, -1.0]])
    assert benchmark.within_noise(folds, folds - wobble)
    assert not benchmark.within_noise(folds, np.full((3, 3), np.nan))
