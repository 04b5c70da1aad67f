"""Events of abolished councils reach the council that followed them by a stated rule."""

from __future__ import annotations

import functools

import pandas as pd
import pytest

from evallib.design import build_designs
from evallib.exposure import Exposure, build_exposure
from evallib.exposure.predecessors import (
    OF_PREDECESSOR,
    SHARE_UNKNOWN,
    may_be_first,
    pass_on_events,
    reaching,
)
from evallib.panel import Panel, build_panel
from evallib.panel.boundaries.area import Area
from evallib.plan import Plan, load_plan

ADD, KEEP = "boundaries=aggregate_to_successor", "boundaries=keep_predecessors"
EARLY = "known_from=2016/17"
EMPTY = "long_term_empty_homes_pct"
BUCKS, NORTH_YORKSHIRE, SOMERSET = "E06000060", "E06000065", "E06000066"
CUMBERLAND, WESTMORLAND, NORTH_NORTHANTS = "E06000063", "E06000064", "E06000061"
WEST_NORTHANTS, SOUTH_NORTHANTS, CHERWELL = "E06000062", "E07000155", "E07000177"


@functools.cache
def built(name: str, *overrides: str) -> tuple[Plan, Panel, Exposure]:
    plan = load_plan(name, overrides)
    panel = build_panel(plan)
    return plan, panel, build_exposure(plan, panel)


def council(exposure: Exposure, code: str) -> pd.Series:
    return exposure.councils.set_index("council_code").loc[code]


def rows_of(exposure: Exposure, code: str, kind: str = "cpc") -> pd.DataFrame:
    passed = exposure.passed_on
    return passed[(passed["council_code"] == code) & (passed["kind"] == kind)]


def events_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Return events by predecessor, first and last possible day."""
    table = pd.DataFrame(rows, columns=["of_council", "began", "latest"])
    for column in ("began", "latest"):
        table[column] = pd.to_datetime(table[column])
    return table.assign(event_date=table["began"], doubt="")


AREA = Area(
    held={
        "a": frozenset("a"),
        "b": frozenset("b"),
        "c": frozenset("c"),
        "county": frozenset("abc"),
    },
    weights={"a": 50.0, "b": 30.0, "c": 20.0},
    parts=frozenset("abc"),
)
BLIND = Area(AREA.held, {}, AREA.parts)
A, B, C = (
    ("a", "2020-01-01", "2020-01-01"),
    ("b", "2021-01-01", "2021-01-01"),
    ("c", "2022-01-01", "2022-01-01"),
)
COUNTY = ("county", "2022-06-01", "2022-06-01")
VAGUE_A = ("a", "2020-01-01", "2020-12-31")


@pytest.mark.parametrize(
    ("area", "rows", "doubtful", "share", "passed", "doubts"),
    [
        (AREA, [A, B, C], [], 0.5, ["a", "b", "c"], 0),
        (AREA, [A, B, C], [], 0.6, ["b", "c"], 0),  # a and b together hold 0.8
        (AREA, [A, B, C], [], 1.0, ["c"], 0),
        (AREA, [C], [], 0.5, [], 0),
        (AREA, [C, COUNTY], [], 0.5, ["county"], 0),  # the county holds all districts
        (AREA, [A, A], [], 0.6, [], 0),  # one council twice is one council
        (BLIND, [A, B], [], 0.5, ["a", "b"], 2),
        (BLIND, [A, B, C], [], 0.5, ["a", "b", "c"], 2),  # with the last all had met one
        (BLIND, [COUNTY], [], 0.5, ["county"], 0),
        (AREA, [VAGUE_A, B], [0], 0.5, ["a", "b"], 1),  # b alone is 0.3, with a perhaps 0.8
        (AREA, [VAGUE_A, B], [0], 0.9, [], 0),
    ],
)
def test_the_share_is_counted_once_an_area(
    area: Area,
    rows: list[tuple[str, str, str]],
    doubtful: list[int],
    share: float,
    passed: list[str],
    doubts: int,
) -> None:
    events = events_of(*rows)
    sure = ~events.index.to_series().isin(doubtful)
    found = reaching(events, sure, area, share)
    assert found["of_council"].tolist() == passed
    assert found["doubt"].eq(SHARE_UNKNOWN).sum() == doubts


@pytest.mark.parametrize(
    ("rows", "doubtful", "passed"),
    [
        ([A, B, C], [], ["a"]),
        ([B, A], [], ["a"]),
        ([VAGUE_A, B], [0], ["a", "b"]),  # the first may not have been
        ([A, ("b", "2020-06-01", "2020-06-30"), C], [0], ["a", "b"]),
        ([A, B], [0, 1], ["a", "b"]),
        ([B, ("a", "2020-07-01", "2021-06-30")], [1], ["b", "a"]),
    ],
)
def test_the_first_event_is_all_that_may_be_first(
    rows: list[tuple[str, str, str]], doubtful: list[int], passed: list[str]
) -> None:
    events = events_of(*rows)
    sure = ~events.index.to_series().isin(doubtful)
    assert may_be_first(events, sure)["of_council"].tolist() == passed


def test_nothing_is_passed_on_under_drop() -> None:
    _, _, exposure = built("peer_challenge")
    assert exposure.passed_on.empty


def test_every_event_reaches_every_successor_of_its_area() -> None:
    plan, _, exposure = built("peer_challenge", ADD, EARLY)
    bucks = rows_of(exposure, BUCKS)
    assert sorted(bucks["of_council"].unique()) == ["E07000005", "E07000006"]
    assert council(exposure, BUCKS)["event_date"] == pd.Timestamp(2017, 11, 1)
    assert council(exposure, BUCKS)["event_year"] == "2017/18"
    for code in (CUMBERLAND, WESTMORLAND):  # a county's event reaches both parts
        assert rows_of(exposure, code)["of_council"].tolist() == ["E10000006"]
        assert council(exposure, code)["event_date"] == pd.Timestamp(2019, 6, 1)
    # the register itself stays: coverage counts no copy
    _, _, alone = built("peer_challenge", EARLY)
    assert exposure.coverage.equals(alone.coverage)
    assert len(exposure.events) == len(alone.events)
    assert plan.predecessor_events.rule == "any"


def test_precision_confidence_and_joint_events_go_along() -> None:
    _, _, exposure = built("peer_challenge", ADD, "known_from=2013/14")
    # Chiltern and South Bucks in 2014: dated to the year
    assert council(exposure, BUCKS)["status"] == "exposed_date_unknown"
    assert "dated too coarsely" in council(exposure, BUCKS)["reason"]
    # South Northamptonshire in 2016, of low confidence, joint with Cherwell
    row = rows_of(exposure, WEST_NORTHANTS).set_index("of_council").loc[SOUTH_NORTHANTS]
    assert (row["confidence"], row["date_precision"]) == ("low", "year")
    cherwell = exposure.events[exposure.events["council_code"] == CHERWELL]
    assert row["joint_id"] in set(cherwell["joint_id"])


def test_partners_of_a_predecessor_share_its_successors_cluster() -> None:
    overrides = (ADD, "known_from=2016/17", "date_precision=year", "min_confidence=low")
    _, _, exposure = built("peer_challenge", *overrides)
    dates = [council(exposure, code)["event_date"] for code in (WEST_NORTHANTS, CHERWELL)]
    assert dates[0] == dates[1]
    clusters = {council(exposure, code)["cluster"] for code in (WEST_NORTHANTS, CHERWELL)}
    assert clusters == {WEST_NORTHANTS}


def test_first_passes_only_what_may_be_the_earliest() -> None:
    _, _, exposure = built("peer_challenge", ADD, EARLY, "predecessor_events.rule=first")
    # Selby in November 2017, Harrogate in September 2018
    assert rows_of(exposure, NORTH_YORKSHIRE)["of_council"].tolist() == ["E07000169"]
    _, _, every = built("peer_challenge", ADD, EARLY)
    assert set(rows_of(every, NORTH_YORKSHIRE)["of_council"]) == {"E07000165", "E07000169"}
    first, of_every = (council(one, NORTH_YORKSHIRE)["event_date"] for one in (exposure, every))
    assert first == of_every == pd.Timestamp(2017, 11, 1)
    # Somerset County's of 2014 is history, South Somerset's of 2017 the first studied one
    assert len(rows_of(exposure, SOMERSET)) == 2
    assert council(exposure, SOMERSET)["event_date"] == pd.Timestamp(2017, 3, 1)


def test_share_needs_predecessors_with_enough_of_the_people() -> None:
    rule = ("predecessor_events.rule=share",)
    _, _, half = built("peer_challenge", ADD, EARLY, *rule)
    # Chiltern and South Bucks hold about 30 per cent of Buckinghamshire's dwellings
    assert rows_of(half, BUCKS).empty
    assert council(half, BUCKS)["status"] == "no_record"
    _, _, less = built("peer_challenge", ADD, EARLY, *rule, "predecessor_events.share=0.3")
    assert council(less, BUCKS)["event_date"] == pd.Timestamp(2017, 11, 1)
    _, _, more = built("peer_challenge", ADD, EARLY, *rule, "predecessor_events.share=0.32")
    assert rows_of(more, BUCKS).empty
    # a county is the whole area of its successors
    assert council(half, CUMBERLAND)["event_date"] == pd.Timestamp(2019, 6, 1)


def test_an_unknown_share_makes_the_date_unknown() -> None:
    _, _, exposure = built("peer_challenge", ADD, EARLY, "predecessor_events.rule=share")
    mine = council(exposure, NORTH_YORKSHIRE)
    assert mine["status"] == "exposed_date_unknown"
    assert SHARE_UNKNOWN in mine["reason"]
    assert set(rows_of(exposure, NORTH_YORKSHIRE)["doubt"]) == {SHARE_UNKNOWN}


def test_reviews_are_passed_on_only_without_their_challenge() -> None:
    plan, panel, exposure = built("peer_challenge", ADD)
    events = exposure.events
    # South Somerset's follow-up of 2018 lies within 18 months of its challenge of March 2017
    assert rows_of(exposure, SOMERSET, "follow_up").empty
    gone = events[~((events["council_code"] == "E07000189") & (events["kind"] == "cpc"))]
    passed = pass_on_events(plan, panel, gone)
    mine = passed[(passed["council_code"] == SOMERSET) & (passed["kind"] == "follow_up")]
    assert mine["of_council"].tolist() == ["E07000189"]
    never = events["kind"].eq("never_by_date")
    as_never = events.assign(kind=events["kind"].where(never, "never_by_date"))
    assert pass_on_events(plan, panel, as_never).empty


def test_a_kept_successor_of_an_exposed_council_compares_with_nobody() -> None:
    plan, panel, exposure = built("childrens_intervention", KEEP)
    # Northamptonshire: statutory direction in November 2018
    mine = council(exposure, NORTH_NORTHANTS)
    assert mine["status"] == "exposed_date_unknown"
    assert OF_PREDECESSOR in mine["reason"]
    assert council(exposure, "E10000021")["event_year"] == "2018/19"
    for design in build_designs(plan, panel, exposure):
        assert not {NORTH_NORTHANTS, WEST_NORTHANTS} & set(design.councils["council_code"])
        assert "E10000021" in set(design.councils["council_code"])
    # Cumbria's direction of 2015 is history of both that followed it
    assert council(exposure, CUMBERLAND)["earlier_event"] == pd.Timestamp(2015, 11, 9)


def test_concurrent_events_of_predecessors_are_met_too() -> None:
    plan, panel, exposure = built("peer_challenge", ADD, "known_from=2018/19")
    design = build_designs(plan, panel, exposure).get(EMPTY)
    met = design.councils.set_index("council_code")["concurrent"]
    assert "section 114 notice 2018" in met[NORTH_NORTHANTS]
    assert "best value statutory intervention 2018" in met[NORTH_NORTHANTS]


def test_passing_on_changes_nothing_given() -> None:
    plan, panel, exposure = built("peer_challenge", ADD, EARLY, "predecessor_events.rule=share")
    before = exposure.events.copy()
    pass_on_events(plan, panel, exposure.events)
    pd.testing.assert_frame_equal(exposure.events, before)
