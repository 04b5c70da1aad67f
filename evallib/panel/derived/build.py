"""Work out a plan's derived rows, each on the ones before it, with what went missing and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evallib.errors import Fault, PlanError, first_five
from evallib.panel.breaks import segment
from evallib.panel.catalogue import Catalogue
from evallib.panel.derived.arithmetic import (
    Worked,
    change_on_year_before,
    divide,
    mask_small,
    take_log,
)
from evallib.panel.derived.deflator import Deflators
from evallib.panel.derived.names import derived_order, years_of
from evallib.panel.derived.units import derived_title, derived_unit, is_log, is_money
from evallib.panel.plan_labels import plan_label
from evallib.plan import Derived, Plan, parse_financial_year

LOSS_COLUMNS = ("indicator", "council_code", "period", "why")
FIGURE_COLUMNS = ("council_code", "fin_year", "period", "indicator", "value", "is_recast", "file")
_TIMES = {"share": 100.0, "per_1000": 1000.0}


def no_losses() -> pd.DataFrame:
    """Return an empty table of figures that could not be worked out."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in LOSS_COLUMNS})


@dataclass(frozen=True, slots=True)
class Made:
    """Figures with those that a plan makes from them.

    Parameters
    ----------
    figures : pandas.DataFrame
        The given figures and the derived ones, with the columns of `Store.outcomes`.
    catalogue : Catalogue
        The given catalogue and a row for each derived one.
    breaks : pandas.DataFrame
        Dated breaks of every indicator, derived ones with those of their ingredients; the columns
        of `evallib.panel.breaks.read_breaks`.
    losses : pandas.DataFrame
        indicator, council_code, period, why: one row a figure that has its ingredient and could
        not be worked out.
    """

    figures: pd.DataFrame
    catalogue: Catalogue
    breaks: pd.DataFrame
    losses: pd.DataFrame = field(default_factory=no_losses)


def add_derived(
    plan: Plan, figures: pd.DataFrame, catalogue: Catalogue, deflators: Deflators
) -> Made:
    """Add the derived rows of a plan to figures and catalogue.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    figures : pandas.DataFrame
        Whole series of the ingredients, with the columns of `Store.outcomes`; not changed.
    catalogue : Catalogue
        What the ingredients mean.
    deflators : Deflators
        Price indices of the rows in real terms.

    Returns
    -------
    Made
        Without derived rows in the plan, the figures and the catalogue as given.

    Raises
    ------
    PlanError
        Where an operation has no sense: the logarithm of a figure that is zero or negative, or of
        a logarithm, real terms of what is no money, years that a deflator lacks. One line a row.
    """
    breaks = catalogue.breaks_of(figures["indicator"])
    if not plan.derived:
        return Made(figures, catalogue, breaks)
    held = {str(name): rows for name, rows in figures.groupby("indicator", sort=False)}
    faults: list[Fault] = []
    losses: list[pd.DataFrame] = []
    for row in derived_order(plan):
        place = f"{plan_label(plan)}, derived[{plan.derived.index(row)}]"
        described = _describe(row, catalogue)
        wrong = _senseless(row, catalogue, place)
        if not wrong:
            own = breaks[breaks["indicator"].isin(row.ingredients)]
            rows = _aligned(row, held)
            worked = _work(row, rows, own, deflators)
            wrong = _unanswered(plan, row, rows, worked, place)
            held[row.name] = _as_figures(row, rows, worked)
            losses.append(_lost(row, rows, worked))
            breaks = pd.concat([breaks, own.assign(indicator=row.name)], ignore_index=True)
        faults += wrong
        rule = catalogue.rule(row.ingredients[0])
        catalogue = catalogue.with_rows(pd.DataFrame([described]), {row.name: rule})
        held.setdefault(row.name, figures.iloc[:0])
    if faults:
        raise PlanError(faults)
    made = [held[row.name] for row in plan.derived]
    return Made(
        pd.concat([figures, *made], ignore_index=True),
        catalogue,
        breaks.drop_duplicates(["indicator", "first_period_after", "kind"], ignore_index=True),
        pd.concat(losses, ignore_index=True),
    )


def _describe(row: Derived, catalogue: Catalogue) -> dict[str, str]:
    """Return a derived row's line of the catalogue: period and tier are the numerator's."""
    facts = [catalogue.describe(name) for name in row.ingredients]
    titles, units = (tuple(str(one[key]) for one in facts) for key in ("title", "unit"))
    joined = {
        key: "; ".join(dict.fromkeys(str(one[key]) for one in facts if one[key]))
        for key in ("publisher", "publication", "licence")
    }
    breaks = [f"{one['title']}: {one['known_breaks']}" for one in facts if one["known_breaks"]]
    return {
        "indicator": row.name,
        "title": row.title or derived_title(row, titles, units),
        "unit": row.unit or derived_unit(row, units),
        "polarity": row.polarity or str(facts[0]["polarity"]),
        "scale_by": "",
        "reporting_tier": str(facts[0]["reporting_tier"]),
        "period_basis": str(facts[0]["period_basis"]),
        **joined,
        "known_breaks": "; ".join(dict.fromkeys(breaks)),
    }


def _senseless(row: Derived, catalogue: Catalogue, place: str) -> list[Fault]:
    """Return why a row's operation has no sense for what its ingredients are."""
    units = [str(catalogue.describe(name)["unit"]) for name in row.ingredients]
    where = f"{place}.{row.operation}"
    if row.operation == "real_terms" and not is_money(units[0]):
        what = f"{row.ingredients[0]} is in {units[0]}, not in money at the prices of its year"
        return [Fault(where, what, "A deflator brings money to other prices", "Name an amount")]
    if row.operation in ("share", "ratio", "per_1000", "log") and any(map(is_log, units)):
        what = f"{first_five(list(row.ingredients))} is a logarithm already"
        return [Fault(where, what, "It is neither divided nor logged again", "Log the last step")]
    return []


def _aligned(row: Derived, held: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row an own figure of the numerator, with the other figures beside it.

    The columns are council_code, fin_year, period, value, is_recast, below and counted_by.
    """
    keys = ["council_code", "period"]
    first = held[row.ingredients[0]]
    table = first[[*keys, "fin_year", "value", "is_recast"]].dropna(subset=["value"])
    below = row.ingredients[1] if len(row.ingredients) > 1 else None
    for column, name in (("below", below), ("counted_by", row.counted_by)):
        if name is None:
            table = table.assign(**{column: np.nan})
            continue
        other = held[name][[*keys, "value"]].rename(columns={"value": column})
        table = table.merge(other, on=keys, how="left")
    return table.sort_values(keys, ignore_index=True)


def _work(row: Derived, rows: pd.DataFrame, breaks: pd.DataFrame, deflators: Deflators) -> Worked:
    values = rows["value"].to_numpy(float)
    plain = np.full(len(values), "", dtype=np.str_)
    if row.operation in ("share", "ratio", "per_1000"):
        below = rows["below"].to_numpy(float)
        worked = divide(values, below, _TIMES.get(row.operation, row.times))
    elif row.operation == "real_terms":
        prices = deflators.series[row.name]
        base = float(prices[parse_financial_year(str(row.base_year))])
        worked = Worked(values * base / rows["period"].map(prices).to_numpy(float), plain)
    elif row.operation == "log":
        worked = take_log(values, zeros_missing=row.zeros == "missing")
    else:
        worked = change_on_year_before(
            rows["council_code"].to_numpy(object),
            rows["period"].to_numpy(np.int64),
            segment(rows["period"], breaks).to_numpy(np.int64),
            values,
        )
    if row.min_denominator is None:
        return worked
    return mask_small(worked, rows["counted_by"].to_numpy(float), row.min_denominator)


def _unanswered(
    plan: Plan, row: Derived, rows: pd.DataFrame, worked: Worked, place: str
) -> list[Fault]:
    """Return a fault for figures of the plan's years that an operation cannot answer."""
    first, last = years_of(plan, row.name)
    open_ = np.isnan(worked.values) & (worked.reasons == "")
    wrong = rows[open_ & rows["period"].between(first, last).to_numpy()]
    if wrong.empty:
        return []
    years = sorted(set(wrong["fin_year"]))
    if row.operation == "real_terms":
        what = f"{row.deflator} has no figure for {first_five(years)}"
        remedy = "Add the years to the deflator, or leave them out of the plan"
        return [Fault(f"{place}.deflator", what, "Real terms need every year", remedy)]
    councils = first_five(sorted(set(wrong["council_code"])))
    what = (
        f"{len(wrong)} figure(s) of {row.ingredients[0]} are zero or negative (councils "
        f"{councils}; years {first_five(years)})"
    )
    remedy = "Write zeros: missing where a zero is a missing return, or take no logarithm"
    return [Fault(f"{place}.log", what, "They have no logarithm", remedy)]


def _as_figures(row: Derived, rows: pd.DataFrame, worked: Worked) -> pd.DataFrame:
    table = rows.assign(
        indicator=row.name, value=worked.values, file=f"derived: {row.operation}"
    ).dropna(subset=["value"])
    if row.operation == "change":
        before = rows["is_recast"].shift(1, fill_value=False)
        table["is_recast"] = table["is_recast"] | before.loc[table.index].astype(bool)
    return table[list(FIGURE_COLUMNS)].reset_index(drop=True)


def _lost(row: Derived, rows: pd.DataFrame, worked: Worked) -> pd.DataFrame:
    table = rows.assign(indicator=row.name, why=worked.reasons)
    lost: pd.DataFrame = table.loc[worked.reasons != "", list(LOSS_COLUMNS)]
    return lost.reset_index(drop=True)


def loss_counts(losses: pd.DataFrame, names: tuple[str, ...], first: int, last: int) -> str:
    """Say how many council-years of some names could not be worked out within some years.

    Parameters
    ----------
    losses : pandas.DataFrame
        As in `Made`.
    names : tuple of str
        Derived names.
    first, last : int
        First calendar years of the first and last label.

    Returns
    -------
    str
        Reasons with their numbers, joined by semicolons; empty where there are none.
    """
    own = losses[losses["indicator"].isin(names)]
    own = own[own["period"].astype(int).between(first, last)] if len(own) else own
    counts = own["why"].value_counts()
    return "; ".join(f"{why} ({count})" for why, count in counts.items())
