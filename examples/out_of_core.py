"""
Out of core: a table larger than the memory
===========================================

A Parquet file of 600 MB is written in blocks and learned in blocks, by a process that
must not allocate more than 300 MB for it. One pass over the blocks learns their scale,
the others train; a block that is held out tells how good the network is. Run it with

    python examples/out_of_core.py
"""

import os
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPRegressor

LIMIT = 300_000_000
N_BLOCKS, BLOCK_ROWS, N_FEATURES = 60, 50_000, 50
FEATURES = [f"x{k}" for k in range(N_FEATURES)]
IS_LINUX = sys.platform == "linux"  # others do not limit what is allocated


def memory(name):
    """Return the bytes of an entry of Linux's /proc/self/status."""
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def limit_memory():
    """Let the process allocate no more than LIMIT beyond what it has already."""
    import resource

    limit = memory("VmData") + LIMIT
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        np.ones((N_BLOCKS * BLOCK_ROWS, N_FEATURES), np.float32)
    except MemoryError as error:
        print(f"All features at once? {error}")


def peak_memory():
    return f"peak memory {memory('VmHWM') / 1e6:.0f} MB" if IS_LINUX else ""


def new_block(rng):
    """Return features of different scales and a target."""
    X = rng.standard_normal((BLOCK_ROWS, N_FEATURES), np.float32)
    noise = rng.standard_normal(BLOCK_ROWS, np.float32)
    y = np.tanh(X[:, 0] + X[:, 1]) + X[:, 2] * X[:, 3] + 0.1 * noise
    return X * np.geomspace(0.1, 1000, N_FEATURES, dtype=np.float32) + 10, y


def write(path):
    rng = np.random.default_rng(0)
    schema = pa.schema([(name, pa.float32()) for name in [*FEATURES, "y"]])
    with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
        for _ in range(N_BLOCKS):
            X, y = new_block(rng)
            writer.write_table(pa.table([*X.T, y], schema))


def read(file, block):
    """Return (X, y) of a row group."""
    table = file.read_row_group(block, use_threads=False)
    X = np.empty((table.num_rows, N_FEATURES), np.float32)
    for k, name in enumerate(FEATURES):
        X[:, k] = table[name]
    return X, table["y"].to_numpy()


def train(path, n_epochs=2):
    rng, scaler = np.random.default_rng(0), StandardScaler()
    model = MLPRegressor(hidden_layer_sizes=(32,), batch_size=500, random_state=0)
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for block in range(N_BLOCKS):
            scaler.partial_fit(read(file, block)[0])
        print(f"scales learned; {peak_memory()}")
        X_val, y_val = read(file, 0)
        X_val = scaler.transform(X_val)
        for epoch in range(1, n_epochs + 1):
            start = time.perf_counter()
            for block in rng.permutation(np.arange(1, N_BLOCKS)):
                X, y = read(file, int(block))
                model.partial_fit(scaler.transform(X), y)
            seconds = time.perf_counter() - start
            print(
                f"epoch {epoch}: R² {model.score(X_val, y_val):.4f} on the block held "
                f"out, {seconds:.1f} s; {peak_memory()}"
            )
    return model


if IS_LINUX:
    limit_memory()
    print(f"memory of the libraries: {memory('VmRSS') / 1e6:.0f} MB")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "table.parquet")
    write(path)
    print(
        f"{N_BLOCKS * BLOCK_ROWS:,} rows in a file of {os.path.getsize(path):,} bytes"
    )
    model = train(path)

print(f"{model.t_:,} rows were trained on, {BLOCK_ROWS:,} at a time.")
