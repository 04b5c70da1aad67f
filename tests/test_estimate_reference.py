"""Held to R: did for group-time effects, fixest for the two-way estimate."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from estimation_panels import reference, reference_table

from evallib.estimate import fit

COMPARISON = {"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}
CASES = [
    f"{covariate}|{method}|{comparison}|{base}|{ant}"
    for covariate in ("none", "lpop")
    for method in ("dr", "ipw", "reg")
    for comparison in COMPARISON
    for base in ("varying", "universal")
    for ant in ("ant0", "ant1")
    if method == "dr" or ant == "ant0"
]
# The group aggregation's overall standard error: the figures are of did 2.1.2, which built the
# term for the estimated cohort shares from the wrong cohorts; ours does not.
OLD_GROUP_SE = 6e-5
# The same by the corrected formula, of the run never treated, dr, varying base, no anticipation.
# This is our own result, kept so that it cannot drift: it was not printed by R. What speaks for it
# is that putting the slip back gives the stored figure to 1e-12, in the test below.
CORRECTED_GROUP_SE = 0.012446059320997903


def fit_mpdta(key: str):
    covariate, method, comparison, base, ant = key.split("|")
    frame = reference_table("mpdta", "mpdta.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(
            "group_time",
            frame,
            outcome="lemp",
            unit="countyreal",
            time="year",
            cohort="first.treat",
            method=method,
            comparison=COMPARISON[comparison],
            base=base,
            anticipation=int(ant[3:]),
            covariates=[] if covariate == "none" else [covariate],
        )


@pytest.mark.parametrize("key", CASES)
def test_mpdta_is_rs_did_in_every_cell_and_aggregation(key):
    expected = reference("mpdta")["r_did_2.1.2.json"]["results"][key]
    found = fit_mpdta(key)
    cells = found.tidy().set_index("term")
    assert len(cells) == 1 + len(expected["attgt"])
    for cell in expected["attgt"]:
        row = cells.loc[f"group={cell['group']},time={cell['time']}"]
        assert row["estimate"] == pytest.approx(cell["att"], abs=1e-8)
        if cell["se"] is None:
            assert np.isnan(row["std_error"])
        else:
            assert row["std_error"] == pytest.approx(cell["se"], abs=1e-8)
    for kind in ("simple", "dynamic", "group", "calendar", "dynamic_balance_e1"):
        balance = 1 if kind == "dynamic_balance_e1" else None
        table = found.aggregate(kind.split("_")[0], balance=balance).tidy()
        want = expected[kind]
        tolerance = OLD_GROUP_SE if kind == "group" else 1e-8
        assert table["term"][0] == "overall"
        assert table["estimate"][0] == pytest.approx(want["overall_att"], abs=1e-8)
        assert table["std_error"][0] == pytest.approx(want["overall_se"], abs=tolerance)
        for row, part in zip(table.iloc[1:].itertuples(), want.get("egt", []), strict=True):
            assert row.estimate == pytest.approx(part["att"], abs=1e-8)
            if part["se"] is not None:
                assert row.std_error == pytest.approx(part["se"], abs=1e-8)
    assert found.point[0] == pytest.approx(found.aggregate("group").point[0], abs=1e-15)
    # R counts the anticipation periods among the pre-trends, and prints five digits of p.
    test = found.joint_test(before=0)
    assert test.statistic == pytest.approx(expected["wald"]["W"][0][0], abs=1e-8)
    assert test.p_value == pytest.approx(np.ravel(expected["wald"]["Wpval"])[0], abs=5.1e-6)


# mpdta, R did 2.5.1, analytic standard errors, printed to ten digits.
PRINTED = [
    ("never_treated", "simple", -0.0399512752, 0.0120340128),
    ("not_yet_treated", "simple", -0.0397636256, 0.0120524248),
    ("never_treated", "dynamic", -0.0772398215, 0.0199649891),
    ("never_treated", "calendar", -0.0417004321, 0.0159718519),
]


@pytest.mark.parametrize(("comparison", "kind", "estimate", "std_error"), PRINTED)
def test_mpdta_is_the_printed_figures(comparison, kind, estimate, std_error):
    short = {value: key for key, value in COMPARISON.items()}[comparison]
    found = fit_mpdta(f"none|dr|{short}|varying|ant0").aggregate(kind)
    assert found.point[0] == pytest.approx(estimate, abs=5e-11)
    assert found.std_error[0] == pytest.approx(std_error, abs=5e-11)


def test_the_corrected_group_standard_error_does_not_drift():
    """A regression figure of our own: see where CORRECTED_GROUP_SE comes from."""
    found = fit_mpdta("none|dr|nevertreated|varying|ant0")
    assert found.std_error[0] == pytest.approx(CORRECTED_GROUP_SE, abs=1e-8)
    assert found.aggregate("group").std_error[0] == pytest.approx(CORRECTED_GROUP_SE, abs=1e-8)


@pytest.mark.parametrize("key", CASES)
def test_the_old_group_standard_error_is_explained_by_its_slip(key):
    """Give the cohort-share term the cohorts of the first cells, as did 2.1.2 did."""
    found = fit_mpdta(key)
    source = found.source
    group = found.aggregate("group")
    problem, solution = source.problem, source.solution
    weight = source.weights(source.averages("group"))[0]
    plain = solution.influence @ weight[0]
    cohort = problem.paths.cohort[solution.codes]
    cells = problem.cells
    starts = np.unique(cells.group)
    share = np.array([(cohort == start).mean() for start in starts])
    wrong = cells.group[: starts.size]
    one = np.column_stack([(cohort == g) - p for g, p in zip(wrong, share, strict=True)])
    term = one / share.sum() - one.sum(axis=1)[:, None] * share / share.sum() ** 2
    slip = plain + term @ group.point[1:]
    old = np.sqrt((slip**2).sum()) / slip.size
    expected = reference("mpdta")["r_did_2.1.2.json"]["results"][key]
    assert old == pytest.approx(expected["group"]["overall_se"], abs=1e-10)


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
def test_castle_is_fixest():
    expected = reference("castle_bacon")["r_out.json"]
    frame = reference_table("castle_bacon", "castle.csv")
    columns = {"outcome": "l_homicide", "unit": "state", "time": "year", "treatment": "post"}
    plain = fit("twfe", frame, **columns)
    want = expected["twfe_l_homicide"][0]
    assert plain.point[0] == pytest.approx(want["est"], abs=1e-10)
    assert plain.std_error[0] == pytest.approx(want["se"], abs=1e-10)
    assert plain.p_value[0] == pytest.approx(want["p"], abs=1e-9)
    assert "K = 12" in plain.se_method
    iid = fit("twfe", frame, **columns, vcov="iid")
    assert iid.std_error[0] == pytest.approx(expected["twfe_l_homicide_iid"][0]["se"], abs=1e-10)
    covariates = fit("twfe", frame, **columns, covariates=["l_income", "l_pop"])
    assert covariates.terms == ("att", "l_income", "l_pop")
    for row, want in zip(covariates.tidy().itertuples(), expected["twfe_cont"], strict=True):
        assert row.estimate == pytest.approx(want["est"], abs=1e-9)
        assert row.std_error == pytest.approx(want["se"], abs=1e-9)


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
@pytest.mark.parametrize("rule", ["stata", "fixest"])
def test_castle_by_year_counts_no_year_effects(rule):
    """K is 1 + 49 states and the constant: 61 parameters less the ten of the nested years."""
    frame = reference_table("castle_bacon", "castle.csv")
    columns = {"outcome": "l_homicide", "unit": "state", "time": "year", "treatment": "post"}
    found = fit("twfe", frame, **columns, cluster="year", small_sample=rule)
    bare = fit("twfe", frame, **columns, cluster="year", small_sample="none")
    assert "K = 51, period effects nested in clusters not counted" in found.se_method
    factor = 11 / 10 * (550 - 1) / (550 - 51)
    assert found.std_error[0] == pytest.approx(bare.std_error[0] * factor**0.5, rel=1e-12)
    assert found.std_error[0] == pytest.approx(0.030656, abs=5e-7)
