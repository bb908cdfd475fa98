"""What a diagnosis says: a finding with its cause, and remedies that can be applied."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from sk_mlp._base import BaseMLP
from sk_mlp.inspection._reading import MLPS, untrained

SEVERITIES = ("info", "warning", "error")


@dataclass(frozen=True)
class Remedy:
    """Something to try against a finding.

    Parameters
    ----------
    text : str
        What to do, and why it helps.
    params : dict, optional
        Parameters of the MLP to set; none if it is left out.
    transformer : transformer, default=None
        To put in front of the MLP.
    target_transformer : transformer, default=None
        To put around its targets, with a TransformedTargetRegressor.

    Examples
    --------
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import Remedy
    >>> remedy = Remedy("Take an activation that cannot die.", {"activation": "elu"})
    >>> remedy.apply(MLPClassifier((32,)))
    MLPClassifier(activation='elu', hidden_layer_sizes=(32,))
    """

    text: str
    params: dict = field(default_factory=dict, hash=False)
    transformer: Any = None
    target_transformer: Any = None

    @property
    def code(self):
        """str: What to write for it."""
        if self.transformer is not None:
            return f"make_pipeline({self.transformer!r}, mlp)"
        if self.target_transformer is not None:
            return (
                "TransformedTargetRegressor(mlp, "
                f"transformer={self.target_transformer!r})"
            )
        return ", ".join(f"{name}={value!r}" for name, value in self.params.items())

    def apply(self, estimator):
        """Return an unfitted copy of an estimator with this remedy.

        Parameters
        ----------
        estimator : estimator
            What was given to `diagnose`. Of a search, its best estimator is taken; one
            of scikit-learn's own MLPs becomes one of this package, which has all the
            parameters.

        Returns
        -------
        estimator : estimator
            Not fitted.
        """
        if isinstance(estimator, MLPS):
            return self._apply_to_mlp(clone(estimator))
        if isinstance(estimator, Pipeline):
            name, last = estimator.steps[-1]
            return clone(estimator).set_params(**{name: self.apply(last)})
        if isinstance(estimator, TransformedTargetRegressor):
            regressor = self.apply(
                getattr(estimator, "regressor_", estimator.regressor)
            )
            return clone(estimator).set_params(regressor=regressor)
        if hasattr(estimator, "best_estimator_"):
            return self.apply(estimator.best_estimator_)
        raise TypeError(
            "Expected an MLP, or a pipeline, a fitted search or a "
            f"TransformedTargetRegressor with one. Got {type(estimator).__name__}."
        )

    def _apply_to_mlp(self, mlp):
        if not isinstance(mlp, BaseMLP):
            mlp = untrained(mlp)
        mlp.set_params(**self.params)
        if self.transformer is not None:
            mlp = make_pipeline(clone(self.transformer), mlp)
        if self.target_transformer is not None:
            mlp = TransformedTargetRegressor(mlp, transformer=self.target_transformer)
        return mlp


@dataclass(frozen=True)
class Finding:
    """A symptom of a network, with the figures that show it.

    Parameters
    ----------
    code : str
        What it is, as a word to look for in a program: ``"dead_units"``.
    severity : {"info", "warning", "error"}
        Worth knowing; costs accuracy or time; keeps the network from learning.
    evidence : str
        What was measured.
    cause : str
        Why it is so, as far as the figures tell.
    remedies : tuple of Remedy, default=()
        What to try, the most promising first.
    layer : str, default=None
        The layer that it was found in; None for the whole network.

    Examples
    --------
    >>> from sk_mlp.inspection import Finding
    >>> finding = Finding(
    ...     "constant_features", "info", "1 of 4 features is constant.", "..."
    ... )
    >>> finding.code, finding.severity
    ('constant_features', 'info')
    """

    code: str
    severity: str
    evidence: str
    cause: str
    remedies: tuple = ()
    layer: str | None = None

    @property
    def title(self):
        """str: The code as words."""
        return self.code.replace("_", " ")


# The change of the weights in a first step, relative to their size, to aim at.
GOOD_STEP = 1e-2


def better_rate(exam, text):
    """Return the remedy of a learning rate whose first step is of a healthy size."""
    rate = exam.model.learning_rate_init * GOOD_STEP / exam.first_step
    return Remedy(
        f"{text} LearningRateDisplay shows how large.",
        {"learning_rate_init": float(f"{rate:.0e}")},
    )


def resized(exam, text, sizes):
    """Return the remedy of other hidden layers; lists with an entry for each fit."""
    params = {"hidden_layer_sizes": sizes}
    for name in ("activation", "dropout"):
        entries = getattr(exam.model, name)
        if isinstance(entries, list | tuple | np.ndarray):
            entries = list(entries)
            params[name] = (entries + entries[-1:] * len(sizes))[: len(sizes)]
    return Remedy(text, params)
