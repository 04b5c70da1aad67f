"""Imputed effects for many assignments of adoption paths at once.

The first stage is a two-way projection on the rows before exposure, which a stack of T x T systems
solves for many assignments together. An average's influence values need its weights on those rows
only through the period effects: a unit's own effect meets residuals that sum to zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.group_time import Paths
from evallib.estimate.imputed import SPANNED
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import Projection, prepare_projection

CHUNK_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class PathTerms:
    """The averages of exposed rows that are wanted, by path.

    Parameters
    ----------
    column : integer array, shape (K,)
        0 for all exposed rows of a unit, 1 + e for the row at the e-th event time.
    member : array, shape (K, P)
        1 where units on a path are in the average.
    place : integer array, shape (P, E)
        The period of each path's row at each event time; -1 where it has none.
    """

    column: IntArray
    member: FloatArray
    place: IntArray


@dataclass(frozen=True, slots=True)
class PathImputation:
    """An imputation whose rows follow from each unit's path.

    Parameters
    ----------
    outcome : array, shape (N, T)
    observed : boolean array, shape (N, T)
    covariates : array, shape (c, N, T)
    cluster : integer array, shape (N,)
    exposed : array, shape (N, T)
        1 where a unit is exposed in truth, as in `PathRegression`.
    kept, after : boolean array, shape (P, T)
        Rows that a unit on each path keeps, and those at or after its exposure.
    terms : PathTerms
    around_mean : bool
        Whether effects spread around the average itself (two_stage), not around the mean of their
        path and period (imputation).
    """

    outcome: FloatArray
    observed: BoolArray
    covariates: FloatArray
    cluster: IntArray
    exposed: FloatArray
    kept: BoolArray
    after: BoolArray
    terms: PathTerms
    around_mean: bool


def path_terms(paths: Paths, periods: IntArray, terms: tuple[str, ...]) -> PathTerms:
    """Return which exposed rows of each path the named terms average.

    Parameters
    ----------
    paths : Paths
    periods : integer array, shape (T,)
    terms : tuple of str
        ``att``, ``event_time=...`` or ``group=...``.
    """
    times = [float(term[11:]) for term in terms if term.startswith("event_time=")]
    wanted = np.where(paths.is_treated, paths.cohort, np.inf)[:, None] + np.array(times)
    place = np.where(np.isin(wanted, periods), np.searchsorted(periods, wanted), -1)
    column, member = [], []
    for term in terms:
        kind, _, value = term.partition("=")
        column.append(1 + times.index(float(value)) if kind == "event_time" else 0)
        inside = paths.cohort == float(value) if kind == "group" else np.isfinite(paths.cohort)
        member.append(inside & paths.is_treated)
    return PathTerms(np.array(column), np.array(member, dtype=float), place.astype(np.int64))


def solve_imputations(problem: PathImputation, codes: IntArray) -> FloatArray:
    """Return estimates for outcome and exposure with variances and covariance, (5, R, K).

    Parameters
    ----------
    problem : PathImputation
    codes : integer array, shape (R, N)

    Returns
    -------
    array, shape (5, R, K), as `PermutationTest` takes it; 0 where a term has no row that can be
    imputed, which then has no statistic.
    """
    n, t = problem.outcome.shape
    step = max(1, CHUNK_BYTES // (8 * n * (12 * t + 4 * len(problem.terms.column))))
    order = np.argsort(problem.cluster, kind="stable")
    first = np.flatnonzero(np.diff(problem.cluster[order], prepend=-1))
    parts = [
        _solve(problem, codes[start : start + step], order, first)
        for start in range(0, codes.shape[0], step)
    ]
    return np.concatenate(parts, axis=1)


def _solve(
    problem: PathImputation, codes: IntArray, order: IntArray, first: IntArray
) -> FloatArray:
    terms = problem.terms
    there = problem.observed & problem.kept[codes]  # (r, N, T)
    exposed = problem.after[codes]
    before = (there & ~exposed).astype(float)
    projection = prepare_projection(before)
    after = (there & exposed & _known(projection)).astype(float)
    effect, x, inverse = _effects(problem, projection)
    residual = effect * before[:, None]
    effect *= after[:, None]
    on_path = (codes[:, None, :] == np.arange(len(problem.kept))[:, None]).astype(float)
    member = terms.member.T[codes]  # (r, N, K)
    rows = _by_unit(after[:, None], codes, terms)[:, 0] * member
    total = np.maximum(rows.sum(axis=1), 1.0)  # (r, K)
    summed = _by_unit(effect, codes, terms) * member[:, None]  # (r, 2, N, K)
    point = summed.sum(axis=2) / total[:, None]
    if problem.around_mean:
        summed -= point[:, :, None] * rows[:, None]
    else:
        _take_out_means(effect, after, codes, on_path)
        summed = _by_unit(effect, codes, terms) * member[:, None]
    share = (before * projection.per_unit[..., None]).swapaxes(1, 2)  # (r, T, N)
    load = _by_period(on_path @ after, terms) - (share @ rows).swapaxes(1, 2)  # (r, K, T)
    line = load @ np.asarray(projection.inverse)
    own = summed - residual @ line.swapaxes(1, 2)[:, None]
    if x is not None and inverse is not None:
        wanted = (_by_unit(x * after[:, None], codes, terms) * member[:, None]).sum(axis=2)
        slope = inverse @ wanted  # (r, c, K)
        own -= np.einsum("ront,rcnt->ronc", residual, x, optimize=True) @ slope[:, None]
    own /= total[:, None, None]
    sums = np.add.reduceat(own[:, :, order], first, axis=2)  # (r, 2, G, K)
    square = [(sums[:, a] * sums[:, b]).sum(axis=1) for a, b in ((0, 0), (0, 1), (1, 1))]
    return np.array([point[:, 0], point[:, 1], *square])


def _by_unit(values: FloatArray, codes: IntArray, terms: PathTerms) -> FloatArray:
    """Return what each unit's rows (r, m, N, T) add up to in each term, (r, m, N, K)."""
    place = terms.place[codes]  # (r, N, E)
    picked = np.take_along_axis(values, np.maximum(place, 0)[:, None], axis=-1)
    picked *= (place >= 0)[:, None]
    stack = np.concatenate([values.sum(axis=-1, keepdims=True), picked], axis=-1)
    return np.asarray(stack[..., terms.column])


def _by_period(count: FloatArray, terms: PathTerms) -> FloatArray:
    """Return the rows of each period in each term, (r, K, T), from rows by path (r, P, T)."""
    t = count.shape[-1]
    inside = np.ones((terms.column.size, *count.shape[1:]))
    for k, column in enumerate(terms.column):
        if column:
            inside[k] = terms.place[:, column - 1][:, None] == np.arange(t)
    inside *= terms.member[:, :, None]
    return np.asarray(np.einsum("kpt,rpt->rkt", inside, count, optimize=True))


def _take_out_means(
    effect: FloatArray, after: FloatArray, codes: IntArray, on_path: FloatArray
) -> None:
    """Take from effects (r, 2, N, T), in place, the mean of their path and period."""
    count = np.maximum(on_path @ after, 1.0)  # (r, P, T)
    mean = (on_path[:, None] @ effect) / count[:, None]  # (r, 2, P, T)
    draws = np.arange(codes.shape[0])[:, None]
    effect -= mean.swapaxes(1, 2)[draws, codes].swapaxes(1, 2)
    effect *= after[:, None]


def _effects(
    problem: PathImputation, projection: Projection
) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
    """Return outcome and exposure less what rows before exposure say, (r, 2, N, T).

    With covariates, these as residuals (r, c, N, T) and the inverse of their cross-product too.
    """
    fixed = np.concatenate([[problem.outcome, problem.exposed], problem.covariates])
    draws = projection.weight.shape[0]
    effect = _imputed(np.broadcast_to(fixed, (draws, *fixed.shape)), projection)
    count = len(problem.covariates)
    if not count:
        return effect, None, None
    x, outcomes = effect[:, 2:], effect[:, :2].reshape(draws, 2, -1)
    flat = (x * projection.weight[:, None]).reshape(draws, count, -1)
    gram = flat @ x.reshape(draws, count, -1).swapaxes(1, 2)
    inverse = np.asarray(np.linalg.pinv(gram, rcond=1e-11, hermitian=True), dtype=float)
    slope = inverse @ (flat @ outcomes.swapaxes(1, 2))  # (r, c, 2)
    return effect[:, :2] - np.einsum("rco,rcnt->ront", slope, x, optimize=True), x, inverse


def _imputed(values: FloatArray, projection: Projection) -> FloatArray:
    """Return values (r, K, N, T) less the effects of unit and period in the rows of weight."""
    weight = projection.weight[:, None]
    mean = (weight * values).sum(axis=-1) * projection.per_unit[:, None]
    centred = values - mean[..., None]
    effect = (weight * centred).sum(axis=-2) @ np.asarray(projection.inverse)  # (r, K, T)
    own = effect @ (projection.weight * projection.per_unit[..., None]).swapaxes(1, 2)  # (r, K, N)
    return np.asarray(centred - effect[:, :, None, :] + own[..., None])


def _known(projection: Projection) -> BoolArray:
    """Return the rows (r, N, T) whose unit and period rows before exposure tell together.

    A period's dummy, less its unit's share of all dummies, must have no part in the null space of
    the cross-product; one direction of that space in general position tells.
    """
    weight = projection.weight
    t = weight.shape[-1]
    cross = -(weight * projection.per_unit[..., None]).swapaxes(1, 2) @ weight
    here = np.arange(t)
    cross[:, here, here] += weight.sum(axis=-2)
    direction = np.cos(1.0 + np.arange(t) ** 1.5)
    hidden = direction - (np.asarray(projection.inverse) @ cross @ direction)  # (r, T)
    share = (weight * projection.per_unit[..., None]) @ hidden[..., None]  # (r, N, 1)
    return np.asarray(
        (np.abs(hidden[:, None, :] - share) < SPANNED) & (projection.per_unit > 0)[..., None]
    )
