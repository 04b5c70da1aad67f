"""Dates that are not known: which councils become 'date unknown', and coverage by what is sure."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from evallib import build_exposure, build_panel, load_plan
from evallib.exposure import Exposure
from evallib.exposure.events import denied_kinds, read_events
from evallib.panel import open_store

YEAR_ONLY = {
    *("Barnet", "Breckland", "Chesterfield", "City of London", "Eastbourne", "Greenwich"),
    *("Hounslow", "Islington", "Kensington and Chelsea", "Lancaster", "Lewisham", "Lichfield"),
    *("Middlesbrough", "Peterborough", "Plymouth", "Salford", "Swale", "Tameside"),
    *("Telford and Wrekin", "Torbay", "Warrington"),
}
LOW_CONFIDENCE = {"South Hams", "Newark and Sherwood"}
REVIEW_ALONE = {
    *("Bolsover", "Derbyshire", "Dorset Council", "Knowsley", "St. Helens", "Stafford"),
    *("Tower Hamlets", "West Lindsey"),
}


def exposure_of(name: str, *overrides: str) -> Exposure:
    plan = load_plan(name, overrides)
    return build_exposure(plan, build_panel(plan))


@pytest.fixture(scope="module")
def peer() -> Exposure:
    return exposure_of("peer_challenge")


def unknown(exposure: Exposure, why: str = "") -> set[str]:
    rows = exposure.councils[exposure.councils["status"] == "exposed_date_unknown"]
    return set(rows.loc[rows["reason"].str.contains(why), "council_name"])


def test_councils_whose_date_is_not_known_are_these(peer: Exposure) -> None:
    assert unknown(peer, "dated too coarsely") == YEAR_ONLY
    assert unknown(peer, "confidence too low") == LOW_CONFIDENCE
    assert unknown(peer, "review whose challenge") == REVIEW_ALONE
    assert unknown(peer) == YEAR_ONLY | LOW_CONFIDENCE | REVIEW_ALONE


def test_a_plan_that_takes_years_knows_them() -> None:
    assert not unknown(exposure_of("peer_challenge", "date_precision=year"), "dated too coarsely")


def test_childrens_dates_that_are_not_known() -> None:
    children = exposure_of("childrens_intervention")
    assert unknown(children) == {
        *("Birmingham", "Bromley", "Cheshire East", "Sefton", "Worcestershire")
    }


def test_a_financial_year_is_written_by_its_first_day() -> None:
    """Rows dated to the year and written 1 April are financial years: their notes say which."""
    register = open_store().registers["interventions"]
    coarse = register[register["date_precision"].isin(["year", "financial_year"])]
    coarse = coarse[coarse["start_date"].str.endswith("-04-01") & (coarse["set_aside"] == "")]
    events = read_events(register).set_index("line").loc[coarse.index]
    assert (register.loc[coarse.index, "date_precision"] == "year").sum() == 22
    assert set(events["date_precision"]) == {"financial_year"}
    for row in events.to_dict("records"):
        first = row["earliest"].year
        assert (row["earliest"].month, row["latest"].month) == (4, 3)
        assert re.search(rf"{first}-{(first + 1) % 100:02d}\b", row["note"]), row["note"]


def test_a_calendar_year_stays_one() -> None:
    events = read_events(open_store().registers["peer_challenges"])
    swale = events[(events["council_name"] == "Swale") & (events["start_date"] == "2023")].iloc[0]
    assert str(swale["earliest"].date()) == "2023-01-01"
    assert str(swale["latest"].date()) == "2023-12-31"
    assert str(swale["event_date"].date()) == "2023-07-01"


def test_coverage_of_challenges_and_of_support(peer: Exposure) -> None:
    table = peer.coverage.set_index("councils_published")
    surely, most = table["councils_in_register"], table["councils_at_most"]
    assert list(zip(surely, most, strict=True)) == [(24, 32), (41, 41), (38, 46), (53, 65)]
    assert table["is_studied"].all()
    children = exposure_of("childrens_intervention").coverage
    assert not children["is_studied"].any()
    assert children["councils_published"].tolist() == [19, 30, 35]
    assert children["councils_in_register"].tolist() == [24, 25, 22]
    assert children["councils_at_most"].tolist() == [24, 25, 22]


def test_the_published_totals_are_all_on_file() -> None:
    totals = open_store().tables["published_totals"]
    held = list(zip(totals["register"], totals["councils_published"].astype(int), strict=True))
    assert held == [
        *(("peer_challenges", number) for number in (128, 180, 55, 71)),
        *(("interventions", number) for number in (19, 30, 35)),
    ]


def test_none_by_a_date_denies_the_kinds_that_it_names(peer: Exposure) -> None:
    councils = peer.councils.set_index("council_name")
    assert str(councils.loc["Dartford", "never_before"].date()) == "2024-05-16"
    assert councils.loc["Dartford", "status"] == "no_record"  # not up to the plan's last day
    assert denied_kinds("FoI reply") == (
        *("cpc", "finance_peer_review", "governance_peer_challenge"),
    )
    shorter = exposure_of("peer_challenge", "years=[2015/16, 2022/23]", *SHORT)
    named = shorter.councils.set_index("council_name")["status"]
    assert set(named[["Bromley", "Hillingdon", "Leicestershire"]]) == {"none_by_date"}
    frame = shorter.frame[shorter.frame["council_code"] == "E10000018"]  # Leicestershire
    assert pd.Series(frame["exposure"]).eq("not_exposed").all()


SHORT = (
    "outcomes=[{indicator: rereferrals_within_12_months_pct, role: primary, meaningful_change: 1}]",
    "last_event_year=2021/22",
)
