"""The checks of honest pre-trends on simulated designs whose drift and effect are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from test_checks_designs import group_time, make_design

import evallib as ev
from evallib.checks import Checks
from evallib.checks.base import CheckResult
from evallib.checks.honest import HONEST, POWER, check_honest
from evallib.estimate import fit
from evallib.report.chart import Chart
from evallib.report.views.honest import honest_pretrends


def checked(**facts: float) -> tuple[CheckResult, CheckResult]:
    design = make_design(**facts)
    honest, power = check_honest(design, None, group_time(design))
    return honest, power


def test_a_strong_effect_bears_drift() -> None:
    honest, _ = checked(effect=5.0)
    assert (honest.check, honest.verdict) == (HONEST, "pass")
    breakdown = honest.table.groupby("restriction")["breakdown"].first()
    assert breakdown["relative magnitudes"] >= 1
    assert breakdown["smoothness"] > 0
    assert np.isnan(breakdown.get("none", np.nan))
    assert "excludes zero" in honest.sentence
    assert "event times 0 to 2" in honest.sentence


def test_an_effect_that_its_own_drift_explains_does_not() -> None:
    honest, _ = checked(effect=0.0, drift=0.5)
    assert honest.verdict == "concern"
    value = honest.table.set_index("restriction")["breakdown"]["relative magnitudes"].iloc[0]
    assert 0 < value < 1
    assert f"at most {value:.2f} times the largest before it" in honest.sentence


def test_a_null_has_nothing_to_overturn() -> None:
    honest, _ = checked()
    assert honest.verdict == "not applicable"
    assert "no finding that drift could overturn" in honest.sentence
    assert (honest.table["restriction"] == "smoothness").any()


def test_power_stands_against_the_meaningful_change() -> None:
    design = make_design(change=1.0)
    _, power = check_honest(design, None, group_time(design))
    assert (power.check, power.verdict) == (POWER, "pass")
    strict = dataclasses.replace(design, meaningful_change=0.05)
    _, power = check_honest(strict, None, group_time(strict))
    assert power.verdict == "concern"
    row = power.table.query("test == 'joint Wald test' and power == 0.5").iloc[0]
    # Effects at 0, 1 and 2 lie 2, 3 and 4 years after the base, the year of the event among them.
    assert row["bias"] == pytest.approx(3 * row["slope"])
    assert row["share_of_change"] == pytest.approx(row["bias"] / 0.05)
    said = f"miss a drift of {row['slope']:.2g} points a year half of the time"
    assert said in power.sentence


def test_headline_without_event_study_takes_that_of_the_group_time_effects() -> None:
    design = make_design(effect=2.0)
    cells = group_time(design)
    columns = {"outcome": "value", "unit": "council_code", "time": "period"}
    single = fit("twfe", design.frame, treatment="is_exposed", **columns)
    plain, same = (check_honest(design, given, cells)[0] for given in (None, single))
    assert same.table.equals(plain.table)
    events = fit("event_study", design.frame, cohort="cohort", reference=-2, **columns)
    assert not check_honest(design, events, cells)[0].table.equals(plain.table)


def test_no_lead_in_the_window() -> None:
    design = dataclasses.replace(make_design(), window=(-2, 2))
    results = check_honest(design, None, group_time(design))
    assert [item.verdict for item in results] == ["not applicable"] * 2
    assert "no lead next to the base (-2)" in results[0].sentence


def test_thin_designs_are_told() -> None:
    design = make_design(n=24, effect=5.0)
    results = check_honest(design, None, group_time(design))
    assert all("not reliable: the design is thin" in item.sentence for item in results)


def test_view_shows_chart_and_tables() -> None:
    design = make_design(effect=5.0)
    results = check_honest(design, None, group_time(design))
    shown = honest_pretrends([design], Checks(tuple(results)))
    (section,) = shown.items
    assert len(section.pieces) == 3
    html = shown._repr_html_()
    assert "Drift up to 1.5 times" in html
    assert "Adds where the test passes" in html
    assert "the headline is the mean over groups of councils by year of exposure" in html
    assert ev.views.honest_pretrends is honest_pretrends
    nothing = honest_pretrends([design], Checks(()), role="secondary")
    assert "no secondary outcome" in nothing._repr_html_()


def test_view_keeps_the_headlines_decimals_and_hides_no_end_behind_zero() -> None:
    design = make_design(effect=5.0, change=1.0)
    honest = check_honest(design, None, group_time(design))[0]
    wide = honest.table.assign(conf_low=-0.042, conf_high=40.1)
    item = dataclasses.replace(honest, table=wide)
    (section,) = honest_pretrends([design], Checks((item,))).items
    chart = section.pieces[0]
    assert isinstance(chart, Chart)
    html = chart._repr_html_()
    assert ">\u22120.04<" in html and ">40.10<" in html
