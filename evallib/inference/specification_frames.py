"""Every specification of a tidy frame: forms, samples, controls and rules given by column."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evallib.design import Design
from evallib.design.rows import after_own_event, estimation_rows, is_event_year, with_arms
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate.columns import Notes, read_labels
from evallib.estimate.intake import Sample, take
from evallib.inference.option_faults import level_faults, number_faults
from evallib.inference.specification_columns import ALL, as_value, read_alternatives
from evallib.inference.specification_jobs import COUNCIL, Item, Job, two_way_controls
from evallib.inference.specification_results import Choices, Curve, Wanted, make_curve
from evallib.inference.specification_samples import cross
from evallib.plan.deviations import NOT_LOCKED

OF_THE_SAMPLE = (
    *("outcome", "cohort", "sample", "years", "comparison", "anticipation", "event_window"),
)
OWN_COLUMN = "column {}"  # beside the columns that every design has


@dataclass(frozen=True, slots=True)
class _Asked:
    """A frame with the columns and values of its own specification, by choice."""

    frame: pd.DataFrame
    unit: str
    time: str
    own: Mapping[str, Any]
    strata: str | None
    level: float
    draws: int
    seed: int
    codes: Mapping[Hashable, str]
    clusters: tuple[str, ...]


def frame_curve(
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    cohort: str,
    alternatives: Mapping[str, Sequence[Any]],
    estimator: str = "group_time",
    covariates: Sequence[str] = (),
    comparison: str = "not_yet_treated",
    anticipation: int = 0,
    event_window: tuple[int, int] = (-5, 5),
    strata: str | None = None,
    meaningful_change: float = float("nan"),
    level: float = 0.95,
    draws: int = 499,
    seed: int = 0,
) -> Curve:
    """Estimate every combination of the choices of a tidy frame, and test them together.

    As for a plan: see `evallib.specification_curve`. Units without a row before the period that
    changes are counted from are left out.

    Parameters
    ----------
    frame : DataFrame
        A row a unit and period.
    outcome, unit, time, cohort : str
        Columns; the cohort is the first treated period, missing for never.
    alternatives : mapping of str to sequence
        Other values by choice: ``outcome`` and ``cohort`` (columns: forms of the outcome, rules or
        registers of exposure), ``sample`` (columns of 0 and 1: the rows that are kept), ``years``
        (pairs of periods), ``covariates`` (lists of columns), ``cluster`` (columns that do not
        change within units), and ``estimator``, ``winsorise``, ``comparison``, ``anticipation``
        and ``event_window`` as in a plan's ``specifications``.
    estimator, covariates, comparison, anticipation, event_window
        The own value of each.
    strata : str, optional
        Column within whose values paths are permuted; all units together when left out.
    meaningful_change, level : float
    draws, seed : int

    Returns
    -------
    Curve
        Every combination is a row, also where nothing could be estimated.

    Raises
    ------
    EstimationError
        With every fault of columns and alternatives at once.

    Examples
    --------
    >>> rows = [(u, t, 2010 if u % 3 == 0 else None) for u in range(90) for t in range(2007, 2013)]
    >>> table = pd.DataFrame(rows, columns=["council", "year", "first"])
    >>> table["rate"] = (table["council"] * 7919 * table["year"] % 101) / 50.0
    >>> curve = frame_curve(table, outcome="rate", unit="council", time="year", cohort="first",
    ...                     alternatives={"estimator": ["twfe"], "winsorise": [0.05]}, draws=9)
    >>> curve
    Curve of rate: 4 specifications, 0 refused
    """
    own = {
        "outcome": outcome,
        "cohort": cohort,
        "sample": ALL,
        "years": ALL,
        "covariates": as_value(covariates),
        "cluster": unit,
        "estimator": estimator,
        "winsorise": 0.0,
        "comparison": comparison,
        "anticipation": anticipation,
        "event_window": as_value(event_window),
    }
    faults = [
        *level_faults(level),
        *number_faults("draws", draws, 0),
        *number_faults("seed", seed, 0),
    ]
    if faults:
        raise EstimationError(faults)
    given = read_alternatives(frame, own, alternatives, unit, time, strata)
    codes = {label: f"{k:09d}" for k, label in enumerate(read_labels(frame[unit], unit, [])[1])}
    clusters = given.get("cluster", (unit,))[1:]
    asked = _Asked(frame, unit, time, own, strata, level, draws, seed, codes, clusters)
    _design(asked, own, own["covariates"])  # tells what is wrong with the frame itself
    chosen = cross(given, estimator)
    facts = (outcome, "primary", meaningful_change, level)
    wanted = Wanted(*facts, given, chosen, ("outcome",), [NOT_LOCKED] * len(chosen))
    return make_curve(wanted, _jobs(asked, given, chosen))


def _jobs(
    asked: _Asked, given: Mapping[str, tuple[Any, ...]], chosen: Sequence[Choices]
) -> Iterator[Job | tuple[list[int], str]]:
    """Yield the specifications sample by sample, or their numbers with a refusal."""
    groups: dict[str, tuple[Choices, tuple[str, ...], list[Item]]] = {}
    repeated = () in given.get("covariates", (asked.own["covariates"],))
    for number, choices in enumerate(chosen):
        values = {**asked.own, **choices}
        by_unit = values["cluster"] == asked.unit
        item = Item(
            number,
            values["estimator"],
            values["winsorise"],
            values["covariates"],
            COUNCIL if by_unit else OWN_COLUMN.format(values["cluster"]),
            is_repeated=repeated,
        )
        beside = () if item.estimator == "twfe" else item.covariates
        sample = {key: values[key] for key in OF_THE_SAMPLE}
        groups.setdefault(repr((sample, beside)), (sample, beside, []))[2].append(item)
    seed = (asked.seed, zlib.crc32(b"specifications"))
    universe = tuple(asked.codes.values())
    for sample, beside, items in groups.values():
        try:
            design = _design(asked, sample, beside)
        except EstimationError as error:
            reason = error.reasons
            yield [item.number for item in items], reason
            continue
        controls = _beside(asked, design, two_way_controls(items))
        yield Job(design, controls, tuple(items), universe, asked.draws, seed)


def _design(asked: _Asked, sample: Mapping[str, Any], covariates: tuple[str, ...]) -> Design:
    """Return the sample of a frame as designs of plans are: who is treated when, on which rows."""
    rows = asked.frame
    if sample["sample"] != ALL:
        rows = rows[rows[sample["sample"]] == 1]
    if sample["years"] != ALL:
        rows = rows[rows[asked.time].between(*sample["years"])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        taken = take(
            rows,
            outcome=sample["outcome"],
            unit=asked.unit,
            time=asked.time,
            cohort=sample["cohort"],
            treatment=None,
            weights=None,
            cluster=None,
            covariates=covariates,
            notes=Notes(),
        )
    lead = int(sample["anticipation"])
    full, councils = _tables(asked, taken, covariates, lead, sample["comparison"])
    table = with_arms(full, councils)
    late = after_own_event(table, lead)
    none = pd.DataFrame()
    return Design(
        outcome=sample["outcome"],
        title=sample["outcome"],
        unit="",
        polarity="none",
        role="primary",
        scale="level",
        meaningful_change=float("nan"),
        comparison=sample["comparison"],
        no_record="assume_not_exposed",
        full=full,
        councils=councils,
        frame=estimation_rows(table[~late & ~is_event_year(table, lead)], covariates),
        group_time_frame=estimation_rows(table[~late], covariates),
        anticipation=lead,
        reference=-1 - lead,
        window=sample["event_window"],
        level=asked.level,
        seed=asked.seed,
        estimators=(),
        headline=(asked.own["estimator"], "group"),
        weighted=False,
        flow=none,
        dropped=none,
        sample_id="",
        covariates=covariates,
        event_periods=0,
    )


def _tables(
    asked: _Asked, taken: Sample, covariates: tuple[str, ...], lead: int, comparison: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows and the units of a sample under the names that designs have."""
    code = np.array([asked.codes[label] for label in taken.units], dtype=object)
    seen = np.where(taken.observed, taken.periods, np.nan)
    first, last = np.nanmin(seen, axis=1), np.nanmax(seen, axis=1)
    treated = last >= taken.cohort
    keep = ~(treated & (first >= taken.cohort - lead))
    if comparison == "never_treated":
        keep &= treated | np.isinf(taken.cohort)
    unit, time = np.nonzero(taken.observed & keep[:, None])
    full = pd.DataFrame(
        {
            "council_code": code[unit],
            "period": taken.periods[time],
            "value": taken.outcome[unit, time],
            "weight": 1.0,
            **{name: taken.covariates[k][unit, time] for k, name in enumerate(covariates)},
        }
    )
    fixed = asked.frame.groupby(asked.unit).first().reindex(taken.units).reset_index(drop=True)
    councils = pd.DataFrame(
        {
            "council_code": code,
            "cohort": np.where(np.isinf(taken.cohort), np.nan, taken.cohort),
            "is_treated": treated,
            "cluster": code,
            "council_type": "all" if asked.strata is None else fixed[asked.strata],
            "region": "all",
            **{OWN_COLUMN.format(name): fixed[name] for name in asked.clusters},
        }
    )
    return full, councils[keep].reset_index(drop=True)


def _beside(asked: _Asked, design: Design, names: Sequence[str]) -> pd.DataFrame:
    """Return columns of the frame beside the rows of a design."""
    labels = asked.frame[asked.unit].map(asked.codes)
    table = asked.frame[list(names)].set_axis(
        pd.MultiIndex.from_arrays([labels, asked.frame[asked.time]]), axis=0
    )
    keys = pd.MultiIndex.from_frame(design.full[["council_code", "period"]])
    return (
        table[~table.index.duplicated()]
        .reindex(keys)
        .set_axis(design.full.index, axis=0)
        .astype(float)
    )
