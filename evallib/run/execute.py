"""Execute notebooks, two at once in processes of their own, with our own word on each."""

from __future__ import annotations

import contextlib
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
        How long it took from when it was its turn.
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


class Workers:
    """Processes that execute notebooks, two at once; each starts early and waits for its job.

    Starting a kernel and importing the libraries takes longer than many a notebook: a worker does
    both while the plan is still checked, or while other notebooks run.

    Parameters
    ----------
    at_once : int
        How many notebooks run at the same time.
    """

    def __init__(self, at_once: int = 2) -> None:
        self._at_once = at_once
        self._private = tempfile.TemporaryDirectory(prefix="ev-")
        self._warm: dict[str, Worker] = {}

    def __enter__(self) -> Workers:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every process that still waits."""
        for worker in self._warm.values():
            worker.stop()
        self._private.cleanup()

    def warm(self, names: Iterable[str]) -> None:
        """Start workers for notebooks whose jobs come soon; as many as run at once.

        Parameters
        ----------
        names : iterable of str
            Notebooks, without their ending.
        """
        for name in list(names)[: self._at_once]:
            if name not in self._warm:
                self._warm[name] = Worker(name, Path(self._private.name))

    def execute(
        self,
        jobs: Sequence[NotebookJob],
        on_end: Callable[[NotebookStatus], None] | None = None,
    ) -> list[NotebookStatus]:
        """Execute notebooks; those that summarise start when the others are done.

        Parameters
        ----------
        jobs : sequence of NotebookJob
            A notebook whose name starts with ``10_`` reads what the others saved and runs last.
        on_end : callable, optional
            Told of each notebook as it ends, while others go on.

        Returns
        -------
        list of NotebookStatus
            In the order of `jobs`. A notebook that fails stops no other.
        """
        waiting = [job for job in jobs if not summarises(job.name)]
        last = [job for job in jobs if summarises(job.name)]
        running: list[Worker] = []
        ended: dict[str, NotebookStatus] = {}
        try:
            while waiting or last or running:
                done = [worker for worker in running if worker.has_ended()]
                running = [worker for worker in running if worker not in done]
                if not waiting and not running:
                    waiting, last = last, []
                while waiting and len(running) < self._at_once:
                    running.append(self._start(waiting.pop(0)))
                if not waiting and len(running) < self._at_once:
                    self.warm(job.name for job in last[:1])
                for worker in done:
                    status = ended[worker.name] = worker.status()
                    if on_end is not None:
                        on_end(status)
                time.sleep(_POLL)
        finally:
            for worker in running:
                worker.stop()
        return [ended[job.name] for job in jobs]

    def _start(self, job: NotebookJob) -> Worker:
        worker = self._warm.pop(job.name, None) or Worker(job.name, Path(self._private.name))
        worker.start(job)
        return worker


def summarises(name: str) -> bool:
    """Say whether a notebook reads what the others saved."""
    return name.startswith("10_")


class Worker:
    """A process that executes one notebook.

    Parameters
    ----------
    name : str
        The notebook.
    private : pathlib.Path
        Where its own folder is made.
    """

    def __init__(self, name: str, private: Path) -> None:
        self.name = name
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name[:2]}-", dir=private))
        self._limit, self._started, self._overran = 0.0, time.monotonic(), False
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "evallib.run.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=_environment(self._folder, name),
                cwd=self._folder,
            )

    def start(self, job: NotebookJob) -> None:
        """Hand the worker its notebook; its time runs from now."""
        self._limit, self._started = job.limit, time.monotonic()
        job.output.parent.mkdir(parents=True, exist_ok=True)
        told = {
            "notebook": str(job.source.absolute()),
            "output": str(job.output.absolute()),
            "cwd": str(job.output.parent.absolute()),
            "parameters": dict(job.parameters),
            "limit": job.limit,
            "status": str(self._folder / "status.json"),
            "sent": time.time(),
        }
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died already: its status says so
                self._process.stdin.write(json.dumps(told).encode("ascii") + b"\n")
                self._process.stdin.flush()

    def has_ended(self) -> bool:
        """Say whether the process is over; stop it when the notebook takes too long."""
        if self._process.poll() is not None:
            return True
        if time.monotonic() - self._started <= self._limit + _GRACE:
            return False
        self._overran = True
        self.stop()
        return True

    def stop(self) -> None:
        """End the process and its kernel."""
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def status(self) -> NotebookStatus:
        """Return how the notebook ended, and remove the process's private files."""
        self._close()
        said = self._said()
        log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        shutil.rmtree(self._folder, ignore_errors=True)
        return NotebookStatus(
            name=self.name,
            status=said["status"],
            seconds=round(float(said["seconds"]), 2),
            cell=said["cell"],
            message=said["message"],
            log=log,
        )

    def _said(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._started
        if self._overran:
            text = f"the notebook ran longer than {self._limit:g} seconds"
            return {"status": "timed out", "cell": None, "message": text, "seconds": seconds}
        try:
            said: dict[str, Any] = json.loads((self._folder / "status.json").read_text("utf-8"))
        except (OSError, ValueError):
            code = self._process.returncode
            text = f"the process that ran it ended without a word (exit code {code})"
            return {"status": "killed", "cell": None, "message": text, "seconds": seconds}
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
