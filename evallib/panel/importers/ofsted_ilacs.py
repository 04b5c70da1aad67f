"""Ofsted: the latest inspection of each authority's children's services (ILACS)."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Sequence

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.gather import Extract, Gathering, each_cell
from evallib.panel.importers.layout import Heading, Layout, Table
from evallib.panel.importers.opening import OpenFile

# The overview writes the grades in lower case and shortens one: the framework's own words.
_GRADES = {
    "outstanding": "Outstanding",
    "good": "Good",
    "requires improvement": "Requires improvement to be good",
    "requires improvement to be good": "Requires improvement to be good",
    "inadequate": "Inadequate",
}
_NONE = ("", "nan", "none")
_LAYOUT = Layout(
    sheet="ofsted_cs_inspections_overview",
    header_row=1,
    headings=(
        Heading("code", "ltla23cd"),
        Heading("name", "local_authority"),
        Heading("grade", "overall_effectiveness_grade"),
        Heading("started", "inspection_start_date"),
        Heading("published", "publication_date"),
    ),
    known=(
        *("urn", "la_code", "region_code", "stat_neighbours", "stat_neighbour_judgement"),
        *("inspection_link", "inspection_framework", "inspector_name", "inspection_end_date"),
        *("local_link_to_all_inspections", "impact_of_leaders_grade"),
        *("help_and_protection_grade", "in_care_grade", "care_leavers_grade"),
        "inspectors_inspections_count",
    ),
)
COLUMNS = ("council_code", "framework", "year", "judgement")


def _read(files: Sequence[OpenFile], options: Options) -> Extract:
    gathering = Gathering()
    rows: list[tuple[str, str, int, str]] = []
    holders: dict[str, list[str]] = {}
    keys = ("code", "name", "grade", "started", "published")
    for table in gathering.tables(files, _LAYOUT, accept=options.accept_layout):
        for row, (code, name, grade, started, published) in each_cell(table, keys):
            council = gathering.council(table, row, "code", code)
            if str(grade).strip().lower() in _NONE:
                gathering.left_out[f"no overall grade: {name}"] += 1
                continue
            judgement = _GRADES.get(str(grade).strip().lower(), "")
            if not judgement:
                gathering.cannot_read(table, row, "grade", str(grade), "not a grade of Ofsted's")
            year = _year(gathering, table, row, "started", started)
            if year is None:
                year = _year(gathering, table, row, "published", published)
                gathering.notes.append(f"{name}: no start date; the year is that of its report.")
            rows.append((council, "ilacs", year or 0, judgement))
            holders.setdefault(council, []).append(str(name))
    gathering.notes += [
        f"{council} has {len(found)} inspections ({', '.join(found)}): the code is as published."
        for council, found in holders.items()
        if council and len(found) > 1
    ]
    gathering.tell_unread()
    if not rows and not gathering.faults:
        gathering.faults.append(Fault("import", "no inspection was found", "", "Check the file"))
    if gathering.faults:
        raise DataError(gathering.faults)
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("council_code")
    frame = frame[frame["council_code"] != ""].reset_index(drop=True)
    return Extract(frame, gathering.marks, gathering.left_out, tuple(gathering.notes))


def _year(gathering: Gathering, table: Table, row: int, key: str, cell: object) -> int | None:
    """Return the year of a date; None where the cell is empty."""
    if isinstance(cell, datetime.date):
        return cell.year
    text = str(cell).strip()
    for form in ("%d/%m/%Y", "%d/%m/%y"):
        with contextlib.suppress(ValueError):
            return time.strptime(text, form).tm_year
    if text or key == "published":
        gathering.cannot_read(table, row, key, text, "not a date such as 11/09/2023")
        return 0
    return None


SOURCE = Source(
    name="ofsted_ilacs",
    title="Ofsted's latest judgement of each council's children's services",
    publisher="Ofsted",
    publication="Inspections of local authority children's services (ILACS): overview",
    obtained="an overview of the latest inspection of each authority, compiled from Ofsted's "
    "reports; who compiled it is not recorded",
    cadence="not recorded; inspections appear through the year",
    formats="workbook (.xlsx), sheet ofsted_cs_inspections_overview",
    becomes="ofsted_childrens_judgements",
    shape="judgements",
    layouts=(_LAYOUT,),
    read=_read,
    notes=(
        "The year is that in which the inspection started, or its report appeared where no start "
        "is given.",
        "Only the latest inspection of each authority is here: an earlier judgement is not a "
        "missing one.",
        "Codes are as published, some of them of councils that had been abolished: Cumberland and "
        "Westmorland and Furness both stand under Cumbria's, Somerset under the former county's.",
    ),
)
