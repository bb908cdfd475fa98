"""The rows held out, and the judgement on them."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sk_mlp import activations, losses
from sk_mlp._head import Head
from sk_mlp._holdout import ValidationSet, split_rows
from sk_mlp._network import Network


def split(n_rows, fraction=0.25, strata=None, seed=0):
    return split_rows(n_rows, fraction, strata, np.random.RandomState(seed))


def test_every_row_is_in_one_part():
    rows, held_out = split(40)
    assert len(held_out) == 10
    assert_array_equal(np.sort([*rows, *held_out]), np.arange(40))
    assert (np.diff(held_out) > 0).all()  # so that it can be told from the others
    assert not (np.diff(rows) > 0).all()  # the order of training is random


def test_the_seed_decides():
    assert_array_equal(split(40, seed=3)[1], split(40, seed=3)[1])
    assert (split(40, seed=3)[1] != split(40, seed=4)[1]).any()


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_classes_keep_their_shares(n_classes):
    strata = np.repeat(np.arange(n_classes), 8 * np.arange(1, n_classes + 1))
    _, held_out = split(len(strata), strata=strata)
    expected = np.bincount(strata) / 4
    assert_array_equal(np.bincount(strata[held_out]), expected)


@pytest.mark.parametrize(
    "strata, what",
    [
        (
            [0] * 39 + [1],
            r"smallest class has 1 row\(s\), and 10 rows .* for 2 classes",
        ),
        (np.repeat(np.arange(20), 2), "10 rows are held out for 20 classes"),
    ],
)
def test_where_they_cannot_the_user_is_told(strata, what):
    with pytest.warns(UserWarning, match=f"cannot be stratified.*{what}"):
        rows, held_out = split(40, strata=np.array(strata))
    assert len(held_out) == 10 and len(rows) == 30


def test_codes_that_do_not_occur_do_not_matter():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split(40, strata=np.repeat([0, 7], 20))


@pytest.mark.parametrize("n_rows, fraction", [(10, 0.0), (10, 0.1), (1, 0.5), (3, 0.9)])
def test_too_few_rows(n_rows, fraction):
    text = f"validation_fraction={fraction} of {n_rows} rows"
    with pytest.raises(ValueError, match=f"validation set is too small.*{text}"):
        split(n_rows, fraction)


# The judgement ----------------------------------------------------------------------


@pytest.fixture
def network():
    head = Head(activations.get("identity"), losses.get("squared_error"), 1)
    network = Network(2, (), [], head, np.float64)
    network.theta[...] = [1.0, 2.0, 0.5]  # z = x0 + 2 x1 + 0.5
    return network


X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
Y = np.array([[1.0], [2.5], [5.5]])  # errors 0.5, 0, -2


def test_loss_and_score(network):
    seen = []

    def score(*args):
        seen.append(args)
        return 0.75

    loss, value = ValidationSet(X, Y, None, score)(network)
    assert loss == (0.5 * 0.25 + 0.5 * 4.0) / 3
    assert value == 0.75
    assert seen[0][0] is network and seen[0][2] == loss
    assert_array_equal(seen[0][1], [[1.5], [2.5], [3.5]])


def test_weights(network):
    w = np.array([3.0, 1.0, 0.0])
    loss, _ = ValidationSet(X, Y, w, lambda *args: 0)(network)
    assert loss == 3 * 0.125 / 4


def test_outputs_that_are_no_numbers_are_not_scored(network):
    network.theta[0] = np.nan
    judged = ValidationSet(X, Y, None, lambda *args: 1 / 0)(network)
    assert np.isnan(judged).all()


@pytest.mark.parametrize("score", [None, "0.5", np.array([0.5]), {"a": 1}, 1j, [1]])
def test_a_score_must_be_a_number(network, score):
    with pytest.raises(ValueError, match=r"'scoring' .* must be a metric that returns"):
        ValidationSet(X, Y, None, lambda *args: score)(network)


@pytest.mark.parametrize("score", [1, np.float32(0.5), np.array(2.0), np.True_])
def test_any_real_number_is_one(network, score):
    value = ValidationSet(X, Y, None, lambda *args: score)(network)[1]
    assert value == score and type(value) is float
