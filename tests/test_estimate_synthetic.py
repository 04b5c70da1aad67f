"""Synthetic comparisons: answers known beforehand, written out by hand, and of another program."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel
from synthetic_by_hand import (
    block_weights,
    effects,
    noise_level,
    ridge_penalty,
    ridge_weights,
)

from evallib.estimate import Estimate, fit
from evallib.estimate.synthetic import COMPARISON, prepare, solve
from evallib.estimate.synthetic_inference import draw_placebos

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
NAMES = ("synthetic_did", "synthetic_control")
STAGGERED = (2014.0, 2014.0, 2016.0, 2016.0, 2016.0, *[np.nan] * 9)


def fit_frame(name: str, frame: pd.DataFrame, **options: object) -> Estimate:
    return fit(name, frame, **COLUMNS, cohort="first", **options)


def wide(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes (N, T) and cohorts (N,)."""
    table = frame.pivot(index="council", columns="year", values="rate")
    return table.to_numpy(), frame.groupby("council")["first"].first().to_numpy()


def test_a_mean_of_two_councils_and_an_effect_is_found():
    frame = make_panel(units=9, years=(2000, 2018), cohorts=(2012, *[np.nan] * 8), effect=0.0)
    table = frame.pivot(index="year", columns="council", values="rate")
    made = 0.5 * (table["E003"] + table["E005"]) + 2.0 * (table.index >= 2012)
    frame.loc[frame["council"] == "E000", "rate"] = made.to_numpy()
    found = fit_frame("synthetic_control", frame, augment="ridge")
    weights = found.details["synthetic"].weights.set_index("unit")["weight"]
    assert found.point == pytest.approx(2.0, abs=1e-5)
    assert weights[["E003", "E005"]].to_numpy() == pytest.approx(0.5, abs=1e-5)
    searched = fit_frame("synthetic_control", frame)
    assert set(searched.details["synthetic"].weights["unit"][:2]) == {"E003", "E005"}
    assert searched.point[0] == pytest.approx(2.0, abs=0.05)


def test_level_and_year_and_an_effect_are_told_apart():
    frame = make_panel(units=14, cohorts=STAGGERED)
    years = frame["year"].map(
        dict(zip(range(2010, 2019), (3, 1, 4, 1, 5, 9, 2, 6, 5), strict=True))
    )
    level = frame["council"].str[1:].astype(float)
    frame["rate"] = level**2 + years + 2.0 * frame["exposed"]
    found = fit_frame("synthetic_did", frame, inference="jackknife")
    assert found.point == pytest.approx(2.0, abs=1e-10)
    assert np.isnan(found.std_error).all()
    assert any("no standard error" in text for text in found.warnings)


@pytest.mark.parametrize("name", NAMES)
def test_each_cohort_is_a_block_fit_against_the_never_treated(name):
    frame = make_panel(seed=3, units=14, cohorts=STAGGERED)
    y, first = wide(frame)
    found = fit_frame(name, frame, draws=99)
    table, synthetic = found.tidy().set_index("term"), found.details["synthetic"]
    controls, parts, curves = y[np.isnan(first)], {}, {}
    for start, before in ((2014, 4), (2016, 6)):
        own = y[first == start]
        noise = noise_level(controls, before)
        units, periods = block_weights(controls, own, before, name == "synthetic_did", noise)
        curve = effects(controls, own, before, units, periods)
        held = synthetic.weights.query(f"cohort == {start}").sort_values("unit")["weight"]
        assert held.to_numpy() == pytest.approx(units, abs=1e-12)
        assert table.loc[f"group={start}", "estimate"] == pytest.approx(curve.mean(), abs=1e-12)
        parts[start], curves[start] = len(own) * len(curve), curve
        fitted = synthetic.fit.set_index("cohort").loc[start]
        assert fitted["noise_level"] == pytest.approx(noise)
        gap = (own.mean(axis=0) - units @ controls)[:before]
        gap = gap - gap.mean() if name == "synthetic_did" else gap
        assert fitted["rmse_before"] == pytest.approx(np.sqrt((gap**2).mean()))
        assert fitted["rmse_after"] == pytest.approx(np.sqrt((curve**2).mean()))
        assert fitted["effective_units"] == pytest.approx(1 / (units**2).sum())
    overall = sum(curves[start].mean() * parts[start] for start in parts) / sum(parts.values())
    assert table.loc["att", "estimate"] == pytest.approx(overall, abs=1e-12)
    for e in range(5):
        shares = {2014: 2, 2016: 3} if e < 3 else {2014: 2}
        mean = sum(curves[g][e] * n for g, n in shares.items()) / sum(shares.values())
        assert table.loc[f"event_time={e}", "estimate"] == pytest.approx(mean, abs=1e-12)
    assert list(found.terms) == [
        "att", *(f"event_time={e}" for e in range(5)), "group=2014", "group=2016",
    ]  # fmt: skip
    # Rows: 9 never treated in 9 years, 2 treated in 9, 3 treated in 9; event time 4 is 2014's.
    assert table.loc["att", ["n_obs", "n_units", "n_treated_units"]].to_list() == [126, 14, 5]
    assert table.loc["event_time=4", ["n_obs", "n_units", "n_treated_units"]].to_list() == [
        11 * 5, 11, 2,
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_all_placebos_by_hand(name):
    frame = make_panel(seed=5, units=9, cohorts=(2015, 2015, *[np.nan] * 7))
    y, first = wide(frame)
    found = fit_frame(name, frame)
    pool = y[np.isnan(first)]
    noise, is_did = noise_level(pool, 5), name == "synthetic_did"
    curves, ratios = [], []
    for chosen in combinations(range(7), 2):
        own, others = pool[list(chosen)], np.delete(pool, chosen, axis=0)
        units, periods = block_weights(others, own, 5, is_did, noise)
        curves.append(effects(others, own, 5, units, periods))
        gap = (own.mean(axis=0) - units @ others)[:5]
        ratios.append(np.sqrt((curves[-1] ** 2).mean() / (gap**2).mean()))
    spread = np.std([curve.mean() for curve in curves])
    assert found.std_error[0] == pytest.approx(spread, rel=1e-9)
    by_year = np.std(curves, axis=0)
    assert found.std_error[1:5] == pytest.approx(by_year, rel=1e-9)
    cross = np.cov(np.array(curves).T, ddof=0)
    assert found.covariance[1:5, 1:5] == pytest.approx(cross, rel=1e-9, abs=1e-12)
    synthetic = found.details["synthetic"]
    assert sorted(synthetic.placebos["att"]) == pytest.approx(sorted(c.mean() for c in curves))
    assert "all 21 ways" in found.se_method and found.inference == "placebo_normal"
    if is_did:
        assert np.isnan(synthetic.rank_p_value)
    else:
        real = synthetic.fit["ratio"][0]
        assert synthetic.rank_p_value == pytest.approx((1 + sum(r >= real for r in ratios)) / 22)


def test_random_placebos_keep_numbers_by_cohort_and_are_made_again_by_the_seed():
    frame = make_panel(seed=3, units=16, cohorts=(2014, 2016, 2016, *[np.nan] * 13))
    y, first = wide(frame)
    problem = prepare(y, np.arange(2010, 2019), np.nan_to_num(first, nan=np.inf), is_did=True)
    every = draw_placebos(problem, 10_000, 0)
    assert every.is_every and len(every.codes) == every.possible == 13 * comb(12, 2)
    assert len(np.unique(every.codes, axis=0)) == every.possible
    some = draw_placebos(problem, 150, 4)
    assert not some.is_every and some.codes.shape == (150, 16)
    for placebos in (every, some):
        assert (placebos.codes[:, ~np.isnan(first)] == -2).all()
        assert ((placebos.codes == 0).sum(axis=1) == 1).all()
        assert ((placebos.codes == 1).sum(axis=1) == 2).all()
        assert ((placebos.codes == COMPARISON).sum(axis=1) == 10).all()
    assert (draw_placebos(problem, 150, 4).codes == some.codes).all()
    assert (draw_placebos(problem, 150, 5).codes != some.codes).any()
    one, two, other = (
        fit_frame("synthetic_control", frame, augment="ridge", draws=99, seed=seed)
        for seed in (4, 4, 5)
    )
    assert np.array_equal(one.covariance, two.covariance) and one.point[0] == other.point[0]
    assert one.std_error[0] != other.std_error[0]
    assert "99 random ways" in one.se_method


def test_the_jackknife_by_hand():
    frame = make_panel(seed=3, units=14, cohorts=STAGGERED)
    y, first = wide(frame)
    found = fit_frame("synthetic_did", frame, inference="jackknife")
    synthetic = found.details["synthetic"]
    estimates = []
    for out in range(14):
        total = weight = 0.0
        for start, before in ((2014, 4), (2016, 6)):
            units = synthetic.weights.query(f"cohort == {start}").set_index("unit")["weight"]
            periods = synthetic.periods.query(f"cohort == {start}")["weight"].to_numpy()
            kept = [j for j in range(5, 14) if j != out]
            omega = np.array([units[f"E{j:03d}"] for j in kept])
            own = y[[i for i in range(14) if first[i] == start and i != out]]
            curve = effects(y[kept], own, before, omega / omega.sum(), periods)
            total += len(own) * curve.sum()
            weight += len(own) * len(curve)
        estimates.append(total / weight)
    off = np.array(estimates) - np.mean(estimates)
    assert found.std_error[0] == pytest.approx(np.sqrt(13 / 14 * (off**2).sum()), rel=1e-10)
    assert found.inference == "jackknife_normal"
    assert found.details["synthetic"].placebos.empty


@pytest.mark.filterwarnings("ignore:Pre-treatment fit is poor:UserWarning")
def test_another_program_agrees():
    from diff_diff import SyntheticDiD

    frame = make_panel(seed=8, units=30, cohorts=(2015, 2015, 2015, *[np.nan] * 27))
    frame["treated"] = frame["first"].notna().astype(int)
    theirs = SyntheticDiD(variance_method="jackknife").fit(
        frame, **COLUMNS, treatment="treated", post_periods=[2015, 2016, 2017, 2018]
    )
    ours = fit_frame("synthetic_did", frame, inference="jackknife")
    assert ours.point[0] == pytest.approx(theirs.att, abs=1e-12)
    assert ours.std_error[0] == pytest.approx(theirs.se, abs=1e-12)


def test_the_ridge_augmentation_by_hand():
    frame = make_panel(seed=6, units=11, years=(2006, 2018), cohorts=(2015, *[np.nan] * 10))
    y, first = wide(frame)
    found = fit_frame("synthetic_control", frame, augment="ridge")
    controls, own = y[np.isnan(first)], y[~np.isnan(first)][0]
    penalty = ridge_penalty(controls[:, :9], own[:9])
    fitted = found.details["synthetic"].fit.iloc[0]
    assert fitted["ridge"] == pytest.approx(penalty, rel=1e-9)
    weights = ridge_weights(controls[:, :9], own[:9], penalty)
    held = found.details["synthetic"].weights.sort_values("unit")["weight"]
    assert held.to_numpy() == pytest.approx(weights, abs=2e-6)
    assert found.point[0] == pytest.approx((own - weights @ controls)[9:].mean(), abs=1e-5)
    assert (held < 0).any() and held.sum() == pytest.approx(1.0)
    plain = fit_frame("synthetic_control", frame)
    assert fitted["rmse_before"] < plain.details["synthetic"].fit["rmse_before"][0]


@pytest.mark.parametrize("name", NAMES)
def test_anticipation_leaves_the_periods_just_before_out(name):
    frame = make_panel(seed=2, units=8, years=(2006, 2018), cohorts=(2015, *[np.nan] * 7))
    found = fit_frame(name, frame, anticipation=2)
    moved = frame.assign(first=frame["first"] - 2).query("year < 2013 or year >= 2015")
    plain = fit_frame(name, moved)  # the years between are gaps: 2013 and 2014 do not exist
    assert found.point[0] == pytest.approx(plain.point[0], abs=1e-12)
    assert found.std_error[0] == pytest.approx(plain.std_error[0], abs=1e-12)
    noisy = frame.assign(rate=frame["rate"].mask(frame["year"].isin([2013, 2014]), 99.0))
    assert fit_frame(name, noisy, anticipation=2).point[0] == pytest.approx(
        found.point[0], abs=1e-12
    )
    assert found.terms[1] == "event_time=0" and len(found.terms) == 6


def test_assignments_are_solved_together_as_alone():
    frame = make_panel(seed=3, units=14, cohorts=STAGGERED)
    y, first = wide(frame)
    for is_did in (True, False):
        problem = prepare(y, np.arange(2010, 2019), np.nan_to_num(first, nan=np.inf), is_did=is_did)
        placebos = draw_placebos(problem, 8, 0).codes
        codes = np.concatenate([problem.codes[None, :], placebos])
        together = solve(problem, codes)
        for row in (0, 1, 8):
            alone = solve(problem, codes[[row]])
            assert together.point[row] == pytest.approx(alone.point[0], abs=1e-11)


def test_the_tables_say_who_and_how_near():
    frame = make_panel(seed=3, units=14, cohorts=STAGGERED)
    synthetic = fit_frame("synthetic_did", frame, inference="jackknife").details["synthetic"]
    assert synthetic.frame is synthetic.weights
    assert synthetic.weights.groupby("cohort")["weight"].sum().to_numpy() == pytest.approx(1.0)
    assert synthetic.weights.groupby("cohort")["weight"].apply(
        lambda column: column.is_monotonic_decreasing
    ).all()  # fmt: skip
    assert set(synthetic.weights["unit"]) == {f"E{code:03d}" for code in range(5, 14)}
    paths = synthetic.paths
    assert (paths["treated"] - paths["synthetic"]).to_numpy() == pytest.approx(
        paths["gap"].to_numpy()
    )
    merged = paths.merge(synthetic.periods, on=["cohort", "period"])
    level = (merged["gap"] * merged["weight"]).groupby(merged["cohort"]).sum()
    assert (paths["gap"] - paths["cohort"].map(level)).to_numpy() == pytest.approx(
        paths["effect"].to_numpy()
    )
    text = synthetic._repr_html_()
    assert "comparison units with weight" in text and "Fit before exposure" in text
    plain = fit_frame("synthetic_control", frame, augment="ridge", draws=99)
    assert plain.details["synthetic"].periods.empty
