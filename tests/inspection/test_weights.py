"""WeightsDisplay: images, heat maps and histograms of the weights."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from _displays import X, Y, assert_same, closed_figures, drawn  # noqa: F401
from _helpers import fit_quietly
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier
from sk_mlp.inspection._weights import WeightsDisplay

IMAGES, DIGITS = load_digits(return_X_y=True)


def fitted(X=X, y=Y, kind=MLPClassifier, hidden=(30, 10)):
    model = kind(hidden_layer_sizes=hidden, max_iter=3, random_state=0)
    return fit_quietly(model, X, y)


@pytest.fixture(scope="module")
def of_images():
    return fitted(IMAGES / 16, DIGITS)


@pytest.mark.parametrize("image_shape", [(8, 8), "auto"])
def test_draws_units_as_images(of_images, image_shape):
    display = WeightsDisplay.from_estimator(of_images, image_shape=image_shape)
    weights = of_images.coefs_[0]
    norms = np.linalg.norm(weights, axis=0)
    assert len(display.images_) == len(display.axes_) == 16
    assert_same(norms[display.units_], np.sort(norms)[::-1][:16])
    for image, unit in zip(display.images_, display.units_, strict=True):
        assert_same(image.get_array(), weights[:, unit].reshape(8, 8))
        low, high = image.get_clim()
        assert low == -high == -np.abs(weights[:, display.units_]).max()
    assert display.axes_[0].get_title() == f"unit {display.units_[0]}"
    bar = display.figure_.axes[-1]
    assert bar.get_ylabel() == "weight (hidden 1: 16 of 30 units, by norm)"


def test_images_need_not_be_square(of_images):
    display = WeightsDisplay.from_estimator(of_images, image_shape=(4, 16))
    assert display.images_[0].get_array().shape == (4, 16)


def test_auto_takes_small_or_odd_inputs_for_no_images(of_images):
    assert (
        WeightsDisplay.from_estimator(fitted(), image_shape="auto").image_shape is None
    )
    odd = fitted(IMAGES[:, :60] / 16, DIGITS)
    assert WeightsDisplay.from_estimator(odd, image_shape="auto").image_shape is None
    later = fitted(hidden=(64, 5))
    display = WeightsDisplay.from_estimator(later, 1, image_shape="auto")
    assert display.image_shape is None and len(display.axes_) == 1


@pytest.mark.parametrize("kind", [MLPClassifier, SklearnClassifier])
@pytest.mark.parametrize("layer", [0, 1, 2, -1])
def test_draws_a_heat_map(layer, kind):
    model = fitted(kind=kind)
    display = WeightsDisplay.from_estimator(model, layer)
    weights = model.coefs_[layer]
    (image,) = display.images_
    assert_same(image.get_array(), weights[:, display.units_])
    assert len(display.units_) == min(16, weights.shape[1])
    low, high = image.get_clim()
    assert low == -high
    name = "output" if layer in (2, -1) else f"hidden {layer + 1}"
    assert display.ax_.get_title().startswith(f"{name}: ")
    ticks = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert ticks == [str(unit) for unit in display.units_]


def test_names_the_features():
    frame = pd.DataFrame(X, columns=["sepal length", "sepal width", "length", "width"])
    model = fitted(frame)
    display = WeightsDisplay.from_estimator(model)
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == list(frame.columns)
    ticks = WeightsDisplay.from_estimator(model, 1).ax_.get_yticklabels()
    assert ticks[1].get_text() == "1"


def test_many_inputs_are_not_all_named(of_images):
    display = WeightsDisplay.from_estimator(of_images)
    assert len(display.ax_.get_yticks()) <= 30


def test_draws_a_histogram(of_images):
    display = WeightsDisplay.from_estimator(of_images, style="histogram")
    counts = [bar.get_height() for bar in display.ax_.patches]
    assert sum(counts) == of_images.coefs_[0].size
    assert display.images_ == []
    assert "1920 weights" in display.ax_.get_title()


def test_weights_that_are_not_finite_do_not_spoil_the_scale():
    weights = np.array([[np.nan, 1.0], [2.0, -3.0]])
    display = WeightsDisplay(weights=weights).plot()
    assert display.images_[0].get_clim() == (-3.0, 3.0)
    assert list(display.units_) == [1, 0]
    drawn(display.figure_)
    assert "1 not finite" in display.plot(style="histogram").ax_.get_title()


def test_weights_of_zero():
    display = WeightsDisplay(weights=np.zeros((4, 3))).plot()
    assert display.images_[0].get_clim() == (-1.0, 1.0)
    assert list(display.units_) == [0, 1, 2]
    drawn(display.figure_)


def test_the_weights_are_a_copy():
    model = fitted()
    display = WeightsDisplay.from_estimator(model)
    model.coefs_[0][...] = 0
    assert display.weights.any()


def test_images_in_axes_of_ones_own(of_images):
    figure, axes = plt.subplots(2, 2)
    display = WeightsDisplay.from_estimator(
        of_images, image_shape="auto", max_units=4, ax=axes
    )
    assert list(display.axes_) == list(axes.ravel())
    with pytest.raises(ValueError, match="16 panels, but ax has only 4"):
        WeightsDisplay.from_estimator(of_images, image_shape="auto", ax=axes)
    assert plt.get_fignums() == [figure.number]


def test_behind_a_pipeline():
    model = fit_quietly(
        make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=3)), X, Y
    )
    display = WeightsDisplay.from_estimator(model)
    assert_same(display.weights, model[-1].coefs_[0])


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there(layer):
    with pytest.raises(ValueError, match=f"has 3 layers.*Got {layer}"):
        WeightsDisplay.from_estimator(fitted(), layer)


@pytest.mark.parametrize("layer", ["hidden 1", 1.0, True])
def test_a_layer_is_an_int(layer):
    with pytest.raises(TypeError, match="layer must be an int"):
        WeightsDisplay.from_estimator(fitted(), layer)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"image_shape": (8, 9)}, "height \\* width = 64"),
        ({"image_shape": (4, 4, 4)}, "height \\* width = 64"),
        ({"image_shape": "square"}, "image_shape must be 'auto'"),
        ({"image_shape": (5, 6), "layer": 1}, "first layer"),
        ({"style": "violin"}, "style must be one of"),
        ({"max_units": 0}, "max_units"),
        ({"max_units": 2.5}, "max_units"),
    ],
)
def test_refuses_what_it_cannot_draw(of_images, options, match):
    with pytest.raises(ValueError, match=match):
        WeightsDisplay.from_estimator(of_images, **options)
    assert not plt.get_fignums()


@pytest.mark.parametrize("size", [1e200, 1e300, 1.7e308])
@pytest.mark.parametrize("style", ["auto", "histogram"])
def test_extreme_weights(size, style):
    weights = size * np.array([[0.1, -1.0], [0.2, 0.5]])
    for image_shape in (None, (1, 2)):
        display = WeightsDisplay(weights=weights, image_shape=image_shape)
        drawn(display.plot(style=style).figure_)
        assert list(display.units_) == [1, 0]
