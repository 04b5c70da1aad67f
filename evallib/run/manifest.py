"""The record of a run: what went in, with what, how it went and what came out."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evallib.panel import Panel
from evallib.plan import Plan
from evallib.plan.deviations import Deviation, find_unplanned
from evallib.plan.lock import Lock
from evallib.run.execute import NotebookStatus
from evallib.run.folders import MANIFEST
from evallib.run.key import RunKey, sha256_of

_NOT_HASHED = frozenset({MANIFEST, "run.log"})


@dataclass(frozen=True, slots=True)
class RunManifest:
    """Everything needed to say what a run was, and to make it again.

    Parameters
    ----------
    evaluation, run_id, title : str
        Which run this is.
    plan : mapping
        Effective parameters, defaults included.
    differences : mapping
        What was set in place of the plan's file.
    key : mapping
        sha256 of plan, data, notebooks and code.
    inputs : tuple of mapping
        One a raw table: file, sha256, rows, publisher, licence and what its sidecar says.
    versions : mapping
        Python, the platform and the packages.
    revision : str or None
        The commit of the sources; None outside git.
    is_changed : bool or None
        Whether the sources were changed since that commit.
    notes : tuple of str
        Facts about the inputs that the report repeats.
    seeds : mapping
        Seeds by what they are for.
    created : str
        When the run began, ISO 8601 in UTC.
    seconds : float
        How long it took.
    timings : mapping
        Seconds by step.
    notebooks : tuple of mapping
        Status of every notebook.
    lock : mapping or None
        What was locked, every deviation from it, and what it does not name; None without a lock.
    outputs : tuple of mapping
        path and sha256 of every file of the run, the manifest and the log aside.
    """

    evaluation: str
    run_id: str
    title: str
    created: str
    seconds: float
    plan: Mapping[str, Any]
    differences: Mapping[str, Any]
    key: Mapping[str, str]
    inputs: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    revision: str | None
    is_changed: bool | None
    seeds: Mapping[str, int]
    timings: Mapping[str, float] = field(default_factory=dict)
    notebooks: tuple[Mapping[str, Any], ...] = ()
    lock: Mapping[str, Any] | None = None
    outputs: tuple[Mapping[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest as plain values, in a fixed order."""
        return json.loads(json.dumps(asdict(self), default=str))  # type: ignore[no-any-return]

    def write(self, folder: Path) -> Path:
        """Write ``manifest.json`` into the run's folder and return its path."""
        path = folder / MANIFEST
        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        return path


def lock_as_dict(
    lock: Lock | None, plan: Plan, deviations: Iterable[Deviation], panel: Panel | None = None
) -> dict[str, Any] | None:
    """Return what was locked and what differs from it; None without a lock.

    Outcomes have their titles where a panel is given, whose catalogue has them.
    """
    if lock is None:
        return None
    described = (
        ()
        if panel is None
        else zip(panel.catalogue.frame["indicator"], panel.catalogue.frame["title"], strict=True)
    )
    asked = {one.indicator for one in (*plan.outcomes, *plan.placebo_outcomes)}
    return {
        "file": lock.path.name,
        "locked": lock.locked,
        "sha256": lock.sha256,
        "outcomes": list(lock.names("outcomes")),
        "estimators": list(lock.values.get("estimators", ())),
        "comparison": lock.values.get("comparison", ""),
        "titles": {name: title for name, title in described if name in asked},
        "deviations": [asdict(one) for one in deviations],
        "unplanned": [{"kind": kind, "name": name} for kind, name in find_unplanned(lock, plan)],
    }


def key_as_dict(key: RunKey) -> dict[str, str]:
    """Return the four hashes of a run's key."""
    return {"plan": key.plan, "data": key.data, "notebooks": key.notebooks, "code": key.code}


def statuses_as_dicts(statuses: Sequence[NotebookStatus]) -> tuple[dict[str, Any], ...]:
    """Return how every notebook ended, without its log."""
    return tuple(
        {
            "name": one.name,
            "status": one.status,
            "seconds": one.seconds,
            "cell": one.cell,
            "message": one.message,
        }
        for one in statuses
    )


def find_versions(distribution: str = "evallib") -> dict[str, str]:
    """Return the versions of Python, the platform and the packages that the project names.

    Parameters
    ----------
    distribution : str
        The project; it and what it requires are listed.

    Returns
    -------
    dict
        Name to version, Python first, packages in order.
    """
    found = {"python": platform.python_version(), "platform": platform.platform()}
    try:
        names = [
            re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in _requires(distribution)
        ]
    except importlib.metadata.PackageNotFoundError:
        return found
    for name in sorted({distribution, *names}, key=str.lower):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _requires(distribution: str) -> Iterable[str]:
    return importlib.metadata.requires(distribution) or ()


def find_revision(project: Path) -> dict[str, Any]:
    """Return the commit of the project's sources, and whether they were changed since.

    Parameters
    ----------
    project : pathlib.Path
        The project's folder.

    Returns
    -------
    dict
        `revision` and `is_changed`; both None outside git.
    """
    commit = _git(project, "rev-parse", "HEAD")
    changes = _git(project, "status", "--porcelain", "--", "evallib", "evaluations", "notebooks")
    if commit is None:
        return {"revision": None, "is_changed": None}
    return {"revision": commit, "is_changed": bool(changes)}


def _git(folder: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [program, "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def hash_outputs(folder: Path) -> tuple[dict[str, str], ...]:
    """Return path and sha256 of every file of a run, in order.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder.

    Returns
    -------
    tuple of dict
        The manifest and the log are left out: they are written last.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        {"path": path.relative_to(folder).as_posix(), "sha256": sha256_of(path)}
        for path in files
        if path.relative_to(folder).as_posix() not in _NOT_HASHED
    )
