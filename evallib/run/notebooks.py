"""The source notebooks of a plan: found, and asked for their parameters and title."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evallib.errors import Fault, did_you_mean
from evallib.plan import Plan, shown_path

PARAMETERS = ("plan_path", "data_folder", "run_folder")


def find_notebooks(plan: Plan, folder: Path) -> tuple[list[Path], list[Fault]]:
    """Return the notebooks that a plan names, and what is wrong with them.

    Parameters
    ----------
    plan : Plan
        Names the notebooks, without their ending.
    folder : pathlib.Path
        The folder of the source notebooks.

    Returns
    -------
    found : list of pathlib.Path
        In the plan's order.
    faults : list of Fault
        For each that is missing, is not a notebook, or has no cell for the parameters.
    """
    found: list[Path] = []
    faults: list[Fault] = []
    known = sorted(path.stem for path in folder.glob("*.ipynb"))
    plan_label = shown_path(plan.path) if plan.path is not None else plan.name
    for at, name in enumerate(plan.notebooks):
        path = folder / f"{name}.ipynb"
        where = f"{plan_label}, notebooks[{at}]"
        if not path.is_file():
            hint = did_you_mean(name, known).strip()
            what = f"there is no notebook {shown_path(path)}"
            faults.append(Fault(where, what, hint, f"There are: {', '.join(known) or 'none'}"))
            continue
        found.append(path)
        faults += _notebook_faults(path)
    return found, faults


def read_title(path: Path) -> str:
    """Return a notebook's first heading, or its name in words."""
    for cell in _cells(path):
        if cell.get("cell_type") == "markdown":
            for line in _source(cell).splitlines():
                if line.startswith("# "):
                    return line[2:].strip()
    return path.stem[3:].replace("_", " ")


def _notebook_faults(path: Path) -> list[Fault]:
    where = shown_path(path)
    try:
        cells = _cells(path)
    except (OSError, ValueError):
        remedy = "Restore the file, or save it again from JupyterLab"
        return [Fault(where, "it is not a notebook that can be read", "", remedy)]
    names = {
        name
        for cell in cells
        if "parameters" in _tags(cell) and cell.get("cell_type") == "code"
        for name in _assigned(_source(cell))
    }
    missing = [name for name in PARAMETERS if name not in names]
    if not missing:
        return []
    return [
        Fault(
            where,
            f"its cell tagged 'parameters' does not set {', '.join(missing)}",
            "A batch could not tell the notebook what to run on",
            'Add a cell with that tag, which sets each to a literal such as ""',
        )
    ]


def _cells(path: Path) -> list[Mapping[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("no cells")
    return [cell for cell in notebook["cells"] if isinstance(cell, dict)]


def _tags(cell: Mapping[str, Any]) -> list[str]:
    metadata = cell.get("metadata")
    return list(metadata.get("tags", [])) if isinstance(metadata, dict) else []


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def _assigned(source: str) -> set[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
