"""Put what pydantic found wrong into plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from evallib.plan.boundaries import PredecessorEvents
from evallib.plan.broken import Broken
from evallib.plan.fields import in_words, near
from evallib.plan.model import LISTED, Plan
from evallib.plan.parts import Concurrent, Headline, History, Part, People
from evallib.plan.reading import Loc
from evallib.plan.registers import Escalation
from evallib.plan.specifications import Specifications
from evallib.plan.unsafe_figures import UnsafeFigures
from evallib.plan.verdict import VerdictRule

PARTS: dict[str, type[Part]] = {
    "history": History,
    "concurrent": Concurrent,
    "predecessor_events": PredecessorEvents,
    "escalation": Escalation,
    "unsafe_figures": UnsafeFigures,
    **LISTED,
    "headline": Headline,
    "specifications": Specifications,
    "verdict": VerdictRule,
    "people": People,
}
_WANTED = {
    "int_type": ("a whole number", "write digits without quotation marks"),
    "int_from_float": ("a whole number", "write digits without a decimal point"),
    "float_type": ("a number", "write digits without quotation marks"),
    "finite_number": ("a finite number", "write digits"),
    "string_type": ("text", "put it in quotation marks"),
    "tuple_type": ("a list", "write it in square brackets, like [{value}]"),
    "model_type": ("keys with values", "write it in braces, like {{key: value}}"),
    "model_attributes_type": ("keys with values", "write it in braces, like {{key: value}}"),
}


def model_at(loc: Loc) -> type[Part]:
    """Return the model whose keys stand at a location."""
    if not loc:
        return Plan
    model = PARTS.get(str(loc[0]), Plan)
    for key in loc[1:]:
        field = model.model_fields.get(str(key))
        inner = [one for one in get_args(field.annotation) if _is_part(one)] if field else []
        model = inner[0] if inner else model
    return model


def _is_part(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Part)


def in_plain_words(error: Mapping[str, Any]) -> Broken:
    """Return one of pydantic's errors as a broken rule in plain words.

    Parameters
    ----------
    error : mapping
        One item of `pydantic.ValidationError.errors()`.

    Returns
    -------
    Broken
        Where, what, why and the remedy.
    """
    loc: Loc = tuple(error["loc"])
    kind, value = str(error["type"]), error.get("input")
    context: Mapping[str, Any] = error.get("ctx") or {}
    if kind == "plan_problem":
        return Broken(loc, context["what"], context["why"], context["remedy"])
    if kind == "extra_forbidden":
        known = tuple(model_at(loc[:-1]).model_fields)
        return Broken(loc, "is not a key of a plan", "", near(loc[-1], known))
    if kind == "missing":
        return _missing(loc)
    if kind == "literal_error":
        choices = tuple(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        return Broken(loc, f"{in_words(value)}, which is not a choice", "", near(value, choices))
    if kind in _WANTED:
        wanted, remedy = _WANTED[kind]
        shown = "value" if value is None or isinstance(value, (dict, list)) else value
        what = f"{in_words(value)}, but it must be {wanted}"
        return Broken(loc, what, "", remedy.format(value=shown))
    return Broken(loc, f"{in_words(value)}, which cannot be used here", "", "see `evallib params`")


def _missing(loc: Loc) -> Broken:
    field = model_at(loc[:-1]).model_fields.get(str(loc[-1]))
    help_ = (field.description or "").rstrip(".") if field is not None else ""
    return Broken(loc, "is missing", help_, f"add {loc[-1]}: ...; the file may be cut off")
