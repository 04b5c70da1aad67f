"""Give every row of a table of one's own its council's code, or say why it has none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from evallib.errors import Fault, first_five
from evallib.panel.codes import CodeBook
from evallib.panel.importers.cells import is_council_code, is_other_area
from evallib.panel.own.grid import Grid, places, shown_cell
from evallib.panel.own.names import Answer, NameBook
from evallib.panel.own.settled import LEAVE_OUT, settled_notes
from evallib.panel.own.years import plain_heading

_MOST_NAMES = 12
_AREA = re.compile(r"[A-Z]\d{8}")
_CODE_LIKE = re.compile(r"[A-Za-z]\d{4,}")


@dataclass(frozen=True, slots=True)
class Register:
    """Where councils' codes and names are looked up.

    Parameters
    ----------
    book : CodeBook
        Which codes are known.
    names : NameBook
        Which names.
    settled : mapping of str to str
        Plain name to the code, or to `LEAVE_OUT`, that a names file gives it.
    settled_in : str
        How messages name that file.
    leave_out : frozenset of str
        Plain texts of rows that are no councils.
    as_of : int or None
        First calendar year of the financial year whose councils all names mean; that of each row
        unless given.
    """

    book: CodeBook
    names: NameBook
    settled: Mapping[str, str] = field(default_factory=dict)
    settled_in: str = ""
    leave_out: frozenset[str] = frozenset()
    as_of: int | None = None


@dataclass(frozen=True, slots=True)
class Councils:
    """Which council every row belongs to.

    Parameters
    ----------
    codes : pandas.Series
        The code as it stands, or that of the name's council; empty for rows with a fault.
    spellings : pandas.Series
        The cell as text.
    faults : list of Fault
        Rows without a council.
    notes : list of str
        Names that a names file settles, and names that stand for one council and later for
        another.
    """

    codes: pd.Series
    spellings: pd.Series
    faults: list[Fault]
    notes: list[str]


def find_councils(
    grid: Grid, position: int, rows: pd.Series, years: pd.Series, register: Register
) -> Councils:
    """Find the council of every row.

    Parameters
    ----------
    grid : Grid
        The table.
    position : int
        Its column of codes or names.
    rows : pandas.Series of int
        Row numbers of the table, one an entry; a wide table's row comes once a year.
    years : pandas.Series of int
        The first calendar year of each entry's label.
    register : Register
        Where councils are looked up.

    Returns
    -------
    Councils
        One entry a row; a name that is doubtful or unknown has a fault and no code.
    """
    texts = rows.map({row: _text(cell) for row, cell in grid.frame[position].items()})
    pairs = pd.DataFrame({"text": texts, "year": years.astype(int), "row": rows})
    if register.as_of is not None:
        pairs["year"] = register.as_of
    codes: dict[tuple[str, int], str] = {}
    wrong: dict[str, tuple[str, Answer | None]] = {}
    early: list[str] = []
    for text, year in pairs[["text", "year"]].drop_duplicates().itertuples(index=False):
        code, problem, answer = _one(text, int(year), register)
        codes[text, int(year)] = code
        if problem:
            wrong.setdefault(text, (problem, answer))
        elif answer and answer.candidates[0].since > f"{year + 1}-03-31":
            early.append(f"'{text}' in {year}/{(year + 1) % 100:02d}")
    keys = zip(pairs["text"], pairs["year"], strict=True)
    found = pd.Series([codes[key] for key in keys], index=rows.index, dtype=object)
    notes = _two_councils(grid, pairs.assign(code=found))
    faults = _faults(grid, position, pairs, wrong)
    if notes and early and register.as_of is None:
        faults.append(_recast(grid.column(position), early, notes))
    by_hand = {text: code for (text, _), code in codes.items() if _is_settled(text, register)}
    notes += settled_notes(grid.file, register.settled_in, by_hand, register.names)
    return Councils(found, texts, faults, notes)


def rows_left_out(grid: Grid, position: int, register: Register) -> tuple[set[int], list[str]]:
    """Return the rows that are no councils', and a note for each kind of them.

    They are those that the plan or the names file leaves out, and those with the code of an area
    that is no English council.
    """
    texts = grid.frame[position].map(_text)
    keys = texts.map(plain_heading)
    named = keys.isin(register.leave_out) | keys.map(register.settled).eq(LEAVE_OUT)
    coded = texts.map(lambda text: _AREA.fullmatch(text) is not None and is_other_area(text))
    out = texts[(named | coded).astype(bool)]
    areas = out[out.map(lambda text: _AREA.fullmatch(text) is not None).astype(bool)]
    left = Counter(f"'{text}'" for text in out.drop(areas.index))
    if len(areas):
        codes = first_five(sorted(set(areas.str[:3])))
        left[f"areas that are no English council (codes beginning {codes})"] = len(areas)
    notes = [
        f"{grid.file}: {n:,} {'row' if n == 1 else 'rows'} left out: {kind}."
        for kind, n in sorted(left.items())
    ]
    return set(out.index), notes


def _is_settled(text: str, register: Register) -> bool:
    return register.settled.get(plain_heading(text), "") not in ("", LEAVE_OUT)


def _text(cell: object) -> str:
    return "" if cell is None or cell != cell else " ".join(str(cell).split())


def _one(text: str, year: int, register: Register) -> tuple[str, str, Answer | None]:
    """Return the code of a cell, or what is wrong with it and whom it may mean."""
    key = plain_heading(text)
    if key in register.settled:
        code = register.settled[key]
        return (code, "", None) if code else ("", "has no code in the names file", None)
    if not text:
        return "", "is empty", None
    if is_council_code(text):
        if text in register.book.known:
            return text, "", None
        return "", "is a code that no council ever had", None
    if _CODE_LIKE.fullmatch(text) or text.isdigit():
        return "", "is no council's code of the ONS form (E and eight digits)", None
    answer = register.names.find(text, year)
    if answer.certainty == "known":
        return answer.code, "", answer
    if register.names.is_area(text):
        return "", "is no council", answer
    problem = "may be" if answer.candidates else "is like no council's name"
    return "", problem, answer


def _two_councils(grid: Grid, found: pd.DataFrame) -> list[str]:
    """Return a note for every name that stands for one council and later for another."""
    named = found[found["code"].ne("") & ~found["text"].map(is_council_code).astype(bool)]
    notes = []
    for text, rows in named.groupby("text", sort=True):
        spans = rows.groupby("code")["year"].agg(["min", "max"]).sort_values("min")
        if len(spans) > 1:
            told = "; ".join(
                f"{code} from {low}/{(low + 1) % 100:02d} to {high}/{(high + 1) % 100:02d}"
                for code, low, high in spans.itertuples()
            )
            notes.append(f"{grid.file}: '{text}' is read as the council then in office: {told}.")
    return notes


def _recast(where: str, early: list[str], notes: list[str]) -> Fault:
    """Return the fault of a table that was recast on later boundaries, but not by its names."""
    names = first_five([note.partition(": ")[2].partition(" is read")[0] for note in notes])
    return Fault(
        f"{where}, {first_five(early)}",
        "councils have figures before they existed, so that the table was recast on later "
        f"boundaries; {names} may then mean the later council in every year",
        "Dorset's area changed with its council: its figures would be put on the wrong one",
        "Add names_as_of: with the year of these boundaries, or take those rows out",
    )


def _faults(
    grid: Grid,
    position: int,
    pairs: pd.DataFrame,
    wrong: Mapping[str, tuple[str, Answer | None]],
) -> list[Fault]:
    faults = []
    for text, (problem, answer) in list(wrong.items())[:_MOST_NAMES]:
        rows = pairs.loc[pairs["text"] == text, "row"].drop_duplicates().tolist()
        where = f"{grid.column(position)}, {places(grid, rows, position)}"
        candidates = answer.candidates if answer else ()
        may = f" {'; '.join(map(str, candidates))}" if problem == "may be" else ""
        faults.append(
            Fault(where, f"{shown_cell(text)} {problem}{may}", _why(problem), _remedy(problem))
        )
    rest = list(wrong)[_MOST_NAMES:]
    if rest:
        what = f"{len(rest)} more names or codes are of no council: {first_five(rest)}"
        faults.append(Fault(grid.column(position), what, "", _remedy("may be")))
    return faults


def _why(problem: str) -> str:
    if problem == "may be":
        return "A doubtful name is never guessed"
    return "The row's figure would be lost without a sign of it"


def _remedy(problem: str) -> str:
    if problem == "is empty":
        return "Fill the cell or delete the row"
    if problem == "is no council":
        return "List it under leave_out"
    if "code" in problem:
        return "Mend the code, or list it under leave_out if the row is no council"
    return (
        "Write its code beside it in a file with the columns name and code and give that as "
        "names: (`evallib import --guess` writes one), or list it under leave_out"
    )
