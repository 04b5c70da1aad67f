"""What the headline finds where nothing happened: placebos at random, selected and in time."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from evallib.checks import CheckResult, Checks
from evallib.checks.audit import CHECK
from evallib.design import Design
from evallib.inference.audit_readings import LONGER, RULE
from evallib.panel.units import effect_unit
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import decimals_for, format_number, format_p_value
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.choosing import (
    NO_BREAK,
    checks_of,
    designs_of,
    interval_text,
    named_with_unit,
    shared_unit,
)
from evallib.report.views.naming import SOURCE, type_words
from evallib.report.views.saved import held_by

KINDS = {
    "random": "At random",
    "selected": "Selected as the exposed councils were",
    "in time": "The exposed councils, three years early",
}

SCALED = (
    "Where there are too few unexposed councils, fewer placebo adopters are drawn than councils "
    "were exposed: the effects found are then larger than what the real design can find."
)


def design_audit(designs: Iterable[Design], checks: Checks, role: str = "primary") -> Sections:
    """Return a section an outcome: what placebos found, beside the estimate.

    Parameters
    ----------
    designs : Designs
        The designs.
    checks : Checks
        Their checks, the audit among them.
    role : str
        Only outcomes of this role; empty for all.
    """
    chosen = designs_of(designs, role)
    found = [(design, item) for design in chosen for item in checks_of(checks, CHECK, design)]
    if not found:
        return Sections((Section("", (f"No {role} outcome was audited.".replace("  ", " "),)),))
    sections = [_section(design, item) for design, item in found]
    made = [(design, item) for design, item in found if not item.table.empty]
    return Sections((*([_needed(made)] if made else []), *sections))


def _needed(found: list[tuple[Design, CheckResult]]) -> Section:
    """Return how large an effect must be to be found, a row an outcome."""
    shared = shared_unit([design for design, _ in found])
    rows, larger, is_scaled = [], 0, False
    for design, item in found:
        random = item.table[item.table["kind"] == "random"].iloc[0]
        effect, change = float(random["effect_80"]), float(design.meaningful_change)
        drawn, real = int(random["adopters"]), int(random["real"])
        decimals = _decimals(item)
        larger += effect > change
        is_scaled |= drawn < real
        rows.append(
            {
                "outcome": named_with_unit(design, shared),
                "effect": format_number(effect, decimals),
                "change": format_number(change, max(decimals, decimals_for(change))),
                "larger": "effect found" if effect > change else "change that would matter",
                "adopters": _in_place(drawn, real),
            }
        )
    sentence = (
        "The effect found in 80 per cent of random placebo draws is larger than the change that "
        f"would matter for {held_by(larger, len(rows), 'audited outcome')}"
        + (
            ": a change that just matters is missed there in more than one such draw in five."
            if larger
            else "."
        )
    )
    table = Table(
        pd.DataFrame(rows),
        "The effect that random placebos find, and the change that would matter",
        notes=(SCALED,) if is_scaled else (),
        slug="audit-effects-found",
        labels={
            "effect": "Effect found in 80 per cent of draws",
            "change": "Change that would matter",
            "larger": "Which is larger",
            "adopters": "Placebo adopters",
        },
        units=dict.fromkeys(("effect", "change"), shared),
    )
    return Section("How large must an effect be to be found?", (sentence,), pieces=(table,))


def _section(design: Design, item: CheckResult) -> Section:
    pieces: tuple[Chart | Table, ...] = ()
    if not item.table.empty:
        pieces = (_chart(design, item), _table(design, item), *_readings(design, item))
    return Section(design.title, (f"{type_words(item.sentence)}.",), pieces=pieces)


def _readings(design: Design, item: CheckResult) -> tuple[Table, ...]:
    """Return selected placebos under each reading of prior level and trend, where made."""
    selected = item.table[item.table["kind"] == "selected"]
    known = [(name, words) for name, words, _ in LONGER if f"mean_{name}" in selected]
    if selected.empty or not known:
        return ()
    row, decimals = selected.iloc[0], _decimals(item)
    frame = pd.DataFrame(
        [
            (f"{RULE} (the rule)", row["level_drawn"], row["estimate"]),
            *((words, row[f"level_{name}"], row[f"mean_{name}"]) for name, words in known),
        ],
        columns=["reading", "level", "estimate"],
    )
    table = Table(
        frame,
        f"{design.title}: selected placebos when prior level and trend are read otherwise",
        notes=(
            "Level: of the placebo adopters in the last year before the event year, from which "
            "the estimate starts, less the mean of councils that can be drawn. The exposed "
            f"councils' was {format_number(float(row['level_wanted']), decimals)}. Adopters that "
            "do not stand as far from the mean there have less to make up by themselves.",
        ),
        slug=f"audit-readings-{design.outcome}",
        units=dict.fromkeys(("level", "estimate"), effect_unit(design.unit)),
        labels={
            "reading": "Prior level and trend",
            "level": "Level drawn",
            "estimate": "Mean estimate",
        },
        decimals=dict.fromkeys(("level", "estimate"), decimals),
    )
    return (table,)


def _in_place(drawn: int, real: int) -> str:
    return f"{drawn:,} in place of {real:,}" if drawn < real else f"{drawn:,}"


def _decimals(item: CheckResult) -> int:
    return decimals_for(float(item.table["spread"].max()))


def _chart(design: Design, item: CheckResult) -> Chart:
    table = item.table
    spread = table["kind"] != "in time"
    reach = 1.96 * table["spread"]
    placebos = table[["estimate"]].assign(
        placebo=table["kind"].map(KINDS),
        conf_low=(table["estimate"] - reach).where(spread, table["conf_low"]),
        conf_high=(table["estimate"] + reach).where(spread, table["conf_high"]),
    )
    first = table.iloc[[0]]
    itself = pd.DataFrame(
        {
            "placebo": "The estimate itself",
            "estimate": first["headline"],
            "conf_low": first["headline_low"],
            "conf_high": first["headline_high"],
        }
    )
    frame = pd.concat([itself, placebos], ignore_index=True)
    return estimate_chart(
        frame[["placebo", "estimate", "conf_low", "conf_high"]],
        headline=_finding(item),
        subtitle=(
            f"{design.title}: the estimate with its {100 * design.level:g}% interval, and what the "
            "headline finds where nothing happened: the mean of placebo estimates with 1.96 "
            f"standard deviations either side, {effect_unit(design.unit)}"
        ),
        source=SOURCE,
        unit=effect_unit(design.unit),
        label="placebo",
        slug=f"audit-{design.outcome}",
        level=design.level,
        decimals=_decimals(item),
        alt=(
            "The estimate itself, and the exposed councils three years early, with their "
            "intervals; other placebos as the mean of their estimates with 1.96 standard "
            "deviations either side. "
            + "; ".join(
                f"{row['placebo']}: {format_number(row['estimate'], _decimals(item))} "
                f"({format_number(row['conf_low'], _decimals(item))} to "
                f"{format_number(row['conf_high'], _decimals(item))})"
                for row in frame.to_dict("records")
            )
            + "."
        ),
        interval="Interval, or 1.96 standard deviations either side",
        notes=(
            "Of the estimate itself, and of the exposed councils three years early, there is one "
            "figure each: its interval is drawn.",
        ),
    )


def _finding(item: CheckResult) -> str:
    """Return which placebo moved most, beside the estimate; that inference is not fit before it."""
    table = item.table
    if bool(table["inference_not_fit"].iloc[0]):
        return "Random placebos are rejected too often: inference not fit"
    decimals = _decimals(item)
    own = format_number(float(table["headline"].iloc[0]), decimals)
    moved = table[table["kind"] != "random"].dropna(subset=["estimate"])
    if moved.empty:
        return f"Only random placebos could be drawn; the estimate is {own}"
    most = moved.iloc[int(moved["estimate"].abs().to_numpy().argmax())]
    size = format_number(float(most["estimate"]), decimals)
    if most["kind"] == "in time":
        ends = interval_text(float(most["conf_low"]), float(most["conf_high"]), decimals)
        return f"Three years early: {size} ({ends.replace(NO_BREAK, ' ')}); estimate {own}"
    return f"Selected placebos moved {size} on average; the estimate is {own}"


def _table(design: Design, item: CheckResult) -> Table:
    """Return what the draws show, at random and selected, and in a note the placebo in time."""
    table, decimals = item.table, _decimals(item)
    draws = table[table["kind"] != "in time"].reset_index(drop=True)
    alarms = [
        f"{format_number(100 * row['false_alarms'], 1)} "
        f"({interval_text(100 * row['false_low'], 100 * row['false_high'], 1)})"
        for row in draws.to_dict("records")
    ]
    pairs = zip(draws["adopters"].astype(int), draws["real"].astype(int), strict=True)
    shown = pd.DataFrame(
        {
            "placebo": draws["kind"].map(KINDS),
            "adopters": [_in_place(drawn, real) for drawn, real in pairs],
            "estimate": draws["estimate"],
            "alarms": alarms,
            "covers_constant": 100 * draws["covers_constant"],
            "covers_growing": 100 * draws["covers_growing"],
        }
    )
    early = [
        f"The exposed councils three years early ({int(row['adopters']):,}): one estimate, "
        f"{format_number(row['estimate'], decimals)} "
        f"({interval_text(row['conf_low'], row['conf_high'], decimals)}), p-value "
        f"{format_p_value(row['p_value'])}."
        for row in table[table["kind"] == "in time"].to_dict("records")
    ]
    shares = ("covers_constant", "covers_growing")
    return Table(
        shown,
        f"{design.title}: draws of placebos, on councils and years without exposure",
        notes=(
            f"{int(draws['draws'].iloc[0]):,} draws at random and as many selected. False alarms: "
            "draws rejected at 5 per cent, with a 95% interval for the number of draws. The last "
            f"two columns: share of {100 * design.level:g}% intervals that hold an injected effect "
            f"of {design.meaningful_change:g}, the change that would matter, or one that grows by "
            "it every year.",
            *early,
        ),
        slug=f"audit-{design.outcome}",
        units={
            "estimate": effect_unit(design.unit),
            **dict.fromkeys(("alarms", *shares), "per cent"),
        },
        labels={
            "placebo": "Placebo",
            "adopters": "Placebo adopters",
            "estimate": "Mean estimate",
            "alarms": "False alarms, 95% interval",
            "covers_constant": "Hold constant effect",
            "covers_growing": "Hold growing effect",
        },
        decimals={"estimate": decimals, **dict.fromkeys(shares, 1)},
    )
