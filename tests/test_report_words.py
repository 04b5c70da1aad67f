"""Words: what an interval allows is said, and never more."""

from __future__ import annotations

import pytest

from evallib.report import words

NAN = float("nan")


@pytest.mark.parametrize(
    ("low", "high", "start"),
    [
        (-3.0, 1.0, "We cannot tell"),
        (-1.0, 2.0, "We cannot tell"),
        (NAN, 1.0, "We cannot tell"),
        (float("-inf"), float("inf"), "We cannot tell"),
        (-1.9, 1.9, "The interval lies within plus or minus 2 percentage points"),
        (0.1, 1.0, "The interval lies within plus or minus 2 percentage points"),
        (0.1, 3.0, "The interval lies above zero"),
        (-3.0, -0.1, "The interval lies below zero"),
    ],
)
def test_a_reading_fits_its_interval(low: float, high: float, start: str) -> None:
    sentence = words.reading_words(low, high, 2.0, "percent")
    assert sentence.startswith(start)
    assert "no effect" not in sentence.lower()


def sentence(**changes: object) -> str:
    given: dict[str, object] = {
        "title": "Fly-tipping",
        "estimate": 0.05,
        "conf_low": -0.1,
        "conf_high": 0.2,
        "unit": "incidents",
        "scale": "log",
        "n_units": 300,
        "n_treated_units": 35,
        "n_obs": 3900,
        "interval_method": "restricted wild bootstrap",
        "meaningful_change": 0.1,
        "polarity": "lower",
    }
    return words.estimate_sentence(**{**given, **changes})


def test_an_estimate_stands_with_all_that_belongs_to_it() -> None:
    text = sentence()
    for part in (
        "5 per cent higher (worse; 95% interval",
        "95% interval from −10 to 22 per cent",
        "We cannot tell",
        "300 councils, 35 of them treated; 3,900 council-years",
        "Interval: restricted wild bootstrap.",
    ):
        assert part in text


def test_a_change_of_zero_is_neither_better_nor_worse() -> None:
    text = sentence(estimate=0.0, decimals=1)
    assert "0.0 per cent different" in text
    assert "worse" not in text
    assert "better" not in text


def test_one_percentage_point_is_singular() -> None:
    assert words.change_words(1.0, "percent", decimals=0) == "1 percentage point higher"
