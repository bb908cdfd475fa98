"""What the classifier and the regressor share: validate, build, train, remember."""

import copy
import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_mlp._batches import Batches
from sk_mlp._head import Head
from sk_mlp._lbfgs import run_lbfgs
from sk_mlp._network import Network
from sk_mlp._setup import is_name, output_activation, resolve_setup
from sk_mlp._trainer import HISTORY_KEYS, Trainer, TrainingPlan, TrainingState
from sk_mlp._validation import check_sample_weight
from sk_mlp._version import __version__
from sk_mlp._warnings import warn

_DTYPES = (np.float64, np.float32)
_FITTED = (
    *("_network", "_order", "_spec", "_state", "_target"),
    *("activation_params_", "best_loss_", "best_validation_score_", "classes_"),
    *("coefs_", "feature_names_in_", "history_", "intercepts_", "loss_"),
    *("loss_curve_", "n_features_in_", "n_iter_", "n_layers_", "n_outputs_"),
    *("out_activation_", "stop_reason_", "t_", "validation_scores_"),
)
_DERIVED = ("_network", "coefs_", "intercepts_", "activation_params_")


class InconsistentVersionWarning(UserWarning):
    """A pickled estimator was written by another version of sk_mlp."""


def _is_stochastic(estimator):
    if is_name(estimator.solver, "lbfgs"):
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(BaseEstimator, ABC):
    """Everything about an MLP that does not depend on the kind of target.

    ``fit`` works on a copy of the estimator's attributes and swaps them in at the
    end, so that a failure leaves the estimator as it was.
    """

    # -- fitting -------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None):
        """Fit the network to X and y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data: dense, CSR or CSC.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (also a multilabel indicator, or several columns of labels)
            or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0; weight 2 is the row twice. None is 1 for every row.

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
        return self._commit(self._working_copy()._fit(X, y, sample_weight))

    def _commit(self, fitted):
        """Take over what a working copy has become, in one step."""
        history = fitted.__dict__.pop("_new_history")
        self.__dict__ = fitted.__dict__
        for key, values in history.items():  # of which there may be very many
            self.history_[key].extend(values)
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

    def _fit(self, X, y, sample_weight, *, incremental=False, classes=None):
        setup = resolve_setup(self, self._task)
        going_on = hasattr(self, "_network") and (incremental or self.warm_start)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if going_on and self.dtype not in (None, self._network.dtype.name):
            raise ValueError(
                f"The fitted network is {self._network.dtype}, not {self.dtype} as "
                "asked for by dtype. Set warm_start=False, or call fit instead of "
                "partial_fit, to start anew."
            )
        if not going_on:
            self._forget()
        X, y = self._validate(X, y, reset=not going_on)
        dtype = self._network.dtype if going_on else X.dtype
        y = self._describe_target(y, setup.loss, going_on, incremental, classes)
        Y = self._encode(y, dtype)
        w = check_sample_weight(sample_weight, X, dtype)
        rng = self._generator(going_on)
        network = self._build(X.shape[1], Y.shape[1], setup, dtype, rng, going_on)
        state = self._start_state(network, rng, going_on)
        Y = network.head.prepare(Y)
        if setup.optimizer is None:
            self._run_lbfgs(network, setup, (X, Y, w), state)
        else:
            self._run_trainer(network, setup, (X, Y, w), state, incremental)
        if state.stop_reason == "diverged":
            self._explain_divergence(network, state)
        self._remember(network, state)
        return self

    def _validate(self, X, y, reset):
        """Return X and y as arrays; X in the dtype of the network to train."""
        dtype = _DTYPES if self.dtype is None else np.dtype(self.dtype)
        if not reset:
            dtype = self._network.dtype
        # Too large for float32: reported as infinity, not by NumPy.
        with np.errstate(over="ignore", invalid="ignore"):
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse=("csr", "csc"),
                dtype=dtype,
                reset=reset,
                **self._y_options,
            )
        return X.tocsr() if sparse.issparse(X) else X, y

    def _generator(self, going_on):
        """Return the random state to draw from, going on where the last fit ended."""
        if going_on and self._state.rng is not None:
            return copy.deepcopy(self._state.rng)
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
        }
        network = self._network_of(self._spec)
        network.l1 = self.alpha * self.l1_ratio
        network.l2 = self.alpha * (1.0 - self.l1_ratio)
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

    def _network_of(self, spec):
        head = Head(
            spec["output_activation"],
            spec["loss"],
            spec["n_columns"],
            spec["groups"],
            probabilities=self._task == "classification",
        )
        return Network(
            spec["n_features"],
            spec["hidden_layer_sizes"],
            spec["activations"],
            head,
            spec["dtype"],
        )

    def _start_state(self, network, rng, going_on):
        if going_on:
            state = self._state
            state = replace(
                state,
                rng=rng,
                noise_rng=copy.deepcopy(state.noise_rng),
                optimizer=copy.deepcopy(state.optimizer),
                history={key: [] for key in HISTORY_KEYS},
            )
        else:
            state = TrainingState(rng=rng)
        if network.random and state.noise_rng is None:
            state.noise_rng = np.random.default_rng(rng.randint(2**31, size=4))
        return state

    def _run_lbfgs(self, network, setup, data, state):
        state.pursue(self._objective(setup, len(data[1])))
        run_lbfgs(
            network,
            *data,
            state,
            max_iter=self.max_iter,
            max_fun=self.max_fun,
            tol=self.tol,
            verbose=self.verbose,
        )

    def _run_trainer(self, network, setup, data, state, incremental):
        X, Y, w = data
        rows = validate = None
        if self.early_stopping:
            rows, held_out = self._split(Y, state.rng)
            validate = self._validator(X, Y, w, held_out)
        n_rows = X.shape[0] if rows is None else len(rows)
        batch_size = min(200, n_rows) if self.batch_size == "auto" else self.batch_size
        if batch_size > n_rows:
            warn(
                f"batch_size={batch_size} is larger than the {n_rows} training rows. "
                "It is going to be clipped."
            )
        batches = Batches(
            *(X, Y, w, rows),
            batch_size=batch_size,
            shuffle=bool(self.shuffle),
            order=None if incremental else self._order_so_far(n_rows),
        )
        if batches.mean_weight == 0:
            raise ValueError(
                "Sample weights are all zero among the rows that early_stopping leaves "
                "to train on. Remove the rows of zero weight, or set random_state to "
                "another value."
            )
        plan = self._plan(setup, n_rows, incremental)
        Trainer(plan, validate).run(network, batches, state)
        keep = self.warm_start and rows is None and self._goes_on_drawing
        self._order = batches.order if keep else None

    def _plan(self, setup, n_rows, incremental):
        return TrainingPlan(
            optimizer=setup.optimizer,
            schedule=setup.schedule,
            learning_rate_init=float(self.learning_rate_init),
            max_iter=self.max_iter,
            tol=float(self.tol),
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=bool(self.early_stopping),
            weight_decay=float(self.weight_decay),
            verbose=bool(self.verbose),
            # Blocks of partial_fit may be of any size, the last one of a file, say.
            objective=self._objective(setup, None if incremental else n_rows),
            incremental=incremental,
        )

    def _objective(self, setup, n_rows):
        """Return what losses must share to be compared from fit to fit."""
        return repr(setup.loss), self.alpha, self.l1_ratio, n_rows

    def _order_so_far(self, n_rows):
        """Return the row order to go on from: that of the last epoch of warm starts."""
        order = getattr(self, "_order", None)
        return order if order is not None and len(order) == n_rows else None

    @property
    def _goes_on_drawing(self):
        """Whether a later fit draws on as one long fit would have done.

        A generator of the user's remembers itself where it is, and with it every fit
        starts from the natural order of the rows, as scikit-learn's do.
        """
        return isinstance(self.random_state, Integral)

    # -- validation during training ------------------------------------------------

    def _split(self, Y, rng):
        """Return the rows to train on and the rows held out."""
        n_rows = len(Y)
        codes = self._strata(Y)
        n_held_out = int(np.ceil(self.validation_fraction * n_rows))
        if n_held_out < 2 or n_held_out >= n_rows:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or "
                f"the size of your dataset. Got validation_fraction="
                f"{self.validation_fraction} of {n_rows} rows."
            )
        if codes is not None:
            counts = np.bincount(codes)
            counts = counts[counts > 0]
            n_least = min(n_held_out, n_rows - n_held_out)
            if counts.min() < 2 or n_least < len(counts):
                warn(
                    "The validation set cannot be stratified: the smallest class has "
                    f"{counts.min()} row(s), and {n_held_out} rows are held out for "
                    f"{len(counts)} classes. It is drawn at random instead."
                )
                codes = None
        return train_test_split(
            np.arange(n_rows),
            test_size=self.validation_fraction,
            random_state=rng,
            stratify=codes,
        )

    def _validator(self, X, Y, w, rows):
        """Return the function that measures loss and score on the held-out rows."""
        X, Y, w = X[rows], Y[rows], None if w is None else w[rows]
        if w is not None and not w.any():
            w = None  # nothing to weigh by

        def validate(network):
            z = network.raw(X)
            p = network.head.predict(z)
            if not np.isfinite(p).all():
                return np.nan, np.nan
            score = self._score_outputs(p, Y, None if w is None else w[:, 0])
            return network.head.mean_loss(z, Y, w), score

        return validate

    # -- after training ------------------------------------------------------------

    def _explain_divergence(self, network, state):
        """Raise, or warn where early stopping has restored a good epoch."""
        stochastic = not is_name(self.solver, "lbfgs")
        text = (
            f"Training diverged in {'epoch' if stochastic else 'iteration'} "
            f"{state.epoch + (not stochastic)}: the loss ({state.loss}) or a weight is "
            "not finite. The usual cause is unscaled input or targets (try "
            "sklearn.preprocessing.StandardScaler)"
        )
        if stochastic:
            text += (
                " or a learning rate that is too high "
                f"(learning_rate_init={self.learning_rate_init}; try a tenth)"
            )
        text += "."
        restored = stochastic and self.early_stopping and np.isfinite(state.best_score)
        if not (restored and np.isfinite(network.theta).all()):
            raise ValueError(
                f"Solver produced non-finite parameter weights or loss. {text}"
            )
        warn(f"{text} The best epoch was restored.", RuntimeWarning)

    def _remember(self, network, state):
        """Set the fitted attributes."""
        self._bind(network)
        self._new_history, state.history = state.history, {}
        self.__dict__.setdefault("history_", {key: [] for key in HISTORY_KEYS})
        if not self._goes_on_drawing:
            state.rng = None
        self._state = state
        head = network.head
        self.loss_ = state.loss
        self.n_layers_ = len(network.dense) + 1
        self.n_outputs_ = head.width
        output = head.activate.activation
        self.out_activation_ = output.registered_name or repr(output)
        self.n_iter_, self.t_ = state.n_iter, state.t
        self.loss_curve_ = self.history_["loss"]
        self.stop_reason_ = state.stop_reason
        early = bool(self.early_stopping) and not is_name(self.solver, "lbfgs")
        self.best_loss_ = None if early else state.best_loss
        self.validation_scores_ = self.history_["val_score"] if early else None
        self.best_validation_score_ = state.best_score if early else None

    def _bind(self, network):
        """Set the network and the attributes that are views into it."""
        self._network = network
        self.coefs_ = [dense.weight.value for dense in network.dense]
        self.intercepts_ = [dense.bias.value for dense in network.dense]
        self.activation_params_ = [_shape_values(layer) for layer in network.activate]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    def __getstate__(self):
        state = dict(super().__getstate__())
        state["_sk_mlp_version"] = __version__
        if "_network" in state:
            state["_theta"] = self._network.theta
            for name in _DERIVED:
                del state[name]
        return state

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_sk_mlp_version", None)
        if version != __version__:
            warnings.warn(
                f"This {type(self).__name__} was pickled with sk_mlp {version}, but "
                f"this is sk_mlp {__version__}. Results may differ; fit it again if in "
                "doubt.",
                InconsistentVersionWarning,
                stacklevel=2,
            )
        theta = state.pop("_theta", None)
        super().__setstate__(state)
        if theta is not None:
            network = self._network_of(self._spec)
            network.theta[...] = theta
            self._bind(network)
            # Lists of its own: this is also how copy.copy makes an estimator.
            self.history_ = {key: list(v) for key, v in self.history_.items()}
            self.loss_curve_ = self.history_["loss"]
            if self.validation_scores_ is not None:
                self.validation_scores_ = self.history_["val_score"]

    # -- what the kinds of target differ in ----------------------------------------

    @abstractmethod
    def _describe_target(self, y, loss, going_on, incremental, classes):
        """Set `_target`, a dict with "kind" and "groups", and the classes from y.

        Returns y as :meth:`_encode` wants it.
        """

    @abstractmethod
    def _encode(self, y, dtype):
        """Return y as a matrix of numbers."""

    @abstractmethod
    def _strata(self, Y):
        """Return integer codes to stratify the validation split by, or None."""

    @abstractmethod
    def _score_outputs(self, p, Y, w):
        """Return the score of outputs p for encoded targets Y."""

    # -- prediction ----------------------------------------------------------------

    def _raw_outputs(self, X):
        """Return (model, raw outputs): the model as it is now, for decoding."""
        check_is_fitted(self)
        model = self._working_copy()
        X = validate_data(
            model, X, accept_sparse=("csr", "csc"), dtype=_DTYPES, reset=False
        )
        _check_range(X, model._network.dtype)
        with np.errstate(all="ignore"):
            return model, model._network.raw(X)

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
    return f"weights of shapes {weights}{trained}"


def _check_range(X, dtype):
    """Refuse values that the network's dtype cannot hold; makes no copy of X."""
    values = X.data if sparse.issparse(X) else X
    if values.dtype == dtype or not values.size:
        return
    if max(values.max(), -values.min()) > np.finfo(dtype).max:
        raise ValueError(
            f"Input X contains infinity or a value too large for {dtype!r}."
        )


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
