"""Every figure of the reference cases that an estimator here can produce, beside its reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parity import events, mpdta, ordered, prop99, regressions
from parity.rows import Case, Row, read_reference


def _hazard_markov(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
    """Yield hazards and Markov models, then ordered grades, of the one case that holds them."""
    yield from events.rows(folder, reference)
    yield from ordered.rows(folder, reference)


CASES: dict[str, Case] = {
    "mpdta": mpdta.rows,
    "prop99_sdid": prop99.rows,
    "hazard_markov": _hazard_markov,
    **regressions.CASES,
}


def all_rows(folder: Path, cases: dict[str, Case] | None = None) -> Iterator[Row]:
    """Yield the rows of every case whose folder is there."""
    for name, rows in (cases or CASES).items():
        if (folder / name / "reference.json").is_file():
            yield from rows(folder / name, read_reference(folder / name))
