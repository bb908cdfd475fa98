"""The documentation is true: its code runs, its links and its lists are complete."""

import importlib
import inspect
import pkgutil
import re
import tomllib
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from _pages import TAUGHT, TUNING, compiled_blocks
from sklearn.exceptions import ConvergenceWarning

import sk_mlp

ROOT = Path(__file__).parents[1]
# Written by the documentation's build, and not in the checkout.
GENERATED = ("_build", "activations", "api", "auto_examples")
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if page.relative_to(ROOT).parts[1:2] not in [(name,) for name in GENERATED]
)
COMPONENTS = ("activations", "losses", "initializers", "optimizers", "schedules")
GUIDES = {
    "activations": "activations.md",
    "losses": "losses.md",
    "initializers": "training.md",
    "optimizers": "training.md",
    "schedules": "training.md",
}
ESTIMATORS = (sk_mlp.MLPClassifier, sk_mlp.MLPRegressor)


def page_id(page):
    return page.relative_to(ROOT).as_posix()


# Pages ------------------------------------------------------------------------------


def anchors(text):
    """Return the names of the headings that a link can point at."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    }


def prose(text):
    """Return the text of a page without its blocks of code and directives."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def links(text):
    """Return the targets of links and pictures that lie in this project."""
    code_or_mathematics = r"`(?:[^`\n]|\n(?!\n))*`|\$\$[^$]*\$\$|\$[^$\n]+\$"
    text = re.sub(code_or_mathematics, "", prose(text))
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    targets += re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    return [target for target in targets if not re.match(r"\w+:", target)]


def entries_of_toctrees(text):
    """Return the pages in tables of contents, without those that are generated."""
    block = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    found = []
    for line in "\n".join(block.findall(text)).splitlines():
        name = re.sub(r".*<(.+)>", r"\1", line)
        folder, _, _ = name.rpartition("/")
        if name and not name.startswith(":") and folder not in GENERATED:
            found.append(f"{name}.md")
    return found


def names_in_tables(text):
    """Return the names in code type in the first column of the page's tables."""
    rows = re.findall(r"^\| (`.+?) +\|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.fixture
def registries():
    """Forget, after a test, the components that it registered."""
    before = {kind: set(getattr(sk_mlp, kind).names()) for kind in COMPONENTS}
    yield
    for kind, names in before.items():
        registry = getattr(sk_mlp, kind)._REGISTRY
        for name in set(registry.names()) - names:
            registry.unregister(name)


# The others run where their output is compared.
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in (*TAUGHT, TUNING)], ids=page_id
)
@pytest.mark.usefixtures("registries")
def test_code_of_a_page_runs(page, tmp_path, monkeypatch):
    # The blocks of a page share their names, as they do for who reads it.
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for _, code in compiled_blocks(page):
        exec(code, namespace)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_of_a_page_lead_somewhere(page):
    dead, text = [], page.read_text("utf-8")
    for link in links(text) + entries_of_toctrees(text):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text("utf-8"))
        ):
            dead.append(link)
    assert not dead


def test_every_page_can_be_reached_from_the_readme():
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            text = page.read_text("utf-8")
            todo += [
                page.parent / link.partition("#")[0]
                for link in links(text) + entries_of_toctrees(text)
                if not link.startswith("#")
            ]
    assert {page.resolve() for page in PAGES} <= reached


@pytest.mark.parametrize("kind", COMPONENTS)
def test_guide_lists_every_name_and_no_other(kind):
    module = importlib.import_module(f"sk_mlp.{kind}")
    listed = names_in_tables((ROOT / "docs" / GUIDES[kind]).read_text("utf-8"))
    for name in listed & known_names(module):
        module.get(name)
    assert set(module.names()) <= listed
    others = [importlib.import_module(f"sk_mlp.{other}") for other in COMPONENTS]
    everything = set().union(*map(known_names, others), {"auto", "lbfgs"})
    assert listed <= everything


@pytest.mark.parametrize("kind", COMPONENTS)
def test_class_of_every_name_is_public(kind):
    module = getattr(sk_mlp, kind)
    for name in module.names():
        cls = type(module.get(name))
        assert getattr(module, cls.__name__, None) is cls, f"{cls} is not in __all__"


def test_objects_in_the_table_of_activations_are_what_the_names_stand_for():
    text = (ROOT / "docs" / "activations.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)`.*? \| `(.+?)` \|", text, re.MULTILINE)
    assert len(rows) == len(sk_mlp.activations.names())
    for name, code in rows:
        value = eval(code, vars(sk_mlp.activations).copy())
        component = value() if isinstance(value, type) else value
        assert component == sk_mlp.activations.get(name), name


def known_names(module):
    return {*module.names(), *module._REGISTRY.aliases()}


# The project ------------------------------------------------------------------------


def test_readme_has_the_two_commands_that_ci_runs():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "\npython -m pip install . && python examples/quickstart.py\n" in text
    assert '\npython -m pip install -e ".[test]" && python -m pytest\n' in text


def test_changelog_starts_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert sk_mlp.__version__ in versions[:2]


def test_extra_all_is_every_extra_that_is_used_at_run_time():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for_work = {"all", "test", "docs", "lint"}
    assert extras["all"] == [
        f"sk-mlp[{','.join(k for k in extras if k not in for_work)}]"
    ]


# Docstrings -------------------------------------------------------------------------


def public_modules():
    """Yield every module of the package whose name has no underscore."""
    yield sk_mlp
    for info in pkgutil.walk_packages(sk_mlp.__path__, "sk_mlp."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield importlib.import_module(info.name)


def public_objects():
    """Return the public classes and functions by their dotted names."""
    found = {}
    for module in public_modules():
        for name, value in vars(module).items():
            is_exported = name in getattr(module, "__all__", ())
            is_own = getattr(value, "__module__", None) == module.__name__
            if callable(value) and not name.startswith("_") and (is_exported or is_own):
                found[f"{module.__name__}.{name}"] = value
    return found


def public_methods():
    """Return the methods written in public classes by their dotted names."""
    found = {}
    for path, cls in PUBLIC.items():
        if inspect.isclass(cls):
            for name, value in inspect.getmembers(cls, inspect.isfunction):
                if value.__module__.startswith("sk_mlp") and not name.startswith("_"):
                    found[f"{path}.{name}"] = value
    return found


def section(doc, title):
    """Return the text of a numpydoc section, or None if there is no such one."""
    match = re.search(
        rf"^{title}\n-{{{len(title)}}}\n(.*?)(?=^\S[^\n]*\n---|\Z)",
        doc,
        re.DOTALL | re.MULTILINE,
    )
    return match and match[1]


def entries(doc, title):
    """Return ``{name: (type, default or None)}`` of a numpydoc section.

    The head of an entry may name several: ``a, b : float, default=1.0 and 2.0``.
    """
    head = r"^(\S[^:\n]*?)(?: ?: (.*?)(?:,? default[= ](.+))?)?$"
    found = {}
    for names, kind, default in re.findall(
        head, section(doc, title) or "", re.MULTILINE
    ):
        names = re.findall(r"\w+", names)
        defaults = re.split(r" and |, ", default) if len(names) > 1 else [default]
        for name, value in zip(names, cycle(defaults)):
            found[name] = kind, value or None
    return found


def parameters_of(thing):
    """Return the parameters of a class or function by name, without self."""
    parameters = dict(inspect.signature(thing).parameters)
    parameters.pop("self", None)
    return parameters


def assert_parameters_are_documented(doc, parameters):
    documented = entries(doc, "Parameters")
    assert list(documented) == list(parameters)
    for name, (_, default) in documented.items():
        if default:
            assert eval(default) == parameters[name].default, name


PUBLIC = public_objects()
METHODS = public_methods()


@pytest.mark.parametrize("module", list(public_modules()), ids=lambda m: m.__name__)
def test_public_module_is_documented(module):
    assert module.__doc__


@pytest.mark.parametrize("path", sorted(PUBLIC))
def test_public_name_is_documented(path):
    doc = inspect.getdoc(PUBLIC[path])
    if not is_warning(PUBLIC[path]):  # which Python makes, by its own rules
        assert_parameters_are_documented(doc, parameters_of(PUBLIC[path]))
    assert ">>> " in doc, "an example is missing"


def is_warning(public):
    return isinstance(public, type) and issubclass(public, Warning)


@pytest.mark.parametrize("path", sorted(METHODS))
def test_public_method_is_documented(path):
    method = METHODS[path]
    assert inspect.getdoc(method), "neither documented nor inherited from what is"
    doc = inspect.cleandoc(method.__doc__ or "")
    if section(doc, "Parameters"):
        assert_parameters_are_documented(doc, parameters_of(method))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_attributes_section_lists_what_fit_leaves(cls):
    X = pd.DataFrame(np.arange(40.0).reshape(20, 2) % 7, columns=["a", "b"])
    est = cls((3,), solver="sgd", max_iter=1, tol=0.0, early_stopping=True)
    with pytest.warns(ConvergenceWarning):
        est.fit(X, np.arange(20) % 2)
    fitted = {name for name in dir(est) if re.fullmatch(r"[a-z]\w*_", name)}
    assert set(entries(inspect.getdoc(cls), "Attributes")) == fitted
