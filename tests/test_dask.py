"""Searches, training and scoring on two worker processes are those of one process."""

import importlib
import importlib.util
import io
import json
import os
import sys
import threading
import time
import warnings
from contextlib import nullcontext, redirect_stdout
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from _helpers import X, Y, assert_same_network, fit_quietly, make, snapshot
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, activations
from sk_mlp.activations import Activation, LeakyReLU
from sk_mlp.callbacks import JSONLogger, TimeLimit
from sk_mlp.losses import Quantile

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "dask_cluster.py"
RESULTS = ROOT / "benchmarks" / "scaling_out.json"
WORDS = np.array(["low", "middle", "high"])[Y[MLPClassifier]]
# The end of training without a warning: filters of warnings do not travel to workers
# before scikit-learn 1.7.
CONVERGED = {"tol": 1e9, "n_iter_no_change": 4, "max_iter": 20}


@pytest.fixture(scope="module")
def client():
    """A client of two worker processes of one thread each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")  # the workers get the path as well
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=":0"
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


@pytest.fixture(scope="module")
def recipes(client):
    """The functions of the example, which the workers can import as well."""
    spec = importlib.util.spec_from_file_location("dask_cluster", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "dask_cluster", module)
        spec.loader.exec_module(module)
        client.upload_file(str(EXAMPLE))
        yield module


def on_cluster(function, **options):
    with joblib.parallel_config("dask", **options):
        return function()


def assert_same_search(found, expected):
    scores = [key for key in expected.cv_results_ if "_time" not in key]
    assert len(scores) > 5
    for key in scores:
        np.testing.assert_array_equal(
            found.cv_results_[key], expected.cv_results_[key], err_msg=key
        )
    assert found.best_params_ == expected.best_params_
    assert found.best_score_ == expected.best_score_
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))


def assert_same_training(found, expected):
    assert_same_network(found, expected)
    for key in expected.history_.keys() - {"seconds"}:
        np.testing.assert_array_equal(found.history_[key], expected.history_[key])
    assert (found.t_, found.n_iter_) == (expected.t_, expected.n_iter_)


# Searches -----------------------------------------------------------------------------

classifier = partial(make, MLPClassifier, **CONVERGED)
regressor = partial(make, MLPRegressor, **CONVERGED)
SPACE = {
    "alpha": stats.loguniform(1e-5, 1.0),
    "learning_rate_init": stats.loguniform(1e-3, 0.1),
    "hidden_layer_sizes": [(4,), (6, 3)],
}
SEARCHES = {
    "grid over objects": (
        partial(
            GridSearchCV,
            classifier(),
            {"activation": [LeakyReLU(0.3), LeakyReLU(trainable=True), "gelu"]},
        ),
        Y[MLPClassifier],
    ),
    "random": (
        partial(RandomizedSearchCV, classifier(), SPACE, n_iter=5, random_state=0),
        Y[MLPClassifier],
    ),
    "regressor, random_state an object": (
        partial(
            GridSearchCV,
            regressor(random_state=np.random.RandomState(3)),
            {"alpha": [0.1, 1.0], "loss": [Quantile((0.1, 0.9)), "huber"]},
        ),
        Y[MLPRegressor],
    ),
    "early stopping, strings": (
        partial(
            GridSearchCV,
            classifier(early_stopping=True),
            {"activation__negative_slope": [0.1, 0.2], "solver": ["adam", "sgd"]},
        ),
        WORDS,
    ),
    "pipeline": (
        partial(
            GridSearchCV,
            make_pipeline(
                StandardScaler(), make(MLPClassifier, solver="lbfgs", max_iter=500)
            ),
            {"mlpclassifier__alpha": [0.1, 1.0]},
        ),
        WORDS,
    ),
    "halving, random": (
        partial(
            HalvingRandomSearchCV,
            make(MLPClassifier),
            SPACE,
            n_candidates=9,
            resource="max_iter",
            max_resources=27,
            min_resources=3,
            random_state=0,
        ),
        WORDS,
    ),
    "halving, grid": (
        partial(
            HalvingGridSearchCV,
            make(MLPRegressor),
            {"alpha": [0.0, 0.1, 1.0], "learning_rate_init": [0.001, 0.01, 0.1]},
            resource="max_iter",
            max_resources=18,
            min_resources=2,
        ),
        Y[MLPRegressor],
    ),
}
SEARCHES["early stopping, strings"][0].args[0].set_params(activation=LeakyReLU())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SEARCHES)
def test_search_finds_the_same(client, name):
    make_search, y = SEARCHES[name]
    here = make_search(cv=3).fit(X, y)
    with distributed.get_task_stream(client) as stream:
        there = on_cluster(lambda: make_search(cv=3).fit(X, y))
    assert {task["worker"] for task in stream.data} <= set(client.nthreads())
    assert stream.data
    assert_same_search(there, here)
    if "halving" in name:
        assert there.n_resources_[-1] == there.max_resources
        assert there.best_params_["max_iter"] == there.best_estimator_.n_iter_


def test_both_workers_take_part_in_a_search(client):
    model = make(MLPRegressor, max_iter=10**6, tol=0.0).set_callbacks(TimeLimit(0.1))
    search = GridSearchCV(model, {"alpha": [0.1, 0.2, 0.3]}, cv=3, refit=False)
    with distributed.get_task_stream(client) as stream:
        on_cluster(lambda: search.fit(X, Y[MLPRegressor]))
    assert {task["worker"] for task in stream.data} == set(client.nthreads())


@pytest.mark.parametrize("n_jobs", [None, 1, -1])
@pytest.mark.parametrize("scattered", [False, True])
def test_search_with_scattered_data_and_any_n_jobs(client, n_jobs, scattered):
    y = Y[MLPClassifier]
    search = GridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2)
    here = clone(search).fit(X, y)
    search.set_params(n_jobs=n_jobs)
    options = {"scatter": [X, y]} if scattered else {}
    with distributed.get_task_stream(client) as stream:
        assert_same_search(on_cluster(lambda: search.fit(X, y), **options), here)
    assert stream.data  # n_jobs=1 is not "in this process"


def test_cross_validation_returns_the_same_networks(client):
    model = classifier(dropout=0.2, normalization="batch")
    validate = partial(
        cross_validate, model, X, WORDS, cv=3, return_estimator=True, n_jobs=-1
    )
    here, there = validate(n_jobs=None), on_cluster(validate)
    np.testing.assert_array_equal(there["test_score"], here["test_score"])
    for found, expected in zip(there["estimator"], here["estimator"], strict=True):
        assert_same_training(found, expected)


# What travels -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model, y",
    [
        (classifier(activation=[LeakyReLU(trainable=True)], dropout=0.1), WORDS),
        (regressor(loss=Quantile((0.1, 0.9)), normalization="layer"), X[:, 0]),
        (make(MLPRegressor, solver="lbfgs", max_iter=500), X[:, :2]),
    ],
    ids=["classifier", "quantiles", "lbfgs"],
)
def test_estimator_after_the_way_there_and_back(client, model, y):
    here = clone(model).fit(X, y)
    found = client.submit(clone(model).fit, X, y, pure=False).result()
    returned = client.scatter(here, hash=False).result()
    assert_same_training(found, here)
    assert found.predict(X).tobytes() == here.predict(X).tobytes()
    assert returned is not here
    before, after = snapshot(here, X), snapshot(returned, X)
    for name in before.keys() - {"id of _network", "_state"}:
        assert after[name] == before[name], name
    if model.solver != "lbfgs":
        assert_same_network(returned.partial_fit(X, y), here.partial_fit(X, y))


def test_own_activations_travel_but_their_names_do_not(client):
    class Cubic(Activation):
        """In no module that a worker could import."""

        c: float = 0.1

        def forward(self, z, out):
            out[...] = z + self.c * z**3

        def backward(self, z, a, grad):
            grad *= 1 + 3 * self.c * z**2

    def search(*values):
        grid = {"activation": values}
        search = GridSearchCV(classifier(), grid, cv=2, error_score="raise")
        return search.fit(X, Y[MLPClassifier])

    objects = Cubic(), Cubic(c=0.3)
    there = on_cluster(lambda: search(*objects))
    assert_same_search(there, search(*objects))
    activations.register("cubic")(Cubic)
    try:
        search("cubic")
        with pytest.raises(ValueError, match="must be a str among"):
            on_cluster(lambda: search("cubic"))
    finally:
        activations._REGISTRY.unregister("cubic")


def fitted_and_printed(model, *data):
    with redirect_stdout(io.StringIO()) as printed:
        return model.fit(*data), printed.getvalue()


def test_callbacks_and_reports_in_a_worker(client, tmp_path):
    log = tmp_path / "log.jsonl"
    model = make(MLPClassifier, max_iter=10**6, tol=0.0, verbose=1)
    model.set_callbacks(TimeLimit(0.05), JSONLogger(log))
    fitted, printed = client.submit(fitted_and_printed, model, X, WORDS).result()
    assert fitted.stop_reason_ == "callback" and fitted.n_iter_ > 1
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert len(lines) >= fitted.n_iter_
    assert printed.startswith("Iteration 1, loss = ")
    assert not hasattr(model, "n_iter_")  # the worker had a copy


def test_error_in_a_worker_reaches_the_user(client, recipes):
    search = GridSearchCV(classifier(), {"alpha": [-1.0]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="'alpha' parameter of MLPClassifier must be"):
        on_cluster(lambda: search.fit(X, WORDS))
    search.set_params(error_score=np.nan)
    with pytest.raises(ValueError, match=r"All the 2 fits failed(.|\n)*'alpha' param"):
        on_cluster(lambda: search.fit(X, WORDS))
    blocks = da.from_array(X, chunks=(20, -1)), da.from_array(WORDS, chunks=20)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        recipes.fit_on_workers(client, classifier(), *blocks, [0, 1, 2])


# Training on blocks -------------------------------------------------------------------

SPARSE = sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0))
BLOCKS = {
    "even": (X, (20, 20, 20)),
    "uneven": (X, (7, 1, 30, 1, 21)),
    "float32": (X.astype(np.float32), (31, 29)),
    "sparse": (SPARSE, (25, 1, 34)),
}
TARGETS = {
    "strings": (MLPClassifier, WORDS, {"classes": np.unique(WORDS)}),
    "one class in a block": (
        MLPClassifier,
        np.sort(Y[MLPClassifier]),
        {"classes": [0, 1, 2]},
    ),
    "multilabel": (MLPClassifier, (X[:, :2] > 0).astype(int), {}),
    "numbers": (MLPRegressor, Y[MLPRegressor], {}),
}


def dask_rows(array, sizes):
    if not sparse.issparse(array):
        return da.from_array(array, chunks=(sizes, *array.shape[1:]))
    rows = da.from_array(array.toarray(), chunks=(sizes, -1))
    return rows.map_blocks(sparse.csr_matrix, dtype=array.dtype)


def trained_here(model, array, y, sizes, order, **classes):
    ends = np.cumsum(sizes)
    for i in order:
        rows = slice(ends[i] - sizes[i], ends[i])
        model.partial_fit(array[rows], y[rows], **classes)
    return model


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("blocks", BLOCKS)
def test_training_on_blocks_is_a_loop_over_arrays(client, recipes, blocks, target):
    (array, sizes), (cls, y, classes) = BLOCKS[blocks], TARGETS[target]
    model = make(cls, dropout=0.2)
    shuffle = np.random.RandomState(0).permutation
    order = np.concatenate([shuffle(len(sizes)) for _ in range(2)])
    here = trained_here(clone(model), array, y, sizes, order, **classes)
    rows, targets = dask_rows(array, sizes), dask_rows(y, sizes)
    streamed = clone(model)
    for block in recipes.loaded_ahead(client, rows, targets, order):
        streamed.partial_fit(*block, **classes)
    sent = recipes.fit_on_workers(client, clone(model), rows, targets, order, **classes)
    for found in (streamed, sent):
        assert_same_training(found, here)
        assert found.predict(array).tobytes() == here.predict(array).tobytes()


def test_training_on_a_dataframe(client, recipes):
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[*"abcd"])
    rows = dd.from_pandas(frame, npartitions=3)
    model, streamed = make(MLPRegressor), make(MLPRegressor)
    for part in rows.partitions:
        block = part.compute()
        streamed.partial_fit(block, block["a"])
        model.partial_fit(frame.loc[block.index], frame.loc[block.index, "a"])
    assert_same_network(streamed, model)
    assert list(streamed.feature_names_in_) == [*"abcd"]
    found = rows.map_partitions(streamed.predict, meta=np.empty(0))
    np.testing.assert_array_equal(found.compute(), model.predict(frame))


@pytest.mark.parametrize("random_state", [0, np.random.RandomState(0)])
def test_a_block_of_training_leaves_its_inputs(client, recipes, random_state):
    """So that a task may be repeated: the second time it gives the same."""
    model = make(MLPRegressor, random_state=random_state, dropout=0.3)
    model.partial_fit(X, Y[MLPRegressor])
    before = snapshot(model, X)
    data = client.scatter([X, Y[MLPRegressor]], hash=False)
    future = client.scatter(model, hash=False)
    thetas = [
        client.submit(recipes.fit_block, future, *data, pure=False).result()
        for _ in range(2)
    ]
    assert_same_network(*thetas)
    assert_same_network(future.result(), model)
    assert_same_network(recipes.fit_block(model, X, Y[MLPRegressor]), thetas[0])
    assert snapshot(model, X) == before


def test_no_more_than_two_blocks_are_asked_for_at_a_time(recipes):
    class Client:
        asked, given = 0, 0

        def compute(self, arrays):
            self.asked += 1
            return arrays

        def gather(self, arrays):
            self.given += 1
            assert self.asked - self.given <= 1
            return [array.compute() for array in arrays]

    client, rows = Client(), da.from_array(np.arange(10), chunks=2)
    order = [3, 0, 1, 4, 2]
    blocks = [x for x, _ in recipes.loaded_ahead(client, rows, rows, order)]
    np.testing.assert_array_equal(np.ravel(blocks) // 2, np.repeat(order, 2))
    assert client.asked == client.given == 5


# Scoring ------------------------------------------------------------------------------


def predictions(model, method, rows):
    """Return what the page tells to write for each method."""
    if method == "predict_proba":
        return rows.map_blocks(
            model.predict_proba,
            chunks=(rows.chunks[0], (len(model.classes_),)),
            dtype=float,
            meta=np.empty((0, 0)),
        )
    dtype = getattr(model, "classes_", np.empty(0)).dtype
    return rows.map_blocks(
        model.predict, drop_axis=1, dtype=dtype, meta=np.empty(0, dtype)
    )


@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize("target", ["strings", "numbers"])
def test_scoring_of_blocks_is_scoring_here(client, blocks, target):
    (array, sizes), (cls, y, _) = BLOCKS[blocks], TARGETS[target]
    model = fit_quietly(make(cls), array, y)
    rows = dask_rows(array, sizes)
    ends = np.cumsum(sizes)
    for method in ["predict", *["predict_proba"] * (cls is MLPClassifier)]:
        function = getattr(model, method)
        found = predictions(model, method, rows)
        result = found.compute()
        assert found.shape == result.shape == function(array).shape
        assert found.dtype == result.dtype or blocks == "float32"
        # Bit for bit by blocks; the rounding of all rows at once may be another.
        parts = [function(array[e - n : e]) for e, n in zip(ends, sizes, strict=True)]
        np.testing.assert_array_equal(result, np.concatenate(parts))
        if target == "strings" and method == "predict":
            np.testing.assert_array_equal(result, function(array))
            score = (found == dask_rows(y, sizes)).mean().compute()
            assert score == model.score(array, y)
        elif blocks != "float32":
            np.testing.assert_allclose(result, function(array), rtol=1e-12)


def test_without_dtype_dask_asks_for_it():
    """It calls the function itself: on no row, and on one row of one feature."""
    model = fit_quietly(make(MLPClassifier), X, WORDS)
    rows, shapes = da.from_array(X, chunks=(20, -1)), []

    def predict(block):
        shapes.append(block.shape)
        return model.predict(block)

    with pytest.raises(ValueError, match=r"specify the dtype(.|\n)*expecting 4 feat"):
        rows.map_blocks(predict, drop_axis=1)
    assert shapes == [(0, 0), (1, 1)]
    shapes.clear()
    dtype = WORDS.dtype
    rows.map_blocks(predict, drop_axis=1, dtype=dtype, meta=np.empty(0, dtype))
    assert shapes == []


def test_predictions_of_another_fit_are_not_taken_for_these():
    """Dask names a result after what it is computed from, and computes a name once."""
    rows = da.from_array(X, chunks=(20, -1))
    model = fit_quietly(make(MLPRegressor), X, Y[MLPRegressor])
    name = predictions(model, "predict", rows).name
    assert predictions(model, "predict", rows).name == name
    model.partial_fit(X, Y[MLPRegressor])
    assert predictions(model, "predict", rows).name != name


# Threads ------------------------------------------------------------------------------


def trained_in_thread(seed, rows, y, **parameters):
    """Train and tell in which thread and when; large products, several activations."""
    start = time.monotonic()
    model = make(MLPClassifier, random_state=seed, **{**CONVERGED, **parameters})
    model.fit(rows, y)
    return model, threading.get_ident(), os.getpid(), start, time.monotonic()


@pytest.mark.parametrize("processes", [True, False])
def test_threads_of_one_worker_train_as_one_by_one(processes):
    rng = np.random.RandomState(0)
    rows = rng.standard_normal((2000, 40))
    y = (rows[:, 0] > 0) + 1 * (rows[:, 1] > 0)
    parameters = {
        "hidden_layer_sizes": (30, 20),
        "activation": [LeakyReLU(trainable=True), "gelu"],
        "dropout": 0.1,
    }
    train = partial(trained_in_thread, rows=rows, y=y, **parameters)
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=processes,
            dashboard_address=":0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        futures = client.map(train, range(4), pure=False)
        models, threads, pids, starts, ends = zip(*client.gather(futures), strict=True)
    assert len(set(threads)) == 2 and len(set(pids)) == 1
    assert (os.getpid() in pids) is not processes
    assert sorted(starts)[1] < min(ends), "they were not at the same time"
    for seed, model in enumerate(models):
        assert_same_network(model, train(seed)[0])


def test_example_guards_what_starts_the_workers():
    """Else every worker that imports the script would start workers of its own."""
    text = EXAMPLE.read_text("utf-8")
    assert text.count("LocalCluster(") == 1
    assert text.index('if __name__ == "__main__":') < text.index("LocalCluster(")


def test_warnings_of_a_worker(client):
    """Since scikit-learn 1.7 its searches take the user's filters along."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = GridSearchCV(make(MLPClassifier), {"alpha": [0.1]}, cv=2)
        on_cluster(lambda: search.fit(X, WORDS))
    assert np.isfinite(search.best_score_)


# The measurements behind docs/scaling_out.md ------------------------------------------


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("scaling_out")


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "scaling_out.md").read_text("utf-8")


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text("utf-8"))


def medians(quiet, part, label=None):
    """Return the medians of each row of a part, or those of one row."""
    rows = {
        name: {key: float(np.median(quiet(runs))) for key, runs in row.items()}
        for name, row in part.items()
    }
    return rows[label] if label else rows


def test_page_has_the_tables_of_the_results(benchmark, page, results):
    for part in ("tasks", "searches", "blocks"):
        n_rounds = benchmark.FULL["rounds"][part]
        for row in results[part].values():
            for runs in row.values():
                assert len(runs["found"]) == len(runs["others"]) == n_rounds
    for table in benchmark.tables(results).values():
        assert f"\n{table}\n" in page


def test_page_says_what_the_tables_say(benchmark, page, results):
    text = " ".join(page.split())
    rows = medians(benchmark.quiet, results["searches"]).values()
    pays = {round(1e3 * row["fit"]): row["dask"] < row["here"] for row in rows}
    slower, faster = ([ms for ms in pays if pays[ms] is way] for way in (False, True))
    assert max(slower) < min(faster)
    assert (
        f"not yet for fits of {max(slower)} ms, and for those of {min(faster)}" in text
    )
    row = medians(benchmark.quiet, results["blocks"], "0.0 s, wait")
    n_blocks = benchmark.FULL["blocks"]
    cost = 1e3 * (row["when needed"] - row["in memory"]) / n_blocks
    assert f"a block costs some {10 * round(cost / 10)} ms" in text
    for part in ("tasks", "searches", "blocks"):
        assert f"{benchmark.share_of_others(results, part):.0%}" == "0%"
    assert "the least of the cores' time: 0 % in all three tables" in text


def test_only_the_quietest_runs_are_shown(benchmark):
    runs = {"found": [5, 6, 7, 8, 9], "others": [0.1, 0.9, 0.0, 0.8, 0.2]}
    assert benchmark.quiet(runs) == [7, 5]


def test_a_miniature_run(client, benchmark, tmp_path, capsys, monkeypatch):
    path = tmp_path / "results.json"
    monkeypatch.setattr(benchmark, "two_workers", lambda: nullcontext(client))
    benchmark.main(["--quick", "--output", str(path)])
    shown = capsys.readouterr().out
    for table in benchmark.tables(json.loads(path.read_text("utf-8"))).values():
        assert table in shown
    benchmark.main(["--show", str(path)])
    assert capsys.readouterr().out == shown
