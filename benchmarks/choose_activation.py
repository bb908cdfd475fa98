"""Which activation for which data: the measurements behind docs/choosing.md.

    OMP_NUM_THREADS=1 python benchmarks/choose_activation.py

trains every activation that can be trained in the hidden layers of small networks, over
eight data sets, one and four layers deep, and some pairs of output activation and loss
for targets of each kind. It takes about eight minutes of processor time, in two
processes, and writes all scores to ``benchmarks/choose_activation.json``. ``--show
FILE`` trains nothing and prints the tables of that file, as docs/choosing.md has them.

Hidden layers: 32 units each, 600 steps of Adam on batches of 32 rows with a cosine
schedule. Every activation has its better learning rate of two, chosen by
cross-validation with seed 0; what is reported are other seeds, each with other initial
weights and other folds.
"""

import argparse
import json
import warnings
from math import ceil, sqrt
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy import special
from scipy.stats import rankdata
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_friedman1,
    make_moons,
)
from sklearn.metrics import (
    accuracy_score,
    d2_pinball_score,
    d2_tweedie_score,
    log_loss,
    r2_score,
)
from sklearn.model_selection import (
    KFold,
    StratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from suite.markdown import PLUS_MINUS

from sk_mlp import MLPClassifier, MLPRegressor, activations
from sk_mlp.losses import Huber, Quantile

RESULTS = Path(__file__).with_suffix(".json")
DEPTHS = (1, 4)
LEARNING_RATES = (0.005, 0.02)
SEEDS = (1, 2, 3)
N_FOLDS = 3
N_STEPS = 600
BATCH_SIZE = 32


# Data -------------------------------------------------------------------------------


def periodic():
    """Four periods of a sine with noise, 300 rows."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, (300, 1))
    return x, np.sin(12.0 * x[:, 0]) + 0.2 * rng.standard_normal(300)


# Estimator, loader and alpha: a first look at relu, tanh and sine showed that diabetes
# needs much more of a penalty than the others.
DATA = {
    "digits": (MLPClassifier, lambda: load_digits(return_X_y=True), 0.01),
    "breast_cancer": (MLPClassifier, lambda: load_breast_cancer(return_X_y=True), 0.01),
    "wine": (MLPClassifier, lambda: load_wine(return_X_y=True), 0.01),
    "iris": (MLPClassifier, lambda: load_iris(return_X_y=True), 0.01),
    "moons": (
        MLPClassifier,
        lambda: make_moons(300, noise=0.25, random_state=0),
        0.01,
    ),
    "diabetes": (MLPRegressor, lambda: load_diabetes(return_X_y=True), 1.0),
    "friedman1": (
        MLPRegressor,
        lambda: make_friedman1(300, noise=1.0, random_state=0),
        0.01,
    ),
    "periodic": (MLPRegressor, periodic, 0.01),
}


# Hidden activations -----------------------------------------------------------------


def trainable():
    """Return the names of all activations with which hidden layers can learn."""
    found = {name: activations.get(name) for name in activations.names()}
    return [name for name, f in found.items() if f.has_gradient and not f.rowwise]


def fold_scores(data, depth, name, learning_rate, seed, n_steps):
    """Return the test score of every fold; NaN if a fit fails."""
    cls, load, alpha = DATA[data]
    X, y = load()
    if cls is MLPRegressor:
        y = (y - y.mean()) / y.std()
    n_batches = ceil(len(X) * (1 - 1 / N_FOLDS) / BATCH_SIZE)
    model = cls(
        (32,) * depth,
        name,
        alpha=alpha,
        batch_size=BATCH_SIZE,
        learning_rate="cosine",
        learning_rate_init=learning_rate,
        max_iter=ceil(n_steps / n_batches),
        n_iter_no_change=np.inf,
        random_state=seed,
    )
    folds = StratifiedKFold if cls is MLPClassifier else KFold
    cv = folds(N_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the steps are counted, not the progress
        try:
            scores = cross_val_score(
                make_pipeline(StandardScaler(), model),
                *(X, y),
                cv=cv,
                error_score="raise",
            )
        except Exception:
            return [float("nan")] * N_FOLDS
    return [round(float(score), 4) for score in scores]


def measure(data, depth, name, n_steps, seeds):
    """Return the chosen learning rate, and the scores of every seed's folds."""

    def mean_score(rate):
        mean = np.mean(fold_scores(data, depth, name, rate, 0, n_steps))
        return -np.inf if np.isnan(mean) else mean

    rate = max(LEARNING_RATES, key=mean_score)
    scores = [fold_scores(data, depth, name, rate, seed, n_steps) for seed in seeds]
    return {"learning_rate": rate, "scores": scores}


def run_hidden(names, data, n_steps, seeds, n_jobs):
    """Return ``{data: {depth: {name: what measure returns}}}``."""
    cells = [(d, depth, name) for d in data for depth in DEPTHS for name in names]
    found = Parallel(n_jobs)(delayed(measure)(*c, n_steps, seeds) for c in cells)
    results = {d: {str(depth): {} for depth in DEPTHS} for d in data}
    for (d, depth, name), result in zip(cells, found, strict=True):
        results[d][str(depth)][name] = result
    return results


# Output activations and losses ------------------------------------------------------


def _features(seed, n_rows=1500):
    """Return a generator, four features and what the target follows."""
    rng = np.random.default_rng(seed)
    F = rng.standard_normal((n_rows, 4))
    return rng, F, F @ [0.8, -0.6, 0.4, 0.2] + 0.4 * np.sin(2.0 * F[:, 0])


def counts(seed):
    """Poisson counts with means from about 0.1 to some dozens."""
    rng, F, effect = _features(seed)
    return F, rng.poisson(np.exp(0.5 + effect)).astype(float)


def added_counts(seed):
    """Poisson counts with a mean that is a sum, from 0.1 to 6.6."""
    rng = np.random.default_rng(seed)
    F = rng.random((1500, 4))
    return F, rng.poisson(0.1 + F @ [3.0, 2.0, 1.0, 0.5]).astype(float)


def amounts(seed):
    """Positive amounts whose spread grows with their mean, as that of costs does."""
    rng, F, effect = _features(seed)
    return F, rng.gamma(2.0, np.exp(0.5 + effect) / 2.0) + 1e-6


def shares(seed):
    """Shares of a whole: numbers between 0 and 1, many near the ends."""
    rng, F, effect = _features(seed)
    mean = special.expit(3.0 * effect)
    return F, rng.beta(5.0 * mean + 0.01, 5.0 * (1.0 - mean) + 0.01)


def outliers(seed):
    """Numbers of which one in twenty is too large by up to 50; their true mean."""
    rng, F, effect = _features(seed)
    wrong = rng.random(len(F)) < 0.05
    y = effect + 0.2 * rng.standard_normal(len(F)) + wrong * rng.uniform(0, 50, len(F))
    return F, np.column_stack([y, effect])


def uneven(seed):
    """Numbers whose noise is ten times as strong where the last feature is positive."""
    rng, F, effect = _features(seed)
    return F, effect + np.where(F[:, 3] > 0, 1.0, 0.1) * rng.standard_normal(len(F))


def digits(seed):
    """Ten exclusive classes."""
    X, y = load_digits(return_X_y=True)
    return X / 16.0, y


def labels(seed):
    """Four statements about a digit, of which any number may be true."""
    X, y = load_digits(return_X_y=True)
    true = [y % 2 == 0, np.isin(y, [2, 3, 5, 7]), y > 4, np.isin(y, [0, 6, 8, 9])]
    return X / 16.0, np.column_stack(true).astype(int)


def deviance(power):
    """Return a judge by the explained share of a deviance, and what cannot be."""

    def judge(model, X, y, train):
        p = model.predict(X)
        possible = np.maximum(p, 0.01 * y.mean())  # others have no deviance at all
        score = d2_tweedie_score(y, possible, power=power)
        return {"D²": score, "below 0": np.mean(p < 0)}

    return judge


def judge_shares(model, X, y, train):
    p = model.predict(X)
    return {"R²": r2_score(y, p), "outside [0, 1]": np.mean((p < 0) | (p > 1))}


def judge_truth(model, X, y, train):
    return {"R² of the true mean": r2_score(y[:, 1], model.predict(X))}


def judge_intervals(model, X, y, train):
    """Judge 90 % intervals; of squared errors, by the spread of the training rows."""
    low, high = _interval(model, X, train)
    inside, noisy = (low <= y) & (y <= high), X[:, 3] > 0
    losses = [
        d2_pinball_score(y, p, alpha=alpha) for p, alpha in ((low, 0.05), (high, 0.95))
    ]
    return {
        "D²": np.mean(losses),
        "inside, quiet half": inside[~noisy].mean(),
        "inside, noisy half": inside[noisy].mean(),
    }


def _interval(model, X, train):
    if isinstance(model.loss, Quantile):
        return model.predict(X).T[[0, 2]]
    if model.loss == "gaussian_nll":
        mean, std = model.predict(X, return_std=True)
    else:
        mean, std = model.predict(X), np.std(train[1] - model.predict(train[0]))
    return mean - 1.645 * std, mean + 1.645 * std


def judge_classes(model, X, y, train):
    p = model.predict_proba(X)
    return {"log loss": log_loss(y, p), "accuracy": model.score(X, y)}


def judge_labels(model, X, y, train):
    p = model.predict_proba(X)
    return {
        "log loss": log_loss(y.ravel(), p.ravel()),
        "all four right": accuracy_score(y, model.predict(X)),
    }


LEVELS = (0.05, 0.5, 0.95)
COUNTS = [("exp", "poisson"), ("softplus", "poisson"), ("identity", "squared_error")]
# What is predicted: (target, judge, pairs of output activation and loss, best first
# by what is known about the target).
TARGETS = {
    "one of ten classes": (
        digits,
        judge_classes,
        [
            ("softmax", "log_loss"),
            ("logistic", "log_loss"),
            ("softmax", "squared_error"),
        ],
    ),
    "several labels at once": (
        labels,
        judge_labels,
        [("logistic", "log_loss"), ("softmax", "log_loss")],
    ),
    "counts, effects multiply": (counts, deviance(1), COUNTS),
    "counts, effects add up": (added_counts, deviance(1), COUNTS),
    "positive amounts": (
        amounts,
        deviance(2),
        [("exp", "gamma"), ("softplus", "gamma"), ("identity", "squared_error")],
    ),
    "shares from 0 to 1": (
        shares,
        judge_shares,
        [
            ("logistic", "squared_error"),
            ("hard_sigmoid", "squared_error"),
            ("identity", "squared_error"),
        ],
    ),
    "numbers, some of them wrong": (
        outliers,
        judge_truth,
        [
            ("identity", Huber(0.5)),
            ("identity", "absolute_error"),
            ("identity", "squared_error"),
        ],
    ),
    "intervals, uneven noise": (
        uneven,
        judge_intervals,
        [
            ("identity", Quantile(LEVELS)),
            ("identity", "gaussian_nll"),
            ("identity", "squared_error"),
        ],
    ),
}


def judge_pair(target, output, loss, seed, n_steps):
    """Return what the judge says of a pair, on half of the rows held out."""
    make, judge, _ = TARGETS[target]
    X, y = make(seed)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, random_state=seed
    )
    if judge is judge_truth:
        y_train = y_train[:, 0]
    cls = MLPClassifier if np.issubdtype(y.dtype, np.integer) else MLPRegressor
    model = cls(
        (32,),
        "tanh",
        output_activation=output,
        loss=loss,
        alpha=0.1,
        batch_size=BATCH_SIZE,
        learning_rate="cosine",
        learning_rate_init=0.01,
        max_iter=ceil(n_steps / ceil(len(X_train) / BATCH_SIZE)),
        n_iter_no_change=np.inf,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X_train, y_train)
        found = judge(model, X_test, y_test, (X_train, y_train))
    return {quantity: round(float(value), 4) for quantity, value in found.items()}


def run_outputs(targets, n_steps, seeds, n_jobs):
    """Return one dict for every target and pair."""
    pairs = [(t, *pair) for t in targets for pair in TARGETS[t][2]]
    cells = [(*pair, seed) for pair in pairs for seed in seeds]
    found = iter(Parallel(n_jobs)(delayed(judge_pair)(*c, n_steps) for c in cells))
    return [
        {
            "target": target,
            "output": output,
            "loss": loss if isinstance(loss, str) else repr(loss),
            "found": [next(found) for _ in seeds],
        }
        for target, output, loss in pairs
    ]


# Tables -----------------------------------------------------------------------------


def _fold_array(cell):
    """Return the names and an array (names, seeds, folds) of scores in points."""
    scores = 100.0 * np.array([found["scores"] for found in cell.values()])
    return list(cell), scores


def within_noise(best, other):
    """Tell whether two activations differ by less than two standard errors.

    That of the mean difference over repeated cross-validation, corrected for folds that
    share training rows (Nadeau & Bengio 2003, Machine Learning 52).
    """
    difference = (best - other).ravel()
    test_to_train = 1.0 / (N_FOLDS - 1)
    factor = sqrt(1.0 / len(difference) + test_to_train)
    return difference.mean() <= 2.0 * factor * difference.std(ddof=1)


def data_lines(hidden):
    """Yield the table by data set: the best, ReLU, and how many are as good."""
    yield (
        "| data | hidden layers | best | its score | `relu` | `identity` | "
        "within the noise of the best |"
    )
    yield "|---|---|---|---|---|---|---|"
    for data, by_depth in hidden.items():
        for depth, cell in by_depth.items():
            names, scores = _fold_array(cell)
            means = scores.mean(axis=(1, 2))
            best = int(np.nanargmax(means))
            texts = {n: f"{m:.1f}" for n, m in zip(names, means, strict=True)}
            spread = scores[best].mean(axis=1).std(ddof=1) if scores.shape[1] > 1 else 0
            alike = sum(within_noise(scores[best], other) for other in scores)
            yield (
                f"| {data} | {depth} | `{names[best]}` | "
                f"{texts[names[best]]}{PLUS_MINUS}{spread:.1f} | "
                f"{texts.get('relu', '')} | {texts.get('identity', '')} | "
                f"{alike} of {len(names)} |"
            )


def _ranks(hidden, depth):
    """Return the mean rank over data sets, (names, seeds), failures last."""
    ranks = []
    for by_depth in hidden.values():
        _, scores = _fold_array(by_depth[depth])
        by_seed = np.nan_to_num(scores.mean(axis=2), nan=-np.inf)
        ranks.append(rankdata(-by_seed, axis=0))
    return np.mean(ranks, axis=0)


def _behind(hidden, depth):
    """Return the points behind the best, (names, data sets)."""
    behind = []
    for by_depth in hidden.values():
        means = _fold_array(by_depth[depth])[1].mean(axis=(1, 2))
        behind.append(np.nanmax(means) - means)
    return np.transpose(behind)


def activation_lines(hidden):
    """Yield the table by activation: mean ranks, and how far behind the best."""
    names = list(next(iter(hidden.values()))[str(DEPTHS[0])])
    columns = []
    for depth in map(str, DEPTHS):
        ranks, behind = _ranks(hidden, depth), _behind(hidden, depth)
        spread = ranks.std(axis=1, ddof=1) if ranks.shape[1] > 1 else 0 * ranks[:, 0]
        columns.append((ranks.mean(axis=1), spread, behind))
    yield (
        "| activation | rank, 1 layer | points behind the best: median, worst | "
        "rank, 4 layers | points behind the best: median, worst |"
    )
    yield "|---|---|---|---|---|"
    for k in np.argsort(columns[0][0] + columns[1][0], kind="stable"):
        cells = []
        for mean, spread, behind in columns:
            cells.append(f"{mean[k]:.1f}{PLUS_MINUS}{spread[k]:.1f}")
            failed = np.isnan(behind[k])  # where all fits of a data set have
            worst = "fails" if failed.any() else f"{behind[k].max():.1f}"
            usual = [] if failed.all() else [f"{np.nanmedian(behind[k]):.1f}"]
            cells.append(", ".join([*usual, worst]))
        yield f"| `{names[k]}` | {' | '.join(cells)} |"


def output_lines(outputs):
    """Yield the table of output activations and losses."""
    yield "| target | output activation | loss | score | of the rows held out |"
    yield "|---|---|---|---|---|"
    last = None
    for row in outputs:
        target, last = "" if row["target"] == last else row["target"], row["target"]
        values = {q: [found[q] for found in row["found"]] for q in row["found"][0]}
        score, *shares = values.items()
        found = f"{_score(*score)} | {'; '.join(_share(*share) for share in shares)}"
        yield f"| {target} | `{row['output']}` | `{row['loss']}` | {found} |"


def _score(quantity, values):
    """Return the mean and the spread of a score."""
    spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{quantity} {np.mean(values):.3f}{PLUS_MINUS}{spread:.3f}"


def _share(quantity, values):
    """Return the mean of a share of the rows, in per cent."""
    of_rows = {"accuracy": "right"}.get(quantity, quantity)
    return f"{100 * np.mean(values):.1f}\N{NO-BREAK SPACE}% {of_rows}"


def tables(results):
    """Return the three tables in Markdown, by name."""
    return {
        "data": "\n".join(data_lines(results["hidden"])),
        "activations": "\n".join(activation_lines(results["hidden"])),
        "outputs": "\n".join(output_lines(results["outputs"])),
    }


# Command line -----------------------------------------------------------------------


def run(quick=False):
    """Measure everything and return plain data; `quick` only to see that it works."""
    if quick:
        plan = ["relu", "tanh"], ["iris", "moons"], 20, SEEDS[:1], 1
        outputs = list(TARGETS), 20, SEEDS[:1], 1
    else:
        plan = trainable(), list(DATA), N_STEPS, SEEDS, 2
        outputs = list(TARGETS), 2 * N_STEPS, SEEDS, 2
    return {"hidden": run_hidden(*plan), "outputs": run_outputs(*outputs)}


def main(argv=None):
    """Measure (or read), print and save."""
    parser = argparse.ArgumentParser(description="Measure activations on data sets.")
    add = parser.add_argument
    add("--quick", action="store_true", help="a few steps, to see that it works")
    add("--show", type=Path, metavar="JSON", help="measure nothing, show old results")
    add("--output", type=Path, metavar="JSON", help="where the results go")
    options = parser.parse_args(argv)
    if options.show:
        results = json.loads(options.show.read_text("utf-8"))
    else:
        results = run(options.quick)
    for table in tables(results).values():
        print(table, end="\n\n")
    output = options.output or (None if options.show or options.quick else RESULTS)
    if output:
        output.write_text(json.dumps(results) + "\n", "utf-8")


if __name__ == "__main__":
    main()
