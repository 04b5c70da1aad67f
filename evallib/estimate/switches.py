"""Arithmetic of DID_l: changes around the first switch against units that have not switched yet.

All switchers of one first state that are l periods after their switch in period t switched
together, so an effect is a weighted mean of two-by-two comparisons, one for each first state and
period; it is computed on whole arrays of units and periods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.thinness import count_clusters


@dataclass(frozen=True, slots=True)
class Problem:
    """Outcomes and first switches.

    Parameters
    ----------
    outcome : array, shape (N, T)
    observed : boolean array, shape (N, T)
    periods : integer array, shape (T,), sorted
    step : int
        The smallest distance between two periods; leads and lags count in it.
    weight : array, shape (N,)
    cluster : integer array, shape (N,)
    baseline : array, shape (N,)
        State in the unit's first known period.
    stays : boolean array, shape (N, T)
        Whether the unit is known to have been in its first state up to this period.
    switch : array, shape (N,)
        Period of the first switch; infinity without one or where its period is not known.
    differs : array, shape (N, T)
        1 where the state differs from the first one, as it is taken to where it is not known.
    """

    outcome: FloatArray
    observed: BoolArray
    periods: IntArray
    step: int
    weight: FloatArray
    cluster: IntArray
    baseline: FloatArray
    stays: BoolArray
    switch: FloatArray
    differs: FloatArray


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect or placebo, as sums over switchers.

    Parameters
    ----------
    total : float
        Signed differences, summed over switchers with their weights.
    mass : float
        Sum of the switchers' weights.
    dose, dose_so_far : float
        Sum of their weights where exposure differs from the first state in the period of the
        effect, and over all periods from the switch to it.
    influence : array, shape (N,)
        Of ``total``.
    gain, cost : array, shape (N, T)
        Weight of the change up to each row's period, for switchers and for comparison units.
    touched : boolean array, shape (N, T)
        Rows that are used.
    """

    total: float
    mass: float
    dose: float
    dose_so_far: float
    influence: FloatArray
    gain: FloatArray
    cost: FloatArray
    touched: BoolArray


def measure_effect(problem: Problem, ahead: int, placebo: bool = False) -> Effect:
    """Return the effect in the period ``ahead`` - 1 periods after the first switch.

    Parameters
    ----------
    problem : Problem
    ahead : int
        1 for the period of the switch; their l.
    placebo : bool
        Whether the outcome ``ahead`` periods before the base stands in for the one after it, for
        the same units.

    References
    ----------
    de Chaisemartin and D'Haultfoeuille (2024), doi:10.1162/rest_a_01414
    """
    periods, step = problem.periods, problem.step
    base, base_there = _columns(periods, periods - ahead * step)
    other, other_there = _columns(periods, periods - 2 * ahead * step)
    both = problem.observed & problem.observed[:, base] & base_there
    start = periods - (ahead - 1) * step
    switches = both & (problem.switch[:, None] == start)
    stays = both & problem.stays
    change = problem.outcome - problem.outcome[:, base]
    if placebo:
        also = problem.observed[:, other] & other_there
        switches, stays = switches & also, stays & also
        change = problem.outcome[:, other] - problem.outcome[:, base]
    gain, cost = np.zeros(change.shape), np.zeros(change.shape)
    total, influence = 0.0, np.zeros(len(change))
    for state, sign in ((0.0, 1.0), (1.0, -1.0)):
        alike = problem.baseline == state
        part = _compare(
            change[alike],
            switches[alike],
            stays[alike],
            problem.weight[alike],
            problem.cluster[alike],
        )
        total += sign * part.total
        influence[alike] = sign * part.influence
        gain[alike], cost[alike] = part.gain, part.cost
    treated, compared = gain > 0, cost > 0
    touched = treated | compared
    rows = np.zeros(touched.shape, dtype=bool)
    for column in np.flatnonzero(touched.any(axis=0)):
        rows[:, other[column] if placebo else column] |= touched[:, column]
        rows[:, base[column]] |= touched[:, column]
    used = np.where(treated.any(axis=1), problem.weight, 0.0)
    now, so_far = _doses(problem, ahead)
    return Effect(
        total=total,
        mass=float(used.sum()),
        dose=float(used @ now),
        dose_so_far=float(used @ so_far),
        influence=influence,
        gain=gain,
        cost=cost,
        touched=rows,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The sums of one first state; as in `Effect`."""

    total: float
    influence: FloatArray
    gain: FloatArray
    cost: FloatArray


def _compare(
    change: FloatArray,
    switches: BoolArray,
    stays: BoolArray,
    weight: FloatArray,
    cluster: IntArray,
) -> _Part:
    """Compare switchers with units that stay, period by period, all of one first state.

    A switcher's influence is its deviation from the switchers of its period times the root of
    n/(n-1), a comparison unit's its deviation from those of its period likewise; where one
    cluster stands alone on a side, the deviation is from both sides together.
    """
    if not len(change):
        return _Part(0.0, np.zeros(0), np.zeros(change.shape), np.zeros(change.shape))
    fits = switches.any(axis=0) & stays.any(axis=0)
    gain = np.where(switches & fits, weight[:, None], 0.0)
    kept = np.where(stays & fits, weight[:, None], 0.0)
    own, others = gain.sum(axis=0), kept.sum(axis=0)
    share = np.divide(own, others, out=np.zeros_like(own), where=others > 0)
    cost = kept * share
    mean_own = _ratio((gain * change).sum(axis=0), own)
    mean_others = _ratio((kept * change).sum(axis=0), others)
    mean_both = _ratio(own * mean_own + others * mean_others, own + others)
    n_own, n_others, n_both = (
        count_clusters(cluster, some) for some in (gain > 0, kept > 0, (gain > 0) | (kept > 0))
    )
    centre_own = np.where(n_own > 1, mean_own, mean_both)
    centre_others = np.where(n_others > 1, mean_others, mean_both)
    wide_own = _widening(np.where(n_own > 1, n_own, n_both))
    wide_others = _widening(np.where(n_others > 1, n_others, n_both))
    influence = (gain * wide_own * (change - centre_own)).sum(axis=1)
    influence -= (cost * wide_others * (change - centre_others)).sum(axis=1)
    return _Part(float((own * (mean_own - mean_others)).sum()), influence, gain, cost)


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _widening(count: IntArray) -> FloatArray:
    """Return the root of n/(n-1), 1 where there is one."""
    return np.sqrt(np.where(count > 1, count / np.maximum(count - 1, 1), 1.0))


def _columns(periods: IntArray, wanted: IntArray) -> tuple[IntArray, BoolArray]:
    """Return where wanted periods stand, and which are there."""
    place = np.minimum(np.searchsorted(periods, wanted), periods.size - 1)
    return place, np.asarray(periods[place] == wanted)


def _doses(problem: Problem, ahead: int) -> tuple[FloatArray, FloatArray]:
    """Return each unit's difference in exposure ``ahead`` - 1 periods after its switch, and so far.

    A period without a row counts as the period of the switch does.
    """
    rows = np.arange(problem.switch.size)
    start = np.where(np.isfinite(problem.switch), problem.switch, problem.periods[0])
    so_far = np.zeros(rows.size)
    now = so_far
    for lag in range(ahead):
        place, there = _columns(problem.periods, start.astype(np.int64) + lag * problem.step)
        now = np.where(there, problem.differs[rows, place], 1.0)
        so_far = so_far + now
    return now, so_far
