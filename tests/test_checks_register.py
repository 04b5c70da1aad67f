"""What events that a register lacks do: simulated registers, and the shipped one."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_checks_designs import group_time, make_design

import evallib as ev
from evallib.checks import CheckResult, Checks
from evallib.checks.register import (
    CHECK,
    CURVE,
    IMPLIED,
    KNOWN_ONLY,
    RANDOM,
    WORST,
    assignments,
    check_register,
    draw_assignments,
)
from evallib.design import Design, build_design
from evallib.exposure.missing_events import MissingEvents, missing_events
from evallib.inference.register_range import over_assignments
from evallib.panel.periods import FINANCIAL_YEAR
from evallib.report.views.unrecorded import register_errors

EFFECT = 2.0


def hide_events(design: Design, share: float, seed: int, wrong: int | None = None) -> Design:
    """Return a design whose register lacks a share of the events.

    `wrong`, where given, is what each published total says is missing instead.
    """
    rng = np.random.default_rng(seed)
    councils = design.councils.reset_index(drop=True)
    treated = councils["is_treated"].to_numpy()
    hidden = treated & (rng.random(len(councils)) < share)
    status = np.where(treated & ~hidden, "in_window", "no_record")
    known = councils.assign(
        status=status,
        cohort=councils["cohort"].where(~hidden),
        is_treated=treated & ~hidden,
    )
    months = pd.period_range("2015-04", "2018-03", freq="M")
    span = np.repeat([0, 1, 2], 12)
    lost = [int((hidden & (councils["cohort"] == first)).sum()) for first in (2016, 2017, 2018)]
    counts = lost if wrong is None else [wrong] * 3
    codes = known.loc[status == "no_record", "council_code"].to_numpy(dtype=object)
    missing = MissingEvents(
        spans=pd.DataFrame(
            {
                "days": ["2015/16", "2016/17", "2017/18"],
                "published": [40, 5, 20],
                "recorded": [float(40 - counts[0]), 5.0, float(20 - counts[2])],
                "missing": counts,
                "rests_on": "published total",
            }
        ),
        months=months,
        span=span,
        cohort=np.repeat([2016, 2017, 2018], 12),
        is_studied=np.ones(36, dtype=bool),
        codes=codes,
        weight=np.full((codes.size, 3), 1.0 / codes.size),
        share_held=1 - share,
    )
    rows = design.group_time_frame
    gone = rows["council_code"].isin(councils.loc[hidden, "council_code"])
    frame = rows.assign(cohort=rows["cohort"].where(~gone))
    return dataclasses.replace(
        design,
        councils=known,
        group_time_frame=frame,
        missing=missing,
        no_record="assume_not_exposed",
    )


def checked(design: Design) -> CheckResult:
    return check_register(design, group_time(design), "group")


def value(result: CheckResult, part: str, name: str = "estimate") -> float:
    return float(result.table.set_index("part").loc[[part], name].iloc[0])


def test_unnoticed_events_shrink_the_estimate_and_dividing_mends_it() -> None:
    naive, mended, shares = [], [], []
    for seed in range(12):
        full = make_design(effect=EFFECT, noise=0.5, n=300, seed=seed)
        design = hide_events(full, 0.4, seed)
        result = checked(design)
        oracle = group_time(full)
        naive.append(value(result, CURVE))
        mended.append(value(result, IMPLIED))
        shares.append(value(result, IMPLIED, "share"))
        # What the full register gives lies in the range, and the truth up to sampling error.
        low, high = value(result, WORST, "conf_low"), value(result, WORST, "conf_high")
        assert low <= oracle.point[0] <= high
        assert low < EFFECT < high + 3 * oracle.std_error[0]
        assert (
            low <= value(result, RANDOM, "conf_low") <= value(result, RANDOM, "conf_high") <= high
        )
    error = np.std(mended, ddof=1) / np.sqrt(len(mended))
    assert 0.15 < np.mean(shares) < 0.25
    assert abs(np.mean(mended) - EFFECT) < 4 * error
    assert np.mean(naive) == pytest.approx(EFFECT * (1 - np.mean(shares)), abs=4 * error)
    assert np.mean(naive) < EFFECT - 10 * error


def test_the_curve_divides_estimate_and_interval() -> None:
    design = hide_events(make_design(effect=EFFECT), 0.2, 1)
    estimate = group_time(design)
    table = check_register(design, estimate, "group").table
    curve = table[table["part"] == CURVE]
    np.testing.assert_allclose(curve["share"], np.arange(7) / 10)
    for name, whole in (
        ("estimate", estimate.point[0]),
        ("conf_low", estimate.conf_low[0]),
        ("conf_high", estimate.conf_high[0]),
    ):
        np.testing.assert_allclose(curve[name], whole / (1 - curve["share"]))


def test_cells_alike_in_their_share_are_divided_as_the_curve_is() -> None:
    """What influence values give is then the same to rounding."""
    design = hide_events(make_design(effect=EFFECT), 0.2, 1, wrong=0)
    counts = design.missing.spans.assign(missing=[30, 0, 0])  # type: ignore[union-attr]
    missing = dataclasses.replace(design.missing, spans=counts)  # type: ignore[type-var]
    one = design.group_time_frame
    one = one[~(one["cohort"] == 2018)]
    kept = design.councils[design.councils["council_code"].isin(one["council_code"])]
    small = dataclasses.replace(
        design, group_time_frame=one, full=one, councils=kept, missing=missing
    )
    result = checked(small)
    share = value(result, IMPLIED, "share")
    assert share > 0.05
    for name in ("estimate", "conf_low", "conf_high"):
        assert value(result, IMPLIED, name) == pytest.approx(
            value(result, CURVE, name) / (1 - share), rel=1e-9
        )


def test_verdict_follows_what_chance_can_do() -> None:
    strong = hide_events(make_design(effect=EFFECT, change=0.3), 0.1, 2)
    passed = checked(strong)
    assert passed.verdict == "pass"
    assert f"the estimate of {value(passed, CURVE):.3g} would mostly lie" in passed.sentence
    weak = hide_events(make_design(effect=0.3, change=0.1), 0.1, 2, wrong=30)
    concern = checked(weak)
    assert concern.verdict == "concern"
    assert "Chance alone could change how the interval reads" in concern.sentence
    assert value(concern, WORST, "conf_low") < 0


def test_without_totals_or_with_covariates_there_is_no_range() -> None:
    design = hide_events(make_design(effect=EFFECT), 0.2, 1)
    nothing = dataclasses.replace(design.missing, reason="No total is published")  # type: ignore[type-var]
    result = checked(dataclasses.replace(design, missing=nothing))
    assert (result.verdict, set(result.table["part"])) == ("not applicable", {CURVE})
    assert result.sentence.startswith("No total is published")
    adjusted = dataclasses.replace(design, covariates=("deprivation",))
    result = checked(adjusted)
    assert (result.verdict, set(result.table["part"])) == ("not applicable", {CURVE, IMPLIED})
    assert "covariates" in result.sentence
    known = design.councils.assign(status="none_by_date")
    result = checked(dataclasses.replace(design, councils=known))
    assert result.verdict == "not applicable"
    assert result.sentence == "No council without a record compares"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (-1.0, "turn no sign"),
        (3.0, "at least as large"),
        (0.5, "exposed controls alone would have made it larger"),
        (None, "no estimate without unrecorded councils"),
    ],
    ids=["other sign", "larger", "smaller", "none"],
)
def test_words_say_which_case_the_outcome_is_in(other: float | None, words: str) -> None:
    design = hide_events(make_design(effect=EFFECT), 0.2, 1)
    result = checked(design)
    if other is not None:
        row = {"part": KNOWN_ONLY, "conf_low": other - 1, "estimate": other, "conf_high": other + 1}
        table = pd.concat([result.table, pd.DataFrame([row])], ignore_index=True)
        result = dataclasses.replace(result, table=table)
    html = register_errors([design], Checks((result,)))._repr_html_()
    assert words in html
    assert "it is no corrected answer" in html
    assert "Worst cases found" in html
    assert "Missing events by the days of each published total" in html
    assert "The interval holds zero" not in html


def test_a_null_is_told_what_it_could_hide() -> None:
    design = hide_events(make_design(effect=0.0, change=0.4), 0.3, 1)
    result = checked(design)
    shown = register_errors([design], Checks((result,)))
    said = " ".join(shown.items[1].sentences)
    assert "The interval holds zero. At the share that totals imply, effects from" in said
    assert "where 0.4 would matter" in said
    small = hide_events(make_design(effect=0.5, change=2.0), 0.3, 1)
    told = register_errors([small], Checks((checked(small),))).items[1].sentences[-1]
    assert value(checked(small), CURVE, "conf_low") > 0  # no zero, and no change that matters
    assert told.startswith("The interval lies inside plus or minus the change that would matter.")
    assert "where 2 would matter" in told
    assert ev.views.register_errors is register_errors
    assert (
        "no secondary outcome" in register_errors([design], Checks(()), "secondary")._repr_html_()
    )


class Shipped:
    """The peer challenge evaluation, loaded once."""

    def __init__(self) -> None:
        self.plan = ev.load_plan("peer_challenge")
        self.panel = ev.build_panel(self.plan)
        self.exposure = ev.build_exposure(self.plan, self.panel)


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    return Shipped()


def test_missing_events_are_published_less_recorded(shipped: Shipped) -> None:
    found = missing_events(shipped.plan, shipped.panel, shipped.exposure, FINANCIAL_YEAR)
    spans = found.spans
    totals = spans[spans["rests_on"] == "published total"]
    # 55 published, 38 surely and 46 at most on record; 71, 53 and 65
    assert totals["missing"].tolist() == [55 - 42, 71 - 59]
    assert str(totals["from_month"].iloc[0]) == "2022-04"
    others = spans[spans["rests_on"] != "published total"]
    assert others["days"].tolist() == ["2021/22", "2023/24", "2025/26"]
    share = (42 + 59) / (55 + 71)
    expected = np.floor(others["recorded"] * (1 / share - 1) + 0.5)
    assert others["missing"].tolist() == expected.tolist()
    np.testing.assert_allclose(found.weight.sum(axis=0), 1.0)
    assert (np.diff(found.span) >= 0).all()
    none = dataclasses.replace(shipped.exposure, coverage=shipped.exposure.coverage.iloc[:0])
    nothing = missing_events(shipped.plan, shipped.panel, none, FINANCIAL_YEAR)
    assert "No published total of the studied events is on file" in nothing.reason


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        ("ehc_plans_within_20_weeks_pct", {}),
        ("long_term_empty_homes_pct", {"comparison": "never_treated"}),
    ],
    ids=["calendar year", "never treated"],
)
def test_an_assignment_is_what_a_register_with_those_rows_gives(
    shipped: Shipped, outcome: str, changes: dict[str, Any]
) -> None:
    """The design is built again from a register that holds the assigned events."""
    plan = shipped.plan.model_copy(update=changes)
    design = build_design(plan, shipped.panel, shipped.exposure, outcome)
    missing = design.missing
    assert missing is not None
    arms = assignments(design, missing, "group")
    spans, paths = draw_assignments(arms, missing, 3, np.random.default_rng(5))
    drawn = over_assignments(arms.panel, paths)
    assert drawn.std() > 0
    for span, path, found in zip(spans, paths, drawn, strict=True):
        months = [
            int(np.flatnonzero((missing.span == one) & (row == way))[0]) if one >= 0 else -1
            for one, way, row in zip(span, path, arms.month_path, strict=True)
        ]
        codes = missing.codes[arms.place]
        days = {
            code: missing.months[month].start_time + pd.Timedelta(days=9)
            for code, month in zip(codes, months, strict=True)
            if month >= 0
        }
        table = shipped.exposure.councils
        day = table["council_code"].map(days)
        status = np.where(day < "2024-04-01", "in_window", "later")
        filled = dataclasses.replace(
            shipped.exposure,
            councils=table.assign(
                event_date=table["event_date"].where(day.isna(), day),
                status=table["status"].where(day.isna(), status),
            ),
        )
        again = build_design(plan, shipped.panel, filled, outcome)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = ev.fit(
                "group_time",
                again.group_time_frame,
                outcome="value",
                unit="council_code",
                time="period",
                cohort="cohort",
                anticipation=again.anticipation,
                base="universal",
                comparison=again.comparison,
                cluster="cluster",
            )
        assert found == pytest.approx(fitted.point[0], abs=1e-10)


def test_check_joins_the_default_set(shipped: Shipped) -> None:
    design = build_design(
        shipped.plan, shipped.panel, shipped.exposure, "rereferrals_within_12_months_pct"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ev.check(design, ev.estimate(design)).select(CHECK)
    (result,) = found
    assert result.no_record == "assume_not_exposed"
    parts = set(result.table["part"])
    assert parts == {CURVE, KNOWN_ONLY, IMPLIED, RANDOM, WORST}
