"""compare_activations: the same folds for all, failures as rows, honest figures."""

import sys
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_validate,
)
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_mlp import MLPClassifier, MLPRegressor, activations
from sk_mlp.activations import Activation, LeakyReLU, Tanh
from sk_mlp.inspection import compare_activations
from sk_mlp.inspection._compare import ActivationComparison

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 3))
LABELS = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
NUMBERS = X[:, 0] - 0.5 * X[:, 1] ** 2


class Broken(Activation):
    """User-made, fails when it is trained."""

    def forward(self, z, out):
        out[...] = z

    def backward(self, z, a, grad):
        if len(z) > 5:  # what is tried before the fit is smaller
            raise FloatingPointError("the slope is lost\nsomewhere")


class Growing(Activation):
    """User-made, diverges."""

    def forward(self, z, out):
        np.power(z, 9, out=out)

    def backward(self, z, a, grad):
        grad *= 9 * z**8


def classifier(**parameters):
    defaults = {"solver": "lbfgs", "max_iter": 20, "random_state": 0}
    return MLPClassifier((5,), **{**defaults, **parameters})


def regressor(**parameters):
    defaults = {"solver": "lbfgs", "max_iter": 20, "random_state": 0}
    return MLPRegressor((5,), **{**defaults, **parameters})


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return function(*args, **kwargs)


def by_name(comparison):
    return {result["activation"]: result for result in comparison.results}


def test_scores_are_those_of_cross_validate():
    cv = StratifiedKFold(4, shuffle=True, random_state=0)
    model = classifier()
    comparison = compare_activations(model, X, LABELS, ["tanh", "relu"], cv=cv)
    for name, result in by_name(comparison).items():
        expected = quietly(
            cross_validate,
            classifier(activation=name, max_iter=20),
            *(X, LABELS),
            cv=cv,
            return_estimator=True,
            return_train_score=True,
        )
        np.testing.assert_array_equal(result["scores"], expected["test_score"])
        assert result["mean_score"] == expected["test_score"].mean()
        assert result["std_score"] == expected["test_score"].std()
        assert result["mean_train_score"] == expected["train_score"].mean()
        n_iter = [fitted.n_iter_ for fitted in expected["estimator"]]
        assert result["n_iter"] == np.mean(n_iter)
        assert result["n_unfinished"] == sum(n == 20 for n in n_iter)
        assert result["fit_time"] > 0 and result["error"] is None
    assert model.activation == "relu" and not hasattr(model, "coefs_")


def test_folds_are_drawn_once():
    cv = KFold(3, shuffle=True)  # other folds at every call of split
    same = [["tanh"], [Tanh()], "tanh"]
    results = compare_activations(classifier(), X, LABELS, same, cv=cv).results
    assert len({tuple(result["scores"]) for result in results}) == 1
    assert all(result["mean_difference"] == 0 for result in results)


def test_best_comes_first_and_the_differences_are_paired():
    comparison = compare_activations(classifier(), X, LABELS, ["sine", "tanh", "exp"])
    scores = [result["mean_score"] for result in comparison.results]
    assert scores == sorted(scores, reverse=True)
    best = comparison.results[0]
    for result in comparison.results:
        difference = best["scores"] - result["scores"]
        assert result["mean_difference"] == difference.mean()
        assert result["std_difference"] == difference.std()
    assert comparison.best == best["activation"]


def test_default_is_all_that_hidden_layers_can_learn_with():
    comparison = compare_activations(classifier(max_iter=1), X, LABELS, cv=2)
    left_out = {"step", "softmax"}
    assert by_name(comparison).keys() == {*activations.names()} - left_out


@pytest.mark.parametrize(
    "candidate, label",
    [
        ("sigmoid", "sigmoid"),
        (LeakyReLU(negative_slope=0.3), "LeakyReLU(negative_slope=0.3)"),
        (Tanh(), "tanh"),
        (["tanh", LeakyReLU()], "tanh, leaky_relu"),
        (("tanh", "relu"), "tanh, relu"),
    ],
)
def test_names_objects_and_lists(candidate, label):
    model = MLPClassifier((4, 3), solver="lbfgs", max_iter=5, random_state=0)
    comparison = compare_activations(model, X, LABELS, [candidate], cv=2)
    assert [*by_name(comparison)] == [label]
    assert comparison.best is candidate
    model.set_params(activation=comparison.best)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda mlp: make_pipeline(StandardScaler(), mlp),
        lambda mlp: TransformedTargetRegressor(mlp, transformer=StandardScaler()),
        lambda mlp: GridSearchCV(mlp, {"alpha": [0.1, 1.0]}, cv=2),
        lambda mlp: make_pipeline(
            StandardScaler(),
            TransformedTargetRegressor(GridSearchCV(mlp, {"alpha": [0.1]}, cv=2)),
        ),
    ],
)
def test_the_network_is_found_in_other_estimators(wrap):
    estimator = wrap(regressor())
    candidates = ["tanh", "relu"]
    comparison = compare_activations(estimator, X, NUMBERS, candidates, cv=3)
    (path,) = (
        key
        for key in estimator.get_params()
        if key == "activation" or key.endswith("__activation")
    )
    for name, result in by_name(comparison).items():
        model = clone(estimator).set_params(**{path: name})
        expected = quietly(cross_validate, model, X, NUMBERS, cv=3)
        np.testing.assert_array_equal(result["scores"], expected["test_score"])
        assert result["n_iter"] > 0 and 0 <= result["dead_units"] <= 1


def test_scikit_learns_own_mlp_is_taken_over():
    model = SklearnClassifier((5,), solver="lbfgs", alpha=0.3, random_state=0)
    alone = compare_activations(model, X, LABELS, ["mish"], cv=2)
    piped = compare_activations(make_pipeline(model), X, LABELS, ["mish"], cv=2)
    own = MLPClassifier((5,), solver="lbfgs", alpha=0.3, random_state=0, init="sklearn")
    expected = compare_activations(own, X, LABELS, ["mish"], cv=2)
    for comparison in (alone, piped):
        np.testing.assert_array_equal(
            comparison.results[0]["scores"], expected.results[0]["scores"]
        )


def test_of_an_ensemble_only_the_network_is_unknown():
    bagging = BaggingClassifier(classifier(), n_estimators=2, random_state=0)
    comparison = compare_activations(bagging, X, LABELS, ["tanh"], cv=2)
    (result,) = comparison.results
    assert 0.5 < result["mean_score"] <= 1
    assert np.isnan([result["n_iter"], result["dead_units"]]).all()
    assert "nan" not in str(comparison)


@pytest.mark.parametrize(
    "make", [pd.DataFrame, sparse.csr_array, sparse.csc_array, np.ndarray.tolist]
)
def test_kinds_of_data(make):
    expected = compare_activations(classifier(), X, LABELS, ["tanh"], cv=2)
    found = compare_activations(classifier(), make(X), LABELS.tolist(), ["tanh"], cv=2)
    assert found.results[0]["mean_score"] == pytest.approx(
        expected.results[0]["mean_score"], abs=0.1
    )


def test_scoring_and_jobs():
    options = {"cv": 2, "scoring": "neg_log_loss"}
    one = compare_activations(classifier(), X, LABELS, ["tanh"], **options)
    with parallel_config("threading"):  # which starts at once
        two = compare_activations(
            classifier(), X, LABELS, ["tanh"], n_jobs=2, **options
        )
    assert one.results[0]["mean_score"] < 0
    np.testing.assert_array_equal(one.results[0]["scores"], two.results[0]["scores"])
    assert "neg_log_loss" in str(one)


# Dead units and fits that fail ------------------------------------------------------


def test_dead_units_are_counted_on_the_training_rows():
    far = FunctionTransformer(lambda X: X - 1000.0)  # nothing there is positive
    model = make_pipeline(far, MLPClassifier((40,), max_iter=1, random_state=0))
    names = ["relu", "leaky_relu"]
    comparison = compare_activations(model, X, LABELS, names, cv=3)
    found = by_name(comparison)
    dead = []
    for train, _ in StratifiedKFold(3).split(X, LABELS):
        fitted = quietly(clone(model).fit, X[train], LABELS[train])
        mlp, X_far = fitted[-1], X[train] - 1000.0
        z = X_far @ mlp.coefs_[0] + mlp.intercepts_[0]
        dead.append((z <= 0).all(axis=0).mean())
    assert 0.2 < np.mean(dead) < 0.8
    assert found["relu"]["dead_units"] == pytest.approx(np.mean(dead))
    assert found["leaky_relu"]["dead_units"] == 0


def test_a_fit_that_fails_is_a_row():
    names = ["tanh", Broken(), Growing(), "relu"]
    model = MLPRegressor((5, 5), solver="sgd", max_iter=50, random_state=0)
    comparison = compare_activations(model, 3 * X, NUMBERS, names, cv=2)
    found = by_name(comparison)
    assert list(found)[2:] == ["Broken()", "Growing()"]
    assert found["tanh"]["error"] is None
    for label, error in (("Broken()", "the slope is lost"), ("Growing()", "diverged")):
        result = found[label]
        assert error in result["error"]
        assert np.isnan([result[k] for k in ("mean_score", "fit_time", "n_iter")]).all()
        assert np.isnan(result["mean_difference"]) and np.isnan(result["dead_units"])
    text = str(comparison)
    assert "Broken() failed: FloatingPointError: the slope is lost\n" in text
    assert "nan" not in text.partition("failed:")[0]


def test_when_all_fail_it_says_why():
    with pytest.raises(ValueError, match=r"All activations failed.*slope is lost"):
        compare_activations(classifier(), X, LABELS, [Broken()])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare_activations(classifier(), X, LABELS[:-1], ["tanh"])


def test_unfinished_fits_are_counted_and_do_not_warn():
    model = MLPClassifier((5,), max_iter=3, random_state=0)
    comparison = compare_activations(model, X, LABELS, ["tanh", "relu"], cv=4)
    assert [result["n_unfinished"] for result in comparison.results] == [4, 4]
    assert " 3*" in str(comparison) and "* stopped at max_iter" in str(comparison)


# What is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator, options, error, match",
    [
        (StandardScaler(), {}, TypeError, "Got StandardScaler"),
        ("relu", {}, TypeError, "Got str"),
        (
            VotingClassifier([("a", classifier()), ("b", classifier())]),
            *({}, ValueError, "several MLPs in the estimator: .'a', 'b'."),
        ),
        (classifier(), {"activations": ["tnh"]}, ValueError, "An activation must be"),
        (classifier(), {"activations": [Tanh]}, TypeError, "Pass an instance: Tanh()"),
        (classifier(), {"activations": []}, ValueError, "no activations"),
        (classifier(), {"scoring": ["accuracy"]}, ValueError, "must be one metric"),
        (
            GridSearchCV(classifier(), {"activation": ["tanh"]}),
            *({}, ValueError, "The grid of GridSearchCV has 'activation'"),
        ),
        (
            make_pipeline(
                RandomizedSearchCV(
                    make_pipeline(classifier()),
                    [{"mlpclassifier__activation": ["tanh"]}],
                )
            ),
            *({}, ValueError, "RandomizedSearchCV has 'mlpclassifier__activation'"),
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(estimator, options, error, match):
    with pytest.raises(error, match=match):
        compare_activations(estimator, X, LABELS, **options)


# Shown ------------------------------------------------------------------------------


@pytest.fixture
def comparison():
    names = ["relu", "tanh", Broken()]
    return compare_activations(classifier(max_iter=200), X, LABELS, names, cv=3)


def test_print(comparison):
    title, _, head, rule, *rows = str(comparison).splitlines()
    assert title.startswith("3 activations, the same 3 folds")
    assert {len(head), *map(len, rows[:2])} == {len(rule)}
    for row, result in zip(rows, comparison.results, strict=False):
        assert row.startswith(result["activation"])
    assert repr(comparison) == str(comparison)


def test_html(comparison):
    comparison.results[1]["activation"] = "<b>"
    html = comparison._repr_html_()
    assert html.count("<tr>") == 4 and "&lt;b&gt;" in html and "<b>" not in html
    assert "<p>Broken() failed: FloatingPointError" in html


def test_frame(comparison, monkeypatch):
    frame = comparison.to_frame()
    assert frame.index.name == "activation"
    assert list(frame.index) == [r["activation"] for r in comparison.results]
    assert frame.loc["Broken()", "error"].startswith("FloatingPointError")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        comparison.to_frame()


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_plot(comparison, plt):
    display = comparison.plot()
    assert len(display.axes_) == 3 and display.ax_ is display.axes_[0]
    assert display.figure_ is display.ax_.figure
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == [r["activation"] for r in comparison.results]
    low, high = display.ax_.get_ylim()
    assert low > high  # the best is on top
    assert [text.get_text() for text in display.ax_.texts] == ["failed"]
    widths = [bar.get_width() for bar in display.axes_[1].patches]
    np.testing.assert_array_equal(widths, [r["fit_time"] for r in comparison.results])


def test_plot_on_given_axes(comparison, plt):
    figure, axes = plt.subplots(2, 3)
    display = comparison.plot(axes[1])
    assert list(display.axes_) == list(axes[1]) and not axes[0, 0].has_data()
    figure, ax = plt.subplots()
    assert comparison.plot(ax).figure_ is figure
    assert display.plot(None) is display and display.figure_ is not figure


def test_scores_far_below_are_written_at_the_edge(plt):
    scores = {"a": [0.9, 0.8], "b": [0.85, 0.8], "c": [0.8, 0.8], "d": [-70.0, 0.0]}
    rows = [row(name, s) for name, s in scores.items()]
    ax = ActivationComparison(rows).plot().ax_
    assert ax.get_xlim()[0] > 0
    assert [text.get_text() for text in ax.texts] == ["◂ -35"]


def test_plot_without_matplotlib_says_what_to_install(comparison, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "sk-mlp\[plot\]"'):
        comparison.plot()


@pytest.mark.parametrize("one", ["relu", Tanh()])
def test_a_single_activation(one):
    comparison = compare_activations(classifier(), X, LABELS, one, cv=2)
    assert comparison.best is one and len(comparison.results) == 1
    assert str(comparison).startswith("1 activation, the same 2 folds")


def test_groups_split_the_rows():
    groups = RNG.randint(4, size=len(X))
    options = {"cv": GroupKFold(3), "groups": groups}
    comparison = compare_activations(classifier(), X, LABELS, "relu", **options)
    expected = quietly(cross_validate, classifier(), X, LABELS, **options)
    np.testing.assert_array_equal(
        comparison.results[0]["scores"], expected["test_score"]
    )
    with config_context(enable_metadata_routing=True):
        routed = compare_activations(classifier(), X, LABELS, "relu", **options)
    np.testing.assert_array_equal(routed.results[0]["scores"], expected["test_score"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare_activations(classifier(), X, LABELS, "relu", groups=groups[1:])
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        compare_activations(classifier(), X, LABELS, "relu", cv=GroupKFold(3))


def row(name, scores):
    """Return what is known of an activation with these scores."""
    return {
        **{"activation": name, "value": name, "error": None, "n_unfinished": 0},
        **{"mean_score": np.mean(scores), "std_score": np.std(scores)},
        **{"scores": np.array(scores), "fit_time": 0.1, "n_iter": 3.0},
        "dead_units": 0.0,
    }


def test_huge_scores_have_an_exponent():
    text = str(ActivationComparison([row("a", [0.5, 0.5]), row("b", [-3e91, -3e91])]))
    assert "-3e+91 ± 0" in text and "0.500 ± 0.000" in text
    assert max(map(len, text.splitlines())) < 100


def test_scores_whose_squares_overflow():
    results = ActivationComparison([row("a", [1.0, 1.0]), row("b", [-1e200] * 2)])
    results = results.results
    assert results[1]["mean_difference"] == 1e200
    assert results[1]["std_difference"] == 0


@pytest.mark.parametrize("score", [1.0, 0.0, -3e91])
def test_scores_that_are_the_same_stand_in_the_middle(plt, score):
    rows = [row(name, [score, score]) for name in ("a", "b")]
    ax = ActivationComparison(rows).plot().ax_
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert low < score < high
    np.testing.assert_allclose(score - low, high - score, rtol=1e-6)
    assert "+" not in ax.xaxis.get_offset_text().get_text().replace("1e+", "")


@pytest.mark.parametrize("seconds", [0.0013, 0.0123, 1.7, 160.0])
def test_ticks_of_times_do_not_overlap(seconds, plt):
    name = "LeakyReLU(negative_slope=0.3), tanh"  # leaves the panels little room
    rows = [{**row(name, [0.5, 0.6]), "fit_time": seconds}]
    display = ActivationComparison(rows * 2).plot()
    display.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in display.axes_[1].get_xticklabels()]
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0
