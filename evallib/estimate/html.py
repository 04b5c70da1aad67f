"""Results as escaped HTML tables with captions and scoped headers."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd

SMALLEST = 0.0001


def html_table(frame: pd.DataFrame, caption: str, notes: Sequence[str]) -> str:
    """Return a frame as an escaped HTML table with a caption and scoped headers."""
    names = [str(name) for name in frame.columns]
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
    rows = []
    for values in frame.itertuples(index=False, name=None):
        first, *rest = (_cell(name, value) for name, value in zip(names, values, strict=True))
        cells = "".join(f"<td>{text}</td>" for text in rest)
        rows.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    under = "".join(f"<p>{html.escape(note)}</p>" for note in notes if note)
    return (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>{under}"
    )


def _cell(name: str, value: object) -> str:
    """Return a value as text: no p-value reads as zero, and small figures keep three digits."""
    if not isinstance(value, float):
        return html.escape(str(value))
    if np.isnan(value):
        return "not applicable"
    if name.endswith("p_value"):
        return f"below {SMALLEST}" if value < SMALLEST else f"{value:.4f}"
    if name.startswith("df") and value.is_integer():
        return f"{value:.0f}"
    return f"{value:.3g}" if 0 < abs(value) < 0.01 else f"{value:.4f}"
