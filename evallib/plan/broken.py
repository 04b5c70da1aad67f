"""What a rule between values of a plan reports when it is broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from evallib.plan.reading import Loc

Known: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that the plan breaks: where, what, why and the remedy."""

    loc: Loc
    what: str
    why: str
    remedy: str
