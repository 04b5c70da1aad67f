"""A plan locked before its outcomes are read."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from evallib.errors import Fault, PlanError
from evallib.plan.model import Plan
from evallib.plan.places import shown_path

_HEAD = (
    "# Written by `evallib lock`: the plan and the data as they were on this day. Do not edit it:\n"
    "# later runs list every difference from it as a deviation.\n"
)
_KEYS = ("plan", "locked", "sha256", "data", "values")


@dataclass(frozen=True, slots=True)
class Lock:
    """A plan and its data as they were locked.

    Parameters
    ----------
    path : pathlib.Path
        The lock's file.
    plan, locked, sha256 : str
        The plan's name, the day (ISO 8601, UTC) and the hash of these, data and values.
    data : mapping of str to str
        sha256 of every table by its file, see `states_of`.
    values : mapping
        Every parameter, defaults included.
    as_plan : Plan or None
        The same as a plan; None where a parameter was renamed since.
    """

    path: Path
    plan: str
    locked: str
    sha256: str
    data: Mapping[str, str]
    values: Mapping[str, Any]
    as_plan: Plan | None

    def names(self, key: str) -> tuple[str, ...]:
        """Return the names under a key that lists parts, such as ``outcomes``."""
        return tuple(name_of(item) for item in self.values.get(key) or ())


def lock_path(plan: Plan) -> Path | None:
    """Return where a plan's lock lies: beside its file; None for a plan without one."""
    return plan.path.with_name(f"{plan.name}.lock.yml") if plan.path is not None else None


def write_lock(
    plan: Plan, inputs: Iterable[Mapping[str, Any]], day: datetime.date, *, again: bool = False
) -> Path:
    """Lock a plan: store its parameters, the hashes of its data, and the day.

    Parameters
    ----------
    plan : Plan
        A plan as its file has it.
    inputs : iterable of mapping
        One a raw table, see `states_of`.
    day : datetime.date
        The day.
    again : bool
        Whether a lock that is there is kept as ``NAME.lock-1.yml`` and so on, and a new one made.

    Returns
    -------
    pathlib.Path
        The lock: the same text for the same plan, data and day.

    Raises
    ------
    PlanError
        Where there is a lock already, or the file cannot be written; nothing is left half-written.
    """
    path = lock_path(plan)
    if path is None or plan.overrides:
        what = "only a plan as its file has it can be locked"
        raise PlanError([Fault(plan.name, what, "", "Write the values into the file")])
    values = plan.effective()
    data = states_of(inputs)
    today = day.isoformat()
    facts = (plan.name, today, _hash(plan.name, today, data, values), data, values)
    body = yaml.safe_dump(
        dict(zip(_KEYS, facts, strict=True)), sort_keys=False, allow_unicode=True, width=100
    )
    where = shown_path(path)
    try:
        handle, half = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(_HEAD + body)
        os.chmod(half, 0o644)
        try:
            if again and path.exists():
                os.link(path, _free_name(path))  # the old one, before the new one takes its place
                os.replace(half, path)
            else:
                os.link(half, path)  # never over a file that is there
        finally:
            Path(half).unlink(missing_ok=True)
    except FileExistsError:
        why = "What was locked first is what deviations are counted from"
        remedy = "With --again it is kept under another name, and the plan is locked as it is now"
        raise PlanError([Fault(where, "the plan is locked already", why, remedy)]) from None
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise PlanError([Fault(where, what, "", "Check the folder's permissions")]) from None
    return path


DECLARED = ", declared complete"


def states_of(inputs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the sha256 of every table by its file, and what is declared of a register.

    Parameters
    ----------
    inputs : iterable of mapping
        One a raw table, with `file` and `sha256`, and `complete` where a register is declared so.

    Examples
    --------
    >>> states_of([{"file": "a.csv", "sha256": "0f", "complete": {"first_day": "2017-04-01"}}])
    {'a.csv': '0f', 'a.csv, declared complete': '{"first_day": "2017-04-01"}'}
    """
    found = {}
    for one in inputs:
        found[str(one["file"])] = str(one["sha256"])
        if one.get("complete"):
            declared = json.dumps(one["complete"], sort_keys=True, ensure_ascii=False)
            found[f"{one['file']}{DECLARED}"] = declared
    return dict(sorted(found.items()))


def _free_name(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(path.name.replace(".lock.", f".lock-{number}."))).exists():
        number += 1
    return kept


def read_lock(plan: Plan) -> Lock | None:
    """Read the lock beside a plan's file; None where there is none.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    Lock or None
        Its `values` are completed with the defaults of parameters that are newer than the lock.

    Raises
    ------
    PlanError
        Where the file cannot be read or was changed by hand.
    """
    path = lock_path(plan)
    if path is None or not path.is_file():
        return None
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        held = None
    if not isinstance(held, dict) or not set(_KEYS) <= held.keys():
        raise _broken(path, "cannot be read as a lock")
    if not isinstance(held["data"], dict) or not isinstance(held["values"], dict):
        raise _broken(path, "cannot be read as a lock")
    facts = {key: str(held[key]) for key in ("plan", "locked", "sha256")}
    try:
        found = _hash(facts["plan"], facts["locked"], held["data"], held["values"])
    except TypeError:  # a date or a key that no lock is written with
        found = ""
    if found != facts["sha256"]:
        raise _broken(path, "was changed: its hash is not that of what it holds")
    values = held["values"]
    try:
        as_plan = Plan.model_validate(values)
    except ValidationError:  # from before a parameter was renamed: compared as it stands
        as_plan = None
    values = values if as_plan is None else as_plan.effective()
    return Lock(path=path, data=held["data"], values=values, as_plan=as_plan, **facts)


def _broken(path: Path, what: str) -> PlanError:
    why = "Deviations could not be counted from it"
    remedy = "Put the file back as it was written, or remove it and say so"
    return PlanError([Fault(shown_path(path), what, why, remedy)])


def _hash(plan: str, day: str, data: Mapping[str, str], values: Mapping[str, Any]) -> str:
    text = json.dumps([plan, day, data, values], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def name_of(part: Mapping[str, Any]) -> str:
    """Return the name of a part of a plan, such as an outcome's indicator; empty for none."""
    return str(part.get("indicator") or part.get("name") or "")
