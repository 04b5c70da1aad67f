"""The tables on size and coverage in the methodology are those of the table beside it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
MADE = runpy.run_path(str(ROOT / "benchmarks" / "size_tables.py"))
RESULTS = pd.read_csv(ROOT / "docs" / "size_and_coverage.csv")


def test_page_has_the_tables_of_the_results() -> None:
    text = (ROOT / "docs" / "methodology.md").read_text(encoding="utf-8")
    assert MADE["put_into"](text, RESULTS) == text


def test_intervals_and_verdicts_follow_from_counts() -> None:
    rows = RESULTS[RESULTS["panels"] > 0]
    share, count, z = rows["rejected_pct"] / 100, rows["panels"], 2.5758293035489004
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    assert (100 * (centre - half) - rows["low_99_pct"]).abs().max() < 0.011
    assert (100 * (centre + half) - rows["high_99_pct"]).abs().max() < 0.011
    inside = (centre - half <= 0.05) & (centre + half >= 0.05)
    assert (inside == rows["is_right"].astype(bool)).all()


@pytest.mark.parametrize(
    ("share", "is_right", "how", "policy", "text"),
    [
        (5.04, True, "analytic", "analytic", "5.0"),
        (6.96, False, "analytic", "permutation", "**7.0**"),
        (23.4, False, "analytic", "analytic", "**23**"),
        (10.6, False, "policy", "permutation", "**10.6**p"),
        (5.3, True, "policy", "wild_bootstrap", "5.3w"),
    ],
)
def test_cell(share: float, is_right: bool, how: str, policy: str, text: str) -> None:
    found = {"panels": 2_000, "rejected_pct": share, "is_right": is_right}
    assert MADE["false_alarms"](pd.Series({**found, "how": how, "policy": policy})) == text


def test_cells_without_panels_say_why() -> None:
    row = pd.Series({"panels": 0, "how": "policy", "policy": "analytic"})
    assert MADE["false_alarms"](row) == "="
    row["policy"] = "permutation"
    assert MADE["false_alarms"](row) == "–"
    assert MADE["false_alarms"](pd.Series(dtype=object)) == "–"
