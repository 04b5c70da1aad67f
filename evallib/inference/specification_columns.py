"""The alternatives to the choices of a tidy frame: read, and held against its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from evallib.errors import EstimationError, Fault, did_you_mean, first_five, type_words
from evallib.plan.reading import dotted
from evallib.plan.specifications import Specifications
from evallib.plan.wording import in_plain_words

OF_PLANS = ("estimator", "winsorise", "comparison", "anticipation", "event_window")
OF_COLUMNS = ("outcome", "cohort", "sample", "covariates", "cluster")
OF_FRAMES = (*OF_COLUMNS, "years", *OF_PLANS)
ALL = "all"
SAMPLES = "names of columns of 0 and 1, the rows to keep"


def read_alternatives(
    frame: pd.DataFrame,
    own: Mapping[str, Any],
    alternatives: Mapping[str, Sequence[Any]],
    unit: str,
    time: str,
    strata: str | None,
) -> dict[str, tuple[Any, ...]]:
    """Return the values of each choice that has alternatives, the own one first.

    Parameters
    ----------
    frame : DataFrame
    own : mapping
        The own value of every choice.
    alternatives : mapping of str to sequence
        Other values by choice.
    unit, time, strata : str
        Columns.

    Raises
    ------
    EstimationError
        With every fault of own values, alternatives and columns at once.
    """
    faults: list[Fault] = []
    given: dict[str, tuple[Any, ...]] = {choice: (value,) for choice, value in own.items()}
    if not isinstance(alternatives, Mapping):
        remedy = "Give lists by choice, such as {'estimator': ['twfe']}"
        faults.append(Fault("alternatives", "they are no lists by choice", "", remedy))
        alternatives = {}
    for choice, values in alternatives.items():
        where = f"alternatives, {choice}"
        if choice not in OF_FRAMES:
            hint = did_you_mean(choice, OF_FRAMES)
            remedy = f"Use {', '.join(OF_FRAMES)}"
            faults.append(Fault(where, f"there is no such choice.{hint}", "", remedy))
        elif isinstance(values, str) or not isinstance(values, Sequence):
            remedy = f"Give a list of {SAMPLES if choice == 'sample' else 'other values'}"
            faults.append(Fault(where, "it is not a list", "", remedy))
        elif odd := [one for one in values if isinstance(one, np.ndarray | pd.Series)]:
            what = f"{type_words(odd[0])} is no value of a choice"
            remedy = "Add it to the frame as a column and give the column's name"
            faults.append(Fault(where, what, "", remedy))
        else:
            for value in values:
                if (one := as_value(value)) not in given[choice]:
                    given[choice] += (one,)
    faults += _value_faults(given)
    columns = given | {"cluster": given["cluster"][1:]}  # the own one is the unit
    named = {(name, choice) for choice in OF_COLUMNS for name in _columns(choice, columns[choice])}
    named |= {(str(unit), "unit"), (str(time), "time")}
    named |= {(str(strata), "strata")} if strata is not None else set()
    faults += _column_faults(frame, unit, strata, sorted(named))
    if faults:
        raise EstimationError(faults)
    return {choice: given[choice] for choice in OF_FRAMES if len(given[choice]) > 1}


def _value_faults(given: Mapping[str, tuple[Any, ...]]) -> Iterator[Fault]:
    """Yield values that are not of their choice's type, by the types that plans have."""
    own = {name: [given[name][0]] for name in OF_PLANS if name != "winsorise"}  # it has no option
    others = {name: list(given[name][1:]) for name in OF_PLANS}
    for values in (own, others):
        try:
            Specifications.model_validate(values)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                at = dotted(detail["loc"])
                where = f"option {detail['loc'][0]!r}" if values is own else f"alternatives, {at}"
                detail["loc"] = ("specifications", *detail["loc"])
                broken = in_plain_words(detail)
                yield Fault(where, broken.what, broken.why, broken.remedy)
    for pair in given["years"][1:]:
        if not isinstance(pair, tuple) or len(pair) != 2:
            what = f"{pair!r} is no pair of periods"
            yield Fault("alternatives, years", what, "", "Write like [(2010, 2015)]")
    for names in given["covariates"]:
        if not isinstance(names, tuple):
            yield Fault("covariates", f"{names!r} is no list", "", "Give columns in a list")


def as_value(given: Any) -> Any:
    """Return a value of a choice: lists as tuples, which may be compared and counted."""
    return tuple(given) if isinstance(given, list | pd.Index) else given


def _columns(choice: str, values: tuple[Any, ...]) -> Iterator[str]:
    """Yield the columns that the values of a choice name."""
    for value in values:
        names = value if isinstance(value, tuple) else (value,)
        yield from (str(name) for name in names if (choice, name) != ("sample", ALL))


def _column_faults(
    frame: pd.DataFrame, unit: str, strata: str | None, named: Sequence[tuple[str, str]]
) -> Iterator[Fault]:
    """Yield columns that are not there, are no 0 and 1, or change within units."""
    for name, choice in named:
        where = f"column {name!r}"
        if name not in frame.columns:
            hint = did_you_mean(name, [str(column) for column in frame.columns])
            remedy = f"The frame has {first_five(list(frame.columns))}"
            if choice == "sample":
                remedy = f"sample takes {SAMPLES}. {remedy}"
            yield Fault(where, f"there is none, for {choice}.{hint}", "", remedy)
        elif choice == "sample" and not frame[name].isin([0, 1]).all():
            remedy = "Give 1 in the rows that are kept and 0 in the others"
            yield Fault(where, "it holds values other than 0 and 1", "", remedy)
        elif (choice == "cluster" or name == strata) and unit in frame.columns:
            moving = frame.groupby(unit)[name].nunique(dropna=False) > 1
            if moving.any():
                what = f"it changes within units: {first_five(list(moving.index[moving]))}"
                yield Fault(where, what, "", "Give one value a unit")
