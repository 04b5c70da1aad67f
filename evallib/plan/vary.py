"""A plan with other values of some choices, and what is wrong with its alternatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from evallib.errors import Fault, PlanError
from evallib.plan.broken import Broken
from evallib.plan.model import Plan
from evallib.plan.overrides import Override, apply_overrides
from evallib.plan.reading import dotted
from evallib.plan.specifications import CHOICES, overrides_of
from evallib.plan.wording import in_plain_words


def vary(plan: Plan, choices: Mapping[str, Any]) -> Plan:
    """Return a plan with other values of some choices, and no alternatives of its own.

    Parameters
    ----------
    plan : Plan
    choices : mapping
        Values by choice, see `evallib.plan.specifications.Specifications`. A value of an outcome
        is set for every outcome, one of an index for every index.

    Raises
    ------
    PlanError
        Where the values cannot stand together, one line a problem.

    Examples
    --------
    >>> from evallib.plan import load_plan
    >>> vary(load_plan("peer_challenge"), {"min_confidence": "high"}).min_confidence
    'high'
    """
    varied = _attempt(plan, choices)
    if isinstance(varied, Plan):
        return varied
    faults = []
    for broken in varied:
        where = f"plan {plan.name}{', ' if broken.loc else ''}{dotted(broken.loc)}"
        faults.append(Fault(where, broken.what, broken.why, broken.remedy))
    raise PlanError(faults)


def broken_alternatives(plan: Plan) -> Iterator[Broken]:
    """Yield every alternative of a plan that cannot stand in place of the plan's own value."""
    for choice in CHOICES:
        for at, value in enumerate(getattr(plan.specifications, choice)):
            varied = _attempt(plan, {choice: value})
            for broken in [] if isinstance(varied, Plan) else varied:
                where = f"{dotted(broken.loc)}: " if broken.loc else ""
                here = ("specifications", choice, at)
                yield Broken(here, f"{where}{broken.what}", broken.why, broken.remedy)


def _attempt(plan: Plan, choices: Mapping[str, Any]) -> Plan | list[Broken]:
    """Return the plan with other values, or what is wrong with it."""
    overrides = [Override(key, value) for key, value in overrides_of(plan, choices).items()]
    values = apply_overrides(plan.effective() | {"specifications": {}}, overrides)[0]
    try:
        varied = Plan.model_validate(values)
    except ValidationError as error:
        return [in_plain_words(detail) for detail in error.errors(include_url=False)]
    if plan.path is None:
        return varied
    return varied.with_source(plan.name, plan.path, plan.overrides, plan.differences())
