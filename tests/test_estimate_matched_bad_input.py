"""Bad input of matched differences, and what may not change them."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel
from hypothesis import given
from hypothesis import strategies as st
from odd_panels import make_case
from test_estimate_bad_input import BAD_FRAMES
from test_estimate_invariances import FEWER, PANELS, assert_same

from evallib.errors import (
    AlreadyTreatedWarning,
    EstimationError,
    EvallibWarning,
    FewClustersWarning,
    ThinDesignWarning,
)
from evallib.estimate import Estimate, fit
from evallib.estimate.matched_warnings import (
    BiasCorrectionWarning,
    LaterTreatedWarning,
    NoTrendWarning,
    SmallPoolWarning,
    UnmatchedWarning,
)

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def fit_matched(frame: pd.DataFrame, **options: object) -> Estimate:
    return fit("matched_did", frame, **COLUMNS, cohort="first", **options)


@pytest.mark.parametrize("case", BAD_FRAMES)
def test_a_bad_frame_is_refused_in_words(case):
    frame, words = BAD_FRAMES[case]
    before = frame.copy(deep=True)
    with pytest.raises(EstimationError, match=words):
        fit_matched(frame)
    pd.testing.assert_frame_equal(frame, before)


BAD_OPTIONS = [
    ({"neighbours": 0}, "not a whole number from 1"),
    ({"neighbours": True}, "not a whole number from 1"),
    ({"trend_periods": 1}, "not a whole number from 2"),
    ({"caliper": 0}, "not a distance above 0"),
    ({"caliper": "wide"}, "not a distance above 0"),
    ({"replace": "no"}, "not true or false"),
    ({"bias_correction": 1}, "not true or false"),
    ({"match": "levl"}, "Did you mean 'level'"),
    ({"match": "none"}, "leaves nothing to match on"),
    ({"match_on": 3}, "not a list of columns"),
    ({"neighbors": 2}, "Did you mean 'neighbours'"),
    ({"method": "dr"}, "has no such option"),
    ({"cluster": ["council", "year"]}, "two-way clustering"),
    ({"window": (1, 2)}, "does not reach"),
    ({"match_on": ["shar"]}, "no such column.*Did you mean 'share'"),
    ({"exact": ["kind"]}, "no such column"),
    ({"match_on": ["council"]}, "it holds text.*exact="),
    ({"match_on": ["flat"]}, "one value in all rows"),
    ({"match_on": ["empty"]}, "it has no value"),
    ({"weights": "flat0"}, "missing, zero or below"),
    ({"weights": "share2"}, "weights change within units"),
    ({"cluster": "year"}, "clusters cut through units"),
    ({"cluster": "flat"}, "there are 1 clusters"),
    ({"exact": ["council"]}, "no comparison unit is equal in the exact columns"),
    ({"caliper": 1e-9}, "no treated unit could be matched.*within the caliper"),
]


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS)
def test_an_option_that_cannot_be_is_refused(options, words):
    frame = make_panel().assign(
        flat=1.0, flat0=0.0, empty=np.nan, share2=lambda rows: rows["share"].abs() + 1
    )
    with pytest.raises(EstimationError, match=words):
        fit_matched(frame, **options)


def test_faults_of_columns_are_told_together():
    with pytest.raises(EstimationError) as caught:
        fit("matched_did", make_panel(), outcome="rte", unit="council", time="year",
            cohort="first", match_on=["shar"], exact=["kind"])  # fmt: skip
    assert len(caught.value.faults) == 3


def test_all_treated_asks_for_a_window():
    frame = make_panel(cohorts=(2013, 2015, 2017))
    with pytest.raises(EstimationError, match="Use comparison='not_yet_treated' with a window"):
        fit_matched(frame)
    with pytest.raises(EstimationError, match=r"Give window=\(-3, 2\)"):
        fit_matched(frame, comparison="not_yet_treated")
    with pytest.warns(UnmatchedWarning, match=r"no comparison unit is observed .*end \(20\)"):
        found = fit_matched(frame, comparison="not_yet_treated", window=(-2, 1))
    assert [term for term in found.terms if "group" in term] == ["group=2013", "group=2015"]


def test_unmatched_units_are_named_with_their_reason():
    frame = make_panel(seed=1, units=90)
    with pytest.warns(UnmatchedWarning, match="the effect is not on them"):
        found = fit_matched(frame, caliper=0.2)
    lost = found.details["matching"].unmatched
    assert 0 < len(lost) < 60 and lost["reason"].str.contains("caliper").all()
    assert found.details["matching"].matches["distance"].max() <= 0.2
    assert set(lost["unit"]).isdisjoint(found.details["matching"].matches["unit"])
    # Two years lost: no base for some, no exposed year for others.
    gone = (frame["council"] == "E000") & (frame["year"] == 2013)
    gone |= (frame["council"] == "E003") & (frame["year"] >= 2014)
    gone |= (frame["council"] == "E006") & frame["year"].between(2010, 2012)
    less = fit_matched(frame[~gone]).details["matching"].unmatched
    assert less.set_index("unit")["reason"].to_dict() == {
        "E000": "no outcome in the base period",
        "E003": "no exposed period in which it and a comparator are observed",
        "E006": "fewer than two outcomes to read a trend from",
    }
    with pytest.warns(UnmatchedWarning, match="another's comparator"):
        fit_matched(make_panel(units=60), replace=False)


def test_treated_from_the_first_period_or_the_second():
    frame = make_panel(cohorts=(2010, 2014, np.nan))
    with pytest.warns(AlreadyTreatedWarning, match="20 units"):
        found = fit_matched(frame)
    assert found.n_treated_units == 20
    frame = make_panel(cohorts=(2011, 2014, np.nan))
    with pytest.warns(NoTrendWarning, match="Cohorts 2011 have one period"):
        found = fit_matched(frame)
    periods = found.details["matching"].periods.set_index("cohort")
    assert periods.loc[2011, "base"] == 2010 and pd.isna(periods.loc[2011, "trend_first"])
    assert periods.loc[2014, ["trend_first", "trend_last"]].to_list() == [2010, 2013]
    with pytest.warns(UnmatchedWarning, match="to read a trend from"):
        found = fit_matched(frame, match="trend")
    assert found.n_treated_units == 20


def test_pools_that_are_too_small_are_warned_of():
    frame = make_panel(seed=2, units=40, cohorts=(2014, *[2016] * 7, *[np.nan] * 2))
    with pytest.warns(SmallPoolWarning, match=r"2014 \(8\), 2016 \(8\)"):
        found = fit_matched(frame, neighbours=12)
    assert found.details["matching"].matches.groupby("unit").size().eq(8).all()
    with pytest.warns(FewClustersWarning):
        fit_matched(make_panel(units=6, cohorts=(2014, np.nan, np.nan)), neighbours=1)
    tiny = make_panel(units=5, cohorts=(2014, 2014, np.nan, np.nan, np.nan))
    with pytest.warns(BiasCorrectionWarning, match="not corrected"):
        found = fit_matched(tiny, neighbours=1)
    plain = fit_matched(tiny, neighbours=1, bias_correction=False)
    assert found.point == pytest.approx(plain.point)


def test_one_treated_unit_has_no_standard_error():
    frame = make_panel(units=20, cohorts=(2014, *[np.nan] * 19))
    with pytest.warns(ThinDesignWarning, match="has no standard error"):
        found = fit_matched(frame)
    assert np.isfinite(found.point).all() and np.isnan(found.std_error).all()
    one = make_panel(units=20, cohorts=(*[2014] * 19, np.nan))
    with pytest.warns(ThinDesignWarning, match="has no standard error"):
        found = fit_matched(one, neighbours=1)
    assert np.isnan(found.std_error[0])


def test_later_treated_units_without_a_window_are_told_of():
    frame = make_panel(cohorts=(2013, 2016, np.nan))
    with pytest.warns(LaterTreatedWarning, match=r"window=\(-3, 2\)"):
        found = fit_matched(frame, comparison="not_yet_treated")
    assert found.point == pytest.approx(fit_matched(frame).point)


def test_too_many_units_to_assign_are_refused(monkeypatch):
    monkeypatch.setattr(sys.modules["evallib.estimate.matched_pairs"], "LARGEST_TABLE", 100)
    with pytest.raises(EstimationError, match="Use replace=True"):
        fit_matched(make_panel(), replace=False)


def attempt(frame: pd.DataFrame, **options: object) -> Estimate | str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        try:
            return fit_matched(frame, cluster="pair", **options)
        except EstimationError as error:
            return str(error)


OPTIONS = st.sampled_from(
    [
        {},
        {"replace": False, "neighbours": 1},
        {"comparison": "not_yet_treated", "window": (-2, 1)},
        {"match": "trend", "match_on": ["people"], "bias_correction": False},
    ]
)


@FEWER
@given(frame=PANELS, options=OPTIONS, seed=st.integers(0, 99))
def test_what_is_only_presentation_changes_nothing(frame, options, seed):
    rng = np.random.default_rng(seed)
    before = frame.copy(deep=True)
    plain = attempt(frame, **options)
    pd.testing.assert_frame_equal(frame, before)
    again = attempt(frame, **options)
    if isinstance(plain, Estimate) and isinstance(again, Estimate):
        assert (plain.point == again.point).all()
        assert np.array_equal(plain.covariance, again.covariance)
    assert_same(plain, attempt(frame.sample(frac=1, random_state=rng), **options))
    assert_same(plain, attempt(frame.assign(unused=np.nan, other="text"), **options))
    names = {old: f"{rng.integers(1e9)}{old}" for old in frame["council"].unique()}
    if isinstance(plain, Estimate):
        assert_same(plain, attempt(frame.replace({"council": names}), **options))


@FEWER
@given(
    frame=PANELS,
    options=OPTIONS,
    scale=st.sampled_from([1e-4, 3.0, 1e4]),
    shift=st.sampled_from([-50.0, 0.5, 1000.0]),
    years=st.sampled_from([-1000, 7, 300]),
)
def test_units_of_measurement_only_scale(frame, options, scale, shift, years):
    plain = attempt(frame, **options)
    assert_same(plain, attempt(frame.assign(rate=frame["rate"] * scale), **options), scale)
    assert_same(plain, attempt(frame.assign(rate=frame["rate"] + shift), **options))
    assert_same(plain, attempt(frame.assign(people=frame["people"] * scale), **options))
    moved = attempt(
        frame.assign(year=frame["year"] + years, first=frame["first"] + years), **options
    )
    if isinstance(plain, Estimate) and isinstance(moved, Estimate):
        assert moved.point == pytest.approx(plain.point, abs=1e-9)
        assert moved.std_error == pytest.approx(plain.std_error, abs=1e-9, nan_ok=True)


@FEWER
@given(frame=PANELS)
def test_duplicated_comparison_units_change_no_estimate_of_the_nearest(frame):
    """Without bias correction: whether slopes can be fitted depends on how many rows there are."""
    plain = attempt(frame, neighbours=1, bias_correction=False)
    controls = frame[frame["first"].isna()]
    twins = controls.assign(council=controls["council"] + "b", pair=controls["pair"] + "b")
    doubled = attempt(pd.concat([frame, twins]), neighbours=1, bias_correction=False)
    if isinstance(plain, Estimate) and isinstance(doubled, Estimate):
        assert doubled.point == pytest.approx(plain.point, abs=1e-8)


@pytest.mark.long
@pytest.mark.parametrize("block", range(20))
def test_odd_panels_give_an_answer_or_a_typed_refusal(block):
    """Fifty panels a block: whatever comes back is finite, or says why not."""
    for seed in range(50 * block, 50 * block + 50):
        frame = make_case("matched_did", seed + 5000).frame
        frame["kind"] = np.where(frame["people"] > 50, "a", "b")
        rng = np.random.default_rng(seed)
        options = {"cluster": "pair"} if rng.random() < 0.4 else {}
        options |= {"weights": "people"} if rng.random() < 0.4 else {}
        options |= {"caliper": 0.5} if rng.random() < 0.3 else {}
        options |= {"match_on": ["share"]} if rng.random() < 0.3 else {}
        options |= {"exact": ["kind"]} if rng.random() < 0.3 else {}
        options |= {"window": (-2, 2)} if rng.random() < 0.5 else {}
        options |= {
            "comparison": str(rng.choice(["never_treated", "not_yet_treated"])),
            "match": str(rng.choice(["level_trend", "level", "trend"])),
            "anticipation": int(rng.integers(0, 3)),
            "neighbours": int(rng.integers(1, 5)),
            "replace": bool(rng.random() < 0.6),
            "bias_correction": bool(rng.random() < 0.6),
        }
        try:
            found = fit_matched(frame, **options)
        except EstimationError as error:
            assert all(fault.where and fault.what for fault in error.faults)
            continue
        assert np.isfinite(found.point).all() and np.isfinite(found.covariance).all()
        if np.isnan(found.std_error[0]):
            assert any("no standard error" in text for text in found.warnings)
