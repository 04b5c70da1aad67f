"""The sources that can be imported, and reading files of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evallib.errors import DataError, Fault, did_you_mean
from evallib.panel.importers import (
    asc_explorer,
    defra_flytipping,
    defra_waste,
    dfe_lait,
    mhclg_revenue_outturn,
    ofsted_ilacs,
    ons_explore,
)
from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.gather import Extract
from evallib.panel.importers.layout import has_layout
from evallib.panel.importers.opening import OpenFile, open_file

SOURCES: dict[str, Source] = {
    module.SOURCE.name: module.SOURCE
    for module in (
        defra_waste,
        defra_flytipping,
        mhclg_revenue_outturn,
        dfe_lait,
        asc_explorer,
        ofsted_ilacs,
        ons_explore,
    )
}


def find_source(name: str) -> Source:
    """Return a source by its name.

    Raises
    ------
    DataError
        If there is none of that name.
    """
    if name in SOURCES:
        return SOURCES[name]
    what = f"is not a source.{did_you_mean(name, SOURCES)}"
    remedy = f"Take one of {', '.join(SOURCES)}; `evallib sources` describes them"
    raise DataError([Fault(name, what, "", remedy)])


def import_publication(source: Source, paths: Sequence[Path], options: Options) -> Extract:
    """Read files of a publication.

    Parameters
    ----------
    source : Source
        Which publication they are.
    paths : sequence of Path
        Its files; nothing is written.
    options : Options
        How the import is done.

    Returns
    -------
    Extract
        Codes and figures as published.

    Raises
    ------
    DataError
        If a file cannot be read, is another publication, has another layout or holds a cell that
        is neither a figure nor a known mark: every file's problems together.
    """
    files: list[OpenFile] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            file = open_file(path)
        except DataError as error:
            faults += error.faults
            continue
        other = _other_source(file, source)
        if other:
            what = f"is a file of {other}, not of {source.name}"
            remedy = f"Import it with `evallib import {other} ...`"
            faults.append(Fault(file.label, what, "", remedy))
        else:
            files.append(file)
    extract = None
    if files:
        try:
            extract = source.read(files, options)
        except DataError as error:
            faults += error.faults
    if faults or extract is None:
        raise DataError(faults)
    return extract


def _other_source(file: OpenFile, source: Source) -> str:
    """Return the other source whose file this is, empty where it is none or may be our own."""
    if any(has_layout(file, layout) for layout in source.layouts):
        return ""
    for other in SOURCES.values():
        if any(has_layout(file, layout) for layout in other.layouts):
            return other.name
    return ""
