"""The record of a report: what ran, on what, assumed what, changed what, and who answers for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evallib.errors import Fault
from evallib.report.formats import format_date
from evallib.report.gate import OGL_ATTRIBUTION, ReportError
from evallib.report.planned import (
    PlanLike,
    analyses_tables,
    deviations_table,
    deviations_words,
    log_rows,
    plain,
    text_frame,
)
from evallib.report.tables import Table
from evallib.report.views.naming import ESTIMATOR_WORDS

_SHORT_HASH = 12
NO_DATE = "date not recorded"
LICENCE_WORDS: Mapping[str, str] = {"OGL-UK-3.0": "Open Government Licence v3.0"}

PLAN_WORDS: Mapping[str, Mapping[str, str]] = {
    "no_record": {
        "assume_not_exposed": "A council without a record is taken as not exposed. The register "
        "misses some events, so some comparison councils may have been exposed.",
        "only_known": "Only councils whose recorded first event comes later serve as comparison.",
    },
    "comparison": {
        "not_yet_treated": "Councils are compared with those not yet exposed, later ones included.",
        "never_treated": "Councils are compared only with those never exposed.",
    },
    "exposure_starts": {
        "next_period": "Exposure starts in the first measurement period that begins after the "
        "event. The period of the event itself is neither before nor after.",
        "same_period": "Exposure starts in the period of the event.",
    },
    "boundaries": {
        "drop": "Councils touched by reorganisation within the years studied are left out.",
        "aggregate_to_successor": "Councils that merged are added up to their successor.",
        "keep_predecessors": "Councils that merged are kept until their last year.",
    },
    "min_confidence": {
        "low": "Events of any confidence count as dated.",
        "medium": "Events of low confidence count as exposed at an unknown date.",
        "high": "Events below high confidence count as exposed at an unknown date.",
    },
    "weights": {
        "none": "Every council counts alike: the estimates are for the average council.",
        "population": "Councils count by population: the estimates are for the average resident.",
    },
}


@dataclass(frozen=True, slots=True)
class Record:
    """The tables of a report's record, each under its heading.

    Parameters
    ----------
    sections : tuple of (str, str, tuple of Table)
        Heading, introduction, and tables of each section.
    attributions : tuple of str
        Sentences that the licences of the inputs require, the Open Government Licence's first.
    citation : str
        How to cite the report.
    """

    sections: tuple[tuple[str, str, tuple[Table, ...]], ...]
    attributions: tuple[str, ...]
    citation: str


def build_record(
    plan: PlanLike, manifest: Mapping[str, Any], estimates: pd.DataFrame | None = None
) -> Record:
    """Build the record from the plan, the run's manifest and the estimates that ran.

    Parameters
    ----------
    plan : Plan
        The effective plan.
    manifest : mapping
        Read where they are there: run_id, created, seconds, revision, is_changed, seed or seeds,
        versions (mapping), notes (texts on the inputs), inputs (list of mappings with file or
        path, publication or title, publisher, licence, attribution, accessed, sha256, rows),
        assumptions, decisions and deviations (lists of texts or mappings), lock (mapping with file,
        locked, outcomes, estimators, comparison, deviations and unplanned).
    estimates : pandas.DataFrame, optional
        The run's estimates.csv: columns outcome, estimator, comparison, no_record, inference.

    Returns
    -------
    Record
        Tables and sentences.

    Raises
    ------
    ReportError
        Where the manifest lists no inputs: then nothing could be attributed.
    """
    inputs = list(manifest.get("inputs") or [])
    if not inputs:
        raise ReportError(
            [
                Fault(
                    "manifest.json",
                    "it lists no inputs",
                    "a report without its attributions does not build",
                    "record every input with its publisher and licence",
                )
            ]
        )
    notes = manifest.get("notes") or ()
    sections = (
        ("About this run", "", (_facts_table(plan, manifest),)),
        (
            "Data log",
            "Every file that was read.",
            (_inputs_table(inputs, notes),),
        ),
        ("Assumptions log", "", (_assumptions_table(plan, manifest),)),
        ("Decisions log", "", (_decisions_table(plan, manifest),)),
        (
            "Deviations from the plan",
            deviations_words(manifest),
            (deviations_table(plan, manifest),),
        ),
        (
            "Planned and unplanned analyses",
            "Every estimate in estimates.csv is listed. Where notebook 08 ran, its further "
            "combinations of choices are in tables/08_specification_curve.csv.",
            analyses_tables(plan, manifest, estimates),
        ),
        ("Statement of assurance", "", (_people_table(plan),)),
        ("Software", "", (_versions_table(manifest),)),
    )
    title = str(getattr(plan, "title", plan.name))
    version = dict(manifest.get("versions") or {}).get("evallib", "")
    citation = (
        f"{title}. Evaluation report, run {manifest.get('run_id', 'not recorded')}, "
        f"{format_date(manifest.get('created', 'date not recorded'))}. "
        f"Made with evallib{f' {version}' if version else ''}."
    )
    return Record(sections, _attributions(inputs), citation)


def _attributions(inputs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    found = (str(item.get("attribution") or "").strip() for item in inputs)
    return tuple(dict.fromkeys([OGL_ATTRIBUTION, *(text for text in found if text)]))


def _facts_table(plan: PlanLike, manifest: Mapping[str, Any]) -> Table:
    years = getattr(plan, "years", None)
    facts = {
        "Plan": plan.name,
        "Question": getattr(plan, "question", ""),
        "Run": manifest.get("run_id"),
        "Made on": format_date(manifest.get("created")),
        "Years studied": " to ".join(map(str, years)) if years else "",
        "Revision of the code": _revision(manifest),
        "Seed": manifest.get("seed", manifest.get("seeds", getattr(plan, "seed", None))),
        "Seconds taken": _seconds(manifest.get("seconds")),
    }
    return _two_columns(facts, "Facts of this run", ("Item", "Value"))


def _revision(manifest: Mapping[str, Any]) -> str:
    revision = str(manifest.get("revision") or "")[:_SHORT_HASH]
    changed = (
        ", with later changes to the code that have no revision of their own: it alone does not "
        "repeat this run"
        if manifest.get("is_changed")
        else ""
    )
    return revision + changed if revision else ""


def _seconds(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, (int, float)) else ""


def _inputs_table(inputs: Sequence[Mapping[str, Any]], facts: Iterable[object]) -> Table:
    rows = [
        {
            "File": str(item.get("file") or item.get("path") or item.get("name") or ""),
            "Publication": item.get("publication") or item.get("title"),
            "Publisher": item.get("publisher"),
            "Licence": LICENCE_WORDS.get(str(item.get("licence")), item.get("licence")),
            "Accessed": _accessed(item),
            "Rows": _whole(item.get("rows")),
            "SHA-256 (first 12 digits)": str(item.get("sha256") or "")[:_SHORT_HASH],
        }
        for item in inputs
    ]
    notes = ["The full SHA-256 of every file is in manifest.json.", *map(str, facts)]
    if all(row["Accessed"] == NO_DATE for row in rows):
        rows = [{name: cell for name, cell in row.items() if name != "Accessed"} for row in rows]
        notes.append(
            "The date of access is not recorded for any of these files: it was not written down "
            "when they were taken from their publishers."
        )
    return Table(
        text_frame(rows), "Inputs of this run", notes=tuple(notes), slug="inputs", empty="no data"
    )


def _accessed(item: Mapping[str, Any]) -> str:
    """Return the date of access in words; that none is on file where there is none."""
    text = format_date(item.get("accessed"))
    return NO_DATE if text in ("", "not recorded") else text


def _whole(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _assumptions_table(plan: PlanLike, manifest: Mapping[str, Any]) -> Table:
    rows = []
    for key, words in PLAN_WORDS.items():
        value = getattr(plan, key, None)
        if value in words:
            rows.append({"Assumption": words[str(value)], "Where it is set": f"{key}: {value}"})
    rows += _unsafe_rows(getattr(plan, "unsafe_figures", None))
    anticipation = getattr(plan, "anticipation", None)
    if anticipation is not None:
        text = f"Councils change nothing more than {anticipation} years before the event year."
        if anticipation == 0:
            text = "Councils change nothing because of an event before the year of the event."
        rows.append({"Assumption": text, "Where it is set": f"anticipation: {anticipation}"})
    spillovers = getattr(plan, "spillovers", None)
    if spillovers is not None:
        names = ", ".join(spillovers)
        text = "An event in one council changes nothing in the councils it is compared with"
        text += f", but for those left out ({names.replace('_', ' ')})." if names else "."
        where = f"spillovers: {names or 'none'}"
        rows.append({"Assumption": text, "Where it is set": where})
    rows.append(
        {
            "Assumption": "Without the event, exposed and comparison councils would have changed "
            "alike on average. The checks look for signs against it; none can show it.",
            "Where it is set": "the design",
        }
    )
    rows += log_rows(manifest.get("assumptions"), "Assumption", "Where it is set")
    return Table(text_frame(rows), "Assumptions of this run", slug="assumptions")


def _unsafe_rows(decision: Any) -> list[dict[str, Any]]:
    """Return the decision on figures that look unsafe, where the plan has one."""
    if decision is None:
        return []
    rules = ", ".join(str(rule).replace("_", " ") for rule in decision.rules)
    trusted = f"; trusted: {'; '.join(decision.trusted)}" if decision.trusted else ""
    text = (
        "Figures that look unsafe are right as published."
        if decision.action == "keep"
        else f"Figures picked by the rules {rules} are wrong: they are left out as missing."
    )
    return [
        {
            "Assumption": f"{text} The check 'unsafe figures' shows every headline under the other "
            "decision.",
            "Where it is set": f"unsafe_figures: {decision.action}{trusted}",
        }
    ]


def _decisions_table(plan: PlanLike, manifest: Mapping[str, Any]) -> Table:
    headline = getattr(plan, "headline", None)
    rows = []
    if headline is not None:
        name = str(headline.estimator)
        words = ESTIMATOR_WORDS.get(name, name).split(" (")[0]
        rows.append(
            {
                "Decision": f"The headline estimate is {words} ({name}), averaged by "
                f"{headline.aggregation}.",
                "Reason": "Set in the plan before the run.",
            }
        )
    excluded = tuple(getattr(plan, "exclude", ()) or ())
    if excluded:
        rows.append(
            {
                "Decision": f"Councils left out by the plan: {', '.join(map(str, excluded))}. "
                "Their names are in the summary's table of councils left out.",
                "Reason": str(getattr(plan, "exclude_because", "Set in the plan before the run.")),
            }
        )
    rows += log_rows(manifest.get("decisions"), "Decision", "Reason")
    rows = rows or [{"Decision": "None recorded", "Reason": ""}]
    return Table(text_frame(rows), "Decisions of this run", slug="decisions")


def _people_table(plan: PlanLike) -> Table:
    people = getattr(plan, "people", None)
    named = {
        "Commissioned by": getattr(people, "commissioned", "not assigned"),
        "Analysed by": getattr(people, "analysed", "not assigned"),
        "Assured by": getattr(people, "assured", "not assigned"),
    }
    return _two_columns(named, "Who answers for this evaluation", ("Part", "Who"))


def _versions_table(manifest: Mapping[str, Any]) -> Table:
    versions = dict(manifest.get("versions") or {}) or {"not recorded": ""}
    return _two_columns(versions, "Versions of the software", ("Package", "Version"))


def _two_columns(values: Mapping[str, Any], caption: str, names: tuple[str, str]) -> Table:
    rows = [{names[0]: key, names[1]: plain(value)} for key, value in values.items()]
    return Table(text_frame(rows), caption, empty="no data")
