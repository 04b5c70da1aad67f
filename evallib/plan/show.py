"""Show a plan as a small table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

_SPANS = ("years", "event_window", "base_years")


def plan_table(name: str, effective: Mapping[str, Any], changed: set[str]) -> str:
    """Return an HTML table of a plan's parameters.

    Parameters
    ----------
    name : str
        The plan's name, for the caption.
    effective : mapping
        Every parameter as plain values.
    changed : set of str
        Dotted keys that an override changed; said beside the value.

    Returns
    -------
    str
        A table with one row a parameter; every text is escaped.
    """
    rows = "".join(
        f'<tr><th scope="row">{html.escape(key)}</th><td>{html.escape(text)}'
        f"{' (set for this run)' if key in changed else ''}</td></tr>"
        for key, text in flat_rows(effective)
    )
    return (
        f"<table><caption>Plan: {html.escape(name)}</caption>"
        '<thead><tr><th scope="col">Parameter</th><th scope="col">Value</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def flat_rows(effective: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield every parameter of a plan as a dotted key and a value in words.

    Parameters
    ----------
    effective : mapping
        Plain values.
    before : str
        What stands before every key.

    Yields
    ------
    tuple of str
        The key, with outcomes and covariates named, and the value.
    """
    for key, value in effective.items():
        here = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat_rows(value, f"{here}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for at, item in enumerate(value):
                keys = ("indicator", "name", "register", "file", "table")
                name = next((item[key] for key in keys if item.get(key)), str(at + 1))
                facts = (
                    f"{k} {in_text(v)}" for k, v in item.items() if v is not None and v != name
                )
                yield f"{here}.{name}", "; ".join(facts)
        else:
            yield here, in_text(value)


def in_text(value: object) -> str:
    """Return a plain value in words.

    Examples
    --------
    >>> in_text(["2015/16", "2024/25"])
    '2015/16, 2024/25'
    >>> in_text([])
    'none'
    """
    if value is None or value == []:
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(in_text(item) for item in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {in_text(item)}" for key, item in value.items())
    return str(value)


def value_in_text(key: str, value: object) -> str:
    """Return the plain value of a key in words, first and last of a span with 'to'.

    Parameters
    ----------
    key : str
        The key, dotted where it lies below another.
    value : object
        A plain value.

    Examples
    --------
    >>> value_in_text("event_window", [-5, 2]), value_in_text("comparison", "never_treated")
    ('-5 to 2', 'never_treated')
    """
    is_span = key.rpartition(".")[2] in _SPANS
    if is_span and isinstance(value, (list, tuple)) and len(value) == 2:
        return f"{value[0]} to {value[1]}"
    return in_text(value)
