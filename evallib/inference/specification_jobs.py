"""All specifications of one sample: estimates, and their draws under permuted adoption paths."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate.aggregate import averages, pick
from evallib.estimate.batch import solve_batch
from evallib.estimate.many_regressions import ESTIMATED, Specification, solve_specifications
from evallib.estimate.result import FloatArray, IntArray
from evallib.inference.fitting import WITH_EVENT_YEAR, fit_design
from evallib.inference.paths import PathPanel, path_panel, path_problem
from evallib.inference.permutation import permute_paths
from evallib.inference.permuted_regression import path_after, path_rows
from evallib.inference.permuted_specifications import (
    EXPOSURE,
    PathColumns,
    permute_specifications,
)
from evallib.inference.policy import require_treated

FEWEST_CLUSTERS = 8
COUNCIL = "council"
FEW = "{} clusters by {}, fewer than " + str(FEWEST_CLUSTERS)


@dataclass(frozen=True, slots=True)
class Item:
    """How one specification estimates its sample.

    Parameters
    ----------
    number : int
        Its place among all specifications of the outcome.
    estimator : str
    winsorise : float
        Share in either tail; 0 for none.
    covariates : tuple of str
    cluster : str
        'council' (joint ones together), or a column of the design's councils.
    is_repeated : bool
        Whether the same specification without covariates is among the outcome's.
    """

    number: int
    estimator: str
    winsorise: float
    covariates: tuple[str, ...]
    cluster: str
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """The specifications of one sample.

    Parameters
    ----------
    design : Design
        Without its alternatives. For ``twfe`` its covariates do not matter.
    controls : DataFrame
        Covariates of ``twfe`` beside the rows of ``design.full``; missing where not known.
    items : tuple of Item
    universe : tuple of str
        Every council code: draws of all samples share a number for each.
    draws : int
    seed : sequence of int
    """

    design: Design
    controls: pd.DataFrame
    items: tuple[Item, ...]
    universe: tuple[str, ...]
    draws: int
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one specification found, or why it found nothing.

    Parameters
    ----------
    item : Item
    effect : tuple of float
        Estimate, standard error, lower and upper bound, p-value.
    counts : tuple of int
        Rows, councils, treated councils, clusters.
    inference : str
    drawn : array, shape (2, R), or None
        Estimate and z of each draw; None where the specification is not permuted.
    z : float
        The normal score of the p-value, with the estimate's sign.
    reason : str
        Empty where there is an estimate.
    """

    item: Item
    effect: tuple[float, ...] = (float("nan"),) * 5
    counts: tuple[int, ...] = (0, 0, 0, 0)
    inference: str = ""
    drawn: FloatArray | None = None
    z: float = float("nan")
    reason: str = ""


def two_way_controls(items: Sequence[Item]) -> list[str]:
    """Return the covariates that two-way specifications name, in order."""
    return sorted({name for one in items if one.estimator == "twfe" for name in one.covariates})


def solve_job(job: Job) -> list[Answer]:
    """Return the answers of a job's specifications."""
    refused, items = _refuse(job)
    two_way = [item for item in items if item.estimator == "twfe"]
    others = [item for item in items if item.estimator != "twfe"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        answers = [Answer(item, reason=reason) for item, reason in refused]
        answers += _two_way(job, two_way) if two_way else []
        others.sort(key=lambda item: (item.winsorise, item.cluster))
        clustered = {way: _clustered(job.design, way) for way in {one.cluster for one in others}}
        for (share, cluster), part in itertools.groupby(
            others, key=lambda item: (item.winsorise, item.cluster)
        ):
            design = winsorised(clustered[cluster], share)
            answers += [_other(design, item) for item in part]
        cells = [
            one.item
            for one in answers
            if one.item.estimator == "group_time" and not one.reason and not one.item.covariates
        ]
        if not cells or not job.draws:
            return answers
        drawn = _permuted_group_time(job, cells)
    return [replace(one, drawn=drawn.get(one.item.number, one.drawn)) for one in answers]


def winsorised(design: Design, share: float) -> Design:
    """Return a design whose values beyond a share in either tail are set to that quantile.

    Parameters
    ----------
    design : Design
    share : float
        Quantiles are those of all rows of the sample's councils.
    """
    if not share:
        return design
    low, high = design.full["value"].quantile([share, 1 - share])
    frames = ("full", "frame", "group_time_frame")
    clipped = {
        name: (rows := getattr(design, name)).assign(value=rows["value"].clip(low, high))
        for name in frames
    }
    return replace(design, **clipped)


def _draw(job: Job, panel: PathPanel, codes: IntArray) -> IntArray:
    """Return permuted paths that move together in all samples of the outcome."""
    rng = np.random.default_rng(job.seed)
    numbers = rng.random((job.draws, len(job.universe)))
    place = np.searchsorted(np.array(job.universe), panel.units.astype(str))
    return permute_paths(codes, panel.strata, panel.cluster, job.draws, rng, numbers[:, place])


def _refuse(job: Job) -> tuple[list[tuple[Item, str]], list[Item]]:
    """Return the specifications that the sample cannot carry, with the reason, and the others."""
    design, refused, kept = job.design, [], []
    ways = {item.cluster for item in job.items}
    counts = {name: int(design.councils[_column(name)].nunique()) for name in ways}
    for item in job.items:
        try:
            require_treated(design.n_treated, design.outcome, item.estimator, design.few_treated)
        except EstimationError as error:
            refused.append((item, error.reasons))
            continue
        absorbed = _absorbed(job, item) if item.is_repeated else []
        if item.cluster != COUNCIL and counts[item.cluster] < FEWEST_CLUSTERS:
            level = item.cluster.replace("_", " ")
            refused.append((item, FEW.format(counts[item.cluster], level)))
        elif item.covariates and len(absorbed) == len(item.covariates):
            names = ", ".join(absorbed)
            refused.append((item, f"council effects absorb {names}: the same as without"))
        else:
            kept.append(item)
    return refused, kept


def _absorbed(job: Job, item: Item) -> list[str]:
    """Return the covariates that the council effects of an estimator absorb."""
    if item.estimator in WITH_EVENT_YEAR:
        return []
    table = job.controls if item.estimator == "twfe" else job.design.full
    return [name for name in item.covariates if not _varies(job.design, table[name])]


def _two_way(job: Job, items: Sequence[Item]) -> list[Answer]:
    """Solve all two-way specifications from one set of columns."""
    design, panel = job.design, path_panel(job.design)
    answers: list[Answer] = []
    shares = sorted({item.winsorise for item in items})
    ways = sorted({item.cluster for item in items})
    names = [name for name in job.controls if _varies(design, job.controls[name])]
    series = [winsorised(design, share).full["value"] for share in shares]
    grids = [
        _grid(panel, design, values) for values in [*series, *(job.controls[n] for n in names)]
    ]
    columns = PathColumns(
        np.array([np.full(panel.outcome.shape, np.nan), *grids]),
        panel.weight,
        np.array([_cluster_codes(design, way) for way in ways]),
        path_after(panel.paths, panel.periods).astype(float),
        path_rows(panel.paths, panel.periods, design.anticipation),
    )
    first = 1 + len(shares)
    wanted = [
        Specification(
            1 + shares.index(item.winsorise),
            EXPOSURE,
            tuple(first + names.index(name) for name in item.covariates if name in names),
            ways.index(item.cluster),
        )
        for item in items
    ]
    found = solve_specifications(columns.on_paths(panel.codes), wanted)
    drawn = np.zeros((2, job.draws, len(items)))
    if job.draws:
        drawn = permute_specifications(columns, wanted, _draw(job, panel, panel.codes))
        here = permute_specifications(columns, wanted, panel.codes[None])
        # Draws take the small-sample factor of the real assignment.
        ratio = drawn[0] / drawn[1] * (here[1, 0] / found.std_error)
        drawn[1] = normal_scores(ratio, found.df)
    for s, item in enumerate(items):
        if found.problem[s] != ESTIMATED:
            answers.append(Answer(item, reason=found.problem[s]))
            continue
        point, error, df = found.estimate[s], found.std_error[s], float(found.df[s])
        half = stats.t.ppf((1 + design.level) / 2, df) * error
        answers.append(
            Answer(
                item,
                (point, error, point - half, point + half, found.p_value[s]),
                (
                    *(int(found.rows[s]), int(found.units[s]), int(found.treated_units[s])),
                    int(found.clusters[s]),
                ),
                "cr1_t",
                drawn[:, :, s].astype(np.float32) if job.draws else None,
                float(normal_scores(np.array(point / error), np.array(df))),
            )
        )
    return answers


def _varies(design: Design, control: pd.Series) -> bool:
    """Return whether a control changes within some council: otherwise council effects absorb it."""
    return bool((control.groupby(design.full["council_code"]).nunique() > 1).any())


def _grid(panel: PathPanel, design: Design, values: pd.Series) -> FloatArray:
    """Return a column beside the rows of ``design.full`` on the panel's grid, NaN elsewhere."""
    grid = np.full(panel.outcome.shape, np.nan)
    unit = np.searchsorted(panel.units.astype(str), design.full["council_code"].astype(str))
    grid[unit, np.searchsorted(panel.periods, design.full["period"])] = values.to_numpy(dtype=float)
    return grid


def normal_scores(ratio: FloatArray, df: FloatArray | IntArray) -> FloatArray:
    """Return normal scores with the p-values of t statistics; the normal's where df is infinite."""
    tail = stats.t.sf(np.abs(ratio), df)
    return np.asarray(np.sign(ratio) * stats.norm.isf(np.maximum(tail, 1e-300)))


def _other(design: Design, item: Item) -> Answer:
    """Fit one specification through the door, with analytic inference."""
    try:
        fitted = fit_design(design, item.estimator)
    except EstimationError as error:
        return Answer(item, reason=error.reasons)
    if item.estimator == "group_time":
        fitted = fitted.aggregate(headline_kind(design))
    parts = (fitted.point, fitted.std_error, fitted.conf_low, fitted.conf_high, fitted.p_value)
    effect = tuple(float(part[0]) for part in parts)
    if not np.isfinite(effect[:2]).all():
        return Answer(item, reason="no standard error: too few councils vary")
    df = np.inf if fitted.df is None else fitted.df
    counts = (fitted.n_obs, fitted.n_units, fitted.n_treated_units, fitted.n_clusters)
    score = float(normal_scores(np.array(effect[0] / effect[1]), np.array(df)))
    return Answer(item, effect, counts, fitted.inference, None, score)


def _clustered(design: Design, cluster: str) -> Design:
    """Return a design whose errors are clustered by another column of its councils."""
    if cluster == COUNCIL:
        return design
    councils = design.councils.assign(cluster=design.councils[cluster].astype(str))
    by_code = councils.set_index("council_code")["cluster"]
    frames = {
        name: (rows := getattr(design, name)).assign(cluster=rows["council_code"].map(by_code))
        for name in ("frame", "group_time_frame")
    }
    return replace(design, councils=councils, **frames)


def headline_kind(design: Design) -> str:
    """Return how group-time cells are averaged: as the headline's, by group without one."""
    estimator, kind = design.headline
    return kind if estimator == "group_time" else "group"


def _permuted_group_time(job: Job, items: Sequence[Item]) -> dict[int, FloatArray]:
    """Return estimates and z of group-time effects under permuted paths, (2, R) by number."""
    design, panel = job.design, path_panel(job.design)
    shares = sorted({item.winsorise for item in items})
    problems = [
        path_problem(design, replace(panel, outcome=_winsorised_grid(job.design, panel, share)))
        for share in shares
    ]
    problem, codes = problems[0]
    drawn = _draw(job, panel, codes)
    cells = problem.cells
    every = averages(headline_kind(design), cells.group, cells.period, cells.path)
    ways = {name: _cluster_codes(design, name) for name in {item.cluster for item in items}}
    changes = [one.difference for one, _ in problems]
    found = {item.number: np.full((2, job.draws), np.nan) for item in items}
    alone = replace(problem, cluster=np.arange(codes.size))
    for part, estimates, influence in solve_batch(
        alone, drawn, pick(every, np.array([0])), changes
    ):
        for item in items:
            place = shares.index(item.winsorise)
            sums = _sum_clusters(influence[place][:, 0], ways[item.cluster])
            error = np.sqrt((sums**2).sum(axis=-1)) / codes.size
            point = estimates[place][:, 0]
            found[item.number][0, part] = point
            safe = np.where(error > 0, error, np.nan)
            found[item.number][1, part] = point / safe
    return {number: values.astype(np.float32) for number, values in found.items()}


def _winsorised_grid(design: Design, panel: PathPanel, share: float) -> FloatArray:
    grid = _grid(panel, design, winsorised(design, share).full["value"])
    return np.where(panel.observed, grid, 0.0)


def _sum_clusters(values: FloatArray, codes: IntArray) -> FloatArray:
    """Return the sums of values (r, N) within clusters (r, G)."""
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.asarray(np.add.reduceat(values[:, order], first, axis=1))


def _column(cluster: str) -> str:
    """Return the column of a design's councils that holds a way to cluster."""
    return "cluster" if cluster == COUNCIL else cluster


def _cluster_codes(design: Design, cluster: str) -> IntArray:
    """Return the codes of councils, sorted, under a way to cluster."""
    column = design.councils.sort_values("council_code")[_column(cluster)].astype(str)
    return np.unique(column, return_inverse=True)[1].astype(np.int64)
