"""SciPy reads the variable once, so it is set before anything imports SciPy."""

import os

# Else scikit-learn skips check_array_api_input, which NumPy input passes as well.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import pytest

from sk_mlp import _interrupts


@pytest.fixture(autouse=True)
def no_recent_interrupt(monkeypatch):
    """No test takes another one's Ctrl-C for the first of two."""
    monkeypatch.setattr(_interrupts, "_last", -float("inf"))
