"""One cohort's pairs as a matrix, with the changes of its comparators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from evallib.estimate.matched_pairs import Group, Matched
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Links:
    """One cohort's pairs as a matrix, and the changes of its comparators from the base.

    Parameters
    ----------
    rows : slice
        Where the cohort's treated units stand among the matched ones.
    matrix : sparse array, shape (m, p)
        1 for each pair.
    units : integer array, shape (p,)
        The comparators.
    change : array, shape (p, T)
        0 where not observed.
    observed : array, shape (p, T)
        1 or 0.
    count : array, shape (m, T)
        Comparators of a treated unit that are observed.
    """

    rows: slice
    matrix: sparse.csr_array
    units: IntArray
    change: FloatArray
    observed: FloatArray
    count: FloatArray


def link_pairs(problem: Problem, matched: Matched, group: Group) -> Links:
    """Return the pairs of one cohort."""
    start, stop = np.searchsorted(matched.cohort, [group.cohort, group.cohort + 0.5])
    edges = matched.edges
    first, last = np.searchsorted(edges.query, [start, stop])
    units, column = np.unique(edges.point[first:last], return_inverse=True)
    row = edges.query[first:last] - start
    matrix = sparse.csr_array(
        (np.ones(row.size), (row, column)), shape=(int(stop - start), units.size)
    )
    there = problem.observed[units].astype(float)
    change = (problem.outcome[units] - problem.outcome[units][:, [group.base]]) * there
    rows = slice(int(start), int(stop))
    return Links(rows, matrix, units, change, there, np.asarray(matrix @ there))
