"""Titles and units of derived rows, worked out from those of their ingredients."""

from __future__ import annotations

from evallib.plan import Derived

_MONEY = ("gbp", "£", "pound", "pence")


def is_money(unit: str) -> bool:
    """Say whether a unit is an amount of money that a deflator can bring to other prices.

    Examples
    --------
    >>> is_money("GBP thousand, cash"), is_money("dwellings"), is_money("log of GBP")
    (True, False, False)
    """
    words = unit.lower()
    return any(word in words for word in _MONEY) and not is_log(unit) and " prices" not in words


def is_log(unit: str) -> bool:
    """Say whether a unit is that of a logarithm."""
    return unit.startswith("log of ")


def derived_unit(row: Derived, units: tuple[str, ...]) -> str:
    """Return the unit of a derived row from the units of its ingredients.

    Parameters
    ----------
    row : Derived
        The row.
    units : tuple of str
        The unit of each ingredient, in order.

    Examples
    --------
    >>> row = Derived(name="a", ratio=("b", "c"), times=1000)
    >>> derived_unit(row, ("GBP thousand, cash", "dwellings"))
    'GBP per dwelling, cash'
    >>> derived_unit(Derived(name="a", per_1000=("b", "c")), ("incidents", "dwellings"))
    'incidents per 1,000 dwellings'
    >>> derived_unit(Derived(name="a", change="b"), ("percent",))
    'percentage points'
    """
    first = units[0]
    head, comma, rest = first.partition(", ")
    tail = comma + rest
    if row.operation == "share":
        return "percent"
    if row.operation == "per_1000":
        return f"{head} per 1,000 {units[1]}{tail}"
    if row.operation == "ratio":
        return f"{_quotient(head, units[1], row.times)}{tail}"
    if row.operation == "real_terms":
        prices = f"{row.base_year} prices"
        return first.replace("cash", prices) if "cash" in first else f"{first}, {prices}"
    if row.operation == "log":
        return f"log of {first}"
    if is_log(first):
        return "log points"
    return "percentage points" if first.lower() in {"percent", "per cent", "%"} else first


def derived_title(row: Derived, titles: tuple[str, ...], units: tuple[str, ...]) -> str:
    """Return the title of a derived row from the titles and units of its ingredients.

    Examples
    --------
    >>> derived_title(Derived(name="a", change="b"), ("Recycling",), ("percent",))
    'Recycling, change on the year before'
    """
    first = titles[0]
    if row.operation == "share":
        return f"{first} as a share of {titles[1][:1].lower()}{titles[1][1:]}"
    if row.operation == "ratio":
        return f"{first} per {units[1].removesuffix('s')}"
    if row.operation == "per_1000":
        return f"{first} per 1,000 {units[1]}"
    if row.operation == "real_terms":
        return f"{first}, at {row.base_year} prices"
    return f"{first}, {'logarithm' if row.operation == 'log' else 'change on the year before'}"


def _quotient(head: str, below: str, times: float) -> str:
    one = below.removesuffix("s")
    if times == 1:
        return f"{head} per {one}"
    if times == 1000 and head.endswith(" thousand"):
        return f"{head.removesuffix(' thousand')} per {one}"
    return f"{head} per {times:,g} {below}" if times > 1 else f"{head} times {times:g} per {one}"
