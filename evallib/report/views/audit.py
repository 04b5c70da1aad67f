"""What the headline finds where nothing happened: placebos at random, selected and in time."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from evallib.checks import CheckResult, Checks
from evallib.checks.audit import CHECK
from evallib.design import Design
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import decimals_for, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE
from evallib.report.words import change_unit

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
    chosen = [design for design in designs if role in ("", design.role)]
    found = [
        (design, item)
        for design in chosen
        for item in checks.select(CHECK, design.outcome)
        if item.no_record == design.no_record
    ]
    if not found:
        return Sections((Section("", (f"No {role} outcome was audited.".replace("  ", " "),)),))
    sections = [_section(design, item) for design, item in found]
    made = [(design, item) for design, item in found if not item.table.empty]
    return Sections((*([_needed(made)] if made else []), *sections))


def _needed(found: list[tuple[Design, CheckResult]]) -> Section:
    """Return how large an effect must be to be found, a row an outcome."""
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
                "outcome": design.title,
                "effect": format_number(effect, decimals),
                "change": format_number(change, max(decimals, decimals_for(change))),
                "larger": "effect found" if effect > change else "change that would matter",
                "unit": _unit(design),
                "adopters": _in_place(drawn, real),
            }
        )
    which = f"{larger} of {len(rows)}" if larger else "none"
    sentence = (
        "The effect found in 80 per cent of random placebo draws is larger than the change that "
        f"would matter for {which} of the outcomes audited"
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
    )
    return Section("How large must an effect be to be found?", (sentence,), pieces=(table,))


def _section(design: Design, item: CheckResult) -> Section:
    pieces: tuple[Chart | Table, ...] = ()
    if not item.table.empty:
        pieces = (_chart(design, item), _table(design, item))
    return Section(design.title, (f"{item.sentence}.",), pieces=pieces)


def _in_place(drawn: int, real: int) -> str:
    return f"{drawn:,} in place of {real:,}" if drawn < real else f"{drawn:,}"


def _unit(design: Design) -> str:
    return "log points" if design.scale == "log" else change_unit(design.unit)


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
        headline="What the headline finds where nothing happened",
        subtitle=(
            f"{design.title}: the estimate with its interval, and the mean of placebo estimates "
            f"with 1.96 standard deviations either side, {_unit(design)}"
        ),
        source=SOURCE,
        unit=_unit(design),
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


def _table(design: Design, item: CheckResult) -> Table:
    table = item.table
    shares = ["false_alarms", "false_low", "false_high", "covers_constant", "covers_growing"]
    shown = table.assign(
        placebo=table["kind"].map(KINDS), **{name: 100 * table[name] for name in shares}
    )
    columns = ["placebo", "adopters", "estimate", "p_value", *shares, "effect_80"]
    unit, decimals = _unit(design), _decimals(item)
    is_scaled = bool((table["adopters"] < table["real"]).any())
    if is_scaled:
        pairs = zip(table["adopters"], table["real"], strict=True)
        shown["adopters"] = [_in_place(int(drawn), int(real)) for drawn, real in pairs]
    return Table(
        shown[columns],
        f"{design.title}: placebos of the headline on its own panel",
        notes=(
            f"{int(table['draws'].iloc[0]):,} draws at random and as many selected, over councils "
            "and years without exposure. False alarms: draws rejected at 5 per cent, with a 95 per "
            "cent interval for the number of draws.",
            f"Injected: an effect of {design.meaningful_change:g}, the meaningful change, and one "
            "that grows by it every year.",
            *((SCALED,) if is_scaled else ()),
        ),
        slug=f"audit-{design.outcome}",
        units={
            "estimate": unit,
            "effect_80": unit,
            **dict.fromkeys(shares, "per cent"),
        },
        labels={
            "placebo": "Placebo",
            "adopters": "Placebo adopters",
            "estimate": "Mean estimate",
            "false_alarms": "False alarms",
            "false_low": "False alarms: lower bound",
            "false_high": "False alarms: upper bound",
            "covers_constant": "Intervals with the constant effect",
            "covers_growing": "Intervals with the growing effect",
            "effect_80": "Effect found in 80 per cent",
        },
        decimals={
            "estimate": decimals,
            "effect_80": decimals,
            **dict.fromkeys(shares, 1),
        },
    )
