"""The range of a group-time average over assignments of missing events to units: arrays only.

Cells without covariates are ratios of sums over units, so that moving one unit to another path
changes every cell by a difference that is known beforehand. Whole sets of moves are tried at once,
without influence values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evallib.estimate.aggregate import Averages, averages, pick
from evallib.estimate.group_time import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray

NOTHING = 1e-9  # below this a sum of weights, which average 1, is rounding
SWEEPS = 20


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums behind C cells of R assignments, or of one (no first axis).

    Parameters
    ----------
    cells : array, shape (..., 4, C)
        Change and weight of the treated, change and weight of the controls.
    mass : array, shape (..., P)
        Weight of the units on each path.
    """

    cells: FloatArray
    mass: FloatArray


@dataclass(frozen=True, slots=True)
class Movable:
    """A panel some of whose units may be on other paths than recorded.

    Parameters
    ----------
    wanted : Averages
        One average over the C cells that it uses.
    path : integer array, shape (C,)
        The path that each cell is of.
    start : Sums
        With every unit on its recorded path.
    own, control : array, shape (P, C)
        Whether units on a path are treated, or compare, in each cell.
    change, both, weight : arrays, shape (U, C), (U, C), (U,)
        Of the units that may move: change times weight, weight where both periods are observed,
        and weight.
    recorded : integer array, shape (U,)
        Their recorded paths.
    """

    wanted: Averages
    path: IntArray
    start: Sums
    own: FloatArray
    control: FloatArray
    change: FloatArray
    both: FloatArray
    weight: FloatArray
    recorded: IntArray


@dataclass(frozen=True, slots=True)
class Events:
    """Missing events, and where each can lead.

    Parameters
    ----------
    counts : integer array, shape (G,)
        Missing events of each span.
    to_path : boolean array, shape (G, U, P)
        Whether an event of the span puts the unit on the path.
    least : int
        Events that surely are of these units, because there are too few others.
    """

    counts: IntArray
    to_path: BoolArray
    least: int = 0


def movable(problem: Problem, codes: IntArray, units: IntArray, aggregation: str) -> Movable:
    """Return what is needed to move some units to other paths.

    Parameters
    ----------
    problem : Problem
        Without covariates, with every path that a unit may be on.
    codes : integer array, shape (N,)
        The recorded path of each unit.
    units : integer array, shape (U,)
        Units that may move.
    aggregation : str
        'group', 'simple', 'dynamic' or 'calendar': its overall effect is taken.
    """
    cells, n_paths = problem.cells, problem.paths.cohort.size
    every = averages(aggregation, cells.group, cells.period, cells.path)
    wanted = pick(every, np.array([0]))
    used = np.flatnonzero(wanted.inner.any(axis=0))
    wanted = Averages(
        wanted.terms,
        wanted.inner[:, used],
        wanted.outer,
        wanted.by_share,
        wanted.path,
        wanted.event_time,
    )
    path, pair = cells.path[used], cells.pair[used]
    both = problem.both[:, pair]
    change = problem.difference[:, pair] * both
    own = (path[None, :] == np.arange(n_paths)[:, None]).astype(float)
    control = problem.control[used].T.astype(float)
    sums = np.stack(
        [
            (own[codes] * change).sum(axis=0),
            (own[codes] * both).sum(axis=0),
            (control[codes] * change).sum(axis=0),
            (control[codes] * both).sum(axis=0),
        ]
    )
    mass = (codes[:, None] == np.arange(n_paths)[None, :]).astype(float).T @ problem.weight
    return Movable(
        wanted=wanted,
        path=path,
        start=Sums(sums, mass),
        own=own,
        control=control,
        change=change[units],
        both=both[units],
        weight=problem.weight[units],
        recorded=codes[units],
    )


def overall(panel: Movable, sums: Sums) -> FloatArray:
    """Return the average of each assignment, NaN where no cell is left.

    Parameters
    ----------
    panel : Movable
    sums : Sums
        Of R assignments.
    """
    treated, treated_n, control, control_n = np.moveaxis(sums.cells, -2, 0)
    valid = (treated_n > NOTHING) & (control_n > NOTHING)
    att = treated / np.where(valid, treated_n, 1.0) - control / np.where(valid, control_n, 1.0)
    mass = np.where(valid, sums.mass[..., panel.path], 0.0)
    inner = panel.wanted.inner.T.astype(float)  # (C, J)
    total = mass @ inner
    alive = total > NOTHING
    value = (mass * att) @ inner / np.where(alive, total, 1.0)
    outer = alive * panel.wanted.outer[0]
    if panel.wanted.by_share[0]:
        outer = outer * sums.mass[..., panel.wanted.path]
    size = outer.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((outer * value).sum(axis=-1) / size)


def moved(panel: Movable, sums: Sums, unit: IntArray, old: IntArray, new: IntArray) -> Sums:
    """Return the sums once each of R units has moved from an old to a new path, alone."""
    own = panel.own[new] - panel.own[old]
    control = panel.control[new] - panel.control[old]
    change, both = panel.change[unit], panel.both[unit]
    step = np.stack([own * change, own * both, control * change, control * both], axis=1)
    mass = np.tile(sums.mass, (unit.size, 1))
    rows = np.arange(unit.size)
    np.add.at(mass, (rows, new), panel.weight[unit])
    np.add.at(mass, (rows, old), -panel.weight[unit])
    return Sums(sums.cells + step, mass)


def over_assignments(panel: Movable, paths: IntArray) -> FloatArray:
    """Return the average of each of R assignments of paths to the movable units.

    Parameters
    ----------
    panel : Movable
    paths : integer array, shape (R, U)
    """
    return overall(panel, _sums_of(panel, paths))


def _sums_of(panel: Movable, paths: IntArray) -> Sums:
    cells = np.tile(panel.start.cells, (len(paths), 1, 1))
    mass = np.tile(panel.start.mass, (len(paths), 1))
    for path in np.unique(paths):
        member = ((paths == path) & (paths != panel.recorded)).astype(float)
        own = panel.own[path] - panel.own[panel.recorded]
        control = panel.control[path] - panel.control[panel.recorded]
        parts = [own * panel.change, own * panel.both]
        parts += [control * panel.change, control * panel.both]
        for place, part in enumerate(parts):
            cells[:, place] += member @ part
        mass[:, path] += member @ panel.weight
        for old in np.unique(panel.recorded):
            mass[:, old] -= member @ (panel.weight * (panel.recorded == old))
    return Sums(cells, mass)


def worst_case(
    panel: Movable, events: Events, sign: float, starts: Sequence[IntArray] = ()
) -> tuple[float, IntArray]:
    """Search the assignment of missing events that makes the average smallest or largest.

    Events are given one after another to the unit and path that move the average furthest, until
    none moves it further and `least` are given; then each event in turn moves to where it does
    most. Both are repeated until nothing helps.

    Parameters
    ----------
    panel : Movable
    events : Events
    sign : float
        1 for the largest, -1 for the smallest.
    starts : sequence of integer arrays, shape (2, U), optional
        Assignments to begin with, beside the one without events: the span of each unit's event,
        -1 for none, and its path.

    Returns
    -------
    The average, and the span and path of each unit, shape (2, U): the furthest of all starts.

    Notes
    -----
    A search by single moves: the average it finds is one that the totals allow, and there may be
    a worse one.
    """
    unplaced = np.stack([np.full(panel.recorded.size, -1, dtype=np.int64), panel.recorded])
    searches = []
    for start in (unplaced, *starts):
        search = _Search(panel, events, sign, start)
        for _ in range(SWEEPS):
            # Both are called: what has been moved may make room for more.
            helped = [search.add(), search.move()]
            if not any(helped):
                break
        searches.append(search)
    found = max(searches, key=lambda one: one.best)
    return sign * found.best, np.stack([found.span, found.path])


class _Search:
    """An assignment that is improved move by move."""

    def __init__(self, panel: Movable, events: Events, sign: float, start: IntArray) -> None:
        self.panel, self.events, self.sign = panel, events, sign
        self.span, self.path = start[0].copy(), start[1].copy()
        given = np.bincount(self.span[self.span >= 0], minlength=events.counts.size)
        self.left = events.counts - given
        self.sums = _one(_sums_of(panel, self.path[None]))
        self.best = float(self._value(self.sums))

    def add(self) -> bool:
        """Give events that are left, while that helps or must be."""
        helped = False
        while self.left.any() and (self.span < 0).any():
            found = self._best_move()
            must = self._given() < self.events.least
            if found is None or not (must or self._is_better(found[0])):
                break
            self.best = found[0]
            self._place(*found[1:])
            helped = True
        return helped

    def move(self) -> bool:
        """Take each event in turn away, and give it to where it does most."""
        helped = False
        for unit in np.flatnonzero(self.span >= 0):
            span, path = int(self.span[unit]), int(self.path[unit])
            self._take(int(unit))
            none = float(self._value(self.sums))
            found = self._best_move()
            best = -np.inf if found is None else found[0]
            if none >= best and self._is_better(none) and self._given() >= self.events.least:
                self.best, helped = none, True
            elif found is not None and self._is_better(best):
                self.best, helped = best, True
                self._place(*found[1:])
            else:
                self._place(int(unit), span, path)
        return helped

    def _best_move(self) -> tuple[float, int, int, int] | None:
        """Return value, unit, span and path of the best event to give; None where there is none."""
        is_open = self.left > 0
        possible = self.events.to_path[is_open].any(axis=0) & (self.span < 0)[:, None]
        unit, new = np.nonzero(possible)
        if not unit.size:
            return None
        value = self._value(moved(self.panel, self.sums, unit, self.path[unit], new))
        place = int(np.argmax(value))
        chosen, there = int(unit[place]), int(new[place])
        spans = np.flatnonzero(is_open & self.events.to_path[:, chosen, there])
        return float(value[place]), chosen, int(spans[0]), there

    def _value(self, sums: Sums) -> FloatArray:
        value = self.sign * overall(self.panel, sums)
        return np.where(np.isnan(value), -np.inf, value)

    def _given(self) -> int:
        return int((self.span >= 0).sum())

    def _is_better(self, value: float) -> bool:
        return value > self.best + 1e-12 * max(abs(self.best), 1.0)

    def _place(self, unit: int, span: int, path: int) -> None:
        self._walk(unit, path)
        self.span[unit] = span
        self.left[span] -= 1

    def _take(self, unit: int) -> None:
        self.left[self.span[unit]] += 1
        self.span[unit] = -1
        self._walk(unit, int(self.panel.recorded[unit]))

    def _walk(self, unit: int, new: int) -> None:
        ends = (np.array([unit]), self.path[[unit]], np.array([new]))
        self.sums = _one(moved(self.panel, self.sums, *ends))
        self.path[unit] = new


def _one(sums: Sums) -> Sums:
    return Sums(sums.cells[0], sums.mass[0])
