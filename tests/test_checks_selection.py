"""Look-alikes, placebo outcomes and other samples, on planted cases whose truth is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from test_checks_designs import PERIODS, group_time, make_design

import evallib as ev
from evallib.checks import Checks
from evallib.checks.influence import check_base_year
from evallib.checks.other_samples import EARLIER, PLANNED, check_other_samples
from evallib.checks.placebo_outcomes import CHECK as PLACEBO
from evallib.checks.placebo_outcomes import check_placebo_outcomes, placebo_tally
from evallib.checks.selection import (
    CHECK,
    SHIFT,
    WITH,
    WITHOUT,
    check_regression_to_the_mean,
    sense,
)
from evallib.design import Design, Designs
from evallib.estimate import fit
from evallib.inference.look_alikes import ALIKE, EVERYONE, EXPOSED, look_alikes
from evallib.plan.verdict import VerdictRule

FRAMES = ("full", "frame", "group_time_frame")


def with_values(design: Design, value: np.ndarray, cohort: np.ndarray) -> Design:
    """Return a design with other figures (N, T) and first exposed years."""
    codes = design.councils["council_code"].to_numpy()
    grid = pd.DataFrame(value, index=codes, columns=PERIODS)
    starts = pd.Series(cohort, index=codes)
    long = grid.rename_axis("council_code").reset_index()
    long = long.melt("council_code", var_name="period", value_name="value")
    rows = design.full.drop(columns="value").merge(long.astype({"period": int}))
    whole = rows.assign(cluster=rows["council_code"], cohort=rows["council_code"].map(starts))
    whole["is_exposed"] = (whole["period"] >= whole["cohort"]).astype(int)
    councils = design.councils.assign(cohort=cohort, is_treated=np.isfinite(cohort))
    return dataclasses.replace(
        design,
        full=rows,
        frame=whole[whole["period"] != whole["cohort"] - 1],
        group_time_frame=whole,
        councils=councils,
    )


def returning(effect: float = 0.0, lasting: float = 0.5, seed: int = 4) -> Design:
    """60 of 600 councils that were low in 2014 are exposed from 2016; a bad year does not last."""
    rng = np.random.default_rng(seed)
    design = make_design(n=600)
    value = lasting * rng.normal(size=(600, 1)) + rng.normal(0, 1, (600, PERIODS.size))
    low = value[:, 4] + rng.normal(0, 1, 600)  # chosen by the level, not by it alone
    cohort = np.where(low <= np.sort(low)[59], 2016.0, np.nan)
    value[np.isfinite(cohort), 6:] += effect
    return with_values(design, value, cohort)


def test_recovery_that_look_alikes_share_is_found() -> None:
    design = returning()
    headline = group_time(design)
    result = check_regression_to_the_mean(design, headline)
    rows = result.table.set_index("group")["estimate"]
    assert rows[WITHOUT] > 0.8
    assert abs(rows[WITH]) < 0.3
    assert rows[SHIFT] == pytest.approx(rows[WITH] - rows[WITHOUT])
    assert (result.check, result.verdict) == (CHECK, "concern")
    assert "most of it is what look-alikes did too" in result.sentence


def test_an_effect_beside_a_fair_comparison_stands() -> None:
    design = make_design(effect=2.0)
    result = check_regression_to_the_mean(design, group_time(design))
    assert result.verdict == "pass"
    assert "look-alikes did as all comparison councils did" in result.sentence
    rows = result.table.set_index("group")["estimate"]
    assert rows[WITH] == pytest.approx(2.0, abs=0.25)


def test_a_shift_whose_interval_holds_zero_is_not_stated_as_a_fact() -> None:
    design = returning()
    found = look_alikes(design)
    assert sense(design, found) == "most of it is what look-alikes did too"
    wide = dataclasses.replace(found, shift_low=-9.0, shift_high=9.0)
    assert sense(design, wide).startswith("we cannot tell whether part of it")


def test_effects_and_recovery_are_told_apart() -> None:
    design = returning(effect=1.5)
    rows = check_regression_to_the_mean(design, group_time(design)).table.set_index("group")
    assert rows.loc[WITHOUT, "estimate"] > 2.2
    assert rows.loc[WITH, "estimate"] == pytest.approx(1.5, abs=0.3)
    assert rows.loc[WITH, "conf_low"] < 1.5 < rows.loc[WITH, "conf_high"]


def test_without_matching_every_comparison_council_counts_alike() -> None:
    design = returning(effect=1.0)
    found = look_alikes(design)
    grid = design.full.pivot(index="council_code", columns="period", values="value")
    change = grid[[2016, 2017, 2018]].mean(axis=1) - grid[2014]
    treated = design.councils.set_index("council_code")["is_treated"]
    by_hand = change[treated].mean() - change[~treated].mean()
    assert found.unmatched.point[0] == pytest.approx(by_hand, abs=1e-12)
    after = found.before.set_index("group")["after"]
    assert after[EXPOSED] == pytest.approx(change[treated].mean(), abs=1e-12)
    assert after[EVERYONE] == pytest.approx(change[~treated].mean(), abs=1e-12)
    plain = fit(
        "matched_did",
        design.group_time_frame,
        outcome="value",
        unit="council_code",
        time="period",
        cohort="cohort",
        anticipation=1,
        window=design.window,
        bias_correction=False,
    )
    assert after[EXPOSED] - after[ALIKE] == pytest.approx(plain.point[0], abs=1e-12)


def test_mean_paths_start_from_the_level_in_the_base() -> None:
    design = returning()
    found = look_alikes(design)
    grid = design.full.pivot(index="council_code", columns="period", values="value")
    treated = design.councils.set_index("council_code")["is_treated"]
    paths = found.paths.set_index(["group", "event_time"])["mean"]
    for time, year in ((-4, 2012), (-2, 2014), (2, 2018)):
        assert paths[EXPOSED, time] == pytest.approx(grid.loc[treated, year].mean(), abs=1e-12)
        assert paths[EVERYONE, time] == pytest.approx(grid.loc[~treated, year].mean(), abs=1e-12)
    # As low as the exposed in the base, unlike the rest.
    assert abs(paths[ALIKE, -2] - paths[EXPOSED, -2]) < 0.15
    assert paths[EVERYONE, -2] - paths[EXPOSED, -2] > 0.8


def test_councils_without_look_alikes_are_left_out_on_both_sides() -> None:
    design = returning(effect=1.0)
    lost = design.councils.loc[design.councils["is_treated"], "council_code"].iloc[0]
    cut = {
        name: (table := getattr(design, name))[
            ~((table["council_code"] == lost) & table["period"].isin([2014]))
        ]
        for name in FRAMES
    }
    found = look_alikes(dataclasses.replace(design, **cut))
    assert found.matched.n_treated_units == found.unmatched.n_treated_units == 59
    assert np.isfinite(found.shift_error)


def test_levels_that_differ_lastingly_are_warned_of() -> None:
    rng = np.random.default_rng(3)
    cohort = np.where(np.arange(300) < 60, 2016.0, np.nan)
    level = np.where(np.isfinite(cohort), -1.5, 0.0)[:, None]
    value = level + rng.normal(0, 1, (300, PERIODS.size))
    design = with_values(make_design(n=300), value, cohort)
    result = check_regression_to_the_mean(design, group_time(design))
    assert "drift back, which matching takes for effect" in result.sentence
    fair = returning(lasting=0.0)
    assert "drift back" not in check_regression_to_the_mean(fair, group_time(fair)).sentence


def test_no_headline_and_no_comparator_are_said() -> None:
    design = make_design()
    assert check_regression_to_the_mean(design, None).verdict == "not applicable"
    assert check_other_samples(design, None).verdict == "not applicable"
    treated = design.councils.loc[design.councils["is_treated"], "council_code"]
    cut = {name: (t := getattr(design, name))[t["council_code"].isin(treated)] for name in FRAMES}
    few = dataclasses.replace(design, **cut, comparison="never_treated")
    result = check_regression_to_the_mean(few, group_time(design))
    assert result.verdict == "not applicable"
    assert result.sentence.startswith("No look-alikes")


def touched_design() -> Design:
    """20 comparison councils are touched: they share the effect of 2; 10 met something else."""
    design = make_design(effect=2.0, noise=0.2)
    councils = design.councils.copy()
    councils.loc[180:199, "touched"] = "same_county; neighbours"
    councils.loc[0:9, "concurrent"] = "section 114 notice 2017"
    reached = set(councils["council_code"][180:200])
    frames = {}
    for name in FRAMES:
        table = getattr(design, name).copy()
        table.loc[table["council_code"].isin(reached) & (table["period"] >= 2016), "value"] += 8.0
        frames[name] = table
    return dataclasses.replace(design, councils=councils, **frames)


def test_other_samples_are_fits_without_those_councils() -> None:
    design = touched_design()
    result = check_other_samples(design, group_time(design))
    table = result.table.set_index("sample")
    planned = table.loc[PLANNED, "estimate"]
    assert planned == pytest.approx(group_time(design).aggregate("group").point[0], abs=1e-12)
    gone = {
        "without comparison councils: same county as an exposed council": range(180, 200),
        "without councils that met a concurrent event": range(10),
    }
    for label, numbers in gone.items():
        codes = [f"C{number:04d}" for number in numbers]
        rows = design.group_time_frame.query("council_code not in @codes")
        alone = group_time(dataclasses.replace(design, group_time_frame=rows))
        by_hand = alone.aggregate("group").point[0]
        assert table.loc[label, "estimate"] == pytest.approx(by_hand, abs=1e-12)
        assert table.loc[label, "left_out"] == len(codes)
    partner = "without comparison councils: partner in a joint event with an exposed council"
    assert table.loc[partner, "note"] == "no council to leave out"
    assert (result.verdict, planned < 1.7) == ("concern", True)
    assert "same county as an exposed council, to 1.98" in result.sentence


def test_the_earlier_base_is_that_of_its_own_check() -> None:
    design = make_design(effect=1.0)
    headline = group_time(design)
    table = check_other_samples(design, headline).table.set_index("sample")
    own = check_base_year(design, headline, "group").table.set_index("base")
    assert table.loc[EARLIER, "estimate"] == pytest.approx(own.loc["one year earlier", "estimate"])


def test_too_few_treated_are_no_estimate() -> None:
    design = make_design()
    most = design.councils["is_treated"] & (design.councils["council_code"] > "C0003")
    councils = design.councils.assign(concurrent=np.where(most, "a notice", ""))
    found = check_other_samples(dataclasses.replace(design, councils=councils), group_time(design))
    line = found.table.set_index("sample").loc["without councils that met a concurrent event"]
    assert np.isnan(line["estimate"])
    assert line["note"] == "4 treated councils are left, too few"
    assert "no estimate (4 treated councils are left" in found.sentence


def placebos(**effects: float) -> Checks:
    made = tuple(
        dataclasses.replace(make_design(effect=effect, seed=seed), outcome=name, title=name)
        for seed, (name, effect) in enumerate(effects.items(), 5)
    )
    design = make_design()
    return check_placebo_outcomes(Designs((design,), VerdictRule(), made, (("late", "no figure"),)))


def test_a_placebo_that_moves_is_a_concern() -> None:
    found = {item.outcome: item for item in placebos(moved=1.0, still=0.0)}
    assert found["moved"].verdict == "concern"
    assert "the comparison councils differ in more than the event" in found["moved"].sentence
    assert found["still"].verdict == "pass"
    assert (found["late"].verdict, found["late"].sentence) == ("not applicable", "no figure")
    p_value, adjusted = (
        [found[name].table[column].iloc[0] for name in ("moved", "still")]
        for column in ("p_value", "holm_p_value")
    )
    assert adjusted[0] == pytest.approx(min(1.0, 2 * p_value[0]))
    assert adjusted[1] == pytest.approx(max(adjusted[0], p_value[1]))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_placebo_beyond_zero_before_adjustment_is_a_concern(
    sign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evallib.checks.placebo_outcomes.holm", np.ones_like)
    found = placebos(one=1.0 * sign, two=1.0 * sign)
    items = [item for item in found if item.outcome in ("one", "two")]
    assert [item.verdict for item in items] == ["concern", "concern"]
    assert "though not after adjustment" in items[0].sentence
    way = "upwards" if sign > 0 else "downwards"
    assert placebo_tally(found) == (
        "2 of 2 intervals exclude zero before adjustment, and 0 are beyond chance at 5 per cent "
        f"after it; the estimates all lean {way}."
    )


def test_no_placebo_has_no_tally() -> None:
    assert placebo_tally(Checks(())) == ""


def test_the_view_shows_all_three_parts() -> None:
    design = returning()
    headline = group_time(design)
    items = [check_regression_to_the_mean(design, headline), check_other_samples(design, headline)]
    moved = dataclasses.replace(make_design(effect=1.0), outcome="moved", title="Dwellings")
    designs = Designs((design,), VerdictRule(), (moved,))
    checks = Checks((*items, *check_placebo_outcomes(designs)))
    shown = ev.views.selection_and_the_mean(designs, checks)
    titles = [section.title for section in shown.items]
    assert titles[0] == "With and without matching on level and trend"
    assert titles[2:] == [
        "Outcomes that the event is not expected to move",
        "Other samples: concurrent events, spillovers and anticipation",
    ]
    chart = shown.items[1].pieces[0]
    assert sorted(chart.data["event_time"].unique()) == [-4, -3, -2, -1, 0, 1, 2]
    placebo = shown.items[2].pieces[0].frame.iloc[0]
    assert placebo["outcome"].startswith("Dwellings (") and placebo["verdict"] == "concern"
    assert chart.headline.endswith("description, not effect") and "moved" in chart.headline
    assert "What matching adds" in shown._repr_html_()
    assert {item.check for item in checks} == {CHECK, "other samples", PLACEBO}
