"""Write outputs/parity.csv, print what it holds, and fail when a row is out."""

from __future__ import annotations

import csv
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from parity import CASES, all_rows  # noqa: E402
from parity.rows import Row  # noqa: E402

ROOT = Path(__file__).parents[2]
VALIDATION = ROOT.parent / "shared" / "validation"
TARGET = ROOT / "outputs" / "parity.csv"
COLUMNS = ("case", "estimator", "quantity", "ours", "reference", "difference", "tolerance")


def write(rows: Sequence[Row], path: Path) -> None:
    """Write one line a row, figures in full precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, "source"])
        for row in rows:
            figures = (row.ours, row.reference, row.difference, row.allowed)
            names = (row.case, row.estimator, row.quantity)
            writer.writerow([*names, *(repr(float(figure)) for figure in figures), row.source])


def summary(rows: Sequence[Row]) -> Table:
    """Return rows, rows that are out and the largest difference by case and estimator."""
    table = Table(title="Parity with the reference figures")
    for name in ("case", "estimator", "rows", "out", "largest difference", "of its tolerance"):
        table.add_column(name, justify="left" if name in ("case", "estimator") else "right")
    for case, estimator in dict.fromkeys((row.case, row.estimator) for row in rows):
        part = [row for row in rows if (row.case, row.estimator) == (case, estimator)]
        table.add_row(
            case,
            estimator,
            f"{len(part):,}",
            str(sum(not row.is_held for row in part)),
            f"{max(row.difference for row in part):.2e}",
            f"{max(_share(row) for row in part):.2g}",
        )
    return table


def _share(row: Row) -> float:
    """Return the difference as a share of its tolerance; counts have a tolerance of zero."""
    return row.difference / row.allowed if row.allowed else row.difference


def main() -> int:
    """Run every case; 0 when all rows are held, 1 when one is out, 2 without reference files."""
    if not VALIDATION.is_dir():
        print(f"There are no reference files: {VALIDATION.name}/ does not lie beside the project.")
        return 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the reference designs are thin is known
        rows = list(all_rows(VALIDATION))
    write(rows, TARGET)
    console = Console()
    console.print(summary(rows))
    out = [row for row in rows if not row.is_held]
    for row in out:
        console.print(
            f"out: {row.case}, {row.estimator}, {row.quantity}: {row.ours!r} against "
            f"{row.reference!r}, {row.difference:.2e} apart, {row.allowed:.0e} allowed"
        )
    print(f"{len(rows)} figures of {len(CASES)} cases, {len(out)} out: {TARGET.relative_to(ROOT)}")
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
