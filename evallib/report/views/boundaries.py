"""What the quality notebook shows of the councils: reorganisation and fixed characteristics."""

from __future__ import annotations

import pandas as pd

from evallib.design import Designs
from evallib.exposure import Exposure
from evallib.panel import Panel
from evallib.panel.boundaries import Joining, joining_of
from evallib.panel.covariates import DEPRIVATION_NOTE
from evallib.plan import Plan
from evallib.report.formats import format_count, format_number
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import indicator_title, kind_words, year_span

_STEP = "Touched by reorganisation"
_DID = {
    "left_out": "Left out",
    "kept": "Kept for its time in office",
    "added_up": "Made from several predecessors",
    "continued": "Goes on from one predecessor",
    "recast_used": "Publisher's recast figures used",
    "passed_on": "In its successor's figures",
}
_POLICIES = {
    "drop": (
        "The plan leaves out councils that began, ended or were recast within an outcome's years "
        "(boundaries: drop)."
    ),
    "aggregate_to_successor": (
        "The plan adds abolished councils up to the council that followed them (boundaries: "
        "aggregate_to_successor): counts are added, rates weighted by their own denominator. Where "
        "one predecessor lacks a figure the year is missing, never partial."
    ),
    "keep_predecessors": (
        "The plan keeps every council for as long as it was in office (boundaries: "
        "keep_predecessors) and sets figures aside that were recast on other boundaries."
    ),
}
_RULES = {
    "any": "every event of any predecessor reaches the successor",
    "first": "of the studied kinds only what may be the earliest event of any predecessor does",
    "share": "events do once predecessors with {share} of the population had met one",
}


def reorganisation(plan: Plan, panel: Panel, designs: Designs) -> Section:
    """Show what the plan's policy did with reorganised councils, and why.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel, which keeps the account.
    designs : Designs
        Its designs, which leave councils out.

    Returns
    -------
    Section
        What was done by indicator, who was left out by outcome, and a table council by council.
    """
    account = panel.boundaries.table
    sentences = [_POLICIES[plan.boundaries]]
    if plan.boundaries != "drop":
        sentences.append(_boundaries_of(plan))
    if account.empty:
        none = "No council with a figure was touched within the years."
        return Section("", (*sentences, none))
    compared = account[account["years_compared"] > 0]
    if len(compared):
        years = int(compared["years_compared"].sum())
        most = format_number(float(compared["largest_difference_pct"].max()), 1)
        sentences.append(
            f"For {format_count(years, 'council-year')} both the predecessors' own figures and the "
            f"publisher's recast one are on file: the aggregates differ by at most {most} per cent."
        )
    numbers = {key: str(at) for at, key in enumerate(_keys(account), 1)}
    pieces = (
        _by_indicator(account, numbers, panel),
        _by_outcome(designs),
        _by_council(account, numbers),
    )
    return Section("", tuple(sentences), pieces=pieces)


def _boundaries_of(plan: Plan) -> str:
    if plan.boundary_year is None:
        return "Boundaries are those of 31 March at the end of each outcome's last year."
    return f"Boundaries are those of 31 March at the end of {plan.boundary_year}."


def _keys(account: pd.DataFrame) -> list[tuple[str, str]]:
    pairs = account[["indicator", "boundary_year"]].drop_duplicates()
    return [(str(name), str(year)) for name, year in pairs.to_numpy().tolist()]


def _by_indicator(
    account: pd.DataFrame, numbers: dict[tuple[str, str], str], panel: Panel
) -> Table:
    counts = ["figures_in", "figures_out", "aggregated", "recast", "recast_set_aside"]
    rows = []
    for (name, year), part in account.groupby(["indicator", "boundary_year"], sort=False):
        did = part["did"].value_counts()
        rows.append(
            {
                "number": numbers[str(name), str(year)],
                "indicator": indicator_title(panel.catalogue, str(name)),
                "joined": _joining_words(joining_of(str(name), panel.store.catalogue)),
                "boundary_year": year,
                **{word: int(did.get(word, 0)) for word in _DID},
                **{column: int(part[column].sum()) for column in counts},
            }
        )
    frame = pd.DataFrame(rows)
    unused = [c for c in (*_DID, *counts[2:]) if not frame[c].any()]
    if panel.boundaries.made.empty:
        unused.append("joined")
    return Table(
        frame.drop(columns=unused),
        "Councils that reorganisation touched, by indicator and by what was done with them",
        notes=(
            "Council-years within the years that the plan uses the indicator for, of these "
            "councils: as they were, and as the policy leaves them.",
        ),
        slug="reorganisation",
        row_header="indicator",
        labels={
            "number": "Number",
            "joined": "How figures of several councils are joined",
            "boundary_year": "Boundaries at the end of",
            **_DID,
            "figures_in": "Council-years before [note 1]",
            "figures_out": "Council-years left",
            "aggregated": "of them aggregated",
            "recast": "of them recast",
            "recast_set_aside": "Recast, not used",
        },
    )


def _joining_words(joining: Joining) -> str:
    if joining.kind == "count":
        return "added up"
    if joining.kind == "rate":
        return f"weighted by {joining.stands_for}"
    return f"not joined: {joining.reason}"


def _by_outcome(designs: Designs) -> Table:
    rows = []
    for design in designs:
        step = design.flow[design.flow["step"] == _STEP].iloc[0]
        columns = ("councils_dropped", "council_years_dropped", "why")
        rows.append({"outcome": design.title, **{name: step[name] for name in columns}})
    return Table(
        pd.DataFrame(rows),
        "Councils that leave a design because of reorganisation, by outcome",
        notes=("After the types, regions and councils that the plan leaves out.",),
        slug="reorganisation-outcomes",
        labels={
            "councils_dropped": "Councils left out",
            "council_years_dropped": "Council-years left out",
            "why": "Reasons, with councils",
        },
    )


def _by_council(account: pd.DataFrame, numbers: dict[tuple[str, str], str]) -> Table:
    keys = zip(account["indicator"], account["boundary_year"], strict=True)
    listed = account.assign(number=[numbers[name, year] for name, year in keys])
    by = ["council_name", "council_code", "did", "why", "predecessors", "missing_why"]
    rows = []
    for cells, part in listed.groupby(by, sort=False):
        row = {name: str(cell) for name, cell in zip(by, cells, strict=True)}
        lost = int(part["years_missing"].sum())
        rows.append(
            {
                "council": row["council_name"],
                "council_code": row["council_code"],
                "did": _DID[row["did"]],
                "why": row["why"],
                "predecessors": row["predecessors"] or None,
                "indicators": ", ".join(part["number"]),
                "years": year_span([*part["first_year"], *part["last_year"]]),
                "figures_in": int(part["figures_in"].sum()),
                "figures_out": int(part["figures_out"].sum()),
                "missing": f"{lost}: {row['missing_why']}" if lost else "none",
            }
        )
    frame = pd.DataFrame(rows).sort_values(["council", "council_code", "did"], ignore_index=True)
    if frame["predecessors"].isna().all():
        frame = frame.drop(columns=["predecessors", "missing"])
    return Table(
        frame,
        "What was done with each council that reorganisation touched, and why",
        notes=("Indicators by their number in the table of indicators.",),
        slug="reorganisation-councils",
        labels={
            "did": "What was done",
            "predecessors": "Predecessors that it needs",
            "indicators": "Indicators [note 1]",
            "figures_in": "Council-years before",
            "figures_out": "Council-years left",
            "missing": "Years before it began without a figure",
        },
    )


def predecessor_events(plan: Plan, panel: Panel, exposure: Exposure) -> Section:
    """List the events of abolished councils that reached the council which followed them.

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
    Section
        The rule and a table; a sentence where no event was passed on.
    """
    if plan.boundaries == "drop":
        return Section("", ("Under boundaries: drop no event is passed on to a successor.",))
    if plan.boundaries == "keep_predecessors":
        rule = (
            "A successor has no figures from before its predecessor's event: it is neither treated "
            "nor a control where such an event lies in the studied years."
        )
    else:
        share = f"{100 * plan.predecessor_events.share:g} per cent"
        words = _RULES[plan.predecessor_events.rule].format(share=share)
        rule = f"The plan's rule (predecessor_events: {plan.predecessor_events.rule}): {words}."
    passed = exposure.passed_on
    if passed.empty:
        return Section("", (rule, "The register holds no event of a predecessor."))
    names = {code: unit.name for code, unit in panel.boundaries.lineage.units.items()}
    frame = pd.DataFrame(
        {
            "council": passed["council_name"],
            "predecessor": passed["of_council"].map(names),
            "event": passed["kind"].map(kind_words),
            "start_date": passed["start_date"],
            "confidence": passed["confidence"],
            "doubt": passed["doubt"].replace("", "none"),
        }
    ).sort_values(["council", "start_date", "predecessor"], ignore_index=True)
    table = Table(
        frame,
        "Events of abolished councils that reached their successor",
        slug="predecessor-events",
        labels={
            "predecessor": "Met by",
            "start_date": "Date as written",
            "doubt": "Why its date does not count",
        },
    )
    return Section("", (rule,), pieces=(table,))


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
