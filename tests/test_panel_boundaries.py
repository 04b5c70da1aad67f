"""Adding councils up to their successor: cases worked out by hand, and what must always hold."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallib.panel.boundaries.aggregate import Series, aggregate
from evallib.panel.boundaries.arithmetic import weighted_mean
from evallib.panel.boundaries.contributors import (
    BOTH_TIERS,
    OTHER_COUNTY,
    SPLIT,
    UNKNOWN_TIER,
    contributors,
    read_reporting,
)
from evallib.panel.boundaries.denominators import Joining, matching_label
from evallib.panel.boundaries.lineage import Lineage, build_lineage
from evallib.panel.boundaries.touched import reorganised_councils
from evallib.panel.boundaries.uses import Use
from evallib.panel.codes import build_code_book
from evallib.panel.periods import CALENDAR_YEAR, FINANCIAL_YEAR, YEAR_BEFORE, PeriodRule

COUNCILS = """
code  type      county  from        to          successors
W1    district  WC      -           2020-03-31  W
W2    district  WC      -           2020-03-31  W
WC    county    -       -           2020-03-31  W
W     unitary   -       2020-04-01  -           -
P1    district  PC      -           2021-03-31  P
Q1    district  PC      -           2021-03-31  Q
Q2    district  PC      -           2021-03-31  Q
PC    county    -       -           2021-03-31  P;Q
P     unitary   -       2021-04-01  -           -
Q     unitary   -       2021-04-01  -           -
S1    district  SC      -           2019-03-31  S12
S2    district  SC      -           2019-03-31  S12
S3    district  SC      -           2023-03-31  S
S12   district  SC      2019-04-01  2023-03-31  S
SC    county    -       -           2023-03-31  S
S     unitary   -       2023-04-01  -           -
D1    district  K       -           2019-03-31  D
D2    district  K       -           2019-03-31  D
D     district  K       2019-04-01  -           -
K     county    -       -           -           -
U1    unitary   -       -           2019-03-31  U
U2    district  VC      -           2019-03-31  U
U     unitary   -       2019-04-01  -           -
VC    county    -       -           2019-03-31  V
V     unitary   -       2019-04-01  -           -
"""
M1, M2, MC = "E07000901", "E07000902", "E10000901"  # kinds of council are told by their codes
MERGED = [(code, "M", "merged into") for code in (M1, M2, MC)]
COUNT, RATE = Joining("count"), Joining("rate", "homes")
LOWER, UPPER, ALL = "lower-tier", "upper-tier", "all"
WASTE = "collection,unitary,disposal"


@functools.cache
def small_lineage() -> Lineage:
    lines = [line.split() for line in COUNCILS.strip().splitlines()[1:]]
    cells = [["" if cell == "-" else cell for cell in line] for line in lines]
    cells.append(["M", "unitary", "", "2009-04-01", "", ""])
    names = ["council_code", "council_type", "county_code", "valid_from", "valid_to"]
    councils = pd.DataFrame(cells, columns=[*names, "successor_codes"])
    councils["council_name"] = councils["council_code"].str.lower()
    changes = pd.DataFrame(MERGED, columns=["old_code", "new_code", "change"])
    changes = changes.assign(council_name=changes["old_code"], effective_from="2009-04-01")
    return build_lineage(councils, changes, build_code_book(councils, changes))


@pytest.fixture
def lineage() -> Lineage:
    return small_lineage()


def join(
    lineage: Lineage,
    figures: Mapping[tuple[str, int], float],
    *,
    tier: str = LOWER,
    joining: Joining = COUNT,
    homes: Mapping[tuple[str, int], float] | None = None,
    recast: Mapping[tuple[str, int], float] | None = None,
    rule: PeriodRule = FINANCIAL_YEAR,
    boundary: int = 2024,
) -> pd.DataFrame:
    """Return what aggregation gives, by council and year."""
    tiers = {lineage.units[code].tier for code, _ in figures}
    series = Series(
        name="thing",
        rule=rule,
        reporting=read_reporting(tier, tiers),
        joining=joining,
        uses=(Use(boundary, 2000, 2024),),
        published=figures,
        recast=recast or {},
        periods=tuple(sorted({period for _, period in (*figures, *(recast or {}))})),
    )
    made = aggregate(series, lineage, lambda _: homes or {}, {"homes": YEAR_BEFORE})
    return made.set_index(["council_code", "period"])


def test_two_districts_that_merge(lineage: Lineage) -> None:
    counts = join(lineage, {("D1", 2018): 10.0, ("D2", 2018): 30.0})
    assert counts.loc[("D", 2018), "value"] == 40
    rates = join(
        lineage,
        {("D1", 2018): 1.0, ("D2", 2018): 2.0},
        joining=RATE,
        homes={("D1", 2018): 100.0, ("D2", 2018): 300.0},
    )
    assert rates.loc[("D", 2018), "value"] == 1.75
    assert rates.loc[("D", 2018), "origin"] == "aggregated"
    assert counts.dropna(subset="value").index.tolist() == [("D", 2018)]


def test_a_split_county_is_refused_where_its_row_is_needed(lineage: Lineage) -> None:
    county = {("PC", 2018): 5.0}
    for tier in (UPPER, WASTE):
        made = join(lineage, county, tier=tier, joining=Joining("rate", "homes"))
        assert made.loc[["P", "Q"], "value"].isna().all()
        assert set(made.loc[["P", "Q"], "reason"]) == {SPLIT}
        assert set(made.loc[["P", "Q"], "split"]) == {"PC"}
    money = join(lineage, {**county, ("P1", 2018): 2.0, ("Q1", 2018): 1.0}, tier=ALL)
    assert set(money.loc[["P", "Q"], "reason"]) == {SPLIT}
    districts = {("P1", 2018): 7.0, ("Q1", 2018): 1.0, ("Q2", 2018): 2.0}
    lower = join(lineage, {**districts, **county})
    assert lower.loc[("P", 2018), "value"] == 7  # one district: it goes on, whatever the kind
    assert lower.loc[("Q", 2018), "value"] == 3


def test_a_chain_is_followed_by_who_was_in_office(lineage: Lineage) -> None:
    figures = {("S1", 2018): 1.0, ("S2", 2018): 2.0, ("S3", 2018): 4.0}
    figures |= {("S12", 2020): 8.0, ("S3", 2020): 16.0}
    made = join(lineage, figures)
    assert made.loc[("S", 2018), "value"] == 7
    assert made.loc[("S", 2018), "predecessors"] == "S1;S2;S3"
    assert made.loc[("S", 2020), "value"] == 24
    assert made.loc[("S", 2020), "predecessors"] == "S12;S3"
    between = join(lineage, figures, boundary=2020)  # on the boundaries of 31 March 2021
    assert between.loc[("S12", 2018), "value"] == 3
    assert "S" not in between.index.get_level_values(0)


def test_a_missing_year_is_never_partial(lineage: Lineage) -> None:
    figures = {("D1", 2017): 1.0, ("D2", 2017): 3.0, ("D1", 2018): 2.0}
    counts = join(lineage, figures)
    assert counts.loc[("D", 2017), "value"] == 4
    assert np.isnan(counts.loc[("D", 2018), "value"])
    assert counts.loc[("D", 2018), "reason"] == "no figure of d2"
    rates = join(lineage, figures, joining=RATE, homes={("D1", 2017): 50.0})
    assert rates["value"].isna().all()
    assert rates.loc[("D", 2017), "reason"] == "no homes of d2"


@pytest.mark.parametrize(
    ("tier", "figures", "value", "predecessors"),
    [
        (UPPER, {("WC", 2018): 5.0}, 5.0, "WC"),
        (WASTE, {("WC", 2018): 5.0, ("W1", 2018): 1.0, ("W2", 2018): 2.0}, 5.0, "WC"),
        ("unitary,disposal", {("WC", 2018): 5.0}, 5.0, "WC"),
        (ALL, {("WC", 2018): 5.0, ("W1", 2018): 1.0, ("W2", 2018): 2.0}, 8.0, "WC;W1;W2"),
        (ALL, {("W1", 2018): 1.0, ("W2", 2018): 2.0}, 3.0, "W1;W2"),  # counties report none
        ("own words", {("W1", 2018): 1.0, ("W2", 2018): 2.0}, 3.0, "W1;W2"),
    ],
)
def test_who_reports_decides_whose_rows_enter(
    lineage: Lineage,
    tier: str,
    figures: dict[tuple[str, int], float],
    value: float,
    predecessors: str,
) -> None:
    made = join(lineage, figures, tier=tier)
    assert made.loc[("W", 2018), "value"] == value
    assert made.loc[("W", 2018), "predecessors"] == predecessors


def test_what_cannot_be_joined_says_why(lineage: Lineage) -> None:
    both = {("WC", 2018): 5.0, ("W1", 2018): 1.0, ("W2", 2018): 2.0}
    homes = {(code, 2018): 10.0 for code in ("WC", "W1", "W2")}
    assert join(lineage, both, tier="own words").loc[("W", 2018), "reason"] == UNKNOWN_TIER
    rates = join(lineage, both, tier=ALL, joining=RATE, homes=homes)
    assert rates.loc[("W", 2018), "reason"] == BOTH_TIERS
    never = Joining("cannot", reason="nobody counted")
    few = join(lineage, {("D1", 2018): 1.0, ("D2", 2018): 2.0}, joining=never)
    assert few.loc[("D", 2018), "reason"] == "rates cannot be joined: nobody counted"
    one = join(lineage, {("WC", 2018): 5.0}, tier=UPPER, joining=never)
    assert one.loc[("W", 2018), "value"] == 5  # one predecessor of the same area goes on
    # u2 lay in a county whose row did not come to u
    upper = join(lineage, {("U1", 2018): 5.0, ("VC", 2018): 1.0}, tier=UPPER)
    assert upper.loc[("U", 2018), "reason"] == OTHER_COUNTY
    assert upper.loc[("V", 2018), "reason"] == SPLIT


def test_recast_figures_stand_in_only_where_ours_are_missing(lineage: Lineage) -> None:
    figures = {("D1", 2017): 1.0, ("D2", 2017): 3.0, ("D1", 2018): 2.0}
    made = join(lineage, figures, recast={("D", 2017): 5.0, ("D", 2018): 6.0, ("D", 2016): 7.0})
    origins = {2016: "recast", 2017: "aggregated", 2018: "recast"}
    assert made.loc["D", "origin"].to_dict() == origins
    assert made.loc[("D", 2017), ["aggregated", "recast", "value"]].tolist() == [4, 5, 4]
    assert made.loc["D", "reason"].eq("").all()


def test_the_districts_of_2009_are_added_up(lineage: Lineage) -> None:
    figures = {(M1, 2008): 10.0, (M2, 2008): 5.0, ("M", 2010): 20.0}
    made = join(lineage, figures)
    assert made.loc["M", "value"].to_dict() == {2008: 15}
    county = join(lineage, {(MC, 2008): 9.0}, tier=UPPER)
    assert county.loc[("M", 2008), "value"] == 9


def test_a_stock_at_the_eve_belongs_to_the_predecessors(lineage: Lineage) -> None:
    stock = {("D1", 2019): 10.0, ("D2", 2019): 5.0}  # on 31 March 2019, the day before
    assert join(lineage, stock, rule=YEAR_BEFORE).loc[("D", 2019), "value"] == 15
    later = join(lineage, stock, rule=CALENDAR_YEAR)  # 31 December 2019 is the successor's
    assert "D" not in later.index.get_level_values(0)


@pytest.mark.parametrize(
    ("rule", "period", "other", "label"),
    [
        (FINANCIAL_YEAR, 2018, YEAR_BEFORE, 2018),  # middle 30 September 2018: 31 March 2018
        (CALENDAR_YEAR, 2018, YEAR_BEFORE, 2018),
        (YEAR_BEFORE, 2018, YEAR_BEFORE, 2017),  # the year to 31 March 2018: 31 March 2017
        (FINANCIAL_YEAR, 2018, FINANCIAL_YEAR, 2018),
        (FINANCIAL_YEAR, 2018, CALENDAR_YEAR, 2018),
        (CALENDAR_YEAR, 2018, FINANCIAL_YEAR, 2018),
        (YEAR_BEFORE, 2019, FINANCIAL_YEAR, 2018),
    ],
)
def test_denominators_are_matched_by_the_day(
    rule: PeriodRule, period: int, other: PeriodRule, label: int
) -> None:
    assert matching_label(rule, period, other) == label


def test_areas_on_a_day(lineage: Lineage) -> None:
    assert lineage.lower("S", date(2018, 6, 1)) == ("S1", "S2", "S3")
    assert lineage.lower("S", date(2020, 6, 1)) == ("S12", "S3")
    assert lineage.upper("S", date(2020, 6, 1)) == ("SC",)
    assert lineage.successors_on("S1", date(2020, 6, 1)) == ("S12",)
    assert lineage.successors_on("S1", date(2024, 6, 1)) == ("S",)
    assert lineage.split_from("SC", "S") == ()
    assert lineage.split_from("PC", "P") == ("Q",)
    # a county whose district went elsewhere is split, although it names one successor
    assert lineage.split_from("VC", "V") == ("U",)
    assert contributors(lineage, "W", date(2018, 6, 1), None).refusal == UNKNOWN_TIER


def test_touched_councils_under_drop() -> None:
    councils = pd.DataFrame(
        {
            "council_code": ["began", "ended", "same", "before", "last_day"],
            "valid_from": ["2019-04-01", "", "", "2009-04-01", ""],
            "valid_to": ["", "2019-03-31", "", "", "2021-03-31"],
            "successor_codes": "",
        }
    )
    rows = pd.DataFrame({"council_code": councils["council_code"], "is_recast": False})
    touched = reorganised_councils(rows, councils, 2010, 2020)
    assert set(touched.index) == {"began", "ended"}
    assert touched["began"] == "came into being on 1 April 2019"
    assert touched["ended"] == "abolished on 31 March 2019"


shares = st.lists(st.floats(0.01, 1e6), min_size=2, max_size=2)
values = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2)


@given(counts=st.lists(st.integers(0, 10**6), min_size=7, max_size=7))
def test_the_sum_of_counts_is_preserved(counts: list[int]) -> None:
    codes = ("W1", "W2", "P1", "Q1", "Q2", "S12", "S3")
    figures = {(code, 2019): float(n) for code, n in zip(codes, counts, strict=True)}
    assert join(small_lineage(), figures)["value"].sum() == sum(counts)


@given(rate=st.floats(-1e6, 1e6), weights=shares)
def test_a_constant_rate_stays(rate: float, weights: list[float]) -> None:
    homes = {("D1", 2018): weights[0], ("D2", 2018): weights[1]}
    figures = {("D1", 2018): rate, ("D2", 2018): rate}
    made = join(small_lineage(), figures, joining=RATE, homes=homes)
    assert made.loc[("D", 2018), "value"] == rate


@given(rates=values, weights=shares)
def test_a_rate_lies_within_its_predecessors(rates: list[float], weights: list[float]) -> None:
    mean = weighted_mean(np.array(rates), np.array(weights))
    assert min(rates) <= mean <= max(rates)
    turned = weighted_mean(np.array(rates[::-1]), np.array(weights[::-1]))
    assert mean == pytest.approx(turned)
