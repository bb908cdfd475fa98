"""What the tests of the Displays share."""

import sys

import matplotlib
import numpy as np
import pytest
from sklearn.datasets import load_iris

matplotlib.use("Agg")

import matplotlib.pyplot as plt

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.fixture(autouse=True)
def closed_figures():
    """No test leaves figures open."""
    yield
    plt.close("all")


@pytest.fixture
def without_matplotlib(monkeypatch):
    """As if matplotlib were not installed."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)


def texts(ax):
    """Return all texts of a legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def assert_same(a, b):
    np.testing.assert_array_equal(np.asarray(a, float), np.asarray(b, float))


def drawn(figure):
    """Draw a figure, so that what only fails then fails; return it as pixels."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())
