"""The kinds of value that a plan holds, each checked in plain words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, Strict
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from evallib.errors import did_you_mean, type_words
from evallib.plan.years import parse_financial_year

_T = TypeVar("_T")
_SLUG = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
_NOTEBOOK = re.compile(r"[0-9]{2}_[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
_COUNCIL = re.compile(r"E[0-9]{8}", re.ASCII)
_MAX_TEXT = 500


def problem(what: str, remedy: str = "", why: str = "") -> PydanticCustomError:
    """Return a validation error that carries the parts of a fault."""
    return PydanticCustomError(
        "plan_problem", "{what}", {"what": what, "remedy": remedy, "why": why}
    )


def in_words(value: object) -> str:
    """Return what a value of a wrong type is, in plain words.

    Examples
    --------
    >>> in_words(True)
    'is yes/no (True)'
    """
    if value is None:
        return "is empty"
    if isinstance(value, bool):
        return f"is yes/no ({value})"
    if isinstance(value, int):
        return f"is the whole number {value}"
    if isinstance(value, float):
        return f"is the number {value}"
    if isinstance(value, str):
        short = value if len(value) <= 60 else value[:57] + "..."
        return f"is the text {short!r}" if value else "is empty text"
    if isinstance(value, Mapping):
        return "is keys with values"
    if isinstance(value, (list, tuple)):
        return "is a list"
    return f"is {type_words(value)} ({value})"


def _need_text(value: object, wanted: str, example: str) -> str:
    if not isinstance(value, str):
        raise problem(f"{in_words(value)}, but it must be {wanted}", f"write for example {example}")
    return unicodedata.normalize("NFC", value)


def _text(value: object) -> str:
    text = " ".join(_need_text(value, "text", "'some words' in quotation marks").split())
    if not text:
        raise problem("is empty text", "write some words")
    if len(text) > _MAX_TEXT:
        raise problem(f"is {len(text)} characters long, but at most {_MAX_TEXT} fit", "shorten it")
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in text):
        raise problem("holds a control or invisible character", "type the text again")
    return text


def _matching(pattern: re.Pattern[str], wanted: str, example: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = _need_text(value, wanted, example)
        if not pattern.fullmatch(text) or len(text) > 80:
            raise problem(f"{in_words(text)}, but it must be {wanted}", f"write like {example}")
        return text

    return check


def _register(value: object) -> str:
    text = _need_text(value, "a register's name or a path", "peer_challenges")
    if _SLUG.fullmatch(text):
        return text
    if not text.endswith(".csv") or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise problem(
            f"{in_words(text)}, but it must be a register's name or the path of a .csv file",
            "write like peer_challenges, or data/raw/peer_challenges.csv",
        )
    return text


def _financial_year(value: object) -> str:
    text = _need_text(value, "a financial year", "2015/16")
    try:
        parse_financial_year(text)
    except ValueError as error:
        start = text[:4]
        right = f"{start}/{(int(start) + 1) % 100:02d}" if start.isdigit() else "2015/16"
        raise problem(str(error), f"write like {right}") from None
    return text


def _pair(value: object, wanted: str, example: str) -> Any:
    if not isinstance(value, (list, tuple)):
        raise problem(
            f"{in_words(value)}, but it must be a list of {wanted}", f"write like {example}"
        )
    if len(value) != 2:
        raise problem(
            f"has {len(value)} items, but it must be a list of {wanted}", f"write like {example}"
        )
    return value


def _year_pair(value: object) -> Any:
    return _pair(value, "two financial years, first and last", "[2015/16, 2024/25]")


def _ordered_years(years: tuple[str, str]) -> tuple[str, str]:
    first, last = years
    if parse_financial_year(first) > parse_financial_year(last):
        raise problem(
            f"the years are reversed: {first} is after {last}", f"write [{last}, {first}]"
        )
    if first == last:
        raise problem("is a single year", "give at least two years", "change needs two years")
    return years


def _window_pair(value: object) -> Any:
    return _pair(value, "two whole numbers, first and last event time", "[-5, 2]")


def _selection(value: object) -> Any:
    if value == "all":
        return value
    if not isinstance(value, (list, tuple)):
        raise problem(
            f"{in_words(value)}, but it must be all or a list of names",
            "write all, or like [unitary]",
        )
    return _unique(_not_empty(tuple(_text(item) for item in value)))


def _unique(items: tuple[_T, ...]) -> tuple[_T, ...]:
    seen: list[_T] = []
    for item in items:
        if item in seen:
            raise problem(f"'{item}' is listed twice", "keep one of the two")
        seen.append(item)
    return items


def _not_empty(items: tuple[_T, ...]) -> tuple[_T, ...]:
    if not items:
        raise problem("is an empty list", "list at least one")
    return items


def not_in_this_version(*names: str, built: str) -> BeforeValidator:
    """Refuse, by name, values whose room is not built yet.

    Parameters
    ----------
    *names : str
        The values that a later version will take.
    built : str
        What can be used now, in words.

    Returns
    -------
    pydantic.BeforeValidator
        Also lists the names for `evallib.plan.params`.
    """
    return BeforeValidator(Later(names, built))


class Later:
    """A validator that knows the names it refuses."""

    def __init__(self, names: tuple[str, ...], built: str) -> None:
        self.names = names
        self.built = built

    def __call__(self, value: object) -> object:
        """Return the value, or refuse one of the names."""
        if isinstance(value, str) and value in self.names:
            raise problem(f"'{value}' is not in this version", f"use {self.built}")
        return value


def near(word: object, known: tuple[str, ...]) -> str:
    """Return a did-you-mean and the list of what is known."""
    return (did_you_mean(str(word), known) + " Use one of " + ", ".join(known)).strip()


def parameter(
    help: str, *, kind: str, unit: str = "", allowed: str = "", default: Any = ...
) -> Any:
    """Return a field of the plan with everything that `evallib params` prints about it.

    Parameters
    ----------
    help : str
        What the parameter does, in a sentence.
    kind : str
        The type in plain words.
    unit : str
        Its unit, where it has one.
    allowed : str
        The allowed values in words; read from the type where it is a choice.
    default : object
        The default; required when left out.

    Returns
    -------
    object
        What `pydantic.Field` returns.
    """
    extra: JsonDict = {"kind": kind, "unit": unit or "none", "allowed": allowed}
    return Field(default, description=help, json_schema_extra=extra)


Text = Annotated[str, BeforeValidator(_text)]
Slug = Annotated[
    str,
    BeforeValidator(
        _matching(_SLUG, "lower-case letters, digits and single underscores", "recycling_rate_pct")
    ),
]
Register = Annotated[str, BeforeValidator(_register)]
Notebook = Annotated[
    str,
    BeforeValidator(
        _matching(_NOTEBOOK, "two digits, an underscore and a topic", "01_panel_quality")
    ),
]
CouncilCode = Annotated[
    str, BeforeValidator(_matching(_COUNCIL, "a council's code, E and eight digits", "E06000053"))
]
FinancialYear = Annotated[str, BeforeValidator(_financial_year)]
YearRange = Annotated[
    tuple[FinancialYear, FinancialYear],
    BeforeValidator(_year_pair),
    AfterValidator(_ordered_years),
]
WholeNumber = Annotated[int, Strict()]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
EventWindow = Annotated[tuple[WholeNumber, WholeNumber], BeforeValidator(_window_pair)]
Unique = AfterValidator(_unique)
NotEmpty = AfterValidator(_not_empty)
Selection = BeforeValidator(_selection)
