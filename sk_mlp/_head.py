"""The end of a network: an output activation with its loss."""

from functools import cache, reduce
from operator import add

import numpy as np

from sk_mlp._component import Component, Interval
from sk_mlp._layers import Activate
from sk_mlp._numerics import empty, row_blocks

_PROBABILITY = Interval(0.0, 1.0, "both")


class Head:
    """Output activation and loss, joined by the chain rule.

    Decided once, here: where the activation is the loss's canonical one, training
    works on the raw outputs z with the loss's stable formulas; everywhere else with
    ``dL/dz = dL/dp * dp/dz``, the loss's gradient followed by the activation's.

    Parameters
    ----------
    activation : Activation
    loss : Loss
    n_columns : int
        Columns of the encoded target.
    groups : sequence of slice or None, default=None
        For exclusive classes: the columns of each output, whose rows are one-hot.
    probabilities : bool, default=False
        Whether the outputs are class probabilities and so must stay within [0, 1].

    Raises
    ------
    ValueError
        If the range of the activation does not lie in the loss's domain, or the
        activation has no gradient.
    """

    def __init__(self, activation, loss, n_columns, groups=None, probabilities=False):
        if groups is None or not activation.rowwise:
            exclusive, groups = False, (slice(0, n_columns),)
        else:
            exclusive, groups = True, tuple(groups)
        self.loss = loss.for_target(exclusive)
        self.groups = groups
        self.width = n_columns * loss.columns
        self.n_columns = n_columns
        _check_pair(activation, self.loss, loss, probabilities)
        if not exclusive:
            # Trailing columns, such as log-variances, bypass the activation.
            active = self.width - n_columns * loss.linear_columns
            groups = (slice(0, active),)
        if activation.rowwise and not probabilities and groups[0].stop == 1:
            raise ValueError(
                f"output_activation={_name(activation)} over a single output is always "
                "1. Choose an elementwise one, or output_activation='auto'."
            )
        self.activate = Activate(activation, self.width, groups, precise=True)
        self.canonical = (
            self.loss.canonical is not None
            and activation.registered_name == self.loss.canonical
            and _has_own_shortcut(type(self.loss))
        )
        self.parameters = self.activate.parameters

    def allocate(self, n_rows, dtype):
        if not self.canonical:
            self.activate.allocate(n_rows, dtype, first=False)
            self._grad = empty((n_rows, self.width), dtype)

    def prepare(self, y):
        """Return the targets as the loss wants them (smoothed labels, say)."""
        parts = [self.loss.prepare(*part) for part in self._by_group(y)]
        return parts[0] if len(parts) == 1 else np.hstack(parts)

    def loss_grad(self, z, y, w, scale):
        """Return the weighted loss and its gradient with respect to z.

        Parameters
        ----------
        z : ndarray of shape (n_rows, width)
            Raw outputs; overwritten.
        y : ndarray of shape (n_rows, n_columns)
            Encoded and prepared targets.
        w : ndarray of shape (n_rows, 1) or None
            Sample weights.
        scale : float
            Factor of the gradient (the returned loss is not scaled).

        Returns
        -------
        loss : float
            Sum over rows of weight times loss.
        grad : ndarray of shape (n_rows, width)
            ``scale * dloss/dz``.
        """
        if self.canonical:
            p, grad = z, z
        else:
            p, grad = self.activate.forward(z), self._grad[: len(z)]
        total = 0.0
        for rows in row_blocks(len(z), self.width):
            values = self._value_gradient(y[rows], p[rows], grad[rows])
            if w is None:
                total += float(values.sum(dtype=np.float64))
                grad[rows] *= scale
            else:
                weighted = float(np.dot(values, w[rows, 0]))
                if not np.isfinite(weighted):
                    weighted = _without_weightless(values, grad[rows], w[rows, 0])
                total += weighted
                grad[rows] *= w[rows] * scale
        if not self.canonical:
            self.activate.backward(grad)
        return total, grad

    def mean_loss(self, z, y, w=None):
        """Return the weighted mean loss of raw outputs z (validation; no gradient)."""
        p = z if self.canonical else self.activate.predict(z)
        values = np.empty(len(z), z.dtype)
        value = self.loss.raw_value if self.canonical else self.loss.value
        for rows in row_blocks(len(z), self.width):
            parts = self._by_group(y[rows], p[rows])
            values[rows] = reduce(add, [value(*part) for part in parts])
        return float(np.average(values, weights=None if w is None else w[:, 0]))

    def predict(self, z):
        """Return the outputs for raw outputs z, accurate in the tails.

        What would overflow, as exp does far outside the data, is the largest number.
        """
        p = self.activate.predict(z)
        return np.minimum(p, np.finfo(p.dtype).max, out=p)

    def _value_gradient(self, y, p, grad):
        """Write dL/dz (canonical) or dL/dp of a block; return the loss of each row."""
        parts = self._by_group(y, p, grad)
        return reduce(add, [self._value_gradient_of_group(*part) for part in parts])

    def _value_gradient_of_group(self, y, p, grad):
        if self.canonical:
            return self.loss.raw_value_gradient(y, p, grad)
        self.loss.gradient(y, p, grad)
        return self.loss.value(y, p)

    def _by_group(self, *arrays):
        """Return the columns of each group; all of them where there is but one."""
        if len(self.groups) == 1:
            return [arrays]
        return [tuple(array[:, group] for array in arrays) for group in self.groups]


def _without_weightless(values, grad, w):
    """Let rows of weight 0 be infinitely wrong: 0 times infinity counts as 0."""
    values[w == 0] = 0.0
    grad[w == 0] = 0.0
    return float(np.dot(values, w))


def _check_pair(activation, form, loss, probabilities):
    """Refuse an output activation that the loss cannot be computed or trained with."""
    domain = form.p_domain
    if probabilities and domain not in _PROBABILITY:
        domain = _PROBABILITY
    if activation.range not in domain:
        what = "class probabilities" if probabilities else "predictions"
        raise ValueError(
            f"output_activation={_name(activation)} has the range {activation.range}, "
            f"but loss={_name(loss)} needs {what} in {domain}. Choose an output "
            "activation whose range lies in it, or output_activation='auto'."
        )
    if not activation.has_gradient:
        raise ValueError(
            f"output_activation={_name(activation)} has no gradient, so the network "
            "cannot learn. Use output_activation='auto', or give it a surrogate."
        )


@cache
def _has_own_shortcut(loss):
    """Tell whether the shortcut belongs to the loss, not to one it derives from.

    The root of all losses has a general one, made of the loss's own value and gradient.
    """
    shortcut, *chain = (
        next(depth for depth, base in enumerate(loss.__mro__) if name in vars(base))
        for name in ("raw_value_gradient", "value", "gradient")
    )
    is_root = loss.__mro__[shortcut].__base__ is Component
    return is_root or shortcut <= min(chain)


def _name(component):
    return repr(component.registered_name or component)
