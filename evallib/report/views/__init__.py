"""Views: what the notebooks show, one function a section, from objects to tables and charts.

A view counts and words what the rooms below have worked out; it estimates nothing. Each is
imported when it is first asked for: a notebook about the tables does not wait for the libraries
of the estimators.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "quality": (
        "codes_and_set_aside",
        "corrections_applied",
        "data_log",
        "plan_indicators",
        "what_is_studied",
    ),
    "boundaries": ("covariates_known", "predecessor_events", "reorganisation"),
    "figures": ("missing_figures", "outcomes_by_type"),
    "missingness": ("who_is_missing",),
    "breaks": ("series_breaks",),
    "unsafe": ("unsafe_figures",),
    "index": ("index_contributions", "index_england", "index_rules"),
    "index_strength": ("index_leave_one_out", "index_missing", "index_spread", "index_tables"),
    "unrecorded": ("register_errors",),
    "register": ("dates_not_known", "joint_events", "register_coverage"),
    "coverage": ("coverage_summary",),
    "exposed": ("earlier_events", "exposure_by_year", "exposure_status"),
    "events": ("ends_of_spells", "rows_of_one_event", "states_of_escalation"),
    "first_event": ("hazard_of_first_event",),
    "flow": ("charts_of", "quality_tables", "sample_flow"),
    "samples": ("cohorts_table", "designs_table", "other_events", "outcome_paths"),
    "honest": ("honest_pretrends",),
    "audit": ("design_audit",),
    "findings": ("checks_overview", "effects"),
    "raised": ("warnings_table",),
    "estimators": ("other_estimators",),
    "judgements": ("judgement_models", "judgements_around_events", "judgements_on_file"),
    "regrading": ("judgement_transitions",),
    "selection": ("selection_and_the_mean",),
    "specifications": ("specification_curves",),
    "subgroups": ("heterogeneity", "heterogeneity_summary"),
    "verdicts": ("answer", "verdict_table"),
    "robustness": ("robustness_summary",),
    "concerns": ("checks_summary",),
    "left_out": ("councils_left_out",),
    "summary": ("both_groups_table", "disclosure", "inference_table"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Import a view when it is first used."""
    if name in _HOME:
        return getattr(importlib.import_module(f"evallib.report.views.{_HOME[name]}"), name)
    raise AttributeError(f"module 'evallib.report.views' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the views."""
    return sorted([*globals(), *__all__])
