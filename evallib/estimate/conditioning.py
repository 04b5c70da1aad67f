"""What cells are conditioned on: the covariates of their earlier period, and who is compared.

R's did takes covariates (and weights) of the earlier of a cell's two periods, under either base:
of the base from exposure on, and of the period itself in cells before a universal base.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.two_by_two import FirstStage, Method, fit_first_stage

if TYPE_CHECKING:
    from evallib.estimate.group_time import Cells, Problem


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The distinct comparisons behind the cells: cells that differ in the outcome alone share one.

    Parameters
    ----------
    design : array, shape (S, k, N)
        Intercept and standardised covariates by period; S is 1 where they never change.
    path, when, pair : integer arrays, shape (F,)
        The treated path, the period of the covariates, and a pair of periods in which the units
        are observed.
    control : boolean array, shape (F, P)
        The paths that serve as comparison.
    of_cell : integer array, shape (C,)
        The comparison of each cell; -1 for base cells, which compare nothing.
    method : 'dr', 'ipw' or 'reg'
    """

    design: FloatArray
    path: IntArray
    when: IntArray
    pair: IntArray
    control: BoolArray
    of_cell: IntArray
    method: Method

    @property
    def has_covariates(self) -> bool:
        """Whether there is more than the intercept."""
        return bool(self.design.shape[1] > 1)


def build_design(covariates: FloatArray | None, observed: BoolArray) -> FloatArray:
    """Return intercept and standardised covariates by period, shape (S, k + 1, N).

    Parameters
    ----------
    covariates : array, shape (k, N, T), optional
        Read where ``observed``.
    observed : boolean array, shape (N, T)
    """
    n, n_periods = observed.shape
    if covariates is None or covariates.shape[0] == 0:
        return np.ones((1, 1, n))
    complete = bool(observed.all())
    top = covariates.max(axis=2) if complete else _extreme(covariates, observed, -np.inf)
    low = covariates.min(axis=2) if complete else -_extreme(-covariates, observed, -np.inf)
    constant = bool((top == low).all())
    design = np.zeros((1 if constant else n_periods, 1 + covariates.shape[0], n))
    design[:, 0] = 1.0
    for place, values in enumerate(covariates):
        known = top[place] if constant else values if complete else values[observed]
        centre, spread = float(known.mean()), float(known.std())
        scale = spread if spread > 0 else 1.0
        if constant:
            design[0, place + 1] = (top[place] - centre) / scale
            continue
        part = design[:, place + 1]
        np.subtract(values.T, centre, out=part)
        part /= scale
        if not complete:
            part[~observed.T] = 0.0
    return design


def _extreme(values: FloatArray, observed: BoolArray, empty: float) -> FloatArray:
    found: FloatArray = np.where(observed, values, empty).max(axis=2)
    return found


def list_comparisons(
    cells: Cells, control: BoolArray, design: FloatArray, observed: BoolArray, method: Method
) -> Comparisons:
    """Return the distinct comparisons of the cells.

    Parameters
    ----------
    cells : Cells
    control : boolean array, shape (C, P)
    design : array, shape (S, k, N)
    observed : boolean array, shape (N, T)
    method : str
        Without covariates the three methods are one number, and 'reg' is the shortest way to it.
    """
    when = np.zeros(cells.path.size, dtype=np.int64)
    if design.shape[0] > 1:
        when = np.minimum(cells.time, cells.base)
    units = _same_units(cells, observed)[cells.pair]
    keys = zip(
        cells.path.tolist(),
        when.tolist(),
        units.tolist(),
        (row.tobytes() for row in control),
        strict=True,
    )
    found: dict[tuple[int, int, int, bytes], int] = {}
    first: list[int] = []  # cell of each comparison
    of_cell = np.full(cells.path.size, -1, dtype=np.int64)
    for cell, (key, is_base) in enumerate(zip(keys, cells.is_base.tolist(), strict=True)):
        if is_base:
            continue
        if key not in found:
            found[key] = len(first)
            first.append(cell)
        of_cell[cell] = found[key]
    places = np.array(first, dtype=np.int64)
    return Comparisons(
        design=design,
        path=cells.path[places],
        when=when[places],
        pair=cells.pair[places],
        control=control[places],
        of_cell=of_cell,
        method=method if design.shape[1] > 1 else "reg",
    )


def _same_units(cells: Cells, observed: BoolArray) -> IntArray:
    """Return a number for each pair: the same where the same units are observed in both periods."""
    n_pairs = int(cells.pair.max()) + 1 if cells.pair.size else 0
    if observed.all():
        return np.zeros(n_pairs, dtype=np.int64)
    _, first = np.unique(cells.pair, return_index=True)
    kinds: dict[bytes, int] = {}
    numbers = []
    for cell in first:
        both = observed[:, cells.time[cell]] & observed[:, cells.base[cell]]
        numbers.append(kinds.setdefault(np.packbits(both).tobytes(), len(kinds)))
    return np.array(numbers, dtype=np.int64)


def compare(
    problem: Problem, which: IntArray, codes: IntArray, multiplier: FloatArray | None = None
) -> FirstStage:
    """Fit the first stage of some comparisons for some assignments.

    Parameters
    ----------
    problem : Problem
    which : integer array, shape (F,)
    codes : integer array, shape (R, N)
        The path of each unit in each assignment.
    multiplier : array, shape (R, N), optional
        Of the units' weights, in each assignment.

    Returns
    -------
    FirstStage
        Of R times F comparisons, assignments first.
    """
    plan = problem.comparisons
    design = plan.design[plan.when[which]] if plan.design.shape[0] > 1 else plan.design
    weight = problem.both[:, plan.pair[which]].T
    if multiplier is not None:
        weight = weight * multiplier[:, None, :]
    treated = (codes[:, None, :] == plan.path[which][None, :, None]) * weight
    allowed = plan.control[which]  # (F, P)
    control = np.moveaxis(allowed[:, codes], 0, 1) * weight
    shape = (codes.shape[0] * which.size, codes.shape[1])
    if design.shape[0] > 1 and codes.shape[0] > 1:
        design = np.tile(design, (codes.shape[0], 1, 1))
    return fit_first_stage(design, treated.reshape(shape), control.reshape(shape), plan.method)


def compare_once(problem: Problem, which: IntArray, codes: IntArray, units: IntArray) -> FirstStage:
    """Fit the first stage of some comparisons for one assignment, over chosen units.

    Parameters
    ----------
    problem : Problem
    which : integer array, shape (F,)
    codes : integer array, shape (N,)
    units : integer array, shape (n,)
        Where units that are in one of the comparisons stand.
    """
    plan = problem.comparisons
    places = plan.when[which]
    if (places == places[0]).all():
        places = places[:1]
    if units.size == codes.size:
        design, weight, held = plan.design[places], problem.both.T[plan.pair[which]], codes
    else:
        design = np.stack([plan.design[place].take(units, axis=1) for place in places])
        weight = np.stack([problem.both.T[pair].take(units) for pair in plan.pair[which]])
        held = codes.take(units)
    treated = weight * (held == plan.path[which][:, None])
    control = weight * plan.control[which].take(held, axis=1)
    return fit_first_stage(design, treated, control, plan.method)
