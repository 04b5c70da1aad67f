"""Bad input of synthetic comparisons, and what may not change them."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel
from hypothesis import given
from hypothesis import strategies as st
from test_estimate_bad_input import BAD_FRAMES
from test_estimate_invariances import FEWER, assert_same

from evallib.errors import (
    AlreadyTreatedWarning,
    EstimationError,
    EvallibWarning,
    ThinDesignWarning,
    UnbalancedPanelWarning,
)
from evallib.estimate import Estimate, fit
from evallib.estimate.synthetic_warnings import (
    FewPlacebosWarning,
    NoNoiseWarning,
    PoorFitWarning,
    ShortHistoryWarning,
)

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
NAMES = ("synthetic_did", "synthetic_control")
RIDGE = {"augment": "ridge", "draws": 99}  # the quickest


def fit_control(frame: pd.DataFrame, **options: object) -> Estimate:
    return fit("synthetic_control", frame, **COLUMNS, cohort="first", **RIDGE | options)


def panel(*treated: float, others: int = 12, **options: object) -> pd.DataFrame:
    cohorts = (*treated, *[np.nan] * others)
    return make_panel(units=len(cohorts), cohorts=cohorts, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", BAD_FRAMES)
def test_a_bad_frame_is_refused_in_words(name, case):
    frame, words = BAD_FRAMES[case]
    before = frame.copy(deep=True)
    with pytest.raises(EstimationError, match=words):
        fit(name, frame, **COLUMNS, cohort="first")
    pd.testing.assert_frame_equal(frame, before)


BAD_OPTIONS = [
    ("synthetic_did", {"comparison": "not_yet_treated"}, "end the sample before the last cohort"),
    ("synthetic_did", {"inference": "bootstrap"}, "'bootstrap' is not allowed"),
    ("synthetic_did", {"inference": "placeboo"}, "Did you mean 'placebo'"),
    ("synthetic_did", {"augment": "ridge"}, "has no such option"),
    ("synthetic_did", {"weights": "people"}, "has no such option"),
    ("synthetic_did", {"cluster": "pair"}, "has no such option"),
    ("synthetic_did", {"covariates": ["share"]}, "has no such option"),
    ("synthetic_did", {"draws": 10}, "not a whole number from 99"),
    ("synthetic_did", {"anticipation": -1}, "not a whole number of periods"),
    ("synthetic_did", {"inferense": "placebo"}, "Did you mean 'inference'"),
    ("synthetic_control", {"inference": "jackknife"}, "Use 'placebo'"),
    ("synthetic_control", {"augment": "rigde"}, "Did you mean 'ridge'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "words"), BAD_OPTIONS)
def test_an_option_that_cannot_be_is_refused(name, options, words):
    with pytest.raises(EstimationError, match=words):
        fit(name, panel(2014), **COLUMNS, cohort="first", **options)


def test_numbers_of_units_that_allow_no_inference_are_refused():
    few = panel(2014, 2014, 2014, others=3)
    with pytest.raises(EstimationError, match=r"3 comparison .* 3 treated.*or use inference='jack"):
        fit("synthetic_did", few, **COLUMNS, cohort="first")
    assert fit(
        "synthetic_did", few, **COLUMNS, cohort="first", inference="jackknife"
    ).std_error[0] > 0  # fmt: skip
    with pytest.raises(EstimationError, match="Add comparison units[.]$"):
        fit_control(few)
    with pytest.raises(EstimationError, match="Add comparison units[.]$"):
        fit("synthetic_did", panel(2014, others=1), **COLUMNS, cohort="first")
    with pytest.raises(EstimationError, match="cohorts of one treated unit: 2016"):
        fit("synthetic_did", panel(2014, 2014, 2016), **COLUMNS, cohort="first",
            inference="jackknife")  # fmt: skip
    with pytest.raises(EstimationError, match="one comparison unit has all the weight"):
        fit("synthetic_did", panel(2014, 2014, others=1), **COLUMNS, cohort="first",
            inference="jackknife")  # fmt: skip


def test_no_never_treated_units_say_which_periods_to_leave_out():
    frame = panel(2014, 2014, 2016, 2017, others=0)
    with pytest.raises(EstimationError, match="Leave out the periods from 2017 on"):
        fit_control(frame)
    with pytest.warns(FewPlacebosWarning, match="2 placebo assignments"):
        found = fit_control(panel(2014, 2017, 2017, others=0).query("year < 2017"))
    assert found.n_treated_units == 1
    with pytest.raises(EstimationError, match="Add units that are treated later or never"):
        fit_control(panel(2014, 2014, 2014, others=0))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("synthetic_did", "inference='jackknife'"), ("synthetic_control", "Add comparison units")],
)
def test_placebos_that_leave_few_to_compare_with_are_said_to_vary_too_much(name, remedy):
    frame = make_panel(units=15, cohorts=(*[2014.0] * 6, *[np.nan] * 9))
    with pytest.warns(FewPlacebosWarning, match=f"leave 3 of 9 comparison units.*{remedy}"):
        fit(name, frame, **COLUMNS, cohort="first")
    enough = make_panel(units=18, cohorts=(*[2014.0] * 6, *[np.nan] * 12))
    found = fit(name, enough, **COLUMNS, cohort="first")
    assert not any("to compare with" in text for text in found.warnings)


def test_cohorts_need_periods_before_exposure():
    frame = panel(2010, 2011, 2015)
    with pytest.warns(AlreadyTreatedWarning, match="3 periods before.*: E000, E001"):
        found = fit_control(frame)
    assert found.terms[-1] == "group=2015" and found.n_treated_units == 1
    for name, options in (("synthetic_did", {}), ("synthetic_control", RIDGE)):
        with pytest.raises(EstimationError, match="periods before exposure.*earlier periods"):
            fit(name, panel(2011, 2010), **COLUMNS, cohort="first", **options)
    with pytest.raises(EstimationError, match="no treated unit has 3 periods before"):
        fit_control(panel(2014), anticipation=2)
    with pytest.warns(ShortHistoryWarning, match="Cohorts 2014 have fewer than 5 periods"):
        fit_control(panel(2014))


def test_units_that_miss_a_period_are_left_out_by_name():
    frame = panel(2015, 2015)
    gone = (frame["council"].isin(["E001", "E004"]) & (frame["year"] == 2012)) | (
        (frame["council"] == "E004") & (frame["year"] == 2017)
    )
    with pytest.warns(UnbalancedPanelWarning) as caught:
        found = fit_control(frame[~gone])
    text = str(caught[0].message)
    assert "1 treated (E001); 1 never treated (E004)" in text
    assert text.endswith("Most are missing in 2012, 2017.")
    whole = fit_control(frame[~frame["council"].isin(["E001", "E004"])])
    assert (found.point == whole.point).all() and found.n_units == 12
    with pytest.raises(EstimationError, match=r"every treated unit misses a period \(E000, E001"):
        fit_control(frame[~((frame["year"] == 2013) & frame["first"].notna())])
    with pytest.raises(EstimationError, match="every never-treated unit misses.*missing in 2013"):
        fit_control(frame[~((frame["year"] == 2013) & frame["first"].isna())])


def test_units_exposed_just_after_the_end_do_not_compare_when_they_may_anticipate():
    frame = panel(2015, 2019)
    assert fit_control(frame).n_units == 14
    with pytest.warns(EvallibWarning, match=r"just after the last period.*\(E001\)"):
        assert fit_control(frame, anticipation=1).n_units == 13


def test_a_synthetic_unit_that_does_not_fit_is_told_of():
    frame = panel(2015)
    frame.loc[frame["first"].notna(), "rate"] += 100.0
    with pytest.warns(PoorFitWarning, match="Use synthetic_did, which allows"):
        fit("synthetic_control", frame, **COLUMNS, cohort="first")
    with warnings.catch_warnings():
        warnings.simplefilter("error", PoorFitWarning)
        fit("synthetic_did", frame, **COLUMNS, cohort="first", inference="placebo")


@pytest.mark.parametrize("name", NAMES)
def test_comparison_units_that_change_alike_have_no_noise(name):
    frame = panel(2015, others=6)
    level = frame["council"].str[1:].astype(float)
    frame["rate"] = level**2 % 7 + 0.5 * frame["year"] + 3.0 * frame["exposed"]
    late = frame["year"] >= 2015
    frame.loc[late, "rate"] += np.random.default_rng(0).normal(size=int(late.sum())) * 0.1
    with pytest.warns(NoNoiseWarning, match="before cohorts 2015"):
        found = fit(name, frame, **COLUMNS, cohort="first")
    assert np.isfinite(found.point).all()
    if name == "synthetic_did":
        assert found.point[0] == pytest.approx(3.0, abs=0.3)


def test_placebos_that_are_all_alike_give_no_standard_error():
    frame = panel(2015)
    frame["rate"] = 5.0 + 2.0 * frame["exposed"]
    with pytest.warns(ThinDesignWarning, match="att has no standard error"):
        found = fit_control(frame)
    assert found.point == pytest.approx(2.0) and np.isnan(found.std_error).all()


PANELS = st.builds(
    make_panel,
    seed=st.integers(0, 10_000),
    units=st.integers(9, 14),
    years=st.tuples(st.integers(2008, 2010), st.integers(2015, 2017)),
    cohorts=st.sampled_from(
        [(2013, *[np.nan] * 13), (2013, 2013, 2014, 2014, *[np.nan] * 10), (2012, 2014, np.nan)]
    ),
    missing=st.sampled_from([0.0, 0.02]),
)
OPTIONS = st.sampled_from(
    [
        ("synthetic_did", {"inference": "jackknife"}),
        ("synthetic_control", RIDGE),
        ("synthetic_control", {"augment": "ridge", "draws": 99, "anticipation": 1}),
    ]
)


def attempt(frame: pd.DataFrame, chosen: tuple[str, dict[str, object]]) -> Estimate | str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        try:
            return fit(chosen[0], frame, **COLUMNS, cohort="first", **chosen[1])
        except EstimationError as error:
            return str(error)


@FEWER
@given(frame=PANELS, chosen=OPTIONS, seed=st.integers(0, 99))
def test_what_is_only_presentation_changes_nothing(frame, chosen, seed):
    rng = np.random.default_rng(seed)
    before = frame.copy(deep=True)
    plain = attempt(frame, chosen)
    pd.testing.assert_frame_equal(frame, before)
    again = attempt(frame, chosen)
    if isinstance(plain, Estimate) and isinstance(again, Estimate):
        assert (plain.point == again.point).all()
        assert np.array_equal(plain.covariance, again.covariance)
    assert_same(plain, attempt(frame.sample(frac=1, random_state=rng), chosen))
    assert_same(plain, attempt(frame.assign(unused=np.nan, other="text"), chosen))
    names = {old: f"{rng.integers(1e9)}{old}" for old in frame["council"].unique()}
    if isinstance(plain, Estimate):  # a refusal may name the units
        assert_same(plain, attempt(frame.replace({"council": names}), chosen))


@FEWER
@given(
    frame=PANELS,
    chosen=OPTIONS,
    scale=st.sampled_from([1e-4, 3.0, 1e4]),
    shift=st.sampled_from([-50.0, 0.5, 1000.0]),
    years=st.sampled_from([-1000, 7, 300]),
)
def test_units_of_measurement_only_scale(frame, chosen, scale, shift, years):
    plain = attempt(frame, chosen)
    assert_same(plain, attempt(frame.assign(rate=frame["rate"] * scale), chosen), scale)
    assert_same(plain, attempt(frame.assign(rate=frame["rate"] + shift), chosen))
    moved = attempt(frame.assign(year=frame["year"] + years, first=frame["first"] + years), chosen)
    if isinstance(plain, Estimate) and isinstance(moved, Estimate):
        assert moved.point == pytest.approx(plain.point, abs=1e-9)
        assert moved.std_error == pytest.approx(plain.std_error, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_searched_weights_change_by_rounding_alone(name):
    """The search stops by a rule: it must stop at the same step whatever the unit."""
    frame = panel(2015, others=9, seed=4)
    plain = attempt(frame, (name, {}))
    for other in (
        frame.assign(rate=frame["rate"] * 1000),
        frame.assign(rate=frame["rate"] + 1000),
        frame.assign(council="c" + frame["council"].str[::-1]),
    ):
        factor = 1000.0 if other["rate"].std() > 100 * frame["rate"].std() else 1.0
        assert_same(plain, attempt(other, (name, {})), factor)


def odd_frame(seed: int) -> pd.DataFrame:
    """Return a small panel with few units or periods, ties, large levels, gaps."""
    rng = np.random.default_rng(seed)
    units, periods = int(rng.integers(3, 13)), int(rng.integers(3, 11))
    years = np.sort(rng.choice(np.arange(2000, 2000 + periods + 2), periods, replace=False))
    kinds = [*years[1:], 1990.0, 2030.0]
    first = np.where(rng.random(units) < 0.3, rng.choice(rng.choice(kinds, 2), units), np.nan)
    shape = (units, periods)
    level = rng.normal(size=(units, 1)) * rng.choice([0.0, 1.0, 1e3])
    noise = [rng.normal(size=shape), rng.integers(0, 2, shape) * 1.0, np.zeros(shape)]
    rate = level + rng.normal(size=periods) + noise[rng.choice(3, p=[0.6, 0.3, 0.1])]
    rate[-1] = rate[0] if rng.random() < 0.2 else rate[-1]
    frame = pd.DataFrame(
        {
            "council": np.repeat([f"E{k}" for k in range(units)], periods),
            "year": np.tile(years, units),
            "first": np.repeat(first, periods),
            "rate": rate.ravel() + rng.choice([0.0, 1e9], p=[0.8, 0.2]),
        }
    )
    return frame[rng.random(len(frame)) >= rng.choice([0.0, 0.01])]


@pytest.mark.long
@pytest.mark.parametrize("block", range(20))
def test_odd_panels_give_an_answer_or_a_typed_refusal(block):
    """Twenty panels a block: whatever comes back is finite, or says why not."""
    answers = 0
    for seed in range(20 * block, 20 * block + 20):
        frame = odd_frame(seed)
        rng = np.random.default_rng(seed)
        options = dict(RIDGE) if rng.random() < 0.6 else {"inference": "jackknife"}
        name = "synthetic_control" if "augment" in options else "synthetic_did"
        options["anticipation"] = int(rng.random() < 0.2)
        try:
            found = fit(name, frame, **COLUMNS, cohort="first", **options)
        except EstimationError as error:
            assert all(fault.where and fault.what for fault in error.faults)
            continue
        answers += 1
        assert np.isfinite(found.point).all() and np.isfinite(found.covariance).all()
        synthetic = found.details["synthetic"]
        assert synthetic.weights.groupby("cohort")["weight"].sum().to_numpy() == pytest.approx(1.0)
        if np.isnan(found.std_error[0]):
            assert any("no standard error" in text for text in found.warnings)
    assert answers > 2
