"""How results show themselves in a notebook: a line, and the first rows of their frame."""

from __future__ import annotations

from html import escape

import pandas as pd

ROWS = 10


def shown(line: str, frame: pd.DataFrame, rows: int = ROWS) -> str:
    """Return a line and the first rows of a frame as escaped HTML.

    Parameters
    ----------
    line : str
        What the object is.
    frame : pandas.DataFrame
    rows : int
        No more are shown; a line under them then says of how many.

    Examples
    --------
    >>> shown("one <b>", pd.DataFrame({"a": [1]}))[:20]
    '<p>one &lt;b&gt;</p>'
    """
    with pd.option_context("display.max_colwidth", None):
        table = frame.head(rows).to_html(index=False, border=0)
    more = f"<p>The first {rows} of {len(frame):,} rows of frame</p>" if len(frame) > rows else ""
    return f"<p>{escape(line)}</p>{table}{more}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, which takes an s unless there is one.

    Examples
    --------
    >>> counted(1, "outcome"), counted(1200, "council")
    ('1 outcome', '1,200 councils')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"
