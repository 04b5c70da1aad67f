"""What is known of a register as a whole: its kinds of event, and the day up to which it speaks.

The facts stand in the register's sidecar under ``register``; a register without them is held to
fewer rules.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from evallib.plan.complete import Complete

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class EventKind(BaseModel):
    """One kind of event of a register.

    Parameters
    ----------
    title : str
        What the kind is, in words.
    began : datetime.date, optional
        The first day on which one can have happened, where a law or a programme sets it.
    basis : str
        What sets that day; empty where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    began: datetime.date | None = None
    basis: str = ""


class RegisterFacts(BaseModel):
    """What is known of a register as a whole.

    Parameters
    ----------
    covers_to : datetime.date
        The last day of which it speaks: no event on file was seen to begin or end after it.
    kinds : mapping of str to EventKind
        Every kind that a row may have.
    complete : Complete, optional
        Between which days no event is missing, and who says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    covers_to: datetime.date
    kinds: Annotated[Mapping[str, EventKind], Field(min_length=1)]
    complete: Complete | None = Field(default=None, exclude_if=lambda said: said is None)
