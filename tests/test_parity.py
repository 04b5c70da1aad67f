"""Every figure that an estimator here can produce agrees with its reference."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from parity import CASES, all_rows
from parity.rows import Row

VALIDATION = Path(__file__).parents[2] / "shared" / "validation"


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
@pytest.mark.parametrize("case", CASES)
def test_every_figure_of_a_case_is_held(case: str) -> None:
    if not (VALIDATION / case).is_dir():
        pytest.skip("the reference files may not be committed and do not lie beside the project")
    rows = list(all_rows(VALIDATION, {case: CASES[case]}))
    assert rows
    names = [(row.estimator, row.quantity) for row in rows]
    assert len(set(names)) == len(names)
    assert [row for row in rows if not row.is_held] == []


@pytest.mark.parametrize(
    ("ours", "reference", "is_held"),
    [
        (1.0, 1.0, True),
        (1.0, 1.1, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
    ],
)
def test_a_row_is_held_by_its_tolerance(ours: float, reference: float, is_held: bool) -> None:
    row = Row("case", "twfe", "att", ours, reference, 0.01, "made up")
    assert row.is_held is is_held


def test_figures_are_written_as_plain_numbers(tmp_path: Path) -> None:
    from parity.__main__ import write

    row = Row("case", "twfe", "att", np.float64(0.1), 0.1, 1e-8, "made up")
    write([row], tmp_path / "parity.csv")
    figures = (tmp_path / "parity.csv").read_text().splitlines()[1].split(",")[3:7]
    assert figures == ["0.1", "0.1", "0.0", "1e-08"]
