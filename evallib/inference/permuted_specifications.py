"""Many two-way specifications of one sample under permuted adoption paths, all from one pass.

A draw changes who is exposed and which rows are left out. Its columns are demeaned together;
each specification is then algebra on cross-products by unit, as in ``many_regressions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evallib.estimate.many_regressions import Columns, Specification
from evallib.estimate.regression import ABSORBED, WELL_APART
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.inference.permuted_regression import period_effects

CHUNK_BYTES = 3_000_000
EXPOSURE = 0


@dataclass(frozen=True, slots=True)
class PathColumns:
    """The columns of one sample, of which exposure and rows follow from each unit's path.

    Parameters
    ----------
    values : array, shape (C, N, T)
        Outcomes and controls, NaN where a column has no value; the first, `EXPOSURE`, is not read.
    weight : array, shape (N, T)
        Of all rows; 0 where the sample has none.
    clusters : integer array, shape (L, N)
        L ways to cluster, as codes from 0.
    exposed : array, shape (P, T)
        1 where a unit on each path is exposed.
    kept : boolean array, shape (P, T)
        Which rows a unit on each path keeps.
    """

    values: FloatArray
    weight: FloatArray
    clusters: IntArray
    exposed: FloatArray
    kept: BoolArray

    def on_paths(self, codes: IntArray) -> Columns:
        """Return the columns with each unit on its path (N,)."""
        values = self.values.copy()
        values[EXPOSURE] = self.exposed[codes]
        return Columns(values, self.weight * self.kept[codes], self.clusters)


def permute_specifications(
    columns: PathColumns, specifications: Sequence[Specification], codes: IntArray
) -> FloatArray:
    """Return estimates and standard errors, without a small-sample factor, of every draw.

    Parameters
    ----------
    columns : PathColumns
    specifications : sequence of Specification
        Their exposure is `EXPOSURE`.
    codes : integer array, shape (R, N)
        The path of each unit in each draw.

    Returns
    -------
    array, shape (2, R, S)
        NaN where a draw cannot tell exposure from the effects and controls.
    """
    found = np.full((2, len(codes), len(specifications)), np.nan)
    complete = ~np.isnan(columns.values)
    groups: dict[bytes, list[int]] = {}
    rows = {}
    for place, item in enumerate(specifications):
        there = complete[[item.outcome, *item.controls]].all(axis=0)
        groups.setdefault(there.tobytes(), []).append(place)
        rows[there.tobytes()] = there
    for key, places in groups.items():
        chosen = [specifications[place] for place in places]
        used = sorted({k for item in chosen for k in (item.outcome, *item.controls)})
        values = np.where(rows[key], columns.values[used], 0.0)
        weight = np.where(rows[key], columns.weight, 0.0)
        step = max(1, CHUNK_BYTES // (8 * weight.size * (1 + len(used))))
        for start in range(0, len(codes), step):
            part = codes[start : start + step]
            residuals = _residuals(values, weight * columns.kept[part], columns.exposed[part])
            place_of = {k: 1 + at for at, k in enumerate(used)}
            found[:, start : start + step, places] = _solve(
                residuals, chosen, place_of, columns.clusters
            )
    return found


def _residuals(values: FloatArray, weight: FloatArray, exposed: FloatArray) -> FloatArray:
    """Return exposure and columns (r, N, c, T) less unit and period effects, times root weight."""
    total = weight.sum(axis=2)
    share = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    draws, units, periods = weight.shape
    centred = np.empty((draws, units, 1 + len(values), periods))
    centred[:, :, EXPOSURE], centred[:, :, 1:] = exposed, values.swapaxes(0, 1)
    column = weight[..., None]
    centred -= (centred @ column) * share[..., None, None]
    cross = -(weight * share[:, :, None]).swapaxes(1, 2) @ weight
    every = np.arange(periods)
    cross[:, every, every] += weight.sum(axis=1)
    effect = period_effects(cross, np.einsum("rnct,rnt->rct", centred, weight))
    centred -= effect[:, None]
    centred -= (centred @ column) * share[..., None, None]
    centred *= np.sqrt(weight)[:, :, None]
    return centred


def _solve(
    residuals: FloatArray,
    specifications: Sequence[Specification],
    place_of: dict[int, int],
    clusters: IntArray,
) -> FloatArray:
    """Return estimates and standard errors (2, r, S) from residuals (r, N, c, T)."""
    draws, units, width, _ = residuals.shape
    by_unit = residuals @ residuals.swapaxes(2, 3)  # (r, N, c, c)
    gram = by_unit.sum(axis=1)
    length = np.sqrt(np.einsum("rcc->rc", gram))
    safe = np.where(length > ABSORBED, length, np.nan)
    scaled = gram / (safe[:, :, None] * safe[:, None, :])
    found = np.full((2, draws, len(specifications)), np.nan)
    pairs = np.zeros((draws, width, width, len(specifications)))
    for s, item in enumerate(specifications):
        regressors = [EXPOSURE, *(place_of[k] for k in item.controls)]
        outcome = place_of[item.outcome]
        inner = scaled[:, regressors][:, :, regressors]
        good = np.isfinite(inner).all(axis=(1, 2)) & np.isfinite(safe[:, outcome])
        good[good] = np.linalg.eigvalsh(inner[good])[:, 0] > WELL_APART
        inverse = np.linalg.inv(inner[good])
        beta = (inverse @ scaled[good][:, regressors, outcome][:, :, None])[:, :, 0]
        size = safe[good]
        beta *= size[:, [outcome]] / size[:, regressors]
        left = np.zeros((good.sum(), width))
        left[:, regressors] = inverse[:, 0] / (size[:, [EXPOSURE]] * size[:, regressors])
        right = np.zeros((good.sum(), width))
        right[:, regressors] = -beta
        right[:, outcome] = 1.0
        pairs[good, :, :, s] = left[:, :, None] * right[:, None, :]
        found[0, good, s] = beta[:, 0]
    scores = by_unit.reshape(draws, units, -1) @ pairs.reshape(draws, width**2, -1)
    for way in {item.cluster for item in specifications}:
        chosen = [s for s, item in enumerate(specifications) if item.cluster == way]
        order = np.argsort(clusters[way], kind="stable")
        first = np.flatnonzero(np.diff(clusters[way][order], prepend=-1))
        sums = scores[:, :, chosen]
        if first.size < order.size:
            sums = np.add.reduceat(sums[:, order], first, axis=1)
        found[1][:, chosen] = np.sqrt((sums**2).sum(axis=1))
    found[1][np.isnan(found[0])] = np.nan
    return found
