"""Labels to numbers and back."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from sk_mlp._targets import (
    check_labels,
    class_weights,
    decode_labels,
    encode_labels,
    encode_output,
    find_classes,
    kind_of_classes,
    kind_of_target,
    label_codes,
    label_groups,
    row_weights,
    sorted_classes,
)

LABELS = {
    "strings": np.array(["b", "a", "b", "c"]),
    "objects": np.array(["b", "a", "b", "c"], dtype=object),
    "ints": np.array([3, -1, 3, 7]),
    "large ints": np.array([2**62, 2**62 - 1, 2**62, 2**62 + 1]),
    "floats": np.array([1.0, -3.0, 1.0, 4.0]),
    "two": np.array([5, 2, 5, 2]),
    "bools": np.array([True, False, True, True]),
    "one": np.array(["only"] * 4),
    "indicator": np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]]),
    "columns": np.array([[1, 2], [2, 5], [1, 7], [2, 2]]),
    "string columns": np.array([["a", "x"], ["b", "y"], ["a", "z"], ["c", "x"]]),
    "mixed columns": np.array([["a", 1], ["b", 2], ["a", 3], ["b", 1]], dtype=object),
}
KINDS = {
    **dict.fromkeys(
        ["strings", "objects", "ints", "large ints", "floats"], "multiclass"
    ),
    **dict.fromkeys(["two", "bools", "one"], "binary"),
    "indicator": "multilabel",
    **dict.fromkeys(["columns", "string columns", "mixed columns"], "multioutput"),
}


@pytest.mark.parametrize("label", KINDS)
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(label, one_hot, dtype):
    y = check_labels(LABELS[label])
    kind = kind_of_target(y)
    assert kind == KINDS[label]
    classes = find_classes(y, kind)
    encoded = encode_labels(y, kind, classes, one_hot, dtype)
    assert encoded.dtype == dtype and encoded.flags.c_contiguous
    assert set(np.unique(encoded)) <= {0.0, 1.0}
    groups = label_groups(kind, classes, one_hot)
    if groups is not None:
        assert groups[-1].stop == encoded.shape[1]
        for group in groups:
            assert (encoded[:, group].sum(axis=1) == 1).all()
    decoded = decode_labels(label_codes(encoded, kind, groups), kind, classes)
    np.testing.assert_array_equal(decoded, y)


def test_widths_of_the_encoding():
    def width(label, one_hot=False):
        y = LABELS[label]
        kind = kind_of_target(y)
        classes = find_classes(y, kind)
        return encode_labels(y, kind, classes, one_hot, float).shape[1]

    assert [width(label) for label in ("two", "bools", "one")] == [1, 1, 1]
    assert [width(label, True) for label in ("two", "bools", "one")] == [2, 2, 1]
    assert [width("strings"), width("indicator"), width("columns")] == [3, 3, 5]


def test_columns_of_other_types_keep_their_types():
    codes = np.array([[0, 1], [1, 0]])
    decoded = decode_labels(
        codes, "multioutput", [np.array([1, 2]), np.array(["a", "b"])]
    )
    assert decoded.dtype == object
    assert decoded.tolist() == [[1, "b"], [2, "a"]]


@pytest.mark.parametrize(
    "make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array]
)
def test_sparse_indicators(make):
    y = make(LABELS["indicator"])
    assert check_labels(y) is y
    assert kind_of_target(y) == "multilabel"
    encoded = encode_labels(y, "multilabel", np.arange(3), False, np.float32)
    np.testing.assert_array_equal(encoded, LABELS["indicator"])


@pytest.mark.parametrize(
    "y",
    [
        sparse.csr_matrix(np.array([[0, 2], [1, 0]])),
        sparse.csr_matrix(np.array([[0], [1]])),
        sparse.csr_array(np.array([[0.5, 0.0], [1.0, 0.3]])),
    ],
    ids=["multioutput", "one column", "continuous"],
)
def test_other_sparse_targets(y):
    with pytest.raises(ValueError, match="Sparse y must be a multilabel indicator"):
        check_labels(y)


@pytest.mark.parametrize(
    "labels, types",
    [
        ([1, "a"], "int.*str"),
        (["a", 1], "int.*str"),
        ([None, "a"], "NoneType.*str"),
        ([1, None], "NoneType.*int"),
        ([(1, 2), "a"], "str.*tuple"),
    ],
)
def test_mixed_types(labels, types):
    y = np.empty(4, dtype=object)
    y[:] = labels * 2
    with pytest.raises(ValueError, match=rf"y holds labels of mixed types \[.*{types}"):
        check_labels(y)
    columns = np.empty((4, 2), dtype=object)
    columns[:, 0], columns[:, 1] = "a", y
    with pytest.raises(ValueError, match="labels of mixed types"):
        check_labels(columns)


def test_columns_of_objects():
    y = check_labels(np.array([[1, 0], [0, 1], [1, 1]], dtype=object))
    assert y.dtype.kind == "i" and kind_of_target(y) == "multilabel"
    y = check_labels(LABELS["mixed columns"])
    first, second = find_classes(y, "multioutput")
    assert first.tolist() == ["a", "b"] and second.tolist() == [1, 2, 3]
    assert second.dtype.kind == "i"
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        check_labels(np.array([["a", 0.5], ["b", 1.3]], dtype=object))


@pytest.mark.parametrize(
    "y", [np.array([0.5, 1.2]), np.array([[0.5, 1.0], [0.1, 2.0]])]
)
def test_continuous(y):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        check_labels(y)


def test_objects_that_are_no_strings():
    # As scikit-learn: an object array of numbers is no target it knows.
    with pytest.raises(ValueError, match="Unknown label type"):
        check_labels(np.array([1, 2, 1], dtype=object))


def test_unknown_labels():
    classes = np.array([0, 2, 4])
    with pytest.raises(ValueError, match=r"classes not in `self.classes_`.*0 2 4.*2 3"):
        encode_labels(np.array([2, 3]), "multiclass", classes, False, float)
    with pytest.raises(ValueError, match="classes not in"):
        encode_labels(np.array(["0", "2"]), "multiclass", classes, False, float)
    with pytest.raises(ValueError, match=r"of 0 and 1, and now has \[2\]"):
        encode_labels(np.array([[0, 2]]), "multilabel", np.arange(2), False, float)
    with pytest.raises(
        ValueError, match=r"y has 3 output column\(s\).* given 2 before"
    ):
        encode_labels(np.eye(3, dtype=int), "multilabel", np.arange(2), False, float)
    with pytest.raises(
        ValueError, match=r"y has 2 output column\(s\).* given 1 before"
    ):
        encode_labels(np.ones((3, 2)), "binary", classes[:2], False, float)
    with pytest.raises(
        ValueError, match=r"y has 1 output column\(s\).* given 2 before"
    ):
        encode_labels(np.ones(3), "multilabel", np.arange(2), False, float)


def test_classes_of_a_first_block():
    one, two = np.array([1, 0]), np.array([[1, 0], [0, 1]])
    wide = np.array([[1, 2], [3, 0]])
    assert kind_of_classes(one, [0, 1]) == "binary"
    assert kind_of_classes(one, [0]) == "binary"
    assert kind_of_classes(one, ["a", "b", "c"]) == "multiclass"
    assert kind_of_classes(two, [0, 1]) == "multilabel"
    assert kind_of_classes(two, np.array([0, 1])) == "multilabel"
    assert kind_of_classes(two, [[0, 1], [0, 1]]) == "multioutput"
    assert kind_of_classes(wide, ([1, 3], [0, 2])) == "multioutput"
    for y, classes in ((two, [[0, 1]]), (wide, [[0, 1]] * 3), (one, [[0], [0, 1]])):
        match = rf"but `classes` holds {len(classes)} array\(s\): it needs one for each"
        with pytest.raises(ValueError, match=match):
            kind_of_classes(y, classes)
    for flat in ([0, 1, 2, 3], [], np.arange(4)):
        with pytest.raises(ValueError, match="`classes` must be a list with one array"):
            kind_of_classes(wide, flat)


def test_sorted_classes():
    one, two = np.array([1, 0]), np.array([[1, 0], [0, 1]])
    assert sorted_classes(one, "multiclass", ["c", "a", "b", "a"]).tolist() == [*"abc"]
    assert sorted_classes(two, "multilabel", [7]).tolist() == [0, 1]
    several = sorted_classes(two, "multioutput", [[1, 0], ["b", "a", "c"]])
    assert [c.tolist() for c in several] == [[0, 1], ["a", "b", "c"]]
    with pytest.raises(ValueError, match="Input classes contains NaN"):
        sorted_classes(one, "binary", [0.0, np.nan])
    with pytest.raises(ValueError, match="classes holds labels of mixed types"):
        sorted_classes(one, "binary", np.array([0, "a"], dtype=object))


# Weights of classes -------------------------------------------------------------------

CODES = np.array([[0, 1], [1, 0], [1, 1], [2, 1]])
CLASSES = [np.array(["a", "b", "c"]), np.array([0, 1])]


@pytest.mark.parametrize(
    "class_weight, expected",
    [
        ([{"a": 3.0, "c": 0.0}, None], [[3, 1, 0], [1, 1]]),
        ([None, {1: 5}], [[1, 1, 1], [1, 5]]),
        (["balanced", {}], [[4 / 3, 4 / 6, 4 / 3], [1, 1]]),
        ("balanced", [[4 / 3, 4 / 6, 4 / 3], [4 / 2, 4 / 6]]),
        ((None, None), [[1, 1, 1], [1, 1]]),
    ],
)
def test_weights_of_classes(class_weight, expected):
    weights = class_weights(CODES, CLASSES, class_weight, None)
    for found, wanted in zip(weights, expected, strict=True):
        assert_allclose(found, wanted, rtol=1e-15)
    a, b = expected
    product = [a[0] * b[1], a[1] * b[0], a[1] * b[1], a[2] * b[1]]
    assert_allclose(row_weights(CODES, weights), product, rtol=1e-15)


def test_balanced_is_scikit_learns():
    y = np.array([3, 3, 5, 5, 5, 9])
    codes = np.searchsorted([3, 5, 9], y)[:, np.newaxis]
    (found,) = class_weights(codes, np.array([3, 5, 9]), "balanced", None)
    expected = compute_class_weight("balanced", classes=np.array([3, 5, 9]), y=y)
    assert_allclose(found, expected, rtol=1e-15)


def test_balanced_counts_weights_as_repetitions():
    codes, w = np.array([[0], [1], [1]]), np.array([[3.0], [1.0], [0.0]])
    weighted = class_weights(codes, np.array([0, 1]), "balanced", w)
    repeated = class_weights(codes[[0, 0, 0, 1]], np.array([0, 1]), "balanced", None)
    assert_allclose(weighted, repeated, rtol=1e-15)


def test_balanced_leaves_classes_that_do_not_occur_alone():
    codes = np.array([[0], [0], [2]])
    (found,) = class_weights(codes, np.array([0, 1, 2]), "balanced", None)
    assert_allclose(found, [0.75, 1.0, 1.5])


@pytest.mark.parametrize(
    "class_weight, match",
    [
        ([{"a": 1}, {2: 1}], r"labels \[2\], which are not among the classes \[0, 1\]"),
        ([{"a": 1}], r"class_weight has 1 entries, but y has 2 output\(s\)"),
        ({"a": 1}, r"labels \['a'\], which are not among the classes \[0, 1\]"),
    ],
)
def test_weights_that_do_not_fit(class_weight, match):
    with pytest.raises(ValueError, match=match):
        class_weights(CODES, CLASSES, class_weight, None)


@pytest.mark.parametrize(
    "classes", [{"a": 1}, {0, 1}, "abc", b"ab", 3, sparse.csr_matrix([[0, 1]])]
)
def test_classes_that_are_no_array(classes):
    y = np.array([0, 1, 1])
    for call in (
        lambda: kind_of_classes(y, classes),
        lambda: sorted_classes(y, "binary", classes),
    ):
        with pytest.raises(TypeError, match="classes must be an array-like of labels"):
            call()


@pytest.mark.parametrize("n_classes", [1, 2, 12, 13, 14, 25])
@pytest.mark.parametrize("dtype", [int, np.uint8, bool, "U2", float, object])
def test_scikit_learn_has_nothing_to_add_where_it_is_not_asked(n_classes, dtype):
    y = np.arange(25) % n_classes
    y = y.astype(str).astype(object) if dtype is object else y.astype(dtype)
    with warnings.catch_warnings(record=True) as expected:
        warnings.simplefilter("always")
        check_classification_targets(y)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        assert check_labels(y) is y
    assert [str(w.message) for w in given] == [str(w.message) for w in expected]


def test_unknown_labels_at_either_end():
    classes = np.array([2, 4])
    for label in (1, 3, 5):
        with pytest.raises(ValueError, match="classes not in"):
            encode_labels(np.array([2, label]), "binary", classes, False, float)
    for same in (np.array([2.0, 4.0]), np.array([2, 4], np.uint8)):
        encoded = encode_labels(same, "binary", classes, False, float)
        assert encoded.tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32])
def test_codes_are_a_copy_even_where_labels_are_their_own(dtype):
    y = np.array([0, 2, 1], dtype)
    codes = encode_output(y, np.array([0, 1, 2], dtype))
    y[:] = 7
    assert codes.dtype == np.uint8
    assert codes.tolist() == [0, 2, 1]
