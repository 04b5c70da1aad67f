"""Permutation tests of two-way regressions, all draws solved on arrays.

The rows that a regression leaves out (event periods, and controls from their own event on) belong
to the adoption path, so that every draw has its own rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from evallib.estimate.group_time import Paths
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.inference.permutation import PermutationTest, studentise
from evallib.inference.permuted_cells import PermutedTerms

CHUNK_BYTES = 12_000_000


@dataclass(frozen=True, slots=True)
class PathRegression:
    """A two-way regression whose regressors and rows follow from each unit's path.

    Parameters
    ----------
    outcome, weight : array, shape (N, T)
        All rows; weight 0 where a row is missing.
    cluster : integer array, shape (N,)
    regressors : array, shape (P, k, T)
        What a unit on each path has as regressors.
    kept : boolean array, shape (P, T)
        Which rows a unit on each path keeps.
    exposed : array, shape (N, T)
        1 where a unit is exposed in truth, also where it serves as comparison only and the real
        assignment leaves the row out: under a constant effect for all the row carries it.
    rows : array, shape (K, k + c)
        The terms as combinations of the coefficients, those of covariates last.
    after : boolean array, shape (P, T), optional
        Rows at or after exposure; units with no other row on their path are left out, as the
        event study does.
    covariates : array, shape (c, N, T), optional
        The same in every assignment; in units of like size.
    """

    outcome: FloatArray
    weight: FloatArray
    cluster: IntArray
    regressors: FloatArray
    kept: BoolArray
    exposed: FloatArray
    rows: FloatArray
    after: BoolArray | None = None
    covariates: FloatArray | None = None


def path_rows(paths: Paths, periods: IntArray, anticipation: int) -> BoolArray:
    """Return which rows a unit on each path keeps, shape (P, T).

    Treated paths leave out the ``anticipation`` periods before exposure, the event period among
    them; paths that serve as comparison only end there.
    """
    to_go = paths.cohort[:, None] - periods[None, :]
    before = to_go > anticipation
    return np.asarray(before | (paths.is_treated[:, None] & (to_go <= 0)))


def path_after(paths: Paths, periods: IntArray) -> BoolArray:
    """Return which rows of each treated path lie at or after exposure, shape (P, T)."""
    return np.asarray(paths.is_treated[:, None] & (periods[None, :] >= paths.cohort[:, None]))


def path_events(
    paths: Paths, periods: IntArray, shown: FloatArray | None, window: tuple[int, int] | None
) -> FloatArray:
    """Return the regressors of each path (P, k, T): exposure, or a dummy for each event time."""
    event = periods[None, :] - np.where(paths.is_treated, paths.cohort, np.nan)[:, None]
    if shown is None:
        return (event >= 0).astype(float)[:, None, :]
    if window is not None:
        event = np.clip(event, *window)
    return np.asarray(event[:, None, :] == shown[None, :, None], dtype=float)


@dataclass(frozen=True, slots=True)
class _Tables:
    """What unit i contributes on path p, in row i P + p; columns: outcome, exposed, k others.

    Parameters
    ----------
    weight : array, shape (N P, T)
    share : array, shape (N P,)
        Inverse of each row's total weight; 0 where a unit keeps no row on a path.
    columns : array, shape (c, N P, T)
        Weighted columns as deviations from the unit's mean over the rows that it keeps.
    moments : array, shape (N P, T (T + 1) / 2 + c T + c c)
        Cross-products of period dummies, of these with the columns, and of the columns, all as
        deviations from the unit's mean.
    """

    weight: FloatArray
    share: FloatArray
    columns: FloatArray
    moments: FloatArray


def _tabulate(problem: PathRegression) -> _Tables:
    n, t = problem.outcome.shape
    paths, own = problem.regressors.shape[:2]
    k = problem.rows.shape[1]
    weight = problem.weight[:, None] * problem.kept  # (N, P, T)
    if problem.after is not None:
        weight = weight * ((weight > 0) & ~problem.after).any(axis=-1, keepdims=True)
    total = weight.sum(axis=-1)
    share = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    columns = np.empty((2 + k, n, paths, t))
    columns[0], columns[1] = problem.outcome[:, None], problem.exposed[:, None]
    columns[2 : 2 + own] = problem.regressors.swapaxes(0, 1)[:, None]
    if problem.covariates is not None:
        columns[2 + own :] = problem.covariates[:, :, None]
    columns -= ((columns * weight).sum(axis=-1) * share)[..., None]
    weight, share = weight.reshape(-1, t), share.reshape(-1)
    columns = columns.reshape(2 + k, -1, t)
    first, second = np.triu_indices(t)
    cross = -(weight * share[:, None])[:, first] * weight[:, second]
    cross[:, first == second] += weight
    weighted = columns * weight
    gram = weighted.swapaxes(0, 1) @ columns.transpose(1, 2, 0)
    rows = weight.shape[0]
    moments = [cross, weighted.swapaxes(0, 1).reshape(rows, -1), gram.reshape(rows, -1)]
    return _Tables(weight, share, weighted, np.concatenate(moments, axis=1))


def solve_paths(problem: PathRegression, codes: IntArray) -> FloatArray:
    """Return estimates for outcome and exposure with variances and covariance, (5, R, K).

    What a unit contributes depends on its own path alone. A draw's cross-products are sums of
    such contributions, and the score of a unit is its own contribution less what the draw's
    period effects take away from it: no draw reads a row again.

    Parameters
    ----------
    problem : PathRegression
    codes : integer array, shape (R, N)
    """
    tables = _tabulate(problem)
    n, t = problem.outcome.shape
    paths, k = problem.regressors.shape[0], problem.rows.shape[1]
    step = max(1, CHUNK_BYTES // (8 * n * paths * (k + 2) * (k + 3)))
    order = np.argsort(problem.cluster, kind="stable")
    first = np.flatnonzero(np.diff(problem.cluster[order], prepend=-1))
    usual = int(np.bincount(codes[0]).argmax())
    start = np.arange(n) * paths
    sum_usual = tables.moments[start + usual].sum(axis=0)
    beyond = tables.moments - np.repeat(tables.moments[start + usual], paths, axis=0)
    parts = []
    for begin in range(0, codes.shape[0], step):
        part = codes[begin : begin + step]
        draw, unit = np.nonzero(part != usual)
        ones = (np.ones(draw.size), (draw, start[unit] + part[draw, unit]))
        chosen = sparse.csr_array(ones, shape=(len(part), n * paths))
        moments = chosen @ beyond + sum_usual
        parts.append(_solve(problem, tables, start + part, moments, t, (order, first)))
    return np.concatenate(parts, axis=1)


def _solve(
    problem: PathRegression,
    tables: _Tables,
    place: IntArray,
    moments: FloatArray,
    t: int,
    clusters: tuple[IntArray, IntArray],
) -> FloatArray:
    """Solve the draws in which unit i stands in row ``place[r, i]`` of the tables."""
    draws, k = len(place), problem.rows.shape[1]
    split = [t * (t + 1) // 2, t * (t + 1) // 2 + (k + 2) * t]
    upper, by_period, gram = np.split(moments, split, axis=1)
    first, second = np.triu_indices(t)
    cross = np.empty((draws, t, t))
    cross[:, first, second] = cross[:, second, first] = upper
    by_period = by_period.reshape(draws, k + 2, t)
    effect = period_effects(cross, by_period)  # (r, c, T)
    gram = gram.reshape(draws, k + 2, k + 2) - by_period @ effect.swapaxes(1, 2)
    inner = gram[:, 2:, 2:]
    bread = np.linalg.pinv(inner, rcond=1e-11, hermitian=True) if k > 1 else _inverse(inner)
    beta = bread @ gram[:, 2:, :2]  # (r, k, 2)
    sums = _scores(tables, place, effect, beta)  # (r, k, 2, N)
    order, starts = clusters
    if starts.size < order.size:
        sums = np.add.reduceat(sums[..., order], starts, axis=-1)
    slopes = problem.rows @ bread  # (r, K, k)
    terms = np.einsum("rKk,rkog->roKg", slopes, sums, optimize=True)
    square = [(terms[:, a] * terms[:, b]).sum(axis=-1) for a, b in ((0, 0), (0, 1), (1, 1))]
    estimate = problem.rows @ beta  # (r, K, 2)
    return np.array([estimate[..., 0], estimate[..., 1], *square])


def period_effects(cross: FloatArray, by_period: FloatArray) -> FloatArray:
    """Return the period effects (r, c, T) of columns, of sum zero over the periods in use."""
    t = cross.shape[-1]
    diagonal = np.einsum("rtt->rt", cross)
    scale = diagonal.max(axis=-1)
    used = (diagonal > 1e-12 * scale[:, None]).astype(float)
    # The effects are fixed up to a constant: a matrix of ones settles it.
    whole = cross + scale[:, None, None] * used[:, :, None] * used[:, None, :] / t
    whole += scale[:, None, None] * np.eye(t) * (1 - used)[:, :, None]
    wanted = by_period.swapaxes(1, 2)
    try:
        effect = np.linalg.solve(whole, wanted)
    except np.linalg.LinAlgError:
        effect = np.full_like(wanted, np.nan)
    left = np.abs(cross @ effect - wanted).max(axis=(1, 2))
    bad = ~(left <= 1e-9 * np.maximum(np.abs(wanted).max(axis=(1, 2)), 1e-300))
    bad |= np.abs(effect).max(axis=(1, 2)) * scale > 1e9 * np.abs(wanted).max(axis=(1, 2))
    if bad.any():  # periods that no unit connects
        effect[bad] = np.linalg.pinv(cross[bad], rcond=1e-11, hermitian=True) @ wanted[bad]
    return np.ascontiguousarray(effect.swapaxes(1, 2))


def _inverse(size: FloatArray) -> FloatArray:
    """Return the inverse of one regressor's cross-product (r, 1, 1), 0 where it is absorbed."""
    return np.divide(1.0, size, out=np.zeros_like(size), where=size > 1e-11)


def _scores(tables: _Tables, place: IntArray, effect: FloatArray, beta: FloatArray) -> FloatArray:
    """Return the scores of k regressors and two outcomes by unit, (r, k, 2, N)."""
    k = beta.shape[1]
    eta = effect[:, 2:]  # (r, k, T)
    gamma = effect[:, :2] - beta.swapaxes(1, 2) @ eta  # (r, 2, T): effects of the residuals
    gram = tables.moments[:, -((k + 2) ** 2) :].reshape(-1, k + 2, k + 2)[:, 2:]
    own = gram[place]  # (r, N, k, c)
    both = (eta[:, :, None] * gamma[:, None]).reshape(len(eta), 2 * k, -1)
    by_weight = _look_up(tables.weight, np.concatenate([both, eta, gamma], axis=1), place)
    share = tables.share[place][..., None, None]
    means = by_weight[..., 2 * k : 3 * k, None] * by_weight[..., None, 3 * k :] * share
    found = own[..., :2] + by_weight[..., : 2 * k].reshape(*place.shape, k, 2) - means
    for o in (0, 1):
        found[..., o] -= _look_up(tables.columns[o], eta, place)
    for b in range(k):
        met = _look_up(tables.columns[2 + b], np.concatenate([eta, gamma], axis=1), place)
        found[..., b, :] -= met[..., k:]
        found -= (own[..., 2 + b] - met[..., :k])[..., None] * beta[:, None, None, b]
    return np.moveaxis(found, 1, 3)


def _look_up(table: FloatArray, vectors: FloatArray, place: IntArray) -> FloatArray:
    """Return products of a table's rows (N P, T) with a draw's vectors (r, m, T), (r, N, m)."""
    draws, m, t = vectors.shape
    products = (table @ vectors.reshape(-1, t).T).reshape(-1, draws, m)
    return products[place, np.arange(draws)[:, None]]


def permute_regression(
    problem: PathRegression,
    codes: IntArray,
    drawn: IntArray,
    terms: tuple[str, ...],
    event_time: FloatArray,
) -> tuple[PermutationTest, PermutedTerms]:
    """Return the permutation test of the first term, and those of all terms.

    Parameters
    ----------
    problem : PathRegression
    codes : integer array, shape (N,)
    drawn : integer array, shape (R, N)
    terms, event_time
        Names and event times of the problem's K rows.
    """
    here, there = solve_paths(problem, codes[None]), solve_paths(problem, drawn)
    first = PermutationTest(here[:, 0, 0], there[:, :, 0])
    every = PermutedTerms(terms, event_time, studentise(here, 0.0)[0], studentise(there, 0.0))
    return first, every
