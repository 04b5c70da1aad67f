"""Load a folder of raw tables: everything is checked, and every problem is told at once."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault, first_five
from evallib.panel import schemas
from evallib.panel.catalogue import Catalogue
from evallib.panel.codes import (
    CodeBook,
    build_code_book,
    duplicated_figures,
    follow_table,
    unknown_codes,
)
from evallib.panel.corrections import apply_corrections
from evallib.panel.periods import PeriodRule, period_rule
from evallib.panel.reading import read_text_table
from evallib.panel.registers import follow_register
from evallib.panel.sidecars import check_sidecar, sha256_of

_SPINE = ("councils.csv", "code_changes.csv", "indicators.csv", "corrections.csv")
_COVARIATES = ("deprivation.csv", "population.csv", "rural_urban.csv")
_OTHERS = ("ofsted_childrens_judgements.csv",)
_OPTIONAL = ("published_totals.csv",)


@dataclass(frozen=True, slots=True)
class Store:
    """All tables of one folder, checked, corrected and under current codes.

    Parameters
    ----------
    folder : Path
        Where the tables lie.
    label : str
        How messages and reports name the folder.
    councils, code_changes, corrections : pandas.DataFrame
        The spine tables; `corrections` is what was applied.
    catalogue : Catalogue
        What every indicator means.
    outcomes : pandas.DataFrame
        council_code, fin_year, period (first calendar year of the label), indicator, value,
        is_recast (whether the measurement period lies outside the council's dates in office),
        file; one row a figure.
    registers : mapping of str to pandas.DataFrame
        Events by register, see `panel.registers`; council_code followed, with `set_aside`
        saying why a row cannot be used (empty for those that can).
    tables : mapping of str to pandas.DataFrame
        The covariate tables and other tables, under current codes.
    book : CodeBook
        Which codes are known and where they lead.
    set_aside : pandas.DataFrame
        file, reason, rows: what was not used and why.
    inputs : tuple of mappings
        One a file: file, sha256, rows, publisher, licence, accessed, attribution.
    notes : tuple of str
        Facts about the files that a report repeats.
    """

    folder: Path
    label: str
    councils: pd.DataFrame
    code_changes: pd.DataFrame
    corrections: pd.DataFrame
    catalogue: Catalogue
    outcomes: pd.DataFrame
    registers: Mapping[str, pd.DataFrame]
    tables: Mapping[str, pd.DataFrame]
    book: CodeBook
    set_aside: pd.DataFrame
    inputs: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]

    def held(self) -> tuple[str, ...]:
        """Return the names of the indicators that have figures, in order."""
        return tuple(sorted(set(self.outcomes["indicator"])))

    def figures(self, indicators: Collection[str]) -> pd.DataFrame:
        """Return every figure of some indicators, with the columns of `outcomes`."""
        wanted = self.outcomes["indicator"].isin(list(indicators))
        return self.outcomes[wanted].reset_index(drop=True)

    def with_tables(
        self,
        *,
        figures: pd.DataFrame,
        catalogue: Catalogue,
        registers: Mapping[str, pd.DataFrame],
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
        inputs : sequence of mapping
            One a file that was read, with the keys of `inputs`.

        Returns
        -------
        Store
            `held`, `figures` and `outcomes` include the new figures. This store stays as it is.
        """
        parts = [self.outcomes]
        if len(figures):
            parts.append(_flag_recast(figures, self.councils, catalogue.rules))
        order = ["indicator", "council_code", "period"]
        outcomes = pd.concat(parts, ignore_index=True).sort_values(order, ignore_index=True)
        return replace(
            self,
            outcomes=outcomes,
            catalogue=catalogue,
            registers={**self.registers, **registers},
            inputs=(*self.inputs, *inputs),
        )


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
    stamp = tuple(
        (str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns)
        for pattern in ("*.csv", "*.yml", "outcomes/*.csv", "outcomes/*.yml")
        for file in sorted(path.glob(pattern))
    )
    return _load(path, strict, label, stamp)


@functools.lru_cache(maxsize=4)
def _load(path: Path, strict: bool, label: str, stamp: object) -> Store:
    del stamp  # part of the key only: a file that changed is read again
    return _Loader(path, strict, label).load()


class _Loader:
    def __init__(self, path: Path, strict: bool, label: str) -> None:
        self.path, self.strict, self.label = path, strict, label
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.inputs: list[Mapping[str, Any]] = []
        self.aside: list[tuple[str, str, int]] = []
        self.broken: dict[str, pd.DataFrame] = {}

    def load(self) -> Store:
        raw = {name: self.read(name, schemas.TABLES[name]) for name in _SPINE}
        registers = self.read_registers()
        rest = {name: self.read(name, schemas.TABLES[name]) for name in _COVARIATES + _OTHERS}
        totals = {
            name.removesuffix(".csv"): table
            for name in _OPTIONAL
            if (self.path / name).is_file()
            and (table := self.read(name, schemas.TABLES[name])) is not None
        }
        outcomes = self.read_outcomes()
        councils, changes = raw["councils.csv"], raw["code_changes.csv"]
        indicators, corrections = raw["indicators.csv"], raw["corrections.csv"]
        if councils is None or changes is None or indicators is None or corrections is None:
            raise DataError(self.faults)
        book = build_code_book(councils, changes)
        rules = self.period_rules(indicators)
        figures = self.mend_and_follow(outcomes, corrections, indicators, book)
        events = {name: self.follow_events(name, t, book) for name, t in registers.items()}
        tables = {
            name.removesuffix(".csv"): self.follow(name, table, book)
            for name, table in rest.items()
            if table is not None
        }
        self.check_corrections_files(corrections, outcomes)
        for label, text in self.broken.items():
            self.faults += _unknown_in_broken(text, book, label)
        if self.faults:
            raise DataError(self.faults)
        councils = councils.assign(council_code=book.follow(councils["council_code"]))
        return Store(
            folder=self.path,
            label=self.label,
            councils=councils.drop_duplicates("council_code").reset_index(drop=True),
            code_changes=changes,
            corrections=corrections,
            catalogue=Catalogue(indicators.reset_index(drop=True), rules),
            outcomes=_flag_recast(figures, councils, rules),
            registers=events,
            tables=tables | totals,
            book=book,
            set_aside=pd.DataFrame(self.aside, columns=["file", "reason", "rows"]),
            inputs=tuple(self.inputs),
            notes=tuple(self.notes),
        )

    def read(self, name: str, spec: schemas.TableSpec) -> pd.DataFrame | None:
        """Read, check and type one table; None when something is wrong with it."""
        label, path = f"{self.label}/{name}", self.path / name
        try:
            text = read_text_table(path, label)
        except DataError as error:
            self.faults += error.faults
            return None
        sidecar, faults, notes = check_sidecar(path, strict=self.strict)
        self.faults += faults
        self.notes += notes
        self.inputs.append(
            {
                "file": name,
                "sha256": sha256_of(path),
                "rows": len(text),
                "publisher": sidecar.publisher if sidecar else "not recorded",
                "publication": sidecar.publication if sidecar else "not recorded",
                "licence": sidecar.licence if sidecar else "not recorded",
                "accessed": str(sidecar.accessed) if sidecar else "not recorded",
                "attribution": sidecar.attribution if sidecar else "not recorded",
            }
        )
        wrong = schemas.check_table(text, spec, label)
        if wrong:
            self.faults += wrong
            self.broken[label] = text
            return None
        return schemas.typed(text, spec)

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

    def read_outcomes(self) -> dict[str, pd.DataFrame]:
        files = sorted(self.path.glob("outcomes/*.csv"))
        if not files:
            self.faults.append(
                Fault(
                    f"{self.label}/outcomes",
                    "holds no CSV file",
                    "Without figures there is nothing to evaluate",
                    "Add tables with council_code, fin_year, indicator, value",
                )
            )
        tables = {
            f"outcomes/{f.name}": self.read(f"outcomes/{f.name}", schemas.OUTCOMES) for f in files
        }
        return {name: table for name, table in tables.items() if table is not None}

    def period_rules(self, indicators: pd.DataFrame) -> dict[str, PeriodRule]:
        rules: dict[str, PeriodRule] = {}
        for name, basis in indicators[["indicator", "period_basis"]].to_numpy().tolist():
            try:
                rules[name] = period_rule(basis, name, f"{self.label}/indicators.csv")
            except DataError as error:
                self.faults += error.faults
        return rules

    def mend_and_follow(
        self,
        tables: dict[str, pd.DataFrame],
        corrections: pd.DataFrame,
        indicators: pd.DataFrame,
        book: CodeBook,
    ) -> pd.DataFrame:
        parts = []
        for name, table in tables.items():
            label = f"{self.label}/{name}"
            self.faults += _bad_years(table, label)
            strange = sorted(set(table["indicator"]) - set(indicators["indicator"]))
            if strange:
                self.faults.append(
                    Fault(
                        f"{label}, column indicator",
                        f"{first_five(strange)} not in indicators.csv",
                        "Its unit, polarity and measurement period are not known",
                        "Add a row to indicators.csv or mend the name",
                    )
                )
            mended, faults = apply_corrections(
                table, corrections, name, f"{self.label}/corrections.csv"
            )
            self.faults += faults
            followed = self.follow(name, mended, book)
            self.faults += duplicated_figures(followed, label)
            parts.append(followed.assign(file=name))
        if not parts:
            return pd.DataFrame(columns=["council_code", "fin_year", "indicator", "value", "file"])
        return pd.concat(parts, ignore_index=True)

    def follow(self, name: str, table: pd.DataFrame, book: CodeBook) -> pd.DataFrame:
        self.faults += unknown_codes(table, book, f"{self.label}/{name}")
        followed, aside = follow_table(table, book)
        gone = aside[aside["council_code"].isin(book.known)]
        if len(gone):
            reason = "council merged into another in 2009: not followed"
            self.aside.append((name, reason, len(gone)))
        return followed

    def follow_events(self, name: str, table: pd.DataFrame, book: CodeBook) -> pd.DataFrame:
        events, faults = follow_register(table, book, f"{self.label}/{name}.csv")
        self.faults += faults
        reasons = events["set_aside"].value_counts().drop("", errors="ignore")
        self.aside += [(f"{name}.csv", str(why), int(rows)) for why, rows in reasons.items()]
        return events

    def check_corrections_files(
        self, corrections: pd.DataFrame, outcomes: dict[str, pd.DataFrame]
    ) -> None:
        files = {f"outcomes/{f.name}" for f in self.path.glob("outcomes/*.csv")}
        for name in sorted(set(corrections["file"]) - files):
            self.faults.append(
                Fault(
                    f"{self.label}/corrections.csv, column file",
                    f"{name} is not a table of this folder",
                    "Its corrections match no row",
                    "Mend the name or remove the corrections",
                )
            )


def _unknown_in_broken(text: pd.DataFrame, book: CodeBook, label: str) -> list[Fault]:
    """Return the unknown codes of a table that has other faults, so that all come at once."""
    if "council_code" not in text.columns:
        return []
    shaped = text["council_code"].str.fullmatch(schemas.CODE)
    combined = text["council_code"].str.startswith("E47")
    return unknown_codes(text[shaped & ~combined], book, label)


def _bad_years(table: pd.DataFrame, label: str) -> list[Fault]:
    first = table["fin_year"].str[:4].astype(int)
    second = table["fin_year"].str[5:].astype(int)
    rows = table[(first + 1) % 100 != second]
    if rows.empty:
        return []
    return [
        Fault(
            f"{label}, column fin_year, {schemas.place_of(rows, ('council_code',))}",
            f"{first_five(list(dict.fromkeys(rows['fin_year'])))} is not a financial year",
            "A figure in the wrong year moves the estimate",
            "Write the two years in sequence, as 2015/16",
        )
    ]


def _flag_recast(
    figures: pd.DataFrame, councils: pd.DataFrame, rules: Mapping[str, PeriodRule]
) -> pd.DataFrame:
    table = figures.assign(period=figures["fin_year"].str[:4].astype(int))
    month = table["indicator"].map({name: rule.month for name, rule in rules.items()})
    year = table["period"] + table["indicator"].map({n: r.offset for n, r in rules.items()})
    starts = pd.to_datetime({"year": year, "month": month, "day": 1})
    ends = pd.to_datetime({"year": year + 1, "month": month, "day": 1}) - pd.Timedelta(days=1)
    dates = councils.set_index("council_code")[["valid_from", "valid_to"]]
    opened = pd.to_datetime(table["council_code"].map(dates["valid_from"]), errors="coerce")
    closed = pd.to_datetime(table["council_code"].map(dates["valid_to"]), errors="coerce")
    table["is_recast"] = (ends < opened) | (starts > closed)
    order = ["indicator", "council_code", "period"]
    columns = ["council_code", "fin_year", "period", "indicator", "value", "is_recast", "file"]
    return table.sort_values(order, ignore_index=True)[columns]
