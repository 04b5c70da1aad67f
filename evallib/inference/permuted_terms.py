"""The terms of any estimator under permuted adoption paths: in batches, or by fitting again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from evallib.design import Design
from evallib.estimate import Estimate
from evallib.estimate.result import BoolArray, FloatArray, IntArray, Inversion
from evallib.estimate.two_way import Fit
from evallib.inference.fitting import usable_covariates
from evallib.inference.paths import PathPanel, path_panel
from evallib.inference.permutation import PermutationTest, studentise
from evallib.inference.permuted_cells import PermutedTerms
from evallib.inference.permuted_imputation import (
    PathImputation,
    path_terms,
    solve_imputations,
)
from evallib.inference.permuted_regression import (
    PathRegression,
    path_after,
    path_events,
    path_rows,
    solve_paths,
)
from evallib.inference.refits import Refit, permute_refits, refitter

# Estimators whose permuted draws are small algebra; the others are fitted again.
IMPUTED = ("imputation", "two_stage")
IN_BATCHES = ("twfe", "event_study", *IMPUTED)


@dataclass(frozen=True, slots=True)
class PathCase:
    """What an estimator needs to be solved under other adoption paths.

    Parameters
    ----------
    panel : PathPanel
    kept : boolean array, shape (P, T)
        The rows that a unit on each path keeps.
    used : tuple of int
        Which covariates of the panel it takes.
    slopes : tuple of str
        Terms that are slopes of covariates.
    window : tuple of int, optional
        The ends at which an event study pools event times.
    refit : callable
        Returns a function from paths to terms, estimates and standard errors.
    """

    panel: PathPanel
    kept: BoolArray
    used: tuple[int, ...]
    slopes: tuple[str, ...]
    window: tuple[int, int] | None
    refit: Callable[[], Refit]


def design_case(design: Design, name: str) -> PathCase:
    """Return a design's councils on their paths, with the rows that each path leaves out.

    Parameters
    ----------
    design : Design
    name : str
        An estimator other than group_time.
    """
    panel = path_panel(design)
    return PathCase(
        panel=panel,
        kept=path_rows(panel.paths, panel.periods, design.anticipation),
        used=tuple(design.covariates.index(column) for column in usable_covariates(design, name)),
        slopes=design.covariates,
        window=design.window if name == "event_study" else None,
        refit=partial(refitter, design, name, panel),
    )


def permute_terms(
    case: PathCase, fitted: Estimate, drawn: IntArray, *, in_batches: bool = True
) -> tuple[Inversion, PermutedTerms]:
    """Return the permutation test of an estimate's first term, and those of all terms.

    Parameters
    ----------
    case : PathCase
    fitted : Estimate
        Of the real assignment; of a two-way regression with what its fit kept.
    drawn : integer array, shape (R, N)
        Permuted paths.
    in_batches : bool
        Whether estimators in `IN_BATCHES` are solved so; unit trends cannot be.
    """
    if fitted.estimator not in IN_BATCHES or not in_batches:
        return permute_refits(case.refit(), fitted, drawn, case.slopes)
    panel = case.panel
    if fitted.estimator in IMPUTED:
        problem = PathImputation(
            outcome=panel.outcome,
            observed=panel.observed,
            covariates=panel.covariates[list(case.used)],
            cluster=panel.cluster,
            exposed=panel.exposed,
            kept=case.kept,
            after=path_after(panel.paths, panel.periods),
            terms=path_terms(panel.paths, panel.periods, fitted.terms),
            around_mean=fitted.estimator == "two_stage",
        )
        solve = partial(solve_imputations, problem)
        return permute_batch(solve, panel.codes, drawn, fitted.terms, fitted.event_time)
    return _permute_two_way(case, fitted, drawn)


def _permute_two_way(
    case: PathCase, fitted: Estimate, drawn: IntArray
) -> tuple[PermutationTest, PermutedTerms]:
    kept: Fit = fitted.details["fit"]
    panel, is_events = case.panel, fitted.estimator == "event_study"
    is_slope = np.isin(fitted.terms, case.slopes)
    live: BoolArray = np.asarray(kept.rows.any(axis=1) & ~is_slope)
    shown = None
    if is_events:
        shown = np.unique(fitted.event_time[live & ~np.isnan(fitted.event_time)])
    used = panel.covariates[list(case.used)]
    size = np.abs(used).max(axis=(1, 2), keepdims=True, initial=1e-300)
    problem = PathRegression(
        outcome=panel.outcome,
        weight=panel.weight,
        cluster=panel.cluster,
        regressors=path_events(panel.paths, panel.periods, shown, case.window),
        kept=case.kept,
        exposed=panel.exposed,
        rows=kept.rows[live],
        after=path_after(panel.paths, panel.periods) if is_events else None,
        covariates=used / size,
    )
    names = tuple(term for term, is_live in zip(fitted.terms, live, strict=True) if is_live)
    solve = partial(solve_paths, problem)
    return permute_batch(solve, panel.codes, drawn, names, fitted.event_time[live])


def permute_batch(
    solve: Callable[[IntArray], FloatArray],
    codes: IntArray,
    drawn: IntArray,
    terms: tuple[str, ...],
    event_time: FloatArray,
) -> tuple[PermutationTest, PermutedTerms]:
    """Return the permutation test of the first term, and those of all terms.

    Parameters
    ----------
    solve : callable
        From paths (R, N) to what `PermutationTest` takes of each term, (5, R, K).
    codes : integer array, shape (N,)
        The real paths.
    drawn : integer array, shape (R, N)
        Permuted paths.
    terms, event_time
        Names and event times of the K terms.
    """
    here, there = solve(codes[None]), solve(drawn)
    first = PermutationTest(here[:, 0, 0], there[:, :, 0])
    every = PermutedTerms(terms, event_time, studentise(here, 0.0)[0], studentise(there, 0.0))
    return first, every
