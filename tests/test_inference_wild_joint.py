"""A thin event study is judged jointly by the draws that made its intervals."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import evallib as ev
from evallib.design import Design
from evallib.estimate import Estimate
from evallib.inference.designs import estimate_one


@pytest.fixture(scope="module")
def design() -> Design:
    plan = ev.load_plan("childrens_intervention")
    panel = ev.build_panel(plan)
    exposure = ev.build_exposure(plan, panel)
    return ev.build_design(plan, panel, exposure, "assessments_within_45_days_pct")


@pytest.fixture(scope="module")
def study(design: Design) -> Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimate_one(design, "event_study")


def test_band_and_leads_come_from_the_bootstrap(study: Estimate) -> None:
    assert study.inference == "wild_bootstrap"
    assert "wild bootstrap" in study.details["band"].method
    assert study.details["leads"]["method"].startswith("wild bootstrap")
    assert 0 < study.details["leads"]["p_joint"] <= 1


def test_band_is_wider_than_every_pointwise_interval(study: Estimate) -> None:
    band = study.details["band"]
    shown = np.isfinite(band.low)
    assert shown.sum() >= 5
    half = (study.conf_high - study.conf_low)[shown] / 2
    assert ((band.high - band.low)[shown] / 2 > 0.99 * half).all()
    assert band.critical > 1.96


def test_single_terms_have_the_same_p_on_either_scale(study: Estimate) -> None:
    """The printed standard error's factor cancels: p of a term is that of its own test."""
    test = study.inversions["att"]
    assert study.p_value[0] == test.p_value()
