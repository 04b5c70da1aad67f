"""Outcomes that a plan makes from other figures: shares, rates, real terms, logs, changes."""

from __future__ import annotations

from evallib.panel.derived.build import add_derived
from evallib.panel.derived.names import (
    POPULATION,
    all_indicators,
    base_indicators,
    ingredients_of,
    needs_population,
    reach,
    years_of,
)
from evallib.panel.derived.population import with_population

__all__ = [
    "POPULATION",
    "add_derived",
    "all_indicators",
    "base_indicators",
    "ingredients_of",
    "needs_population",
    "with_population",
    "years_of",
    "reach",
]
