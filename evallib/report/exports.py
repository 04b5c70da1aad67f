"""CSV files that a spreadsheet program opens without running anything in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.plan import shown_path

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


def write_texts(texts: Mapping[Path, str], *, replace: bool = False) -> list[Path]:
    """Write whole text files, or none of them.

    Parameters
    ----------
    texts : mapping of Path to str
        What each file is to hold.
    replace : bool
        Whether a file that differs may be overwritten.

    Returns
    -------
    list of Path
        The files, in order; those that were the same already are not touched.

    Raises
    ------
    DataError
        With one line a file that differs, or that cannot be written; nothing is written then.
    """
    faults = []
    for path, text in texts.items():
        if path.is_dir():
            faults.append(Fault(shown_path(path), "is a folder", "", "Name a file in it"))
        elif path.exists() and not replace and path.read_bytes() != text.encode("utf-8"):
            what = "is there already and differs"
            faults.append(Fault(shown_path(path), what, "", "Add --replace or name another"))
    if faults:
        raise DataError(faults)
    drafts = {}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.draft")
            drafts[path] = draft
            draft.write_text(text, encoding="utf-8", newline="\n")
        for path, draft in drafts.items():
            os.replace(draft, path)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        remedy = "Give a folder that can be written"
        raise DataError([Fault(shown_path(path), what, "", remedy)]) from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return list(texts)


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
