"""The inference policy of regressions: CR1, wild bootstrap or permutation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from evallib.design import Design
from evallib.estimate import Estimate
from evallib.estimate.lp_did import term_fits
from evallib.estimate.result import BoolArray, FloatArray, IntArray, Inversion
from evallib.estimate.thinness import Thinness
from evallib.estimate.two_way import Fit
from evallib.inference.bands import sup_t_band
from evallib.inference.fitting import usable_covariates
from evallib.inference.paths import PathPanel, path_panel
from evallib.inference.permutation import PermutationTest, permute_paths
from evallib.inference.permuted_cells import PermutedTerms
from evallib.inference.permuted_regression import (
    PathRegression,
    path_after,
    path_events,
    path_rows,
    permute_regression,
)
from evallib.inference.policy import (
    PERMUTATION_DRAWS,
    Tested,
    apply_permuted_terms,
    apply_wild,
    choose_action,
    jackknife_details,
    lead_facts,
    permutation_sentence,
    resampled_band,
    tested_terms,
)
from evallib.inference.refits import REFITS, permute_refits
from evallib.inference.wald import wald_leads

# Estimators whose permuted draws are small algebra; the others are fitted again.
IN_BATCHES = ("twfe", "event_study")
WITH_CELLS = ("sun_abraham", "etwfe")


def infer_regression(
    design: Design, fitted: Estimate, rng: np.random.Generator
) -> tuple[Estimate, str, dict[str, Any]]:
    """Return a regression's estimate under the policy, what to say of it, and further facts.

    Parameters
    ----------
    design : Design
    fitted : Estimate
        With analytic intervals.
    rng : numpy.random.Generator
    """
    thinness: Thinness | None = fitted.details["thinness"]
    action = "analytic" if thinness is None else choose_action("regression", thinness)
    terms = _tested(design, fitted)
    facts: dict[str, Any] = dict(jackknife_details(terms, action != "analytic"))
    facts["action"] = action
    is_events = fitted.estimator == "event_study"
    done, more = fitted, ""
    if action == "permutation":
        done, found = _permute(design, fitted, rng)
        facts |= found
    elif action == "wild_bootstrap":
        done, resampled = apply_wild(fitted, terms, rng)
        if fitted.estimator in WITH_CELLS:
            more = " Single cells and event times outside the plan's window get no interval."
        if is_events:
            how = "wild bootstrap"
            leads = lead_times(design, fitted.event_time)
            facts["leads"] = lead_facts(resampled, leads, design.level, how)
            facts["band"] = resampled_band(fitted, resampled, how)
    if is_events and "leads" not in facts:
        facts["leads"] = wald_leads(fitted, lead_times(design, fitted.event_time))
    if is_events and "band" not in facts and fitted.scores is not None:
        shown = np.where(np.isnan(fitted.event_time), np.nan, fitted.std_error)
        facts["band"] = sup_t_band(fitted.point, shown, fitted.scores, fitted.level, rng)
    rule = "" if thinness is None else f" {thinness.sentence}"
    beside = ""
    if facts["cr3_reasons"]:
        beside = (
            f" CR3 standard error of {fitted.terms[0]}: {facts['cr3_std_error'][0]:.4g} "
            f"({'; '.join(facts['cr3_reasons'])})."
        )
    return done, f"{done.interval_method}{more}{rule}{beside}", facts


def lead_times(design: Design, event_time: FloatArray) -> FloatArray:
    """Return the event times inside the window that lie before the reference."""
    inside = (event_time >= design.window[0]) & (event_time < design.reference)
    return event_time[inside & ~np.isnan(event_time)]


def _tested(design: Design, fitted: Estimate) -> Sequence[Tested | None]:
    """Return the terms that are tested: single cells and distant event times are not."""
    if fitted.estimator == "lp_did":
        return [
            None if fit is None else Tested(*fit, np.eye(len(fit[1].beta))[0])
            for fit in term_fits(fitted)
        ]
    kept: Fit = fitted.details["fit"]
    terms = tested_terms(kept)
    if fitted.estimator not in WITH_CELLS:
        return terms
    inside = (fitted.event_time >= design.window[0]) & (fitted.event_time <= design.window[1])
    is_cell = np.array([",time=" in term for term in fitted.terms])
    shown = ~is_cell & (inside | np.isnan(fitted.event_time))
    return [term if chosen else None for term, chosen in zip(terms, shown, strict=True)]


def _permute(
    design: Design, fitted: Estimate, rng: np.random.Generator
) -> tuple[Estimate, dict[str, Any]]:
    panel = path_panel(design)
    facts: dict[str, Any] = {"strata": panel.strata_name}
    name = fitted.estimator
    in_batches = name in IN_BATCHES
    draws = PERMUTATION_DRAWS if in_batches else REFITS
    drawn = permute_paths(panel.codes, panel.strata, panel.cluster, draws, rng)
    permute: Callable[..., tuple[Inversion, PermutedTerms]]
    permute, inverted = (_permute_batch, fitted.terms[0]) if in_batches else (permute_refits, "")
    first, terms = permute(design, fitted, panel, drawn)
    sentence = permutation_sentence(fitted.level, draws, panel.strata_name, inverted)
    if usable_covariates(design, name):
        sentence += " Slopes of covariates get no interval: paths are no test of them."
    done = apply_permuted_terms(fitted, terms, first, sentence)
    if fitted.estimator == "event_study":
        leads = lead_times(design, terms.event_time)
        facts["leads"] = lead_facts(terms, leads, design.level)
        facts["band"] = resampled_band(done, terms)
    return done, facts


def _permute_batch(
    design: Design, fitted: Estimate, panel: PathPanel, drawn: IntArray
) -> tuple[PermutationTest, PermutedTerms]:
    kept: Fit = fitted.details["fit"]
    is_events = fitted.estimator == "event_study"
    is_slope = np.isin(fitted.terms, design.covariates)
    live: BoolArray = np.asarray(kept.rows.any(axis=1) & ~is_slope)
    shown = None
    if is_events:
        shown = np.unique(fitted.event_time[live & ~np.isnan(fitted.event_time)])
    used = [design.covariates.index(name) for name in usable_covariates(design, fitted.estimator)]
    size = np.abs(panel.covariates[used]).max(axis=(1, 2), keepdims=True, initial=1e-300)
    problem = PathRegression(
        outcome=panel.outcome,
        weight=panel.weight,
        cluster=panel.cluster,
        regressors=path_events(
            panel.paths, panel.periods, shown, design.window if is_events else None
        ),
        kept=path_rows(panel.paths, panel.periods, design.anticipation),
        exposed=panel.exposed,
        rows=kept.rows[live],
        after=path_after(panel.paths, panel.periods) if is_events else None,
        covariates=panel.covariates[used] / size,
    )
    names = tuple(term for term, is_live in zip(fitted.terms, live, strict=True) if is_live)
    return permute_regression(problem, panel.codes, drawn, names, fitted.event_time[live])
