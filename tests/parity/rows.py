"""One comparison of a figure of ours with a reference, and how rows are collected and judged."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELATIVE = 1e-3


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its reference.

    Parameters
    ----------
    case : str
        The folder's name under ``validation/``.
    estimator : str
        The estimator at the door.
    quantity : str
        What the figure is, readable and unique within the case.
    ours, reference : float
        The two figures; both missing agree.
    tolerance : float
        The largest absolute difference that passes for a figure that is not small.
    source : str
        The program that made the reference and, where the tolerance is wide, why.
    is_wide : bool
        Whether a known convention, or chance, sets the two apart. Other rows are held to a
        thousandth of the reference at most, however small it is.
    """

    case: str
    estimator: str
    quantity: str
    ours: float
    reference: float
    tolerance: float
    source: str
    is_wide: bool = False

    @property
    def allowed(self) -> float:
        """The largest absolute difference that passes."""
        if self.is_wide or not abs(self.reference) > 0:
            return self.tolerance
        return min(self.tolerance, RELATIVE * abs(self.reference))

    @property
    def difference(self) -> float:
        """Absolute difference; zero where both are missing, infinite where one is."""
        if math.isnan(self.ours) and math.isnan(self.reference):
            return 0.0
        if math.isnan(self.ours) or math.isnan(self.reference):
            return math.inf
        return abs(self.ours - self.reference)

    @property
    def is_held(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference <= self.allowed


Case = Callable[[Path, Mapping[str, Any]], Iterator[Row]]


def number(value: object) -> float:
    """Return a figure of a reference file; null and 'NA' are missing."""
    return math.nan if value in (None, "NA") else float(value)  # type: ignore[arg-type]


def read_reference(folder: Path) -> Mapping[str, Any]:
    """Return `full_precision` of a case's ``reference.json``."""
    text = (folder / "reference.json").read_text(encoding="utf-8")
    return json.loads(text)["full_precision"]
