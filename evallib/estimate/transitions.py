"""States seen one after another: the histories of units, each inside one scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, EvallibWarning, Fault, first_five
from evallib.estimate.columns import Notes, read_labels, read_numbers
from evallib.estimate.grid import dense_codes
from evallib.estimate.intake import require_columns
from evallib.estimate.markov_options import MarkovOptions
from evallib.estimate.result import BoolArray, FloatArray, IntArray

MOST_STATES = 30


@dataclass(frozen=True, slots=True)
class Transitions:
    """Pairs of observations that follow one another, of one unit and on one scale.

    Parameters
    ----------
    states : tuple
        Labels in their order: of a categorical column its own, otherwise sorted.
    origin, target : integer arrays, shape (M,)
        Places in ``states``.
    span : array, shape (M,)
        Time between the two, above 0.
    unit, cluster : integer arrays, shape (M,)
        Codes from 0 without gaps.
    covariates : array, shape (M, k)
        At the earlier observation.
    across : int
        Observations of a unit that follow one another on two scales: not used.
    """

    states: tuple[Any, ...]
    origin: IntArray
    target: IntArray
    span: FloatArray
    unit: IntArray
    cluster: IntArray
    covariates: FloatArray
    across: int

    @property
    def n_units(self) -> int:
        """Units with a pair."""
        return int(self.unit.max()) + 1

    @property
    def n_clusters(self) -> int:
        """Clusters with a pair."""
        return int(self.cluster.max()) + 1

    @property
    def counts(self) -> IntArray:
        """Pairs by earlier and later state, shape (S, S)."""
        size = len(self.states)
        flat = np.bincount(self.origin * size + self.target, minlength=size * size)
        return np.asarray(flat.reshape(size, size), dtype=np.int64)

    def keep(self, rows: BoolArray) -> Transitions:
        """Return some of the pairs, with codes without gaps."""
        return replace(
            self,
            origin=self.origin[rows],
            target=self.target[rows],
            span=self.span[rows],
            unit=dense_codes(self.unit[rows])[1],
            cluster=dense_codes(self.cluster[rows])[1],
            covariates=self.covariates[rows],
        )


def take_transitions(
    frame: pd.DataFrame,
    columns: tuple[str, str, str],
    options: MarkovOptions,
    notes: Notes,
) -> Transitions:
    """Check a frame of states and return the pairs that follow one another.

    Parameters
    ----------
    columns : (outcome, unit, time)
        A state (a whole number or a label), a name, and a time as a number, whole or not.

    Raises
    ------
    EstimationError
        With every fault of the columns at once; where no pair, or only one state, is there.

    Warns
    -----
    EvallibWarning
        Where observations without a state or pairs without a covariate are left out.
    """
    outcome, unit, time = columns
    named: dict[str, str | None] = {"outcome": outcome, "unit": unit, "time": time}
    named |= {f"covariates[{place}]": name for place, name in enumerate(options.covariates)}
    named |= {"framework": options.framework, "cluster": options.cluster}
    require_columns(frame, named, (None, None), needs_exposure=False)
    faults: list[Fault] = []
    state, states = read_states(frame[outcome], outcome, faults)
    when = read_numbers(frame[time], time, faults)
    if np.isnan(when).any() and not faults:
        rows = first_five(list(frame.index[np.isnan(when)]))
        what = f"times are missing (rows {rows})"
        faults.append(Fault(f"column {time!r}", what, "", "Fill or drop them"))
    codes, labels = read_labels(frame[unit], unit, faults)
    scale = np.zeros(len(frame), dtype=np.int64)
    if options.framework is not None:
        scale = read_labels(frame[options.framework], options.framework, faults)[0]
    cluster = codes
    if options.cluster not in (None, unit):
        cluster = read_labels(frame[options.cluster], str(options.cluster), faults)[0]
    values = [read_numbers(frame[name], name, faults) for name in options.covariates]
    if faults:
        raise EstimationError(faults)
    known = state >= 0
    if not known.all():
        text = f"{int((~known).sum())} observations without a value of {outcome!r} are left out."
        notes.warn(EvallibWarning, text)
    order = np.lexsort((when, scale, codes))
    order = order[known[order]]
    earlier, later = order[:-1], order[1:]
    same_unit = codes[earlier] == codes[later]
    same = same_unit & (scale[earlier] == scale[later])
    twice = same & (when[earlier] == when[later])
    if twice.any():
        shown = [f"{labels[codes[row]]} in {when[row]:g}" for row in later[twice]]
        what = f"{int(twice.sum())} rows repeat a unit and time: {first_five(shown)}"
        where = f"columns {unit!r} and {time!r}"
        raise EstimationError([Fault(where, what, "", "Keep one row of each")])
    across = int((same_unit & ~same).sum())
    _require_pairs(int(same.sum()), across, outcome, options)
    first, second = earlier[same], later[same]
    held = np.array(values).reshape(len(values), len(frame)).T
    found = Transitions(
        states=states,
        origin=state[first],
        target=state[second],
        span=when[second] - when[first],
        unit=dense_codes(codes[first])[1],
        cluster=dense_codes(cluster[first])[1],
        covariates=held[first],
        across=across,
    )
    return _with_values(found, options, notes)


def read_states(
    column: pd.Series[Any], name: str, faults: list[Fault]
) -> tuple[IntArray, tuple[Any, ...]]:
    """Return places and labels of states, -1 where missing; categories keep their order."""
    where = f"column {name!r}"
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = column.cat.remove_unused_categories()
        labels = [_plain(item) for item in used.cat.categories]
        codes = np.asarray(used.cat.codes, dtype=np.int64)
    else:
        raw = column.astype(object).where(column.notna(), None)
        plain = pd.Series([None if item is None else _plain(item) for item in raw], dtype=object)
        labels = sorted(set(plain.dropna()), key=lambda item: (isinstance(item, str), item))
        place = {label: at for at, label in enumerate(labels)}
        codes = np.array([-1 if item is None else place[item] for item in plain], dtype=np.int64)
    odd = [item for item in labels if isinstance(item, float)]
    if odd or len(labels) > MOST_STATES:
        shown = first_five(odd or labels)
        what = f"it holds {len(labels)} different values, not a few states: {shown}"
        remedy = "Give whole numbers or labels; group a measurement into states first"
        faults.append(Fault(where, what, "", remedy))
    elif len(labels) < 2:
        what = "every observation is in the same state" if labels else "no observation has a state"
        faults.append(Fault(where, what, "", "Check the outcome"))
    return codes, tuple(labels)


def _plain(item: Any) -> Any:
    """Return a label as plain text or whole number; other numbers stay floats."""
    if isinstance(item, (bool, np.bool_)):
        return str(bool(item))
    if isinstance(item, (int, np.integer)):
        return int(item)
    if isinstance(item, (float, np.floating)):
        return int(item) if np.isfinite(item) and item == int(item) else float(item)
    return str(item)


def _require_pairs(pairs: int, across: int, outcome: str, options: MarkovOptions) -> None:
    """Refuse a frame in which no two observations follow one another."""
    if pairs:
        return
    what = "no unit has two observations with a state"
    why = ""
    if options.framework is not None:
        what += f" on one scale of {options.framework!r}"
        why = f"{across} observations follow one on another scale, which is no change of state"
    remedy = "Give units that were observed again"
    raise EstimationError([Fault(f"column {outcome!r}", what, why, remedy)])


def _with_values(found: Transitions, options: MarkovOptions, notes: Notes) -> Transitions:
    """Return the pairs whose earlier observation has every covariate."""
    keep = np.ones(found.span.size, dtype=bool)
    for place, name in enumerate(options.covariates):
        missing = np.isnan(found.covariates[:, place]) & keep
        if missing.any():
            text = f"{int(missing.sum())} pairs without an earlier value of {name!r} are left out."
            notes.warn(EvallibWarning, text)
            keep &= ~missing
    if not keep.any():
        what = "no pair of observations has all covariates"
        raise EstimationError([Fault("covariates", what, "", "Check how they were joined")])
    return found if keep.all() else found.keep(keep)
