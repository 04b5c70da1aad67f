"""How a command ends: exit codes, and no traceback for a user's mistake."""

from __future__ import annotations

import functools
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec

import typer

from evallib.errors import EvallibError

NOTEBOOK_FAILED = 1
BAD_INPUT = 2
UNEXPECTED = 70
INTERRUPTED = 130

_P = ParamSpec("_P")


def ends_plainly(command: Callable[_P, None]) -> Callable[_P, None]:
    """Turn errors into lines on stderr and an exit code.

    Parameters
    ----------
    command : callable
        A command.

    Returns
    -------
    callable
        The same: bad input ends with 2, an interruption with 130, and what nobody foresaw with
        70 and the traceback in a file; with EVALLIB_DEBUG set it is raised.
    """

    @functools.wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> None:
        before = _stop_on_termination()
        try:
            command(*args, **kwargs)
        except EvallibError as error:
            _tell(str(error))
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            _tell("Stopped. Nothing was changed.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if os.environ.get("EVALLIB_DEBUG"):
                raise
            _tell(f"An unexpected error, please report it: {type(error).__name__}: {error}")
            _tell(f"The details are in {_keep_traceback()}")
            raise typer.Exit(UNEXPECTED) from None
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)

    return wrapped


def _stop_on_termination() -> Any:
    """Let a request to terminate clean up as Ctrl-C does; return what was done before."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, stop)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _keep_traceback() -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="evallib-error-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exc(file=file)
    return file.name
