"""What the quality notebook shows of the register: how complete it is, who was exposed and when."""

from __future__ import annotations

import pandas as pd

from evallib.design import Design, Designs
from evallib.exposure import Exposure
from evallib.exposure.events import is_dated
from evallib.panel import Panel
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year
from evallib.report.chart import Chart
from evallib.report.context_charts import counts_chart
from evallib.report.coverage_charts import coverage_chart
from evallib.report.formats import format_count, format_number
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE, kind_words

MISSING_ROW = (
    "A row that is missing does not say that nothing happened. The register was compiled from "
    "public pages and holds only what was found, so a council without a row has no record: it is "
    "kept apart from councils that are known not to have been exposed yet."
)
STATUSES = {
    "in_window": "First event in the studied years",
    "later": "First event later",
    "no_record": "No record",
    "exposed_date_unknown": "Exposed, date unknown",
}
EXPOSURES = {
    "exposed": "Exposed",
    "not_exposed": "Not exposed yet",
    "no_record": "No record",
    "exposed_date_unknown": "Date unknown",
}
MOST_YEARS = 6
_WHY = {"its date or confidence fails the plan": "dated too coarsely or too uncertain for the plan"}
_EARLY_STEPS = (
    "Council types of the plan",
    "Regions of the plan",
    "Councils that the plan excludes",
    "Touched by reorganisation",
)


def register_coverage(plan: Plan, exposure: Exposure) -> Section:
    """Show the register beside published totals, and say what a missing row means.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    Section
        A chart and a table; a sentence where no total is published.
    """
    totals = exposure.coverage
    events = " or ".join(kind_words(kind) for kind in plan.kinds)
    if totals.empty:
        unknown = (
            f"No published total of {events} is on file to hold the register against: how "
            "complete it is cannot be said."
        )
        return Section("", (MISSING_ROW, unknown))
    least, most = (format_number(float(f(totals["share_pct"])), 0) for f in (min, max))
    share = least if least == most else f"{least} to {most}"
    chart = coverage_chart(
        totals[["label", "councils_published", "councils_in_register"]],
        headline=f"The register holds {share}% of published totals",
        subtitle="Councils in the register beside the number published, England, by period",
        source=f"{SOURCE}; published totals as quoted in the data folder",
        label="label",
        register="councils_in_register",
        published="councils_published",
        unit="councils",
        slug="register-coverage",
    )
    published = [
        f"{'more than ' if basis == 'more than' else ''}{format_number(float(count), 0)}"
        for count, basis in zip(totals["councils_published"], totals["basis"], strict=True)
    ]
    table = Table(
        totals.assign(councils_published=published)[
            ["label", "councils_published", "councils_in_register", "councils_at_most", "share_pct"]
        ],
        "Councils in the register beside published totals",
        notes=(
            "Surely: the event's days lie within the period. At most: adds councils whose event, "
            "dated to the year only, may lie within it. The share is of councils surely in the "
            "register; where the total is 'more than' a number, the true share is smaller.",
        ),
        slug="coverage",
        units={"share_pct": "per cent"},
        labels={
            "label": "Published total",
            "councils_published": "Councils published",
            "councils_in_register": "Councils surely in the register",
            "councils_at_most": "Councils at most in the register",
            "share_pct": "Share in the register [note 1]",
        },
        decimals=0,
    )
    return Section("", (MISSING_ROW,), (chart, table))


def exposure_status(plan: Plan, panel: Panel, exposure: Exposure, designs: Designs) -> Section:
    """Count councils by what is known of their exposure, for the panel and for each outcome.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    designs : Designs
        Its designs: the councils of an outcome are those left once the plan's types, regions and
        exclusions and reorganisation have been dealt with.

    Returns
    -------
    Section
        A table by status and a table by year of the first event.
    """
    samples = _samples(panel, exposure, designs)
    by_status = [
        {
            "sample": name,
            "councils": len(rows),
            **{key: int((rows["status"] == key).sum()) for key in STATUSES},
        }
        for name, rows in samples.items()
    ]
    first = parse_financial_year(plan.known_from)
    last = parse_financial_year(plan.last_event_year)
    years = [format_financial_year(year) for year in range(first, last + 1)]
    by_year = []
    for name, rows in samples.items():
        studied = rows[rows["status"] == "in_window"]
        counts = studied["event_year"].value_counts()
        by_year.append(
            {
                "sample": name,
                **{year: int(counts.get(year, 0)) for year in years},
                "all_years": len(studied),
            }
        )
    span = f"{years[0]} to {years[-1]}"
    note = (
        "Rows of outcomes: councils with a figure in the outcome's years, without those that the "
        "plan leaves out by type, region or name and those touched by reorganisation."
    )
    tables = (
        Table(
            pd.DataFrame(by_status),
            f"Councils by what is known of their exposure; studied years {span}",
            notes=(note,),
            slug="exposure-status",
            labels=STATUSES,
        ),
        Table(
            pd.DataFrame(by_year),
            "Councils with a dated first event in the studied years, by financial year of the "
            "event",
            notes=(note,),
            slug="first-events",
            labels={year: year for year in years},
        ),
    )
    return Section("", (), tables)


def _samples(panel: Panel, exposure: Exposure, designs: Designs) -> dict[str, pd.DataFrame]:
    """Return the councils of exposure for the panel, for those in office, and by outcome."""
    councils = exposure.councils
    gone = panel.store.councils.set_index("council_code")["valid_to"]
    in_office = councils["council_code"].map(gone) == ""
    parts = {"All councils of the panel": councils, "of them still in office": councils[in_office]}
    for design in designs:
        parts[design.title] = councils[councils["council_code"].isin(_before_exposure(design))]
    return parts


def _before_exposure(design: Design) -> set[str]:
    """Return the councils of a design before the steps that look at exposure."""
    late = design.dropped[~design.dropped["step"].isin(_EARLY_STEPS)]
    return set(design.councils["council_code"]) | set(late["council_code"])


def exposure_by_year(panel: Panel, exposure: Exposure) -> Section:
    """Count the councils in office in each financial year by their exposure.

    Parameters
    ----------
    panel : Panel
        The panel.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    Section
        A chart of at most six years and a table of all.
    """
    councils = panel.store.councils.set_index("council_code")
    rows = exposure.frame
    days = pd.to_datetime((rows["fin_year"].map(parse_financial_year) + 1).astype(str) + "-03-31")
    opened = pd.to_datetime(rows["council_code"].map(councils["valid_from"]), errors="coerce")
    closed = pd.to_datetime(rows["council_code"].map(councils["valid_to"]), errors="coerce")
    rows = rows[~(opened > days) & ~(closed < days)]
    counts = rows.groupby(["fin_year", "exposure"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=list(EXPOSURES), fill_value=0)
    table = counts.assign(councils=counts.sum(axis=1)).reset_index().rename_axis(columns=None)
    note = "Councils of the panel that were in office on 31 March, the last day of the year."
    return Section(
        "",
        (
            "A council counts as exposed from the financial year of its event on. Each outcome's "
            "own measurement period then decides from which figure on.",
        ),
        (
            _exposure_chart(table, note),
            Table(
                table[["fin_year", "councils", *EXPOSURES]],
                "Councils by financial year and exposure",
                notes=(note,),
                slug="exposure-by-year",
                labels=EXPOSURES,
            ),
        ),
    )


def _exposure_chart(table: pd.DataFrame, note: str) -> Chart:
    # Years in which nobody had a recorded event yet are alike: the chart starts with the last.
    shown = table.iloc[max(int(table["exposed"].eq(0).sum()) - 1, 0) :]
    step = -(-len(shown) // MOST_YEARS)
    shown = shown.iloc[::-1].iloc[::step].iloc[::-1]
    tall = shown.melt(
        id_vars="fin_year", value_vars=list(EXPOSURES), var_name="exposure", value_name="n_units"
    )
    tall["exposure"] = tall["exposure"].map(EXPOSURES)
    last = table.iloc[-1]
    return counts_chart(
        tall,
        headline=(
            f"By {last['fin_year']}, {last['exposed']} of {last['councils']} councils had a "
            "recorded event"
        ),
        subtitle="Councils in office by exposure, England, financial years",
        source=SOURCE,
        group="exposure",
        slug="exposure-by-year-chart",
        notes=(note,),
    )


def dates_not_known(exposure: Exposure) -> Section:
    """List the councils that were exposed at a date that is not known, with the reason.

    Parameters
    ----------
    exposure : Exposure
        The exposure.

    Returns
    -------
    Section
        A table of who was exposed and when, and of register rows that were set aside.
    """
    rows = exposure.councils[exposure.councils["reason"] != ""]
    parts = rows["reason"].str.extract(r"^(?P<kind>\S+) of (?P<when>[^:]*): (?P<why>.*)$")
    frame = pd.DataFrame(
        {
            "council": rows["council_name"],
            "council_code": rows["council_code"],
            "row": parts["kind"].map(kind_words),
            "earliest": parts["when"].str[:7].map(_month),
            "latest": parts["when"].str[-7:].map(_month),
            "why": parts["why"].replace(_WHY),
            "dated": rows["event_year"],
        }
    )
    pieces = []
    if len(frame):
        pieces.append(
            Table(
                frame,
                "Councils that were exposed at a date that is not known, and why",
                notes=(
                    "For a review whose challenge is not in the register: the months within "
                    "which that challenge can have taken place.",
                    "A dated event that may not be the council's first.",
                ),
                slug="dates-not-known",
                labels={
                    "row": "Row of the register",
                    "earliest": "Not before [note 1]",
                    "latest": "Not after",
                    "dated": "Year of a dated event [note 2]",
                },
            )
        )
    if len(exposure.set_aside):
        pieces.append(
            Table(
                exposure.set_aside,
                "Rows of the register that were set aside, by reason",
                slug="register-set-aside",
            )
        )
    sentence = (
        f"{format_count(len(frame), 'council')} met the event at a date that is not known. "
        "Every figure of theirs is left out: they are neither treated nor controls."
    )
    return Section("", (sentence,), tuple(pieces))


def _month(text: str) -> str:
    return f"{pd.Timestamp(f'{text}-01'):%B %Y}"


def joint_events(exposure: Exposure) -> Section:
    """List events that two councils met together: one decision, one cluster.

    Parameters
    ----------
    exposure : Exposure
        The exposure.

    Returns
    -------
    Section
        A table, or a sentence where there are none.
    """
    councils = exposure.councils
    shared = councils[councils["cluster"].duplicated(keep=False)]
    if shared.empty:
        return Section("", ("No two councils met an event together.",))
    pairs = shared.sort_values(["event_date", "council_name"]).groupby("cluster", sort=False)
    frame = pd.DataFrame(
        {
            "councils": pairs["council_name"].agg(" and ".join),
            "event": pairs["kind"].first().map(kind_words),
            "event_year": pairs["event_year"].agg(lambda years: " and ".join(dict.fromkeys(years))),
            "status": pairs["status"].agg(
                lambda cells: " and ".join(dict.fromkeys(STATUSES[cell] for cell in cells))
            ),
        }
    ).reset_index(drop=True)
    sentence = (
        f"{format_count(len(frame), 'event')} "
        f"{'was' if len(frame) == 1 else 'were'} joint: one decision for the councils named, "
        "which share one cluster and one assignment."
    )
    table = Table(
        frame,
        "Events that councils met together",
        slug="joint-events",
        labels={"event_year": "Financial year", "status": "Exposure"},
    )
    return Section("", (sentence,), (table,))


def earlier_events(plan: Plan, panel: Panel, exposure: Exposure, designs: Designs) -> Section:
    """Count the studied first events before which the register holds an earlier one.

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
        A table and what the plan does with such councils.
    """
    events = exposure.events[exposure.events["kind"].isin(plan.kinds)]
    before = events["event_date"] < pd.Timestamp(parse_financial_year(plan.known_from), 4, 1)
    dated = events[before & is_dated(events, plan.date_precision, plan.min_confidence)]
    rows = []
    for name, sample in _samples(panel, exposure, designs).items():
        studied = sample[sample["status"] == "in_window"]
        earlier = int(studied["earlier_event"].notna().sum())
        sure = int(studied["council_code"].isin(dated["council_code"]).sum())
        none = len(studied) - earlier
        share = 100 * none / len(studied) if len(studied) else float("nan")
        rows.append((name, len(studied), sure, earlier - sure, none, share))
    columns = ["sample", "first_events", "dated", "undated", "without_earlier", "share_without"]
    table = Table(
        pd.DataFrame(rows, columns=columns),
        f"First events in the studied years, by whether an event before {plan.known_from} is "
        "recorded",
        notes=("The register is thin before the studied years: the share is an upper bound.",),
        slug="earlier-events",
        units={"share_without": "per cent"},
        labels={
            "first_events": "Councils with a first event",
            "dated": "An earlier event is recorded and dated",
            "undated": "One is recorded, its date or confidence below the plan's",
            "without_earlier": "None is recorded",
            "share_without": "Share with none [note 1]",
        },
        decimals=0,
    )
    rule = {
        "keep": "The plan keeps councils with an earlier event.",
        "drop": (
            "The plan leaves out councils with a recorded event in the "
            f"{plan.history.years} years before {plan.known_from}."
        ),
    }[plan.history.action]
    sentence = (
        f"The event studied is a council's first from {plan.known_from} on. Earlier visits are "
        "history: years before the event count as years before exposure, whatever had happened "
        f"in them. {rule}"
    )
    return Section("", (sentence,), (table,))
