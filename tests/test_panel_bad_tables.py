"""A table that is wrong gives one line a fault that names the place and the remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evallib.errors import DataError, PlanError
from evallib.panel import build_panel, load_store

RAW = Path(__file__).parents[1] / "data" / "raw"
WASTE = "outcomes/waste.csv"
CHILDREN = "outcomes/childrens_services.csv"


def replace(file: str, old: str, new: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}: the case tests nothing"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return mutate


def append(file: str, line: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    return mutate


def cut(file: str, by: int) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        data = (folder / file).read_bytes()
        (folder / file).write_bytes(data[:-by])

    return mutate


def insert_bytes(file: str, what: bytes) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        data = (folder / file).read_bytes()
        middle = data.index(b"\n", len(data) // 2) + 1
        (folder / file).write_bytes(data[:middle] + what + data[middle:])

    return mutate


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


CASES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "missing column": (
        replace(
            CHILDREN, "council_code,fin_year,indicator,value", "council_code,year,indicator,value"
        ),
        [CHILDREN, "column fin_year", "is missing"],
    ),
    "misspelt column": (
        replace(CHILDREN, "council_code,fin_year", "council_cod,fin_year"),
        ["column council_code", "Did you mean 'council_cod'?"],
    ),
    "duplicate council-year": (
        append(CHILDREN, "E06000001,2015/16,assessments_within_45_days_pct,89.2"),
        [CHILDREN, "E06000001", "2015/16", "stands more than once", "Keep one row"],
    ),
    "code that never existed": (
        append(CHILDREN, "E06099999,2015/16,assessments_within_45_days_pct,89.2"),
        [CHILDREN, "E06099999", "council_code", "code_changes.csv"],
    ),
    "malformed code": (
        append(CHILDREN, "Hartlepool,2015/16,assessments_within_45_days_pct,89.2"),
        [CHILDREN, "'Hartlepool' is not a council code"],
    ),
    "n/a in a number": (
        append(CHILDREN, "E06000001,2014/15,assessments_within_45_days_pct,n/a"),
        [CHILDREN, "column value", "council E06000001 year 2014/15", "'n/a' is not a number"],
    ),
    "infinite number": (
        append(CHILDREN, "E06000001,2014/15,assessments_within_45_days_pct,inf"),
        ["column value", "'inf' is not a number"],
    ),
    "thousands separator": (
        append(CHILDREN, 'E06000001,2014/15,assessments_within_45_days_pct,"1,234"'),
        ["'1,234' is not a number"],
    ),
    "empty figure": (
        append(CHILDREN, "E06000001,2014/15,assessments_within_45_days_pct,"),
        ["column value", "is empty"],
    ),
    "year that is none": (
        append(CHILDREN, "E06000001,2015/17,assessments_within_45_days_pct,89.2"),
        ["column fin_year", "2015/17 is not a financial year"],
    ),
    "indicator without a description": (
        append(CHILDREN, "E06000001,2015/16,happiness_pct,89.2"),
        ["column indicator", "happiness_pct", "indicators.csv"],
    ),
    "not UTF-8": (insert_bytes(WASTE, b"E06000001,2015/16,caf\xe9,1\n"), [WASTE, "not UTF-8"]),
    "NUL bytes": (insert_bytes(WASTE, b"\0\0\0"), [WASTE, "NUL"]),
    "cut off in a row": (cut(WASTE, 12), [WASTE, "cut off"]),
    "cut off in the last figure": (cut(WASTE, 2), [WASTE, "cut off"]),
    "unfinished quote": (append(WASTE, 'E06000001,2015/16,"landfill'), [WASTE, "cut off"]),
    "too many cells": (insert_bytes(WASTE, b"E06000001,2015/16,x,1,2\n"), ["number of cells"]),
    "missing file": (remove("councils.csv"), ["councils.csv", "does not exist"]),
    "correction that matches no row": (
        append(
            "corrections.csv",
            f"{WASTE},E06000001,1999/00,recycling_rate_pct,value,1,2,made up for the test",
        ),
        ["corrections.csv", "E06000001 1999/00", "match no row"],
    ),
    "correction of a figure that was revised": (
        replace(
            CHILDREN,
            "E08000017,2022/23,child_protection_reviews_in_time_pct,0",
            "E08000017,2022/23,child_protection_reviews_in_time_pct,88",
        ),
        ["corrections.csv", "E08000017 2022/23", "published 0, file 88"],
    ),
    "correction of a table that is not there": (
        append("corrections.csv", "outcomes/roads.csv,E06000001,2015/16,x,value,1,2,none"),
        ["corrections.csv", "outcomes/roads.csv is not a table"],
    ),
    "event on a day that does not exist": (
        replace("peer_challenges.csv", "2022-03-14,day", "2022-02-30,day"),
        ["peer_challenges.csv", "2022-02-30 is not a date"],
    ),
    "date coarser than said": (
        replace("peer_challenges.csv", "2022-03-14,day", "2022-03,day"),
        ["peer_challenges.csv", "coarser than its date_precision"],
    ),
    "confidence that is none": (
        replace("peer_challenges.csv", ",point_event,high,", ",point_event,sure,"),
        ["column confidence", "'sure' is not one of low, medium, high"],
    ),
    "period that is not known": (
        replace("indicators.csv", ",year to 31 March,", ",school year,"),
        ["indicators.csv", "'school year' is not a period that is known"],
    ),
    "retired code beside the current one": (
        append(CHILDREN, "E08000038,2015/16,assessments_within_45_days_pct,89.2"),
        [CHILDREN, "E08000038", "stand twice", "followed"],
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RAW, tmp_path / "mine"))


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_fault_is_told_with_place_and_remedy(name: str, folder: Path) -> None:
    mutate, expected = CASES[name]
    mutate(folder)
    with pytest.raises(DataError) as caught:
        load_store(folder, strict=False, label="mine")
    lines = str(caught.value).splitlines()
    assert any(all(word in line for word in expected) for line in lines), lines
    assert all(line.startswith("mine/") for line in lines)


def test_two_faults_in_two_files_give_two_lines(folder: Path) -> None:
    append(CHILDREN, "E06000001,2014/15,assessments_within_45_days_pct,n/a")(folder)
    append("population.csv", "E06000001,2050,many")(folder)
    with pytest.raises(DataError) as caught:
        load_store(folder, strict=False, label="mine")
    assert len(str(caught.value).splitlines()) == 2


def test_two_kinds_of_fault_in_one_file_give_two_lines(folder: Path) -> None:
    append(CHILDREN, "E06099999,2014/15,assessments_within_45_days_pct,89.2")(folder)
    append(CHILDREN, "E06000001,2014/15,assessments_within_45_days_pct,n/a")(folder)
    with pytest.raises(DataError) as caught:
        load_store(folder, strict=False, label="mine")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert any("'n/a' is not a number" in line for line in lines)
    assert any("E06099999" in line for line in lines)


@pytest.mark.parametrize("content", ["junk\n1\n", "council_code;kind\nE06000001;cpc\n"])
def test_a_table_of_another_shape_is_one_line(folder: Path, content: str) -> None:
    (folder / "notes.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_store(folder, strict=False, label="mine")
    assert len(str(caught.value).splitlines()) == 1
    assert "has none of the columns" in str(caught.value)


def test_own_tables_must_agree_with_their_sha256(folder: Path) -> None:
    append("population.csv", "E06000001,2050,90000")(folder)
    with pytest.raises(DataError, match="sha256"):
        load_store(folder, strict=True, label="data/raw")
    noted = load_store(folder, strict=False, label="mine")
    assert any("population.csv" in note for note in noted.notes)


def test_sidecars_are_optional_for_other_folders(folder: Path) -> None:
    for sidecar in folder.rglob("*.meta.yml"):
        sidecar.unlink()
    assert len(load_store(folder, strict=False, label="mine").outcomes) > 60_000


def test_folder_that_does_not_exist() -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_store("no/such/folder", strict=False)


def test_the_line_of_an_unknown_code_is_that_of_the_file(folder: Path) -> None:
    path = folder / CHILDREN
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[9] = "E06009999," + lines[9].split(",", 1)[1]
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match="line 10 council E06009999"):
        load_store(folder, strict=False, label="mine")


@pytest.mark.parametrize("given", ["peer_challenge", None])
def test_what_is_no_plan_is_refused(given: Any) -> None:
    with pytest.raises(PlanError, match="is no plan. Give what evallib.load_plan returned"):
        build_panel(given)
