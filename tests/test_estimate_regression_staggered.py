"""Regressions for staggered exposure, held to diff-diff, to group_time and to their definitions.

R's figures for event_study and sun_abraham are in test_parity.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel

from evallib.errors import (
    AlreadyTreatedWarning,
    EmptyCellWarning,
    EstimationError,
    EvallibWarning,
    UnbalancedPanelWarning,
)
from evallib.estimate import fit

pytestmark = pytest.mark.filterwarnings(
    "ignore::evallib.errors.EvallibWarning", "ignore::UserWarning", "ignore::FutureWarning"
)
NAMES = ("sun_abraham", "etwfe", "stacked", "lp_did", "imputation", "two_stage")
COHORTS = (2013, 2015, 2016, np.nan)
THEIRS = {"outcome": "rate", "unit": "code", "time": "year"}


def staggered(**options):
    frame = make_panel(**{"seed": 3, "cohorts": COHORTS, **options})
    frame["code"] = frame["council"].str[1:].astype(int)
    frame["start"] = frame["first"].fillna(0).astype(int)
    return frame


def table(found):
    return found.tidy().set_index("term")


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_etwfe_is_diff_diffs(missing, comparison):
    from diff_diff import WooldridgeDiD

    frame = staggered(missing=missing)
    theirs = WooldridgeDiD(control_group=comparison).fit(frame, **THEIRS, first_treat="start")
    found = fit("etwfe", frame, **COLUMNS, cohort="first", comparison=comparison)
    assert found.point[0] == pytest.approx(theirs.overall_att, abs=1e-9)
    assert found.std_error[0] == pytest.approx(theirs.overall_se, abs=1e-9)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_sun_abraham_is_diff_diffs(missing):
    from diff_diff import SunAbraham

    frame = staggered(missing=missing)
    theirs = SunAbraham().fit(frame, **THEIRS, first_treat="start")
    found = fit("sun_abraham", frame, **COLUMNS, cohort="first")
    assert found.point[0] == pytest.approx(theirs.overall_att, abs=1e-9)
    assert found.std_error[0] == pytest.approx(theirs.overall_se, abs=1e-9)


@pytest.mark.parametrize("name", ["etwfe", "sun_abraham"])
def test_cells_against_never_treated_are_those_of_group_time(name):
    frame = staggered()
    found = table(fit(name, frame, **COLUMNS, cohort="first"))
    other = table(fit("group_time", frame, **COLUMNS, cohort="first", base="universal"))
    cells = [term for term in found.index if "," in term]
    assert len(cells) == 3 * 8
    expected = other.loc[cells, "estimate"].to_numpy()
    assert found.loc[cells, "estimate"].to_numpy() == pytest.approx(expected, abs=1e-9)
    sizes = {2013: 15, 2015: 15, 2016: 15}
    for start in sizes:
        own = [c for c in cells if c.startswith(f"group={start}")]
        own = [c for c in own if int(c.rsplit("=")[-1]) >= start]
        assert found.loc[f"group={start}", "estimate"] == pytest.approx(
            found.loc[own, "estimate"].mean(), abs=1e-9
        )
    assert found.loc["event_time=-1", "estimate"] == 0
    assert np.isnan(found.loc["event_time=-1", "std_error"])


def test_weights_and_anticipation_of_etwfe():
    frame = staggered()
    found = fit("etwfe", frame, **COLUMNS, cohort="first", anticipation=1, weights="people")
    other = fit("group_time", frame, **COLUMNS, cohort="first", anticipation=1, weights="people",
                base="universal")  # fmt: skip
    one, two = table(found), table(other)
    cells = [term for term in one.index if "," in term]
    assert one.loc[cells, "estimate"].to_numpy() == pytest.approx(
        two.loc[cells, "estimate"].to_numpy(), abs=1e-9
    )
    assert found.point[0] == pytest.approx(other.aggregate("simple").point[0], abs=1e-9)
    assert found.details["reference"] == -2


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_stacked_is_diff_diffs(comparison):
    """Theirs has one more parameter in K: the exposed units' dummy, which unit effects absorb."""
    from diff_diff import StackedDiD

    frame = staggered()
    theirs = StackedDiD(kappa_pre=3, kappa_post=2, control_group=comparison).fit(
        frame, **THEIRS, first_treat="start", aggregate="event_study"
    )
    found = fit("stacked", frame, **COLUMNS, cohort="first", comparison=comparison)
    rows = table(found)
    factor = ((found.n_obs - 11) / (found.n_obs - 12)) ** 0.5
    assert found.point[0] == pytest.approx(theirs.overall_att, abs=1e-9)
    assert found.std_error[0] * factor == pytest.approx(theirs.overall_se, abs=1e-9)
    for event, effect in theirs.event_study_effects.items():
        row = rows.loc[f"event_time={event}"]
        assert row["estimate"] == pytest.approx(effect["effect"], abs=1e-9)
        if event != -1:
            assert row["std_error"] * factor == pytest.approx(effect["se"], abs=1e-9)
    assert found.n_units == 60 and found.n_treated_units == 45


def test_stacks_are_of_whole_windows():
    frame = staggered()
    frame = frame[~((frame["council"] == "E000") & (frame["year"] == 2012))]
    with pytest.warns(EmptyCellWarning, match="1 cohorts lack their whole window.*2016"):
        found = fit("stacked", frame, **COLUMNS, cohort="first", window=(-3, 3))
    assert found.details["cohorts"] == (2013, 2015)
    with pytest.warns(EmptyCellWarning, match="1 units are left out"):
        found = fit("stacked", frame, **COLUMNS, cohort="first", window=(-1, 2))
    assert found.n_treated_units == 44
    assert found.terms[1:3] == ("event_time=-1", "event_time=0")


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_lp_did_is_diff_diffs(comparison):
    from diff_diff import LPDiD

    frame = staggered()
    group = "clean" if comparison == "not_yet_treated" else comparison
    theirs = LPDiD(pre_window=3, post_window=2, control_group=group).fit(
        frame, **THEIRS, treatment="exposed"
    )
    found = fit("lp_did", frame, **COLUMNS, cohort="first", comparison=comparison)
    rows = table(found)
    pooled = theirs.pooled.set_index("window").loc["post"]
    assert found.point[0] == pytest.approx(pooled["coefficient"], abs=1e-9)
    assert found.std_error[0] == pytest.approx(pooled["se"], abs=1e-9)
    assert found.conf_low[0] == pytest.approx(pooled["conf_low"], abs=1e-9)
    for item in theirs.event_study.itertuples():
        row = rows.loc[f"event_time={item.horizon}"]
        assert row["estimate"] == pytest.approx(item.coefficient, abs=1e-9)
        assert row["std_error"] == pytest.approx(item.se, abs=1e-9, nan_ok=True)
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-12
    bare = fit("lp_did", frame, **COLUMNS, cohort="first", comparison=comparison,
               small_sample="none")  # fmt: skip
    assert (bare.std_error[0] < found.std_error[0]) and bare.point[0] == found.point[0]


@pytest.mark.parametrize("name", ["sun_abraham", "etwfe"])
def test_without_never_treated_the_last_cohort_compares(name):
    frame = staggered(cohorts=(2013, 2015, 2017))
    with pytest.warns(EvallibWarning, match=r"last cohort \(2017, 20 units\)"):
        found = fit(name, frame, **COLUMNS, cohort="first", allow_unbalanced=False)
    early = frame[frame["year"] < 2017].assign(first=frame["first"].where(frame["first"] < 2017))
    same = fit(name, early, **COLUMNS, cohort="first")
    assert found.terms == same.terms and found.n_obs == same.n_obs
    assert found.point == pytest.approx(same.point, abs=1e-12)
    assert found.std_error == pytest.approx(same.std_error, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", ["sun_abraham", "etwfe"])
def test_cohorts_without_a_row_to_compare_with_are_left_out(name):
    frame = staggered()
    gap = (frame["first"] == 2015) & (frame["year"] == 2014)
    with pytest.warns(EmptyCellWarning, match="1 cohorts have no row at event time -1.*2015"):
        found = fit(name, frame[~gap], **COLUMNS, cohort="first")
    assert "group=2015" not in found.terms and found.n_treated_units == 30


@pytest.mark.parametrize("name", NAMES)
def test_bad_staggered_frames_are_refused_in_words(name):
    with pytest.raises(EstimationError, match="no unit is exposed"):
        fit(name, make_panel(cohorts=(np.nan,)), **COLUMNS, cohort="first")
    with pytest.raises(EstimationError, match="exposed at once|comparison|no exposed row can be"):
        fit(name, make_panel(cohorts=(2014,)), **COLUMNS, cohort="first")
    with pytest.raises(EstimationError, match="neither is given"):
        fit(name, make_panel(), **COLUMNS)
    frame = make_panel().assign(half=lambda rows: rows["council"] < "E030")
    with pytest.raises(EstimationError, match="there are 2 clusters"):
        fit(name, frame, **COLUMNS, cohort="first", cluster="half")
    off = make_panel()
    off.loc[off["year"] == 2018, "exposed"] = 0
    with pytest.raises(EstimationError, match="exposure ends again"):
        fit(name, off, **COLUMNS, treatment="exposed")
    with pytest.raises(EstimationError, match="values are infinite"):
        fit(name, frame.assign(rate=np.inf), **COLUMNS, cohort="first")
    early = staggered(cohorts=(2009, 2014, np.nan))
    before = early.copy(deep=True)
    with pytest.warns(AlreadyTreatedWarning, match="20 units are exposed in every row"):
        found = fit(name, early, **COLUMNS, cohort="first")
    assert found.n_treated_units == 20
    pd.testing.assert_frame_equal(early, before)


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("covariates", [[], ["share"]])
@pytest.mark.parametrize("name", ["imputation", "two_stage"])
def test_imputed_effects_are_diff_diffs(name, covariates, missing):
    from diff_diff import ImputationDiD, TwoStageDiD

    kind = ImputationDiD if name == "imputation" else TwoStageDiD
    frame = staggered(missing=missing)
    theirs = kind().fit(frame, **THEIRS, first_treat="start", covariates=covariates or None,
                        aggregate="all")  # fmt: skip
    found = fit(name, frame, **COLUMNS, cohort="first", covariates=covariates)
    rows = table(found)
    assert found.point[0] == pytest.approx(theirs.overall_att, abs=1e-8)
    assert found.std_error[0] == pytest.approx(theirs.overall_se, abs=1e-8)
    assert len(theirs.event_study_effects) == 7 and len(theirs.group_effects) == 3
    for label, effects in (
        ("event_time", theirs.event_study_effects),
        ("group", theirs.group_effects),
    ):
        for key, effect in effects.items():
            if label == "event_time" and key < 0:
                continue
            row = rows.loc[f"{label}={key:g}"]
            assert row["estimate"] == pytest.approx(effect["effect"], abs=1e-8)
            assert row["std_error"] == pytest.approx(effect["se"], abs=1e-8)
    size = np.sqrt((found.influence**2).sum(axis=0)) / found.n_units
    assert size == pytest.approx(found.std_error, abs=1e-12)
    assert found.df is None and found.inference == "influence_normal"


def test_imputation_is_the_regression_on_cells_of_a_balanced_panel():
    frame = staggered()
    one = fit("imputation", frame, **COLUMNS, cohort="first")
    two = fit("two_stage", frame, **COLUMNS, cohort="first")
    three = fit("etwfe", frame, **COLUMNS, cohort="first", comparison="not_yet_treated")
    assert one.point == pytest.approx(two.point, abs=1e-12)
    assert one.point[0] == pytest.approx(three.point[0], abs=1e-9)


@pytest.mark.parametrize("name", ["imputation", "two_stage"])
def test_rows_that_cannot_be_imputed_are_told(name):
    frame = staggered(cohorts=(2013, 2015, 2017))
    with pytest.warns(EmptyCellWarning, match="120 exposed rows cannot be imputed"):
        found = fit(name, frame, **COLUMNS, cohort="first")
    assert found.details["rows_not_imputed"] == 120 and "group=2017" not in found.terms
    with pytest.raises(EstimationError, match="absorb twice"):
        twice = frame.assign(twice=frame["share"] * 2)
        fit(name, twice, **COLUMNS, cohort="first", covariates=["share", "twice"])
    with pytest.raises(EstimationError, match="clusters cut through units"):
        fit(name, frame, **COLUMNS, cohort="first", cluster="year")


@pytest.mark.parametrize(
    "cohorts", [COHORTS, (2013, 2015, 2017), (2005, 2014, np.nan), (2010, 2014, 2016)]
)
def test_bacons_comparisons_make_up_the_two_way_estimate(cohorts):
    frame = staggered(cohorts=cohorts)
    found = fit("bacon", frame, **COLUMNS, cohort="first")
    parts = found.details["comparisons"]
    assert parts["weight"].sum() == pytest.approx(1.0, abs=1e-12) and (parts["weight"] > 0).all()
    assert parts["weight"] @ parts["estimate"] == pytest.approx(found.point[0], abs=1e-10)
    assert found.point[1:] == pytest.approx(parts["estimate"].to_numpy())
    plain = fit("twfe", frame, **COLUMNS, cohort="first")
    assert found.std_error[0] == pytest.approx(plain.std_error[0], rel=1e-12)
    assert np.isnan(found.std_error[1:]).all()
    assert ("Later vs Always Treated" in set(parts["type"])) == (cohorts[0] <= 2010)
    holes = staggered(cohorts=cohorts, missing=0.02)
    with pytest.raises(EstimationError, match="allow_unbalanced=False"):
        fit("bacon", holes, **COLUMNS, cohort="first")
    whole = holes.groupby("council")["year"].transform("size") == 9
    with pytest.warns(UnbalancedPanelWarning):
        left = fit("bacon", holes, **COLUMNS, cohort="first", allow_unbalanced=False)
    same = fit("bacon", holes[whole], **COLUMNS, cohort="first")
    assert np.array_equal(left.point, same.point)


@pytest.mark.parametrize("cohorts", [(2014, 2016, np.nan), (2010, 2014, 2017)])
def test_bacons_groups_and_what_is_inside_them_make_up_the_estimate_with_covariates(cohorts):
    frame = staggered(seed=3, cohorts=cohorts)
    frame["other"] = frame["share"] + frame["exposed"] * frame["people"]
    options = {"cohort": "first", "covariates": ["share", "other"]}
    found = fit("bacon", frame, **COLUMNS, **options)
    table, within = found.details["comparisons"], found.details["within"]
    assert 0 < within.weight < 1
    assert table["weight"].sum() == pytest.approx(1, abs=1e-12)
    between = (table["weight"] * table["estimate"]).sum()
    total = within.weight * within.estimate + (1 - within.weight) * between
    two_way = fit("twfe", frame, **COLUMNS, **options)
    assert total == pytest.approx(two_way.point[0], abs=1e-10)
    assert found.std_error[0] == pytest.approx(two_way.std_error[0], rel=1e-10)
    assert found.terms[1:] == tuple(
        f"treated={int(one)},untreated={name}"
        for one, two in zip(table["treated"], table["untreated"], strict=True)
        for name in [{np.inf: "never", -np.inf: "always"}.get(two, f"{two:g}")]
    )


def test_cohorts_without_a_period_between_them_are_one_for_bacon():
    frame = staggered(cohorts=(2013, 2014, 2016, np.nan))
    frame = frame[frame["year"] != 2013]
    found = fit("bacon", frame, **COLUMNS, cohort="first")
    parts = found.details["comparisons"]
    assert sorted(parts["treated"].unique()) == [2014, 2016]
    assert parts["weight"] @ parts["estimate"] == pytest.approx(found.point[0], abs=1e-10)


@pytest.mark.parametrize("name", ["imputation", "two_stage", "lp_did", "twfe", "mundlak"])
def test_a_standard_error_of_rounding_is_none(name):
    """Clusters that agree to the last digit: no spread from which an error could be had."""
    frame = staggered(units=8, cohorts=(2014, np.nan))
    path = frame[frame["council"].isin(["E000", "E001"])].set_index(["first", "year"])["rate"]
    shift = frame["code"] // 2 * 3.0
    keys = pd.MultiIndex.from_frame(frame[["first", "year"]])
    frame["rate"] = path.reindex(keys).to_numpy() + shift
    frame["set"] = frame["code"] // 2
    with pytest.warns(EvallibWarning, match="has no standard error"):
        found = fit(name, frame, **COLUMNS, cohort="first", cluster="set")
    assert np.isnan(found.std_error[0]) and np.isnan(found.p_value[0])


PRESENTED = (
    "bacon",
    *NAMES,
    "pooled",
    "between",
    "first_difference",
    "fixed_effects",
    "random_effects",
    "mundlak",
)


@pytest.mark.parametrize("name", PRESENTED)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_presentation_changes_nothing_and_units_only_scale(name, missing):
    frame = staggered(missing=0.0 if name == "bacon" else missing, pairs=3)
    plain = fit(name, frame, **COLUMNS, cohort="first", cluster="pair")
    size = np.abs(plain.point).max()

    def same(other, scale=1.0, terms=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fit(name, other, **COLUMNS, cohort="first", cluster="pair")
        assert not terms or found.terms == plain.terms
        keep = np.array([term != "constant" for term in plain.terms])
        for field in ("point", "std_error"):
            mine, theirs = getattr(plain, field)[keep] * scale, getattr(found, field)[keep]
            assert theirs == pytest.approx(mine, abs=1e-8 * max(size, 1) * scale, nan_ok=True)

    same(frame.sample(frac=1, random_state=1))
    same(frame.assign(unused=np.nan))
    same(frame.assign(rate=frame["rate"] * 1e4), 1e4)
    same(frame.assign(rate=frame["rate"] + 1000.0))
    same(frame.assign(council="x" + frame["council"].str[::-1]))
    same(frame.assign(year=frame["year"] + 7, first=frame["first"] + 7), terms=False)
    again = fit(name, frame, **COLUMNS, cohort="first", cluster="pair")
    assert (again.point == plain.point).all()
    assert np.array_equal(again.covariance, plain.covariance)
