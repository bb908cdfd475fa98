"""Whole networks against PyTorch's autograd, in float64, to 1e-10.

An activation or loss that PyTorch has no function for is not listed here; central
differences (``test_gradients.py``) cover all of them.
"""

import numpy as np
import pytest
from gradcheck import TARGETS, Problem, activation_variants
from numpy.testing import assert_allclose
from scipy.special import xlogy

from sk_mlp import activations, losses
from sk_mlp.activations import CELU, ELU, MSAF, LeakyReLU, SiLU, Softplus
from sk_mlp.losses import GaussianNLL, Huber, LogLoss

torch = pytest.importorskip("torch")
F = torch.nn.functional

# Each takes z and the shape parameters, floats or tensors of one value a unit.
FUNCTIONS = {
    "identity": lambda z, m: m * z,
    "logistic": lambda z, a: torch.sigmoid(a * z),
    "tanh": lambda z, a: torch.tanh(a * z),
    "msaf": lambda z, *r: torch.sigmoid(z) + sum(torch.sigmoid(z + s) for s in r),
    "symmetric_msaf": lambda z, r: (
        torch.sigmoid(z + r / 2) + torch.sigmoid(z - r / 2) - 1
    ),
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": lambda z, a: torch.where(z > 0, z, a * z),
    "elu": lambda z, a: torch.where(z > 0, z, a * torch.expm1(z.clamp(max=0.0))),
    "celu": lambda z, a: torch.where(z > 0, z, a * torch.expm1(z.clamp(max=0.0) / a)),
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "silu": lambda z, b: z * torch.sigmoid(b * z),
    "mish": F.mish,
    "softplus": lambda z, b: torch.logaddexp(b * z, torch.zeros_like(z)) / b,
    "softsign": F.softsign,
    "hard_tanh": F.hardtanh,
    # F.hardsigmoid has its slope 1/6 in single precision only.
    "hard_sigmoid": lambda z: F.relu6(z + 3.0) / 6.0,
    "hard_swish": F.hardswish,
    "gaussian": lambda z: torch.exp(-(z**2)),
    "sine": torch.sin,
    "exp": torch.exp,
    "softmax": lambda z: torch.softmax(z, dim=1),
}
FUNCTIONS["prelu"] = FUNCTIONS["leaky_relu"]
FUNCTIONS["swish_beta"] = FUNCTIONS["silu"]

# PyTorch's own functions with fixed shape parameters.
NATIVE = {
    "leaky_relu": (LeakyReLU(), F.leaky_relu),
    "leaky_relu(0.3)": (LeakyReLU(0.3), lambda z: F.leaky_relu(z, 0.3)),
    "elu": (ELU(), F.elu),
    "elu(0.7)": (ELU(0.7), lambda z: F.elu(z, 0.7)),
    "celu": (CELU(), F.celu),
    # F.celu rounds 1/alpha to single precision in its derivative.
    "celu(2)": (CELU(2.0), lambda z: F.celu(z, 2.0)),
    "silu": (SiLU(), F.silu),
    "softplus": (Softplus(), F.softplus),
    "softplus(2)": (Softplus(2.0), lambda z: F.softplus(z, 2.0)),
    "logistic": (activations.get("sigmoid"), torch.sigmoid),
    "tanh": (activations.get("tanh"), torch.tanh),
    "rrelu in prediction": (
        LeakyReLU(activations.get("rrelu").expected),
        lambda z: F.rrelu(z, 1 / 8, 1 / 3, training=False),
    ),
}

VARIANTS = {
    label: activation
    for label, activation in activation_variants().items()
    if label.partition(",")[0] in FUNCTIONS
}
VARIANTS["msaf, 3 offsets"] = MSAF((-2.0, 1.0, 4.0), trainable=True)


def half_mse(p, y):
    return 0.5 * F.mse_loss(p, y, reduction="none")


def poisson(z, y):
    """The half deviance: PyTorch's loss and its constant, so that p = y has loss 0."""
    constant = torch.from_numpy(xlogy(y.numpy(), y.numpy())) - y
    return F.poisson_nll_loss(z, y, log_input=True, reduction="none") + constant


def gaussian_nll(z, y):
    mean, log_variance = z[:, : y.shape[1]], z[:, y.shape[1] :]
    variance = torch.exp(log_variance) + 1e-6
    return F.gaussian_nll_loss(mean, y, variance, eps=1e-6, reduction="none")


def cross_entropies(z, y):
    """One for each output of several classes."""
    groups = TARGETS["multioutput"].groups
    parts = [F.cross_entropy(z[:, g], y[:, g], reduction="none") for g in groups]
    return torch.stack(parts, dim=1)


def with_logits(z, y):
    return F.binary_cross_entropy_with_logits(z, y, reduction="none")


# label: (output activation, loss, target, PyTorch's loss of raw outputs)
HEADS = {
    "cross_entropy": (
        "softmax",
        LogLoss(),
        "multiclass",
        lambda z, y: F.cross_entropy(z, y, reduction="none"),
    ),
    "cross_entropy, smoothed": (
        "softmax",
        LogLoss(label_smoothing=0.2),
        "multiclass",
        lambda z, y: F.cross_entropy(z, y, reduction="none", label_smoothing=0.2),
    ),
    "cross_entropy, several": ("softmax", LogLoss(), "multioutput", cross_entropies),
    "bce, binary": ("logistic", LogLoss(), "binary", with_logits),
    "bce, multilabel": ("logistic", LogLoss(), "multilabel", with_logits),
    "mse": ("identity", losses.get("squared_error"), "regression", half_mse),
    "mse of softplus": (
        "softplus",
        losses.get("squared_error"),
        "regression",
        lambda z, y: half_mse(F.softplus(z), y),
    ),
    "Brier": (
        "softmax",
        losses.get("squared_error"),
        "multiclass",
        lambda z, y: half_mse(torch.softmax(z, dim=1), y),
    ),
    "l1": (
        "identity",
        losses.get("absolute_error"),
        "regression",
        lambda z, y: F.l1_loss(z, y, reduction="none"),
    ),
    "huber": (
        "identity",
        Huber(delta=0.7),
        "regression",
        lambda z, y: F.huber_loss(z, y, delta=0.7, reduction="none"),
    ),
    "poisson_nll": ("exp", losses.get("poisson"), "regression", poisson),
    "gaussian_nll": ("identity", GaussianNLL(), "regression", gaussian_nll),
}


def leaves(problem):
    """Return PyTorch's copies of all parameters, with gradients, in theta's order."""
    network = problem.network
    network.theta[...] = problem.theta
    dense = [[p.value for p in layer.parameters] for layer in network.dense]
    shapes = [a.shape.value if a.parameters else None for a in network.activate]

    def leaf(array):
        return torch.tensor(array, requires_grad=True)

    weights = [leaf(weight) for weight, _ in dense]
    biases = [leaf(bias) for _, bias in dense]
    shapes = [None if shape is None else leaf(shape) for shape in shapes]
    return weights, biases, shapes


def torch_objective(problem, function, loss, parameters, y):
    weights, biases, shapes = parameters
    a = torch.from_numpy(problem.x)
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        z = a @ weight + bias
        if k < len(shapes):
            fixed = problem.network.activate[k].activation.shape_values()
            a = function(z, *(fixed if shapes[k] is None else shapes[k]))
    values = loss(z, y)
    if values.ndim == 2:
        values = values.sum(dim=1)
    if problem.w is not None:
        values = values * torch.from_numpy(problem.w[:, 0])
    network = problem.network
    total = values.sum()
    total = total + network.l1 * sum(weight.abs().sum() for weight in weights)
    total = total + 0.5 * network.l2 * sum((weight**2).sum() for weight in weights)
    return total / (problem.norm or len(problem.x))


def assert_same(activation, function, head, seed=0, weighted=True):
    output, loss, kind, torch_loss = HEADS[head]
    pair = (activations.get(output), loss, TARGETS[kind])
    rng = np.random.RandomState(seed)
    problem = Problem(activation, pair, rng).pose(weighted, 0.1, 0.2)
    value, grad = problem(problem.theta)
    parameters = leaves(problem)
    # PyTorch smooths the labels itself, so it gets the drawn ones.
    y = (problem.y > 0.5).astype(float) if isinstance(loss, LogLoss) else problem.y
    expected = torch_objective(
        problem, function, torch_loss, parameters, torch.from_numpy(y)
    )
    expected.backward()
    assert_allclose(value, expected.item(), rtol=1e-10)
    gradients = [
        leaf.grad.numpy().ravel()
        for group in parameters
        for leaf in group
        if leaf is not None
    ]
    flat = np.concatenate(gradients)
    assert flat.size == grad.size
    assert_allclose(grad, flat, rtol=1e-10, atol=1e-12 * np.abs(flat).max())


def test_what_pytorch_lacks_is_known():
    """A step has no gradient, and PyTorch draws the slopes of rrelu itself."""
    assert set(activations.names()) - set(FUNCTIONS) <= {"step", "rrelu"}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("label", VARIANTS)
def test_loss_and_gradient_equal_autograds(label, head):
    assert_same(VARIANTS[label], FUNCTIONS[label.partition(",")[0]], head)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("label", NATIVE)
def test_pytorchs_own_functions(label, head, weighted):
    activation, function = NATIVE[label]
    assert_same(activation, lambda z, *fixed: function(z), head, 1, weighted)


@pytest.mark.parametrize("head", HEADS)
def test_prelu_with_a_slope_a_unit(head):
    activation = LeakyReLU(0.25, trainable=True)
    assert_same(activation, lambda z, slope: F.prelu(z, slope), head)
