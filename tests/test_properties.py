"""Properties that hold for all shapes, dtypes, labels and settings."""

import pickle
import warnings
from itertools import pairwise

import numpy as np
from _helpers import assert_same_network, fit_quietly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sk_mlp import MLPClassifier, MLPRegressor, activations, optimizers
from sk_mlp._targets import (
    check_labels,
    decode_labels,
    encode_labels,
    find_classes,
    kind_of_target,
    label_codes,
    label_groups,
)

quick = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,  # the same examples in every run
    suppress_health_check=[HealthCheck.too_slow],
)

seeds = st.integers(0, 2**32 - 1)
sizes = st.lists(st.integers(1, 7), max_size=3).map(tuple)
# All that learns, with a smooth curve: sums in another order change the last bits only.
SMOOTH = [
    name
    for name in activations.names()
    if (a := activations.get(name)).has_gradient
    and not (a.kinks or a.random or a.rowwise or name == "exp")
]
smooth = st.sampled_from(SMOOTH)
solvers = st.sampled_from(["lbfgs", *optimizers.names()])


@st.composite
def problems(draw, classifier=None):
    """Return (estimator, X, y): a small unfitted estimator with its data."""
    rng = np.random.RandomState(draw(seeds))
    n_rows, n_features = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    X = rng.standard_normal((n_rows, n_features)).astype(dtype)
    cls = MLPRegressor
    columns = draw(st.integers(1, 3))
    if draw(st.booleans()) if classifier is None else classifier:
        cls = MLPClassifier
        y = rng.randint(0, draw(st.integers(1, 4)), (n_rows, columns))
    else:
        y = rng.standard_normal((n_rows, columns))
    estimator = cls(
        draw(sizes), max_iter=draw(st.integers(1, 3)), random_state=draw(seeds)
    )
    if estimator.hidden_layer_sizes:
        estimator.set_params(activation=draw(smooth))
    return estimator, X, y[:, 0] if columns == 1 else y


def raw(estimator, X):
    return estimator._raw_outputs(X)[1]


@quick
@given(problems(), solvers)
def test_shapes_and_dtypes(problem, solver):
    estimator, X, y = problem
    estimator.set_params(solver=solver)
    before = (X.copy(), y.copy())
    fit_quietly(estimator, X, y)
    assert_array_equal(X, before[0])
    assert_array_equal(y, before[1])
    assert estimator.predict(X).shape == y.shape
    widths = [X.shape[1], *estimator.hidden_layer_sizes, estimator.n_outputs_]
    assert [w.shape for w in estimator.coefs_] == list(pairwise(widths))
    assert all(w.dtype == X.dtype for w in estimator.coefs_ + estimator.intercepts_)
    assert np.isfinite(raw(estimator, X)).all()
    assert len(estimator.loss_curve_) == estimator.n_iter_ <= estimator.max_iter
    if isinstance(estimator, MLPClassifier):
        proba = estimator.predict_proba(X)
        for p in proba if isinstance(proba, list) else [proba]:
            assert ((p >= 0) & (p <= 1)).all() and p.dtype == X.dtype


@quick
@given(problems(), seeds)
def test_rows_are_predicted_one_by_one(problem, seed):
    estimator, X, y = problem
    fit_quietly(estimator, X, y)
    whole = raw(estimator, X)
    order = np.random.RandomState(seed).permutation(len(X))
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-5} if X.dtype == np.float32 else {"atol": 1e-12}
    )
    assert_allclose(raw(estimator, X[order]), whole[order], **tolerance)
    single = np.vstack([raw(estimator, X[k : k + 1]) for k in range(len(X))])
    assert_allclose(single, whole, **tolerance)


@quick
@given(problems(), solvers, st.booleans(), seeds)
def test_weights_are_repeated_rows(problem, solver, shuffle, seed):
    estimator, X, y = problem
    X = X.astype(np.float64)
    w = np.random.RandomState(seed).randint(0, 4, len(X))
    w[0] += not w.any()
    repeated = pickle.loads(pickle.dumps(estimator))
    for e, n_rows in ((estimator, len(X)), (repeated, int(w.sum()))):
        e.set_params(solver=solver, alpha=0.01)
        if solver != "lbfgs":
            e.set_params(shuffle=shuffle, batch_size=n_rows)
    if isinstance(estimator, MLPClassifier):
        # A class of no weight is a class all the same, where it is not among the rows.
        y = np.where(w.reshape(-1, *[1] * (y.ndim - 1)) > 0, y, y[w.argmax()])
    fit_quietly(estimator, X, y, w)
    fit_quietly(repeated, np.repeat(X, w, axis=0), np.repeat(y, w, axis=0))
    assert_same_network(estimator, repeated, rtol=1e-7, atol=1e-9)


@quick
@given(problems(), st.floats(1e-3, 1e3))
def test_a_common_factor_of_the_weights_changes_nothing(problem, factor):
    estimator, X, y = problem
    X = X.astype(np.float64)
    estimator.set_params(alpha=0.0)
    w = np.random.RandomState(0).uniform(0.1, 1.0, len(X))
    other = pickle.loads(pickle.dumps(estimator))
    fit_quietly(estimator, X, y, w)
    fit_quietly(other, X, y, factor * w)
    assert_same_network(estimator, other, rtol=1e-6, atol=1e-9)


@quick
@given(problems(), solvers, st.sampled_from(["csr", "csc"]), st.booleans())
def test_sparse_is_dense(problem, solver, layout, as_array):
    estimator, X, y = problem
    X = np.where(X > 0, X, 0).astype(np.float64)
    make_sparse = getattr(sparse, f"{layout}_{'array' if as_array else 'matrix'}")
    estimator.set_params(solver=solver)
    other = pickle.loads(pickle.dumps(estimator))
    fit_quietly(estimator, X, y)
    fit_quietly(other, make_sparse(X), y)
    assert_same_network(estimator, other, rtol=1e-6, atol=1e-9)
    assert_allclose(raw(estimator, make_sparse(X)), raw(estimator, X), atol=1e-12)


@quick
@given(problems(), solvers)
def test_the_same_seed_is_the_same_model_and_pickles_keep_it(problem, solver):
    estimator, X, y = problem
    estimator.set_params(solver=solver)
    other = pickle.loads(pickle.dumps(estimator))
    fit_quietly(estimator, X, y)
    assert_same_network(estimator, fit_quietly(other, X, y))
    copied = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(raw(copied, X), raw(estimator, X))


@quick
@given(problems(), st.sampled_from(optimizers.names()), st.integers(1, 4),
       st.integers(1, 4))  # fmt: skip
def test_fits_add_up(problem, solver, first, then):
    estimator, X, y = problem
    estimator.set_params(solver=solver, tol=0.0, n_iter_no_change=100, warm_start=True)
    if len(X) > 2:
        estimator.set_params(batch_size=len(X) // 2)
    whole = pickle.loads(pickle.dumps(estimator)).set_params(max_iter=first + then)
    fit_quietly(whole, X, y)
    fit_quietly(estimator.set_params(max_iter=first), X, y)
    estimator = pickle.loads(pickle.dumps(estimator)).set_params(max_iter=then)
    assert_same_network(fit_quietly(estimator, X, y), whole)
    assert estimator.loss_curve_ == whole.loss_curve_
    assert (estimator.t_, estimator.n_iter_) == (whole.t_, then)


labels = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=4),
    st.lists(st.text("abcäß ", min_size=1, max_size=3), min_size=1, max_size=4),
    st.lists(st.booleans(), min_size=1, max_size=2),
)


@quick
@given(labels, st.integers(1, 12), seeds, st.booleans())
def test_labels_come_back(values, n_rows, seed, one_hot):
    y = np.array(values)[np.random.RandomState(seed).randint(0, len(values), n_rows)]
    y = check_labels(y)
    kind = kind_of_target(y)
    classes = find_classes(y, kind)
    encoded = encode_labels(y, kind, classes, one_hot, np.float32)
    groups = label_groups(kind, classes, one_hot)
    codes = label_codes(encoded, kind, groups)
    assert_array_equal(decode_labels(codes, kind, classes), y)


@quick
@given(problems(classifier=True), labels)
def test_labels_are_only_names(problem, values):
    """Other labels in the same order give the same network and probabilities."""
    estimator, X, y = problem
    names = np.unique(np.array(values))
    if y.ndim > 1:
        return
    codes = y % len(names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = pickle.loads(pickle.dumps(estimator))
        fit_quietly(estimator, X, codes)
        fit_quietly(named, X, names[codes])
    assert_same_network(named, estimator)
    assert_array_equal(named.predict_proba(X), estimator.predict_proba(X))
    assert set(named.predict(X)) <= set(names)
