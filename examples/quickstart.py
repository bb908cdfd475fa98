"""
Quickstart: which activation suits my data?
===========================================

Handwritten digits through a Pipeline, a grid search over activations, and the accuracy
of the best network on images it has never seen. Run it with

    python examples/quickstart.py
"""

import time

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier, activations

# 1,797 grey images of 8 x 8 pixels, ten classes; a quarter is held out to the end.
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X.astype("float32"), y, test_size=0.25, stratify=y, random_state=0
)

# An ordinary Pipeline, an ordinary grid: the activation is a parameter like any other.
model = make_pipeline(
    StandardScaler(),
    MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.01, random_state=0),
)
candidates = [
    *("identity", "logistic", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu"),
    *("gelu", "silu", "mish", "softplus", "softsign", "hard_swish", "sine"),
    "symmetric_msaf",
    activations.LeakyReLU(negative_slope=0.3),  # an object carries its own settings
]
print(
    f"Digits: {len(X_train)} images to train on, {len(X_test)} held out.\n"
    f"Searching {len(candidates)} activations with 3-fold cross-validation ..."
)
start = time.perf_counter()
search = GridSearchCV(model, {"mlpclassifier__activation": candidates}, cv=3, n_jobs=2)
search.fit(X_train, y_train)
seconds = time.perf_counter() - start

# A table of the scores, best first.
results = search.cv_results_
print(f"\n{'activation':<32}{'accuracy':>10}{'± std':>9}{'fit time':>11}")
print("-" * 62)
for i in results["rank_test_score"].argsort(kind="stable"):
    name = str(results["param_mlpclassifier__activation"][i])
    score, spread = results["mean_test_score"][i], results["std_test_score"][i]
    fit_time = results["mean_fit_time"][i]
    print(f"{name:<32}{score:>10.4f}{spread:>9.4f}{fit_time:>9.2f} s")

best = search.best_estimator_[-1]
accuracy = search.score(X_test, y_test)
print(
    f"\n{len(candidates) * 3} fits in {seconds:.1f} s.\n"
    f"Best activation: {best.activation} ({best.n_iter_} epochs, "
    f"output {best.out_activation_}).\n"
    f"Accuracy on the {len(X_test)} held-out images: {accuracy:.4f}\n"
    "\nWhere to go next\n"
    "  docs/activations.md                formula, range and use of each activation\n"
    "  docs/coming_from_scikit_learn.md   what differs from scikit-learn's MLP\n"
    "  examples/plot_xor_activations.py   how activations differ, in one picture\n"
    "  examples/plot_output_activations.py   which output activation and loss to choose"
)
