"""Permutation of whole adoption paths among units within strata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray

MIN_ARM = 5
LEAST_CHANCE = 0.01
NULL = (
    "permutation of adoption paths within strata: tests that nobody was affected at all, "
    "given timing as good as random within strata"
)


def permute_paths(
    codes: IntArray,
    strata: IntArray,
    clusters: IntArray,
    draws: int,
    rng: np.random.Generator,
    order: FloatArray | None = None,
) -> IntArray:
    """Return assignments of adoption paths drawn uniformly from those that keep the design.

    In every draw each stratum has as many units on each path as in truth, and the units of a
    cluster share one path. Clusters whose units are on several paths in truth do not move as one.
    Where so many units are in clusters that such assignments are hard to come by, clusters
    exchange paths as wholes with clusters in the same strata: see `exchanges_clusters`.

    Parameters
    ----------
    codes : integer array, shape (N,)
        The path of each unit, from 0.
    strata, clusters : integer array, shape (N,)
        Codes from 0.
    draws : int
    rng : numpy.random.Generator
    order : array, shape (draws, N), optional
        Independent uniform numbers by which units alone take the slots of their stratum, first
        paths first: samples that share units and numbers move together. Drawn when left out.

    Returns
    -------
    integer array, shape (draws, N)

    Notes
    -----
    Clusters of several units are placed one after another, each on a path with the chance that
    all its units' slots lie there given the slots left. Such a placement is accepted with the
    product of these chances over their upper bounds, which makes it uniform; units alone then
    fill the slots that are left.
    """
    n_paths = int(codes.max()) + 1
    groups = joint_clusters(codes, clusters)
    counts = np.zeros((int(strata.max()) + 1, n_paths))
    np.add.at(counts, (strata, codes), 1)
    result = np.empty((draws, codes.size), dtype=np.int64)
    if exchanges_clusters(codes, strata, clusters):
        placed, left = _exchange_groups(groups, codes, strata, counts, draws, rng)
    else:
        placed, left = _place_groups(groups, strata, counts, draws, rng)
    in_group = np.zeros(codes.size, dtype=bool)
    for number, members in enumerate(groups):
        result[:, members] = placed[:, number, None]
        in_group[members] = True
    for stratum in range(counts.shape[0]):
        alone = np.flatnonzero((strata == stratum) & ~in_group)
        if alone.size == 0:
            continue
        slots = np.zeros((draws, alone.size), dtype=np.int64)
        for end in left[:, stratum].cumsum(axis=1).T:  # of each path's slots
            slots += np.arange(alone.size) >= end[:, None]
        if order is None:
            result[:, alone] = rng.permuted(slots, axis=1, out=slots)
        else:
            ranks = order[:, alone].argsort(axis=1).argsort(axis=1)
            result[:, alone] = np.take_along_axis(slots, ranks, axis=1)
    return result


def exchanges_clusters(codes: IntArray, strata: IntArray, clusters: IntArray) -> bool:
    """Return whether clusters exchange paths as wholes, keeping numbers of clusters, not of units.

    Clusters of several units that are placed one after another on paths with slots for all their
    units seldom leave every path as full as it was: the chance falls with the product over
    clusters of the share of slots that are left, to the power of their sizes. Below one in a
    hundred they are not placed: they exchange paths, as where a programme begins by state and
    units are counties.

    Parameters
    ----------
    codes, strata, clusters : integer array, shape (N,)
        As for `permute_paths`.
    """
    size = np.bincount(strata).astype(float)
    left, chance = size.copy(), 0.0
    for members in joint_clusters(codes, clusters):
        need = np.bincount(strata[members], minlength=size.size)
        used = need > 0
        chance += float((need[used] * np.log(left[used] / size[used])).sum())
        left -= need
    return bool(chance < np.log(LEAST_CHANCE))


def _exchange_groups(
    groups: list[IntArray],
    codes: IntArray,
    strata: IntArray,
    counts: FloatArray,
    draws: int,
    rng: np.random.Generator,
) -> tuple[IntArray, FloatArray]:
    """Return permuted paths of joint clusters (draws, J), and the slots left (draws, S, P)."""
    own = np.array([codes[members[0]] for members in groups])
    places = [tuple(np.unique(strata[members])) for members in groups]
    placed = np.tile(own, (draws, 1))
    for place in sorted(set(places)):
        alike = np.flatnonzero([other == place for other in places])
        placed[:, alike] = rng.permuted(placed[:, alike], axis=1)
    left = counts.copy()
    for members in groups:
        np.subtract.at(left, (strata[members], codes[members]), 1)
    return placed, np.broadcast_to(left, (draws, *left.shape))


def joint_clusters(codes: IntArray, clusters: IntArray) -> list[IntArray]:
    """Return the members of each cluster of several units that are all on one path."""
    order = np.argsort(clusters, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1)
    return [group for group in members if group.size > 1 and np.ptp(codes[group]) == 0]


def _place_groups(
    groups: list[IntArray],
    strata: IntArray,
    counts: FloatArray,
    draws: int,
    rng: np.random.Generator,
) -> tuple[IntArray, FloatArray]:
    """Return the path of each joint cluster (draws, J), and the slots left (draws, S, P)."""
    placed = np.zeros((draws, len(groups)), dtype=np.int64)
    left = np.broadcast_to(counts, (draws, *counts.shape)).copy()
    todo = np.arange(draws)
    while groups and todo.size:
        slots = np.broadcast_to(counts, (todo.size, *counts.shape)).copy()
        chosen = np.zeros((todo.size, len(groups)), dtype=np.int64)
        keep = np.ones(todo.size)
        for number, members in enumerate(groups):
            need = np.bincount(strata[members], minlength=counts.shape[0])
            ways = _ways(slots, need)
            total = ways.sum(axis=1)
            keep *= total / _ways(counts[None], need).sum()
            edges = np.cumsum(ways, axis=1)
            pick = (rng.random(todo.size)[:, None] * total[:, None] >= edges).sum(axis=1)
            chosen[:, number] = np.minimum(pick, counts.shape[1] - 1)
            slots[np.arange(todo.size), :, chosen[:, number]] -= need
        accepted = rng.random(todo.size) < keep
        placed[todo[accepted]] = chosen[accepted]
        left[todo[accepted]] = slots[accepted]
        todo = todo[~accepted]
    return placed, left


def _ways(slots: FloatArray, need: IntArray) -> FloatArray:
    """Return in how many ways the needed slots of each stratum can be taken on each path."""
    ways = np.ones((slots.shape[0], slots.shape[2]))
    for stratum in np.flatnonzero(need):
        for taken in range(need[stratum]):
            ways *= np.maximum(slots[:, stratum] - taken, 0)
    return ways


def choose_strata(
    council_type: IntArray, region: IntArray, is_treated: BoolArray
) -> tuple[IntArray, str]:
    """Return strata of council type, split by region where every part stays large enough.

    A type is split by region only if each of its regions keeps at least five treated and five
    comparison units; each type is looked at for itself.

    Parameters
    ----------
    council_type, region : integer array, shape (N,)
    is_treated : boolean array, shape (N,)

    Returns
    -------
    codes of the strata, shape (N,), and a phrase that names them.

    Examples
    --------
    >>> import numpy as np
    >>> kind, region = np.zeros(20, int), np.repeat([0, 1], 10)
    >>> choose_strata(kind, region, np.arange(20) % 2 == 0)
    (array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), 'type and region')
    """
    split = []
    for kind in np.unique(council_type):
        members = council_type == kind
        arms = [
            min((members & (region == area) & arm).sum() for arm in (is_treated, ~is_treated))
            for area in np.unique(region[members])
        ]
        split.append(len(arms) > 1 and min(arms) >= MIN_ARM)
    kinds = np.unique(council_type)
    by_region = np.isin(council_type, kinds[np.array(split)])
    table = np.column_stack([council_type, np.where(by_region, region, -1)])
    codes = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    if all(split):
        return codes, "type and region"
    return codes, "type, and region where large enough" if any(split) else "type"


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """A studentised permutation test of one effect, kept so that it can be inverted again.

    The statistic of a draw, were the effect ``v`` for all exposed units and periods, is
    |a - v b| / sqrt(c - 2 v d + v^2 e).

    Parameters
    ----------
    observed : array, shape (5,)
        a, b, c, d, e of the real assignment.
    drawn : array, shape (5, R)
        The same of each draw.
    """

    observed: FloatArray
    drawn: FloatArray

    def p_value(self, value: float = 0.0) -> float:
        """Return (1 + draws at least as extreme) / (1 + draws) for an effect of ``value``."""
        here = float(studentise(self.observed[:, None], value)[0])
        extreme = studentise(self.drawn, value) >= here * (1 - 1e-10)
        return float((1 + extreme.sum()) / (1 + extreme.size))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the constant effects that are not rejected at ``1 - level``."""
        estimate = float(self.observed[0] / self.observed[1])
        scale = float(np.sqrt(self.observed[2]) / abs(self.observed[1]))
        return invert(self.p_value, estimate, scale, 1 - level)


def studentise(parts: FloatArray, value: float) -> FloatArray:
    """Return |t| of draws (5, R) for an effect of ``value``; infinite where there is no SE."""
    top = np.abs(parts[0] - value * parts[1])
    variance = parts[2] - 2 * value * parts[3] + value**2 * parts[4]
    known = variance > 1e-14 * (np.abs(parts[2]) + value**2 * np.abs(parts[4]))
    root = np.sqrt(np.where(known, variance, 1.0))
    return np.asarray(np.where(known, top / root, np.inf))


def invert(
    p_value: Callable[[float], float], estimate: float, scale: float, alpha: float, steps: int = 60
) -> tuple[float, float]:
    """Return the ends of the values that a test does not reject, by bisection on each side.

    Parameters
    ----------
    p_value : callable
        The p-value of a hypothesised effect.
    estimate, scale : float
        Where to begin, and the length of a first step.
    alpha : float
        A value is rejected when its p-value is at most this.

    Notes
    -----
    The search walks out from the estimate by doubling steps to the first value that is rejected
    and halves the last step. An end that is not found within 2^20 steps is infinite. A resampled
    p-value is a step function and need not fall evenly: a value further out that is not rejected
    again is not looked for.
    """
    ends, bound = [], alpha + 1e-12
    for sign in (-1.0, 1.0):
        inside, step = estimate, scale if scale > 0 else 1.0
        outside = float("nan")
        for _ in range(22):
            trial = estimate + sign * step
            if p_value(trial) <= bound:
                outside = trial
                break
            inside, step = trial, step * 2
        if np.isnan(outside):
            ends.append(sign * float("inf"))
            continue
        for _ in range(steps):
            middle = (inside + outside) / 2
            if abs(outside - inside) < 1e-7 * scale:
                break
            if p_value(middle) <= bound:
                outside = middle
            else:
                inside = middle
        ends.append(inside)
    return ends[0], ends[1]
