"""Names that were settled by hand: the file that says so, and what the record says of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evallib.errors import DataError, Fault, did_you_mean
from evallib.panel.codes import CodeBook
from evallib.panel.own.grid import shown_cell
from evallib.panel.own.names import NameBook
from evallib.panel.own.years import plain_heading
from evallib.panel.reading import read_text_table
from evallib.plan.places import shown_path

LEAVE_OUT = "leave out"


def read_settled(path: Path, book: CodeBook) -> dict[str, str]:
    """Read a checked list of names and codes.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file with the columns name and code; others are not read. A code is a council's,
        ``leave out``, or empty where nobody has decided yet.
    book : CodeBook
        Codes that are known.

    Returns
    -------
    dict
        Plain name to code, `LEAVE_OUT` or empty text.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, names one name twice with different codes, or
        holds a code that no council ever had.
    """
    label = shown_path(path)
    table = read_text_table(path, label)
    lost = [name for name in ("name", "code") if name not in table.columns]
    if lost:
        what = f"has no column {' and no column '.join(lost)}."
        what += did_you_mean(lost[0], table.columns)
        raise DataError([Fault(label, what, "", "Head the columns name and code")])
    settled: dict[str, str] = {}
    faults: list[Fault] = []
    for line, name, code in table[["name", "code"]].itertuples():
        if name.startswith("'") and name[1:2] in tuple("=+-@"):
            name = name[1:]  # put before it so that no spreadsheet program runs it
        key, code = plain_heading(name), " ".join(code.split())
        if code.casefold() == LEAVE_OUT:
            code = LEAVE_OUT
        where = f"{label}, line {line}, column code, name {shown_cell(name)}"
        if code and code != LEAVE_OUT and code not in book.known:
            what = f"{shown_cell(code)} is neither a council's code nor '{LEAVE_OUT}'"
            faults.append(Fault(where, what, "", "Mend the code"))
        if settled.get(key, code) != code:
            faults.append(Fault(where, "the name has two codes in this file", "", "Keep one"))
        settled[key] = code
    if faults:
        raise DataError(faults)
    return settled


def settled_notes(
    file: str, settled_in: str, codes: Mapping[str, str], names: NameBook
) -> list[str]:
    """Return a note of the names of a table whose council a names file says.

    Parameters
    ----------
    file, settled_in : str
        The table and the names file.
    codes : mapping of str to str
        Name as it stands in the table, to code.
    names : NameBook
        What the codes' councils are called.
    """
    if not codes:
        return []
    told = "; ".join(f"'{text}' is {names.called(code)}" for text, code in sorted(codes.items()))
    how_many = "1 name is" if len(codes) == 1 else f"{len(codes)} names are"
    return [f"{file}: {how_many} settled by hand in {settled_in}: {told}."]
