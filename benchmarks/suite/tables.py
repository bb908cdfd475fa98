"""What is measured: one function a table, with the targets.

A ratio is the peer's time (or memory) over ours, so more is better for all, and a limit
is a peer like another.
"""

from functools import partial

from sklearn import neural_network
from sklearn.model_selection import GridSearchCV

import sk_mlp
from sk_mlp import activations
from suite import data
from suite.contenders import (
    constant,
    peak_memory,
    seconds,
    seconds_of_epoch,
    seconds_of_fit,
    seconds_of_import,
    seconds_of_partial_fit,
)
from suite.contest import OURS, SKLEARN, TORCH, Row, Table
from suite.torch_peer import seconds_of_torch_epoch

CLASSIFIERS = {OURS: sk_mlp.MLPClassifier, SKLEARN: neural_network.MLPClassifier}
REGRESSORS = {OURS: sk_mlp.MLPRegressor, SKLEARN: neural_network.MLPRegressor}

EPOCH_TARGETS = {  # of the cases in their order
    ("float32", SKLEARN): (15, 4.5, 4, 2.3, 1.8),
    ("float64", SKLEARN): (12, 4, 3.5, 1.8, 1.5),
    ("float32", TORCH): (4, 2.2, 2.8, 1.1, 1.0),
}


def both(measure, *args, **parameters):
    """Return the contenders of a row: the same measurement of both classifiers."""
    return {
        name: measure(cls, *args, **parameters) for name, cls in CLASSIFIERS.items()
    }


def settings(case):
    """Return the parameters of an estimator for a case."""
    return {"hidden_layer_sizes": case.hidden, "batch_size": case.batch_size}


def epoch_targets(n_case, dtype):
    """Return the targets of an epoch by the peer."""
    return {
        peer: targets[n_case]
        for (of_dtype, peer), targets in EPOCH_TARGETS.items()
        if of_dtype == dtype
    }


def epoch(quick):
    """An epoch within a fit."""
    cases = data.cases(quick)
    rows = []
    for dtype in ("float32", "float64"):
        for k, (name, case) in enumerate(cases.items()):
            X, y = case.data(dtype)
            contenders = both(seconds_of_epoch, X, y, case.n_epochs, **settings(case))
            if dtype == "float32":
                contenders[TORCH] = seconds_of_torch_epoch(X, y, case, case.n_epochs)
            rows.append(Row(f"{name} {dtype}", contenders, epoch_targets(k, dtype)))
    notes = [f"{name}: {case}" for name, case in cases.items()]
    notes.append("one fit of many epochs (max_iter) over their number; torch: its loop")
    return Table("Training: an epoch of a fit, Adam, ReLU, alpha=1e-4", rows, notes)


def partial_fit(quick):
    """An epoch as a call of its own."""
    rows = []
    for dtype in ("float32", "float64"):
        for k, (name, case) in enumerate(data.cases(quick).items()):
            X, y = case.data(dtype)
            contenders = both(
                seconds_of_partial_fit, X, y, case.n_calls, **settings(case)
            )
            rows.append(Row(f"{name} {dtype}", contenders, epoch_targets(k, dtype)))
    notes = ["the cases of the table epoch; one epoch a call, with all its checks"]
    return Table("Training: a call of partial_fit with all rows", rows, notes)


def activation(quick):
    """An epoch with each activation, over torch's and over that with ReLU."""
    case = data.cases(quick)["medium"]
    X, y = case.data("float32")
    n_rows, n_epochs = len(X) // 2, 2
    X, y = X[:n_rows], y[:n_rows]
    ours = partial(
        *(seconds_of_epoch, sk_mlp.MLPClassifier, X, y, n_epochs), **settings(case)
    )
    rows = []
    for name in sorted(activations.names(), key=lambda name: (name != "relu", name)):
        contenders = {
            OURS: ours(activation=name),
            TORCH: seconds_of_torch_epoch(X, y, case, n_epochs, name),
            "relu": ours(activation="relu"),
        }
        rows.append(Row(name, contenders, {TORCH: 1.0}, baseline="relu"))
    notes = [f"the first {n_rows:,} rows of the case medium; an epoch of a fit of 2"]
    return Table("Activations: an epoch, float32", rows, notes, over="over relu")


def lbfgs(quick):
    """Fits that take the same steps."""
    n_rows, max_iter = (100, 3) if quick else (5000, 50)
    problems = {
        "digits": (CLASSIFIERS, data.digits()),
        f"{n_rows:,} x 50, regression": (REGRESSORS, data.curve(n_rows, 50)),
    }
    rows = []
    for label, (classes, (X, y)) in problems.items():
        parameters = {"solver": "lbfgs", "max_iter": max_iter, "random_state": 0}
        contenders = {
            name: seconds_of_fit(
                cls(**parameters, **({"init": "sklearn"} if name == OURS else {})),
                *(X, y, "n_iter_", "loss_"),
            )
            for name, cls in classes.items()
        }
        rows.append(Row(label, contenders, {SKLEARN: 2.0}, unit="s"))
    notes = [f"a fit in float64, max_iter={max_iter}, from the same weights"]
    return Table("L-BFGS: the same iterations", rows, notes)


def predict(quick):
    """One row, and so many that memory matters."""
    X, y = data.digits()
    models = {name: cls(max_iter=2).fit(X, y) for name, cls in CLASSIFIERS.items()}
    one_row = {
        name: seconds(partial(model.predict_proba, X[:1]), 10 if quick else 1000)
        for name, model in models.items()
    }
    n_rows, hidden = (500, (8, 4)) if quick else (400_000, (512, 256))
    X, y = data.classes(n_rows, 100, 10, "float32")
    calls = {
        name: partial(cls(hidden, max_iter=1).fit(X[:1000], y[:1000]).predict_proba, X)
        for name, cls in CLASSIFIERS.items()
    }
    times = {name: seconds(call) for name, call in calls.items()}
    memory = {name: peak_memory(call) for name, call in calls.items()}
    memory["60 MB"] = constant(60e6)
    targets = {"60 MB": 1.0, SKLEARN: None}
    rows = [
        Row("one row of digits", one_row, {SKLEARN: 3.0}, unit="µs"),
        Row(f"time, {n_rows:,} rows", times, {SKLEARN: 1.0}, unit="s"),
        Row(f"memory, {n_rows:,} rows", memory, targets, unit="MB", once=True),
    ]
    notes = [
        "one row: hidden layer (100,), float64",
        f"{n_rows:,} rows: 100 features, hidden layers {hidden}, float32; most memory "
        "beyond X at any time, with the result",
    ]
    return Table("Prediction: a call of predict_proba", rows, notes)


def jobs(quick):
    """What a user waits for."""
    n_jobs, cv, limit = (1, 2, {"max_iter": 2}) if quick else (2, 5, {})
    X, y = data.digits()
    grid = {"activation": ["identity", "logistic", "tanh", "relu"]}
    estimators = {
        name: cls(random_state=0, **limit) for name, cls in CLASSIFIERS.items()
    }
    searches = {
        name: seconds_of_fit(GridSearchCV(est, grid, n_jobs=n_jobs, cv=cv), X, y)
        for name, est in estimators.items()
    }
    fits = {
        name: seconds_of_fit(est, X, y, "n_iter_", "loss_")
        for name, est in estimators.items()
    }
    rows = [
        Row("fit of default estimator", fits, {SKLEARN: 4.0}, unit="s"),
        Row("grid of 4 activations", searches, {SKLEARN: 3.0}, unit="s"),
    ]
    notes = [
        "digits in float64, default parameters: at most 200 epochs of Adam",
        f"grid: GridSearchCV, {cv} folds, n_jobs={n_jobs}, with the final fit",
    ]
    return Table("Whole jobs", rows, notes, n_rounds=4)


def regularisation(quick):
    """An epoch with what torch has as layers of their own."""
    case = data.cases(quick)["medium"]
    X, y = case.data("float32")
    rows = []
    for label, parameters in {
        "dropout of 0.5": {"dropout": 0.5},
        "batch norm": {"normalization": "batch"},
        "layer norm": {"normalization": "layer"},
    }.items():
        contenders = {
            OURS: seconds_of_epoch(
                *(sk_mlp.MLPClassifier, X, y, case.n_epochs),
                **settings(case),
                **parameters,
            ),
            TORCH: seconds_of_torch_epoch(X, y, case, case.n_epochs, **parameters),
        }
        rows.append(Row(label, contenders, {TORCH: 1.0}))
    return Table("Regularisation: an epoch of the case medium, float32", rows)


def scale(quick):
    """What grows with the rows, and what there is without any."""
    base, *sizes = (20, 40, 60) if quick else (10_000, 100_000, 1_000_000)
    X, y = data.classes(sizes[-1], 50, 2, "float32")
    parameters = {"hidden_layer_sizes": (64,), "batch_size": 10 if quick else 200}
    n_epochs = 3

    def per_row(n_rows):
        args = (sk_mlp.MLPClassifier, X[:n_rows], y[:n_rows], n_epochs)
        measure = seconds_of_epoch(*args, **parameters)
        n_fits = max(1, sizes[0] // n_rows)  # of the small one several, to have time
        return lambda: sum(measure() for _ in range(n_fits)) / n_fits / n_rows

    peer = f"{base:,} rows"
    rows = [
        Row(
            f"time, {n_rows:,} rows",
            {OURS: per_row(n_rows), peer: per_row(base)},
            {peer: 1 / 1.15},
            unit="µs",
            baseline=peer,
        )
        for n_rows in sizes
    ]
    rows += [
        memory_of_fit(f"memory, {sizes[-1]:,} rows", X, y, parameters),
        memory_of_fit("memory, CSR", data.sparse_rows(len(X), 50), y, parameters),
        import_time(),
    ]
    notes = [
        "50 features, float32, 2 classes, hidden layer (64,), batches of 200",
        f"time: of a row, in an epoch of a fit of {n_epochs}; ours/peer at most 1.15",
        "memory: the most beyond X in a fit; in CSR one number in 10 is not zero; "
        "ours/peer at most 0.10",
        "import: in a fresh interpreter; ours/peer at most 1.10",
    ]
    return Table("Scale: rows, memory, import", rows, notes, over="ours/peer")


def memory_of_fit(label, X, y, parameters):
    """Return the row on the memory of a fit beyond its X."""
    contenders = {
        name: peak_memory(partial(cls(max_iter=1, **parameters).fit, X, y))
        for name, cls in CLASSIFIERS.items()
    }
    contenders["X"] = constant(data.n_bytes(X))
    targets = {"X": 10.0, SKLEARN: None}
    return Row(label, contenders, targets, unit="MB", baseline="X", once=True)


def import_time():
    """Return the row on the time of the import."""
    modules = {OURS: "sk_mlp", SKLEARN: "sklearn.neural_network"}
    contenders = {name: seconds_of_import(module) for name, module in modules.items()}
    targets = {SKLEARN: 1 / 1.1}
    return Row("import", contenders, targets, unit="s", baseline=SKLEARN)


TABLES = {
    "epoch": epoch,
    "partial_fit": partial_fit,
    "activations": activation,
    "lbfgs": lbfgs,
    "predict": predict,
    "jobs": jobs,
    "regularisation": regularisation,
    "scale": scale,
}
