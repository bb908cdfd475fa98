"""The base of all losses, and the registry of their names."""

import numpy as np

from sk_mlp._component import Component, Interval, Registry

REAL_LINE = Interval()
POSITIVE = Interval(0.0, np.inf)
PROBABILITY = Interval(0.0, 1.0, "both")
CLASSIFICATION = frozenset({"classification"})
REGRESSION = frozenset({"regression"})


class Loss(Component):
    """Base of all losses.

    A subclass defines :meth:`value` and :meth:`gradient`; annotated class attributes
    are its hyper-parameters. If it names a ``canonical`` activation other than the
    identity, it also defines :meth:`raw_value_gradient`.

    Attributes
    ----------
    tasks : frozenset of {"classification", "regression"}
        What the loss is for; regression unless a subclass says otherwise.
    y_domain, p_domain : Interval
        Which targets and which predictions the loss is defined for (for
        classification: 0 or 1, and probabilities).
    canonical : str or None
        Name of the output activation for which :meth:`raw_value_gradient` holds.
    columns : int
        Network outputs for each column of the target.
    linear_columns : int
        How many of these, the last ones, bypass the output activation.

    Examples
    --------
    The squared error of logarithms, for positive targets:

    >>> import numpy as np
    >>> from sk_mlp.losses import Interval, Loss
    >>> class SquaredLogError(Loss):
    ...     y_domain = p_domain = Interval(0.0, np.inf)
    ...
    ...     def value(self, y, p):
    ...         return 0.5 * np.sum(np.log(p / y) ** 2, axis=1)
    ...
    ...     def gradient(self, y, p, out):
    ...         np.divide(np.log(p / y), p, out=out)
    >>> loss = SquaredLogError()
    >>> loss.value(np.array([[1.0]]), np.array([[np.e]]))
    array([0.5])
    >>> loss.default_activation("regression")
    'exp'
    """

    tasks = REGRESSION
    y_domain = REAL_LINE
    p_domain = REAL_LINE
    canonical = None
    columns = 1
    linear_columns = 0

    def default_activation(self, target):
        """Return the name of the output activation that "auto" stands for.

        Parameters
        ----------
        target : {"binary", "multiclass", "multilabel", "multioutput", "regression"}

        Returns
        -------
        name : str
        """
        if target in ("multiclass", "multioutput"):
            return "softmax"
        if target in ("binary", "multilabel"):
            return "logistic"
        fallback = "identity" if REAL_LINE in self.p_domain else "exp"
        return self.canonical or fallback

    def for_target(self, exclusive):
        """Return the form of the loss for a kind of target.

        Parameters
        ----------
        exclusive : bool
            Whether each row of y has a single 1 and the predictions of a row sum to 1.

        Returns
        -------
        loss : Loss
            By default the loss itself.
        """
        return self

    def check_target(self, y):
        """Raise a ValueError if a target lies outside ``y_domain``.

        Parameters
        ----------
        y : ndarray of any shape
        """
        for what, value in (("minimum", np.min(y)), ("maximum", np.max(y))):
            if value not in self.y_domain:
                raise ValueError(
                    "Some value(s) of y are out of the valid range of the loss "
                    f"{self.registered_name or self!r}: expected y in {self.y_domain}, "
                    f"got a {what} of {value:g}."
                )

    def prepare(self, y):
        """Return the targets to train on, made once before training.

        Parameters
        ----------
        y : ndarray of shape (n, k)
            Targets; for exclusive classes those of one output.

        Returns
        -------
        y : ndarray of shape (n, k)
            By default the targets themselves.
        """
        return y

    def value(self, y, p):
        """Return the loss of each row.

        Parameters
        ----------
        y : ndarray of shape (n, k)
            Targets, prepared.
        p : ndarray of shape (n, k * columns)
            Predictions, of the same dtype.

        Returns
        -------
        value : ndarray of shape (n,)
        """
        raise NotImplementedError(f"{type(self).__name__} must define value().")

    def gradient(self, y, p, out):
        """Write the derivative of the value by p.

        Parameters
        ----------
        y : ndarray of shape (n, k)
        p : ndarray of shape (n, k * columns)
        out : ndarray of shape (n, k * columns)
            Where it goes.
        """
        raise NotImplementedError(f"{type(self).__name__} must define gradient().")

    def raw_value_gradient(self, y, z, out):
        """Return the value of raw outputs and write the derivative by them.

        Holds with the canonical activation only; this default is right for the
        identity. Any finite z is safe. What exceeds the float range, such as an exp of
        1000, is inf, without a warning.

        Parameters
        ----------
        y : ndarray of shape (n, k)
        z : ndarray of shape (n, k * columns)
            Outputs before the activation.
        out : ndarray of shape (n, k * columns)
            Where the derivative goes; may be z itself.

        Returns
        -------
        value : ndarray of shape (n,)
        """
        value = self.value(y, z)
        self.gradient(y, z, out)
        return value

    def raw_value(self, y, z):
        """Return the value of raw outputs, as :meth:`raw_value_gradient` does.

        Parameters
        ----------
        y : ndarray of shape (n, k)
        z : ndarray of shape (n, k * columns)

        Returns
        -------
        value : ndarray of shape (n,)
        """
        return self.raw_value_gradient(y, z, np.empty_like(z))

    def predict(self, p):
        """Return what the estimator predicts from the network's outputs.

        Parameters
        ----------
        p : ndarray of shape (n, k * columns)

        Returns
        -------
        prediction : ndarray
            By default p.
        """
        return p

    def to_onnx(self, op, p, n_targets):
        """Return what `predict` does as part of an ONNX graph.

        A class that defines its own `predict` or `std` needs its own `to_onnx`.

        Parameters
        ----------
        op : object
            Every ONNX operator is a method, see
            :meth:`~sk_mlp.activations.Activation.to_onnx`.
        p : object
            The network's outputs, of shape (n, n_targets * columns).
        n_targets : int
            Columns of the target.

        Returns
        -------
        outputs : dict of str to object
            "variable" is the prediction; a loss with a method `std` has "std" too.
        """
        return {"variable": p}


_REGISTRY = Registry("loss", Loss)
register = _REGISTRY.register


def get(spec):
    """Return the loss for a name; a Loss object comes back as it is.

    Parameters
    ----------
    spec : str or Loss

    Returns
    -------
    loss : Loss

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `spec` is neither a str nor a Loss object.

    Examples
    --------
    >>> from sk_mlp import losses
    >>> losses.get("huber").delta
    1.0
    """
    return _REGISTRY.get(spec)


def names():
    """Return the names of all losses, sorted.

    Examples
    --------
    >>> from sk_mlp import losses
    >>> "poisson" in losses.names()
    True
    """
    return _REGISTRY.names()


def row_sums(terms):
    """Sum each row; `einsum` since `sum` is slow along a short last axis."""
    return terms[:, 0] if terms.shape[1] == 1 else np.einsum("ij->i", terms)
