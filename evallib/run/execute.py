"""Execute notebooks, two at once in processes of their own, with our own word on each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Ending = Literal["ok", "failed", "timed out", "killed"]
_GRACE = 15.0
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class NotebookJob:
    """One notebook to execute.

    Parameters
    ----------
    source : pathlib.Path
        The notebook as it stands in the project.
    output : pathlib.Path
        Where the executed notebook is written; its folder is the working folder of the kernel.
    parameters : mapping
        Literals for the cell tagged `parameters`.
    limit : float
        Seconds that the notebook may take.
    """

    source: Path
    output: Path
    parameters: Mapping[str, Any]
    limit: float

    @property
    def name(self) -> str:
        """The notebook's name, without its ending."""
        return self.source.stem


@dataclass(frozen=True, slots=True)
class NotebookStatus:
    """How a notebook ended.

    Parameters
    ----------
    name : str
        The notebook.
    status : {'ok', 'failed', 'timed out', 'killed'}
        Our own word; papermill's is not used.
    seconds : float
        How long it took, its kernel's start included.
    cell : int or None
        The code cell, from 1, that it stopped in.
    message : str
        The last line of the error, or what happened.
    log : str
        What the kernel and the cells wrote to stderr.
    """

    name: str
    status: Ending
    seconds: float
    cell: int | None
    message: str
    log: str

    def __str__(self) -> str:
        """Return one line for people."""
        line = f"{self.name}: {self.status}, {self.seconds:.1f} s"
        if self.status == "ok":
            return line
        return line + (f", code cell {self.cell}" if self.cell else "") + f": {self.message}"


def execute_notebooks(
    jobs: Sequence[NotebookJob],
    *,
    at_once: int = 2,
    on_end: Callable[[NotebookStatus], None] | None = None,
) -> list[NotebookStatus]:
    """Execute notebooks; those that summarise start when the others are done.

    Parameters
    ----------
    jobs : sequence of NotebookJob
        A notebook whose name starts with ``10_`` reads what the others saved and runs last.
    at_once : int
        How many run at the same time.
    on_end : callable, optional
        Told of each notebook as it ends, while others go on.

    Returns
    -------
    list of NotebookStatus
        In the order of `jobs`. A notebook that fails stops no other.
    """
    ended: dict[str, NotebookStatus] = {}
    with tempfile.TemporaryDirectory(prefix="ev-") as private:
        for wave in (
            [job for job in jobs if not _summarises(job)],
            [job for job in jobs if _summarises(job)],
        ):
            for status in _run_wave(wave, at_once, Path(private), on_end):
                ended[status.name] = status
    return [ended[job.name] for job in jobs]


def _summarises(job: NotebookJob) -> bool:
    return job.name.startswith("10_")


def _run_wave(
    jobs: Iterable[NotebookJob],
    at_once: int,
    private: Path,
    on_end: Callable[[NotebookStatus], None] | None,
) -> list[NotebookStatus]:
    waiting = list(jobs)
    running: list[_Worker] = []
    ended: list[NotebookStatus] = []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(_Worker(waiting.pop(0), private))
            for worker in [one for one in running if one.has_ended()]:
                running.remove(worker)
                if waiting:
                    running.append(_Worker(waiting.pop(0), private))
                ended.append(worker.status())
                if on_end is not None:
                    on_end(ended[-1])
            time.sleep(_POLL)
    finally:
        for worker in running:
            worker.stop()
    return ended


class _Worker:
    """A process that executes one notebook."""

    def __init__(self, job: NotebookJob, private: Path) -> None:
        self.job = job
        self.folder = private / job.name[:2]
        while self.folder.exists():
            self.folder = self.folder.with_name(self.folder.name + "x")
        self.folder.mkdir()
        job.output.parent.mkdir(parents=True, exist_ok=True)
        self.overran = False
        self.started = time.monotonic()
        (self.folder / "job.json").write_text(json.dumps(self._description()), encoding="utf-8")
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "evallib.run.worker", str(self.folder / "job.json")],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=_environment(self.folder, job.name),
                cwd=job.output.parent,
            )

    def _description(self) -> dict[str, Any]:
        return {
            "notebook": str(self.job.source),
            "output": str(self.job.output),
            "cwd": str(self.job.output.parent),
            "parameters": dict(self.job.parameters),
            "limit": self.job.limit,
            "status": str(self.folder / "status.json"),
        }

    def has_ended(self) -> bool:
        """Say whether the process is over; stop it when the notebook takes too long."""
        if self.process.poll() is not None:
            return True
        if time.monotonic() - self.started <= self.job.limit + _GRACE:
            return False
        self.overran = True
        self.stop()
        return True

    def stop(self) -> None:
        """End the process and its kernel."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()

    def status(self) -> NotebookStatus:
        """Return how the notebook ended, and remove the process's private files."""
        self._close()
        said = self._said()
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        shutil.rmtree(self.folder, ignore_errors=True)
        return NotebookStatus(
            name=self.job.name,
            status=said["status"],
            seconds=round(time.monotonic() - self.started, 2),
            cell=said["cell"],
            message=said["message"],
            log=log,
        )

    def _said(self) -> dict[str, Any]:
        if self.overran:
            text = f"the notebook ran longer than {self.job.limit:g} seconds"
            return {"status": "timed out", "cell": None, "message": text}
        try:
            said: dict[str, Any] = json.loads((self.folder / "status.json").read_text("utf-8"))
        except (OSError, ValueError):
            code = self.process.returncode
            text = f"the process that ran it ended without a word (exit code {code})"
            return {"status": "killed", "cell": None, "message": text}
        return said


def _environment(folder: Path, notebook: str) -> dict[str, str]:
    """Return the environment of a worker: private Jupyter folders, one thread, no surprises."""
    private = {
        "JUPYTER_RUNTIME_DIR": str(folder),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_NO_CONFIG": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        "EVALLIB_NOTEBOOK": notebook,
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    inherited = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    return inherited | threads | private
