"""What is built for people lies in data/processed, whole, with what it was built from."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from evallib.exposure import build_exposure
from evallib.panel import build_panel
from evallib.plan import load_plan
from evallib.run.processed import write_processed


def test_processed_tables_are_exchanged_whole(tmp_path: Path) -> None:
    plan = load_plan("childrens_intervention")
    panel = build_panel(plan)
    exposure = build_exposure(plan, panel)
    folder = write_processed(plan, panel, exposure, tmp_path)
    (folder / "left_over.txt").write_text("from an older version", encoding="utf-8")
    assert write_processed(plan, panel, exposure, tmp_path) == folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "built.json",
        "councils.parquet",
        "covariates.parquet",
        "exposure.parquet",
        "figures.parquet",
        "panel.parquet",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["childrens_intervention"]
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "panel.parquet"), panel.frame)
    built = json.loads((folder / "built.json").read_text(encoding="utf-8"))
    assert built["inputs"]["outcomes/childrens_services.csv"] == next(
        one["sha256"]
        for one in panel.store.inputs
        if one["file"] == "outcomes/childrens_services.csv"
    )
