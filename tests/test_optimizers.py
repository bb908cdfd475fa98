"""Optimizers: hand-computed steps, scikit-learn's and PyTorch's trajectories, blocks.

The tests marked `every_optimizer` read the registry, so a new name is covered by them
without a line here.
"""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from math import sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from sk_mlp import optimizers
from sk_mlp.optimizers import SGD, Adagrad, Adam, AdamW, NAdam, Optimizer, RMSprop

every_optimizer = pytest.mark.parametrize("name", optimizers.names())
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])

SHAPES = [(7, 5), (5,), (5, 3), (3,)]  # as of coefs_ and intercepts_
SIZE = 58


class Signum(Optimizer):
    beta: float = 0.9
    slots = ("m",)

    def update(self, theta, grad, rate, coefficients, m):
        m *= self.beta
        m += grad
        theta -= rate * np.sign(m)


def gradients(n_steps, size=SIZE, dtype=np.float64, seed=0):
    """Gradients whose sizes spread over six orders of magnitude, some of them zero."""
    rng = np.random.RandomState(seed)
    grads = rng.standard_normal((n_steps, size)) * 10.0 ** rng.uniform(-4, 2, size)
    grads[:, ::9] = 0.0
    return grads.astype(dtype)


def start(size=SIZE, dtype=np.float64):
    return np.random.RandomState(1).standard_normal(size).astype(dtype)


def run(optimizer, theta, grads, rate=0.01, groups=None, state=None):
    """Return theta and state after one step per gradient."""
    theta = theta.copy()
    state = optimizer.init_state(theta) if state is None else state
    for grad in grads:
        optimizer.step(theta, grad.copy(), state, rate, groups)
    return theta, state


def assert_same_state(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert_array_equal(value, other[key])


# Rules ------------------------------------------------------------------------------


def test_names():
    assert optimizers.names() == ["adagrad", "adam", "adamw", "nadam", "rmsprop", "sgd"]


MU_1, MU_2 = 0.5 * (1 - 0.5 * 0.96), 0.5 * (1 - 0.5 * 0.96**2)


@pytest.mark.parametrize(
    "optimizer, expected",
    [
        # theta = 1, gradients 4 and then -2, rate 0.1
        (SGD(0.0, False), [0.6, 0.8]),
        (SGD(0.5, False), [0.6, 0.6]),  # u = -0.4, then -0.2 + 0.2
        (SGD(0.5, True), [1 - 0.2 - 0.4, 0.4 + 0.0 + 0.2]),
        (Adagrad(1.0), [1 - 0.4 / 5, 1 - 0.4 / 5 + 0.2 / (sqrt(20) + 1)]),
        # w = 8, then 4 + 2
        (RMSprop(0.5, 1.0), [1 - 0.4 / (sqrt(8) + 1),
                             1 - 0.4 / (sqrt(8) + 1) + 0.2 / (sqrt(6) + 1)]),
        # a = 2, then 1 - 1 = 0; w = 4, then 4; first correction (1/2) / (1/2)
        (Adam(0.5, 0.75, 1.0), [1 - 0.1 * 2 / 3, 1 - 0.1 * 2 / 3]),
        (AdamW(0.5, 0.75, 1.0, 0.5), [0.95 - 0.1 * 2 / 3,
                                      0.95 * (0.95 - 0.1 * 2 / 3)]),
        # a = 2, then 0; the corrected w = 16, then 4 / (7 / 16)
        (NAdam(0.5, 0.75, 1.0, 1.0), [
            1 - 0.1 * (4 + MU_2 / (1 - MU_1 * MU_2) * 2) / 5,
            1 - 0.1 * (4 + MU_2 / (1 - MU_1 * MU_2) * 2) / 5
            + 0.1 * 2 * (1 - MU_2) / (1 - MU_1 * MU_2) / (sqrt(64 / 7) + 1)]),
    ],
    ids=repr,
)  # fmt: skip
def test_two_steps_by_hand(optimizer, expected):
    theta, state = np.array([1.0]), None
    for k, grad in enumerate([4.0, -2.0]):
        theta, state = run(optimizer, theta, [np.array([grad])], 0.1, state=state)
        assert state["t"] == k + 1
        assert_allclose(theta, expected[k], rtol=1e-14)


def sklearn_trajectory(cls, grads, rate, **settings):
    """Yield theta of scikit-learn's own optimizer, which works on lists of arrays."""
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])[:-1]

    def split(vector):
        return [
            part.reshape(shape)
            for part, shape in zip(np.split(vector, ends), SHAPES, strict=True)
        ]

    params = [part.copy() for part in split(start())]
    reference = cls(params, learning_rate_init=rate, **settings)
    for grad in grads:
        reference.update_params(params, split(grad))
        yield np.concatenate([param.ravel() for param in params])


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_equals_scikit_learn(momentum, nesterov):
    grads, theta, state = gradients(50), start(), None
    optimizer = SGD(momentum, nesterov)
    for grad, expected in zip(
        grads,
        sklearn_trajectory(
            SGDOptimizer, grads, 0.05, momentum=momentum, nesterov=nesterov
        ),
        strict=True,
    ):
        theta, state = run(optimizer, theta, [grad], 0.05, state=state)
        assert_allclose(theta, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5), (0.5, 0.0), (0.99, 0.9)])
@pytest.mark.parametrize("epsilon", [1e-8, 1e-2])
def test_adam_equals_scikit_learn(betas, epsilon):
    grads, theta, state = gradients(50), start(), None
    settings = dict(beta_1=betas[0], beta_2=betas[1], epsilon=epsilon)
    optimizer = Adam(**settings)
    for grad, expected in zip(
        grads, sklearn_trajectory(AdamOptimizer, grads, 0.05, **settings), strict=True
    ):
        theta, state = run(optimizer, theta, [grad], 0.05, state=state)
        assert_allclose(theta, expected, rtol=1e-13, atol=1e-13)


def torch_trajectory(name, grads, rate, epsilon=None, **settings):
    """Yield theta of PyTorch's optimizer; `epsilon` maps t to the eps of step t."""
    torch = pytest.importorskip("torch")
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of mu in it
    try:
        theta = torch.nn.Parameter(torch.tensor(start()))
        reference = getattr(torch.optim, name)([theta], lr=rate, **settings)
        for t, grad in enumerate(grads, start=1):
            if epsilon is not None:
                reference.param_groups[0]["eps"] = epsilon(t)
            theta.grad = torch.tensor(grad)
            reference.step()
            yield theta.detach().numpy().copy()
    finally:
        torch.set_default_dtype(default)


@pytest.mark.parametrize(
    "optimizer, name, settings",
    [
        (SGD(0.0, False), "SGD", {}),
        (SGD(0.9, False), "SGD", dict(momentum=0.9)),
        (SGD(0.9, True), "SGD", dict(momentum=0.9, nesterov=True)),
        (Adagrad(), "Adagrad", dict(eps=1e-8)),
        (Adagrad(epsilon=1e-10), "Adagrad", {}),
        (Adagrad(epsilon=0.01), "Adagrad", dict(eps=0.01)),
        (RMSprop(), "RMSprop", {}),
        (RMSprop(0.9, 0.01), "RMSprop", dict(alpha=0.9, eps=0.01)),
        (NAdam(), "NAdam", {}),
        (NAdam(0.8, 0.95, 0.01, 0.1), "NAdam",
         dict(betas=(0.8, 0.95), eps=0.01, momentum_decay=0.1)),
        # Where epsilon plays no part, its place does not either.
        (Adam(epsilon=1e-30), "Adam", dict(eps=1e-30)),
        (AdamW(epsilon=1e-30), "AdamW", dict(eps=1e-30)),
        (AdamW(0.8, 0.95, 1e-30, 0.3), "AdamW",
         dict(betas=(0.8, 0.95), eps=1e-30, weight_decay=0.3)),
    ],
    ids=repr,
)  # fmt: skip
def test_trajectories_of_torch(optimizer, name, settings):
    grads, theta, state = gradients(50), start(), None
    for grad, expected in zip(
        grads, torch_trajectory(name, grads, 0.05, **settings), strict=True
    ):
        theta, state = run(optimizer, theta, [grad], 0.05, state=state)
        assert_allclose(theta, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cls", [Adam, AdamW])
def test_adam_differs_from_torch_by_the_place_of_epsilon_only(cls):
    grads, theta, state = gradients(50), start(), None
    reference = torch_trajectory(
        cls.__name__, grads, 0.05, epsilon=lambda t: 0.01 / sqrt(1 - 0.999**t)
    )
    for grad, expected in zip(grads, reference, strict=True):
        theta, state = run(cls(epsilon=0.01), theta, [grad], 0.05, state=state)
        assert_allclose(theta, expected, rtol=1e-12, atol=1e-12)


def test_adamw_without_decay_is_adam():
    adam, adamw = run(Adam(), start(), gradients(9)), AdamW(weight_decay=0.0)
    assert_array_equal(adam[0], run(adamw, start(), gradients(9))[0])


# Minima -----------------------------------------------------------------------------


def parabola(x):
    return 2.0 * np.array([1.0, 10.0]) * (x - 0.5), np.array([0.5, 0.5])


def rosenbrock(x):
    slope = 200.0 * (x[1] - x[0] ** 2)
    return np.array([2.0 * (x[0] - 1.0) - 2.0 * x[0] * slope, slope]), np.ones(2)


@every_optimizer
@pytest.mark.parametrize("problem, n_steps", [(parabola, 500), (rosenbrock, 10_000)])
def test_the_minimum_is_reached_with_one_of_the_usual_rates(name, problem, n_steps):
    optimizer, distances = optimizers.get(name), []
    for base in (1.0, 0.1, 0.01, 0.001):
        x = np.zeros(2)
        state = optimizer.init_state(x)
        with np.errstate(all="ignore"):  # too large a rate may diverge
            for k in range(n_steps):
                grad, minimum = problem(x)
                if not np.isfinite(grad).all():
                    break
                rate = base * (1.0 - k / n_steps)
                optimizer.step(x, grad, state, rate, [(0, 2, 1.0, 0.0)])
        distances.append(np.abs(x - minimum).max())
        if distances[-1] < 0.02:
            return
    raise AssertionError(f"{name} ended at the distances {distances}")


# The driver -------------------------------------------------------------------------


@every_optimizer
@every_dtype
def test_dtype_is_kept_and_everything_is_in_place(name, dtype):
    optimizer = optimizers.get(name)
    theta, grad = start(dtype=dtype), gradients(1, dtype=dtype)[0]
    state = optimizer.init_state(theta)
    arrays = {key: state[key] for key in optimizer.slots}
    before = theta.copy()
    for array in arrays.values():
        assert array.shape == theta.shape and not array.any()
    for _ in range(2):
        assert optimizer.step(theta, grad, state, np.float64(0.01)) is None
    assert state["t"] == 2
    assert theta.dtype == dtype and not np.array_equal(theta, before)
    for key, array in arrays.items():
        assert state[key] is array and array.dtype == dtype


@every_optimizer
def test_float32_is_near_float64(name):
    double, _ = run(optimizers.get(name), start(), gradients(20))
    grads = gradients(20, dtype=np.float32)
    single, _ = run(optimizers.get(name), start(dtype=np.float32), grads)
    assert_allclose(single, double, rtol=1e-4, atol=1e-4)


@every_optimizer
def test_numpy_numbers_as_settings_do_not_leave_float32(name):
    # A float64 scalar is not a Python float: NumPy would compute in float64 and cast
    # back, which is slow and other bits. Searches over distributions set such scalars.
    optimizer, theta = optimizers.get(name), start(dtype=np.float32)
    grads = gradients(20, dtype=np.float32)
    expected = run(optimizer, theta, grads)
    for field, value in optimizer.get_params().items():
        if isinstance(value, float):
            optimizer.set_params(**{field: np.float64(value)})
    groups = [(0, SIZE, np.float64(1.0), np.float64(optimizer.weight_decay))]
    theta, state = run(optimizer, theta, grads, np.float64(0.01), groups)
    assert_array_equal(theta, expected[0])
    assert_same_state(state, expected[1])


@every_optimizer
@every_dtype
def test_blocks_change_nothing(name, dtype):
    size = 1003
    groups = [(0, 700, 1.0, 0.1), (700, size, 0.5, 0.0)]
    results = []
    for n_block in (1, 7, 64, 10 * size):
        optimizer = optimizers.get(name)
        optimizer.block_bytes = n_block * np.dtype(dtype).itemsize
        grads = gradients(3, size, dtype)
        results.append(run(optimizer, start(size, dtype), grads, groups=groups))
    for theta, state in results[1:]:
        assert_array_equal(theta, results[0][0])
        assert_same_state(state, results[0][1])


@every_optimizer
@every_dtype
def test_the_usual_blocks_change_nothing(name, dtype):
    size = 150_001
    whole = optimizers.get(name)
    whole.block_bytes = 1 << 30
    grads = gradients(2, size, dtype)
    one = run(whole, start(size, dtype), grads)
    other = run(optimizers.get(name), start(size, dtype), grads)
    assert_array_equal(one[0], other[0])
    assert_same_state(one[1], other[1])


@every_optimizer
@every_dtype
def test_no_allocation_of_the_size_of_theta(name, dtype):
    optimizer, theta = optimizers.get(name), np.ones(1_000_000, dtype)
    state, grad = optimizer.init_state(theta), np.ones_like(theta)
    state["t"] = optimizer.FLUSH_PERIOD - 2
    groups = [(0, theta.size - 10, 1.0, 0.1), (theta.size - 10, theta.size, 0.1, 0.0)]
    optimizer.step(theta, grad, state, 0.01, groups)
    tracemalloc.start()
    try:
        optimizer.step(theta, grad, state, 0.01, groups)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < theta.nbytes / 4


@every_optimizer
def test_the_factor_scales_the_rate_of_its_group(name):
    optimizer, grads = optimizers.get(name), gradients(5)
    groups = [(0, 20, 1.0, 0.0), (20, 40, 0.25, 0.0), (40, SIZE, 0.0, 0.0)]
    theta, _ = run(optimizer, start(), grads, 0.04, groups)
    for low, high, factor, _ in groups:
        alone = [(0, SIZE, 1.0, 0.0)]
        expected, _ = run(optimizer, start(), grads, 0.04 * factor, alone)
        assert_array_equal(theta[low:high], expected[low:high])
    assert_array_equal(theta[40:], start()[40:])


@every_optimizer
def test_decay_is_decoupled(name):
    optimizer, grad = optimizers.get(name), gradients(1)[0]
    groups = [(0, 30, 0.5, 0.2), (30, SIZE, 1.0, 0.0)]
    shrunk = start()
    shrunk[:30] *= 1.0 - 0.1 * 0.5 * 0.2
    plain = [(0, 30, 0.5, 0.0), (30, SIZE, 1.0, 0.0)]
    theta, state = run(optimizer, start(), [grad], 0.1, groups)
    expected, expected_state = run(optimizer, shrunk, [grad], 0.1, plain)
    assert_array_equal(theta, expected)
    assert_same_state(state, expected_state)
    theta, _ = run(optimizer, start(), [np.zeros(SIZE)], 0.1, groups)
    assert_array_equal(theta, shrunk)


@every_optimizer
def test_without_groups_the_own_decay_applies(name):
    optimizer, grads = optimizers.get(name), gradients(3)
    groups = [(0, SIZE, 1.0, optimizer.weight_decay)]
    theta, _ = run(optimizer, start(), grads)
    assert_array_equal(theta, run(optimizer, start(), grads, groups=groups)[0])
    assert (optimizer.weight_decay != 0) == (name == "adamw")


@every_optimizer
def test_what_no_group_covers_stays(name):
    theta, state = run(optimizers.get(name), start(), gradients(2), groups=[])
    assert_array_equal(theta, start())
    assert state["t"] == 2


@every_optimizer
@every_dtype
def test_a_pickled_state_goes_on_bit_for_bit(name, dtype):
    optimizer, grads = optimizers.get(name), gradients(20, dtype=dtype)
    whole = run(optimizer, start(dtype=dtype), grads)
    half = run(optimizer, start(dtype=dtype), grads[:10])
    optimizer, theta, state = pickle.loads(pickle.dumps((optimizer, *half)))
    resumed = run(optimizer, theta, grads[10:], state=state)
    assert_array_equal(resumed[0], whole[0])
    assert_same_state(resumed[1], whole[1])
    assert all(type(v) in (int, float, np.ndarray) for v in state.values())


@every_optimizer
def test_one_object_serves_many_threads(name):
    optimizer, size = optimizers.get(name), 100_000
    expected = run(optimizer, start(size), gradients(5, size))
    settings = deepcopy(vars(optimizer))
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(run, optimizer, start(size), gradients(5, size))
            for _ in range(4)
        ]
        for job in jobs:
            assert_array_equal(job.result()[0], expected[0])
            assert_same_state(job.result()[1], expected[1])
    assert vars(optimizer) == settings


@every_optimizer
@every_dtype
def test_zero_and_tiny_gradients_are_harmless(name, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    grads = np.array([[0.0, tiny, -tiny, 1e-30]] * 5, dtype)
    theta, _ = run(optimizers.get(name), np.ones(4, dtype), grads)
    assert np.isfinite(theta).all()


# Subnormal numbers ------------------------------------------------------------------


def n_subnormal(array):
    size = np.abs(array)
    return int(((size > 0) & (size < np.finfo(array.dtype).tiny)).sum())


def limit_of(dtype):
    return 2**20 * np.finfo(dtype).tiny


def without_flush(optimizer):
    optimizer.FLUSH_PERIOD = 10**9
    return optimizer


def nearly_subnormal(optimizer, dtype):
    """Return a state a few hundred steps before its momentum is subnormal."""
    state = optimizer.init_state(np.ones(40, dtype))
    for key in optimizer.slots:
        state[key][:] = np.linspace(1, 8, 40) * limit_of(dtype)
    return state


@every_optimizer
@every_dtype
def test_no_slot_is_ever_subnormal_where_the_gradient_is_zero(name, dtype):
    optimizer, theta = optimizers.get(name), np.ones(40, dtype)
    state = nearly_subnormal(optimizer, dtype)
    for _ in range(2000):
        optimizer.step(theta, np.zeros_like(theta), state, 0.001)
        assert not any(n_subnormal(state[key]) for key in optimizer.slots)
    for key in {"m", "velocity"} & set(optimizer.slots):
        assert not state[key].any()


@every_dtype
@pytest.mark.parametrize("cls, key", [(SGD, "velocity"), (Adam, "m"), (NAdam, "m")])
def test_without_the_flush_the_momentum_sticks(cls, key, dtype):
    zeros, sticks = np.zeros((2000, 40), dtype), without_flush(cls())
    for optimizer, expected in [(cls(), 0), (sticks, 40)]:
        state = nearly_subnormal(optimizer, dtype)
        _, state = run(optimizer, np.ones(40, dtype), zeros, state=state)
        assert n_subnormal(state[key]) == expected


@every_optimizer
@every_dtype
def test_theta_is_not_subnormal_either(name, dtype):
    optimizer = optimizers.get(name)
    theta = np.linspace(1, 8, 40).astype(dtype) * limit_of(dtype)
    state, groups = optimizer.init_state(theta), [(0, 30, 1.0, 1.0)]
    rest = theta[30:].copy()
    for _ in range(300):  # in every step theta loses a tenth
        optimizer.step(theta, np.zeros_like(theta), state, 0.1, groups)
        assert n_subnormal(theta) == 0
    assert not theta[:30].any()
    assert_array_equal(theta[30:], rest)  # in no group


@every_optimizer
@every_dtype
def test_the_flush_leaves_live_entries_alone(name, dtype):
    grads = gradients(260, dtype=dtype)
    one = run(optimizers.get(name), start(dtype=dtype), grads)
    other = run(without_flush(optimizers.get(name)), start(dtype=dtype), grads)
    assert_array_equal(one[0], other[0])
    assert_same_state(one[1], other[1])


@every_dtype
def test_only_what_is_below_the_limit_is_flushed(dtype):
    limit = dtype(limit_of(dtype))
    below = np.nextafter(limit, dtype(0))
    smallest = np.finfo(dtype).smallest_subnormal
    stays = np.array([limit, -limit, 1, -1, 0, np.inf, -np.inf], dtype)
    flushed = np.array([below, -below, smallest, -smallest], dtype)
    theta = np.concatenate([stays, flushed])
    slots = np.full_like(theta, np.nan), np.zeros_like(theta)
    optimizers._flush_tiny(theta, *slots, size=np.empty_like(theta))
    assert_array_equal(theta, [*stays, 0, 0, 0, 0])
    assert_array_equal(slots[0], np.nan)
    assert_array_equal(slots[1], 0)


@every_optimizer
@every_dtype
def test_resumed_training_flushes_at_the_same_steps(name, dtype):
    optimizer, theta = optimizers.get(name), start(40, dtype)
    grads = gradients(200, 40, dtype)
    grads[10:, ::2] = 0
    first = nearly_subnormal(optimizer, dtype)
    whole = run(optimizer, theta, grads, state=deepcopy(first))
    for t in (1, 20, 100, 127, 128, 129, 199):
        half = run(optimizer, theta, grads[:t], state=deepcopy(first))
        optimizer, middle, state = pickle.loads(pickle.dumps((optimizer, *half)))
        optimizer.block_bytes = 64  # of any size
        resumed = run(optimizer, middle, grads[t:], state=state)
        assert_array_equal(resumed[0], whole[0])
        assert_same_state(resumed[1], whole[1])


# Components -------------------------------------------------------------------------


@every_optimizer
def test_components_are_clonable_picklable_comparable(name):
    optimizer = optimizers.get(name)
    optimizer.check()
    assert clone(optimizer) == optimizer
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer
    assert repr(optimizer).startswith(type(optimizer).__name__)
    assert optimizer._repr_html_()
    assert optimizers.get(optimizer) is optimizer
    assert optimizer.registered_name == name


@every_optimizer
def test_every_numeric_field_is_checked(name):
    cls = type(optimizers.get(name))
    for field, default in cls().get_params().items():
        bad = ["a", None, [0.1]] if isinstance(default, bool) else ["a", None, True]
        for value in bad:
            with pytest.raises(TypeError, match=f"'{field}' parameter of "):
                cls(**{field: value}).check()
        for value in [] if isinstance(default, bool) else [-0.1, np.nan, np.inf]:
            with pytest.raises(ValueError, match=f"'{field}' parameter of "):
                cls(**{field: value}).check()


@pytest.mark.parametrize(
    "optimizer, error, text",
    [
        (SGD(1.5), ValueError, r"The 'momentum' parameter of SGD must be a float in "
         r"the range \[0, 1\]\. Got 1\.5 instead\."),
        (SGD(nesterovs_momentum=1), TypeError, r"The 'nesterovs_momentum' parameter of "
         r"SGD must be an instance of 'bool'\. Got 1 instead\."),
        (Adam(beta_1=1), ValueError, r"The 'beta_1' parameter of Adam must be a float "
         r"in the range \[0, 1\)\. Got 1 instead\."),
        (Adam(epsilon=0.0), ValueError, r"range \(0, inf\)\. Got 0\.0 instead\."),
        (AdamW(weight_decay=-1), ValueError, r"'weight_decay' parameter of AdamW must "
         r"be a float in the range \[0, inf\)\. Got -1 instead\."),
        (NAdam(beta_2=1.0), ValueError, "'beta_2' parameter of NAdam"),
        (RMSprop(rho=1.0), ValueError, "'rho' parameter of RMSprop"),
        (Adagrad(epsilon="x"), TypeError, "'epsilon' parameter of Adagrad"),
    ],
    ids=repr,
)  # fmt: skip
def test_check(optimizer, error, text):
    with pytest.raises(error, match=text):
        optimizer.check()


@every_optimizer
def test_estimator_fields_have_the_defaults_of_the_estimators(name):
    # So that solver="adam" and solver=Adam() are the same.
    optimizer = optimizers.get(name)
    own, estimator = optimizer.get_params(), MLPClassifier().get_params()
    for field in optimizer.estimator_fields:
        assert own[field] == estimator[field]
    assert set(optimizer.estimator_fields) == set(own) & set(estimator)


def test_get_takes_names_and_objects_only():
    with pytest.raises(ValueError, match=r"'adagrad', 'adam'.*Did you mean 'adam'\?"):
        optimizers.get("Adam")
    with pytest.raises(TypeError, match=r"Pass an instance: Adam\(\)"):
        optimizers.get(Adam)
    for spec in (None, 0.1, object()):
        with pytest.raises(TypeError, match="or an Optimizer object"):
            optimizers.get(spec)


def test_a_user_made_optimizer():
    optimizer = Signum(beta=0.5)
    optimizer.block_bytes = 64
    theta, state = run(optimizer, start(), gradients(4), groups=[(0, 50, 1.0, 0.1)])
    assert state["m"].any() and not state["m"][50:].any()
    assert_array_equal(theta[50:], start()[50:])
    assert clone(Signum(0.5)) == Signum(0.5) == pickle.loads(pickle.dumps(Signum(0.5)))
    optimizers.register("signum")(Signum)
    try:
        assert "signum" in optimizers.names()
        assert optimizers.get("signum") == Signum()
        for dtype in (np.float32, np.float64):
            test_dtype_is_kept_and_everything_is_in_place("signum", dtype)
            test_blocks_change_nothing("signum", dtype)
            test_no_allocation_of_the_size_of_theta("signum", dtype)
            test_a_pickled_state_goes_on_bit_for_bit("signum", dtype)
        test_the_minimum_is_reached_with_one_of_the_usual_rates("signum", parabola, 500)
        with pytest.raises(ValueError, match="'signum'"):
            optimizers.get("no such optimizer")
    finally:
        optimizers._REGISTRY.unregister("signum")


def test_the_base_says_what_is_missing():
    class Nothing(Optimizer):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing must define update\(\)"):
        run(Nothing(), start(), gradients(1))
