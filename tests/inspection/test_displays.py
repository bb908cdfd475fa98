"""What all Displays have in common."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
from _displays import X, Y, closed_figures, drawn, without_matplotlib  # noqa: F401
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mlp import MLPClassifier
from sk_mlp.inspection._activation_curves import ActivationDisplay
from sk_mlp.inspection._layer_plots import (
    GradientFlowDisplay,
    LayerDistributionDisplay,
)
from sk_mlp.inspection._learning_rate import LearningRateDisplay
from sk_mlp.inspection._loss_curve import LossCurveDisplay
from sk_mlp.inspection._weights import WeightsDisplay

DATA = {
    LossCurveDisplay: (),
    ActivationDisplay: (),
    LayerDistributionDisplay: (X,),
    GradientFlowDisplay: (X, Y),
    WeightsDisplay: (),
    LearningRateDisplay: (X, Y),
}
every = pytest.mark.parametrize("display", DATA)
SETTINGS = {"hidden_layer_sizes": (6, 5), "learning_rate_init": 0.05, "tol": 0.01}


def fitted(kind=MLPClassifier):
    return kind(**SETTINGS, random_state=0).fit(X, Y)


@pytest.fixture(scope="module")
def model():
    return fitted()


@every
def test_draws_in_a_figure_of_its_own(display, model):
    made = display.from_estimator(model, *DATA[display])
    assert isinstance(made, display)
    assert plt.get_fignums() == [made.figure_.number]
    assert made.ax_.figure is made.figure_
    assert drawn(made.figure_).std() > 0


@every
def test_draws_in_the_axes_that_it_is_given(display, model):
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    made = display.from_estimator(model, *DATA[display], ax=right)
    assert made.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert not left.has_data()
    drawn(figure)
    for ax in figure.axes:
        if ax is not left:
            assert ax.get_position().x0 > left.get_position().x1


@every
def test_draws_in_axes_that_stand_free(display, model):
    figure = plt.figure()
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    made = display.from_estimator(model, *DATA[display], ax=ax)
    assert made.figure_ is figure
    drawn(figure)


@every
def test_draws_in_a_subfigure(display, model):
    figure = plt.figure(layout="constrained")
    part = figure.subfigures(1, 2)[0]
    made = display.from_estimator(model, *DATA[display], ax=part.add_subplot())
    assert made.figure_ is part
    drawn(figure)


@every
def test_can_be_drawn_again(display, model):
    made = display.from_estimator(model, *DATA[display])
    first, pixels = made.figure_, drawn(made.figure_)
    assert made.plot() is made
    assert made.figure_ is not first
    np.testing.assert_array_equal(drawn(made.figure_), pixels)


@every
def test_reads_the_estimators_of_scikit_learn(display):
    drawn(display.from_estimator(fitted(SklearnClassifier), *DATA[display]).figure_)


@every
def test_opens_pipelines_and_searches(display, model):
    pipeline = make_pipeline(StandardScaler(), clone(model))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4]}, cv=2)
    drawn(display.from_estimator(search.fit(X, Y), *DATA[display]).figure_)


@pytest.mark.parametrize("display", [d for d in DATA if DATA[d]])
def test_sparse_rows(display, model):
    data = DATA[display]
    dense = display.from_estimator(model, *data)
    sparse = display.from_estimator(model, csr_matrix(X), *data[1:])
    np.testing.assert_allclose(
        drawn(dense.figure_).mean(), drawn(sparse.figure_).mean(), rtol=1e-3
    )


@pytest.mark.parametrize("display", [d for d in DATA if d is not LearningRateDisplay])
def test_what_is_not_fitted_is_refused(display):
    with pytest.raises(NotFittedError):
        display.from_estimator(MLPClassifier(), *DATA[display])
    assert not plt.get_fignums()


@every
def test_what_is_no_mlp_is_refused(display):
    estimator = LinearRegression().fit(X, Y)
    with pytest.raises(TypeError, match="MLPClassifier"):
        display.from_estimator(estimator, *DATA[display])
    assert not plt.get_fignums()


@every
def test_without_matplotlib_it_says_how_to_get_it(display, model, without_matplotlib):  # noqa: F811
    with pytest.raises(ImportError, match=r'pip install "sk-mlp\[plot\]"'):
        display.from_estimator(model, *DATA[display])


@every
def test_the_estimator_stays_as_it_is(display):
    model = fitted()
    before, theta = set(vars(model)), model._network.theta.copy()
    parameters, history = model.get_params(), dict(model.history_)
    display.from_estimator(model, *DATA[display])
    assert set(vars(model)) == before
    assert model.get_params() == parameters
    assert model.history_ == history
    np.testing.assert_array_equal(model._network.theta, theta)


@every
def test_documents_its_parameters(display):
    methods = {"": display, "from_estimator": display.from_estimator}
    methods["plot"] = display.plot
    if display is ActivationDisplay:
        methods["from_activations"] = display.from_activations
    for name, method in methods.items():
        doc = inspect.getdoc(method)
        documented = _parameters(doc)
        signature = inspect.signature(method).parameters
        assert documented == [p for p in signature if p != "self"], name
        for p in signature.values():
            if p.default is not p.empty and p.default is not None:
                assert repr(p.default).replace("'", '"') in doc, (name, p.name)


def _parameters(doc):
    """Return the names in the Parameters section of a docstring."""
    lines = doc.split("\n")
    names = []
    for line in lines[lines.index("Parameters") + 2 :]:
        if line and not line.startswith(" "):
            if " : " not in line:
                break
            names += line.split(" : ")[0].split(", ")
    return names


@every
def test_all_but_data_is_passed_by_keyword(display):
    for method in (display, display.plot):
        for p in inspect.signature(method).parameters.values():
            assert p.kind is p.KEYWORD_ONLY or p.name == "self"
