"""The plan's decision on figures that look unsafe."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from evallib.plan.fields import NotEmpty, Text, Unique, parameter, problem
from evallib.plan.parts import Part

RuleName = Literal["zero", "negative", "out_of_range", "spike", "jump", "flat_line", "far_below"]
# A jump or a flat line marks a series, not one figure: neither is made missing unless asked for.
SINGLE_FIGURES: tuple[RuleName, ...] = ("zero", "negative", "out_of_range", "spike", "far_below")
_TRUSTED = re.compile(r"(E\d{8}) ([a-z0-9_]+)(?: (\d{4}/\d{2}))?", re.ASCII)


def _trusted(text: str) -> str:
    if not _TRUSTED.fullmatch(text):
        raise problem(
            f"is the text {text!r}, but it must name a council and an indicator, and may name a "
            "year",
            "write like E09000018 long_term_empty_homes_pct 2011/12",
        )
    return text


class UnsafeFigures(Part):
    """What is done with figures that look unsafe."""

    action: Literal["keep", "missing"] = parameter(
        "Keep such figures, or treat them as missing; the headline is shown under both.",
        kind="choice",
        default="keep",
    )
    rules: Annotated[tuple[RuleName, ...], NotEmpty, Unique] = parameter(
        "The rules whose figures the decision is about; all rules are always listed.",
        kind="list of choices",
        default=SINGLE_FIGURES,
    )
    trusted: Annotated[tuple[Annotated[Text, AfterValidator(_trusted)], ...], Unique] = parameter(
        "Figures that a rule picks but that are known to be right: they are always kept.",
        kind="list of texts",
        allowed="a council's code, an indicator and a year (none: every year), with blanks",
        default=(),
    )

    def spared(self) -> tuple[tuple[str, str, str], ...]:
        """Return council code, indicator and financial year (empty for all) of trusted figures."""
        found = (_TRUSTED.fullmatch(text) for text in self.trusted)
        return tuple((one[1], one[2], one[3] or "") for one in found if one is not None)
