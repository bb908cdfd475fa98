"""Where to look for good parameters: distributions for a random search."""

import inspect
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_random_state

from sk_mlp import optimizers
from sk_mlp._base import BaseMLP
from sk_mlp._setup import is_name
from sk_mlp._validation import is_same


@dataclass(frozen=True)
class HiddenLayerSizes:
    """Distribution of `hidden_layer_sizes`: a depth, and one width for all layers.

    The depth is uniform, the width log-uniform, both over integers and independent of
    each other. Layers of one width are as good as those that get narrower or wider
    [1]_, and leave two numbers to be searched instead of one for each layer.

    Parameters
    ----------
    depth : tuple of two int, default=(1, 3)
        Least and largest number of hidden layers.
    width : tuple of two int, default=(16, 256)
        Least and largest number of units in each.

    Raises
    ------
    ValueError
        If one of them is not a pair of integers with ``1 <= least <= largest``.

    References
    ----------
    .. [1] Bengio, Y., "Practical recommendations for gradient-based training of deep
           architectures", in: Neural Networks: Tricks of the Trade, Springer, 2012.

    Examples
    --------
    >>> from sk_mlp import HiddenLayerSizes
    >>> HiddenLayerSizes(depth=(2, 2), width=(8, 64)).rvs(size=3, random_state=0)
    [(25, 25), (35, 35), (28, 28)]
    """

    depth: tuple[int, int] = (1, 3)
    width: tuple[int, int] = (16, 256)

    def __post_init__(self):
        for name in ("depth", "width"):
            value = getattr(self, name)
            if not _is_range(value):
                raise ValueError(
                    f"{name} must be two integers (least, largest) with "
                    f"1 <= least <= largest. Got {value!r} instead."
                )
            object.__setattr__(self, name, tuple(value))  # if it was a list

    def rvs(self, size=None, random_state=None):
        """Draw sizes of hidden layers.

        Parameters
        ----------
        size : int, default=None
            How many to draw; None is one, not in a list.
        random_state : int, RandomState instance or None, default=None
            Draws them.

        Returns
        -------
        tuple of int or list of these
            One entry for each hidden layer.
        """
        rng = check_random_state(random_state)
        if size is not None:
            return [self.rvs(random_state=rng) for _ in range(size)]
        depth = int(rng.randint(self.depth[0], self.depth[1] + 1))
        least, largest = self.width
        width = np.exp(rng.uniform(np.log(least), np.log(largest + 1)))
        return (int(np.clip(width, least, largest)),) * depth  # clipped: e**log(n) < n


def _is_range(value):
    if not isinstance(value, tuple | list) or len(value) != 2:
        return False
    are_integers = all(isinstance(end, Integral) for end in value)
    return are_integers and 1 <= value[0] <= value[1]


def search_space(estimator):
    """Return distributions of the parameters that are worth a search.

    Parameters
    ----------
    estimator : estimator
        An MLPClassifier or MLPRegressor, or what contains one at any depth: a
        pipeline, a TransformedTargetRegressor, a CalibratedClassifierCV and so on.

    Returns
    -------
    dict of str to distribution or list
        For :class:`~sklearn.model_selection.RandomizedSearchCV` and its like, with the
        names that ``estimator.set_params`` takes; empty if all of them are set.

    Raises
    ------
    TypeError
        If the estimator contains no MLP of this package.

    Notes
    -----
    The space of an MLP with default parameters is

    - `hidden_layer_sizes`: ``HiddenLayerSizes(depth=(1, 3), width=(16, 256))``
    - `activation`: "relu", "silu" or "tanh"
    - `alpha`: ``loguniform(1e-4, 10)``
    - `learning_rate_init`: ``loguniform(3e-4, 0.03)``, with "sgd" and "adagrad"
      ``loguniform(3e-3, 0.3)``
    - `batch_size`: 32 or "auto"

    What is set to something else than its default is left out, as is what would have no
    effect: rate and batches with "lbfgs", layers and activation of a linear model. A
    list with an entry for each layer fixes the depth. The limits suit features and
    targets of mean 0 and variance 1 or so. With fewer than 32 training rows, delete
    `batch_size`, which would warn.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sk_mlp import MLPClassifier, search_space
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(activation="tanh", early_stopping=True, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), network)
    >>> space = search_space(pipeline)
    >>> for name in space:
    ...     print(name)
    mlpclassifier__hidden_layer_sizes
    mlpclassifier__alpha
    mlpclassifier__learning_rate_init
    mlpclassifier__batch_size
    >>> space["mlpclassifier__alpha"] = loguniform(1e-3, 1.0)
    >>> search = RandomizedSearchCV(pipeline, space, n_iter=3, random_state=0)
    >>> bool(search.fit(X, y).best_score_ > 0.9)
    True
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise _no_mlp(estimator)
    found = {"": estimator, **estimator.get_params(deep=True)}
    mlps = {name: value for name, value in found.items() if isinstance(value, BaseMLP)}
    if not mlps:
        raise _no_mlp(estimator)
    return {
        f"{owner}__{name}" if owner else name: distribution
        for owner, mlp in mlps.items()
        for name, distribution in _space_of(mlp).items()
    }


def _no_mlp(estimator):
    is_class = isinstance(estimator, type)
    got = f"the class {estimator.__name__}" if is_class else type(estimator).__name__
    return TypeError(
        "Expected an MLPClassifier or MLPRegressor of sk_mlp, or an estimator that "
        f"contains one, such as a pipeline. Got {got}"
        + (f"; pass an instance, {estimator.__name__}()." if is_class else ".")
    )


def _space_of(mlp):
    """Return the distributions of what is at its default in an MLP."""
    defaults = inspect.signature(type(mlp)).parameters
    return {
        name: distribution
        for name, distribution in _full_space_of(mlp).items()
        if name in defaults and is_same(getattr(mlp, name), defaults[name].default)
    }


def _full_space_of(mlp):
    """Return the distributions of all that has an effect."""
    space = {}
    if np.size(mlp.hidden_layer_sizes):  # else a linear model
        space["hidden_layer_sizes"] = HiddenLayerSizes(_possible_depth(mlp))
        space["activation"] = ["relu", "silu", "tanh"]
    space["alpha"] = loguniform(1e-4, 10.0)
    if not is_name(mlp.solver, "lbfgs"):
        factor = 10.0 if _takes_long_steps(mlp.solver) else 1.0
        space["learning_rate_init"] = loguniform(3e-4 * factor, 0.03 * factor)
        space["batch_size"] = [32, "auto"]
    return space


def _possible_depth(mlp):
    """Return the range of depths, which lists with an entry for each layer fix."""
    lists = [v for v in (mlp.activation, mlp.dropout) if np.ndim(v) and len(v)]
    return (len(lists[0]),) * 2 if lists else (1, 3)


def _takes_long_steps(solver):
    """Tell whether the rates that suit it are ten times those of the Adam family."""
    return isinstance(solver, optimizers.SGD | optimizers.Adagrad) or any(
        is_name(solver, name) for name in ("sgd", "adagrad")
    )
