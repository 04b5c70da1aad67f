"""What the summary shows of the register: how much of the published totals it holds."""

from __future__ import annotations

from evallib.plan import Plan
from evallib.report.sections import Section
from evallib.report.views.register import coverage_against_totals, coverage_sentence
from evallib.report.views.saved import Results, find_table, saved_table


def coverage_summary(plan: Plan, results: Results) -> Section:
    """Say beside the result how much of the published totals the register holds.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    results : Results
        What the notebooks saved; the totals are those of the quality notebook.

    Returns
    -------
    Section
        A sentence and a chart; a sentence alone where no total of the studied events is published,
        or where the register is declared complete.
    """
    declared = find_table(results, "register_complete")
    said = tuple(declared["sentence"].astype(str)) if len(declared) else ()
    if said and declared["is_whole"].astype(str).str.lower().eq("true").all():
        return Section("", said)
    totals = saved_table(results, "coverage")
    if "is_studied" in totals:
        totals = totals[totals["is_studied"].astype(str).str.lower() == "true"]
    if totals.empty:
        unknown = (
            "No published total is on file for these events: how complete the register is cannot "
            "be said. A council without a record may have been exposed."
        )
        return Section("", (*said, unknown))
    held = coverage_sentence(totals, plan.known_from).replace(" it ", " the register ", 1)
    return Section("", (*said, held), pieces=(coverage_against_totals(totals),))
