"""The command line: wiring only."""

from __future__ import annotations

from evallib.cli.commands import app
from evallib.cli.publications import add_commands

add_commands(app)

__all__ = ["app"]
