"""Threads: predictions beside one another, beside a refit, and fits side by side."""

import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from _helpers import X, Y, both, fit_quietly, make
from scipy import sparse

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.activations import LeakyReLU, RReLU
from sk_mlp.initializers import Orthogonal
from sk_mlp.losses import Quantile
from sk_mlp.optimizers import NAdam
from sk_mlp.schedules import Cosine

N_THREADS, N_PREDICTIONS, N_REFITS = 4, 500, 200
# The end of training without a warning: filters of warnings are shared by threads.
CONVERGED = {"tol": 1e9, "n_iter_no_change": 3, "max_iter": 50}
SPARSE = sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0))


@pytest.fixture(autouse=True)
def frequent_switches():
    """Let threads take turns a hundred times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 100)
    yield
    sys.setswitchinterval(interval)


def at_once(function, arguments):
    """Call ``function(argument)`` in a thread for each; return what they return."""
    barrier = threading.Barrier(len(arguments))

    def begin_together(argument):
        barrier.wait()
        return function(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(begin_together, arguments))


def beside(function, work):
    """Call ``function()`` again and again in a thread, until ``work()`` is done here.

    Returns the results of the function, at least one from before and from after.
    """
    started, done, results = threading.Event(), threading.Event(), []

    def repeat():
        results.append(function())
        started.set()
        while not done.is_set():
            results.append(function())
        results.append(function())

    with ThreadPoolExecutor(1) as pool:
        repeated = pool.submit(repeat)
        try:
            assert started.wait(timeout=60)
            work()
        finally:
            done.set()
        repeated.result()
    return results


# Predictions --------------------------------------------------------------------------

MODELS = {
    "softmax": (MLPClassifier, {"activation": "tanh"}),
    "batch norm and dropout": (
        MLPClassifier,
        {"normalization": "batch", "dropout": 0.3, "hidden_layer_sizes": (20, 10)},
    ),
    "rrelu and layer norm": (
        MLPClassifier,
        {"activation": "rrelu", "normalization": "layer", "dtype": "float32"},
    ),
    "quantiles": (
        MLPRegressor,
        {"loss": Quantile((0.1, 0.9)), "activation": "softmax", "dropout": 0.5},
    ),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("data", ["dense", "sparse"])
def test_threads_predict_the_same_bits_as_one(model, data):
    cls, parameters = MODELS[model]
    rows = X if data == "dense" else SPARSE
    estimator = fit_quietly(make(cls, **parameters), rows, Y[cls])
    methods = ["predict", *["predict_proba"] * hasattr(cls, "predict_proba")]
    # Each thread has rows of its own, of which each call has other ones.
    blocks = [rows[k::N_THREADS] for k in range(N_THREADS)]
    calls = [(methods[i % len(methods)], slice(i % 5, None)) for i in range(10)]

    def predict(block, method, part):
        return getattr(estimator, method)(block[part]).tobytes()

    expected = [[predict(block, *call) for call in calls] for block in blocks]

    def work(block):
        return [predict(block, *calls[i % 10]) for i in range(N_PREDICTIONS)]

    for found, serial in zip(at_once(work, blocks), expected, strict=True):
        assert found == serial * (N_PREDICTIONS // 10)


# Beside a thread that trains ----------------------------------------------------------

WORDS = np.array(["no", "yes"])[(X[:, :2] > 0).astype(int)]
# Two models that have little in common, with their targets.
UNLIKE = {
    MLPClassifier: [
        ({"hidden_layer_sizes": (5,), "normalization": "batch"}, Y[MLPClassifier]),
        ({"hidden_layer_sizes": (9, 4), "normalization": None}, WORDS),
    ],
    MLPRegressor: [
        ({"hidden_layer_sizes": (5,), "activation": "prelu"}, Y[MLPRegressor]),
        ({"hidden_layer_sizes": (9, 4), "activation": "tanh"}, X),
    ],
}
METHODS = {
    MLPClassifier: ["predict", "predict_proba", "decision_function", "score"],
    MLPRegressor: ["predict", "score"],
}


@both
def test_refits_beside_predictions(cls):
    """Each prediction is one of either model: nothing fails, nothing is mixed."""
    estimator = make(cls, **CONVERGED)

    def refit(k):
        parameters, y = UNLIKE[cls][k % 2]
        estimator.set_params(**parameters).fit(X, y)

    def outcomes():
        """Return what each method returns; of the other model's y, the refusal."""
        found = {}
        for method in METHODS[cls]:
            arguments = (X, UNLIKE[cls][0][1]) if method == "score" else (X,)
            try:
                found[method] = pickle.dumps(getattr(estimator, method)(*arguments))
            except ValueError as error:
                assert method == "score", error
                found[method] = str(error)
        return found

    refit(1)
    second = outcomes()
    refit(0)
    first = outcomes()
    assert all(first[method] != second[method] for method in METHODS[cls])
    results = beside(outcomes, lambda: [refit(k) for k in range(N_REFITS)])
    for method in METHODS[cls]:
        found = {result[method] for result in results}
        assert found == {first[method], second[method]}, method


@both
@pytest.mark.parametrize("parameters", [{}, {"normalization": "batch", "dropout": 0.2}])
def test_partial_fit_beside_predictions(cls, parameters):
    """Each prediction is that after some number of blocks, and never an earlier one."""
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    rows = [slice(k % 5, None, 5) for k in range(N_REFITS)]

    def start():
        return make(cls, **parameters).partial_fit(X, Y[cls], **first)

    def train(estimator):
        for part in rows:
            estimator.partial_fit(X[part], Y[cls][part])
            yield

    def predict(estimator):
        return getattr(estimator, "predict_proba" if first else "predict")(X).tobytes()

    alone = start()
    after = [predict(alone), *(predict(alone) for _ in train(alone))]
    assert len(set(after)) == N_REFITS + 1
    estimator = start()
    found = beside(lambda: predict(estimator), lambda: [*train(estimator)])
    blocks = [after.index(prediction) for prediction in found]
    assert blocks == sorted(blocks)
    assert (blocks[0], blocks[-1]) == (0, N_REFITS) and len(set(blocks)) > 3


# Fits at once -------------------------------------------------------------------------


@both
def test_fits_in_threads_share_the_components(cls):
    """Components have no state of a training: fits at once are fits in turn."""
    shared = {
        "activation": [LeakyReLU(0.2, trainable=True), RReLU()],
        "solver": NAdam(),
        "learning_rate": Cosine(),
        "init": Orthogonal(),
        "hidden_layer_sizes": (6, 5),
        "dropout": 0.2,
        "batch_size": 16,
        **CONVERGED,
    }

    def fit(seed):
        fitted = [
            make(cls, **shared, random_state=10 * seed + k).fit(X, Y[cls])
            for k in range(5)
        ]
        return [estimator._network.theta.tobytes() for estimator in fitted]

    serial = [fit(seed) for seed in range(N_THREADS)]
    assert at_once(fit, range(N_THREADS)) == serial


@both
def test_fits_of_one_estimator_at_once(cls):
    """The last one wins, with all that belongs to it."""
    estimator = make(cls, **CONVERGED)
    rows_of = [X[:, :width] for width in range(1, 1 + N_THREADS)]
    models = [make(cls, **CONVERGED).fit(rows, Y[cls]) for rows in rows_of]

    def fit(rows):
        for _ in range(20):
            estimator.fit(rows, Y[cls])

    at_once(fit, rows_of)
    last = estimator.n_features_in_ - 1
    model, rows = models[last], rows_of[last]
    assert estimator.predict(rows).tobytes() == model.predict(rows).tobytes()
    assert estimator.loss_curve_ == model.loss_curve_
    assert vars(estimator).keys() == vars(model).keys()
