"""Time the panel of one evaluation from stores of 1, 10 and 100 times the shipped tables.

Run by hand: ``.venv/bin/python benchmarks/panel_scale.py [--times 1,10,100] [--runs 5] [--keep
DIR]``. It replicates the real tables under new indicator names (66,000, 660,000 and 6.6 million
figures; 25, 250 and 2,500 indicators), has `evallib store` check and convert each folder of CSV
tables, and builds the panel of the peer_challenge plan in fresh processes: ours from the Parquet
store and, up to 10x, from CSV; beside it what a user would write in pandas (read whole, or read by
a filter; pivot), which checks, corrects and follows nothing. Medians of several runs; peak memory
is that of the process. With 2 and 4 times as many outcomes selected it shows what grows with the
selection. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RAW = ROOT / "data" / "raw"
PLAN = ROOT / "evaluations" / "peer_challenge.yml"

# Each child prints seconds from the start of Python, seconds of the build alone, and peak memory.
_HEAD = """
import time, resource, json, sys
began = time.perf_counter()
def tell(built, rows):
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = time.process_time()
    print(json.dumps({"s": ended - began, "build_s": ended - built, "cpu_s": cpu,
                      "mib": peak, "rows": rows}))
"""
_OURS = """
import evallib as ev
from evallib.panel import build_panel
plan = ev.load_plan(sys.argv[1])
built = time.perf_counter()
panel = build_panel(plan, sys.argv[2])
tell(built, len(panel.frame))
"""
_WARM = """
import evallib as ev
from evallib.panel import build_panel
plan = ev.load_plan(sys.argv[1])
build_panel(plan, sys.argv[2])
built = time.perf_counter()
panel = build_panel(plan, sys.argv[2])
tell(built, len(panel.frame))
"""
_PANDAS = """
import glob
import pandas as pd
names = json.loads(sys.argv[1])
built = time.perf_counter()
{read}
figures = figures[figures["indicator"].isin(names)]
figures = figures.astype({{"indicator": "str"}})
panel = figures.pivot_table(index=["council_code", "fin_year"], columns="indicator",
                            values="value", aggfunc="first").reset_index()
tell(built, len(panel))
"""
_READ = {
    "pandas, all CSV": "figures = pd.concat([pd.read_csv(file) for file in "
    'sorted(glob.glob(sys.argv[2] + "/outcomes/*.csv"))])',
    "pandas, all Parquet": 'figures = pd.read_parquet(sys.argv[2] + "/outcomes")',
    "pandas, Parquet by filter": 'figures = pd.read_parquet(sys.argv[2] + "/outcomes", '
    'filters=[("indicator", "in", names)])',
}


def copied(name: str, copy: int) -> str:
    """Return the name of a copy; the first copy keeps the real name."""
    return name if copy == 0 else f"{name}_c{copy:02d}"


def write_tables(times: int, folder: Path) -> None:
    """Write the shipped tables with the figures repeated under new names."""
    import pandas as pd

    shutil.copytree(RAW, folder, ignore=shutil.ignore_patterns("outcomes"))
    (folder / "outcomes").mkdir()
    described = pd.read_csv(RAW / "indicators.csv", dtype=str, keep_default_na=False)
    mended = pd.read_csv(RAW / "corrections.csv", dtype=str, keep_default_na=False)
    more, slips = [], []
    for copy in range(times):
        for path in sorted(RAW.glob("outcomes/*.csv")):
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            table["indicator"] = table["indicator"].map(lambda name, n=copy: copied(name, n))
            stem = copied(path.stem, copy)
            table.to_csv(folder / "outcomes" / f"{stem}.csv", index=False)
        more.append(described.assign(indicator=[copied(n, copy) for n in described["indicator"]]))
        files = [f"outcomes/{copied(Path(file).stem, copy)}.csv" for file in mended["file"]]
        names = [copied(name, copy) for name in mended["indicator"]]
        slips.append(mended.assign(file=files, indicator=names))
    for name in ("indicators", "corrections"):  # they are not those that the sidecars describe
        (folder / f"{name}.meta.yml").unlink()
    pd.concat(more).to_csv(folder / "indicators.csv", index=False)
    pd.concat(slips).to_csv(folder / "corrections.csv", index=False)


def write_plan(copies: int, folder: Path) -> tuple[Path, list[str]]:
    """Write the plan with its outcomes repeated under new names; return it and its indicators."""
    import yaml

    content = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    outcomes = content["outcomes"]
    rows = [
        {
            key: copied(value, copy) if key in ("indicator", "per") else value
            for key, value in outcome.items()
        }
        for copy in range(copies)
        for outcome in outcomes
    ]
    content["outcomes"] = json.loads(json.dumps(rows))  # no value twice the same object
    path = folder / f"peer_challenge_{copies}.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    pairs = [(row["indicator"], row.get("per")) for row in content["outcomes"]]
    return path, sorted({name for pair in pairs for name in pair if name})


def child(script: str, *words: str) -> dict[str, Any]:
    """Run a script in a fresh process and return what it tells."""
    done = subprocess.run(
        [sys.executable, "-c", _HEAD + script, *words],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def median_of(told: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the median of every figure that runs tell."""
    return {key: round(statistics.median(one[key] for one in told), 3) for key in told[0]}


def routes(
    csv: Path,
    parquet: Path,
    plans: dict[int, tuple[Path, list[str]]],
    times: int,
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield name, script and words of every route from a store."""
    plan, names = plans[1]
    yield "ours, Parquet", _OURS, [str(plan), str(parquet)]
    for copies, (wider, _) in plans.items():
        if 1 < copies <= times:
            yield f"ours, Parquet, {copies}x selected", _OURS, [str(wider), str(parquet)]
    if times <= 10:
        yield "ours, CSV", _OURS, [str(plan), str(csv)]
    if times == 1:
        yield "ours, CSV, again in the process", _WARM, [str(plan), str(csv)]
    for name, read in _READ.items():
        folder = csv if "CSV" in name else parquet
        yield name, _PANDAS.format(read=read), [json.dumps(names), str(folder)]


def made(times: int, folder: Path) -> tuple[Path, Path, float]:
    """Return the folders of CSV and Parquet, made where they are not there, and the seconds."""
    csv, parquet = folder / f"csv_{times}x", folder / f"store_{times}x"
    if not csv.is_dir():
        write_tables(times, csv)
    began = time.perf_counter()
    if not parquet.is_dir():
        command = [sys.executable, "-m", "evallib", "store", str(csv), "--to", str(parquet)]
        subprocess.run(command, cwd=ROOT, check=True)
    return csv, parquet, round(time.perf_counter() - began, 1)


def size_of(folder: Path) -> float:
    """Return the size of a folder's outcomes in MiB."""
    return round(sum(f.stat().st_size for f in folder.glob("outcomes/**/*")) / 2**20, 1)


def main() -> None:
    """Make the stores, run every route, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", default="1,10,100")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, default=None, help="keep the stores there")
    words = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = (words.keep or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        plans = {copies: write_plan(copies, folder) for copies in (1, 2, 4)}
        for times in (int(text) for text in words.times.split(",")):
            csv, parquet, seconds = made(times, folder)
            print(
                f"\n{times}x: CSV {size_of(csv)} MiB, Parquet {size_of(parquet)} MiB, "
                f"checked and converted in {seconds} s"
            )
            told: dict[str, list[dict[str, Any]]] = {}
            for _ in range(words.runs):  # in turn, so that a busy minute spoils no single route
                for name, script, arguments in routes(csv, parquet, plans, times):
                    told.setdefault(name, []).append(child(script, *arguments))
            medians = {name: median_of(runs) for name, runs in told.items()}
            ours = medians["ours, Parquet"]
            for name, one in medians.items():
                print(
                    f"  {name:34} {one['s']:7.2f} s ({one['build_s']:6.2f} s without imports, "
                    f"{one['cpu_s']:6.2f} s of processor) {one['mib']:7.0f} MiB   "
                    f"{one['s'] / ours['s']:5.2f} x time, {one['mib'] / ours['mib']:5.2f} x memory"
                )
            found[f"{times}x"] = {"convert_s": seconds, **medians}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
