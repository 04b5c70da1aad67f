"""Estimators without algebra over many outcomes, and permutation where every draw is a fit.

Matching and synthetic comparisons are fitted to one outcome after the other. Regressions whose
rows change with the paths are fitted once on each drawn assignment; what that fit keeps then takes
a hundred outcomes.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cached_property
from typing import Any
from unittest import mock

import numpy as np
from diff_diff.utils import compute_sdid_unit_weights, compute_time_weights

from evallib.errors import EstimationError
from evallib.estimate import synthetic
from evallib.estimate.columns import Notes
from evallib.estimate.door import REGRESSIONS
from evallib.estimate.options import read_options
from evallib.estimate.synthetic_inference import draw_placebos, placebo_covariance
from evallib.estimate.synthetic_warnings import take_balanced
from evallib.estimate.synthetic_weights import ENOUGH, FIRST_ROUND, SECOND_ROUND, Search
from evallib.inference.fitting import COLUMNS, options_of
from evallib.inference.paths import sample_on_paths
from evallib.inference.permutation import permute_paths
from evallib.inference.permuted_regression import path_rows
from evallib.inference.refits import refitter


def solve_matched(solver: Any, outcomes: Any) -> tuple[Any, Any]:
    """Return estimates and standard errors (R,) by matching on each of the outcomes (R, N, T)."""
    design, panel = solver.shape.design, solver.shape.panel
    found = np.empty((2, len(outcomes)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, one in enumerate(outcomes):
            own = replace(panel, outcome=np.where(panel.observed, one, 0.0))
            _, point, std_error = refitter(design, solver.name, own)(panel.codes)
            found[:, k] = point[solver.place], std_error[solver.place]
    return found[0], found[1]


def solve_synthetic(solver: Any, outcomes: Any) -> tuple[Any, Any]:
    """Return estimates and placebo standard errors (R,) of outcomes (R, N, T).

    Weights are searched by diff-diff's compiled search, which takes the same steps as ours; the
    first panel's fit at the door, with our search, shows it.
    """
    panel, kept = solver.shape.panel, solver.fitted.details["kept"]
    draws, seed = solver.fitted.details["draws"], solver.fitted.details["seed"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sample = take_balanced(solver.name, kept.sample, kept.options, Notes())
    unit = np.searchsorted(panel.units.astype(str), np.asarray(sample.units).astype(str))
    time = np.searchsorted(panel.periods, sample.periods)
    found = np.empty((2, len(outcomes)))
    with mock.patch.object(synthetic, "find_weights", _find_weights):
        for k, one in enumerate(outcomes):
            problem = synthetic.prepare(
                one[np.ix_(unit, time)],
                sample.periods,
                sample.cohort,
                is_did=True,
                anticipation=kept.options.anticipation,
            )
            codes = np.concatenate([problem.codes[None], draw_placebos(problem, draws, seed).codes])
            point = synthetic.solve(problem, codes).point[:, [solver.place]]
            found[:, k] = point[0, 0], np.sqrt(placebo_covariance(point[1:])[0, 0])
    return found[0], found[1]


def _find_weights(design: Any, target: Any, search: Search, allowed: Any) -> Any:
    """Return what our search returns, one problem after the other in compiled code."""
    found = np.zeros(allowed.shape)
    rounds = {"max_iter_pre_sparsify": FIRST_ROUND, "max_iter": SECOND_ROUND, "intercept": False}
    for row, goal, some, place in zip(found, target, allowed, range(len(target)), strict=True):
        if design.ndim == 2:
            enough = ENOUGH * search.noise
            own = (design[:, some], goal, search.zeta)
            row[some] = compute_sdid_unit_weights(*own, min_decrease=enough, **rounds)
        else:  # rows without length are left out of the stack, and the mean is over all of them
            length = np.sqrt(search.rows / design.shape[1])
            own = (design[place].T, goal[None], search.zeta * length)
            enough = ENOUGH * search.noise * length
            row[:] = compute_time_weights(*own, min_decrease=enough, **rounds)
    return found


class Refits:
    """A regression's refits on drawn paths, each of which then takes many outcomes.

    Parameters
    ----------
    solver : Regression
        On the real paths.
    """

    def __init__(self, solver: Any) -> None:
        design = solver.shape.design
        self.solver = solver
        given = options_of(design, solver.name, ())
        self.options = read_options(solver.name, {**given, "cluster": COLUMNS["cluster"]})

    @cached_property
    def _numbered(self) -> Any:
        """The panel with each cell's number for outcome, so that fits say where rows are from."""
        panel = self.solver.shape.panel
        return replace(panel, outcome=self.solver.numbers.reshape(panel.outcome.shape))

    def policy_p(self, outcomes: Any, value: float, draws: int, rng: Any) -> Any:
        """Return permutation p-values (R,); the outcomes share their drawn paths."""
        solver, panel = self.solver, self.solver.shape.panel
        kept = path_rows(panel.paths, panel.periods, solver.shape.design.anticipation)
        drawn = permute_paths(panel.codes, panel.strata, panel.cluster, draws, rng)
        estimate, std_error = solver.solve(outcomes)
        here = np.abs(estimate - value) / std_error * (1 - 1e-10)
        extreme = np.ones(len(outcomes))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for codes in drawn:
                sample = sample_on_paths(self._numbered, codes, kept, [])
                try:
                    fitted = REGRESSIONS[solver.name](sample, self.options, Notes())
                except EstimationError:
                    extreme += 1  # a draw without a fit counts as extreme, as in the policy
                    continue
                point, spread = solver.on(fitted).solve(outcomes)
                extreme += ~(np.abs(point) < here * spread)
        return extreme / (1 + draws)
