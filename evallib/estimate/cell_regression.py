"""Regressions with an effect for each cohort and period, and averages of these cells.

``sun_abraham`` and ``etwfe`` are both this regression; they differ in which cells stand in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.errors import EmptyCellWarning, EstimationError, EvallibWarning, Fault, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.event_study import leave_out_always_exposed
from evallib.estimate.intake import Sample, keep_units
from evallib.estimate.regression import absorbed, prepare
from evallib.estimate.regression_options import RegressionOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray
from evallib.estimate.two_way import describe, finish, fit_regression, trim


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a regression.

    Parameters
    ----------
    group, event : arrays, shape (C,)
        First exposed period of each cell's cohort, and periods since then.
    size : array, shape (C,)
        Sum of the weights of the cell's rows.
    rows, treated : integer arrays, shape (C,)
        Rows and units of the cell.
    dummies : array, shape (C, N, T)
    """

    group: FloatArray
    event: FloatArray
    size: FloatArray
    rows: FloatArray
    treated: FloatArray
    dummies: FloatArray


@dataclass(frozen=True, slots=True)
class Wish:
    """What an estimator wants of its cells.

    Parameters
    ----------
    name, estimand : str
    reference : int
        The event time that every cohort is measured against.
    has_leads : bool
        Whether event times before the reference are cells too. Without them all rows before
        exposure are comparison.
    references : tuple of str
    """

    name: str
    estimand: str
    reference: int
    has_leads: bool
    references: tuple[str, ...]


def fit_cells(sample: Sample, options: RegressionOptions, wish: Wish, notes: Notes) -> Estimate:
    """Return averages of cells by size: all after exposure, by event time, by cohort; and cells.

    Raises
    ------
    EstimationError
        When no unit is exposed, or when no cell can be estimated.

    Warns
    -----
    AlreadyTreatedWarning, EmptyCellWarning, EvallibWarning, SingletonWarning, FewClustersWarning,
    ThinDesignWarning
    """
    sample = _with_comparison(leave_out_always_exposed(sample, notes), wish, notes)
    sample = _with_reference(sample, wish, notes)
    sample, weight, dropped = trim(sample, options, notes)
    grid = _identified(sample, weight, _list_cells(sample, weight, wish), wish, notes)
    regressors = np.concatenate([grid.dummies, sample.covariates])
    cells = tuple(
        f"group={g:g},time={g + e:g}" for g, e in zip(grid.group, grid.event, strict=True)
    )
    rows, terms, event_time, treated = _averages(grid, cells, wish, options.covariates)
    fitted = fit_regression(
        sample,
        weight,
        regressors,
        (*cells, *options.covariates),
        options,
        dropped,
        notes,
        rows,
        is_checked=not options.covariates,
    )
    estimate = describe(
        fitted,
        wish.name,
        wish.estimand,
        terms,
        event_time,
        treated,
        int(treated[0]),
        options,
        wish.references,
    )
    after = sample.periods[None, :] >= sample.cohort[:, None]
    estimate = replace(
        estimate, details={**estimate.details, "reference": wish.reference, "cells": len(cells)}
    )
    return finish(estimate, fitted, sample, after & (weight > 0), notes)


def _with_comparison(sample: Sample, wish: Wish, notes: Notes) -> Sample:
    """Return the sample with a comparison group that is never exposed in it.

    Without never-exposed units the last cohort is it, and the periods from its exposure on go. A
    regression without leads compares with whoever is not yet exposed, and needs the same cut.
    """
    never = np.isinf(sample.cohort)
    if never.all():
        what = "no unit is exposed"
        raise EstimationError([Fault("exposure", what, "", "Check cohorts and periods")])
    if never.any():
        return sample
    last = sample.cohort.max()
    keep = sample.periods < last
    members = sample.cohort == last
    if members.all():
        what = "all units are exposed at once, and none never"
        remedy = "Add units that are exposed later or never"
        raise EstimationError([Fault("exposure", what, "", remedy)])
    text = (
        f"No unit is never exposed: the last cohort ({last:g}, {int(members.sum())} units) is the "
        f"comparison group, and periods from {last:g} on are left out."
    )
    notes.warn(EvallibWarning, text)
    return replace(
        sample,
        outcome=sample.outcome[:, keep],
        observed=sample.observed[:, keep],
        periods=sample.periods[keep],
        weight=sample.weight[:, keep],
        treatment=sample.treatment[:, keep],
        cluster=sample.cluster[:, keep],
        second=None if sample.second is None else sample.second[:, keep],
        covariates=sample.covariates[:, :, keep],
        cohort=np.where(members, np.inf, sample.cohort),
    )


def _with_reference(sample: Sample, wish: Wish, notes: Notes) -> Sample:
    """Return the sample without cohorts that have no row to be measured against."""
    event = sample.periods[None, :] - sample.cohort[:, None]
    there = sample.weight > 0
    base = there & ((event == wish.reference) if wish.has_leads else (event <= wish.reference))
    starts = np.unique(sample.cohort[np.isfinite(sample.cohort)])
    without = [g for g in starts if not base[sample.cohort == g].any()]
    if not without:
        return sample
    if len(without) == len(starts):
        what = f"no cohort has a row at event time {wish.reference}"
        raise EstimationError([Fault("exposure", what, "", "Choose another reference")])
    text = (
        f"{len(without)} cohorts have no row at event time {wish.reference} and are left out: "
        f"{first_five([f'{g:g}' for g in without])}."
    )
    notes.warn(EmptyCellWarning, text)
    return keep_units(sample, ~np.isin(sample.cohort, without))


def _list_cells(sample: Sample, weight: FloatArray, wish: Wish) -> Grid:
    """Return the cells that the wish asks for and that have rows."""
    there = weight > 0
    group, event, dummies = [], [], []
    for start in np.unique(sample.cohort[np.isfinite(sample.cohort) & there.any(axis=1)]):
        member = (sample.cohort == start)[:, None]
        for place, period in enumerate(sample.periods):
            since = period - start
            wanted = since != wish.reference and (wish.has_leads or since > wish.reference)
            column = np.zeros(weight.shape)
            column[:, place] = (member[:, 0] & there[:, place]).astype(float)
            if wanted and column.any():
                group.append(start)
                event.append(since)
                dummies.append(column)
    if not dummies:
        what = "no exposed row can be compared with one before exposure"
        raise EstimationError([Fault("exposure", what, "", "Check cohorts and periods")])
    grid = np.array(dummies)
    return Grid(
        np.array(group),
        np.array(event),
        grid.reshape(len(grid), -1) @ weight.ravel(),
        grid.sum(axis=(1, 2)),
        grid.any(axis=2).sum(axis=1).astype(float),
        grid,
    )


def _identified(sample: Sample, weight: FloatArray, grid: Grid, wish: Wish, notes: Notes) -> Grid:
    """Return the cells that the effects do not explain; the others go with a warning."""
    problem = prepare(sample.outcome, weight, sample.cluster)
    order = np.argsort(np.abs(grid.event - wish.reference), kind="stable")
    gone = np.zeros(grid.group.size, dtype=bool)
    gone[order] = absorbed(problem, grid.dummies[order])
    if not gone.any():
        kept = grid
    else:
        names = [
            f"group={g:g},time={g + e:g}"
            for g, e in zip(grid.group[gone], grid.event[gone], strict=True)
        ]
        text = f"{len(names)} cells cannot be told from the effects: {first_five(names)}."
        lost = grid.event[gone] >= 0
        if lost.any():
            remedy = "Choose another reference, or leave out units with gaps around it"
            raise EstimationError([Fault(wish.name, text[:-1], "", remedy)])
        notes.warn(EmptyCellWarning, text)
        held = ~gone
        kept = Grid(
            grid.group[held],
            grid.event[held],
            grid.size[held],
            grid.rows[held],
            grid.treated[held],
            grid.dummies[held],
        )
    if not (kept.event >= 0).any():
        what = "no cell lies at or after first exposure"
        raise EstimationError([Fault("exposure", what, "", "Check cohorts and periods")])
    return kept


def _averages(
    grid: Grid, cells: tuple[str, ...], wish: Wish, covariates: tuple[str, ...]
) -> tuple[FloatArray, tuple[str, ...], FloatArray, FloatArray]:
    """Return terms as weights over coefficients, names, event times and treated units."""
    after, extra = grid.event >= 0, len(covariates)
    picks: list[tuple[str, BoolArray, float]] = [("att", after, np.nan)]
    for e in np.unique([*grid.event, wish.reference]):
        picks.append((f"event_time={e:g}", grid.event == e, float(e)))
    for g in np.unique(grid.group[after]):
        picks.append((f"group={g:g}", after & (grid.group == g), np.nan))
    for place, name in enumerate(cells):
        picks.append((name, np.arange(len(cells)) == place, float(grid.event[place])))
    rows = np.zeros((len(picks) + extra, len(cells) + extra))
    treated = np.zeros(len(picks) + extra)
    for k, (_, chosen, _) in enumerate(picks):
        total = grid.size[chosen].sum()
        if total > 0:
            rows[k, : len(cells)] = np.where(chosen, grid.size, 0.0) / total
        units = [grid.treated[chosen & (grid.group == g)].max(initial=0) for g in set(grid.group)]
        treated[k] = sum(units)
    rows[len(picks) :, len(cells) :] = np.eye(extra)
    treated[len(picks) :] = treated[0]
    names = (*(name for name, _, _ in picks), *covariates)
    event_time = np.array([*(e for _, _, e in picks), *[np.nan] * extra])
    return rows, names, event_time, treated
