"""Lines of text that the commands on registers print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.exposure import build_exposure
from evallib.panel import build_panel, open_store
from evallib.panel.build import find_raw_data
from evallib.plan import load_plan
from evallib.plan.places import shown_path
from evallib.report.views.naming import STATUSES
from evallib.run.register_check import Change, check_rows, what_changes
from evallib.run.register_gaps import list_gaps, write_gaps

MOST_LISTED = 10
_ANSWERS = {"had one": "had one", "none": "none by a date", "not found": "not found"}


def gaps_lines(
    name: str,
    overrides: Sequence[str],
    to: Path | None,
    holds: float | None,
    *,
    replace: bool,
    data: str | None,
) -> Iterator[str]:
    """List the gaps of a plan's register, write them where asked to, and yield the first ones."""
    if to is not None:
        _refuse_raw(to)
    plan = load_plan(name, overrides)
    panel = build_panel(plan, data)
    listed = list_gaps(plan, panel, build_exposure(plan, panel), holds)
    frame, gaps = listed.frame, listed.gaps
    if to is not None:
        write_gaps(frame, to, replace=replace)
    if gaps.frame.empty:
        yield f"{plan.name} knows the exposure of every council: there is no gap to fill"
        if to is not None:
            yield shown_path(to)
        return
    counts = gaps.frame["status"].value_counts()
    words = ", ".join(f"{rows} {STATUSES[str(status)].lower()}" for status, rows in counts.items())
    yield f"{len(frame)} councils whose exposure {plan.name} does not know: {words}"
    held = f"{100 * gaps.share_held:.0f}%"
    yield f"the register is taken to hold {held} of events ({gaps.share_from})"
    yield (
        "narrows: by how much the standard error of the headline among known councils falls when "
        f"the council is looked up, over {len(listed.knowing.considered)} outcomes"
    )
    for row in frame.head(MOST_LISTED).to_dict("records"):
        yield (
            f"{row['order']:>4}  {row['narrows_pct']:.2f}%  {row['council_name']} "
            f"({row['council_type']}): {row['known_now']}"
        )
    if len(frame) > MOST_LISTED:
        yield f"      and {len(frame) - MOST_LISTED} more" + ("" if to else "; --to writes them")
    if to is not None:
        yield shown_path(to)


def check_lines(
    file: Path,
    name: str | None,
    overrides: Sequence[str],
    to: Path | None,
    *,
    replace: bool,
    data: str | None,
) -> Iterator[str]:
    """Check a file, write its rows where asked to, and yield what they hold and would change."""
    if to is not None:
        _refuse_raw(to)
    plan = load_plan(name, overrides) if name else None
    panel = build_panel(plan, data) if plan is not None else None
    store = panel.store if panel is not None else open_store(data)
    checked = check_rows(file, store, plan)
    change = None
    if plan is not None and panel is not None:
        change = what_changes(plan, panel, build_exposure(plan, panel), checked)
    if to is not None:
        write_gaps(checked.rows, to, replace=replace)
    counts = checked.counts
    if "rows" in counts:
        yield f"{counts['rows']} rows, {counts['on_file']} of them on file as they are: no fault"
    else:
        words = ", ".join(f"{counts[key]} {text}" for key, text in _ANSWERS.items())
        yield f"{words}, {counts['empty']} not filled in: no fault"
    yield f"{len(checked.rows)} new rows for the register {checked.register}"
    yield from (f"note: {note}" for note in checked.notes)
    if change is not None:
        yield from _change_lines(change)
    if to is not None:
        yield shown_path(to)


def _change_lines(change: Change) -> Iterator[str]:
    yield "councils by what is known of their exposure, now and with these rows"
    for row in change.statuses.to_dict("records"):
        yield f"  {STATUSES[row['status']]:34}{row['before']:>6}{row['after']:>6}"
    moved = change.cohorts[change.cohorts["before"] != change.cohorts["after"]]
    if len(moved):
        yield "councils with a dated first event, by financial year, where the number changes"
        for row in moved.to_dict("records"):
            yield f"  {row['event_year']:34}{row['before']:>6}{row['after']:>6}"
    yield f"{len(change.become_known)} councils become known"
    yield from (f"  {line}" for line in _names(change.become_known))


def _names(known: pd.DataFrame) -> Iterator[str]:
    for row in known.to_dict("records"):
        when = f", {row['event_year']}" if row["event_year"] else ""
        yield f"{row['council_name']}: {STATUSES[row['after']].lower()}{when}"


def _refuse_raw(to: Path) -> None:
    raw = find_raw_data()
    if raw is not None and to.resolve().is_relative_to(raw.resolve()):
        what = "lies in data/raw, whose tables are never written"
        remedy = "Name a file elsewhere; rows are put into a register by hand"
        raise DataError([Fault(str(to), what, "", remedy)])
