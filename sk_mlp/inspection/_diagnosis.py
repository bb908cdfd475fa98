"""Find out why a network does not learn, and what to do about it."""

from html import escape
from textwrap import fill

import numpy as np

from sk_mlp.inspection import _data_symptoms as data
from sk_mlp.inspection import _layer_symptoms as layers
from sk_mlp.inspection import _training_symptoms as training
from sk_mlp.inspection._examination import Examination
from sk_mlp.inspection._findings import SEVERITIES
from sk_mlp.inspection._reading import name_of, read
from sk_mlp.inspection._tables import data_frame, html_table, text_table
from sk_mlp.inspection._trace import replica

# Causes before their consequences.
SYMPTOMS = (
    *(layers.non_finite, data.output_activation, data.input_scale),
    *(data.target_scale, layers.linear_network, layers.initialization),
    *(layers.dead_units, layers.saturation, layers.vanishing_gradients),
    *(layers.exploding_gradients, training.learning_rate_too_high),
    *(training.learning_rate_too_low, training.not_converged),
    *(training.overfitting, data.constant_features),
)

# What needs no remedy of its own if something else is found.
_OF_LAYERS = (
    *("dead_units", "linear_network", "saturation", "vanishing_gradients"),
    *("exploding_gradients", "initialization"),
)
_OF_TRAINING = (
    *("learning_rate_too_high", "learning_rate_too_low", "not_converged"),
    *("overfitting", "underfitting"),
)
CONSEQUENCES = {
    "non_finite": _OF_LAYERS + _OF_TRAINING,
    "constant_features": _OF_LAYERS + _OF_TRAINING,  # above info: all of them
    # Weights that are held next to 0.
    "underfitting": (
        *("dead_units", "linear_network", "vanishing_gradients", "not_converged"),
    ),
    # Steps are small, and the loss hardly falls, where no gradient comes.
    "dead_units": ("learning_rate_too_low", "not_converged"),
    "vanishing_gradients": ("learning_rate_too_low", "not_converged"),
}


def diagnose(estimator, X, y=None, sample_weight=None):
    """Return what ails a fitted network, why, and what to do about it.

    Sixteen symptoms are looked for: in the layers, in the data and in the course of
    training. The user guide (docs/diagnosis.md) tells for each what it is, and how
    surely it is found.

    Parameters
    ----------
    estimator : estimator
        A fitted MLP of this package or of scikit-learn; or a pipeline that ends with
        one, a search that found one, or a TransformedTargetRegressor around one. It is
        not changed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What it was trained on, or new rows: then overfitting is seen as well. Of more
        than 5,000 rows so many are taken, evenly spaced.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets. Without them all that needs a loss is left out, and the gradients
        are those of the raw outputs.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, as in the training. None is 1 for every row.

    Returns
    -------
    diagnosis : Diagnosis
        Print it; or look at its `findings`.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    TypeError
        If there is no MLP in it.
    ValueError
        If X or y are not what its `score` would take.

    See Also
    --------
    GradientFlowDisplay : Draws the size of the gradient by layer.
    LayerDistributionDisplay : Draws the activations by layer.
    LossCurveDisplay : Draws the course of training.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import diagnose
    >>> X, y = load_wine(return_X_y=True)  # features from 0.1 to 1,680
    >>> classifier = MLPClassifier((10,), random_state=0).fit(X, y)
    >>> diagnosis = diagnose(classifier, X, y)
    >>> finding = diagnosis.findings[0]
    >>> finding.code, finding.remedies[0].text
    ('input_scale', 'Standardise the features.')
    >>> better = (
    ...     finding.remedies[0]
    ...     .apply(classifier)
    ...     .set_params(mlpclassifier__max_iter=1000)
    ... )
    >>> "input_scale" in diagnose(better.fit(X, y), X, y).codes
    False
    """
    if X is None:
        raise TypeError("diagnose needs rows to look at. Got X=None.")
    exam = Examination(*read(estimator, X, y, sample_weight))
    findings = [finding for symptom in SYMPTOMS for finding in symptom(exam)]
    findings = _without_consequences(training.held_back(exam) + findings)
    findings = _with_underfitting(exam, findings)
    findings.sort(key=lambda f: -SEVERITIES.index(f.severity))  # stable
    with np.errstate(all="ignore"):
        table = _table(exam)
    return Diagnosis(table, findings, exam.n_rows, exam.trace.loss)


def _with_underfitting(exam, findings):
    """Look for underfitting as well, if nothing is found that explains it."""
    others = [f for f in findings if f.severity != "info" and f.code != "not_converged"]
    if others:
        return findings
    unfinished = [f for f in findings if f.code == "not_converged"]
    found = training.underfitting(exam, *unfinished)
    if found:
        findings = [f for f in findings if f not in unfinished]
    return found + findings


def _without_consequences(findings):
    """Return the findings without those that another one, above "info", explains."""
    causes = {finding.code for finding in findings if finding.severity != "info"}
    explained = {code for cause in causes for code in CONSEQUENCES.get(cause, ())}
    return [finding for finding in findings if finding.code not in explained]


def _table(exam):
    """Return what was measured, a dict for each layer."""
    signals = exam.signals
    ratios = [*(signals[:-1] / signals[1:]), np.nan]
    updates = exam.updates(replica(exam.model))
    return [
        {
            "layer": layer.name,
            "activation": name_of(layer.activation),
            "units": layer.z.shape[1],
            "dead": float(units.dead.mean()),
            "saturated": _saturated(layer, units),
            "mean": float(layer.a.mean(dtype=float)),
            "std": float(layer.a.std(dtype=float)),
            "sparsity": float((layer.a == 0).mean()),
            "gradient": float(signal),
            "gradient_ratio": float(ratio),
            "update_ratio": float(update),
        }
        for layer, units, signal, ratio, update in zip(
            exam.trace.layers, exam.units, signals, ratios, updates, strict=True
        )
    ]


def _saturated(layer, units):
    """Return the share of saturated units; NaN where that is no fault."""
    if layer.name == "output" or not units.saturates:
        return np.nan
    return float(units.saturated.mean())


class Diagnosis:
    """What `diagnose` has found: findings, and a table of the layers.

    Parameters
    ----------
    layers : list of dict
        For each layer, the output layer last: `layer`, its name; `activation`; `units`;
        the shares of `dead` and of `saturated` units; `mean` and `std` of the
        activations; `sparsity`, the share of those that are 0; `gradient`, the root
        mean square over the rows of the length of dL/dz (without y: of the raw outputs'
        gradient in a random direction); `gradient_ratio`, that to the one of the next
        layer; `update_ratio`, by how much one step of the solver, anew and at
        `learning_rate_init`, changes the weights, relative to their size (NaN without y
        and with L-BFGS).
    findings : list of Finding
        The worst first.
    n_rows : int
        Rows that were looked at.
    loss : float, default=None
        Their mean loss; None without y.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import diagnose
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((8, 8), "identity", solver="lbfgs", random_state=0)
    >>> diagnosis = diagnose(classifier.fit(X, y), X, y)
    >>> diagnosis.ok, diagnosis.codes
    (False, ['linear_network'])
    >>> diagnosis.to_frame()[["units", "dead", "sparsity"]]
              units  dead  sparsity
    layer
    hidden 1      8   0.0       0.0
    hidden 2      8   0.0       0.0
    output        3   0.0       0.0
    """

    def __init__(self, layers, findings, n_rows, loss=None):
        self.layers = layers
        self.findings = findings
        self.n_rows = n_rows
        self.loss = loss

    @property
    def ok(self):
        """bool: Whether nothing was found, or only what is worth knowing ("info")."""
        return all(finding.severity == "info" for finding in self.findings)

    @property
    def codes(self):
        """list of str: The codes of the findings, the worst first."""
        return [finding.code for finding in self.findings]

    def to_frame(self):
        """Return the table of the layers.

        Returns
        -------
        frame : pandas.DataFrame
            Indexed by the names of the layers.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.layers, "layer", "layers")

    def __str__(self):
        table = text_table(_rows(self.layers), n_left=2)
        parts = [self._headline(), "\n".join(table)]
        parts += [_text_finding(finding) for finding in self.findings]
        return "\n\n".join(parts)

    __repr__ = __str__

    def _headline(self):
        counts = [
            f"{n} {severity}{'s' if n > 1 and severity != 'info' else ''}"
            for severity in reversed(SEVERITIES)
            if (n := sum(f.severity == severity for f in self.findings))
        ]
        loss = "" if self.loss is None else f", mean loss {self.loss:.4g}"
        found = ", ".join(counts) if counts else "nothing is wrong"
        return f"Diagnosis of {self.n_rows} rows{loss}: {found}."

    def _repr_html_(self):
        findings = "".join(map(_html_finding, self.findings))
        return (
            f'<div style="max-width: 60em"><p><b>{escape(self._headline())}</b></p>'
            f"{html_table(_rows(self.layers), n_left=2)}{findings}</div>"
        )


# Text -------------------------------------------------------------------------------

_PERCENT = ("dead", "saturated", "sparsity")
_HEADS = {"sparsity": "zeros", "gradient_ratio": "ratio", "update_ratio": "update"}
_INDENT = " " * 10


def _cell(key, value):
    """Return an entry of the table as text; nothing for what is unknown."""
    if isinstance(value, str) or key == "units":
        return str(value)
    if np.isnan(value):
        return ""
    return f"{value:.0%}" if key in _PERCENT else f"{value:.2g}"


def _rows(layers):
    """Return the table of the layers as text, the head first."""
    head = [_HEADS.get(key, key) for key in layers[0]]
    return [head, *([_cell(*item) for item in row.items()] for row in layers)]


def _text_finding(finding):
    where = f" ({finding.layer})" if finding.layer else ""
    lines = [f"{finding.severity.upper()}: {finding.title}{where}"]
    lines += [_entry("found", finding.evidence), _entry("cause", finding.cause)]
    for number, remedy in enumerate(finding.remedies):
        text = f"{remedy.text} {remedy.code}"
        lines.append(_entry("" if number else "try", f"- {text}", hang="  "))
    return "\n".join(lines)


def _entry(head, text, hang=""):
    first = f"  {head:<8}"
    # Code in a remedy stays whole where it fits on a line.
    return fill(
        text,
        width=88,
        initial_indent=first,
        subsequent_indent=_INDENT + hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


# HTML -------------------------------------------------------------------------------

_COLORS = {"info": "#2a6f97", "warning": "#b36b00", "error": "#b3261e"}


def _html_finding(finding):
    color = _COLORS[finding.severity]
    where = f" ({escape(finding.layer)})" if finding.layer else ""
    remedies = "".join(
        f"<li>{escape(remedy.text)} <code>{escape(remedy.code)}</code></li>"
        for remedy in finding.remedies
    )
    return (
        f'<div style="border-left: 4px solid {color}; padding: 0 0.8em; margin: 1em 0">'
        f'<p><b style="color: {color}">{finding.severity.upper()}: '
        f"{escape(finding.title)}</b>{where}</p>"
        f"<p>{escape(finding.evidence)}</p><p>{escape(finding.cause)}</p>"
        + (f"<p>Try:</p><ul>{remedies}</ul>" if remedies else "")
        + "</div>"
    )
