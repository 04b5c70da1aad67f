"""Synthetic difference-in-differences and synthetic control over arrays, cohort by cohort.

``prepare`` holds what does not depend on who was exposed: periods, noise levels and penalties of
every cohort. ``solve`` fits many assignments at once: the real one and its placebos go through the
same lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.synthetic_ridge import augmented_weights, choose_penalty
from evallib.estimate.synthetic_weights import Search, find_weights

COMPARISON, UNUSED = -1, -2
INFINITESIMAL = 1e-6  # of the noise level, in penalties that only make the optimum unique
SAME = 1e-14  # of the largest value: changes that differ less are only rounding


@dataclass(frozen=True, slots=True)
class Cohort:
    """Periods and penalties of one cohort.

    Parameters
    ----------
    start : int
        First exposed period.
    before, after : int
        Periods before exposure (and anticipation), and where the exposed ones begin.
    noise : float
        Standard deviation of the comparison units' changes before exposure.
    units : Search
        How unit weights are searched.
    ridge : float
        Penalty of the augmentation; infinity for none.
    """

    start: int
    before: int
    after: int
    noise: float
    units: Search
    ridge: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A balanced panel with its cohorts.

    Parameters
    ----------
    outcome : array, shape (N, T)
    periods : integer array, shape (T,), sorted
    codes : integer array, shape (N,)
        Cohort of each unit as it was, ``COMPARISON`` for those never exposed.
    cohorts : tuple of Cohort
    is_did : bool
        Whether a constant difference is allowed and periods are weighted.
    augment : bool
    terms : Terms
    """

    outcome: FloatArray
    periods: IntArray
    codes: IntArray
    cohorts: tuple[Cohort, ...]
    is_did: bool
    augment: bool
    terms: Terms


@dataclass(frozen=True, slots=True)
class Terms:
    """What is averaged: all effects, those of an event time, those of a cohort.

    Parameters
    ----------
    names : tuple of str, length K
    event_time : array, shape (K,)
        NaN where a term has none.
    cells : boolean array, shape (K, C, T)
        Periods of each cohort that a term averages, each weighted by the cohort's treated units.
    """

    names: tuple[str, ...]
    event_time: FloatArray
    cells: BoolArray


@dataclass(frozen=True, slots=True)
class Solution:
    """Fits of D assignments, by cohort.

    Parameters
    ----------
    unit_weights : tuple of arrays, shape (D, N)
    period_weights : tuple of arrays, shape (D, T0)
        Zero in synthetic control, whose effects are plain gaps.
    gap : array, shape (D, C, T)
        Mean of the treated less the weighted mean of the comparison units.
    effect : array, shape (D, C, T)
        Gap less its weighted mean before exposure.
    sizes : array, shape (D, C)
        Treated units.
    point : array, shape (D, K)
    """

    unit_weights: tuple[FloatArray, ...]
    period_weights: tuple[FloatArray, ...]
    gap: FloatArray
    effect: FloatArray
    sizes: FloatArray
    point: FloatArray


def prepare(
    outcome: FloatArray,
    periods: IntArray,
    cohort: FloatArray,
    *,
    is_did: bool,
    anticipation: int = 0,
    augment: bool = False,
) -> Problem:
    """Set up the cohorts of a balanced panel.

    Parameters
    ----------
    outcome : array, shape (N, T)
    periods : integer array, shape (T,), sorted
    cohort : array, shape (N,)
        First exposed period; after the last period or infinity is never. Every other cohort has two
        periods before exposure at least.
    is_did : bool
    anticipation : int
    augment : bool
    """
    never = cohort > periods[-1]
    starts = np.unique(cohort[~never])
    codes = np.where(never, COMPARISON, np.searchsorted(starts, cohort))
    size = float(np.abs(outcome).max(initial=0.0))
    cohorts = []
    for code, start in enumerate(starts):
        before = int((periods < start - anticipation).sum())
        after = int((periods < start).sum())
        changes = np.diff(outcome[never, :before], axis=1)
        noise = float(changes.std(ddof=1)) if changes.size > 1 else 0.0
        noise = noise if noise > SAME * size else 0.0
        exposed = int((codes == code).sum()) * (periods.size - after)
        eta = exposed**0.25 if is_did else INFINITESIMAL
        ridge = float("inf")
        if augment:
            goal = outcome[codes == code, :before].mean(axis=0)
            ridge = choose_penalty(outcome[never, :before], goal, noise)
        search = Search(eta * noise, noise, before)
        cohorts.append(Cohort(int(start), before, after, noise, search, ridge))
    return Problem(
        outcome=outcome,
        periods=periods,
        codes=codes.astype(np.int64),
        cohorts=tuple(cohorts),
        is_did=is_did,
        augment=augment,
        terms=list_terms(periods, cohorts),
    )


def list_terms(periods: IntArray, cohorts: list[Cohort]) -> Terms:
    """Return ``att``, then event times from exposure on, then cohorts."""
    starts = np.array([cohort.start for cohort in cohorts])
    since = periods[None, :] - starts[:, None]
    exposed = since >= 0
    cells = [exposed]
    names, event_time = ["att"], [np.nan]
    for e in np.unique(since[exposed]):
        names.append(f"event_time={e}")
        event_time.append(float(e))
        cells.append(since == e)
    for start in starts:
        names.append(f"group={start}")
        event_time.append(np.nan)
        cells.append(exposed & (starts == start)[:, None])
    return Terms(tuple(names), np.array(event_time), np.array(cells))


def solve(problem: Problem, codes: IntArray) -> Solution:
    """Fit assignments of units to cohorts.

    Parameters
    ----------
    problem : Problem
    codes : integer array, shape (D, N)
        Cohort of each unit, ``COMPARISON`` or ``UNUSED``; every cohort has a unit in each.
    """
    pool = np.asarray((codes == COMPARISON).any(axis=0))
    allowed = codes[:, pool] == COMPARISON
    y = problem.outcome - problem.outcome[pool].mean(axis=0)  # the same for all: weights sum to 1
    every, parts, gaps, effects, sizes = [], [], [], [], []
    for code, cohort in enumerate(problem.cohorts):
        member = (codes == code).astype(float)
        count = member.sum(axis=1)
        target = member @ y / count[:, None]
        weights = np.zeros(codes.shape)
        weights[:, pool] = _weigh_units(problem, cohort, y[pool], target, allowed)
        gap = target - weights @ y
        periods = np.zeros((len(codes), cohort.before))
        if problem.is_did:
            periods = _weigh_periods(cohort, y[pool], allowed)
        effect = gap - (gap[:, : cohort.before] * periods).sum(axis=1, keepdims=True)
        every.append(weights)
        parts.append(periods)
        gaps.append(gap)
        effects.append(effect)
        sizes.append(count)
    effect, size = np.stack(effects, axis=1), np.stack(sizes, axis=1)
    return Solution(
        unit_weights=tuple(every),
        period_weights=tuple(parts),
        gap=np.stack(gaps, axis=1),
        effect=effect,
        sizes=size,
        point=average(problem.terms, effect, size),
    )


def average(terms: Terms, effect: FloatArray, sizes: FloatArray) -> FloatArray:
    """Return the terms (D, K) of effects (D, C, T) with cohorts of ``sizes`` (D, C) units."""
    cells = terms.cells.astype(float)
    total = np.einsum("dct,kct,dc->dk", effect, cells, sizes, optimize=True)
    return np.asarray(total / (sizes @ cells.sum(axis=2).T))


def _weigh_units(
    problem: Problem, cohort: Cohort, pool: FloatArray, target: FloatArray, allowed: BoolArray
) -> FloatArray:
    """Return unit weights (D, k) for the mean outcomes (D, T) of the treated."""
    before, goal = pool[:, : cohort.before], target[:, : cohort.before]
    if problem.augment:
        found = np.zeros(allowed.shape)
        for row, some in enumerate(allowed):
            found[row, some] = augmented_weights(
                before[some], goal[row], cohort.ridge, cohort.noise
            )
        return found
    if problem.is_did:
        before = before - before.mean(axis=1, keepdims=True)
        goal = goal - goal.mean(axis=1, keepdims=True)
    return find_weights(before.T, goal, cohort.units, allowed)


def _weigh_periods(cohort: Cohort, pool: FloatArray, allowed: BoolArray) -> FloatArray:
    """Return period weights, shape (D, T0)."""
    rows = np.concatenate(
        [pool[:, : cohort.before], pool[:, cohort.after :].mean(axis=1, keepdims=True)], axis=1
    )
    found = np.zeros((len(allowed), cohort.before))
    counts = allowed.sum(axis=1)
    for count in np.unique(counts):  # the real assignment has more comparison units than placebos
        some = counts == count
        stack = rows[np.nonzero(allowed[some])[1]].reshape(-1, count, cohort.before + 1)
        stack = stack - stack.mean(axis=1, keepdims=True)
        if count > cohort.before + 1:
            stack = np.asarray(np.linalg.qr(stack, mode="r"))  # keeps all lengths, in fewer rows
        search = Search(INFINITESIMAL * cohort.noise, cohort.noise, int(count))
        every = np.ones((len(stack), cohort.before), dtype=bool)
        found[some] = find_weights(stack[:, :, :-1], stack[:, :, -1], search, every)
    return found
