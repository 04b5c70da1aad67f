"""Every bad input is a typed error with place and remedy, all at once, or a typed warning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel

from evallib.errors import (
    CohortCodingWarning,
    EstimationError,
    EvallibWarning,
    InexactAdoptionWarning,
    ThinDesignWarning,
)
from evallib.estimate import fit

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
NAMES = ("group_time", "twfe", "event_study")


def with_value(column, value, row=3):
    frame = make_panel()
    if isinstance(value, str):
        frame[column] = frame[column].astype(object)
    else:
        frame[column] = frame[column].astype(float)
    frame.loc[row, column] = value
    return frame


BAD_FRAMES = {
    "infinite outcome": (with_value("rate", np.inf), "1 values are infinite"),
    "text outcome": (with_value("rate", "n/a"), "it holds text: n/a"),
    "financial year": (
        make_panel().assign(year=lambda rows: rows["year"].astype(str) + "/16"),
        "2015 for '2015/16'",
    ),
    "half a year": (with_value("year", 2010.5), "not whole numbers"),
    "missing year": (with_value("year", np.nan), "periods are missing"),
    "dates": (
        make_panel().assign(year=lambda rows: pd.to_datetime(rows["year"].astype(str))),
        "2015 for '2015/16'",
    ),
    "missing unit": (make_panel().assign(council=lambda r: r["council"].mask(r.index == 3)),
                     "names are missing"),
    "duplicate": (pd.concat([make_panel(), make_panel().iloc[:2]]), "2 rows repeat"),
    "cohort varies": (with_value("first", 2017.0), "changes within 1 units: E000"),
    "cohort is text": (with_value("first", "2015/16"), "first treated periods"),
    "cohort is half": (make_panel(cohorts=(2014.5, np.nan)), "first treated periods"),
    "no row": (make_panel().iloc[:0], "no rows"),
    "no outcome": (make_panel().assign(rate=np.nan), "no row has an outcome"),
    "constant": (make_panel().assign(rate=2.0), "every value is the same"),
    "constant within units": (
        make_panel().assign(rate=lambda rows: rows["council"].str[1:].astype(float)),
        "never changes within a unit",
    ),
    "one period": (make_panel().query("year == 2014"), "one period"),
    "none treated": (make_panel(cohorts=(np.nan,)), "Check cohorts and periods"),
    "all at once": (make_panel(cohorts=(2014,)), "never"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", BAD_FRAMES)
def test_a_bad_frame_is_refused_in_words(name, case):
    frame, words = BAD_FRAMES[case]
    before = frame.copy(deep=True)
    with pytest.raises(EstimationError, match=words):
        fit(name, frame, **COLUMNS, cohort="first")
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", NAMES)
def test_bad_treatment_and_weights_are_refused(name):
    with pytest.raises(EstimationError, match="values other than 0 and 1: 2"):
        fit(name, with_value("exposed", 2.0), **COLUMNS, treatment="exposed")
    with pytest.raises(EstimationError, match="missing, zero or below"):
        fit(name, with_value("people", 0.0), **COLUMNS, cohort="first", weights="people")
    with pytest.raises(EstimationError, match="neither is given"):
        fit(name, make_panel(), **COLUMNS)
    with pytest.raises(EstimationError, match="both are given"):
        fit(name, make_panel(), **COLUMNS, cohort="first", treatment="exposed")


def test_all_faults_are_told_together():
    frame = with_value("rate", "n/a")
    frame["year"] = frame["year"].astype(str)
    with pytest.raises(EstimationError) as caught:
        fit("twfe", frame, **COLUMNS, cohort="first")
    assert len(caught.value.faults) == 2
    with pytest.raises(EstimationError) as caught:
        fit("twfe", frame, outcome="rte", unit="council", time="yaer", cohort="first")
    assert "Did you mean 'rate'?" in str(caught.value)
    assert "Did you mean 'year'?" in str(caught.value)
    with pytest.raises(EstimationError) as caught:
        fit("group_time", frame, **COLUMNS, cohort="first", base="univrsal", anticipaton=1)
    assert "Did you mean 'universal'?" in str(caught.value)
    assert "Did you mean 'anticipation'?" in str(caught.value)


BAD_OPTIONS = [
    ("group_time", {"covariates": ["share", 3]}, "not a list of columns"),
    ("group_time", {"draws": 10}, "not a whole number from 99"),
    ("group_time", {"seed": -1}, "not a whole number from 0"),
    ("group_time", {"balance": -1}, "not an event time from 0"),
    ("group_time", {"anticipation": -1}, "not a whole number of periods"),
    ("group_time", {"anticipation": True}, "not a whole number of periods"),
    ("group_time", {"vcov": "cluster"}, "has no such option"),
    ("group_time", {"cluster": ["council", "year"]}, "two-way clustering"),
    ("stacked", {"window": None}, "no meaning without a window"),
    ("lp_did", {"small_sample": "linearmodels"}, "not fitted by linearmodels"),
    ("lp_did", {"covariates": ["share"]}, "has no such option"),
    ("imputation", {"cluster": ["council", "year"]}, "two-way clustering"),
    ("two_stage", {"weights": "people"}, "has no such option"),
    ("sun_abraham", {"reference": 2}, "after exposure"),
    ("stacked", {"window": (-20, 2)}, "no cohort has its whole window"),
    ("twfe", {"vcov": "driscol_kraay"}, "Did you mean 'driscoll_kraay'"),
    ("twfe", {"vcov": "iid", "small_sample": "none"}, "no meaning with vcov='iid'"),
    ("twfe", {"comparison": "never_treated"}, "has no such option"),
    ("twfe", {"base": "varying"}, "has no such option"),
    ("twfe", {"level": 95}, "not between 0 and 1"),
    ("twfe", {"weights": 3}, "not the name of a column"),
    ("event_study", {"window": (-3,)}, "not two event times"),
    ("event_study", {"window": (1, 3)}, "does not reach"),
    ("event_study", {"window": (-3, 2), "reference": -5}, "outside the window"),
    ("event_study", {"reference": 1}, "after exposure"),
    ("event_study", {"reference": -20}, "no row lies at the reference"),
    ("ordered_logi", {}, "Did you mean .ordered_logit."),
]


@pytest.mark.parametrize(("name", "options", "words"), BAD_OPTIONS)
def test_an_option_that_cannot_be_is_refused_by_name(name, options, words):
    with pytest.raises(EstimationError, match=words):
        fit(name, make_panel(), **COLUMNS, cohort="first", **options)


@pytest.mark.parametrize("name", NAMES)
def test_zero_and_infinity_are_never_treated_with_a_warning(name):
    frame = make_panel(seed=2)
    plain = fit(name, frame, **COLUMNS, cohort="first")
    for code in (0.0, np.inf):
        coded = frame.assign(first=frame["first"].fillna(code))
        with pytest.warns(CohortCodingWarning, match="read as never-treated"):
            found = fit(name, coded, **COLUMNS, cohort="first")
        assert (found.point == plain.point).all()
        assert any("never-treated" in text for text in found.warnings)


@pytest.mark.parametrize("name", NAMES)
def test_rows_without_an_outcome_are_left_out_and_counted(name):
    frame = make_panel(seed=3)
    holes = frame.assign(rate=frame["rate"].mask(frame.index.isin([5, 77, 200])))
    with pytest.warns(EvallibWarning, match="3 rows without a value of 'rate' are left out"):
        found = fit(name, holes, **COLUMNS, cohort="first")
    assert found.n_obs == len(frame) - 3
    same = fit(name, frame.drop(index=[5, 77, 200]), **COLUMNS, cohort="first")
    assert found.point == pytest.approx(same.point, abs=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_outcome_at_adoption_does_not_move_the_adoption(name):
    """The row that says when exposure began counts, whether or not it has an outcome."""
    frame = make_panel(seed=4, units=75, cohorts=(2015, np.nan, np.nan))
    adopters = frame.loc[frame["first"] == 2015, "council"].unique()
    assert adopters.size == 25
    hole = frame["council"].isin(adopters[:10]) & (frame["year"] == 2015)
    frame.loc[hole, "rate"] = np.nan
    one = fit(name, frame, **COLUMNS, cohort="first")
    two = fit(name, frame, **COLUMNS, treatment="exposed")
    assert one.terms == two.terms
    assert np.array_equal(one.point, two.point)
    assert np.array_equal(one.std_error, two.std_error, equal_nan=True)
    assert not any("adopted earlier" in text for text in two.warnings)


@pytest.mark.parametrize("name", ["group_time", "event_study"])
def test_a_gap_before_the_first_exposed_row_is_warned_of_with_its_dates(name):
    frame = make_panel()
    gone = (frame["council"] == "E000") & frame["year"].isin([2012, 2013])
    late = (frame["council"] == "E001") & (frame["year"] < 2017)
    words = (
        r"2 units .*: E000 \(taken as 2014, last row before it 2011\), "
        r"E001 \(taken as 2017, no row before it\)"
    )
    with pytest.warns(InexactAdoptionWarning, match=words):
        found = fit(name, frame[~gone & ~late], **COLUMNS, treatment="exposed")
    assert any("adopted earlier" in text for text in found.warnings)
    dated = fit(name, frame[~gone], **COLUMNS, cohort="first")
    assert not any("adopted earlier" in text for text in dated.warnings)
    every_other = fit(name, frame[frame["year"] % 2 == 0], **COLUMNS, treatment="exposed",
                      **({} if name == "group_time" else {"reference": -2}))  # fmt: skip
    assert not any("adopted earlier" in text for text in every_other.warnings)
    # The model of twfe has no dates: a gap says nothing about its exposure.
    plain = fit("twfe", frame[~gone & ~late], **COLUMNS, treatment="exposed")
    assert not any("adopted earlier" in text for text in plain.warnings)


def test_clusters_that_cut_through_units():
    frame = make_panel()
    with pytest.raises(EstimationError, match="clusters cut through units"):
        fit("group_time", frame, **COLUMNS, cohort="first", cluster="year")
    with pytest.raises(EstimationError, match="clusters cut through units"):
        fit("twfe", frame, **COLUMNS, cohort="first", cluster="year", vcov="cr3")
    found = fit("twfe", frame, **COLUMNS, cohort="first", cluster="year")
    assert "K = 61" in found.se_method  # 1 regressor, a constant, 60 units less 1


@pytest.mark.parametrize("name", ["group_time", "twfe"])
def test_an_effect_without_a_standard_error_is_warned_of(name):
    """One treated unit: leaving it out leaves no effect, and its own cell has no variance."""
    frame = make_panel(units=4, cohorts=(2014, np.nan, np.nan, np.nan))
    flat = frame["first"].isna()
    frame.loc[flat, "rate"] = frame.loc[flat, "year"].astype(float)
    options = {} if name == "group_time" else {"vcov": "cr3"}
    with pytest.warns(ThinDesignWarning, match="has no standard error"):
        found = fit(name, frame, **COLUMNS, cohort="first", **options)
    assert np.isnan(found.std_error[0]) and np.isnan(found.p_value[0])
    assert any("has no standard error" in text for text in found.warnings)
