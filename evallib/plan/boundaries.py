"""The part of a plan about reorganisation: whose events reach a successor, and its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from evallib.plan.broken import Broken, Known
from evallib.plan.fields import Number, parameter
from evallib.plan.parts import Part

BoundaryPolicy = Literal["drop", "aggregate_to_successor", "keep_predecessors"]


class PredecessorEvents(Part):
    """How events of abolished councils reach the council that followed them."""

    rule: Literal["any", "first", "share"] = parameter(
        "any: every event of any predecessor; first: of the studied kinds only what may be the "
        "earliest; share: once predecessors holding `share` of the population had one.",
        kind="choice",
        default="any",
    )
    share: Number = parameter(
        "The share of the successor's population, for the rule share; dwellings stand in.",
        kind="number",
        unit="share",
        allowed="above 0 and at most 1",
        default=0.5,
    )


def boundary_rules(known: Known) -> Iterator[Broken]:
    """Yield what is wrong between the policy, its year and the rule for events."""
    policy = known["boundaries"]
    if policy == "drop" and known["boundary_year"] is not None:
        yield Broken(
            ("boundary_year",),
            "is given, but boundaries is drop",
            "it would be ignored",
            "leave boundary_year out, or choose aggregate_to_successor or keep_predecessors",
        )
    events = known["predecessor_events"]
    if policy != "aggregate_to_successor" and events != PredecessorEvents():
        yield Broken(
            ("predecessor_events",),
            f"is given, but boundaries is {policy}",
            "it would be ignored: events are passed on where figures are",
            "leave predecessor_events out, or write boundaries: aggregate_to_successor",
        )
    if not 0 < events.share <= 1:
        yield Broken(
            ("predecessor_events", "share"),
            f"is {events.share:g}, but it must be above 0 and at most 1",
            "",
            "write it as a share, like 0.5",
        )
