"""MHCLG: revenue outturn summary (RS) by authority."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evallib.errors import Fault, first_five
from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.cells import is_council_code, label_of
from evallib.panel.importers.gather import Extract, Gathering, each_cell
from evallib.panel.importers.layout import Heading, Layout, Table
from evallib.panel.importers.opening import OpenFile

_NAMES = (
    Heading("e_code", "E-code"),
    Heading("code", "ONS Code", optional=True),
    Heading("class", "Class"),
)
_SPENDING = (
    Heading("service", "TOTAL SERVICE EXPENDITURE", r"total service expenditure \(total of .*"),
    Heading("current", "NET CURRENT EXPENDITURE", r"net current expenditure(\s?\(total of .*)?"),
)
_LEVEL = r"(estimated )?unallocated financial reserves level"
_ONE_SHEET = Layout(
    sheet=r"RS LA Data \d{4}-\d{2}",
    sheet_shown="RS LA Data <year>",
    header_row=7,
    headings=(
        *_NAMES,
        *_SPENDING,
        Heading(
            "reserves",
            "Unallocated financial reserves level at 31 March",
            _LEVEL + " at 31 march",
        ),
    ),
    is_open=True,
)
_FIRST_SHEET = Layout(
    sheet=r"RS LA Data \d{4}-\d{2} \(1\)",
    sheet_shown="RS LA Data <year> (1)",
    header_row=6,
    headings=(*_NAMES, *_SPENDING),
    is_open=True,
)
_SECOND_SHEET = Layout(
    sheet=r"RS LA Data \d{4}-\d{2} \(2\)",
    sheet_shown="RS LA Data <year> (2)",
    header_row=6,
    headings=(*_NAMES, Heading("reserves", "Unallocated financial reserves level", _LEVEL)),
    is_open=True,
)
_INDICATORS = {
    "service": "total_service_expenditure_gbp_000",
    "current": "net_current_expenditure_gbp_000",
    "reserves": "unallocated_reserves_gbp_000",
}
_OTHER = "O"  # the class of fire, police, waste and combined authorities


def _read(files: Sequence[OpenFile], options: Options) -> Extract:
    gathering = Gathering()
    tables: list[tuple[int, Table]] = []
    for file in files:
        for layout in _layouts_of(file):
            found = gathering.tables([file], layout, accept=options.accept_layout)
            tables += [(_first_year(table.sheet), table) for table in found]
    codes = _codes(tables)
    codeless: dict[str, Fault] = {}
    for first, table in tables:
        unknown = _take(gathering, table, first, codes)
        if unknown:
            codeless.setdefault(table.label, _codeless(table, unknown))
    gathering.faults += codeless.values()
    return gathering.finish()


def _layouts_of(file: OpenFile) -> tuple[Layout, ...]:
    """Return one sheet from 2015/16 on, two before, where the second holds the year's end."""
    if any(re.fullmatch(_FIRST_SHEET.sheet, name) for name in file.sheets):
        return (_FIRST_SHEET, _SECOND_SHEET)
    return (_ONE_SHEET,)


def _first_year(sheet: str) -> int:
    found = re.search(r"\d{4}", sheet)
    return int(found[0]) if found else 0


def _codes(tables: Sequence[tuple[int, Table]]) -> dict[str, dict[int, str]]:
    """Return every authority's published codes by year, from the files that have both codes."""
    codes: dict[str, dict[int, str]] = {}
    for first, table in tables:
        if "code" in table.frame:
            for _, (e_code, code) in each_cell(table, ("e_code", "code")):
                if is_council_code(str(code).strip()):
                    codes.setdefault(str(e_code).strip(), {})[first] = str(code).strip()
    return codes


def _take(
    gathering: Gathering, table: Table, first: int, codes: Mapping[str, Mapping[int, str]]
) -> list[str]:
    """Take a sheet's figures; return the E-codes for which no ONS code is known."""
    keys = tuple(key for key in _INDICATORS if key in table.frame)
    has_codes = "code" in table.frame
    unknown: list[str] = []
    for row, cells in each_cell(table, ("e_code", "class", *keys)):
        e_code, group = str(cells[0]).strip(), str(cells[1]).strip()
        if not re.fullmatch(r"E\d{4}", e_code):
            gathering.left_out["totals and notes"] += 1
            continue
        if group == _OTHER:
            gathering.left_out["fire, police, waste and combined authorities (class O)"] += 1
            continue
        if has_codes:
            code = gathering.council(table, row, "code", table.frame["code"].loc[row])
        else:
            years = codes.get(e_code, {})
            code = years[min(years, key=lambda year: abs(year - first))] if years else ""
            if not code:
                unknown.append(f"{table.cell(row, 'e_code')} {e_code}")
        for key, cell in zip(keys, cells[2:], strict=True):
            place = (code, label_of(first), _INDICATORS[key])
            gathering.figure(table, (row, key), cell, place)
    return unknown


def _codeless(table: Table, unknown: list[str]) -> Fault:
    return Fault(
        f"{table.base('e_code')}, {first_five(unknown)}",
        f"has no ONS codes, and {len(unknown)} E-code(s) are in no other file that was given",
        "The councils cannot be told",
        "Give the file of 2014-15 or a later year in the same command: it holds both codes",
    )


SOURCE = Source(
    name="mhclg_revenue_outturn",
    title="Spending and reserves of English councils",
    publisher="MHCLG",
    publication="Revenue outturn summary (RS)",
    obtained="MHCLG's statistics on gov.uk: local authority revenue expenditure and financing, "
    "the workbook 'Revenue outturn summary (RS) data by LA' of each year",
    cadence="once a year, with later revisions under another file name",
    formats="workbooks (.xls to 2014-15, .xlsx from 2015-16), one a year",
    becomes="finance",
    layouts=(_ONE_SHEET, _FIRST_SHEET),
    read=_read,
    notes=(
        "Cash terms, GBP thousand. Reserves are those at 31 March, the end of the year: up to "
        "2014/15 they stand on the second sheet, since the first has those at 1 April.",
        "Files before 2014/15 have no ONS codes: their E-codes are looked up in the other files "
        "of the same import, the nearest year first.",
    ),
)
