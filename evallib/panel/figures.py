"""Settle figures: years, names and codes checked, corrections applied, recast ones flagged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import Fault, first_five
from evallib.panel import schemas
from evallib.panel.codes import CodeBook, duplicated_figures, follow_table, unknown_codes
from evallib.panel.corrections import apply_corrections
from evallib.panel.periods import PeriodRule

COLUMNS = ("council_code", "fin_year", "period", "indicator", "value", "is_recast", "file")
ORDER = ("indicator", "council_code", "period")
KEY = ("council_code", "fin_year", "indicator")
NOT_FOLLOWED = "council merged into another in 2009: not followed"
ONLY_ADDED_UP = "council merged into another in 2009: used only where boundaries are added up"
_DAY = "datetime64[D]"


@dataclass(frozen=True, slots=True)
class FigureRules:
    """What figures are held to, whatever the kind of file they lie in.

    Parameters
    ----------
    label : str
        How messages name the folder.
    corrections : pandas.DataFrame
        The rows of `corrections.csv`.
    known : frozenset of str
        Indicators of `indicators.csv`.
    periods : mapping of str to PeriodRule
        The measurement period of every indicator.
    book : CodeBook
        Which codes are known and where they lead.
    councils : pandas.DataFrame
        `councils.csv` under current codes.
    """

    label: str
    corrections: pd.DataFrame
    known: frozenset[str]
    periods: Mapping[str, PeriodRule]
    book: CodeBook
    councils: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Settled:
    """Figures of one table after all checks.

    Parameters
    ----------
    frame : pandas.DataFrame
        council_code (current), fin_year, indicator, value, file.
    faults : tuple of Fault
        What is wrong; the frame may not be used then.
    former : pandas.DataFrame
        The same columns: rows of councils that merged into another in 2009.
    """

    frame: pd.DataFrame
    faults: tuple[Fault, ...]
    former: pd.DataFrame


def settle_table(table: pd.DataFrame, name: str, rules: FigureRules) -> Settled:
    """Check, correct and follow the figures of one table.

    Parameters
    ----------
    table : pandas.DataFrame
        council_code, fin_year, indicator, value, as the file has them; the index is the line.
    name : str
        The table, such as ``outcomes/waste.csv``.
    rules : FigureRules
        What the figures are held to.

    Returns
    -------
    Settled
        The figures under current codes, and what is wrong with them.
    """
    label = f"{rules.label}/{name}"
    faults = bad_years(table, label) + _undescribed(table, rules.known, label)
    mended, wrong = apply_corrections(
        table, rules.corrections, name, f"{rules.label}/corrections.csv"
    )
    faults += wrong + unknown_codes(mended, rules.book, label)
    followed, gone = follow_table(mended, rules.book)
    faults += duplicated_figures(followed, label)
    former = gone[gone["council_code"].isin(rules.book.known)]
    faults += duplicated_figures(former, label)
    return Settled(followed.assign(file=name), tuple(faults), former.assign(file=name))


def bad_years(table: pd.DataFrame, label: str) -> list[Fault]:
    """Return a fault when years do not follow each other, as in 2015/17."""
    years = pd.Series(table["fin_year"].unique(), dtype="str")
    wrong = years[(years.str[:4].astype(int) + 1) % 100 != years.str[5:].astype(int)]
    if wrong.empty:
        return []
    rows = table[table["fin_year"].isin(wrong)]
    return [
        Fault(
            f"{label}, column fin_year, {schemas.place_of(rows, ('council_code',))}",
            f"{first_five(list(dict.fromkeys(rows['fin_year'])))} is not a financial year",
            "A figure in the wrong year moves the estimate",
            "Write the two years in sequence, as 2015/16",
        )
    ]


def _undescribed(table: pd.DataFrame, known: Collection[str], label: str) -> list[Fault]:
    strange = sorted(set(table["indicator"].unique()) - set(known))
    return [undescribed_fault(f"{label}, column indicator", strange)] if strange else []


def undescribed_fault(where: str, names: list[str]) -> Fault:
    """Return the fault of figures whose indicator is not described."""
    return Fault(
        where,
        f"{first_five(names)} not in indicators.csv",
        "Its unit, polarity and measurement period are not known",
        "Add a row to indicators.csv, mend the name, or let a plan take the table as own_data",
    )


def repeated_across(parts: Iterable[pd.DataFrame], label: str) -> list[Fault]:
    """Return a fault when two tables hold a figure of the same council, year and indicator.

    Parameters
    ----------
    parts : iterable of pandas.DataFrame
        Settled figures, one frame a table.
    label : str
        How messages name the folder.
    """
    kept = list(parts)
    tables: dict[str, int] = {}
    for part in kept:
        for name in part["indicator"].unique():
            tables[name] = tables.get(name, 0) + 1
    shared = [name for name, count in tables.items() if count > 1]
    if not shared:
        return []
    rows = pd.concat([part[part["indicator"].isin(shared)] for part in kept])
    faults = []
    rows = rows[~rows.duplicated([*KEY, "file"])]
    again = rows[rows.duplicated(list(KEY))]
    for file, twice in again.groupby("file", sort=True):
        first = rows[rows["file"] != file].merge(twice[list(KEY)], on=list(KEY))["file"]
        faults.append(
            Fault(
                f"{label}/{file}, {schemas.place_of(twice, KEY)}",
                f"{len(twice)} figure(s) stand in {first_five(sorted(first.unique()))} too, once "
                "codes that changed are followed",
                "It is not known which figure is meant",
                "Keep each figure in one table",
            )
        )
    return faults


def flag_recast(
    figures: pd.DataFrame, councils: pd.DataFrame, periods: Mapping[str, PeriodRule]
) -> pd.DataFrame:
    """Return figures with their period, in order, flagged where they were recast.

    Parameters
    ----------
    figures : pandas.DataFrame
        council_code (current), fin_year, indicator, value, file.
    councils : pandas.DataFrame
        council_code (current), valid_from and valid_to (``YYYY-MM-DD`` or empty).
    periods : mapping of str to PeriodRule
        The measurement period of every indicator.

    Returns
    -------
    pandas.DataFrame
        The columns of `COLUMNS`, sorted by indicator, council and period. `is_recast` says
        whether the measurement period lies outside the council's dates in office.
    """
    which, names = pd.factorize(figures["indicator"])
    label, years = pd.factorize(figures["fin_year"])
    period = np.array([int(year[:4]) for year in years], dtype="int64")[label]
    months = np.array([12 * periods[n].offset + periods[n].month - 1 for n in names], dtype="int64")
    start = ((period - 1970) * 12 + months[which]).astype("datetime64[M]")
    ends = (start + 12).astype(_DAY) - 1
    dates = councils.set_index("council_code")[["valid_from", "valid_to"]]
    who, codes = pd.factorize(figures["council_code"])
    held = dates.reindex(codes)
    opened, closed = (
        pd.to_datetime(held[column], errors="coerce").to_numpy().astype(_DAY)[who]
        for column in ("valid_from", "valid_to")
    )
    table = figures.assign(period=period, is_recast=(ends < opened) | (start.astype(_DAY) > closed))
    return table.sort_values(list(ORDER), ignore_index=True)[list(COLUMNS)]
