"""Minibatches: every row once, in scikit-learn's order, from any container."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.utils import shuffle

from sk_mlp._batches import Batches, Coded


def columns_of_a_wider_array(x):
    return np.repeat(x, 2, axis=1)[:, ::2]


def reversed_rows(x):
    return x[::-1].copy()[::-1]


def frame(x):
    return pd.DataFrame(dict(enumerate(x.T))).to_numpy()


CONTAINERS = [
    np.asarray,
    np.asfortranarray,
    columns_of_a_wider_array,
    reversed_rows,
    frame,
    sparse.csr_matrix,
    sparse.csr_array,
    sparse.csc_matrix,
    sparse.csc_array,
]
N = 23


def data(n=N, dtype=np.float64):
    """Rows that tell their number in X, y and w."""
    number = np.arange(n, dtype=dtype)[:, np.newaxis]
    X = np.hstack([number, number**2, np.zeros((n, 1), dtype), -number])
    return X, np.hstack([number, 100 + number]), 1 + number


def dense(x):
    return x.toarray() if sparse.issparse(x) else np.asarray(x)


def run(batches, rng):
    """Return copies of the batches of an epoch, as the buffers are used again."""
    return [
        (dense(x).copy(), y.copy(), None if w is None else w.copy())
        for x, y, w in batches.epoch(rng)
    ]


def order(epoch):
    return np.concatenate([y[:, 0] for _, y, _ in epoch]).astype(int)


@pytest.mark.parametrize("rows", [None, np.array([20, 3, 5, 4, 11, 0, 7])])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 5, 22, 23, 100])
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_row_comes_once_with_its_target_and_weight(
    container, batch_size, shuffled, weighted, rows
):
    X, y, w = data()
    batches = Batches(
        container(X),
        y,
        w if weighted else None,
        rows,
        batch_size=batch_size,
        shuffle=shuffled,
    )
    expected = np.arange(N) if rows is None else rows
    rng = np.random.RandomState(0)
    for _ in range(3):
        epoch = run(batches, rng)
        seen = order(epoch)
        assert_array_equal(np.sort(seen), np.sort(expected))
        if not shuffled:
            assert_array_equal(seen, expected)
        assert_array_equal(np.vstack([x for x, _, _ in epoch]), X[seen])
        assert_array_equal(np.vstack([y for _, y, _ in epoch]), y[seen])
        for _, y_batch, w_batch in epoch:
            if weighted:
                assert_array_equal(w_batch, 1 + y_batch[:, :1])
            else:
                assert w_batch is None
        sizes = [len(y) for _, y, _ in epoch]
        size = min(batch_size, len(expected))
        whole, tail = divmod(len(expected), size)
        assert sizes == [size] * whole + [tail] * (tail > 0)


@pytest.mark.parametrize("rows", [None, np.arange(20, 3, -1)])
@pytest.mark.parametrize("batch_size", [5, 17, N])
def test_the_order_is_that_of_scikit_learns_shuffle(batch_size, rows):
    """Epoch by epoch, from the order of the last one; whole batches draw as well."""
    X, y, _ = data()
    batches = Batches(X, y, None, rows, batch_size=batch_size)
    ours, theirs = np.random.RandomState(42), np.random.RandomState(42)
    expected = np.arange(N) if rows is None else rows
    whole = rows is None and batch_size == N
    for _ in range(4):
        expected = shuffle(expected, random_state=theirs)
        seen = order(run(batches, ours))
        assert_array_equal(seen, np.arange(N) if whole else expected)
        assert ours.get_state()[2] == theirs.get_state()[2]
        assert_array_equal(ours.get_state()[1], theirs.get_state()[1])


def test_the_order_takes_four_bytes_a_row():
    X, y, _ = data()
    for rows in (None, np.arange(N)):
        assert Batches(X, y, None, rows, batch_size=5).order.dtype == np.int32
    going_on = Batches(X, y, None, batch_size=5, order=np.arange(N)[::-1])
    assert_array_equal(going_on.order, np.arange(N)[::-1])
    assert going_on.order.dtype == np.int32


def test_no_random_number_is_drawn_without_shuffling():
    X, y, _ = data()
    rng = np.random.RandomState(0)
    before = rng.get_state()[2]
    run(Batches(X, y, None, batch_size=5, shuffle=False), rng)
    assert rng.get_state()[2] == before


def test_the_same_seed_gives_the_same_epochs():
    X, y, _ = data()
    orders = []
    for _ in range(2):
        rng, batches = np.random.RandomState(3), Batches(X, y, None, batch_size=5)
        orders.append([order(run(batches, rng)) for _ in range(3)])
    assert_array_equal(*orders)
    assert (orders[0][0] != orders[0][1]).any()


def test_the_rows_given_are_left_as_they_are():
    X, y, _ = data()
    rows = np.arange(3, 18)
    batches = Batches(X, y, None, rows, batch_size=4)
    run(batches, np.random.RandomState(0))
    assert_array_equal(rows, np.arange(3, 18))
    assert batches.n_rows == 15


def test_the_mean_weight_is_that_of_the_training_rows():
    X, y, w = data()
    assert Batches(X, y, None, batch_size=5).mean_weight == 1.0
    assert Batches(X, y, w, batch_size=5).mean_weight == w.mean()
    rows = np.array([0, 2, 7])
    assert Batches(X, y, w, rows, batch_size=2).mean_weight == 4.0
    assert isinstance(Batches(X, y, w, batch_size=5).mean_weight, float)


def test_the_mean_of_float32_weights_is_exact():
    w = np.full((100_000, 1), 0.1, np.float32)
    X = y = np.zeros((100_000, 1), np.float32)
    mean = Batches(X, y, w, batch_size=10).mean_weight
    assert mean == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize("batch_size", [N, 200])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_batch_of_all_rows_is_no_copy(shuffled, batch_size):
    X, y, w = data()
    batches = Batches(X, y, w, batch_size=batch_size, shuffle=shuffled)
    assert batches.batch_size == N  # what the network makes its buffers for
    ((x, target, weight),) = batches.epoch(np.random.RandomState(0))
    for view, array in ((x, X), (target, y), (weight, w)):
        assert np.shares_memory(view, array)
        assert_array_equal(view, array)


def test_gathered_batches_share_a_buffer_and_leave_the_data():
    X, y, w = data()
    before = X.copy()
    arrays = [
        x for x, _, _ in Batches(X, y, w, batch_size=5).epoch(np.random.RandomState(0))
    ]
    assert all(np.shares_memory(arrays[0], array) for array in arrays)
    assert not np.shares_memory(arrays[0], X)
    assert arrays[0].flags.c_contiguous
    assert_array_equal(X, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", CONTAINERS)
def test_the_dtype_is_kept(container, dtype):
    X, y, w = data(dtype=dtype)
    for batch_size in (5, N):
        batches = Batches(container(X), y, w, batch_size=batch_size)
        for arrays in batches.epoch(np.random.RandomState(0)):
            assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("rows", [None, np.array([20, 3, 5, 4, 11, 0, 7])])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("batch_size", [4, N])
@pytest.mark.parametrize("codes", [np.int64, np.int32, np.uint8])
def test_coded_targets_are_those_of_the_matrix(codes, batch_size, shuffled, rows):
    X, _, _ = data()
    coded = Coded((np.arange(N) % 3).astype(codes), np.eye(3, dtype=np.float32))
    matrix = coded[:]
    assert (len(coded), coded.shape, coded.dtype) == (N, (N, 3), np.float32)
    assert_array_equal(matrix, np.eye(3)[np.arange(N) % 3])
    epochs = []
    for y in (coded, matrix):
        batches = Batches(X, y, None, rows, batch_size=batch_size, shuffle=shuffled)
        rng = np.random.RandomState(0)
        epochs.append([y for _ in range(2) for _, y, _ in run(batches, rng)])
    for ours, theirs in zip(*epochs, strict=True):
        assert ours.dtype == theirs.dtype
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("coded", [False, True])
def test_an_epoch_of_dense_rows_allocates_nothing(coded, shuffled):
    X = np.zeros((4000, 50))
    y, w = np.zeros((4000, 3)), np.ones((4000, 1))
    if coded:
        y = Coded(np.zeros(4000, np.uint8), np.eye(3))
    batches, rng = (
        Batches(X, y, w, batch_size=500, shuffle=shuffled),
        np.random.RandomState(0),
    )

    def epoch():
        for _ in batches.epoch(rng):
            pass

    epoch()
    tracemalloc.start()
    try:
        epoch()
        assert tracemalloc.get_traced_memory()[1] < 0.05 * 500 * 50 * 8
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, columns_of_a_wider_array, reversed_rows, frame],
)
def test_an_epoch_over_another_layout_copies_one_batch_at_a_time(layout):
    """np.take would first copy the whole array, at every step."""
    X = layout(np.zeros((20_000, 20)))  # 3.2 MB
    assert not X.flags.c_contiguous
    y, rng = np.zeros((20_000, 1)), np.random.RandomState(0)
    batches = Batches(X, y, None, batch_size=200)
    tracemalloc.start()
    try:
        for _ in batches.epoch(rng):
            pass
        assert tracemalloc.get_traced_memory()[1] < 3 * 200 * 20 * 8
    finally:
        tracemalloc.stop()


def test_the_mean_weight_does_not_depend_on_the_order_of_the_rows():
    """It is rounded, and a resumed training has another order than at first."""
    rng = np.random.RandomState(0)
    X, y, w = rng.rand(1000, 1), rng.rand(1000, 1), rng.rand(1000, 1)
    means = {
        Batches(X, y, w, rng.permutation(900), batch_size=10).mean_weight
        for _ in range(20)
    }
    assert len(means) == 1
