"""Panels in which exposure begins and ends, and DID_l and LP-DiD written out with loops.

Nothing here is shared with the package.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS = {"outcome": "rate", "unit": "council", "time": "year", "treatment": "on"}


def draw(seed: int):
    """Yield numbers between 0 and 1 that no library's version can change."""
    state = seed
    while True:
        state = (1103515245 * state + 12345) % 2**31
        yield state / 2**31


def on_off_panel(
    seed: int = 1,
    units: int = 48,
    years: int = 10,
    effect: float = 1.0,
    only_begin: bool = False,
    stays: bool = False,
) -> pd.DataFrame:
    """Return a panel in which every sixth council is exposed at first, most begin, many end."""
    numbers = draw(seed)
    rows = []
    for unit in range(units):
        first = int(unit % 6 == 0 and not only_begin)
        start = 2 + int(next(numbers) * (years + 2))
        end = start + 1 + int(next(numbers) * 4)
        again = end + 1 + int(next(numbers) * 4)
        weight = 1 + int(next(numbers) * 50) / 10
        level = 10 * next(numbers)
        for year in range(years):
            other = year >= start and (stays or not end <= year < again)
            on = 1 - first if other else first
            level += next(numbers) - 0.5 + 0.1 * first
            size = effect * on * (1 + unit % 3) / 2
            noise = next(numbers) + next(numbers)
            rows.append((f"E{unit:03d}", 2010 + year, on, level + size + noise, weight, unit // 2))
    columns = ["council", "year", "on", "rate", "people", "pair"]
    return pd.DataFrame(rows, columns=columns)


def with_holes(frame: pd.DataFrame, kind: str, seed: int = 7) -> pd.DataFrame:
    """Return a panel of which about every eighth row has no outcome or is absent."""
    numbers = draw(seed)
    gone = np.array([next(numbers) < 0.125 for _ in range(len(frame))])
    if kind == "absent":
        return frame[~gone].reset_index(drop=True)
    return frame.assign(rate=frame["rate"].mask(gone))


def paths(frame: pd.DataFrame) -> dict:
    """Return {council: {year: (on, rate)}} of rows with known exposure."""
    found: dict = {}
    for row in frame.itertuples():
        found.setdefault(row.council, {})[row.year] = (row.on, row.rate)
    return found


def did_l(frame: pd.DataFrame, ahead: int, placebo: bool = False) -> tuple[float, float, int]:
    """Return DID_l or its placebo, its standard error and its switchers, on a complete panel."""
    held = paths(frame)
    first_year = frame["year"].min()
    base_of, switch = {}, {}
    for unit, path in held.items():
        base_of[unit] = path[first_year][0]
        changed = [year for year, (on, _) in sorted(path.items()) if on != base_of[unit]]
        switch[unit] = changed[0] if changed else np.inf
    total, count = 0.0, 0
    parts = dict.fromkeys(held, 0.0)
    for state, sign in ((0, 1), (1, -1)):
        for year in sorted(frame["year"].unique()):
            start = year - ahead + 1
            alike = [unit for unit in held if base_of[unit] == state]
            inner = [unit for unit in alike if switch[unit] == start]
            outer = [unit for unit in alike if switch[unit] > year]
            before, then = start - 1, start - 1 - ahead if placebo else year

            def change(unit, then=then, before=before):
                return held[unit][then][1] - held[unit][before][1]

            inner = [unit for unit in inner if {before, then} <= set(held[unit])]
            outer = [unit for unit in outer if {before, then} <= set(held[unit])]
            if not inner or not outer:
                continue
            means = [np.mean([change(unit) for unit in side]) for side in (inner, outer)]
            both = np.mean([change(unit) for unit in inner + outer])
            total += sign * len(inner) * (means[0] - means[1])
            count += len(inner)
            for side, mean, size in ((inner, means[0], 1), (outer, means[1], -len(inner))):
                alone = len(side) == 1
                number = len(inner + outer) if alone else len(side)
                for unit in side:
                    gap = change(unit) - (both if alone else mean)
                    share = size if side is inner else size / len(outer)
                    parts[unit] += sign * share * gap * np.sqrt(number / (number - 1))
    if not count:
        return np.nan, np.nan, 0
    return total / count, np.sqrt(sum(part**2 for part in parts.values())) / count, count


def lp_rows(
    frame: pd.DataFrame, horizon: int, window: int | None, exits_compare: bool = False
) -> list[tuple[str, int, float, int]]:
    """Return (council, year, change, begins) of one projection's rows, on a complete panel."""
    held = paths(frame)
    years = sorted(frame["year"].unique())
    rows = []
    for unit, path in held.items():
        on = {year: path[year][0] for year in years}
        for year in years:
            if year - 1 not in on or year + horizon not in on:
                continue
            back = len(years) if window is None else max(window, -horizon)
            earlier = [y for y in years if year - back <= y < year]
            later = [y for y in years if year < y <= year + max(horizon, 0)]
            changes = {y for y in years if on[y] != on.get(y - 1, 0)}
            begins = on[year] and not on[year - 1] and not any(on[y] for y in earlier)
            begins = begins and not changes & set(later)
            own = set() if exits_compare and horizon < 0 and not on[year] else {year}
            clean = not changes & {*earlier, *own, *later}
            if begins or clean:
                rows.append((unit, year, path[year + horizon][1] - path[year - 1][1], int(begins)))
    return rows


def projection(rows: list[tuple[str, int, float, int]]) -> tuple[float, float]:
    """Return the coefficient of beginning and its CR1 standard error, by dummies of years."""
    years = sorted({year for _, year, _, _ in rows})
    design = np.array([[begins, *(year == y for y in years)] for _, year, _, begins in rows], float)
    change = np.array([value for _, _, value, _ in rows])
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ change
    left = change - design @ beta
    units = sorted({unit for unit, _, _, _ in rows})
    scores = np.zeros((len(units), design.shape[1]))
    for place, (unit, _, _, _) in enumerate(rows):
        scores[units.index(unit)] += design[place] * left[place]
    groups, number, width = len(units), len(rows), design.shape[1]
    factor = groups / (groups - 1) * (number - 1) / (number - width)
    return float(beta[0]), float((factor * inverse @ scores.T @ scores @ inverse)[0, 0] ** 0.5)
