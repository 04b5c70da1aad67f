"""The command line: wiring only."""

from __future__ import annotations

from evallib.cli.commands import app

__all__ = ["app"]
