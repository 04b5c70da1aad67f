"""Spillovers left out exactly, and exposure that starts in the event's own period, by hand."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evallib.design import Design, build_design, build_designs
from evallib.design.other import with_anticipation, without_councils
from evallib.errors import DesignError, PlanError
from evallib.estimate import fit
from evallib.exposure import Exposure, build_exposure
from evallib.inference.fitting import COLUMNS, options_of
from evallib.panel import Panel, build_panel
from evallib.plan import Plan, load_plan

EMPTY, CHILDREN = "long_term_empty_homes_pct", "rereferrals_within_12_months_pct"
RAW = Path(__file__).resolve().parents[1] / "data" / "raw"
YORK, REDCAR = "E06000014", "E06000003"  # events on 6 February 2024 and 1 November 2021


@pytest.fixture(scope="module")
def parts() -> tuple[Plan, Panel, Exposure]:
    plan = load_plan("peer_challenge")
    panel = build_panel(plan)
    return plan, panel, build_exposure(plan, panel)


def designed(parts: tuple[Plan, Panel, Exposure], outcome: str, *overrides: str) -> Design:
    return build_design(load_plan("peer_challenge", overrides), *parts[1:], outcome)


def related(exposed: set[str], rule: str) -> set[str]:
    """Return the councils of the raw table that share a county, or region and type, with others."""
    with (RAW / "councils.csv").open(encoding="utf-8") as file:
        rows = {row["council_code"]: row for row in csv.DictReader(file)}
    counties = {row["county_code"] for row in rows.values()} - {""}

    def group(code: str) -> Any:
        row = rows[code]
        if rule == "same_county":
            return code if code in counties else row["county_code"]
        return row["region"], row["council_type"]

    return {a for a in rows for b in exposed - {a} if group(a) and group(a) == group(b)}


@pytest.mark.parametrize("rule", ["same_county", "neighbours"])
@pytest.mark.parametrize("outcome", [EMPTY, CHILDREN])
def test_comparison_councils_that_an_event_may_have_touched_go(
    parts: tuple[Plan, Panel, Exposure], rule: str, outcome: str
) -> None:
    councils = parts[2].councils
    exposed = set(councils.loc[councils["status"] == "in_window", "council_code"])
    whole = designed(parts, outcome)
    left = designed(parts, outcome, f"spillovers={rule}")
    compares = set(whole.councils.loc[~whole.councils["is_treated"], "council_code"])
    gone = compares & related(exposed, rule)
    assert len(gone) > 10
    assert set(whole.councils["council_code"]) - set(left.councils["council_code"]) == gone
    assert left.n_treated == whole.n_treated
    step = left.flow[left.flow["step"].str.startswith("Spillovers")]
    assert step["councils_dropped"].tolist() == [len(gone)]
    assert set(left.dropped.loc[left.dropped["step"].isin(step["step"]), "council_code"]) == gone
    marked = whole.councils[whole.councils["touched"].str.contains(rule)]
    assert set(marked["council_code"]) & compares == gone


def test_a_partner_in_any_joint_event_is_touched(parts: tuple[Plan, Panel, Exposure]) -> None:
    plan, panel, exposure = parts
    touched = designed(parts, EMPTY).councils.set_index("council_code")["touched"]
    assert "joint_partners" in touched["E07000200"]  # Babergh, with Mid Suffolk in March 2022
    none = designed(parts, EMPTY, "spillovers=[joint_partners]")
    step = none.flow[none.flow["step"].str.startswith("Spillovers")]
    assert step["councils_dropped"].tolist() == [0]  # partners of treated councils are treated


def test_several_rules_are_counted_one_after_another(parts: tuple[Plan, Panel, Exposure]) -> None:
    both = designed(parts, CHILDREN, "spillovers=[same_county, neighbours]")
    one = designed(parts, CHILDREN, "spillovers=[neighbours, same_county]")
    assert set(both.councils["council_code"]) == set(one.councils["council_code"])
    for design in (both, one):
        steps = design.flow[design.flow["step"].str.startswith("Spillovers")]
        assert len(steps) == 2
        assert (steps["councils_dropped"] > 0).any()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("spillovers=same_region", ["same_county, neighbours, joint_partners"]),
        ("spillovers=[neighbours, neighbours]", ["listed twice"]),
        ("spillovers=3", ["must be a list"]),
        (f"placebo_outcomes=[{{indicator: {EMPTY}}}]", ["also in outcomes", "no placebo"]),
        ("placebo_outcomes=[{indicator: a_pct}, {indicator: a_pct}]", ["listed twice"]),
        ("placebo_outcomes=[{indicator: a_pct, scale: log}]", ["zeros are kept on a log scale"]),
        ("placebo_outcomes=[{indicator: a_pct, per: a_pct}]", ["divided by itself"]),
        ("placebo_outcomes=[{indicator: a_pct, role: primary}]", ["role"]),
        ("placebo_outcomes=[{indicator: a_pct, min_denominator: 3}]", ["is not known"]),
    ],
)
def test_what_cannot_be_left_out_or_be_a_placebo(override: str, words: list[str]) -> None:
    with pytest.raises(PlanError) as raised:
        load_plan("peer_challenge", [override])
    text = str(raised.value)
    assert all(word in text for word in words), text


def test_a_placebo_that_the_tables_lack_is_told(parts: tuple[Plan, Panel, Exposure]) -> None:
    plan = load_plan("peer_challenge", ["placebo_outcomes=[{indicator: asc_request_per_100k}]"])
    with pytest.raises(PlanError, match=r"placebo_outcomes\[0\].indicator.*asc_requests_per_100k"):
        build_panel(plan)


def test_placebo_designs_follow_the_plan_and_stop_nothing(
    parts: tuple[Plan, Panel, Exposure],
) -> None:
    plan, panel, exposure = parts
    slim = plan.model_copy(update={"outcomes": plan.outcomes[1:2]})
    designs = build_designs(slim, panel, exposure)
    assert [one.outcome for one in designs] == [CHILDREN]
    names = [one.outcome for one in designs.placebos]
    assert names == ["net_additional_dwellings_per_1000", "asc_requests_per_100k"]
    assert {one.role for one in designs.placebos} == {"placebo"}
    care = designs.placebos[1]
    assert care.window == (-4, 2)  # seven years of figures, and the plan's window has eight
    assert care.full["period"].min() == 2016
    late = plan.placebo_outcomes[1].model_copy(update={"years": ("2016/17", "2020/21")})
    short = slim.model_copy(update={"placebo_outcomes": (late,)})
    found = build_designs(short, panel, exposure)
    assert found.placebos == ()
    assert "no treated council is left" in dict(found.no_placebo)["asc_requests_per_100k"]


def test_exposure_can_start_in_the_period_of_the_event(
    parts: tuple[Plan, Panel, Exposure],
) -> None:
    after = designed(parts, CHILDREN)
    same = designed(parts, CHILDREN, "exposure_starts=same_period")
    for design, years in ((after, (2022, 2024)), (same, (2021, 2023))):
        cohort = design.councils.set_index("council_code")["cohort"]
        assert (cohort[REDCAR], cohort[YORK]) == years
    assert (same.reference, same.anticipation, after.reference) == (-1, 0, -2)
    york = same.frame[same.frame["council_code"] == YORK].set_index("period")["is_exposed"]
    assert york[2022] == 0 and york[2023] == 1  # the year of the event is exposed, and there
    assert 2023 not in set(after.frame.loc[after.frame["council_code"] == YORK, "period"])
    whole = same.full[same.full["council_code"] == YORK]
    assert len(york) == len(whole)


def test_effects_then_count_from_the_year_before_the_event(
    parts: tuple[Plan, Panel, Exposure],
) -> None:
    same = designed(parts, CHILDREN, "exposure_starts=same_period")
    columns, options = COLUMNS, options_of(same, "group_time", ())
    cells = fit("group_time", same.group_time_frame, **columns, **options).tidy()
    found = cells.set_index("term")["estimate"]
    councils = same.councils.set_index("council_code")
    grid = same.full.pivot(index="council_code", columns="period", values="value")
    cohort = councils["cohort"].reindex(grid.index)
    treated = councils["is_treated"].reindex(grid.index)
    for year in (2021, 2022):
        change = (grid[year] - grid[2020]).dropna()
        own = change[treated & (cohort == 2021)]
        others = change[cohort.isna() | (cohort > year)]
        by_hand = own.mean() - others.mean()
        assert found[f"group=2021,time={year}"] == pytest.approx(by_hand, abs=1e-10)


def test_anticipation_counts_from_the_event_under_both_rules() -> None:
    base = ["exposure_starts=same_period", "event_window=[-2, 2]"]
    assert load_plan("peer_challenge", base).lead == 0
    with pytest.raises(PlanError, match="measured from is -3"):
        load_plan("peer_challenge", [*base, "anticipation=2"])
    with pytest.raises(PlanError, match="measured from is -3"):
        load_plan("peer_challenge", [base[1], "anticipation=1"])
    assert load_plan("peer_challenge", ["anticipation=1"]).lead == 2


def test_other_designs_are_those_that_the_plan_would_have_built(
    parts: tuple[Plan, Panel, Exposure],
) -> None:
    plain = designed(parts, CHILDREN)
    more = with_anticipation(plain, 2)
    planned = designed(parts, CHILDREN, "anticipation=1")
    assert (more.reference, more.anticipation) == (planned.reference, planned.anticipation)
    kept = set(planned.councils["council_code"])
    for name in ("frame", "group_time_frame"):
        own: pd.DataFrame = getattr(
            without_councils(more, set(more.councils["council_code"]) - kept), name
        )
        pd.testing.assert_frame_equal(own, getattr(planned, name))


def test_no_comparison_left_is_an_error(parts: tuple[Plan, Panel, Exposure]) -> None:
    with pytest.raises(DesignError, match="no comparison council is left"):
        designed(parts, EMPTY, "spillovers=neighbours", "comparison=never_treated")
