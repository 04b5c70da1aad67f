"""Folders of runs: whole after a kill at any point, one writer at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evallib.run import folders
from evallib.run.folders import Place, exchange, hold, list_runs, mend_all, newest_run


class Killed(BaseException):
    """Stands for a kill: nothing of the program runs after it."""


def fill(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    (folder / "tables").mkdir()
    (folder / "tables" / "a.csv").write_text(text, encoding="utf-8")


def place_with(tmp_path: Path, old: bool = True) -> Place:
    place = Place(tmp_path / "outputs" / "peer", "default-12345678")
    if old:
        fill(place.final, "old")
    fill(place.new, "new")
    return place


def content(place: Place) -> str:
    words = {path.read_text(encoding="utf-8") for path in place.final.rglob("*") if path.is_file()}
    assert len(words) == 1, "a run is whole"
    return words.pop()


def test_the_new_run_takes_the_old_one_s_place(tmp_path: Path) -> None:
    place = place_with(tmp_path)
    exchange(place)
    assert content(place) == "new"
    assert sorted(path.name for path in place.evaluation.iterdir()) == [place.run_id]


@pytest.mark.parametrize("before_step", [0, 1, 2])
@pytest.mark.parametrize("during", [False, True])
def test_after_a_kill_at_any_step_one_whole_run_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_step: int, during: bool
) -> None:
    place = place_with(tmp_path)
    steps = 0

    def killing(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > before_step:
                if during and real is shutil.rmtree:
                    (Path(args[0]) / "manifest.json").unlink()  # half of it is gone already
                raise Killed
            return real(*args, **options)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(folders.os, "rename", killing(os.rename))
        patch.setattr(folders.shutil, "rmtree", killing(shutil.rmtree))
        with pytest.raises(Killed):
            exchange(place)
    mend_all(tmp_path / "outputs")
    assert content(place) == ("new" if before_step == 2 else "old")
    assert sorted(path.name for path in place.evaluation.iterdir()) == [place.run_id]


def test_a_first_run_that_was_killed_leaves_nothing(tmp_path: Path) -> None:
    place = place_with(tmp_path, old=False)
    mend_all(tmp_path / "outputs")
    assert list_runs(tmp_path / "outputs") == []
    assert not place.new.exists()


def test_a_real_kill_while_the_place_is_held(tmp_path: Path) -> None:
    place = place_with(tmp_path)
    program = (
        "import os, sys; from pathlib import Path; from evallib.run import folders as f\n"
        f"p = f.Place(Path({str(place.evaluation)!r}), {place.run_id!r})\n"
        "with f.hold(p):\n"
        "    p.new.mkdir(); os.rename(p.final, p.old); os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert not place.final.exists()
    with hold(place):
        assert content(place) == "old"
        assert not place.new.exists()


def test_mending_leaves_a_run_that_is_being_written_alone(tmp_path: Path) -> None:
    place = place_with(tmp_path)
    with hold(place):
        fill(place.new, "being written")
        mend_all(tmp_path / "outputs")
        assert place.new.exists()


def test_the_second_run_of_the_same_id_says_so_and_waits(tmp_path: Path) -> None:
    place = Place(tmp_path / "outputs" / "peer", "default-12345678")
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with hold(place, on_wait=said.append):
            order.append("second")

    with hold(place):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 5
        while not said and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert said == [f"waiting: process {os.getpid()} writes the run {place.run_id}"]
    assert not place.evaluation.exists()  # nothing came of it


def test_runs_are_listed_newest_first_and_by_hand_is_none(tmp_path: Path) -> None:
    out = tmp_path / "outputs"
    for number, name in enumerate(["a-1", "b-2", "by-hand", ".c-3.new"]):
        fill(out / "peer" / name, name)
        os.utime(out / "peer" / name / "manifest.json", ns=(number, number))
    assert [run.run_id for run in list_runs(out)] == ["b-2", "a-1"]
    newest = newest_run(out, "peer")
    assert newest is not None
    assert newest.run_id == "b-2"
    assert newest_run(out, "other") is None
