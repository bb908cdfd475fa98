"""scikit-learn's own checks: all of them, none expected to fail, none skipped."""

from unittest import SkipTest

import numpy as np
import pytest
import sklearn
from sklearn import neural_network
from sklearn.base import clone
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sk_mlp import MLPClassifier, MLPRegressor

ESTIMATORS = [MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)]

# Settings that change what the checks go through: another solver, trained shape
# parameters, another loss. Penalty and tolerance keep L-BFGS from probabilities that
# round to 0 and 1, whose ties check_classifier_multioutput does not forgive, and from
# the hundreds of iterations in which rounding tells repeated rows from weights.
VARIANTS = [
    MLPClassifier((20,), "swish_beta", solver="lbfgs", alpha=0.1, tol=1e-3),
    MLPRegressor((20,), "tanh", loss="huber", solver="adamw", learning_rate_init=0.01),
]

# Checks of (classifier, regressor) by scikit-learn's minor version: those that it runs
# on its own MLPs, check_classifier_multioutput or check_regressor_multioutput, which
# our tag switches on, and check_class_weight_classifiers for our parameter.
N_CHECKS = {"1.6": (68, 60), "1.9": (69, 61)}
MINOR = ".".join(sklearn.__version__.split(".")[:2])

EXTRA_CHECKS = [
    name
    for name in (
        "check_dataframe_column_names_consistency",
        "check_inplace_ensure_writeable",
    )
    if hasattr(estimator_checks, name)
]

pytestmark = [
    # Few epochs are enough.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # check_class_weight_classifiers sets it whatever the solver.
    pytest.mark.filterwarnings("ignore:.*without effect. 'n_iter_no_change' without"),
]


def names_of_checks(estimator):
    checks = [check for _, check in estimator_checks_generator(estimator)]
    return [getattr(check, "func", check).__name__ for check in checks]


def run_check(estimator, check):
    """Run a check; a skip is a failure here."""
    try:
        check(estimator)
    except (SkipTest, pytest.skip.Exception) as skipped:
        raise AssertionError(f"{check} skipped: {skipped}") from None


def with_checks(estimators):
    """``parametrize_with_checks`` without the iterator that pytest 9 warns of."""
    names, pairs = (mark := parametrize_with_checks(estimators)).args
    return pytest.mark.parametrize(names, list(pairs), **mark.kwargs)


@with_checks(ESTIMATORS)
def test_check(estimator, check):
    run_check(estimator, check)


@with_checks(VARIANTS)
def test_check_with_other_settings(estimator, check):
    run_check(estimator, check)


# Nothing vanishes unseen -------------------------------------------------------------


@pytest.mark.skipif(
    MINOR not in N_CHECKS, reason="the number of checks was counted for 1.6 and 1.9"
)
def test_number_of_checks():
    assert tuple(len(names_of_checks(e)) for e in ESTIMATORS) == N_CHECKS[MINOR]


@pytest.mark.parametrize(
    "estimator, peer, extra",
    [
        (
            ESTIMATORS[0],
            neural_network.MLPClassifier(),
            {"check_classifier_multioutput", "check_class_weight_classifiers"},
        ),
        (ESTIMATORS[1], neural_network.MLPRegressor(), {"check_regressor_multioutput"}),
    ],
    ids=["classifier", "regressor"],
)
def test_all_checks_of_the_peer_and_those_of_our_tags(estimator, peer, extra):
    ours, theirs = names_of_checks(estimator), names_of_checks(peer)
    weighted = {name for name in ours if "sample_weight" in name}
    assert len(weighted) >= 7
    # scikit-learn 1.6 has no sample weights in its own MLPs.
    assert set(ours) - weighted - set(theirs) == extra
    assert set(theirs) <= set(ours)
    assert ("check_array_api_input" in ours) == ("check_array_api_input" in theirs)


def test_every_variant_is_checked_as_much():
    for variant in VARIANTS:
        reference = ESTIMATORS[isinstance(variant, MLPRegressor)]
        assert names_of_checks(variant) == names_of_checks(reference)


def test_a_skipped_check_fails():
    def check(estimator):
        raise SkipTest("no such package")

    with pytest.raises(AssertionError, match="no such package"):
        run_check(ESTIMATORS[0], check)


def test_a_wrong_estimator_fails():
    class Wrong(MLPClassifier):
        def predict(self, X):
            self.n_calls = getattr(self, "n_calls", 0) + 1
            return super().predict(X)

    with pytest.raises(AssertionError, match="changes __dict__"):
        estimator_checks.check_dict_unchanged("Wrong", Wrong(max_iter=10))


# Checks that scikit-learn runs on its own estimators only ----------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("name", EXTRA_CHECKS)
def test_extra_check(estimator, name):
    check = getattr(estimator_checks, name)
    check(type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_tags(estimator):
    peer = getattr(neural_network, type(estimator).__name__)()
    tags, peer = get_tags(estimator), get_tags(peer)
    assert tags.target_tags.multi_output  # scikit-learn's forget to say so
    tags.target_tags.multi_output = peer.target_tags.multi_output
    assert tags == peer


def test_do_not_raise_in_init_or_set_params():
    for cls in (MLPClassifier, MLPRegressor):
        for value in (-1, "x", {}, [], None, np.ones(2), object()):
            names = cls().get_params()
            cls(**dict.fromkeys(names, value))
            cls().set_params(**dict.fromkeys(names, value))
