"""What if the register is wrong: controls that were exposed unnoticed, and the range they allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult, Verdict, not_applicable
from evallib.design import Design
from evallib.estimate import Estimate
from evallib.estimate.adoption_paths import encode_paths
from evallib.estimate.cells import CellSource
from evallib.estimate.group_time import prepare
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.exposure.exposure import NO_RECORD
from evallib.exposure.missing_events import MissingEvents
from evallib.inference.paths import PathPanel, path_panel
from evallib.inference.register_errors import draw_spans, exposed_share, scale_cells
from evallib.inference.register_range import (
    Events,
    Movable,
    movable,
    over_assignments,
    worst_case,
)
from evallib.panel.units import effect_unit, write_figure

CHECK = "errors of the register"
# Parts of the table.
CURVE, IMPLIED, KNOWN_ONLY = "share assumed", "share implied by totals", "recorded councils only"
RANDOM, WORST = "random assignments", "worst cases"
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
DRAWS = 1000
STARTS = 3
PERCENTILES = (5.0, 50.0, 95.0)


@dataclass(frozen=True, slots=True)
class Assignments:
    """An outcome's councils without a record, and where missing events can lead them.

    Parameters
    ----------
    panel : Movable
        The group-time effects with those councils free to move.
    events : Events
        The missing events.
    place : integer array, shape (U,)
        Row of each council among all that have no record.
    month_path : integer array, shape (U, M)
        The path that an event in each month would put the council on.
    """

    panel: Movable
    events: Events
    place: IntArray
    month_path: IntArray


def check_either(designs: Sequence[Design], found: Sequence[Estimate | None]) -> CheckResult:
    """Check whichever of a design and its alternative has councils without a record as controls.

    Parameters
    ----------
    designs : sequence of Design
        The design, and its alternative where it has one.
    found : sequence of Estimate or None
        The group-time estimate of each.
    """
    by_rule = {one.no_record: (one, item) for one, item in zip(designs, found, strict=True)}
    wide, estimate = by_rule.get("assume_not_exposed", (designs[0], None))
    if estimate is None:
        reason = "There is no group-time estimate with councils without a record as controls"
        return not_applicable(CHECK, wide.outcome, wide.no_record, reason)
    _, known = by_rule.get("only_known", (wide, None))
    return check_register(wide, estimate, wide.headline[1], known)


def check_register(
    design: Design, estimate: Estimate, aggregation: str, other: Estimate | None = None
) -> CheckResult:
    """Ask what events that the register lacks could do to the group-time estimate.

    Parameters
    ----------
    design : Design
        The design with councils without a record as controls.
    estimate : Estimate
        Its group-time estimate.
    aggregation : str
        The headline's aggregation.
    other : Estimate, optional
        The group-time estimate without those councils.

    Returns
    -------
    CheckResult
        ``pass`` when the interval, moved along with the estimate, reads the same (above zero,
        below it, inside plus and minus the meaningful change, or none of these) at the 5th and the
        95th percentile of random assignments of the missing events to councils without a record;
        ``concern`` when not. The sentence says whether the worst cases would change it.
        ``not applicable`` where no total says how many events are missing. The table has part,
        share (of the controls exposed unnoticed), estimate, conf_low and conf_high, a row a share
        that is assumed, one for the share implied by totals, one without the councils, the 5th to
        95th percentile (and median) of random assignments, and the worst cases.

    Notes
    -----
    A share ``p`` of exposed controls, on whom the effect is alike, leaves ``1 - p`` of an effect:
    cells are divided by it, the interval widens with their standard error. Random assignments and
    worst cases assume nothing of the effect on them: those councils change sides.
    """
    source = estimate.source
    missing = design.missing
    if not isinstance(source, CellSource) or missing is None:
        reason = (
            "The group-time estimate keeps no cells to give missing events to"
            if missing is not None
            else "Which events the register lacks was not worked out for this design"
        )
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    if not (design.councils["status"] == NO_RECORD).any():
        # A register that is declared complete has no such council, and says why.
        nobody = not missing.codes.size and missing.reason
        reason = missing.reason if nobody else "No council without a record compares"
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    kept = estimate.aggregate(aggregation)
    rows = [_divided(kept, CURVE, share) for share in SHARES]
    if other is not None:
        without = other.aggregate(aggregation)
        rows.append((KNOWN_ONLY, np.nan, *_three(without)))
    verdict: Verdict = "not applicable"
    if missing.reason:
        sentence = f"{missing.reason}. What a share of exposed controls would hide is shown alone"
    else:
        rows.append(_implied(source, kept, aggregation, missing))
        sentence = (
            "With covariates the range over assignments of missing events is not worked out: what "
            "a share of exposed controls would hide is shown alone"
        )
        if not design.covariates:
            arms = assignments(design, missing, aggregation)
            spread, worst = ranges(arms, missing, design.seed)
            rows += [(RANDOM, np.nan, *spread), (WORST, np.nan, np.nan, *worst)]
            verdict, sentence = _judge(design, kept, spread, worst, missing)
    columns = ["part", "share", "estimate", "conf_low", "conf_high"]
    table = pd.DataFrame(rows, columns=columns)
    table = table[["part", "share", "conf_low", "estimate", "conf_high"]]
    return CheckResult(CHECK, design.outcome, design.no_record, verdict, sentence, table)


def _three(estimate: Estimate) -> tuple[float, float, float]:
    ends = (estimate.point[0], estimate.conf_low[0], estimate.conf_high[0])
    return float(ends[0]), float(ends[1]), float(ends[2])


def _divided(kept: Estimate, part: str, share: float) -> tuple[str, float, float, float, float]:
    """Return an estimate and its bounds, divided by the share of controls that were unexposed."""
    point, low, high = _three(kept)
    return part, share, point / (1 - share), low / (1 - share), high / (1 - share)


def _implied(
    source: CellSource, kept: Estimate, aggregation: str, missing: MissingEvents
) -> tuple[str, float, float, float, float]:
    """Return the same at each cell's own share of exposed controls, as published totals imply.

    The interval is the estimate's own, as much wider as the standard error from influence values.
    """
    per_month = missing.counts / np.bincount(missing.span, minlength=missing.counts.size)
    chance = (missing.weight * per_month)[:, missing.span]  # (U, M)
    place = {code: at for at, code in enumerate(missing.codes)}
    at = np.array([place.get(code, -1) for code in source.units], dtype=np.int64)
    chances = np.where((at >= 0)[:, None], chance[at], 0.0)
    share = exposed_share(source.problem, source.solution.codes, chances, missing.cohort)
    scaled = scale_cells(source, aggregation, share)
    plain = scale_cells(source, aggregation, np.zeros_like(share))
    wider = scaled.std_error / plain.std_error
    point, low, high = _three(kept)
    ends = (scaled.point + (low - point) * wider, scaled.point + (high - point) * wider)
    return IMPLIED, scaled.share, scaled.point, *ends


def assignments(design: Design, missing: MissingEvents, aggregation: str) -> Assignments:
    """Return an outcome's councils without a record, and where missing events can lead them.

    Parameters
    ----------
    design : Design
        Without covariates, with councils without a record as controls.
    missing : MissingEvents
    aggregation : str
        The headline's aggregation.
    """
    panel = path_panel(design)
    councils = design.councils.sort_values("council_code")
    units = np.flatnonzero((councils["status"] == NO_RECORD).to_numpy())
    cohort, treated = _paths_of_events(design, panel, units, missing)
    paths, codes = encode_paths(
        np.concatenate([panel.paths.cohort[panel.codes], cohort.ravel()]),
        np.concatenate([panel.paths.is_treated[panel.codes], treated.ravel()]),
    )
    month_path = codes[panel.codes.size :].reshape(cohort.shape)
    problem = prepare(
        panel.outcome,
        panel.observed,
        panel.periods,
        paths,
        comparison="never_treated" if design.comparison == "never_treated" else "not_yet_treated",
        base="universal",
        anticipation=design.anticipation,
        weight=panel.weight.max(axis=1),
        cluster=panel.cluster,
    )
    to_path = np.zeros((missing.counts.size, units.size, paths.cohort.size), dtype=bool)
    rows = np.arange(units.size)
    for month, span in enumerate(missing.span):
        to_path[span, rows, month_path[:, month]] = True
    place = np.searchsorted(missing.codes.astype(str), panel.units[units].astype(str))
    others = missing.codes.size - units.size
    least = max(int(missing.counts.sum()) - others, 0)
    return Assignments(
        movable(problem, codes[: panel.codes.size], units, aggregation),
        Events(missing.counts, to_path, least),
        place.astype(np.int64),
        month_path,
    )


def _paths_of_events(
    design: Design, panel: PathPanel, units: IntArray, missing: MissingEvents
) -> tuple[FloatArray, BoolArray]:
    """Return cohort and whether treated of each council, had it an event in each month (U, M).

    The rules are those of the design: an event that is not studied, or after which the council
    shows nothing, makes a later-treated control, which ``never_treated`` drops; a treated council
    without a figure before its event is dropped. A dropped council is on a path that began before
    everything: it neither compares nor is treated.
    """
    seen = panel.observed[units]
    first = panel.periods[seen.argmax(axis=1)][:, None]
    last = panel.periods[seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)][:, None]
    cohort = missing.cohort[None, :]
    treated = missing.is_studied[None, :] & (last >= cohort)
    gone = treated & (first >= cohort - design.anticipation)
    if design.comparison == "never_treated":
        gone = gone | ~treated
    return np.where(gone, -np.inf, cohort), np.asarray(treated & ~gone)


def ranges(
    arms: Assignments, missing: MissingEvents, seed: int
) -> tuple[tuple[float, float, float], tuple[float, float]]:
    """Return median, 5th and 95th percentile of random assignments, and the worst cases found.

    The worst cases are searched from no event and from the furthest random assignments.
    """
    spans, paths = draw_assignments(arms, missing, DRAWS, np.random.default_rng(seed))
    drawn = over_assignments(arms.panel, paths)
    low, middle, high = np.nanpercentile(drawn, PERCENTILES)
    worst = []
    for sign in (-1.0, 1.0):
        furthest = np.argsort(-sign * drawn)[:STARTS]  # those without an estimate come last
        starts = [np.stack([spans[one], paths[one]]) for one in furthest]
        worst.append(worst_case(arms.panel, arms.events, sign, starts)[0])
    return (float(middle), float(low), float(high)), (float(worst[0]), float(worst[1]))


def draw_assignments(
    arms: Assignments, missing: MissingEvents, draws: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw assignments of the missing events to councils: span and path of each, (draws, U).

    Events fall on all councils without a record, those of this outcome among them; days within a
    span are alike.
    """
    spans = draw_spans(missing.counts, missing.weight, draws, rng)[:, arms.place]
    months = np.argsort(missing.span, kind="stable")
    size = np.bincount(missing.span, minlength=missing.counts.size)
    first = np.cumsum(size) - size
    within = (rng.random(spans.shape) * size[spans]).astype(np.int64)
    month = months[first[spans] + within]
    taken = arms.month_path[np.arange(spans.shape[1])[None, :], month]
    return spans, np.where(spans >= 0, taken, arms.panel.recorded)


def _judge(
    design: Design,
    kept: Estimate,
    spread: tuple[float, float, float],
    worst: tuple[float, float],
    missing: MissingEvents,
) -> tuple[Verdict, str]:
    point, low, high = _three(kept)
    here = int((design.councils["status"] == NO_RECORD).sum())
    change = design.meaningful_change

    def conclusion(value: float) -> tuple[bool, bool, bool]:
        """Return how the interval reads, moved along with the estimate."""
        first, last = low + value - point, high + value - point
        return first > 0, last < 0, -change < first and last < change

    at_random = all(conclusion(value) == conclusion(point) for value in spread[1:])
    at_worst = all(conclusion(value) == conclusion(point) for value in worst)
    what = (
        f"Were the {int(missing.counts.sum())} events that the register lacks assigned at random "
        f"to the {missing.codes.size} councils without a record, {here} of them in this sample, "
        f"the estimate of {write_figure(point)} would mostly lie between "
        f"{write_figure(spread[1])} and {write_figure(spread[2], effect_unit(design.unit))} "
        "(5 to 95 per cent); given to those that move it most, between "
        f"{write_figure(worst[0])} and {write_figure(worst[1])}"
    )
    if not at_random:
        return "concern", f"{what}. Chance alone could change how the interval reads"
    if not at_worst:
        return (
            "pass",
            f"{what}. Random assignment does not change how the interval reads; the worst case "
            "found does",
        )
    return "pass", f"{what}. Neither changes how the interval reads"
