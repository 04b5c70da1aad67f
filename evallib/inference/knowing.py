"""How precise a group-time estimate would be if more units' adoption were known: arrays only.

The group aggregation of group-time cells without covariates is linear in the outcome once it is
settled who adopted when. Its variance under a working model of the outcome therefore follows from
the design alone: no unit is asked for because its own figures would make the estimate look exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
PRIOR_YEARS = 5.0


@dataclass(frozen=True, slots=True)
class Layout:
    """All that does not depend on which units are known.

    Parameters
    ----------
    difference : array, shape (C, T)
        The change that each cell takes: 1 at its period, -1 at its base.
    both : array, shape (M, C)
        Whether a unit of pattern M is seen at both.
    own : array, shape (P, C)
        Whether path P is the cohort of the cell.
    control : array, shape (P, C)
        Whether path P compares in the cell.
    covariance : array, shape (T, T)
        Working covariance of the outcome within a unit, for a relative variance of 1.
    """

    difference: FloatArray
    both: FloatArray
    own: FloatArray
    control: FloatArray
    covariance: FloatArray


def lay_out(
    periods: IntArray,
    patterns: BoolArray,
    cohort: FloatArray,
    is_treated: BoolArray,
    covariance: FloatArray,
    *,
    anticipation: int,
    never_only: bool,
) -> Layout:
    """Return the cells from exposure on, and who is treated and who compares in each.

    Parameters
    ----------
    periods : integer array, shape (T,), sorted
    patterns : boolean array, shape (M, T)
        The sets of periods in which units are observed.
    cohort : array, shape (P,)
        First exposed period of each path; infinity is never.
    is_treated : boolean array, shape (P,)
        False for paths that compare only, until they are exposed.
    covariance : array, shape (T, T)
    anticipation : int
        Periods of anticipation, the event period included.
    never_only : bool
        Whether only paths that are never exposed compare.
    """
    cells: list[tuple[int, int, int]] = []
    for one in np.flatnonzero(is_treated):
        before = np.flatnonzero(periods + anticipation < cohort[one])
        if before.size:
            after = np.flatnonzero(periods >= cohort[one])
            cells += [(int(one), int(at), int(before[-1])) for at in after]
    table = np.array(cells, dtype=np.int64).reshape(-1, 3)
    path, time, base = table[:, 0], table[:, 1], table[:, 2]
    here = np.arange(len(table))
    difference = np.zeros((len(table), periods.size))
    difference[here, time] = 1.0
    difference[here, base] -= 1.0
    latest = np.full(len(table), periods.max()) if never_only else periods[time]
    own = (np.arange(cohort.size)[:, None] == path[None, :]).astype(float)
    control = (cohort[:, None] > latest[None, :] + anticipation) & (own == 0)
    both = patterns[:, time] & patterns[:, base]
    return Layout(difference, both.astype(float), own, control.astype(float), covariance)


def model_variance(layout: Layout, mass: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the variance of the group aggregation's overall effect under the working model.

    Parameters
    ----------
    layout : Layout
    mass : array, shape (R, P, M)
        In each of R assignments, the weight of the units on each path with each pattern.
    spread : array, shape (R, P, M)
        The same of squared weight times relative variance.

    Returns
    -------
    array, shape (R,)
        Infinity where no cell has both treated and comparison units.

    Notes
    -----
    Cells of one cohort count alike and cohorts by their weight, as in the group aggregation; a
    cell with nobody to compare with is left out. Units are taken as independent.
    """
    count = mass @ layout.both  # (R, P, C)
    treated = np.einsum("rpc,pc->rc", count, layout.own)
    control = np.einsum("rpc,pc->rc", count, layout.control)
    valid = (treated > 0) & (control > 0)
    share = np.einsum("rp,pc->rc", mass.sum(axis=2), layout.own)  # of the cell's cohort
    siblings = layout.own.T @ layout.own  # cells of the same cohort
    alive = valid @ siblings
    weight = np.where(valid, share / np.where(alive > 0, alive, 1.0), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    weight = weight / np.where(total > 0, total, 1.0)
    up = weight / np.where(treated > 0, treated, 1.0)
    down = weight / np.where(control > 0, control, 1.0)
    slope = layout.own * up[:, None, :] - layout.control * down[:, None, :]  # (R, P, C)
    result = np.zeros(len(mass))
    for pattern, seen in enumerate(layout.both):
        loads = (slope * seen) @ layout.difference  # (R, P, T)
        each = np.einsum("rpt,rpt->rp", loads @ layout.covariance, loads)
        result += (each * spread[:, :, pattern]).sum(axis=1)
    return np.where(total[:, 0] > 0, result, np.inf)


def working_covariance(outcome: FloatArray) -> FloatArray:
    """Return the covariance of an outcome within a unit, as far as it depends on the lag.

    Parameters
    ----------
    outcome : array, shape (N, T)
        NaN where not observed.

    Returns
    -------
    array, shape (T, T)
        Of what is left after units' and periods' means, averaged over all units by lag, without
        the negative directions that missing values can leave.
    """
    left = residuals(outcome)
    periods = outcome.shape[1]
    by_lag = np.zeros(periods)
    for lag in range(periods):
        product = left[:, lag:] * left[:, : periods - lag]
        if np.isfinite(product).any():
            by_lag[lag] = np.nanmean(product)
    places = np.arange(periods)
    values, vectors = np.linalg.eigh(by_lag[np.abs(places[:, None] - places[None, :])])
    return np.asarray((vectors * np.clip(values, 0.0, None)) @ vectors.T)


def relative_variance(outcome: FloatArray) -> FloatArray:
    """Return how noisy each unit is beside the average one, drawn towards 1.

    Parameters
    ----------
    outcome : array, shape (N, T)
        Periods before anybody was exposed only; NaN where not observed.

    Returns
    -------
    array, shape (N,)
        1 for a unit that is not observed; `PRIOR_YEARS` years of the average unit are added to
        each unit's own years.
    """
    left = residuals(outcome)
    seen = np.isfinite(left)
    pooled = float(np.nanmean(left**2)) if seen.any() else 0.0
    if not pooled > 0:
        return np.ones(len(outcome))
    own = np.nansum(left**2, axis=1) / pooled
    return np.asarray((PRIOR_YEARS + own) / (PRIOR_YEARS + seen.sum(axis=1)))


def residuals(outcome: FloatArray) -> FloatArray:
    """Return an outcome (N, T) less units' and periods' means; NaN stays where it was."""
    left = outcome.copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(20):
            left = left - _mean(left, 1)[:, None]
            left = left - _mean(left, 0)[None, :]
    return left


def _mean(values: FloatArray, axis: int) -> FloatArray:
    count = np.isfinite(values).sum(axis=axis)
    total = np.nansum(values, axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), 0.0))


def average_narrowing(
    layout: Layout,
    known: tuple[FloatArray, FloatArray],
    path: Sequence[FloatArray],
    pattern: IntArray,
    weight: FloatArray,
    variance: FloatArray,
    drawn: IntArray,
    looked_up: BoolArray,
) -> FloatArray:
    """Return by how much the standard error narrows when one more unit's path is learnt.

    Parameters
    ----------
    layout : Layout
    known : pair of arrays, shape (P, M)
        Mass and spread of the units that are known already, see `model_variance`.
    path : sequence of arrays, shape (P,), one a unit of U
        Probability that the unit is on each path; what is missing to 1 is the probability that
        nothing usable is learnt.
    pattern : integer array, shape (U,)
        The unit's pattern of observed periods.
    weight, variance : arrays, shape (U,)
        Its weight and its relative variance.
    drawn : integer array, shape (D, U)
        In each of D draws the path of each unit, -1 where nothing usable is learnt.
    looked_up : boolean array, shape (D, U)
        Which other units have been looked up in the draw.

    Returns
    -------
    array, shape (U,)
        The share by which the standard error falls, averaged over draws and over the unit's own
        paths: 0.01 is one per cent. Negative where the unit would make it wider.
    """
    units = len(path)
    gain = np.zeros(units)
    chances = np.array(path)  # (U, P)
    who, where = np.nonzero(chances > 0)
    for paths, others in zip(drawn, looked_up, strict=True):
        mass, spread = known[0].copy(), known[1].copy()
        used = others & (paths >= 0)
        np.add.at(mass, (paths[used], pattern[used]), weight[used])
        np.add.at(spread, (paths[used], pattern[used]), (weight**2 * variance)[used])
        # Without the unit itself, and with it on each path that it may be on.
        own_mass = np.zeros((units, *mass.shape))
        own_spread = np.zeros((units, *mass.shape))
        at = np.flatnonzero(used)
        own_mass[at, paths[at], pattern[at]] = weight[at]
        own_spread[at, paths[at], pattern[at]] = (weight**2 * variance)[at]
        without_mass, without_spread = mass - own_mass, spread - own_spread
        with_mass, with_spread = without_mass[who].copy(), without_spread[who].copy()
        rows = np.arange(who.size)
        with_mass[rows, where, pattern[who]] += weight[who]
        with_spread[rows, where, pattern[who]] += (weight**2 * variance)[who]
        before = np.sqrt(model_variance(layout, without_mass, np.maximum(without_spread, 0.0)))
        after = np.sqrt(model_variance(layout, with_mass, with_spread))
        narrowing = np.where(np.isfinite(before[who]), 1.0 - after / before[who], 0.0)
        np.add.at(gain, who, chances[who, where] * narrowing)
    return gain / max(len(drawn), 1)
