"""Rooms depend only on rooms below them (imports inside functions included), files are short, and no code compares a
sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gpgdoctor

PACKAGE = Path(gpgdoctor.__file__).parent
# From the ground up; what stands in one line is one floor, and its rooms do not know each other.
FLOORS = (
    ("__init__",),
    ("system/record",),
    ("wording",),
    ("maybe",),
    ("facts",),
    ("snapshot",),
    ("system", "scdaemon_conf", "holders", "manual"),
    ("pcsc",),
    ("rules",),
    ("diagnosis",),
    ("collect", "plan"),
    ("fix",),
    ("redact", "way"),
    ("report",),
    ("instruments", "fleet"),
    ("dependencies", "hooks", "lab"),
    ("docs",),
    ("commands",),
    ("crash",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Arrows that still point up, or across a floor. Nothing is added to this list: it only shrinks.
UPWARD: set[tuple[str, str]] = set()
# Who may compare no sentence, and who still does: this list only shrinks, too.
JUDGING = ("rules", "diagnosis", "plan", "way", "redact", "report", "fix", "hooks", "commands")
COMPARING: set[str] = set()
MOST_LINES = 320  # that are not blank, in a file
TABLES = {"holders"}  # may be longer
SENTENCE = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}")

TESTS = sorted(Path(__file__).parent.rglob("*.py"))
MODULES = {str(path.relative_to(PACKAGE).with_suffix("")): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    """The longest part of a module's path that is a room."""
    parts = module.split("/")
    names = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((name for name in names if name in FLOOR), parts[0])


def imported(module: str) -> Iterator[str]:
    """The modules of the package that one of them imports, wherever in it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            path = name.split(".")
            if path[0] == "gpgdoctor":
                yield _module("/".join(path[1:]))


def _module(name: str) -> str:
    """A name may be a module, or something in one."""
    while name and name not in MODULES and f"{name}/__init__" not in MODULES:
        name = name.rpartition("/")[0]
    return name or "__init__"


def arrows() -> set[tuple[str, str]]:
    """From room to room."""
    return {
        (room_of(module), room_of(other))
        for module in MODULES
        for other in imported(module)
        if room_of(module) != room_of(other)
    }


def test_every_module_is_in_a_room() -> None:
    assert {room_of(module) for module in MODULES} <= set(FLOOR)


def test_arrows_point_down() -> None:
    upward = {(room, other) for room, other in arrows() if FLOOR[other] >= FLOOR[room]}
    assert upward == UPWARD


@pytest.mark.parametrize("path", [path for module, path in MODULES.items() if module not in TABLES] + TESTS)
def test_a_file_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) <= MOST_LINES


# -- sentences ---------------------------------------------------------------------------------------------------


def sentences(tree: ast.Module) -> set[str]:
    """Names of the module that stand for a sentence, or for several."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and any(map(is_sentence, ast.walk(node.value)))
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def is_sentence(node: ast.AST) -> bool:
    """Words with a blank between them."""
    if isinstance(node, ast.JoinedStr):
        return any(map(is_sentence, node.values))
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(SENTENCE.search(node.value))


def compared(path: Path) -> Iterator[str]:
    """Where a sentence decides: compared, looked for, or looked up."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = sentences(tree)
    for node in ast.walk(tree):
        operands: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            operands = node.args if node.func.attr in ("startswith", "endswith", "removeprefix", "removesuffix") else []
        for operand in operands:
            items = operand.elts if isinstance(operand, (ast.Tuple, ast.List, ast.Set)) else [operand]
            for item in items:
                if is_sentence(item) or (isinstance(item, ast.Name) and item.id in named):
                    yield f"line {item.lineno}: {ast.unparse(node)[:100]}"


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) in JUDGING])
def test_no_sentence_is_compared(module: str) -> None:
    assert bool(list(compared(MODULES[module]))) == (module in COMPARING)


def test_a_comparison_of_sentences_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    for code in (
        'if reason == "explained by GD205": pass',
        'if reason == f"explained by {cause}": pass',
        'REASON = "it does not exist"\nif REASON in problems: pass',
        'if reason in ("no", "it does not exist"): pass',
        'if reason.startswith("a passive look"): pass',
    ):
        path.write_text(code)
        assert list(compared(path)), code
    path.write_text('SENTENCE = "it does not exist"\nif state == "ok" or line.startswith("S SERIALNO "): pass')
    assert list(compared(path)) == []
