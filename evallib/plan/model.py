"""The plan of one evaluation: every parameter, typed, frozen and described."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import model_validator

from evallib.errors import Fault, PlanError
from evallib.plan.boundaries import BoundaryPolicy, PredecessorEvents
from evallib.plan.derived import Derived
from evallib.plan.estimators import EstimatorName
from evallib.plan.fields import (
    CouncilCode,
    EventWindow,
    FinancialYear,
    Notebook,
    NotEmpty,
    Number,
    Register,
    Selection,
    Slug,
    Text,
    Unique,
    WholeNumber,
    YearRange,
    near,
    not_in_this_version,
    parameter,
    problem,
)
from evallib.plan.heterogeneity import CharacteristicName
from evallib.plan.indices import Index
from evallib.plan.own_data import OwnTable
from evallib.plan.parts import (
    Concurrent,
    Covariate,
    Headline,
    History,
    Outcome,
    Part,
    People,
)
from evallib.plan.registers import Escalation
from evallib.plan.rules import broken_rules
from evallib.plan.selection import (
    PLACEBO_OUTCOMES,
    SPILLOVERS,
    PlaceboOutcome,
    Spillovers,
)
from evallib.plan.show import plan_table
from evallib.plan.sourced import Sourced
from evallib.plan.specifications import Specifications
from evallib.plan.unsafe_figures import UnsafeFigures
from evallib.plan.verdict import VerdictRule

# The keys that hold a list of parts: each item is read by itself, so that all faults are told.
LISTED: dict[str, type[Part]] = {
    "own_data": OwnTable,
    "outcomes": Outcome,
    "placebo_outcomes": PlaceboOutcome,
    "derived": Derived,
    "indices": Index,
    "covariates": Covariate,
}


class Plan(Sourced):
    """One evaluation: the question, the event, the sample, the outcomes and the methods.

    Build one with `evallib.plan.load_plan`. Attributes are the keys of the file.
    """

    title: Text = parameter("The evaluation's title.", kind="text")
    question: Text = parameter("The question it answers.", kind="text")
    register: Register = parameter(
        "The register that holds the studied events.",
        kind="register's name or path",
        allowed="a register in data/raw, or the path of a .csv file of the same shape",
    )
    kinds: Annotated[tuple[Slug, ...], NotEmpty, Unique] = parameter(
        "The kinds of event that are studied.",
        kind="list of names",
        allowed="kinds in the register",
    )
    known_from: FinancialYear = parameter(
        "The event studied is a council's first from this year on; earlier ones are history.",
        kind="financial year",
        unit="financial year of the event's date",
        allowed="like 2021/22",
    )
    last_event_year: FinancialYear = parameter(
        "Councils whose first event is later are not-yet-exposed controls until then.",
        kind="financial year",
        unit="financial year of the event's date",
        allowed="like 2023/24, not before known_from",
    )
    min_confidence: Literal["low", "medium", "high"] = parameter(
        "Register rows below it count as exposed at an unknown date.",
        kind="choice",
        default="medium",
    )
    date_precision: Literal["day", "month", "year"] = parameter(
        "Register rows dated more coarsely count as exposed at an unknown date.",
        kind="choice",
        default="month",
    )
    no_record: Literal["assume_not_exposed", "only_known"] = parameter(
        "Whether councils without a record serve as controls; both rules are always shown.",
        kind="choice",
        default="assume_not_exposed",
    )
    escalation: Escalation | None = parameter(
        "Study the first entry to a state or a higher one, of states that follow in an order.",
        kind="keys with values",
        default=None,
    )
    history: History = parameter(
        "What is done with earlier events.", kind="keys with values", default=History()
    )
    concurrent: Concurrent | None = parameter(
        "Other events that may fall together with the studied one.",
        kind="keys with values",
        default=None,
    )
    exposure_starts: Literal["next_period", "same_period"] = parameter(
        "Exposure starts with the indicator's first measurement period that begins after the "
        "event, or with the period that holds the event.",
        kind="choice",
        default="next_period",
    )
    anticipation: WholeNumber = parameter(
        "Years before the event year in which councils may already have reacted.",
        kind="whole number",
        unit="years",
        allowed="0 to 10",
        default=0,
    )
    years: YearRange = parameter(
        "The first and last year of the panel.",
        kind="pair of financial years",
        unit="financial years",
        allowed="first before last, like [2015/16, 2024/25]",
    )
    council_types: Annotated[Literal["all"] | tuple[str, ...], Selection] = parameter(
        "The types of council that take part.",
        kind="all, or a list of names",
        allowed="all, or types in data/raw/councils.csv",
        default="all",
    )
    regions: Annotated[Literal["all"] | tuple[str, ...], Selection] = parameter(
        "The regions that take part.",
        kind="all, or a list of names",
        allowed="all, or regions in data/raw/councils.csv",
        default="all",
    )
    boundaries: BoundaryPolicy = parameter(
        "Councils touched by reorganisation: left out, added up to the successor, or kept for as "
        "long as they were in office.",
        kind="choice",
        default="drop",
    )
    boundary_year: FinancialYear | None = parameter(
        "Boundaries are those of the end of this year; each outcome's last year unless given.",
        kind="financial year",
        unit="financial year, at its 31 March",
        allowed="like 2024/25; not with boundaries: drop",
        default=None,
    )
    predecessor_events: PredecessorEvents = parameter(
        "Which events of abolished councils reach their successor.",
        kind="keys with values",
        default=PredecessorEvents(),
    )
    exclude: Annotated[tuple[CouncilCode, ...], Unique] = parameter(
        "Councils that are left out.",
        kind="list of council codes",
        allowed="codes in data/raw/councils.csv",
        default=(),
    )
    exclude_because: Text = parameter(
        "Why they are left out, as the report says it.", kind="text", default="no reason given"
    )
    unsafe_figures: UnsafeFigures = parameter(
        "What is done with figures that look unsafe.",
        kind="keys with values",
        default=UnsafeFigures(),
    )
    comparison: Literal["not_yet_treated", "never_treated"] = parameter(
        "Which councils group_time compares with.", kind="choice", default="not_yet_treated"
    )
    spillovers: Spillovers = SPILLOVERS
    own_data: tuple[OwnTable, ...] = parameter(
        "Tables of one's own: figures and dates of events beside those of data/raw.",
        kind="list of keys with values",
        default=(),
    )
    outcomes: Annotated[tuple[Outcome, ...], NotEmpty] = parameter(
        "The outcomes, each with its role and meaningful change.", kind="list of keys with values"
    )
    placebo_outcomes: tuple[PlaceboOutcome, ...] = PLACEBO_OUTCOMES
    derived: tuple[Derived, ...] = parameter(
        "Indicators worked out from others, by one operation a row.",
        kind="list of keys with values",
        default=(),
    )
    indices: tuple[Index, ...] = parameter(
        "Indices of performance, made from indicators or derived rows.",
        kind="list of keys with values",
        default=(),
    )
    covariates: tuple[Covariate, ...] = parameter(
        "Characteristics of councils to adjust for; lp_did and the synthetic estimators take none.",
        kind="list of keys with values",
        default=(),
    )
    weights: Literal["none", "population"] = parameter(
        "none: the average council; population: the average resident, which lp_did, imputation, "
        "two_stage and the synthetic estimators cannot take.",
        kind="choice",
        default="none",
    )
    headline: Headline = parameter(
        "Which estimate stands first.", kind="keys with values", default=Headline()
    )
    estimators: Annotated[tuple[EstimatorName, ...], NotEmpty, Unique] = parameter(
        "The estimators that run on every outcome.",
        kind="list of choices",
        default=("twfe", "event_study", "group_time"),
    )
    heterogeneity: Annotated[tuple[CharacteristicName, ...], Unique] = parameter(
        "Characteristics by which effects are planned to be told apart; others are exploratory.",
        kind="list of choices",
        default=(),
    )
    eras: Annotated[tuple[FinancialYear, ...], Unique] = parameter(
        "The financial years whose 1 April opens a new era of the programme, for era.",
        kind="list of financial years",
        unit="financial year of the event's date",
        allowed="like [2023/24]; one that no studied event lies before or after tells nothing",
        default=(),
    )
    specifications: Specifications = parameter(
        "Other values of the plan's choices: all combinations with the plan's own are estimated.",
        kind="keys with values",
        default=Specifications(),
    )
    verdict: VerdictRule = parameter(
        "The thresholds of the verdict.", kind="keys with values", default=VerdictRule()
    )
    inference: Literal["policy", "analytic", "wild_bootstrap", "permutation"] = parameter(
        "How intervals are made: by the thin-design rule, or one way wherever it suits.",
        kind="choice",
        default="policy",
    )
    few_treated: Literal["refuse", "permutation"] = parameter(
        "Below five treated councils: refuse, or permute paths (synthetic estimators: placebos).",
        kind="choice",
        default="refuse",
    )
    cluster: Annotated[
        Literal["council"],
        not_in_this_version("county", "region", "council_type", built="council"),
    ] = parameter(
        "The level at which errors are clustered; councils of one joint event form one cluster.",
        kind="choice",
        default="council",
    )
    confidence_level: Number = parameter(
        "The level of confidence intervals.",
        kind="number",
        unit="share",
        allowed="above 0.5 and below 1",
        default=0.95,
    )
    event_window: EventWindow = parameter(
        "The first and last event time that are shown; 0 is the first exposed period.",
        kind="pair of whole numbers",
        unit="years since first exposure",
        allowed="first at most -2 (-1 with same_period) minus anticipation, last at least 0",
        default=(-5, 2),
    )
    seed: WholeNumber = parameter(
        "The seed of everything random.",
        kind="whole number",
        allowed="0 to 4294967295",
        default=20260101,
    )
    people: People = parameter(
        "Who commissioned, analysed and assured it.", kind="keys with values", default=People()
    )
    notebooks: Annotated[tuple[Notebook, ...], NotEmpty, Unique] = parameter(
        "The notebooks that run, in notebooks/.",
        kind="list of names",
        allowed="like 01_panel_quality",
    )

    @model_validator(mode="after")
    def _keep_the_rules(self) -> Plan:
        known: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        known |= {name: tuple(enumerate(getattr(self, name))) for name in LISTED}
        broken = broken_rules(known)
        if broken:
            raise problem("; ".join(f"{found.what}. {found.remedy}" for found in broken))
        return self

    @property
    def event_periods(self) -> int:
        """Periods that the event takes, neither before nor exposed: 0 or 1."""
        return 1 if self.exposure_starts == "next_period" else 0

    @property
    def lead(self) -> int:
        """Periods between the base and the first exposed one: the event's and anticipation."""
        return self.event_periods + self.anticipation

    @property
    def every_outcome(self) -> tuple[Outcome | PlaceboOutcome, ...]:
        """The outcomes, then those that the event should not change."""
        return (*self.outcomes, *self.placebo_outcomes)

    @property
    def placed_outcomes(self) -> tuple[tuple[str, Outcome | PlaceboOutcome], ...]:
        """The same, each with its place in the plan, like ``outcomes[2]``."""
        keys = ("outcomes", "placebo_outcomes")
        return tuple(
            (f"{key}[{at}]", one) for key in keys for at, one in enumerate(getattr(self, key))
        )

    def outcome(self, indicator: str) -> Outcome | PlaceboOutcome:
        """Return the outcome with this indicator, placebos among them.

        Parameters
        ----------
        indicator : str
            The indicator's name.

        Returns
        -------
        Outcome
            Its part of the plan.

        Raises
        ------
        PlanError
            If the plan has no such outcome.
        """
        for outcome in self.every_outcome:
            if outcome.indicator == indicator:
                return outcome
        names = [outcome.indicator for outcome in self.every_outcome]
        remedy = near(indicator, tuple(names))
        raise PlanError([Fault(f"plan {self.name}", f"has no outcome '{indicator}'", "", remedy)])

    def _repr_html_(self) -> str:
        return plan_table(self.name, self.effective(), set(self._differences))
