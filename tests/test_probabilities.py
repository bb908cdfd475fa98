"""What raw outputs say about classes, for each kind of target."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax

from sk_mlp import activations, losses
from sk_mlp._head import Head
from sk_mlp._probabilities import ClassOutputs

Z = np.random.RandomState(0).standard_normal((7, 5)) * 4
PARTS = [slice(0, 2), slice(2, 5)]


def reading(output, kind, n_columns, groups=None, n_classes=2, loss="log_loss"):
    head = Head(
        activations.get(output),
        losses.get(loss),
        n_columns,
        groups,
        probabilities=True,
    )
    return ClassOutputs(head, kind, groups, n_classes)


def test_binary():
    read, z = reading("logistic", "binary", 1), Z[:, :1]
    p = read.probabilities(z)
    assert_allclose(p, np.hstack([expit(-z), expit(z)]), rtol=1e-15)
    assert_allclose(np.exp(read.log_probabilities(z)), p, rtol=1e-12)
    assert_array_equal(read.decisions(z), z[:, 0])


def test_binary_by_two_columns():
    read, z = reading("softmax", "binary", 2, [slice(0, 2)]), Z[:, :2]
    assert_allclose(read.probabilities(z), softmax(z, axis=1), rtol=1e-13)
    assert_array_equal(read.decisions(z), z[:, 1] - z[:, 0])


def test_a_single_class():
    read = reading("logistic", "binary", 1, n_classes=1)
    assert_array_equal(read.probabilities(Z[:, :1]), np.ones((7, 1)))
    assert_array_equal(read.log_probabilities(Z[:, :1]), np.zeros((7, 1)))


def test_multilabel():
    read = reading("logistic", "multilabel", 5)
    assert_allclose(read.probabilities(Z), expit(Z), rtol=1e-15)
    assert_allclose(np.exp(read.log_probabilities(Z)), expit(Z), rtol=1e-12)
    assert_array_equal(read.decisions(Z), Z)


@pytest.mark.parametrize("output", ["softmax", "logistic", "hard_sigmoid"])
def test_several_outputs_sum_to_one_each(output):
    loss = "squared_error" if output == "hard_sigmoid" else "log_loss"
    read = reading(output, "multioutput", 5, PARTS, loss=loss)
    logs, decisions = read.log_probabilities(Z), read.decisions(Z)
    for group, p, log, z in zip(
        PARTS, read.probabilities(Z), logs, decisions, strict=True
    ):
        assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
        assert_allclose(np.exp(log), p, rtol=1e-12)
        assert_array_equal(z, Z[:, group])


def test_shares_of_logistic_outputs_survive_their_vanishing():
    z = np.full((1, 3), -1e4)
    z[0, 1] += 1.0
    read = reading("logistic", "multiclass", 3, [slice(0, 3)])
    e = np.e
    assert_allclose(read.probabilities(z), [[1 / (2 + e), e / (2 + e), 1 / (2 + e)]])


def test_outputs_of_zero_are_shared_equally():
    read = reading("hard_sigmoid", "multiclass", 3, [slice(0, 3)], loss="squared_error")
    z = np.full((2, 3), -9, np.float32)
    p = read.probabilities(z)
    assert p.dtype == np.float32
    assert_allclose(p, 1 / 3, rtol=1e-6)


def test_decisions_and_logs_at_the_limit():
    limit = np.finfo(float).max
    z = np.array([[-limit, limit]])
    read = reading("softmax", "binary", 2, [slice(0, 2)])
    assert_array_equal(read.decisions(z), [limit])
    assert_array_equal(read.log_probabilities(z), [[-np.inf, 0.0]])


def test_a_custom_activation_has_no_name():
    custom = SimpleNamespace(activation=SimpleNamespace(registered_name=None))
    head = SimpleNamespace(activate=custom, predict=expit)
    read = ClassOutputs(head, "binary", None, 2)
    p = read.probabilities(Z[:, :1])
    assert_allclose(p.sum(axis=1), 1)
    assert_allclose(read.log_probabilities(Z[:, :1]), np.log(p))
