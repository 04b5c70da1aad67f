"""Time every two-way specification at once beside loops over pyfixest and linearmodels.

Run by hand: ``.venv/bin/python benchmarks/specifications.py --python PATH/bin/python``, naming an
interpreter that has pyfixest; without it pyfixest is left out. Specifications are those of the
shipped peer challenge plan for long-term empty homes: rule for councils without a record,
comparison group, council types, first year and anticipation make the samples; level, log or
winsorised, controls (one of them missing in some years, so that rows go listwise) and clusters make
the rest.
Every library starts from the same tidy frames. Each process gets one thread. All fits of all
libraries are timed; every estimate and standard error is compared. The last line is JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
OUTCOME = "long_term_empty_homes_pct"
FORMS = (OUTCOME, "log_empty_homes", "winsorised")
CONTROLS = ("log_dwellings", "dwellings_a_head", "log_population", "recycling_rate_pct")
CLUSTERS = ("cluster", "region")
SAMPLES: dict[str, tuple[str, ...]] = {
    "council_types": (
        "all",
        "[district, unitary]",
        "[unitary, metropolitan district, london borough]",
        "[district, unitary, metropolitan district]",
    ),
    "outcomes[0].years": ("[2010/11, 2024/25]", "[2014/15, 2024/25]"),
    "anticipation": ("0", "1"),
}
# Without councils that have no record nobody is left who was never treated.
GROUPS = (
    ("no_record=assume_not_exposed", "comparison=not_yet_treated"),
    ("no_record=assume_not_exposed", "comparison=never_treated"),
    ("no_record=only_known", "comparison=not_yet_treated"),
)


class Task(NamedTuple):
    """One specification: its frame, outcome, controls and clusters."""

    frame: int
    outcome: str
    controls: tuple[str, ...]
    cluster: str


def make_frames() -> list[pd.DataFrame]:
    """Return the regression frame of every sample of the shipped plan, controls joined."""
    sys.path.insert(0, str(ROOT))
    import evallib as ev

    panel = ev.build_panel(ev.load_plan("peer_challenge"))
    more = panel.frame[["council_code", "period", "dwellings_count", CONTROLS[3], "region"]].copy()
    people = panel.boundaries.people()
    more = more.merge(people, on=["council_code", "period"], how="left")
    more["log_dwellings"] = np.log(more["dwellings_count"])
    more["log_population"] = np.log(more["population_count"])
    more["dwellings_a_head"] = more["dwellings_count"] / more["population_count"]
    frames, seen = [], set()
    for group, *values in itertools.product(GROUPS, *SAMPLES.values()):
        given = [f"{key}={value}" for key, value in zip(SAMPLES, values, strict=True)]
        plan = ev.load_plan("peer_challenge", overrides=[*group, *given])
        design = ev.build_design(plan, panel, ev.build_exposure(plan, panel), OUTCOME)
        frame = design.frame.rename(columns={"value": OUTCOME})
        frame = frame[frame[OUTCOME] > 0]
        low, high = frame[OUTCOME].quantile([0.01, 0.99])
        frame = frame.assign(
            log_empty_homes=np.log(frame[OUTCOME]), winsorised=frame[OUTCOME].clip(low, high)
        )
        frame = frame.merge(more, on=["council_code", "period"], how="left")
        if design.sample_id not in seen:
            seen.add(design.sample_id)
            frames.append(frame.reset_index(drop=True))
    return frames


def make_tasks(frames: list[pd.DataFrame]) -> list[Task]:
    """Return every combination of sample, outcome form, controls and clusters."""
    subsets = [
        subset
        for size in range(len(CONTROLS) + 1)
        for subset in itertools.combinations(CONTROLS, size)
    ]
    return [Task(*item) for item in itertools.product(range(len(frames)), FORMS, subsets, CLUSTERS)]


def ours(frames: list[pd.DataFrame], tasks: list[Task]) -> list[tuple[float, float]]:
    """Estimate all at once, from frames to effects and standard errors."""
    from evallib.estimate.many_regressions import Specification, lay_out, solve_specifications

    names = (*FORMS, "is_exposed", *CONTROLS)
    place = {name: k for k, name in enumerate(names)}
    done: list[tuple[float, float]] = []
    for number, group in itertools.groupby(tasks, key=lambda task: task.frame):
        frame = frames[number]
        columns = lay_out(
            pd.factorize(frame["council_code"])[0],
            pd.factorize(frame["period"], sort=True)[0],
            frame[list(names)].to_numpy(dtype=float).T,
            frame["weight"].to_numpy(),
            np.array([pd.factorize(frame[name])[0] for name in CLUSTERS]),
        )
        wanted = [
            Specification(
                place[task.outcome],
                place["is_exposed"],
                tuple(place[name] for name in task.controls),
                CLUSTERS.index(task.cluster),
            )
            for task in group
        ]
        found = solve_specifications(columns, wanted)
        done += zip(found.estimate.tolist(), found.std_error.tolist(), strict=True)
    return done


def by_pyfixest(
    frames: list[pd.DataFrame], tasks: list[Task], tolerance: float | None = None
) -> list[tuple[float, float]]:
    """Loop over pyfixest, one fit a specification; K counts as in Stata's and ours."""
    import pyfixest

    rule = pyfixest.ssc(k_adj=True, k_fixef="nonnested", G_adj=True)
    done = []
    for task in tasks:
        terms = " + ".join(("is_exposed", *task.controls))
        found = pyfixest.feols(
            f"{task.outcome} ~ {terms} | council_code + period",
            frames[task.frame],
            vcov={"CRV1": task.cluster},
            ssc=rule,
            copy_data=False,
            store_data=False,
            fixef_tol=tolerance,
        )
        done.append((float(found.coef().iloc[0]), float(found.se().iloc[0])))
    return done


def by_linearmodels(frames: list[pd.DataFrame], tasks: list[Task]) -> list[tuple[float, float]]:
    """Loop over linearmodels' PanelOLS; its standard errors follow another rule."""
    from linearmodels.panel import PanelOLS

    done = []
    for task in tasks:
        wanted = [task.outcome, "is_exposed", *task.controls]
        frame = frames[task.frame].set_index(["council_code", "period"])
        frame = frame.dropna(subset=wanted)
        model = PanelOLS(
            frame[task.outcome], frame[wanted[1:]], entity_effects=True, time_effects=True
        )
        codes = pd.Series(pd.factorize(frame[task.cluster])[0], index=frame.index, name="cluster")
        found = model.fit(cov_type="clustered", clusters=codes)
        done.append((float(found.params.iloc[0]), float(found.std_errors.iloc[0])))
    return done


LOOPS = {"pyfixest": by_pyfixest, "linearmodels": by_linearmodels}


def rival(name: str, folder: Path) -> None:
    """Time one loop in this process, after a fit to warm up, and write what it found."""
    warnings.simplefilter("ignore")
    tasks = [Task(*task) for task in json.loads((folder / "tasks.json").read_text())]
    count = 1 + max(task.frame for task in tasks)
    frames = [pd.read_parquet(folder / f"{number}.parquet") for number in range(count)]
    LOOPS[name](frames, tasks[:2])
    start = time.perf_counter()
    done = LOOPS[name](frames, tasks)
    seconds = time.perf_counter() - start
    found: dict[str, Any] = {"seconds": seconds, "found": done}
    if name == "pyfixest":
        found["precise"] = by_pyfixest(frames, tasks, 1e-13)
    (folder / f"{name}.json").write_text(json.dumps(found))


def rows_of(frame: pd.DataFrame, task: Task) -> bytes:
    """Return which rows a task uses."""
    return frame[[task.outcome, *task.controls]].notna().all(axis=1).to_numpy().tobytes()


def apart(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> float:
    """Return the largest difference of estimates and standard errors."""
    return float(np.nanmax(np.abs(np.array(first) - np.array(second))))


def main() -> None:
    """Measure, print, end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter with pyfixest")
    parser.add_argument("--rival", nargs=2, metavar=("NAME", "FOLDER"))
    given = parser.parse_args()
    if given.rival:
        rival(given.rival[0], Path(given.rival[1]))
        return
    frames = make_frames()
    tasks = make_tasks(frames)
    ours(frames[:1], tasks[:2])
    times = []
    for _ in range(5):
        start = time.perf_counter()
        mine = ours(frames, tasks)
        times.append(time.perf_counter() - start)
    speed = len(tasks) / float(np.median(times))
    samples = len({(task.frame, rows_of(frames[task.frame], task)) for task in tasks})
    print(f"{len(tasks):,} specifications over {samples} samples: {speed:,.0f} a second")
    result: dict[str, Any] = {
        "specifications": len(tasks),
        "samples": samples,
        "ours_per_s": round(speed, 1),
        "not_estimated": int(np.isnan(np.array(mine)[:, 0]).sum()),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tasks.json").write_text(json.dumps(tasks))
        for number, frame in enumerate(frames):
            frame.to_parquet(folder / f"{number}.parquet")
        for library, python in (("pyfixest", given.python), ("linearmodels", sys.executable)):
            command = [python, __file__, "--rival", library, name]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{library} is left out: {(done.stderr.strip() or 'no word')[-160:]}")
                continue
            found = json.loads((folder / f"{library}.json").read_text())
            pace = len(tasks) / found["seconds"]
            print(f"{library}: {pace:,.1f} a second; ours {speed / pace:,.0f} times as many")
            result[f"{library}_per_s"] = round(pace, 2)
            result[f"times_{library}"] = round(speed / pace, 1)
            if library == "pyfixest":
                result["pyfixest_timed"] = len(found["found"])
                result["max_abs_difference"] = apart(mine, found["precise"])
                result["max_abs_difference_as_timed"] = apart(mine, found["found"])
            else:
                estimates = [(a, 0.0) for a, _ in found["found"]]
                result["max_abs_difference_linearmodels_estimates"] = apart(
                    [(a, 0.0) for a, _ in mine], estimates
                )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
