"""Estimators behind one door, and the one result type."""

from __future__ import annotations

from evallib.estimate.collection import Estimates
from evallib.estimate.door import fit
from evallib.estimate.hazard_expand import person_periods
from evallib.estimate.result import Estimate

__all__ = ["Estimate", "Estimates", "fit", "person_periods"]
