"""The run's identifier: readable, and the same for the same things that went in."""

from __future__ import annotations

from pathlib import Path

import pytest

from evallib.plan import load_plan
from evallib.run.key import RunKey, run_key, slug_of

INPUTS = [{"file": "a.csv", "sha256": "1" * 64}, {"file": "b.csv", "sha256": "2" * 64}]


def key_of(folder: Path, overrides: tuple[str, ...] = (), inputs: object = None) -> RunKey:
    package = folder / "package"
    package.mkdir(exist_ok=True)
    (package / "a.py").touch()
    (folder / "01_a.ipynb").touch()
    given = INPUTS if inputs is None else inputs
    plan = load_plan("peer_challenge", overrides)
    return run_key(plan, given, [folder / "01_a.ipynb"], package)  # type: ignore[arg-type]


def test_the_same_inputs_give_the_same_id_in_any_order(tmp_path: Path) -> None:
    assert key_of(tmp_path).run_id == key_of(tmp_path, inputs=INPUTS[::-1]).run_id
    assert key_of(tmp_path).run_id.startswith("default-")


def test_each_of_plan_data_notebooks_and_code_changes_the_id(tmp_path: Path) -> None:
    found = {key_of(tmp_path).run_id, key_of(tmp_path, ("history.years=10",)).run_id}
    found.add(key_of(tmp_path, inputs=INPUTS[:1]).run_id)
    (tmp_path / "01_a.ipynb").write_text("{}", encoding="utf-8")
    found.add(key_of(tmp_path).run_id)
    (tmp_path / "package" / "a.py").write_text("x = 1", encoding="utf-8")
    found.add(key_of(tmp_path).run_id)
    assert len(found) == 5


@pytest.mark.parametrize(
    ("differences", "slug"),
    [
        ({}, "default"),
        ({"history.years": 10}, "history.years-10"),
        ({"years": ["2016/17", "2024/25"]}, "years-2016-17-2024-25"),
        ({"title": "../../Été <b>"}, "title-..-..-ete-b"),
        ({"title": "Ω"}, "title"),
        ({"concurrent": None}, "concurrent-none"),
        ({"title": "x" * 200}, "title-" + "x" * 54),
    ],
)
def test_slugs_are_readable_and_stay_in_their_folder(
    differences: dict[str, object], slug: str
) -> None:
    assert slug_of(differences) == slug
    assert "/" not in slug
