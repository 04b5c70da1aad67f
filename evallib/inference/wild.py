"""The restricted wild cluster bootstrap for one combination of regression coefficients.

Unit effects are nested in clusters, so that a bootstrap draw multiplies each cluster's restricted
residuals by one number and leaves its unit effects out of the refit. Refitting is then small
algebra on cluster sums, exactly equal to fitting the model again on every draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evallib.estimate.regression import Problem
from evallib.estimate.result import FloatArray, IntArray
from evallib.estimate.within import demean_units, project
from evallib.inference.permutation import invert

FEW = 12
TIES = 1e-10
AT_ONCE = 256
WEBB = np.sqrt(np.array([1.5, 1.0, 0.5]))


@dataclass(frozen=True, slots=True)
class WildTest:
    """A restricted wild cluster bootstrap, kept so that it can be inverted again.

    For the hypothesis that the combination is ``v``, draw r estimates ``shift[0] - v shift[1]``
    from it, with a variance of ``square[0] - 2 v square[1] + v^2 square[2]``.

    Parameters
    ----------
    estimate, std_error : float
        Without a small-sample factor, which cancels.
    shift : array, shape (2, R)
    square : array, shape (3, R)
    kind : 'rademacher' or 'webb'
    is_enumerated : bool
        Whether the draws are all sign patterns there are.
    """

    estimate: float
    std_error: float
    shift: FloatArray
    square: FloatArray
    kind: Literal["rademacher", "webb"]
    is_enumerated: bool

    def drawn(self, value: float = 0.0) -> FloatArray:
        """Return |t| of each draw, shape (R,), for the hypothesis ``value``."""
        top = np.abs(self.shift[0] - value * self.shift[1])
        square = self.square[0] - 2 * value * self.square[1] + value**2 * self.square[2]
        return np.asarray(top / np.sqrt(np.maximum(square, 1e-300)))

    def p_value(self, value: float = 0.0) -> float:
        """Return the share of draws with |t| at least as large as the sample's.

        A draw whose |t| equals the sample's to ten digits counts as at least as large. Not
        (1 + count) / (1 + draws): the share is what the published implementations report. All sign
        patterns together contain the sample itself; of random draws the share can be 0, which
        says below 1 / draws.
        """
        here = abs(self.estimate - value) / self.std_error
        return float((self.drawn(value) >= here * (1 - TIES)).mean())

    def interval(self, level: float) -> tuple[float, float]:
        """Return the values that the test does not reject at ``1 - level``."""
        return invert(self.p_value, self.estimate, self.std_error, 1 - level)


def draw_weights(
    clusters: int,
    draws: int,
    rng: np.random.Generator,
    kind: Literal["rademacher", "webb"] | None = None,
) -> tuple[FloatArray, Literal["rademacher", "webb"], bool]:
    """Return bootstrap weights (clusters, draws), their kind, and whether they are enumerated.

    Rademacher weights, or Webb's six-point weights below 12 clusters. When there are no more
    patterns than draws every pattern is used once.

    References
    ----------
    Webb (2023), Canadian Journal of Economics 56(3), doi:10.1111/caje.12661
    """
    chosen = kind or ("webb" if clusters < FEW else "rademacher")
    points = np.array([-1.0, 1.0]) if chosen == "rademacher" else np.concatenate([-WEBB, WEBB])
    patterns = float(points.size) ** clusters
    if patterns <= draws:
        number = np.arange(int(patterns))
        place = points.size ** np.arange(clusters)
        return points[number[None, :] // place[:, None] % points.size], chosen, True
    return points[rng.integers(0, points.size, size=(clusters, draws))], chosen, False


def wild_bootstrap(
    problem: Problem,
    regressors: FloatArray,
    combination: FloatArray,
    weights: FloatArray,
    kind: Literal["rademacher", "webb"] = "rademacher",
    is_enumerated: bool = False,
) -> WildTest:
    """Return the restricted wild cluster bootstrap of a combination of coefficients.

    Parameters
    ----------
    problem : Problem
        Units must lie within clusters.
    regressors : array, shape (k, N, T)
    combination : array, shape (k,)
        The tested combination of the coefficients.
    weights : array, shape (G, R)
        One bootstrap weight a cluster and draw.
    kind, is_enumerated
        As ``draw_weights`` returned them.

    References
    ----------
    MacKinnon, Nielsen and Webb (2023), Journal of Econometrics 232(2),
    doi:10.1016/j.jeconom.2022.04.001; Roodman, Nielsen, MacKinnon and Webb (2019), Stata Journal
    19(1), doi:10.1177/1536867X19830877
    """
    tested, other = _rotate(regressors, combination)
    x, y, nuisance = _residuals(problem, tested, other)
    unit_cluster = np.where(problem.weight > 0, problem.cluster, 0).max(axis=1)
    weight, groups = problem.weight, problem.n_clusters
    size = float((weight * x * x).sum())
    estimate = float((weight * x * y).sum()) / size
    own = _cluster(weight * x * x, unit_cluster, groups)  # q_g
    cross = _cluster(nuisance * (weight * x)[None], unit_cluster, groups)  # A (G, p)
    gram = np.einsum("ant,nt,bnt->ab", nuisance, weight, nuisance, optimize=True)
    scale = 1 / np.sqrt(np.maximum(np.diag(gram), 1e-300))
    inverse = np.linalg.pinv(gram * np.outer(scale, scale), rcond=1e-11, hermitian=True)
    inverse = inverse * np.outer(scale, scale)
    left = np.column_stack([cross, own])
    own_scores, rights = [], []
    for residual in (y, x):  # the restricted residual is y - v x
        c = _cluster(weight * x * residual, unit_cluster, groups)
        right = inverse @ _cluster(nuisance * (weight * residual)[None], unit_cluster, groups).T
        own_scores.append(c)
        rights.append(np.vstack([right, c[None] / size]))
    shift, square = np.empty((2, weights.shape[1])), np.empty((3, weights.shape[1]))
    for start in range(0, weights.shape[1], AT_ONCE):
        part = slice(start, start + AT_ONCE)
        scores = []
        for k, (c, right) in enumerate(zip(own_scores, rights, strict=True)):
            small = right @ weights[:, part]
            shift[k, part] = small[-1]
            scores.append(c[:, None] * weights[:, part] - left @ small)
        for k, (a, b) in enumerate(((0, 0), (0, 1), (1, 1))):
            square[k, part] = np.einsum("gr,gr->r", scores[a], scores[b]) / size**2
    sample = _cluster(weight * x * (y - estimate * x), unit_cluster, groups)
    std_error = float(np.sqrt((sample**2).sum())) / size
    return WildTest(estimate, std_error, shift, square, kind, is_enumerated)


def _rotate(regressors: FloatArray, combination: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the regressor whose coefficient is the combination, and the others (k - 1)."""
    norm = float(combination @ combination)
    basis = np.linalg.svd(combination[None])[2][1:]
    tested = np.einsum("k,knt->nt", combination / norm, regressors)
    return tested, np.einsum("jk,knt->jnt", basis, regressors)


def _residuals(
    problem: Problem, tested: FloatArray, other: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return tested regressor and outcome as residuals on everything else, and the nuisance.

    The nuisance are period dummies, where the regression has period effects, and other regressors,
    less what they share with unit effects.
    """
    projected = project(np.concatenate([tested[None], other]), problem.projection)
    pair = np.stack([projected[0], problem.projected])
    if other.shape[0]:
        rest = projected[1:]
        weighted = rest * problem.weight
        gram = np.einsum("ant,bnt->ab", weighted, rest)
        slope = np.linalg.solve(gram, np.einsum("ant,bnt->ab", weighted, pair))
        pair = pair - np.einsum("ab,ant->bnt", slope, rest)
    columns = other
    if problem.projection.inverse is not None:
        t = problem.weight.shape[1]
        dummies = np.broadcast_to(np.eye(t)[:, None, :], (t, *problem.weight.shape))
        columns = np.concatenate([dummies, other])
    return pair[0], pair[1], demean_units(columns, problem.projection)


def _cluster(values: FloatArray, unit_cluster: IntArray, groups: int) -> FloatArray:
    """Return values (..., N, T) summed by cluster, shape (G,) or (G, k)."""
    by_unit = values.sum(axis=-1)
    if by_unit.ndim == 1:
        return np.asarray(np.bincount(unit_cluster, by_unit, minlength=groups), dtype=float)
    return np.column_stack([np.bincount(unit_cluster, row, minlength=groups) for row in by_unit])
