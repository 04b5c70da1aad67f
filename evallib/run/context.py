"""The run as a notebook sees it: a place to save results, and the results of the others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.plan import Plan, shown_path
from evallib.report.exports import write_csv
from evallib.run.folders import BY_HAND, newest_run, outputs_folder
from evallib.run.results import (
    HasFrame,
    RunResults,
    read_results,
    saved_notebooks,
    specifications,
    write_results,
)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a notebook saved, and where.

    Parameters
    ----------
    estimates, checks, tables, figures : int
        How many of each.
    folder : str
        The run's folder as people name it; empty within a batch, where it is about to move.
    """

    estimates: int
    checks: int
    tables: int
    figures: int
    folder: str

    def __str__(self) -> str:
        """Return one sentence."""
        parts = (("estimate", self.estimates), ("check", self.checks))
        more = (("table", self.tables), ("figure", self.figures))
        kept = [*parts, *((word, n) for word, n in more if n)]
        counts = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in kept)
        return f"Saved {counts} in {self.folder or 'the folder of this run'}."

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """A run that a notebook takes part in.

    Parameters
    ----------
    plan : Plan
        The plan.
    folder : pathlib.Path
        Where results are saved.
    notebook : str
        The notebook that asks, such as ``04_peer_challenge_effect``.
    by_hand : bool
        Whether the notebook runs by hand, outside a batch.
    outputs : pathlib.Path
        The folder of all outputs.
    """

    plan: Plan
    folder: Path
    notebook: str
    by_hand: bool
    outputs: Path

    def __repr__(self) -> str:
        """Return what the run is."""
        kind = "by hand" if self.by_hand else "in a batch"
        return f"Run of {self.plan.name}, {self.notebook}, {kind}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"

    def save(
        self,
        estimates: HasFrame | None = None,
        checks: HasFrame | None = None,
        *,
        tables: Iterable[Any] | Mapping[str, pd.DataFrame] = (),
        figures: Iterable[Any] = (),
    ) -> Saved:
        """Save a notebook's results in the run's folder; saved before, they are replaced.

        Parameters
        ----------
        estimates, checks : object with `frame`, or None
            What was estimated and checked. The table of each check is saved too.
        tables : iterable of report tables, or mapping of str to pandas.DataFrame
            Further tables; they are also written to ``tables/`` as CSV.
        figures : iterable of report charts
            Written to ``figures/`` as SVG.

        Returns
        -------
        Saved
            How many of each.
        """
        named = {**_check_tables(checks), **_named_tables(tables)}
        if estimates is not None:
            named["specifications"] = specifications(estimates)
        drawn = {_slug(str(chart.slug)): str(chart.to_svg_file()) for chart in figures}
        write_results(self.folder, self.notebook, self.plan.key(), estimates, checks, named)
        number = _number(self.notebook)
        for slug, frame in named.items():
            write_csv(frame, self.folder / "tables" / f"{number}_{slug}.csv")
        for slug, picture in drawn.items():
            path = self.folder / "figures" / f"{number}_{slug}.svg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(picture, encoding="utf-8")
        return Saved(
            estimates=_count(estimates),
            checks=_count(checks),
            tables=len(named),
            figures=len(drawn),
            folder=shown_path(self.folder) if self.by_hand else "",
        )

    def results(self) -> RunResults:
        """Return what the notebooks of this run saved.

        By hand it is what was saved by hand under the same plan, else the newest whole run; the
        result says which.

        Returns
        -------
        RunResults
            Estimates, facts about them, checks and tables.

        Raises
        ------
        DataError
            By hand, when there is neither.
        """
        if not self.by_hand:
            return read_results(self.folder, "this run", is_own=True)
        if saved_notebooks(self.folder, self.plan.key()):
            return read_results(self.folder, "what was saved by hand", self.plan.key())
        run = newest_run(self.outputs, self.plan.name)
        if run is None:
            raise DataError(
                [
                    Fault(
                        shown_path(self.folder),
                        f"there are no results of {self.plan.name} to summarise",
                        "This notebook reads what the others saved and fits nothing",
                        f"Run the other notebooks first, or `evallib run {self.plan.name}`",
                    )
                ]
            )
        return read_results(run.final, f"the run {run.run_id}")


def open_run(plan: Plan, folder: str | Path = "", *, out: str | Path = "") -> Run:
    """Open the run that a notebook takes part in.

    Parameters
    ----------
    plan : Plan
        The plan.
    folder : path
        The run's folder, as a batch gives it; empty by hand.
    out : path
        The folder of all outputs by hand; the project's by default.

    Returns
    -------
    Run
        With `save` and `results`.
    """
    outputs = outputs_folder(out or None)
    by_hand = str(folder) == ""
    place = outputs / plan.name / BY_HAND if by_hand else Path(folder).absolute()
    return Run(plan, place, _this_notebook(), by_hand, outputs)


def _this_notebook() -> str:
    """Return the name of the notebook that runs: a batch says it, JupyterLab too."""
    said = os.environ.get("EVALLIB_NOTEBOOK") or Path(os.environ.get("JPY_SESSION_NAME", "")).stem
    return re.sub(r"[^A-Za-z0-9_-]+", "_", said) or "notebook"


def _number(notebook: str) -> str:
    return notebook[:2] if notebook[:2].isdigit() else "00"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60] or "unnamed"


def _count(results: object) -> int:
    return len(results) if results is not None and hasattr(results, "__len__") else 0


def _check_tables(checks: HasFrame | None) -> dict[str, pd.DataFrame]:
    """Return the tables behind the checks, one a check, with outcome and rule in front."""
    parts: dict[str, list[pd.DataFrame]] = {}
    items: list[Any] = list(checks) if isinstance(checks, Iterable) else []
    for item in items:
        table = getattr(item, "table", None)
        if not isinstance(table, pd.DataFrame) or table.empty:
            continue
        part = table.reset_index(drop=True)
        for place, name in enumerate(("outcome", "no_record")):
            if name not in part.columns:
                part.insert(place, name, str(getattr(item, name, "")))
        parts.setdefault(_slug(f"check_{item.check}"), []).append(part)
    return {slug: pd.concat(found, ignore_index=True) for slug, found in parts.items()}


def _named_tables(tables: Iterable[Any] | Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if isinstance(tables, Mapping):
        return {_slug(str(name)): frame for name, frame in tables.items()}
    pieces: list[Any] = list(tables)
    return {_slug(str(piece.slug)): piece.frame for piece in pieces}
