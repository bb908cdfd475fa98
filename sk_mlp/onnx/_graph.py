"""A small writer of ONNX graphs: formulas in Python become nodes."""

from difflib import get_close_matches
from functools import partial
from math import prod

import numpy as np

from sk_mlp._version import __version__

# Operators of which onnxruntime 1.31 has no kernel, in some opset at least.
_MISSING = {
    "float32": {"Swish"},
    "float64": set(
        "Acos Acosh Asin Asinh Atan Atanh Celu Cosh Elu Erf Gelu HardSigmoid HardSwish "
        "Hardmax LeakyRelu Mean Mish PRelu Selu Sinh Softplus Softsign Swish Tan "
        "ThresholdedRelu".split()
    ),
}
# What Python's operators call with an array on the left and a value on the right.
_REFLECTED = {
    np.add: "__radd__",
    np.subtract: "__rsub__",
    np.multiply: "__rmul__",
    np.divide: "__rtruediv__",
    np.power: "__rpow__",
}
# protobuf's limit for a message, less what the graph takes beside the weights
_LARGEST_CHECKED = 2**31 - 2**24


def require_onnx():
    """Return the package onnx, or say how to install it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            'Export to ONNX needs the package onnx: pip install "sk-mlp[onnx]"'
        ) from error
    return onnx


class Value:
    """A tensor of a graph: the result of a node, an input or a constant.

    ``+ - * / **`` with values, numbers and arrays, unary minus and `abs` add a node.
    """

    def __init__(self, op, name):
        self._op = op
        self.name = name
        self._opposite = None

    def __repr__(self):
        return f"Value({self.name!r})"

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if ufunc in _REFLECTED and inputs[0] is not self:
            return getattr(self, _REFLECTED[ufunc])(inputs[0])
        raise TypeError(
            f"numpy.{ufunc.__name__} cannot compute with a value of an ONNX graph. Use "
            f"ONNX operators.{self._op.hint(ufunc.__name__)}"
        )

    def __add__(self, other):
        return self._op.Add(self, other)

    def __radd__(self, other):
        return self._op.Add(other, self)

    def __sub__(self, other):
        return self._op.Sub(self, other)

    def __rsub__(self, other):
        return self._op.Sub(other, self)

    def __mul__(self, other):
        return self if _is_one(other) else self._op.Mul(self, other)

    def __rmul__(self, other):
        return self if _is_one(other) else self._op.Mul(other, self)

    def __truediv__(self, other):
        return self if _is_one(other) else self._op.Div(self, other)

    def __rtruediv__(self, other):
        return self._op.Div(other, self)

    def __pow__(self, other):
        return self._op.Pow(self, other)

    def __rpow__(self, other):
        return self._op.Pow(other, self)

    def __abs__(self):
        return self._op.Abs(self)

    def __neg__(self):
        if self._opposite is None:
            self._opposite = self._op.Neg(self)
            self._opposite._opposite = self
        return self._opposite


def _is_one(other):
    return isinstance(other, float | int) and other == 1


class Graph:
    """An ONNX graph that is written node by node: ``op.Tanh(2.0 * z)``.

    Every operator of the opset is a method. It takes values, numbers and arrays, these
    two as constants in the graph's type, and attributes by keyword; it returns the
    value of its result, a tuple of them where the operator has several.

    Parameters
    ----------
    dtype : numpy dtype
        float32 or float64.
    opset : int

    Attributes
    ----------
    dtype : numpy dtype
        The type of what the graph computes with.
    scope : str
        First part of the names of what is added, such as "hidden_1".
    """

    def __init__(self, dtype, opset):
        self._onnx = require_onnx()
        self.dtype = np.dtype(dtype)
        self.opset = opset
        self.scope = ""
        self._nodes, self._initializers, self._inputs = [], [], []
        self._numbers, self._joined = {}, {}
        self._taken, self._finite = set(), set()

    def has(self, name, *attributes):
        """Tell whether an operator can be used, or has to be composed of others.

        Parameters
        ----------
        name : str
            The opset must have it, and onnxruntime a kernel for the graph's type: it is
            not on the list of those that are known to be missing.
        *attributes : float or ndarray
            What it would be given as attributes, which cannot hold arrays.

        Returns
        -------
        bool
        """
        runs = name not in _MISSING[self.dtype.name]
        numbers = all(np.ndim(attribute) == 0 for attribute in attributes)
        return runs and numbers and self._schema(name) is not None

    def __getattr__(self, name):
        if name.startswith("_") or self._schema(name) is None:
            raise AttributeError(
                f"ONNX opset {self.opset} has no operator {name!r}.{self.hint(name)}"
            )
        return partial(self._add_node, name)

    def hint(self, name):
        """Return a sentence about the operator that is spelt most like the name."""
        schemas = self._onnx.defs.get_all_schemas()
        found = {schema.name.lower(): schema.name for schema in schemas}
        found = {key: real for key, real in found.items() if self.has(real)}
        closest = get_close_matches(name.lower(), found, n=1)
        return f" Did you mean op.{found[closest[0]]}?" if closest else ""

    def _schema(self, name):
        defs = self._onnx.defs
        try:
            schema = defs.get_schema(name, self.opset, "")
        except defs.SchemaError:
            return None
        return None if schema.deprecated else schema

    def _add_node(self, name, *inputs, **attributes):
        if not self.has(name):
            raise ValueError(
                f"onnxruntime has no {self.dtype} kernel for the operator {name}. "
                f"Compose it of others where op.has({name!r}) is False."
            )
        # The name of an optional input that is not given is empty.
        inputs = ["" if x is None else self.value(x).name for x in inputs]
        n_outputs = self._schema(name).min_output
        outputs = [Value(self, self._unique(name)) for _ in range(n_outputs)]
        names = [value.name for value in outputs]
        node = self._onnx.helper.make_node(
            name, inputs, names, name=names[0], **attributes
        )
        self._nodes.append(node)
        return outputs[0] if n_outputs == 1 else tuple(outputs)

    def _unique(self, name):
        name = candidate = f"{self.scope}/{name}" if self.scope else name
        n = 1
        while candidate in self._taken:
            n += 1
            candidate = f"{name}_{n}"
        self._taken.add(candidate)
        return candidate

    def value(self, given, name="constant"):
        """Return a value for a value, a number or an array of numbers.

        Numbers beyond the range of the graph's type become the largest ones.
        """
        if isinstance(given, Value):
            return given
        limits = np.finfo(self.dtype)
        array = np.asarray(given, np.float64)
        if np.isnan(array).any():
            raise ValueError("A constant of an ONNX graph is NaN.")
        array = array.clip(limits.min, limits.max).astype(self.dtype)
        if array.ndim:
            return self.constant(array, name)
        if float(array) not in self._numbers:
            scope, self.scope = self.scope, ""
            self._numbers[float(array)] = self.constant(array, f"constant_{array}")
            self.scope = scope
        return self._numbers[float(array)]

    def constant(self, array, name="constant"):
        """Return a value for an array of any type, which is kept."""
        value = Value(self, self._unique(name))
        tensor = self._onnx.numpy_helper.from_array(np.array(array), value.name)
        self._initializers.append(tensor)
        return value

    def integers(self, *numbers):
        """Return a value for axes, shapes and indices."""
        return self.constant(np.array(numbers, np.int64), "integers")

    def cast(self, value, dtype):
        """Return the value in another NumPy type."""
        return self.Cast(value, to=self._type_of(dtype))

    def columns(self, value, columns, width):
        """Return the columns of a value, the value itself where they are all.

        Parameters
        ----------
        value : Value of shape (n, width)
        columns : slice
            With both ends.
        width : int
        """
        ends = columns.start, columns.stop
        if ends == (0, width):
            return value
        if (value.name, *ends) in self._joined:
            return self._joined[value.name, *ends]
        part = self.Slice(value, *(self.integers(number) for number in (*ends, 1)))
        if value.name in self._finite:
            self._finite.add(part.name)
        return part

    def join(self, parts, groups):
        """Return the columns of several values side by side.

        Parameters
        ----------
        parts : list of Value
        groups : list of slice
            Where they come to lie; `columns` finds them there.
        """
        if len(parts) == 1:
            return parts[0]
        value = self.Concat(*parts, axis=1)
        for part, group in zip(parts, groups, strict=True):
            self._joined[value.name, group.start, group.stop] = part
        return value

    def finite(self, value):
        """Return the value with the largest numbers in place of infinity."""
        if value.name in self._finite:
            return value
        limits = np.finfo(self.dtype)
        value = self.Clip(value, limits.min, limits.max)
        self._finite.add(value.name)
        return value

    def below_infinity(self, value):
        """Return the value with the largest number in place of positive infinity."""
        # Not Clip, which onnxruntime fails to merge with a Relu in float64.
        known = value.name in self._finite
        return value if known else self.Min(value, np.finfo(self.dtype).max)

    def input(self, name, n_columns):
        """Return the value of a matrix that the model is given."""
        self._taken.add(name)
        self._inputs.append(self._info(name, self.dtype, (n_columns,)))
        return Value(self, name)

    def model(self, name, outputs, doc_string):
        """Return the finished ModelProto.

        Parameters
        ----------
        name : str
        outputs : dict of str to (Value, dtype, tuple of int)
            What each output is, its type and its shape without the first axis.
        doc_string : str
        """
        helper = self._onnx.helper
        for new, (value, _, _) in outputs.items():
            already_output = value.name in outputs
            self._rename(self.Identity(value) if already_output else value, new)
        nodes, initializers = self._needed(outputs)
        graph = helper.make_graph(
            nodes,
            name,
            self._inputs,
            [self._info(new, *info) for new, (_, *info) in outputs.items()],
            initializers,
        )
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(
            graph,
            opset_imports=opsets,
            # The library's own default is often newer than runtimes can load.
            ir_version=helper.find_min_ir_version_for(opsets),
            producer_name="sk_mlp",
            producer_version=__version__,
            doc_string=doc_string,
        )
        self._check(model)
        return model

    def _rename(self, value, name):
        for node in self._nodes:
            for names in (node.input, node.output):
                for k, old in enumerate(names):
                    if old == value.name:
                        names[k] = name
        value.name = name

    def _needed(self, outputs):
        """Return the nodes and initializers on which the outputs depend."""
        needed, nodes = set(outputs), []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        used = [tensor for tensor in self._initializers if tensor.name in needed]
        return nodes[::-1], used

    def _check(self, model):
        """Raise a ValueError if the model is not valid, which a form can cause."""
        n_weights = sum(prod(tensor.dims) for tensor in model.graph.initializer)
        if n_weights * self.dtype.itemsize > _LARGEST_CHECKED:
            return
        checker, inference = self._onnx.checker, self._onnx.shape_inference
        try:
            checker.check_model(model, full_check=True)
        except (checker.ValidationError, inference.InferenceError) as error:
            raise ValueError(
                "The ONNX model is invalid. What an activation or a loss returns from "
                f"its to_onnx does not fit at the node that is named here: {error}"
            ) from error

    def _info(self, name, dtype, shape):
        make = self._onnx.helper.make_tensor_value_info
        return make(name, self._type_of(dtype), ["batch", *shape])

    def _type_of(self, dtype):
        if np.dtype(dtype).kind == "O":
            return self._onnx.TensorProto.STRING
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
