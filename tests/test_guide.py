"""What the guide and the pages for newcomers claim: excerpts, numbers, tables."""

import ast
import inspect
import re
import sys
from itertools import chain

import numpy as np
import pytest
from _pages import (
    DOCS,
    GUIDE,
    TAUGHT,
    assert_same_output,
    blocks_with_output,
    compiled_blocks,
)
from numpy.testing import assert_allclose

from sk_mlp import MLPClassifier, MLPRegressor, activations
from sk_mlp._layers import Dense
from sk_mlp._numerics import normal_mean
from sk_mlp.losses import Huber
from sk_mlp.optimizers import NAdam

X = np.random.RandomState(0).normal(size=(12, 3))


@pytest.fixture
def rng():
    return np.random.RandomState(1)


def by_name(pages):
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.stem)


# The excerpts -----------------------------------------------------------------------


def excerpts():
    """Yield (page, file, options) of every literalinclude."""
    pattern = r"^ *```\{literalinclude\} (.+)\n((?: *:.+\n)+) *```$"
    for page in GUIDE:
        for match in re.finditer(pattern, page.read_text("utf-8"), re.MULTILINE):
            options = dict(re.findall(r":([\w-]+): (.+)", match[2]))
            yield page, (page.parent / match[1]).resolve(), options


def source_of(path, name):
    """Return the source of a function or method of a file by its dotted name."""
    text = path.read_text("utf-8")
    node = ast.parse(text)
    for part in name.split("."):
        (node,) = [n for n in node.body if getattr(n, "name", None) == part]
    return ast.get_source_segment(text, node)


def test_excerpts_are_found_in_the_source():
    found = list(excerpts())
    assert len(found) >= 12
    for _, path, options in found:
        code = source_of(path, options["pyobject"])
        for option in ("start-at", "end-at"):
            assert code.count(options.get(option, code)) == 1


def test_lines_that_are_explained_are_those_of_the_excerpt():
    text = (DOCS / "guide" / "backpropagation.md").read_text("utf-8")
    table = text[text.index("| line | computes |") :].split("\n\n")[0]
    code = inspect.getsource(Dense.backward)
    lines = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        assert code.count(line.partition("...)")[0]) == 1


def test_figures_have_names_of_their_own():
    """Without one, the second figure of a page takes the file of the first."""
    text = "\n".join(page.read_text("utf-8") for page in TAUGHT)
    names = re.findall(r"^   :filename-prefix: (\w+)$", text, re.MULTILINE)
    assert len(names) == len(set(names)) == text.count("\n.. plot::\n") > 0


# What the code prints ---------------------------------------------------------------


@by_name(TAUGHT)
def test_output_shown_is_what_is_printed(page, tmp_path, monkeypatch):
    """In a comment behind a print that begins with no letter, or below the block."""
    printed = {}

    def note(*values):
        line = sys._getframe(1).f_lineno
        printed.setdefault(line, []).append(" ".join(map(str, values)))

    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__", "print": note}
    for _, code in compiled_blocks(page):
        exec(code, namespace)
    text = page.read_text("utf-8")
    for line, code in enumerate(text.splitlines(), 1):
        match = re.match(r"print\(.*\)  # ([^a-zA-Z].*)", code)
        if match:
            claimed = match[1].partition(": ")[0]
            found = " ".join(printed[line][-1].split())
            assert found == claimed, f"{page.name}, line {line}"
    for lines, shown in blocks_with_output(text):
        found = chain.from_iterable(printed.get(line, ()) for line in lines)
        assert_same_output("\n".join(found), shown)


def test_pages_show_output():
    pages = [DOCS / "install.md", DOCS / "guide" / "vanishing.md"]
    shown = [[*blocks_with_output(page.read_text("utf-8"))] for page in pages]
    assert [len(s) for s in shown] == [6, 1]


def test_table_of_gains():
    text = (DOCS / "initialization.md").read_text("utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| (\d\.\d{4}) \| (\d\.\d{4}) \|", text, re.MULTILINE
    )
    assert len(rows) == 12
    for name, gain, factor in rows:
        activation = activations.get(name)

        def slope_squared(z, activation=activation):
            return activation.derivative(z) ** 2

        back = normal_mean(slope_squared, activation.kinks)
        assert_allclose(activation.gain, float(gain), atol=6e-5)
        assert_allclose(activation.gain**2 * back, float(factor), atol=6e-5)


# A single step, from outside ---------------------------------------------------------


def one_step(estimator, X, y, **partial_fit):
    """Return weights and biases of a linear model and their gradients at a step."""
    estimator.set_params(hidden_layer_sizes=(), solver="sgd", momentum=0.0)
    estimator.set_params(batch_size=len(X), learning_rate_init=1e-3, random_state=0)
    estimator.partial_fit(X, y, **partial_fit)
    W, b = estimator.coefs_[0].copy(), estimator.intercepts_[0].copy()
    estimator.set_params(learning_rate_init=1.0).partial_fit(X, y)
    return W, b, W - estimator.coefs_[0], b - estimator.intercepts_[0]


# Keras ------------------------------------------------------------------------------


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.03), (0.02, 0.0), (0.02, 0.03)])
def test_penalties_of_keras(l1, l2):
    """Keras adds ``l1 sum |w| + l2 sum w**2`` to the mean loss of the batch."""
    n, both = len(X), l1 + 2 * l2
    model = MLPRegressor(alpha=n * both, l1_ratio=l1 / both)
    W, b, W_grad, b_grad = one_step(model, X, X[:, 0])
    residual = X @ W + b - X[:, :1]
    penalty = l1 * np.sign(W) + 2 * l2 * W
    assert_allclose(W_grad, X.T @ residual / n + penalty, rtol=1e-12)
    assert_allclose(b_grad, residual.mean(axis=0), rtol=1e-12)


def test_nadam_of_keras(rng):
    """The formulas of its source: ``u_t = beta_1 (1 - 0.5 * 0.96**t)``."""
    optimizer = NAdam(momentum_decay=1.0, epsilon=1e-7)
    ours, theirs = np.array([1.0, -2.0]), np.array([1.0, -2.0])
    state, product, m, v = optimizer.init_state(ours), 1.0, 0.0, 0.0
    for t in range(1, 30):
        g = rng.normal(size=2)
        optimizer.step(ours, g.copy(), state, rate=0.01)
        u, u_next = (0.9 * (1 - 0.5 * 0.96**k) for k in (t, t + 1))
        product *= u
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat = u_next * m / (1 - product * u_next) + (1 - u) * g / (1 - product)
        theirs -= 0.01 * m_hat / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        assert_allclose(ours, theirs, rtol=1e-10)


# PyTorch ----------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_code_with_pytorch_runs(torch):
    namespace = {"__name__": "__main__"}
    for _, code in compiled_blocks(DOCS / "coming_from_pytorch.md", "py"):
        exec(code, namespace)


def test_defaults_of_pytorch(torch):
    optim, nn = torch.optim, torch.nn
    claims = {
        optim.SGD: {"lr": 0.001, "momentum": 0, "nesterov": False},
        optim.Adam: {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8},
        optim.AdamW: {"lr": 0.001, "weight_decay": 0.01},
        optim.NAdam: {"lr": 0.002, "momentum_decay": 0.004},
        optim.RMSprop: {"lr": 0.01, "alpha": 0.99, "eps": 1e-8},
        optim.Adagrad: {"lr": 0.01, "eps": 1e-10},
        optim.LBFGS: {"max_iter": 20, "line_search_fn": None},
        nn.Dropout: {"p": 0.5},
        nn.Softplus: {"threshold": 20.0},
        nn.PReLU: {"num_parameters": 1, "init": 0.25},
        nn.BatchNorm1d: {"eps": 1e-5, "momentum": 0.1},
        nn.LayerNorm: {"eps": 1e-5},
        torch.utils.data.DataLoader: {
            "batch_size": 1,
            "shuffle": None,
            "drop_last": False,
        },
    }
    for cls, claimed in claims.items():
        parameters = inspect.signature(cls).parameters
        assert {name: parameters[name].default for name in claimed} == claimed


@pytest.mark.parametrize("n_outputs", [1, 4])
def test_factor_of_mse_loss_in_torch(torch, rng, n_outputs):
    y = rng.normal(size=(len(X), n_outputs))
    target = y if n_outputs > 1 else y.ravel()
    W, b, W_grad, _ = one_step(MLPRegressor(alpha=0.0), X, target)
    weight = torch.tensor(W, requires_grad=True)
    outputs = torch.from_numpy(X) @ weight + torch.from_numpy(b)
    torch.nn.MSELoss()(outputs, torch.from_numpy(y)).backward()
    assert_allclose(weight.grad.numpy(), 2 / n_outputs * W_grad, rtol=1e-10)


def test_factor_of_bce_loss_in_torch(torch, rng):
    y = (rng.normal(size=(len(X), 4)) > 0).astype(int)
    W, b, W_grad, _ = one_step(MLPClassifier(alpha=0.0), X, y)
    weight = torch.tensor(W, requires_grad=True)
    outputs = torch.from_numpy(X) @ weight + torch.from_numpy(b)
    torch.nn.BCEWithLogitsLoss()(outputs, torch.from_numpy(y).double()).backward()
    assert_allclose(weight.grad.numpy(), W_grad / 4, rtol=1e-10)


def test_smooth_l1_loss_in_torch_is_hubers_over_beta(torch, rng):
    y, p = rng.normal(size=(2, 50, 1))
    theirs = torch.nn.SmoothL1Loss(beta=0.4)(torch.from_numpy(p), torch.from_numpy(y))
    assert_allclose(Huber(0.4).value(y, p).mean() / 0.4, theirs.item(), rtol=1e-12)


def test_class_weights_are_divided_by_all_rows():
    """Not by the weights that happen to be in the batch, as in CrossEntropyLoss."""
    y = np.repeat([0, 1, 2], 4)
    weighted = MLPClassifier(alpha=0.0, class_weight={0: 5.0})
    W, b, W_grad, _ = one_step(weighted, X, y, classes=[0, 1, 2])
    z = X @ W + b
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    w = np.where(y == 0, 5.0, 1.0)[:, np.newaxis]
    assert_allclose(W_grad, X.T @ (w * (p - np.eye(3)[y])) / w.sum(), rtol=1e-10)


def test_initial_weights_of_pytorch(torch):
    layer = torch.nn.Linear(400, 300)
    weights, biases = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    assert_allclose(weights.var(), 1 / (3 * 400), rtol=0.02)
    assert np.abs(weights).max() <= 400**-0.5 and np.abs(biases).max() <= 400**-0.5


@pytest.mark.parametrize("rows", [2, 12])
def test_running_variance_of_pytorch(torch, rows):
    layer = torch.nn.BatchNorm1d(3).double()
    layer(torch.from_numpy(X[:rows]))
    new = 10 * (layer.running_var.numpy() - 0.9)
    assert_allclose(new, X[:rows].var(axis=0) * rows / (rows - 1), rtol=1e-10)
