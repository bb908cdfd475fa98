"""Export to ONNX: a fitted network runs in any language, without Python.

``to_onnx(estimator)`` returns a model for onnxruntime and other runtimes of ONNX.
``register_skl2onnx()`` lets skl2onnx convert a Pipeline that ends in our estimator.
Needs the package onnx: ``pip install "sk-mlp[onnx]"``.

>>> from sklearn.datasets import load_iris
>>> from sk_mlp import MLPClassifier
>>> from sk_mlp.onnx import to_onnx
>>> X, y = load_iris(return_X_y=True)
>>> classifier = MLPClassifier(
...     (10,), solver="lbfgs", alpha=1.0, max_iter=1000, random_state=0
... )
>>> model = to_onnx(classifier.fit(X, y))
>>> [node.op_type for node in model.graph.node]
['Gemm', 'Relu', 'Gemm', 'Clip', 'Softmax', 'ArgMax', 'Gather']
"""

from sk_mlp.onnx._model import to_onnx
from sk_mlp.onnx._skl2onnx import register_skl2onnx

__all__ = ["register_skl2onnx", "to_onnx"]
