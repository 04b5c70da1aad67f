"""How sure a synthetic comparison is: placebos among comparison units, and the jackknife."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from math import comb

import numpy as np

from evallib.estimate.result import FloatArray, IntArray
from evallib.estimate.synthetic import COMPARISON, UNUSED, Problem, Solution, average


@dataclass(frozen=True, slots=True)
class Placebos:
    """Assignments of exposure to comparison units.

    Parameters
    ----------
    codes : integer array, shape (r, N)
        Cohort of each unit, ``COMPARISON``, or ``UNUSED`` for the units really exposed.
    is_every : bool
        Whether these are all there are.
    possible : int
        How many there are.
    """

    codes: IntArray
    is_every: bool
    possible: int


def draw_placebos(problem: Problem, draws: int, seed: int) -> Placebos:
    """Return assignments with the real numbers by cohort, all or ``draws`` at random.

    Comparison units are drawn in the order of their outcomes, so that names do not matter.

    Parameters
    ----------
    problem : Problem
        Has more comparison than treated units.
    draws : int
        All assignments are taken where there are no more.
    seed : int
    """
    controls = np.flatnonzero(problem.codes == COMPARISON)
    controls = controls[np.lexsort(problem.outcome[controls].T)]
    sizes = [int((problem.codes == code).sum()) for code in range(len(problem.cohorts))]
    possible, left = 1, controls.size
    for size in sizes:
        possible *= comb(left, size)
        left -= size
    is_every = possible <= draws
    if is_every:
        order = np.array(list(_assignments(tuple(range(controls.size)), sizes)))
    else:
        rng = np.random.default_rng(seed)
        every = np.tile(np.arange(controls.size), (draws, 1))
        order = rng.permuted(every, axis=1)[:, : sum(sizes)]
    cohort_of = np.repeat(np.arange(len(sizes)), sizes)
    codes = np.tile(np.where(problem.codes == COMPARISON, COMPARISON, UNUSED), (len(order), 1))
    codes[np.arange(len(order))[:, None], controls[order]] = cohort_of
    return Placebos(codes, is_every, possible)


def _assignments(units: tuple[int, ...], sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield the units of the first cohort, then of the second, for every assignment."""
    if not sizes:
        yield ()
        return
    for chosen in itertools.combinations(units, sizes[0]):
        rest = tuple(unit for unit in units if unit not in chosen)
        for more in _assignments(rest, sizes[1:]):
            yield (*chosen, *more)


def placebo_covariance(placebos: FloatArray) -> FloatArray:
    """Return the covariance (K, K) of placebo effects (r, K), with r in the denominator as in R."""
    off = placebos - placebos.mean(axis=0)
    return np.asarray(off.T @ off / len(placebos))


def jackknife_covariance(problem: Problem, solution: Solution) -> FloatArray:
    """Return the covariance (K, K) from leaving out one unit at a time, weights kept.

    Unit weights of the others are scaled to sum to one; period weights stay.

    Parameters
    ----------
    problem : Problem
        Every cohort has two treated units at least.
    solution : Solution
        Of the real assignment alone; no comparison unit has all the weight of a cohort.
    """
    count = problem.codes.size
    y = problem.outcome - problem.outcome[problem.codes == COMPARISON].mean(axis=0)
    effect = np.repeat(solution.effect, count, axis=0)
    sizes = np.repeat(solution.sizes, count, axis=0)
    for code, cohort in enumerate(problem.cohorts):
        weights = solution.unit_weights[code][0]
        parts = solution.period_weights[code][0]
        gap = np.repeat(solution.gap[:, code], count, axis=0)
        other = weights @ y
        without = (other - weights[:, None] * y) / (1.0 - weights)[:, None]
        gap += other - without
        own = problem.codes == code
        size = float(own.sum())
        mean = y[own].mean(axis=0)
        gap[own] += (size * mean - y[own]) / (size - 1.0) - mean
        sizes[own, code] -= 1.0
        effect[:, code] = gap - (gap[:, : cohort.before] @ parts)[:, None]
    point = average(problem.terms, effect, sizes)
    off = point - point.mean(axis=0)
    return np.asarray((count - 1.0) / count * (off.T @ off))
