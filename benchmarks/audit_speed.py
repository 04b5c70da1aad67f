"""Time the audits of the shipped plans' primary outcomes, and show what they found.

Run by hand: ``.venv/bin/python benchmarks/audit_speed.py``. Every primary outcome of the peer
challenge and the children's intervention plan: 1,000 random and 1,000 selected placebo paths and
499 in time, inference and injected effects included, shared between two processes. Reading the
tables and the headline estimates are timed apart. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLANS = ("peer_challenge", "childrens_intervention")
for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")
sys.path.insert(0, str(ROOT))


def audited(job: tuple[Any, Any, int]) -> tuple[float, dict[str, Any]]:
    """Return seconds and figures of one design's audit."""
    from evallib.checks.audit import check_audit

    design, headline, draws = job
    start = time.perf_counter()
    result = check_audit(design, headline, draws)
    seconds = time.perf_counter() - start
    kept = ("kind", "draws", "estimate", "conf_low", "conf_high", "p_value", "false_alarms",
            "false_low", "false_high", "covers_growing", "effect_80")  # fmt: skip
    rows = result.table[list(kept)].round(4).to_dict("records") if len(result.table) else []
    return seconds, {"outcome": design.outcome, "verdict": result.verdict, "placebos": rows}


def main() -> None:
    """Measure, print, end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    import evallib as ev
    from evallib.inference.designs import estimate_one

    warnings.simplefilter("ignore")
    begin = time.perf_counter()
    jobs, plans = [], []
    for name in PLANS:
        plan = ev.load_plan(name)
        panel = ev.build_panel(plan)
        designs = ev.build_designs(plan, panel, ev.build_exposure(plan, panel))
        for design in designs:
            if design.role == "primary":
                jobs.append((design, estimate_one(design, design.headline[0]), given.draws))
                plans.append(name)
    before = time.perf_counter() - begin
    with ProcessPoolExecutor(given.workers) as pool:
        list(pool.map(abs, range(given.workers)))  # the workers are up
        begin = time.perf_counter()
        found = list(pool.map(audited, jobs))
        seconds = time.perf_counter() - begin
    for plan_name, (_, headline, _), (spent, facts) in zip(plans, jobs, found, strict=True):
        print(f"{plan_name}, {facts['outcome']}: estimate {headline.point[0]:+.3f}, {spent:.2f} s")
        for row in facts["placebos"]:
            print(f"  {row}")
    figures = {
        "outcomes": len(jobs),
        "draws_random": given.draws,
        "draws_selected": given.draws,
        "workers": given.workers,
        "audits_s": round(seconds, 2),
        "one_process_s": round(sum(spent for spent, _ in found), 2),
        "tables_and_estimates_s": round(before, 2),
        "not_fit": sum(facts["verdict"] == "fail" for _, facts in found),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
