"""What a declaration that a register is complete says of councils without a record."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evallib.panel.build import span_of
from evallib.panel.days import day_in_words, last_day, studied_days
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan
from evallib.plan.complete import Complete


@dataclass(frozen=True, slots=True)
class Completeness:
    """What the declaration says for one plan.

    Parameters
    ----------
    sentence : str
        The declaration, with its days and its basis.
    none_until : pandas.Timestamp or None
        The last day up to which a council without a record is known to have had no studied event;
        None where it is not known of any.
    gap : str
        Why such councils are not known for all of the plan's years; empty where they are.
    """

    sentence: str
    none_until: pd.Timestamp | None
    gap: str

    @property
    def is_whole(self) -> bool:
        """Whether every council without a record is known to have had no event."""
        return not self.gap


def read_completeness(plan: Plan, complete: Complete) -> Completeness:
    """Say what a declaration settles for a plan.

    It settles nothing unless it holds of every kind that is studied, from the first day of the
    studied years on; then it does up to its last day. A council may have had an event after that,
    so that it is a known control only where the last day is not before the plan's.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    complete : Complete
        What is declared of its register.
    """
    first, last = pd.Timestamp(complete.first_day), pd.Timestamp(complete.last_day)
    begin = studied_days(plan)[0]
    end = last_day(span_of(plan)[1])
    sentence = (
        f"The register {plan.register} is declared complete from {day_in_words(first)} to "
        f"{day_in_words(last)} ({complete.basis})"
    )
    lacking = [kind for kind in studied_kinds(plan) if kind not in complete.kinds]
    if not complete.covers(studied_kinds(plan)):
        gap = f"of {', '.join(complete.kinds)} only, and the plan also studies {', '.join(lacking)}"
        return Completeness(sentence, None, gap)
    if first > begin:
        gap = (
            f"the plan studies events from {day_in_words(begin)} on, before the first of these days"
        )
        return Completeness(sentence, None, gap)
    if last < end:
        gap = f"the plan's years run to {day_in_words(end)}, after the last of these days"
        return Completeness(sentence, last if last >= begin else None, gap)
    return Completeness(sentence, last, "")


def completeness_words(found: Completeness) -> str:
    """Return the declaration and what it means for councils without a record.

    Parameters
    ----------
    found : Completeness
        What the declaration says for a plan.
    """
    if found.is_whole:
        return f"{found.sentence}: councils without a record are known not to have been exposed."
    remedy = (
        "shorten the years, or declare it up to that day"
        if found.none_until is not None
        else "widen the declaration if that is true"
    )
    return f"{found.sentence}, but {found.gap}: councils without a record stay unknown; {remedy}."
