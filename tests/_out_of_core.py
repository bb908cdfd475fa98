"""Train on a file larger than the memory that this process may have.

Run by tests/test_out_of_core.py: ``python _out_of_core.py PATH``. Prints JSON.
"""

import json
import sys
import warnings

LIMIT = 1_000_000_000
if __name__ == "__main__":  # pytest imports this file too, to look for doctests
    import resource

    # Of what the process allocates; RLIMIT_AS would count the mapped file as well.
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))

import numpy as np  # noqa: E402 (under the limit, as all that follows)
from sklearn.exceptions import ConvergenceWarning  # noqa: E402

from sk_mlp import MLPClassifier  # noqa: E402

N_FEATURES = 4096
SIZE = 2**32 + 2**26  # of the file: more than 4 GB, however these are counted
WRITTEN = 100  # one row in so many


def make_file(path):
    """Write a file of float32 rows, most of which are holes; return their labels."""
    n_rows = SIZE // 4 // N_FEATURES
    X = np.memmap(path, np.float32, "w+", shape=(n_rows, N_FEATURES))
    y = np.zeros(n_rows, np.int8)
    y[::WRITTEN] = 1
    noise = np.random.default_rng(0).random(N_FEATURES, np.float32)
    for row in range(0, n_rows, WRITTEN):
        X[row] = noise
    X.flush()
    return y


def allocates(n_bytes):
    try:
        return np.zeros(n_bytes, np.uint8).nbytes == n_bytes
    except MemoryError:
        return False


def main(path):
    y = make_file(path)
    X = np.memmap(path, np.float32, "r", shape=(len(y), N_FEATURES))
    model = MLPClassifier(
        hidden_layer_sizes=(4,),
        batch_size=256,
        learning_rate_init=0.01,
        early_stopping=True,
        max_iter=1,
        random_state=0,
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = {"limit bites": not allocates(LIMIT), "bytes": X.nbytes}
    model.fit(X, y)
    found["epochs"], found["rows"] = model.n_iter_, model.t_
    found["validation score"] = model.best_validation_score_
    found["right"] = int((model.predict(X) == y).sum())
    found["score"] = model.score(X, y)
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
