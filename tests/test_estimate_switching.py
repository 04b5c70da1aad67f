"""Exposure that begins and ends: `switching`, and `lp_did` with `stabilise`.

Figures of did_multiplegt_dyn are stored: it is not among the libraries that the project installs.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel
from hypothesis import given, settings
from hypothesis import strategies as st
from on_off_panels import ROWS, did_l, lp_rows, on_off_panel, projection, with_holes

from evallib import build_exposure, build_panel, load_plan
from evallib.errors import (
    DataError,
    EmptyCellWarning,
    EstimationError,
    FewClustersWarning,
    InexactAdoptionWarning,
    ThinDesignWarning,
    UnknownExposureWarning,
)
from evallib.estimate import fit

pytestmark = pytest.mark.filterwarnings(
    "ignore::evallib.errors.EvallibWarning", "ignore::UserWarning", "ignore::FutureWarning"
)
FEWER = settings(max_examples=settings.default.max_examples // 2)

# did_multiplegt_dyn, Python edition 0.1.9 (polars 1.29): term, estimate, standard error, switchers
# of effects=3, placebo=2 on on_off_panel(). Tolerance 1e-10: the two differ by rounding only.
DYN = {
    "plain": {
        "event_time=0": (1.0759728918414924, 0.14853453779975517, 38.0),
        "event_time=1": (0.9360353200915217, 0.19234617585809344, 35.0),
        "event_time=2": (0.5071276199689265, 0.1921805920950712, 27.0),
        "att": (1.0651299003944021, 0.18012691932475808, 100.0),
        "event_time=-2": (-0.044219732343463235, 0.11776835389676209, 38.0),
        "event_time=-3": (-0.3845713936810597, 0.14382118593318635, 28.0),
    },
    "cluster": {
        "event_time=0": (1.0759728918414924, 0.1427418820260088, 38.0),
        "event_time=1": (0.9360353200915217, 0.1721965183179085, 35.0),
        "event_time=2": (0.5071276199689265, 0.22454012155760658, 27.0),
        "att": (1.0651299003944021, 0.17432331265952525, 100.0),
        "event_time=-2": (-0.044219732343463235, 0.13124456833548354, 38.0),
        "event_time=-3": (-0.3845713936810597, 0.14492551046933802, 28.0),
    },
    "weights": {
        "event_time=0": (1.1561295838641998, 0.1362614272413254, 38.0),
        "event_time=1": (0.9673524260849273, 0.18132013920934448, 35.0),
        "event_time=2": (0.506506861795299, 0.18971637653870843, 27.0),
        "att": (1.1368104042151497, 0.17329837723208888, 100.0),
        "event_time=-2": (-0.05830339434025152, 0.12522733170951128, 38.0),
        "event_time=-3": (-0.43398518196462216, 0.1545047387694973, 28.0),
    },
    "normalised": {
        "event_time=0": (1.0759728918414924, 0.14853453779975517, 38.0),
        "event_time=1": (0.5118943156750508, 0.10518931492239483, 35.0),
        "event_time=2": (0.21065301137170797, 0.07982886133179883, 27.0),
        "att": (1.0651299003944021, 0.18012691932475808, 100.0),
        "event_time=-2": (-0.044219732343463235, 0.11776835389676209, 38.0),
        "event_time=-3": (-0.21113723574646412, 0.07896065110057289, 28.0),
    },
    "no outcome": {
        "event_time=0": (1.2320190583977888, 0.15531422385871413, 30.0),
        "event_time=1": (0.9311482097201482, 0.22475738234887455, 27.0),
        "event_time=2": (0.39316518615232116, 0.17792798490145, 23.0),
        "att": (1.0945288107058626, 0.17446657356564935, 80.0),
        "event_time=-2": (0.019087972858124674, 0.15073171890460704, 27.0),
        "event_time=-3": (-0.6155720618909055, 0.15905675847922388, 15.0),
    },
    "absent": {
        "event_time=0": (1.2320190583977888, 0.15531422385871413, 30.0),
        "event_time=1": (0.9975792073889508, 0.23829481796427263, 25.0),
        "event_time=2": (0.4070895466998979, 0.1894987916351228, 21.0),
        "att": (1.154900531432054, 0.18365367336592484, 76.0),
        "event_time=-2": (0.019087972858124674, 0.15073171890460704, 27.0),
        "event_time=-3": (-0.5512587428407428, 0.1636499629857746, 14.0),
    },
}
GIVEN = {
    "plain": {},
    "cluster": {"cluster": "pair"},
    "weights": {"weights": "people"},
    "normalised": {"normalised": True},
    "no outcome": {},
    "absent": {},
}


def table(found):
    return found.tidy().set_index("term")


@pytest.mark.parametrize("case", DYN)
def test_switching_is_did_multiplegt_dyns(case):
    frame = on_off_panel()
    frame = with_holes(frame, case) if case in {"no outcome", "absent"} else frame
    found = fit("switching", frame, **ROWS, effects=3, placebos=2, **GIVEN[case])
    rows = table(found)
    assert set(rows.index) == {*DYN[case], "event_time=-1"}
    for term, (estimate, std_error, switchers) in DYN[case].items():
        assert rows.loc[term, "estimate"] == pytest.approx(estimate, abs=1e-10)
        assert rows.loc[term, "std_error"] == pytest.approx(std_error, abs=1e-10)
        if term != "att":  # theirs counts a council once an effect
            assert rows.loc[term, "n_treated_units"] == switchers
    assert rows.loc["event_time=-1", "estimate"] == 0
    assert np.isnan(rows.loc["event_time=-1", "std_error"])


def test_the_joint_test_of_placebos_is_theirs():
    for case, p_value in (("plain", 0.019575), ("cluster", 0.017430), ("weights", 0.019103)):
        found = fit("switching", on_off_panel(), **ROWS, **GIVEN[case])
        test = found.joint_test()
        assert test.terms == ("event_time=-3", "event_time=-2")
        assert test.p_value == pytest.approx(p_value, abs=5.1e-7)  # six printed digits


@pytest.mark.parametrize("seed", [1, 5])
def test_switching_has_diff_diffs_effects(seed):
    """Not its standard errors, nor its delta: docs/methodology.md says how they differ."""
    from diff_diff import ChaisemartinDHaultfoeuille

    frame = on_off_panel(seed)
    theirs = ChaisemartinDHaultfoeuille(drop_larger_lower=False, twfe_diagnostic=False).fit(
        frame, outcome="rate", unit="council", time="year", treatment="on", L_max=3
    )
    rows = table(fit("switching", frame, **ROWS, effects=3, placebos=3))
    scaled = table(fit("switching", frame, **ROWS, effects=3, normalised=True))
    for ahead, effect in theirs.event_study_effects.items():
        row = rows.loc[f"event_time={ahead - 1}"]
        assert row["estimate"] == pytest.approx(effect["effect"], abs=1e-10)
        assert row["n_treated_units"] == effect["n_obs"]
        mean = theirs.normalized_effects[ahead]["effect"]
        assert scaled.loc[f"event_time={ahead - 1}", "estimate"] == pytest.approx(mean, abs=1e-10)
    for ahead, effect in theirs.placebo_event_study.items():
        row = rows.loc[f"event_time={ahead - 1}"]
        assert row["estimate"] == pytest.approx(effect["effect"], abs=1e-10)


@pytest.mark.parametrize("frame", [on_off_panel(3, units=20, years=7), on_off_panel(4, units=7)])
def test_switching_is_its_definition_in_loops(frame):
    rows = table(fit("switching", frame, **ROWS, effects=4, placebos=3, weights=None))
    wanted = [(ahead, False) for ahead in (1, 2, 3, 4)] + [(ahead, True) for ahead in (1, 2, 3)]
    held = 0
    for ahead, placebo in wanted:
        term = f"event_time={-ahead - 1 if placebo else ahead - 1}"
        estimate, std_error, switchers = did_l(frame, ahead, placebo)
        assert (term in rows.index) == (switchers > 0)
        if switchers:
            row, held = rows.loc[term], held + 1
            assert row["estimate"] == pytest.approx(estimate, abs=1e-10)
            assert row["std_error"] == pytest.approx(std_error, abs=1e-10)
            assert row["n_treated_units"] == switchers
    assert held >= 3


def test_a_case_by_hand():
    """One begins and ends again, one ends; both against the one that keeps its first state."""
    values = {
        "begins": ([0, 1, 1, 0], [5.0, 8.0, 9.0, 7.0]),
        "never": ([0, 0, 0, 0], [1.0, 2.0, 2.0, 3.0]),
        "ends": ([1, 1, 0, 0], [4.0, 5.0, 3.0, 1.0]),
        "always": ([1, 1, 1, 1], [6.0, 6.0, 7.0, 9.0]),
    }
    frame = pd.DataFrame(
        [
            (name, 2010 + k, on, rate)
            for name, (path, rates) in values.items()
            for k, (on, rate) in enumerate(zip(path, rates, strict=True))
        ],
        columns=["council", "year", "on", "rate"],
    )
    found = fit("switching", frame, **ROWS, effects=3, placebos=1)
    rows = table(found)["estimate"]
    # begins, from 2010: 3 - 1, 4 - 1, 2 - 2; ends, from 2011, reversed: -(-2 - 1), -(-4 - 3)
    assert rows["event_time=0"] == pytest.approx((2 + 3) / 2)
    assert rows["event_time=1"] == pytest.approx((3 + 7) / 2)
    assert rows["event_time=2"] == pytest.approx(0)
    assert rows["event_time=-2"] == pytest.approx(-((4 - 5) - (6 - 6)))  # of the one that ends
    assert rows["att"] == pytest.approx((5 + 10 + 0) / 4)  # four periods with another exposure
    assert found.details["exposed_periods"] == 4
    assert (found.details["switchers_in"], found.details["switchers_out"]) == (1, 1)
    scaled = table(fit("switching", frame, **ROWS, effects=3, placebos=1, normalised=True))
    assert scaled.loc["event_time=1", "estimate"] == pytest.approx(5 / 2)
    assert scaled.loc["event_time=2", "estimate"] == pytest.approx(0)


def test_exposure_that_stays_is_group_time_by_event_time():
    frame = make_panel(seed=3)
    found = table(fit("switching", frame, **COLUMNS, cohort="first", effects=3, placebos=2))
    same = table(fit("switching", frame, **COLUMNS, treatment="exposed", effects=3, placebos=2))
    pd.testing.assert_frame_equal(found, same)
    other = fit("group_time", frame, **COLUMNS, cohort="first", comparison="not_yet_treated",
                base="universal")  # fmt: skip
    dynamic = table(other.aggregate("dynamic"))["estimate"]
    for event in (0, 1, 2):
        term = f"event_time={event}"
        assert found.loc[term, "estimate"] == pytest.approx(dynamic[term], abs=1e-10)
    assert found.loc["att", "estimate"] == pytest.approx(
        np.average(
            found.loc[[f"event_time={e}" for e in (0, 1, 2)], "estimate"],
            weights=found.loc[[f"event_time={e}" for e in (0, 1, 2)], "n_treated_units"],
        )
    )


@pytest.mark.parametrize("stabilise", ["first_entry", 1, 2, 3])
def test_lp_did_of_exposure_that_ends_is_diff_diffs_and_loops(stabilise):
    from diff_diff import LPDiD

    mode = {"non_absorbing": "effect_stabilization", "stabilization_window": stabilise}
    window = stabilise
    if stabilise == "first_entry":
        mode, window = {"non_absorbing": "first_entry"}, None
    frame = on_off_panel()
    frame["code"] = frame["council"].str[1:].astype(int)
    theirs = LPDiD(pre_window=3, post_window=1, **mode).fit(
        frame, outcome="rate", unit="code", time="year", treatment="on"
    )
    found = fit("lp_did", frame, **ROWS, window=(-3, 1), stabilise=stabilise)
    rows = table(found)
    pooled = theirs.pooled.set_index("window").loc["post"]
    assert found.point[0] == pytest.approx(pooled["coefficient"], abs=1e-9)
    assert found.std_error[0] == pytest.approx(pooled["se"], abs=1e-9)
    their = theirs.event_study.set_index("horizon")
    for horizon in (-3, -2, 0, 1):
        beta, std_error = projection(lp_rows(frame, horizon, window))
        row = rows.loc[f"event_time={horizon}"]
        assert row["estimate"] == pytest.approx(beta, abs=1e-9)
        assert row["std_error"] == pytest.approx(std_error, abs=1e-9)
        # In placebos theirs lets councils compare whose exposure ends in the very period.
        beta, std_error = projection(
            lp_rows(frame, horizon, window, exits_compare=window is not None)
        )
        assert their.loc[horizon, "coefficient"] == pytest.approx(beta, abs=1e-9)
        assert their.loc[horizon, "se"] == pytest.approx(std_error, abs=1e-9)


def test_lp_did_of_exposure_that_stays_needs_no_windows():
    frame = make_panel(seed=3)
    plain = fit("lp_did", frame, **COLUMNS, cohort="first", comparison="not_yet_treated")
    for column in ({"cohort": "first"}, {"treatment": "exposed"}):
        found = fit("lp_did", frame, **COLUMNS, **column, stabilise="first_entry")
        assert found.terms == plain.terms
        assert found.point == pytest.approx(plain.point, abs=1e-12)
        assert found.std_error == pytest.approx(plain.std_error, abs=1e-12, nan_ok=True)


def test_exposure_that_ends_is_refused_elsewhere_with_the_way_out():
    frame = on_off_panel()
    with pytest.raises(EstimationError, match=r"exposure ends again.*stabilise=.*'switching'"):
        fit("lp_did", frame, **ROWS)
    with pytest.raises(EstimationError, match=r"exposure ends again.*or use 'switching'"):
        fit("group_time", frame, **ROWS)
    holes = frame.assign(on=frame["on"].where(frame.index != 5))
    for name in ("group_time", "lp_did", "twfe"):
        with pytest.raises(EstimationError, match=r"missing in 1 rows \(5\).*'switching'"):
            fit(name, holes, **ROWS)


BAD = [
    ("switching", {"effects": 0}, "not a whole number from 1"),
    ("switching", {"placebos": -1}, "not a whole number from 0"),
    ("switching", {"placebos": True}, "not a whole number from 0"),
    ("switching", {"normalised": 1}, "not true or false"),
    ("switching", {"efects": 2}, "Did you mean 'effects'"),
    ("switching", {"cluster": ["pair", "year"]}, "two-way clustering"),
    ("switching", {"weights": "uneven"}, "they change within 48 units: E000"),
    ("switching", {"weights": "zero"}, "missing, zero or below"),
    ("lp_did", {"stabilise": 0}, "number of periods from 1"),
    ("lp_did", {"stabilise": "first"}, "number of periods from 1"),
    ("lp_did", {"stabilise": 2, "comparison": "not_yet_treated"}, "no meaning with stabilise"),
    ("lp_did", {"stabilise": 2, "anticipation": 1}, "no meaning with stabilise"),
    ("stacked", {"stabilise": 2}, "has no such option"),
]


@pytest.mark.parametrize(("name", "options", "words"), BAD)
def test_an_option_that_cannot_be_is_refused_by_name(name, options, words):
    frame = on_off_panel().assign(uneven=lambda rows: rows["year"] - 2000.0, zero=0.0)
    with pytest.raises(EstimationError, match=words):
        fit(name, frame, **ROWS, **options)


BOTH = pytest.mark.parametrize(
    ("name", "options"), [("switching", {}), ("lp_did", {"stabilise": 2})], ids=["switch", "lp"]
)


def lose_ends(frame: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return a panel in which a share of the ends, and what follows them, is not known."""
    ordered = frame.sort_values(["council", "year"])
    ends = ordered[(ordered["on"].shift() == 1) & (ordered["on"] == 0)]
    ends = ends[ends["council"] == ordered["council"].shift().loc[ends.index]]
    lost = ends.drop_duplicates("council")
    lost = lost.iloc[: round(share * len(ends))]
    after = frame["council"].map(lost.set_index("council")["year"]) <= frame["year"]
    return frame.assign(on=frame["on"].astype(float).mask(after))


@BOTH
def test_ends_that_nobody_saw_are_refused_by_name(name, options):
    frame = lose_ends(on_off_panel(), 0.5)
    before = frame.copy(deep=True)
    words = r"of \d+ ends of exposure are not known, 4\d% are: E0\d\d after 201\d(, E0\d\d after"
    with pytest.raises(EstimationError, match=words + r" 201\d){4} and \d+ more") as caught:
        fit(name, frame, **ROWS, **options)
    assert len(caught.value.faults) == 1
    pd.testing.assert_frame_equal(frame, before)


@BOTH
def test_a_few_ends_that_nobody_saw_shorten_the_panel_with_a_warning(name, options):
    whole = on_off_panel()
    frame = lose_ends(whole, 0.2)
    gone = frame["on"].isna()
    text = rf"{gone.sum()} rows are left out because 'on' is missing.*: E0\d\d from 201\d"
    with pytest.warns(UnknownExposureWarning, match=text):
        found = fit(name, frame, **ROWS, **options)
    same = fit(name, whole[~gone], **ROWS, **options)
    assert found.terms == same.terms
    assert np.array_equal(found.point, same.point)
    assert np.array_equal(found.covariance, same.covariance)
    # What is known again after a gap in knowledge does not count, and neither does its outcome.
    last = frame.groupby("council")["year"].transform("max") == frame["year"]
    again = frame.assign(on=frame["on"].where(~(gone & last), 1.0))
    other = fit(name, again, **ROWS, **options)
    assert np.array_equal(found.point, other.point)


@pytest.mark.parametrize(("lost", "fits"), [(3, True), (4, False)])
def test_the_limit_is_seventy_per_cent(lost, fits):
    """Ten ends; one council is still exposed in its last row and counts as neither."""
    rows = []
    for unit in range(24):
        for year in range(6):
            on = float(unit < 11 and 2 <= year < 4 + 2 * (unit == 10))
            on = np.nan if unit < lost and year >= 4 else on
            rows.append((unit, 2010 + year, on, (unit * 7 + year * 5) % 11 + on * (on == on)))
    frame = pd.DataFrame(rows, columns=["council", "year", "on", "rate"]).fillna({"rate": 3.0})
    if fits:
        assert np.isfinite(fit("switching", frame, **ROWS).point).all()
    else:
        with pytest.raises(EstimationError, match="4 of 10 ends of exposure are not known, 60%"):
            fit("switching", frame, **ROWS)


def test_a_row_without_an_outcome_still_tells_the_path():
    frame = on_off_panel()
    early = frame["year"] == 2010
    found = fit("switching", frame.assign(rate=frame["rate"].mask(early)), **ROWS)
    cut = fit("switching", frame[~early], **ROWS)
    changed = frame[early].merge(frame[frame["year"] == 2011], on="council")
    assert (changed["on_x"] != changed["on_y"]).sum() == 0  # nobody switches in 2011, so
    assert found.point == pytest.approx(cut.point, abs=1e-12)
    late = frame["year"] <= 2013
    found = fit("switching", frame.assign(rate=frame["rate"].mask(late)), **ROWS, effects=1)
    cut = fit("switching", frame[~late], **ROWS, effects=1)
    assert found.n_treated_units < cut.n_treated_units  # second changes are not first ones


def test_a_change_in_a_gap_is_warned_of_and_not_dated():
    frame = on_off_panel()
    first = frame[frame["on"] != frame.groupby("council")["on"].transform("first")]
    start = first.groupby("council")["year"].min()
    unit, year = start[start > 2013].index[0], start[start > 2013].iloc[0]
    gap = (frame["council"] == unit) & (frame["year"] == year - 1)
    with pytest.warns(InexactAdoptionWarning, match=rf"1 units .*: {unit} by {year}"):
        found = fit("switching", frame[~gap], **ROWS)
    cut = frame[(frame["council"] != unit) | (frame["year"] < year - 1)]
    same = fit("switching", cut, **ROWS)
    assert np.array_equal(found.point, same.point)
    filled = (frame["council"] == unit) & (frame["year"] == year - 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InexactAdoptionWarning)
        fit("switching", frame[~filled], **ROWS)  # the same on both sides of this gap


def test_gaps_in_years_and_steps_of_two():
    frame = on_off_panel(stays=True)
    every_other = frame[frame["year"] % 2 == 0]
    found = fit("switching", every_other, **ROWS, effects=2, placebos=1)
    close = every_other.assign(year=every_other["year"] // 2)
    same = fit("switching", close, **ROWS, effects=2, placebos=1)
    assert found.terms == ("att", "event_time=-4", "event_time=-2", "event_time=0", "event_time=2")
    assert np.array_equal(found.point, same.point)
    with pytest.warns(InexactAdoptionWarning):
        found = fit("switching", frame[frame["year"] != 2014], **ROWS)
    assert np.isfinite(found.point).all()


REFUSED = {
    "never exposed": (lambda rows: rows.assign(on=0), "no unit changes exposure"),
    "always exposed": (lambda rows: rows.assign(on=1), "no unit changes exposure"),
    "all at once": (
        lambda rows: rows.assign(on=(rows["year"] >= 2014).astype(int)),
        "no unit that changes exposure can be compared",
    ),
    "constant": (lambda rows: rows.assign(rate=1.0), "every value is the same"),
    "one period": (lambda rows: rows[rows["year"] == 2014], "there is one period"),
    "two clusters": (
        lambda rows: rows.assign(pair=rows["council"] > "E020"),
        "there are 2 clusters",
    ),
    "nothing known": (lambda rows: rows.assign(on=np.nan), "exposure is known in no row"),
    "text": (lambda rows: rows.assign(on="yes"), "values other than 0 and 1: yes"),
    "twice": (lambda rows: pd.concat([rows, rows.head(1)]), "1 rows repeat"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_identifies_nothing_is_refused_in_words(case):
    change, words = REFUSED[case]
    with pytest.raises(EstimationError, match=words):
        fit("switching", change(on_off_panel()), **ROWS, cluster="pair")


def test_who_is_exposed_at_first_compares_only_with_its_like():
    frame = on_off_panel()
    first = frame.groupby("council")["on"].transform("first")
    begin = fit("switching", frame[first == 0], **ROWS)
    end = fit("switching", frame[first == 1], **ROWS)
    both = fit("switching", frame, **ROWS)
    assert (both.details["switchers_in"], both.details["switchers_out"]) == (
        begin.n_treated_units,
        end.n_treated_units,
    )
    parts = [begin, end]
    dose = [part.details["exposed_periods"] for part in parts]
    assert both.point[0] == pytest.approx(np.average([p.point[0] for p in parts], weights=dose))
    alone = frame[(first == 0) | (frame["council"] == "E000")]
    found = fit("switching", alone, **ROWS)  # nobody is like it
    assert found.details["switchers_out"] == 0
    assert np.array_equal(found.point, begin.point)


def test_without_never_switchers_the_later_ones_compare():
    frame = on_off_panel(only_begin=True, stays=True)
    ever = frame.groupby("council")["on"].transform("max") == 1
    found = fit("switching", frame[ever], **ROWS, effects=2)
    assert np.isfinite(found.point).all() and found.n_treated_units < frame["council"].nunique()
    with pytest.warns(EmptyCellWarning, match="event times have no unit that changed"):
        fit("switching", frame[ever], **ROWS, effects=12)


def test_one_switcher_has_an_estimate_and_a_warning():
    frame = on_off_panel(only_begin=True, units=20)
    ever = frame.groupby("council")["on"].transform("max") == 1
    one = frame.loc[ever, "council"].iloc[0]
    with pytest.warns(ThinDesignWarning, match="1 treated councils"):
        found = fit("switching", frame[~ever | (frame["council"] == one)], **ROWS, effects=1)
    assert found.n_treated_units == 1 and found.std_error[0] > 0
    with pytest.warns(FewClustersWarning, match="4 clusters"):
        few = frame.assign(pair=pd.factorize(frame["council"])[0] % 4)
        fit("switching", few, **ROWS, cluster="pair")


def test_a_standard_error_of_rounding_is_none():
    frame = on_off_panel(only_begin=True, stays=True)
    late = frame["council"].str[1:].astype(int) % 3 == 0  # a lone switcher would count its effect
    frame["on"] = (late & (frame["year"] >= 2014)).astype(int)
    exact = frame.assign(rate=frame["year"] * 0.1 + frame["on"] * 0.7)
    with pytest.warns(ThinDesignWarning, match="has no standard error"):
        found = fit("switching", exact, **ROWS)
    assert found.point[0] == pytest.approx(0.7) and np.isnan(found.std_error[0])


PANELS = st.builds(
    on_off_panel,
    seed=st.integers(1, 10_000),
    units=st.integers(18, 40),
    years=st.integers(6, 9),
)
CASES = st.sampled_from(
    [
        ("switching", {}),
        ("switching", {"weights": "people"}),
        ("lp_did", {"stabilise": 1}),
        ("lp_did", {"stabilise": "first_entry"}),
    ]
)


@FEWER
@given(frame=PANELS, case=CASES, missing=st.sampled_from(["", "absent", "no outcome"]),
       shift=st.integers(-30, 30), factor=st.floats(0.01, 100))  # fmt: skip
def test_presentation_changes_nothing_and_units_only_scale(frame, case, missing, shift, factor):
    name, options = case
    frame = with_holes(frame, missing) if missing else frame
    before = frame.copy(deep=True)

    def run(other):
        try:
            return fit(name, other, **ROWS, cluster="pair", **options)
        except EstimationError as error:
            return str(error)

    plain = run(frame)
    pd.testing.assert_frame_equal(frame, before)
    if isinstance(plain, str):
        assert run(frame.sample(frac=1, random_state=1)) == plain
        return
    again = run(frame)
    assert np.array_equal(plain.point, again.point)
    assert np.array_equal(plain.covariance, again.covariance)
    size = 1 + np.abs(plain.point).max()
    relabelled = frame.assign(council=frame["council"].map(lambda label: f"x{label[::-1]}"))
    changed = [
        (frame.sample(frac=1, random_state=1), 1.0),
        (relabelled, 1.0),
        (frame.assign(year=frame["year"] + shift), 1.0),
        (frame.assign(rate=frame["rate"] + 100.0), 1.0),
        (frame.assign(unused=np.nan), 1.0),
        (frame.assign(rate=frame["rate"] * factor), factor),
    ]
    for other, scale in changed:
        found = run(other)
        assert found.terms == plain.terms
        for field in ("point", "std_error", "conf_low"):
            mine, theirs = getattr(plain, field) * scale, getattr(found, field)
            assert theirs == pytest.approx(mine, abs=1e-9 * size * scale, nan_ok=True)


@FEWER
@given(seed=st.integers(1, 10_000), year=st.integers(2012, 2016))
def test_comparators_twice_over_move_no_estimate(seed, year):
    """With one date there is one group of comparators: those that never change."""
    frame = on_off_panel(seed, units=24)
    first = frame.groupby("council")["on"].transform("first")
    changes = frame["council"].str[1:].astype(int) % 4 == 0
    frame["on"] = np.where(changes & (frame["year"] >= year), 1 - first, first)
    twins = frame[~changes].assign(council=lambda rows: "twin " + rows["council"])
    for name, options in (("switching", {}), ("lp_did", {"stabilise": "first_entry"})):
        plain = fit(name, frame, **ROWS, **options)
        found = fit(name, pd.concat([frame, twins]), **ROWS, **options)
        assert found.terms == plain.terms
        assert found.point == pytest.approx(plain.point, abs=1e-10)


@pytest.mark.long
@pytest.mark.parametrize("block", range(10))
def test_odd_panels_give_an_answer_or_a_typed_refusal(block):
    for seed in range(20 * block, 20 * block + 20):
        rng = np.random.default_rng(seed)
        frame = on_off_panel(
            seed + 1, units=int(rng.integers(3, 25)), years=int(rng.integers(2, 9))
        )
        frame["on"] = frame["on"].astype(float).mask(rng.random(len(frame)) < rng.choice([0, 0.03]))
        frame["rate"] = frame["rate"].mask(rng.random(len(frame)) < rng.choice([0, 0.1, 0.5]))
        frame = frame[rng.random(len(frame)) >= rng.choice([0, 0.1, 0.4])]
        options = [{}, {"normalised": True, "effects": 5, "placebos": 4}, {"stabilise": 2}][
            seed % 3
        ]
        name = "lp_did" if "stabilise" in options else "switching"
        try:
            found = fit(name, frame, **ROWS, **options)
        except EstimationError as error:
            assert all(fault.where and fault.what for fault in error.faults)
            continue
        assert np.isfinite(found.point).all()
        assert np.isfinite(found.std_error[0]) or "no standard error" in " ".join(found.warnings)


def test_bands_cover_the_event_times():
    found = fit("switching", on_off_panel(), **ROWS)
    band = found.band()
    assert np.isnan(band.low[0]) and np.isnan(band.low[3])  # att, and the base
    inner = np.isfinite(band.low)
    assert inner.sum() == 5 and (band.low[inner] < found.conf_low[inner]).all()
    assert np.array_equal(found.band(seed=4).low, found.band(seed=4).low, equal_nan=True)
    by_unit = (found.influence**2).sum(axis=0) ** 0.5 / found.n_units
    assert by_unit[0] == pytest.approx(found.std_error[0], rel=1e-12)


@pytest.fixture(scope="module")
def children():
    plan = load_plan("childrens_intervention")
    panel = build_panel(plan)
    return panel.frame, build_exposure(plan, panel)


@BOTH
def test_the_register_of_interventions_is_refused_and_says_whose_ends_lack(children, name, options):
    """Of directions and trusts 11 to 29 per cent of the ends are on file."""
    panel, exposure = children
    column = exposure.state_by_year("childrens_statutory_direction", or_higher=True)
    assert len(column) == len(panel)
    assert set(column["is_exposed"].dropna()) == {0.0, 1.0}
    frame = panel.merge(column, on=["council_code", "fin_year", "period"])
    outcome = "rereferrals_within_12_months_pct"
    given = {"outcome": outcome, "unit": "council_code", "time": "period"}
    with pytest.raises(EstimationError, match=r"ends of exposure are not known") as caught:
        fit(name, frame, **given, treatment="is_exposed", **options)
    (fault,) = caught.value.faults
    first = frame[frame["is_exposed"] == 1].merge(
        frame[frame["is_exposed"].isna()].assign(period=lambda rows: rows["period"] - 1),
        on=["council_code", "period"],
    )
    lost = [f"{row.council_code} after {row.period}" for row in first.itertuples()]
    assert fault.what.endswith(f": {', '.join(lost[:5])} and {len(lost) - 5} more")
    assert "cohort=" in fault.remedy


def test_support_whose_ends_are_on_file_can_be_estimated(children):
    panel, exposure = children
    column = exposure.state_by_year("exceptional_financial_support")
    assert column["is_exposed"].notna().all()
    spells = exposure.spells.query("kind == 'exceptional_financial_support'")
    held = spells[spells["council_code"].isin(panel["council_code"])]
    held = held[held["start_latest"] < pd.Timestamp("2025-04-01")]  # within the plan's years
    assert set(held["council_code"]) == set(column.query("is_exposed == 1")["council_code"])
    frame = panel.merge(column, on=["council_code", "fin_year", "period"])
    found = fit(
        "switching", frame, outcome="rereferrals_within_12_months_pct", unit="council_code",
        time="period", treatment="is_exposed",
    )  # fmt: skip
    assert found.n_treated_units > 20 and np.isfinite(found.point).all()


def test_kinds_without_spells_have_no_state(children):
    _, exposure = children
    with pytest.raises(DataError, match="Did you mean 'childrens_trust'"):
        exposure.state_by_year(["childrens_trst", "exceptional_financial_support"])
    direction = exposure.state_by_year("childrens_statutory_direction")["is_exposed"]
    higher = exposure.state_by_year("childrens_statutory_direction", or_higher=True)["is_exposed"]
    assert (higher == 1).sum() > (direction == 1).sum()
    assert (higher == 0).sum() < (direction == 0).sum()
