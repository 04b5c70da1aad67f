"""Group-time effects of subgroups of the treated, and whether they differ.

The cells of an estimate that was made are split by a characteristic of units: every path becomes
one path a subgroup, and all subgroups are solved together, so that their influence values, shared
comparison units included, stand side by side. Nothing is read from a frame again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evallib.errors import EstimationError, Fault, did_you_mean
from evallib.estimate.adoption_paths import Paths
from evallib.estimate.aggregate import KINDS, Averages, averages, join, pick
from evallib.estimate.cells import CellSource
from evallib.estimate.conditioning import list_comparisons
from evallib.estimate.counts import sort_units, thinness_of
from evallib.estimate.group_time import Cells, Problem, influence_covariance, solve
from evallib.estimate.joint import wald_test
from evallib.estimate.result import Estimate, FloatArray, IntArray, analytic_interval
from evallib.estimate.thinness import MIN_TREATED, Thinness

Comparators = Literal["all", "same"]
MIN_COMPARISON = MIN_TREATED
ESTIMAND = (
    "Average effect on the exposed of each subgroup, over its own cells and cohorts: {kind} "
    "aggregation, compared with {whom}."
)
WHOM = {
    "all": "the comparison units of the whole estimate",
    "same": "comparison units of the same subgroup",
}


@dataclass(frozen=True, slots=True)
class Split:
    """A problem whose paths are split by subgroup, with the cells from exposure on alone.

    Parameters
    ----------
    problem : Problem
        With P' paths and the C' cells of subgroups.
    codes : integer array, shape (N,)
        The path of each unit.
    table : integer array, shape (P, S + 1)
        The path of a unit of each former path and each subgroup, -1 where there is no such unit;
        the last column is for units that are in no subgroup.
    subgroup : integer array, shape (C',)
        The subgroup of each cell.
    """

    problem: Problem
    codes: IntArray
    table: IntArray
    subgroup: IntArray


@dataclass(frozen=True, slots=True)
class Subgroups:
    """Effects on S subgroups of the treated, and the joint test that they are equal.

    Parameters
    ----------
    effects : Estimate
        A term a subgroup, with the covariance of all.
    differences : Estimate
        Each subgroup less the mean of the others, weighted by their treated units, with
        t(df_residual); missing values with one subgroup.
    statistic, p_value : float
        Wald statistic over its rank, compared with F(df, df_residual); NaN with one subgroup, and
        without degrees of freedom.
    df : int
        Rank: subgroups less one.
    df_residual : float
        Clusters with treated units, less subgroups.
    n_comparison : integer array, shape (S,)
        Units that serve as comparison.
    refused : tuple of (subgroup, treated units, comparison units)
        Subgroups with fewer than five of either: they are not estimated.
    thinness : tuple of Thinness
        Of each subgroup.
    labels : integer array, shape (N,)
        The subgroup of each unit as ``split`` counts them, those that are refused included.
    split : Split
    wanted : Averages
        The averages behind the terms.
    """

    effects: Estimate
    differences: Estimate
    statistic: float
    p_value: float
    df: int
    df_residual: float
    n_comparison: IntArray
    refused: tuple[tuple[str, int, int], ...]
    thinness: tuple[Thinness, ...]
    labels: IntArray
    split: Split
    wanted: Averages


def split_problem(
    problem: Problem,
    codes: IntArray,
    labels: IntArray,
    n_subgroups: int,
    comparators: Comparators = "all",
) -> Split:
    """Return a problem whose paths are split by subgroup.

    Parameters
    ----------
    problem : Problem
    codes, labels : integer arrays, shape (N,)
        The path of each unit; its subgroup, -1 for none.
    n_subgroups : int
    comparators : 'all' or 'same'
        Whether a subgroup's cells keep the comparison units of the cells that they are part of,
        or those of the same subgroup alone.
    """
    treated = problem.paths.is_treated
    table = np.full((treated.size, n_subgroups + 1), -1, dtype=np.int64)
    table[codes, labels] = 0
    if comparators == "all":
        table[~treated] = -1
        table[~treated, -1] = 0
    parent, column = np.nonzero(table == 0)
    table[parent, column] = np.arange(parent.size)
    if comparators == "all":
        table[~treated] = table[~treated, -1:]
    own = np.where(column < n_subgroups, column, -1)  # the subgroup of each new path
    cells = problem.cells
    is_cell = (cells.path[None, :] == parent[:, None]) & (cells.is_post & ~cells.is_base)
    path, at = np.nonzero(is_cell & (treated[parent] & (own >= 0))[:, None])
    kept, pair = np.unique(cells.pair[at], return_inverse=True)
    control = problem.control[at][:, parent]
    if comparators == "same":
        control = control & (own[None, :] == own[path][:, None])
    new = Cells(
        path=path,
        time=cells.time[at],
        base=cells.base[at],
        pair=np.asarray(pair, dtype=np.int64).reshape(-1),
        group=cells.group[at],
        period=cells.period[at],
        is_post=cells.is_post[at],
        is_base=cells.is_base[at],
    )
    plan = problem.comparisons
    split = replace(
        problem,
        paths=Paths(problem.paths.cohort[parent], treated[parent]),
        cells=new,
        both=problem.both[:, kept],
        control=control,
        comparisons=list_comparisons(new, control, plan.design, problem.observed, plan.method),
    )
    return Split(split, table[codes, labels], table, own[path])


def estimate_subgroups(
    source: CellSource,
    labels: IntArray,
    names: tuple[str, ...],
    *,
    comparators: Comparators = "all",
    kind: str = "group",
) -> Subgroups:
    """Return the effects on subgroups of the treated, with their joint covariance.

    Parameters
    ----------
    source : CellSource
        The solved cells of a group-time estimate.
    labels : integer array, shape (N,)
        The subgroup of each unit among ``names``; -1 is none. Units without one are treated in no
        subgroup; with ``comparators="all"`` they compare as before.
    names : tuple of str
    comparators : 'all' or 'same'
    kind : str
        'group', 'simple', 'dynamic' or 'calendar': the average that is taken in each subgroup.

    Raises
    ------
    EstimationError
        When no subgroup is large enough, or for an unknown kind.

    Notes
    -----
    The joint test is the Wald test that the differences are zero, from the covariance of the
    influence values. Its statistic over its rank is compared with F whose second degrees of
    freedom are the treated units' clusters less the subgroups: the variance of an effect comes
    from its treated units, and chi-squared rejects too often with few of them.
    """
    if kind not in KINDS:
        what, hint = f"aggregation {kind!r} does not exist", did_you_mean(kind, KINDS)
        raise EstimationError([Fault("subgroups", what, "", f"Use {', '.join(KINDS)}.{hint}")])
    codes, (labels, names, unmet) = source.solution.codes, _met(source, labels, names)
    split = split_problem(source.problem, codes, labels, len(names), comparators)
    problem = split.problem
    new = CellSource(
        problem, solve(problem, split.codes), sort_units(problem, split.codes), source.level
    )
    wanted = subgroup_averages(split, names, kind)
    weight, influence = new.weights(wanted)
    used = (weight != 0)[:, None, :]
    treated = (used & new.kinds.treated).any(axis=2) @ new.kinds.size
    compares = (used & new.kinds.control).any(axis=2) @ new.kinds.size
    small = (treated < MIN_TREATED) | (compares < MIN_COMPARISON)
    is_treated = problem.paths.is_treated[split.codes]
    there = np.bincount(labels[is_treated & (labels >= 0)], minlength=len(names))
    counts = np.where(compares > 0, treated, there)  # without comparison units nobody has weight
    refused = tuple((names[k], int(counts[k]), int(compares[k])) for k in np.flatnonzero(small))
    refused += unmet
    keep = np.flatnonzero(~small)
    if not keep.size:
        what = f"no subgroup has {MIN_TREATED} treated and {MIN_COMPARISON} comparison units"
        text = "; ".join(f"{name}: {n} and {m}" for name, n, m in refused)
        remedy = "Use a coarser characteristic, or comparators='all'"
        raise EstimationError([Fault("subgroups", f"{what} ({text})", "", remedy)])
    wanted = pick(wanted, keep)
    estimand = ESTIMAND.format(kind=kind, whom=WHOM[comparators])
    n_obs = int(problem.observed.sum())
    effects = replace(new.describe(wanted, estimand, n_obs, ()), source=None)
    thinness = tuple(thinness_of(new, weight[k], influence[:, k]) for k in keep)
    in_kept = is_treated & np.isin(labels, keep)
    df = float(np.unique(problem.cluster[in_kept]).size - keep.size)
    differences = contrast(effects, problem, df)
    p_value = statistic = float("nan")
    if keep.size > 1 and df > 0:
        test = wald_test(differences, np.arange(keep.size))
        statistic, p_value = test.statistic, test.p_value
    return Subgroups(
        effects=effects,
        differences=differences,
        statistic=statistic,
        p_value=p_value,
        df=keep.size - 1,
        df_residual=df,
        n_comparison=compares[keep],
        refused=refused,
        thinness=thinness,
        labels=labels,
        split=split,
        wanted=wanted,
    )


def _met(
    source: CellSource, labels: IntArray, names: tuple[str, ...]
) -> tuple[IntArray, tuple[str, ...], tuple[tuple[str, int, int], ...]]:
    """Return labels and names of subgroups that hold treated units, and the others with counts."""
    treated = source.problem.paths.is_treated[source.solution.codes]
    met = np.array([bool((treated & (labels == k)).any()) for k in range(len(names))], dtype=bool)
    there = [int((labels == k).sum()) for k in range(len(names))]
    unmet = tuple((names[k], 0, there[k]) for k in np.flatnonzero(~met) if there[k])
    if not met.any():
        what = "no treated unit is in a subgroup"
        raise EstimationError([Fault("subgroups", what, "", "Name another characteristic")])
    place = np.append(np.where(met, np.cumsum(met) - 1, -1), -1)
    return place[labels], tuple(names[k] for k in np.flatnonzero(met)), unmet


def subgroup_averages(split: Split, names: tuple[str, ...], kind: str) -> Averages:
    """Return the overall average of each subgroup, of the aggregation ``kind``."""
    cells, found = split.problem.cells, None
    for subgroup, name in enumerate(names):
        own = np.flatnonzero(split.subgroup == subgroup)
        part = averages(kind, cells.group[own], cells.period[own], cells.path[own])
        head = pick(part, np.array([0]))
        inner = np.zeros((head.inner.shape[0], cells.path.size), dtype=bool)
        inner[:, own] = head.inner
        head = replace(head, terms=(name,), inner=inner)
        found = head if found is None else join(found, head)
    if found is None:
        raise EstimationError([Fault("subgroups", "there is none", "", "Name a characteristic")])
    return found


def contrast_weights(treated: IntArray) -> FloatArray:
    """Return what takes S effects to each one's difference from the mean of the others (S, S).

    Parameters
    ----------
    treated : array, shape (S,)
        Treated units of each subgroup: the weights of the mean.

    Examples
    --------
    >>> import numpy as np
    >>> contrast_weights(np.array([5, 6, 2])).round(2).tolist()
    [[1.0, -0.75, -0.25], [-0.71, 1.0, -0.29], [-0.45, -0.55, 1.0]]
    """
    others = treated.sum() - treated
    weights: FloatArray = -treated[None, :] / np.maximum(others, 1)[:, None]
    np.fill_diagonal(weights, 1.0)
    return weights


def contrast(effects: Estimate, problem: Problem, df: float) -> Estimate:
    """Return each effect less the mean of the others, with covariance, as an estimate.

    Parameters
    ----------
    effects : Estimate
        Of S subgroups, with influence values; with one there is no difference: missing values.
    problem : Problem
    df : float
        Degrees of freedom of t; without any there are no intervals.
    """
    weights = contrast_weights(effects.term_treated_units)
    influence = effects.influence
    none = np.full(len(effects.terms), np.nan)
    if influence is None or len(effects.terms) < 2:
        return replace(
            effects, point=none, std_error=none, conf_low=none, conf_high=none, p_value=none
        )
    point, influence = weights @ effects.point, influence @ weights.T
    covariance = influence_covariance(influence, problem.cluster)
    std_error = np.sqrt(np.diag(covariance))
    low, high, p_value = none, none, none
    if df > 0:
        low, high, p_value = analytic_interval(point, std_error, effects.level, df)
    return replace(
        effects,
        df=df,
        estimand="Effect on a subgroup less the mean effect on the other treated units.",
        point=point,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        influence=influence,
    )
