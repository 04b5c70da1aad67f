"""Defra: local authority collected waste, annual results, table 3 (selected indicators)."""

from __future__ import annotations

from collections.abc import Sequence

from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.gather import Extract, Gathering, each_cell
from evallib.panel.importers.layout import Heading, Layout
from evallib.panel.importers.opening import OpenFile

# Key of the column, the indicator it becomes, and the factor to the indicator's unit.
_INDICATORS = (
    ("residual", "residual_waste_kg_per_household", 1.0),
    ("recycled", "recycling_rate_pct", 100.0),
    ("landfilled", "landfill_share_pct", 100.0),
    ("collected", "household_waste_kg_per_person", 1.0),
)
_NO_FRACTION = "not a fraction, as which the publication gives its shares"
_LAYOUT = Layout(
    sheet="Table_3",
    header_row=4,
    headings=(
        Heading("year", "Year"),
        Heading("code", "ONS code"),
        Heading("residual", "Residual household waste per household (kg/household) (Ex NI191)"),
        Heading(
            "recycled",
            "Percentage of household waste sent for reuse, recycling or composting (Ex NI192)",
        ),
        Heading("landfilled", "Percentage of municipal waste sent to landfill (Ex NI193)"),
        Heading("collected", "Collected household waste per person (kg) (Ex BVPI 84a)"),
    ),
    known=("Region", "Jpp Order", "Authority", "Authority type"),
)


def _read(files: Sequence[OpenFile], options: Options) -> Extract:
    gathering = Gathering()
    keys = ("year", "code", *(key for key, _, _ in _INDICATORS))
    for table in gathering.tables(files, _LAYOUT, accept=options.accept_layout):
        for row, (year, code, *cells) in each_cell(table, keys):
            if code == "" and all(cell == "" for cell in cells):
                continue  # the notes below the table
            council = gathering.council(table, row, "code", code)
            label = gathering.financial_year(table, row, "year", year) if council else ""
            for (key, indicator, scale), cell in zip(_INDICATORS, cells, strict=True):
                if scale != 1 and isinstance(cell, (int, float)) and cell > 1:
                    gathering.cannot_read(table, row, key, str(cell), _NO_FRACTION)
                    continue
                gathering.figure(table, (row, key), cell, (council, label, indicator), scale)
    return gathering.finish()


SOURCE = Source(
    name="defra_waste",
    title="Household waste and recycling of English councils",
    publisher="Defra",
    publication="Local authority collected waste management: annual results",
    obtained="Defra's statistics on gov.uk: 'Local authority collected waste management - annual "
    "results', the workbook of local authority figures (its sheet Metadata names the page)",
    cadence="once a year; each release revises earlier years",
    formats="workbook (.ods), sheet Table_3",
    becomes="waste",
    layouts=(_LAYOUT,),
    read=_read,
    notes=(
        "Shares are published as fractions and stand here as per cent.",
        "District rows are collection only and county rows are disposal: never add them.",
        "Rows of waste disposal authorities and of joint returns that name two codes belong to no "
        "single council and are left out.",
    ),
)
