"""The regressor."""

import numpy as np
from scipy import sparse
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from sk_mlp._base import BaseMLP, stochastic_only
from sk_mlp._fitting import FitData
from sk_mlp._targets import single_column


class MLPRegressor(RegressorMixin, BaseMLP):
    """Multilayer perceptron regressor.

    A drop-in for :class:`sklearn.neural_network.MLPRegressor` (but that
    `hidden_layer_sizes` comes first, as it always did) with every activation and many
    losses as parameters. One or many outputs.

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
        loss: "exp" for the Poisson, Gamma and Tweedie deviances, else "identity".
        Its range must lie within what the loss is defined for.

    loss : str or Loss, default="squared_error"
        A name of :func:`sk_mlp.losses.names` for regression, such as "squared_error",
        "absolute_error", "huber", "quantile", "poisson", "gamma", "gaussian_nll", or a
        :class:`~sk_mlp.losses.Loss` object, such as ``Quantile((0.1, 0.5, 0.9))``.

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
        on them does not improve, and to restore the best epoch. The score is
        R².

    validation_fraction : float, default=0.1
        Share of the rows to hold out, in [0, 1). Only with `early_stopping`.

    scoring : str, callable or None, default=None
        What is measured on the validation set, and watched by `early_stopping`: None
        is R², "loss" the validation loss, else a name of
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
    MLPClassifier : The classifier.

    References
    ----------
    Rumelhart, D. E., Hinton, G. E. and Williams, R. J., "Learning representations by
    back-propagating errors", Nature 323, 1986.

    He, K., Zhang, X., Ren, S. and Sun, J., "Delving deep into rectifiers", ICCV 2015.

    Kingma, D. P. and Ba, J., "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sk_mlp import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, y = scale(X), y / 100
    >>> regressor = MLPRegressor(
    ...     (20,),
    ...     activation="silu",
    ...     solver="lbfgs",
    ...     alpha=1.0,
    ...     max_iter=1000,
    ...     random_state=1,
    ... )
    >>> round(regressor.fit(X, y).score(X, y), 1)
    0.7

    Several quantiles at once; ``predict`` has a column for each level:

    >>> from sk_mlp.losses import Quantile
    >>> band = MLPRegressor(
    ...     (20,),
    ...     loss=Quantile((0.1, 0.5, 0.9)),
    ...     learning_rate_init=0.01,
    ...     early_stopping=True,
    ...     random_state=1,
    ... )
    >>> band.fit(X, y).predict(X[:2]).shape
    (2, 3)
    """

    _task = "regression"
    _y_options = {"multi_output": True, "y_numeric": True}  # noqa: RUF012

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        output_activation="auto",
        loss="squared_error",
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        weight_decay=0.0,
        dropout=0.0,
        normalization=None,
        max_grad_norm=None,
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
        if not going_on:
            self._target = {"kind": "regression", "groups": None}
        return self._check_target(y, loss)

    def _check_target(self, y, loss):
        if sparse.issparse(y):
            raise TypeError(
                "Sparse data was passed for y, but dense data is required. Use "
                "'.toarray()' to convert to a dense numpy array."
            )
        if y.dtype.kind not in "biuf":
            raise ValueError(
                f"Input y must be numeric, but its dtype is {y.dtype}. Convert it to "
                "numeric values explicitly, e.g. y.astype(float)."
            )
        loss.check_target(y)
        return y

    def _encode(self, y, dtype):
        if y.ndim == 2 and y.shape[1] == 1:
            y = single_column(y)
        with np.errstate(over="ignore"):
            Y = y.reshape(len(y), -1).astype(dtype, copy=False)
        if not np.isfinite(Y).all():
            raise ValueError(
                f"Input y contains values too large for {np.dtype(dtype)}: up to "
                f"{np.abs(y).max():g}. Scale y, or use dtype='float64'."
            )
        if hasattr(self, "_spec") and Y.shape[1] != self._spec["n_columns"]:
            raise ValueError(
                f"y has {Y.shape[1]} output(s), but the regressor was fitted with "
                f"{self._spec['n_columns']}. Call fit with warm_start=False."
            )
        return Y

    def _strata(self, Y):
        return None

    def _score_outputs(self, p, Y, w):
        return float(r2_score(Y, _point(self._spec["loss"], p), sample_weight=w))

    # -- fitting in blocks ---------------------------------------------------------

    @stochastic_only
    def partial_fit(self, X, y, sample_weight=None):
        """Go on training with one epoch over the given rows.

        Weights, optimizer state, generator and counters go on from the last call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            As `fit`.
        """
        fitted = self._working_copy()._fit(FitData(X, y, sample_weight), "partial")
        return self._commit(fitted)

    # -- prediction ----------------------------------------------------------------

    def predict(self, X, return_std=False):
        """Predict targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        return_std : bool, default=False
            Whether to return the predicted standard deviations as well; only with
            ``loss="gaussian_nll"``.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            With several quantile levels, (n_samples, n_levels) for one output and
            (n_samples, n_outputs, n_levels) for many.
        std : ndarray of the same shape
            Only with `return_std`.

        Raises
        ------
        ValueError
            If `return_std` is asked for of another loss.
        """
        model, z = self._raw_outputs(X)
        loss = model._spec["loss"]
        if return_std and not hasattr(loss, "std"):
            raise ValueError(
                "return_std=True needs a loss that models the spread: "
                f"loss='gaussian_nll'. Got loss={self.loss!r}."
            )
        p = model._network.head.predict(z)
        predicted = _squeeze(loss.predict(p))
        return (predicted, _squeeze(loss.std(p))) if return_std else predicted

    def score(self, X, y, sample_weight=None):
        """Return the coefficient of determination R² of the predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their true targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            R², at most 1. With several quantile levels, that of the level nearest to
            0.5.
        """
        model, z = self._raw_outputs(X)
        point = _point(model._spec["loss"], model._network.head.predict(z))
        return float(r2_score(y, _squeeze(point), sample_weight=sample_weight))


def _point(loss, p):
    """Return one prediction per output: of several levels the most central."""
    predicted = loss.predict(p)
    levels = getattr(loss, "levels", 0.5)
    if np.ndim(levels) == 0 or len(levels) == 1:
        return predicted
    central = int(np.argmin(np.abs(np.sort(levels) - 0.5)))
    return predicted[..., central].reshape(len(p), -1)


def _squeeze(predicted):
    is_column = predicted.ndim == 2 and predicted.shape[1] == 1
    return predicted[:, 0] if is_column else predicted
