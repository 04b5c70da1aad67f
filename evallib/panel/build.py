"""Build the panel of an evaluation: one row a council and financial year."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault, PlanError, type_words
from evallib.panel.boundaries import Boundaries, apply_boundaries
from evallib.panel.catalogue import Catalogue
from evallib.panel.covariates import council_covariates
from evallib.panel.derived import (
    add_derived,
    all_indicators,
    base_indicators,
    reach,
    with_population,
)
from evallib.panel.derived.build import no_losses
from evallib.panel.derived.deflator import Deflators, read_deflators
from evallib.panel.index import IndexResult, add_indices
from evallib.panel.own import with_own_data
from evallib.panel.plan_faults import plan_faults
from evallib.panel.quality import settle_unsafe
from evallib.panel.quality.settle import UNSAFE_COLUMNS
from evallib.panel.shown import shown
from evallib.panel.store import Store, load_store
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year

_COUNCIL = ["council_code", "council_name", "council_type", "region"]


@dataclass(frozen=True, slots=True, repr=False)
class Panel:
    """Councils by financial year, validated once.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a council and financial year: council_code, council_name, council_type, region,
        fin_year, period (first calendar year of the label) and a column an indicator in its own
        unit; missing where nothing was published.
    figures : pandas.DataFrame
        The same figures in long form, with is_recast, the file they come from and origin:
        ``published``, ``recast``, ``aggregated`` (see `Boundaries`) or ``derived``.
    covariates : pandas.DataFrame
        One row a council, see `council_covariates`.
    indicators : tuple of str
        Indicators that the plan uses: outcomes, denominators, derived rows, indices and what
        these are made of.
    catalogue : Catalogue
        What every indicator means, derived ones included.
    store : Store
        The raw tables that the panel was built from.
    boundaries : Boundaries
        What the plan's policy for reorganised councils did, over all years.
    unsafe : pandas.DataFrame
        Suspicious figures and what the plan decides on each, see `Settled`.
    other : Panel, optional
        The panel under the other decision on suspicious figures; None where no figure is touched.
    losses : pandas.DataFrame
        indicator, council_code, period, why: figures that could not be derived, see `Made`.
    indices : mapping of str to IndexResult
        The plan's indices of performance with all that went into them, over all years.
    """

    frame: pd.DataFrame
    figures: pd.DataFrame
    covariates: pd.DataFrame
    indicators: tuple[str, ...]
    catalogue: Catalogue
    store: Store
    boundaries: Boundaries
    unsafe: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=UNSAFE_COLUMNS))
    other: Panel | None = None
    losses: pd.DataFrame = field(default_factory=no_losses)
    indices: Mapping[str, IndexResult] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return a line with the panel's size."""
        years = self.frame["fin_year"]
        return (
            f"Panel: {self.frame['council_code'].nunique():,} councils, "
            f"{years.min()} to {years.max()}, {len(self.frame):,} council-years, "
            f"{len(self.indicators)} indicators"
        )

    def _repr_html_(self) -> str:
        return shown(repr(self), self.frame)


def build_panel(plan: Plan, data: Path | str | None = None) -> Panel:
    """Build the panel that a plan asks for.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    data : path, optional
        A folder of the shape of ``data/raw``; the project's own ``data/raw`` unless given. Its
        sidecars are optional and a sha256 that differs is noted.

    Returns
    -------
    Panel
        Every council that the tables know, over the years of the plan and of its outcomes.

    Raises
    ------
    DataError
        When a table is wrong: one line a problem.
    PlanError
        When the plan names an indicator, register, council, type or region that the tables do
        not hold; for what is no plan.
    """
    if not isinstance(plan, Plan):
        what = f"{type_words(plan)} is no plan"
        remedy = "Give what evallib.load_plan returned"
        raise PlanError([Fault("build_panel", what, "", remedy)])
    store = open_store(data)
    return panel_from_store(plan, store)


def open_store(data: Path | str | None = None) -> Store:
    """Load ``data/raw`` of the project, or another folder of its shape.

    Parameters
    ----------
    data : path, optional
        The folder; a relative one is looked for from the working folder, then from the
        project's root.

    Raises
    ------
    DataError
        When a table is wrong, or the folder does not exist.
    """
    own = find_raw_data()
    if data is None or str(data) == "":
        if own is None:
            raise DataError(
                [
                    Fault(
                        "data/raw",
                        "no folder data/raw was found in this folder or above it",
                        "",
                        "Work inside the project, or give a folder of tables with --data",
                    )
                ]
            )
        return load_store(own, strict=True, label="data/raw")
    folder = Path(data)
    if not folder.is_absolute() and not folder.is_dir() and own is not None:
        folder = own.parent.parent / folder
    if own is not None and folder.resolve() == own.resolve():
        return load_store(own, strict=True, label="data/raw")
    return load_store(folder, strict=False, label=str(data).rstrip("/"))


def find_raw_data() -> Path | None:
    """Return the project's ``data/raw``: above the working folder, else beside the package."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / "data" / "raw" / "councils.csv").is_file():
            return folder / "data" / "raw"
    return None


def panel_from_store(
    plan: Plan, store: Store, hide: Callable[[pd.DataFrame], pd.DataFrame] | None = None
) -> Panel:
    """Build the panel of a plan from tables that are already loaded.

    `hide` is given the figures of the tables, before anything is made of them, and returns those
    that may be read.
    """
    store = with_population(plan, with_own_data(plan, store))
    figures = store.figures(base_indicators(plan))  # whole series, the faults of all tables at once
    faults = plan_faults(plan, store)
    if faults:
        raise PlanError(faults)
    prices = read_deflators(plan, store)
    if prices.inputs:
        store = store.with_record(inputs=prices.inputs)
    settled = settle_unsafe(plan, hide(figures) if hide else figures, store)
    panel = _from_figures(plan, store, prices, settled.figures)
    other = None
    if settled.other is not None:
        other = _from_figures(plan, store, prices, settled.other)
    return replace(panel, unsafe=settled.unsafe, other=other)


def _from_figures(plan: Plan, store: Store, prices: Deflators, figures: pd.DataFrame) -> Panel:
    """Build the panel from whole series: everything after the decision on suspicious figures."""
    boundaries = apply_boundaries(plan, figures, store)
    made = add_derived(plan, boundaries.figures, store.catalogue, prices)
    made, indices = add_indices(plan, made)
    names = all_indicators(plan)
    first, last = span_of(plan)
    figures = made.figures[made.figures["period"].between(first, last)]
    figures = _of_reporting_councils(plan, figures).reset_index(drop=True)
    figures["origin"] = figures["origin"].fillna("derived")
    frame = _wide(figures, store.councils, names, first, last)
    covariates = council_covariates(store)
    return Panel(
        *(frame, figures, covariates, names, made.catalogue, store, boundaries),
        losses=made.losses,
        indices=indices,
    )


def _of_reporting_councils(plan: Plan, figures: pd.DataFrame) -> pd.DataFrame:
    """Return the figures of councils that report more than placebo outcomes.

    A district has no children's services: that it reports its dwellings makes it no council of an
    evaluation of children's services, nor one to compare with.
    """
    own = {name for one in plan.outcomes for name in reach(plan, one)}
    placebo = {name for one in plan.placebo_outcomes for name in reach(plan, one)} - own
    reporting = figures.loc[~figures["indicator"].isin(placebo), "council_code"].unique()
    return figures[figures["council_code"].isin(reporting)]


def span_of(plan: Plan) -> tuple[int, int]:
    """Return the first calendar year of the first and last year of a plan and its outcomes."""
    spans = [plan.years, *(outcome.years for outcome in plan.outcomes if outcome.years)]
    first = min(parse_financial_year(span[0]) for span in spans)
    return first, max(parse_financial_year(span[1]) for span in spans)


def _wide(
    figures: pd.DataFrame,
    councils: pd.DataFrame,
    indicators: tuple[str, ...],
    first: int,
    last: int,
) -> pd.DataFrame:
    """Return one row a council and year, a column an indicator."""
    wide = figures.pivot_table(
        index=["council_code", "period"], columns="indicator", values="value", aggfunc="first"
    )
    grid = pd.MultiIndex.from_product(
        [sorted(figures["council_code"].unique()), range(first, last + 1)],
        names=["council_code", "period"],
    )
    frame = wide.reindex(grid).reset_index().rename_axis(columns=None)
    frame = frame.merge(councils[_COUNCIL], on="council_code", how="left")
    frame["fin_year"] = frame["period"].map(format_financial_year)
    return frame[[*_COUNCIL, "fin_year", "period", *indicators]]
