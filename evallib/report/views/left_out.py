"""Which councils the samples leave out, by name and with the reason."""

from __future__ import annotations

import pandas as pd

from evallib.plan import Plan
from evallib.report.formats import format_count
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.saved import Results, find_table, held_by

EXCLUDED = "excluded by the plan"


def councils_left_out(plan: Plan, results: Results) -> Section:
    """Name the councils that the samples leave out, a row a reason.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    results : Results
        What the notebooks of the run saved: the sample flow of the quality notebook.

    Returns
    -------
    Section
        A sentence and a table; a sentence alone where the flow was not saved.
    """
    dropped, councils = find_table(results, "councils_dropped"), find_table(results, "exposure")
    if dropped.empty or councils.empty:
        return Section("", ("No council was left out, or no notebook of this run saved the list.",))
    rows = dropped[dropped["no_record"] == plan.no_record]
    if rows.empty:
        return Section("", ("No council is left out.",))
    names = councils.drop_duplicates("council_code").set_index("council_code")["council_name"]
    outcomes = dropped["outcome"].nunique()
    lines = []
    for (step, why), group in rows.assign(why=_reasons(rows, plan)).groupby(
        ["step", "why"], sort=False
    ):
        codes = list(dict.fromkeys(group["council_code"]))
        lines.append(
            {
                "step": step,
                "why": why,
                "n_councils": len(codes),
                "outcomes": held_by(group["outcome"].nunique(), outcomes),
                "names": "; ".join(sorted(str(names.get(code, code)) for code in codes)),
            }
        )
    total = rows["council_code"].nunique()
    table = Table(
        pd.DataFrame(lines),
        "Councils left out of the samples, by reason",
        notes=(
            "Under the comparison group of the verdicts; 'recorded councils only' leaves out those "
            "without a record as well. Codes and the reason for each outcome are in "
            "tables/01_councils_dropped.csv.",
        ),
        labels={
            "step": "Step of the sample flow",
            "why": "Reason",
            "n_councils": "Councils",
            "outcomes": "Of the outcomes",
            "names": "Which",
        },
        slug="councils-left-out",
    )
    sentence = (
        f"{format_count(total, 'council')} "
        f"{'is' if total == 1 else 'are'} left out of the sample of at least one outcome."
    )
    return Section("", (sentence,), pieces=(table,))


def _reasons(rows: pd.DataFrame, plan: Plan) -> pd.Series:
    """Return each reason without the event that it is about, and the plan's own words."""
    plain = rows["reason"].astype(str).str.rpartition(": ")[2]
    return plain.mask(plain == EXCLUDED, f"{EXCLUDED}: {plan.exclude_because}")
