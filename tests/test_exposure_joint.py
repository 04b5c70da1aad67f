"""Joint events: one assignment and one cluster, on the real rows."""

from __future__ import annotations

import pandas as pd
import pytest

from evallib import build_exposure, build_panel, load_plan
from evallib.exposure.events import read_events
from evallib.exposure.joint import names_of_councils, read_partners, settle_joint_events
from evallib.panel import open_store

PAIRS = {
    "Babergh and Mid Suffolk",
    "Bolsover and North East Derbyshire",
    "Breckland and South Holland",
    "Broadland and South Norfolk",
    "Bromsgrove and Redditch",
    "Cherwell and South Northamptonshire",
    "Chiltern and South Bucks",
    "High Peak and Staffordshire Moorlands",
    "Malvern Hills and Wychavon",
    "South Hams and West Devon",
}


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return read_events(open_store().registers["peer_challenges"])


@pytest.fixture(scope="module")
def councils() -> pd.DataFrame:
    return open_store().councils


@pytest.fixture(scope="module")
def names(councils: pd.DataFrame) -> dict[str, str]:
    pairs = councils[["council_name", "council_code"]].to_numpy().tolist()
    return names_of_councils([(str(name), str(code)) for name, code in pairs])


def test_all_ten_pairs_are_found_each_with_both_rows(
    events: pd.DataFrame, councils: pd.DataFrame
) -> None:
    settled, joint = settle_joint_events(events, councils)
    pd.testing.assert_frame_equal(settled.drop(columns="joint_id"), events)
    paired = joint[joint["codes"].str.contains(";")]
    assert set(paired["councils"]) == PAIRS
    assert len(paired) == 11  # Chiltern and South Bucks had two, in 2014 and 2017
    assert set(paired["sides"]) == {"each side has its row"}
    alone = joint[~joint["codes"].str.contains(";")]
    assert alone["councils"].tolist() == ["High Peak"]  # 'Second joint peer review', no name


def test_partners_of_the_studied_years_share_a_cluster() -> None:
    plan = load_plan("peer_challenge")
    panel = build_panel(plan)
    councils = build_exposure(plan, panel).councils
    shared = councils[councils["cluster"].duplicated(keep=False)]
    found = shared.groupby("cluster")["council_name"].agg(" and ".join)
    assert set(found) == {
        "High Peak and Staffordshire Moorlands",
        "Babergh and Mid Suffolk",
        "Broadland and South Norfolk",
        "Bromsgrove and Redditch",
    }
    assert (shared.groupby("cluster")["event_date"].nunique() == 1).all()


def without(events: pd.DataFrame, council: str, date: str) -> pd.DataFrame:
    gone = (events["council_name"] == council) & (events["start_date"] == date)
    assert gone.sum() == 1
    return events[~gone].reset_index(drop=True)


def test_a_partner_without_a_row_is_given_one(events: pd.DataFrame, councils: pd.DataFrame) -> None:
    settled, joint = settle_joint_events(without(events, "Redditch", "2023-03"), councils)
    row = settled[(settled["council_name"] == "Redditch") & (settled["start_date"] == "2023-03")]
    assert len(row) == 1
    assert row["kind"].tolist() == ["cpc"]
    assert row["confidence"].tolist() == ["high"]
    told = joint[joint["councils"] == "Bromsgrove and Redditch"]["sides"]
    assert told.tolist() == [
        "Redditch has no row of its own and is given one (its 2018-01 is another event)"
    ]


def test_the_better_date_is_that_of_both_sides(
    events: pd.DataFrame, councils: pd.DataFrame
) -> None:
    coarse = events.copy()
    side = (coarse["council_name"] == "Mid Suffolk") & (coarse["start_date"] == "2022-03-14")
    raw = coarse[side].assign(
        start_date="2022", date_precision="year", end_date="", set_aside="", confidence="medium"
    )
    coarse = pd.concat([coarse[~side], read_events(raw)], ignore_index=True)
    settled, _ = settle_joint_events(coarse, councils)
    both = settled[settled["joint_id"] == "E07000200 2022-03-14"]
    assert set(both["council_name"]) == {"Babergh", "Mid Suffolk"}
    assert both["date_precision"].tolist() == ["day", "day"]
    assert set(both["confidence"]) == {"high"}


def test_three_councils_are_one_event_also_through_a_partner(
    events: pd.DataFrame, councils: pd.DataFrame
) -> None:
    chain = events.copy()
    at = chain.index[(chain["council_name"] == "Mid Suffolk") & (chain["kind"] == "cpc")][0]
    assert chain.loc[at, "start_date"] == "2022-03-14"
    chain.loc[at, "note"] = "Joint with Babergh and Ipswich"
    settled, joint = settle_joint_events(chain, councils)
    three = settled[settled["joint_id"] == "E07000200 2022-03-14"]
    assert sorted(three["council_name"]) == ["Babergh", "Ipswich", "Mid Suffolk"]
    told = joint[joint["councils"] == "Babergh and Ipswich and Mid Suffolk"]["sides"].iloc[0]
    assert "Ipswich has no row of its own" in told


def test_a_misspelt_partner_is_told_not_guessed(
    events: pd.DataFrame, councils: pd.DataFrame
) -> None:
    slip = events.copy()
    at = slip.index[(slip["council_name"] == "Breckland") & (slip["start_date"] == "2016-12")][0]
    slip.loc[at, "note"] = "joint with South Hollnd"
    _, joint = settle_joint_events(slip, councils)
    told = joint[joint["councils"] == "Breckland"]["sides"].iloc[0]
    assert "'South Hollnd' is no council. Did you mean 'South Holland'?" in told
    # the other side's row still names its partner, so that the two stay one
    assert "Breckland and South Holland" in set(joint["councils"])


@pytest.mark.parametrize(
    ("note", "found", "unknown"),
    [
        ("Joint with Staffordshire Moorlands, virtual", ["Staffordshire Moorlands"], ""),
        ("Joint with Bolsover; report dated July 2013", ["Bolsover"], ""),
        (
            "jointly with St. Helens Council and Telford & Wrekin",
            ["St. Helens", "Telford and "],
            "",
        ),
        ("joint with Brighton and Hove, and Lewes", ["Brighton and Hove", "Lewes"], ""),
        ("joint with Adur and Worthing, and Crawly", ["Adur", "Worthing"], "Crawly"),
        ("Second joint peer review", [], ""),
        ("Joint s15 and s497A directions", [], ""),
    ],
)
def test_partners_are_read_from_notes(
    names: dict[str, str], councils: pd.DataFrame, note: str, found: list[str], unknown: str
) -> None:
    name_of = councils.set_index("council_code")["council_name"]
    codes, strange = read_partners(note, names)
    assert [name_of[code].startswith(name) for code, name in zip(codes, found, strict=True)] == [
        True
    ] * len(found)
    assert strange == unknown
