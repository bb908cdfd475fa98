"""The head: shortcut against chain, refused pairs, groups, weights, tails."""

from functools import partial

import numpy as np
import pytest
from gradcheck import (
    TARGETS,
    activation_variants,
    head_pairs,
    loss_variants,
    make_head,
)
from numpy.testing import assert_allclose, assert_array_equal

from sk_mlp import _numerics, activations, losses
from sk_mlp._head import Head
from sk_mlp.activations import LeakyReLU, Logistic, Step
from sk_mlp.losses import Huber, LogLoss, Quantile

PAIRS, REFUSED = head_pairs(activation_variants())
N_ROWS = 11


def ready(key, canonical=None, dtype=np.float64):
    """Return a head with initial shape parameters, and its targets."""
    activation, loss, target = PAIRS[key]
    head = make_head(activation, loss, target)
    if canonical is not None:
        head.canonical = canonical
    for parameter in head.parameters:
        parameter.value = np.empty(parameter.shape, dtype)
        parameter.grad = np.empty(parameter.shape, dtype)
    head.activate.initialize()
    head.allocate(N_ROWS, dtype)
    y = target.draw(loss, N_ROWS, np.random.RandomState(1)).astype(dtype)
    return head, head.prepare(y)


CANONICAL = [key for key in PAIRS if ready(key)[0].canonical]
every_canonical = pytest.mark.parametrize("key", CANONICAL, ids=" ".join)


def raw(head, scale=2.0, seed=0):
    return scale * np.random.RandomState(seed).standard_normal((N_ROWS, head.width))


def weights():
    w = np.random.RandomState(2).uniform(0.1, 2.0, (N_ROWS, 1))
    w[3] = 0.0
    return w


# The stable shortcut ----------------------------------------------------------------


def test_every_loss_has_its_canonical_head():
    assert {key[1] for key in CANONICAL} == set(loss_variants())
    expected = {
        ("softmax", "log_loss", "multiclass"),
        ("softmax", "focal", "multioutput"),
        ("softmax", "log_loss", "binary"),
        ("logistic", "log_loss", "binary"),
        ("logistic", "log_loss", "multiclass"),  # one against the rest
        ("logistic", "focal", "multilabel"),
        ("identity", "squared_error", "regression"),
        ("identity", "gaussian_nll", "regression"),
        ("exp", "poisson", "regression"),
    }
    assert expected - {("softmax", "log_loss", "binary")} <= set(CANONICAL)


@every_canonical
@pytest.mark.parametrize("weighted", [False, True])
def test_the_shortcut_equals_the_general_chain(key, weighted):
    w = weights() if weighted else None
    results = []
    for canonical in (True, False):
        head, y = ready(key, canonical)
        total, grad = head.loss_grad(raw(head), y, w, 0.3)
        mean = head.mean_loss(raw(head), y, w)
        results.append((total, grad, mean))
    for short, general in zip(*results, strict=True):
        assert_allclose(general, short, rtol=1e-10, atol=1e-12 * np.abs(short).max())


@every_canonical
def test_the_shortcut_is_finite_where_the_chain_saturates(key):
    """Raw outputs as large as the value can hold, and no warning."""
    for dtype, limit in ((np.float32, 30.0), (np.float64, 80.0)):
        head, y = ready(key, dtype=dtype)
        z = np.clip(raw(head, scale=limit), -limit, limit).astype(dtype)
        assert np.isfinite(head.mean_loss(z, y))
        total, grad = head.loss_grad(z, y, None, 1.0)
        assert grad.dtype == dtype
        assert isinstance(total, float) and np.isfinite(total)
        assert np.isfinite(grad).all()


def test_the_shortcut_needs_the_very_settings():
    """A slope other than 1 is not the activation for which the formulas hold."""
    for activation in (Logistic(slope=2.0), Logistic(trainable=True)):
        assert not Head(activation, LogLoss(), 3, None, True).canonical
    assert Head(Logistic(), LogLoss(), 3, None, True).canonical
    assert Head(Logistic(slope=1), LogLoss(), 3, None, True).canonical


def test_the_shortcut_is_that_of_the_loss_itself():
    """A subclass with other values has none; one with another rho has its parent's."""

    class Other(LogLoss):
        def value(self, y, p):
            return 2 * super().value(y, p)

    class Cubic(Huber):
        def _rho(self, d):
            return np.abs(d) ** 3

        def _slope(self, d, out):
            np.multiply(3 * np.abs(d), d, out=out)

    class Renamed(LogLoss):
        tasks = frozenset({"classification"})

    def is_canonical(name, loss, n_columns=3, groups=None):
        return Head(activations.get(name), loss, n_columns, groups).canonical

    one = (slice(0, 3),)
    for loss, expected in ((LogLoss(), True), (Renamed(), True), (Other(), False)):
        assert is_canonical("logistic", loss) == expected
        assert is_canonical("softmax", loss, 3, one) == expected
    assert is_canonical("identity", Cubic())
    assert isinstance(Head(activations.get("softmax"), Other(), 3, one).loss, Other)


# Value and gradient -----------------------------------------------------------------


@pytest.mark.parametrize("key", PAIRS, ids=" ".join)
def test_the_value_is_the_loss_of_the_predictions(key):
    """From the parts: activation, then loss, group by group, times the weights."""
    head, y = ready(key)
    if head.activate.random:
        head.activate._noise.fill(head.activate.activation.expected)
    z, w = raw(head), weights()
    p = head.predict(z.copy())
    columns = range(len(head.groups))
    value = sum(
        head.loss.value(y[:, head.groups[k]], p[:, head.groups[k]])
        if len(head.groups) > 1
        else head.loss.value(y, p)
        for k in columns
    )
    total, _ = head.loss_grad(z.copy(), y, w, 1.0)
    assert_allclose(total, (value * w[:, 0]).sum(), rtol=1e-9)
    assert_allclose(head.mean_loss(z.copy(), y), value.mean(), rtol=1e-9)
    mean = np.average(value, weights=w[:, 0])
    assert_allclose(head.mean_loss(z.copy(), y, w), mean, rtol=1e-9)


SOME = [
    ("softmax", "log_loss", "multioutput"),
    ("softmax", "squared_error", "multioutput"),
    ("hard_sigmoid", "log_loss", "multilabel"),
    ("logistic, trainable=True", "focal", "multilabel"),
    ("tanh", "gaussian_nll", "regression"),
    ("exp", "poisson", "regression"),
    ("identity", "Quantile(levels=(0.1, 0.5, 0.9))", "regression"),
]


@pytest.mark.parametrize("key", SOME, ids=" ".join)
def test_rows_are_independent_and_weights_and_scale_multiply(key):
    head, y = ready(key)
    z, w = raw(head), weights()
    _, grad = head.loss_grad(z.copy(), y, None, 1.0)
    grad = grad.copy()
    rows = [
        head.loss_grad(z[k : k + 1].copy(), y[k : k + 1], None, 1.0)
        for k in range(N_ROWS)
    ]
    total, weighted = head.loss_grad(z.copy(), y, w, 0.25)
    assert_allclose(weighted, 0.25 * w * grad, rtol=1e-12, atol=1e-15)
    assert_allclose(total, sum(w[k, 0] * rows[k][0] for k in range(N_ROWS)))
    assert_array_equal(weighted[3], np.zeros(head.width))


@pytest.mark.parametrize("key", SOME, ids=" ".join)
def test_blocks_do_not_change_the_result(key, monkeypatch):
    results = []
    for block in (_numerics.BLOCK, 20):
        monkeypatch.setattr(_numerics, "BLOCK", block)
        head, y = ready(key)
        total, grad = head.loss_grad(raw(head), y, weights(), 0.5)
        shape = [parameter.grad for parameter in head.parameters]
        results.append([total, grad, head.mean_loss(raw(head), y, weights()), *shape])
    for one, several in zip(*results, strict=True):
        assert_allclose(several, one, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("key", SOME, ids=" ".join)
def test_fewer_rows_than_allocated(key):
    head, y = ready(key)
    _, whole = head.loss_grad(raw(head), y, None, 1.0)
    whole = whole.copy()
    _, part = head.loss_grad(raw(head)[:4], y[:4], None, 1.0)
    assert part.shape == (4, head.width)
    assert_allclose(part, whole[:4], rtol=1e-14)


# Refused pairs ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "output, loss, kind, activation_range, domain",
    [
        ("tanh", "log_loss", "multilabel", "(-1, 1)", "[0, 1]"),
        ("identity", "log_loss", "binary", "(-inf, inf)", "[0, 1]"),
        ("relu", "focal", "multiclass", "[0, inf)", "[0, 1]"),
        ("relu", "squared_error", "multiclass", "[0, inf)", "[0, 1]"),
        ("exp", "squared_error", "binary", "(0, inf)", "[0, 1]"),
        ("identity", "poisson", "regression", "(-inf, inf)", "(0, inf)"),
        ("relu", "gamma", "regression", "[0, inf)", "(0, inf)"),
        ("hard_sigmoid", "tweedie", "regression", "[0, 1]", "(0, inf)"),
    ],
)
def test_refusals_name_both_intervals_and_a_way_out(
    output, loss, kind, activation_range, domain
):
    text = REFUSED[output, loss, kind]
    assert f"output_activation={output!r} has the range {activation_range}" in text
    assert f"but loss={loss!r} needs " in text
    assert f"in {domain}." in text
    assert "output_activation='auto'" in text
    what = "class probabilities" if kind != "regression" else "predictions"
    assert what in text


def test_refusals_show_unnamed_objects():
    with pytest.raises(ValueError, match=r"output_activation=LeakyReLU\(neg.*=0.3\)"):
        Head(LeakyReLU(0.3), losses.get("poisson"), 2)
    with pytest.raises(ValueError, match=r"loss=LogLoss\(label_smoothing=0.2\)"):
        Head(activations.get("tanh"), LogLoss(0.2), 2, probabilities=True)


@pytest.mark.parametrize("loss", losses.names())
def test_every_refusal_is_of_the_two_kinds(loss):
    texts = {text for key, text in REFUSED.items() if key[1] == loss}
    for text in texts:
        assert (" has the range " in text) != (" has no gradient" in text)


def test_a_step_cannot_end_a_network_without_a_surrogate():
    with pytest.raises(ValueError, match=r"'step' has no gradient.*'auto'.*surrogate"):
        Head(Step(), losses.get("squared_error"), 2)
    Head(Step("logistic"), losses.get("squared_error"), 2)


def test_the_default_activation_of_every_loss_is_admissible_and_canonical():
    for label, loss in loss_variants().items():
        for kind, target in TARGETS.items():
            if target.task in loss.tasks:
                name = loss.default_activation(kind)
                head = make_head(activations.get(name), loss, target)
                brier = target.task == "classification" and label == "squared_error"
                assert head.canonical != brier, (label, kind)


# Targets and widths -----------------------------------------------------------------


def test_outputs_per_target_column():
    identity = activations.get("identity")
    assert Head(identity, losses.get("squared_error"), 3).width == 3
    assert Head(identity, Quantile((0.1, 0.5, 0.9)), 2).width == 6
    assert Head(identity, losses.get("gaussian_nll"), 3).width == 6


def test_log_variances_bypass_the_output_activation():
    head, y = ready(("exp", "gaussian_nll", "regression"))
    z = raw(head)
    p = head.predict(z.copy())
    assert_allclose(p[:, :3], np.exp(z[:, :3]), rtol=1e-13)
    assert_array_equal(p[:, 3:], z[:, 3:])
    total, _ = head.loss_grad(z.copy(), y, None, 1.0)
    v = np.exp(z[:, 3:]) + 1e-6
    expected = 0.5 * (np.log(v) + (y - np.exp(z[:, :3])) ** 2 / v).sum()
    assert_allclose(total, expected, rtol=1e-12)


@pytest.mark.parametrize("output", ["softmax", "logistic"])
def test_exclusive_classes_count_only_under_a_softmax(output):
    """One-hot rows: -sum y log p with softmax, else each column against the rest."""
    head, y = ready((output, "log_loss", "multiclass"))
    z = raw(head)
    p = head.predict(z.copy())
    expected = -(y * np.log(p)).sum()
    if output == "logistic":
        expected -= ((1 - y) * np.log1p(-p)).sum()
    assert_allclose(head.loss_grad(z.copy(), y, None, 1.0)[0], expected, rtol=1e-12)


def test_labels_are_smoothed_within_their_group():
    groups = TARGETS["multioutput"].groups
    make = partial(Head, loss=LogLoss(0.3), n_columns=6, groups=groups)
    y = np.array([[1.0, 0, 0, 0, 1, 0]])
    softmax = make(activations.get("softmax")).prepare(y)
    assert_allclose(softmax, [[0.85, 0.15, 0.075, 0.075, 0.775, 0.075]])
    logistic = make(activations.get("logistic")).prepare(y)
    assert_allclose(logistic, [[0.85, 0.15, 0.15, 0.15, 0.85, 0.15]])


def test_probabilities_keep_their_tails():
    head, _ = ready(("logistic", "log_loss", "binary"))
    assert_allclose(head.predict(np.array([[-60.0]])), np.exp([[-60.0]]), rtol=1e-14)


def test_prediction_leaves_the_raw_outputs():
    for key in SOME:
        head, y = ready(key)
        z = raw(head)
        before = z.copy()
        head.predict(z)
        head.mean_loss(z, y)
        assert_array_equal(z, before)


@pytest.mark.parametrize("loss", [LogLoss(), losses.get("focal")], ids=repr)
def test_a_confidently_wrong_row_still_learns_without_the_shortcut(loss):
    """A slope other than 1 takes the general chain, which needs accurate tails."""
    head = Head(Logistic(slope=1.5), loss, 1, probabilities=True)
    head.allocate(2, np.float32)
    z, y = np.float32([[-30.0], [-3.0]]), np.float32([[1.0], [1.0]])
    assert not head.canonical
    value, grad = head.loss_grad(z.copy(), y, None, 1.0)
    assert_allclose(value, 45.0 + loss.raw_value(y[1:], 1.5 * z[1:])[0], rtol=1e-5)
    assert_allclose(grad[0, 0], -1.5, rtol=1e-5)


def test_softmax_over_a_single_output_is_refused():
    with pytest.raises(ValueError, match="over a single output is always 1"):
        Head(activations.get("softmax"), losses.get("squared_error"), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_do_not_overflow(dtype):
    head = Head(activations.get("exp"), losses.get("poisson"), 1)
    p = head.predict(np.array([[1e4], [0.0], [-1e4]], dtype))
    assert_array_equal(p, np.array([[np.finfo(dtype).max], [1.0], [0.0]], dtype))


def test_rows_of_no_weight_may_be_infinitely_wrong():
    head = Head(activations.get("identity"), losses.get("squared_error"), 1)
    z, y = np.array([[1e200], [1.0], [3.0]]), np.zeros((3, 1))
    w = np.array([[0.0], [2.0], [1.0]])
    with np.errstate(all="ignore"):
        total, grad = head.loss_grad(z, y, w, 1.0)
    assert total == 0.5 * (2 * 1 + 1 * 9)
    assert_array_equal(grad, [[0], [2], [3]])
