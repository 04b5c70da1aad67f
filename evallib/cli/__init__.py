"""The command line: wiring only."""

from __future__ import annotations

from evallib.cli.before_outcomes import add_design_commands
from evallib.cli.codebook import add_command as add_codebook_command
from evallib.cli.commands import app
from evallib.cli.publications import add_commands
from evallib.cli.registers import add_register_commands
from evallib.cli.store import add_command as add_store_command

add_commands(app)
add_register_commands(app)
add_design_commands(app)
add_store_command(app)
add_codebook_command(app)

__all__ = ["app"]
