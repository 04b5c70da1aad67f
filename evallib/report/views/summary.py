"""What the evidence summary shows: the answer, what it rests on, and what weakens it.

Everything is read from what the other notebooks saved; nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from evallib.errors import DataError, Fault
from evallib.plan import Plan
from evallib.plan.lock import read_lock
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import format_count
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.departures import departures, family_notes, not_locked, rule_words
from evallib.report.views.findings import ESTIMATOR_WORDS
from evallib.report.views.naming import INTERVAL_WORDS, RULE_WORDS, SOURCE
from evallib.report.words import change_unit, estimate_sentence


class Results(Protocol):
    """What notebooks of a run saved, as `Run.results` returns it."""

    estimates: pd.DataFrame
    facts: pd.DataFrame
    checks: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    source: str
    is_own: bool


# What a verdict says, after 'For two of six primary outcomes'.
_TALLY = {
    "cannot tell": "we cannot tell whether performance changed",
    "design not fit": "the design is not fit to answer",
    "no sizeable change": "there was no change of the size that would matter",
    "suggestive": "the evidence suggests a change without settling it",
    "consistent with improvement": "the evidence is consistent with improvement",
    "consistent with decline": "the evidence is consistent with decline",
    "consistent with change": "the evidence is consistent with change",
}
COUNT_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def saved_table(results: Results, slug: str) -> pd.DataFrame:
    """Return a table that one of the notebooks saved, whichever it was.

    Raises
    ------
    DataError
        When no notebook of the run saved it.
    """
    for name, frame in results.tables.items():
        if name.split("/")[-1] == slug:
            return frame
    raise DataError(
        [
            Fault(
                f"results of {results.source}",
                f"no notebook saved the table {slug}",
                "The summary reads what the effect notebook found",
                "Look in the report for a notebook that failed, mend it and run again",
            )
        ]
    )


def answer(plan: Plan, results: Results) -> Section:
    """Return the answer in words: disagreements first, then verdicts, then each primary outcome."""
    verdicts = saved_table(results, "verdicts")
    primary = verdicts[verdicts["role"] == "primary"]
    source = [] if results.is_own else [f"Read from {results.source}."]
    sentences = [*source, *_disagreements(results, primary), _tally(primary)]
    sentences[0] = f"{departures(plan)}{sentences[0]}"
    lock = read_lock(plan)
    sentences += not_locked(plan, lock)
    locked = None if lock is None else lock.names("outcomes")
    points = [_outcome_point(row, locked) for row in primary.to_dict("records")]
    return Section("", tuple(sentences), points=tuple(points))


def _disagreements(results: Results, primary: pd.DataFrame) -> list[str]:
    """Return what must be said before any number: where the comparison groups disagree."""
    checks = results.checks
    rows = checks[
        (checks["check"] == "two comparison groups")
        & (checks["verdict"] == "concern")
        & checks["outcome"].isin(primary["outcome"])
    ]
    if rows.empty:
        return []
    titles = primary.set_index("outcome")["title"].reindex(rows["outcome"])
    return [
        "Before any number: what is assumed of councils without a record decides the answer for "
        + "; ".join(titles)
        + ". With them as controls and without them the estimates differ in sign, or one interval "
        "excludes the other's estimate."
    ]


def _tally(primary: pd.DataFrame) -> str:
    counts = primary["verdict"].value_counts()
    said = [_TALLY.get(str(verdict), f"the verdict is {verdict}") for verdict in counts.index]
    if len(counts) == 1:
        every = "the one primary outcome" if len(primary) == 1 else f"all {_word(len(primary))}"
        return f"For {every}{' primary outcomes' if len(primary) > 1 else ''} {said[0]}."
    words = [_word(int(count)) for count in counts]
    first = f"For {words[0]} of {_word(len(primary))} primary outcomes {said[0]}"
    rest = [f"for {word} {says}" for word, says in zip(words[1:], said[1:], strict=True)]
    return f"{'; '.join([first, *rest])}."


def _word(count: int) -> str:
    return COUNT_WORDS[count] if count < len(COUNT_WORDS) else f"{count:,}"


def _outcome_point(row: Mapping[Any, Any], locked: tuple[str, ...] | None) -> tuple[str, str]:
    """Return the verdict on an outcome, and the estimate with all that must stand beside it."""
    label = "" if locked is None or row["outcome"] in locked else " (unplanned)"
    lead = f"{row['title']}{label}: {row['verdict']}."
    why = f"{row['sentence'][0].upper()}{row['sentence'][1:]}."
    if np.isnan(row["estimate"]):
        return lead, why
    words = estimate_sentence(
        title="Headline",
        estimate=row["estimate"],
        conf_low=row["holm_low"],
        conf_high=row["holm_high"],
        unit=row["unit"],
        n_units=row["councils"],
        n_treated_units=row["treated_councils"],
        n_obs=row["council_years"],
        interval_method=(
            f"{INTERVAL_WORDS.get(row['inference'], row['inference'])}, adjusted for the number of "
            f"primary outcomes{_thin_words(row)}"
        ),
        scale="log" if row["scale"] == "log" else "level",
        level=row["holm_level"],
        # The side of a null says nothing by itself; the verdict stands before it.
        polarity=row["polarity"],
    )
    return lead, f"{why} {words}"


def _thin_words(row: Mapping[Any, Any]) -> str:
    return "; the thin-design rule fired" if row["thin_fired"] else ""


def verdict_table(plan: Plan, results: Results) -> Table:
    """Return the verdicts of the primary outcomes with the Holm-adjusted intervals they rest on."""
    verdicts = saved_table(results, "verdicts")
    rows = verdicts[verdicts["role"] == "primary"]
    frame = pd.DataFrame(
        {
            "outcome": rows["title"],
            "verdict": rows["verdict"] + ": " + rows["sentence"],
            "unit": [unit_of(row) for row in rows.to_dict("records")],
            "estimate": rows["estimate"],
            "holm_low": rows["holm_low"],
            "holm_high": rows["holm_high"],
            "holm_level": 100 * rows["holm_level"],
            "holm_p_value": rows["holm_p_value"],
            "romano_wolf_p_value": rows["romano_wolf_p_value"],
            "meaningful_change": rows["meaningful_change"],
        }
    )
    estimator = plan.headline.estimator
    average = f", {plan.headline.aggregation} average" if estimator == "group_time" else ""
    return Table(
        frame,
        f"Verdicts on the primary outcomes, {plan.known_from} to {plan.last_event_year}",
        notes=(
            f"Headline: {ESTIMATOR_WORDS[estimator].split(' (')[0]}{average}. "
            "Intervals are widened by Holm's rule for the number of primary outcomes: their level "
            "stands beside them.",
            *family_notes(rows),
            rule_words(plan),
        ),
        decimals={
            "holm_level": 1,
            "estimate": 3,
            "holm_low": 3,
            "holm_high": 3,
            "holm_p_value": 3,
            "romano_wolf_p_value": 3,
            "meaningful_change": 2,
        },
        labels={
            "holm_low": "Adjusted interval: lower bound",
            "holm_high": "Adjusted interval: upper bound",
            "holm_level": "Level of the interval (per cent)",
            "holm_p_value": "Adjusted p-value (Holm)",
            "romano_wolf_p_value": "Adjusted p-value (Romano and Wolf)",
            "meaningful_change": "Meaningful change",
        },
        slug="verdict-table",
    )


def unit_of(row: Mapping[Any, Any]) -> str:
    """Return the unit of a change in an outcome, given its row of the verdicts."""
    return "log points" if row["scale"] == "log" else change_unit(row["unit"])


def answer_chart(plan: Plan, results: Results) -> Chart:
    """Return the primary outcomes' estimates in units of the change that would matter."""
    verdicts = saved_table(results, "verdicts")
    rows = verdicts[(verdicts["role"] == "primary") & verdicts["estimate"].notna()]
    shown = ["title", "estimate", "holm_low", "holm_high", "meaningful_change", "polarity"]
    names = {"title": "outcome", "holm_low": "conf_low", "holm_high": "conf_high"}
    frame = rows[shown].rename(columns=names)
    headline = _finding(rows["verdict"])
    return estimate_chart(
        frame.reset_index(drop=True),
        headline=headline,
        subtitle=(
            "Headline estimates of the primary outcomes as multiples of the change that would "
            f"matter, {100 * plan.confidence_level:g}% intervals adjusted for the number of "
            "primary outcomes, right is better"
        ),
        source=SOURCE,
        unit="times the change that would matter",
        level=plan.confidence_level,
        slug="answer",
        decimals=3,
    )


def _finding(verdicts: pd.Series) -> str:
    """Return the commonest verdict of the outcomes shown, in at most ten words."""
    counts = verdicts.value_counts()
    if counts.empty:
        return "No primary outcome has an estimate"
    verdict, count = str(counts.index[0]), int(counts.iloc[0])
    says = "we cannot tell" if verdict == "cannot tell" else verdict
    if len(verdicts) == 1:
        return f"One outcome: {says}"
    return f"{_word(count).capitalize()} of {_word(len(verdicts))} outcomes: {says}"


def both_groups_table(results: Results) -> Table:
    """Return the headline estimates under both rules for councils without a record."""
    verdicts = saved_table(results, "verdicts")
    parts = [
        {
            "outcome": row["title"],
            "role": row["role"],
            "no_record": RULE_WORDS[rule],
            "unit": unit_of(row),
            "estimate": row[f"{prefix}estimate"],
            "conf_low": row[f"{prefix}conf_low"],
            "conf_high": row[f"{prefix}conf_high"],
            "p_value": row[f"{prefix}p_value"],
            "councils": row[f"{prefix}councils"],
            "treated": row[f"{prefix}treated_councils"],
            "council_years": row[f"{prefix}council_years"],
            "inference": str(row[f"{prefix}inference"]).replace("_", " ") or "not applicable",
        }
        for row, prefix, rule in _both(verdicts)
    ]
    return Table(
        pd.DataFrame(parts),
        "Headline estimates of every outcome with both comparison groups",
        notes=("What each word on the interval means stands in the next table.",),
        decimals=3,
        labels={
            "no_record": "Comparison group",
            "treated": "Treated councils",
            "council_years": "Council-years",
            "inference": "Interval",
        },
        slug="both-groups",
    )


def inference_table(results: Results) -> Table:
    """Return which inference rule fired for every headline estimate, with its counts."""
    verdicts = saved_table(results, "verdicts")
    rows = [
        {
            "outcome": row["title"],
            "no_record": RULE_WORDS[rule],
            "interval": INTERVAL_WORDS.get(row[f"{prefix}inference"], row[f"{prefix}inference"]),
            "fired": row[f"{prefix}thin_fired"] or "nothing",
            "treated_clusters": row[f"{prefix}treated_clusters"],
            "comparison_clusters": row[f"{prefix}comparison_clusters"],
            "effective_clusters": row[f"{prefix}effective_clusters"],
        }
        for row, prefix, rule in _both(verdicts)
        if row[f"{prefix}inference"]
    ]
    return Table(
        pd.DataFrame(rows),
        "How each headline interval was made, and whether the thin-design rule fired",
        notes=(
            "The analytic standard error is not trusted where few councils carry the estimate. "
            "Permutation tests that nobody was affected at all, given timing as good as "
            "random within council types: councils chose their timing, so the test says how "
            "surprising the estimate would be if they had not.",
            "Treated councils are compared with until their own event, so that the two counts add "
            "up to more than the councils of the estimate.",
        ),
        labels={
            "no_record": "Comparison group",
            "interval": "Interval and p-value",
            "fired": "What fired",
            "treated_clusters": "Treated clusters",
            "comparison_clusters": "Comparison clusters",
            "effective_clusters": "Effective treated clusters",
        },
        decimals=1,
        slug="inference",
    )


def _both(verdicts: pd.DataFrame) -> list[tuple[Mapping[Any, Any], str, str]]:
    """Return each outcome twice: with the prefix of its columns and the rule that it follows."""
    return [
        (row, prefix, rule)
        for row in verdicts.to_dict("records")
        for prefix, rule in (("", row["no_record"]), ("other_", _other_rule(row["no_record"])))
    ]


def _other_rule(rule: str) -> str:
    return next(one for one in RULE_WORDS if one != rule)


def checks_summary(results: Results) -> Table:
    """Return every check of the primary outcomes that did not pass, in words."""
    verdicts = saved_table(results, "verdicts").set_index("outcome")
    checks = results.checks
    primary = verdicts.index[verdicts["role"] == "primary"]
    rows = checks[checks["outcome"].isin(primary) & checks["verdict"].isin(["fail", "concern"])]
    passed = int((checks["outcome"].isin(primary) & (checks["verdict"] == "pass")).sum())
    frame = pd.DataFrame(
        {
            "outcome": verdicts["title"].reindex(rows["outcome"]).to_numpy(),
            "check": rows["check"].to_numpy(),
            "no_record": rows["no_record"].map(RULE_WORDS).to_numpy(),
            "verdict": rows["verdict"].to_numpy(),
            "meaning": rows["sentence"].to_numpy(),
        }
    )
    if frame.empty:
        frame = pd.DataFrame(
            [["all", "all", "both", "pass", "No check raised a concern"]], columns=frame.columns
        )
    return Table(
        frame.sort_values("verdict", ascending=False, kind="stable", ignore_index=True),
        "Checks of the primary outcomes that failed or raised a concern",
        notes=(f"{passed} checks of the primary outcomes passed; all are in checks.csv.",),
        labels={"no_record": "Comparison group", "meaning": "What it means"},
        slug="checks-summary",
    )


def disclosure(results: Results) -> Table:
    """Return every specification that ran, counted by estimator, comparison and inference."""
    facts = results.facts
    keys = ["role", "estimator", "comparison", "no_record", "inference"]
    counts = facts.groupby(keys, dropna=False).size().rename("estimates").reset_index()
    counts["estimator"] = counts["estimator"].map(lambda e: ESTIMATOR_WORDS.get(e, e))
    counts["no_record"] = counts["no_record"].map(lambda r: RULE_WORDS.get(r, r))
    more, notes = _combinations(results)
    return Table(
        counts,
        f"Every specification that ran: {format_count(len(facts), 'estimate')}{more}",
        notes=("Each estimate with its terms is in estimates.csv.", *notes),
        labels={"estimates": "Estimates", "comparison": "Controls"},
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
        )
    return more, tuple(notes)
