"""Covariates of a plan: beside the rows they belong to, or a stop that names who lacks them."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from evallib.design import build_design
from evallib.errors import DesignError, PlanError
from evallib.exposure import build_exposure
from evallib.inference.designs import estimate_one
from evallib.inference.fitting import fit_design
from evallib.panel import build_panel
from evallib.plan import load_plan

OUTCOME = "rereferrals_within_12_months_pct"


@functools.cache
def built(*overrides: str, outcome: str = OUTCOME):
    plan = load_plan("peer_challenge", list(overrides))
    panel = build_panel(plan)
    return panel, build_design(plan, panel, build_exposure(plan, panel), outcome)


def test_characteristics_and_indicators_stand_beside_every_row() -> None:
    names = "[{name: imd_average_score}, {name: dwellings_count, missing: drop}]"
    panel, design = built(f"covariates={names}")
    assert design.covariates == ("imd_average_score", "dwellings_count")
    fixed = panel.covariates.set_index("council_code")["imd_average_score"]
    homes = panel.figures[panel.figures["indicator"] == "dwellings_count"]
    homes = homes.set_index(["council_code", "period"])["value"]
    for rows in (design.full, design.frame, design.group_time_frame, design.alternative.frame):
        assert rows[list(design.covariates)].notna().all().all()
        assert (rows["imd_average_score"] == rows["council_code"].map(fixed)).all()
        keys = pd.MultiIndex.from_frame(rows[["council_code", "period"]])
        assert np.array_equal(rows["dwellings_count"], homes.reindex(keys))
    step = design.flow.set_index("step").loc["Council-years without the covariate dwellings_count"]
    plain = built()[1]
    assert step["council_years_dropped"] == len(plain.full) - len(design.full) > 0
    assert step["councils_dropped"] == len(plain.councils) - len(design.councils)


def test_a_stop_names_the_covariate_councils_and_years_once() -> None:
    with pytest.raises(DesignError) as caught:
        built("covariates=[{name: population_count}, {name: dwellings_count}]")
    first, second = caught.value.faults
    assert first.where == "evaluations/peer_challenge.yml, covariates[0]"
    assert "population_count is missing in 124 council-years of 124 councils" in first.what
    assert "Hartlepool (2024/25), " in first.what and "and 119 more" in first.what
    assert "(2015/16 to 2024/25)" in second.what and "missing: drop" in second.remedy


def test_an_unknown_covariate_is_told_with_the_nearest() -> None:
    plan = load_plan("peer_challenge", ["covariates=[{name: imd_average}]"])
    with pytest.raises(PlanError, match="Did you mean 'imd_average_score'"):
        build_panel(plan)


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
def test_population_that_changes_and_deprivation_reach_a_real_plan() -> None:
    """Years end where population does; every estimator but lp_did takes both as it can."""
    design = built(
        "covariates=[{name: imd_average_score}, {name: population_count}]",
        "years=[2015/16, 2023/24]",
    )[1]
    one, plain = (
        fit_design(part, "group_time") for part in (design, built("years=[2015/16, 2023/24]")[1])
    )
    assert one.details["covariates"] == design.covariates
    assert one.details["method"].startswith("dr, given imd_average_score, population_count")
    assert one.n_units == plain.n_units and one.point[0] != plain.point[0]
    policed = estimate_one(design, "group_time")
    assert policed.point[0] == one.point[0]
    assert policed.conf_low[0] < policed.point[0] < policed.conf_high[0]
    two_way = fit_design(design, "twfe")
    assert two_way.terms == ("att", "population_count")
    assert any("imd_average_score: no change within" in text for text in two_way.warnings)
