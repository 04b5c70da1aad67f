"""The policy beyond two-way and group-time: batches, refits, wild draws of many regressions."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from test_inference_designs import YEARS, make_design

from evallib.design import Design
from evallib.errors import EstimationError
from evallib.inference import estimate
from evallib.inference import influences as inf
from evallib.inference import permuted_terms as pt
from evallib.inference.designs import estimate_one
from evallib.inference.fitting import fit_design
from evallib.inference.paths import path_panel
from evallib.inference.permutation import permute_paths, studentise
from evallib.inference.permuted_imputation import (
    PathImputation,
    path_terms,
    solve_imputations,
)
from evallib.inference.permuted_regression import path_after, path_rows
from evallib.inference.refits import refitter
from evallib.inference.tested import apply_wild, jackknife_details, live_terms
from evallib.plan.estimators import NAMES, SYNTHETIC, WITHOUT_COVARIATES

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
REFITTED = ("sun_abraham", "etwfe", "stacked", "lp_did", "imputation", "two_stage", "matched_did")


def with_covariates(design: Design) -> Design:
    """Return the design with a covariate that changes and one that is fixed."""
    rng = np.random.default_rng(3)
    keys = ["council_code", "period"]
    codes = sorted(design.councils["council_code"])
    fixed = dict(zip(codes, rng.normal(size=len(codes)), strict=True))
    grid = {(code, year): rng.normal() for code in codes for year in YEARS}
    parts = {}
    for name in ("full", "frame", "group_time_frame"):
        rows = getattr(design, name)
        changing = [grid[key] for key in rows[keys].itertuples(index=False, name=None)]
        parts[name] = rows.assign(
            changing=changing,
            fixed=rows["council_code"].map(fixed),
            value=rows["value"] + 0.5 * np.array(changing),
        )
    return replace(design, covariates=("changing", "fixed"), **parts)


def thin_design(covariates: bool = False, **changes) -> Design:
    given = {"seed": 11, "treated": {2014: 4, 2016: 5}, "later": 6, "never": 24} | changes
    design = make_design(**given)
    return with_covariates(design) if covariates else design


CASES = [(name, False) for name in REFITTED]
CASES += [(name, True) for name in REFITTED if name not in WITHOUT_COVARIATES]


@pytest.mark.parametrize(("name", "covariates"), CASES)
def test_the_real_paths_refit_what_the_door_fits(name: str, covariates: bool) -> None:
    design = thin_design(covariates)
    panel = path_panel(design)
    fitted = fit_design(design, name)
    terms, point, std_error = refitter(design, name, panel)(panel.codes)
    assert terms == fitted.terms
    assert point == pytest.approx(fitted.point, abs=1e-10)
    assert std_error == pytest.approx(fitted.std_error, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("covariates", [False, True], ids=["plain", "covariates"])
@pytest.mark.parametrize("name", ["imputation", "two_stage"])
def test_a_batch_of_imputations_is_fits_one_at_a_time(name: str, covariates: bool) -> None:
    """Estimates and standard errors of every term, gaps and lost rows included."""
    design = thin_design(covariates, missing=0.2)
    panel = path_panel(design)
    fitted = fit_design(design, name)
    problem = PathImputation(
        outcome=panel.outcome,
        observed=panel.observed,
        covariates=panel.covariates[: int(covariates)],
        cluster=panel.cluster,
        exposed=panel.exposed,
        kept=path_rows(panel.paths, panel.periods, design.anticipation),
        after=path_after(panel.paths, panel.periods),
        terms=path_terms(panel.paths, panel.periods, fitted.terms),
        around_mean=name == "two_stage",
    )
    rng = np.random.default_rng(5)
    drawn = permute_paths(panel.codes, panel.strata, panel.cluster, 12, rng)
    found = solve_imputations(problem, np.vstack([panel.codes[None], drawn]))
    statistic = studentise(found, 0.0)
    refit = refitter(design, name, panel)
    for place, codes in enumerate([panel.codes, *drawn]):
        terms, point, std_error = refit(codes)
        column = [fitted.terms.index(term) for term in terms]
        assert found[0, place, column] == pytest.approx(point, abs=1e-9)
        known = np.isfinite(std_error)
        expected = np.abs(point / std_error)[known]
        assert statistic[place, column][known] == pytest.approx(expected, rel=1e-7)


def test_exposure_as_outcome_gives_one_and_shifts_the_interval() -> None:
    design = thin_design()
    one = estimate_one(design, "imputation")
    test = one.inversions["att"]
    assert one.inference == "permutation" and test.observed[1] == pytest.approx(1.0, abs=1e-12)
    assert test.observed[0] == pytest.approx(one.point[0], abs=1e-10)
    assert np.sqrt(test.observed[2]) == pytest.approx(one.std_error[0], rel=1e-8)
    cohort = design.full["council_code"].map(design.councils.set_index("council_code")["cohort"])
    full = design.full.assign(value=design.full["value"] + 2.0 * (design.full["period"] >= cohort))
    keys = ["council_code", "period"]
    frames = {
        part: getattr(design, part).drop(columns="value").merge(full[[*keys, "value"]], on=keys)
        for part in ("frame", "group_time_frame")
    }
    moved = estimate_one(replace(design, full=full, **frames), "imputation")
    assert moved.conf_low[0] - one.conf_low[0] == pytest.approx(2, abs=1e-4)
    assert moved.conf_high[0] - one.conf_high[0] == pytest.approx(2, abs=1e-4)
    assert "999 draws" in one.interval_method and "inverts the test" in one.interval_method


@pytest.mark.parametrize("name", ["sun_abraham", "etwfe", "stacked", "lp_did"])
def test_thin_regressions_take_wild_draws_and_few_clusters_refits(monkeypatch, name: str) -> None:
    monkeypatch.setattr("evallib.inference.regressions.REFITS", 99)
    design = make_design(missing=0.0)
    wild, plain = estimate_one(design, name), fit_design(design, name)
    assert wild.inference == "wild_bootstrap"
    assert np.array_equal(wild.point, plain.point)
    assert np.array_equal(wild.std_error, plain.std_error, equal_nan=True)
    assert wild.conf_low[0] < wild.point[0] < wild.conf_high[0]
    assert wild.p_value[0] == wild.inversions["att"].p_value(0.0)
    assert "thin-design rule fired" in wild.interval_method
    assert f"CR3 standard error of att: {wild.details['cr3_std_error'][0]:.4g}" in (
        wild.interval_method
    )
    assert not {"fit", "fits"} & set(wild.details)
    cells = [k for k, term in enumerate(wild.terms) if ",time=" in term]
    assert np.isnan(wild.conf_low[cells]).all()
    assert bool(cells) == ("Single cells" in wild.interval_method)
    few = estimate_one(thin_design(), name)
    assert few.inference == "permutation" and "99 draws" in few.interval_method
    test = few.inversions["att"]
    assert few.p_value[0] == test.p_value(0.0)
    low, high = few.interval(0.9)
    assert few.conf_low[0] < low < few.point[0] < high < few.conf_high[0]
    assert (few.p_value[0] <= 0.05) == (few.conf_low[0] > 0 or few.conf_high[0] < 0)


@pytest.mark.parametrize("name", ["sun_abraham", "stacked", "lp_did"])
def test_wild_draws_and_cr3_are_of_the_fitted_terms(name: str) -> None:
    """CR3 of the first term by leaving out each cluster and fitting again."""
    design = thin_design()
    fitted = fit_design(design, name)
    terms = live_terms(fitted, design.window)
    done, kept = apply_wild(fitted, terms, np.random.default_rng(0), 199)
    test = done.inversions["att"]
    assert test.estimate == pytest.approx(fitted.point[0], abs=1e-9)
    observed = dict(zip(kept.terms, kept.observed, strict=True))
    ratio = [
        observed[term] * fitted.std_error[k] / abs(fitted.point[k])
        for k, term in enumerate(fitted.terms)
        if term in observed
    ]
    assert ratio == pytest.approx(np.ones(len(ratio)), rel=1e-7)
    found = jackknife_details(terms, True)["cr3_std_error"][0]
    if name != "lp_did":  # weights of cells and stacks change where a council is left out
        return
    frame, g = design.frame, terms[0].problem.n_clusters
    point = [
        fit_design(replace(design, frame=frame[frame["cluster"] != cluster]), name).point[0]
        for cluster in frame["cluster"].unique()
    ]
    expected = np.sqrt((g - 1) / g * ((np.array(point) - fitted.point[0]) ** 2).sum())
    assert found == pytest.approx(expected, rel=1e-8)


def test_a_thin_matched_difference_is_not_silent_and_is_permuted_as_headline(monkeypatch) -> None:
    monkeypatch.setattr(inf, "REFITS", 99)
    design = thin_design()
    beside = estimate_one(design, "matched_did")
    assert beside.inference == "analytic_thin"
    assert inf.UNRELIABLE in beside.interval_method and inf.UNRELIABLE in beside.warnings
    assert beside.details["action"] == "unreliable"
    head = estimate_one(replace(design, headline=("matched_did", "group")), "matched_did")
    assert head.inference == "permutation" and "99 draws" in head.interval_method
    assert head.point[0] == beside.point[0] and head.conf_low[0] != beside.conf_low[0]


def test_a_thick_matched_difference_keeps_its_interval() -> None:
    design = make_design(seed=2, treated={2014: 40, 2016: 40}, never=60)
    one = estimate_one(design, "matched_did")
    assert one.inference == "influence_normal"
    assert "did not fire" in one.interval_method


def test_few_treated_are_refused_unless_the_plan_asks(monkeypatch) -> None:
    monkeypatch.setattr(inf, "REFITS", 99)
    monkeypatch.setattr("evallib.inference.regressions.REFITS", 99)
    design = make_design(seed=7, treated={2015: 3}, never=20, missing=0.0, estimators=NAMES)
    with pytest.raises(EstimationError, match="few_treated: permutation"):
        estimate(design)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = estimate(replace(design, few_treated="permutation"))
    assert not found.refused
    for one in found:
        expected = "placebo_normal" if one.estimator in SYNTHETIC else "permutation"
        assert one.inference == expected, one.estimator
        assert one.n_treated_units == 3
        assert one.conf_low[0] < one.point[0] < one.conf_high[0], one.estimator


def test_an_estimator_that_cannot_carry_the_plan_says_so() -> None:
    design = with_covariates(make_design(weighted=True))
    for name in ("lp_did", *SYNTHETIC):
        with pytest.raises(EstimationError) as caught:
            fit_design(design, name)
        words = str(caught.value)
        assert "takes no covariates" in words and "takes no weights" in words
    with pytest.raises(EstimationError, match=r"takes no weights.*weights out of the plan"):
        fit_design(design, "imputation")


def test_permuted_cells_given_covariates_are_the_fitted_ones(monkeypatch) -> None:
    monkeypatch.setattr(inf, "DRAWS_WITH_COVARIATES", 99)
    design = with_covariates(make_design(missing=0.0))
    one = estimate_one(design, "group_time")
    assert one.inference == "permutation" and "99 draws" in one.interval_method
    test = one.inversions["overall"]
    assert test.observed[0] == pytest.approx(one.point[0], abs=1e-10)
    assert np.sqrt(test.observed[2]) == pytest.approx(one.std_error[0], rel=1e-8)
    plain = estimate_one(make_design(missing=0.0), "group_time")
    assert one.point[0] != pytest.approx(plain.point[0], abs=1e-3)


@pytest.mark.parametrize("name", ["twfe", "event_study"])
def test_permuted_two_way_regressions_hold_covariates_fixed(name: str) -> None:
    """The batch's statistic is the fit's, but for CR1's factor."""
    design = thin_design(covariates=True)
    one, plain = estimate_one(design, name), fit_design(design, name)
    assert one.inference == "permutation" and "1,999 draws" in one.interval_method
    test = one.inversions["att"]
    assert test.observed[0] == pytest.approx(plain.point[0], abs=1e-9)
    factor = plain.std_error[0] ** 2 / test.observed[2]
    assert 1 < factor < 1.2
    assert one.terms[-1] == "changing" and np.isnan(one.p_value[-1])  # no path moves it
    if name == "event_study":
        assert 0 < one.details["leads"]["p_joint"] <= 1


def test_a_refit_that_fails_counts_as_extreme(monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise EstimationError([])

    monkeypatch.setattr(pt, "refitter", lambda *_: refuse)
    monkeypatch.setattr("evallib.inference.regressions.REFITS", 9)
    one = estimate_one(thin_design(), "stacked")
    assert one.p_value[0] == 1.0 and np.isinf(one.conf_high[0])
