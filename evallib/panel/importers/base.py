"""What a source is: where a publication is obtained, its layout, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evallib.panel.importers.gather import Extract
from evallib.panel.importers.layout import Layout
from evallib.panel.importers.opening import OpenFile


@dataclass(frozen=True, slots=True)
class Options:
    """How an import is done.

    Parameters
    ----------
    accept_layout : bool
        Whether a moved header and new columns are accepted and noted.
    data : Path
        The folder whose `councils.csv` and `code_changes.csv` date the codes of sources that use
        codes of their own.
    """

    accept_layout: bool
    data: Path


@dataclass(frozen=True, slots=True)
class Source:
    """A publication that can be imported.

    Parameters
    ----------
    name : str
        What the command takes.
    title, publisher, publication : str
        What becomes of it in the sidecar.
    obtained : str
        Where it is obtained.
    cadence : str
        How often it appears.
    formats : str
        What kind of file it is.
    becomes : str
        The table that is written, without its ending.
    shape : {'outcomes', 'judgements'}
        The schema of that table.
    layouts : tuple of Layout
        Where files of this source keep their tables: any one identifies it.
    read : callable
        Takes open files and options, returns the extract.
    licence : {'OGL-UK-3.0'}
        The terms of the publication.
    notes : tuple of str
        What a user of the figures must know.
    """

    name: str
    title: str
    publisher: str
    publication: str
    obtained: str
    cadence: str
    formats: str
    becomes: str
    layouts: tuple[Layout, ...]
    read: Callable[[Sequence[OpenFile], Options], Extract]
    shape: Literal["outcomes", "judgements"] = "outcomes"
    licence: Literal["OGL-UK-3.0"] = "OGL-UK-3.0"
    notes: tuple[str, ...] = ()
