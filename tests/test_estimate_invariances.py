"""What may not change an estimate: order, labels, units of measurement, where years begin."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel
from hypothesis import given, settings
from hypothesis import strategies as st

from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate, fit

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
NAMES = ("group_time", "twfe", "event_study")


def attempt(name: str, frame: pd.DataFrame, **options: object) -> Estimate | str:
    """Return the estimate, or the message of the refusal."""
    if name == "group_time":
        options |= {"comparison": "not_yet_treated"}
    if name == "event_study":
        options |= {"window": (-3, 2)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        try:
            return fit(name, frame, **COLUMNS, cohort="first", cluster="pair", **options)
        except EstimationError as error:
            return str(error)


def assert_same(one: Estimate | str, two: Estimate | str, factor: float = 1.0) -> None:
    if isinstance(one, str) or isinstance(two, str):
        assert one == two
        return
    assert one.terms == two.terms
    size = np.abs(one.point).max() * factor + factor
    for field in ("point", "std_error", "conf_low", "conf_high"):
        a, b = getattr(one, field) * factor, getattr(two, field)
        assert a == pytest.approx(b, abs=1e-8 * size, nan_ok=True)
    assert one.p_value == pytest.approx(two.p_value, abs=1e-6, nan_ok=True)
    assert (one.term_units == two.term_units).all()


@pytest.mark.parametrize("name", NAMES)
@FEWER
@given(frame=PANELS, seed=st.integers(0, 99))
def test_what_is_only_presentation_changes_nothing(name, frame, seed):
    rng = np.random.default_rng(seed)
    before = frame.copy(deep=True)
    plain = attempt(name, frame)
    pd.testing.assert_frame_equal(frame, before)
    again = attempt(name, frame)
    if isinstance(plain, Estimate) and isinstance(again, Estimate):
        assert (plain.point == again.point).all()
        assert np.array_equal(plain.covariance, again.covariance)
    assert_same(plain, attempt(name, frame.sample(frac=1, random_state=rng)))
    unused = frame.assign(unused=np.nan, other="text")
    assert_same(plain, attempt(name, unused))
    names = {old: f"{rng.integers(1e9)}{old}" for old in frame["council"].unique()}
    if isinstance(plain, Estimate):  # a refusal may name the units
        assert_same(plain, attempt(name, frame.replace({"council": names})))


@pytest.mark.parametrize("name", NAMES)
@FEWER
@given(
    frame=PANELS,
    scale=st.sampled_from([1e-4, 3.0, 1e4]),
    shift=st.sampled_from([-50.0, 0.5, 1000.0]),
)
def test_the_unit_of_measurement_only_scales(name, frame, scale, shift):
    plain = attempt(name, frame)
    assert_same(plain, attempt(name, frame.assign(rate=frame["rate"] * scale)), scale)
    assert_same(plain, attempt(name, frame.assign(rate=frame["rate"] + shift)))


@pytest.mark.parametrize("name", NAMES)
@FEWER
@given(frame=PANELS, years=st.sampled_from([-1000, 7, 300]))
def test_shifted_years_shift_the_names_alone(name, frame, years):
    plain = attempt(name, frame)
    if isinstance(plain, str):
        return
    moved = attempt(name, frame.assign(year=frame["year"] + years, first=frame["first"] + years))
    assert isinstance(moved, Estimate)
    assert moved.point == pytest.approx(plain.point, abs=1e-9)
    assert moved.std_error == pytest.approx(plain.std_error, abs=1e-9, nan_ok=True)


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
