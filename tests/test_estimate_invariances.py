"""What may not change an estimate: order, labels, units of measurement, where years begin.

For every estimator at the door; new ones join by themselves.
"""

from __future__ import annotations

import warnings
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel
from hypothesis import given, settings
from hypothesis import strategies as st

from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate, fit
from evallib.estimate.options import ESTIMATORS, read_options

PANELS = st.builds(
    make_panel,
    seed=st.integers(0, 10_000),
    units=st.integers(12, 40),
    years=st.tuples(st.integers(2008, 2011), st.integers(2015, 2018)),
    cohorts=st.sampled_from(
        [(2013, np.nan), (2012, 2014, np.nan), (2012, 2013, 2015), (2009, 2014, np.nan, np.nan)]
    ),
    missing=st.sampled_from([0.0, 0.1, 0.3]),
    pairs=st.integers(0, 4),
)
FEWER = settings(max_examples=settings.default.max_examples // 3)  # each example is many fits
FEW = settings(max_examples=settings.default.max_examples // 5)  # times the estimators
# Estimators of something else than an effect on a number: their outcome is made from the panel.
EVENTS = ("hazard",)
STATES = ("markov", "ordered_logit", "good_or_better")
OF_NUMBERS = [name for name in ESTIMATORS if name not in (*EVENTS, *STATES)]
WITHOUT_EXPOSURE = ("hazard", "markov")
OPTIONS: dict[str, dict[str, object]] = {
    "group_time": {"comparison": "not_yet_treated"},
    "event_study": {"window": (-3, 2)},
    "stacked": {"window": (-2, 1)},
    "bacon": {"allow_unbalanced": False},
    "synthetic_did": {"draws": 99},
    "synthetic_control": {"draws": 99},
}


def attempt(name: str, frame: pd.DataFrame, **options: object) -> Estimate | str:
    """Return the estimate, or the message of the refusal."""
    columns: dict[str, object] = COLUMNS | OPTIONS.get(name, {}) | options
    if "cluster" in {item.name for item in fields(read_options(name, {}))}:
        columns["cluster"] = "pair"
    if name not in WITHOUT_EXPOSURE:
        columns["cohort"] = "first"
    if name in EVENTS:
        frame = frame.assign(rate=(frame["year"] == frame["first"]).astype(int))
    if name in STATES:
        frame = frame.assign(rate=np.floor(frame["rate"]).astype(int) % 3 + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        try:
            return fit(name, frame, **columns)
        except EstimationError as error:
            return str(error)


def assert_same(
    one: Estimate | str, two: Estimate | str, factor: float = 1.0, alone: str = ""
) -> None:
    """Hold the second to the first times a factor, but for a term that is left alone."""
    if isinstance(one, str) or isinstance(two, str):
        assert one == two
        return
    assert one.terms == two.terms
    kept = np.array([term != alone for term in one.terms])
    size = np.abs(one.point).max() * factor + factor
    for field in ("point", "std_error", "conf_low", "conf_high"):
        a, b = getattr(one, field)[kept] * factor, getattr(two, field)[kept]
        assert a == pytest.approx(b, abs=1e-8 * size, nan_ok=True)
    assert one.p_value[kept] == pytest.approx(two.p_value[kept], abs=1e-6, nan_ok=True)
    assert (one.term_units == two.term_units).all()


@pytest.mark.long
@pytest.mark.parametrize("name", ESTIMATORS)
@FEW
@given(frame=PANELS, seed=st.integers(0, 99))
def test_what_is_only_presentation_changes_nothing(name, frame, seed):
    rng = np.random.default_rng(seed)
    before = frame.copy(deep=True)
    plain = attempt(name, frame)
    pd.testing.assert_frame_equal(frame, before)
    again = attempt(name, frame)
    if isinstance(plain, Estimate) and isinstance(again, Estimate):
        assert plain.point.tobytes() == again.point.tobytes()
        assert plain.covariance.tobytes() == again.covariance.tobytes()
        assert plain.conf_low.tobytes() == again.conf_low.tobytes()
    shuffled = frame.sample(frac=1, random_state=rng).assign(unused=np.nan, other="text")
    assert_same(plain, attempt(name, shuffled))
    names = {old: f"{rng.integers(1e9)}{old}" for old in frame["council"].unique()}
    if isinstance(plain, Estimate):  # a refusal may name the units
        renamed = attempt(name, frame.replace({"council": names}))
        if name.startswith("synthetic") and isinstance(renamed, Estimate):
            assert plain.point == pytest.approx(renamed.point, abs=1e-8)  # placebos are drawn anew
        else:
            assert_same(plain, renamed)


@pytest.mark.long
@pytest.mark.parametrize("name", OF_NUMBERS)
@FEW
@given(
    frame=PANELS,
    scale=st.sampled_from([1e-4, 3.0, 1e4]),
    shift=st.sampled_from([-50.0, 0.5, 1000.0]),
)
def test_the_unit_of_measurement_only_scales(name, frame, scale, shift):
    plain = attempt(name, frame)
    assert_same(plain, attempt(name, frame.assign(rate=frame["rate"] * scale)), scale)
    moved = attempt(name, frame.assign(rate=frame["rate"] + shift))
    levels = ("pooled", "between", "random_effects", "mundlak")
    assert_same(plain, moved, alone="constant" if name in levels else "")
    if name in levels and isinstance(plain, Estimate) and isinstance(moved, Estimate):
        place = plain.terms.index("constant")
        assert moved.point[place] - shift == pytest.approx(plain.point[place], abs=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("name", ESTIMATORS)
@FEW
@given(frame=PANELS, years=st.sampled_from([-1000, 7, 300]))
def test_shifted_years_shift_the_names_alone(name, frame, years):
    plain = attempt(name, frame)
    if isinstance(plain, str):
        return
    moved = attempt(name, frame.assign(year=frame["year"] + years, first=frame["first"] + years))
    assert isinstance(moved, Estimate)
    assert moved.point == pytest.approx(plain.point, abs=1e-9)
    assert moved.std_error == pytest.approx(plain.std_error, abs=1e-9, nan_ok=True)


# Estimators whose effects come from each cohort less the never treated, one cohort at a time.
BY_COHORT = {
    "group_time": {"comparison": "never_treated"},
    "sun_abraham": {},
    "etwfe": {},
    "stacked": {"comparison": "never_treated"},
    "bacon": {},
}


@pytest.mark.parametrize("name", BY_COHORT)
@FEW
@given(seed=st.integers(0, 10_000), units=st.integers(12, 40), copies=st.integers(1, 3))
def test_comparison_units_that_are_there_twice_change_no_effect(name, seed, units, copies):
    frame = make_panel(seed=seed, units=units, cohorts=(2013, 2015, np.nan))
    never = frame[frame["first"].isna()]
    more = [never.assign(council=never["council"] + f"_{k}") for k in range(copies)]
    options = BY_COHORT[name]
    plain, twice = (
        attempt(name, frame, **options),
        attempt(name, pd.concat([frame, *more]), **options),
    )
    assert isinstance(plain, Estimate) and isinstance(twice, Estimate)
    own = slice(1 if name == "bacon" else 0, None)  # its weights go by the size of groups
    assert twice.point[own] == pytest.approx(plain.point[own], abs=1e-9)


@given(frame=PANELS)
def test_an_aggregation_is_a_mean_of_cells_with_a_covariance(frame):
    found = attempt("group_time", frame)
    if isinstance(found, str):
        return
    for kind in ("simple", "dynamic", "group", "calendar"):
        part = found.aggregate(kind)
        cells = found.point[1:]
        assert part.terms[0] == "overall"
        assert (part.point >= cells.min() - 1e-9).all() and (part.point <= cells.max() + 1e-9).all()
        assert np.linalg.eigvalsh(part.covariance).min() > -1e-9
        known = np.isfinite(part.std_error)
        assert np.diag(part.covariance)[known] == pytest.approx(part.std_error[known] ** 2)
