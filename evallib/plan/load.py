"""Load a plan: find its file, read it, apply overrides, and say all that is wrong at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import ConfigDict, ValidationError, create_model

from evallib.errors import Fault, PlanError, did_you_mean, first_five
from evallib.plan.broken import Broken
from evallib.plan.model import LISTED, Plan
from evallib.plan.overrides import Override, apply_overrides, read_overrides
from evallib.plan.parts import Part
from evallib.plan.places import PLAN_FOLDER, project_roots
from evallib.plan.reading import Loc, Source, dotted, read_source
from evallib.plan.rules import broken_rules
from evallib.plan.vary import broken_alternatives
from evallib.plan.wording import in_plain_words

_NAME: Final = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*", re.ASCII)
_SUFFIXES: Final = (".yml", ".yaml")


def load_plan(path_or_name: str | Path, overrides: Sequence[str] | Mapping[str, Any] = ()) -> Plan:
    """Load a plan and check its form; whether its indicators exist is the panel's to say.

    Parameters
    ----------
    path_or_name : str or pathlib.Path
        The path of a plan, or the name of one in ``evaluations/``. Paths are tried from the
        working folder and then from the project's, so that both work from ``notebooks/``.
    overrides : sequence of str, or mapping
        ``key=value`` texts with dotted keys, such as ``history.years=10`` or
        ``outcomes.recycling_rate_pct.role=primary``, or a mapping from such keys to values.

    Returns
    -------
    Plan
        Frozen, every default filled in.

    Raises
    ------
    PlanError
        If there is no such plan, or for every fault in its form, one line each.

    Examples
    --------
    >>> load_plan("peer_challenge", ["history.years=10"]).history.years
    10
    """
    faults: list[Fault] = []
    given: tuple[Override, ...] = ()
    try:
        given = read_overrides(overrides)
    except PlanError as error:
        faults += error.faults
    try:
        path = find_plan(path_or_name)
        source = read_source(path)
    except PlanError as error:
        raise PlanError([*error.faults, *faults]) from None
    if faults:
        raise PlanError([*faults, *_faults_of_the_file(source)])
    values, differences, landed = apply_overrides(source.values, given)
    plan = _validate(values, source, landed)
    wrong = [_fault(broken, source, landed) for broken in broken_alternatives(plan)]
    if wrong:
        raise PlanError(sorted(wrong, key=lambda fault: _line(fault.where)))
    keys = tuple(override.key for override in given)
    return plan.with_source(path.stem, path, keys, differences)


def find_plan(path_or_name: str | Path) -> Path:
    """Return the file of a plan.

    Parameters
    ----------
    path_or_name : str or pathlib.Path
        A path, or the name of a plan in ``evaluations/``.

    Returns
    -------
    pathlib.Path
        An existing file whose stem can name a folder.

    Raises
    ------
    PlanError
        If there is no such file, or its name cannot name a folder.
    """
    text = str(path_or_name)
    roots = project_roots()
    candidates = [Path(text), *(root / text for root in roots)]
    if _NAME.fullmatch(text):
        named = [root / PLAN_FOLDER / f"{text}{end}" for root in roots for end in _SUFFIXES]
        candidates = [*named, *candidates]
    found = next((path for path in candidates if _is_file(path)), None)
    if found is None:
        names = list_plans()
        hint = did_you_mean(Path(text).stem, names).strip()
        known = f"Plans in {PLAN_FOLDER}/: {first_five(names) or 'none'}"
        if beside := next((f"{text}{end}" for end in _SUFFIXES if _is_file(Path(text + end))), ""):
            known += f". A plan elsewhere is named by its path: {beside}"
        raise PlanError([Fault(text or "(no name)", "there is no such plan", hint, known)])
    if found.suffix not in _SUFFIXES or not _NAME.fullmatch(found.stem):
        raise PlanError(
            [
                Fault(
                    text,
                    "the name of a plan's file names its folder of outputs",
                    "",
                    "Rename it to lower-case letters, digits, _ or -, ending in .yml",
                )
            ]
        )
    return found.resolve()


def is_plan_name(name: str) -> bool:
    """Say whether a name can name a plan, and so a folder of outputs."""
    return _NAME.fullmatch(name) is not None and len(name) <= 80


def list_plans() -> list[str]:
    """Return the names of the plans in ``evaluations/``, in order.

    Returns
    -------
    list of str
        Empty where there is no such folder.
    """
    for root in project_roots():
        folder = root / PLAN_FOLDER
        paths = [path for end in _SUFFIXES for path in folder.glob(f"*{end}") if path.is_file()]
        return sorted({path.stem for path in paths if is_plan_name(path.stem)})  # locks apart
    return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _validate(values: dict[str, Any], source: Source, landed: Mapping[Loc, Override]) -> Plan:
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
    found = [in_plain_words(detail) for detail in details if detail["loc"]]
    found += broken_rules(_known_values(values, {str(broken.loc[0]) for broken in found}))
    faults = [_fault(broken, source, landed) for broken in found]
    raise PlanError(sorted(faults, key=lambda fault: _line(fault.where)))


def _faults_of_the_file(source: Source) -> tuple[Fault, ...]:
    try:
        _validate(source.values, source, {})
    except PlanError as error:
        return error.faults
    return ()


def _known_values(values: Mapping[str, Any], bad: set[str]) -> dict[str, Any]:
    """Return the values that are valid by themselves, defaults included."""
    known: dict[str, Any] = {}
    for name, field in Plan.model_fields.items():
        if name in LISTED:
            items = values.get(name, [])
            if isinstance(items, list):
                known[name] = _known_items(LISTED[name], items)
        elif name in values and name not in bad:
            known[name] = _alone(name).model_validate({"value": values[name]}).value
        elif name not in values and not field.is_required():
            known[name] = field.default
    return known


def _known_items(model: type[Part], items: list[Any]) -> tuple[tuple[int, Part], ...]:
    pairs: list[tuple[int, Part]] = []
    for at, item in enumerate(items):
        try:
            pairs.append((at, model.model_validate(item)))
        except ValidationError:
            continue
    return tuple(pairs)


@cache
def _alone(name: str) -> Any:
    """Return a model with one parameter of the plan, to read it where others are wrong."""
    field = Plan.model_fields[name]
    annotated: Any = Annotated
    plain: Any = field.annotation
    kind = annotated[(plain, *field.metadata)] if field.metadata else plain
    fields: dict[str, Any] = {"value": (kind, ...)}
    return create_model("Alone", __config__=ConfigDict(frozen=True), **fields)


def _fault(broken: Broken, source: Source, landed: Mapping[Loc, Override]) -> Fault:
    override = _cause(broken.loc, source, landed)
    where = f"{override}, {dotted(broken.loc)}" if override else source.where(broken.loc)
    return Fault(where, broken.what, _sentence(broken.why), _sentence(broken.remedy))


def _cause(loc: Loc, source: Source, landed: Mapping[Loc, Override]) -> Override | None:
    """Return the override that set a value, or that made the keys it stands in."""
    for length in range(len(loc), 0, -1):
        place = loc[:length]
        if place in landed:
            return landed[place]
        if place not in source.lines:
            for other, override in landed.items():
                if other[:length] == place:
                    return override
    return None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _line(where: str) -> int:
    match = re.search(r" line (\d+)", where)
    return int(match[1]) if match else 0
