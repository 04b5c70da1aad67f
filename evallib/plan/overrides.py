"""Apply ``key=value`` overrides to the plain values of a plan."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evallib.errors import Fault, PlanError, did_you_mean
from evallib.plan.reading import Loc, parse_value

_ABSENT = object()
_ITEM = re.compile(r"\[([^\[\]]+)\]")  # outcomes[0] as messages write it, for outcomes.0


@dataclass(frozen=True, slots=True)
class Override:
    """One value set in place of the file's.

    Parameters
    ----------
    key : str
        The dotted key as given, for example ``history.years``.
    value : object
        A plain value.
    """

    key: str
    value: Any

    def __str__(self) -> str:
        """Return the override as messages name it."""
        return f"--set {self.key}"


def read_overrides(given: Sequence[str] | Mapping[str, Any]) -> tuple[Override, ...]:
    """Return overrides from ``key=value`` texts or from a mapping of keys to values.

    Parameters
    ----------
    given : sequence of str, or mapping
        Texts like ``history.years=10``, their values read as YAML literals, or a mapping from
        dotted keys to values.

    Returns
    -------
    tuple of Override
        In the order given.

    Raises
    ------
    PlanError
        If a text has no ``=`` or no key, or its value is not plain YAML.

    Examples
    --------
    >>> read_overrides(["history.years=10"])
    (Override(key='history.years', value=10),)
    """
    if isinstance(given, Mapping):
        return tuple(Override(str(key), copy.deepcopy(value)) for key, value in given.items())
    if isinstance(given, str):
        given = (given,)
    found: list[Override] = []
    faults: list[Fault] = []
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            faults.append(
                Fault(f"--set {text}", "is not of the form key=value", "", "Try history.years=10")
            )
            continue
        try:
            found.append(Override(key.strip(), parse_value(value)))
        except ValueError as error:
            faults.append(
                Fault(
                    f"--set {text}",
                    f"the value cannot be read: {error}",
                    "",
                    "Give a plain value, in quotation marks if it has brackets or a colon",
                )
            )
    if faults:
        raise PlanError(faults)
    return tuple(found)


def apply_overrides(
    values: Mapping[str, Any], overrides: Iterable[Override]
) -> tuple[dict[str, Any], dict[str, Any], dict[Loc, Override]]:
    """Return the values with overrides applied, what they changed, and where they landed.

    Parameters
    ----------
    values : mapping
        The plain values of the file; not changed.
    overrides : iterable of Override
        Applied in order.

    Returns
    -------
    changed : dict
        The new values.
    differences : dict
        From canonical dotted key (outcomes by indicator) to the value, where it differs from the
        file's.
    landed : dict
        From location to the override that set it.

    Raises
    ------
    PlanError
        If a key leads through a value that has no keys, or to an outcome or item that is not
        there: all of them at once.

    Examples
    --------
    >>> apply_overrides({"history": {"years": 5}}, [Override("history.years", 10)])[:2]
    ({'history': {'years': 10}}, {'history.years': 10})
    >>> apply_overrides({"outcomes": [{"role": "primary"}]}, [Override("outcomes[0].role", "x")])[1]
    {'outcomes.0.role': 'x'}
    """
    changed = copy.deepcopy(dict(values))
    landed: dict[Loc, Override] = {}
    named: dict[Loc, str] = {}
    faults: list[Fault] = []
    for override in overrides:
        try:
            loc, name = _put(changed, override)
        except PlanError as error:
            faults.extend(error.faults)
            continue
        landed[loc] = override
        named[loc] = name
    if faults:
        raise PlanError(faults)
    differences = {
        named[loc]: _get(changed, loc)
        for loc in named
        if _get(changed, loc) != _get(values, loc)
        or type(_get(changed, loc)) is not type(_get(values, loc))
    }
    return changed, differences, landed


def _put(root: dict[str, Any], override: Override) -> tuple[Loc, str]:
    """Set one value inside `root`; return its location and canonical name."""
    target: Any = root
    loc: Loc = ()
    names: list[str] = []
    parts = _ITEM.sub(r".\1", override.key).split(".")
    for depth, part in enumerate(parts):
        step, name = _step(target, part, override)
        loc = (*loc, step)
        names.append(name)
        if depth == len(parts) - 1:
            target[step] = copy.deepcopy(override.value)
        else:
            if isinstance(target, dict) and target.get(step) is None:
                target[step] = {}
            target = target[step]
    return loc, ".".join(names)


def _step(target: Any, part: str, override: Override) -> tuple[str | int, str]:
    """Return the key or index that one part of a dotted key stands for, and its name."""
    if isinstance(target, dict):
        return part, part
    if not isinstance(target, list):
        raise _no_way(override, f"'{part}' leads nowhere: what stands before it has no keys")
    names = [_item_name(item) for item in target]
    if part.isascii() and part.isdigit():
        index = int(part)
        if index >= len(target):
            raise _no_way(
                override, f"there is no item {part}: the list has {len(target)}, counted from 0"
            )
        return index, names[index] or part
    if part in names:
        return names.index(part), part
    hint = did_you_mean(part, [name for name in names if name])
    raise _no_way(override, f"the list has no item '{part}'.{hint}")


def _item_name(item: Any) -> str:
    if isinstance(item, dict):
        return str(item.get("indicator") or item.get("name") or "")
    return ""


def _no_way(override: Override, what: str) -> PlanError:
    return PlanError([Fault(str(override), what, "", "`evallib params` lists the keys")])


def _get(values: Any, loc: Loc) -> Any:
    for part in loc:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return values
