"""The API reference: which pages there are, which members and links to source."""

import importlib
import pkgutil
from pathlib import Path


def forget_what_is_gone(app):
    """Remove the pages of names that an earlier build knew and that are no more."""
    for page in Path(app.srcdir, "api", "generated").glob("*.rst"):
        try:
            pkgutil.resolve_name(page.stem)
        except (ImportError, AttributeError):
            page.unlink()


def is_inherited_from_elsewhere(app, what, name, thing, skip, options):
    """Skip a method of another package, which documents it; leave the rest."""
    thing = getattr(thing, "fget", thing)
    module = getattr(thing, "__module__", None) or "sk_mlp"
    return None if module.startswith("sk_mlp") else True


def source_of(app, modname, name):
    """Return the module to show the source of, or None for where it is defined.

    A page of source code links back to one public module only, but several offer what
    `_component` defines: those names have no link to their source.
    """
    thing = getattr(importlib.import_module(modname), name.partition(".")[0], None)
    shared = getattr(thing, "__module__", None) == "sk_mlp._component"
    return modname if shared else None


def setup(app):
    app.connect("builder-inited", forget_what_is_gone, priority=100)
    app.connect("autodoc-skip-member", is_inherited_from_elsewhere)
    app.connect("viewcode-follow-imported", source_of)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
