"""The part of a plan that makes an outcome from other figures: one operation a row."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from evallib.plan.fields import FinancialYear, Number, Slug, Text, in_words, parameter, problem
from evallib.plan.parts import Part

Operation = Literal["share", "ratio", "per_1000", "real_terms", "log", "change"]
OPERATIONS: tuple[Operation, ...] = ("share", "ratio", "per_1000", "real_terms", "log", "change")
_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
DIVISIONS: tuple[Operation, ...] = ("share", "ratio", "per_1000")


def _two_names(value: object) -> Any:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise problem(
            f"{in_words(value)}, but it must be two names: what is divided, and by what",
            "write like [flytipping_incidents_count, dwellings_count]",
        )
    return value


def _deflator(value: object) -> Any:
    text = value if isinstance(value, str) and value.isprintable() else ""
    if text.endswith(".csv") or _NAME.fullmatch(text):
        return text
    raise problem(
        f"{in_words(value)}, but it must be an indicator's name or the path of a .csv file",
        "write like my_deflator, or tables/deflator.csv",
    )


Pair = Annotated[tuple[Slug, Slug], BeforeValidator(_two_names)]
_ONE = "exactly one of share, ratio, per_1000, real_terms, log and change a row"


class Derived(Part):
    """One indicator that is worked out from others."""

    name: Slug = parameter(
        "The name under which outcomes, other derived rows and indices use it.",
        kind="name",
        allowed="a name that no indicator has",
    )
    title: Text | None = parameter(
        "Its title; made from the ingredients' unless given.", kind="text", default=None
    )
    unit: Text | None = parameter(
        "Its unit; worked out from the ingredients' unless given.", kind="text", default=None
    )
    polarity: Literal["higher", "lower", "none"] | None = parameter(
        "Which way is better; as the ingredient's (of a division: the numerator's) unless given.",
        kind="choice",
        default=None,
    )
    share: Pair | None = parameter(
        "The first as a percentage of the second.",
        kind="pair of names",
        unit="per cent",
        allowed=_ONE,
        default=None,
    )
    ratio: Pair | None = parameter(
        "The first divided by the second, multiplied by `times`.",
        kind="pair of names",
        unit="unit of the first per unit of the second",
        allowed=_ONE,
        default=None,
    )
    per_1000: Pair | None = parameter(
        "The first per 1,000 of the second.",
        kind="pair of names",
        unit="unit of the first per 1,000 of the second",
        allowed=_ONE,
        default=None,
    )
    real_terms: Slug | None = parameter(
        "An amount of money at the prices of base_year, by a deflator.",
        kind="name",
        unit="the amount's, at the prices of base_year",
        allowed=_ONE,
        default=None,
    )
    log: Slug | None = parameter(
        "The natural logarithm.", kind="name", unit="log of the unit", allowed=_ONE, default=None
    )
    change: Slug | None = parameter(
        "The change on the year before; never across a break of the series or a gap.",
        kind="name",
        unit="the figure's; percentage points of a percentage",
        allowed=_ONE,
        default=None,
    )
    times: Number = parameter(
        "What a ratio is multiplied by.", kind="number", allowed="above 0", default=1.0
    )
    deflator: Annotated[str, BeforeValidator(_deflator)] | None = parameter(
        "The price index of real_terms: one figure a financial year for the whole country.",
        kind="name or path",
        allowed="an indicator of own data, or a CSV file with the columns fin_year and value",
        default=None,
    )
    base_year: FinancialYear | None = parameter(
        "The year whose prices real_terms uses.",
        kind="financial year",
        unit="financial year",
        allowed="a year that the deflator has",
        default=None,
    )
    source: Text | None = parameter(
        "Where a deflator's file comes from, when no sidecar lies beside it.",
        kind="text",
        default=None,
    )
    zeros: Literal["keep", "missing"] = parameter(
        "Before a logarithm: keep values of zero (refused), or treat them as missing returns.",
        kind="choice",
        default="keep",
    )
    min_denominator: Number | None = parameter(
        "Figures whose denominator is smaller are missing, and counted.",
        kind="number",
        unit="the denominator's unit",
        allowed="above 0",
        default=None,
    )
    denominator: Slug | None = parameter(
        "The denominator that min_denominator looks at, where the row is no division.",
        kind="name",
        allowed="an indicator in data/raw/indicators.csv, or population_count",
        default=None,
    )

    @property
    def operation(self) -> Operation:
        """The operation that the row asks for."""
        return self.operations[0]

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation that the row names; a valid row has one."""
        return tuple(name for name in OPERATIONS if getattr(self, name) is not None)

    @property
    def ingredients(self) -> tuple[str, ...]:
        """What the operation works on: the figure, and for a division what it is divided by."""
        named = [getattr(self, operation) for operation in self.operations]
        return tuple(one for item in named for one in ((item,) if isinstance(item, str) else item))

    @property
    def counted_by(self) -> str | None:
        """The denominator that min_denominator looks at, where the row tells it."""
        pairs = (self.share, self.ratio, self.per_1000)
        return next((pair[1] for pair in pairs if pair is not None), self.denominator)
