"""Characteristics of councils that were fixed before the studied events, as named subgroups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from evallib.design.outcomes import OutcomeFigures
from evallib.panel.build import Panel
from evallib.panel.covariates import council_covariates
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year

TIERS = {"county": "upper tier", "district": "lower tier"}
RURALITY = ("Urban", "Urban with rural areas", "Rural", "Sparse and rural")
PRIOR_YEARS = 3


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A characteristic by which effects may be told apart.

    Parameters
    ----------
    name, title : str
        As plans name it, and in words.
    subgroups : tuple of str
        In the order shown.
    labels : mapping of str to str
        The subgroup of each council, by code; councils that are not in it have none.
    comparators : 'same' or 'all'
        Whether councils are compared with those of the same subgroup. Where the subgroups would
        have moved apart anyhow (types, regions, thirds of a score) they are; where the
        characteristic is one of the event, or too few comparison councils share it, they are not.
    is_of_event : bool
        Whether it is the event's, so that councils without one have none.
    note : str
        How the subgroups are made, in sentences.
    reason : str
        Why there are no subgroups, where there are none.
    """

    name: str
    title: str
    subgroups: tuple[str, ...]
    labels: Mapping[str, str] = field(repr=False)
    comparators: Literal["all", "same"] = "same"
    is_of_event: bool = False
    note: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Given:
    """What characteristics are made from.

    Parameters
    ----------
    plan, panel, figures
    table : pandas.DataFrame
        The outcome's councils by code: event_date, earlier_event, cohort, is_treated.
    """

    plan: Plan
    panel: Panel
    figures: OutcomeFigures
    table: pd.DataFrame

    @property
    def councils(self) -> pd.DataFrame:
        return self.panel.store.councils.set_index("council_code")

    @property
    def start(self) -> int:
        return parse_financial_year(self.plan.known_from)


def describe_councils(
    plan: Plan, panel: Panel, figures: OutcomeFigures, table: pd.DataFrame
) -> tuple[Characteristic, ...]:
    """Return every characteristic that plans can name, for one outcome.

    Parameters
    ----------
    plan : Plan
    panel : Panel
    figures : OutcomeFigures
        All figures of the outcome: what prior performance is relative to.
    table : pandas.DataFrame
        Its councils by code, with event_date, earlier_event, cohort and is_treated.

    Returns
    -------
    tuple of Characteristic
        One that cannot be made has no labels, and says why.
    """
    given = _Given(plan, panel, figures, table)
    return tuple(make(given) for make in _MAKERS)


def cut_thirds(
    values: pd.Series, among: pd.Series | None = None
) -> tuple[pd.Series, tuple[float, float]]:
    """Return which third each value lies in, and the two values at which they are cut.

    Parameters
    ----------
    values : pandas.Series of float
    among : pandas.Series of float, optional
        The values whose thirds count; ``values`` themselves when left out.

    Returns
    -------
    pandas.Series of float
        0, 1 or 2; a value at a cut is in the lower third, a missing one in none.
    (float, float)

    Examples
    --------
    >>> thirds, cuts = cut_thirds(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    >>> thirds.tolist()
    [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    """
    pool = (values if among is None else among).dropna().to_numpy(dtype=float)
    if not pool.size:
        return pd.Series(np.nan, index=values.index), (float("nan"), float("nan"))
    low, high = (float(cut) for cut in np.quantile(pool, [1 / 3, 2 / 3]))
    known = values.astype(float)
    places = (known > low).astype(float) + (known > high)
    return places.where(known.notna()), (low, high)


def _named(codes: pd.Series, names: tuple[str, str, str]) -> dict[str, str]:
    return {str(code): names[int(place)] for code, place in codes.dropna().items()}


def _texts(labels: pd.Series) -> dict[str, str]:
    return {str(code): str(label) for code, label in labels.items()}


def _of_column(given: _Given, column: str, title: str) -> Characteristic:
    held = given.councils[column]
    names = tuple(sorted(held[held != ""].unique()))
    note = "As in the table of councils that the run read."
    return Characteristic(column, title, names, _texts(held[held != ""]), note=note)


def _council_type(given: _Given) -> Characteristic:
    return _of_column(given, "council_type", "Council type")


def _region(given: _Given) -> Characteristic:
    return _of_column(given, "region", "Region")


def _tier(given: _Given) -> Characteristic:
    labels = given.councils["council_type"].map(lambda kind: TIERS.get(kind, "single tier"))
    note = "Counties are the upper tier, districts the lower; all other types have one tier."
    return Characteristic(
        "tier", "Tier", ("upper tier", "lower tier", "single tier"), _texts(labels), note=note
    )


def _deprivation(given: _Given) -> Characteristic:
    title = "Deprivation"
    releases = given.panel.store.tables["deprivation"]["imd_release"].dropna()
    before = releases[releases < given.start]
    if before.empty:
        reason = f"no release of the indices is earlier than {given.plan.known_from}"
        return Characteristic("deprivation", title, (), {}, reason=reason)
    release = before.max()
    scores = given.panel.covariates
    if release != releases.max():
        scores = council_covariates(given.panel.store, release)
    known = scores.set_index("council_code")["imd_average_score"]
    councils, day = given.councils, f"{given.start}-04-01"
    held = (councils["valid_from"] <= day) & (
        (councils["valid_to"] == "") | (councils["valid_to"] >= day)
    )
    in_office = known[known.index.isin(councils.index[held])]
    codes, (low, high) = cut_thirds(known, in_office)
    names = ("least deprived third", "middle third", "most deprived third")
    note = (
        f"Thirds of the average score of the {release:.0f} indices, the last before the studied "
        f"events, over the {in_office.notna().sum():,} councils in office on 1 April "
        f"{given.start}: cut at {low:.1f} and {high:.1f}. A county's score is the mean of its "
        "districts."
    )
    return Characteristic("deprivation", title, names, _named(codes, names), note=note)


def _rurality(given: _Given) -> Characteristic:
    table = given.panel.store.tables["rural_urban"]
    labels = dict(zip(table["council_code"], table["rural_urban_class"], strict=True))
    there = set(labels.values())
    names = tuple(name for name in RURALITY if name in there)
    names += tuple(sorted(there - set(names)))
    note = "Classes of data/raw/rural_urban.csv, not the official classification."
    return Characteristic("rurality", "Rurality", names, labels, note=note)


def _prior_performance(given: _Given) -> Characteristic:
    title, table = "Prior performance", given.table
    first = table.loc[table["is_treated"], "cohort"].min()
    base = first - 1 - given.plan.lead
    rows = given.figures.rows
    rows = rows[rows["period"].between(base - PRIOR_YEARS, base - 1)]
    if rows.empty:
        reason = "the outcome has no figure before the first base year"
        return Characteristic("prior_performance", title, (), {}, reason=reason)
    relative = rows["value"] - rows.groupby("period")["value"].transform("mean")
    codes, _ = cut_thirds(relative.groupby(rows["council_code"]).mean())
    names = {
        "higher": ("weakest third", "middle third", "strongest third"),
        "lower": ("strongest third", "middle third", "weakest third"),
    }.get(given.figures.polarity, ("lowest third", "middle third", "highest third"))
    years = [format_financial_year(int(year)) for year in (rows["period"].min(), base - 1)]
    note = (
        f"Thirds of all councils by the mean of the outcome in {years[0]} to {years[1]}, the "
        f"years before the first base year (up to {PRIOR_YEARS}), each year relative to all "
        "councils in it. A weak council moves towards the average anyhow: an effect is read "
        "against councils of the same third, and what is left of that movement stays in it."
    )
    order = names if names[0] != "strongest third" else names[::-1]
    return Characteristic("prior_performance", title, order, _named(codes, names), note=note)


def _first_or_repeat(given: _Given) -> Characteristic:
    names = ("first recorded", "repeat")
    earlier = given.table["earlier_event"].notna()
    labels = {str(code): names[int(again)] for code, again in earlier.items()}
    note = (
        f"Repeat: an earlier event before {given.plan.known_from} is on record. The register is "
        "incomplete, so that 'first recorded' may be a repeat."
    )
    return Characteristic(
        "first_or_repeat", "First or repeat", names, labels, comparators="all", note=note
    )


def _era(given: _Given) -> Characteristic:
    years = sorted(given.plan.eras, key=parse_financial_year)
    if not years:
        reason = "the plan names no eras"
        return Characteristic("era", "Era", (), {}, "all", is_of_event=True, reason=reason)
    starts = np.array([parse_financial_year(year) for year in years])
    treated = given.table[given.table["is_treated"]]
    days = treated["event_date"]
    place = np.searchsorted(starts, days.dt.year - (days.dt.month < 4), side="right")
    names = [f"before {years[0]}"]
    for year, after in zip(years, [*years[1:], None], strict=True):
        until = format_financial_year(parse_financial_year(after) - 1) if after else None
        names.append(f"from {year}" if until is None else f"{year} to {until}")
    labels = {str(code): names[at] for code, at in zip(treated.index, place, strict=True)}
    note = (
        f"Events before and from 1 April {', '.join(str(start) for start in starts)}, as the plan "
        "says. Later eras are seen for fewer years after exposure."
    )
    return Characteristic(
        "era", "Era of the programme", tuple(names), labels, "all", is_of_event=True, note=note
    )


_MAKERS: tuple[Callable[[_Given], Characteristic], ...] = (
    _council_type,
    _tier,
    _region,
    _deprivation,
    _rurality,
    _prior_performance,
    _first_or_repeat,
    _era,
)
