"""Permutation tests of two-way regressions, all draws solved on arrays.

The rows that a regression leaves out (event periods, and controls from their own event on) belong
to the adoption path, so that every draw has its own rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from evallib.estimate.adoption_paths import Paths
from evallib.estimate.result import BoolArray, FloatArray, IntArray

CHUNK_BYTES = 6_000_000


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
    """What a unit contributes on each path; columns: outcome, exposed, k regressors.

    Columns are deviations from the unit's mean over the rows that it keeps on the path.

    Parameters
    ----------
    weight : array, shape (P, N, T)
    mean : array, shape (P, N, T)
        Weights of a unit over their total; 0 where it keeps no row on a path.
    linear : array, shape (2, P, N, L)
        For outcome and exposed, what a score is linear in: weight, weighted outcome, weighted
        covariates, and the cross-products of covariates with the outcome and with each other.
    usual : array, shape (M,)
        Cross-products of period dummies, T (T + 1) / 2, of these with the columns, (2 + k) T, and
        of the regressors with the columns, k (2 + k), were every unit on the usual path.
    changes : boolean array, shape (M,)
        Which of these depend on the paths at all.
    beyond : array, shape (P N, changes)
        What they change by when unit i takes path p, in row p N + i.
    """

    weight: FloatArray
    mean: FloatArray
    linear: FloatArray
    usual: FloatArray
    changes: BoolArray
    beyond: FloatArray


def _tabulate(problem: PathRegression, usual: int) -> _Tables:
    n, t = problem.outcome.shape
    paths, own = problem.regressors.shape[:2]
    k = problem.rows.shape[1]
    weight = problem.weight * problem.kept[:, None]
    if problem.after is not None:
        before = (weight > 0) & ~problem.after[:, None]
        weight = weight * before.any(axis=-1, keepdims=True)
    total = weight.sum(axis=-1, keepdims=True)
    mean = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    columns = np.empty((2 + k, paths, n, t))
    columns[0], columns[1] = problem.outcome, problem.exposed
    columns[2 : 2 + own] = problem.regressors.swapaxes(0, 1)[:, :, None]
    if problem.covariates is not None:
        columns[2 + own :] = problem.covariates[:, None]
    columns -= (columns * mean).sum(axis=-1, keepdims=True)
    weighted = columns * weight
    by_unit = np.moveaxis(weighted, 0, 2)  # (P, N, 2 + k, T)
    gram = by_unit[:, :, 2:] @ np.moveaxis(columns, 0, 3)
    first, second = np.triu_indices(t)
    cross = -mean[..., first] * weight[..., second]
    cross[..., first == second] += weight
    parts = (cross, by_unit, gram)
    moments = np.concatenate([part.reshape(paths, n, -1) for part in parts], axis=-1)
    beyond = (moments - moments[usual]).reshape(paths * n, -1)
    changes = beyond.any(axis=0)
    covariates, among = weighted[2 + own :], gram[:, :, own:, 2 + own :].reshape(paths, n, -1)
    linear = [
        np.concatenate([weight, weighted[o], *covariates, gram[:, :, own:, o], among], axis=-1)
        for o in (0, 1)
    ]
    return _Tables(
        weight=weight,
        mean=mean,
        linear=np.array(linear),
        usual=moments[usual].sum(axis=0),
        changes=changes,
        beyond=np.ascontiguousarray(beyond[:, changes]),
    )


def solve_paths(problem: PathRegression, codes: IntArray) -> FloatArray:
    """Return estimates for outcome and exposure with variances and covariance, (5, R, K).

    What a unit contributes depends on its own path alone. A draw's cross-products are sums of
    such contributions, and the score of a unit is a product of its tabulated rows with what the
    draw's coefficients and period effects are on its path: no draw reads a row again.

    Parameters
    ----------
    problem : PathRegression
    codes : integer array, shape (R, N)
    """
    n, paths = problem.outcome.shape[0], problem.regressors.shape[0]
    usual = int(np.bincount(codes[0]).argmax())
    tables = _tabulate(problem, usual)
    step = max(1, CHUNK_BYTES // (8 * n * paths * (2 * len(problem.rows) + 2)))
    order = np.argsort(problem.cluster, kind="stable")
    first = np.flatnonzero(np.diff(problem.cluster[order], prepend=-1))
    parts = []
    for begin in range(0, codes.shape[0], step):
        part = codes[begin : begin + step]
        is_other = part != usual
        place = part * n + np.arange(n)
        ends = np.append(0, is_other.sum(axis=1).cumsum())
        ones = (np.ones(ends[-1]), place[is_other], ends)
        chosen = sparse.csr_array(ones, shape=(len(part), n * paths))
        moments = np.tile(tables.usual, (len(part), 1))
        moments[:, tables.changes] += chosen @ tables.beyond
        parts.append(_solve(problem, tables, place, moments, (order, first)))
    return np.concatenate(parts, axis=1)


def _solve(
    problem: PathRegression,
    tables: _Tables,
    place: IntArray,
    moments: FloatArray,
    clusters: tuple[IntArray, IntArray],
) -> FloatArray:
    """Solve the draws in which unit i stands on the path of ``place[r, i]``, p N + i."""
    draws, t, k = len(place), problem.outcome.shape[1], problem.rows.shape[1]
    first, second = np.triu_indices(t)
    upper, by_period, gram = np.split(moments, [first.size, first.size + (k + 2) * t], axis=1)
    by_period, gram = by_period.reshape(draws, k + 2, t), gram.reshape(draws, k, k + 2)
    same = not tables.changes[: first.size].any()
    cross = np.empty((1 if same else draws, t, t))
    cross[:, first, second] = cross[:, second, first] = upper[: len(cross)]
    effect = period_effects(cross, by_period.reshape(len(cross), -1, t)).reshape(by_period.shape)
    gram = gram - by_period[:, 2:] @ effect.swapaxes(1, 2)
    inner = gram[:, :, 2:]
    bread = np.linalg.pinv(inner, rcond=1e-11, hermitian=True) if k > 1 else _inverse(inner)
    beta = bread @ gram[:, :, :2]  # (r, k, 2)
    sums = _scores(problem, tables, place, effect, beta, problem.rows @ bread)
    order, starts = clusters
    if starts.size < order.size:
        sums = np.add.reduceat(sums[:, order], starts, axis=1)
    square = [(sums[a] * sums[b]).sum(axis=0) for a, b in ((0, 0), (0, 1), (1, 1))]
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


def _scores(
    problem: PathRegression,
    tables: _Tables,
    place: IntArray,
    effect: FloatArray,
    beta: FloatArray,
    slopes: FloatArray,
) -> FloatArray:
    """Return what units add to the errors of the K terms, for outcome and exposed, (2, N, r, K).

    That is the weighted product of two residuals: the regressors', combined as in the term
    (``slopes``, (r, K, k)), and the outcome's. Up to the unit's mean each is the unit's own column
    and covariates less a line over periods that is one for all units on the path (``left`` and
    ``right``).
    """
    paths, own, t = problem.regressors.shape
    draws, terms = slopes.shape[:2]
    across, eta = beta.transpose(2, 0, 1), effect[:, 2:]  # (2, r, k), (r, k, T)
    left = slopes[..., :own].reshape(-1, own) @ problem.regressors - (slopes @ eta).reshape(-1, t)
    right = across[:, None, :, :own] @ problem.regressors  # (2, P, r, T)
    right += (effect[:, :2] - beta.swapaxes(1, 2) @ eta).swapaxes(0, 1)[:, None]
    at = place.T * draws + np.arange(draws)  # each unit and draw in (P, N, r)
    load = (tables.mean @ left.swapaxes(1, 2)).reshape(-1, terms).take(at, axis=0)
    level = (tables.weight @ right.swapaxes(2, 3)).reshape(2, -1).take(at, axis=1)
    left, right = left.reshape(paths, draws, terms, t), right[:, :, :, None]
    parts = [-left * right, np.broadcast_to(left, (2, *left.shape))]
    if own < slopes.shape[-1]:
        more, bend = slopes[..., own:], across[:, None, :, None, own:]  # of covariates
        parts += [-more[..., [c]] * right - bend[..., [c]] * left for c in range(more.shape[-1])]
        products = -(more[..., None] * bend[..., None, :]).reshape(2, 1, draws, terms, -1)
        every = (2, paths, draws, terms)
        parts += [np.broadcast_to(part, (*every, part.shape[-1])) for part in (more, products)]
    vectors = np.concatenate(parts, axis=-1).reshape(2, paths, draws * terms, -1)
    product = (tables.linear @ vectors.swapaxes(2, 3)).reshape(2, -1, terms).take(at, axis=1)
    return np.asarray(product + load * level[..., None])
