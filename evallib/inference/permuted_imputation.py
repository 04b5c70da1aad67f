"""Imputed effects for many assignments of adoption paths at once.

The first stage is a two-way projection on the rows before exposure, which a stack of T x T systems
solves for many assignments together. An average's influence values need its weights on those rows
only through the period effects: a unit's own effect meets residuals that sum to zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.adoption_paths import Paths
from evallib.estimate.imputed import SPANNED
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import Projection, prepare_projection

CHUNK_BYTES = 2_000_000


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
    terms : array, shape (K, P, T)
        1 where an average takes the row of a unit on a path, should it be exposed there; see
        `path_terms`.
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
    terms: FloatArray
    around_mean: bool


def path_terms(paths: Paths, periods: IntArray, terms: tuple[str, ...]) -> FloatArray:
    """Return which rows of each path the named terms average where exposed, shape (K, P, T).

    Parameters
    ----------
    paths : Paths
    periods : integer array, shape (T,)
    terms : tuple of str
        ``att``, ``event_time=...`` or ``group=...``.
    """
    cohort = np.where(paths.is_treated, paths.cohort, np.inf)[:, None]
    event = periods - cohort  # (P, T)
    inside = []
    for term in terms:
        kind, _, value = term.partition("=")
        if kind == "event_time":
            inside.append(event == float(value))
        else:
            wanted = cohort == float(value) if kind == "group" else np.isfinite(cohort)
            inside.append(np.broadcast_to(wanted, event.shape))
    return np.array(inside, dtype=float)


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
    step = max(1, CHUNK_BYTES // (8 * n * (12 * t + 4 * len(problem.terms))))
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
    there = problem.observed & problem.kept[codes]  # (r, N, T)
    exposed = problem.after[codes]
    before = (there & ~exposed).astype(float)
    projection = prepare_projection(before)
    after = (there & exposed & _known(projection)).astype(float)
    effect, x, inverse = _effects(problem, projection)
    residual = effect * before[:, None]
    effect *= after[:, None]
    on_path = (codes[:, None, :] == np.arange(len(problem.kept))[:, None]).astype(float)
    count = on_path @ after  # (r, P, T)
    total = np.maximum(_over_paths(count, problem.terms), 1.0)  # (r, K)
    by_path = on_path[:, None] @ effect  # (r, 2, P, T)
    point = _over_paths(by_path, problem.terms) / total[:, None]
    rows = _by_unit(after[:, None], codes, problem.terms)[:, 0]  # (r, N, K)
    if problem.around_mean:
        own = _by_unit(effect, codes, problem.terms) - point[:, :, None] * rows[:, None]
    else:
        _take_out_means(effect, after, codes, by_path / np.maximum(count, 1.0)[:, None])
        own = _by_unit(effect, codes, problem.terms)
    share = (before * projection.per_unit[..., None]).swapaxes(1, 2)  # (r, T, N)
    load = np.einsum("rpt,kpt->rkt", count, problem.terms) - (share @ rows).swapaxes(1, 2)
    line = load @ np.asarray(projection.inverse)  # (r, K, T)
    own -= residual @ line.swapaxes(1, 2)[:, None]
    if x is not None and inverse is not None:
        wanted = _over_paths(on_path[:, None] @ (x * after[:, None]), problem.terms)
        slope = inverse @ wanted  # (r, c, K)
        own -= np.einsum("ront,rcnt->ronc", residual, x, optimize=True) @ slope[:, None]
    if first.size < order.size:
        own = np.add.reduceat(own[:, :, order], first, axis=2)  # (r, 2, G, K)
    square = [(own[:, a] * own[:, b]).sum(axis=1) / total**2 for a, b in ((0, 0), (0, 1), (1, 1))]
    return np.array([point[:, 0], point[:, 1], *square])


def _over_paths(values: FloatArray, terms: FloatArray) -> FloatArray:
    """Return what rows by path (..., P, T) add up to in each term, (..., K)."""
    flat = values.reshape(*values.shape[:-2], -1)
    return np.asarray(flat @ terms.reshape(len(terms), -1).T)


def _by_unit(values: FloatArray, codes: IntArray, terms: FloatArray) -> FloatArray:
    """Return what each unit's rows (r, m, N, T) add up to in each term, (r, m, N, K)."""
    found = np.zeros((*values.shape[:-1], len(terms)))
    for path in np.flatnonzero(terms.any(axis=(0, 2))):
        draw, unit = np.nonzero(codes == path)
        found[draw, :, unit] = values[draw, :, unit] @ terms[:, path].T
    return found


def _take_out_means(
    effect: FloatArray, after: FloatArray, codes: IntArray, mean: FloatArray
) -> None:
    """Take from effects (r, 2, N, T), in place, the mean of their path and period (r, 2, P, T)."""
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
