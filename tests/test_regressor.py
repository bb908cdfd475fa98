"""The regressor: losses, shapes, targets; what it refuses."""

import copy

import numpy as np
import pandas as pd
import pytest
from _helpers import assert_refused, assert_same_network, fit_quietly
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score

from sk_mlp import MLPRegressor, losses, optimizers
from sk_mlp.losses import GaussianNLL, Huber, Quantile, Tweedie

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # few epochs are enough
)

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 4))
ONE = X[:, 0] - 0.5 * X[:, 1] ** 2 + 0.1 * RNG.standard_normal(60)
MANY = np.column_stack([ONE, X[:, 2], -ONE])
POSITIVE = np.exp(0.5 * ONE)
LOSSES = [name for name in losses.names() if "regression" in losses.get(name).tasks]
SOLVERS = ["lbfgs", *optimizers.names()]


def make(**parameters):
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    if parameters.get("solver") != "lbfgs":
        defaults["learning_rate_init"] = 0.01
    return MLPRegressor(**{**defaults, **parameters})


def domain(loss, y):
    """Return targets like y in the domain of the loss."""
    return y if -1.0 in losses.get(loss).y_domain else np.exp(0.5 * y)


# Losses and shapes -------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("y", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_loss(loss, y, dtype):
    y = domain(loss, y)
    estimator = make(loss=loss, dtype=dtype).fit(X, y)
    predicted = estimator.predict(X)
    assert predicted.shape == y.shape and predicted.dtype == np.dtype(dtype)
    assert np.isfinite(predicted).all()
    assert_allclose(estimator.score(X, y), r2_score(y, predicted), rtol=1e-5)
    if losses.get(loss).p_domain.low == 0:
        assert (predicted > 0).all() and estimator.out_activation_ == "exp"
    else:
        assert estimator.out_activation_ == "identity"


@pytest.mark.parametrize("loss", LOSSES)
def test_they_learn(loss):
    y = domain(loss, ONE)
    estimator = make(
        hidden_layer_sizes=(30,),
        loss=loss,
        max_iter=200,
        learning_rate_init=0.02,
        tol=0.0,
        n_iter_no_change=50,
    )
    assert estimator.fit(X, y).score(X, y) > 0.8
    assert min(estimator.loss_curve_) < 0.7 * estimator.loss_curve_[0]


@pytest.mark.parametrize(
    "levels, one, many",
    [
        (0.9, (60,), (60, 3)),
        ((0.9,), (60,), (60, 3)),
        ((0.1, 0.5, 0.9), (60, 3), (60, 3, 3)),
        ((0.2, 0.8), (60, 2), (60, 3, 2)),
    ],
)
def test_shapes_of_quantiles(levels, one, many):
    estimator = make(loss=Quantile(levels))
    for y, shape in ((ONE, one), (MANY, many)):
        predicted = estimator.fit(X, y).predict(X)
        if len(shape) < 3 and isinstance(levels, tuple) and len(levels) == 1:
            predicted = predicted.reshape(shape)
        assert predicted.shape == shape
        if isinstance(levels, tuple) and len(levels) > 1:
            assert (np.diff(predicted, axis=-1) >= 0).all()
        assert isinstance(estimator.score(X, y), float)
    assert estimator.n_outputs_ == 3 * (len(levels) if isinstance(levels, tuple) else 1)


def test_the_score_of_several_quantiles_is_that_of_the_central_one():
    estimator = make(loss=Quantile((0.1, 0.5, 0.9)), max_iter=30).fit(X, ONE)
    assert_allclose(
        estimator.score(X, ONE), r2_score(ONE, estimator.predict(X)[:, 1]), rtol=1e-12
    )
    estimator.fit(X, MANY)
    assert_allclose(
        estimator.score(X, MANY),
        r2_score(MANY, estimator.predict(X)[..., 1]),
        rtol=1e-12,
    )


def test_quantiles_cover_their_share():
    y = ONE + RNG.standard_normal(60)
    estimator = make(
        loss=Quantile((0.1, 0.9)), hidden_layer_sizes=(), max_iter=500, tol=0.0
    )
    low, high = estimator.fit(X, y).predict(X).T
    assert 0.02 < (y < low).mean() < 0.2
    assert 0.02 < (y > high).mean() < 0.2


@pytest.mark.parametrize("y", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("loss", ["gaussian_nll", GaussianNLL(eps=0.01)], ids=str)
def test_return_std(y, loss):
    estimator = make(loss=loss, max_iter=30).fit(X, y)
    mean, std = estimator.predict(X, return_std=True)
    assert mean.shape == std.shape == y.shape
    assert (std > 0).all()
    assert_array_equal(mean, estimator.predict(X))
    assert estimator.n_outputs_ == 2 * (1 if y.ndim == 1 else 3)
    if not isinstance(loss, str):
        assert (std >= 0.1).all()


@pytest.mark.parametrize("dtype, far", [("float32", 1e37), ("float64", 1e300)])
def test_return_std_far_outside_the_data(dtype, far):
    estimator = make(loss="gaussian_nll", dtype=dtype, max_iter=30).fit(X, MANY)
    for scale in (1e3, 1e6, far):
        mean, std = estimator.predict(scale * X, return_std=True)
        assert np.isfinite(mean).all() and np.isfinite(std).all()
        assert (std > 0).all() and std.dtype == mean.dtype == np.dtype(dtype)
    assert std.max() == np.finfo(dtype).max


def test_return_std_of_other_losses():
    estimator = make().fit(X, ONE)
    match = "return_std=True needs a loss that models the spread: loss='gaussian_nll'"
    assert_refused(estimator, lambda e: e.predict(X, return_std=True), match, X=X)


def test_output_activations():
    bounded = make(output_activation="tanh", max_iter=30).fit(X, ONE)
    assert (np.abs(bounded.predict(X)) < 1).all() and bounded.out_activation_ == "tanh"
    positive = make(output_activation="softplus", loss="poisson").fit(X, POSITIVE)
    assert (positive.predict(X) > 0).all()
    share = make(output_activation="softmax").fit(X, np.abs(MANY))
    assert_allclose(share.predict(X).sum(axis=1), 1.0)
    assert make(loss=Tweedie(power=0)).fit(X, POSITIVE).out_activation_ == "exp"


def test_score_with_weights():
    w = RNG.uniform(size=60)
    estimator = make().fit(X, MANY)
    expected = r2_score(MANY, estimator.predict(X), sample_weight=w)
    assert_allclose(estimator.score(X, MANY, w), expected)


# Targets -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        np.arange(60),
        ONE > 0,
        ONE.astype(np.float16),
        ONE.tolist(),
        ONE.astype(object),
        pd.Series(ONE),
        pd.Series(np.arange(60), dtype="Int64"),
        np.asfortranarray(MANY),
        pd.DataFrame(MANY, columns=[*"abc"]),
        MANY[:, :2].tolist(),
    ],
    ids=["int", "bool", "float16", "list", "object", "series", "Int64", "F", "frame",
         "lists"],
)  # fmt: skip
def test_types_of_targets(y):
    estimator = make().fit(X, y)
    reference = make().fit(X, np.array(np.asarray(y).tolist(), dtype=float))
    assert_same_network(estimator, reference)
    assert estimator.score(X, y) <= 1.0


def test_a_column_of_targets_warns_once():
    with pytest.warns(
        DataConversionWarning, match="column-vector y was passed"
    ) as caught:
        estimator = make().fit(X, ONE[:, np.newaxis])
    assert len([w for w in caught if w.category is DataConversionWarning]) == 1
    assert estimator.predict(X).shape == (60,)
    assert_same_network(estimator, make().fit(X, ONE))


# Sample weights ----------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "gaussian_nll"])
def test_weights_are_repeated_rows(solver, shuffle, loss):
    y, w = MANY[:30], np.random.RandomState(1).randint(0, 4, 30)
    parameters = {"solver": solver, "activation": "tanh", "alpha": 0.1, "loss": loss}
    if solver != "lbfgs":
        parameters |= {"shuffle": shuffle, "batch_size": 30, "weight_decay": 0.01}
    elif not shuffle:
        return
    weighted = make(**parameters).fit(X[:30], y, w)
    if solver != "lbfgs":
        parameters |= {"batch_size": int(w.sum())}
    repeated = make(**parameters).fit(np.repeat(X[:30], w, axis=0), np.repeat(y, w, 0))
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-10)
    assert_allclose(
        weighted._network.theta, repeated._network.theta, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_batches_without_weight_are_harmless(loss):
    w = np.r_[np.zeros(20), np.ones(40)]
    estimator = make(loss=loss, batch_size=20, shuffle=False)
    estimator.fit(X, domain(loss, ONE), w)
    assert np.isfinite(estimator._network.theta).all()
    assert np.isfinite(estimator.loss_curve_).all()


def test_a_weight_counts_whatever_its_batch():
    """scikit-learn divides by each batch's own weight, so that these would be lost."""
    w = np.repeat([100.0, 1.0], 30)
    parameters = {"batch_size": 30, "shuffle": False, "solver": "sgd"}
    weighted = make(**parameters).fit(X, ONE, w)
    plain = make(**parameters).fit(X, ONE)
    assert np.abs(weighted._network.theta - plain._network.theta).max() > 1e-3


# What is refused ---------------------------------------------------------------------

FITTED = fit_quietly(make(), X, ONE)


@pytest.mark.parametrize(
    "y, match",
    [
        (np.r_[np.nan, ONE[1:]], "Input y contains NaN"),
        (np.r_[np.inf, ONE[1:]], "Input y contains infinity"),
        (np.full(60, "a"), "Input y must be numeric, but its dtype is <U1"),
        (np.full(60, "1"), "Input y must be numeric"),
        (np.full(60, b"a"), "Input y must be numeric"),
        (np.full(60, "a", dtype=object), "could not convert string to float"),
        (np.arange(60).astype("M8[D]"), "Input y must be numeric"),
        (ONE * 1j, "Complex data not supported"),
        (ONE[:5], "inconsistent numbers of samples"),
        (np.zeros((60, 2, 2)), "dim 3"),
        (np.zeros((60, 0)), "0 feature"),
        (None, "requires y to be passed"),
    ],
)
def test_wrong_targets(y, match):
    for method in ("fit", "partial_fit"):
        call = lambda e: getattr(e, method)(X, y)  # noqa: B023, E731
        assert_refused(make(), call, match)
        assert_refused(copy.deepcopy(FITTED), call, match, X=X)


def test_sparse_targets():
    y = sparse.csr_matrix(MANY)
    assert_refused(make(), lambda e: e.fit(X, y), "Sparse data was passed", TypeError)


@pytest.mark.parametrize(
    "loss, value, interval",
    [
        ("poisson", -1.0, r"\[0, inf\)"),
        ("gamma", 0.0, r"\(0, inf\)"),
        ("gamma", -1.0, r"\(0, inf\)"),
        ("tweedie", -1e-9, r"\[0, inf\)"),
        (Tweedie(power=3), 0.0, r"\(0, inf\)"),
    ],
    ids=str,
)
def test_targets_outside_the_domain_of_the_loss(loss, value, interval):
    y = np.r_[value, POSITIVE[1:]]
    match = f"out of the valid range of the loss .*expected y in {interval}, got a min"
    for estimator in (make(loss=loss), copy.deepcopy(FITTED).set_params(loss=loss)):
        for method in ("fit", "partial_fit"):
            call = lambda e: getattr(e, method)(X, y)  # noqa: B023, E731
            assert_refused(estimator, call, match, X=X)


def test_too_large_for_float32():
    estimator = make(dtype="float32")
    match = "Input y contains values too large for float32"
    assert_refused(estimator, lambda e: e.fit(X, ONE * 1e200), match)
    estimator.fit(X, ONE)
    assert_refused(estimator, lambda e: e.partial_fit(X, ONE * 1e200), match, X=X)
    match = r"Input X contains infinity or a value too large for dtype\('float32'\)"
    assert_refused(estimator, lambda e: e.predict(X * 1e200), match, X=X)
    assert_refused(estimator, lambda e: e.fit(X * 1e200, ONE), match, X=X)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("data", [(X, ONE * 1e200), (X * 1e200, ONE)], ids="yX")
def test_divergence_is_one_error(solver, data):
    match = "not finite.*StandardScaler"
    estimator = make(solver=solver)
    assert_refused(estimator, lambda e: e.fit(*data), match)
    assert not hasattr(estimator, "n_features_in_")
    fitted = copy.deepcopy(FITTED).set_params(solver=solver)
    fitted.set_params(learning_rate_init=0.001)
    assert_refused(fitted, lambda e: e.fit(*data), match, X=X)


def test_other_numbers_of_outputs_later():
    fitted = copy.deepcopy(FITTED).set_params(warm_start=True)
    match = r"y has 3 output\(s\), but the regressor was fitted with 1"
    for method in ("fit", "partial_fit"):
        call = lambda e: getattr(e, method)(X, MANY)  # noqa: B023, E731
        assert_refused(fitted, call, match, X=X)


def test_another_loss_later():
    fitted = copy.deepcopy(FITTED).set_params(loss=Huber(delta=0.1))
    fitted.partial_fit(X, ONE)  # the network fits as well
    match = r"weights of shapes \[\(4, 5\), \(5, 1\)\], but .* \[\(4, 5\), \(5, 2\)\]"
    for loss in ("gaussian_nll", Quantile((0.1, 0.9))):
        fitted.set_params(loss=loss, warm_start=True)
        assert_refused(fitted, lambda e: e.partial_fit(X, ONE), match, X=X)
        assert_refused(fitted, lambda e: e.fit(X, ONE), match, X=X)


def test_the_smallest_data():
    for x, y in ((X[:1], [1.0]), (X[:, :1], ONE), (X[:1, :1], [[1.0, 2.0]])):
        for solver in ("adam", "lbfgs"):
            estimator = make(solver=solver).fit(x, y)
            assert np.isfinite(estimator.predict(x)).all()


def test_constant_targets():
    estimator = make(max_iter=500, learning_rate_init=0.05, tol=0.0)
    estimator.fit(X, np.full(60, 3.0))
    assert_allclose(estimator.predict(X), 3.0, atol=0.3)
    early = make(early_stopping=True).fit(X, np.full(60, 3.0))
    assert early.validation_scores_ is not None
