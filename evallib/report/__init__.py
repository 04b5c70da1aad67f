"""Reports: tables, charts and words from results; notebooks as accessible pages; the gate.

No statistics are computed here. The pieces (`tables`, `charts`, `words`, `exports`) depend on
nothing but the package's errors, so that notebooks and pages show the same objects.
"""

from __future__ import annotations

from evallib.report.chart import Chart
from evallib.report.tables import Table

__all__ = ["Chart", "Table"]
