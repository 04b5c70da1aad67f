"""Put figures on the scale of their unit, and refuse percentages that cannot be."""

from __future__ import annotations

import pandas as pd

from evallib.errors import Fault
from evallib.panel.own.grid import Grid, places, shown_cell
from evallib.panel.own.percentages import find_mixture, is_percent
from evallib.plan.own_data import OwnIndicator

_SLACK = 1e-9


def scaled(
    grid: Grid, figures: pd.DataFrame, one: OwnIndicator
) -> tuple[pd.DataFrame, list[Fault]]:
    """Return an indicator's figures multiplied by `times`, and what is wrong with their scale.

    Parameters
    ----------
    grid : Grid
        The table, for the places of faults.
    figures : pandas.DataFrame
        row, position, council_code, first, spelling, value.
    one : OwnIndicator
        The mapping of the indicator.
    """
    times = 1.0 if one.times is None else one.times
    # Shares such as 0.07 times 100 are 7.000000000000001: the digits of the file are kept.
    value = figures["value"] if times == 1 else (figures["value"] * times).round(10)
    result = figures.assign(value=value)
    if not is_percent(one.unit) or figures.empty:
        return result, []
    if one.times is None:
        wrong = _shares(grid, figures, one)
        if wrong:
            return result, wrong
    outside = result[(value < -_SLACK) | (value > 100 + _SLACK)]
    if one.allow_outside or outside.empty:
        return result, []
    return result, [
        Fault(
            f"{_column(grid, outside)}, {_shown(grid, outside)}",
            f"{len(outside)} percentage(s) of {one.name} lie below 0 or above 100",
            "A share of a whole cannot",
            "Mend the cells; where the measure can exceed its base write allow_outside: true",
        )
    ]


def _shares(grid: Grid, figures: pd.DataFrame, one: OwnIndicator) -> list[Fault]:
    keyed = figures.rename(columns={"first": "period"})
    found = find_mixture(keyed)
    if found is None:
        return []
    low, high = figures.loc[found.low], figures.loc[found.high]
    if found.kind == "shares":
        return [
            Fault(
                f"{_column(grid, figures)}, {_shown(grid, low)}",
                f"all figures of {one.name} lie between 0 and 1, but its unit is percent",
                "Shares would be read as a hundredth of what they are",
                "Add times: 100 if they are shares (a spreadsheet keeps 45% as 0.45), or times: 1 "
                "if they are percentages below 1",
            )
        ]
    return [
        Fault(
            _column(grid, figures),
            f"shares from 0 to 1 ({_shown(grid, low)}) and percentages ({_shown(grid, high)}) "
            f"stand in one column of {one.name}",
            "Some figures would be a hundredth of what they are",
            "Write all of them the same way; if they are all percentages, add times: 1",
        )
    ]


def _column(grid: Grid, figures: pd.DataFrame) -> str:
    positions = figures["position"].unique()
    return grid.column(int(positions[0])) if len(positions) == 1 else grid.label


def _shown(grid: Grid, figures: pd.DataFrame) -> str:
    rows = figures.head(5)
    shown = [
        f"{places(grid, [int(row)], int(position))} {shown_cell(value)} ({who})"
        for row, position, value, who in rows[["row", "position", "value", "spelling"]].itertuples(
            index=False
        )
    ]
    more = len(figures) - len(rows)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
