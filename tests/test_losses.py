"""Losses: values, gradients, the stable forms, and what they refuse.

Most tests run over `CASES`: every registered name and further settings. A name that is
registered later is found here; only its exact value in `EXACT` is written by hand.
"""

import pickle
import warnings
from dataclasses import fields

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn import metrics
from sklearn._loss import loss as sklearn_loss
from sklearn.base import clone

from sk_mlp import losses
from sk_mlp._component import Interval
from sk_mlp.losses import (
    AbsoluteError,
    Focal,
    GaussianNLL,
    Huber,
    LogCosh,
    LogLoss,
    Loss,
    Quantile,
    SquaredError,
    Tweedie,
)

SETTINGS = {
    "huber": [Huber(0.3)],
    "quantile": [Quantile(0.9), Quantile((0.1, 0.5, 0.8))],
    "tweedie": [Tweedie(power) for power in (-1.5, 0, 1.2, 1.9, 2.5, 3)],
    "gaussian_nll": [GaussianNLL(0.1)],
    "log_loss": [LogLoss(0.1)],
    "focal": [Focal(0.0), Focal(0.5), Focal(1.0), Focal(3.5)],
}


def cases():
    for name in losses.names():
        for loss in (losses.get(name), *SETTINGS.get(name, ())):
            forms = [loss] + [loss.for_target(True)] * (loss.for_target(True) != loss)
            for form in forms:
                kind = "-exclusive" if form is not loss else ""
                yield pytest.param(name, form, id=f"{name}-{loss!r}{kind}")


CASES = list(cases())
RAW_CASES = [case for case in CASES if case.values[1].canonical is not None]
every_loss = pytest.mark.parametrize("name, loss", CASES)
every_raw_loss = pytest.mark.parametrize("name, loss", RAW_CASES)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# Canonical activations and how each turns dL/dp into dL/dz.
LINKS = {
    "identity": (lambda z: z, lambda p, grad: grad),
    "exp": (np.exp, lambda p, grad: grad * p),
    "logistic": (expit, lambda p, grad: grad * p * (1 - p)),
    "softmax": (
        lambda z: softmax(z, axis=1),
        lambda p, grad: p * (grad - np.sum(p * grad, axis=1, keepdims=True)),
    ),
}


def is_exclusive(loss):
    return loss.canonical == "softmax"


def random_targets(loss, n, k, rng):
    """Draw targets inside the domain, its closed ends included."""
    if is_exclusive(loss):
        y = np.eye(k)[rng.integers(k, size=n)]
        y[: n // 2] = rng.dirichlet(np.ones(k), n // 2)  # as smoothing makes them
        return y
    domain = loss.y_domain
    if domain.low == -np.inf:
        return rng.normal(scale=2, size=(n, k))
    if domain.high == np.inf:
        y = domain.low + rng.exponential(size=(n, k)) + 0.01
    else:
        y = rng.uniform(domain.low, domain.high, size=(n, k))
    for i, end in enumerate((domain.low, domain.high)):
        if end in domain:
            y[i::5] = end
    return y


def random_predictions(loss, n, k, rng):
    domain, size = loss.p_domain, (n, k * loss.columns)
    if domain.high < np.inf:
        return rng.uniform(domain.low + 0.02, domain.high - 0.02, size=size)
    if domain.low > -np.inf:
        return domain.low + np.exp(rng.normal(size=size))
    return rng.normal(scale=2, size=size)


def data(loss, n=40, k=3, seed=0):
    rng = np.random.default_rng(seed)
    y = random_targets(loss, n, k, rng)
    z = rng.normal(scale=2, size=(n, k * loss.columns))
    return y, random_predictions(loss, n, k, rng), z


def gradient_of(loss, y, p):
    out = np.full_like(p, np.nan)
    loss.gradient(y, p, out)
    return out


def raw(loss, y, z):
    out = np.full_like(z, np.nan)
    value = loss.raw_value_gradient(y, z, out)
    return value, out


def numerical_gradient(function, x, step=1e-4):
    """Differentiate a row-wise function by central differences of order 4."""
    gradient = np.empty_like(x)
    for j in range(x.shape[1]):
        shift = np.zeros(x.shape[1])
        shift[j] = step
        near = function(x + shift) - function(x - shift)
        far = function(x + 2 * shift) - function(x - 2 * shift)
        gradient[:, j] = (8 * near - far) / (12 * step)
    return gradient


def assert_gradient(got, expected, rtol=1e-7):
    """Compare gradients row by row, relative to the largest entry of the row."""
    scale = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(got - expected) <= rtol * scale + 1e-9).all()


# Gradients and the two ways to compute them -----------------------------------------


@every_loss
def test_gradient_is_the_derivative_of_the_value(name, loss):
    y, p, _ = data(loss)
    expected = numerical_gradient(lambda p: loss.value(y, p), p)
    assert_gradient(gradient_of(loss, y, p), expected)


@every_raw_loss
def test_raw_gradient_is_the_derivative_of_the_raw_value(name, loss):
    y, _, z = data(loss)
    expected = numerical_gradient(lambda z: loss.raw_value(y, z), z)
    assert_gradient(raw(loss, y, z)[1], expected)


@every_raw_loss
def test_raw_form_is_the_general_one_after_the_canonical_activation(name, loss):
    link, chain = LINKS[loss.canonical]
    y, _, z = data(loss)
    p = link(z)
    value, grad = raw(loss, y, z)
    assert_allclose(value, loss.value(y, p), rtol=1e-12, atol=1e-13)
    expected = chain(p, gradient_of(loss, y, p))
    assert_allclose(grad, expected, rtol=1e-11, atol=1e-13)
    assert_array_equal(loss.raw_value(y, z), value)


@every_loss
def test_a_wrong_gradient_would_be_noticed(name, loss):
    y, p, _ = data(loss)
    expected = numerical_gradient(lambda p: loss.value(y, p), p)
    with pytest.raises(AssertionError):
        assert_gradient(1.001 * gradient_of(loss, y, p), expected)


@pytest.mark.parametrize("loss", [AbsoluteError(), Quantile(0.9), Huber(), LogCosh()])
def test_slope_at_a_perfect_prediction_is_zero(loss):
    y = np.array([[0.0], [1.5]])
    assert_array_equal(gradient_of(loss, y, y.copy()), [[0.0], [0.0]])


# Exact values -----------------------------------------------------------------------


def exact_huber(loss, y, z):
    d, delta = abs(z[0] - y[0]), mpf(loss.delta)
    return d * d / 2 if d <= delta else delta * (d - delta / 2)


def exact_log_cosh(loss, y, z):
    d = abs(z[0] - y[0])
    return d + mpmath.log((1 + mpmath.exp(-2 * d)) / 2)


def exact_quantile(loss, y, z):
    levels = np.atleast_1d(loss.levels).tolist()
    return sum(
        max(q * (y[0] - p), (1 - q) * (p - y[0]))
        for q, p in zip(map(mpf, levels), z, strict=True)
    )


def exact_deviance(loss, y, z):
    (y,), (z,), k = y, z, mpf(loss.power)
    if k == 1:
        constant = y * mpmath.log(y) - y if y else mpf(0)
        return constant - y * z + mpmath.exp(z)
    if k == 2:
        return z - mpmath.log(y) + y * mpmath.exp(-z) - 1
    if k == 0:
        return (y - mpmath.exp(z)) ** 2 / 2
    p_terms = mpmath.exp((2 - k) * z) / (2 - k) - y * mpmath.exp((1 - k) * z) / (1 - k)
    return max(y, mpf(0)) ** (2 - k) / ((1 - k) * (2 - k)) + p_terms


def exact_gaussian(loss, y, z):
    v = mpmath.exp(z[1]) + mpf(loss.eps)
    return (mpmath.log(v) + (y[0] - z[0]) ** 2 / v) / 2


def exact_focal(loss, y, z, gamma=None):
    gamma = mpf(loss.gamma) if gamma is None else gamma
    if is_exclusive(loss):
        odds = [mpmath.exp(v - max(z)) for v in z]
        pairs = [(o / sum(odds), (sum(odds) - o) / sum(odds)) for o in odds]
        logs = [v - max(z) - mpmath.log(sum(odds)) for v in z]
        terms = zip(y, pairs, logs, strict=True)
        return -sum(t * q**gamma * log_p for t, (_, q), log_p in terms)
    (y,), (z,) = y, z
    e = mpmath.exp(-abs(z))
    log_p, log_q = min(z, 0) - mpmath.log(1 + e), -max(z, 0) - mpmath.log(1 + e)
    p, q = mpmath.exp(log_p), mpmath.exp(log_q)
    return -(y * q**gamma * log_p + (1 - y) * p**gamma * log_q)


EXACT = {
    "squared_error": lambda loss, y, z: (z[0] - y[0]) ** 2 / 2,
    "absolute_error": lambda loss, y, z: abs(z[0] - y[0]),
    "huber": exact_huber,
    "log_cosh": exact_log_cosh,
    "quantile": exact_quantile,
    "poisson": exact_deviance,
    "gamma": exact_deviance,
    "tweedie": exact_deviance,
    "gaussian_nll": exact_gaussian,
    "log_loss": lambda loss, y, z: exact_focal(loss, y, z, gamma=0),
    "focal": exact_focal,
}


def extreme_rows(loss, dtype, largest):
    """Return targets, and raw outputs of up to ±`largest` in all columns."""
    sizes = [1e-8, 1e-4, 0.1, 1, 2.5, 10, 30, 88, 100, 700, 1e3, 1e30]
    sizes = np.array([s for s in sizes if s <= largest], dtype)
    if largest > 1e30:
        sizes = np.append(sizes, np.finfo(dtype).max)
    grid = np.concatenate([-sizes[::-1], [dtype(-0.0), dtype(0)], sizes])
    if is_exclusive(loss):
        targets, k = np.eye(3, dtype=dtype), 3
    else:
        inside = [v for v in (-1.25, 0, 0.25, 1, 2.5) if v in loss.y_domain]
        targets, k = np.array(inside, dtype)[:, None], 1
    columns = [np.roll(grid, 7 * j) for j in range(k * loss.columns)]
    z = np.column_stack(columns).astype(dtype)
    return np.repeat(targets, len(z), axis=0), np.tile(z, (len(targets), 1))


@both_dtypes
@every_raw_loss
def test_raw_value_is_exact_for_any_output(name, loss, dtype):
    limits = np.finfo(dtype)
    y, z = extreme_rows(loss, dtype, limits.max)
    value, grad = raw(loss, y, z)
    assert not np.isnan(value).any() and not np.isnan(grad).any()
    for y_row, z_row, got in zip(y.tolist(), z.tolist(), value.tolist(), strict=True):
        with mpmath.workdps(50):
            exact = EXACT[name](loss, list(map(mpf, y_row)), list(map(mpf, z_row)))
            exact, got = saturated(exact, limits), saturated(got, limits)
            scale = max(abs(exact), *map(abs, z_row), *map(abs, y_row))
            if isinstance(loss, Tweedie):
                scale = deviance_scale(loss, scale, z_row[0])
            error = abs(got - exact)
        assert error <= 8 * float(limits.eps) * scale, (
            y_row,
            z_row,
            float(got),
            float(exact),
        )


@both_dtypes
@every_raw_loss
def test_raw_gradient_is_exact(name, loss, dtype):
    limits = np.finfo(dtype)
    y, z = extreme_rows(loss, dtype, 1e3)
    keep = (z != np.repeat(y, z.shape[1] // y.shape[1], axis=1)).all(axis=1)  # kinks
    y, z = y[keep], z[keep]
    _, grad = raw(loss, y, z)
    for y_row, z_row, got in zip(y.tolist(), z.tolist(), grad.tolist(), strict=True):
        for j in range(len(z_row)):
            with mpmath.workdps(40):
                exact = exact_derivative(name, loss, y_row, z_row, j)
                scale = max(abs(exact), 1)
                if isinstance(loss, Tweedie):
                    scale *= 1 + abs(z_row[0])
                error = abs(saturated(got[j], limits) - saturated(exact, limits))
            assert error <= 16 * float(limits.eps) * scale, (
                y_row,
                z_row,
                got,
                float(exact),
            )


def deviance_scale(loss, scale, z):
    """Return the size of what is rounded: (1 - k) z before exp, and the terms."""
    k = loss.power
    terms = 1 + (1 / abs((1 - k) * (2 - k)) if k not in (1, 2) else 0)
    return scale * (1 + abs(z) if abs(z) <= 1e3 else 1) * terms


def saturated(x, limits):
    """Cut off near the ends of the float range: beyond them inf is right."""
    top = mpf(float(limits.max)) / 64
    return max(-top, min(top, mpf(x)))


def exact_derivative(name, loss, y_row, z_row, j):
    y, z = list(map(mpf, y_row)), list(map(mpf, z_row))

    def along_column(x):
        return EXACT[name](loss, y, [*z[:j], x, *z[j + 1 :]])

    return mpmath.diff(along_column, z[j])


def test_every_name_has_an_exact_value():
    assert set(EXACT) == set(losses.names())


def test_log_loss_keeps_its_digits_in_both_tails():
    y, z = np.array([[1.0], [0.0]]), np.array([[40.0], [-40.0]])
    value, grad = raw(LogLoss(), y, z)
    assert_allclose(value, np.exp(-40.0), rtol=1e-15)
    assert_allclose(grad, [[-np.exp(-40.0)], [np.exp(-40.0)]], rtol=1e-15)


@both_dtypes
@every_raw_loss
def test_mixed_extremes_give_neither_nan_nor_warning(name, loss, dtype):
    rng = np.random.default_rng(1)
    limits = np.finfo(dtype)
    pool = np.array([0, 1, 30, 100, 1e3, 1e30, limits.max, limits.tiny], dtype)
    y = random_targets(loss, 3000, 3, rng).astype(dtype)
    z = rng.choice(np.append(pool, -pool), size=(3000, 3 * loss.columns))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, grad = raw(loss, y, z)
    assert not np.isnan(value).any() and not np.isnan(grad).any()


@both_dtypes
@pytest.mark.parametrize(
    "name, loss", [c for c in CASES if c.values[1].p_domain != Interval()]
)
def test_predictions_rounded_to_the_ends_of_their_domain(name, loss, dtype):
    limits = np.finfo(dtype)
    ends = np.array([0, limits.smallest_subnormal, 1e-3, 1], dtype)
    if loss.p_domain.high == np.inf:
        ends = np.append(ends, np.array([1e4], dtype))
    inside = [v for v in (-2.0, 0.0, 1e-3, 0.5, 1.0, 7.0) if v in loss.y_domain]
    y, p = (a.ravel()[:, None] for a in np.meshgrid(np.array(inside, dtype), ends))
    y, p = np.hstack([y, y[::-1]]), np.hstack([p, p[::-1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(loss.value(y, p)).all()
        assert np.isfinite(gradient_of(loss, y, p)).all()


PERFECT = [c for c in CASES if c.values[0] != "gaussian_nll"]


@pytest.mark.parametrize("name, loss", PERFECT)
def test_a_perfect_prediction_has_no_loss(name, loss):
    y, _, _ = data(loss, n=100)
    if loss.tasks == {"classification"}:
        y = np.eye(3)[np.arange(100) % 3]  # smoothed targets keep their entropy
    if loss.p_domain.low == 0 and 0.0 not in loss.p_domain:
        y = np.abs(y) + 0.01
    p = np.repeat(y, loss.columns, axis=1)
    exact = not isinstance(loss, Tweedie)
    assert_allclose(loss.value(y, p), 0, atol=0 if exact else 2e-13)


@pytest.mark.parametrize("name, loss", PERFECT)
def test_no_loss_is_negative(name, loss):
    y, p, _ = data(loss, n=2000)
    if isinstance(loss, Tweedie) and loss.power < 0:
        y = np.abs(y)  # nothing fits a negative y
    assert loss.value(y, p).min() >= 0


# Other packages ---------------------------------------------------------------------


@pytest.mark.parametrize("power", [-1, 0, 1, 1.3, 1.9, 2, 3])
def test_deviances_are_half_of_those_of_scikit_learn(power):
    loss = Tweedie(power)
    y, p, z = data(loss, k=1)
    if power < 0:
        y, p = y[y > 0, None], p[y > 0, None]  # the metric's domain in old versions
    expected = metrics.mean_tweedie_deviance(y.ravel(), p.ravel(), power=power) / 2
    assert_allclose(loss.value(y, p).mean(), expected, rtol=1e-12)
    y, _, z = data(loss, k=1)
    theirs = sklearn_loss.HalfTweedieLoss(power=power)
    value, grad = raw(loss, y, z)
    expected, expected_grad = theirs.loss_gradient(y.ravel(), z.ravel())
    constant = theirs.constant_to_optimal_zero(y.ravel())
    assert_allclose(value, expected + constant, rtol=1e-12, atol=1e-12)
    assert_allclose(grad.ravel(), expected_grad, rtol=1e-12, atol=1e-12)


def test_named_deviances_are_those_of_scikit_learn():
    for name in ("poisson", "gamma"):
        loss = losses.get(name)
        y, p, _ = data(loss, k=1)
        metric = getattr(metrics, f"mean_{name}_deviance")
        assert_allclose(loss.value(y, p).mean(), metric(y, p) / 2, rtol=1e-12)


def test_quantile_loss_is_the_one_of_scikit_learn():
    loss = Quantile((0.1, 0.5, 0.9))
    y, p, _ = data(loss, k=1)
    expected = sum(
        metrics.mean_pinball_loss(y.ravel(), p[:, i], alpha=q)
        for i, q in enumerate(loss.levels)
    )
    assert_allclose(loss.value(y, p).mean(), expected, rtol=1e-12)


def test_errors_are_those_of_scikit_learn():
    y, p, _ = data(SquaredError())
    value = SquaredError().value(y, p).mean()
    mse = metrics.mean_squared_error(y, p, multioutput=[1, 1, 1])
    assert_allclose(value, 3 * mse / 2, rtol=1e-12)
    mae = metrics.mean_absolute_error(y, p)
    assert_allclose(AbsoluteError().value(y, p).mean(), 3 * mae, rtol=1e-12)


def test_class_losses_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(scale=4, size=(50, 3)), rng.integers(3, size=50)
    y, p = np.eye(3)[labels], softmax(z, axis=1)
    value, grad = raw(LogLoss().for_target(True), y, z)
    assert_allclose(value.mean(), metrics.log_loss(labels, p), rtol=1e-12)
    theirs = sklearn_loss.HalfMultinomialLoss(n_classes=3)
    expected, expected_grad = theirs.loss_gradient(labels.astype(float), z)
    assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    assert_allclose(grad, expected_grad, rtol=1e-12, atol=1e-15)
    first, positive = np.ascontiguousarray(z[:, :1]), y[:, :1]
    value, grad = raw(LogLoss(), positive, first)
    theirs = sklearn_loss.HalfBinomialLoss()
    expected, expected_grad = theirs.loss_gradient(positive.ravel(), first.ravel())
    assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    assert_allclose(grad.ravel(), expected_grad, rtol=1e-12, atol=1e-15)
    p = expit(first)
    brier = metrics.brier_score_loss(positive.ravel(), p.ravel())
    assert_allclose(2 * SquaredError().value(positive, p).mean(), brier, rtol=1e-12)


def torch_value_gradient(function, *inputs):
    torch = pytest.importorskip("torch")
    inputs = [torch.tensor(x, requires_grad=True) for x in inputs]
    value = function(torch, *inputs)
    value.sum().backward()
    value = value.detach().numpy()
    grad = np.hstack([x.grad.numpy() for x in inputs])
    return value.sum(axis=1) if value.ndim == 2 else value, grad


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_log_loss_of_exclusive_classes_is_that_of_torch(smoothing):
    loss = LogLoss(smoothing).for_target(True)
    rng = np.random.default_rng(0)
    z, labels = rng.normal(scale=4, size=(50, 5)), rng.integers(5, size=50)

    def cross_entropy(torch, z):
        settings = {"reduction": "none", "label_smoothing": smoothing}
        return torch.nn.CrossEntropyLoss(**settings)(z, torch.tensor(labels))

    expected, expected_grad = torch_value_gradient(cross_entropy, z)
    value, grad = raw(loss, loss.prepare(np.eye(5)[labels]), z)
    assert_allclose(value, expected, rtol=1e-12, atol=1e-13)
    assert_allclose(grad, expected_grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "loss, torch_name, settings",
    [
        (LogLoss(), "BCEWithLogitsLoss", {}),
        (Huber(0.7), "HuberLoss", {"delta": 0.7}),
        (AbsoluteError(), "L1Loss", {}),
    ],
)
def test_loss_is_that_of_torch(loss, torch_name, settings):
    y, _, z = data(loss)

    def theirs(torch, z):
        function = getattr(torch.nn, torch_name)(reduction="none", **settings)
        return function(z, torch.tensor(y))

    expected, expected_grad = torch_value_gradient(theirs, z)
    value, grad = raw(loss, y, z)
    assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    assert_allclose(grad, expected_grad, rtol=1e-12, atol=1e-14)


def test_gaussian_likelihood_is_that_of_torch():
    loss = GaussianNLL(0.01)
    y, p, _ = data(loss)

    def theirs(torch, mean, s):
        # Its own eps is a lower bound of the variance, ours is added to it.
        function = torch.nn.GaussianNLLLoss(reduction="none", eps=1e-12)
        return function(mean, torch.tensor(y), torch.exp(s) + loss.eps)

    expected, expected_grad = torch_value_gradient(theirs, p[:, :3], p[:, 3:])
    assert_allclose(loss.value(y, p), expected, rtol=1e-12)
    assert_allclose(gradient_of(loss, y, p), expected_grad, rtol=1e-12, atol=1e-13)


# Arrays -----------------------------------------------------------------------------


@every_loss
def test_float32_stays_float32(name, loss):
    y, p, z = (a.astype(np.float32) for a in data(loss))
    assert loss.prepare(y).dtype == np.float32
    assert loss.predict(p).dtype == np.float32
    value = loss.value(y, p)
    assert value.dtype == np.float32 and value.shape == (40,)
    expected = loss.value(y.astype(np.float64), p.astype(np.float64))
    assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    if loss.canonical is not None:
        value, grad = raw(loss, y, z)
        assert value.dtype == np.float32 and value.shape == (40,)
        value64, grad64 = raw(loss, y.astype(np.float64), z.astype(np.float64))
        assert_allclose(value, value64, rtol=1e-4, atol=1e-5)
        assert_allclose(grad, grad64, rtol=1e-4, atol=1e-5)


@every_loss
def test_groups_of_columns_of_wider_arrays(name, loss):
    y, p, z = data(loss)

    def within(a):
        wide = np.full((len(a), a.shape[1] + 3), 7.0)
        group = wide[:, 2:-1]
        group[:] = a
        return wide, group

    def untouched(wide):
        return (wide[:, :2] == 7).all() and (wide[:, -1] == 7).all()

    (wide_y, y_view), (_, p_view), (wide_out, out) = within(y), within(p), within(p)
    assert_array_equal(loss.value(y_view, p_view), loss.value(y, p))
    loss.gradient(y_view, p_view, out)
    assert_array_equal(out, gradient_of(loss, y, p))
    assert_array_equal(p_view, p)
    assert untouched(wide_out) and untouched(wide_y)
    if loss.canonical is not None:
        wide_z, z_view = within(z)
        value, grad = raw(loss, y, z)
        got = loss.raw_value_gradient(y_view, z_view, z_view)  # in place
        assert_allclose(got, value, rtol=1e-14)
        assert_allclose(z_view, grad, rtol=1e-14)
        assert_array_equal(y_view, y)
        assert untouched(wide_z)


@every_loss
def test_rows_do_not_depend_on_one_another(name, loss):
    y, p, z = data(loss, n=7)
    assert_allclose(loss.value(y[3:4], p[3:4]), loss.value(y, p)[3:4], rtol=1e-14)
    if loss.canonical is not None:
        expected = loss.raw_value(y, z)[3:4]
        assert_allclose(loss.raw_value(y[3:4], z[3:4]), expected, rtol=1e-14)


# Single losses ----------------------------------------------------------------------


@pytest.mark.parametrize("exclusive", [False, True])
def test_focal_loss_without_focus_is_the_log_loss(exclusive):
    focal, log = Focal(0.0).for_target(exclusive), LogLoss().for_target(exclusive)
    y, p, z = data(log)
    p[:2] = [[0, 1, 0], [1, 0, 0]]
    assert_allclose(focal.value(y, p), log.value(y, p), rtol=1e-14)
    assert_allclose(gradient_of(focal, y, p), gradient_of(log, y, p), rtol=1e-14)
    for got, expected in zip(raw(focal, y, z), raw(log, y, z), strict=True):
        assert_allclose(got, expected, rtol=1e-13, atol=1e-15)


def test_label_smoothing_changes_the_targets():
    y = np.eye(4)
    loss = LogLoss(0.2)
    assert_allclose(loss.prepare(y), 0.8 * y + 0.1)
    assert_allclose(loss.for_target(True).prepare(y), 0.8 * y + 0.05)
    assert LogLoss().prepare(y) is y
    assert LogLoss().for_target(True).prepare(y) is y


def test_forms_of_the_class_losses():
    for loss in (LogLoss(0.1), Focal(1.5)):
        exclusive = loss.for_target(True)
        assert loss.canonical == "logistic" and exclusive.canonical == "softmax"
        assert exclusive.get_params() == loss.get_params()
        assert loss.for_target(False) is loss
    assert SquaredError().for_target(True) == SquaredError()


def test_quantiles_are_sorted():
    p = np.array([[3.0, 1.0, 2.0, 9.0, 8.0, 7.0]])
    three = Quantile((0.1, 0.5, 0.9))
    assert three.columns == 3
    assert_array_equal(three.predict(p), [[[1, 2, 3], [7, 8, 9]]])
    assert_array_equal(three.predict(p[:, :3]), [[1, 2, 3]])
    assert_array_equal(p[0, :3], [3, 1, 2])
    for one in (Quantile(0.5), Quantile((0.5,))):
        assert one.columns == 1
        assert_array_equal(one.predict(p), p)


def test_quantile_levels_belong_to_their_columns():
    y, p = np.array([[0.0, 10.0]]), np.array([[-1.0, 2.0, 9.0, 14.0]])
    loss = Quantile((0.1, 0.8))
    assert_allclose(loss.value(y, p), [0.1 + 0.4 + 0.1 + 0.8])
    assert_allclose(gradient_of(loss, y, p), [[-0.1, 0.2, -0.1, 0.2]], rtol=1e-15)


def test_gaussian_prediction():
    loss = GaussianNLL(eps=0.25)
    p = np.array([[1.0, 2.0, 0.0, -1e4], [3.0, 4.0, 1400.0, np.log(2)]])
    assert_array_equal(loss.predict(p), [[1, 2], [3, 4]])
    expected = [[1.25**0.5, 0.5], [np.exp(700.0), 2.25**0.5]]
    assert_allclose(loss.std(p), expected, rtol=1e-13)
    assert (loss.columns, loss.linear_columns) == (2, 1)


def test_smallest_eps_does_not_divide_by_zero():
    y, z = np.array([[1.0]], np.float32), np.array([[1.0, -1e4]], np.float32)
    value, grad = raw(GaussianNLL(1e-300), y, z)
    assert np.isfinite(value).all() and np.isfinite(grad).all()


@pytest.mark.parametrize(
    "target, activation",
    [
        ("binary", "logistic"),
        ("multilabel", "logistic"),
        ("multiclass", "softmax"),
        ("multioutput", "softmax"),
    ],
)
def test_default_output_activation_of_classes(target, activation):
    for name in losses.names():
        if "classification" in losses.get(name).tasks:
            assert losses.get(name).default_activation(target) == activation


@every_loss
def test_default_output_activation_lies_in_the_domain(name, loss):
    if "regression" in loss.tasks:
        expected = "exp" if loss.p_domain.low == 0 else "identity"
        assert loss.default_activation("regression") == expected


# As components ----------------------------------------------------------------------


@every_loss
def test_facts(name, loss):
    assert loss.tasks <= {"classification", "regression"} and loss.tasks
    assert isinstance(loss.y_domain, Interval) and isinstance(loss.p_domain, Interval)
    assert 0 <= loss.linear_columns < loss.columns
    loss.check()


@every_loss
def test_clone_pickle_and_equality(name, loss):
    for twin in (clone(loss), pickle.loads(pickle.dumps(loss))):
        assert twin == loss and twin is not loss
        assert repr(twin) == repr(loss)
    for field in fields(loss):
        assert clone(loss).set_params(**{field.name: 0.123}) != loss


def test_repr_shows_what_was_changed():
    assert repr(Huber(1.5)) == "Huber(delta=1.5)"
    assert repr(Huber()) == "Huber()"
    assert repr(losses.get("poisson")) == "Tweedie(power=1.0)"


@pytest.mark.parametrize("name", losses.names())
def test_names_resolve(name):
    loss = losses.get(name)
    assert losses.get(loss) is loss
    assert loss.registered_name == name


def test_names_of_this_release():
    assert losses.names() == sorted(EXACT)
    with pytest.raises(
        ValueError, match=r"must be a str among .*'huber'.*Did you mean"
    ):
        losses.get("hubert")
    with pytest.raises(TypeError, match=r"Pass an instance: Huber\(\)"):
        losses.get(Huber)


BAD = [
    (Huber, "delta", [0, -1.0, np.inf, np.nan], ["1", None, True, (1.0,)], "(0, inf)"),
    (Focal, "gamma", [-0.1, np.inf, np.nan], ["2", None, False], "[0, inf)"),
    (LogLoss, "label_smoothing", [-0.1, 1.0, np.nan], ["0", None, True], "[0, 1)"),
    (GaussianNLL, "eps", [0.0, -1.0, np.inf, np.nan], ["0", None, True], "(0, inf)"),
    (
        Tweedie,
        "power",
        [0.5, np.inf, -np.inf, np.nan, 0.999],
        ["1", None, True],
        "(-inf, 0] or [1, inf)",
    ),
    (
        Quantile,
        "levels",
        [0.0, 1.0, -0.5, np.nan, (), (0.5, 0.5), (0.9, 0.1), (0.5, 1.0), (0.5, np.nan)],
        ["0.5", None, True, ("0.5",), (0.5, None), np.array([0.1, 0.5])],
        "(0, 1) or a tuple of increasing ones",
    ),
]


@pytest.mark.parametrize(
    "cls, field, value, error, allowed",
    [
        (cls, field, value, error, allowed)
        for cls, field, values, types, allowed in BAD
        for error, bad in ((ValueError, values), (TypeError, types))
        for value in bad
    ],
)
def test_bad_hyper_parameters(cls, field, value, error, allowed):
    loss = cls(**{field: value})  # never an error here
    with pytest.raises(error) as info:
        loss.check()
    assert str(info.value) == (
        f"The {field!r} parameter of {cls.__name__} must be a float in the range "
        f"{allowed}. Got {value!r} instead."
    )


def test_every_hyper_parameter_is_checked():
    checked = {(cls, field) for cls, field, *_ in BAD}
    for name in losses.names():
        for field in fields(losses.get(name)):
            assert (type(losses.get(name)), field.name) in checked


@pytest.mark.parametrize(
    "loss",
    [Huber(np.float32(0.5)), Focal(2), Quantile([0.1, 0.9]), Tweedie(np.int64(3))],
)
def test_any_kind_of_number_is_accepted(loss):
    loss.check()
    assert np.isfinite(loss.value(*data(loss)[:2])).all()


@pytest.mark.parametrize(
    "loss, y, message",
    [
        (
            "poisson",
            [1, -1, 2],
            "'poisson': expected y in [0, inf), got a minimum of -1.",
        ),
        ("gamma", [1.0, 0.0], "'gamma': expected y in (0, inf), got a minimum of 0."),
        (
            Tweedie(2.5),
            [[1.0, -0.25]],
            "Tweedie(power=2.5): expected y in (0, inf), got a minimum of -0.25.",
        ),
        (
            "log_loss",
            [0.0, 1.5],
            "'log_loss': expected y in [0, 1], got a maximum of 1.5.",
        ),
        (
            "huber",
            [0.0, np.nan],
            "'huber': expected y in (-inf, inf), got a minimum of nan.",
        ),
    ],
)
def test_targets_outside_the_domain(loss, y, message):
    with pytest.raises(ValueError) as info:
        losses.get(loss).check_target(np.array(y))
    start = "Some value(s) of y are out of the valid range of the loss "
    assert str(info.value) == start + message


@every_loss
def test_targets_inside_the_domain(name, loss):
    loss.check_target(data(loss)[0])


def test_a_loss_of_ones_own():
    @losses.register("cubic_error")
    class CubicError(Loss):
        def value(self, y, p):
            return np.sum(np.abs(p - y) ** 3, axis=1)

        def gradient(self, y, p, out):
            np.multiply(3 * (p - y), np.abs(p - y), out=out)

    try:
        assert "cubic_error" in losses.names()
        loss = losses.get("cubic_error")
        assert loss == CubicError() and loss.canonical is None
        assert loss.default_activation("regression") == "identity"
        y, p, _ = data(loss)
        expected = numerical_gradient(lambda p: loss.value(y, p), p)
        assert_allclose(gradient_of(loss, y, p), expected, rtol=1e-7, atol=1e-9)
        assert_array_equal(raw(loss, y, p)[1], gradient_of(loss, y, p))
        with pytest.raises(ValueError, match="'cubic_error'"):
            losses.get("cubic")
    finally:
        losses._REGISTRY.unregister("cubic_error")
    assert "cubic_error" not in losses.names()


def test_a_loss_must_define_value_and_gradient():
    y = np.zeros((1, 1))
    with pytest.raises(NotImplementedError, match=r"must define value\(\)"):
        Loss().value(y, y)
    with pytest.raises(NotImplementedError, match=r"must define gradient\(\)"):
        Loss().gradient(y, y, y)
