"""A room of the package may use only the rooms below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "evallib"
GROUND_UP = (
    "errors",
    "plan",
    "panel",
    "exposure",
    "design",
    "estimate",
    "inference",
    "checks",
    "report",
    "run",
    "cli",
)
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """Return ``panel`` for ``evallib.panel.store``; the package and its start stand on top."""
    parts = [part for part in module.split(".") if part != "__main__"]
    return parts[1] if len(parts) > 1 else "evallib"


def dotted_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every import of evallib, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *([node.module] if node.module else [])])
            whole = base == "evallib"
            names = [f"evallib.{alias.name}" for alias in node.names] if whole else [base]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            first = node.args[0] if node.args else None
            names = [first.value] if isinstance(first, ast.Constant) else []
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "evallib")


def upward_imports(source: str, module: str, is_package: bool = False) -> list[str]:
    own = room_of(module)
    if own == "evallib":
        return []
    found = []
    for line, name in imported_modules(source, module, is_package):
        room = room_of(name)
        if room == own:
            continue
        if room not in GROUND_UP or GROUND_UP.index(room) > GROUND_UP.index(own):
            found.append(f"{module}, line {line}: {own} imports {name}")
    return found


def test_every_module_stands_in_a_known_room() -> None:
    rooms = {room_of(dotted_name(path)) for path in MODULES}
    assert rooms - {"evallib"} <= set(GROUND_UP)


@pytest.mark.parametrize("path", MODULES, ids=dotted_name)
def test_imports_run_downwards(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert upward_imports(source, dotted_name(path), path.stem == "__init__") == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from evallib.panel import store", 0),
        ("from evallib.errors import Fault", 0),
        ("import evallib.run.batch", 1),
        ("import evallib", 1),
        ("from evallib import checks, errors", 1),
        ("from evallib.inference.policy import choose", 1),
        ("from ..inference import policy", 1),
        ("from .. import inference", 1),
        ("from . import result", 0),
        ("def fit():\n    from evallib.inference import policy", 1),
        ("import importlib\nimportlib.import_module('evallib.report')", 1),
        ("import numpy as np", 0),
    ],
)
def test_an_upward_import_is_found(source: str, found: int) -> None:
    assert len(upward_imports(source, "evallib.estimate.twfe")) == found
