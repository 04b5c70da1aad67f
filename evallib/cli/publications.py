"""The commands on official publications: import, sources, revisions, fetch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from evallib.cli.endings import ends_plainly

Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="A folder whose councils.csv dates the codes."),
]


@ends_plainly
def import_command(
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="See `evallib sources`.")
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Files as published.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where the table goes.")
    ] = None,
    guess: Annotated[
        str | None,
        typer.Option(
            "--guess",
            metavar="FILE",
            help="Propose the mapping of a table of your own: a file, or a database's URL.",
        ),
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="With --guess: the sheet.")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="With --guess: the table.")
    ] = None,
    accessed: Annotated[
        str,
        typer.Option("--accessed", metavar="DATE", help="Day the files were taken, YYYY-MM-DD."),
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite a table that differs.")
    ] = False,
    accept_layout: Annotated[
        bool, typer.Option("--accept-layout", help="Accept a moved header and new columns.")
    ] = False,
    data: Data = None,
) -> None:
    """Import official files as published, or map your own.

    With --guess, propose what to write in the plan for a table of your own.
    """
    if guess is not None:
        from evallib.cli.show_guess import guess_lines

        given = [("SOURCE", source), ("--accessed", accessed), ("--replace", replace)]
        _refuse([*given, ("--accept-layout", accept_layout)], "cannot stand beside --guess")
        for line in guess_lines(guess, sheet=sheet, table=table, folder=to, data=data):
            _say(line)
        return
    from evallib.cli.show_publications import import_lines

    _refuse([("--sheet", sheet), ("--table", table)], "is for --guess")
    if source is None or not files or to is None:
        lost = [("SOURCE", source is None), ("FILE", not files), ("--to", to is None)]
        remedy = "Write `evallib import SOURCE FILE... --to DIR`, or `evallib import --guess FILE`"
        _refuse(lost, "is missing", remedy)
        return
    for line in import_lines(
        source, files, to, accessed=accessed, replace=replace, accept=accept_layout, data=data
    ):
        _say(line)


def _refuse(
    given: Sequence[tuple[str, object]], what: str, remedy: str = "Leave one of them out"
) -> None:
    from evallib.errors import DataError, Fault

    faults = [Fault(f"evallib import, {name}", what, "", remedy) for name, here in given if here]
    if faults:
        raise DataError(faults)


@ends_plainly
def sources_command() -> None:
    """List the publications that can be imported.

    Where each is obtained, how often, its licence, what it becomes.
    """
    from evallib.cli.show_publications import source_lines

    for line in source_lines():
        _say(line)


@ends_plainly
def revisions_command(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A table, or a folder of tables.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The later vintage.")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write every revision as CSV.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the file.")] = False,
) -> None:
    """Compare two vintages: what was revised, by how much."""
    from evallib.cli.show_publications import revisions_lines

    for line in revisions_lines(old, new, to, replace=replace):
        _say(line)


@ends_plainly
def fetch_command(
    url: Annotated[str, typer.Argument(metavar="URL", help="The file's address.")],
    sha256: Annotated[str, typer.Option("--sha256", metavar="HASH", help="The file's sha256.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the file goes.")],
) -> None:
    """Fetch a publication and hold it to its sha256."""
    from evallib.panel.fetch import fetch_publication
    from evallib.plan.places import shown_path

    _say(shown_path(fetch_publication(url, sha256, to)))


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("import")(import_command)
    app.command("sources")(sources_command)
    app.command("revisions")(revisions_command)
    app.command("fetch")(fetch_command)


def _say(line: str) -> None:
    print(line, flush=True)
