"""Symptoms that show in the layers: what their units do, and what comes back to them.

Every function takes an :class:`~sk_mlp.inspection._examination.Examination` and
returns the findings, worst first, or an empty list.
"""

from dataclasses import replace

import numpy as np

from sk_mlp.inspection._examination import (
    MIN_ROWS,
    SATURATED_ROWS,
    Units,
    is_flat,
)
from sk_mlp.inspection._findings import (
    GOOD_STEP,
    SEVERITIES,
    Finding,
    Remedy,
    better_rate,
    resized,
)
from sk_mlp.inspection._reading import name_of

# Shares of a layer's units. Healthy networks stay well below: see docs/diagnosis.md.
DEAD_INFO, DEAD_WARNING, DEAD_ERROR = 0.1, 0.4, 0.9
SATURATED_WARNING, SATURATED_ERROR = 0.5, 0.9

# Size of the gradient in a hidden layer relative to the output layer's.
VANISHED, VANISHING = 1e-3, 1e-2
EXPLODING = 1e3
# And in itself, where the output layer's is large enough to tell.
TINY_GRADIENT, FELT_GRADIENT = 1e-5, 1e-3

RELU = Remedy(
    "Take an activation whose slope does not vanish on both sides.",
    {"activation": "relu"},
)
ELU = Remedy(
    "Take an activation that has a slope below 0 as well, so that units come back.",
    {"activation": "elu"},
)
TANH = Remedy(
    "Take an activation whose slope is at most 1, and less for large inputs.",
    {"activation": "tanh"},
)
BATCH_NORM = Remedy(
    "Normalize the inputs of the activations, which keeps them where the slope is.",
    {"normalization": "batch"},
)
AUTO_INIT = Remedy("Match the initial weights to the activation.", {"init": "auto"})


def against(exam, *otherwise):
    """Return the remedies of a cause that is known; the others where none is."""
    known = []
    if exam.first_step > 10 * GOOD_STEP:
        known.append(better_rate(exam, "Take smaller steps."))
    if exam.unscaled.any():
        known.append(Remedy("Standardise the features.", transformer=exam.scaler))
    if _initializer(exam) not in ("auto", "sklearn") or initialization(exam):
        known.append(AUTO_INIT)
    return tuple(known or otherwise)


def non_finite(exam):
    """Weights or outputs that are infinite or NaN."""
    weights = exam.model._network.theta
    n_bad = int((~np.isfinite(weights)).sum())
    bad_rows = int((~np.isfinite(exam.trace.output.z)).any(axis=1).sum())
    if not n_bad and not bad_rows:
        return []
    evidence = (
        f"{n_bad} of {weights.size} parameters are not finite."
        if n_bad
        else f"{bad_rows} of {exam.n_rows} rows have outputs that are not finite."
    )
    cause = "Training has diverged, or X is far larger than what it was fitted with."
    limit = Remedy("Limit the length of a step.", {"max_grad_norm": 1.0})
    return [Finding("non_finite", "error", evidence, cause, against(exam, limit))]


def dead_units(exam):
    """Rectifiers that no row comes through, in hidden layers or at the output."""
    if exam.n_rows < MIN_ROWS:
        return []
    found = []
    for index, units in enumerate(exam.units):
        share = units.dead.mean()
        if share < DEAD_INFO or not units.rectifies:
            continue
        severity = _grade(share, DEAD_WARNING, DEAD_ERROR)
        found.append(_dead_finding(exam, index, severity, units.dead))
    return _worst(found)


def _dead_finding(exam, index, severity, dead):
    layer = exam.trace.layers[index]
    name = name_of(layer.activation)
    evidence = (
        f"{_count(dead)} units of {name} give no slope at any of {exam.n_rows} rows."
    )
    if layer.name == "output":
        cause = "Their outputs are stuck: no gradient comes back through them."
        remedy = Remedy(
            "Take an output activation with a slope everywhere.",
            {"output_activation": "auto"},
        )
        return Finding("dead_units", severity, evidence, cause, (remedy,), layer.name)
    before = _before(exam, index, "dead")
    if np.isnan(before):
        cause = "Their inputs are below 0 for all rows: their weights cannot learn."
    elif before < 0.5 * dead.mean():
        cause = (
            f"Training has pushed them there ({before:.0%} are dead with new weights): "
            "steps that are too large move biases far below 0, and no gradient brings "
            "them back."
        )
    else:
        cause = (
            f"They were dead from the start ({before:.0%} with new weights): the "
            "initial weights, or features of large size or mean, push them below 0."
        )
    remedies = against(exam, ELU)
    return Finding("dead_units", severity, evidence, cause, remedies, layer.name)


def _before(exam, index, state):
    """Return the share of units in a state with new weights; NaN if unknown."""
    if exam.initial_trace is None:
        return np.nan
    return getattr(Units(exam.initial_trace.layers[index]), state).mean()


def saturation(exam):
    """Units of bounded activations that lie on the flat parts of the curve."""
    if exam.n_rows < MIN_ROWS:
        return []
    found = []
    for index, units in enumerate(exam.units[:-1]):
        if units.saturates and units.saturated.mean() >= SATURATED_WARNING:
            found.append(_saturation_finding(exam, index, units.saturated))
    return _worst(found)


def _saturation_finding(exam, index, saturated):
    layer = exam.trace.layers[index]
    size = np.sqrt(np.mean(np.square(layer.z, dtype=float)))
    evidence = (
        f"{_count(saturated)} units of {name_of(layer.activation)} are where it is "
        f"flat for {SATURATED_ROWS:.0%} of the rows or more (root mean square of their "
        f"inputs {size:.3g})."
    )
    if exam.has_learned and _before(exam, index, "saturated") < SATURATED_WARNING:
        cause = (
            "Training has made switches of them, and the network has learned: no harm, "
            "but hardly any gradient passes to learn more."
        )
        return Finding("saturation", "info", evidence, cause, (), layer.name)
    cause = (
        "Their inputs are too large: features that are not scaled, large initial "
        "weights, or steps that are too large. Hardly any gradient passes."
    )
    severity = _grade(saturated.mean(), SATURATED_WARNING, SATURATED_ERROR)
    remedies = against(exam, BATCH_NORM, RELU)
    return Finding("saturation", severity, evidence, cause, remedies, layer.name)


def vanishing_gradients(exam):
    """A gradient that is lost on its way back through the layers."""
    signals = exam.flow
    if len(signals) < 2 or not np.isfinite(signals).all() or signals[-1] == 0:
        return []
    ratio, least = signals[0] / signals[-1], signals[:-1].min()
    tiny = least < TINY_GRADIENT and signals[-1] > FELT_GRADIENT
    if ratio >= VANISHING and not tiny:
        return []
    if any(u.rectifies and u.dead.mean() > DEAD_ERROR for u in exam.units):
        return []  # that is why, and said already
    severity = "error" if tiny or ratio < VANISHED else "warning"
    per_layer = ratio ** (1 / (len(signals) - 1))
    evidence = (
        f"The gradient has size {signals[-1]:.2g} at the output and {signals[0]:.2g} "
        f"in {exam.trace.layers[0].name}: a factor of {per_layer:.2g} for each layer."
    )
    cause = (
        "Every layer multiplies it by the slope of its activation and its weights; "
        f"{_names(exam)} and the weights make that less than 1."
    )
    flat = any(is_flat(layer.activation) for layer in exam.trace.hidden)
    remedies = against(exam, *((RELU, BATCH_NORM) if flat else (BATCH_NORM,)))
    if not all(layer.activation.has_gradient for layer in exam.trace.hidden):
        cause = f"{_names(exam)} has no slope, so that nothing comes back."
        remedies = (RELU,)
    layer = exam.trace.layers[0].name
    return [Finding("vanishing_gradients", severity, evidence, cause, remedies, layer)]


def exploding_gradients(exam):
    """A gradient that grows on its way back through the layers."""
    signals = exam.flow
    if len(signals) < 2 or not np.isfinite(signals).all() or signals[-1] == 0:
        return []
    ratio = signals[0] / signals[-1]
    if ratio <= EXPLODING:
        return []
    evidence = (
        f"The gradient has size {signals[-1]:.2g} at the output and {signals[0]:.2g} "
        f"in {exam.trace.layers[0].name}, {ratio:.2g} times as much."
    )
    cause = (
        "Every layer multiplies it by its weights and the slope of its activation, and "
        "they make that more than 1: large initial weights, or weights that grew in "
        "steps that were too large."
    )
    sizes = exam.model._spec["hidden_layer_sizes"]
    fewer = resized(exam, "Take fewer layers.", sizes[: len(sizes) // 4])
    remedies = against(exam, *((fewer, TANH) if len(sizes) >= 8 else (TANH,)))
    layer = exam.trace.layers[0].name
    return [Finding("exploding_gradients", "error", evidence, cause, remedies, layer)]


def linear_network(exam):
    """Hidden layers that only draw straight lines, and so are one linear map."""
    hidden = exam.units[:-1]
    if not hidden or exam.n_rows < MIN_ROWS:
        return []
    straight = [units.linear | units.dead for units in hidden]
    alive = [not units.dead.all() for units in hidden]
    bends = exam.model._spec["normalization"] == "layer"
    if bends or not (all(map(np.all, straight)) and all(alive)):
        return []
    evidence = (
        f"In {len(hidden)} hidden layer(s) every unit has the same slope for all "
        f"{exam.n_rows} rows ({_names(exam)})."
    )
    cause = (
        "A chain of linear maps is one linear map: the network can do no more than a "
        "linear model, whatever its size."
    )
    severity = "warning" if exam.has_learned else "error"
    remedies = (Remedy("Take an activation that bends.", {"activation": "relu"}),)
    if all(units.rectifies for units in hidden):
        cause += " All rows lie on the same side of every unit's bend."
        sizes = tuple(max(100, len(units.dead)) for units in hidden)
        remedies = against(exam, resized(exam, "Give it more units.", sizes))
    return [Finding("linear_network", severity, evidence, cause, remedies)]


# Share of the spread that auto would have given, in the layer where it differs most.
MISMATCH = 10.0


def initialization(exam):
    """Initial weights that make the signal grow or fade from layer to layer."""
    trace_before = exam.initial_trace
    if trace_before is None or exam.n_rows < MIN_ROWS:
        return []
    if _initializer(exam) == "auto" or exam.model._spec["normalization"]:
        return []
    own, auto = _spreads(trace_before), _spreads(exam.matched_trace)
    with np.errstate(all="ignore"):
        ratio = own / auto
    worst = int(np.nanargmax(np.abs(np.log(np.maximum(ratio, 1e-30)))))
    if 1 / MISMATCH < ratio[worst] < MISMATCH:
        return []
    layer = trace_before.layers[worst].name
    evidence = (
        f"With new weights by init={exam.model.init!r}, the inputs of the activations "
        f"vary over the rows by {own[worst]:.2g} in {layer}; by init='auto' it is "
        f"{auto[worst]:.2g}."
    )
    cause = (
        f"The initial weights are too {'large' if ratio[worst] > 1 else 'small'} for "
        f"{_names(exam)}, layer for layer."
    )
    return [Finding("initialization", "warning", evidence, cause, (AUTO_INIT,), layer)]


def _initializer(exam):
    """Return the name of the initializer; None for one that has none."""
    return exam.setup.initializer.registered_name if exam.setup else "auto"


def _spreads(found):
    """Return the standard deviation over the rows of z, RMS over the units."""
    with np.errstate(all="ignore"):
        return np.array(
            [np.sqrt(layer.z.var(axis=0, dtype=float).mean()) for layer in found.layers]
        )


# Words ------------------------------------------------------------------------------


def _grade(share, warning, error):
    return "error" if share >= error else "warning" if share >= warning else "info"


def _worst(found):
    """Return the finding of the worst layer, with a word on the others."""
    if len(found) < 2:
        return found
    worst = max(found, key=lambda finding: SEVERITIES.index(finding.severity))
    others = ", ".join(finding.layer for finding in found if finding is not worst)
    return [replace(worst, evidence=f"{worst.evidence} Likewise: {others}.")]


def _count(mask):
    return f"{mask.sum()} of {mask.size} ({mask.mean():.0%})"


def _names(exam):
    return ", ".join(dict.fromkeys(name_of(la.activation) for la in exam.trace.hidden))
