"""The recipes of docs/tuning.md do what the page says, and its table is measured."""

import importlib
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import pytest
from _pages import (
    TUNING,
    assert_same_output,
    blocks_with_output,
    code_blocks,
    compiled_blocks,
)

from sk_mlp import HiddenLayerSizes, MLPRegressor, search_space

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "search_space.json"


@pytest.fixture(scope="module")
def text():
    return TUNING.read_text("utf-8")


@pytest.fixture(scope="module")
def page():
    """Return the names that the blocks of the page make, and what each one prints."""
    printed = {}
    namespace = {"__name__": "__main__"}
    for line, code in compiled_blocks(TUNING):
        lines = printed.setdefault(line + 1, [])
        namespace["print"] = lambda *values, sep=" ", lines=lines: lines.append(
            sep.join(map(str, values))
        )
        exec(code, namespace)
    return namespace, printed


def test_output_shown_is_what_is_printed(text, page):
    _, printed = page
    shown = {lines.start: output for lines, output in blocks_with_output(text)}
    assert shown.keys() == {line for line, lines in printed.items() if lines}
    for line, output in shown.items():
        assert_same_output(
            without_shares("\n".join(printed[line])), without_shares(output)
        )


def without_shares(output):
    """Drop how much was pruned: the last bit of a score leads a sampler elsewhere."""
    return re.sub(r"\d+%", "%", output)


# The space --------------------------------------------------------------------------


def test_table_of_the_space(text):
    table = text.partition("## What is searched")[2].partition("\n- ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
    space = search_space(MLPRegressor())
    assert rows.keys() == space.keys()
    for name, values in space.items():
        if isinstance(values, list):
            limits = [f"`{json.dumps(v)}`" if type(v) is str else v for v in values]
        elif isinstance(values, HiddenLayerSizes):
            limits = [*values.depth, *values.width]
        else:
            limits = [f"{end:g}" for end in values.support()]
        found = [rows[name].find(str(limit)) for limit in limits]
        assert found[0] >= 0 and all(a < b for a, b in pairwise(found)), name


# Successive halving -----------------------------------------------------------------


def test_halving_ends_with_the_most_epochs(page):
    halving = page[0]["halving"]
    assert halving.n_resources_ == [10, 30, 90]
    assert halving.best_params_["mlpregressor__max_iter"] == 90
    best = halving.best_estimator_[-1]
    assert best.max_iter == 90 and best.n_iter_ > 30
    epochs = halving.cv_results_["param_mlpregressor__max_iter"]
    assert np.isfinite(halving.cv_results_["mean_test_score"]).all()
    assert sorted(set(epochs)) == [10, 30, 90]


# Optuna -----------------------------------------------------------------------------


def outcomes(trials):
    return [(t.params, t.state, t.intermediate_values) for t in trials]


def test_bad_trials_are_pruned(page):
    namespace, _ = page
    trials = namespace["study"].trials
    epochs = {state: [] for state in optuna.trial.TrialState}
    for trial in trials:
        epochs[trial.state].append(len(trial.intermediate_values))
    pruned = epochs.pop(optuna.trial.TrialState.PRUNED)
    complete = epochs.pop(optuna.trial.TrialState.COMPLETE)
    assert not any(epochs.values())
    assert set(complete) == {namespace["N_EPOCHS"]} and len(complete) > 5
    assert len(pruned) > 3 and max(pruned) < namespace["N_EPOCHS"]
    n_epochs = sum(complete) + sum(pruned)
    assert 0.3 < n_epochs / (len(trials) * namespace["N_EPOCHS"]) < 0.9


def test_a_study_is_the_same_with_the_same_seed(page):
    namespace, _ = page
    again = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=20),
    )
    again.optimize(namespace["objective"], n_trials=10)
    assert outcomes(again.trials) == outcomes(namespace["study"].trials[:10])


def test_suggestions_are_from_the_space(page):
    namespace, _ = page
    space = search_space(MLPRegressor())
    sizes = space["hidden_layer_sizes"]
    for trial in namespace["study"].trials:
        params = namespace["suggest"](trial, space)
        assert params.keys() == space.keys()
        layers = params["hidden_layer_sizes"]
        assert len(set(layers)) == 1
        assert sizes.depth[0] <= len(layers) <= sizes.depth[1]
        assert sizes.width[0] <= layers[0] <= sizes.width[1]
        assert params["activation"] in space["activation"]
        assert space["alpha"].cdf(params["alpha"]) not in (0.0, 1.0)


def test_the_best_is_trained_again(page):
    namespace, _ = page
    best, trial = namespace["best"], namespace["study"].best_trial
    assert best.learning_rate_init == trial.params["learning_rate_init"]
    sizes = (trial.params["width"],) * trial.params["depth"]
    assert best.hidden_layer_sizes == sizes
    assert best.t_ == namespace["N_EPOCHS"] * len(namespace["X_train"])


# MLflow -----------------------------------------------------------------------------


def test_mlflow_in_a_pipeline(text, tmp_path):
    """In a process of its own: autolog patches scikit-learn's classes."""
    pytest.importorskip("mlflow")
    pytest.importorskip("skops")
    _, data = next(code_blocks(text))
    recipe, shown = re.search(
        r"^```py\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    ).groups()
    alone = "with mlflow.start_run() as run:\n    network.fit(X_train, y_train)\n"
    asked = "print(len(mlflow.get_run(run.info.run_id).data.params))\n"
    found = subprocess.run(
        [sys.executable, "-c", f"{data}\nprint()\n{recipe}\nprint()\n{alone}{asked}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    assert found.returncode == 0, found.stderr
    _, printed, n_parameters = found.stdout.split("\n\n")
    assert_same_output(printed, shown)
    assert n_parameters.strip() == "0"  # the network alone is not logged


# What it gains ----------------------------------------------------------------------


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("search_space")


def test_page_has_the_table_of_the_results(benchmark, text):
    results = json.loads(RESULTS.read_text("utf-8"))
    assert results.keys() == benchmark.DATA.keys()
    for found in results.values():
        assert found.keys() == {"default", "grid", "space"}
        for measured in found.values():
            assert len(measured["score"]) == len(benchmark.SEEDS)
    assert f"\n{benchmark.table(results)}\n" in text


def test_budgets_are_the_same(benchmark):
    n_grid = np.prod([len(values) for values in benchmark.GRID.values()])
    assert n_grid == benchmark.N_CANDIDATES


def test_a_miniature_run(benchmark, tmp_path, capsys):
    path = tmp_path / "results.json"
    benchmark.main(["--quick", "--output", str(path)])
    shown = capsys.readouterr().out
    benchmark.main(["--show", str(path)])
    assert capsys.readouterr().out == shown


def test_gains_are_counted(benchmark):
    differences = np.array([2.0, -1.0, 0.0, 3.0])
    assert benchmark.gain(differences) == "+1.0, ahead in 2 of 4"
