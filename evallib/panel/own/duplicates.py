"""Tell figures that stand twice for a council and year, with the spellings that hid them."""

from __future__ import annotations

import pandas as pd

from evallib.errors import Fault
from evallib.panel.own.councils import Register
from evallib.panel.own.grid import Grid
from evallib.plan.years import format_financial_year

_MOST = 5


def duplicate_faults(grid: Grid, figures: pd.DataFrame, register: Register) -> list[Fault]:
    """Return a fault where a council has two figures for a year, once codes are followed.

    Parameters
    ----------
    grid : Grid
        The table.
    figures : pandas.DataFrame
        row, position, council_code, first, indicator, spelling.
    register : Register
        Whose code book follows codes.
    """
    keyed = figures.assign(code=register.book.follow(figures["council_code"]))
    keys = ["indicator", "code", "first"]
    twice = keyed[keyed.duplicated(keys, keep=False)]
    if twice.empty:
        return []
    groups = list(twice.groupby(keys, sort=False))
    shown = []
    for _, rows in groups[:_MOST]:
        at = [
            f"{grid.place(int(row), int(position))} '{spelling}'"
            for row, position, spelling in rows[["row", "position", "spelling"]].to_numpy()[:3]
        ]
        indicator, code, first = rows.iloc[0][keys]
        year = format_financial_year(int(first))
        shown.append(f"{indicator} of {code} in {year}: {' and '.join(at)}")
    more = f"; and {len(groups) - _MOST} more" if len(groups) > _MOST else ""
    return [
        Fault(
            f"{grid.label}, {'; '.join(shown)}{more}",
            f"{len(groups)} figure(s) stand more than once for a council and year",
            "It is not known which figure is meant",
            "Keep one row of each; two spellings of a name are one council",
        )
    ]
