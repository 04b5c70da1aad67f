"""The kernel that runs a notebook: this interpreter's, talking through files, not ports."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

_ARGV = (
    *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
    *("--HistoryManager.enabled=False", "--IPKernelApp.log_level=40"),
)
_started: set[int] = set()


class PrivateKernelManager(AsyncKernelManager):
    """Start kernels of the running interpreter, whatever kernels the user has installed.

    The kernel listens on sockets in the private runtime folder: two runs at once cannot take each
    other's port, and nothing goes through the network.
    """

    def __init__(self, **options: Any) -> None:
        folder = Path(os.environ["JUPYTER_RUNTIME_DIR"])
        options["transport"] = "ipc"
        options["connection_file"] = str(folder / f"k{uuid.uuid4().hex[:8]}.json")
        super().__init__(**options)

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel's command: always this interpreter."""
        return KernelSpec(argv=[sys.executable, *_ARGV], display_name="Python 3", language="python")

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        await super()._async_launch_kernel(kernel_cmd, **options)
        pid = getattr(self.provisioner, "pid", None)
        if pid is not None:
            _started.add(pid)

    _launch_kernel = _async_launch_kernel


def kill_kernels() -> None:
    """Kill every kernel that this process started, at once."""
    for pid in tuple(_started):
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
