"""Write a page for every registered activation, before Sphinx reads the pages.

The facts are those of ``activations.table()``, its measured cost included; mathematics
and advice come from `activation_facts`.
"""

import re
from pathlib import Path

from activation_facts import FACTS

from sk_mlp import activations

PAGE = """\
# {name}

{what}

$$
{formula}
$$

{where}

Derivative:

$$
{derivative}
$$

{figure}

## When to use it

{advice}

## Properties

| property | of `{name}` |
|---|---|
{properties}

Reference: {reference}
"""

FIGURE = """\
```{{eval-rst}}
.. plot::
   :include-source:
   :alt: Curve and slope of {name}

   from sk_mlp.inspection import ActivationDisplay

   ActivationDisplay.from_activations("{name}", z_range={z_range})
```"""

VANISHING = {
    "none": "no",
    "left": "for z → -∞",
    "right": "for z → ∞",
    "both": "for z → -∞ and z → ∞",
}


def yes(value):
    return "yes" if value else "no"


def named(activation):
    """Tell which object a name stands for, with a link to its class."""
    cls = type(activation).__name__
    code = repr(activation)
    link = f"{{class}}`~sk_mlp.activations.{cls}`"
    return link if code == f"{cls}()" else f"`{code}`, a setting of {link}"


def properties(activation, facts, row):
    """Yield the rows of the table: what it is called and what it is here."""
    kinks = ", ".join(f"z = {kink:g}" for kink in row["kinks"])
    yield "range", f"`{facts.values or in_four_digits(row['range'])}`"
    yield "bounded", yes(row["bounded"])
    yield "zero-centred: mean 0 for z ~ N(0, 1)", yes(row["zero_centered"])
    if not activation.rowwise:
        yield "monotonic", facts.monotonic or yes(row["monotonic"])
        yield "gain, 1/√E f(z)²", f"{row['gain']:.4g}"
    yield "slope vanishes", VANISHING[row["vanishing"]]
    yield "kinks", kinks or "none"
    yield '`init="auto"` for its layers', initializer(activation)
    yield "shape parameters", shape_parameters(activation)
    yield "cost of value and slope, ReLU = 1", f"{row['cost']:.1f}"


def in_four_digits(interval):
    """Return an interval as text; an end that is a long fraction is rounded."""
    return re.sub(r"-?\d+\.\d+", lambda end: f"{float(end[0]):.4g}", str(interval))


def linked(reference):
    """Return a reference whose number at arXiv is a link."""
    arxiv = r"[arXiv:\1](https://arxiv.org/abs/\1)"
    return re.sub(r"arXiv:(\d+\.\d+)", arxiv, reference)


def initializer(activation):
    name = activation.initializer
    return f"`{name}`" if name else "normal, standard deviation gain/√fan_in"


def shape_parameters(activation):
    names = ", ".join(f"`{name}`" for name in activation.shape_parameters)
    if not names:
        return "none"
    trained = activation.trainable
    return f"{names}, {'trained' if trained else 'fixed, or trained with `trainable`'}"


def page(name, row):
    """Return the page of an activation as Markdown."""
    activation, facts = activations.get(name), FACTS[name]
    what = f'`activation="{name}"` is {named(activation)}.'
    if row["aliases"]:
        what += f" Also called {', '.join(f'`{alias}`' for alias in row['aliases'])}."
    rows = properties(activation, facts, row)
    return PAGE.format(
        name=name,
        what=what,
        formula=facts.formula,
        where=facts.where,
        derivative=facts.derivative,
        figure=FIGURE.format(name=name, z_range=facts.z_range),
        advice=facts.advice,
        properties="\n".join(f"| {label} | {value} |" for label, value in rows),
        reference=linked(facts.reference or row["reference"]),
    )


def write_pages(app):
    """Write the pages, those alone that have changed."""
    folder = Path(app.srcdir, "activations")
    folder.mkdir(exist_ok=True)
    rows = activations.table().to_dict("index")
    pages = {f"{name}.md": page(name, row) for name, row in rows.items()}
    for file in folder.glob("*.md"):
        if file.name not in pages:
            file.unlink()
    for name, text in pages.items():
        file = folder / name
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def link_names(app, docname, source):
    """Lead from the names in the table of the overview to their pages.

    The pages are not in the checkout, so on a code host such a link would be dead.
    """
    if docname == "activations":
        name, link = r"^\| `(\w+)`", r"| [`\1`](activations/\1.md)"
        source[0] = re.sub(name, link, source[0], flags=re.MULTILINE)


def skip_pages(app, pagename, templatename, context, doctree):
    """Lead "Next" and "Previous" of other pages past those of single activations."""
    relations = getattr(app.builder, "relations", {})
    if pagename.startswith("activations/") or pagename not in relations:
        return
    for place, way in enumerate(("prev", "next"), start=1):
        target = nearest = relations[pagename][place]
        while target and target.startswith("activations/"):
            target = relations[target][place]
        if target != nearest:
            link = app.builder.get_relative_uri(pagename, target)
            title = app.builder.render_partial(app.env.titles[target])["title"]
            context[way] = {"link": link, "title": title}


def setup(app):
    app.connect("builder-inited", write_pages)
    app.connect("source-read", link_names)
    app.connect("html-page-context", skip_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
