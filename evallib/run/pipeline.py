"""One evaluation from its plan to its report."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from evallib.errors import EvallibError, Fault
from evallib.plan import Plan, project_root, shown_path
from evallib.plan.files import moved_to
from evallib.report.page import render_notebook_page, render_report
from evallib.run.check import Checked, load_and_check
from evallib.run.collect import export_charts, write_tables
from evallib.run.execute import NotebookJob, NotebookStatus, Workers, summarises
from evallib.run.folders import Place, exchange, hold, mend_all, outputs_folder
from evallib.run.key import RunKey, run_key
from evallib.run.manifest import (
    RunManifest,
    find_revision,
    find_versions,
    hash_outputs,
    key_as_dict,
    lock_as_dict,
    statuses_as_dicts,
)
from evallib.run.notebooks import read_title
from evallib.run.processed import processed_folder, write_processed
from evallib.run.results import RESULTS, read_results

LIMIT = 600.0
_PACKAGE = Path(__file__).parents[1]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that is in its place.

    Parameters
    ----------
    run_id : str
        Its identifier.
    folder, report : pathlib.Path
        Where it lies.
    notebooks : tuple of NotebookStatus
        How each notebook ended.
    """

    run_id: str
    folder: Path
    report: Path
    notebooks: tuple[NotebookStatus, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every notebook ended well."""
        return all(one.status == "ok" for one in self.notebooks)


def run_file(
    path_or_name: str | Path,
    overrides: Sequence[str] = (),
    *,
    data: Path | str | None = None,
    out: Path | str | None = None,
    say: Say = print,
) -> Finished:
    """Load a plan, check it and run it; kernels start while the data are checked.

    Parameters
    ----------
    path_or_name : str or pathlib.Path
        The plan.
    overrides : sequence of str
        ``key=value`` texts.
    data, out, say : optional
        As for `run_plan`.

    Returns
    -------
    Finished
        Where the run lies and how its notebooks ended.

    Raises
    ------
    EvallibError
        When something stands in the way: then nothing was written.
    """
    with Workers() as workers:

        def start_early(plan: Plan) -> None:
            workers.warm(name for name in plan.notebooks if not summarises(name))

        checked = load_and_check(path_or_name, overrides, data, on_load=start_early)
        return run_plan(checked, data=data, out=out, say=say, workers=workers)


def run_plan(
    checked: Checked,
    *,
    data: Path | str | None = None,
    out: Path | str | None = None,
    say: Say = print,
    limit: float = LIMIT,
    workers: Workers | None = None,
) -> Finished:
    """Execute the notebooks of a plan that was checked, and write its report.

    Parameters
    ----------
    checked : Checked
        The plan, held against its data.
    data : path, optional
        The folder of tables that it was held against; the project's by default.
    out : path, optional
        The folder of all outputs; the project's by default.
    say : callable
        Told a line a notebook.
    limit : float
        Seconds that one notebook may take.
    workers : Workers, optional
        Processes that were started early.

    Returns
    -------
    Finished
        Where the run lies and how its notebooks ended.

    Raises
    ------
    EvallibError
        When something stands in the way: then nothing was written.
    """
    if workers is None:
        with Workers() as started:
            return run_plan(checked, data=data, out=out, say=say, limit=limit, workers=started)
    outputs, name = outputs_folder(out), checked.plan.name
    key = run_key(checked.plan, checked.inputs, checked.notebooks, _PACKAGE)
    place = Place(outputs / name, key.run_id)
    _require_writable(place)
    mend_all(outputs)
    say(f"{name}: run {key.run_id}, {len(checked.notebooks)} notebooks")
    if checked.lock is not None:
        say(f"locked on {checked.lock.locked}: {len(checked.deviations)} deviations since")
    with hold(place, on_wait=say):
        try:
            run = _Writing(checked, key, place, data, say)
            run.write_processed()
            statuses = run.execute(workers, limit)
            run.finish(statuses)
            exchange(place)
        except BaseException:
            shutil.rmtree(place.new, ignore_errors=True)
            raise
    return Finished(key.run_id, place.final, place.final / "report.html", tuple(statuses))


def _require_writable(place: Place) -> None:
    try:
        place.evaluation.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"the folder cannot be made ({error.strerror})"
        where = shown_path(place.evaluation)
        raise EvallibError([Fault(where, what, "", "Name another folder with --out")]) from None
    if not os.access(place.evaluation, os.W_OK):
        where = shown_path(place.evaluation)
        what = "the folder cannot be written"
        raise EvallibError([Fault(where, what, "", "Name another folder with --out")])


class _Writing:
    """A run while it is written in its dotted folder."""

    def __init__(
        self,
        checked: Checked,
        key: RunKey,
        place: Place,
        data: Path | str | None,
        say: Say,
    ) -> None:
        self.plan, self.checked, self.key = checked.plan, checked, key
        self.place, self.folder, self.data, self.say = place, place.new, data, say
        self.began, self.created = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        self.titles = {path.stem: read_title(path) for path in checked.notebooks}
        self.pages: dict[str, dict[str, Any]] = {}
        self.timings: dict[str, float] = {"check": checked.seconds}
        self.plan_file = self.folder / RESULTS / f"{self.plan.name}.yml"
        self.plan_file.parent.mkdir(parents=True)
        values = moved_to(self.plan.effective(), self.plan.path, self.plan_file.parent)
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        self.plan_file.write_text(text, encoding="utf-8")
        if checked.lock is not None:  # so that notebooks know it too
            shutil.copy(checked.lock.path, self.plan_file.with_suffix(".lock.yml"))

    def seconds(self) -> float:
        """Return the seconds since the run began."""
        return round(time.monotonic() - self.began, 2)

    def write_processed(self) -> None:
        """Write the tables that were built while checking to ``data/processed``."""
        if self.checked.panel is not None and self.checked.exposure is not None:
            panel, exposure = self.checked.panel, self.checked.exposure
            write_processed(self.plan, panel, exposure, processed_folder())

    def execute(self, workers: Workers, limit: float) -> list[NotebookStatus]:
        """Execute the notebooks, and make the page of each as it ends."""
        here = self.folder / "notebooks"
        parameters = {
            "plan_path": os.path.relpath(self.plan_file, here),
            "data_folder": os.path.relpath(Path(self.data).absolute(), here) if self.data else "",
            "run_folder": os.path.relpath(self.folder, here),
        }
        jobs = [
            NotebookJob(path, here / path.name, parameters, limit)
            for path in self.checked.notebooks
        ]
        ended = workers.execute(jobs, on_end=self._take)
        self.timings["notebooks"] = self.seconds()
        return [replace(one, **self._own_word(one)) for one in ended]

    def _own_word(self, status: NotebookStatus) -> dict[str, Any]:
        page = self.pages[status.name]
        return {"status": page["status"], "message": page["message"]}

    def _take(self, status: NotebookStatus) -> None:
        """Say how a notebook ended and write its page."""
        page = self._page(status)
        self.pages[status.name] = page
        shown = replace(status, status=page["status"], message=page["message"])
        self.say(f"  {shown}")

    def _page(self, status: NotebookStatus) -> dict[str, Any]:
        executed = self.folder / "notebooks" / f"{status.name}.ipynb"
        html = executed.with_suffix(".html")
        page: dict[str, Any] = {
            "name": status.name,
            "title": self.titles[status.name],
            "status": status.status,
            "html": None,
            "seconds": status.seconds,
            "message": status.message,
        }
        if not executed.is_file():
            return page
        context = {
            "evaluation": self.plan.title,
            "run_id": self.key.run_id,
            "created": self.created,
            "attributions": self._attributions(),
            "status": status.status,
            "message": status.message,
        }
        try:
            render_notebook_page(executed, html, title=page["title"], context=context)
            export_charts(self.folder, executed)
        except EvallibError as error:
            reason = f"its page could not be made: {error.faults[0]}"
            message = "; ".join(text for text in (status.message, reason) if text)
            ending = "failed" if status.status == "ok" else status.status
            return page | {"status": ending, "message": message}
        return page | {"html": html}

    def _attributions(self) -> tuple[str, ...]:
        said = (str(one.get("attribution") or "").strip() for one in self.checked.inputs)
        return tuple(dict.fromkeys(text for text in said if text))

    def finish(self, statuses: list[NotebookStatus]) -> None:
        """Write tables, report, log and manifest."""
        results = read_results(self.folder, "this run")
        write_tables(self.folder, results)
        (self.folder / "tables").mkdir(exist_ok=True)
        (self.folder / "figures").mkdir(exist_ok=True)
        self._write_log(statuses)
        manifest = RunManifest(
            evaluation=self.plan.name,
            run_id=self.key.run_id,
            title=self.plan.title,
            created=self.created,
            seconds=self.seconds(),
            plan=self.plan.effective(),
            differences=self.plan.differences(),
            key=key_as_dict(self.key),
            inputs=self.checked.inputs,
            notes=self.checked.notes,
            versions=find_versions(),
            **find_revision(project_root()),
            seeds={"plan": self.plan.seed},
            timings=self.timings,
            notebooks=statuses_as_dicts(statuses),
            lock=lock_as_dict(
                self.checked.lock, self.plan, self.checked.deviations, self.checked.panel
            ),
        )
        manifest.write(self.folder)
        pages = [self.pages[name] for name in self.titles]
        told = manifest.as_dict() | {"seed": self.plan.seed}
        render_report(self.folder, plan=self.plan, manifest=told, pages=pages, results=results)
        self.timings["report"] = round(self.seconds() - manifest.seconds, 2)
        outputs = hash_outputs(self.folder)
        replace(manifest, outputs=outputs, seconds=self.seconds()).write(self.folder)

    def _write_log(self, statuses: list[NotebookStatus]) -> None:
        lines = [f"{self.created} {self.plan.name}, run {self.key.run_id}"]
        lines += [f"note: {note}" for note in self.checked.notes]
        for status in statuses:
            lines += ["", str(status), *status.log.rstrip().splitlines()]
        text = "\n".join(lines) + "\n"
        (self.folder / "run.log").write_text(text, encoding="utf-8")
