"""What the quality notebook shows of the tables: files, indicators, mendings, reorganisation."""

from __future__ import annotations

import re

import pandas as pd

from evallib.design import Designs
from evallib.design.outcomes import outcome_figures
from evallib.panel import Panel
from evallib.panel.covariates import DEPRIVATION_NOTE
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year
from evallib.report.formats import format_count, format_date
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import indicator_title, year_span
from evallib.report.words import polarity_words, unit_words

_TIERS = {
    "collection": "waste collection authorities",
    "disposal": "waste disposal authorities",
    "unitary": "single-tier councils",
    "upper-tier": "upper-tier and single-tier councils",
    "lower-tier": "lower-tier and single-tier councils",
    "all": "all councils",
}
_REORGANISED = "Touched by reorganisation"
_CAME, _WENT = "came_into_being", "abolished"
_MIXED, _ALL_RECAST = "series_mixed", "only_recast"


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
    attributions = [text for text in dict.fromkeys(log["attribution"]) if text != "not recorded"]
    log["sha256"] = log["sha256"].str[:12]
    log["accessed"] = log["accessed"].map(format_date)
    columns = ["file", "publisher", "publication", "licence", "rows", "sha256", "accessed"]
    table = Table(
        log[columns],
        f"Data log: files read from {store.label}",
        notes=(
            "Rows are counted below the header, as the file stands. SHA-256 is shortened to its "
            "first 12 digits; the manifest of the run has all 64.",
            "'not recorded': the tables do not say.",
            *attributions,
        ),
        slug="data-log",
    )
    total = format_count(int(log["rows"].sum()), "row")
    first = f"{format_count(len(log), 'file')} with {total} were read and passed every check."
    return Section("", (first, *store.notes), (table,))


def plan_indicators(plan: Plan, panel: Panel) -> Table:
    """List the plan's indicators: unit, polarity, measurement period, who reports, breaks.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Table
        A row an indicator, denominators included.
    """
    store = panel.store
    roles = {outcome.indicator: outcome.role for outcome in plan.outcomes}
    year = parse_financial_year(plan.known_from)
    rows = []
    for name in panel.indicators:
        facts, rule = store.indicator(name), store.rules[name]
        rows.append(
            {
                "title": facts["title"],
                "role": roles.get(name, "denominator"),
                "unit": unit_words(facts["unit"]),
                "polarity": polarity_words(facts["polarity"]),
                "basis": facts["period_basis"],
                "holds": f"{format_date(rule.start(year))} to {format_date(rule.end(year))}",
                "reported_by": ", ".join(
                    _TIERS.get(tier, tier) for tier in facts["reporting_tier"].split(",")
                ),
                "known_breaks": _breaks(panel, name),
                "indicator": name,
            }
        )
    return Table(
        pd.DataFrame(rows),
        "Indicators of the plan: what they measure, when, and who reports them",
        notes=(
            f"The days of an event that fall in the period labelled {plan.known_from}: an event "
            "before or after them belongs to another period.",
        ),
        slug="indicators",
        labels={
            "title": "Indicator",
            "basis": "Measured over",
            "holds": f"Period of {plan.known_from} [note 1]",
            "reported_by": "Reported by",
            "known_breaks": "Known breaks",
            "indicator": "Name in the plan",
        },
        empty="no data",
    )


def _breaks(panel: Panel, name: str) -> str:
    """Return an indicator's known breaks; 'as OTHER' becomes the other's title or its breaks."""
    text = str(panel.store.indicator(name)["known_breaks"])
    other = text.removeprefix("as ")
    if text == other or other not in set(panel.store.indicators["indicator"]):
        return text or "none recorded"
    if other in panel.indicators:
        return f"as for: {indicator_title(panel.store, other)}"
    return str(panel.store.indicator(other)["known_breaks"])


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
    grouped["indicator"] = [indicator_title(panel.store, name) for name in grouped["indicator"]]
    return Table(
        grouped,
        f"Slips of the publications mended on load: {format_count(len(applied), 'correction')} "
        f"of {format_count(whose.nunique(), 'council')}",
        notes=(
            "Each correction is a row of corrections.csv with what was published and why it is "
            "mended. One that matches no row, or whose published figure differs from the file, "
            "stops the run.",
        ),
        slug="corrections",
        labels={"what": "What was mended"},
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
    return Section("", (sentence,), (codes, aside))


def reorganisation(plan: Plan, panel: Panel, designs: Designs) -> Table:
    """Count figures recast on later boundaries, and councils touched by reorganisation.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    designs : Designs
        Its designs, which drop the councils that are touched.

    Returns
    -------
    Table
        A row an outcome.
    """
    rows = []
    for outcome, design in zip(plan.outcomes, designs, strict=True):
        figures = outcome_figures(plan, panel, outcome).rows
        recast = figures[figures["is_recast"]]
        gone = design.dropped[design.dropped["step"] == _REORGANISED]
        kinds = gone["reason"].map(_touch).value_counts()
        rows.append(
            {
                "outcome": design.title,
                "figures": len(figures),
                "recast_figures": len(recast),
                "recast_councils": int(recast["council_code"].nunique()),
                **{kind: int(kinds.get(kind, 0)) for kind in (_CAME, _WENT, _MIXED, _ALL_RECAST)},
                "touched": len(gone),
            }
        )
    return Table(
        pd.DataFrame(rows),
        "Figures recast on other boundaries, and councils that reorganisation touched, by outcome",
        notes=(
            "Recast: the measurement period lies outside the council's dates in office. Such "
            "figures are kept as published and flagged.",
            "Touched within the outcome's years, after the councils that the plan excludes: each "
            "counts once, by the first of these reasons that holds. Touched councils are left "
            "out of the design.",
        ),
        slug="reorganisation",
        labels={
            "figures": "Council-years with a figure",
            "recast_figures": "Recast figures [note 1]",
            "recast_councils": "Councils with recast figures",
            _CAME: "Councils that came into being",
            _WENT: "Councils abolished",
            _MIXED: "Councils whose series mixes real and recast figures",
            _ALL_RECAST: "Councils with recast figures only",
            "touched": "Councils touched [note 2]",
        },
    )


def _touch(reason: str) -> str:
    """Return the column that counts a reason of `reorganised_councils`."""
    if re.match("came into being", reason):
        return _CAME
    if re.match("abolished", reason):
        return _WENT
    return _ALL_RECAST if "all figures are recast" in reason else _MIXED


def covariates_known(panel: Panel) -> Table:
    """Count the councils of the panel whose fixed characteristics are known.

    Parameters
    ----------
    panel : Panel
        The panel.

    Returns
    -------
    Table
        A row a characteristic.
    """
    named = (
        ("imd_average_score", "Deprivation", "average score, higher is more deprived"),
        ("share_population_rural", "Rural population", "share from 0 to 1"),
        ("population_count", "Population", "persons"),
    )
    whole = panel.store.councils.set_index("council_code")["valid_to"]
    codes = panel.frame["council_code"].unique()
    table = panel.covariates.set_index("council_code").reindex(codes)
    gone = whole.reindex(codes) != ""
    rows = [
        {
            "characteristic": words,
            "unit": unit,
            "known": int(table[column].notna().sum()),
            "unknown_abolished": int((table[column].isna() & gone).sum()),
            "unknown_in_office": int((table[column].isna() & ~gone).sum()),
        }
        for column, words, unit in named
    ]
    return Table(
        pd.DataFrame(rows),
        "Councils of the panel by whether their fixed characteristics are known",
        notes=(
            DEPRIVATION_NOTE,
            "Population is on the boundaries of 2023: councils abolished by then have none. The "
            "rural share rests on a composite by mySociety, not on the official classification.",
        ),
        slug="characteristics",
        labels={
            "known": "Councils with a figure",
            "unknown_abolished": "Without: abolished since",
            "unknown_in_office": "Without: still in office",
        },
    )
