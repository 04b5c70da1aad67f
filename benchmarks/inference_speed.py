"""Time resampling inference: wild bootstrap and permutations of adoption paths.

Run by hand: ``.venv/bin/python benchmarks/inference_speed.py --python PATH/bin/python``, naming an
interpreter that has pyfixest and wildboottest; without it they are left out. A simulated panel of
333 councils by 20 years with gaps. Timed: 9,999 restricted wild cluster draws with 333 clusters,
draws of the weights and interval included; 9,999 studentised permutations within strata of the
two-way estimator, draws of the paths and interval included, once with every row and once without
the event period of each path; 1,999 of group-time effects, all averages. The p-value of the wild
bootstrap is held to wildboottest's for the same weights. Each process gets one thread unless
``--threads`` says otherwise. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
UNITS, YEARS = 333, 20
WILD, TWO_WAY, CELLS = 9_999, 9_999, 1_999
REPEATS = 5


def simulate() -> pd.DataFrame:
    """Return an unbalanced panel with four cohorts, 30 per cent treated, in five strata."""
    rng = np.random.default_rng(1)
    starts = np.array([2012.0, 2014.0, 2016.0, 2018.0, np.nan])
    first = rng.choice(starts, size=UNITS, p=[0.06, 0.08, 0.08, 0.08, 0.7])
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(UNITS), YEARS),
            "year": np.tile(np.arange(2005, 2005 + YEARS), UNITS),
            "first": np.repeat(first, YEARS),
            "stratum": np.repeat(rng.integers(0, 5, UNITS), YEARS),
            "outcome": rng.normal(size=(UNITS, YEARS)).cumsum(axis=1).ravel(),
        }
    )
    frame["exposed"] = (frame["year"] >= frame["first"]).astype(float)
    return frame[rng.random(len(frame)) > 0.08].reset_index(drop=True)


def timed(work: Any) -> tuple[float, Any]:
    """Return the median seconds of a few runs, and the last result."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return median(seconds), result


def ours(folder: Path) -> dict[str, Any]:
    """Time this package; leave weights and p-value behind for the others."""
    sys.path.insert(0, str(ROOT))
    from evallib.estimate import fit
    from evallib.estimate.adoption_paths import encode_paths
    from evallib.estimate.group_time import prepare
    from evallib.inference.permutation import permute_paths
    from evallib.inference.permuted_cells import permute_cells
    from evallib.inference.permuted_regression import (
        PathRegression,
        path_events,
        path_rows,
        solve_paths,
    )
    from evallib.inference.permuted_terms import permute_batch
    from evallib.inference.wild import draw_weights, wild_bootstrap

    warnings.simplefilter("ignore")
    frame = simulate()
    names = {"outcome": "outcome", "unit": "unit", "time": "year"}
    kept = fit("twfe", frame, treatment="exposed", **names).details["fit"]

    def wild() -> tuple[float, tuple[float, float]]:
        weights, kind, whole = draw_weights(UNITS, WILD, np.random.default_rng(1))
        test = wild_bootstrap(
            kept.problem, kept.solution.regressors, np.ones(1), weights, kind, whole
        )
        return test.p_value(), test.interval(0.95)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wild_seconds, (p_value, interval) = timed(wild)
    wild_memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    np.save(folder / "weights.npy", draw_weights(UNITS, WILD, np.random.default_rng(1))[0])

    grid = frame.pivot(index="unit", columns="year", values="outcome")
    periods = grid.columns.to_numpy()
    by_unit = frame.groupby("unit")[["first", "stratum"]].first()
    cohort = by_unit["first"].fillna(np.inf).to_numpy()
    observed, outcome = grid.notna().to_numpy(), grid.fillna(0.0).to_numpy()
    paths, codes = encode_paths(cohort, np.isfinite(cohort))
    strata, clusters = by_unit["stratum"].to_numpy(), np.arange(UNITS)
    exposed = (periods[None, :] >= cohort[:, None]) & observed

    def two_way(anticipation: int = 0) -> tuple[float, tuple[float, float]]:
        drawn = permute_paths(codes, strata, clusters, TWO_WAY, np.random.default_rng(1))
        problem = PathRegression(
            outcome,
            observed * 1.0,
            clusters,
            path_events(paths, periods, None, None),
            path_rows(paths, periods, anticipation),
            exposed * 1.0,
            np.eye(1),
        )
        nothing = np.array([np.nan])
        test = permute_batch(partial(solve_paths, problem), codes, drawn, ("att",), nothing)[0]
        return test.p_value(), test.interval(0.95)

    def cells() -> float:
        problem = prepare(outcome, observed, periods, paths, comparison="not_yet_treated")
        drawn = permute_paths(codes, strata, clusters, CELLS, np.random.default_rng(1))
        return permute_cells(problem, codes, drawn).overall["group"].p_value()

    two_way_seconds, (two_way_p, two_way_interval) = timed(two_way)
    without_event_seconds, _ = timed(partial(two_way, 1))
    cell_seconds, cell_p = timed(cells)
    return {
        "wild_s": wild_seconds,
        "wild_mb": wild_memory,
        "wild_p": p_value,
        "wild_interval": interval,
        "two_way_s": two_way_seconds,
        "two_way_p": two_way_p,
        "two_way_interval": two_way_interval,
        "two_way_without_event_s": without_event_seconds,
        "cells_s": cell_seconds,
        "cells_p": cell_p,
    }


def others(folder: Path) -> dict[str, Any]:
    """Time pyfixest's wild bootstrap, and take wildboottest's p-value for our weights."""
    import pyfixest
    from wildboottest.wildboottest import WildboottestCL

    warnings.simplefilter("ignore")
    frame = simulate()
    model = pyfixest.feols("outcome ~ exposed | unit + year", frame, vcov={"CRV1": "unit"})
    model.wildboottest(param="exposed", reps=99, cluster="unit", seed=1)
    start = time.perf_counter()
    found = model.wildboottest(param="exposed", reps=WILD, cluster="unit", seed=1)
    seconds = time.perf_counter() - start
    # Unit effects are taken out first: nested in clusters, they leave every draw as it is.
    dummies = pd.get_dummies(frame["year"], dtype=float).iloc[:, 1:]
    whole = pd.concat([frame[["outcome", "exposed"]], dummies], axis=1)
    within = whole - whole.groupby(frame["unit"]).transform("mean")
    design = within.drop(columns="outcome").to_numpy()
    test = WildboottestCL(
        X=design,
        Y=within["outcome"].to_numpy(),
        cluster=frame["unit"].to_numpy(),
        R=np.eye(design.shape[1])[0],
        B=WILD,
        seed=1,
        parallel=False,
    )
    test.get_scores(bootstrap_type="11", impose_null=True, adj=False, cluster_adj=False)
    test.v, test.full_enumeration = np.load(folder / "weights.npy"), False
    for step in (test.get_numer, test.get_denom, test.get_tboot, test.get_vcov, test.get_tstat):
        step()
    test.get_pvalue(pval_type="two-tailed")
    return {
        "pyfixest_s": seconds,
        "pyfixest_p": float(found["Pr(>|t|)"]),
        "wildboottest_p_same_weights": float(test.pvalue),
    }


def main() -> None:
    """Measure in processes of their own, print, end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter with pyfixest")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "FOLDER"))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if given.child:
        run = {"ours": ours, "others": others}[given.child[0]]
        print(json.dumps(run(Path(given.child[1]))))
        return
    few = {f"{name}_NUM_THREADS": str(given.threads) for name in ("OMP", "OPENBLAS", "NUMBA")}
    result: dict[str, Any] = {"units": UNITS, "years": YEARS, "threads": given.threads}
    with tempfile.TemporaryDirectory() as folder:
        for name, python in (("ours", sys.executable), ("others", given.python)):
            command = [python, __file__, "--child", name, folder]
            done = subprocess.run(command, env=os.environ | few, capture_output=True, text=True)
            if done.returncode:
                print(f"{name} left out: {(done.stderr.strip() or 'no word')[-300:]}")
                continue
            result |= json.loads(done.stdout.strip().splitlines()[-1])
    if "pyfixest_s" in result:
        result["times_pyfixest"] = round(result["pyfixest_s"] / result["wild_s"], 1)
    for key, value in result.items():
        print(f"{key}: {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
