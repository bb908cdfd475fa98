"""One fit: from what the user gave, through training, to what the estimator becomes."""

import inspect
import zlib
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf

import numpy as np
from scipy import sparse

from sk_mlp._batches import Batches, Coded
from sk_mlp._blas import blas_threads
from sk_mlp._divergence import explain
from sk_mlp._holdout import ValidationSet, split_rows
from sk_mlp._hooks import Hooks
from sk_mlp._lbfgs import run_lbfgs
from sk_mlp._monitor import Monitor
from sk_mlp._numerics import row_blocks
from sk_mlp._random import copy_generator
from sk_mlp._report import report_of
from sk_mlp._setup import is_name, resolve_setup
from sk_mlp._trainer import HISTORY_KEYS, Trainer, TrainingPlan, TrainingState
from sk_mlp._validation import DTYPES, check_sample_weight, is_mapped
from sk_mlp._warnings import warn

# Epochs that `history_` keeps in partial_fit, which may be called without end.
HISTORY_LIMIT = 10_000


@dataclass(frozen=True)
class FitData:
    """What a user gives to `fit`, as it was given."""

    X: object
    y: object
    sample_weight: object = None
    X_val: object = None
    y_val: object = None
    sample_weight_val: object = None

    def __post_init__(self):
        if (self.X_val is None) != (self.y_val is None):
            names = ("X_val", "y_val")
            given, missing = names if self.y_val is None else reversed(names)
            raise ValueError(f"{given} was given without {missing}. Pass both.")
        if self.sample_weight_val is not None and self.X_val is None:
            raise ValueError(
                "sample_weight_val was given without X_val and y_val. Pass all three."
            )


class Fitting:
    """One fit of one estimator.

    Parameters
    ----------
    estimator : BaseMLP
        A working copy: it is changed all the way.
    data : FitData
    mode : {"fit", "partial", "resume"}, default="fit"
    classes : array-like or None, default=None
        All classes there are, for "partial".
    """

    def __init__(self, estimator, data, mode="fit", classes=None):
        self.estimator = estimator
        self.data = data
        self.mode = mode
        self.classes = classes
        self.validate = self.batches = self.split_rng = self.training_rows = None

    def run(self):
        """Prepare, train, and let the estimator remember it."""
        self._prepare()
        self._train()
        self._remember(self.estimator, self.network, self.state)

    # -- before training -----------------------------------------------------------

    def _prepare(self):
        """Check parameters and data; make the network and the state to train."""
        estimator, data = self.estimator, self.data
        has_validation_set = data.X_val is not None
        self.setup = resolve_setup(estimator, estimator._task, has_validation_set)
        self.going_on = hasattr(estimator, "_network") and (
            self.mode != "fit" or estimator.warm_start
        )
        self._check_mode()
        if not self.going_on:
            estimator._forget()
        X, y = estimator._validate(data.X, data.y, reset=not self.going_on)
        dtype = self._dtype_of_network(X)
        y = estimator._describe_target(
            y, self.setup.loss, self.going_on, self.mode == "partial", self.classes
        )
        Y = estimator._encode(y, dtype)
        self.sample_weight = check_sample_weight(data.sample_weight, X, dtype)
        self.class_weights = estimator._class_weights(Y, self.sample_weight)
        self.state = state = self._start_state()
        self.network = network = estimator._build(
            X.shape[1], Y.shape[1], self.setup, dtype, state.rng, self.going_on
        )
        if network.random and state.noise_rng is None:
            state.noise_rng = np.random.default_rng(state.rng.randint(2**31, size=4))
        self.X, self.y, self.Y = X, y, _prepared(Y, network.head)
        self.w = self._loss_weights(Y)
        if self.mode == "resume":
            self._check_resumed_data()
        if has_validation_set:
            self._take_validation_set(dtype)

    def _dtype_of_network(self, X):
        """Return it; that of X unless X was left in another one (see `validate`)."""
        if self.going_on:
            return self.estimator._network.dtype
        found = X.dtype if X.dtype in DTYPES else DTYPES[0]
        return np.dtype(self.estimator.dtype or found)

    def _check_mode(self):
        estimator, mode = self.estimator, self.mode
        if mode == "partial" and estimator.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: no call knows the "
                "next one. Score the blocks of a validation set between the calls."
            )
        if self.going_on and estimator.dtype not in (None, estimator._network.dtype):
            raise ValueError(
                f"The fitted network is {estimator._network.dtype}, not "
                f"{estimator.dtype} as asked for by dtype. Set warm_start=False, or "
                "call fit instead of partial_fit, to start anew."
            )

    def _check_resumed_data(self):
        rows = self.estimator._rows
        if rows["n_rows"] != self.X.shape[0]:
            raise ValueError(
                "resume needs the rows that fit was given: X has "
                f"{self.X.shape[0]} rows, but it had {rows['n_rows']}."
            )
        if rows["has_X_val"] and self.data.X_val is None:
            raise ValueError(
                "resume needs X_val and y_val as well: fit was given them."
            )
        if rows["fingerprint"] in (None, self.fingerprint):
            return
        raise ValueError(
            "resume needs the data that fit was given, but X, y or their weights are "
            "others now. Use warm_start=True and fit to train on with new data."
        )

    def _loss_weights(self, Y):
        if self.class_weights is None:
            return self.sample_weight
        weights = self._weigh(Y, self.sample_weight)
        if weights is not None and not 0.0 < weights.max() < inf:
            raise ValueError(
                f"class_weight={self.estimator.class_weight!r} gives a row at most the "
                f"weight {weights.max()}: expected a finite one above 0."
            )
        return check_sample_weight(weights, self.X, Y.dtype)

    def _weigh(self, Y, w):
        """Return the weights of rows in the loss: sample weight times class weight."""
        weights = None if w is None else w[:, 0]
        if self.class_weights is None:
            return weights
        factors = self.estimator._row_weights(Y, self.class_weights)
        return factors if weights is None else weights * factors

    def _start_state(self):
        """Return a new state, or a copy of the one at which the last fit ended."""
        estimator = self.estimator
        if not self.going_on:
            return TrainingState(rng=estimator._new_generator())
        state = estimator._state.copy()
        state.history = {key: [] for key in HISTORY_KEYS}
        if state.rng is None or not (
            self.mode == "resume" or estimator._goes_on_drawing
        ):
            state.rng = estimator._new_generator()
        return state

    # -- validation during training ------------------------------------------------

    def _take_validation_set(self, dtype):
        estimator, data = self.estimator, self.data
        try:
            X, y = estimator._validate(data.X_val, data.y_val, reset=False, dtype=dtype)
            y = estimator._check_target(y, self.setup.loss)
            Y = _prepared(estimator._encode(y, dtype), self.network.head)
            w = check_sample_weight(data.sample_weight_val, X, dtype)
        except ValueError as error:
            raise ValueError(f"In the validation set: {error}") from None
        self.validate = self._validation_set(X, y, Y, w)

    def _hold_out(self, rows):
        """Validate on these rows of the training data."""
        w = None if self.sample_weight is None else self.sample_weight[rows]
        part = self.y[rows], self.Y[rows], w
        # A copy is faster, but may be larger than memory where X is in a file.
        if is_mapped(self.X):
            self.validate = self._validation_set(self.X, *part, rows)
        else:
            self.validate = self._validation_set(self.X[rows], *part)

    def _validation_set(self, X, y, Y, w, rows=None):
        """Return the judgement on `rows` of X, all if None.

        Their labels are y, encoded and prepared Y.
        """
        estimator, scorer = self.estimator, self.setup.scorer
        if scorer is not None and rows is not None:  # which takes an array
            X, rows = X[rows].astype(self.network.dtype, copy=False), None
        weights = self._weigh(Y, w)
        if weights is not None and not weights.any():
            weights = None  # nothing to weigh by
        if scorer is not None:
            score = self._score_by(scorer, X, y, w)
        elif is_name(estimator.scoring, "loss"):

            def score(network, p, loss):
                return -loss
        else:

            def score(network, p, loss):
                return estimator._score_outputs(p, Y, weights)

            if estimator._task == "regression" and len(Y) < 2:
                raise ValueError(
                    "R² of a validation set needs two rows at least. Got one: pass "
                    "more, or use scoring='loss'."
                )
        return ValidationSet(X, Y, weights, score, rows)

    def _score_by(self, scorer, X, y, w):
        """Return the score of a scorer, which sees the network in training."""
        keywords = {}
        if w is not None and w.any() and _takes_weights(scorer):
            keywords["sample_weight"] = w[:, 0]

        def score(network, p, loss):
            estimator = self.estimator._working_copy()
            # The rows are arrays by now, without names.
            estimator.__dict__.pop("feature_names_in_", None)
            try:
                return scorer(estimator, X, y, **keywords)
            except Exception as error:
                scoring = self.estimator.scoring
                error.add_note(f"This came of scoring={scoring!r} on validation rows.")
                raise

        return score

    def _rows_to_train_on(self):
        """Return (rows, order): the rows to train on, all of them if None, and the
        order to go on from; hold out the others.
        """
        estimator, n_rows = self.estimator, self.X.shape[0]
        self.n_train = n_rows
        if holds_out := estimator.early_stopping and self.validate is None:
            self.n_train -= ceil(estimator.validation_fraction * n_rows)
        past = self._past_rows(n_rows)
        if not holds_out:
            return None, past["order"]
        if past["order"] is None:
            if self.going_on and past["split_rng"] is None:
                warn(
                    "A new validation set is drawn from rows that the fits before may "
                    "have been trained on: its scores are too good. Pass X_val and "
                    "y_val, or keep early_stopping, validation_fraction and the number "
                    "of rows as they were."
                )
            rng = copy_generator(past["split_rng"]) or self.state.rng
            self.split_rng = copy_generator(rng)
            fraction, strata = estimator.validation_fraction, estimator._strata(self.Y)
            order, held_out = split_rows(n_rows, fraction, strata, rng)
        else:
            self.split_rng, order = past["split_rng"], past["order"]
            held_out = np.setdiff1d(np.arange(n_rows), order)
        _check_mean_weight(None if self.w is None else self.w[order])
        self._hold_out(held_out)
        return order, None

    def _past_rows(self, n_rows):
        """Return order and split of the last fit if it goes on with the same rows.

        What was held out before must not be trained on now.
        """
        past = getattr(self.estimator, "_rows", None)
        if self.going_on and self.mode != "partial" and past:
            if (past["n_rows"], past["n_train"]) == (n_rows, self.n_train):
                return past
        return {"order": None, "split_rng": None}

    # -- training ------------------------------------------------------------------

    def _train(self):
        estimator = self.estimator
        rows, order = self._rows_to_train_on()
        self.training_rows = rows
        self.past = self._past_history()
        estimator.history_ = self.state.history
        plan = self._plan()
        estimator._bind(self.network)
        estimator._live = self.snapshot
        monitor = Monitor(
            *(plan, self.state, self.validate),
            report=report_of(estimator.verbose),
            hooks=self._hooks(),
        )
        if self.setup.optimizer is None:
            self._run_lbfgs(rows, monitor)
        else:
            self._run_trainer(rows, order, plan, monitor)
        if estimator.early_stopping:
            self._warn_of_no_score()
        if self.state.stop_reason == "diverged":
            self._explain_divergence()  # raises, unless the best epoch was restored
        monitor.ends()
        del estimator._live

    def _warn_of_no_score(self):
        scores = self.state.history["val_score"]
        ended = self.state.stop_reason in ("converged", "max_iter", "callback")
        if ended and scores and not np.isfinite(scores).any():
            warn(
                "No epoch had a finite validation score, so there was none to restore: "
                f"check scoring={self.estimator.scoring!r} and the validation set. The "
                "last epoch is kept."
            )

    def _hooks(self):
        if not getattr(self.estimator, "_skl_callbacks", None):
            return None
        done = self.state.n_iter if self.mode == "resume" else 0
        n_epochs = 1 if self.mode == "partial" else self.estimator.max_iter - done
        task = "iteration" if self.setup.optimizer is None else "epoch"
        return Hooks(self.estimator, self.data, task, n_epochs)

    def _run_lbfgs(self, rows, monitor):
        estimator, data = self.estimator, (self.X, self.Y, self.w)
        if rows is not None:
            rows = np.sort(rows)
            data = [part if part is None else part[rows] for part in data]
        self._warn_of_single_rows(self.n_train)
        with blas_threads(self.network.largest_product(self.n_train)):
            run_lbfgs(
                self.network,
                *data,
                self.state,
                monitor,
                max_iter=estimator.max_iter,
                max_fun=estimator.max_fun,
                tol=estimator.tol,
            )

    def _run_trainer(self, rows, order, plan, monitor):
        estimator, n_rows = self.estimator, self.n_train
        batch_size = estimator.batch_size
        if is_name(batch_size, "auto"):
            batch_size = min(200, n_rows)
        if batch_size > n_rows and self.mode != "partial":  # where a block may be short
            warn(
                f"batch_size={batch_size} is larger than the {n_rows} training rows. "
                "It is going to be clipped."
            )
        self.batches = Batches(
            *(self.X, self.Y, self.w, rows),
            batch_size=batch_size,
            shuffle=bool(estimator.shuffle),
            order=order,
        )
        n_rows = self.batches.batch_size
        self._warn_of_single_rows(n_rows)
        with blas_threads(self.network.largest_product(n_rows)):
            Trainer(plan, monitor).run(self.network, self.batches, self.state)

    def _warn_of_single_rows(self, batch_size):
        is_batch = self.estimator.normalization == "batch"
        if is_batch and self.network.normalize and batch_size < 2:
            warn(
                "normalization='batch' with batches of one row, which have no spread: "
                "no hidden layer learns anything. Use normalization='layer', or a "
                "larger batch_size."
            )

    def _plan(self):
        estimator, setup = self.estimator, self.setup
        patience = estimator.n_iter_no_change
        if setup.optimizer is None and not estimator.early_stopping:
            patience = inf  # SciPy judges the loss
        incremental = self.mode == "partial"
        return TrainingPlan(
            max_iter=estimator.max_iter,
            tol=float(estimator.tol),
            n_iter_no_change=patience,
            early_stopping=bool(estimator.early_stopping),
            optimizer=setup.optimizer,
            schedule=setup.schedule if setup.optimizer else None,
            learning_rate_init=float(estimator.learning_rate_init),
            weight_decay=float(estimator.weight_decay),
            max_grad_norm=estimator.max_grad_norm,
            # Losses compare if these do. Blocks of partial_fit may be of any size.
            objective=(
                *(estimator._spec["loss"], estimator.alpha, estimator.l1_ratio),
                *(setup.dropout, None if incremental else self.n_train),
                self.fingerprint if estimator.warm_start and not incremental else None,
            ),
            incremental=incremental,
            resumed=self.mode == "resume",
        )

    def snapshot(self):
        """Return the estimator as it would be if training had stopped now."""
        estimator, state = self.estimator, self.state.copy()
        network = estimator._network_of(estimator._spec, self.network.theta)
        state.settle(network)
        model = estimator._working_copy()
        del model._live
        self._remember(model, network, state)
        return model

    def _remember(self, model, network, state):
        model._rows = self._rows_to_keep()
        model._remember(network, state, self.past, self.validate is not None)

    def _past_history(self):
        """Return the history that this training goes on with."""
        past = self.estimator.__dict__.get("history_", {})
        if self.mode == "partial" and self.state.epoch >= HISTORY_LIMIT:
            # There may be no end of it.
            past = {key: values[1 - HISTORY_LIMIT :] for key, values in past.items()}
        return past

    @cached_property
    def fingerprint(self):
        """A number that tells what is trained on from other data."""
        X, value = self.X, 0
        if sparse.issparse(X):
            parts = [(X.indptr, None), (X.indices, None), (X.data, self.network.dtype)]
        else:
            parts = [(X, self.network.dtype)]
        parts += [(array, None) for array in (self.Y, self.w) if array is not None]
        for part, dtype in parts:
            for rows in row_blocks(len(part), part[:1].size):
                value = zlib.crc32(np.ascontiguousarray(part[rows], dtype), value)
        return value

    def _rows_to_keep(self):
        """Return what a later fit needs to go on with the same rows."""
        estimator, order = self.estimator, None
        if self.state.unfinished or (
            estimator.warm_start and estimator._goes_on_drawing
        ):
            order = self.batches.order if self.batches else self.training_rows
        return {
            "n_rows": self.X.shape[0],
            "n_train": self.n_train,
            "order": None if order is None else order.copy(),
            "split_rng": self.split_rng,  # makes the same split again
            "has_X_val": self.data.X_val is not None,
            "fingerprint": self.fingerprint if self.state.unfinished else None,
        }

    # -- after training ------------------------------------------------------------

    def _explain_divergence(self):
        """Raise, or warn where early stopping has restored a good epoch."""
        estimator, state = self.estimator, self.state
        stochastic = self.setup.optimizer is not None
        number = state.epoch if stochastic else state.epoch + 1
        what = (
            "a parameter is"
            if np.isfinite(state.loss)
            else f"its loss, {state.loss}, is"
        )
        text = (
            f"Training diverged in {'epoch' if stochastic else 'iteration'} {number}: "
            f"{what} not finite. "
        ) + explain(
            self.network,
            self.X,
            self.Y,
            learning_rate=estimator.learning_rate_init if stochastic else None,
            clipped=estimator.max_grad_norm is not None,
        )
        if not (state.restored and np.isfinite(self.network.theta).all()):
            raise ValueError(text)
        warn(f"{text} The best epoch was restored.", RuntimeWarning)


def _prepared(Y, head):
    """Return encoded targets as the loss wants them."""
    if isinstance(Y, Coded):
        return Coded(Y.codes, head.prepare(Y.table))
    return head.prepare(Y)


def _takes_weights(scorer):
    # scikit-learn's own scorers take them for any metric.
    metric = getattr(scorer, "_score_func", scorer)
    parameters = inspect.signature(metric).parameters
    return "sample_weight" in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


def _check_mean_weight(w):
    if w is not None and not w.any():
        raise ValueError(
            "Sample weights are all zero among the rows that early_stopping leaves to "
            "train on. Remove the rows of zero weight, or set random_state to another "
            "value."
        )
