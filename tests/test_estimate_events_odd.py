"""Odd frames for hazard and markov: an answer that is a number, or a refusal that says why."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import fit

CALLS = (
    ("hazard", {}),
    ("hazard", {"covariates": ["x", "z"], "baseline": "linear"}),
    ("hazard", {"covariates": "x", "model": "cox"}),
    ("hazard", {"covariates": "x", "model": "cox", "ties": "exact", "vcov": "iid"}),
    ("markov", {}),
    ("markov", {"framework": "z"}),
    ("markov", {"model": "continuous"}),
    ("markov", {"model": "continuous", "covariates": "x", "vcov": "iid"}),
)


def spoil(rng: np.random.Generator, column: pd.Series) -> pd.Series:
    """Return a column as tables have it: with gaps, as text, constant, infinite, as dates."""
    some = rng.random(len(column)) < 0.8
    kinds = {
        0: lambda: column.astype(float).where(some),
        1: lambda: column.astype(object).where(some, None),
        2: lambda: column.astype(str),
        3: lambda: column * 0,
        4: lambda: column.astype(float).where(some, np.inf),
        5: lambda: pd.Series(pd.date_range("2020", periods=len(column))),
        6: lambda: column.astype("category"),
        7: lambda: column * 1e12,
        8: lambda: column.round().astype("Int64"),
    }
    return kinds.get(int(rng.integers(0, 30)), lambda: column)()


def odd_frame(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(0, 80))
    columns = {
        "y": rng.integers(0, 2, rows),
        "unit": rng.integers(0, max(2, rows // 4), rows),
        "time": rng.integers(2010, 2018, rows),
        "x": rng.normal(size=rows),
        "z": rng.integers(0, 2, rows),
    }
    frame = pd.DataFrame({name: spoil(rng, pd.Series(held)) for name, held in columns.items()})
    if rng.random() < 0.9:
        frame = frame.drop_duplicates(["unit", "time"])
    frame.index = rng.permutation(len(frame))
    return frame


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 200, 20))
def test_odd_frames_get_numbers_or_a_refusal(start: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(start, start + 20):
        frame = odd_frame(seed)
        before = frame.copy(deep=True)
        for name, options in CALLS:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", EvallibWarning)
                try:
                    found = fit(name, frame, outcome="y", unit="unit", time="time", **options)
                except EstimationError as error:
                    assert all(fault.what for fault in error.faults)
                    seen["refused"] += 1
                    continue
            seen["answered"] += 1
            unknown = ~np.isfinite(found.point)
            assert not unknown.any() or "do not fix" in " ".join(found.warnings)
            known = np.isfinite(found.std_error)
            assert (found.std_error[known] >= 0).all()
            assert (found.conf_low[known] <= found.point[known] + 1e-12).all()
            assert (found.point[known] <= found.conf_high[known] + 1e-12).all()
        pd.testing.assert_frame_equal(frame, before)
    assert min(seen["refused"], seen["answered"]) > 5
