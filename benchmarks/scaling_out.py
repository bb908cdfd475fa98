"""What Dask costs and gains on one machine: behind docs/scaling_out.md.

    OMP_NUM_THREADS=1 python benchmarks/scaling_out.py

starts two worker processes of one thread each, and measures, in turns:

- tasks that do nothing, in one joblib call, and one by one;
- a grid search of 12 fits in this process, on the workers, and on two processes of
  joblib's own backend, loky, for fits of several lengths. All workers have run before;
- training on blocks of rows that a worker loads: asked for when needed, one ahead, and
  with the model sent to the workers, by the functions of examples/dask_cluster.py.

It takes about four minutes on two cores, prints tables in Markdown, and writes the
times of all rounds to ``benchmarks/scaling_out.json``. ``--show FILE`` measures nothing
and prints the tables of that file, as docs/scaling_out.md has them.

Another program that runs takes one of the two cores, and with it all that a second
worker gains. So the share of the cores' time that other programs had is noted for every
run, and a cell of the tables is of the third of its runs with the smallest share: the
median, and half the distance of the quartiles.
"""

import argparse
import json
import os
import sys
import time
import warnings
from contextlib import contextmanager, nullcontext
from datetime import date
from functools import partial
from pathlib import Path

import dask
import dask.array as da
import distributed
import joblib
import numpy as np
import sklearn
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from suite.machine import Conditions, processor
from suite.markdown import PLUS_MINUS, markdown

from sk_mlp import MLPClassifier

# The workers are started with this path as well.
sys.path.append(str(Path(__file__).parents[1] / "examples"))
from dask_cluster import fit_on_workers, loaded_ahead

RESULTS = Path(__file__).with_suffix(".json")
N_FEATURES = 40
ALPHAS = np.logspace(-5, -1, 6).tolist()  # with two folds 12 fits
FULL = {
    "rounds": {"tasks": 12, "searches": 12, "blocks": 8},
    "tasks": 200,
    # Rows and epochs of a fit
    "searches": [(200, 1), (1000, 20), (1000, 40), (1000, 60), (5000, 30), (5000, 60)],
    # Seconds to load a block, and whether the worker waits or computes meanwhile
    "loads": [(0.0, "wait"), (0.1, "wait"), (0.1, "work"), (0.3, "wait")],
    "blocks": 10,
    "block_rows": 20_000,
}
QUICK = {
    "rounds": {"tasks": 1, "searches": 1, "blocks": 1},
    "tasks": 4,
    "searches": [(100, 1)],
    "loads": [(0.01, "wait"), (0.01, "work")],
    "blocks": 2,
    "block_rows": 100,
}


# Measure ----------------------------------------------------------------------------


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def seconds_of_each(send, n_tasks):
    return seconds(partial(send, n_tasks)) / n_tasks


def in_turns(rows, n_rounds):
    """Return what each call of every row returned, and what others did meanwhile.

    The first call of a row is another one every round.
    """
    found = {
        label: {name: {"found": [], "others": []} for name in calls}
        for label, calls in rows.items()
    }
    for k in range(n_rounds):
        for label, calls in rows.items():
            shift = k % len(calls)
            for name in [*calls][shift:] + [*calls][:shift]:
                conditions = Conditions()
                found[label][name]["found"].append(calls[name]())
                others = conditions.end()["others"] or 0.0  # None where it is unknown
                found[label][name]["others"].append(round(others, 3))
        print(f"round {k + 1} of {n_rounds}", file=sys.stderr)
    return found


def measure_tasks(client, sizes):
    """Return the seconds of a task that does nothing."""

    def together(n_tasks):
        with joblib.parallel_config("dask"):
            joblib.Parallel()(joblib.delayed(pow)(k, 2) for k in range(n_tasks))

    def one_by_one(n_tasks):
        for k in range(n_tasks):
            client.submit(pow, k, 2, pure=False).result()

    n_tasks = sizes["tasks"]
    calls = {
        "one of many in a joblib call": (together, n_tasks),
        "sent when the last one is done": (one_by_one, max(1, n_tasks // 4)),
    }
    together(2)
    rows = {
        name: {"task": partial(seconds_of_each, *arguments)}
        for name, arguments in calls.items()
    }
    return in_turns(rows, sizes["rounds"]["tasks"])


def search(X, y, n_epochs, backend):
    """Return the seconds of a search and the mean of its fits."""
    model = MLPClassifier((64,), max_iter=n_epochs, tol=0.0, random_state=0)
    model.set_params(n_iter_no_change=n_epochs + 1)
    grid = GridSearchCV(model, {"alpha": ALPHAS}, cv=2, refit=False)
    config = {
        "here": nullcontext,
        "dask": partial(joblib.parallel_config, "dask"),
        "loky": partial(joblib.parallel_config, "loky", n_jobs=2),
    }[backend]
    with config():
        total = seconds(partial(grid.fit, X, y))
    return {"search": total, "fit": float(grid.cv_results_["mean_fit_time"].mean())}


def measure_searches(sizes):
    """Return the seconds of the searches, and of one of their fits in this process."""
    n_rows = max(n for n, _ in sizes["searches"])
    X, y = make_classification(n_rows, N_FEATURES, n_informative=20, random_state=0)
    X = X.astype("float32")
    backends = ("here", "dask", "loky")
    for backend in backends:  # starts workers, and imports what they need
        search(X[:100], y[:100], 1, backend)
    rows = {
        f"rows {n}, epochs {n_epochs}": {
            backend: partial(search, X[:n], y[:n], n_epochs, backend)
            for backend in backends
        }
        for n, n_epochs in sizes["searches"]
    }
    found = in_turns(rows, sizes["rounds"]["searches"])
    for calls in found.values():
        here = calls["here"]
        calls["fit"] = {**here, "found": [one["fit"] for one in here["found"]]}
        for name in backends:
            calls[name]["found"] = [one["search"] for one in calls[name]["found"]]
    return found


def load(i, n_rows, duration, kind):
    """Return a block of rows, after waiting or computing so long."""
    if kind == "wait":
        time.sleep(duration)
    else:
        start = time.thread_time()  # of this thread alone
        while time.thread_time() - start < duration:
            pass
    return np.random.default_rng(i).random((n_rows, N_FEATURES), np.float32) - 0.5


def train(blocks):
    model = MLPClassifier((128,), random_state=0)
    for X, y in blocks:
        model.partial_fit(X, y, classes=[0, 1])


def ways_to_train(client, X, y):
    """Return the calls that train on the blocks of two dask arrays."""
    order = range(X.numblocks[0])

    def when_needed():
        for i in order:
            yield client.gather(client.compute([X.blocks[i], y.blocks[i]]))

    def on_workers():
        model = MLPClassifier((128,), random_state=0)
        fit_on_workers(client, model, X, y, order, classes=[0, 1])

    loaded = list(when_needed())
    return {
        "in memory": partial(seconds, lambda: train(loaded)),
        "when needed": partial(seconds, lambda: train(when_needed())),
        "ahead": partial(seconds, lambda: train(loaded_ahead(client, X, y, order))),
        "model sent": partial(seconds, on_workers),
    }


def measure_blocks(client, sizes):
    """Return the seconds of an epoch over blocks in several ways."""
    n_blocks, n_rows = sizes["blocks"], sizes["block_rows"]
    y = np.random.default_rng(0).integers(0, 2, n_blocks * n_rows)
    (y,) = client.persist([da.from_array(y, chunks=n_rows)])
    rows = {}
    for duration, kind in sizes["loads"]:
        blocks = [
            da.from_delayed(
                dask.delayed(load)(i, n_rows, duration, kind),
                (n_rows, N_FEATURES),
                np.float32,
            )
            for i in range(n_blocks)
        ]
        label = f"{duration} s, {kind}"
        rows[label] = ways_to_train(client, da.concatenate(blocks), y)
    return in_turns(rows, sizes["rounds"]["blocks"])


@contextmanager
def two_workers():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def measure(sizes):
    start = time.perf_counter()
    with two_workers() as client, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs are enough
        results = {
            "tasks": measure_tasks(client, sizes),
            "searches": measure_searches(sizes),
            "blocks": measure_blocks(client, sizes),
        }
    machine = {
        "date": date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "scikit-learn": sklearn.__version__,
        "joblib": joblib.__version__,
        "dask": dask.__version__,
        "seconds": time.perf_counter() - start,
    }
    return {"machine": machine, **results}


# Tables -----------------------------------------------------------------------------


def quiet(runs, key="found"):
    """Return what was found in the third of the runs when others did least."""
    n_runs = -(-len(runs["others"]) // 3)
    order = np.argsort(runs["others"], kind="stable")[:n_runs]
    return [runs[key][k] for k in order]


def share_of_others(results, part):
    """Return the mean share of the cores' time that others had in what is shown."""
    cells = [runs for row in results[part].values() for runs in row.values()]
    return float(np.mean([quiet(runs, "others") for runs in cells]))


def median_and_spread(runs, scale=1.0, digits=2):
    """Return the median and half the distance of the quartiles as text."""
    low, middle, high = scale * np.percentile(quiet(runs), [25, 50, 75])
    return f"{middle:.{digits}f}{PLUS_MINUS}{(high - low) / 2:.{digits}f}"


def name_of_load(label):
    """Return how a row of the table calls a way to load."""
    duration, kind = label.split(", ")
    if float(duration.split()[0]) == 0:
        return "no time"
    return duration + (" of computing" if kind == "work" else "")


def tables(results):
    """Return the tables of docs/scaling_out.md."""
    tasks = [["a task that does nothing", "takes ms"]]
    for name, found in results["tasks"].items():
        tasks.append([name, median_and_spread(found["task"], 1e3, 1)])
    searches = [
        ["one fit takes", "in this process", "two Dask workers", "two loky processes"]
    ]
    for found in results["searches"].values():
        cells = [median_and_spread(found[b]) for b in ("here", "dask", "loky")]
        searches.append([f"{1e3 * np.median(quiet(found['fit'])):.0f} ms", *cells])
    ways = ("in memory", "when needed", "ahead", "model sent")
    blocks = [["a block takes to load", *ways]]
    for label, found in results["blocks"].items():
        blocks.append(
            [name_of_load(label), *(median_and_spread(found[way]) for way in ways)]
        )
    return {
        "tasks": markdown(tasks),
        "searches": markdown(searches),
        "blocks": markdown(blocks),
    }


def main(argv=None):
    parser = argparse.ArgumentParser(description="Measure what Dask costs and gains.")
    parser.add_argument("--quick", action="store_true", help="to see that it works")
    parser.add_argument("--output", type=Path, help="where to write the results")
    parser.add_argument("--show", type=Path, metavar="FILE", help="print old results")
    options = parser.parse_args(argv)
    if options.show:
        results = json.loads(options.show.read_text("utf-8"))
    else:
        results = measure(QUICK if options.quick else FULL)
        output = options.output or (None if options.quick else RESULTS)
        if output:
            output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    for part, table in tables(results).items():
        share = share_of_others(results, part)
        print(f"{table}\n\nOther programs had {share:.0%} of the cores' time.\n")


if __name__ == "__main__":
    main()
