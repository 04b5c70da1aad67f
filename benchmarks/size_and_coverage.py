"""Size and coverage on simulated panels shaped like the shipped ones.

    python benchmarks/size_and_coverage.py [--designs ...] [--estimators ...] [--processes ...]
        [--hows ...] [--panels N] [--summary]

Outcomes are drawn on the real councils, years, gaps and adoption paths (``simulated_panels``) and
tested by every estimator of plans, analytically and as the inference policy would, with 199 draws
in place of its own. *Size*: the share of false alarms at 5 per cent without an effect; right when 5
lies inside the 99 per cent Wilson interval. *Coverage*: of the estimator's own estimand, which is
the estimator applied to outcomes with the effect less without it; given one effect for all it is
what is left of the size, since estimates move by the effect and standard errors stay (checked on
the first panels). *Bias*: mean estimate less the average effect on the exposed, in per cent of the
latter, once over the observed exposed years of treated councils, where it is the plan's meaningful
change, and once with every treated council alike, as the group aggregation has it; for the event
study both at event time 0. *Own bias* is that of the own estimand, without chance. Figures are
kept in outputs/size_and_coverage.jsonl as they come, and not made again;
outputs/size_and_coverage.csv is the table. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from simulated_panels import (  # noqa: E402
    AT_ONCE,
    PROCESSES,
    SEED,
    SHAPES,
    draw_outcomes,
    effects_of,
    read_shapes,
)
from simulated_solvers import INFLUENCE, find_solver, p_value  # noqa: E402

ESTIMATORS = (
    "group_time",
    "twfe",
    "event_study",
    "imputation",
    "matched_did",
    "sun_abraham",
    "etwfe",
    "stacked",
    "lp_did",
    "two_stage",
    "synthetic_did",
)
HOWS = ("analytic", "policy")
KEPT = ROOT / "outputs" / "size_and_coverage.jsonl"
DRAWS, POLICY_PANELS, WILSON = 199, 2_000, 2.5758293035489004
USUAL = {"matched_did": 2_000, "synthetic_did": 100}
IN_BATCHES = ("twfe", "event_study", *INFLUENCE)


def wilson(hits: float, count: int) -> tuple[float, float]:
    """Return the 99 per cent Wilson interval of a share."""
    share, square = hits / count, WILSON**2 / count
    centre = (share + square / 2) / (1 + square)
    half = WILSON / (1 + square) * np.sqrt(share * (1 - share) / count + square / 4 / count)
    return float(centre - half), float(centre + half)


MEMORY: dict[tuple[str, str, int], Any] = {}


def drawn(shape: Any, process: str, chunk: int) -> Any:
    """Return outcomes, kept in memory while estimators take the same shape and process."""
    if MEMORY and next(iter(MEMORY))[:2] != (shape.name, process):
        MEMORY.clear()
    key = (shape.name, process, chunk)
    if key not in MEMORY:
        MEMORY[key] = draw_outcomes(shape, process, chunk)
    return MEMORY[key]


def simulate(shape: Any, process: str, name: str, how: str, panels: int) -> dict[str, Any]:
    """Return the figures of one estimator on one shape and process."""
    own = shape.few() if process == "few" else shape
    first, effect = draw_outcomes(own, process, 0)[:2], effects_of(own, process)
    solver = find_solver(name, own, first[0])
    (before, error), (after, error_after) = solver.solve(first), solver.solve(first + effect)
    truth = float(after[0] - before[0])
    fitted = solver.fitted
    off = max(
        abs(before[0] - fitted.point[solver.place]) / error[0],
        abs(error[0] / fitted.std_error[solver.place] - 1),
    )
    is_same, counted = process != "heterogeneous", own.counted
    if name == "event_study":
        since = own.panel.periods[None, :] - own.panel.paths.cohort[own.panel.codes][:, None]
        counted = counted & (since == 0)
    target = float(effect[counted].mean())
    years = counted.sum(axis=1)
    alike = float(((effect * counted).sum(axis=1)[years > 0] / years[years > 0]).mean())
    if is_same:
        off = max(off, abs(truth / target - 1), np.abs(error_after / error - 1).max())
    found: dict[str, Any] = {"action": solver.action, "truth": truth, "off": float(off)}
    found["own_bias_pct"] = 100 * (truth / target - 1)
    found["own_bias_alike_pct"] = 100 * (truth / alike - 1)
    if how == "policy":
        can = solver.action == "wild_bootstrap" or (
            solver.action == "permutation" and name in IN_BATCHES
        )
        if not can:
            return {**found, "panels": 0}
    value = 0.0 if is_same else truth
    rng = np.random.default_rng([SEED, zlib.crc32(f"{shape.name}|{process}|{name}".encode()), 7])
    estimates, rejected = [], 0
    for chunk in range(-(-panels // AT_ONCE)):
        outcomes = drawn(own, process, chunk)[: panels - chunk * AT_ONCE]
        if not is_same:
            outcomes = outcomes + effect
        if how == "analytic":
            estimate, std_error = solver.solve(outcomes)
            estimates.append(estimate + (truth if is_same else 0.0))
            rejected += int((p_value(estimate, std_error, solver.df, value) <= 0.05).sum())
        else:
            rejected += int((solver.policy_p(outcomes, value, DRAWS, rng) <= 0.05).sum())
    found |= {"panels": panels, "rejected": rejected, "interval": wilson(rejected, panels)}
    if estimates:
        every = np.concatenate(estimates)
        found["bias_pct"] = float(100 * (every.mean() / target - 1))
        found["bias_alike_pct"] = float(100 * (every.mean() / alike - 1))
        found["bias_error_pct"] = float(100 * every.std() / np.sqrt(every.size) / target)
    return found


def jobs(given: argparse.Namespace) -> list[tuple[str, str, str, str, int]]:
    """Return design, process, estimator, how and panels of everything asked for."""
    found = []
    for how in given.hows:
        for process in given.processes:
            for design in given.designs:
                for name in given.estimators:
                    usual = POLICY_PANELS if how == "policy" else USUAL.get(name, 5_000)
                    found.append((design, process, name, how, given.panels or usual))
    return found


def show(rows: dict[tuple[Any, ...], dict[str, Any]]) -> pd.DataFrame:
    """Return a row for each result, that of most panels where there are several."""
    found = []
    for (design, process, name, how, _), row in rows.items():
        line = {"design": design, "process": process, "estimator": name, "how": how}
        line |= {"policy": row.get("action", ""), "panels": row["panels"]}
        if row["panels"]:
            share = 100 * row["rejected"] / row["panels"]
            low, high = (100 * end for end in row["interval"])
            line["tests"] = "own effect" if process == "heterogeneous" else "no effect"
            line |= {"rejected_pct": share, "low_99_pct": low, "high_99_pct": high}
            line["is_right"] = low <= 5 <= high
            line |= {key: value for key, value in row.items() if "bias" in key}
        line["reason"] = row.get("reason", "")
        found.append(line)
    keys = ["how", "process", "design", "estimator"]
    table = pd.DataFrame(found).sort_values([*keys, "panels"])
    return table.drop_duplicates(keys, keep="last")


def main() -> None:
    """Simulate what is not kept yet, print everything, end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--processes", nargs="+", choices=PROCESSES, default=list(PROCESSES))
    parser.add_argument("--estimators", nargs="+", choices=ESTIMATORS, default=ESTIMATORS[:-1])
    parser.add_argument("--hows", nargs="+", choices=HOWS, default=HOWS)
    parser.add_argument("--panels", type=int, help="in place of 5,000, 2,000 or 100")
    parser.add_argument(
        "--summary", action="store_true", help="print all that is kept, make nothing"
    )
    given = parser.parse_args()
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
    kept = {tuple(row.pop("job")): row for row in map(json.loads, lines)}
    wanted = jobs(given)
    if given.summary:
        wanted = list(kept)
    missing = [job for job in wanted if job not in kept]
    shapes = {shape.name: shape for shape in read_shapes(given.designs)} if missing else {}
    for job in missing:
        design, process, name, how, panels = job
        begin = time.process_time()
        try:
            row = simulate(shapes[design], process, name, how, panels)
        except Exception as error:  # a refusal is a result, and the others go on
            row = {"panels": 0, "reason": f"{type(error).__name__}: {error}"}
        row["seconds"] = round(time.process_time() - begin, 1)
        kept[job] = row
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"job": job, **row}) + "\n")
    rows = {job: kept[job] for job in wanted}
    table = show(rows).round(2)
    table.to_csv(KEPT.with_suffix(".csv"), index=False)
    print(table.to_string(index=False))
    done = [row for row in rows.values() if row["panels"]]
    figures = {
        "results": len(done),
        "panels": sum(row["panels"] for row in done),
        "processor_s": round(sum(row["seconds"] for row in rows.values())),
        "max_difference_from_door": max((row["off"] for row in done), default=None),
        "five_inside": sum(row["interval"][0] <= 0.05 <= row["interval"][1] for row in done),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
