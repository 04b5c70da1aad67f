"""The commands: exit codes, one line a fault, no traceback, nothing written."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evallib import __version__
from evallib.cli import app
from evallib.errors import Fault, PlanError
from evallib.plan import load_plan

RUNNER = CliRunner()
ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "evaluations").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_help_is_quick_and_loads_no_data_library() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from evallib.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'pandas', 'numpy', 'papermill', 'pydantic'} & set(sys.modules)))"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    assert time.monotonic() - start < 5


def test_the_version_is_told_and_no_command_shows_the_commands() -> None:
    told = RUNNER.invoke(app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"evallib {__version__}\n")
    nothing = RUNNER.invoke(app, [])
    assert nothing.exit_code == 2
    assert "validate" in nothing.stdout


@pytest.mark.parametrize("command", ["run", "validate"])
def test_two_faults_two_lines_exit_code_2_and_nothing_written(project: Path, command: str) -> None:
    before = written(project)
    overrides = ["--set", "seed=no", "--set", "histroy.years=1"]
    result = RUNNER.invoke(app, [command, "peer_challenge", *overrides])
    assert result.exit_code == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 2
    assert all("Traceback" not in line for line in lines)
    assert result.stdout == ""
    assert written(project) == before


def test_faults_of_form_and_of_data_come_together(project: Path) -> None:
    arguments = ["validate", "peer_challenge", "--set", "seed=no", "--data", "nowhere"]
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2
    first, second = result.stderr.strip().splitlines()
    assert "seed" in first
    assert "nowhere" in second


def test_new_writes_a_plan_that_loads_and_never_overwrites(project: Path) -> None:
    result = RUNNER.invoke(app, ["new", "waste_review"])
    assert result.exit_code == 0
    assert result.stdout.strip() == "evaluations/waste_review.yml"
    plan = load_plan("waste_review")
    assert plan.name == "waste_review"
    again = RUNNER.invoke(app, ["new", "waste_review"])
    assert again.exit_code == 2
    assert "there is a plan of that name" in again.stderr


@pytest.mark.parametrize("name", ["../x", "A B", "", "a/b", ".x", "x" * 100])
def test_new_refuses_names_that_are_not_slugs(project: Path, name: str) -> None:
    before = written(project)
    result = RUNNER.invoke(app, ["new", "--", name])
    assert result.exit_code == 2
    assert written(project) == before


def test_params_prints_every_parameter(project: Path) -> None:
    text = RUNNER.invoke(app, ["params"]).stdout
    for key in ("outcomes[].meaningful_change", "headline.estimator", "people.assured"):
        assert f"\n{key}\n" in text
    for word in ("type:", "unit:", "allowed:", "default:", "help:"):
        assert text.count(word) > 40
    schema = json.loads(RUNNER.invoke(app, ["params", "--schema"]).stdout)
    assert "register" in schema["properties"]


def test_list_shows_plans_and_runs_by_identifier(project: Path) -> None:
    RUNNER.invoke(app, ["new", "waste_review"])
    (project / "evaluations" / "broken.yml").write_text("title: x\n", encoding="utf-8")
    run = project / "outputs" / "waste_review" / "default-12345678"
    run.mkdir(parents=True)
    facts = {
        "created": "2026-01-02T03:04:05+00:00",
        "notebooks": [{"name": "01_a", "status": "ok"}, {"name": "04_b", "status": "killed"}],
    }
    (run / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    text = RUNNER.invoke(app, ["list"]).stdout
    assert "  waste_review  A title in a few words" in text
    assert "broken  cannot be used" in text
    assert "waste_review  default-12345678  2026-01-02 03:04 UTC  not complete: 04_b" in text


def test_list_mends_a_run_that_was_killed_in_the_exchange(project: Path) -> None:
    old = project / "outputs" / "peer" / ".default-12345678.old"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("{}", encoding="utf-8")
    assert "default-12345678" in RUNNER.invoke(app, ["list"]).stdout
    assert not old.exists()


def test_council_shows_events_figures_and_gaps() -> None:
    result = RUNNER.invoke(app, ["council", "E06000001"])
    assert result.exit_code == 0
    assert "Hartlepool (E06000001): unitary, North East" in result.stdout
    assert "cpc, peer_challenges" in result.stdout
    assert "councils of its type" in result.stdout
    assert "Years without a figure" in result.stdout


@pytest.mark.parametrize(
    ("code", "part"), [("E0600001", "Did you mean"), ("Hartlepool", "Hartlepool is E06000001")]
)
def test_an_unknown_council_is_refused_with_the_nearest(code: str, part: str) -> None:
    result = RUNNER.invoke(app, ["council", code])
    assert result.exit_code == 2
    assert part in result.stderr


@pytest.mark.parametrize(
    ("raised", "code", "part"),
    [
        (PlanError([Fault("a", "b", "", "c")]), 2, "a: b. c."),
        (KeyboardInterrupt(), 130, "Stopped"),
        (RuntimeError("odd"), 70, "unexpected error"),
    ],
)
def test_every_ending_is_plain(
    project: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, part: str
) -> None:
    def fail(name: str) -> None:
        raise raised

    monkeypatch.delenv("EVALLIB_DEBUG", raising=False)
    monkeypatch.setattr("evallib.plan.new.create_plan", fail)
    result = RUNNER.invoke(app, ["new", "x"])
    assert result.exit_code == code
    assert part in result.stderr
    assert "Traceback" not in result.output
    if code == 70:
        kept = Path(result.stderr.strip().split()[-1])
        assert "RuntimeError: odd" in kept.read_text(encoding="utf-8")
        kept.unlink()


@pytest.mark.parametrize(("is_whole", "code"), [(True, 0), (False, 1)])
def test_run_ends_with_the_report_s_path_and_1_when_a_notebook_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_whole: bool, code: int
) -> None:
    class Finished:
        report = tmp_path / "report.html"

    Finished.is_whole = is_whole  # type: ignore[attr-defined]
    monkeypatch.setattr("evallib.run.pipeline.run_file", lambda *_, **__: Finished())
    result = RUNNER.invoke(app, ["run", "peer_challenge"])
    assert result.exit_code == code
    assert result.stdout.strip().splitlines()[-1] == str(Finished.report)
