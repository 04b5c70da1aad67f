"""Synthetic comparisons beside diff-diff: run by hand, prints a table and one JSON line.

    python benchmarks/synthetic_cost.py [repeats]

Both start from the same tidy frame and end with the effect and a placebo standard error of up to
200 placebos. diff-diff searches in compiled code, one placebo after the other; ours searches all
together, and takes each placebo once where there are no more than 200. Seconds are processor time.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from diff_diff import SyntheticDiD

from evallib.estimate import fit
from evallib.estimate.synthetic import prepare, solve
from evallib.estimate.synthetic_inference import draw_placebos

# Units, periods, treated units, periods before exposure: like California's, and like councils.
PANELS = {"39 x 31, 1 treated": (39, 31, 1, 19), "333 x 20, 10 treated": (333, 20, 10, 12)}
FIRST_YEAR = 2000


def make_frame(units: int, periods: int, treated: int, before: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    level = rng.normal(size=(units, 1)) + rng.normal(size=(units, periods)).cumsum(axis=1)
    exposed = np.arange(units) < treated
    return pd.DataFrame(
        {
            "council": np.repeat(np.arange(units), periods),
            "year": np.tile(np.arange(FIRST_YEAR, FIRST_YEAR + periods), units),
            "rate": level.ravel(),
            "treated": np.repeat(exposed.astype(int), periods),
            "first": np.repeat(np.where(exposed, float(FIRST_YEAR + before), np.nan), periods),
        }
    )


def run_other(frame: pd.DataFrame, how: str) -> float:
    years = frame["year"].unique()
    after = [int(year) for year in years if year >= frame["first"].min()]
    found = SyntheticDiD(variance_method=how, n_bootstrap=200, seed=0).fit(
        frame, outcome="rate", treatment="treated", unit="council", time="year", post_periods=after
    )
    return float(found.se)


def run_door(name: str, frame: pd.DataFrame, **options: Any) -> float:
    columns = {"outcome": "rate", "unit": "council", "time": "year", "cohort": "first"}
    return float(fit(name, frame, **columns, **options).std_error[0])


def run_engine(frame: pd.DataFrame, is_did: bool) -> float:
    """Arrays to placebo effects, without the door, the tables and the warnings."""
    outcome = frame["rate"].to_numpy().reshape(frame["council"].nunique(), -1)
    cohort = frame.groupby("council")["first"].first().fillna(np.inf).to_numpy()
    problem = prepare(outcome, np.sort(frame["year"].unique()), cohort, is_did=is_did)
    codes = np.concatenate([problem.codes[None, :], draw_placebos(problem, 200, 0).codes])
    return float(solve(problem, codes).point[1:, 0].std())


def taken(run: Any, *given: Any, **options: Any) -> float:
    start = time.process_time()
    run(*given, **options)
    return time.process_time() - start


def main(repeats: int) -> None:
    warnings.simplefilter("ignore")
    figures: dict[str, dict[str, float]] = {}
    for label, sizes in PANELS.items():
        frame = make_frame(*sizes)
        runs = {
            "diff-diff, placebo": lambda f=frame: taken(run_other, f, "placebo"),
            "synthetic_did engine": lambda f=frame: taken(run_engine, f, True),
            "synthetic_did": lambda f=frame: taken(run_door, "synthetic_did", f),
            "synthetic_control engine": lambda f=frame: taken(run_engine, f, False),
            "synthetic_control": lambda f=frame: taken(run_door, "synthetic_control", f),
            "synthetic_control, ridge": lambda f=frame: taken(
                run_door, "synthetic_control", f, augment="ridge"
            ),
        }
        if sizes[2] > 1:
            runs["diff-diff, jackknife"] = lambda f=frame: taken(run_other, f, "jackknife")
            runs["synthetic_did, jackknife"] = lambda f=frame: taken(
                run_door, "synthetic_did", f, inference="jackknife"
            )
        best = dict.fromkeys(runs, np.inf)
        for _ in range(repeats):  # in turn, so that all meet the same load
            for name, run in runs.items():
                best[name] = min(best[name], run())
        print(f"{label}, best of {repeats}, seconds")
        for name, seconds in best.items():
            print(f"  {name:26s} {seconds:.3f}")
        figures[label] = {
            "over_diff_diff": round(best["synthetic_did"] / best["diff-diff, placebo"], 3),
            "did_door_over_engine": round(best["synthetic_did"] / best["synthetic_did engine"], 3),
            "control_door_over_engine": round(
                best["synthetic_control"] / best["synthetic_control engine"], 3
            ),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
