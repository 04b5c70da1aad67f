"""Lines that the commands before outcomes print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from evallib.checks.overlap import overlap_before
from evallib.design import Design
from evallib.design.blind import build_blind_designs
from evallib.errors import EstimationError
from evallib.estimate.thinness import MIN_TREATED
from evallib.inference.audit import placebo_power
from evallib.panel.shown import counted
from evallib.panel.units import effect_unit
from evallib.plan import format_financial_year, load_plan, shown_path
from evallib.plan.lock import write_lock
from evallib.report.views.naming import RULE_WORDS
from evallib.run.check import load_and_check


def lock_lines(name: str, data: str | None, *, again: bool) -> Iterator[str]:
    """Check a plan and its data, lock them, and yield where the lock lies."""
    checked = load_and_check(name, (), data)
    today = datetime.now(UTC).date()
    path = write_lock(checked.plan, checked.inputs, today, again=again)
    yield f"{checked.plan.name} is locked as it is on {today}, with {len(checked.inputs)} tables"
    yield shown_path(path)


def design_lines(name: str, overrides: Sequence[str], data: str | None) -> Iterator[str]:
    """Build the designs of a plan without outcomes after exposure, and yield them in lines."""
    plan = load_plan(name, overrides)
    designs = build_blind_designs(plan, data)
    yield f"{plan.name}: {plan.title}"
    yield (
        "Before outcomes: no figure of an exposed council from the year of its event on is read. "
        "Every exposed council is taken to report in each of these years."
    )
    for design in designs:
        yield ""
        yield f"{design.title} ({design.outcome}, {design.role})"
        yield from _flow(design)
        yield from _cohorts(design)
        yield from _overlap(design)
        yield from _power(design)


def _flow(design: Design) -> Iterator[str]:
    yield f"  sample flow {RULE_WORDS[design.no_record]}: councils and council-years left"
    for row in design.flow.to_dict("records"):
        why = f" ({row['why']})" if row["why"] not in ("", "none") else ""
        yield f"{row['councils']:>8,}{row['council_years']:>9,}  {row['step']}{why}"
    other = design.alternative
    if other is None:
        (without,) = RULE_WORDS.keys() - {design.no_record}
        yield f"  {RULE_WORDS[without]}: no design, because {design.alternative_reason}"
    else:
        yield (
            f"  {RULE_WORDS[other.no_record]}: {len(other.councils):,} councils, "
            f"{other.n_treated:,} treated, {len(other.full):,} council-years"
        )


def _cohorts(design: Design) -> Iterator[str]:
    treated = design.councils[design.councils["is_treated"]]
    parts = [
        f"{format_financial_year(int(float(str(year))))} {count}"
        for year, count in treated.groupby("cohort").size().items()
    ]
    yield f"  treated councils by first exposed year: {', '.join(parts)}; {len(treated)} in all"
    if len(treated) < MIN_TREATED:
        yield f"  fewer than {MIN_TREATED}: refused unless few_treated: permutation"
    arms = design.councils.groupby(["council_type", "is_treated"]).size().unstack(fill_value=0)
    alone = [str(kind) for kind, row in arms.iterrows() if row.get(True, 0) and not row.get(False)]
    kinds = [f"{kind} {row.get(True, 0)} and {row.get(False, 0)}" for kind, row in arms.iterrows()]
    yield f"  treated and comparison councils by type: {', '.join(kinds)}"
    if alone:
        yield f"  no comparison council of the same type: {', '.join(alone)}"


def _overlap(design: Design) -> Iterator[str]:
    yield (
        "  overlap before exposure: mean of treated councils, mean of comparison councils, "
        "standardised difference, treated councils within the middle 90 per cent of comparison ones"
    )
    for row in overlap_before(design).to_dict("records"):
        yield (
            f"{row['treated']:>12.2f}{row['comparison']:>12.2f}"
            f"{row['standardised_difference']:>8.2f}{row['inside_pct']:>6.0f}%  "
            f"{row['characteristic']}"
        )


def _power(design: Design) -> Iterator[str]:
    unit = effect_unit(design.unit)
    try:
        found = placebo_power(design)
    except EstimationError as error:
        yield f"  power is not known: {error.reasons}"
        return
    effect = found.effect_80
    yield (
        f"  placebos: an effect of {effect:.3g} {unit} is found 80 per cent of the time, "
        f"{effect / design.meaningful_change:.1f} times the meaningful change of "
        f"{design.meaningful_change:g} ({found.draws:,} draws of "
        f"{counted(found.adopters, 'council')} not exposed in place of the {found.real:,} exposed; "
        f"standard deviation of their estimates {found.spread:.3g} {unit})"
    )
