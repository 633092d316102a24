"""axe-core in a page: what is hard to read or to reach on it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tests.support.browser import Browser
from tests.support.labs import cannot_run


def violations(browser: Browser) -> list[str]:
    """The rules that the page breaks, contrast among them, each with the element."""
    spec = find_spec("axe_core_python")
    if spec is None or not spec.submodule_search_locations:
        cannot_run("axe-core is not installed")
    browser.run((Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8") + ";0")
    found = "r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.html))"
    violated = browser.run(f"axe.run().then({found})")
    assert isinstance(violated, list)
    return violated
