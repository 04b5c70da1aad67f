"""Read the figures of indicators when they are asked for, and remember what was read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault, first_five
from evallib.panel import schemas
from evallib.panel.codes import duplicated_figures, follow_table, unknown_codes
from evallib.panel.corrections import apply_corrections
from evallib.panel.figures import (
    COLUMNS,
    KEY,
    NOT_FOLLOWED,
    FigureRules,
    bad_years,
    flag_recast,
    undescribed_fault,
)
from evallib.panel.partitions.files import PREFIX, Part, part_files, read_part

_KEPT = 1_000_000  # figures kept in memory beside those that are in use

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """The figures of one indicator after all checks.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of `figures.COLUMNS`, sorted.
    inputs : tuple of mapping
        One a file that was read.
    notes : tuple of str
        Facts about the files.
    aside : tuple of (str, int)
        Table and rows of councils that merged into another in 2009.
    corrections : pandas.DataFrame
        The rows of `corrections.csv` that were applied.
    """

    frame: pd.DataFrame
    inputs: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    aside: tuple[tuple[str, int], ...]
    corrections: pd.DataFrame


class _Memory:
    """What was checked last, as long as its files stay as they were."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, Stamp], Checked] = OrderedDict()
        self._figures = 0

    def take(self, name: str, stamp: Stamp) -> Checked | None:
        """Return what is kept and remember that it was used."""
        if (name, stamp) in self._kept:
            self._kept.move_to_end((name, stamp))
        return self._kept.get((name, stamp))

    def keep(self, name: str, stamp: Stamp, found: Checked) -> None:
        """Keep figures; those that were used longest ago go."""
        self._kept[name, stamp] = found
        self._figures += len(found.frame)
        while len(self._kept) > 1 and self._figures > _KEPT:
            self._figures -= len(self._kept.popitem(last=False)[1].frame)


class Partitions:
    """Figures that lie in partitions.

    Parameters
    ----------
    folder : Path
        The folder of tables.
    held : mapping of str to Path
        Folder by indicator.
    rules : FigureRules
        What figures are held to.
    strict : bool
        Whether every file needs a sidecar whose sha256 agrees.
    """

    def __init__(
        self, folder: Path, held: Mapping[str, Path], rules: FigureRules, *, strict: bool
    ) -> None:
        self._folder, self._held, self._rules, self._strict = folder, held, rules, strict
        self._memory = _Memory()
        self._read: dict[str, Checked] = {}

    def opened(self) -> Partitions:
        """Return the same figures with nothing read yet; what is in memory is shared."""
        fresh = Partitions(self._folder, self._held, self._rules, strict=self._strict)
        fresh._memory = self._memory
        return fresh

    @property
    def names(self) -> tuple[str, ...]:
        """The indicators that are held, in order."""
        return tuple(self._held)

    def read(self) -> tuple[Checked, ...]:
        """Return what was read so far through this object, by indicator."""
        return tuple(self._read[name] for name in sorted(self._read))

    def figures(self, indicators: Iterable[str]) -> pd.DataFrame:
        """Return the figures of some indicators, in order; names that are not held are left out.

        Raises
        ------
        DataError
            When a file of these indicators is wrong: one line a problem, over all of them.
        """
        wanted = sorted(set(indicators) & set(self._held))
        parts: list[pd.DataFrame] = []
        faults: list[Fault] = []
        for name in wanted:
            try:
                parts.append(self._checked(name).frame)
            except DataError as error:
                faults += error.faults
        if faults:
            raise DataError(faults)
        if not parts:
            return pd.DataFrame(columns=list(COLUMNS))
        return pd.concat(parts, ignore_index=True)

    def _checked(self, name: str) -> Checked:
        where = f"{self._rules.label}/outcomes/{PREFIX}{name}"
        files, faults = part_files(self._held[name], where)
        if faults:
            raise DataError(faults)
        states = [(file, file.stat()) for file in files]
        stamp = tuple((file.name, state.st_size, state.st_mtime_ns) for file, state in states)
        found = self._memory.take(name, stamp)
        if found is None:
            found = check_indicator(name, self._parts(name, files), self._rules)
            self._memory.keep(name, stamp, found)
        self._read[name] = found
        return found

    def _parts(self, name: str, files: Sequence[Path]) -> list[Part]:
        return [
            read_part(
                file,
                name,
                file.relative_to(self._folder).as_posix(),
                self._rules.label,
                strict=self._strict,
            )
            for file in files
        ]


def check_indicator(name: str, parts: Sequence[Part], rules: FigureRules) -> Checked:
    """Check, correct and follow the figures of one indicator.

    Parameters
    ----------
    name : str
        The indicator.
    parts : sequence of Part
        Its files, in order.
    rules : FigureRules
        What figures are held to.

    Raises
    ------
    DataError
        With one line a problem, over all files of the indicator.
    """
    faults = [fault for part in parts for fault in part.faults]
    frames = {part.name: part.frame for part in parts if part.frame is not None}
    label = rules.label
    for file, frame in frames.items():
        faults += bad_years(frame, f"{label}/{file}")
    if len(frames) < len(parts):
        for file, frame in frames.items():
            faults += unknown_codes(frame, rules.book, f"{label}/{file}")
        raise DataError(faults)
    whole = pd.concat(frames.values(), ignore_index=True)
    mine = rules.corrections[rules.corrections["indicator"] == name]
    mended, wrong = _mended(whole, mine, f"{label}/corrections.csv")
    faults += wrong
    for file, rows in _by_file(mended, frames):
        faults += unknown_codes(rows, rules.book, f"{label}/{file}")
    followed, gone = follow_table(mended, rules.book)
    faults += _repeated(followed, frames, label)
    if faults:
        raise DataError(faults)
    aside = gone.loc[gone["council_code"].isin(rules.book.known), "file"].value_counts(sort=False)
    return Checked(
        frame=flag_recast(followed, rules.councils, rules.periods),
        inputs=tuple(part.record for part in parts if part.record is not None),
        notes=tuple(note for part in parts for note in part.notes),
        aside=tuple((str(file), int(rows)) for file, rows in aside.items()),
        corrections=mine,
    )


def _mended(
    whole: pd.DataFrame, corrections: pd.DataFrame, label: str
) -> tuple[pd.DataFrame, list[Fault]]:
    """Apply the corrections of an indicator, table by table as `corrections.csv` names them."""
    mended, faults = whole, []
    for file in corrections["file"].unique():
        own = mended["file"] == file
        rows, wrong = apply_corrections(mended[own], corrections, str(file), label)
        faults += wrong
        mended = pd.concat([mended[~own], rows]).sort_index()
    return mended, faults


def _by_file(
    rows: pd.DataFrame, frames: Mapping[str, pd.DataFrame]
) -> Iterable[tuple[str, pd.DataFrame]]:
    """Yield the rows of each file, numbered as in the file."""
    first = 0
    for file, frame in frames.items():
        last = first + len(frame)
        part = rows[(rows.index >= first) & (rows.index < last)]
        yield file, part.set_axis(pd.Index(part.index - first + 1, name="row"))
        first = last


def _repeated(
    followed: pd.DataFrame, frames: Mapping[str, pd.DataFrame], label: str
) -> list[Fault]:
    """Return figures that stand twice, in one file or in two."""
    faults: list[Fault] = []
    seen: list[tuple[str, pd.DataFrame]] = []
    for file, rows in _by_file(followed, frames):
        faults += duplicated_figures(rows, f"{label}/{file}")
        for earlier, others in seen:
            both = rows.reset_index().merge(others[list(KEY)].drop_duplicates(), on=list(KEY))
            if len(both):
                place = schemas.place_of(both.set_index("row"), KEY)
                faults.append(
                    Fault(
                        f"{label}/{file}, {place}",
                        f"{len(both)} figure(s) stand in {earlier} too, once codes that changed "
                        "are followed",
                        "It is not known which figure is meant",
                        "Keep each figure in one file",
                    )
                )
        seen.append((file, rows))
    return faults


def partition_faults(
    held: Collection[str], tabled: Mapping[str, Sequence[str]], rules: FigureRules
) -> list[Fault]:
    """Return what the names of partitions tell: indicators without a description, or in a CSV too.

    Parameters
    ----------
    held : collection of str
        Indicators that lie in partitions.
    tabled : mapping of str to sequence of str
        The CSV tables of every indicator that stands in one.
    rules : FigureRules
        What figures are held to.
    """
    where = f"{rules.label}/outcomes"
    strange = sorted(set(held) - rules.known)
    faults = [undescribed_fault(f"{where}, folders {PREFIX}NAME", strange)] if strange else []
    faults += [
        Fault(
            f"{where}/{PREFIX}{name}",
            f"{name} stands in {first_five(list(tabled[name]))} too",
            "It is not known which figures are meant",
            "Keep an indicator's figures in its folder or in CSV tables, not in both",
        )
        for name in sorted(set(held) & set(tabled))
    ]
    return faults


def aside_frame(read: Iterable[Checked]) -> pd.DataFrame:
    """Return file, reason and rows of what was set aside, one row a table."""
    rows: dict[str, int] = {}
    for one in read:
        for file, count in one.aside:
            rows[file] = rows.get(file, 0) + count
    listed = [(file, NOT_FOLLOWED, count) for file, count in sorted(rows.items())]
    return pd.DataFrame(listed, columns=["file", "reason", "rows"])
