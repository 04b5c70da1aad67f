"""The codebook and the data dictionary say what the tables and their sidecars say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from evallib.cli import app
from evallib.errors import DataError
from evallib.panel import open_store
from evallib.panel.codebook import Codebook, build_codebook
from evallib.panel.sidecars import SUFFIX, read_sidecar
from evallib.report.codebook import codebook_markdown, codebook_page
from evallib.report.exports import write_texts
from evallib.report.gate import check_page

ROOT = Path(__file__).parents[1]
RAW = ROOT / "data" / "raw"
DICTIONARY = ROOT / "docs" / "data_dictionary.md"


@pytest.fixture(scope="module")
def book() -> Codebook:
    return build_codebook(open_store())


def test_the_data_dictionary_is_what_the_tables_say(book: Codebook) -> None:
    written = DICTIONARY.read_text(encoding="utf-8")
    wanted = codebook_markdown(book)
    assert written == wanted, (
        "docs/data_dictionary.md is not what the tables say: "
        "run `evallib codebook --markdown docs/data_dictionary.md --replace`"
    )


def test_every_sidecar_and_column_is_described(book: Codebook) -> None:
    tables = {one.file: one for one in book.tables}
    beside = sorted(RAW.rglob(f"*{SUFFIX}"))
    assert len(beside) == len(tables)
    for path in beside:
        sidecar = read_sidecar(path)
        name = path.relative_to(RAW).as_posix().removesuffix(SUFFIX) + ".csv"
        one = tables[name]
        assert one.facts["SHA-256"] == sidecar.sha256
        assert one.facts["Rows"] == f"{sidecar.rows:,}"
        assert one.facts["Licence"] == sidecar.licence
        assert one.columns["column"].tolist() == list(sidecar.columns)
        assert one.columns["missing"].tolist() == [c.missing for c in sidecar.columns.values()]


def test_indicators_are_counted_from_the_figures(book: Codebook) -> None:
    store = open_store()
    rows = book.indicators.set_index("indicator")
    assert sorted(rows.index) == sorted(store.catalogue.names)
    assert rows["figures"].sum() == len(store.outcomes)
    figures = store.figures(["asc_quality_of_life_score"])["value"]
    row = rows.loc["asc_quality_of_life_score"]
    assert (row["least"], row["median"], row["most"]) == (
        figures.min(),
        figures.median(),
        figures.max(),
    )
    assert row["years"] == "2016/17 to 2022/23"
    assert rows["missing_pct"].between(0, 100).all()
    # Reported by few councils in its last years, as indicators.csv says.
    assert rows["missing_pct"].idxmax() == "asc_workforce_turnover_pct"


def test_the_page_passes_the_gate_and_names_everything(book: Codebook) -> None:
    page = codebook_page(book)
    assert check_page(page) == []
    for name in book.indicators["indicator"]:
        assert name in page
    for one in book.tables:
        assert one.facts["SHA-256"] in page
        assert f">Table {one.file}</h2>" in page
    for sentence in book.attributions:
        assert sentence in page


def test_text_of_a_stranger_is_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(RAW, folder)
    path = folder / "indicators.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Dwelling stock", "<script>x</script> | y", 1), encoding="utf-8")
    book = build_codebook(open_store(folder))
    assert "<script>" not in codebook_page(book)
    markdown = codebook_markdown(book)
    assert "<script>" not in markdown
    assert "&lt;script>x&lt;/script> \\| y" in markdown


def test_an_indicator_without_figures_and_a_table_without_a_sidecar(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(RAW, folder)
    (folder / "outcomes" / "waste.meta.yml").unlink()
    (folder / "outcomes" / "street_scene.csv").unlink()
    (folder / "outcomes" / "street_scene.meta.yml").unlink()
    book = build_codebook(open_store(folder))
    row = book.indicators.set_index("indicator").loc["flytipping_incidents_count"]
    assert (row["figures"], row["councils"], row["years"]) == (0, 0, "")
    waste = next(one for one in book.tables if one.file == "outcomes/waste.csv")
    assert waste.facts["Title"] == "not recorded"
    assert waste.columns.empty
    assert check_page(codebook_page(book)) == []


def test_the_command_writes_whole_files_and_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page, text = tmp_path / "book.html", tmp_path / "book.md"
    run = CliRunner().invoke
    given = ["codebook", "--to", str(page), "--markdown", str(text), "--data", str(RAW)]
    assert run(app, given).exit_code == 0
    assert text.read_text(encoding="utf-8") == DICTIONARY.read_text(encoding="utf-8")
    assert run(app, given).exit_code == 0  # the same files again
    page.write_text("mine", encoding="utf-8")
    text.unlink()
    refused = run(app, given)
    assert refused.exit_code == 2
    assert "book.html: is there already and differs" in refused.output
    assert page.read_text(encoding="utf-8") == "mine"
    assert not text.exists()
    assert run(app, [*given, "--replace"]).exit_code == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["book.html", "book.md"]


def test_texts_are_written_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    good, bad = tmp_path / "good.md", tmp_path / "folder"
    with pytest.raises(DataError, match="is a folder"):
        write_texts({good: "a\n", bad: "b\n"})
    assert not good.exists()
    assert write_texts({good: "a\n"}) == [good]
    assert good.read_bytes() == b"a\n"


def test_expected_figures_follow_dates_in_office() -> None:
    from evallib.panel.expected import expected_rows
    from evallib.panel.periods import FINANCIAL_YEAR

    figures = pd.DataFrame(
        {"council_code": ["a", "a", "b", "c"], "period": [2015, 2017, 2015, 2017]}
    )
    councils = pd.DataFrame(
        {
            "council_code": ["a", "b", "c", "never reports"],
            "valid_from": ["", "", "2016-04-01", ""],
            "valid_to": ["", "2017-03-31", "", ""],
        }
    )
    found = expected_rows(figures, councils, FINANCIAL_YEAR)
    rows = set(zip(found["council_code"], found["period"], found["is_missing"], strict=True))
    # 2016 was not collected; b had gone by 2018-03-31, c was not yet there on 2016-03-31.
    assert rows == {("a", 2015, False), ("a", 2017, False), ("b", 2015, False), ("c", 2017, False)}
