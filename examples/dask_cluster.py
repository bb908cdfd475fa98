"""
Dask: a search, a training and a scoring on a cluster
=====================================================

Two worker processes of this machine stand in for a cluster. They share the fits of two
searches, train on blocks of rows, and score them. What ran where is printed, and
whether it is what one process gets by itself. Run it with

    python examples/dask_cluster.py

or give it the address of the scheduler of a cluster that runs already:

    python examples/dask_cluster.py tcp://scheduler:8786
"""

import copy
import sys
import time
import warnings
from collections import Counter
from contextlib import contextmanager

import dask.array as da
import joblib
import numpy as np
from dask.distributed import Client, LocalCluster, get_task_stream, wait
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, RandomizedSearchCV

from sk_mlp import MLPClassifier

# Few epochs are what halving is about. The workers import this line too.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# The recipes --------------------------------------------------------------------------


def loaded_ahead(client, X, y, order):
    """Yield the blocks of rows to this process; the next loads while one is used."""
    coming = None
    for i in order:
        block, coming = coming, client.compute([X.blocks[i], y.blocks[i]])
        if block is not None:
            yield client.gather(block)
    yield client.gather(coming)


def fit_block(model, X, y, **classes):
    """Return the model after one more block, as a new object.

    A task must leave its inputs as they are: another one may use them as well, and
    Dask repeats a task when its worker is lost.
    """
    return copy.deepcopy(model).partial_fit(X, y, **classes)


def fit_on_workers(client, model, X, y, order, **classes):
    """Return the model trained block by block, on the workers."""
    model = client.submit(copy.deepcopy, model, pure=False)
    for i in order:
        block = client.compute([X.blocks[i], y.blocks[i]])
        before = model
        model = client.submit(fit_block, before, *block, **classes, pure=False)
        wait(before)  # so at most two blocks are loaded at any time
    return model.result()


# What they do -------------------------------------------------------------------------


@contextmanager
def shown(client, title):
    """Print how long the code within took and what the workers did meanwhile."""
    names = {address: f"worker {i}" for i, address in enumerate(client.nthreads())}
    start = time.perf_counter()
    with get_task_stream(client) as stream:
        yield
    print(f"{title}: {time.perf_counter() - start:.1f} s")
    tasks, seconds = Counter(), Counter()
    for task in stream.data:
        tasks[task["worker"]] += 1
        for part in task["startstops"]:
            if part["action"] == "compute":
                seconds[task["worker"]] += part["stop"] - part["start"]
    for address, name in names.items():
        print(f"  {name}: {tasks[address]:3} tasks, {seconds[address]:.1f} s")


def search_on(client, search, X, y):
    """Run the search here and on the cluster, and compare."""
    kind = type(search).__name__
    start = time.perf_counter()
    here = copy.deepcopy(search).fit(X, y)
    print(f"\n{kind} in this process: {time.perf_counter() - start:.1f} s")
    with shown(client, f"{kind} on the cluster"), joblib.parallel_config("dask"):
        search.fit(X, y)
    print(f"  best: {search.best_params_}, score {search.best_score_:.4f}")
    scores = "mean_test_score"
    same = search.best_params_ == here.best_params_ and np.array_equal(
        search.cv_results_[scores], here.cv_results_[scores]
    )
    print(f"  the same best parameters and scores as here: {same}")


def search_both_ways(client, X, y):
    """Search at random, and by halving with epochs as the resource."""
    model = MLPClassifier((64,), max_iter=40, random_state=0)
    space = {
        "alpha": [1e-5, 1e-3, 1e-1],
        "learning_rate_init": [1e-3, 3e-3, 1e-2],
        "activation": ["relu", "tanh", "gelu"],
    }
    search_on(client, RandomizedSearchCV(model, space, random_state=0, cv=3), X, y)
    del space["alpha"]
    halving = HalvingGridSearchCV(
        model,
        space,
        resource="max_iter",
        min_resources=9,
        max_resources=81,
        random_state=0,
        cv=3,
    )
    search_on(client, halving, X, y)
    rounds = zip(halving.n_candidates_, halving.n_resources_, strict=True)
    print("  rounds:", ", ".join(f"{n} candidates x {e} epochs" for n, e in rounds))


def train_and_score(client, X, y):
    """Train on blocks in three ways, and predict where the blocks are."""
    blocks = da.from_array(X, chunks=(400, -1)), da.from_array(y, chunks=400)
    blocks = client.persist(blocks)  # in the memory of the workers
    wait(blocks)
    classes = np.unique(y)
    shuffle = np.random.RandomState(0).permutation
    order = np.concatenate([shuffle(len(blocks[1].chunks[0])) for _ in range(10)])

    def new_model():
        return MLPClassifier((64,), learning_rate_init=0.01, random_state=0)

    print(f"\n10 epochs over {len(blocks[1].chunks[0])} blocks, in a new order each")
    here = new_model()
    for i in order:
        rows = slice(400 * i, 400 * (i + 1))
        here.partial_fit(X[rows], y[rows], classes=classes)
    with shown(client, "Blocks come to this process"):
        streamed = new_model()
        for block in loaded_ahead(client, *blocks, order):
            streamed.partial_fit(*block, classes=classes)
    with shown(client, "The model goes to the workers"):
        sent = fit_on_workers(client, new_model(), *blocks, order, classes=classes)
    expected = here.predict_proba(X)
    same = all((m.predict_proba(X) == expected).all() for m in (streamed, sent))
    print(f"  every probability is that of a loop over NumPy arrays: {same}")

    print()
    with shown(client, "Predictions, block by block"):
        labels = blocks[0].map_blocks(
            sent.predict,
            drop_axis=1,
            dtype=classes.dtype,
            meta=np.empty(0, classes.dtype),
        )
        accuracy = (labels == blocks[1]).mean().compute()
    print(f"  accuracy {accuracy:.4f}; here: {here.score(X, y):.4f}")


def main(client):
    for i, address in enumerate(client.nthreads()):
        print(f"worker {i}: {address}")
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    search_both_ways(client, X, y)
    train_and_score(client, X, y)


# The workers import this file: what starts them must be left to the main process.
if __name__ == "__main__":
    if len(sys.argv) > 1:
        with Client(sys.argv[1]) as client:
            main(client)
    else:
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=":0"
            ) as cluster,
            Client(cluster) as client,
        ):
            main(client)
