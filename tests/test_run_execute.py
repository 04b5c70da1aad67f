"""How a notebook ended: our own word, whatever papermill's output says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from evallib.run.execute import NotebookJob, NotebookStatus, Workers

ENDINGS = {
    "01_fine": ["import sys, warnings\nprint(sys.executable)", "warnings.warn('careful')"],
    "02_error": ["1 + 1", "raise ValueError('one line\\nthe last line')", "2 + 2"],
    "03_killed": ["import os", "print('before', flush=True)\nos.kill(os.getpid(), 9)"],
    "04_slow": ["import time", "time.sleep(60)"],
    "05_exits": ["import os", "os._exit(0)"],
    "10_evidence_summary": [
        "from pathlib import Path\nprint(sorted(p.name for p in Path('.').iterdir()))"
    ],
}


def write_notebook(path: Path, cells: list[str]) -> Path:
    first = nbformat.v4.new_code_cell("plan_path = ''", metadata={"tags": ["parameters"]})
    book = nbformat.v4.new_notebook()
    book.cells = [first, *map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(book, path)
    return path


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, NotebookStatus], Path]:
    folder = tmp_path_factory.mktemp("notebooks")
    out = folder / "out"
    jobs = [
        NotebookJob(
            write_notebook(folder / f"{name}.ipynb", cells),
            out / f"{name}.ipynb",
            {"plan_path": "given.yml"},
            2.0 if name == "04_slow" else 60.0,
        )
        for name, cells in ENDINGS.items()
    ]
    heard: list[str] = []
    with Workers() as workers:
        workers.warm(["01_fine"])
        statuses = workers.execute(jobs, on_end=lambda status: heard.append(status.name))
    assert [status.name for status in statuses] == list(ENDINGS)
    assert heard[-1] == "10_evidence_summary"
    return {status.name: status for status in statuses}, out


def shown(out: Path, name: str) -> str:
    return (out / f"{name}.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "status", "cell", "message"),
    [
        ("01_fine", "ok", None, ""),
        ("02_error", "failed", 4, "ValueError: the last line"),
        ("03_killed", "killed", 4, "the kernel died"),
        ("04_slow", "timed out", 4, "longer than 2 seconds"),
        ("05_exits", "killed", 4, "the kernel died"),
        ("10_evidence_summary", "ok", None, ""),
    ],
)
def test_each_ending_is_told_with_its_cell(
    ended: tuple[dict[str, NotebookStatus], Path],
    name: str,
    status: str,
    cell: int | None,
    message: str,
) -> None:
    told = ended[0][name]
    assert (told.status, told.cell) == (status, cell)
    assert message in told.message
    assert told.seconds > 0
    assert status in str(told)


def test_partial_output_is_kept(ended: tuple[dict[str, NotebookStatus], Path]) -> None:
    for name in ENDINGS:
        notebook = json.loads(shown(ended[1], name))
        assert notebook["cells"][2]["execution_count"] is not None, name
    assert "before" in shown(ended[1], "03_killed")


def test_the_kernel_is_this_interpreter_s_and_parameters_arrive(
    ended: tuple[dict[str, NotebookStatus], Path],
) -> None:
    notebook = json.loads(shown(ended[1], "01_fine"))
    assert 'plan_path = \\"given.yml\\"' in shown(ended[1], "01_fine")
    (printed,) = notebook["cells"][2]["outputs"]
    assert "".join(printed["text"]).strip().endswith(Path(sys.executable).name)


def test_what_cells_write_to_stderr_is_logged_without_machine_paths(
    ended: tuple[dict[str, NotebookStatus], Path],
) -> None:
    log = ended[0]["01_fine"].log
    assert "UserWarning: careful" in log
    assert "ipykernel_" not in log
    assert "ValueError: one line" in ended[0]["02_error"].log


def test_the_summary_starts_when_the_others_are_done(
    ended: tuple[dict[str, NotebookStatus], Path],
) -> None:
    for name in ENDINGS:
        assert name in shown(ended[1], "10_evidence_summary")


def test_no_marks_of_the_machinery_stay_in_the_notebook(
    ended: tuple[dict[str, NotebookStatus], Path],
) -> None:
    for name in ENDINGS:
        notebook = json.loads(shown(ended[1], name))
        assert "papermill" not in notebook["metadata"]
        for cell in notebook["cells"]:
            assert "papermill" not in cell["metadata"]
            assert "papermill-error" not in str(cell["metadata"])


def test_a_file_that_is_no_notebook_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "01_bad.ipynb").write_text("{", encoding="utf-8")
    good = write_notebook(tmp_path / "02_good.ipynb", ["1"])
    jobs = [
        NotebookJob(path, tmp_path / "out" / path.name, {}, 60.0)
        for path in (tmp_path / "01_bad.ipynb", good)
    ]
    with Workers() as workers:
        assert [status.status for status in workers.execute(jobs)] == ["failed", "ok"]


def test_workers_and_kernels_end_with_the_command(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    slow = write_notebook(
        tmp_path / "01_slow.ipynb",
        [f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"],
    )
    program = (
        "from pathlib import Path; from evallib.run.execute import *\n"
        f"source, output = Path({str(slow)!r}), Path({str(tmp_path / 'o.ipynb')!r})\n"
        "with Workers() as w: w.execute([NotebookJob(source, output, {}, 60)])"
    )
    command = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 30
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    kernel = int(note.read_text())
    command.kill()
    command.wait()
    while _is_alive(kernel) and time.monotonic() < deadline + 10:
        time.sleep(0.05)
    assert not _is_alive(kernel)


def _is_alive(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not collected yet does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(found.stdout.strip()) and not found.stdout.strip().startswith("Z")
