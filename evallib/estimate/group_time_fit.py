"""Group-time effects of a sample as an ``Estimate``, and their aggregations without refitting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evallib.errors import (
    AlreadyTreatedWarning,
    EmptyCellWarning,
    EstimationError,
    Fault,
    ThinDesignWarning,
    UnbalancedPanelWarning,
    first_five,
)
from evallib.estimate.adoption_paths import encode_paths, last_is_comparison
from evallib.estimate.cell_warnings import require_distinct, warn_cells
from evallib.estimate.cells import DOUBLY_ROBUST, CellSource
from evallib.estimate.clusters import require_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.counts import sort_units, thinness_of
from evallib.estimate.group_time import prepare, solve
from evallib.estimate.intake import Sample
from evallib.estimate.options import GroupTimeOptions
from evallib.estimate.result import (
    BoolArray,
    Estimate,
    FloatArray,
    IntArray,
)


def fit_group_time(sample: Sample, options: GroupTimeOptions, notes: Notes) -> Estimate:
    """Return group-time average effects, headed by ``overall``, the group aggregation.

    Raises
    ------
    EstimationError
        When no unit is treated, none can serve as comparison, no cell is left, there are two
        clusters or fewer, or a covariate does not vary or follows from the others.

    Warns
    -----
    AlreadyTreatedWarning, UnbalancedPanelWarning, EmptyCellWarning, FewClustersWarning,
    ThinDesignWarning, OverlapWarning, CollinearCellWarning
    """
    weight, cluster = _unit_columns(sample)
    keep = np.ones(sample.units.size, dtype=bool)
    if not options.allow_unbalanced:
        keep &= sample.observed.all(axis=1)
        if not keep.all():
            text = (
                f"{int((~keep).sum())} units that miss a period are left out "
                "(allow_unbalanced=False)."
            )
            notes.warn(UnbalancedPanelWarning, text)
        if not keep.any():
            what = "every unit misses a period"
            raise EstimationError([Fault("frame", what, "", "Use allow_unbalanced=True")])
    periods = sample.periods
    already = keep & (sample.cohort <= periods[0] + options.anticipation)
    if already.any():
        shown = first_five(list(sample.units[already]))
        text = (
            f"{int(already.sum())} units are treated from the first period on, anticipation "
            f"included, and are left out: {shown}."
        )
        notes.warn(AlreadyTreatedWarning, text)
        keep &= ~already
    cohort = np.where(sample.cohort > periods[-1] + options.anticipation, np.inf, sample.cohort)[
        keep
    ]
    is_treated = np.isfinite(cohort) & (cohort <= periods[-1])
    is_treated = _require_comparison(cohort, is_treated, options, notes)
    observed = sample.observed[keep]
    if not observed.all():
        some = int((~observed.all(axis=1)).sum())
        text = f"{some} units miss some periods: each difference uses units observed in both."
        notes.warn(UnbalancedPanelWarning, text)
    clusters = np.unique(cluster[keep], return_inverse=True)[1].astype(np.int64)
    require_clusters(int(clusters.max()) + 1, notes)
    paths, codes = encode_paths(cohort, is_treated)
    covariates = sample.covariates[:, keep]
    require_distinct(covariates, observed, options.covariates)
    problem = prepare(
        sample.outcome[keep],
        observed,
        periods,
        paths,
        comparison=options.comparison,
        base=options.base,
        anticipation=options.anticipation,
        weight=weight[keep],
        cluster=clusters,
        covariates=covariates,
        method=options.method,
    )
    solution = solve(problem, codes)
    warn_cells(problem, solution, notes)
    source = CellSource(
        problem,
        solution,
        sort_units(problem, codes),
        options.level,
        balance=options.balance,
        units=tuple(sample.units[keep]),
        unit_column=sample.unit_column,
    )
    headline = source.headline()
    estimate = source.describe_cells(headline, int(observed.sum()))
    thinness = thinness_of(source, *headline)
    if thinness.is_thin:
        notes.warn(ThinDesignWarning, thinness.sentence)
    method = f"{options.method} (without covariates dr, ipw and reg are one number)"
    if options.covariates:
        method = f"{options.method}, given {', '.join(options.covariates)}"
        if options.method == "dr":
            estimate = replace(estimate, references=(*estimate.references, DOUBLY_ROBUST))
    return replace(
        estimate,
        comparison=options.comparison,
        warnings=tuple(notes.texts),
        details={
            "base": options.base,
            "anticipation": options.anticipation,
            "method": method,
            "covariates": options.covariates,
            "balance": options.balance,
            "aggregation": "group",
            "thinness": thinness,
            "draws": options.draws,
            "seed": options.seed,
        },
    )


def _unit_columns(sample: Sample) -> tuple[FloatArray, IntArray]:
    """Return the weight and cluster of each unit, refusing what changes within units."""
    faults = []
    if not sample.is_absorbing:
        what = "exposure ends again for some units"
        why = "group_time follows units from their first exposure on"
        remedy = "Give cohort=, or use an estimator for exposure that switches off"
        faults.append(Fault("treatment", what, why, remedy))
    weight = sample.weight.max(axis=1)
    if (np.where(sample.observed, sample.weight, weight[:, None]) != weight[:, None]).any():
        what = "weights change within units"
        faults.append(Fault("weights", what, "", "Give each unit one sampling weight"))
    cluster = sample.unit_cluster
    if cluster is None:
        remedy = "Use clusters that hold whole units"
        faults.append(Fault("cluster", "clusters cut through units", "", remedy))
    if faults or cluster is None:
        raise EstimationError(faults)
    return weight, cluster


def _require_comparison(
    cohort: FloatArray, is_treated: BoolArray, options: GroupTimeOptions, notes: Notes
) -> BoolArray:
    """Return which units count as treated; the last cohort does not where none is never-treated.

    Without never-treated units R's did makes the last cohort the comparison group and drops the
    periods in which it is itself exposed; so does this.
    """
    where = "cohort"
    if not is_treated.any():
        what = "no unit is treated within the periods, with a period before"
        raise EstimationError([Fault(where, what, "", "Check cohorts and periods")])
    if (~is_treated).any():
        if options.comparison == "never_treated" and not np.isinf(cohort).any():
            remedy = "Use comparison='not_yet_treated'"
            raise EstimationError([Fault(where, "no unit is never treated", "", remedy)])
        return is_treated
    if options.comparison == "never_treated":
        remedy = "Use comparison='not_yet_treated'"
        raise EstimationError([Fault(where, "no unit is never treated", "", remedy)])
    last = cohort.max()
    if (cohort == last).all():
        what = "all units are treated in the same period"
        remedy = "Add units that are treated later or never"
        raise EstimationError([Fault(where, what, "no comparison is left", remedy)])
    text = (
        f"No unit is never treated: cohort {last:g} serves as comparison only, and periods from "
        f"{last - options.anticipation:g} on have none."
    )
    notes.warn(EmptyCellWarning, text)
    return last_is_comparison(cohort, is_treated)
