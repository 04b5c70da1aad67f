"""The command that writes the codebook: wiring only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evallib.cli.endings import ends_plainly

CODEBOOK = Path("codebook.html")


@ends_plainly
def codebook_command(
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Where the page goes; codebook.html by default."),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write the data dictionary as Markdown."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite a file that differs.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DIR", help="A folder of the shape of data/raw."),
    ] = None,
) -> None:
    """Write the codebook of tables, columns and indicators.

    With licences and distributions.
    """
    from evallib.panel import open_store
    from evallib.panel.codebook import build_codebook
    from evallib.plan.places import shown_path
    from evallib.report.codebook import codebook_markdown, codebook_page
    from evallib.report.exports import write_texts

    book = build_codebook(open_store(data))
    texts = {}
    if to is not None or markdown is None:
        texts[to or CODEBOOK] = codebook_page(book)
    if markdown is not None:
        texts[markdown] = codebook_markdown(book)
    for path in write_texts(texts, replace=replace):
        print(shown_path(path), flush=True)


def add_command(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("codebook")(codebook_command)
