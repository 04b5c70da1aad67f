"""The adoption paths of an estimate that was fitted to a frame, ready to be permuted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, Fault, first_five, type_words
from evallib.estimate import Estimate
from evallib.estimate.adoption_paths import encode_paths
from evallib.estimate.door import DATED
from evallib.estimate.intake import Sample, keep_units
from evallib.estimate.kept import Kept
from evallib.estimate.matched_columns import no_columns
from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.result import IntArray
from evallib.inference.paths import PathPanel
from evallib.inference.permutation import permute_paths
from evallib.inference.permuted_terms import PathCase
from evallib.inference.refits import Refit, refit_matched, refit_regression
from evallib.plan.estimators import SYNTHETIC

Strata = Mapping[Any, Any] | pd.Series
STRATA_REMEDY = "Give a mapping or Series by unit, as frame.groupby(unit)[column].first()"
PERMUTED = (
    "twfe",
    *(name for name in DATED if name not in ("group_time", "bacon", *SYNTHETIC)),
)


def frame_case(fitted: Estimate, strata: Strata | None) -> PathCase:
    """Return the units of a fitted frame on their paths, of which every row is kept.

    Parameters
    ----------
    fitted : Estimate
        As `fit` returned it, group_time aside.
    strata : mapping or Series, optional
        The stratum of each unit, by its label.

    Raises
    ------
    EstimationError
        Where paths cannot be permuted: exposure that ends, clusters that cut through units or
        have two dimensions, units without a stratum.
    """
    kept: Kept = fitted.details["kept"]
    options = kept.options
    sample = _settled(kept.sample, options)
    faults = _find_faults(fitted.estimator, sample, getattr(options, "stabilise", None))
    if faults:
        raise EstimationError(faults)
    # A two-way regression sees no exposure in a cohort beyond the last period.
    last = sample.periods[-1] if fitted.estimator in ("twfe", "event_study") else np.inf
    is_treated = np.isfinite(sample.cohort) & (sample.cohort <= last)
    paths, codes = encode_paths(sample.cohort, is_treated)
    codes_of, name = read_strata(strata, list(sample.units))
    panel = PathPanel(
        outcome=sample.outcome,
        weight=sample.weight,
        observed=sample.observed,
        covariates=sample.covariates,
        periods=sample.periods,
        units=sample.units,
        paths=paths,
        codes=codes,
        cluster=np.unique(sample.cluster.max(axis=1), return_inverse=True)[1].astype(np.int64),
        strata=codes_of,
        strata_name=name,
    )
    everything = np.ones((paths.cohort.size, sample.periods.size), dtype=bool)
    used = tuple(range(len(sample.covariates)))
    refit: Callable[[], Refit] = partial(
        refit_regression, fitted.estimator, options, panel, everything, list(used)
    )
    if isinstance(options, MatchedOptions):
        columns = kept.columns or no_columns(*sample.outcome.shape)
        refit = partial(refit_matched, options, panel, everything, columns)
    slopes = tuple(getattr(options, "covariates", ()))
    window = options.window if fitted.estimator == "event_study" else None
    return PathCase(panel, everything, used, slopes, window, refit)


def _settled(sample: Sample, options: Any) -> Sample:
    """Return the sample without the units that the estimator leaves out for missing a period."""
    if getattr(options, "allow_unbalanced", True):
        return sample
    return keep_units(sample, np.asarray(sample.observed.all(axis=1)))


def _find_faults(name: str, sample: Sample, stabilise: object) -> list[Fault]:
    """Return why the paths of a sample cannot be permuted."""
    faults = []
    if name not in PERMUTED:
        what = f"{name} has no adoption paths to permute"
        faults.append(
            Fault("how='permutation'", what, "", f"Use it for group_time, {', '.join(PERMUTED)}")
        )
    elif not sample.has_exposure:
        what = "the regression has no exposure to permute"
        faults.append(Fault("how='permutation'", what, "", "Fit it with cohort= or treatment="))
    elif not sample.is_absorbing or stabilise is not None:
        what = "exposure ends again for some units"
        why = "a path is a first exposed period"
        faults.append(Fault("how='permutation'", what, why, "Use how='wild_bootstrap' or 'cr3'"))
    if sample.second is not None or sample.unit_cluster is None:
        what = "clusters have two dimensions or cut through units"
        why = "whole units, and clusters of them, change paths"
        faults.append(Fault("how='permutation'", what, why, "Fit with clusters of whole units"))
    return faults


def read_strata(strata: Strata | None, units: list[Any]) -> tuple[IntArray, str]:
    """Return the stratum of each unit as codes from 0, and what the strata are called.

    Parameters
    ----------
    strata : mapping or Series, optional
        By the unit's label; all units are one stratum when left out.
    units : list

    Raises
    ------
    EstimationError
        For units without a stratum.
    """
    if strata is None:
        return np.zeros(len(units), dtype=np.int64), "none"
    if not isinstance(strata, Mapping | pd.Series):
        what = f"{type_words(strata)} does not say which stratum a unit is in"
        raise EstimationError([Fault("strata", what, "", STRATA_REMEDY)])
    name = str(strata.name) if isinstance(strata, pd.Series) and strata.name else "as given"
    known = dict(strata.items())
    values = [known.get(unit) for unit in units]
    missing = [unit for unit, value in zip(units, values, strict=True) if pd.isna(value)]
    if missing:
        what = f"{len(missing)} of {len(units)} units have no stratum: {first_five(missing)}"
        raise EstimationError([Fault("strata", what, "", STRATA_REMEDY)])
    codes = np.unique(np.array([str(value) for value in values]), return_inverse=True)[1]
    return codes.astype(np.int64), name


def draw_other_paths(
    codes: IntArray, strata: IntArray, cluster: IntArray, draws: int, rng: np.random.Generator
) -> IntArray:
    """Return permuted paths, as `permute_paths`.

    Raises
    ------
    EstimationError
        Where no other assignment exists.
    """
    drawn = permute_paths(codes, strata, cluster, draws, rng)
    if (drawn == codes).all():
        what = "within strata and clusters every unit keeps its path"
        remedy = "Give larger strata, or use how='wild_bootstrap' for a regression"
        raise EstimationError([Fault("strata", what, "there is nothing to permute", remedy)])
    return drawn
