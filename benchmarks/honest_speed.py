"""Time honest pre-trends beside diff-diff's, side by side in one run.

Run by hand: ``OMP_NUM_THREADS=1 .venv/bin/python benchmarks/honest_speed.py``. Event studies are
drawn; each library gets the same estimates and covariance. Relative magnitudes: the same five
bounds; ours are conditional, least-favourable sets of valid size, diff-diff's a normal interval
around estimated bounds, which is too narrow, so that the ratio understates what ours does for its
time. Smoothness: the same five bounds, optimal fixed-length intervals by both. Seconds are of the
processor, the median of several runs. The last line is JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from diff_diff import HonestDiD
from diff_diff.results import MultiPeriodDiDResults, PeriodEffect

from evallib.inference.event_times import EventStudy
from evallib.inference.honest_relative import make_steps, relative_interval
from evallib.inference.honest_search import smooth_interval
from evallib.inference.honest_smooth import smooth_path

SHAPES = ((3, 3), (5, 4), (10, 8))
MBAR = (0.0, 0.5, 1.0, 1.5, 2.0)
LEVEL = 0.95
RUNS = 7


def draw(n_leads: int, n_lags: int, seed: int = 1) -> EventStudy:
    """Return an event study with correlated estimates and an effect of two."""
    rng = np.random.default_rng(seed)
    size = n_leads + n_lags
    root = rng.normal(size=(4 * size, size))
    covariance = root.T @ root / (400 * size)
    point = rng.multivariate_normal(np.zeros(size), covariance)
    point[n_leads:] += 2.0
    return EventStudy(np.arange(-n_leads - 1, -1), np.arange(n_lags), -1, point, covariance)


def for_diff_diff(study: EventStudy) -> MultiPeriodDiDResults:
    """Return the event study in the form that diff-diff's sensitivity analysis takes."""
    times = [*study.leads.tolist(), *study.lags.tolist()]
    std_error = np.sqrt(np.diag(study.covariance))
    nothing = (float("nan"), float("nan"))
    rows = zip(times, study.point.tolist(), std_error.tolist(), strict=True)
    effects = {time: PeriodEffect(time, value, se, 0.0, 1.0, nothing) for time, value, se in rows}
    average = float(study.point[study.leads.size :].mean())
    return MultiPeriodDiDResults(
        effects,
        average,
        1.0,
        0.0,
        1.0,
        nothing,
        n_obs=1_000,
        n_treated=50,
        n_control=50,
        pre_periods=study.leads.tolist(),
        post_periods=study.lags.tolist(),
        vcov=study.covariance,
        reference_period=study.reference,
        interaction_indices={time: place for place, time in enumerate(times)},
    )


def seconds(task: Callable[[], Any]) -> tuple[float, Any]:
    """Return the median of the processor's seconds over several runs, and the task's result."""
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        result = task()
        taken.append(time.process_time() - start)
    return median(taken), result


def compare(n_leads: int, n_lags: int) -> dict[str, Any]:
    """Return the times of both libraries, and how far their intervals lie apart."""
    study = draw(n_leads, n_lags)
    weights = np.full(n_lags, 1.0 / n_lags)
    theirs = for_diff_diff(study)
    std_error = float(np.sqrt(weights @ study.covariance[n_leads:, n_leads:] @ weights))
    bends = np.linspace(0.0, std_error, len(MBAR))
    parts = (study.point, study.covariance, n_leads, study.distance, weights)

    def relative() -> list[tuple[float, float]]:
        steps = make_steps(*parts)
        return [relative_interval(steps, bound, LEVEL) for bound in MBAR]

    def smooth() -> Any:
        path = smooth_path(*parts)
        return [smooth_interval(path, float(bound), LEVEL) for bound in bends]

    def diff_diff(method: Any, bounds: Any) -> Any:
        door = HonestDiD(method=method, alpha=1.0 - LEVEL, l_vec=weights)
        found = [door.fit(theirs, M=float(bound)) for bound in bounds]
        return [(one.ci_lb, one.ci_ub) for one in found]

    row: dict[str, Any] = {"leads": n_leads, "effects": n_lags}
    pairs = (
        ("relative", relative, lambda: diff_diff("relative_magnitude", MBAR)),
        ("smooth", smooth, lambda: diff_diff("smoothness", bends)),
    )
    for name, ours, others in pairs:
        one, found = seconds(ours)
        other, reference = seconds(others)
        row |= {
            f"{name}_s": round(one, 5),
            f"{name}_diff_diff_s": round(other, 5),
            f"{name}_ratio": round(other / one, 1),
        }
        difference = np.abs(np.array(found) - np.array(reference)).max() / std_error
        row[f"{name}_difference_std_errors"] = float(f"{difference:.2g}")
    return row


def main() -> None:
    """Print a line a shape, then all as one line of JSON."""
    rows = [compare(*shape) for shape in SHAPES]
    for row in rows:
        print(
            f"{row['leads']} leads, {row['effects']} effects: relative magnitudes "
            f"{row['relative_s']:.4f} s (diff-diff {row['relative_diff_diff_s']:.4f} s, naive), "
            f"smoothness {row['smooth_s']:.4f} s (diff-diff {row['smooth_diff_diff_s']:.4f} s)"
        )
    print(json.dumps({"benchmark": "honest", "bounds": len(MBAR), "rows": rows}))


if __name__ == "__main__":
    main()
