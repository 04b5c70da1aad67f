"""The bias that matching leaves in its columns, taken out by a regression among comparators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.matched_links import Links
from evallib.estimate.matched_pairs import Group, Matched
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray

# A column whose spread among comparators is below this share of the pool's does not vary.
CONSTANT = 1e-10


@dataclass(frozen=True, slots=True)
class Correction:
    """Slopes of comparators' changes on the matching columns, by event time.

    Parameters
    ----------
    gaps : array, shape (d, M, T)
        Differences in the columns between matched units and their comparators.
    slopes : array, shape (H, d)
        0 where there are too few comparators.
    inverse : array, shape (H, d, d)
        Of the cross-products that slopes are made with.
    lever : tuple of arrays, shape (d, p, T), one a cohort
        A comparator's change in a period enters its event time's slopes by ``inverse @ lever``.
    uncorrected : tuple of int
        Event times with too few comparators.

    References
    ----------
    Abadie and Imbens (2011), JBES 29(1), doi:10.1198/jbes.2009.07333
    """

    gaps: FloatArray
    slopes: FloatArray
    inverse: FloatArray
    lever: tuple[FloatArray, ...]
    uncorrected: tuple[int, ...]

    def bias(self, slot: IntArray) -> FloatArray:
        """Return the bias of each difference, shape (M, T), 0 outside the window."""
        total = np.zeros(slot.shape)
        for gap, slope in zip(self.gaps, self.slopes.T, strict=True):
            total += gap * np.where(slot >= 0, slope[slot], 0.0)
        return total


def correct(
    problem: Problem,
    matched: Matched,
    links: tuple[Links, ...],
    known: BoolArray,
    slot: IntArray,
    times: IntArray,
) -> Correction:
    """Return the regression of comparators' changes on the matching columns.

    For each event time the changes are regressed on the columns, weighted by how much each
    comparator is used, with a constant for each cohort. The slopes times the difference in columns
    between a treated unit and its comparators are the bias.

    Parameters
    ----------
    problem : Problem
    matched : Matched
    links : tuple of Links
    known : boolean array, shape (M, T)
        Differences that can be told.
    slot : integer array, shape (M, T)
        Position among the event times, -1 outside.
    times : integer array, shape (H,)
    """
    d, h = len(problem.names), times.size
    cross, right = np.zeros((h, d, d)), np.zeros((h, d))
    freedom, weight = np.zeros(h), np.zeros(h)
    gaps = np.zeros((d, *known.shape))
    levers = []
    # One scale for all cohorts: a column's slope is shared by them.
    scale = np.mean([group.scale for group in matched.groups], axis=0)
    for group, link in zip(matched.groups, links, strict=True):
        units = matched.unit[link.rows]
        own = _scaled(problem, group, units, scale)
        theirs = _scaled(problem, group, link.units, scale)
        count = np.maximum(link.count, 1.0)
        used = known[link.rows] * problem.weight[units][:, None] / count
        mass = np.asarray(link.matrix.T @ used) * link.observed
        total = mass.sum(axis=0)
        mean = (theirs @ mass) / np.where(total > 0, total, 1.0)
        left = theirs[:, :, None] - mean[:, None, :]
        for place in range(d):
            near = np.asarray(link.matrix @ (theirs[place][:, None] * link.observed))
            gaps[place, link.rows] = own[place][:, None] - near / count
        lever = left * mass
        levers.append(lever)
        if not units.size:
            continue
        where = slot[link.rows][0]
        for period in np.flatnonzero((where >= 0) & (total > 0)):
            at = where[period]
            cross[at] += lever[:, :, period] @ left[:, :, period].T
            right[at] += lever[:, :, period] @ link.change[:, period]
            freedom[at] += (mass[:, period] > 0).sum() - 1
            weight[at] += total[period]
    inverse = _invert(cross, weight)
    lost = freedom < d + 1
    inverse[lost] = 0.0
    slopes = np.einsum("hde,he->hd", inverse, right)
    wanted = np.unique(slot[known])
    uncorrected = tuple(int(times[k]) for k in wanted if lost[k])
    return Correction(gaps, slopes, inverse, tuple(levers), uncorrected)


def _scaled(problem: Problem, group: Group, units: IntArray, scale: FloatArray) -> FloatArray:
    """Return the columns of units (d, n), less the pool's mean; 0 where not matched on."""
    columns = group.columns
    found = np.zeros((scale.size, units.size))
    raw = problem.features[columns][:, units, group.base]
    found[columns] = (raw - group.centre[columns, None]) / scale[columns, None]
    return found


def _invert(cross: FloatArray, weight: FloatArray) -> FloatArray:
    """Return pseudo-inverses of cross-products, shape (H, d, d), each column on its own scale.

    A column that is the same for all comparators of an event time but for rounding has no slope.
    """
    diagonal = np.einsum("hdd->hd", cross)
    varies = diagonal > CONSTANT**2 * weight[:, None]
    scale = np.where(varies, 1 / np.sqrt(np.where(varies, diagonal, 1.0)), 0.0)
    scaled = cross * scale[:, :, None] * scale[:, None, :]
    found = np.linalg.pinv(scaled, rcond=1e-10, hermitian=True)
    return np.asarray(found * scale[:, :, None] * scale[:, None, :])
