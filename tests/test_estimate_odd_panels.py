"""Odd panels, generated: the right answer, or a typed error or warning; never a silent number."""

from __future__ import annotations

import pytest
from odd_panels import KINDS, call, check_answer, check_presentation, make_case, owed

from evallib.estimate.options import ESTIMATORS

BLOCKS, PANELS = 10, 9
ALL = [(name, block) for name in ESTIMATORS for block in range(BLOCKS)]


@pytest.mark.long
@pytest.mark.parametrize(("name", "block"), ALL)
def test_an_odd_panel_gives_the_right_answer_or_a_typed_refusal(name, block):
    """Every third panel also with other names, in another order and from another zero."""
    first = 1_000 * ESTIMATORS.index(name) + block * PANELS
    for seed in range(first, first + PANELS):
        case = make_case(name, seed)
        where = f"panel {seed}: {case.kind}, {case.options}"
        found, texts = call(name, case, case.frame)
        if owed(name, case):
            assert isinstance(found, str), where
            continue
        if not isinstance(found, str):
            check_answer(name, case, found, texts)
        if seed % 3 == 0:
            check_presentation(name, case, found)


def test_there_are_two_thousand_panels():
    assert len(ALL) * PANELS >= 2_000


@pytest.mark.parametrize("name", ESTIMATORS)
def test_most_plain_panels_are_answered(name):
    """A test of refusals would pass if everything were refused."""
    answered = 0
    for seed in range(0, 8 * len(KINDS), len(KINDS)):
        case = make_case(name, seed)
        assert case.kind == "plain"
        answered += not isinstance(call(name, case, case.frame)[0], str)
    assert answered >= 3
