"""How Sphinx builds the documentation.

From the top of the project, without network:

    python -m sphinx -W -b html docs docs/_build/html

What is generated before the pages are read: the API reference (from the ``__all__`` of
the modules), a page for every activation (from the registry) and the gallery (from the
examples, which are run).
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

# The examples and figures train small networks, which a second thread only slows down.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sk_mlp

project = "sk_mlp"
author = "sk_mlp developers"
project_copyright = author
version = release = sk_mlp.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    # Our own, in _ext.
    "activation_pages",
    "project_links",
    "reference",
]

templates_path = ["_templates"]
exclude_patterns = ["_build", "_ext", "auto_examples/*.md5", "auto_examples/**.ipynb"]
default_role = "literal"
smartquotes = False  # default="relu" is code
toc_object_entries_show_parents = "hide"
nitpicky = True
# Names of other packages; they lead somewhere if the network may be asked.
nitpick_ignore_regex = [(r"py:.*", r"(?!sk_mlp\b).*")]
if os.environ.get("SK_MLP_DOCS_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
    }

# Markdown ---------------------------------------------------------------------------

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 4

# Formulas are drawn by a copy of MathJax that lies beside the pages.
_mathjax = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"
mathjax_path = "tex-svg.js"

# API reference ----------------------------------------------------------------------

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # the docstrings tell, in words
numpydoc_show_class_members = False  # the template of a class lists them

# Figures and gallery ----------------------------------------------------------------

plot_formats = [("png", 144)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.4, 3.6),
    "font.size": 9,
}
plot_apply_rcparams = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # All run, but the one that limits the memory of the process it runs in.
    "filename_pattern": r"(?<!out_of_core)\.py$",
    "default_thumb_file": str(Path(__file__).with_name("_static") / "network.svg"),
    "within_subsection_order": "gallery_order.Order",
    "abort_on_example_error": True,
    "parallel": 2,
    "reset_modules": ("matplotlib", "seaborn", "gallery_order.use_spawn"),
    "doc_module": ("sk_mlp",),
    "backreferences_dir": "api/backreferences",
    "min_reported_time": 1e9,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "plot_gallery": True,
}

# HTML -------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"sk_mlp {release}"
html_logo = html_favicon = "_static/network.svg"
html_static_path = ["_static", str(_mathjax / mathjax_path)]
html_css_files = ["sk_mlp.css"]
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_sidebars = {"contributing": [], "changelog": []}
html_theme_options = {
    "logo": {"text": f"sk_mlp {release}"},
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
