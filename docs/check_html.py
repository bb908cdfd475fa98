"""Find what is wrong with built pages that Sphinx does not tell.

    python docs/check_html.py docs/_build/html

Dead links and anchors, scripts, styles and pictures that are missing or would be
fetched from the network, and public names that the reference lacks.
"""

import importlib
import pkgutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import sk_mlp

LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src")}


class Page(HTMLParser):
    """The anchors of a page, and what it links to or loads."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.targets, self.fetched = {"", "top"}, set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif (tag, name) in LOADED or (tag == "a" and name == "href"):
                url = urlsplit(value or "")
                if not url.scheme and not url.netloc:
                    self.targets.add(value or "")
                elif tag != "a" and url.scheme != "data":
                    self.fetched.add(value)


def read(folder):
    """Return the pages of a folder by their paths."""
    return {
        path.resolve(): Page(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts
    }


def faults_of_links(pages):
    """Yield a line for every link, anchor and file that is not there."""
    for path, page in pages.items():
        for target in sorted(page.targets):
            url = urlsplit(target)
            file = path
            if url.path:
                file = (path.parent / unquote(url.path)).resolve()
            if not file.exists():
                yield f"{path.name}: {target}: no such file"
            elif file in pages and unquote(url.fragment) not in pages[file].anchors:
                yield f"{path.name}: {target}: no such anchor"
        for target in sorted(page.fetched):
            yield f"{path.name}: {target}: is fetched from the network"


def public_names():
    """Yield the dotted name of everything that a public module offers."""
    for info in pkgutil.iter_modules(sk_mlp.__path__, "sk_mlp."):
        if not info.name.startswith("sk_mlp._"):
            module = importlib.import_module(info.name)
            for name, value in vars(module).items():
                is_own = getattr(value, "__module__", None) == info.name
                is_public = is_own and callable(value) and not name.startswith("_")
                if name in module.__all__ if hasattr(module, "__all__") else is_public:
                    yield f"{info.name}.{name}"
    for name in sk_mlp.__all__:
        if isinstance(getattr(sk_mlp, name), type):
            yield f"sk_mlp.{name}"


def faults_of_reference(pages):
    """Yield a line for every public name that has no entry in the reference."""
    anchors = set().union(*(page.anchors for page in pages.values()))
    for name in public_names():
        if name not in anchors:
            yield f"{name} is not in the reference"


def main(folder):
    pages = read(Path(folder))
    faults = [*faults_of_links(pages), *faults_of_reference(pages)]
    print(*faults, sep="\n", end="\n" if faults else "")
    n_links = sum(len(page.targets) for page in pages.values())
    print(f"{len(pages)} pages, {n_links} links and files: {len(faults)} faults")
    return bool(faults or not pages)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
