"""Differences of matched units from their comparators, and the averages that are reported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.matched_correction import Correction, correct
from evallib.estimate.matched_links import Links, link_pairs
from evallib.estimate.matched_pairs import NO_EXPOSED, Matched
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Effects:
    """Each matched unit's difference from its comparators.

    Parameters
    ----------
    event_times : integer array, shape (H,)
        Inside the window, bases among them.
    values : array, shape (M, 1 + H)
        The mean from event time 0 to the end of the window, then each event time; 0 where
        ``valid`` is False.
    valid : boolean array, shape (M, 1 + H)
    cell : array, shape (M, T)
        The same by period, and where it can be told.
    is_known : boolean array, shape (M, T)
    share : array, shape (M, T)
        Weight of each period in the unit's mean.
    slot : integer array, shape (M, T)
        Position of each period among the event times, -1 outside.
    links : tuple of Links, one a cohort
    correction : Correction or None
        Of the bias that the matching columns leave.
    """

    event_times: IntArray
    values: FloatArray
    valid: BoolArray
    cell: FloatArray
    is_known: BoolArray
    share: FloatArray
    slot: IntArray
    links: tuple[Links, ...]
    correction: Correction | None


@dataclass(frozen=True, slots=True)
class Terms:
    """Averages over matched units: ``att``, event times, cohorts.

    Parameters
    ----------
    names : tuple of str, length K
    event_time : array, shape (K,)
    column : integer array, shape (K,)
        Column of ``Effects.values`` that is averaged.
    weight : array, shape (K, M)
        Sums to 1; all 0 for the base, whose value is fixed.
    """

    names: tuple[str, ...]
    event_time: FloatArray
    column: IntArray
    weight: FloatArray


def measure_effects(problem: Problem, matched: Matched) -> tuple[Matched, Effects]:
    """Return differences by unit and period, and the matched units that have an exposed one."""
    since = problem.periods[None, :] - matched.cohort[:, None]
    inside = np.ones(since.shape, dtype=bool)
    if problem.options.window is not None:
        first, last = problem.options.window
        inside = (since >= first) & (since <= last)
    at_base = np.arange(problem.periods.size) == matched.base[:, None]
    links = tuple(link_pairs(problem, matched, group) for group in matched.groups)
    known = np.zeros(since.shape, dtype=bool)
    for link in links:
        own = problem.observed[matched.unit[link.rows]]
        known[link.rows] = own & (link.count > 0)
    known &= inside & ~at_base
    is_post = known & (since >= 0)
    kept: BoolArray = np.asarray(is_post.any(axis=1))
    if not kept.all():
        return measure_effects(problem, matched.keep(kept, NO_EXPOSED))
    times = np.unique(since[inside]).astype(np.int64)
    slot = np.where(inside, np.searchsorted(times, since), -1)
    cell = np.zeros(since.shape)
    for link in links:
        units, base = matched.unit[link.rows], matched.base[link.rows]
        change = problem.outcome[units] - problem.outcome[units, base][:, None]
        theirs = (link.matrix @ link.change) / np.maximum(link.count, 1.0)
        cell[link.rows] = change - theirs
    correction = None
    if problem.options.bias_correction and problem.names and links:
        correction = correct(problem, matched, links, known, slot, times)
        cell = cell - correction.bias(slot)
    cell[~known] = 0.0
    share = is_post / np.maximum(is_post.sum(axis=1), 1)[:, None]
    values = np.zeros((matched.unit.size, 1 + times.size))
    valid = np.zeros(values.shape, dtype=bool)
    values[:, 0], valid[:, 0] = (cell * share).sum(axis=1), True
    row, column = np.nonzero(known)
    values[row, 1 + slot[row, column]] = cell[row, column]
    valid[row, 1 + slot[row, column]] = True
    return matched, Effects(times, values, valid, cell, known, share, slot, links, correction)


def list_terms(problem: Problem, matched: Matched, effects: Effects) -> Terms:
    """Return the averages in their order: ``att``, event times, cohorts."""
    weight = problem.weight[matched.unit]
    names, event, column, rows = ["att"], [np.nan], [0], [weight]
    for place, time in enumerate(effects.event_times.tolist()):
        member = effects.valid[:, 1 + place]
        fixed = (effects.slot == place) & (np.arange(problem.periods.size) == matched.base[:, None])
        if not member.any() and not fixed.any():
            continue
        names.append(f"event_time={time}")
        event.append(float(time))
        column.append(1 + place)
        rows.append(weight * member)
    for start in np.unique(matched.cohort).tolist():
        names.append(f"group={start:g}")
        event.append(np.nan)
        column.append(0)
        rows.append(weight * (matched.cohort == start))
    table = np.array(rows)
    total = table.sum(axis=1, keepdims=True)
    table = np.divide(table, total, out=np.zeros_like(table), where=total > 0)
    return Terms(tuple(names), np.array(event), np.array(column, dtype=np.int64), table)
