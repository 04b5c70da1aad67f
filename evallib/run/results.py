"""What notebooks saved, as tidy tables in a run's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

RESULTS = "results"
_FACTS = (
    *("outcome", "role", "unit", "polarity", "estimator", "comparison", "no_record", "sample_id"),
    *("estimand", "se_method", "interval_method", "inference", "df", "level"),
    *("n_obs", "n_units", "n_treated_units", "n_clusters"),
)


class HasFrame(Protocol):
    """Anything with a tidy `frame`: estimates, checks."""

    @property
    def frame(self) -> pd.DataFrame:
        """The tidy table."""


@dataclass(frozen=True, slots=True, repr=False)
class RunResults:
    """The results that the notebooks of one run saved.

    Parameters
    ----------
    estimates : pandas.DataFrame
        One row a term of every estimate, notebook in front.
    facts : pandas.DataFrame
        One row an estimate: unit, estimand, how its interval was made, counts, warnings.
    checks : pandas.DataFrame
        One row a check.
    tables : mapping of str to pandas.DataFrame
        Other saved tables by ``notebook/slug``.
    notebooks : tuple of str
        The notebooks that saved something.
    source : str
        Which run was read, in words.
    is_own : bool
        Whether it is the run that the notebook itself is part of.
    """

    estimates: pd.DataFrame
    facts: pd.DataFrame
    checks: pd.DataFrame
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    notebooks: tuple[str, ...] = ()
    source: str = ""
    is_own: bool = False

    @property
    def frame(self) -> pd.DataFrame:
        """The same as `estimates`."""
        return self.estimates

    def __repr__(self) -> str:
        """Return how much was read, and from where."""
        names = ", ".join(self.notebooks) or "no notebook"
        return (
            f"Results of {self.source}: {len(self.facts)} estimates and {len(self.checks)} checks "
            f"saved by {names}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


def write_results(
    folder: Path,
    notebook: str,
    plan_key: str,
    estimates: HasFrame | None,
    checks: HasFrame | None,
    tables: Mapping[str, pd.DataFrame],
) -> None:
    """Write what one notebook saved; what it saved before is replaced.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder.
    notebook : str
        The notebook's name.
    plan_key : str
        The key of the plan that it ran with.
    estimates, checks : object with `frame`, or None
        The results.
    tables : mapping
        Other tables by slug.
    """
    target = folder / RESULTS
    target.mkdir(parents=True, exist_ok=True)
    for former in target.glob(f"{notebook}.*"):
        former.unlink()
    if estimates is not None:
        _write(estimates.frame, target / f"{notebook}.estimates.parquet")
    if checks is not None:
        _write(checks.frame, target / f"{notebook}.checks.parquet")
    for slug, frame in tables.items():
        _write(frame, target / f"{notebook}.table.{slug}.parquet")
    _replace(target / f"{notebook}.saved.json", json.dumps({"plan": plan_key}).encode("ascii"))


def read_results(
    folder: Path, source: str, plan_key: str | None = None, *, is_own: bool = False
) -> RunResults:
    """Read what the notebooks of a run saved.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder.
    source : str
        The run in words.
    plan_key : str, optional
        Read only what was saved under this plan; everything when left out.
    is_own : bool
        Whether it is the run that the reader is part of.

    Returns
    -------
    RunResults
        Empty tables where nothing was saved.
    """
    names = tuple(saved_notebooks(folder, plan_key))
    target = folder / RESULTS
    tables = {
        f"{name}/{path.name.split('.')[2]}": pd.read_parquet(path)
        for name in names
        for path in sorted(target.glob(f"{name}.table.*.parquet"))
    }
    return RunResults(
        estimates=_gather(target, names, "estimates"),
        facts=_gather(target, names, "table.specifications"),
        checks=_gather(target, names, "checks"),
        tables=tables,
        notebooks=names,
        source=source,
        is_own=is_own,
    )


def saved_notebooks(folder: Path, plan_key: str | None = None) -> list[str]:
    """Return the notebooks that saved results in a folder, in order.

    Parameters
    ----------
    folder : pathlib.Path
        A run's folder.
    plan_key : str, optional
        Only those that ran with this plan.
    """
    names: list[str] = []
    for note in sorted((folder / RESULTS).glob("*.saved.json")):
        saved = json.loads(note.read_text(encoding="utf-8"))
        if plan_key is None or saved.get("plan") == plan_key:
            names.append(note.name.removesuffix(".saved.json"))
    return names


def _gather(folder: Path, names: Iterable[str], kind: str) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    for name in names:
        path = folder / f"{name}.{kind}.parquet"
        if path.is_file():
            part = pd.read_parquet(path)
            part.insert(0, "notebook", name)
            parts.append(part)
    full = [part for part in parts if len(part)]
    if full:
        return pd.concat(full, ignore_index=True)
    return parts[0] if parts else pd.DataFrame(columns=["notebook"])


def specifications(estimates: HasFrame) -> pd.DataFrame:
    """Return one row an estimate: unit, estimand, how errors and interval were made, counts."""
    items: list[Any] = list(estimates) if isinstance(estimates, Iterable) else []
    rows = [
        {name: getattr(item, name, None) for name in _FACTS}
        | {
            "warnings": "\n".join(map(str, getattr(item, "warnings", ()))),
            "references": "\n".join(map(str, getattr(item, "references", ()))),
        }
        for item in items
    ]
    return pd.DataFrame(rows, columns=[*_FACTS, "warnings", "references"])


def _write(frame: pd.DataFrame, path: Path) -> None:
    tidy = frame.reset_index(drop=True)
    for name in tidy.columns:
        if tidy[name].dtype == object:
            tidy[name] = _one_type([_plain(value) for value in tidy[name]])
    half = path.with_name(f".{path.name}")
    tidy.rename(columns=str).to_parquet(half, index=False)
    os.replace(half, path)


def _one_type(values: list[Any]) -> pd.Series[Any]:
    """Return values of one type as they are, and of several as text."""
    if len({type(value) for value in values}) > 1:
        values = [None if _is_missing(value) else str(value) for value in values]
        return pd.Series(values, dtype="str")
    return pd.Series(values)


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _replace(path: Path, content: bytes) -> None:
    half = path.with_name(f".{path.name}")
    half.write_bytes(content)
    os.replace(half, path)
