"""The commands that come before outcomes: look at the design, lock the plan."""

from __future__ import annotations

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


@ends_plainly
def design_command(plan: PlanName, set_: Overrides = None, data: Data = None) -> None:
    """Show a plan's sample and power before outcomes are read.

    Sample flow, cohorts, overlap and power; outcomes after exposure are not read.

    Prints to the screen; writes nothing.
    """
    from evallib.cli.show_design import design_lines

    for line in design_lines(plan, set_ or (), data):
        _say(line)


@ends_plainly
def lock_command(
    plan: PlanName,
    again: Annotated[
        bool,
        typer.Option("--again", help="Rename the existing lock and make a new one."),
    ] = False,
    data: Data = None,
) -> None:
    """Lock a plan with the hashes of its data.

    Later runs list every deviation from it.
    """
    from evallib.cli.show_design import lock_lines

    for line in lock_lines(plan, data, again=again):
        _say(line)


def add_design_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("design")(design_command)
    app.command("lock")(lock_command)


def _say(line: str) -> None:
    print(line, flush=True)
