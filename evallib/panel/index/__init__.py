"""Indices of performance: several indicators as one outcome, with all that went into it."""

from __future__ import annotations

from evallib.panel.index.build import add_indices
from evallib.panel.index.england import components_by_year, constant_councils, index_by_year
from evallib.panel.index.leave_out import leave_one_out
from evallib.panel.index.result import IndexResult

__all__ = [
    "IndexResult",
    "add_indices",
    "components_by_year",
    "constant_councils",
    "index_by_year",
    "leave_one_out",
]
