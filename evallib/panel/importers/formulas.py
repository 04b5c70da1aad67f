"""Find formulas whose result is not stored in the file: a reader takes them for empty cells."""

from __future__ import annotations

import re
import zipfile
from html import unescape
from pathlib import Path

_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*?(?:/>|>(.*?)</c>)', re.DOTALL)
_VALUE = re.compile(rb"<v\b|<is\b")
_SHEET = re.compile(rb"<sheet\b[^>]*>")
_RELATION = re.compile(rb"<Relationship\b[^>]*>")
_BLANK = re.compile(
    rb"<table:table-cell\b(?=[^>]*\btable:formula=)(?![^>]*\boffice:(?:string-|date-)?value)[^>]*>"
)
_PIECE = re.compile(
    rb"<table:table\b[^>]*>|</table:table>|</table:table-row>|<table:table-row\b[^>]*>"
    rb"|<table:(?:covered-)?table-cell\b[^>]*>"
)
_REPEATED = re.compile(rb'number-(?:rows|columns)-repeated="(\d+)"')


def blank_formulas(path: Path, sheet: str) -> frozenset[tuple[int, int]]:
    """Return the cells of a sheet that hold a formula without a stored result.

    Parameters
    ----------
    path : Path
        A workbook that can be opened. An .xls file stores a result with every formula.
    sheet : str
        The sheet's name.

    Returns
    -------
    frozenset of (int, int)
        Row and column from 0; empty where the file is no .xlsx or .ods workbook.
    """
    if not zipfile.is_zipfile(path):
        return frozenset()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "content.xml" in names:
            return _in_ods(archive.read("content.xml"), sheet)
        part = _part_of(archive, sheet)
        return _in_xlsx(archive.read(part)) if part in names else frozenset()


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return where an .xlsx file keeps a sheet, empty where it cannot be told."""
    try:
        tags = _SHEET.findall(archive.read("xl/workbook.xml"))
        links = _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels"))
    except KeyError:
        return ""
    found = [_attribute(tag, "r:id") for tag in tags if _attribute(tag, "name") == sheet]
    for link in links:
        if found and _attribute(link, "Id") == found[0]:
            target = _attribute(link, "Target")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return ""


def _attribute(tag: bytes, name: str) -> str:
    found = re.search(rb"\s" + name.encode() + rb'="([^"]*)"', tag)
    return unescape(found[1].decode("utf-8")) if found else ""


def _in_xlsx(content: bytes) -> frozenset[tuple[int, int]]:
    return frozenset(
        (int(row) - 1, _position(letters.decode()))
        for letters, row, inner in _CELL.findall(content)
        if b"<f" in inner and not _VALUE.search(inner)
    )


def _position(letters: str) -> int:
    position = 0
    for letter in letters:
        position = position * 26 + ord(letter) - 64
    return position - 1


def _in_ods(content: bytes, sheet: str) -> frozenset[tuple[int, int]]:
    if not _BLANK.search(content):
        return frozenset()
    found = set()
    inside, row, column, height = False, 0, 0, 1
    for piece in _PIECE.finditer(content):
        tag = piece.group()
        repeated = _REPEATED.search(tag)
        count = int(repeated[1]) if repeated else 1
        if tag.startswith((b"<table:table ", b"<table:table>")):
            inside, row = _attribute(tag, "table:name") == sheet, 0
        elif tag.startswith(b"<table:table-row"):
            column, height = 0, count
        elif tag == b"</table:table-row>":
            row += height
        elif inside and tag.startswith((b"<table:table-cell", b"<table:covered")):
            if _BLANK.match(tag):
                found |= {(row, column + step) for step in range(count)}
            column += count
    return frozenset(found)
