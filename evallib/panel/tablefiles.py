"""Read one file of a folder of tables with the sidecar beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel import schemas
from evallib.panel.reading import read_text_table
from evallib.panel.sidecars import Sidecar, check_sidecar, sha256_of


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that was read, or what is wrong with it.

    Parameters
    ----------
    table : pandas.DataFrame or None
        The typed table; None when something is wrong with it.
    text : pandas.DataFrame or None
        The table as text where it was read but broke a rule.
    faults : tuple of Fault
        What is wrong with the table or its sidecar.
    notes : tuple of str
        Facts about the file that a report repeats.
    record : mapping or None
        file, sha256, rows, publisher, publication, licence, accessed, attribution; of a register
        that is declared complete, the declaration.
    """

    table: pd.DataFrame | None
    text: pd.DataFrame | None
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] | None = None


def read_table_file(
    folder: Path, name: str, spec: schemas.TableSpec, label: str, *, strict: bool
) -> TableFile:
    """Read, check and type one CSV table.

    Parameters
    ----------
    folder : Path
        The folder of tables.
    name : str
        The file within it, such as ``outcomes/waste.csv``.
    spec : TableSpec
        What the table must hold.
    label : str
        How messages name the folder.
    strict : bool
        Whether a sidecar must be there and its sha256 must agree.
    """
    path = folder / name
    try:
        text = read_text_table(path, f"{label}/{name}")
    except DataError as error:
        return TableFile(None, None, error.faults)
    digest = sha256_of(path)
    sidecar, faults, notes = check_sidecar(path, strict=strict, digest=digest)
    record = record_of(name, digest, len(text), sidecar)
    wrong = schemas.check_table(text, spec, f"{label}/{name}")
    if wrong:
        return TableFile(None, text, (*faults, *wrong), tuple(notes), record)
    return TableFile(schemas.typed(text, spec), None, tuple(faults), tuple(notes), record)


def record_of(name: str, digest: str, rows: int, sidecar: Sidecar | None) -> dict[str, Any]:
    """Return what the manifest says of a file that was read."""
    facts = sidecar.register if sidecar else None
    complete = facts.complete if facts else None
    declared = {"complete": complete.model_dump()} if complete is not None else {}
    return {
        **declared,
        "file": name,
        "sha256": digest,
        "rows": rows,
        "publisher": sidecar.publisher if sidecar else "not recorded",
        "publication": sidecar.publication if sidecar else "not recorded",
        "licence": sidecar.licence if sidecar else "not recorded",
        "accessed": str(sidecar.accessed) if sidecar else "not recorded",
        "attribution": sidecar.attribution if sidecar else "not recorded",
    }
