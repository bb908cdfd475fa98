"""Symptoms that show in the course of training: rate, duration, fit.

Every function takes an :class:`~sk_mlp.inspection._examination.Examination` and
returns a list of findings. The limits were read off some 200 trainings; how well they
tell sick from healthy networks is measured by benchmarks/diagnosis.py.
"""

from dataclasses import replace

import numpy as np
from scipy.sparse import issparse
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

from sk_mlp.inspection._findings import Finding, Remedy, better_rate, resized
from sk_mlp.inspection._trace import some_rows

# Change of the weights in the first step of training, relative to their size (median
# over the layers): what is healthy lies between 0.001 and 0.2.
LARGE_STEP, SMALL_STEP = 0.3, 1e-3

# The loss rose in between by this share of its whole fall; or to this many times the
# loss of a constant prediction.
ROUGH, SPIKE = 0.35, 5.0

# Share of the fall of the loss that came in the last fifth of the epochs. What early
# stopping has ended should have come to rest.
STEEP, STEEP_STOPPED = 0.1, 0.03
# Of fewer epochs there is no fifth.
FEW_EPOCHS = 5

# Rise of the validation loss from its least value, as shares of that value and of the
# loss of a constant prediction.
RISE, RISE_OF_CONSTANT = 0.15, 0.02
# Loss of the rows beyond the training loss, as a share of a constant prediction's.
GAP = 0.25

# The size of all weights, relative to new ones, below which nothing is left of them;
# the penalty relative to the loss.
SHRUNK, RULING = 0.2, 3.0
MUCH_DROPOUT = 0.5

# What a reference model must have ahead in accuracy or R², and its size.
LEAD, N_REFERENCE_ROWS, N_TREES = 0.05, 1_500, 50
GOOD_SCORE = 0.95


class Curve:
    """The training loss over the epochs, and what its shape tells.

    Parameters
    ----------
    losses : ndarray of shape (n_epochs,)
        At least two.

    Attributes
    ----------
    roughness : float
        The sum of all rises, relative to the distance of highest and lowest loss.
    late_share : float
        The share of the fall from the first loss to the last that came in the last
        fifth of the epochs; 0.2 on a straight line, 0 where the loss did not fall.
    """

    def __init__(self, losses):
        with np.errstate(all="ignore"):
            rises = np.diff(losses).clip(0.0)
            distance = losses.max() - losses.min()
            self.roughness = float(rises.sum() / distance) if distance else 0.0
            n_late = max(1, len(losses) // 5)
            end = np.median(losses[-3:])
            before = np.median(losses[max(0, len(losses) - n_late - 3) : -n_late])
            fall = losses[0] - end
            self.late_share = float((before - end) / fall) if fall > 0 else 0.0


def learning_rate_too_high(exam):
    """Steps so large that the loss jumps about, or ends above a constant's."""
    losses, step = exam.losses, exam.first_step
    if len(losses) < 2 or not step > LARGE_STEP:
        return []
    curve, constant, last = Curve(losses), exam.constant_loss, losses[-3:].mean()
    rough, spike = curve.roughness > ROUGH, losses.max() > SPIKE * abs(constant)
    useless = last > constant
    if not (rough or spike or useless):
        return []
    signs = []
    if rough:
        signs.append(f"rose in between by {curve.roughness:.0%} of its whole fall")
    if spike:
        signs.append(f"went up to {losses.max():.3g}")
    signs.append(
        f"ended at {losses[-1]:.3g} (a constant prediction has {constant:.3g})"
    )
    evidence = (
        f"The training loss {' and '.join(signs)}. The first step changed the weights "
        f"by {step:.0%} of their size; a healthy one changes them by 0.1 % to 10 %."
    )
    cause = (
        f"With learning_rate_init={exam.model.learning_rate_init:g} the steps are "
        "longer than the valley of the loss is wide."
    )
    severity = "error" if useless else "warning"
    at_rest = last - losses.min() < 0.1 * abs(constant)
    if not spike and exam.has_learned and at_rest:
        severity = "info"  # it jumped, and came down
    remedies = (better_rate(exam, "Take smaller steps."),)
    return [Finding("learning_rate_too_high", severity, evidence, cause, remedies)]


def learning_rate_too_low(exam):
    """A loss that falls on a straight line when training ends, by tiny steps."""
    losses, step = exam.losses, exam.first_step
    if len(losses) < 2 or not 0 < step < SMALL_STEP:
        return []
    late = Curve(losses).late_share
    if late < STEEP:
        return []
    evidence = (
        f"{_late_text(exam, late)} The first step changed the weights by {step:.2g} "
        "of their size; a healthy one changes them by 0.001 to 0.1."
    )
    cause = (
        f"With learning_rate_init={exam.model.learning_rate_init:g} training would "
        "take many times as many epochs."
    )
    remedies = (better_rate(exam, "Take larger steps."),)
    return [Finding("learning_rate_too_low", "warning", evidence, cause, remedies)]


def not_converged(exam):
    """Training that ended while the loss was still falling."""
    losses, model = exam.losses, exam.model
    if not len(losses) or exam.first_step < SMALL_STEP:
        return []  # the rate is to blame
    rested = model.stop_reason_ in ("converged", "diverged")
    why, remedy = _more_epochs(exam)
    cause = "Training had not finished."
    if len(losses) < FEW_EPOCHS and not rested:
        evidence = f"The loss is {losses[-1]:.3g}. {why}"
        return [Finding("not_converged", "warning", evidence, cause, (remedy,))]
    late = Curve(losses).late_share if len(losses) > 1 else 0.0
    steep = STEEP_STOPPED if model.early_stopping and rested else STEEP
    if late < steep and (rested or late <= 0.005):
        return []
    evidence = f"{_late_text(exam, late)} {why}"
    severity = "warning" if late >= steep else "info"
    return [Finding("not_converged", severity, evidence, cause, (remedy,))]


def _more_epochs(exam):
    """Return why training ended, and how to go on for longer."""
    model, n_epochs = exam.model, len(exam.losses)
    epochs = f"{n_epochs} {_unit(exam)}{'s' if n_epochs > 1 else ''}"
    if model.stop_reason_ == "converged" and model.early_stopping:
        return (
            "The validation score had not risen by more than tol for "
            f"{model.n_iter_no_change} epochs.",
            Remedy(
                "Judge by the validation loss, which is finer than a score.",
                {"scoring": "loss", "max_iter": max(model.max_iter, 1000)},
            ),
        )
    if model.stop_reason_ == "converged":
        return (
            f"It fell by less than tol={model.tol:g} in {model.n_iter_no_change} "
            f"{_unit(exam)}s.",
            Remedy("Ask for less in each epoch.", {"tol": model.tol / 100}),
        )
    if model.stop_reason_ == "max_iter" and model.n_iter_ == model.max_iter:
        max_iter = int(max(5 * n_epochs, 1000))
        return (
            f"It was ended after {epochs} by max_iter.",
            Remedy("Train for longer.", {"max_iter": max_iter}),
        )
    if model.stop_reason_ in ("callback", "interrupted"):
        return (
            f"It was ended after {epochs} ({model.stop_reason_}).",
            Remedy("Let it go on: resume finishes the fit."),
        )
    return (
        f"There were {epochs} of partial_fit.",
        Remedy("Call partial_fit more often, or fit."),
    )


def _unit(exam):
    has_epochs = exam.setup is None or exam.setup.optimizer is not None
    return "epoch" if has_epochs else "iteration"


def overfitting(exam):
    """A validation loss that rises again, or rows that are predicted far worse."""
    return _rising_validation_loss(exam) or _gap(exam)


def _rising_validation_loss(exam):
    val = np.asarray(exam.model.history_["val_loss"], dtype=float)
    if len(val) < 5 or not np.isfinite(val).all() or exam.model.early_stopping:
        return []  # early stopping goes back to the best epoch
    best, last = int(val.argmin()), float(np.median(val[-3:]))
    constant = abs(exam.constant_loss) if exam.y is not None else val[0]
    rise = last - val[best]
    if rise < RISE * abs(val[best]) or rise < RISE_OF_CONSTANT * constant:
        return []
    evidence = (
        f"The validation loss was least in epoch {best + 1} of {len(val)} "
        f"({val[best]:.3g}) and {last:.3g} at the end, while the training loss fell "
        f"to {exam.losses[-1]:.3g}."
    )
    return [_overfitting(exam, evidence)]


def _gap(exam):
    """Compare the loss of the rows, if they are new ones, with the training loss."""
    if exam.y is None or not len(exam.losses) or any(exam.model._spec["dropout"] or ()):
        return []
    loss, training = exam.trace.loss, _training_loss(exam)
    learned = exam.constant_loss - training
    if not loss - training > GAP * learned > 0 or loss < 2 * training:
        return []
    if len(exam.losses) > 1 and exam.losses[-1] > 0.9 * exam.losses[0]:
        return []  # it has not learned anything
    evidence = (
        f"The mean loss of these rows is {loss:.3g}, that of the rows that it was "
        f"trained on {training:.3g} (a constant prediction has "
        f"{exam.constant_loss:.3g})."
    )
    return [_overfitting(exam, evidence)]


def _training_loss(exam):
    """Return the training loss of the epoch whose weights the model has."""
    scores = np.asarray(exam.model.history_["val_score"], dtype=float)
    if exam.model.early_stopping and np.isfinite(scores).any():
        return float(exam.model.history_["loss"][int(np.nanargmax(scores))])
    return float(exam.losses[-1])


def _overfitting(exam, evidence):
    cause = (
        "The network has learned the single rows of the training set, noise included."
    )
    # By trial, see benchmarks/diagnosis.py; the loss divides it by the number of rows.
    alpha = max(10 * exam.model.alpha, float(f"{0.06 * exam.n_all:.0e}"))
    remedies = (
        Remedy("Stop at the best epoch.", {"early_stopping": True}),
        Remedy("Penalise large weights.", {"alpha": alpha}),
    )
    return Finding("overfitting", "warning", evidence, cause, remedies)


def held_back(exam):
    """Weights that the penalty or the decay rules over, or has taken to nothing."""
    if exam.setup is None:
        return []
    model, penalty = exam.model, exam.penalty
    shrunk = exam.shrinkage < SHRUNK and (model.alpha or model.weight_decay)
    loss = exam.trace.loss
    ruled = loss is not None and not exam.has_learned and penalty > RULING * abs(loss)
    if not (shrunk or ruled):
        return []
    pulls = {"alpha": model.alpha, "weight_decay": model.weight_decay}
    name = "alpha" if ruled else max(pulls, key=pulls.get)
    evidence = (
        f"With alpha={model.alpha:g} the penalty is {penalty:.3g}, the loss {loss:.3g}."
        if ruled
        else f"With {name}={pulls[name]:g} the weights together have shrunk to "
        f"{exam.shrinkage:.1%} of the size of new ones."
    )
    cause = "What pulls the weights to 0 is stronger than what the rows have to say."
    remedy = Remedy("Pull less.", {name: {"alpha": 1e-4, "weight_decay": 0.0}[name]})
    return [Finding("underfitting", "error", evidence, cause, (remedy,))]


def underfitting(exam, unfinished=None):
    """A network that explains less of its rows than a reference model of new ones.

    If training was `unfinished`, a finding that says so, then that is the first cause.
    """
    weighted = exam.w is not None or getattr(exam.model, "class_weight", None)
    if exam.y is None or weighted or exam.setup is None or exam.n_rows < 30:
        return []
    own, reference = _scores(exam)
    if not own + LEAD < reference:
        return []
    evidence = (
        f"The network's {_metric(exam)} on these rows is {own:.2f}; extremely "
        f"randomised trees reach {reference:.2f} on rows that they have not seen "
        "(3-fold cross-validation)."
    )
    cause = (
        "There is more to learn than the network can: it is too small, or held back by "
        "its penalty or dropout."
    )
    model, remedies = exam.model, []
    if max(model._spec["dropout"] or (0.0,)) >= MUCH_DROPOUT:
        remedies.append(Remedy("Keep the units.", {"dropout": 0.0}))
    if model.alpha > 0.1:
        remedies.append(Remedy("Penalise less.", {"alpha": 1e-4}))
    if unfinished and not remedies:
        evidence = f"{unfinished.evidence} {evidence}"
        return [replace(unfinished, severity="warning", evidence=evidence)]
    if sum(model._spec["hidden_layer_sizes"]) < 100 and not remedies:
        remedies.append(resized(exam, "Give it more units.", (100, 100)))
    return [Finding("underfitting", "warning", evidence, cause, tuple(remedies))]


def _scores(exam):
    """Return the score of the network and that of a reference model, or two NaN."""
    model, unknown = exam.model, (np.nan, np.nan)
    if model._task == "regression" and exam.trace.output.z.shape[1] != _n_columns(exam):
        return unknown  # several values for each target
    if model._task == "classification" and model._target["kind"] == "multioutput":
        return unknown
    X, y = some_rows(exam.X, exam.y, limit=N_REFERENCE_ROWS)
    y = y.toarray() if issparse(y) else y
    if np.ndim(y) == 2 and (y == y[0]).all(axis=0).any():
        return unknown  # a constant column counts as fully explained, or not at all
    plain = model._working_copy()
    plain.__dict__.pop("feature_names_in_", None)  # X is an array by now
    own = plain.score(X, y)
    if own > GOOD_SCORE:
        return unknown
    trees = (
        ExtraTreesClassifier if model._task == "classification" else ExtraTreesRegressor
    )
    reference = trees(N_TREES, random_state=0)
    if y.ndim == 1 and model._task == "classification":
        _, counts = np.unique(y, return_counts=True)
        if counts.min() < 3:
            return unknown
    return own, float(np.mean(cross_val_score(reference, X, y, cv=_folds(exam))))


def _folds(exam):
    # Shuffled: rows are often sorted.
    stratified = exam.model._task == "classification" and np.ndim(exam.y) == 1
    return (StratifiedKFold if stratified else KFold)(3, shuffle=True, random_state=0)


def _n_columns(exam):
    return exam.y.shape[1] if np.ndim(exam.y) > 1 else 1


def _metric(exam):
    return "accuracy" if exam.model._task == "classification" else "R²"


def _late_text(exam, late):
    losses = exam.losses
    fall = f"the fall of the loss, from {losses[0]:.3g} to {losses[-1]:.3g}"
    if len(losses) < 2 * FEW_EPOCHS:
        return f"{late:.0%} of {fall}, came in the last {_unit(exam)} of {len(losses)}."
    return (
        f"{late:.1%} of {fall}, came in the last fifth of the {len(losses)} "
        f"{_unit(exam)}s (20 % is a straight line)."
    )
