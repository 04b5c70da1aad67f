"""Load a folder of tables: everything is checked, and every problem is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel import schemas
from evallib.panel.catalogue import Catalogue
from evallib.panel.codes import CodeBook, build_code_book, follow_table, unknown_codes
from evallib.panel.figures import (
    NOT_FOLLOWED,
    ONLY_ADDED_UP,
    FigureRules,
    flag_recast,
    repeated_across,
    settle_table,
)
from evallib.panel.partitions.check import partition_faults
from evallib.panel.partitions.files import find_partitions
from evallib.panel.partitions.source import Partitions
from evallib.panel.periods import PeriodRule, period_rule
from evallib.panel.register_facts import RegisterFacts
from evallib.panel.register_rules import kind_notes
from evallib.panel.registers import follow_register, register_facts
from evallib.panel.tablefiles import read_table_file
from evallib.plan.complete import Complete

_SPINE = ("councils.csv", "code_changes.csv", "indicators.csv", "corrections.csv")
_COVARIATES = ("deprivation.csv", "population.csv", "rural_urban.csv")
_OTHERS = ("ofsted_childrens_judgements.csv",)
_OPTIONAL = ("published_totals.csv",)

EachTable = Callable[[str, pd.DataFrame], None]


@dataclass(frozen=True, slots=True)
class Tables:
    """What a folder holds, checked: see `Store`, whose parts these are."""

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


def load_tables(folder: Path, *, strict: bool, label: str, each: EachTable | None = None) -> Tables:
    """Load and check a folder; figures in partitions are left for later.

    Parameters
    ----------
    folder : Path
        A folder of the shape of ``data/raw``.
    strict : bool
        Whether every table needs a sidecar whose sha256 agrees.
    label : str
        How messages name the folder.
    each : callable, optional
        Told name and content of every table of figures as the file has it, one at a time; figures
        are not kept then, so that a folder may be larger than memory.

    Raises
    ------
    DataError
        With one line a problem, over all tables.
    """
    return _Loader(folder, strict, label, each).load()


class _Loader:
    def __init__(self, path: Path, strict: bool, label: str, each: EachTable | None) -> None:
        self.path, self.strict, self.label, self.each = path, strict, label, each
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.inputs: list[Mapping[str, Any]] = []
        self.aside: list[tuple[str, str, int]] = []
        self.broken: dict[str, pd.DataFrame] = {}
        self.former: list[pd.DataFrame] = []
        self.files = sorted(path.glob("outcomes/*.csv"))

    def load(self) -> Tables:
        raw = {name: self.read(name, schemas.TABLES[name]) for name in _SPINE}
        registers = self.read_registers()
        rest = {name: self.read(name, schemas.TABLES[name]) for name in _COVARIATES + _OTHERS}
        totals = {
            name.removesuffix(".csv"): table
            for name in _OPTIONAL
            if (self.path / name).is_file()
            and (table := self.read(name, schemas.TABLES[name])) is not None
        }
        councils, changes = raw["councils.csv"], raw["code_changes.csv"]
        indicators, corrections = raw["indicators.csv"], raw["corrections.csv"]
        held = self.find_partitions()
        if councils is None or changes is None or indicators is None or corrections is None:
            self.read_outcomes()
            raise DataError(self.faults)
        book = build_code_book(councils, changes)
        councils = councils.assign(council_code=book.follow(councils["council_code"]))
        rules = FigureRules(
            label=self.label,
            corrections=corrections,
            known=frozenset(indicators["indicator"]),
            periods=self.period_rules(indicators),
            book=book,
            councils=councils.drop_duplicates("council_code").reset_index(drop=True),
        )
        figures = self.settle(rules, held)
        events = {name: self.follow_events(name, t, book) for name, t in registers.items()}
        tables = {
            name.removesuffix(".csv"): self.follow(name, table, book)
            for name, table in rest.items()
            if table is not None
        }
        self.check_corrections_files(corrections, held)
        for label, text in self.broken.items():
            self.faults += _unknown_in_broken(text, book, label)
        lying = Partitions(self.path, held, rules, strict=self.strict) if held else None
        if self.faults:
            if self.each is not None and lying is not None:
                self.faults += _faults_in(lying.without(set(held) - set(rules.periods)))
            raise DataError(self.faults)
        return Tables(
            councils=rules.councils,
            code_changes=changes,
            all_corrections=corrections,
            catalogue=Catalogue(indicators.reset_index(drop=True), rules.periods),
            tabled=flag_recast(figures, rules.councils, rules.periods),
            former=flag_recast(_joined(self.former), rules.councils, rules.periods),
            partitions=lying,
            registers=events,
            complete={
                name: facts.complete
                for name in events
                if (facts := self.facts_of(f"{name}.csv")) is not None
                and facts.complete is not None
            },
            tables=tables | totals,
            book=book,
            first_aside=pd.DataFrame(self.aside, columns=["file", "reason", "rows"]),
            first_inputs=tuple(self.inputs),
            first_notes=tuple(self.notes),
        )

    def read(self, name: str, spec: schemas.TableSpec) -> pd.DataFrame | None:
        """Read, check and type one table; None when something is wrong with it."""
        found = read_table_file(self.path, name, spec, self.label, strict=self.strict)
        self.faults += found.faults
        self.notes += found.notes
        if found.record is not None:
            self.inputs.append(found.record)
        if found.text is not None:
            self.broken[f"{self.label}/{name}"] = found.text
        return found.table

    def read_registers(self) -> dict[str, pd.DataFrame]:
        """Read every table of the folder that is shaped like a register of events."""
        known = set(_SPINE + _COVARIATES + _OTHERS + _OPTIONAL)
        found = {}
        for file in sorted(self.path.glob("*.csv")):
            if file.name not in known:
                table = self.read(file.name, schemas.REGISTER)
                if table is not None:
                    found[file.stem] = table
        return found

    def find_partitions(self) -> dict[str, str]:
        held, faults = find_partitions(self.path / "outcomes", f"{self.label}/outcomes")
        self.faults += faults
        if not self.files and not held and not faults:
            self.faults.append(
                Fault(
                    f"{self.label}/outcomes",
                    "holds no CSV file",
                    "Without figures there is nothing to evaluate",
                    "Add tables with council_code, fin_year, indicator, value",
                )
            )
        return held

    def read_outcomes(self) -> dict[str, pd.DataFrame | None]:
        names = [f"outcomes/{file.name}" for file in self.files]
        return {name: self.read(name, schemas.OUTCOMES) for name in names}

    def settle(self, rules: FigureRules, held: Mapping[str, str]) -> pd.DataFrame:
        """Return the figures of all CSV tables under current codes."""
        parts: list[pd.DataFrame] = []
        found: dict[str, list[str]] = {}
        for file in self.files:
            name = f"outcomes/{file.name}"
            table = self.read(name, schemas.OUTCOMES)
            if table is None:
                continue
            settled = settle_table(table, name, rules)
            self.faults += settled.faults
            if len(settled.former):
                self.aside.append((name, ONLY_ADDED_UP, len(settled.former)))
            for indicator in settled.frame["indicator"].unique():
                found.setdefault(indicator, []).append(name)
            if self.each is None:
                parts.append(settled.frame)
                self.former.append(settled.former)
            elif not self.faults:
                self.each(name, table)
        again = parts if self.each is None else self.read_shared(found, rules)
        self.faults += repeated_across(again, self.label)
        self.faults += partition_faults(held, found, rules)
        return _joined(parts)

    def read_shared(
        self, found: Mapping[str, list[str]], rules: FigureRules
    ) -> Iterator[pd.DataFrame]:
        """Yield once more what was not kept: figures of indicators that stand in two tables."""
        shared = [indicator for indicator, names in found.items() if len(names) > 1]
        for name in sorted({name for indicator in shared for name in found[indicator]}):
            once = read_table_file(self.path, name, schemas.OUTCOMES, self.label, strict=False)
            if once.table is not None:
                rows = once.table[once.table["indicator"].isin(shared)]
                yield settle_table(rows, name, rules).frame

    def period_rules(self, indicators: pd.DataFrame) -> dict[str, PeriodRule]:
        rules: dict[str, PeriodRule] = {}
        for name, basis in indicators[["indicator", "period_basis"]].to_numpy().tolist():
            try:
                rules[name] = period_rule(basis, name, f"{self.label}/indicators.csv")
            except DataError as error:
                self.faults += error.faults
        return rules

    def follow(self, name: str, table: pd.DataFrame, book: CodeBook) -> pd.DataFrame:
        self.faults += unknown_codes(table, book, f"{self.label}/{name}")
        followed, aside = follow_table(table, book)
        gone = aside[aside["council_code"].isin(book.known)]
        if len(gone):
            self.aside.append((name, NOT_FOLLOWED, len(gone)))
        return followed

    def follow_events(self, name: str, table: pd.DataFrame, book: CodeBook) -> pd.DataFrame:
        label = f"{self.label}/{name}.csv"
        facts = self.facts_of(f"{name}.csv")
        events, faults = follow_register(table, book, label, facts)
        self.faults += faults
        self.notes += kind_notes(table, label) if facts is None else []
        reasons = events["set_aside"].value_counts().drop("", errors="ignore")
        self.aside += [(f"{name}.csv", str(why), int(rows)) for why, rows in reasons.items()]
        return events

    def facts_of(self, name: str) -> RegisterFacts | None:
        """Return what a register's sidecar says; a broken one has been told when it was read."""
        try:
            return register_facts(self.path / name)
        except DataError:
            return None

    def check_corrections_files(self, corrections: pd.DataFrame, held: Mapping[str, str]) -> None:
        if held and self.each is None:
            return  # of indicators that are not asked for: told when everything is checked
        files = {f"outcomes/{file.name}" for file in self.files}
        mine = corrections[~corrections["indicator"].isin(list(held))]
        for name in sorted(set(mine["file"]) - files):
            self.faults.append(
                Fault(
                    f"{self.label}/corrections.csv, column file",
                    f"{name} is not a table of this folder",
                    "Its corrections match no row",
                    "Mend the name or remove the corrections",
                )
            )


def _faults_in(partitions: Partitions) -> tuple[Fault, ...]:
    try:
        partitions.check()
    except DataError as error:
        return error.faults
    return ()


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=["council_code", "fin_year", "indicator", "value", "file"])
    return pd.concat(parts, ignore_index=True)


def _unknown_in_broken(text: pd.DataFrame, book: CodeBook, label: str) -> list[Fault]:
    """Return the unknown codes of a table that has other faults, so that all come at once."""
    if "council_code" not in text.columns:
        return []
    shaped = text["council_code"].str.fullmatch(schemas.CODE)
    combined = text["council_code"].str.startswith("E47")
    return unknown_codes(text[shaped & ~combined], book, label)
