"""ONS: series of Explore Local Statistics, one file a series."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.cells import label_of
from evallib.panel.importers.gather import Extract, Gathering, each_cell
from evallib.panel.importers.layout import Heading, Layout, Table
from evallib.panel.importers.opening import OpenFile

_APRIL = 4
_LAYOUT = Layout(
    headings=(
        Heading("code", "areacd"),
        Heading("indicator", "indicator"),
        Heading("period", "period"),
        Heading("value", "observation"),
        Heading("unit", "unit"),
        Heading("low", "lci_95"),
        Heading("high", "uci_95"),
        Heading("status", "status"),
    ),
    known=("areanm", "geography", "measure", "notes"),
)


def _read(files: Sequence[OpenFile], options: Options) -> Extract:
    gathering = Gathering()
    for table in gathering.tables(files, _LAYOUT, accept=options.accept_layout):
        _take(gathering, table)
    return gathering.finish()


def _take(gathering: Gathering, table: Table) -> None:
    with_limits = 0
    keys = ("code", "indicator", "period", "value", "status", "low", "high")
    for row, (code, series, period, cell, status, low, high) in each_cell(table, keys):
        council = gathering.council(table, row, "code", code)
        label = _label(gathering, table, row, str(period)) if council else ""
        shown = status if cell == "" and status != "" else cell
        gathering.figure(table, (row, "value"), shown, (council, label, indicator_name(series)))
        with_limits += low != "" or high != ""
    pairs = table.frame[["indicator", "unit"]].drop_duplicates().to_numpy().tolist()
    gathering.notes += [
        f"{indicator_name(series)} is the series '{series}', unit as published: {unit or 'none'}."
        for series, unit in pairs
    ]
    if with_limits:
        gathering.notes.append(
            f"{table.label}: {with_limits} rows have 95 per cent confidence limits, for which the "
            "schema has no column; they are left out."
        )


def indicator_name(series: object) -> str:
    """Return the indicator's name of a series.

    Examples
    --------
    >>> indicator_name("Housing affordability ratio (residence-based)")
    'housing_affordability_ratio_residence_based'
    """
    return "_".join(re.findall(r"[a-z0-9]+", str(series).lower()))


def _label(gathering: Gathering, table: Table, row: int, period: str) -> str:
    """Return the financial year in which a period starts."""
    try:
        start = datetime.date.fromisoformat(period.partition("/")[0])
    except ValueError:
        what = "not a period such as 2022-08-01/P1Y"
        gathering.cannot_read(table, row, "period", period, what)
        return ""
    return label_of(start.year if start.month >= _APRIL else start.year - 1)


SOURCE = Source(
    name="ons_explore",
    title="Series of Explore Local Statistics by English council",
    publisher="ONS",
    publication="Explore Local Statistics",
    obtained="ONS's Explore Local Statistics: the CSV of each series",
    cadence="series by series",
    formats="CSV, one file a series",
    becomes="ons_explore",
    layouts=(_LAYOUT,),
    read=_read,
    notes=(
        "The label is the financial year in which the published period starts: an academic year "
        "from August 2022, and a snapshot of 1 April 2022, are 2022/23.",
        "The indicators need rows in indicators.csv before they can be loaded.",
        "Codes that changed stand as published, obsolete ones too.",
    ),
)
