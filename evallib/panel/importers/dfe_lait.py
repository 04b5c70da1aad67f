"""DfE: Local Authority Interactive Tool, the long table of all measures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evallib.errors import Fault, did_you_mean, first_five
from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.cells import label_of
from evallib.panel.importers.dated_codes import DatedCodes, plain_name, read_dated_codes
from evallib.panel.importers.gather import Extract, Gathering, each_cell
from evallib.panel.importers.layout import Heading, Layout, Table
from evallib.panel.importers.opening import OpenFile

# The tool's name of a measure, the indicator it becomes, and the years from the year that it is
# labelled by to the start of our label: a year to 31 March 2016 is 2015/16, the calendar year
# 2016 is 2016/17 (the financial year that starts in it).
_MEASURES = {
    "Continue_Assess_Comp": ("assessments_within_45_days_pct", -1),
    "CareLeaverEET": ("care_leavers_in_eet_pct", -1),
    "CareLeaverAcc": ("care_leavers_suitable_accommodation_pct", -1),
    "CP_conf_15days": ("child_protection_conferences_within_15_days_pct", -1),
    "RevCP": ("child_protection_reviews_in_time_pct", -1),
    "LACStable_2016on": ("children_with_3plus_placements_pct", -1),
    "SEN_EHC_Excpt_20wks": ("ehc_plans_within_20_weeks_pct", 0),
    "PrevRegCPR": ("repeat_child_protection_plans_pct", -1),
    "ReReferral": ("rereferrals_within_12_months_pct", -1),
}
_YEAR = re.compile(r"(20\d{2})(?: \((?:Rev|Final|prov)\))?")
_FIRST_AGGREGATE = 970  # England, its regions and London's parts have numbers from 970 on
_LAYOUT = Layout(
    headings=(
        Heading("measure", "Short Desc"),
        Heading("year", "Years"),
        Heading("name", "LA and Regions"),
        Heading("value", "Values"),
        Heading("number", "LA Number"),
    ),
    known=("Data item", "Region"),
)


def _read(files: Sequence[OpenFile], options: Options) -> Extract:
    gathering = Gathering()
    codes = read_dated_codes(options.data)
    for table in gathering.tables(files, _LAYOUT, accept=options.accept_layout):
        _take(gathering, table, codes)
    return gathering.finish()


def _take(gathering: Gathering, table: Table, codes: DatedCodes) -> None:
    mine = table.frame["measure"].isin(list(_MEASURES))
    others = table.frame.loc[~mine, "measure"]
    if len(others):
        gathering.left_out[f"{others.nunique()} measures without an indicator"] += len(others)
    chosen = Table(table.label, table.sheet, table.frame[mine], table.letters)
    unknown: dict[str, str] = {}
    keys = ("measure", "year", "name", "number", "value")
    for row, (measure, year, name, number, cell) in each_cell(chosen, keys):
        if _is_aggregate(number):
            gathering.left_out["England, regions and parts of London"] += 1
            continue
        indicator, shift = _MEASURES[str(measure)]
        labelled = _YEAR.fullmatch(str(year).strip())
        if not labelled:
            what = "not a year such as 2016"
            gathering.cannot_read(chosen, row, "year", str(year), what)
            continue
        first = int(labelled[1]) + shift
        code = codes.code_of(str(name), first)
        if not code:
            unknown.setdefault(str(name), chosen.cell(row, "name"))
        gathering.figure(chosen, (row, "value"), cell, (code, label_of(first), indicator))
    gathering.expect(chosen, "measure", _MEASURES, set(chosen.frame["measure"]))
    if unknown:
        gathering.faults.append(_nameless(chosen, unknown, codes))


def _is_aggregate(number: object) -> bool:
    try:
        return float(str(number)) >= _FIRST_AGGREGATE
    except ValueError:
        return False


def _nameless(table: Table, unknown: dict[str, str], codes: DatedCodes) -> Fault:
    shown = first_five([f"{place} '{name}'" for name, place in unknown.items()])
    hint = did_you_mean(plain_name(next(iter(unknown))), codes.holders)
    return Fault(
        f"{table.base('name')}, {shown}",
        f"no council of councils.csv answers to {len(unknown)} name(s) in those years.{hint}",
        "DfE numbers its authorities itself, and some kept their number when they were reorganised",
        "Add the council to councils.csv of the folder given as --data",
    )


SOURCE = Source(
    name="dfe_lait",
    title="Children's social care and education, health and care plans by English council",
    publisher="DfE",
    publication="Characteristics of children in need; Children looked after in England; Education, "
    "health and care plans; all via the Local Authority Interactive Tool",
    obtained="DfE's Local Authority Interactive Tool (LAIT): the long table of all measures",
    cadence="measure by measure: LAIT's data dictionary gives the last and the next update of each",
    formats="Parquet or CSV, one row an authority, year and measure",
    becomes="childrens_services",
    layouts=(_LAYOUT,),
    read=_read,
    notes=(
        "DfE's three-digit numbers are dated: a figure stands under the code that was in force on "
        "31 March at the end of its label (Buckinghamshire, North Yorkshire and Somerset kept "
        "their number when they became unitary; Barnsley and Sheffield changed code in 2025).",
        "Education, health and care plans are measured in the calendar year in which the "
        "financial year starts.",
    ),
)
