"""From a fitted estimator to an ONNX model, layer by layer."""

from functools import partial
from inspect import signature
from itertools import islice
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_mlp._classifier import MLPClassifier
from sk_mlp._normalization import EPSILON, BatchNorm, LayerNorm
from sk_mlp._regressor import MLPRegressor
from sk_mlp.onnx._graph import Graph, Value, require_onnx

_EXPORTED = MLPClassifier, MLPRegressor
_OLDEST_OPSET = 13


def to_onnx(estimator, *, float64=False, target_opset=17):
    """Return the ONNX model of a fitted estimator.

    Its input "X" is a matrix with a free number of rows. A classifier has the outputs
    "label" and "probabilities" (for several outputs "probabilities_0" and so on, and
    "label_0" and so on where the labels are of different types), a regressor
    "variable", with ``loss="gaussian_nll"`` also "std". They have the shapes of what
    `predict` and `predict_proba` return, as dense arrays.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    float64 : bool, default=False
        Whether the model computes with float64, and takes X as such, instead of
        float32.
    target_opset : int, default=17
        Version of the operators, 13 or newer. The model gets the oldest IR version
        that allows it.

    Returns
    -------
    model : onnx.ModelProto

    Raises
    ------
    TypeError
        If `estimator` is anything else, or `float64` is not a bool.
    NotFittedError
        If it is not fitted.
    ValueError
        If `target_opset` is out of range, the labels have a type that ONNX lacks, or
        the ``to_onnx`` of an activation or loss makes an invalid model.
    NotImplementedError
        If an activation or loss of your own has no ``to_onnx``.
    ImportError
        Without the package onnx.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mlp import MLPRegressor
    >>> from sk_mlp.onnx import to_onnx
    >>> X = np.random.RandomState(0).normal(size=(50, 3))
    >>> regressor = MLPRegressor((8,), "tanh", solver="lbfgs", random_state=0)
    >>> model = to_onnx(regressor.fit(X, X[:, 0]))
    >>> [output.name for output in model.graph.output]
    ['variable']

    ``model.SerializeToString()`` are the bytes of the file:

    >>> import onnxruntime
    >>> session = onnxruntime.InferenceSession(
    ...     model.SerializeToString(), providers=["CPUExecutionProvider"]
    ... )
    >>> (predicted,) = session.run(["variable"], {"X": X.astype(np.float32)})
    >>> bool(np.abs(predicted - regressor.predict(X)).max() < 1e-5)
    True
    """
    if not isinstance(float64, bool | np.bool_):
        raise TypeError(f"float64 must be True or False. Got {float64!r} instead.")
    return build(estimator, np.float64 if float64 else np.float32, target_opset)


def build(estimator, dtype, opset, n_outputs=None, raw_scores=False):
    """Return the model.

    Parameters
    ----------
    estimator, dtype, opset
        As in `to_onnx`.
    n_outputs : int or None, default=None
        How many of the outputs it has, all by default.
    raw_scores : bool, default=False
        Whether "probabilities" are the decision function, two columns of opposite
        signs for two classes: what skl2onnx calibrates.
    """
    _check_estimator(estimator)
    check_is_fitted(estimator)
    _check_opset(opset)
    op, network = Graph(dtype, int(opset)), estimator._network
    z = _raw(op, network, op.input("X", estimator.n_features_in_))
    if isinstance(estimator, MLPClassifier):
        outputs = _classifier(op, estimator, z)
        if raw_scores:
            _, *kind = outputs["probabilities"]
            outputs["probabilities"] = _decisions(op, estimator._reading, z), *kind
    else:
        outputs = _regressor(op, estimator, z)
    widths = [dense.weight.shape[0] for dense in network.dense]
    sizes = " x ".join(map(str, [*widths, network.head.width]))
    outputs = dict(islice(outputs.items(), n_outputs))
    return op.model(type(estimator).__name__, outputs, f"Network {sizes} of sk_mlp")


def _check_estimator(estimator):
    cls = next(filter(partial(isinstance, estimator), _EXPORTED), None)
    if cls is None:
        raise TypeError(
            "to_onnx exports a fitted sk_mlp.MLPClassifier or sk_mlp.MLPRegressor. Got "
            f"{type(estimator).__name__} instead. For a Pipeline or an ensemble with "
            "one in it, call sk_mlp.onnx.register_skl2onnx() and then "
            "skl2onnx.to_onnx; of a search, export its best_estimator_; "
            "scikit-learn's own estimators are converted by skl2onnx."
        )
    for name in ("predict", "predict_proba"):
        if getattr(type(estimator), name, None) is not getattr(cls, name, None):
            raise TypeError(
                f"{type(estimator).__name__} defines its own {name}, which to_onnx "
                f"cannot export. Export a sk_mlp.{cls.__name__}."
            )


def _check_opset(opset):
    newest = require_onnx().defs.onnx_opset_version()
    is_integer = isinstance(opset, Integral) and not isinstance(opset, bool)
    if not is_integer or not _OLDEST_OPSET <= opset <= newest:
        raise ValueError(
            f"target_opset must be an int in [{_OLDEST_OPSET}, {newest}], where the "
            f"upper end is what the installed onnx knows. Got {opset!r} instead."
        )


# Layers -----------------------------------------------------------------------------


def _raw(op, network, x):
    """Return the raw outputs; as in `predict`, infinity is the largest number."""
    for k, dense in enumerate(network.dense):
        hidden = k < len(network.activate)
        op.scope = f"hidden_{k + 1}" if hidden else "output"
        normalize = network.normalize[k] if hidden and network.normalize else None
        weight, bias = _folded(dense, normalize)
        x = op.Gemm(x, op.value(weight, "weight"), op.value(bias, "bias"))
        if isinstance(normalize, LayerNorm):
            x = _layer_norm(op, normalize, x)
        if hidden:
            x = _activated(op, network.activate[k], x)
    return op.finite(x)


def _folded(dense, normalize):
    """Return weights and bias in float64, batch normalization multiplied in."""
    weight = dense.weight.value.astype(np.float64)
    bias = dense.bias.value.astype(np.float64)
    if isinstance(normalize, BatchNorm):
        part = {name: a.astype(np.float64) for name, a in normalize.values().items()}
        scale = part["gamma"] / np.sqrt(part["variance"] + EPSILON)
        weight *= scale
        bias = (bias - part["mean"]) * scale + part["beta"]
    return weight, bias


def _layer_norm(op, normalize, z):
    # Not the operator LayerNormalization: onnxruntime 1.18 takes the variance as
    # E z² - (E z)², NaN where the mean is 1e4, and its epsilon is a float32.
    share = op.value(np.full((normalize.width, 1), 1.0 / normalize.width), "share")
    z = z - op.MatMul(z, share)
    z = z / op.Sqrt(op.MatMul(z * z, share) + EPSILON)
    parts = normalize.values()
    gamma, beta = (op.value(parts[name], name) for name in ("gamma", "beta"))
    return z * gamma + beta


def _activated(op, layer, z, finite=False):
    """Return what an Activate layer makes of z."""
    groups = [*layer.groups]
    parts = [_activated_group(op, layer, z, group) for group in groups]
    if finite:
        parts = [op.below_infinity(part) for part in parts]
    passed = slice(groups[-1].stop, layer.width)
    if passed.start < passed.stop:
        groups.append(passed)
        parts.append(op.columns(z, passed, layer.width))
    return op.join(parts, groups)


def _activated_group(op, layer, z, group):
    """Return the activation of a group of columns."""
    activation = layer.activation
    _check_own_form(activation, "forward", "forward_precise")
    shape = [
        value.item() if np.size(value) == 1 else value
        for value in map(np.asarray, layer.extra((None, group), training=False))
    ]
    result = activation.to_onnx(op, op.columns(z, group, layer.width), *shape)
    if not isinstance(result, Value):
        raise TypeError(
            f"{type(activation).__name__}.to_onnx must return the result of an "
            f"operator, such as op.Tanh(z). Got {result!r} instead."
        )
    return result


def _check_own_form(component, *methods):
    """Refuse a form that is inherited from a class of other values.

    Parameters
    ----------
    component : Activation or Loss
    *methods : str
        Those of which ``to_onnx`` is the form.
    """
    cls, mro = type(component), type(component).__mro__

    def depth(name):
        return next((d for d, c in enumerate(mro) if name in vars(c)), len(mro))

    nearest = min(methods, key=depth)
    if depth(nearest) < depth("to_onnx"):
        raise NotImplementedError(
            f"{cls.__name__} has its own {nearest}, but not in ONNX. Define "
            f"{cls.__name__}.to_onnx{signature(cls.to_onnx)}, the same in terms "
            "of ONNX operators, such as op.Tanh(2.0 * z)."
        )


# Outputs ----------------------------------------------------------------------------


def _regressor(op, estimator, z):
    layer, loss = estimator._network.head.activate, estimator._spec["loss"]
    _check_own_form(loss, "predict", "std")
    p = _activated(op, layer, z, finite=layer.activation.range.high == np.inf)
    outputs = loss.to_onnx(op, p, estimator._spec["n_columns"])
    _check_outputs(outputs, loss)
    shape = shape_of_prediction(estimator)
    if shape == ():
        outputs = {
            name: op.Squeeze(value, op.integers(1)) for name, value in outputs.items()
        }
    return {name: (value, op.dtype, shape) for name, value in outputs.items()}


def _check_outputs(outputs, loss):
    is_right = (
        isinstance(outputs, dict)
        and outputs.keys() in ({"variable"}, {"variable", "std"})
        and all(isinstance(value, Value) for value in outputs.values())
    )
    if not is_right:
        raise TypeError(
            f"{type(loss).__name__}.to_onnx must return {{'variable': prediction}} or "
            "{'variable': prediction, 'std': deviation}, both of them results of "
            f"operators. Got {outputs!r} instead."
        )


def shape_of_prediction(regressor):
    """Return the shape of the prediction for a row."""
    width = regressor._network.head.width
    shape = regressor._spec["loss"].predict(np.zeros((1, width))).shape[1:]
    return () if shape == (1,) else shape


def _classifier(op, estimator, z):
    reading = estimator._reading
    if reading.single:  # a softmax of one column is 1
        p = op.Softmax(z, axis=1)
        return _one_of(op, [p], [p], estimator.classes_, "binary")
    if reading.groups is not None:
        return _exclusive(op, reading, estimator.classes_, z)
    layer, width = reading.head.activate, reading.head.width
    p = _activated(op, layer, z)
    codes = op.cast(op.Greater(p, 0.5), np.int64)
    if reading.kind == "multilabel":
        return {
            "label": (codes, np.int64, (width,)),
            "probabilities": (p, op.dtype, (width,)),
        }
    mirrored = reading.activation == "logistic"
    others = _activated(op, layer, -z) if mirrored else 1.0 - p
    tensor = _label_tensor(estimator.classes_)
    label = _labels(op, tensor, op.Squeeze(codes, op.integers(1)))
    p = op.Concat(others, p, axis=1)
    return {"label": (label, tensor.dtype, ()), "probabilities": (p, op.dtype, (2,))}


def _decisions(op, reading, z):
    if reading.kind != "binary":
        return z
    if reading.head.width == 2:
        first, second = (op.columns(z, slice(k, k + 1), 2) for k in (0, 1))
        z = second - first
    return op.Concat(-z, z, axis=1)


def _exclusive(op, reading, classes, z):
    """Return the outputs for one class of several, or of several in each group."""
    layer = reading.head.activate
    if reading.activation == "logistic":
        # Divided by their sum before they vanish, as in `predict_proba`.
        logs = op.Min(z, 0.0) - op.Log(1.0 + op.Exp(-op.Abs(z)))
        outputs = [
            op.Softmax(op.columns(logs, group, layer.width), axis=1)
            for group in reading.groups
        ]
        return _one_of(op, outputs, outputs, classes, reading.kind)
    outputs = [_activated_group(op, layer, z, group) for group in reading.groups]
    shares = outputs
    if not layer.activation.rowwise:
        shares = [
            _normalised(op, p, group)
            for p, group in zip(outputs, reading.groups, strict=True)
        ]
    return _one_of(op, outputs, shares, classes, reading.kind)


def _normalised(op, p, group):
    """Return the rows divided by their sums; rows of zeros become uniform."""
    total = op.ReduceSum(p, op.integers(1))
    uniform = 1.0 / (group.stop - group.start)
    return op.Where(op.Equal(total, 0.0), uniform, p / total)


# Labels -----------------------------------------------------------------------------


def _one_of(op, outputs, shares, classes, kind):
    """Return labels and probabilities of exclusive classes.

    Parameters
    ----------
    outputs : list of Value
        Of each group; the label is the class of the largest.
    shares : list of Value
        The probabilities of each group.
    """
    several = kind == "multioutput"
    tensors = [_label_tensor(c) for c in (classes if several else [classes])]
    codes = [op.ArgMax(p, axis=1, keepdims=0) for p in outputs]
    if not several:
        (tensor,), (code,), (share,) = tensors, codes, shares
        label = _labels(op, tensor, code)
        return {
            "label": (label, tensor.dtype, ()),
            "probabilities": (share, op.dtype, tensor.shape),
        }
    named = _labels_by_output(op, tensors, codes)
    for k, (share, tensor) in enumerate(zip(shares, tensors, strict=True)):
        named[f"probabilities_{k}"] = share, op.dtype, tensor.shape
    return named


def _labels_by_output(op, tensors, codes):
    """Return one matrix of labels; a vector for each output if the types differ."""
    same = len({tensor.dtype.kind for tensor in tensors}) == 1
    if same:
        dtype = np.result_type(*tensors)
        tensors = [tensor.astype(dtype) for tensor in tensors]
    labels = [
        _labels(op, tensor, code) for tensor, code in zip(tensors, codes, strict=True)
    ]
    if not same:
        return {
            f"label_{k}": (label, tensor.dtype, ())
            for k, (label, tensor) in enumerate(zip(labels, tensors, strict=True))
        }
    columns = [op.Unsqueeze(label, op.integers(1)) for label in labels]
    return {"label": (op.Concat(*columns, axis=1), dtype, (len(columns),))}


def _labels(op, tensor, codes):
    return op.Gather(op.constant(tensor, "classes"), codes)


def _label_tensor(classes):
    """Return the classes in a type that ONNX has; objects in that of their values."""
    values = classes.tolist()
    if all(isinstance(value, str) for value in values):
        # Not an array of str: that drops "\0" at the end, and onnx 1.15 has none. The
        # str of an Enum is its name.
        return np.array([str.__str__(value) for value in values], object)
    tensor = np.array(values) if classes.dtype == object else classes
    if not (tensor.dtype.kind in "biuf" and tensor.dtype.itemsize <= 8):
        raise ValueError(
            f"The labels are of the type {tensor.dtype}, which ONNX does not have. Fit "
            "with strings, integers, floats or bools."
        )
    return tensor.astype(tensor.dtype.newbyteorder("="))
