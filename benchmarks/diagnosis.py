"""How well `sk_mlp.inspection.diagnose` finds planted faults, and what its cures do.

    python benchmarks/diagnosis.py            # measure; writes diagnosis.json beside it
    python benchmarks/diagnosis.py --show     # the tables of the last run

For every symptom networks that have it are trained, over several data sets, sizes and
seeds, and healthy ones. A symptom counts as found if `diagnose` names its code; a
finding above "info" in a healthy network is a false alarm. A network counts as healthy
if it has no planted fault and its score on rows held out is at most 0.05 below the
best one of all networks on these data.

Every remedy of the finding is then applied and the network trained anew: has the
finding gone (or become an "info"), and is the loss lower, on the rows of the training
and on those held out (40 %)? Losses are relative to the best constant prediction, so
that they compare if a remedy changes the units of the targets. Takes three minutes on
two cores.

The limits in `sk_mlp.inspection` were chosen with ``--seed 0`` and 1. The figures that
count are those of another one: other initial weights, other rows held out, and other
data where they are made by code.
"""

import argparse
import json
import re
import warnings
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from sk_mlp import MLPClassifier, MLPRegressor, initializers
from sk_mlp.activations import LeakyReLU
from sk_mlp.initializers import Initializer, VarianceScaling
from sk_mlp.inspection import diagnose
from sk_mlp.inspection._examination import Examination
from sk_mlp.inspection._reading import read

RESULTS = Path(__file__).with_name("diagnosis.json")
CLASSES = ("digits", "iris", "wine", "breast_cancer", "moons", "blobs")
NUMBERS = ("diabetes", "friedman")
SEED = {"seed": 2}  # set by the command line, before the networks are made


class LowBias(Initializer):
    """The matched weights, with biases far below 0."""

    bias: float = -10.0

    def fill(self, weight, bias, rng, activation):
        initializers.get("auto").fill(weight, bias, rng, activation)
        bias[...] = self.bias


@cache
def data(name):
    """Return (X, y), standardised; of "NAME raw" as they come."""
    name, _, raw = name.partition(" ")
    if name in ("moons", "circles"):
        make = getattr(datasets, f"make_{name}")
        X, y = make(
            600, noise=0.2 if name == "moons" else 0.1, random_state=SEED["seed"]
        )
    elif name == "friedman":
        X, y = datasets.make_friedman1(800, noise=0.5, random_state=SEED["seed"])
    elif name == "blobs":
        X, y = datasets.make_classification(
            *(1000, 20),
            **{"n_informative": 8, "n_classes": 4, "class_sep": 1.5},
            random_state=SEED["seed"],
        )
    elif name == "noisy":  # no one can get more than 85 % of it right
        X, y = datasets.make_classification(
            1000, 10, flip_y=0.3, random_state=SEED["seed"]
        )
    elif name == "multilabel":
        X, y = datasets.make_multilabel_classification(
            600, 15, random_state=SEED["seed"]
        )
    else:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if raw:
        return X, y
    return scale(X), scale(y) if name in NUMBERS else y


def case(name, *, X=None, y=None, with_validation=False, **params):
    """Return a network to train: its estimator, its data, and a description."""
    kind = MLPRegressor if name.split()[0] in NUMBERS else MLPClassifier
    own_X, own_y = data(name)
    params["random_state"] = params.get("random_state", 0) + 100 * SEED["seed"]
    return {
        "estimator": kind(**params),
        "seed": SEED["seed"],
        "X": own_X if X is None else X,
        "y": own_y if y is None else y,
        "with_validation": with_validation,
        "data": name,
        "text": f"{name} {params}",
    }


# Networks ---------------------------------------------------------------------------

# A thousand epochs where two hundred, the default, are too few to converge.
HEALTHY = (
    {"hidden_layer_sizes": (100,), "max_iter": 200},
    {"hidden_layer_sizes": (64, 32), "activation": "gelu"},
    {"hidden_layer_sizes": (32,), "activation": "tanh", "solver": "lbfgs"},
    {"hidden_layer_sizes": (32, 32, 32), "normalization": "batch"},
    {"hidden_layer_sizes": (50,), "activation": "logistic", "solver": "lbfgs"},
    {"hidden_layer_sizes": (32, 32), "activation": "prelu", "dropout": 0.1},
    {"hidden_layer_sizes": (40,) * 4, "activation": "mish"},
    {"hidden_layer_sizes": (60,), "solver": "sgd", "learning_rate_init": 0.05},
    {"hidden_layer_sizes": (50, 50), "activation": "selu", "dtype": "float32"},
    {"hidden_layer_sizes": (20, 20), "activation": "symmetric_msaf"},
    {"hidden_layer_sizes": (100,), "dropout": 0.5},
)


def healthy():
    """Yield networks without fault; one of them early stopped, some scikit-learn's."""
    for seed, name in enumerate((*CLASSES, *NUMBERS, "noisy")):
        for params in HEALTHY:
            yield case(name, **{"max_iter": 1000, "random_state": seed, **params})
    for name in ("digits", "breast_cancer", "friedman", "diabetes"):
        yield case(name, early_stopping=True, max_iter=1000)
        kind = "MLPRegressor" if name in NUMBERS else "MLPClassifier"
        theirs = getattr(neural_network, kind)(max_iter=1000, random_state=0)
        yield {**case(name), "estimator": theirs, "text": f"{name} scikit-learn's"}


DEEP = (32,) * 10


def dead_units():
    for seed, name in enumerate(("digits", "wine", "blobs", "friedman", "moons")):
        sizes = [(50,), (30, 30), (100,), (20, 20, 20), (40,)][seed]
        # Without penalty, which would slowly bring the biases' units back.
        yield case(
            name,
            hidden_layer_sizes=sizes,
            init=LowBias(),
            random_state=seed,
            max_iter=50,
        )
    for name, rate in (("digits", 1.0), ("blobs", 3.0), ("breast_cancer", 3.0)):
        yield case(name, hidden_layer_sizes=(30, 30), learning_rate_init=rate)

    # Deep narrow networks die at birth: Lu et al. 2019, arXiv:1903.06733.
    for seed, name in enumerate(("iris", "wine", "moons", "blobs")):
        yield case(
            name, hidden_layer_sizes=(3,) * (8 + seed), random_state=seed, max_iter=300
        )


def vanishing_gradients():
    for seed, name in enumerate(
        ("digits", "iris", "breast_cancer", "diabetes", "blobs")
    ):
        depth = 10 + seed
        sizes = (24 + 4 * seed,) * depth
        yield case(
            name, hidden_layer_sizes=sizes, activation="logistic", random_state=seed
        )
    small = VarianceScaling(scale=0.05)
    for seed, name in enumerate(("digits", "moons")):
        yield case(
            name,
            **{"hidden_layer_sizes": DEEP, "activation": "tanh", "init": small},
            **{"random_state": seed, "max_iter": 3},
        )


def exploding_gradients():
    large = VarianceScaling(scale=50.0)
    for seed, name in enumerate(("digits", "wine", "blobs", "diabetes", "friedman")):
        sizes = (32,) * (6 + seed)
        yield case(name, hidden_layer_sizes=sizes, init=large, random_state=seed)
    for name in ("iris", "wine"):
        yield case(name, solver="sgd", learning_rate_init=10.0)
    for seed, name in enumerate(("iris", "moons", "diabetes")):
        yield case(
            name,
            **{"hidden_layer_sizes": (24,) * (80 + 10 * seed), "activation": "sine"},
            **{"random_state": seed, "max_iter": 10},
        )


def non_finite():
    # Fits that failed: scikit-learn's estimators keep what they had come to by then.
    for seed, name in enumerate(("diabetes", "friedman", "diabetes", "friedman")):
        theirs = neural_network.MLPRegressor(
            hidden_layer_sizes=(20 + 10 * seed,),
            solver="sgd",
            learning_rate_init=10.0,
            random_state=seed,
        )
        y = scale(data(name)[1])
        yield {**case(name, y=y), "estimator": theirs, "text": f"{name} {theirs}"}
    theirs = neural_network.MLPRegressor(solver="sgd", random_state=0)
    X = 1e4 * data("diabetes")[0]
    yield {**case("diabetes", X=X), "estimator": theirs, "text": "diabetes * 1e4"}


def saturation():
    large = VarianceScaling(scale=500.0)
    for seed, name in enumerate(("digits", "blobs", "wine", "friedman", "diabetes")):
        yield case(
            name,
            **{"hidden_layer_sizes": (40,), "init": large, "random_state": seed},
            activation="tanh" if seed % 2 else "logistic",
        )
    for name in ("wine raw", "breast_cancer raw"):
        yield case(name, hidden_layer_sizes=(30, 30), activation="tanh")
    for name in ("digits", "blobs", "wine"):  # too little to be called unscaled
        yield case(name, X=18 * data(name)[0], activation="tanh", max_iter=400)


def input_scale():
    for seed, name in enumerate(("wine raw", "breast_cancer raw", "diabetes raw")):
        y = scale(data(name)[1]) if "diabetes" in name else None
        yield case(name, y=y, random_state=seed, hidden_layer_sizes=(40,), max_iter=400)
    for factor, name in ((300.0, "digits"), (1e3, "moons"), (1e-3, "blobs")):
        yield case(name, X=factor * data(name)[0], max_iter=400)


def target_scale():
    for seed, name in enumerate(("diabetes raw", "friedman raw")):
        yield case(name, X=scale(data(name)[0]), random_state=seed, max_iter=400)
    y = data("friedman")[1]
    for factor, shift in ((1e3, 0.0), (1.0, 500.0), (1e-3, 0.0), (1e5, 1e5)):
        yield case("friedman", y=factor * y + shift, max_iter=400)


def linear_network():
    for seed, name in enumerate(("moons", "circles", "friedman", "digits", "blobs")):
        yield case(
            name,
            **{"hidden_layer_sizes": (20,) * (1 + seed), "random_state": seed},
            **{"activation": "identity", "max_iter": 1000},
        )
    yield case("moons", activation=LeakyReLU(1.0), max_iter=1000)


def learning_rate_too_high():
    for name, rate in (
        *(("digits", 0.3), ("wine", 1.0), ("blobs", 1.0), ("friedman", 1.0)),
        *(("diabetes", 0.3), ("moons", 3.0), ("iris", 3.0)),
    ):
        yield case(name, hidden_layer_sizes=(64,), learning_rate_init=rate)
    for name, rate in (("digits", 1.0), ("wine", 10.0), ("moons", 10.0)):
        yield case(name, solver="sgd", learning_rate_init=rate)


def learning_rate_too_low():
    for seed, name in enumerate((*CLASSES, *NUMBERS)):
        rate = (1e-5, 1e-6, 3e-6)[seed % 3]
        yield case(name, learning_rate_init=rate, random_state=seed)
    for name in ("digits", "wine", "friedman"):
        yield case(name, solver="sgd", learning_rate_init=1e-5)


def not_converged():
    for seed, name in enumerate((*CLASSES, *NUMBERS)):
        yield case(name, max_iter=4 + seed, random_state=seed)
    yield case("iris", early_stopping=True)
    yield case("friedman", solver="lbfgs", max_iter=3)


def overfitting():
    rng = np.random.RandomState(SEED["seed"])
    names = ("moons", "blobs", "breast_cancer", "digits", "wine", "diabetes")
    for seed, name in enumerate(names):
        X, y = data(name)
        rows = rng.permutation(len(y))[:250]
        X, y = X[rows], y[rows].copy()
        if name in NUMBERS:
            y += 0.7 * rng.standard_normal(len(y))
        else:
            noisy = rng.uniform(size=len(y)) < 0.25
            y[noisy] = rng.permutation(y)[noisy]
        yield case(
            name,
            **{"X": X, "y": y, "with_validation": True, "random_state": seed},
            **{"hidden_layer_sizes": (200, 200), "alpha": 0.0, "max_iter": 500},
            learning_rate_init=0.002,
        )


def underfitting():
    for seed, name in enumerate(("moons", "circles", "digits", "friedman")):
        yield case(
            name,
            hidden_layer_sizes=(1,),
            max_iter=2000,
            random_state=seed,
            learning_rate_init=0.01,
        )
    for name, alpha in (("digits", 1000.0), ("circles", 100.0), ("blobs", 1000.0)):
        yield case(name, alpha=alpha, max_iter=1000)
    yield case("blobs", dropout=0.9, hidden_layer_sizes=(20, 20), max_iter=1000)


def output_activation():
    for seed, name in enumerate(("diabetes", "friedman")):
        for output in ("logistic", "relu", "tanh"):
            yield case(name, output_activation=output, random_state=seed, max_iter=400)
    yield case("multilabel", output_activation="softmax", max_iter=400)


def constant_features():
    for seed, name in enumerate(("iris", "wine", "blobs", "moons", "friedman")):
        X = data(name)[0]
        X = np.column_stack([X, np.full((len(X), 1 + seed), 1.0 + seed)])
        yield case(name, X=X, max_iter=1000, random_state=seed)


def initialization():
    for seed, name in enumerate(("digits", "wine", "blobs", "friedman", "diabetes")):
        factor = (0.05, 20.0)[seed % 2]
        yield case(
            name,
            **{"hidden_layer_sizes": (32,) * (3 + seed), "random_state": seed},
            **{"init": VarianceScaling(scale=factor), "max_iter": 20},
        )
    for activation in ("relu", "gelu"):
        yield case(
            "digits",
            **{"hidden_layer_sizes": DEEP, "activation": activation},
            **{"init": VarianceScaling(scale=0.3), "max_iter": 20},
        )


PLANTED = (
    *(dead_units, vanishing_gradients, exploding_gradients, non_finite, saturation),
    input_scale,
    *(target_scale, linear_network, learning_rate_too_high, learning_rate_too_low),
    *(not_converged, overfitting, underfitting, output_activation, constant_features),
    initialization,
)


# Measurement ------------------------------------------------------------------------


def train(estimator, case):
    """Return the fitted estimator, the rows it has seen and those held out."""
    X, X_new, y, y_new = train_test_split(
        case["X"], case["y"], test_size=0.4, random_state=case["seed"]
    )
    rest = {"X_val": X_new, "y_val": y_new} if case["with_validation"] else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            estimator.fit(X, y, **rest)
        except ValueError:
            if not hasattr(estimator, "coefs_"):
                raise
    return estimator, (X, y), (X_new, y_new)


def relative_loss(estimator, X, y):
    exam = Examination(*read(estimator, X, y))
    return exam.trace.loss / exam.constant_loss


def losses(estimator, *parts):
    """Return the relative loss of the rows seen and of those held out."""
    found = [float(relative_loss(estimator, *rows)) for rows in parts]
    return [loss if np.isfinite(loss) else None for loss in found]


def serious(diagnosis, code):
    """Tell whether a finding above "info" (for constant features: any) is there."""
    return any(
        finding.code == code
        and (finding.severity != "info" or code == "constant_features")
        for finding in diagnosis.findings
    )


def examine(code, case):
    """Return what was found in one network, and what the remedies did to it."""
    estimator, seen, new = train(case["estimator"], case)
    diagnosis = diagnose(estimator, *seen)
    result = {
        "code": code,
        "text": case["text"],
        "data": case["data"],
        "score": estimator.score(*new) if code == "healthy" else None,
        "codes": {f.code: f.severity for f in diagnosis.findings},
        "remedies": [],
    }
    for finding in diagnosis.findings:
        if finding.code != code:
            continue
        before = losses(estimator, seen, new)
        for remedy in finding.remedies:
            cured, *rows = train(remedy.apply(case["estimator"]), case)
            result["remedies"].append(
                {
                    "code": remedy.code,
                    "before": before,
                    "after": losses(cured, *rows),
                    "gone": not serious(diagnose(cured, *rows[0]), code),
                }
            )
    return result


def measure():
    cases = [("healthy", case) for case in healthy()]
    cases += [(make.__name__, case) for make in PLANTED for case in make()]
    return Parallel(n_jobs=2, verbose=1)(delayed(examine)(*pair) for pair in cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--show", action="store_true", help="only show the last run")
    parser.add_argument("--seed", type=int, default=SEED["seed"])
    arguments = parser.parse_args()
    SEED["seed"] = arguments.seed
    if not arguments.show:
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n", "utf-8")
    show(json.loads(RESULTS.read_text("utf-8")))


def show(results):
    """Print the tables, as they are in docs/diagnosis.md, and all that went wrong."""
    planted, remedies, healthy, misses = tables(results)
    print(healthy, planted, remedies, "Exceptions:", *misses, sep="\n\n")


def tables(results):
    """Return two Markdown tables, a sentence on healthy networks, the exceptions."""
    by_code = defaultdict(list)
    for result in results:
        by_code[result["code"]].append(result)
    healthy, misses = _healthy(by_code.pop("healthy"))
    rows = ["| code | networks | found |", "|---|---|---|"]
    cures = [
        "| code | remedy | applied | finding gone | loss lower | on new rows |",
        "|---|---|---|---|---|---|",
    ]
    for code, found in by_code.items():
        hits = sum(code in result["codes"] for result in found)
        rows.append(f"| `{code}` | {len(found)} | {hits} |")
        misses += [f"missed: {r['text']}" for r in found if code not in r["codes"]]
        kinds = defaultdict(list)
        for result in found:
            for remedy in result["remedies"]:
                kind = re.sub(r"=(\(\d.*\)|\d[\w.+-]*)", "=...", remedy["code"])
                kinds[kind].append(remedy)
                if not remedy["gone"] or _better(remedy) != [True, True]:
                    misses.append(f"{code}: {result['text']}: {remedy}")
        for kind, applied in kinds.items():
            gone = sum(remedy["gone"] for remedy in applied)
            seen, new = np.sum([_better(remedy) for remedy in applied], axis=0)
            cures.append(
                f"| `{code}` | `{kind}` | {len(applied)} | {gone} | {seen} | {new} |"
            )
    return "\n".join(rows), "\n".join(cures), healthy, misses


def _better(remedy):
    pairs = zip(remedy["before"], remedy["after"], strict=True)
    return [before is None or after < before for before, after in pairs]


def _healthy(results):
    best = defaultdict(lambda: -np.inf)
    for result in results:
        best[result["data"]] = max(best[result["data"]], result["score"])
    good = [r for r in results if r["score"] >= best[r["data"]] - 0.05]
    alarmed = [r for r in good if set(r["codes"].values()) - {"info"}]
    text = (
        f"{len(good)} healthy networks (of {len(results)} without planted fault), "
        f"{len(alarmed) or 'no'} false alarm{'s' if len(alarmed) > 1 else ''}."
    )
    return text, [f"false alarm: {r['text']}: {r['codes']}" for r in alarmed]


if __name__ == "__main__":
    main()
