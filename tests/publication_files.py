"""Small files in the layouts of official publications, made up, and ways to spoil them."""

from __future__ import annotations

import csv
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

Rows = list[list[object]]
Sheets = dict[str, Rows]


@dataclass(frozen=True)
class Formula:
    """A cell with a formula; without a value its result is not stored."""

    value: float | None = None


def letter(position: int) -> str:
    return (
        chr(65 + position) if position < 26 else letter(position // 26 - 1) + letter(position % 26)
    )


def write_xlsx(path: Path, sheets: Sheets, merged: Sequence[str] = ()) -> Path:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'{head}<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            + "".join(
                f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
                f'ContentType="{kind}.worksheet+xml"/>'
                for n in numbers
            )
            + "</Types>",
        )
        archive.writestr(
            "_rels/.rels",
            f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
            f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'{head}<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
            + "".join(
                f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
                for n, name in zip(numbers, sheets, strict=True)
            )
            + "</sheets></workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{head}<Relationships xmlns="{package}/relationships">'
            + "".join(
                f'<Relationship Id="rId{n}" Type="{office}/worksheet" '
                f'Target="worksheets/sheet{n}.xml"/>'
                for n in numbers
            )
            + "</Relationships>",
        )
        for n, rows in zip(numbers, sheets.values(), strict=True):
            cells = (
                "".join(_xlsx_cell(cell, x, y) for x, cell in enumerate(row))
                for y, row in enumerate(rows, start=1)
            )
            body = "".join(f'<row r="{y}">{row}</row>' for y, row in enumerate(cells, start=1))
            joined = "".join(f'<mergeCell ref="{ref}"/>' for ref in merged)
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'{head}<worksheet xmlns="{main}"><sheetData>{body}</sheetData>'
                + (f"<mergeCells>{joined}</mergeCells>" if joined else "")
                + "</worksheet>",
            )
    return path


def _xlsx_cell(cell: object, x: int, y: int) -> str:
    place = f'r="{letter(x)}{y}"'
    if isinstance(cell, Formula):
        stored = "" if cell.value is None else f"<v>{cell.value}</v>"
        return f"<c {place}><f>1+1</f>{stored}</c>"
    if isinstance(cell, (int, float)):
        return f"<c {place}><v>{cell}</v></c>"
    if cell == "":
        return ""
    return f'<c {place} t="inlineStr"><is><t>{escape(str(cell))}</t></is></c>'


def write_ods(path: Path, sheets: Sheets, *, encrypted: bool = False) -> Path:
    names = "urn:oasis:names:tc:opendocument:xmlns"
    body = "".join(
        f'<table:table table:name="{escape(name)}">'
        + "".join(
            f"<table:table-row>{''.join(map(_ods_cell, row)) or _EMPTY}</table:table-row>"
            for row in rows
        )
        + "</table:table>"
        for name, rows in sheets.items()
    )
    secret = "<manifest:encryption-data/>" if encrypted else ""
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", mime)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0"><manifest:file-entry '
            f'manifest:full-path="content.xml" manifest:media-type="text/xml">{secret}'
            "</manifest:file-entry></manifest:manifest>",
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}:office:1.0" '
            f'xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0"><office:body>'
            f"<office:spreadsheet>{body}</office:spreadsheet></office:body>"
            "</office:document-content>",
        )
    return path


_EMPTY = "<table:table-cell/>"


def _ods_cell(cell: object) -> str:
    if isinstance(cell, Formula):
        stored = (
            "" if cell.value is None else f' office:value-type="float" office:value="{cell.value}"'
        )
        return f'<table:table-cell table:formula="of:=1+1"{stored}/>'
    if isinstance(cell, (int, float)):
        return f'<table:table-cell office:value-type="float" office:value="{cell}"/>'
    if cell == "":
        return _EMPTY
    return (
        '<table:table-cell office:value-type="string"><text:p>'
        f"{escape(str(cell))}</text:p></table:table-cell>"
    )


def write_csv(path: Path, rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path


def write_parquet(path: Path, rows: Rows) -> Path:
    pd.DataFrame(rows[1:], columns=[str(name) for name in rows[0]]).to_parquet(path)
    return path


def write_compound(path: Path, stream: str, content: bytes) -> Path:
    """Write a compound file (the container of .xls) with one stream of at least 4,096 bytes."""
    content = content.ljust(max(4096, -(-len(content) // 512) * 512), b"\0")
    used = len(content) // 512
    end, free, table = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    sectors = [table, end, *range(3, used + 2), end]
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII109I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\0" * 16,
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, end, 0, end, 0),
        *(0, *[free] * 108),
    )

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBIII36sIQ",
            text.ljust(64, b"\0"),
            len(text) if name else 0,
            *(kind, 1, free, free, child),
            b"\0" * 36,
            *(start, size),
        )

    folder = entry("Root Entry", 5, 1, end, 0) + entry(stream, 2, free, 2, len(content))
    folder += entry("", 0, free, 0, 0) * 2
    fat = struct.pack("<128I", *sectors, *[free] * (128 - len(sectors)))
    path.write_bytes(header + fat + folder + content)
    return path


def write_protected_xls(path: Path, method: int) -> Path:
    """Write an .xls whose first records are those of a workbook with a password.

    `method` is 0 for the older way to hide the contents, 1 for the newer one.
    """
    begin = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0, 0, 0, 0)
    password = struct.pack("<HHHHH", 0x2F, 6, method, 1, 1)
    return write_compound(path, "Workbook", begin + password + struct.pack("<HH", 0x0A, 0))


@dataclass(frozen=True)
class Publication:
    """A made-up file of a source: its sheets, where the headings stand, how it is written."""

    source: str
    file: str
    sheets: Sheets
    sheet: str
    header: int
    number: tuple[int, int]
    figures: Mapping[tuple[str, str, str], float]

    def write(self, folder: Path, change: Callable[[Sheets], None] | None = None) -> Path:
        sheets = {name: [list(row) for row in rows] for name, rows in self.sheets.items()}
        if change:
            change(sheets)
        path = folder / self.file
        writers = {".ods": write_ods, ".xlsx": write_xlsx}
        if path.suffix in writers:
            return writers[path.suffix](path, sheets)
        rows = sheets[self.sheet]
        return write_parquet(path, rows) if path.suffix == ".parquet" else write_csv(path, rows)


_WASTE = Publication(
    "defra_waste",
    "LA_collection.ods",
    {
        "Metadata": [["Title:", "made up"]],
        "Table_3": [
            ["Table 3: made up"],
            [],
            [],
            [
                *("Year", "Region", "ONS code", "Jpp Order", "Authority", "Authority type"),
                "Residual household waste per household (kg/household) (Ex NI191)",
                "Percentage of household waste sent for reuse, recycling or composting (Ex NI192)",
                "Percentage of municipal waste sent to landfill (Ex NI193)",
                "Collected household waste per person (kg) (Ex BVPI 84a)",
            ],
            ["2010-11", "A", "E07000223", 1, "One", "Collection", 454.5, 0.367, "-", 325.25],
            ["2011-12", "A", "E06000001", 2, "Two", "Unitary", 500, 0.29, 0.5, ":"],
            ["2011-12", "A", "E50000001", 3, "Partnership", "Disposal", 500, 0.29, 0.5, 4],
            ["2011-12", "*A", "Total", "Total", "Total", "Total", 500, 0.29, 0.5, ":"],
            ["Notes: made up"],
        ],
    },
    "Table_3",
    4,
    (5, 6),
    {
        ("E07000223", "2010/11", "recycling_rate_pct"): 36.7,
        ("E07000223", "2010/11", "residual_waste_kg_per_household"): 454.5,
        ("E07000223", "2010/11", "household_waste_kg_per_person"): 325.25,
        ("E06000001", "2011/12", "recycling_rate_pct"): 29,
        ("E06000001", "2011/12", "residual_waste_kg_per_household"): 500,
        ("E06000001", "2011/12", "landfill_share_pct"): 50,
    },
)
_FLYTIPPING = Publication(
    "defra_flytipping",
    "flytipping_la.ods",
    {
        "LA_incidents": [
            ["Fly-tipping incidents, made up"],
            ["", "", "", "", "TOTAL"],
            ["Year", "ONS Code", "LA Name", "Region", "Total Incidents", "Highway Incidents"],
            ["2012-13", "*Total", "*Total", "A", 1669, 3],
            ["2012-13", "E06000001", "One", "A", 969, 1],
            ["2012-13", "E06000018", "Two", "A", ":", 1],
            ["2013-14", "E06000001", "One", "A", 700, 1],
        ],
    },
    "LA_incidents",
    3,
    (5, 4),
    {
        ("E06000001", "2012/13", "flytipping_incidents_count"): 969,
        ("E06000001", "2013/14", "flytipping_incidents_count"): 700,
    },
)
_REVENUE = Publication(
    "mhclg_revenue_outturn",
    "RS_2016-17.xlsx",
    {
        "Front Page": [["made up"]],
        "RS LA Data 2016-17": [
            ["Revenue Outturn 2016-17: made up"],
            ["Net current expenditure (£ thousand)"],
            [],
            [],
            ["", "", "", "", "", "Service Expenditure"],
            ["", "", "", "", "", 190],
            [
                *("E-code", "ONS Code", "Local authority", "", "Class", "Education services"),
                "TOTAL SERVICE EXPENDITURE (total of lines 190 to 698)",
                "NET CURRENT EXPENDITURE",
                "Unallocated financial reserves level at 1 April",
                "Unallocated\nfinancial reserves level at 31 March",
            ],
            ["E0101", "E06000022", "One UA", "", "UA", 3, 1000.25, 1200, 50, 60],
            ["E0102", "E06000023", "Two UA", "", "UA", 3, "…", "…", "…", "…"],
            ["E2721", "E10000023", "Three", "", "SC", 3, 2000, 2200, 70, -80],
            ["E6101", "E31000001", "Fire", "", "O", 3, 1, 2, 3, 4],
            ["", "", "ENGLAND", "", "", 3, 3000, 3400, 120, 140],
        ],
    },
    "RS LA Data 2016-17",
    7,
    (8, 6),
    {
        ("E06000022", "2016/17", "total_service_expenditure_gbp_000"): 1000.25,
        ("E06000022", "2016/17", "net_current_expenditure_gbp_000"): 1200,
        ("E06000022", "2016/17", "unallocated_reserves_gbp_000"): 60,
        ("E10000023", "2016/17", "total_service_expenditure_gbp_000"): 2000,
        ("E10000023", "2016/17", "net_current_expenditure_gbp_000"): 2200,
        ("E10000023", "2016/17", "unallocated_reserves_gbp_000"): -80,
    },
)
_OFSTED = Publication(
    "ofsted_ilacs",
    "ofsted_overview.xlsx",
    {
        "ofsted_cs_inspections_overview": [
            [
                *("urn", "la_code", "ltla23cd", "local_authority", "overall_effectiveness_grade"),
                *("inspection_start_date", "publication_date"),
            ],
            ["1", "370", "E08000016", "barnsley", "good", "11/09/2023", "27/10/23"],
            ["2", "304", "E09000005", "brent", "nan", "27/04/2026", "17/06/26"],
            ["3", "846", "E06000043", "brighton", "requires improvement", "", "16/05/24"],
        ]
    },
    "ofsted_cs_inspections_overview",
    1,
    (2, 4),
    {},
)
_CARE_NAMES = {
    "ASC2": "Outcome, ASC Quality of Life",
    "ASC3": "Outcome, Ease of finding information about services : service users",
    "ASC5": "Outcome, Outcome of short-term services: sequel to service",
    "ASC6": "Outcome, Requests resulting in a service",
    "ASC7": "Outcome, Workforce turnover rate",
}
_CARE = Publication(
    "asc_explorer",
    "ASC_data.csv",
    {
        "": [
            [
                *("Financial year", "Local authority code", "Local authority name", "Grouping"),
                *("Measure", "Code", "Value"),
            ],
            *(
                ["2016-17", "E06000005", "One", "LA_Raw", name, code, value]
                for (code, name), value in zip(
                    _CARE_NAMES.items(), (0.409, 74.3, 82, 1234.5, ""), strict=True
                )
            ),
            ["2016-17", "E06000005", "One", "LA_Raw", "Outcome, carers", "ASC1", 7.6],
        ]
    },
    "",
    1,
    (2, 6),
    {
        ("E06000005", "2016/17", "asc_quality_of_life_score"): 0.409,
        ("E06000005", "2016/17", "service_users_finding_information_easy_pct"): 74.3,
        ("E06000005", "2016/17", "short_term_support_success_pct"): 82,
        ("E06000005", "2016/17", "asc_requests_per_100k"): 1234.5,
    },
)
_CHILDREN_MEASURES = (
    *("Continue_Assess_Comp", "CareLeaverEET", "CareLeaverAcc", "CP_conf_15days", "RevCP"),
    *("LACStable_2016on", "PrevRegCPR", "ReReferral"),
)
_CHILDREN = Publication(
    "dfe_lait",
    "bds_long_0.parquet",
    {
        "": [
            ["Short Desc", "Data item", "Years", "LA and Regions", "Values", "LA Number", "Region"],
            *(
                [name, "made up", "2016", "Hartlepool", "-", 805.0, "North East"]
                for name in _CHILDREN_MEASURES
            ),
            ["RevCP", None, "2020", "Buckinghamshire", "90.1", 825.0, "South East"],
            ["RevCP", None, "2021", "Buckinghamshire", "91.1", 825.0, "South East"],
            ["RevCP", None, "2025", "Barnsley", "93.449999999999996", 370.0, "Yorkshire"],
            ["SEN_EHC_Excpt_20wks", None, "2020", "Buckinghamshire", "60", 825.0, "South East"],
            ["RevCP", None, "2019", "Dorset (Pre LG)", "47", 835.0, "South West"],
            ["RevCP", None, "2019", "Dorset", "-", 838.0, "South West"],
            ["RevCP", None, "2020", "Dorset", "c", 838.0, "South West"],
            ["RevCP", None, "2020", "England", "88", 970.0, "NA"],
            ["Another", None, "2014-16", "England", "88", 970.0, "NA"],
        ]
    },
    "",
    1,
    (10, 4),
    {
        ("E10000002", "2019/20", "child_protection_reviews_in_time_pct"): 90.1,
        ("E06000060", "2020/21", "child_protection_reviews_in_time_pct"): 91.1,
        ("E08000016", "2024/25", "child_protection_reviews_in_time_pct"): 93.45,
        ("E06000060", "2020/21", "ehc_plans_within_20_weeks_pct"): 60,
        ("E10000009", "2018/19", "child_protection_reviews_in_time_pct"): 47,
    },
)
_SERIES = Publication(
    "ons_explore",
    "affordability.csv",
    {
        "": [
            [
                *("areacd", "areanm", "geography", "indicator", "period", "observation"),
                *("measure", "unit", "lci_95", "uci_95", "status", "notes"),
            ],
            *(
                [code, "x", "x", "Made-up ratio (a)", period, value, "m", "%", *limits, mark, ""]
                for code, period, value, limits, mark in (
                    ("E06000001", "2002-04-01", 5.05, ("", ""), ""),
                    ("E06000001", "2022-08-01/P1Y", 6, (5, 7), ""),
                    ("E06000001", "2026-01-01", "", ("", ""), "x"),
                    ("W06000001", "2002-04-01", 4, ("", ""), ""),
                )
            ),
        ]
    },
    "",
    1,
    (2, 5),
    {
        ("E06000001", "2002/03", "made_up_ratio_a"): 5.05,
        ("E06000001", "2022/23", "made_up_ratio_a"): 6,
    },
)
PUBLICATIONS = {
    one.source: one for one in (_WASTE, _FLYTIPPING, _REVENUE, _CHILDREN, _CARE, _OFSTED, _SERIES)
}
WORKBOOKS = [name for name, one in PUBLICATIONS.items() if one.sheet]
