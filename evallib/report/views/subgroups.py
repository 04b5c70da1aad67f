"""Whether effects differ between councils: joint tests first, then each subgroup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from evallib.inference.by_characteristic import (
    CANNOT_TELL,
    CANNOT_TEST,
    DIFFER,
    NO_SIZEABLE,
    ByCharacteristic,
    Heterogeneity,
)
from evallib.panel.units import effect_unit
from evallib.report.chart import LONGEST_HEADLINE, Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import format_count
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.choosing import interval_text
from evallib.report.views.naming import SOURCE, type_words
from evallib.report.views.saved import Results
from evallib.report.views.subgroup_tests import (
    characteristics_table,
    finding,
    outcomes_table,
    tests_table,
)

MOST_SUBGROUPS = 4
DECIMALS = 3
THIN = " The thin-design rule fired in: "
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
    pieces = (outcomes_table(found, tests), characteristics_table(found))
    sections = [Section("Joint tests", (finding(tests),), pieces=pieces)]
    for outcome, rows in tests.groupby("outcome", sort=False):
        items = [item for item in found if item.outcome == outcome]
        sections.append(_outcome_section(items, rows))
    return Sections(tuple(sections))


def heterogeneity_summary(results: Results) -> Section:
    """Return in a sentence what the planned joint tests say, from what a notebook saved."""
    saved = [frame for name, frame in results.tables.items() if name.endswith(f"/{TESTS_SLUG}")]
    if not saved:
        return Section("", ("No notebook of this plan tells effects on subgroups apart.",))
    return Section("", (finding(saved[0]),))


def _outcome_section(items: list[ByCharacteristic], tests: pd.DataFrame) -> Section:
    sentences = []
    for answer, words in (
        (DIFFER, "Effects differ by"),
        (CANNOT_TELL, "We cannot tell whether effects differ by"),
        (NO_SIZEABLE, "No difference of the size that would matter by"),
        (CANNOT_TEST, "No joint test could be made by"),
    ):
        named = [
            item.characteristic.title.lower()
            for item, test in zip(items, tests.to_dict("records"), strict=True)
            if test["answer"] == answer
        ]
        if named:
            sentences.append(f"{words}: {', '.join(named)}.")
    drawn = [item for item in items if item.effects is not None]
    pieces: list[Table | Chart] = [tests_table(items, tests)]
    small = [one for one in drawn if _size(one) <= MOST_SUBGROUPS]
    if small:
        pieces.append(_chart(small))
    if drawn:
        pieces.append(_effects_table(drawn))
    return Section(items[0].title, tuple(sentences), pieces=tuple(pieces))


def _size(item: ByCharacteristic) -> int:
    return 0 if item.effects is None else len(item.effects.terms)


def _rows(items: Iterable[ByCharacteristic]) -> pd.DataFrame:
    frame = Heterogeneity(tuple(items)).frame
    return frame.reset_index(drop=True)


def _chart(items: list[ByCharacteristic]) -> Chart:
    titles = {item.characteristic.name: item.characteristic.title for item in items}
    frame, first = _rows(items), items[0]
    names = [
        type_words(f"{titles[str(name)]}: {subgroup}")
        for name, subgroup in zip(frame["characteristic"], frame["subgroup"], strict=True)
    ]
    shown = ["estimate", "conf_low", "conf_high", "n_treated_units", "n_comparison_units"]
    level = 0.95 if first.effects is None else first.effects.level
    held = int(((frame["conf_low"] <= 0) & (frame["conf_high"] >= 0)).sum())
    return estimate_chart(
        frame[shown].assign(subgroup=names)[["subgroup", *shown]],
        headline=_chart_finding(frame, titles),
        subtitle=(
            f"{first.title}: treated less comparison councils, {effect_unit(first.unit)}, headline "
            f"average within each subgroup, {100 * level:g}% intervals"
        ),
        source=SOURCE,
        unit=effect_unit(first.unit),
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


def _chart_finding(rows: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Return how many of the intervals that there are exclude zero, and by which characteristic."""
    total = int(rows[["conf_low", "conf_high"]].notna().all(axis="columns").sum())
    is_clear = (rows["conf_low"] > 0) | (rows["conf_high"] < 0)
    excluded = int(is_clear.sum())
    if not total:
        return "No subgroup has an interval"
    if total == 1:
        return f"The one interval {'excludes' if excluded else 'includes'} zero"
    if not excluded:
        return f"All {total} intervals include zero"
    count = f"{excluded} of {total} intervals {'excludes' if excluded == 1 else 'exclude'} zero"
    names = list(dict.fromkeys(rows.loc[is_clear, "characteristic"].map(titles)))
    named = f"{count}: {', '.join(name.lower() for name in names)}"
    if len(named.split()) <= LONGEST_HEADLINE:
        return named
    return f"{count}, by {len(names)} characteristics"


def _effects_table(items: list[ByCharacteristic]) -> Table:
    titles = {item.characteristic.name: item.characteristic.title for item in items}
    frame, first = _rows(items), items[0]
    level = 0.95 if first.effects is None else first.effects.level
    ends = zip(frame["conf_low"], frame["conf_high"], strict=True)
    names = zip(frame["characteristic"].map(titles), frame["subgroup"], strict=True)
    table = pd.DataFrame(
        {
            "subgroup": [type_words(f"{title}: {name}") for title, name in names],
            "estimate": frame["estimate"],
            "interval": [interval_text(low, high, DECIMALS) for low, high in ends],
            **{name: frame[name] for name in ("difference", "difference_holm_p_value")},
            **{name: frame[name] for name in ("n_treated_units", "n_comparison_units", "n_obs")},
        }
    )
    lost = sum(item.n_without for item in items)
    return Table(
        table,
        f"{first.title}: effects on subgroups of the treated councils",
        notes=(
            *_methods(items),
            "Difference: the subgroup less the mean of the others, weighted by their treated "
            "councils; its p-value is adjusted (Holm) for the subgroups of the characteristic."
            + (f" {format_count(lost, 'treated council')} are in no subgroup." if lost else ""),
        ),
        units=dict.fromkeys(("estimate", "difference"), effect_unit(first.unit)),
        decimals=DECIMALS,
        labels={
            "interval": f"{100 * level:g}% interval",
            "difference": "Difference",
            "difference_holm_p_value": "Its p-value, adjusted",
            "n_comparison_units": "Comparison councils",
        },
        slug=f"subgroups-{first.outcome}",
    )


def _methods(items: list[ByCharacteristic]) -> list[str]:
    """Return how intervals were made, each way once, and how many subgroups are thin."""
    ways: dict[str, list[str]] = {}
    thin = 0
    for item in items:
        way, _, fired = item.method.partition(THIN)
        ways.setdefault(way, []).append(item.characteristic.title.lower())
        thin += fired.count("effective number")
    only = len(ways) == 1
    notes = [way if only else f"By {', '.join(names)}: {way}" for way, names in ways.items()]
    if thin:
        total = sum(_size(item) for item in items)
        notes.append(
            f"The thin-design rule fired in {thin} of {total} subgroups; the saved table "
            f"{TESTS_SLUG} says which, with their clusters."
        )
    return notes
