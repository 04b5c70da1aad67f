"""The estimation sample of one outcome: who is treated when, who compares, and who went."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import escape

import pandas as pd

from evallib.design.breaks import breaks_within
from evallib.design.build import Narrowed, build_sample, narrow
from evallib.design.characteristics import Characteristic, describe_councils
from evallib.design.impossible import impossible
from evallib.design.outcomes import OutcomeFigures, outcome_figures
from evallib.design.placebos import placebo_plans
from evallib.design.rows import after_own_event, estimation_rows, is_event_year, with_arms
from evallib.design.unsafe import rows_made_missing, under_other_decision
from evallib.errors import DesignError, EvallibError, Fault, did_you_mean
from evallib.exposure.exposure import Exposure
from evallib.exposure.missing_events import MissingEvents, missing_events
from evallib.panel.breaks import breaks_of
from evallib.panel.build import Panel
from evallib.panel.shown import counted, shown
from evallib.plan import Plan
from evallib.plan.verdict import VerdictRule

RULES = ("assume_not_exposed", "only_known")


@dataclass(frozen=True, slots=True, repr=False)
class Design:
    """The estimation sample of one outcome under one rule for councils without a record.

    Parameters
    ----------
    outcome, title, unit, polarity, role, scale : str
        The indicator and what it is, in words; the unit is after `per` and `scale` (``level`` or
        ``log``).
    meaningful_change : float
        The smallest change that matters, in the outcome's unit.
    comparison : str
        ``not_yet_treated`` or ``never_treated``.
    no_record : str
        ``assume_not_exposed`` or ``only_known``.
    full : pandas.DataFrame
        Every row of the sample's councils: council_code, period, value, weight, covariates, sorted.
    councils : pandas.DataFrame
        One row a council, see `Sample`.
    frame : pandas.DataFrame
        Rows for regressions: event-year rows left out, and every row of a later-treated control
        from its own event year on. council_code, period, value, weight, is_exposed (0 or 1),
        cohort (missing unless treated), cluster, covariates.
    group_time_frame : pandas.DataFrame
        Rows for group-time effects: only later-treated controls are cut.
    anticipation, event_periods : int
        Periods of anticipation, the event's own included; how many the event takes: 1, or 0 where
        exposure starts in the period that holds it.
    reference : int
        Event time of the reference period.
    window : tuple of int
        First and last event time that are shown.
    level : float
        Confidence level.
    seed : int
        Seed of everything random.
    estimators : tuple of str
        Estimators that the plan asks for.
    headline : tuple of str
        The headline's estimator and aggregation.
    flow, dropped : pandas.DataFrame
        The sample flow, and every council that was dropped with its reason.
    sample_id : str
        Hash of the rows, so that two results can be told to rest on the same sample.
    alternative : Design, optional
        The same outcome under the other rule for councils without a record.
    alternative_reason : str
        Why there is no alternative, when there is none.
    unsafe_action : str
        The plan's decision on suspicious figures: ``keep`` or ``missing``.
    other_decision : Design, optional
        The same outcome under the other decision; None where no figure of the outcome is touched.
    other_decision_reason : str
        Why there is no other design, although figures are touched.
    covariates : tuple of str
        Columns of the rows that the plan adjusts for.
    few_treated, inference : str
        What the plan asks for below five treated councils, and how it wants intervals made.
    breaks : pandas.DataFrame
        Dated breaks within the outcome's years, of the outcome or of what it is made of, with the
        columns of `evallib.panel.breaks.read_breaks`.
    characteristics : tuple of Characteristic
        Characteristics of councils by which effects can be told apart.
    heterogeneity : tuple of str
        Those that the plan names.
    missing : MissingEvents, optional
        How many events the register lacks, and whose they can be.
    """

    outcome: str
    title: str
    unit: str
    polarity: str
    role: str
    scale: str
    meaningful_change: float
    comparison: str
    no_record: str
    full: pd.DataFrame
    councils: pd.DataFrame
    frame: pd.DataFrame
    group_time_frame: pd.DataFrame
    anticipation: int
    reference: int
    window: tuple[int, int]
    level: float
    seed: int
    estimators: tuple[str, ...]
    headline: tuple[str, str]
    weighted: bool
    flow: pd.DataFrame
    dropped: pd.DataFrame
    sample_id: str
    alternative: Design | None = None
    alternative_reason: str = ""
    unsafe_action: str = "keep"
    other_decision: Design | None = None
    other_decision_reason: str = ""
    covariates: tuple[str, ...] = ()
    few_treated: str = "refuse"
    inference: str = "policy"
    event_periods: int = 1
    breaks: pd.DataFrame = field(default_factory=lambda: breaks_of(()))
    characteristics: tuple[Characteristic, ...] = ()
    heterogeneity: tuple[str, ...] = ()
    missing: MissingEvents | None = None

    @property
    def n_treated(self) -> int:
        """Councils that count as treated."""
        return int(self.councils["is_treated"].sum())

    def __repr__(self) -> str:
        """Return a line with the sample's size."""
        return (
            f"Design of {self.outcome} ({self.no_record}): {len(self.councils):,} councils, "
            f"{self.n_treated:,} treated, {len(self.full):,} council-years"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


@dataclass(frozen=True, slots=True, repr=False)
class Designs:
    """The designs of all outcomes of a plan in its order, and the thresholds of its verdicts.

    `placebos` are the designs of its placebo outcomes, which are not iterated over; `no_placebo`
    says of those that could not be built why, by indicator.
    """

    items: tuple[Design, ...]
    verdict: VerdictRule = field(default_factory=VerdictRule)
    placebos: tuple[Design, ...] = ()
    no_placebo: tuple[tuple[str, str], ...] = ()

    def __iter__(self) -> Iterator[Design]:
        """Iterate over the designs."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of outcomes."""
        return len(self.items)

    def get(self, outcome: str) -> Design:
        """Return the design of an outcome.

        Raises
        ------
        DesignError
            When the plan has no such outcome.
        """
        for design in self.items:
            if design.outcome == outcome:
                return design
        names = [design.outcome for design in self.items]
        raise DesignError(
            [
                Fault(
                    "outcome",
                    f"{outcome!r} is not an outcome of the plan.{did_you_mean(outcome, names)}",
                    "",
                    f"Use one of: {', '.join(names)}",
                )
            ]
        )

    @property
    def frame(self) -> pd.DataFrame:
        """One row an outcome and rule: councils, treated councils, council-years."""
        rows = []
        for design in self.items:
            for one in (design, design.alternative):
                if one is not None:
                    rows.append(
                        (
                            one.outcome,
                            one.role,
                            one.no_record,
                            len(one.councils),
                            one.n_treated,
                            len(one.full),
                        )
                    )
        columns = ["outcome", "role", "no_record", "councils", "treated_councils", "council_years"]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        """Return the number of outcomes."""
        return f"Designs of {counted(len(self.items), 'outcome')}"

    def _repr_html_(self) -> str:
        return shown(repr(self), self.frame, rows=len(self.frame))


def build_design(
    plan: Plan, panel: Panel, exposure: Exposure, outcome: str, *, is_described: bool = True
) -> Design:
    """Build the design of one outcome, with its alternative under the other no-record rule.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    outcome : str
        An indicator among the plan's outcomes.
    is_described : bool
        Whether to tell councils apart by their characteristics and to say which events the
        register lacks; estimates alone need neither.

    Returns
    -------
    Design
        Under the plan's `no_record`; `alternative` holds the other rule.

    Raises
    ------
    DesignError
        When the plan has no such outcome, no council is treated or none compares, or the event
        window is longer than the panel.
    """
    figures = outcome_figures(plan, panel, plan.outcome(outcome))
    under_other, why_not = under_other_decision(plan, panel, exposure, figures, outcome)
    made_missing = None
    if plan.unsafe_figures.action == "missing":
        made_missing = rows_made_missing(figures, under_other, panel.unsafe, outcome)
    narrowed = narrow(plan, panel, exposure, figures, made_missing)
    declared = replace(
        _build(plan, panel, figures, narrowed, outcome, plan.no_record),
        other_decision_reason=why_not,
        heterogeneity=plan.heterogeneity,
    )
    if is_described:
        declared = replace(
            declared,
            characteristics=describe_councils(plan, panel, figures, narrowed.table),
            missing=missing_events(plan, panel, exposure, figures.rule),
        )
    if under_other is not None:
        declared = _with_other_decision(declared, plan, panel, exposure, under_other)
    other = next(rule for rule in RULES if rule != plan.no_record)
    if plan.comparison == "never_treated" and "only_known" in (other, plan.no_record):
        reason = "only_known is not applicable with never_treated: no council is left"
        return replace(declared, alternative_reason=reason)
    try:
        alternative = _build(plan, panel, figures, narrowed, outcome, other)
    except DesignError as error:
        return replace(declared, alternative_reason=error.reasons)
    described = {
        name: getattr(declared, name) for name in ("characteristics", "heterogeneity", "missing")
    }
    return replace(declared, alternative=replace(alternative, **described))


def _with_other_decision(
    declared: Design, plan: Plan, panel: Panel, exposure: Exposure, figures: OutcomeFigures
) -> Design:
    name = declared.outcome
    try:
        narrowed = narrow(plan, panel, exposure, figures)
        other = _build(plan, panel, figures, narrowed, name, plan.no_record)
    except DesignError as error:
        return replace(declared, other_decision_reason=error.reasons)
    return replace(declared, other_decision=other)


def build_designs(plan: Plan, panel: Panel, exposure: Exposure) -> Designs:
    """Build the designs of all outcomes of a plan.

    Raises
    ------
    DesignError
        With one line a problem, over all outcomes; placebo outcomes stop nothing.
    """
    built: list[Design] = []
    faults: list[Fault] = []
    for outcome in plan.outcomes:
        try:
            built.append(build_design(plan, panel, exposure, outcome.indicator))
        except EvallibError as error:
            faults += error.faults
    if faults:
        raise DesignError(faults)
    placebos: list[Design] = []
    without: list[tuple[str, str]] = []
    for varied, name in placebo_plans(plan):
        try:
            placebos.append(build_design(varied, panel, exposure, name))
        except EvallibError as error:
            without.append((name, error.reasons))
    return Designs(tuple(built), plan.verdict, tuple(placebos), tuple(without))


def _build(
    plan: Plan,
    panel: Panel,
    figures: OutcomeFigures,
    narrowed: Narrowed,
    name: str,
    no_record: str,
) -> Design:
    outcome = plan.outcome(name)
    sample = build_sample(plan, panel, narrowed, no_record)
    faults = impossible(plan, sample, name, figures.last - figures.first + 1)
    if faults:
        raise DesignError(faults)
    lead = plan.lead
    rows = with_arms(sample.rows, sample.councils)
    late = after_own_event(rows, lead)
    sample.flow.drop_rows(
        "Later-treated controls after their own event",
        pd.Series(late.to_numpy(), index=sample.flow.rows.index),
        "exposed themselves from then on",
    )
    covariates = tuple(one.name for one in plan.covariates)
    group_time = estimation_rows(rows[~late], covariates)
    hashes = pd.util.hash_pandas_object(group_time, index=False).to_numpy()
    digest = hashlib.sha256(hashes.tobytes())
    return Design(
        outcome=name,
        title=figures.title,
        unit=figures.unit,
        polarity=figures.polarity,
        role=outcome.role,
        scale=figures.scale,
        meaningful_change=outcome.meaningful_change,
        comparison=plan.comparison,
        no_record=no_record,
        full=sample.rows.reset_index(drop=True),
        councils=sample.councils,
        frame=estimation_rows(rows[~late & ~is_event_year(rows, lead)], covariates),
        group_time_frame=group_time,
        anticipation=lead,
        reference=-1 - lead,
        window=plan.event_window,
        level=plan.confidence_level,
        seed=plan.seed,
        estimators=plan.estimators,
        headline=(plan.headline.estimator, plan.headline.aggregation),
        weighted=plan.weights != "none",
        flow=sample.flow.frame,
        dropped=sample.flow.dropped,
        sample_id=digest.hexdigest()[:12],
        unsafe_action=plan.unsafe_figures.action,
        covariates=covariates,
        few_treated=plan.few_treated,
        inference=plan.inference,
        event_periods=plan.event_periods,
        breaks=breaks_within(plan, panel.catalogue, name, figures.first, figures.last),
    )
