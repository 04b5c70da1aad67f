"""The environment has one source: what is made from pyproject.toml agrees with it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED = SETTINGS["project"]["dependencies"] + SETTINGS["dependency-groups"]["dev"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", LOCK, flags=re.MULTILINE))


def run_check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / ".ci" / "environment.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_environment_yml_is_made_from_pyproject() -> None:
    outcome = run_check(ROOT)
    assert outcome.returncode == 0, outcome.stderr


def test_a_changed_dependency_is_found(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    for name in (".ci/environment.py", "pyproject.toml", "environment.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    assert run_check(tmp_path).returncode == 0
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(text.replace("seaborn>=0.13.2", "seaborn>=0.13.1"))
    outcome = run_check(tmp_path)
    assert outcome.returncode == 1
    assert "make environment" in outcome.stderr


@pytest.mark.parametrize("line", DECLARED)
def test_lock_holds_a_version_that_pyproject_allows(line: str) -> None:
    wanted = Requirement(line)
    assert wanted.specifier.contains(LOCKED[canonicalize_name(wanted.name)])


def test_every_locked_version_has_a_hash() -> None:
    entries = re.split(r"\n(?=[a-z0-9.-]+==)", "\n" + LOCK)[1:]
    assert len(entries) == len(LOCKED)
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_lock_names_no_address() -> None:
    assert not re.search(r"://|--index|--find-links|--extra", LOCK)
