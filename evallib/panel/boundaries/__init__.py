"""Councils that a reorganisation touched: dropped, added up to the successor, or kept apart."""

from __future__ import annotations

from evallib.panel.boundaries.denominators import Joining, joining_of, packaged_joinings
from evallib.panel.boundaries.lineage import Lineage, build_lineage
from evallib.panel.boundaries.policy import Boundaries, apply_boundaries
from evallib.panel.boundaries.touched import reorganised_councils
from evallib.panel.boundaries.uses import use_of, uses_of

__all__ = [
    "Boundaries",
    "Joining",
    "Lineage",
    "apply_boundaries",
    "build_lineage",
    "joining_of",
    "packaged_joinings",
    "reorganised_councils",
    "use_of",
    "uses_of",
]
