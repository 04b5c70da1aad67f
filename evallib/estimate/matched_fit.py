"""Matched difference-in-differences of a sample as an ``Estimate``, with what to be warned of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from evallib.errors import (
    EstimationError,
    Fault,
    FewClustersWarning,
    ThinDesignWarning,
    UnbalancedPanelWarning,
    first_five,
)
from evallib.estimate.clusters import FEW_CLUSTERS
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.intervals import analytic_interval
from evallib.estimate.matched import Solution, prepare, solve
from evallib.estimate.matched_balance import describe_matching, level_gap
from evallib.estimate.matched_columns import MatchColumns
from evallib.estimate.matched_counts import count_rows, matched_thinness
from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.matched_pairs import REASONS
from evallib.estimate.matched_problem import Problem
from evallib.estimate.matched_warnings import warn_matching
from evallib.estimate.result import Estimate, FloatArray, IntArray

ESTIMAND = (
    "Mean effect on matched treated units of being exposed, against their nearest comparators: "
    "each unit's mean over its exposed periods first, then units (att); by event time; by cohort."
)
REFERENCES = (
    "Abadie and Imbens (2006), Econometrica 74(1), doi:10.1111/j.1468-0262.2006.00655.x",
    "Abadie and Imbens (2011), JBES 29(1), doi:10.1198/jbes.2009.07333",
    "Abadie and Spiess (2022), JASA 117(538), doi:10.1080/01621459.2020.1840383",
    "Daw and Hatfield (2018), Health Services Research 53(6), doi:10.1111/1475-6773.12993",
)


def fit_matched_did(
    sample: Sample, columns: MatchColumns, options: MatchedOptions, notes: Notes
) -> Estimate:
    """Return the effects on matched treated units, headed by ``att``.

    Who was matched with whom, balance and unmatched units are in ``details["matching"]``; how far
    treated units lie from the pool in level in ``details["level_gap"]``.

    Raises
    ------
    EstimationError
        When no unit is treated, none can serve as comparison, no treated unit finds a comparator,
        weights or clusters change within units, or there are two clusters or fewer.

    Warns
    -----
    UnmatchedWarning, LevelMatchingWarning, NoTrendWarning, SmallPoolWarning, LaterTreatedWarning,
    BiasCorrectionWarning, AlreadyTreatedWarning, UnbalancedPanelWarning, FewClustersWarning,
    ThinDesignWarning
    """
    weight, cluster = _unit_columns(sample)
    _require_groups(sample, options)
    if not sample.observed.all():
        some = int((~sample.observed.all(axis=1)).sum())
        text = (
            f"{some} units miss some periods: each difference uses the comparators observed in "
            "both."
        )
        notes.warn(UnbalancedPanelWarning, text)
    problem = prepare(
        sample.outcome,
        sample.observed,
        sample.periods,
        options,
        weight=weight,
        cluster=cluster,
        columns=columns,
    )
    solution = solve(problem, sample.cohort)
    _require_matched(solution)
    warn_matching(problem, solution, sample, notes)
    estimate = _describe(problem, solution, sample)
    thinness = matched_thinness(problem, solution)
    if thinness.is_thin:
        notes.warn(ThinDesignWarning, thinness.sentence)
    if estimate.n_clusters < FEW_CLUSTERS:
        text = (
            f"{estimate.n_clusters} clusters carry the estimate: clustered standard errors are "
            f"too small below {FEW_CLUSTERS}."
        )
        notes.warn(FewClustersWarning, text)
    matching = describe_matching(
        problem, solution.matched, solution.effects, sample.units, sample.cohort, columns
    )
    details = {
        "matching": matching,
        "level_gap": level_gap(problem, solution.matched, solution.effects),
        "thinness": thinness,
        "anticipation": options.anticipation,
        "base": "universal",
        "options": options,
        "draws": options.draws,
        "seed": options.seed,
    }
    return replace(estimate, details=details)


def _unit_columns(sample: Sample) -> tuple[FloatArray, IntArray]:
    """Return the weight and cluster of each unit, refusing what changes within units."""
    faults = []
    weight = sample.weight.max(axis=1)
    if (np.where(sample.observed, sample.weight, weight[:, None]) != weight[:, None]).any():
        remedy = "Give each unit one sampling weight"
        faults.append(Fault("weights", "weights change within units", "", remedy))
    cluster = sample.unit_cluster
    if cluster is None:
        remedy = "Use clusters that hold whole units"
        faults.append(Fault("cluster", "clusters cut through units", "", remedy))
    elif np.unique(cluster).size <= 2:
        what = f"there are {np.unique(cluster).size} clusters"
        why = "clustered standard errors are then near zero whatever the data say"
        faults.append(Fault("cluster", what, why, "Use smaller clusters"))
    if faults or cluster is None:
        raise EstimationError(faults)
    return weight, np.unique(cluster, return_inverse=True)[1].astype(np.int64)


def _require_groups(sample: Sample, options: MatchedOptions) -> None:
    """Refuse a sample without treated or without comparison units."""
    periods, cohort = sample.periods, sample.cohort
    inside = np.isfinite(cohort) & (cohort <= periods[-1])
    treated = inside & (cohort > periods[0] + options.anticipation)
    if not treated.any():
        what = "no unit is treated within the periods, with a period before"
        raise EstimationError([Fault("cohort", what, "", "Check cohorts and periods")])
    last = periods[-1] + options.anticipation
    if (cohort > last).any():
        return
    if options.comparison == "never_treated":
        remedy = "Use comparison='not_yet_treated' with a window"
        raise EstimationError([Fault("cohort", "no unit is never treated", "", remedy)])
    if options.window is None:
        what = "no unit stays unexposed to the last period"
        why = "without a window comparators must stay unexposed that long"
        remedy = "Give window=(-3, 2), for example: comparators then need to stay unexposed to 2"
        raise EstimationError([Fault("cohort", what, why, remedy)])
    if np.unique(cohort[treated]).size == 1:
        what = "all units are treated in the same period, none is never treated"
        remedy = "Add units that are treated later or never"
        raise EstimationError([Fault("cohort", what, "no comparison is left", remedy)])


def _require_matched(solution: Solution) -> None:
    """Refuse a solution in which no treated unit has a comparator."""
    if solution.matched.unit.size:
        return
    reason = solution.matched.reason
    counts = Counter(reason[reason > 0].tolist())
    told = [f"{count} units: {REASONS[code]}" for code, count in sorted(counts.items())]
    what = f"no treated unit could be matched ({first_five(told)})"
    remedy = (
        "Widen the caliper, use fewer exact columns, a shorter window or "
        "comparison='not_yet_treated'"
    )
    raise EstimationError([Fault("matched_did", what, "", remedy)])


def _describe(problem: Problem, solution: Solution, sample: Sample) -> Estimate:
    """Return the solution as an estimate with counts."""
    options, terms, matched = problem.options, solution.terms, solution.matched
    low, high, p_value = analytic_interval(solution.point, solution.std_error, options.level, None)
    rows, units, treated = count_rows(problem, solution)
    carrying = np.unique(np.concatenate([matched.unit, matched.edges.point]))
    clusters = int(np.unique(solution.cluster[carrying]).size)
    if options.replace:
        se_method = (
            f"Standard errors of Abadie and Imbens for matching with replacement, {clusters} "
            "clusters of treated units and comparators, without a small-sample factor."
        )
    else:
        se_method = (
            f"Standard errors clustered in {clusters} matched sets, without a small-sample factor."
        )
    return Estimate(
        estimator="matched_did",
        estimand=ESTIMAND,
        terms=terms.names,
        point=solution.point,
        covariance=solution.covariance,
        std_error=solution.std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=None,
        level=options.level,
        se_method=se_method,
        interval_method=f"{options.level:.0%} intervals and p-values from the normal.",
        inference="influence_normal",
        n_obs=int(rows[0]),
        n_units=int(units[0]),
        n_treated_units=int(matched.unit.size),
        n_clusters=clusters,
        term_obs=rows,
        term_units=units,
        term_treated_units=treated,
        event_time=terms.event_time,
        comparison=options.comparison,
        influence=solution.influence,
        scores=solution.sums,
        references=REFERENCES,
    )
