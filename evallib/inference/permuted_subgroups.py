"""Permutation of adoption paths for effects on subgroups, and for the test that they are equal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.estimate.batch import solve_batch
from evallib.estimate.group_time import Problem
from evallib.estimate.heterogeneity import Subgroups, contrast_weights
from evallib.estimate.joint import TOLERANCE
from evallib.estimate.result import FloatArray, IntArray
from evallib.inference.permutation import permute_paths
from evallib.inference.permuted_cells import PermutedTerms

NULL = (
    "permutation of adoption paths within strata and subgroups, after the overall effect is taken "
    "from exposed rows: tests that the effect is one for all councils and years, given timing as "
    "good as random within strata"
)


@dataclass(frozen=True, slots=True)
class PermutedSubgroups:
    """Permutation results of S subgroups.

    Parameters
    ----------
    effects, differences : PermutedTerms
        |t| of each subgroup's effect, and of its difference from the others.
    p_value : float
        Of the largest Wald statistic among the draws.
    distinct : int
        How many values the Wald statistic takes over the draws.

    With one subgroup there is no joint test: the p-value is 1, of a statistic of 0.
    """

    effects: PermutedTerms
    differences: PermutedTerms
    p_value: float
    distinct: int


def permute_subgroups(
    found: Subgroups,
    problem: Problem,
    codes: IntArray,
    strata: IntArray,
    effect: float,
    *,
    is_of_event: bool,
    draws: int,
    rng: np.random.Generator,
) -> PermutedSubgroups:
    """Return permutation tests of effects on subgroups.

    A characteristic of a council stays with the council: paths move within strata and subgroups,
    so that each keeps its number of treated councils. One of the event moves with the path.

    Parameters
    ----------
    found : Subgroups
    problem : Problem
        Before it was split.
    codes, strata : integer arrays, shape (N,)
        The real paths before they were split, and strata.
    effect : float
        The effect on all treated, which is taken from exposed rows: the null is one effect for
        all, not none.
    is_of_event : bool
    draws : int
    rng : numpy.random.Generator
    """
    split, labels = found.split, found.labels
    if is_of_event:
        drawn = permute_paths(split.codes, strata, problem.cluster, draws, rng)
    else:
        both = np.unique(np.column_stack([strata, labels]), axis=0, return_inverse=True)[1]
        fine = np.asarray(both, dtype=np.int64).reshape(-1)
        drawn = split.table[permute_paths(codes, fine, problem.cluster, draws, rng), labels]
    exposed = problem.periods[None, :] >= problem.paths.cohort[codes][:, None]
    null = replace(split.problem, outcome=problem.outcome - effect * exposed)
    contrasts = contrast_weights(found.effects.term_treated_units)
    scale = codes.size**2
    parts = [
        (values, np.matmul(sums, sums.transpose(0, 2, 1)) / scale)
        for _, (values,), (sums,) in solve_batch(null, drawn, found.wanted)
    ]
    point = np.concatenate([part[0] for part in parts])
    covariance = np.concatenate([part[1] for part in parts])
    gap = point @ contrasts.T
    gap_covariance = contrasts @ covariance @ contrasts.T
    effects, differences = found.effects, found.differences
    wald = wald_statistics(gap, gap_covariance)
    here = wald_statistics(differences.point[None], differences.covariance[None])[0]
    extreme = wald >= here * (1 - 1e-10)
    return PermutedSubgroups(
        effects=_terms(found, effects.point / effects.std_error, point, covariance),
        differences=_terms(found, differences.point / differences.std_error, gap, gap_covariance),
        p_value=float((1 + extreme.sum()) / (1 + wald.size)),
        distinct=int(np.unique(wald.round(9)).size),
    )


def wald_statistics(gaps: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the quadratic forms of R vectors of differences among S effects, of rank S - 1.

    Infinite where a covariance has a smaller rank: such a draw counts as extreme.

    Parameters
    ----------
    gaps : array, shape (R, S)
        Each effect less the mean of the others.
    covariance : array, shape (R, S, S)
    """
    if gaps.shape[1] < 2:
        return np.zeros(gaps.shape[0])
    values, vectors = np.linalg.eigh(covariance)
    along = np.matmul(vectors.transpose(0, 2, 1), gaps[:, :, None])[:, 1:, 0]
    top = values[:, -1]
    whole = (values[:, 1] > TOLERANCE * top) & (top > 0)
    kept = np.where(whole[:, None], values[:, 1:], 1.0)
    return np.asarray(np.where(whole, (along**2 / kept).sum(axis=1), np.inf))


def _terms(
    found: Subgroups, statistic: FloatArray, point: FloatArray, covariance: FloatArray
) -> PermutedTerms:
    """Return |t| of the real assignment and of the draws; infinite without a standard error."""
    variance = np.einsum("rkk->rk", covariance)
    known = variance > 0
    drawn = np.where(known, np.abs(point) / np.sqrt(np.where(known, variance, 1.0)), np.inf)
    none = np.full(len(found.effects.terms), np.nan)
    return PermutedTerms(found.effects.terms, none, np.abs(statistic), drawn)
