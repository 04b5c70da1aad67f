"""How messages name a plan."""

from __future__ import annotations

from evallib.plan import Plan, shown_path


def plan_label(plan: Plan) -> str:
    """Return how messages name a plan: its file, or its name when it has none."""
    return shown_path(plan.path) if plan.path else plan.name
