"""The base panel regressions held to definitions and other programs; R's figures: test_parity."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from estimation_panels import COLUMNS, make_panel, reference, reference_table

from evallib.errors import (
    EstimationError,
    EvallibWarning,
    FewClustersWarning,
    SingletonWarning,
    SwappedColumnsWarning,
)
from evallib.estimate import fit
from evallib.estimate.regression import solve

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")

CASES = {
    "grunfeld": (
        "grunfeld_plm.csv",
        {
            "outcome": "inv",
            "unit": "firm",
            "time": "year",
            "covariates": ["value", "capital"],
        },
    ),
    "wagepan": (
        "wagepan.csv",
        {
            "outcome": "lwage",
            "unit": "nr",
            "time": "year",
            "covariates": ["married", "union", "expersq"],
        },
    ),
    "petersen_cluster": (
        "petersen.csv.gz",
        {"outcome": "y", "unit": "firm", "time": "year", "covariates": ["x"]},
    ),
}
YEARS = [f"d{year}" for year in range(81, 88)]
WITHIN = {"covariates": ["expersq", "married", "union", *YEARS]}
FIRMS_AND_YEARS = {"cluster": ["firm", "year"]}


def read_case(case):
    """Return a case's frame, columns and reference figures."""
    name, columns = CASES[case]
    return reference_table(case, name), columns, reference(case)["r_out.json"]


def test_three_conventions_of_two_way_clusters():
    frame, columns, figures = read_case("petersen_cluster")
    found = {}
    for rule in ("stata", "fixest", "linearmodels", "none"):
        table = fit("pooled", frame, **columns, **FIRMS_AND_YEARS, small_sample=rule).tidy()
        found[rule] = table["std_error"][0]
    assert found["stata"] == pytest.approx(0.05356, abs=5e-6)
    assert found["fixest"] == pytest.approx(0.05530, abs=5e-6)
    assert found["linearmodels"] == pytest.approx(0.05246496, abs=5e-9)
    # sandwich's multi0 subtracts the heteroskedastic part without a factor.
    petersen = figures["twoway_multi0"][1]["se"]
    assert found["stata"] == pytest.approx(petersen, rel=1e-4)
    assert found["none"] < found["linearmodels"]


def test_cr3_keeps_its_factor_unless_none_is_asked_for():
    frame, columns, figures = read_case("petersen_cluster")
    found = fit("pooled", frame, **columns, cluster="year", vcov="cr3")
    assert found.std_error[0] == pytest.approx(figures["year_CR3"][1]["se"] * 0.9**0.5, abs=1e-12)


@pytest.mark.parametrize("case", ["grunfeld", "wagepan"])
def test_hausman_and_variances_are_plms(case):
    frame, columns, figures = read_case(case)
    found = fit("random_effects", frame, **columns)
    want, parts = figures["hausman"], figures["re_swar_ercomp"]
    test = found.hausman()
    assert test.statistic == pytest.approx(want["stat"], rel=1e-10)
    assert test.df == want["df"]
    assert test.p_value == pytest.approx(want["p"], rel=1e-8)
    assert found.details["variance_idiosyncratic"] == pytest.approx(parts["sigma2"]["idios"])
    assert found.details["variance_units"] == pytest.approx(parts["sigma2"]["id"])
    assert found.details["theta"] == pytest.approx(parts["theta"])
    assert "difference" in test.frame.columns and "Hausman" in test._repr_html_()
    with pytest.raises(EstimationError, match="only random_effects and mundlak"):
        fit("pooled", frame, **columns).hausman()


def test_wagepan_clusters_of_plm_count_no_constant():
    """plm's rule has K without a constant; ours counts it: the ratio is known exactly."""
    frame, columns, figures = read_case("wagepan")
    found = fit("fixed_effects", frame, **{**columns, **WITHIN}).tidy().set_index("term")
    for row in figures["w14_4_within_cl"][:3]:
        ratio = ((4360 - 10) / (4360 - 11)) ** 0.5
        assert found.loc[row["term"], "std_error"] == pytest.approx(row["se"] * ratio, abs=1e-10)


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(
    "name", ["pooled", "between", "first_difference", "fixed_effects", "random_effects", "mundlak"]
)
def test_the_engine_solves_our_normal_equations(name, weights, missing):
    """linearmodels' coefficients are least squares on our transformed rows, to 1e-9."""
    frame = make_panel(seed=1, units=40, missing=missing, pairs=4)
    frame["people"] *= np.random.default_rng(0).uniform(0.5, 2, len(frame))
    found = fit(name, frame, **COLUMNS, treatment="exposed", covariates=["share"],
                weights=weights, cluster="pair")  # fmt: skip
    kept = found.details["fit"]
    again = solve(kept.problem, kept.solution.regressors)
    assert found.point == pytest.approx(again.beta, abs=1e-9)
    own = fit(name, frame, **COLUMNS, treatment="exposed", covariates=["share"], weights=weights,
              cluster="pair", small_sample="linearmodels")  # fmt: skip
    bare = fit(name, frame, **COLUMNS, treatment="exposed", covariates=["share"], weights=weights,
               cluster="pair", small_sample="none")  # fmt: skip
    ratio = own.std_error / bare.std_error
    assert ratio == pytest.approx(np.full(ratio.size, ratio[0]), rel=1e-7)
    assert 1 <= ratio[0] < 1.1


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("effects", ["fixed_effects", "twfe"])
def test_trends_are_least_squares_with_lines(effects, weights):
    frame = make_panel(seed=2, units=25, missing=0.15)
    found = fit(effects, frame, **COLUMNS, treatment="exposed", covariates=["share"], trends=True,
                weights=weights)  # fmt: skip
    unit = pd.get_dummies(frame["council"], dtype=float).to_numpy()
    year = frame["year"].to_numpy(dtype=float) - 2014
    parts = [frame[["exposed", "share"]].to_numpy(dtype=float), unit, unit * year[:, None]]
    if effects == "twfe":
        parts.append(pd.get_dummies(frame["year"], dtype=float).to_numpy()[:, 2:])
    weight = frame[weights].to_numpy() if weights else np.ones(len(frame))
    design = np.column_stack(parts)
    groups = np.unique(frame["council"], return_inverse=True)[1]
    model = sm.WLS(frame["rate"].to_numpy(), design, weights=weight)
    full = model.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    assert found.point == pytest.approx(full.params[:2], abs=1e-8)
    k = 3 + (8 if effects == "twfe" else 0)
    factor = 25 / 24 * (len(frame) - 1) / (len(frame) - k)
    assert found.std_error == pytest.approx(full.bse[:2] * factor**0.5, rel=1e-7)
    assert "trends nested in clusters" in found.se_method and "straight line" in found.estimand
    plain = fit(effects, frame, **COLUMNS, treatment="exposed", covariates=["share"], trends=True,
                weights=weights, vcov="iid")  # fmt: skip
    assert plain.std_error == pytest.approx(model.fit().bse[:2], rel=1e-7)
    assert plain.df == len(frame) - np.linalg.matrix_rank(design)
    left = fit(effects, frame, **COLUMNS, treatment="exposed", covariates=["share"], trends=True,
               weights=weights, vcov="cr3")  # fmt: skip
    rest = []
    for code in range(25):
        part = groups != code
        used = design[part][:, (design[part] != 0).any(axis=0)]
        model = sm.WLS(frame["rate"].to_numpy()[part], used, weights=weight[part])
        rest.append(model.fit().params[:2])
    gap = np.array(rest) - found.point
    assert left.covariance == pytest.approx(24 / 25 * gap.T @ gap, rel=1e-6)


def test_two_way_clusters_are_their_definition():
    frame = make_panel(seed=3, units=30, missing=0.1)
    frame["area"] = frame["council"].str[-1]
    parts = {}
    frame["both"] = frame["area"] + frame["year"].astype(str)
    for cluster in ("area", "year", "both"):
        parts[cluster] = fit("twfe", frame, **COLUMNS, treatment="exposed", cluster=cluster,
                             small_sample="none").covariance  # fmt: skip
    found = fit("twfe", frame, **COLUMNS, treatment="exposed", cluster=["area", "year"],
                small_sample="none")  # fmt: skip
    expected = parts["area"] + parts["year"] - parts["both"]
    assert found.covariance == pytest.approx(expected, rel=1e-10)
    assert (found.df, found.n_clusters, found.inference) == (8, 9, "cr1_two_way_t")
    same = fit("twfe", frame, **COLUMNS, treatment="exposed", cluster=["area", "area"])
    one = fit("twfe", frame, **COLUMNS, treatment="exposed", cluster="area")
    assert same.std_error[0] == one.std_error[0]


def test_negative_eigenvalues_are_set_to_zero_and_told():
    frame = make_panel(seed=1, units=30)
    rng = np.random.default_rng(6)
    for _ in range(40):
        frame["rate"] = rng.normal(size=len(frame))
        found = fit("pooled", frame, **COLUMNS, covariates=["share", "people"],
                    cluster=["council", "year"])  # fmt: skip
        assert np.linalg.eigvalsh(found.covariance).min() > -1e-12
        if "negative eigenvalues" in found.se_method:
            return
    pytest.fail("no draw had a negative eigenvalue")


def test_driscoll_kraay_is_linearmodels_kernel():
    from linearmodels.panel import PanelOLS

    frame = make_panel(seed=4, units=30, missing=0.1)
    found = fit("twfe", frame, **COLUMNS, treatment="exposed", vcov="driscoll_kraay", lags=2,
                small_sample="none")  # fmt: skip
    index = frame.set_index(["council", "year"])
    model = PanelOLS(index["rate"], index[["exposed"]], entity_effects=True, time_effects=True)
    own = model.fit(cov_type="kernel", bandwidth=2, debiased=False)
    scale = (1 - 38 / found.n_obs) ** 0.5  # linearmodels always takes off the effects
    assert found.std_error[0] == pytest.approx(own.std_errors.iloc[0] * scale, rel=1e-9)
    assert found.df == 8


@pytest.mark.parametrize("weights", [None, "people"])
def test_mundlak_is_the_within_estimate_on_a_balanced_panel(weights):
    frame = make_panel(seed=5, units=40).assign(size=lambda rows: rows["people"] * 2)
    found = fit("mundlak", frame, **COLUMNS, treatment="exposed", covariates=["share", "size"],
                weights=weights)  # fmt: skip
    within = fit("fixed_effects", frame, **COLUMNS, treatment="exposed", covariates=["share"],
                 weights=weights)  # fmt: skip
    assert found.point[:2] == pytest.approx(within.point, abs=1e-9)
    assert found.terms == ("att", "share", "size", "att_mean", "share_mean", "constant")
    test = found.hausman()
    assert test.terms == ("att_mean", "share_mean") and test.df_residual == 39
    assert 0 <= test.p_value <= 1


def test_clustered_random_effects_are_linearmodels_on_unbalanced_panels():
    from linearmodels.panel import RandomEffects

    frame = make_panel(seed=6, units=40, missing=0.2)
    found = fit("random_effects", frame, **COLUMNS, covariates=["share"], small_sample="none")
    index = frame.assign(constant=1.0).set_index(["council", "year"])
    own = RandomEffects(index["rate"], index[["share", "constant"]]).fit(
        cov_type="clustered", cluster_entity=True, debiased=False
    )
    assert found.point == pytest.approx(own.params.to_numpy(), abs=1e-10)
    assert found.std_error == pytest.approx(own.std_errors.to_numpy(), rel=1e-9)


def test_changes_are_not_taken_across_gaps():
    frame = make_panel(seed=7, units=30)
    frame = frame[~((frame["council"] < "E010") & (frame["year"] == 2014))]
    with pytest.warns(EvallibWarning, match="10 rows follow a gap"):
        found = fit("first_difference", frame, **COLUMNS, covariates=["share"])
    wide = frame.pivot(index="council", columns="year")
    y, x = (wide[name].diff(axis=1).to_numpy().ravel() for name in ("rate", "share"))
    there = ~np.isnan(y)
    design = np.column_stack([x[there], np.ones(there.sum())])
    expected = np.linalg.lstsq(design, y[there], rcond=None)[0]
    assert found.n_obs == there.sum() == 30 * 8 - 20
    assert found.point == pytest.approx(expected, abs=1e-10)
    alone = pd.concat([frame, frame.iloc[[0]].assign(council="Z")])
    with pytest.warns(SingletonWarning, match="no two rows that follow each other: Z"):
        fit("first_difference", alone, **COLUMNS, covariates=["share"])


PANEL = ("pooled", "between", "first_difference", "fixed_effects", "random_effects", "mundlak")


@pytest.mark.parametrize("name", [*PANEL, "twfe"])
def test_bad_regressions_are_refused_in_words(name):
    frame = make_panel().assign(twice=lambda rows: 2 * rows["share"], one=1.0)
    with pytest.raises(EstimationError, match="neither is given.*covariates"):
        fit(name, frame, **COLUMNS)
    with pytest.raises(EstimationError, match="twice"):
        fit(name, frame, **COLUMNS, covariates=["share", "twice"])
    with pytest.raises(EstimationError, match="(absorb|determine) (one|constant)"):
        fit(name, frame, **COLUMNS, covariates=["one"])
    with pytest.raises(EstimationError, match="no row is exposed"):
        fit(name, frame.assign(exposed=0), **COLUMNS, treatment="exposed")
    with pytest.raises(EstimationError, match="every row is exposed"):
        fit(name, frame.assign(exposed=1), **COLUMNS, treatment="exposed")
    with pytest.raises(EstimationError, match="every value is the same"):
        fit(name, frame.assign(rate=1.0), **COLUMNS, covariates=["share"])
    with pytest.raises(EstimationError, match="missing, zero or below"):
        fit(name, frame.assign(people=0.0), **COLUMNS, covariates=["share"], weights="people")
    with pytest.raises(EstimationError, match="values are infinite"):
        fit(name, frame.assign(share=np.inf), **COLUMNS, covariates=["share"])
    with pytest.raises(EstimationError, match="2015 for '2015/16'"):
        text = frame.assign(year=frame["year"].astype(str) + "/16")
        fit(name, text, **COLUMNS, covariates=["share"])
    with pytest.raises(EstimationError, match="there are 2 clusters"):
        half = frame.assign(half=frame["council"] < "E030")
        fit(name, half, **COLUMNS, covariates=["share"], cluster="half")
    with pytest.raises(EstimationError, match="no such column.*Did you mean 'share'"):
        fit(name, frame, **COLUMNS, covariates=["shre"])
    with pytest.raises(EstimationError, match="clusters of one dimension"):
        fit(name, frame, **COLUMNS, covariates=["share"], cluster=["council", "pair"], vcov="cr3")
    before = frame.copy(deep=True)
    fit(name, frame, **COLUMNS, covariates=["share"])
    pd.testing.assert_frame_equal(frame, before)


def test_outcomes_constant_within_units_serve_levels_only():
    frame = make_panel().assign(rate=lambda rows: rows["council"].str[1:].astype(float))
    for name in ("pooled", "between"):
        assert np.isfinite(fit(name, frame, **COLUMNS, covariates=["share"]).point).all()
    for name in ("first_difference", "fixed_effects", "random_effects", "mundlak"):
        with pytest.raises(EstimationError, match="never changes within a unit"):
            fit(name, frame, **COLUMNS, covariates=["share"])
    one = make_panel().query("year == 2014")
    assert np.isfinite(fit("pooled", one, **COLUMNS, covariates=["share"]).std_error).all()


def test_swapped_units_and_years_are_warned_of():
    frame = make_panel().assign(code=lambda rows: rows["council"].str[1:].astype(int))
    columns = {"outcome": "rate", "covariates": ["share"]}
    with pytest.warns(SwappedColumnsWarning, match="look like years.*swapped"):
        fit("twfe", frame, unit="year", time="code", **columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SwappedColumnsWarning)
        fit("twfe", frame, unit="code", time="year", **columns)
    with pytest.raises(EstimationError, match="periods are not whole numbers: E000"):
        fit("twfe", frame, unit="year", time="council", **columns)


def test_options_of_covariances_that_cannot_be():
    frame = make_panel()
    cases = [
        ("between", {"vcov": "driscoll_kraay"}, "one row a unit has no periods"),
        ("pooled", {"lags": 2}, "no meaning with vcov='cluster'"),
        ("pooled", {"vcov": "driscoll_kraay", "cluster": "pair"}, "no meaning"),
        ("pooled", {"vcov": "driscoll_kraay", "lags": -1}, "not a number of periods"),
        ("pooled", {"trends": True}, "has no such option"),
        ("twfe", {"trends": "yes"}, "not true or false"),
        ("twfe", {"cluster": ["a", "b", "c"]}, "not one or two columns"),
        ("between", {"cluster": "year"}, "clusters cut through units"),
    ]
    for name, options, words in cases:
        with pytest.raises(EstimationError, match=words):
            fit(name, frame, **COLUMNS, covariates=["share"], **options)
    few = frame[frame["year"] < 2012]
    with pytest.raises(EstimationError, match="there are 2 periods"):
        fit("pooled", few, **COLUMNS, covariates=["share"], vcov="driscoll_kraay")
    with pytest.warns(FewClustersWarning, match="9 periods"):
        fit("pooled", frame, **COLUMNS, covariates=["share"], vcov="driscoll_kraay")
