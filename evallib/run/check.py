"""Hold a plan against its tables and notebooks before anything is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evallib.errors import EvallibError, Fault
from evallib.plan import Plan, load_plan, project_root
from evallib.plan.deviations import Deviation, find_deviations
from evallib.plan.lock import Lock, read_lock
from evallib.run.notebooks import find_notebooks

if TYPE_CHECKING:
    from evallib.exposure import Exposure
    from evallib.panel import Panel


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan that was held against its data: nothing stands in the way of a run.

    Parameters
    ----------
    plan : Plan
        The plan.
    notebooks : tuple of pathlib.Path
        Its source notebooks.
    inputs : tuple of mapping
        The raw tables: file, sha256, rows, publisher, licence and more.
    notes : tuple of str
        Facts about the tables that a report repeats.
    seconds : float
        How long checking took.
    panel, exposure : optional
        What was built on the way, for ``data/processed``.
    lock : Lock, optional
        The plan as it was locked, where it was.
    sample_words : tuple of str
        What becomes of the register's events and of reorganised councils, in sentences.
    """

    plan: Plan
    notebooks: tuple[Path, ...]
    inputs: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    panel: Panel | None = None
    exposure: Exposure | None = None
    lock: Lock | None = None
    sample_words: tuple[str, ...] = ()

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Every difference from the lock; empty without one."""
        if self.lock is None:
            return ()
        return find_deviations(self.lock, self.plan, self.inputs)


def load_and_check(
    path_or_name: str | Path,
    overrides: Sequence[str] = (),
    data: Path | str | None = None,
    on_load: Callable[[Plan], None] | None = None,
) -> Checked:
    """Load a plan and hold it against the tables; faults of form and of data come together.

    Parameters
    ----------
    path_or_name : str or pathlib.Path
        The plan.
    overrides : sequence of str
        ``key=value`` texts.
    data : path, optional
        A folder of the shape of ``data/raw``; the project's by default.
    on_load : callable, optional
        Told of the plan once its form is right, before the tables are read.

    Returns
    -------
    Checked
        What a run needs to know.

    Raises
    ------
    EvallibError
        With every fault that could be found.
    """
    try:
        plan = load_plan(path_or_name, overrides)
    except EvallibError as error:
        raise EvallibError([*error.faults, *_table_faults(data)]) from None
    if on_load is not None:
        on_load(plan)
    return check_plan(plan, data)


def _table_faults(data: Path | str | None) -> tuple[Fault, ...]:
    from evallib.panel import open_store

    try:
        open_store(data)
    except EvallibError as error:
        return error.faults
    return ()


def check_plan(plan: Plan, data: Path | str | None = None) -> Checked:
    """Hold a plan against the tables and the notebooks, before anything is written.

    Parameters
    ----------
    plan : Plan
        A plan whose form is right.
    data : path, optional
        A folder of the shape of ``data/raw``; the project's by default.

    Returns
    -------
    Checked
        What a run needs to know.

    Raises
    ------
    EvallibError
        With every fault of tables, plan, its lock, designs and notebooks.
    """
    from evallib.design import build_designs
    from evallib.exposure import build_exposure
    from evallib.panel import build_panel
    from evallib.run.sample_words import sample_words

    began = time.monotonic()
    notebooks, faults = find_notebooks(plan, project_root() / "notebooks")
    lock: Lock | None = None
    try:
        lock = read_lock(plan)
    except EvallibError as error:
        faults += error.faults
    try:
        panel = build_panel(plan, data)
        exposure = build_exposure(plan, panel)
        designs = build_designs(plan, panel, exposure)
    except EvallibError as error:
        raise EvallibError([*error.faults, *faults]) from None
    if faults:
        raise EvallibError(faults)
    seconds = round(time.monotonic() - began, 2)
    store = panel.store
    checked = (plan, tuple(notebooks), store.inputs, store.notes, seconds, panel, exposure)
    return Checked(*checked, lock, tuple(sample_words(plan, panel, exposure, designs)))
