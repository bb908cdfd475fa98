"""Every activation of the registry: exact, safe, honest about its facts.

All tests run over ``names()``, so that a newly registered activation is covered at
once; it needs one line in REFERENCE, its formula in mpmath.
"""

import pickle
import warnings
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from sk_mlp import MLPClassifier, activations
from sk_mlp._component import Interval
from sk_mlp.activations import ELU, Activation, Softplus, get, names

DTYPES = (np.float32, np.float64)


# --- references in 50 digits, one formula per name ---------------------------------


def sigma(z):
    return 1 / (1 + mp.exp(-z))


def elu(z, alpha):
    return z if z > 0 else alpha * mp.expm1(z)


def leaky(z, slope):
    return z if z > 0 else slope * z


def clip(z, low, high):
    return min(max(z, mp.mpf(low)), mp.mpf(high))


def gelu_tanh(z):
    inner = mp.sqrt(2 / mp.pi) * (z + mp.mpf("0.044715") * z**3)
    return z / 2 * (1 + mp.tanh(inner))


def selu(z):
    scale = mp.mpf("1.0507009873554804934193349852946")
    return scale * elu(z, mp.mpf("1.6732632423543772848170429916717"))


REFERENCE = {
    "identity": lambda z, m: m * z,
    "step": lambda z: mp.mpf(z >= 0),
    "logistic": lambda z, a: sigma(a * z),
    "tanh": lambda z, a: mp.tanh(a * z),
    "msaf": lambda z, *r: sigma(z) + sum(sigma(z + s) for s in r),
    "symmetric_msaf": lambda z, r: sigma(z + r / 2) + sigma(z - r / 2) - 1,
    "relu": lambda z: max(z, mp.mpf(0)),
    "relu6": lambda z: clip(z, 0, 6),
    "leaky_relu": leaky,
    "prelu": leaky,
    "rrelu": leaky,
    "elu": elu,
    "celu": lambda z, alpha: alpha * elu(z / alpha, 1),
    "selu": selu,
    "gelu": lambda z: z * mp.ncdf(z),
    "gelu_tanh": gelu_tanh,
    "silu": lambda z, beta: z * sigma(beta * z),
    "swish_beta": lambda z, beta: z * sigma(beta * z),
    "mish": lambda z: z * mp.tanh(mp.log1p(mp.exp(z))),
    "softplus": lambda z, beta: mp.log1p(mp.exp(beta * z)) / beta,
    "softsign": lambda z: z / (1 + abs(z)),
    "hard_tanh": lambda z: clip(z, -1, 1),
    "hard_sigmoid": lambda z: clip(z / 6 + mp.mpf(1) / 2, 0, 1),
    "hard_swish": lambda z: z * clip(z / 6 + mp.mpf(1) / 2, 0, 1),
    "gaussian": lambda z: mp.exp(-(z**2)),
    "sine": mp.sin,
    "exp": mp.exp,
    "softmax": None,  # not elementwise: test_softmax_values
}

# What f and f' tend to at -inf and +inf; None where there is no limit.
LIMITS = {
    "identity": ((-np.inf, np.inf), (1, 1)),
    "step": ((0, 1), (0, 0)),
    "logistic": ((0, 1), (0, 0)),
    "tanh": ((-1, 1), (0, 0)),
    "msaf": ((0, 2), (0, 0)),
    "symmetric_msaf": ((-1, 1), (0, 0)),
    "relu": ((0, np.inf), (0, 1)),
    "relu6": ((0, 6), (0, 0)),
    "leaky_relu": ((-np.inf, np.inf), (0.01, 1)),
    "prelu": ((-np.inf, np.inf), (0.25, 1)),
    "rrelu": ((-np.inf, np.inf), (11 / 48, 1)),
    "elu": ((-1, np.inf), (0, 1)),
    "celu": ((-1, np.inf), (0, 1)),
    "selu": ((-1.7580993408473766, np.inf), (0, 1.0507009873554805)),
    "gelu": ((0, np.inf), (0, 1)),
    "gelu_tanh": ((0, np.inf), (0, 1)),
    "silu": ((0, np.inf), (0, 1)),
    "swish_beta": ((0, np.inf), (0, 1)),
    "mish": ((0, np.inf), (0, 1)),
    "softplus": ((0, np.inf), (0, 1)),
    "softsign": ((-1, 1), (0, 0)),
    "hard_tanh": ((-1, 1), (0, 0)),
    "hard_sigmoid": ((0, 1), (0, 0)),
    "hard_swish": ((0, np.inf), (0, 1)),
    "gaussian": ((0, 0), (0, 0)),
    "sine": None,
    "exp": ((0, np.inf), (0, np.inf)),
    "softmax": None,
}


# --- helpers -----------------------------------------------------------------------

ELEMENTWISE = [name for name in names() if not get(name).rowwise]
SHAPED = [name for name in names() if get(name).shape_parameters]


def forward(f, z, *shape):
    """The value, written over NaN."""
    out = np.full_like(z, np.nan)
    f.forward(z, out, *shape)
    return out


def slope(f, z, *shape):
    """The derivative: backward with a gradient of one, on copies."""
    grad = np.ones_like(z)
    f.backward(z.copy(), forward(f, z, *shape), grad, *shape)
    return grad


def settings(name):
    """The default shape values of a name, and others."""
    f = get(name)
    yield f.default_shape()
    if f.shape_parameters:
        yield tuple(0.7 * v + 0.1 for v in f.shape_values())
        yield tuple(2.5 * v for v in f.shape_values())


CASES = [(name, shape) for name in ELEMENTWISE for shape in settings(name)]


@cache
def points(name, dtype):
    """±[1e-8, 1e3] log-spaced, zero, and the neighbourhood of the kinks."""
    z = np.geomspace(1e-8, 1e3, 56)
    around = [
        kink + step
        for kink in (0.0, *get(name).kinks)
        for step in (0.0, 1e-3, -1e-3, 0.4, -0.4)
    ]
    z = np.concatenate([z, -z, np.linspace(-12, 12, 50), around]).astype(dtype)
    kinks = np.array([k for k in get(name).kinks if k], dtype)
    ends = np.array([-np.inf, np.inf], dtype)
    beside = [np.nextafter(kinks, end) for end in ends]
    return np.concatenate([z, *beside, np.array([1e-30, -1e-30], dtype)])


def extremes(dtype):
    info = np.finfo(dtype)
    z = np.concatenate(
        [
            np.geomspace(info.tiny, info.max / 2, 600, dtype=dtype),
            [info.max, info.tiny, info.smallest_subnormal, 7 * info.tiny / 9, 0.0],
        ]
    ).astype(dtype)
    return np.concatenate([z, -z])


def assert_close(computed, expected, bound, z):
    with mp.workdps(50):
        for c, e, b, at in zip(computed, expected, bound, z, strict=True):
            if abs(e) > mp.mpf(float(np.finfo(computed.dtype).max)):
                assert c == np.sign(float(mp.sign(e))) * np.inf, at
            else:
                error = float(abs(mp.mpf(float(c)) - e))
                assert error <= b, f"off by {error:.3g} > {float(b):.3g} at {at!r}"


def difference(function, z, step):
    """Central difference of fourth order."""
    one = function(z + step) - function(z - step)
    two = function(z + 2 * step) - function(z - 2 * step)
    return (8 * one - two) / (12 * step)


def away_from_kinks(f, z, distance=0.02):
    for kink in f.kinks:
        z = z[abs(z - kink) > distance]
    return z


# --- exact values and slopes -------------------------------------------------------


def test_every_name_has_a_reference():
    assert set(names()) == set(REFERENCE) == set(LIMITS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "shape"), CASES)
def test_values_and_slopes_in_50_digits(name, shape, dtype):
    f, z, eps = get(name), points(name, dtype), float(np.finfo(dtype).eps)
    shape = tuple(float(dtype(s)) for s in shape)
    with mp.workdps(50):
        exact = [mp.mpf(float(v)) for v in z]
        args = [mp.mpf(s) for s in shape]
        values = [REFERENCE[name](v, *args) for v in exact]
        # One-sided, so that it is the left slope at a kink.
        slopes = [
            mp.diff(lambda v: REFERENCE[name](v, *args), v, direction=-1)
            if f.has_gradient
            else mp.mpf(0)
            for v in exact
        ]
        # 1e-30: at z = 0 the reference itself is 0 up to its last digits only.
        scale = [
            max(abs(v), abs(at), mp.mpf("1e-30"))
            for v, at in zip(values, exact, strict=True)
        ]
        assert_close(forward(f, z, *shape), values, [8 * eps * s for s in scale], z)
        bound = [16 * eps * max(abs(s), 1) for s in slopes]
        assert_close(slope(f, z, *shape), slopes, bound, z)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_values(dtype):
    rng = np.random.default_rng(0)
    for width in (1, 3, 64, 65):  # both memory layouts
        z = (30 * rng.normal(size=(4, width))).astype(dtype)
        p = forward(get("softmax"), z)
        eps = np.finfo(dtype).eps
        for row, computed in zip(z, p, strict=True):
            with mp.workdps(50):
                e = [mp.exp(mp.mpf(float(v))) for v in row]
                expected = [v / mp.fsum(e) for v in e]
            scale = np.maximum(computed, np.abs(row))
            assert_close(computed, expected, 8 * eps * scale, row)
        assert np.allclose(p.sum(axis=1), 1, rtol=0, atol=8 * eps)
        grad = rng.normal(size=p.shape).astype(dtype)
        jacobian = (
            np.einsum("ij,jk->ijk", p, np.eye(width)) - p[:, :, None] * p[:, None]
        )
        expected = np.einsum("ijk,ij->ik", jacobian, grad)
        get("softmax").backward(z, p, grad)
        assert np.allclose(grad, expected, rtol=0, atol=16 * eps)
    one = get("softmax")(np.array([1.0, 2.0, 3.0], dtype))
    assert one.dtype == dtype
    assert one.sum() == pytest.approx(1, rel=1e-6)


def test_softmax_extremes():
    big = np.finfo(np.float64).max
    z = np.array([[big, -big], [np.inf, 0.0], [-np.inf, 0.0], [-big, -big]])
    expected = [[1, 0], [1, 0], [0, 1], [0.5, 0.5]]
    assert np.array_equal(get("softmax")(z), expected)


def test_logistic_forward_precise_keeps_the_tail():
    for dtype, low in ((np.float32, -80), (np.float64, -700)):
        z = np.linspace(low, 30, 300).astype(dtype)
        out = np.empty_like(z)
        get("logistic").forward_precise(z, out, 1.0)
        with mp.workdps(50):
            exact = [sigma(mp.mpf(float(v))) for v in z]
        error = [float(abs(c / e - 1)) for c, e in zip(out, exact, strict=True)]
        assert max(error) < 8 * np.finfo(dtype).eps
        get("logistic").forward_precise(np.full_like(z, -np.inf), out, 2.0)
        assert not out.any()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_forward_precise_is_the_same_function(name):
    f, z = get(name), np.linspace(-5, 5, 101)
    out = np.full_like(z, np.nan)
    f.forward_precise(z, out, *f.default_shape())
    assert np.allclose(out, f(z), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_safe_over_the_whole_range(name, dtype):
    f, z = get(name), extremes(dtype)
    for shape in settings(name):
        values, slopes = forward(f, z, *shape), slope(f, z, *shape)
        assert not np.isnan(values).any()
        assert not np.isnan(slopes).any()
        if np.isfinite(f.range.low) and shape == f.default_shape():
            assert (values >= dtype(f.range.low) * (1 + np.finfo(dtype).eps)).all()
        for partial in f.shape_gradient(z, values, *shape):
            assert not np.isnan(partial).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in names() if LIMITS.get(n)])
def test_limits_at_infinity(name, dtype):
    f, ends = get(name), np.array([-np.inf, np.inf], dtype)
    values, slopes = LIMITS[name]
    eps = np.finfo(dtype).eps
    assert np.allclose(f(ends), values, rtol=2 * eps, atol=0)
    assert np.allclose(f.derivative(ends), slopes, rtol=2 * eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in names() if get(n).joint])
def test_joint_form_has_the_same_values(name, dtype):
    """Its slopes are those of `backward`, which comes from it."""
    f = get(name)
    z = np.concatenate([points(name, dtype), [-np.inf, np.inf]]).astype(dtype)
    before = z.copy()
    for shape in settings(name):
        out, slopes = np.full_like(z, np.nan), np.full_like(z, np.nan)
        f.forward_derivative(z, out, slopes, *shape)
        assert np.array_equal(z, before)
        assert np.array_equal(slopes, slope(f, z, *shape))
        values = forward(f, z, *shape)
        assert np.array_equal(out[-2:], values[-2:])
        out, values, at = out[:-2], values[:-2], z[:-2]
        bound = 4 * np.finfo(dtype).eps * np.maximum(abs(at), abs(values))
        assert (abs(out - values) <= bound).all()


def test_softplus_forward_precise_keeps_the_tail():
    for dtype, low in ((np.float32, -80), (np.float64, -700)):
        z = np.linspace(low, 30, 300).astype(dtype)
        out = np.empty_like(z)
        get("softplus").forward_precise(z, out, 1.0)
        with mp.workdps(50):
            exact = [mp.log1p(mp.exp(mp.mpf(float(v)))) for v in z]
        error = [float(abs(c / e - 1)) for c, e in zip(out, exact, strict=True)]
        assert max(error) < 8 * np.finfo(dtype).eps


@pytest.mark.parametrize("slope_value", [0.0, 1e-6, 0.3, 1.0, 3.0])
def test_leaky_slopes_on_both_sides_of_one(slope_value):
    f = activations.LeakyReLU(slope_value)
    for dtype in DTYPES:
        z = np.array([-np.finfo(dtype).max / 4, -1.0, -1e-25, -0.0, 0.0, 1e-25, 2.0])
        z = z.astype(dtype)
        m = dtype(slope_value)
        assert np.array_equal(f(z), np.where(z > 0, z, m * z))
        expected = np.where(z > 0, dtype(1), m)
        for computed in (f.derivative(z), slope(f, z, np.full_like(z, m))):
            assert np.allclose(computed, expected, rtol=2 * np.finfo(dtype).eps)
        rows = np.full_like(z, m)
        assert np.array_equal(forward(f, z, rows), f(z))


# --- facts -------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_facts_are_there(name):
    f = get(name)
    assert f.formula
    assert "\n" not in f.formula
    assert f.reference
    assert f.formula in type(f).__doc__
    assert f.reference in type(f).__doc__
    assert ">>> " in type(f).__doc__
    assert isinstance(f.range, Interval)
    assert f.initializer in (None, "glorot_uniform")
    assert f.trainable in (False, True)
    for parameter in f.get_params(deep=False):
        assert parameter in type(f).__doc__
    assert (f.shape_parameters != ()) == ("trainable" in f.get_params())


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_range_and_monotonic(name):
    f = get(name)
    z = np.unique(np.concatenate([points(name, np.float64), np.linspace(-9, 9, 4001)]))
    a = f(z)
    slack = 1e-15 * max(1.0, abs(f.range.low))
    assert (a >= f.range.low - slack).all()
    assert (a <= f.range.high).all()
    # The stated ends are attained or approached, not merely bounds.
    if np.isfinite(f.range.low) and not f.trainable:
        assert a.min() == pytest.approx(f.range.low, abs=2e-3)
    if np.isfinite(f.range.high):
        assert a.max() == pytest.approx(f.range.high, abs=2e-3)
    assert f.monotonic == (np.diff(a) >= -1e-15).all()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_zero_centered_and_gain(name):
    f = get(name)
    kinks = [k for k in f.kinks if abs(k) < 12]
    edges = sorted({-14.0, -6.0, -2.0, 0.0, 2.0, 6.0, 14.0, *kinks})

    def moment(power):
        reference = REFERENCE[name]
        args = [mp.mpf(s) for s in f.default_shape()]
        return mp.quad(lambda z: reference(z, *args) ** power * mp.npdf(z), edges)

    assert f.zero_centered == (abs(moment(1)) < 1e-9)
    assert f.gain == pytest.approx(float(1 / mp.sqrt(moment(2))), rel=1e-8)


def test_gain_in_closed_form():
    assert get("relu").gain == pytest.approx(np.sqrt(2), rel=1e-12)
    assert get("step").gain == pytest.approx(np.sqrt(2), rel=1e-12)
    assert get("selu").gain == pytest.approx(1.0, abs=1e-12)
    assert get("identity").gain == pytest.approx(1.0, rel=1e-12)
    assert get("exp").gain == pytest.approx(np.exp(-1), rel=1e-12)
    assert get("gaussian").gain == pytest.approx(5**0.25, rel=1e-12)
    for m in (0.0, 0.01, 0.25, 3.0):
        expected = np.sqrt(2 / (1 + m**2))
        assert activations.LeakyReLU(m).gain == pytest.approx(expected, rel=1e-12)
    assert get("softmax").gain == 1.0
    assert activations.Identity(0.0).gain == 1.0  # E f² is 0
    steep = activations.Logistic(slope=300.0)
    assert steep.gain == pytest.approx(np.sqrt(2), rel=2e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_slope_at_a_kink_is_the_left_one(name, dtype):
    f = get(name)
    if not f.kinks:
        assert f.has_gradient
        return
    kinks = np.array(f.kinks, dtype)
    left = np.nextafter(kinks, np.array(-np.inf, dtype))
    assert np.allclose(f.derivative(kinks), f.derivative(left), rtol=1e-5)
    assert np.array_equal(f.derivative(-0.0 * kinks), f.derivative(0.0 * kinks))


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_derivative_is_the_central_difference(name, shape):
    f = get(name)
    z = away_from_kinks(f, np.linspace(-7, 7, 701))
    z = z[abs(z) > 0.02]  # a kink of other shape values, or of a second derivative
    numerical = difference(lambda v: forward(f, v, *shape), z, 1e-3)
    assert np.allclose(slope(f, z, *shape), numerical, rtol=1e-7, atol=1e-8)
    grad = np.random.default_rng(0).normal(size=z.shape)
    expected = grad * slope(f, z, *shape)
    f.backward(z.copy(), forward(f, z, *shape), grad, *shape)
    assert np.allclose(grad, expected, rtol=1e-12, atol=1e-300)


# --- shape parameters --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"), [(name, shape) for name, shape in CASES if name in SHAPED]
)
def test_shape_gradient_is_the_central_difference(name, shape):
    f, z = get(name), np.linspace(-7, 7, 141)
    partials = f.shape_gradient(z, forward(f, z, *shape), *shape)
    assert len(partials) == len(shape) == len(f.shape_values())
    for k, partial in enumerate(partials):

        def moved(value, k=k):
            return forward(f, z, *shape[:k], float(value), *shape[k + 1 :])

        numerical = difference(moved, np.float64(shape[k]), 1e-4 * (1 + shape[k]))
        assert np.allclose(partial, numerical, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHAPED)
def test_shape_arrays_equal_scalars(name, dtype):
    f = get(name)
    rng = np.random.default_rng(1)
    z = (3 * rng.normal(size=(6, 5))).astype(dtype)
    rows = [v * rng.uniform(0.5, 2.0, 5).astype(dtype) for v in f.shape_values()]
    values, slopes = forward(f, z, *rows), slope(f, z, *rows)
    partials = f.shape_gradient(z, values, *rows)
    assert values.dtype == slopes.dtype == dtype
    tolerance = 16 * np.finfo(dtype).eps
    for unit in range(5):
        column = np.ascontiguousarray(z[:, unit : unit + 1])
        scalars = [float(row[unit]) for row in rows]
        shared = [row[unit : unit + 1] for row in rows]
        for shape in (scalars, shared):
            a = forward(f, column, *shape)
            assert a.dtype == dtype
            pairs = [(values, a), (slopes, slope(f, column, *shape))]
            pairs += zip(partials, f.shape_gradient(column, a, *shape), strict=True)
            for whole, part in pairs:
                assert part.dtype == dtype
                expected = whole[:, unit : unit + 1]
                assert np.allclose(part, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", SHAPED)
def test_shape_gradient_leaves_its_arguments(name):
    f, z = get(name), np.linspace(-3, 3, 20)
    a = f(z)
    z_before, a_before = z.copy(), a.copy()
    f.shape_gradient(z, a, *f.shape_values())
    assert np.array_equal(z, z_before)
    assert np.array_equal(a, a_before)


@pytest.mark.parametrize("name", ["celu", "softplus"])
def test_only_the_size_of_a_trained_parameter_counts(name):
    # Training may carry it past zero, where the formula itself would blow up.
    f, z = get(name), np.linspace(-5, 5, 21)
    assert np.array_equal(forward(f, z, -0.5), forward(f, z, 0.5))
    assert np.array_equal(slope(f, z, -0.5), slope(f, z, 0.5))
    (negative,) = f.shape_gradient(z, forward(f, z, -0.5), -0.5)
    (positive,) = f.shape_gradient(z, forward(f, z, 0.5), 0.5)
    assert np.allclose(negative, -positive, rtol=1e-14)


def test_several_offsets():
    f = activations.MSAF(offsets=(3, -4.0, 9.0), trainable=True)
    assert f.shape_values() == (3.0, -4.0, 9.0)
    assert f.range == Interval(0.0, 4.0)
    assert f([50.0]) == pytest.approx(4.0)
    assert len(f.shape_gradient(np.zeros(2), np.zeros(2), *f.shape_values())) == 3
    z = np.linspace(-12, 12, 50)
    expected = sum(1 / (1 + np.exp(-(z + r))) for r in (0, 3, -4, 9))
    assert np.allclose(f(z), expected, rtol=1e-14)


def test_symmetric_msaf_is_the_shifted_curve_of_the_literature():
    z = np.linspace(-9, 9, 50)
    literature = get("logistic")(z) + get("logistic")(z + 4.0) - 1
    assert np.allclose(get("symmetric_msaf")(z + 2.0), literature, atol=1e-15)


# --- arrays ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names())
def test_arrays(name, dtype):
    f = get(name)
    shape = f.default_shape()
    z = (4 * np.random.default_rng(2).normal(size=(7, 5))).astype(dtype)
    before = z.copy()
    a = forward(f, z, *shape)
    assert np.array_equal(z, before)
    assert a.dtype == dtype
    assert not np.isnan(a).any()
    grad = slope(f, z, *shape)
    assert grad.dtype == dtype
    rows = np.concatenate([forward(f, row, *shape) for row in np.split(z, 7)])
    assert np.allclose(a, rows, rtol=4 * np.finfo(dtype).eps, atol=0)
    slopes = np.concatenate([slope(f, row, *shape) for row in np.split(z, 7)])
    tolerance = 8 * np.finfo(dtype).eps
    assert np.allclose(grad, slopes, rtol=tolerance, atol=tolerance)
    # Blocks may be slices of larger buffers.
    buffer = np.full((9, 8), np.nan, dtype)
    f.forward(z, buffer[1:8, 2:7], *shape)
    assert np.allclose(buffer[1:8, 2:7], a, rtol=4 * np.finfo(dtype).eps, atol=0)
    assert np.isnan(buffer).sum() == 72 - 35


@pytest.mark.parametrize("name", names())
def test_call_and_derivative_take_array_likes(name):
    f = get(name)
    assert f([1, 2]).dtype == np.float64
    assert f(np.float32([1, 2])).dtype == np.float32
    if f.rowwise:
        with pytest.raises(TypeError, match="has a Jacobian"):
            f.derivative([1.0, 2.0])
    else:
        assert f(0.5).shape == f.derivative(0.5).shape == ()
        assert f.derivative([[1], [2]]).shape == (2, 1)
        assert f(0.5) == f([0.5])[0]


# --- random activations ------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in names() if get(n).random])
def test_draw(name, dtype):
    f = get(name)
    noise = np.full((200, 300), np.nan, dtype)
    f.draw(np.random.default_rng(5), noise)
    again = np.empty_like(noise)
    f.draw(np.random.default_rng(5), again)
    assert np.array_equal(noise, again)
    f.draw(np.random.default_rng(6), again)
    assert not np.array_equal(noise, again)
    assert noise.min() == pytest.approx(f.lower, rel=1e-3)
    assert noise.max() == pytest.approx(f.upper, rel=1e-3)
    assert noise.mean() == pytest.approx(f.expected, rel=1e-2)
    z = np.random.default_rng(7).normal(size=noise.shape).astype(dtype)
    assert np.array_equal(forward(f, z, noise), np.where(z > 0, z, noise * z))
    slopes = np.where(z > 0, dtype(1), noise)
    assert np.allclose(slope(f, z, noise), slopes, rtol=2 * np.finfo(dtype).eps)
    assert f.default_shape() == (f.expected,)


# --- the surrogate of step ---------------------------------------------------------


def test_step_learns_through_its_surrogate():
    z = np.linspace(-3, 3, 31)
    assert not get("step").has_gradient
    assert not get("step").derivative(z).any()
    for surrogate in ("logistic", "gelu", activations.Tanh(slope=2.0)):
        f = activations.Step(surrogate)
        f.check()
        assert f.has_gradient
        assert np.array_equal(f(z), get("step")(z))
        assert np.array_equal(f.derivative(z), get(surrogate).derivative(z))
    assert f.get_params()["surrogate__slope"] == 2.0


# --- against torch -----------------------------------------------------------------


def torch_functions():
    torch = pytest.importorskip("torch")
    nn = torch.nn.functional
    return {
        "identity": lambda z: z * 1.0,
        "logistic": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": nn.relu,
        "relu6": nn.relu6,
        "leaky_relu": nn.leaky_relu,
        "prelu": lambda z: nn.prelu(z, torch.tensor([0.25], dtype=z.dtype)),
        "rrelu": nn.rrelu,
        "elu": nn.elu,
        "celu": nn.celu,
        "selu": nn.selu,
        "gelu": nn.gelu,
        "gelu_tanh": lambda z: nn.gelu(z, approximate="tanh"),
        "silu": nn.silu,
        "mish": nn.mish,
        "softplus": nn.softplus,  # linear above 20 there, off by 2e-9
        "softsign": nn.softsign,
        "hard_tanh": nn.hardtanh,
        "hard_sigmoid": nn.hardsigmoid,
        "hard_swish": nn.hardswish,
        "sine": torch.sin,
        "exp": torch.exp,
    }


def test_values_and_slopes_against_torch():
    torch = pytest.importorskip("torch")
    for name, function in torch_functions().items():
        f = get(name)
        z = away_from_kinks(f, np.linspace(-19.9, 19.9, 997), 1e-6)
        tensor = torch.tensor(z, requires_grad=True)
        values = function(tensor)
        values.sum().backward()
        slopes = tensor.grad.numpy()
        assert np.allclose(f(z), values.detach(), rtol=1e-12, atol=1e-12), name
        # torch takes the 1/6 of the slope of hardsigmoid in single precision.
        rtol = 1e-7 if name == "hard_sigmoid" else 1e-12
        assert np.allclose(f.derivative(z), slopes, rtol=rtol, atol=2e-12), name


def test_softmax_against_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    z, grad = rng.normal(size=(2, 9, 6))
    tensor = torch.tensor(z, requires_grad=True)
    values = torch.softmax(tensor, dim=1)
    values.backward(torch.tensor(grad))
    p = get("softmax")(z)
    assert np.allclose(p, values.detach(), rtol=1e-13)
    get("softmax").backward(z, p, grad)
    assert np.allclose(grad, tensor.grad, rtol=1e-12, atol=1e-15)


# --- objects -----------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_object_protocol(name):
    f = get(name)
    f.check()
    for copy in (clone(f), pickle.loads(pickle.dumps(f)), get(name)):
        assert copy is not f
        assert copy == f
        assert copy.get_params() == f.get_params()
    assert repr(f).startswith(type(f).__name__ + "(")
    assert type(f).__name__ in estimator_html_repr(f)
    assert activations._REGISTRY.name_of(f) == name
    assert get(f) is f
    changed = clone(f).set_params(**f.get_params())
    assert changed == f
    for parameter in f.shape_parameters:
        changed = clone(f).set_params(**{parameter: 0.123})
        assert changed != f
        assert f"{parameter}=0.123" in repr(changed)
    assert eval(repr(f), vars(activations)) == f


@pytest.mark.parametrize("trainable", [False, True, "shared"])
@pytest.mark.parametrize("name", SHAPED)
def test_trainable_settings(name, trainable):
    f = get(name).set_params(trainable=trainable)
    f.check()
    assert f.trainable == trainable
    assert all(type(value) is float for value in f.shape_values())
    z = np.linspace(-40, 40, 81)
    assert f.range.includes(f(z)).all() or f.range.closed == "neither"


def test_aliases():
    pairs = {
        "linear": "identity",
        "heaviside": "step",
        "sigmoid": "logistic",
        "swish": "silu",
        "hard_silu": "hard_swish",
    }
    assert activations._REGISTRY.aliases() == pairs
    for alias, name in pairs.items():
        assert get(alias) == get(name)
        assert alias not in names()


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (activations.LeakyReLU(-1), ValueError, r"range \[0, inf\). Got -1 instead"),
        (activations.LeakyReLU("0.1"), TypeError, "'negative_slope' parameter of Le"),
        (activations.LeakyReLU(True), TypeError, "Got True instead"),
        (activations.LeakyReLU(0.1, "unit"), ValueError, "True, False or 'shared'"),
        (activations.LeakyReLU(0.1, None), ValueError, "'trainable' parameter"),
        (activations.LeakyReLU(0.1, 1), ValueError, "Got 1 instead"),
        (activations.Logistic(0.0), ValueError, r"\(0, inf\)"),
        (activations.Tanh(np.nan), ValueError, "Got nan"),
        (activations.Identity(np.inf), ValueError, r"\(-inf, inf\)"),
        (activations.CELU(0.0), ValueError, "'alpha' parameter of CELU"),
        (activations.ELU(None), TypeError, "'alpha' parameter of ELU"),
        (activations.Softplus(-2.0), ValueError, "'beta' parameter of Softplus"),
        (activations.SiLU([1.0]), TypeError, "'beta' parameter of SiLU"),
        (activations.MSAF(()), TypeError, "a tuple of at least one float"),
        (activations.MSAF(4.0), TypeError, "'offsets' parameter of MSAF"),
        (activations.MSAF((1.0, np.inf)), ValueError, "tuple of at least one"),
        (activations.MSAF((1.0, "2")), TypeError, "tuple of at least one"),
        (activations.SymmetricMSAF("4"), TypeError, "'offset' parameter"),
        (activations.RReLU(0.5, 0.25), ValueError, r"'upper'.*\[0.5, inf\)"),
        (activations.RReLU(-0.5, 0.25), ValueError, "'lower' parameter of RReLU"),
        (activations.HardTanh(1.0, 1.0), ValueError, r"'max_val'.*\(1, inf\)"),
        (activations.HardTanh(-np.inf), ValueError, "'min_val' parameter"),
        (activations.GELU("erf"), ValueError, r"among \{'none', 'tanh'\}"),
        (activations.Step("softmax"), ValueError, "'surrogate' parameter of Step"),
        (activations.Step("step"), ValueError, "fixed elementwise activation"),
        (activations.Step("prelu"), ValueError, "Got 'prelu' instead"),
        (activations.Step("rrelu"), ValueError, "Got 'rrelu' instead"),
        (activations.Step("nope"), ValueError, "Got 'nope' instead"),
        (activations.Step(3), TypeError, "Got 3 instead"),
        (activations.Step(activations.Tanh(-1)), ValueError, "parameter of Tanh"),
    ],
)
def test_check_refuses(f, error, message):
    with pytest.raises(error, match=message):
        f.check()


def test_check_accepts_numpy_numbers():
    activations.LeakyReLU(np.float32(0.1), np.bool_(True)).check()
    activations.ELU(np.int64(2)).check()
    activations.MSAF([1, np.float64(2.0)]).check()
    assert activations.LeakyReLU(np.float32(0.5))(np.float32([-2])).dtype == np.float32
    assert activations.LeakyReLU(np.float64(0.5))(np.float32([-2])).dtype == np.float32
    f = activations.HardTanh(np.float64(-2.0), np.int64(3))
    f.check()
    assert f(np.float32([-5, 5])).tolist() == [-2, 3]


def test_get_errors_name_the_choices():
    with pytest.raises(ValueError, match=r"'gelu'.*Did you mean 'softplus'"):
        get("soft_plus")
    with pytest.raises(TypeError, match=r"Pass an instance: ReLU\(\)"):
        get(activations.ReLU)


# --- user-made activations ---------------------------------------------------------


class Squareplus(Activation):
    width: float = 1.0
    trainable: bool | str = False
    shape_parameters = ("width",)

    def forward(self, z, out, width):
        np.multiply(0.5, z + np.sqrt(z * z + width), out=out)

    def backward(self, z, a, grad, width):
        grad *= 0.5 * (1 + z / np.sqrt(z * z + width))

    def shape_gradient(self, z, a, width):
        return (0.25 / np.sqrt(z * z + width),)


def test_user_made_activation():
    f = Squareplus(width=2.0, trainable=True)
    f.check()
    z = np.linspace(-4, 4, 41)
    assert np.allclose(f.derivative(z), difference(f, z, 1e-3), rtol=1e-9)
    numerical = difference(lambda w: Squareplus(w)(z), 2.0, 1e-3)
    assert np.allclose(f.shape_gradient(z, f(z), 2.0)[0], numerical, rtol=1e-9)
    square = mp.quad(
        lambda v: (v + mp.sqrt(v * v + 2)) ** 2 / 4 * mp.npdf(v), [-14, 0, 14]
    )
    assert f.gain == pytest.approx(float(1 / mp.sqrt(square)), rel=1e-9)
    assert clone(f) == pickle.loads(pickle.dumps(f)) == f
    assert f.forward_precise.__func__ is Activation.forward_precise


def test_register_touches_one_place():
    try:
        activations.register("squareplus", "sqp", width=3.0)(Squareplus)
        assert "squareplus" in names()
        assert get("sqp") == Squareplus(width=3.0)
        with pytest.raises(ValueError, match="'squareplus'"):
            get("unknown")
    finally:
        activations._REGISTRY.unregister("squareplus")
    assert "squareplus" not in names()


def test_unfinished_activation_says_what_is_missing():
    class Nothing(Activation):
        pass

    with pytest.raises(NotImplementedError, match="Nothing must define forward"):
        Nothing()([1.0])
    with pytest.raises(NotImplementedError, match="Nothing must define backward"):
        Nothing().backward(None, None, None)


class Cubic(Activation):
    def forward(self, z, out):
        np.multiply(z * z, z, out=out)

    def forward_derivative(self, z, out, slope):
        np.multiply(z, z, out=slope)
        np.multiply(slope, z, out=out)
        slope *= 3.0


def test_user_made_joint_form():
    f, z = Cubic(), np.linspace(-2, 2, 21)
    assert f.joint
    assert np.allclose(f.derivative(z), 3 * z**2)
    X, y = np.linspace(-1, 1, 40).reshape(20, 2), np.arange(20) % 2
    params = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, "tol": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = [MLPClassifier(activation=a, **params).fit(X, y) for a in (f, Plain())]
    assert np.allclose(*(m.loss_curve_ for m in fitted), rtol=1e-12)


class Plain(Cubic):
    def forward(self, z, out):
        out[...] = z**3


def test_joint_form_is_not_used_for_another_forward_or_backward():
    class Doubled(Cubic):
        def backward(self, z, a, grad):
            grad *= 6.0 * z * z

    for f in (Plain(), Doubled()):
        assert not f.joint
    assert np.allclose(Plain().derivative([2.0]), 12.0)
    assert np.allclose(Doubled().derivative([2.0]), 24.0)

    class Again(Doubled):
        forward_derivative = Cubic.forward_derivative

    assert Again().joint


def test_gain_of_a_function_that_overflows_is_one():
    class Blowup(Activation):
        def forward(self, z, out):
            np.exp(z**4, out=out)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Blowup().gain == 1.0


def test_large_alphas_and_far_tails_keep_their_digits():
    slopes = ELU(alpha=1e8).derivative(np.float32([-1.0, 5.0]))
    np.testing.assert_allclose(slopes, [3.678794e7, 1.0], rtol=1e-6)
    tail = Softplus()(np.array([-40.0]))
    np.testing.assert_allclose(tail, np.exp(-40.0), rtol=1e-14)
