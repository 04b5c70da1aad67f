"""The part of a plan that makes an index of performance from indicators."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from evallib.plan.fields import (
    FinancialYear,
    NotEmpty,
    Number,
    Slug,
    Text,
    Unique,
    in_words,
    parameter,
    problem,
)
from evallib.plan.parts import Part

Method = Literal["percentage_change", "standardised_mean", "inverse_covariance"]


def _listed(value: object) -> Any:
    return (value,) if isinstance(value, str) else value


def _at_least(value: object) -> Any:
    wanted = "all, a number of components or a share of them"
    if value == "all":
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise problem(f"{in_words(value)}, but it must be {wanted}", "write all, 4 or 0.75")
    if isinstance(value, float) and not 0 < value < 1:
        raise problem(f"{in_words(value)}, but a share lies between 0 and 1", "write like 0.75")
    if value <= 0:
        raise problem(f"{in_words(value)}, but it must be {wanted}", "write all, 4 or 0.75")
    return value


class Index(Part):
    """One index of performance; outcomes name it like an indicator."""

    name: Slug = parameter(
        "The name under which outcomes use it.",
        kind="name",
        allowed="a name that no indicator and no derived row has",
    )
    title: Text | None = parameter(
        "Its title; made from the method and the components unless given.",
        kind="text",
        default=None,
    )
    method: Method = parameter(
        "percentage_change: the mean change on the base, better counted up; standardised_mean: "
        "the mean of z-scores; inverse_covariance: z-scores weighted by the row sums of their "
        "inverse covariance (Anderson 2008).",
        kind="choice",
    )
    components: Annotated[tuple[Slug, ...], Unique] = parameter(
        "The indicators or derived names that count equally, or by inverse_covariance.",
        kind="list of names",
        allowed="at least two, each with a polarity; or give domains instead",
        default=(),
    )
    domains: dict[Slug, Annotated[tuple[Slug, ...], NotEmpty, Unique]] | None = parameter(
        "The components by domain, in place of components: domains count equally, and components "
        "equally within their domain.",
        kind="names with lists of names",
        allowed="at least two components in all",
        default=None,
    )
    base_years: Annotated[tuple[FinancialYear, ...], BeforeValidator(_listed), NotEmpty, Unique] = (
        parameter(
            "The year or years that change is counted from, or that z-scores are standardised on.",
            kind="financial year, or a list of them",
            unit="financial years",
            allowed="years with figures of every component",
        )
    )
    standardised_by: Literal["base_years", "each_year"] = parameter(
        "Whether z-scores use the mean and SD of all councils in the base years, or of each year.",
        kind="choice",
        default="base_years",
    )
    at_least: Annotated[Literal["all"] | int | Number, BeforeValidator(_at_least)] = parameter(
        "How many components a council must have in a year; a mean of fewer is missing.",
        kind="all, a whole number or a share",
        unit="components, or a share of them",
        allowed="all, 1 to the number of components, or a share below 1",
        default="all",
    )

    @property
    def parts(self) -> tuple[str, ...]:
        """The components in order, those of domains included."""
        listed = [name for names in (self.domains or {}).values() for name in names]
        return (*self.components, *listed)

    @property
    def domain_of(self) -> tuple[str, ...]:
        """The domain of each component in order; components without domains are one each."""
        pairs = [(domain, name) for domain, names in (self.domains or {}).items() for name in names]
        return (*self.components, *(domain for domain, _ in pairs))

    @property
    def fewest(self) -> int:
        """The number of components that a council must have in a year."""
        count = len(self.parts)
        if self.at_least == "all":
            return count
        if isinstance(self.at_least, float):
            return math.ceil(self.at_least * count - 1e-9)
        return int(self.at_least)
