"""How well `sk_mlp.inspection.diagnose` finds planted faults, and what its cures do.

    python benchmarks/diagnosis.py            # measure; writes diagnosis.json beside it
    python benchmarks/diagnosis.py --show     # the tables of the last run

For every symptom networks that have it are trained, over several data sets, sizes and
seeds, and healthy ones. A symptom counts as found if `diagnose` names its code; a
finding above "info" in a healthy network is a false alarm. Every remedy of the finding
is then applied and the network trained anew: has the finding gone, and is the loss
lower? The loss is that of rows held out (40 %), relative to the best constant
prediction, so that it compares if a remedy changes the units of the targets. The trainings take about three minutes on two cores.
"""

import argparse
import json
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
        X, y = make(600, noise=0.2 if name == "moons" else 0.1, random_state=0)
    elif name == "friedman":
        X, y = datasets.make_friedman1(800, noise=0.5, random_state=0)
    elif name == "blobs":
        X, y = datasets.make_classification(
            1000, 20, n_informative=8, n_classes=4, class_sep=1.5, random_state=0
        )
    elif name == "multilabel":
        X, y = datasets.make_multilabel_classification(600, 15, random_state=0)
    else:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if raw:
        return X, y
    return scale(X), scale(y) if name in NUMBERS else y


def case(name, *, X=None, y=None, with_validation=False, **params):
    """Return a network to train: its estimator, its data, and a description."""
    kind = MLPRegressor if name.split()[0] in NUMBERS else MLPClassifier
    own_X, own_y = data(name)
    return {
        "estimator": kind(**{"random_state": 0, **params}),
        "X": own_X if X is None else X,
        "y": own_y if y is None else y,
        "with_validation": with_validation,
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
)


def healthy():
    """Yield networks without fault; one of them early stopped, some scikit-learn's."""
    for seed, name in enumerate((*CLASSES, *NUMBERS)):
        for params in HEALTHY:
            yield case(name, **{"max_iter": 1000, "random_state": seed, **params})
    for name in ("digits", "blobs", "friedman", "diabetes"):
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


def input_scale():
    for seed, name in enumerate(("wine raw", "breast_cancer raw", "diabetes raw")):
        y = scale(data(name)[1]) if "diabetes" in name else None
        yield case(name, y=y, random_state=seed, hidden_layer_sizes=(40,), max_iter=400)
    for factor, name in ((300.0, "digits"), (1e3, "moons"), (1e-3, "blobs")):
        yield case(name, X=factor * data(name)[0], max_iter=400)


def target_scale():
    for seed, name in enumerate(("diabetes raw", "friedman raw")):
        yield case(name, X=scale(data(name)[0]), random_state=seed, max_iter=400)
    X, y = data("friedman")
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
    rng = np.random.RandomState(0)
    for seed, name in enumerate(("moons", "blobs", "breast_cancer", "digits")):
        X, y = data(name)
        X, y = X[:300], y[:300].copy()
        noisy = rng.uniform(size=len(y)) < 0.2
        y[noisy] = rng.permutation(y)[noisy]
        yield case(
            name,
            **{"X": X, "y": y, "with_validation": True, "random_state": seed},
            **{"hidden_layer_sizes": (200, 200), "alpha": 0.0, "max_iter": 300},
        )
    for seed, name in enumerate(NUMBERS):
        X, y = data(name)
        X, y = X[:150], y[:150] + 0.5 * rng.standard_normal(150)
        yield case(
            name,
            **{"X": X, "y": y, "with_validation": True, "random_state": seed},
            **{"hidden_layer_sizes": (200, 200), "alpha": 0.0, "max_iter": 300},
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
    *(dead_units, vanishing_gradients, exploding_gradients, saturation, input_scale),
    *(target_scale, linear_network, learning_rate_too_high, learning_rate_too_low),
    *(not_converged, overfitting, underfitting, output_activation, constant_features),
    initialization,
)


# Measurement ------------------------------------------------------------------------


def train(estimator, case):
    """Return the fitted estimator, the rows it has seen and those held out."""
    X, X_new, y, y_new = train_test_split(
        case["X"], case["y"], test_size=0.4, random_state=0
    )
    rest = {"X_val": X_new, "y_val": y_new} if case["with_validation"] else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X, y, **rest)
    return estimator, (X, y), (X_new, y_new)


def relative_loss(estimator, X, y):
    exam = Examination(*read(estimator, X, y))
    return exam.trace.loss / exam.constant_loss


def examine(code, case):
    """Return what was found in one network, and what the remedies did to it."""
    estimator, rows, judged = train(case["estimator"], case)
    diagnosis = diagnose(estimator, *rows)
    result = {
        "code": code,
        "text": case["text"],
        "codes": {f.code: f.severity for f in diagnosis.findings},
        "remedies": [],
    }
    for finding in diagnosis.findings:
        if finding.code != code:
            continue
        before = relative_loss(estimator, *judged)
        for remedy in finding.remedies:
            try:
                cured, rows, judged_by = train(remedy.apply(estimator), case)
                after = relative_loss(cured, *judged_by)
                gone = code not in diagnose(cured, *rows).codes
            except ValueError as error:  # diverged
                after, gone = None, False
                print(error)
            result["remedies"].append(
                {"code": remedy.code, "before": before, "after": after, "gone": gone}
            )
    return result


def measure():
    cases = [("healthy", case) for case in healthy()]
    cases += [(make.__name__, case) for make in PLANTED for case in make()]
    return Parallel(n_jobs=2, verbose=1)(delayed(examine)(*pair) for pair in cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--show", action="store_true", help="only show the last run")
    if not parser.parse_args().show:
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n", "utf-8")
    show(json.loads(RESULTS.read_text("utf-8")))


def show(results):
    by_code = defaultdict(list)
    for result in results:
        by_code[result["code"]].append(result)
    for code, found in by_code.items():
        if code == "healthy":
            bad = [r for r in found if set(r["codes"].values()) - {"info"}]
            print(f"healthy: {len(found)} networks, {len(bad)} false alarms")
            for r in bad:
                print("    ", r["text"], r["codes"])
            continue
        hits = [r for r in found if code in r["codes"]]
        print(f"{code}: found in {len(hits)} of {len(found)}")
        for r in found:
            if code not in r["codes"]:
                print("     MISSED", r["text"], r["codes"])
            for m in r["remedies"]:
                ok = m["gone"] and m["after"] is not None and m["after"] < m["before"]
                after = "diverged" if m["after"] is None else f"{m['after']:.3g}"
                print(
                    f"     {'ok ' if ok else 'BAD'} {r['text'][:70]:70} {m['code']:40}"
                    f" {m['before']:.3g} -> {after} gone={m['gone']}"
                )


if __name__ == "__main__":
    main()
