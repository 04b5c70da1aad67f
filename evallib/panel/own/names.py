"""Councils by name: the one in office in a year, or the candidates where it is doubtful."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from evallib.panel.own.spelling import Spelling, read_spelling

_FOUNDED_2009 = "2009-03-31"
_AREAS = (
    "England",
    "Wales",
    "Scotland",
    "Northern Ireland",
    "Great Britain",
    "United Kingdom",
    "UK",
)
_SUMS = frozenset({"total", "totals", "average", "mean", "median", "england", "region"})
Certainty = Literal["known", "doubtful", "unknown"]


@dataclass(frozen=True, slots=True)
class Holder:
    """A council that bears or bore a name.

    Parameters
    ----------
    code, name, type : str
        As in councils.csv; of a council merged away in 2009 the type is empty.
    spelling : Spelling
        The name as it is compared.
    since, until : str
        Dates in office, YYYY-MM-DD; empty where it is still in office or always was.
    """

    code: str
    name: str
    type: str
    spelling: Spelling
    since: str
    until: str

    def __str__(self) -> str:
        """Return name and code, and the last year where it is no longer in office."""
        ended = f", to {self.until[:4]}" if self.until else ""
        return f"{self.name} ({self.code}{ended})"

    def in_office(self, day: str) -> bool:
        """Return whether it was in office on a day, YYYY-MM-DD."""
        return self.since <= day and (not self.until or self.until >= day)


@dataclass(frozen=True, slots=True)
class Answer:
    """Which council a name stands for.

    Parameters
    ----------
    certainty : {'known', 'doubtful', 'unknown'}
        Whether it is one council, may be one of several, or is like none.
    code : str
        Its code; empty unless known.
    candidates : tuple of Holder
        The council, or those that the name may stand for, likeliest first.
    """

    certainty: Certainty
    code: str
    candidates: tuple[Holder, ...]


class NameBook:
    """Every council's name, as `councils.csv` and `code_changes.csv` have them.

    Parameters
    ----------
    councils : pandas.DataFrame
        council_code, council_name, council_type, region, valid_from, valid_to.
    changes : pandas.DataFrame
        old_code, council_name, change.
    """

    def __init__(self, councils: pd.DataFrame, changes: pd.DataFrame) -> None:
        rows = councils[
            ["council_code", "council_name", "council_type", "valid_from", "valid_to"]
        ].fillna("")
        holders = [
            Holder(code, name, kind, read_spelling(name), since, until)
            for code, name, kind, since, until in rows.to_numpy().tolist()
        ]
        merged = changes[changes["change"] == "merged into"].drop_duplicates("old_code")
        holders += [
            Holder(code, name, "", read_spelling(name), "", _FOUNDED_2009)
            for code, name in merged[["old_code", "council_name"]].to_numpy().tolist()
        ]
        self._by_code = {one.code: one for one in holders}
        self._by_base: dict[str, list[Holder]] = {}
        for one in holders:
            self._by_base.setdefault(one.spelling.base, []).append(one)
        self._areas = {read_spelling(name).full for name in (*_AREAS, *councils["region"].unique())}
        self._answers: dict[tuple[str, int], Answer] = {}

    def is_area(self, name: str | Spelling) -> bool:
        """Return whether a name is that of a country, a region or a total."""
        full = (read_spelling(name) if isinstance(name, str) else name).full
        words = set(full.split())
        return full in self._areas or bool(words & _SUMS)

    def called(self, code: str) -> str:
        """Return the council of a code in words, name and code; the code alone where it is old."""
        return str(self._by_code.get(code, code))

    def find(self, name: str, first: int) -> Answer:
        """Return the council that bore a name on 31 March at the end of a financial year.

        Parameters
        ----------
        name : str
            The name, in any usual spelling.
        first : int
            Calendar year in which the financial year starts.

        Returns
        -------
        Answer
            Known where one council of that name, of a type that the spelling allows, was in
            office, or where only one council ever bore it, whose figures outside its dates are
            kept. A council merged away in 2009 answers only for years in which it was in office.
        """
        key = (name, first)
        if key not in self._answers:
            self._answers[key] = self._find(read_spelling(name), f"{first + 1}-03-31")
        return self._answers[key]

    def _find(self, spelling: Spelling, day: str) -> Answer:
        named = self._by_base.get(spelling.base, [])
        allowed = [one for one in named if not one.type or one.type in spelling.types]
        if not spelling.types:
            allowed = []
        found = [one for one in allowed if one.in_office(day)]
        if len(found) > 1:
            counties = [one for one in found if one.type == "county"]
            found = counties if "county council" in spelling.full and counties else found
        if not found:
            since_2009 = [one for one in allowed if one.until != _FOUNDED_2009]
            found = since_2009 if len(since_2009) == 1 else []
        if len(found) == 1 and not self._says_another(spelling, found[0], named):
            return Answer("known", found[0].code, (found[0],))
        if named:
            return Answer("doubtful", "", tuple(named))
        near = () if self.is_area(spelling) else self._near(spelling.base)
        return Answer("doubtful" if near else "unknown", "", near)

    def _says_another(self, spelling: Spelling, found: Holder, named: list[Holder]) -> bool:
        """Return whether what stands around the name is another council's, not this one's."""
        if spelling.full == spelling.base:
            return False
        others = [one for one in named if one.code != found.code]
        by_word = "county" in spelling.full.removeprefix(spelling.base) and found.type != "county"
        return any(
            one.spelling.full == spelling.full or (by_word and one.type == "county")
            for one in others
        )

    def _near(self, base: str) -> tuple[Holder, ...]:
        words = set(base.split())
        holding = [
            name for name in self._by_base if words and words <= set(name.split()) and base != name
        ]
        close = difflib.get_close_matches(base, list(self._by_base), n=3, cutoff=0.75)
        names = list(dict.fromkeys([*sorted(holding), *close]))
        return tuple(
            one for name in names[:6] for one in self._by_base[name] if one.until != _FOUNDED_2009
        )[:6]
