"""Panels with one thing odd about them, and what every estimator owes whoever gives it one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS

from evallib.errors import EstimationError
from evallib.estimate import Estimate, fit
from evallib.estimate.options import read_options

EFFECT = 2.0
KINDS = (
    "plain",
    "no variation",
    "cohort of one",
    "all treated at once",
    "no never-treated",
    "treated in the first period",
    "gaps in years",
    "constant within units",
    "collinear",
    "bad weights",
    "infinite",
    "years as text",
    "two clusters",
    "tiny",
    "many rows missing",
    "codes of never",
    "large numbers",
)
# Estimators of something else than an effect on a number: their outcome is made from the panel.
EVENTS = ("hazard",)
WITHOUT_EXPOSURE = ("hazard", "markov")
STATES = ("markov", "ordered_logit", "good_or_better")
# Without year effects, or with comparators whose levels differ, a year's shock stays.
NOT_EXACT = ("pooled", "between", "first_difference", "fixed_effects", "random_effects", "mundlak",
             "synthetic_control")  # fmt: skip
BALANCED = ("bacon", "synthetic_did", "synthetic_control")
OF_LEVELS = ("pooled", "between")


@dataclass(frozen=True)
class Case:
    """A panel, how to call an estimator on it, and what is known about the answer.

    Parameters
    ----------
    noise : float
        What is in the outcome besides a level of each unit, a shock of each year and the effect:
        its standard deviation.
    """

    kind: str
    frame: pd.DataFrame
    options: dict[str, Any]
    noise: float


def make_case(name: str, seed: int) -> Case:
    """Return the odd panel of a seed for an estimator, with options that it has."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    units, periods = int(rng.integers(8, 30)), int(rng.integers(4, 10))
    if kind == "tiny":
        units, periods = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    years = 2000 + np.arange(periods)
    if kind == "gaps in years":
        years = np.sort(rng.choice(2000 + np.arange(2 * periods), periods, replace=False))
    first = _cohorts(kind, units, years, rng)
    exposed = (years >= first[:, None]) & (first[:, None] > 0)
    level, shock = 3 * rng.normal(size=(units, 1)), rng.normal(size=periods).cumsum()
    noise = float(rng.choice([0.0, 1e-6, 1.0], p=[0.1, 0.4, 0.5]))
    rate = level + shock + EFFECT * exposed + noise * rng.normal(size=(units, periods))
    if kind == "no variation":
        rate = np.full(rate.shape, 7.25)
    if kind == "constant within units":
        rate = level + np.zeros(rate.shape)
    if kind == "large numbers":
        rate = rate + 1e9
    frame = pd.DataFrame(
        {
            "council": np.repeat([f"E{k:02d}" for k in range(units)], periods),
            "year": np.tile(years, units),
            "rate": rate.ravel(),
            "first": np.repeat(first, periods),
            "exposed": exposed.astype(int).ravel(),
            "people": np.repeat(rng.uniform(0.01, 100, units), periods),
            "pair": np.repeat(np.arange(units) // 2, periods),
            "share": rng.normal(size=rate.size),
        }
    )
    usual = 0.0 if name in BALANCED else rng.choice([0.0, 0.1])
    missing = {"many rows missing": 0.5, "gaps in years": 0.2}.get(kind, usual)
    frame = frame[rng.random(len(frame)) >= missing]
    if frame.empty:
        frame = frame.reindex(range(1)).assign(council="E00", year=2000, rate=1.0, people=1.0)
    options = _options(name, kind, rng)
    return Case(kind, _spoil(frame, kind, options, rng), options, noise)


def _cohorts(
    kind: str, units: int, years: np.ndarray[Any, Any], rng: np.random.Generator
) -> np.ndarray[Any, Any]:
    """Return the first exposed year of each unit, missing for never."""
    inside = years[1:] if years.size > 1 else years
    if kind == "all treated at once":
        return np.full(units, float(rng.choice(inside)))
    kinds = [float(year) for year in rng.choice(inside, min(inside.size, 3), replace=False)]
    if kind != "no never-treated":
        kinds += [np.nan] * int(rng.integers(1, 5))
    if kind == "treated in the first period":
        kinds += [float(years[0]), float(years[0]) - 4]
    if kind == "codes of never":
        kinds += [0.0, np.inf, 2060.0]
    if kind == "cohort of one":
        first = rng.choice([*kinds[1:], np.nan], units)
        first[0] = kinds[0]
        return first
    return rng.choice(kinds, units)


def _options(name: str, kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return options of an estimator that suit a kind of panel; some at random."""
    had = {item.name for item in fields(read_options(name, {}))}
    drawn: dict[str, Any] = {
        "comparison": str(rng.choice(["never_treated", "not_yet_treated"])),
        "base": str(rng.choice(["varying", "universal"])),
        "method": str(rng.choice(["dr", "ipw", "reg"])),
        "anticipation": int(rng.integers(0, 2)),
        "allow_unbalanced": bool(rng.random() < 0.7),
        "vcov": "cluster" if name in (*EVENTS, *STATES) or rng.random() < 0.7 else "cr3",
        "weights": "people",
        "covariates": ["share"],
        "cluster": "pair",
        "draws": 99,
    }
    wanted = {key for key in drawn if rng.random() < 0.4} | {"draws"}
    wanted |= {"bad weights": {"weights"}, "two clusters": {"cluster"}}.get(kind, set())
    if kind == "collinear":
        wanted |= {"covariates"}
        twice = ["share", "twice"]
        drawn["covariates"] = [twice, ["exposed"], ["flat"], ["level"]][int(rng.integers(4))]
    if name.startswith("synthetic"):
        wanted -= {"comparison"}
    if name == "markov":
        wanted -= {"covariates"}
    if name == "stacked":
        drawn["window"] = (-2, 1)
        wanted |= {"window"}
    return {key: drawn[key] for key in sorted(wanted & had)}


def _spoil(
    frame: pd.DataFrame, kind: str, options: dict[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the panel with what its kind has wrong in its columns."""
    row = frame.index[int(rng.integers(len(frame)))]
    if kind == "bad weights":
        value = float(rng.choice([0.0, -1.0, np.nan]))
        frame["people"] = frame["people"].mask(frame["council"] == frame["council"][row], value)
    if kind == "infinite":
        column = "share" if "covariates" in options and rng.random() < 0.5 else "rate"
        frame.loc[row, column] = np.inf
    if kind == "years as text":
        frame["year"] = frame["year"].astype(str) + "/" + ((frame["year"] + 1) % 100).astype(str)
    if kind == "two clusters":
        frame["pair"] = (frame["pair"] % 2).map({0: "north", 1: "south"})
    if kind == "collinear":
        frame["twice"] = 2 * frame["share"] + 1
        frame["flat"] = 4.0
        frame["level"] = frame["people"]
    return frame


def call(name: str, case: Case, frame: pd.DataFrame) -> tuple[Estimate | str, list[str]]:
    """Return the estimate, or the refusal as text, and the warnings; other errors pass."""
    columns: dict[str, Any] = dict(COLUMNS)
    if name in EVENTS:
        event = (frame["first"] == frame["year"]).astype(float)
        frame = frame.assign(rate=event.where(np.isfinite(frame["rate"]), frame["rate"]))
    elif name in STATES:
        grade = np.floor(frame["rate"].clip(-99, 99)) % 4 + 1
        frame = frame.assign(rate=grade.where(np.isfinite(frame["rate"]), frame["rate"]))
    if name not in WITHOUT_EXPOSURE and (name not in OF_LEVELS or "covariates" not in case.options):
        columns |= {"cohort": "first"} if len(frame) % 3 else {"treatment": "exposed"}
    before = frame.copy(deep=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found: Estimate | str = fit(name, frame, **columns, **case.options)
        except EstimationError as error:
            assert error.faults and all(fault.where and fault.what for fault in error.faults)
            found = str(error)
    pd.testing.assert_frame_equal(frame, before)
    return found, [str(item.message) for item in caught]


def owed(name: str, case: Case) -> bool:
    """Return whether a panel cannot be answered at all, so that a refusal is owed."""
    if case.kind in ("infinite", "years as text"):
        return name != "markov" or case.kind == "infinite"
    if case.kind == "bad weights":
        return "weights" in case.options
    if name in (*EVENTS, *STATES):
        return False
    if case.kind == "constant within units":
        return name not in OF_LEVELS
    return case.kind == "no variation"


def check_answer(name: str, case: Case, found: Estimate, texts: list[str]) -> None:
    """Hold an answer to what any answer is."""
    point, error = found.point, found.std_error
    assert np.isfinite(point).all()
    assert (np.isnan(error) | (np.isfinite(error) & (error > 0))).all()
    if np.isnan(error[0]) and not np.isfinite(found.conf_low[0]):
        assert any("no standard error" in text for text in texts)
    known = np.isfinite(error)
    inside = found.conf_low[known] <= point[known]
    assert (inside & (point[known] <= found.conf_high[known])).all()
    assert name in STATES or ((found.p_value[known] >= 0) & (found.p_value[known] <= 1)).all()
    rows = len(case.frame)
    assert 0 < found.n_obs <= rows or name in ("stacked", "first_difference")
    assert 0 <= found.n_treated_units <= found.n_units <= case.frame["council"].nunique()
    if name == "group_time":
        for kind in ("simple", "dynamic", "group", "calendar"):
            assert np.isfinite(found.aggregate(kind).point).all()
    if case.kind == "two clusters" and "cluster" in case.options:
        assert any("clusters" in text for text in texts)
    # The stacked regression has event times in common, to which covariates may be related.
    is_related = name == "stacked" and "covariates" in case.options
    if case.noise < 1 and not is_related and name not in (*EVENTS, *STATES, *NOT_EXACT):
        # Matching extrapolates where few comparators differ: its error, or a warning, says so.
        wide = 4 * np.nan_to_num(error[0], nan=np.inf) if name == "matched_did" else 0.0
        assert abs(point[0] - EFFECT) < 1e-3 + wide


def check_presentation(name: str, case: Case, found: Estimate | str) -> None:
    """Hold an answer to other names, another order and another zero of the outcome."""
    names = {old: f"W{99 - int(old[1:]):02d}" for old in case.frame["council"].unique()}
    other = case.frame.iloc[::-1].replace({"council": names})
    if name not in (*EVENTS, *STATES):
        other["rate"] += 10.0
    again, _ = call(name, case, other)
    if isinstance(found, str) or isinstance(again, str):
        assert case.noise < 1 or isinstance(found, str) == isinstance(again, str)
        return
    assert found.terms == again.terms
    if case.noise < 1:  # slopes on what only noise tells apart move with rounding
        return
    digits = 1e-4 if case.kind == "large numbers" else 1e-6  # of sixteen, 1e9 takes nine
    approx = partial(pytest.approx, rel=digits, abs=digits)
    alone = {"pooled", "between", "random_effects", "mundlak"} & {name}
    if "constant" in found.terms and alone:
        assert again.point[found.terms.index("constant")] - 10 == approx(
            found.point[found.terms.index("constant")]
        )
    same = np.array([term != "constant" for term in found.terms])
    assert again.point[same] == approx(found.point[same])
    known = same & np.isfinite(found.std_error) & np.isfinite(again.std_error)
    assert again.std_error[known] == approx(found.std_error[known])
