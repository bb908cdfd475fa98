"""Look into fitted networks: what their layers do, and what ails them.

``diagnose`` names what is wrong and what to do about it; the Displays draw it; the
functions return the arrays. All of them read the estimators of this package and
scikit-learn's own MLPs, alone, at the end of a pipeline or found by a search.
"""

from sk_mlp.inspection._diagnosis import Diagnosis, diagnose
from sk_mlp.inspection._findings import Finding, Remedy
from sk_mlp.inspection._functions import hidden_activations, input_gradients

__all__ = [
    "Diagnosis",
    "Finding",
    "Remedy",
    "diagnose",
    "hidden_activations",
    "input_gradients",
]
