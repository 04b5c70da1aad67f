"""Every specification of a tidy frame: forms, samples, controls and rules given by column."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from evallib.design import Design
from evallib.design.rows import after_own_event, estimation_rows, is_event_year, with_arms
from evallib.errors import EstimationError, EvallibWarning, Fault, did_you_mean, first_five
from evallib.estimate.columns import Notes, read_labels
from evallib.estimate.intake import Sample, take
from evallib.inference.specification_jobs import COUNCIL, Item, Job
from evallib.inference.specification_results import Choices, Curve, Wanted, make_curve
from evallib.inference.specification_samples import cross
from evallib.plan.deviations import NOT_LOCKED
from evallib.plan.reading import dotted
from evallib.plan.specifications import Specifications
from evallib.plan.wording import in_plain_words

OF_PLANS = ("estimator", "winsorise", "comparison", "anticipation", "event_window")
OF_COLUMNS = ("outcome", "cohort", "sample", "covariates", "cluster")
OF_FRAMES = (*OF_COLUMNS, "years", *OF_PLANS)
OF_THE_SAMPLE = ("outcome", "cohort", "sample", "years", "comparison", "anticipation")
ALL = "all"
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
        "covariates": tuple(covariates),
        "cluster": unit,
        "estimator": estimator,
        "winsorise": 0.0,
        "comparison": comparison,
        "anticipation": anticipation,
        "event_window": tuple(event_window),
    }
    given = _read_alternatives(frame, own, alternatives, (unit, time, strata))
    codes = {label: f"{k:09d}" for k, label in enumerate(read_labels(frame[unit], unit, [])[1])}
    clusters = given.get("cluster", (unit,))[1:]
    asked = _Asked(frame, unit, time, own, strata, level, draws, seed, codes, clusters)
    _design(asked, own, tuple(covariates))  # tells what is wrong with the frame itself
    chosen = cross(given, estimator)
    facts = (outcome, "primary", meaningful_change, level)
    wanted = Wanted(*facts, given, chosen, ("outcome",), [NOT_LOCKED] * len(chosen))
    return make_curve(wanted, _jobs(asked, given, chosen))


def _read_alternatives(
    frame: pd.DataFrame,
    own: Mapping[str, Any],
    alternatives: Mapping[str, Sequence[Any]],
    others: tuple[str, str, str | None],
) -> dict[str, tuple[Any, ...]]:
    """Return the values of each choice, the own one first.

    Raises
    ------
    EstimationError
        With every fault at once.
    """
    unit, time, strata = others
    faults = []
    given: dict[str, tuple[Any, ...]] = {}
    for choice, values in alternatives.items():
        where = f"alternatives, {choice}"
        if choice not in OF_FRAMES:
            hint = did_you_mean(choice, OF_FRAMES)
            remedy = f"Use {', '.join(OF_FRAMES)}"
            faults.append(Fault(where, f"there is no such choice.{hint}", "", remedy))
        elif isinstance(values, str) or not isinstance(values, Sequence):
            faults.append(Fault(where, "it is not a list", "", "Give a list of other values"))
        else:
            plain = [tuple(one) if isinstance(one, list) else one for one in values]
            rest = [one for one in dict.fromkeys(plain) if one != own[choice]]
            given |= {choice: (own[choice], *rest)} if rest else {}
    of_plans = {name: list(given[name][1:]) for name in OF_PLANS if name in given}
    try:
        Specifications.model_validate(of_plans)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            detail["loc"] = ("specifications", *detail["loc"])
            broken = in_plain_words(detail)
            where = dotted(broken.loc).replace("specifications.", "alternatives, ")
            faults.append(Fault(where, broken.what, broken.why, broken.remedy))
    for pair in given.get("years", (ALL,))[1:]:
        if not isinstance(pair, tuple) or len(pair) != 2:
            what = f"{pair!r} is no pair of periods"
            faults.append(Fault("alternatives, years", what, "", "Write like [(2010, 2015)]"))
    named = {
        *((name, choice) for choice in OF_COLUMNS for name in _columns(choice, own, given)),
        *((name, "the frame") for name in (unit, time, strata) if name is not None),
    }
    faults += _column_faults(frame, unit, strata, sorted(named))
    if faults:
        raise EstimationError(faults)
    return {choice: given[choice] for choice in OF_FRAMES if choice in given}


def _columns(
    choice: str, own: Mapping[str, Any], given: Mapping[str, tuple[Any, ...]]
) -> Iterator[str]:
    """Yield the columns that the values of a choice name."""
    for value in given.get(choice, (own[choice],)):
        names = (value,) if isinstance(value, str) else value
        yield from (str(name) for name in names if (choice, name) != ("sample", ALL))


def _column_faults(
    frame: pd.DataFrame, unit: str, strata: str | None, named: Sequence[tuple[str, str]]
) -> Iterator[Fault]:
    """Yield columns that are not there, are no 0 and 1, or change within units."""
    for name, choice in named:
        where = f"column {name!r}"
        if name not in frame.columns:
            hint = did_you_mean(name, [str(column) for column in frame.columns])
            have = first_five(list(frame.columns))
            yield Fault(where, f"there is none, for {choice}.{hint}", "", f"The frame has {have}")
        elif choice == "sample" and not frame[name].isin([0, 1]).all():
            remedy = "Give 1 in the rows that are kept and 0 in the others"
            yield Fault(where, "it holds values other than 0 and 1", "", remedy)
        elif (choice == "cluster" or name == strata) and unit in frame.columns:
            moving = frame.groupby(unit)[name].nunique(dropna=False) > 1
            if moving.any():
                what = f"it changes within units: {first_five(list(moving.index[moving]))}"
                yield Fault(where, what, "", "Give one value a unit")


def _jobs(
    asked: _Asked, given: Mapping[str, tuple[Any, ...]], chosen: Sequence[Choices]
) -> Iterator[Job | tuple[list[int], str]]:
    """Yield the specifications sample by sample, or their numbers with a refusal."""
    groups: dict[str, tuple[Choices, tuple[str, ...], list[Item]]] = {}
    repeated = () in given.get("covariates", (asked.own["covariates"],))
    for number, choices in enumerate(chosen):
        all_of_it = {**asked.own, **choices}
        name, covariates = all_of_it["estimator"], all_of_it["covariates"]
        cluster = all_of_it["cluster"]
        by = COUNCIL if cluster == asked.unit else OWN_COLUMN.format(cluster)
        facts = (all_of_it["winsorise"], covariates, by, repeated)
        beside = () if name == "twfe" else covariates
        sample = {key: all_of_it[key] for key in (*OF_THE_SAMPLE, "event_window")}
        groups.setdefault(repr((sample, beside)), (sample, beside, []))[2].append(
            Item(number, name, *facts)
        )
    seed = (asked.seed, zlib.crc32(b"specifications"))
    universe = tuple(asked.codes.values())
    for sample, beside, items in groups.values():
        try:
            design = _design(asked, sample, beside)
        except EstimationError as error:
            reason = "; ".join(dict.fromkeys(fault.what for fault in error.faults))
            yield [item.number for item in items], reason
            continue
        names = {n for item in items if item.estimator == "twfe" for n in item.covariates}
        controls = _beside(asked, design, sorted(names))
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
