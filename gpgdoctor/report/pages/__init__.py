"""Self-contained HTML pages: no script, nothing fetched, light and dark, printable, readable on a phone.

A page extends base.html.j2, which brings the style sheet and a policy that allows that style sheet and nothing else.
Only what writes a page imports this: Jinja2 is loaded with it.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from gpgdoctor import __version__
from gpgdoctor.report.layout import Picture
from gpgdoctor.system.escape import printable

HERE = "gpgdoctor.report.pages"
SHARED = ("base.html.j2", "way.svg")
TEXT_LIMIT = 2000


def render(package: str, template: str, **values: Any) -> str:
    """A page from ``template`` in ``package``; texts in ``values`` may hold anything."""
    style = _styles("colours.css", "way.css", "page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # Of our own package, and the same bytes that the policy's digest is of: not escaped.
    values = {**values, "style": Markup(style), "style_digest": digest, "version": __version__}
    return _environment(package).get_template(template).render(values)


def picture(drawn: Picture) -> str:
    """The same picture as a file of its own."""
    style = Markup(_styles("colours.css", "way.css"))
    return _environment(HERE).get_template("picture.svg").render({"picture": drawn, "style": style})


def _environment(package: str) -> Environment:
    return Environment(
        autoescape=True,
        finalize=_safe,
        loader=FunctionLoader(lambda name: _text(HERE if name in SHARED else package, name)),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


def _styles(*names: str) -> str:
    return "".join(_text(HERE, name) for name in names)


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _safe(value: Any) -> Any:
    """Control and bidi characters as escapes; autoescaping then sees to the rest."""
    return printable(value, TEXT_LIMIT) if type(value) is str else value
