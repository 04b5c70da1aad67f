"""Councils by financial year: loading, checking and building."""

from evallib.panel.build import Panel, build_panel, open_store
from evallib.panel.store import Store, load_store

__all__ = ["Panel", "Store", "build_panel", "load_store", "open_store"]
