"""Which council's area went to which: councils in office on a day, predecessors, successors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import pandas as pd

from evallib.panel.codes import CodeBook

Tier = Literal["district", "county", "single"]
_TIER_OF_TYPE: dict[str, Tier] = {"district": "district", "county": "county"}
_TIER_OF_PREFIX: dict[str, Tier] = {"E07": "district", "E10": "county"}


@dataclass(frozen=True, slots=True)
class Unit:
    """One council and its days in office.

    Parameters
    ----------
    code, name : str
        Its current code and its name.
    tier : {'district', 'county', 'single'}
        District and county share an area; a single-tier council (unitary, metropolitan district,
        London borough) has its own.
    opened, closed : date, optional
        First and last day in office; None where it was in office before the tables begin, or
        still is.
    successors : tuple of str
        Codes of the councils that its area went to.
    county : str
        Code of a district's county; empty where there is none or it is not on file.
    """

    code: str
    name: str
    tier: Tier
    opened: date | None
    closed: date | None
    successors: tuple[str, ...]
    county: str

    def in_office(self, day: date) -> bool:
        """Return whether the council was in office on a day."""
        return not (self.opened and day < self.opened) and not (self.closed and day > self.closed)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Every council of the tables and what followed it.

    Parameters
    ----------
    units : mapping of str to Unit
        By current code; the councils that were merged away in April 2009 included.
    predecessors : mapping of str to tuple of str
        By code, the councils whose area, or part of it, went there directly.
    """

    units: Mapping[str, Unit]
    predecessors: Mapping[str, tuple[str, ...]]

    @property
    def kin(self) -> frozenset[str]:
        """Codes of every council that followed another or was followed by one."""
        before = (code for codes in self.predecessors.values() for code in codes)
        return frozenset((*self.predecessors, *before))

    def successors_on(self, code: str, day: date) -> tuple[str, ...]:
        """Return the councils in office on a day to which a council's area had gone by then."""
        unit = self.units[code]
        if unit.closed is None or day <= unit.closed:
            return (code,)
        found = (s for after in unit.successors for s in self.successors_on(after, day))
        return tuple(dict.fromkeys(found))

    def lower(self, code: str, day: date) -> tuple[str, ...]:
        """Return the districts and single-tier councils that a council's area lay in on a day."""
        return self._areas(code, day, skip="county")

    def upper(self, code: str, day: date) -> tuple[str, ...]:
        """Return the counties and single-tier councils that a unitary's area lay in on a day."""
        return self._areas(code, day, skip="district")

    def ancestors(self, code: str) -> tuple[str, ...]:
        """Return every council whose area, or part of it, ever went to a council."""
        found: dict[str, None] = {}
        for before in self.predecessors.get(code, ()):
            found |= dict.fromkeys((before, *self.ancestors(before)))
        return tuple(found)

    def split_from(self, county: str, code: str) -> tuple[str, ...]:
        """Return the other councils that parts of a county's area went to.

        Parameters
        ----------
        county : str
            A county that was abolished.
        code : str
            One of its successors.

        Returns
        -------
        tuple of str
            Empty where the whole county, with all its districts, went to the one successor.
        """
        day = self._day_after(county)
        districts = (c for c, unit in self.units.items() if unit.county == county)
        gone = (c for c in districts if self.units[c].closed)
        homes = {s for c in (county, *gone) for s in self.successors_on(c, day)}
        return tuple(sorted(homes - {code}))

    def _day_after(self, code: str) -> date:
        closed = self.units[code].closed
        return closed + timedelta(days=1) if closed else date.max

    def _areas(self, code: str, day: date, skip: Tier) -> tuple[str, ...]:
        unit = self.units[code]
        if unit.in_office(day):
            return (code,)
        before = (p for p in self.predecessors.get(code, ()) if self.units[p].tier != skip)
        return tuple(dict.fromkeys(area for p in before for area in self._areas(p, day, skip)))


def build_lineage(councils: pd.DataFrame, changes: pd.DataFrame, book: CodeBook) -> Lineage:
    """Build the lineage from `councils.csv` and the mergers of `code_changes.csv`.

    Parameters
    ----------
    councils : pandas.DataFrame
        council_code, council_name, council_type, county_code, valid_from, valid_to,
        successor_codes; all text.
    changes : pandas.DataFrame
        old_code, new_code, council_name, change, effective_from; all text.
    book : CodeBook
        Leads codes that changed without the council changing to the current one.
    """
    units = {unit.code: unit for unit in _from_councils(councils, book)}
    units |= {unit.code: unit for unit in _from_mergers(changes, book) if unit.code not in units}
    before: dict[str, list[str]] = {}
    for unit in units.values():
        for after in unit.successors:
            before.setdefault(after, []).append(unit.code)
    return Lineage(units, {code: tuple(sorted(codes)) for code, codes in before.items()})


def _from_councils(councils: pd.DataFrame, book: CodeBook) -> Iterator[Unit]:
    for row in councils.to_dict("records"):
        codes = [code for code in row["successor_codes"].split(";") if code]
        yield Unit(
            code=book.current.get(row["council_code"], row["council_code"]),
            name=row["council_name"],
            tier=_TIER_OF_TYPE.get(row["council_type"], "single"),
            opened=_day(row["valid_from"]),
            closed=_day(row["valid_to"]),
            successors=tuple(book.current.get(code, code) for code in codes),
            county=row["county_code"],
        )


def _from_mergers(changes: pd.DataFrame, book: CodeBook) -> Iterator[Unit]:
    merged = changes[changes["change"] == "merged into"]
    for code, rows in merged.groupby("old_code", sort=False):
        first = date.fromisoformat(str(rows["effective_from"].iloc[0]))
        new = (book.current.get(after, after) for after in rows["new_code"])
        yield Unit(
            code=str(code),
            name=str(rows["council_name"].iloc[0]),
            tier=_TIER_OF_PREFIX.get(str(code)[:3], "single"),
            opened=None,
            closed=first - timedelta(days=1),
            successors=tuple(dict.fromkeys(new)),
            county="",
        )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
