"""From an estimator's parameters to checked components; what has no effect warns."""

from dataclasses import dataclass

import numpy as np

from sk_mlp import activations, initializers, losses, optimizers, schedules
from sk_mlp._validation import (
    InvalidParameterError,
    check_parameters,
    invalid,
    resolve,
    warn,
    warn_unused,
)

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
    "early_stopping",
    "validation_fraction",
    "n_iter_no_change",
    "weight_decay",
)


@dataclass(frozen=True)
class Setup:
    """The components that the parameters name, resolved and checked."""

    hidden_layer_sizes: tuple
    activations: list
    loss: losses.Loss
    optimizer: optimizers.Optimizer | None  # None: L-BFGS
    schedule: schedules.Schedule
    initializer: initializers.Initializer


def is_name(spec, name):
    """Tell whether a parameter is this name (and not an object)."""
    return isinstance(spec, str) and spec == name


def resolve_setup(estimator, task):
    """Return the components the parameters name; warn of those without effect.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    task : {"classification", "regression"}

    Raises
    ------
    InvalidParameterError
        For the first parameter that is not valid.
    """
    check_parameters(estimator)
    sizes = estimator.hidden_layer_sizes
    sizes = tuple(map(int, sizes)) if np.iterable(sizes) else (int(sizes),)
    setup = Setup(
        hidden_layer_sizes=sizes,
        activations=_resolve_activations(estimator, len(sizes)),
        loss=_resolve_loss(estimator, task),
        optimizer=_resolve_solver(estimator),
        schedule=_resolve_schedule(estimator),
        initializer=resolve(estimator, "init", estimator.init, initializers),
    )
    if not is_name(estimator.output_activation, "auto"):
        spec = estimator.output_activation
        resolve(estimator, "output_activation", spec, activations)
    warn_unused(estimator, _unused(estimator, setup))
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
    try:
        optimizer = resolve(estimator, "solver", solver, optimizers)
    except InvalidParameterError as error:
        text = str(error).replace("among {", "among {'lbfgs', ", 1)
        raise InvalidParameterError(text) from None
    if isinstance(solver, str):
        for name in optimizer.estimator_fields:
            setattr(optimizer, name, getattr(estimator, name))
    return optimizer


def _resolve_schedule(estimator):
    spec = estimator.learning_rate
    schedule = resolve(estimator, "learning_rate", spec, schedules)
    if is_name(spec, "invscaling"):
        schedule.power_t = estimator.power_t
    return schedule


def _resolve_activations(estimator, n_hidden):
    given = estimator.activation
    if not isinstance(given, list | tuple):
        given = [given] * max(n_hidden, 1)  # checked even where no layer has it
    elif len(given) != n_hidden or not given:
        raise invalid(
            estimator,
            "activation",
            f"must have one entry per hidden layer ({n_hidden}). Got {given!r} "
            "instead.",
        )
    resolved = [resolve(estimator, "activation", item, activations) for item in given]
    resolved = resolved[:n_hidden]
    if not all(activation.has_gradient for activation in resolved):
        warn(
            "activation='step' has no gradient: the hidden layers below it stay "
            "as they were drawn. To train them, use a surrogate, e.g. "
            "activation=sk_mlp.activations.Step(surrogate='tanh')."
        )
    return resolved


def _resolve_loss(estimator, task):
    loss = resolve(estimator, "loss", estimator.loss, losses)
    if task not in loss.tasks:
        fitting = [name for name in losses.names() if task in losses.get(name).tasks]
        raise invalid(
            estimator,
            "loss",
            f"must be a loss for {task}: a str among {fitting} or such a Loss object. "
            f"Got {estimator.loss!r} instead.",
        )
    return loss


def _unused(estimator, setup):
    """Return the parameters without effect, with the reason."""
    if setup.optimizer is None:
        names = (*_STOCHASTIC_ONLY, *_OPTIMIZER_FIELDS)
        unused = dict.fromkeys(names, "with solver='lbfgs'")
    else:
        unused = _unused_by_optimizer(estimator, setup.optimizer)
    if estimator.alpha == 0:
        unused["l1_ratio"] = "with alpha=0"
    if not setup.hidden_layer_sizes:
        unused["activation"] = "without hidden layers, but for the initial weights"
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
    if not estimator.early_stopping:
        unused["validation_fraction"] = "without early_stopping"
    return unused
