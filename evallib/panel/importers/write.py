"""Write an extract as a table with its sidecar: both or neither, and never over another."""

from __future__ import annotations

import datetime
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import yaml

from evallib.errors import DataError, Fault
from evallib.panel.importers.base import Source
from evallib.panel.importers.cells import EMPTY, MARKS
from evallib.panel.importers.gather import Extract
from evallib.panel.sidecars import OGL_ATTRIBUTION, Column, Sidecar, sha256_of, sidecar_path
from evallib.plan import shown_path

Accessed = datetime.date | Literal["not recorded"]

_NO_EMPTY = "No cell is empty."
_OUTCOME_COLUMNS = {
    "council_code": Column(
        description="Code of the council (nine characters, ONS form), as published",
        type="code",
        unit="none",
        missing=_NO_EMPTY,
    ),
    "fin_year": Column(
        description="Financial year that labels the figure, as 2015/16",
        type="financial year",
        unit="none",
        missing=_NO_EMPTY,
    ),
    "indicator": Column(
        description="Name of the measure, a row of indicators.csv",
        type="code",
        unit="none",
        missing=_NO_EMPTY,
    ),
    "value": Column(
        description="The figure as published, before corrections.csv",
        type="number",
        unit="by indicator: unit in indicators.csv",
        missing=f"{_NO_EMPTY} An absent row is a figure that was not published, never zero.",
    ),
}
_JUDGEMENT_COLUMNS = {
    "council_code": _OUTCOME_COLUMNS["council_code"],
    "framework": Column(
        description="Inspection framework of the judgement",
        type="category",
        unit="none",
        missing=_NO_EMPTY,
    ),
    "year": Column(
        description="Year in which the inspection started",
        type="calendar year",
        unit="none",
        missing=_NO_EMPTY,
    ),
    "judgement": Column(
        description="The judgement in the framework's own words",
        type="category",
        unit="none",
        missing=f"{_NO_EMPTY} An absent row: no judgement is recorded, which is not a good one.",
    ),
}


@dataclass(frozen=True, slots=True)
class Written:
    """What an import left in its folder.

    Parameters
    ----------
    table, sidecar : Path
        The files.
    is_new : bool
        False where both were there already, byte for byte.
    """

    table: Path
    sidecar: Path
    is_new: bool


def write_extract(
    extract: Extract,
    source: Source,
    inputs: Sequence[Path],
    folder: Path,
    *,
    accessed: Accessed = "not recorded",
    replace: bool = False,
) -> Written:
    """Write the table and its sidecar, both or neither.

    Parameters
    ----------
    extract : Extract
        What was read.
    source : Source
        The publication it was read from.
    inputs : sequence of Path
        Its files: their names and sha256 stand in the sidecar.
    folder : Path
        Where the table goes; made where it is not there.
    accessed : datetime.date or 'not recorded'
        The day on which the files were taken from their publisher.
    replace : bool
        Whether a file that differs may be overwritten.

    Returns
    -------
    Written
        The files.

    Raises
    ------
    DataError
        If a file is there that differs and `replace` is not given, or the folder cannot be
        written: nothing is changed then.
    """
    table = folder / f"{source.becomes}.csv"
    final = (table, sidecar_path(table))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise _not_written(folder, error) from error
    try:
        drafts = (draft / final[0].name, draft / final[1].name)
        drafts[0].write_text(table_text(extract.frame), encoding="utf-8", newline="\n")
        described = _sidecar(extract, source, inputs, drafts[0], accessed)
        drafts[1].write_text(described, encoding="utf-8", newline="\n")
        if all(_same(new, old) for new, old in zip(drafts, final, strict=True)):
            return Written(*final, is_new=False)
        _refuse_other(drafts, final, replace)
        if folder.exists():
            _exchange(drafts, final)
        else:
            draft.chmod(0o755)
            os.rename(draft, folder)
    except OSError as error:
        raise _not_written(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Written(*final, is_new=True)


def _exchange(drafts: tuple[Path, Path], final: tuple[Path, Path]) -> None:
    """Put both files in their place; put back what was there when one cannot be."""
    kept = {old: new.with_suffix(".kept") for new, old in zip(drafts, final, strict=True)}
    for old, copy in kept.items():
        if old.exists():
            shutil.copy2(old, copy)
    try:
        for new, old in zip(drafts, final, strict=True):
            os.replace(new, old)
    except OSError:
        for old, copy in kept.items():
            if copy.exists():
                os.replace(copy, old)
            else:
                old.unlink(missing_ok=True)
        raise


def write_frame(frame: pd.DataFrame, path: Path, *, replace: bool = False) -> None:
    """Write a frame as CSV, whole or not at all.

    Raises
    ------
    DataError
        If another file is there and `replace` is not given, or it cannot be written.
    """
    text = table_text(frame)
    try:
        if path.exists() and not replace and path.read_bytes() != text.encode():
            what = "is there already and differs"
            raise DataError([Fault(shown_path(path), what, "", "Add --replace or name another")])
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as draft:
            whole = Path(draft) / path.name
            whole.write_text(text, encoding="utf-8", newline="\n")
            os.replace(whole, path)
    except OSError as error:
        raise _not_written(path, error) from error


def table_text(frame: pd.DataFrame) -> str:
    """Return a table as CSV text, figures with the digits that the publication has.

    Examples
    --------
    >>> print(table_text(pd.DataFrame({"value": [36.7, 5.0]})), end="")
    value
    36.7
    5
    """
    shown = frame.copy()
    for name in shown.columns:
        if pd.api.types.is_float_dtype(shown[name]):
            shown[name] = [
                "" if v != v else repr(v).removesuffix(".0") for v in shown[name].tolist()
            ]
    text: str = shown.to_csv(index=False, lineterminator="\n")
    return text


def mark_lines(marks: Counter[str]) -> list[str]:
    """Return a line a mark: how often it stood for a missing figure and what it means."""
    return [
        f"{count:,} missing: {mark if mark == EMPTY else repr(mark)}"
        + (f" ({MARKS[mark]})" if mark in MARKS else "")
        for mark, count in sorted(marks.items())
    ]


def _sidecar(
    extract: Extract, source: Source, inputs: Sequence[Path], table: Path, accessed: Accessed
) -> str:
    columns = _OUTCOME_COLUMNS if source.shape == "outcomes" else _JUDGEMENT_COLUMNS
    sidecar = Sidecar(
        title=source.title,
        publisher=source.publisher,
        publication=source.publication,
        licence=source.licence,
        attribution=OGL_ATTRIBUTION,
        accessed=accessed,
        sha256=sha256_of(table),
        rows=len(extract.frame),
        columns=columns,
        notes=(
            *(f"Imported from {path.name}, sha256 {sha256_of(path)}." for path in inputs),
            *source.notes,
            *extract.notes,
            *mark_lines(extract.marks),
            *(f"{count:,} rows left out: {why}" for why, count in _sorted(extract.left_out)),
        ),
    )
    text: str = yaml.safe_dump(
        sidecar.model_dump(mode="python") | {"notes": list(sidecar.notes)},
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    return text


def _sorted(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items())


def _same(new: Path, old: Path) -> bool:
    return old.is_file() and new.read_bytes() == old.read_bytes()


def _refuse_other(drafts: tuple[Path, ...], final: tuple[Path, ...], replace: bool) -> None:
    others = [old for new, old in zip(drafts, final, strict=True) if _is_other(new, old)]
    if others and not replace:
        raise DataError(
            [
                Fault(
                    shown_path(old),
                    "is there already and differs from what was imported",
                    "An earlier vintage would be lost",
                    "Compare them with `evallib revisions`, then add --replace or name another "
                    "folder",
                )
                for old in others[:1]
            ]
        )


def _is_other(new: Path, old: Path) -> bool:
    return old.exists() and not _same(new, old)


def _not_written(folder: Path, error: OSError) -> DataError:
    what = f"cannot be written ({error.strerror or error})"
    return DataError([Fault(shown_path(folder), what, "", "Name another folder with --to")])
