"""What controls that were exposed unnoticed do to group-time effects: arrays only.

A control that was exposed between base and period moves as a treated unit does. Where a share
``p`` of a cell's controls did, and the effect on them is that on the treated, the cell shows
``(1 - p)`` of the effect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.estimate.aggregate import pick
from evallib.estimate.cells import CellSource
from evallib.estimate.group_time import Problem, influence_covariance
from evallib.estimate.result import BoolArray, FloatArray, IntArray

LARGEST_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Scaled:
    """An average of cells, each divided by the share of its controls that were not exposed.

    Parameters
    ----------
    point, std_error : float
    share : float
        The share of controls exposed unnoticed, averaged over cells as the average weighs them.
    smallest, largest : float
        The least and the most of any cell that has weight.
    """

    point: float
    std_error: float
    share: float
    smallest: float
    largest: float


def exposed_share(
    problem: Problem, codes: IntArray, chances: FloatArray, cohort: IntArray
) -> FloatArray:
    """Return the expected share of each cell's controls that were exposed unnoticed.

    Parameters
    ----------
    problem : Problem
        Its cells are those that are scaled.
    codes : integer array, shape (N,)
        The path of each unit.
    chances : array, shape (N, K)
        The probability that the unit had an unnoticed event with each of K cohorts; 0 for units
        whose events are known.
    cohort : integer array, shape (K,)
        First exposed period of each.

    Returns
    -------
    array, shape (C,)
        Units that were exposed in the base already count as unexposed: a lasting effect is in both
        periods and drops out of the change. At most `LARGEST_SHARE`; 0 where nobody compares.
    """
    cells = problem.cells
    base = problem.periods[cells.base]
    began = (cohort[:, None] > base[None, :]) & (cohort[:, None] <= cells.period[None, :])
    weight = problem.both[:, cells.pair] * problem.control[:, codes].T  # (N, C)
    total = weight.sum(axis=0)
    exposed = (weight * (chances @ began.astype(float))).sum(axis=0)
    share = np.divide(exposed, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(np.minimum(share, LARGEST_SHARE))


def scale_cells(source: CellSource, aggregation: str, share: FloatArray) -> Scaled:
    """Return an average of group-time cells, each divided by ``1 - share``.

    Parameters
    ----------
    source : CellSource
        Solved cells; their influence values give the standard error without fitting again.
    aggregation : str
        'group', 'simple', 'dynamic' or 'calendar'.
    share : array, shape (C,)
        See `exposed_share`; taken as known.
    """
    solution, up = source.solution, 1.0 / (1.0 - share)
    scaled = replace(
        source,
        solution=replace(solution, att=solution.att * up, influence=solution.influence * up),
        replaced={},
    )
    wanted = pick(scaled.averages(aggregation), np.array([0]))
    weight, influence = scaled.weights(wanted)
    variance = influence_covariance(influence, source.problem.cluster)[0, 0]
    used: BoolArray = weight[0] > 0
    return Scaled(
        point=float(weight[0] @ scaled.solution.att),
        std_error=float(np.sqrt(variance)),
        share=float(weight[0] @ share),
        smallest=float(share[used].min()),
        largest=float(share[used].max()),
    )


def draw_spans(
    counts: IntArray, weight: FloatArray, draws: int, rng: np.random.Generator
) -> IntArray:
    """Draw which unit each missing event is of: every draw respects the count of every span.

    Parameters
    ----------
    counts : integer array, shape (G,)
        Missing events of each span.
    weight : array, shape (U, G)
        How likely each unit is, beside the others.
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    integer array, shape (draws, U)
        The span of each unit's event; -1 for none. A unit has one event at most: spans take turns
        in order, among the units that are left. A span with more events than units with a weight
        takes them all.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> drawn = draw_spans(np.array([1, 2]), np.ones((6, 2)), 4, rng)
    >>> (drawn == 0).sum(axis=1).tolist(), (drawn == 1).sum(axis=1).tolist()
    ([1, 1, 1, 1], [2, 2, 2, 2])
    """
    drawn = np.full((draws, weight.shape[0]), -1, dtype=np.int64)
    with np.errstate(divide="ignore"):
        log_weight = np.log(weight)
    for span, count in enumerate(counts):
        # The largest of log weight + Gumbel noise are a draw without replacement.
        key = log_weight[:, span] + rng.gumbel(size=drawn.shape)
        key[drawn >= 0] = -np.inf
        order = np.argsort(-key, axis=1)[:, :count]
        rows = np.arange(draws)[:, None]
        drawn[rows, order] = np.where(np.isfinite(key[rows, order]), span, drawn[rows, order])
    return drawn
