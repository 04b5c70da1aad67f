"""Adult social care measures of the former Local Authority Data Explorer."""

from __future__ import annotations

from collections.abc import Sequence

from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.gather import Extract, Gathering, each_cell
from evallib.panel.importers.layout import Heading, Layout
from evallib.panel.importers.opening import OpenFile

# The publication's code of a measure, its name there, and the indicator it becomes.
_MEASURES = {
    "ASC2": ("Outcome, ASC Quality of Life", "asc_quality_of_life_score"),
    "ASC3": (
        "Outcome, Ease of finding information about services : service users",
        "service_users_finding_information_easy_pct",
    ),
    "ASC5": (
        "Outcome, Outcome of short-term services: sequel to service",
        "short_term_support_success_pct",
    ),
    "ASC6": ("Outcome, Requests resulting in a service", "asc_requests_per_100k"),
    "ASC7": ("Outcome, Workforce turnover rate", "asc_workforce_turnover_pct"),
}
_GROUPING = "LA_Raw"
_LAYOUT = Layout(
    headings=(
        Heading("year", "Financial year"),
        Heading("code", "Local authority code"),
        Heading("grouping", "Grouping"),
        Heading("name", "Measure"),
        Heading("measure", "Code"),
        Heading("value", "Value"),
    ),
    known=(
        *("Local authority name", "Entity_Name", "Region"),
        *("MEDIAN", "MADs_from_median", "rank_order"),
    ),
)


def _read(files: Sequence[OpenFile], options: Options) -> Extract:
    gathering = Gathering()
    keys = ("measure", "name", "grouping", "year", "code", "value")
    for table in gathering.tables(files, _LAYOUT, accept=options.accept_layout):
        seen = set()
        for row, (measure, name, grouping, year, code, cell) in each_cell(table, keys):
            if measure not in _MEASURES:
                gathering.left_out[f"measure without an indicator: {measure} {name}"] += 1
                continue
            seen.add(measure)
            wanted, indicator = _MEASURES[str(measure)]
            if name != wanted:
                what = f"not the measure of {measure}, which was '{wanted}'"
                gathering.cannot_read(table, row, "name", str(name), what)
                continue
            if grouping != _GROUPING:
                gathering.left_out[f"grouping {grouping}"] += 1
                continue
            council = gathering.council(table, row, "code", code)
            label = gathering.financial_year(table, row, "year", year) if council else ""
            gathering.figure(table, (row, "value"), cell, (council, label, indicator))
        gathering.expect(table, "measure", _MEASURES, seen)
    return gathering.finish()


SOURCE = Source(
    name="asc_explorer",
    title="Adult social care by English council",
    publisher="DHSC and Skills for Care",
    publication="Adult Social Care Outcomes Framework; Short and Long Term Support; Adult Social "
    "Care Workforce Data Set; all via the Local Authority Data Explorer",
    obtained="the former Local Authority Data Explorer (adult social care data, ASC_data.csv); "
    "where it is kept now is not recorded",
    cadence="ended: 2015/16 to 2022/23",
    formats="CSV, one row a council, year and measure",
    becomes="adult_social_care",
    layouts=(_LAYOUT,),
    read=_read,
    notes=(
        "The two measures of carers have no row in indicators.csv and are left out.",
        "Zeros that stand for missing figures, and requests of 2015/16, are as published: "
        "corrections.csv drops those that are known when the table is loaded.",
    ),
)
