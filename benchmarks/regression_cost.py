"""What the door costs over its engine: run by hand, prints a table and one JSON line.

    python benchmarks/regression_cost.py [units] [repeats]

Both sides start from the same tidy frame and end with coefficients and a clustered covariance.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

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
CONSTANT = ("pooled", "between", "random_effects")


def make_frame(units: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    first = np.resize(np.array([2008.0, 2012.0, np.nan]), units)
    year = np.arange(1999, 1999 + YEARS)
    level = rng.normal(size=(units, 1)) + rng.normal(size=(units, YEARS)).cumsum(axis=1)
    return pd.DataFrame(
        {
            "council": np.repeat([f"E{code:06d}" for code in range(units)], YEARS),
            "year": np.tile(year, units),
            "rate": level.ravel(),
            "exposed": (year[None, :] >= first[:, None]).astype(int).ravel(),
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


def run_door(name: str, frame: pd.DataFrame) -> float:
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


def fastest(run: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main(units: int, repeats: int) -> None:
    warnings.simplefilter("ignore")
    frame = make_frame(units)
    figures = {}
    print(f"{units} units x {YEARS} years, best of {repeats}, seconds")
    for name in ENGINES:
        run_engine(name, frame), run_door(name, frame)
        engine, door = np.inf, np.inf
        for _ in range(repeats):  # in turn, so that both meet the same load
            engine = min(engine, fastest(lambda: run_engine(name, frame), 1))  # noqa: B023
            door = min(door, fastest(lambda: run_door(name, frame), 1))  # noqa: B023
        figures[name] = round(door / engine, 3)
        print(f"{name:18s} engine {engine:.4f}  door {door:.4f}  ratio {door / engine:.2f}")
    print(json.dumps({"units": units, "years": YEARS, "ratio": figures}))


if __name__ == "__main__":
    main(*(int(item) for item in (sys.argv[1:] + ["3330", "7"][len(sys.argv) - 1 :])))
