"""Ordered grades: likelihood, covariances, terms, what is refused, what may not matter."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from evallib.errors import (
    EstimationError,
    EvallibWarning,
    FewClustersWarning,
    ThinDesignWarning,
)
from evallib.estimate import Estimate, fit
from evallib.estimate.ordered_likelihood import log_mass, mass_derivatives, prepare_ordered
from evallib.estimate.ordered_random import unit_scores

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
COLUMNS = {"outcome": "grade", "unit": "council", "time": "year"}
FEWER = settings(max_examples=settings.default.max_examples // 2)


def make_grades(
    seed: int = 1, units: int = 60, years: int = 4, effect: float = 0.7, own: float = 0.6
) -> pd.DataFrame:
    """Return graded councils: a covariate that goes with a council's own level, and exposure."""
    rng = np.random.default_rng(seed)
    council = np.repeat(np.arange(units), years)
    year = np.tile(np.arange(2012, 2012 + years), units)
    level = rng.normal(size=units)[council]
    share = rng.normal(size=units * years) + level
    start = np.where(np.arange(units) % 3 == 0, 2012 + years // 2, np.nan)[council]
    is_exposed = (year >= start).astype(int)
    latent = 0.8 * share + effect * is_exposed + own * level + rng.logistic(size=council.size)
    grade = 1 + (latent > -1.5) + (latent > 0.3) + (latent > 2.2)
    return pd.DataFrame(
        {
            "council": council,
            "year": year,
            "share": share,
            "first": start,
            "is_exposed": is_exposed,
            "grade": grade,
        }
    )


def fit_ordered(frame: pd.DataFrame, **options: object) -> Estimate:
    given = {"covariates": ["share"], **COLUMNS, **options}
    return fit("ordered_logit", frame, **given)


def fit_good(frame: pd.DataFrame, **options: object) -> Estimate:
    given = {"covariates": ["share"], **COLUMNS, **options}
    return fit("good_or_better", frame, **given)


def row_log_likelihoods(
    parameters: np.ndarray, grade: np.ndarray, x: np.ndarray, distr: str
) -> np.ndarray:
    """Return each row's log likelihood, written out: slopes first, then thresholds."""
    curve = stats.logistic.cdf if distr == "logit" else stats.norm.cdf
    k = x.shape[1]
    ends = np.concatenate([[-np.inf], parameters[k:], [np.inf]])
    index = x @ parameters[:k]
    return np.log(curve(ends[grade] - index) - curve(ends[grade - 1] - index))


@pytest.mark.parametrize("distr", ["logit", "probit"])
def test_the_likelihood_of_statsmodels_is_largest_at_our_figures(distr: str) -> None:
    frame = make_grades()
    found = fit_ordered(frame, treatment="is_exposed", mundlak=False, distr=distr, vcov="iid")
    model = OrderedModel(frame["grade"], frame[["is_exposed", "share"]], distr=distr)
    slopes, cuts = found.point[:2], found.point[2:]
    theirs = np.concatenate([slopes, cuts[:1], np.log(np.diff(cuts))])
    assert found.terms == ("att", "share", "1|2", "2|3", "3|4")
    assert model.loglike(theirs) == pytest.approx(found.details["loglik"], abs=1e-10)
    gradient = optimize.approx_fprime(theirs, model.loglike, 1e-6)
    assert np.abs(gradient).max() < 1e-3  # of differences of 1e-6 in a curve of size 300
    fitted = model.fit(method="newton", start_params=theirs, disp=0)
    assert fitted.bse.iloc[:2].to_numpy() == pytest.approx(found.std_error[:2], rel=1e-5)
    assert found.df is None


@pytest.mark.parametrize("rule", ["stata", "none"])
@pytest.mark.parametrize("distr", ["logit", "probit"])
def test_clustered_covariances_are_those_of_summed_scores(distr: str, rule: str) -> None:
    frame = make_grades(units=30)
    found = fit_ordered(
        frame, cohort="first", mundlak=False, distr=distr, cluster="council", small_sample=rule
    )
    x = frame[["is_exposed", "share"]].to_numpy(dtype=float)
    grade = frame["grade"].to_numpy()

    def rows(parameters: np.ndarray) -> np.ndarray:
        return row_log_likelihoods(parameters, grade, x, distr)

    step = 1e-5
    each = np.eye(found.point.size) * step
    slopes = np.array(
        [(rows(found.point + e) - rows(found.point - e)) / (2 * step) for e in each]
    ).T
    summed = np.array(
        [slopes[frame["council"] == one].sum(axis=0) for one in frame["council"].unique()]
    )

    def gradient(parameters: np.ndarray) -> np.ndarray:
        return np.array(
            [(rows(parameters + e).sum() - rows(parameters - e).sum()) / (2 * step) for e in each]
        )

    information = -np.array(
        [(gradient(found.point + e) - gradient(found.point - e)) / (2 * step) for e in each]
    )
    bread = np.linalg.inv(information)
    factor = 30 / 29 if rule == "stata" else 1.0
    expected = factor * bread @ summed.T @ summed @ bread
    assert found.covariance == pytest.approx(expected, rel=2e-4, abs=1e-7)
    assert found.df == 29
    assert found.scores is not None
    assert factor * found.scores.T @ found.scores == pytest.approx(found.covariance)


def test_a_weight_is_a_number_of_rows() -> None:
    frame = make_grades(units=25).assign(count=lambda f: 1 + f.index % 3)
    many = frame.loc[frame.index.repeat(frame["count"])].reset_index(drop=True)
    many["year"] = many.groupby("council").cumcount()
    for options in ({"vcov": "iid"}, {}):
        one = fit_ordered(frame, weights="count", treatment="is_exposed", **options)
        other = fit_ordered(many, treatment="is_exposed", **options)
        assert one.terms == other.terms
        assert one.point == pytest.approx(other.point, abs=1e-9)
        assert one.std_error == pytest.approx(other.std_error, abs=1e-9)
        assert one.details["weight_total"] == other.n_obs


def test_units_means_are_added_where_they_say_something() -> None:
    frame = make_grades().assign(fixed=lambda f: (f["council"] % 5).astype(float))
    found = fit_ordered(frame, covariates=["share", "fixed"], treatment="is_exposed")
    assert found.terms[:5] == ("att", "share", "fixed", "att_mean", "share_mean")
    assert "given the covariates and the units' means" in found.estimand
    by_hand = frame.assign(
        a=frame.groupby("council")["is_exposed"].transform("mean"),
        m=frame.groupby("council")["share"].transform("mean"),
    )
    other = fit_ordered(
        by_hand, covariates=["share", "fixed", "a", "m"], treatment="is_exposed", mundlak=False
    )
    assert found.point == pytest.approx(other.point, abs=1e-9)
    one_row = frame[frame["year"] == 2015]
    assert fit_ordered(one_row, treatment="is_exposed").terms[:3] == ("att", "share", "1|2")
    balanced = frame.assign(share=(frame["year"] % 2).astype(float))
    assert fit_ordered(balanced).terms[:2] == ("share", "1|2")


def test_units_means_take_out_what_councils_bring() -> None:
    frame = make_grades(seed=5, units=400, own=1.5)
    within = fit_ordered(frame, treatment="is_exposed")
    across = fit_ordered(frame, treatment="is_exposed", mundlak=False)
    place = within.index("share")
    # Truth: 0.8 times the attenuation by what is left of the council's level, at most 1.
    assert across.point[place] > 0.9 > within.point[place] > 0.5


def test_frameworks_have_thresholds_of_their_own() -> None:
    frame = make_grades(units=80).assign(
        framework=lambda f: np.where(f["year"] < 2014, "old", "new")
    )
    split = frame.assign(
        old=frame["share"] * (frame["framework"] == "old"),
        new=frame["share"] * (frame["framework"] == "new"),
    )
    both = fit_ordered(
        split, covariates=["new", "old"], framework="framework", mundlak=False, vcov="iid"
    )
    assert both.terms[2:] == tuple(
        f"{f}: {t}" for f in ("new", "old") for t in ("1|2", "2|3", "3|4")
    )
    for at, name in enumerate(("new", "old")):
        alone = fit_ordered(frame[frame["framework"] == name], mundlak=False, vcov="iid")
        mine = [at, *range(2 + 3 * at, 5 + 3 * at)]
        assert both.point[mine] == pytest.approx(alone.point, abs=1e-9)
        assert both.std_error[mine] == pytest.approx(alone.std_error, abs=1e-9)


def test_no_grade_is_compared_across_frameworks_in_silence() -> None:
    frame = make_grades().assign(framework=lambda f: np.where(f["year"] < 2014, "old", "new"))
    for name in ("ordered_logit", "good_or_better"):
        with pytest.raises(EstimationError, match="come from 2 frameworks: new, old"):
            fit(name, frame, **COLUMNS, covariates=["share"])
    # Units' means are those of a framework: a covariate that changes between them only has none.
    frame["late"] = (frame["year"] >= 2014) * frame["share"].groupby(frame["council"]).transform(
        "first"
    )
    found = fit_ordered(frame, covariates=["late"], framework="framework")
    assert found.terms[:2] == ("late", "new: 1|2")
    with pytest.raises(EstimationError, match="is no change of its grade"):
        fit_good(frame, framework="framework", fixed_effects="two_way")


def test_a_framework_of_one_grade_is_left_out() -> None:
    frame = make_grades().assign(framework=lambda f: np.where(f["year"] < 2013, "old", "new"))
    frame.loc[frame["framework"] == "old", "grade"] = 2
    with pytest.warns(EvallibWarning, match="60 rows of 'old' are left out"):
        found = fit_ordered(frame, framework="framework")
    assert found.n_obs == 180
    assert found.terms[-3:] == ("1|2", "2|3", "3|4")


def test_period_effects_are_indicators_that_are_not_shown() -> None:
    frame = make_grades()
    found = fit_ordered(frame, treatment="is_exposed", fixed_effects="period")
    dummies = {f"y{year}": (frame["year"] == year) * 1.0 for year in (2013, 2014, 2015)}
    by_hand = fit_ordered(
        frame.assign(**dummies), treatment="is_exposed", covariates=["share", *dummies]
    )
    assert found.terms == ("att", "share", "att_mean", "share_mean", "1|2", "2|3", "3|4")
    same = [by_hand.index(term) for term in found.terms]
    assert found.point == pytest.approx(by_hand.point[same], abs=1e-9)
    assert found.std_error == pytest.approx(by_hand.std_error[same], abs=1e-9)


def test_the_effect_on_good_grades_is_a_mean_of_differences() -> None:
    frame = make_grades()
    found = fit_ordered(frame, treatment="is_exposed", mundlak=False)
    shares = found.details["good_or_better"]
    assert shares.grade == "3"
    assert "percentage points" in shares._repr_html_()

    def effects(parameters: np.ndarray) -> np.ndarray:
        slope = parameters[1] * frame["share"].to_numpy()

        def good(exposed: float, more: float = 0.0) -> np.ndarray:
            index = parameters[0] * exposed + slope + more
            return 1 - stats.logistic.cdf(parameters[3] - index)

        step = 1e-6
        now = frame["is_exposed"].to_numpy()
        one = (good(1.0) - good(0.0)).mean()
        per = (good(now, parameters[1] * step) - good(now, -parameters[1] * step)).mean() / (
            2 * step
        )
        return 100 * np.array([one, per])

    assert shares.frame["estimate"].to_numpy() == pytest.approx(effects(found.point), abs=1e-6)
    step = 1e-5
    jacobian = np.array(
        [
            (effects(found.point + e) - effects(found.point - e)) / (2 * step)
            for e in np.eye(5) * step
        ]
    )
    variance = np.diag(jacobian.T @ found.covariance @ jacobian)
    assert shares.frame["std_error"].to_numpy() == pytest.approx(np.sqrt(variance), rel=1e-4)


def test_categories_are_in_the_order_that_they_say() -> None:
    frame = make_grades()
    words = {1: "Inadequate", 2: "Requires", 3: "Good", 4: "Outstanding"}
    named = frame.assign(
        grade=pd.Categorical(frame["grade"].map(words), categories=[*words.values()], ordered=True)
    )
    plain, found = fit_ordered(frame), fit_ordered(named)
    assert found.terms[-3:] == ("Inadequate|Requires", "Requires|Good", "Good|Outstanding")
    assert (found.point == plain.point).all()
    assert found.details["good_or_better"].grade == "Good"
    shifted = fit_ordered(frame.assign(grade=frame["grade"] + 10), good=13)
    assert (shifted.point == plain.point).all()


def test_a_grade_that_nobody_has_makes_no_threshold() -> None:
    frame = make_grades()
    for gap in (
        frame.assign(grade=frame["grade"].replace({2: 1})),
        frame.assign(grade=frame["grade"].replace({3: 4})),
    ):
        with pytest.warns(EvallibWarning, match="nothing is said of how likely it is"):
            found = fit_ordered(gap)
        assert len(found.terms) == 4
    assert found.terms[-2:] == ("1|2", "2|4")


def bad(**columns: object) -> pd.DataFrame:
    return make_grades().assign(**columns)


REFUSED = {
    "text": (lambda: bad(grade="Good"), {}, "grades are text.*Categorical"),
    "no order": (lambda: bad(grade=pd.Categorical(["a", "b"] * 120)), {}, "no order"),
    "fractions": (lambda: bad(grade=lambda f: f["grade"] + 0.5), {}, "not whole numbers"),
    "infinite": (lambda: bad(grade=np.inf), {}, "infinite"),
    "no grades": (lambda: bad(grade=lambda f: f.index * 7), {}, "these are no grades"),
    "all missing": (lambda: bad(grade=np.nan), {}, "no row has an outcome"),
    "one grade": (lambda: bad(grade=3), {}, "every value is the same"),
    "weights of zero": (lambda: bad(w=0.0), {"weights": "w"}, "zero or below"),
    "weights and counts": (lambda: bad(w=0.5), {"weights": "w", "vcov": "iid"}, "whole numbers"),
    "two clusters": (lambda: bad(g=lambda f: f["council"] % 2), {"cluster": "g"}, "2 clusters"),
    "collinear": (
        lambda: bad(twice=lambda f: 2 * f["share"] + 1),
        {"covariates": ["share", "twice"]},
        "the other terms determine twice",
    ),
    "constant": (lambda: bad(one=1.0), {"covariates": ["one"]}, "the other terms determine one"),
    "nobody exposed": (lambda: bad(d=0), {"treatment": "d"}, "no row is exposed"),
    "everybody exposed": (lambda: bad(d=1), {"treatment": "d"}, "every row is exposed"),
    "missing column": (lambda: bad(), {"framework": "frame"}, "no such column"),
    "good": (lambda: bad(), {"good": 7}, "7 is none of the grades"),
    "hc1": (lambda: bad(), {"vcov": "hc1"}, "not allowed"),
    "fixest": (lambda: bad(), {"small_sample": "fixest"}, "not allowed"),
    "two ways": (lambda: bad(), {"cluster": ["council", "year"]}, "Name one column"),
    "unit effects": (lambda: bad(), {"fixed_effects": "two_way"}, "Use none or period"),
    "mundlak": (lambda: bad(), {"mundlak": 1}, "not true or false"),
    "idle cluster": (lambda: bad(), {"vcov": "iid", "cluster": "council"}, "no meaning"),
    "misspelt": (lambda: bad(), {"distrib": "logit"}, "Did you mean 'distr'"),
    "nothing named": (lambda: bad(), {"covariates": []}, "neither is given"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_estimated_is_refused_in_words(case: str) -> None:
    make, options, words = REFUSED[case]
    frame = make()
    before = frame.copy(deep=True)
    with pytest.raises(EstimationError, match=words):
        fit_ordered(frame, **options)
    pd.testing.assert_frame_equal(frame, before)


def test_faults_of_grades_and_of_other_columns_come_together() -> None:
    frame = make_grades().assign(grade="Good", share="much")
    with pytest.raises(EstimationError) as error:
        fit_ordered(frame)
    assert len(error.value.faults) == 2


SEPARATED = {
    "all grades by the covariate": lambda f: f.assign(share=f["grade"] + 0.0),
    "the lowest grade alone": lambda f: f.assign(share=(f["grade"] > 1) * 1.0 + 0.0 * f["share"]),
    "but for ties": lambda f: f.assign(share=f["grade"].clip(2, 3) + 0.0),
    "the top grade, by one row": lambda f: f.assign(
        grade=f["grade"].clip(upper=3).where(f.index != 17, 4), share=(f.index == 17) * 1.0
    ),
}


@pytest.mark.parametrize("distr", ["logit", "probit"])
@pytest.mark.parametrize("case", SEPARATED)
def test_terms_that_separate_grades_are_named(case: str, distr: str) -> None:
    frame = SEPARATED[case](make_grades())
    with pytest.raises(EstimationError, match="share tell some grades apart perfectly"):
        fit_ordered(frame, mundlak=False, distr=distr)
    with pytest.raises(EstimationError, match="share tell some grades apart perfectly"):
        fit_ordered(frame.assign(share=1e3 + 1e-3 * frame["share"]), mundlak=False, distr=distr)


def test_exposed_rows_that_are_all_at_the_top_separate() -> None:
    frame = make_grades()
    frame.loc[frame["is_exposed"] == 1, "grade"] = 4
    with pytest.raises(EstimationError, match="att tell some grades apart perfectly"):
        fit_ordered(frame, treatment="is_exposed", mundlak=False)


def test_a_steep_slope_is_no_separation() -> None:
    rng = np.random.default_rng(3)
    frame = make_grades(units=500)
    latent = 12 * frame["share"] + rng.logistic(size=len(frame))
    frame["grade"] = 1 + (latent > -10) + (latent > 5) + (latent > 20)
    found = fit_ordered(frame, mundlak=False)
    assert found.point[0] == pytest.approx(12, abs=3 * found.std_error[0])
    assert found.std_error[0] < 1


def test_few_clusters_and_thin_exposure_warn() -> None:
    frame = make_grades(units=9, years=12)
    with pytest.warns(FewClustersWarning, match="9 clusters"):
        found = fit_ordered(frame)
    assert any("9 clusters" in text for text in found.warnings)
    with pytest.warns(ThinDesignWarning, match="clusters with and .* without exposure"):
        fit_ordered(make_grades(units=30), cohort="first")


@pytest.mark.parametrize("distr", ["logit", "probit"])
def test_masses_are_exact_far_out(distr: str) -> None:
    curve = stats.logistic if distr == "logit" else stats.norm
    upper = np.array([np.inf, 1.0, -30.0, 36.0, 0.5])
    lower = np.array([30.0, -np.inf, -31.0, 35.0, 0.5 - 1e-9])
    expected = [
        curve.logsf(30.0),
        curve.logcdf(1.0),
        curve.logcdf(-30.0) + np.log1p(-np.exp(curve.logcdf(-31.0) - curve.logcdf(-30.0))),
        curve.logsf(35.0) + np.log1p(-np.exp(curve.logsf(36.0) - curve.logsf(35.0))),
        curve.logpdf(0.5) + np.log(1e-9),
    ]
    assert log_mass(upper, lower, distr) == pytest.approx(expected, rel=1e-6)
    ends = np.linspace(-3, 3, 13)
    values = mass_derivatives(ends + 0.7, ends, distr)
    step = 1e-6
    for place, (up, down) in enumerate([(step, 0.0), (0.0, step)]):
        more = np.exp(log_mass(ends + 0.7 + up, ends + down, distr))
        less = np.exp(log_mass(ends + 0.7 - up, ends - down, distr))
        density = (more - less) / (2 * step) / np.exp(log_mass(ends + 0.7, ends, distr))
        assert values[2 * place] == pytest.approx(density * (1, -1)[place], rel=1e-6)


# --- random intercepts --------------------------------------------------------------------------


@pytest.mark.parametrize("distr", ["logit", "probit"])
def test_random_intercepts_are_integrated_out(distr: str) -> None:
    frame = make_grades(units=100, years=6, own=2.5).sample(frac=0.8, random_state=2)
    found = fit_ordered(frame, distr=distr, vcov="iid", random_intercept=True)
    assert found.terms == ("share", "share_mean", "1|2", "2|3", "3|4", "unit_sd")
    mean = frame.groupby("council")["share"].transform("mean")
    x = np.column_stack([frame["share"], mean])
    grade = frame["grade"].to_numpy()

    curve = stats.logistic.cdf if distr == "logit" else stats.norm.cdf
    node, share = np.polynomial.hermite_e.hermegauss(120)  # around zero, not around modes

    def log_likelihood(parameters: np.ndarray) -> float:
        ends = np.concatenate([[-np.inf], parameters[2:-1], [np.inf]])
        index = (x @ parameters[:2])[:, None] + parameters[-1] * node
        mass = curve(ends[grade][:, None] - index) - curve(ends[grade - 1][:, None] - index)
        with np.errstate(divide="ignore"):
            rows = np.log(mass)
        councils = pd.DataFrame(rows).groupby(frame["council"].to_numpy()).sum().to_numpy()
        return float(np.log(np.exp(councils) @ share / np.sqrt(2 * np.pi)).sum())

    assert found.details["loglik"] == pytest.approx(log_likelihood(found.point), abs=1e-4)
    gradient = optimize.approx_fprime(found.point, log_likelihood, 1e-5)
    assert np.abs(gradient).max() < 2e-3  # of ten points in the place of 120, and differences
    assert np.isnan(found.p_value[-1])
    assert 0 < found.conf_low[-1] < found.point[-1] < found.conf_high[-1]


def spread_out() -> pd.DataFrame:
    """Return graded councils with intercepts of a standard deviation of 1.5."""
    rng = np.random.default_rng(80)
    frame = make_grades(seed=8, units=300, years=6)
    level = rng.normal(size=300)[frame["council"]]
    latent = 0.8 * frame["share"] + 1.5 * level + rng.logistic(size=len(frame))
    return frame.assign(grade=1 + (latent > -1.5) + (latent > 0.3) + (latent > 2.2))


def test_each_units_likelihood_is_its_integral() -> None:
    """With these figures Newton's plain steps to some modes swing between two far points."""
    frame = spread_out()
    grade, share = frame["grade"].to_numpy(), frame["share"].to_numpy()
    one = np.ones(len(frame))
    problem = prepare_ordered(grade, 0 * grade, one, "logit")
    at = np.array([-1.5, 0.3, 2.2, 0.8, np.log(1.64)])
    unit = frame["council"].to_numpy()
    found, scores = unit_scores(problem, share[:, None], unit, at, points=30)
    node, mass = np.polynomial.hermite_e.hermegauss(120)
    ends = np.concatenate([[-np.inf], at[:3], [np.inf]])
    index = (at[3] * share)[:, None] + 1.64 * node
    upper, lower = ends[grade][:, None] - index, ends[grade - 1][:, None] - index
    with np.errstate(divide="ignore"):
        rows = np.log(stats.logistic.cdf(upper) - stats.logistic.cdf(lower))
    sums = np.array([np.bincount(unit, line) for line in rows.T])
    expected = np.log(mass @ np.exp(sums) / np.sqrt(2 * np.pi))
    assert found == pytest.approx(expected, abs=1e-6)
    step = 1e-5
    for place, line in enumerate(np.eye(5) * step):
        more = unit_scores(problem, share[:, None], unit, at + line, points=30)[0]
        less = unit_scores(problem, share[:, None], unit, at - line, points=30)[0]
        assert scores[:, place] == pytest.approx((more - less) / (2 * step), abs=1e-5)


def test_a_spread_of_zero_gives_the_figures_without_it() -> None:
    frame = make_grades().assign(grade=lambda f: 1 + (f["council"] + f["year"]) % 4)
    with pytest.warns(EvallibWarning, match="have no spread"):
        found = fit_ordered(frame, random_intercept=True, mundlak=False)
    plain = fit_ordered(frame, mundlak=False)
    assert found.point[-1] == 0
    assert np.isnan(found.std_error[-1])
    assert (found.point[:-1] == plain.point).all()
    assert found.std_error[:-1] == pytest.approx(plain.std_error)


def test_random_intercepts_find_their_spread() -> None:
    frame = spread_out()
    for vcov in ("iid", "cluster"):
        found = fit_ordered(frame, random_intercept=True, mundlak=False, vcov=vcov)
        for term, truth in {"share": 0.8, "1|2": -1.5, "3|4": 2.2, "unit_sd": 1.5}.items():
            place = found.index(term)
            assert abs(found.point[place] - truth) < 3.5 * found.std_error[place]
            assert found.std_error[place] < 0.2
    assert found.df == 299
    many = frame.assign(pair=frame["council"] // 2)
    assert fit_ordered(many, random_intercept=True, cluster="pair").n_clusters == 150
    assert "random intercepts of units" in found.estimand


def test_random_intercepts_need_second_rows_and_whole_units() -> None:
    frame = make_grades()
    with pytest.raises(EstimationError, match="every unit has one row"):
        fit_ordered(frame[frame["year"] == 2013], random_intercept=True)
    with pytest.raises(EstimationError, match="clusters cut through units"):
        fit_ordered(frame, random_intercept=True, cluster="year")


def test_intervals_cover(share_of_long_cases) -> None:
    seeds = share_of_long_cases(range(500))
    covered = 0
    for seed in seeds:
        frame = make_grades(seed=seed, units=200, own=0.0)
        found = fit_ordered(frame, cohort="first", mundlak=False)
        covered += found.conf_low[0] <= 0.7 <= found.conf_high[0]
    low, high = stats.binom.ppf([0.005, 0.995], len(seeds), 0.95)
    assert low <= covered <= high


# --- good_or_better -----------------------------------------------------------------------------


def test_unit_effects_are_those_of_twfe() -> None:
    frame = make_grades().assign(good=lambda f: 100.0 * (f["grade"] >= 3))
    found = fit_good(frame, cohort="first", fixed_effects="two_way")
    plain = fit(
        "twfe", frame, **COLUMNS | {"outcome": "good"}, cohort="first", covariates=["share"]
    )
    assert (found.point == plain.point).all()
    assert (found.std_error == plain.std_error).all()
    assert (found.estimator, found.unit) == ("good_or_better", "percentage points")
    by_means = fit_good(frame, cohort="first")
    assert by_means.point[:2] == pytest.approx(plain.point, abs=1e-9)
    assert by_means.terms == ("att", "share", "att_mean", "share_mean")


def test_period_effects_are_those_of_statsmodels() -> None:
    import statsmodels.formula.api as smf

    frame = make_grades(units=50)
    frame = frame.sample(frac=0.6, random_state=1).assign(good=lambda f: 100.0 * (f["grade"] >= 3))
    found = fit_good(frame, treatment="is_exposed", mundlak=False)
    model = smf.ols("good ~ is_exposed + share + C(year)", frame)
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": frame["council"]}, use_t=True)
    names = ["is_exposed", "share"]
    assert found.point == pytest.approx(theirs.params[names].to_numpy(), abs=1e-9)
    assert found.std_error == pytest.approx(theirs.bse[names].to_numpy(), abs=1e-9)


def test_frameworks_have_period_effects_of_their_own() -> None:
    frame = make_grades().assign(framework=lambda f: np.where(f["council"] % 2, "old", "new"))
    found = fit_good(frame, framework="framework", mundlak=False)
    cells = frame["framework"] + frame["year"].astype(str)
    dummies = {f"c{k}": (cells == cell) * 1.0 for k, cell in enumerate(sorted(set(cells)))}
    by_hand = fit(
        "pooled",
        frame.assign(good=100.0 * (frame["grade"] >= 3), **dummies),
        **COLUMNS | {"outcome": "good"},
        covariates=["share", *list(dummies)[1:]],
    )
    assert found.point[0] == pytest.approx(by_hand.point[0], abs=1e-9)
    assert found.std_error[0] == pytest.approx(by_hand.std_error[0], abs=1e-9)


def test_shares_out_of_bounds_are_counted() -> None:
    frame = make_grades().assign(share=lambda f: f["share"] ** 3)
    with pytest.warns(EvallibWarning, match=r"\d+ of 240 fitted shares lie below 0 or above 100"):
        fit_good(frame)
    inside = make_grades().assign(share=lambda f: (f.index % 5 < 2) * 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", EvallibWarning)
        fit_good(inside)


def test_councils_with_one_inspection_count() -> None:
    frame = make_grades().drop_duplicates("council", keep="last")
    found = fit_good(frame, treatment="is_exposed")
    assert found.terms == ("att", "share")
    assert found.n_obs == found.n_units == 60


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"grade": lambda f: f["grade"].clip(upper=2)}, {}, "no grade is named 'Good' or 3"),
        ({"grade": lambda f: f["grade"].clip(lower=3)}, {}, "every grade is at or above '3'"),
        ({}, {"good": 1}, "every grade is at or above '1'"),
        (
            {"grade": lambda f: 2 + f["council"] % 2},
            {"fixed_effects": "two_way"},
            "no unit changes",
        ),
        ({}, {"fixed_effects": "none"}, "Use period or two_way"),
        ({}, {"fixed_effects": "two_way", "mundlak": True}, "take the place of the units' means"),
        ({"grade": "Good"}, {}, "grades are text"),
    ],
)
def test_good_or_better_refuses_in_words(change, options, words) -> None:
    with pytest.raises(EstimationError, match=words):
        fit_good(make_grades().assign(**change), **options)


# --- what may not change an estimate ------------------------------------------------------------

PANELS = st.builds(
    make_grades,
    seed=st.integers(0, 10_000),
    units=st.integers(20, 50),
    years=st.integers(1, 5),
    effect=st.sampled_from([-1.0, 0.0, 2.0]),
)


def attempt(name: str, frame: pd.DataFrame, **options: object) -> Estimate | str:
    """Return the estimate, or the message of the refusal."""
    given = {"covariates": ["share"], "treatment": "is_exposed", **COLUMNS, **options}
    try:
        return fit(name, frame, **given)
    except EstimationError as error:
        return str(error)


def assert_same(one: Estimate | str, two: Estimate | str, scale: float = 1.0) -> None:
    """Compare two answers; ``scale`` is that of the covariate in the second."""
    if isinstance(one, str) or isinstance(two, str):
        assert one == two
        return
    assert one.terms == two.terms
    factor = np.array([scale if "share" in term else 1.0 for term in one.terms])
    for field in ("point", "std_error", "conf_low", "conf_high"):
        ours, theirs = getattr(one, field), getattr(two, field) * factor
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-7, nan_ok=True)


@pytest.mark.parametrize("name", ["ordered_logit", "good_or_better"])
@FEWER
@given(frame=PANELS, seed=st.integers(0, 99), by_period=st.booleans())
def test_what_is_only_presentation_changes_nothing(name, frame, seed, by_period) -> None:
    options = {"fixed_effects": "period"} if by_period else {}
    before = frame.copy(deep=True)
    plain = attempt(name, frame, **options)
    pd.testing.assert_frame_equal(frame, before)
    again = attempt(name, frame, **options)
    if isinstance(plain, Estimate) and isinstance(again, Estimate):
        assert (plain.point == again.point).all()
        assert np.array_equal(plain.covariance, again.covariance)
    rng = np.random.default_rng(seed)
    assert_same(plain, attempt(name, frame.sample(frac=1, random_state=rng), **options))
    assert_same(plain, attempt(name, frame.assign(unused=np.nan, other="text"), **options))
    names = {old: f"{rng.integers(1e9)}{old}" for old in frame["council"].unique()}
    assert_same(plain, attempt(name, frame.assign(council=frame["council"].map(names)), **options))
    assert_same(plain, attempt(name, frame.assign(year=frame["year"] - 1000), **options))
    assert_same(plain, attempt(name, frame.assign(share=frame["share"] * 1e4), **options), 1e4)


@pytest.mark.parametrize("name", ["ordered_logit", "good_or_better"])
@FEWER
@given(
    seed=st.integers(0, 10_000),
    units=st.integers(1, 12),
    years=st.integers(1, 4),
    grades=st.integers(1, 5),
    missing=st.sampled_from([0.0, 0.3]),
)
def test_an_odd_panel_has_an_answer_or_a_reason(name, seed, units, years, grades, missing) -> None:
    rng = np.random.default_rng(seed)
    frame = make_grades(seed, units, years)
    frame["grade"] = rng.integers(1, grades + 1, len(frame)).astype(float)
    frame.loc[rng.random(len(frame)) < missing, "grade"] = np.nan
    frame["share"] = rng.integers(0, 2, len(frame))
    found = attempt(name, frame)
    if isinstance(found, str):
        assert len(found) > 20
        return
    assert np.isfinite(found.point).all()
    assert np.abs(found.point).max() < 1e3
    assert not (found.std_error < 1e-7).any()
