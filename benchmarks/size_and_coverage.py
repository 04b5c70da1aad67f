"""Size and coverage on simulated panels shaped like the shipped ones.

    python benchmarks/size_and_coverage.py [--designs ...] [--estimators ...] [--processes ...]
        [--hows ...] [--panels N] [--draws N] [--summary] [--docs]

Outcomes are drawn on the real councils, years, gaps and adoption paths (``simulated_panels``) and
tested by every estimator of plans, analytically and as the inference policy would, with 199 draws
in place of its own (synthetic_did has its own 200 placebos, or --draws). *Size*: the share of false
alarms at 5 per cent without an effect; right when 5 lies inside the 99 per cent Wilson interval.
*Coverage*: of the estimator's own estimand, which is the estimator applied to outcomes with the
effect less without it; given one effect for all it is what is left of the size, since estimates
move by the effect and standard errors stay (checked on the first panels). *Bias*: mean estimate
less the average effect on the exposed, in per cent of the latter, once over the observed exposed
years of treated councils, where it is the plan's meaningful change, and once with every treated
council alike, as the group aggregation has it; for the event study both at event time 0. *Own bias*
is that of the own estimand, without chance. Figures are kept in outputs/size_and_coverage.jsonl as
they come, and not made again: asked for more panels, what is kept of fewer goes on, by whole
hundreds as if it had been one run. outputs/size_and_coverage.csv is the table in docs, with what is
kept in place of rows of fewer panels; --docs writes it there, and its tables into
docs/methodology.md. The last line is JSON.
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
from simulated_solvers import find_solver, p_value  # noqa: E402
from size_tables import put_into  # noqa: E402

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
TABLE, METHODS = ROOT / "docs" / "size_and_coverage.csv", ROOT / "docs" / "methodology.md"
DRAWS, PLACEBOS, POLICY_PANELS, WILSON = 199, 200, 2_000, 2.5758293035489004
USUAL = {"matched_did": 2_000, "synthetic_did": 300}
Job = tuple[Any, ...]  # design, process, estimator, how, panels, draws


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


def simulate(
    shape: Any, process: str, name: str, how: str, panels: int, draws: int, kept: dict[str, Any]
) -> dict[str, Any]:
    """Return the figures of one estimator on one shape and process.

    ``kept`` are those of the first panels, from where it goes on; empty where there are none.
    """
    own = shape.few() if process == "few" else shape
    first, effect = draw_outcomes(own, process, 0)[:2], effects_of(own, process)
    solver = find_solver(name, own, first[0], draws)
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
    if how == "policy" and solver.action not in ("wild_bootstrap", "permutation"):
        return {**found, "panels": 0}
    value = 0.0 if is_same else truth
    rng = np.random.default_rng([SEED, zlib.crc32(f"{shape.name}|{process}|{name}".encode()), 7])
    done, rejected, total, square = 0, 0, 0.0, 0.0
    if kept:
        done, rejected = kept["panels"], kept["rejected"]
        total, square, rng.bit_generator.state = kept["state"]
    while done < panels:
        chunk, start = divmod(done, AT_ONCE)
        outcomes = drawn(own, process, chunk)[start : start + panels - done]
        if not is_same:
            outcomes = outcomes + effect
        if how == "analytic":
            estimate, std_error = solver.solve(outcomes)
            rejected += int((p_value(estimate, std_error, solver.df, value) <= 0.05).sum())
            total += float((estimate - value).sum())
            square += float(((estimate - value) ** 2).sum())
        else:
            rejected += int((solver.policy_p(outcomes, value, draws, rng) <= 0.05).sum())
        done += len(outcomes)
    found |= {"panels": panels, "rejected": rejected, "interval": wilson(rejected, panels)}
    found["state"] = (total, square, rng.bit_generator.state)
    if how == "analytic":
        mean, spread = truth + total / panels, np.sqrt(square / panels - (total / panels) ** 2)
        found["bias_pct"] = 100 * (mean / target - 1)
        found["bias_alike_pct"] = 100 * (mean / alike - 1)
        found["bias_error_pct"] = float(100 * spread / np.sqrt(panels) / target)
    return found


def jobs(given: argparse.Namespace) -> list[Job]:
    """Return everything asked for."""
    found: list[Job] = []
    for how in given.hows:
        for process in given.processes:
            for design in given.designs:
                for name in given.estimators:
                    usual = POLICY_PANELS if how == "policy" else USUAL.get(name, 5_000)
                    draws = usual_draws(name, how)
                    draws = given.draws if draws and given.draws else draws
                    found.append((design, process, name, how, given.panels or usual, draws))
    return found


def usual_draws(name: str, how: str) -> int:
    """Return the usual draws or placebos; none where a test is analytic."""
    return DRAWS if how == "policy" else PLACEBOS * (name == "synthetic_did")


def read_kept() -> dict[Job, dict[str, Any]]:
    """Return all that was simulated, by job."""
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
    found: dict[Job, dict[str, Any]] = {}
    for row in map(json.loads, lines):
        job = row.pop("job")
        found[tuple(job) if len(job) == 6 else (*job, usual_draws(*job[2:4]))] = row
    return found


def begun(kept: dict[Job, dict[str, Any]], job: Job) -> dict[str, Any]:
    """Return the figures of most panels, yet fewer than the job's, from where it can go on."""
    able = [
        row
        for other, row in kept.items()
        if other[:4] == job[:4] and other[5] == job[5] and other[4] < job[4] and "state" in row
    ]
    return max(able, key=lambda row: row["panels"], default={})


def show(rows: dict[tuple[Any, ...], dict[str, Any]]) -> pd.DataFrame:
    """Return a row for each of the results."""
    found = []
    for (design, process, name, how, _, draws), row in rows.items():
        line = {"design": design, "process": process, "estimator": name, "how": how}
        line |= {"policy": row.get("action", ""), "panels": row["panels"]}
        line["draws"] = draws if row["panels"] else 0
        if row["panels"]:
            share = 100 * row["rejected"] / row["panels"]
            low, high = (100 * end for end in row["interval"])
            line["tests"] = "own effect" if process == "heterogeneous" else "no effect"
            line |= {"rejected_pct": share, "low_99_pct": low, "high_99_pct": high}
            line["is_right"] = low <= 5 <= high
            line |= {key: value for key, value in row.items() if "bias" in key}
        line["reason"] = row.get("reason", "")
        found.append(line)
    return pd.DataFrame(found)


def merge(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each result, that of most panels and draws; later tables win ties."""
    keys = ["how", "process", "design", "estimator"]
    table = pd.concat(tables).round(2).sort_values([*keys, "panels", "draws"], kind="stable")
    return table.drop_duplicates(keys, keep="last").reset_index(drop=True)


def main() -> None:
    """Simulate what is not kept yet, print everything, end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--processes", nargs="+", choices=PROCESSES, default=list(PROCESSES))
    parser.add_argument("--estimators", nargs="+", choices=ESTIMATORS, default=ESTIMATORS)
    parser.add_argument("--hows", nargs="+", choices=HOWS, default=HOWS)
    parser.add_argument("--panels", type=int, help="in place of 5,000, 2,000 or 300")
    parser.add_argument("--draws", type=int, help="in place of 199, or of 200 placebos")
    parser.add_argument(
        "--summary", action="store_true", help="print all that is kept, make nothing"
    )
    parser.add_argument("--docs", action="store_true", help="write the table into docs too")
    given = parser.parse_args()
    kept = read_kept()
    wanted = jobs(given)
    if given.summary:
        wanted = list(kept)
    missing = [job for job in wanted if job not in kept]
    shapes = {shape.name: shape for shape in read_shapes(given.designs)} if missing else {}
    for job in missing:
        begin, before = time.process_time(), begun(kept, job)
        try:
            row = simulate(shapes[job[0]], *job[1:], before)
        except Exception as error:  # a refusal is a result, and the others go on
            row = {"panels": 0, "reason": f"{type(error).__name__}: {error}"}
        row["seconds"] = round(time.process_time() - begin + before.get("seconds", 0.0), 1)
        kept[job] = row
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"job": job, **row}) + "\n")
    rows = {job: kept[job] for job in wanted}
    print(merge(show(rows)).to_string(index=False))
    table = merge(pd.read_csv(TABLE), show(kept))
    table.to_csv(KEPT.with_suffix(".csv"), index=False)
    if given.docs:
        table.to_csv(TABLE, index=False)
        page = put_into(METHODS.read_text(encoding="utf-8"), pd.read_csv(TABLE))
        METHODS.write_text(page, encoding="utf-8")
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
