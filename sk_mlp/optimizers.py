"""First-order optimizers: how a gradient moves the parameters.

``get("adam")`` resolves a name, ``names()`` lists them. An optimizer is a direction
rule on flat arrays; :meth:`Optimizer.step` brings the parameters past it in blocks that
stay in the cache, in place and without allocating anything of their size. What it
remembers lies in a plain dict (arrays and numbers) that can be pickled and resumed, so
that one optimizer object may serve many networks and threads.

Where epsilon stands differs between implementations. Here ``adam`` and ``adamw`` add it
to the root of the *uncorrected* second moment, as scikit-learn and the end of section 2
of Kingma & Ba do; ``nadam``, ``rmsprop`` and ``adagrad`` follow PyTorch, whose NAdam
adds it after the bias correction. L-BFGS is no direction rule of this kind and not
found here.
"""

from math import sqrt
from typing import Annotated

import numpy as np

from sk_mlp._component import (
    Component,
    Interval,
    NonNegative,
    Positive,
    Registry,
    Unit,
)
from sk_mlp._numerics import zeros

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "get",
    "names",
    "register",
]


class Optimizer(Component):
    """Base of all first-order optimizers.

    A subclass names the vectors that it remembers in ``slots`` and defines
    :meth:`update`; annotated class attributes are its hyper-parameters.

    Attributes
    ----------
    slots : tuple of str
        Names of the state vectors, each shaped like theta and zero at first.
    estimator_fields : tuple of str
        Hyper-parameters that the estimators' parameters of the same names set when the
        optimizer is given by name.
    weight_decay : float
        Decoupled weight decay of the optimizer itself; 0 except in AdamW.
    block_bytes : int
        Size of the blocks that :meth:`update` gets. At 256 KiB the four arrays of Adam
        fill a cache of 1 MiB, and the overhead of the calls is lost in the work.
    FLUSH_PERIOD : int
        Every so many steps, entries of theta and of the state vectors that are about
        to become subnormal are set to 0; see :meth:`step`.

    Examples
    --------
    Momentum that uses the sign only:

    >>> import numpy as np
    >>> from sk_mlp.optimizers import Optimizer
    >>> class Signum(Optimizer):
    ...     beta: float = 0.9
    ...     slots = ("m",)
    ...
    ...     def update(self, theta, grad, rate, coefficients, m):
    ...         m *= self.beta
    ...         m += grad
    ...         theta -= rate * np.sign(m)
    >>> optimizer, theta = Signum(beta=0.5), np.array([1.0, -1.0])
    >>> state = optimizer.init_state(theta)
    >>> optimizer.step(theta, np.array([0.3, -7.0]), state, rate=0.25)
    >>> theta
    array([ 0.75, -0.75])
    >>> state
    {'t': 1, 'm': array([ 0.3, -7. ])}
    """

    slots = ()
    estimator_fields = ()
    weight_decay = 0.0
    block_bytes = 1 << 18
    FLUSH_PERIOD = 128

    def init_state(self, theta):
        """Return the state before the first step.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)

        Returns
        -------
        state : dict
            ``"t"``, the number of steps taken, and an array for every slot. A state
            belongs to the hyper-parameters that it was made with.
        """
        slots = {name: zeros(theta.shape, theta.dtype) for name in self.slots}
        return {"t": 0, **slots}

    def coefficients(self, state):
        """Return what all blocks of a step share; called once per step.

        The default is the number of the step, counted from 1. Rules with corrections
        return Python floats, which leave float32 arrays float32 whatever type the
        hyper-parameters have. Running numbers may be kept in `state`.
        """
        return state["t"]

    def update(self, theta, grad, rate, coefficients, *slots):
        """Move one block of the parameters, in place.

        Parameters
        ----------
        theta : ndarray of shape (n_block,)
        grad : ndarray of shape (n_block,)
            May be overwritten.
        rate : float
        coefficients : object
            What :meth:`coefficients` returned.
        *slots : ndarray of shape (n_block,)
            The state vectors in the order of ``slots``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update().")

    def step(self, theta, grad, state, rate, groups=None):
        """Take one step: change theta and state in place.

        Where the gradient stays 0, as at a dead unit or an unused column of X, a
        momentum decays until it is subnormal, and there it sticks, since 0.9 times 4
        units of the smallest number is rounded to 4 units again. Weights that only the
        penalty moves end in the same way. Many processors compute with such numbers
        many times more slowly. Every ``FLUSH_PERIOD`` steps, entries smaller than 2^20
        times the least normal number (1.2e-32 in float32) are therefore set to
        0. The usual decays reach no subnormal number in between, as 0.9^128 > 2^-20.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
        grad : ndarray of shape (n_parameters,)
            The gradient at theta; overwritten.
        state : dict
            As made by :meth:`init_state`.
        rate : float
            The learning rate.
        groups : list of tuple (start, stop, factor, decay), default=None
            Ranges of theta with the factor of their learning rate and their decoupled
            weight decay, ``theta *= 1 - rate * factor * decay`` before the update. The
            decay is the whole one: whoever makes the groups adds ``weight_decay`` of
            the optimizer where it is due. None is one group with just that decay.
        """
        state["t"] += 1
        coefficients = self.coefficients(state)
        slots = [state[name] for name in self.slots]
        if groups is None:
            groups = [(0, theta.size, 1.0, self.weight_decay)]
        # By the count in the state, so that resumed training does it at the same steps.
        flush = state["t"] % self.FLUSH_PERIOD == 0
        size = max(1, self.block_bytes // theta.itemsize)
        for start, stop, factor, decay in groups:
            group_rate = float(rate * factor)
            shrink = 1.0 - group_rate * float(decay)
            for low in range(start, stop, size):
                block = slice(low, min(low + size, stop))
                part = theta[block]
                if decay:
                    part *= shrink
                states = [slot[block] for slot in slots]
                self.update(part, grad[block], group_rate, coefficients, *states)
                if flush:
                    _flush_tiny(part, *states, size=grad[block])


_REGISTRY = Registry("optimizer", Optimizer)
register = _REGISTRY.register


def get(spec):
    """Return the optimizer for a name; an Optimizer object comes back as it is.

    Parameters
    ----------
    spec : str or Optimizer

    Returns
    -------
    optimizer : Optimizer

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `spec` is neither a str nor an Optimizer object.

    Examples
    --------
    >>> from sk_mlp import optimizers
    >>> optimizers.get("adamw").weight_decay
    0.01
    """
    return _REGISTRY.get(spec)


def names():
    """Return the names of all first-order optimizers, sorted.

    Examples
    --------
    >>> from sk_mlp import optimizers
    >>> optimizers.names()
    ['adagrad', 'adam', 'adamw', 'nadam', 'rmsprop', 'sgd']
    """
    return _REGISTRY.names()


def _flush_tiny(*blocks, size):
    """Set to 0, in place, what is about to become subnormal; `size` is overwritten."""
    limit = 2.0**20 * float(np.finfo(size.dtype).tiny)
    for block in blocks:
        np.abs(block, out=size)
        if size.min() < limit:  # most often not, and the rest takes longer
            block[(size > 0.0) & (size < limit)] = 0.0


def _root_of_squares(v, beta, grad, epsilon, out):
    """Do ``v = beta * v + grad**2``; return ``sqrt(v) + epsilon`` in `out`.

    `v` is kept as this plain sum, without the factor ``1 - beta`` of a moving average:
    the factor goes into the rate and epsilon once per step instead of into every
    element. `out` may be `grad`.
    """
    np.square(grad, out=out)
    v *= beta
    v += out
    np.sqrt(v, out=out)
    out += epsilon
    return out


@register("sgd")
class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as in scikit-learn.

    Formula::

        u ← momentum * u - rate * g
        theta ← theta + u                            plain momentum
        theta ← theta + momentum * u - rate * g      Nesterov's

    State: ``velocity`` is u.

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the last step that is kept, in [0, 1].
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and
    momentum in deep learning.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.optimizers import SGD
    >>> optimizer, theta = SGD(momentum=0.5), np.array([1.0])
    >>> state = optimizer.init_state(theta)
    >>> optimizer.step(theta, np.array([2.0]), state, rate=0.25)
    >>> theta, state["velocity"]
    (array([0.25]), array([-0.5]))
    """

    momentum: Annotated[float, Interval(0.0, 1.0, "both")] = 0.9
    nesterovs_momentum: bool = True

    slots = ("velocity",)
    estimator_fields = ("momentum", "nesterovs_momentum")

    def coefficients(self, state):
        """Return the momentum."""
        return float(self.momentum)

    def update(self, theta, grad, rate, momentum, velocity):
        """Move one block of the parameters, in place."""
        grad *= rate
        velocity *= momentum
        velocity -= grad
        if self.nesterovs_momentum:
            theta -= grad
            theta += np.multiply(velocity, momentum, out=grad)
        else:
            theta += velocity


@register("adagrad")
class Adagrad(Optimizer):
    """Rates that fall with the sum of the squared gradients, as in PyTorch.

    Formula::

        v ← v + g^2
        theta ← theta - rate * g / (sqrt(v) + epsilon)

    Parameters
    ----------
    epsilon : float, default=1e-8
        Added to the root, in (0, inf); PyTorch's default is 1e-10.

    References
    ----------
    Duchi, Hazan & Singer (2011), Adaptive subgradient methods for online learning and
    stochastic optimization.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.optimizers import Adagrad
    >>> optimizer, theta = Adagrad(), np.array([1.0, 1.0])
    >>> state = optimizer.init_state(theta)
    >>> optimizer.step(theta, np.array([3.0, -0.1]), state, rate=0.25)
    >>> theta.round(6)
    array([0.75, 1.25])
    """

    epsilon: Positive = 1e-8

    slots = ("v",)
    estimator_fields = ("epsilon",)

    def coefficients(self, state):
        """Return epsilon."""
        return float(self.epsilon)

    def update(self, theta, grad, rate, epsilon, v):
        """Move one block of the parameters, in place."""
        grad /= _root_of_squares(v, 1.0, grad, epsilon, out=np.empty_like(grad))
        grad *= rate
        theta -= grad


@register("rmsprop")
class RMSprop(Optimizer):
    """Gradients divided by their recent root mean square, as in PyTorch.

    Formula::

        w ← rho * w + (1 - rho) * g^2
        theta ← theta - rate * g / (sqrt(w) + epsilon)

    State: ``v = w / (1 - rho)``.

    Parameters
    ----------
    rho : float, default=0.99
        Share of the mean square that is kept, in [0, 1); PyTorch's ``alpha``.
    epsilon : float, default=1e-8
        Added to the root, in (0, inf).

    References
    ----------
    Tieleman & Hinton (2012), Lecture 6.5: RMSProp, Coursera: Neural networks for
    machine learning.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.optimizers import RMSprop
    >>> optimizer, theta = RMSprop(rho=0.75), np.array([1.0, 1.0])
    >>> state = optimizer.init_state(theta)
    >>> optimizer.step(theta, np.array([3.0, -0.1]), state, rate=0.25)
    >>> theta.round(6)
    array([0.5, 1.5])
    """

    rho: Unit = 0.99
    epsilon: Positive = 1e-8

    slots = ("v",)
    estimator_fields = ("epsilon",)

    def coefficients(self, state):
        """Return rho, the factor of the rate and the matching epsilon."""
        rho = float(self.rho)
        root = sqrt(1.0 - rho)
        return rho, 1.0 / root, float(self.epsilon) / root

    def update(self, theta, grad, rate, coefficients, v):
        """Move one block of the parameters, in place."""
        rho, correction, epsilon = coefficients
        grad /= _root_of_squares(v, rho, grad, epsilon, out=np.empty_like(grad))
        grad *= rate * correction
        theta -= grad


@register("adam")
class Adam(Optimizer):
    """Adam, as in scikit-learn.

    Formula at step t::

        a ← beta_1 * a + (1 - beta_1) * g
        w ← beta_2 * w + (1 - beta_2) * g^2
        theta ← theta - rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)
                         * a / (sqrt(w) + epsilon)

    State: the sums ``m = a / (1 - beta_1)`` and ``v = w / (1 - beta_2)``, which take
    two passes over the parameters less.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Share of the mean gradient that is kept, in [0, 1).
    beta_2 : float, default=0.999
        Share of the mean squared gradient that is kept, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root, in (0, inf). It stands outside the bias correction, as in
        scikit-learn; PyTorch's at step t is this one over ``sqrt(1 - beta_2^t)``.

    References
    ----------
    Kingma & Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980,
    in the order of computation given at the end of section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.optimizers import Adam
    >>> optimizer, theta = Adam(), np.array([1.0, 1.0])
    >>> state = optimizer.init_state(theta)
    >>> optimizer.step(theta, np.array([3.0, -0.1]), state, rate=0.25)
    >>> theta.round(6)
    array([0.75    , 1.249999])
    """

    beta_1: Unit = 0.9
    beta_2: Unit = 0.999
    epsilon: Positive = 1e-8

    slots = ("m", "v")
    estimator_fields = ("beta_1", "beta_2", "epsilon")

    def coefficients(self, state):
        """Return the betas, the factor of the rate and the matching epsilon."""
        t, beta_1, beta_2 = state["t"], float(self.beta_1), float(self.beta_2)
        root = sqrt(1.0 - beta_2)
        correction = (1.0 - beta_1) / (1.0 - beta_1**t) * sqrt(1.0 - beta_2**t) / root
        return beta_1, beta_2, correction, float(self.epsilon) / root

    def update(self, theta, grad, rate, coefficients, m, v):
        """Move one block of the parameters, in place."""
        beta_1, beta_2, correction, epsilon = coefficients
        m *= beta_1
        m += grad
        root = _root_of_squares(v, beta_2, grad, epsilon, out=grad)
        direction = np.divide(m, root, out=grad)
        direction *= rate * correction
        theta -= direction


@register("adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay.

    Formula: ``theta ← (1 - rate * weight_decay) * theta``, then the step of
    :class:`Adam`. Its place of epsilon is kept, so that ``weight_decay=0`` is exactly
    Adam; PyTorch's AdamW differs by that place only. Unlike the penalty `alpha`, the
    decay does not depend on the batch size nor on the size of the gradient.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        As in :class:`Adam`.
    weight_decay : float, default=0.01
        Decay per step and unit of the learning rate, in [0, inf).

    References
    ----------
    Loshchilov & Hutter (2019), Decoupled weight decay regularization,
    arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.optimizers import AdamW
    >>> optimizer, theta = AdamW(weight_decay=0.4), np.array([1.0, 1.0])
    >>> state = optimizer.init_state(theta)
    >>> optimizer.step(theta, np.array([3.0, 0.0]), state, rate=0.25)
    >>> theta.round(6)
    array([0.65, 0.9 ])
    """

    weight_decay: NonNegative = 0.01


@register("nadam")
class NAdam(Optimizer):
    """Adam with Nesterov's momentum, as in PyTorch.

    Formula at step t, with ``mu_t = beta_1 * (1 - 0.96^(t * momentum_decay) / 2)`` and
    ``p_t = mu_1 * ... * mu_t``::

        a ← beta_1 * a + (1 - beta_1) * g
        w ← beta_2 * w + (1 - beta_2) * g^2
        d = (1 - mu_t) / (1 - p_t) * g + mu_(t+1) / (1 - p_(t+1)) * a
        theta ← theta - rate * d / (sqrt(w / (1 - beta_2^t)) + epsilon)

    State: ``m = a / (1 - beta_1)``, ``v = w / (1 - beta_2)`` and the number
    ``mu_product``, which is p_t.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Share of the mean gradient that is kept, in [0, 1).
    beta_2 : float, default=0.999
        Share of the mean squared gradient that is kept, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root after the bias correction, in (0, inf).
    momentum_decay : float, default=0.004
        How fast the momentum grows to beta_1, in [0, inf).

    References
    ----------
    Dozat (2016), Incorporating Nesterov momentum into Adam, ICLR workshop.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp.optimizers import NAdam
    >>> optimizer, theta = NAdam(momentum_decay=0.0), np.array([1.0, 1.0])
    >>> state = optimizer.init_state(theta)
    >>> optimizer.step(theta, np.array([3.0, -0.1]), state, rate=0.25)
    >>> theta.round(6)
    array([0.735893, 1.264107])
    """

    beta_1: Unit = 0.9
    beta_2: Unit = 0.999
    epsilon: Positive = 1e-8
    momentum_decay: NonNegative = 0.004

    slots = ("m", "v")
    estimator_fields = ("beta_1", "beta_2", "epsilon")

    def init_state(self, theta):
        """Return the state before the first step."""
        return {**super().init_state(theta), "mu_product": 1.0}

    def coefficients(self, state):
        """Return the betas, the factors of g and m and the matching epsilon."""
        t, beta_1, beta_2 = state["t"], float(self.beta_1), float(self.beta_2)
        mu, mu_next = (
            beta_1 * (1.0 - 0.5 * 0.96 ** (step * float(self.momentum_decay)))
            for step in (t, t + 1)
        )
        state["mu_product"] *= mu
        product = state["mu_product"]
        root = sqrt((1.0 - beta_2) / (1.0 - beta_2**t))
        of_grad = (1.0 - mu) / (1.0 - product) / root
        of_m = (1.0 - beta_1) * mu_next / (1.0 - product * mu_next) / root
        return beta_1, beta_2, of_grad, of_m, float(self.epsilon) / root

    def update(self, theta, grad, rate, coefficients, m, v):
        """Move one block of the parameters, in place."""
        beta_1, beta_2, of_grad, of_m, epsilon = coefficients
        m *= beta_1
        m += grad
        root = _root_of_squares(v, beta_2, grad, epsilon, out=np.empty_like(grad))
        grad *= rate * of_grad
        grad += rate * of_m * m
        grad /= root
        theta -= grad
