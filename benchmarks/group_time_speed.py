"""Time doubly robust group-time effects beside other Python libraries, side by side in one run.

Run by hand: ``.venv/bin/python benchmarks/group_time_speed.py``. Each measurement is a process of
its own: it warms up on a small panel, then fits a simulated panel of 20 years and takes the
event-time averages with a simultaneous band from 999 draws, by the shortest way each library has
to it. A library that is not installed is skipped with the reason; to time one from another
environment, name its interpreter: ``--python csdid=PATH/bin/python`` (csdid, moderndid,
differences). Every process gets one thread unless ``--threads`` says otherwise. Read the ratios
rather than the seconds: those of the clock where the machine is idle, those of the processor where
it is not. The last line is JSON.

Two cases: never-treated comparison with a covariate that is constant within units, and
not-yet-treated comparison with a covariate that changes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SIZES = (333, 3_330, 33_300)
CASES = ("never_treated_constant", "not_yet_treated_changing")
LIBRARIES = ("evallib", "diff-diff", "csdid", "moderndid", "differences")
TARGETS = {333: 15.0, 3_330: 6.0, 33_300: 5.0}
DRAWS = 999
YEARS = 20
FRESH = 3  # processes a measurement; the median is kept


def simulate(units: int, case: str, seed: int = 1) -> pd.DataFrame:
    """Return a panel with five cohorts and a never-treated group that depend on a covariate."""
    rng = np.random.default_rng(seed)
    year = np.arange(2001, 2001 + YEARS)
    starts = np.array([2006, 2009, 2012, 2015, 2018, 0])
    lasting = rng.normal(size=units)
    covariate = np.repeat(lasting[:, None], YEARS, axis=1)
    if case.endswith("changing"):
        covariate = covariate + 0.15 * rng.normal(size=(units, YEARS)).cumsum(axis=1)
    odds = np.exp(np.outer(lasting, [0.5, 0.3, 0.1, -0.1, -0.3, 0.0]))
    odds[:, -1] *= 4
    upto = (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)
    first = starts[(rng.random(units)[:, None] > upto).sum(axis=1)]
    exposed = (first[:, None] > 0) & (year >= first[:, None])
    trend = (0.1 + 0.05 * lasting[:, None]) * (year - year[0])
    outcome = rng.normal(size=(units, 1)) + trend + exposed + rng.normal(size=(units, YEARS))
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(1, units + 1), YEARS),
            "year": np.tile(year, units),
            "outcome": outcome.ravel(),
            "covariate": covariate.ravel(),
            "first": np.repeat(first, YEARS).astype(float),
        }
    )


def ours(frame: pd.DataFrame, comparison: str) -> float:
    """Fit with this package; return the effect on impact, as every function here does."""
    from evallib.estimate import fit

    found = fit(
        "group_time",
        frame,  # 0 is never treated: read as such, with a warning
        outcome="outcome",
        unit="unit",
        time="year",
        cohort="first",
        covariates=["covariate"],
        comparison=comparison,
        draws=DRAWS,
        seed=1,
    )
    dynamic = found.aggregate("dynamic")
    dynamic.band()
    return float(dynamic.point[dynamic.index("event_time=0")])


def diff_diff(frame: pd.DataFrame, comparison: str) -> float:
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(
        control_group=comparison, estimation_method="dr", n_bootstrap=DRAWS, seed=1
    )
    found = model.fit(frame, "outcome", "unit", "year", "first", covariates=["covariate"])
    dynamic = found.aggregate("event_study")
    return float(np.asarray(dynamic.att)[np.asarray(dynamic.event_time) == 0][0])


def csdid(frame: pd.DataFrame, comparison: str) -> float:
    from csdid.att_gt import ATTgt

    found = ATTgt(
        yname="outcome",
        tname="year",
        idname="unit",
        gname="first",
        data=frame,
        control_group=comparison.replace("_", ""),
        xformla="outcome~covariate",
        cband=True,
        biters=DRAWS,
    ).fit(est_method="dr", bstrap=False)
    settings = {"bstrap": True, "cband": True, "biters": DRAWS}
    dynamic = found.aggte(typec="dynamic", **settings).atte
    return float(np.asarray(dynamic["att_egt"])[np.asarray(dynamic["egt"]) == 0][0])


def moderndid(frame: pd.DataFrame, comparison: str) -> float:
    import polars
    from moderndid import aggte, att_gt

    found = att_gt(
        polars.from_pandas(frame),
        "outcome",
        "year",
        "unit",
        "first",
        xformla="~covariate",
        control_group=comparison.replace("_", ""),
        est_method="dr",
        boot=False,
        cband=False,
    )
    dynamic = aggte(found, type="dynamic", boot=True, cband=True, biters=DRAWS, random_state=1)
    return float(dynamic.att_by_event[np.asarray(dynamic.event_times) == 0][0])


def differences(frame: pd.DataFrame, comparison: str) -> float:
    from differences import ATTgt

    table = frame.assign(first=frame["first"].replace(0, np.nan)).set_index(["unit", "year"])
    model = ATTgt(data=table, cohort_column="first")
    model.fit("outcome~covariate", control_group=comparison, est_method="dr", progress_bar=False)
    dynamic = model.aggregate("event", boot_iterations=DRAWS, random_state=1)
    return float(dynamic.loc[0].iloc[0])


RUNS: dict[str, Callable[[pd.DataFrame, str], float]] = {
    "evallib": ours,
    "diff-diff": diff_diff,
    "csdid": csdid,
    "moderndid": moderndid,
    "differences": differences,
}


def measure(library: str, units: int, case: str) -> dict[str, Any]:
    """Time one library in this process; memory is its peak above what stood before."""
    if library == "evallib":
        sys.path.insert(0, str(ROOT))
    comparison = case.rsplit("_", 1)[0]
    run, frame = RUNS[library], simulate(units, case)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        run(simulate(200, case, seed=2), comparison)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds, work = [], []
        while not seconds or (sum(seconds) < 0.5 and len(seconds) < 7):
            start, busy = time.perf_counter(), time.process_time()
            effect = run(frame, comparison)
            work.append(time.process_time() - busy)
            seconds.append(time.perf_counter() - start)
            if len(seconds) == 1:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    version = "this tree" if library == "evallib" else metadata.version(library)
    return {
        "seconds": median(seconds),
        "cpu_seconds": median(work),
        "peak_mb": peak / 1024,
        "rise_mb": (peak - before) / 1024,
        "effect": effect,
        "version": version,
    }


def child(python: str, library: str, units: int, case: str, threads: int) -> dict[str, Any]:
    """Measure in fresh processes; the medians, or the reason why there are none."""
    names = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON")
    few = {f"{name}_NUM_THREADS": str(threads) for name in names}
    few["POLARS_MAX_THREADS"] = str(threads)
    found = []
    for _ in range(FRESH if units < SIZES[-1] or library in LIBRARIES[:2] else 1):
        command = [python, __file__, "--child", library, str(units), case]
        done = subprocess.run(command, env=os.environ | few, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it ended without a word"]
            return {"skipped": lines[-1][:160]}
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    keys = ("seconds", "cpu_seconds", "peak_mb", "rise_mb")
    return found[0] | {key: median(one[key] for one in found) for key in keys}


def main() -> None:
    """Measure, print a table, end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", nargs=3, metavar=("LIBRARY", "UNITS", "CASE"))
    parser.add_argument("--python", action="append", default=[], metavar="LIBRARY=INTERPRETER")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(given.child[0], int(given.child[1]), given.child[2])))
        return
    interpreters = dict(item.split("=", 1) for item in given.python)
    rows, skipped = [], {}
    for units in given.sizes:
        for case in CASES:
            for library in LIBRARIES:
                if library in skipped:
                    continue
                python = interpreters.get(library, sys.executable)
                found = child(python, library, units, case, given.threads)
                if "skipped" in found:
                    skipped[library] = found["skipped"]
                    print(f"{library} is skipped: {found['skipped']}")
                    continue
                rows.append({"units": units, "case": case, "library": library} | found)
                print(
                    f"{units:>6} {case:<26} {library:<12} {found['seconds']:8.3f} s "
                    f"({found['cpu_seconds']:.3f} s of processor) "
                    f"{found['rise_mb']:7.0f} MB more, {found['peak_mb']:6.0f} MB in all",
                    flush=True,
                )
    print(json.dumps(summarise(rows, skipped, given.threads)))


def summarise(rows: list[dict[str, Any]], skipped: dict[str, str], threads: int) -> dict[str, Any]:
    """Return figures and ratios: ours beside the fastest other, and our cost a unit by size."""
    ratios = []
    for units in sorted({row["units"] for row in rows}):
        for case in CASES:
            here = [row for row in rows if row["units"] == units and row["case"] == case]
            mine = next(row for row in here if row["library"] == "evallib")
            others = [row for row in here if row["library"] != "evallib"]
            if not others:
                continue
            fastest = min(others, key=lambda row: row["seconds"])
            ratio = fastest["seconds"] / mine["seconds"]
            busy = min(row["cpu_seconds"] for row in others) / mine["cpu_seconds"]
            ratios.append(
                {
                    "units": units,
                    "case": case,
                    "fastest_other": fastest["library"],
                    "times_faster": round(ratio, 1),
                    "times_less_cpu": round(busy, 1),
                    "target": TARGETS.get(units),
                    "memory_share": round(
                        mine["peak_mb"] / min(row["peak_mb"] for row in others), 2
                    ),
                    "rise_share": round(
                        mine["rise_mb"] / max(min(row["rise_mb"] for row in others), 1), 2
                    ),
                    "effects_apart": max(abs(row["effect"] - mine["effect"]) for row in others),
                }
            )
    cost = {
        case: {
            str(row["units"]): round(1e6 * row["cpu_seconds"] / row["units"], 2)
            for row in rows
            if row["library"] == "evallib" and row["case"] == case
        }
        for case in CASES
    }
    keys = ("seconds", "cpu_seconds", "peak_mb", "rise_mb")
    shown = ("units", "case", "library", "version", *keys)
    return {
        "draws": DRAWS,
        "years": YEARS,
        "threads": threads,
        "ratios": ratios,
        "microseconds_a_unit": cost,
        "rows": [
            {key: round(row[key], 4) if isinstance(row[key], float) else row[key] for key in shown}
            for row in rows
        ],
        "skipped": skipped,
    }


if __name__ == "__main__":
    main()
