"""Which names a plan's outcomes lead to: derived rows, components, denominators, figures."""

from __future__ import annotations

from collections.abc import Iterator

from evallib.panel.covariates import COUNCIL_COVARIATES
from evallib.plan import Derived, Measured, Plan
from evallib.plan.years import parse_financial_year

POPULATION = "population_count"


def ingredients_of(plan: Plan, name: str) -> tuple[str, ...]:
    """Return what a name is made of: of an index its components, of a derived row its figures.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    name : str
        A name of the plan or of the tables.

    Returns
    -------
    tuple of str
        A denominator that only `min_denominator` looks at is among them. Empty for an indicator of
        the tables.
    """
    for index in plan.indices:
        if index.name == name:
            return index.parts
    for row in plan.derived:
        if row.name == name:
            extra = (row.denominator,) if row.denominator else ()
            return (*row.ingredients, *extra)
    return ()


def all_indicators(plan: Plan) -> tuple[str, ...]:
    """Return every name that a plan uses: outcomes first, then what they are made of.

    Derived rows, indices and covariates that no outcome names are included, with their
    ingredients.
    """
    pairs = [(one.indicator, one.per, one.denominator) for one in plan.every_outcome]
    names = [name for pair in pairs for name in pair if name]
    names += [row.name for row in plan.derived] + [index.name for index in plan.indices]
    names += [one.name for one in plan.covariates if one.name not in COUNCIL_COVARIATES]
    return tuple(dict.fromkeys(found for name in names for found in (name, *_below(plan, name))))


def base_indicators(plan: Plan) -> tuple[str, ...]:
    """Return the names whose figures the tables must hold, deflators of own data included."""
    made = {row.name for row in plan.derived} | {index.name for index in plan.indices}
    deflators = [row.deflator for row in plan.derived if row.deflator and not is_file(row)]
    names = [name for name in all_indicators(plan) if name not in made]
    return tuple(dict.fromkeys([*names, *deflators]))


def is_file(row: Derived) -> bool:
    """Say whether a row's deflator is the path of a file."""
    return row.deflator is not None and row.deflator.endswith(".csv")


def needs_population(plan: Plan) -> bool:
    """Say whether a plan divides by, or looks at, the resident population."""
    return POPULATION in base_indicators(plan)


def derived_order(plan: Plan) -> tuple[Derived, ...]:
    """Return the derived rows so that each comes after those that it is made of."""
    made = {row.name: row for row in plan.derived}
    done: dict[str, Derived] = {}

    def take(row: Derived) -> None:
        for name in ingredients_of(plan, row.name):
            if name in made and name not in done:
                take(made[name])
        done.setdefault(row.name, row)

    for row in plan.derived:
        take(row)
    return tuple(done.values())


def years_of(plan: Plan, name: str) -> tuple[int, int]:
    """Return the first and last year for which a plan uses a name, directly or below another.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    name : str
        One of `all_indicators`.

    Returns
    -------
    tuple of int
        First calendar years of the labels: of the outcomes that lead to the name, and of the base
        years of the indices that do; the plan's years where no outcome does.
    """
    spans = [one.years_or(plan.years) for one in plan.every_outcome if name in reach(plan, one)]
    years = [parse_financial_year(year) for span in spans or [plan.years] for year in span]
    for index in plan.indices:
        if name in (index.name, *_below(plan, index.name)):
            years += [parse_financial_year(year) for year in index.base_years]
    return min(years), max(years)


def reach(plan: Plan, outcome: Measured) -> set[str]:
    """Return every name that an outcome leads to, its own included."""
    starts = [outcome.indicator, outcome.per, outcome.denominator]
    return {found for name in starts if name for found in (name, *_below(plan, name))}


def _below(plan: Plan, name: str) -> Iterator[str]:
    for part in ingredients_of(plan, name):
        yield part
        yield from _below(plan, part)
