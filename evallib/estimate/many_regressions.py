"""Many two-way regressions of one sample at once: every specification that uses the same rows.

Columns (outcomes, exposures, controls) are demeaned together, once a pattern of missing rows, by
the exact projection of ``within``. Each specification is then small algebra on cross-products by
cluster: no row is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from evallib.estimate.regression import (
    ABSORBED,
    WELL_APART,
    absorbed,
    drop_singletons,
    prepare,
    solve,
)
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import demean_units, prepare_projection, project

FEWEST_CLUSTERS = 3
AT_ONCE = 256
ESTIMATED = ""
COLLINEAR = "exposure and controls are collinear"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one sample on a grid of N units and T periods.

    Parameters
    ----------
    values : array, shape (C, N, T)
        NaN where a column has no value.
    weight : array, shape (N, T)
        0 where the sample has no row.
    clusters : integer array, shape (L, N)
        L ways to cluster, as codes from 0; every unit lies within one cluster.
    """

    values: FloatArray
    weight: FloatArray
    clusters: IntArray


def lay_out(
    unit: IntArray, period: IntArray, values: FloatArray, weight: FloatArray, clusters: IntArray
) -> Columns:
    """Return n rows as columns on a grid.

    Parameters
    ----------
    unit, period : integer array, shape (n,)
        Codes from 0; no unit has two rows in a period.
    values : array, shape (C, n)
    weight : array, shape (n,)
        Above 0.
    clusters : integer array, shape (L, n)
        The same in all rows of a unit.
    """
    units, periods = int(unit.max()) + 1, int(period.max()) + 1
    grid = np.full((len(values), units, periods), np.nan)
    grid[:, unit, period] = values
    weights = np.zeros((units, periods))
    weights[unit, period] = weight
    groups = np.zeros((len(clusters), units), dtype=np.int64)
    groups[:, unit] = clusters
    return Columns(grid, weights, groups)


@dataclass(frozen=True, slots=True)
class Specification:
    """One regression in numbers of columns: outcome, exposure, controls, and way to cluster."""

    outcome: int
    exposure: int
    controls: tuple[int, ...] = ()
    cluster: int = 0

    @property
    def regressors(self) -> tuple[int, ...]:
        """Exposure and controls."""
        return (self.exposure, *self.controls)


@dataclass(frozen=True, slots=True)
class Found:
    """Effects of exposure by S specifications; NaN where ``problem`` says why there is none.

    Parameters
    ----------
    estimate, std_error, p_value : array, shape (S,)
        In the outcomes' units; standard errors CR1, p-values from t(clusters - 1).
    rows, units, treated_units, clusters : integer array, shape (S,)
    problem : tuple of str, length S
        Empty where the effect is estimated.
    """

    estimate: FloatArray
    std_error: FloatArray
    p_value: FloatArray
    rows: IntArray
    units: IntArray
    treated_units: IntArray
    clusters: IntArray
    problem: tuple[str, ...]

    @property
    def df(self) -> IntArray:
        """Degrees of freedom of the t distribution, clusters less one."""
        return self.clusters - 1


def solve_specifications(columns: Columns, specifications: Sequence[Specification]) -> Found:
    """Return the effect of exposure under two-way fixed effects by every specification.

    Each is what ``fit("twfe", ...)`` gives for its own columns and rows: rows where one of its
    columns is missing are left out, then singletons. CR1 with G/(G-1) (N-1)/(N-K), K counting
    regressors, a constant and period effects.

    Parameters
    ----------
    columns : Columns
    specifications : sequence of Specification

    Returns
    -------
    Found
        In the order of the specifications.

    References
    ----------
    Frisch and Waugh (1933), doi:10.2307/1907330; Lovell (1963),
    doi:10.1080/01621459.1963.10480682.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> exposed = np.outer(np.arange(40) % 2, np.arange(6) >= 3).astype(float)
    >>> columns = Columns(
    ...     np.array([exposed * 2 + rng.normal(size=(40, 6)), exposed]),
    ...     np.ones((40, 6)),
    ...     np.arange(40)[None],
    ... )
    >>> solve_specifications(columns, [Specification(0, 1)]).estimate.round(1)
    array([1.9])
    """
    count = len(specifications)
    numbers = np.full((3, count), np.nan)
    counts = np.zeros((4, count), dtype=np.int64)
    problems = [ESTIMATED] * count
    for kept, places in _patterns(columns, specifications):
        pattern = _Pattern.of(columns, kept, [specifications[place] for place in places])
        pattern.solve(numbers, counts, problems, places)
    estimate, std_error, p_value = numbers
    rows, units, treated, clusters = counts
    return Found(estimate, std_error, p_value, rows, units, treated, clusters, tuple(problems))


def _patterns(
    columns: Columns, specifications: Sequence[Specification]
) -> Iterable[tuple[BoolArray, IntArray]]:
    """Yield each set of rows that is complete for some specifications, and their places."""
    there = columns.weight > 0
    complete = ~np.isnan(columns.values)
    has_gap = np.asarray((~complete & there).any(axis=(1, 2)))
    kinds: dict[bytes, int] = {}
    kind = [
        kinds.setdefault(complete[k].tobytes(), k) if has_gap[k] else -1
        for k in range(len(complete))
    ]
    groups: dict[frozenset[int], list[int]] = {}
    for place, item in enumerate(specifications):
        used = frozenset(kind[k] for k in (item.outcome, *item.regressors)) - {-1}
        groups.setdefault(used, []).append(place)
    for used, places in groups.items():
        kept = there & complete[sorted(used)].all(axis=0) if used else there
        yield kept, np.array(places)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One set of rows with its demeaned columns, each of weighted length 1.

    ``where`` gives a column's place among those that some specification uses.
    """

    specifications: Sequence[Specification]
    columns: Columns
    weight: FloatArray
    where: IntArray
    length: FloatArray
    is_absorbed: BoolArray
    by_unit: FloatArray  # (N, c, c) cross-products
    gram: FloatArray  # (c, c) their sum

    @classmethod
    def of(
        cls, columns: Columns, kept: BoolArray, specifications: Sequence[Specification]
    ) -> _Pattern:
        """Demean the columns that the specifications use over the rows that are kept."""
        weight = drop_singletons(np.where(kept, columns.weight, 0.0))[0]
        used = sorted({k for item in specifications for k in (item.outcome, *item.regressors)})
        where = np.full(len(columns.values), -1)
        where[used] = np.arange(len(used))
        values = np.where(weight > 0, columns.values[used], 0.0)
        projection = prepare_projection(weight)
        centred = project(values, projection)
        before = _lengths(demean_units(values, projection), weight)
        length = _lengths(centred, weight)
        hidden = before <= ABSORBED * np.maximum(_lengths(values, weight), 1e-300)
        is_absorbed = hidden | (length <= ABSORBED * before)
        safe = np.where(is_absorbed, 1.0, length)
        scaled = np.moveaxis(centred * (np.sqrt(weight) / safe[:, None, None]), 0, 1)
        by_unit = scaled @ np.swapaxes(scaled, 1, 2)
        gram = by_unit.sum(axis=0)
        return cls(specifications, columns, weight, where, safe, is_absorbed, by_unit, gram)

    def solve(
        self, numbers: FloatArray, counts: IntArray, problems: list[str], places: IntArray
    ) -> None:
        """Write estimates, counts and problems of the specifications into their places."""
        there = self.weight > 0
        in_sample: BoolArray = np.asarray(there.any(axis=1))
        counts[0, places], counts[1, places] = there.sum(), in_sample.sum()
        exposures = np.array([item.exposure for item in self.specifications])
        for k in np.unique(exposures):
            treated = ((self.columns.values[k] > 0) & there).any(axis=1).sum()
            counts[2, places[exposures == k]] = treated
        periods = int(there.any(axis=0).sum())
        ways = np.array([item.cluster for item in self.specifications])
        for way in np.unique(ways):
            codes, cross = self._by_cluster(way, in_sample)
            chosen = np.flatnonzero(ways == way)
            counts[3, places[chosen]] = len(cross)
            for start in range(0, chosen.size, AT_ONCE):
                part = chosen[start : start + AT_ONCE]
                found, reasons = self._solve_part(part, cross, counts[:2, places[part[0]]], periods)
                for j in np.flatnonzero(reasons == COLLINEAR):
                    found[:, j], reasons[j] = self._solve_alone(part[j], codes)
                at = places[part]
                numbers[:2, at] = found
                for place, reason in zip(at, reasons, strict=True):
                    problems[place] = str(reason)
                self._finish(numbers, at, part, counts[0, at], periods, len(cross))

    def _by_cluster(self, way: int, in_sample: BoolArray) -> tuple[IntArray, FloatArray]:
        """Return codes of clusters (N,) and cross-products by cluster (G, c, c)."""
        labels, codes = np.unique(self.columns.clusters[way][in_sample], return_inverse=True)
        every = np.zeros(in_sample.size, dtype=np.int64)
        every[in_sample] = codes
        live = self.by_unit[in_sample]
        if labels.size == live.shape[0]:
            return every, live
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(labels.size))
        return every, np.add.reduceat(live[order], starts, axis=0)

    def _solve_part(
        self, part: IntArray, cross: FloatArray, size: IntArray, periods: int
    ) -> tuple[FloatArray, npt.NDArray[np.str_]]:
        """Return estimates with their raw standard errors (2, S), and why there is none (S,).

        Specifications with fewer controls than others are filled up with columns of their own
        that are orthogonal to everything.
        """
        chosen = [self.specifications[j] for j in part]
        width, most = len(self.gram), max(len(item.regressors) for item in chosen)
        regressors = np.tile(np.arange(width, width + most), (len(chosen), 1))
        for row, item in zip(regressors, chosen, strict=True):
            row[: len(item.regressors)] = self.where[list(item.regressors)]
        outcome = self.where[[item.outcome for item in chosen]]
        gram = np.eye(width + most)
        gram[:width, :width] = self.gram
        inner = gram[regressors[:, :, None], regressors[:, None, :]]
        is_absorbed = np.append(self.is_absorbed, np.zeros(most, dtype=bool))
        own, others = is_absorbed[regressors[:, 0]] | is_absorbed[outcome], is_absorbed[regressors]
        reasons = np.where(np.linalg.eigvalsh(inner)[:, 0] <= WELL_APART, COLLINEAR, ESTIMATED)
        reasons = np.where(others.any(axis=1), "units and periods explain a control", reasons)
        reasons = np.where(own, "units and periods explain exposure or outcome", reasons)
        rows, units = size
        effects = np.array([len(item.regressors) for item in chosen]) + units + periods - 1
        reasons = np.where(rows <= effects, "more effects than rows", reasons)
        if len(cross) < FEWEST_CLUSTERS:
            reasons = np.full(len(chosen), "two clusters or fewer" if rows else "no rows")
        found, good = np.full((2, len(chosen)), np.nan), np.flatnonzero(reasons == ESTIMATED)
        regressors, outcome = regressors[good], outcome[good]
        inverse = np.linalg.inv(inner[good])
        beta = (inverse @ gram[regressors, outcome[:, None]][:, :, None])[:, :, 0]
        left, right = np.zeros((2, good.size, width + most))
        np.put_along_axis(left, regressors, inverse[:, 0], axis=1)
        np.put_along_axis(right, regressors, -beta, axis=1)
        right[np.arange(good.size), outcome] = 1.0
        pairs = left[:, :width, None] * right[:, None, :width]
        scores = cross.reshape(-1, width**2) @ pairs.reshape(-1, width**2).T  # (G, S)
        scale = self.length[outcome] / self.length[regressors[:, 0]]
        found[0, good] = beta[:, 0] * scale
        found[1, good] = np.sqrt((scores**2).sum(axis=0)) * scale
        return found, reasons

    def _solve_alone(self, j: int, codes: IntArray) -> tuple[FloatArray, str]:
        """Solve one specification whose regressors are nearly collinear, by orthogonal columns."""
        item = self.specifications[j]
        values = np.where(self.weight > 0, self.columns.values, 0.0)
        cluster = np.broadcast_to(codes[:, None], self.weight.shape)
        problem = prepare(values[item.outcome], self.weight, cluster)
        regressors = values[list(item.regressors)]
        if absorbed(problem, regressors).any():
            return np.full(2, np.nan), COLLINEAR
        found = solve(problem, regressors)
        std_error = np.sqrt(((found.scores @ found.bread[0]) ** 2).sum())
        return np.array([found.beta[0], std_error]), ESTIMATED

    def _finish(
        self,
        numbers: FloatArray,
        places: IntArray,
        part: IntArray,
        rows: IntArray,
        periods: int,
        clusters: int,
    ) -> None:
        """Put the small-sample factor on standard errors and add p-values."""
        terms = np.array([len(self.specifications[j].regressors) for j in part])
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = clusters / (clusters - 1) * (rows - 1) / (rows - terms - periods)
            numbers[1, places] *= np.sqrt(factor)
            ratio = np.abs(numbers[0, places] / numbers[1, places])
        numbers[2, places] = 2 * special.stdtr(clusters - 1, -ratio)


def _lengths(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the weighted length of each column (C, N, T)."""
    return np.asarray(np.sqrt(((weight * values) * values).sum(axis=(1, 2))))
