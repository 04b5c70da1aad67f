"""What the effect notebooks show of their estimates and checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evallib.checks import Checks
from evallib.checks.default import find_estimate, refusal
from evallib.design import Design, Designs
from evallib.estimate import Estimate, Estimates
from evallib.estimate.cells import CellSource
from evallib.estimate.result import FloatArray
from evallib.panel.units import effect_unit
from evallib.report.chart import Chart
from evallib.report.effect_charts import event_study_chart
from evallib.report.formats import format_count
from evallib.report.notes import NoteBook
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.choosing import checks_of, designs_of, no_outcome
from evallib.report.views.naming import ESTIMATOR_WORDS, INTERVAL_WORDS, RULE_WORDS, SOURCE
from evallib.report.words import estimate_sentence

VERDICTS = ("fail", "concern", "pass", "not applicable")
ALARMS = VERDICTS[:2]


def effects(designs: Designs, estimates: Estimates, checks: Checks, role: str = "") -> Sections:
    """Return a section an outcome: the estimate in words, event study, all estimates, checks.

    Parameters
    ----------
    designs : Designs
        The designs.
    estimates : Estimates
        Their estimates.
    checks : Checks
        Their checks.
    role : str
        Only outcomes of this role; empty for all.
    """
    chosen = designs_of(designs, role)
    if not chosen:
        return no_outcome(role)
    return Sections(tuple(outcome_section(design, estimates, checks) for design in chosen))


def outcome_section(design: Design, estimates: Estimates, checks: Checks) -> Section:
    """Return the section of one outcome."""
    headline = design.headline[0]
    found = find_estimate(estimates, design, headline)
    if found is None:
        reason = refusal(estimates, design, headline) or "no estimate was made"
        return Section(design.title, (f"Design not fit: {reason}.",))
    sentences = [_sentence(design, found), *_without_weight(design, found)]
    if any(item.verdict == "fail" for item in checks_of(checks, "pre-trends", design)):
        sentences.insert(
            0,
            "Design not fit: treated and comparison councils already moved apart before "
            "exposure, so that the estimate below is not an effect.",
        )
    if design.role == "descriptive":
        sentences.insert(0, "Descriptive: shown for context, outside the tests of the question.")
    comparison = checks.select("two comparison groups", design.outcome)
    sentences += [f"{item.sentence}." for item in comparison]
    sentences += series_notes(design, checks)
    pieces: list[Table | Chart] = []
    dynamic = find_estimate(estimates, design, "group_time")
    if dynamic is not None:
        pieces.append(_event_study(design, dynamic))
    pieces += [_estimates_table(design, estimates), _checks_table(design, checks)]
    return Section(design.title, tuple(sentences), pieces=tuple(pieces))


def series_notes(design: Design, checks: Checks) -> list[str]:
    """Return what a reader must know of the series: suspicious figures, breaks and gaps."""
    notes = [
        f"{item.sentence}."
        for item in checks.select("unsafe figures", design.outcome)
        if item.verdict == "concern"
    ]
    for item in design.breaks.to_dict("records"):
        word = "Known break" if item["kind"] == "basis" else "Known gap"
        notes.append(f"{word} of the series: {item['what']}.")
    if (design.breaks["kind"] == "basis").any():
        found = checks_of(checks, "breaks in the series", design)
        notes += [f"{item.sentence}." for item in found]
    return list(dict.fromkeys(notes))


def _sentence(design: Design, estimate: Estimate) -> str:
    return estimate_sentence(
        title=design.title,
        estimate=float(estimate.point[0]),
        conf_low=float(estimate.conf_low[0]),
        conf_high=float(estimate.conf_high[0]),
        unit=design.unit,
        n_units=int(estimate.term_units[0]),
        n_treated_units=int(estimate.term_treated_units[0]),
        n_obs=int(estimate.term_obs[0]),
        interval_method=(
            f"{INTERVAL_WORDS.get(estimate.inference, estimate.inference)}; the notes under the "
            "table of estimates say more"
        ),
        scale="log" if design.scale == "log" else "level",
        level=estimate.level,
        meaningful_change=design.meaningful_change,
        polarity=_polarity(design.polarity) if _excludes_zero(estimate) else "none",
    )


def _without_weight(design: Design, estimate: Estimate) -> list[str]:
    """Return a sentence on treated councils that the estimate does not use, where there are any."""
    idle = design.n_treated - int(estimate.term_treated_units[0])
    if idle <= 0:
        return []
    return [
        f"{format_count(idle, 'treated council')} carry no weight in the estimate: they lack the "
        "base year, or nobody is left to compare them with."
    ]


def _excludes_zero(estimate: Estimate) -> bool:
    """Return whether better or worse can be said at all: the sign of a null says nothing."""
    return not estimate.conf_low[0] <= 0 <= estimate.conf_high[0]


def _polarity(word: str) -> Any:
    return word


def _event_study(design: Design, estimate: Estimate) -> Chart:
    dynamic = estimate.aggregate("dynamic")
    band = estimate.details["band"]
    frame = dynamic.tidy().assign(
        event_time=dynamic.event_time,
        pointwise_low=dynamic.conf_low,
        pointwise_high=dynamic.conf_high,
        conf_low=band.low,
        conf_high=band.high,
        n_cohorts=_cohorts_at(estimate, dynamic.event_time),
    )
    frame = frame[frame["event_time"].between(*design.window)]
    frame = frame.assign(event_time=frame["event_time"].astype(int))
    unit = effect_unit(design.unit)
    shown = ["event_time", "estimate", "std_error", "conf_low", "conf_high", "pointwise_low"]
    return event_study_chart(
        frame[[*shown, "pointwise_high", "n_treated_units", "n_cohorts"]],
        headline=_band_finding(frame, design.reference),
        subtitle=(
            f"{design.title}: treated less comparison councils, {unit}, group-time effects from "
            f"event time {design.reference}, {100 * band.level:g}% simultaneous band"
        ),
        source=SOURCE,
        unit=unit,
        reference=design.reference,
        event_year=-1 if design.event_periods else None,
        meaningful_change=design.meaningful_change,
        slug=f"event-study-{design.outcome}",
        level=band.level,
        notes=(
            f"Bounds are a simultaneous band: it holds all event times together ({band.method}). "
            f"Pointwise bounds hold each for itself. {dynamic.interval_method}",
        ),
        decimals=3,
    )


def _band_finding(frame: pd.DataFrame, reference: int) -> str:
    """Return when the band excludes zero, leads first: they tell of drift.

    Examples
    --------
    >>> times = pd.DataFrame({"event_time": [-3, -2, -1, 0, 1], "conf_low": [-1, 0, -1, -1, 0.5]})
    >>> _band_finding(times.assign(conf_high=2.0), -2)
    'Zero is outside the band in 1 of 2 years'
    """
    outside = (frame["conf_low"] > 0) | (frame["conf_high"] < 0)
    after = frame["event_time"] >= 0
    if outside[frame["event_time"] < reference].any():
        return "Apart before exposure: there zero is outside the band"
    if frame.loc[after, "conf_low"].isna().all():
        return "Change by years from the first exposed year"
    if not outside[after].any():
        return "Zero is inside the band in every exposed year"
    return f"Zero is outside the band in {outside[after].sum()} of {after.sum()} years"


def _cohorts_at(estimate: Estimate, event_time: FloatArray) -> list[int]:
    """Return how many cohorts have a cell at each event time."""
    source = estimate.source
    if not isinstance(source, CellSource):
        return [0] * len(event_time)
    cells, valid = source.problem.cells, source.solution.valid
    at = cells.period - cells.group
    return [len(np.unique(cells.group[valid & (at == time)])) for time in event_time]


def _estimates_table(design: Design, estimates: Estimates) -> Table:
    rows: list[dict[str, Any]] = []
    notes = NoteBook()
    for item in estimates:
        if item.outcome != design.outcome:
            continue
        rows.append(
            {
                "estimator": ESTIMATOR_WORDS.get(item.estimator, item.estimator),
                "no_record": RULE_WORDS.get(item.no_record, item.no_record),
                "estimate": item.point[0],
                "std_error": item.std_error[0],
                "conf_low": item.conf_low[0],
                "conf_high": item.conf_high[0],
                "p_value": item.p_value[0],
                "n_units": int(item.term_units[0]),
                "n_treated_units": int(item.term_treated_units[0]),
                "n_obs": int(item.term_obs[0]),
                "estimand": notes.mark(item.estimand),
                "inference": notes.mark(f"{item.se_method} {item.interval_method}"),
            }
        )
    refused = tuple(
        f"Refused: {ESTIMATOR_WORDS.get(item.estimator, item.estimator)}, "
        f"{RULE_WORDS.get(item.no_record, item.no_record)}. {fault}"
        for item in estimates.refused
        if item.outcome == design.outcome
        for fault in item.faults
    )
    unit = effect_unit(design.unit)
    return Table(
        pd.DataFrame(rows),
        f"{design.title}: every estimate that was made",
        notes=(*notes.texts, *refused),
        units={name: unit for name in ("estimate", "std_error", "conf_low", "conf_high")},
        decimals=3,
        slug=f"estimates-{design.outcome}",
        labels={
            "no_record": "Comparison group",
            "estimand": "What it estimates",
            "inference": "How the interval was made",
        },
    )


def _checks_table(design: Design, checks: Checks) -> Table:
    rows = [
        {
            "check": item.check,
            "no_record": RULE_WORDS.get(item.no_record, item.no_record),
            "verdict": item.verdict,
            "meaning": item.sentence,
        }
        for item in checks.select(outcome=design.outcome)
    ]
    return Table(
        pd.DataFrame(rows),
        f"{design.title}: checks of the design and of the estimate",
        labels={"no_record": "Comparison group", "meaning": "What it means"},
        slug=f"checks-{design.outcome}",
    )


def checks_overview(designs: Designs, checks: Checks) -> Table:
    """Return the verdicts counted, a row a check and comparison group."""
    frame = checks.frame
    primary = {one.outcome for one in designs if one.role == "primary"}
    rows = []
    for check, by_check in frame.groupby("check", sort=False):
        for rule in RULE_WORDS:
            found = by_check[by_check["no_record"] == rule]
            if found.empty:
                continue
            judged = found[found["outcome"].isin(primary)]
            alarms = int(judged["verdict"].isin(ALARMS).sum())
            rows.append(
                {
                    "check": check,
                    "no_record": RULE_WORDS[rule],
                    **{verdict: int((found["verdict"] == verdict).sum()) for verdict in VERDICTS},
                    "primary": f"{alarms} of {len(judged)}" if len(judged) else None,
                }
            )
    return Table(
        pd.DataFrame(rows),
        "Verdicts of every check: for how many outcomes, by comparison group",
        notes=(
            "What each verdict means stands under the outcome. The two comparison groups are held "
            "against each other once, beside the group that the plan declares.",
        ),
        labels={
            "no_record": "Comparison group",
            "primary": "Fail or concern among primary outcomes",
        },
        slug="checks-overview",
    )
