"""Every raw table has a description beside it that is true of its bytes and columns."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from evallib.errors import DataError
from evallib.panel.sidecars import (
    OGL_ATTRIBUTION,
    check_sidecar,
    read_sidecar,
    sha256_of,
    sidecar_path,
)

RAW = Path(__file__).resolve().parents[1] / "data" / "raw"
TABLES = sorted(RAW.rglob("*.csv"))


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def waste(tmp_path: Path) -> Path:
    """A small table and a sidecar that is true of it."""
    table = tmp_path / "waste.csv"
    table.write_bytes((RAW / "outcomes" / "waste.csv").read_bytes()[:200])
    content = yaml.safe_load(sidecar_path(RAW / "outcomes" / "waste.csv").read_text("utf-8"))
    write(table, {**content, "sha256": sha256_of(table)})
    return table


def write(table: Path, content: dict[str, Any]) -> None:
    sidecar_path(table).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def change(table: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = yaml.safe_load(sidecar_path(table).read_text(encoding="utf-8"))
    edit(content)
    write(table, content)


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_raw_table_agrees_with_its_sidecar(table: Path) -> None:
    sidecar, faults, notes = check_sidecar(table, strict=True)
    assert faults == []
    assert notes == []
    assert sidecar is not None
    header, *body = rows_of(table)
    assert list(sidecar.columns) == header
    assert sidecar.rows == len(body)
    assert (sidecar.attribution == OGL_ATTRIBUTION) == (sidecar.licence == "OGL-UK-3.0")


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_sidecar_says_whether_cells_are_empty(table: Path) -> None:
    header, *body = rows_of(table)
    for place, (name, column) in enumerate(read_sidecar(sidecar_path(table)).columns.items()):
        has_empty_cells = any(row[place] == "" for row in body)
        assert column.missing.startswith("No cell is empty") != has_empty_cells, name


def test_no_sidecar_without_a_table() -> None:
    described = {path.with_name(path.name.removesuffix(".meta.yml")) for path in RAW.rglob("*.yml")}
    assert described == {path.with_suffix("") for path in TABLES}


@pytest.mark.parametrize("strict", [True, False])
def test_a_changed_byte_is_found(waste: Path, strict: bool) -> None:
    assert check_sidecar(waste, strict=strict)[1:] == ([], [])
    waste.write_bytes(waste.read_bytes().replace(b"467.4", b"467.5"))
    sidecar, faults, notes = check_sidecar(waste, strict=strict)
    assert sidecar is not None
    assert (len(faults), len(notes)) == ((1, 0) if strict else (0, 1))
    said = str(faults[0]) if strict else notes[0]
    assert "waste.csv" in said
    assert sidecar.sha256[:12] in said
    assert sha256_of(waste)[:12] in said
    assert ("--data" in said) == strict


@pytest.mark.parametrize("strict", [True, False])
def test_a_missing_sidecar(waste: Path, strict: bool) -> None:
    sidecar_path(waste).unlink()
    sidecar, faults, notes = check_sidecar(waste, strict=strict)
    assert sidecar is None
    assert (len(faults), len(notes)) == ((1, 0) if strict else (0, 1))


def test_a_missing_table_is_a_fault(tmp_path: Path) -> None:
    sidecar, faults, _ = check_sidecar(tmp_path / "gone.csv", strict=False)
    assert sidecar is None
    assert "gone.csv" in str(faults[0])


MALFORMED = {
    "not_utf8": (b"title: caf\xe9\n", "UTF-8"),
    "not_yaml": (b"title: [a\npublisher: b\n", "line 2"),
    "impossible_date": (b"accessed: 2024-13-45\n", "not valid"),
    "control_character": (b"title: a\x00b\n", "not valid"),
    "empty": (b"", "no keys"),
    "a_list": (b"- a\n- b\n", "list of keys"),
}


@pytest.mark.parametrize(("content", "words"), MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("strict", [True, False])
def test_a_malformed_sidecar_is_one_fault(
    waste: Path, content: bytes, words: str, strict: bool
) -> None:
    sidecar_path(waste).write_bytes(content)
    sidecar, faults, _ = check_sidecar(waste, strict=strict)
    assert sidecar is None
    assert len(faults) == 1
    assert "waste.meta.yml" in faults[0].where
    assert words in str(faults[0])


EDITS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "missing_key": (lambda c: c.pop("licence"), "'licence' is missing"),
    "misspelt_key": (lambda c: c.update(publishers="x"), "Did you mean 'publisher'?"),
    "unknown_licence": (lambda c: c.update(licence="mine"), "'licence' is 'mine'"),
    "wrong_digest": (lambda c: c.update(sha256="abc"), "'sha256'"),
    "negative_rows": (lambda c: c.update(rows=-1), "'rows' is -1"),
    "accessed_in_words": (lambda c: c.update(accessed="last May"), "2025-01-31"),
    "empty_title": (lambda c: c.update(title=" "), "'title'"),
    "column_key": (lambda c: c["columns"]["value"].update(units="kg"), "Did you mean 'unit'?"),
    "columns_not_a_mapping": (lambda c: c.update(columns=["value"]), "'columns'"),
    "numeric_column_name": (lambda c: c["columns"].update({7: {}}), "7"),
}


@pytest.mark.parametrize(("edit", "words"), EDITS.values(), ids=EDITS)
def test_a_wrong_key_is_named_with_its_remedy(
    waste: Path, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    change(waste, edit)
    with pytest.raises(DataError) as caught:
        read_sidecar(sidecar_path(waste))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value.faults[0])


def test_every_wrong_key_is_named_at_once(waste: Path) -> None:
    change(waste, lambda c: c.update(rows="many", licence="mine", accessed="never"))
    with pytest.raises(DataError) as caught:
        read_sidecar(sidecar_path(waste))
    assert len(caught.value.faults) == 3


def test_a_date_of_access_is_read_as_a_date(waste: Path) -> None:
    change(waste, lambda c: c.update(accessed="2025-01-31"))
    assert str(read_sidecar(sidecar_path(waste)).accessed) == "2025-01-31"
