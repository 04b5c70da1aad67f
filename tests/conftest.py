"""What every test shares: which begin first, how much of the long cases runs, hypothesis' settings.

With ``EVALLIB_FULL=1`` (``make test-full``) every long case runs; otherwise a fifth of them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

IS_FULL = os.environ.get("EVALLIB_FULL") == "1"
SHARE = 5

settings.register_profile("fifth", max_examples=20, derandomize=True, deadline=None)
settings.register_profile("full", max_examples=100, derandomize=True, deadline=None)
settings.load_profile("full" if IS_FULL else "fifth")


def take_share(cases: Sequence[Any], is_full: bool = IS_FULL) -> list[Any]:
    """Return every case of a full run, otherwise the first and every fifth after it."""
    return list(cases) if is_full else list(cases)[::SHARE]


@pytest.fixture(scope="session")
def share_of_long_cases() -> Callable[[Sequence[Any]], list[Any]]:
    """Return the function that keeps the cases this run goes through."""
    return take_share


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what is marked ``whole``; keep a share of the cases of what is marked ``long``."""
    # Begun last, a run of minutes would leave the other worker without work.
    items.sort(key=lambda item: item.get_closest_marker("whole") is None)
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("long"):
            cases[item.nodeid.split("[")[0]].append(item)
    kept = {id(item) for group in cases.values() for item in take_share(group)}
    left_out = [item for group in cases.values() for item in group if id(item) not in kept]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = {id(item) for item in left_out}
        items[:] = [item for item in items if id(item) not in dropped]
