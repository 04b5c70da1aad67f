"""Who the synthetic unit is, how near it is before exposure, and what placebos showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import first_five
from evallib.estimate.html import html_table
from evallib.estimate.result import FloatArray, IntArray
from evallib.estimate.synthetic import COMPARISON, Problem, Solution

EQUAL = 1e-9  # ratios that differ less are the same


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Weights, paths and fit of the synthetic units, one for each cohort.

    Parameters
    ----------
    weights : DataFrame
        ``cohort``, ``unit``, ``weight``: every comparison unit, the heaviest first.
    periods : DataFrame
        ``cohort``, ``period``, ``weight`` of the periods before exposure; empty for synthetic
        control, which does not weight them.
    paths : DataFrame
        ``cohort``, ``period``, ``event_time``, means of the ``treated`` and the ``synthetic``,
        their ``gap``, and the ``effect``: the gap less its weighted mean before exposure.
    fit : DataFrame
        One row a cohort: counts; ``effective_units`` (1 over the sum of squared weights);
        ``noise_level``; root mean squares ``rmse_before`` (of the gap, for synthetic_did less its
        mean) and ``rmse_after`` (of the effect), their ``ratio``; ``ridge``, the penalty of the
        augmentation (missing without).
    placebos : DataFrame
        One row a placebo: the ``units`` given exposure, ``att``, ``rmse_before``, ``rmse_after``,
        ``ratio`` over all cohorts. Empty for the jackknife.
    rank_p_value : float
        Of synthetic control: share of placebos and the real assignment whose ratio is as large as
        the real one. NaN otherwise.
    """

    weights: pd.DataFrame
    periods: pd.DataFrame
    paths: pd.DataFrame
    fit: pd.DataFrame
    placebos: pd.DataFrame
    rank_p_value: float

    @property
    def frame(self) -> pd.DataFrame:
        """The same as ``weights``."""
        return self.weights

    def _repr_html_(self) -> str:
        used = self.weights[self.weights["weight"] != 0]
        parts = (
            (used, f"{len(used)} comparison units with weight"),
            (self.fit, "Fit before exposure"),
            (self.periods[self.periods["weight"] != 0], "Weights of periods before exposure"),
        )
        return "".join(html_table(table, caption, []) for table, caption in parts if len(table))


def describe_synthetic(
    problem: Problem,
    solution: Solution,
    placebos: IntArray,
    labels: np.ndarray[tuple[int], np.dtype[np.object_]],
) -> Synthetic:
    """Return the tables of a solution.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        Row 0 is the real assignment, the others are placebos.
    placebos : integer array, shape (r, N)
        Assignments of the other rows.
    labels : array, shape (N,)
        Names of the units.
    """
    controls = problem.codes == COMPARISON
    weights, periods, paths, fit = [], [], [], []
    before, after = _squares(problem, solution)
    for code, cohort in enumerate(problem.cohorts):
        own, parts = solution.unit_weights[code][0], solution.period_weights[code][0]
        held = pd.DataFrame(
            {"cohort": cohort.start, "unit": labels[controls], "weight": own[controls]}
        )
        weights.append(held.sort_values("weight", ascending=False, kind="stable"))
        if problem.is_did:
            when = problem.periods[: cohort.before]
            periods.append(pd.DataFrame({"cohort": cohort.start, "period": when, "weight": parts}))
        treated = problem.outcome[problem.codes == code].mean(axis=0)
        paths.append(
            pd.DataFrame(
                {
                    "cohort": cohort.start,
                    "period": problem.periods,
                    "event_time": problem.periods - cohort.start,
                    "treated": treated,
                    "synthetic": own @ problem.outcome,
                    "gap": solution.gap[0, code],
                    "effect": solution.effect[0, code],
                }
            )
        )
        fit.append(
            {
                "cohort": cohort.start,
                "n_treated": int(solution.sizes[0, code]),
                "n_comparison": int(controls.sum()),
                "n_with_weight": int((own != 0).sum()),
                "effective_units": float(1.0 / (own @ own)),
                "n_before": cohort.before,
                "n_after": problem.periods.size - cohort.after,
                "noise_level": cohort.noise,
                "rmse_before": float(np.sqrt(before[0, code])),
                "rmse_after": float(np.sqrt(after[0, code])),
                "ratio": float(_ratio(before[0, code], after[0, code])),
                "ridge": cohort.ridge if np.isfinite(cohort.ridge) else np.nan,
            }
        )
    table, rank = _placebo_table(problem, solution, placebos, labels, before, after)
    none = pd.DataFrame(columns=["cohort", "period", "weight"])
    return Synthetic(
        weights=pd.concat(weights, ignore_index=True),
        periods=pd.concat(periods, ignore_index=True) if periods else none,
        paths=pd.concat(paths, ignore_index=True),
        fit=pd.DataFrame(fit),
        placebos=table,
        rank_p_value=float("nan") if problem.is_did else rank,
    )


def _squares(problem: Problem, solution: Solution) -> tuple[FloatArray, FloatArray]:
    """Return mean squares before and after exposure, each of shape (D, C)."""
    before, after = [], []
    for code, cohort in enumerate(problem.cohorts):
        gap = solution.gap[:, code, : cohort.before]
        if problem.is_did:
            gap = gap - gap.mean(axis=1, keepdims=True)
        before.append((gap**2).mean(axis=1))
        after.append((solution.effect[:, code, cohort.after :] ** 2).mean(axis=1))
    return np.stack(before, axis=1), np.stack(after, axis=1)


def _ratio(before: FloatArray, after: FloatArray) -> FloatArray:
    """Return the root of the ratio of mean squares; infinity for a perfect fit, 0 without both."""
    perfect = np.where(after > 0, np.inf, 0.0)
    return np.sqrt(np.where(before > 0, after / np.where(before > 0, before, 1.0), perfect))


def _placebo_table(
    problem: Problem,
    solution: Solution,
    placebos: IntArray,
    labels: np.ndarray[tuple[int], np.dtype[np.object_]],
    before: FloatArray,
    after: FloatArray,
) -> tuple[pd.DataFrame, float]:
    """Return one row a placebo, and the share of ratios as large as the real one."""
    share = solution.sizes / solution.sizes.sum(axis=1, keepdims=True)
    early, late = (before * share).sum(axis=1), (after * share).sum(axis=1)
    ratio = _ratio(early, late)
    table = pd.DataFrame(
        {
            "units": [first_five(labels[row >= 0].tolist()) for row in placebos],
            "att": solution.point[1:, 0],
            "rmse_before": np.sqrt(early[1:]),
            "rmse_after": np.sqrt(late[1:]),
            "ratio": ratio[1:],
        }
    )
    rank = float((ratio >= ratio[0] * (1.0 - EQUAL)).mean()) if len(table) else float("nan")
    return table, rank
