"""Two vintages compared: what was added, is gone, was changed, and by how much."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from evallib.cli import app
from evallib.panel.revisions import compare_vintages

RUNNER = CliRunner()
OLD = [
    ("E06000001", "2015/16", "waste", 100.0),
    ("E06000001", "2016/17", "waste", 110.0),
    ("E06000002", "2015/16", "waste", 0.0),
    ("E06000002", "2016/17", "waste", 50.0),
    ("E06000002", "2016/17", "other", 7.123456),
]
NEW = [
    ("E06000001", "2015/16", "waste", 100.0),
    ("E06000001", "2016/17", "waste", 99.0),
    ("E06000002", "2015/16", "waste", 3.0),
    ("E06000003", "2016/17", "waste", 51.0),
    ("E06000002", "2016/17", "other", 7.1234561),
]


def write(path: Path, rows: list[tuple[str, str, str, float]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["council_code", "fin_year", "indicator", "value"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


@pytest.fixture
def vintages(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "old.csv", OLD), write(tmp_path / "new.csv", NEW)


def test_every_kind_of_revision(vintages: tuple[Path, Path]) -> None:
    revisions = compare_vintages(*vintages)
    rows = revisions.frame.set_index(["council_code", "fin_year"])
    assert rows["status"].to_dict() == {
        ("E06000001", "2016/17"): "changed",
        ("E06000002", "2015/16"): "changed",
        ("E06000002", "2016/17"): "gone",
        ("E06000003", "2016/17"): "added",
    }
    changed = rows.loc[("E06000001", "2016/17")]
    assert (changed["change"], changed["change_pct"]) == (-11, -10)
    assert math.isnan(rows.loc[("E06000002", "2015/16"), "change_pct"])
    assert (revisions.same, revisions.rounded) == (2, 1)
    counts = revisions.counts.set_index(["indicator", "fin_year"]).loc[("waste", "2016/17")]
    wanted = {"rows_old": 2, "rows_new": 2, "added": 1, "gone": 1, "changed": 1}
    assert counts[list(wanted)].to_dict() == wanted
    assert (counts["mean_change"], counts["largest_change"]) == (-11, -11)


def test_a_vintage_is_the_other_one_turned_round(vintages: tuple[Path, Path]) -> None:
    forth, back = compare_vintages(*vintages), compare_vintages(*vintages[::-1])
    assert forth.same == back.same
    assert sorted(forth.frame["change"].dropna()) == sorted(-back.frame["change"].dropna())


def test_tables_of_the_same_name_are_compared(tmp_path: Path) -> None:
    write(tmp_path / "old" / "outcomes" / "a.csv", OLD[:4])
    write(tmp_path / "old" / "outcomes" / "b.csv", OLD[4:])
    write(tmp_path / "new" / "a.csv", NEW[:4])
    for folder in (tmp_path / "old" / "outcomes", tmp_path / "new"):
        (folder / "judgements.csv").write_text("council_code,judgement\n", encoding="utf-8")
    revisions = compare_vintages(tmp_path / "old", tmp_path / "new")
    assert (len(revisions.frame), revisions.same) == (4, 1)
    assert revisions.left_out == ("b.csv: in one vintage only", "judgements.csv: holds no figures")
    single = compare_vintages(tmp_path / "old", tmp_path / "new" / "a.csv")
    assert single.frame.equals(revisions.frame)
    done = RUNNER.invoke(app, ["revisions", str(tmp_path / "old"), str(tmp_path)])
    assert done.exit_code == 2
    assert "no table of figures of the same name" in done.stderr


def test_the_command_prints_and_writes(vintages: tuple[Path, Path], tmp_path: Path) -> None:
    target = tmp_path / "revisions.csv"
    arguments = ["revisions", *map(str, vintages), "--to", str(target)]
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 0, done.stderr
    said = done.stdout
    assert "2 figures are the same; 2 changed, 1 were added, 1 are gone." in said
    assert "E06000001 2016/17 waste: 110 to 99 (-10 per cent)" in said
    assert "from zero" in said
    assert len(pd.read_csv(target)) == 4
    assert RUNNER.invoke(app, arguments).exit_code == 0
    target.write_text("mine\n", encoding="utf-8")
    assert RUNNER.invoke(app, arguments).exit_code == 2
    assert target.read_text("utf-8") == "mine\n"
    assert RUNNER.invoke(app, [*arguments, "--replace"]).exit_code == 0


def test_faults_of_both_vintages_come_together(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.csv", [("E1", "2015/16", "waste", 1.0)])
    done = RUNNER.invoke(app, ["revisions", str(bad), str(tmp_path / "gone.csv")])
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 2
    for name in ("a.csv", "b.csv"):
        write(tmp_path / "two" / name, OLD)
    done = RUNNER.invoke(app, ["revisions", str(tmp_path / "two"), str(tmp_path / "two")])
    assert done.exit_code == 2
    assert "more than one table" in done.stderr
