"""Open a publication's file, whatever its ending says, or tell why it cannot be read."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from pyarrow import ArrowException
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from evallib.errors import DataError, Fault
from evallib.panel.importers.formulas import blank_formulas
from evallib.panel.reading import read_text_table
from evallib.plan import shown_path

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SECTOR = 512  # such a file is a whole number of sectors
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# The first record of an .xls workbook, then (write protection and) the one that holds a password.
_PASSWORD_RECORD = re.compile(rb"\x09\x08\x10\x00.{16}(?:\x86\x00\x00\x00)?\x2f\x00", re.DOTALL)
_AGAIN = "Fetch the file again from its publisher"


@dataclass(frozen=True)
class OpenFile:
    """A publication's file that could be opened.

    Parameters
    ----------
    path : Path
        Where it lies.
    label : str
        How messages name it.
    book : CalamineWorkbook or None
        The workbook (.ods, .xlsx, .xls); None for a text or Parquet table.
    table : pandas.DataFrame or None
        The table, index being the row's number in the file; None for a workbook.
    """

    path: Path
    label: str
    book: CalamineWorkbook | None
    table: pd.DataFrame | None

    @cached_property
    def sheets(self) -> tuple[str, ...]:
        """Names of the sheets; empty for a text or Parquet table."""
        return tuple(self.book.sheet_names) if self.book else ()

    def rows(self, sheet: str) -> list[list[object]]:
        """Return the cells of a sheet from A1 on."""
        with _told_as_damage(self.label):
            cells = self._book().get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            return [list(row) for row in cells]

    def merged(self, sheet: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Return the merged ranges of a sheet as (row, column) from 0; none known for .ods."""
        with _told_as_damage(self.label):
            return list(self._book().get_sheet_by_name(sheet).merged_cell_ranges or [])

    def blank_formulas(self, sheet: str) -> frozenset[tuple[int, int]]:
        """Return (row, column) from 0 of formulas whose result is not stored in the file."""
        with _told_as_damage(self.label):
            return blank_formulas(self.path, sheet)

    def _book(self) -> CalamineWorkbook:
        if self.book is None:
            raise DataError([Fault(self.label, "is not a workbook", "", _AGAIN)])
        return self.book


def open_file(path: Path) -> OpenFile:
    """Open a file by what it holds, not by its ending.

    Parameters
    ----------
    path : Path
        A workbook (.ods, .xlsx, .xls), a CSV file or a Parquet file.

    Returns
    -------
    OpenFile
        The file, readable.

    Raises
    ------
    DataError
        If it is missing, empty, cut off, protected by a password or of no kind that is known:
        one fault.
    """
    label = shown_path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _cannot(label, "the file does not exist", "Mend the path") from None
    except OSError as error:
        raise _cannot(label, f"cannot be read ({error.strerror})", "Mend the path") from None
    if not content:
        raise _cannot(label, "the file is empty", _AGAIN)
    if content.startswith(b"PAR1"):
        return OpenFile(path, label, None, _parquet(content, label))
    if content.startswith((b"PK", _OLE)):
        return OpenFile(path, label, _workbook(content, label), None)
    if content.lstrip()[:1] == b"<":
        what = "is a web page or an XML file, not the publication"
        raise _cannot(label, what, _AGAIN + ": the address may have led to a page")
    return OpenFile(path, label, None, read_text_table(path, label))


def _workbook(content: bytes, label: str) -> CalamineWorkbook:
    if _is_protected(content):
        raise _protected(label)
    if content.startswith(_OLE) and len(content) % _SECTOR:
        raise _cannot(label, "is cut off: its length is not that of an .xls file", _AGAIN)
    with _told_as_damage(label):
        return CalamineWorkbook.from_filelike(io.BytesIO(content))


@contextmanager
def _told_as_damage(label: str) -> Iterator[None]:
    """Turn what a reader of workbooks raises into a fault."""
    try:
        yield
    except PasswordError:
        raise _protected(label) from None
    except (CalamineError, zipfile.BadZipFile, zlib.error, OSError, ValueError) as error:
        what = f"is damaged or cut off and cannot be opened as a workbook ({_short(error)})"
        raise _cannot(label, what, _AGAIN) from None


def _is_protected(content: bytes) -> bool:
    if content.startswith(_OLE):
        return _ENCRYPTED in content or _PASSWORD_RECORD.search(content) is not None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = "META-INF/manifest.xml"
            return name in archive.namelist() and b"encryption-data" in archive.read(name)
    except (zipfile.BadZipFile, OSError):
        return False


def _parquet(content: bytes, label: str) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = pq.read_table(io.BytesIO(content)).to_pandas()
    except (ArrowException, OSError, ValueError) as error:
        what = f"is damaged or cut off and cannot be read as Parquet ({_short(error)})"
        raise _cannot(label, what, _AGAIN) from None
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="row"))


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120].rstrip(". ")


def _cannot(label: str, what: str, remedy: str) -> DataError:
    return DataError([Fault(label, what, "", remedy)])


def _protected(label: str) -> DataError:
    what = "the workbook is protected by a password"
    remedy = "Open it with the password, save it without one and import that copy"
    return _cannot(label, what, remedy)
