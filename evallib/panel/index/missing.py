"""Which components councils lack, and why: an index is only as good as what it is made of."""

from __future__ import annotations

import pandas as pd

from evallib.panel.index.result import IndexResult


def own_rows(result: IndexResult, first: int, last: int) -> pd.DataFrame:
    """Return rows of councils that have the index in any year; the excluded are not among them."""
    rows = result.rows[result.rows["period"].between(first, last) & result.rows["is_counted"]]
    held = set(rows.loc[rows["index"].notna(), "council_code"])
    return rows[rows["council_code"].isin(held)]


def missing_components(result: IndexResult, first: int, last: int) -> pd.DataFrame:
    """Return the share of councils without a component, by component and year.

    Returns
    -------
    pandas.DataFrame
        component, title, fin_year, councils (that have the index in any year and any component in
        this one), missing, missing_pct.
    """
    rows = own_rows(result, first, last)
    parts = []
    for place, (name, title) in enumerate(zip(result.components, result.titles, strict=True)):
        lacks = pd.Series(result.why[rows.index, place] != "", index=rows.index)
        by_year = lacks.groupby(rows["fin_year"]).agg(["size", "sum"])
        table = by_year.rename(columns={"size": "councils", "sum": "missing"}).reset_index()
        parts.append(table.assign(component=name, title=title))
    whole = pd.concat(parts, ignore_index=True)
    whole["missing_pct"] = 100 * whole["missing"] / whole["councils"]
    return whole[["component", "title", "fin_year", "councils", "missing", "missing_pct"]]


def left_out_by_reason(result: IndexResult, first: int, last: int) -> pd.DataFrame:
    """Return why components are left out of councils that have the index.

    Returns
    -------
    pandas.DataFrame
        title, why, council_years, years (first and last), a row a component and reason.
    """
    rows = own_rows(result, first, last)
    parts = []
    for place, title in enumerate(result.titles):
        table = rows.assign(title=title, why=result.why[rows.index, place])
        parts.append(table[table["why"] != ""])
    whole = pd.concat(parts, ignore_index=True)
    counts = whole.groupby(["title", "why"], sort=False)["fin_year"]
    return counts.agg(council_years="size", years=_span).reset_index()


def _span(years: pd.Series) -> str:
    known = sorted(set(years))
    return known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"
