"""Build the panel of an evaluation: one row a council and financial year."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, EvallibError, Fault, PlanError, did_you_mean
from evallib.panel.covariates import council_covariates
from evallib.panel.registers import read_register
from evallib.panel.store import Store, load_store
from evallib.plan import Plan, shown_path
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
        The same figures in long form, with is_recast and the file they come from.
    covariates : pandas.DataFrame
        One row a council, see `council_covariates`.
    indicators : tuple of str
        Indicators that the plan uses, denominators included.
    store : Store
        The raw tables that the panel was built from.
    """

    frame: pd.DataFrame
    figures: pd.DataFrame
    covariates: pd.DataFrame
    indicators: tuple[str, ...]
    store: Store

    def __repr__(self) -> str:
        """Return a line with the panel's size."""
        years = self.frame["fin_year"]
        return (
            f"Panel: {self.frame['council_code'].nunique():,} councils, "
            f"{years.min()} to {years.max()}, {len(self.frame):,} council-years, "
            f"{len(self.indicators)} indicators"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


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
        not hold.
    """
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


def panel_from_store(plan: Plan, store: Store) -> Panel:
    """Build the panel of a plan from tables that are already loaded."""
    faults = _plan_faults(plan, store)
    if faults:
        raise PlanError(faults)
    names: list[str] = []
    for outcome in plan.outcomes:
        names += [outcome.indicator, *([outcome.per] if outcome.per else [])]
    indicators = tuple(dict.fromkeys(names))
    spans = [plan.years, *(o.years for o in plan.outcomes if o.years)]
    first = min(parse_financial_year(span[0]) for span in spans)
    last = max(parse_financial_year(span[1]) for span in spans)
    figures = store.outcomes[
        store.outcomes["indicator"].isin(indicators) & store.outcomes["period"].between(first, last)
    ].reset_index(drop=True)
    wide = figures.pivot_table(
        index=["council_code", "period"], columns="indicator", values="value", aggfunc="first"
    )
    grid = pd.MultiIndex.from_product(
        [sorted(figures["council_code"].unique()), range(first, last + 1)],
        names=["council_code", "period"],
    )
    frame = wide.reindex(grid).reset_index().rename_axis(columns=None)
    frame = frame.merge(store.councils[_COUNCIL], on="council_code", how="left")
    frame["fin_year"] = frame["period"].map(format_financial_year)
    frame = frame[[*_COUNCIL, "fin_year", "period", *indicators]]
    return Panel(frame, figures, council_covariates(store), indicators, store)


def plan_label(plan: Plan) -> str:
    """Return how messages name a plan: its file, or its name when it has none."""
    return shown_path(plan.path) if plan.path else plan.name


def _plan_faults(plan: Plan, store: Store) -> list[Fault]:
    """Return what the plan names that the tables do not hold."""
    where = plan_label(plan)
    faults: list[Fault] = []

    def unknown(key: str, word: str, known: list[str], what: str, why: str) -> None:
        listed = f"Use one of: {', '.join(known)}" if len(known) <= 12 else "See `evallib params`"
        hint = did_you_mean(word, known)
        faults.append(Fault(f"{where}, {key}", f"{word!r} is not {what}.{hint}", why, listed))

    known = sorted(set(store.outcomes["indicator"]))
    for number, outcome in enumerate(plan.outcomes):
        for key, name in (("indicator", outcome.indicator), ("per", outcome.per)):
            if name and name not in known:
                place = f"outcomes[{number}].{key}"
                hint = did_you_mean(name, known)
                faults.append(
                    Fault(
                        f"{where}, {place}",
                        f"{name!r} is not an indicator of {store.label}/outcomes.{hint}",
                        "There are no figures to evaluate",
                        f"Known indicators: {', '.join(known)}",
                    )
                )
        faults += _empty_years(plan, number, store)
    registers = [("register", plan.register, plan.kinds)]
    if plan.concurrent is not None:
        registers.append(("concurrent.register", plan.concurrent.register, plan.concurrent.kinds))
    for key, name, kinds in registers:
        try:
            events = find_register(store, name, f"{where}, {key}")
        except EvallibError as error:
            faults += error.faults
            continue
        held = sorted(set(events["kind"]))
        for kind in kinds:
            if kind not in held:
                unknown(
                    key.replace("register", "kinds"),
                    kind,
                    held,
                    f"a kind of event in the register {name}",
                    "Nobody would count as exposed",
                )
    councils = store.councils
    for code in plan.exclude:
        if code not in set(councils["council_code"]):
            unknown(
                "exclude",
                code,
                list(councils["council_code"]),
                "a current council's code",
                "A misspelt code leaves the council in",
            )
    for key, column in (("council_types", "council_type"), ("regions", "region")):
        wanted = getattr(plan, key)
        if wanted != "all":
            held = sorted(set(councils[column]))
            for word in wanted:
                if word not in held:
                    unknown(
                        key,
                        word,
                        held,
                        f"a {column.replace('_', ' ')} of councils.csv",
                        "The sample would be empty",
                    )
    return faults


def _empty_years(plan: Plan, number: int, store: Store) -> list[Fault]:
    outcome = plan.outcomes[number]
    figures = store.outcomes[store.outcomes["indicator"] == outcome.indicator]
    span = outcome.years or plan.years
    first, last = (parse_financial_year(year) for year in span)
    if figures.empty or figures["period"].between(first, last).any():
        return []
    held = f"{figures['fin_year'].min()} to {figures['fin_year'].max()}"
    return [
        Fault(
            f"{plan_label(plan)}, outcomes[{number}].years",
            f"{outcome.indicator} has no figure in {span[0]} to {span[1]}",
            f"Its figures cover {held}",
            "Give years that the table covers",
        )
    ]


def find_register(store: Store, name: str, where: str) -> pd.DataFrame:
    """Return a register of the store by name, or one that a path names.

    Raises
    ------
    PlanError
        When there is no such register.
    DataError
        When a register given as a path is wrong.
    """
    if name in store.registers:
        return store.registers[name]
    if name.endswith(".csv"):
        return read_register(Path(name), store.book)
    hint = did_you_mean(name, store.registers)
    raise PlanError(
        [
            Fault(
                where,
                f"{name!r} is not a register of {store.label}.{hint}",
                "Nobody would count as exposed",
                f"Use one of: {', '.join(sorted(store.registers))}, or the path of a CSV file",
            )
        ]
    )
