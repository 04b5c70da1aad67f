"""Hold the figures of partitions to what figures of CSV tables are held to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from evallib.errors import Fault, first_five
from evallib.panel.codes import duplicated_figures, follow_table, unknown_codes
from evallib.panel.corrections import apply_corrections
from evallib.panel.figures import (
    KEY,
    FigureRules,
    bad_years,
    flag_recast,
    repeated_across,
    undescribed_fault,
)
from evallib.panel.partitions.files import PREFIX, Part, are_cells_right, cell_faults, frame_of
from evallib.panel.schemas import CODE

Check = Callable[[pd.DataFrame, str], list[Fault]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read for one indicator.

    Parameters
    ----------
    inputs : tuple of mapping
        One a file.
    notes : tuple of str
        Facts about the files.
    aside : tuple of (str, int)
        Table and rows of councils that merged into another in 2009.
    corrections : pandas.DataFrame
        The rows of `corrections.csv` that were applied.
    """

    inputs: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    aside: tuple[tuple[str, int], ...]
    corrections: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Checked:
    """The figures of one indicator after all checks.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of `figures.COLUMNS`, sorted.
    former : pandas.DataFrame
        The same columns: figures of councils that merged into another in 2009.
    facts : Facts
        What was read.
    """

    frame: pd.DataFrame
    former: pd.DataFrame
    facts: Facts


def check_indicators(
    parts: Sequence[Part], rules: FigureRules
) -> tuple[dict[str, Checked], list[Fault]]:
    """Check, correct and follow the figures of some indicators.

    Parameters
    ----------
    parts : sequence of Part
        All files of these indicators.
    rules : FigureRules
        What figures are held to.

    Returns
    -------
    checked : dict of str to Checked
        By indicator; empty when anything is wrong.
    faults : list of Fault
        What is wrong, over all files.
    """
    faults, sound = _read_well(parts, rules)
    if not sound:
        return {}, faults
    whole: pd.DataFrame = pa.concat_tables([part.table for part in sound]).to_pandas()
    files = _Files(sound, rules.label)
    mine = rules.corrections[rules.corrections["indicator"].isin(whole["indicator"].unique())]
    faults += files.told(whole, bad_years)
    mended, wrong = _mended(whole, mine, f"{rules.label}/corrections.csv")
    faults += wrong
    faults += files.told(mended, lambda rows, label: unknown_codes(rows, rules.book, label))
    followed, gone = follow_table(mended, rules.book)
    gone = gone[gone["council_code"].isin(rules.book.known)]
    for rows in (followed, gone):
        faults += files.told(rows, duplicated_figures)
        if rows.duplicated(list(KEY)).any():
            faults += repeated_across((own for _, own in files.split(rows)), rules.label)
    if faults:
        return {}, faults
    by_name: dict[str, list[Part]] = {}
    for part in parts:
        by_name.setdefault(part.indicator, []).append(part)
    figures, former = (
        _by_indicator(flag_recast(rows, rules.councils, rules.periods), by_name)
        for rows in (followed, gone)
    )
    return {
        name: Checked(figures[name], former[name], _facts(own, former[name], mine))
        for name, own in by_name.items()
    }, []


def _facts(parts: Sequence[Part], former: pd.DataFrame, corrections: pd.DataFrame) -> Facts:
    counts = former["file"].value_counts(sort=False)
    return Facts(
        inputs=tuple(part.record for part in parts if part.record is not None),
        notes=tuple(note for part in parts for note in part.notes),
        aside=tuple((str(file), int(rows)) for file, rows in counts.items()),
        corrections=corrections[corrections["indicator"] == parts[0].indicator],
    )


def _by_indicator(figures: pd.DataFrame, names: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return figures that are sorted by indicator, a frame each."""
    counts = figures["indicator"].value_counts(sort=False)
    found, last = {}, 0
    for name in sorted(names):
        first, last = last, last + int(counts.get(name, 0))
        found[name] = figures.iloc[first:last].reset_index(drop=True)
    return found


def _read_well(parts: Sequence[Part], rules: FigureRules) -> tuple[list[Fault], list[Part]]:
    """Return the faults of files and cells, and the files of indicators that have none."""
    faults = [fault for part in parts for fault in part.faults]
    broken = {part.indicator for part in parts if part.faults or part.table is None}
    tables = [part for part in parts if part.table is not None]
    if tables and not are_cells_right(
        pa.concat_tables([part.table for part in tables]).to_pandas()
    ):
        for part in tables:
            wrong = cell_faults(part, rules.label)
            faults += wrong
            broken |= {part.indicator} if wrong else set()
    for part in tables:
        if part.indicator in broken:
            rows = frame_of(part.table)
            shaped = rows[rows["council_code"].str.fullmatch(CODE)]
            faults += unknown_codes(shaped, rules.book, f"{rules.label}/{part.name}")
    return faults, [part for part in tables if part.indicator not in broken]


class _Files:
    """The files that the rows of a joined frame come from: its index counts over all of them."""

    def __init__(self, parts: Sequence[Part], label: str) -> None:
        self._parts, self._label = parts, label

    def split(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each file and its rows, numbered as in the file."""
        first = 0
        for part in self._parts:
            last = first + part.rows
            own = rows[(rows.index >= first) & (rows.index < last)].assign(file=part.name)
            yield part.name, own.set_axis(pd.Index(own.index - first + 1, name="row"))
            first = last

    def told(self, rows: pd.DataFrame, check: Check) -> list[Fault]:
        """Return what a check finds, file by file; quick where it finds nothing."""
        if not check(rows, self._label):
            return []
        return [
            fault for file, own in self.split(rows) for fault in check(own, f"{self._label}/{file}")
        ]


def _mended(
    whole: pd.DataFrame, corrections: pd.DataFrame, label: str
) -> tuple[pd.DataFrame, list[Fault]]:
    """Apply the corrections of an indicator, table by table as `corrections.csv` names them."""
    if corrections.empty:
        return whole, []
    rows = whole.groupby("file", sort=False).indices
    files = [str(file) for file in corrections["file"].unique()]
    parts = [whole.iloc[places] for file, places in rows.items() if file not in files]
    faults: list[Fault] = []
    for file in files:
        mended, wrong = apply_corrections(whole.iloc[rows.get(file, [])], corrections, file, label)
        parts.append(mended)
        faults += wrong
    return pd.concat(parts).sort_index(), faults


def partition_faults(
    held: Collection[str], tabled: Mapping[str, Sequence[str]], rules: FigureRules
) -> list[Fault]:
    """Return what the names of partitions tell: indicators without a description, or in a CSV too.

    Parameters
    ----------
    held : collection of str
        Indicators that lie in partitions.
    tabled : mapping of str to sequence of str
        The CSV tables of every indicator that stands in one.
    rules : FigureRules
        What figures are held to.
    """
    where = f"{rules.label}/outcomes"
    strange = sorted(set(held) - rules.known)
    faults = [undescribed_fault(f"{where}, folders {PREFIX}NAME", strange)] if strange else []
    faults += [
        Fault(
            f"{where}/{PREFIX}{name}",
            f"{name} stands in {first_five(list(tabled[name]))} too",
            "It is not known which figures are meant",
            "Keep an indicator's figures in its folder or in CSV tables, not in both",
        )
        for name in sorted(set(held) & set(tabled))
    ]
    return faults
