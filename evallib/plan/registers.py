"""The plan's key on escalation: events in an order, of which the higher ones are studied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator

from evallib.plan.broken import Broken, Known
from evallib.plan.fields import Slug, in_words, parameter, problem
from evallib.plan.parts import Part

_KIND = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)


def _steps(value: object) -> tuple[tuple[str, ...], ...]:
    """Read an order: each item a kind, or a list of kinds that stand on one step."""
    if not isinstance(value, (list, tuple)):
        raise problem(
            f"{in_words(value)}, but it must be a list of kinds, the lowest first",
            "write like [childrens_improvement_notice, childrens_statutory_direction]",
        )
    steps = tuple(tuple(item) if isinstance(item, (list, tuple)) else (item,) for item in value)
    kinds = [kind for step in steps for kind in step]
    for kind in kinds:
        if not isinstance(kind, str) or not _KIND.fullmatch(kind):
            raise problem(
                f"holds an item that {in_words(kind)}, but each must be a kind or a list of kinds",
                "write like [childrens_improvement_notice, childrens_statutory_direction]",
            )
        if kinds.count(kind) > 1:
            raise problem(f"'{kind}' is listed twice", "keep one of the two")
    if len(steps) == 1:
        raise problem("has a single step", "list at least two, or leave order out")
    return tuple(step for step in steps if step)


class Escalation(Part):
    """Events that follow one another in an order, of which the higher ones are studied."""

    at_least: Slug = parameter(
        "The event studied is a council's first entry to this state or a higher one.",
        kind="name",
        allowed="a kind in the order",
    )
    order: Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_steps)] = parameter(
        "The states, lowest first; kinds on one step stand in a list of their own. Left out: the "
        "order of the package that holds at_least.",
        kind="list of names, or of lists of names",
        allowed="kinds in the register",
        default=(),
    )


def escalation_rules(known: Known) -> Iterator[Broken]:
    """Yield what is wrong between the order, the state that is studied and the plan's kinds."""
    escalation = known["escalation"]
    if escalation is None or not escalation.order:
        return
    held = [kind for step in escalation.order for kind in step]
    if escalation.at_least not in held:
        yield Broken(
            ("escalation", "at_least"),
            f"'{escalation.at_least}' is not in the order",
            "no event could be studied",
            f"use one of {', '.join(held)}",
        )
        return
    at = next(n for n, step in enumerate(escalation.order) if escalation.at_least in step)
    higher = {kind for step in escalation.order[at:] for kind in step}
    if not higher & set(known["kinds"]):
        yield Broken(
            ("escalation", "at_least"),
            f"none of the plan's kinds is '{escalation.at_least}' or higher",
            "no event could be studied",
            "add the kinds to kinds, or choose a lower state",
        )
