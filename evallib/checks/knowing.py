"""How much narrower the headline would be if a council's exposure were known.

The order in which gaps of a register are worth filling. What is measured is the standard error of
the estimate that assumes nothing of councils without a record (``only_known``): a council whose
exposure becomes known joins it, as a control or in a cohort.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evallib.design.design import Design, build_design
from evallib.errors import DesignError
from evallib.exposure.exposure import DATE_UNKNOWN, NO_RECORD, Exposure
from evallib.exposure.gaps import Gaps
from evallib.inference.knowing import (
    FloatArray,
    IntArray,
    Layout,
    average_narrowing,
    lay_out,
    model_variance,
    relative_variance,
    working_covariance,
)
from evallib.panel.build import Panel
from evallib.panel.periods import PeriodRule
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year

DRAWS = 24
LOOKED_UP = 0.5


@dataclass(frozen=True, slots=True)
class Arms:
    """One outcome's councils as arrays: those that are known, and those that are not.

    Parameters
    ----------
    outcome : str
    layout : Layout
    known : pair of arrays, shape (P, M)
        Mass and spread of the known councils.
    place : integer array, shape (U,)
        Row of each unknown council of the sample in the gaps.
    path : array, shape (U, P)
        Its chances.
    pattern, weight, variance : arrays, shape (U,)
    month_path : integer array, shape (months,)
        The path of a first event in that month; -1 where the cohort can be no path.
    never_path : int
    """

    outcome: str
    layout: Layout
    known: tuple[FloatArray, FloatArray]
    place: IntArray
    path: FloatArray
    pattern: IntArray
    weight: FloatArray
    variance: FloatArray
    month_path: IntArray
    never_path: int


@dataclass(frozen=True, slots=True)
class Knowing:
    """What knowing is worth.

    Parameters
    ----------
    narrows : array, shape (N,)
        By council of the gaps, the share by which the standard error falls, averaged over the
        outcomes; 0 where a council takes part in none.
    outcomes : integer array, shape (N,)
        In how many of the outcomes the council takes part.
    considered : tuple of str
        The outcomes.
    """

    narrows: FloatArray
    outcomes: IntArray
    considered: tuple[str, ...]


def outcomes_to_judge(plan: Plan) -> tuple[str, ...]:
    """Return the primary outcomes; all outcomes where there is none."""
    primary = tuple(one.indicator for one in plan.outcomes if one.role == "primary")
    return primary or tuple(one.indicator for one in plan.outcomes)


def value_of_knowing(
    plan: Plan, panel: Panel, exposure: Exposure, gaps: Gaps, rng: np.random.Generator
) -> Knowing:
    """Return by how much the headline narrows when a council's exposure becomes known.

    For every outcome the standard error of the group aggregation among known councils is worked
    out from the design alone (who is observed when, who is exposed when, how noisy the council
    was before anybody was exposed), not from figures of the studied years: the order prefers no
    council for what happened to it. A council's worth is the share by which that standard error
    falls when it is added, averaged over its possible answers by their likelihood, over draws in
    which each other council has been looked up with probability a half, and over the outcomes.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel, exposure
        Its panel and exposure.
    gaps : Gaps
        See `find_gaps`.
    rng : numpy.random.Generator
        Draws which others are known, and what is learnt of them.

    Returns
    -------
    Knowing
        In the order of the gaps.
    """
    considered = outcomes_to_judge(plan)
    if gaps.frame.empty:
        return Knowing(np.zeros(0), np.zeros(0, dtype=np.int64), considered)
    arms = [one for name in considered if (one := arms_of(plan, panel, exposure, gaps, name))]
    others = rng.random((DRAWS, len(gaps.frame))) < LOOKED_UP
    answers = draw_answers(gaps, DRAWS, rng)
    narrows = np.zeros(len(gaps.frame))
    outcomes = np.zeros(len(gaps.frame), dtype=np.int64)
    for one in arms:
        drawn = paths_of(one, answers)
        narrows[one.place] += average_narrowing(
            one.layout,
            one.known,
            list(one.path),
            one.pattern,
            one.weight,
            one.variance,
            drawn,
            others[:, one.place],
        )
        outcomes[one.place] += 1
    return Knowing(narrows / max(len(considered), 1), outcomes, considered)


def draw_answers(gaps: Gaps, draws: int, rng: np.random.Generator) -> IntArray:
    """Draw what is learnt of every council: a month, -1 for none, -2 for nothing usable.

    Returns
    -------
    integer array, shape (draws, N)
    """
    chances = np.column_stack([gaps.chances, gaps.never])
    upper = chances.cumsum(axis=1)
    point = rng.random((draws, len(chances)))
    place = (point[:, :, None] >= upper[None]).sum(axis=2)
    months = gaps.chances.shape[1]
    return np.where(place < months, place, np.where(place == months, -1, -2)).astype(np.int64)


def paths_of(arms: Arms, answers: IntArray) -> IntArray:
    """Return the paths (draws, U) of what was learnt of an outcome's unknown councils."""
    own = answers[:, arms.place]
    paths = np.where(own >= 0, arms.month_path[np.maximum(own, 0)], -1)
    return np.asarray(np.where(own == -1, arms.never_path, paths), dtype=np.int64)


def standard_error(arms: Arms, paths: IntArray, learnt: np.ndarray) -> FloatArray:
    """Return the working model's standard error once some unknown councils are known.

    Parameters
    ----------
    arms : Arms
    paths : integer array, shape (D, U)
        See `paths_of`.
    learnt : boolean array, shape (U,)
        Which councils are looked up.

    Returns
    -------
    array, shape (D,)
    """
    shape = (len(paths), *arms.known[0].shape)
    mass, spread = np.zeros(shape), np.zeros(shape)
    draw, unit = np.nonzero(learnt[None, :] & (paths >= 0))
    at = (draw, paths[draw, unit], arms.pattern[unit])
    np.add.at(mass, at, arms.weight[unit])
    np.add.at(spread, at, (arms.weight**2 * arms.variance)[unit])
    return np.sqrt(model_variance(arms.layout, mass + arms.known[0], spread + arms.known[1]))


def arms_of(plan: Plan, panel: Panel, exposure: Exposure, gaps: Gaps, outcome: str) -> Arms | None:
    """Return an outcome's known and unknown councils; None where it cannot be estimated."""
    design = everyone(plan, panel, exposure, outcome)
    if design is None:
        return None
    rule = panel.catalogue.rule(outcome)
    councils = design.councils.reset_index(drop=True)
    codes, periods = councils["council_code"], np.array(sorted(design.full["period"].unique()))
    grid = design.full.pivot(index="council_code", columns="period", values="value")
    values = grid.reindex(index=codes, columns=periods).to_numpy(dtype=float)
    weight = design.full.groupby("council_code")["weight"].first().reindex(codes).to_numpy(float)
    weight = weight / weight.mean()
    begin = _period_of(pd.Timestamp(parse_financial_year(plan.known_from), 4, 1), rule)
    before = values[:, periods < begin]
    variance = relative_variance(before) if before.shape[1] > 1 else np.ones(len(values))
    patterns, pattern = np.unique(np.isfinite(values), axis=0, return_inverse=True)
    pattern = np.asarray(pattern, dtype=np.int64).reshape(-1)

    place_of = {code: at for at, code in enumerate(gaps.frame["council_code"])}
    place = np.array([place_of.get(code, -1) for code in codes], dtype=np.int64)
    later = plan.event_periods
    month_cohort = np.array([_period_of(month.start_time, rule) + later for month in gaps.months])
    studied = gaps.months.start_time < pd.Timestamp(
        parse_financial_year(plan.last_event_year) + 1, 4, 1
    )
    month_treated = studied & (month_cohort <= periods.max())
    cohort = councils["cohort"].fillna(np.inf).to_numpy(dtype=float)
    treated = councils["is_treated"].to_numpy(dtype=bool)
    known = place < 0
    pairs = sorted(
        {(np.inf, False)}
        | set(zip(cohort[known].tolist(), treated[known].tolist(), strict=True))
        | set(zip(month_cohort.astype(float).tolist(), month_treated.tolist(), strict=True))
    )
    path_of = {pair: at for at, pair in enumerate(pairs)}
    layout = lay_out(
        periods,
        patterns,
        np.array([pair[0] for pair in pairs]),
        np.array([pair[1] for pair in pairs]),
        working_covariance(values),
        anticipation=design.anticipation,
        never_only=plan.comparison == "never_treated",
    )
    own = np.array(
        [
            path_of[pair]
            for pair in zip(cohort[known].tolist(), treated[known].tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    mass, spread = np.zeros((len(pairs), len(patterns))), np.zeros((len(pairs), len(patterns)))
    np.add.at(mass, (own, pattern[known]), weight[known])
    np.add.at(spread, (own, pattern[known]), (weight**2 * variance)[known])
    month_path = np.array(
        [
            path_of[pair]
            for pair in zip(
                month_cohort.astype(float).tolist(), month_treated.tolist(), strict=True
            )
        ],
        dtype=np.int64,
    )
    here = np.flatnonzero(~known)
    chances = np.zeros((here.size, len(pairs)))
    for month, path in enumerate(month_path):
        chances[:, path] += gaps.chances[place[here], month]
    never_path = path_of[np.inf, False]
    chances[:, never_path] += gaps.never[place[here]]
    return Arms(
        outcome,
        layout,
        (mass, spread),
        place[here],
        chances,
        pattern[here],
        weight[here],
        variance[here],
        month_path,
        never_path,
    )


def everyone(plan: Plan, panel: Panel, exposure: Exposure, outcome: str) -> Design | None:
    """Return an outcome's design with every council in it, unknown ones as if never exposed."""
    table = exposure.councils
    unknown = table["status"] == DATE_UNKNOWN
    table = table.assign(
        status=table["status"].where(~unknown, NO_RECORD),
        event_date=table["event_date"].where(~unknown),
    )
    pretended = replace(exposure, councils=table)
    widest = plan.model_copy(update={"no_record": "assume_not_exposed"})
    try:
        return build_design(widest, panel, pretended, outcome)
    except DesignError:
        return None


def _period_of(day: pd.Timestamp, rule: PeriodRule) -> int:
    """Return the outcome's period that holds a day, as the first calendar year of its label."""
    return int(day.year - (day.month < rule.month) - rule.offset)
