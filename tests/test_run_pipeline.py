"""A run from a checked plan to its folder, with tiny notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from evallib.errors import DataError, EvallibError
from evallib.plan import load_plan
from evallib.run.check import Checked
from evallib.run.context import open_run
from evallib.run.key import sha256_of
from evallib.run.notebooks import find_notebooks, read_title
from evallib.run.pipeline import Finished, run_plan

PARAMETERS = "plan_path = ''\ndata_folder = ''\nrun_folder = ''"
SAVE = """
from types import SimpleNamespace as Frame
import pandas as pd
from evallib.plan import load_plan
from evallib.run import open_run
run = open_run(load_plan(plan_path), run_folder)
estimates = pd.DataFrame({"outcome": ["=cmd"], "term": ["att"], "estimate": [-1.5]})
checks = pd.DataFrame({"check": ["a"], "outcome": ["x"], "verdict": ["pass"], "sentence": ["s"]})
run.save(Frame(frame=estimates), Frame(frame=checks), tables={"Flow": estimates})
"""
SUMMARY = """
from evallib.plan import load_plan
from evallib.run import open_run
results = open_run(load_plan(plan_path), run_folder).results()
print(len(results.estimates), results.notebooks)
"""
INPUT = {
    "file": "councils.csv",
    "sha256": "0" * 64,
    "rows": 1,
    "title": "Councils",
    "publisher": "A publisher",
    "licence": "OGL-UK-3.0",
    "attribution": "A sentence.",
    "accessed": "2026-01-01",
}


def write(path: Path, *cells: str) -> Path:
    book = nbformat.v4.new_notebook()
    book.cells = [
        nbformat.v4.new_markdown_cell(f"# About {path.stem}\n\n## Part"),
        nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *map(nbformat.v4.new_code_cell, cells),
    ]
    nbformat.write(book, path)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, list[str]]:
    folder = tmp_path_factory.mktemp("run")
    notebooks = (
        write(folder / "01_saves.ipynb", SAVE),
        write(folder / "04_fails.ipynb", "print('so far')", "1 / 0", "print('never')"),
        write(folder / "10_evidence_summary.ipynb", SUMMARY),
    )
    plan = load_plan("peer_challenge", ["history.years=10"])
    said: list[str] = []
    checked = Checked(plan, notebooks, (INPUT,), ("a note",))
    return run_plan(checked, out=folder / "outputs", say=said.append), said


def test_the_others_finish_when_a_notebook_fails(finished: tuple[Finished, list[str]]) -> None:
    run, said = finished
    assert [one.status for one in run.notebooks] == ["ok", "failed", "ok"]
    assert not run.is_whole
    assert any("04_fails: failed" in line and "ZeroDivisionError" in line for line in said)
    report = run.report.read_text(encoding="utf-8")
    assert "04_fails" in report
    assert 'href="notebooks/04_fails.html"' in report
    assert "so far" in (run.folder / "notebooks" / "04_fails.html").read_text(encoding="utf-8")


def test_the_folder_holds_what_a_run_holds(finished: tuple[Finished, list[str]]) -> None:
    run, _ = finished
    names = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*")}
    assert {
        *("report.html", "estimates.csv", "checks.csv", "manifest.json", "run.log", "figures"),
        *("notebooks/01_saves.ipynb", "notebooks/01_saves.html", "tables/01_flow.csv"),
    } <= names
    assert run.run_id.startswith("history.years-10-")
    assert run.folder.name == run.run_id
    assert [path.name for path in run.folder.parent.iterdir()] == [run.run_id]


def test_text_that_looks_like_a_formula_is_neutralised(
    finished: tuple[Finished, list[str]],
) -> None:
    text = (finished[0].folder / "estimates.csv").read_text(encoding="utf-8")
    assert text == "outcome,term,estimate\n'=cmd,att,-1.5\n"


def test_the_manifest_says_what_went_in_and_what_came_out(
    finished: tuple[Finished, list[str]],
) -> None:
    run, _ = finished
    manifest = json.loads((run.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["plan"] == load_plan("peer_challenge", ["history.years=10"]).effective()
    assert manifest["differences"] == {"history.years": 10}
    assert manifest["inputs"] == [INPUT]
    assert [one["status"] for one in manifest["notebooks"]] == ["ok", "failed", "ok"]
    assert manifest["seeds"] == {"plan": 20260101}
    assert {"python", "pandas", "papermill"} <= manifest["versions"].keys()
    assert {len(value) for value in manifest["key"].values()} == {64}
    for one in manifest["outputs"]:
        assert sha256_of(run.folder / one["path"]) == one["sha256"]
    assert "report.html" in {one["path"] for one in manifest["outputs"]}


def test_no_path_of_the_machine_is_in_what_is_published(
    finished: tuple[Finished, list[str]],
) -> None:
    run, _ = finished
    for path in run.folder.rglob("*"):
        if path.is_file():
            assert str(run.folder.parents[2]).encode() not in path.read_bytes(), path.name


def test_a_notebook_run_again_from_the_folder_finds_its_plan(
    finished: tuple[Finished, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = finished
    monkeypatch.chdir(run.folder / "notebooks")
    plan = load_plan("../results/peer_challenge.yml")
    assert plan.name == "peer_challenge"
    assert plan.history.years == 10
    results = open_run(plan, "..").results()
    assert results.notebooks == ("01_saves",)
    assert list(results.tables) == ["01_saves/flow", "01_saves/specifications"]


def test_an_error_before_the_end_leaves_the_old_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write(tmp_path / "01_a.ipynb", "1")
    checked = Checked(load_plan("peer_challenge"), (notebook,), (INPUT,))
    first = run_plan(checked, out=tmp_path / "o", say=lambda _: None)
    before = sha256_of(first.folder / "manifest.json")

    def refuse(*_: object, **__: object) -> None:
        raise DataError([])

    monkeypatch.setattr("evallib.run.pipeline.render_report", refuse)
    with pytest.raises(DataError):
        run_plan(checked, out=tmp_path / "o", say=lambda _: None)
    assert sha256_of(first.folder / "manifest.json") == before
    assert [path.name for path in first.folder.parent.iterdir()] == [first.run_id]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    checked = Checked(load_plan("peer_challenge"), (), (INPUT,))
    with pytest.raises(EvallibError, match="--out"):
        run_plan(checked, out=tmp_path / "file", say=lambda _: None)


def test_by_hand_results_are_what_was_saved_by_hand_or_the_newest_run(
    finished: tuple[Finished, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = finished[0].folder.parents[1]
    plan = load_plan("peer_challenge")
    with pytest.raises(DataError, match="no results of peer_challenge"):
        open_run(plan, out=tmp_path).results()
    from_run = open_run(plan, out=outputs).results()
    assert finished[0].run_id in from_run.source
    monkeypatch.setenv("EVALLIB_NOTEBOOK", "04_by_hand")

    class Frame:
        frame = pd.DataFrame({"outcome": ["x"], "estimate": [1.0]})

    saved = open_run(plan, out=tmp_path).save(Frame())
    assert "peer_challenge/by-hand" in str(saved)
    by_hand = open_run(plan, out=tmp_path).results()
    assert by_hand.source == "what was saved by hand"
    assert by_hand.notebooks == ("04_by_hand",)
    other = load_plan("peer_challenge", ["history.years=9"])
    with pytest.raises(DataError, match="no results"):
        open_run(other, out=tmp_path).results()


def test_notebooks_that_are_missing_or_without_parameters_are_named(tmp_path: Path) -> None:
    names = ["01_panel_quality", "04_peer_challenge_effect", "10_evidence_summary"]
    plan = load_plan("peer_challenge", {"notebooks": names})
    write(tmp_path / "01_panel_qualty.ipynb")
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "04_peer_challenge_effect.ipynb")
    (tmp_path / "10_evidence_summary.ipynb").write_text("{", encoding="utf-8")
    found, faults = find_notebooks(plan, tmp_path)
    assert len(found) == 2
    first, second, third = map(str, faults)
    assert "notebooks[0]" in first
    assert "Did you mean '01_panel_qualty'" in first
    assert "plan_path, data_folder, run_folder" in second
    assert "not a notebook that can be read" in third
    assert read_title(tmp_path / "01_panel_qualty.ipynb") == "About 01_panel_qualty"


def test_a_run_without_results_still_has_tables_with_headers(tmp_path: Path) -> None:
    notebook = write(tmp_path / "01_a.ipynb", "1")
    checked = Checked(load_plan("peer_challenge"), (notebook,), (INPUT,))
    run = run_plan(checked, out=tmp_path / "o", say=lambda _: None)
    text = (run.folder / "estimates.csv").read_text(encoding="utf-8")
    assert text.startswith("outcome,role,estimator,comparison,no_record,inference,term,estimate")
    assert (run.folder / "checks.csv").read_text(encoding="utf-8").startswith("outcome,")
