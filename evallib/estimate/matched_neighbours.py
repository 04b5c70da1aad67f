"""Nearest neighbours with their ties, and the best assignment without replacement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from evallib.estimate.result import FloatArray, IntArray

# Distances, in standard deviations, that differ by less are tied: only rounding parts them.
TIE = 1e-9
CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class Edges:
    """Pairs of a query and a point, sorted by query, then point.

    Parameters
    ----------
    query, point : integer arrays, shape (E,)
    distance : array, shape (E,)
    """

    query: IntArray
    point: IntArray
    distance: FloatArray


def nearest(
    points: FloatArray,
    queries: FloatArray,
    k: int,
    *,
    group: IntArray | None = None,
    own: IntArray | None = None,
) -> Edges:
    """Return the k nearest points of each query and every point tied with the last of them.

    Where there are fewer points than k, all of them.

    Parameters
    ----------
    points : array, shape (P, d)
    queries : array, shape (Q, d)
    k : int
    group, own : integer arrays, shapes (P,) and (Q,), optional
        Points of a query's own group are passed over.

    Examples
    --------
    >>> import numpy as np
    >>> found = nearest(np.array([[0.0], [2.0], [5.0]]), np.array([[1.0]]), 1)
    >>> found.point.tolist(), found.distance.tolist()
    ([0, 1], [1.0, 1.0])
    """
    size, asked = points.shape[0], queries.shape[0]
    empty = np.zeros(0, dtype=np.int64)
    if size == 0 or asked == 0:
        return Edges(empty, empty, np.zeros(0))
    if points.shape[1] == 0:
        points, queries = np.zeros((size, 1)), np.zeros((asked, 1))
    # Sliding midpoints, not medians: with many equal points medians take very long.
    tree = cKDTree(points, balanced_tree=False, compact_nodes=False)
    rest, ask = np.arange(asked), min(k + 1, size)
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []
    while rest.size:
        unfinished = []
        step = max(1, CHUNK // ask)
        for start in range(0, rest.size, step):
            some = rest[start : start + step]
            distance, at = tree.query(queries[some], k=np.arange(1, ask + 1))
            allowed = np.ones(at.shape, dtype=bool)
            if group is not None and own is not None:
                allowed = group[at] != own[some][:, None]
            reached = allowed.cumsum(axis=1) >= k
            last = np.where(reached.any(axis=1), reached.argmax(axis=1), ask - 1)
            limit = distance[np.arange(some.size), last] * (1 + TIE) + TIE
            limit = np.where(reached[:, -1], limit, np.inf)
            done = (distance[:, -1] > limit) | (ask == size)
            inside = allowed & (distance <= limit[:, None]) & done[:, None]
            row, column = np.nonzero(inside)
            parts.append((some[row], at[row, column], distance[row, column]))
            unfinished.append(some[~done])
        rest, ask = np.concatenate(unfinished), min(4 * ask, size)
    query, point, gap = (np.concatenate(items) for items in zip(*parts, strict=True))
    order = np.lexsort((point, query))
    return Edges(query[order], point[order].astype(np.int64), gap[order])


def assign(distance: FloatArray, copies: int) -> tuple[IntArray, IntArray]:
    """Return the pairs that use each column at most once with the smallest sum of distances.

    As many rows as possible get a column, then as many second columns as possible, and so on;
    among these assignments the nearest is taken.

    Parameters
    ----------
    distance : array, shape (R, C)
        Infinite where a pair is not allowed.
    copies : int
        Columns for each row.

    Examples
    --------
    >>> import numpy as np
    >>> row, column = assign(np.array([[1.0, 2.0], [1.5, 9.0]]), 1)
    >>> row.tolist(), column.tolist()
    ([0, 1], [1, 0])
    """
    rows, columns = distance.shape
    allowed = np.isfinite(distance)
    if not allowed.any():
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    # A pair that is not allowed costs more than any sum of allowed ones, in a row's first copy
    # more than any number of other copies.
    other = (1.0 + distance[allowed].max()) * (rows * copies + 1)
    first = other * (rows * copies + 1) if copies > 1 else other
    cost = np.empty((rows * copies, columns + max(0, rows * copies - columns)))
    for copy in range(copies):
        block = cost[copy * rows : (copy + 1) * rows]
        block[:] = other if copy else first
        block[:, :columns][allowed] = distance[allowed]
    place, column = linear_sum_assignment(cost)
    row = place % rows
    kept = column < columns
    kept[kept] = allowed[row[kept], column[kept]]
    row, column = row[kept], column[kept]
    order = np.lexsort((column, row))
    return row[order].astype(np.int64), column[order].astype(np.int64)
