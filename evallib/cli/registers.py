"""The commands on registers: list what is not known, check what was found out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evallib.cli.endings import ends_plainly

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's name or path.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter; may be repeated."),
]
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="A folder of the shape of data/raw."),
]
Replace = Annotated[bool, typer.Option("--replace", help="Overwrite a file that differs.")]


@ends_plainly
def gaps_command(
    plan: PlanName,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write the list to fill as CSV.")
    ] = None,
    set_: Overrides = None,
    holds: Annotated[
        float | None,
        typer.Option(
            "--holds",
            metavar="SHARE",
            min=0.05,
            max=1.0,
            help="Share of all events that the register holds, in place of published totals.",
        ),
    ] = None,
    replace: Replace = False,
    data: Data = None,
) -> None:
    """List councils whose exposure is not known.

    The one that narrows the headline most comes first.
    """
    from evallib.cli.show_registers import gaps_lines

    for line in gaps_lines(plan, set_ or (), to, holds, replace=replace, data=data):
        _say(line)


@ends_plainly
def check_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A completed list, or rows for a register.")
    ],
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="PLAN", help="Say what would change in this evaluation."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write the rows in the register's schema."),
    ] = None,
    set_: Overrides = None,
    replace: Replace = False,
    data: Data = None,
) -> None:
    """Check a completed list, or rows of a register.

    Every problem at once, and what would change.
    """
    from evallib.cli.show_registers import check_lines

    for line in check_lines(file, plan, set_ or (), to, replace=replace, data=data):
        _say(line)


def add_register_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("register-gaps")(gaps_command)
    app.command("register-check")(check_command)


def _say(line: str) -> None:
    print(line, flush=True)
