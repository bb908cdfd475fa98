"""Open what a user has fitted, and find the network in it."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sk_mlp import activations, losses
from sk_mlp._base import BaseMLP
from sk_mlp._classifier import MLPClassifier
from sk_mlp._regressor import MLPRegressor
from sk_mlp._setup import resolve_setup
from sk_mlp._targets import find_classes, label_groups
from sk_mlp._validation import check_sample_weight, validate

MLPS = (BaseMLP, SklearnClassifier, SklearnRegressor)


def read(estimator, X=None, y=None, sample_weight=None):
    """Return the MLP in a fitted estimator, with the data as it sees them.

    Parameters
    ----------
    estimator : object
        A fitted MLP of this package or of scikit-learn; or a pipeline that ends with
        one, a search that found one, a TransformedTargetRegressor around one.
    X, y, sample_weight : array-like, default=None
        What the estimator's own `score` takes.

    Returns
    -------
    model : MLPClassifier or MLPRegressor
        Of this package; scikit-learn's are taken over.
    X : ndarray or CSR matrix of shape (n_samples, n_features) or None
    y : ndarray or None
        Not encoded.
    w : ndarray of shape (n_samples, 1) or None

    Raises
    ------
    TypeError
        If there is no MLP in the estimator.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        For data that the estimator's `predict` or `score` would refuse.
    """
    mlp, X, y = _open(estimator, X, y)
    check_is_fitted(mlp, None if isinstance(mlp, BaseMLP) else "coefs_")
    model = mlp._working_copy() if isinstance(mlp, BaseMLP) else take_over(mlp)
    if X is None:
        return model, None, None, None
    dtype = model._network.dtype
    with np.errstate(all="ignore"):  # what is too large is told in words
        X, y = _validated(model, X, y)
    return model, X, y, check_sample_weight(sample_weight, X, dtype)


def _validated(model, X, y):
    """Return X and y as arrays that the network takes."""
    if y is None:
        X = validate(model, X, reset=False, dtypes=(model._network.dtype,))
        return X.tocsr() if issparse(X) else X, None
    X, y = model._validate(X, y, reset=False)
    if y.ndim == 2 and y.shape[1] == 1 and not issparse(y):
        y = y[:, 0]  # the fit has warned of it
    return X, model._check_target(y, model._network.head.loss)


def _open(estimator, X, y):
    """Return (MLP, X, y), transformed by all that stands before the MLP."""
    while not isinstance(estimator, MLPS):
        if isinstance(estimator, Pipeline):
            check_is_fitted(estimator)
            if X is not None and len(estimator.steps) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator[-1]
        elif isinstance(estimator, TransformedTargetRegressor):
            check_is_fitted(estimator)
            if y is not None:
                y = _transform_target(estimator.transformer_, y)
            estimator = estimator.regressor_
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "refit"):
            if not estimator.refit:
                raise ValueError(
                    f"{type(estimator).__name__} with refit=False keeps no estimator. "
                    "Set refit=True, or pass a fitted estimator."
                )
            check_is_fitted(estimator, "best_estimator_")  # raises
        else:
            raise no_mlp(estimator, "a fitted")
    return estimator, X, y


def no_mlp(estimator, kind):
    """Return the error for an estimator that is none of those that are opened."""
    return TypeError(
        f"Expected {kind} MLPClassifier or MLPRegressor of sk_mlp or of "
        "sklearn.neural_network, or a pipeline, a search or a "
        f"TransformedTargetRegressor with one. Got {type(estimator).__name__}."
    )


def _transform_target(transformer, y):
    y = np.asarray(y)
    y_2d = transformer.transform(y if y.ndim > 1 else y.reshape(-1, 1))
    return y_2d[:, 0] if y_2d.shape[1] == 1 else y_2d


def encoded(model, y, w):
    """Return the targets and the row weights as the network's loss wants them."""
    Y = model._encode(y, model._network.dtype)
    head = model._network.head
    class_weights = model._class_weights(Y, w)
    if class_weights is not None:
        factors = model._row_weights(Y, class_weights)[:, np.newaxis]
        w = (factors if w is None else w * factors).astype(Y.dtype, copy=False)
    Y = Y[:]  # one-hot rows where they were coded
    return head.prepare(Y), w


# scikit-learn's own MLPs ------------------------------------------------------------


def untrained(estimator):
    """Return one of our estimators with the parameters of one of scikit-learn's."""
    kind = MLPClassifier if is_classifier(estimator) else MLPRegressor
    return kind(**estimator.get_params(deep=False), init="sklearn")


def take_over(estimator):
    """Return one of our estimators with the weights of a fitted one of scikit-learn's.

    It predicts the same and has the same history; it is made to be looked at, not to
    be trained on.
    """
    model = untrained(estimator)
    for name in ("n_features_in_", "feature_names_in_", "n_iter_", "t_", "loss_"):
        if hasattr(estimator, name):
            setattr(model, name, getattr(estimator, name))
    _take_target(model, estimator)
    model._spec = {
        "n_features": estimator.n_features_in_,
        "n_columns": estimator.n_outputs_,
        "hidden_layer_sizes": tuple(len(b) for b in estimator.intercepts_[:-1]),
        "activations": [activations.get(model.activation)]
        * (len(estimator.coefs_) - 1),
        "output_activation": activations.get(estimator.out_activation_),
        "loss": losses.get(model.loss),
        "groups": model._target["groups"],
        "dtype": np.dtype(estimator.coefs_[0].dtype).name,
        "dropout": None,
        "normalization": None,
    }
    network = model._network_of(model._spec)
    for dense, W, b in zip(
        network.dense, estimator.coefs_, estimator.intercepts_, strict=True
    ):
        dense.weight.value[...], dense.bias.value[...] = W, b
    model._bind(network)
    _take_history(model, estimator)
    return model


def _take_target(model, estimator):
    """Set what kind of target it is, which scikit-learn tells by the outputs."""
    if model._task == "regression":
        model._target = {"kind": "regression", "groups": None}
        return
    if estimator.out_activation_ == "softmax":
        kind = "multiclass"
    else:
        kind = "binary" if estimator.n_outputs_ == 1 else "multilabel"
    classes = np.asarray(estimator.classes_)
    if kind == "multilabel":
        classes = find_classes(np.empty((0, estimator.n_outputs_)), kind)
    model.classes_ = classes
    groups = label_groups(kind, classes, one_hot=False)
    model._target = {"kind": kind, "one_hot": False, "groups": groups, "sparse": False}


def _take_history(model, estimator):
    loss = list(getattr(estimator, "loss_curve_", None) or [])
    scores = list(getattr(estimator, "validation_scores_", None) or [])
    nan = [np.nan] * len(loss)
    constant = model.solver == "adam" or model.learning_rate == "constant"
    model.history_ = {
        "epoch": list(range(1, len(loss) + 1)),
        "loss": loss,
        "val_loss": nan,
        "val_score": scores if len(scores) == len(loss) else nan,
        "learning_rate": [model.learning_rate_init] * len(loss) if constant else nan,
        "grad_norm": nan,
        "seconds": nan,
    }
    model.loss_curve_ = model.history_["loss"]
    model.validation_scores_ = scores or None
    model.best_loss_ = getattr(estimator, "best_loss_", None)
    model.best_validation_score_ = getattr(estimator, "best_validation_score_", None)
    model.n_layers_, model.n_outputs_ = estimator.n_layers_, estimator.n_outputs_
    model.out_activation_ = estimator.out_activation_
    model.stop_reason_ = _stop_reason(model)


def _stop_reason(model):
    """Return why a fit ended, None where `partial_fit` has left that to the user."""
    if model.solver == "lbfgs":
        return "max_iter" if model.n_iter_ >= model.max_iter else "converged"
    if _has_come_to_rest(model):
        return "converged"
    return "max_iter" if model.n_iter_ == model.max_iter else None


def _has_come_to_rest(model):
    """Tell whether the last epochs were no better than those before, by tol."""
    if model.early_stopping:
        losses = -np.array(model.history_["val_score"], dtype=float)
    else:
        losses = np.array(model.history_["loss"], dtype=float)
    best, waited = np.inf, 0
    for loss in losses:
        waited = 0 if loss <= best - model.tol else waited + 1
        best = min(best, loss)
    return waited > model.n_iter_no_change


def resolved(model):
    """Return the components that the parameters of a fitted model name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit has said what has no effect
        return resolve_setup(model, model._task)


def name_of(activation):
    """Return what an activation is called in an estimator."""
    return activation.registered_name or repr(activation)
