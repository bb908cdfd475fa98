"""LearningRateDisplay: the test is a training, and what it suggests trains well."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from _displays import X, Y, assert_same, closed_figures, drawn, texts  # noqa: F401
from _helpers import fit_quietly
from scipy.sparse import csr_matrix
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sk_mlp import MLPClassifier, MLPRegressor, optimizers
from sk_mlp.inspection._learning_rate import LearningRateDisplay

find = LearningRateDisplay.from_estimator


def test_rates_rise_by_one_factor():
    display = find(MLPClassifier(random_state=0), X, Y, start=1e-5, end=1e-2)
    assert len(display.rates) == len(display.losses) == 100
    np.testing.assert_allclose(display.rates[[0, -1]], [1e-5, 1e-2])
    assert np.ptp(np.diff(np.log(display.rates))) < 1e-9
    assert_same(display.lines_["losses"].get_ydata(), display.losses)
    assert_same(display.lines_["smoothed_losses"].get_xdata(), display.rates)
    assert display.ax_.get_xscale() == "log"


def test_a_step_is_a_step_of_the_solver():
    """At a rate that hardly changes, the test is a training of one batch a step."""
    settings = {"solver": "sgd", "batch_size": 150, "shuffle": False}
    display = find(
        MLPRegressor(**settings, alpha=0.0, random_state=0),
        *(X, X[:, 0]),
        **{"start": 0.01, "end": 0.01 + 1e-12, "num_steps": 12},
    )
    # The draw of the weights is the only one that counts: all rows are in a batch.
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    model = MLPRegressor(
        **settings, alpha=0.0, random_state=seed, max_iter=12, learning_rate_init=0.01
    )
    fit_quietly(model, X, X[:, 0])
    np.testing.assert_allclose(display.losses, model.loss_curve_, rtol=1e-8)


def test_all_rows_are_seen_before_one_comes_again():
    seen = []

    class Recorder(MLPRegressor):
        def partial_fit(self, X, y, sample_weight=None):
            seen.append(X[:, 0].copy())
            return super().partial_fit(X, y, sample_weight)

    rows = np.arange(50.0)[:, None]
    find(
        Recorder((3,), batch_size=20, random_state=0),
        *(rows / 50, rows[:, 0]),
        **{"num_steps": 10, "end": 1e-4},
    )
    assert [len(block) for block in seen] == [20] * 10
    assert_same(np.sort(np.concatenate(seen)[:50]), rows[:, 0] / 50)


def test_the_same_every_time():
    model = MLPClassifier(random_state=3)
    first, second = find(model, X, Y), find(model, X, Y)
    assert_same(first.losses, second.losses)
    assert first.suggestion_ == second.suggestion_
    other = find(model, X, Y, random_state=4)
    assert other.losses[0] != first.losses[0]
    assert_same(other.losses, find(MLPClassifier(), X, Y, random_state=4).losses)


def test_a_generator_is_not_drawn_from():
    rng = np.random.RandomState(0)
    before = rng.get_state()[1].copy()
    find(MLPClassifier(random_state=rng), X, Y, num_steps=10)
    find(MLPClassifier(), X, Y, num_steps=10, random_state=rng)
    assert_same(rng.get_state()[1], before)


def test_ends_when_the_loss_explodes():
    display = find(MLPRegressor(solver="sgd", random_state=0), X, X[:, 0] * 10)
    assert len(display.losses) < 100
    assert np.isfinite(display.losses).all()
    high = display.ax_.get_ylim()[1]
    assert high < 2.5 * display.losses[0]
    assert display.rates[-1] > 3 * display.suggestion_


def test_no_suggestion_where_nothing_falls():
    display = find(MLPClassifier(random_state=0), X, Y, start=1e-12, end=1e-10)
    assert display.suggestion_ is None
    assert texts(display.ax_) == ["smoothed (no suggestion: it does not fall)"]
    low, high = display.ax_.get_ylim()
    assert high - low > 0.01  # differences in the last digits stay invisible
    rows = np.random.RandomState(0).standard_normal((300, 4))
    labels = np.random.RandomState(1).randint(2, size=300)
    display = find(
        MLPClassifier((5,), batch_size=20, random_state=0),
        *(rows, labels),
        **{"end": 1e-5},
    )
    assert display.suggestion_ is None


def test_the_suggestion_is_marked():
    display = find(MLPClassifier(random_state=0), X, Y, name="adam")
    assert list(display.lines_["suggestion"].get_xdata()) == [display.suggestion_] * 2
    assert texts(display.ax_)[1] == f"adam: suggestion: {display.suggestion_:.2g}"


def test_several_estimators_on_one_ax():
    _, ax = plt.subplots()
    displays = [
        find(MLPClassifier(solver=solver, random_state=0), X, Y, name=solver, ax=ax)
        for solver in ("adam", "sgd")
    ]
    assert len(texts(ax)) == 4
    colors = [display.lines_["suggestion"].get_color() for display in displays]
    assert colors[0] != colors[1]
    low, high = ax.get_ylim()
    for display in displays:  # none is cut off by the limits of the other
        assert low < display.losses.min()
        assert display.losses[:20].max() < high


@pytest.mark.parametrize("solver", optimizers.names())
def test_every_solver(solver):
    display = find(MLPClassifier(solver=solver, random_state=0), X, Y)
    assert 1e-5 < display.suggestion_ < 10


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": "cosine", "learning_rate_init": 5.0},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"warm_start": True, "verbose": 2, "tol": 1.0, "n_iter_no_change": 1},
        {"max_iter": 1},
    ],
)
def test_what_is_left_aside(settings, capsys):
    plain = find(MLPClassifier(random_state=0), X, Y)
    display = find(MLPClassifier(random_state=0, **settings), X, Y)
    assert_same(display.losses, plain.losses)
    assert capsys.readouterr().out == ""


def test_callbacks_are_left_aside():
    class Failing:
        def __getattr__(self, name):
            def fail(*args, **kwargs):
                raise AssertionError(name)

            return fail

        def setup(self, estimator, context):
            raise AssertionError

        on_fit_task_begin = on_fit_task_end = teardown = setup

    model = MLPClassifier(random_state=0)
    model.set_callbacks(Failing())
    find(model, X, Y, num_steps=10)


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.2},
        {"normalization": "batch"},
        {"activation": "prelu"},
        {"batch_size": 7},
        {"batch_size": 10_000},
        {"dtype": "float32"},
        {"hidden_layer_sizes": ()},
    ],
)
def test_any_network(settings):
    display = find(MLPClassifier(**settings, random_state=0), X, Y)
    assert display.suggestion_ > 1e-4


@pytest.mark.parametrize(
    "y",
    [
        Y == 1,
        np.array(["a", "b", "c"])[Y],
        np.column_stack([Y == 0, Y > 0, X[:, 0] > 0]).astype(int),
        csr_matrix(np.column_stack([Y == 0, Y > 0]).astype(int)),
        np.column_stack([Y, Y % 2 + 3]),
        list(Y),
    ],
    ids=["binary", "text", "multilabel", "sparse multilabel", "multioutput", "list"],
)
def test_any_labels(y):
    display = find(MLPClassifier(random_state=0), X, y)
    assert display.suggestion_ > 1e-4


@pytest.mark.parametrize("y", [X[:, 0], X[:, :2]], ids=["one", "two"])
def test_any_numbers(y):
    assert find(MLPRegressor(random_state=0), X, y).suggestion_ > 1e-4


def test_rare_classes_that_the_first_blocks_lack():
    y = np.zeros(150, int)
    y[0] = 1
    find(MLPClassifier(batch_size=5, random_state=0), X, y)


def test_weights_of_zero_are_rows_that_are_not_there():
    w = (Y != 2).astype(float)
    kept = Y != 2
    weighted = find(MLPRegressor(random_state=0), X, Y, sample_weight=w)
    without = find(MLPRegressor(random_state=0), X[kept], Y[kept])
    np.testing.assert_allclose(weighted.losses[:60], without.losses[:60])


def test_classes_are_weighted():
    plain = find(MLPClassifier(random_state=0), X, Y == 0)
    balanced = find(MLPClassifier(class_weight="balanced", random_state=0), X, Y == 0)
    weights = np.where(Y == 0, 1.5, 0.75)
    by_hand = find(MLPClassifier(random_state=0), X, Y == 0, sample_weight=weights)
    assert_same(balanced.losses, by_hand.losses)
    assert balanced.losses[0] != plain.losses[0]
    by_dict = MLPClassifier(class_weight={True: 1.5, False: 0.75}, random_state=0)
    assert_same(find(by_dict, X, Y == 0).losses, by_hand.losses)


@pytest.mark.parametrize("fit", [False, True])
def test_behind_a_pipeline_and_a_search(fit):
    raw = load_iris().data
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
    search = GridSearchCV(pipeline, {"mlpclassifier__max_iter": [2]}, cv=2)
    if fit:
        fit_quietly(search, raw, Y)
    display = find(search, raw, Y)
    np.testing.assert_allclose(
        display.losses, find(MLPClassifier(random_state=0), X, Y).losses
    )


def test_behind_a_transformed_target():
    y = 1000 + 50 * X[:, 0]
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), MLPRegressor(random_state=0)),
        transformer=StandardScaler(),
    )
    display = find(model, X, y)
    np.testing.assert_allclose(
        display.losses, find(MLPRegressor(random_state=0), X, X[:, 0]).losses
    )


@pytest.mark.parametrize("kind", [SklearnClassifier, SklearnRegressor])
def test_scikit_learns_own_are_taken_over(kind):
    ours = MLPClassifier if kind is SklearnClassifier else MLPRegressor
    display = find(kind(random_state=0, alpha=0.1), X, Y)
    expected = find(ours(random_state=0, alpha=0.1, init="sklearn"), X, Y)
    assert_same(display.losses, expected.losses)


@pytest.mark.parametrize("kind", [MLPClassifier, SklearnClassifier])
def test_lbfgs_has_no_learning_rate(kind):
    with pytest.raises(ValueError, match="'lbfgs' has no learning rate"):
        find(kind(solver="lbfgs"), X, Y)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    "options, match",
    [
        ({"start": 0.0}, "0 < start < end"),
        ({"start": 1.0, "end": 0.1}, "0 < start < end"),
        ({"end": np.inf}, "0 < start < end"),
        ({"start": "small"}, "0 < start < end"),
        ({"num_steps": 9}, "num_steps"),
        ({"num_steps": 20.0}, "num_steps"),
        ({"sample_weight": np.ones(3)}, "inconsistent numbers of samples"),
    ],
)
def test_refuses_what_makes_no_test(options, match):
    with pytest.raises(ValueError, match=match):
        find(MLPClassifier(), X, Y, **options)
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", ["hidden_layer_sizes", "batch_size", "momentum"])
def test_refuses_invalid_parameters_as_fit_does(name):
    settings = {name: -1, "solver": "sgd"}
    with pytest.raises(ValueError) as ours:
        find(MLPClassifier(**settings), X, Y)
    with pytest.raises(ValueError) as fit:
        MLPClassifier(**settings).fit(X, Y)
    assert str(ours.value) == str(fit.value)


def test_refuses_data_as_fit_does():
    rows = X.copy()
    rows[140, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        find(MLPClassifier(), rows, Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        find(MLPClassifier(), X, Y[:-1])
    with pytest.raises(ValueError, match="Unknown label type"):
        find(MLPClassifier(), X, X[:, 0])


DATA_SETS = {
    "iris": (MLPClassifier, load_iris),
    "wine": (MLPClassifier, load_wine),
    "breast_cancer": (MLPClassifier, load_breast_cancer),
    "diabetes": (MLPRegressor, load_diabetes),
}


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("name", DATA_SETS)
def test_the_suggestion_trains_about_as_well_as_the_best_of_a_grid(name, solver):
    kind, load = DATA_SETS[name]
    X, y = load(return_X_y=True)
    X, y = scale(X), scale(y) if kind is MLPRegressor else y
    display = find(kind(solver=solver, random_state=0), X, y)

    def loss_at(rate):
        model = kind(solver=solver, learning_rate_init=rate, max_iter=50)
        model.set_params(random_state=0, tol=0.0, n_iter_no_change=50)
        try:
            return fit_quietly(model, X, y).loss_
        except ValueError as error:
            assert "diverged" in str(error)
            return np.inf

    best = min(loss_at(rate) for rate in np.geomspace(1e-4, 1e-1, 7))
    # Below a hundredth of the first loss a factor means nothing.
    assert loss_at(display.suggestion_) <= max(
        1.5 * best, best + 0.01 * display.losses[0]
    )


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("end", [1e9, 1e10])
def test_a_start_that_diverges_is_refused(kind, end):
    with pytest.raises(ValueError, match="diverged at the first rates: take a smaller"):
        find(kind(random_state=0), X, Y, start=1, end=end)
    assert not plt.get_fignums()


def test_two_steps_can_be_drawn():
    display = LearningRateDisplay(rates=[0.1, 0.2], losses=np.array([2.0, 1.0]))
    drawn(display.plot().figure_)


@pytest.mark.parametrize(
    "weights, match", [(np.zeros(150), "all zero"), (-np.ones(150), "Negative")]
)
def test_weights_that_leave_nothing_are_refused(weights, match):
    with pytest.raises(ValueError, match=match):
        find(MLPClassifier(random_state=0), X, Y, sample_weight=weights)
