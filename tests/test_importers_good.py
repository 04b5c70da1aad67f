"""Official files become tables: codes and figures as published, both files or none."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from publication_files import PUBLICATIONS, Formula, write_csv, write_xlsx
from typer.testing import CliRunner

from evallib.cli import app
from evallib.errors import DataError
from evallib.panel.importers import (
    SOURCES,
    Extract,
    Options,
    find_source,
    import_publication,
    write_extract,
)
from evallib.panel.sidecars import OGL_ATTRIBUTION, check_sidecar

RUNNER = CliRunner()
RAW = Path(__file__).parents[1] / "data" / "raw"


def extract(source: str, *paths: Path, accept: bool = False) -> Extract:
    return import_publication(find_source(source), paths, Options(accept, RAW))


def figures(frame: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    keys = frame[["council_code", "fin_year", "indicator"]].itertuples(index=False, name=None)
    return dict(zip(keys, frame["value"], strict=True))


@pytest.mark.parametrize("source", [name for name in PUBLICATIONS if name != "ofsted_ilacs"])
def test_figures_are_as_published(source: str, tmp_path: Path) -> None:
    one = PUBLICATIONS[source]
    assert figures(extract(source, one.write(tmp_path)).frame) == one.figures


def test_a_table_may_be_csv_or_parquet_and_the_ending_does_not_matter(tmp_path: Path) -> None:
    one = PUBLICATIONS["dfe_lait"]
    path = write_csv(tmp_path / "bds_long_0.txt", one.sheets[""])
    assert figures(extract(one.source, path).frame) == one.figures
    waste = PUBLICATIONS["defra_waste"]
    renamed = waste.write(tmp_path).rename(tmp_path / "waste.xls")
    assert figures(extract(waste.source, renamed).frame) == waste.figures


def test_every_source_has_a_file_that_tests_it() -> None:
    assert set(PUBLICATIONS) == set(SOURCES)


def test_marks_and_rows_left_out_are_counted(tmp_path: Path) -> None:
    waste = extract("defra_waste", PUBLICATIONS["defra_waste"].write(tmp_path))
    assert waste.marks == Counter({"-": 1, ":": 1})
    assert sum(waste.left_out.values()) == 2
    children = extract("dfe_lait", PUBLICATIONS["dfe_lait"].write(tmp_path))
    assert children.marks == Counter({"-": 9, "c": 1})
    series = extract("ons_explore", PUBLICATIONS["ons_explore"].write(tmp_path))
    assert series.marks == Counter({"x": 1})
    assert any("1 rows have 95 per cent confidence limits" in note for note in series.notes)


def test_judgements_have_the_frameworks_words_and_the_year_of_the_start(tmp_path: Path) -> None:
    found = extract("ofsted_ilacs", PUBLICATIONS["ofsted_ilacs"].write(tmp_path))
    assert found.frame.to_numpy().tolist() == [
        ["E06000043", "ilacs", 2024, "Requires improvement to be good"],
        ["E08000016", "ilacs", 2023, "Good"],
    ]
    assert found.left_out == Counter({"no overall grade: brent": 1})
    assert any("brighton: no start date" in note for note in found.notes)


def two_sheets(folder: Path, *, with_codes: bool, year: str = "2013-14") -> Path:
    """Write a revenue outturn as it was up to 2014-15: spending, then reserves at 31 March."""
    names = ["E-code", *(["ONS Code"] if with_codes else []), "Local authority", "Class"]
    council = ["E0101", *(["E06000022"] if with_codes else []), "One UA", "UA"]
    spending = [
        "TOTAL SERVICE EXPENDITURE (TOTAL OF LINES 190 to 698)",
        "NET CURRENT EXPENDITURE(TOTAL OF LINES 699to748)",
    ]
    level = "Unallocated financial reserves level"
    top: list[list[object]] = [["made up"], [], [], [], []]
    return write_xlsx(
        folder / f"RS_{year}.xlsx",
        {
            f"RS LA Data {year} (1)": [
                *top,
                [*names, *spending, level],
                [],
                [*council, 10, 20, 111],
            ],
            f"RS LA Data {year} (2)": [*top, [*names, *spending, level], [], [*council, 1, 2, 222]],
        },
    )


def test_reserves_are_those_at_31_march_and_e_codes_are_looked_up(tmp_path: Path) -> None:
    later = PUBLICATIONS["mhclg_revenue_outturn"].write(tmp_path)
    found = extract("mhclg_revenue_outturn", two_sheets(tmp_path, with_codes=False), later)
    first = {key[2]: v for key, v in figures(found.frame).items() if key[1] == "2013/14"}
    assert first == {
        "total_service_expenditure_gbp_000": 10,
        "net_current_expenditure_gbp_000": 20,
        "unallocated_reserves_gbp_000": 222,
    }
    assert set(found.frame["council_code"]) == {"E06000022", "E10000023"}
    with_codes = two_sheets(tmp_path, with_codes=True, year="2014-15")
    assert len(extract("mhclg_revenue_outturn", with_codes).frame) == 3


def test_a_formula_with_its_result_is_a_figure(tmp_path: Path) -> None:
    for source in ("defra_flytipping", "mhclg_revenue_outturn"):
        one = PUBLICATIONS[source]
        row, column = one.number

        def change(sheets: dict, at: tuple = (one.sheet, row - 1, column)) -> None:
            sheets[at[0]][at[1]][at[2]] = Formula(12.5)

        assert 12.5 in figures(extract(source, one.write(tmp_path, change)).frame).values()


@pytest.mark.parametrize("source", PUBLICATIONS)
def test_the_command_writes_a_table_with_a_true_sidecar(source: str, tmp_path: Path) -> None:
    file, folder = PUBLICATIONS[source].write(tmp_path), tmp_path / "new" / "tables"
    arguments = ["import", source, str(file), "--to", str(folder)]
    done = RUNNER.invoke(app, [*arguments, "--accessed", "2026-01-31"])
    assert done.exit_code == 0, done.stderr
    table = folder / f"{SOURCES[source].becomes}.csv"
    assert done.stdout.splitlines()[-1].endswith(table.name)
    sidecar, faults, notes = check_sidecar(table, strict=True)
    assert (faults, notes) == ([], [])
    assert sidecar is not None
    frame = pd.read_csv(table)
    assert (sidecar.rows, list(sidecar.columns)) == (len(frame), list(frame.columns))
    assert (sidecar.attribution, str(sidecar.accessed)) == (OGL_ATTRIBUTION, "2026-01-31")
    assert any(file.name in note and "sha256" in note for note in sidecar.notes)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [table.name, f"{table.stem}.meta.yml"]
    )
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tables"]
    again = RUNNER.invoke(app, [*arguments, "--accessed", "2026-01-31"])
    assert again.stdout.splitlines()[-1].endswith("(was there already, the same)")


def test_a_table_that_differs_is_kept_unless_replaced(tmp_path: Path) -> None:
    one = PUBLICATIONS["defra_flytipping"]
    folder = tmp_path / "tables"
    arguments = ["import", one.source, str(one.write(tmp_path)), "--to", str(folder)]
    folder.mkdir()
    table = folder / "street_scene.csv"
    table.write_text("mine\n", encoding="utf-8")
    refused = RUNNER.invoke(app, arguments)
    assert refused.exit_code == 2
    assert "--replace" in refused.stderr
    assert [path.read_text("utf-8") for path in folder.iterdir()] == ["mine\n"]
    assert RUNNER.invoke(app, [*arguments, "--replace"]).exit_code == 0
    assert check_sidecar(table, strict=True)[1:] == ([], [])


def test_nothing_is_left_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = PUBLICATIONS["defra_flytipping"]
    path = one.write(tmp_path)
    found = extract(one.source, path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evallib.panel.importers.write.os.rename", full)
    with pytest.raises(DataError, match="No space left"):
        write_extract(found, find_source(one.source), [path], tmp_path / "tables")
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name]


def test_what_was_there_is_put_back_when_the_second_file_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = PUBLICATIONS["defra_flytipping"]
    path, folder = one.write(tmp_path), tmp_path / "tables"
    folder.mkdir()
    (folder / "street_scene.csv").write_text("mine\n", encoding="utf-8")
    found, move = extract(one.source, path), os.replace

    def fail(new: Path, old: Path) -> None:
        if Path(old).name == "street_scene.meta.yml":
            raise OSError(28, "No space left on device")
        move(new, old)

    monkeypatch.setattr("evallib.panel.importers.write.os.replace", fail)
    with pytest.raises(DataError, match="No space left"):
        write_extract(found, find_source(one.source), [path], folder, replace=True)
    assert {file.name: file.read_text("utf-8") for file in folder.iterdir()} == {
        "street_scene.csv": "mine\n"
    }


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    path = PUBLICATIONS["asc_explorer"].write(tmp_path)
    done = RUNNER.invoke(app, ["import", "asc_explorer", str(path), "--to", str(path)])
    assert (done.exit_code, "cannot be written" in done.stderr) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_sources_says_where_and_what() -> None:
    said = RUNNER.invoke(app, ["sources"]).stdout
    for name, source in SOURCES.items():
        assert name in said
        assert f"{source.becomes}.csv" in said
    for word in ("obtained:", "cadence:", "licence:", "becomes:"):
        assert said.count(word) == len(SOURCES)
    assert "http" not in said
