"""California's tobacco programme: runs of R's synthdid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.estimate import Estimate, fit
from parity.rows import Row, number

CASE, TIGHT = "prop99_sdid", 1e-10
SOURCE = "R: synthdid 0.0.9"
# 200 random placebos with repetition there, all 38 here.
RANDOM = 1.5
RANDOM_SOURCE = f"{SOURCE}, 200 random placebos: another seed moves it by about 1"
# The key of the reference, the estimator of the effect and that of the effects by year.
RUNS = (
    ("sdid", "synthetic_did", "synthetic_did"),
    ("sc", "synthetic_control", "synthetic_control"),
    ("did", "twfe", "imputation"),
)
FIRST_YEAR = 1989


def rows(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
    """Yield effects, effects by year, weights and standard errors of each estimator."""
    frame = pd.read_csv(folder / "california_prop99.csv")
    for key, name, by_year in RUNS:
        figures = reference["r_out.json"][key]
        found = fit_run(frame, name)
        want = number(figures["estimate"])
        yield Row(CASE, name, f"{key} estimate", found.point[0], want, TIGHT, SOURCE)
        effects = (found if by_year == name else fit_run(frame, by_year)).tidy().set_index("term")
        for year, figure in figures["effect_curve"].items():
            mine = effects.loc[f"event_time={int(year) - FIRST_YEAR}", "estimate"]
            yield Row(CASE, by_year, f"{key} effect {year}", mine, number(figure), TIGHT, SOURCE)
        if name.startswith("synthetic"):
            yield from _weights(key, found, figures)


def fit_run(frame: pd.DataFrame, name: str) -> Estimate:
    """Fit an estimator with its defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(
            name, frame, outcome="PacksPerCapita", unit="State", time="Year", treatment="treated"
        )


def _weights(key: str, found: Estimate, figures: Mapping[str, Any]) -> Iterator[Row]:
    synthetic = found.details["synthetic"]
    units = synthetic.weights.set_index("unit")["weight"]
    for unit, figure in figures["omega"].items():
        label = f"{key} omega {unit}"
        yield Row(CASE, found.estimator, label, units[unit], number(figure), TIGHT, SOURCE)
    periods = synthetic.periods.set_index("period")["weight"]
    for year, figure in figures["lambda"].items() if len(periods) else ():
        label = f"{key} lambda {year}"
        yield Row(CASE, found.estimator, label, periods[int(year)], number(figure), TIGHT, SOURCE)
    want = number(figures["placebo_se_seed12345_200reps"])
    label, ours = f"{key} placebo se", found.std_error[0]
    yield Row(CASE, found.estimator, label, ours, want, RANDOM, RANDOM_SOURCE, is_wide=True)
