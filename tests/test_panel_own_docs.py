"""The page on one's own data: its steps, as they stand there, lead from a file to a report."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import IS_FULL

from evallib.plan import list_parameters

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "your_own_data.md").read_text(encoding="utf-8")
FENCE = re.compile(r"(?:Save as `([^`]+)`:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "evaluations").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    (tmp_path / "data" / "raw").symlink_to(ROOT / "data" / "raw")
    return tmp_path


def evallib(project: Path, line: str) -> str:
    program, *arguments = line.split()
    assert program == ".venv/bin/evallib"
    done = subprocess.run(
        [sys.executable, "-m", "evallib", *arguments],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.whole
@pytest.mark.skipif(not IS_FULL, reason="a whole run: in make test-full")
def test_the_steps_of_the_page_lead_to_a_report(project: Path) -> None:
    said = {}
    for name, kind, text in FENCE.findall(PAGE):
        if name:
            path = project / name
            path.parent.mkdir(exist_ok=True)
            if name.endswith(".names.csv"):
                empty = text.replace("Newcastle,E08000021,", "Newcastle,,")
                assert path.read_text(encoding="utf-8") == empty
            path.write_text(text, encoding="utf-8")
        elif kind == "sh":
            for line in text.strip().splitlines():
                said[line.split()[1] + line.split()[-1]] = evallib(project, line)
    validated = said["validatemy_survey"]
    assert "299 figures of 30 councils" in validated and "12 events of 12 councils" in validated
    by_hand = "1 name is settled by hand in my_tables/satisfaction.names.csv: 'Newcastle' is"
    assert by_hand in validated
    report = Path(said["runmy_survey"].strip().splitlines()[-1])
    assert "Residents satisfied with the council" in report.read_text(encoding="utf-8")
    estimates = pd.read_csv(report.parent / "estimates.csv")
    headline = estimates[
        (estimates["estimator"] == "group_time") & (estimates["term"] == "overall")
    ]
    first = headline[headline["no_record"] == "assume_not_exposed"].iloc[0]
    assert round(first["estimate"], 1) == 2.8 and first["n_treated_units"] == 12
    quality = (report.parent / "notebooks" / "01_panel_quality.html").read_text(encoding="utf-8")
    assert by_hand.partition(":")[0] in quality
    assert "my_tables/satisfaction.csv" in quality and "made up for this page" in quality
    assert str(project) not in quality


def test_the_proposed_blocks_are_those_of_the_page(project: Path) -> None:
    found = {name: text for name, _, text in FENCE.findall(PAGE) if name}
    plan = yaml.safe_load(found["evaluations/my_survey.yml"])
    for file, table in zip(("satisfaction.csv", "visits.csv"), plan["own_data"], strict=True):
        (project / "my_tables").mkdir(exist_ok=True)
        (project / "my_tables" / file).write_text(found[f"my_tables/{file}"], encoding="utf-8")
        line = f".venv/bin/evallib import --guess my_tables/{file} --to my_tables"
        block = yaml.safe_load(evallib(project, line))["own_data"][0]
        for key in ("file", "council", "names", "leave_out", "missing", "start_date"):
            assert block.get(key) == table.get(key), key


def test_the_keys_of_the_page_are_keys_of_a_plan() -> None:
    keys = {one.key for one in list_parameters()}
    table = re.findall(r"^\| (`.+?) \|", PAGE, re.MULTILINE)
    named = [name for row in table for name in re.findall(r"`(\w+)`", row)]
    assert len(named) > 12
    assert {f"own_data[].{name}" for name in named} <= keys
    extra = re.search(r"An indicator may also have (.*?)\n\n", PAGE, re.DOTALL)
    assert extra is not None
    also = re.findall(r"`(\w+)` \(|`(denominator|reporting_tier|breaks)`", extra[1])
    assert {f"own_data[].indicators[].{one or two}" for one, two in also} <= keys
