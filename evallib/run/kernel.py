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
from jupyter_core.utils import run_sync

_ARGV = (
    *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
    *("--HistoryManager.enabled=False", "--IPKernelApp.log_level=40"),
)
# Notebooks use these names; a name that cannot be imported is told by the notebook that needs it.
_IMPORTS = """
import evallib as _package
for _name in _package.__all__:
    try:
        getattr(_package, _name)
    except Exception:
        continue
del _package, _name
"""
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


class WarmKernel:
    """A kernel that starts at once and imports the package while it waits for its notebook."""

    def __init__(self) -> None:
        self.manager = PrivateKernelManager(kernel_name="python3")
        run_sync(self._start)()

    async def _start(self) -> None:
        await self.manager.start_kernel()
        client = self.manager.client()
        client.shell_channel.start()
        client.execute(_IMPORTS, silent=True, store_history=False)
        client.shell_channel.stop()

    def move_to(self, folder: str) -> None:
        """Make a folder the kernel's working folder.

        Parameters
        ----------
        folder : str
            An existing folder.
        """
        run_sync(self._move_to)(folder)

    async def _move_to(self, folder: str) -> None:
        client = self.manager.client()
        client.start_channels(iopub=True, stdin=False, hb=False, control=False)
        try:
            code = f"import os as _os\n_os.chdir({folder!r})\ndel _os"
            await client.execute(code, silent=True, store_history=False, reply=True, timeout=120)
        finally:
            client.stop_channels()

    def kill(self) -> None:
        """End the kernel."""
        kill_kernels()


def kill_kernels() -> None:
    """Kill every kernel that this process started, at once."""
    for pid in tuple(_started):
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
