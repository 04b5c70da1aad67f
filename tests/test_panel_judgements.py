"""Judgements as ordered grades: what is read, what is refused, what is never compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from evallib.errors import DataError
from evallib.exposure import build_exposure
from evallib.exposure.judged import (
    AFTER,
    BEFORE,
    NO_EVENT,
    SAME_YEAR,
    UNKNOWN,
    Judged,
    build_judgements,
)
from evallib.panel import Store, build_panel, load_store
from evallib.panel.judgements import TABLE, pair_within_frameworks, read_judgements
from evallib.plan import load_plan

RAW = Path(__file__).parents[1] / "data" / "raw"
Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def store() -> Store:
    return load_store(RAW, strict=True, label="data/raw")


def changed(store: Store, change: Change) -> Store:
    return replace(store, tables={**store.tables, TABLE: change(store.tables[TABLE].copy())})


def with_cell(column: str, value: object, line: int = 0) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[table.index[line], column] = value
        return table

    return change


def test_grades_are_places_on_their_frameworks_ladder(store: Store) -> None:
    found = read_judgements(store)
    assert len(found.frame) == 374
    assert found.left_out.empty
    words = found.frame.groupby(["framework", "judgement"])["grade"].agg(["min", "max"])
    assert (words["min"] == words["max"]).all()
    assert words.loc[("slac", "Adequate"), "min"] == 2
    assert words.loc[("sif", "Requires improvement to be good"), "min"] == 2
    assert (found.frame["is_good_or_better"] == (found.frame["grade"] >= 3)).all()
    assert found.of("sif")["grade"].value_counts().to_dict() == {2: 64, 3: 49, 1: 33, 4: 3}


def test_recoded_councils_stand_under_their_current_code(store: Store) -> None:
    codes = set(read_judgements(store).frame["council_code"])
    assert {"E08000038", "E08000039"} <= codes
    assert not {"E08000016", "E08000019"} & codes


def test_no_grade_is_handed_on_to_a_successor(store: Store) -> None:
    kept = read_judgements(store).frame
    assert "Cumbria" in set(kept["council_name"])
    for policy in ("drop", "aggregate_to_successor"):
        found = read_judgements(store, boundaries=policy)
        assert found.left_out["rows"].sum() == 19 == len(kept) - len(found.frame)
        assert not {"Cumbria", "Cumberland"} & set(found.frame["council_name"])


def test_a_judgement_out_of_office_is_left_out_with_its_count(store: Store) -> None:
    late = changed(store, lambda table: table.assign(year=table["year"] + 20))
    found = read_judgements(late)
    assert found.left_out["rows"].tolist() == [19]
    assert "not in office" in found.left_out["reason"][0]


BAD: dict[str, tuple[Change, list[str]]] = {
    "a framework without a ladder": (
        with_cell("framework", "siff"),
        ["column framework", "line 2", "E06000001", "Did you mean 'sif'", "Mend the cell"],
    ),
    "a grade of another framework": (
        with_cell("judgement", "Requires improvement to be good"),
        ["column judgement", "line 2", "not a grade of 'slac'", "Adequate"],
    ),
    "a misspelt grade": (
        with_cell("judgement", "Godo"),
        ["column judgement", "Did you mean 'Good'"],
    ),
    "a year that is none": (with_cell("year", 20.0), ["column year", "line 2", "20"]),
    "two judgements in a year": (
        lambda table: pd.concat([table, table.iloc[:1]]),
        ["E06000001", "two judgements under one framework", "1 rows"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_refused_with_its_place(store: Store, case: str) -> None:
    change, words = BAD[case]
    with pytest.raises(DataError) as error:
        read_judgements(changed(store, change))
    for word in words:
        assert word in str(error.value)


def test_all_faults_come_at_once(store: Store) -> None:
    def both(table: pd.DataFrame) -> pd.DataFrame:
        return with_cell("year", 20.0, 3)(with_cell("framework", "siff")(table))

    with pytest.raises(DataError) as error:
        read_judgements(changed(store, both))
    assert len(error.value.faults) == 2


def test_a_store_without_the_table_is_refused(store: Store) -> None:
    bare = replace(store, tables={k: v for k, v in store.tables.items() if k != TABLE})
    with pytest.raises(DataError, match="there is no such table"):
        read_judgements(bare)


def test_a_framework_of_ones_own_needs_its_ladder(store: Store) -> None:
    own = changed(store, with_cell("framework", "own"))
    with pytest.raises(DataError, match="'own' is not one of"):
        read_judgements(own)
    ladders = {"own": ("Poor", "Good"), **dict.fromkeys(("slac", "cpi", "sif", "ilacs"), ())}
    with pytest.raises(DataError) as error:
        read_judgements(own, ladders=ladders)
    assert "'own'" not in str(error.value)


def test_the_shipped_table_has_no_two_judgements_under_one_framework(store: Store) -> None:
    pairs = read_judgements(store).pairs()
    assert pairs.frame.empty
    assert pairs.across["pairs"].sum() == 225
    assert (pairs.across["framework"] != pairs.across["next_framework"]).all()


def test_pairs_stay_within_a_framework() -> None:
    rows = [
        ("E1", "sif", 2014, 1),
        ("E1", "sif", 2016, 2),
        ("E1", "ilacs", 2019, 3),
        ("E2", "sif", 2015, 4),
        ("E1", "ilacs", 2022, 2),
    ]
    frame = pd.DataFrame(rows, columns=["council_code", "framework", "year", "grade"])
    found = pair_within_frameworks(frame)
    assert found.frame[["year", "next_year", "grade", "next_grade"]].to_numpy().tolist() == [
        [2014, 2016, 1, 2],
        [2019, 2022, 3, 2],
    ]
    assert found.across.to_numpy().tolist() == [["sif", "ilacs", 1]]


@pytest.fixture(scope="module")
def judged() -> Judged:
    plan = load_plan("childrens_intervention")
    panel = build_panel(plan)
    return build_judgements(plan, panel, build_exposure(plan, panel))


def place(judged: Judged, name: str) -> dict[int, str]:
    rows = judged.frame[judged.frame["council_name"] == name]
    return dict(zip(rows["year"], rows["position"], strict=True))


def test_every_judgement_has_a_side_of_the_event(judged: Judged) -> None:
    assert set(judged.frame["position"]) == {BEFORE, SAME_YEAR, AFTER, NO_EVENT, UNKNOWN}
    assert judged.left_out["rows"].sum() == 19
    # The register has a notice for Birmingham in 2009 and a trust for Doncaster in 2014.
    assert set(place(judged, "Birmingham").values()) == {AFTER}
    assert place(judged, "Doncaster") == {2012: BEFORE, 2013: BEFORE, 2016: AFTER}


def test_a_judgement_of_the_events_own_year_is_on_neither_side(judged: Judged) -> None:
    rows = judged.compared("sif")
    whole = judged.frame[judged.frame["framework"] == "sif"]
    assert set(rows["position"]) == {BEFORE, AFTER, NO_EVENT}
    assert len(whole) - len(rows) == whole["position"].isin([SAME_YEAR, UNKNOWN]).sum() > 0
    assert (rows["is_after"] == (rows["position"] == AFTER)).all()
    with pytest.raises(DataError, match="Did you mean 'sif'"):
        judged.compared("siff")
