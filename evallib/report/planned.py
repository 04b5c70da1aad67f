"""What of a run was planned: deviations from the plan or its lock, and every specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from evallib.plan.deviations import CHANGED, PLANNED, UNPLANNED, can_move
from evallib.plan.model import LISTED
from evallib.plan.show import value_in_text
from evallib.report.formats import format_count, format_date
from evallib.report.tables import Table
from evallib.report.views.naming import COMPARISON_WORDS, ESTIMATOR_WORDS, INTERVAL_SHORT

_SHORT_HASH, _HASH = 12, 64


class PlanLike(Protocol):
    """What the report reads of a plan; other keys are read where they are there."""

    @property
    def name(self) -> str:
        """The plan's name."""

    def differences(self) -> Mapping[str, Any]:
        """Return what was set in place of the plan's file, by key."""


def deviations_words(manifest: Mapping[str, Any]) -> str:
    """Return what deviations are counted from, in a sentence."""
    lock = manifest.get("lock")
    if not lock:
        return "What differs from the plan's file, and why. The plan was not locked."
    return (
        f"The plan was locked on {format_date(lock['locked'])} ({lock['file']}): every difference "
        "since then, in the plan, in what was set for this run and in the data."
    )


def lock_words(manifest: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return what a reader must know of a lock before the answer, and a line a difference.

    Empty for a plan that was not locked.
    """
    lock = manifest.get("lock")
    if not lock:
        return "", ()
    lines = [
        f"{_named(item['key'], lock)}: {_short(item['key'], item['locked'])} in the lock, "
        f"{_short(item['key'], item['now'])} in this run ({item['how']})"
        for item in lock["deviations"]
    ]
    lines += [
        f"unplanned {item['kind']}: {_title(item['name'], lock)}" for item in lock["unplanned"]
    ]
    head = f"The plan was locked on {format_date(lock['locked'])}"
    count = len(lock["deviations"])
    if not lines:
        return f"{head}, and nothing has changed since.", ()
    return f"{head}. This run has {format_count(count, 'deviation')} from it.", tuple(lines)


def deviations_table(plan: PlanLike, manifest: Mapping[str, Any]) -> Table:
    """Return every deviation: from the lock, or without one from the plan's file."""
    lock = manifest.get("lock")
    if lock:
        rows = [
            {
                "Deviation": _named(item["key"], lock),
                "In the lock": _short(item["key"], item["locked"]),
                "In this run": _short(item["key"], item["now"]),
                "How": item["how"],
            }
            for item in lock["deviations"]
        ]
        same = "None: plan and data are as they were locked"
        none = {"Deviation": same, "In the lock": "", "In this run": "", "How": ""}
        return Table(text_frame(rows or [none]), "Deviations from the lock", slug="deviations")
    rows = [
        {"Deviation": f"{key} is {value_in_text(key, value)}", "Reason": "set for this run"}
        for key, value in plan.differences().items()
    ]
    rows += log_rows(manifest.get("deviations"), "Deviation", "Reason")
    rows = rows or [{"Deviation": "None: the run follows the plan's file", "Reason": ""}]
    return Table(text_frame(rows), "Deviations from the plan's file", slug="deviations")


def _short(key: str, value: object) -> str:
    if isinstance(value, Mapping):
        value = _told(key, value)
    text = value_in_text(key, value)
    return text[:_SHORT_HASH] if key.startswith("data ") and len(text) == _HASH else text


def _told(key: str, value: Mapping[str, Any]) -> str:
    """Return a part of a plan in words: what is not as every plan has it, and not its name."""
    model = LISTED.get(key.partition(".")[0])
    usual = model.model_construct().model_dump(mode="json") if model is not None else {}
    own = {
        name: item
        for name, item in value.items()
        if item not in (None, [], {}) and not (name in usual and item == usual[name])
    }
    shown = {name: item for name, item in own.items() if item != key.rpartition(".")[2]}
    return ", ".join(
        f"{name.replace('_', ' ')} {value_in_text(name, item)}" for name, item in shown.items()
    )


def _named(key: str, lock: Mapping[str, Any]) -> str:
    """Return a deviation's key, after the title where it is of an outcome."""
    below = key.partition(".")[2].split(".")[0]
    title = _title(below, lock)
    return f"{title} ({key})" if title != below else key


def _title(name: str, lock: Mapping[str, Any]) -> str:
    return str((lock.get("titles") or {}).get(name, name))


def analyses_tables(
    plan: PlanLike, manifest: Mapping[str, Any], estimates: pd.DataFrame | None
) -> tuple[Table, ...]:
    """Return every specification that ran, planned or not, and what the lock does not name."""
    lock = manifest.get("lock")
    return (_specifications(plan, lock, estimates), *([_unplanned(lock)] if lock else []))


def _specifications(
    plan: PlanLike, lock: Mapping[str, Any] | None, estimates: pd.DataFrame | None
) -> Table:
    caption = "Specifications that ran"
    if estimates is None or estimates.empty or "estimator" not in estimates.columns:
        frame = pd.DataFrame({"Specification": ["None: no estimate was made"]})
        return Table(frame, caption, slug="specifications")
    names = ["outcome", "role", "estimator", "comparison"]
    keys = [name for name in names if name in estimates.columns]
    filled = estimates.fillna({name: "" for name in keys})
    frame = filled.groupby(keys, sort=False).size().reset_index(name="Figures")
    if "inference" in estimates.columns:
        groups = filled.groupby(keys, sort=False)["inference"]
        frame.insert(len(keys), "inference", [_inferences(one) for _, one in groups])
    given = lock or {
        "estimators": [str(name) for name in getattr(plan, "estimators", ())],
        "outcomes": [str(item.indicator) for item in getattr(plan, "outcomes", ())],
        "comparison": str(getattr(plan, "comparison", "")),
    }
    differences: Mapping[str, Any] = getattr(plan, "differences", dict)()
    frame["Planned"] = [
        UNPLANNED
        if not _is_named(row, given)
        else _since_lock(lock, str(row.get("outcome", "")))
        if lock
        else "changed from the plan's file"
        if differences
        else PLANNED
        for row in frame.to_dict("records")
    ]
    note = _LOCKED_NOTE if lock else _PLANNED_NOTE
    for name, words in (("estimator", ESTIMATOR_WORDS), ("comparison", COMPARISON_WORDS)):
        if name in frame:
            frame[name] = [_worded(str(code), words) for code in frame[name]]
    return Table(frame, caption, slug="specifications", notes=(note, _CODES_NOTE))


def _inferences(codes: pd.Series) -> str:
    """Return the ways in which the intervals of some estimates were made, in words with codes."""
    known = codes.dropna().astype(str).drop_duplicates()
    return "; ".join(_worded(code, INTERVAL_SHORT) for code in known) or "none"


def _worded(code: str, words: Mapping[str, str]) -> str:
    said = words.get(code, code).split(" (")[0]
    return said if said == code else f"{said} ({code})"


def _since_lock(lock: Mapping[str, Any], outcome: str) -> str:
    moved = can_move((str(item["key"]) for item in lock["deviations"]), outcome)
    return CHANGED if moved else PLANNED


def _is_named(row: Mapping[Any, Any], given: Mapping[str, Any]) -> bool:
    return (
        str(row["estimator"]) in given["estimators"]
        and str(row.get("outcome", "")) in given["outcomes"]
        and str(row.get("comparison", "")) in ("", given["comparison"])
    )


def _unplanned(lock: Mapping[str, Any]) -> Table:
    rows = [
        {"Not in the lock": _title(item["name"], lock), "Kind": item["kind"]}
        for item in lock["unplanned"]
    ]
    none = {"Not in the lock": "Nothing: all that ran was locked", "Kind": ""}
    return Table(text_frame(rows or [none]), "Unplanned analyses", slug="unplanned")


_CODES_NOTE = (
    "Figures: rows of estimates.csv, both rules for councils without a record together. Codes are "
    "those of that file: outcomes by their indicator, whose title and unit are in "
    "tables/01_indicators.csv."
)
_PLANNED_NOTE = (
    "Planned: outcome, estimator and comparison group are named in the plan's file. Where a "
    "parameter was set when the evaluation ran, the deviations above say which. Both rules for "
    "councils without a record are always shown."
)
_LOCKED_NOTE = (
    "Planned: outcome, estimator and comparison group are named in the lock. Changed since the "
    "lock: they are, but one of the deviations above can have moved the figures. Both rules for "
    "councils without a record are always shown."
)


def log_rows(log: object, first: str, second: str) -> list[dict[str, Any]]:
    """Return a log of texts or mappings as rows of two columns."""
    rows: list[dict[str, Any]] = []
    for item in log if isinstance(log, (list, tuple)) else []:
        if isinstance(item, Mapping):
            texts = [str(value) for value in item.values()]
            rows.append({first: texts[0] if texts else "", second: "; ".join(texts[1:])})
        else:
            rows.append({first: str(item), second: ""})
    return rows


def plain(value: object) -> str:
    """Return a plain value as text."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value)) or "none"
    return str(value)


def text_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a table in which what is missing is empty."""
    frame = pd.DataFrame(rows)
    return frame.astype(object).where(frame.notna(), None)
