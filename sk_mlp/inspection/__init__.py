"""Look into fitted networks: what their layers do, and what ails them.

``diagnose`` names what is wrong and what to do about it; the Displays draw it; the
functions return the arrays. All of them read the estimators of this package and
scikit-learn's own MLPs, alone, at the end of a pipeline or found by a search.
"""

from sk_mlp.inspection._activation_curves import ActivationDisplay
from sk_mlp.inspection._compare import (
    ActivationComparison,
    ActivationComparisonDisplay,
    compare_activations,
)
from sk_mlp.inspection._diagnosis import Diagnosis, diagnose
from sk_mlp.inspection._findings import Finding, Remedy
from sk_mlp.inspection._functions import hidden_activations, input_gradients
from sk_mlp.inspection._layer_plots import (
    GradientFlowDisplay,
    LayerDistributionDisplay,
)
from sk_mlp.inspection._learning_rate import LearningRateDisplay
from sk_mlp.inspection._loss_curve import LossCurveDisplay
from sk_mlp.inspection._weights import WeightsDisplay

__all__ = [
    "ActivationComparison",
    "ActivationComparisonDisplay",
    "ActivationDisplay",
    "Diagnosis",
    "Finding",
    "GradientFlowDisplay",
    "LayerDistributionDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "Remedy",
    "WeightsDisplay",
    "compare_activations",
    "diagnose",
    "hidden_activations",
    "input_gradients",
]
