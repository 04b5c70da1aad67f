"""What differs from a locked plan, and what it does not name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evallib.plan.lock import Lock, name_of, states_of
from evallib.plan.model import Plan
from evallib.plan.show import value_in_text
from evallib.plan.specifications import CHOICES, is_own

ABSENT = "not there"
PLANNED, UNPLANNED, CHANGED = "planned", "unplanned", "changed since the lock"
NOT_LOCKED = "not locked"
_OUTCOMES = ("outcomes", "placebo_outcomes")
# Keys that name what is looked at, not how: what was locked is estimated as before.
_MOVES_NOTHING = (
    *("title", "question", "people", "notebooks", "estimators", "heterogeneity", "eras"),
    "exclude_because",
    *("specifications", "verdict", *(f"{key} (order)" for key in _OUTCOMES)),
)


@dataclass(frozen=True, slots=True)
class Deviation:
    """One difference from a lock.

    Parameters
    ----------
    key : str
        The dotted key; outcomes and other parts by name. ``data`` and a file for a table.
    locked, now : object
        Plain values; `ABSENT` where there is none.
    how : str
        Whether it was set for the run, or what changed, in words.
    """

    key: str
    locked: Any
    now: Any
    how: str


def find_deviations(
    lock: Lock, plan: Plan, inputs: Iterable[Mapping[str, Any]] | None = None
) -> tuple[Deviation, ...]:
    """Return every difference between a lock and a plan as it runs.

    Parameters
    ----------
    lock : Lock
        The lock.
    plan : Plan
        The plan, overrides applied.
    inputs : iterable of mapping, optional
        The tables of the run, with `file` and `sha256`; data are not compared without them.

    Returns
    -------
    tuple of Deviation
        Parameters in the plan's order, then tables by name.
    """
    given = tuple(plan.differences())
    found = [
        Deviation(key, old, new, _how(key, given))
        for key, old, new in _differences("", lock.values, plan.effective())
    ]
    if inputs is not None:
        now = states_of(inputs)
        for file in sorted({*lock.data, *now}):
            old, new = lock.data.get(file, ABSENT), now.get(file, ABSENT)
            if old != new:
                found.append(Deviation(f"data {file}", old, new, "the data were changed"))
    return tuple(found)


def find_unplanned(lock: Lock, plan: Plan) -> tuple[tuple[str, str], ...]:
    """Return what a plan asks for that its lock does not name: kind and name.

    Parameters
    ----------
    lock : Lock
        The lock.
    plan : Plan
        The plan, overrides applied.

    Returns
    -------
    tuple of (str, str)
        Outcomes, placebo outcomes, estimators, values of specifications, characteristics and
        covariates.
    """
    values = plan.effective()
    parts = (*zip(_OUTCOMES, ("outcome", "placebo outcome"), strict=True),)
    found = [
        (word, name)
        for key, word in (*parts, ("covariates", "covariate"))
        for name in (name_of(item) for item in values[key])
        if name not in lock.names(key)
    ]
    for key, word in (("estimators", "estimator"), ("heterogeneity", "characteristic")):
        found += [(word, name) for name in values[key] if name not in lock.values.get(key, ())]
    both = [one.indicator for one in plan.outcomes if one.indicator in lock.names("outcomes")]
    for choice, places in _new_values(lock, plan, both).items():
        given = values["specifications"][choice]
        found += [
            ("specification", f"{choice}: {value_in_text(choice, given[at])}") for at in places
        ]
    return tuple(found)


def can_move(keys: Iterable[str], outcome: str) -> bool:
    """Return whether a deviation can have moved the estimates of an outcome.

    Parameters
    ----------
    keys : iterable of str
        The keys of deviations, see `Deviation`.
    outcome : str
        An indicator.

    Examples
    --------
    >>> can_move(["title", "outcomes.cars_pct.scale"], "recycling_rate_pct")
    False
    >>> can_move(["outcomes.cars_pct.scale"], "cars_pct"), can_move(["years"], "cars_pct")
    (True, True)
    """
    for key in keys:
        top, _, below = key.partition(".")
        if below.split(".")[0] == outcome if top in _OUTCOMES else top not in _MOVES_NOTHING:
            return True
    return False


def label_specifications(
    lock: Lock | None,
    plan: Plan,
    keys: Iterable[str],
    outcome: str,
    chosen: Iterable[Mapping[str, Any]],
) -> list[str]:
    """Return of every combination of choices whether it was planned.

    Parameters
    ----------
    lock : Lock or None
    plan : Plan
    keys : iterable of str
        The keys of deviations from the lock.
    outcome : str
    chosen : iterable of mapping
        Values by choice.

    Returns
    -------
    list of str
        `UNPLANNED` where the lock does not name the outcome or an alternative; else `CHANGED`
        where a deviation can have moved the figures; else `PLANNED`. `NOT_LOCKED` without a lock.
    """
    chosen = list(chosen)
    if lock is None:
        return [NOT_LOCKED] * len(chosen)
    if outcome not in lock.names("outcomes"):
        return [UNPLANNED] * len(chosen)
    new = {
        choice: [getattr(plan.specifications, choice)[at] for at in places]
        for choice, places in _new_values(lock, plan, [outcome]).items()
    }
    named = CHANGED if can_move(keys, outcome) else PLANNED
    return [
        UNPLANNED if any(values[name] in new[name] for name in values) else named
        for values in chosen
    ]


def _new_values(lock: Lock, plan: Plan, outcomes: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of alternatives that are new to a lock, by choice.

    A value is not new where the lock lists it or has it as its own for all of the outcomes, nor
    where the plan has it as its own: that is a deviation, and no other specification.
    """
    held: Mapping[str, Any] = lock.values.get("specifications") or {}
    plans = [one for one in (plan, lock.as_plan) if one is not None]
    given = plan.effective()["specifications"]

    def is_new(choice: str, at: int) -> bool:
        value = getattr(plan.specifications, choice)[at]
        return given[choice][at] not in held.get(choice, ()) and not (
            outcomes
            and all(any(is_own(one, choice, name, value) for one in plans) for name in outcomes)
        )

    return {
        choice: [at for at in range(len(given[choice])) if is_new(choice, at)] for choice in CHOICES
    }


def _how(key: str, given: tuple[str, ...]) -> str:
    def within(one: str, other: str) -> bool:
        return one == other or one.startswith(f"{other}.")

    if any(within(key, one) or within(one, key) for one in given):
        return "set for this run"
    return "the plan's file was changed"


def _differences(key: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*new, *old]):
            below = f"{key}.{name}" if key else str(name)
            yield from _differences(below, old.get(name, ABSENT), new.get(name, ABSENT))
        return
    before, after = _by_name(old), _by_name(new)
    if before is None or after is None:
        if old != new:
            yield key, old, new
        return
    yield from _differences(key, before, after)
    if list(before) != list(after) and set(before) == set(after):
        yield f"{key} (order)", list(before), list(after)


def _by_name(items: Any) -> dict[str, Any] | None:
    """Return a list of named parts by name; None where it is none."""
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        return None
    named = {name_of(item): item for item in items}
    return named if len(named) == len(items) and "" not in named else None
