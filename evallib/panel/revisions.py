"""Compare two vintages of outcomes tables: what was revised, and by how much."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault, first_five
from evallib.panel.reading import read_text_table
from evallib.panel.schemas import OUTCOMES, check_table, typed
from evallib.plan import shown_path

_KEY = ["indicator", "council_code", "fin_year"]
_SHOWN = 10
COLUMNS = (*_KEY, "status", "old_value", "new_value", "change", "change_pct")


@dataclass(frozen=True, slots=True)
class Revisions:
    """What differs between two vintages; figures with the same six first digits are the same.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a figure that differs: indicator, council_code, fin_year, status (``added``,
        ``gone`` or ``changed``), old_value and new_value (missing where there is none), change
        (new less old, in the indicator's unit) and change_pct (of the old value; missing where
        that is zero).
    counts : pandas.DataFrame
        One row an indicator and financial year of either vintage: rows_old, rows_new, added,
        gone, changed, mean_change and largest_change (in absolute size) of the changed figures.
    same : int
        Figures that both vintages have and that agree to six significant digits.
    rounded : int
        Those of them that are not equal to the last digit.
    left_out : tuple of str
        Tables of a folder that were not compared, with the reason.
    """

    frame: pd.DataFrame
    counts: pd.DataFrame
    same: int
    rounded: int
    left_out: tuple[str, ...] = ()


def compare_vintages(old: Path, new: Path) -> Revisions:
    """Compare two outcomes tables, or two folders of them.

    Parameters
    ----------
    old, new : Path
        Each a CSV file with council_code, fin_year, indicator, value, or a folder of such files
        (its folder ``outcomes`` where it has one): then tables of the same name are compared.

    Returns
    -------
    Revisions
        What differs.

    Raises
    ------
    DataError
        If a table is missing or wrong, or a figure stands twice in a vintage: all problems of
        both together.
    """
    files, left_out = _files(old, new)
    faults: list[Fault] = []
    frames = []
    for vintage in files:
        try:
            frames.append(_read_vintage(vintage))
        except DataError as error:
            faults += error.faults
    if faults:
        raise DataError(faults)
    return dataclasses.replace(compare_figures(*frames), left_out=left_out)


def compare_figures(old: pd.DataFrame, new: pd.DataFrame) -> Revisions:
    """Compare two vintages of figures.

    Parameters
    ----------
    old, new : pandas.DataFrame
        council_code, fin_year, indicator, value (float); one row a figure.

    Returns
    -------
    Revisions
        What differs.

    Examples
    --------
    >>> row = {"council_code": "E06000001", "fin_year": "2015/16", "indicator": "x", "value": 2.0}
    >>> old = pd.DataFrame([row])
    >>> compare_figures(old, old.assign(value=2.5)).frame["change_pct"].tolist()
    [25.0]
    """
    both = old.merge(new, on=_KEY, how="outer", suffixes=("_old", "_new"))
    table = both.rename(columns={"value_old": "old_value", "value_new": "new_value"})
    equal = table["old_value"].map("{:.6g}".format) == table["new_value"].map("{:.6g}".format)
    table["status"] = "changed"
    table.loc[equal, "status"] = "same"
    table.loc[table["old_value"].isna(), "status"] = "added"
    table.loc[table["new_value"].isna(), "status"] = "gone"
    table["change"] = table["new_value"] - table["old_value"]
    base = table["old_value"].where(table["old_value"] != 0)
    table["change_pct"] = 100 * table["change"] / base.abs()
    differs = table[table["status"] != "same"]
    rounded = equal & (table["old_value"] != table["new_value"])
    frame = differs[list(COLUMNS)].reset_index(drop=True)
    return Revisions(frame, _counts(table), int(equal.sum()), int(rounded.sum()))


def revision_lines(revisions: Revisions) -> Iterator[str]:
    """Yield what was revised in lines: totals, by indicator and year, and the largest."""
    counts, frame = revisions.counts, revisions.frame
    yield (
        f"{revisions.same:,} figures are the same; {counts['changed'].sum():,} changed, "
        f"{counts['added'].sum():,} were added, {counts['gone'].sum():,} are gone."
    )
    if revisions.rounded:
        yield f"{revisions.rounded:,} of the same differ beyond the sixth digit only."
    yield from (f"not compared: {name}" for name in revisions.left_out)
    revised = counts[counts[["added", "gone", "changed"]].sum(axis=1) > 0]
    for indicator, years in revised.groupby("indicator", sort=True):
        yield ""
        yield str(indicator)
        yield "  year      old    new  added   gone  changed   mean change  largest change"
        for row in years.to_dict("records"):
            yield (
                f"  {row['fin_year']} {row['rows_old']:6,} {row['rows_new']:6,} "
                f"{row['added']:6,} {row['gone']:6,} {row['changed']:8,}  "
                f"{_number(row['mean_change']):>12}  {_number(row['largest_change']):>14}"
            )
    changed = frame[frame["status"] == "changed"]
    order = changed["change_pct"].abs().fillna(math.inf).sort_values(ascending=False).index
    if len(order):
        yield ""
        yield f"Largest changes, of {len(order):,}, by their share of the old figure"
    for row in changed.loc[order[:_SHOWN]].to_dict("records"):
        pct = row["change_pct"]
        share = "from zero" if math.isnan(pct) else f"{pct:+.3g} per cent"
        yield (
            f"  {row['council_code']} {row['fin_year']} {row['indicator']}: {row['old_value']:g} "
            f"to {row['new_value']:g} ({share})"
        )


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.6g}"


def _counts(table: pd.DataFrame) -> pd.DataFrame:
    changed = table["change"].where(table["status"] == "changed")
    flags = table.assign(
        rows_old=table["old_value"].notna(),
        rows_new=table["new_value"].notna(),
        **{status: table["status"] == status for status in ("added", "gone", "changed")},
        mean_change=changed,
    )
    groups = flags.groupby(["indicator", "fin_year"], sort=True)
    counts = groups[["rows_old", "rows_new", "added", "gone", "changed"]].sum().astype(int)
    counts["mean_change"] = groups["mean_change"].mean()
    sized = changed.dropna().sort_values(key=abs)
    places = table.loc[sized.index, ["indicator", "fin_year"]]
    largest = sized.groupby([places["indicator"], places["fin_year"]]).last()
    return counts.assign(largest_change=largest.reindex(counts.index)).reset_index()


def _files(old: Path, new: Path) -> tuple[tuple[list[Path], list[Path]], tuple[str, ...]]:
    """Return the tables of both vintages that are compared, and what is left out and why."""
    if not old.is_dir() and not new.is_dir():
        return ([old], [new]), ()
    found = [_tables(path, other) for path, other in ((old, new), (new, old))]
    names = sorted(set(found[0]) & set(found[1]))
    single = sorted(set(found[0]) ^ set(found[1]))
    left_out = [f"{name}: in one vintage only" for name in single]
    compared = [name for name in names if all(_has_figures(tables[name]) for tables in found)]
    left_out += [f"{name}: holds no figures" for name in names if name not in compared]
    if not compared:
        what = f"has no table of figures of the same name as {shown_path(old)}"
        remedy = "Name two tables, or two folders whose tables have the same names"
        raise DataError([Fault(shown_path(new), what, "", remedy)])
    return ([found[0][n] for n in compared], [found[1][n] for n in compared]), tuple(left_out)


def _tables(path: Path, other: Path) -> dict[str, Path]:
    """Return the tables of a vintage by name; of a folder beside one table, the one so named."""
    if not path.is_dir():
        return {path.name: path}
    folder = path / "outcomes" if (path / "outcomes").is_dir() else path
    tables = {file.name: file for file in sorted(folder.glob("*.csv"))}
    return tables if other.is_dir() else {n: t for n, t in tables.items() if n == other.name}


def _has_figures(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline().strip().split(",")
    return {"indicator", "value"} <= set(header)


def _read_vintage(files: Sequence[Path]) -> pd.DataFrame:
    faults: list[Fault] = []
    tables = []
    for file in files:
        try:
            text = read_text_table(file, shown_path(file))
        except DataError as error:
            faults += error.faults
            continue
        wrong = check_table(text, OUTCOMES, shown_path(file))
        faults += wrong
        if not wrong:
            tables.append(typed(text, OUTCOMES))
    if faults:
        raise DataError(faults)
    whole = pd.concat(tables, ignore_index=True)
    twice = whole[whole.duplicated(_KEY)]
    if len(twice):
        first = twice.iloc[0]
        what = (
            f"{len(twice)} figure(s) stand in more than one table, the first for "
            f"{first['council_code']} {first['fin_year']} {first['indicator']}"
        )
        places = first_five([shown_path(file) for file in files])
        raise DataError([Fault(places, what, "It is not known which is meant", "Keep one")])
    return whole
