"""Make ``environment.yml`` from ``pyproject.toml``, or check that it is up to date."""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = """\
# Made from pyproject.toml by `make environment`; edit that file, not this one.
# conda brings Python, pip brings the packages: the same releases as those of the lock
# (docs/decisions/0002).
"""


def environment_text(pyproject: Path) -> str:
    """Return the text of ``environment.yml`` for a ``pyproject.toml``.

    Parameters
    ----------
    pyproject : Path
        The file that lists the dependencies and the dependency group ``dev``.

    Returns
    -------
    str
        The YAML text, one dependency a line, sorted as in ``pyproject.toml``.
    """
    with pyproject.open("rb") as file:
        settings = tomllib.load(file)
    project = settings["project"]
    lines = [f"name: {project['name']}", "channels: [conda-forge, nodefaults]", "dependencies:"]
    lines += [f"  - python{project['requires-python']},<3.12", "  - pip", "  - pip:"]
    for title, names in (
        ("to run", project["dependencies"]),
        ("to work on the package", settings["dependency-groups"]["dev"]),
        ("the package itself", ["-e ."]),
    ):
        lines.append(f"      # {title}")
        lines += [f'      - "{name}"' for name in names]
    return HEADER + "\n".join(lines) + "\n"


def main() -> int:
    """Write the file, or with ``--check`` say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if it differs")
    check: bool = parser.parse_args().check
    target = ROOT / "environment.yml"
    wanted = environment_text(ROOT / "pyproject.toml")
    if not check:
        target.write_text(wanted, encoding="utf-8")
        return 0
    if target.exists() and target.read_text(encoding="utf-8") == wanted:
        return 0
    print("environment.yml differs from pyproject.toml: run 'make environment'.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
