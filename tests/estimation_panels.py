"""Small panels that the tests of estimate and inference share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

VALIDATION = Path(__file__).parents[1].parent / "shared" / "validation"
COLUMNS = {"outcome": "rate", "unit": "council", "time": "year"}


def reference(case: str) -> dict[str, Any]:
    """Return a case's full-precision reference figures, or skip when they are not there."""
    path = VALIDATION / case / "reference.json"
    if not path.exists():
        pytest.skip(f"the reference figures of {case} are not beside this checkout")
    return json.loads(path.read_text())["full_precision"]


def reference_table(case: str, name: str) -> pd.DataFrame:
    path = VALIDATION / case / name
    if not path.exists():
        pytest.skip(f"the reference data of {case} are not beside this checkout")
    return pd.read_csv(path)


def make_panel(
    seed: int = 0,
    units: int = 60,
    years: tuple[int, int] = (2010, 2018),
    cohorts: tuple[float, ...] = (2014, 2016, np.nan),
    missing: float = 0.0,
    effect: float = 1.0,
    pairs: int = 0,
) -> pd.DataFrame:
    """Return a tidy panel with staggered exposure; the first units form pairs in one cluster."""
    rng = np.random.default_rng(seed)
    first = np.resize(np.array(cohorts, dtype=float), units)
    first[: 2 * pairs] = np.repeat(first[: 2 * pairs : 2], 2)
    cluster = np.arange(units)
    cluster[1 : 2 * pairs : 2] = cluster[0 : 2 * pairs : 2]
    year = np.arange(years[0], years[1] + 1)
    level = rng.normal(size=(units, 1)) * 2 + rng.normal(size=(units, year.size)).cumsum(axis=1)
    exposed = year[None, :] >= first[:, None]
    frame = pd.DataFrame(
        {
            "council": np.repeat([f"E{code:03d}" for code in range(units)], year.size),
            "year": np.tile(year, units),
            "rate": (level + 0.3 * (year - years[0]) + effect * exposed).ravel(),
            "first": np.repeat(first, year.size),
            "exposed": exposed.astype(int).ravel(),
            "pair": np.repeat([f"c{code:03d}" for code in cluster], year.size),
            "people": np.repeat(rng.uniform(1, 5, units), year.size),
            "share": rng.normal(size=units * year.size),
        }
    )
    return frame[rng.random(len(frame)) >= missing].reset_index(drop=True)
