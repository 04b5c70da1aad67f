"""The process that executes one notebook and says how it ended."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from evallib.run.kernel import WarmKernel

Ending = Literal["ok", "failed", "timed out", "killed"]


def main() -> int:
    """Start a kernel, wait for a job on the standard input, execute it and write its status.

    The job is a line of JSON with `notebook`, `output`, `cwd`, `parameters`, `limit` (seconds a
    cell) and `status`, the file to write.

    Returns
    -------
    int
        0 once the status is written: it tells how the notebook ended.
    """
    stop = _stop_on_signals()
    kernel = _warm_kernel()
    line = sys.stdin.buffer.readline()
    if not line:
        stop()
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()
    job: dict[str, Any] = json.loads(line)
    status = _execute(job, kernel)
    status["seconds"] = time.time() - job["sent"]
    kernel.kill()
    output = Path(job["output"])
    if output.is_file():
        try:
            _tidy(output, status)
        except ValueError as error:  # what a kernel sent may not be a notebook any more
            print(f"the executed notebook could not be read again: {error}", file=sys.stderr)
    target = Path(job["status"])
    half = target.with_name(f".{target.name}")
    half.write_text(json.dumps(status), encoding="utf-8")
    os.replace(half, target)
    return 0


def _warm_kernel() -> WarmKernel:
    # A check of web addresses in JSON schemas that takes a second to load; notebooks need none.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from evallib.run.kernel import WarmKernel

    kernel = WarmKernel()
    import papermill  # noqa: F401 - while the kernel starts

    return kernel


def _execute(job: dict[str, Any], kernel: WarmKernel) -> dict[str, Any]:
    """Run papermill; its own 'completed' is not believed after a killed kernel or a timeout."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        kernel.move_to(job["cwd"])
        papermill.execute_notebook(
            job["notebook"],
            job["output"],
            parameters=job["parameters"],
            cwd=job["cwd"],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=job["limit"],
            km=kernel.manager,
        )
    except PapermillExecutionError as error:
        return _status("failed", f"{error.ename}: {_last_line(error.evalue)}")
    except CellTimeoutError:
        return _status("timed out", f"a cell ran longer than {job['limit']:g} seconds")
    except DeadKernelError:
        return _status(
            "killed",
            "the kernel died while a cell ran (it ran out of memory, was killed or exited)",
        )
    except Exception as error:
        traceback.print_exc()
        return _status("failed", f"{type(error).__name__}: {_last_line(str(error))}")
    return _status("ok", "")


def _status(ending: Ending, message: str) -> dict[str, Any]:
    return {"status": ending, "message": _without_paths(message), "cell": None}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def _tidy(output: Path, status: dict[str, Any]) -> None:
    """Note the failing cell, log what cells wrote to stderr, and drop papermill's own notes."""
    import nbformat

    notebook = nbformat.read(output, as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell for cell in notebook.cells if not _is_marker(cell)]
    number = 0
    for cell in cells:
        if cell.cell_type != "code":
            continue
        number += 1
        ran = cell.metadata.get("papermill", {}).get("start_time")
        if ran and status["status"] != "ok":
            status["cell"] = number
        for one in cell.get("outputs", []):
            if one.output_type == "stream":
                one.text = _without_paths(one.text)
                if one.name == "stderr":
                    print(f"[cell {number}] {one.text.rstrip()}", file=sys.stderr)
            elif one.output_type == "error":
                one.evalue = _without_paths(one.evalue)
                one.traceback = [_without_paths(line) for line in one.traceback]
                print(f"[cell {number}] {one.ename}: {one.evalue}", file=sys.stderr)
    for cell in cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    notebook.cells = cells
    notebook.metadata.pop("papermill", None)
    nbformat.write(notebook, output)  # type: ignore[no-untyped-call]


def _without_paths(text: str) -> str:
    """Leave out where on this machine a file lies: a run's folder may be published."""
    text = re.sub(r"/\S*?/ipykernel_\d+/\d+\.py", "cell", text)
    for folder in (sys.prefix, str(Path(__file__).parents[2]), str(Path.home())):
        text = text.replace(folder.rstrip("/") + "/", "") if len(folder) > 1 else text
    return text


def _is_marker(cell: Any) -> bool:
    return any(str(tag).startswith("papermill-error") for tag in cell.metadata.get("tags", []))


def _stop_on_signals() -> Callable[[], None]:
    """End at once when told to, and take the kernel along; return what does so."""

    def stop(*_: object) -> None:
        kernels = sys.modules.get("evallib.run.kernel")
        if kernels is not None:
            kernels.kill_kernels()
        os._exit(1)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return stop


def _watch(stop: Callable[[], None]) -> None:
    """Wait for the command that started this process to end; its end of the pipe closes then."""
    while os.read(0, 1):
        continue
    stop()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # nothing of the kernel's machinery is waited for
