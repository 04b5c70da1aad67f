"""Words for what became of a council."""

from __future__ import annotations

from datetime import date

from evallib.panel.boundaries.lineage import Lineage


def day_in_words(day: date) -> str:
    """Write a day in words.

    Examples
    --------
    >>> day_in_words(date(2023, 4, 1))
    '1 April 2023'
    """
    return f"{day.day} {day:%B %Y}"


def predecessor_words(lineage: Lineage, code: str, day: date) -> str:
    """Say why the rows of an abolished council are in no aggregate.

    Parameters
    ----------
    lineage : Lineage
        Who followed whom.
    code : str
        The abolished council.
    day : datetime.date
        The day of the boundaries.
    """
    unit = lineage.units[code]
    homes = lineage.successors_on(code, day)
    names = " and ".join(lineage.units[home].name for home in homes)
    closed = f"abolished on {day_in_words(unit.closed)}" if unit.closed else "abolished"
    if unit.tier == "county" and len(homes) > 1:
        return f"{closed} and split between {names}"
    if unit.tier == "district" and any(lineage.units[h].tier != "district" for h in homes):
        return f"{closed}; {names} takes the county's row, or is not aggregated"
    return f"{closed}; {names} is not aggregated"
