"""
What the first layer sees: weights as images
============================================

Every unit of the first hidden layer has a weight for every pixel, so its weights are an
image too. It shows what the unit looks for: ink where the weight is positive, paper
where it is negative. How clearly it shows depends on the penalty on the weights.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sk_mlp import MLPClassifier
from sk_mlp.inspection import WeightsDisplay

# %%
# The digits
# ----------
#
# 8 by 8 pixels, from 0 (paper) to 1 (ink). At the sides hardly any image has ink.

images, digit = load_digits(return_X_y=True)
images = images / 16.0
X_train, X_test, y_train, y_test = train_test_split(
    images, digit, test_size=0.5, random_state=0
)
rare = X_train.mean(axis=0) < 0.01
print(f"{np.sum(rare)} of 64 pixels have less than 1 % of ink on average")

# %%
# Three penalties
# ---------------
#
# ``alpha`` is the weight of the penalty. ``l1_ratio`` divides it between the squares of
# the weights (0, the default: all become small) and their sizes (1: most come next to
# zero, though not to zero itself).

penalties = {
    "hardly any: alpha=0.0001": {"alpha": 1e-4},
    "squares: alpha=2": {"alpha": 2.0},
    "sizes: alpha=1, l1_ratio=1": {"alpha": 1.0, "l1_ratio": 1.0},
}
models = {
    name: MLPClassifier(
        *((16,), "tanh"),
        learning_rate_init=0.01,
        max_iter=500,
        random_state=0,
        **penalty,
    ).fit(X_train, y_train)
    for name, penalty in penalties.items()
}

print(f"{'':<36}mean size of weights")
print(f"{'penalty':<27}{'test':>6}{'rare ink':>11}{'elsewhere':>11}{'below 0.01':>13}")
print("-" * 68)
for name, model in models.items():
    size, score = np.abs(model.coefs_[0]), model.score(X_test, y_test)
    at_rare, elsewhere = size[rare].mean(), size[~rare].mean()
    tiny = np.mean(size < 0.01)
    print(f"{name:<27}{score:>6.1%}{at_rare:>11.3f}{elsewhere:>11.3f}{tiny:>13.0%}")

# %%
# The images
# ----------
#
# Red is ink that speaks for the unit, blue is ink that speaks against it. The paler a
# pixel, the closer its weight is to zero. Units with the largest weights come first.
#
# Hardly any penalty: the images look like noise, though the network is good. Look at
# the sides: hardly an image has ink there, and still the weights are two thirds as
# large as elsewhere on average. They are for the few training images that have some.

first, second, third = models
display = WeightsDisplay.from_estimator(models[first], image_shape=(8, 8))
display.figure_.suptitle("Hardly any penalty")
plt.show()

# %%
# A penalty on the squares takes away what is not needed. Now the sides are pale, and
# there are strokes: look for red lines and arcs with blue beside them.

display = WeightsDisplay.from_estimator(models[second], image_shape=(8, 8))
display.figure_.suptitle("A penalty on the squares")
plt.show()

# %%
# A penalty on the sizes leaves a few pixels to each unit, and next to nothing to some
# units. That is enough to tell the digits apart nearly as well.

display = WeightsDisplay.from_estimator(models[third], image_shape=(8, 8))
display.figure_.suptitle("A penalty on the sizes")
plt.show()

# sphinx_gallery_thumbnail_number = 2
