"""What tests and the examples in docstrings share."""

import os
import sys

os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn, but not shown

import pytest


@pytest.fixture(autouse=True)
def no_open_figures():
    """Close the figures that a test or an example leaves open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
