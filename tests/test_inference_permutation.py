"""Permutation of adoption paths: what stays fixed, that draws are uniform, size, inversion."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
import pytest

from evallib.estimate.adoption_paths import encode_paths
from evallib.estimate.group_time import prepare, solve
from evallib.inference.permutation import choose_strata, joint_clusters, permute_paths
from evallib.inference.permuted_cells import order_quantile, permute_cells
from evallib.inference.permuted_regression import (
    PathRegression,
    path_after,
    path_events,
    path_rows,
    solve_paths,
)
from evallib.inference.permuted_terms import permute_batch


def test_numbers_a_stratum_and_path_stay_and_joint_clusters_move_as_one():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2, 3], [6, 8, 10, 26])
    strata = rng.integers(0, 3, 50)
    clusters = np.arange(50)
    for first, second in ((0, 1), (7, 8), (20, 21), (30, 31), (32, 33)):
        clusters[second] = clusters[first]
    drawn = permute_paths(codes, strata, clusters, 500, rng)
    for stratum in range(3):
        want = np.bincount(codes[strata == stratum], minlength=4)
        for draw in drawn:
            assert (np.bincount(draw[strata == stratum], minlength=4) == want).all()
    for group in joint_clusters(codes, clusters):
        assert group.size == 2 and (np.ptp(drawn[:, group], axis=1) == 0).all()
    assert len(joint_clusters(codes, clusters)) == 5
    assert len({tuple(draw) for draw in drawn}) > 490


def test_a_cluster_on_two_paths_in_truth_does_not_move_as_one():
    codes, clusters = np.array([0, 1, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 3])
    assert [group.tolist() for group in joint_clusters(codes, clusters)] == [[2, 3]]


@pytest.mark.parametrize("strata", [np.zeros(7, int), np.array([0, 0, 0, 0, 1, 1, 1])])
def test_draws_are_uniform_over_what_is_allowed(strata):
    """Hold the draws to a list of every allowed assignment."""
    codes = np.array([0, 0, 1, 1, 2, 2, 2])
    clusters = np.array([0, 0, 1, 2, 3, 4, 4])
    allowed = []
    for number in range(3**7):
        draw = np.array([number // 3**place % 3 for place in range(7)])
        same = all(
            (
                np.bincount(draw[strata == s], minlength=3)
                == np.bincount(codes[strata == s], minlength=3)
            ).all()
            for s in np.unique(strata)
        )
        if same and draw[0] == draw[1] and draw[5] == draw[6]:
            allowed.append(tuple(int(code) for code in draw))
    draws = 4000 * len(allowed) // 4
    drawn = permute_paths(codes, strata, clusters, draws, np.random.default_rng(1))
    counts = Counter(tuple(int(code) for code in draw) for draw in drawn)
    assert set(counts) == set(allowed)
    expected = draws / len(allowed)
    statistic = sum((counts[draw] - expected) ** 2 / expected for draw in allowed)
    free = len(allowed) - 1
    assert statistic < free + 5 * np.sqrt(2 * free) + 5


def test_strata_split_by_region_only_where_arms_stay_large():
    kind = np.repeat([0, 1], 40)
    region = np.tile(np.repeat([0, 1], 20), 2)
    treated = np.tile([True, False], 40)
    codes, words = choose_strata(kind, region, treated)
    assert (np.unique(codes).size, words) == (4, "type and region")
    treated[:20] = np.arange(20) < 4  # four treated in a region of the first type
    codes, words = choose_strata(kind, region, treated)
    assert np.unique(codes[:40]).size == 1 and np.unique(codes[40:]).size == 2
    assert words == "type, and region where large enough"
    codes, words = choose_strata(kind, region, np.arange(80) % 20 < 3)
    assert (np.unique(codes).size, words) == (2, "type")


def null_problem(rng, units=40, years=9):
    outcome = rng.normal(size=(units, years)).cumsum(axis=1)
    cohort = np.full(units, np.inf)
    cohort[:6], cohort[6:9] = 2014, 2016
    paths, codes = encode_paths(cohort, np.isfinite(cohort))
    observed = np.ones((units, years), dtype=bool)
    periods = np.arange(2010, 2010 + years)
    problem = prepare(outcome, observed, periods, paths, comparison="not_yet_treated",
                      base="universal", anticipation=1)  # fmt: skip
    return problem, codes


def test_size_of_group_time_permutation_on_null_panels():
    """Nine treated in 40: 5 per cent within the error of 400 simulations, overall and leads."""
    overall = leads = analytic = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        problem, codes = null_problem(rng)
        drawn = permute_paths(codes, np.zeros(40, int), np.arange(40), 99, rng)
        found = permute_cells(problem, codes, drawn)
        overall += found.overall["group"].p_value() <= 0.05
        dynamic = found.parts["dynamic"]
        leads += dynamic.joint(np.flatnonzero(dynamic.event_time < -2))[0] <= 0.05
        test = found.overall["group"].observed
        analytic += abs(test[0]) > 1.96 * np.sqrt(test[2])
    for rejected in (overall, leads):
        assert 6 <= rejected <= 36  # 20 expected, four standard errors either way
    assert analytic > overall  # what the policy is for


def test_the_group_time_interval_inverts_the_test():
    rng = np.random.default_rng(5)
    problem, codes = null_problem(rng)
    drawn = permute_paths(codes, np.zeros(40, int), np.arange(40), 999, rng)
    found = permute_cells(problem, codes, drawn)
    for kind, test in found.overall.items():
        assert test.observed[1] == pytest.approx(1), kind  # exposure's own effect is one
        low, high = test.interval(0.95)
        assert low < test.observed[0] < high
        assert test.p_value(low) > 0.05 >= test.p_value(low - 1e-4)
        assert test.p_value(high) > 0.05 >= test.p_value(high + 1e-4)


def test_testing_a_value_is_taking_it_from_the_outcome():
    rng = np.random.default_rng(6)
    problem, codes = null_problem(rng)
    drawn = permute_paths(codes, np.zeros(40, int), np.arange(40), 199, rng)
    test = permute_cells(problem, codes, drawn).overall["group"]
    cohort = problem.paths.cohort[codes]
    exposed = problem.periods[None, :] >= cohort[:, None]
    moved = prepare(problem.outcome - 1.3 * exposed, problem.observed, problem.periods,
                    problem.paths, comparison="not_yet_treated", base="universal",
                    anticipation=1)  # fmt: skip
    other = permute_cells(moved, codes, drawn).overall["group"]
    assert test.p_value(1.3) == other.p_value(0.0)
    assert test.interval(0.9) == pytest.approx(
        tuple(1.3 + end for end in other.interval(0.9)), abs=1e-5
    )


def test_the_interval_moves_with_an_effect_that_later_councils_share():
    """A constant effect for all, later-treated controls too, shifts both ends by itself."""
    rng = np.random.default_rng(11)
    outcome = rng.normal(size=(40, 9)).cumsum(axis=1)
    periods = np.arange(2010, 2019)
    cohort = np.repeat([2014.0, 2016.0, np.inf], [8, 12, 20])
    paths, codes = encode_paths(cohort, cohort == 2014)
    exposed = periods[None, :] >= cohort[:, None]
    drawn = permute_paths(codes, np.zeros(40, int), np.arange(40), 199, rng)
    observed = np.ones(outcome.shape, dtype=bool)
    k = path_events(paths, periods, None, None)
    kept = path_rows(paths, periods, 1)

    def intervals(effect):
        moved = outcome + effect * exposed
        cells = prepare(moved, observed, periods, paths, comparison="not_yet_treated",
                        base="universal", anticipation=1)  # fmt: skip
        regression = PathRegression(moved, observed * 1.0, np.arange(40), k, kept,
                                    exposed * 1.0, np.eye(1))  # fmt: skip
        solve_all = partial(solve_paths, regression)
        first, _ = permute_batch(solve_all, codes, drawn, ("att",), np.array([np.nan]))
        tests = {**permute_cells(cells, codes, drawn).overall, "twfe": first}
        return {kind: np.array(test.interval(0.95)) for kind, test in tests.items()}

    plain = intervals(0.0)
    for effect in (2.0, 20.0):
        for kind, ends in intervals(effect).items():
            assert ends - effect == pytest.approx(plain[kind], abs=1e-4), kind


def test_quantiles_and_p_values_agree():
    rng = np.random.default_rng(7)
    drawn = np.abs(rng.normal(size=199))
    for level in (0.8, 0.9, 0.95, 0.99):
        edge = order_quantile(drawn, level)
        for value, rejects in ((edge * (1 + 1e-9), True), (edge, False)):
            p_value = (1 + (drawn >= value).sum()) / 200
            assert (p_value <= 1 - level + 1e-12) == rejects
    assert order_quantile(drawn[:10], 0.95) == np.inf


def regression_problem(rng, events, covariates=0):
    units, years = 30, 10
    periods = np.arange(2010, 2010 + years)
    cohort = np.full(units, np.inf)
    cohort[:5], cohort[5:8], cohort[8:11] = 2014, 2016, 2018
    is_treated = np.isfinite(cohort) & (cohort < 2018)
    paths, codes = encode_paths(cohort, is_treated)
    weight = rng.uniform(0.5, 2, size=(units, 1)) * (rng.random((units, years)) > 0.1)
    outcome = rng.normal(size=(units, years)).cumsum(axis=1)
    shown = np.array([-3.0, 0.0, 1.0, 2.0]) if events else None
    regressors = path_events(paths, periods, shown, (-3, 2) if events else None)
    k = regressors.shape[1]
    rows = np.vstack([[0, 1 / 3, 1 / 3, 1 / 3], np.eye(4)]) if events else np.eye(k)
    rows = np.pad(rows, ((0, 0), (0, covariates)))
    exposed = (periods[None, :] >= np.where(is_treated, cohort, np.inf)[:, None]) * 1.0
    cluster = np.arange(units)
    cluster[1] = 0
    return PathRegression(outcome, weight, np.unique(cluster, return_inverse=True)[1], regressors,
                          path_rows(paths, periods, 1), exposed, rows,
                          path_after(paths, periods) if events else None,
                          rng.normal(size=(covariates, units, years))), paths, codes  # fmt: skip


@pytest.mark.parametrize("covariates", [0, 2])
@pytest.mark.parametrize("events", [False, True])
def test_every_regression_draw_is_a_fit_of_its_own_rows(events, covariates):
    from evallib.estimate import regression

    problem, _, codes = regression_problem(np.random.default_rng(8), events, covariates)
    rng = np.random.default_rng(9)
    drawn = np.array([codes, *(rng.permutation(codes) for _ in range(4))])
    found = solve_paths(problem, drawn)
    for place, draw in enumerate(drawn):
        weight = problem.weight * problem.kept[draw]
        cluster = np.repeat(problem.cluster[:, None], weight.shape[1], axis=1)
        one = regression.prepare(problem.outcome, weight, cluster)
        own = problem.regressors[draw].swapaxes(0, 1)
        solution = regression.solve(one, np.concatenate([own, problem.covariates]))
        terms = solution.scores @ solution.bread @ problem.rows.T
        assert found[0, place] == pytest.approx(problem.rows @ solution.beta, abs=1e-9)
        assert found[2, place] == pytest.approx((terms**2).sum(axis=0), rel=1e-9)
    solve_all = partial(solve_paths, problem)
    first, every = permute_batch(solve_all, codes, drawn[1:], tuple("abcde"), np.arange(5.0))
    assert first.observed[1] == pytest.approx(1)
    assert every.p_values[0] == first.p_value()


def test_rows_that_belong_to_a_path():
    cohort = np.array([2014.0, 2016.0, np.inf])
    paths, _ = encode_paths(cohort, np.array([True, False, False]))
    kept = path_rows(paths, np.arange(2011, 2019), 2)
    assert kept.tolist() == [
        [True, False, False, True, True, True, True, True],  # 2012 and 2013 are left out
        [True, True, True, False, False, False, False, False],  # compares until 2013
        [True] * 8,
    ]


def test_control_only_paths_obey_the_control_rule():
    """A later-treated control gives the same cells as one whose rows end before its event."""
    rng = np.random.default_rng(10)
    outcome = rng.normal(size=(30, 9)).cumsum(axis=1)
    periods = np.arange(2010, 2019)
    cohort = np.repeat([2014.0, 2016.0, np.inf], 10)
    is_treated = cohort == 2014
    observed = np.ones((30, 9), dtype=bool)
    options = {"comparison": "not_yet_treated", "base": "universal", "anticipation": 1}
    paths, codes = encode_paths(cohort, is_treated)
    one = solve(prepare(outcome, observed, periods, paths, **options), codes)
    cut = observed & (periods[None, :] < np.where(is_treated, np.inf, cohort)[:, None] - 1)
    paths, codes = encode_paths(np.where(is_treated, cohort, np.inf), is_treated)
    two = solve(prepare(outcome, cut, periods, paths, **options), codes)
    assert one.att == pytest.approx(two.att, abs=1e-13)
    assert one.influence == pytest.approx(two.influence, abs=1e-12)
