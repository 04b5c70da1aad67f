"""Of a test with many cases a fifth runs by default and all in a full run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

@pytest.mark.long
@pytest.mark.parametrize("case", range(10))
def test_of_many_cases(case):
    pass

@pytest.mark.parametrize("case", range(3))
def test_of_few_cases(case):
    pass

def test_of_a_loop(share_of_long_cases):
    assert len(share_of_long_cases("abcdefg")) == {expected}
"""


@pytest.mark.parametrize(
    ("full", "expected", "closing"),
    [("0", 2, "6 passed, 8 deselected"), ("1", 7, "14 passed")],
    ids=["fifth", "full"],
)
def test_share_of_long_cases(tmp_path: Path, full: str, expected: int, closing: str) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = long: many cases\n")
    (tmp_path / "test_cases.py").write_text(CASES.replace("{expected}", str(expected)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    outcome = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"EVALLIB_FULL": full},
        capture_output=True,
        text=True,
        check=False,
    )
    assert closing in outcome.stdout, outcome.stdout
