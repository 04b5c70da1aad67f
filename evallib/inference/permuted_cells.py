"""Permutation tests of group-time averages: overall effects, event times, leads together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evallib.estimate.aggregate import Averages, averages, join, pick
from evallib.estimate.batch import solve_batch
from evallib.estimate.group_time import Problem
from evallib.estimate.result import FloatArray, IntArray
from evallib.inference.permutation import PermutationTest, studentise

CHUNK = 100
QUANTILE_LEVELS = (0.80, 0.90, 0.95, 0.975, 0.99)


@dataclass(frozen=True, slots=True)
class PermutedTerms:
    """Permutation p-values and quantiles of |t| for K terms that share the draws.

    Parameters
    ----------
    terms : tuple of str
    event_time : array, shape (K,)
    observed : array, shape (K,)
        |t| of the real assignment.
    drawn : array, shape (R, K)
        |t| of each draw; infinite where a draw has no standard error.
    """

    terms: tuple[str, ...]
    event_time: FloatArray
    observed: FloatArray
    drawn: FloatArray

    @property
    def p_values(self) -> FloatArray:
        """(1 + draws at least as extreme) / (1 + draws), each term for itself."""
        extreme = self.drawn >= self.observed * (1 - 1e-10)
        return np.asarray((1 + extreme.sum(axis=0)) / (1 + self.drawn.shape[0]))

    def quantile(self, level: float) -> FloatArray:
        """Return the |t| of each term beyond which p is at most ``1 - level``."""
        return np.array([order_quantile(column, level) for column in self.drawn.T])

    def joint(self, which: FloatArray | IntArray) -> tuple[float, Mapping[float, float]]:
        """Return the p-value of the largest |t| among some terms, and its quantiles by level."""
        chosen = np.asarray(which)
        if not chosen.size:
            return float("nan"), {}
        largest = self.drawn[:, chosen].max(axis=1)
        here = self.observed[chosen].max() * (1 - 1e-10)
        p_value = float((1 + (largest >= here).sum()) / (1 + largest.size))
        return p_value, {level: order_quantile(largest, level) for level in QUANTILE_LEVELS}


def order_quantile(drawn: FloatArray, level: float) -> float:
    """Return the value beyond which the permutation p-value is at most ``1 - level``.

    Infinite when there are too few draws for that level.

    Examples
    --------
    >>> import numpy as np
    >>> order_quantile(np.arange(1.0, 100.0), 0.95)
    95.0
    """
    allowed = int(np.floor((1 - level) * (1 + drawn.size) + 1e-9)) - 1
    if allowed < 0:
        return float("inf")
    return float(np.sort(drawn)[::-1][allowed])


@dataclass(frozen=True, slots=True)
class PermutedCells:
    """Permutation results of a group-time design.

    Parameters
    ----------
    overall : mapping of str to PermutationTest
        By aggregation: 'group', 'simple', 'dynamic', 'calendar'.
    parts : mapping of str to PermutedTerms
        The other terms of each aggregation.
    draws : int
    """

    overall: Mapping[str, PermutationTest]
    parts: Mapping[str, PermutedTerms]
    draws: int


def permute_cells(problem: Problem, codes: IntArray, drawn: IntArray) -> PermutedCells:
    """Return permutation tests of the averages of group-time cells.

    Parameters
    ----------
    problem : Problem
    codes : integer array, shape (N,)
        The real paths.
    drawn : integer array, shape (R, N)
        Permuted paths.
    """
    cells = problem.cells
    event = cells.period - cells.group
    kinds = ("group", "simple", "dynamic", "calendar")
    each = {kind: averages(kind, cells.group, cells.period, cells.path) for kind in kinds}
    heads = _heads([each[kind] for kind in kinds])
    # One effect for all reaches the later-treated too, in rows that they show on other paths.
    cohort = problem.paths.cohort[codes]
    exposed = (problem.periods[None, :] >= cohort[:, None]).astype(float)
    change = _changes(problem, exposed)
    anticipated = (event < 0) & (cells.period == problem.periods[cells.base])
    rest: dict[str, Averages] = {}
    for kind in ("dynamic", "group", "calendar"):
        wanted = each[kind]
        rows = [
            k
            for k in range(1, len(wanted.terms))
            if not anticipated[wanted.inner[wanted.outer[k]].any(axis=0)].all()
        ]
        rest[kind] = pick(wanted, np.array(rows))
    everything = heads
    for part in rest.values():
        everything = join(everything, part)
    here, here_t = _solve(problem, codes[None], heads, everything, change)
    there, there_t = _solve(problem, drawn, heads, everything, change)
    overall = {kind: PermutationTest(here[:, 0, k], there[:, :, k]) for k, kind in enumerate(kinds)}
    parts, start = {}, len(kinds)
    for kind, part in rest.items():
        at = slice(start, start + len(part.terms))
        parts[kind] = PermutedTerms(part.terms, part.event_time, here_t[0, at], there_t[:, at])
        start = at.stop
    return PermutedCells(overall, parts, drawn.shape[0])


def _heads(wanted: list[Averages]) -> Averages:
    """Return the first rows of several sets of averages."""
    first = np.array([0])
    result = pick(wanted[0], first)
    for other in wanted[1:]:
        result = join(result, pick(other, first))
    return result


def _changes(problem: Problem, grid: FloatArray) -> FloatArray:
    """Return the changes of another outcome (N, T) over the problem's pairs (N, Q)."""
    cells = problem.cells
    _, first = np.unique(cells.pair, return_index=True)
    change = grid[:, cells.time[first]] - grid[:, cells.base[first]]
    return np.asarray(change * (problem.both > 0))


def _solve(
    problem: Problem,
    codes: IntArray,
    heads: Averages,
    everything: Averages,
    exposure: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return what inverting the first averages needs (5, R, k), and |t| of all (R, K)."""
    kept, statistics = [], []
    scale = problem.outcome.shape[0] ** 2
    first = len(heads.terms)
    changes = [problem.difference, exposure]
    for start in range(0, codes.shape[0], CHUNK):
        chunk = codes[start : start + CHUNK]
        for _, (estimate, shift), (sums, shift_sums) in solve_batch(
            problem, chunk, everything, changes, heads
        ):
            a, b = sums[:, :first], shift_sums
            square = [(x * y).sum(axis=-1) / scale for x, y in ((a, a), (a, b), (b, b))]
            kept.append(np.array([estimate[:, :first], shift, *square]))
            variance = (sums**2).sum(axis=-1) / scale
            zero = np.zeros_like(variance)
            parts = np.array([estimate, zero, variance, zero, zero])
            statistics.append(studentise(parts, 0.0))
    return np.concatenate(kept, axis=1), np.concatenate(statistics)
