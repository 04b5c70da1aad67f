"""docs/outputs.md names every column that a run writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evallib.run.collect import CHECKS, ESTIMATES

TEXT = (Path(__file__).parents[1] / "docs" / "outputs.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "columns"), [("estimates.csv", ESTIMATES), ("checks.csv", CHECKS)]
)
def test_every_column_is_explained_and_no_other(heading: str, columns: list[str]) -> None:
    section = TEXT.split(f"## `{heading}`")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]*) \|", section, flags=re.MULTILINE)
    named = [name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)]
    assert sorted(named) == sorted(columns)
