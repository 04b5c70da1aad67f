"""The parts of a plan: outcomes, covariates, history, headline and people."""

from __future__ import annotations

import warnings
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from evallib.plan.estimators import EstimatorName
from evallib.plan.fields import (
    NotEmpty,
    Number,
    Register,
    Slug,
    Text,
    Unique,
    WholeNumber,
    YearRange,
    parameter,
)

# A key called `register` is right in the file; pydantic notes that ABCMeta has a method so named.
warnings.filterwarnings("ignore", message='Field name "register" in', category=UserWarning)


class Part(BaseModel):
    """Base of a plan's parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class History(Part):
    """What is done with events recorded before the first studied year."""

    years: WholeNumber = parameter(
        "How far back before known_from a recorded event counts as history.",
        kind="whole number",
        unit="financial years",
        allowed="0 to 50",
        default=5,
    )
    action: Literal["keep", "drop"] = parameter(
        "Keep or drop councils with a recorded event in those years.",
        kind="choice",
        default="keep",
    )


class Concurrent(Part):
    """Other events that fall together with the one that is studied."""

    register: Register = parameter(
        "The register that holds the other events.",
        kind="register's name or path",
        allowed="a register in data/raw, or the path of a .csv file of the same shape",
    )
    kinds: Annotated[tuple[Slug, ...], NotEmpty, Unique] = parameter(
        "The kinds of other event that count.",
        kind="list of names",
        allowed="kinds in the register",
    )
    action: Literal["keep", "drop", "flag"] = parameter(
        "Keep, drop or flag councils that met one within the years of the design.",
        kind="choice",
        default="flag",
    )


class Measured(Part):
    """One indicator and the figures of it that are looked at."""

    indicator: Slug = parameter(
        "The indicator to look at.",
        kind="name",
        allowed="an indicator in data/raw/indicators.csv, or a name of derived or indices",
    )
    years: YearRange | None = parameter(
        "The first and last year of this outcome, in place of the plan's.",
        kind="pair of financial years",
        unit="financial years",
        allowed="first before last, like [2015/16, 2024/25]",
        default=None,
    )
    per: Slug | None = parameter(
        "An indicator to divide by.",
        kind="name",
        allowed="an indicator in data/raw/indicators.csv, or population_count",
        default=None,
    )
    scale: Literal["level", "log"] = parameter(
        "Take the value as it is, or its natural logarithm.", kind="choice", default="level"
    )
    zeros: Literal["keep", "missing"] = parameter(
        "Keep values of zero, or treat them as missing returns.", kind="choice", default="keep"
    )
    min_denominator: Number | None = parameter(
        "Figures whose denominator is smaller are missing, and counted in the sample flow.",
        kind="number",
        unit="the denominator's unit",
        allowed="above 0",
        default=None,
    )
    denominator: Slug | None = parameter(
        "What a published percentage is a percentage of, for min_denominator.",
        kind="name",
        allowed="an indicator in data/raw/indicators.csv, or population_count",
        default=None,
    )

    def years_or(self, years: tuple[str, str]) -> tuple[str, str]:
        """Return the outcome's own first and last year, or the given ones.

        Parameters
        ----------
        years : tuple of str
            The plan's first and last financial year.

        Returns
        -------
        tuple of str
            First and last financial year.
        """
        return self.years if self.years is not None else years


class Outcome(Measured):
    """One indicator that the evaluation looks at."""

    role: Literal["primary", "secondary", "descriptive"] = parameter(
        "Primary outcomes answer the question and share one multiple-testing family; descriptive "
        "ones are shown and never judged.",
        kind="choice",
        default="secondary",
    )
    meaningful_change: Number = parameter(
        "The smallest change that would matter; the verdict is held against it.",
        kind="number",
        unit="the outcome's unit, after per and scale",
        allowed="above 0",
    )


class Covariate(Part):
    """One characteristic of councils to adjust for."""

    name: Slug = parameter(
        "The covariate: group_time reads it in each cell's earlier year, matched_did up to the "
        "base, regressions in the year itself.",
        kind="name",
        allowed="imd_average_score, share_population_rural, population_count, an indicator in "
        "data/raw/indicators.csv, or a name of derived or indices; not an outcome",
    )
    missing: Literal["stop", "drop"] = parameter(
        "Stop when a council has no value in a year, or drop such council-years and count them.",
        kind="choice",
        default="stop",
    )


class Headline(Part):
    """Which estimate stands first in the report."""

    estimator: EstimatorName = parameter(
        "The estimator of the headline figure.", kind="choice", default="group_time"
    )
    aggregation: Literal["simple", "group", "dynamic", "calendar"] = parameter(
        "How group_time cells are averaged for the headline figure.", kind="choice", default="group"
    )


class People(Part):
    """Who is answerable for the evaluation; printed in its statement of assurance."""

    commissioned: Text = parameter("Who commissioned it.", kind="text", default="not assigned")
    analysed: Text = parameter("Who analysed it.", kind="text", default="not assigned")
    assured: Text = parameter("Who assured it.", kind="text", default="not assigned")
