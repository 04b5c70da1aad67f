"""Apply a plan's policy for reorganised councils to the figures of a panel."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import pandas as pd

from evallib.panel.boundaries.account import account_of
from evallib.panel.boundaries.aggregate import MADE_COLUMNS, Cells, Series, aggregate
from evallib.panel.boundaries.area import population_of_abolished
from evallib.panel.boundaries.contributors import read_reporting
from evallib.panel.boundaries.denominators import POPULATION, joining_of, population_values
from evallib.panel.boundaries.lineage import Lineage, build_lineage
from evallib.panel.boundaries.reasons import reasons_of
from evallib.panel.boundaries.uses import use_of, uses_of
from evallib.panel.covariates import population_by_year
from evallib.panel.derived.names import reach
from evallib.panel.store import Store
from evallib.plan import Plan
from evallib.plan.years import format_financial_year

PUBLISHED, RECAST, AGGREGATED = "published", "recast", "aggregated"
_KEY = ["indicator", "council_code", "period"]


@dataclass(frozen=True, slots=True, repr=False)
class Boundaries:
    """Figures under a plan's policy for reorganised councils, and what it did.

    Parameters
    ----------
    plan : Plan
        The evaluation, with `boundaries` and `boundary_year`.
    store : Store
        The tables.
    lineage : Lineage
        Who followed whom.
    before : pandas.DataFrame
        The figures that the policy was given, with origin; under ``aggregate_to_successor`` also
        those of councils that were merged away in April 2009.
    figures : pandas.DataFrame
        The columns of `Store.outcomes` and origin: ``published``, ``recast`` (the publisher's
        figure for a time outside the council's days in office) or ``aggregated`` (made here from
        predecessors' rows).
    made : pandas.DataFrame
        What aggregation gave for each successor and year before it began, see `aggregate`; empty
        under other policies.
    """

    plan: Plan
    store: Store
    lineage: Lineage
    before: pd.DataFrame
    figures: pd.DataFrame
    made: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """What the policy did, one row a council and indicator, see `account_of`."""
        return account_of(
            self.plan,
            self.before,
            self.figures,
            self.made,
            self.store.councils,
            self.store.catalogue,
            self.lineage,
        )

    def people(self) -> pd.DataFrame:
        """Return council_code, period (calendar year) and population_count of councils.

        population.csv is on the boundaries of 2023. Except under ``drop``, councils that it lacks
        are added, see `population_of_abolished`.
        """
        people = population_by_year(self.store)
        if self.plan.boundaries == "drop":
            return people
        more = population_of_abolished(self.lineage, self.store)
        return pd.concat([people, more], ignore_index=True)

    def dropped(self, outcome: str, rows: pd.DataFrame) -> pd.Series:
        """Return why councils are left out of an outcome's sample.

        Parameters
        ----------
        outcome : str
            The outcome's indicator. Of a derived outcome or an index the reasons of all that it
            is made of count: what cannot be aggregated in one of them cannot be in the outcome.
        rows : pandas.DataFrame
            council_code, period, is_recast: the outcome's figures within its years.

        Returns
        -------
        pandas.Series
            Reason by council code.
        """
        one = self.plan.outcome(outcome)
        made = self.made[self.made["indicator"].isin(reach(self.plan, one))]
        use, councils = use_of(self.plan, one), self.store.councils
        return reasons_of(self.plan, use, rows, made, councils, self.lineage)


def apply_boundaries(plan: Plan, figures: pd.DataFrame, store: Store) -> Boundaries:
    """Apply a plan's policy for reorganised councils to whole series.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    figures : pandas.DataFrame
        Figures of the indicators that the plan needs, with the columns of `Store.outcomes`; not
        changed.
    store : Store
        The tables: councils, the rows of districts that were merged away in 2009, denominators.

    Returns
    -------
    Boundaries
        Under ``drop`` every figure as given, for the design drops councils. Under
        ``keep_predecessors`` recast figures are set aside. Under ``aggregate_to_successor``
        figures of abolished councils are replaced by those of their successor.
    """
    lineage = build_lineage(store.councils, store.code_changes, store.book)
    origin = figures["is_recast"].astype(bool).map({True: RECAST, False: PUBLISHED})
    given = figures.assign(origin=origin.astype(object))
    nothing = pd.DataFrame(columns=list(MADE_COLUMNS))
    if plan.boundaries == "drop":
        return Boundaries(plan, store, lineage, given, given, nothing)
    if plan.boundaries == "keep_predecessors":
        kept = given[given["origin"] != RECAST].reset_index(drop=True)
        return Boundaries(plan, store, lineage, given, kept, nothing)
    names = tuple(dict.fromkeys(figures["indicator"]))
    former = store.former_figures(names).assign(origin=PUBLISHED)
    whole = pd.concat([given, former], ignore_index=True)
    values, rules = _lookup(figures, store, lineage), store.catalogue.rules
    parts = [
        aggregate(_series(plan, str(name), rows, store, lineage), lineage, values, rules)
        for name, rows in whole.groupby("indicator", sort=False)
    ]
    filled = [part for part in parts if len(part)]
    made = pd.concat(filled, ignore_index=True) if filled else nothing
    return Boundaries(plan, store, lineage, whole, _replaced(plan, given, made, lineage), made)


def _series(plan: Plan, name: str, rows: pd.DataFrame, store: Store, lineage: Lineage) -> Series:
    own = rows[rows["council_code"].isin(lineage.kin)]
    held = rows.loc[rows["origin"] != RECAST, "council_code"].unique()
    tiers = {lineage.units[code].tier for code in held if code in lineage.units}
    return Series(
        name=name,
        rule=store.catalogue.rule(name),
        reporting=read_reporting(store.catalogue.describe(name)["reporting_tier"], tiers),
        joining=joining_of(name, store.catalogue),
        uses=uses_of(plan, name),
        published=_cells(own[own["origin"] != RECAST]),
        recast=_cells(own[own["origin"] == RECAST]),
        periods=tuple(sorted(int(period) for period in rows["period"].unique())),
    )


def _cells(rows: pd.DataFrame) -> Cells:
    """Return the figures of one indicator by council code and label year."""
    table = rows[["council_code", "period", "value"]].to_numpy(object).tolist()
    return {(code, int(period)): float(value) for code, period, value in table}


def _lookup(figures: pd.DataFrame, store: Store, lineage: Lineage) -> Callable[[str], Cells]:
    """Return a function that looks figures of councils up, each indicator once.

    Figures that were given (after the plan's decision on unsafe ones) stand before the store's.
    """
    known: dict[str, Cells] = {}
    given = set(figures["indicator"].unique())

    def values(name: str) -> Cells:
        if name not in known:
            rows = figures[figures["indicator"] == name] if name in given else store.figures([name])
            rows = rows[~rows["is_recast"].astype(bool) & rows["council_code"].isin(lineage.kin)]
            known[name] = {**_cells(rows), **_cells(store.former_figures([name]))}
            if name == POPULATION and not known[name]:
                known[name] = population_values(store.tables["population"])
        return known[name]

    return values


def _replaced(
    plan: Plan, given: pd.DataFrame, made: pd.DataFrame, lineage: Lineage
) -> pd.DataFrame:
    """Return the figures with predecessors' rows replaced by their successors'.

    Rows of a predecessor go where its successor has any figure for the years before it began, and
    where no use of the indicator is on boundaries on which the predecessor was in office.
    """
    got = made[made["origin"] != ""]
    ours = got[got["origin"] == AGGREGATED]
    days = {name: [use.day for use in uses_of(plan, name)] for name in got["indicator"].unique()}
    taken = [
        (name, code)
        for name, codes in got[["indicator", "predecessors"]].drop_duplicates().to_numpy().tolist()
        for code in codes.split(";")
        if code and not any(lineage.units[code].in_office(day) for day in days[name])
    ]
    gone = _among(
        given, ["indicator", "council_code"], pd.MultiIndex.from_tuples(taken or [("", "")])
    )
    beside = _among(given, _KEY, pd.MultiIndex.from_frame(ours[_KEY]))
    files = given.drop_duplicates("indicator").set_index("indicator")["file"]
    rows = ours[[*_KEY, "value"]].assign(
        fin_year=ours["period"].map(format_financial_year),
        is_recast=False,
        origin=AGGREGATED,
        file=ours["indicator"].map(files),
    )
    rows = rows.astype({"period": given["period"].dtype, "value": float})
    whole = pd.concat([given[~gone & ~beside], rows[given.columns]], ignore_index=True)
    return whole.sort_values(_KEY, ignore_index=True)


def _among(rows: pd.DataFrame, columns: Collection[str], keys: pd.MultiIndex) -> pd.Series:
    """Return whether each row's cells are among some keys."""
    found = pd.Series(False, index=rows.index)
    near = rows[rows["council_code"].isin(keys.get_level_values(1).unique())]
    found[near.index] = pd.MultiIndex.from_frame(near[list(columns)]).isin(keys)
    return found
