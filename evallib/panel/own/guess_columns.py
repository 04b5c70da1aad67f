"""Tell what the columns of an unknown table hold: councils, years, dates, figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from evallib.panel.importers.cells import MARKS, is_council_code, is_other_area
from evallib.panel.own.dates import is_shaped_like_a_date, read_date
from evallib.panel.own.grid import Grid
from evallib.panel.own.names import NameBook
from evallib.panel.own.values import read_figure
from evallib.panel.own.years import (
    YearCell,
    doubtful_headings,
    read_year,
    split_heading,
)
from evallib.plan.own_data import YEAR

_ENOUGH = 0.5
_NEARLY_ALL = 0.9
_FEW_MARKS = 8
_MOST_MEASURES = 100
_A_YEAR = 2018  # names are first tried as those of a year without reorganisation
_ORDINALS = re.compile(
    r"(.* )?(order|rank|index|sort|id|nr)|row|no\.?|#|number|(.* )?code"
    r"|(la|council|authority|local authority) (no\.?|number)",
    re.IGNORECASE,
)
_SAYS_DATE = re.compile(r"\b(date|when|day|month|started|began|start)\b", re.IGNORECASE)
_SAYS_MEASURE = re.compile(r"indicator|measure|metric|series", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FigureColumn:
    """A column of figures, or several that differ by the year in their heading.

    Parameters
    ----------
    column : str
        The heading, with ``{year}`` for the years.
    positions : tuple of int
        Where the columns stand.
    marks : Counter of str
        Texts that stand among the figures, and how often.
    has_sign : bool
        Whether cells have a per cent sign.
    """

    column: str
    positions: tuple[int, ...]
    marks: Counter[str]
    has_sign: bool


@dataclass(slots=True)
class Roles:
    """What every column seems to hold.

    Parameters
    ----------
    council : int or None
        The column of codes, or of names where no column holds codes.
    is_code : bool
        Whether it holds codes.
    year, date, measure : int or None
        The columns of the year, of dates, and of the indicator's name.
    figures : list of FigureColumn
        The columns of figures.
    unused : list of str
        Headings of all others.
    is_ambiguous : bool
        Whether councils have several figures for a year and no column tells them apart.
    """

    council: int | None = None
    is_code: bool = False
    year: int | None = None
    date: int | None = None
    measure: int | None = None
    figures: list[FigureColumn] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    is_ambiguous: bool = False

    @property
    def has_years(self) -> bool:
        """Whether years stand in a column or in headings."""
        return self.year is not None or any(YEAR in one.column for one in self.figures)


def find_roles(grid: Grid, names: NameBook) -> Roles:
    """Return what the columns of a table seem to hold.

    Parameters
    ----------
    grid : Grid
        The table.
    names : NameBook
        Councils' names.

    Returns
    -------
    Roles
        A column has one role; those that have none are listed.
    """
    roles = Roles()
    roles.council, roles.is_code = _council_column(grid, names)
    free = [n for n in range(len(grid.header)) if grid.header[n] and n != roles.council]
    roles.year = _best(grid, free, _year_share)
    free = [n for n in free if n != roles.year]
    roles.date = _best(grid, free, _date_share)
    free = [n for n in free if n != roles.date]
    roles.figures = _figure_columns(grid, free, by_year=roles.year is None)
    used = {n for one in roles.figures for n in one.positions}
    free = [n for n in free if n not in used]
    if roles.council is not None and roles.year is not None and roles.figures:
        roles.measure = _measure_column(grid, roles, free)
        keys = grid.frame[[roles.council, roles.year]].astype(str)
        again = keys.duplicated(keep=False).mean() >= _ENOUGH
        roles.is_ambiguous = again and roles.measure is None
    roles.unused = [grid.header[n] for n in free if n != roles.measure]
    return roles


def cells_of(grid: Grid, position: int) -> pd.Series:
    """Return the cells of a column that hold something."""
    cells = grid.frame[position]
    return cells[[cell is not None and cell == cell and bool(str(cell).strip()) for cell in cells]]


def _council_column(grid: Grid, names: NameBook) -> tuple[int | None, bool]:
    shares: list[tuple[float, float, int]] = []
    for position, heading in enumerate(grid.header):
        texts = list(dict.fromkeys(" ".join(str(c).split()) for c in cells_of(grid, position)))
        texts = texts[:400]
        if not heading or not texts:
            continue
        coded = [is_council_code(text) for text in texts]
        areas = [re.fullmatch(r"[A-Z]\d{8}", text) and is_other_area(text) for text in texts]
        codes = sum(map(bool, [a or b for a, b in zip(coded, areas, strict=True)])) / len(texts)
        known = sum(names.find(text, _A_YEAR).certainty == "known" for text in texts) / len(texts)
        shares.append((codes if any(coded) else 0.0, known, position))
    by_code = max(shares, default=(0.0, 0.0, 0))
    if by_code[0] >= _ENOUGH:
        return by_code[2], True
    by_name = max(((known, position) for _, known, position in shares), default=(0.0, 0))
    return (by_name[1], False) if by_name[0] >= _ENOUGH else (None, False)


def _best(grid: Grid, free: list[int], share: Callable[[Grid, int], float]) -> int | None:
    found = [(share(grid, n), -n) for n in free]
    best = max(found, default=(0.0, 0))
    return -best[1] if best[0] >= _NEARLY_ALL else None


def _year_share(grid: Grid, position: int) -> float:
    """Return the share of a column's cells are years, a little more where the heading says so."""
    cells = cells_of(grid, position)
    read = [year for year in map(_year_or_none, cells) if year is not None]
    if not len(cells) or any(not 1980 <= year.first <= 2050 for year in read):
        return 0.0
    named = re.search(r"year|period|fin", grid.header[position], re.IGNORECASE) is not None
    sure = named or all(year.is_pair for year in read)
    return len(read) / len(cells) + 0.01 * named if sure or len(set(cells)) <= 30 else 0.0


def _year_or_none(cell: object) -> YearCell | None:
    try:
        return read_year(cell)
    except ValueError:
        return None


def _date_share(grid: Grid, position: int) -> float:
    """Return the share of a column's cells that are dates, or look like dates that are not read.

    Where the heading says so, half of them are enough.
    """
    cells = cells_of(grid, position)
    dated = sum(_is_day_or_month(cell) or is_shaped_like_a_date(cell) for cell in cells)
    share = dated / len(cells) if len(cells) else 0.0
    return 1.0 if share >= _ENOUGH and _SAYS_DATE.search(grid.header[position]) else share


def _is_day_or_month(cell: object) -> bool:
    try:
        return read_date(cell).precision in ("day", "month")
    except ValueError:
        return False


def _figure_columns(grid: Grid, free: list[int], *, by_year: bool) -> list[FigureColumn]:
    """Return the columns of figures; those that differ by a year in the heading are one."""
    groups: dict[str, list[int]] = {}
    for position in free:
        split = split_heading(grid.header[position]) if by_year else None
        groups.setdefault(split[0] if split else grid.header[position], []).append(position)
    found = []
    for column, positions in groups.items():
        if len(positions) == 1 and YEAR in column:
            column = grid.header[positions[0]]
        marks: Counter[str] = Counter()
        numbers, signs, whole = 0, 0, 0
        for position in positions:
            cells = cells_of(grid, position)
            whole += len(cells)
            for cell in cells:
                try:
                    read_figure(cell, (), is_percent=True)
                    numbers += 1
                    signs += str(cell).strip().endswith("%")
                except ValueError:
                    marks[" ".join(str(cell).split())] += 1
        few = len(marks) <= _FEW_MARKS and all(len(mark) <= 12 for mark in marks)
        telling = whole - sum(n for mark, n in marks.items() if mark.strip("[]").lower() in MARKS)
        if telling and numbers / telling >= _ENOUGH and few and not _ORDINALS.fullmatch(column):
            found.append(FigureColumn(column, tuple(positions), marks, signs > 0))
    by_year_too = [one.column for one in found if YEAR in one.column]
    unclear = {at for column in by_year_too for at, _ in doubtful_headings(grid.header, column)}
    return [one for one in found if not unclear.issuperset(one.positions)]


def _measure_column(grid: Grid, roles: Roles, free: list[int]) -> int | None:
    """Return the column without which a council would have several figures for a year."""
    frame = grid.frame.astype(str)
    keys = [roles.council, roles.year]
    repeated = frame.duplicated(keys, keep=False).mean()
    several = repeated >= _ENOUGH
    for position in free:
        said = _SAYS_MEASURE.search(grid.header[position]) is not None
        kinds = frame[position].nunique()
        if kinds > _MOST_MEASURES or (kinds < 2 and not said) or not (several or said):
            continue
        if frame.duplicated([*keys, position], keep=False).mean() <= repeated / 10:
            return position
    return None
