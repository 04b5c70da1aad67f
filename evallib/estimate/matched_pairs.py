"""Who is matched with whom: pools of comparison units, standard scales, nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.errors import EstimationError, Fault
from evallib.estimate.matched_neighbours import Edges, assign, nearest
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray

# Why a treated unit is not matched; codes index this tuple.
REASONS = (
    "matched",
    "no period before exposure",
    "no outcome in the base period",
    "fewer than two outcomes to read a trend from",
    "no value of a matching column up to the base period",
    "no comparison unit is observed before and after and unexposed to the end",
    "no comparison unit is equal in the exact columns",
    "no comparison unit within the caliper",
    "every comparison unit within reach is another's comparator",
    "no exposed period in which it and a comparator are observed",
)
NO_BEFORE, NO_BASE, NO_TREND, NO_VALUE, NO_POOL, NO_EQUAL, TOO_FAR, USED_UP, NO_EXPOSED = range(
    1, 10
)
# Cells of the table of distances that an assignment without replacement may need (8 bytes each).
LARGEST_TABLE = 60_000_000


@dataclass(frozen=True, slots=True)
class Group:
    """The comparison pool of one cohort.

    Parameters
    ----------
    cohort : float
    base : int
        Position of the base period.
    has_trend : bool
        Whether there is a period before the base.
    units : integer array, shape (n,)
        Treated units that can be matched.
    pool : integer array, shape (P,)
        Comparison units with all that matching needs.
    columns : integer array
        Positions of the features that units are matched on.
    centre, scale : arrays, shape (d,)
        Mean and standard deviation of every feature in the pool; 1 where it does not vary.
    """

    cohort: float
    base: int
    has_trend: bool
    units: IntArray
    pool: IntArray
    columns: IntArray
    centre: FloatArray
    scale: FloatArray

    def standardise(self, problem: Problem, units: IntArray) -> FloatArray:
        """Return the matching columns of units, scaled so that distances are mean squares."""
        raw = problem.features[self.columns][:, units, self.base].T
        scaled = (raw - self.centre[self.columns]) / self.scale[self.columns]
        return np.asarray(scaled / np.sqrt(max(self.columns.size, 1)))


@dataclass(frozen=True, slots=True)
class Matched:
    """Treated units with their comparators; cohorts stand together.

    Parameters
    ----------
    unit, base : integer arrays, shape (M,)
        Matched treated units, and the position of their base period.
    cohort : array, shape (M,)
    groups : tuple of Group
    edges : Edges
        ``query`` counts the matched treated units, ``point`` is a unit.
    reason : integer array, shape (N,)
        Position in ``REASONS`` for treated units, -1 for others.
    """

    unit: IntArray
    base: IntArray
    cohort: FloatArray
    groups: tuple[Group, ...]
    edges: Edges
    reason: IntArray

    def keep(self, chosen: BoolArray, reason: int) -> Matched:
        """Return only the chosen treated units; the others have a reason."""
        if chosen.all():
            return self
        reasons = self.reason.copy()
        reasons[self.unit[~chosen]] = reason
        place = np.cumsum(chosen) - 1
        kept = chosen[self.edges.query]
        edges = Edges(
            place[self.edges.query[kept]], self.edges.point[kept], self.edges.distance[kept]
        )
        return replace(
            self,
            unit=self.unit[chosen],
            base=self.base[chosen],
            cohort=self.cohort[chosen],
            edges=edges,
            reason=reasons,
        )


def match_units(problem: Problem, cohort: FloatArray, treated: BoolArray) -> Matched:
    """Return each treated unit's comparators.

    Parameters
    ----------
    problem : Problem
    cohort : array, shape (N,)
    treated : boolean array, shape (N,)

    Raises
    ------
    EstimationError
        Where an assignment without replacement needs too large a table of distances.
    """
    reason = np.where(treated, 0, -1)
    groups = []
    for start in np.unique(cohort[treated]):
        group = _group(problem, cohort, treated & (cohort == start), float(start), reason)
        if group is not None:
            groups.append(group)
    unit = np.concatenate([np.zeros(0, dtype=np.int64), *(group.units for group in groups)])
    size = [group.units.size for group in groups]
    base = np.repeat(np.array([group.base for group in groups], dtype=np.int64), size)
    pair = _with_replacement if problem.options.replace else _without_replacement
    edges = pair(problem, groups, reason)
    matched = Matched(unit, base, cohort[unit], tuple(groups), edges, reason)
    found = np.zeros(unit.size, dtype=bool)
    found[edges.query] = True
    reasons = reason.copy()
    lost = unit[~found]
    reasons[lost] = np.where(reasons[lost] > 0, reasons[lost], TOO_FAR)
    done = matched.keep(found, TOO_FAR)
    return replace(done, reason=reasons)


def _group(
    problem: Problem, cohort: FloatArray, members: BoolArray, start: float, reason: IntArray
) -> Group | None:
    """Return the pool of one cohort, or None; treated units that cannot be matched get a reason."""
    options, periods = problem.options, problem.periods
    before = np.flatnonzero(periods + options.anticipation < start)
    if before.size == 0:
        reason[members] = NO_BEFORE
        return None
    base = int(before[-1])
    columns = np.arange(len(problem.names))
    if base == 0 and options.match == "level_trend":
        columns = columns[np.array(problem.names) != "trend"]
    known = ~np.isnan(problem.features[:, :, base])
    for place in columns[::-1]:
        code = {"trend": NO_TREND}.get(problem.names[place], NO_VALUE)
        reason[members & ~known[place]] = code
    reason[members & (problem.exact[:, base] < 0)] = NO_VALUE
    reason[members & ~problem.observed[:, base]] = NO_BASE
    usable = problem.observed[:, base] & (problem.exact[:, base] >= 0) & known[columns].all(axis=0)
    last = periods[-1]
    if options.window is not None:
        last = min(last, start + options.window[1])
    exposed = problem.observed[:, (periods >= start) & (periods <= last)].any(axis=1)
    reason[members & (reason == 0) & ~exposed] = NO_EXPOSED
    end = last if options.comparison == "not_yet_treated" else periods[-1]
    compares = (cohort > end + options.anticipation) & usable & exposed & ~members
    pool, units = np.flatnonzero(compares), np.flatnonzero(members & (reason == 0))
    if pool.size == 0 and units.size:
        reason[units] = NO_POOL
    if pool.size == 0 or units.size == 0:
        return None
    held = np.where(known[:, pool], problem.features[:, pool, base], 0.0)
    centre, scale = held.mean(axis=1), held.std(axis=1)
    both = problem.features[:, np.concatenate([pool, units]), base]
    for place in columns:
        floor = 1e-12 * float(np.abs(both[place]).max())
        if scale[place] <= floor:  # constant in the pool: by its spread with the treated
            wide = float(both[place].std())
            scale[place] = wide if wide > floor else 1.0
    scale[scale <= 0] = 1.0
    return Group(start, base, base > 0, units, pool, columns, centre, scale)


def _with_replacement(problem: Problem, groups: list[Group], reason: IntArray) -> Edges:
    """Return the nearest comparators of each treated unit; ties with the last are all taken."""
    parts: list[Edges] = []
    offset = 0
    for group in groups:
        near = group.standardise(problem, group.pool)
        own = group.standardise(problem, group.units)
        kinds = problem.exact[group.pool, group.base]
        wanted = problem.exact[group.units, group.base]
        for kind in np.unique(wanted):
            some, there = np.flatnonzero(wanted == kind), np.flatnonzero(kinds == kind)
            if there.size == 0:
                reason[group.units[some]] = NO_EQUAL
                continue
            found = nearest(near[there], own[some], problem.options.neighbours)
            parts.append(
                Edges(some[found.query] + offset, group.pool[there[found.point]], found.distance)
            )
        offset += group.units.size
    return _sorted(parts, problem.options.caliper)


def _sorted(parts: list[Edges], caliper: float | None) -> Edges:
    """Return edges in one, by treated unit and comparator, without those beyond the caliper."""
    none = np.zeros(0, dtype=np.int64)
    query = np.concatenate([none, *(part.query for part in parts)])
    point = np.concatenate([none, *(part.point for part in parts)])
    distance = np.concatenate([np.zeros(0), *(part.distance for part in parts)])
    order = np.lexsort((point, query))
    if caliper is not None:
        order = order[distance[order] <= caliper * (1 + 1e-9)]
    return Edges(query[order], point[order], distance[order])


def _without_replacement(problem: Problem, groups: list[Group], reason: IntArray) -> Edges:
    """Return the assignment of comparators, each used once over all cohorts."""
    options = problem.options
    if not groups:
        return _sorted([], None)
    columns = np.unique(np.concatenate([group.pool for group in groups]))
    rows = sum(group.units.size for group in groups)
    cells = rows * options.neighbours * max(columns.size, rows * options.neighbours)
    if cells > LARGEST_TABLE:
        what = f"{rows} treated and {columns.size} comparison units are too many to assign at once"
        remedy = "Use replace=True, or fit parts of the frame (by council type, for example)"
        raise EstimationError([Fault("option 'replace'", what, "", remedy)])
    table = np.full((rows, columns.size), np.inf)
    at = 0
    for group in groups:
        near = group.standardise(problem, group.pool)
        own = group.standardise(problem, group.units)
        squares = np.zeros((group.units.size, group.pool.size))
        for column in range(near.shape[1]):
            squares += (own[:, [column]] - near[:, column]) ** 2
        distance = np.sqrt(squares)
        equal = (
            problem.exact[group.units, group.base][:, None]
            == (problem.exact[group.pool, group.base])
        )
        distance[~equal] = np.inf
        reason[group.units[~equal.any(axis=1)]] = NO_EQUAL
        if options.caliper is not None:
            far = distance > options.caliper * (1 + 1e-9)
            reason[group.units[equal.any(axis=1) & far.all(axis=1)]] = TOO_FAR
            distance[far] = np.inf
        table[at : at + group.units.size, np.searchsorted(columns, group.pool)] = distance
        at += group.units.size
    row, place = assign(table, options.neighbours)
    left = np.ones(rows, dtype=bool)
    left[row] = False
    every = np.concatenate([group.units for group in groups])
    reason[every[left & np.isfinite(table).any(axis=1)]] = USED_UP
    return Edges(row, columns[place], table[row, place])
