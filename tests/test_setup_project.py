"""What holds for the whole tree: it names no machine, is stored clean and keeps modules short."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "evallib").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_MODULE = 400

# In pieces, so that this file does not find itself.
MACHINE_PATHS = [f"/{name}/" for name in ("work", "tmp", "root", "home", "Users")]
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs"),
        ("deb", "debian", "org"),
        ("anaconda", "org"),
    )
]
TRACES = re.compile("|".join(rf"(?<![\w.>-]){path}" for path in MACHINE_PATHS))
HOSTS = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS))


def tracked_files() -> list[Path]:
    """Return the files under version control, or every file where there is no repository."""
    outcome = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = outcome.stdout.decode().split("\0") if outcome.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_tree_names_no_machine_and_no_registry() -> None:
    files = [path for path in tracked_files() if "data/raw" not in path.as_posix()]
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files
        for pattern in (TRACES, HOSTS)
        for match in pattern.finditer(text_of(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "is_trace"),
    [
        ("see " + MACHINE_PATHS[0] + "main", True),
        ("'" + MACHINE_PATHS[1] + "x.csv'", True),
        ("outputs" + MACHINE_PATHS[1] + "x", False),
        ("kg/household and home/away", False),
    ],
)
def test_a_machine_path_is_told_from_other_words(text: str, is_trace: bool) -> None:
    assert bool(TRACES.search(text)) == is_trace


def test_nothing_built_is_tracked() -> None:
    names = [path.relative_to(ROOT).as_posix() for path in tracked_files()]
    built = re.compile(
        r"^(outputs|data/processed)/(?!\.gitkeep$)|\.pyc$|\.egg-info/|\.ipynb_checkpoints|^\.venv/"
    )
    assert [name for name in names if built.search(name)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_source_notebook_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert [cell.source for cell in code if cell.outputs or cell.execution_count] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_make_without_a_target_lists_the_targets() -> None:
    assert make().stdout == make("help").stdout
    listed = re.findall(r"^  make ([a-z-]+)  ", make("help").stdout, flags=re.MULTILINE)
    wanted = {"report", "reports", "test", "test-full", "lab", "lock", "lint", "clean", "help"}
    assert wanted <= set(listed)
    for target in listed:
        assert make("--dry-run", target).returncode == 0, target


def test_continuous_integration_runs_the_tests_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^exec make test$", script, flags=re.MULTILINE)


def test_hooks_need_no_network() -> None:
    settings = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in settings["repos"]] == ["local"]
    hooks = settings["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {"ruff", "ruff-format", "mypy", "nbstripout"} <= {hook["id"] for hook in hooks}
