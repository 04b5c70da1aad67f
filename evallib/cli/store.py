"""The command on whole folders of tables: check them, write them as partitioned Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evallib.cli.endings import ends_plainly


@ends_plainly
def store_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of the shape of data/raw.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Write the figures there as partitioned Parquet."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Exchange a store there.")] = False,
) -> None:
    """Check a folder of tables, and store its figures.

    Every table is checked whole; with --to, figures are kept as partitioned Parquet.
    """
    from evallib.panel.partitions.convert import check_folder, convert_folder
    from evallib.plan import shown_path

    counts = check_folder(folder) if to is None else convert_folder(folder, to, replace=replace)
    _say(
        f"{counts.figures:,} figures of {len(counts.indicators):,} indicators "
        f"in {counts.tables:,} tables: all checks passed"
    )
    if to is not None:
        _say(f"{counts.files:,} Parquet files, each with a sidecar")
        _say(shown_path(to))


def add_command(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("store")(store_command)


def _say(line: str) -> None:
    print(line, flush=True)
