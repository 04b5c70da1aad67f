"""The other decision on suspicious figures, breaks of the series, and who is missing."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_checks_designs import group_time, make_design

from evallib.checks.base import CheckResult, Checks
from evallib.checks.breaks import break_steps, check_breaks
from evallib.checks.missingness import expected_rows, missing_gaps, missing_shares
from evallib.checks.unsafe import check_unsafe_figures
from evallib.design import Design, Designs, build_designs
from evallib.exposure import build_exposure
from evallib.inference.fitting import fit_design
from evallib.panel import build_panel
from evallib.panel.breaks import breaks_of
from evallib.plan import load_plan
from evallib.report.record import build_record
from evallib.report.views import series_breaks, who_is_missing
from evallib.report.views.findings import series_notes

EMPTY = "long_term_empty_homes_pct"
RECYCLING = "recycling_rate_pct"


def without(design: Design, rows: pd.Series) -> Design:
    """Return the design without some rows, as its other decision."""
    return replace(
        design,
        full=design.full[~rows],
        frame=design.frame[~rows.reindex(design.frame.index)],
        group_time_frame=design.group_time_frame[~rows],
        sample_id="other",
    )


def spoiled(share: float, by: float) -> Design:
    """Return a design in which some exposed figures are wrong, and the plan keeps them."""
    design = make_design()
    rng = np.random.default_rng(2)
    exposed = design.group_time_frame["is_exposed"] == 1
    wrong = exposed & (rng.random(len(exposed)) < share)
    frames = {
        name: getattr(design, name).assign(
            value=getattr(design, name)["value"] + by * wrong.reindex(getattr(design, name).index)
        )
        for name in ("full", "frame", "group_time_frame")
    }
    design = replace(design, **frames)
    return replace(design, other_decision=without(design, wrong))


def judged(design: Design) -> CheckResult:
    return check_unsafe_figures(design, group_time(design))


def test_no_touched_figure_passes_without_an_estimate() -> None:
    found = check_unsafe_figures(make_design(), None)
    assert (found.verdict, found.no_record) == ("pass", "assume_not_exposed")
    assert "No figure of this outcome's series is touched" in found.sentence
    outside = make_design()
    found = check_unsafe_figures(replace(outside, other_decision=outside), None)
    assert found.verdict == "pass"
    assert "outside its sample" in found.sentence


def test_wrong_figures_that_carry_the_estimate_are_a_concern() -> None:
    design = spoiled(0.1, 5.0)
    found = judged(design)
    assert found.verdict == "concern"
    table = found.table.set_index("figures")
    kept = group_time(design).aggregate("group")
    other = group_time(design.other_decision).aggregate("group")  # type: ignore[arg-type]
    assert table.loc["kept", "estimate"] == kept.point[0]
    assert table.loc["made missing", "estimate"] == other.point[0]
    assert table.loc["made missing", "std_error"] == other.std_error[0]
    assert abs(other.point[0] - kept.point[0]) > kept.std_error[0] / 2
    gone = len(design.group_time_frame) - len(design.other_decision.group_time_frame)  # type: ignore[union-attr]
    assert f"({gone} council-years of the sample are concerned)" in found.sentence
    assert "hangs on figures" in found.sentence


def test_harmless_figures_pass_and_the_words_turn_with_the_decision() -> None:
    design = spoiled(0.02, 0.0)
    found = judged(design)
    assert found.verdict == "pass"
    assert found.sentence.startswith("With suspicious figures made missing")
    turned = judged(replace(design, unsafe_action="missing"))
    assert turned.sentence.startswith("With suspicious figures kept")
    assert turned.table["figures"].tolist() == ["made missing", "kept"]


def test_crossing_the_meaningful_change_is_a_concern() -> None:
    design = spoiled(0.02, 1.5)
    before, after = judged(design).table["estimate"].abs()
    assert judged(replace(design, meaningful_change=10.0)).verdict == "pass"
    between = judged(replace(design, meaningful_change=(before + after) / 2))
    assert between.verdict == "concern"
    assert "as large as the meaningful change under one decision only" in between.sentence


def test_no_design_or_estimate_under_the_other_decision_is_a_concern() -> None:
    design = make_design()
    found = check_unsafe_figures(
        replace(design, other_decision_reason="2 figure(s) are zero"), None
    )
    assert found.verdict == "concern"
    assert "there is no design: 2 figure(s) are zero" in found.sentence
    exposed = design.group_time_frame["is_exposed"] == 1
    empty = replace(design, other_decision=without(design, exposed))
    found = judged(empty)
    assert found.verdict == "concern"
    assert "nothing can be estimated" in found.sentence
    nothing = check_unsafe_figures(empty, None)
    assert nothing.verdict == "not applicable"


def one_break(period: int, kind: str = "basis") -> pd.DataFrame:
    row = breaks_of([RECYCLING]).iloc[[0]]
    year = f"{period}/{(period + 1) % 100:02d}"
    return row.assign(first_period_after=period, first_year_after=year, kind=kind)


def stepping(design: Design, period: int, treated: float, others: float) -> Design:
    arms = design.councils.set_index("council_code")["is_treated"]
    frames = {}
    for name in ("full", "frame", "group_time_frame"):
        table = getattr(design, name)
        step = np.where(table["council_code"].map(arms), treated, others)
        frames[name] = table.assign(value=table["value"] + step * (table["period"] >= period))
    return replace(design, breaks=one_break(period), **frames)


@pytest.mark.parametrize(
    ("period", "treated", "others", "verdict", "words"),
    [
        (2013, 0.0, 5.0, "pass", "outside every base and exposed year"),
        (2019, 0.0, 0.0, "pass", "break of 2019/20 treated councils stepped"),
        (2019, 0.0, 5.0, "concern", "can pass for an effect"),
        (2019, 5.0, 5.0, "pass", "treated councils stepped"),
    ],
)
def test_a_break_is_a_concern_where_arms_step_apart_across_it(
    period: int, treated: float, others: float, verdict: str, words: str
) -> None:
    found = check_breaks(stepping(make_design(noise=0.1), period, treated, others))
    assert found.verdict == verdict
    assert words in found.sentence
    assert set(found.table["group"]) == {"all councils", "unitary", "treated", "comparison"}


def test_a_break_at_every_exposure_cannot_be_told_from_an_effect() -> None:
    design = make_design()
    early = design.councils["cohort"].where(~(design.councils["cohort"] > 2016), 2016.0)
    design = replace(design, councils=design.councils.assign(cohort=early), breaks=one_break(2016))
    found = check_breaks(design)
    assert found.verdict == "concern"
    assert "the break of 2016/17 cannot be told from an effect" in found.sentence.lower()


def test_series_without_a_break_pass_and_gaps_do_not_count() -> None:
    design = make_design()
    for one in (design, replace(design, breaks=one_break(2016, "gap"))):
        found = check_breaks(one)
        assert (found.verdict, found.table.empty) == ("pass", True)
        assert "No known break" in found.sentence


def test_steps_are_held_beside_the_usual_movement() -> None:
    rows = pd.DataFrame(
        {
            "council_code": ["a"] * 5 + ["b"] * 5 + ["c"],
            "period": [2011, 2012, 2013, 2015, 2016] * 2 + [2011],
            "value": [1.0, 2, 4, 14, 15, 1, 3, 5, 25, 24, 7],
        }
    )
    groups = {"both": pd.Index(["a", "b"]), "c": pd.Index(["c"])}
    found = break_steps(rows, 2014, groups).set_index("group")
    assert found.index.tolist() == ["both"]  # c has no figure on both sides
    both = found.loc["both"]
    assert (both["first_year_after"], both["councils"]) == ("2015/16", 2)
    assert (both["median_step"], both["mean_step"]) == (15.0, 15.0)
    assert both["usual_step"] == 1.5  # medians of 1.5, 2 and 0 over the other years
    assert break_steps(rows, 2017, groups).empty
    assert break_steps(rows, 2011, groups)["median_step"].tolist() == [1.5]


def test_missing_figures_are_counted_by_arm_and_timing() -> None:
    design = make_design(n=12)
    cohort = design.councils["cohort"].copy()
    cohort.iloc[-1] = 2019.0
    councils = design.councils.assign(cohort=cohort)
    gone = (design.full["council_code"] == "C0000") & (design.full["period"] == 2017)
    rows = expected_rows(replace(design, councils=councils, full=design.full[~gone]))
    counts = missing_shares(rows).set_index(["arm", "timing"])
    assert counts.loc[("treated", "after"), "missing"] == 1
    assert counts["missing"].sum() == 1
    # four councils from 2016 and two from 2018, ten years, one event year each
    assert counts.loc[("treated", "before"), "council_years"] == 4 * 5 + 2 * 7
    assert counts.loc[("treated", "after"), "council_years"] == 4 * 4 + 2 * 2
    # later-treated from 2019: from its event year 2018 on it is no control
    assert counts.loc["later-treated", "council_years"].sum() == 8
    assert counts.loc["no recorded event", "council_years"].sum() == 5 * 10


def test_gaps_are_those_of_a_clustered_regression_in_a_balanced_case() -> None:
    rng = np.random.default_rng(11)
    councils = [f"C{i:03d}" for i in range(80)]
    rows = pd.DataFrame(
        {"council_code": np.repeat(councils, 4), "period": np.tile([2015, 2016, 2017, 2018], 80)}
    )
    treated = rows["council_code"] < "C030"
    rows["cluster"] = rows["council_code"]
    rows["arm"] = np.where(treated, "treated", "no recorded event")
    rows["timing"] = "after"
    rows["is_missing"] = (rng.random(len(rows)) < np.where(treated, 0.3, 0.1)).astype(int)
    found = missing_gaps(rows).set_index("timing").loc["after"]
    frame = rows.assign(treated=treated.astype(float), value=100.0 * rows["is_missing"])
    shares = frame.groupby("treated")["value"].mean()
    assert found["difference"] == pytest.approx(shares[1.0] - shares[0.0])
    # Means by arm with errors clustered by council: CR0 with G/(G-1), by hand.
    scores = []
    for arm, sign in ((1.0, 1), (0.0, -1)):
        own = frame[frame["treated"] == arm]
        left = (own["value"] - own["value"].mean()).groupby(own["council_code"]).sum()
        scores.append(sign * left / len(own))
    error = np.sqrt(80 / 79 * (pd.concat(scores) ** 2).sum())
    assert found["std_error"] == pytest.approx(error)
    assert (found["treated_councils"], found["comparison_councils"]) == (30, 50)


def test_intervals_of_gaps_cover_what_is_true() -> None:
    rng = np.random.default_rng(12)
    covered = 0
    for _ in range(200):
        frail = rng.beta(1, 9, 60)  # some councils fail to report again and again
        rows = pd.DataFrame(
            {
                "council_code": np.repeat([f"C{i:02d}" for i in range(60)], 8),
                "period": np.tile(range(8), 60),
            }
        )
        rows["cluster"] = rows["council_code"]
        rows["arm"] = np.where(rows["council_code"] < "C20", "treated", "later-treated")
        rows["timing"] = np.where(rows["period"] < 5, "before", "after")
        rows["is_missing"] = (rng.random(480) < np.repeat(frail, 8)).astype(int)
        change = missing_gaps(rows).set_index("timing").loc["change"]
        covered += bool(change["conf_low"] <= 0 <= change["conf_high"])
    assert 180 <= covered <= 198


def test_nothing_missing_has_no_interval() -> None:
    rows = expected_rows(make_design(n=30))
    gaps = missing_gaps(rows)
    assert gaps["difference"].eq(0).all()
    assert gaps["conf_low"].isna().all()


@dataclasses.dataclass
class Pair:
    kept: Designs
    gone: Designs


@pytest.fixture(scope="module")
def pair() -> Pair:
    found = []
    for action in ("keep", "missing"):
        plan = load_plan("peer_challenge", [f"unsafe_figures.action={action}"])
        panel = build_panel(plan)
        found.append(build_designs(plan, panel, build_exposure(plan, panel)))
    return Pair(*found)


def test_designs_hold_the_other_decision(pair: Pair) -> None:
    for kept, gone in zip(pair.kept, pair.gone, strict=True):
        assert (kept.unsafe_action, gone.unsafe_action) == ("keep", "missing")
        assert (kept.other_decision is None) == (gone.other_decision is None)
        if kept.other_decision is not None and gone.other_decision is not None:
            assert kept.other_decision.sample_id == gone.sample_id
            assert gone.other_decision.sample_id == kept.sample_id
        else:
            assert kept.sample_id == gone.sample_id
    assert pair.kept.get(EMPTY).other_decision is not None
    assert pair.kept.get("assessments_within_45_days_pct").other_decision is None


def test_the_flow_counts_what_the_plan_makes_missing(pair: Pair) -> None:
    step = "Suspicious figures that the plan makes missing"
    for kept, gone in zip(pair.kept, pair.gone, strict=True):
        assert step not in set(kept.flow["step"])
        first, second = gone.flow.iloc[0], gone.flow.iloc[1]
        assert second["step"] == step
        assert first["council_years"] == kept.flow.iloc[0]["council_years"]
        dropped = first["council_years"] - second["council_years"]
        assert dropped == second["council_years_dropped"]
        touched = kept.other_decision is not None or kept.other_decision_reason != ""
        assert (dropped > 0) == touched
        last = gone.flow.iloc[-1]
        assert last["council_years"] == len(gone.group_time_frame)
    empty = pair.gone.get(EMPTY).flow.iloc[1]
    assert "far below" in empty["why"]


def test_the_sensitivity_is_the_estimate_of_the_other_plan(pair: Pair) -> None:
    kept, gone = pair.kept.get(EMPTY), pair.gone.get(EMPTY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_unsafe_figures(kept, fit_design(kept, "group_time"))
        other = fit_design(gone, "group_time").aggregate("group")
    assert found.table["estimate"].iloc[1] == pytest.approx(float(other.point[0]))
    assert found.table["std_error"].iloc[1] == pytest.approx(float(other.std_error[0]))


def test_a_denominator_that_is_suspicious_touches_the_outcome() -> None:
    only = (
        "outcomes=[{indicator: flytipping_incidents_count, role: descriptive, per: dwellings_count,"
        " scale: log, zeros: missing, meaningful_change: 0.1}]"
    )
    given = ["unsafe_figures.rules=[jump]", only, "placebo_outcomes=[]", "specifications={}"]
    plan = load_plan("peer_challenge", given)
    panel = build_panel(plan)
    listed = panel.unsafe[panel.unsafe["action"] == "keep"]
    below = listed[listed["indicator"] == "dwellings_count"]
    own = listed[listed["indicator"] == "flytipping_incidents_count"]
    assert len(below) > 0
    design = build_designs(plan, panel, build_exposure(plan, panel)).get(
        "flytipping_incidents_count"
    )
    assert design.other_decision is not None
    keys = ["council_code", "period"]
    gone = design.full.merge(design.other_decision.full[keys], on=keys, how="left", indicator=True)
    gone = gone.loc[gone["_merge"] == "left_only", keys]
    either = pd.concat([below, own])[keys].drop_duplicates()
    assert len(gone.merge(either, on=keys)) == len(gone) > 0


def test_sections_and_log_say_what_is_decided(pair: Pair) -> None:
    plan = load_plan("peer_challenge", ["unsafe_figures.action=missing"])
    panel = build_panel(plan)
    sections = series_breaks(plan, panel, pair.gone).items
    titles = [pair.gone.get(name).title for name in (RECYCLING, "residual_waste_kg_per_household")]
    assert [section.title for section in sections] == [*titles, "Other outcomes"]
    chart = sections[0].pieces[0]
    assert "2015/16" in chart.alt  # type: ignore[union-attr]
    table = sections[0].pieces[1].frame  # type: ignore[union-attr]
    assert {"all councils", "London borough", "treated", "comparison"} <= set(table["group"])
    words = who_is_missing(plan, panel, pair.gone).sentences[1]
    assert "description" in words
    record = build_record(plan, {"inputs": [{"file": "x.csv"}]})
    tables = [table for _, _, tables in record.sections for table in tables]
    log = next(table.frame for table in tables if table.slug == "assumptions")
    rows = log[log["Where it is set"].str.startswith("unsafe_figures: missing")]
    assert len(rows) == 1
    assert "left out as missing" in rows["Assumption"].iloc[0]


def test_the_notes_of_an_outcome_name_its_break_and_its_concern(pair: Pair) -> None:
    for name, words in (
        (RECYCLING, "Known break of the series: kerbside rejects"),
        (EMPTY, "With suspicious figures made missing"),
    ):
        design = pair.kept.get(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = check_unsafe_figures(design, fit_design(design, "group_time"))
        notes = series_notes(design, Checks((found, check_breaks(design))))
        assert notes[0].startswith(words)
