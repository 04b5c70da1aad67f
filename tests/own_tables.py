"""Plans that name tables of one's own, and what is said of them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from evallib.errors import EvallibError, Fault
from evallib.panel import Store, open_store
from evallib.panel.own import with_own_data
from evallib.plan import Plan, load_plan

Rows = list[list[object]]

SATISFIED: dict[str, Any] = {
    "column": "% satisfied",
    "name": "satisfied_pct",
    "title": "Residents satisfied with the council",
    "unit": "percent",
    "polarity": "higher",
}
VISITS: dict[str, Any] = {
    "column": "Visits",
    "name": "library_visits_count",
    "title": "Visits to libraries",
    "unit": "visits",
    "polarity": "higher",
}
LONG: Rows = [
    ["Council", "Year", "% satisfied", "Visits"],
    ["Leeds", "2015/16", 61.5, "1,200,000"],
    ["Leeds", "2016-17", 62, 1250000],
    ["Bristol, City of", "2015/2016", 58, ""],
    ["London Borough of Camden", "2015/16", "70.25%", 900],
]


def long_table(file: str, /, **changes: Any) -> dict[str, Any]:
    """Return the mapping of `LONG`; a value of None takes a key away."""
    table = {"file": file, "council": "Council", "year": "Year", "indicators": [SATISFIED]}
    return {key: value for key, value in (table | changes).items() if value is not None}


def write_plan(folder: Path, *tables: dict[str, Any], **changes: Any) -> Path:
    text = files("evallib.plan").joinpath("template.yml").read_text(encoding="utf-8")
    values = yaml.safe_load(text) | {"own_data": list(tables)} | changes
    path = folder / "mine.yml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def plan_of(folder: Path, *tables: dict[str, Any], **changes: Any) -> Plan:
    return load_plan(write_plan(folder, *tables, **changes))


def joined(folder: Path, *tables: dict[str, Any]) -> Store:
    return with_own_data(plan_of(folder, *tables), open_store())


def faults_of(folder: Path, *tables: dict[str, Any]) -> tuple[Fault, ...]:
    """Return what is wrong, and see that nothing was written."""
    plan = write_plan(folder, *tables)
    before = sorted(path.name for path in folder.rglob("*"))
    with pytest.raises(EvallibError) as error:
        with_own_data(load_plan(plan), open_store())
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert all("\n" not in str(fault) for fault in error.value.faults)
    return error.value.faults


def one_fault(folder: Path, *tables: dict[str, Any]) -> str:
    faults = faults_of(folder, *tables)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return str(faults[0])
