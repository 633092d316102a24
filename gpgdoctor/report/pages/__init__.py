"""Self-contained HTML pages: no script, nothing fetched, light and dark, printable, readable on a phone.

A page extends base.html, which brings the style sheet and a policy that allows that style sheet and nothing else.
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
from gpgdoctor.system.escape import printable

HERE = "gpgdoctor.report.pages"
TEXT_LIMIT = 2000


def render(package: str, template: str, **values: Any) -> str:
    """A page from ``template``, which lies in ``package``; texts in ``values`` may hold anything."""
    style = _text(HERE, "page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        autoescape=True,
        finalize=_safe,
        loader=FunctionLoader(lambda name: _text(HERE if name == "base.html" else package, name)),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    # Of our own package, and the same bytes that the policy's digest is of: not escaped.
    values = {**values, "style": Markup(style), "style_digest": digest, "version": __version__}
    return environment.get_template(template).render(values)


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _safe(value: Any) -> Any:
    """Control and bidi characters as escapes; autoescaping then sees to the rest."""
    return printable(value, TEXT_LIMIT) if type(value) is str else value
