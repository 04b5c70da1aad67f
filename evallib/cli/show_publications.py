"""Lines of text that the commands on publications print."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from evallib.errors import DataError, Fault
from evallib.panel.importers import (
    SOURCES,
    Options,
    find_source,
    import_publication,
    write_extract,
)
from evallib.panel.importers.write import Accessed, mark_lines, write_frame
from evallib.panel.revisions import compare_vintages, revision_lines
from evallib.plan.places import project_root, shown_path

_WIDTH = 100
_LICENCES = {"OGL-UK-3.0": "Crown copyright, Open Government Licence v3.0"}


def import_lines(
    source: str,
    files: Sequence[Path],
    folder: Path,
    *,
    accessed: str,
    replace: bool,
    accept: bool,
    data: str | None,
) -> Iterator[str]:
    """Import files and yield what was written, what is missing and what was left out."""
    kind = find_source(source)
    day = _accessed(accessed)
    options = Options(accept, Path(data) if data else project_root() / "data" / "raw")
    extract = import_publication(kind, files, options)
    written = write_extract(extract, kind, files, folder, accessed=day, replace=replace)
    frame = extract.frame
    councils = frame["council_code"].nunique()
    yield f"{len(frame):,} rows of {councils:,} councils, codes and figures as published"
    if "indicator" in frame:
        for indicator, rows in frame.groupby("indicator", sort=True):
            first, last = rows["fin_year"].min(), rows["fin_year"].max()
            yield f"  {indicator}: {len(rows):,}, {first} to {last}"
    yield from mark_lines(extract.marks)
    yield from (f"{count:,} rows left out: {why}" for why, count in extract.left_out.items())
    yield from (f"note: {note}" for note in extract.notes)
    state = "" if written.is_new else " (was there already, the same)"
    yield f"{shown_path(written.table)}{state}"


def source_lines() -> Iterator[str]:
    """Yield the sources, each with where it is obtained and what it becomes."""
    for name, source in SOURCES.items():
        yield name
        facts = (
            ("publication", f"{source.publisher}: {source.publication}"),
            ("obtained", source.obtained),
            ("files", source.formats),
            ("cadence", source.cadence),
            ("licence", _LICENCES[source.licence]),
            ("becomes", f"{source.becomes}.csv: {source.title}"),
            *(("note", note) for note in source.notes),
        )
        for word, text in facts:
            yield from textwrap.wrap(
                text,
                _WIDTH,
                initial_indent=f"  {word + ':':13}",
                subsequent_indent=" " * 15,
                break_long_words=False,
            )


def revisions_lines(old: Path, new: Path, to: Path | None, *, replace: bool) -> Iterator[str]:
    """Compare two vintages, write the revisions where asked to, and yield them in lines."""
    revisions = compare_vintages(old, new)
    if to is not None:
        write_frame(revisions.frame, to, replace=replace)
    yield from revision_lines(revisions)
    if to is not None:
        yield shown_path(to)


def _accessed(text: str) -> Accessed:
    if not text:
        return "not recorded"
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        what = f"'{text}' is not a date"
        raise DataError([Fault("--accessed", what, "", "Write it as 2025-01-31")]) from None
