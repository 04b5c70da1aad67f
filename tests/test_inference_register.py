"""Errors of the register, over arrays: shares, draws, and the search against every assignment."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evallib.estimate.adoption_paths import Paths, encode_paths
from evallib.estimate.group_time import Problem, prepare, solve
from evallib.inference.register_errors import draw_spans, exposed_share
from evallib.inference.register_range import (
    Events,
    Movable,
    movable,
    over_assignments,
    worst_case,
)

PERIODS = np.arange(2010, 2016)
# Paths of the small panel: treated from 2013 or 2014, exposed in 2015 but not studied, never.
COHORT = np.array([2013.0, 2014.0, 2015.0, np.inf])
NEVER = 3


def small_panel(seed: int, *, weighted: bool = False) -> tuple[Problem, np.ndarray]:
    """Eleven units on recorded paths and five without a record, some rows missing."""
    rng = np.random.default_rng(seed)
    cohort = np.concatenate([np.repeat(COHORT, [3, 3, 2, 3]), np.full(5, np.inf)])
    treated = np.isfinite(cohort) & (cohort != 2015)
    paths, codes = encode_paths(cohort, treated)
    outcome = rng.normal(size=(16, PERIODS.size))
    observed = rng.random(outcome.shape) > 0.08
    weight = rng.uniform(0.5, 2.0, 16) if weighted else None
    problem = prepare(
        outcome,
        observed,
        PERIODS,
        paths,
        comparison="not_yet_treated",
        base="universal",
        anticipation=1,
        weight=weight,
    )
    return problem, codes


def small_events(least: int) -> Events:
    """Two events in the first span (to 2013 or 2014), one in the second (to 2014 or 2015)."""
    to_path = np.zeros((2, 5, 4), dtype=bool)
    to_path[0, :, [0, 1]] = True
    to_path[1, :, [1, 2]] = True
    to_path[1, 0] = False  # one unit cannot have it
    return Events(np.array([2, 1]), to_path, least)


def every_assignment(events: Events) -> np.ndarray:
    """Paths of all assignments that keep the counts, shape (R, 5)."""
    found = []
    for spans in itertools.product((-1, 0, 1), repeat=5):
        given = np.array([spans.count(0), spans.count(1)])
        if (given > events.counts).any() or given.sum() < events.least:
            continue
        choices = [
            [NEVER] if span < 0 else np.flatnonzero(events.to_path[span, unit]).tolist()
            for unit, span in enumerate(spans)
        ]
        found += list(itertools.product(*choices))
    return np.array(found)


@pytest.mark.parametrize("aggregation", ["group", "simple", "dynamic", "calendar"])
def test_moved_units_are_solved_as_a_fit_would(aggregation: str) -> None:
    problem, codes = small_panel(3, weighted=True)
    units = np.arange(11, 16)
    panel = movable(problem, codes, units, aggregation)
    paths = np.random.default_rng(1).integers(0, 4, size=(6, 5))
    values = over_assignments(panel, paths)
    for row, value in zip(paths, values, strict=True):
        moved = codes.copy()
        moved[units] = row
        assert value == pytest.approx(by_cells(problem, moved, aggregation), abs=1e-12)


def by_cells(problem: Problem, codes: np.ndarray, aggregation: str) -> float:
    """Average solved cells by hand, one aggregation after another."""
    solution, cells = solve(problem, codes), problem.cells
    post = solution.valid & (cells.period >= cells.group)
    share = solution.share[cells.path]
    if aggregation == "simple":
        return float(np.average(solution.att[post], weights=share[post]))
    key = {"group": cells.group, "calendar": cells.period, "dynamic": cells.period - cells.group}
    parts, mass = [], []
    for value in np.unique(key[aggregation][post]):
        here = post & (key[aggregation] == value)
        parts.append(np.average(solution.att[here], weights=share[here]))
        mass.append(share[here][0] if aggregation == "group" else 1.0)
    return float(np.average(parts, weights=mass))


@pytest.mark.parametrize("least", [0, 3])
@pytest.mark.parametrize("seed", range(6))
def test_search_finds_what_trying_everything_finds(seed: int, least: int) -> None:
    problem, codes = small_panel(seed)
    panel = movable(problem, codes, np.arange(11, 16), "group")
    events = small_events(least)
    values = over_assignments(panel, every_assignment(events))
    rng = np.random.default_rng(seed)
    starts = [random_assignment(events, rng) for _ in range(8)]
    for sign, best in ((1.0, np.nanmax(values)), (-1.0, np.nanmin(values))):
        value, found = worst_case(panel, events, sign, starts)
        assert value == pytest.approx(best, abs=1e-12)
        check_assignment(panel, events, found)
        assert over_assignments(panel, found[1][None])[0] == pytest.approx(value, abs=1e-12)


def random_assignment(events: Events, rng: np.random.Generator) -> np.ndarray:
    span = draw_spans(events.counts, events.to_path.any(axis=2).T.astype(float), 1, rng)[0]
    path = np.full(span.size, NEVER)
    for unit in np.flatnonzero(span >= 0):
        path[unit] = rng.choice(np.flatnonzero(events.to_path[span[unit], unit]))
    return np.stack([span, path])


def check_assignment(panel: Movable, events: Events, found: np.ndarray) -> None:
    span, path = found
    given = np.bincount(span[span >= 0], minlength=events.counts.size)
    assert (given <= events.counts).all()
    assert given.sum() >= events.least
    assert (path[span < 0] == panel.recorded[span < 0]).all()
    units = np.flatnonzero(span >= 0)
    assert events.to_path[span[units], units, path[units]].all()


def test_search_from_a_start_is_never_worse_than_it() -> None:
    problem, codes = small_panel(11)
    panel = movable(problem, codes, np.arange(11, 16), "group")
    start = np.array([[0, 0, 1, -1, -1], [0, 1, 2, NEVER, NEVER]])
    begun = over_assignments(panel, start[1][None])[0]
    kept = start.copy()
    assert worst_case(panel, small_events(0), 1.0, [start])[0] >= begun
    assert worst_case(panel, small_events(0), -1.0, [start])[0] <= begun
    np.testing.assert_array_equal(start, kept)


def test_draws_respect_every_total_exactly() -> None:
    rng = np.random.default_rng(4)
    weight = rng.uniform(size=(30, 3))
    weight[:5, 1] = 0.0
    drawn = draw_spans(np.array([4, 7, 2]), weight, 500, rng)
    for span, count in enumerate((4, 7, 2)):
        assert ((drawn == span).sum(axis=1) == count).all()
    assert not (drawn[:, :5] == 1).any()
    # the first span is drawn as the weights say: 30 units, 2,000 draws of one
    first = draw_spans(np.array([1]), weight[:, :1], 20_000, rng) == 0
    expected = weight[:, 0] / weight[:, 0].sum()
    # four standard errors of a share
    bound = 4 * np.sqrt(expected * (1 - expected) / 20_000)
    assert (np.abs(first.mean(axis=0) - expected) < bound).all()


def test_a_span_with_more_events_than_units_takes_them_all() -> None:
    weight = np.array([[1.0], [1.0], [0.0]])
    drawn = draw_spans(np.array([5]), weight, 10, np.random.default_rng(1))
    assert (drawn == np.array([0, 0, -1])).all()


def test_share_of_exposed_controls_by_loops() -> None:
    problem, codes = small_panel(5, weighted=True)
    rng = np.random.default_rng(2)
    chances = np.zeros((16, 3))
    chances[11:] = rng.uniform(0, 0.3, size=(5, 3))
    cohort = np.array([2012, 2013, 2015])
    share = exposed_share(problem, codes, chances, cohort)
    cells = problem.cells
    for cell in range(cells.path.size):
        base, now = PERIODS[cells.base[cell]], cells.period[cell]
        exposed = total = 0.0
        for unit in range(16):
            if not problem.control[cell, codes[unit]]:
                continue
            weight = problem.both[unit, cells.pair[cell]]
            total += weight
            exposed += weight * sum(
                chance
                for chance, start in zip(chances[unit], cohort, strict=True)
                if base < start <= now
            )
        assert share[cell] == pytest.approx(exposed / total if total else 0.0)


def test_paths_that_drop_out_neither_compare_nor_count() -> None:
    cohort = np.array([2013.0, 2013, 2013, -np.inf, np.inf, np.inf, np.inf])
    treated = np.isfinite(cohort) & (cohort > 0)
    paths, codes = encode_paths(cohort, treated)
    assert isinstance(paths, Paths)
    outcome = np.random.default_rng(1).normal(size=(7, PERIODS.size))
    observed = np.ones(outcome.shape, dtype=bool)
    problem = prepare(outcome, observed, PERIODS, paths, base="universal", anticipation=1)
    every = movable(problem, codes, np.array([3]), "group")
    kept = np.delete(np.arange(7), 3)
    paths, codes = encode_paths(cohort[kept], treated[kept])
    rest = prepare(outcome[kept], observed[kept], PERIODS, paths, base="universal", anticipation=1)
    alone = movable(rest, codes, np.array([5]), "group")
    here = over_assignments(every, every.recorded[None])
    np.testing.assert_allclose(here, over_assignments(alone, alone.recorded[None]), rtol=1e-12)
