"""Running an evaluation: notebooks, folders, manifest.

Names are loaded when they are asked for: a worker process that only executes a notebook does not
wait for pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evallib.run.context import Run, open_run
    from evallib.run.results import RunResults

__all__ = ["Run", "RunResults", "open_run"]


def __getattr__(name: str) -> Any:
    if name in {"Run", "open_run"}:
        from evallib.run import context

        return getattr(context, name)
    if name == "RunResults":
        from evallib.run import results

        return results.RunResults
    raise AttributeError(f"module 'evallib.run' has no attribute {name!r}")
