"""
Dying ReLU and its cures
========================

A ``relu`` unit passes on what is above zero. If a step of training makes its bias so
negative that its input is below zero for every row, nothing comes through any more, no
gradient comes back, and its weights stay as they are: the unit is dead. It happens
where steps are too large.

This example kills most units of a network, lets ``diagnose`` find them, and applies the
remedies that it names.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sk_mlp import MLPClassifier
from sk_mlp.inspection import LayerDistributionDisplay, diagnose, hidden_activations

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16.0, y, test_size=0.5, random_state=0
)

# A hundred times the default learning rate.
sick = MLPClassifier((32, 32, 32), learning_rate_init=0.1, random_state=0)

# %%
# How units die
# -------------
#
# The network is trained step by step, on 100 rows at a time. After each step a unit
# counts as dead if its activation is zero for all training rows. In the picture, look
# at how fast it happens: with the large rate most units are dead after ten steps,
# little more than one pass through the rows. With the default rate few are. The dead
# of the first layer never come back, for what they get as input does not change.
# Deeper layers get other inputs while those before them learn, so some units recover.

N_STEPS = 60


def shares_of_dead_units(model):
    """Return the share of dead units after each step, by hidden layer."""
    shares = []
    for step in range(N_STEPS):
        rows = np.arange(100 * step, 100 * (step + 1)) % len(X_train)
        model.partial_fit(X_train[rows], y_train[rows], classes=np.unique(y))
        layers = [hidden_activations(model, X_train, layer) for layer in range(3)]
        shares.append([np.mean(np.all(a == 0.0, axis=0)) for a in layers])
    return np.array(shares)


dead = {
    rate: shares_of_dead_units(clone(sick).set_params(learning_rate_init=rate))
    for rate in (0.1, 0.001)
}
assert np.all(np.diff(dead[0.1][:, 0]) >= 0)  # none of the first layer comes back

print(f"{'dead units in hidden':<22}{'1':>6}{'2':>6}{'3':>6}")
print("-" * 40)
for rate, shares in dead.items():
    for step in (10, N_STEPS):
        row = f"rate {rate}, step {step}"
        print(f"{row:<22}" + "".join(f"{share:>6.0%}" for share in shares[step - 1]))

figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.8), sharey=True, layout="constrained")
steps = np.arange(1, N_STEPS + 1)
colours, dashes = ("#0072B2", "#D55E00", "#009E73"), ("-", "--", "-.")
for ax, (rate, shares) in zip(axes, dead.items(), strict=True):
    for layer in range(3):
        style = {"color": colours[layer], "ls": dashes[layer]}
        ax.plot(steps, shares[:, layer], label=f"hidden {layer + 1}", **style)
    ax.set(xlabel="step", ylim=(0, 1), title=f"learning rate {rate}")
axes[0].set_ylabel("share of dead units")
axes[0].yaxis.set_major_formatter(PercentFormatter(1.0))
axes[1].legend(frameon=False)
plt.show()

# %%
# What ``diagnose`` says
# ----------------------
#
# It needs the fitted network and rows to look at. The finding of interest is the one
# on dead units: it tells how many they are, that training has killed them, and what to
# try.

sick.fit(X_train, y_train)
diagnosis = diagnose(sick, X_train, y_train)
print(diagnosis)

# %%
# The values that leave each layer tell the same. In the picture each layer has its
# histogram, and its share of dead units on the right. The bars at zero are so high that
# they are cut off: their share is in the table above, under "zeros".

LayerDistributionDisplay.from_estimator(sick, X_train)
plt.show()

# %%
# Cures
# -----
#
# A remedy makes a new network from the sick one, with other parameters. The one that
# ``diagnose`` names first goes to the cause, the steps that are too large. Two more are
# tried here that leave the rate as it is: ``leaky_relu``, whose slope is not zero
# anywhere, so that its units cannot die; and batch normalisation, which moves the
# inputs of every unit back to where some are above zero.

(finding,) = [f for f in diagnosis.findings if f.code == "dead_units"]
cures = [(remedy.params, remedy.apply(sick)) for remedy in finding.remedies]
for params in ({"activation": "leaky_relu"}, {"normalization": "batch"}):
    cures.append((params, clone(sick).set_params(**params)))

networks = {"sick": sick}
for params, network in cures:
    name = ", ".join(f"{key}={value!r}" for key, value in params.items())
    networks[name] = network.fit(X_train, y_train)

dead, right = {}, {}
print(f"{'':<28}{'dead units':>12}{'loss':>9}{'test rows right':>17}")
print("-" * 66)
for name, model in networks.items():
    table = diagnose(model, X_train, y_train).layers[:-1]
    dead[name] = np.mean([layer["dead"] for layer in table])
    right[name] = model.score(X_test, y_test)
    numbers = f"{dead[name]:>12.0%}{model.loss_:>9.3f}{right[name]:>17.1%}"
    print(f"{name:<28}{numbers}")
    assert name == "sick" or (dead[name] < 0.25 and right[name] > right["sick"])

# %%
# In the picture, look for a short orange bar and a long blue one. Every cure has that.
# The best is the one that mends the cause; the others make the network stand it better.

assert max(right, key=right.get) == list(networks)[1]
figure, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
places = np.arange(len(networks))
for shift, values, colour, label in (
    (-0.2, right, "#0072B2", "test rows right"),
    (0.2, dead, "#D55E00", "dead units"),
):
    bars = ax.barh(places + shift, values.values(), 0.38, color=colour, label=label)
    ax.bar_label(bars, [f"{value:.0%}" for value in values.values()], padding=3)
ax.set_yticks(places, networks)
ax.invert_yaxis()
ax.set(xlim=(0, 1.1), title="The sick network and its cures")
ax.xaxis.set_major_formatter(PercentFormatter(1.0))
ax.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# sphinx_gallery_thumbnail_number = 3
