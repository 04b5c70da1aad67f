"""The package's front door, and what README and registry say of the estimators."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import evallib as ev
from evallib.estimate.options import ESTIMATORS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", [name for name in ev.__all__ if name != "views"])
def test_public_names_are_functions(name: str) -> None:
    assert callable(getattr(ev, name))
    assert name in dir(ev)


def test_estimate_is_the_function_whatever_was_imported_first() -> None:
    code = (
        "import evallib.estimate, evallib as ev, types;"
        "assert isinstance(ev.estimate, types.FunctionType);"
        "from evallib.estimate import fit; assert ev.fit is fit"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'estimat'"):
        ev.estimat  # noqa: B018


def test_readme_and_registry_name_the_estimators_that_the_door_opens_to() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    line = re.search(r"Estimators in this version: (.*?)\.", readme, re.DOTALL)
    assert line is not None
    said = set(re.findall(r"`(\w+)`", line.group(1)))
    registry = (ROOT / "docs" / "methodology.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^## (\w+)$", registry, re.MULTILINE))
    offered = set(ESTIMATORS)
    assert said == described == offered
    for name in sorted(offered):
        section = registry.split(f"## {name}\n")[1].split("\n## ")[0]
        for row in ("Estimand", "Equation", "Standard errors", "Reference", "Edge cases"):
            assert row in section, f"{name} lacks {row}"


def test_registry_says_of_every_sensitivity_what_it_is_and_rests_on() -> None:
    registry = (ROOT / "docs" / "methodology.md").read_text(encoding="utf-8")
    for title in (
        "Inference on request",
        "Families of outcomes",
        "Honest pre-trends",
        "Power of pre-trend tests",
        "Audit by placebos",
        "Regression to the mean",
        "Placebo outcomes and other samples",
        "Errors of the register",
        "Every specification",
        "The decision rule",
        "Before outcomes",
    ):
        section = re.split(r"\n#+ ", registry.split(f"# {title}\n")[1])[0]
        for row in ("| Estimand", "ssum", "p-value", "| Reference |", "| Held to |"):
            assert row in section, f"{title} lacks {row}"


def test_docs_and_readme_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
