"""Exported models in onnxruntime, and their comparison with the estimators."""

import warnings

import numpy as np
import onnx
import onnxruntime
from numpy.testing import assert_array_equal

from sk_mlp import activations
from sk_mlp.onnx import to_onnx
from sk_mlp.onnx._graph import Graph

# Absolute for probabilities; for predictions relative to those above 1.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def run(model, X):
    """Return the outputs of a checked model by name."""
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": X}), strict=True))


def newest_opset():
    """Return the newest opset that onnx can write and onnxruntime read."""
    for opset in range(onnx.defs.onnx_opset_version(), 12, -1):
        op = Graph(np.float32, opset)
        negative = {"y": (-op.input("X", 3), "float32", (3,))}
        try:
            run(op.model("test", negative, ""), np.zeros((1, 3), "float32"))
        except Exception:
            continue
        return opset


def exported(estimator, X, dtype="float32", **options):
    """Return what the exported estimator makes of X."""
    model = to_onnx(estimator, float64=dtype == "float64", **options)
    return run(model, X.astype(dtype))


def assert_agrees(estimator, X, dtype="float32", **options):
    """Assert that the exported estimator says what the estimator says."""
    outputs = exported(estimator, X, dtype, **options)
    if hasattr(estimator, "predict_proba"):
        assert_same_classes(estimator, X, outputs, dtype)
        return
    expected = {"variable": estimator.predict(X)}
    if estimator.loss == "gaussian_nll":
        expected["std"] = estimator.predict(X, return_std=True)[1]
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        assert outputs[name].dtype == dtype
        assert_close(outputs[name], values, dtype)


def assert_same_classes(estimator, X, outputs, dtype):
    probabilities, labels = estimator.predict_proba(X), estimator.predict(X)
    if isinstance(probabilities, list):
        expected = {f"probabilities_{k}": p for k, p in enumerate(probabilities)}
        if labels.dtype == object:
            expected |= {f"label_{k}": column for k, column in enumerate(labels.T)}
    else:
        expected = {"probabilities": probabilities}
    if not any(name.startswith("label_") for name in expected):
        expected["label"] = labels
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        if name.startswith("label"):
            assert_array_equal(outputs[name], values)
        else:
            assert outputs[name].dtype == dtype
            assert_close(outputs[name], values, dtype)


def assert_close(actual, expected, dtype):
    assert actual.shape == expected.shape
    same = actual == expected  # infinity
    with np.errstate(invalid="ignore"):
        error = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
    worst = np.max(np.where(same, 0.0, error), initial=0.0)
    assert worst <= TOLERANCE[dtype], f"off by {worst:.2g}"


def assert_values(cases, dtype, opset=17):
    """Assert that graphs of activations compute what `forward` does.

    `cases` are pairs of an activation and its shape values by what they are called.
    """
    largest = 1e38 if dtype == "float32" else 1e200
    far = [*np.linspace(-12, 12, 49), *(100.0, 1e4, 1e30, largest)]
    far += [-value for value in far[49:]]
    z = np.repeat(np.array(far, dtype)[:, np.newaxis], 3, axis=1)
    op, outputs = Graph(dtype, opset), {}
    x = op.input("X", 3)
    for key, (f, shape) in cases.items():
        op.scope = key
        outputs[key] = f.to_onnx(op, x, *shape) + 0.0, dtype, (3,)
    found = run(op.model("test", outputs, ""), z)
    for key, (f, shape) in cases.items():
        expected = np.empty_like(z)
        shape = [s if np.ndim(s) == 0 else s.astype(dtype) for s in shape]
        with np.errstate(over="ignore"):  # settings beyond the range of float32
            f.forward(z, expected, *shape)
        assert not np.isnan(found[key]).any(), key
        try:
            assert_close(found[key], expected, dtype)
        except AssertionError as error:
            raise AssertionError(f"{key}: {error}") from None


def with_random_weights(estimator, X, y, seed=0):
    """Fit an epoch and draw all weights anew: trained values are never round."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch; no gradient
        estimator.set_params(max_iter=1, random_state=seed).fit(X, y)
    network, rng = estimator._network, np.random.RandomState(seed)
    network.theta[...] = rng.normal(scale=0.7, size=network.theta.shape)
    for layer in [*network.activate, network.head.activate]:
        for parameter in layer.parameters:
            parameter.value[...] = rng.uniform(0.5, 1.5, parameter.shape)
    for layer in network.normalize:
        if "variance" in layer.values():
            np.square(layer.variance.value, out=layer.variance.value)
    return estimator


def every_activation():
    """Return all registered activations by name; with shape parameters trained too."""
    found = {name: activations.get(name) for name in activations.names()}
    for name, activation in [*found.items()]:
        if activation.shape_parameters:
            for how in (True, "shared"):
                trained = activations.get(name).set_params(trainable=how)
                if trained not in found.values():
                    found[f"{name}, trainable={how}"] = trained
    return found
