"""Which changes of state can happen in an instant, and whether they can make what was seen."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from evallib.errors import EstimationError, EvallibWarning, Fault, did_you_mean, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.markov_options import MarkovOptions
from evallib.estimate.result import BoolArray, IntArray
from evallib.estimate.transitions import Transitions


def find_allowed(found: Transitions, options: MarkovOptions) -> tuple[IntArray, IntArray]:
    """Return earlier and later places of the allowed changes, row by row.

    Raises
    ------
    EstimationError
        For states that are not there, and an array of another size.
    """
    size, given = len(found.states), options.allowed
    where = "markov, option 'allowed'"
    if given is None:
        held = (found.counts > 0) & ~np.eye(size, dtype=bool)
        if not held.any():
            what = "no unit is ever seen to change its state"
            raise EstimationError([Fault("outcome", what, "", "Check the outcome")])
    elif isinstance(given, np.ndarray):
        if given.shape[0] != size:
            have = ", ".join(str(state) for state in found.states)
            what = f"it is for {given.shape[0]} states and the data have {size} ({have})"
            raise EstimationError([Fault(where, what, "", "Give pairs of states instead")])
        held = given
    else:
        _require_states([state for pair in given for state in pair], found.states, where)
        held = np.zeros((size, size), dtype=bool)
        for one, other in given:
            held[found.states.index(one), found.states.index(other)] = True
    if not held.any():
        raise EstimationError([Fault(where, "it allows no change", "", "Allow some")])
    places = np.argwhere(held)
    return places[:, 0], places[:, 1]


def find_exact(found: Transitions, options: MarkovOptions) -> BoolArray:
    """Return which states' time of entry is known."""
    _require_states(options.exact_states, found.states, "markov, option 'exact_states'")
    return np.array([state in options.exact_states for state in found.states], dtype=bool)


def _require_states(named: Iterable[object], states: tuple[object, ...], where: str) -> None:
    """Refuse names that are no state."""
    unknown = [name for name in dict.fromkeys(named) if name not in states]
    if unknown:
        have = [str(state) for state in states]
        hint = did_you_mean(str(unknown[0]), have)
        what = f"there is no state {first_five([repr(name) for name in unknown])}"
        raise EstimationError([Fault(where, what, "", f"The states are {', '.join(have)}.{hint}")])


def leave_out_absorbed(found: Transitions, origin_of: IntArray, notes: Notes) -> Transitions:
    """Return the pairs without those that stay where no change is allowed: they tell nothing."""
    idle = ~np.isin(found.origin, origin_of) & (found.origin == found.target)
    if not idle.any():
        return found
    text = (
        f"{int(idle.sum())} pairs begin and end in a state that is never left: they tell nothing."
    )
    notes.warn(EvallibWarning, text)
    if idle.all():
        what = "no pair begins in a state that can be left"
        raise EstimationError([Fault("markov, option 'allowed'", what, "", "Allow other changes")])
    return found.keep(~idle)


def require_possible(
    found: Transitions, origin_of: IntArray, target_of: IntArray, is_exact: BoolArray
) -> None:
    """Refuse pairs that no sequence of allowed changes can make."""
    size = len(found.states)
    step = np.zeros((size, size), dtype=bool)
    step[origin_of, target_of] = True
    reach = np.eye(size, dtype=bool)
    for _ in range(size):
        reach |= (reach.astype(np.int64) @ step) > 0
    entered = (reach.astype(np.int64) @ step) > 0
    possible = np.where(is_exact, entered, reach)
    wrong = np.argwhere((found.counts > 0) & ~possible)
    if wrong.size:
        shown = [
            f"{found.states[i]}->{found.states[j]} ({found.counts[i, j]} times)" for i, j in wrong
        ]
        what = f"changes are seen that the allowed ones cannot make: {first_five(shown)}"
        remedy = "Allow a way from the one to the other, or check these rows"
        raise EstimationError([Fault("markov, option 'allowed'", what, "", remedy)])
