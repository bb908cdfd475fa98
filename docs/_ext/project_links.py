"""Links of the pages to files of the project, led to where HTML shows those files.

The pages are written to be read on a code host as well, so they link to examples and
other files by their place in the checkout. Here a link to an example becomes one to its
page in the gallery, a link to a page at the top of the project one to its page here,
and a link to a module one to a page with its source; all other files can be downloaded.
"""

import os
import re
from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "README.md": "index",
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "examples/README.rst": "auto_examples/index",
}


def page_of(file):
    """Return the name of the page that shows a file of the project, or None."""
    if file.parent == PurePosixPath("examples") and file.suffix == ".py":
        return f"auto_examples/{file.stem}"
    return PAGES.get(str(file))


def source_page(file):
    """Return the name of the page with the source of a module."""
    return f"source/{PurePosixPath(file).with_suffix('')}"


def children(node):
    """Return what a link shows; the name of a file or of code in the style of code."""
    text = node.astext()
    if re.fullmatch(r"\w+([._]\w+)+", text.lstrip("_")):
        return [nodes.literal(text, text)]
    return node.children


class ProjectLinks(SphinxTransform):
    """Turn links to files outside of the documentation's folder."""

    default_priority = 300  # before downloads are collected and links resolved

    def apply(self, **kwargs):
        for kind in (addnodes.download_reference, addnodes.pending_xref):
            for node in list(self.document.findall(kind)):
                if node.get("reftype") == "myst":
                    self.turn(node)

    def turn(self, node):
        target = node["reftarget"].partition("#")[0]
        # MyST has taken the suffix from the name of what it holds for a page.
        suffixes = (".md", ".rst") if node.get("refdomain") == "doc" else ("",)
        files = (self.project_file(target + suffix) for suffix in suffixes)
        file = next(filter(None, files), None)
        if file is None:
            return
        page = page_of(file)
        if page is not None:
            new = addnodes.pending_xref(
                refdomain="doc", reftarget=page, reftargetid=None
            )
        elif file.suffix == ".py":
            place = os.path.relpath(f"{source_page(file)}.html", self.folder or ".")
            new = nodes.reference(refuri=place, internal=True, project_file=str(file))
        else:
            target = os.path.relpath(ROOT / file, Path(self.env.srcdir, self.folder))
            new = addnodes.download_reference(refdomain=None, reftarget=target)
        new.update_basic_atts(node)
        new["reftype"], new["refexplicit"] = "myst", node["refexplicit"]
        new["refdoc"] = self.env.docname
        new += children(node)
        node.replace_self(new)

    @property
    def folder(self):
        return os.path.dirname(self.env.docname)

    def project_file(self, target):
        """Return the file that a link means, seen from the page or from the top."""
        docs = Path(self.env.srcdir).resolve()
        for start in (docs / self.folder, ROOT):
            file = Path(os.path.normpath(start / target))
            if file.is_file() and ROOT in file.parents and docs not in file.parents:
                return PurePosixPath(file.relative_to(ROOT).as_posix())
        return None


def source_pages(app):
    """Yield a page with the source of every module that a page links to."""
    files = {
        node["project_file"]
        for page in app.env.found_docs
        for node in app.env.get_doctree(page).findall(nodes.reference)
        if "project_file" in node
    }
    for file in sorted(files):
        text = (ROOT / file).read_text("utf-8")
        body = app.builder.highlighter.highlight_block(text, "python")
        context = {"title": file, "body": f"<h1>{file}</h1>{body}"}
        yield source_page(file), context, "page.html"


def setup(app):
    app.add_transform(ProjectLinks)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
