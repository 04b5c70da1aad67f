"""Source notebooks are thin: literals, imports from evallib, calls, and no outputs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from evallib.plan import list_plans, load_plan
from evallib.run.notebooks import PARAMETERS

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
REFUSED = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.For, ast.AsyncFor, ast.While, ast.comprehension, ast.Try, ast.With),
)
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def is_parameters(cell: dict[str, Any]) -> bool:
    return "parameters" in cell["metadata"].get("tags", [])


def troubles(code: str) -> list[str]:
    """Return what a cell of a thin notebook may not hold."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, REFUSED):
            found.append(type(node).__name__)
        elif isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] != "evallib"]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [module] if node.level or module.split(".")[0] != "evallib" else []
        elif isinstance(node, ast.Name) and node.id in ("open", "eval", "exec", "__import__"):
            found.append(node.id)
    return found


def test_the_checks_find_what_they_look_for() -> None:
    for code in (
        "def f():\n    pass",
        "class A:\n    pass",
        "for x in y:\n    x",
        "while True:\n    pass",
        "[x for x in y]",
        "f = lambda x: x",
        "import pandas as pd",
        "from . import x",
        "from pathlib import Path",
        "open('x')",
    ):
        assert troubles(code), code
    assert not troubles("import evallib as ev\nplan = ev.load_plan(plan_path)\nplan")


def test_every_notebook_of_a_plan_is_there() -> None:
    for name in list_plans():
        assert set(load_plan(name).notebooks) <= set(NAMES), name


@each
def test_named_by_number_and_topic(path: Path) -> None:
    assert re.fullmatch(r"\d{2}_[a-z0-9]+(_[a-z0-9]+)*", path.stem)


@each
def test_stored_without_outputs(path: Path) -> None:
    for cell in code_cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert set(cell["metadata"]) <= {"tags"}
    kernel = read(path)["metadata"]["kernelspec"]
    assert kernel["name"] == "python3"


@each
def test_one_cell_of_plain_parameters(path: Path) -> None:
    marked = [cell for cell in code_cells(path) if is_parameters(cell)]
    assert len(marked) == 1
    assert is_parameters(code_cells(path)[0])
    values = {}
    for node in ast.parse(source(marked[0])).body:
        assert isinstance(node, ast.Assign)
        assert len(node.targets) == 1
        target = node.targets[0]
        assert isinstance(target, ast.Name)
        values[target.id] = ast.literal_eval(node.value)
    assert set(PARAMETERS) <= set(values)
    assert values["plan_path"] in list_plans()
    assert values["data_folder"] == values["run_folder"] == ""


@each
def test_cells_only_call_and_show(path: Path) -> None:
    for cell in code_cells(path):
        assert troubles(source(cell)) == []


@each
def test_no_path_is_built_by_hand(path: Path) -> None:
    for cell in code_cells(path):
        if is_parameters(cell):
            continue
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert "/" not in node.value
                assert "\\" not in node.value


@each
def test_headings_begin_with_a_title_and_skip_no_level(path: Path) -> None:
    cells = read(path)["cells"]
    assert cells[0]["cell_type"] == "markdown"
    lines = source(cells[0]).strip().splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) > 1
    texts = [source(cell) for cell in cells if cell["cell_type"] == "markdown"]
    headings = [line for text in texts for line in text.splitlines() if line.startswith("#")]
    levels = [len(line.split(" ")[0]) for line in headings]
    assert levels[0] == 1
    assert min(levels[1:]) == 2
    assert all(low - high <= 1 for high, low in zip(levels, levels[1:], strict=False))
    assert len(headings) == len(set(headings))


@each
def test_imports_come_first_and_once(path: Path) -> None:
    imports = [
        place
        for place, cell in enumerate(code_cells(path))
        for node in ast.parse(source(cell)).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imports == [1]
