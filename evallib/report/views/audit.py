"""What the headline finds where nothing happened: placebos at random, selected and in time."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from evallib.checks import CheckResult, Checks
from evallib.checks.audit import CHECK
from evallib.design import Design
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import decimals_for
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE
from evallib.report.words import change_unit

KINDS = {
    "random": "At random",
    "selected": "Selected as the exposed councils were",
    "in time": "The exposed councils, three years early",
}


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
    sections = []
    for design in chosen:
        for item in checks.select(CHECK, design.outcome):
            if item.no_record == design.no_record:
                sections.append(_section(design, item))
    if not sections:
        return Sections((Section("", (f"No {role} outcome was audited.".replace("  ", " "),)),))
    return Sections(tuple(sections))


def _section(design: Design, item: CheckResult) -> Section:
    pieces: tuple[Chart | Table, ...] = ()
    if not item.table.empty:
        pieces = (_chart(design, item), _table(design, item))
    return Section(design.title, (f"{item.sentence}.",), pieces=pieces)


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
            f"{design.title}: the estimate, and mean and central 95 per cent of placebo estimates, "
            f"{_unit(design)}"
        ),
        source=SOURCE,
        unit=_unit(design),
        label="placebo",
        slug=f"audit-{design.outcome}",
        level=design.level,
        decimals=_decimals(item),
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
    return Table(
        shown[columns],
        f"{design.title}: placebos of the headline on its own panel",
        notes=(
            f"{int(table['draws'].iloc[0]):,} draws at random and as many selected, over councils "
            "and years without exposure. False alarms: draws rejected at 5 per cent, with a 95 per "
            "cent interval for the number of draws.",
            f"Injected: an effect of {design.meaningful_change:g}, the meaningful change, and one "
            "that grows by it every year.",
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
