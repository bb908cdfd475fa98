"""The likely cause of a divergence, and what to try."""

import numpy as np
import pytest
from scipy import sparse

from sk_mlp import activations, losses
from sk_mlp._divergence import explain
from sk_mlp._head import Head
from sk_mlp._network import Network
from sk_mlp.activations import Activation

X, y = np.linspace(-3, 3, 12).reshape(6, 2), np.linspace(-2, 2, 6)[:, np.newaxis]


def network(hidden="relu", output="identity", loss="squared_error"):
    head = Head(activations.get(output), losses.get(loss), 1)
    hidden = activations.get(hidden)
    return Network(2, (3, 3), [hidden, hidden], head, np.float64)


def causes(net=None, X=X, y=y, rate=0.001, clipped=False):
    text = explain(net or network(), X, y, learning_rate=rate, clipped=clipped)
    assert text.startswith("Likely cause: ") and text.endswith(".")
    return text


def test_the_rate_is_the_last_resort():
    text = causes(rate=2.5)
    assert "learning_rate_init=2.5; try a tenth, or max_grad_norm=1.0" in text
    assert "; or " not in text
    assert "max_grad_norm" not in causes(clipped=True)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_features(convert):
    text = causes(X=convert(-1e20 * X))
    assert "|X| up to 3e+20" in text and "StandardScaler" in text
    assert text.index("|X|") < text.index("learning_rate_init")
    assert "|X|" not in causes(X=convert(X))


def test_targets():
    assert "|y| up to 2e+09" in causes(y=1e9 * y)
    assert "TransformedTargetRegressor" in causes(y=1e9 * y)


def test_an_empty_sparse_matrix():
    causes(X=sparse.csr_matrix((6, 2)))


class Cube(Activation):
    def forward(self, z, out):
        out[...] = z**3


@pytest.mark.parametrize("hidden", ["exp", Cube()])
def test_steep_hidden_activations(hidden):
    name = hidden if isinstance(hidden, str) else "Cube"
    text = causes(network(hidden))
    assert text.count(repr(name)) == 1 and "faster than linearly" in text


def test_a_steep_output_activation():
    assert "'exp'" in causes(network(output="exp", loss="poisson"))


@pytest.mark.parametrize("name", activations.names())
def test_all_others_are_harmless(name):
    if name not in ("exp", "softmax"):
        assert ("faster" in causes(network(name))) == (name == "exp")


def test_lbfgs_has_no_rate():
    assert "learning_rate" not in causes(rate=None)
    assert "larger alpha" in causes(rate=None)
