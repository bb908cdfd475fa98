"""
XOR by every activation
=======================

Have two numbers different signs? No straight line answers that, so a network must bend
the plane in its hidden layer. Two hidden units are the fewest with which the textbook
activations can do it, and with so little to spare the shape of the activation decides
whether training gets there or is stuck.

The picture has a panel for every activation of the package and a line for every random
start. Curves that turn around (``sine``, ``gaussian``, ``silu`` and their kin) solve
XOR from every start, for with them one unit is enough. So does ``prelu``, which learns
to turn around. Most that only rise need luck. Two cannot do it: ``identity`` stays a
straight line, and ``softmax`` makes one unit out of two. ``hard_sigmoid`` could, but
does not from any of these starts: all are on its straight middle part and stay there.

The picture is saved if the script is given a file name:
``python examples/plot_xor_activations.py xor.png``.
"""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from PIL import Image
from sklearn.exceptions import ConvergenceWarning

from sk_mlp import MLPClassifier, activations

X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
y = X[:, 0] != X[:, 1]

N_STARTS, N_EPOCHS = 20, 200


# %%
# Train
# -----
#
# Every activation gets the same network, solver and random starts. XOR is solved when
# all four points are classified correctly after the last epoch.


def train(activation):
    """Return the loss curves, one a row, and for each whether it solved XOR."""
    curves, solved = [], []
    for seed in range(N_STARTS):
        model = MLPClassifier(
            hidden_layer_sizes=(2,),
            activation=activation,
            alpha=0.0,
            learning_rate_init=0.1,
            max_iter=N_EPOCHS,
            n_iter_no_change=np.inf,
            random_state=seed,
        )
        with warnings.catch_warnings():
            # All run for the same number of epochs, so that the curves compare: that
            # they would go on improving is no surprise.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
        curves.append(model.loss_curve_)
        solved.append(model.score(X, y) == 1.0)
    return np.array(curves), np.array(solved)


candidates = {name: activations.get(name) for name in activations.names()}
# A step has no slope to follow. Training borrows that of the logistic curve.
candidates["step"] = activations.Step(surrogate="logistic")

results = [
    (name, activation, *train(activation)) for name, activation in candidates.items()
]
# Best first: most starts solved, then the lowest loss.
results.sort(key=lambda result: (-result[3].sum(), np.median(result[2][:, -1])))

# %%
# The scores
# ----------
#
# "By rows" is softmax, which takes all units of a layer together.

print(f"XOR with 2 hidden units: {N_STARTS} starts, {N_EPOCHS} epochs each\n")
print(f"{'activation':<16}{'solved':>8}{'median loss':>14}{'worst':>8}   only rises")
print("-" * 59)
for name, activation, curves, solved in results:
    final = curves[:, -1]
    rises = "yes" if activation.monotonic else "no"
    rises = "by rows" if activation.rowwise else rises
    print(
        f"{name:<16}{solved.sum():>5}/{N_STARTS}{np.median(final):>14.4f}"
        f"{final.max():>8.3f}   {rises}"
    )

turning = [r for r in results if not (r[1].monotonic or r[1].rowwise)]
assert all(solved.all() for *_, solved in turning)

# %%
# The picture
# -----------
#
# Blue: starts whose four points are right at the end, even if the loss is still
# falling. Orange: starts with a point or more on the wrong side, most on a plateau.
# Look at the small shapes as well: the green ones turn around, and above every one of
# them the bar is full.

SOLVED, STUCK, TURNS, INK, PALE = "#0072B2", "#D55E00", "#009E73", "#1F2933", "#8A96A3"
plt.rcParams.update({"font.size": 8, "axes.linewidth": 0.6, "axes.edgecolor": PALE})
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})


def draw_panel(ax, name, activation, curves, solved):
    """Draw the loss curves of one activation."""
    epochs = np.arange(1, N_EPOCHS + 1)
    for colour, chosen in ((STUCK, ~solved), (SOLVED, solved)):
        ax.plot(epochs, curves[chosen].T, color=colour, lw=0.6, alpha=0.55)
    ax.plot(epochs, np.median(curves, axis=0), color=INK, lw=1.7)
    ax.set(yscale="log", ylim=(2e-4, 9), xlim=(0, N_EPOCHS))
    ax.set_xticks([0, N_EPOCHS // 2, N_EPOCHS])
    ax.set_yticks([1e-3, 1e-2, 1e-1, 1], ["0.001", "0.01", "0.1", "1"])
    ax.minorticks_off()
    ax.tick_params(color=PALE, labelcolor=INK, width=0.6, length=2.5)
    ax.grid(axis="y", color="#E4E7EB", lw=0.6)

    # The name, how many starts were solved, and the same as a bar.
    label = "step *" if name == "step" else name
    colour = SOLVED if solved.any() else STUCK
    ax.set_title(label, loc="left", fontsize=9.5, fontweight="bold", color=INK, pad=8.5)
    count = {"fontsize": 9, "ha": "right", "va": "top", "transform": ax.transAxes}
    ax.text(0.99, 0.97, f"{solved.sum()}/{N_STARTS}", color=colour, **count)
    bar = {"transform": ax.transAxes, "clip_on": False, "solid_capstyle": "butt"}
    ax.plot([0, 1], [1.04, 1.04], color="#F3CDB6", lw=3, **bar)
    ax.plot([0, solved.mean()], [1.04, 1.04], color=SOLVED, lw=3, **bar)
    draw_shape(ax.inset_axes((0.03, 0.05, 0.25, 0.3)), activation)


def draw_shape(ax, activation):
    """Draw an activation itself; softmax as that of z beside a 0."""
    z = np.linspace(-4, 4, 401)
    if activation.rowwise:
        a, turns = activation(np.column_stack([z, np.zeros_like(z)]))[:, 0], False
    else:
        a, turns = activation(z), not activation.monotonic
    ax.plot(z, a, color=TURNS if turns else PALE, lw=1.5)
    ax.axis("off")


n_columns = 6
n_rows = -(-(len(results) + 2) // n_columns)  # two cells are for the legend
figure, axes = plt.subplots(
    n_rows,
    n_columns,
    figsize=(10, 1.6 * n_rows),
    sharex=True,
    sharey=True,
    layout="constrained",
)
figure.get_layout_engine().set(w_pad=0.03, h_pad=0.04)
for ax, result in zip(axes.flat, results, strict=False):
    draw_panel(ax, *result)
for ax in axes[:, 0]:
    ax.set_ylabel("training loss", color=INK)
for ax in axes[-1]:
    ax.set_xlabel("epoch", color=INK)
free = axes.flat[len(results) :]
for ax in free:
    ax.axis("off")

lines = {
    "a start that solves XOR": {"color": SOLVED, "lw": 1},
    "a start that is stuck": {"color": STUCK, "lw": 1},
    f"median of {N_STARTS} starts": {"color": INK, "lw": 2},
    "activation that only rises": {"color": PALE, "lw": 1.5},
    "activation that turns around": {"color": TURNS, "lw": 1.5},
    "* trained with logistic's slope": {"color": "none"},
}
legend = free[0].legend(
    [Line2D([], [], **style) for style in lines.values()],
    lines,
    loc="upper left",
    bbox_to_anchor=(0.0, 1.15),
    fontsize=9,
    frameon=False,
    labelspacing=0.55,
)
legend.set_in_layout(False)  # it may reach into the next column
figure.suptitle(
    f"XOR with two hidden units: every activation from {N_STARTS} random starts",
    fontsize=13,
    fontweight="bold",
    color=INK,
)

if sys.argv[1:]:
    path = sys.argv[1]
    figure.savefig(path, dpi=180)
    Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)  # small
plt.show()
