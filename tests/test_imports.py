"""The rooms of the package: who may import whom, read from the source.

A module that is not in `ROOMS` fails: give a new one its place first. A subpackage is
one room.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sk_mlp"

BASE = {"_component", "_numerics", "_random", "_version", "_warnings"}
COMPONENTS = {"activations", "losses", "initializers", "optimizers", "schedules"}
ENGINE = {
    *("_layers", "_normalization", "_head", "_network", "_batches", "_trainer"),
    *("_interrupts", "_monitor", "_lbfgs", "_report", "_divergence", "_blas"),
}
CHECKS = {"_validation", "_targets", "_probabilities"}
ESTIMATORS = {"_classifier", "_regressor"}
ALL_ABOVE = BASE | COMPONENTS | ENGINE | CHECKS

# What each module may import from the package. Components never import one another;
# layers, head and network get theirs as objects; the trainer knows a network by its
# theta, grad and loss_grad only.
ROOMS = {
    "_version": set(),
    "_numerics": set(),
    "_random": set(),
    "_warnings": set(),
    "_component": set(),
    **dict.fromkeys(COMPONENTS, BASE),
    "_layers": BASE,
    "_normalization": BASE | {"_layers"},
    "_head": BASE | {"_layers"},
    "_network": BASE | {"_layers", "_normalization"},
    "_batches": BASE,
    "_lbfgs": BASE | {"_blas"},
    "_blas": set(),
    "_trainer": BASE,
    "_interrupts": set(),
    "_monitor": BASE | {"_interrupts"},
    "_report": set(),
    "_divergence": set(),
    "_validation": BASE,
    "_targets": BASE,
    "_probabilities": BASE,
    "_setup": BASE | COMPONENTS | {"_validation"},
    "_plain": BASE | COMPONENTS,
    "_compat": set(),
    "callbacks": set(),  # they know the protocol and the estimators' public side only
    "_holdout": BASE | {"_validation"},
    "_hooks": set(),  # calls the hooks of an estimator that it is given
    "_fitting": ALL_ABOVE | {"_setup", "_holdout", "_hooks"},
    "_base": ALL_ABOVE | {"_setup", "_plain", "_compat", "_fitting"},
    **dict.fromkeys(ESTIMATORS, ALL_ABOVE | {"_setup", "_fitting", "_base"}),
    # Looks at what the estimators have become; nothing imports it.
    "inspection": ALL_ABOVE | {"_setup", "_base"} | ESTIMATORS,
    "onnx": ALL_ABOVE | {"_base"} | ESTIMATORS,
    "_search_space": {"_setup", "_validation", "_base"} | COMPONENTS | ESTIMATORS,
    "__init__": COMPONENTS
    | ESTIMATORS
    | {"_version", "_warnings", "callbacks", "_search_space"},
}

# Below the estimators nothing knows scikit-learn but for these.
SKLEARN_BELOW_ESTIMATORS = {
    "sklearn.base.BaseEstimator",  # components are estimators: get_params, clone
    "sklearn.exceptions",
    "sklearn.utils.extmath",
}

RUNTIME = {"numpy", "scipy", "sklearn", "threadpoolctl"}
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
)


def imported(source, *, top_level=False):
    """Return the dotted names that `source` imports.

    ``from a.b import c`` counts as ``a.b.c``: `c` may be a module. `top_level` leaves
    out the imports inside functions.
    """
    names = set()
    todo = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif not (top_level and isinstance(node, ast.FunctionDef)):
            todo.extend(ast.iter_child_nodes(node))
    return names


def room(module):
    return module.split(".")[0]


def modules_in(rooms):
    return [module for module in MODULES if room(module) in rooms]


def wrong_arrows(module, source):
    """Return the rooms of the package that `module` must not import, but does."""
    arrows = {name.split(".")[1] for name in imported(source) if is_own(name)}
    return sorted(arrows - ROOMS[room(module)] - {room(module)})


def is_own(name):
    return name.split(".")[0] == "sk_mlp"


def is_private(name):
    return any(part.startswith("_") for part in name.split("."))


def is_within(name, allowed):
    return any(f"{name}.".startswith(f"{prefix}.") for prefix in allowed)


def read(module):
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py").read_text("utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_from_the_rooms_above(module):
    assert room(module) in ROOMS, f"{module} has no place in ROOMS"
    assert not wrong_arrows(module, read(module))


@pytest.mark.parametrize("module", modules_in(ENGINE | COMPONENTS | BASE))
def test_nothing_below_the_estimators_knows_them(module):
    names = {name for name in imported(read(module)) if name.startswith("sklearn")}
    assert all(is_within(name, SKLEARN_BELOW_ESTIMATORS) for name in names), names


@pytest.mark.parametrize("module", MODULES)
def test_no_module_knows_private_names_of_others(module):
    private = {n for n in imported(read(module)) if not is_own(n) and is_private(n)}
    assert not private - {"__future__.annotations"}


@pytest.mark.parametrize("module", MODULES)
def test_all_but_the_runtime_packages_is_imported_where_it_is_used(module):
    packages = {name.split(".")[0] for name in imported(read(module), top_level=True)}
    assert packages <= RUNTIME | {"sk_mlp"} | set(sys.stdlib_module_names)


def test_nothing_imports_the_inspection():
    others = [module for module in MODULES if room(module) != "inspection"]
    for module in others:
        names = imported(read(module))
        assert not any(is_within(name, ["sk_mlp.inspection"]) for name in names)


def test_inspection_is_loaded_when_it_is_asked_for():
    code = """
import sys
import sk_mlp
assert "sk_mlp.inspection" not in sys.modules
assert "inspection" in dir(sk_mlp)
assert sk_mlp.inspection.diagnose.__module__ == "sk_mlp.inspection._diagnosis"
assert "matplotlib" not in sys.modules
try:
    sk_mlp.nonsense
except AttributeError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "module 'sk_mlp' has no attribute 'nonsense'\n"


def test_importing_the_package_loads_no_optional_one():
    code = """
import sys
import sklearn.base, sklearn.model_selection  # which loads rich itself
before = set(sys.modules)
import sk_mlp
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(*loaded & {"matplotlib", "pandas", "rich", "onnx", "distributed", "torch"})
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    "module, source, wrong",
    [
        ("losses", "from sk_mlp.activations import ReLU", ["activations"]),
        ("losses._base", "from sk_mlp import activations", ["activations"]),
        ("losses._deviance", "from sk_mlp.losses._base import Loss", []),
        ("losses._base", "from sk_mlp.activations._base import get", ["activations"]),
        ("losses._base", "from sk_mlp._base import BaseMLP", ["_base"]),
        ("losses.__init__", "from sk_mlp.losses._base import Loss", []),
        ("_layers", "def f():\n    import sk_mlp.activations", ["activations"]),
        ("_trainer", "from sk_mlp._network import Network", ["_network"]),
        ("_network", "if True:\n    from sk_mlp._base import BaseMLP", ["_base"]),
        ("_network", "from sk_mlp._layers import Dense", []),
    ],
)
def test_the_test_sees_an_arrow_that_points_the_wrong_way(module, source, wrong):
    assert wrong_arrows(module, source) == wrong
