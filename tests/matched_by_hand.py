"""Matched differences written out with loops over dictionaries: slow, plain, and apart."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

Rows = dict[tuple[str, int], float]


@dataclass
class ByHand:
    """What the loops find: pairs, differences by unit and event time, and cohorts' pools."""

    pairs: dict[str, list[str]] = field(default_factory=dict)
    distance: dict[tuple[str, str], float] = field(default_factory=dict)
    effects: dict[tuple[str, int], float] = field(default_factory=dict)
    parts: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    pools: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)
    cohort: dict[str, int] = field(default_factory=dict)
    base: dict[int, int] = field(default_factory=dict)

    def unit_mean(self, unit: str) -> float:
        return float(np.mean([v for (who, e), v in self.effects.items() if who == unit and e >= 0]))

    def att(self) -> float:
        return float(np.mean([self.unit_mean(unit) for unit in self.pairs]))


def features(rows: Rows, unit: str, base: int, years: list[int], length: int) -> np.ndarray | None:
    """Return level and slope of a unit, or None where it lacks them."""
    window = [year for year in years if year <= base][-length:]
    there = [year for year in window if (unit, year) in rows]
    if base not in there or len(there) < 2:
        return None
    slope = np.polyfit(np.array(there) - base, [rows[unit, year] for year in there], 1)[0]
    return np.array([rows[unit, base], slope])


def match(
    frame: pd.DataFrame, k: int, *, length: int = 4, anticipation: int = 0, exact: str | None = None
) -> ByHand:
    """Match every treated unit to its k nearest never-treated ones, ties included."""
    rows = {(r.council, int(r.year)): float(r.rate) for r in frame.itertuples()}
    first = frame.groupby("council")["first"].first()
    kinds = frame.groupby("council")[exact].first() if exact else None
    years = sorted({int(year) for year in frame["year"]})
    found = ByHand()
    for start in sorted({int(g) for g in first.dropna()}):
        base = max(year for year in years if year + anticipation < start)
        found.base[start] = base
        known = {u: features(rows, u, base, years, length) for u in first.index}
        pool = {u: x for u, x in known.items() if x is not None and np.isnan(first[u])}
        scale = np.std(list(pool.values()), axis=0)
        found.pools[start] = {u: x / scale for u, x in pool.items()}
        for unit in first.index[first == start]:
            if known[unit] is None:
                continue
            away = {
                u: float(np.sqrt(np.mean((known[unit] / scale - x) ** 2)))
                for u, x in found.pools[start].items()
                if kinds is None or kinds[u] == kinds[unit]
            }
            limit = sorted(away.values())[min(k, len(away)) - 1] + 1e-9
            chosen = [u for u, gap in away.items() if gap <= limit]
            added = 0
            for year in years:
                near = [u for u in chosen if (u, year) in rows]
                if year == base or (unit, year) not in rows or not near:
                    continue
                theirs = [rows[u, year] - rows[u, base] for u in near]
                own = rows[unit, year] - rows[unit, base]
                found.effects[unit, year - start] = own - float(np.mean(theirs))
                found.parts[unit, year - start] = {u: 1 / len(near) for u in near}
                added += year >= start
            if not added:
                for key in [key for key in found.effects if key[0] == unit]:
                    del found.effects[key]
                continue
            found.pairs[unit], found.cohort[unit] = chosen, start
            found.distance |= {(unit, u): away[u] for u in chosen}
    return found


def own_residuals(
    frame: pd.DataFrame, found: ByHand, start: int, apart: dict[str, str] | None = None
) -> dict[tuple[str, int], float]:
    """Return each pool unit's variation from its two nearest others, by year."""
    rows = {(r.council, int(r.year)): float(r.rate) for r in frame.itertuples()}
    years = sorted({int(year) for year in frame["year"]})
    pool, base = found.pools[start], found.base[start]
    result = {}
    for unit, x in pool.items():
        away = {
            u: float(np.sqrt(np.mean((x - y) ** 2)))
            for u, y in pool.items()
            if u != unit and (apart is None or apart[u] != apart[unit])
        }
        limit = sorted(away.values())[1] + 1e-9
        like = [u for u, gap in away.items() if gap <= limit]
        for year in years:
            if (unit, year) not in rows:
                continue
            change = [rows[u, year] - rows[u, base] for u in like if (u, year) in rows]
            if not change:
                continue  # no test asks for it: reading it is a KeyError
            own = rows[unit, year] - rows[unit, base]
            result[unit, year] = np.sqrt(len(change) / (len(change) + 1)) * (own - np.mean(change))
    return result


def variance(frame: pd.DataFrame, found: ByHand, cluster: dict[str, str] | None = None) -> float:
    """Return the variance of the mean effect by theorem 7 of Abadie and Imbens (2006).

    Over several cohorts and periods a comparator's parts are added up within its cluster first.
    """
    n = len(found.pairs)
    group = cluster or {unit: unit for unit in frame["council"]}
    treated: dict[str, float] = {}
    for unit in found.pairs:
        gap = (found.unit_mean(unit) - found.att()) / n
        treated[group[unit]] = treated.get(group[unit], 0.0) + gap
    total: dict[str, float] = {}
    counted: dict[str, float] = {}
    for unit in found.pairs:
        start = found.cohort[unit]
        residual = own_residuals(frame, found, start, cluster)
        after = [e for (who, e) in found.effects if who == unit and e >= 0]
        inside: dict[str, float] = {}
        for event in after:
            for near, weight in found.parts[unit, event].items():
                part = weight * residual[near, start + event] / len(after) / n
                inside[group[near]] = inside.get(group[near], 0.0) + part
        for name, part in inside.items():
            total[name] = total.get(name, 0.0) + part
            counted[name] = counted.get(name, 0.0) + part**2
    extra = {name: max(0.0, total[name] ** 2 - counted[name]) for name in total}
    names = set(treated) | set(extra)
    for name in names:  # a cluster on both sides adds its parts before squaring
        if name in treated and name in extra:
            sign = -np.sign(total[name])
            treated[name] += sign * np.sqrt(extra.pop(name))
    return float(sum(v**2 for v in treated.values()) + sum(extra.values()))


def best_assignment(distance: np.ndarray) -> tuple[int, float]:
    """Return the most pairs that use a column once, and the smallest sum over such pairs."""
    rows, columns = distance.shape
    best = (0, 0.0)
    places = [*range(columns), *[-1] * rows]
    for chosen in set(itertools.permutations(places, rows)):
        gaps = [distance[r, c] for r, c in enumerate(chosen) if c >= 0]
        if not np.isfinite(gaps).all():
            continue
        if len(gaps) > best[0] or (len(gaps) == best[0] and sum(gaps) < best[1]):
            best = (len(gaps), float(sum(gaps)))
    return best
