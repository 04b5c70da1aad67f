"""Find the Parquet files of every indicator, and read one as a checked table."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute, parquet

from evallib.errors import Fault, did_you_mean, first_five
from evallib.panel import schemas
from evallib.panel.sidecars import check_sidecar
from evallib.panel.tablefiles import record_of

PREFIX = "indicator="
_HIDDEN = (".", "_")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NEEDED = ("council_code", "fin_year", "value")
_MAGIC = b"PAR1"
_KEYS = schemas.TableSpec(
    {name: schemas.OUTCOMES.columns[name] for name in schemas.OUTCOMES.key},
    key=schemas.OUTCOMES.key,
)
_RESTORE = "Restore the file, or write the store again with `evallib store`"


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of an indicator.

    Parameters
    ----------
    indicator : str
        The indicator that its folder names.
    name : str
        The file within the folder of tables, such as
        ``outcomes/indicator=recycling_rate_pct/waste.parquet``.
    table : pyarrow.Table or None
        council_code, fin_year, indicator, value, file (the table that a row comes from: the
        file's column `file` where it has one); None when something is wrong. Empty text cells are
        empty text, empty figures are missing.
    faults : tuple of Fault
        What is wrong.
    notes : tuple of str
        Facts that a report repeats.
    record : mapping or None
        What the manifest says of the file.
    """

    indicator: str
    name: str
    table: pa.Table | None
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] | None = None

    @property
    def rows(self) -> int:
        """Rows of the table; none where it could not be read."""
        return 0 if self.table is None else int(self.table.num_rows)


def find_partitions(outcomes: Path, label: str) -> tuple[dict[str, str], list[Fault]]:
    """Return the folder of every indicator that lies in partitions, by their names alone.

    Parameters
    ----------
    outcomes : Path
        A folder that may hold folders ``indicator=NAME``; it need not exist.
    label : str
        How messages name it.

    Returns
    -------
    held : dict of str to str
        Folder by indicator, in order of their names.
    faults : list of Fault
        Folders that name no indicator, and Parquet files outside such a folder.
    """
    if not outcomes.is_dir():
        return {}, []
    held, odd = {}, []
    with os.scandir(outcomes) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.is_dir():
                name = entry.name.removeprefix(PREFIX)
                if _NAME.fullmatch(name):
                    held[name] = entry.path
                else:
                    odd.append(entry.name)
            elif entry.name.endswith(".parquet") or ("=" in entry.name and entry.is_dir()):
                odd.append(entry.name)
    faults = [
        Fault(
            f"{label}/{name}",
            "is not a folder indicator=NAME with a name in lower case with underscores",
            "Its figures would be left out without a sign of it",
            "Put Parquet files into such folders, or write the store with `evallib store`",
        )
        for name in sorted(odd)
    ]
    return dict(sorted(held.items())), faults


def part_files(folder: Path, where: str) -> tuple[list[Path], list[Fault]]:
    """Return the Parquet files of an indicator's folder, and what else lies there."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith(_HIDDEN))
    files = [path for path in entries if path.suffix == ".parquet" and path.is_file()]
    strange = [path.name for path in entries if path not in files]
    faults = []
    if strange:
        faults.append(
            Fault(
                where,
                f"holds {first_five(strange)}, which is not a Parquet file",
                "Its figures would be left out without a sign of it",
                "Keep Parquet files there alone; others may begin with _ or a dot",
            )
        )
    elif not files:
        faults.append(Fault(where, "holds no Parquet file", "It has no figures", _RESTORE))
    return files, faults


def read_part(path: Path, indicator: str, name: str, label: str, *, strict: bool) -> Part:
    """Read one Parquet file; `cell_faults` checks its cells.

    Parameters
    ----------
    path : Path
        The file.
    indicator : str
        The indicator that its folder names.
    name : str
        The file within the folder of tables.
    label : str
        How messages name that folder.
    strict : bool
        Whether a sidecar must be there and its sha256 must agree.

    Returns
    -------
    Part
        The table, or what is wrong with the file: not Parquet, cut off or damaged, columns that
        are missing or of another type.
    """
    where = f"{label}/{name}"
    try:
        raw = path.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        return Part(indicator, name, None, (Fault(where, what, "", "Put a readable file there"),))
    digest = hashlib.sha256(raw).hexdigest()
    sidecar, faults, notes = check_sidecar(path, strict=strict, digest=digest)
    table, wrong = _open(raw, where)
    if table is not None and not wrong:
        wrong = _wrong_columns(table, where)
    if table is None or wrong:
        return Part(indicator, name, None, (*faults, *wrong), tuple(notes))
    whole = _in_order(table, indicator, name)
    faults += _other_indicator(whole, indicator, where)
    record = record_of(name, digest, table.num_rows, sidecar)
    return Part(indicator, name, whole, tuple(faults), tuple(notes), record)


def _open(raw: bytes, where: str) -> tuple[pa.Table | None, list[Fault]]:
    """Return the content of a Parquet file, its pages held to their checksums."""
    why = "A table that is read wrongly gives a wrong number without a sign of it"
    if not raw:
        return None, [Fault(where, "the file is empty", why, _RESTORE)]
    if not raw.startswith(_MAGIC):
        return None, [Fault(where, "is not a Parquet file", why, _RESTORE)]
    if not raw.endswith(_MAGIC):
        return None, [Fault(where, "the file is cut off: its end is missing", why, _RESTORE)]
    try:
        file = parquet.ParquetFile(pa.BufferReader(raw), page_checksum_verification=True)
        table = file.read(use_threads=False)
        table.validate(full=True)
        return table, []
    except (pa.ArrowException, OSError, ValueError) as error:
        what = f"the Parquet file is damaged ({' '.join(str(error).split())[:100]})"
        return None, [Fault(where, what, why, _RESTORE)]


def _wrong_columns(table: pa.Table, where: str) -> list[Fault]:
    """Return columns that are missing, stand twice or hold another type of cell."""
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"the columns {', '.join(twice)} stand twice"
        why = "It is not known which of them is meant"
        return [Fault(where, what, why, "Keep one of each")]
    faults = [
        Fault(
            f"{where}, column {name}",
            f"is missing (the file has: {', '.join(names)}).{did_you_mean(name, names)}",
            "Every analysis reads this column by its name",
            "Add the column or mend its name",
        )
        for name in _NEEDED
        if name not in names
    ]
    for name in (*_NEEDED, "indicator", "file"):
        if name in names and not _fits(table.schema.field(name).type, name):
            need = "a double or an integer" if name == "value" else "text"
            faults.append(
                Fault(
                    f"{where}, column {name}",
                    f"is of the type {table.schema.field(name).type}, not {need}",
                    "Cells would be changed on reading",
                    "Write the column with that type",
                )
            )
    return faults


def _fits(kind: pa.DataType, name: str) -> bool:
    if name == "value":
        return bool(pa.types.is_float64(kind) or pa.types.is_integer(kind))
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))


def _in_order(table: pa.Table, indicator: str, name: str) -> pa.Table:
    """Return the columns that are read, as text and doubles; text has no missing cell."""
    columns = {
        "council_code": _text(table, "council_code", ""),
        "fin_year": _text(table, "fin_year", ""),
        "indicator": _text(table, "indicator", indicator),
        "value": table.column("value").cast(pa.float64(), safe=False),
        "file": _text(table, "file", name),
    }
    return pa.table(columns)


def _text(table: pa.Table, column: str, fallback: str) -> pa.ChunkedArray | pa.Array:
    if column not in table.column_names:
        return pa.repeat(pa.scalar(fallback, pa.large_string()), table.num_rows)
    cells = table.column(column).cast(pa.large_string())
    return compute.fill_null(cells, "") if cells.null_count else cells


def _other_indicator(table: pa.Table, indicator: str, where: str) -> list[Fault]:
    if compute.all(compute.equal(table["indicator"], indicator)).as_py() in (True, None):
        return []
    frame = frame_of(table)
    rows = frame[frame["indicator"] != indicator]
    return [
        Fault(
            f"{where}, column indicator, {schemas.place_of(rows, schemas.OUTCOMES.place)}",
            f"{first_five([repr(name) for name in rows['indicator'].unique()])} stands in the "
            f"folder {PREFIX}{indicator}",
            "It is not known which indicator is meant",
            f"Move the rows to their own folder, or write {indicator}",
        )
    ]


def are_cells_right(frame: pd.DataFrame) -> bool:
    """Return whether the figures of any files keep every rule of a table of figures."""
    return (
        bool(np.isfinite(frame["value"]).all())
        and not (frame["file"].drop_duplicates().str.strip() == "").any()
        and schemas.keeps_rules(frame, _KEYS)
    )


def cell_faults(part: Part, label: str) -> list[Fault]:
    """Return the faults of a file's cells: those that the same table as CSV would have.

    Empty cells, figures that are not numbers, codes and years of another form, rows that stand
    twice.
    """
    if part.table is None:
        return []
    where, frame = f"{label}/{part.name}", frame_of(part.table)
    faults = []
    nameless = frame[frame["file"].str.strip() == ""]
    if len(nameless):
        place = schemas.place_of(nameless, schemas.OUTCOMES.place)
        why = "Corrections name the table that a row comes from"
        faults.append(Fault(f"{where}, column file, {place}", "is empty", why, "Fill the cell"))
    cells = part.table.column("value").to_pylist()
    value = ["" if cell is None else repr(cell) for cell in cells]
    text = frame.assign(value=pd.Series(value, index=frame.index, dtype="str"))
    return faults + schemas.check_table(text, schemas.OUTCOMES, where)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return a file's rows as a frame, numbered from 1."""
    frame: pd.DataFrame = table.to_pandas()
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"))
