"""Matched differences against a case by hand, loops, statsmodels and tried assignments."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from estimation_panels import COLUMNS, make_panel
from matched_by_hand import best_assignment, match, own_residuals, variance

from evallib.errors import EvallibWarning
from evallib.estimate import Estimate, fit
from evallib.estimate.matched import prepare, solve
from evallib.estimate.matched_neighbours import assign, nearest
from evallib.estimate.matched_options import MatchedOptions

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def fit_matched(frame: pd.DataFrame, **options: object) -> Estimate:
    return fit("matched_did", frame, **COLUMNS, cohort="first", **options)


def six(levels: list[float], changes: list[float]) -> pd.DataFrame:
    """Units A and B treated in 2012, C to F never; levels in 2011 and changes to 2012."""
    rows = []
    for name, level, change in zip("ABCDEF", levels, changes, strict=True):
        first = 2012.0 if name in "AB" else np.nan
        for year, value in ((2010, level), (2011, level), (2012, level + change)):
            rows.append((name, year, value, first))
    return pd.DataFrame(rows, columns=["council", "year", "rate", "first"])


PLAIN = {"match": "level", "neighbours": 1, "bias_correction": False}


def test_six_units_by_hand():
    """A and B both take C: 3 - 1 and 1 - 1; C counts twice, its variance from D and E.

    Deviations: (1 + 1) / 4. C: (2 * 1 / 4) * 2/3 * (1 - (2 + 3) / 2)^2 = 0.75.
    """
    frame = six([1.2, 0.9, 1.0, 2.0, 3.0, 7.0], [3.0, 1.0, 1.0, 2.0, 3.0, 9.0])
    found = fit_matched(frame, **PLAIN)
    assert found.terms == (
        "att", "event_time=-2", "event_time=-1", "event_time=0", "group=2012",
    )  # fmt: skip
    assert found.point == pytest.approx([1.0, 0.0, 0.0, 1.0, 1.0])
    assert found.std_error[0] == pytest.approx(np.sqrt(0.5 + 0.75))
    assert np.isnan(found.std_error[2])  # the base is fixed at 0
    matches = found.details["matching"].matches
    assert matches[["unit", "comparator"]].to_numpy().tolist() == [["A", "C"], ["B", "C"]]
    spread = np.std([1.0, 2.0, 3.0, 7.0])
    assert matches["distance"].to_list() == pytest.approx([0.2 / spread, 0.1 / spread])
    assert matches["effect"].to_list() == pytest.approx([2.0, 0.0])
    assert (found.n_treated_units, found.n_units, found.n_obs) == (2, 3, 6)


def test_six_units_without_replacement_by_hand():
    """B is nearer to C, yet A to C and B to D cost less than B to C and A to D or E."""
    frame = six([1.2, 0.9, 1.0, 0.5, 3.0, 7.0], [3.0, 1.0, 1.0, 2.0, 3.0, 9.0])
    found = fit_matched(frame, **PLAIN, replace=False)
    matches = found.details["matching"].matches
    assert matches["comparator"].to_list() == ["C", "D"]
    assert found.point[0] == pytest.approx((2.0 - 1.0) / 2)
    assert found.std_error[0] == pytest.approx(np.sqrt((1.5**2 + 1.5**2) / 4))
    assert found.n_clusters == 2


def test_ties_share_and_do_not_depend_on_order():
    frame = six([1.0, 7.0, 0.5, 1.5, 7.0, 9.0], [3.0, 1.0, 1.0, 2.0, 3.0, 9.0])
    found = fit_matched(frame, **PLAIN)
    matches = found.details["matching"].matches
    assert matches["comparator"].to_list() == ["C", "D", "E"]
    assert matches["weight"].to_list() == [0.5, 0.5, 1.0]
    assert found.point[0] == pytest.approx(((3 - 1.5) + (1 - 3)) / 2)
    again = fit_matched(frame.iloc[::-1], **PLAIN)
    assert (again.point == found.point).all()


CASES = {
    "plain": ({}, {"neighbours": 1}),
    "three": ({"seed": 1}, {"neighbours": 3}),
    "gaps": ({"seed": 2, "missing": 0.15}, {"neighbours": 2}),
    "short trend": ({"seed": 3}, {"neighbours": 2, "trend_periods": 2}),
    "anticipation": ({"seed": 4}, {"neighbours": 2, "anticipation": 1}),
    "one period": ({"seed": 5, "cohorts": (2018, np.nan)}, {"neighbours": 2}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("clustered", [False, True])
def test_effects_and_variance_equal_loops(case, clustered):
    panel, options = CASES[case]
    frame = make_panel(units=45, pairs=6, **panel)
    kept = {key: value for key, value in options.items() if key != "neighbours"}
    names = {"trend_periods": "length"}
    by_hand = match(
        frame, options["neighbours"], **{names.get(key, key): v for key, v in kept.items()}
    )
    cluster = dict(zip(frame["council"], frame["pair"], strict=True)) if clustered else None
    found = fit_matched(
        frame, bias_correction=False, **options, **({"cluster": "pair"} if clustered else {})
    )
    pairs = found.details["matching"].matches
    held = {(r.unit, r.comparator): r.distance for r in pairs.itertuples()}
    assert held == pytest.approx(by_hand.distance, abs=1e-10)
    assert found.point[0] == pytest.approx(by_hand.att(), abs=1e-10)
    assert found.std_error[0] ** 2 == pytest.approx(variance(frame, by_hand, cluster), abs=1e-10)
    for term, event, point in zip(found.terms, found.event_time, found.point, strict=True):
        if term.startswith("event_time"):
            values = [v for (_, e), v in by_hand.effects.items() if e == event]
            assert point == pytest.approx(np.mean(values) if values else 0.0, abs=1e-10)


def test_exact_columns_and_weights_equal_loops():
    frame = make_panel(seed=6, units=60, cohorts=(2015, np.nan, np.nan))
    frame["kind"] = np.where(frame["council"].str[-1].isin(list("0246")), "county", "district")
    by_hand = match(frame, 2, exact="kind")
    found = fit_matched(
        frame, neighbours=2, exact=["kind"], weights="people", bias_correction=False
    )
    people = frame.groupby("council")["people"].first()
    effects = {unit: by_hand.unit_mean(unit) for unit in by_hand.pairs}
    expected = np.average(list(effects.values()), weights=people[list(effects)])
    assert found.point[0] == pytest.approx(expected, abs=1e-10)
    pairs = found.details["matching"].matches
    kind = frame.groupby("council")["kind"].first()
    assert (kind[pairs["unit"]].to_numpy() == kind[pairs["comparator"]].to_numpy()).all()
    balance = found.details["matching"].balance.set_index("column")
    assert balance.loc["kind=county", "difference_after"] == pytest.approx(0, abs=1e-12)


def test_bias_correction_is_the_weighted_regression_of_statsmodels():
    """One regression an event time: cohort constants, level and slope, weighted by use."""
    frame = make_panel(seed=7, units=60)
    by_hand = match(frame, 2)
    found = fit_matched(frame, neighbours=2)
    rate = frame.set_index(["council", "year"])["rate"]
    for event in (-3, 0, 2):
        use: dict[tuple[str, int], float] = {}
        for (unit, when), parts in by_hand.parts.items():
            for near, weight in parts.items():
                if when == event:
                    key = (near, by_hand.cohort[unit])
                    use[key] = use.get(key, 0.0) + weight
        raw = {
            start: {
                u: np.array(
                    [rate[u, base], np.polyfit(range(4), rate[u].loc[base - 3 : base], 1)[0]]
                )
                for u in frame["council"].unique()
            }
            for start, base in by_hand.base.items()
        }
        x = np.array([raw[start][near] for near, start in use])
        cohorts = np.array([[start == g for g in by_hand.base] for _, start in use], dtype=float)
        y = [rate[u, g + event] - rate[u, by_hand.base[g]] for u, g in use]
        model = sm.WLS(y, np.column_stack([cohorts, x]), weights=list(use.values())).fit()
        slopes = model.params[-2:]
        corrected = []
        for (unit, when), value in by_hand.effects.items():
            if when == event:
                own = raw[by_hand.cohort[unit]]
                near = by_hand.parts[unit, when].items()
                gap = own[unit] - sum(weight * own[u] for u, weight in near)
                corrected.append(value - gap @ slopes)
        assert found.point[found.index(f"event_time={event}")] == pytest.approx(
            np.mean(corrected), abs=1e-9
        )


@pytest.mark.parametrize("replace", [True, False])
def test_variance_counts_what_a_comparator_puts_into_the_slopes(replace):
    """Its weight in the estimate is found by moving its last outcome, on which nothing matches."""
    frame = make_panel(seed=8, units=40, cohorts=(2018, np.nan, np.nan))
    options = {"neighbours": 2 if replace else 1, "replace": replace}
    found = fit_matched(frame, **options)
    pairs = found.details["matching"].matches
    by_hand = match(frame, 2)
    residual = own_residuals(frame, by_hand, 2018)
    n = pairs["unit"].nunique()
    effects = pairs.groupby("unit")["effect"].first()
    sets = {unit: (value - found.point[0]) / n for unit, value in effects.items()}
    extra = 0.0
    for near, own in pairs.groupby("comparator"):
        moved = frame.copy()
        moved.loc[(moved["council"] == near) & (moved["year"] == 2018), "rate"] += 1.0
        weight = fit_matched(moved, **options).point[0] - found.point[0]
        counted = (own["weight"] ** 2).sum() / n**2
        if replace:
            extra += max(0.0, weight**2 - counted) * residual[near, 2018] ** 2
        else:
            sets[own["unit"].iloc[0]] += (weight + own["weight"].iloc[0] / n) * residual[near, 2018]
    expected = sum(value**2 for value in sets.values()) + extra
    assert found.std_error[0] ** 2 == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_an_assignment_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    distance = rng.uniform(size=(3, 4))
    distance[rng.random(distance.shape) < 0.4] = np.inf
    row, column = assign(distance, 1)
    assert len(set(column.tolist())) == column.size
    pairs, total = best_assignment(distance)
    assert (row.size, distance[row, column].sum()) == (pairs, pytest.approx(total))


def test_every_row_gets_a_first_column_before_any_gets_a_second():
    distance = np.array([[0.0, 0.0, np.inf], [5.0, 9.0, np.inf], [9.0, 7.0, 9.0]])
    row, column = assign(distance, 2)
    assert sorted(row.tolist()) == [0, 1, 2] and sorted(column.tolist()) == [0, 1, 2]
    row, _ = assign(np.array([[1.0, 2.0, 3.0]]), 2)
    assert row.tolist() == [0, 0]


def test_nearest_takes_ties_and_passes_over_its_own_group():
    points = np.array([[0.0], [1.0], [1.0], [-1.0], [4.0]])
    query = np.array([[0.0]])
    assert nearest(points, query, 1).point.tolist() == [0]
    assert nearest(points, query, 2).point.tolist() == [0, 1, 2, 3]
    own = nearest(points, query, 1, group=np.array([7, 7, 1, 2, 3]), own=np.array([7]))
    assert own.point.tolist() == [2, 3]
    assert nearest(points, query, 9).point.tolist() == [0, 1, 2, 3, 4]
    many = nearest(np.zeros((500, 2)), np.zeros((3, 2)), 2)
    assert many.point.size == 1500
    rng = np.random.default_rng(0)
    points, queries = rng.integers(0, 6, (80, 2)) * 1.0, rng.integers(0, 6, (30, 2)) * 1.0
    found = nearest(points, queries, 4)
    for place, at in enumerate(queries):
        away = np.sqrt(((points - at) ** 2).sum(axis=1))
        wanted = np.flatnonzero(away <= np.sort(away)[3] + 1e-9)
        assert found.point[found.query == place].tolist() == wanted.tolist()


def test_not_yet_treated_comparators_stay_unexposed_to_the_end_of_the_window():
    frame = make_panel(seed=9, units=60, cohorts=(2013, 2016, np.nan))
    first = frame.groupby("council")["first"].first()
    for last, later in ((1, True), (2, True), (3, False)):
        found = fit_matched(frame, comparison="not_yet_treated", window=(-2, last))
        pairs = found.details["matching"].matches
        early = pairs["cohort"] == 2013
        compares = first[pairs.loc[early, "comparator"]]
        assert compares.isna().any() and compares.notna().any() == later
        assert first[pairs.loc[~early, "comparator"]].isna().all()
        assert set(found.event_time[1:-2]) == set(range(-2, last + 1))
    plain = fit_matched(frame)
    assert first[plain.details["matching"].matches["comparator"]].isna().all()


def test_a_comparator_has_a_row_in_an_exposed_period():
    """Comparison units whose later rows a design has cut off are no use to a later cohort."""
    frame = make_panel(seed=14, units=60)
    cut = frame["first"].isna() & frame["council"].str[-1].isin(list("258"))
    frame = frame[~(cut & (frame["year"] >= 2016))]
    found = fit_matched(frame)
    pairs = found.details["matching"].matches
    short = set(frame.loc[frame["council"].str[-1].isin(list("258")), "council"])
    late = pairs["cohort"] == 2016
    assert late.any() and short.isdisjoint(pairs.loc[late, "comparator"])
    assert not short.isdisjoint(pairs.loc[~late, "comparator"])
    assert found.n_treated_units == 40


def test_the_attributes_of_the_estimate_agree_with_each_other():
    frame = make_panel(seed=10, units=80, missing=0.1, pairs=5)
    for options in ({}, {"replace": False, "neighbours": 1}):
        found = fit_matched(frame, cluster="pair", **options)
        assert found.scores is not None and found.influence is not None
        assert found.scores.T @ found.scores == pytest.approx(found.covariance, abs=1e-12)
        total = found.influence.sum(axis=0) / found.influence.shape[0]
        assert found.scores.sum(axis=0) == pytest.approx(total, abs=1e-12)
        known = np.isfinite(found.std_error)
        assert np.diag(found.covariance)[known] == pytest.approx(found.std_error[known] ** 2)
        groups = [k for k, term in enumerate(found.terms) if term.startswith("group=")]
        mean = np.average(found.point[groups], weights=found.term_treated_units[groups])
        assert found.point[0] == pytest.approx(mean, abs=1e-12)
        band = found.band(draws=199)
        assert band.critical > 1.9 and np.isnan(band.low[0])
        assert found.joint_test().df >= 3
        assert (found.term_obs >= found.term_units).all()
        assert "Balance" in found.details["matching"]._repr_html_()


def test_columns_to_match_on_take_their_latest_value_up_to_the_base():
    """A value that is filled in after exposure, or changes then, is never read."""
    frame = make_panel(seed=11, units=40, cohorts=(2014, np.nan))
    people = frame.groupby("council")["people"].transform("first")
    given = frame.assign(
        people=np.where(frame["year"] == 2011, people, np.where(frame["year"] > 2013, 99.0, np.nan))
    )
    one = fit_matched(frame, match_on=["people"])
    two = fit_matched(given, match_on=["people"])
    assert (one.point == two.point).all()
    three = fit_matched(given.assign(people=given["people"].mask(given["council"] == "E000")),
                        match_on=["people"])  # fmt: skip
    lost = three.details["matching"].unmatched
    assert lost["unit"].to_list() == ["E000"] and "matching column" in lost["reason"][0]


def test_solve_takes_other_assignments_and_weights():
    frame = make_panel(seed=12, units=50, cohorts=(2014, np.nan))
    wide = frame.pivot(index="council", columns="year", values="rate").to_numpy()
    first = frame.groupby("council")["first"].first().fillna(np.inf).to_numpy()
    years = np.sort(frame["year"].unique())
    problem = prepare(wide, np.ones(wide.shape, dtype=bool), years, MatchedOptions())
    there = solve(problem, first)
    assert there.point == pytest.approx(fit_matched(frame).point)
    moved = np.random.default_rng(0).permutation(first)
    labels = dict(zip(np.sort(frame["council"].unique()), moved, strict=True))
    again = frame.assign(first=frame["council"].map(labels).replace(np.inf, np.nan))
    assert solve(problem, moved).point == pytest.approx(fit_matched(again).point)
    # A weight of zero leaves a treated unit out; one that only compares does so until exposed.
    weights = np.ones(first.size)
    weights[0] = 0.0
    less = fit_matched(frame[frame["council"] != "E000"])
    assert solve(problem, first, weights=weights).point == pytest.approx(less.point)
    treated = np.isfinite(first)
    treated[0] = False
    assert solve(problem, first, treated).point == pytest.approx(less.point)


def test_many_units_are_matched_in_time_linear_in_them():
    frame = make_panel(seed=13, units=3330, years=(2000, 2019), cohorts=(2010, 2014, *[np.nan] * 4))
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        fit_matched(frame)
    assert time.perf_counter() - start < 3  # 0.3 s on a quiet machine
