"""Tables that pandas drew itself, rebuilt with caption and scope."""

from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd

from evallib.report.tables import Table


def is_pandas_table(html: str) -> bool:
    """Return whether a fragment is the table that pandas shows for a frame."""
    return '<table border="1" class="dataframe' in html


class _Cells(HTMLParser):
    """Collects the cells of every table row, merged header cells told apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.header_rows = 0
        self.is_merged = False
        self._in_head = False
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "thead":
            self._in_head = True
        elif tag == "tr":
            self.rows.append([])
            self.header_rows += self._in_head
        elif tag in ("td", "th") and self.rows:
            self._in_cell = True
            self.rows[-1].append("")
            self.is_merged |= any(name in ("colspan", "rowspan") for name, _value in attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "thead":
            self._in_head = False
        elif tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def rebuild_pandas_table(html: str, caption: str) -> Table | None:
    """Return the table that pandas drew as a `Table`; None where it has merged cells.

    Parameters
    ----------
    html : str
        What pandas writes for a frame.
    caption : str
        Caption, since pandas has none.

    Returns
    -------
    Table or None
        The same cells as text; columns whose cells are all numbers are numbers.
    """
    reader = _Cells()
    reader.feed(html)
    reader.close()
    rows = reader.rows[reader.header_rows :]
    if reader.is_merged or reader.header_rows != 1 or not rows:
        return None
    names = [text.strip() or f"Row {place}" for place, text in enumerate(reader.rows[0])]
    names[0] = reader.rows[0][0].strip() or "Row"
    if len(set(names)) != len(names) or any(len(row) != len(names) for row in rows):
        return None
    frame = pd.DataFrame(rows, columns=pd.Index(names))
    digits: dict[str, int] = {}
    for name in names:
        numbers = pd.to_numeric(frame[name].replace("NaN", None), errors="coerce")
        is_blank = frame[name].isin(["NaN", "None", "<NA>", ""])
        if numbers.notna().any() and (numbers.notna() | is_blank).all():
            digits[name] = max(_digits(text) for text in frame[name])
            frame[name] = numbers
    if digits and list(frame[names[0]]) == list(range(len(frame))):
        frame[names[0]] = frame[names[0]].astype(int)
    return Table(frame, caption, decimals=digits, labels={name: name for name in names})


def _digits(text: str) -> int:
    return len(text.partition(".")[2]) if "." in text and "e" not in text else 0
