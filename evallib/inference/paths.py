"""A design's councils on a grid with their adoption paths, ready to be permuted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.design import Design
from evallib.estimate.adoption_paths import Paths, encode_paths, last_is_comparison
from evallib.estimate.group_time import Problem, prepare
from evallib.estimate.intake import Sample, keep_units
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.inference.permutation import choose_strata


@dataclass(frozen=True, slots=True)
class PathPanel:
    """Every row of a design's councils on a grid, with the path and stratum of each council.

    Parameters
    ----------
    outcome, weight : array, shape (N, T)
        Weight 0 where a row is missing.
    observed : boolean array, shape (N, T)
    covariates : array, shape (k, N, T)
        Of the design, 0 where a row is missing.
    periods : integer array, shape (T,)
    units : array of str, shape (N,)
        Council codes, sorted.
    paths : Paths
    codes, cluster, strata : integer array, shape (N,)
    strata_name : str
    """

    outcome: FloatArray
    weight: FloatArray
    observed: BoolArray
    covariates: FloatArray
    periods: IntArray
    units: np.ndarray[tuple[int], np.dtype[np.object_]]
    paths: Paths
    codes: IntArray
    cluster: IntArray
    strata: IntArray
    strata_name: str

    @property
    def exposed(self) -> FloatArray:
        """1 where a council is exposed in truth, later-treated ones included, shape (N, T)."""
        cohort = self.paths.cohort[self.codes]
        after = self.periods[None, :] >= cohort[:, None]
        return np.asarray(after & self.observed, dtype=float)


def path_panel(design: Design) -> PathPanel:
    """Return every row of a design's councils on a grid, with paths and strata."""
    councils = design.councils.sort_values("council_code")
    code = councils["council_code"].to_numpy()
    full = design.full[design.full["council_code"].isin(code)]
    unit = np.searchsorted(code.astype(str), full["council_code"].to_numpy().astype(str))
    periods, time = np.unique(full["period"].to_numpy(), return_inverse=True)
    shape = (code.size, periods.size)
    outcome, weight = np.zeros(shape), np.zeros(shape)
    outcome[unit, time] = full["value"].to_numpy(dtype=float)
    weight[unit, time] = full["weight"].to_numpy(dtype=float) if design.weighted else 1.0
    covariates = np.zeros((len(design.covariates), *shape))
    for place, name in enumerate(design.covariates):
        covariates[place, unit, time] = full[name].to_numpy(dtype=float)
    cohort = councils["cohort"].to_numpy(dtype=float, na_value=np.nan)
    is_treated = councils["is_treated"].to_numpy(dtype=bool)
    paths, codes = encode_paths(np.where(np.isnan(cohort), np.inf, cohort), is_treated)
    kinds = np.unique(councils["council_type"].astype(str), return_inverse=True)[1]
    regions = np.unique(councils["region"].astype(str), return_inverse=True)[1]
    strata, strata_name = choose_strata(kinds, regions, is_treated)
    return PathPanel(
        outcome=outcome,
        weight=weight,
        observed=weight > 0,
        covariates=covariates,
        periods=periods.astype(np.int64),
        units=code.astype(object),
        paths=paths,
        codes=codes,
        cluster=np.unique(councils["cluster"].astype(str), return_inverse=True)[1].astype(np.int64),
        strata=strata,
        strata_name=strata_name,
    )


def path_problem(design: Design, panel: PathPanel) -> tuple[Problem, IntArray]:
    """Return the group-time problem of a design's councils, and the path of each.

    Parameters
    ----------
    design : Design
    panel : PathPanel
        See `path_panel`.
    """
    cohort, treated = panel.paths.cohort[panel.codes], panel.paths.is_treated[panel.codes]
    paths, codes = encode_paths(cohort, last_is_comparison(cohort, treated))
    problem = prepare(
        panel.outcome,
        panel.observed,
        panel.periods,
        paths,
        comparison="never_treated" if design.comparison == "never_treated" else "not_yet_treated",
        base="universal",
        anticipation=design.anticipation,
        weight=panel.weight.max(axis=1),
        cluster=panel.cluster,
        covariates=panel.covariates,
    )
    return problem, codes


def sample_on_paths(
    panel: PathPanel, codes: IntArray, kept: BoolArray, covariates: list[int]
) -> Sample:
    """Return the sample that an estimator would see, had councils taken these paths.

    Parameters
    ----------
    panel : PathPanel
    codes : integer array, shape (N,)
        The path of each council.
    kept : boolean array, shape (P, T)
        The rows that a council on each path keeps.
    covariates : list of int
        Which covariates it takes.
    """
    there = panel.observed & kept[codes]
    cohort = np.where(panel.paths.is_treated, panel.paths.cohort, np.inf)[codes]
    exposed = (panel.periods[None, :] >= cohort[:, None]) & there
    sample = Sample(
        outcome=np.where(there, panel.outcome, 0.0),
        observed=there,
        units=panel.units,
        periods=panel.periods,
        cohort=cohort,
        treatment=exposed.astype(float),
        weight=np.where(there, panel.weight, 0.0),
        cluster=np.where(there, panel.cluster[:, None], -1),
        covariates=np.where(there, panel.covariates[covariates], 0.0),
    )
    alive: BoolArray = np.asarray(there.any(axis=1))
    return sample if alive.all() else keep_units(sample, alive)
