"""CSV files that a spreadsheet program opens without running anything in them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_RISKY_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutralise(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet program would read as a formula.

    Parameters
    ----------
    value : object
        One cell. Only text is changed: a negative number stays a number.

    Examples
    --------
    >>> neutralise("=1+1"), neutralise(-1.5), neutralise("Kent")
    ("'=1+1", -1.5, 'Kent')
    """
    if isinstance(value, str) and value.startswith(_RISKY_STARTS):
        return f"'{value}"
    return value


def safe_csv_text(frame: pd.DataFrame) -> str:
    """Return a table as CSV text: text cells and headers neutralised, numbers untouched.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table; its index is not written. A missing value becomes an empty field.

    Returns
    -------
    str
        CSV with a header row and lines that end in a line feed; floats at full precision.

    Examples
    --------
    >>> print(safe_csv_text(pd.DataFrame({"council": ["=x"], "change": [-0.1]})), end="")
    council,change
    '=x,-0.1
    """
    safe = pd.DataFrame(
        {position: _safe_column(frame.iloc[:, position]) for position in range(frame.shape[1])}
    )
    safe.columns = pd.Index([neutralise(str(name)) for name in frame.columns])
    return str(safe.to_csv(index=False, lineterminator="\n"))


def write_csv(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV in UTF-8, text cells neutralised and numbers at full precision.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table; its index is not written.
    path : pathlib.Path
        The file; its folder is made where it is not there.

    Returns
    -------
    pathlib.Path
        The file that was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(safe_csv_text(frame), encoding="utf-8", newline="")
    return path


def _safe_column(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column.reset_index(drop=True)
    cells = [neutralise(_as_text(value)) for value in column]
    return pd.Series(cells, dtype=object)


def _as_text(value: object) -> object:
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, (str, int, float)) or value is None or value is pd.NA:
        return value
    return str(value)
