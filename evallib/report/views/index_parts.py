"""What the views of an index share."""

from __future__ import annotations

from collections.abc import Callable

from evallib.panel import Panel
from evallib.panel.derived import years_of
from evallib.panel.index import IndexResult
from evallib.plan import Plan
from evallib.report.sections import Section, Sections

NO_CONSTANT_SET = "No council has the index in every year, so that there is no series for England."


def each_index(
    plan: Plan, panel: Panel, make: Callable[[IndexResult, Panel, int, int], Section]
) -> Sections:
    """Return a section an index, made with the first and last year that the plan uses it for."""
    if not panel.indices:
        return Sections((Section("", ("The plan has no index.",)),))
    made = [make(one, panel, *years_of(plan, name)) for name, one in panel.indices.items()]
    return Sections(tuple(made))


def digits_of(result: IndexResult) -> int:
    """Return how many decimals show an index."""
    return 1 if result.method == "percentage_change" else 2
