"""Placebo outcomes as designs: the plan's own rules, on outcomes that it does not judge."""

from __future__ import annotations

from evallib.plan import Plan
from evallib.plan.years import parse_financial_year


def placebo_plans(plan: Plan) -> tuple[tuple[Plan, str], ...]:
    """Return each placebo outcome with the plan under which its design is built.

    A series can be shorter than the event window, of which a placebo needs nothing but its
    headline: the window is then cut, first before the reference, then after.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    tuple of (Plan, str)
        In the plan's order, with the indicator.
    """
    found = []
    for outcome in plan.placebo_outcomes:
        early, late = (parse_financial_year(year) for year in outcome.years_or(plan.years))
        first, last = plan.event_window
        over = max(last - first - (late - early), 0)
        first += min(over, -1 - plan.lead - first)
        last = min(last, first + late - early)
        window = {"event_window": (first, last), "heterogeneity": ()}
        found.append((plan.model_copy(update=window), outcome.indicator))
    return tuple(found)
