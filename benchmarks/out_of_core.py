"""Memory that training on files takes, and what reading them in random order costs.

    OMP_NUM_THREADS=1 python benchmarks/out_of_core.py

makes files in a temporary folder (up to 4.3 GB at a time, most of it holes that take no
room on the disk), maps them into memory and trains on them, every step in a process of
its own. What is reported is the most anonymous memory (``RssAnon`` of Linux's
/proc/PID/status) that the process had, beyond what it had after its imports: what it
holds itself, in contrast to pages of the file, which the system keeps while nothing
else wants the memory and takes back at any time.

Next come Parquet files of ever more blocks, in a loop with ``partial_fit``. Then it
writes 2 GB of random numbers, asks the system to forget them, and reads some of their
rows in batches, in random order and one after another. It all takes four minutes and
writes ``benchmarks/out_of_core.json``. ``--show FILE`` measures nothing and prints
the tables of that file, as docs/out_of_core.md has them.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from suite.markdown import markdown

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp._batches import Batches

RESULTS = Path(__file__).with_suffix(".json")
QUICK = 1 / 64  # of all sizes

N_FEATURES, N_STORED = 4096, 1024  # of a row; of a sparse row
BATCH_SIZE = 256
# Kind of data -> gigabytes (2**30 bytes) on the disk
KINDS = {
    "float32": 4,
    "uint8, trained in float32": 1,
    "float32 in Fortran order": 0.25,
    "CSR, float32": 1,
}
N_BLOCKS, BLOCK_ROWS, N_COLUMNS = (5, 20, 80), 50_000, 64  # of Parquet files
READ_GB, READ_WIDTHS, N_READ = 2, (50, 200, 1000, 4000), 20_000


# The files --------------------------------------------------------------------------


def new_file(path, dtype, shape, order="C"):
    """Return a mapping of a new file of zeros, as holes where the system knows them."""
    return np.memmap(path, dtype, "w+", shape=shape, order=order)


def mapped(path, dtype, shape, order="C"):
    return np.memmap(path, dtype, "r", shape=shape, order=order)


def make_data(kind, folder, scale):
    """Write the files of one kind of data; return how to map them."""
    size = int(KINDS[kind] * scale * 2**30)
    if kind.startswith("CSR"):
        return make_csr(folder, size)
    dtype = np.dtype("uint8" if kind.startswith("uint8") else "float32")
    order = "F" if "Fortran" in kind else "C"
    shape = (size // N_FEATURES // dtype.itemsize, N_FEATURES)
    arguments = (str(folder / "X"), dtype.name, shape, order)
    X, rng = new_file(*arguments), np.random.default_rng(0)
    for row in range(0, len(X), max(1, len(X) // 200)):  # the others stay zero
        X[row] = rng.integers(0, 9, N_FEATURES)
    X.flush()
    return {"arrays": [arguments], "shape": shape}


def make_csr(folder, size):
    n_rows = size // 8 // N_STORED
    n_stored = n_rows * N_STORED
    columns = new_file(str(folder / "indices"), "int32", (n_stored,))
    columns.reshape(n_rows, -1)[:] = np.arange(0, 16 * N_STORED, 16)
    ends = new_file(str(folder / "indptr"), "int32", (n_rows + 1,))
    ends[:] = np.arange(0, n_stored + 1, N_STORED)
    values = new_file(str(folder / "data"), "float32", (n_stored,))
    for array in (columns, ends, values):
        array.flush()
    arrays = [
        (array.filename, array.dtype.name, array.shape)
        for array in (values, columns, ends)
    ]
    return {"arrays": arrays, "shape": (n_rows, 16 * N_STORED)}


def open_data(arrays, shape):
    """Return the data that `make_data` wrote, mapped into memory."""
    arrays = [mapped(path, dtype, tuple(size), *o) for path, dtype, size, *o in arrays]
    return arrays[0] if len(arrays) == 1 else sparse.csr_matrix(tuple(arrays), shape)


# The steps --------------------------------------------------------------------------


def model(**parameters):
    defaults = {"batch_size": BATCH_SIZE, "max_iter": 1, "random_state": 0}
    if parameters.get("solver") == "lbfgs":
        del defaults["batch_size"]
    return MLPClassifier((4,), dtype="float32", **{**defaults, **parameters})


def fitted(X, y):
    return model().fit(X[:1000], y[:1000])


def blocks(X, y):
    """Two epochs of partial_fit over copies of blocks, which are shuffled."""
    learner, rng = model(), np.random.default_rng(0)
    size = max(1, 2**26 // (4 * X.shape[1]))  # 64 MB in float32
    for _ in range(2):
        for start in rng.permutation(np.arange(0, X.shape[0], size)):
            rows = slice(start, start + size)
            learner.partial_fit(X[rows].astype(np.float32), y[rows], classes=[0, 1])


STEPS = {
    "fit": lambda X, y: model().fit(X, y),
    "fit, shuffle=False": lambda X, y: model(shuffle=False).fit(X, y),
    "fit, early_stopping=True": lambda X, y: model(early_stopping=True).fit(X, y),
    "fit, normalization='batch', dropout=0.1": lambda X, y: model(
        normalization="batch", dropout=0.1
    ).fit(X, y),
    "fit, solver='lbfgs'": lambda X, y: model(solver="lbfgs").fit(X, y),
    "partial_fit, blocks of 64 MB": blocks,
    "predict_proba": lambda X, y: fitted(X, y).predict_proba(X),
    "score": lambda X, y: fitted(X, y).score(X, y),
}


def run_step(step, data):
    """Run one step; for a process of its own, which is watched from outside."""
    if step == "parquet":
        import pyarrow.parquet  # noqa: F401 (before the measurement)

        arguments = (data,)
    else:
        X = open_data(**data)
        arguments = X, np.arange(X.shape[0]) % 2
    print("ready", flush=True)
    sys.stdin.readline()
    warnings.simplefilter("ignore", ConvergenceWarning)
    (parquet_loop if step == "parquet" else STEPS[step])(*arguments)


def anonymous(pid):
    """Return the anonymous memory of a process in MB, or 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def measure(step, data):
    """Return the MB that a step takes and its seconds."""
    command = [sys.executable, __file__, "--step", step, json.dumps(data)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        process.stdout.readline()
        before, start = anonymous(process.pid), time.perf_counter()
        process.stdin.write("go\n")
        process.stdin.close()
        peak = before
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(0.001)
    if process.returncode:
        raise RuntimeError(f"{step} ended with code {process.returncode}.")
    return {"MB": peak - before, "seconds": time.perf_counter() - start}


def measure_memory(scale):
    found = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            data = make_data(kind, Path(folder), scale)
            size = sum(os.path.getsize(path) for path, *_ in data["arrays"])
            steps = {}
            for step in STEPS:
                steps[step] = measure(step, data)
                print(f"{kind}: {step}: {steps[step]['MB']:.0f} MB", file=sys.stderr)
        found[kind] = {"shape": data["shape"], "GB": size / 1e9, "steps": steps}
    return found


# Blocks of a Parquet file -----------------------------------------------------------


def write_parquet(path, n_rows, block_rows):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    names = [f"x{k}" for k in range(N_COLUMNS)]
    schema = pa.schema([(name, pa.float32()) for name in names])
    with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
        for _ in range(0, n_rows, block_rows):
            X = rng.standard_normal((block_rows, N_COLUMNS), np.float32)
            writer.write_table(pa.table([*X.T], schema))


def parquet_loop(path):
    """Learn the scale, then train an epoch; the last column is the target."""
    import pyarrow.parquet as pq

    def blocks():
        with pq.ParquetFile(path) as file:
            for k in range(file.num_row_groups):
                table = file.read_row_group(k)
                yield np.column_stack([table[name] for name in table.column_names])

    scaler, learner = StandardScaler(), MLPRegressor((4,), random_state=0)
    for block in blocks():
        scaler.partial_fit(block[:, :-1])
    for block in blocks():
        learner.partial_fit(scaler.transform(block[:, :-1]), block[:, -1])


def measure_parquet(scale):
    """Return for every number of blocks the file's size and the memory of the loop."""
    found, block_rows = {}, int(BLOCK_ROWS * scale)
    for n_blocks in N_BLOCKS:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "table.parquet")
            write_parquet(path, n_blocks * block_rows, block_rows)
            size = os.path.getsize(path) / 1e6
            found[str(n_blocks)] = {"size": size, **measure("parquet", path)}
    return found


# Reading ----------------------------------------------------------------------------


def read_bytes():
    """Return how many bytes this process had fetched from a disk."""
    status = Path("/proc/self/io").read_text()
    return int(re.search(r"^read_bytes: (\d+)", status, re.MULTILINE)[1])


def forget(path):
    """Ask the system to drop what it holds of a file."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(path, width, order, n_read):
    """Return microseconds and bytes fetched for each row, by the rows' own bytes."""
    forget(path)
    n_rows = os.path.getsize(path) // 4 // width
    X = np.asarray(mapped(path, "float32", (n_rows, width)))
    rows = np.arange(len(X))
    if order == "random":
        np.random.default_rng(0).shuffle(rows)
    rows = rows[: min(n_read, len(X) // 50)]
    y = np.zeros((len(X), 1), np.float32)
    batches = Batches(X, y, None, rows, batch_size=BATCH_SIZE, shuffle=False)
    start, fetched = time.perf_counter(), read_bytes()
    for _ in batches.epoch(None):
        pass
    seconds, fetched = time.perf_counter() - start, read_bytes() - fetched
    n_bytes = 4 * width * len(rows)
    return {"us": 1e6 * seconds / len(rows), "fetched": fetched / n_bytes}


def measure_reading(scale):
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path, rng = os.path.join(folder, "X"), np.random.default_rng(0)
        with open(path, "wb") as file:
            for _ in range(int(READ_GB * scale * 512)):
                file.write(rng.bytes(2**21))
        for width in READ_WIDTHS:
            found[str(width)] = {
                order: read(path, width, order, N_READ)
                for order in ("random", "in order")
            }
    return found


# Tables -----------------------------------------------------------------------------


def megabytes(value):
    return "under 1 MB" if value < 1 else f"{value:.0f} MB"


def tables(results):
    """Return the tables of docs/out_of_core.md."""
    memory = results["memory"]
    rows = [["", *memory], ["on disk"] + [f"{m['GB']:.2f} GB" for m in memory.values()]]
    rows += [
        [step] + [megabytes(kind["steps"][step]["MB"]) for kind in memory.values()]
        for step in STEPS
    ]
    reading = [["features", "in order", "at random", "bytes fetched at random"]]
    for width, found in results["reading"].items():
        at_random = found["random"]
        reading.append(
            [
                f"{int(width):,}",
                f"{found['in order']['us']:.1f} µs",
                f"{at_random['us']:.0f} µs",
                f"{at_random['fetched']:.0f} times the row",
            ]
        )
    blocks = [["blocks", "size of the file", "memory of the loop"]]
    for n_blocks, found in results["parquet"].items():
        blocks.append([n_blocks, megabytes(found["size"]), megabytes(found["MB"])])
    return {
        "memory": markdown(rows),
        "parquet": markdown(blocks),
        "reading": markdown(reading),
    }


def main(argv=None):
    parser = argparse.ArgumentParser(description="Measure training on files.")
    parser.add_argument("--quick", action="store_true", help="small files")
    parser.add_argument("--output", type=Path, help="where to write the results")
    parser.add_argument("--show", type=Path, metavar="FILE", help="print old results")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.step:
        step, data = options.step
        return run_step(step, json.loads(data))
    if options.show:
        results = json.loads(options.show.read_text("utf-8"))
    else:
        scale = QUICK if options.quick else 1
        results = {
            "memory": measure_memory(scale),
            "parquet": measure_parquet(scale),
            "reading": measure_reading(scale),
        }
        output = options.output or (None if options.quick else RESULTS)
        if output:
            output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    for table in tables(results).values():
        print(f"{table}\n")


if __name__ == "__main__":
    main()
