"""Running an evaluation: notebooks, folders, manifest."""

from __future__ import annotations
