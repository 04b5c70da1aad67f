"""Bands, joint tests and balanced event time from kept influence values, without refitting."""

from __future__ import annotations

import numpy as np
import pytest
from estimation_panels import COLUMNS, make_panel
from scipy import stats

from evallib.errors import EstimationError
from evallib.estimate import bands, fit

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def test_a_band_is_the_quantile_of_the_largest_statistic():
    """Against signs drawn one by one in double precision: the same up to the draws."""
    found = fit("group_time", make_panel(seed=1), **COLUMNS, cohort="first", cluster="pair")
    dynamic = found.aggregate("dynamic")
    band = dynamic.band(draws=40_000, seed=3)
    cluster = found.source.problem.cluster
    sums = np.zeros((cluster.max() + 1, len(dynamic.terms)))
    np.add.at(sums, cluster, dynamic.influence)
    sums = sums[:, 1:] / np.sqrt((sums[:, 1:] ** 2).sum(axis=0))
    signs = np.random.default_rng(9).choice([-1.0, 1.0], size=(40_000, len(sums)))
    expected = np.quantile(np.abs(signs @ sums).max(axis=1), 0.95)
    assert band.critical == pytest.approx(expected, rel=0.02)
    assert 1.96 < band.critical < stats.norm.ppf(1 - 0.025 / len(dynamic.terms))
    assert np.isnan(band.low[0])
    width = (band.high - dynamic.point)[1:]
    assert width == pytest.approx(band.critical * dynamic.std_error[1:])
    assert list(band.frame["term"]) == list(dynamic.terms)
    assert "multiplier bootstrap" in band._repr_html_()


def test_a_band_over_one_term_is_a_pointwise_interval():
    sums = np.random.default_rng(0).normal(size=(400, 1))
    largest = bands.largest_statistics(sums, 50_000, np.random.default_rng(1))
    assert np.quantile(largest, 0.95) == pytest.approx(1.96, abs=0.03)


def test_the_same_seed_gives_the_same_bits_whatever_the_blocks(monkeypatch):
    sums = np.random.default_rng(0).normal(size=(77, 5))
    one = bands.largest_statistics(sums, 640, np.random.default_rng(5))
    monkeypatch.setattr(bands, "BLOCK_BYTES", 4 * 77 * 64)
    two = bands.largest_statistics(sums, 640, np.random.default_rng(5))
    assert two == pytest.approx(one, rel=1e-5)
    found = fit("group_time", make_panel(), **COLUMNS, cohort="first", draws=199, seed=4)
    assert found.band().critical == found.band(draws=199, seed=4).critical
    assert found.band().critical != found.band(seed=5).critical
    assert "199 draws, seed 4" in found.band().method
    assert found.aggregate("dynamic").band().method.endswith("199 draws, seed 4.")


def test_terms_that_are_fixed_have_no_band():
    found = fit("group_time", make_panel(), **COLUMNS, cohort="first", base="universal")
    dynamic = found.aggregate("dynamic")
    band = dynamic.band()
    fixed = dynamic.index("event_time=-1")
    assert np.isnan(band.low[fixed]) and np.isfinite(band.low[fixed + 1])


def test_a_regression_has_a_band_from_its_scores():
    found = fit("event_study", make_panel(), **COLUMNS, cohort="first", window=(-3, 2))
    assert found.band().critical > 1.96


def test_the_joint_test_is_the_quadratic_form_of_the_leads():
    frame = make_panel(seed=2)
    found = fit("group_time", frame, **COLUMNS, cohort="first", anticipation=1)
    dynamic = found.aggregate("dynamic")
    leads = np.flatnonzero(dynamic.event_time < -1)
    block = dynamic.covariance[np.ix_(leads, leads)]
    value = dynamic.point[leads] @ np.linalg.solve(block, dynamic.point[leads])
    test = dynamic.joint_test()
    assert (test.statistic, test.df) == (pytest.approx(value), leads.size)
    assert test.p_value == pytest.approx(stats.chi2.sf(value, leads.size))
    assert test.terms == tuple(dynamic.terms[k] for k in leads)
    assert len(dynamic.joint_test(before=0).terms) == leads.size + 1
    assert f"chi-squared({leads.size})" in str(test)
    short = frame[frame["year"].between(2013, 2016) & (frame["first"] != 2016)]
    with pytest.raises(EstimationError, match="no term before event time 0"):
        fit("group_time", short, **COLUMNS, cohort="first").joint_test()


def test_directions_without_variance_do_not_count():
    """A cohort of one beside three: the three leads vary in two directions."""
    frame = make_panel(units=4, cohorts=(2014, np.nan, np.nan, np.nan))
    found = fit("group_time", frame, **COLUMNS, cohort="first")
    test = found.joint_test()
    assert test.df < len(test.terms)
    assert 0 <= test.p_value <= 1


def test_balanced_event_time_keeps_cohorts_that_are_seen_that_long():
    frame = make_panel(seed=3, cohorts=(2012, 2015, 2017, np.nan))
    found = fit("group_time", frame, **COLUMNS, cohort="first", balance=3)
    dynamic = found.aggregate("dynamic")
    assert dynamic.event_time[1:].max() == 3
    assert dynamic.event_time[1:].min() == max(3 - 8, 2011 - 2015)
    cells = found.tidy().set_index("term")["estimate"]
    both = [cells[f"group={g},time={g + 2}"] for g in (2012, 2015)]
    assert dynamic.point[dynamic.index("event_time=2")] == pytest.approx(np.mean(both))
    assert dynamic.point[0] == pytest.approx(dynamic.point[-4:].mean())
    assert (dynamic.term_treated_units[-4:] == 30).all()
    # Asked for at once, or later: the same numbers, and nothing else changes.
    plain = fit("group_time", frame, **COLUMNS, cohort="first")
    later = plain.aggregate("dynamic", balance=3)
    assert later.terms == dynamic.terms and (later.point == dynamic.point).all()
    assert (plain.point == found.point).all()
    assert plain.aggregate("dynamic").event_time[1:].max() == 6
    for kind in ("simple", "group", "calendar"):
        assert (found.aggregate(kind).point == plain.aggregate(kind).point).all()
        with pytest.raises(EstimationError, match="does not average by event time"):
            plain.aggregate(kind, balance=1)
    with pytest.raises(EstimationError, match="no cohort has every cell up to event time 9"):
        plain.aggregate("dynamic", balance=9)


def test_a_cohort_that_lacks_a_cell_is_not_balanced():
    frame = make_panel(seed=4, cohorts=(2014, 2016, np.nan))
    gone = (frame["first"] == 2014) & (frame["year"] == 2015)
    found = fit("group_time", frame[~gone], **COLUMNS, cohort="first", balance=2)
    assert (found.aggregate("dynamic").term_treated_units == 20).all()
