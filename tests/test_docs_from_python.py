"""The page on calls from Python: its frame is evaluated, its plan's calls and views exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import evallib as ev

PAGE = (Path(__file__).parents[1] / "docs" / "from_python.md").read_text(encoding="utf-8")
OWN, PLAN = PAGE.split("\n## A plan\n")
FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
def test_the_blocks_on_a_frame_run_one_after_the_other() -> None:
    names: dict[str, object] = {}
    for block in FENCE.findall(OWN):
        exec(compile(block, "docs/from_python.md", "exec"), names)  # noqa: S102 - our own page
    assert names["found"].point[0] == pytest.approx(2.0, abs=1.0)
    assert names["drift"].excludes_zero and len(names["drift"].frame) == 6
    assert len(names["curve"].frame) == 8 and len(names["parts"].tests) == 1
    assert names["study"].point.size == 4


def test_calls_on_a_plan_name_what_there_is() -> None:
    calls = [
        ast.unparse(node.func)
        for block in FENCE.findall(PLAN)
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Call)
    ]
    ours = [call for call in calls if call.startswith("ev.")]
    assert len(ours) > 15
    for call in ours:
        found: object = ev
        for name in call.split(".")[1:]:
            found = getattr(found, name)
        assert callable(found), call
