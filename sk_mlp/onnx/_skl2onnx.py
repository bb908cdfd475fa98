"""The estimators as skl2onnx sees them, in a Pipeline or an ensemble."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

from sk_mlp._classifier import MLPClassifier
from sk_mlp._regressor import MLPRegressor
from sk_mlp.onnx._graph import require_onnx
from sk_mlp.onnx._model import build, shape_of_prediction


def register_skl2onnx():
    """Let skl2onnx convert estimators that hold ours: pipelines, ensembles.

    To be called once before ``skl2onnx.to_onnx``; further calls change nothing.
    Regressors then give "variable" of shape (n, 1), and classifiers know the option
    "zipmap", as scikit-learn's do in skl2onnx.

    Raises
    ------
    ImportError
        Without the package skl2onnx.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import skl2onnx
    >>> from sk_mlp import MLPClassifier
    >>> from sk_mlp.onnx import register_skl2onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(),
    ...     MLPClassifier((10,), solver="lbfgs", alpha=1.0, random_state=0),
    ... )
    >>> register_skl2onnx()
    >>> converted = skl2onnx.to_onnx(
    ...     model.fit(X, y), X[:1].astype(np.float32), options={"zipmap": False}
    ... )
    >>> [output.name for output in converted.graph.output]
    ['label', 'probabilities']
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise ImportError(
            "Conversion of a Pipeline to ONNX needs the package skl2onnx: "
            "pip install skl2onnx"
        ) from error
    update_registered_converter(
        MLPClassifier,
        "SkMlpMLPClassifier",
        _set_types_of_classifier,
        _convert,
        options={
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [False],
            "raw_scores": [True, False],
        },
    )
    update_registered_converter(
        MLPRegressor, "SkMlpMLPRegressor", _set_types_of_regressor, _convert
    )


# What skl2onnx asks for: the types and shapes of the outputs, and the nodes -----------


def _set_types_of_classifier(operator):
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    estimator, n_rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    kind, classes = estimator._target["kind"], estimator.classes_
    if kind == "multioutput":
        raise ValueError(
            "skl2onnx has no classifiers with several outputs that have classes of "
            "their own. Export the MLPClassifier alone by sk_mlp.onnx.to_onnx, and the "
            "steps before it by skl2onnx."
        )
    are_words = isinstance(classes.tolist()[0], str)
    if not are_words:
        _check_integers(classes)
    columns = [len(classes)] if kind == "multilabel" else []
    label, probabilities = operator.outputs
    label.set_type(
        (StringTensorType if are_words else Int64TensorType)([n_rows, *columns])
    )
    probabilities.set_type(_number_type(operator)([n_rows, len(classes)]))


def _check_integers(classes):
    with np.errstate(invalid="ignore"):
        integers = classes.astype(np.int64)
    if integers.tolist() != classes.tolist():
        raise ValueError(
            "skl2onnx makes int64 of labels that are numbers, which cannot hold all of "
            f"{classes}. Export the MLPClassifier alone by sk_mlp.onnx.to_onnx, or fit "
            "with strings."
        )


def _set_types_of_regressor(operator):
    n_rows = operator.inputs[0].get_first_dimension()
    # A single number is a column, as skl2onnx has it.
    columns = shape_of_prediction(operator.raw_operator) or (1,)
    operator.outputs[0].set_type(_number_type(operator)([n_rows, *columns]))


def _number_type(operator):
    """Return the type of the outputs, which follows that of the input."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.common.utils import check_input_and_output_numbers

    check_input_and_output_numbers(operator, input_count_range=1)
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    return DoubleTensorType if is_double else FloatTensorType


def _convert(scope, operator, container):
    """Write what ``to_onnx`` gives into skl2onnx's container."""
    from skl2onnx.common.data_types import DoubleTensorType, guess_proto_type

    onnx = require_onnx()
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    graph = build(
        operator.raw_operator,
        np.float64 if is_double else np.float32,
        container.target_opset_onnx,
        len(operator.outputs),
        isinstance(operator.raw_operator, MLPClassifier)
        and _wants_raw_scores(operator.raw_operator, scope, container),
    ).graph
    names = _Names(scope)
    (given,), (taken,) = operator.inputs, graph.input
    to = taken.type.tensor_type.elem_type
    container.add_node("Cast", given.full_name, names[taken.name], to=to)
    for tensor in graph.initializer:
        # Not add_initializer, which drops "\0" at the end of a string.
        tensor.name = names[tensor.name]
        container.initializers.append(tensor)
    for node in graph.node:
        if "" in node.input:
            raise NotImplementedError(
                "skl2onnx has no nodes with an optional input left out, as in "
                f"{node.name}. Give its to_onnx a value in place of None."
            )
        container.add_node(
            node.op_type,
            [names[name] for name in node.input],
            [names[name] for name in node.output],
            name=scope.get_unique_operator_name(node.name),
            **{a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
        )
    for made, wanted in zip(graph.output, operator.outputs, strict=True):
        name = names[made.name]
        if len(made.type.tensor_type.shape.dim) < len(wanted.type.shape):
            shape, column = names["shape"], names["column"]
            container.add_initializer(shape, onnx.TensorProto.INT64, [2], [-1, 1])
            container.add_node("Reshape", [name, shape], column)
            name = column
        to = guess_proto_type(wanted.type)
        container.add_node("Cast", name, wanted.full_name, to=to)


def _wants_raw_scores(estimator, scope, container):
    """Tell whether the decision function is wanted, not probabilities.

    Calibration and stacking ask for it by an option, which a Pipeline does not pass on
    to its last step, and which a search does not have.
    """
    around = [operator.raw_operator for operator in scope.operators.values()]
    _check_searches(estimator, around)
    asked = [
        one
        for one in (estimator, *(o for o in around if isinstance(o, Pipeline)))
        if container.get_options(one, {"raw_scores": False})["raw_scores"]
    ]
    for last in map(_last_step, asked):
        is_network = isinstance(last, MLPClassifier)
        if not is_network and hasattr(last, "decision_function"):
            _refuse_decisions(f"pipeline that ends in {type(last).__name__}")
    return any(_last_step(one) is estimator for one in asked)


def _last_step(model):
    while isinstance(model, Pipeline):
        model = model.steps[-1][1]
    return model


def _check_searches(estimator, around):
    chosen = (_last_step(getattr(o, "best_estimator_", None)) for o in around)
    needed = any(
        isinstance(outer, CalibratedClassifierCV)
        or "decision_function" in getattr(outer, "stack_method_", ())
        for outer in around
    )
    if needed and any(best is estimator for best in chosen):
        _refuse_decisions("search")


def _refuse_decisions(what):
    raise NotImplementedError(
        "In calibration, and in stacking by decision_function, skl2onnx takes the "
        f"probabilities of a {what} for its decision function. Fit again with an "
        "MLPClassifier or a pipeline that ends in one; of a search, with its "
        "best_estimator_."
    )


class _Names(dict):
    """The names that a graph's values have in the scope of a larger graph."""

    def __init__(self, scope):
        self._scope = scope

    def __missing__(self, name):
        self[name] = self._scope.get_unique_variable_name(name)
        return self[name]
