"""Every specification of a plan: joint tests, which choice matters, and the curve of an outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.inference.specification_results import Curve, Curves
from evallib.panel.units import effect_unit
from evallib.plan.deviations import UNPLANNED
from evallib.report.chart import Chart
from evallib.report.formats import format_count, format_number, format_p_value
from evallib.report.sections import Section, Sections
from evallib.report.specification_chart import specification_chart
from evallib.report.tables import Table
from evallib.report.views.choice_words import (
    CHOICE_WORDS,
    choice_value,
    in_choice_words,
    reason_words,
)
from evallib.report.views.naming import SOURCE
from evallib.report.views.saved import held_by

# How the reasons of specifications without an estimate end, or what they hold.
REPEATS, CANNOT = "the same as without", "is not applicable with"


def specification_curves(found: Curves) -> Sections:
    """Return the joint tests of all outcomes, then the curve of each.

    Parameters
    ----------
    found : Curves
        Every specification of a plan.
    """
    if not any(one.choices for one in found):
        text = "The plan lists no alternatives to its own choices: there is one specification."
        return Sections((Section("", (text,)),))
    first = Section(
        "All specifications together",
        (_finding(found),),
        (*_tests_tables(found), *_reasons_table(found)),
    )
    return Sections((first, *(_outcome(one) for one in found)))


def _finding(found: Curves) -> str:
    tests = found.tests
    total, lost = int(tests["specifications"].sum()), int(tests["refused"].sum())
    p_values = tests["median_effect_p"].to_numpy(dtype=float)
    reasons = pd.concat([one.frame["reason"] for one in found])
    repeats = int(reasons.str.endswith(REPEATS).sum())
    cannot = int(reasons.str.contains(CANNOT, regex=False).sum())
    other = lost - repeats - cannot
    values = sum(_different(one.frame.loc[one.frame["reason"] == "", "effect"]) for one in found)
    parts = (
        (cannot, "cannot exist, because their choices exclude each other"),
        (repeats, "only repeat another"),
        (other, "could not be estimated for other reasons"),
    )
    text = (
        f"The plan's alternatives make {total:,} combinations for "
        f"{format_count(len(tests), 'outcome')}: "
        + "".join(f"{count:,} {what}, " for count, what in parts if count)
        + f"{total - lost:,} were estimated, with {values:,} different values. All are disclosed, "
        "with the reason where there is no estimate."
    )
    unplanned = sum(int((one.frame["planned"] == UNPLANNED).sum()) for one in found)
    if unplanned:
        text += f" {unplanned:,} of them are unplanned: the plan's lock does not name them."
    known = p_values[np.isfinite(p_values)]
    if not known.size:
        return f"{text} No joint test was made."
    below = int((known < 0.05).sum())
    return (
        f"{text} The joint test of the median effect has a p-value below 0.05 for "
        f"{held_by(below, known.size, 'outcome')} (the smallest is "
        f"{format_p_value(float(known.min()))}, not adjusted for the number of outcomes). A larger "
        "p-value does not say that nothing changed."
    )


def _different(effects: pd.Series) -> int:
    """Return how many values differ by more than rounding errors."""
    size = float(effects.abs().max()) if len(effects) else 0.0
    return int((effects / size).round(8).nunique()) if size else min(len(effects), 1)


def _tests_tables(found: Curves) -> tuple[Table, Table]:
    """Return how many specifications were estimated and how they lean, and the joint tests."""
    tests, level = found.tests, next(iter(found)).level
    units = {effect_unit(one.unit) for one in found}
    shared = units.pop() if len(units) == 1 else ""
    names = [one.title if shared else f"{one.title} ({effect_unit(one.unit)})" for one in found]
    shares = ("share_same_sign", "share_significant")
    tests = tests.assign(outcome=names, **{name: 100 * tests[name] for name in shares})
    statistics = ("median_effect", "share_significant", "average_z")
    counts = Table(
        tests[["outcome", "specifications", "refused", "share_same_sign", "in_joint_test"]],
        "Specifications of an outcome",
        notes=(
            "In the joint test are those that move in the permutations: two-way effects, and "
            "group-time effects without controls. The dominant sign is theirs; its share is of all "
            "that were estimated.",
        ),
        labels={
            "specifications": "Combinations",
            "refused": "Not estimated",
            "share_same_sign": "With the dominant sign",
            "in_joint_test": "In the joint test",
        },
        units={"share_same_sign": "per cent"},
        decimals=1,
        slug="specification-counts",
    )
    joint = Table(
        tests[["outcome", *(x for name in statistics for x in (name, f"{name}_p"))]],
        "Joint tests over the specifications of an outcome",
        notes=(
            f"p-values by {int(tests['draws'].max()):,} permutations of adoption paths within "
            "council type (with region where that leaves enough councils), one permutation for all "
            "specifications of an outcome: under the sharp null that no council was affected, with "
            "timing as good as random within strata (Simonsohn, Simmons and Nelson 2020). They are "
            "not adjusted for the number of outcomes.",
            "Share significant: with the dominant sign and their own analytic p-value below "
            f"{1 - level:.2g}. Analytic intervals are not reliable in thin designs; the joint "
            "p-values do not rest on them. Both stand whatever inference the plan asks for.",
            "Average z: sum of normal scores over the root of their number (Stouffer).",
        ),
        labels={
            "median_effect": "Median effect",
            "median_effect_p": "p-value of the median",
            "share_significant": "Share significant",
            "share_significant_p": "p-value of the share",
            "average_z": "Average z",
            "average_z_p": "p-value of average z",
        },
        units={"median_effect": shared, "share_significant": "per cent"},
        decimals={"share_significant": 1, **{f"{name}_p": 3 for name in statistics}}
        | {name: 3 for name in ("median_effect", "average_z")},
        slug="specification-tests",
    )
    return counts, joint


def _reasons_table(found: Curves) -> tuple[Table, ...]:
    """Return why combinations have no estimate, over all outcomes; nothing where all have one."""
    frames = [one.frame.loc[one.frame["reason"] != ""].assign(title=one.title) for one in found]
    refused = pd.concat(frames)
    if refused.empty:
        return ()
    refused = refused.assign(reason=refused["reason"].map(reason_words))
    counts = refused.groupby("reason", sort=False).agg(
        n_specifications=("title", "size"), n_outcomes=("title", "nunique")
    )
    table = Table(
        counts.sort_values("n_specifications", ascending=False).reset_index(),
        "Why combinations have no estimate",
        labels={"n_specifications": "Combinations", "n_outcomes": "Outcomes"},
        slug="specifications-refused",
    )
    return (table,)


def _outcome(one: Curve) -> Section:
    done = one.frame[one.frame["reason"] == ""]
    if done.empty or not one.choices:
        reasons = dict.fromkeys(one.frame["reason"].map(reason_words))
        why = "; ".join(reasons) or "there is one specification"
        return Section(one.title, (f"No curve: {why}.",))
    unit = effect_unit(one.unit)
    sentences = (_words(one, done, unit), _moves(one, unit))
    pieces: list[Table | Chart] = [_chart(one, done, unit)]
    if len(one.explained):
        pieces.append(_explained_table(one, unit))
    return Section(one.title, sentences, tuple(pieces))


def _words(one: Curve, done: pd.DataFrame, unit: str) -> str:
    effect = done["effect"]
    low, median, high = (format_number(float(x), 2) for x in effect.quantile([0.05, 0.5, 0.95]))
    held = int(((done["effect_low"] <= 0) & (done["effect_high"] >= 0)).sum())
    small = int((effect.abs() < one.meaningful_change).sum())
    positive = int((effect > 0).sum())
    text = (
        f"{len(done):,} of {len(one.frame):,} specifications have an estimate: the median is "
        f"{median} {unit}, nine in ten lie between {low} and {high}. {positive:,} are above zero, "
        f"{held:,} intervals hold zero, and {small:,} estimates are smaller than the change that "
        f"would matter ({format_number(one.meaningful_change, 2)})."
    )
    own = done[done["is_headline"]]
    if len(own):
        below = int((effect < float(own["effect"].iloc[0])).sum())
        value = format_number(float(own["effect"].iloc[0]), 2)
        text += f" The headline, {value}, is higher than {below:,} of them."
    return text


def _moves(one: Curve, unit: str) -> str:
    """Return in words which choice moves the answer most."""
    if not len(one.explained):
        return "No choice moves the answer: all estimates are the same."
    first = one.explained.iloc[0]
    name, shift = str(first["choice"]), format_number(float(first["shift"]), 2)
    low, high = (choice_value(name, str(first[end])) for end in ("lowest", "highest"))
    return (
        f"The choice that moves the answer most is {CHOICE_WORDS[name]}: it explains "
        f"{100 * first['share']:.0f} per cent of the variance of the estimates, and from "
        f"'{low}' to '{high}' they rise by {shift} {unit} on average."
    )


def _chart(one: Curve, done: pd.DataFrame, unit: str) -> Chart:
    order = [str(name) for name in one.explained["choice"]]
    return specification_chart(
        in_choice_words(done, one.choices),
        {
            CHOICE_WORDS[name]: [choice_value(name, value) for value in one.choices[name]]
            for name in order
        },
        headline=_place(done),
        subtitle=(
            f"{one.title}: effect of {len(done):,} specifications, {unit}, with "
            f"{100 * one.level:g}% analytic intervals; below, the choices behind them, that which "
            f"moves the answer most first. {_joint(one)}"
        ),
        source=SOURCE,
        unit=unit,
        level=one.level,
        meaningful_change=one.meaningful_change,
        slug=f"specifications-{one.outcome}",
        notes=(
            "Effects under another form of the outcome are put into the headline's unit by the "
            "ratio of the forms' standard deviations.",
        ),
    )


def _place(done: pd.DataFrame) -> str:
    """Return where the headline stands among the estimates."""
    own = done.loc[done["is_headline"], "effect"]
    if own.empty:
        return "The headline is not among the specifications with an estimate"
    below = int((done["effect"] < float(own.iloc[0])).sum())
    return f"The headline is number {below + 1:,} of {len(done):,} from the lowest"


def _joint(one: Curve) -> str:
    """Return what the joint test says beside the share of estimates on one side of zero."""
    p_value = float(one.joint.p_values["median_effect"])
    if not np.isfinite(p_value):
        return "A share above or below zero is no test, and no joint test was made"
    return (
        "A share above or below zero is no test; the joint test of the median effect "
        f"({format_number(one.joint.median_effect, 2)}, of the {one.joint.specifications:,} "
        f"specifications in the test) gives a p-value of {format_p_value(p_value)}"
    )


def _explained_table(one: Curve, unit: str) -> Table:
    found, ends = one.explained, ("lowest", "highest")
    table = found.assign(
        choice=[CHOICE_WORDS[name] for name in found["choice"]],
        share=100 * found["share"],
        **{
            end: [choice_value(*pair) for pair in zip(found["choice"], found[end], strict=True)]
            for end in ends
        },
    )
    return Table(
        table,
        f"{one.title}: which choice moves the answer most",
        notes=(
            "Variance explained: what the R2 of a regression of all estimates on all choices "
            "(main effects) loses without the choice. Shift: the largest mean difference between "
            "two alternatives, the other choices held fixed.",
        ),
        units={"share": "per cent", "shift": unit},
        labels={
            "choice": "Choice",
            "share": "Variance explained",
            "shift": "Largest shift",
            "lowest": "Lowest with",
            "highest": "Highest with",
        },
        decimals={"share": 1, "shift": 3},
        slug=f"specification-choices-{one.outcome}",
    )
