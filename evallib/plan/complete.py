"""The declaration that a register holds every event of its kinds between two days."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from evallib.plan.fields import Slug, Text, Unique, in_words, parameter, problem
from evallib.plan.parts import Part


def _day(value: object) -> str:
    """Return a day as text, whether YAML read it as a date or as text."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    try:
        return datetime.date.fromisoformat(str(value)).isoformat()
    except ValueError:
        what = f"{in_words(value)}, but it must be a day of the calendar"
        raise problem(what, "write like 2017-04-01") from None


Day = Annotated[str, BeforeValidator(_day)]


class Complete(Part):
    """That a register holds every event of its kinds from one day to another, and who says so."""

    first_day: Day = parameter(
        "The first day from which no event is missing.", kind="day", allowed="like 2017-04-01"
    )
    last_day: Day = parameter(
        "The last day up to which no event is missing.", kind="day", allowed="like 2025-03-31"
    )
    basis: Text = parameter("Who says so, and where.", kind="text")
    kinds: Annotated[tuple[Slug, ...], Unique] = parameter(
        "The kinds of event that it holds of; all kinds of the register unless given.",
        kind="list of names",
        default=(),
    )

    @model_validator(mode="after")
    def _in_order(self) -> Complete:
        if self.last_day < self.first_day:
            raise problem(
                f"ends on {self.last_day}, before it begins on {self.first_day}",
                "mend one of the two days",
            )
        return self

    def covers(self, kinds: tuple[str, ...]) -> bool:
        """Return whether it holds of all of some kinds."""
        return not self.kinds or set(kinds) <= set(self.kinds)
