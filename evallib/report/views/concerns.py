"""Which checks of the primary outcomes failed or raised a concern, in a few words each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from evallib.checks.audit import CHECK as AUDIT
from evallib.checks.comparison import CHECK as TWO_GROUPS
from evallib.checks.counts import FEW
from evallib.checks.honest import HONEST, POWER
from evallib.checks.influence import BASE_YEAR, LEAVE_ONE_OUT
from evallib.checks.other_samples import CHECK as OTHER_SAMPLES
from evallib.checks.placebo_outcomes import CHECK as PLACEBO
from evallib.checks.pretrends import CHECK as PRETRENDS
from evallib.checks.selection import CHECK as MEAN
from evallib.checks.selection import HEADLINE, WITH, WITHOUT
from evallib.checks.unsafe import CHECK as UNSAFE
from evallib.inference.audit import LARGEST_SHARE
from evallib.inference.pretrend_power import EACH, JOINT
from evallib.report.formats import (
    decimals_for,
    decimals_off_zero,
    format_change,
    format_count,
    format_number,
)
from evallib.report.tables import Table
from evallib.report.views.honest import RELATIVE
from evallib.report.views.naming import RULE_WORDS
from evallib.report.views.saved import (
    Results,
    check_figures,
    decimals_of,
    find_table,
    primary_rows,
    rows_of,
    unit_of,
)
from evallib.report.words import change_unit

Row = Mapping[Any, Any]
SERIOUS = ("fail", "concern")


def checks_summary(results: Results) -> Table:
    """Return every check of the primary outcomes and of placebo outcomes that did not pass.

    Parameters
    ----------
    results : Results
        What the notebooks of the run saved.

    Returns
    -------
    Table
        A row a check and outcome with the comparison group of the verdicts, in words with units;
        what only the other group raises is counted in a note.
    """
    primary = primary_rows(results)
    checks = results.checks
    rule = str(primary[0]["no_record"]) if primary else ""
    judged = checks["outcome"].isin([row["outcome"] for row in primary])
    judged |= checks["check"] == PLACEBO
    rows = checks[judged & checks["verdict"].isin(SERIOUS)]
    own = rows[rows["no_record"] == rule]
    by_outcome = {row["outcome"]: row for row in primary}
    lines = [
        _line(results, by_outcome[one["outcome"]], one)
        if one["outcome"] in by_outcome
        else _placebo_line(results, one)
        for one in own.to_dict("records")
    ]
    columns = ["outcome", "check", "verdict", "meaning"]
    if not lines:
        lines = [
            dict(zip(columns, ("all", "all", "pass", "No check raised a concern"), strict=True))
        ]
    frame = pd.DataFrame(lines, columns=columns)
    passed = int((judged & (checks["verdict"] == "pass") & (checks["no_record"] == rule)).sum())
    return Table(
        frame.sort_values("verdict", ascending=False, kind="stable", ignore_index=True),
        "Checks that failed or raised a concern, with the comparison group of the verdicts",
        notes=(
            f"{format_count(passed, 'check')} of the primary and placebo outcomes passed with this "
            f"group, {RULE_WORDS.get(rule, rule)}. Every check in full is in checks.csv and in the "
            "notebook on the effect.",
            *_only_other(rows, own),
        ),
        labels={"meaning": "What was found"},
        slug="checks-summary",
    )


def _only_other(rows: pd.DataFrame, own: pd.DataFrame) -> tuple[str, ...]:
    """Return which concerns only the other comparison group raises, counted by check."""
    keys = set(zip(own["outcome"], own["check"], strict=True))
    other = [
        str(one["check"])
        for one in rows.to_dict("records")
        if (one["outcome"], one["check"]) not in keys
    ]
    if not other:
        return ()
    counts = pd.Series(other).value_counts(sort=False)
    said = ", ".join(f"{name} ({format_count(count, 'outcome')})" for name, count in counts.items())
    return (f"With the other comparison group alone: {said}.",)


def _line(results: Results, row: Row, one: Mapping[Any, Any]) -> dict[str, str]:
    check = str(one["check"])
    figures = check_figures(results, check, row)
    word = _WORDS.get(check)
    sentence = str(one["sentence"])
    said = sentence if word is None or figures.empty else word(figures, row, sentence)
    if check == POWER and not figures.empty:
        said = _power(figures, row, _pretrend_sentence(results, row))
    return {
        "outcome": row["title"],
        "check": check,
        "verdict": str(one["verdict"]),
        "meaning": said,
    }


def _placebo_line(results: Results, one: Mapping[Any, Any]) -> dict[str, str]:
    """Return a placebo outcome that moved, with its unit where the codebook was saved."""
    figures = rows_of(find_table(results, "check_placebo_outcome"), one).iloc[0]
    described = rows_of(
        find_table(results, "indicators").rename(columns={"indicator": "outcome"}), one
    )
    unit = f" {change_unit(str(described['unit'].iloc[0]))}" if len(described) else ""
    ends = [float(figures[end]) for end in ("conf_low", "conf_high")]
    digits = decimals_off_zero(ends, decimals_for(ends[1] - ends[0]))
    low, high = (format_number(end, digits) for end in ends)
    adjusted = float(figures["holm_p_value"])
    moved = "beyond chance" if adjusted < 0.05 else "not beyond chance"
    return {
        "outcome": f"Placebo: {str(one['sentence']).partition(', which the event')[0]}",
        "check": PLACEBO,
        "verdict": str(one["verdict"]),
        "meaning": f"The event should not move it, but the estimate is "
        f"{format_change(float(figures['estimate']), digits)}{unit} ({low} to {high}); {moved} "
        f"after adjustment for the placebos (Holm p = {adjusted:.3f})",
    }


def _amounts(values: list[float], row: Row) -> list[str]:
    return [format_change(value, decimals_of(row)) for value in values]


def _base(figures: pd.DataFrame, row: Row, _: str) -> str:
    return f"{_instead(figures, row)}, counted from one year earlier"


def _unsafe(figures: pd.DataFrame, row: Row, _: str) -> str:
    return f"{_instead(figures, row)}, with the other decision on suspicious figures"


def _instead(figures: pd.DataFrame, row: Row) -> str:
    """Return an estimate made otherwise beside that as planned: the first two rows."""
    before, after = _amounts([float(value) for value in figures["estimate"].iloc[:2]], row)
    return f"{after} {unit_of(row)} in place of {before}"


def _pretrends(figures: pd.DataFrame, row: Row, sentence: str) -> str:
    lead = sentence.partition(" (")[0]
    if "bound" not in figures or lead.startswith("Treated"):
        return lead
    most = format_number(float(figures["bound"].max()), decimals_of(row))
    return (
        f"Parallel trends are not shown: a lead of {most} {unit_of(row)} cannot be excluded, and "
        f"{row['meaningful_change']:g} would matter"
    )


def _power(figures: pd.DataFrame, row: Row, pretrends: str) -> str:
    used = JOINT if "Wald" in pretrends else EACH
    half = figures[(figures["test"] == used) & (figures["power"] == 0.5)].iloc[0]
    slope, bias = (format_number(float(half[name]), decimals_of(row)) for name in ("slope", "bias"))
    return (
        f"The test misses a drift of {slope} {unit_of(row)} a year half of the time, which adds "
        f"{bias} to the mean effect"
    )


def _pretrend_sentence(results: Results, row: Row) -> str:
    found = rows_of(results.checks[results.checks["check"] == PRETRENDS], row)
    return str(found["sentence"].iloc[0]) if len(found) else ""


def _balance(figures: pd.DataFrame, row: Row, sentence: str) -> str:
    apart = figures[figures["standardised_difference"].abs() > 0.25]
    said = ", ".join(
        f"{name.partition(' (')[0]} ({format_change(float(size), 2)})"
        for name, size in zip(
            apart["characteristic"], apart["standardised_difference"], strict=True
        )
    )
    return f"Exposed less comparison councils, in standard deviations: {said}" if said else sentence


def _counts(figures: pd.DataFrame, row: Row, _: str) -> str:
    after = figures[figures["exposed"] > 0]
    said = [
        f"{int(after[name].min())} {word} councils"
        for name, word in (("exposed", "exposed"), ("comparison", "comparison"))
        if after[name].min() < FEW
    ]
    return f"In the thinnest year only {' and '.join(said)}, where {FEW} are asked for"


def _leave_one_out(figures: pd.DataFrame, row: Row, _: str) -> str:
    ends = [float(figures["smallest_without"].min()), float(figures["largest_without"].max())]
    low, high = _amounts(ends, row)
    turned = int(figures["turned"].sum())
    who = format_count(turned, "council") if turned else "none"
    return f"Between {low} and {high} {unit_of(row)}; {who} would turn the sign"


def _mean(figures: pd.DataFrame, row: Row, _: str) -> str:
    by_group = figures[figures["part"] == "estimate"].set_index("group")["estimate"]
    headline, without, matched = _amounts(
        [float(by_group[name]) for name in (HEADLINE, WITHOUT, WITH)], row
    )
    return (
        f"{headline} {unit_of(row)} as the headline, {without} on the matched sample, {matched} "
        "with matching on level and trend before the event"
    )


def _samples(figures: pd.DataFrame, row: Row, _: str) -> str:
    estimates = figures["estimate"].astype(float)
    low, high = _amounts([float(estimates.min()), float(estimates.max())], row)
    furthest = figures["sample"].iloc[int((estimates - estimates.iloc[0]).abs().argmax())]
    return f"Between {low} and {high} {unit_of(row)}; furthest {furthest}"


def _two_groups(figures: pd.DataFrame, row: Row, sentence: str) -> str:
    one, other = _amounts([float(row["estimate"]), float(row["other_estimate"])], row)
    return f"{one} {unit_of(row)} with the declared group, {other} with the other"


def _honest(figures: pd.DataFrame, row: Row, _: str) -> str:
    value = float(figures.loc[figures["restriction"] == RELATIVE, "breakdown"].iloc[0])
    return (
        f"The interval excludes zero only while drift after exposure is at most {value:.2f} times "
        "the largest before it"
    )


def _audit(figures: pd.DataFrame, row: Row, _: str) -> str:
    kinds = figures.set_index("kind")["estimate"].astype(float)
    most = LARGEST_SHARE * min(abs(row["estimate"]), abs(row["meaningful_change"]))
    names = {"selected": "selected placebos", "in time": "three years early"}
    moved = [
        f"{words} {_amounts([float(kinds[kind])], row)[0]}"
        for kind, words in names.items()
        if kind in kinds and abs(kinds[kind]) > most
    ]
    if bool(figures["inference_not_fit"].iloc[0]):
        share = 100 * float(figures.loc[figures["kind"] == "random", "false_alarms"].iloc[0])
        return f"The inference is not fit: {share:.1f} per cent of random placebos are rejected"
    if not moved:
        return "Selection is not ruled out: level and trend before could not be copied"
    return (
        f"Selection is not ruled out: {', '.join(moved)} {unit_of(row)}, where at most {most:.2g} "
        "either way is allowed"
    )


_WORDS: Mapping[str, Callable[[pd.DataFrame, Row, str], str]] = {
    PRETRENDS: _pretrends,
    "balance before exposure": _balance,
    "counts by year": _counts,
    LEAVE_ONE_OUT: _leave_one_out,
    BASE_YEAR: _base,
    UNSAFE: _unsafe,
    MEAN: _mean,
    OTHER_SAMPLES: _samples,
    TWO_GROUPS: _two_groups,
    HONEST: _honest,
    AUDIT: _audit,
}
