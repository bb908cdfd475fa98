"""Random generators: the same numbers and pickles as those of NumPy's own functions."""

import copy
import pickle

import numpy as np
import pytest

from sk_mlp._random import copy_generator, seeded_generator

SEEDS = [0, 1, 42, np.int64(7), 2**32 - 1]


class Own(np.random.RandomState):
    """A generator of a user's class."""


def assert_same(a, b):
    assert type(a) is type(b) and a is not b
    assert pickle.dumps(a) == pickle.dumps(b)
    for draw in ("random_sample", "standard_normal", "permutation"):
        drawn, expected = getattr(a, draw)(700), getattr(b, draw)(700)
        np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_numpys_generator(seed):
    assert_same(seeded_generator(seed), np.random.RandomState(seed))


def test_generators_share_nothing():
    first, second = seeded_generator(0), seeded_generator(0)
    first.random_sample(1000)
    assert_same(second, np.random.RandomState(0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.random.RandomState(3),
        lambda: seeded_generator(3),
        lambda: np.random.RandomState(np.random.PCG64(3)),
        lambda: np.random.default_rng(3),
        lambda: Own(3),
    ],
    ids=["RandomState", "seeded", "PCG64", "Generator", "subclass"],
)
@pytest.mark.parametrize("n_drawn", [0, 1, 333, 1001])  # odd: a normal is kept back
def test_a_copy_goes_on_from_where_its_model_is(make, n_drawn):
    model = make()
    model.standard_normal(n_drawn)
    expected = copy.deepcopy(model)
    copied = copy_generator(model)
    copied.standard_normal(5)
    assert pickle.dumps(model) == pickle.dumps(expected)  # which the copy leaves alone
    if isinstance(model, np.random.RandomState):
        assert_same(copy_generator(model), expected)


def test_there_may_be_no_generator():
    assert copy_generator(None) is None
