"""Price indices for real terms: given by the plan, one figure a year; none is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault, first_five
from evallib.panel import schemas
from evallib.panel.derived.names import is_file
from evallib.panel.plan_labels import plan_label
from evallib.panel.reading import read_text_table
from evallib.panel.sidecars import check_sidecar, sha256_of, sidecar_path
from evallib.panel.store import Store
from evallib.plan import Derived, Plan, parse_financial_year, project_roots

_TABLE = schemas.TableSpec(
    {
        "fin_year": schemas.Column(schemas.YEAR, "a financial year such as 2015/16"),
        "value": schemas.Column(schemas.NUMBER, "a number", number=True),
    },
    key=("fin_year",),
    place=("fin_year",),
)


@dataclass(frozen=True, slots=True)
class Deflators:
    """The price indices of a plan.

    Parameters
    ----------
    series : mapping of str to pandas.Series
        By derived row: the index, above zero, by first calendar year of the financial year.
    inputs : tuple of mapping
        One a file that was read, as in `Store.inputs`.
    faults : tuple of Fault
        Why an index cannot be used.
    """

    series: Mapping[str, pd.Series] = field(default_factory=dict)
    inputs: tuple[Mapping[str, Any], ...] = ()
    faults: tuple[Fault, ...] = ()


def read_deflators(plan: Plan, store: Store) -> Deflators:
    """Read the deflators that a plan names.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    store : Store
        The tables, those of own data included.

    Returns
    -------
    Deflators
        With every fault: a file that is not there, is of another shape, has a figure that is not
        above zero, lacks the base year or says not where it comes from; an indicator that is not
        the same for all councils.
    """
    series: dict[str, pd.Series] = {}
    inputs: dict[str, Mapping[str, Any]] = {}
    faults: list[Fault] = []
    for at, row in enumerate(plan.derived):
        if row.deflator is None:
            continue
        place = f"{plan_label(plan)}, derived[{at}]"
        try:
            if is_file(row):
                found, read = _from_file(plan, row, place)
                inputs[read["file"]] = read
            else:
                found = _from_indicator(row, store, place)
            _refuse_unfit(found, row, place)
        except DataError as error:
            faults += error.faults
        else:
            series[row.name] = found
    return Deflators(series, tuple(inputs.values()), tuple(faults))


def _from_file(plan: Plan, row: Derived, place: str) -> tuple[pd.Series, Mapping[str, Any]]:
    label = str(row.deflator)
    roots = [Path(), *([plan.path.parent] if plan.path else []), *project_roots()]
    path = next((root / label for root in roots if (root / label).is_file()), None)
    if path is None:
        raise DataError(
            [
                Fault(
                    f"{place}.deflator",
                    f"there is no file {label}",
                    "No price index comes with the tables, and none is assumed",
                    "Give its path from the working folder, the plan's or the project's",
                )
            ]
        )
    text = read_text_table(path, label)
    faults = schemas.check_table(text, _TABLE, label)
    described = sidecar_path(path).is_file()
    sidecar, wrong, _ = check_sidecar(path, strict=described)
    faults += wrong
    if not described and row.source is None:
        faults.append(
            Fault(
                f"{place}.source",
                f"where {label} comes from is not said",
                "Figures in real terms are only as good as their price index",
                f"Write source: in the plan, or put {sidecar_path(path).name} beside the file",
            )
        )
    if faults:
        raise DataError(faults)
    table = schemas.typed(text, _TABLE)
    read = {
        "file": label,
        "sha256": sha256_of(path),
        "rows": len(table),
        "publisher": sidecar.publisher if sidecar else "not recorded",
        "publication": sidecar.publication if sidecar else row.source,
        "licence": sidecar.licence if sidecar else "not recorded",
        "accessed": str(sidecar.accessed) if sidecar else "not recorded",
        "attribution": sidecar.attribution if sidecar else "not recorded",
    }
    periods = _periods(table["fin_year"], label)
    return pd.Series(table["value"].to_numpy(float), index=periods), read


def _periods(years: pd.Series, label: str) -> list[int]:
    try:
        return [parse_financial_year(str(year)) for year in years]
    except ValueError as error:
        raise DataError(
            [Fault(f"{label}, column fin_year", str(error), "", "Write years like 2015/16")]
        ) from None


def _from_indicator(row: Derived, store: Store, place: str) -> pd.Series:
    figures = store.figures([str(row.deflator)])
    spread = figures.groupby("period")["value"].agg(["min", "max"])
    unequal = spread.index[spread["min"] != spread["max"]]
    if len(unequal):
        raise DataError(
            [
                Fault(
                    f"{place}.deflator",
                    f"{row.deflator} differs between councils "
                    f"(years from {first_five(list(unequal))})",
                    "A deflator is one national figure a year",
                    "Name a series that is the same for every council, or give a CSV file",
                )
            ]
        )
    return spread["min"]


def _refuse_unfit(found: pd.Series, row: Derived, place: str) -> None:
    if not (found > 0).all():
        years = first_five([str(year) for year in found.index[~(found > 0)]])
        what = f"{row.deflator} is zero or negative in the years from {years}"
        remedy = "Mend the file: a price index is above zero"
        raise DataError([Fault(f"{place}.deflator", what, "It cannot divide", remedy)])
    if len(found) > 1 and found.nunique() == 1:
        what = f"{row.deflator} is {found.iloc[0]:g} in every year"
        why = "Amounts would stay as they are: growth rates are no price index"
        remedy = "Give the level of prices by year, like 87.2, 88.9, 91.1"
        raise DataError([Fault(f"{place}.deflator", what, why, remedy)])
    if row.base_year is not None and parse_financial_year(row.base_year) not in found.index:
        raise DataError(
            [
                Fault(
                    f"{place}.base_year",
                    f"{row.deflator} has no figure for {row.base_year}",
                    "Its prices are the ones that amounts are brought to",
                    "Choose a year that the deflator has, or add it",
                )
            ]
        )
