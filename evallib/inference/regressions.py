"""The inference policy of regressions: CR1, wild bootstrap or permutation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evallib.design import Design
from evallib.estimate import Estimate
from evallib.estimate.result import FloatArray
from evallib.estimate.thinness import Thinness
from evallib.inference.bands import sup_t_band
from evallib.inference.permuted_designs import permute_design
from evallib.inference.permuted_terms import IN_BATCHES
from evallib.inference.policy import (
    PERMUTATION_DRAWS,
    SLOPES_UNTESTED,
    choose_action,
    lead_facts,
    resampled_band,
    rule_sentence,
)
from evallib.inference.refits import REFITS
from evallib.inference.tested import WITH_CELLS, apply_wild, jackknife_details, live_terms
from evallib.inference.wald import wald_leads


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
    action = "analytic"
    if thinness is not None:
        action = choose_action("regression", thinness, design.inference)
    terms = live_terms(fitted, design.window)
    facts: dict[str, Any] = dict(
        jackknife_details(terms, thinness is not None and thinness.is_thin)
    )
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
    rule = ""
    if thinness is not None:
        rule = f" {rule_sentence('regression', thinness, design.inference)}"
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


def _permute(
    design: Design, fitted: Estimate, rng: np.random.Generator
) -> tuple[Estimate, dict[str, Any]]:
    in_batches = fitted.estimator in IN_BATCHES
    draws, inverted = (PERMUTATION_DRAWS, fitted.terms[0]) if in_batches else (REFITS, "")
    done, terms, case, facts = permute_design(design, fitted, rng, draws, inverted)
    if case.used:
        done = replace(done, interval_method=f"{done.interval_method} {SLOPES_UNTESTED}")
    if fitted.estimator == "event_study":
        leads = lead_times(design, terms.event_time)
        facts["leads"] = lead_facts(terms, leads, design.level)
        facts["band"] = resampled_band(done, terms)
    return done, facts
