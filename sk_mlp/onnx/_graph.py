"""A small writer of ONNX graphs: formulas in Python become nodes."""

from functools import partial

import numpy as np

from sk_mlp._version import __version__

# Operators of which onnxruntime 1.31 has no kernel for double, in some opset at least.
_SINGLE_ONLY = frozenset(
    "Celu Elu Erf Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Selu Softplus "
    "Softsign Swish ThresholdedRelu".split()
)


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

    ``+ - * / **`` with values, numbers and arrays, and the unary minus, add a node.
    """

    __array_ufunc__ = None  # array * value is for this class to compute, not NumPy

    def __init__(self, op, name):
        self._op = op
        self.name = name

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

    def __neg__(self):
        return self._op.Neg(self)


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
        self._numbers = {}
        self._taken = set()

    def has(self, name, *attributes):
        """Tell whether an operator can be used, or has to be composed of others.

        Parameters
        ----------
        name : str
            The opset must have it, and onnxruntime a kernel for the graph's type.
        *attributes : float or ndarray
            What it would be given as attributes, which cannot hold arrays.

        Returns
        -------
        bool
        """
        single = self.dtype == np.float32 or name not in _SINGLE_ONLY
        numbers = all(np.ndim(attribute) == 0 for attribute in attributes)
        return single and numbers and self._schema(name) is not None

    def __getattr__(self, name):
        if name.startswith("_") or self._schema(name) is None:
            raise AttributeError(f"ONNX opset {self.opset} has no operator {name!r}.")
        return partial(self._add_node, name)

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
                f"onnxruntime has no float64 kernel for the operator {name}. Compose "
                f"it of others where op.has({name!r}) is False."
            )
        inputs = [self.value(given).name for given in inputs]
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
        array = np.asarray(given, np.float64).clip(limits.min, limits.max)
        array = array.astype(self.dtype)
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
        if array.dtype.kind == "U":
            array = array.astype(object)  # onnx 1.15 knows strings as objects only
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
        if columns == slice(0, width):
            return value
        ends = (columns.start, columns.stop, 1)
        return self.Slice(value, *(self.integers(number) for number in ends))

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
            self._rename(value, new)
        graph = helper.make_graph(
            self._nodes,
            name,
            self._inputs,
            [self._info(new, *info) for new, (_, *info) in outputs.items()],
            self._initializers,
        )
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(
            graph,
            opset_imports=opsets,
            # The library's own default is often newer than runtimes can load.
            ir_version=helper.find_min_ir_version_for(opsets),
            producer_name="sk_mlp",
            producer_version=__version__,
            doc_string=doc_string,
        )

    def _rename(self, value, name):
        for node in self._nodes:
            for names in (node.input, node.output):
                for k, old in enumerate(names):
                    if old == value.name:
                        names[k] = name
        value.name = name

    def _info(self, name, dtype, shape):
        make = self._onnx.helper.make_tensor_value_info
        return make(name, self._type_of(dtype), ["batch", *shape])

    def _type_of(self, dtype):
        if np.dtype(dtype).kind == "U":
            return self._onnx.TensorProto.STRING
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
