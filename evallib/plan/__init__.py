"""The plan of an evaluation: read, checked and frozen before anything runs."""

from __future__ import annotations

from evallib.plan.boundaries import PredecessorEvents
from evallib.plan.derived import Derived
from evallib.plan.indices import Index
from evallib.plan.load import find_plan, list_plans, load_plan
from evallib.plan.model import Plan
from evallib.plan.params import Parameter, json_schema, list_parameters
from evallib.plan.parts import (
    Concurrent,
    Covariate,
    Headline,
    History,
    Measured,
    Outcome,
    People,
)
from evallib.plan.places import project_root, project_roots, shown_path
from evallib.plan.years import financial_years, format_financial_year, parse_financial_year

__all__ = [
    "Concurrent",
    "Covariate",
    "Derived",
    "Headline",
    "History",
    "Index",
    "Measured",
    "Outcome",
    "Parameter",
    "People",
    "Plan",
    "PredecessorEvents",
    "financial_years",
    "find_plan",
    "format_financial_year",
    "json_schema",
    "list_parameters",
    "list_plans",
    "load_plan",
    "parse_financial_year",
    "project_root",
    "project_roots",
    "shown_path",
]
