"""What the summary shows of both comparison groups, of the inference, and of all that was tried.

Everything is read from what the other notebooks saved; nothing is fitted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from evallib.estimate.thinness import (
    MIN_CLUSTERS_A_YEAR,
    MIN_COHORT,
    MIN_EFFECTIVE,
    MIN_WEIGHT,
)
from evallib.plan import Plan
from evallib.plan.deviations import UNPLANNED
from evallib.report.formats import format_count
from evallib.report.tables import Table
from evallib.report.views.choosing import interval_text
from evallib.report.views.naming import (
    COMPARISON_WORDS,
    ESTIMATOR_WORDS,
    INTERVAL_SHORT,
    INTERVAL_WORDS,
    RULE_WORDS,
)
from evallib.report.views.saved import COUNTED, Results, saved_table, unit_of

DECIMALS = 3


def both_groups_table(plan: Plan, results: Results) -> Table:
    """Return the headline estimates under both rules for councils without a record."""
    level = f"{100 * plan.confidence_level:g}"
    verdicts = saved_table(results, "verdicts")
    units = {unit_of(row) for row in verdicts.to_dict("records")}
    shared = units.pop() if len(units) == 1 else ""
    parts = [
        {
            "outcome": _with_unit_and_role(row, shared),
            "no_record": RULE_WORDS[rule],
            "estimate": row[f"{prefix}estimate"],
            "interval": (
                interval_text(row[f"{prefix}conf_low"], row[f"{prefix}conf_high"], DECIMALS)
                if row[f"{prefix}inference"]
                else None
            ),
            "p_value": row[f"{prefix}p_value"],
            "councils": row[f"{prefix}councils"],
            "treated": row[f"{prefix}treated_councils"],
            "council_years": row[f"{prefix}council_years"],
        }
        for row, prefix, rule in _both(verdicts)
    ]
    return Table(
        pd.DataFrame(parts),
        "Headline estimates of every outcome with both comparison groups "
        f"({f'{shared}, ' if shared else ''}{level}% intervals)",
        notes=(
            f"The bounds are those of {level} per cent intervals of each estimate alone, not "
            "adjusted for the number of outcomes. How each was made stands in the next table.",
            COUNTED,
        ),
        decimals=DECIMALS,
        labels={
            "no_record": "Comparison group",
            "interval": f"{level}% interval",
            "treated": "Treated councils",
            "council_years": "Council-years",
        },
        slug="both-groups",
    )


def _with_unit_and_role(row: Mapping[Any, Any], shared: str) -> str:
    """Return an outcome's title, with its unit where none is shared and its role unless primary."""
    facts = ("" if shared else unit_of(row), "" if row["role"] == "primary" else str(row["role"]))
    said = "; ".join(filter(None, facts))
    return f"{row['title']} ({said})" if said else str(row["title"])


def inference_table(results: Results) -> Table:
    """Return which inference rule fired for every headline estimate, with its counts."""
    verdicts = saved_table(results, "verdicts")
    rows = [
        {
            "outcome": row["title"],
            "no_record": RULE_WORDS[rule],
            "interval": INTERVAL_SHORT.get(row[f"{prefix}inference"], row[f"{prefix}inference"]),
            "fired": _fired_words(str(row[f"{prefix}thin_fired"] or "")),
            "treated_clusters": row[f"{prefix}treated_clusters"],
            "comparison_clusters": row[f"{prefix}comparison_clusters"],
            "effective_clusters": row[f"{prefix}effective_clusters"],
        }
        for row, prefix, rule in _both(verdicts)
        if row[f"{prefix}inference"]
    ]
    made = {row[f"{prefix}inference"] for row, prefix, _ in _both(verdicts)} & set(INTERVAL_SHORT)
    ways = "; ".join(f"{INTERVAL_SHORT[one]}: {INTERVAL_WORDS[one]}" for one in sorted(made))
    return Table(
        pd.DataFrame(rows),
        "How each headline interval was made, and whether the thin-design rule fired",
        notes=(
            *([f"Intervals and p-values by {ways}."] if ways else []),
            "The analytic standard error is not trusted where few councils carry the estimate. "
            "Permutation tests that nobody was affected at all, given timing as good as "
            "random within council types: councils chose their timing, so the test says how "
            "surprising the estimate would be if they had not.",
            "Treated councils are compared with until their own event, so that the two counts add "
            "up to more than the councils of the estimate.",
            f"Few: under {MIN_CLUSTERS_A_YEAR} clusters in a year, or under {MIN_COHORT} councils "
            f"in a cohort, that carries over {100 * MIN_WEIGHT:.0f} per cent of the weight; under "
            f"{MIN_EFFECTIVE:.0f} effective treated clusters. Which years and cohorts stands under "
            "the estimates of each outcome, in the notebook on the effect.",
        ),
        labels={
            "no_record": "Comparison group",
            "interval": "Interval by",
            "fired": "What fired",
            "treated_clusters": "Treated clusters",
            "comparison_clusters": "Comparison clusters",
            "effective_clusters": "Effective treated clusters",
        },
        decimals=1,
        slug="inference",
    )


def _fired_words(fired: str) -> str:
    """Return in a few words which parts of the thin-design rule fired.

    Examples
    --------
    >>> _fired_words("2022 carries 16% of the weight with 17 treated clusters, fewer than 20")
    'few treated in 1 year'
    >>> _fired_words("")
    'nothing'
    """
    treated = len(re.findall(r"\d treated clusters, fewer", fired))
    comparison = len(re.findall(r"\d comparison clusters, fewer", fired))
    cohorts = fired.count("cohort ")
    said = [
        f"few treated in {format_count(treated, 'year')}" if treated else "",
        f"few comparison in {format_count(comparison, 'year')}" if comparison else "",
        f"few councils in {format_count(cohorts, 'cohort')}" if cohorts else "",
        "few effective clusters" if "effective number" in fired else "",
    ]
    return "; ".join(filter(None, said)) or "nothing"


def _both(verdicts: pd.DataFrame) -> list[tuple[Mapping[Any, Any], str, str]]:
    """Return each outcome twice: with the prefix of its columns and the rule that it follows."""
    return [
        (row, prefix, rule)
        for row in verdicts.to_dict("records")
        for prefix, rule in (("", row["no_record"]), ("other_", _other_rule(row["no_record"])))
    ]


def _other_rule(rule: str) -> str:
    return next(one for one in RULE_WORDS if one != rule)


def disclosure(results: Results) -> Table:
    """Return every specification that ran, counted by estimator and comparison group."""
    facts = results.facts
    counts = (
        facts.groupby(["estimator", "comparison", "role", "no_record"], sort=False)
        .size()
        .unstack("no_record", fill_value=0)
        .reindex(columns=list(RULE_WORDS), fill_value=0)
        .reset_index()
        .rename_axis(columns=None)
    )
    counts["estimator"] = counts["estimator"].map(lambda name: ESTIMATOR_WORDS.get(name, name))
    counts["comparison"] = counts["comparison"].map(lambda name: COMPARISON_WORDS.get(name, name))
    more, notes = _combinations(results)
    return Table(
        counts,
        f"Every specification that ran: {format_count(len(facts), 'estimate')}{more}",
        notes=(
            "Each estimate with its terms is in estimates.csv; the record below names the outcome "
            "and the inference of each. Group-time effects are counted for subgroups too.",
            *notes,
        ),
        labels={"comparison": "Compared with councils", **RULE_WORDS},
        slug="disclosure",
    )


def _combinations(results: Results) -> tuple[str, tuple[str, ...]]:
    """Return how many combinations of choices were tried besides, and where they are listed."""
    more, notes = "", []
    for name, frame in results.tables.items():
        notebook, _, slug = name.rpartition("/")
        if slug != "specification_curve" or frame.empty:
            continue
        made = int(frame["estimate"].notna().sum())
        number = notebook.split("_")[0]
        more += f", and {format_count(len(frame), 'combination')} of choices in notebook {number}"
        notes.append(
            f"Of the combinations of notebook {number}, {made:,} could be estimated and "
            f"{len(frame) - made:,} could not. They are not in the rows above: each is in "
            f"tables/{number}_{slug}.csv, with the reason where there is no estimate."
            f"{_unplanned_words(frame)}"
        )
    return more, tuple(notes)


def _unplanned_words(frame: pd.DataFrame) -> str:
    """Return how many combinations of choices a plan's lock does not name."""
    count = int((frame["planned"] == UNPLANNED).sum())
    return f" {count:,} are unplanned: the plan's lock does not name them." if count else ""
