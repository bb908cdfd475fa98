"""Which Ctrl-C ends one training, and which everything."""

import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_mlp import _interrupts
from sk_mlp._interrupts import PATIENCE, is_final


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_interrupts, "time", clock)
    return clock


class Asks(BaseEstimator):
    """Asks in its fit, and remembers the answer."""

    answers = []  # noqa: RUF012 (clones share it)

    def __init__(self, width=1):
        self.width = width

    def fit(self, X, y=None):
        self.answers.append(is_final())
        self.is_fitted_ = True
        return self

    def score(self, X, y=None):
        return 0.0

    def predict(self, X):
        return X[:, 0]


X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]


@pytest.fixture
def answers(clock):
    Asks.answers.clear()
    return Asks.answers


def test_the_first_one_ends_one_training(answers):
    Asks().fit(X, y)
    assert answers == [False]


def test_a_second_one_at_once_ends_everything(answers, clock):
    for seconds in (0, 0.9 * PATIENCE, 0.9 * PATIENCE, 1.1 * PATIENCE):
        clock.now += seconds
        Asks().fit(X, y)
    assert answers == [False, True, True, False]


def test_a_pipeline_is_a_single_fit(answers, clock):
    make_pipeline("passthrough", Asks()).fit(X, y)
    clock.now += 10
    TransformedTargetRegressor(Asks()).fit(X, y)
    assert answers == [False, False]


def test_a_search_is_not(answers, clock):
    GridSearchCV(Asks(), {"width": [1]}, cv=2, refit=False).fit(X, y)
    assert answers == [True, True]
