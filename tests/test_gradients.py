"""Gradients of whole networks by central differences, over the registries.

Hidden activation x (output activation, loss, target) x sample weights x penalty. Every
pair of a hidden activation and a head is checked with one of the six objectives in
turn, every hidden activation and every head also with all six, and all single
coordinates of both; with dropout and normalization every hidden activation and every
canonical head, weighted and penalised. The whole product is that of
``python tests/gradcheck.py``.
"""

from itertools import cycle, islice

import numpy as np
import pytest
from _helpers import TwoShapes
from gradcheck import (
    OBJECTIVES,
    REGULARIZED,
    TARGETS,
    TOLERANCE,
    WEIGHTED_AND_PENALIZED,
    Problem,
    activation_variants,
    coordinate_error,
    first_decided,
    head_pairs,
    loss_variants,
    make_head,
    worst_coordinate_error,
    worst_projected_error,
)
from scipy import sparse

from sk_mlp import activations, losses
from sk_mlp.activations import Step

VARIANTS = activation_variants()
PAIRS, REFUSED = head_pairs(VARIANTS)
HEADS_BY_OUTPUT = {label: [] for label in VARIANTS}
for key in PAIRS:
    HEADS_BY_OUTPUT[key[0]].append(key)

CANONICAL = {
    "multioutput": ("softmax", "log_loss", "multioutput"),
    "multilabel": ("logistic", "focal", "multilabel"),
    "regression": ("identity", "gaussian_nll", "regression"),
}

every_hidden = pytest.mark.parametrize("hidden", VARIANTS)
every_output = pytest.mark.parametrize(
    "output", [label for label, keys in HEADS_BY_OUTPUT.items() if keys]
)


def failures(errors):
    """Return what exceeds the tolerance, the worst first; NaN does."""
    wrong = {key: error for key, error in errors.items() if not error <= TOLERANCE}
    return dict(sorted(wrong.items(), key=lambda item: -item[1]))


# What is enumerated ------------------------------------------------------------------


def test_everything_registered_is_covered():
    assert set(activations.names()) <= set(VARIANTS)
    assert set(losses.names()) <= set(loss_variants())
    assert {key[1] for key in PAIRS} == set(loss_variants())
    assert {key[2] for key in PAIRS} == set(TARGETS)


def test_most_activations_end_a_network_and_many_pairs_fit():
    without_head = {label for label, keys in HEADS_BY_OUTPUT.items() if not keys}
    assert not any(VARIANTS[label].has_gradient for label in without_head)
    assert len(PAIRS) >= 500
    per_target = {kind: sum(key[2] == kind for key in PAIRS) for kind in TARGETS}
    assert min(per_target.values()) >= 20
    assert per_target["regression"] >= 300


def test_every_shape_parameter_is_trained_in_both_ways():
    for name in activations.names():
        if activations.get(name).shape_values():
            modes = {
                activation.trainable
                for label, activation in VARIANTS.items()
                if label.partition(",")[0] == name
            }
            assert modes == {False, True, "shared"}


# The product ------------------------------------------------------------------------


@every_hidden
def test_every_head_on_every_hidden_activation(hidden):
    start = list(VARIANTS).index(hidden)
    objectives = islice(cycle(OBJECTIVES.values()), start, None)
    errors = {
        key: worst_projected_error(VARIANTS[hidden], pair, [objective], seed)
        for seed, ((key, pair), objective) in enumerate(
            zip(PAIRS.items(), objectives, strict=False)
        )
    }
    assert len(errors) == len(PAIRS)
    assert not failures(errors)


@every_hidden
def test_every_coordinate_and_objective_of_a_hidden_activation(hidden):
    errors = {}
    for kind, key in CANONICAL.items():
        args = VARIANTS[hidden], PAIRS[key]
        errors[kind] = worst_projected_error(*args, OBJECTIVES.values(), seed=7)
        errors[kind, "coordinates"] = worst_coordinate_error(*args, seed=11)
    assert not failures(errors)


@every_output
def test_every_coordinate_and_objective_of_a_head(output):
    errors = {}
    for key in HEADS_BY_OUTPUT[output]:
        args = activations.get("mish"), PAIRS[key]
        errors[key] = worst_projected_error(*args, OBJECTIVES.values(), seed=3)
        errors[key, "coordinates"] = worst_coordinate_error(
            *args, seed=5, sizes=(4,), n_features=2, n_rows=7
        )
    assert not failures(errors)


@every_output
def test_the_general_chain_of_every_canonical_head(output):
    """The shortcut aside, which the other tests take where there is one."""
    errors = {}
    for key in HEADS_BY_OUTPUT[output]:
        pair = PAIRS[key]
        if make_head(*pair).canonical:
            errors[key] = worst_projected_error(
                activations.get("tanh"), pair, OBJECTIVES.values(), canonical=False
            )
    assert not failures(errors)


SMALL = {"sizes": (5, 4), "n_features": 2, "n_rows": 7}


@every_hidden
def test_every_hidden_activation_with_dropout_and_normalization(hidden):
    errors = {}
    for kind, key in CANONICAL.items():
        args = VARIANTS[hidden], PAIRS[key]
        for label, settings in REGULARIZED.items():
            errors[kind, label] = worst_projected_error(
                *args, [WEIGHTED_AND_PENALIZED], seed=13, **settings
            )
            errors[kind, label, "coordinates"] = worst_coordinate_error(
                *args, seed=17, **SMALL, **settings
            )
    assert not failures(errors)


@pytest.mark.parametrize("label", REGULARIZED)
def test_every_canonical_head_with_dropout_and_normalization(label):
    errors = {}
    for key, pair in PAIRS.items():
        if not make_head(*pair).canonical:
            continue
        args, settings = (activations.get("mish"), pair), REGULARIZED[label]
        errors[key] = worst_projected_error(*args, OBJECTIVES.values(), **settings)
        errors[key, "coordinates"] = worst_coordinate_error(*args, **SMALL, **settings)
    assert len(errors) >= 20
    assert not failures(errors)


@pytest.mark.parametrize("trainable", [True, "shared", False])
def test_two_shape_parameters(trainable):
    hidden = TwoShapes(trainable=trainable)
    for kind, key in CANONICAL.items():
        assert worst_coordinate_error(hidden, PAIRS[key]) <= TOLERANCE, kind


# Inputs and depths ------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(), (6,), (7, 4, 8, 2)])
@pytest.mark.parametrize("kind", CANONICAL)
def test_any_number_of_hidden_layers(sizes, kind):
    args = VARIANTS["prelu"], PAIRS[CANONICAL[kind]]
    for measure in (
        lambda: worst_projected_error(*args, OBJECTIVES.values(), sizes=sizes),
        lambda: worst_coordinate_error(*args, sizes=sizes),
    ):
        assert measure() <= TOLERANCE


@pytest.mark.parametrize("label", REGULARIZED)
@pytest.mark.parametrize("sizes", [(6,), (7, 4, 8, 3)])
def test_any_number_of_hidden_layers_with_dropout_and_normalization(sizes, label):
    args = VARIANTS["prelu"], PAIRS[CANONICAL["multioutput"]]
    settings = {"sizes": sizes, **REGULARIZED[label]}
    for measure in (
        lambda: worst_projected_error(*args, OBJECTIVES.values(), **settings),
        lambda: worst_coordinate_error(*args, **settings),
    ):
        assert measure() <= TOLERANCE


@pytest.mark.parametrize("settings", [{}, *REGULARIZED.values()], ids=repr)
@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("kind", CANONICAL)
def test_sparse_rows_give_the_gradient_of_dense_ones(convert, kind, settings):
    def measure(rng):
        pair = PAIRS[CANONICAL[kind]]
        problem = Problem(VARIANTS["elu"], pair, rng, **settings)
        problem.pose(True, 0.1, 0.2).x[rng.uniform(size=problem.x.shape) < 0.5] = 0.0
        value, dense = problem(problem.theta)
        dense = dense.copy()
        problem.x = convert(problem.x)
        sparse_value, gradient = problem(problem.theta)
        np.testing.assert_allclose(sparse_value, value, rtol=1e-14)
        np.testing.assert_allclose(gradient, dense, rtol=1e-12, atol=1e-15)
        return coordinate_error(problem, problem.theta)

    assert first_decided(measure, seed=0) <= TOLERANCE


# No gradient ------------------------------------------------------------------------


def test_a_step_without_surrogate_passes_no_gradient_below_it():
    rng = np.random.RandomState(0)
    problem = Problem(Step(), PAIRS[CANONICAL["regression"]], rng)
    problem(problem.theta)
    *below, last = problem.network.dense
    for dense in below:
        assert not dense.weight.grad.any() and not dense.bias.grad.any()
    assert last.weight.grad.any() and last.bias.grad.all()


def test_a_surrogate_learns_with_its_own_slope():
    """The step's value forward, the surrogate's slope at the same z backward."""
    rng = np.random.RandomState(0)
    pair = PAIRS["identity", "squared_error", "regression"]
    problem = Problem(Step("logistic"), pair, rng, sizes=(6,))
    problem(problem.theta)
    first, last = problem.network.dense
    z = problem.x @ first.weight.value + first.bias.value
    a = (z >= 0).astype(float)
    error = (a @ last.weight.value + last.bias.value - problem.y) / len(z)
    s = 1 / (1 + np.exp(-z))
    below = error @ last.weight.value.T * s * (1 - s)
    np.testing.assert_allclose(last.weight.grad, a.T @ error, rtol=1e-12)
    np.testing.assert_allclose(first.weight.grad, problem.x.T @ below, rtol=1e-12)
