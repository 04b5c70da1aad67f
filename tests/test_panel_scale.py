"""Figures in partitions: as exact and as strictly checked as CSV, read when they are asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import compute, parquet
from typer.testing import CliRunner

from evallib.cli import app
from evallib.errors import DataError, EvallibError
from evallib.panel import Store, build_panel, load_store
from evallib.panel.partitions import source
from evallib.panel.partitions.convert import check_folder, convert_folder
from evallib.panel.sidecars import read_sidecar, sha256_of
from evallib.plan import load_plan
from evallib.run.key import run_key

RAW = Path(__file__).parents[1] / "data" / "raw"
RECYCLING = "outcomes/indicator=recycling_rate_pct/waste.parquet"
LANDFILL = "outcomes/indicator=landfill_share_pct/waste.parquet"
REVIEWS = "outcomes/indicator=child_protection_reviews_in_time_pct/childrens_services.parquet"
FILES = (RECYCLING, LANDFILL, REVIEWS)
KEPT = ("recycling_rate_pct", "landfill_share_pct", "child_protection_reviews_in_time_pct")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped tables as a store of partitions; tests only read it."""
    target = tmp_path_factory.mktemp("stores") / "whole"
    convert_folder(RAW, target)
    return target


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A store of three indicators that a test may spoil."""
    gone = [f.name for f in (whole / "outcomes").iterdir() if f.name.split("=")[1] not in KEPT]
    mine = Path(shutil.copytree(whole, tmp_path / "mine", ignore=shutil.ignore_patterns(*gone)))
    keep_corrections(mine, lambda mended: mended["indicator"].isin(KEPT))
    return mine


def keep_corrections(folder: Path, which: Callable[[pd.DataFrame], pd.Series]) -> None:
    mended = pd.read_csv(RAW / "corrections.csv", dtype=str, keep_default_na=False)
    path = folder / "corrections.csv"
    mended[which(mended)].to_csv(path, index=False)
    sidecar = path.with_name("corrections.meta.yml")
    recorded = read_sidecar(sidecar).sha256
    text = sidecar.read_text(encoding="utf-8").replace(recorded, sha256_of(path))
    sidecar.write_text(text, encoding="utf-8")


def opened(folder: Path) -> Store:
    return load_store(folder, strict=False, label="mine")


# Equality with the CSV route


def test_figures_equal_those_of_csv_bit_for_bit(whole: Path) -> None:
    csv, stored = load_store(RAW), load_store(whole)
    assert stored.held() == csv.held()
    some = ["recycling_rate_pct", "ehc_plans_within_20_weeks_pct", "not_there"]
    pd.testing.assert_frame_equal(stored.figures(some), csv.figures(some), check_exact=True)
    pd.testing.assert_frame_equal(stored.outcomes, csv.outcomes, check_exact=True)
    every = csv.held()
    pd.testing.assert_frame_equal(stored.former_figures(every), csv.former_figures(every))
    assert len(stored.former_figures(every)) > 0
    pd.testing.assert_frame_equal(stored.corrections, csv.corrections)
    pd.testing.assert_frame_equal(stored.set_aside, csv.set_aside)


@pytest.mark.parametrize("name", ["peer_challenge", "childrens_intervention"])
def test_panel_equals_that_of_csv(name: str, whole: Path) -> None:
    plan = load_plan(name)
    csv, stored = build_panel(plan), build_panel(plan, whole)
    pd.testing.assert_frame_equal(stored.frame, csv.frame, check_exact=True)
    pd.testing.assert_frame_equal(stored.figures, csv.figures, check_exact=True)
    pd.testing.assert_frame_equal(stored.covariates, csv.covariates)


def test_sidecars_say_where_partitions_come_from(whole: Path) -> None:
    described = read_sidecar((whole / RECYCLING).with_name("_waste.meta.yml"))
    shipped = read_sidecar(RAW / "outcomes" / "waste.meta.yml")
    assert described.sha256 == sha256_of(whole / RECYCLING)
    assert described.rows == parquet.read_metadata(whole / RECYCLING).num_rows
    assert (described.publisher, described.licence) == (shipped.publisher, shipped.licence)
    assert any(shipped.sha256 in note for note in described.notes)
    load_store(whole, strict=True).figures(["recycling_rate_pct"])


def test_a_store_is_a_partitioned_dataset_for_others_too(whole: Path) -> None:
    table = pd.read_parquet(whole / "outcomes", filters=[("indicator", "=", "recycling_rate_pct")])
    waste = pd.read_csv(RAW / "outcomes" / "waste.csv")
    assert len(table) == (waste["indicator"] == "recycling_rate_pct").sum()


def test_own_tables_join_what_lies_in_partitions(whole: Path) -> None:
    store = load_store(whole)
    row = store.catalogue.frame.iloc[[0]].assign(indicator="mine_pct")
    rule = store.catalogue.rule(store.catalogue.names[0])
    mine = pd.DataFrame(
        [["E06000001", "2015/16", "mine_pct", 1.5, "own.csv"]],
        columns=["council_code", "fin_year", "indicator", "value", "file"],
    )
    catalogue = store.catalogue.with_rows(row, {"mine_pct": rule})
    wider = store.with_tables(
        figures=mine, catalogue=catalogue, registers={}, inputs=[{"file": "own.csv"}]
    )
    both = wider.figures(["recycling_rate_pct", "mine_pct"])
    assert set(both["indicator"]) == {"recycling_rate_pct", "mine_pct"}
    assert {"mine_pct", "recycling_rate_pct"} <= set(wider.held())
    assert "mine_pct" not in store.held()
    files = [one["file"] for one in wider.inputs]
    assert "own.csv" in files
    assert RECYCLING in files


# Only what is asked for is read


def test_only_the_files_of_selected_indicators_are_read(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = source.read_part

    def noted(path: Path, indicator: str, name: str, label: str, *, strict: bool) -> source.Part:
        read.append(indicator)
        return plain(path, indicator, name, label, strict=strict)

    monkeypatch.setattr(source, "read_part", noted)
    store = load_store(whole, label="read in this test alone")
    assert read == []
    assert len(store.held()) == 25
    assert not any(".parquet" in one["file"] for one in store.inputs)
    store.figures(["recycling_rate_pct", "landfill_share_pct"])
    store.figures(["recycling_rate_pct"])
    assert sorted(read) == ["landfill_share_pct", "recycling_rate_pct"]
    assert [one["file"] for one in store.inputs][-2:] == [LANDFILL, RECYCLING]
    again = load_store(whole, label="read in this test alone")
    again.figures(["recycling_rate_pct"])
    assert len(read) == 2, "checked figures are kept in memory"
    assert [one["file"] for one in again.inputs][-1:] == [RECYCLING]


def test_a_broken_partition_matters_only_when_it_is_selected(folder: Path) -> None:
    (folder / LANDFILL).write_bytes(b"junk")
    assert len(opened(folder).figures(["recycling_rate_pct"])) > 4000
    with pytest.raises(DataError, match="landfill_share_pct"):
        opened(folder).figures(["recycling_rate_pct", "landfill_share_pct"])
    with pytest.raises(DataError, match="landfill_share_pct"):
        opened(folder).outcomes  # noqa: B018


def test_a_partition_that_changed_is_read_again(folder: Path) -> None:
    store = opened(folder)
    before = store.figures(["landfill_share_pct"])
    rewrite(LANDFILL, lambda table: table.iloc[1:])(folder)
    assert len(store.figures(["landfill_share_pct"])) == len(before) - 1
    shutil.rmtree((folder / LANDFILL).parent)
    assert "landfill_share_pct" not in opened(folder).held()


def test_corrections_of_what_is_not_selected_are_not_looked_at(folder: Path) -> None:
    append_correction("outcomes/waste.csv,E06000001,1999/00,landfill_share_pct,value,1,2,no")(
        folder
    )
    append_correction("outcomes/none.csv,E06000001,1999/00,not_there_pct,value,1,2,no")(folder)
    store = opened(folder)
    store.figures(["recycling_rate_pct"])
    assert set(store.corrections["indicator"]) == {"recycling_rate_pct"}
    with pytest.raises(DataError, match="1999/00"):
        store.figures(["landfill_share_pct"])
    with pytest.raises(DataError) as caught:
        check_folder(folder)
    assert "outcomes/none.csv is not a table" in str(caught.value)


def test_the_run_depends_on_the_files_that_it_reads(whole: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(whole, tmp_path / "store"))
    plan = load_plan("childrens_intervention")

    def key() -> str:
        return run_key(plan, build_panel(plan, store).store.inputs, [], tmp_path / "none").data

    first = key()
    assert key() == first
    rewrite(RECYCLING, lambda table: table.iloc[1:])(store)
    assert key() == first, "waste is not read for this plan"
    rewrite(REVIEWS, lambda table: table.iloc[::-1])(store)
    assert key() != first


# What can be wrong with a partition


def rewrite(file: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        change(pd.read_parquet(folder / file, partitioning=None)).to_parquet(
            folder / file, index=False
        )

    return mutate


def with_column(file: str, name: str, content: pa.Array | None) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        table = parquet.read_table(folder / file, partitioning=None)
        if name in table.column_names:
            table = table.drop_columns([name])
        if content is not None:
            table = table.append_column(name, content.take(pa.array([0] * table.num_rows)))
        parquet.write_table(table, folder / file)

    return mutate


def with_cell(file: str, column: str, cell: object, row: int = 0) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        table = parquet.read_table(folder / file, partitioning=None)
        cells = table[column].to_pylist()
        cells[row] = cell
        place = table.column_names.index(column)
        changed = pa.array(cells, table.schema.field(column).type)
        parquet.write_table(table.set_column(place, column, changed), folder / file)

    return mutate


def with_rows(file: str, *rows: tuple[object, ...], to: str = "") -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        table = pd.read_parquet(folder / file, partitioning=None)
        more = pd.DataFrame(list(rows), columns=table.columns)
        if to:
            more.to_parquet(folder / to, index=False)
        else:
            pd.concat([table, more]).to_parquet(folder / file, index=False)

    return mutate


def with_bytes(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes())) and None


def append_correction(line: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        with (folder / "corrections.csv").open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    return mutate


def in_new_folder(name: str) -> Callable[[Path], None]:
    return lambda folder: (
        shutil.copytree((folder / LANDFILL).parent, folder / "outcomes" / name) and None
    )


def write(file: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_text(text, encoding="utf-8") and None


def middle_flipped(raw: bytes) -> bytes:
    return raw[:400] + bytes([raw[400] ^ 255]) + raw[401:]


GARBLED = compute.cast(
    pa.array([b"E0600000\xff"]), options=compute.CastOptions(pa.string(), allow_invalid_utf8=True)
)
ROW = ("E06000001", "2012/13", 45.0, "outcomes/waste.csv")
HARTLEPOOL = ["row 1", "council E06000001", "year 20"]
CASES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cut off": (with_bytes(LANDFILL, lambda raw: raw[:-20]), [LANDFILL, "cut off"]),
    "not Parquet": (
        with_bytes(LANDFILL, lambda _: b"a,b\n1,2\n"),
        [LANDFILL, "not a Parquet file"],
    ),
    "empty": (with_bytes(LANDFILL, lambda _: b""), [LANDFILL, "is empty"]),
    "damaged": (with_bytes(LANDFILL, middle_flipped), [LANDFILL, "damaged"]),
    "cut out of its middle": (
        with_bytes(LANDFILL, lambda raw: raw[:500] + raw[900:]),
        [LANDFILL, "damaged"],
    ),
    "text that is not UTF-8": (
        with_column(LANDFILL, "council_code", GARBLED),
        [LANDFILL, "damaged", "UTF8"],
    ),
    "missing column": (
        with_column(LANDFILL, "fin_year", None),
        [LANDFILL, "column fin_year", "is missing"],
    ),
    "misspelt column": (
        rewrite(LANDFILL, lambda table: table.rename(columns={"fin_year": "finyear"})),
        ["column fin_year", "Did you mean 'finyear'?"],
    ),
    "figures as text": (
        with_column(LANDFILL, "value", pa.array(["89.2"])),
        ["column value", "of the type string"],
    ),
    "figures of few digits": (
        with_column(LANDFILL, "value", pa.array([89.2], pa.float32())),
        ["column value", "of the type float"],
    ),
    "years as numbers": (
        with_column(LANDFILL, "fin_year", pa.array([2015])),
        ["column fin_year", "of the type int64, not text"],
    ),
    "missing figure": (
        with_cell(LANDFILL, "value", None),
        [LANDFILL, "column value", *HARTLEPOOL, "is empty"],
    ),
    "figure that is not a number": (
        with_cell(LANDFILL, "value", float("nan")),
        [LANDFILL, "column value", *HARTLEPOOL, "'nan' is not a number"],
    ),
    "infinite figure": (
        with_cell(LANDFILL, "value", float("-inf")),
        [LANDFILL, "column value", *HARTLEPOOL, "'-inf' is not a number"],
    ),
    "missing code": (
        with_cell(LANDFILL, "council_code", None),
        [LANDFILL, "column council_code", "row 1", "is empty"],
    ),
    "malformed code": (
        with_cell(LANDFILL, "council_code", "Hartlepool"),
        ["'Hartlepool' is not a council code"],
    ),
    "code that never existed": (
        with_cell(LANDFILL, "council_code", "E06099999", row=2),
        [LANDFILL, "row 3 council E06099999", "code_changes.csv"],
    ),
    "malformed year": (
        with_cell(LANDFILL, "fin_year", "2015"),
        ["column fin_year", "'2015' is not a financial year"],
    ),
    "year that is none": (
        with_cell(LANDFILL, "fin_year", "2015/17"),
        [LANDFILL, "row 1", "2015/17 is not a financial year"],
    ),
    "row without its table": (
        with_cell(LANDFILL, "file", None),
        ["column file", "row 1", "is empty"],
    ),
    "figure twice in a file": (
        with_rows(LANDFILL, ROW),
        [LANDFILL, "council E06000001 year 2012/13", "stands more than once"],
    ),
    "figure twice in two files": (
        with_rows(LANDFILL, ROW, to=LANDFILL.replace("waste.", "waste_2.")),
        ["waste_2.parquet, row 1 council E06000001 year 2012/13", f"stand in {LANDFILL} too"],
    ),
    "retired code beside the current one": (
        with_rows(REVIEWS, ("E08000038", "2015/16", 89.2, "outcomes/childrens_services.csv")),
        [REVIEWS, "E08000038", "stand twice", "followed"],
    ),
    "rows of another indicator": (
        with_column(LANDFILL, "indicator", pa.array(["recycling_rate_pct"])),
        [LANDFILL, "'recycling_rate_pct' stands in the folder indicator=landfill_share_pct"],
    ),
    "no file": (lambda folder: (folder / LANDFILL).unlink(), ["holds no Parquet file"]),
    "a CSV among the files": (
        write("outcomes/indicator=landfill_share_pct/more.csv", "x\n"),
        ["landfill_share_pct", "more.csv, which is not a Parquet file"],
    ),
    "correction that matches no row": (
        append_correction("outcomes/waste.csv,E06000001,1999/00,landfill_share_pct,value,1,2,no"),
        ["corrections.csv", "E06000001 1999/00", "match no row"],
    ),
    "correction of a figure that was revised": (
        append_correction("outcomes/waste.csv,E06000001,2012/13,landfill_share_pct,value,-1,2,no"),
        ["corrections.csv", "E06000001 2012/13", "published -1"],
    ),
    "folder without a description": (
        in_new_folder("indicator=happiness_pct"),
        ["outcomes", "happiness_pct not in indicators.csv"],
    ),
    "folder that names no indicator": (
        in_new_folder("indicator=Happiness %"),
        ["outcomes/indicator=Happiness %", "is not a folder indicator=NAME"],
    ),
    "partitions of another kind": (
        in_new_folder("fin_year=2015"),
        ["outcomes/fin_year=2015", "is not a folder indicator=NAME"],
    ),
    "file outside a folder": (
        lambda folder: shutil.copy(folder / LANDFILL, folder / "outcomes") and None,
        ["outcomes/waste.parquet", "is not a folder indicator=NAME"],
    ),
    "the same indicator as CSV": (
        write(
            "outcomes/mine.csv",
            "council_code,fin_year,indicator,value\nE06000001,2030/31,landfill_share_pct,1\n",
        ),
        ["indicator=landfill_share_pct", "stands in outcomes/mine.csv too"],
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_fault_is_one_line_with_place_and_remedy(name: str, folder: Path) -> None:
    mutate, expected = CASES[name]
    mutate(folder)
    with pytest.raises(DataError) as caught:
        opened(folder).figures(KEPT)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("mine/")
    assert all(word in line for word in expected), line


def test_faults_of_several_files_come_together(folder: Path) -> None:
    with_cell(LANDFILL, "value", None)(folder)
    with_cell(LANDFILL, "council_code", "E06099999", row=2)(folder)
    with_cell(RECYCLING, "fin_year", "2015/17")(folder)
    with_bytes(REVIEWS, lambda raw: raw[:-20])(folder)
    with pytest.raises(DataError) as caught:
        opened(folder).figures(KEPT)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    with pytest.raises(DataError) as caught:
        check_folder(folder)
    assert len(str(caught.value).splitlines()) == 4


def test_own_stores_must_agree_with_their_sha256(folder: Path) -> None:
    rewrite(LANDFILL, lambda table: table)(folder)
    with pytest.raises(DataError, match="sha256"):
        load_store(folder, strict=True).figures(["landfill_share_pct"])
    store = opened(folder)
    store.figures(["recycling_rate_pct"])
    assert not any("waste.parquet" in note for note in store.notes)
    store.figures(["landfill_share_pct"])
    assert any("waste.parquet" in note for note in store.notes)


def test_stores_of_others_need_no_more_than_three_columns(folder: Path) -> None:
    before = opened(folder).figures(["landfill_share_pct"])
    table = before.loc[before["council_code"] == "E06000001", ["council_code", "fin_year", "value"]]
    place = folder / "outcomes" / "indicator=landfill_share_pct"
    shutil.rmtree(place)
    place.mkdir()
    keep_corrections(folder, lambda rows: rows["indicator"] == "recycling_rate_pct")
    (place / "_SUCCESS").touch()
    for half, rows in (("a", table.iloc[:3]), ("b", table.iloc[3:])):
        whole_numbers = rows.assign(value=range(len(rows)))
        dictionary = whole_numbers.astype({"council_code": "category"})
        dictionary.to_parquet(place / f"{half}.parquet", index=False)
    figures = opened(folder).figures(["landfill_share_pct"])
    assert len(figures) == len(table)
    assert set(figures["file"]) == {f"{place.relative_to(folder)}/{half}.parquet" for half in "ab"}
    assert figures["value"].dtype == float


def test_a_plan_on_a_broken_store_ends_with_2(folder: Path, tmp_path: Path) -> None:
    with_bytes(LANDFILL, lambda raw: raw[:-20])(folder)
    words = ["store", str(folder), "--to", str(tmp_path / "new")]
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "cut off" in ended.stderr
    assert not (tmp_path / "new").exists()


# Conversion


def test_conversion_from_the_command_line(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "store"
    ended = CliRunner().invoke(app, ["store", str(folder), "--to", str(target)])
    assert ended.exit_code == 0, ended.stderr
    rows = sum(parquet.read_metadata(folder / file).num_rows for file in FILES)
    assert f"{rows:,} figures of 3 indicators in 3 tables: all checks passed" in ended.stdout
    assert os.listdir(target.parent) == ["store"]
    again = CliRunner().invoke(app, ["store", str(target)])
    assert again.stdout.splitlines() == ended.stdout.splitlines()[:1]


def test_conversion_joins_csv_and_partitions(folder: Path, tmp_path: Path) -> None:
    housing = RAW / "outcomes" / "housing.csv"
    shutil.copy(housing, folder / "outcomes")
    keep_corrections(
        folder,
        lambda rows: rows["indicator"].isin(KEPT) | (rows["file"] == "outcomes/housing.csv"),
    )
    counts = convert_folder(folder, tmp_path / "joined")
    joined, csv = load_store(tmp_path / "joined"), load_store(RAW)
    assert joined.held() == tuple(sorted(counts.indicators))
    assert set(joined.held()) == {*KEPT, *pd.read_csv(housing)["indicator"]}
    pd.testing.assert_frame_equal(joined.outcomes, csv.figures(joined.held()))


def test_nothing_is_written_when_a_table_is_wrong(tmp_path: Path) -> None:
    source_folder = Path(shutil.copytree(RAW, tmp_path / "raw"))
    with (source_folder / "outcomes" / "waste.csv").open("a", encoding="utf-8") as handle:
        handle.write("E06000001,2014/15,recycling_rate_pct,n/a\n")
    with pytest.raises(DataError, match="'n/a' is not a number"):
        convert_folder(source_folder, tmp_path / "store")
    assert os.listdir(tmp_path) == ["raw"]


def test_a_figure_in_two_tables_is_told(tmp_path: Path) -> None:
    source_folder = Path(shutil.copytree(RAW, tmp_path / "raw"))
    lines = (source_folder / "outcomes" / "waste.csv").read_text(encoding="utf-8").splitlines()
    (source_folder / "outcomes" / "zz.csv").write_text("\n".join(lines[:3]) + "\n")
    for attempt in (opened, check_folder):
        with pytest.raises(DataError) as caught:
            attempt(source_folder)
        (line,) = str(caught.value).splitlines()
        assert "outcomes/zz.csv, line 2 council E06000001 year 2010/11" in line
        assert "stand in outcomes/waste.csv too" in line


def test_a_store_is_exchanged_only_when_asked_and_only_for_a_store(
    folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "store"
    convert_folder(folder, target)
    with pytest.raises(DataError, match="is there already"):
        convert_folder(folder, target)
    shutil.rmtree(folder / "outcomes" / "indicator=landfill_share_pct")
    held = load_store(folder).held()
    keep_corrections(folder, lambda rows: rows["indicator"].isin(held))
    convert_folder(folder, target, replace=True)
    assert load_store(target).held() == held
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    for place, why in (
        (other, "is not a store"),
        (folder / "x", "lies in it"),
        (tmp_path, "lies in"),
    ):
        with pytest.raises(DataError, match=why):
            convert_folder(folder, place, replace=True)
    assert (other / "letter.txt").is_file()
    assert sorted(os.listdir(tmp_path)) == ["letters", "mine", "store"]


def test_a_store_is_put_back_when_the_new_one_cannot_take_its_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "store"
    convert_folder(folder, target)
    plain = os.rename

    def refuses(old: Path, new: Path) -> None:
        if new == target and old.name.startswith(".store-"):
            raise OSError(28, "No space left on device")
        plain(old, new)

    monkeypatch.setattr(os, "rename", refuses)
    with pytest.raises(DataError, match="No space left"):
        convert_folder(folder, target, replace=True)
    assert load_store(target).held() == tuple(sorted(KEPT))
    assert sorted(os.listdir(tmp_path)) == ["mine", "store"]


def test_a_store_comes_back_after_a_kill_between_two_renames(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "store"
    convert_folder(folder, target)
    os.rename(target, tmp_path / ".store.old")
    with_bytes(LANDFILL, lambda raw: raw[:-20])(folder)
    with pytest.raises(EvallibError, match="cut off"):
        convert_folder(folder, target, replace=True)
    assert load_store(target).held() == tuple(sorted(KEPT))
