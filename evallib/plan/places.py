"""Where the project lies: its root, its plans, and how a path is named in a message."""

from __future__ import annotations

import os
from pathlib import Path

PLAN_FOLDER = "evaluations"


def _is_root(folder: Path) -> bool:
    return (folder / PLAN_FOLDER).is_dir() and (
        (folder / "notebooks").is_dir() or (folder / "pyproject.toml").is_file()
    )


def project_roots(start: Path | None = None) -> tuple[Path, ...]:
    """Return the project folders to look in, nearest first.

    Parameters
    ----------
    start : pathlib.Path, optional
        Where to start walking up; the working folder by default.

    Returns
    -------
    tuple of pathlib.Path
        Folders that hold ``evaluations/`` beside ``notebooks/`` or ``pyproject.toml``: found by
        walking up from `start`, then from the package itself.
    """
    here = Path(start) if start is not None else Path.cwd()
    found: list[Path] = []
    for origin in (here, Path(__file__).parent):
        resolved = origin.resolve()
        for folder in (resolved, *resolved.parents):
            if _is_root(folder):
                if folder not in found:
                    found.append(folder)
                break
    return tuple(found)


def project_root(start: Path | None = None) -> Path:
    """Return the project's folder, or the working folder where there is none.

    Parameters
    ----------
    start : pathlib.Path, optional
        Where to start walking up; the working folder by default.

    Returns
    -------
    pathlib.Path
        An absolute path.
    """
    roots = project_roots(start)
    return roots[0] if roots else Path.cwd().resolve()


def shown_path(path: Path) -> str:
    """Return a path as messages name it: from the project's folder where it lies inside.

    Parameters
    ----------
    path : pathlib.Path
        Any path, existing or not.

    Returns
    -------
    str
        The path with forward slashes.
    """
    absolute = Path(os.path.abspath(path))
    for root in (Path.cwd().resolve(), *project_roots()):
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
    return absolute.as_posix()
