"""Judgements of councils' children's services as ordered grades, one framework at a time.

Inspectors' frameworks replace one another and do not grade alike: 'Adequate' was a pass, 'Requires
improvement to be good' is not. A grade is a place on its own framework's ladder, and a change of
grade exists within a framework only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean, first_five
from evallib.panel.schemas import place_of
from evallib.panel.store import Store

TABLE = "ofsted_childrens_judgements"
BEFORE_2013 = ("Inadequate", "Adequate", "Good", "Outstanding")
SINCE_2013 = ("Inadequate", "Requires improvement to be good", "Good", "Outstanding")
LADDERS: Mapping[str, tuple[str, ...]] = {
    "slac": BEFORE_2013,
    "cpi": BEFORE_2013,
    "sif": SINCE_2013,
    "ilacs": SINCE_2013,
}
FRAMEWORKS: Mapping[str, str] = {
    "slac": "safeguarding and looked-after children inspections",
    "cpi": "child protection inspections",
    "sif": "the single inspection framework",
    "ilacs": "inspections of local authority children's services",
}
GOOD = 3
COLUMNS = (
    "council_code",
    "council_name",
    "council_type",
    "region",
    "framework",
    "year",
    "judgement",
    "grade",
    "is_good_or_better",
)
_PLACE = ("council_code", "year")
_NOT_IN_OFFICE = "dated to a year in which the council was not in office"
_ABOLISHED = "of a council that was abolished since: a grade is not handed on to a successor"

Boundaries = Literal["keep_predecessors", "drop", "aggregate_to_successor"]


@dataclass(frozen=True, slots=True)
class Judgements:
    """Judgements as ordered grades, and what was left out.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a council, framework and year: council_code (current), council_name, council_type,
        region, framework, year (int, calendar year: no day is on file), judgement (the framework's
        own words), grade (int, 1 the lowest of the framework's ladder and 4 the highest; higher is
        better), is_good_or_better (bool). Sorted by council and year. Grades of two frameworks may
        not be compared.
    left_out : pandas.DataFrame
        reason, rows: judgements of the table that are not in ``frame``.
    """

    frame: pd.DataFrame
    left_out: pd.DataFrame

    def of(self, framework: str) -> pd.DataFrame:
        """Return the rows of one framework, see `require_rows`."""
        return require_rows(self.frame, framework)

    def pairs(self) -> Pairs:
        """Return each judgement beside the council's next one, within frameworks only."""
        return pair_within_frameworks(self.frame)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Judgements that follow one another under one framework.

    Parameters
    ----------
    frame : pandas.DataFrame
        council_code, framework, year, grade, next_year, next_grade: a row a judgement that has a
        next one under the same framework.
    across : pandas.DataFrame
        framework, next_framework, pairs: how many judgements were followed by one under another
        framework. These are no changes of grade and are left out.
    """

    frame: pd.DataFrame
    across: pd.DataFrame


def read_judgements(
    store: Store,
    *,
    boundaries: Boundaries = "keep_predecessors",
    ladders: Mapping[str, tuple[str, ...]] = LADDERS,
) -> Judgements:
    """Read the judgements of children's services of a store as ordered grades.

    Parameters
    ----------
    store : Store
        With the table ``ofsted_childrens_judgements``: council_code, framework, year, judgement.
    boundaries : {'keep_predecessors', 'drop', 'aggregate_to_successor'}
        As in a plan. A grade cannot be added up, so no judgement is handed on to a successor:
        'keep_predecessors' keeps the judgements of councils that were abolished since, the other
        two leave them out. Judgements of years out of office are always left out.
    ladders : mapping of str to tuple of str
        The judgements of each framework from the lowest to the highest; the third and above count
        as 'good or better'.

    Returns
    -------
    Judgements

    Raises
    ------
    DataError
        When the table is not there, names a framework or judgement that has no place on a ladder,
        a year that is not one, or two judgements of a council under one framework in one year.

    Examples
    --------
    >>> from evallib.panel import open_store
    >>> found = read_judgements(open_store())
    >>> found.of("sif")["grade"].value_counts().sort_index().to_dict()
    {1: 33, 2: 64, 3: 49, 4: 3}
    """
    label = f"{store.label}/{TABLE}.csv"
    if TABLE not in store.tables:
        what = "there is no such table"
        raise DataError([Fault(label, what, "", "Add it with its four columns")])
    table = store.tables[TABLE]
    faults = _word_faults(table, ladders, label) + _row_faults(table, label)
    if faults:
        raise DataError(faults)
    place = {(name, word): at for name, up in ladders.items() for at, word in enumerate(up, 1)}
    keys = zip(table["framework"], table["judgement"], strict=True)
    frame = table.assign(year=table["year"].astype(int), grade=[place[key] for key in keys])
    frame = frame.assign(is_good_or_better=frame["grade"] >= GOOD)
    spine = store.councils.set_index("council_code")
    frame = frame.join(spine[["council_name", "council_type", "region"]], on="council_code")
    opened = _year_of(spine["valid_from"], frame["council_code"], 0)
    closed = _year_of(spine["valid_to"], frame["council_code"], 9999)
    in_office = frame["year"].between(opened, closed)
    reasons = pd.Series("", index=frame.index)
    if boundaries != "keep_predecessors":
        reasons = reasons.mask(closed < 9999, _ABOLISHED)
    reasons = reasons.mask(~in_office, _NOT_IN_OFFICE)
    left = reasons[reasons != ""].value_counts().rename_axis("reason").reset_index(name="rows")
    frame = frame.loc[reasons == "", list(COLUMNS)]
    order = ["council_code", "year", "framework"]
    return Judgements(frame.sort_values(order, ignore_index=True), left)


def require_rows(frame: pd.DataFrame, framework: str) -> pd.DataFrame:
    """Return the rows of one framework.

    Raises
    ------
    DataError
        When there is none.
    """
    rows = frame[frame["framework"] == framework]
    if rows.empty:
        have = list(dict.fromkeys(frame["framework"]))
        remedy = f"Use one of {', '.join(have)}.{did_you_mean(framework, have)}"
        what = "there is no judgement under it"
        raise DataError([Fault(f"framework {framework!r}", what, "", remedy)])
    return rows.reset_index(drop=True)


def pair_within_frameworks(frame: pd.DataFrame) -> Pairs:
    """Return each judgement beside the council's next one under the same framework.

    Parameters
    ----------
    frame : pandas.DataFrame
        council_code, framework, year, grade.

    Returns
    -------
    Pairs
        With how many judgements were followed by one under another framework instead.

    Examples
    --------
    >>> rows = [("E1", "sif", 2014, 1), ("E1", "sif", 2016, 2), ("E1", "ilacs", 2019, 3)]
    >>> frame = pd.DataFrame(rows, columns=["council_code", "framework", "year", "grade"])
    >>> found = pair_within_frameworks(frame)
    >>> found.frame[["grade", "next_grade"]].to_numpy().tolist(), int(found.across["pairs"].sum())
    ([[1, 2]], 1)
    """
    rows = frame.sort_values(["council_code", "year", "framework"], ignore_index=True)
    follow = rows.groupby("council_code", sort=False)[["framework", "year", "grade"]].shift(-1)
    pairs = rows[["council_code", "framework", "year", "grade"]].join(follow.add_prefix("next_"))
    pairs = pairs[pairs["next_grade"].notna()]
    same = pairs["framework"] == pairs["next_framework"]
    across = pairs[~same].groupby(["framework", "next_framework"]).size().reset_index(name="pairs")
    inside = pairs[same].drop(columns="next_framework").reset_index(drop=True)
    return Pairs(inside.astype({"next_year": int, "next_grade": int}), across)


def _word_faults(
    table: pd.DataFrame, ladders: Mapping[str, tuple[str, ...]], label: str
) -> list[Fault]:
    """Return frameworks without a ladder and judgements that their framework's ladder lacks."""
    faults = []
    known = table["framework"].isin(list(ladders))
    for word, rows in table[~known].groupby("framework", sort=False):
        faults.append(
            Fault(
                f"{label}, column framework, {place_of(rows, _PLACE)}",
                f"{word!r} is not one of {', '.join(ladders)}.{did_you_mean(str(word), ladders)}",
                "The order of its grades is not known",
                "Mend the cell, or give the framework's grades with ladders=",
            )
        )
    for name, rows in table[known].groupby("framework", sort=False):
        ladder = ladders[str(name)]
        wrong = rows[~rows["judgement"].isin(ladder)]
        if len(wrong):
            words = list(dict.fromkeys(wrong["judgement"]))
            faults.append(
                Fault(
                    f"{label}, column judgement, {place_of(wrong, _PLACE)}",
                    f"{first_five([repr(word) for word in words])} is not a grade of {name!r}."
                    f"{did_you_mean(str(words[0]), ladder)}",
                    "It has no place on the framework's ladder",
                    f"Use one of {', '.join(ladder)}",
                )
            )
    return faults


def _row_faults(table: pd.DataFrame, label: str) -> list[Fault]:
    """Return years that are none, and judgements that stand twice."""
    faults = []
    odd = table[~table["year"].between(1990, 2100) | (table["year"] % 1 != 0)]
    if len(odd):
        faults.append(
            Fault(
                f"{label}, column year, {place_of(odd, ('council_code',))}",
                f"{first_five([f'{year:g}' for year in odd['year']])} is not a calendar year",
                "The judgement cannot be put before or after an event",
                "Write the four digits of the year",
            )
        )
    key = ["council_code", "framework", "year"]
    twice = table[table.duplicated(key, keep="first")]
    if len(twice):
        faults.append(
            Fault(
                f"{label}, {place_of(twice, _PLACE)}",
                f"a council has two judgements under one framework in one year ({len(twice)} rows)",
                "It is not known which came first",
                "Keep the one that stands at the end of the year",
            )
        )
    return faults


def _year_of(days: pd.Series, codes: pd.Series, missing: int) -> pd.Series:
    """Return the year of a council's day, by row; ``missing`` where the spine has none."""
    years = pd.to_datetime(days, errors="coerce").dt.year.fillna(missing)
    return codes.map(years[~years.index.duplicated()]).fillna(missing)
