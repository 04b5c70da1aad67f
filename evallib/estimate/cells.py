"""Solved group-time cells, kept so that they can be averaged without fitting again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from evallib.errors import EstimationError, Fault, did_you_mean
from evallib.estimate.aggregate import KINDS, Averages, averages, pick, weigh
from evallib.estimate.counts import Kinds, count_rows
from evallib.estimate.group_time import (
    Problem,
    Solution,
    cluster_sums,
    influence_covariance,
)
from evallib.estimate.result import BoolArray, Estimate, FloatArray, analytic_interval

REFERENCES = (
    "Callaway and Sant'Anna (2021), Journal of Econometrics 225(2), "
    "doi:10.1016/j.jeconom.2020.12.001",
)
DOUBLY_ROBUST = (
    "Sant'Anna and Zhao (2020), Journal of Econometrics 219(1), doi:10.1016/j.jeconom.2020.06.003"
)
ESTIMANDS = {
    "simple": "Average effect on the exposed over all cells from exposure on, by cohort size.",
    "dynamic": "Average effect on the exposed by periods since first exposure.",
    "group": "Average effect on the exposed, each cohort's own mean over its exposed periods.",
    "calendar": "Average effect on those exposed by each period.",
    "cells": "Group-time average effects on the exposed; overall is the group aggregation.",
}


@dataclass(frozen=True, slots=True)
class CellSource:
    """The solved cells of a group-time estimate, kept for aggregation and inference.

    Parameters
    ----------
    problem, solution
        The panel and its solved cells.
    kinds : Kinds
        The kinds of unit, for counts.
    level : float
        Confidence level.
    replaced : mapping of str to Estimate
        Aggregations whose intervals and p-values were made in another way.
    balance : int, optional
        Event time up to which cohorts are observed that enter averages by event time.
    units : tuple
        The labels of the units, in the order of the problem; empty where nobody asks.
    unit_column : str
        The column that they came from.
    """

    problem: Problem
    solution: Solution
    kinds: Kinds
    level: float
    replaced: Mapping[str, Estimate] = field(default_factory=dict)
    balance: int | None = None
    units: tuple[Any, ...] = ()
    unit_column: str = ""

    def sum_by_cluster(self, influence: FloatArray) -> FloatArray:
        """Return influence values (N, K) summed within clusters (G, K)."""
        return cluster_sums(influence, self.problem.cluster)

    def aggregate(
        self,
        kind: str,
        min_e: float,
        max_e: float,
        parent: Estimate,
        balance: int | None = None,
    ) -> Estimate:
        """Return an aggregation of the cells as an estimate, labelled as its parent is."""
        asked = self.balance if balance is None and kind == "dynamic" else balance
        everything = min_e == -np.inf and max_e == np.inf and asked == self.balance
        if kind in self.replaced and everything:
            estimate = self.replaced[kind]
        else:
            wanted = self.averages(kind, min_e, max_e, asked)
            estimate = self.describe(wanted, ESTIMANDS[kind], parent.n_obs, parent.warnings)
            details = {**parent.details, "aggregation": kind, "balance": asked}
            estimate = replace(estimate, details=details)
            if kind in self.replaced:
                estimate = _as_replaced(estimate, self.replaced[kind])
        return replace(
            estimate,
            outcome=parent.outcome,
            unit=parent.unit,
            role=parent.role,
            polarity=parent.polarity,
            comparison=parent.comparison,
            no_record=parent.no_record,
            sample_id=parent.sample_id,
        )

    def averages(
        self,
        kind: str,
        min_e: float = float("-inf"),
        max_e: float = float("inf"),
        balance: int | None = None,
    ) -> Averages:
        """Return the averages of an aggregation over the valid cells.

        Raises
        ------
        EstimationError
            For an unknown kind, for balance in an average by something else than event time,
            and when no cell is left.
        """
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS)
            fault = Fault(
                f"aggregation {kind!r}", "it does not exist", "", f"Use {', '.join(KINDS)}.{hint}"
            )
            raise EstimationError([fault])
        cells, valid = self.problem.cells, self.solution.valid
        event = cells.period - cells.group
        if balance is not None:
            if kind != "dynamic":
                what = f"{kind!r} does not average by event time"
                fault = Fault("option 'balance'", what, "", "Use it with 'dynamic', or drop it")
                raise EstimationError([fault])
            valid = valid & self._balanced(balance)
            max_e = min(max_e, balance)
            span = self.problem.periods[-1] - self.problem.periods[0]
            min_e = max(min_e, float(balance - span))
        post = valid & (event >= max(min_e, 0)) & (event <= max_e)
        if not post.any():
            what = f"no cell lies between event times {min_e:g} and {max_e:g} at or after exposure"
            raise EstimationError([Fault("group_time", what, "", "Widen the event times")])
        wanted = averages(kind, cells.group, cells.period, cells.path, min_e, max_e)
        if balance is not None:
            wanted = replace(wanted, inner=wanted.inner & valid)
        alive = (wanted.inner & valid).any(axis=1)
        rows = np.asarray((wanted.outer & alive).any(axis=1))
        return replace(
            wanted,
            terms=tuple(term for term, row in zip(wanted.terms, rows, strict=True) if row),
            outer=wanted.outer[rows],
            by_share=wanted.by_share[rows],
            event_time=wanted.event_time[rows],
        )

    def _balanced(self, balance: int) -> BoolArray:
        """Return the cells of cohorts with every cell from exposure to event time ``balance``.

        Raises
        ------
        EstimationError
            When there is no such cohort.
        """
        cells, valid = self.problem.cells, self.solution.valid
        event = cells.period - cells.group
        inside = (event >= 0) & (event <= balance)
        keep = np.zeros(cells.path.size, dtype=bool)
        for path in np.unique(cells.path):
            own = cells.path == path
            long_enough = event[own].max() >= balance
            keep |= own & (long_enough and bool(valid[own & inside].all()))
        if not keep.any():
            what = f"no cohort has every cell up to event time {balance}"
            raise EstimationError([Fault("option 'balance'", what, "", "Use a smaller number")])
        return keep

    def weights(self, wanted: Averages) -> tuple[FloatArray, FloatArray]:
        """Return the weights of the cells (K, C) and the averages' influence values (N, K)."""
        problem, solution = self.problem, self.solution
        weight, by_path = weigh(
            wanted,
            solution.att[None],
            solution.valid[None],
            solution.share[None],
            problem.cells.path,
            problem.paths.cohort.size,
        )
        influence = solution.influence @ weight[0].T
        if by_path.any():
            member = np.zeros((solution.codes.size, by_path.shape[2]))
            member[np.arange(solution.codes.size), solution.codes] = problem.weight
            influence += member @ by_path[0].T
        return weight[0], influence

    def headline(self) -> tuple[FloatArray, FloatArray]:
        """Return weights of the cells (C,) and influence values (N,) of the group aggregation."""
        wanted = pick(self.averages("group"), np.array([0]))
        weight, influence = self.weights(wanted)
        return weight[0], influence[:, 0]

    def describe(
        self, wanted: Averages, estimand: str, n_obs: int, texts: tuple[str, ...]
    ) -> Estimate:
        """Return averages as an estimate with counts."""
        weight, influence = self.weights(wanted)
        return self._build(
            wanted.terms, wanted.event_time, weight, influence, estimand, n_obs, texts
        )

    def describe_cells(self, headline: tuple[FloatArray, FloatArray], n_obs: int) -> Estimate:
        """Return the group aggregation's overall effect followed by the cells."""
        cells, solution = self.problem.cells, self.solution
        weight, influence = headline
        shown = np.flatnonzero(solution.valid)
        each = np.zeros((shown.size, cells.path.size))
        each[np.arange(shown.size), shown] = 1.0
        pairs = zip(cells.group[shown].tolist(), cells.period[shown].tolist(), strict=True)
        names = tuple(f"group={group:g},time={period}" for group, period in pairs)
        event = (cells.period - cells.group)[shown]
        columns = solution.held
        columns[:, 0] = influence
        if not solution.valid.all():
            columns = columns[:, np.concatenate([[0], 1 + shown])]
        return self._build(
            ("overall", *names),
            np.concatenate([[np.nan], event]),
            np.vstack([weight, each]),
            columns,
            ESTIMANDS["cells"],
            n_obs,
            (),
        )

    def _build(
        self,
        terms: tuple[str, ...],
        event_time: FloatArray,
        weight: FloatArray,
        influence: FloatArray,
        estimand: str,
        n_obs: int,
        texts: tuple[str, ...],
    ) -> Estimate:
        problem, solution = self.problem, self.solution
        point = weight @ solution.att
        covariance = influence_covariance(influence, problem.cluster)
        size = float(max(problem.outcome.max(), -problem.outcome.min()))
        std_error = np.sqrt(np.diag(covariance))
        std_error = np.where(std_error > 1e-12 * max(size, 1e-300), std_error, np.nan)
        low, high, p_value = analytic_interval(point, std_error, self.level, None)
        rows, units, treated = count_rows(problem, self.kinds, weight)
        clusters = int(problem.cluster.max()) + 1
        return Estimate(
            estimator="group_time",
            estimand=estimand,
            terms=terms,
            point=point,
            covariance=covariance,
            std_error=std_error,
            conf_low=low,
            conf_high=high,
            p_value=p_value,
            df=None,
            level=self.level,
            se_method=(
                f"Standard errors from influence values summed in {clusters} clusters, "
                "without a small-sample factor."
            ),
            interval_method=f"{self.level:.0%} intervals and p-values from the normal.",
            inference="influence_normal",
            n_obs=n_obs,
            n_units=problem.outcome.shape[0],
            n_treated_units=int(problem.paths.is_treated[solution.codes].sum()),
            n_clusters=clusters,
            term_obs=rows,
            term_units=units,
            term_treated_units=treated,
            event_time=event_time,
            influence=influence,
            warnings=texts,
            references=REFERENCES,
            source=self,
        )


def _as_replaced(part: Estimate, whole: Estimate) -> Estimate:
    """Return fewer event times with the intervals and p-values of the whole aggregation.

    Permutation tests belong to one average: where leaving out event times makes another overall
    effect, that has none.
    """
    if whole.inference != "permutation":
        return replace(part, interval_method=whole.interval_method)
    ends = np.full((3, len(part.terms)), np.nan)
    for k, term in enumerate(part.terms):
        if term in whole.terms:
            place = whole.terms.index(term)
            if k > 0 or np.isclose(part.point[0], whole.point[0], rtol=1e-12, atol=0):
                ends[:, k] = (
                    whole.conf_low[place],
                    whole.conf_high[place],
                    whole.p_value[place],
                )
    return replace(
        part,
        conf_low=ends[0],
        conf_high=ends[1],
        p_value=ends[2],
        inference=whole.inference,
        interval_method=whole.interval_method,
    )
