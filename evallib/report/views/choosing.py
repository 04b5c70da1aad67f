"""What views of designs begin with: the designs of a role, their checks, their units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evallib.checks import CheckResult, Checks
from evallib.design import Design
from evallib.panel.units import effect_unit
from evallib.report.formats import format_number
from evallib.report.sections import Section, Sections

NO_BREAK = "\N{NO-BREAK SPACE}"


def designs_of(designs: Iterable[Design], role: str) -> list[Design]:
    """Return the designs whose outcome has a role; all of them for an empty one."""
    return [design for design in designs if role in ("", design.role)]


def no_outcome(role: str) -> Sections:
    """Return what a view says where no outcome has the role."""
    return Sections((Section("", (f"The plan has no {role} outcome.".replace("  ", " "),)),))


def checks_of(checks: Checks, check: str, design: Design) -> list[CheckResult]:
    """Return what a check found of a design under its own rule for unrecorded councils."""
    found = checks.select(check, design.outcome)
    return [item for item in found if item.no_record == design.no_record]


def shared_unit(designs: Sequence[Design]) -> str:
    """Return the unit of the effects where it is the same for all designs, else ''."""
    units = {effect_unit(design.unit) for design in designs}
    return units.pop() if len(units) == 1 else ""


def named_with_unit(design: Design, shared: str) -> str:
    """Return an outcome's title, with the unit of its effects where a table's heads lack it."""
    return design.title if shared else f"{design.title} ({effect_unit(design.unit)})"


def in_heads(text: str, level: float, shared: str) -> str:
    """Return the head of a column of estimates with their intervals.

    Examples
    --------
    >>> in_heads("Estimate", 0.95, "percentage points"), in_heads("Estimate", 0.9, "")
    ('Estimate, 95% interval (percentage points)', 'Estimate, 90% interval')
    """
    return f"{text}, {100 * level:g}% interval" + (f" ({shared})" if shared else "")


def interval_text(low: float, high: float, decimals: int) -> str:
    """Write the two ends of an interval, which no line breaks apart.

    Examples
    --------
    >>> interval_text(-0.5, 1.25, 2).replace(NO_BREAK, " ")
    '−0.50 to 1.25'
    """
    ends = (format_number(end, decimals) for end in (low, high))
    return f"{NO_BREAK}to{NO_BREAK}".join(ends)
