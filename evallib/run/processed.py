"""Write the built panel and exposure of a plan where people can open them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd

from evallib.exposure import Exposure
from evallib.panel import Panel
from evallib.panel.sidecars import OGL_ATTRIBUTION
from evallib.plan import Plan, project_root
from evallib.run.folders import Place, exchange, hold


def processed_folder() -> Path:
    """Return the project's ``data/processed``."""
    return project_root() / "data" / "processed"


def write_processed(plan: Plan, panel: Panel, exposure: Exposure, folder: Path) -> Path:
    """Write panel, figures and exposure as Parquet, with what they were built from.

    Parameters
    ----------
    plan : Plan
        The plan.
    panel, exposure
        Built from it.
    folder : pathlib.Path
        Where the plan's folder goes; one that is there is exchanged when the new one is whole.

    Returns
    -------
    pathlib.Path
        The plan's folder.
    """
    tables: dict[str, pd.DataFrame] = {
        "panel": panel.frame,
        "figures": panel.figures,
        "covariates": panel.covariates,
        "exposure": exposure.frame,
        "councils": exposure.councils,
    }
    built = {
        "plan": plan.name,
        "plan_sha256": plan.key(),
        "attribution": OGL_ATTRIBUTION,
        "inputs": {one["file"]: one["sha256"] for one in panel.store.inputs},
    }
    place = Place(folder, plan.name)
    with hold(place):
        shutil.rmtree(place.new, ignore_errors=True)
        place.new.mkdir(parents=True)
        for name, table in tables.items():
            table.to_parquet(place.new / f"{name}.parquet", index=False)
        text = json.dumps(built, indent=1) + "\n"
        (place.new / "built.json").write_text(text, encoding="utf-8")
        exchange(place)
    return place.final
