"""Permutation draws that are joint over the primary outcomes of a plan.

Each council draws one place in the order of event dates, for all outcomes; each outcome hands out
its own cohorts in that order among its own councils. Councils that outcomes share so keep their
event across them, however an outcome's periods cut the dates, and every outcome keeps its numbers
by cohort and stratum: its own draws are those of a permutation of that outcome alone.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate
from evallib.estimate.aggregate import averages, pick
from evallib.estimate.batch import solve_batch
from evallib.estimate.result import FloatArray, IntArray
from evallib.inference.fitting import fit_design
from evallib.inference.multiple import romano_wolf
from evallib.inference.paths import PathPanel, path_panel, path_problem
from evallib.inference.permutation import permute_paths, studentise
from evallib.inference.permuted_terms import IN_BATCHES, design_case, permute_terms
from evallib.inference.refits import REFITS
from evallib.plan.estimators import SYNTHETIC

DRAWS = 1_999


@dataclass(frozen=True, slots=True)
class JointTests:
    """Adjusted p-values of a family of outcomes.

    Parameters
    ----------
    p_values : dict of str to float
        By outcome, of those in the family.
    left_out : dict of str to str
        Why an outcome is not in the family.
    draws : int
    """

    p_values: dict[str, float]
    left_out: dict[str, str]
    draws: int

    @property
    def sentence(self) -> str:
        """How the p-values were made, in words that a report can print."""
        if not self.p_values:
            return "Romano and Wolf's p-values were not made."
        return (
            f"Romano and Wolf's p-values: {self.draws:,} joint permutations of event dates among "
            "councils within strata, one place in the order of dates a council for all outcomes; "
            "stepping down over the largest estimate over its standard error. Where outcomes have "
            "other councils or measure other periods, each keeps its own numbers by cohort. "
            "Verdicts rest on Holm's."
        )


def joint_tests(pairs: Sequence[tuple[Design, Estimate | None]]) -> JointTests:
    """Return Romano and Wolf's p-values of primary outcomes, from one set of joint draws.

    Parameters
    ----------
    pairs : sequence of (Design, Estimate or None)
        Primary outcomes, each with its headline estimate.

    Returns
    -------
    JointTests
        A family of one is not adjusted for anything and has its plain permutation p-value.
    """
    left_out: dict[str, str] = {}
    family: list[tuple[Design, Estimate]] = []
    for design, estimate in pairs:
        if estimate is None:
            left_out[design.outcome] = "no estimate was made"
        elif estimate.estimator in SYNTHETIC:
            left_out[design.outcome] = "its inference is placebos, not permuted paths"
        else:
            family.append((design, estimate))
    if not family:
        return JointTests({}, left_out, 0)
    refits = any(e.estimator != "group_time" and e.estimator not in IN_BATCHES for _, e in family)
    draws = REFITS if refits else DRAWS
    panels = [path_panel(design) for design, _ in family]
    units = np.unique(np.concatenate([panel.units.astype(str) for panel in panels]))
    seed = [family[0][0].seed, zlib.crc32(b"primary outcomes together")]
    order = np.random.default_rng(seed).random((draws, units.size))
    names: list[str] = []
    observed: list[float] = []
    drawn: list[FloatArray] = []
    for (design, estimate), panel in zip(family, panels, strict=True):
        own = order[:, np.searchsorted(units, panel.units.astype(str))]
        try:
            here, there = _statistics(design, estimate.estimator, panel, own, seed)
        except EstimationError as error:
            left_out[design.outcome] = error.reasons
            continue
        if not np.isfinite(here):
            left_out[design.outcome] = "the estimate has no standard error"
            continue
        names.append(design.outcome)
        observed.append(here)
        drawn.append(there)
    if not names:
        return JointTests({}, left_out, 0)
    adjusted = romano_wolf(np.array(observed), np.column_stack(drawn))
    return JointTests(dict(zip(names, adjusted.tolist(), strict=True)), left_out, draws)


def _statistics(
    design: Design, name: str, panel: PathPanel, order: FloatArray, seed: list[int]
) -> tuple[float, FloatArray]:
    """Return |t| of the headline effect, and of each draw (R,)."""
    # Clusters of several councils are placed first: by the same numbers in every outcome.
    rng = np.random.default_rng(seed)
    if name == "group_time":
        return _of_cells(design, panel, order, rng)
    drawn = permute_paths(panel.codes, panel.strata, panel.cluster, len(order), rng, order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        _, terms = permute_terms(design_case(design, name), fit_design(design, name), drawn)
    if not terms.terms or terms.terms[0] != "att":
        return float("nan"), np.zeros(len(order))
    return float(terms.observed[0]), terms.drawn[:, 0]


def _of_cells(
    design: Design, panel: PathPanel, order: FloatArray, rng: np.random.Generator
) -> tuple[float, FloatArray]:
    problem, codes = path_problem(design, panel)
    cells = problem.cells
    first = averages("group", cells.group, cells.period, cells.path)
    wanted = pick(first, np.array([0]))
    drawn = permute_paths(codes, panel.strata, panel.cluster, len(order), rng, order)

    def solve(paths: IntArray) -> FloatArray:
        found = []
        for _, (estimate,), (sums,) in solve_batch(problem, paths, wanted):
            variance = (sums**2).sum(axis=-1) / problem.outcome.shape[0] ** 2
            zero = np.zeros_like(variance)
            found.append(studentise(np.array([estimate, zero, variance, zero, zero]), 0.0))
        return np.concatenate(found)[:, 0]

    return float(solve(codes[None])[0]), solve(drawn)
