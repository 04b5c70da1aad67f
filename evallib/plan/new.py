"""Start a new plan from a commented template."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from evallib.errors import Fault, PlanError
from evallib.plan.load import is_plan_name
from evallib.plan.places import PLAN_FOLDER, project_root, shown_path


def create_plan(name: str, root: Path | None = None) -> Path:
    """Write ``evaluations/NAME.yml`` from the template.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, ``_`` and ``-``.
    root : pathlib.Path, optional
        The project's folder; found from the working folder by default.

    Returns
    -------
    pathlib.Path
        The new file.

    Raises
    ------
    PlanError
        If the name cannot name a folder, a plan of that name exists, or the folder cannot be
        written.
    """
    folder = (root or project_root()) / PLAN_FOLDER
    path = folder / f"{name}.yml"
    if not is_plan_name(name):
        remedy = "Use lower-case letters, digits, _ or -, like waste_review"
        raise PlanError([Fault(name or "(no name)", "cannot name a plan", "", remedy)])
    where = shown_path(path)
    if path.with_suffix(".yaml").exists():
        raise _exists(where)
    text = files("evallib.plan").joinpath("template.yml").read_text(encoding="utf-8")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(where) from None
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise PlanError([Fault(where, what, "", "Check the folder's permissions")]) from None
    return path


def _exists(where: str) -> PlanError:
    return PlanError([Fault(where, "there is a plan of that name", "", "Choose another name")])
