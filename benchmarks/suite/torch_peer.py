"""PyTorch as a peer: the same network and training, written as its users do.

Eager mode with the fused Adam; rows are shuffled by one permutation an epoch and
gathered by index for every batch. The penalty is on the weights only, alpha over the
batch size as in scikit-learn.
"""

import importlib
from itertools import pairwise

from suite.contenders import seconds

# By the names of sk_mlp; each takes torch.nn and the width of the layer.
ACTIVATIONS = {
    "celu": lambda nn, width: nn.CELU(),
    "elu": lambda nn, width: nn.ELU(),
    "gelu": lambda nn, width: nn.GELU(),
    "gelu_tanh": lambda nn, width: nn.GELU(approximate="tanh"),
    "hard_sigmoid": lambda nn, width: nn.Hardsigmoid(),
    "hard_swish": lambda nn, width: nn.Hardswish(),
    "hard_tanh": lambda nn, width: nn.Hardtanh(),
    "identity": lambda nn, width: nn.Identity(),
    "leaky_relu": lambda nn, width: nn.LeakyReLU(),
    "logistic": lambda nn, width: nn.Sigmoid(),
    "mish": lambda nn, width: nn.Mish(),
    "prelu": lambda nn, width: nn.PReLU(width),
    "relu": lambda nn, width: nn.ReLU(),
    "relu6": lambda nn, width: nn.ReLU6(),
    "rrelu": lambda nn, width: nn.RReLU(),
    "selu": lambda nn, width: nn.SELU(),
    "silu": lambda nn, width: nn.SiLU(),
    "softmax": lambda nn, width: nn.Softmax(dim=1),
    "softplus": lambda nn, width: nn.Softplus(),
    "softsign": lambda nn, width: nn.Softsign(),
    "tanh": lambda nn, width: nn.Tanh(),
}
NORMALIZATIONS = {
    "batch": lambda nn, width: nn.BatchNorm1d(width),
    "layer": lambda nn, width: nn.LayerNorm(width),
}


def load(n_threads=None):
    """Return torch, or None if it is not installed; let it use so many threads."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    if n_threads is not None:
        torch.set_num_threads(n_threads)
    return torch


def seconds_of_torch_epoch(X, y, case, n_epochs, activation="relu", **regularisation):
    """Measure an epoch as `contenders.seconds_of_epoch` does; None without torch."""
    torch = load()
    if torch is None or activation not in ACTIVATIONS:
        return None
    widths = [case.n_features, *case.hidden, case.n_classes]

    def fit():
        network = _network(torch.nn, widths, activation, **regularisation)
        network.to(torch.from_numpy(X).dtype)
        _train(torch, network, X, y, n_epochs, case.batch_size)

    measure = seconds(fit)
    return lambda: measure() / n_epochs


def _network(nn, widths, activation, dropout=0.0, normalization=None):
    layers = []
    for n_inputs, width in pairwise(widths[:-1]):
        layers.append(nn.Linear(n_inputs, width))
        if normalization is not None:
            layers.append(NORMALIZATIONS[normalization](nn, width))
        layers.append(ACTIVATIONS[activation](nn, width))
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(*widths[-2:]))


def _train(torch, network, X, y, n_epochs, batch_size, alpha=1e-4):
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": weights, "weight_decay": alpha / batch_size},
        {"params": others},
    ]
    optimizer = torch.optim.Adam(groups, lr=1e-3, fused=True)
    criterion = torch.nn.CrossEntropyLoss()
    network.train()
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(network(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
