"""What becomes of every event of a register in a plan: studied, compared, left out, or nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.exposure.events import NEVER, NONE_BETWEEN, is_dated, orphan_reviews
from evallib.exposure.exposure import DATE_UNKNOWN, Exposure
from evallib.panel.build import Panel
from evallib.panel.days import first_day, studied_days
from evallib.panel.ladders import studied_kinds
from evallib.panel.plan_faults import find_register
from evallib.plan import Plan

STUDIED, LATER, LEFT_OUT, NOTHING = "studied", "later", "council left out", "no effect"
USES = ["use", "why", "events"]


def event_uses(plan: Plan, panel: Panel, exposure: Exposure) -> pd.DataFrame:
    """Count the rows of a plan's register by what becomes of them.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    pandas.DataFrame
        use (``studied``: a council's first event of the studied years; ``later``: its first after
        them, so that it compares until then; ``council left out``: it makes the council neither
        treated nor a control; ``no effect``), why (in words; empty where `use` says all) and
        events, one row a reason. A row that the register holds counts once, under the first
        reason that applies.
    """
    begin, end = studied_days(plan)
    events = exposure.events[~exposure.events["kind"].isin([NEVER, NONE_BETWEEN])]
    events = events.reset_index(drop=True)
    code, day = events["council_code"], events["event_date"]
    kinds = studied_kinds(plan)
    office = panel.store.councils.drop_duplicates("council_code").set_index("council_code")
    since, until = (
        pd.to_datetime(code.map(office[name]), errors="coerce")
        for name in ("valid_from", "valid_to")
    )
    own = exposure.councils.set_index("council_code")
    first, status = code.map(own["event_date"]), code.map(own["status"])
    passed = code.isin(exposure.passed_on["of_council"] if len(exposure.passed_on) else [])
    back = first_day(begin.year - plan.history.years)
    history = (plan.history.action == "drop") & (day >= back) & (day < begin)
    coarse = ~is_dated(events, plan.date_precision, "low")
    unsure = ~coarse & ~is_dated(events, plan.date_precision, plan.min_confidence)
    reviews = orphan_reviews(events, kinds)
    orphan = events.index.isin(reviews.index[reviews["latest"] >= begin])
    orphan &= ~(first <= reviews["earliest"].reindex(events.index))
    rules = (
        (
            orphan & code.isin(own.index),
            LEFT_OUT,
            "of a review whose challenge is not on file",
        ),
        (~events["kind"].isin(kinds), NOTHING, "of a kind that the plan does not study"),
        (events["earliest"] > until, NOTHING, "after the council was abolished"),
        (events["latest"] < since, NOTHING, "before the council began"),
        (
            passed & ~code.isin(own.index),
            STUDIED,
            "of an abolished council, counted as its successor's",
        ),
        (~code.isin(own.index), NOTHING, "of a council without a figure of the plan's outcomes"),
        (history, LEFT_OUT, f"in the {plan.history.years} years before the studied ones"),
        (events["latest"] < begin, NOTHING, f"before the studied years from {plan.known_from} on"),
        (coarse & (first <= events["earliest"]), NOTHING, "after the council's first event"),
        (coarse, LEFT_OUT, f"dated more coarsely than to the {plan.date_precision}"),
        (unsure & (first <= events["earliest"]), NOTHING, "after the council's first event"),
        (unsure, LEFT_OUT, f"of a confidence below {plan.min_confidence}"),
        (status == DATE_UNKNOWN, LEFT_OUT, "of a council that may have had an undated one before"),
        (day > first, NOTHING, "after the council's first event"),
        (day > end, LATER, ""),
    )
    table = pd.DataFrame({"use": STUDIED, "why": ""}, index=events.index)
    open_ = pd.Series(True, index=events.index)
    for applies, use, why in rules:
        here = open_ & np.asarray(applies, dtype=bool)
        table.loc[here, ["use", "why"]] = (use, why)
        open_ &= ~here
    aside = find_register(panel.store, plan.register, "register")["set_aside"]
    more = [(NOTHING, why) for why in aside[aside != ""]]
    more += [(NOTHING, "a second row of an event")] * len(exposure.joined)
    table = pd.concat([table, pd.DataFrame(more, columns=USES[:2])], ignore_index=True)
    counts = table.value_counts(["use", "why"], sort=False).rename("events").reset_index()
    order = counts["use"].map({STUDIED: 0, LATER: 1, LEFT_OUT: 2, NOTHING: 3})
    return counts.assign(order=order).sort_values(
        ["order", "events", "why"], ascending=[True, False, True], ignore_index=True
    )[USES]
