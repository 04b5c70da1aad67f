"""The sample flow of every outcome, and what the quality notebook keeps as files."""

from __future__ import annotations

import pandas as pd

from evallib.design import Design, Designs
from evallib.exposure import Exposure
from evallib.exposure.completeness import completeness_words
from evallib.panel import Panel
from evallib.plan import Plan
from evallib.report.chart import Chart
from evallib.report.formats import format_count, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.figures import missing_by_year
from evallib.report.views.missingness import (
    missing_by_arm,
    missing_by_type,
    missing_differences,
)
from evallib.report.views.naming import RULE_WORDS
from evallib.report.views.unsafe import unsafe_list

_COLUMNS = ["step", "why", "councils_dropped", "council_years_dropped"]
_LABELS = {"councils": "Councils left", "council_years": "Council-years left"}
_LABELS |= {"council_years_dropped": "Council-years dropped"}


def sample_flow(designs: Designs) -> Sections:
    """Show how each outcome's sample narrows, step by step, under both no-record rules.

    Parameters
    ----------
    designs : Designs
        The designs of a plan.

    Returns
    -------
    Sections
        A section an outcome: the flow under the plan's rule, then the steps in which the other
        rule differs.
    """
    return Sections(tuple(_flow_section(design) for design in designs))


def _flow_section(design: Design) -> Section:
    other = design.alternative
    tables = [
        Table(
            _spoken(design.flow),
            f"Sample flow, {RULE_WORDS[design.no_record]}: {design.title}",
            slug=f"flow-{design.outcome}",
            labels=_LABELS,
        )
    ]
    sentences = [_left(design)]
    if other is None:
        sentences.append(f"No flow under the other rule: {design.alternative_reason}.")
    else:
        same = _shared_steps(design, other)
        tables.append(
            Table(
                _spoken(other.flow.iloc[same:]),
                f"Sample flow, {RULE_WORDS[other.no_record]}, from the first step that differs: "
                f"{design.title}",
                slug=f"flow-{other.no_record}-{design.outcome}",
                labels=_LABELS,
            )
        )
        sentences.append(_left(other))
    return Section(design.title, tuple(sentences), pieces=tuple(tables))


def _spoken(flow: pd.DataFrame) -> pd.DataFrame:
    """Return a flow whose first step, which drops nothing, says so."""
    return flow.assign(why=flow["why"].replace({"": "the start"}))


def _shared_steps(design: Design, other: Design) -> int:
    """Return how many first steps are the same under both rules."""
    pairs = zip(design.flow.to_numpy().tolist(), other.flow.to_numpy().tolist(), strict=False)
    return next((place for place, (own, its) in enumerate(pairs) if own != its), 0)


def _left(design: Design) -> str:
    last = design.flow.iloc[-1]
    councils = format_count(int(last["councils"]), "council")
    return (
        f"With {RULE_WORDS[design.no_record]}: {councils} and "
        f"{format_count(int(last['council_years']), 'council-year')} are left, "
        f"{format_number(float(design.n_treated), 0)} of the councils treated."
    )


def charts_of(*parts: Chart | Table | Section | Sections) -> list[Chart]:
    """Return the charts within views, to be saved as pictures.

    Parameters
    ----------
    *parts : Chart, Table, Section or Sections
        What the views returned.

    Returns
    -------
    list of Chart
        In order.
    """
    charts: list[Chart] = []
    for part in parts:
        sections = part.items if isinstance(part, Sections) else (part,)
        for section in sections:
            pieces = section.pieces if isinstance(section, Section) else (section,)
            charts += [piece for piece in pieces if isinstance(piece, Chart)]
    return charts


def quality_tables(
    plan: Plan, panel: Panel, exposure: Exposure, designs: Designs
) -> dict[str, pd.DataFrame]:
    """Return the whole lists behind the quality notebook, to be saved as CSV.

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
    dict of str to pandas.DataFrame
        By the name of the file.
    """
    both = [one for design in designs for one in (design, design.alternative) if one is not None]
    keys = ["outcome", "no_record"]

    def stacked(part: str) -> pd.DataFrame:
        frames: list[pd.DataFrame] = [
            getattr(one, part).assign(outcome=one.outcome, no_record=one.no_record) for one in both
        ]
        table: pd.DataFrame = pd.concat(frames, ignore_index=True)
        return table[[*keys, *(name for name in table.columns if name not in keys)]]

    store, described = panel.store, panel.catalogue.frame
    declared = {}
    if (known := exposure.completeness) is not None:
        facts = {"sentence": [completeness_words(known)], "is_whole": [known.is_whole]}
        declared = {"register_complete": pd.DataFrame(facts)}
    return {
        **declared,
        "data_log": pd.DataFrame(list(store.inputs)),
        "indicators": described[described["indicator"].isin(panel.indicators)],
        "corrections": store.corrections,
        "rows_set_aside": store.set_aside,
        "reorganisation": panel.boundaries.table,
        "predecessor_events": exposure.passed_on,
        "missing_figures": missing_by_year(plan, panel),
        "missing_by_type": missing_by_type(plan, panel),
        "missing_by_arm": missing_by_arm(designs),
        "missing_differences": missing_differences(designs),
        "unsafe_figures": unsafe_list(plan, panel),
        "coverage": exposure.coverage,
        "joined_rows": exposure.joined,
        "joint_events": exposure.joint,
        "spells": exposure.spells,
        "first_entries": exposure.entries,
        "states": exposure.states,
        "exposure": exposure.councils.drop(columns="joint_with"),
        "sample_flow": stacked("flow"),
        "councils_dropped": stacked("dropped"),
    }
