"""What the door costs over its engine: run by hand, prints a table and one JSON line.

    python benchmarks/regression_cost.py [units] [repeats]

Both sides start from the same tidy frame and end with coefficients and a clustered covariance.
The base regressions stand beside linearmodels, their engine; the estimators for staggered designs,
which are our own arithmetic, beside diff-diff.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import diff_diff
import numpy as np
import pandas as pd
from linearmodels.panel import (
    BetweenOLS,
    FirstDifferenceOLS,
    PanelOLS,
    PooledOLS,
    RandomEffects,
)

from evallib.estimate import fit

YEARS = 20
ENGINES = {
    "pooled": (PooledOLS, {}),
    "between": (BetweenOLS, {}),
    "first_difference": (FirstDifferenceOLS, {}),
    "fixed_effects": (PanelOLS, {"entity_effects": True}),
    "twfe": (PanelOLS, {"entity_effects": True, "time_effects": True}),
    "random_effects": (RandomEffects, {}),
}
OTHERS: dict[str, Callable[[], Any]] = {
    "sun_abraham": diff_diff.SunAbraham,
    "etwfe": lambda: diff_diff.WooldridgeDiD(control_group="never_treated"),
    "stacked": lambda: diff_diff.StackedDiD(
        kappa_pre=3, kappa_post=2, control_group="never_treated"
    ),
    "lp_did": lambda: diff_diff.LPDiD(pre_window=3, post_window=2, control_group="never_treated"),
    "bacon": diff_diff.BaconDecomposition,
    "imputation": diff_diff.ImputationDiD,
    "two_stage": diff_diff.TwoStageDiD,
    "switching": lambda: diff_diff.ChaisemartinDHaultfoeuille(
        drop_larger_lower=False, twfe_diagnostic=False
    ),
}
CONSTANT = ("pooled", "between", "random_effects")


def make_frame(units: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    first = np.resize(np.array([2008.0, 2012.0, np.nan]), units)
    year = np.arange(1999, 1999 + YEARS)
    level = rng.normal(size=(units, 1)) + rng.normal(size=(units, YEARS)).cumsum(axis=1)
    begin, spell = rng.integers(2, 2 * YEARS, (units, 1)), rng.integers(1, 6, (units, 1))
    on = (np.arange(YEARS) >= begin) & (np.arange(YEARS) < begin + spell)
    return pd.DataFrame(
        {
            "council": np.repeat([f"E{code:06d}" for code in range(units)], YEARS),
            "year": np.tile(year, units),
            "rate": level.ravel(),
            "code": np.repeat(np.arange(units), YEARS),
            "first": np.repeat(first, YEARS),
            "start": np.repeat(np.nan_to_num(first), YEARS).astype(int),
            "exposed": (year[None, :] >= first[:, None]).astype(int).ravel(),
            "on": on.astype(int).ravel(),
            "share": rng.normal(size=units * YEARS),
        }
    )


def run_engine(name: str, frame: pd.DataFrame) -> float:
    kind, effects = ENGINES[name]
    index = frame.set_index(["council", "year"])
    exog = index[["exposed", "share"]]
    if name in CONSTANT:
        exog = exog.assign(constant=1.0)
    model = kind(index["rate"], exog, **effects)
    if name == "between":
        result = model.fit(cov_type="robust")
    else:
        result = model.fit(cov_type="clustered", cluster_entity=True)
    return float(result.std_errors.iloc[0])


def run_other(name: str, frame: pd.DataFrame) -> object:
    columns = {"outcome": "rate", "unit": "code", "time": "year"}
    if name == "lp_did":
        return OTHERS[name]().fit(frame, **columns, treatment="exposed")
    if name == "switching":
        return OTHERS[name]().fit(frame, **columns, treatment="on", L_max=3)
    return OTHERS[name]().fit(frame, **columns, first_treat="start")


def run_door(name: str, frame: pd.DataFrame) -> float:
    if name in OTHERS:
        columns = {"outcome": "rate", "unit": "code", "time": "year"}
        columns |= {"treatment": "on"} if name == "switching" else {"cohort": "first"}
        options = {"placebos": 3} if name == "switching" else {}
        return float(fit(name, frame, **columns, **options).std_error[0])
    found = fit(
        name,
        frame,
        outcome="rate",
        unit="council",
        time="year",
        treatment="exposed",
        covariates=["share"],
    )
    return float(found.std_error[0])


def taken(run: Callable[[str, pd.DataFrame], object], name: str, frame: pd.DataFrame) -> float:
    start = time.perf_counter()
    run(name, frame)
    return time.perf_counter() - start


def main(units: int, repeats: int) -> None:
    warnings.simplefilter("ignore")
    frame = make_frame(units)
    figures = {}
    print(f"{units} units x {YEARS} years, best of {repeats}, seconds")
    for name in (*ENGINES, *OTHERS):
        run = run_engine if name in ENGINES else run_other
        engine, door = np.inf, np.inf
        for _ in range(repeats):  # in turn, so that both meet the same load
            engine = min(engine, taken(run, name, frame))
            door = min(door, taken(run_door, name, frame))
        figures[name] = round(door / engine, 3)
        print(f"{name:18s} engine {engine:.4f}  door {door:.4f}  ratio {door / engine:.2f}")
    print(json.dumps({"units": units, "years": YEARS, "ratio": figures}))


if __name__ == "__main__":
    main(*(int(item) for item in (sys.argv[1:] + ["3330", "7"][len(sys.argv) - 1 :])))
