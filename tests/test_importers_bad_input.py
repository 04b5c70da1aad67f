"""Files that are not what they should be: one line, exit code 2, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from publication_files import (
    PUBLICATIONS,
    WORKBOOKS,
    Formula,
    Publication,
    Sheets,
    letter,
    write_compound,
    write_ods,
    write_protected_xls,
    write_xlsx,
)
from typer.testing import CliRunner

from evallib.cli import app

RUNNER = CliRunner()


def refusal(source: str, *paths: Path, options: tuple[str, ...] = ()) -> str:
    """Import files that cannot be, and return the one line that says so."""
    folder = paths[0].parent
    before = sorted(path.name for path in folder.iterdir())
    arguments = ["import", source, *map(str, paths), "--to", str(folder / "tables"), *options]
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 2, done.stdout
    assert done.stdout == ""
    assert sorted(path.name for path in folder.iterdir()) == before
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def says(line: str, *words: str) -> None:
    missing = [word for word in words if word not in line]
    assert missing == [], line


def cells(one: Publication) -> Callable[[Sheets], list[list[object]]]:
    return lambda sheets: sheets[one.sheet]


@pytest.mark.parametrize("source", PUBLICATIONS)
@pytest.mark.parametrize("share", [0.1, 0.6, 0.99])
def test_a_truncated_file(source: str, share: float, tmp_path: Path) -> None:
    path = PUBLICATIONS[source].write(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    says(refusal(source, path), path.name)


def test_an_xls_file_that_ends_within_a_sector(tmp_path: Path) -> None:
    path = write_compound(tmp_path / "a.xls", "Workbook", b"")
    path.write_bytes(path.read_bytes()[:-100])
    says(refusal("mhclg_revenue_outturn", path), "a.xls", "cut off")


@pytest.mark.parametrize("name", [name for name in WORKBOOKS if name != "defra_waste"])
def test_a_damaged_sheet_in_a_whole_workbook(name: str, tmp_path: Path) -> None:
    path = PUBLICATIONS[name].write(tmp_path)
    content = path.read_bytes()
    tag = b"</table:table-row>" if path.suffix == ".ods" else b"</row>"
    at = content.rindex(tag)
    path.write_bytes(content[:at] + tag.replace(b"</", b"<<") + content[at + len(tag) :])
    says(refusal(name, path), path.name, "damaged")


@pytest.mark.parametrize("source", PUBLICATIONS)
def test_another_publication(source: str, tmp_path: Path) -> None:
    other = next(one for name, one in PUBLICATIONS.items() if name != source)
    line = refusal(source, other.write(tmp_path))
    says(line, other.file, f"is a file of {other.source}, not of {source}")


@pytest.mark.parametrize("source", PUBLICATIONS)
def test_a_file_of_nobody(source: str, tmp_path: Path) -> None:
    workbook = write_xlsx(tmp_path / "mine.xlsx", {"Sheet1": [["a", "b"], [1, 2]]})
    says(refusal(source, workbook), "mine.xlsx", "expected")
    page = tmp_path / "page.ods"
    page.write_text("<!DOCTYPE html><title>Sorry</title>\n", encoding="utf-8")
    says(refusal(source, page), "page.ods", "web page")
    page.write_bytes(b"")
    says(refusal(source, page), "is empty")
    page.unlink()
    gone = tmp_path / "gone.ods"
    says(refusal(source, gone), "gone.ods", "does not exist")


PROTECTED: dict[str, Callable[[Path], Path]] = {
    "protected.xlsx": lambda path: write_compound(path, "EncryptedPackage", b"secret"),
    "older.xls": lambda path: write_protected_xls(path, 0),
    "newer.xls": lambda path: write_protected_xls(path, 1),
    "protected.ods": lambda path: write_ods(path, {"Sheet1": [["a"]]}, encrypted=True),
}


@pytest.mark.parametrize("source", WORKBOOKS)
@pytest.mark.parametrize("name", PROTECTED)
def test_a_workbook_with_a_password(source: str, name: str, tmp_path: Path) -> None:
    path = PROTECTED[name](tmp_path / name)
    says(refusal(source, path), name, "protected by a password", "save it without one")


@pytest.mark.parametrize("source", WORKBOOKS)
def test_merged_headings(source: str, tmp_path: Path) -> None:
    """The cell right of the one that gives its heading up is empty, as merging leaves it."""
    one = PUBLICATIONS[source]
    row, column = one.header, one.number[1]

    def merge(sheets: Sheets) -> None:
        cells(one)(sheets)[row - 1][column] = ""

    line = refusal(source, one.write(tmp_path, merge))
    says(line, one.sheet, "merged", f"{letter(column - 1)}{row}:{letter(column)}{row}", "Unmerge")


@pytest.mark.parametrize("source", ["mhclg_revenue_outturn", "ofsted_ilacs"])
def test_merged_headings_over_two_rows(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    area = f"B{one.header}:B{one.header + 1}"
    path = write_xlsx(tmp_path / "merged.xlsx", {one.sheet: one.sheets[one.sheet]}, [area])
    says(refusal(source, path), f"cells {area}", "merged")


@pytest.mark.parametrize("source", WORKBOOKS)
def test_a_formula_without_its_result(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    row, column = one.number

    def forget(sheets: Sheets) -> None:
        cells(one)(sheets)[row - 1][column] = Formula()

    line = refusal(source, one.write(tmp_path, forget))
    says(line, one.sheet, f"{letter(column)}{row}", "formula", "not stored", "calculate")


@pytest.mark.parametrize("source", WORKBOOKS)
def test_a_moved_header(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    path = one.write(tmp_path, lambda sheets: cells(one)(sheets).insert(0, ["Revised"]))
    expected = f"expected on row {one.header} and stand on row {one.header + 1}"
    says(refusal(source, path), one.file, one.sheet, expected, "--accept-layout")
    folder = str(tmp_path / "tables")
    accepted = ["import", source, str(path), "--to", folder, "--accept-layout"]
    done = RUNNER.invoke(app, accepted)
    assert done.exit_code == 0, done.stderr
    assert "stand on row" in done.stdout


@pytest.mark.parametrize("source", WORKBOOKS)
def test_a_renamed_sheet(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]

    def rename(sheets: Sheets) -> None:
        sheets[f"{one.sheet}_new"] = sheets.pop(one.sheet)

    line = refusal(source, one.write(tmp_path, rename))
    says(line, one.file, "expected a sheet", f"{one.sheet}_new", "former name")


@pytest.mark.parametrize("source", PUBLICATIONS)
def test_a_new_column(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    heading = "Novelty"
    if source == "mhclg_revenue_outturn":  # columns come and go there: only a rival is told
        heading = "TOTAL SERVICE EXPENDITURE (total of lines 190 to 700)"

    def add(sheets: Sheets) -> None:
        rows = cells(one)(sheets)
        width = len(rows[one.header - 1])
        rows[one.header - 1].append(heading)
        for row in rows[one.header :]:
            row.extend([""] * (width - len(row)) + ["1"])

    path = one.write(tmp_path, add)
    place = one.sheet or "line 1"
    if source == "mhclg_revenue_outturn":
        says(refusal(source, path), place, heading, "expected one column", "found 2")
        return
    says(refusal(source, path), place, "Novelty", "not there before" if one.sheet else "before")
    arguments = ["import", source, str(path), "--to", str(tmp_path / "tables"), "--accept-layout"]
    done = RUNNER.invoke(app, arguments)
    assert (done.exit_code, "accepted" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("source", PUBLICATIONS)
def test_a_missing_column(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    lost = str(one.sheets[one.sheet][one.header - 1][one.number[1]])

    def drop(sheets: Sheets) -> None:
        for row in cells(one)(sheets)[one.header - 1 :]:
            del row[one.number[1] : one.number[1] + 1]

    line = refusal(source, one.write(tmp_path, drop))
    says(line, one.file, one.sheet, "expected the column(s)", lost[:20], "; found ")
    says(line, f"row {one.header}" if one.sheet else "line 1")


@pytest.mark.parametrize("source", PUBLICATIONS)
def test_a_reworded_heading(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]

    def reword(sheets: Sheets) -> None:
        header = cells(one)(sheets)[one.header - 1]
        header[one.number[1]] = f"Amended {header[one.number[1]]}"

    line = refusal(source, one.write(tmp_path, reword))
    says(line, "expected the column(s) '", "restore the former one")
    if source != "mhclg_revenue_outturn":  # its ninety other headings vary by year
        says(
            line,
            f"Not seen before: 'Amended {one.sheets[one.sheet][one.header - 1][one.number[1]]}",
        )


@pytest.mark.parametrize("source", PUBLICATIONS)
def test_a_cell_that_is_no_figure(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    row, column = one.number

    def spoil(sheets: Sheets) -> None:
        cells(one)(sheets)[row - 1][column] = "12 (est.)"

    line = refusal(source, one.write(tmp_path, spoil))
    if one.sheet:
        says(line, one.sheet, f"{letter(column)}{row} '12 (est.)'")
    else:
        heading = str(one.sheets[""][0][column])
        at = row - 1 if one.file.endswith(".parquet") else row
        says(line, f"column '{heading}'", f"line {at} '12 (est.)'")


YEARS = {
    "defra_waste": 0,
    "defra_flytipping": 0,
    "dfe_lait": 2,
    "asc_explorer": 0,
    "ons_explore": 4,
}


@pytest.mark.parametrize("source", YEARS)
def test_a_year_that_is_none(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]

    def spoil(sheets: Sheets) -> None:
        cells(one)(sheets)[one.number[0] - 1][YEARS[source]] = "2015-18"

    says(refusal(source, one.write(tmp_path, spoil)), "'2015-18'")


CODES = {"defra_waste": 2, "defra_flytipping": 1, "mhclg_revenue_outturn": 1, "asc_explorer": 1}


@pytest.mark.parametrize("source", CODES)
def test_a_code_that_is_none(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]

    def spoil(sheets: Sheets) -> None:
        cells(one)(sheets)[one.number[0] - 1][CODES[source]] = "E0600001"

    says(refusal(source, one.write(tmp_path, spoil)), "'E0600001'", "not the code of an area")


@pytest.mark.parametrize("source", ["defra_waste", "mhclg_revenue_outturn", "asc_explorer"])
def test_a_figure_that_stands_twice(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    path = one.write(tmp_path)
    twin = path.with_name("revised" + path.suffix)
    twin.write_bytes(path.read_bytes())
    says(refusal(source, path, twin), path.name, twin.name, "more than once", "evallib revisions")


@pytest.mark.parametrize("source", ["asc_explorer", "dfe_lait"])
def test_a_measure_that_is_gone_or_means_something_else(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    name = "ASC6" if source == "asc_explorer" else "ReReferral"

    def drop(sheets: Sheets) -> None:
        sheets[""] = [row for row in sheets[""] if name not in row]

    says(refusal(source, one.write(tmp_path, drop)), f"expected the measure(s) {name}")


def test_a_measure_under_a_code_of_another(tmp_path: Path) -> None:
    one = PUBLICATIONS["asc_explorer"]

    def swap(sheets: Sheets) -> None:
        sheets[""][1][4] = "Outcome, Happiness"

    says(refusal(one.source, one.write(tmp_path, swap)), "line 2 'Outcome, Happiness'", "ASC2")


def test_a_share_that_is_published_as_per_cent(tmp_path: Path) -> None:
    one = PUBLICATIONS["defra_waste"]

    def rescale(sheets: Sheets) -> None:
        sheets[one.sheet][4][7] = 36.7

    says(refusal(one.source, one.write(tmp_path, rescale)), "H5 '36.7'", "not a fraction")


def test_a_name_that_no_council_has(tmp_path: Path) -> None:
    one = PUBLICATIONS["dfe_lait"]

    def rename(sheets: Sheets) -> None:
        sheets[""][1][3] = "Hartlepol"

    line = refusal(one.source, one.write(tmp_path, rename))
    says(line, "line 1 'Hartlepol'", "Did you mean 'hartlepool'?")


def test_a_grade_and_a_date_that_are_none(tmp_path: Path) -> None:
    one = PUBLICATIONS["ofsted_ilacs"]

    def date(sheets: Sheets) -> None:
        sheets[one.sheet][1][5] = "September"

    says(refusal(one.source, one.write(tmp_path, date)), "F2 'September'")


def test_e_codes_without_ons_codes(tmp_path: Path) -> None:
    one = PUBLICATIONS["mhclg_revenue_outturn"]

    def drop(sheets: Sheets) -> None:
        for row in sheets[one.sheet][one.header - 1 :]:
            del row[1]

    line = refusal(one.source, one.write(tmp_path, drop))
    says(line, "A8 E0101", "no ONS codes", "2014-15 or a later year")


def test_faults_of_all_files_come_together(tmp_path: Path) -> None:
    one = PUBLICATIONS["defra_waste"]
    good = one.write(tmp_path)
    arguments = ["import", one.source, str(good), str(tmp_path / "a.ods"), str(tmp_path / "b.ods")]
    done = RUNNER.invoke(app, [*arguments, "--to", str(tmp_path / "tables")])
    assert (done.exit_code, len(done.stderr.strip().splitlines())) == (2, 2)
    assert [path.name for path in tmp_path.iterdir()] == [good.name]


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("defra_wast", (), "Did you mean 'defra_waste'?"),
        ("defra_waste", ("--accessed", "last May"), "'last May' is not a date"),
    ],
)
def test_a_wrong_word_on_the_command_line(
    source: str, options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    path = PUBLICATIONS["defra_waste"].write(tmp_path)
    says(refusal(source, path, options=options), words)
