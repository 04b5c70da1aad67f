"""Read the figures of indicators when they are asked for, and remember what was read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel.figures import COLUMNS, ONLY_ADDED_UP, FigureRules
from evallib.panel.partitions.check import Checked, Facts, check_indicators
from evallib.panel.partitions.files import PREFIX, Part, part_files, read_part

_KEPT = 1_000_000  # figures kept in memory beside those that are in use
_BATCH = 100  # indicators that are checked together

Stamp = tuple[tuple[str, int, int], ...]


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
    held : mapping of str to str
        Folder by indicator.
    rules : FigureRules
        What figures are held to.
    strict : bool
        Whether every file needs a sidecar whose sha256 agrees.
    """

    def __init__(
        self, folder: Path, held: Mapping[str, str], rules: FigureRules, *, strict: bool
    ) -> None:
        self._folder, self._held, self._rules, self._strict = folder, held, rules, strict
        self._memory = _Memory()
        self._read: dict[str, Facts] = {}

    def opened(self) -> Partitions:
        """Return the same figures with nothing read yet; what is in memory is shared."""
        fresh = Partitions(self._folder, self._held, self._rules, strict=self._strict)
        fresh._memory = self._memory
        return fresh

    def without(self, indicators: Iterable[str]) -> Partitions:
        """Return the same figures without those of some indicators, with nothing read yet."""
        gone = set(indicators)
        fresh = self.opened()
        fresh._held = {name: path for name, path in self._held.items() if name not in gone}
        return fresh

    @property
    def names(self) -> tuple[str, ...]:
        """The indicators that are held, in order."""
        return tuple(self._held)

    def read(self) -> tuple[Facts, ...]:
        """Return what was read so far through this object, by indicator."""
        return tuple(self._read[name] for name in sorted(self._read))

    def figures(self, indicators: Iterable[str]) -> pd.DataFrame:
        """Return the figures of some indicators, in order; names that are not held are left out.

        Raises
        ------
        DataError
            When a file of these indicators is wrong: one line a problem, over all of them.
        """
        return _joined([one.frame for one in self._all_checked(indicators)])

    def former(self, indicators: Iterable[str]) -> pd.DataFrame:
        """Return the figures of councils that merged into another in 2009, as `figures` does."""
        return _joined([one.former for one in self._all_checked(indicators)])

    def check(self) -> tuple[int, int]:
        """Check every indicator whole; return the numbers of figures and of files.

        Raises
        ------
        DataError
            When a file is wrong: one line a problem, over all indicators.
        """
        figures, files = 0, 0
        for one in self.opened()._all_checked(self._held):
            files += len(one.facts.inputs)
            figures += sum(int(file["rows"]) for file in one.facts.inputs)
        return figures, files

    def _all_checked(self, indicators: Iterable[str]) -> Iterator[Checked]:
        """Yield what is held, in order, a batch at a time; raise with the faults of all of it."""
        names = sorted(set(indicators) & set(self._held))
        faults: list[Fault] = []
        for first in range(0, len(names), _BATCH):
            batch = names[first : first + _BATCH]
            try:
                found = self._checked(batch)
            except DataError as error:
                faults += error.faults
                continue
            if not faults:
                yield from (found[name] for name in batch)
        if faults:
            raise DataError(faults)

    def _checked(self, names: Sequence[str]) -> dict[str, Checked]:
        found: dict[str, Checked] = {}
        stamps: dict[str, Stamp] = {}
        parts: list[Part] = []
        faults: list[Fault] = []
        for name in names:
            where = f"{self._rules.label}/outcomes/{PREFIX}{name}"
            files, wrong = part_files(Path(self._held[name]), where)
            faults += wrong
            states = [(file, file.stat()) for file in files]
            stamps[name] = tuple((f.name, state.st_size, state.st_mtime_ns) for f, state in states)
            kept = self._memory.take(name, stamps[name])
            if kept is None:
                parts += [self._part(name, file) for file in files]
            else:
                found[name] = kept
        new, wrong = check_indicators(parts, self._rules)
        if faults or wrong:
            raise DataError([*faults, *wrong])
        for name, one in new.items():
            self._memory.keep(name, stamps[name], one)
        found |= new
        self._read |= {name: one.facts for name, one in found.items()}
        return found

    def _part(self, name: str, file: Path) -> Part:
        within = file.relative_to(self._folder).as_posix()
        return read_part(file, name, within, self._rules.label, strict=self._strict)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)


def aside_frame(read: Iterable[Facts]) -> pd.DataFrame:
    """Return file, reason and rows of what was set aside, one row a table."""
    rows: dict[str, int] = {}
    for one in read:
        for file, count in one.aside:
            rows[file] = rows.get(file, 0) + count
    listed = {"file": sorted(rows), "reason": [ONLY_ADDED_UP] * len(rows)}
    counts = [rows[file] for file in sorted(rows)]
    texts = pd.DataFrame(listed, dtype="str")
    return texts.assign(rows=pd.Series(counts, dtype="int64"))
