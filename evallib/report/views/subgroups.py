"""Whether effects differ between councils: joint tests first, then each subgroup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from evallib.inference.by_characteristic import (
    CANNOT_TELL,
    CANNOT_TEST,
    DIFFER,
    NO_SIZEABLE,
    ByCharacteristic,
    Heterogeneity,
)
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import format_count, format_p_value
from evallib.report.notes import NoteBook
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE
from evallib.report.views.saved import COUNT_WORDS, Results
from evallib.report.words import change_unit

WHOM = {"same": "councils of the same subgroup", "all": "all comparison councils"}
MOST_SUBGROUPS = 4
ALPHA = 0.05
TESTS_SLUG = "heterogeneity_tests"


def heterogeneity(found: Heterogeneity) -> Sections:
    """Return the joint tests of all outcomes, then a section an outcome with its subgroups.

    Parameters
    ----------
    found : Heterogeneity
        Effects by characteristics of councils.
    """
    tests = found.tests
    if tests.empty:
        return Sections((Section("", ("No outcome was looked at.",)),))
    first = Section("Joint tests", (_finding(tests),), pieces=(_tests_table(found, tests),))
    sections = [first]
    for outcome, rows in tests.groupby("outcome", sort=False):
        items = [item for item in found if item.outcome == outcome]
        sections.append(_outcome_section(items, rows))
    return Sections(tuple(sections))


def heterogeneity_summary(results: Results) -> Section:
    """Return in a sentence what the planned joint tests say, from what a notebook saved."""
    saved = [frame for name, frame in results.tables.items() if name.endswith(f"/{TESTS_SLUG}")]
    if not saved:
        return Section("", ("No notebook of this plan tells effects on subgroups apart.",))
    return Section("", (_finding(saved[0]),))


def _finding(tests: pd.DataFrame) -> str:
    """Return what the planned joint tests of primary outcomes say, or that there are none."""
    planned = tests[tests["is_planned"] & (tests["role"] == "primary")]
    others = len(tests) - len(planned)
    more = f" {_count(others).capitalize()} others are exploratory." if others else ""
    made = planned[planned["answer"] != CANNOT_TEST]
    lost = len(planned) - len(made)
    if made.empty:
        return f"No planned joint test of a primary outcome could be made.{more}"
    head = (
        f"Do effects differ between councils? {_count(len(made)).capitalize()} planned joint "
        f"{'test' if len(made) == 1 else 'tests'} of primary outcomes could be made"
        + (f", {_count(lost)} could not" if lost else "")
        + "."
    )
    smallest = float(made["holm_p_value"].min())
    p_value = format_p_value(smallest)
    below = int((made["p_value"] < ALPHA).sum())
    unadjusted = (
        f" Before adjustment {_count(below)} of {_count(len(made))} "
        f"{'is' if below == 1 else 'are'} below {ALPHA:g}; chance alone would give about "
        f"{ALPHA * len(made):.1f} if effects were alike."
    )
    differ = int((made["answer"] == DIFFER).sum())
    if differ:
        return (
            f"{head} {_count(differ).capitalize()} "
            f"{'says' if differ == 1 else 'say'} that they do, after Holm's adjustment for all of "
            f"them (smallest adjusted p-value {p_value}).{unadjusted}{more}"
        )
    tell = int((made["answer"] == NO_SIZEABLE).sum())
    where = "" if not tell else f" In {_count(tell)} every difference is smaller than would matter."
    return (
        f"{head} None rejects equal effects after Holm's adjustment for all of them (smallest "
        f"adjusted p-value {p_value}): we cannot tell whether effects differ, which is not to "
        f"say that they are the same.{unadjusted}{where}{more}"
    )


def _count(count: int) -> str:
    return COUNT_WORDS[count] if count < len(COUNT_WORDS) else f"{count:,}"


def _tests_table(found: Heterogeneity, tests: pd.DataFrame) -> Table:
    titles = {item.outcome: item.title for item in found}
    notes = NoteBook()
    rows = []
    for item, test in zip(found, tests.to_dict("records"), strict=True):
        answer = str(test["answer"])
        if test["reason"]:
            answer = f"{answer}: {test['reason']}"
        small = str(test["not_estimated"])
        mark = notes.mark(item.characteristic.note) if item.characteristic.note else ""
        rows.append(
            {
                "outcome": titles[str(test["outcome"])],
                "characteristic": f"{item.characteristic.title} {mark}".strip(),
                "planned": "planned" if test["is_planned"] else "exploratory",
                "compared": WHOM[str(test["comparators"])],
                "n_subgroups": int(test["n_subgroups"]),
                "n_treated_units": int(test["n_treated_units"]),
                "p_value": test["p_value"],
                "holm_p_value": test["holm_p_value"],
                "answer": answer,
                "left_out": small or "none",
                "unknown": int(test["n_without_subgroup"]),
            }
        )
    return Table(
        pd.DataFrame(rows),
        "Joint tests: are the effects on all subgroups equal?",
        notes=(
            *notes.texts,
            "Adjusted p-values (Holm) are over the planned tests of primary outcomes, or over all "
            "other tests. 'Cannot tell' where the test does not reject and the interval of some "
            "difference reaches the change that would matter.",
        ),
        decimals=3,
        labels={
            "planned": "Planned or exploratory",
            "compared": "Compared with",
            "n_subgroups": "Subgroups",
            "holm_p_value": "Adjusted p-value",
            "left_out": "Too small to be estimated",
            "unknown": "Treated councils without a subgroup",
        },
        slug="heterogeneity-tests",
    )


def _outcome_section(items: list[ByCharacteristic], tests: pd.DataFrame) -> Section:
    sentences = []
    for answer, words in (
        (DIFFER, "Effects differ by"),
        (CANNOT_TELL, "We cannot tell whether effects differ by"),
        (NO_SIZEABLE, "No difference of the size that would matter by"),
        (CANNOT_TEST, "No joint test could be made by"),
    ):
        named = [
            f"{item.characteristic.title.lower()}{_p_words(test)}"
            for item, test in zip(items, tests.to_dict("records"), strict=True)
            if test["answer"] == answer
        ]
        if named:
            sentences.append(f"{words}: {', '.join(named)}.")
    pieces: list[Table | Chart] = []
    drawn = [item for item in items if item.effects is not None]
    small = [one for one in drawn if _size(one) <= MOST_SUBGROUPS]
    if small:
        pieces.append(_chart(small))
    if drawn:
        pieces.append(_effects_table(drawn))
    return Section(items[0].title, tuple(sentences), pieces=tuple(pieces))


def _p_words(test: Mapping[Any, Any]) -> str:
    if np.isnan(test["p_value"]):
        return ""
    own, adjusted = format_p_value(test["p_value"]), format_p_value(test["holm_p_value"])
    planned = "" if test["is_planned"] else ", exploratory"
    return f" (p {own}, adjusted {adjusted}{planned})"


def _size(item: ByCharacteristic) -> int:
    return 0 if item.effects is None else len(item.effects.terms)


def _rows(items: Iterable[ByCharacteristic]) -> pd.DataFrame:
    frame = Heterogeneity(tuple(items)).frame
    return frame.reset_index(drop=True)


def _unit(item: ByCharacteristic) -> str:
    return "log points" if item.unit.startswith("log of ") else change_unit(item.unit)


def _chart(items: list[ByCharacteristic]) -> Chart:
    titles = {item.characteristic.name: item.characteristic.title for item in items}
    frame, first = _rows(items), items[0]
    names = [
        f"{titles[str(name)]}: {subgroup}"
        for name, subgroup in zip(frame["characteristic"], frame["subgroup"], strict=True)
    ]
    shown = ["estimate", "conf_low", "conf_high", "n_treated_units", "n_comparison_units"]
    level = 0.95 if first.effects is None else first.effects.level
    held = int(((frame["conf_low"] <= 0) & (frame["conf_high"] >= 0)).sum())
    return estimate_chart(
        frame[shown].assign(subgroup=names)[["subgroup", *shown]],
        headline=_chart_finding(frame),
        subtitle=(
            f"{first.title}: treated less comparison councils, {_unit(first)}, headline average "
            f"within each subgroup, {100 * level:g}% intervals"
        ),
        source=SOURCE,
        unit=_unit(first),
        label="subgroup",
        level=level,
        meaningful_change=first.meaningful_change,
        slug=f"subgroups-{first.outcome}",
        alt=(
            f"Effects on {len(names)} subgroups by {', '.join(titles.values()).lower()}, with "
            f"{100 * level:g}% intervals. {held} of {len(names)} intervals hold zero."
        ),
        notes=(
            "The joint test comes first: of many intervals some exclude zero by chance. "
            f"Characteristics with more than {MOST_SUBGROUPS} subgroups are in the table only.",
        ),
        decimals=3,
    )


def _chart_finding(rows: pd.DataFrame) -> str:
    """Return how many of the intervals that there are exclude zero."""
    total = int(rows[["conf_low", "conf_high"]].notna().all(axis="columns").sum())
    excluded = int(((rows["conf_low"] > 0) | (rows["conf_high"] < 0)).sum())
    if not total:
        return "No subgroup has an interval"
    if total == 1:
        return f"The one interval {'excludes' if excluded else 'includes'} zero"
    if not excluded:
        return f"All {total} intervals include zero"
    return f"{excluded} of {total} intervals {'excludes' if excluded == 1 else 'exclude'} zero"


def _effects_table(items: list[ByCharacteristic]) -> Table:
    titles = {item.characteristic.name: item.characteristic.title for item in items}
    methods = {item.characteristic.name: item.method for item in items}
    frame, first, notes = _rows(items), items[0], NoteBook()
    how = [
        f"{'permutation' if short == 'permutation' else 'analytic'} {notes.mark(methods[name])}"
        for name, short in zip(frame["characteristic"], frame["inference"], strict=True)
    ]
    shown = ["subgroup", "estimate", "conf_low", "conf_high", "difference"]
    counts = ["n_treated_units", "n_comparison_units", "n_obs"]
    table = frame[[*shown, "difference_holm_p_value", *counts]].assign(how=how)
    table.insert(0, "characteristic", frame["characteristic"].map(titles))
    unit = _unit(first)
    lost = sum(item.n_without for item in items)
    return Table(
        table,
        f"{first.title}: effects on subgroups of the treated councils",
        notes=(
            *notes.texts,
            "Difference: the subgroup less the mean of the others, weighted by their treated "
            "councils; its p-value is adjusted (Holm) for the subgroups of the characteristic."
            + (f" {format_count(lost, 'treated council')} are in no subgroup." if lost else ""),
        ),
        units={name: unit for name in ("estimate", "conf_low", "conf_high", "difference")},
        decimals=3,
        labels={
            "difference": "Difference from the others",
            "difference_holm_p_value": "Adjusted p-value of the difference",
            "n_comparison_units": "Comparison councils",
            "how": "How the interval was made",
        },
        slug=f"subgroups-{first.outcome}",
    )
