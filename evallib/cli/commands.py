"""The commands: each loads what it needs when it runs, so that help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from evallib.cli.endings import BAD_INPUT, NOTEBOOK_FAILED, ends_plainly

app = typer.Typer(
    name="evallib",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's name or path.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter; may be repeated."),
]
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="A folder of the shape of data/raw."),
]
Out = Annotated[str | None, typer.Option("--out", metavar="DIR", help="The folder of all outputs.")]


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Evaluate what changed in English councils after a programme or an intervention."""
    if version:
        from importlib.metadata import version as version_of

        _say(f"evallib {version_of('evallib')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        _say(context.get_help())
        raise typer.Exit(BAD_INPUT)


@app.command("run")
@ends_plainly
def run_command(plan: PlanName, set_: Overrides = None, data: Data = None, out: Out = None) -> None:
    """Check a plan, run its notebooks and write its report.

    Where something is wrong with what was given, nothing is written.
    """
    from evallib.run.pipeline import run_file

    finished = run_file(plan, set_ or (), data=data, out=out, say=_say)
    if not finished.is_whole:
        _say("Not every notebook ended well: the report says which, and where it got to.")
    _say(str(finished.report))
    if not finished.is_whole:
        raise typer.Exit(NOTEBOOK_FAILED)


@app.command("list")
@ends_plainly
def list_command(out: Out = None) -> None:
    """List the plans, and the runs with their identifiers."""
    from evallib.cli.show import plan_lines, run_lines

    for line in [*plan_lines(), "", *run_lines(out)]:
        _say(line)


@app.command("params")
@ends_plainly
def params_command(
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema.")] = False,
) -> None:
    """Print every parameter of plans.

    With type, unit, allowed values, default and help.
    """
    from evallib.cli.show import parameter_lines, schema_lines

    for line in schema_lines() if schema else parameter_lines():
        _say(line)


@app.command("validate")
@ends_plainly
def validate_command(plan: PlanName, set_: Overrides = None, data: Data = None) -> None:
    """Check a plan, its data and its notebooks.

    All problems are told together.
    """
    from evallib.run.check import load_and_check

    checked = load_and_check(plan, set_ or (), data)
    number = len(checked.plan.outcomes)
    counted = "1 outcome" if number == 1 else f"{number} outcomes"
    _say(f"{checked.plan.name} is ready to run: {counted}.")
    for note in (*checked.notes, *checked.sample_words):
        _say(f"note: {note}")
    if checked.lock is not None:
        _say(f"locked on {checked.lock.locked}: {len(checked.deviations)} deviations since")
    for one in checked.deviations:
        _say(f"deviation: {one.key}: {one.locked} in the lock, {one.now} now ({one.how})")


@app.command("new")
@ends_plainly
def new_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new plan's name.")],
) -> None:
    """Write a new plan from a commented template."""
    from evallib.plan.new import create_plan
    from evallib.plan.places import shown_path

    _say(shown_path(create_plan(name)))


@app.command("council")
@ends_plainly
def council_command(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A council's code.")],
    data: Data = None,
) -> None:
    """Show what the tables hold for one council.

    Events, figures beside those of its type, gaps.
    """
    from evallib.cli.show import council_lines
    from evallib.panel import open_store
    from evallib.run.council import council_profile

    for line in council_lines(council_profile(open_store(data), code)):
        _say(line)


def _say(line: str) -> None:
    print(line, flush=True)
