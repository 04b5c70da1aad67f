"""What the notebooks show of who met the studied event, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.checks.first_event import (
    EARLIER,
    FEW_EVENTS,
    LEVEL,
    SCALES,
    TREND,
    FirstEvent,
    find_first_event,
)
from evallib.design import Designs
from evallib.errors import DesignError
from evallib.exposure import Exposure
from evallib.panel import Panel
from evallib.plan import Plan
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import format_count
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE, type_words

# Here nobody is a control: councils without a record are at risk throughout, or left out.
_RULES = {"assume_not_exposed": "unrecorded at risk", "only_known": "recorded only"}
_WORDS = {**SCALES, EARLIER: "An earlier event is on record", LEVEL: "level", TREND: "slope"}
_UNIT = "doublings of the yearly odds"


def hazard_of_first_event(
    plan: Plan, panel: Panel, exposure: Exposure, designs: Designs
) -> Section:
    """Show who met the studied event and when, under both rules for unrecorded councils.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    designs : Designs
        Its designs.

    Returns
    -------
    Section
        What the hazard is of, charts of ratios of odds by characteristics of councils and by the
        primary outcomes before the event, and tables by year, by type of council and of ratios.
    """
    try:
        found = find_first_event(plan, panel, exposure, designs)
    except DesignError as error:
        return Section("", tuple(str(fault) for fault in error.faults))
    titles = {design.outcome: design.title for design in designs}
    rows = _in_words(found.ratios, titles, panel)
    charts = [
        _chart(rows[rows["part"] == part], found, part)
        for part in ("council", "before")
        if (rows["part"] == part).any()
    ]
    tables = [_years_table(found), _shares_table(found)]
    if len(rows):
        tables.append(_ratios_table(rows, found))
    return Section("", _sentences(found, rows, titles), pieces=(*charts, *tables))


def _sentences(found: FirstEvent, rows: pd.DataFrame, titles: dict[str, str]) -> tuple[str, ...]:
    """Return what is estimated, what the register does to it, and what was left out."""
    whole = found.shares[found.shares["council_type"] == "all"].set_index("no_record")
    counts = whole["councils"].astype(int)
    assumed, known = (counts[rule] for rule in _RULES)
    texts = [
        f"Of the councils in office from {found.first_year} on that had not met the event since "
        f"then, which met it in a year? {format_count(assumed, 'council')} "
        f"{_were(assumed)} at risk; {int(whole['events'].iloc[0])} met it by the end of "
        f"{found.last_year}. This is a description of who was chosen or chose, not an effect.",
        "A council without a record is not known to have had no event. With unrecorded councils at "
        "risk throughout, the yearly chance is too low and a characteristic of councils that "
        f"publish little looks like one of those without an event. With recorded councils only "
        f"({format_count(known, 'council')}, of which {int(whole['events'].iloc[1])} met it) "
        "ratios say who met it early rather than who met it. Trust what both show.",
    ]
    if found.date_unknown:
        texts.append(
            f"{format_count(found.date_unknown, 'council')} that met the event on a day that is "
            f"not known {_were(found.date_unknown)} left out of both."
        )
    mine = rows[rows["part"] == "before"]
    if len(mine):
        texts.append(
            "Were councils chosen by what the primary outcomes showed? Of the intervals of levels "
            f"and slopes before the event, {_by_rule(mine)} exclude equal odds. "
            f"{_under_both(mine)} By chance {100 * (1 - found.level):.3g} in a hundred would. An "
            "interval that includes equal odds does not show that there was no selection."
        )
    texts.extend(
        f"No model for {titles.get(row['outcome'], 'characteristics of councils')} "
        f"({_RULES[row['no_record']]}): {row['reason']}"
        for row in found.refused.to_dict("records")
    )
    return tuple(texts)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _excludes_equal_odds(rows: pd.DataFrame) -> pd.Series[bool]:
    return (rows["conf_low"] > 1) | (rows["conf_high"] < 1)


def _by_rule(rows: pd.DataFrame) -> str:
    """Return how many of the intervals exclude equal odds under each rule that has any."""
    parts = []
    for rule, words in _RULES.items():
        own = rows[rows["no_record"] == rule]
        if len(own):
            parts.append(f"{int(_excludes_equal_odds(own).sum())} of {len(own)} ({words})")
    return " and ".join(parts)


def _under_both(rows: pd.DataFrame) -> str:
    """Name what excludes equal odds under both rules, on the same side."""
    sides = [
        {
            (row["what"], bool(row["conf_low"] > 1))
            for _, row in rows[_excludes_equal_odds(rows) & (rows["no_record"] == rule)].iterrows()
        }
        for rule in _RULES
    ]
    names = sorted(what for what, _ in sides[0] & sides[1])
    return f"Under both rules: {'; '.join(names) or 'none'}."


def _in_words(ratios: pd.DataFrame, titles: dict[str, str], panel: Panel) -> pd.DataFrame:
    """Return the ratios with a column ``what`` that names each row."""

    def name(row: pd.Series) -> str:
        word = _WORDS.get(row["characteristic"], "")
        if row["outcome"]:
            return f"{titles[row['outcome']]}: {word}"
        kind = type_words(str(row["characteristic"]))
        return word or f"{kind[:1].upper()}{kind[1:]}"

    what = [name(row) for _, row in ratios.iterrows()]
    return ratios.assign(what=pd.Series(what, index=ratios.index, dtype=object))


def _chart(rows: pd.DataFrame, found: FirstEvent, part: str) -> Chart:
    """Draw ratios of odds as doublings, so that twice and half are as far from equal."""
    clear = int(_excludes_equal_odds(rows).sum())
    subject = "Council characteristics" if part == "council" else "Outcomes before"
    drawn = pd.DataFrame(
        {
            "characteristic": rows["what"],
            "no_record": rows["no_record"].map(_RULES).str.capitalize(),
            "estimate": np.log2(rows["ratio"]),
            "conf_low": np.log2(rows["conf_low"]),
            "conf_high": np.log2(rows["conf_high"]),
            "ratio": rows["ratio"],
        }
    )
    return estimate_chart(
        drawn,
        headline=f"{subject}: {clear} of {len(rows)} intervals exclude equal odds",
        subtitle=(
            "Odds of a first event in a year, in doublings (1 is twice, -1 half the odds), for one "
            "standard deviation more or for yes against no, by rule for unrecorded councils, "
            f"England, {found.first_year} to {found.last_year}"
        ),
        source=SOURCE,
        unit=_UNIT,
        label="characteristic",
        group="no_record",
        slug=f"first-event-{part}-chart",
        level=found.level,
        notes=(f"Excluding equal odds: {_by_rule(rows)}. {_under_both(rows)}",),
    )


def _years_table(found: FirstEvent) -> Table:
    rule, other = _RULES
    wide = found.years.pivot(index="fin_year", columns="no_record").reindex(
        columns=[
            (name, one) for one in (rule, other) for name in ("at_risk", "events", "hazard_pct")
        ]
    )
    names = {
        f"{name}_{one}": f"{word} ({_RULES[one]})"
        for one in (rule, other)
        for name, word in (
            ("at_risk", "Councils at risk"),
            ("events", "First events"),
            ("hazard_pct", "Share that met it"),
        )
    }
    wide.columns = list(names)
    return Table(
        wide.reset_index(),
        "Councils at risk of a first event and first events, by financial year",
        notes=("At risk: no event since the studied years began. A year is that of the event.",),
        slug="first-event-years",
        labels=names,
        units={name: "per cent" for name in names if name.startswith("hazard")},
        decimals={name: 1 if name.startswith("hazard") else 0 for name in names},
    )


def _shares_table(found: FirstEvent) -> Table:
    frame = found.shares.assign(
        council_type=found.shares["council_type"].map(type_words),
        no_record=found.shares["no_record"].map(_RULES),
    )
    level = f"{100 * found.level:g}"
    return Table(
        frame[
            [
                "council_type",
                "no_record",
                "councils",
                "events",
                "share_pct",
                "conf_low",
                "conf_high",
            ]
        ],
        f"Councils that had met the event by the end of {found.last_year}, by type",
        notes=(
            f"Bounds of {level} per cent intervals (Kaplan and Meier, Greenwood, on the scale of "
            "the complementary log-log, councils taken as independent); none where all or no "
            "councils met it.",
        ),
        slug="first-event-shares",
        labels={"councils": "Councils", "events": "First events", "share_pct": "Share"},
        units=dict.fromkeys(("share_pct", "conf_low", "conf_high"), "per cent"),
        decimals=1,
    )


def _ratios_table(rows: pd.DataFrame, found: FirstEvent) -> Table:
    frame = rows.assign(no_record=rows["no_record"].map(_RULES))
    columns = ["what", "no_record", "ratio", "conf_low", "conf_high"]
    note = (
        "Logit with an effect of each year, standard errors clustered by council (councils of a "
        f"joint event together), t distribution, {100 * found.level:g} per cent intervals. "
        "Characteristics of councils are in one model; each "
        "outcome has a model of its own, given deprivation, rurality and population: its level is "
        "the figure of the year before, its slope that of a line through the four years before. "
        "Figures are for one standard deviation more."
    )
    notes = [note]
    few = int(rows["has_few_events"].sum())
    if few:
        notes.append(
            f"{few} of {len(rows)} rows rest on fewer than {FEW_EVENTS} events for each term "
            "of their model: such ratios lean away from 1 and their intervals are too short."
        )
    return Table(
        frame[[*columns, "events", "councils", "council_years"]],
        "Ratios of the yearly odds of a first event",
        notes=tuple(notes),
        slug="first-event-ratios",
        labels={
            "what": "Characteristic",
            "ratio": "Odds ratio",
            "events": "First events",
            "councils": "Councils",
            "council_years": "Council-years",
        },
        decimals=2,
    )
