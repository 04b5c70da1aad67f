"""Checks on simulated designs whose truth is known, and on the real one."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

import evallib as ev
from evallib.checks.bacon import check_bacon
from evallib.checks.balance import check_balance
from evallib.checks.comparison import check_comparison_groups, differ_in_sign
from evallib.checks.counts import check_counts
from evallib.checks.influence import check_base_year, check_leave_one_out
from evallib.checks.pretrends import check_pretrends
from evallib.design import Design
from evallib.estimate import Estimate, fit
from evallib.estimate.jackknife import leave_one_out
from evallib.inference.wald import wald_leads

PERIODS = np.arange(2010, 2020)


def make_design(
    *,
    effect: float = 0.0,
    drift: float = 0.0,
    noise: float = 0.5,
    change: float = 1.0,
    n: int = 200,
    outlier: float = 0.0,
    seed: int = 1,
) -> Design:
    """A third of the councils is exposed from 2016, a sixth from 2018; drift is their own trend."""
    rng = np.random.default_rng(seed)
    cohort = np.where(
        np.arange(n) < n // 3, 2016.0, np.where(np.arange(n) < n // 2, 2018.0, np.nan)
    )
    treated = np.isfinite(cohort)
    rows = pd.DataFrame(
        {
            "council_code": np.repeat([f"C{i:04d}" for i in range(n)], PERIODS.size),
            "period": np.tile(PERIODS, n),
            "weight": 1.0,
        }
    )
    start = np.repeat(cohort, PERIODS.size)
    exposed = rows["period"].to_numpy() >= start
    value = np.repeat(rng.normal(size=n), PERIODS.size) + rng.normal(0, noise, len(rows))
    value += effect * exposed + drift * np.repeat(treated, PERIODS.size) * (rows["period"] - 2015)
    value[(rows["council_code"] == "C0000") & exposed] += outlier
    rows["value"] = value
    rows["cluster"] = rows["council_code"]
    rows["cohort"] = start
    rows["is_exposed"] = exposed.astype(int)
    event = np.isfinite(start) & (rows["period"] == start - 1)
    councils = pd.DataFrame(
        {
            "council_code": [f"C{i:04d}" for i in range(n)],
            "cohort": cohort,
            "is_treated": treated,
            "cluster": [f"C{i:04d}" for i in range(n)],
            "council_type": "unitary",
            "region": "North East",
            "concurrent": "",
            "touched": "",
            "imd_average_score": rng.normal(20, 5, n),
            "share_population_rural": rng.uniform(0, 1, n),
            "population_count": rng.uniform(1e5, 2e5, n),
        }
    )
    return Design(
        outcome="simulated",
        title="Simulated",
        unit="points",
        polarity="higher",
        role="primary",
        scale="level",
        meaningful_change=change,
        comparison="not_yet_treated",
        no_record="assume_not_exposed",
        full=rows[["council_code", "period", "value", "weight"]],
        councils=councils,
        frame=rows[~event],
        group_time_frame=rows,
        anticipation=1,
        reference=-2,
        window=(-4, 2),
        level=0.95,
        seed=1,
        estimators=("group_time",),
        headline=("group_time", "group"),
        weighted=False,
        flow=pd.DataFrame(),
        dropped=pd.DataFrame(),
        sample_id="simulated",
    )


def group_time(design: Design) -> Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimate = fit(
            "group_time",
            design.group_time_frame,
            outcome="value",
            unit="council_code",
            time="period",
            cohort="cohort",
            anticipation=1,
            base="universal",
            comparison="not_yet_treated",
            cluster="cluster",
        )
    dynamic = estimate.aggregate("dynamic")
    leads = wald_leads(dynamic, np.array([-4.0, -3.0]))
    return dataclasses.replace(estimate, details={**estimate.details, "leads": leads})


def test_diverging_councils_fail_the_pretrends() -> None:
    design = make_design(drift=0.5)
    result = check_pretrends(design, group_time(design))
    assert result.verdict == "fail"
    assert list(result.table["event_time"]) == [-4, -3]


def test_bounded_leads_pass_and_wide_ones_are_not_shown() -> None:
    design = make_design(change=1.0)
    assert check_pretrends(design, group_time(design)).verdict == "pass"
    strict = dataclasses.replace(design, meaningful_change=0.01)
    result = check_pretrends(strict, group_time(strict))
    assert result.verdict == "concern"
    assert "not shown" in result.sentence


@pytest.mark.parametrize(
    ("p_joint", "verdict"), [(0.049, "fail"), (0.05, "fail"), (0.051, "pass"), (np.nan, "concern")]
)
def test_pretrends_at_the_edge_go_to_the_more_cautious(p_joint: float, verdict: str) -> None:
    design = make_design()
    estimate = group_time(design)
    leads = {**estimate.details["leads"], "p_joint": p_joint}
    edge = dataclasses.replace(estimate, details={**estimate.details, "leads": leads})
    assert (
        check_pretrends(dataclasses.replace(design, meaningful_change=50.0), edge).verdict
        == verdict
    )


def test_an_estimate_of_exactly_zero_agrees_with_no_other() -> None:
    estimate = group_time(make_design())
    zero = dataclasses.replace(estimate, point=np.zeros_like(estimate.point))
    assert differ_in_sign(zero, estimate)
    assert differ_in_sign(estimate, zero)
    assert not differ_in_sign(zero, zero)
    assert not differ_in_sign(estimate, estimate)


def test_pretrends_need_a_lead_in_the_window() -> None:
    design = dataclasses.replace(make_design(), window=(-2, 2))
    assert check_pretrends(design, group_time(design)).verdict == "not applicable"


def test_leave_one_out_equals_refits() -> None:
    design = make_design(n=30)
    estimate = group_time(design)
    source = estimate.source
    assert source is not None
    quick = leave_one_out(source.problem, source.solution, source.averages("group"))[:, 0]
    codes = sorted(design.group_time_frame["council_code"].unique())
    for position in range(0, 30, 3):
        rows = design.group_time_frame
        less = dataclasses.replace(
            design, group_time_frame=rows[rows["council_code"] != codes[position]]
        )
        assert group_time(less).point[0] == pytest.approx(quick[position], abs=1e-12)


def test_one_extreme_council_is_found() -> None:
    calm, wild = make_design(), make_design(outlier=500.0)
    assert check_leave_one_out(calm, group_time(calm), "group").verdict == "pass"
    result = check_leave_one_out(wild, group_time(wild), "group")
    assert result.verdict == "concern"
    assert "C0000" not in result.table.to_string()


def test_a_drift_shows_when_the_base_moves() -> None:
    steady, drifting = make_design(), make_design(drift=2.0)
    assert check_base_year(steady, group_time(steady), "group").verdict == "pass"
    result = check_base_year(drifting, group_time(drifting), "group")
    assert result.verdict == "concern"
    gap = result.table["estimate"].diff().iloc[1]
    assert gap == pytest.approx(2.0, abs=0.3)


def test_balance_finds_a_difference_in_level() -> None:
    design = make_design()
    assert check_balance(design).verdict == "pass"
    rows = design.full.copy()
    treated = set(design.councils.loc[design.councils["is_treated"], "council_code"])
    rows.loc[rows["council_code"].isin(treated), "value"] += 3
    result = check_balance(dataclasses.replace(design, full=rows))
    assert result.verdict == "concern"
    assert "level of the outcome" in result.sentence
    assert result.table["treated_councils"].eq(100).all()


def test_counts_by_year_are_right_and_thin_years_are_a_concern() -> None:
    result = check_counts(make_design())
    table = result.table.set_index("fin_year")
    assert result.verdict == "pass"
    assert table.loc["2016/17", ["exposed", "event_year", "comparison"]].tolist() == [66, 0, 134]
    assert table.loc["2017/18", ["exposed", "event_year", "comparison"]].tolist() == [66, 34, 100]
    assert check_counts(make_design(n=40)).verdict == "concern"


def test_bacon_weights_add_up_to_the_two_way_estimate() -> None:
    result = check_bacon(make_design(effect=1.0))
    parts = result.table.iloc[:3]
    assert parts["weight"].sum() == pytest.approx(1, abs=1e-8)
    total = result.table["estimate"].iloc[3]
    assert (parts["weight"] * parts["estimate"]).sum() == pytest.approx(total, abs=1e-8)
    assert total == pytest.approx(1, abs=0.2)


def test_comparison_groups_that_disagree() -> None:
    one, other = group_time(make_design(effect=1.0)), group_time(make_design(effect=-1.0))
    design = make_design()
    named = dataclasses.replace(one, no_record="assume_not_exposed")
    rival = dataclasses.replace(other, no_record="only_known")
    assert check_comparison_groups(design, named, rival, "").verdict == "concern"
    assert check_comparison_groups(design, named, named, "").verdict == "pass"
    assert check_comparison_groups(design, named, None, "none").verdict == "not applicable"


def test_leaving_group_time_out_does_not_escape_the_pretrends_check() -> None:
    plan = ev.load_plan("peer_challenge", ["estimators=[twfe]", "headline.estimator=twfe"])
    panel = ev.build_panel(plan)
    exposure = ev.build_exposure(plan, panel)
    design = ev.build_design(plan, panel, exposure, "long_term_empty_homes_pct")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimates = ev.estimate(design)
        checks = ev.check(design, estimates)
    verdicts = {item.no_record: item.verdict for item in checks.select("pre-trends")}
    assert verdicts["assume_not_exposed"] == "fail"
    assert {item.estimator for item in estimates} == {"twfe"}
