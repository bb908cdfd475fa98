"""
What an activation costs
========================

Every activation is computed for every unit, in every layer, for every row and back
again. Some are a comparison, others take exponentials or error functions. How much
slower is that than ReLU, and is it worth it?

``activations.table()`` measures the first on the machine at hand;
:func:`~sk_mlp.inspection.compare_activations` answers the second for a data set.

Needs pandas, beside matplotlib.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.transforms import Bbox
from sklearn.datasets import load_digits

from sk_mlp import MLPClassifier, activations
from sk_mlp.inspection import compare_activations

SMOOTH, PIECES, INK, PALE = "#0072B2", "#D55E00", "#1F2933", "#8A96A3"

# %%
# The cost of each
# ----------------
#
# The cost is the time that a training step spends in the activation, forward and
# backward, over that of ReLU. Both are measured in turns. The table also has what else
# is known of an activation, so that it can be filtered: here by whether hidden layers
# can learn with it.

table = activations.table()
table = table.drop(index=["softmax", "step"]).sort_values("cost")
print(table[["formula", "cost"]].round(1).to_string())

# %%
# Most of those made of straight pieces are cheap. One exponential or hyperbolic tangent
# makes it about two times the time of ReLU, and the gates of SiLU, Mish and GELU some
# three to seven times. Trained shapes (``prelu``, ``swish_beta``) add a derivative by
# the shape, ``rrelu`` draws random numbers, and ``symmetric_msaf`` has five hyperbolic
# tangents.

has_kinks = table["kinks"].map(len) > 0
colours = [PIECES if has_kinks[name] else SMOOTH for name in table.index]
figure, ax = plt.subplots(figsize=(7, 6), layout="constrained")
bars = ax.barh(table.index, table["cost"], color=colours, height=0.7)
ax.bar_label(bars, fmt="%.1f", padding=3, fontsize=8, color=INK)
ax.axvline(1.0, color=INK, lw=0.8, ls=":")
ax.invert_yaxis()
ax.set(xlabel="time of value and slope, over that of ReLU")
ax.set_title("Cost of an activation: orange with kinks, blue smooth")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Is it worth it?
# ---------------
#
# A network does more than activations: the products with the weights are the larger
# part of the work, and the wider the layers, the more so. The same network is trained
# with each activation on the same three folds of the digits.

X, y = load_digits(return_X_y=True)
model = MLPClassifier(
    (64, 64), learning_rate_init=0.005, max_iter=30, tol=0.0, random_state=0
)
comparison = compare_activations(model, X / 16.0, y, list(table.index), cv=3)
print(comparison)

# %%
# Below, an activation is a point (close relatives left out): to the right what takes
# longer, at the top what is more accurate. The bars are the standard deviation over the
# three folds. Where bars overlap, the data do not tell which one is better: that is so
# for most of them, cheap or not. Clearly behind, after as many epochs, are those whose
# values are never negative and whose slope is small around 0 (``logistic``,
# ``hard_sigmoid``, ``msaf``).

look_alikes = [
    "celu",
    "gelu_tanh",
    "hard_swish",
    "relu6",
    "rrelu",
    "selu",
    "swish_beta",
]
cost = table["cost"].drop(look_alikes)
scores = comparison.to_frame().loc[cost.index]
figure, ax = plt.subplots(figsize=(9, 6), layout="constrained")
bars = {"fmt": "none", "ecolor": PALE, "lw": 0.8, "alpha": 0.6}
ax.errorbar(cost, scores["mean_score"], yerr=scores["std_score"], **bars)
colours = [PIECES if has_kinks[name] else SMOOTH for name in cost.index]
ax.scatter(cost, scores["mean_score"], c=colours, s=30, zorder=3)
ax.set(xscale="log", xlim=(0.35, 18))
ax.set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
ax.minorticks_off()
ax.set(xlabel="cost over that of ReLU", ylabel="accuracy on held-out digits")
ax.set_title("Accuracy against cost: orange with kinks, blue smooth")
ax.spines[["top", "right"]].set_visible(False)

# The places of the points are of this machine, so those of the names are looked for:
# around its point, where the fewest other points and names are in the way.
figure.draw_without_rendering()
points = np.column_stack([cost, scores["mean_score"]])
taken = [
    Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in ax.transData.transform(points)
]
places = [(5, 4, "left"), (-5, 4, "right"), (5, -11, "left"), (-5, -11, "right")]
places += [(0, 7, "center"), (0, -14, "center"), (0, 17, "center"), (0, -24, "center")]
for name, point in zip(cost.index, points, strict=True):
    style = {"textcoords": "offset points", "fontsize": 9, "color": INK}
    labels = [ax.annotate(name, point, (x, y), ha=ha, **style) for x, y, ha in places]
    boxes = [label.get_window_extent() for label in labels]
    best = np.argmin([box.count_overlaps(taken) for box in boxes])
    taken.append(boxes.pop(best))
    labels.pop(best)
    for label in labels:
        label.remove()
plt.show()
