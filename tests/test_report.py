"""What training prints."""

import re

import numpy as np
import pytest
from _helpers import X as DATA
from _helpers import Y, fit_quietly, make

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp._report import LineReport, TableReport, report_of


def printed(capsys, **parameters):
    estimator = fit_quietly(make(MLPClassifier, **parameters), DATA, Y[MLPClassifier])
    return estimator, capsys.readouterr().out.splitlines()


def test_verbose_chooses_the_report():
    assert report_of(False) is None and report_of(0) is None
    assert type(report_of(True)) is type(report_of(1)) is LineReport
    assert type(report_of(2)) is type(report_of(10)) is TableReport


def test_the_table_is_aligned_and_shows_the_history(capsys):
    estimator, (head, *rows) = printed(capsys, verbose=2, max_iter=12)
    keys = ["epoch", "loss", "learning_rate", "grad_norm", "seconds"]
    assert head.split() == keys
    assert len(rows) == 12
    ends = [match.end() for match in re.finditer(r"\S+", head)]
    for k, row in enumerate(rows):
        cells = row.removesuffix(" *").split()
        assert [m.end() for m in re.finditer(r"\S+", row)][: len(keys)] == ends
        for key, cell in zip(keys, cells, strict=True):
            assert float(cell) == pytest.approx(estimator.history_[key][k], rel=1e-2)


def test_the_table_marks_every_new_best(capsys):
    estimator, (head, *rows) = printed(
        capsys, verbose=2, early_stopping=True, max_iter=40, learning_rate_init=0.05
    )
    assert {"val_loss", "val_score"} <= set(head.split())
    rows = [row for row in rows if not row.startswith("Validation score")]
    scores = np.array(estimator.history_["val_score"])
    best_before = np.maximum.accumulate([-np.inf, *scores[:-1]])
    marked = [row.endswith(" *") for row in rows]
    assert marked == (scores > best_before).tolist()
    assert 1 < sum(marked) < len(marked)


def test_without_validation_the_loss_is_marked(capsys):
    estimator, (_, *rows) = printed(
        capsys, verbose=2, solver="sgd", learning_rate_init=1.5, max_iter=30
    )
    rows = [row for row in rows if not row.startswith("Training loss")]
    losses = np.array(estimator.history_["loss"])
    best_before = np.minimum.accumulate([np.inf, *losses[:-1]])
    assert [row.endswith(" *") for row in rows] == (losses < best_before).tolist()


def test_the_table_of_lbfgs_has_no_rate(capsys):
    _, (head, *rows) = printed(capsys, verbose=2, solver="lbfgs")
    assert "learning_rate" not in head and "grad_norm" in head
    assert len(rows) == 5


def test_scikit_learns_lines_of_lbfgs_with_validation(capsys):
    _, lines = printed(capsys, verbose=1, solver="lbfgs", early_stopping=True)
    assert re.fullmatch(r"Iteration 1, loss = \d+\.\d{8}", lines[0])
    assert re.fullmatch(r"Validation score: \d\.\d{6}", lines[1])


def test_partial_fit_prints_too_but_stops_nothing(capsys):
    regressor = MLPRegressor((3,), verbose=2, tol=10.0, n_iter_no_change=2)
    for _ in range(4):
        regressor.partial_fit(DATA, Y[MLPRegressor])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and not any("Stopping" in line for line in lines)
    assert regressor.stop_reason_ == "converged"
