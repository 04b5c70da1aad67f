"""What a group-time fit says of cells that cannot be estimated, and of covariates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evallib.errors import (
    CollinearCellWarning,
    EmptyCellWarning,
    EstimationError,
    Fault,
    OverlapWarning,
    first_five,
)
from evallib.estimate.columns import Notes
from evallib.estimate.group_time import Problem, Solution
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.two_by_two import (
    COLLINEAR,
    COLLINEARITY,
    NO_UNITS,
    NOT_CONVERGED,
    OVERLAP,
    OVERLAP_LIMIT,
    TRIM,
)

REMEDY = "Use fewer or coarser covariates, method='reg', or another comparison group"


def require_distinct(covariates: FloatArray, observed: BoolArray, names: Sequence[str]) -> None:
    """Refuse covariates that never vary or that follow from the ones before them.

    Parameters
    ----------
    covariates : array, shape (k, N, T)
    observed : boolean array, shape (N, T)
    names : sequence of str

    Raises
    ------
    EstimationError
        With one fault a covariate.
    """
    faults = []
    rest: list[FloatArray] = []
    for name, grid in zip(names, covariates, strict=True):
        values = grid[observed] if not observed.all() else grid.reshape(-1)
        left = values - values.mean()
        size = float(np.sqrt((left**2).mean()))
        if size <= 1e-12 * float(np.abs(values).max(initial=0.0)):
            what = "it has one value in all rows"
            faults.append(Fault(f"covariate {name!r}", what, "", "Leave it out"))
            continue
        left = left / size
        for basis in rest:
            left = left - basis * float((basis * left).mean())
        size = float(np.sqrt((left**2).mean()))
        if size**2 < COLLINEARITY:
            what = "it is a combination of the covariates before it"
            faults.append(Fault(f"covariate {name!r}", what, "", "Leave one of them out"))
            continue
        rest.append(left / size)
    if faults:
        raise EstimationError(faults)


def warn_cells(problem: Problem, solution: Solution, notes: Notes) -> None:
    """Warn of cells that are left out, by reason; refuse a sample with no other.

    Raises
    ------
    EstimationError
        When no cell from exposure on is left.

    Warns
    -----
    EmptyCellWarning, OverlapWarning, CollinearCellWarning
    """
    cells, valid, status = problem.cells, solution.valid, solution.status
    if not (valid & cells.is_post).any():
        raise EstimationError([_no_cell(status)])
    empty = status == NO_UNITS
    if np.isfinite(problem.paths.cohort).all():
        empty &= problem.control.any(axis=1)
    if empty.any():
        text = f"{_count(empty)} have no treated or no comparison units and are left out"
        notes.warn(EmptyCellWarning, f"{text}: {_list(problem, empty)}.")
    for reason, kind, words in (
        (
            OVERLAP,
            OverlapWarning,
            f"are left out: a propensity score reaches {OVERLAP_LIMIT}, so that some treated "
            "units have nobody to be compared with",
        ),
        (COLLINEAR, CollinearCellWarning, "are left out: covariates are collinear or constant "
                                          "among their units"),
        (NOT_CONVERGED, OverlapWarning, "are left out: the propensity score did not converge"),
    ):  # fmt: skip
        which = status == reason
        if which.any():
            text = f"{_count(which)} {words}: {_list(problem, which)}. {REMEDY}."
            notes.warn(kind, text)
    trimmed = valid & (solution.trimmed > 0)
    if trimmed.any():
        names = [
            f"({cells.group[c]:g}, {cells.period[c]}): {solution.trimmed[c]}"
            for c in np.flatnonzero(trimmed)
        ]
        text = (
            f"{_count(trimmed)} give no weight to comparison units with a propensity "
            f"score from {TRIM} on (cell: units): {first_five(names)}."
        )
        notes.warn(OverlapWarning, text)
    lost = [
        f"{start:g}"
        for path, start in enumerate(problem.paths.cohort)
        if problem.paths.is_treated[path] and not (valid & (cells.path == path)).any()
    ]
    if lost:
        notes.warn(EmptyCellWarning, f"Cohorts without any cell: {first_five(lost)}.")


def _no_cell(status: IntArray) -> Fault:
    """Return why there is no cell from exposure on."""
    where = "group_time"
    if (status == OVERLAP).any() or (status == NOT_CONVERGED).any():
        what = "covariates tell treated from comparison units almost perfectly in every cell"
        return Fault(where, what, "nobody is left to compare with", REMEDY)
    if (status == COLLINEAR).any():
        what = "covariates are collinear or constant among the units of every cell"
        remedy = "Leave out covariates that hardly differ between units of the same period"
        return Fault(where, what, "", remedy)
    what = "no cell has treated and comparison units observed in both of its periods"
    return Fault(where, what, "", "Check cohorts, periods and missing rows")


def _count(which: BoolArray) -> str:
    return f"{int(which.sum())} cells (cohort, period)"


def _list(problem: Problem, which: BoolArray) -> str:
    cells = problem.cells
    return first_five([f"({cells.group[c]:g}, {cells.period[c]})" for c in np.flatnonzero(which)])
