"""docs/outputs.md names every column that a run writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evallib.report.views.naming import (
    COMPARISON_WORDS,
    ESTIMATOR_WORDS,
    INTERVAL_SHORT,
    INTERVAL_WORDS,
    RULE_WORDS,
)
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


@pytest.mark.parametrize("words", [ESTIMATOR_WORDS, COMPARISON_WORDS, RULE_WORDS, INTERVAL_WORDS])
def test_every_code_of_estimates_is_explained(words: dict[str, str]) -> None:
    section = TEXT.split("## Codes in `estimates.csv`")[1].split("\n## ")[0]
    assert [code for code in words if f"`{code}`" not in section] == []


def test_every_way_to_make_an_interval_has_a_short_name() -> None:
    assert INTERVAL_SHORT.keys() == INTERVAL_WORDS.keys()
