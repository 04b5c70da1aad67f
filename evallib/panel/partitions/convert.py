"""Write a folder of tables as a store of partitioned Parquet, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import yaml
from pyarrow import parquet

from evallib.errors import DataError, Fault
from evallib.panel.loading import load_tables
from evallib.panel.partitions.files import PREFIX
from evallib.panel.sidecars import Column, Sidecar, read_sidecar, sha256_of, sidecar_path
from evallib.plan import shown_path

_NO_EMPTY = "No cell is empty."
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_COLUMNS = {
    "council_code": ("Code of the council (nine characters, ONS form), as published", "code"),
    "fin_year": ("Financial year that labels the figure, as 2015/16", "financial year"),
    "value": ("The figure as published, before corrections.csv", "number"),
    "file": ("The table that the row was written from, as corrections.csv names it", "text"),
}


@dataclass(slots=True)
class Counts:
    """What a folder holds.

    Parameters
    ----------
    figures, tables, files : int
        Figures, tables of figures that were read, Parquet files that were written.
    indicators : set of str
        Their indicators.
    """

    figures: int = 0
    tables: int = 0
    files: int = 0
    indicators: set[str] = field(default_factory=set)


def check_folder(folder: Path) -> Counts:
    """Check every table of a folder whole, those in partitions too.

    Parameters
    ----------
    folder : Path
        A folder of the shape of ``data/raw``.

    Returns
    -------
    Counts
        What it holds.

    Raises
    ------
    DataError
        With one line a problem, over all tables.
    """
    return _through(folder, None)


def convert_folder(folder: Path, target: Path, *, replace: bool = False) -> Counts:
    """Write a folder's figures as partitioned Parquet, its other tables as they are.

    Everything is checked before anything is seen at `target`: figures go to
    ``outcomes/indicator=NAME/TABLE.parquet`` as published, each file with a sidecar.

    Parameters
    ----------
    folder : Path
        A folder of the shape of ``data/raw``.
    target : Path
        Where the store goes.
    replace : bool
        Whether a store that is there is exchanged.

    Returns
    -------
    Counts
        What was written.

    Raises
    ------
    DataError
        When a table is wrong, when `target` is there and is not to be replaced, or when it cannot
        be written: nothing is changed then.
    """
    folder, target = folder.resolve(), target.absolute()
    _refuse(folder, target, replace=replace)
    with _draft(target) as draft:
        counts = _through(folder, draft)
        _copy_rest(folder, draft)
        _exchange(draft, target)
    return counts


def _through(folder: Path, draft: Path | None) -> Counts:
    """Check a folder table by table; write each table's partitions where there is a draft."""
    counts = Counts()

    def each(name: str, table: pd.DataFrame) -> None:
        counts.figures += len(table)
        counts.tables += 1
        counts.indicators |= set(table["indicator"].unique())
        if draft is not None:
            counts.files += _write_table(folder, name, table, draft)

    label = shown_path(folder)
    if not folder.is_dir():
        remedy = "Give a folder of the shape of data/raw"
        raise DataError([Fault(label, "the data folder does not exist", "", remedy)])
    found = load_tables(folder, strict=False, label=label, each=each)
    if found.partitions is not None:
        figures, files = found.partitions.check()
        counts.figures += figures
        counts.tables += files
        counts.files += files if draft is not None else 0
        counts.indicators |= set(found.partitions.names)
    return counts


def _write_table(folder: Path, name: str, table: pd.DataFrame, draft: Path) -> int:
    path = folder / name
    before, after = _sidecar_text(path, name)
    parts = table.groupby("indicator", sort=True)
    for indicator, rows in parts:
        place = draft / "outcomes" / f"{PREFIX}{indicator}" / f"{path.stem}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        figures = pa.table(
            {
                "council_code": pa.array(rows["council_code"], pa.string()),
                "fin_year": pa.array(rows["fin_year"], pa.string()),
                "value": pa.array(rows["value"], pa.float64()),
                "file": pa.array([name] * len(rows), pa.string()),
            }
        )
        parquet.write_table(figures, place, compression="zstd", write_page_checksum=True)
        facts = f'sha256: "{sha256_of(place)}"\nrows: {len(rows)}\n'
        sidecar_path(place).write_text(before + facts + after, encoding="utf-8")
    return len(parts)


def _sidecar_text(path: Path, name: str) -> tuple[str, str]:
    """Return the sidecar of a table's partitions, before and after its sha256 and rows."""
    beside = sidecar_path(path)
    source = read_sidecar(beside) if beside.is_file() else None
    described = dict(source.columns) if source else {}
    columns = {
        column: described.get(column)
        or Column(
            description=what,
            type=kind,
            unit="by indicator: unit in indicators.csv" if column == "value" else "none",
            missing=_NO_EMPTY,
        )
        for column, (what, kind) in _COLUMNS.items()
    }
    digest = sha256_of(path)
    whole = Sidecar(
        title=source.title if source else f"Figures of {name}",
        publisher=source.publisher if source else "not recorded",
        publication=source.publication if source else "not recorded",
        licence=source.licence if source else "not recorded",
        attribution=source.attribution if source else "not recorded",
        accessed=source.accessed if source else "not recorded",
        sha256=digest,
        rows=0,
        columns=columns,
        notes=(*(source.notes if source else ()), f"Written from {name}, sha256 {digest}."),
    ).model_dump()
    keys = list(whole)
    first, last = keys[: keys.index("sha256")], keys[keys.index("columns") :]
    return _yaml({key: whole[key] for key in first}), _yaml({key: whole[key] for key in last})


def _yaml(content: dict[str, object]) -> str:
    plain = {
        key: list(value) if isinstance(value, tuple) else value for key, value in content.items()
    }
    text: str = yaml.dump(plain, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=100)
    return text


def _copy_rest(folder: Path, draft: Path) -> None:
    """Copy what is not a CSV table of figures: byte for byte, sidecars too."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            shutil.copy2(path, draft / path.name)
    for path in sorted((folder / "outcomes").iterdir()):
        if path.is_dir() and path.name.startswith(PREFIX):
            shutil.copytree(path, draft / "outcomes" / path.name)


def _refuse(folder: Path, target: Path, *, replace: bool) -> None:
    """Refuse a target that would swallow the source, or that is there and may not be replaced."""
    where = shown_path(target)
    real = target.resolve()
    if folder == real or folder in real.parents or real in folder.parents:
        what = "is the folder of the tables, or lies in it or around it"
        raise DataError([Fault(where, what, "", "Name a folder of its own with --to")])
    if not target.exists():
        return
    if not replace:
        raise DataError([Fault(where, "is there already", "", "Add --replace or name another")])
    outcomes = target / "outcomes"
    if not (target / "councils.csv").is_file() or not any(outcomes.glob(f"{PREFIX}*")):
        what = "is not a store with figures in partitions"
        why = "Whatever it is would be lost"
        raise DataError([Fault(where, what, why, "Name another folder with --to")])


@contextlib.contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Yield a folder beside the target to write in; it is removed when something goes wrong."""
    old = _old(target)
    draft = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if old.exists() and not target.exists():  # a kill came between two renames
            os.rename(old, target)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        (draft / "outcomes").mkdir()
        yield draft
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        remedy = "Make room there, or name another folder with --to"
        raise DataError([Fault(shown_path(target), what, "", remedy)]) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def _exchange(draft: Path, target: Path) -> None:
    draft.chmod(0o755)
    old = _old(target)
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(target, old)
    try:
        os.rename(draft, target)
    except BaseException:
        if old.exists():
            os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
