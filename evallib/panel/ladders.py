"""Kinds of event that escalate, in their order, and the kinds that a plan studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evallib.errors import Fault, did_you_mean
from evallib.plan import Plan

Ladder = tuple[tuple[str, ...], ...]
# Lowest first; kinds on one step are forms of the same state. Section 114 notices and exceptional
# financial support stand on no ladder: the one is an officer's notice, the other is asked for by
# the council, and in the register either comes first.
LADDERS: Mapping[str, Ladder] = {
    "childrens_services": (
        ("childrens_non_statutory_engagement",),
        ("childrens_improvement_notice",),
        ("childrens_statutory_direction",),
        ("childrens_trust",),
    ),
    "best_value": (
        (
            "lga_improvement_board",
            "non_statutory_improvement_board",
            "non_statutory_taskforce",
            "best_value_notice",
        ),
        ("best_value_inspection",),
        ("best_value_statutory_intervention",),
    ),
}


def ladder_of(plan: Plan) -> Ladder:
    """Return the order of states that a plan's kinds belong to; empty where they have none.

    Parameters
    ----------
    plan : Plan
        The evaluation: its own order, else the package's order that holds `at_least`, else the
        one that holds all of its kinds.
    """
    if plan.escalation is not None:
        if plan.escalation.order:
            return plan.escalation.order
        wanted = {plan.escalation.at_least}
    else:
        wanted = set(plan.kinds)
    for ladder in LADDERS.values():
        if wanted <= {kind for step in ladder for kind in step}:
            return ladder
    return ()


def kinds_from(kinds: Sequence[str]) -> list[str]:
    """Return kinds and those on the same and higher steps of the package's orders.

    Examples
    --------
    >>> kinds_from(["childrens_statutory_direction"])
    ['childrens_statutory_direction', 'childrens_trust']
    """
    found = list(kinds)
    for ladder in LADDERS.values():
        start = min((n for n, step in enumerate(ladder) if set(step) & set(kinds)), default=None)
        if start is not None:
            found += [kind for step in ladder[start:] for kind in step if kind not in found]
    return found


def studied_kinds(plan: Plan) -> tuple[str, ...]:
    """Return the kinds whose first event is studied: with escalation, those high enough."""
    if plan.escalation is None:
        return plan.kinds
    ladder = ladder_of(plan)
    start = next((n for n, step in enumerate(ladder) if plan.escalation.at_least in step), 0)
    high = {kind for step in ladder[start:] for kind in step}
    return tuple(kind for kind in plan.kinds if kind in high)


def escalation_faults(plan: Plan, held: list[str], where: str) -> list[Fault]:
    """Return what a plan's escalation names that the register or the package does not hold.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    held : list of str
        Kinds of the register.
    where : str
        How messages name the plan.
    """
    if plan.escalation is None:
        return []
    state, ladder = plan.escalation.at_least, ladder_of(plan)
    if not ladder:
        known = [kind for one in LADDERS.values() for step in one for kind in step]
        return [
            Fault(
                f"{where}, escalation.at_least",
                f"{state!r} is in no order of the package.{did_you_mean(state, known)}",
                "It is not known which states are higher",
                f"Give an order, or use one of: {', '.join(known)}",
            )
        ]
    if not studied_kinds(plan):
        return [
            Fault(
                f"{where}, escalation.at_least",
                f"none of the plan's kinds is {state!r} or higher",
                "No event could be studied",
                "Add the kinds to kinds, or choose a lower state",
            )
        ]
    own = plan.escalation.order
    strange = [kind for step in own for kind in step if kind not in held]
    return [
        Fault(
            f"{where}, escalation.order",
            f"{kind!r} is not a kind of event in the register.{did_you_mean(kind, held)}",
            "The order would have a step that nobody can reach",
            f"Use kinds of the register: {', '.join(held)}",
        )
        for kind in strange
    ]
