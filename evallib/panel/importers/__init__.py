"""Official publications as published: what can be imported, and how."""

from __future__ import annotations

from evallib.panel.importers.base import Options, Source
from evallib.panel.importers.gather import Extract
from evallib.panel.importers.registry import SOURCES, find_source, import_publication
from evallib.panel.importers.write import Written, write_extract

__all__ = [
    "SOURCES",
    "Extract",
    "Options",
    "Source",
    "Written",
    "find_source",
    "import_publication",
    "write_extract",
]
