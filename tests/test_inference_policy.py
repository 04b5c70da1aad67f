"""The thin-design rule at its thresholds, Holm's family, and bands."""

from __future__ import annotations

import numpy as np
import pytest
from estimation_panels import COLUMNS, make_panel

from evallib.errors import EstimationError, ThinDesignWarning
from evallib.estimate import fit
from evallib.estimate.thinness import measure
from evallib.inference.bands import sup_t_band
from evallib.inference.multiple import holm, holm_levels
from evallib.inference.policy import choose_action, require_treated


def thinness(cohorts, controls=40, weight=None, contribution=None):
    """Measure a design with one period after exposure a cohort, all in one year."""
    cohort = np.concatenate([np.repeat(list(cohorts), list(cohorts.values())),
                             np.full(controls, np.inf)])  # fmt: skip
    n = cohort.size
    treated = np.isfinite(cohort)
    weights = np.zeros((n, 3))
    weights[treated, 2] = 1 / treated.sum() if weight is None else weight[treated]
    control = np.zeros((n, 3), dtype=bool)
    control[~treated, 2] = True
    return measure(
        weight=weights,
        is_control=control,
        cohort=cohort,
        periods=np.array([2020, 2021, 2022]),
        cluster=np.arange(n),
        contribution=np.ones(n) if contribution is None else contribution,
    )


def test_twenty_clusters_a_year_are_enough_and_nineteen_are_not():
    assert not thinness({2021: 20}, 20).is_thin
    few = thinness({2021: 19}, 20)
    assert few.fired == ("2022 carries 100% of the weight with 19 treated clusters, fewer than 20",)
    few = thinness({2021: 20}, 19)
    assert few.fired == (
        "2022 carries 100% of the weight with 19 comparison clusters, fewer than 20",
    )
    assert "19 comparison clusters" in few.sentence and "rule fired" in few.sentence


def test_a_small_cohort_counts_only_when_it_carries_weight():
    assert not thinness({2021: 36, 2022: 4}).is_thin  # four of forty are ten per cent
    light = np.concatenate([np.full(35, 0.9 / 35), np.full(4, 0.1 / 4 - 1e-9), np.zeros(40)])
    assert not thinness({2021: 35, 2022: 4}, weight=light).is_thin
    heavy = thinness({2021: 35, 2022: 4})
    assert heavy.fired == ("cohort 2022 carries 10% of the weight with 4 councils, fewer than 5",)
    assert not thinness({2021: 35, 2022: 5}).is_thin


def test_ten_effective_clusters_are_enough():
    ones = np.concatenate([np.ones(10), np.zeros(50)])
    assert not thinness({2021: 60}, contribution=np.concatenate([ones, np.zeros(40)])).is_thin
    ones[9] = 0
    few = thinness({2021: 60}, contribution=np.concatenate([ones, np.zeros(40)]))
    assert few.fired == ("the effective number of treated clusters is 9.0, under 10",)


def test_what_a_thin_design_does_by_family():
    thick, thin = thinness({2021: 20}, 20), thinness({2021: 12})
    assert choose_action("regression", thick) == choose_action("influence", thick) == "analytic"
    assert choose_action("influence", thin) == "permutation"
    assert choose_action("regression", thin) == "wild_bootstrap"
    assert choose_action("regression", thinness({2021: 10})) == "wild_bootstrap"
    assert choose_action("regression", thinness({2021: 9})) == "permutation"


def test_fewer_than_five_treated_are_refused():
    require_treated(5, "waste", "twfe")
    with pytest.raises(EstimationError, match="outcome waste, twfe: 4 treated councils"):
        require_treated(4, "waste", "twfe")


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
@pytest.mark.parametrize("name", ["group_time", "twfe", "event_study"])
def test_the_weight_of_a_design_sums_to_one(name):
    found = fit(name, make_panel(seed=1, missing=0.1), **COLUMNS, cohort="first")
    measured = found.details["thinness"]
    assert sum(share for _, share, _, _ in measured.years) == pytest.approx(1)
    assert sum(share for _, share, _ in measured.cohorts) == pytest.approx(1)
    # Two treated units miss their base year and carry no weight in the group aggregation.
    assert measured.n_treated_units == (38 if name == "group_time" else 40)


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
def test_the_group_aggregations_weight_by_hand():
    """Cohort 2014 has five exposed years, 2016 three; both have 20 councils."""
    found = fit("group_time", make_panel(), **COLUMNS, cohort="first")
    years = {year: share for year, share, _, _ in found.details["thinness"].years}
    assert years[2014] == pytest.approx(0.5 / 5)
    assert years[2017] == pytest.approx(0.5 / 5 + 0.5 / 3)
    counts = {year: (t, c) for year, _, t, c in found.details["thinness"].years}
    assert counts[2015] == (20, 20) and counts[2017] == (40, 20)


def test_fit_warns_and_replaces_nothing():
    with pytest.warns(ThinDesignWarning, match="fewer than 20"):
        found = fit("group_time", make_panel(units=30), **COLUMNS, cohort="first")
    assert found.inference == "influence_normal"


def test_holms_p_values_are_those_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(0)
    for size in (1, 2, 6, 9):
        p = rng.uniform(0, 0.2, size)
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert np.isnan(holm(np.array([0.01, np.nan]))[1])
    assert holm(np.array([0.01, np.nan]))[0] == pytest.approx(0.02)


def test_an_interval_at_holms_level_excludes_zero_exactly_where_holm_rejects():
    rng = np.random.default_rng(1)
    for _ in range(300):
        p = rng.uniform(0, 1, 6) ** rng.integers(1, 6)
        levels = holm_levels(p, 0.95)
        excludes = p <= 1 - levels + 1e-15
        assert (excludes == (holm(p) <= 0.05 + 1e-15)).all()
        assert ((levels >= 0.95 - 1e-12) & (levels <= 1 - 0.05 / 6 + 1e-12)).all()


def test_a_band_covers_all_terms_together():
    rng = np.random.default_rng(2)
    covariance = 0.6 * np.ones((5, 5)) + 0.4 * np.eye(5)
    root = np.linalg.cholesky(covariance)
    covered = 0
    for seed in range(300):
        values = np.random.default_rng(seed).normal(size=(200, 5)) @ root.T
        point, centred = values.mean(axis=0), values - values.mean(axis=0)
        std_error = np.sqrt((centred**2).sum(axis=0)) / 200
        band = sup_t_band(point, std_error, centred, 0.95, rng, draws=499)
        covered += bool(((band.low <= 0) & (band.high >= 0)).all())
    assert 270 <= covered <= 298  # 285 expected
    assert 1.96 < band.critical < 2.7
