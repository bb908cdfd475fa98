"""Numerical kernels shared by the components: NumPy in, NumPy out.

They accept float32 and float64 arrays, compute in that dtype and give neither warnings
nor NaN for finite input.
"""

from functools import lru_cache
from math import inf, pi, prod, sqrt

import numpy as np

_CACHE_LINE = 64  # bytes

# Elements of one block (rows x width). Components may make temporaries, and they
# see one block at a time: the temporaries then stay in the second-level cache, and
# none ever has the size of a batch.
BLOCK = 32_768

# NumPy habits on which the speed of the components rests, in microseconds for a block
# of 32,768 in float32: clipping with both ends given takes 5 (as a method; a function
# call costs one more), np.maximum with a scalar 13, but with an array 4. A comparison
# and a multiplication by its mask take 9, np.where 33, a ufunc's where= 70.

# Width of the ramp that stands for a jump: differences below 1e-30 lie on it.
_RAMP = 2.0**-100


def empty(shape, dtype):
    """Return a new array like ``np.empty``, but one that starts with a cache line.

    Vector instructions then never touch two lines: NumPy's own alignment of 16 bytes
    costs 2 to 3 % of a training step.
    """
    dtype = np.dtype(dtype)
    n_bytes = prod(shape) * dtype.itemsize
    memory = np.empty(n_bytes + _CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def zeros(shape, dtype):
    """Return an array of zeros that starts with a cache line."""
    array = empty(shape, dtype)
    array[...] = 0.0
    return array


def row_blocks(n_rows, width):
    """Return slices of rows that hold at most BLOCK elements (one row at least)."""
    step = max(1, BLOCK // max(1, width))
    if 0 < n_rows <= step:
        return (slice(0, n_rows),)
    starts = range(0, n_rows, step)
    return tuple(slice(start, min(start + step, n_rows)) for start in starts)


def positive_part(z, out=None):
    """Return ``max(z, 0)``."""
    return z.clip(0.0, inf, out=out)


def negative_part(z, out=None):
    """Return ``min(z, 0)``."""
    return z.clip(-inf, 0.0, out=out)


def finite_below(z, out=None):
    """Return `z` with -inf replaced by the lowest number, so that ``0 * z`` is 0."""
    return z.clip(np.finfo(z.dtype).min, inf, out=out)


def jump(z, low, high, out):
    """Write `low` where z is negative and `high` where it is positive, low <= high.

    At 0 it is the number in [low, high] next to 0. A steep ramp that is cut off: 7
    microseconds for a block of 32,768, where masks take 11 and np.sign 15.
    """
    z.clip(low * _RAMP, high * _RAMP, out=out)
    out *= 1.0 / _RAMP
    return out


def with_sign(size, z, out):
    """Write `size`, which is not negative, with the sign of `z`.

    That is np.copysign in a third of its time: the highest bit of a number is its sign.
    """
    integer, highest = (np.int32, -(2**31)) if z.itemsize == 4 else (np.int64, -(2**63))
    sign = out.view(integer)
    np.bitwise_and(z.view(integer), highest, out=sign)
    sign |= size.view(integer)
    return out


def finite(z):
    """Return raw outputs with infinity replaced by the largest number; refuse NaN."""
    if np.isfinite(z).all():
        return z
    n_rows = int(np.isnan(z).reshape(len(z), -1).any(axis=1).sum())
    if n_rows:
        raise ValueError(
            f"Predicting {n_rows} row(s) of X overflows {z.dtype} within the network. "
            "Scale X as for `fit` (sklearn.preprocessing.StandardScaler), or fit with "
            "dtype='float64'."
        )
    limits = np.finfo(z.dtype)
    return np.clip(z, limits.min, limits.max)


def logistic(z, slope, out):
    """Write ``1 / (1 + exp(-slope z))`` into `out`, right to about an ulp of 1.

    By ``(1 + tanh(slope z / 2)) / 2``, since NumPy vectorises tanh for every processor
    (6 to 9 times faster than scipy.special.expit in float32, 3 times in float64). Deep
    in the left tail the relative accuracy is lost; probabilities want expit.
    """
    with np.errstate(over="ignore"):  # to ±inf, where tanh is ±1
        np.multiply(z, 0.5 * slope, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out


def logistic_derivative(half):
    """Overwrite `half` with the derivative of the logistic function at ``2 half``."""
    np.tanh(half, out=half)
    half *= half
    half *= -0.25
    half += 0.25
    return half


# 1 - Phi(x) = exp(-x²/2) P(x) / Q(x) for x >= 0, lowest power first. Minimax fits of
# our own: reweighted linear least squares in 50 digits on [0, 6.5] and [0, 9], absolute
# error before rounding 9.3e-9 and 2.2e-17. All coefficients are positive, so that
# nothing cancels. (A continued fraction takes a quarter less time, but rounding makes
# 1.7e-7 of its error near 0.)
TAIL_SINGLE = (
    (0.500000009171601, 0.18610107090535266, 0.035485649884992),
    (
        *(1.0, 1.1700882424966736, 0.5045463460455327, 0.08358783085743998),
        0.000365407698136756,
    ),
)
TAIL_DOUBLE = (
    (
        *(0.5, 0.5020909932453437, 0.2543118604107736, 0.07692403630034972),
        *(0.014452701879701256, 0.0015874093748819997, 7.988008870431145e-05),
    ),
    (
        *(1.0, 1.8020665472935622, 1.4464647964460204, 0.6728882480566886),
        *(0.19684050829966526, 0.03642465938822783, 0.003979198869708508),
        0.00020022597058512817,
    ),
)


def polynomial(x, coefficients):
    """Evaluate by Horner's rule, lowest power first."""
    *rest, second, first = coefficients
    value = x * first
    value += second
    for coefficient in reversed(rest):
        value *= x
        value += coefficient
    return value


def normal_tail(z):
    """Return ``x = min(|z|, 40)``, ``1 - Phi(x)`` and the normal density at x.

    Measured against 50 digits: the tail is wrong by less than 1.1e-7 (float32) and
    2.0e-16 (float64). A block of 32,768 takes 70 and 220 microseconds, where
    scipy.special.erf alone takes 515 and 485, and the density comes with it.
    """
    x = z.clip(-40.0, 40.0)
    np.abs(x, out=x)
    density = x * x
    density *= -0.5
    np.exp(density, out=density)
    numerator, denominator = TAIL_SINGLE if x.dtype == np.float32 else TAIL_DOUBLE
    tail = polynomial(x, numerator)
    tail /= polynomial(x, denominator)
    tail *= density
    density *= 1 / sqrt(2 * pi)
    return x, tail, density


def tanh_normal_tail(z):
    """Return the triple of :func:`normal_tail` for the tanh approximation of Phi.

    ``Phi(x) ~ (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) / 2``, and its exact derivative.
    """
    x = z.clip(-40.0, 40.0)
    np.abs(x, out=x)
    square = x * x
    tail = square * (0.044715 * sqrt(2 / pi))
    tail += sqrt(2 / pi)
    tail *= x
    np.tanh(tail, out=tail)
    density = tail * tail
    density *= -0.5
    density += 0.5
    square *= 3 * 0.044715 * sqrt(2 / pi)
    square += sqrt(2 / pi)
    density *= square
    tail *= -0.5
    tail += 0.5
    return x, tail, density


def normal_mean(function, breaks=()):
    """Return the mean of ``function(z)`` over z ~ N(0, 1), by Gauss quadrature.

    Sixteen Gauss-Legendre nodes in every panel; panels are cut at `breaks`, where the
    function may have kinks or jumps, and get narrow towards 0, where steep ones bend.
    """
    nodes, weights = _quadrature(tuple(point for point in breaks if abs(point) < 14))
    return float(weights @ function(nodes.copy()))


@lru_cache(maxsize=8)  # it takes 300 microseconds; every fit asks for one or two
def _quadrature(breaks):
    """Return nodes and weights of a mean over N(0, 1), with panels cut at `breaks`."""
    near = 2.0 ** -np.arange(1, 13)
    edges = np.unique([*np.linspace(-14, 14, 57), *near, *-near, *breaks])
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[:, np.newaxis] / 2
    z = edges[:-1, np.newaxis] + half * (1 + nodes)
    weights = half * weights * np.exp(-(z**2) / 2) / sqrt(2 * pi)
    return z.ravel(), weights.ravel()
