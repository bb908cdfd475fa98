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
from sk_mlp._layers import Dropout
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


def parameters(problem):
    """Return the parameters: weights, biases, gammas, betas and shape parameters."""
    network = problem.network
    network.theta[...] = problem.theta
    return (
        [dense.weight for dense in network.dense],
        [dense.bias for dense in network.dense],
        [normalize.gamma for normalize in network.normalize],
        [normalize.beta for normalize in network.normalize],
        [activate.shape for activate in network.activate if activate.parameters],
    )


def torch_raw(problem, function, leaves, normalized):
    """Return the raw outputs of PyTorch's copy of the network."""
    weights, biases, gammas, betas, shapes = leaves
    network = problem.network
    a = torch.from_numpy(problem.x)
    dropouts = [layer for layer in network.layers if isinstance(layer, Dropout)]
    for k, activate in enumerate(network.activate):
        z = a @ weights[k] + biases[k]
        if network.normalize:
            z = normalized(k, z, gammas[k], betas[k])
        a = function(z, *(shapes[k] if shapes else activate.activation.shape_values()))
        if dropouts:
            kept = torch.from_numpy(dropouts[k].forward(np.ones(a.shape)) > 0)
            a = dropped_out(a, kept, activate.activation.dropped)
    return a @ weights[-1] + biases[-1]


RATE = 0.3


def dropped_out(a, kept, dropped):
    """The formulas of the two papers, for RATE."""
    if not dropped:
        return a * kept / (1 - RATE)
    scale = ((1 - RATE) * (1 + RATE * dropped**2)) ** -0.5
    return scale * torch.where(kept, a, dropped) - scale * RATE * dropped


def batch_norm(problem):
    """PyTorch's own, or with weights, which PyTorch lacks, by its formula."""

    def normalized(k, z, gamma, beta):
        if problem.w is None:
            return F.batch_norm(z, None, None, gamma, beta, training=True, eps=1e-5)
        share = torch.from_numpy(problem.w / problem.w.sum())
        centered = z - (share * z).sum(dim=0)
        variance = (share * centered**2).sum(dim=0)
        return gamma * centered / torch.sqrt(variance + 1e-5) + beta

    return normalized


def layer_norm(problem):
    return lambda k, z, *affine: F.layer_norm(z, z.shape[1:], *affine, eps=1e-5)


NORMALIZED = {"batch": batch_norm, "layer": layer_norm}


def torch_objective(problem, function, loss, leaves, y, normalized):
    values = loss(torch_raw(problem, function, leaves, normalized), y)
    if values.ndim == 2:
        values = values.sum(dim=1)
    if problem.w is not None:
        values = values * torch.from_numpy(problem.w[:, 0])
    network, weights = problem.network, leaves[0]
    total = values.sum()
    total = total + network.l1 * sum(weight.abs().sum() for weight in weights)
    total = total + 0.5 * network.l2 * sum((weight**2).sum() for weight in weights)
    return total / (problem.norm or len(problem.x))


def assert_same(activation, function, head, seed=0, weighted=True, **settings):
    output, loss, kind, torch_loss = HEADS[head]
    pair = (activations.get(output), loss, TARGETS[kind])
    rng = np.random.RandomState(seed)
    problem = Problem(activation, pair, rng, **settings).pose(weighted, 0.1, 0.2)
    value, grad = problem(problem.theta)
    grads = [p.grad.copy() for group in parameters(problem) for p in group]
    leaves = [
        [torch.tensor(p.value, requires_grad=True) for p in group]
        for group in parameters(problem)
    ]
    # PyTorch smooths the labels itself, so it gets the drawn ones.
    y = (problem.y > 0.5).astype(float) if isinstance(loss, LogLoss) else problem.y
    normalized = NORMALIZED.get(settings.get("normalization"), lambda problem: None)
    expected = torch_objective(
        problem, function, torch_loss, leaves, torch.from_numpy(y), normalized(problem)
    )
    expected.backward()
    assert_allclose(value, expected.item(), rtol=1e-10)
    expected_grads = [leaf.grad.numpy() for group in leaves for leaf in group]
    assert sum(g.size for g in grads) == problem.network.groups[-1][1]
    assert not grad[problem.network.groups[-1][1] :].any()
    atol = 1e-12 * max(np.abs(g).max() for g in expected_grads)
    for ours, theirs in zip(grads, expected_grads, strict=True):
        assert_allclose(ours, theirs, rtol=1e-10, atol=atol)


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


# Dropout and normalization ----------------------------------------------------------

every_kind = pytest.mark.parametrize("kind", NORMALIZED)
REGULARIZED = ["relu", "selu", "tanh", "prelu", "msaf, 3 offsets"]


@pytest.mark.parametrize("dropout", [0.0, RATE])
@pytest.mark.parametrize("weighted", [False, True])
@every_kind
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("label", REGULARIZED)
def test_normalization(label, head, kind, weighted, dropout):
    function = FUNCTIONS[label.partition(",")[0]]
    settings = {"normalization": kind, "dropout": dropout}
    assert_same(VARIANTS[label], function, head, 2, weighted, **settings)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("label", REGULARIZED)
def test_dropout_with_the_same_masks(label, head, weighted):
    function = FUNCTIONS[label.partition(",")[0]]
    assert_same(VARIANTS[label], function, head, 3, weighted, dropout=RATE)


@every_kind
def test_prediction_with_normalization(kind):
    """PyTorch in its evaluation mode, with the same running statistics."""
    output, loss, target, _ = HEADS["cross_entropy"]
    pair = (activations.get(output), loss, TARGETS[target])
    rng = np.random.RandomState(4)
    settings = {"normalization": kind, "dropout": RATE}
    problem = Problem(activations.get("relu"), pair, rng, **settings)
    network = problem.network
    for layer in network.normalize if kind == "batch" else ():
        layer.mean.value[...] = rng.standard_normal(layer.width)
        layer.variance.value[...] = rng.uniform(0.1, 2.0, layer.width)
    problem.theta = network.theta.copy()
    leaves = [[torch.tensor(p.value) for p in g] for g in parameters(problem)]
    raw = network.raw(problem.x)

    def normalized(k, z, gamma, beta):
        values = network.normalize[k].values()
        mean, variance = (torch.tensor(values[n]) for n in ("mean", "variance"))
        return F.batch_norm(z, mean, variance, gamma, beta, training=False, eps=1e-5)

    network.layers = [x for x in network.layers if not isinstance(x, Dropout)]
    if kind == "layer":
        normalized = layer_norm(problem)
    expected = torch_raw(problem, F.relu, leaves, normalized)
    assert_allclose(raw, expected.numpy(), rtol=1e-10, atol=1e-13)


def test_alpha_dropout_has_pytorchs_values():
    torch.manual_seed(0)
    theirs = torch.nn.AlphaDropout(RATE)(torch.full((500,), 0.7, dtype=torch.float64))
    layer = Dropout(RATE, 500, activations.get("selu").dropped)
    layer.allocate(1, np.float64, first=False)
    layer.draw(np.random.default_rng(0), 1)
    ours = layer.forward(np.full((1, 500), 0.7))
    assert_allclose(np.unique(ours), np.unique(theirs.numpy()), rtol=1e-13)
