"""The commands on registers: what they write, what they refuse, and what would change."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from evallib.cli import app
from evallib.panel import schemas

RUNNER = CliRunner()
RAW = Path(__file__).parents[1] / "data" / "raw"
SOURCE = {"source_title": "Council page"}


def invoke(*arguments: str) -> Result:
    return RUNNER.invoke(app, list(arguments))


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gaps") / "gaps.csv"
    told = invoke("register-gaps", "peer_challenge", "--to", str(path))
    assert told.exit_code == 0, told.output
    assert "154 councils whose exposure peer_challenge does not know" in told.output
    return path


@pytest.fixture
def filled(blank: Path, tmp_path: Path) -> Callable[..., Path]:
    def fill(answers: dict[str, dict[str, str]]) -> Path:
        rows = pd.read_csv(blank, dtype=str, keep_default_na=False)
        for council, cells in answers.items():
            at = rows.index[rows["council_name"] == council]
            assert len(at) == 1, council
            for column, cell in cells.items():
                rows.loc[at, column] = cell
        path = tmp_path / "filled.csv"
        rows.to_csv(path, index=False)
        return path

    return fill


def test_the_list_opens_in_a_spreadsheet(blank: Path) -> None:
    data = blank.read_bytes()
    rows = list(csv.DictReader(data.decode("utf-8").splitlines()))
    assert [row["order"] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
    worth = [float(row["narrows_pct"]) for row in rows if row["outcomes"] != "0"]
    assert worth == sorted(worth, reverse=True)
    assert {row["answer"] for row in rows} == {""}
    assert {row["kind"] for row in rows} == {"cpc"}
    swale = next(row for row in rows if row["council_name"] == "Swale")
    assert swale["known_now"].startswith("corporate peer challenge of 2023-01 to 2023-12")
    assert swale["question"] == (
        "In which month was the corporate peer challenge between 1 January 2023 and "
        "31 December 2023, and which source says so?"
    )
    suffolk = next(row for row in rows if row["council_name"] == "Suffolk")
    assert "31 March 2025 or later settles it" in suffolk["question"]
    assert suffolk["asked_from"] == "2021-04-01"


def test_formulas_are_neutralised_and_numbers_are_not(tmp_path: Path) -> None:
    from evallib.run.register_gaps import write_gaps

    path = tmp_path / "list.csv"
    write_gaps(pd.DataFrame({"council": ["=1+1"], "narrows_pct": [-0.35]}), path)
    assert path.read_text(encoding="utf-8") == "council,narrows_pct\n'=1+1,-0.35\n"


def test_answers_become_rows_and_say_what_changes(
    filled: Callable[..., Path], tmp_path: Path
) -> None:
    path = filled(
        {
            "Suffolk": {"answer": "none", "start_date": "2025-05-31", **SOURCE},
            "Surrey": {"answer": "had one", "start_date": "2022-03", **SOURCE},
            "Swale": {"answer": "Had  one", "start_date": "2023-06-12", **SOURCE},
            "Hampshire": {"answer": "not found"},
        }
    )
    rows = tmp_path / "rows.csv"
    told = invoke("register-check", str(path), "--plan", "peer_challenge", "--to", str(rows))
    assert told.exit_code == 0, told.output
    assert "2 had one, 1 none by a date, 1 not found, 150 not filled in: no fault" in told.output
    assert "Swale: 2023-06-12 dates the event that is on file as 2023" in told.output
    assert "3 councils become known" in told.output
    assert "Suffolk: none by the last year" in told.output
    assert "Surrey: first event in the studied years, 2021/22" in told.output
    written = pd.read_csv(rows, dtype=str, keep_default_na=False)
    assert list(written.columns) == list(schemas.REGISTER.columns)
    by_name = written.set_index("council_name")
    assert by_name.loc["Suffolk", ["kind", "start_date", "end_date", "note"]].tolist() == [
        *("none_between", "2021-04-01", "2025-05-31", "none of: cpc")
    ]
    assert by_name.loc["Surrey", ["date_precision", "end_status"]].tolist() == [
        *("month", "point_event")
    ]
    # the rows that were written are themselves rows for the register
    again = invoke("register-check", str(rows))
    assert again.exit_code == 0
    assert "3 rows, 0 of them on file as they are: no fault" in again.output


FAULTS = {
    "Kent": ({"answer": "none", **SOURCE}, "the answer is none and there is no date"),
    "Essex": ({"answer": "hadone", "start_date": "2022-01", **SOURCE}, "Did you mean 'had one'?"),
    "Devon": ({"answer": "had one", "start_date": "2022-13", **SOURCE}, "not a date of the"),
    "Norfolk": ({"answer": "had one", "start_date": "2022-03"}, "no source is given"),
    "Oxfordshire": ({"start_date": "2022-03", **SOURCE}, "a date or a source and no answer"),
    "Staffordshire": ({"answer": "had one", "start_date": "2094-03", **SOURCE}, "after today"),
    "Leicestershire": (
        {"answer": "had one", "start_date": "2022-03", **SOURCE},
        "Leicestershire has none by 2024-05-16 but one dated 2022-03 (line ",
    ),
    "Lancaster": ({"answer": "had one", "start_date": "2024", **SOURCE}, "is on file already"),
    "Nottinghamshire": (
        {"answer": "had one", "kind": "cpcc", "start_date": "2022-03", **SOURCE},
        "Did you mean 'cpc'?",
    ),
    "West Sussex": (
        {"answer": "had one", "start_date": "2022-03", "note": "joint with East Sussx", **SOURCE},
        "'East Sussx', which is no council",
    ),
    "Cumberland": (
        {"answer": "had one", "start_date": "2022-03", **SOURCE},
        "the event lies before the council began",
    ),
    "Lincolnshire": (
        {"answer": "had one", "council_name": "Lincoln", "start_date": "2022-03", **SOURCE},
        "E10000019 is Lincolnshire",
    ),
    "Cornwall": (
        {"answer": "had one", "start_date": "2022-03-04", "date_precision": "weekly", **SOURCE},
        "'weekly' is not one of day, month",
    ),
}


def test_every_fault_is_told_at_once_and_nothing_is_written(
    filled: Callable[..., Path], tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    path = filled({council: cells for council, (cells, _) in FAULTS.items()})
    told = invoke("register-check", str(path), "--to", str(rows))
    assert told.exit_code == 2
    assert not rows.exists()
    lines = told.output.strip().splitlines()
    assert len(lines) == len(FAULTS)
    for council, (_, said) in FAULTS.items():
        assert sum(said in line for line in lines) == 1, council
    assert all(str(path) in line and ", line " in line for line in lines)


def test_none_contradicts_a_row_on_file(filled: Callable[..., Path]) -> None:
    path = filled({"Greenwich": {"answer": "none", "start_date": "2025-03-31", **SOURCE}})
    told = invoke("register-check", str(path))
    assert told.exit_code == 2
    assert "Greenwich has none by 2025-03-31 but one dated 2023 (line " in told.output


def test_a_copy_of_the_register_with_a_new_row(tmp_path: Path) -> None:
    text = (RAW / "peer_challenges.csv").read_text(encoding="utf-8")
    new = "E10000029,Suffolk,cpc,2023-02-06,day,,point_event,high,Council page,,\n"
    copy = tmp_path / "peer_challenges.csv"
    copy.write_text(text + new, encoding="utf-8")
    told = invoke("register-check", str(copy), "--plan", "peer_challenge")
    assert told.exit_code == 0, told.output
    assert "516 rows, 515 of them on file as they are: no fault" in told.output
    assert "Suffolk: first event in the studied years, 2022/23" in told.output
    copy.write_text(text + new + new, encoding="utf-8")
    twice = invoke("register-check", str(copy))
    assert twice.exit_code == 2
    assert "the same event stands above (line 517)" in twice.output
    assert "at most 31 days apart" in twice.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["register-gaps", "peer_challenges"], "Did you mean"),
        (["register-gaps", "peer_challenge", "--to", "data/raw/new.csv"], "lies in data/raw"),
        (["register-check", "no_such_file.csv"], "the file does not exist"),
        (["register-check", "data/raw/councils.csv"], "data/raw/councils.csv"),
    ],
)
def test_bad_input_is_told_in_a_line(arguments: list[str], said: str) -> None:
    told = invoke(*arguments)
    assert told.exit_code == 2
    assert said in told.output
    assert "Traceback" not in told.output


def test_a_list_that_was_filled_is_not_overwritten(filled: Callable[..., Path]) -> None:
    path = filled({"Hampshire": {"answer": "not found"}})
    told = invoke("register-gaps", "peer_challenge", "--to", str(path))
    assert told.exit_code == 2
    assert "is there already and differs" in told.output
