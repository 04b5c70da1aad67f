"""What is wrong with new rows of a register beside the rows on file and the councils."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evallib.errors import Fault, first_five
from evallib.exposure.events import (
    NEVER,
    NONE_BETWEEN,
    PRECISION_ORDER,
    denied_kinds,
    read_events,
)
from evallib.exposure.joint import names_of_councils, plain_name, read_partners
from evallib.exposure.same_event import SAME_EVENT_DAYS, is_same_event
from evallib.panel import schemas
from evallib.panel.store import Store

_NONE = (NEVER, NONE_BETWEEN)
_PLACE = ("council_code", "council_name", "start_date")
Row = Mapping[Any, Any]
_ONE_EVENT = (
    f"rows of one council and kind at most {SAME_EVENT_DAYS} days apart, or of days that overlap, "
    "are one event"
)


def new_row_faults(rows: pd.DataFrame, store: Store, register: str, label: str) -> list[Fault]:
    """Return what is wrong with new rows that each are well formed.

    Parameters
    ----------
    rows : pandas.DataFrame
        New rows as `follow_register` returns them.
    store : Store
        The tables.
    register : str
        The register that the rows belong to.
    label : str
        How messages name the file.

    Returns
    -------
    list of Fault
        Rows without a source, names that are another council's, events before the council began
        or after it ended, events that are on file already or twice in the file, events before a
        day by which there had been none (and the other way round), and joint partners that are
        no council.
    """
    faults = _fault(
        rows[(rows["source_title"] == "") & (rows["source_url"] == "")],
        f"{label}, column source_title",
        "no source is given",
        "Nobody could check the row",
        "Say what the source is called, or its address",
    )
    faults += _strange_names(rows, store, label)
    new = read_events(rows).assign(where=rows[rows["set_aside"] == ""].index)
    old = read_events(store.registers[register])
    faults += _out_of_office(new, store, label)
    faults += _repeats(new, old, register, label)
    faults += _contradictions(new, old, register, label)
    faults += _strange_partners(new, store, label)
    return faults


def new_row_notes(rows: pd.DataFrame, store: Store, register: str, label: str) -> list[str]:
    """Return what is worth a look: rows set aside, and those that date an event more finely."""
    new, old = read_events(rows), read_events(store.registers[register])
    aside = rows[rows["set_aside"] != ""]
    notes = [
        f"{label}, line {line}, {row['council_name'] or 'no name'}: the row would be set aside "
        f"({row['set_aside']})"
        for line, row in aside.to_dict("index").items()
    ]
    for row in new.to_dict("records"):
        for known in _of_council(old, row):
            if is_same_event(row, known) and _is_finer(row, known):
                notes.append(
                    f"{label}, {row['council_name']}: {row['start_date']} dates the event that is "
                    f"on file as {known['start_date']} (line {known['line']})"
                )
    return notes


def _strange_names(rows: pd.DataFrame, store: Store, label: str) -> list[Fault]:
    name_of = dict(zip(store.councils["council_code"], store.councils["council_name"], strict=True))
    own = rows["council_code"].map(name_of)
    same = [
        pd.isna(right) or plain_name(str(given)) == plain_name(str(right))
        for given, right in zip(rows["council_name"], own, strict=True)
    ]
    wrong = rows.loc[[place for place, fits in zip(rows.index, same, strict=True) if not fits]]
    known = ", ".join(f"{code} is {name_of[code]}" for code in wrong["council_code"].head(5))
    return _fault(
        wrong,
        f"{label}, column council_name",
        f"the name is not that of the code: {known}",
        "The event would go to another council",
        "Mend the code or the name",
    )


def _out_of_office(new: pd.DataFrame, store: Store, label: str) -> list[Fault]:
    dates = store.councils.set_index("council_code")[["valid_from", "valid_to"]]
    own = new[~new["kind"].isin(_NONE)]
    began = pd.to_datetime(own["council_code"].map(dates["valid_from"]), errors="coerce")
    ended = pd.to_datetime(own["council_code"].map(dates["valid_to"]), errors="coerce")
    faults = _fault(
        own[own["latest"] < began],
        f"{label}, column start_date",
        "the event lies before the council began",
        "It was another council's, or the date is a slip",
        "Give the code of the council that was in office, or mend the date",
    )
    return faults + _fault(
        own[own["earliest"] > ended],
        f"{label}, column start_date",
        "the event lies after the council ended",
        "It was its successor's, or the date is a slip",
        "Give the code of the council that was in office, or mend the date",
    )


def _repeats(new: pd.DataFrame, old: pd.DataFrame, register: str, label: str) -> list[Fault]:
    on_file, twice, lines, again = [], [], [], []
    seen: list[Row] = []
    for place, row in new.to_dict("index").items():
        for known in _of_council(old, row):
            if is_same_event(row, known) and not _is_finer(row, known):
                on_file.append(place)
                lines.append(f"line {known['line']}, dated {known['start_date']}")
                break
        for other in seen:
            if other["council_code"] == row["council_code"] and is_same_event(row, other):
                twice.append(place)
                again.append(other["where"])
                break
        seen.append(row)
    faults = _fault(
        new.loc[on_file],
        f"{label}, column start_date",
        f"the event is on file already ({first_five(lines)} of the register {register})",
        f"It would be counted from two rows: {_ONE_EVENT}",
        "Leave the row out, or date it more finely than the row on file",
    )
    return faults + _fault(
        new.loc[twice],
        f"{label}, column start_date",
        f"the same event stands above (line {first_five(again)})",
        f"It would be counted from two rows: {_ONE_EVENT}",
        "Keep one of the two",
    )


def _contradictions(new: pd.DataFrame, old: pd.DataFrame, register: str, label: str) -> list[Fault]:
    both = pd.concat([old.assign(where=0), new], ignore_index=True)
    wrong, words = [], []
    for place, row in new.to_dict("index").items():
        for other in _of_council(both, row):
            none, event = (row, other) if row["kind"] in _NONE else (other, row)
            if none["kind"] in _NONE and _denies(none, event):
                stands = (
                    f"line {other['where']}"
                    if other["where"]
                    else f"line {other['line']} of the register {register}"
                )
                until = none["start_date"] if none["kind"] == NEVER else none["end_latest"].date()
                wrong.append(place)
                words.append(
                    f"{row['council_name']} has none by {until} but one dated "
                    f"{event['start_date']} (line {row['where']} and {stands})"
                )
                break
    return _fault(
        new.loc[wrong],
        f"{label}, column start_date",
        first_five(words),
        "Both cannot be true",
        "Look at both sources, and leave the wrong row out",
    )


def _denies(none: Row, event: Row) -> bool:
    """Return whether an event of a denied kind surely lies within the days of none."""
    if event["kind"] not in denied_kinds(none["note"]):
        return False
    if none["kind"] == NEVER:
        return bool(event["latest"] < none["earliest"])
    inside = event["earliest"] >= none["earliest"] and event["latest"] <= none["end_earliest"]
    return bool(inside)


def _strange_partners(new: pd.DataFrame, store: Store, label: str) -> list[Fault]:
    pairs = store.councils[["council_name", "council_code"]].to_numpy().tolist()
    names = names_of_councils([(str(name), str(code)) for name, code in pairs])
    unknown = new["note"].map(lambda note: read_partners(note, names)[1])
    rows = new[unknown != ""]
    words = ", ".join(f"'{name}'" for name in dict.fromkeys(unknown[unknown != ""]))
    return _fault(
        rows,
        f"{label}, column note",
        f"the event is called joint with {words}, which is no council",
        "The two would count as separate events, as if chance had chosen each",
        "Write the partner's name as councils.csv has it",
    )


def _of_council(events: pd.DataFrame, row: Row) -> list[Row]:
    return list(events[events["council_code"] == row["council_code"]].to_dict("records"))


def _is_finer(row: Row, known: Row) -> bool:
    return PRECISION_ORDER[row["date_precision"]] < PRECISION_ORDER[known["date_precision"]]


def _fault(rows: pd.DataFrame, where: str, what: str, why: str, remedy: str) -> list[Fault]:
    if rows.empty:
        return []
    placed = rows.set_index("where").rename_axis("line") if "where" in rows else rows
    return [Fault(f"{where}, {schemas.place_of(placed, _PLACE)}", what, why, remedy)]
