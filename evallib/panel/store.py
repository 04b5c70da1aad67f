"""All tables of a folder, checked, corrected and under current codes."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel.catalogue import Catalogue
from evallib.panel.codes import CodeBook
from evallib.panel.figures import ORDER, flag_recast
from evallib.panel.loading import Tables, load_tables
from evallib.panel.partitions.check import Facts
from evallib.panel.partitions.source import Partitions, aside_frame
from evallib.plan.complete import Complete


@dataclass(frozen=True, slots=True)
class Store:
    """All tables of one folder, checked, corrected and under current codes.

    Figures of CSV tables are read with the store. Those in partitions are read when they are
    asked for: `inputs`, `notes`, `set_aside` and `corrections` tell of what was read so far.

    Parameters
    ----------
    folder : Path
        Where the tables lie.
    label : str
        How messages and reports name the folder.
    councils, code_changes : pandas.DataFrame
        The spine tables.
    all_corrections : pandas.DataFrame
        The rows of `corrections.csv`.
    catalogue : Catalogue
        What every indicator means.
    tabled : pandas.DataFrame
        The figures that are in memory, with the columns of `outcomes`.
    former : pandas.DataFrame
        The same of councils that merged into another in April 2009, under their own codes.
    partitions : Partitions or None
        The figures that are read when they are asked for.
    registers : mapping of str to pandas.DataFrame
        Events by register, see `panel.registers`; council_code followed, with `set_aside`
        saying why a row cannot be used (empty for those that can).
    complete : mapping of str to Complete
        By register, between which days no event is missing, where that is declared.
    tables : mapping of str to pandas.DataFrame
        The covariate tables and other tables, under current codes.
    book : CodeBook
        Which codes are known and where they lead.
    first_aside, first_inputs, first_notes
        `set_aside`, `inputs` and `notes` of what was read with the store.
    """

    folder: Path
    label: str
    councils: pd.DataFrame
    code_changes: pd.DataFrame
    all_corrections: pd.DataFrame
    catalogue: Catalogue
    tabled: pd.DataFrame
    former: pd.DataFrame
    partitions: Partitions | None
    registers: Mapping[str, pd.DataFrame]
    complete: Mapping[str, Complete]
    tables: Mapping[str, pd.DataFrame]
    book: CodeBook
    first_aside: pd.DataFrame
    first_inputs: tuple[Mapping[str, Any], ...]
    first_notes: tuple[str, ...]

    @property
    def outcomes(self) -> pd.DataFrame:
        """Every figure: what lies in partitions is read and checked whole, on each demand.

        council_code, fin_year, period (first calendar year of the label), indicator, value,
        is_recast (whether the measurement period lies outside the council's dates in office),
        file; one row a figure.
        """
        return self.tabled if self.partitions is None else self.figures(self.held())

    @property
    def corrections(self) -> pd.DataFrame:
        """The rows of `corrections.csv` that were applied."""
        if self.partitions is None:
            return self.all_corrections
        rows = self.all_corrections
        tabled = rows["file"].isin([one["file"] for one in self.first_inputs])
        tabled &= ~rows["indicator"].isin(self.partitions.names)
        parts = [rows[tabled], *(one.corrections for one in self._read())]
        return pd.concat(parts).sort_index()

    @property
    def set_aside(self) -> pd.DataFrame:
        """What was not used and why: file, reason, rows."""
        if self.partitions is None:
            return self.first_aside
        return pd.concat([aside_frame(self._read()), self.first_aside], ignore_index=True)

    @property
    def inputs(self) -> tuple[Mapping[str, Any], ...]:
        """One a file that was read: file, sha256, rows, publisher, licence, attribution."""
        return (*self.first_inputs, *(file for one in self._read() for file in one.inputs))

    @property
    def notes(self) -> tuple[str, ...]:
        """Facts about the files that were read, for the report to repeat."""
        return (*self.first_notes, *(note for one in self._read() for note in one.notes))

    def _read(self) -> tuple[Facts, ...]:
        return () if self.partitions is None else self.partitions.read()

    def held(self) -> tuple[str, ...]:
        """Return the names of the indicators that have figures, in order; nothing is read."""
        lying = () if self.partitions is None else self.partitions.names
        return tuple(sorted({*self.tabled["indicator"].unique(), *lying}))

    def figures(self, indicators: Collection[str]) -> pd.DataFrame:
        """Return every figure of some indicators, with the columns of `outcomes`.

        Raises
        ------
        DataError
            When a partition of these indicators is wrong: one line a problem, over all of them.
        """
        found = self.tabled[self.tabled["indicator"].isin(list(indicators))]
        lying = None if self.partitions is None else self.partitions.figures(indicators)
        return _both(found, lying)

    def former_figures(self, indicators: Collection[str]) -> pd.DataFrame:
        """Return the figures of councils that merged into another in April 2009.

        They stand under their own codes, which `councils` lacks and `code_changes` has; `figures`
        and `outcomes` leave them out.
        """
        found = self.former[self.former["indicator"].isin(list(indicators))]
        lying = None if self.partitions is None else self.partitions.former(indicators)
        return _both(found, lying)

    def with_record(
        self, *, inputs: Sequence[Mapping[str, Any]] = (), notes: Sequence[str] = ()
    ) -> Store:
        """Return a store whose `inputs` and `notes` also tell of files read elsewhere."""
        return replace(
            self,
            first_inputs=(*self.first_inputs, *inputs),
            first_notes=(*self.first_notes, *notes),
        )

    def with_tables(
        self,
        *,
        figures: pd.DataFrame,
        catalogue: Catalogue,
        registers: Mapping[str, pd.DataFrame],
        complete: Mapping[str, Complete] | None = None,
        inputs: Sequence[Mapping[str, Any]],
    ) -> Store:
        """Return a store that also holds figures, registers and inputs from elsewhere.

        Parameters
        ----------
        figures : pandas.DataFrame
            council_code (current), fin_year, indicator, value, file; one row a figure, already
            checked. `period` and `is_recast` are worked out here, by the catalogue's rules. May
            be empty.
        catalogue : Catalogue
            The whole catalogue of the new store: this one's rows and those of the new figures.
        registers : mapping of str to pandas.DataFrame
            Registers to add, followed to current codes; one of a name that is held replaces it.
        complete : mapping of str to Complete
            What is declared of these registers, if anything.
        inputs : sequence of mapping
            One a file that was read, with the keys of `inputs`.

        Returns
        -------
        Store
            `held`, `figures` and `outcomes` include the new figures. This store stays as it is.
        """
        tabled = self.tabled
        if len(figures):
            more = flag_recast(figures, self.councils, catalogue.rules)
            tabled = pd.concat([tabled, more], ignore_index=True)
            tabled = tabled.sort_values(list(ORDER), ignore_index=True)
        return replace(
            self,
            tabled=tabled,
            catalogue=catalogue,
            registers={**self.registers, **registers},
            complete={**self.complete, **(complete or {})},
            first_inputs=(*self.first_inputs, *inputs),
        )

    def without(self, indicators: Collection[str]) -> Store:
        """Return a store without the figures and descriptions of some indicators."""
        if not indicators:
            return self
        names = list(indicators)
        return replace(
            self,
            tabled=self.tabled[~self.tabled["indicator"].isin(names)].reset_index(drop=True),
            former=self.former[~self.former["indicator"].isin(names)].reset_index(drop=True),
            partitions=None if self.partitions is None else self.partitions.without(names),
            catalogue=self.catalogue.without(names),
        )


def _both(found: pd.DataFrame, lying: pd.DataFrame | None) -> pd.DataFrame:
    """Return figures from memory and from partitions, in order."""
    if lying is None or lying.empty:
        return found.reset_index(drop=True)
    if found.empty:
        return lying
    joined = pd.concat([found, lying], ignore_index=True)
    return joined.sort_values(list(ORDER), ignore_index=True)


def load_store(folder: Path | str, *, strict: bool = True, label: str = "") -> Store:
    """Load and check every table of a folder.

    Parameters
    ----------
    folder : path
        A folder of the shape of ``data/raw``.
    strict : bool
        Whether every table needs a sidecar whose sha256 agrees (``data/raw``); otherwise sidecars
        are optional and a sha256 that differs is noted.
    label : str
        How messages name the folder; its own name unless given.

    Raises
    ------
    DataError
        With one line a problem, over all tables.
    """
    path = Path(folder).resolve()
    label = label or str(folder).rstrip("/")
    if not path.is_dir():
        raise DataError(
            [
                Fault(
                    label,
                    "the data folder does not exist",
                    "",
                    "Give a folder of the shape of data/raw with --data",
                )
            ]
        )
    store = _load(path, strict, label, _stamp(path))
    if store.partitions is None:
        return store
    return replace(store, partitions=store.partitions.opened())


def _stamp(path: Path) -> tuple[object, ...]:
    """Return what changes when a file that is read with the store does."""
    names = []
    for folder in ("", "outcomes"):
        if (path / folder).is_dir():
            names += [os.path.join(folder, name) for name in os.listdir(path / folder)]
    names.sort()
    states = [(name, (path / name).stat()) for name in names if name.endswith((".csv", ".yml"))]
    return (*names, *((name, state.st_size, state.st_mtime_ns) for name, state in states))


@functools.lru_cache(maxsize=4)
def _load(path: Path, strict: bool, label: str, stamp: object) -> Store:
    del stamp  # part of the key only: a file that changed is read again
    found = load_tables(path, strict=strict, label=label)
    parts = {field.name: getattr(found, field.name) for field in fields(Tables)}
    return Store(folder=path, label=label, **parts)
