"""Follow council codes to the current one, and set aside what belongs to no council of today."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evallib.errors import Fault
from evallib.panel.schemas import place_of


@dataclass(frozen=True, slots=True)
class CodeBook:
    """Which codes are known, and where each leads.

    Parameters
    ----------
    current : dict of str to str
        Old code to current code, chains followed, for codes that changed without the council
        changing.
    known : frozenset of str
        Codes of `councils.csv` and old codes of `code_changes.csv`.
    councils : frozenset of str
        Codes of `councils.csv`, followed to the current code.
    """

    current: dict[str, str]
    known: frozenset[str]
    councils: frozenset[str]

    def follow(self, codes: pd.Series) -> pd.Series:
        """Return each code's current code; a code that did not change stays."""
        which, found = pd.factorize(codes, use_na_sentinel=False)
        led = pd.array([self.current.get(code, code) for code in found], dtype="str")
        return pd.Series(led.take(which), index=codes.index, name=codes.name)


def build_code_book(councils: pd.DataFrame, changes: pd.DataFrame) -> CodeBook:
    """Build the code book from `councils.csv` and `code_changes.csv`.

    Parameters
    ----------
    councils : pandas.DataFrame
        With the column council_code.
    changes : pandas.DataFrame
        With the columns old_code, new_code, change (``recode`` or ``merged into``).
    """
    recodes = changes[changes["change"] == "recode"]
    step = dict(zip(recodes["old_code"], recodes["new_code"], strict=True))
    current = {}
    for old in step:
        code, seen = old, {old}
        while code in step and step[code] not in seen:
            code = step[code]
            seen.add(code)
        current[old] = code
    return CodeBook(
        current=current,
        known=frozenset(councils["council_code"]) | frozenset(changes["old_code"]),
        councils=frozenset(current.get(c, c) for c in councils["council_code"]),
    )


def unknown_codes(table: pd.DataFrame, book: CodeBook, label: str) -> list[Fault]:
    """Return a fault when a table holds codes that no council ever had."""
    rows = table[~table["council_code"].isin(book.known)]
    if rows.empty:
        return []
    codes = ", ".join(list(dict.fromkeys(rows["council_code"]))[:5])
    return [
        Fault(
            f"{label}, column council_code, {place_of(rows, ('council_code', 'fin_year'))}",
            f"no council ever had the code {codes}: it is neither in councils.csv nor an old_code "
            "of code_changes.csv",
            "The rows would be dropped without a sign of it",
            "Mend the code, or add the council to councils.csv",
        )
    ]


def follow_table(table: pd.DataFrame, book: CodeBook) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table under current codes, and the rows of councils merged away before 2009.

    Parameters
    ----------
    table : pandas.DataFrame
        With the column council_code.
    book : CodeBook
        The code book.

    Returns
    -------
    followed : pandas.DataFrame
        Rows of councils in `councils.csv`, council_code being the current one.
    set_aside : pandas.DataFrame
        Rows of codes that `code_changes.csv` merges into another council.
    """
    followed = table.assign(council_code=book.follow(table["council_code"]))
    inside = followed["council_code"].isin(book.councils)
    return followed[inside], followed[~inside]


def duplicated_figures(table: pd.DataFrame, label: str) -> list[Fault]:
    """Return a fault when a council has two figures for a year, once codes are followed."""
    rows = table[table.duplicated(["council_code", "fin_year", "indicator"], keep="first")]
    if rows.empty:
        return []
    return [
        Fault(
            f"{label}, {place_of(rows, ('council_code', 'fin_year', 'indicator'))}",
            f"{len(rows)} figure(s) stand twice for a council and year once codes that changed "
            "are followed",
            "It is not known which figure is meant",
            "Keep one, or add a row to corrections.csv that says which code is meant",
        )
    ]
