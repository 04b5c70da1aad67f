"""Read a CSV table as text, or say exactly what is wrong with the file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from evallib.errors import DataError, Fault

WHY_TEXT = "A table that is read wrongly gives a wrong number without a sign of it"


def read_text_table(path: Path, label: str) -> pd.DataFrame:
    """Read a CSV file as a frame of text, one column a field.

    Parameters
    ----------
    path : Path
        The file: UTF-8, comma separated, one header row, a line break after the last row.
    label : str
        How messages name the file.

    Returns
    -------
    pandas.DataFrame
        Every column as text; an empty cell is an empty string. The index is the line number in
        the file (the header is line 1; a quoted cell with a line break counts as one line).

    Raises
    ------
    DataError
        When the file is missing, is not UTF-8, holds NUL bytes, is empty, has a repeated column
        name, has rows of another width than the header, or seems cut off: all that apply.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            [Fault(label, "the file does not exist", "", "Restore it or name another folder")]
        ) from None
    except OSError as error:
        raise DataError(
            [Fault(label, f"cannot be read ({error.strerror})", "", "Put a readable file there")]
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(
            [
                Fault(
                    f"{label}, line {line}",
                    f"byte 0x{raw[error.start]:02x} is not UTF-8",
                    "Names and numbers would be garbled",
                    "Save the file again with the encoding UTF-8",
                )
            ]
        ) from None
    table = _parse_plain(raw)
    return _parse(text, label) if table is None else table


def _parse_plain(raw: bytes) -> pd.DataFrame | None:
    """Return the frame of a file that a fast reader cannot misread; None where it might.

    Such a file holds no NUL and no empty lines, ends with a line break, quotes whole cells or
    none, and has rows of one width under a header without quotes or repeats. Every other file is
    read by `_parse`, which also says what is wrong.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if not raw.endswith(b"\n") or raw.startswith(b"\n") or b"\n\n" in raw:
        return None
    if b"\r" in raw or b"\0" in raw or not _quotes_whole_cells(raw):
        return None
    header = raw[: raw.index(b"\n")].decode("utf-8").split(",")
    if len(set(header)) < len(header) or '"' in "".join(header):
        return None
    options = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.large_string()), strings_can_be_null=False
    )
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(raw),
            read_options=arrow_csv.ReadOptions(use_threads=False),
            convert_options=options,
        )
    except pa.ArrowInvalid:
        return None
    if table.column_names != header or table.num_rows != raw.count(b"\n") - 1:
        return None
    frame: pd.DataFrame = table.to_pandas()
    frame.index = pd.RangeIndex(2, len(frame) + 2, name="line")
    return frame


def _quotes_whole_cells(raw: bytes) -> bool:
    """Return whether every quote begins or ends a cell of one line, or is one of two in a cell."""
    if b'"' not in raw:
        return True
    cells = np.frombuffer(raw, dtype=np.uint8)
    quotes = np.flatnonzero(cells == ord('"'))
    if len(quotes) % 2 or quotes[0] == 0:  # the last byte is a line break
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before, after = cells[opening - 1], cells[closing + 1]
    bounds = np.frombuffer(b',\n"', dtype=np.uint8)
    if not (np.isin(before, bounds).all() and np.isin(after, bounds).all()):
        return False
    breaks = np.flatnonzero(cells == ord("\n"))
    return bool((np.searchsorted(breaks, opening) == np.searchsorted(breaks, closing)).all())


def _parse(text: str, label: str) -> pd.DataFrame:
    if not text.strip():
        raise DataError([Fault(label, "the file is empty", WHY_TEXT, "Restore the file")])
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(
            [
                Fault(
                    f"{label}, line {line}",
                    "holds NUL bytes",
                    "The file is damaged or is not text",
                    "Restore the file or save it again as CSV",
                )
            ]
        )
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(
            [
                Fault(
                    label,
                    f"is not a CSV file ({error})",
                    "A quoted cell that never ends swallows the rows after it",
                    "Restore the file: it may be cut off",
                )
            ]
        ) from None
    header, body = rows[0], rows[1:]
    faults: list[Fault] = []
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        faults.append(
            Fault(
                f"{label}, line 1",
                f"the columns {', '.join(repeated)} stand twice",
                "It is not known which of them is meant",
                "Keep one of each",
            )
        )
    lines = [number for number, row in enumerate(body, start=2) if row]
    body = [row for row in body if row]
    ragged = [n for n, row in zip(lines, body, strict=True) if len(row) != len(header)]
    cut_off = bool(body) and not text.endswith(("\n", "\r"))
    if cut_off or (ragged and ragged == lines[-1:]):
        faults.append(
            Fault(
                f"{label}, line {lines[-1]}",
                "the file seems cut off: its last line is not complete",
                "Rows may be missing and the last figure may have lost digits",
                "Restore the file; when the line is complete, end it with a line break",
            )
        )
    elif ragged:
        shown = ", ".join(str(number) for number in ragged[:5])
        more = f" and {len(ragged) - 5} more" if len(ragged) > 5 else ""
        faults.append(
            Fault(
                f"{label}, line {shown}{more}",
                f"has another number of cells than the header ({len(header)})",
                "Figures would slip into the wrong column",
                "Quote cells that hold a comma and leave no cell out",
            )
        )
    if faults:
        raise DataError(faults)
    return pd.DataFrame(body, columns=header, index=pd.Index(lines, name="line"), dtype=str)
