"""The inference policy of estimators with influence values: normal, or permutation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evallib.design import Design
from evallib.errors import EstimationError, Fault
from evallib.estimate import Estimate
from evallib.estimate.bands import Band
from evallib.estimate.cells import CellSource
from evallib.estimate.group_time import cluster_sums
from evallib.estimate.thinness import Thinness
from evallib.inference.bands import sup_t_band
from evallib.inference.paths import path_panel, path_problem
from evallib.inference.permutation import permute_paths
from evallib.inference.permuted_cells import permute_cells
from evallib.inference.permuted_designs import permute_design
from evallib.inference.policy import (
    ASKED_WORDS,
    PERMUTATION_DRAWS,
    apply_permuted_cells,
    choose_action,
    lead_facts,
    resampled_band,
    rule_sentence,
)
from evallib.inference.refits import REFITS
from evallib.inference.regressions import lead_times
from evallib.inference.wald import wald_leads

# With covariates every draw fits propensity scores for every cell.
DRAWS_WITH_COVARIATES = 999
IMPUTATION_DRAWS = 999
OWN_PLACEBOS = (
    "Placebos are this estimator's own inference, which the thin-design rule does not replace. "
    "Councils of one joint event count apart."
)
UNRELIABLE = (
    "Thin: the analytic interval is not reliable. Permutation fits this estimator again in every "
    "draw, and is made where it is the plan's headline."
)


def infer_group_time(
    design: Design, fitted: Estimate, rng: np.random.Generator
) -> tuple[Estimate, str, dict[str, Any]]:
    """Return group-time effects under the policy, what to say of them, and further facts.

    Parameters
    ----------
    design : Design
    fitted : Estimate
        With analytic intervals.
    rng : numpy.random.Generator
    """
    thinness: Thinness = fitted.details["thinness"]
    source = fitted.source
    if not isinstance(source, CellSource):
        return fitted, fitted.interval_method, {}
    rule = rule_sentence("influence", thinness, design.inference)
    if choose_action("influence", thinness, design.inference) == "analytic":
        dynamic = fitted.aggregate("dynamic")
        band = _influence_band(dynamic, source, rng)
        leads = wald_leads(dynamic, lead_times(design, dynamic.event_time))
        method = f"{fitted.interval_method} {rule}"
        return fitted, method, {"leads": leads, "band": band, "action": "analytic"}
    panel = path_panel(design)
    problem, codes = path_problem(design, panel)
    draws = DRAWS_WITH_COVARIATES if design.covariates else PERMUTATION_DRAWS
    drawn = permute_paths(codes, panel.strata, panel.cluster, draws, rng)
    found = permute_cells(problem, codes, drawn)
    done = apply_permuted_cells(fitted, found, f"council {panel.strata_name}")
    terms = found.parts["dynamic"]
    facts = {
        "leads": lead_facts(terms, lead_times(design, terms.event_time), design.level),
        "band": resampled_band(done.aggregate("dynamic"), terms),
        "action": "permutation",
        "strata": panel.strata_name,
    }
    return done, f"{done.interval_method} {rule}", facts


def _influence_band(dynamic: Estimate, source: CellSource, rng: np.random.Generator) -> Band:
    influence = dynamic.influence if dynamic.influence is not None else np.zeros((1, 1))
    sums = cluster_sums(influence, source.problem.cluster)
    shown = ~np.isnan(dynamic.event_time)
    std_error = np.where(shown, dynamic.std_error, np.nan)
    return sup_t_band(dynamic.point, std_error, sums, dynamic.level, rng)


def infer_imputation(
    design: Design, fitted: Estimate, rng: np.random.Generator
) -> tuple[Estimate, str, dict[str, Any]]:
    """Return imputed effects under the policy, what to say of them, and further facts."""
    thinness: Thinness = fitted.details["thinness"]
    rule = rule_sentence("influence", thinness, design.inference)
    if choose_action("influence", thinness, design.inference) == "analytic":
        return fitted, f"{fitted.interval_method} {rule}", {"action": "analytic"}
    done, *_, facts = permute_design(design, fitted, rng, IMPUTATION_DRAWS, fitted.terms[0])
    return done, f"{done.interval_method} {rule}", facts


def infer_matched(
    design: Design, fitted: Estimate, rng: np.random.Generator
) -> tuple[Estimate, str, dict[str, Any]]:
    """Return matched differences under the policy, what to say of them, and further facts.

    The analytic standard error is that of Abadie and Imbens. In a thin design paths are permuted
    by matching again, where the estimator is the headline or the plan asks for few councils;
    elsewhere the interval stays and is said not to be reliable.

    Raises
    ------
    EstimationError
        When no standard error can be told, as where a cohort has one comparison cluster.
    """
    if not np.isfinite(fitted.std_error[0]):
        what = f"it matches {fitted.n_treated_units} treated councils, without a standard error"
        why = "an estimate without an interval cannot be read"
        remedy = "Take matched_did out of estimators, or give more comparison councils"
        raise EstimationError([Fault(f"outcome {design.outcome}, matched_did", what, why, remedy)])
    thinness: Thinness = fitted.details["thinness"]
    rule = rule_sentence("influence", thinness, design.inference)
    if choose_action("influence", thinness, design.inference) == "analytic":
        return fitted, f"{fitted.interval_method} {rule}", {"action": "analytic"}
    asked = "permutation" in (design.few_treated, design.inference)
    if design.headline[0] != fitted.estimator and not asked:
        done = replace(fitted, inference="analytic_thin", warnings=(*fitted.warnings, UNRELIABLE))
        method = f"{fitted.interval_method} {UNRELIABLE} {rule}"
        return done, method, {"action": "unreliable"}
    done, *_, facts = permute_design(design, fitted, rng, REFITS)
    return done, f"{done.interval_method} {rule}", facts


def infer_synthetic(
    design: Design, fitted: Estimate, rng: np.random.Generator
) -> tuple[Estimate, str, dict[str, Any]]:
    """Return a synthetic comparison with its own placebos, and what to say of them.

    Parameters
    ----------
    design : Design
    fitted : Estimate
    rng : numpy.random.Generator
        Is not drawn from: placebos are drawn from the plan's seed when the estimator is fitted.
    """
    stands = ""
    if design.inference != "policy":
        stands = f" The plan asks for {ASKED_WORDS[design.inference]}: placebos stand all the same."
    return fitted, f"{fitted.interval_method} {OWN_PLACEBOS}{stands}", {"action": "placebo"}
