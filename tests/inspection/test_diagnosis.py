"""Diagnosis: planted faults are named, healthy networks are not, remedies help."""

import copy
import importlib.util
import json
import re
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import datasets, neural_network
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sk_mlp import MLPClassifier, MLPRegressor
from sk_mlp.activations import Activation, LeakyReLU
from sk_mlp.initializers import Initializer, VarianceScaling
from sk_mlp.inspection import Diagnosis, Finding, Remedy, diagnose
from sk_mlp.inspection import _training_symptoms as training
from sk_mlp.inspection._diagnosis import SYMPTOMS
from sk_mlp.inspection._examination import Examination
from sk_mlp.inspection._findings import resized
from sk_mlp.inspection._reading import read

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # some are meant to be unfinished
)

ROOT = Path(__file__).parents[2]
X, y = datasets.load_iris(return_X_y=True)
X = scale(X)
MOONS = datasets.make_moons(300, noise=0.15, random_state=0)
SEVERITIES = {"info", "warning", "error"}
REAL = ["digits", "iris", "wine", "breast_cancer", "diabetes"]


class Constant(Initializer):
    """Equal weights, and biases far below 0."""

    bias: float = -20.0

    def fill(self, weight, bias, rng, activation):
        weight[...] = rng.uniform(-0.3, 0.3, weight.shape)
        bias[...] = self.bias


def fit(rows=X, targets=y, kind=MLPClassifier, **params):
    params = {"hidden_layer_sizes": (20,), "random_state": 0, **params}
    return kind(**params).fit(rows, targets)


def found(estimator, code, *data):
    """Return the finding of a code, or None."""
    diagnosis = diagnose(estimator, *(data or (X, y)))
    return next((f for f in diagnosis.findings if f.code == code), None)


# Every symptom, once; benchmarks/diagnosis.py has many of each --------------------

NUMBERS = X @ [1.0, -1.0, 0.5, 0.0] + 0.1 * np.random.RandomState(0).randn(150)
PLANTED = {
    "dead_units": lambda: (fit(init=Constant(), max_iter=20), X, y),
    "vanishing_gradients": lambda: (
        fit(hidden_layer_sizes=(20,) * 12, activation="logistic"),
        *(X, y),
    ),
    "exploding_gradients": lambda: (
        fit(hidden_layer_sizes=(20,) * 10, init=VarianceScaling(80.0), max_iter=2),
        *(X, y),
    ),
    "saturation": lambda: (
        fit(init=VarianceScaling(3000.0), activation="tanh", max_iter=10),
        *(X, y),
    ),
    "input_scale": lambda: (fit(1000 * X + 5), 1000 * X + 5, y),
    "target_scale": lambda: (
        fit(X, 500 * NUMBERS, MLPRegressor),
        *(X, 500 * NUMBERS),
    ),
    "linear_network": lambda: (fit(activation="identity"), X, y),
    "learning_rate_too_high": lambda: (fit(learning_rate_init=5.0), X, y),
    "learning_rate_too_low": lambda: (fit(learning_rate_init=1e-6), X, y),
    "not_converged": lambda: (fit(max_iter=5), X, y),
    "underfitting": lambda: (
        fit(*MOONS, hidden_layer_sizes=(1,), activation="tanh", solver="lbfgs"),
        *MOONS,
    ),
    "output_activation": lambda: (
        fit(X, NUMBERS, MLPRegressor, output_activation="relu", max_iter=600),
        *(X, NUMBERS),
    ),
    "constant_features": lambda: (
        fit(np.c_[X, np.ones(150)]),
        *(np.c_[X, np.ones(150)], y),
    ),
    "initialization": lambda: (
        fit(hidden_layer_sizes=(20,) * 5, init=VarianceScaling(0.02), max_iter=3),
        *(X, y),
    ),
}


@pytest.mark.parametrize("code", PLANTED)
def test_planted_fault_is_found(code):
    estimator, *data = PLANTED[code]()
    finding = found(estimator, code, *data)
    assert finding is not None
    assert finding.severity in SEVERITIES
    assert re.search(r"\d", finding.evidence), "evidence without a figure"
    for text in (finding.evidence, finding.cause):
        assert (
            text[0].isupper() or text[0].isdigit() or text.startswith(("softmax", "o"))
        )
        assert text.endswith(".")
    assert finding.remedies
    for remedy in finding.remedies:
        remedy.apply(estimator).fit(*data)


def test_overfitting_by_the_validation_loss():
    rng = np.random.RandomState(0)
    rows, labels = rng.randn(80, 10), rng.randint(0, 2, 80)
    new, new_labels = rng.randn(80, 10), rng.randint(0, 2, 80)
    estimator = MLPClassifier((100,), alpha=0.0, max_iter=300, random_state=0)
    estimator.fit(rows, labels, X_val=new, y_val=new_labels)
    finding = found(estimator, "overfitting", rows, labels)
    assert "validation loss was least in epoch" in finding.evidence
    stopped = finding.remedies[0].apply(estimator)
    stopped.fit(rows, labels, X_val=new, y_val=new_labels)
    assert not found(stopped, "overfitting", rows, labels)
    # And without validation rows, by new ones that are given to diagnose.
    blind = clone(estimator).fit(rows, labels)
    assert not found(blind, "overfitting", rows, labels)
    assert "these rows" in found(blind, "overfitting", new, new_labels).evidence


@pytest.mark.parametrize("where", ["weights", "rows"])
def test_non_finite(where):
    theirs = neural_network.MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    if where == "weights":
        theirs.coefs_[0][0, 0] = np.nan
    else:
        theirs.coefs_[0][...] = theirs.coefs_[1][...] = 1e300
    finding = found(theirs, "non_finite")
    assert finding.severity == "error"
    assert ("parameters" if where == "weights" else "rows") in finding.evidence


@pytest.mark.parametrize("value", [np.inf, 1e200, 1e38])
def test_huge_weights_give_no_warning_and_no_error(value):
    theirs = neural_network.MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    theirs.coefs_[-1][...] = value
    assert not diagnose(theirs, X, y).ok
    str(diagnose(theirs, X, y))


@pytest.mark.parametrize("max_iter", [200, 2000])
def test_weights_that_are_held_back_are_one_finding(max_iter):
    diagnosis = diagnose(fit(alpha=1e4, max_iter=max_iter), X, y)
    assert diagnosis.codes[0] == "underfitting"
    assert diagnosis.findings[0].remedies[0].params == {"alpha": 1e-4}
    assert not {"dead_units", "linear_network"} & set(diagnosis.codes)


def test_weights_that_decay():
    finding = found(fit(weight_decay=50.0, max_iter=500), "underfitting")
    assert finding.remedies[0].params == {"weight_decay": 0.0}


def test_softmax_for_several_labels():
    rows, labels = datasets.make_multilabel_classification(100, 5, random_state=0)
    rows = scale(rows)
    estimator = fit(rows, labels, output_activation="softmax")
    assert (
        "no label or several"
        in found(estimator, "output_activation", rows, labels).evidence
    )
    assert not found(fit(rows, labels), "output_activation", rows, labels)


def test_softmax_for_numbers_that_do_not_sum_to_one():
    targets = np.c_[NUMBERS, NUMBERS]
    estimator = fit(X, targets, MLPRegressor, output_activation="softmax")
    assert found(estimator, "output_activation", X, targets).severity == "error"
    shares = np.abs(targets) + 1
    shares /= shares.sum(axis=1, keepdims=True)
    estimator = fit(X, shares, MLPRegressor, output_activation="softmax")
    assert not found(estimator, "output_activation", X, shares)


def test_step_without_surrogate_has_no_slope():
    with pytest.warns(UserWarning, match="step"):
        estimator = fit(activation="step")
    finding = found(estimator, "vanishing_gradients")
    assert finding is not None or found(estimator, "dead_units") is not None


def test_a_rate_is_not_blamed_for_a_gradient_that_is_cut_off():
    estimator = fit(hidden_layer_sizes=(3,) * 8, max_iter=300)
    codes = diagnose(estimator, X, y).codes
    assert codes[0] == "dead_units"
    assert "learning_rate_too_low" not in codes


def test_relu_that_never_bends_needs_more_units():
    estimator = fit(*MOONS, hidden_layer_sizes=(1,), solver="lbfgs")
    remedy = found(estimator, "linear_network", *MOONS).remedies[0]
    assert remedy.params == {"hidden_layer_sizes": (100,)}


def test_leaky_relu_of_slope_one_is_linear():
    assert found(fit(activation=LeakyReLU(1.0)), "linear_network")


def test_straight_only_for_these_rows_is_linear_too():
    # hard_sigmoid does not leave its straight middle part.
    estimator = fit(activation="hard_sigmoid", init=VarianceScaling(0.01), max_iter=3)
    assert found(estimator, "linear_network")


def test_no_hidden_layer_is_no_fault():
    estimator = fit(hidden_layer_sizes=(), max_iter=2000, learning_rate_init=0.1)
    assert diagnose(estimator, X, y).ok


def test_early_stopping_that_came_too_early():
    estimator = fit(early_stopping=True)
    finding = found(estimator, "not_converged")
    assert finding.severity == "warning"
    cured = finding.remedies[0].apply(estimator).fit(X, y)
    assert cured.score(X, y) > estimator.score(X, y)


def test_sparse_features_are_scaled_without_centring():
    rows = sparse.csr_matrix(500.0 * (X > 0.5))
    estimator = fit(rows)
    scaler = found(estimator, "input_scale", rows, y).remedies[0].transformer
    assert not scaler.with_mean
    finding = found(estimator, "input_scale", rows, y)
    assert not found(
        finding.remedies[0].apply(estimator).fit(rows, y), "input_scale", rows, y
    )


# What a reviewer found --------------------------------------------------------------


def noisy(seed, n_rows=600):
    rng = np.random.RandomState(seed)
    rows = rng.randn(n_rows, 10)
    return rows, (rng.rand(n_rows) < 1 / (1 + np.exp(-1.5 * rows[:, 0]))).astype(int)


@pytest.mark.parametrize("seed", range(3))
def test_dropout_on_noisy_data_is_no_fault(seed):
    estimator = fit(
        *noisy(seed),
        **{"hidden_layer_sizes": (100,), "dropout": 0.5, "early_stopping": True},
        **{"max_iter": 300, "random_state": seed, "scoring": "loss"},
    )
    assert "underfitting" not in diagnose(estimator, *noisy(seed)).codes


def test_weights_of_zero_are_no_large_steps():
    class Zero(Initializer):
        def fill(self, weight, bias, rng, activation):
            weight[...] = 0.0
            bias[...] = 0.0

    diagnosis = diagnose(fit(hidden_layer_sizes=(8, 8), init=Zero()), X, y)
    assert "learning_rate_too_high" not in diagnosis.codes
    params = [r.params for f in diagnosis.findings for r in f.remedies]
    assert {"init": "auto"} in params
    assert all(p.get("learning_rate_init", 1) > 0 for p in params)


def test_remedy_of_a_search_within_a_transformed_target():
    wrapped = TransformedTargetRegressor(
        GridSearchCV(MLPRegressor(max_iter=20), {"alpha": [1, 2]}, cv=2)
    ).fit(X, NUMBERS)
    for finding in diagnose(wrapped, X, NUMBERS).findings:
        for remedy in finding.remedies:
            remedy.apply(wrapped).fit(X, NUMBERS)


@pytest.mark.parametrize("n_layers", [1, 12])
def test_other_sizes_come_with_lists_that_fit(n_layers):
    width = 1 if n_layers == 1 else 20
    estimator = fit(
        *MOONS,
        **{"hidden_layer_sizes": (width,) * n_layers, "max_iter": 3},
        **{"activation": ["sine"] * n_layers, "dropout": [0.1] * n_layers},
        init=VarianceScaling(200.0 if n_layers > 1 else 1.0),
    )
    exam = Examination(*read(estimator, *MOONS))
    for sizes in ((100, 100), (20,) * 3):
        resized(exam, "", sizes).apply(estimator).fit(*MOONS)


@pytest.mark.parametrize(
    "params", [{"max_iter": 1}, {"solver": "lbfgs", "max_iter": 1}]
)
def test_one_epoch_is_too_short_and_not_too_small(params):
    diagnosis = diagnose(fit(hidden_layer_sizes=(100,), **params), X, y)
    assert "underfitting" not in diagnosis.codes
    assert found(fit(**params), "not_converged").remedies[0].params["max_iter"] == 1000


def test_partial_fit_ends_where_the_user_ends_it():
    ours = MLPClassifier((20,), random_state=0)
    theirs = neural_network.MLPClassifier((20,), random_state=0)
    for estimator in (ours, theirs):
        for _ in range(30):
            estimator.partial_fit(X, y, classes=[0, 1, 2])
        finding = found(estimator, "not_converged")
        assert "30 epochs of partial_fit" in finding.evidence
        assert finding.remedies[0].params == {}


def test_a_rate_that_jumped_and_came_down_is_no_warning():
    rows = np.random.RandomState(0).randn(120, 4)
    labels = (rows[:, 0] * rows[:, 1] > 0).astype(int)
    estimator = fit(
        *(rows, labels),
        **{"hidden_layer_sizes": (50,), "activation": "tanh", "max_iter": 60},
        **{"tol": 0.0, "random_state": 1, "learning_rate_init": 0.227},
    )
    finding = found(estimator, "learning_rate_too_high", rows, labels)
    assert finding is None or finding.severity == "info"


def test_a_step_is_not_a_straight_line():
    with pytest.warns(UserWarning, match="step"):
        estimator = fit(hidden_layer_sizes=(8, 8), activation="step")
    diagnosis = diagnose(estimator, X, y)
    assert "linear_network" not in diagnosis.codes
    finding = found(estimator, "vanishing_gradients")
    assert [remedy.params for remedy in finding.remedies] == [{"activation": "relu"}]


def test_features_far_off_are_to_be_scaled():
    rows = X + 15.0
    estimator = fit(rows, NUMBERS, MLPRegressor, hidden_layer_sizes=(100,))
    diagnosis = diagnose(estimator, rows, NUMBERS)
    assert "input_scale" in diagnosis.codes
    for finding in diagnosis.findings:
        if finding.code in ("dead_units", "linear_network"):
            assert finding.remedies[0].transformer is not None


def test_weighted_fits_are_not_compared_with_trees():
    rng = np.random.RandomState(0)
    rows, numbers = datasets.make_friedman1(300, random_state=0)
    weights = np.where(rng.rand(300) < 0.1, 100.0, 0.01)
    estimator = MLPRegressor((32,), max_iter=400, random_state=0)
    estimator.fit(scale(rows), scale(numbers), weights)
    codes = diagnose(estimator, scale(rows), scale(numbers), weights).codes
    assert "underfitting" not in codes


def test_a_constant_target_is_left_alone():
    targets = np.c_[NUMBERS, np.full(150, 5.0)]
    estimator = fit(X, targets, MLPRegressor, max_iter=1500, learning_rate_init=0.01)
    assert "underfitting" not in diagnose(estimator, X, targets).codes
    constant = np.full(150, 500.0)
    assert (
        "target_scale"
        not in diagnose(fit(X, constant, MLPRegressor, max_iter=5), X, constant).codes
    )


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix])
def test_one_of_many_is_no_small_feature(convert):
    codes = np.random.RandomState(0).randint(0, 300, 600)
    rows = convert(np.eye(300)[codes])
    labels = (codes % 2).astype(int)
    assert "input_scale" not in diagnose(fit(rows, labels), rows, labels).codes


@pytest.mark.parametrize("kind", [MLPClassifier, neural_network.MLPClassifier])
def test_nothing_to_tell_the_rows_by(kind):
    estimator = kind((20,), random_state=0, max_iter=20).fit(0 * X, y)
    diagnosis = diagnose(estimator, 0 * X, y)
    assert diagnosis.codes == ["constant_features"]
    assert diagnosis.findings[0].severity == "error"


def test_weights_that_are_nan_are_one_finding():
    estimator = fit()
    estimator._network.theta[...] = np.nan
    assert diagnose(estimator, X, y).codes == ["non_finite"]


def test_a_logistic_output_may_be_sure():
    labels = (y == 0).astype(int)
    estimator = fit(X, labels, solver="lbfgs")
    assert np.isnan(diagnose(estimator, X, labels).layers[-1]["saturated"])


def test_rows_of_no_weight_are_left_out():
    rows, labels = np.tile(X, (60, 1)), np.tile(y, 60)
    weights = np.zeros(len(rows))
    weights[[5, 207, 3051, 8000]] = 1.0
    assert diagnose(fit(), rows, labels, weights).n_rows == 4


def test_rows_that_do_not_count_at_all():
    estimator = fit(class_weight={0: 0.0, 1: 1.0, 2: 1.0})
    with pytest.raises(ValueError, match="All rows have weight 0"):
        diagnose(estimator, X[y == 0], y[y == 0])


def test_column_of_targets():
    diagnosis = diagnose(fit(X, NUMBERS, MLPRegressor), X, NUMBERS[:, np.newaxis])
    assert diagnosis.n_rows == 150


def test_no_rows_given():
    with pytest.raises(TypeError, match="X=None"):
        diagnose(fit(), None)


def test_search_that_keeps_no_estimator():
    search = GridSearchCV(MLPClassifier(max_iter=2), {"alpha": [1.0]}, refit=False)
    with pytest.raises(ValueError, match="refit=True"):
        diagnose(search.fit(X, y), X, y)


def test_parameters_that_are_none_by_now():
    str(diagnose(fit().set_params(alpha=None), X, y))


def test_findings_can_be_put_into_a_set():
    findings = diagnose(fit(max_iter=5), X, y).findings
    assert len(set(findings)) == len(findings)
    assert len({remedy for f in findings for remedy in f.remedies}) > 0


# Healthy networks -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ours", "scikit-learn's"])
@pytest.mark.parametrize(
    "name", ["digits", "iris", "wine", "breast_cancer", "diabetes"]
)
def test_defaults_on_real_data_raise_nothing_above_info(name, kind):
    rows, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    rows = scale(rows)
    if name == "diabetes":
        targets = scale(targets)
        own, theirs = MLPRegressor, neural_network.MLPRegressor
    else:
        own, theirs = MLPClassifier, neural_network.MLPClassifier
    estimator = (own if kind == "ours" else theirs)(random_state=0).fit(rows, targets)
    diagnosis = diagnose(estimator, rows, targets)
    assert diagnosis.ok, diagnosis


def test_every_symptom_of_the_benchmark_is_in_the_tables():
    results = json.loads((ROOT / "benchmarks" / "diagnosis.json").read_text("utf-8"))
    measured = {result["code"] for result in results} - {"healthy"}
    assert measured == {symptom.__name__ for symptom in SYMPTOMS} | {"underfitting"}


def test_tables_of_the_guide_are_those_of_the_benchmark():
    spec = importlib.util.spec_from_file_location(
        "diagnosis_benchmark", ROOT / "benchmarks" / "diagnosis.py"
    )
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    results = json.loads(benchmark.RESULTS.read_text("utf-8"))
    planted, remedies, healthy, _ = benchmark.tables(results)
    page = (ROOT / "docs" / "diagnosis.md").read_text("utf-8")
    for text in (planted, remedies, healthy):
        assert text in page


# What a diagnosis is ----------------------------------------------------------------


@pytest.fixture(scope="module")
def sick():
    return PLANTED["vanishing_gradients"]()


def test_layers_are_measured(sick):
    estimator, *_ = sick
    diagnosis = diagnose(*sick)
    assert [row["layer"] for row in diagnosis.layers[:2]] == ["hidden 1", "hidden 2"]
    assert diagnosis.layers[-1]["layer"] == "output"
    assert [row["units"] for row in diagnosis.layers] == [20] * 12 + [3]
    gradients = [row["gradient"] for row in diagnosis.layers]
    ratios = [row["gradient_ratio"] for row in diagnosis.layers]
    np.testing.assert_allclose(ratios[:-1], np.divide(gradients[:-1], gradients[1:]))
    assert np.isnan(ratios[-1])
    assert 0 < diagnosis.layers[-1]["update_ratio"] < 1
    assert diagnosis.loss == pytest.approx(estimator.loss_, rel=0.05)


def test_frame(sick):
    frame = diagnose(*sick).to_frame()
    assert frame.index.name == "layer"
    assert list(frame.columns) == [key for key in diagnose(*sick).layers[0]][1:]
    assert len(frame) == 13


def test_frame_without_pandas(sick, monkeypatch):
    diagnosis = diagnose(*sick)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        diagnosis.to_frame()


def test_text(sick):
    text = str(diagnose(*sick))
    assert text == repr(diagnose(*sick))
    assert text.startswith("Diagnosis of 150 rows, mean loss 1.0")
    assert "ERROR: vanishing gradients (hidden 1)" in text
    assert "activation='relu'" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_text_of_a_healthy_network():
    rows, targets = datasets.make_friedman1(300, random_state=0)
    estimator = fit(scale(rows), scale(targets), MLPRegressor, max_iter=2000)
    diagnosis = diagnose(estimator, scale(rows), scale(targets))
    assert diagnosis.findings == []
    assert "nothing is wrong" in str(diagnosis)


class Balance(HTMLParser):
    """Checks that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html(sick):
    parser = Balance()
    parser.feed(diagnose(*sick)._repr_html_())
    assert parser.open == []
    assert "vanishing gradients" in parser.text
    assert "activation='relu'" in parser.text


def test_html_is_escaped():
    finding = Finding("a_b", "info", "<1 of 2>", "a & b.", (Remedy("<x>", {"a": "<"}),))
    diagnosis = Diagnosis([{"layer": "<h>", "units": 1}], [finding], 2)
    html = diagnosis._repr_html_()
    assert "<1" not in html and "&lt;1 of 2&gt;" in html and "a &amp; b" in html


def test_frames_with_names():
    frame = pd.DataFrame(MOONS[0], columns=["left", "right"])
    estimator = fit(frame, MOONS[1], alpha=3.0, max_iter=1000)
    assert "underfitting" in diagnose(estimator, frame, MOONS[1]).codes
    frame["right"] = 7.0
    evidence = found(
        fit(frame, MOONS[1]), "constant_features", frame, MOONS[1]
    ).evidence
    assert "'right'" in evidence


def test_without_targets():
    diagnosis = diagnose(fit(hidden_layer_sizes=(20,) * 12, activation="logistic"), X)
    assert diagnosis.codes[0] == "vanishing_gradients"
    assert diagnosis.loss is None
    assert np.isnan(diagnosis.layers[0]["update_ratio"])


def test_one_row_and_few_rows():
    estimator = fit()
    for n_rows in (1, 2, 9):
        str(diagnose(estimator, X[:n_rows], y[:n_rows]))
        assert diagnose(estimator, X[:n_rows]).n_rows == n_rows


def test_more_rows_than_are_looked_at():
    rows, targets = np.tile(X, (60, 1)), np.tile(y, 60)
    assert diagnose(fit(), rows, targets).n_rows == 5000


def test_weights_count():
    weights = (y == 0) + 1e-6
    estimator = fit()
    plain, weighted = diagnose(estimator, X, y), diagnose(estimator, X, y, weights)
    assert weighted.loss < plain.loss
    doubled = diagnose(estimator, X, y, np.full(150, 2.0))
    assert doubled.loss == pytest.approx(plain.loss)


@pytest.mark.parametrize(
    "targets",
    [
        y,
        np.array(list("abc"))[y],
        (y > 0),
        np.c_[y > 0, y > 1].astype(int),
        np.c_[y, y > 1],
        np.zeros(150, int),
    ],
    ids=["classes", "strings", "bool", "multilabel", "multioutput", "one class"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_of_a_classifier(targets, dtype):
    str(diagnose(fit(X, targets, max_iter=5, dtype=dtype), X, targets))


@pytest.mark.parametrize(
    ("params", "targets"),
    [
        ({"loss": "poisson"}, np.exp(NUMBERS)),
        ({"loss": "gamma"}, np.exp(NUMBERS)),
        ({"loss": "gaussian_nll"}, NUMBERS),
        ({"loss": "quantile"}, NUMBERS),
        ({"loss": "huber"}, np.c_[NUMBERS, NUMBERS]),
        ({"solver": "lbfgs"}, NUMBERS),
        ({"normalization": "batch"}, NUMBERS),
        ({"normalization": "layer", "dropout": 0.2}, NUMBERS),
        ({"activation": "softmax"}, NUMBERS),
        ({"activation": "rrelu"}, NUMBERS),
        ({"activation": ["exp"]}, NUMBERS),
    ],
)
def test_losses_and_layers_of_all_kinds(params, targets):
    str(diagnose(fit(X, targets, MLPRegressor, max_iter=10, **params), X, targets))


def test_activation_of_ones_own():
    class Square(Activation):
        def forward(self, z, out):
            np.square(z, out=out)

        def backward(self, z, a, grad):
            grad *= 2 * z

    diagnosis = diagnose(fit(activation=Square(), max_iter=10), X, y)
    assert diagnosis.layers[0]["activation"] == "Square()"


def test_partial_fit_and_warm_start_have_a_history():
    estimator = MLPClassifier((20,), random_state=0)
    for _ in range(3):
        estimator.partial_fit(X, y, classes=[0, 1, 2])
    assert "not_converged" in diagnose(estimator, X, y).codes


def test_parameters_that_were_changed_after_the_fit():
    estimator = fit().set_params(hidden_layer_sizes=(7, 7))
    str(diagnose(estimator, X, y))
    str(diagnose(estimator.set_params(activation="nonsense"), X, y))


def test_nothing_is_changed():
    estimator = fit(normalization="batch", dropout=0.2)
    before = copy.deepcopy(estimator.__dict__)
    state = np.random.get_state()[1].copy()
    diagnose(estimator, X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert estimator.__dict__.keys() == before.keys()
    np.testing.assert_array_equal(estimator._network.theta, before["_network"].theta)
    assert estimator.history_ == before["history_"]


def test_twice_the_same():
    estimator = fit(max_iter=5)
    assert str(diagnose(estimator, X, y)) == str(diagnose(estimator, X, y))


def test_threads():
    estimator, texts = fit(max_iter=5), []
    threads = [
        threading.Thread(target=lambda: texts.append(str(diagnose(estimator, X, y))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [str(diagnose(estimator, X, y))] * 4


# Remedies ---------------------------------------------------------------------------


def test_remedy_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((5,)))
    changed = Remedy("", {"activation": "elu"}).apply(pipeline)
    assert changed[-1].activation == "elu"
    assert pipeline[-1].activation == "relu"
    scaled = Remedy("", transformer=StandardScaler()).apply(pipeline)
    assert [type(step).__name__ for step in scaled[-1]] == [
        "StandardScaler",
        "MLPClassifier",
    ]


def test_remedy_of_a_search_and_around_targets():
    search = GridSearchCV(
        TransformedTargetRegressor(MLPRegressor((5,), max_iter=5)),
        {"regressor__alpha": [0.5]},
        cv=2,
    ).fit(X, NUMBERS)
    changed = Remedy("", {"max_iter": 7}).apply(search)
    assert changed.regressor.max_iter == 7
    assert changed.regressor.alpha == 0.5
    wrapped = Remedy("", target_transformer=StandardScaler()).apply(MLPRegressor())
    assert isinstance(wrapped, TransformedTargetRegressor)


def test_remedy_makes_one_of_ours_of_scikit_learns():
    theirs = neural_network.MLPClassifier((5,), alpha=0.5)
    changed = Remedy("", {"normalization": "batch"}).apply(theirs)
    assert isinstance(changed, MLPClassifier)
    assert changed.init == "sklearn" and changed.alpha == 0.5
    changed.fit(X, y)


def test_remedy_needs_an_mlp():
    with pytest.raises(TypeError, match="Expected an MLP"):
        Remedy("", {"alpha": 1.0}).apply(StandardScaler())


def test_code_of_a_remedy_is_python():
    for remedy in (
        Remedy("", {"alpha": 0.1, "init": "auto"}),
        Remedy("", transformer=StandardScaler()),
        Remedy("", target_transformer=StandardScaler()),
    ):
        compile(f"f({remedy.code})", "remedy", "eval")


# Curves -----------------------------------------------------------------------------


def test_curve_of_a_straight_line():
    curve = training.Curve(np.linspace(3.0, 1.0, 101))
    assert curve.roughness == 0
    assert curve.late_share == pytest.approx(0.2, abs=0.02)


def test_curve_that_has_come_to_rest():
    curve = training.Curve(np.exp(-np.arange(100.0)))
    assert curve.late_share == pytest.approx(0, abs=1e-12)


def test_curve_that_jumps():
    assert training.Curve(np.array([1.0, 0.5, 1.0, 0.5, 1.0, 0.5])).roughness == 2


@pytest.mark.parametrize("losses", [[1.0, 1.0], [1.0, 2.0], [2.0, 1.0]])
def test_shortest_curves(losses):
    curve = training.Curve(np.array(losses))
    assert np.isfinite([curve.roughness, curve.late_share]).all()
