"""From a fitted estimator to an ONNX model, layer by layer."""

from functools import partial
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_mlp._classifier import MLPClassifier
from sk_mlp._normalization import EPSILON, BatchNorm, LayerNorm
from sk_mlp._regressor import MLPRegressor
from sk_mlp.onnx._graph import Graph, require_onnx

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
        If `estimator` is anything else.
    NotFittedError
        If it is not fitted.
    ValueError
        If `target_opset` is out of range, or the labels have a type that ONNX lacks.
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
    return build(estimator, np.float64 if float64 else np.float32, target_opset)


def build(estimator, dtype, opset, raw_scores=False):
    """Return the model.

    With `raw_scores`, "probabilities" are the decision function, two columns of
    opposite signs for two classes: what skl2onnx calibrates.
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
    limits = np.finfo(op.dtype)
    return op.Clip(x, limits.min, limits.max)


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


def _activated(op, layer, z):
    """Return what an Activate layer makes of z."""
    parts = [_activated_group(op, layer, z, group) for group in layer.groups]
    passed = slice(layer.groups[-1].stop, layer.width)
    if passed.start < passed.stop:
        parts.append(op.columns(z, passed, layer.width))
    return parts[0] if len(parts) == 1 else op.Concat(*parts, axis=1)


def _activated_group(op, layer, z, group):
    """Return the activation of a group of columns."""
    shape = [
        value.item() if np.size(value) == 1 else value
        for value in map(np.asarray, layer.extra((None, group), training=False))
    ]
    columns = op.columns(z, group, layer.width)
    return layer.activation.to_onnx(op, columns, *shape)


# Outputs ----------------------------------------------------------------------------


def _regressor(op, estimator, z):
    layer, loss = estimator._network.head.activate, estimator._spec["loss"]
    p = _activated(op, layer, z)
    if p is not z and layer.activation.range.high == np.inf:
        p = op.Min(p, np.finfo(op.dtype).max)
    outputs = loss.to_onnx(op, p, estimator._spec["n_columns"])
    shape = shape_of_prediction(estimator)
    if shape == ():
        outputs = {
            name: op.Squeeze(value, op.integers(1)) for name, value in outputs.items()
        }
    return {name: (value, op.dtype, shape) for name, value in outputs.items()}


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
    logistic = reading.activation == "logistic"
    p = _logistic(op, z) if logistic else _activated(op, reading.head.activate, z)
    codes = op.cast(op.Greater(p, 0.5), np.int64)
    width = reading.head.width
    if reading.kind == "multilabel":
        return {
            "label": (codes, np.int64, (width,)),
            "probabilities": (p, op.dtype, (width,)),
        }
    others = _logistic(op, -z) if logistic else 1.0 - p
    classes = _label_tensor(estimator.classes_)
    label = op.Gather(
        op.constant(classes, "classes"), op.Squeeze(codes, op.integers(1))
    )
    p = op.Concat(others, p, axis=1)
    return {"label": (label, classes.dtype, ()), "probabilities": (p, op.dtype, (2,))}


def _logistic(op, z):
    # The operator Sigmoid is 0 below -18 in float32 and -37 in float64.
    return 1.0 / (1.0 + op.Exp(-z))


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
        label = op.Gather(op.constant(tensor, "classes"), code)
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
        op.Gather(op.constant(tensor, "classes"), code)
        for tensor, code in zip(tensors, codes, strict=True)
    ]
    if not same:
        return {
            f"label_{k}": (label, tensor.dtype, ())
            for k, (label, tensor) in enumerate(zip(labels, tensors, strict=True))
        }
    columns = [op.Unsqueeze(label, op.integers(1)) for label in labels]
    return {"label": (op.Concat(*columns, axis=1), dtype, (len(columns),))}


def _label_tensor(classes):
    """Return the classes in a type that ONNX has; objects in that of their values."""
    tensor = np.array(classes.tolist()) if classes.dtype == object else classes
    is_number = tensor.dtype.kind in "biuf" and tensor.dtype.itemsize <= 8
    if not (is_number or tensor.dtype.kind == "U"):
        raise ValueError(
            f"The labels are of the type {tensor.dtype}, which ONNX does not have. Fit "
            "with strings, integers, floats or bools."
        )
    return tensor
