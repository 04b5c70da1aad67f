"""Group-time cells against four means by hand, and the rules of who compares."""

from __future__ import annotations

import numpy as np
import pytest
from estimation_panels import COLUMNS, make_panel

from evallib.errors import (
    AlreadyTreatedWarning,
    EmptyCellWarning,
    EstimationError,
    UnbalancedPanelWarning,
)
from evallib.estimate import aggregate as ag
from evallib.estimate import fit
from evallib.estimate import group_time as gt
from evallib.estimate.batch import solve_batch

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def cell_by_hand(frame, group, time, base, latest):
    """Return a cell from four means over units observed in both periods."""
    wide = frame.pivot(index="council", columns="year", values="rate")
    first = frame.groupby("council")["first"].first().reindex(wide.index)
    both = wide[[base, time]].notna().all(axis=1)
    treated = (first == group) & both
    control = ((first > latest) | first.isna()) & (first != group) & both
    four = [wide.loc[who, when].mean() for who in (treated, control) for when in (time, base)]
    return four[0] - four[1] - (four[2] - four[3]), int(treated.sum()), int(control.sum())


@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("base", ["varying", "universal"])
def test_every_cell_is_four_means(comparison, base, anticipation):
    frame = make_panel(seed=3, missing=0.1)
    found = fit("group_time", frame, **COLUMNS, cohort="first", comparison=comparison, base=base,
                anticipation=anticipation)  # fmt: skip
    for row in found.tidy().iloc[1:].itertuples():
        group, time = (int(part.split("=")[1]) for part in row.term.split(","))
        start = group - 1 - anticipation
        before = start if base == "universal" or time >= group else time - 1
        if time == before:
            assert row.estimate == 0 and np.isnan(row.std_error)
            continue
        latest = np.inf if comparison == "never_treated" else max(time, before) + anticipation
        value, treated, control = cell_by_hand(frame, group, time, before, latest)
        assert row.estimate == pytest.approx(value, abs=1e-12)
        assert (row.n_treated_units, row.n_units) == (treated, treated + control)
        assert row.n_obs == 2 * (treated + control)


def test_a_cells_standard_error_is_that_of_two_independent_means():
    frame = make_panel(seed=1, cohorts=(2014, np.nan))
    found = fit("group_time", frame, **COLUMNS, cohort="first")
    k = found.index("group=2014,time=2015")
    wide = frame.pivot(index="council", columns="year", values="rate")
    change = wide[2015] - wide[2013]
    treated = frame.groupby("council")["first"].first() == 2014
    parts = [change[who].var(ddof=0) / who.sum() for who in (treated, ~treated)]
    assert found.std_error[k] == pytest.approx(np.sqrt(sum(parts)), abs=1e-12)
    assert found.covariance[k, k] == pytest.approx(found.std_error[k] ** 2)


def test_clusters_sum_influence_values_without_a_factor():
    frame = make_panel(seed=2, pairs=10)
    found = fit("group_time", frame, **COLUMNS, cohort="first", cluster="pair")
    cluster = found.source.problem.cluster
    sums = np.array([found.influence[cluster == c].sum(axis=0) for c in np.unique(cluster)])
    expected = np.sqrt((sums**2).sum(axis=0)) / found.n_units
    assert found.std_error == pytest.approx(expected, abs=1e-13)
    assert found.n_clusters == 50


def test_sampling_weights_act_as_copies_of_units():
    frame = make_panel(seed=4, units=30)
    frame["copies"] = (frame["council"].str[1:].astype(int) % 3 + 1).astype(float)
    weighted = fit("group_time", frame, **COLUMNS, cohort="first", weights="copies")
    rows = frame.loc[frame.index.repeat(frame["copies"].astype(int))].copy()
    rows["council"] += rows.groupby(["council", "year"]).cumcount().astype(str)
    copied = fit("group_time", rows, **COLUMNS, cohort="first")
    assert weighted.point == pytest.approx(copied.point, abs=1e-12)
    for kind in ag.KINDS:
        one, two = weighted.aggregate(kind), copied.aggregate(kind)
        assert one.point == pytest.approx(two.point, abs=1e-12)
    # A copied unit is its own cluster in neither: only with clusters are the errors the same.
    rows["origin"] = rows["council"].str[:4]
    clustered = fit("group_time", rows, **COLUMNS, cohort="first", cluster="origin")
    assert weighted.std_error == pytest.approx(clustered.std_error, abs=1e-12, nan_ok=True)


def test_without_never_treated_the_last_cohort_compares():
    frame = make_panel(cohorts=(2013, 2015, 2017))
    with pytest.raises(EstimationError, match="not_yet_treated"):
        fit("group_time", frame, **COLUMNS, cohort="first")
    with pytest.warns(EmptyCellWarning, match="2017 serves as comparison only"):
        found = fit("group_time", frame, **COLUMNS, cohort="first", comparison="not_yet_treated")
    assert {term.split(",")[0] for term in found.terms[1:]} == {"group=2013", "group=2015"}
    assert max(int(term[-4:]) for term in found.terms[1:]) == 2016


def test_already_treated_units_are_left_out_and_counted():
    frame = make_panel(cohorts=(2010, 2014, np.nan))
    with pytest.warns(AlreadyTreatedWarning, match="20 units"):
        found = fit("group_time", frame, **COLUMNS, cohort="first")
    assert (found.n_units, found.n_treated_units) == (40, 20)


def test_incomplete_units_stay_unless_told_otherwise():
    frame = make_panel(seed=5).drop(index=[0, 40])
    with pytest.warns(UnbalancedPanelWarning, match="2 units miss some periods"):
        kept = fit("group_time", frame, **COLUMNS, cohort="first")
    with pytest.warns(UnbalancedPanelWarning, match="2 units that miss a period are left out"):
        dropped = fit("group_time", frame, **COLUMNS, cohort="first", allow_unbalanced=False)
    assert (kept.n_units, dropped.n_units) == (60, 58)


def test_a_cell_without_observed_units_is_left_out_with_a_warning():
    frame = make_panel()
    gone = (frame["first"] == 2016) & (frame["year"] == 2017)
    with pytest.warns(EmptyCellWarning, match=r"1 cells .*\(2016, 2017\)"):
        found = fit("group_time", frame[~gone], **COLUMNS, cohort="first")
    assert "group=2016,time=2017" not in found.terms
    assert np.isfinite(found.point[0])


def test_absorbing_treatment_is_the_same_as_its_cohort():
    frame = make_panel(seed=6)
    one = fit("group_time", frame, **COLUMNS, cohort="first")
    two = fit("group_time", frame, **COLUMNS, treatment="exposed")
    assert one.terms == two.terms
    assert (one.point == two.point).all()


def test_the_aggregations_average_the_cells():
    frame = make_panel(seed=7, cohorts=(2014, 2016, 2016, np.nan))
    found = fit("group_time", frame, **COLUMNS, cohort="first")
    cells = found.tidy().iloc[1:].copy()
    cells[["group", "time"]] = cells["term"].str.extract(r"group=(\d+),time=(\d+)").astype(int)
    post = cells[cells["time"] >= cells["group"]]
    size = post["group"].map({2014: 15, 2016: 30})
    by_group = post.groupby("group")["estimate"].mean()
    assert found.aggregate("simple").point[0] == pytest.approx(
        np.average(post["estimate"], weights=size)
    )
    assert found.aggregate("group").point[0] == pytest.approx(
        np.average(by_group, weights=[15, 30])
    )
    leads = found.aggregate("dynamic", min_e=-2, max_e=1)
    assert leads.terms == ("overall", *(f"event_time={e}" for e in (-2, -1, 0, 1)))
    assert leads.point[0] == pytest.approx(leads.point[3:].mean())


def test_many_assignments_at_once_are_each_solved_as_alone():
    frame = make_panel(seed=8, missing=0.08, pairs=6, cohorts=(2014, 2016, 2017, np.nan, np.nan))
    found = fit("group_time", frame, **COLUMNS, cohort="first", cluster="pair",
                comparison="not_yet_treated", base="universal", anticipation=1,
                weights="people")  # fmt: skip
    problem, codes = found.source.problem, found.source.solution.codes
    rng = np.random.default_rng(1)
    draws = np.array([rng.permutation(codes) for _ in range(7)])
    cells = problem.cells
    for kind in ag.KINDS:
        wanted = ag.averages(kind, cells.group, cells.period, cells.path)
        for part, estimate, sums in solve_batch(problem, draws, wanted):
            for row, draw in enumerate(draws[part]):
                alone = gt.solve(problem, draw)
                weight, by_path = ag.weigh(wanted, alone.att[None], alone.valid[None],
                                           alone.share[None], cells.path,
                                           problem.paths.cohort.size)  # fmt: skip
                influence = alone.influence @ weight[0].T
                influence += problem.weight[:, None] * by_path[0].T[draw]
                assert estimate[0][row] == pytest.approx(weight[0] @ alone.att, abs=1e-12)
                expected = gt.cluster_sums(influence, problem.cluster).T
                assert sums[0][row] == pytest.approx(expected, abs=1e-10)
