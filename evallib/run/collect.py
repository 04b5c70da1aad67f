"""Gather what the notebooks saved and showed into the files that people take away."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from pathlib import Path

from evallib.report.exports import write_csv
from evallib.run.results import RunResults

ESTIMATES = [
    *("outcome", "role", "estimator", "comparison", "no_record", "inference", "term", "estimate"),
    *("std_error", "conf_low", "conf_high", "p_value", "n_obs", "n_units", "n_treated_units"),
]
CHECKS = ["outcome", "no_record", "check", "verdict", "sentence"]
_FIGURE = re.compile(r'<figure id="chart-([a-z0-9_-]+)".*?</figure>', re.DOTALL)
_PICTURE = re.compile(r"<svg .*?</svg>", re.DOTALL)
_DATA = re.compile(r'href="data:text/csv;charset=utf-8;base64,([A-Za-z0-9+/=]+)"')
_BARE_SVG = re.compile(r"<svg (?![^>]*xmlns=)")


def write_tables(folder: Path, results: RunResults) -> None:
    """Write ``estimates.csv`` and ``checks.csv`` of a run.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder.
    results : RunResults
        What its notebooks saved.
    """
    for name, frame, columns in (
        ("estimates.csv", results.estimates, ESTIMATES),
        ("checks.csv", results.checks, CHECKS),
    ):
        rows = frame.drop(columns="notebook", errors="ignore").drop_duplicates(ignore_index=True)
        write_csv(rows if rows.shape[1] else rows.reindex(columns=columns), folder / name)


def export_charts(folder: Path, notebook: Path) -> None:
    """Write every chart that a notebook shows as SVG, and its data as CSV.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder.
    notebook : pathlib.Path
        The executed notebook. What it saved itself under the same name is kept.
    """
    number = notebook.name[:2]
    for shown in _html_outputs(notebook):
        for figure in _FIGURE.finditer(shown):
            name = f"{number}_{figure[1].replace('-', '_')}"
            picture, data = _PICTURE.search(figure[0]), _DATA.search(figure[0])
            if picture is not None:
                named = 'xmlns="http://www.w3.org/2000/svg"'
                text = _BARE_SVG.sub(f"<svg {named} ", picture[0], count=1)
                _write_new(folder / "figures" / f"{name}.svg", text.encode("utf-8"))
            if data is not None:
                try:
                    content = base64.b64decode(data[1], validate=True)
                except binascii.Error:
                    continue
                _write_new(folder / "tables" / f"{name}.csv", content)


def _html_outputs(notebook: Path) -> Iterator[str]:
    for cell in json.loads(notebook.read_text(encoding="utf-8")).get("cells", []):
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/html", "")
            yield text if isinstance(text, str) else "".join(text)


def _write_new(path: Path, content: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
