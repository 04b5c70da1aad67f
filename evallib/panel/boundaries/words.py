"""Words for what became of a council."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from evallib.panel.boundaries.lineage import Lineage
from evallib.panel.days import day_in_words


def predecessor_words(
    lineage: Lineage, code: str, day: date, has_figures: Callable[[str], bool]
) -> str:
    """Say why the rows of an abolished council are in no aggregate.

    Parameters
    ----------
    lineage : Lineage
        Who followed whom.
    code : str
        The abolished council.
    day : datetime.date
        The day of the boundaries.
    has_figures : callable
        Whether a successor has figures from before it began.
    """
    unit = lineage.units[code]
    homes = lineage.successors_on(code, day)
    names = " and ".join(lineage.units[home].name for home in homes)
    closed = f"abolished on {day_in_words(unit.closed)}" if unit.closed else "abolished"
    if unit.tier == "county" and len(homes) > 1:
        return f"{closed} and split between {names}"
    if any(has_figures(home) for home in homes):
        return f"{closed}; {names} goes on from its county's row, to which no district is added"
    return f"{closed}; {names} could not be aggregated"
