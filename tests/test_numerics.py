"""The shared kernels against 50 digits, with the errors that their docstrings state."""

import mpmath as mp
import numpy as np
import pytest

from sk_mlp import _numerics as numerics

DTYPES = (np.float32, np.float64)


def grid(dtype, low=1e-8, high=45.0, n=400):
    z = np.geomspace(low, high, n)
    return np.concatenate([-z[::-1], [0.0], z]).astype(dtype)


def exact(function, z):
    with mp.workdps(50):
        return [function(mp.mpf(float(value))) for value in z]


def worst(computed, expected):
    pairs = zip(computed, expected, strict=True)
    return max(abs(float(mp.mpf(float(c)) - e)) for c, e in pairs)


@pytest.mark.parametrize(
    ("dtype", "bound"), [(np.float32, 1.1e-7), (np.float64, 2e-16)]
)
def test_normal_tail(dtype, bound):
    z = np.concatenate([grid(dtype), np.linspace(-9, 9, 2001).astype(dtype)])
    x, tail, density = numerics.normal_tail(z)
    assert x.dtype == tail.dtype == density.dtype == dtype
    assert np.array_equal(x, np.minimum(abs(z), 40))
    assert worst(tail, exact(lambda v: mp.ncdf(-min(abs(v), 40)), z)) < bound
    assert worst(density, exact(lambda v: mp.npdf(min(abs(v), 40)), z)) < bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_normal_tail(dtype):
    z = grid(dtype)

    def cdf(x):
        factor = mp.sqrt(2 / mp.pi)
        return (1 + mp.tanh(factor * (x + mp.mpf("0.044715") * x**3))) / 2

    x, tail, density = numerics.tanh_normal_tail(z)
    assert np.array_equal(x, np.minimum(abs(z), 40))
    eps = np.finfo(dtype).eps
    assert worst(tail, exact(lambda v: cdf(-min(abs(v), 40)), z)) < 2 * eps
    slope = exact(lambda v: mp.diff(cdf, min(abs(v), 40)), z)
    assert worst(density, slope) < 8 * eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slope", [1.0, 3.0, -0.5])
def test_logistic(dtype, slope):
    z, eps = grid(dtype), np.finfo(dtype).eps
    expected = exact(lambda v: 1 / (1 + mp.exp(-slope * v)), z)
    assert worst(numerics.logistic(z, slope, np.empty_like(z)), expected) < 2 * eps
    half = 0.5 * slope * z
    derivative = exact(lambda v: mp.sech(v * slope / 2) ** 2 / 4, z)
    assert worst(numerics.logistic_derivative(half), derivative) < 2 * eps


@pytest.mark.parametrize("dtype", DTYPES)
def test_parts_are_exact_and_keep_nan(dtype):
    z = np.array([-np.inf, -2.0, -0.0, 0.0, 3.0, np.inf, np.nan], dtype)
    assert np.array_equal(numerics.positive_part(z), np.maximum(z, 0), equal_nan=True)
    assert np.array_equal(numerics.negative_part(z), np.minimum(z, 0), equal_nan=True)
    below = numerics.finite_below(z)
    assert below.dtype == dtype
    assert below[0] == np.finfo(dtype).min
    assert np.array_equal(below[1:], z[1:], equal_nan=True)
    out = np.full_like(z, np.nan)
    assert numerics.positive_part(z, out) is out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0.25, 1), (-0.9, 0.1), (0, 3)])
def test_jump(low, high, dtype):
    largest = np.finfo(dtype).max
    z = np.array([-np.inf, -largest, -2, -1e-25, 0, 1e-25, 3, largest, np.inf], dtype)
    at_zero = min(max(low, 0.0), high)
    expected = np.array([low] * 4 + [at_zero] + [high] * 4, dtype)
    out = np.full_like(z, np.nan)
    assert numerics.jump(z, low, high, out) is out
    np.testing.assert_allclose(out, expected, rtol=np.finfo(dtype).eps)
    np.testing.assert_array_equal(z[[0, -1]], [-np.inf, np.inf])


@pytest.mark.parametrize("dtype", DTYPES)
def test_with_sign(dtype):
    z = np.array([[-np.inf, -2.0, -0.0], [0.0, 3.0, np.inf]], dtype)
    size = np.array([[1.0, 0.0, 2.0], [0.5, 0.0, np.inf]], dtype)
    out = np.full((2, 5), np.nan, dtype)[:, 1:4]  # columns of a wider array
    assert numerics.with_sign(size, z, out) is out
    np.testing.assert_array_equal(out, np.copysign(size, z))
    np.testing.assert_array_equal(np.signbit(out), np.signbit(z))


@pytest.mark.parametrize(
    ("function", "breaks", "expected"),
    [
        (np.ones_like, (), 1.0),
        (lambda z: z**8, (), 105.0),
        (lambda z: np.exp(2 * z), (), np.exp(2)),
        (lambda z: np.sin(z) ** 2, (), (1 - np.exp(-2)) / 2),
        (lambda z: np.abs(z - 0.3), (0.3, 99.0), 0.8335224842344198),
        (lambda z: np.heaviside(z - 1.0, 0), (1.0,), 0.15865525393145707),
        (lambda z: np.tanh(500 * z) ** 2, (), 0.9984042335033203),
    ],
)
def test_normal_mean(function, breaks, expected):
    assert numerics.normal_mean(function, breaks) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_finite_outputs(dtype):
    z = np.array([[1.0, -2.0], [np.inf, -np.inf]], dtype)
    limits = np.finfo(dtype)
    finite = numerics.finite(z)
    np.testing.assert_array_equal(finite, [[1, -2], [limits.max, limits.min]])
    assert finite.dtype == dtype
    assert np.shares_memory(numerics.finite(z[:1]), z)  # nothing to do, no copy
    z[0, 0] = np.nan
    for part in (z, z[:, 0]):
        with pytest.raises(ValueError, match=r"Predicting 1 row\(s\) .* overflows"):
            numerics.finite(part)
