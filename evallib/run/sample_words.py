"""What a plan makes of its events, of treated councils and of reorganised ones, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from evallib.design import Design, Designs
from evallib.exposure import Exposure
from evallib.exposure.completeness import completeness_words
from evallib.exposure.exposure import NO_RECORD
from evallib.exposure.uses import LATER, LEFT_OUT, NOTHING, STUDIED, event_uses
from evallib.panel import Panel
from evallib.panel.derived import reach
from evallib.plan import Plan

_DID = {
    "added_up": "made from several predecessors",
    "continued": "continued from one predecessor",
    "recast_used": "with the publisher's recast figures",
    "passed_on": "in their successors' figures",
    "kept": "kept for their time in office",
}


def sample_words(plan: Plan, panel: Panel, exposure: Exposure, designs: Designs) -> Iterator[str]:
    """Yield what becomes of the register's events, of treated councils and of reorganised ones.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel, exposure, designs
        Its panel, exposure and designs.

    Yields
    ------
    str
        A sentence about the register, one about a declaration that it is complete, and two an
        outcome where there is something to tell.
    """
    yield from _events(plan, panel, exposure)
    if exposure.completeness is not None:
        yield completeness_words(exposure.completeness)
    elif plan.register in {table.register for table in plan.own_data}:
        without = int((exposure.councils["status"] == NO_RECORD).sum())
        yield (
            f"register {plan.register}: {_count(without, 'council')} of the panel without a "
            "record; if the table holds every event, say so with complete: (docs/your_own_data.md)."
        )
    for design in designs:
        yield from _treated(exposure, design)
    policy = f"boundaries: {plan.boundaries}"
    told = [sentence for design in designs for sentence in _boundaries(plan, panel, design)]
    yield from (f"{policy}, {sentence}" for sentence in told)
    if not told:
        yield f"{policy} leaves out no council and changes no figure."


def _events(plan: Plan, panel: Panel, exposure: Exposure) -> Iterator[str]:
    uses = event_uses(plan, panel, exposure)
    total = int(uses["events"].sum())
    parts = [f"register {plan.register}: {_count(total, 'event')}"]
    for use, words in (
        (STUDIED, "first of their councils in the studied years"),
        (LATER, "after the last studied year, whose councils compare until then"),
        (LEFT_OUT, "that leave their council out, neither treated nor compared"),
        (NOTHING, "without effect on the estimates"),
    ):
        rows = uses[uses["use"] == use]
        if len(rows):
            parts.append(f"{rows['events'].sum():,} {words}{_reasons(rows, 'why', 'events')}")
    yield "; ".join(parts) + "."


def _reasons(rows: pd.DataFrame, why: str, counts: str) -> str:
    told = [
        f"{count:,} {reason}"
        for reason, count in rows[[why, counts]].itertuples(index=False)
        if reason
    ]
    return f" ({', '.join(told)})" if told else ""


def _treated(exposure: Exposure, design: Design) -> Iterator[str]:
    """Say which councils with a studied event an outcome does not count as treated, and why."""
    met = exposure.councils.loc[exposure.councils["status"] == "in_window", "council_code"]
    kept = design.councils.set_index("council_code")["is_treated"]
    dropped = design.dropped.drop_duplicates("council_code").set_index("council_code")["step"]
    reasons = []
    for code in met:
        if code in dropped.index:
            step = str(dropped[code])
            reasons.append(f"left out: {step[:1].lower()}{step[1:]}")
        elif code not in kept.index:
            reasons.append("without a figure in its years")
        elif not kept[code]:
            reasons.append("without a figure after the event")
    if reasons:
        counts = pd.Series(reasons).value_counts().rename_axis("why").reset_index(name="councils")
        yield (
            f"outcome {design.outcome}: {design.n_treated} of {_count(len(met), 'council')} with a "
            f"studied event are treated; the others: "
            f"{_reasons(counts, 'why', 'councils').strip(' ()')}."
        )


def _boundaries(plan: Plan, panel: Panel, design: Design) -> Iterator[str]:
    """Say how many councils and figures the policy for reorganised councils left out or made."""
    step = design.flow[design.flow["step"] == "Touched by reorganisation"].iloc[0]
    parts = []
    if step["councils_dropped"]:
        gone = _count(int(step["councils_dropped"]), "council")
        years = _count(int(step["council_years_dropped"]), "council-year")
        parts.append(f"left out {gone} with {years}: {step['why']}")
    if plan.boundaries != "drop":
        account = panel.boundaries.table
        used = reach(plan, plan.outcome(design.outcome))
        rows = account[account["indicator"].isin(used)]
        councils = rows.drop_duplicates(["council_code", "did"])["did"].value_counts()
        parts += [
            f"{_count(int(councils[k]), 'council')} {w}" for k, w in _DID.items() if k in councils
        ]
        for column, words in (
            ("aggregated", "aggregated"),
            ("recast_set_aside", "recast on other boundaries and not used"),
            ("years_missing", "missing because a predecessor lacks one"),
        ):
            if count := int(rows[column].sum()):
                parts.append(f"{_count(count, 'figure')} {words}")
    if parts:
        yield f"outcome {design.outcome}: {'; '.join(parts)}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
