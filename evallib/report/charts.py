"""The door to the charts: the piece and every builder."""

from __future__ import annotations

from evallib.report.chart import Chart
from evallib.report.context_charts import counts_chart, paths_chart
from evallib.report.coverage_charts import coverage_chart, missingness_chart
from evallib.report.drawing import PALETTE
from evallib.report.effect_charts import estimate_chart, event_study_chart

__all__ = [
    "PALETTE",
    "Chart",
    "counts_chart",
    "coverage_chart",
    "estimate_chart",
    "event_study_chart",
    "missingness_chart",
    "paths_chart",
]
