"""The resident population as a denominator: mid-year estimates on 2023 boundaries."""

from __future__ import annotations

import pandas as pd

from evallib.panel.covariates import population_by_year
from evallib.panel.derived.names import POPULATION, needs_population
from evallib.panel.periods import CALENDAR_YEAR
from evallib.panel.store import Store
from evallib.plan import Plan
from evallib.plan.years import format_financial_year

_ROW = {
    "indicator": POPULATION,
    "title": "Resident population, mid-year estimate",
    "unit": "persons",
    "polarity": "none",
    "scale_by": "",
    "reporting_tier": "all",
    "period_basis": (
        "calendar year in which the financial year starts: the estimate in the middle of that year"
    ),
    "publisher": "not recorded",
    "publication": "population.csv",
    "licence": "OGL-UK-3.0",
    "known_breaks": (
        "on 2023 boundaries throughout: councils abolished by then have none, and figures of "
        "councils that began later are recast"
    ),
}


def with_population(plan: Plan, store: Store) -> Store:
    """Return a store in which ``population_count`` is an indicator, where the plan names it.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    store : Store
        The raw tables, those of own data included; own figures of that name are kept as they are.

    Returns
    -------
    Store
        The mid-year estimate of a year stands under the financial year that starts in it.
    """
    if not needs_population(plan) or POPULATION in store.held():
        return store
    table = population_by_year(store)
    figures = pd.DataFrame(
        {
            "council_code": table["council_code"],
            "fin_year": table["period"].map(format_financial_year),
            "indicator": POPULATION,
            "value": table["population_count"].astype(float),
            "file": "population.csv",
        }
    )
    catalogue = store.catalogue.with_rows(pd.DataFrame([_ROW]), {POPULATION: CALENDAR_YEAR})
    return store.with_tables(figures=figures, catalogue=catalogue, registers={}, inputs=())
