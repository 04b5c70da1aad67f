"""What the quality notebook shows of the tables: files, indicators, mendings, codes."""

from __future__ import annotations

import pandas as pd

from evallib.exposure import Exposure
from evallib.panel import Panel
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year
from evallib.report.formats import format_count, format_date
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import indicator_title, kind_words, long_as_notes, year_span
from evallib.report.words import polarity_words, unit_words

_TIERS = {
    "collection": "waste collection authorities",
    "disposal": "waste disposal authorities",
    "unitary": "single-tier councils",
    "upper-tier": "upper-tier and single-tier councils",
    "lower-tier": "lower-tier and single-tier councils",
    "all": "all councils",
}


def what_is_studied(plan: Plan, panel: Panel, exposure: Exposure) -> Table:
    """Say in a few rows which events, councils, years and outcomes a plan studies.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    Table
        The whole plan stands in the record of the report.
    """
    studied = (exposure.councils["status"] == "in_window").sum()
    roles = pd.Series([one.role for one in plan.every_outcome]).value_counts(sort=False)
    compared = {
        "not_yet_treated": "councils not exposed yet, later-treated ones until their own event",
        "never_treated": "councils that are never treated",
    }
    precise = f"to the {plan.date_precision}, confidence {plan.min_confidence} or better"
    rows = (
        ("Question", plan.question),
        ("Event", " or ".join(kind_words(kind) for kind in studied_kinds(plan))),
        ("Years of the event", f"{plan.known_from} to {plan.last_event_year}; the first counts"),
        ("Events that count as dated", precise),
        ("Councils with such an event", format_count(int(studied))),
        ("Councils in the panel", format_count(panel.frame["council_code"].nunique())),
        ("Years of the panel", year_span(panel.frame["fin_year"])),
        ("Compared with", compared[plan.comparison]),
        ("Outcomes", ", ".join(f"{count} {role}" for role, count in roles.items())),
    )
    return Table(
        pd.DataFrame(rows, columns=["what", "value"]),
        f"What is studied: {plan.title}",
        slug="what-is-studied",
        labels={"what": "What", "value": "In this evaluation"},
    )


def data_log(panel: Panel) -> Section:
    """List every file that was read: publisher, publication, licence, rows, sha256, access date.

    Parameters
    ----------
    panel : Panel
        The panel, whose store holds the files.

    Returns
    -------
    Section
        A table, and what was noted about the files.
    """
    store = panel.store
    log = pd.DataFrame(list(store.inputs))
    attributions = sorted(set(log["attribution"]) - {"not recorded"})
    log["sha256"] = log["sha256"].str[:12]
    log["accessed"] = log["accessed"].map(format_date)
    columns = ["file", "publisher", "publication", "licence", "rows", "sha256", "accessed"]
    table = Table(
        log[columns],
        f"Data log: files read from {store.label}",
        notes=(
            "Below the header, as the file stands.",
            "Shortened to its first 12 digits; the manifest of the run has all 64.",
            "'not recorded': the tables do not say.",
            f"To be carried by a publication: {' '.join(attributions) or 'not recorded.'}",
        ),
        slug="data-log",
        labels={
            "licence": "Licence [note 4]",
            "rows": "Rows [note 1]",
            "sha256": "SHA-256 [note 2]",
            "accessed": "Accessed [note 3]",
        },
    )
    total = format_count(int(log["rows"].sum()), "row")
    first = f"{format_count(len(log), 'file')} with {total} were read and passed every check."
    return Section("", (first, *store.notes), pieces=(table,))


def plan_indicators(plan: Plan, panel: Panel) -> Section:
    """List the plan's indicators: unit, polarity, measurement period, who reports, breaks.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Section
        Two tables with a row an indicator, denominators and ingredients included.
    """
    roles: dict[str, str] = {o.per: "denominator" for o in plan.every_outcome if o.per}
    roles |= {outcome.indicator: outcome.role for outcome in plan.every_outcome}
    year = parse_financial_year(plan.known_from)
    measured, reported = [], []
    for name in panel.indicators:
        facts, rule = panel.catalogue.describe(name), panel.catalogue.rule(name)
        measured.append(
            {
                "title": facts["title"],
                "role": roles.get(name, "ingredient"),
                "unit": unit_words(facts["unit"]),
                "polarity": polarity_words(facts["polarity"]),
                "basis": facts["period_basis"],
                "holds": f"{format_date(rule.start(year))} to {format_date(rule.end(year))}",
            }
        )
        tiers = facts["reporting_tier"].split(",")
        reported.append(
            {
                "title": facts["title"],
                "indicator": name,
                "reported_by": ", ".join(_TIERS.get(tier, tier) for tier in tiers),
                "known_breaks": _breaks(panel, name),
            }
        )
    breaks, notes = long_as_notes([row["known_breaks"] for row in reported])
    tables = (
        Table(
            pd.DataFrame(measured),
            "Indicators of the plan: what they measure, and when",
            notes=(
                f"The days of an event that fall in the period labelled {plan.known_from}: an "
                "event before or after them belongs to another period.",
            ),
            slug="indicators",
            labels={
                "title": "Indicator",
                "basis": "Measured over",
                "holds": f"Period of {plan.known_from} [note 1]",
            },
        ),
        Table(
            pd.DataFrame(reported).assign(known_breaks=breaks),
            "Indicators of the plan: who reports them, and known breaks of the series",
            notes=notes,
            slug="indicator-breaks",
            labels={"title": "Indicator", "indicator": "Name in the plan"},
            empty="no data",
        ),
    )
    return Section("", pieces=tables)


def _breaks(panel: Panel, name: str) -> str:
    """Return an indicator's known breaks; 'as OTHER' becomes the other's title or its breaks."""
    text = str(panel.catalogue.describe(name)["known_breaks"])
    other = text.removeprefix("as ")
    if text == other or other not in set(panel.catalogue.names):
        return text or "none recorded"
    if other in panel.indicators:
        return f"as for: {indicator_title(panel.catalogue, other)}"
    return str(panel.catalogue.describe(other)["known_breaks"])


def corrections_applied(panel: Panel) -> Table:
    """List the corrections that were applied on load, grouped by file, indicator and reason.

    Parameters
    ----------
    panel : Panel
        The panel, whose store holds `corrections.csv`.

    Returns
    -------
    Table
        Every row of `corrections.csv` is counted once in the column `rows`.
    """
    applied = panel.store.corrections
    whose = applied["council_code"].where(applied["column"] == "value", applied["corrected"])
    whose = whose.where(applied["corrected"] != "", applied["council_code"])
    mended = applied["column"].map({"value": "value replaced", "council_code": "code replaced"})
    table = applied.assign(
        what=mended.where(applied["corrected"] != "", "row dropped"), council=whose
    )
    keys = ["file", "indicator", "what", "reason"]
    grouped = (
        table.groupby(keys, sort=False)
        .agg(
            rows=("file", "size"),
            councils=("council", "nunique"),
            years=("fin_year", year_span),
        )
        .reset_index()
    )
    grouped["reason"], notes = long_as_notes(list(grouped["reason"]), before=1)
    grouped["file"] = grouped["file"].str.removeprefix("outcomes/")
    grouped["indicator"] = [indicator_title(panel.catalogue, name) for name in grouped["indicator"]]
    return Table(
        grouped,
        f"Slips of the publications mended on load: {format_count(len(applied), 'correction')} "
        f"of {format_count(whose.nunique(), 'council')}",
        notes=(
            "In the folder outcomes. Each correction is a row of corrections.csv with what was "
            "published and why it is mended. One that matches no row, or whose published figure "
            "differs from the file, stops the run.",
            *notes,
        ),
        slug="corrections",
        labels={"file": "File [note 1]", "what": "What was mended"},
    )


def codes_and_set_aside(panel: Panel) -> Section:
    """List the codes that are followed to the current one, and the rows that were set aside.

    Parameters
    ----------
    panel : Panel
        The panel.

    Returns
    -------
    Section
        Two tables.
    """
    store = panel.store
    recodes = store.code_changes[store.code_changes["change"] == "recode"]
    followed = pd.DataFrame(
        {
            "old_code": recodes["old_code"],
            "current_code": store.book.follow(recodes["new_code"]),
            "council_name": recodes["council_name"],
            "effective_from": recodes["effective_from"].map(format_date),
        }
    )
    codes = Table(
        followed,
        "Codes that changed without the council changing, followed in every table",
        slug="codes-followed",
    )
    aside = Table(
        store.set_aside,
        "Rows set aside on load, by file and reason",
        notes=(
            "Figures and events of a council that merged into another in 2009 belong to an area "
            "that is not a council of any year studied here.",
        ),
        slug="set-aside",
    )
    total = int(store.set_aside["rows"].sum())
    sentence = (
        f"{format_count(len(followed), 'code')} lead to a current code; "
        f"{format_count(total, 'row')} of all tables cannot be used and "
        f"{'is' if total == 1 else 'are'} left out of every count below."
    )
    return Section("", (sentence,), pieces=(codes, aside))
