"""The decision rule, row by row."""

from __future__ import annotations

import math

import pytest

from evallib.checks.verdict import Evidence, decide

CHANGE = 2.0


@pytest.mark.parametrize(
    ("low", "high", "pretrends", "refused", "differ", "verdict"),
    [
        # 1 design not fit comes before everything
        (3.0, 5.0, "pass", True, False, "design not fit"),
        (3.0, 5.0, "fail", False, False, "design not fit"),
        (-0.1, 0.1, "fail", False, True, "design not fit"),
        # 2 cannot tell
        (-1.0, 2.0, "pass", False, False, "cannot tell"),
        (-2.0, 1.0, "concern", False, False, "cannot tell"),
        (-9.0, 9.0, "pass", False, False, "cannot tell"),
        (0.0, 2.5, "pass", False, False, "cannot tell"),
        (-0.5, 0.5, "pass", False, True, "cannot tell"),
        (3.0, 5.0, "pass", False, True, "cannot tell"),
        (math.nan, math.nan, "pass", False, False, "cannot tell"),
        # 3 no sizeable change
        (-1.9, 1.9, "pass", False, False, "no sizeable change"),
        (0.1, 1.9, "concern", False, False, "no sizeable change"),
        # 4 anything else
        (0.1, 2.5, "pass", False, False, "not yet judged"),
        (-5.0, -3.0, "not applicable", False, False, "not yet judged"),
    ],
)
def test_rule(
    low: float, high: float, pretrends: str, refused: bool, differ: bool, verdict: str
) -> None:
    ruling = decide(Evidence("x", refused, pretrends, low, high, CHANGE, differ))
    assert ruling.verdict == verdict
    assert ruling.sentence


def test_anything_else_says_what_has_not_been_tested() -> None:
    ruling = decide(Evidence("x", False, "pass", 3.0, 5.0, CHANGE, False))
    assert ruling.sentence == "selection and sensitivity have not been tested"
