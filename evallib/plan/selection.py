"""Which comparison councils an event may have touched, and outcomes that it should not change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from evallib.plan.broken import Broken, Known
from evallib.plan.fields import Unique, parameter
from evallib.plan.parts import Measured

SpilloverName = Literal["same_county", "neighbours", "joint_partners"]


def _spillovers(value: object) -> Any:
    """Return none as an empty list, and a single name as a list of it."""
    if value == "none":
        return ()
    return [value] if isinstance(value, str) else value


Spillovers = Annotated[tuple[SpilloverName, ...], BeforeValidator(_spillovers), Unique]
SPILLOVERS: Any = parameter(
    "Comparison councils that an exposed council may have touched are left out: those of the same "
    "county, of the same region and council type, or partners in a joint event of any date.",
    kind="none, a choice or a list of choices",
    allowed="none, same_county, neighbours, joint_partners",
    default=(),
)
PLACEBO_OUTCOMES: Any = parameter(
    "Placebo outcomes: indicators that the event should not change. They are estimated like the "
    "headline and never judged; if they change, exposed and comparison councils differ otherwise.",
    kind="list of keys with values",
    default=(),
)


class PlaceboOutcome(Measured):
    """One indicator that the studied event should not change."""

    @property
    def role(self) -> str:
        """A placebo, which no verdict is given of."""
        return "placebo"

    @property
    def meaningful_change(self) -> float:
        """Not a number: no change of a placebo is asked for."""
        return float("nan")


def placebo_rules(known: Known) -> Iterator[Broken]:
    """Yield placebo outcomes that the plan evaluates as well."""
    judged = {outcome.indicator for _, outcome in known["outcomes"]}
    for at, placebo in known["placebo_outcomes"]:
        if placebo.indicator in judged:
            yield Broken(
                ("placebo_outcomes", at, "indicator"),
                f"'{placebo.indicator}' is also in outcomes",
                "an outcome that the event may move is no placebo",
                "keep it in one of the two",
            )
