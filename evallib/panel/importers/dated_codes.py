"""Give a publication's own names of councils the ONS code that was in force in a year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evallib.errors import DataError
from evallib.panel.reading import read_text_table
from evallib.panel.schemas import TABLES, check_table
from evallib.plan import shown_path

_PLAIN_WORDS = {"and", "borough", "city", "council", "county", "of", "the"}
_ABOLISHED = "(Pre LG)"


@dataclass(frozen=True, slots=True)
class Holder:
    """A council that has or had a name: its code of today and its dates in office."""

    code: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class DatedCodes:
    """Which council bore a name, and under which code, in a financial year.

    Parameters
    ----------
    holders : dict of str to tuple of Holder
        Councils by plain name.
    recodes : dict of str to (str, str)
        Present code to the former one and the day of the change.
    """

    holders: dict[str, tuple[Holder, ...]]
    recodes: dict[str, tuple[str, str]]

    def code_of(self, name: str, first: int) -> str:
        """Return the code in force on 31 March at the end of a financial year.

        Parameters
        ----------
        name : str
            The council's name as published. ``(Pre LG)``, which marks a council that was
            abolished, says nothing here: of several councils of a name the one in office counts.
        first : int
            Calendar year in which the financial year starts.

        Returns
        -------
        str
            The code; empty where no council or more than one answers to the name. The only
            council of a name keeps its figures outside its dates in office.
        """
        end = f"{first + 1}-03-31"
        found = self.holders.get(plain_name(name), ())
        if len(found) > 1:
            found = tuple(
                one for one in found if one.since <= end and (not one.until or one.until >= end)
            )
        if len(found) != 1:
            return ""
        former, day = self.recodes.get(found[0].code, ("", ""))
        return former if former and day > end else found[0].code


def plain_name(name: str) -> str:
    """Return a council's name without the words that publishers vary.

    Examples
    --------
    >>> plain_name("Bristol, City of") == plain_name("City of Bristol")
    True
    >>> plain_name("St. Helens"), plain_name("Dorset (Pre LG)")
    ('helens st', 'dorset')
    """
    words = re.findall(r"[a-z]+", name.replace(_ABOLISHED, "").replace("&", " and ").lower())
    return " ".join(sorted(word for word in words if word not in _PLAIN_WORDS))


def read_dated_codes(folder: Path) -> DatedCodes:
    """Read upper-tier councils and recodes from `councils.csv` and `code_changes.csv`.

    Parameters
    ----------
    folder : Path
        A folder of the shape of ``data/raw``.

    Raises
    ------
    DataError
        If a table is missing or wrong.
    """
    councils, changes = _read(folder, "councils.csv"), _read(folder, "code_changes.csv")
    holders: dict[str, tuple[Holder, ...]] = {}
    for row in councils[councils["council_type"] != "district"].itertuples():
        name = plain_name(str(row.council_name))
        one = Holder(str(row.council_code), str(row.valid_from), str(row.valid_to))
        holders[name] = (*holders.get(name, ()), one)
    recoded = changes[changes["change"] == "recode"]
    return DatedCodes(
        holders,
        {
            str(row.new_code): (str(row.old_code), str(row.effective_from))
            for row in recoded.itertuples()
        },
    )


def _read(folder: Path, name: str) -> pd.DataFrame:
    label = shown_path(folder / name)
    table = read_text_table(folder / name, label)
    faults = check_table(table, TABLES[name], label)
    if faults:
        raise DataError(faults)
    return table
