"""Random cases for the fuzz: an estimator, its data and what is called of it."""

from fractions import Fraction

import numpy as np
import pandas as pd
from scipy import sparse

from sk_mlp import (
    MLPClassifier,
    MLPRegressor,
    initializers,
    losses,
    optimizers,
    schedules,
)
from sk_mlp import activations as act
from sk_mlp._setup import is_name

# Random choices -----------------------------------------------------------------------


def pick(rng, options):
    return options[rng.randint(len(options))]


def chance(rng, share):
    return rng.uniform() < share


def constant_score(estimator, X, y):
    return 0.5


def weighted_score(estimator, X, y, sample_weight=None):
    estimator.predict(X)
    return float(np.sum(sample_weight)) if sample_weight is not None else np.float32(1)


def no_score(estimator, X, y):
    return None


def nan_score(estimator, X, y):
    return np.nan


class Halving(schedules.Schedule):
    """A schedule of a user's own."""

    def rate(self, base, progress):
        return base * 0.5**progress.epoch


class Cube(act.Activation):
    """An activation of a user's own, which overflows early."""

    def forward(self, z, out):
        out[...] = z**3

    def backward(self, z, a, grad):
        grad *= 3 * z**2


ACTIVATIONS = [
    *act.names(),
    *(act.LeakyReLU(0.3, trainable=True), act.ELU(2.0), act.CELU(0.5, True), Cube()),
    *(act.MSAF((1.0, 4.0), trainable="shared"), act.SymmetricMSAF(2.0, True)),
    *(act.HardTanh(-2.0, 2.0), act.Step(surrogate="tanh"), act.SiLU(2.0, "shared")),
    *(act.Logistic(3.0), act.Tanh(0.5, True), act.GELU("tanh"), act.RReLU(0.1, 0.4)),
    *(act.Identity(2.0, True), act.Softplus(3.0), act.Softplus(1.0, True)),
    *(act.LeakyReLU(1e200), act.Logistic(1e-300), act.Tanh(1e200), act.ELU(0.0)),
    *(act.LeakyReLU(np.float32(0.1)), act.Softplus(np.float64(2)), act.CELU(2)),
    *(act.SiLU(np.float64(0.5), True), act.MSAF((Fraction(1, 2), 3), True)),
    act.ELU(Fraction(3, 2)),
]
LOSSES = {
    MLPClassifier: [
        *["log_loss"] * 6,
        *("focal", "squared_error", losses.LogLoss(0.1), losses.LogLoss(0.99)),
        *(losses.Focal(0.5), losses.Focal(0)),
    ],
    MLPRegressor: [
        *["squared_error"] * 12,
        *(name for name in losses.names() if "regression" in losses.get(name).tasks),
        *(losses.Huber(0.1), losses.Quantile((0.1, 0.5, 0.9)), losses.Quantile(0.2)),
        *(losses.Tweedie(1.2), losses.Tweedie(-1.0), losses.Tweedie(3.0)),
        *(losses.GaussianNLL(0.1), losses.Huber(1e-300), losses.Tweedie(0)),
    ],
}
SOLVERS = [
    *("lbfgs", "lbfgs", *optimizers.names()),
    *(optimizers.SGD(0.0), optimizers.SGD(0.5, nesterovs_momentum=False)),
    *(optimizers.Adam(beta_1=0.0), optimizers.AdamW(weight_decay=0.1)),
    *(optimizers.RMSprop(rho=0.5), optimizers.NAdam(), optimizers.Adagrad(1e-3)),
]
SCHEDULES = [
    *schedules.names(),
    *(schedules.Cosine(n_epochs=2), schedules.OneCycle(peak=0.5), Halving()),
    *(schedules.Adaptive(2.0), schedules.StepDecay(1), schedules.WarmupCosine(0.5)),
    *(schedules.Linear(0.1), schedules.InvScaling(0.1), schedules.Exponential(0.5)),
    *(schedules.Linear(np.float32(0.1)), schedules.InvScaling(np.float32(0.1))),
    *(schedules.Exponential(np.float32(0.5)), schedules.StepDecay(1, np.float32(0.5))),
]
# Where a metric exists for one kind of target only, the others refuse it.
SCORINGS = {
    MLPClassifier: [None, "loss", "neg_log_loss", "balanced_accuracy", "accuracy"],
    MLPRegressor: [None, "loss", "r2", "neg_mean_absolute_error"],
}
ANY = {
    "activation": ACTIVATIONS,
    "alpha": [0.0, 1e-4, 1.0, 1e-300, 1e10, Fraction(1, 3), np.float32(0.1)],
    "l1_ratio": [0, 0.5, 1.0, Fraction(1, 2)],
    "weight_decay": [0.0, 0.1, 1000.0, np.float32(0.1), Fraction(1, 9)],
    "dropout": [0.0, 0.2, 0.9, np.float32(0.5), 0.999999, 1e-9],
    "normalization": ["batch", "layer", None],
    "max_grad_norm": [None, 1.0, 1e-300, 1e300, Fraction(1, 2), np.float32(1)],
    "batch_size": ["auto", 1, 7, 20, 1000, np.int64(3)],
    "learning_rate": SCHEDULES,
    "learning_rate_init": [1e-3, 0.1, 1.0, 1e-300, 1e5, 1e300, np.float32(0.01), 1],
    "power_t": [0.5, 0, 3.0, np.float32(0.2), Fraction(1, 4)],
    "shuffle": [True, False],
    "tol": [1e-4, 0, 1.0, 1e300, np.float32(0.1), Fraction(1, 8)],
    "verbose": [False, True, 2],
    "warm_start": [False, True],
    "momentum": [0.9, 0, 1.0, np.float32(0.5), Fraction(1, 3)],
    "nesterovs_momentum": [True, False],
    "early_stopping": [True, True, False],
    "validation_fraction": [0.1, 0.5, 0.9, 0.0, Fraction(1, 5), np.float32(0.3)],
    "beta_1": [0.9, 0, 0.99999, np.float32(0.5), Fraction(3, 4)],
    "beta_2": [0.999, 0.0, np.float32(0.5), Fraction(3, 4)],
    "epsilon": [1e-8, 1e-300, 1.0, np.float32(1e-7), Fraction(1, 99)],
    "n_iter_no_change": [1, 2, 10, np.inf],
    "max_fun": [1, 3, 15000],
    "init": [*initializers.names(), initializers.Orthogonal(2.0)],
    "dtype": [None, "float32", "float64"],
}
JUNK = [
    *(None, "nope", "", -1, -0.5, 0, 1.5, np.nan, np.inf, -np.inf, "1", b"x", 1j),
    *((), [], {}, {1, 2}, object, object(), True, np.array([1, 2]), (0,), [None]),
    *(10**400, np.datetime64("2020"), np.ones((2, 2)), np.array(0.5), [[1]], "auto"),
    *({"a": 1}, {0: -1.0}, ["balanced", 3], Ellipsis, range(0), None),
    *(sparse.csr_matrix([[1.0]]), pd.Series([1.0]), pd.NA, "lbfgs", slice(3)),
    *(no_score, nan_score, np.float64("nan"), np.bool_(True), (3, "a"), Fraction(9, 2)),
]
JUNK_COMPONENTS = {
    "activation": [
        *(act.LeakyReLU(-1.0), act.ELU("a"), act.MSAF(()), act.HardTanh(1.0, -1.0)),
        *(act.Logistic(0), act.Step("nope"), act.Tanh(trainable="all"), act.Activation),
        *(act.RReLU(0.5, 0.1), act.Activation(), ["relu"] * 7, "exp", act.Exp()),
    ],
    "output_activation": [*act.names(), act.Step(), act.Identity(2.0), "relu", "tanh"],
    "loss": [
        *(*losses.names(), losses.LogLoss(1.0), losses.Huber(0), losses.Loss()),
        *(losses.Quantile((0.9, 0.1)), losses.Quantile(()), losses.Tweedie(0.5)),
    ],
    "solver": [optimizers.SGD(2.0), optimizers.Adam(1.0), optimizers.Optimizer(), "sg"],
    "learning_rate": [
        *(schedules.Schedule(), schedules.Linear(-1), schedules.Cosine(n_epochs=0)),
        *("warmup", schedules.OneCycle(peak=1), schedules.Adaptive(1.0)),
    ],
    "init": ["he", initializers.VarianceScaling(-1.0), initializers.Initializer()],
}


# Data ---------------------------------------------------------------------------------


def as_frame(X):
    return pd.DataFrame(X, columns=[f"column {k}" for k in range(X.shape[1])])


def read_only(X):
    X = np.array(X)
    X.flags.writeable = False
    return X


def as_float32(X):
    with np.errstate(all="ignore"):
        return X.astype(np.float32)


def near_the_largest_float32(X):
    return as_float32(X / np.abs(X).max(initial=1e-300) * 3e38)


def with_duplicates(X):
    """CSR whose entries are the sums of two that it stores."""
    half = sparse.coo_array(X / 2)
    data, row, column = (np.tile(part, 2) for part in (half.data, half.row, half.col))
    order = np.argsort(row, kind="stable")
    indptr = np.searchsorted(row[order], np.arange(len(X) + 1))
    return sparse.csr_matrix((data[order], column[order], indptr), X.shape)


LAYOUTS = [
    *(np.asarray, np.asarray, np.asfortranarray, as_float32, read_only, as_frame),
    *(sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array),
    *(lambda X: X.tolist(), lambda X: np.repeat(X, 2, axis=0)[::2]),
    *(lambda X: np.clip(X * 3, -9, 9).astype(int), lambda X: X > 0),
    *(lambda X: as_frame(as_float32(X)), lambda X: X.astype(object)),
    *(lambda X: sparse.csr_matrix(as_float32(X)), near_the_largest_float32),
    *(lambda X: sparse.csc_array(X > 0), sparse.coo_matrix, with_duplicates),
    *(lambda X: as_frame(X).assign(flag=True), lambda X: as_float32(np.sign(X))),
]
SCALES = [1e-320, 1e-300, 1e-150, 1e-40, 1e5, 1e20, 1e40, 1e150, 1e200, 1e300]
LABELS = [
    *([0, 1], [0, 1, 2], [-1, 1], ["no", "yes"], ["a", "b", "c", "ä"], [False, True]),
    *([2**62, 2**62 + 1], [0.0, 1.0], [5], ["only"], [3, 1, 2, 0, 7], [True]),
    *([-(2**62), 0, 2**62], ["", " "], np.array([1, 2, 255], np.uint8)),
]


def wrong_X(X):
    """Return what X may not be, but for the first two."""
    gaps = np.where(X > 0.5, np.nan, X)
    frame, ragged = as_frame(X), [[1.0], [1.0, 2.0]]
    return [
        *(X / 2, sparse.csr_matrix(X), X[0], X[:0], X[:, :0], X[:, :, None], X[:-1]),
        *(gaps, np.where(X < 0, np.inf, X), sparse.csr_matrix(gaps), [X, X], iter(X)),
        *(X.astype(str), X.astype(str).astype(object), X.tobytes(), X.dtype, X + 1j),
        *(None, 3.0, "X", {}, ragged, np.full(X.shape, "a", object), np.hstack([X, X])),
        *(np.full(X.shape, None), np.zeros(X.shape, "M8[s]"), sparse.csr_matrix(X)[:0]),
        *(frame.assign(word="a"), frame.assign(gap=pd.NA), sparse.dok_matrix(gaps)),
        *(frame.rename(columns={"column 0": 0}), np.ma.masked_invalid(gaps)),
    ]


def wrong_y(y):
    """Return what y may not be, as a rule."""
    n = len(y)
    return [
        *(y[:-1], y[:0], None, 3, "y", {}, iter(y), np.full(n, np.nan), y[None]),
        *(np.full(n, None), np.r_[np.inf, np.ones(n - 1)], [[1]] * n + [[2, 3]]),
        *(np.array([1, "a", None, 2.5] * n, object)[:n], np.ones((n, 2, 2)), y * 1j),
        *(np.arange(n) + 0.5, sparse.csr_matrix(np.ones(n)), np.ones((n, 0))),
        *(np.array(["a", 1.0] * n, object)[:n], sparse.csr_matrix([[2.5, 1.0]] * n)),
        *(np.full(n, "2020", "M8[Y]"), -1e308 - 0 * y, [{}] * n, [["a", 1]] * n),
    ]


def some_weights(rng, n):
    uniform = rng.uniform(size=n)
    return [
        *(None, None, 2, np.ones(n), rng.randint(1, 4, n), 2 * uniform, [0.5] * n),
        *(rng.randint(0, 2, n), np.r_[5.0, np.zeros(n - 1)], np.ones(n, bool)),
        *(uniform * 1e-100, np.full(n, 1e100), 10.0 ** rng.randint(-30, 30, n)),
        *(uniform.astype(np.float32), pd.Series([3] * n)),
    ]


def wrong_weights(rng, n):
    return [
        *(np.zeros(n), -np.ones(n), 0, -0.1, np.ones(n + 1), np.ones((n, 1)), "w", {}),
        *(np.r_[np.nan, np.ones(n - 1)], np.r_[np.inf, np.ones(n - 1)], []),
        *(np.full(n, 1e300), np.full(n, 5e-324), np.full(n, 1e-300), np.ones(n) * 1j),
        *(sparse.csr_matrix(np.ones(n)), ["a"] * n, [None] * n),
    ]


def random_X(rng, n_rows, n_features):
    X = rng.standard_normal((n_rows, n_features))
    if chance(rng, 0.3):
        X[rng.uniform(size=X.shape) < 0.6] = 0.0
    if chance(rng, 0.15):
        X[:, rng.randint(n_features)] = pick(rng, [0.0, 1.0, -1e6])
    if chance(rng, 0.05):  # columns of very different size
        X[:, 0] *= 1e7
    if chance(rng, 0.2):
        with np.errstate(over="ignore"):
            X *= pick(rng, SCALES)
    return X


def random_labels(rng, n_rows):
    values = pick(rng, LABELS)
    codes = rng.randint(0, len(values), n_rows)
    if chance(rng, 0.15):
        codes = np.minimum(codes, 1)
        codes[0] = len(values) - 1  # a class of one member
    labels = [values[code] for code in codes]
    kind = pick(rng, [np.asarray, np.asarray, pd.Series, list, object])
    if kind is not object:
        return kind(labels)
    # scikit-learn knows no classes that are objects, but words.
    return np.array(labels, object if isinstance(labels[0], str) else None)


def random_classes(rng, n_rows):
    """Return a target of a classifier, of any kind."""
    if chance(rng, 0.65):
        return random_labels(rng, n_rows)
    indicator = rng.randint(0, 2, (n_rows, rng.randint(1, 5)))
    columns = [np.asarray(random_labels(rng, n_rows)) for _ in range(rng.randint(1, 4))]
    return pick(rng, [
        indicator, sparse.csr_matrix(indicator), sparse.csc_array(indicator),
        pd.DataFrame(indicator), indicator.tolist(), indicator.astype(bool),
        indicator.astype(float), rng.randint(0, 3, (n_rows, 2)), columns[0][:, None],
        np.column_stack([column.astype(object) for column in columns]),
    ])  # fmt: skip


def random_numbers(rng, n_rows, loss):
    """Return a target of a regressor, most often one that fits the loss."""
    shape = pick(rng, [(n_rows,)] * 4 + [(n_rows, 1), (n_rows, 2), (n_rows, 5)])
    y = rng.standard_normal(shape)
    domain = losses.get(loss).y_domain
    if -1.0 not in domain and chance(rng, 0.95):
        y = rng.poisson(3.0, shape).astype(float) + (0.0 not in domain)
    if chance(rng, 0.15):
        y *= pick(rng, [1e-300, 1e-30, 1e4, 1e20, 1e38, 1e150, 1e300])
    if chance(rng, 0.1):
        y[...] = pick(rng, [0.0, 1.0, 3.0])
    kinds = [np.asarray] * 4 + [as_float32, pd.DataFrame, lambda y: y.tolist(), object]
    if np.abs(y).max() < 1e18:
        kinds += [lambda y: y.astype(int), lambda y: y > 0]
    kind = pick(rng, kinds)
    return y.astype(object) if kind is object else kind(y)


# A case -------------------------------------------------------------------------------


class Case:
    """An estimator and what is called of it; all of it follows from the number.

    Parameters
    ----------
    number : int
    """

    def __init__(self, number):
        self.number = number
        self.rng = rng = np.random.RandomState(number)
        self.cls = pick(rng, [MLPClassifier, MLPRegressor])
        self.parameters = self.random_parameters()
        self.calls = self.random_calls()
        self.fault = "none"
        if chance(rng, 1 / 3):
            self.fault = pick(rng, [*FAULTS])
            FAULTS[self.fault](self)

    def __repr__(self):
        calls = [
            f"  .{method}({', '.join(f'{k}={_show(v)}' for k, v in keywords.items())})"
            for method, keywords in self.calls
        ]
        shown = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items())
        head = f"Case({self.number}), fault: {self.fault}"
        return "\n".join([head, f"{self.cls.__name__}({shown})", *calls])

    def random_parameters(self):
        rng = self.rng
        layers = [(), (3,), (5,), (12,), (4, 3), (7, 1), (6, 5, 4), (1, 1, 1), 8]
        seed = self.number if chance(rng, 0.5) else np.random.RandomState(self.number)
        parameters = {
            "hidden_layer_sizes": pick(rng, layers),
            "max_iter": rng.randint(1, 7),
            "random_state": seed,
            "solver": pick(rng, SOLVERS),
            "loss": pick(rng, LOSSES[self.cls]),
        }
        for name, values in ANY.items():
            if chance(rng, 0.5 if name == "activation" else 0.15):
                parameters[name] = pick(rng, values)
        self.add_by_layer(parameters)
        if chance(rng, 0.15):
            given = [*SCORINGS[self.cls], constant_score, weighted_score, nan_score]
            parameters["scoring"] = pick(rng, given)
        if chance(rng, 0.1):
            fits = {MLPClassifier: ["softmax", "logistic", "hard_sigmoid", "gaussian"]}
            fits = fits.get(self.cls, ["identity", "softplus", "exp", "relu", "tanh"])
            parameters["output_activation"] = pick(rng, fits)
        if self.cls is MLPClassifier and chance(rng, 0.15):  # not all of them fit
            weights = ["balanced", {}, {0: 2.0}, {1: 0.0, "a": 0.5}, {True: 3}]
            parameters["class_weight"] = pick(rng, weights)
        return parameters

    def add_by_layer(self, parameters):
        rng, sizes = self.rng, np.atleast_1d(parameters["hidden_layer_sizes"])
        if chance(rng, 0.1):
            parameters["activation"] = [pick(rng, ACTIVATIONS) for _ in sizes]
        if chance(rng, 0.05):
            parameters["dropout"] = [pick(rng, [0, 0.3, 0.7]) for _ in sizes]

    def random_calls(self):
        """Return the calls: a fit, or several fits, or blocks for partial_fit."""
        rng = self.rng
        self.n_features = rng.randint(1, 9)
        layout = pick(rng, LAYOUTS)
        n_rows = pick(rng, [1, 2, 5, 12, 20, 30, 40, 60])
        first = self.random_data(n_rows, layout)
        if chance(rng, 0.15):
            self.add_validation_set(first, layout)
        again = ["fit", "resume", "fit"]
        if not is_name(self.parameters["solver"], "lbfgs"):
            again.append("partial_fit")
        block = {name: first[name] for name in ("X", "y", "sample_weight")}
        if chance(rng, 0.65):
            return [("fit", first)]
        if "partial_fit" in again and chance(rng, 0.4):
            self.parameters.pop("early_stopping", None)
            calls = [("partial_fit", dict(block)) for _ in range(rng.randint(1, 4))]
            if self.cls is MLPClassifier:
                calls[0][1]["classes"] = self.classes_of(first["y"])
            return calls
        method = pick(rng, again)
        if method == "partial_fit":
            return [("fit", first), (method, block)]
        self.parameters.setdefault("warm_start", True)
        return [("fit", first), (method, first)]

    def random_data(self, n_rows, layout):
        rng = self.rng
        X = layout(random_X(rng, n_rows, self.n_features))
        if self.cls is MLPClassifier:
            y = random_classes(rng, n_rows)
        else:
            y = random_numbers(rng, n_rows, self.parameters["loss"])
        weight = pick(rng, some_weights(rng, n_rows)) if chance(rng, 0.5) else None
        return {"X": X, "y": y, "sample_weight": weight}

    def add_validation_set(self, data, layout):
        """Validate on rows like those of training, with targets of theirs."""
        n_rows = self.rng.randint(1, 10)
        rows = self.rng.randint(0, _n_rows(data["X"]), n_rows)
        data["X_val"] = layout(random_X(self.rng, n_rows, self.n_features))
        data["y_val"] = _rows_of(data["y"], rows)
        if chance(self.rng, 0.3):
            data["sample_weight_val"] = pick(self.rng, some_weights(self.rng, n_rows))

    def classes_of(self, y):
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        if y.ndim == 1 or y.shape[1] == 1:
            return sorted(set(y.ravel().tolist()))
        if self.rng.randint(2) and set(np.unique(y.astype(str))) <= {*"01", "True"}:
            return None
        return [sorted(set(column.tolist())) for column in y.T]

    # -- what is wrong with it -----------------------------------------------------

    def spoil_parameter(self):
        names = sorted({*ANY, "hidden_layer_sizes", "max_iter", "random_state",
                        "scoring", "solver", "loss", "output_activation"})  # fmt: skip
        names += ["class_weight"] * (self.cls is MLPClassifier)
        self.parameters[pick(self.rng, names)] = pick(self.rng, JUNK)

    def spoil_component(self):
        name = pick(self.rng, [*JUNK_COMPONENTS])
        self.parameters[name] = pick(self.rng, JUNK_COMPONENTS[name])

    def spoil(self, name, spoilt):
        """Replace a part of the data of the last call."""
        method, data = self.calls[-1]
        self.calls[-1] = (method, {**data, name: spoilt})

    def spoil_X(self):
        n_rows = max(2, _n_rows(self.calls[-1][1]["y"]))
        X = random_X(self.rng, n_rows, self.n_features)
        self.spoil("X", pick(self.rng, wrong_X(X)))

    def spoil_y(self):
        y = np.arange(_n_rows(self.calls[-1][1]["X"])) % 3
        self.spoil("y", pick(self.rng, wrong_y(y)))

    def spoil_weight(self):
        n_rows = _n_rows(self.calls[-1][1]["X"])
        self.spoil("sample_weight", pick(self.rng, wrong_weights(self.rng, n_rows)))

    def spoil_validation(self):
        rng, (_, data) = self.rng, self.calls[-1]
        data.pop("classes", None)
        self.calls = [("fit", data)]
        n_rows = rng.randint(1, 8)
        X = random_X(rng, n_rows, self.n_features)
        data["X_val"], data["y_val"] = X, _rows_of(data["y"], [0] * n_rows)
        name = pick(rng, ["X_val", "y_val", "sample_weight_val", "alone", "width"])
        if name == "alone":
            kept = pick(rng, ["X_val", "y_val"])
            del data[kept]
        elif name == "width":
            data["X_val"] = np.hstack([X, X])
        elif name == "X_val":
            data[name] = pick(rng, wrong_X(X))
        elif name == "y_val":
            data[name] = pick(rng, wrong_y(np.arange(n_rows) % 3))
        else:
            data[name] = pick(rng, wrong_weights(rng, n_rows))

    def spoil_classes(self):
        """Begin with blocks of partial_fit; the classes may be anything."""
        block = {k: self.calls[-1][1][k] for k in ("X", "y", "sample_weight")}
        self.parameters["solver"] = "adam"
        self.parameters.pop("early_stopping", None)
        self.cls = MLPClassifier
        classes = pick(self.rng, [*JUNK, *LABELS, [[0, 1]] * 2, [0.5, "a"], [np.nan]])
        self.calls = [("partial_fit", {**block, "classes": classes})]

    def spoil_second_call(self):
        """Go on with other data than those of the first call."""
        rng, (method, data) = self.rng, self.calls[-1]
        self.n_features += rng.randint(2)
        other = self.random_data(pick(rng, [1, 5, 20]), pick(rng, LAYOUTS))
        if self.cls is MLPClassifier and method == "partial_fit" and chance(rng, 0.3):
            other["classes"] = self.classes_of(other["y"])
        self.parameters["warm_start"] = True
        self.calls = [(method, data), (method, other)]


FAULTS = {
    "parameter": Case.spoil_parameter,
    "component": Case.spoil_component,
    "X": Case.spoil_X,
    "y": Case.spoil_y,
    "weight": Case.spoil_weight,
    "validation": Case.spoil_validation,
    "classes": Case.spoil_classes,
    "second call": Case.spoil_second_call,
}


def _show(value):
    if hasattr(value, "shape"):
        return f"<{type(value).__name__} {value.shape} {getattr(value, 'dtype', '')}>"
    text = repr(value)
    return text if len(text) < 60 else f"{text[:60]}...<{type(value).__name__}>"


def _n_rows(data):
    return data.shape[0] if hasattr(data, "shape") else len(data)


def _rows_of(y, rows):
    if sparse.issparse(y):
        return y.tocsr()[rows]
    if hasattr(y, "iloc"):
        return y.iloc[rows]
    return [y[row] for row in rows] if isinstance(y, list) else y[rows]
