"""Training on more data than fit into memory: files mapped into it, and blocks."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from _helpers import assert_same_network, both, make, outputs
from _training import ONE_THREAD, TESTS
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, _network
from sk_mlp._validation import is_mapped
from sk_mlp.callbacks import TimeLimit
from sk_mlp.inspection import diagnose

ROOT = TESTS.parent
RESULTS = ROOT / "benchmarks" / "out_of_core.json"

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)


# A file of 4 GB under a limit of 1 GB -----------------------------------------------


def can_have_holes(path):
    with open(path, "wb") as file:
        file.truncate(2**26)
    n_blocks = getattr(os.stat(path), "st_blocks", None)
    os.remove(path)
    return n_blocks is not None and 512 * n_blocks < 2**20


def watch(process):
    """Return what a process printed, and the most anonymous memory it had."""
    peak, status = 0, Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        found = re.search(r"RssAnon:\s+(\d+) kB", status.read_text())
        peak = max(peak, 1024 * int(found[1])) if found else peak
        time.sleep(0.002)
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    return printed, peak


@pytest.mark.skipif(
    sys.platform != "linux",
    reason="only Linux limits memory that is allocated, and not files that are mapped",
)
def test_four_gigabytes_in_less_than_one(tmp_path):
    path = tmp_path / "X"
    if not can_have_holes(path):
        pytest.skip("this file system has no sparse files: 4 GB would be written")
    if shutil.disk_usage(tmp_path).free < 5e9:  # in memory, holes take room when read
        pytest.skip("less than 5 GB are free where temporary files are")
    command = [sys.executable, str(TESTS / "_out_of_core.py"), str(path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    try:
        with subprocess.Popen(
            command, **pipes, env={**os.environ, **ONE_THREAD}
        ) as process:
            printed, peak = watch(process)
    finally:
        path.unlink(missing_ok=True)
    found = json.loads(printed)
    assert found["limit bites"] and found["bytes"] >= 2**32
    n_rows = found["bytes"] // 4 // 4096
    assert (found["epochs"], found["rows"]) == (1, n_rows - -(-n_rows // 10))
    # One row in a hundred is of the other class: this is better than a guess.
    assert found["validation score"] == found["score"] == 1.0
    assert found["right"] == n_rows
    assert 20e6 < peak < 250e6


# What each step allocates -----------------------------------------------------------

N_ROWS, N_FEATURES = 30_000, 400  # 48 MB in float32
LABELS = np.arange(N_ROWS) % 3
TARGETS = LABELS.astype(float)


def map_file(array, path, order="C"):
    """Write an array to a file and return it mapped into memory."""
    array = np.asarray(array)
    written = np.memmap(path, array.dtype, "w+", shape=array.shape, order=order)
    written[...] = array
    written.flush()
    return np.memmap(path, array.dtype, "r", shape=array.shape, order=order)


def map_csr(matrix, folder):
    parts = (matrix.data, matrix.indices, matrix.indptr)
    mapped = [map_file(part, folder / str(k)) for k, part in enumerate(parts)]
    return type(matrix)(tuple(mapped), shape=matrix.shape)


def zeros(dtype, order="C", offset=0):
    """Return a function of a folder that maps a file of zeros."""

    def make_file(folder):
        layout = {"shape": (N_ROWS, N_FEATURES), "order": order, "offset": offset}
        np.memmap(folder / "X", dtype, "w+", **layout)
        return np.memmap(folder / "X", dtype, "r", **layout)

    return make_file


def csr(folder):
    """Half of the values are stored: 48 MB in all."""
    columns = np.tile(np.arange(0, N_FEATURES, 2, dtype=np.int32), N_ROWS)
    ends = np.arange(0, len(columns) + 1, N_FEATURES // 2, dtype=np.int32)
    values = np.zeros(len(columns), np.float32)
    shape = (N_ROWS, N_FEATURES)
    return map_csr(sparse.csr_matrix((values, columns, ends), shape), folder)


FILES = {
    "float32": zeros(np.float32),
    "float64": zeros(np.float64),
    "Fortran": zeros(np.float32, "F"),
    "uint8": zeros(np.uint8),
    "float16": zeros(np.float16),
    "big-endian": zeros(">f4"),
    "unaligned": zeros(np.float32, offset=2),
    "csr": csr,
}


def small(**parameters):
    parameters = {"max_iter": 1, "dtype": "float32", **parameters}
    return MLPClassifier((4,), random_state=0, **parameters)


def stop_and_resume(X, y):
    model = small(max_iter=2).set_callbacks(TimeLimit(1e-6)).fit(X, y)
    assert model.stop_reason_ == "callback"
    model.set_callbacks().resume(X, y)


def fitted(X, y):
    return small().fit(X[:300], y[:300])


STEPS = {
    "fit": lambda X, y: small().fit(X, y),
    "in order": lambda X, y: small(shuffle=False).fit(X, y),
    "regression": lambda X, y: MLPRegressor((4,), max_iter=1, dtype="float32").fit(
        X, TARGETS
    ),
    "early stopping": lambda X, y: small(
        early_stopping=True, validation_fraction=0.5
    ).fit(X, y),
    "scorer": lambda X, y: small(early_stopping=True, scoring="f1_macro").fit(
        *(X, y), X_val=X, y_val=y
    ),
    "dropout": lambda X, y: small(dropout=0.1, normalization="batch").fit(X, y),
    "balanced": lambda X, y: small(class_weight="balanced").fit(X, y),
    "warm start": lambda X, y: small(warm_start=True).fit(X, y).fit(X, y),
    "partial_fit": lambda X, y: small().partial_fit(X, y, classes=range(3)),
    "resume": stop_and_resume,
    "X_val": lambda X, y: small().fit(X[:300], y[:300], X_val=X, y_val=y),
    "lbfgs": lambda X, y: small(solver="lbfgs").fit(X, y),
    "predict": lambda X, y: fitted(X, y).predict(X),
    "predict_proba": lambda X, y: fitted(X, y).predict_proba(X),
    "score": lambda X, y: fitted(X, y).score(X, y),
    "diagnose": lambda X, y: diagnose(fitted(X, y), X, y),
}
CASES = [
    *(("float32", step) for step in STEPS),
    *((file, step) for file in FILES for step in ("fit", "early stopping")),
    *(("uint8", step) for step in ("scorer", "resume", "X_val", "score", "diagnose")),
    *(("csr", step) for step in ("resume", "lbfgs", "score", "diagnose")),
]


@pytest.mark.parametrize("file, step", sorted(set(CASES)))
def test_no_step_copies_the_data(file, step, tmp_path):
    X = FILES[file](tmp_path)
    tracemalloc.start()
    try:
        STEPS[step](X, LABELS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # `diagnose` looks at 5,000 rows, whatever their number.
    share = 0.6 if step == "diagnose" else 0.3
    assert peak < share * 4 * N_ROWS * N_FEATURES


@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csr_array])
def test_rows_are_gathered_in_chunks(convert, monkeypatch):
    X = np.random.default_rng(0).normal(size=(300, 4))
    network = make().fit(X, X[:, 0])._network
    rows, X = np.arange(1, 300, 3), convert(X)
    monkeypatch.setattr(_network, "_PREDICTION_CHUNK", 7 * network.max_width)
    assert_array_equal(network.raw(X, rows), network.raw(X[rows]))
    assert_array_equal(network.raw(X, rows), network.raw(X)[rows])


# Numbers of other types --------------------------------------------------------------

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 9, (90, 4))
Y = {MLPClassifier: np.arange(90) % 3, MLPRegressor: PIXELS @ [0.1, 0.2, -0.3, 0.0]}
TYPES = ["uint8", "int16", "int64", "float16", "float32", "float64", ">f4", ">f8"]


@pytest.mark.parametrize("forced", ["float32", "float64", None])
@pytest.mark.parametrize("dtype", TYPES)
@both
def test_fit_equals_that_on_converted_data(cls, dtype, forced, tmp_path):
    X, y = map_file(PIXELS.astype(dtype), tmp_path / "X"), Y[cls]
    follows = np.dtype(dtype) in (np.dtype("float32"), np.dtype("float64"))
    expected = forced or (dtype if follows else "float64")
    converted = PIXELS.astype(expected)
    for parameters in (
        {"batch_size": 16},
        {"batch_size": 16, "shuffle": False, "normalization": "batch", "dropout": 0.2},
        {"batch_size": 90},
        {"early_stopping": True},
        {"early_stopping": True, "scoring": lambda model, X, y: model.score(X, y)},
        {"solver": "lbfgs"},
        {"solver": "lbfgs", "normalization": "batch"},
        {"solver": "lbfgs", "early_stopping": True},
    ):
        model = make(cls, dtype=forced, **parameters).fit(X, y)
        assert model._network.dtype == expected
        reference = make(cls, dtype=forced, **parameters).fit(converted, y)
        assert_same_network(model, reference)
        assert model.validation_scores_ == reference.validation_scores_
        assert_array_equal(outputs(model, X), outputs(model, converted))
        assert model.score(X, y) == reference.score(converted, y)


@both
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_matrices_of_mapped_arrays(cls, convert, dtype, tmp_path):
    counts, y = convert(PIXELS.astype(np.uint8)), Y[cls]
    data = map_file(counts.data.astype(dtype), tmp_path / "data")
    X = convert((data, counts.indices, counts.indptr), shape=counts.shape)
    assert is_mapped(X) or not data.dtype.isnative  # SciPy 1.10 copies those
    for parameters in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
        model = make(cls, dtype="float32", **parameters).fit(X, y)
        reference = make(cls, **parameters).fit(counts.astype(np.float32), y)
        assert_same_network(model, reference)
        assert_array_equal(outputs(model, X), outputs(reference, counts))


@both
def test_what_follows_a_fit_takes_them_too(cls, tmp_path):
    X, y = map_file(PIXELS.astype(np.uint8), tmp_path / "X"), Y[cls]
    floats = PIXELS.astype(np.float32)

    def train(X):
        model = make(cls, dtype="float32", max_iter=2)
        model.set_callbacks(TimeLimit(1e-6)).fit(X, y, X_val=X[:20], y_val=y[:20])
        model.set_callbacks().resume(X, y, X_val=X[:20], y_val=y[:20])
        return model.partial_fit(X, y)

    model, reference = train(X), train(floats)
    assert_same_network(model, reference)
    assert diagnose(model, X, y).codes == diagnose(reference, floats, y).codes


@pytest.mark.parametrize("dtype", ["uint8", "float16", ">f4", "float64"])
def test_a_fit_is_resumed_with_the_data_from_elsewhere(dtype, tmp_path):
    """From a file or from memory: it is the same data, and nothing else is."""
    y, data = Y[MLPRegressor], PIXELS.astype(dtype)
    mapped, other = map_file(data, tmp_path / "X"), data[::-1].copy()
    for first, second in ((mapped, data), (data, mapped)):
        model = make(dtype="float32").set_callbacks(TimeLimit(1e-6)).fit(first, y)
        assert model.set_callbacks().resume(second, y).n_iter_ == 5
        model = make(dtype="float32").set_callbacks(TimeLimit(1e-6)).fit(first, y)
        with pytest.raises(ValueError, match="others now"):
            model.resume(other, y)


def test_network_of_another_type(tmp_path):
    """One of float64 is trained on with a file of float32, and the reverse."""
    for first, second in (("float32", "float64"), ("float64", "float32")):
        X = map_file(PIXELS.astype(second), tmp_path / "X")
        a, b = (
            make().partial_fit(PIXELS.astype(first), Y[MLPRegressor]) for _ in range(2)
        )
        a.partial_fit(X, Y[MLPRegressor]), b.partial_fit(PIXELS, Y[MLPRegressor])
        assert_same_network(a, b)


@pytest.mark.parametrize(
    "dtype, value, match",
    [
        ("float64", 1e300, r"infinity or a value too large for dtype\('float32'\)"),
        ("float64", np.nan, "Input X contains NaN"),
        ("float32", np.inf, "infinity or a value too large"),
        ("float16", -np.inf, "infinity or a value too large"),
        ("float16", np.nan, "Input X contains NaN"),
    ],
)
def test_values_are_checked(dtype, value, match, tmp_path):
    wrong = PIXELS.astype(dtype)
    wrong[7, 2] = value
    X = map_file(wrong, tmp_path / "X")
    for estimator in (make(dtype="float32"), make(dtype="float32", solver="lbfgs")):
        with pytest.raises(ValueError, match=match):
            estimator.fit(X, Y[MLPRegressor])
    model = make(dtype="float32").fit(PIXELS, Y[MLPRegressor])
    with pytest.raises(ValueError, match=match):
        model.predict(X)
    with pytest.raises(ValueError, match=f"In the validation set: .*{match}"):
        model.fit(PIXELS, Y[MLPRegressor], X_val=X, y_val=Y[MLPRegressor])


def test_what_is_mapped(tmp_path):
    X = map_file(PIXELS, tmp_path / "X")
    np.save(tmp_path / "X.npy", PIXELS)
    loaded = np.load(tmp_path / "X.npy", mmap_mode="r")
    for array in (X, loaded, X[3:9], X[::2].T, np.asarray(X), X.reshape(-1, 2)):
        assert is_mapped(array)
    for array in (X + 1, X[[1, 2]], np.array(X), X.astype(float), PIXELS, [[1]], None):
        assert not is_mapped(array)
    for kind in ("csr", "csc", "coo", "lil", "dok"):
        assert not is_mapped(sparse.csr_matrix(PIXELS).asformat(kind))


# Blocks ------------------------------------------------------------------------------

FRAME_ROWS, BLOCK_ROWS = 1000, 128


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(FRAME_ROWS, 3)) * [1.0, 10.0, 100.0] + [0.0, 5.0, -50.0]
    return X, np.where(X[:, 0] + X[:, 1] / 10 > 0.5, "yes", "no")


def numpy_blocks(X, y):
    def blocks():
        for start in range(0, len(X), BLOCK_ROWS):
            yield X[start : start + BLOCK_ROWS], y[start : start + BLOCK_ROWS]

    return blocks


def train(blocks):
    """Two passes to learn what the data are like, three epochs, a block held out."""
    scaler, classes = StandardScaler(), set()
    for X, y in blocks():
        scaler.partial_fit(X)
        classes.update(y)
    model, scores = make(MLPClassifier), []
    rng = np.random.default_rng(0)
    for _ in range(3):
        for k, (X, y) in enumerate(blocks()):
            if k == 0:
                held_out = X, y
                continue
            rows = rng.permutation(len(y))
            X = scaler.transform(X)[rows]
            model.partial_fit(X, y[rows], classes=sorted(classes))
        scores.append(model.score(scaler.transform(held_out[0]), held_out[1]))
    return model, scores


def test_blocks_of_a_parquet_file(table, tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    X, y = table
    columns = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y}
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table(columns), path, row_group_size=300)

    def blocks():
        with parquet.ParquetFile(path) as file:
            # They end with the row groups, unlike those below.
            for batch in file.iter_batches(batch_size=BLOCK_ROWS):
                arrays = [batch[name].to_numpy() for name in "abc"]
                yield np.column_stack(arrays), np.array(batch["y"].to_pylist())

    n_rows = [len(y) for _, y in blocks()]

    def same_blocks():
        stops = np.cumsum(n_rows)
        for start, stop in zip(stops - n_rows, stops, strict=True):
            yield X[start:stop], y[start:stop]

    model, scores = train(blocks)
    reference, expected = train(same_blocks)
    assert_same_network(model, reference)
    assert scores == expected and scores[-1] > scores[0]


def test_blocks_of_dask_arrays(table):
    array = pytest.importorskip("dask.array")
    X, y = table
    lazy_X = array.from_array(X, chunks=(BLOCK_ROWS, -1))
    lazy_y = array.from_array(y, chunks=BLOCK_ROWS)

    def blocks():
        for x_block, y_block in zip(lazy_X.blocks, lazy_y.blocks, strict=True):
            yield x_block.compute(), y_block.compute()

    model, scores = train(blocks)
    reference, expected = train(numpy_blocks(X, y))
    assert_same_network(model, reference)
    assert scores == expected


# The measurements behind docs/out_of_core.md -----------------------------------------


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("out_of_core")


def test_page_has_the_tables_of_the_results(benchmark):
    results = json.loads(RESULTS.read_text("utf-8"))
    assert results["memory"].keys() == benchmark.KINDS.keys()
    page = (ROOT / "docs" / "out_of_core.md").read_text("utf-8")
    for table in benchmark.tables(results).values():
        assert f"\n{table}\n" in page


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_miniature_run(benchmark, tmp_path, capsys, monkeypatch):
    pytest.importorskip("pyarrow")
    path = tmp_path / "results.json"
    steps = {step: benchmark.STEPS[step] for step in ("fit", "score")}
    monkeypatch.setattr(benchmark, "STEPS", steps)
    monkeypatch.setattr(benchmark, "KINDS", {"CSR, float32": 0.5})
    monkeypatch.setattr(benchmark, "N_BLOCKS", (3,))
    benchmark.main(["--quick", "--output", str(path)])
    text = capsys.readouterr().out
    for table in benchmark.tables(json.loads(path.read_text("utf-8"))).values():
        assert table in text
    benchmark.main(["--show", str(path)])
    assert capsys.readouterr().out == text
