"""A successor's area in the councils that it was first made of, with dwellings as weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from evallib.panel.boundaries.lineage import Lineage
from evallib.panel.covariates import population_by_year
from evallib.panel.store import Store

HOMES = "dwellings_count"


@dataclass(frozen=True, slots=True)
class Area:
    """A successor's area in the districts and single-tier councils that it was made of.

    Parameters
    ----------
    held : mapping of str to frozenset of str
        By predecessor, the parts of the area that lay in it; a county's are its districts.
    weights : mapping of str to float
        Dwellings by part, in the last year for which every part has a figure; empty where there
        is none.
    parts : frozenset of str
        All parts.
    """

    held: Mapping[str, frozenset[str]]
    weights: Mapping[str, float]
    parts: frozenset[str]

    def share(self, councils: Collection[str]) -> tuple[float, float]:
        """Return the least and the greatest share of the area's people in some predecessors.

        Dwellings stand in for people. The two differ where dwellings are not on file.
        """
        within = frozenset().union(*(self.held[code] for code in councils))
        if not within or within == self.parts:
            known = 1.0 if within else 0.0
        elif not self.weights:
            return 0.0, 1.0
        else:
            known = sum(self.weights[p] for p in within) / sum(self.weights.values())
        return known, known


def areas_of(lineage: Lineage, store: Store, codes: Collection[str]) -> dict[str, Area]:
    """Return the areas of some successors.

    Parameters
    ----------
    lineage : Lineage
        Who followed whom.
    store : Store
        The tables, for dwellings.
    codes : collection of str
        Councils that followed others.
    """
    homes = store.figures([HOMES])
    homes = homes[homes["council_code"].isin(lineage.kin) & ~homes["is_recast"].astype(bool)]
    homes = pd.concat([homes, store.former_figures([HOMES])])
    by_year = homes.pivot(index="period", columns="council_code", values="value")
    areas = {}
    for code in codes:
        parts = frozenset(_parts(lineage, code))
        held: dict[str, frozenset[str]] = {}
        for before in lineage.ancestors(code):
            if lineage.units[before].tier == "county":
                held[before] = frozenset(p for p in parts if lineage.units[p].county == before)
            else:
                held[before] = parts & frozenset(_parts(lineage, before) or (before,))
        here = sorted(parts & set(by_year.columns))
        whole = by_year[here].dropna().tail(1) if len(here) == len(parts) else by_year.iloc[:0]
        weights = {str(part): float(whole[part].iloc[0]) for part in here} if len(whole) else {}
        areas[code] = Area(held, weights, parts)
    return areas


def _parts(lineage: Lineage, code: str) -> tuple[str, ...]:
    """Return the districts and single-tier councils that an area was first made of."""
    below = [p for p in lineage.predecessors.get(code, ()) if lineage.units[p].tier != "county"]
    return tuple(part for p in below for part in _parts(lineage, p) or (p,))


def population_of_abolished(lineage: Lineage, store: Store) -> pd.DataFrame:
    """Return the population of councils that population.csv lacks, from their successors'.

    Parameters
    ----------
    lineage : Lineage
        Who followed whom.
    store : Store
        The tables.

    Returns
    -------
    pandas.DataFrame
        council_code, period (calendar year), population_count (persons): of each successor the
        share of its people that lived in the abolished council, dwellings standing in. A county
        whose successors lay wholly in it is their sum. Councils for which a share is not known
        have no row.
    """
    people = population_by_year(store)
    held = set(people["council_code"])
    gone = sorted(lineage.kin & (set(store.councils["council_code"]) - held))
    homes = {code: lineage.successors_on(code, date.max) for code in gone}
    areas = areas_of(lineage, store, {after for codes in homes.values() for after in codes})
    by_council = dict(list(people.groupby("council_code")))
    parts = []
    for code, codes in homes.items():
        shares = {after: areas[after].share([code]) for after in codes if after in held}
        if len(shares) < len(codes) or any(least < most for least, most in shares.values()):
            continue
        rows = pd.concat([by_council[after] for after in shares])
        share = rows["council_code"].map({after: least for after, (least, _) in shares.items()})
        mine = rows["population_count"] * share
        total = mine.groupby(rows["period"]).sum().rename("population_count").reset_index()
        parts.append(total.assign(council_code=code)[list(people.columns)])
    return pd.concat(parts, ignore_index=True) if parts else people.iloc[:0]
