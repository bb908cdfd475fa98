"""The number of BLAS threads while a network is trained, and afterwards."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from _helpers import fit_quietly
from threadpoolctl import ThreadpoolController, threadpool_limits

from sk_mlp import MLPClassifier
from sk_mlp._blas import SMALL_PRODUCT, blas_threads, one_scipy_thread

BLAS = ThreadpoolController().select(user_api="blas")
PATHS = [library["filepath"] for library in BLAS.info()]


def n_threads():
    return max(library.num_threads for library in BLAS.lib_controllers)


@pytest.fixture(autouse=True)
def two_threads():
    """Let BLAS have two threads, which it may on any machine."""
    with threadpool_limits(2, user_api="blas"):
        yield


def test_small_products_use_one_thread_and_large_ones_all():
    with blas_threads(SMALL_PRODUCT - 1):
        assert n_threads() == 1
    assert n_threads() == 2
    with blas_threads(SMALL_PRODUCT):
        assert n_threads() == 2


def test_the_threads_come_back_after_an_error():
    with pytest.raises(KeyboardInterrupt), blas_threads(1):
        raise KeyboardInterrupt
    assert n_threads() == 2


def test_other_threads_leave_the_number_alone():
    def inside():
        with blas_threads(1):
            return n_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result() == 2


def test_scipy_alone_can_be_kept_to_one_thread():
    of_numpy, of_scipy = (
        BLAS.select(filepath=[path for path in PATHS if name in path])
        for name in ("numpy", "scipy.libs")
    )
    if not of_scipy.lib_controllers:  # they share one
        return
    with one_scipy_thread():
        assert [library.num_threads for library in of_scipy.lib_controllers] == [1]
        assert [library.num_threads for library in of_numpy.lib_controllers] == [2]
    assert n_threads() == 2


@pytest.mark.parametrize(
    ("hidden", "solver", "during"),
    [((8,), "adam", 1), ((8,), "lbfgs", 1), ((1024, 1024), "adam", 2)],
)
def test_a_fit_sets_the_threads_by_its_products(hidden, solver, during):
    X = np.random.RandomState(0).normal(size=(20, 3))
    seen = []

    def scoring(estimator, X, y):
        seen.append(n_threads())
        return 0.0

    model = MLPClassifier(
        hidden, solver=solver, max_iter=1, random_state=0, scoring=scoring
    )
    fit_quietly(model, X, X[:, 0] > 0, X_val=X, y_val=X[:, 0] > 0)
    assert set(seen) == {during}
    assert n_threads() == 2
