"""One checked sample from any tidy frame: everything is looked at once, at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evallib.errors import (
    EstimationError,
    EvallibWarning,
    Fault,
    did_you_mean,
    first_five,
)
from evallib.estimate.adoption import read_adoption, warn_inexact
from evallib.estimate.columns import (
    Notes,
    read_cohorts,
    read_exposure,
    read_labels,
    read_numbers,
    read_periods,
    read_weights,
    require_constant,
)
from evallib.estimate.grid import dense_codes, find_repeats
from evallib.estimate.paths import settle_ends
from evallib.estimate.result import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Sample:
    """A checked panel as arrays on a grid of units and periods.

    Parameters
    ----------
    outcome : array, shape (N, T)
        0 where ``observed`` is False.
    observed : boolean array, shape (N, T)
    units : array, shape (N,)
        Labels, sorted.
    periods : integer array, shape (T,), sorted
    cohort : array, shape (N,)
        First treated period; infinity is never treated.
    treatment : array, shape (N, T)
        1 where exposed and observed, 0 elsewhere.
    weight : array, shape (N, T)
        1 without weights; 0 where not observed.
    cluster : integer array, shape (N, T)
        Codes from 0; -1 where not observed.
    covariates : array, shape (k, N, T)
    is_absorbing : bool
        Whether no exposure ends again.
    second : integer array, shape (N, T), or None
        Codes of the second dimension of two-way clusters, as ``cluster``.
    has_exposure : bool
        Whether cohorts or treatment were named.
    unit_column : str
        The frame's column of units.
    state : array, shape (N, T), or None
        For estimators of exposure that ends: 1 where exposed, 0 where not, NaN where no row says
        so. Rows without an outcome count, and so do periods in which nobody has one.
    """

    outcome: FloatArray
    observed: BoolArray
    units: np.ndarray[tuple[int], np.dtype[np.object_]]
    periods: IntArray
    cohort: FloatArray
    treatment: FloatArray
    weight: FloatArray
    cluster: IntArray
    covariates: FloatArray
    is_absorbing: bool = True
    second: IntArray | None = None
    has_exposure: bool = True
    state: FloatArray | None = None
    unit_column: str = ""

    @property
    def unit_cluster(self) -> IntArray | None:
        """The cluster of each unit, or None where a unit lies in several."""
        top = self.cluster.max(axis=1)
        same = (self.cluster == top[:, None]) | ~self.observed
        return np.asarray(top) if bool(same.all()) else None


def keep_units(sample: Sample, keep: BoolArray) -> Sample:
    """Return a sample of some of its units, shape (N,), with all of its periods."""
    return replace(
        sample,
        outcome=sample.outcome[keep],
        observed=sample.observed[keep],
        units=sample.units[keep],
        cohort=sample.cohort[keep],
        treatment=sample.treatment[keep],
        weight=sample.weight[keep],
        cluster=sample.cluster[keep],
        covariates=sample.covariates[:, keep],
        second=None if sample.second is None else sample.second[keep],
        state=None if sample.state is None else sample.state[keep],
    )


def take(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    cohort: str | None,
    treatment: str | None,
    weights: str | None,
    cluster: str | tuple[str, str] | None,
    covariates: Sequence[str],
    notes: Notes,
    needs_dates: bool = True,
    needs_exposure: bool = True,
    reads_paths: bool = False,
) -> Sample:
    """Check a frame and return it as a sample.

    Parameters
    ----------
    needs_dates : bool
        Whether the estimator counts from the first exposed period; twfe does not.
    needs_exposure : bool
        False for panel regressions, which covariates alone can make.
    reads_paths : bool
        Whether exposure may end, and be missing where it is not known.

    Raises
    ------
    EstimationError
        With every fault of the columns at once.

    Warns
    -----
    EvallibWarning
        When rows without an outcome or covariate are left out.
    CohortCodingWarning
        When 0 or infinity is read as never-treated.
    InexactAdoptionWarning
        When the frame has no row just before a unit's first one with treatment, and dates count.
    """
    clusters = (cluster,) if isinstance(cluster, str) else cluster or ()
    require_columns(
        frame,
        {
            "outcome": outcome,
            "unit": unit,
            "time": time,
            "cohort": cohort,
            "treatment": treatment,
            "weights": weights,
            **dict(zip(("cluster", "cluster[1]"), clusters, strict=False)),
            **{f"covariates[{place}]": name for place, name in enumerate(covariates)},
        },
        (cohort, treatment),
        needs_exposure=needs_exposure or not covariates,
    )
    faults: list[Fault] = []
    values = {
        name: read_numbers(frame[name], name, faults)
        for name in dict.fromkeys([outcome, *covariates])
    }
    times = read_periods(frame[time], time, faults)
    unit_codes, units = read_labels(frame[unit], unit, faults)
    weight = read_weights(frame, weights, faults)
    start = read_cohorts(frame, cohort, faults, notes) if cohort else None
    exposed = read_exposure(frame, treatment, faults, may_miss=reads_paths) if treatment else None
    groups = [
        unit_codes if name == unit else read_labels(frame[name], name, faults)[0]
        for name in clusters or (unit,)
    ]
    if faults:
        raise EstimationError(faults)

    twice = find_repeats(unit_codes, times)
    if twice.any():
        pairs = zip(unit_codes[twice], times[twice], strict=True)
        shown = [f"{units[u]} in {t}" for u, t in pairs]
        what = f"{int(twice.sum())} rows repeat a unit and period: {first_five(shown)}"
        faults.append(Fault(f"columns {unit!r} and {time!r}", what, "", "Keep one row of each"))
    for column, held in ((cohort, start),):
        if column and held is not None:
            faults.extend(require_constant(held, unit_codes, units, column))
    if faults:
        raise EstimationError(faults)

    is_absorbing = True
    if exposed is not None:
        start, is_absorbing = read_adoption(exposed, unit_codes, times)
        if needs_dates:
            warn_inexact(start, unit_codes, times, units, notes)
    elif start is None:
        start = np.full(len(frame), np.inf)
    keep = np.ones(len(frame), dtype=bool)
    state = None
    if treatment and exposed is not None and reads_paths:
        keep = settle_ends(exposed, unit_codes, times, units, treatment, notes)
        state = np.where(keep, exposed, np.nan)
    for name, held in values.items():
        missing = np.isnan(held) & keep
        if missing.any():
            text = f"{int(missing.sum())} rows without a value of {name!r} are left out."
            notes.warn(EvallibWarning, text)
            keep &= ~missing
    return _grid(
        has_exposure=cohort is not None or treatment is not None,
        unit_column=unit,
        keep=keep,
        unit_codes=unit_codes,
        units=units,
        times=times,
        y=values[outcome],
        start=start,
        exposed=(times >= start).astype(float) if exposed is None else exposed,
        state=state,
        is_absorbing=is_absorbing,
        weight=weight,
        groups=groups,
        covariates=np.array([values[name] for name in covariates]).reshape(-1, len(frame)),
    )


def require_columns(
    frame: pd.DataFrame,
    named: dict[str, str | None],
    exposure: tuple[str | None, str | None],
    *,
    needs_exposure: bool,
) -> None:
    """Refuse a frame that lacks a named column, and a call that names no exposure or two."""
    faults = []
    if not isinstance(frame, pd.DataFrame):
        kind = type(frame).__name__
        raise EstimationError([Fault("frame", f"{kind} is not a DataFrame", "", "Give a frame")])
    columns = list(frame.columns)
    for role, name in named.items():
        if name is not None and name not in columns:
            hint = did_you_mean(name, [str(column) for column in frame.columns])
            have = first_five(list(frame.columns))
            faults.append(
                Fault(f"{role}={name!r}", "no such column", "", f"The frame has {have}.{hint}")
            )
        elif name is not None and columns.count(name) > 1:
            faults.append(
                Fault(f"{role}={name!r}", "the frame has this column twice", "", "Keep one")
            )
    if exposure[0] is None and exposure[1] is None and needs_exposure:
        faults.append(
            Fault(
                "cohort= and treatment=",
                "neither is given",
                "only a panel regression can do without, and then needs covariates=[...]",
                "Name a column of first treated periods or a 0/1 column",
            )
        )
    if exposure[0] is not None and exposure[1] is not None:
        faults.append(Fault("cohort= and treatment=", "both are given", "", "Give one of them"))
    if faults:
        raise EstimationError(faults)
    if frame.empty:
        raise EstimationError([Fault("frame", "it has no rows", "", "Check what selected them")])


def _grid(
    *,
    has_exposure: bool,
    unit_column: str,
    keep: BoolArray,
    unit_codes: IntArray,
    units: np.ndarray[tuple[int], np.dtype[np.object_]],
    times: IntArray,
    y: FloatArray,
    start: FloatArray,
    exposed: FloatArray,
    state: FloatArray | None,
    is_absorbing: bool,
    weight: FloatArray,
    groups: Sequence[IntArray],
    covariates: FloatArray,
) -> Sample:
    """Return the kept rows on the grid of units and periods."""
    if not keep.any():
        what = "no row has an outcome"
        raise EstimationError([Fault("frame", what, "", "Check how the outcome was joined")])
    rows = slice(None) if keep.all() else keep
    used, u = np.arange(units.size), unit_codes
    if not keep.all():
        used, u = dense_codes(unit_codes[rows])
    # Where paths count, a period in which no outcome is known is one all the same.
    periods, every = dense_codes(times if state is not None else times[rows])
    t = every[rows] if state is not None else every
    shape = (used.size, periods.size)
    cells = u * periods.size + t
    is_sorted = cells.size == shape[0] * shape[1] and bool((np.diff(cells) == 1).all())
    at = slice(None) if is_sorted else cells

    def place(values: FloatArray) -> FloatArray:
        grid = np.zeros(shape[0] * shape[1])
        grid[at] = values[rows]
        return grid.reshape(shape)

    observed = np.zeros(shape, dtype=bool)
    observed.reshape(-1)[at] = True
    codes = np.full((len(groups), *shape), -1, dtype=np.int64)
    for place_of, held in zip(codes, groups, strict=True):
        place_of.reshape(-1)[at] = u if held is unit_codes else dense_codes(held[rows])[1]
    cohort = np.full(used.size, np.inf)
    cohort[u] = start[rows]
    paths = None
    if state is not None:
        paths = np.full((int(unit_codes.max()) + 1, periods.size), np.nan)
        paths[unit_codes, every] = state
        paths = paths[used]
    return Sample(
        outcome=place(y),
        observed=observed,
        units=units[used],
        periods=periods.astype(np.int64),
        cohort=cohort,
        treatment=place(exposed),
        weight=place(weight),
        cluster=codes[0],
        second=codes[1] if len(codes) == 2 else None,
        covariates=(
            np.stack([place(values) for values in covariates])
            if len(covariates)
            else np.zeros((0, *shape))
        ),
        is_absorbing=is_absorbing,
        has_exposure=has_exposure,
        state=paths,
        unit_column=unit_column,
    )
