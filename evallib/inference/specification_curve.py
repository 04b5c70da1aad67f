"""Every specification of a plan or of a frame at once."""

from __future__ import annotations

import inspect
import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import EstimationError, Fault, did_you_mean, type_words
from evallib.inference.specification_columns import SAMPLES
from evallib.inference.specification_frames import frame_curve
from evallib.inference.specification_results import Choices, Curve, Curves, Wanted, make_curve
from evallib.inference.specification_samples import Samples, combinations
from evallib.panel.build import open_store, panel_from_store
from evallib.plan import Plan
from evallib.plan.deviations import ABSENT, Deviation, find_deviations, label_specifications
from evallib.plan.lock import DECLARED, read_lock
from evallib.plan.specifications import alternatives

Labels = Callable[[str, list[Choices]], list[str]]
DRAWS = 499
OF_A_FRAME = (
    "Give the columns outcome=, unit=, time= and cohort=, and other values by choice, such as "
    "alternatives={'estimator': ['twfe']}"
)
FORM = ("scale", "per", "index_method", "base_years")


def specification_curve(
    plan: Plan | pd.DataFrame,
    data: Path | str | None = None,
    *,
    role: str = "primary",
    draws: int = DRAWS,
    workers: int = 1,
    progress: Callable[[str], None] | None = None,
    **of_frame: Any,
) -> Curves:
    """Estimate every combination of a plan's choices, and test the combinations together.

    Two-way specifications of a sample are solved at once (`solve_specifications`); other
    estimators are fitted one by one. Intervals are analytic and clustered as the specification
    says; the joint test does not rest on them: it permutes adoption paths within council type,
    one permutation for all specifications of an outcome. Specifications whose draws are algebra
    take part in it (``twfe``, and ``group_time`` without covariates).

    Parameters
    ----------
    plan : Plan or DataFrame
        With ``specifications``; or a tidy frame.
    data : path, optional
        As for `build_panel`.
    role : str
        Only outcomes of this role; empty for all.
    draws : int
        Permutations; 0 for none.
    workers : int
        Processes; with more than one, a script needs the usual ``if __name__ == "__main__":``.
    progress : callable, optional
        Is given a line an outcome.
    **of_frame
        Of a frame alone, which takes ``draws`` of the parameters above: the columns ``outcome``,
        ``unit``, ``time`` and ``cohort`` (first treated period, missing for never), and
        ``alternatives`` (other values by choice: ``outcome``, ``cohort``, ``sample``, ``years``,
        ``covariates``, ``cluster``, ``estimator``, ``winsorise``, ``comparison``,
        ``anticipation``, ``event_window``); with defaults ``estimator``, ``covariates``,
        ``comparison``, ``anticipation``, ``event_window``, ``strata``, ``meaningful_change``,
        ``level`` and ``seed``. ``sample`` takes names of columns of 0 and 1: the rows to keep.
        See `evallib.inference.specification_frames.frame_curve` for each.

    Returns
    -------
    Curves
        Every combination is a row, also where nothing could be estimated.

    Raises
    ------
    PlanError, DataError
        As `build_panel`, for the plan and for each alternative alone; for a lock that was changed.
    EstimationError
        When no outcome has the role; for faults of a frame; for what is neither.

    Examples
    --------
    >>> rows = [(u, t, 2010 if u % 3 == 0 else None) for u in range(90) for t in range(2007, 2013)]
    >>> table = pd.DataFrame(rows, columns=["council", "year", "first"])
    >>> table["rate"] = (table["council"] * 7919 * table["year"] % 101) / 50.0
    >>> table["is_large"] = (table["council"] % 4 > 0).astype(int)
    >>> columns = {"outcome": "rate", "unit": "council", "time": "year", "cohort": "first"}
    >>> others = {"estimator": ["twfe"], "sample": ["is_large"], "winsorise": [0.05]}
    >>> specification_curve(table, **columns, alternatives=others, draws=9)
    8 specifications of 1 outcome
    """
    if isinstance(plan, pd.DataFrame):
        _require_options(of_frame)
        return Curves((frame_curve(plan, draws=draws, **of_frame),))
    if not isinstance(plan, Plan):
        what = f"{type_words(plan)} is neither a plan nor a frame"
        remedy = "Give what evallib.load_plan returned, or a tidy frame with its columns"
        raise EstimationError([Fault("specification_curve", what, "", remedy)])
    if of_frame:
        what = f"{', '.join(of_frame)}: for frames alone"
        remedy = "Write alternatives under specifications in the plan"
        raise EstimationError([Fault("specification_curve", what, "", remedy)])
    outcomes = [one.indicator for one in plan.outcomes if role in ("", one.role)]
    if not outcomes:
        fault = Fault(f"plan {plan.name}", f"no outcome is {role}", "", "Give another role")
        raise EstimationError([fault])
    store = open_store(data)
    panel_from_store(plan, store)  # tells every fault of the plan and its alternatives at once
    samples = Samples(plan, panel_from_store(plan, store).store, draws)
    label = _labels(plan, samples)
    if workers <= 1:
        return Curves(tuple(_curve(plan, samples, n, label, None, progress) for n in outcomes))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return Curves(tuple(_curve(plan, samples, n, label, pool, progress) for n in outcomes))


def _require_options(given: Mapping[str, Any]) -> None:
    """Refuse options that frames do not have, and the lack of those that they need."""
    options = {k: v for k, v in inspect.signature(frame_curve).parameters.items() if k != "frame"}
    remedy = f"Use {', '.join(options)}"
    of_samples = f"Write alternatives={{'sample': [...]}} with {SAMPLES}"
    faults = [
        Fault(
            f"option {name!r}",
            f"there is none.{did_you_mean(name, options)}",
            "",
            of_samples if name == "sample" else remedy,
        )
        for name in given
        if name not in options
    ]
    needed = [name for name, one in options.items() if one.default is inspect.Parameter.empty]
    if lacking := [f"{name}=" for name in needed if name not in given]:
        what = f"a frame is given without {', '.join(lacking)}"
        faults.append(Fault("specification_curve", what, "", OF_A_FRAME))
    if faults:
        raise EstimationError(faults)


def _labels(plan: Plan, samples: Samples) -> Labels:
    """Return what tells planned combinations from others, by the plan's lock."""
    lock = read_lock(plan)
    if lock is None:
        return partial(label_specifications, None, plan, ())
    found = find_deviations(lock, plan, samples.store.inputs)

    def is_of_both(one: Deviation) -> bool:
        """Which tables were read depends on who asks; what they are declared to be does not."""
        is_table = one.key.startswith("data ") and not one.key.endswith(DECLARED)
        return not is_table or ABSENT not in (one.locked, one.now)

    return partial(label_specifications, lock, plan, [one.key for one in found if is_of_both(one)])


def _curve(
    plan: Plan,
    samples: Samples,
    outcome: str,
    label: Labels,
    pool: ProcessPoolExecutor | None,
    progress: Callable[[str], None] | None,
) -> Curve:
    chosen = combinations(plan, outcome)
    if progress is not None:
        progress(f"{outcome}: {len(chosen):,} specifications")
    part = plan.outcome(outcome)
    given = alternatives(plan, outcome)
    facts = (outcome, part.role, part.meaningful_change, plan.confidence_level)
    wanted = Wanted(*facts, given, chosen, FORM, label(outcome, chosen))
    return make_curve(wanted, samples.jobs(outcome, chosen), pool)
