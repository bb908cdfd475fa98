"""
A grid search over activations
==============================

An activation is a parameter like any other, so scikit-learn's ``GridSearchCV`` searches
it, alone or together with others. Together is better: each activation has a learning
rate that suits it, and a comparison at one rate may say more about the rate than about
the activations.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sk_mlp import MLPClassifier
from sk_mlp.activations import LeakyReLU

INK = "#1F2933"

# %%
# Search
# ------
#
# The grid has names and an object side by side: an object is for settings that have no
# name. Ten activations, four learning rates, three folds: 120 fits of a small network
# that sees each row 20 times.

X, y = load_digits(return_X_y=True)
X = X / 16.0
grid = {
    "activation": [
        *("relu", LeakyReLU(0.2), "elu", "selu", "gelu", "mish"),
        *("tanh", "logistic", "sine", "gaussian"),
    ],
    "learning_rate_init": [0.001, 0.003, 0.01, 0.03],
}
model = MLPClassifier(
    (32, 32), batch_size=64, max_iter=20, n_iter_no_change=np.inf, random_state=0
)
search = GridSearchCV(model, grid, cv=3)
with warnings.catch_warnings():
    # All fits have the same number of epochs, at whatever rate they learn.
    warnings.simplefilter("ignore", ConvergenceWarning)
    search.fit(X, y)
print(search.best_params_)
print(f"accuracy {search.best_score_:.3f}")

# %%
# The heat map
# ------------
#
# ``cv_results_`` has a score for every pair. The last parameter of the grid changes
# fastest, in the alphabetical order of the names, so that the scores are rows of
# learning rates by activation.

mean = search.cv_results_["mean_test_score"].reshape(
    len(grid["activation"]), len(grid["learning_rate_init"])
)
spread = search.cv_results_["std_test_score"].reshape(mean.shape)
order = np.argsort(-mean.max(axis=1))
mean, spread = mean[order], spread[order]
names = [str(grid["activation"][k]) for k in order]

# %%
# The black frames mark the best rate of each activation. From frame to frame the
# accuracy hardly changes; along a row it changes a lot. Look at ``logistic``: with the
# default rate of 0.001 it seems to be useless after 20 epochs, with a rate thirty times
# as high it is as good as the others. Its slope is at most 1/4, so that it learns in
# small steps.

figure, ax = plt.subplots(figsize=(7.5, 5.5), layout="constrained")
image = ax.imshow(mean, cmap="viridis", vmin=0.85, vmax=mean.max(), aspect="auto")
for (row, column), value in np.ndenumerate(mean):
    colour = "white" if value < 0.92 else INK
    text = {"ha": "center", "va": "center", "color": colour, "fontsize": 9}
    ax.text(column, row, f"{value:.3f}", **text)
for row, column in enumerate(mean.argmax(axis=1)):
    frame = {"fill": False, "edgecolor": "black", "lw": 2}
    ax.add_patch(plt.Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, **frame))
ax.set_yticks(range(len(names)), names)
ax.set_xticks(range(mean.shape[1]), grid["learning_rate_init"])
ax.set(xlabel="learning_rate_init", ylabel="activation")
ax.set_title("Mean accuracy on three folds of the digits")
figure.colorbar(image, label="accuracy", extend="min", pad=0.02)
plt.show()

# %%
# Which one, then?
# ----------------
#
# The best cell is the best of forty, partly by luck. What counts is whether it is ahead
# of the others by more than the folds differ among themselves. Here the best and the
# last are hardly further apart than that: any of the ten would do, at the right rate.

best = mean.max(axis=1)
for name, score, row in zip(names, best, range(len(names)), strict=True):
    deviation = spread[row, mean[row].argmax()]
    print(f"{name:<30}{score:.3f} ± {deviation:.3f}")
