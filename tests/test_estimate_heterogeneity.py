"""Effects on subgroups: against separate fits, a stacked regression, and what must not matter."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from estimation_panels import COLUMNS, make_panel
from scipy import stats

import evallib as ev
from evallib.errors import EstimationError, ThinDesignWarning
from evallib.estimate import Estimate, fit
from evallib.estimate.heterogeneity import Subgroups, estimate_subgroups
from evallib.inference.by_characteristic import Heterogeneity

NAMES = ("a", "b", "c")


def quiet(function: Callable[..., Any], *given: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*given, **options)


def panel(seed: int = 1, units: int = 120, **changes: Any) -> pd.DataFrame:
    """Return a panel with a kind of unit that joint pairs share, and a fixed covariate."""
    frame = make_panel(seed, units=units, pairs=3, **changes)
    frame["share"] = frame.groupby("council")["share"].transform("first")
    number = frame["council"].str[1:].astype(int)
    frame["kind"] = [NAMES[code] for code in number // 3 % 3]
    return frame


def fit_whole(frame: pd.DataFrame, **options: Any) -> Estimate:
    chosen = {"cohort": "first", "cluster": "pair", **COLUMNS, **options}
    found: Estimate = quiet(fit, "group_time", frame, **chosen)
    return found


def split(found: Estimate, frame: pd.DataFrame, **options: Any) -> Subgroups:
    kinds = frame.groupby("council")["kind"].first().reindex(list(found.source.units))
    labels = np.array([NAMES.index(kind) for kind in kinds])
    return estimate_subgroups(found.source, labels, NAMES, **options)


@pytest.mark.parametrize("covariates", [[], ["share"]], ids=["plain", "covariate"])
@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_subgroups_are_fits_of_their_own(comparison, missing, covariates):
    frame = panel(missing=missing)
    options = {"comparison": comparison, "anticipation": 1, "base": "universal",
               "covariates": covariates, "weights": "people"}  # fmt: skip
    whole = fit_whole(frame, **options)
    tolerance = 1e-8 if covariates else 1e-12
    for comparators in ("same", "all"):
        found = split(whole, frame, comparators=comparators)
        for k, name in enumerate(NAMES):
            rows = frame[frame["kind"] == name]
            if comparators == "all":
                # the other treated compare until they are exposed, and never count as treated
                other = (frame["kind"] != name) & frame["first"].notna()
                rows = frame[~other | (frame["year"] < frame["first"] - 1)].copy()
                rows.loc[other, "first"] = np.nan
                if comparison == "never_treated":
                    rows = frame[~other]
            alone = fit_whole(rows, **options)
            assert found.effects.point[k] == pytest.approx(alone.point[0], abs=tolerance)
            assert found.effects.std_error[k] == pytest.approx(alone.std_error[0], abs=tolerance)
            assert found.effects.term_obs[k] == alone.term_obs[0]
            assert found.effects.term_units[k] == alone.term_units[0]
            assert found.effects.term_treated_units[k] == alone.term_treated_units[0]
            assert found.thinness[k].sentence == alone.details["thinness"].sentence


@pytest.mark.parametrize("kind", ["simple", "dynamic", "calendar"])
def test_every_aggregation_can_be_told_apart(kind):
    frame = panel(2)
    found = split(fit_whole(frame), frame, comparators="same", kind=kind)
    for k, name in enumerate(NAMES):
        alone = fit_whole(frame[frame["kind"] == name]).aggregate(kind)
        assert found.effects.point[k] == pytest.approx(alone.point[0], abs=1e-12)
        assert found.effects.std_error[k] == pytest.approx(alone.std_error[0], abs=1e-12)


def test_with_all_comparators_the_whole_is_the_mean_of_the_parts():
    frame = panel(3)
    whole = fit_whole(frame, comparison="not_yet_treated")
    effects = split(whole, frame).effects
    mean = np.average(effects.point, weights=effects.term_treated_units)
    assert mean == pytest.approx(whole.point[0], abs=1e-12)


@pytest.mark.parametrize("comparators", ["all", "same"])
def test_covariance_differences_and_joint_test_are_those_of_a_stacked_regression(comparators):
    """One cohort on a complete panel: mean change after exposure on dummies, clustered, no factor.

    With comparison units of its own each subgroup has a constant; with all of them there is one.
    """
    frame = panel(4, cohorts=(2014, np.nan))
    found = split(fit_whole(frame, base="universal"), frame, comparators=comparators)
    by = frame.assign(
        part=np.where(frame["year"] == 2013, "base", np.where(frame["year"] >= 2014, "after", "-"))
    )
    wide = by.pivot_table(index="council", columns="part", values="rate")
    facts = frame.groupby("council")[["kind", "first", "pair"]].first()
    kind = pd.get_dummies(facts["kind"]).astype(float)
    exposed = kind.mul(facts["first"].notna().astype(float), axis=0)
    constant = kind if comparators == "same" else pd.Series(1.0, index=kind.index)
    groups = np.unique(facts["pair"], return_inverse=True)[1]
    model = sm.OLS(wide["after"] - wide["base"], np.column_stack([exposed, constant])).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    covariance = np.asarray(model.cov_params())[:3, :3]
    assert found.effects.point == pytest.approx(np.asarray(model.params)[:3], abs=1e-10)
    assert found.effects.covariance == pytest.approx(covariance, abs=1e-10)
    rows = np.zeros((2, np.asarray(model.params).size))
    rows[:, :3] = [[1, -1, 0], [0, 1, -1]]
    assert found.statistic * 2 == pytest.approx(
        float(model.wald_test(rows, use_f=False, scalar=True).statistic), rel=1e-9
    )
    n = found.effects.term_treated_units
    gap = np.array([1.0, -n[1] / (n[1] + n[2]), -n[2] / (n[1] + n[2])])
    assert found.differences.point[0] == pytest.approx(gap @ found.effects.point, abs=1e-12)
    assert found.differences.std_error[0] ** 2 == pytest.approx(gap @ covariance @ gap, rel=1e-9)
    assert found.df_residual == np.unique(groups[facts["first"].notna()]).size - 3


def draw_p_value(rng: np.random.Generator, effects: Sequence[float]) -> float:
    labels = np.concatenate([np.repeat([0, 1, 2], 25), np.arange(90) % 3])
    units, years = labels.size, np.arange(6)
    first = np.where(np.arange(units) < 75, 3 + np.arange(units) % 2, np.nan)
    noise = rng.normal(size=(units, 6)).cumsum(axis=1) + rng.normal(size=(units, 6))
    rate = noise + np.array(effects)[labels][:, None] * (years >= first[:, None])
    frame = pd.DataFrame(
        {"council": np.repeat(np.arange(units), 6), "year": np.tile(years, units),
         "rate": rate.ravel(), "first": np.repeat(first, 6)}
    )  # fmt: skip
    found = quiet(fit, "group_time", frame, cohort="first", **COLUMNS)
    return estimate_subgroups(found.source, labels, NAMES, comparators="same").p_value


def test_the_joint_test_rejects_equal_effects_at_its_level(share_of_long_cases):
    rng = np.random.default_rng(20260101)
    draws = len(share_of_long_cases(range(2_000)))
    rejected = np.mean([draw_p_value(rng, (1.0, 1.0, 1.0)) <= 0.05 for _ in range(draws)])
    assert abs(rejected - 0.05) < 3.3 * np.sqrt(0.05 * 0.95 / draws) + 0.01


def test_a_planted_difference_is_found():
    rng = np.random.default_rng(5)
    assert max(draw_p_value(rng, (0.0, 0.0, 4.0)) for _ in range(10)) < 0.01


def told(frame: pd.DataFrame, by: str = "kind", **options: Any) -> Heterogeneity:
    found: Heterogeneity = quiet(ev.heterogeneity, fit_whole(frame), by, frame, **options)
    return found


@pytest.mark.parametrize(
    "change",
    ["shuffled", "relabelled", "shifted_years", "added", "scaled", "unused", "one_row_a_unit"],
)
def test_what_must_not_matter_does_not(change):
    frame = panel(6)
    whole, other, rows = told(frame), frame.copy(), None
    factor = 1.0
    if change == "shuffled":
        other = frame.sample(frac=1, random_state=1)
    elif change == "relabelled":
        other["council"] = "X" + (999 - frame["council"].str[1:].astype(int)).astype(str)
    elif change == "shifted_years":
        other[["year", "first"]] += 7
    elif change == "added":
        other["rate"] += 50.0
    elif change == "scaled":
        other["rate"] *= 3.0
        factor = 3.0
    elif change == "unused":
        other["council_type"] = other["kind"]
    else:
        rows = frame.drop_duplicates("council")[["kind", "council"]]
    found = quiet(ev.heterogeneity, fit_whole(other), "kind", other if rows is None else rows)
    for column in ("estimate", "std_error", "difference"):
        assert found.frame[column].to_numpy() == pytest.approx(
            factor * whole.frame[column].to_numpy(), abs=1e-9
        )
    assert found.tests["p_value"][0] == pytest.approx(whole.tests["p_value"][0], abs=1e-9)
    assert found.frame["n_obs"].tolist() == whole.frame["n_obs"].tolist()


def test_a_frame_is_read_as_it_says_and_not_changed():
    frame = panel(7)
    order = pd.CategoricalDtype(["c", "a", "b"], ordered=True)
    frame["kind"] = frame["kind"].astype(order)
    frame["score"] = frame["share"]
    before = frame.copy()
    found = told(frame, ["kind", "score"])
    pd.testing.assert_frame_equal(frame, before)
    assert found.frame["subgroup"].tolist() == [
        *("c", "a", "b"), "lowest third", "middle third", "highest third"
    ]  # fmt: skip
    cuts = np.quantile(frame.drop_duplicates("council")["score"], [1 / 3, 2 / 3])
    assert f"cut into thirds of the frame's units, at {cuts[0]:.4g}" in found.tests["note"][1]
    assert found.frame["n_treated_units"].groupby(found.frame["characteristic"]).sum().tolist() == [
        80, 80
    ]  # fmt: skip
    assert found.tests["holm_p_value"].tolist() != found.tests["p_value"].tolist()
    html = found._repr_html_()
    assert html.index("Joint tests") < html.index("Effects by subgroup")


def test_two_subgroups_have_one_difference_and_it_is_the_joint_test():
    frame = panel(8)
    frame["kind"] = frame["kind"].replace("c", "b")
    found = told(frame)
    p_values = found.frame["difference_p_value"].to_numpy()
    assert found.frame["difference"][0] == pytest.approx(-found.frame["difference"][1])
    assert found.frame["difference_holm_p_value"].to_numpy() == pytest.approx(p_values)
    test = found.tests.loc[0]
    gap = next(iter(found)).differences
    assert test["statistic"] == pytest.approx((gap.point[0] / gap.std_error[0]) ** 2)
    assert (test["df"], test["df_residual"]) == (1, 76)  # 78 clusters with treated units
    assert test["p_value"] == pytest.approx(stats.f.sf(test["statistic"], 1, 76))
    assert p_values == pytest.approx([test["p_value"]] * 2)


def test_as_many_clusters_as_subgroups_are_no_test():
    frame = panel(8)
    frame["pair"] = np.where(frame["first"].isna(), "never", frame["kind"])
    found = told(frame)
    assert np.isnan(found.tests["p_value"][0]) and found.frame["estimate"].notna().all()
    assert found.frame["difference_p_value"].isna().all()
    assert "no more clusters with treated units than subgroups" in found.tests["reason"][0]


def test_small_subgroups_and_units_without_a_value_are_named_with_counts():
    frame = panel(9)
    few = frame.loc[(frame["kind"] == "c") & frame["first"].notna(), "council"].unique()[:3]
    frame["kind"] = frame["kind"].replace("c", "b")
    frame.loc[frame["council"].isin(few), "kind"] = "rare"
    empty = frame.loc[frame["first"].isna(), "council"].unique()[0]
    frame.loc[frame["council"] == empty, "kind"] = None
    with pytest.warns(ThinDesignWarning, match="thin-design rule fired in: a "):
        found = ev.heterogeneity(fit_whole(frame), "kind", frame)
    assert found.frame["subgroup"].tolist() == ["a", "b"]
    assert found.tests["not_estimated"][0] == "rare (3 treated, 0 comparison)"
    assert f"1 units have no value: {empty}" in found.tests["note"][0]
    shared = told(frame, comparators="all")
    assert shared.tests["not_estimated"][0] == "rare (3 treated, 40 comparison)"
    whole = fit_whole(frame)
    sizes = shared.frame["n_treated_units"].to_numpy()
    assert sizes.sum() == whole.term_treated_units[0] - 3


def test_a_characteristic_of_the_event_is_compared_with_all():
    frame = panel(10)
    frame["era"] = frame["first"].map({2014: "early", 2016: "late"})
    found = told(frame, "era")
    assert found.tests["comparators"].tolist() == ["all"]
    by_cohort = fit_whole(frame).aggregate("group")
    assert found.frame["estimate"].to_numpy() == pytest.approx(by_cohort.point[1:], abs=1e-12)
    assert found.frame["std_error"].to_numpy() == pytest.approx(by_cohort.std_error[1:], abs=1e-12)


@pytest.mark.parametrize(
    ("change", "by", "options", "words"),
    [
        ({}, "kin", {}, r"column 'kin': no such column.*Did you mean 'kind'"),
        ({}, "year", {}, r"column 'year': it changes within 120 units: E000, E001"),
        ({"kind": np.nan}, "kind", {}, "no unit of the estimate has a value"),
        ({"kind": np.inf}, "kind", {}, "values are infinite"),
        ({"council": "elsewhere"}, "kind", {}, "it changes within 1 units"),
        ({}, "kind", {"kind": "groups"}, "aggregation 'groups' does not exist.*'group'"),
        ({}, [], {}, "by and frame are not both given"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(change, by, options, words):
    frame = panel(11)
    whole = fit_whole(frame)
    with pytest.raises(EstimationError, match=words):
        ev.heterogeneity(whole, by, frame.assign(**change), **options)


def test_all_faults_of_several_columns_are_told_together():
    frame = panel(11)
    with pytest.raises(EstimationError) as caught:
        ev.heterogeneity(fit_whole(frame), ["kin", "year"], frame)
    assert len(caught.value.faults) == 2


def test_other_estimators_and_frames_without_comparison_units_are_refused():
    frame = panel(12)
    regression = quiet(fit, "twfe", frame, cohort="first", **COLUMNS)
    with pytest.raises(EstimationError, match="only group_time has cells"):
        ev.heterogeneity(regression, "kind", frame)
    frame["kind"] = frame["first"].map({2014: "early", 2016: "late"}).fillna("never")
    with pytest.raises(EstimationError, match="no subgroup has 5 treated and 5 comparison units"):
        told(frame, comparators="same")
    frame["kind"] = np.where(frame["first"].notna(), None, "never")
    with pytest.raises(EstimationError, match="no treated unit is in a subgroup"):
        told(frame)


def test_one_subgroup_has_an_effect_and_no_joint_test():
    frame = panel(13).assign(kind="all of them")
    found = told(frame)
    assert found.frame["estimate"][0] == pytest.approx(fit_whole(frame).point[0], abs=1e-12)
    assert np.isnan(found.tests["p_value"][0])
    assert found.tests["answer"][0] == "no joint test"
    assert "nothing to compare it with" in found.tests["reason"][0]
    assert found.frame["difference"].isna().all()
