"""Components as estimator objects, the registry, intervals."""

import pickle
import threading
from copy import deepcopy
from dataclasses import fields
from fractions import Fraction
from math import inf, nan
from typing import Annotated, Literal

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from sk_mlp import activations, initializers, losses, optimizers, schedules
from sk_mlp._component import (
    Component,
    Interval,
    NonNegative,
    Number,
    Positive,
    Registry,
    Unit,
)

KINDS = {
    "activation": activations,
    "loss": losses,
    "initializer": initializers,
    "optimizer": optimizers,
    "schedule": schedules,
}
every_component = pytest.mark.parametrize(
    "module, name",
    [(module, name) for module in KINDS.values() for name in module.names()],
    ids=lambda value: value if isinstance(value, str) else "",
)
every_module = pytest.mark.parametrize("module", KINDS.values(), ids=KINDS)


class Shape(Component):
    pass


class Circle(Shape):
    radius: Positive = 1.0
    unit: str = "m"
    corners = 0


@pytest.fixture
def registry():
    registry = Registry("shape", Shape)
    registry.register("circle", "disc", "round one")(Circle)
    registry.register("big_circle", radius=10.0)(Circle)
    return registry


# Component --------------------------------------------------------------------------


def test_annotated_attributes_are_the_parameters_and_others_are_facts():
    assert Circle(2.0).get_params() == {"radius": 2.0, "unit": "m"}
    assert [field.name for field in fields(Circle)] == ["radius", "unit"]
    assert Circle(2.0) == Circle(radius=2.0, unit="m") != Circle(3.0)


def test_values_are_stored_as_given_and_checked_only_when_asked():
    circle = Circle(radius=-1)
    assert circle.radius == -1
    circle.set_params(radius=-2)
    with pytest.raises(ValueError, match="'radius'"):
        circle.check()


def test_subclasses_inherit_parameters_without_decorators():
    class Ring(Circle):
        inner: float = 0.5

    assert Ring(2.0, inner=1.0).get_params() == {
        "radius": 2.0,
        "unit": "m",
        "inner": 1.0,
    }
    assert clone(Ring(3.0)) == Ring(3.0)


def test_repr_shows_what_was_changed():
    assert repr(Circle()) == "Circle()"
    assert repr(Circle(2.0)) == "Circle(radius=2.0)"


class Table(Component):
    """With hyper-parameters that have no truth value when compared."""

    values: object = None
    circle: object = None


class Plain(Component):
    """With a constructor of its own."""

    def __init__(self, sides=3):
        self.sides = sides


def test_equal_components_have_equal_hashes_and_others_differ():
    equal = [
        (Circle(2.0), Circle(radius=2)),
        (Plain(4), Plain(4)),
        (Table(np.arange(3)), Table(np.arange(3))),
        (Table(circle=Circle(2.0)), Table(circle=Circle(2.0))),
        (clone(Plain(5)), Plain(5)),
        (Circle().set_params(radius=3.0), Circle(3.0)),
    ]
    for a, b in equal:
        assert a == b and not a != b and hash(a) == hash(b)
        assert len({a, b}) == 1 and {a: 1}[b] == 1
    different = [
        (Circle(2.0), Circle(3.0)),
        (Plain(4), Plain(5)),
        (Table(np.arange(3)), Table(np.arange(4))),
        (Table(np.arange(3)), Table((0, 1, 2))),
        (Table(circle=Circle(2.0)), Table(circle=Circle(3.0))),
        (Circle(), Plain()),
        (Circle(), "Circle()"),
        (Circle(), None),
    ]
    for a, b in different:
        assert a != b and not a == b


def test_a_hash_outlives_set_params():
    circle = Circle()
    kept = {circle: "value"}
    circle.set_params(radius=2.0)
    assert kept[circle] == "value"


def test_unregistered_components_have_no_name():
    assert Shape().registered_name is None


@every_component
def test_every_component_clones_pickles_and_shows(module, name):
    component = module.get(name)
    component.check()
    assert clone(component) is not component
    for copy in (clone(component), pickle.loads(pickle.dumps(component))):
        assert type(copy) is type(component)
        assert copy == component
        assert repr(copy) == repr(component)
    assert joblib.hash(clone(component)) == joblib.hash(component)
    assert type(component).__name__ in estimator_html_repr(component)
    assert type(component)(**component.get_params()) == component


@every_component
def test_every_name_is_found_again(module, name):
    """By settings: a class under several names gives back the one that was asked."""
    component = module.get(name)
    assert component.registered_name == name
    assert module.get(component) is component
    assert module.get(name) is not component  # never shared between estimators


@every_component
def test_every_component_is_documented(module, name):
    doc = type(module.get(name)).__doc__
    assert doc and all(field.name in doc for field in fields(module.get(name)))


@every_component
def test_every_class_of_a_name_is_public(module, name):
    cls = type(module.get(name))
    assert getattr(module, cls.__name__) is cls
    assert cls.__name__ in getattr(module, "__all__", [cls.__name__])


# Checks -----------------------------------------------------------------------------

SPLIT = Annotated[float, Interval(high=0.0, closed="right"), Interval(1.0)]
SEVERAL = Annotated[tuple[float, ...], Interval(0.0)]
CHOICE = Literal["low", "high"]


def component(kind):
    return type("Thing", (Component,), {"__annotations__": {"x": kind}, "x": 0.0})


@pytest.mark.parametrize(
    "kind, good, out_of_range, wrong_type, allowed",
    [
        (Number, [-1, 0.5, np.float32(2)], [inf, nan], ["1", None, True, [1.0]],
         "a float in the range (-inf, inf)"),
        (Positive, [1, 1e-300], [0, -1.0, inf, nan], ["1", None, np.True_],
         "a float in the range (0, inf)"),
        (NonNegative, [0, np.int64(3)], [-1, inf], ["1", 1j],
         "a float in the range [0, inf)"),
        (Unit, [0, 0.999], [1, -1e-9, nan], ["0", False],
         "a float in the range [0, 1)"),
        (Annotated[int, Interval(1.0)], [2, np.int8(3)], [1], [2.0, "2", True, None],
         "an int in the range (1, inf)"),
        (SPLIT, [-2, 0, 1.5], [0.5, 1, nan], ["0", None], "a float in the range "
         "(-inf, 0] or (1, inf)"),
        (SEVERAL, [(1.0,), [1, np.float64(2)]], [(0.0,), (1, nan)],
         [1.0, (), [], ("1",), (True,), np.ones(2)],
         "a tuple of at least one float in the range (0, inf)"),
        (Positive | None, [None, 2.0], [0.0], ["1", False], "a float in the range "
         "(0, inf) or None"),
        (Unit | SEVERAL, [0.5, (3.0,)], [1.0, (-1.0,)], ["1", ()], "a float in the "
         "range [0, 1) or a tuple of at least one float in the range (0, inf)"),
        (CHOICE, ["low", np.str_("high")], ["mid", None, 1, np.ones(2)], [],
         "a str among {'high', 'low'}"),
        (Literal[1, 2], [1, 2], [3, "1", None], [], "among {1, 2}"),
        (bool, [True, np.False_], [], [0, 1, "a", None], "an instance of 'bool'"),
        (bool | CHOICE, [False, "low"], ["mid", 1], [], "an instance of 'bool' or a "
         "str among {'high', 'low'}"),
    ],
    ids=str,
)  # fmt: skip
def test_values_are_what_their_annotation_says(
    kind, good, out_of_range, wrong_type, allowed
):
    cls = component(kind)
    for value in good:
        cls(value).check()
    for error, values in ((ValueError, out_of_range), (TypeError, wrong_type)):
        for value in values:
            with pytest.raises(error) as info:
                cls(value).check()
            assert type(info.value) is error
            assert str(info.value) == (
                f"The 'x' parameter of Thing must be {allowed}. Got {value!r} instead."
            )


@pytest.mark.parametrize(
    "kind", [float, str, tuple, object, Shape | None, Annotated[float, "in metres"]]
)
@pytest.mark.parametrize("value", [None, "a", -1.0, inf, (), np.ones(2)])
def test_other_types_are_accepted_unseen(kind, value):
    component(kind)(value).check()


@pytest.mark.parametrize("other", ["int", "Unknown", "np.no_such_type", "a b"])
def test_annotations_that_are_strings(other):
    namespace = {
        "__name__": __name__,
        "Component": Component,
        "Positive": Positive,
    }
    code = f"class Late(Component):\n    x: 'Positive' = 1.0\n    y: {other!r} = 0"
    exec(code, namespace)
    late = namespace["Late"](x=-1.0)
    if other == "int":
        with pytest.raises(ValueError, match="'x' parameter of Late"):
            late.check()
    else:  # unknown to Python, perhaps imported for type checkers only
        late.check()


def test_subclasses_inherit_and_change_what_is_allowed():
    class Ball(Circle):
        depth: Unit = 0.5

    class Flipped(Ball):
        radius: Number = -1.0

    Flipped().check()
    for ball, name in [(Ball(-1), "radius"), (Flipped(depth=1.0), "depth")]:
        with pytest.raises(
            ValueError, match=f"'{name}' parameter of {type(ball).__name__}"
        ):
            ball.check()


# Checks of annotated parameters ------------------------------------------------------


class Everything(Component):
    number: Number = 0.0
    positive: Positive = 1.0
    share: Unit = 0.5
    count: Annotated[int, Interval(1, 5, "both")] = 1
    outside: Annotated[float, Interval(-inf, 0, "right"), Interval(1, inf)] = 0.0
    several: Annotated[tuple[float, ...], Interval(0, 1)] = (0.5,)
    mode: Literal["low", "high"] = "low"
    flag: bool = False
    trainable: bool | Literal["shared"] = False
    optional: Positive | None = None
    unseen: float = 0.0


@pytest.mark.parametrize(
    "name, values",
    {
        "number": [0, -1.5, np.float32(2), np.int64(3), Fraction(1, 3)],
        "positive": [1e-300, 7],
        "share": [0, 0.0, 0.999],
        "count": [1, np.int32(5)],
        "outside": [-3, 0, 1.001],
        "several": [(0.1,), [0.1, 0.9], (np.float32(0.5), 0.2)],
        "mode": ["low", "high"],
        "flag": [True, np.True_],
        "trainable": [True, False, "shared"],
        "optional": [None, 2.0],
        "unseen": ["anything", None, nan],
    }.items(),
)
def test_annotations_accept(name, values):
    for value in values:
        Everything(**{name: value}).check()


@pytest.mark.parametrize(
    "name, value, error, allowed",
    [
        ("number", nan, ValueError, "a float in the range (-inf, inf)"),
        ("number", inf, ValueError, "a float in the range (-inf, inf)"),
        ("number", "1", TypeError, "a float in the range (-inf, inf)"),
        ("number", None, TypeError, "a float in the range (-inf, inf)"),
        ("number", True, TypeError, "a float in the range (-inf, inf)"),
        ("number", 1j, TypeError, "a float in the range (-inf, inf)"),
        ("positive", 0, ValueError, "a float in the range (0, inf)"),
        ("share", 1.0, ValueError, "a float in the range [0, 1)"),
        ("count", 0, ValueError, "an int in the range [1, 5]"),
        ("count", 2.0, TypeError, "an int in the range [1, 5]"),
        ("outside", 0.5, ValueError, "a float in the range (-inf, 0] or (1, inf)"),
        ("several", (), TypeError, "a tuple of at least one float in the range (0, 1)"),
        (
            "several",
            0.5,
            TypeError,
            "a tuple of at least one float in the range (0, 1)",
        ),
        ("several", (0.5, 1), ValueError, "one float in the range (0, 1)"),
        ("several", (0.5, "x"), TypeError, "one float in the range (0, 1)"),
        ("mode", "middle", ValueError, "a str among {'high', 'low'}"),
        ("mode", np.zeros(2), ValueError, "a str among {'high', 'low'}"),
        ("flag", 1, TypeError, "an instance of 'bool'"),
        ("trainable", "each", ValueError, "'bool' or a str among {'shared'}"),
        ("trainable", 1, ValueError, "'bool' or a str among {'shared'}"),
        ("optional", -2.0, ValueError, "a float in the range (0, inf) or None"),
        ("optional", "2", TypeError, "a float in the range (0, inf) or None"),
    ],
)
def test_annotations_refuse(name, value, error, allowed):
    with pytest.raises(error) as info:
        Everything(**{name: value}).check()
    text = str(info.value)
    assert text.startswith(f"The {name!r} parameter of Everything must be ")
    assert f"{allowed}. Got {value!r} instead." in text


def test_parameters_of_a_type_of_no_use_are_left_alone():
    class Odd(Component):
        first: "not a type at all" = 1  # noqa: F722
        second: Positive = 1.0

    Odd(first="anything").check()
    with pytest.raises(ValueError, match="'second'"):
        Odd(second=-1.0).check()


# Registry ---------------------------------------------------------------------------


def test_names_and_aliases(registry):
    assert registry.names() == ["big_circle", "circle"]
    assert registry.aliases() == {"disc": "circle", "round one": "circle"}
    assert registry.get("disc") == registry.get("circle") == Circle()
    assert registry.get("big_circle") == Circle(10.0)


def test_settings_decide_the_name(registry):
    assert registry.name_of(Circle(10.0)) == "big_circle"
    assert registry.name_of(Circle(11.0)) is None
    assert registry.name_of(Shape()) is None


@pytest.mark.parametrize("name", ["circle", "disc"])
@pytest.mark.parametrize("aliases", [(), ("something",)])
def test_a_name_is_given_once(registry, name, aliases):
    with pytest.raises(ValueError, match=f"shape name '{name}' is already registered"):
        registry.register(name, *aliases)
    with pytest.raises(ValueError, match=f"shape name '{name}' is already registered"):
        registry.register("new", name)
    assert registry.names() == ["big_circle", "circle"]


def test_unregister_forgets_the_aliases_too(registry):
    registry.unregister("circle")
    assert registry.names() == ["big_circle"]
    assert registry.aliases() == {}
    registry.register("circle", "disc")(Circle)
    assert registry.get("disc") == Circle()


@pytest.mark.parametrize("spec", ["circel", "CIRCLE", "dics", "zzz", ""])
def test_an_unknown_name_lists_the_names_and_the_closest(registry, spec):
    with pytest.raises(ValueError) as info:
        registry.get(spec)
    text = str(info.value)
    assert "a str among {'big_circle', 'circle'} or a Shape object" in text
    assert f"Got {spec!r} instead." in text
    closest = {"circel": "circle", "CIRCLE": "circle", "dics": "disc"}.get(spec)
    assert ("Did you mean" in text) == (closest is not None)
    if closest:
        assert text.endswith(f"Did you mean {closest!r}?")


@pytest.mark.parametrize("spec", [None, 3, 1.5, ["circle"], object()])
def test_something_else_is_a_type_error(registry, spec):
    with pytest.raises(TypeError, match=r"must be a str among .* or a Shape object"):
        registry.get(spec)


def test_a_class_instead_of_an_object_gets_a_hint(registry):
    with pytest.raises(TypeError, match=r"Pass an instance: Circle\(\)\."):
        registry.get(Circle)


@every_module
def test_unknown_names_of_every_kind_list_all_of_them(module):
    with pytest.raises(ValueError, match="Got 'nonsense' instead") as info:
        module.get("nonsense")
    assert all(repr(name) in str(info.value) for name in module.names())
    assert module.names() == sorted(module.names())
    with pytest.raises(TypeError, match="Got 7 instead"):
        module.get(7)


# Interval ---------------------------------------------------------------------------

CLOSED = ("neither", "left", "right", "both")


@pytest.mark.parametrize("closed", CLOSED)
def test_numbers_inside(closed):
    interval = Interval(-1.0, 2.0, closed)
    assert 0 in interval and 1.999 in interval
    assert (-1 in interval) == (closed in ("left", "both"))
    assert (2.0 in interval) == (closed in ("right", "both"))
    assert -1.001 not in interval and 3 not in interval and nan not in interval
    assert inf not in interval and -inf not in interval


@pytest.mark.parametrize("closed", CLOSED)
def test_arrays_inside_as_numbers_inside(closed):
    interval = Interval(-1.0, 2.0, closed)
    values = np.array([-2.0, -1.0, 0.0, 2.0, 3.0, nan, inf, -inf])
    expected = [value in interval for value in values]
    assert interval.includes(values).tolist() == expected


def test_infinite_ends_belong_only_to_a_closed_interval():
    assert inf not in Interval() and inf in Interval(0.0, inf, "right")
    assert 1e308 in Interval()


@pytest.mark.parametrize("outer", CLOSED)
@pytest.mark.parametrize("inner", CLOSED)
def test_intervals_inside_by_their_ends(outer, inner):
    """With equal ends, each closed end needs a closed one around it."""
    sides = {"both": {"left", "right"}, "neither": set()}
    fits = sides.get(inner, {inner}) <= sides.get(outer, {outer})
    assert (Interval(0.0, 1.0, inner) in Interval(0.0, 1.0, outer)) == fits
    assert Interval(0.2, 0.8, inner) in Interval(0.0, 1.0, outer)
    assert Interval(0.0, 1.5, inner) not in Interval(0.0, 1.0, outer)
    assert Interval(-0.5, 1.0, inner) not in Interval(0.0, 1.0, outer)
    assert Interval(0.0, 1.0, inner) in Interval()


@pytest.mark.parametrize(
    "interval, text",
    [
        (Interval(), "(-inf, inf)"),
        (Interval(0.0, 1.0, "both"), "[0, 1]"),
        (Interval(0.0, inf, "left"), "[0, inf)"),
        (Interval(-0.5, 6.0, "right"), "(-0.5, 6]"),
    ],
)
def test_the_usual_notation(interval, text):
    assert str(interval) == text


def test_a_deep_copy_shares_nothing():
    class Curve(Component):
        points: object = None
        inner: object = None

    points, inner = np.arange(3.0), Curve(points=[1, 2])
    curve = Curve(points, inner)
    copied = deepcopy(curve)
    assert copied == curve and type(copied) is Curve
    assert copied.points is not points and copied.inner is not inner
    copied.points[0], copied.inner.points[0] = 7.0, 7
    assert points[0] == 0.0 and inner.points == [1, 2]
    first, second = deepcopy([curve, curve])
    assert first is second


def test_deepcopy_copies_what_a_pickle_would_hold():
    class Locked(activations.ReLU):
        def __getstate__(self):
            return {key: v for key, v in vars(self).items() if key != "lock"}

    component = Locked()
    component.lock = threading.Lock()
    assert vars(deepcopy(component)) == {}
