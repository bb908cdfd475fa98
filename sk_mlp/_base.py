"""What the classifier and the regressor share: validate, build, train, remember."""

import copy
import warnings
from abc import ABC, abstractmethod
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sk_mlp._compat import CallbackSupportMixin, with_callbacks
from sk_mlp._fitting import FitData, Fitting
from sk_mlp._head import Head
from sk_mlp._network import Network
from sk_mlp._numerics import finite
from sk_mlp._plain import dict_from_plain, dict_to_plain, from_plain, to_plain
from sk_mlp._random import copy_generator, seeded_generator
from sk_mlp._setup import is_name, output_activation
from sk_mlp._trainer import HISTORY_KEYS, TrainingState
from sk_mlp._validation import DTYPES, check_range, validate
from sk_mlp._version import __version__
from sk_mlp._warnings import InconsistentVersionWarning

_FITTED = (
    *("_network", "_reading", "_rows", "_spec", "_state", "_target"),
    *("activation_params_", "best_loss_", "best_validation_score_", "classes_"),
    *("coefs_", "feature_names_in_", "history_", "intercepts_", "loss_"),
    *("loss_curve_", "n_features_in_", "n_iter_", "n_layers_", "n_outputs_"),
    *("normalization_params_", "out_activation_", "stop_reason_", "t_"),
    "validation_scores_",
)
# Not in a saved model as they are: it has them as plain data, or they follow from it.
_DERIVED = (
    *("_network", "_reading", "_rows", "_spec", "_state", "activation_params_"),
    *("coefs_", "history_", "intercepts_", "loss_curve_", "normalization_params_"),
    "validation_scores_",
)
# Dropped from pickles of fitted estimators: they hold sockets and keys.
_CALLBACKS = (
    *("_callback_fit_ctx", "_parent_callback_ctx", "_skl_callbacks"),
    "_skl_callbacks_to_teardown",
)


def _is_stochastic(estimator):
    if is_name(estimator.solver, "lbfgs"):
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(CallbackSupportMixin, BaseEstimator, ABC):
    """Everything about an MLP that does not depend on the kind of target.

    ``fit`` works on a copy of the estimator's attributes and swaps them in at the
    end, so that a failure leaves the estimator as it was.
    """

    # -- fitting -------------------------------------------------------------------

    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the network to X and y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data: dense, CSR or CSC. A memory-mapped array of any numeric type
            is read batch by batch.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (also a multilabel indicator, or several columns of labels)
            or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0; weight 2 is the row twice. None is 1 for every row.
        X_val : {array-like, sparse matrix} of shape (n_rows, n_features), default=None
            Rows to validate on after every epoch; with `early_stopping` they take the
            place of those that `validation_fraction` would hold out.
        y_val : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_rows,), default=None
            Their weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters, pairs of parameters or data, and when training
            diverges. The estimator is then as it was before.
        """
        data = FitData(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self._commit(self._working_copy()._fit(data))

    def resume(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Finish a fit that was stopped: by Ctrl-C, a callback or the machine.

        Training goes on to `max_iter` epochs in all. From the end of an epoch, as in a
        :class:`~sk_mlp.callbacks.Checkpoint`, it is bit for bit what it would have
        been without the stop (with "lbfgs" it is not: its memory of past gradients
        starts anew). An estimator whose fit had finished is returned as it is. If it
        ended at a lower `max_iter` than now it goes on too, though the order of the
        rows is forgotten then and the bits are others.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val : array-like
            What `fit` was given.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        NotFittedError
            If nothing has been fitted.
        ValueError
            As `fit`, and if X has another number of rows or X_val is missing.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sk_mlp import MLPClassifier
        >>> from sk_mlp.callbacks import TimeLimit
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = MLPClassifier(learning_rate_init=0.1, random_state=0)
        >>> classifier.set_callbacks(TimeLimit(1e-6)).fit(X, y).stop_reason_
        'callback'
        >>> classifier.set_callbacks().resume(X, y).stop_reason_
        'converged'
        """
        check_is_fitted(self)
        state = self._state
        ended = not state.unfinished and state.stop_reason != "max_iter"
        if ended or state.n_iter >= self.max_iter:
            return self
        if not self._rows:
            raise ValueError(
                "resume needs the state of the training, which compact() has dropped. "
                "Train on from the weights with warm_start=True and fit."
            )
        data = FitData(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self._commit(self._working_copy()._fit(data, mode="resume"))

    @with_callbacks
    def _fit(self, data, mode="fit", classes=None):
        """Fit this working copy and return it."""
        Fitting(self, data, mode, classes).run()
        return self

    def _commit(self, fitted):
        """Take over what a working copy has become, in one step."""
        self.__dict__ = fitted.__dict__
        return self

    def _working_copy(self):
        """Return an estimator with the same attributes, not copied themselves.

        Prediction uses it too: whatever another thread refits, it sees one model.
        """
        working = object.__new__(type(self))
        working.__dict__.update(self.__dict__)
        return working

    def _forget(self):
        """Drop what a fit has set (subclasses may have attributes of their own)."""
        for name in _FITTED:
            self.__dict__.pop(name, None)

    def _validate(self, X, y, reset, dtype=None):
        """Return X and y as arrays; X in the dtype of the network to train.

        One that is mapped from a file keeps its own: see `validate`.
        """
        if not reset and dtype is None:
            dtype = self._network.dtype
        if dtype is None:
            dtype = self.dtype
        dtypes = DTYPES if dtype is None else (np.dtype(dtype),)
        # Too large for float32: reported as infinity, not by NumPy.
        with np.errstate(over="ignore", invalid="ignore"):
            X, y = validate(self, X, y, reset=reset, dtypes=dtypes, **self._y_options)
        return X.tocsr() if sparse.issparse(X) else X, y

    def _new_generator(self):
        if isinstance(self.random_state, Integral):
            return seeded_generator(self.random_state)
        return check_random_state(self.random_state)

    def _build(self, n_features, n_columns, setup, dtype, rng, going_on):
        """Return the network to train: a new one, or a copy of the one so far."""
        self._spec = {
            "n_features": n_features,
            "n_columns": n_columns,
            "hidden_layer_sizes": setup.hidden_layer_sizes,
            "activations": copy.deepcopy(setup.activations),
            "output_activation": copy.deepcopy(
                output_activation(self, setup.loss, self._target["kind"])
            ),
            "loss": copy.deepcopy(setup.loss),
            "groups": self._target["groups"],
            "dtype": np.dtype(dtype).name,
            "dropout": setup.dropout,
            "normalization": self.normalization,
        }
        network = self._network_of(self._spec)
        alpha, l1_ratio = float(self.alpha), float(self.l1_ratio)
        network.l1, network.l2 = alpha * l1_ratio, alpha * (1.0 - l1_ratio)
        if not going_on:
            network.initialize(setup.initializer, rng, setup.matched)
            return network
        old, new = _describe(self._network), _describe(network)
        if old != new:
            raise ValueError(
                f"The fitted network has {old}, but the parameters and data now ask "
                f"for {new}. Set warm_start=False, or call fit instead of partial_fit, "
                "to start anew."
            )
        network.theta[...] = self._network.theta
        return network

    def _network_of(self, spec, theta=None):
        """Return the network of a description, with these parameters if given."""
        head = Head(
            spec["output_activation"],
            spec["loss"],
            spec["n_columns"],
            spec["groups"],
            probabilities=self._task == "classification",
        )
        network = Network(
            spec["n_features"],
            spec["hidden_layer_sizes"],
            spec["activations"],
            head,
            spec["dtype"],
            dropout=spec["dropout"],
            normalization=spec["normalization"],
        )
        if theta is not None:
            network.theta[...] = theta
        return network

    @property
    def _goes_on_drawing(self):
        """Whether a later fit draws on as one long fit would have done.

        A generator of the user's remembers itself where it is, and with it every fit
        starts from the natural order of the rows, as scikit-learn's do.
        """
        return isinstance(self.random_state, Integral)

    # -- after training ------------------------------------------------------------

    def _remember(self, network, state, past, validated):
        """Set the fitted attributes; the epochs of `state` follow those of `past`."""
        self._bind(network)
        history = {key: past.get(key, []) + state.history[key] for key in HISTORY_KEYS}
        self._set_history(history, validated)
        state.history = {}
        if not self._goes_on_drawing:  # the user's own generator, or NumPy's global one
            state.rng = copy_generator(state.rng) if state.unfinished else None
        self._state = state
        head = network.head
        self.loss_ = state.loss
        self.n_layers_ = len(network.dense) + 1
        self.n_outputs_ = head.width
        output = head.activate.activation
        self.out_activation_ = output.registered_name or repr(output)
        self.n_iter_, self.t_ = state.n_iter, state.t
        self.stop_reason_ = state.stop_reason
        self.best_loss_ = None if self.early_stopping else state.best_loss
        self.best_validation_score_ = state.best_score if validated else None

    def _set_history(self, history, validated):
        self.history_ = history
        self.loss_curve_ = history["loss"]
        self.validation_scores_ = history["val_score"] if validated else None

    def _bind(self, network):
        """Set the network and the attributes that are views into it."""
        self._network = network
        self.coefs_ = [dense.weight.value for dense in network.dense]
        self.intercepts_ = [dense.bias.value for dense in network.dense]
        self.activation_params_ = [_shape_values(layer) for layer in network.activate]
        self.normalization_params_ = [layer.values() for layer in network.normalize]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    # -- a saved model -------------------------------------------------------------

    def compact(self, keep_history=False):
        """Drop what only training needs or tells, to save the model small.

        These are the state of the optimizer (for Adam twice the size of the weights),
        that of the random generators, the order of the rows, all buffers, and the
        history. What the model predicts stays as it is, to the bit.

        Parameters
        ----------
        keep_history : bool, default=False
            Whether to keep `history_`, `loss_curve_` and `validation_scores_`, some 56
            bytes an epoch. They are empty lists otherwise.

        Returns
        -------
        self : object
            The same estimator. It can be trained on, from its weights, by `partial_fit`
            or a warm start, whose optimizer begins anew; a training that was stopped
            cannot be resumed.

        Raises
        ------
        NotFittedError
            If nothing has been fitted.
        ValueError
            If a callback calls it, in the middle of a training.

        Examples
        --------
        >>> import pickle
        >>> from sklearn.datasets import load_digits
        >>> from sk_mlp import MLPClassifier
        >>> X, y = load_digits(return_X_y=True)
        >>> model = MLPClassifier((200,), random_state=0).partial_fit(X, y, classes=y)
        >>> size = len(pickle.dumps(model))
        >>> round(size / len(pickle.dumps(model.compact())), 1)
        3.0
        """
        if "_live" in self.__dict__:
            raise ValueError(
                "compact() was called in a callback, while training needs what it "
                "drops. Compact a copy: copy.copy(estimator).compact()."
            )
        check_is_fitted(self)
        model = self._working_copy()
        model._state, model._rows = self._state.compact(), {}
        model._bind(self._network_of(self._spec, self._network.theta))
        if not keep_history:
            nothing = {key: [] for key in HISTORY_KEYS}
            model._set_history(nothing, self.validation_scores_ is not None)
        return self._commit(model)

    def __getstate__(self):
        """Return plain data: theta once, no buffers, nothing that follows from it."""
        if "_live" in self.__dict__:  # in a callback: the model as it is by now
            return self._live().__getstate__()
        state = {name: to_plain(v) for name, v in super().__getstate__().items()}
        own = {"version": __version__}
        if "_network" in state:
            own["theta"] = self._network.theta
            own["spec"] = dict_to_plain(self._spec)
            own["state"] = dict_to_plain(vars(self._state))
            own["rows"] = dict_to_plain(self._rows)
            own["history"] = {k: np.asarray(v) for k, v in self.history_.items()}
            own["validated"] = self.validation_scores_ is not None
            for name in (*_DERIVED, *_CALLBACKS):
                state.pop(name, None)
        return {**state, "_sk_mlp": own}

    def __setstate__(self, state):
        state = {name: from_plain(value) for name, value in state.items()}
        own = state.pop("_sk_mlp", {"version": None})
        if own["version"] != __version__:
            warnings.warn(
                f"This {type(self).__name__} was saved with sk_mlp {own['version']}, "
                f"but this is sk_mlp {__version__}. Results may differ; fit it again "
                "if in doubt.",
                InconsistentVersionWarning,
                stacklevel=2,
            )
        super().__setstate__(state)
        if "theta" in own:
            self._spec = dict_from_plain(own["spec"])
            self._state = TrainingState(**dict_from_plain(own["state"]))
            self._rows = dict_from_plain(own["rows"])
            self._bind(self._network_of(self._spec, own["theta"]))
            history = {key: array.tolist() for key, array in own["history"].items()}
            self._set_history(history, own["validated"])

    # -- what the kinds of target differ in ----------------------------------------

    @abstractmethod
    def _describe_target(self, y, loss, going_on, incremental, classes):
        """Set `_target`, a dict with "kind" and "groups", and the classes from y.

        Returns y as :meth:`_encode` wants it.
        """

    @abstractmethod
    def _check_target(self, y, loss):
        """Return y as :meth:`_encode` wants it, checked but for its labels."""

    def _class_weights(self, Y, w):
        """Return the weights of the classes for every output; None without."""
        return None

    @abstractmethod
    def _encode(self, y, dtype):
        """Return y as a matrix of numbers, or as Coded."""

    @abstractmethod
    def _strata(self, Y):
        """Return integer codes to stratify the validation split by, or None."""

    @abstractmethod
    def _score_outputs(self, p, Y, w):
        """Return the score of outputs p for encoded targets Y."""

    # -- prediction ----------------------------------------------------------------

    def _raw_outputs(self, X):
        """Return (model, raw outputs): the model as it is now, for decoding."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # raises
        model = self._working_copy()
        with np.errstate(all="ignore"):
            X = validate(model, X, reset=False, dtypes=DTYPES)
            if not np.can_cast(X.dtype, model._network.dtype):
                check_range(X, model._network.dtype)
            return model, finite(model._network.raw(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


def _describe(network):
    """Return what parameters a network has, as a phrase."""
    weights = [dense.weight.shape for dense in network.dense]
    layers = [*network.activate, network.head.activate]
    shapes = [
        f"{type(layer.activation).__name__} {p.shape}"
        for layer in layers
        for p in layer.parameters
    ]
    trained = (
        f" and trained activation parameters of {', '.join(shapes)}" if shapes else ""
    )
    kinds = {type(layer).__name__ for layer in network.normalize}
    normalized = f", {kinds.pop()} layers" if kinds else ""
    return f"weights of shapes {weights}{normalized}{trained}"


def _shape_values(layer):
    """Return the trained shape parameters of an Activate layer by field name."""
    if not layer.parameters:
        return {}
    values, start = {}, 0
    for name in layer.activation.shape_parameters:
        size = np.size(getattr(layer.activation, name))
        part = layer.shape.value[start : start + size]
        values[name] = part[0] if size == 1 else part
        start += size
    return values


stochastic_only = available_if(_is_stochastic)
