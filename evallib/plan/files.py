"""Files that a plan names: where they are looked for, and a plan that is kept elsewhere."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evallib.plan.places import project_roots

_LOCAL = re.compile(
    r"(?P<head>(?:duckdb|sqlite)(?:\+[a-z0-9_]+)?:///)(?P<path>[^?:][^?]*)(?P<tail>.*)"
)


def find_file(name: str, plan_path: Path | None) -> Path | None:
    """Return the file that a plan names.

    Parameters
    ----------
    name : str
        A path as written in the plan.
    plan_path : pathlib.Path or None
        The plan's file; None where it has none.

    Returns
    -------
    pathlib.Path or None
        The first that exists: from the plan's folder, the project's, the working folder. None
        where there is none.
    """
    folders = [*([plan_path.parent] if plan_path else []), *project_roots(), Path.cwd()]
    for folder in folders:
        try:
            if (folder / name).is_file():
                return Path(os.path.abspath(folder / name))
        except (OSError, ValueError):
            continue
    return None


def written_path(path: Path) -> str:
    """Return a path as a plan should name it, so that it is found from any working folder.

    Parameters
    ----------
    path : pathlib.Path
        Any path, existing or not.

    Returns
    -------
    str
        From the project's folder where the path lies inside, else absolute.
    """
    absolute = Path(os.path.abspath(path))
    for root in project_roots():
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
    return absolute.as_posix()


def local_database(url: str) -> tuple[str, str, str] | None:
    """Split the URL of a database that is a file into what stands before, the path and the rest.

    Examples
    --------
    >>> local_database("duckdb:///tables/mine.duckdb")
    ('duckdb:///', 'tables/mine.duckdb', '')
    >>> local_database("postgresql://host/db") is None
    True
    """
    found = _LOCAL.fullmatch(url)
    return (found["head"], found["path"], found["tail"]) if found else None


def moved_to(effective: dict[str, Any], plan_path: Path | None, folder: Path) -> dict[str, Any]:
    """Return the values of a plan for a copy that is kept in another folder.

    Parameters
    ----------
    effective : dict
        The values, as `Plan.effective` returns them.
    plan_path : pathlib.Path or None
        The plan's file.
    folder : pathlib.Path
        Where the copy will lie.

    Returns
    -------
    dict
        The same values; files that the plan names are written as paths from `folder`.
    """
    values = copy.deepcopy(effective)
    for holder, key in _files_in(values):
        name = holder[key]
        parts = local_database(name) if key == "database" else ("", name, "")
        found = find_file(parts[1], plan_path) if parts else None
        if parts and found is not None:
            holder[key] = parts[0] + Path(os.path.relpath(found, folder)).as_posix() + parts[2]
    return values


def _files_in(values: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every mapping and key that name a file."""
    for row in values.get("derived") or ():
        if str(row.get("deflator") or "").endswith(".csv"):
            yield row, "deflator"
    for table in values.get("own_data") or ():
        yield from ((table, key) for key in ("file", "names", "database") if table.get(key))
