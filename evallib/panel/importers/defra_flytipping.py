"""Defra: fly-tipping incidents reported by local authorities."""

from __future__ import annotations

from collections.abc import Sequence

from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.gather import Extract, Gathering, each_cell
from evallib.panel.importers.layout import Heading, Layout
from evallib.panel.importers.opening import OpenFile

_COUNTED = (
    *("Highway", "Footpath / Bridleway", "Back Alleyway", "Railway", "Council Land"),
    *("Agricultural", "Private / Residential", "Commercial / Industrial", "Watercourse / Bank"),
    *("Other (unidentified)", "Animal Carcass", "Green", "Vehicle Parts", "White Goods"),
    *("Other Electrical", "Tyres", "Asbestos", "Clinical", "Constr / Demol / Excav"),
    *("Black Bags - Commercial", "Black Bags - Household", "Chemical Drums, Oil, Fuel"),
    *("Other Household Waste", "Other Commercial Waste", "Single Black Bag", "Single Item"),
    *("Primary Waste Type Measures Other (unidentified)", "Car Boot or Less", "Small Van Load"),
    *("Transit Van Load", "Tipper Lorry Load", "Significant / Multi Loads"),
)
_COSTED = (
    *("Single Black Bag", "Single Item", "Car Boot or Less", "Small Van Load"),
    *("Transit Van Load", "Tipper Lorry Load", "Sig / Multi Loads", "Total Incidents"),
)
_LAYOUT = Layout(
    sheet="LA_incidents",
    header_row=3,
    headings=(
        Heading("year", "Year"),
        Heading("code", "ONS Code"),
        Heading("incidents", "Total Incidents"),
    ),
    known=(
        *("LA Name", "Region", "Mid population estimates"),
        *("Incidents per 1,000 people", "Reporting basis"),
        *(f"{name} Incidents" for name in _COUNTED),
        *(f"{name} Clearance Costs (£)" for name in _COSTED),
    ),
)


def _read(files: Sequence[OpenFile], options: Options) -> Extract:
    gathering = Gathering()
    for table in gathering.tables(files, _LAYOUT, accept=options.accept_layout):
        for row, (year, code, cell) in each_cell(table, ("year", "code", "incidents")):
            if code == "" and cell == "":
                continue
            council = gathering.council(table, row, "code", code)
            label = gathering.financial_year(table, row, "year", year) if council else ""
            key = (council, label, "flytipping_incidents_count")
            gathering.figure(table, (row, "incidents"), cell, key)
    return gathering.finish()


SOURCE = Source(
    name="defra_flytipping",
    title="Fly-tipping incidents recorded by English councils",
    publisher="Defra",
    publication="Fly-tipping statistics for England",
    obtained="Defra's statistics on gov.uk: 'Fly-tipping in England', the workbook of local "
    "authority incidents and actions (its sheet Metadata names the page)",
    cadence="once a year; each release revises earlier years",
    formats="workbook (.ods), sheet LA_incidents",
    becomes="street_scene",
    layouts=(_LAYOUT,),
    read=_read,
    notes=(
        "The publication's sheet Notes lists changes of recording council by council; some "
        "councils report what customers reported only.",
    ),
)
