"""Facts of the real tables that loading must get right."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evallib.panel import Store, load_store
from evallib.panel.boundaries import reorganised_councils
from evallib.panel.covariates import council_covariates
from evallib.panel.periods import period_rule

RAW = Path(__file__).parents[1] / "data" / "raw"


@pytest.fixture(scope="module")
def store() -> Store:
    return load_store(RAW, strict=True, label="data/raw")


@pytest.mark.parametrize("code", ["E06000057", "E07000240", "E07000241", "E07000242", "E07000243"])
def test_councils_that_waste_carries_under_old_codes_have_all_years(
    store: Store, code: str
) -> None:
    rows = store.outcomes[store.outcomes["indicator"].eq("recycling_rate_pct")]
    assert rows["council_code"].eq(code).sum() == 13


def test_north_yorkshires_finance_does_not_reach_northumberland(store: Store) -> None:
    rows = store.outcomes[store.outcomes["indicator"].eq("total_service_expenditure_gbp_000")]
    assert rows["council_code"].eq("E10000023").sum() == 8
    northumberland = rows.loc[rows["council_code"].eq("E06000057")]
    assert len(northumberland) == 8


def test_corrections_drop_and_mend(store: Store) -> None:
    rows = store.outcomes.set_index(["council_code", "fin_year", "indicator"])["value"]
    assert ("E06000041", "2019/20", "asc_quality_of_life_score") not in rows.index
    assert rows["E09000008", "2010/11", "unallocated_reserves_gbp_000"] == 11597
    assert not store.outcomes.duplicated(["council_code", "fin_year", "indicator"]).any()


def test_every_code_is_current(store: Store) -> None:
    known = set(store.councils["council_code"])
    assert set(store.outcomes["council_code"]) <= known
    assert "E08000039" in known
    assert "E08000019" not in set(store.outcomes["council_code"])
    for name in ("population", "deprivation", "rural_urban"):
        assert "E08000039" in set(store.tables[name]["council_code"])
    events = store.registers["peer_challenges"]
    assert set(events.loc[events["set_aside"].eq(""), "council_code"]) <= known
    assert "E08000039" in set(events["council_code"])


def test_combined_authorities_are_set_aside_and_counted(store: Store) -> None:
    aside = store.set_aside.set_index(["file", "reason"])["rows"]
    assert aside["peer_challenges.csv", "combined authority, not a council"] == 1
    assert aside["interventions.csv", "combined authority, not a council"] == 2
    assert aside["other_programmes.csv", "no council code"] == 15


def test_figures_outside_a_councils_dates_are_recast(store: Store) -> None:
    rows = store.outcomes[store.outcomes["is_recast"]]
    dates = store.councils.set_index("council_code")
    assert len(rows) > 100
    assert (dates.loc[rows["council_code"], ["valid_from", "valid_to"]] != "").any(axis=1).all()
    bcp = store.outcomes[store.outcomes["council_code"].eq("E06000058")]
    assert bcp.loc[bcp["period"] < 2018, "is_recast"].all()
    assert not bcp.loc[bcp["period"] > 2019, "is_recast"].any()


def test_deprivation_of_a_county_is_its_districts_weighted_by_population(store: Store) -> None:
    table = council_covariates(store).set_index("council_code")
    assert table.loc["E10000016", "is_deprivation_of_districts"]
    districts = store.councils[
        store.councils["county_code"].eq("E10000016") & store.councils["valid_to"].eq("")
    ]["council_code"]
    scores = store.tables["deprivation"]
    scores = scores[scores["imd_release"].eq(2019) & scores["boundary_year"].eq(2023)]
    score = scores.set_index("council_code")["imd_average_score"].reindex(districts)
    people = store.tables["population"]
    people = people[people["year"].eq(2019)].set_index("council_code")["population_count"]
    by_hand = np.average(score, weights=people.reindex(districts))
    assert table.loc["E10000016", "imd_average_score"] == pytest.approx(by_hand, rel=1e-12)
    current = store.councils.loc[store.councils["valid_to"].eq(""), "council_code"]
    assert table.loc[current, "imd_average_score"].notna().all()


@pytest.mark.parametrize(
    ("basis", "day", "expected"),
    [
        ("financial year", date(2022, 3, 31), 2021),
        ("financial year", date(2022, 4, 1), 2022),
        ("year to 31 March", date(2022, 1, 5), 2021),
        ("31 March at the end of the financial year", date(2022, 1, 5), 2021),
        ("calendar year in which the financial year starts", date(2022, 1, 5), 2022),
        (
            "autumn snapshot in the calendar year in which the financial year starts",
            date(2021, 12, 31),
            2021,
        ),
        ("stock at 31 March, the day before the financial year starts", date(2022, 3, 31), 2022),
        ("stock at 31 March, the day before the financial year starts", date(2022, 4, 1), 2023),
    ],
)
def test_period_that_holds_a_day(basis: str, day: date, expected: int) -> None:
    rule = period_rule(basis, "x")
    assert rule.period_of(day) == expected
    assert rule.start(expected) <= day <= rule.end(expected)


def test_reorganised_within_the_years_only() -> None:
    councils = pd.DataFrame(
        {
            "council_code": ["old", "new", "steady", "mixed", "before"],
            "valid_from": ["", "2019-04-01", "", "2012-04-01", "2010-04-01"],
            "valid_to": ["2019-03-31", "", "", "", ""],
        }
    )
    figures = pd.DataFrame(
        {
            "council_code": ["old", "new", "steady", "mixed", "mixed", "before"],
            "period": [2018, 2019, 2018, 2010, 2018, 2018],
            "is_recast": [False, False, False, True, False, False],
        }
    )
    touched = reorganised_councils(figures, councils, 2010, 2020)
    assert set(touched.index) == {"old", "new", "mixed"}
    assert set(reorganised_councils(figures, councils, 2013, 2018).index) == {"mixed"}
