"""Time `evallib run` beside the same notebooks by the papermill and nbconvert commands.

Run by hand: ``.venv/bin/python benchmarks/report_time.py [PLAN]``. Both routes run in one go on
this machine, one after the other; read the ratio rather than the seconds. The last line is JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def timed(*command: str) -> float:
    """Run a command in notebooks/ and return its seconds."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT / "notebooks", check=True, capture_output=True)
    return time.perf_counter() - start


def main(plan: str) -> None:
    """Time both routes and print their ratio."""
    sys.path.insert(0, str(ROOT))
    from evallib.plan import load_plan

    names = load_plan(plan).notebooks
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        ours = timed(python, "-m", "evallib", "run", plan, "--out", str(Path(folder) / "ours"))
        run_folder = Path(folder) / "one_after_another"
        run_folder.mkdir()
        plain = 0.0
        for name in names:
            executed = str(run_folder / f"{name}.ipynb")
            plain += timed(
                python,
                "-m",
                "papermill",
                f"{name}.ipynb",
                executed,
                "-p",
                "plan_path",
                plan,
                "-p",
                "run_folder",
                str(run_folder),
                "-k",
                "python3",
                "--no-progress-bar",
            )
            plain += timed(python, "-m", "nbconvert", "--to", "html", executed)
    print(f"evallib run {plan}: {ours:.1f} s, with gate, report and manifest")
    print(f"papermill and nbconvert, one after another: {plain:.1f} s")
    print(
        json.dumps(
            {
                "plan": plan,
                "ours_s": round(ours, 2),
                "plain_s": round(plain, 2),
                "ratio": round(plain / ours, 2),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "peer_challenge")
