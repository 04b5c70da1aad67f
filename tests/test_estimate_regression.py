"""Two-way regressions against dummies in statsmodels, and covariances against their definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from estimation_panels import COLUMNS, make_panel

from evallib.errors import (
    AbsorbedTreatmentWarning,
    AlreadyTreatedWarning,
    EstimationError,
    FewClustersWarning,
    SingletonWarning,
)
from evallib.estimate import fit
from evallib.estimate.covariance import leave_one_out
from evallib.estimate.within import prepare_projection, project

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def dummies(frame, columns):
    """Return the design of a regression on columns and all unit and year dummies."""
    names = frame["council"].to_numpy(dtype=object)
    unit = (names[:, None] == np.unique(names)).astype(float)
    year = (frame["year"].to_numpy()[:, None] == np.sort(frame["year"].unique())[1:]).astype(float)
    return np.column_stack([np.asarray(columns, dtype=float), unit, year])


def least_squares(frame, columns, weights=None):
    weight = np.ones(len(frame)) if weights is None else frame[weights].to_numpy()
    return sm.WLS(frame["rate"].to_numpy(), dummies(frame, columns), weights=weight)


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_projecting_is_regressing_on_dummies(weights, missing):
    frame = make_panel(seed=1, units=25, missing=missing)
    wide = frame.pivot(index="council", columns="year", values="rate")
    weight = (
        frame.pivot(index="council", columns="year", values=weights) if weights else wide * 0 + 1
    )
    weight = weight.fillna(0).to_numpy()
    found = project(wide.fillna(0).to_numpy()[None], prepare_projection(weight))[0]
    expected = least_squares(frame, np.zeros((len(frame), 0)), weights).fit().resid
    assert found[weight > 0] == pytest.approx(expected, abs=1e-10)
    assert (found[weight == 0] == 0).all()


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("cluster", [None, "pair"])
def test_twfe_is_least_squares_with_dummies(weights, missing, cluster):
    frame = make_panel(seed=2, units=40, missing=missing, pairs=5)
    found = fit("twfe", frame, **COLUMNS, treatment="exposed", covariates=["share"],
                weights=weights, cluster=cluster)  # fmt: skip
    model = least_squares(frame, frame[["exposed", "share"]], weights)
    groups = np.unique(frame[cluster or "council"], return_inverse=True)[1]
    full = model.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    assert found.point == pytest.approx(full.params[:2], abs=1e-9)
    rows, clusters = len(frame), groups.max() + 1
    factor = clusters / (clusters - 1) * (rows - 1) / (rows - (2 + 9))
    expected = np.sqrt(np.diag(full.cov_params())[:2] * factor)
    assert found.std_error == pytest.approx(expected, rel=1e-9)
    assert found.df == clusters - 1
    bare = fit("twfe", frame, **COLUMNS, treatment="exposed", covariates=["share"],
               weights=weights, cluster=cluster, small_sample="none")  # fmt: skip
    assert bare.std_error * np.sqrt(factor) == pytest.approx(expected, rel=1e-9)
    assert found.scores.T @ found.scores * factor == pytest.approx(found.covariance, rel=1e-9)


def test_classical_and_robust_errors_count_all_effects():
    frame = make_panel(seed=3, units=30)
    model = least_squares(frame, frame[["exposed"]])
    for vcov, kind in (("iid", "nonrobust"), ("hc1", "HC1")):
        found = fit("twfe", frame, **COLUMNS, treatment="exposed", vcov=vcov)
        expected = model.fit(cov_type=kind, use_t=True)
        assert found.std_error[0] == pytest.approx(expected.bse[0], rel=1e-9)
        assert found.p_value[0] == pytest.approx(expected.pvalues[0], rel=1e-8)


@pytest.mark.parametrize("weights", [None, "people"])
def test_cr3_is_leaving_out_each_cluster(weights):
    frame = make_panel(seed=4, units=24, missing=0.1, pairs=4)
    found = fit("twfe", frame, **COLUMNS, treatment="exposed", covariates=["share"],
                cluster="pair", vcov="cr3", weights=weights)  # fmt: skip
    rest = []
    for name in frame["pair"].unique():
        part = frame[frame["pair"] != name]
        rest.append(least_squares(part, part[["exposed", "share"]], weights).fit().params[:2])
    gap = np.array(rest) - found.point
    expected = (len(rest) - 1) / len(rest) * gap.T @ gap
    assert found.covariance == pytest.approx(expected, rel=1e-7)
    kept = found.details["fit"]
    jackknife = leave_one_out(kept.problem, kept.solution)
    # The hat matrix of a weighted regression, less its part for the unit dummies.
    root = np.sqrt(frame[weights].to_numpy()) if weights else np.ones(len(frame))
    design = dummies(frame, frame[["exposed", "share"]]) * root[:, None]
    hat = np.diag(design @ np.linalg.pinv(design))
    own = root**2 / frame.assign(w=root**2).groupby("council")["w"].transform("sum")
    expected = frame.assign(h=hat - own).groupby("pair")["h"].sum()
    assert jackknife.leverage == pytest.approx(expected.to_numpy(), abs=1e-9)


def test_cr3_is_missing_where_the_only_treated_cluster_goes():
    frame = make_panel(units=12, cohorts=(2014, *[np.nan] * 11))
    found = fit("twfe", frame, **COLUMNS, treatment="exposed", vcov="cr3")
    assert np.isnan(found.std_error[0]) and np.isnan(found.conf_low[0])


def test_event_study_is_least_squares_with_dummies():
    frame = make_panel(seed=5, units=45, missing=0.1)
    found = fit("event_study", frame, **COLUMNS, cohort="first", window=(-3, 2), reference=-2)
    event = (frame["year"] - frame["first"]).clip(-3, 2)
    shown = [-3, -1, 0, 1, 2]
    model = least_squares(frame, np.column_stack([event == e for e in shown]))
    groups = np.unique(frame["council"], return_inverse=True)[1]
    full = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
    table = found.tidy().set_index("term")
    assert found.terms == ("att", *(f"event_time={e}" for e in (-3, -2, -1, 0, 1, 2)))
    for place, e in enumerate(shown):
        assert table.loc[f"event_time={e}", "estimate"] == pytest.approx(
            full.params[place], abs=1e-9
        )
    assert table.loc["event_time=-2", "estimate"] == 0
    assert np.isnan(table.loc["event_time=-2", "std_error"])
    assert table.loc["att", "estimate"] == pytest.approx(full.params[2:5].mean(), abs=1e-9)
    inner = found.covariance[4:7, 4:7]
    assert found.std_error[0] == pytest.approx(np.sqrt(inner.sum() / 9), rel=1e-9)
    assert "pooled" in found.details["binning"]


def test_event_times_of_their_own_when_there_is_no_window():
    found = fit("event_study", make_panel(), **COLUMNS, cohort="first")
    assert found.terms[1] == "event_time=-6" and found.terms[-1] == "event_time=4"
    counts = found.tidy().set_index("term")["n_treated_units"]
    assert (counts["event_time=-6"], counts["event_time=0"], counts["event_time=4"]) == (20, 40, 20)


def test_event_times_without_never_treated_units_are_refused_with_the_remedy():
    frame = make_panel(cohorts=(2013, 2015, 2017))
    with pytest.raises(EstimationError, match=r"no unit is never exposed.*window=\(a, b\)"):
        fit("event_study", frame, **COLUMNS, cohort="first")
    found = fit("event_study", frame, **COLUMNS, cohort="first", window=(-2, 2))
    assert np.isfinite(found.std_error[0])


def test_units_exposed_in_every_row_are_left_out_of_an_event_study():
    frame = make_panel(seed=7, cohorts=(2008, 2014, 2016, np.nan))
    late = (frame["council"] == "E001") & (frame["year"] < 2014)  # its rows before are absent
    frame = frame[~late]
    with pytest.warns(AlreadyTreatedWarning, match="16 units are exposed in every row.*E000, E001"):
        found = fit("event_study", frame, **COLUMNS, cohort="first", window=(-3, 4))
    rest = frame[(frame["first"] != 2008) & (frame["council"] != "E001")]
    same = fit("event_study", rest, **COLUMNS, cohort="first", window=(-3, 4))
    assert found.terms == same.terms
    assert np.array_equal(found.point, same.point)
    assert np.array_equal(found.std_error, same.std_error, equal_nan=True)
    assert (found.n_units, found.n_treated_units, found.n_obs) == (44, 29, 44 * 9)
    assert any("exposed in every row" in text for text in found.warnings)
    everyone = make_panel(cohorts=(2005, 2008))
    with pytest.raises(EstimationError, match="every unit is exposed in every row"):
        fit("event_study", everyone, **COLUMNS, cohort="first")


def test_cohorts_beyond_the_panel_are_never_exposed_within_it():
    frame = make_panel(seed=8, cohorts=(2014, 2021, np.nan))
    found = fit("event_study", frame, **COLUMNS, cohort="first")
    never = frame.assign(first=frame["first"].where(frame["first"] != 2021))
    same = fit("event_study", never, **COLUMNS, cohort="first")
    assert found.terms == same.terms and found.terms[1] == "event_time=-4"
    assert np.array_equal(found.point, same.point)
    assert found.n_treated_units == same.n_treated_units == 20
    assert fit("twfe", frame, **COLUMNS, cohort="first").n_treated_units == 20
    assert fit("group_time", frame, **COLUMNS, cohort="first").n_treated_units == 20
    # With no other comparison they are the comparison group, as in group_time.
    alone = fit("event_study", frame[frame["first"].notna()], **COLUMNS, cohort="first")
    assert alone.n_treated_units == 20 and np.isfinite(alone.std_error[0])


def test_two_clusters_are_refused_and_few_are_warned_of():
    frame = make_panel(units=40)
    frame["half"] = frame["council"] < "E020"
    frame["few"] = frame["council"].str[-1]
    frame.loc[frame["few"] > "7", "few"] = "0"
    for name in ("twfe", "group_time", "event_study"):
        with pytest.raises(EstimationError, match="there are 2 clusters"):
            fit(name, frame, **COLUMNS, cohort="first", cluster="half")
        with pytest.warns(FewClustersWarning, match="8 clusters"):
            fit(name, frame, **COLUMNS, cohort="first", cluster="few")


def test_singletons_go_and_change_nothing():
    frame = make_panel(seed=6)
    alone = frame.iloc[[0]].assign(council="Z", rate=100.0)
    rows = pd.concat([frame, alone])
    with pytest.warns(SingletonWarning, match=r"1 units with a single row are left out .*Z"):
        found = fit("twfe", rows, **COLUMNS, treatment="exposed")
    same = fit("twfe", frame, **COLUMNS, treatment="exposed")
    assert found.point[0] == pytest.approx(same.point[0], abs=1e-12)
    assert found.std_error[0] == pytest.approx(same.std_error[0], abs=1e-12)
    assert (found.n_obs, found.n_units) == (same.n_obs, same.n_units)


def test_absorbed_exposure_is_refused_and_partly_absorbed_is_warned_of():
    together = make_panel(cohorts=(2014,))
    with pytest.raises(EstimationError, match="absorb att.*same period"):
        fit("twfe", together, **COLUMNS, cohort="first")
    early = make_panel(cohorts=(2005, 2014, np.nan))
    with pytest.warns(AbsorbedTreatmentWarning, match="20 of 40 exposed units"):
        fit("twfe", early, **COLUMNS, cohort="first")
    with pytest.raises(EstimationError, match="absorb level"):
        frame = make_panel().assign(level=lambda rows: rows["council"].str[1:].astype(int))
        fit("twfe", frame, **COLUMNS, cohort="first", covariates=["level"])


def test_the_rule_of_linearmodels_is_its_own_covariance():
    from linearmodels.panel import PanelOLS

    frame = make_panel(seed=9, missing=0.1)
    found = fit("twfe", frame, **COLUMNS, treatment="exposed", small_sample="linearmodels")
    index = frame.set_index(["council", "year"])
    own = PanelOLS(index["rate"], index[["exposed"]], entity_effects=True, time_effects=True)
    expected = own.fit(cov_type="clustered", cluster_entity=True)
    assert found.point[0] == pytest.approx(expected.params.iloc[0], abs=1e-10)
    assert found.std_error[0] == pytest.approx(expected.std_errors.iloc[0], rel=1e-9)


def test_treatment_may_switch_off_in_twfe_only():
    frame = make_panel()
    frame.loc[frame["year"] == 2018, "exposed"] = 0
    assert np.isfinite(fit("twfe", frame, **COLUMNS, treatment="exposed").point[0])
    for name in ("group_time", "event_study"):
        with pytest.raises(EstimationError, match="exposure ends again"):
            fit(name, frame, **COLUMNS, treatment="exposed")
