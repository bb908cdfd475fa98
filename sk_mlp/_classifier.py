"""The classifier."""

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from sk_mlp._base import BaseMLP, stochastic_only
from sk_mlp._batches import Coded
from sk_mlp._fitting import FitData
from sk_mlp._probabilities import ClassOutputs
from sk_mlp._setup import is_name, output_activation
from sk_mlp._targets import (
    check_columns,
    check_labels,
    class_weights,
    code_table,
    decode_labels,
    encode_labels,
    encode_output,
    find_classes,
    kind_of_classes,
    kind_of_target,
    label_codes,
    label_groups,
    row_weights,
    sorted_classes,
)
from sk_mlp._validation import check_sample_weight


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multilayer perceptron classifier.

    A drop-in for :class:`sklearn.neural_network.MLPClassifier` with every activation
    as a parameter. The target may be binary, multiclass, multilabel (an indicator
    matrix) or multiclass-multioutput (several columns of labels).

    Training minimises, over a batch b of the rows,
    ``(sum_b w_i l_i + penalty) / (n_b * mean(w))``, where l_i is the loss of row i,
    summed over the outputs, and mean(w) the mean weight of all training rows.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of shape (n_hidden_layers,), default=(100,)
        Units of each hidden layer. An int is one hidden layer; ``()`` is none, a
        linear model.

    activation : str, Activation or list of these, default="relu"
        Activation of the hidden layers: a name of
        :func:`sk_mlp.activations.names`, an :class:`~sk_mlp.activations.Activation`
        object, or a list with one entry per hidden layer.

    output_activation : str or Activation, default="auto"
        Activation of the output layer. "auto" is the canonical one of the
        loss and target: "softmax" for multiclass, "logistic" for binary and
        multilabel targets.
        Its range must lie within what the loss is defined for.

    loss : str or Loss, default="log_loss"
        "log_loss", "focal" or "squared_error" (the Brier score), or a
        :class:`~sk_mlp.losses.Loss` object, such as ``LogLoss(label_smoothing=0.1)``.

    solver : str or Optimizer, default="adam"
        ``"lbfgs"`` (all rows at once, for small data sets) or a name of
        :func:`sk_mlp.optimizers.names`, such as "adam", "adamw", "sgd", or an
        :class:`~sk_mlp.optimizers.Optimizer` object.

    alpha : float, default=0.0001
        Strength of the penalty
        ``alpha * ((1 - l1_ratio)/2 * sum(W**2) + l1_ratio * sum(abs(W)))`` of the
        weights, divided by the sample count as in scikit-learn. Biases and shape
        parameters of activations are not penalised.

    l1_ratio : float, default=0.0
        Share of the L1 norm in the penalty, in [0, 1].

    weight_decay : float, default=0.0
        Decoupled weight decay: each step multiplies the weights by
        ``1 - learning_rate * weight_decay``, whatever the solver and the batch size.
        Added to the one of ``solver="adamw"``.

    dropout : float or array-like of float, default=0.0
        Probability in [0, 1) that training drops an output of a hidden layer; one for
        all hidden layers or one for each. What is kept is scaled by
        ``1 / (1 - dropout)``; after SELU it is alpha-dropout, which keeps mean and
        variance. Prediction drops nothing. "lbfgs" draws one mask for the whole fit.

    normalization : {"batch", "layer"} or None, default=None
        Normalises the input of every hidden activation to mean 0 and variance 1, then
        scales and shifts it by trained parameters: over the rows of the minibatch
        ("batch"; prediction uses running averages) or over the units of the layer
        ("layer").

    max_grad_norm : float or None, default=None
        Longest gradient: one of larger Euclidean norm, over all parameters, is scaled
        down to it. None is no limit. Not used by "lbfgs".

    class_weight : dict, "balanced", list of these or None, default=None
        Weights of the classes, ``{label: weight}``, by which sample weights are
        multiplied; labels that are missing have weight 1. "balanced" gives every class
        the same total weight. For several outputs (a multilabel indicator has the
        classes 0 and 1 in each) a list with one entry per output; a row's weight is
        the product. It counts in the validation loss and in the default score.

    batch_size : int, default="auto"
        Rows of a minibatch. "auto" is ``min(200, n_samples)``. Not used by "lbfgs".

    learning_rate : str, Schedule or callable, default="constant"
        How the rate changes during training, with any solver but "lbfgs":
        scikit-learn's "constant", "invscaling" (``learning_rate_init /
        (t + 1)**power_t`` after t samples) and "adaptive" (divided by 5 whenever
        training stalls for `n_iter_no_change` epochs); "linear", "step",
        "exponential", "cosine", "warmup_cosine" and "one_cycle"; or a
        :class:`~sk_mlp.schedules.Schedule` object, which has their settings; or a
        function of a :class:`~sk_mlp.schedules.Progress` that returns the factor of
        `learning_rate_init`.

    learning_rate_init : float, default=0.001
        The learning rate that the schedule starts from; the highest one of
        "warmup_cosine" and "one_cycle".

    power_t : float, default=0.5
        Exponent of ``learning_rate="invscaling"``.

    max_iter : int, default=200
        Most epochs (passes over the rows), or iterations of "lbfgs".

    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the weights, the validation split, the row order, dropout and the noise
        of random activations. Pass an int for reproducible results.

    tol : float, default=1e-4
        Training has converged when the loss (the validation score with
        `early_stopping`) fails to improve by `tol` for `n_iter_no_change` epochs,
        unless the schedule goes on with a smaller rate. For "lbfgs" the tolerance
        of the largest gradient component (and of the score).

    verbose : bool or int, default=False
        1 (or True) prints the lines of scikit-learn for every epoch, 2 a table in
        which ``*`` marks every new best epoch.

    warm_start : bool, default=False
        Whether `fit` goes on from the previous fit: weights, optimizer state,
        generator and counters.

    momentum : float, default=0.9
        Momentum of ``solver="sgd"``, in [0, 1].

    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows, to stop when the score
        on them does not improve, and to restore the best epoch. The split is
        stratified by class where there is one output.

    validation_fraction : float, default=0.1
        Share of the rows to hold out, in [0, 1). Only with `early_stopping`.

    scoring : str, callable or None, default=None
        What is measured on the validation set, and watched by `early_stopping`: None
        is the accuracy, "loss" the validation loss, else a name of
        :func:`sklearn.metrics.get_scorer_names` or a callable
        ``scorer(estimator, X, y)`` whose values are greater where they are better
        (and which is given ``sample_weight`` if it has such a parameter).

    beta_1 : float, default=0.9
        Decay rate of the first moment of the Adam family, in [0, 1).

    beta_2 : float, default=0.999
        Decay rate of the second moment of the Adam family, in [0, 1).

    epsilon : float, default=1e-8
        Added to the denominator of the adaptive solvers.

    n_iter_no_change : int or np.inf, default=10
        Epochs without improvement to wait for.

    max_fun : int, default=15000
        Most evaluations of the loss by "lbfgs".

    init : str or Initializer, default="auto"
        How weights are drawn: a name of :func:`sk_mlp.initializers.names` or an
        :class:`~sk_mlp.initializers.Initializer` object. "auto" matches the
        activation; "sklearn" draws the weights of scikit-learn's own estimator.

    dtype : {"float32", "float64"} or None, default=None
        Floating-point type of the network. None follows X: float32 stays float32,
        all else is float64.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        Class labels; a list with one array per output for multiclass-multioutput.
    coefs_, intercepts_ : list of ndarray
        Weights of shape (fan_in, fan_out) and biases of shape (fan_out,) of each
        layer. They are views into the network's one vector of parameters: write into
        the arrays to change them; another array put into the list has no effect.
    activation_params_ : list of dict
        Trained shape parameters of each hidden layer by name: arrays of shape (units,),
        or (1,) when shared. Empty where nothing is trained.
    normalization_params_ : list of dict
        With `normalization`, the trained "gamma" and "beta" of each hidden layer, for
        "batch" also the running "mean" and "variance": views of shape (units,).
    n_iter_ : int
        Epochs (iterations of "lbfgs") of the last fit; `partial_fit` adds one.
    n_layers_ : int
        Layers, the input and the output layer included.
    n_outputs_ : int
        Units of the output layer.
    out_activation_ : str
        Name of the output activation.
    loss_ : float
        Training loss of the last epoch, penalty included, whichever is restored.
    best_loss_ : float or None
        Least training loss; None with `early_stopping`.
    loss_curve_ : list of float
        Training loss of every epoch so far.
    validation_scores_ : list of float or None
        Validation score of every epoch so far, with `early_stopping` or X_val.
    best_validation_score_ : float or None
        The best one of the last fit.
    t_ : int
        Training samples seen so far.
    history_ : dict of str to list
        One entry an epoch: "epoch", "loss", "val_loss", "val_score", "learning_rate",
        "grad_norm" (mean over the minibatches) and "seconds". NaN is not measured.
        ``pandas.DataFrame(estimator.history_)`` is a table of it.
    stop_reason_ : str or None
        "converged", "max_iter", "callback" (one asked to stop), "interrupted" (Ctrl-C),
        "diverged" (the best epoch was then restored) or "abnormal" ("lbfgs" found no
        better point). None in a copy that a callback made while training went on.
    n_features_in_ : int
        Features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X has string column names.

    See Also
    --------
    MLPRegressor : The regressor.

    References
    ----------
    Rumelhart, D. E., Hinton, G. E. and Williams, R. J., "Learning representations by
    back-propagating errors", Nature 323, 1986.

    He, K., Zhang, X., Ren, S. and Sun, J., "Delving deep into rectifiers", ICCV 2015.

    Kingma, D. P. and Ba, J., "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(
    ...     (10,),
    ...     activation="mish",
    ...     solver="lbfgs",
    ...     alpha=0.1,
    ...     max_iter=1000,
    ...     random_state=0,
    ... )
    >>> classifier.fit(X, y).predict_proba(X[:2]).shape
    (2, 3)
    >>> round(classifier.score(X, y), 2)
    0.99
    """

    _task = "classification"
    _y_options = {"multi_output": True}  # noqa: RUF012 (keywords, never changed)

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        output_activation="auto",
        loss="log_loss",
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        weight_decay=0.0,
        dropout=0.0,
        normalization=None,
        max_grad_norm=None,
        class_weight=None,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        init="auto",
        dtype=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.normalization = normalization
        self.max_grad_norm = max_grad_norm
        self.class_weight = class_weight
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.init = init
        self.dtype = dtype

    # -- the target ----------------------------------------------------------------

    def _describe_target(self, y, loss, going_on, incremental, classes):
        y = check_labels(y)
        if going_on:
            self._check_same_classes(y, incremental, classes)
            self._check_same_columns(loss)
            return y
        if classes is None:
            kind = kind_of_target(y)
            classes = find_classes(y, kind)
        else:
            kind = kind_of_classes(y, classes)
            classes = sorted_classes(y, kind, classes)
        one_hot = kind == "binary" and output_activation(self, loss, kind).rowwise
        self.classes_ = classes
        self._target = {
            "kind": kind,
            "one_hot": one_hot,
            "groups": label_groups(kind, classes, one_hot),
            "sparse": bool(sparse.issparse(y)),
        }
        return y

    def _check_same_classes(self, y, incremental, classes):
        """Refuse other classes than before; a block of partial_fit may lack some."""
        kind = self._target["kind"]
        check_columns(y, kind, self.classes_)
        if classes is not None:
            given = sorted_classes(y, kind, classes)
            if not _equal_classes(given, self.classes_):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to "
                    f"partial_fit, was: {self.classes_!r}"
                )
        elif not incremental and kind in ("binary", "multiclass"):
            present = np.unique(y)
            if not _equal_classes(present, self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in "
                    f"the previous call to fit. Previously got {self.classes_}, `y` "
                    f"has {present}"
                )

    def _check_same_columns(self, loss):
        """Refuse an output activation that wants other columns for two classes."""
        target = self._target
        rowwise = output_activation(self, loss, target["kind"]).rowwise
        if target["kind"] == "binary" and rowwise != target["one_hot"]:
            raise ValueError(
                f"The fitted network has {self.n_outputs_} output unit(s), but "
                f"output_activation={self.output_activation!r} asks for another number "
                "of them. Set warm_start=False, or call fit instead of partial_fit, to "
                "start anew."
            )

    def _check_target(self, y, loss):
        return check_labels(y)

    def _encode(self, y, dtype):
        kind, one_hot = self._target["kind"], self._target["one_hot"]
        if kind in ("multilabel", "multioutput"):
            return encode_labels(y, kind, self.classes_, one_hot, dtype)
        check_columns(y, kind, self.classes_)
        table = code_table(kind, len(self.classes_), one_hot, dtype)
        return Coded(encode_output(y, self.classes_), table)

    def _strata(self, Y):
        if self._target["kind"] not in ("binary", "multiclass"):
            return None
        return self._codes(Y)[:, 0]

    def _class_weights(self, Y, w):
        if self.class_weight is None:
            return None
        classes = self.classes_
        if self._target["kind"] == "multilabel":
            classes = [np.array([0, 1])] * Y.shape[1]
        return class_weights(self._codes(Y), classes, self.class_weight, w)

    def _row_weights(self, Y, weights):
        return row_weights(self._codes(Y), weights)

    def _codes(self, Y):
        if isinstance(Y, Coded):
            return Y.codes[:, np.newaxis]
        return label_codes(Y, self._target["kind"], self._target["groups"])

    def _score_outputs(self, p, Y, w):
        same = self._codes(p) == self._codes(Y)
        return float(np.average(same.all(axis=1), weights=w))

    # -- fitting in blocks ---------------------------------------------------------

    @stochastic_only
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go on training with one epoch over the given rows.

        Weights, optimizer state, generator and counters go on from the last call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        classes : array-like of shape (n_classes,) or list of these, default=None
            All classes that any call will see; required in the first call, except for
            a multilabel indicator. A list with one array per output for
            multiclass-multioutput.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            As `fit`, and if `classes` is missing in the first call.
        """
        if classes is None and not hasattr(self, "_network"):
            y_array = y if sparse.issparse(y) else np.asarray(y)
            if y_array.ndim != 2 or kind_of_target(y_array) != "multilabel":
                raise ValueError(
                    "classes must be passed on the first call to partial_fit."
                )
        if _is_balanced(self.class_weight):
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does "
                "not see all rows. Pass the weights as a dict, e.g. those of "
                "sklearn.utils.class_weight.compute_class_weight('balanced', ...)."
            )
        data = FitData(X, y, sample_weight)
        fitted = self._working_copy()._fit(data, "partial", classes)
        return self._commit(fitted)

    # -- prediction ----------------------------------------------------------------

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The class of largest probability; for multilabel, the labels whose
            probability is above 0.5 (a sparse matrix if `fit` was given one).
        """
        model, reading, z = self._read(X)
        codes = label_codes(reading.outputs(z), reading.kind, reading.groups)
        if reading.single:
            codes[...] = 0
        labels = decode_labels(codes, reading.kind, model.classes_)
        return sparse.csr_matrix(labels) if model._target["sparse"] else labels

    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or list of ndarray
            Columns in the order of `classes_`; rows sum to 1, but for multilabel, where
            each column is the probability of its label. A list with one array per
            output for multiclass-multioutput. With an elementwise output activation
            and exclusive classes, the outputs are divided by their sum.
        """
        _, reading, z = self._read(X)
        return reading.probabilities(z)

    def predict_log_proba(self, X):
        """Predict the logarithm of class probabilities, accurate for small ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or list of ndarray
            As :meth:`predict_proba`.
        """
        _, reading, z = self._read(X)
        return reading.log_probabilities(z)

    def decision_function(self, X):
        """Return the raw outputs (logits), before the output activation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or list of ndarray
            1-D for binary targets: positive values favour ``classes_[1]`` (with an
            output activation that is 0.5 at 0, as "logistic" is). A list with one array
            per output for multiclass-multioutput.
        """
        _, reading, z = self._read(X)
        return reading.decisions(z)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy: the share of rows whose labels are all right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Accuracy in [0, 1].
        """
        model = self._working_copy()  # one, whatever another thread refits
        predicted = model.predict(X)
        if model._target["kind"] != "multioutput":
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        y = np.asarray(y)
        if y.shape != predicted.shape:
            raise ValueError(
                f"y has the shape {y.shape}, but the predictions have "
                f"{predicted.shape}."
            )
        w = check_sample_weight(sample_weight, predicted, np.float64)
        same = (y == predicted).all(axis=1)
        return float(np.average(same, weights=None if w is None else w[:, 0]))

    def _bind(self, network):
        super()._bind(network)
        kind, groups = self._target["kind"], self._target["groups"]
        self._reading = ClassOutputs(network.head, kind, groups, len(self.classes_))

    def _read(self, X):
        """Return (model, its reading of raw outputs, the raw outputs of X)."""
        model, z = self._raw_outputs(X)
        return model, model._reading, z

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _is_balanced(class_weight):
    one = class_weight is None or isinstance(class_weight, str | dict)
    return any(
        is_name(weight, "balanced")
        for weight in ([class_weight] if one else class_weight)
    )


def _equal_classes(a, b):
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_equal_classes, a, b))
    return a.tolist() == b.tolist()
