"""`evallib import --guess`: a block that loads once it is filled in, and nothing overwritten."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from own_tables import LONG, Rows, plan_of
from publication_files import write_csv, write_parquet, write_protected_xls, write_xlsx
from typer.testing import CliRunner

from evallib.cli import app
from evallib.panel import open_store
from evallib.panel.own import with_own_data
from evallib.panel.store import Store

RUNNER = CliRunner()
WIDE: Rows = [
    ["Residents' survey", "", "", ""],
    ["Made up", "", "", ""],
    ["Authority", "2015-16 % satisfied", "2016-17 % satisfied", "Region"],
    ["Leeds CC", 0.61, 0.62, "Yorkshire"],
    ["Newcastle", 0.55, "..", "?"],
    ["Bristol, City of", 0.45, 0.5, "South West"],
    ["Camden", 0.4, 0.41, "London"],
    ["England", 0.5, 0.5, ""],
]


def guess(*arguments: str) -> str:
    result = RUNNER.invoke(app, ["import", "--guess", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def block(text: str) -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(text)["own_data"][0]
    return table


def filled_in(folder: Path, table: dict[str, Any], **changes: Any) -> Store:
    text = yaml.safe_dump(table | changes).replace("polarity: CHANGE ME", "polarity: higher")
    text = text.replace("unit: CHANGE ME", "unit: visits").replace("CHANGE ME", "changed")
    return with_own_data(plan_of(folder, yaml.safe_load(text)), open_store())


def test_a_wide_sheet_with_titles_becomes_a_block_and_a_list_of_names(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "survey.xlsx", {"Notes": [["about"]], "Survey": WIDE})
    folder = tmp_path / "mine"
    said = guess(str(tmp_path / "survey.xlsx"), "--to", str(folder))
    table = block(said)
    assert table["sheet"] == "Survey" and table["header_row"] == 3
    assert table["council"] == "Authority" and table["leave_out"] == ["England"]
    assert table["missing"] == [".."]
    assert table["indicators"] == [
        {
            "column": "{year} % satisfied",
            "name": "satisfied_pct",
            "title": "% satisfied",
            "unit": "percent",
            "polarity": "CHANGE ME",
            "times": 100,
        }
    ]
    assert "3 councils matched, 1 names or codes doubtful" in said and "'Region'" in said
    written = sorted(path.name for path in folder.iterdir())
    assert written == ["survey_Survey.names.csv", "survey_Survey.own_data.yml"]
    names = (folder / written[0]).read_text().splitlines()
    assert names[0] == "name,code,rows,candidates" and names[1].startswith("Newcastle,,1,")
    assert block((folder / written[1]).read_text()) == table
    again = RUNNER.invoke(
        app, ["import", "--guess", str(tmp_path / "survey.xlsx"), "--to", str(folder)]
    )
    assert again.exit_code == 2 and again.stderr.count("is there already") == 2
    (folder / written[0]).write_text(
        "\n".join(names).replace("Newcastle,,", "Newcastle,E08000021,")
    )
    with (folder / written[0]).open("a") as file:
        file.write("\n")
    store = filled_in(tmp_path, table)
    figures = store.figures(["satisfied_pct"])
    assert len(figures) == 7 and figures["value"].between(40, 62).all()


def test_a_long_table_becomes_a_block(tmp_path: Path) -> None:
    for path in (
        write_csv(tmp_path / "a.csv", LONG),
        write_parquet(tmp_path / "a.parquet", [[str(cell) for cell in row] for row in LONG]),
    ):
        table = block(guess(str(path)))
        assert (table["council"], table["year"]) == ("Council", "Year")
        satisfied, visits = table["indicators"]
        assert (satisfied["unit"], visits["unit"]) == ("percent", "CHANGE ME")
        assert "times" not in satisfied
        assert len(filled_in(tmp_path, table).figures([visits["name"]])) == 3


def test_dates_become_a_register(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Date of visit"], ["Leeds", "04/05/2021"], ["Hull", "June 2021"]]
    table = block(guess(str(write_csv(tmp_path / "my visits.csv", rows))))
    assert table["register"] == "my_visits" and table["start_date"] == "Date of visit"
    assert len(filled_in(tmp_path, table).registers["my_visits"]) == 2


def test_dates_that_cannot_be_read_are_told_with_their_cells(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Date of visit"], ["Leeds", "05/14/2021"], ["Hull", "14/05/21"]]
    rows += [["Camden", "not known"], ["Derby", "June 2021"], ["England", ""]]
    said = guess(str(write_csv(tmp_path / "visits.csv", rows)))
    assert block(said)["start_date"] == "Date of visit"
    told = " ".join(said.replace("\n#   ", " ").split())
    for line, cell, problem in (
        (2, "05/14/2021", "the day is read first"),
        (3, "14/05/21", "two digits"),
        (4, "not known", "no date of a form that is read"),
    ):
        assert f"column 'Date of visit', line {line} '{cell}': cannot be read" in told
        assert problem in told
    assert told.count("4 May 2021, May 2021") == 3 and "years 2021 to 2021" in told


def test_marked_years_are_one_indicator_and_unknown_marks_are_told(tmp_path: Path) -> None:
    rows: Rows = [["Council", "2021-22", "2022-23 (p)", "2023-24 (x)"], ["Leeds", 1, 2, 3]]
    said = guess(str(write_csv(tmp_path / "a.csv", rows)))
    assert [one["column"] for one in block(said)["indicators"]] == ["{year}"]
    told = " ".join(said.replace("\n#   ", " ").split())
    assert "read as the year: '2022-23 (p)'" in told
    assert "headings '2023-24 (x)': the year has a mark that is not known" in told


def test_a_database_is_read_and_named_from_the_project(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as open_:
        open_.execute('CREATE TABLE "a b" (code TEXT, year TEXT, visits REAL)')
        open_.execute("INSERT INTO \"a b\" VALUES ('E08000035', '2015/16', 5)")
    open_.close()
    url = f"sqlite:///{tmp_path / 'a.db'}"
    table = block(guess(url))
    assert table["table"] == "a b" and table["database"] == url
    assert len(filled_in(tmp_path, table).figures(["visits"])) == 1
    result = RUNNER.invoke(app, ["import", "--guess", url, "--table", "b"])
    assert result.exit_code == 2 and "has no table 'b'" in result.stderr


def test_an_imported_publication_is_proposed_in_the_place_of_the_shipped_one(
    tmp_path: Path,
) -> None:
    rows: Rows = [["council_code", "fin_year", "indicator", "value"]]
    rows += [["E08000035", "2023/24", "recycling_rate_pct", 40.5]]
    table = block(guess(str(write_csv(tmp_path / "waste.csv", rows))))
    assert table["measure"] == "indicator"
    assert table["indicators"][0]["replaces"] is True
    assert table["indicators"][0]["unit"] == "percent"
    store = filled_in(tmp_path, table)
    assert len(store.figures(["recycling_rate_pct"])) == 1


def test_what_is_not_certain_is_refused_until_it_is_filled_in(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Year", "Visits"], ["Leeds", 2015, 5], ["Hull", 2016, 6]]
    table = block(guess(str(write_csv(tmp_path / "a.csv", rows))))
    with pytest.raises(Exception) as error:
        plan_of(tmp_path, table)
    said = str(error.value).splitlines()
    assert len(said) == 3
    for key in ("year_means", "unit", "polarity"):
        assert sum(f".{key}" in line for line in said) == 1, key


def test_headings_and_names_cannot_break_out_of_the_block(tmp_path: Path) -> None:
    evil = "x: !!python/object/apply:os.system ['touch broken'] # \u2028"
    rows: Rows = [["Council", "Year", evil], ["Leeds", "2015/16", 5], ["=1+1", "2015/16", 6]]
    rows += [["Hull", "2016/17", 7]]
    write_xlsx(tmp_path / "a.xlsx", {"R: #": rows})
    folder = tmp_path / "mine"
    table = block(guess(str(tmp_path / "a.xlsx"), "--to", str(folder)))
    assert table["indicators"][0]["column"].startswith("x: !!python")
    assert "\n'=1+1," in (folder / "a.names.csv").read_text()
    assert not list(tmp_path.rglob("broken"))


BAD = {
    "nothing to find": (lambda path: write_csv(path, [["a", "b"], ["1", "2"]]), "no column holds"),
    "no figures": (lambda path: write_csv(path, [["a"], ["Leeds"], ["Hull"]]), "no column of fig"),
    "a password": (lambda path: write_protected_xls(path, 1), "protected by a password"),
    "two sheets": (
        lambda path: write_xlsx(path, {"A": LONG, "B": LONG}),
        "2 of its 2 sheets hold councils and figures: 'A', 'B'",
    ),
    "no file": (lambda path: None, "does not exist"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files_end_with_2_and_write_nothing(tmp_path: Path, what: str) -> None:
    write, words = BAD[what]
    write(tmp_path / "a.bin")
    before = sorted(tmp_path.rglob("*"))
    arguments = ["import", "--guess", str(tmp_path / "a.bin"), "--to", str(tmp_path / "new")]
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2 and result.stdout == ""
    assert words in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments,words",
    [
        (["import"], "SOURCE"),
        (["import", "defra_waste", "a.ods"], "--to: is missing"),
        (["import", "defra_waste", "--guess", "a.csv"], "cannot stand beside --guess"),
        (["import", "defra_waste", "a.ods", "--to", "x", "--sheet", "R"], "is for --guess"),
    ],
)
def test_arguments_that_do_not_go_together(arguments: list[str], words: str) -> None:
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2 and words in result.stderr
