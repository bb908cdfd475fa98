"""What a random search over sk_mlp.search_space gains: behind docs/tuning.md.

    OMP_NUM_THREADS=1 python benchmarks/search_space.py

compares, on seven data sets, the default estimator with the best of a search: of a grid
written by hand, and of as many draws from ``search_space``. Half of the rows (at most
300) are for training and searching, by cross-validation within them; what is reported
is the score of the other rows, which no search has seen. It takes about five minutes of
processor time and writes ``benchmarks/search_space.json``, after each data set.
``--show FILE`` trains nothing and prints the table of that file, as docs/tuning.md has
it.

The limits of the space were chosen by the seeds 0 and 1; the seeds here are others,
each with other splits, initial weights and draws (and other made data).
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_friedman1,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from suite.markdown import PLUS_MINUS, markdown

from sk_mlp import MLPClassifier, MLPRegressor, search_space

RESULTS = Path(__file__).with_suffix(".json")
SEEDS = (2, 3, 4, 5, 6)
N_FOLDS = 3
MOST_ROWS = 300
N_CANDIDATES = 20
GRID = {  # 20 candidates
    "alpha": [1e-4, 1e-3, 1e-2, 0.1, 1.0],
    "learning_rate_init": [0.001, 0.01],
    "hidden_layer_sizes": [(50,), (200,)],
}


def clusters(seed):
    """Three classes of three clusters each, 5 % of the labels wrong."""
    return make_classification(
        800,
        20,
        n_informative=6,
        n_redundant=4,
        n_classes=3,
        n_clusters_per_class=3,
        flip_y=0.05,
        random_state=seed,
    )


DATA = {
    "digits": lambda seed: load_digits(return_X_y=True),
    "breast_cancer": lambda seed: load_breast_cancer(return_X_y=True),
    "wine": lambda seed: load_wine(return_X_y=True),
    "iris": lambda seed: load_iris(return_X_y=True),
    "clusters": clusters,
    "diabetes": lambda seed: load_diabetes(return_X_y=True),
    "friedman1": lambda seed: make_friedman1(800, noise=1.0, random_state=seed),
}
REGRESSION = ("diabetes", "friedman1")


# Measure ----------------------------------------------------------------------------


def default_estimator(data, seed):
    """Return (estimator, prefix of the parameters of its network)."""
    if data not in REGRESSION:
        classifier = MLPClassifier(random_state=seed)
        return make_pipeline(StandardScaler(), classifier), "mlpclassifier"
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(random_state=seed))
    regressor = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    return regressor, "regressor__mlpregressor"


def contenders(data, seed, n_candidates):
    """Return what is compared by name, not fitted."""
    default, prefix = default_estimator(data, seed)
    folds = KFold if data in REGRESSION else StratifiedKFold
    cv = folds(N_FOLDS, shuffle=True, random_state=seed)
    grid = {f"{prefix}__{name}": values for name, values in GRID.items()}

    def search(space):  # of lists alone it draws none twice
        return RandomizedSearchCV(
            default, space, n_iter=n_candidates, cv=cv, random_state=seed
        )

    return {
        "default": default,
        "grid": search(grid),
        "space": search(search_space(default)),
    }


def measure(data, seed, n_candidates):
    """Return the score of rows held out, and the seconds of the fit, by contender."""
    X, y = DATA[data](seed)
    X_train, X_test, y_train, y_test = train_test_split(
        *(X, y),
        train_size=min(len(X) // 2, MOST_ROWS),
        stratify=None if data in REGRESSION else y,
        random_state=seed,
    )
    found = {}
    for name, model in contenders(data, seed, n_candidates).items():
        start = time.process_time()
        with warnings.catch_warnings():
            # All have the default's 200 epochs at most, enough or not.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X_train, y_train)
        seconds = time.process_time() - start
        score = round(float(model.score(X_test, y_test)), 4)
        found[name] = {"score": score, "seconds": round(seconds, 2)}
    return found


def run(data_sets, seeds, n_candidates, save):
    """Measure all; `save` gets the results so far after each data set."""
    results = {}
    for data in data_sets:
        found = [measure(data, seed, n_candidates) for seed in seeds]
        results[data] = {
            name: {key: [one[name][key] for one in found] for key in found[0][name]}
            for name in found[0]
        }
        save(results)
    return results


# The table --------------------------------------------------------------------------


def table(results):
    """Return the table in Markdown: scores in points, and gains of the space."""
    rows = [
        [
            *("data", "score", "default", "grid", "`search_space`"),
            *("gain over the default", "gain over the grid", "seconds of the searches"),
        ]
    ]
    for data, found in results.items():
        points = {n: 100 * np.array(found[n]["score"]) for n in found}
        space = points["space"]
        gains = [gain(space - points[name]) for name in ("default", "grid")]
        row = [
            data,
            "R²" if data in REGRESSION else "accuracy",
            *(mean_and_spread(scores) for scores in points.values()),
            *gains,
            ", ".join(f"{np.mean(found[n]['seconds']):.0f}" for n in ("grid", "space")),
        ]
        rows.append(row)
    return markdown(rows)


def mean_and_spread(scores):
    """Return the mean over the seeds and their standard deviation."""
    spread = scores.std(ddof=1) if len(scores) > 1 else 0.0
    return f"{scores.mean():.1f}{PLUS_MINUS}{spread:.1f}"


def gain(differences):
    """Return the mean of differences in points, and how many are above 0."""
    ahead = int((differences > 0).sum())
    mean = round(differences.mean(), 1) + 0.0  # no "-0.0"
    return f"{mean:+.1f}, ahead in {ahead} of {len(differences)}"


# Command line -----------------------------------------------------------------------


def main(argv=None):
    """Measure (or read), print and save."""
    parser = argparse.ArgumentParser(description="Measure what a search gains.")
    add = parser.add_argument
    add("--quick", action="store_true", help="two draws, to see that it works")
    add("--show", type=Path, metavar="JSON", help="measure nothing, show old results")
    add("--output", type=Path, metavar="JSON", help="where the results go")
    options = parser.parse_args(argv)
    output = options.output or (None if options.quick else RESULTS)

    def save(results):
        if output:
            output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")

    if options.show:
        results = json.loads(options.show.read_text("utf-8"))
    elif options.quick:
        results = run(["iris", "diabetes"], SEEDS[:1], 2, save)
    else:
        results = run(DATA, SEEDS, N_CANDIDATES, save)
    print(table(results))


if __name__ == "__main__":
    main()
