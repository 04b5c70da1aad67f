"""Reorganised councils of the shipped tables under every policy."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from evallib.design import build_designs
from evallib.exposure import build_exposure
from evallib.panel import Panel, build_panel
from evallib.panel.boundaries import Boundaries, apply_boundaries, build_lineage, packaged_joinings
from evallib.panel.boundaries.area import areas_of, population_of_abolished
from evallib.panel.boundaries.denominators import MADE, parts_of
from evallib.panel.boundaries.uses import uses_of
from evallib.panel.build import open_store
from evallib.panel.covariates import population_by_year
from evallib.panel.derived import base_indicators
from evallib.panel.store import Store
from evallib.plan import Plan, load_plan

ADD, KEEP = "boundaries=aggregate_to_successor", "boundaries=keep_predecessors"
# The outcomes alone, without what stands beside them in the shipped plans.
ALONE = ("placebo_outcomes=[]", "derived=[]", "specifications={}")
EMPTY, HOMES, TIPPING = "long_term_empty_homes_pct", "dwellings_count", "flytipping_incidents_count"
RECYCLING, RESIDUAL = "recycling_rate_pct", "residual_waste_kg_per_household"
PER_HEAD, BUILT = "household_waste_kg_per_person", "net_additional_dwellings_count"
CHILDREN, SPENDING = "rereferrals_within_12_months_pct", "total_service_expenditure_gbp_000"
EAST_SUFFOLK, BUCKS, CUMBERLAND, CUMBRIA = "E07000244", "E06000060", "E06000063", "E10000006"
SOMERSET, WEST_TAUNTON, CORNWALL = "E06000066", "E07000246", "E06000052"


def plan_of(
    *indicators: str, years: str = "[2010/11, 2024/25]", more: tuple[str, ...] = ()
) -> Plan:
    outcomes = ", ".join(f"{{indicator: {name}, meaningful_change: 1}}" for name in indicators)
    return load_plan("peer_challenge", [f"outcomes=[{outcomes}]", f"years={years}", *ALONE, *more])


@functools.cache
def applied(
    *indicators: str, years: str = "[2010/11, 2024/25]", more: tuple[str, ...] = (ADD,)
) -> Boundaries:
    plan, store = plan_of(*indicators, years=years, more=more), open_store()
    return apply_boundaries(plan, store.figures(base_indicators(plan)), store)


def series(boundaries: Boundaries, indicator: str, code: str) -> pd.DataFrame:
    rows = boundaries.figures
    mine = rows[(rows["indicator"] == indicator) & (rows["council_code"] == code)]
    return mine.set_index("period")


def published(store: Store, indicator: str, code: str) -> pd.Series:
    rows = store.figures([indicator])
    return rows[rows["council_code"] == code].set_index("period")["value"]


@pytest.fixture(scope="module")
def store() -> Store:
    return open_store()


def test_every_indicator_says_how_it_is_joined(store: Store) -> None:
    joinings = packaged_joinings()
    assert set(store.catalogue.names) <= set(joinings)
    for name, joining in joinings.items():
        assert bool(joining.denominator) == (joining.kind == "rate"), name
        assert bool(joining.reason) == (joining.kind == "cannot"), name
        assert bool(joining.stands_for) == (joining.kind == "rate"), name
        if joining.kind == "rate":
            assert set(parts_of(joining.denominator)) <= set(store.catalogue.names), name


def test_residents_recovered_from_waste_are_those_of_the_estimates(store: Store) -> None:
    """The denominator of waste per person, where population.csv can be held against it."""
    made = MADE["residents_by_waste"]
    wide = store.figures(made.of).pivot(
        index=["council_code", "period"], columns="indicator", values="value"
    )
    people = population_by_year(store).set_index(["council_code", "period"])["population_count"]
    table = wide[list(made.of)].join(people).dropna()
    recovered = [made.work_out(*row) for row in table[list(made.of)].to_numpy().tolist()]
    ratio = np.array(recovered) / table["population_count"].to_numpy()
    assert len(ratio) > 3000
    assert abs(np.median(ratio) - 1) < 0.01
    assert np.quantile(np.abs(ratio - 1), 0.5) < 0.015
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.04


def test_east_suffolk_is_weighted_by_dwellings(store: Store) -> None:
    mine = series(applied(EMPTY), EMPTY, EAST_SUFFOLK)
    rates = [published(store, EMPTY, code)[2015] for code in ("E07000205", "E07000206")]
    homes = [published(store, HOMES, code)[2015] for code in ("E07000205", "E07000206")]
    by_hand = (rates[0] * homes[0] + rates[1] * homes[1]) / (homes[0] + homes[1])
    assert mine.loc[2015, "value"] == pytest.approx(by_hand, rel=1e-12)
    assert mine.loc[2015, "value"] != pytest.approx(np.mean(rates), rel=1e-4)
    assert mine.loc[2018, "origin"] == "aggregated"
    assert mine.loc[2019, "origin"] == "published"
    assert not {"E07000205", "E07000206"} & set(applied(EMPTY).figures["council_code"])


def test_recycling_is_weighted_by_recovered_waste(store: Store) -> None:
    mine = series(applied(RECYCLING, RESIDUAL, PER_HEAD), RECYCLING, EAST_SUFFOLK)
    waste, recycled = 0.0, 0.0
    for code in ("E07000205", "E07000206"):
        left = published(store, RESIDUAL, code)[2016] * published(store, HOMES, code)[2016]
        rate = published(store, RECYCLING, code)[2016] / 100
        waste += left / (1 - rate)
        recycled += left / (1 - rate) * rate
    assert mine.loc[2016, "value"] == pytest.approx(100 * recycled / waste, rel=1e-12)


def test_buckinghamshire_goes_on_from_its_county(store: Store) -> None:
    plan = load_plan("childrens_intervention", [*ALONE, ADD])
    names = base_indicators(plan)
    whole = apply_boundaries(plan, store.figures(names), store)
    for name in names:
        mine, county = series(whole, name, BUCKS), published(store, name, "E10000002")
        assert mine.loc[county.index, "value"].tolist() == county.tolist()
        assert set(mine.loc[county.index, "origin"]) == {"aggregated"}
        after = mine.loc[mine.index >= 2020, "value"]
        assert after.tolist() == published(store, name, BUCKS).tolist()
    assert "E10000002" not in set(whole.figures["council_code"])


def test_cumberland_is_refused_for_childrens_rates() -> None:
    plan = load_plan("childrens_intervention", [*ALONE, ADD])
    panel = build_panel(plan)
    rows = panel.boundaries.table
    mine = rows[rows["council_code"] == CUMBERLAND]
    assert len(mine) == len(plan.outcomes)
    assert set(mine["did"]) == {"left_out"}
    assert mine["why"].str.contains("county that it needs was split").all()
    assert set(mine["predecessors"]) == {"Cumbria"}
    designs = build_designs(plan, panel, build_exposure(plan, panel))
    for design in designs:
        left = set(design.councils["council_code"])
        assert not left & {CUMBERLAND, CUMBRIA, "E06000058", "E06000061", "E10000021"}
        assert {BUCKS, "E06000065"} <= left
        flow = design.flow.set_index("step").loc["Touched by reorganisation"]
        assert "could not be aggregated: a county that it needs was split" in flow["why"]


def test_waste_of_districts_is_never_added_to_counties() -> None:
    years = ("boundary_year=2023/24",)
    made = applied(RECYCLING, RESIDUAL, PER_HEAD, "landfill_share_pct", more=(ADD, *years)).made
    got = made[made["origin"] == "aggregated"]
    tiers = got["predecessors"].str.findall(r"E\d\d").map(set)
    of_districts = got["council_code"].str.startswith("E07")
    assert (tiers[of_districts] == {"E07"}).all()
    assert (tiers[~of_districts] == {"E10"}).all()
    assert set(got["council_code"]) == {BUCKS, "E06000065", SOMERSET, EAST_SUFFOLK, "E07000245"}
    lost = made[made["origin"] == ""]
    split = lost[lost["reason"].str.contains("split")]
    assert {"E06000058", "E06000059", "E06000061", "E06000062"} <= set(split["council_code"])


def test_incidents_of_england_are_preserved(store: Store) -> None:
    whole = applied(TIPPING)
    before = store.figures([TIPPING]).groupby("period")["value"].sum()
    after = whole.figures.groupby("period")["value"].sum()
    gap = (before - after)[lambda cells: cells != 0]
    # Poole's and Daventry's returns are missing: their neighbours' figures make no aggregate.
    lost = whole.made[(whole.made["origin"] == "")].groupby("period")["reason"].agg(set)
    assert set(gap.index) == set(lost.index) == {2014, 2015}
    assert lost[2014] == {"no figure of Poole"}
    assert lost[2015] == {"no figure of Poole", "no figure of Daventry"}


def test_a_chain_of_mergers_reaches_somerset(store: Store) -> None:
    first = ("E07000187", "E07000188", "E07000189", "E07000190", "E07000191")
    mine = series(applied(TIPPING), TIPPING, SOMERSET)["value"]
    assert mine[2016] == sum(published(store, TIPPING, code)[2016] for code in first)
    later = (*first[:3], WEST_TAUNTON)
    assert mine[2020] == sum(published(store, TIPPING, code)[2020] for code in later)
    early = applied(TIPPING, years="[2012/13, 2022/23]")  # Somerset began the day after
    assert series(early, TIPPING, WEST_TAUNTON)["value"][2016] == sum(
        published(store, TIPPING, code)[2016] for code in first[3:]
    )
    assert series(early, TIPPING, SOMERSET).empty


def test_the_districts_of_2009_reach_cornwall(store: Store) -> None:
    whole = applied(HOMES, BUILT, EMPTY, years="[2004/05, 2022/23]")
    former = store.former_figures([HOMES, BUILT, EMPTY])
    codes = [f"E070000{number}" for number in range(19, 25)]
    mine = former[former["council_code"].isin(codes)]
    wide = mine.pivot(index=["council_code", "period"], columns="indicator", values="value")
    year = wide.xs(2006, level="period")
    assert len(year) == 6
    assert series(whole, HOMES, CORNWALL)["value"][2006] == year[HOMES].sum()
    assert series(whole, BUILT, CORNWALL)["value"][2006] == year[BUILT].sum()
    weighted = (year[EMPTY] * year[HOMES]).sum() / year[HOMES].sum()
    assert series(whole, EMPTY, CORNWALL)["value"][2006] == pytest.approx(weighted)
    assert not set(codes) & set(whole.figures["council_code"])
    passed = whole.table[whole.table["council_code"].isin(codes)]
    assert set(passed["did"]) == {"passed_on"}
    assert not set(store.former["council_code"]) & set(store.outcomes["council_code"])


def test_our_dwellings_are_those_that_the_publisher_recast() -> None:
    table = applied(HOMES).table
    compared = table[table["years_compared"] > 0]
    assert len(compared) == compared["years_compared"].sum() == 7
    assert (compared["largest_difference_pct"] == 0).all()
    mine = series(applied(HOMES), HOMES, EAST_SUFFOLK)
    assert mine.loc[2019, "origin"] == "aggregated"  # ours, although a recast one is on file


def test_recast_figures_are_used_where_the_districts_have_none() -> None:
    whole = applied(EMPTY, HOMES)
    for code in (CUMBERLAND, SOMERSET):
        mine = series(whole, EMPTY, code)
        assert set(mine.loc[mine.index < 2023, "origin"]) == {"recast"}
    row = whole.table.set_index(["indicator", "council_code"]).loc[(EMPTY, CUMBERLAND)]
    assert row["did"] == "recast_used"
    assert row["recast"] == 13


def test_amounts_of_both_tiers_add_up(store: Store) -> None:
    span = ("known_from=2012/13", "last_event_year=2015/16", ADD)
    late = applied(SPENDING, years="[2010/11, 2017/18]", more=(*span, "boundary_year=2023/24"))
    codes = ("E07000004", "E07000005", "E07000006", "E07000007", "E10000002")
    total = sum(published(store, SPENDING, code)[2016] for code in codes)
    assert series(late, SPENDING, BUCKS)["value"][2016] == pytest.approx(total, rel=1e-12)
    assert series(late, SPENDING, CUMBERLAND).empty
    as_they_were = applied(SPENDING, years="[2010/11, 2017/18]", more=span)
    assert series(as_they_were, SPENDING, BUCKS).empty
    assert as_they_were.table.empty


def test_figures_of_councils_that_do_not_exist_yet_are_set_aside() -> None:
    early = applied(TIPPING, HOMES, more=(ADD, "boundary_year=2019/20"))
    assert series(early, TIPPING, "E07000004")["value"].notna().all()  # to 31 March 2020
    rows = early.table.set_index(["indicator", "council_code"])
    assert rows.loc[(TIPPING, BUCKS), "did"] == "left_out"
    assert rows.loc[(TIPPING, BUCKS), "why"] == "came into being on 1 April 2020"
    assert rows.loc[(TIPPING, EAST_SUFFOLK), "did"] == "added_up"
    figures = early.figures[early.figures["indicator"] == TIPPING]
    dropped = early.dropped(TIPPING, figures)
    assert {BUCKS, "E06000061"} <= set(dropped.index)
    assert not {EAST_SUFFOLK, "E07000004", "E06000058"} & set(dropped.index)


def test_an_indicator_of_two_outcomes_serves_the_boundaries_of_both(store: Store) -> None:
    spans = "{indicator: dwellings_count, meaningful_change: 1, years: [2010/11, 2018/19]}"
    tipping = "{indicator: flytipping_incidents_count, per: dwellings_count, meaningful_change: 1}"
    plan = load_plan("peer_challenge", [f"outcomes=[{spans}, {tipping}]", *ALONE, ADD])
    assert [use.boundary for use in uses_of(plan, HOMES)] == [2018, 2024]
    both = apply_boundaries(plan, store.figures([HOMES, TIPPING]), store)
    held = set(both.figures.loc[both.figures["indicator"] == HOMES, "council_code"])
    assert {EAST_SUFFOLK, "E07000205"} <= held
    rows = both.figures[both.figures["indicator"] == HOMES]
    dropped = both.dropped(HOMES, rows[rows["period"] <= 2018])
    assert dropped[EAST_SUFFOLK] == "came into being on 1 April 2019"
    assert "E07000205" not in dropped.index


def test_predecessors_are_kept_with_real_figures_only(store: Store) -> None:
    kept = applied(EMPTY, HOMES, CHILDREN, more=(KEEP,))
    real = store.figures([EMPTY, HOMES, CHILDREN]).query("not is_recast")
    assert len(kept.figures) == len(real)
    assert set(kept.figures["origin"]) == {"published"}
    rows = kept.table.set_index(["indicator", "council_code"])
    assert rows.loc[(EMPTY, CUMBERLAND), "recast_set_aside"] == 13
    assert rows.loc[(EMPTY, CUMBERLAND), "why"] == "in office from 1 April 2023"
    assert rows.loc[(CHILDREN, CUMBRIA), "why"] == "in office until 31 March 2023"
    assert kept.dropped(CHILDREN, kept.figures).empty
    early = applied(CHILDREN, more=(KEEP, "boundary_year=2019/20"))
    reasons = early.dropped(CHILDREN, early.figures)
    assert reasons[BUCKS] == "came into being on 1 April 2020"
    assert "E06000058" not in reasons.index


@pytest.mark.parametrize("policy", ["boundaries=drop", ADD, KEEP])
def test_the_account_adds_up(store: Store, policy: str) -> None:
    plan = load_plan("peer_challenge", [policy])
    names = base_indicators(plan)
    whole = apply_boundaries(plan, store.figures(names), store)
    table = whole.table
    keys = ["indicator", "boundary_year", "council_code"]
    assert not table.duplicated(keys).any()
    assert (table["did"] != "").all()
    assert (table["why"] != "").all()
    assert (table.loc[table["did"] == "left_out", "figures_out"] == 0).all()
    assert (table["aggregated"] + table["recast"] <= table["figures_out"]).all()
    for name in names:
        (use,) = uses_of(plan, name)
        rows = table[table["indicator"] == name]
        inside = whole.figures[
            (whole.figures["indicator"] == name)
            & whole.figures["period"].between(use.first, use.last)
        ]
        kept = rows[rows["did"] != "left_out"]
        mine = inside["council_code"].isin(kept["council_code"])
        assert kept["figures_out"].sum() == mine.sum(), name
        others = inside[~inside["council_code"].isin(rows["council_code"])]
        assert set(others["origin"]) == {"published"}, name  # nothing is mixed without a row


def test_drop_changes_no_figure(store: Store) -> None:
    given = store.figures([EMPTY, CHILDREN])
    plan = plan_of(EMPTY, CHILDREN)
    after = apply_boundaries(plan, given, store).figures
    pd.testing.assert_frame_equal(after[given.columns], given)
    assert (after["origin"].eq("recast") == after["is_recast"]).all()
    assert "origin" not in given.columns


def test_a_derived_outcome_takes_the_reasons_of_all_it_is_made_of() -> None:
    derived = "derived=[{name: kg_each, ratio: [residual_waste_kg_per_household, dwellings_count]}]"
    outcome = "outcomes=[{indicator: kg_each, meaningful_change: 1, years: [2010/11, 2022/23]}]"
    panel = build_panel(load_plan("peer_challenge", ["placebo_outcomes=[]", derived, outcome, ADD]))
    rows = panel.figures[panel.figures["indicator"] == "kg_each"]
    assert set(rows["origin"]) == {"derived"}
    dropped = panel.boundaries.dropped("kg_each", rows)
    assert "could not be aggregated" in dropped["E06000058"]
    assert EAST_SUFFOLK not in dropped.index


def test_unsafe_figures_made_missing_are_missing_in_the_aggregate(store: Store) -> None:
    plan = plan_of(EMPTY, HOMES, more=(ADD,))
    figures = store.figures([EMPTY, HOMES])
    waveney = figures["council_code"].eq("E07000206") & figures["period"].eq(2015)
    for name, reason in ((EMPTY, "no figure of Waveney"), (HOMES, "no dwellings_count of Waveney")):
        gone = waveney & figures["indicator"].eq(name)
        made = apply_boundaries(plan, figures[~gone], store).made
        row = made.set_index(["indicator", "council_code", "period"])
        row = row.loc[(EMPTY, EAST_SUFFOLK, 2015)]
        assert row["reason"] == reason
        assert np.isnan(row["value"])


def test_abolished_councils_have_their_part_of_the_people(store: Store) -> None:
    lineage = build_lineage(store.councils, store.code_changes, store.book)
    gone = population_of_abolished(lineage, store).set_index(["council_code", "period"])
    gone = gone["population_count"]
    held = population_by_year(store).set_index(["council_code", "period"])["population_count"]
    assert gone[CUMBRIA, 2018] == held[CUMBERLAND, 2018] + held["E06000064", 2018]
    parts = [gone[code, 2018] for code in ("E07000205", "E07000206")]
    assert sum(parts) == pytest.approx(held[EAST_SUFFOLK, 2018])
    assert "E07000026" not in gone.index.get_level_values(0)  # no dwellings on file
    area = areas_of(lineage, store, [CUMBERLAND])[CUMBERLAND]
    assert area.share([CUMBRIA]) == (1, 1)
    assert area.share(["E07000026"]) == (0, 1)


@pytest.mark.parametrize("policy", [ADD, KEEP])
def test_weights_work_for_the_councils_of_a_policy(policy: str) -> None:
    plan = plan_of(EMPTY, more=(policy, "weights=population"))
    panel: Panel = build_panel(plan)
    design = build_designs(plan, panel, build_exposure(plan, panel)).get(EMPTY)
    weights = design.full.groupby("council_code")["weight"].first()
    assert weights.notna().all()
    left = design.dropped.set_index("council_code")["reason"].eq("no population")
    if policy == ADD:
        assert not left.any()
    else:
        # dwellings of Somerset's other districts are not on file
        assert set(left[left].index) == {"E07000190", "E07000191"}
        assert {"E07000205", EAST_SUFFOLK} <= set(weights.index)
