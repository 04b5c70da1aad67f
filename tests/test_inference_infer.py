"""`ev.infer`: each way against its own engine or against fitting again; families of outcomes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from estimation_panels import COLUMNS, make_panel, reference_table
from test_inference_designs import make_design

import evallib as ev
from evallib.errors import EstimationError
from evallib.estimate import fit
from evallib.inference.designs import estimate_one
from evallib.inference.fitting import fit_design
from evallib.inference.infer import infer
from evallib.inference.joint_outcomes import joint_tests
from evallib.inference.multiple import holm, romano_wolf
from evallib.inference.permutation import permute_paths
from evallib.inference.wild import draw_weights, wild_bootstrap
from evallib.plan import load_plan
from evallib.report.views.departures import departures, family_notes

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
NUMBERS = ("point", "std_error", "conf_low", "conf_high", "p_value", "covariance")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return make_panel(seed=3, units=30, missing=0.1, pairs=3)


def same(one, other, *names: str) -> bool:
    return all(
        np.allclose(getattr(one, name), getattr(other, name), rtol=1e-12, equal_nan=True)
        for name in names or NUMBERS
    )


@pytest.mark.parametrize("name", ["twfe", "event_study", "sun_abraham", "stacked", "pooled"])
def test_cr1_and_cr3_are_the_doors(frame, name: str) -> None:
    given = {**COLUMNS, "cohort": "first", "cluster": "pair"}
    by_vcov = {v: fit(name, frame, **given, vcov=v) for v in ("cluster", "cr3")}
    for base in by_vcov.values():
        one, three = infer(base, "cr1"), infer(base, "cr3")
        assert same(one, by_vcov["cluster"]) and one.inference == "cr1_t"
        assert same(three, by_vcov["cr3"]) and three.inference == "cr3_t"
        assert three.interval_method == by_vcov["cr3"].interval_method
    again = infer(infer(by_vcov["cluster"], "cr3"), "cr1")  # nothing is lost on the way
    assert same(again, by_vcov["cluster"])


def test_jackknife_of_local_projections_leaves_clusters_out(frame) -> None:
    given = {**COLUMNS, "cohort": "first", "cluster": "pair", "window": (-3, 2)}
    base = fit("lp_did", frame, **given)
    found = infer(base, "cr3")
    gaps = np.array(
        [
            fit("lp_did", frame[frame["pair"] != g], **given).point[0] - base.point[0]
            for g in frame["pair"].unique()
        ]
    )
    used = int((np.abs(gaps) > 1e-12).sum())  # others have no row in this regression
    size = (used - 1) / used * (gaps**2).sum()
    assert found.std_error[0] == pytest.approx(np.sqrt(size), rel=1e-8)
    assert infer(base, "cr1") is not base and same(infer(base, "cr1"), base)


def test_wild_p_values_of_castle_and_petersen_are_wildboottests() -> None:
    """wildboottest 0.3.2's p-values for these very weights, which are drawn from the seed."""
    castle = reference_table("castle_bacon", "castle.csv")
    columns = {"outcome": "l_homicide", "unit": "state", "time": "year", "treatment": "post"}
    base = fit("twfe", castle, **columns)
    for weights, expected in (("rademacher", 0.17281728172817282), ("webb", 0.1715171517151715)):
        found = infer(base, "wild_bootstrap", weights=weights, seed=1)
        assert found.p_value[0] == expected
        assert same(found, base, "point", "std_error") and "Seed 1" in found.interval_method
    petersen = reference_table("petersen_cluster", "petersen.csv.gz")
    petersen["firm"] = petersen["firm"].map("f{:04d}".format)
    given = {"outcome": "y", "unit": "firm", "time": "year", "covariates": ["x"]}
    base = fit("pooled", petersen, **given, vcov="iid")
    assert infer(base, "cr1").std_error == pytest.approx([0.0505957258840296, 0.0670127036987728])
    found = infer(base, "wild_bootstrap", seed=1)
    assert found.p_value.tolist() == [0.0, 0.651965196519652]
    assert "A p-value of 0 is one below 1/9,999" in found.interval_method


@pytest.mark.parametrize("name", ["pooled", "fixed_effects"])
def test_the_wild_bootstrap_without_period_effects_is_refitting(frame, name: str) -> None:
    base = fit(name, frame, **COLUMNS, treatment="exposed", covariates=["share"], cluster="pair")
    kept = base.details["fit"]
    signs, _, _ = draw_weights(kept.problem.n_clusters, 15, np.random.default_rng(2), "rademacher")
    test = wild_bootstrap(kept.problem, kept.solution.regressors, kept.rows[0], signs)
    units = frame["council"].to_numpy(dtype=object)
    effects = units[:, None] == np.unique(units) if name == "fixed_effects" else np.ones((1, 1))
    nuisance = np.column_stack(
        [frame["share"], np.broadcast_to(effects, (len(frame), effects.shape[1]))]
    ).astype(float)
    x, y = frame["exposed"].to_numpy(dtype=float), frame["rate"].to_numpy()
    group = np.unique(frame["pair"], return_inverse=True)[1]
    restricted = sm.OLS(y, nuisance).fit()
    left = sm.OLS(x, nuisance).fit().resid

    def statistic(outcome):
        residual = sm.OLS(outcome, np.column_stack([x, nuisance])).fit()
        scores = np.bincount(group, left * residual.resid)
        return abs(residual.params[0]) * (left @ left) / np.sqrt((scores**2).sum())

    drawn = [statistic(restricted.fittedvalues + restricted.resid * s[group]) for s in signs.T]
    assert test.drawn() == pytest.approx(np.array(drawn), abs=1e-9)
    assert abs(test.estimate) / test.std_error == pytest.approx(statistic(y), abs=1e-9)


def test_few_clusters_take_every_sign_pattern() -> None:
    panel = make_panel(seed=1, units=24)
    panel["block"] = panel["council"].str[1:].astype(int) // 3
    base = fit("twfe", panel, **COLUMNS, cohort="first", cluster="block")
    found = infer(base, "wild_bootstrap", weights="rademacher")
    assert "all sign patterns, 8 clusters" in found.interval_method
    assert "leave ties out report 0.0078 less" in found.interval_method
    assert (found.p_value[0] * 2**8) == round(found.p_value[0] * 2**8) >= 2  # ties count
    assert "Webb" in infer(base, "wild_bootstrap", draws=99).interval_method


CASES = {
    "twfe": {},
    "event_study": {"window": (-3, 2)},
    "imputation": {},
    "group_time": {"comparison": "not_yet_treated"},
    "sun_abraham": {},
    "stacked": {"window": (-2, 1)},
    "lp_did": {"window": (-2, 1)},
    "matched_did": {},
}


@pytest.mark.parametrize("name", CASES)
def test_permuted_paths_are_fits_of_permuted_frames(frame, name: str) -> None:
    """Every draw by hand: new first years in the frame, and a fit at the door."""
    draws, seed = 9, 4
    given = {**COLUMNS, "cluster": "pair"} | CASES[name]
    base = fit(name, frame, cohort="first", **given)
    by_unit = frame.groupby("council").first()
    strata = (by_unit["people"] > 3).rename("size")
    found = infer(base, "permutation", draws=draws, seed=seed, strata=strata)
    first = by_unit["first"].fillna(np.inf).to_numpy()
    starts, codes = np.unique(first, return_inverse=True)
    pairs = np.unique(by_unit["pair"], return_inverse=True)[1]
    kinds = strata.to_numpy().astype(np.int64)
    drawn = permute_paths(codes, kinds, pairs, draws, np.random.default_rng(seed))
    statistics = []
    for paths in drawn:
        new = dict(zip(by_unit.index, starts[paths], strict=True))
        changed = frame.assign(first=frame["council"].map(new).replace(np.inf, np.nan))
        one = fit(name, changed, cohort="first", **given)
        statistics.append(abs(one.point[0] / one.std_error[0]))
    here = abs(base.point[0] / base.std_error[0])
    extreme = (np.array(statistics) >= here * (1 - 1e-9)).sum()
    assert found.p_value[0] == pytest.approx((1 + extreme) / (1 + draws))
    assert same(found, base, "point", "std_error", "covariance")
    assert "strata: size" in found.interval_method and f"{draws} draws" in found.interval_method
    assert found.inference == "permutation" and found.details["strata"] == "size"


def test_a_group_time_estimates_averages_are_permuted_with_it(frame) -> None:
    base = fit("group_time", frame, **COLUMNS, cohort="first")
    found = infer(base, "permutation", draws=199)
    simple = found.aggregate("simple")
    assert (
        simple.inference == "permutation"
        and found.aggregate("group").p_value[0] == (found.p_value[0])
    )
    with pytest.raises(EstimationError, match="then .aggregate"):
        infer(base.aggregate("dynamic"), "permutation")


def test_a_band_and_its_p_values(frame) -> None:
    base = fit("event_study", frame, **COLUMNS, cohort="first", window=(-3, 2))
    found = infer(base, "band", draws=499, seed=7)
    band = base.band(draws=499, seed=7)
    shown = np.isfinite(band.low)
    assert np.array_equal(found.conf_low[shown], band.low[shown])
    assert found.conf_low[0] == base.conf_low[0]
    assert "att keeps its own" in found.interval_method
    excludes = (found.conf_low > 0) | (found.conf_high < 0)
    clear = shown & (np.abs(found.p_value - 0.05) > 0.005)
    assert clear.sum() >= 3 and (excludes[clear] == (found.p_value[clear] < 0.05)).all()
    assert (found.p_value[shown] >= base.p_value[shown] - 0.03).all()


def test_the_policy_on_a_frame(frame) -> None:
    thin = infer(fit("twfe", frame, **COLUMNS, cohort="first"), draws=199)
    assert thin.inference == "wild_bootstrap" and "rule fired" in thin.interval_method
    few = make_panel(seed=3, units=30, cohorts=(2014, 2016, *[np.nan] * 6))
    permuted = infer(fit("twfe", few, **COLUMNS, cohort="first"), draws=199)
    assert permuted.inference == "permutation" and "rule fired" in permuted.interval_method
    thick = fit("group_time", make_panel(seed=3, units=120), **COLUMNS, cohort="first")
    kept = infer(thick)
    assert same(kept, thick) and "did not fire" in kept.interval_method
    tiny = fit("twfe", make_panel(units=20, cohorts=(2014, *[np.nan] * 6)), **COLUMNS,
               cohort="first")  # fmt: skip
    with pytest.raises(EstimationError, match="3 treated units, fewer than 5"):
        infer(tiny)
    assert infer(tiny, "permutation", draws=99).inference == "permutation"


def test_the_policy_says_where_nothing_better_suits_a_thin_estimate(frame) -> None:
    one = fit("switching", frame, **COLUMNS, cohort="first")
    with pytest.raises(EstimationError, match="Use how='policy'"):
        infer(one, "cr1")
    found = infer(one, "policy")
    assert (
        found.inference == "analytic_thin" and "not reliable, and no other" in found.interval_method
    )
    assert same(found, one)


def test_what_does_not_suit_is_refused_with_what_to_use(frame) -> None:
    given = {**COLUMNS, "cohort": "first"}
    cells, line = fit("group_time", frame, **given), fit("twfe", frame, **given)
    crossed = fit("twfe", frame.assign(block=frame["year"] % 4), **given, cluster=["pair", "block"])
    switched = frame.assign(on=frame["exposed"] * (frame["year"] != 2018))
    ends = fit("twfe", switched, **COLUMNS, treatment="on")
    effects = fit("random_effects", frame, **given)
    strata = pd.Series("a", index=frame["council"].unique()[1:])
    for one, how, options, words in (
        (cells, "wild_bootstrap", {}, "influence values.*how='permutation'"),
        (cells, "cr3", {}, "influence values.*how='permutation'"),
        (fit("imputation", frame, **given), "band", {}, "no influence values.*'permutation'"),
        (crossed, "wild_bootstrap", {}, "two dimensions.*how='cr1'"),
        (crossed, "cr3", {}, "two dimensions"),
        (crossed, "permutation", {}, "two dimensions"),
        (ends, "permutation", {}, "exposure ends again.*wild_bootstrap"),
        (effects, "wild_bootstrap", {}, "itself estimated.*fixed_effects"),
        (effects, "permutation", {}, "no adoption paths"),
        (fit("twfe", frame, **COLUMNS, covariates=["share"]), "permutation", {}, "no exposure"),
        (line, "permutation", {"strata": strata}, "1 of 30 units have no stratum: E000"),
        (line, "permutation", {"strata": dict.fromkeys(frame["council"], 1) | {
            u: u for u in frame["council"].unique()}}, "nothing to permute"),
        (line, "permuted", {}, "does not exist.*Did you mean 'permutation'"),
        (line, "cr1", {"draws": 9}, "option 'draws': how='cr1' does not take it"),
        (line, "wild_bootstrap", {"draws": 0}, "0 is not a whole number from 1 on"),
        (line, "wild_bootstrap", {"weights": "normal"}, "Use auto, rademacher, webb"),
    ):  # fmt: skip
        with pytest.raises(EstimationError, match=words):
            infer(one, how, **options)
    assert same(infer(crossed, "cr1"), crossed)


def test_an_estimate_of_a_design_needs_the_design() -> None:
    design = make_design(missing=0.0)
    one = estimate_one(design, "twfe")
    with pytest.raises(EstimationError, match="keeps no rows.*Give design="):
        infer(one, "cr3")
    with pytest.raises(EstimationError, match="Give the estimate's own design"):
        infer(one, "cr3", design=replace(design, outcome="other"))
    with pytest.raises(EstimationError, match="'strata': how='permutation' of a design"):
        infer(one, "permutation", design=design, strata={})
    found = infer(one, "cr3", design=design)
    assert found.std_error[0] == pytest.approx(one.details["cr3_std_error"][0])
    assert (found.outcome, found.role) == ("waste", "primary")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(infer(one, design=design), one)
    permuted = infer(one, "permutation", design=design)
    assert same(permuted, estimate_one(replace(design, inference="permutation"), "twfe"))
    other = infer(one, "permutation", design=design, seed=1)
    assert other.conf_low[0] != permuted.conf_low[0]


@pytest.mark.parametrize("asked", ["analytic", "wild_bootstrap", "permutation"])
def test_a_plans_own_choice_holds_where_it_suits(asked: str) -> None:
    design = make_design(missing=0.0, inference=asked)
    line, cells = estimate_one(design, "twfe"), estimate_one(design, "group_time")
    expected = {"analytic": "cr1_t"}.get(asked, asked)
    assert line.inference == expected and "in place of the thin-design rule" in line.interval_method
    assert "CR3 standard error" in line.interval_method  # the design is thin all the same
    if asked == "wild_bootstrap":
        assert cells.inference == "permutation"
        assert "which is of regressions: the thin-design rule decides" in cells.interval_method
    else:
        assert cells.inference == {"analytic": "influence_normal"}.get(asked, asked)
        assert "in place of the thin-design rule" in cells.interval_method
    thick = make_design(seed=2, treated={2014: 40, 2016: 40}, never=60, inference=asked)
    assert estimate_one(thick, "twfe").inference == expected
    few = make_design(seed=7, treated={2015: 4}, never=20, few_treated="permutation",
                      inference=asked)  # fmt: skip
    assert estimate_one(few, "twfe").inference == "permutation"


def test_the_plans_key_and_the_first_words() -> None:
    assert load_plan("peer_challenge").inference == "policy"
    assert departures(load_plan("peer_challenge")) == ""
    for asked, words in (("wild_bootstrap", "wild cluster bootstrap"), ("analytic", "analytic")):
        plan = load_plan("peer_challenge", [f"inference={asked}"])
        assert departures(plan).startswith("Intervals depart from the usual rule")
        assert words in departures(plan)
    wider = load_plan("peer_challenge", ["confidence_level=0.9"])
    assert departures(wider) == (
        "Thresholds of the verdicts were changed: confidence level 0.9 in place of 0.95. "
    )
    with pytest.raises(ev.load_plan.__globals__["PlanError"], match="wild_bootstrap"):
        load_plan("peer_challenge", ["inference=bootstrap"])


def by_hand(observed, drawn):
    """Step down one outcome after another, counting draws in a loop."""
    left, found, floor = list(range(len(observed))), {}, 0.0
    while left:
        top = max(left, key=lambda k: observed[k])
        count = sum(max(row[k] for k in left) >= observed[top] for row in drawn)
        floor = max(floor, (1 + count) / (1 + len(drawn)))
        found[top] = floor
        left.remove(top)
    return [found[k] for k in range(len(observed))]


def test_romano_and_wolf_by_hand_and_beside_holm() -> None:
    rng = np.random.default_rng(5)
    for correlation in (0.0, 0.6, 0.95):
        root = np.linalg.cholesky(np.full((5, 5), correlation) + (1 - correlation) * np.eye(5))
        drawn = np.abs(rng.normal(size=(1999, 5)) @ root.T)
        observed = np.array([3.1, 2.6, 2.4, 1.2, 0.3])[rng.permutation(5)]
        ours = romano_wolf(observed, drawn)
        assert ours == pytest.approx(by_hand(observed, drawn[:]))
        own = (1 + (drawn >= observed).sum(axis=0)) / (1 + len(drawn))
        error = 3 * np.sqrt(0.25 / len(drawn))
        assert (ours <= holm(own) + error).all() and (ours >= own - 1e-12).all()
        if correlation > 0.9:  # outcomes that move together cost less than Holm takes
            assert ours[observed.argsort()[-2]] < 0.7 * holm(own)[observed.argsort()[-2]]
    some = romano_wolf(np.array([2.0, np.nan]), drawn[:, :2])
    assert np.isnan(some[1])
    assert some[0] == pytest.approx((1 + (drawn[:, 0] >= 2).sum()) / (1 + len(drawn)))


def test_two_outcomes_that_are_one_are_not_adjusted() -> None:
    design = make_design(missing=0.0)
    other = replace(design, outcome="other")
    estimates = [fit_design(one, "group_time") for one in (design, other)]
    alone = joint_tests([(design, estimates[0])])
    both = joint_tests([(design, estimates[0]), (other, replace(estimates[1], outcome="other"))])
    assert both.p_values["waste"] == both.p_values["other"] == alone.p_values["waste"]
    permuted = estimate_one(design, "group_time")
    assert alone.p_values["waste"] == pytest.approx(permuted.p_value[0], abs=0.04)


@pytest.mark.parametrize("name", ["twfe", "imputation", "matched_did", "group_time"])
def test_joint_draws_of_any_headline(monkeypatch, name: str) -> None:
    monkeypatch.setattr("evallib.inference.joint_outcomes.DRAWS", 199)
    monkeypatch.setattr("evallib.inference.joint_outcomes.REFITS", 29)
    designs = [make_design(seed=k, missing=0.0, outcome=f"y{k}") for k in (1, 2)]
    pairs = [(one, fit_design(one, name)) for one in designs]
    lacking = replace(designs[0], outcome="none")
    synthetic = replace(designs[0], outcome="placebos")
    named = replace(pairs[0][1], estimator="synthetic_did")
    found = joint_tests([*pairs, (lacking, None), (synthetic, named)])
    assert list(found.p_values) == ["y1", "y2"]
    assert all(0 < p <= 1 for p in found.p_values.values())
    assert found.left_out == {
        "none": "no estimate was made",
        "placebos": "its inference is placebos, not permuted paths",
    }
    assert f"{found.draws:,} joint permutations" in found.sentence
    rows = pd.DataFrame(
        {
            "title": ["A", "B"],
            "romano_wolf_p_value": [0.1, np.nan],
            "romano_wolf_method": [found.sentence, found.left_out["none"]],
        }
    )
    assert family_notes(rows) == (
        found.sentence, "B has no p-value by Romano and Wolf: no estimate was made."
    )  # fmt: skip


def _counties_of_states(sizes: tuple[int, ...], treated: tuple[int, ...]) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = [
        (f"{state}-{county}", state, year, 2003 if state in treated else np.nan)
        for state, size in enumerate(sizes)
        for county in range(size)
        for year in range(2000, 2006)
    ]
    frame = pd.DataFrame(rows, columns=["county", "state", "year", "first"])
    shock = rng.normal(size=(len(sizes), 6))[frame["state"], frame["year"] - 2000]
    frame["rate"] = shock + rng.normal(size=len(frame)) + (frame["year"] >= frame["first"])
    return frame


def test_clusters_that_hold_all_units_exchange_paths_as_wholes() -> None:
    """Placing them one by one was accepted once in 10^8 tries; every assignment is listed here."""
    sizes, treated = (3, 4, 2, 5, 3), (1, 4)
    columns = {"outcome": "rate", "unit": "county", "time": "year", "cluster": "state"}

    def statistic(chosen: tuple[int, ...]) -> float:
        frame = _counties_of_states(sizes, treated)
        frame["first"] = np.where(frame["state"].isin(chosen), 2003, np.nan)
        found = ev.fit("twfe", frame, cohort="first", **columns)
        return abs(float(found.point[0] / found.std_error[0]))

    every = np.array([statistic(chosen) for chosen in combinations(range(5), 2)])
    exact = float((every >= statistic(treated) * (1 - 1e-9)).mean())
    fitted = ev.fit("twfe", _counties_of_states(sizes, treated), cohort="first", **columns)
    found = ev.infer(fitted, "permutation", draws=1_999)
    assert "as many clusters, not units" in found.interval_method
    assert found.p_value[0] == pytest.approx(exact, abs=0.035)  # three errors of 1,999 draws
    many = ev.fit(
        "twfe", _counties_of_states((3,) * 20, tuple(range(8))), cohort="first", **columns
    )
    assert 0 < ev.infer(many, "permutation", draws=199).p_value[0] < 1


def test_a_lost_jackknife_says_why() -> None:
    columns = {"outcome": "rate", "unit": "county", "time": "year", "cluster": "state"}
    alone = ev.fit("twfe", _counties_of_states((3,) * 6, (2,)), cohort="first", **columns)
    found = ev.infer(alone, "cr3")
    assert np.isnan(found.std_error[0]) and "the only treated one" in found.se_method


def test_what_is_no_estimate_or_stratum_is_refused(frame) -> None:
    with pytest.raises(EstimationError, match="a str is none"):
        ev.infer("twfe", "cr1")
    fitted = ev.fit("twfe", frame, cohort="first", **COLUMNS)
    with pytest.raises(EstimationError, match="a str is none"):
        ev.infer(fitted, "cr1", design="performance")
    with pytest.raises(EstimationError, match="a list does not say"):
        ev.infer(fitted, "permutation", draws=99, strata=[1, 2])
    plain, numpys = (ev.infer(fitted, "permutation", draws=n, seed=n) for n in (99, np.int64(99)))
    assert plain.p_value[0] == numpys.p_value[0]
