"""Bad tables of one's own: every problem of every table at once, one line each, no figure used."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from own_tables import (
    LONG,
    SATISFIED,
    VISITS,
    Rows,
    faults_of,
    long_table,
    one_fault,
    plan_of,
    write_plan,
)
from publication_files import (
    Formula,
    write_csv,
    write_ods,
    write_parquet,
    write_protected_xls,
    write_xlsx,
)

from evallib.errors import PlanError
from evallib.panel import open_store
from evallib.panel.own import with_own_data
from evallib.plan import load_plan

HEAD = ["Council", "Year", "% satisfied"]


def table_of(folder: Path, *rows: list[object]) -> dict[str, Any]:
    write_xlsx(folder / "a.xlsx", {"Results": [list(HEAD), *rows]})
    return long_table("a.xlsx")


CELLS: dict[str, tuple[Rows, tuple[str, ...]]] = {
    "a code that no council ever had": (
        [["E06000999", "2015/16", 50]],
        ("a.xlsx, sheet 'Results', column 'Council', A2", "'E06000999'", "no council ever had"),
    ),
    "a code of another form": ([["E2721", "2015/16", 50]], ("A2", "'E2721'", "no council's code")),
    "a doubtful name": (
        [["Newcastle", "2015/16", 50]],
        ("may be Newcastle upon Tyne (E08000021)", "Newcastle-under-Lyme", "never guessed"),
    ),
    "a name that contradicts its year": (
        [["Dorset Council", "2015/16", 50]],
        ("Dorset Council (E06000059)", "Dorset County (E10000009"),
    ),
    "no council": ([["England", "2015/16", 50]], ("'England' is no council", "leave_out")),
    "a name like none": ([["Gotham", "2015/16", 50]], ("is like no council's name", "names:")),
    "an empty council": ([["", "2015/16", 50]], ("column 'Council', A2", "is empty")),
    "financial and calendar years": (
        [["Leeds", "2015/16", 50], ["Leeds", 2016, 51]],
        ("financial years (B2 '2015/16')", "single years (B3 '2016')", "one column"),
    ),
    "single years without a meaning": (
        [["Leeds", 2016, 51]],
        ("B2 '2016'", "year_means", "2014/15"),
    ),
    "years that do not follow": ([["Leeds", "2015/17", 51]], ("B2 '2015/17'", "do not follow")),
    "a date in the year column": ([["Leeds", "01/04/2015", 51]], ("B2 '01/04/2015'", "a date")),
    "a serial number of a date": ([["Leeds", 42095, 51]], ("B2 '42095'", "no year")),
    "a mark behind a year that is not known": (
        [["Leeds", "2015/16 (x)", 51], ["Leeds", "2016/17 (p)", 51]],
        ("B2 '2015/16 (x)'", "the mark '(x)', which is not known", "[provisional]"),
    ),
    "shares and percentages": (
        [["Leeds", "2015/16", 0.51], ["Leeds", "2016/17", 52.0], ["Hackney", "2016/17", 60]],
        ("shares from 0 to 1 (C2 '0.51' (Leeds))", "C3 '52' (Leeds), C4", "one column"),
    ),
    "shares where percentages are meant": (
        [["Leeds", "2015/16", 0.51], ["Hackney", "2015/16", 0.6]],
        ("between 0 and 1", "C2 '0.51' (Leeds)", "times: 100"),
    ),
    "a percentage above 100": (
        [["Leeds", "2015/16", 104], ["Hackney", "2015/16", 60]],
        ("C2 '104' (Leeds)", "below 0 or above 100", "allow_outside"),
    ),
    "a mark that is not declared": (
        [["Leeds", "2015/16", ".."], ["Hackney", "2015/16", "n/a"]],
        ("C2 '..', C3 'n/a'", "not declared as missing", 'missing: ["..", "n/a"]'),
    ),
    "a decimal comma": ([["Leeds", "2015/16", "1.234,5"]], ("C2 '1.234,5'", "a comma")),
    "thousands in the wrong place": ([["Leeds", "2015/16", "12,34"]], ("C2 '12,34'",)),
    "a footnote": ([["Leeds", "2015/16", "61.5*"]], ("C2 '61.5*'", "is no figure")),
    "an error of the spreadsheet": ([["Leeds", "2015/16", "#DIV/0!"]], ("C2 '#DIV/0!'", "error")),
    "a huge number": (
        [["Leeds", "2015/16", "1234567890123456789012"]],
        ("C2", "without losing digits"),
    ),
    "one council under two names": (
        [["Bristol", "2015/16", 50], ["City of Bristol", "2015-16", 50]],
        ("satisfied_pct of E06000023 in 2015/16: C2 'Bristol' and C3 'City of Bristol'", "once"),
    ),
    "an old and a new code": (
        [["E06000048", "2015/16", 50], ["Northumberland", "2015/16", 51]],
        ("E06000057 in 2015/16: C2 'E06000048' and C3 'Northumberland'",),
    ),
    "a formula without a result": ([["Leeds", "2015/16", Formula()]], ("cells C2", "formula")),
}


@pytest.mark.parametrize("what", CELLS)
def test_a_bad_cell_is_told_with_its_place(tmp_path: Path, what: str) -> None:
    rows, words = CELLS[what]
    said = one_fault(tmp_path, table_of(tmp_path, *rows))
    assert all(word in said for word in words), said


HEADINGS: dict[str, tuple[list[object], dict[str, Any], tuple[str, ...]]] = {
    "an unknown mark": (
        ["2015/16", "2016/17 (p)", "2017/18 [b]"],
        {},
        ("a.xlsx, sheet 'Results', headings '2017/18 [b]'", "not known ('[b]')", "(p)"),
    ),
    "one year twice": (
        ["2015/16", "2016/17", "2016-17 (r)"],
        {},
        ("headings '2016/17' and '2016-17 (r)'", "same year", "two figures"),
    ),
    "financial years called calendar years": (
        ["2014-15", "2015-16 (p)", "2016-17"],
        {"year_means": "calendar year"},
        ("headings, '2014-15', '2015-16 (p)', '2016-17'", "financial years", "period_basis"),
    ),
}


@pytest.mark.parametrize("what", HEADINGS)
def test_bad_years_in_headings_are_told_with_their_heading(tmp_path: Path, what: str) -> None:
    years, keys, words = HEADINGS[what]
    rows: Rows = [["Council", *years], ["Leeds", 51, 52, 53], ["Hackney", 61, 62, 63]]
    write_xlsx(tmp_path / "a.xlsx", {"Results": rows})
    table = long_table("a.xlsx", year=None, **keys)
    table["indicators"] = [SATISFIED | {"column": "{year}"}]
    said = one_fault(tmp_path, table)
    assert all(word in said for word in words), said


def test_financial_years_in_a_column_are_no_calendar_years(tmp_path: Path) -> None:
    table = table_of(tmp_path, ["Leeds", "2015/16", 51]) | {"year_means": "calendar year"}
    said = one_fault(tmp_path, table)
    assert "column 'Year', B2 '2015/16'" in said and "January to March" in said


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("05/14/2017", "the day is read first"),
        ("14/05/17", "two digits"),
        ("May-17", "two digits"),
        ("not known", "no date of a form that is read"),
        ("2017/18 (p)", "a mark behind it"),
        ("2017/19", "do not follow"),
    ],
)
def test_a_date_that_cannot_be_read_is_told_with_its_cell(
    tmp_path: Path, cell: str, said: str
) -> None:
    write_csv(tmp_path / "v.csv", [["Council", "When"], ["Leeds", "14-05-2017"], ["Hull", cell]])
    table = {"file": "v.csv", "council": "Council", "register": "my_visits", "kind": "visit"}
    told = one_fault(tmp_path, table | {"start_date": "When"})
    assert f"column 'When', line 3 '{cell}'" in told and said in told and "4 May 2021" in told


def test_an_event_to_come_is_told_with_the_heading_of_the_table(tmp_path: Path) -> None:
    rows: Rows = [["Council", "When", "What"]]
    rows += [[name, "04/05/2017", "visit"] for name in ("Leeds", "Hull", "Derby", "Luton")]
    write_csv(tmp_path / "v.csv", [*rows, ["Hackney", "04/05/2098", "vist"]])
    table = {"file": "v.csv", "council": "Council", "register": "my_visits", "kind_column": "What"}
    table |= {"start_date": "When"}
    said = one_fault(tmp_path, table)
    assert "v.csv, column 'When', line 6 council E09000012" in said and "after today" in said
    write_csv(tmp_path / "v.csv", [*rows, ["Hackney", "04/05/2018", "vist"]])
    notes = with_own_data(plan_of(tmp_path, table), open_store()).notes
    assert any("'vist' stands in 1 row; is 'visit' meant, which stands in 4?" in n for n in notes)


def test_a_unit_without_per_cent_refuses_the_sign(tmp_path: Path) -> None:
    table = table_of(tmp_path, ["Leeds", "2015/16", "5%"])
    table["indicators"] = [VISITS | {"column": "% satisfied"}]
    assert "the unit is not percent" in one_fault(tmp_path, table)


def test_every_problem_of_every_table_comes_at_once(tmp_path: Path) -> None:
    first = table_of(
        tmp_path, ["Leeds", "2015/16", "x"], ["Gotham", "2015/16", 50], ["Hackney", "2015", 51]
    )
    write_csv(tmp_path / "visits.csv", [["Council", "When"], ["Leeds", "31/02/2021"]])
    second = {"file": "visits.csv", "council": "Councl", "register": "my_visits"}
    second |= {"kind": "visit", "start_date": "When"}
    third = long_table("no.csv", indicators=[VISITS | {"denominator": "dweling_count"}])
    said = [str(fault) for fault in faults_of(tmp_path, first, second, third)]
    assert len(said) == 6
    for word in ("not declared", "Gotham", "one column", "no column 'Councl'", "no file no.csv"):
        assert sum(word in line for line in said) == 1, word
    assert any("own_data[2].indicators[0].denominator" in line for line in said)


FILES: dict[str, tuple[Callable[[Path], object], dict[str, Any], tuple[str, ...]]] = {
    "a password": (
        lambda path: write_protected_xls(path, 1),
        {},
        ("protected by a password", "save it without one"),
    ),
    "an encrypted sheet": (
        lambda path: write_ods(path, {"Results": LONG}, encrypted=True),
        {},
        ("protected by a password",),
    ),
    "cut off": (
        lambda path: path.write_bytes(write_xlsx(path, {"Results": LONG}).read_bytes()[:900]),
        {},
        ("damaged or cut off",),
    ),
    "text that is cut off": (
        lambda path: path.write_bytes(write_csv(path, LONG).read_bytes()[:-5]),
        {},
        ("cut off", "line 5"),
    ),
    "Parquet that is not": (lambda path: path.write_bytes(b"PAR1" * 9), {}, ("as Parquet",)),
    "a web page": (lambda path: path.write_text("<html>"), {}, ("web page",)),
    "nothing": (lambda path: path.write_text(""), {}, ("is empty",)),
    "another encoding": (
        lambda path: path.write_bytes(
            "Council,Year,% satisfied\nM\xf4n,2015/16,1\n".encode("cp1252")
        ),
        {},
        ("line 2", "UTF-8"),
    ),
    "semicolons": (
        lambda path: path.write_text("Council;Year;% satisfied\nLeeds;2015/16;5\n"),
        {},
        ("separated by semicolons", "line 1"),
    ),
    "an empty sheet": (lambda path: write_xlsx(path, {"Results": [[]]}), {}, ("is empty",)),
    "headings alone": (lambda path: write_xlsx(path, {"R": [HEAD]}), {}, ("no rows below them",)),
    "another sheet": (
        lambda path: write_xlsx(path, {"Results": LONG, "Notes": [["x"]]}),
        {"sheet": "Result"},
        ("no sheet 'Result'", "Did you mean 'Results'?"),
    ),
    "two sheets": (
        lambda path: write_xlsx(path, {"Results": LONG, "Notes": [["x"]]}),
        {},
        ("has 2 sheets: 'Results', 'Notes'", "sheet:"),
    ),
    "merged headings": (
        lambda path: write_xlsx(path, {"R": LONG}, merged=["B1:C1"]),
        {},
        ("cells B1:C1", "are merged"),
    ),
    "merged councils": (
        lambda path: write_xlsx(path, {"R": LONG}, merged=["A2:A3"]),
        {},
        ("cells A2:A3", "are merged"),
    ),
    "a heading that is misspelt": (
        lambda path: write_xlsx(path, {"R": [["Council", "Year", "% satsfied"], *LONG[1:]]}),
        {},
        ("no column '% satisfied'", "Did you mean '% satsfied'?", "indicators[0].column"),
    ),
    "a heading that stands twice": (
        lambda path: write_xlsx(path, {"R": [[*HEAD, "% Satisfied"], *LONG[1:]]}),
        {},
        ("2 columns have the heading", "C and D"),
    ),
    "no such year in the headings": (
        lambda path: write_xlsx(path, {"R": LONG}),
        {"year": None, "indicators": [SATISFIED | {"column": "% {year}"}]},
        ("no heading is '% {year}' with a year", "Visits"),
    ),
    "a sheet of a text file": (
        lambda path: write_csv(path, LONG),
        {"sheet": "R"},
        ("no workbook",),
    ),
    "no such file": (lambda path: None, {}, ("own_data[0].file", "there is no file")),
    "a names file with a wrong code": (
        lambda path: (
            write_csv(path, LONG),
            write_csv(path.with_name("names.csv"), [["name", "code"], ["Leeds", "E06000999"]]),
        ),
        {"names": "names.csv"},
        ("names.csv, line 2", "'E06000999'"),
    ),
    "a names file without the column": (
        lambda path: (
            write_csv(path, LONG),
            write_csv(path.with_name("names.csv"), [["nmae", "code"], ["Leeds", "E08000035"]]),
        ),
        {"names": "names.csv"},
        ("no column name", "Did you mean 'nmae'?"),
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_bad_file_gets_one_message(tmp_path: Path, what: str) -> None:
    write, keys, words = FILES[what]
    write(tmp_path / "a.bin")
    said = one_fault(tmp_path, long_table("a.bin", **keys))
    assert all(word in said for word in words), said


def test_dates_in_cells_of_years_figures_and_events(tmp_path: Path) -> None:
    rows: Rows = [["Leeds", date(2015, 4, 1), "1"], ["Hackney", date(2016, 4, 1), "2"]]
    write_parquet(tmp_path / "a.parquet", [HEAD, *rows])
    assert "is a date, not a year" in one_fault(tmp_path, long_table("a.parquet"))
    write_parquet(tmp_path / "a.parquet", [HEAD, ["Leeds", "2015/16", date(2015, 4, 1)]])
    assert "is a date or a time" in one_fault(tmp_path, long_table("a.parquet"))
    frame = pd.DataFrame({"Council": ["Leeds"], "Year": ["2015/16"], "% satisfied": [2**62]})
    frame.to_parquet(tmp_path / "a.parquet")
    assert "without losing digits" in one_fault(tmp_path, long_table("a.parquet"))
    frame["% satisfied"] = True
    frame.to_parquet(tmp_path / "a.parquet")
    assert "is yes or no" in one_fault(tmp_path, long_table("a.parquet"))


EVENTS: dict[str, tuple[Rows, dict[str, Any], tuple[str, ...]]] = {
    "no date": ([["Leeds", "soon"]], {}, ("line 2 'soon'", "cannot be read as a date")),
    "a month that is none": ([["Leeds", "03/14/2021"]], {}, ("the day is read first",)),
    "an empty date": ([["Leeds", ""]], {}, ("line 2", "an empty cell")),
    "ends first": ([["Leeds", "2021-05-04", "2021-04"]], {"end_date": "End"}, ("ends before",)),
    "a confidence": (
        [["Leeds", "2021", "sure"]],
        {"confidence": "End"},
        ("'sure'", "low, medium, high"),
    ),
    "a council": ([["Gotham", "2021"]], {}, ("'Gotham'", "no council's name")),
}


@pytest.mark.parametrize("what", EVENTS)
def test_a_bad_event_is_told_with_its_place(tmp_path: Path, what: str) -> None:
    rows, keys, words = EVENTS[what]
    rows = [["Council", "When", "End"], *([*row, ""][:3] for row in rows)]
    write_csv(tmp_path / "visits.csv", rows)
    table = {"file": "visits.csv", "council": "Council", "register": "my_visits"}
    said = one_fault(tmp_path, table | {"kind": "visit", "start_date": "When"} | keys)
    assert all(word in said for word in words), said


def database(folder: Path) -> dict[str, Any]:
    with duckdb.connect(str(folder / "a.duckdb")) as open_:
        open_.execute("CREATE TABLE results (Council TEXT, Year TEXT, x INTEGER)")
        open_.execute("INSERT INTO results VALUES ('Leeds', '2015/16', 5)")
        (folder / "outside.csv").write_text("x\n5\n")
        view = (
            "CREATE VIEW outside AS SELECT 'Leeds' AS Council, '2015/16' AS \"Year\", x AS "
            "\"% satisfied\" FROM read_csv('outside.csv')"
        )
        open_.execute(view.replace("outside.csv", str(folder / "outside.csv")))
    with sqlite3.connect(folder / "a.db") as other:
        other.execute("CREATE TABLE results (Council TEXT, Year TEXT, x INTEGER)")
    (folder / "text.duckdb").write_text("not a database, " * 400)
    return long_table("", file=None, table="results", database="duckdb:///a.duckdb")


DATABASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "no such column": ({}, ("no column '% satisfied'", "it has: Council, Year, x")),
    "no such table": ({"table": "result"}, ("no table 'result'", "Did you mean 'results'?")),
    "an injection": (
        {"table": 'results"; DROP TABLE results; --'},
        ("no table", "it has: ", "results"),
    ),
    "an injection into SQLite": (
        {"table": "results; DROP TABLE results", "database": "sqlite:///a.db"},
        ("no table", "results"),
    ),
    "a schema of that name": ({"table_schema": 'x"; DROP'}, ("no table 'results'",)),
    "an empty table": ({"database": "sqlite:///a.db"}, ("has no rows",)),
    "a view on a file": ({"table": "outside"}, ("cannot be read",)),
    "no such file": ({"database": "duckdb:///b.duckdb"}, ("no database file b.duckdb",)),
    "no database": ({"database": "duckdb:///text.duckdb"}, ("cannot be read",)),
    "no SQLite": ({"database": "sqlite:///text.duckdb"}, ("cannot be read",)),
    "memory": ({"database": "duckdb:///:memory:"}, ("names no file",)),
    "another dialect": ({"database": "excel://host/db"}, ("no kind of database",)),
    "no driver": ({"database": "postgresql://host/db"}, ("driver", "not installed")),
    "an unset name": ({"database": "env:NO_SUCH_NAME"}, ("the environment has no NO_SUCH_NAME",)),
}


@pytest.mark.parametrize("what", DATABASES)
def test_a_bad_database_gets_one_message(tmp_path: Path, what: str) -> None:
    keys, words = DATABASES[what]
    said = one_fault(tmp_path, database(tmp_path) | keys)
    assert all(word in said for word in words), said
    with duckdb.connect(str(tmp_path / "a.duckdb"), read_only=True) as open_:
        assert open_.execute("SELECT count(*) FROM results").fetchall() == [(1,)]
    with sqlite3.connect(tmp_path / "a.db") as other:
        assert other.execute("SELECT count(*) FROM results").fetchall() == [(0,)]


def test_a_password_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "mysql+nodriver://ann:s3cret@db.example/x?ssl_key=k3y"
    monkeypatch.setenv("MY_TABLES", url)
    table = database(tmp_path) | {"database": "env:MY_TABLES"}
    said = one_fault(tmp_path, table)
    assert "s3cret" not in said and "k3y" not in said and "env:MY_TABLES" in said
    for bad in (url, "postgresql://db/x?password=s3cret"):
        with pytest.raises(PlanError) as error:
            plan_of(tmp_path, table | {"database": bad})
        assert "holds a password" in str(error.value) and "s3cret" not in str(error.value)


NAMES: dict[str, tuple[dict[str, Any], str]] = {
    "a shipped indicator": ({"name": "recycling_rate_pct"}, "replaces: true"),
    "replaces none": ({"replaces": True}, "is no indicator of data/raw"),
    "a basis that is unknown": ({"period_basis": "some time"}, "not a period that is known"),
}


@pytest.mark.parametrize("what", NAMES)
def test_what_the_mapping_says_is_held_against_the_tables(tmp_path: Path, what: str) -> None:
    changes, words = NAMES[what]
    table = table_of(tmp_path, ["Leeds", "2015/16", 50])
    said = one_fault(tmp_path, table | {"indicators": [SATISFIED | changes]})
    assert words in said and "own_data[0].indicators[0]" in said


def test_a_calendar_year_cannot_have_the_basis_of_a_financial_one(tmp_path: Path) -> None:
    table = table_of(tmp_path, ["Leeds", 2015, 50]) | {"year_means": "calendar year"}
    table["indicators"] = [SATISFIED | {"period_basis": "financial year"}]
    assert "year_means says calendar year" in one_fault(tmp_path, table)


RULES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "file and database": ({"database": "sqlite:///a.db"}, ("either file or database",)),
    "neither": ({"file": None}, ("either file or database",)),
    "a table of a file": ({"table": "x"}, ("own_data[0].table", "key of databases")),
    "no table": ({"file": None, "database": "sqlite:///a.db"}, ("names no table",)),
    "no indicators": ({"indicators": None}, ("either indicators or a register",)),
    "both kinds": ({"register": "mine"}, ("not both",)),
    "no year": ({"year": None}, ("names no year column", "{year}")),
    "two years": (
        {"indicators": [SATISFIED | {"column": "a {year}"}]},
        ("own_data[0].year", "although headings hold {year}"),
    ),
    "a measure without its column": (
        {"indicators": [SATISFIED | {"measure": "x"}]},
        ("own_data[0].indicators[0].measure", "no measure column"),
    ),
    "one name twice": (
        {"indicators": [SATISFIED, SATISFIED | {"column": "b"}]},
        ("two indicators",),
    ),
    "a date of figures": ({"start_date": "When"}, ("own_data[0].start_date",)),
    "a register without a date": (
        {"indicators": None, "year": None, "register": "mine", "kind": "visit"},
        ("names no start_date",),
    ),
    "a unit to be changed": (
        {"indicators": [SATISFIED | {"unit": "CHANGE ME"}]},
        ("own_data[0].indicators[0].unit", "still says CHANGE ME"),
    ),
    "a polarity to be changed": (
        {"indicators": [SATISFIED | {"polarity": "CHANGE ME"}]},
        ("polarity", "higher, lower, none"),
    ),
    "a key that is misspelt": ({"leaveout": ["x"]}, ("own_data[0].leaveout", "'leave_out'")),
    "a key of an indicator that is misspelt": (
        {"indicators": [SATISFIED | {"polarty": "higher"}]},
        ("own_data[0].indicators[0].polarty", "'polarity'"),
    ),
}


@pytest.mark.parametrize("what", RULES)
def test_a_mapping_that_makes_no_sense_is_told_with_its_line(tmp_path: Path, what: str) -> None:
    changes, words = RULES[what]
    path = write_plan(tmp_path, long_table("a.csv", **changes))
    with pytest.raises(PlanError) as error:
        load_plan(path)
    said = [str(fault) for fault in error.value.faults]
    assert len(said) == 1, said
    assert "mine.yml line " in said[0]
    assert all(word in said[0] for word in words), said


def test_a_register_must_not_take_a_shipped_name(tmp_path: Path) -> None:
    write_csv(tmp_path / "visits.csv", [["Council", "When"], ["Leeds", "2021"]])
    table = {"file": "visits.csv", "council": "Council", "register": "peer_challenges"}
    said = one_fault(tmp_path, table | {"kind": "cpc", "start_date": "When"})
    assert "is a register of data/raw" in said


def test_a_plan_without_own_data_leaves_the_store_alone() -> None:
    store = open_store()
    assert with_own_data(load_plan("peer_challenge"), store) is store
