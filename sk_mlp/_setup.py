"""From an estimator's parameters to checked components; what has no effect warns."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np
from sklearn.metrics import check_scoring

from sk_mlp import activations, initializers, losses, optimizers, schedules
from sk_mlp._validation import (
    InvalidParameterError,
    check_parameters,
    invalid,
    resolve,
    warn_unused,
)
from sk_mlp._warnings import warn

_OPTIMIZER_FIELDS = (
    "momentum",
    "nesterovs_momentum",
    "beta_1",
    "beta_2",
    "epsilon",
)
_STOCHASTIC_ONLY = (
    "batch_size",
    "learning_rate",
    "learning_rate_init",
    "power_t",
    "shuffle",
    "weight_decay",
    "max_grad_norm",
)


@dataclass(frozen=True)
class Setup:
    """The components that the parameters name, resolved and checked."""

    hidden_layer_sizes: tuple
    activations: list
    matched: list  # the activation that each layer's weights are drawn for
    loss: losses.Loss
    optimizer: optimizers.Optimizer | None  # None: L-BFGS
    schedule: schedules.Schedule
    initializer: initializers.Initializer
    dropout: tuple  # one rate per hidden layer
    scorer: Callable | None  # None: the estimator's own score, or the loss


def is_name(spec, name):
    """Tell whether a parameter is this name (and not an object)."""
    return isinstance(spec, str) and spec == name


def resolve_setup(estimator, task, has_validation_set=False):
    """Return the components the parameters name; warn of those without effect.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    task : {"classification", "regression"}
    has_validation_set : bool, default=False
        Whether `fit` was given one.

    Raises
    ------
    InvalidParameterError
        For the first parameter that is not valid.
    """
    check_parameters(estimator)
    sizes = estimator.hidden_layer_sizes
    sizes = tuple(map(int, sizes)) if np.iterable(sizes) else (int(sizes),)
    hidden = _resolve_activations(estimator, len(sizes))
    setup = Setup(
        hidden_layer_sizes=sizes,
        activations=hidden,
        matched=_matched(hidden, activations.get(_first(estimator.activation))),
        loss=_resolve_loss(estimator, task),
        optimizer=_resolve_solver(estimator),
        schedule=_resolve_schedule(estimator),
        initializer=resolve(estimator, "init", estimator.init, initializers),
        dropout=_resolve_dropout(estimator, len(sizes)),
        scorer=_resolve_scorer(estimator),
    )
    if not is_name(estimator.output_activation, "auto"):
        _check_contract(
            _resolve_among(estimator, "output_activation", activations, "auto")
        )
    warn_unused(estimator, _unused(estimator, setup, has_validation_set))
    return setup


def output_activation(estimator, loss, kind):
    """Return the output activation; the loss's own one for "auto"."""
    spec = estimator.output_activation
    if is_name(spec, "auto"):
        spec = loss.default_activation(kind)
    return activations.get(spec)


def _resolve_solver(estimator):
    solver = estimator.solver
    if is_name(solver, "lbfgs"):
        return None
    optimizer = _resolve_among(estimator, "solver", optimizers, "lbfgs")
    if isinstance(solver, str):
        for name in optimizer.estimator_fields:
            setattr(optimizer, name, getattr(estimator, name))
    return optimizer


def _resolve_among(estimator, name, module, also):
    """Resolve a parameter that knows one name more than its module does."""
    try:
        return resolve(estimator, name, getattr(estimator, name), module)
    except InvalidParameterError as error:
        text = str(error).replace("among {", f"among {{{also!r}, ", 1)
        raise InvalidParameterError(text) from None


def _resolve_schedule(estimator):
    spec = estimator.learning_rate
    if callable(spec) and not isinstance(spec, type | schedules.Schedule):
        spec = _function_schedule(estimator, spec)
    try:
        schedule = resolve(estimator, "learning_rate", spec, schedules)
    except InvalidParameterError as error:
        if not isinstance(spec, Real):
            raise
        hint = f"{error} Did you mean learning_rate_init={spec!r}?"
        raise InvalidParameterError(hint) from None
    if is_name(spec, "invscaling"):
        schedule.power_t = estimator.power_t
    return schedule


def _function_schedule(estimator, function):
    """Return the schedule of a plain function, tried before the first step."""
    factor, reason = np.nan, None
    try:
        factor = float(function(schedules.Progress()))
    except Exception as error:
        reason = error
    if not 0.0 <= factor < np.inf:
        raise invalid(
            estimator,
            "learning_rate",
            "must be a name, a Schedule, or a function that returns a factor >= 0 for "
            f"a schedules.Progress. Got {function!r} instead, which "
            + (f"returned {factor}." if reason is None else f"raised {reason!r}."),
        ) from reason
    return schedules.Lambda(function)


def _resolve_dropout(estimator, n_hidden):
    given = estimator.dropout
    if not _is_list(given):
        return (float(given),) * n_hidden
    if len(given) != n_hidden:
        raise invalid(
            estimator,
            "dropout",
            f"must have one entry per hidden layer ({n_hidden}). Got {given!r} "
            "instead.",
        )
    return tuple(map(float, given))


def _resolve_scorer(estimator):
    scoring = estimator.scoring
    if scoring is None or is_name(scoring, "loss"):
        return None
    try:
        return check_scoring(estimator, scoring)
    except ValueError as error:
        hint = f" {error}" if callable(scoring) else ""
        raise invalid(
            estimator,
            "scoring",
            "must be None, 'loss', a scorer object or a name of "
            f"sklearn.metrics.get_scorer_names(). Got {scoring!r} instead.{hint}",
        ) from None


def _resolve_activations(estimator, n_hidden):
    given = estimator.activation
    if not _is_list(given):
        given = [given] * max(n_hidden, 1)  # checked even where no layer has it
    elif len(given) != n_hidden:
        raise invalid(
            estimator,
            "activation",
            f"must have one entry per hidden layer ({n_hidden}). Got {given!r} "
            "instead.",
        )
    try:
        resolved = [resolve(estimator, "activation", f, activations) for f in given]
    except InvalidParameterError as error:
        text = str(error).replace(" object. Got", " object, or a list of these. Got", 1)
        raise InvalidParameterError(text) from None
    for activation in resolved:
        _check_contract(activation)
    resolved = resolved[:n_hidden]
    if not all(activation.has_gradient for activation in resolved):
        warn(
            "activation='step' has no gradient: the hidden layers below it stay "
            "as they were drawn. To train them, use a surrogate, e.g. "
            "activation=sk_mlp.activations.Step(surrogate='tanh')."
        )
    return resolved


def _is_list(given):
    return isinstance(given, list | tuple) or getattr(given, "ndim", 0) > 0


def _first(given):
    """Return the first of a list, "identity" of an empty one."""
    return next(iter(given), "identity") if _is_list(given) else given


def _matched(hidden, alone):
    """Return the activation that each layer's weights are drawn for.

    Weights keep the mean square of what comes in: features of mean square 1, then
    the outputs of the activation below. Saturating activations name an initializer
    that weighs up what comes in and what goes back instead.
    """
    below = activations.get("identity") if hidden else alone
    matched = []
    for above in [*hidden, activations.get("identity")]:
        matched.append(above if above.initializer else below)
        below = above
    return matched


def _check_contract(activation):
    """Refuse a user-made activation that returns other arrays than it was given."""
    if type(activation).__module__.startswith("sk_mlp."):
        return
    z = np.linspace(-1.0, 1.0, 6).reshape(2, 3)
    untouched = 1.2345e-67  # no NaN, which a function may well have here
    out, grad = np.full_like(z, untouched), np.ones_like(z)
    shape = activation.default_shape()
    with np.errstate(all="ignore"):
        returned = activation.forward(z, out, *shape)
    if not (returned is None or returned is out) or (out == untouched).any():
        raise InvalidParameterError(
            f"{type(activation).__name__}.forward(z, out) must write f(z) into every "
            "element of `out`, e.g. out[...] = z**3, and return nothing else."
        )
    with np.errstate(all="ignore"):
        returned = activation.backward(z, out, grad, *shape)
    if not (returned is None or returned is grad):
        raise InvalidParameterError(
            f"{type(activation).__name__}.backward(z, a, grad) must change `grad` in "
            "place, e.g. grad *= 3 * z**2, and return nothing else."
        )


def _resolve_loss(estimator, task):
    loss = estimator.loss
    try:
        fits = task in losses.get(loss).tasks
    except (ValueError, TypeError):
        fits = False
    if fits:
        return resolve(estimator, "loss", loss, losses)
    names = [name for name in losses.names() if task in losses.get(name).tasks]
    close = difflib.get_close_matches(loss, names, n=1) if isinstance(loss, str) else []
    raise invalid(
        estimator,
        "loss",
        f"must be a str among {{{', '.join(map(repr, names))}}} or a Loss object for "
        f"{task}. Got {loss!r} instead."
        + (f" Did you mean {close[0]!r}?" if close else ""),
    )


def _unused(estimator, setup, has_validation_set):
    """Return the parameters without effect, with the reason."""
    if setup.optimizer is None:
        names = (*_STOCHASTIC_ONLY, *_OPTIMIZER_FIELDS)
        unused = dict.fromkeys(names, "with solver='lbfgs'")
        if not estimator.early_stopping:
            unused["n_iter_no_change"] = "without early_stopping (solver='lbfgs')"
    else:
        unused = _unused_by_optimizer(estimator, setup.optimizer)
    if estimator.alpha == 0:
        unused["l1_ratio"] = "with alpha=0"
    if not setup.hidden_layer_sizes:
        unused["activation"] = "without hidden layers, but for the initial weights"
        unused["dropout"] = unused["normalization"] = "without hidden layers"
    if has_validation_set:
        unused["validation_fraction"] = "where X_val is given"
    elif not estimator.early_stopping:
        unused["validation_fraction"] = "without early_stopping"
        unused["scoring"] = "without early_stopping or X_val"
    return unused


def _unused_by_optimizer(estimator, optimizer):
    solver, learning_rate = estimator.solver, estimator.learning_rate
    own = optimizer.estimator_fields if isinstance(solver, str) else ()
    unused = {name: f"with solver={solver!r}" for name in _OPTIMIZER_FIELDS}
    unused = {name: reason for name, reason in unused.items() if name not in own}
    unused["max_fun"] = f"with solver={solver!r} (L-BFGS only)"
    if "momentum" in own and estimator.momentum == 0:
        unused["nesterovs_momentum"] = "without momentum"
    if not is_name(learning_rate, "invscaling"):
        unused["power_t"] = f"with learning_rate={learning_rate!r}"
    if estimator.n_iter_no_change == np.inf:
        unused["tol"] = "with n_iter_no_change=np.inf"
        if is_name(learning_rate, "adaptive"):
            unused["learning_rate"] = "with n_iter_no_change=np.inf (no plateau)"
    return unused
