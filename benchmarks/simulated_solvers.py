"""Estimators of plans on many simulated outcomes at once, and what the policy does there.

Given who adopts when, all but matching and synthetic comparisons are linear in the outcome: a
design is fitted once at the door, and outcomes pass through its kept algebra by the hundred.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import stats
from simulated_panels import Shape, with_outcome
from simulated_refits import Refits, solve_matched, solve_synthetic

from evallib.estimate import fit
from evallib.estimate.aggregate import averages, pick
from evallib.estimate.batch import solve_batch
from evallib.estimate.lp_did import term_fits
from evallib.estimate.regression import Problem, Solution
from evallib.estimate.within import project
from evallib.inference.fitting import COLUMNS, fit_design, left_out, options_of, rows_of
from evallib.inference.paths import PathPanel, path_problem
from evallib.inference.permutation import PermutationTest, permute_paths
from evallib.inference.permuted_imputation import PathImputation, path_terms, solve_imputations
from evallib.inference.permuted_regression import (
    PathRegression,
    path_after,
    path_events,
    path_rows,
    solve_paths,
)
from evallib.inference.policy import choose_action
from evallib.inference.wild import draw_weights, wild_bootstrap

INFLUENCE = ("group_time", "imputation", "two_stage")
IN_BATCHES = ("twfe", "event_study", *INFLUENCE)
SOLVED_ALONE = {"matched_did": solve_matched, "synthetic_did": solve_synthetic}
FIRST_TERM = {"event_study": "event_time=0"}


@dataclass(frozen=True)
class Solver:
    """One estimator on one shape.

    ``place`` is the tested term's place among the fit's. ``action`` is what the policy does with
    the first simulated outcome's fit. ``coded`` is the fit to the cells' numbers, where there is
    one already.
    """

    name: str
    shape: Shape
    fitted: Any
    place: int
    action: str
    coded: Any = None

    @property
    def df(self) -> float:
        return np.inf if self.fitted.df is None else float(self.fitted.df)

    def solve(self, outcomes: Any) -> tuple[Any, Any]:
        """Return estimates and standard errors (R,) of outcomes (R, N, T)."""
        raise NotImplementedError

    def policy_p(self, outcomes: Any, value: float, draws: int, rng: Any) -> Any:
        """Return the policy's p-values (R,) of the hypothesis that the effect is ``value``."""
        raise NotImplementedError


def find_solver(name: str, shape: Shape, first: Any, placebos: int) -> Solver:
    """Return the solver, with the fit of the first simulated outcome (N, T).

    Synthetic comparisons take so many ``placebos``; the product has 200.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        design = with_outcome(shape.design, shape.panel, first)
        if name == "synthetic_did":
            columns = {role: COLUMNS[role] for role in COLUMNS.keys() - left_out(name)}
            given = {**options_of(design, name, ()), "draws": placebos}
            fitted = fit(name, rows_of(design, name), **columns, **given)
        else:
            fitted = fit_design(design, name)
    place = fitted.terms.index(FIRST_TERM.get(name, fitted.terms[0]))
    thinness = fitted.details.get("thinness")
    action = "placebo"
    if name == "matched_did":
        action = "unreliable" if thinness.is_thin else "analytic"
    elif thinness is not None:
        action = choose_action("influence" if name in INFLUENCE else "regression", thinness)
    kind = {
        "group_time": Cells,
        "imputation": Imputed,
        "two_stage": Imputed,
        **dict.fromkeys(SOLVED_ALONE, Alone),
    }.get(name, Regression)
    return kind(name, shape, fitted, place, action)


def p_value(estimate: Any, std_error: Any, df: float, value: float = 0.0) -> Any:
    """Return two-sided p-values of the hypothesis that the effect is ``value``."""
    ratio = np.abs((estimate - value) / std_error)
    return 2 * (stats.norm.sf(ratio) if np.isinf(df) else stats.t.sf(ratio, df))


class Regression(Solver):
    @cached_property
    def _kept(self) -> tuple[Problem, Solution, Any]:
        """The regression, and the tested term as a combination of its coefficients."""
        if self.name == "lp_did":
            groups, terms = self.fitted.details["fits"]
            alone = {"fits": (groups, (terms[self.place],))}
            found = term_fits(replace(self.fitted, details=alone))[0]
            assert found is not None
            return (*found, np.eye(len(found[1].beta))[0])
        fit = self.fitted.details["fit"]
        return fit.problem, fit.solution, fit.rows[self.place]

    @cached_property
    def _source(self) -> Any:
        """The cell (of N times T) that each row of the regression is from.

        Fitted to the numbers of the cells, the regression says so itself.
        """
        panel = self.shape.panel
        coded = self.coded
        if coded is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                numbers = self.numbers.reshape(panel.outcome.shape)
                coded = fit_design(with_outcome(self.shape.design, panel, numbers), self.name)
        where = coded.details["fit"].problem.outcome
        return np.argsort(self.numbers)[np.where(self._kept[0].weight > 0, where, 0).astype(int)]

    @cached_property
    def numbers(self) -> Any:
        """A number for each cell (N T,), in no order that effects of units and periods absorb."""
        return np.random.default_rng(1).permutation(self.shape.panel.outcome.size).astype(float)

    def on(self, coded: Any) -> Regression:
        """Return the solver of the same term on other paths, given a fit there to the numbers."""
        place = coded.terms.index(self.fitted.terms[self.place])
        return replace(self, fitted=coded, place=place, coded=coded)

    def _columns(self, outcomes: Any) -> Any:
        """Return what the regression explains (R, N', T') of outcomes (R, N, T)."""
        problem = self._kept[0]
        panel, design = self.shape.panel, self.shape.design
        kept = problem.weight > 0
        if self.name == "lp_did":  # later years' mean less the base year
            assert problem.weight.shape == panel.outcome.shape
            last, base = self.fitted.details["window"][1], 1 + design.anticipation
            change = np.zeros_like(outcomes)
            for k in range(base, panel.periods.size - last):
                change[:, :, k] = outcomes[:, :, k : k + last + 1].mean(axis=2)
                change[:, :, k] -= outcomes[:, :, k - base]
            return np.where(kept, change, 0.0)
        return np.where(kept, outcomes.reshape(len(outcomes), -1)[:, self._source], 0.0)

    def solve(self, outcomes: Any) -> tuple[Any, Any]:
        problem, solution, row = self._kept
        left = project(self._columns(outcomes), problem.projection)
        weighted = solution.projected * problem.weight
        beta = np.einsum("rnt,knt->rk", left, weighted, optimize=True) @ solution.bread
        slope = np.einsum("k,knt->nt", row @ solution.bread, weighted)
        score = np.einsum("rnt,nt->rn", left, slope)
        score -= beta @ np.einsum("knt,nt->kn", solution.projected, slope)
        codes = np.where(problem.weight > 0, problem.cluster, 0).max(axis=1)
        sums = score @ (codes[:, None] == np.arange(problem.n_clusters)).astype(float)
        own = solution.scores @ solution.bread @ row
        factor = self.fitted.std_error[self.place] / np.sqrt((own**2).sum())
        return beta @ row, np.sqrt((sums**2).sum(axis=1)) * factor

    def policy_p(self, outcomes: Any, value: float, draws: int, rng: Any) -> Any:
        if self.action == "permutation":
            if self.name not in IN_BATCHES:
                return Refits(self).policy_p(outcomes, value, draws, rng)
            return self._permuted(outcomes, value, draws, rng)
        problem, solution, row = self._kept
        columns, found = self._columns(outcomes), np.empty(len(outcomes))
        left = project(columns, problem.projection)
        for k in range(len(outcomes)):
            weights, kind, whole = draw_weights(problem.n_clusters, draws, rng)
            own = replace(problem, outcome=columns[k], projected=left[k])
            test = wild_bootstrap(own, solution.regressors, row, weights, kind, whole)
            found[k] = test.p_value(value)
        return found

    def _permuted(self, outcomes: Any, value: float, draws: int, rng: Any) -> Any:
        design, panel = self.shape.design, self.shape.panel
        fit, is_events = self.fitted.details["fit"], self.name == "event_study"
        live = fit.rows.any(axis=1) & ~np.isnan(self.fitted.event_time)
        shown = np.unique(self.fitted.event_time[live]) if is_events else None
        window = design.window if is_events else None
        problem = PathRegression(
            outcome=panel.outcome,
            weight=panel.weight,
            cluster=panel.cluster,
            regressors=path_events(panel.paths, panel.periods, shown, window),
            kept=path_rows(panel.paths, panel.periods, design.anticipation),
            exposed=panel.exposed,
            rows=fit.rows[[self.place]],
            after=path_after(panel.paths, panel.periods) if is_events else None,
        )
        return _two_by_two(problem, solve_paths, panel, outcomes, value, draws, rng)


class Cells(Solver):
    @cached_property
    def _problem(self) -> Any:
        return path_problem(self.shape.design, self.shape.panel)

    def _parts(self, outcomes: Any, codes: Any) -> Any:
        """Return estimate, that of exposure, and variances (5, R, draws)."""
        problem, _ = self._problem
        cells = problem.cells
        every = averages("group", cells.group, cells.period, cells.path)
        _, first = np.unique(cells.pair, return_index=True)
        grids = [*outcomes, self.shape.exposed]
        changes = [
            (grid[:, cells.time[first]] - grid[:, cells.base[first]]) * (problem.both > 0)
            for grid in grids
        ]
        parts = np.empty((5, len(outcomes), len(codes)))
        scale = problem.outcome.shape[0] ** 2
        for part, points, sums in solve_batch(problem, codes, pick(every, np.array([0])), changes):
            own, one = np.array(sums[:-1])[:, :, 0], sums[-1][:, 0]
            parts[0][:, part] = np.array(points[:-1])[:, :, 0]
            parts[1][:, part] = points[-1][:, 0]
            parts[2][:, part] = (own**2).sum(axis=2) / scale
            parts[3][:, part] = (own * one).sum(axis=2) / scale
            parts[4][:, part] = (one**2).sum(axis=1) / scale
        return parts

    def solve(self, outcomes: Any) -> tuple[Any, Any]:
        codes = self._problem[1]
        parts = self._parts(outcomes, codes[None])[:, :, 0]
        return parts[0], np.sqrt(parts[2])

    def policy_p(self, outcomes: Any, value: float, draws: int, rng: Any) -> Any:
        panel = self.shape.panel
        codes = self._problem[1]
        drawn = permute_paths(codes, panel.strata, panel.cluster, draws, rng)
        parts = self._parts(outcomes, np.vstack([codes, drawn]))
        return np.array(
            [PermutationTest(own[:, 0], own[:, 1:]).p_value(value) for own in parts.swapaxes(0, 1)]
        )


class Imputed(Solver):
    @cached_property
    def _problem(self) -> PathImputation:
        design, panel = self.shape.design, self.shape.panel
        return PathImputation(
            outcome=panel.outcome,
            observed=panel.observed,
            covariates=panel.covariates,
            cluster=panel.cluster,
            exposed=panel.exposed,
            kept=path_rows(panel.paths, panel.periods, design.anticipation),
            after=path_after(panel.paths, panel.periods),
            terms=path_terms(panel.paths, panel.periods, ("att",)),
            around_mean=self.name == "two_stage",
        )

    def solve(self, outcomes: Any) -> tuple[Any, Any]:
        problem, codes = self._problem, self.shape.panel.codes[None]
        there = self.shape.panel.observed
        found = np.empty((2, len(outcomes), 2))
        for k in range(0, len(outcomes), 2):  # the place of exposure takes a second outcome
            pair = np.where(there, outcomes[[k, min(k + 1, len(outcomes) - 1)]], 0.0)
            own = solve_imputations(replace(problem, outcome=pair[0], exposed=pair[1]), codes)
            estimate, variance = own[:2, 0, 0], own[[2, 4], 0, 0]
            found[:, k : k + 2, 0] = estimate[: len(outcomes) - k]
            found[0, k : k + 2] = np.column_stack([estimate, variance])[: len(outcomes) - k]
        return found[0, :, 0], np.sqrt(found[0, :, 1])

    def policy_p(self, outcomes: Any, value: float, draws: int, rng: Any) -> Any:
        panel = self.shape.panel
        return _two_by_two(self._problem, solve_imputations, panel, outcomes, value, draws, rng)


def _two_by_two(
    problem: Any, solve: Any, panel: PathPanel, outcomes: Any, value: float, draws: int, rng: Any
) -> Any:
    """Return permutation p-values; two outcomes share their drawn paths.

    That the effect is ``value`` is that there is none on outcomes less so much exposure; the place
    of exposure takes the second outcome.
    """
    found = np.empty(len(outcomes))
    rest = np.where(panel.observed, outcomes - value * panel.exposed, 0.0)
    for k in range(0, len(outcomes), 2):
        drawn = permute_paths(panel.codes, panel.strata, panel.cluster, draws, rng)
        pair = rest[k : k + 2]
        own = replace(problem, outcome=pair[0], exposed=pair[-1])
        parts = solve(own, np.vstack([panel.codes, drawn]))[:, :, 0]
        for place, (estimate, variance) in enumerate(((0, 2), (1, 4))[: len(pair)]):
            test = np.zeros_like(parts)
            test[0], test[2] = parts[estimate], parts[variance]
            found[k + place] = PermutationTest(test[:, 0], test[:, 1:]).p_value()
    return found


class Alone(Solver):
    def solve(self, outcomes: Any) -> tuple[Any, Any]:
        return SOLVED_ALONE[self.name](self, outcomes)
