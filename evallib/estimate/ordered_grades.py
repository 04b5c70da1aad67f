"""Grades and their frameworks, read from a user's frame as positions on a ladder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, EvallibWarning, Fault, first_five
from evallib.estimate.columns import Notes, read_labels, read_numbers
from evallib.estimate.intake import Sample
from evallib.estimate.ordered_options import GradeOptions
from evallib.estimate.result import FloatArray, IntArray

FRAMEWORK = "framework"
GOOD = ("Good", "3")
MOST_GRADES = 50


@dataclass(frozen=True, slots=True)
class Ladder:
    """The grades of a frame in their order, and its frameworks.

    Parameters
    ----------
    labels : tuple of str
        From the lowest grade to the highest; ordered categories that no row has included.
    frameworks : tuple of str
        Empty where no column of frameworks was named.
    good : int
        Position of the lowest grade that counts as good; -1 where the ladder has no such grade.
    """

    labels: tuple[str, ...]
    frameworks: tuple[str, ...] = ()
    good: int = -1


@dataclass(frozen=True, slots=True)
class GradedRows:
    """The rows of a sample in one line each.

    Parameters
    ----------
    unit, period, cluster : integer arrays, shape (n,)
        Places on the sample's grid, and codes of clusters from 0.
    grade, framework : integer arrays, shape (n,)
        Positions on the ladder, and codes of frameworks from 0.
    weight, treatment : arrays, shape (n,)
    covariates : array, shape (k, n)
    frameworks : tuple of str
        What the codes stand for; empty where no column was named.
    """

    unit: IntArray
    period: IntArray
    cluster: IntArray
    grade: IntArray
    framework: IntArray
    weight: FloatArray
    treatment: FloatArray
    covariates: FloatArray
    frameworks: tuple[str, ...]


def read_grades(
    frame: pd.DataFrame, outcome: str, options: GradeOptions
) -> tuple[pd.DataFrame, Ladder, list[Fault]]:
    """Return the frame with grades and frameworks as numbers, the ladder, and what is wrong.

    Parameters
    ----------
    frame : DataFrame
        Is not changed.
    outcome : str
        A column of whole numbers, higher being better, or of ordered categories.
    options : GradeOptions
    """
    faults: list[Fault] = []
    given = [outcome] if options.framework is None else [outcome, options.framework]
    if not isinstance(frame, pd.DataFrame) or not set(given) <= set(frame.columns):
        return frame, Ladder(()), faults
    if not frame.columns.is_unique or frame.empty:
        return frame, Ladder(()), faults
    faults += _mixed_frameworks(frame, options)
    positions, labels = _positions(frame[outcome], outcome, faults)
    columns = {outcome: positions}
    frameworks: tuple[str, ...] = ()
    if options.framework is not None:
        codes, found = read_labels(frame[options.framework], options.framework, faults)
        columns[options.framework] = codes.astype(float)
        frameworks = tuple(str(name) for name in found)
    good = -1
    if not faults:
        good = _good_place(options.good, labels, faults)
    return frame.assign(**columns), Ladder(labels, frameworks, good), faults


def _mixed_frameworks(frame: pd.DataFrame, options: GradeOptions) -> list[Fault]:
    """Refuse rows of several frameworks that the call does not tell apart."""
    if options.framework is not None or FRAMEWORK not in frame.columns:
        return []
    names = sorted(str(name) for name in frame[FRAMEWORK].dropna().unique())
    if len(names) < 2:
        return []
    what = f"the rows come from {len(names)} frameworks: {first_five(names)}"
    why = "the same word is not the same grade in another framework"
    remedy = f"Keep the rows of one, or name the column with framework={FRAMEWORK!r}"
    return [Fault(f"column {FRAMEWORK!r}", what, why, remedy)]


def _positions(
    column: pd.Series, name: str, faults: list[Fault]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return positions from 0 (NaN: missing; zeros where they have no order) and labels."""
    nothing = np.zeros(len(column))
    where = f"column {name!r}"
    remedy = "Use pd.Categorical(..., categories=[lowest, ..., highest], ordered=True), or numbers"
    if isinstance(column.dtype, pd.CategoricalDtype):
        if not column.cat.ordered:
            what = "its categories have no order"
            faults.append(Fault(where, what, "a grade is a place in an order", remedy))
            return nothing, ()
        codes = column.cat.codes.to_numpy().astype(float)
        labels = tuple(str(label) for label in column.cat.categories)
        return np.where(codes < 0, np.nan, codes), labels
    if not pd.api.types.is_numeric_dtype(column.dtype):
        words = first_five(sorted({str(word) for word in column.dropna()}))
        what = f"grades are text: {words}"
        why = "the alphabet is not their order"
        faults.append(Fault(where, what, why, remedy))
        return nothing, ()
    before = len(faults)
    values = read_numbers(column, name, faults)
    if len(faults) > before:
        return nothing, ()
    odd = values[~np.isnan(values) & (values != np.round(values))]
    if odd.size:
        what = f"{odd.size} grades are not whole numbers: {first_five(odd.tolist())}"
        faults.append(Fault(where, what, "", "Give places on a ladder: 1, 2, 3, 4"))
        return nothing, ()
    if np.isnan(values).all():
        return values, ()
    low, high = int(np.nanmin(values)), int(np.nanmax(values))
    if high - low >= MOST_GRADES:
        what = f"its values reach from {low} to {high}"
        remedy = f"Give places on a ladder of at most {MOST_GRADES} grades"
        faults.append(Fault(where, what, "these are no grades", remedy))
        return nothing, ()
    return values - low, tuple(str(level) for level in range(low, high + 1))


def _good_place(
    good: str | int | float | None, labels: tuple[str, ...], faults: list[Fault]
) -> int:
    """Return the position of the lowest good grade; a grade that was named must be there."""
    if good is None:
        return next((labels.index(word) for word in GOOD if word in labels), -1)
    word = good if isinstance(good, str) else f"{good:g}"
    if word in labels:
        return labels.index(word)
    what = f"{good!r} is none of the grades"
    faults.append(Fault("option 'good'", what, "", f"Use one of {', '.join(labels)}"))
    return -1


def take_rows(sample: Sample, ladder: Ladder, notes: Notes) -> GradedRows:
    """Return a sample's rows without frameworks that have one grade only.

    Parameters
    ----------
    sample : Sample
        With positions as outcome and, where frameworks were named, their codes as last covariate.
    ladder : Ladder
    notes : Notes

    Raises
    ------
    EstimationError
        Where no framework has two grades.

    Warns
    -----
    EvallibWarning
        Of frameworks that are left out, and grades that nobody was given.
    """
    unit, period = np.nonzero(sample.observed)
    grade = sample.outcome[unit, period].astype(np.int64)
    covariates = sample.covariates[:, unit, period]
    framework = np.zeros(grade.size, dtype=np.int64)
    if ladder.frameworks:
        framework, covariates = covariates[-1].astype(np.int64), covariates[:-1]
    keep = np.ones(grade.size, dtype=bool)
    for code, name in enumerate(ladder.frameworks):
        here = framework == code
        if here.any() and np.unique(grade[here]).size < 2:
            word = ladder.labels[grade[here][0]]
            text = f"{here.sum()} rows of {name!r} are left out: every grade there is {word!r}."
            notes.warn(EvallibWarning, text)
            keep &= ~here
    never = sorted(set(range(len(ladder.labels))) - set(grade.tolist()))
    if never:
        shown = first_five([repr(ladder.labels[at]) for at in never])
        text = f"No row has the grade {shown}: nothing is said of how likely it is."
        notes.warn(EvallibWarning, text)
    if not ladder.frameworks and np.unique(grade).size < 2:
        keep[:] = False
    if not keep.any():
        what = "every row has the same grade"
        raise EstimationError([Fault("outcome", what, "", "Give rows of two grades or more")])
    kept = np.flatnonzero(keep)
    codes, place = np.unique(framework[kept], return_inverse=True)
    return GradedRows(
        unit=unit[kept],
        period=period[kept],
        cluster=np.unique(sample.cluster[unit, period][kept], return_inverse=True)[1],
        grade=grade[kept],
        framework=place,
        weight=sample.weight[unit, period][kept],
        treatment=sample.treatment[unit, period][kept],
        covariates=covariates[:, kept],
        frameworks=tuple(ladder.frameworks[code] for code in codes) if ladder.frameworks else (),
    )


def threshold_names(rows: GradedRows, ladder: Ladder) -> tuple[str, ...]:
    """Return names such as '1|2', or 'sif: 1|2' where there are several frameworks."""
    names: list[str] = []
    for code in range(int(rows.framework.max()) + 1):
        found = np.unique(rows.grade[rows.framework == code])
        of = f"{rows.frameworks[code]}: " if len(rows.frameworks) > 1 else ""
        words = [ladder.labels[at] for at in found]
        names += [f"{of}{low}|{high}" for low, high in zip(words, words[1:], strict=False)]
    return tuple(names)
