"""Find a learning rate before training: the range test."""

import copy
import warnings
from numbers import Integral, Real

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.base import BaseEstimator, RegressorMixin, clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.class_weight import compute_sample_weight

from sk_mlp._base import BaseMLP
from sk_mlp._setup import is_name
from sk_mlp._targets import check_labels, find_classes, kind_of_target
from sk_mlp._validation import check_sample_weight
from sk_mlp.inspection._plotting import draw_legend, labelled, one_axes, pyplot
from sk_mlp.inspection._reading import MLPS, no_mlp, untrained

# The loss is smoothed by a Gaussian whose standard deviation is this share of the
# steps, and has fallen when this share of its fall is left.
_SMOOTHING = 0.04
_LEFT = 0.02
# After half of its fall, a rise by this share of it is the end of it: what comes later,
# at rates that are too high, may by chance be lower still.
_RISE = 0.05
# A training is longer than the test, and its rate does not pass a dangerous value but
# stays there. Of 100 trainings over 50 epochs (five kinds of network, five data sets,
# adam and sgd, two seeds) 4 ended above 0.8 of their first loss at the full rate, 1 at
# half of it.
_SHARE = 0.5
# A fall by less than this share of the first loss is none.
_LEAST_FALL = 0.01
# Steps without which there is no curve.
_LEAST_STEPS = 4
# The test ends when the loss is so many times the first one above the least.
_DIVERGED = 4.0


class LearningRateDisplay:
    """Learning-rate range test: the loss while the rate rises from step to step.

    A clone of the estimator is trained on minibatches, each at a larger rate than the
    one before. At first nothing happens, then the loss falls, in the end it explodes.
    The rate at which the fall is over, before the smoothed loss first rises again, is
    what L. N. Smith takes for the largest rate to use: here the least one that leaves
    no more than 2 % of the fall. The suggestion is half of it. Make one with
    :meth:`from_estimator`.

    Parameters
    ----------
    rates : array-like of shape (n_steps,)
        The learning rate of every step.
    losses : array-like of shape (n_steps,)
        The loss of its minibatch before the step.
    name : str or None, default=None
        Of the estimator, for the legend.

    Attributes
    ----------
    smoothed_losses_ : ndarray of shape (n_steps,)
        The losses, smoothed over neighbouring steps.
    suggestion_ : float or None
        The suggested `learning_rate_init`. None if the loss did not fall: then try
        other values of `start` and `end`, or see what
        :func:`~sk_mlp.inspection.diagnose` finds.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : dict of str to matplotlib Line2D
        "losses", "smoothed_losses" and, if there is one, "suggestion".

    See Also
    --------
    LossCurveDisplay : How a whole training went.

    Notes
    -----
    The test is a guide for the solver, batch size and network that it was made with. It
    is short, so that its end depends on the draw: other values of `random_state` show
    by how much.

    References
    ----------
    L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017,
    arXiv:1506.01186, section 3.3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.inspection import LearningRateDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(random_state=0)
    >>> display = LearningRateDisplay.from_estimator(model, X, y)
    >>> 0.001 < display.suggestion_ < 0.1
    True
    >>> model = model.set_params(learning_rate_init=display.suggestion_)
    """

    def __init__(self, *, rates, losses, name=None):
        self.rates = rates
        self.losses = losses
        self.name = name
        self.smoothed_losses_ = _smoothed(losses)
        self.suggestion_ = _suggestion(rates, losses)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        sample_weight=None,
        start=1e-06,
        end=10.0,
        num_steps=100,
        random_state=None,
        name=None,
        ax=None,
    ):
        """Run the test and draw it; the estimator itself is not changed.

        Parameters
        ----------
        estimator : estimator
            An MLP of this package or of scikit-learn with any solver but "lbfgs", or a
            pipeline, a search or a TransformedTargetRegressor with one; fitted or not.
            Its `learning_rate` (the schedule) and `early_stopping` are left aside.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        start : float, default=1e-06
            The first rate.
        end : float, default=10.0
            The last rate; it grows by the same factor at every step. The test ends
            before, when the loss explodes.
        num_steps : int, default=100
            Steps, each on one minibatch of the estimator's `batch_size`.
        random_state : int, RandomState instance or None, default=None
            Draws weights and minibatches; None is that of the estimator.
        name : str or None, default=None
            Of the estimator, for the legend.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LearningRateDisplay

        Raises
        ------
        ValueError
            For invalid values, for ``solver="lbfgs"``, which has no learning rate, and
            if the loss is not finite from the start or explodes within three steps.
        TypeError
            If there is no MLP in the estimator.
        """
        _check_range(start, end, num_steps)
        pyplot()  # raises before the work is done
        model, X, y = _open(clone(estimator), X, y)
        if is_name(model.solver, "lbfgs"):
            raise ValueError(
                "solver='lbfgs' has no learning rate: it searches for the length of "
                "every step. Use a stochastic solver such as 'adam'."
            )
        rates = np.geomspace(start, end, num_steps)
        rates, losses = _range_test(model, X, y, sample_weight, rates, random_state)
        return cls(rates=rates, losses=losses, name=name).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the losses over the rates, and the suggestion.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LearningRateDisplay
            Itself.
        """
        self.ax_ = ax = one_axes(ax)
        self.figure_ = ax.figure
        if not ax.has_data():
            ax.set(xscale="log", xlabel="learning rate", ylabel="loss of a minibatch")
        what = "smoothed"
        if self.suggestion_ is None:
            what += " (no suggestion: it does not fall)"
        (line,) = ax.plot(
            *(self.rates, self.smoothed_losses_), label=labelled(self.name, what)
        )
        color = line.get_color()
        (raw,) = ax.plot(
            *(self.rates, self.losses, "."), color=color, alpha=0.4, markersize=4
        )
        self.lines_ = {"losses": raw, "smoothed_losses": line}
        if self.suggestion_ is not None:
            self.lines_["suggestion"] = ax.axvline(
                self.suggestion_,
                color=color,
                linestyle="--",
                label=labelled(self.name, f"suggestion: {self.suggestion_:.2g}"),
            )
        self._limit_losses()
        draw_legend(ax)
        return self

    def _limit_losses(self):
        """Keep explosions at the end from squashing all that comes before."""
        ax = self.ax_
        lines = [
            line for line in ax.get_lines() if line.get_transform() is ax.transData
        ]
        curves = [line.get_ydata() for line in lines]
        first = max(losses[:5].max() for losses in curves)
        least = min(losses.min() for losses in curves)
        most = max(losses.max() for losses in curves)
        height = 1.5 * (first - least)
        # A change in the last digits only is not to look like one.
        margin = max(0.05 * height, 0.01 * abs(first)) or 0.05
        ax.set_ylim(least - margin, min(most, least + height) + margin)


def _check_range(start, end, num_steps):
    numbers = all(
        isinstance(value, Real) and not isinstance(value, bool)
        for value in (start, end)
    )
    if not (numbers and 0 < start < end < np.inf):
        raise ValueError(
            "start and end must be finite numbers with 0 < start < end. Got "
            f"start={start!r}, end={end!r}."
        )
    if not isinstance(num_steps, Integral) or num_steps < 10:
        raise ValueError(f"num_steps must be an int of at least 10. Got {num_steps!r}.")


# The data as the MLP sees them ------------------------------------------------------


class _Recorder(RegressorMixin, BaseEstimator):
    """Stands for a regressor, to see the targets that it would be given."""

    def fit(self, X, y):
        self.y_ = y
        return self

    def predict(self, X):
        return self.y_


def _open(estimator, X, y):
    """Return (MLP of ours, X, y), transformed by all that stands before the MLP.

    `estimator` is a clone: what stands before the MLP is fitted here.
    """
    while not isinstance(estimator, MLPS):
        if isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                X = estimator[:-1].fit_transform(X, y)
            estimator = estimator[-1]
        elif isinstance(estimator, TransformedTargetRegressor):
            regressor = estimator.regressor
            estimator.set_params(regressor=_Recorder(), check_inverse=False)
            y = estimator.fit(X, y).regressor_.y_
            estimator = regressor
        elif hasattr(estimator, "estimator"):  # a search
            estimator = estimator.estimator
        else:
            raise no_mlp(estimator, "an")
    is_own = isinstance(estimator, BaseMLP)
    return estimator if is_own else untrained(estimator), X, y


def _classes(y):
    """Return what the first `partial_fit` of a classifier needs."""
    kind = kind_of_target(y)
    return {} if kind == "multilabel" else {"classes": find_classes(y, kind)}


# The test ---------------------------------------------------------------------------


def _range_test(model, X, y, sample_weight, rates, random_state):
    """Return the rates that were reached, and the loss before each step."""
    X = check_array(X, accept_sparse="csr", dtype=(np.float64, np.float32))
    y = y.tocsr() if hasattr(y, "tocsr") else np.asarray(y)
    check_consistent_length(X, y, sample_weight)
    keywords = {}
    if is_classifier(model):
        y = check_labels(y)
        keywords = _classes(y)
    weights = _weights(model, y, sample_weight)
    if weights is not None:
        check_sample_weight(weights, X, np.float64)
        seen = np.flatnonzero(weights)  # a block of zero weights has no loss
        X, y, weights = X[seen], y[seen], weights[seen]
    rng = check_random_state(
        copy.deepcopy(model.random_state if random_state is None else random_state)
    )
    model.set_params(
        learning_rate="constant",
        early_stopping=False,
        verbose=False,
        random_state=int(rng.randint(2**31 - 1)),
    ).set_callbacks()
    n_rows, losses = X.shape[0], []
    blocks = _blocks(n_rows, _batch_size(model, n_rows), len(rates), rng)
    for rate, rows in zip(rates, blocks, strict=True):
        model.set_params(learning_rate_init=float(rate))
        weights_of_rows = None if weights is None else weights[rows]
        if not _step(model, X[rows], y[rows], weights_of_rows, keywords, losses):
            break
        losses.append(model.loss_)
        if _has_exploded(losses):
            break
    if len(losses) < _LEAST_STEPS:
        raise ValueError(
            "The training diverged at the first rates: take a smaller start. Got "
            f"start={rates[0]:g}."
        )
    return rates[: len(losses)], np.array(losses)


def _weights(model, y, sample_weight):
    """Return the weights of the rows, with those of their classes in them."""
    class_weight = getattr(model, "class_weight", None)
    if class_weight is None:
        return None if sample_weight is None else np.asarray(sample_weight, float)
    model.set_params(class_weight=None)  # partial_fit does not take "balanced"
    weights = compute_sample_weight(class_weight, y)
    return weights if sample_weight is None else weights * sample_weight


def _batch_size(model, n_rows):
    size = 200 if is_name(model.batch_size, "auto") else model.batch_size
    return min(size, n_rows) if isinstance(size, Integral) and size > 0 else n_rows


def _blocks(n_rows, size, n_blocks, rng):
    """Yield the rows of every step: shuffled anew when all were seen, none short."""
    rows = np.empty(0, dtype=int)
    for _ in range(n_blocks):
        while len(rows) < size:
            rows = np.concatenate([rows, rng.permutation(n_rows)])
        yield rows[:size]
        rows = rows[size:]


def _step(model, X, y, weights, keywords, losses):
    """Train on one minibatch; return whether the loss was finite."""
    try:
        with warnings.catch_warnings():
            # The fit that is to come says it again, and some are of the settings here.
            warnings.simplefilter("ignore")
            model.partial_fit(X, y, weights, **keywords)
    except ValueError as error:
        if not losses or "diverged" not in str(error):
            raise
        return False
    return True


def _has_exploded(losses):
    first, least = losses[0], min(losses)
    return losses[-1] > least + _DIVERGED * max(abs(first), first - least)


def _smoothed(losses):
    # The explosion at the end would reach far back; that it is one is enough.
    losses = np.minimum(losses, np.max(losses[:5]))
    width = max(1.0, _SMOOTHING * len(losses))
    return gaussian_filter1d(losses, width, mode="nearest")


def _suggestion(rates, losses):
    """Return half the least rate at which the smoothed loss has fallen, or None."""
    smoothed = _smoothed(losses)
    lowest = np.minimum.accumulate(smoothed)
    fall = smoothed[0] - lowest[-1]
    noise = np.std((losses - smoothed)[: np.argmin(smoothed) + 1])
    if not fall > max(noise, _LEAST_FALL * abs(smoothed[0])):
        return None
    rises = (smoothed - lowest > _RISE * fall) & (smoothed[0] - lowest > fall / 2)
    end = np.argmax(rises) if rises.any() else len(smoothed)
    least = lowest[end - 1]
    has_fallen = smoothed <= least + _LEFT * (smoothed[0] - least)
    return _SHARE * float(rates[np.argmax(has_fallen)])
