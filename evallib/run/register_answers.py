"""Turn the answers of a completed list of gaps into rows of a register."""

from __future__ import annotations

import pandas as pd

from evallib.errors import Fault, did_you_mean, first_five
from evallib.exposure.events import NEVER, NONE_BETWEEN
from evallib.exposure.spells import POINT
from evallib.panel import schemas
from evallib.panel.registers import date_faults, is_as_precise, is_real_date
from evallib.panel.store import Store
from evallib.plan import Plan

HAD_ONE, NONE, NOT_FOUND = "had one", "none", "not found"
ANSWERS = (HAD_ONE, NONE, NOT_FOUND)
_NEEDED = (
    *("council_code", "council_name", "answer", "kind", "start_date", "date_precision"),
    *("source_title", "source_url", "note"),
)
_OPTIONAL = ("confidence", "end_date", "end_status", "asked_from", "asked_kinds")
_PRECISION = {4: "year", 7: "month", 10: "day"}
_PLACE = ("council_code", "council_name")


def is_completed_list(text: pd.DataFrame) -> bool:
    """Return whether a table is a list of gaps: it has a column of answers."""
    return "answer" in text.columns


def which_register(
    kinds: set[str], store: Store, plan: Plan | None, label: str
) -> tuple[str, Fault | None]:
    """Return the register that rows belong to: the plan's, else the one that holds their kinds."""
    if plan is not None and plan.register in store.registers:
        return plan.register, None
    kinds = kinds - {NEVER, NONE_BETWEEN, ""}
    held = {name: set(register["kind"]) for name, register in store.registers.items()}
    shared = {name: len(kinds & own) for name, own in held.items()}
    best = max(shared, key=lambda name: shared[name], default="")
    if best and shared[best]:
        return best, None
    known = sorted(set().union(*held.values()))
    kind = next(iter(sorted(kinds)), "")
    fault = Fault(
        f"{label}, column kind",
        f"no register holds the kinds of these rows.{did_you_mean(kind, known)}",
        "It is not known which register they belong to",
        "Name the evaluation with --plan, or mend the kinds",
    )
    return "", fault


def as_register_rows(
    text: pd.DataFrame, store: Store, label: str
) -> tuple[pd.DataFrame, dict[str, int], list[Fault]]:
    """Return the answered rows in a register's schema, how many of each answer, and the faults.

    Parameters
    ----------
    text : pandas.DataFrame
        The list as text, see `evallib register-gaps`.
    store : Store
        The tables: which ends rows of a kind have.
    label : str
        How messages name the file.

    Returns
    -------
    rows : pandas.DataFrame
        ``had one`` becomes a row of its kind, ``none`` one of kind ``none_between`` from
        asked_from to the date given, or ``never_by_date`` where asked_from is empty, its note
        listing asked_kinds; rows
        with a fault are left out, so that each is told once. An empty date_precision is read off
        the date, an empty confidence is medium.
    counts : dict
        had one, none, not found and empty.
    faults : list of Fault
        Columns that are missing, unknown answers, answers without a date or kind or source, and
        dates or words that are none.
    """
    missing = [name for name in _NEEDED if name not in text.columns]
    if missing:
        fault = Fault(
            label,
            f"the column(s) {first_five(missing)} are missing",
            "The answers cannot be read",
            "Keep the columns that `evallib register-gaps` wrote",
        )
        return _empty(), {}, [fault]
    table = text.assign(**{name: "" for name in _OPTIONAL if name not in text.columns})
    answer = table["answer"].str.lower().str.replace(r"\s+", " ", regex=True)
    counts = {word: int((answer == word).sum()) for word in ANSWERS}
    counts["empty"] = int((answer == "").sum())
    faults: list[Fault] = []
    strange = ~answer.isin([*ANSWERS, ""])
    if strange.any():
        words = list(dict.fromkeys(table.loc[strange, "answer"]))
        faults += _fault(
            table[strange],
            f"{label}, column answer",
            f"{first_five([repr(word) for word in words])} is not one of {', '.join(ANSWERS)}"
            f".{did_you_mean(words[0], ANSWERS)}",
            "The row would be passed over",
            "Use one of these, or leave the cell empty",
        )
    filled = (table[["start_date", "source_title", "source_url"]] != "").any(axis=1)
    faults += _fault(
        table[(answer == "") & filled],
        f"{label}, column answer",
        "the row has a date or a source and no answer",
        "It would be passed over",
        "Write had one, none or not found",
    )
    told = answer.isin([HAD_ONE, NONE])
    length = table["start_date"].str.len()
    read_off = length.map(_PRECISION).fillna("")
    table["date_precision"] = table["date_precision"].where(table["date_precision"] != "", read_off)
    table["confidence"] = table["confidence"].where(table["confidence"] != "", "medium")
    usual = _usual_ends(store)
    end = table["end_status"].where(table["end_status"] != "", table["kind"].map(usual))
    end = end.where(table["end_date"] == "", "observed").fillna(POINT)
    table["end_status"] = table["end_status"].where(table["end_status"] != "", end)
    whole = pd.Series(True, index=table.index)
    for rows, column, what, remedy in (
        (
            (answer == NONE) & (table["start_date"] == ""),
            "start_date",
            "the answer is none and there is no date",
            "Give the day up to which the source says that there had been none",
        ),
        (
            (answer == NONE) & table["start_date"].ne("") & length.lt(7),
            "start_date",
            "the answer is none up to a year: the day or the month is not given",
            "Give the day up to which the source says that there had been none",
        ),
        (
            (answer == HAD_ONE) & (table["start_date"] == ""),
            "start_date",
            "the answer is had one and there is no date",
            "Give the day, month or year; without any the council stays exposed, date unknown",
        ),
        (
            (answer == HAD_ONE) & (table["kind"] == ""),
            "kind",
            "the kind of event is not given",
            "Give one of the plan's kinds",
        ),
        (
            told & (table["source_title"] == "") & (table["source_url"] == ""),
            "source_title",
            "no source is given",
            "Say what the source is called, or its address",
        ),
    ):
        faults += _fault(
            table[rows],
            f"{label}, column {column}",
            what,
            "The answer cannot be used",
            remedy,
        )
        whole &= ~rows
    table = _as_facts(table, answer == NONE)
    usable, shape = well_formed(table[told & whole][list(schemas.REGISTER.columns)], label)
    return usable, counts, [*faults, *shape]


def _as_facts(table: pd.DataFrame, is_none: pd.Series) -> pd.DataFrame:
    """Return answers of none as what they say: none from the day asked about to the day given."""
    between = is_none & (table["asked_from"] != "")
    result = table.copy()
    result.loc[is_none, "kind"] = NEVER
    result.loc[between, "kind"] = NONE_BETWEEN
    result.loc[is_none, ["end_date", "end_status"]] = ("", POINT)
    result.loc[between, "end_date"] = table["start_date"]
    result.loc[between, "end_status"] = "observed"
    result.loc[between, "start_date"] = table["asked_from"]
    result.loc[between, "date_precision"] = "day"
    listed = is_none & (table["asked_kinds"] != "")
    notes = table["note"].where(table["note"] == "", table["note"] + "; ")
    result.loc[listed, "note"] = notes + "none of: " + table["asked_kinds"]
    return result


def well_formed(rows: pd.DataFrame, label: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Return the rows whose every cell a register may hold, and what is wrong with the others.

    Parameters
    ----------
    rows : pandas.DataFrame
        Text, with the columns of a register.
    label : str
        How messages name the file.
    """
    if rows.empty:
        return _empty(), []
    faults = schemas.check_table(rows, schemas.REGISTER, label)
    good = pd.Series(True, index=rows.index)
    for name, column in schemas.REGISTER.columns.items():
        cells = rows[name].str.strip()
        fits = pd.Series(True, index=rows.index)
        if column.allowed:
            fits = cells.isin(column.allowed)
        if column.pattern:
            fits = cells.str.fullmatch(column.pattern)
        good &= fits | (cells == "") if column.optional else fits & (cells != "")
    faults += date_faults(rows[good], label)
    real = is_real_date(rows["start_date"]) & is_real_date(rows["end_date"])
    good &= real & is_as_precise(rows)
    return schemas.typed(rows[good], schemas.REGISTER), faults


def _usual_ends(store: Store) -> dict[str, str]:
    """Return by kind what rows without an end date say of their end, most often."""
    rows = pd.concat([table for table in store.registers.values()], ignore_index=True)
    rows = rows[rows["end_date"] == ""]
    if rows.empty:
        return {}
    most = rows.groupby("kind")["end_status"].agg(lambda cells: cells.value_counts().index[0])
    return {str(kind): str(end) for kind, end in most.items()}


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in schemas.REGISTER.columns})


def _fault(rows: pd.DataFrame, where: str, what: str, why: str, remedy: str) -> list[Fault]:
    if rows.empty:
        return []
    return [Fault(f"{where}, {schemas.place_of(rows, _PLACE)}", what, why, remedy)]
