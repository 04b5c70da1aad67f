"""Every parameter of a plan as a flat table, and as a JSON schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from evallib.plan.complete import Complete
from evallib.plan.fields import Later
from evallib.plan.model import LISTED, Plan
from evallib.plan.own_data import OwnIndicator, OwnTable
from evallib.plan.parts import Part
from evallib.plan.show import in_text
from evallib.plan.wording import PARTS


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a plan.

    Parameters
    ----------
    key : str
        The dotted key; ``outcomes[].role`` stands for every outcome's.
    kind : str
        The type in plain words.
    unit : str
        The unit, or ``none``.
    allowed : str
        The allowed values in words.
    default : str
        The default in words, or ``required``.
    help : str
        What it does, in a sentence.
    """

    key: str
    kind: str
    unit: str
    allowed: str
    default: str
    help: str


def list_parameters() -> tuple[Parameter, ...]:
    """Return every parameter of a plan, in the order of the file.

    Returns
    -------
    tuple of Parameter
        Keys with keys below them are followed by those.

    Examples
    --------
    >>> [one.default for one in list_parameters() if one.key == "confidence_level"]
    ['0.95']
    """
    return tuple(_rows(Plan, ""))


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a plan, for editors that complete and check YAML.

    Returns
    -------
    dict
        The schema, as pydantic makes it.
    """
    return Plan.model_json_schema()


def _rows(model: type[Part], before: str) -> Iterator[Parameter]:
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        facts: dict[str, Any] = dict(extra) if isinstance(extra, dict) else {}
        key = f"{before}{name}"
        yield Parameter(
            key=key,
            kind=str(facts.get("kind", "")),
            unit=str(facts.get("unit", "none")),
            allowed=str(facts.get("allowed") or _choices(field) or "any"),
            default=_default(field),
            help=field.description or "",
        )
        if model is Plan and name in PARTS:
            many = "[]" if name in LISTED else ""
            yield from _rows(PARTS[name], f"{key}{many}.")
        elif model is OwnTable and name == "indicators":
            yield from _rows(OwnIndicator, f"{key}[].")
        elif model is OwnTable and name == "complete":
            yield from _rows(Complete, f"{key}.")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, Part):
        return "as below"
    if isinstance(field.default, tuple):
        return in_text(list(field.default))
    return in_text(field.default)


def _choices(field: FieldInfo) -> str:
    names: list[str] = []
    later: list[str] = []
    annotation: Any = field.annotation
    for metadata in field.metadata:
        _note_later(metadata, later)
    _collect(annotation, names, later)
    text = ", ".join(names)
    return f"{text} (not in this version: {', '.join(later)})" if later else text


def _collect(annotation: Any, names: list[str], later: list[str]) -> None:
    origin = get_origin(annotation)
    if origin is Literal:
        names.extend(str(choice) for choice in get_args(annotation))
        return
    if origin is Annotated:
        for metadata in get_args(annotation)[1:]:
            _note_later(metadata, later)
        _collect(get_args(annotation)[0], names, later)
        return
    for inner in get_args(annotation):
        _collect(inner, names, later)


def _note_later(metadata: Any, later: list[str]) -> None:
    if isinstance(metadata, BeforeValidator) and isinstance(metadata.func, Later):
        later.extend(metadata.func.names)
