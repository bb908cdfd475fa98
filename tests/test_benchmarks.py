"""The benchmark suite works: at miniature sizes, and never asking for a time."""

import importlib
import json
import sys
from math import isfinite
from pathlib import Path

import numpy as np
import pytest

from sk_mlp import MLPClassifier, activations

ROOT = Path(__file__).parents[1]
PEERS = {
    "epoch": {"scikit-learn", "torch"},
    "partial_fit": {"scikit-learn"},
    "activations": {"torch"},
    "lbfgs": {"scikit-learn"},
    "predict": {"scikit-learn", "60 MB"},
    "jobs": {"scikit-learn"},
    "regularisation": {"torch"},
    "scale": {"scikit-learn", "20 rows", "X"},
}


@pytest.fixture
def suite(monkeypatch):
    """Return a function that imports a module of the suite, as run.py would."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


def run(suite, tmp_path, *options):
    """Run the suite at miniature sizes and return what it writes as JSON."""
    output = tmp_path / "results.json"
    suite("run").main(["--quick", "--rounds", "1", "--output", str(output), *options])
    return json.loads(output.read_text("utf-8"))


def assert_row_is_whole(row, n_rounds=1):
    assert set(row["medians"]) == set(row["rounds"]) >= {"sk_mlp"}
    for values in row["rounds"].values():
        assert len(values) == n_rounds
        assert all(isfinite(value) and value > 0 for value in values)
    for comparison in row["comparisons"]:
        assert comparison["peer"] in row["rounds"]
        assert 0 < comparison["low"] <= comparison["ratio"] <= comparison["high"]
        assert ("target" in comparison) == ("met" in comparison)


def compared(table):
    return {c["peer"] for row in table["rows"] for c in row["comparisons"]}


def test_all_tables_without_torch(suite, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        assert suite("suite.torch_peer").load() is None
    monkeypatch.setattr("suite.torch_peer.load", lambda n_threads=None: None)
    picture = tmp_path / "new" / "speed.png"
    results = run(suite, tmp_path, "--picture", str(picture))
    assert results["quick"] and results["seconds"] > 0
    assert results["machine"]["torch"] is None
    assert {name: compared(table) for name, table in results["tables"].items()} == {
        name: peers - {"torch"} for name, peers in PEERS.items()
    }
    text = capsys.readouterr().out
    assert "torch is not installed: the comparisons with it are skipped." in text
    for table in results["tables"].values():
        assert table["rows"] and f"\n{table['title']}\n" in text
        for row in table["rows"]:
            assert_row_is_whole(row)
            assert f"\n{row['label']} " in text
    assert "\nTime of the run: " in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_activations_are_compared_with_relu_and_with_torch(suite, tmp_path):
    pytest.importorskip("torch")
    tables = ("epoch", "activations", "regularisation")
    results = run(suite, tmp_path, "--tables", *tables)
    assert list(results["tables"]) == list(tables)
    for name, table in results["tables"].items():
        assert compared(table) == PEERS[name]
        for row in table["rows"]:
            assert_row_is_whole(row)
    rows = {row["label"]: row for row in results["tables"]["activations"]["rows"]}
    assert sorted(rows) == activations.names()
    assert all(row["over_baseline"] > 0 for row in rows.values())
    with_torch = {name for name, row in rows.items() if row["comparisons"]}
    assert with_torch == set(suite("suite.torch_peer").ACTIVATIONS)


@pytest.mark.parametrize(
    "parameters",
    [
        {"activation": "prelu"},
        {"normalization": "batch"},
        {"normalization": "layer", "dropout": 0.5},
    ],
)
def test_network_of_torch_has_as_many_parameters(suite, parameters):
    torch = pytest.importorskip("torch")
    peer = suite("suite.torch_peer")
    keywords = {"activation": "relu", **parameters}
    network = peer._network(torch.nn, [4, 6, 5, 3], **keywords)
    X = np.random.default_rng(0).standard_normal((9, 4))
    ours = MLPClassifier((6, 5), **parameters)
    ours.partial_fit(X, np.arange(9) % 3, classes=range(3))
    fitted = (
        *(ours.coefs_, ours.intercepts_),
        *(layer.values() for layer in ours.activation_params_),
        *(layer.values() for layer in ours.normalization_params_ or ()),
    )
    statistics = sum(buffer.numel() for buffer in network.buffers() if buffer.ndim)
    n_parameters = sum(p.numel() for p in network.parameters()) + statistics
    assert sum(np.size(array) for arrays in fitted for array in arrays) == n_parameters


def test_without_matplotlib_a_line_says_so(suite, tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "suite.picture", raising=False)
    monkeypatch.delattr(suite("suite"), "picture", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    picture = tmp_path / "speed.png"
    run(suite, tmp_path, "--tables", "lbfgs", "--picture", str(picture))
    text = capsys.readouterr().out
    assert "matplotlib is not installed: no picture is drawn." in text
    assert not picture.exists()


def test_saved_results_are_shown_and_drawn_again(suite, tmp_path, capsys):
    run(suite, tmp_path, "--tables", "epoch", "--markdown")
    first, picture = capsys.readouterr().out, tmp_path / "speed.png"
    options = ["--show", str(tmp_path / "results.json"), "--markdown"]
    suite("run").main([*options, "--picture", str(picture)])
    assert capsys.readouterr().out == first
    assert "\n| | tiny | digits | narrow | medium | large |\n|---|" in first
    assert "\n| scikit-learn, float64 | " in first
    assert "\n| activation | PyTorch's time over ours | " not in first
    assert picture.exists()


def test_pages_have_the_tables_of_the_results(suite):
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))
    page = (ROOT / "docs" / "speed.md").read_text("utf-8")
    epoch, every_activation = suite("suite.report").markdown_tables(results)
    assert f"\n{epoch}\n" in page and f"\n{every_activation}\n" in page
    assert f"\n{epoch}\n" in (ROOT / "README.md").read_text("utf-8")
    rows = {row["label"]: row for row in results["tables"]["activations"]["rows"]}
    assert sorted(rows) == activations.names()


def test_page_names_every_case_that_is_slower(suite):
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))
    slower = {
        (row["label"], comparison["peer"]): comparison["ratio"]
        for table in results["tables"].values()
        for row in table["rows"]
        for comparison in row["comparisons"]
        if comparison["ratio"] < 1
    }
    large, predict = ("large float32", "torch"), ("time, 400,000 rows", "scikit-learn")
    assert set(slower) == {large, predict, ("import", "scikit-learn")}
    scale = {row["label"]: row for row in results["tables"]["scale"]["rows"]}
    page = (ROOT / "docs" / "speed.md").read_text("utf-8")
    assert f"\n- than PyTorch, in the case large: {slower[large]:.2f}," in page
    assert f" to predict 400,000 rows at once: {slower[predict]:.2f}," in page
    longer = 100 * (scale["import"]["over_baseline"] - 1)
    assert f"\n- to import: {longer:.1f} % more time" in page


def test_only_a_full_run_is_saved_without_being_asked_to(suite):
    arguments = suite("run").arguments
    full = arguments([])
    assert full.output == ROOT / "benchmarks" / "results.json"
    assert full.picture == ROOT / "docs" / "images" / "speed.png"
    for argv in (["--quick"], ["--tables", "jobs"], ["--show", "results.json"]):
        options = arguments(argv)
        assert options.output is options.picture is None


def test_contenders_take_turns_in_a_new_order_every_round(suite):
    contest = suite("suite.contest")
    order = []

    def contender(name, seconds):
        def measure():
            order.append(name)
            return next(seconds)

        return measure

    contenders = {
        "sk_mlp": contender("sk_mlp", iter([2.0, 1.0, 4.0])),
        "slow": contender("slow", iter([6.0, 4.0, 8.0])),
        "fast": contender("fast", iter([1.0, 1.0, 1.0])),
        "missing": None,
    }
    targets = {"slow": 3.0, "fast": 1.0, "missing": 2.0}
    row = contest.Row("case", contenders, targets, unit="ms", baseline="fast")
    contest.measure(contest.Table("title", [row]), 3, careful=False)
    assert order == [
        *("sk_mlp", "slow", "fast"),
        *("slow", "fast", "sk_mlp"),
        *("fast", "sk_mlp", "slow"),
    ]
    summary = row.summary()
    slow, fast = summary["comparisons"]
    assert summary["medians"] == {"sk_mlp": 2e3, "slow": 6e3, "fast": 1e3}
    assert (slow["ratio"], slow["met"]) == (3.0, True)  # of 3, 4 and 2
    assert (fast["ratio"], fast["met"]) == (0.5, False)  # of 1/2, 1 and 1/4
    assert summary["over_baseline"] == 2.0


def test_a_table_is_printed_in_aligned_columns(suite):
    contest, report = suite("suite.contest"), suite("suite.report")
    contenders = {"sk_mlp": lambda: (0.5, {"n_iter_": 7}), "peer": lambda: 1.0}
    rows = [contest.Row("first", contenders, {"peer": 3.0}, unit="s")]
    rows.append(contest.Row("the second", contenders, {"peer": None}, once=True))
    table = contest.Table("Title", rows, ["a note"])
    contest.measure(table, 2, careful=False)
    data = report.summarise(table) | {"others": 0.25, "gains_of_threads": [1.5, 2]}
    assert list(report.table_lines(data)) == [
        "Title",
        "  a note",
        "            peer  sk_mlp  peer's      ratio  10 % to 90 %  target",
        "----------  ----  ------  ------  --  -----  ------------  ------  ------",
        "first       peer   0.500    1.00  s    2.00  2.00 to 2.00    3.00  missed",
        "the second  peer     500   1,000  ms   2.00",
        "  first, sk_mlp: n_iter_ 7",
        "  the second, sk_mlp: n_iter_ 7",
        "  BLAS was 1.50 to 2.00 times as fast with all threads as with one; other "
        "programs had 25.0% of the cores' time.",
    ]
