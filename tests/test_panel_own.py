"""Tables of one's own: every format and layout gives the same figures, beside the project's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from own_tables import LONG, SATISFIED, VISITS, Rows, joined, long_table, plan_of
from publication_files import write_csv, write_ods, write_parquet, write_xlsx

from evallib.errors import DataError
from evallib.panel import open_store
from evallib.panel.build import panel_from_store
from evallib.panel.own.dates import read_date
from evallib.panel.own.percentages import find_mixture
from evallib.panel.own.values import read_figure
from evallib.panel.own.years import read_year, years_of_headings
from evallib.panel.periods import CALENDAR_YEAR
from evallib.plan.files import moved_to
from evallib.run.key import run_key

FIGURES = {
    ("E08000035", "2015/16", "satisfied_pct"): 61.5,
    ("E08000035", "2016/17", "satisfied_pct"): 62.0,
    ("E06000023", "2015/16", "satisfied_pct"): 58.0,
    ("E09000007", "2015/16", "satisfied_pct"): 70.25,
    ("E08000035", "2015/16", "library_visits_count"): 1_200_000.0,
    ("E08000035", "2016/17", "library_visits_count"): 1_250_000.0,
    ("E09000007", "2015/16", "library_visits_count"): 900.0,
}


def own_figures(store: Any, *names: str) -> dict[tuple[str, str, str], float]:
    rows = store.figures(names or ("satisfied_pct", "library_visits_count"))
    keys = rows[["council_code", "fin_year", "indicator"]].itertuples(index=False, name=None)
    return dict(zip(keys, rows["value"], strict=True))


def as_text(rows: Rows) -> Rows:
    return [[str(cell) for cell in row] for row in rows]


def write_sheets(path: Path, rows: Rows) -> Path:
    write = write_ods if path.suffix == ".ods" else write_xlsx
    return write(path, {"Notes": [["Made up"]], "Results": rows})


def write_table(path: Path, rows: Rows) -> Path:
    frame = pd.DataFrame(rows[1:], columns=[str(name) for name in rows[0]])
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path)) as open_:
            open_.register("frame", frame.astype(str))
            open_.execute('CREATE TABLE "my ""results" AS SELECT * FROM frame')
    else:
        open_ = sqlite3.connect(path)
        frame.astype(str).to_sql('my "results', open_, index=False)
        open_.close()
    return path


DATABASE = {"file": None, "table": 'my "results'}
FORMATS: dict[str, tuple[Callable[[Path, Rows], Path], dict[str, Any]]] = {
    "a.csv": (write_csv, {}),
    "a.xlsx": (write_sheets, {"sheet": "results"}),
    "a.ods": (write_sheets, {"sheet": "Results"}),
    "a.parquet": (lambda path, rows: write_parquet(path, as_text(rows)), {}),
    "a.duckdb": (write_table, DATABASE | {"database": "duckdb:///a.duckdb"}),
    "a.db": (write_table, DATABASE | {"database": "sqlite:///a.db"}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_figures(tmp_path: Path, name: str) -> None:
    write, keys = FORMATS[name]
    write(tmp_path / name, LONG)
    before = open_store()
    held = len(before.outcomes)
    table = long_table(name, indicators=[SATISFIED, VISITS], licence="OGL-UK-3.0", **keys)
    store = joined(tmp_path, table)
    assert own_figures(store) == FIGURES
    assert len(before.outcomes) == held and len(store.outcomes) == held + len(FIGURES)
    assert store.catalogue.describe("satisfied_pct")["title"] == SATISFIED["title"]
    added = store.inputs[-1]
    assert len(added["sha256"]) == 64 and added["rows"] == 4
    assert name in added["file"] and str(tmp_path) not in added["file"]
    assert added["publisher"] == "not recorded" and "Open Government" in added["attribution"]
    assert any("1 cell has no figure of library_visits_count" in note for note in store.notes)


def test_a_database_is_told_apart_by_its_rows_alone(tmp_path: Path) -> None:
    table = long_table("", file=None, database="duckdb:///a.duckdb", table="t")
    digests = []
    for rows in (LONG[1:], LONG[:0:-1], [*LONG[1:4], ["Hackney", "2015/16", 41, 2]]):
        (tmp_path / "a.duckdb").unlink(missing_ok=True)
        with duckdb.connect(str(tmp_path / "a.duckdb")) as open_:
            text = [[str(cell) for cell in row] for row in rows]
            open_.execute('CREATE TABLE t (Council TEXT, "Year" TEXT, "% satisfied" TEXT, x TEXT)')
            open_.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", text)
        digests.append(joined(tmp_path, table).inputs[-1]["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_the_environment_names_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "a.duckdb", LONG)
    monkeypatch.setenv("MY_TABLES", f"duckdb:///{tmp_path / 'a.duckdb'}")
    store = joined(tmp_path, long_table("", **DATABASE, database="env:MY_TABLES"))
    assert own_figures(store)[("E06000023", "2015/16", "satisfied_pct")] == 58
    assert store.inputs[-1]["file"] == 'env:MY_TABLES, table my "results'


@pytest.mark.parametrize("headings", [("2015/16", "2016/17"), (2015.0, 2016.0)])
def test_years_may_stand_in_the_headings(tmp_path: Path, headings: tuple[object, ...]) -> None:
    rows: Rows = [["Authority", *headings], ["Leeds MCC", 61, 62], ["Leeds City Council", 61, 62]]
    del rows[1]
    write_xlsx(tmp_path / "a.xlsx", {"One": rows})
    table = long_table("a.xlsx", council="Authority", year=None)
    table["indicators"] = [SATISFIED | {"column": "{year}"}]
    if isinstance(headings[0], float):
        table["year_means"] = "financial year ending"
    years = ["2014/15", "2015/16"] if isinstance(headings[0], float) else ["2015/16", "2016/17"]
    assert own_figures(joined(tmp_path, table)) == {
        ("E08000035", year, "satisfied_pct"): value
        for year, value in zip(years, (61.0, 62.0), strict=True)
    }


def test_marked_years_are_read_as_the_year_and_told(tmp_path: Path) -> None:
    marked = ["2019/20", "2020-21 [revised]", "2021/22 r", "2022-23*", "2023-24 (p)"]
    rows: Rows = [["Council", *marked, "2023-24 (%)"], ["Leeds", 1, 2, 3, 4, 5, 6]]
    write_csv(tmp_path / "wide.csv", rows)
    table = long_table("wide.csv", year=None, indicators=[VISITS | {"column": "{year}"}])
    store = joined(tmp_path, table)
    years = ["2019/20", "2020/21", "2021/22", "2022/23", "2023/24"]
    wanted = {("E08000035", y, VISITS["name"]): n for n, y in enumerate(years, 1)}
    assert own_figures(store, VISITS["name"]) == wanted
    told = "provisional 2023/24; revised 2020/21, 2021/22; with a note 2022/23."
    assert f"wide.csv: years with a mark are read as the year: {told}" in store.notes
    long: Rows = [["Council", "Year", "Visits"], ["Leeds", "2015p", 1], ["Leeds", "2016", 2]]
    write_csv(tmp_path / "long.csv", long)
    table = long_table("long.csv", indicators=[VISITS], year_means="financial year ending")
    store = joined(tmp_path, table)
    assert own_figures(store, VISITS["name"]) == {
        ("E08000035", "2014/15", VISITS["name"]): 1.0,
        ("E08000035", "2015/16", VISITS["name"]): 2.0,
    }
    assert any(note.endswith("provisional 2014/15.") for note in store.notes)


def test_a_mark_that_the_mapping_names_belongs_to_the_heading(tmp_path: Path) -> None:
    rows: Rows = [["Council", "2015/16", "2015/16 (r)"], ["Leeds", 1, 2]]
    write_csv(tmp_path / "wide.csv", rows)
    table = long_table("wide.csv", year=None, indicators=[VISITS | {"column": "{year} (r)"}])
    store = joined(tmp_path, table)
    assert own_figures(store, VISITS["name"]) == {("E08000035", "2015/16", VISITS["name"]): 2.0}


def test_several_indicators_may_stand_in_headings_or_in_one_column(tmp_path: Path) -> None:
    wide: Rows = [
        ["Council", "% satisfied 2015-16", "Visits 2015-16", "% satisfied 2016-17"],
        ["Leeds", 61.5, 1200000, 62],
    ]
    write_csv(tmp_path / "wide.csv", wide)
    columns = [SATISFIED | {"column": "% satisfied {year}"}, VISITS | {"column": "visits {year}"}]
    found = own_figures(joined(tmp_path, long_table("wide.csv", year=None, indicators=columns)))
    wanted = {key: value for key, value in FIGURES.items() if key[0] == "E08000035"}
    del wanted[("E08000035", "2016/17", "library_visits_count")]
    assert found == wanted
    tidy: Rows = [["Council", "Year", "Indicator", "Value"]]
    tidy += [["Leeds", "2015/16", "Satisfied", 61.5], ["Leeds", "2016/17", "satisfied", 62]]
    tidy += [["Leeds", "2015/16", "Visits", "1,200,000"], ["Leeds", "2016/17", "Staff", "?"]]
    write_csv(tmp_path / "tidy.csv", tidy)
    columns = [
        SATISFIED | {"column": "Value", "measure": "Satisfied"},
        VISITS | {"column": "Value", "measure": "Visits"},
    ]
    table = long_table("tidy.csv", measure="Indicator", indicators=columns)
    assert own_figures(joined(tmp_path, table)) == wanted


def test_shares_missing_marks_and_rows_that_are_no_councils(tmp_path: Path) -> None:
    rows: Rows = [
        ["Survey of residents", "", ""],
        ["Council", "Year", "% satisfied"],
        ["Leeds", 2015, 0.07],
        ["E06000023", 2015, -999],
        ["Camden", 2015, "[c]"],
        ["England", 2015, 0.5],
        ["E92000001", 2015, 0.5],
    ]
    write_xlsx(tmp_path / "a.xlsx", {"One": rows})
    table = long_table(
        "a.xlsx",
        header_row=2,
        leave_out=["England"],
        missing=["[c]", -999],
        year_means="calendar year",
        indicators=[SATISFIED | {"times": 100}],
    )
    store = joined(tmp_path, table)
    assert own_figures(store) == {("E08000035", "2015/16", "satisfied_pct"): 7.0}
    assert store.catalogue.rule("satisfied_pct") == CALENDAR_YEAR
    said = " ".join(store.notes)
    assert "1 row left out: 'England'" in said and "codes beginning E92" in said


def test_names_are_dated_and_a_checked_list_settles_the_doubtful(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Year", "% satisfied"]]
    rows += [["Dorset", "2018/19", 50], ["Dorset", "2019/20", 51]]
    rows += [["Newcastle", "2018/19", 52], ["All councils", "2018/19", 53]]
    write_csv(tmp_path / "a.csv", rows)
    names: Rows = [["name", "code", "rows"]]
    names += [["newcastle", "E07000195", 1], ["All councils", "leave out", 1]]
    write_csv(tmp_path / "names.csv", names)
    store = joined(tmp_path, long_table("a.csv", names="names.csv"))
    assert own_figures(store) == {
        ("E10000009", "2018/19", "satisfied_pct"): 50,
        ("E06000059", "2019/20", "satisfied_pct"): 51,
        ("E07000195", "2018/19", "satisfied_pct"): 52,
    }
    assert any("'Dorset' is read as the council then in office" in note for note in store.notes)
    by_hand = "a.csv: 1 name is settled by hand in names.csv: 'Newcastle' is Newcastle-under-Lyme"
    assert f"{by_hand} (E07000195)." in store.notes


def test_codes_are_followed_and_figures_outside_office_are_flagged(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Year", "% satisfied"]]
    rows += [["E06000048", "2012/13", 50], ["E10000002", "2021/22", 51], ["Chester", "2008/09", 5]]
    write_csv(tmp_path / "a.csv", rows)
    store = joined(tmp_path, long_table("a.csv"))
    figures = store.figures(["satisfied_pct"]).set_index("council_code")
    assert set(figures.index) == {"E06000057", "E10000002"}
    assert not figures.loc["E06000057", "is_recast"] and figures.loc["E10000002", "is_recast"]
    assert list(store.former_figures(["satisfied_pct"])["council_code"]) == ["E07000013"]


def test_a_shipped_indicator_may_be_replaced_as_a_whole(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Year", "Rate"], ["Leeds", "2023/24", 40]]
    write_csv(tmp_path / "a.csv", rows)
    mine = SATISFIED | {"column": "Rate", "name": "recycling_rate_pct", "replaces": True}
    store = joined(tmp_path, long_table("a.csv", indicators=[mine]))
    assert own_figures(store, "recycling_rate_pct") == {
        ("E08000035", "2023/24", "recycling_rate_pct"): 40
    }
    assert list(store.catalogue.names).count("recycling_rate_pct") == 1
    assert store.catalogue.describe("recycling_rate_pct")["title"] == SATISFIED["title"]
    assert len(open_store().figures(["recycling_rate_pct"])) > 4000


def test_a_register_of_ones_own_keeps_the_precision_of_its_dates(tmp_path: Path) -> None:
    rows: Rows = [["Council", "When", "Type", "Sure", "Until", "Note"]]
    rows += [["Leeds", "04/05/2021", "Peer visit", "high", "June 2021", "a"]]
    rows += [["Bristol", "May 2021", "Follow-up", "low", "", ""]]
    rows += [["E09000007", "2021", "Peer visit", "Medium", "", ""]]
    rows += [["Durham County Council", "2021/22", "Peer visit", "high", "", ""]]
    write_csv(tmp_path / "visits.csv", rows)
    table = {
        "file": "visits.csv",
        "register": "my_visits",
        "council": "Council",
        "kind_column": "Type",
        "start_date": "When",
        "end_date": "Until",
        "confidence": "Sure",
        "note": "Note",
    }
    events = joined(tmp_path, table).registers["my_visits"]
    columns = ["council_code", "kind", "start_date", "date_precision", "end_date", "confidence"]
    assert events[columns].to_numpy().tolist() == [
        ["E08000035", "peer_visit", "2021-05-04", "day", "2021-06", "high"],
        ["E06000023", "follow_up", "2021-05", "month", "", "low"],
        ["E09000007", "peer_visit", "2021", "year", "", "medium"],
        ["E06000047", "peer_visit", "2021-04-01", "financial_year", "", "high"],
    ]
    assert set(events["set_aside"]) == {""}


def test_the_panel_holds_own_figures_beside_shipped_ones(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", LONG)
    outcomes = [
        {"indicator": "satisfied_pct", "role": "primary", "meaningful_change": 1},
        {"indicator": "rereferrals_within_12_months_pct", "meaningful_change": 1},
    ]
    plan = plan_of(tmp_path, long_table("a.csv"), outcomes=outcomes)
    panel = panel_from_store(plan, open_store())
    row = panel.frame.set_index(["council_code", "fin_year"]).loc[("E08000035", "2016/17")]
    assert row["satisfied_pct"] == 62 and row["rereferrals_within_12_months_pct"] > 0
    inputs = panel.store.inputs
    other = [one | {"sha256": "0" * 64} if one["file"] == "a.csv" else one for one in inputs]
    package = Path(__file__).parents[1] / "evallib" / "plan"
    assert run_key(plan, inputs, [], package).data != run_key(plan, other, [], package).data


def test_a_plan_that_is_kept_elsewhere_still_finds_its_tables(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", LONG)
    table = long_table("a.csv")
    plan = plan_of(tmp_path, table)
    folder = tmp_path / "outputs" / "run"
    folder.mkdir(parents=True)
    moved = moved_to(plan.effective(), plan.path, folder)
    assert moved["own_data"][0]["file"] == "../../a.csv"
    assert plan.effective()["own_data"][0]["file"] == "a.csv"
    store = joined(folder, table | {"file": "../../a.csv"})
    assert len(store.figures(["satisfied_pct"])) == 4


def test_years_figures_and_dates_as_people_write_them() -> None:
    for cell in ("2015/16", "2015-16", "2015/2016", "2015\u201316", "FY2015/16", "2015 to 2016"):
        year = read_year(cell)
        assert (year.first, year.is_pair) == (2015, True), cell
    for cell in ("1999/00", "1999-2000"):
        assert read_year(cell).first == 1999
    for cell in (2015, 2015.0, "2015", "FY 2015"):
        assert (read_year(cell).first, read_year(cell).is_pair) == (2015, False)
    assert read_figure("\u2212\u00a31,234.50", (), is_percent=False) == -1234.5
    assert read_figure("\u00a31,234.50", (), is_percent=False) == 1234.5
    assert read_figure("12.5 %", (), is_percent=True) == 12.5
    assert read_date(date(2021, 5, 4)).text == "2021-05-04"
    assert years_of_headings(["2015", "a 2015", "2015 to 2016"], "{year}") == [
        (0, "2015"),
        (2, "2015 to 2016"),
    ]


def scores(values: list[float], periods: list[int], councils: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"value": values, "period": periods, "council_code": councils})


def test_shares_among_percentages_are_found_by_gap_year_and_council() -> None:
    gap = find_mixture(scores([0.45, 0.5, 52, 61], [1, 1, 2, 2], list("abab")))
    assert gap is not None and gap.kind == "mixed" and list(gap.low) == [0, 1]
    shares = find_mixture(scores([0.45, 0.0, 1], [1, 1, 2], list("aba")))
    assert shares is not None and shares.kind == "shares"
    low = [0.2, 0.5, 0.9, 1.0, 1.0]
    years = find_mixture(scores([*low, 2, 20, 50, 90, 100], [1] * 5 + [2] * 5, list("abcde") * 2))
    assert years is not None and list(years.low) == [0, 1, 2, 3, 4]
    council = scores([0.3, 0.6, 1, 2, 40, 60, 90], [1, 2, 3] * 2 + [1], list("aaabbbc"))
    found = find_mixture(council)
    assert found is not None and list(found.low) == [0, 1, 2]
    assert find_mixture(scores([0.2, 0.5, 0.9, 1.2, 3], [1] * 5, list("abcde"))) is None
    assert (
        find_mixture(scores([0.6, 0.7, 0.9, 0.8, 0.9, 1.4], [1] * 5 + [2], list("abcdea"))) is None
    )


def test_rows_without_a_figure_need_no_council_and_no_year(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Year", "% satisfied"], ["Leeds", "2015/16", 50]]
    rows += [["Gotham", "2015/16", ""], ["Source: a survey", "", ".."]]
    write_csv(tmp_path / "a.csv", rows)
    store = joined(tmp_path, long_table("a.csv", missing=[".."]))
    assert own_figures(store) == {("E08000035", "2015/16", "satisfied_pct"): 50}
    assert any("2 cells have no figure of satisfied_pct" in note for note in store.notes)


def test_a_recast_table_must_say_on_which_boundaries(tmp_path: Path) -> None:
    rows: Rows = [["Council", "2017/18", "2019/20"], ["Dorset", 50, 51]]
    rows += [["Bournemouth, Christchurch and Poole", 52, 53]]
    write_csv(tmp_path / "a.csv", rows)
    table = long_table("a.csv", year=None, indicators=[SATISFIED | {"column": "{year}"}])
    with pytest.raises(DataError) as error:
        joined(tmp_path, table)
    assert len(error.value.faults) == 1
    assert "names_as_of" in str(error.value) and "'Dorset' may then mean" in str(error.value)
    store = joined(tmp_path, table | {"names_as_of": "2019/20"})
    figures = store.figures(["satisfied_pct"])
    assert set(figures["council_code"]) == {"E06000059", "E06000058"}
    assert list(figures["is_recast"]) == [True, False, True, False]


def test_a_change_is_not_taken_across_a_break_of_ones_own_series(tmp_path: Path) -> None:
    rows: Rows = [["Council", "Year", "% satisfied"]]
    rows += [["Leeds", "2015/16", 50], ["Leeds", "2016/17", 55], ["Leeds", "2017/18", 80]]
    write_csv(tmp_path / "a.csv", rows)
    broken = SATISFIED | {"breaks": [{"first_year_after": "2017/18", "what": "asked by post"}]}
    outcomes = [
        {"indicator": "change_pp", "role": "primary", "meaningful_change": 1},
        {"indicator": "rereferrals_within_12_months_pct", "meaningful_change": 1},
    ]
    derived = [{"name": "change_pp", "change": "satisfied_pct"}]
    changes = {}
    for name, one in (("whole", SATISFIED), ("broken", broken)):
        table = long_table("a.csv", indicators=[one])
        plan = plan_of(tmp_path, table, outcomes=outcomes, derived=derived)
        figures = panel_from_store(plan, open_store()).figures
        own = figures[figures["indicator"] == "change_pp"]
        changes[name] = dict(zip(own["fin_year"], own["value"], strict=True))
    assert changes == {"whole": {"2016/17": 5, "2017/18": 25}, "broken": {"2016/17": 5}}


def test_a_series_that_is_replaced_loses_the_breaks_of_the_shipped_one(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [["Council", "Year", "Rate"], ["Leeds", "2023/24", 40]])
    mine = SATISFIED | {"column": "Rate", "name": "recycling_rate_pct", "replaces": True}
    store = joined(tmp_path, long_table("a.csv", indicators=[mine]))
    assert len(open_store().catalogue.breaks_of(["recycling_rate_pct"]))
    assert store.catalogue.breaks_of(["recycling_rate_pct"]).empty


def test_tables_that_the_plan_uses_for_nothing_are_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", LONG)
    used = [{"indicator": "satisfied_pct", "role": "primary", "meaningful_change": 1}]
    idle = panel_from_store(plan_of(tmp_path, long_table("a.csv")), open_store()).store.notes
    assert "own_data: no outcome of the plan uses satisfied_pct." in idle
    plan = plan_of(tmp_path, long_table("a.csv"), outcomes=used)
    assert not [note for note in panel_from_store(plan, open_store()).store.notes if "uses" in note]
