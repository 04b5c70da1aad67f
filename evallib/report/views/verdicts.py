"""The answer: verdicts in words first, then a chart and a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from evallib.checks.audit import CHECK as AUDIT
from evallib.plan import Plan
from evallib.plan.lock import read_lock
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import decimals_for, format_number
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.departures import (
    departures,
    family_notes,
    holm_words,
    not_locked,
    rule_words,
)
from evallib.report.views.naming import ESTIMATOR_WORDS, INTERVAL_SHORT, SOURCE
from evallib.report.views.saved import (
    Results,
    check_figures,
    count_word,
    held_by,
    saved_table,
    unit_of,
)
from evallib.report.words import (
    as_change,
    change_words,
    direction_words,
    interval_words,
    sample_words,
)

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


def answer(plan: Plan, results: Results) -> Section:
    """Return the answer: disagreements first, verdicts counted, a chart, each primary outcome."""
    verdicts = saved_table(results, "verdicts")
    primary = verdicts[verdicts["role"] == "primary"]
    source = [] if results.is_own else [f"Read from {results.source}."]
    rows = primary.to_dict("records")
    sentences = [*source, *_disagreements(results, primary), _tally(primary)]
    sentences[0] = f"{departures(plan)}{sentences[0]}"
    lock = read_lock(plan)
    sentences += [*_power(results, rows), *not_locked(plan, lock)]
    locked = None if lock is None else lock.names("outcomes")
    points = [_outcome_point(row, locked) for row in rows]
    return Section("", tuple(sentences), (answer_chart(plan, results),), tuple(points))


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
    few = held_by(len(titles), len(primary), "primary outcome")
    return [
        f"Before any number: for {few} the answer hangs on what is assumed of "
        f"councils without a record ({'; '.join(titles)}). With them as controls and without them "
        "the estimates differ in sign, or one interval excludes the other's estimate."
    ]


def _power(results: Results, rows: Sequence[Mapping[Any, Any]]) -> list[str]:
    """Return how large a change the designs would find, where the audit was made."""
    sizes = []
    for row in rows:
        audit = check_figures(results, AUDIT, row)
        found = audit.loc[audit["kind"] == "random", "effect_80"] if len(audit) else ()
        sizes += [float(size) / abs(float(row["meaningful_change"])) for size in found]
    if not sizes:
        return []
    low, high = (format_number(size, 1) for size in (min(sizes), max(sizes)))
    span = low if low == high else f"{low} to {high}"
    lead = "What these data can show"
    if any(row["verdict"] == "cannot tell" for row in rows):
        lead = "'Cannot tell' does not mean that nothing changed"
    return [
        f"{lead}: a change {span} times the size that would matter would be found in four of five "
        "cases, each outcome tested alone. Smaller ones can go unseen."
    ]


def _tally(primary: pd.DataFrame) -> str:
    counts = primary["verdict"].value_counts()
    said = [_TALLY.get(str(verdict), f"the verdict is {verdict}") for verdict in counts.index]
    if len(counts) == 1:
        every = (
            "the one primary outcome" if len(primary) == 1 else f"all {count_word(len(primary))}"
        )
        return f"For {every}{' primary outcomes' if len(primary) > 1 else ''} {said[0]}."
    words = [count_word(int(count)) for count in counts]
    first = f"For {words[0]} of {count_word(len(primary))} primary outcomes {said[0]}"
    rest = [f"for {word} {says}" for word, says in zip(words[1:], said[1:], strict=True)]
    return f"{'; '.join([first, *rest])}."


def _outcome_point(row: Mapping[Any, Any], locked: tuple[str, ...] | None) -> tuple[str, str]:
    """Return the verdict on an outcome, and the estimate with all that must stand beside it."""
    label = "" if locked is None or row["outcome"] in locked else " (unplanned)"
    lead = f"{row['title']}{label}: {row['verdict']}."
    why = f"{row['sentence'][0].upper()}{row['sentence'][1:]}."
    if np.isnan(row["estimate"]):
        return lead, why
    return lead, f"{why} {_estimate_words(row)}"


def _estimate_words(row: Mapping[Any, Any]) -> str:
    """Return the headline with its interval, how that was made, and what it rests on."""
    scale: Literal["log", "level"] = "log" if row["scale"] == "log" else "level"
    low, high = float(row["holm_low"]), float(row["holm_high"])
    width = as_change(high, scale=scale) - as_change(low, scale=scale)
    matters = as_change(float(row["meaningful_change"]), scale=scale)
    digits = max(decimals_for(width), decimals_for(matters, most=2))
    change = change_words(row["estimate"], row["unit"], scale=scale, decimals=digits)
    # The side of a null says nothing by itself; the verdict stands before it.
    side = direction_words(row["estimate"], row["polarity"]) if "different" not in change else ""
    side = f"{side.removeprefix('for the ')}; " if side else ""
    interval = interval_words(
        low, high, row["unit"], scale=scale, level=row["holm_level"], decimals=digits
    )
    by = INTERVAL_SHORT.get(row["inference"], row["inference"])
    interval = interval.replace("interval", f"{by} interval", 1)
    sample = sample_words(row["councils"], row["treated_councils"], row["council_years"])
    return f"Estimated {change} ({side}{interval}), from {sample}."


def verdict_table(plan: Plan, results: Results) -> Table:
    """Return the verdicts of the primary outcomes with the Holm-adjusted intervals they rest on."""
    verdicts = saved_table(results, "verdicts")
    rows = verdicts[verdicts["role"] == "primary"]
    shown = ["estimate", "holm_low", "holm_high", "holm_level", "holm_p_value"]
    shown += ["romano_wolf_p_value", "meaningful_change"]
    frame = rows[["title", "verdict", *shown]].rename(columns={"title": "outcome"})
    frame.insert(2, "unit", [unit_of(row) for row in rows.to_dict("records")])
    frame["holm_level"] *= 100
    wide = _interval_name(frame["holm_level"])
    if frame["holm_level"].nunique() == 1:
        frame = frame.drop(columns="holm_level")
    estimator = plan.headline.estimator
    average = f", {plan.headline.aggregation} average" if estimator == "group_time" else ""
    return Table(
        frame.reset_index(drop=True),
        f"Verdicts on the primary outcomes, {plan.known_from} to {plan.last_event_year}",
        notes=(
            f"Headline: {ESTIMATOR_WORDS[estimator].split(' (')[0]}{average}.",
            holm_words(rows["holm_level"], plan.confidence_level),
            *family_notes(rows),
            rule_words(plan),
        ),
        decimals=dict.fromkeys(shown, 3) | {"holm_level": 2, "meaningful_change": 2},
        labels={
            "holm_low": f"{wide}: lower bound",
            "holm_high": f"{wide}: upper bound",
            "holm_level": "Level of the interval (per cent)",
            "holm_p_value": "p-value (Holm)",
            "romano_wolf_p_value": "p-value (Romano and Wolf)",
            "meaningful_change": "Meaningful change",
        },
        slug="verdict-table",
    )


def _interval_name(levels: pd.Series) -> str:
    """Return what the adjusted intervals are called: by their level where they have one."""
    known = levels.dropna()
    return f"{known.iloc[0]:.4g}% interval" if known.nunique() == 1 else "Adjusted interval"


def answer_chart(plan: Plan, results: Results) -> Chart:
    """Return the primary outcomes' estimates in units of the change that would matter."""
    verdicts = saved_table(results, "verdicts")
    rows = verdicts[(verdicts["role"] == "primary") & verdicts["estimate"].notna()]
    shown = ["title", "estimate", "holm_low", "holm_high", "meaningful_change", "polarity"]
    names = {"title": "outcome", "holm_low": "conf_low", "holm_high": "conf_high"}
    frame = rows[shown].rename(columns=names)
    wide = _interval_name(100 * rows["holm_level"])
    together = f"{wide[0].lower()}{wide[1:]}s"
    if rows["holm_level"].nunique() == 1 and len(rows) > 1:
        together += f" ({100 * plan.confidence_level:g}% for all outcomes together)"
    return estimate_chart(
        frame.reset_index(drop=True),
        headline=_finding(rows["verdict"]),
        subtitle=(
            "Headline estimates of the primary outcomes as multiples of the change that would "
            f"matter, with {together}; right is better"
        ),
        source=SOURCE,
        unit="times the change that would matter",
        level=plan.confidence_level,
        interval=wide,
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
    if count == len(verdicts):
        return f"All {count_word(count)} outcomes: {says}"
    return f"{count_word(count).capitalize()} of {count_word(len(verdicts))} outcomes: {says}"
