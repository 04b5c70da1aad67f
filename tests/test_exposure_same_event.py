"""Several rows of one event: held against the real registers."""

from __future__ import annotations

import pandas as pd
import pytest

from evallib.exposure.events import read_events
from evallib.exposure.same_event import is_same_event, join_same_events, look_alikes
from evallib.panel import open_store


@pytest.fixture(scope="module")
def peer() -> pd.DataFrame:
    return read_events(open_store().registers["peer_challenges"])


@pytest.fixture(scope="module")
def interventions() -> pd.DataFrame:
    return read_events(open_store().registers["interventions"])


def of(events: pd.DataFrame, council: str, kind: str, year: str) -> pd.DataFrame:
    own = events[(events["council_name"] == council) & (events["kind"] == kind)]
    return own[own["start_date"].str.startswith(year)]


def again(events: pd.DataFrame, row: pd.DataFrame, **cells: str) -> pd.DataFrame:
    """Return the register's rows and a second one of an event, as another source would date it."""
    raw = row[["council_code", "council_name", "kind", "end_status", "note"]].assign(
        start_date=cells["start_date"],
        date_precision=cells["date_precision"],
        confidence=cells["confidence"],
        source_title=cells.get("source_title", "Second source"),
        source_url="",
        end_date="",
        set_aside="",
    )
    return pd.concat([events, read_events(raw)], ignore_index=True)


def test_no_row_of_the_shipped_registers_stands_twice() -> None:
    for register in open_store().registers.values():
        events = read_events(register)
        kept, joined = join_same_events(events)
        assert joined.empty
        pd.testing.assert_frame_equal(kept, events)


def test_rows_that_look_alike_are_told_and_kept_apart(
    peer: pd.DataFrame, interventions: pd.DataFrame
) -> None:
    visits = look_alikes(peer).set_index("council_name")["why_distinct"]
    assert set(visits.index) == {"Cornwall", "Sandwell", "Wolverhampton"}
    assert set(visits) == {"another kind of event"}
    acts = look_alikes(interventions).set_index("council_name")["why_distinct"]
    # each had a second section 114 notice within weeks, as the notes say
    assert set(acts.index) == {"Birmingham", "Croydon"}
    assert set(acts) == {"an act with a date of its own"}


@pytest.mark.parametrize(
    ("council", "year", "second", "taken"),
    [
        # dated to the year on file, to the day by another source: the finer row is taken
        ("Swale", "2023", ("2023-06-12", "day", "low"), ("2023-06-12", "low", "Second source")),
        # dated to the day on file: a coarser row adds nothing, however sure
        ("Ashfield", "2024", ("2024", "year", "high"), ("2024-06-04", "high", "LGA report page")),
        ("Ashfield", "2024", ("2024-06", "month", "high"), ("2024-06-04", "high", None)),
        # the day of the report, three weeks later, is the same visit; the surer row is taken
        ("Ashfield", "2024", ("2024-06-27", "day", "medium"), ("2024-06-04", "high", None)),
    ],
)
def test_a_second_row_of_a_visit_is_joined(
    peer: pd.DataFrame,
    council: str,
    year: str,
    second: tuple[str, str, str],
    taken: tuple[str, str, str | None],
) -> None:
    first = of(peer, council, "cpc", year)
    assert len(first) == 1
    names = ("start_date", "date_precision", "confidence")
    kept, joined = join_same_events(again(peer, first, **dict(zip(names, second, strict=True))))
    assert len(kept) == len(peer)
    assert joined[["council_name", "kind"]].to_numpy().tolist() == [[council, "cpc"]]
    row = of(kept, council, "cpc", year).iloc[0]
    assert (row["start_date"], row["confidence"]) == taken[:2]
    if taken[2]:
        assert row["source_title"] == taken[2]


def test_the_end_is_that_of_the_first_row_with_one(peer: pd.DataFrame) -> None:
    first = of(peer, "Ashfield", "cpc", "2024")
    assert str(first["end_latest"].iloc[0].date()) == "2024-06-07"
    wide = again(peer, first, start_date="2024-06-03", date_precision="day", confidence="high")
    kept, _ = join_same_events(wide)
    row = of(kept, "Ashfield", "cpc", "2024").iloc[0]
    assert row["start_date"] == "2024-06-03"
    assert str(row["end_latest"].date()) == "2024-06-07"


@pytest.mark.parametrize(
    ("council", "kind", "year", "second", "precision"),
    [
        ("Ashfield", "cpc", "2024", "2024-07-15", "day"),  # five weeks later
        ("Arun", "cpc", "2014", "2015-01", "month"),  # another year than the year on file
        ("Birmingham", "section_114_notice", "2023-09-05", "2023-09-06", "day"),  # an act
        ("Barnet", "exceptional_financial_support", "2025", "2027-04-01", "financial_year"),
    ],
)
def test_distinct_events_stay_distinct(
    peer: pd.DataFrame,
    interventions: pd.DataFrame,
    council: str,
    kind: str,
    year: str,
    second: str,
    precision: str,
) -> None:
    events = peer if kind == "cpc" else interventions
    wide = again(
        events,
        of(events, council, kind, year),
        start_date=second,
        date_precision=precision,
        confidence="high",
    )
    kept, joined = join_same_events(wide)
    assert joined.empty
    assert len(kept) == len(events) + 1


def test_a_coarse_row_never_joins_two_finer_ones(peer: pd.DataFrame) -> None:
    # Blackburn with Darwen had two challenges, of July 2023 and a progress review of 2024: a row
    # of the year 2023 and one of November 2023 must leave two events, not one
    first = of(peer, "Blackburn with Darwen", "cpc", "2023")
    wide = again(peer, first, start_date="2023-11", date_precision="month", confidence="high")
    wide = again(wide, first, start_date="2023", date_precision="year", confidence="high")
    kept, joined = join_same_events(wide)
    assert len(of(kept, "Blackburn with Darwen", "cpc", "2023")) == 2
    assert joined["kept_date"].tolist() == ["2023-07-11"]


def test_an_act_of_the_same_date_is_one(interventions: pd.DataFrame) -> None:
    first = of(interventions, "Birmingham", "section_114_notice", "2023-09-05")
    wide = again(
        interventions, first, start_date="2023-09-05", date_precision="day", confidence="low"
    )
    kept, joined = join_same_events(wide)
    assert len(kept) == len(interventions)
    assert joined["joined_confidence"].tolist() == ["low"]
    row, other = first.iloc[0].to_dict(), first.iloc[0].to_dict()
    assert is_same_event(row, other)
    assert not is_same_event(row, {**other, "kind": "best_value_notice"})
