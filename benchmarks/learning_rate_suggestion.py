"""How good are the rates that LearningRateDisplay suggests?

For each data set and solver: the last training loss after 50 epochs at the suggestion,
at twice the suggestion (where the fall of the loss is over), and at the best of ten
rates from 1e-4 to 1e-1, all as shares of the first loss of the range test. One line per
seed; run with the name of a network::

    python benchmarks/learning_rate_suggestion.py default

"""

import argparse
import warnings

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.inspection import LearningRateDisplay

NETWORKS = {
    "default": {},
    "tanh": {"hidden_layer_sizes": (40, 40, 40), "activation": "tanh"},
    "deep": {"hidden_layer_sizes": (50,) * 4, "batch_size": 64},
    "logistic": {
        "hidden_layer_sizes": (30,),
        "activation": "logistic",
        "batch_size": 32,
    },
    "silu": {"hidden_layer_sizes": (100, 50), "activation": "silu", "batch_size": 32},
}
DATA = [load_digits, load_iris, load_wine, load_breast_cancer, load_diabetes]
EPOCHS = 50
GRID = np.geomspace(1e-4, 1e-1, 10)


def last_loss(model, X, y, rate):
    """Return the training loss after EPOCHS at a rate; infinity if it diverges."""
    model.set_params(
        learning_rate_init=rate, max_iter=EPOCHS, tol=0.0, n_iter_no_change=EPOCHS
    )
    try:
        return model.fit(X, y).loss_
    except ValueError:
        return np.inf


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'data':<14}{'solver':<7}{'suggested':>10}{'loss':>9}{'at twice':>10}"
          f"{'best':>9}{'at':>9}")  # fmt: skip
    for load in DATA:
        X, y = load(return_X_y=True)
        kind = MLPRegressor if load is load_diabetes else MLPClassifier
        X, y = scale(X), scale(y) if kind is MLPRegressor else y
        for solver in ("adam", "sgd"):
            for seed in range(options.seeds):
                model = kind(
                    solver=solver, random_state=seed, **NETWORKS[options.network]
                )
                display = LearningRateDisplay.from_estimator(model, X, y)
                plt.close(display.figure_)
                rates = [display.suggestion_, 2 * display.suggestion_, *GRID]
                losses = [last_loss(model, X, y, rate) for rate in rates]
                loss, twice, *grid = np.array(losses) / display.losses[0]
                print(
                    f"{load.__name__[5:]:<14}{solver:<7}{rates[0]:>10.2g}"
                    f"{loss:>9.4f}{twice:>10.4g}{min(grid):>9.4f}"
                    f"{GRID[np.argmin(grid)]:>9.2g}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
