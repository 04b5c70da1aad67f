"""Influence values of matched differences, with and without replacement."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from evallib.estimate.matched_effects import Effects, Terms
from evallib.estimate.matched_links import Links
from evallib.estimate.matched_neighbours import nearest
from evallib.estimate.matched_pairs import Group, Matched
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import FloatArray, IntArray

# Neighbours among comparison units that a comparator's own variation is told from.
VARIANCE_NEIGHBOURS = 2
CHUNK = 100_000


def influence_with(
    problem: Problem, matched: Matched, effects: Effects, terms: Terms, point: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Return influence values (N, K) of matching with replacement, and their clusters.

    With one cohort, one exposed period, no clusters and no bias correction the sum of squares is
    the variance of Abadie and Imbens, theorem 7, for the effect on the treated: squared deviations
    of the treated units' differences, and for each comparator its own variance times what being
    used more than once adds. Here a comparator's contributions are summed over cohorts and within
    its cluster, what it puts into the slopes of the bias correction included, squared, and lessened
    by what the treated units' differences hold of them already.

    References
    ----------
    Abadie and Imbens (2006), Econometrica 74(1), doi:10.1111/j.1468-0262.2006.00655.x
    """
    n, k = problem.outcome.shape[0], len(terms.names)
    influence = np.zeros((n, k))
    influence[matched.unit] = _deviations(effects, terms, point)
    groups = int(problem.cluster.max(initial=0)) + 1
    is_single = groups == n  # a cluster a unit: a pair is all that its row holds of a cluster
    total, counted = np.zeros((n, k)), np.zeros((groups, k))
    for place, (group, link) in enumerate(zip(matched.groups, effects.links, strict=True)):
        if link.units.size == 0:
            continue
        residual = own_variation(problem, group, link)
        total += _sum_rows(_through_slopes(effects, terms, place, residual), link.units, n)
        for edge_row, edge_unit, part in _parts(effects, link, residual):
            share = terms.weight[:, link.rows][:, edge_row].T * part[:, terms.column]
            unit = link.units[edge_unit]
            total += _sum_rows(share, unit, n)
            if is_single:
                counted += _sum_rows(share**2, problem.cluster[unit], groups)
                continue
            key, where = np.unique(
                edge_row * np.int64(groups) + problem.cluster[unit], return_inverse=True
            )
            joined = _sum_rows(share, where, key.size)
            counted += _sum_rows(joined**2, key % groups, groups)
    whole = _sum_rows(total, problem.cluster, groups) ** 2
    kept = np.divide(whole - counted, whole, out=np.zeros_like(whole), where=whole > 0)
    influence -= total * np.sqrt(np.clip(kept, 0.0, None))[problem.cluster]
    return influence * n, problem.cluster


def influence_without(
    problem: Problem, matched: Matched, effects: Effects, terms: Terms, point: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Return influence values (N, K) of matching without replacement, and their clusters.

    A treated unit's difference already holds its comparators; clusters are matched sets, joined
    where they share a unit or one of the clusters that were given.

    References
    ----------
    Abadie and Spiess (2022), JASA 117(538), doi:10.1080/01621459.2020.1840383
    """
    n = problem.outcome.shape[0]
    influence = np.zeros((n, len(terms.names)))
    influence[matched.unit] = _deviations(effects, terms, point)
    if effects.correction is not None:
        for place, (group, link) in enumerate(zip(matched.groups, effects.links, strict=True)):
            residual = own_variation(problem, group, link)
            part = _through_slopes(effects, terms, place, residual)
            influence -= _sum_rows(part, link.units, n)
    used = np.unique(np.concatenate([matched.unit, matched.edges.point]))
    first = np.unique(problem.cluster[used], return_index=True)
    lead = used[first[1]][np.searchsorted(first[0], problem.cluster[used])]
    one = np.concatenate([matched.unit[matched.edges.query], used])
    two = np.concatenate([matched.edges.point, lead])
    graph = sparse.coo_array((np.ones(one.size), (one, two)), shape=(n, n))
    found = csgraph.connected_components(graph, directed=False)[1]
    return influence * n, np.asarray(found, dtype=np.int64)


def _deviations(effects: Effects, terms: Terms, point: FloatArray) -> FloatArray:
    """Return each treated unit's weighted deviation from each term, shape (M, K)."""
    return np.asarray(terms.weight.T * (effects.values[:, terms.column] - point))


def _through_slopes(effects: Effects, terms: Terms, place: int, residual: FloatArray) -> FloatArray:
    """Return what one cohort's comparators put into each term by the slopes, shape (p, K)."""
    correction = effects.correction
    if correction is None or residual.shape[0] == 0:
        return np.zeros((residual.shape[0], len(terms.names)))
    h, d = correction.slopes.shape
    gap = np.zeros((len(terms.names), h, d))  # what each term takes of each slope
    for link in effects.links:
        if not link.matrix.shape[0]:
            continue
        slot = effects.slot[link.rows][0]
        inside = np.flatnonzero(slot >= 0)
        gaps = correction.gaps[:, link.rows]
        weight = terms.weight[:, link.rows]
        means = np.flatnonzero(terms.column == 0)
        shared = np.einsum("km,mt,dmt->ktd", weight[means], effects.share[link.rows], gaps)
        gap[np.ix_(means, slot[inside])] += shared[:, inside]
        single = np.flatnonzero(terms.column > 0)
        period = {int(slot[t]): int(t) for t in inside}
        for k in single:
            t = period.get(int(terms.column[k]) - 1)
            if t is not None:
                known = weight[k] * effects.is_known[link.rows, t]
                gap[k, terms.column[k] - 1] += gaps[:, :, t] @ known
    taken = np.einsum("khd,hde->khe", gap, correction.inverse)
    slot = effects.slot[effects.links[place].rows][0]
    inside = np.flatnonzero(slot >= 0)
    lever = correction.lever[place][:, :, inside] * residual[:, inside]
    return np.asarray(np.einsum("dpt,ktd->pk", lever, taken[:, slot[inside]], optimize=True))


def own_variation(problem: Problem, group: Group, link: Links) -> FloatArray:
    """Return the comparators' own variation in each period, shape (p, T).

    Its square estimates the variance of a change given the matching columns: the difference from
    the mean of J like units of other clusters, times the root of J / (J + 1). Like units are the
    nearest in the pool that are equal in the exact columns; where there are none, the pool.

    Parameters
    ----------
    problem : Problem
    group : Group
    link : Links
    """
    change = problem.outcome[group.pool] - problem.outcome[group.pool][:, [group.base]]
    there = problem.observed[group.pool].astype(float)
    place = np.searchsorted(group.pool, link.units)
    near = group.standardise(problem, group.pool)
    kinds = problem.exact[group.pool, group.base]
    cluster = problem.cluster[group.pool]
    summed, count = np.zeros(link.change.shape), np.zeros(link.change.shape)
    for kind in np.unique(kinds[place]):
        some, members = np.flatnonzero(kinds[place] == kind), np.flatnonzero(kinds == kind)
        asked = place[some]
        found = nearest(
            near[members],
            near[asked],
            VARIANCE_NEIGHBOURS,
            group=cluster[members],
            own=cluster[asked],
        )
        matrix = sparse.csr_array(
            (np.ones(found.query.size), (some[found.query], members[found.point])),
            shape=(place.size, group.pool.size),
        )
        summed += matrix @ (change * there)
        count += matrix @ there
    size = there.sum(axis=0)
    mean = (change * there).sum(axis=0) / np.maximum(size, 1.0)
    like = np.where(count > 0, summed / np.maximum(count, 1.0), mean)
    factor = np.where(count > 0, np.sqrt(count / (count + 1.0)), 1.0)
    return np.asarray((link.change - like) * factor * link.observed)


def _parts(
    effects: Effects, link: Links, residual: FloatArray
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """Yield pairs (row, column of the link) with what the comparator puts into each effect.

    A treated unit's pairs come together; the last array has shape (e, 1 + H).
    """
    matrix, width = link.matrix, effects.values.shape[1]
    known, share = effects.is_known[link.rows], effects.share[link.rows]
    slot = effects.slot[link.rows]
    inverse = known / np.maximum(link.count, 1.0)
    bounds = matrix.indptr
    start = 0
    while start < matrix.shape[0]:
        stop = int(np.searchsorted(bounds, bounds[start] + CHUNK, side="right")) - 1
        stop = max(stop, start + 1)
        row = np.repeat(np.arange(start, stop), np.diff(bounds[start : stop + 1]))
        column = matrix.indices[bounds[start] : bounds[stop]].astype(np.int64)
        cell = residual[column] * inverse[row]
        part = np.zeros((row.size, width))
        part[:, 0] = (cell * share[row]).sum(axis=1)
        shown = slot[start] >= 0  # a cohort's event times stand in the same periods
        part[:, 1 + slot[start][shown]] = cell[:, shown]
        yield row, column, part
        start = stop


def _sum_rows(values: FloatArray, place: IntArray, size: int) -> FloatArray:
    """Return the rows of values summed by place, shape (size, K)."""
    index = (place, np.arange(place.size))
    matrix = sparse.csr_array((np.ones(place.size), index), shape=(size, place.size))
    return np.asarray(matrix @ values)
