"""What the door costs over its engine: run by hand, prints a table and one JSON line.

    python benchmarks/regression_cost.py [units] [repeats]

Both sides start from the same tidy frame and end with coefficients and their standard errors. The
engine is the library that computes the estimator (linearmodels for the base regressions) or, where
the arithmetic is our own, the best other implementation that is installed (diff-diff, statsmodels).
Where there is none that does the same, it is our own functions over arrays, which are given the
sample ready made: then the ratio is what reading the frame adds. Seconds are of the processor, the
best of all repeats, both sides in turn. The door may cost 1.10 times its engine.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import diff_diff
import numpy as np
import pandas as pd
import statsmodels.api as sm
from linearmodels.panel import (
    BetweenOLS,
    FirstDifferenceOLS,
    PanelOLS,
    PooledOLS,
    RandomEffects,
)
from statsmodels.miscmodels.ordinal_model import OrderedModel

from evallib.estimate import fit
from evallib.estimate.columns import Notes
from evallib.estimate.door import OF_EVENTS, REGRESSIONS
from evallib.estimate.intake import take
from evallib.estimate.matched_columns import read_match_columns
from evallib.estimate.matched_fit import fit_matched_did
from evallib.estimate.options import read_options

YEARS, LIMIT = 20, 1.10
Engine = Callable[[pd.DataFrame], object]
KEYS = {"outcome": "rate", "unit": "council", "time": "year"}
DATED = KEYS | {"cohort": "first"}
EXPOSED = KEYS | {"treatment": "exposed", "covariates": ["share"]}
FEW = 333  # units where an engine takes long


def make_frame(units: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    first = np.resize(np.array([2008.0, 2012.0, np.nan]), units)
    year = np.arange(1999, 1999 + YEARS)
    level = rng.normal(size=(units, 1)) + rng.normal(size=(units, YEARS)).cumsum(axis=1)
    begin, spell = rng.integers(2, 2 * YEARS, (units, 1)), rng.integers(1, 6, (units, 1))
    on = (np.arange(YEARS) >= begin) & (np.arange(YEARS) < begin + spell)
    exposed = year[None, :] >= first[:, None]
    single = np.where(np.arange(units) < units // 20, 2012.0, np.nan)
    frame = pd.DataFrame(
        {
            "council": np.repeat([f"E{code:06d}" for code in range(units)], YEARS),
            "year": np.tile(year, units),
            "rate": level.ravel(),
            "code": np.repeat(np.arange(units), YEARS),
            "first": np.repeat(first, YEARS),
            "start": np.repeat(np.nan_to_num(first), YEARS).astype(int),
            "exposed": exposed.astype(int).ravel(),
            "on": on.astype(int).ravel(),
            "share": rng.normal(size=units * YEARS),
            "single": np.repeat(single, YEARS),
            "few": np.repeat(np.isfinite(single), YEARS).astype(int),
        }
    )
    frame["grade"] = pd.qcut(frame["rate"] + frame["share"], 4, labels=False) + 1
    hazard = 1 / (1 + np.exp(3 - 0.5 * frame["share"]))
    happens = rng.random(len(frame)) < hazard
    frame["event"] = happens.astype(int)
    frame["at_risk"] = happens.groupby(frame["code"]).cumsum() - happens == 0
    return frame


def with_means(frame: pd.DataFrame) -> pd.DataFrame:
    """Return exposure, the covariate and their means by unit."""
    both = frame[["exposed", "share"]]
    means = both.groupby(frame["code"].to_numpy()).transform("mean")
    return both.join(means.add_suffix("_mean"))


def by_linearmodels(kind: Any, exog: str, frame: pd.DataFrame, **effects: Any) -> object:
    """Fit a panel model of linearmodels with clustered errors."""
    index = frame.set_index(["council", "year"])
    columns = index[["exposed", "share"]] if exog == "plain" else None
    if exog == "means":
        columns = with_means(frame).set_index(index.index)
    if exog == "event times":
        since = (index.index.get_level_values(1) - index["first"]).to_numpy()
        times = np.setdiff1d(np.unique(since[np.isfinite(since)]), [-1.0])
        dummies = (since[:, None] == times).astype(float)
        names = [f"e{value:g}" for value in times]
        columns = pd.DataFrame(dummies, index=index.index, columns=names)
    assert columns is not None
    if not effects and kind is not FirstDifferenceOLS:
        columns = columns.assign(constant=1.0)
    model = kind(index["rate"], columns, **effects)
    if kind is BetweenOLS:
        return model.fit(cov_type="robust").std_errors
    return model.fit(cov_type="clustered", cluster_entity=True).std_errors


def by_unit_slopes(frame: pd.DataFrame) -> object:
    """Fit two-way effects with a column for the slope of every unit but one, by linearmodels."""
    index = frame.set_index(["council", "year"])
    units = index["code"].to_numpy()[:, None] == np.arange(1, frame["code"].max() + 1)
    slopes = units * (frame["year"].to_numpy() - 2008.5)[:, None]
    exog = index[["exposed", "share"]].join(pd.DataFrame(slopes, index=index.index))
    exog.columns = exog.columns.astype(str)
    model = PanelOLS(index["rate"], exog, entity_effects=True, time_effects=True)
    return model.fit(cov_type="clustered", cluster_entity=True).std_errors


def by_diff_diff(make: Callable[[], Any], frame: pd.DataFrame, **columns: str) -> object:
    """Fit an estimator of diff-diff."""
    given = {"outcome": "rate", "unit": "code", "time": "year"} | columns
    return make().fit(frame, **given)


def by_placebos(frame: pd.DataFrame) -> object:
    """Fit diff-diff's block synthetic difference in differences with as many placebos."""
    model = diff_diff.SyntheticDiD(variance_method="placebo", n_bootstrap=200, seed=0)
    after = [year for year in range(1999, 1999 + YEARS) if year >= 2012]
    return model.fit(frame, "rate", "few", "code", "year", post_periods=after)


def by_glm(frame: pd.DataFrame) -> object:
    """Fit a logit of the rows at risk with a term a period, by statsmodels."""
    rows = frame[frame["at_risk"]]
    exog = pd.get_dummies(rows["year"], dtype=float).assign(share=rows["share"])
    model = sm.GLM(rows["event"], exog, family=sm.families.Binomial())
    return model.fit(cov_type="cluster", cov_kwds={"groups": rows["code"]}).bse


def by_ordered_model(frame: pd.DataFrame) -> object:
    """Fit an ordered logit with the units' means, by statsmodels."""
    return OrderedModel(frame["grade"], with_means(frame)).fit(method="bfgs", disp=0).bse


def by_period_effects(frame: pd.DataFrame) -> object:
    """Fit a linear probability with period effects and the units' means, by linearmodels."""
    index = frame.set_index(["council", "year"])
    exog = with_means(frame).set_index(index.index)
    model = PanelOLS(100.0 * (index["grade"] >= 3), exog, time_effects=True)
    return model.fit(cov_type="clustered", cluster_entity=True).std_errors


@cache
def _sample(name: str, units: int) -> tuple[Any, ...]:
    """Return what our own functions over arrays are given: read once, not timed."""
    frame, columns = make_frame(units), dict(ROWS[name].door)
    named = {key: columns.pop(key) for key in ("outcome", "unit", "time")}
    exposure = {key: columns.pop(key, None) for key in ("cohort", "treatment")}
    estimator = columns.pop("name", name)
    chosen = read_options(estimator, columns)
    sample = take(
        frame,
        **named,
        **exposure,
        weights=None,
        cluster=None,
        covariates=getattr(chosen, "covariates", ()),
        notes=Notes(),
    )
    return frame, named, estimator, chosen, sample


def by_own_arrays(name: str, frame: pd.DataFrame) -> object:
    """Run our own functions on a sample that is read already."""
    table, named, estimator, chosen, sample = _sample(name, frame["code"].nunique())
    if estimator == "matched_did":
        columns = read_match_columns(table, named["unit"], named["time"], sample, chosen)
        return fit_matched_did(sample, columns, chosen, Notes())
    return REGRESSIONS[estimator](sample, chosen, Notes())


def by_own_reader(name: str, frame: pd.DataFrame) -> object:
    """Run our own function that reads the frame by itself."""
    columns = dict(ROWS[name].door)
    named = tuple(columns.pop(key) for key in ("outcome", "unit", "time"))
    return OF_EVENTS[name](frame, named, read_options(name, columns), Notes())


@dataclass(frozen=True)
class Row:
    """One estimator: how the door is called, its engine, and what that is."""

    door: Mapping[str, Any]
    engine: Engine
    of: str
    units: int | None = None
    only: str = ""


def _linear(kind: Any, exog: str = "plain", door: Any = EXPOSED, **effects: Any) -> Row:
    engine = partial(_apply_linear, kind, exog, effects)
    return Row(door, engine, "linearmodels")


def _apply_linear(kind: Any, exog: str, effects: Any, frame: pd.DataFrame) -> object:
    return by_linearmodels(kind, exog, frame, **effects)


def _diff(make: Callable[[], Any], door: Any = DATED, **columns: str) -> Row:
    named = columns or {"first_treat": "start"}
    return Row(door, lambda frame: by_diff_diff(make, frame, **named), "diff-diff")


def _own(name: str, door: Any, units: int | None = None) -> Row:
    return Row(door, partial(by_own_arrays, name), "our own arrays", units)


NEVER = {"control_group": "never_treated"}
ROWS: dict[str, Row] = {
    "pooled": _linear(PooledOLS),
    "between": _linear(BetweenOLS),
    "first_difference": _linear(FirstDifferenceOLS),
    "fixed_effects": _linear(PanelOLS, entity_effects=True),
    "twfe": _linear(PanelOLS, entity_effects=True, time_effects=True),
    "twfe, trends": Row(
        EXPOSED | {"name": "twfe", "trends": True}, by_unit_slopes, "linearmodels", FEW
    ),
    "random_effects": _linear(RandomEffects),
    "mundlak": _linear(RandomEffects, "means"),
    "event_study": _linear(PanelOLS, "event times", DATED, entity_effects=True, time_effects=True),
    "sun_abraham": _diff(diff_diff.SunAbraham),
    "etwfe": _diff(lambda: diff_diff.WooldridgeDiD(**NEVER)),
    "stacked": _diff(lambda: diff_diff.StackedDiD(kappa_pre=3, kappa_post=2, **NEVER)),
    "lp_did": _diff(
        lambda: diff_diff.LPDiD(pre_window=3, post_window=2, **NEVER), treatment="exposed"
    ),
    "bacon": _diff(diff_diff.BaconDecomposition),
    "imputation": _diff(diff_diff.ImputationDiD),
    "two_stage": _diff(diff_diff.TwoStageDiD),
    "switching": _diff(
        lambda: diff_diff.ChaisemartinDHaultfoeuille(
            drop_larger_lower=False, twfe_diagnostic=False
        ),
        KEYS | {"treatment": "on"},
        treatment="on",
    ),
    "matched_did": _own("matched_did", DATED),
    "synthetic_did": Row(KEYS | {"cohort": "single"}, by_placebos, "diff-diff", FEW),
    "synthetic_control": _own("synthetic_control", KEYS | {"cohort": "single"}, FEW),
    "hazard": Row(
        KEYS | {"outcome": "event", "covariates": ["share"]}, by_glm, "statsmodels", only="at_risk"
    ),
    "markov": Row(
        KEYS | {"outcome": "grade"}, partial(by_own_reader, "markov"), "our own function"
    ),
    "ordered_logit": Row(EXPOSED | {"outcome": "grade"}, by_ordered_model, "statsmodels", FEW),
    "good_or_better": Row(EXPOSED | {"outcome": "grade"}, by_period_effects, "linearmodels"),
}


def run_door(name: str, frame: pd.DataFrame) -> object:
    row = ROWS[name]
    columns = dict(row.door)
    if row.only:
        frame = frame[frame[row.only]]
    return fit(columns.pop("name", name), frame, **columns).std_error


def taken(run: Engine, frame: pd.DataFrame) -> float:
    start = time.process_time()
    run(frame)
    return time.process_time() - start


def main(units: int, repeats: int) -> None:
    warnings.simplefilter("ignore")
    figures = {}
    print(f"{YEARS} years, best of {repeats}, seconds of the processor")
    for name, row in ROWS.items():
        size = min(units, row.units or units)
        frame = make_frame(size)
        engine, door = np.inf, np.inf
        for _ in range(repeats):  # in turn, so that both meet the same load
            engine = min(engine, taken(row.engine, frame))
            door = min(door, taken(partial(run_door, name), frame))
        ratio = door / engine
        figures[name] = {
            "units": size,
            "engine": row.of,
            "engine_s": round(engine, 4),
            "door_s": round(door, 4),
            "ratio": round(ratio, 3),
        }
        note = "" if ratio <= LIMIT else "  above the limit"
        print(
            f"{name:18s} {size:>6} units  {row.of:17s} {engine:8.4f}  door {door:8.4f}  "
            f"ratio {ratio:5.2f}{note}",
            flush=True,
        )
    missed = [name for name, one in figures.items() if one["ratio"] > LIMIT]
    print(json.dumps({"years": YEARS, "limit": LIMIT, "missed": missed, "rows": figures}))


if __name__ == "__main__":
    main(*(int(item) for item in (sys.argv[1:] + ["3330", "7"][len(sys.argv) - 1 :])))
