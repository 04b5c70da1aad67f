"""The audit: placebos of the right numbers, moments and sizes, equal to plain refits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_inference_designs import YEARS, make_design

from evallib.checks import CheckResult, Checks
from evallib.checks.audit import check_audit, read_flags
from evallib.design import Design
from evallib.errors import EstimationError
from evallib.estimate import fit
from evallib.inference.audit import Audit, Placebo, audit, placebo_power
from evallib.inference.audit_draws import Selected, draw_paths, draw_selected, gumbel
from evallib.inference.audit_panel import placebo_panel, with_traits
from evallib.inference.audit_solve import find_solver
from evallib.inference.designs import estimate, estimate_one
from evallib.report.chart import Chart
from evallib.report.views.audit import design_audit

SLOPE = 0.7
RULES = {
    "group_time": {"anticipation": 1, "base": "universal", "comparison": "not_yet_treated"},
    "twfe": {},
    "event_study": {"reference": -2, "window": (-4, 2)},
    "imputation": {},
    "sun_abraham": {"reference": -2},
}

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def of(name: str, **changes: object) -> Design:
    return make_design(headline=(name, "group"), estimators=(name,), **changes)


def shaped(outcome: np.ndarray, **changes: object) -> Design:
    """Return a balanced design with a chosen outcome, one row a council, treated ones first."""
    design = make_design(missing=0.0, scale="level", **changes)
    values = design.full.assign(value=outcome.ravel()).set_index(["council_code", "period"])
    at = pd.MultiIndex.from_frame(design.group_time_frame[["council_code", "period"]])
    rows = design.group_time_frame.assign(value=values["value"].reindex(at).to_numpy())
    return replace(design, full=values.reset_index(), group_time_frame=rows)


def refit(design: Design, starts: np.ndarray, slope: float) -> tuple[float, float]:
    """Fit a frame without any exposed row, in which exposure is given to placebo adopters."""
    rows = design.full.merge(design.councils, on="council_code")
    rows = rows[~(rows["period"] >= rows["cohort"] - design.anticipation)]
    codes = design.councils["council_code"]
    rows["cohort"] = rows["council_code"].map(dict(zip(codes, starts, strict=True)))
    since = rows["period"] - rows["cohort"]
    rows["value"] = rows["value"] + np.where(since >= 0, slope * (since + 1), 0.0)
    name = design.headline[0]
    if name != "group_time":
        rows = rows[since != -1]
    found = fit(
        name, rows, outcome="value", unit="council_code", time="period", cluster="cluster",
        cohort="cohort", **RULES[name],
    )  # fmt: skip
    return float(found.point[0]), float(found.std_error[0])


@pytest.mark.parametrize("name", RULES)
def test_draws_equal_plain_refits_with_and_without_an_injected_effect(name: str) -> None:
    design = of(name, never=60)
    placebo = placebo_panel(design)
    codes = draw_paths(placebo, gumbel(placebo, 3, np.random.default_rng(3)))
    solve, _ = find_solver(design, placebo, SLOPE)
    draws = solve(codes)
    paths = placebo.panel.paths
    for k, row in enumerate(codes):
        starts = np.where(paths.is_treated[row], paths.cohort[row], np.nan)
        point, std_error = refit(design, starts, 0.0)
        grown, grown_error = refit(design, starts, SLOPE)
        assert draws.estimate[k] == pytest.approx(point, rel=1e-10, abs=1e-10)
        assert draws.std_error[k] == pytest.approx(std_error, rel=1e-10)
        assert draws.grown_std_error[k] == pytest.approx(grown_error, rel=1e-10)
        if name == "twfe":
            rows = placebo.panel.observed & (YEARS[None, :] >= starts[:, None])
            effect = SLOPE * (YEARS[None, :] - starts[:, None] + 1)
            assert draws.grown_gap[k] == pytest.approx(grown - effect[rows].mean(), abs=1e-10)
        else:
            assert draws.grown_gap[k] == pytest.approx(point, abs=1e-10)


def test_numbers_by_stratum_and_cohort_are_the_real_ones() -> None:
    design = make_design(never=60, missing=0.0)
    placebo = placebo_panel(design)
    codes = draw_paths(placebo, gumbel(placebo, 50, np.random.default_rng(1)))
    assert placebo.scaled == ()
    councils = design.councils
    for stratum in range(len(placebo.labels)):
        inside = placebo.panel.strata == stratum
        for path in placebo.cohorts:
            start = placebo.panel.paths.cohort[path]
            real = (councils["cohort"] == start) & councils["is_treated"] & inside
            drawn = (codes[:, inside] == path).sum(axis=1)
            assert (drawn == real.sum()).all()


def test_nobody_is_drawn_without_a_base_and_an_exposed_year_before_the_own_event() -> None:
    design = make_design(never=60)
    placebo = placebo_panel(design)
    codes = draw_paths(placebo, gumbel(placebo, 50, np.random.default_rng(1)))
    event = design.councils["cohort"].to_numpy(dtype=float)
    for path in placebo.cohorts:
        start = placebo.panel.paths.cohort[path]
        base = placebo.panel.observed[:, np.searchsorted(YEARS, start - 2)]
        who = (codes == path).any(axis=0)
        assert base[who].all()
        assert not (event[who] - 1 <= start).any()


def test_numbers_are_scaled_where_too_few_were_unexposed() -> None:
    design = make_design(never=14, later=0, missing=0.0, treated={2015: 6, 2017: 10})
    placebo = placebo_panel(design)
    for stratum, (wanted, counts) in enumerate(zip(placebo.wanted, placebo.counts, strict=True)):
        able = placebo.eligible[placebo.panel.strata == stratum][:, wanted > 0].sum(axis=0)
        assert counts.sum() == min(wanted.sum(), able.min() // 2)
    assert placebo.counts.sum() < placebo.wanted.sum()
    assert (placebo.counts <= placebo.wanted).all()
    assert all("in place of" in phrase for phrase in placebo.scaled)
    found = audit(design, draws=50)
    assert all(phrase in found.notes[0] for phrase in placebo.scaled)
    assert found.placebos[0].adopters == placebo.counts.sum()


def regress(seed: int = 0, n: int = 600) -> tuple[Design, float]:
    """Return a design without effect, adopters the lowest at their base; share that is passing."""
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=(n, 1)) + rng.normal(size=(n, YEARS.size))
    order = []
    for start, count in ((2015, 20), (2016, 20)):
        score = grid[:, start - 2 - YEARS[0]] + 3 * rng.normal(size=n)
        score[order] = np.inf
        order += np.argsort(score)[:count].tolist()
    rest = np.setdiff1d(np.arange(n), order)
    rows = np.concatenate([order, rest])
    return shaped(grid[rows], treated={2015: 20, 2016: 20}, later=0, never=n - 40), 0.5


def test_planted_regression_to_the_mean_is_found_with_the_right_size() -> None:
    design, passing = regress()
    estimate = estimate_one(design, "group_time")
    found = audit(design, "analytic", float(estimate.point[0]), draws=400)
    assert isinstance(found.selection, Selected)
    selected = found.get("selected")
    assert selected is not None
    # Those who are not drawn are above the mean at the base, and come down to it.
    low = -passing * found.selection.wanted[0] * (1 + 40 / (560 - 40))
    assert low > 0.3
    # The same councils are drawn again and again: the panel itself errs by some 8 per cent.
    assert selected.estimate == pytest.approx(low, rel=0.1)
    assert found.estimate == pytest.approx(selected.estimate, abs=2 * estimate.std_error[0])
    assert selected.false_alarms > 0.5
    assert found.selection_not_ruled_out
    random = found.get("random")
    assert random is not None
    assert abs(random.estimate) < 0.1 * low


def test_tilting_matches_the_moments_and_says_where_it_cannot() -> None:
    design, _ = regress()
    placebo = placebo_panel(design)
    noise = gumbel(placebo, 400, np.random.default_rng(2))
    found = draw_selected(placebo, noise)
    assert found.is_matched
    drawn = np.zeros(2)
    for row in found.codes:
        for place, path in enumerate(placebo.cohorts):
            drawn += placebo.traits[:, row == path, place].sum(axis=1)
    drawn /= found.codes.shape[0] * placebo.counts.sum()
    assert drawn == pytest.approx(found.drawn, abs=1e-10)
    assert drawn == pytest.approx(placebo.target, abs=0.01)
    assert found.tilt[0] < -0.3

    far = design.full.copy()
    adopters = design.councils.loc[design.councils["is_treated"], "council_code"]
    far.loc[far["council_code"].isin(adopters), "value"] -= 50.0
    beyond = audit(replace(design, full=far), draws=50)
    assert beyond.selection is not None
    assert not beyond.selection.is_matched
    assert beyond.selection_not_ruled_out
    assert any("cannot be matched" in note for note in beyond.notes)


def test_size_is_near_five_per_cent_without_any_effect() -> None:
    rng = np.random.default_rng(5)
    grid = rng.normal(size=(300, 1)) + rng.normal(size=(300, YEARS.size)).cumsum(axis=1)
    design = shaped(grid, treated={2015: 40, 2016: 40}, later=0, never=220)
    found = audit(design, "analytic", draws=1000)
    random, selected = found.placebos[:2]
    assert random.false_low < 0.05 < random.false_high
    assert abs(random.estimate) < 4 * random.spread / np.sqrt(1000)
    assert random.covers_constant == 1 - random.false_alarms
    assert abs(random.covers_growing - 0.95) < 0.03
    assert abs(selected.estimate) < 0.1  # a random walk does not return to its mean
    assert not found.inference_not_fit
    # 80 per cent of two-sided tests find an effect of 2.8 standard deviations.
    assert random.effect_80 == pytest.approx(2.8 * random.spread, rel=0.1)


def test_inference_that_fails_is_called_not_fit() -> None:
    """Ten adopters that move as one in a cluster's place: analytic errors are far too small."""
    rng = np.random.default_rng(1)
    grid = rng.normal(size=(120, YEARS.size))
    grid[::12] *= 12  # a few councils carry everything
    design = shaped(grid, treated={2015: 3, 2016: 3}, later=0, never=114)
    found = audit(design, "analytic", draws=400)
    assert found.placebos[0].false_low > 0.06
    assert found.inference_not_fit
    assert not audit(design, "permutation", draws=400).inference_not_fit


def test_no_outcome_after_exposure_is_read() -> None:
    design = make_design(never=60)
    event = design.full.merge(design.councils, on="council_code")["cohort"].to_numpy(dtype=float)
    after = design.full["period"].to_numpy() >= event - design.anticipation
    poisoned = design.full.assign(value=np.where(after, np.nan, design.full["value"]))
    other = replace(design, full=poisoned)
    assert after.sum() > 50
    assert audit(design, draws=50).placebos == audit(other, draws=50).placebos
    assert placebo_power(design, draws=50) == placebo_power(other, draws=50)


def test_same_seed_same_figures_and_another_seed_others() -> None:
    design = make_design(never=60)
    first, again = audit(design, draws=60), audit(design, draws=60)
    assert first.placebos == again.placebos
    assert audit(replace(design, seed=1), draws=60).placebos != first.placebos


@pytest.mark.parametrize("comparison", ["not_yet_treated", "never_treated"])
def test_placebos_in_time_move_the_dates_and_stop_at_the_real_event(comparison: str) -> None:
    design = make_design(never=60, later=0, missing=0.0, comparison=comparison)
    placebo = placebo_panel(design, 3)
    assert placebo.horizon == 2
    assert placebo.panel.paths.cohort[placebo.cohorts].tolist() == [2012.0, 2013.0]
    codes = placebo.real_codes
    found = audit(design, draws=60).get("in time")
    assert isinstance(found, Placebo)
    rows = design.full.merge(design.councils, on="council_code")
    rows = rows[~(rows["period"] >= rows["cohort"] - 1)]
    rows["cohort"] = rows["cohort"].where(rows["is_treated"]) - 3
    whole = fit(
        "group_time", rows, outcome="value", unit="council_code", time="period",
        cluster="cluster", cohort="cohort", **(RULES["group_time"] | {"comparison": comparison}),
    )  # fmt: skip
    group = whole.aggregate("group")
    assert found.estimate == pytest.approx(float(group.point[0]), abs=1e-10)
    assert found.spread == pytest.approx(float(group.std_error[0]), rel=1e-10)
    assert (np.isin(codes, placebo.cohorts)).sum() == design.n_treated == found.adopters


@pytest.mark.parametrize(
    ("design", "words"),
    [
        (make_design(never=4, later=0), "leave 1 placebo adopters, fewer than 5"),
        (of("synthetic_did"), "placebos of its own"),
    ],
    ids=["too few", "synthetic"],
)
def test_designs_without_placebos_are_refused_in_words(design: Design, words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        audit(design, draws=20)
    with pytest.raises(EstimationError, match=words):
        placebo_power(design, draws=20)


def test_long_anticipation_leaves_no_placebo_in_time() -> None:
    design = make_design(never=60, anticipation=3, reference=-4)
    found = audit(design, draws=20)
    assert found.get("in time") is None
    assert any("leave no year before the event year" in note for note in found.notes)


def short(result: CheckResult) -> CheckResult:
    """Return the audit as if one adopter could not be drawn."""
    table = result.table.assign(adopters=40, real=41)
    return replace(result, table=table)


def test_the_check_carries_the_flags_and_the_view_shows_them() -> None:
    design, _ = regress()
    result = check_audit(design, estimate_one(design, "group_time"), draws=100)
    assert result.verdict == "concern"
    assert "selection is not ruled out" in result.sentence
    assert result.table["kind"].tolist() == ["random", "selected", "in time"]
    flags = read_flags(Checks((result,)), design)
    assert (flags.has_run, flags.inference_not_fit) == (True, False)
    assert flags.selection_not_ruled_out
    assert flags.selected_mean == result.table["estimate"][1]
    missing = read_flags(Checks(()), design)
    assert (missing.has_run, missing.selection_not_ruled_out) == (False, True)
    refused = check_audit(design, None)
    assert refused.verdict == "not applicable"
    html = design_audit([design], Checks((result,)))._repr_html_()
    assert "The estimate itself" in html
    assert "Selected as the exposed councils were" in html
    assert "selection is not ruled out, because the mean of selected placebos is too large" in html
    assert "whichever is smaller" in html
    sections = design_audit([design], Checks((result,))).items
    assert "how large must an effect be" in sections[0].title.lower()
    assert "40 in place of 41" in design_audit([design], Checks((short(result),)))._repr_html_()
    chart = sections[1].pieces[0]
    assert isinstance(chart, Chart)
    assert "deviations either side" in chart.alt
    assert "intervals hold zero" not in chart.alt


def test_longer_looks_back_draw_adopters_by_means_and_lines_of_those_years() -> None:
    """A longer look back matches its own moments, and misses the level at the base."""
    design, _ = regress()
    base = placebo_panel(design)
    noise = gumbel(base, 200, np.random.default_rng(4))
    for periods in (3, None):
        other = with_traits(base, design.anticipation, periods)
        grid, last = base.panel.outcome, 2015 - 2 - YEARS[0]
        begin = 0 if periods is None else last - periods + 1
        level = grid[:, begin : last + 1].mean(axis=1)
        slope = np.polyfit(np.arange(last + 1 - begin), grid[:, begin : last + 1].T, 1)[0]
        for row, values in enumerate((level, slope)):
            away = values - values[base.eligible[:, 0]].mean()
            assert other.traits[row, :, 0] == pytest.approx(away, abs=1e-10)
        assert draw_selected(other, noise).is_matched
    found = audit(design, draws=200)
    rule, three, every = found.readings
    assert found.selection is not None
    assert rule.estimate == found.placebos[1].estimate
    assert rule.level == pytest.approx(found.selection.drawn[0], abs=1e-10)
    # Adopters were picked by their base alone: a mean of more years knows less of it.
    assert rule.level < three.level < every.level < 0
    assert rule.estimate > three.estimate > every.estimate > 0
    html = design_audit(
        [design], Checks((check_audit(design, estimate_one(design, "group_time"), draws=50),))
    )._repr_html_()
    assert "when prior level and trend are read otherwise" in html
    assert audit(of("sun_abraham", never=60), draws=20).readings == ()


@pytest.mark.parametrize(
    ("means", "estimate", "is_open"),
    [
        ((0.4, 0.4), 2.0, False),
        ((0.6, 0.0), 2.0, True),
        ((0.4, -0.6), 2.0, True),
        ((0.4, 0.0), 0.7, True),
        ((0.4, 0.0), np.nan, False),
    ],
)
def test_selection_is_open_beyond_half_of_estimate_or_meaningful_change(
    means: tuple[float, float], estimate: float, is_open: bool
) -> None:
    placebos = tuple(
        Placebo(kind, 10, 5, 5, mean, 1.0, 0.0, 0.0)
        for kind, mean in zip(("selected", "in time"), means, strict=True)
    )
    zero = np.zeros(2)
    selection = Selected(np.zeros((1, 1), dtype=int), zero, zero, zero, zero)
    found = Audit(placebos, "", estimate, 1.0, selection, ())
    assert found.selection_not_ruled_out is is_open


def test_table_has_a_row_a_kind() -> None:
    design = make_design(never=60)
    table = check_audit(design, estimate_one(design, "group_time"), draws=30).table
    assert isinstance(table, pd.DataFrame)
    assert table.loc[1, ["level_wanted", "level_drawn"]].notna().all()


def test_what_is_no_design_is_refused_and_power_is_said_in_a_line() -> None:
    with pytest.raises(EstimationError, match="a DataFrame is no design.*evallib.pretrend_power"):
        placebo_power(pd.DataFrame())  # type: ignore[arg-type]
    with pytest.raises(EstimationError, match="a DataFrame is no design.*evallib.fit"):
        estimate(pd.DataFrame({"council": [1]}))  # type: ignore[arg-type]
    found = placebo_power(of("twfe"), draws=99)
    assert f"an effect of {found.effect_80:.3g} is found in 80% of them" in found._repr_html_()
