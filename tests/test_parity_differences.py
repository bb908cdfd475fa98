"""Where we differ from scikit-learn's MLPs on purpose, each shown by numbers."""

import numpy as np
import pytest
from _parity import (
    HAS_POISSON,
    HAS_SAMPLE_WEIGHT,
    HIDDEN,
    assert_same_weights,
    fit_quietly,
    make_data,
    make_pair,
)
from scipy.special import logsumexp
from sklearn import neural_network

import sk_mlp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# One epoch of plain gradient descent, so short that all its batches see one theta.
TINY_STEP = {
    "solver": "sgd",
    "learning_rate_init": 1e-7,
    "momentum": 0.0,
    "alpha": 0.0,
    "max_iter": 1,
    "shuffle": False,
    "hidden_layer_sizes": HIDDEN,
    "activation": "tanh",
    "random_state": 0,
}


def theta(estimator):
    return np.concatenate(
        [w.ravel() for w in [*estimator.coefs_, *estimator.intercepts_]]
    )


def start_of(estimator, X, y):
    """Return the weights that training starts from."""
    still = type(estimator)(**estimator.get_params())
    return theta(still.set_params(learning_rate_init=1e-300).fit(X, y))


# -- weights in minibatches --------------------------------------------------------


def test_weights_count_across_minibatches():
    # Three rows of weight 100, then three of weight 1, in batches of three.
    X, y = make_data("regression", n_rows=6)
    weight = np.array([100.0, 100, 100, 1, 1, 1])
    rows = np.repeat(np.arange(6), weight.astype(int))
    theirs, ours = make_pair("regression", **TINY_STEP)
    start = start_of(ours, X, y)

    def step(estimator, rows, batch_size, **options):
        """Return the gradient that an epoch follows, per batch."""
        estimator.set_params(batch_size=batch_size).fit(X[rows], y[rows], **options)
        n_batches = -(-len(rows) // batch_size)
        return (start - theta(estimator)) / 1e-7 / n_batches

    every = np.arange(6)
    # What weights mean: the gradient of the 303 repeated rows, in one batch.
    expected = step(theirs, rows, len(rows))
    unweighted = step(theirs, every, 6)
    size = np.linalg.norm(expected)
    assert np.linalg.norm(unweighted - expected) > 0.2 * size
    got = step(ours, every, 3, sample_weight=weight)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * size)
    if HAS_SAMPLE_WEIGHT:
        # scikit-learn divides by the sum of the batch: the weights cancel.
        got = step(theirs, every, 3, sample_weight=weight)
        np.testing.assert_allclose(got, unweighted, rtol=0, atol=1e-5 * size)


def test_a_minibatch_of_zero_weights_is_harmless():
    X, y = make_data("regression", n_rows=6)
    weight = np.array([1.0, 1, 1, 0, 0, 0])
    theirs, ours = make_pair("regression", **TINY_STEP)
    ours.set_params(batch_size=3).fit(X, y, weight)
    # The only step is that of the first batch, with rows of twice the mean weight.
    start = start_of(ours, X, y)
    theirs.set_params(batch_size=3).fit(X[:3], y[:3])
    np.testing.assert_allclose(
        theta(ours) - start, 2 * (theta(theirs) - start), rtol=1e-5, atol=1e-14
    )
    if HAS_SAMPLE_WEIGHT:
        with pytest.raises(ZeroDivisionError):
            theirs.fit(X, y, weight)


def test_negative_weights_are_refused():
    X, y = make_data("regression", n_rows=6)
    weight = np.array([1.0, 1, 1, 1, 1, -1])
    theirs, ours = make_pair("regression", **TINY_STEP)
    with pytest.raises(ValueError, match=r"Negative values .* minimum of -1"):
        ours.fit(X, y, weight)
    assert not hasattr(ours, "coefs_")
    if HAS_SAMPLE_WEIGHT:
        assert theirs.fit(X, y, weight).loss_ > 0  # trains the row to be wrong


# -- loss values -------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 2, 3])
def test_the_loss_of_many_outputs_is_the_one_that_is_minimised(n_outputs):
    X, Y = make_data("multioutput")
    Y = Y[:, :n_outputs] if n_outputs > 1 else Y[:, 0]
    slopes = []
    for estimator in make_pair("multioutput", **{**TINY_STEP, "max_iter": 2}):
        estimator.set_params(
            learning_rate_init=1e-4, batch_size=67, n_iter_no_change=100
        )
        estimator.fit(X, Y)
        one = type(estimator)(**{**estimator.get_params(), "max_iter": 1}).fit(X, Y)
        start = start_of(one, X, Y)
        gradient = (start - theta(one)) / 1e-4
        fall = estimator.loss_curve_[0] - estimator.loss_curve_[1]
        slopes.append(fall / (1e-4 * (gradient @ gradient)))
        if isinstance(estimator, neural_network.MLPRegressor):
            loss = estimator.loss_curve_[0]
    # Fall of the loss over what the gradient promised.
    np.testing.assert_allclose(slopes, [1 / n_outputs, 1], rtol=1e-3)
    np.testing.assert_allclose(estimator.loss_curve_[0], n_outputs * loss, rtol=1e-12)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_log_loss_is_not_clipped(kind):
    # Confidently wrong: logits of some thousands at the initial weights.
    n_classes = 2 if kind == "binary" else 3
    y = np.arange(12) % n_classes
    X = np.random.default_rng(0).normal(size=(12, 2)) * 5000
    params = {**TINY_STEP, "hidden_layer_sizes": (), "activation": "relu"}
    theirs, ours = make_pair("multiclass", **params)
    start_loss = []
    for estimator in (theirs, ours):
        estimator.set_params(learning_rate_init=1e-300, batch_size=12)
        start_loss.append(estimator.fit(X, y).loss_)
    z = ours.decision_function(X)
    if kind == "binary":
        z = np.column_stack([np.zeros(12), z])
    expected = (logsumexp(z, axis=1) - z[np.arange(12), y]).mean()
    np.testing.assert_allclose(start_loss[1], expected, rtol=1e-12)
    limit = -np.log(np.finfo(float).eps)  # 36.04, whatever the logit
    assert start_loss[0] <= limit * (1 + 1e-12) and limit < expected / 5
    # Nor are the probabilities' logarithms.
    with np.errstate(divide="ignore"):
        assert np.isinf(theirs.predict_log_proba(X)).any()
    assert np.isfinite(ours.predict_log_proba(X)).all()


# -- early stopping ----------------------------------------------------------------


def test_early_stopping_stratifies_multiclass_targets():
    X, _ = make_data("regression", n_rows=100)
    y = np.repeat([0, 1, 2, 3], 25)
    held_out = []

    class Theirs(neural_network.MLPClassifier):
        def _score(self, X, y, *args, **options):
            held_out.append(np.bincount(y, minlength=4))
            return super()._score(X, y, *args, **options)

    class Ours(sk_mlp.MLPClassifier):
        def _score_outputs(self, p, Y, w):
            held_out.append(Y.sum(axis=0))
            return super()._score_outputs(p, Y, w)

    for cls in (Theirs, Ours):
        cls(
            (4,),
            early_stopping=True,
            validation_fraction=0.2,
            max_iter=1,
            random_state=0,
        ).fit(X, y)
    theirs, ours = held_out
    assert ours.tolist() == [5, 5, 5, 5]
    assert theirs.sum() == 20 and theirs.tolist() != [5, 5, 5, 5]


# -- divergence --------------------------------------------------------------------


DIVERGING = {
    "solver": "sgd",
    "learning_rate_init": 1e6,
    "activation": "identity",
    "hidden_layer_sizes": HIDDEN,
    "random_state": 0,
}


def test_divergence_is_an_error_at_once():
    X, y = make_data("regression")
    theirs, ours = make_pair("regression", **DIVERGING)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        theirs.fit(X, y)
    assert theirs.n_iter_ == 200  # found out at the end
    with pytest.raises(ValueError, match=r"diverged in epoch [1-5]: .* not finite"):
        ours.fit(X, y)


def test_divergence_does_not_pass_in_silence_with_early_stopping():
    X, y = make_data("regression")
    theirs, ours = make_pair("regression", early_stopping=True, **DIVERGING)
    with np.errstate(all="ignore"):
        theirs.fit(X, y)  # a score that is NaN counts as an improvement
    assert np.isnan(theirs.validation_scores_[-1]) and theirs.n_iter_ == 200
    with pytest.warns(RuntimeWarning, match=r"diverged in epoch [1-5]:.* restored"):
        ours.fit(X, y)
    assert ours.stop_reason_ == "diverged" and ours.n_iter_ <= 5
    assert np.isfinite(theta(ours)).all()


# -- going on ----------------------------------------------------------------------


def test_partial_fit_with_an_int_draws_a_new_order_in_every_call():
    X, y = make_data("regression")
    params = {**TINY_STEP, "shuffle": True, "batch_size": 10}
    params["learning_rate_init"] = 0.1
    theirs, ours = make_pair("regression", **params)

    def trained(estimator, random_state):
        copy = type(estimator)(**estimator.get_params())
        copy.set_params(random_state=random_state)
        for _ in range(3):
            if random_state is None:  # seed anew, as scikit-learn does with an int
                copy.set_params(random_state=np.random.RandomState(0))
            copy.partial_fit(X, y)
        return copy

    # Ours with an int is scikit-learn with one generator through all calls.
    assert_same_weights(
        trained(theirs, np.random.RandomState(0)), trained(ours, 0), rtol=1e-6
    )
    assert_same_weights(trained(theirs, 0), trained(ours, None), rtol=1e-6)
    assert not np.allclose(
        theta(trained(theirs, 0)), theta(trained(ours, 0)), rtol=1e-4
    )


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_warm_start_keeps_the_state_of_the_solver(solver):
    X, y = make_data("regression")
    params = {
        "solver": solver,
        "hidden_layer_sizes": HIDDEN,
        "batch_size": 10,
        "shuffle": False,
        "warm_start": True,
        "random_state": 0,
    }
    results = []
    for estimator in make_pair("regression", **params):
        whole = type(estimator)(**estimator.get_params()).set_params(max_iter=10)
        whole.fit(X, y)
        estimator.set_params(max_iter=5).fit(X, y).fit(X, y)
        results.append(np.abs(theta(estimator) - theta(whole)).max())
    theirs, ours = results
    assert ours == 0.0  # five epochs and five are ten
    assert theirs > 1e-4  # moments forgotten


def test_n_iter_counts_the_calls_of_partial_fit():
    X, y = make_data("regression")
    theirs, ours = make_pair("regression", **TINY_STEP)
    for estimator in (theirs, ours):
        for _ in range(3):
            estimator.partial_fit(X, y)
    assert (theirs.n_iter_, ours.n_iter_) == (1, 3)


@pytest.mark.parametrize("learning_rate", ["invscaling", "adaptive"])
def test_schedules_work_with_adam(learning_rate):
    X, y = make_data("regression")
    params = {
        "learning_rate": learning_rate,
        "hidden_layer_sizes": HIDDEN,
        "random_state": 0,
        "max_iter": 30,
        "tol": 1.0,
        "n_iter_no_change": 2,
    }
    theirs, ours = make_pair("regression", **params)
    constant = make_pair("regression", **{**params, "learning_rate": "constant"})[0]
    np.testing.assert_array_equal(  # ignored there
        theta(theirs.fit(X, y)), theta(constant.fit(X, y))
    )
    rates = ours.fit(X, y).history_["learning_rate"]
    assert rates[-1] < rates[0] / 5


# -- types and signatures ----------------------------------------------------------


def test_float32_stays_float32_with_lbfgs():
    X, y = make_data("binary")
    params = {"solver": "lbfgs", "max_iter": 5, "hidden_layer_sizes": HIDDEN}
    theirs, ours = make_pair("binary", **params)
    fit_quietly(theirs, X.astype(np.float32), y)
    ours.fit(X.astype(np.float32), y)
    assert {w.dtype.name for w in theirs.coefs_} == {"float64"}
    assert {w.dtype.name for w in ours.coefs_} == {"float32"}


def test_hidden_layer_sizes_come_first():
    ours = sk_mlp.MLPRegressor((50,))
    assert ours.hidden_layer_sizes == (50,) and ours.loss == "squared_error"
    if HAS_POISSON:
        assert neural_network.MLPRegressor((50,)).loss == (50,)
