"""LayerDistributionDisplay and GradientFlowDisplay: values and gradients by layer."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from _displays import X, Y, assert_same, closed_figures, drawn, texts  # noqa: F401
from _helpers import fit_quietly
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.inspection import hidden_activations
from sk_mlp.inspection._layer_plots import (
    GradientFlowDisplay,
    LayerDistributionDisplay,
)


def fitted(hidden=(8, 5), kind=MLPClassifier, **parameters):
    model = kind(hidden_layer_sizes=hidden, max_iter=5, random_state=0, **parameters)
    return fit_quietly(model, X, Y)


def notes(display):
    """Return what is written beside the layers, the output layer first."""
    return [text.get_text() for text in display.ax_.texts]


# LayerDistributionDisplay -----------------------------------------------------------


@pytest.mark.parametrize("kind", [MLPClassifier, SklearnClassifier])
def test_draws_what_the_layers_hold(kind):
    model = fitted(kind=kind)
    display = LayerDistributionDisplay.from_estimator(model, X)
    for layer in (0, 1):
        np.testing.assert_allclose(
            display.values[layer], hidden_activations(model, X, layer), rtol=1e-12
        )
    np.testing.assert_allclose(display.values[2], model.predict_proba(X), rtol=1e-10)
    assert len(display.polygons_) == 3
    for values, note in zip(display.values, reversed(notes(display)), strict=True):
        assert note.startswith(f"mean {values.mean():.2g}, std {values.std():.2g}")


def test_draws_what_comes_before_the_activations():
    model = fitted()
    display = LayerDistributionDisplay.from_estimator(model, X, kind="preactivation")
    z = X @ model.coefs_[0] + model.intercepts_[0]
    np.testing.assert_allclose(display.values[0], z, atol=1e-12)
    assert display.ax_.get_xlabel() == "preactivation of a unit"


def test_normalization_comes_before_the_activation():
    model = fitted(normalization="layer")
    display = LayerDistributionDisplay.from_estimator(model, X, kind="preactivation")
    np.testing.assert_allclose(
        np.maximum(display.values[0], 0), hidden_activations(model, X, 0)
    )


def test_tells_of_dead_units():
    model = fitted()
    model.intercepts_[0][...] = -1e3
    display = LayerDistributionDisplay.from_estimator(model, X)
    assert display.dead[0] == 1 and display.saturated[0] == 0
    assert notes(display)[-1] == "mean 0, std 0\n100% dead"
    drawn(display.figure_)


def test_tells_of_saturated_units():
    model = fitted(activation="tanh")
    model.coefs_[0][...] *= 1e4
    display = LayerDistributionDisplay.from_estimator(model, X)
    assert display.saturated[0] + display.dead[0] == 1
    drawn(display.figure_)


def test_a_network_without_hidden_layers():
    display = LayerDistributionDisplay.from_estimator(fitted(()), X)
    assert display.layer_names == ["output"]
    drawn(display.figure_)


def test_a_deep_network_names_some_layers():
    display = LayerDistributionDisplay.from_estimator(fitted((3,) * 40), X)
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert len(names) <= 16 and "output" in names
    drawn(display.figure_)


def test_of_many_rows_some_are_taken():
    model = fitted()
    display = LayerDistributionDisplay.from_estimator(model, np.tile(X, (60, 1)))
    assert [len(values) for values in display.values] == [5000] * 3


def test_values_that_are_not_finite_are_counted():
    values = [np.array([[0.0, np.nan], [1.0, np.inf]]), np.full((2, 1), np.nan)]
    display = LayerDistributionDisplay(layer_names=["a", "b"], values=values).plot()
    assert notes(display) == ["no finite value", "mean 0.5, std 0.5\n50% not finite"]
    drawn(display.figure_)


def test_one_row():
    drawn(LayerDistributionDisplay.from_estimator(fitted(), X[:1]).figure_)


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of"):
        LayerDistributionDisplay.from_estimator(fitted(), X, kind="output")
    assert not plt.get_fignums()


# GradientFlowDisplay ----------------------------------------------------------------


def test_draws_the_size_of_the_gradient():
    model = fitted((), kind=MLPRegressor)
    X_, y = X, Y.astype(float)
    display = GradientFlowDisplay.from_estimator(model, X_, y)
    error = model.predict(X_) - y  # dL/dz of half the squared error
    assert display.layer_names == ["output"]
    np.testing.assert_allclose(display.signals, [np.sqrt(np.mean(error**2))])
    gradient = X_.T @ error / len(y)
    np.testing.assert_allclose(display.weight_gradients, [np.linalg.norm(gradient)])
    assert_same(display.lines_["signals"].get_ydata(), display.signals)
    assert_same(
        display.lines_["weight_gradients"].get_ydata(), display.weight_gradients
    )


def test_the_gradient_of_two_layers():
    model = fitted((6,), kind=MLPRegressor, activation="tanh")
    display = GradientFlowDisplay.from_estimator(model, X, Y)
    a = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    error = (model.predict(X) - Y)[:, None]
    signal = error @ model.coefs_[1].T * (1 - a**2)
    expected = np.sqrt(np.mean(np.sum(signal**2, axis=1)))
    np.testing.assert_allclose(display.signals[0], expected)
    np.testing.assert_allclose(
        display.weight_gradients[0], np.linalg.norm(X.T @ signal / len(X))
    )


def test_scikit_learns_own_has_the_same_gradient():
    settings = {"hidden_layer_sizes": (5, 4), "max_iter": 5, "random_state": 0}
    theirs = SklearnClassifier(**settings)
    ours = MLPClassifier(**settings, init="sklearn")
    flows = [
        GradientFlowDisplay.from_estimator(fit_quietly(model, X, Y), X, Y).signals
        for model in (theirs, ours)
    ]
    np.testing.assert_allclose(*flows, rtol=1e-5)


def test_without_targets_there_are_no_weight_gradients():
    display = GradientFlowDisplay.from_estimator(fitted(), X)
    assert display.weight_gradients is None
    assert list(display.lines_) == ["signals"]
    np.testing.assert_allclose(display.signals[-1], 1.0)  # directions of length 1


def test_weights_of_rows_count():
    model, w = fitted(), np.arange(len(X)) % 3.0
    weighted = GradientFlowDisplay.from_estimator(model, X, Y, sample_weight=w)
    rows = np.repeat(np.arange(len(X)), w.astype(int))
    repeated = GradientFlowDisplay.from_estimator(model, X[rows], Y[rows])
    np.testing.assert_allclose(weighted.weight_gradients, repeated.weight_gradients)


def test_gradients_of_zero_are_marked():
    model = fitted()
    model.intercepts_[0][...] = -1e3
    display = GradientFlowDisplay.from_estimator(model, X, Y)
    assert display.signals[0] == 0
    assert list(display.lines_["zeros"].get_xdata()) == [0]
    assert np.isnan(display.lines_["signals"].get_ydata()[0])
    assert "exactly 0" in texts(display.ax_)
    drawn(display.figure_)


def test_several_networks_on_one_ax():
    _, ax = plt.subplots()
    for depth in (12, 4):
        model = fitted((5,) * depth)
        display = GradientFlowDisplay.from_estimator(
            model, X, Y, name=f"{depth} layers", ax=ax
        )
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names[0] == "hidden 1" and names[-1] == "output" and len(names) == 13
    entries = texts(ax)
    assert len(entries) == 5  # the threshold once
    assert "4 layers: dL/dW" in entries and "12 layers: dL/dz" in entries
    assert ax.get_yscale() == "log"
    colors = [line.get_color() for line in display.lines_.values()]
    assert len(set(colors)) == 1


def test_the_deeper_network_names_the_layers_in_either_order():
    _, ax = plt.subplots()
    for depth in (2, 20):
        GradientFlowDisplay.from_estimator(fitted((3,) * depth), X, ax=ax)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names[-1] == "output" and 5 < len(names) <= 16
    drawn(ax.figure)


def test_gradients_that_are_not_finite_leave_a_gap():
    display = GradientFlowDisplay(
        layer_names=["hidden 1", "hidden 2", "output"], signals=[np.inf, np.nan, 1.0]
    ).plot()
    assert_same(display.lines_["signals"].get_ydata(), [np.nan, np.nan, 1.0])
    drawn(display.figure_)


# Extreme values ---------------------------------------------------------------------


def with_weights(size, activation):
    model = fitted(activation=activation)
    for k, W in enumerate(model.coefs_):
        W[...] = size * np.random.RandomState(k).choice([-1.0, 1.0], W.shape)
    return model


@pytest.mark.parametrize("size", [1e155, 1e200, 1e300, 1.7e308, np.nan])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_extreme_weights(size, activation):
    model = with_weights(size, activation)
    for kind in ("activation", "preactivation"):
        display = LayerDistributionDisplay.from_estimator(model, X, kind=kind)
        drawn(display.figure_)
    drawn(GradientFlowDisplay.from_estimator(model, X, Y).figure_)
    drawn(GradientFlowDisplay.from_estimator(model, X).figure_)


@pytest.mark.parametrize("size", [1e200, 1e300])
def test_extreme_rows(size):
    model = fitted()
    display = LayerDistributionDisplay.from_estimator(model, size * X)
    values = display.values[0] / size
    note = f"mean {values.mean() * size:.2g}, std {values.std() * size:.2g}"
    assert notes(display)[-1].startswith(note)
    drawn(display.figure_)
    display = GradientFlowDisplay.from_estimator(model, size * X, Y)
    assert np.isfinite(display.weight_gradients[0])
    drawn(display.figure_)


def test_a_network_of_nan_says_so():
    display = GradientFlowDisplay.from_estimator(with_weights(np.nan, "relu"), X, Y)
    assert list(display.lines_["not_finite"].get_xdata()) == [0, 1, 2]
    assert "not finite" in texts(display.ax_)
    low, high = display.ax_.get_ylim()
    assert low < 1e-5 and high > 1


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_probabilities_near_0_and_1_are_not_saturated(scale):
    model = fit_quietly(MLPClassifier((5,), solver="lbfgs", random_state=0), X, Y == 0)
    model.coefs_[-1][...] *= scale
    model.intercepts_[-1][...] *= scale
    display = LayerDistributionDisplay.from_estimator(model, X)
    assert display.dead[-1] == display.saturated[-1] == 0
    assert notes(display)[0].count("\n") == 0


def test_an_output_that_is_dead_is_told_of():
    model = fitted(kind=MLPRegressor, output_activation="relu")
    model.intercepts_[-1][...] = -1e3
    display = LayerDistributionDisplay.from_estimator(model, X)
    assert "100% dead" in notes(display)[0]
