"""Hazards of a first event: hand cases, other programs, bad input, what may not change them."""

from __future__ import annotations

import itertools
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg

from evallib.errors import EstimationError, EvallibWarning, FewClustersWarning, FewEventsWarning
from evallib.estimate import Estimate, fit, person_periods
from evallib.estimate.hazard_cox import fit_cox
from evallib.estimate.hazard_rows import AtRisk

NAMES = {"outcome": "visited", "unit": "council", "time": "year"}
FEWER = settings(max_examples=settings.default.max_examples // 3)


def make_rows(seed: int, units: int = 60, years: int = 6, slope: float = 0.7) -> pd.DataFrame:
    """Return rows at risk with a covariate that changes, one that does not, and pairs."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(units):
        fixed = rng.normal()
        for year in range(2010, 2010 + years):
            moving = rng.normal()
            chance = 1 / (1 + np.exp(1.5 - slope * fixed - 0.3 * moving))
            event = int(rng.uniform() < chance)
            rows.append((f"c{unit:02d}", year, event, fixed, moving, unit // 2))
            if event:
                break
    columns = ["council", "year", "visited", "fixed", "moving", "pair"]
    return pd.DataFrame(rows, columns=columns)


def hazard(frame: pd.DataFrame, **options: object) -> Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        return fit("hazard", frame, **NAMES, **options)


def test_without_covariates_it_is_the_share_with_the_event_in_each_year() -> None:
    frame = make_rows(1)
    found = hazard(frame, vcov="iid")
    share = frame.groupby("year")["visited"].mean()
    assert found.terms == tuple(f"time={year}" for year in share.index)
    assert 1 / (1 + np.exp(-found.point)) == pytest.approx(share.to_numpy(), abs=1e-10)
    survival = found.details["survival"].frame
    assert survival["survival"].to_numpy() == pytest.approx(np.cumprod(1 - share), abs=1e-12)
    assert survival["hazard"].to_numpy() == pytest.approx(share.to_numpy(), abs=1e-12)


def test_survival_and_its_standard_error_by_hand() -> None:
    frame = pd.DataFrame({"years": [1, 2, 2, 3, 3], "visited": [1, 1, 0, 1, 0]})
    long = person_periods(frame, duration="years", event="visited")
    found = fit("hazard", long, outcome="visited", unit="unit", time="time", vcov="iid")
    table = found.details["survival"].frame
    assert table["at_risk"].tolist() == [5, 4, 2]
    assert table["survival"].tolist() == pytest.approx([0.8, 0.6, 0.3])
    greenwood = 0.6 * np.sqrt(1 / (5 * 4) + 1 / (4 * 3))
    assert table["std_error"][1] == pytest.approx(greenwood)
    assert (
        (table["conf_low"] < table["survival"]) & (table["survival"] < table["conf_high"])
    ).all()


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("baseline", ["none", "linear", "quadratic", "cubic", "periods"])
def test_the_regression_is_that_of_statsmodels(link: str, baseline: str) -> None:
    frame = make_rows(2)
    found = hazard(frame, covariates=["fixed", "moving"], link=link, baseline=baseline, vcov="iid")
    since = frame["year"].to_numpy(dtype=float) - 2010
    power = {"none": 0, "linear": 1, "quadratic": 2, "cubic": 3}.get(baseline)
    base = (
        pd.get_dummies(frame["year"]).to_numpy(dtype=float)
        if power is None
        else since[:, None] ** np.arange(power + 1)
    )
    design = np.column_stack([frame[["fixed", "moving"]], base])
    links = {"logit": sm.families.links.Logit(), "cloglog": sm.families.links.CLogLog()}
    family = sm.families.Binomial(links[link])
    theirs = sm.GLM(frame["visited"], design, family=family).fit(tol=1e-14, maxiter=200)
    assert found.point == pytest.approx(np.asarray(theirs.params), abs=1e-8)
    assert found.std_error == pytest.approx(np.asarray(theirs.bse), abs=1e-8)
    assert found.details["log_likelihood"] == pytest.approx(theirs.llf, abs=1e-9)
    assert found.p_value[:2] == pytest.approx(np.asarray(theirs.pvalues)[:2], abs=1e-8)


def test_clusters_are_those_of_statsmodels_with_our_factor_and_distribution() -> None:
    frame = make_rows(3)
    found = hazard(frame, covariates=["fixed", "moving"], baseline="none", cluster="pair")
    design = np.column_stack([frame[["fixed", "moving"]], np.ones(len(frame))])
    theirs = sm.GLM(frame["visited"], design, family=sm.families.Binomial()).fit(
        tol=1e-14,
        cov_type="cluster",
        cov_kwds={"groups": frame["pair"], "use_correction": False},
    )
    assert found.covariance == pytest.approx(theirs.cov_params().to_numpy() * 30 / 29, abs=1e-8)
    assert (found.df, found.n_clusters) == (29, 30)
    assert found.scores is not None
    assert found.scores.T @ found.scores * 30 / 29 == pytest.approx(found.covariance)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_is_that_of_statsmodels_with_covariates_that_change(ties: str) -> None:
    frame = make_rows(4)
    found = hazard(frame, covariates=["fixed", "moving"], model="cox", ties=ties, vcov="iid")
    model = PHReg(
        frame["year"],
        frame[["fixed", "moving"]],
        status=frame["visited"],
        entry=frame["year"] - 0.5,
        ties=ties,
    )
    theirs = model.fit()
    assert found.point == pytest.approx(theirs.params, abs=1e-6)
    assert found.std_error == pytest.approx(theirs.bse, abs=1e-6)
    assert found.details["log_likelihood"] == pytest.approx(theirs.llf, abs=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_coxs_scores_add_up_to_the_slope_and_give_lin_and_weis_variance(ties: str) -> None:
    frame = make_rows(5)
    options = {"covariates": ["fixed", "moving"], "model": "cox", "ties": ties}
    found = hazard(frame, **options)
    assert found.scores is not None
    assert found.scores.sum(axis=0) == pytest.approx([0, 0], abs=1e-10)
    # Dropping a unit moves the estimate by its scores times the inverse information, nearly.
    bread = hazard(frame, **options, vcov="iid").covariance
    moved = np.array(
        [
            found.point - hazard(frame[frame["council"] != unit], **options).point
            for unit in frame["council"].unique()[:12]
        ]
    )
    assert np.corrcoef(moved.ravel(), found.scores[:12].ravel())[0, 1] > 0.99
    assert found.covariance == pytest.approx(found.scores.T @ found.scores * 60 / 59)
    assert (np.diag(found.covariance) / np.diag(bread) < 2.5).all()


def test_exact_ties_are_sums_over_all_sets() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(9, 2))
    event = np.array([1, 1, 1, 0, 0, 0, 0, 0, 1.0])
    unit, period = np.arange(9), np.array([1] * 6 + [2] * 3)
    rows = AtRisk(event, unit, period, unit, x)
    found = fit_cox(rows, ("a", "b"), "exact")

    def by_sets(beta: np.ndarray) -> float:
        total = 0.0
        for now in (1, 2):
            at, count = np.flatnonzero(period == now), int(event[period == now].sum())
            sets = [x[list(some)].sum(axis=0) @ beta for some in itertools.combinations(at, count)]
            total += x[at][event[at] > 0].sum(axis=0) @ beta - np.log(np.exp(sets).sum())
        return total

    assert found.loglik == pytest.approx(by_sets(found.beta), abs=1e-10)
    steps = 1e-4 * np.eye(2)
    slope = [(by_sets(found.beta + s) - by_sets(found.beta - s)) / 2e-4 for s in steps]
    assert slope == pytest.approx([0, 0], abs=1e-7)
    curve = [
        [
            (
                by_sets(found.beta + s + t)
                - by_sets(found.beta + s - t)
                - by_sets(found.beta - s + t)
                + by_sets(found.beta - s - t)
            )
            / 4e-8
            for t in steps
        ]
        for s in steps
    ]
    assert np.linalg.inv(-np.array(curve)) == pytest.approx(found.covariance, rel=1e-4)


def test_durations_become_rows_at_risk() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "weeks": [3, 1], "arrest": [0, 1], "age": [20, 30]})
    before = frame.copy(deep=True)
    long = person_periods(frame, duration="weeks", event="arrest", unit="name", time="week")
    assert long["week"].tolist() == [1, 2, 3, 1]
    assert long["arrest"].tolist() == [0, 0, 0, 1]
    assert long["age"].tolist() == [20, 20, 20, 30]
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"weeks": [0, 1]}, {}, "whole numbers from 1: 0"),
        ({"weeks": [1.5, 1]}, {}, "whole numbers from 1: 1.5"),
        ({"weeks": [np.nan, 1]}, {}, "missing or no whole numbers"),
        ({"weeks": ["x", 1]}, {}, "it holds text"),
        ({"arrest": [2, 0]}, {}, "other than 0 and 1"),
        ({"name": ["a", "a"]}, {}, "several rows: a"),
        ({"time": [1, 1]}, {}, "has this column already"),
        ({}, {"duration": "week"}, "Did you mean 'weeks'"),
    ],
)
def test_durations_that_cannot_be_expanded_are_refused(
    change: dict, options: dict, message: str
) -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "weeks": [3, 1], "arrest": [0, 1]}).assign(**change)
    with pytest.raises(EstimationError, match=re.escape(message)):
        person_periods(frame, **{"duration": "weeks", "event": "arrest", "unit": "name", **options})


def test_rows_after_the_event_and_rows_without_values_are_left_out_and_counted() -> None:
    frame = make_rows(7)
    plain = hazard(frame, covariates="fixed")
    events = frame[frame["visited"] == 1]
    late = events.assign(year=events["year"] + 1)
    with pytest.warns(EvallibWarning, match=r"rows after their unit's first event .*with an event"):
        found = fit("hazard", pd.concat([frame, late]), **NAMES, covariates="fixed")
    assert found.point == pytest.approx(plain.point, abs=1e-12)
    gone = frame.assign(fixed=frame["fixed"].where(frame["council"] != events["council"].iloc[0]))
    with pytest.warns(EvallibWarning, match="value of 'fixed' are left out, 1 of them with the"):
        fit("hazard", gone, **NAMES, covariates="fixed")


def test_gaps_late_entry_few_events_and_few_clusters_are_warned_of() -> None:
    frame = make_rows(8)
    long = frame.groupby("council")["year"].transform("size") >= 3
    some = frame[long]["council"].iloc[0]
    gap = frame[~((frame["council"] == some) & (frame["year"] == 2011))]
    with pytest.warns(EvallibWarning, match="1 units miss a period between two of their rows"):
        fit("hazard", gap, **NAMES, covariates="fixed")
    late = frame[~((frame["council"] == some) & (frame["year"] == 2010))]
    with pytest.warns(EvallibWarning, match="1 of 60 units enter after the first period"):
        fit("hazard", late, **NAMES, covariates="fixed")
    short = frame[frame["council"] <= "c08"]
    covariates = ["fixed", "moving"]
    with pytest.warns(FewEventsWarning, match="events for 2"), pytest.warns(FewClustersWarning):
        found = fit("hazard", short, **NAMES, covariates=covariates, baseline="none")
    assert len(found.warnings) == 2


def test_periods_without_an_event_are_left_out_of_the_regression_alone() -> None:
    frame = make_rows(9)
    frame["visited"] = frame["visited"].where(frame["year"] != 2012, 0)
    with pytest.warns(EvallibWarning, match=r"1 periods in which no unit .* \(2012\)"):
        found = fit("hazard", frame, **NAMES, covariates="fixed")
    assert "time=2012" not in found.terms
    assert found.details["survival"].frame["time"].tolist() == list(range(2010, 2016))
    linear = hazard(frame[frame["year"] != 2012], covariates="fixed")
    assert found.point == pytest.approx(linear.point, abs=1e-10)


@pytest.mark.parametrize("model", ["discrete", "cox"])
def test_separation_is_refused_by_name(model: str) -> None:
    frame = make_rows(10).assign(told=lambda rows: rows["visited"] * 2.0)
    with pytest.raises(EstimationError, match="told tell rows with the event"):
        hazard(frame, covariates=["fixed", "told"], model=model)
    # A category without an event separates too, though only some rows.
    none = frame.assign(rare=((frame["council"] < "c05") & (frame["visited"] == 0)).astype(float))
    none = none[~((none["council"] < "c05") & (none["visited"] == 1))]
    with pytest.raises(EstimationError, match="rare tell rows"):
        hazard(none, covariates=["fixed", "rare"], model=model)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"visited": 0}, {}, "no row has the event"),
        ({"visited": 1, "year": 2010}, {}, "repeat a unit and period"),
        ({"visited": 0.5}, {}, "other than 0 and 1: 0.5"),
        ({"visited": "yes"}, {}, "it holds text"),
        ({"visited": np.inf}, {}, "infinite"),
        ({"year": "2010/11"}, {}, "periods are not whole numbers"),
        ({"fixed": "a"}, {"covariates": "fixed"}, "it holds text"),
        ({"fixed": 1.0}, {"covariates": "fixed"}, "the other terms determine fixed"),
        ({"again": lambda rows: 2 * rows["fixed"]}, {"covariates": ["fixed", "again"]}, "again"),
        ({}, {"covariates": ["fixed", "fixed"]}, "two terms would be called fixed"),
        ({"pair": lambda rows: rows["pair"] % 2}, {"cluster": "pair"}, "there are 2 clusters"),
        ({}, {"covariates": "fixd"}, "Did you mean 'fixed'"),
        ({}, {"link": "probit"}, "'probit' is not allowed"),
        ({}, {"vcov": "hc1"}, "'hc1' is not allowed"),
        ({}, {"model": "cox"}, "nothing to estimate without covariates"),
        ({}, {"model": "cox", "covariates": "fixed", "link": "logit"}, "no meaning with model="),
        ({}, {"model": "cox", "covariates": "fixed", "ties": "exact"}, "no clustered covariance"),
        ({}, {"ties": "efron"}, "no meaning with model='discrete'"),
        ({}, {"vcov": "iid", "cluster": "pair"}, "no meaning with vcov='iid'"),
        ({}, {"cluster": ["pair", "year"]}, "two-way clustering is not for hazard"),
        ({}, {"treatment": "visited"}, "hazard has no exposure"),
        ({}, {"framework": "pair"}, "hazard has no such option"),
    ],
)
def test_what_cannot_be_answered_is_refused(change: dict, options: dict, message: str) -> None:
    frame = make_rows(11).assign(**change)
    with pytest.raises(EstimationError, match=re.escape(message)):
        hazard(frame, **options)


def test_all_faults_are_told_at_once() -> None:
    frame = make_rows(12).assign(visited="yes", fixed="a")
    with pytest.raises(EstimationError) as caught:
        hazard(frame, covariates=["fixed"])
    assert len(caught.value.faults) == 2


def test_ratios_are_exponentials_and_the_estimate_can_be_read() -> None:
    found = hazard(make_rows(13), covariates=["fixed"], level=0.9)
    ratios = found.details["ratios"]
    assert ratios.kind == "odds ratio"
    assert ratios.frame["conf_low"][0] == pytest.approx(np.exp(found.conf_low[0]))
    assert found.interval(0.95)[0] < found.conf_low[0]
    for shown in (found, ratios, found.details["survival"]):
        assert "<table>" in shown._repr_html_()


ROWS = st.builds(make_rows, st.integers(0, 10_000), st.integers(30, 60), st.integers(3, 7))
MODELS = ({}, {"link": "cloglog", "baseline": "linear"}, {"model": "cox"})


@pytest.mark.parametrize("options", MODELS, ids=["logit", "cloglog", "cox"])
@FEWER
@given(frame=ROWS, seed=st.integers(0, 99), years=st.sampled_from([-2000, 13]))
def test_presentation_units_of_measurement_and_years_change_nothing(options, frame, seed, years):
    before = frame.copy(deep=True)
    options = {"covariates": ["fixed", "moving"], **options}
    plain = hazard(frame, **options)
    pd.testing.assert_frame_equal(frame, before)
    assert np.array_equal(plain.covariance, hazard(frame, **options).covariance)
    names = {name: f"{seed}-{99 - place}" for place, name in enumerate(frame["council"].unique())}
    other = frame.replace({"council": names}).assign(unused=np.nan, year=frame["year"] + years)
    other = other.sample(frac=1, random_state=seed)
    found = hazard(other, **options)
    assert found.point == pytest.approx(plain.point, abs=1e-8)
    assert found.std_error == pytest.approx(plain.std_error, abs=1e-8)
    scaled = hazard(frame.assign(fixed=1e4 * frame["fixed"] + 7), **options)
    assert scaled.point[0] * 1e4 == pytest.approx(plain.point[0], abs=1e-7)
    assert scaled.std_error[0] * 1e4 == pytest.approx(plain.std_error[0], abs=1e-7)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 100, 20))
def test_intervals_cover_the_slope_that_made_the_rows(start: int) -> None:
    covered = 0
    for seed in range(20):
        found = hazard(make_rows(7_000 + start + seed, 120), covariates=["fixed", "moving"])
        covered += int(found.conf_low[0] < 0.7 < found.conf_high[0])
    assert covered >= 16  # of 20 at 95 per cent: fewer happens once in 400
