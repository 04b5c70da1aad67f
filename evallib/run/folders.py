"""Folders of runs: written beside their place, exchanged when whole, mended after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evallib.plan.places import project_root

BY_HAND = "by-hand"
MANIFEST = "manifest.json"
_NEW, _OLD, _LOCK = ".new", ".old", ".lock"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run lies, and where it is written.

    Parameters
    ----------
    evaluation : pathlib.Path
        The folder of the evaluation.
    run_id : str
        The run's identifier, which is the name of its folder.
    """

    evaluation: Path
    run_id: str

    @property
    def final(self) -> Path:
        """The run's folder once it is whole."""
        return self.evaluation / self.run_id

    @property
    def new(self) -> Path:
        """The folder that a run is written in; its name begins with a dot."""
        return self.evaluation / f".{self.run_id}{_NEW}"

    @property
    def old(self) -> Path:
        """Where the former run is moved aside to for the moment of the exchange."""
        return self.evaluation / f".{self.run_id}{_OLD}"

    @property
    def lock(self) -> Path:
        """The file that one process at a time holds."""
        return self.evaluation / f".{self.run_id}{_LOCK}"


def outputs_folder(out: Path | str | None = None) -> Path:
    """Return the folder of all outputs: the one given, or the project's.

    Parameters
    ----------
    out : path, optional
        A folder; relative to the working folder.

    Returns
    -------
    pathlib.Path
        An absolute path, which may not exist yet.
    """
    return Path(out).absolute() if out else project_root() / "outputs"


@contextlib.contextmanager
def hold(place: Place, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a run's place, so that no other process writes the same run.

    Parameters
    ----------
    place : Place
        The run; its evaluation's folder is made where it is missing.
    on_wait : callable, optional
        Told, in a sentence, when another process holds the place and this one waits.

    Yields
    ------
    None
        The place is mended: it holds one whole run, or none.
    """
    place.evaluation.mkdir(parents=True, exist_ok=True)
    handle = _take(place.lock, wait=False)
    if handle is None:
        if on_wait is not None:
            on_wait(f"waiting: {_holder(place.lock)} writes the run {place.run_id}")
        handle = _take(place.lock, wait=True)
    if handle is None:  # cannot be: waiting ends with the lock
        raise RuntimeError(f"could not lock {place.lock.name}")
    try:
        _mend(place)
        yield
    finally:
        _leave(place, handle)


def exchange(place: Place) -> None:
    """Put the new run in place of the old one; the caller holds the place.

    Parameters
    ----------
    place : Place
        The run; its `new` folder is whole.
    """
    if place.final.exists():
        os.rename(place.final, place.old)
    os.rename(place.new, place.final)
    if place.old.exists():
        shutil.rmtree(place.old)


def mend_all(out: Path) -> None:
    """Bring every evaluation's folder back to whole runs after a kill.

    Parameters
    ----------
    out : pathlib.Path
        The folder of all outputs. Runs that another process is writing are left alone, and so
        are folders that cannot be written.
    """
    if not out.is_dir():
        return
    for evaluation in sorted(out.iterdir()):
        if evaluation.name.startswith(".") or not evaluation.is_dir():
            continue
        for run_id in sorted(_left_over(evaluation)):
            place = Place(evaluation, run_id)
            with contextlib.suppress(OSError):
                handle = _take(place.lock, wait=False)
                if handle is None:
                    continue
                _mend_and_leave(place, handle)


def list_runs(out: Path) -> list[Place]:
    """Return every whole run, by evaluation and then newest first.

    Parameters
    ----------
    out : pathlib.Path
        The folder of all outputs.

    Returns
    -------
    list of Place
        Folders with a manifest; what notebooks saved by hand is not a run.
    """
    found = [path.parent for path in out.glob(f"*/*/{MANIFEST}")]
    whole = [path for path in found if not path.name.startswith(".") and path.name != BY_HAND]
    newest = sorted(whole, key=lambda path: (path / MANIFEST).stat().st_mtime_ns, reverse=True)
    return [
        Place(path.parent, path.name) for path in sorted(newest, key=lambda path: path.parent.name)
    ]


def newest_run(out: Path, evaluation: str) -> Place | None:
    """Return the newest whole run of an evaluation, or None."""
    return next((run for run in list_runs(out) if run.evaluation.name == evaluation), None)


def _mend(place: Place) -> None:
    if place.old.exists():
        if place.final.exists():
            shutil.rmtree(place.old)
        else:
            os.rename(place.old, place.final)
    if place.new.exists():
        shutil.rmtree(place.new)


def _mend_and_leave(place: Place, handle: int) -> None:
    try:
        _mend(place)
    finally:
        _leave(place, handle)


def _leave(place: Place, handle: int) -> None:
    place.lock.unlink(missing_ok=True)
    os.close(handle)
    with contextlib.suppress(OSError):
        place.evaluation.rmdir()  # only where nothing came of it


def _left_over(evaluation: Path) -> set[str]:
    return {
        path.name[1 : -len(suffix)]
        for suffix in (_NEW, _OLD, _LOCK)
        for path in evaluation.glob(f".*{suffix}")
    }


def _take(lock: Path, *, wait: bool) -> int | None:
    """Return an open, locked file, or None when another process has it and `wait` is false."""
    while True:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # its holder removed the empty folder meanwhile
            lock.parent.mkdir(parents=True, exist_ok=True)
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        if _is_same_file(handle, lock):
            os.truncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
            return handle
        os.close(handle)  # its holder removed it meanwhile: lock the new one


def _is_same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _holder(lock: Path) -> str:
    try:
        return f"process {int(lock.read_text(encoding='ascii'))}"
    except (OSError, ValueError):
        return "another process"
