"""The joint test of leads where their covariance has fewer dimensions than there are leads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from estimation_panels import COLUMNS, make_panel
from scipy import stats

from evallib.estimate import fit
from evallib.inference.wald import wald_leads

LEADS = np.arange(-7.0, -1.0)  # six of them


def with_leads(size: float):
    """Return an estimate whose leads have variance one in five directions and size in a sixth."""
    found = fit("event_study", make_panel(cohorts=(2014, 2018, np.nan)), **COLUMNS, cohort="first")
    which = np.flatnonzero(np.isin(found.event_time, LEADS))
    assert which.size == 6
    values = np.array([1.0, 1, 1, 1, 1, size])
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    covariance, point = found.covariance.copy(), found.point.copy()
    covariance[np.ix_(which, which)] = basis * values @ basis.T
    point[which] = basis @ np.array([1.0, 0.5, -0.5, 0.2, 0.1, 1e-6])
    return replace(found, covariance=covariance, point=point, std_error=np.ones(point.size))


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
@pytest.mark.parametrize("size", [0.0, 1.2e-15, 1e-14, 1e-12])
def test_a_direction_of_rounding_counts_neither_in_the_rank_nor_in_the_statistic(size):
    found = with_leads(size)
    leads = wald_leads(found, LEADS)
    assert leads["statistic"] == pytest.approx(1.55, rel=1e-6)
    assert leads["method"].startswith("Wald, F(5, ")
    assert leads["p_joint"] == pytest.approx(stats.f.sf(1.55 / 5, 5, found.df), rel=1e-6)


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
def test_a_small_but_real_variance_counts():
    leads = wald_leads(with_leads(1e-6), LEADS)
    assert leads["method"].startswith("Wald, F(6, ")
    assert leads["statistic"] == pytest.approx(1.55 + 1e-12 / 1e-6, rel=1e-6)
