"""All specifications of one sample: estimates, and their draws under permuted adoption paths."""

from __future__ import annotations

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
from evallib.inference.fitting import fit_design
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
CLUSTERS = {"council": "cluster", "region": "region", "council_type": "council_type"}
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
        'council', 'region' or 'council_type'.
    """

    number: int
    estimator: str
    winsorise: float
    covariates: tuple[str, ...]
    cluster: str


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


def solve_job(job: Job) -> list[Answer]:
    """Return the answers of a job's specifications."""
    two_way = [item for item in job.items if item.estimator == "twfe"]
    others = [item for item in job.items if item.estimator != "twfe"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        answers = _two_way(job, two_way) if two_way else []
        return answers + [_other(job, item) for item in others]


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


def _refusal(job: Job, item: Item, counts: dict[str, int]) -> str:
    """Return why the sample is too thin for a specification; empty where it is not."""
    design = job.design
    try:
        require_treated(design.n_treated, design.outcome, item.estimator, design.few_treated)
    except EstimationError as error:
        return "; ".join(fault.what for fault in error.faults)
    if item.cluster != "council" and counts[item.cluster] < FEWEST_CLUSTERS:
        return FEW.format(counts[item.cluster], item.cluster.replace("_", " "))
    return ""


def _cluster_counts(design: Design) -> dict[str, int]:
    return {name: int(design.councils[column].nunique()) for name, column in CLUSTERS.items()}


def _two_way(job: Job, items: Sequence[Item]) -> list[Answer]:
    """Solve all two-way specifications from one set of columns."""
    design, counts = job.design, _cluster_counts(job.design)
    refused = {item.number: _refusal(job, item, counts) for item in items}
    asked = [item for item in items if not refused[item.number]]
    answers = [Answer(item, reason=refused[item.number]) for item in items if refused[item.number]]
    if not asked:
        return answers
    panel = path_panel(design)
    shares = sorted({item.winsorise for item in asked})
    names = [name for name in job.controls if _varies(design, job.controls[name])]
    series = [winsorised(design, share).full["value"] for share in shares]
    grids = [
        _grid(panel, design, values) for values in [*series, *(job.controls[n] for n in names)]
    ]
    ways = [design.councils.sort_values("council_code")[column] for column in CLUSTERS.values()]
    columns = PathColumns(
        np.array([np.full(panel.outcome.shape, np.nan), *grids]),
        panel.weight,
        np.array([np.unique(way.astype(str), return_inverse=True)[1] for way in ways]),
        path_after(panel.paths, panel.periods).astype(float),
        path_rows(panel.paths, panel.periods, design.anticipation),
    )
    first = 1 + len(shares)
    wanted = [
        Specification(
            1 + shares.index(item.winsorise),
            EXPOSURE,
            tuple(first + names.index(name) for name in item.covariates if name in names),
            list(CLUSTERS).index(item.cluster),
        )
        for item in asked
    ]
    found = solve_specifications(columns.on_paths(panel.codes), wanted)
    drawn = np.zeros((2, job.draws, len(asked)))
    if job.draws:
        drawn = permute_specifications(columns, wanted, _draw(job, panel, panel.codes))
        here = permute_specifications(columns, wanted, panel.codes[None])
        # Draws take the small-sample factor of the real assignment.
        ratio = drawn[0] / drawn[1] * (here[1, 0] / found.std_error)
        drawn[1] = normal_scores(ratio, found.df)
    for s, item in enumerate(asked):
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


def _other(job: Job, item: Item) -> Answer:
    """Fit one specification through the door, with analytic inference."""
    reason = _refusal(job, item, _cluster_counts(job.design))
    if reason:
        return Answer(item, reason=reason)
    design = winsorised(_clustered(job.design, item.cluster), item.winsorise)
    try:
        fitted = fit_design(design, item.estimator)
    except EstimationError as error:
        return Answer(item, reason="; ".join(fault.what for fault in error.faults))
    if item.estimator == "group_time":
        fitted = fitted.aggregate(headline_kind(design))
    parts = (fitted.point, fitted.std_error, fitted.conf_low, fitted.conf_high, fitted.p_value)
    effect = tuple(float(part[0]) for part in parts)
    if not np.isfinite(effect[:2]).all():
        return Answer(item, reason="no standard error: too few councils vary")
    df = np.inf if fitted.df is None else fitted.df
    counts = (fitted.n_obs, fitted.n_units, fitted.n_treated_units, fitted.n_clusters)
    drawn = None
    if job.draws and item.estimator == "group_time" and not design.covariates:
        drawn = _permuted_group_time(job, design)
    score = float(normal_scores(np.array(effect[0] / effect[1]), np.array(df)))
    return Answer(item, effect, counts, fitted.inference, drawn, score)


def _clustered(design: Design, cluster: str) -> Design:
    """Return a design whose errors are clustered by another column of its councils."""
    if cluster == "council":
        return design
    councils = design.councils.assign(cluster=design.councils[CLUSTERS[cluster]].astype(str))
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


def _permuted_group_time(job: Job, design: Design) -> FloatArray:
    """Return estimates and z of group-time effects under permuted paths, (2, R)."""
    problem, codes = path_problem(design, path_panel(design))
    drawn = _draw(job, path_panel(job.design), codes)
    cells = problem.cells
    every = averages(headline_kind(design), cells.group, cells.period, cells.path)
    found = np.full((2, job.draws), np.nan)
    for part, (estimate,), (sums,) in solve_batch(problem, drawn, pick(every, np.array([0]))):
        error = np.sqrt((sums[:, 0] ** 2).sum(axis=-1)) / problem.outcome.shape[0]
        found[0, part] = estimate[:, 0]
        found[1, part] = np.where(error > 0, found[0, part] / np.where(error > 0, error, 1), np.nan)
    return found.astype(np.float32)
