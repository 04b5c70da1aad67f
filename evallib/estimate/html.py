"""Results as escaped HTML tables with captions and scoped headers."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd


def html_table(frame: pd.DataFrame, caption: str, notes: Sequence[str]) -> str:
    """Return a frame as an escaped HTML table with a caption and scoped headers."""

    def cell(value: object) -> str:
        if isinstance(value, float):
            return "not applicable" if np.isnan(value) else f"{value:.4f}"
        return html.escape(str(value))

    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame.columns)
    rows = []
    for first, *rest in frame.itertuples(index=False, name=None):
        cells = "".join(f"<td>{cell(value)}</td>" for value in rest)
        rows.append(f'<tr><th scope="row">{cell(first)}</th>{cells}</tr>')
    under = "".join(f"<p>{html.escape(note)}</p>" for note in notes if note)
    return (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>{under}"
    )
