"""Initializers: how weights and biases are drawn before training.

``get("he_normal")`` resolves a name, ``names()`` lists them. The default ``"auto"``
matches the weights to the activation, so that the signal neither dies out nor explodes
from layer to layer.
"""

from math import sqrt
from typing import Literal

import numpy as np

from sk_mlp._component import Component, Positive, Registry

__all__ = [
    "Auto",
    "Initializer",
    "Orthogonal",
    "Sklearn",
    "VarianceScaling",
    "get",
    "names",
    "register",
]


class Initializer(Component):
    """Base of all initializers.

    A subclass defines :meth:`fill`; annotated class attributes are its
    hyper-parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.initializers import Initializer
    >>> class Sparse(Initializer):
    ...     density: float = 0.1
    ...
    ...     def fill(self, weight, bias, rng, activation):
    ...         kept = rng.uniform(size=weight.shape) < self.density
    ...         weight[...] = kept * rng.standard_normal(weight.shape)
    ...         bias[...] = 0.0
    >>> weight, bias = np.empty((50, 20)), np.empty(20)
    >>> Sparse(density=0.2).fill(weight, bias, np.random.RandomState(0), None)
    >>> bool(0.15 < np.mean(weight != 0) < 0.25)
    True
    """

    def fill(self, weight, bias, rng, activation):
        """Fill the weights and biases of one layer in place.

        Numbers are drawn in float64 and cast, so that a seed means the same network in
        float32 and float64.

        Parameters
        ----------
        weight : ndarray of shape (fan_in, fan_out)
        bias : ndarray of shape (fan_out,)
        rng : numpy.random.RandomState
        activation : Activation
            The activation to match: its ``gain``, its ``initializer``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define fill().")


_REGISTRY = Registry("initializer", Initializer)
register = _REGISTRY.register


def get(spec):
    """Return the initializer for a name; an Initializer object comes back as it is.

    Parameters
    ----------
    spec : str or Initializer

    Returns
    -------
    initializer : Initializer

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `spec` is neither a str nor an Initializer object.

    Examples
    --------
    >>> from sk_mlp import initializers
    >>> initializers.get("he_normal")
    VarianceScaling(scale=2.0)
    """
    return _REGISTRY.get(spec)


def names():
    """Return the names of all initializers, sorted.

    Examples
    --------
    >>> from sk_mlp import initializers
    >>> "orthogonal" in initializers.names()
    True
    """
    return _REGISTRY.names()


@register("he_normal", scale=2.0)
@register("he_uniform", scale=2.0, distribution="uniform")
@register("glorot_normal", mode="fan_avg")
@register("glorot_uniform", mode="fan_avg", distribution="uniform")
@register("lecun_normal")
@register("lecun_uniform", distribution="uniform")
class VarianceScaling(Initializer):
    """Independent weights of a variance that follows the width; zero biases.

    Formula: variance ``scale / fan``, as a normal distribution (not truncated) or a
    uniform one on ``[-b, b]`` with ``b = sqrt(3 * scale / fan)``.

    ============ ======= ========= ===================================
    names        `scale` `mode`    made for
    ============ ======= ========= ===================================
    ``he_*``     2       fan_in    ReLU (He et al. 2015)
    ``glorot_*`` 1       fan_avg   tanh (Glorot & Bengio 2010)
    ``lecun_*``  1       fan_in    SELU and others (LeCun et al. 1998)
    ============ ======= ========= ===================================

    Parameters
    ----------
    scale : float, default=1.0
        Numerator of the variance, in (0, inf).
    mode : {"fan_in", "fan_out", "fan_avg"}, default="fan_in"
        What `fan` is: the inputs of a unit, the outputs it feeds, or their mean.
    distribution : {"normal", "uniform"}, default="normal"

    References
    ----------
    LeCun, Bottou, Orr & Müller (1998), Efficient BackProp. Glorot & Bengio (2010),
    Understanding the difficulty of training deep feedforward neural networks. He,
    Zhang, Ren & Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.initializers import VarianceScaling
    >>> weight, bias = np.empty((400, 100)), np.empty(100)
    >>> rng = np.random.RandomState(0)
    >>> VarianceScaling(scale=2.0).fill(weight, bias, rng, activation=None)
    >>> round(float(weight.std() / (2 / 400) ** 0.5), 2)
    1.0
    """

    scale: Positive = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["normal", "uniform"] = "normal"

    def fill(self, weight, bias, rng, activation):
        """Draw the weights; set the biases to zero."""
        fan_in, fan_out = weight.shape
        fans = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
        }
        std = sqrt(self.scale / fans[self.mode])
        if self.distribution == "normal":
            weight[...] = rng.normal(0.0, std, weight.shape)
        else:
            bound = sqrt(3.0) * std
            weight[...] = rng.uniform(-bound, bound, weight.shape)
        bias[...] = 0.0


@register("auto")
class Auto(Initializer):
    """The initialization that suits the activation; zero biases.

    Where the activation names its ``initializer`` (Glorot for the saturating ones),
    that one is used. Otherwise the weights are normal with standard deviation
    ``gain / sqrt(fan_in)``, where ``gain = 1 / sqrt(E f(z)^2)`` for standard normal
    ``z``: the value that keeps the mean square of the signal. For ReLU this is exactly
    He's initialization, for LeakyReLU He's with the slope, for SELU LeCun's, and
    user-made activations get theirs by quadrature.

    References
    ----------
    He, Zhang, Ren & Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from sk_mlp.initializers import Auto
    >>> relu = SimpleNamespace(gain=2**0.5, initializer=None)
    >>> weight, bias = np.empty((200, 100)), np.empty(100)
    >>> Auto().fill(weight, bias, np.random.RandomState(0), relu)
    >>> round(float(weight.std()), 2)  # sqrt(2 / 200)
    0.1
    """

    def fill(self, weight, bias, rng, activation):
        """Draw the weights as suits the activation; set the biases to zero."""
        if activation.initializer is not None:
            initializer = get(activation.initializer)
        else:
            initializer = VarianceScaling(scale=float(activation.gain) ** 2)
        initializer.fill(weight, bias, rng, activation)


@register("orthogonal")
class Orthogonal(Initializer):
    """A random matrix with orthogonal rows or columns, whichever are fewer.

    Formula: ``gain * Q`` with Q of the QR decomposition of a standard normal matrix,
    its signs fixed such that R has a positive diagonal, which makes Q uniform (Haar)
    over the orthogonal matrices. Zero biases.

    Parameters
    ----------
    gain : float or None, default=None
        Length of the orthogonal rows or columns, in (0, inf); None takes the gain of
        the activation.

    References
    ----------
    Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks, arXiv:1312.6120. Mezzadri (2007), How to
    generate random matrices from the classical compact groups (the signs).

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.initializers import Orthogonal
    >>> weight, bias = np.empty((5, 3)), np.empty(3)
    >>> Orthogonal(gain=1.0).fill(weight, bias, np.random.RandomState(0), None)
    >>> bool(np.allclose(weight.T @ weight, np.eye(3)))
    True
    """

    gain: Positive | None = None

    def fill(self, weight, bias, rng, activation):
        """Draw the orthogonal weights; set the biases to zero."""
        gain = activation.gain if self.gain is None else self.gain
        tall = max(weight.shape), min(weight.shape)
        q, r = np.linalg.qr(rng.standard_normal(tall))
        q *= np.copysign(gain, np.diagonal(r))
        weight[...] = q if weight.shape == tall else q.T
        bias[...] = 0.0


@register("sklearn")
class Sklearn(Initializer):
    """The draws of scikit-learn's own MLPs, number for number.

    Formula: weights, then biases, uniform on ``[-b, b]`` with
    ``b = sqrt(factor / (fan_in + fan_out))``. The factor is 6 (Glorot's), but 2 for the
    logistic activation, which tells so by an attribute ``sklearn_factor``.

    References
    ----------
    ``MLPClassifier._init_coef`` of scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.initializers import Sklearn
    >>> weight, bias = np.empty((4, 2)), np.empty(2)
    >>> Sklearn().fill(weight, bias, np.random.RandomState(0), activation=None)
    >>> bool(np.abs(weight).max() <= 1.0), bool((bias != 0).all())
    (True, True)
    """

    def fill(self, weight, bias, rng, activation):
        """Draw the weights and then the biases from the same uniform distribution."""
        bound = np.sqrt(getattr(activation, "sklearn_factor", 6.0) / sum(weight.shape))
        weight[...] = rng.uniform(-bound, bound, weight.shape)
        bias[...] = rng.uniform(-bound, bound, bias.shape)
